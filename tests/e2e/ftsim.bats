# The simulator itself: order and paging, the shapes of real servers, faults, time, control.

bats_require_minimum_version 1.5.0
load helpers

JOBS=/openai/fine_tuning/jobs

setup() {
        [[ -x $FTSIM ]]
}

teardown() {
        stop_all
}

# Three jobs, of which one has succeeded; all of it in the past.
small() {
        cat <<CONF
stamp_base = 1700000000;
${1:-}
jobs = (
  { id = "ftjob-a"; training = { steps = 50; every = 10; validation = true; };
    timeline = ( { at = -9000.0; status = "pending"; }, { at = -8000.0; status = "running"; },
                 { at = -5000.0; status = "succeeded"; } ); },
  { id = "ftjob-b"; timeline = ( { at = -4000.0; status = "running"; } ); },
  { id = "ftjob-c"; timeline = ( { at = -3000.0; status = "pending"; } ); }
);
CONF
}

ids() {
        jq -r '[.data[].id] | join(" ")'
}

# Walks a list to its end with pages of LIMIT; prints FILTER of every row.
walk() {
        local path=$1 limit=$2 filter=$3 after='' page n
        for n in {1..200}; do
                page=$(api "$path?limit=$limit${after:+&after=$after}")
                jq -r ".data[] | $filter" <<<"$page"
                [[ $(jq .has_more <<<"$page") = true ]] || return 0
                after=$(jq -r '.data[-1].id' <<<"$page")
        done
        echo "no end after $n pages"
        return 1
}

@test "ftsim: jobs are newest first, after goes on to older ones" {
        start_ftsim - < <(small)
        assert_equal "$(api $JOBS | ids)" "ftjob-c ftjob-b ftjob-a"
        assert_equal "$(api "$JOBS?limit=2" | jq -c '[[.data[].id], .has_more, .object]')" \
                '[["ftjob-c","ftjob-b"],true,"list"]'
        assert_equal "$(api "$JOBS?limit=2&after=ftjob-b" | jq -c '[[.data[].id], .has_more]')" \
                '[["ftjob-a"],false]'
        assert_equal "$(api "$JOBS?after=ftjob-a" | jq -c '[.data, .has_more]')" '[[],false]'
}

@test "ftsim: an unknown after and a bad limit are typed errors" {
        start_ftsim - < <(small)
        assert_equal "$(api_status "$JOBS?after=ftjob-nobody")" 404
        assert_equal "$(api "$JOBS?after=ftjob-nobody" | jq -r .error.code)" notFound
        assert_equal "$(api "$JOBS/ftjob-nobody" | jq -r .error.code)" notFound
        assert_equal "$(api "$JOBS/ftjob-a/events?after=ftevent-nobody" | jq -r .error.code)" notFound
        assert_equal "$(api "$JOBS?limit=0" | jq -r .error.code)" invalidPayload
        assert_equal "$(api "$JOBS?limit=1x" | jq -r .error.code)" invalidPayload
}

@test "ftsim: walking a history of 5,003 jobs gives each once, newest first" {
        start_ftsim history
        walk $JOBS 100 '"\(.created_at) \(.id)"' >"$T/walked"
        assert_equal "$(wc -l <"$T/walked")" 5003
        assert_equal "$(cut -d ' ' -f 2 "$T/walked" | sort -u | wc -l)" 5003
        sort -rn -c -k 1,1 "$T/walked"
        assert_equal "$(walk $JOBS 100 .status | sort | uniq -c | awk '$2 == "running" { print $1 }')" 3
        assert_equal "$(api $JOBS | jq '.data | length')" 20
}

@test "ftsim: switches of the walk: oldest first, ignore_after, no event ids, max_limit" {
        start_ftsim - < <(small 'order = "oldest"; max_limit = 2;')
        assert_equal "$(api "$JOBS?limit=50" | ids)" "ftjob-a ftjob-b"
        assert_equal "$(api "$JOBS?limit=50&after=ftjob-b" | ids)" "ftjob-c"
        start_ftsim - < <(small 'ignore_after = true;')
        assert_equal "$(api "$JOBS?limit=1&after=ftjob-b" | jq -c '[[.data[].id], .has_more]')" \
                '[["ftjob-c"],true]'
        start_ftsim - < <(small 'event_ids = false; max_limit = 2; max_limit_refuses = true;')
        assert_equal "$(api "$JOBS/ftjob-a/events?limit=2" | jq -c '[.data[] | has("id")]')" '[false,false]'
        assert_equal "$(api_status "$JOBS/ftjob-a/events?limit=3")" 400
}

