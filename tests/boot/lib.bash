# shellcheck shell=bash
# shellcheck disable=SC2016,SC2119,SC2120  # expanded by shells inside; arguments that may be left out
# A Debian 12 with a real systemd, booted by systemd-nspawn: a fresh one for each file of tests, on an
# overlay over a cached root. It has a network of its own (loopback only); ftsim runs inside, on port 8080.
#
#   boot_setup                       in setup_file(): makes and boots it with ftwatchd installed
#   boot_teardown                    in teardown_file()
#   boot_show                        in teardown(): what the journal inside said, if the test failed
#   inside COMMAND..                 runs there as root; standard input and output are ours
#   machine_start | machine_stop     boots it; shuts it down
#   machine_kill                     as a power cut does
#   configure [UNIT] <<CONF          /etc/ftwatchd/ftwatchd.conf; with UNIT also that instance's
#   drop_in [UNIT] <<INI             as systemctl edit does
#   credential NAME VALUE            /etc/ftwatchd/secrets/NAME
#   journal [OPTION..]               journalctl inside
#   unit PROPERTY [UNIT]             systemctl show, its value
#   await_log PATTERN [SECONDS]      in the journal, since the test began
#
# The cache: ${XDG_CACHE_HOME:-/var/cache}/ftwatchd-boot, one root for what is installed in it.

load ../e2e/helpers
# shellcheck source=tests/tools/debian.bash
. "$TOP/tests/tools/debian.bash"

# What the package needs, ftsim, a real MTA, and to look at it all.
BOOT_PACKAGES=systemd,systemd-sysv,dbus,ca-certificates,libcurl4,libjson-c5,libconfig9,libsqlite3-0,libssl3
BOOT_PACKAGES+=,libcsv3,libmicrohttpd12,opensmtpd,jq,curl,sqlite3,procps
BOOT_CACHE=${XDG_CACHE_HOME:-/var/cache}/ftwatchd-boot
FTSIM_URL=http://127.0.0.1:8080
HOOK_SECRET=whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=

# --- the root -----------------------------------------------------------------------------------------

# Sets BOOT_BASE.
boot_base() {
        local key
        key=$(sha256sum <<<"$DEBIAN_SUITE $BOOT_PACKAGES" | head -c 12)
        BOOT_BASE=$BOOT_CACHE/$key
        [[ ! -d $BOOT_BASE ]] || return 0
        mkdir -p "$BOOT_CACHE"
        (
                flock 9
                # Once, as long as a slow mirror needs.
                [[ -d $BOOT_BASE ]] || timeout 3600 bash -c '. "$1" && debian_make "$2" "$3"' - \
                        "$TOP/tests/tools/debian.bash" "$BOOT_BASE" "$BOOT_PACKAGES"
        ) 9>"$BOOT_CACHE/lock"
}

# The package that $FTWATCH_DEB names, as dpkg does it; without one, make install.
boot_install() {
        if [[ -n ${FTWATCH_DEB:-} ]]; then
                cp "$FTWATCH_DEB" "$ROOT/root/ftwatchd.deb"
                chroot "$ROOT" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
                        dpkg -i /root/ftwatchd.deb >"$BOOT/install.log" 2>&1 || {
                        cat "$BOOT/install.log"
                        return 1
                }
                return 0
        fi
        make -s -C "$TOP" -o all BUILD="${BUILD#"$TOP/"}" PREFIX=/usr DESTDIR="$ROOT" \
                install >"$BOOT/install.log" 2>&1 || {
                cat "$BOOT/install.log"
                return 1
        }
        systemd-sysusers --root="$ROOT"
        journalctl --root="$ROOT" --update-catalog
}

# --- what a killed run left behind ---------------------------------------------------------------------

# The machine of $BOOT, whoever started it: off, and its root unmounted.
boot_end() {
        local pid
        pid=$(cat "$BOOT/nspawn" 2>/dev/null) || true
        if [[ -n $pid ]] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" |
                grep -qF -- "-D $BOOT/root "; then
                pkill -KILL -P "$pid"
                kill -KILL "$pid"
        fi
        mountpoint -q "$BOOT/root" || return 0
        umount "$BOOT/root" 2>/dev/null || umount -l "$BOOT/root"
}

# As soon as this process is gone, killed or not.
boot_guard() {
        # shellcheck disable=SC2016  # its own
        BOOT=$BOOT setsid bash -c "$(declare -f boot_end)"'
                tail --pid="$1" -f /dev/null
                boot_end' - $$ </dev/null >/dev/null 2>&1 3>&- &
        echo $! >"$BOOT/guard"
        disown
}

