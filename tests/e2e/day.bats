#!/usr/bin/env bats
# A day of mixed trouble in virtual time, in seconds: the shipped daemon with real libcurl against ftsim,
# below warp.so. What it tells is compared with golden/day.txt, which is for people to read.
# FTWATCH_UPDATE_GOLDEN=1 writes it anew.

bats_require_minimum_version 1.5.0
load daemon
load warp
load auth

MIDNIGHT=1800057600 # 2027-01-16 00:00:00 UTC

# What has come, by the true minute at which it came: "HH:MM  hook  type  about: what it says", behind the
# number of the day where there are several. In one minute the order is that of subjects, and in time for
# each of them. Seconds are the business of jitter, in stamps too.
notices_by_time() {
        # shellcheck disable=SC2016  # jq's
        received '' '[.[] | select(.answer < 300) | .body.data as $d |
                (.clock - '"$MIDNIGHT"' | floor) as $t |
                def pad: tostring | if length < 2 then "0" + . else . end;
                { minute: ($t / 60 | floor), sink, about: ($d.suffix // $d.receiver // $d.source // "-"),
                  type: (.body.type | sub("^fine_tuning."; "")),
                  at: (('"$1"' | if . then "day \($t / 86400 + 1 | floor) " else "" end) +
                       "\($t % 86400 / 3600 | floor | pad):\($t % 3600 / 60 | floor | pad)"),
                  says: ([$d.reason, $d.error.message, $d.detail, ($d.events // [] | map(.message) | .[]),
                          (if ($d.blind_seconds // 0) > 0
                           then "for \($d.blind_seconds / 60 | floor)min" else "" end)] |
                         map(select(. != null and . != "")) | join("; ") |
                         sub(" .request [0-9a-f]*.$"; "") |
                         gsub("(?<t>[0-9]{2}:[0-9]{2}):[0-9]{2} UTC"; "\(.t) UTC")) }] |
                sort_by([.minute, .sink, .about]) | .[] |
                "\(.at)  \(.sink)  \(.type)  \(.about)  \(.says)"' |
                sed 's/  *$//'
}

query() {
        sqlite3 -readonly "$T/state/state.db" "$1"
}

# GOLDEN [true: with days]
compare_with() {
        local golden=$TOP/tests/e2e/golden/$1
        notices_by_time "${2:-false}" >"$T/told.txt"
        [[ -z ${FTWATCH_UPDATE_GOLDEN:-} ]] || cp "$T/told.txt" "$golden"
        diff -u "$golden" "$T/told.txt" || {
                grep -v " polled: \|will be tried again" "$T/daemon.log" | tail -n 40
                return 1
        }
}

# One source with its key in a file, two receivers: "hook" gets everything, "other" what is about receivers.
configure_day() {
        printf '%s' "$FTSIM_KEY" >"$T/key"
        cat >"$T/ftwatchd.conf" <<-CONF
		state_dir = "$T/state";
		sources = ( { name = "sim"; endpoint = "$FTSIM_URL"; api_key = "file:$T/key"; } );
		receivers = (
		  { name = "hook"; kind = "webhook"; url = "$FTSIM_URL/sink/webhook/hook"; secret = "$HOOK_SECRET"; },
		  { name = "other"; kind = "webhook"; url = "$FTSIM_URL/sink/webhook/other"; secret = "$HOOK_SECRET"; }
		);
		rules = ( { to = ["hook"]; }, { types = ["receiver.*"]; to = ["other"]; },
		  { metrics = ["train_loss is nan", "valid_loss rising for 3", "train_loss > 7"]; to = ["hook"]; } );
	CONF
        chmod 600 "$T/key" "$T/ftwatchd.conf"
}

@test "a day of mixed trouble" {
        clock_at "$MIDNIGHT"
        start_ftsim day --clock-file "$T/clock"
        configure_day
        # 09:00 another key; 09:20 the daemon is told. 10:00 the clock goes back by three hours, 11:00 ahead
        # again. 12:00 the machine sleeps for four hours. 20:00 the end.
        play <<-SCRIPT
		32410 curl -sf -X POST -d rotated $FTSIM_URL/_sim/key/api-key
		33610 printf rotated >$T/key; kill -HUP \$PPID
		36010 step -10800
		39610 step 10800
		43210 suspend 14400
		72010 exit
	SCRIPT
        compare_with day.txt
        # The billing lines came half a minute after the status; the look after a minute has them.
        assert_equal "$(query "SELECT count(*) FROM events e JOIN jobs j ON j.id = e.job WHERE
                j.job_id = 'ftjob-day-succeeds' AND e.body LIKE '%Training hours billed: 1.250%'")" 1
        # Awake again, it asks once for what four hours of polls would have asked for.
        assert_equal "$(sim GET /_sim/requests | jq '[.[] | select(.path | endswith("/jobs")) |
                select(.time >= 57610 and .time < 57640)] | length')" 1
}

@test "ten days: daily reminders, and what is too late is not sent" {
        clock_at "$MIDNIGHT"
        start_ftsim days --clock-file "$T/clock"
        configure_day
        play <<<"820810 exit"
        compare_with days.txt true
        assert_equal "$(query "SELECT DISTINCT j.job_id FROM deliveries d JOIN notices n ON n.seq = d.notice
                JOIN jobs j ON j.id = n.job WHERE d.state = 3 AND d.reason = 'expired'")" ftjob-days-too-late
}

@test "a day with tokens: each is renewed at half its life, none is shown when it has expired" {
        clock_at "$MIDNIGHT"
        start_issuer - --clock-file "$T/clock" <<<''
        cat >"$T/ftwatchd.conf" <<-CONF
		state_dir = "$T/state";
		sources = ( { name = "sim"; endpoint = "$FTSIM_URL"; $(auth_of client-secret) } );
		receivers = ( $(hook hook) );
	CONF
        chmod 600 "$T/ftwatchd.conf"
        play <<<"86410 exit"
        # They live for an hour: one at the start, and one by the first poll when half of that is over.
        local expected
        expected=$(sim GET /_sim/requests | jq 'reduce .[].time as $t ({ n: 0, last: -9999 };
                if $t - .last >= 1800 then { n: (.n + 1), last: $t } else . end) | .n')
        ((expected > 40 && expected <= 49))
        assert_equal "$(tokens '[.requests, .issued, .refused] | join(" ")')" "$expected $expected 0"
        sim GET /_sim/requests | jq -e 'length > 200 and all(.[]; .credential == "right")'
        run ! grep -E 'poll failed|cannot be renewed' "$T/daemon.log"
}

@test "the clock is set: a silence lasts as long as before, a wait is told once, over a restart too" {
        clock_at "$MIDNIGHT"
        start_ftsim - --clock-file "$T/clock" <<-'CONF'
		estimate = "none";
		jobs = (
		  { id = "ftjob-waits"; timeline = ( { at = 610.0; status = "pending"; } ); },
		  { id = "ftjob-silenced"; timeline = ( { at = 610.0; status = "running"; },
		    { at = 7210.0; status = "failed"; } ); },
		  { id = "ftjob-later"; timeline = ( { at = 610.0; status = "running"; },
		    { at = 18010.0; status = "failed"; } ); } );
	CONF
        configure_day
        sed -i 's/api_key = /wait_after = "2h"; api_key = /' "$T/ftwatchd.conf"
        play <<<"310 exit"
        # For four hours. The clock is set three hours ahead after one, and eight hours back after three.
        sqlite3 "$T/state/state.db" "INSERT INTO silences (kind, pattern, since_usec, until_usec)
                VALUES ('job', 'ftjob-silenced', $MIDNIGHT * 1000000, ($MIDNIGHT + 14400) * 1000000),
                ('job', 'ftjob-later', $MIDNIGHT * 1000000, ($MIDNIGHT + 14400) * 1000000)"
        play <<-SCRIPT
		3290 step 10800
		10490 step -28800
		18490 exit
	SCRIPT
        play <<<"1800 exit"
        # Its stamps were not to the liking of who verifies them; whether it was kept back is the question.
        query "SELECT n.type, j.job_id, d.state = 4 FROM deliveries d JOIN notices n ON n.seq = d.notice
                JOIN jobs j ON j.id = n.job WHERE n.type IN ('job.failed', 'job.waiting')
                AND d.receiver = 'hook' ORDER BY 1, 2" >"$T/told.txt"
        diff - "$T/told.txt" <<-'TOLD'
		job.failed|ftjob-later|0
		job.failed|ftjob-silenced|1
		job.waiting|ftjob-waits|0
	TOLD
}
