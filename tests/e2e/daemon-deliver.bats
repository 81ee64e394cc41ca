#!/usr/bin/env bats
# Delivery by the shipped ftwatchd: kills, failing receivers, and what each kind of place may answer.

bats_require_minimum_version 1.5.0
load daemon

teardown() {
        stop_all
}

no_faults() {
        sim DELETE /_sim/fault >/dev/null
}

nothing_owed() {
        local n
        n=$(query 'SELECT count(*) FROM deliveries WHERE state IN (0, 1)') || return 1
        [[ $n = 0 ]] || {
                query 'SELECT receiver, state, attempts, reason FROM deliveries WHERE state IN (0, 1)' | head
                tail -n 3 "$DAEMON_LOG"
                return 1
        }
}

n_requests() {
        sim GET /_sim/count | jq '.requests + .received'
}

has_asked() {
        (($(n_requests) >= $1))
}

# --- the storm ----------------------------------------------------------------------------------------

storm_is_over() {
        local active
        active=$(api '/openai/fine_tuning/jobs?limit=50' |
                jq '[.data[] | select(.status | test("succeeded|failed|cancell?ed") | not)] | length')
        [[ $active = 0 && $(api '/openai/fine_tuning/jobs?limit=50' | jq '.data | length') = 20 ]]
}

# Every notice that the store knows has come, and every job's end is among them.
all_told() {
        local ends
        ends=$(query "SELECT count(*) FROM notices
                WHERE type IN ('job.succeeded', 'job.failed', 'job.cancelled')")
        [[ $ends = 20 ]] || {
                echo "$ends of 20 ends told"
                return 1
        }
        nothing_owed
}

check_arrivals() {
        received hook '.[] | select(.answer == 204) | [.id, .body.data.id] | @tsv' >"$T/arrived"
        awk '!seen[$1]++' "$T/arrived" >"$T/first"
        query 'SELECT id FROM notices ORDER BY seq' >"$T/told"
        # Every notice, and nothing else.
        diff <(sort "$T/told") <(cut -f 1 "$T/first" | sort)
        # First arrivals of each job in the order in which they became true.
        local job
        cut -f 2 "$T/first" | sort -u | while read -r job; do
                awk -v job="$job" '$2 == job { print $1 }' "$T/first" >"$T/of-job"
                diff "$T/of-job" <(grep -Fx -f "$T/of-job" "$T/told") || {
                        echo "out of order: $job"
                        return 1
                }
        done
        # A repeat is the same bytes.
        assert_equal "$(received hook '[.[] | select(.repeats > 0 and .same_body != true)] | length')" 0
        assert_equal "$(received hook '[.[] | select(.error != null)] | length')" 0
}

storm() {
        local seed=$1 kills=$2 n
        RANDOM=$seed
        echo "seed: $seed"
        # As the scenario "storm", but the daemon has its baseline before it begins.
        start_ftsim - --seed "$seed" <<<'generate = { storm = 20; from = 4.0; to = 11.0; };'
        fault /sink/webhook/hook '"status": 500, "probability": 0.35'
        fault /sink/webhook/hook '"kind": "reset", "probability": 0.2'
        watch_all
        start_daemon
        await_log 'polled: 1 requests, 0 unfinished jobs'
        for ((n = 0; n < kills; n++)); do
                wait_for 30 has_asked $(($(n_requests) + 1 + RANDOM % 50))
                kill_daemon
                start_daemon
        done
        wait_for 60 storm_is_over
        wait_for 60 all_told
        no_faults
        check_arrivals
        echo "$(wc -l <"$T/told") notices, $(wc -l <"$T/arrived") arrivals, $kills kills"
        # One end each, and it is the end that the server shows.
        api '/openai/fine_tuning/jobs?limit=50' | jq -r '.data[] | [.id, .status] | @tsv' | sort >"$T/shown"
        received hook '.[] | select(.answer == 204) | .body |
                select(.type | test("job.(succeeded|failed|cancelled)$")) |
                [.data.id, .data.status] | @tsv' | sort -u | diff "$T/shown" -
        # From its creation on: the baseline was before the storm.
        assert_equal "$(received hook '[.[] | .body | select(.type == "fine_tuning.job.created") |
                .data.id] | unique | length')" 20
}

