#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The time of day jumps: nothing here goes by it. It is the machine's, so that it is set
# right again after each case, whatever has failed.

. "${0%/*}/lib.sh"

HOUR=3600

now() {
	date +%s
}

# step SECONDS: and the time of day stays off by as much.
step() {
	local before=$(now)

	date -s "@$(($(now) + $1))"
	[ $(($(now) - before - $1)) -le 60 ]
}

clock_offset=$(($(now) - $(uptime_now) / 100))
set_right() {
	date -s "@$((clock_offset + $(uptime_now) / 100))" >/dev/null
}

gateways() {
	topo_nat
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
}

# stepped SECONDS: in the middle of each exchange of a tunnel's life.
stepped() {
	gateways
	in_exchanges step "$1"
}

# A tunnel goes on working, and the next one works, though the first seems to be younger.
stepped_after() {
	gateways
	swanctl gw1 --initiate --child net --timeout 20
	step "$1"
	both_answered
	swanctl gw1 --list-sas
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered
}

# What a killed daemon has left would be preferred by XFRM, since it seems to be younger.
stepped_while_dead() {
	gateways
	swanctl gw1 --initiate --child net --timeout 20
	kill -9 "$started_pid"
	wait_for 10 process_gone "$started_pid"
	step -$HOUR
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered
}

clockcase() {
	testcase "$@"
	set_right
}

need_module
ktap_plan 5
clockcase "an hour forward in mid-exchange" stepped $HOUR
clockcase "an hour back in mid-exchange" stepped -$HOUR
clockcase "an hour forward with a tunnel" stepped_after $HOUR
clockcase "an hour back with a tunnel" stepped_after -$HOUR
clockcase "an hour back while the daemon is dead" stepped_while_dead
ktap_end