# Those whose guard was killed too, as by a reboot of a container.
boot_end_stale() {
        local root options owner
        while read -r root options; do
                [[ $options = *"lowerdir=$BOOT_CACHE/"* ]] || continue
                owner=$(cat "${root%/root}/owner" 2>/dev/null) || continue
                [[ -d /proc/$owner ]] || BOOT=${root%/root} boot_end
        done < <(findmnt -rn -t overlay -o TARGET,OPTIONS)
}

boot_setup() {
        "$TOP/tests/boot/can-boot.sh"
        boot_base
        export BOOT=$BATS_FILE_TMPDIR/boot
        export ROOT=$BOOT/root
        boot_end_stale
        mkdir -p "$BOOT/upper" "$BOOT/work" "$ROOT"
        echo $$ >"$BOOT/owner"
        boot_guard
        mount -t overlay overlay -o "lowerdir=$BOOT_BASE,upperdir=$BOOT/upper,workdir=$BOOT/work" "$ROOT"
        printf 'tester\n' >"$ROOT/etc/hostname"
        printf '127.0.0.1 localhost tester api.example\n::1 localhost\n' >"$ROOT/etc/hosts"
        # What takes time and shows nothing.
        local unit
        for unit in systemd-logind.service systemd-update-utmp.service systemd-update-utmp-runlevel.service \
                e2scrub_reap.service getty.target timers.target; do
                ln -sf /dev/null "$ROOT/etc/systemd/system/$unit"
        done
        mkdir -p "$ROOT/var/log/journal"
        boot_install || return 1
        cp "$BUILD/ftsim" "$ROOT/usr/local/bin/"
        cat >"$ROOT/etc/systemd/system/ftsim.service" <<-'UNIT'
		[Service]
		ExecStart=/usr/local/bin/ftsim --port 8080 --port-file /run/ftsim.url --scenario /etc/ftsim.conf
		[Install]
		WantedBy=multi-user.target
	UNIT
        : >"$ROOT/etc/ftsim.conf"
        # The local users of example.org get their mail here.
        cat >"$ROOT/etc/smtpd.conf" <<-'CONF'
		listen on lo port 25
		action "local" mbox
		match from any for domain "example.org" action "local"
	CONF
        machine_start
}

boot_teardown() {
        [[ -n ${BOOT:-} ]] || return 0
        machine_kill
        boot_end
        kill "$(<"$BOOT/guard")" 2>/dev/null || true
}

boot_show() {
        [[ -z ${BATS_TEST_COMPLETED:-} && -s ${BOOT:-}/leader ]] || return 0
        timeout 10 nsenter -t "$(<"$BOOT/leader")" -a journalctl --no-pager -o short-precise \
                --since "${TEST_BEGAN:--5min}" | tail -n 60
}

# --- the machine --------------------------------------------------------------------------------------

# The process that is PID 1 in there.
machine_leader() {
        local child
        for child in $(pgrep -P "$(<"$BOOT/nspawn")"); do
                [[ $(<"/proc/$child/comm") != systemd ]] || {
                        echo "$child" >"$BOOT/leader"
                        return 0
                }
        done
        return 1
}

machine_start() {
        systemd-nspawn --quiet -D "$ROOT" --boot --register=no --keep-unit --private-network \
                --resolv-conf=off --timezone=off --link-journal=no --console=pipe --machine="ftw-$$" \
                </dev/null >"$BOOT/console" 2>&1 3>&- &
        echo $! >"$BOOT/nspawn"
        disown
        wait_for 30 machine_leader || {
                cat "$BOOT/console"
                return 1
        }
        wait_for 60 machine_is_up
}

machine_is_up() {
        [[ $(inside systemctl is-system-running) =~ ^(running|degraded)$ ]]
}

machine_is_down() {
        [[ ! -d /proc/$(<"$BOOT/nspawn") ]]
}

machine_stop() {
        kill -RTMIN+4 "$(<"$BOOT/leader")"              # poweroff.target
        wait_for 60 machine_is_down
}

machine_kill() {
        [[ -s $BOOT/nspawn ]] || return 0
        kill -KILL "$(<"$BOOT/leader")" "$(<"$BOOT/nspawn")" 2>/dev/null || true
        wait_for 20 machine_is_down
        rm -f "$BOOT/nspawn" "$BOOT/leader"
}