@test "ftsim: events as Azure sends them" {
        start_ftsim azure-run
        sim POST '/_sim/advance?seconds=60'
        walk "$JOBS/ftjob-372c72db22c34e6f9ccb62c26ee0fbd9/events" 100 tojson >"$T/events"
        assert_equal "$(jq -s 'map(select(.type == "metrics")) | length' "$T/events")" 800
        # newest first by created_at; one made-up second a step, with ids of ticks
        jq -es 'map(.created_at) as $t | $t == ($t | sort | reverse)' "$T/events"
        jq -es '[.[] | select(.type == "metrics") | .created_at - .data.step] | unique | length == 1' \
                "$T/events"
        local row stamp ticks
        row=$(jq -c 'select(.message | startswith("Step 100:"))' "$T/events")
        stamp=$(jq .created_at <<<"$row")
        ticks=$(((stamp + 62135596800) * 10000000))
        assert_equal "$(jq -r .id <<<"$row")" "$(printf 'ftevent-%016x%016x' $((ticks >> 4)) $ticks)"
        # "Job succeeded." before the end, billing after it
        local finished
        finished=$(api "$JOBS/ftjob-372c72db22c34e6f9ccb62c26ee0fbd9" | jq .finished_at)
        jq -es --argjson finished "$finished" \
                'any(.[]; .message == "Job succeeded." and .created_at == $finished - 34) and
                any(.[]; .message == "Training tokens billed: 8000" and .created_at == $finished + 9)
                ' "$T/events"
}

@test "ftsim: Job succeeded. comes first, then the status, then the billing lines" {
        start_ftsim - < <(echo 'time_scale = 1000.0; jobs = ( { id = "ftjob-x"; lead = 2.0; tail = 2.0;
                training = { steps = 10; }; timeline = ( { at = 0.0; status = "running"; },
                                                         { at = 10.0; status = "succeeded"; } ); } );')
        look() {
                api "$JOBS/ftjob-x" | jq -r \
                        '[.status, .finished_at != null, .result_files != null] | join(" ")'
                api "$JOBS/ftjob-x/events" | jq -r .data[0].message
        }
        sim POST '/_sim/advance?seconds=8100'
        assert_equal "$(look)" $'running false true\nJob succeeded.'
        file=$(api "$JOBS/ftjob-x" | jq -r '.result_files[0]')
        assert_equal "$(api_status "/openai/files/$file/content")" 404
        sim POST '/_sim/advance?seconds=2000'
        assert_equal "$(look)" $'succeeded true true\nModel Evaluation Passed.'
        sim POST '/_sim/advance?seconds=2000'
        assert_equal "$(look)" $'succeeded true true\nTraining hours billed: 0.500'
        columns=step,train_loss,train_mean_token_accuracy,valid_loss,valid_mean_token_accuracy
        columns+=,full_valid_loss,full_valid_mean_token_accuracy
        assert_equal "$(api "/openai/files/$file/content" | head -n 1)" "$columns"
}

@test "ftsim: what is not there is null, absent or empty" {
        start_ftsim - < <(small)
        assert_equal "$(api $JOBS/ftjob-c | jq -c '[has("error"), .error, .result_files, .finished_at]')" \
                '[true,null,null,null]'
        start_ftsim - < <(small 'nulls = "absent";')
        assert_equal "$(api $JOBS/ftjob-c |
                jq -c '[has("error"), has("result_files"), has("finished_at")]')" \
                '[false,false,false]'
        start_ftsim - < <(small 'nulls = "empty";')
        assert_equal "$(api $JOBS/ftjob-c | jq -c '[.error, .result_files, .finished_at]')" '[{},[],null]'
        assert_equal "$(api $JOBS/ftjob-c/events | jq -c '.data[0].data')" '{}'
}

