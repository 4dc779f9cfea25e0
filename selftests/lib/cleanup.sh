# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Waiting, and leaving nothing behind. Processes and namespaces are noted as
# they are made; the end of a test case, or of the script, ends those made since
# its start, in reverse order.

work=$(mktemp -d "${TMPDIR:-/tmp}/ikefp-selftest.XXXXXX")
started=()	# process IDs
built=()	# network namespaces

cleanup_begin() {
	started=()
	built=()
}

cleanup_end() {
	local pid ns i

	for ((i = ${#started[@]} - 1; i >= 0; i--)); do
		end_process "${started[i]}"
	done
	for ((i = ${#built[@]} - 1; i >= 0; i--)); do
		ns=${built[i]}
		for pid in $(ip netns pids "$ns" 2>/dev/null); do
			echo "left in ${ns%%-*}: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
			kill -9 "$pid"
		done
		ip netns delete "$ns"
	done
	cleanup_begin
}

# end_process PID: asks a process of ours to end and waits for it, for longer than the daemon
# takes at most, 2 s for its peers and 20 s for scripts; then it is killed, and that is said.
end_process() {
	local pid=$1

	kill -0 "$pid" 2>/dev/null || return 0
	kill "$pid" 2>/dev/null
	if ! wait_for_quiet 30 process_gone "$pid"; then
		echo "process $pid ($(<"/proc/$pid/comm")) did not end when asked to: killed"
		kill -9 "$pid"
	fi
	wait "$pid" 2>/dev/null || :
	return 0
}

process_gone() {
	local stat

	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	[[ ${stat##*)} == ' Z '* ]]
}

# start LOG COMMAND...: runs a command in the background with its output in
# $work/LOG.log, to be ended with the test case. Its process ID is in
# $started_pid. Not for shell functions: the shell around them would be ended.
start() {
	local log=$work/$1.log
	shift

	"$@" >>"$log" 2>&1 </dev/null &
	started_pid=$!
	started+=("$started_pid")
}

show_logs() {
	local log

	for log in "$work"/*.log; do
		[ -s "$log" ] || continue
		echo "--- the end of ${log##*/}"
		tail -n 40 "$log"
	done
}

# In hundredths of a second, whatever the time of day is set to.
uptime_now() {
	local now

	read -r now _ </proc/uptime
	echo "${now/./}"
}

# Between two tries it waits three times as long as one takes, so that what is waited for
# has the processors.
wait_for_quiet() {
	local end=$(($(uptime_now) + $1 * 100 * ${IKEFP_TIME_SCALE:-1})) began now pause
	shift

	while began=$(uptime_now) && ! "$@"; do
		now=$(uptime_now)
		[ "$now" -lt "$end" ] || return 1
		pause=$(((now - began) * 3))
		pause=$((pause < 5 ? 5 : pause > 50 ? 50 : pause))
		sleep "0.$(printf %02d "$pause")"
	done
}

# wait_for SECONDS COMMAND...: until the command succeeds, but not for longer
# ($IKEFP_TIME_SCALE times as long on a kernel that is so much slower).
wait_for() {
	wait_for_quiet "$@" >/dev/null 2>&1 && return
	echo "waited $1 s in vain for: ${*:2}"
	return 1
}

script_end() {
	local status=$?

	trap - EXIT ERR
	set +e
	cleanup_end
	rm -rf "$work"
	exec >&- 2>&-
	wait ${ktap_filter:+"$ktap_filter"}
	exit $status
}
trap script_end EXIT
trap 'exit 143' TERM INT HUP
