# The sinks of the simulator: each takes what its contract allows, refuses the rest in the words of the real
# service, and keeps what came. And the SMTP sink.

bats_require_minimum_version 1.5.0
load helpers

setup() {
        [[ -x $FTSIM ]]
}

teardown() {
        stop_all
}

# post PATH [CURL OPTION..], body on standard input; prints body and status
post() {
        local path=$1
        shift
        curl -sS --max-time 20 -H "Content-Type: ${TYPE:-application/json}" --data-binary @- \
                -w ' %{http_code}' \
                "$@" "$FTSIM_URL$path"
}

start_sinks() {
        start_ftsim - < <(echo "${1:-}")
}

@test "slack sink: a good message is ok, and kept" {
        start_sinks
        assert_equal "$(jq -n '{text:"hi", blocks:[{type:"header", text:{type:"plain_text", text:"x"}},
                {type:"section", text:{type:"mrkdwn", text:"*x*"}, fields:[{type:"mrkdwn", text:"y"}]},
                {type:"context", elements:[{type:"mrkdwn", text:"z"}]}, {type:"divider"}]}' |
                post /sink/slack/ops)" "ok 200"
        assert_equal "$(received ops '.[0] | [.kind, .body.text, .answer, .error] | @json')" \
                '["slack","hi",200,null]'
        assert_equal "$(received other length)" 0
        assert_equal "$(jq -r .body.text "$FTSIM_RECORD")" hi
}

# slack_refuses WORD JQ-EXPRESSION
slack_refuses() {
        assert_equal "$(jq -nc "$2" | post /sink/slack/ops)" "$1 400"
}

@test "slack sink: limits and words" {
        start_sinks
        assert_equal "$(echo '{' | post /sink/slack/ops)" "invalid_payload 400"
        slack_refuses invalid_payload '[]'
        slack_refuses missing_text_or_fallback_or_attachments '{"blocks":[]}'
        slack_refuses invalid_blocks_format '{"text":"x","blocks":{}}'
        refuses_block() {
                slack_refuses invalid_blocks "{text:\"x\", blocks:[$1]}"
        }
        refuses_block 'range(51) | {type:"divider"}'
        refuses_block '{type:"marquee"}'
        refuses_block '{type:"header", text:{type:"mrkdwn", text:"x"}}'
        refuses_block '{type:"header", text:{type:"plain_text", text:("x" * 151)}}'
        refuses_block '{type:"section"}'
        refuses_block '{type:"section", text:{type:"mrkdwn", text:("x" * 3001)}}'
        refuses_block '{type:"section", fields:[range(11) | {type:"mrkdwn", text:"x"}]}'
        refuses_block '{type:"section", fields:[{type:"mrkdwn", text:("x" * 2001)}]}'
        refuses_block '{type:"context", elements:[range(11) | {type:"mrkdwn", text:"x"}]}'
        slack_refuses invalid_blocks '{"text":"x","attachments":[{"blocks":[{"type":"section"}]}]}'
        slack_refuses invalid_attachments '{"text":"x","attachments":{}}'
        # characters, not bytes
        assert_equal "$(jq -nc '{type:"plain_text", text:("é" * 150)} |
                {text:"x", blocks:[{type:"header", text:.}]}' |
                post /sink/slack/ops)" "ok 200"
        assert_equal "$(echo '{"text":"x","blocks":[{"type":"markdown","text":"x"}]}' |
                post /sink/slack/ops)" " 500"
        assert_equal "$(echo '{"text":"x"}' | post /sink/slack/a/b)" "no_service 404"
}

@test "slack sink: charts are accepted, rejected or failed on" {
        start_sinks 'sinks = ( { name = "no"; charts = "reject"; }, { name = "broken"; charts = "fail"; } );'
        chart=$(jq -nc '{text:"x", blocks:[{type:"data_visualization", title:"t", chart:{type:"line",
                series:[{name:"s", data:[{label:"1", value:2}]}], axis_config:{categories:["1"]}}}]}')
        assert_equal "$(post /sink/slack/yes <<<"$chart")" "ok 200"
        assert_equal "$(post /sink/slack/no <<<"$chart")" "invalid_blocks 400"
        assert_equal "$(post /sink/slack/broken <<<"$chart")" " 500"
        assert_equal "$(jq '.blocks += .blocks + .blocks' <<<"$chart" | post /sink/slack/yes)" \
                "invalid_blocks 400"
}