@test "ftsim: the result file is plain, base64, with -1 for missing values" {
        start_ftsim - < <(small)
        file=$(api $JOBS/ftjob-a | jq -r '.result_files[0]')
        api "/openai/files/$file/content" >"$T/plain"
        grep -qE '^1,[0-9.]+,[0-9.]+,[0-9.]+,[0-9.]+,,$' "$T/plain"
        assert_equal "$(cut -d , -f 1 "$T/plain" | tail -n +2 | xargs)" "1 10 20 30 40 50"
        start_ftsim - < <(small 'encoding = "base64";')
        api "/openai/files/$file/content" | base64 -d | cmp - "$T/plain"
        start_ftsim - < <(small 'missing = "minus-one";')
        api "/openai/files/$file/content" | grep -qE '^1,[0-9.]+,[0-9.]+,[0-9.]+,[0-9.]+,-1,-1$'
}

@test "ftsim: the shape of the specification: oldest first, its properties only, no paging of jobs" {
        start_ftsim - --shape specification < <(small)
        assert_equal "$(api "$JOBS?limit=1" | jq -c 'keys, .has_more')" $'["data","has_more"]\nfalse'
        assert_equal "$(api "$JOBS?limit=1" | jq -c '.data[] | [.id, .status, .model, .created_at]')" \
                '["ftjob-a","succeeded","gpt-4.1-mini-2025-04-14",1699991000]
["ftjob-b","running","gpt-4.1-mini-2025-04-14",1699996000]
["ftjob-c","pending","gpt-4.1-mini-2025-04-14",1699997000]'
        assert_equal "$(api $JOBS | jq -c '.data | map(keys) | unique')" \
                '[["created_at","id","model","status"]]'
        assert_equal "$(api $JOBS/ftjob-a/events | jq -c '.data[1]')" \
                '{"created_at":1699992000,"level":"info","message":"Job started."}'
        assert_equal "$(api $JOBS/ftjob-a | jq -c '[.training_files, .result_files | length]')" '[1,1]'
        assert_equal "$(api_status $JOBS/ftjob-a/checkpoints)" 404
}

@test "ftsim: credentials and routing" {
        start_ftsim - < <(small 'token = "jwt"; api_versions = [ "2024-10-21" ];')
        assert_equal "$(FTSIM_KEY=wrong api_status $JOBS)" 401
        assert_equal "$(FTSIM_KEY=wrong api $JOBS | jq -r .error.code)" 401
        assert_equal "$(FTSIM_KEY='' api $JOBS -H 'Authorization: Bearer no' |
                jq -c '[.statusCode, has("error")]')" \
                '[401,false]'
        assert_equal "$(FTSIM_KEY='' api_status $JOBS -H 'Authorization: Bearer jwt')" 200
        key=(-sS -o /dev/null -w '%{http_code}' -H "api-key: $FTSIM_KEY")
        assert_equal "$(curl "${key[@]}" "$FTSIM_URL$JOBS")" 404
        assert_equal "$(curl "${key[@]}" "$FTSIM_URL$JOBS?api-version=2020-01-01")" 404
        assert_equal "$(api /openai//fine_tuning/jobs | jq -r .error.code)" 404
        assert_equal "$(api_status $JOBS -X POST)" 405
        assert_equal "$(curl "${key[@]}" "$FTSIM_URL/openai/v1/fine_tuning/jobs")" 200
        foundry=$FTSIM_URL/api/projects/p/fine_tuning/jobs
        assert_equal "$(curl "${key[@]}" "$foundry?api-version=2024-10-21")" 200
        assert_equal "$(curl "${key[@]}" "$FTSIM_URL/v1/fine_tuning/jobs")" 401
        assert_equal "$(curl "${key[@]}" -H "Authorization: Bearer $FTSIM_KEY" \
                "$FTSIM_URL/v1/fine_tuning/jobs")" 200
        sim POST /_sim/key/api-key -d other
        assert_equal "$(api_status $JOBS)" 401
        assert_equal "$(FTSIM_KEY=other api_status $JOBS)" 200
}

@test "ftsim: what was asked is kept, names of headers only" {
        start_ftsim - < <(small)
        api "$JOBS?limit=7" >/dev/null
        FTSIM_KEY=hidden-secret api $JOBS >/dev/null
        assert_equal "$(sim GET /_sim/requests |
                jq -c '[.[] | [.method, .path, .query, .credential, .status]]')" \
                "$(jq -nc '"api-version=2024-10-21" as $v | "/openai/fine_tuning/jobs" as $p |
                        [["GET", $p, "limit=7&" + $v, "right", 200], ["GET", $p, $v, "wrong", 401]]')"
        assert_equal "$(sim GET /_sim/requests | jq -c '.[0].headers | contains(["Host", "api-key"])')" true
        run ! grep -e hidden-secret -e "$FTSIM_KEY" <(sim GET /_sim/requests)
        assert_equal "$(sim GET /_sim/count | jq .requests)" 2
}

