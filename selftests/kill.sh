#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd killed with SIGKILL before each of its calls to the kernel in turn, while a
# tunnel is taken down and another is set up. Started again it carries on, or sets the
# tunnel up anew: both ends then have one, and nothing else.

. "${0%/*}/lib.sh"

# Every how many-th call; all of them with KILL_EVERY=1.
KILL_EVERY=${KILL_EVERY:-5}

# impatient GATEWAY: who gives up a request after two seconds, not after a minute.
impatient() {
	conf_both "$1"
	echo "charon {"
	echo "	retransmit_timeout = $((5 * ${IKEFP_TIME_SCALE:-1} / 10)).$((5 * ${IKEFP_TIME_SCALE:-1} % 10))"
	echo "	retransmit_base = 1"
	echo "	retransmit_tries = 3"
	echo "}"
}

# kill_at N PID: a process is killed when it is about to send its Nth message from here
# on: a command to the module or to XFRM.
kill_at() {
	start strace strace -p "$2" -o "$work/calls" -e trace=sendmsg \
		-e inject=sendmsg:signal=KILL:when="$1"
	wait_for 10 traced "$2"
}

traced() {
	grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$1/status"
}

# only_one_tunnel: at both ends one IKE SA and one Child SA, and policies for no other.
only_one_tunnel() {
	local gw

	one_child_sa_each
	for gw in gw1 gw2; do
		[ "$(kernel_sas_in $gw established)" = 1 ]
		[ "$(run_in "$gw" ip xfrm policy list | grep -c 'tmpl ')" = 3 ]
	done
	answered lan1 "$lan2_addr"
}

# killed_at_each VICTIM PEER
killed_at_each() {
	local victim=$1 peer=$2 n pid kills=0

	topo_direct
	ikefpd_start "$peer" < <(impatient "$peer")
	ikefpd_start "$victim" < <(impatient "$victim")
	swanctl gw1 --initiate --child net --timeout 20
	for ((n = 1; ; n += KILL_EVERY)); do
		pid=$started_pid
		kill_at "$n" "$pid"
		swanctl gw1 --terminate --ike gw --timeout 20 || :
		swanctl gw1 --initiate --child net --timeout 20 || :
		# One that is killed answers no more, and is gone a moment later.
		! swanctl "$victim" --stats >/dev/null 2>&1 || break
		wait_for 10 process_gone "$pid"
		echo "$victim killed before call $n: $(tail -n 2 "$work/calls" | cut -c 1-200)"
		kills=$((kills + 1))
		ikefpd_start "$victim" < <(impatient "$victim")
		swanctl "$victim" --initiate --child net --timeout 20
		wait_for 5 only_one_tunnel
	done
	# It would yet kill it, before the call that was not reached.
	end_process "$started_pid"
	echo "killed $kills times in $n calls"
	only_one_tunnel
	# Each end of a tunnel makes more than ten calls to take it down and set it up.
	[ "$n" -gt 10 ]
}

need_module
ktap_plan 2
testcase "the initiator" killed_at_each gw1 gw2
testcase "the responder" killed_at_each gw2 gw1
ktap_end