@test "in a storm of 20 jobs and a receiver that fails half the time, every notice arrives in order" {
        storm 7 0
}

@test "the same with kill -9 at 12 moments" {
        storm "${FTWATCH_SEED:-11}" 12
}

@test "the same with kill -9 at 30 moments" {
        storm "${FTWATCH_SEED:-23}" 30
}

# --- one receiver -------------------------------------------------------------------------------------

# start_watching RECEIVER..: all of them get everything.
start_watching() {
        local names
        names=$(grep -oE 'name = "[a-z0-9]+"' <<<"$*" | cut -d '"' -f 2 | sed 's/.*/"&"/' | paste -sd ,)
        configure "${SOURCE_OPTIONS:-}" <<-CONF
		receivers = ( $1 );
		rules = ( { types = ["*"]; to = [$names]; } );
	CONF
        start_daemon
        await_poll
}

# How many attempts reached a sink, whatever it answered.
n_attempts() {
        received "$1" length
}

has_attempts() {
        (($(n_attempts "$1") >= $2))
}

@test "a receiver's Retry-After is honoured" {
        start_ftsim - <<<''
        fault /sink/webhook/hook '"status": 429, "retry_after": "2", "times": 1'
        start_watching "$(hook hook)"
        run_job ftjob-1
        wait_for 10 has_attempts hook 1
        local from
        from=$(date +%s%N)
        wait_for 20 has_attempts hook 2
        (($(date +%s%N) - from > 1300000000))
        await_told job.running
        in_order job.created job.running
}

@test "a receiver's wish to wait is bounded by retry_after_max" {
        start_ftsim - <<<''
        fault /sink/webhook/hook '"status": 503, "retry_after": "86400", "times": 1'
        start_watching "$(hook hook 'retry_after_max = "1s";')"
        run_job ftjob-1
        await_told job.running 1 15
}

@test "a receiver that fails is probed by one delivery at a time and holds up nobody else" {
        start_ftsim - <<<''
        fault /sink/webhook/hook '"status": 500'
        start_watching "$(hook hook | sed 's/"10ms"/"1s"/; s/"50ms"/"1s"/'), $(hook other)"
        local i
        for i in 1 2 3 4 5 6 7 8; do
                run_job "ftjob-$i"
        done
        wait_for 20 other_has 16
        # Sixteen deliveries wait, and it was asked about once a second.
        (($(n_attempts hook) <= 12))
        no_faults
        await_told job.running 8
        nothing_lost 16
}

other_has() {
        (($(received other '[.[] | select(.answer == 204)] | length') >= $1))
}

nothing_lost() {
        assert_equal "$(received hook '[.[] | select(.answer == 204) | .id] | unique | length')" "$1"
}

@test "410 is the end of a delivery, and told elsewhere" {
        start_ftsim - <<<''
        fault /sink/webhook/hook '"status": 410'
        start_watching "$(hook hook), $(hook other)"
        run_job ftjob-1
        wait_for 20 other_was_told receiver.failing
        received other '.[] | .body | select(.type == "receiver.failing") | .data' |
                jq -e '.receiver == "hook" and .reason == "gone"'
        wait_for 10 is_dead hook
        # Not tried again: each notice was sent to it once.
        assert_equal "$(received hook '[.[].id] | length == (unique | length)')" true
        no_faults
        run_job ftjob-2
        wait_for 20 other_was_told receiver.recovered
        assert_equal "$(received other '[.[] | select(.body.type == "receiver.failing")] | length')" 1
}