@test "ftsim: Date and created_at tell the same time" {
        start_ftsim - < <(small 'stamp_scale = 100.0;')
        api $JOBS -D "$T/head" -o /dev/null
        date=$(date -d "$(sed -n 's/^Date: //p' "$T/head" | tr -d '\r')" +%s)
        ((date >= 1700000000 && date < 1700002000))
        sim POST '/_sim/advance?seconds=100'
        id=$(sim POST /_sim/job -d '{}' | jq -r .result)
        created=$(api "$JOBS/$id" -D "$T/head" | jq .created_at)
        date=$(date -d "$(sed -n 's/^Date: //p' "$T/head" | tr -d '\r')" +%s)
        ((created >= 1700010000 && date >= created && date < created + 1000))
        start_ftsim - < <(small 'date_header = false;')
        api $JOBS -D "$T/head" -o /dev/null
        run ! grep -i '^date:' "$T/head"
}

@test "ftsim: control: statuses, events, jobs come and go" {
        start_ftsim - < <(small)
        sim POST '/_sim/job/ftjob-b?status=failed&code=contentFilter&message=Not%20good&param=training_file'
        assert_equal "$(api $JOBS/ftjob-b | jq -c '[.status, .error, .finished_at]')" \
                '["failed",{"code":"contentFilter","message":"Not good","param":"training_file"},null]'
        assert_equal "$(api $JOBS/ftjob-b/events | jq -c '.data[0] | [.level, .message]')" \
                '["error","Not good"]'
        sim POST '/_sim/event/ftjob-c?message=Old%20news&level=warning&created_at=1600000000'
        assert_equal "$(api $JOBS/ftjob-c/events | jq -c '.data[-1] | [.message, .level, .created_at]')" \
                '["Old news","warning",1600000000]'
        sim POST /_sim/job -d '{"id":"ftjob-d","suffix":"s","timeline":[{"at":0,"status":"queued"},
                {"at":100,"status":"running"}]}'
        assert_equal "$(api $JOBS | ids)" "ftjob-d ftjob-c ftjob-b ftjob-a"
        sim POST '/_sim/advance?seconds=101'
        assert_equal "$(api $JOBS/ftjob-d | jq -r .status)" running
        sim DELETE /_sim/job/ftjob-d
        assert_equal "$(api_status $JOBS/ftjob-d)" 404
        assert_equal "$(api $JOBS | ids)" "ftjob-c ftjob-b ftjob-a"
        sim POST /_sim/reset
        assert_equal "$(api $JOBS/ftjob-b | jq -r .status)" running
        assert_equal "$(sim POST /_sim/job -d '{"sufix":"s"}' -o /dev/null -w '%{http_code}')" 400
}

fault() {
        sim DELETE /_sim/fault -o /dev/null
        assert_equal "$(sim POST /_sim/fault -d "$1" -o /dev/null -w '%{http_code}')" 201
}