@test "slack sink: more than about one a second is throttled" {
        start_sinks 'sinks = ( { name = "ops"; rate = true; rate_burst = 3.0; } );'
        for _ in 1 2 3; do
                assert_equal "$(echo '{"text":"x"}' | post /sink/slack/ops)" "ok 200"
        done
        assert_equal "$(echo '{"text":"x"}' | post /sink/slack/ops -D "$T/head")" \
                '{"retry_after":1,"ok":false,"error":"rate_limited"} 429'
        grep -qi '^Retry-After: 1' "$T/head"
        slack_takes() {
                [[ $(echo '{"text":"x"}' | post /sink/slack/ops) = "ok 200" ]]
        }
        wait_for 5 slack_takes
}

card() {
        jq -nc '{type:"message", attachments:[{contentType:"application/vnd.microsoft.card.adaptive",
                contentUrl:null, content:{type:"AdaptiveCard", version:"1.4",
                body:[{type:"TextBlock", text:"x"}]}}]}' | jq -c "$1"
}

@test "teams sink: takes a card in its envelope, refuses what would be lost" {
        start_sinks
        assert_equal "$(card . | post /sink/teams/ml)" " 202"
        refuses() {
                local answer
                answer=$(card "$1" | post /sink/teams/ml)
                [[ $answer = *" ${2:-400}" ]] || { echo "$1: $answer"; return 1; }
        }
        refuses '.type = "x"'
        refuses '.attachments = []'
        refuses '.attachments[0].contentType = "application/json"'
        refuses '.attachments[0].content.type = "Card"'
        refuses '.attachments[0].content.version = "1.6"'
        refuses '.attachments[0].content.body = []'
        refuses '.attachments[0].content'
        refuses '.attachments[0].content.actions = [{type:"Action.Submit"}]'
        refuses '.attachments[0].content.body[0].text = "<at>Dana</at>"'
        refuses '.attachments[0].content.body[0].text = ("x" * 28672)' 413
        assert_equal "$(card '.attachments[0].content |= (.body[0].text = "<at>Dana</at>" | .msteams =
                {entities:[{type:"mention", text:"<at>Dana</at>", mentioned:{id:"d@example.org"}}]})' |
                post /sink/teams/ml)" " 202"
        assert_equal "$(card . | TYPE=text/plain post /sink/teams/ml)" "Content-Type is not JSON 400"
}

SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw

# hmac SECRET, text on standard input
hmac() {
        local key
        key=$(base64 -d <<<"${1#whsec_}" | od -An -v -tx1 | tr -d ' \n')
        openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64
}

# signed ID TIMESTAMP BODY SECRET [OTHER SIGNATURES]: delivers; prints body and status
signed() {
        local signature
        signature=$(printf '%s.%s.%s' "$1" "$2" "$3" | hmac "$4")
        printf '%s' "$3" | post /sink/webhook/hook -H "webhook-id: $1" -H "webhook-timestamp: $2" \
                -H "webhook-signature: ${5:-}v1,$signature"
}

@test "webhook sink: verifies Standard Webhooks signatures and notices repeats" {
        old=whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
        start_sinks "sinks = ( { name = \"hook\"; secrets = [ \"$old\", \"$SECRET\" ]; } );"
        now=$(date +%s)
        # the example of the specification
        assert_equal "$(printf 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}' |
                hmac "$SECRET")" \
                'g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
        assert_equal "$(signed evt_1 "$now" '{"a":1}' "$SECRET")" ' 204'
        assert_equal "$(signed evt_1 "$now" '{"a":1}' "$SECRET" 'v1,AAAA ')" ' 204'
        assert_equal "$(signed evt_1 "$now" '{"a":2}' "$SECRET")" ' 204'
        assert_equal "$(received hook '[.[] | [.id, .repeats, .same_body]] | @json')" \
                '[["evt_1",0,true],["evt_1",1,true],["evt_1",2,false]]'
        [[ $(signed evt_2 "$now" '{}' "${SECRET%w}x") = *"no signature matches"*400 ]]
        [[ $(signed evt_2 $((now - 1000)) '{}' "$SECRET") = *"too far"*400 ]]
        [[ $(signed evt_2 "$now" '[' "$SECRET") = *"not a JSON object"*400 ]]
        [[ $(echo '{}' | post /sink/webhook/hook) = *"is missing"*400 ]]
}

