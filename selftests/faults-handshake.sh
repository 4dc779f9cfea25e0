#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each allocation that the module makes, for whatever reason, while ikefpd sets a tunnel up
# with ikefpd and takes it down, fails in turn: it comes to nothing, or to an error that
# says so; the next try works, and nothing is left of the first. Needs a kernel that can be
# told to fail allocations, as faults.c does.

. "${0%/*}/lib.sh"

# Every how many-th allocation; all of them with FAULT_EVERY=1.
FAULT_EVERY=${FAULT_EVERY:-30}
FAULT_FIRST=${FAULT_FIRST:-1}

failslab=/sys/kernel/debug/failslab

set_failslab() {
	while [ $# -gt 0 ]; do
		echo "$2" >"$failslab/$1"
		shift 2
	done
}

# fail_never: allocations succeed.
fail_never() {
	[ ! -w $failslab/probability ] || set_failslab probability 0 times 0
}

# How many have yet to fail: 1 or 0.
to_fail() {
	cat $failslab/times
}

# fail_nth N: of the allocations for which the module is on the stack, on any processor and
# in any context, the Nth from here on fails.
fail_nth() {
	local text size

	# The kernel fails those at which its count of them is a multiple of the interval.
	# A process of ours that has one fail, be it which it will, brings the count to one.
	set_failslab probability 0 verbose 0 ignore-gfp-wait N space 0 interval "$1" \
		require-start 0 require-end 0xffffffffffffffff task-filter Y times 1
	(
		trap - ERR
		echo 1 >"/proc/$BASHPID/make-it-fail"
		set_failslab probability 100
		for ((i = 0; i < 10 * $1; i++)); do
			: </dev/null
		done
	) 2>/dev/null || :
	set_failslab probability 0
	[ "$(to_fail)" = 0 ]
	read -r size text < <(awk '$1 == "ikefp" { print $2, $6 }' /proc/modules)
	set_failslab task-filter N require-start "$text" \
		require-end "$(printf '0x%x' $((text + size)))" stacktrace-depth 32 \
		times 1 probability 100
}

# impatient GATEWAY: who gives up a request after some seconds, not after a minute.
impatient() {
	conf_both "$1"
	printf 'charon {\nretransmit_timeout = 1\nretransmit_base = 1\nretransmit_tries = 5\n}\n'
}

# in_turn: the allocations of a tunnel's setup and end.
in_turn() {
	local n failed=0

	topo_direct
	ikefpd_start gw2 < <(impatient gw2)
	ikefpd_start gw1 < <(impatient gw1)
	for ((n = FAULT_FIRST; ; n += FAULT_EVERY)); do
		fail_nth "$n"
		if ! swanctl gw1 --initiate --child net --timeout 20 >"$work/said" 2>&1; then
			failed=$((failed + 1))
			echo "allocation $n: $(<"$work/said")"
			grep -q '^initiate failed: .*[a-z]' "$work/said"
		fi
		swanctl gw1 --terminate --ike gw --timeout 20 || :
		[ "$(to_fail)" = 0 ] || break
		fail_never
		swanctl gw1 --initiate --child net --timeout 20
		one_tunnel
		answered lan1 "$lan2_addr"
		swanctl gw1 --terminate --ike gw --timeout 20
		taken_down
	done
	fail_never
	echo "$failed handshakes failed because of one in $n allocations"
	[ "$n" -gt 50 ]
}

# The module's and XFRM's view: the daemons' is asked for after it.
one_tunnel() {
	local gw

	for gw in gw1 gw2; do
		[ "$(xfrm_states $gw)" = 2 ]
		[ "$(kernel_sas_in "$gw" established)" = 1 ]
	done
}

need_module
{ [ -w $failslab/probability ] && [ -w /proc/self/make-it-fail ]; } ||
	ktap_skip_all "the kernel cannot be told to fail allocations"
ktap_plan 1
testcase "an allocation of a tunnel's setup or end fails" in_turn
fail_never
ktap_end
