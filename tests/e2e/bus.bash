# shellcheck shell=bash
# A system bus of the test's own, with the policy that is shipped.
#
#   start_bus                start a dbus-daemon in $BUS_DIR, or once more; exports its address
#   stop_bus                 and everybody is disconnected
#   ctl ARGUMENT..           ftwatchctl with the configuration of the test
#   manager MEMBER [ARG..]   busctl call of org.ftwatchd1.Manager
#   property NAME            busctl get-property of it
#   log_control get|set ...  busctl get-property or set-property of LogControl1
#   await_bus [NAME]         until the daemon bears its name
#   as_nobody COMMAND..      as a user without any right

load daemon

CTL=${FTWATCHCTL:-$BUILD/ftwatchctl}
POLICY=$TOP/packaging/systemd/org.ftwatchd1.conf
# shellcheck disable=SC2034  # for the tests
LOG_CONTROL=(/org/freedesktop/LogControl1 org.freedesktop.LogControl1)

# The names of the policy are those of this machine: the service runs as who runs the test, and the group
# that may act is one that nobody of the test but him is in.
write_bus_config() {
        local user
        user=$(id -un)
        sed -e "s/user=\"ftwatchd\"/user=\"$user\"/; s/group=\"ftwatchd\"/group=\"$(id -gn)\"/" "$POLICY" \
                >"$T/policy.conf"
        cat >"$T/bus.conf" <<-XML
		<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
		 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
		<busconfig>
		  <type>system</type>
		  <listen>unix:path=$BUS_DIR/bus</listen>
		  <auth>EXTERNAL</auth>
		  <policy context="default">
		    <allow user="*"/>
		    <deny own="*"/>
		    <deny send_type="method_call"/>
		    <allow send_type="signal"/>
		    <allow send_requested_reply="true" send_type="method_return"/>
		    <allow send_requested_reply="true" send_type="error"/>
		    <allow receive_type="method_call"/>
		    <allow receive_type="method_return"/>
		    <allow receive_type="error"/>
		    <allow receive_type="signal"/>
		    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
		    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Introspectable"/>
		    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/>
		  </policy>
		  <policy user="root">
		    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Monitoring"/>
		  </policy>
		  <include>$T/policy.conf</include>
		</busconfig>
	XML
}

# Not in $T, which is for nobody else.
make_bus_dir() {
        [[ -n ${BUS_DIR:-} ]] && return
        BUS_DIR=$(mktemp -d "/tmp/ftwatch-bus.XXXXXX")
        chmod 755 "$BUS_DIR"
}

start_bus() {
        local n=${#STARTED_PIDS[@]}
        make_bus_dir
        [[ -e $T/bus.conf ]] || write_bus_config
        rm -f "$BUS_DIR/bus"
        start "bus-$n" dbus-daemon --nofork --nopidfile --config-file="$T/bus.conf"
        BUS_PID=$STARTED_PID
        wait_for 10 test -S "$BUS_DIR/bus" || {
                cat "$T/bus-$n.log"
                return 1
        }
        export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$BUS_DIR/bus
}

stop_bus() {
        stop "$BUS_PID"
}

ctl() {
        "$CTL" --config "$T/ftwatchd.conf" "$@"
}

manager() {
        local member=$1
        shift
        busctl --system call "${BUS_OWNER:-org.ftwatchd1}" /org/ftwatchd1 org.ftwatchd1.Manager \
                "$member" "$@"
}

property() {
        busctl --system get-property org.ftwatchd1 /org/ftwatchd1 org.ftwatchd1.Manager "$1"
}

log_control() {
        busctl --system "$1-property" org.ftwatchd1 "${LOG_CONTROL[@]}" "${@:2}"
}

# Whose the name is; fails if nobody's. (`busctl status` asks for more than a bare root has.)
bus_owner() {
        busctl --system call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus GetNameOwner s \
                "${1:-org.ftwatchd1}"
}

has_bus_name() {
        bus_owner "$@" >/dev/null
}

await_bus() {
        wait_for 20 has_bus_name "$@"
}

as_nobody() {
        setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
}