@test "ftsim: faults of every kind" {
        start_ftsim - < <(small)
        fault '{"path":"*/jobs","status":429,"retry_after":"Wed, 21 Oct 2026 07:28:00 GMT",
                "retry_after_ms":1500,"header":["x-should-retry: false","x-other: 1"]}'
        api $JOBS -D "$T/head" >"$T/body"
        grep -q 'HTTP/1.1 429' "$T/head"
        grep -q '^Retry-After: Wed, 21 Oct 2026 07:28:00 GMT' "$T/head"
        grep -q '^retry-after-ms: 1500' "$T/head"
        grep -q '^x-should-retry: false' "$T/head"
        grep -q '^x-other: 1' "$T/head"
        assert_equal "$(jq -r .error.code "$T/body")" 429
        assert_equal "$(api_status $JOBS/ftjob-a)" 200
        fault '{"kind":"truncate"}'
        run api $JOBS
        [ "$status" -eq 18 ]
        fault '{"kind":"reset"}'
        run api $JOBS
        [ "$status" -eq 56 ]
        fault '{"kind":"garbage"}'
        run -0 --separate-stderr api $JOBS -o "$T/garbage"
        run ! jq . "$T/garbage"
        fault '{"kind":"html","status":502}'
        [[ $(api $JOBS) = *'<h1>502 Bad gateway'* ]]
        fault '{"kind":"null"}'
        assert_equal "$(api $JOBS)" null
        fault '{"kind":"huge","bytes":20000000}'
        [[ $(api $JOBS | wc -c) -gt 20000000 ]]
        fault '{"kind":"deep","bytes":5000}'
        [[ $(api $JOBS | tr -dc '[' | wc -c) -eq 5000 ]]
        fault '{"kind":"wrong-type"}'
        jq -e . <(api $JOBS/ftjob-a)
        fault '{"kind":"bad-utf8"}'
        api $JOBS/ftjob-a >"$T/bad"
        run ! iconv -f utf-8 -t utf-8 "$T/bad"
        fault '{"kind":"empty"}'
        assert_equal "$(api $JOBS | wc -c)" 0
        fault '{"kind":"redirect","status":307,"location":"http://127.0.0.1:1/"}'
        assert_equal "$(api $JOBS -o /dev/null -w '%{http_code} %{redirect_url}')" "307 http://127.0.0.1:1/"
        fault '{"kind":"slow","delay_ms":300}'
        assert_equal "$(api $JOBS | ids)" "ftjob-c ftjob-b ftjob-a"
        awk -v t="$(api $JOBS -o /dev/null -w '%{time_total}')" 'BEGIN { exit !(t >= 0.3) }'
        assert_equal "$(sim POST '/_sim/fault?kind=nonsense' -o /dev/null -w '%{http_code}')" 400
}

@test "ftsim: faults: times, skip, window, method, the same dice for the same seed" {
        start_ftsim - < <(small)
        statuses() {
                local n
                for n in $(seq "$1"); do
                        api_status $JOBS
                        echo
                done | xargs
        }
        fault '{"status":503,"times":2,"skip":1}'
        assert_equal "$(statuses 5)" "200 503 503 200 200"
        fault '{"status":503,"from":100,"to":200}'
        assert_equal "$(statuses 1)" 200
        sim POST '/_sim/advance?seconds=150'
        assert_equal "$(statuses 1)" 503
        sim POST '/_sim/advance?seconds=150'
        assert_equal "$(statuses 1)" 200
        fault '{"status":503,"method":"POST"}'
        assert_equal "$(statuses 1)" 200
        sim POST /_sim/reset
        fault '{"status":500,"probability":0.5}'
        first=$(statuses 20)
        [[ $first = *200* && $first = *500* ]]
        sim POST /_sim/reset
        fault '{"status":500,"probability":0.5}'
        assert_equal "$(statuses 20)" "$first"
}

@test "ftsim: the same seed gives the same world, another one another" {
        end_of_storm() {
                sim POST '/_sim/advance?seconds=30' >/dev/null
                api "$JOBS?limit=100" | jq -c '[.data[] | [.id, .status]]'
        }
        start_ftsim storm --seed 7
        one=$(end_of_storm)
        start_ftsim storm --seed 7
        two=$(end_of_storm)
        start_ftsim storm --seed 8
        three=$(end_of_storm)
        assert_equal "$(jq length <<<"$one")" 20
        assert_equal "$one" "$two"
        [[ $one != "$three" ]]
}

@test "ftsim: quiet stays the same to the byte" {
        start_ftsim quiet
        api "$JOBS?limit=100" >"$T/before"
        assert_equal "$(jq -c '[(.data | length), ([.data[] | select(.status == "running")] | length)]' \
                "$T/before")" '[100,3]'
        id=$(jq -r '.data[] | select(.status == "running") | .id' "$T/before" | tail -n 1)
        api "$JOBS/$id/events?limit=100" >"$T/events"
        assert_equal "$(jq '.data | length' "$T/events")" 20
        sim POST '/_sim/advance?seconds=86400'
        api "$JOBS?limit=100" | cmp - "$T/before"
        api "$JOBS/$id/events?limit=100" | cmp - "$T/events"
}

@test "ftsim: the demonstration: every job ends as told" {
        start_ftsim demo
        at() {
                sim POST "/_sim/advance?seconds=$1" >/dev/null
                api "$JOBS?limit=100" | jq -r '[.data[] | "\(.suffix)=\(.status)"] | sort | join(" ")'
        }
        assert_equal "$(at 0.1)" "$(xargs <<<'claims-grader=running contract-summaries=pending
                faq-bot-v1=succeeded support-triage=pending')"
        assert_equal "$(at 8.5)" "$(xargs <<<'claims-grader=paused contract-summaries=failed
                faq-bot-v1=succeeded intent-small=running support-triage=running')"
        assert_equal "$(at 15)" "$(xargs <<<'claims-grader=succeeded contract-summaries=failed
                faq-bot-v1=succeeded intent-small=cancelled smoke-test=succeeded support-triage=succeeded')"
}

