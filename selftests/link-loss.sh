#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The route, the address, the link or the whole device of a gateway goes in the middle of
# an exchange, and comes back after a request was sent once more, or should have been: the
# exchange ends well.

. "${0%/*}/lib.sh"

# gone_and_back WHAT GATEWAY
gone_and_back() {
	"lose_$1" "$2"
	wait_tried gw1
	"restore_$1" "$2"
}

lose_route() {
	"$1" ip route delete default
}

restore_route() {
	local via=via_$1

	"$1" ip route replace default via "${!via}"
}

lose_address() {
	local address=${1}_addr

	"$1" ip address delete "${!address}/24" dev wan
}

restore_address() {
	local address=${1}_addr

	"$1" ip address add "${!address}/24" dev wan
	restore_route "$1"
}

lose_link() {
	"$1" ip link set wan down
}

restore_link() {
	local via=via_$1 mac=via_mac_$1

	"$1" ip link set wan up
	"$1" ip neighbour replace "${!via}" lladdr "${!mac}" dev wan nud permanent
	restore_route "$1"
}

# Both ends of it: gw1's "wan" and the router's "left".
lose_device() {
	"$1" ip link delete wan
}

restore_device() {
	nat_left "$via_gw1/24"
	topo_wan gw1 "$gw1_addr/24" "$via_gw1" $mac_left
}

# lost WHAT GATEWAY: gw1 behind its router begins; its peer answers.
lost() {
	FAMILY=4 topo_nat
	via_gw1=10.0.0.1 via_mac_gw1=$mac_left
	via_gw2=$gw1_seen via_mac_gw2=$mac_right
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	in_exchanges gone_and_back "$1" "$2"
}

# Without a route a tunnel is refused with a reason, and with one set up.
no_route() {
	FAMILY=4 topo_nat
	via_gw1=10.0.0.1
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1 | sed '/local_addrs/d')
	lose_route gw1
	fails swanctl gw1 --initiate --child net --timeout 20 2>&1 | tee "$work/said"
	grep 'no route to the peer' "$work/said"
	restore_route gw1
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered
}

need_module
ktap_plan 7
testcase "the initiator's route" lost route gw1
testcase "the initiator's address" lost address gw1
testcase "the initiator's link" lost link gw1
testcase "the initiator's device" lost device gw1
testcase "the responder's address" lost address gw2
testcase "the responder's link" lost link gw2
testcase "no route from the start" no_route
ktap_end
