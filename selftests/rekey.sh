#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd to ikefpd: Child SAs are rekeyed, by either end, by both at once and at the end
# of their lifetimes, and no packet is lost to it; and one IKE SA has several.

. "${0%/*}/lib.sh"

up() {
	"$1"
	ikefpd_start gw2 < <(conf_"$1" gw2)
	ikefpd_start gw1 < <(conf_"$1" gw1)
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
}

conf_topo_nat() {
	psk_conf "$1"
}

conf_topo_far() {
	conf_both "$1"
}

conf_topo_direct() {
	conf_both "$1"
}

by_either_end() {
	local round

	up "$1"
	ping_start lan1 "$lan2_addr"
	# The responder goes on with the old one until it is deleted, but no longer.
	swanctl gw1 --rekey --child net
	only_new_used gw2
	for round in 1 2; do
		rekey_child gw1
		ping_more 5
		rekey_child gw2
		ping_more 5
	done
	settled
	ping_more 5
	no_ping_lost
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

with_key_exchange() {
	ESP_PROPOSALS=aes256gcm16-x25519 by_either_end "$1"
	grep -q 'selected proposal: ESP:.*CURVE_25519' "$work"/gw2.log
}

# heard: by the host behind the other gateway.
heard() {
	[ -s "$work/listener.log" ]
}

# What a socket has once found it keeps, until it has to look again.
socket_that_is_connected() {
	local before used

	up topo_far
	start_in lan2 listener socat -u UDP-RECV:7777 STDOUT
	start_in gw1 talker socat -u SYSTEM:'while sleep 0.05; do echo word; done' \
		"UDP:$lan2_addr:7777,bind=${lan1_addr%2}1"
	wait_for 20 heard
	swanctl gw2 --rekey --child net
	wait_for 20 passed_over gw1
	before=$(counted gw1)
	wait_for 20 more_counted gw1 "$before"
	used=$(newly_counted gw1 "$before")
	[ "$(wc -l <<<"$before")" = 4 ]
	in_use gw1 | grep -x "$used"
}

at_once() {
	up topo_far
	ping_start lan1 "$lan2_addr"
	collide_child
	no_ping_lost
	both_answered
}

# killed GATEWAY: its daemon dies while it rekeys.
killed() {
	local before

	up topo_nat
	ping_start lan1 "$lan2_addr"
	before=$(inbound "$1")
	swanctl "$1" --rekey --child net
	ikefpd_kill "$1"
	ping_more 20
	ikefpd_start "$1" < <(psk_conf "$1")
	wait_for 20 inbound_is_other "$1" "$before"
	settled
	ping_more 20
	no_ping_lost
	both_answered
}

# A life that ends without rekeying ends the Child SA.
end_of_life() {
	CHILD='rekey_time = 0s
		life_time = 3s' up topo_direct
	swanctl gw1 --list-sas --raw | grep -q 'life-time='
	taken_down
}

# What carries nothing is deleted; not what does.
inactivity() {
	CHILD='inactivity = 3s' up topo_direct
	ping_start lan1 "$lan2_addr"
	ping_more 500
	[ "$(child_sas gw1)" = 1 ]
	no_ping_lost
	taken_down
	grep 'has carried nothing for 3 s' "$work"/gw?.log
}

second_child() {
	CHILD="}
		more {
			local_ts = 10.8.0.0/16
			remote_ts = 10.8.0.0/16" up topo_direct
	swanctl gw1 --initiate --child more --timeout 20
	[ "$(child_sas gw1)" = 2 ]
	[ "$(child_sas gw2)" = 2 ]
	[ "$(xfrm_states gw2)" = 4 ]
	[ "$(kernel_sas_in gw1 established)" = 1 ]
	swanctl gw2 --rekey --child more
	ping_start lan1 "$lan2_addr"
	swanctl gw1 --terminate --child more --timeout 20
	ping_more 5
	no_ping_lost
	settled
	swanctl gw2 --terminate --ike gw --timeout 20
	taken_down
}

need_module
ktap_plan 9 1
testcase "by either end, NAT, IPv4" by_either_end topo_nat
FAMILY=6 again "by either end, direct, IPv6" by_either_end topo_direct
testcase "with a key exchange" with_key_exchange topo_direct
testcase "by the peer, of a socket that is connected" socket_that_is_connected
testcase "by both at once" at_once
testcase "the initiator's daemon dies meanwhile" killed gw1
testcase "the responder's daemon dies meanwhile" killed gw2
testcase "the end of a life" end_of_life
testcase "inactivity" inactivity
testcase "a second Child SA" second_child
ktap_end
