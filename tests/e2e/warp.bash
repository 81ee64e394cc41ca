# shellcheck shell=bash
# The daemon in virtual time, below warp.so.
#
#   clock_at SECONDS                  the clock file, standing at that time since 1970
#   play                              runs the daemon through the script on standard input; it ends by itself

clock_at() {
        python3 -c 'import struct, sys
sys.stdout.buffer.write(struct.pack("=qq", 0, int(sys.argv[1]) * 10**9))' "$1" >"$T/clock"
}

play() {
        cat >"$T/script"
        timeout 300 env TZ=UTC LD_PRELOAD="$BUILD/warp.so" WARP_CLOCK_FILE="$T/clock" \
                WARP_SCRIPT="$T/script" "$FTWATCHD" --config "$T/ftwatchd.conf" --verbose \
                >"$T/daemon.log" 2>&1 || {
                tail -40 "$T/daemon.log"
                return 1
        }
}
