# Reads TAP and prints "passed failed skipped". A test that the plan promised and that never reported has
# failed: that is what a crash looks like. So has a "Bail out!". cmocka spells a skip "not ok N # SKIP".
/^[ \t]*1\.\.[0-9]+/ { split($0, plan, /\.\./); promised += plan[2] + 0 }
/^[ \t]*(not )?ok /  {
        if (toupper($0) ~ /# *SKIP/)
                skipped++
        else if ($0 ~ /^[ \t]*not /)
                failed++
        else
                passed++
}
/^Bail out!/         { failed++ }
END {
        seen = passed + failed + skipped
        if (promised > seen)
                failed += promised - seen
        printf "%d %d %d\n", passed, failed, skipped
}