@test "sinks: faults hit them too, and what came is kept with the answer" {
        start_sinks 'faults = ( { path = "/sink/webhook/*"; status = 503; times = 1; },
                                { path = "/sink/slack/*"; kind = "reset"; times = 1; } );'
        headers=(-H 'webhook-id: evt_1' -H "webhook-timestamp: $(date +%s)" -H 'webhook-signature: v1,AAAA')
        [[ $(echo '{}' | post /sink/webhook/hook "${headers[@]}") = *503 ]]
        [[ $(echo '{}' | post /sink/webhook/hook "${headers[@]}") = *204 ]]
        run post /sink/slack/ops <<<'{"text":"x"}'
        [ "$status" -eq 56 ]
        assert_equal "$(received '' '[.[] | [.sink, .answer]] | @json')" \
                '[["hook",503],["hook",204],["ops",0]]'
        sim POST /_sim/reset >/dev/null
        assert_equal "$(received '' length)" 0
}

mail() {
        printf 'From: a@example.org\r\nTo: b@example.org\r\nSubject: =?utf-8?q?h=C3=A9?=\r\n\r\nhello\r\n' \
                >"$T/mail"
        curl -sS --max-time 20 --mail-from a@example.org --mail-rcpt "${RCPT:-b@example.org}" -T "$T/mail" \
                "$@"
}

@test "smtp sink: takes mail, with a login, refuses as told" {
        start_smtp_sink --auth user:pass --refuse-rcpt c@example.org
        mail "smtp://127.0.0.1:$SMTP_PORT" --user user:pass
        assert_equal "$(jq -c '[.from, .to, .subject, .login, .parts[0].text, .tls, .answer]' \
                "$SMTP_RECORD")" \
                '["a@example.org",["b@example.org"],"hé","user","hello\r\n",false,250]'
        run mail "smtp://127.0.0.1:$SMTP_PORT" --user user:wrong
        [ "$status" -eq 67 ]
        RCPT=c@example.org run mail "smtp://127.0.0.1:$SMTP_PORT" --user user:pass
        [ "$status" -eq 55 ]
        start_smtp_sink --refuse 554
        run mail "smtp://127.0.0.1:$SMTP_PORT"
        [ "$status" -ne 0 ]
        assert_equal "$(jq .answer "$SMTP_RECORD")" 554
}

@test "smtp sink: TLS at once, STARTTLS, slow, failing by dice, mails as files" {
        make_certificate
        start_smtp_sink --tls-cert "$T/cert.pem" --tls-key "$T/key.pem"
        mail --cacert "$T/cert.pem" "smtps://127.0.0.1:$SMTP_PORT"
        assert_equal "$(jq .tls "$SMTP_RECORD")" true
        start_smtp_sink --tls-cert "$T/cert.pem" --tls-key "$T/key.pem" --starttls --slow 0.3
        run mail "smtp://127.0.0.1:$SMTP_PORT"
        [ "$status" -ne 0 ]
        mail --cacert "$T/cert.pem" --ssl-reqd "smtp://127.0.0.1:$SMTP_PORT" -w '%{time_total}' >"$T/time"
        awk '{ exit !($1 >= 0.3) }' "$T/time"
        mkdir "$T/mails"
        start_smtp_sink --record "$T/mails" --fail-probability 0.5 --seed 3
        for _ in 1 2 3 4 5 6; do
                mail "smtp://127.0.0.1:$SMTP_PORT" 2>/dev/null || true
        done
        assert_equal "$(jq -s 'map(.answer) | unique | @json' -r "$T"/mails/*.json)" '[250,451]'
        cmp "$T/mail" "$T/mails/000000.eml"
}