other_was_told() {
        received other '.[].body.type' | grep -qx "$1" || {
                received other '.[].body.type'
                return 1
        }
}

is_dead() {
        (($(query "SELECT count(*) FROM deliveries WHERE receiver = '$1' AND state = 3") > 0))
}

@test "a redirect of a receiver is refused, not followed" {
        start_ftsim - <<<''
        fault /sink/webhook/hook "\"kind\": \"redirect\", \"location\": \"$FTSIM_URL/sink/webhook/thief\""
        start_watching "$(hook hook), $(hook other)"
        run_job ftjob-1
        wait_for 20 other_was_told receiver.failing
        assert_equal "$(received thief length)" 0
}

@test "a webhook is signed with every secret of its list" {
        local old=whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk new=whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3
        start_ftsim - <<-CONF
		sinks = ( { name = "old"; secret = "$old"; }, { name = "new"; secret = "$new"; },
		          { name = "bad"; secret = "whsec_YmFkYmFkYmFkYmFkYmFkYmFkYmFkYmFk"; } );
	CONF
        local hooks="" name
        for name in old new bad; do
                hooks+="${hooks:+, }$(hook "$name" | sed "s/\"$HOOK_SECRET\"/[\"$old\", \"$new\"]/")"
        done
        start_watching "$hooks"
        run_job ftjob-1
        wait_for 20 has_attempts bad 1
        wait_for 20 has_attempts old 2
        wait_for 20 has_attempts new 2
        assert_equal "$(received old '[.[].error] | unique | tostring')" '[null]'
        assert_equal "$(received new '[.[].error] | unique | tostring')" '[null]'
        # The sink does check.
        [[ $(received bad '.[0].error') = *signature* ]]
}

# --- Slack and Teams ----------------------------------------------------------------------------------

slack() {
        printf '{ name = "slack"; kind = "slack"; url = "%s/sink/slack/slack"; %s }' "$FTSIM_URL" \
                'backoff_min = "10ms";'
}

teams() {
        printf '{ name = "teams"; kind = "teams"; url = "%s/sink/teams/teams"; %s }' "$FTSIM_URL" \
                'backoff_min = "10ms";'
}

sink_accepted() {
        (($(received "$1" '[.[] | select(.answer >= 200 and .answer < 300)] | length') >= $2)) || {
                received "$1" '.[] | [.answer, .error] | tostring'
                return 1
        }
}

@test "what goes to Slack and Teams keeps to their contracts, from creation to success" {
        start_ftsim - <<<''
        start_watching "$(slack), $(teams)"
        post_job '{ "id": "ftjob-1", "suffix": "<!channel> *x* & [a](b)", "model": "gpt-4o-mini-2024-07-18",
                "training": { "steps": 60, "validation": true, "from": -2.0, "to": -1.0 },
                "timeline": [ { "at": -3.0, "status": "running" } ] }'
        wait_for 20 sink_accepted teams 2
        set_status ftjob-1 paused
        set_status ftjob-1 succeeded
        run_job ftjob-2
        sim POST '/_sim/job/ftjob-2?status=failed&code=bad&message=%3C%21here%3E%20line%203'
        sim POST '/_sim/event/ftjob-2?message=%3C%21channel%3E&level=error'
        wait_for 20 sink_accepted teams 5
        wait_for 30 sink_accepted slack 5
        assert_equal "$(received slack '[.[].error] | unique | tostring')" '[null]'
        assert_equal "$(received teams '[.[].error] | unique | tostring')" '[null]'
        # Nothing that a job's text holds pings anybody.
        run received slack '.[].raw'
        [[ $output != *'<!'* ]]
}

