#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Child SAs that are rekeyed, or end, by how much they have carried: between two ikefpd, and
# with Debian's strongSwan in both roles. No packet is lost to a rekeying.

. "${0%/*}/lib.sh"

# conf GATEWAY: with what $gw1 or $gw2 say of its child.
conf() {
	CHILD=${!1:-} conf_both "$1"
}

# up INITIATOR RESPONDER
up() {
	topo_direct
	"$2_start" gw2 < <(conf gw2)
	"$1_start" gw1 < <(conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	ping_start lan1 "$lan2_addr"
}

# rekeyed NUMBER: so often, one after the other.
rekeyed() {
	local before round

	for ((round = 0; round < $1; round++)); do
		before=$(inbound gw1)
		wait_for 30 inbound_is_other gw1 "$before"
	done
	ping_more 20
}

few_packets='rekey_packets = 150
	rand_packets = 30
	life_packets = 20000'
few_octets='rekey_bytes = 15k
	rand_bytes = 3k
	life_bytes = 2m'

# by_limits SETTING...: of gw1 and gw2, all that is said of them.
by_limits() {
	local "$@"

	up ikefpd ikefpd
	rekeyed 3
	no_ping_lost
	both_answered
	grep -h 'before it is rekeyed' "$work"/gw?.log | tail -n 3
	fails grep 'as much as it may$' "$work"/gw?.log
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# A hard limit without a soft one: what it cuts off is lost, and another one is set up.
ends() {
	gw1='life_packets = 100' up ikefpd ikefpd
	wait_for 20 grep 'as much as it may$' "$work/gw1.log"
	ping_more 20
	ping_stop
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# It is reached while there is no daemon to hear of it.
not_heard() {
	local before

	gw1=$few_packets up ikefpd ikefpd
	before=$(inbound gw1)
	ikefpd_kill gw1
	ping_more 200
	ikefpd_start gw1 < <(gw1=$few_packets conf gw1)
	wait_for 20 inbound_is_other gw1 "$before"
	ping_more 20
	no_ping_lost
	both_answered
}

by_strongswan() {
	gw2=$few_packets up ikefpd strongswan
	rekeyed 2
	no_ping_lost gw2
	both_answered
}

of_strongswan() {
	gw1=$few_packets up ikefpd strongswan
	rekeyed 2
	no_ping_lost gw2
	both_answered
}

need_module
ktap_plan 7
testcase "packets, of the initiator" by_limits gw1="$few_packets"
testcase "octets, of the responder" by_limits gw2="$few_octets"
testcase "both, of both" by_limits gw1="$few_packets" gw2="$few_octets"
testcase "no more than that" ends
testcase "while the daemon is dead" not_heard
testcase "strongSwan's" by_strongswan
testcase "with strongSwan" of_strongswan
ktap_end
