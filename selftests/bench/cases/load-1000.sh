#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A daemon is given 1,000 connections with start_action = start by swanctl --load-conns:
# seconds until swanctl is done, its own share included; noted, seconds until all of them are
# up, from the same moment. At most 2 s for the former, which is no peer's measure: charon, given
# the same, has them wait for its 16 threads, and is not done in the time that a case has.
#
# Both ends are ikefpd, on one processor. Neither limits half-open IKE SAs and new peers, as all
# come from one address here.

. "${0%/*}/../case.sh"
. "${0%/*}/../many.sh"

MANY=1000

up() {
	[ "$(run_in "$1" ip xfrm state count | awk '{ print $NF }')" -ge $((2 * MANY)) ]
}

load() {
	local began took

	topo_direct
	many_start ikefpd gw2 $MANY
	gw2 "$(program ikefp)" policy source-rate=1000000 init-rate=1000000 \
		cookie-rate=1000000 cookie-half-open=0 cookie-half-open-source=$MANY \
		max-half-open-source=$MANY
	many_start ikefpd gw1 0
	CHILD='start_action = start' many_conf gw1 $MANY >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-creds >/dev/null
	began=$(uptime_ns)
	swanctl gw1 --load-conns >"$work/loaded"
	took=$(($(uptime_ns) - began))
	[ "$(grep -c "^loaded connection" "$work/loaded")" -eq $MANY ]
	wait_for 600 up gw1
	note up "$(seconds $(($(uptime_ns) - began)))"
	wait_for 60 up gw2
	result "$(seconds $took)"
}

uptime_ns() {
	awk '/^now at/ { print $3 }' /proc/timer_list
}

# seconds NS
seconds() {
	printf '%d.%03d' $(($1 / 1000000000)) $(($1 % 1000000000 / 1000000))
}

measure ikefp load
bench_end