@test "Slack's 400 to the shape of a message brings the plain form, once" {
        start_ftsim - <<<''
        fault /sink/slack/slack '"status": 400, "body": "invalid_blocks", "times": 1'
        start_watching "$(slack)"
        run_job ftjob-1
        wait_for 20 sink_accepted slack 2
        assert_equal "$(received slack '[.[].answer] | tostring')" '[400,200,200]'
        # The second is the same notice in a plainer form, the third, another notice, is rich again.
        assert_equal "$(received slack '[.[] | .body | has("blocks") or has("attachments")] | tostring')" \
                '[true,false,true]'
}

@test "a message that Slack refuses in its plain form too is given up, and that is told elsewhere" {
        start_ftsim - <<<''
        fault /sink/slack/slack '"status": 400, "body": "invalid_blocks"'
        start_watching "$(slack), $(hook other)"
        run_job ftjob-1
        wait_for 20 other_was_told receiver.failing
        wait_for 10 is_dead slack
        assert_equal "$(query "SELECT max(attempts) FROM deliveries WHERE receiver = 'slack'")" 2
}

# --- e-mail -------------------------------------------------------------------------------------------

# mail SERVER [OPTION..]
mail() {
        local server=$1
        shift
        printf '{ name = "mail"; kind = "email"; server = "%s"; ' "$server"
        printf 'from = "Watcher <ftwatchd@example.org>"; to = ["ml@example.org", "ops@example.org"]; '
        printf 'backoff_min = "10ms"; backoff_max = "50ms"; %s }' "$*"
}

mails() {
        [[ ! -e $SMTP_RECORD ]] || jq -c "${1:-.}" "$SMTP_RECORD"
}

has_mails() {
        (($(mails 'select(.answer == 250)' | wc -l) >= $1)) || {
                mails '[.answer, .subject]'
                tail -n 5 "$DAEMON_LOG"
                return 1
        }
}

@test "mail goes over TLS with an own authority and a login" {
        make_certificate
        start_ftsim - <<<''
        start_smtp_sink --tls-cert "$T/cert.pem" --tls-key "$T/key.pem" --auth watcher:correct-horse
        start_watching "$(mail "smtps://127.0.0.1:$SMTP_PORT" \
                "ca_file = \"$T/cert.pem\"; user = \"watcher\"; password = \"correct-horse\";")"
        run_job ftjob-1
        set_status ftjob-1 succeeded
        wait_for 20 has_mails 2
        assert_equal "$(mails '[.tls, .login, .from, .to]' | sort -u)" \
                '[true,"watcher","ftwatchd@example.org",["ml@example.org","ops@example.org"]]'
        assert_equal "$(mails '[.defects, .content_type]' | sort -u)" '[[],"multipart/alternative"]'
        assert_equal "$(mails '[.parts[].type]' | sort -u)" '["text/plain","text/html"]'
        # All mails of a job are one thread, and each has its notice's id.
        assert_equal "$(mails '.header | map(select(.[0] == "References" or .[0] == "In-Reply-To"))[0][1]' |
                sort -u | wc -l)" 1
}

@test "mail goes over STARTTLS with a login" {
        make_certificate
        start_ftsim - <<<''
        start_smtp_sink --tls-cert "$T/cert.pem" --tls-key "$T/key.pem" --starttls \
                --auth watcher:correct-horse
        start_watching "$(mail "smtp://127.0.0.1:$SMTP_PORT" \
                "ca_file = \"$T/cert.pem\"; user = \"watcher\"; password = \"correct-horse\";")"
        run_job ftjob-1
        wait_for 20 has_mails 2
        assert_equal "$(mails '[.tls, .login]' | sort -u)" '[true,"watcher"]'
}

@test "a recipient whom the server refuses is told elsewhere; the others have their mail, once" {
        start_ftsim - <<<''
        start_smtp_sink --refuse-rcpt ops@example.org
        start_watching "$(mail "smtp://127.0.0.1:$SMTP_PORT"), $(hook other)"
        run_job ftjob-1
        wait_for 20 has_mails 2
        await_log 'mail: delivered, but not to everybody: 1 of 2 recipients refused, ops@example.org: 550 '
        wait_for 20 other_was_told receiver.failing
        received other '.[].body.data | tostring' | grep -qF 'ops@example.org: 550 No such user here'
        nothing_owed
        assert_equal "$(mails '.to' | sort -u)" '["ml@example.org"]'
        assert_equal "$(mails | wc -l)" 2
}

