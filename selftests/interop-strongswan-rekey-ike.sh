#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd and Debian's strongSwan: IKE SAs are rekeyed by either end, by both at once, and
# while ikefpd's daemon dies of it; no packet is lost.

. "${0%/*}/lib.sh"

# up TOPOLOGY CONFIGURATION INITIATOR RESPONDER: $theirs is strongSwan's gateway.
up() {
	theirs=gw2
	[ "$3" = ikefpd ] || theirs=gw1
	"$1"
	"$4_start" gw2 < <("$2" gw2)
	"$3_start" gw1 < <("$2" gw1)
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	ping_start lan1 "$lan2_addr"
}

# works PAIR: it is the same Child SA as before, and both ends ask for another one.
works() {
	[ "$(inbound gw1)" = "$1" ]
	rekey_child gw1
	ping_more 5
	rekey_child gw2
	ping_more 5
	no_ping_lost "$theirs"
	both_answered
}

rekeyed() {
	local pair gateway

	up "$@"
	pair=$(inbound gw1)
	for gateway in gw1 gw2 gw1; do
		rekey_ike "$gateway"
		ping_more 5
		ike_settled
	done
	works "$pair"
	swanctl gw2 --terminate --ike gw --timeout 20
	taken_down
}

at_once() {
	local pair

	up topo_far conf_both ikefpd strongswan
	pair=$(inbound gw1)
	collide_ike gw1
	[ "$(inbound gw1)" = "$pair" ]
	no_ping_lost
	both_answered
}

# ikefpd's daemon dies while either end rekeys: its request, or the answer, is on its way.
killed() {
	local pair whose before

	up topo_slow psk_conf ikefpd strongswan
	pair=$(inbound gw1)
	for whose in gw1 gw2; do
		before=$(ike_spis gw1)
		swanctl "$whose" --rekey --ike gw
		ikefpd_kill gw1
		ping_more 20
		ikefpd_start gw1 < <(psk_conf gw1)
		wait_for 20 ike_is_other gw1 "$before"
		ike_settled
	done
	works "$pair"
}

need_module
ktap_plan 4
IKE_PROPOSALS=aes128-sha512-modp2048 \
	testcase "ikefpd began, NAT" rekeyed topo_nat psk_conf ikefpd strongswan
FAMILY=6 IKE_PROPOSALS=aes256-sha256-ecp256 \
	testcase "strongSwan began, IPv6" rekeyed topo_direct conf_both strongswan ikefpd
testcase "at the same moment" at_once
testcase "ikefpd's daemon dies of it" killed
ktap_end
