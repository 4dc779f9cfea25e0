#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd to ikefpd: IKE SAs are rekeyed, by either end, by both at once, with their Child
# SAs and while a daemon dies of it; no packet is lost, and nothing is left behind.

. "${0%/*}/lib.sh"

# up TOPOLOGY CONFIGURATION
up() {
	"$1"
	ikefpd_start gw2 < <("$2" gw2)
	ikefpd_start gw1 < <("$2" gw1)
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	ping_start lan1 "$lan2_addr"
}

# works PAIR: both ends ask for something, and have the same Child SA as before.
works() {
	local gateway

	ike_settled
	[ "$(inbound gw1)" = "$1" ]
	for gateway in gw1 gw2; do
		rekey_child "$gateway"
	done
	settled
	ping_more 5
	no_ping_lost
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	for gateway in gw1 gw2; do
		no_kernel_sas "$gateway"
	done
}

by_either_end() {
	local pair gateway

	up "$@"
	pair=$(inbound gw1)
	for gateway in gw1 gw2 gw1; do
		rekey_ike "$gateway"
		ping_more 5
	done
	works "$pair"
}

at_once() {
	local pair

	up topo_far conf_both
	pair=$(inbound gw1)
	collide_ike gw1
	[ "$(inbound gw1)" = "$pair" ]
	no_ping_lost
	both_answered
}

# Lifetimes of IKE SAs and of Child SAs that end all the time, at both ends.
lifetimes() {
	local before pair round

	CONN='rekey_time = 3s
		over_time = 20s' CHILD='rekey_time = 2s
		life_time = 30s' up topo_nat psk_conf
	for round in 1 2; do
		pair=$(inbound gw1) before=$(ike_spis gw1)
		wait_for 30 inbound_is_other gw1 "$pair"
		wait_for 30 ike_is_other gw1 "$before"
	done
	ping_more 20
	no_ping_lost
	both_answered
}

# dies WHOSE WHO: WHO's daemon dies while WHOSE rekeys: its request, or the answer, is on its
# way.
dies() {
	local before

	before=$(ike_spis "$1")
	swanctl "$1" --rekey --ike gw
	ikefpd_kill "$2"
	ping_more 20
	ikefpd_start "$2" < <(psk_conf "$2")
	wait_for 20 ike_is_other "$1" "$before"
	ike_settled
}

killed() {
	local pair

	up topo_slow psk_conf
	pair=$(inbound gw1)
	dies gw1 gw1
	dies gw2 gw2
	dies gw1 gw2
	dies gw2 gw1
	[ "$(inbound gw1)" = "$pair" ]
	ping_more 20
	no_ping_lost
	both_answered
}

need_module
ktap_plan 4 1
testcase "by either end, NAT, IPv4" by_either_end topo_nat psk_conf
FAMILY=6 IKE_PROPOSALS=chacha20poly1305-prfsha512-modp2048 \
	again "by either end, direct, IPv6" by_either_end topo_direct conf_both
testcase "by both at once" at_once
testcase "with Child SAs, in time" lifetimes
testcase "daemons die of it" killed
ktap_end