@test "ftsim: a clock shared by file moves statuses, stamps and delays" {
        printf '\0\0\0\0\0\0\0\0' >"$T/clock"
        start_ftsim - --clock-file "$T/clock" < <(echo 'jobs = ( { id = "ftjob-x"; timeline = (
                { at = 0.0; status = "pending"; }, { at = 3600.0; status = "running"; } ); } );')
        assert_equal "$(api $JOBS/ftjob-x | jq -r .status)" pending
        # an hour and a bit, in nanoseconds, little endian
        printf '%016x' 3700000000000 | fold -w 2 | tac | tr -d '\n' | sed 's/../\\x&/g' >"$T/bytes"
        # shellcheck disable=SC2059
        printf "$(cat "$T/bytes")" | dd of="$T/clock" conv=notrunc status=none
        assert_equal "$(api $JOBS/ftjob-x | jq -r .status)" running
        (($(sim GET /_sim/time | jq '.clock | floor') > $(date +%s) + 3600))
        sim POST '/_sim/fault?kind=slow&delay_ms=100000' >/dev/null
        start late bash -c "curl -s -o /dev/null -w finished '$(api_url $JOBS)' -H 'api-key: $FTSIM_KEY'"
        wait_for 5 has_request 3
        [[ ! -s $T/late.log ]]
        printf '%016x' 3900000000000 | fold -w 2 | tac | tr -d '\n' | sed 's/../\\x&/g' >"$T/bytes"
        # shellcheck disable=SC2059
        printf "$(cat "$T/bytes")" | dd of="$T/clock" conv=notrunc status=none
        wait_for 5 grep -q finished "$T/late.log"
}

has_request() {
        (($(sim GET /_sim/count | jq .requests) >= $1))
}

@test "ftsim: TLS on a second listener" {
        make_certificate
        start_ftsim - --tls-cert "$T/cert.pem" --tls-key "$T/key.pem" --tls-port-file "$T/tls" < <(small)
        wait_for 5 test -s "$T/tls"
        FTSIM_URL=$(<"$T/tls")
        [[ $FTSIM_URL = https://* ]]
        assert_equal "$(api $JOBS --cacert "$T/cert.pem" | ids)" "ftjob-c ftjob-b ftjob-a"
        run api $JOBS
        [ "$status" -eq 60 ]
}

@test "ftsim: ends on SIGTERM and with its parent, also while replies wait" {
        start_ftsim - < <(small)
        sim POST '/_sim/fault?kind=slow&delay_ms=100000' >/dev/null
        start late curl -s -o /dev/null "$(api_url $JOBS)" -H "api-key: $FTSIM_KEY"
        wait_for 5 has_request 1
        kill -TERM "$FTSIM_PID"
        wait "$FTSIM_PID"
        small >"$T/small.conf"
        bash -c "'$FTSIM' --scenario '$T/small.conf' --port-file '$T/orphan' >/dev/null 2>&1 3>&- &
                echo \$! >'$T/pid'
                until [ -s '$T/orphan' ]; do sleep 0.02; done"
        wait_for 5 is_gone "$(<"$T/pid")"
}

@test "ftsim: mistakes in a scenario are told" {
        wrong() {
                printf '%s\n' "$1" >"$T/wrong.conf"
                run "$FTSIM" --scenario "$T/wrong.conf"
                [ "$status" -eq 1 ]
                [[ $output = *"$2"* ]]
        }
        wrong 'jobs = ( { sufix = "x"; } );' 'jobs[0]: unknown key "sufix"'
        wrong 'nulls = "none";' 'nulls: unknown word "none"'
        wrong 'jobs = ( { timeline = ( { at = 1.0; } ); } );' 'jobs[0].timeline[0]: neither status nor event'
        wrong 'faults = ( { kind = "odd"; } );' 'faults[0]: unknown kind "odd"'
        wrong 'order = ' 'wrong.conf:2: syntax error'
        run "$FTSIM" --port 1
        [ "$status" -eq 2 ]
}