other_was_told() {
        received other '.[].body.type' | grep -qx "$1"
}

@test "a mail server that nobody vouches for gets neither mail nor login" {
        make_certificate
        start_ftsim - <<<''
        start_smtp_sink --tls-cert "$T/cert.pem" --tls-key "$T/key.pem" --auth watcher:correct-horse
        start_watching "$(mail "smtps://127.0.0.1:$SMTP_PORT" \
                'user = "watcher"; password = "correct-horse";')"
        run_job ftjob-1
        await_log 'mail: delivery failed, will be tried again \(tls\)'
        assert_equal "$(mails | wc -l)" 0
}

@test "a wrong mail password is told elsewhere, with the reason" {
        start_ftsim - <<<''
        start_smtp_sink --auth watcher:correct-horse
        start_watching "$(mail "smtp://127.0.0.1:$SMTP_PORT" \
                'user = "watcher"; password = "wrong";'), $(hook other)"
        run_job ftjob-1
        await_log 'mail: .*\(unauthorized\)'
        assert_equal "$(mails | wc -l)" 0
        run ! grep -F wrong "$DAEMON_LOG"
}

@test "when every recipient is refused the mail is given up, and that is told elsewhere" {
        start_ftsim - <<<''
        start_smtp_sink --refuse-rcpt ml@example.org --refuse-rcpt ops@example.org
        start_watching "$(mail "smtp://127.0.0.1:$SMTP_PORT"), $(hook other)"
        run_job ftjob-1
        wait_for 20 other_was_told receiver.failing
        wait_for 10 is_dead mail
}

@test "a mail refused for good is given up, one refused for now arrives later" {
        start_ftsim - <<<''
        start_smtp_sink --fail-probability 0.6 --seed 3
        start_watching "$(mail "smtp://127.0.0.1:$SMTP_PORT")"
        run_job ftjob-1
        set_status ftjob-1 paused
        set_status ftjob-1 succeeded
        wait_for 30 all_mails_done
        assert_equal "$(mails 'select(.answer == 250) | .subject' | wc -l)" \
                "$(query 'SELECT count(*) FROM notices')"
        stop_daemon
        stop "$SMTP_PID"
        start_smtp_sink --refuse 554
        sed -i "s|smtp://127.0.0.1:[0-9]*|smtp://127.0.0.1:$SMTP_PORT|" "$T/ftwatchd.conf"
        start_daemon
        run_job ftjob-2
        wait_for 20 is_dead mail
}

all_mails_done() {
        has_ended succeeded && nothing_owed
}

has_ended() {
        [[ $(query "SELECT count(*) FROM notices WHERE type = 'job.$1'") != 0 ]]
}

@test "a mail server slower than the timeout is tried again, and holds up nobody" {
        start_ftsim - <<<''
        start_smtp_sink --slow 5
        start_watching "$(mail "smtp://127.0.0.1:$SMTP_PORT" 'timeout = "1s";'), $(hook hook)"
        run_job ftjob-1
        await_told job.running 1 4
        await_log 'mail: delivery failed, will be tried again \(timeout\)'
}

@test "a mail server that is not there yet gets its mail when it is" {
        start_ftsim - <<<''
        start_smtp_sink
        local port=$SMTP_PORT
        stop "$SMTP_PID"
        start_watching "$(mail "smtp://127.0.0.1:$port")"
        run_job ftjob-1
        await_log 'mail: delivery failed, will be tried again \(connect\)'
        start_smtp_sink --port "$port"
        wait_for 20 has_mails 2
}
