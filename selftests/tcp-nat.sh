#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# By TCP through a NAT, which needs no keepalives for it; and when it forgets the connection, the
# next one comes from another port, or from another address.

. "${0%/*}/lib.sh"
. "$selftests/lib/stream.sh"

up() {
	topo_nat
	udp_blocked nat
	tcp_gateways
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered
	by_tcp gw1
	by_tcp gw2
}

down() {
	[ "$(counter gw1 keepalives-sent)" = 0 ]
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	udp_was_quiet nat
}

# A keepalive would go every second.
tunnel() {
	local TCP_CHARON='keep_alive = 1s'

	up
	rekey_ike gw2
	rekey_child gw1
	sleep 3
	both_answered
	down
}

# What comes by a connection that nobody knows is answered with a reset.
forgotten() {
	local before

	up
	before=$(ike_spis gw1)
	nat_forgets "${1:+$("$1")}"
	ping_start lan1 "$lan2_addr"
	wait_for 30 by_another gw1 1
	wait_for 20 remote_is gw2 "$gw1_seen"
	wait_for 20 answered lan1 "$lan2_addr"
	wait_for 20 answered lan2 "$lan1_addr"
	[ "$(ike_spis gw1)" = "$before" ]
	down
}

need_module
ktap_plan 4 2
FAMILY=4 testcase "through a NAT, IPv4" tunnel
FAMILY=6 testcase "through a NAT, IPv6" tunnel
FAMILY=4 testcase "the NAT forgets the connection" forgotten
FAMILY=6 again "the NAT forgets the connection, IPv6" forgotten
FAMILY=6 testcase "the NAT gets another address" forgotten elsewhere
FAMILY=4 again "the NAT gets another address, IPv4" forgotten elsewhere
ktap_end