inside() {
        timeout -k 5 "${INSIDE_TIMEOUT:-60}" nsenter -t "$(<"$BOOT/leader")" -a -r -w \
                env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TERM=dumb HOME=/root \
                ${SINCE:+SINCE="$SINCE"} "$@" 3>&-
}

put() {
        inside sh -c 'mkdir -p "$(dirname "$1")" && umask 077 && cat >"$1"' - "$1"
}

# --- ftwatchd in it -----------------------------------------------------------------------------------

configure() {
        local unit=${1:-}
        put "/etc/ftwatchd/${unit:+$unit/}ftwatchd.conf"
        inside chmod 644 "/etc/ftwatchd/${unit:+$unit/}ftwatchd.conf"
}

credential() {
        put "/etc/ftwatchd/secrets/$1" <<<"$2"
}

drop_in() {
        local file=/etc/systemd/system/${1:-ftwatchd}.service.d/override.conf
        put "$file"
        inside chmod 644 "$file"
        inside systemctl daemon-reload
}

journal() {
        inside journalctl --no-pager -q "$@"
}

unit() {
        inside systemctl show --value -p "$1" "${2:-ftwatchd}"
}

unit_is() {
        local is
        is=$(unit "$1")
        [[ $is = "$2" ]] || {
                echo "$1=$is"
                inside systemctl status ftwatchd
                return 1
        }
}

# Since the test began: journald's own clock, by cursor.
mark() {
        CURSOR=$(journal -n 0 --show-cursor | sed -n 's/^-- cursor: //p')
        TEST_BEGAN=$(date '+%F %T')
}

logged() {
        journal ${CURSOR:+--after-cursor="$CURSOR"} -o cat | grep -qE -e "$1"
}

await_log() {
        wait_for "${2:-30}" logged "$1"
}

# --- the simulated resource ---------------------------------------------------------------------------

sim() {
        local method=$1 path=$2
        shift 2
        nsenter -t "$(<"$BOOT/leader")" -n curl -sS --max-time 20 -X "$method" "$@" "$FTSIM_URL$path"
}

sim_is_up() {
        sim GET /_sim/count
}

sim_start() {
        inside systemctl restart ftsim
        wait_for 20 sim_is_up
}

run_job() {
        sim POST /_sim/job -d "{ \"id\": \"$1\", \"suffix\": \"$1\", \"trained_tokens\": ${2:-4711},
                \"model\": \"gpt-4.1-mini-2025-04-14\",
                \"timeline\": [ { \"at\": 0.0, \"status\": \"running\" } ] }" |
                grep -q result
}

set_status() {
        sim POST "/_sim/job/$1?status=$2" | grep -q '"ok"'
}

# told [JQ FILTER]: what came to the webhook, repeats left out.
told() {
        sim GET '/_sim/received?sink=hook' | jq -c "[.[] | select(.answer == 204)] |
                reduce .[] as \$d ([]; if any(.[]; .id == \$d.id) then . else . + [\$d] end) |
                .[] | .body | ${1:-.}"
}

has_told() {
        [[ -n $(told "select(.data.id == \"$1\" and .type == \"fine_tuning.job.$2\")") ]] || {
                told '[.type, .data.id]'
                return 1
        }
}

await_told() {
        wait_for 40 has_told "$1" "$2"
}

# A configuration with a source at ftsim, whose key is a credential, and receivers of these kinds.
write_config() {
        cat <<-CONF
		sources = ( { name = "sim"; endpoint = "$FTSIM_URL"; api_key = "credential:azure-key";
		  poll_interval = "200ms"; idle_interval = "200ms"; } );
		receivers = ( { name = "hook"; kind = "webhook"; url = "credential:hook-url";
		  secret = "credential:hook-secret"; backoff_min = "50ms"; backoff_max = "200ms"; }$1 );
		rules = ( { types = ["*"]; to = ["hook"]; }$2 );
	CONF
}

drop_in_credentials() {
        printf '[Service]\nLoadCredential=azure-key:/etc/ftwatchd/secrets/azure-key\n'
        printf 'LoadCredential=hook-%s:/etc/ftwatchd/secrets/hook-%s\n' url url secret secret
        printf '%s\n' "$@"
}

# Configured with webhook and started.
watch_all() {
        credential azure-key ftsim-key
        credential hook-secret "$HOOK_SECRET"
        credential hook-url "$FTSIM_URL/sink/webhook/hook"
        write_config "" "" | configure
        drop_in_credentials "$@" | drop_in
        sim_start
        inside systemctl restart ftwatchd || {
                journal -u ftwatchd -n 30
                return 1
        }
}
