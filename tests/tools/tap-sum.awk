# Reads TAP and prints "passed failed skipped". A test that the plan promised and that never reported has failed:
# that is what a crash looks like. A "Bail out!" is a failure too.
/^[ \t]*1\.\.[0-9]+/ { split($0, plan, /\.\./); promised += plan[2] + 0 }
/^[ \t]*ok /         { if (tolower($0) ~ /# *skip/) skipped++; else passed++ }
/^[ \t]*not ok /     { failed++ }
/^Bail out!/         { failed++ }
END {
        seen = passed + failed + skipped
        if (promised > seen)
                failed += promised - seen
        printf "%d %d %d\n", passed, failed, skipped
}
