#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd to ikefpd across a NAT: its mapping is kept; when it changes all the same, the
# tunnel goes on; and a peer that has gone is noticed.

. "${0%/*}/lib.sh"

# up GW1-SETTING...: the tunnel; the settings are of gw1's charon section, $CONN of its
# connection.
up() {
	topo_nat
	gather
	ikefpd_start gw2 < <(CONN='' psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1; charon_conf "$@")
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
}

# The side behind the NAT keeps its mapping, as long as nothing else does.
keepalives() {
	local before

	up 'keep_alive = 4s'
	wait_for 20 counter_at_least gw2 rx-keepalive 2
	counter_at_least gw1 keepalives-sent 2
	counter_is gw2 keepalives-sent 0
	# Both ends of the SA say so.
	shown gw1 | grep '^  peer: .*; keepalives to the NAT$'
	fails eval 'shown gw1 | grep "^  peer: .*followed"'
	shown gw2 | grep '^  peer: .*, followed where it moves$'
	before=$(counter gw1 keepalives-sent)
	lan1 ping -q -c 60 -i 0.2 "$lan2_addr" >/dev/null
	# Within 12 s of ESP three would have gone: one may, before its first packet.
	[ "$(counter gw1 keepalives-sent)" -le $((before + 1)) ]
}

# moved_by_esp [ADDRESS]: the next packet from inside is ESP.
moved_by_esp() {
	local before

	up
	before=$(remote_of gw2)
	nat_forgets "$@"
	# The way back is not known before something has come from inside.
	fails run_in lan2 ping -n -q -c 1 -W 1 "$lan1_addr"
	lan1 ping -n -q -c 1 -W 1 "$lan2_addr" || echo "the first was not answered"
	lan1 ping -n -q -c 10 -i 0.1 -W 1 "$lan2_addr" | grep -q ' 0% packet loss'
	answered lan2 "$lan1_addr"
	[ "$(remote_of gw2)" != "$before" ]
	remote_is gw2 "$gw1_seen"
	one_child_sa_each
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# moved_by_ike [ADDRESS]: it is IKE, a question of gw1's for a sign of life.
moved_by_ike() {
	local before

	CONN='dpd_delay = 1s' up
	before=$(remote_of gw2)
	nat_forgets "$@"
	wait_for 10 counter_is gw2 sas-moved 1
	[ "$(remote_of gw2)" != "$before" ]
	remote_is gw2 "$gw1_seen"
	# ESP follows: what comes from outside goes through.
	wait_for 5 run_in lan2 ping -n -q -c 1 -W 1 "$lan1_addr"
	lan2 ping -n -q -c 10 -i 0.1 -W 1 "$lan1_addr" | grep -q ' 0% packet loss'
	one_child_sa_each
}

# What ESP has counted so far goes on counting, each way, and XFRM leads to the new place.
keeps_counting() {
	local before after

	up
	lan1 ping -n -q -c 10 -i 0.05 "$lan2_addr" >/dev/null
	before=$(least_packets gw2)
	[ "$before" -ge 10 ]
	nat_forgets "$(elsewhere)"
	lan1 ping -n -q -c 3 -i 0.1 -W 1 "$lan2_addr" >/dev/null || :
	answered lan1 "$lan2_addr"
	after=$(least_packets gw2)
	[ "$after" -gt "$before" ]
	gw2 ip xfrm state | grep -q "src $gw1_seen dst $gw2_addr"
	gw2 ip xfrm state | grep -q "src $gw2_addr dst $gw1_seen"
	gw2 ip xfrm policy | grep -q "tmpl src $gw2_addr dst $gw1_seen"
	gw2 ip xfrm policy | grep -q "tmpl src $gw1_seen dst $gw2_addr"
	[ "$(xfrm_states gw2)" = 2 ]
}

# least_packets GATEWAY: of its ESP SAs, what the one that has carried least has.
least_packets() {
	run_in "$1" ip -s xfrm state | sed -n 's/.* \([0-9]\+\)(packets)$/\1/p' | sort -n | head -1
}

# A peer that is gone: noticed, and its tunnel taken away.
dead() {
	CONN='dpd_delay = 1s' up 'retransmit_timeout = 0.2' 'retransmit_base = 1' \
		'retransmit_tries = 3'
	wait_for 10 counter_at_least gw1 liveness-asked 2
	counter_at_least gw2 liveness-answered 2
	counter_is gw1 peers-dead 0
	nat ip link set right down
	wait_for 20 no_child_sas gw1
	counter_is gw1 peers-dead 1
	wait_for 5 no_xfrm gw1
}

# And with dpd_action = start set up anew when it is back, however late that is.
dead_and_back() {
	CONN='dpd_delay = 1s' CHILD='dpd_action = start' up 'retransmit_timeout = 0.2' \
		'retransmit_base = 1' 'retransmit_tries = 3'
	# The peer forgets, and says nothing.
	gw2 nft add table inet silence
	gw2 nft add chain inet silence input '{ type filter hook input priority filter; policy accept; }'
	gw2 nft add rule inet silence input udp dport '{ 500, 4500 }' drop
	wait_for 20 counter_is gw1 peers-dead 1
	wait_for 30 eval '[ "$(given_up gw1)" = 2 ]'
	swanctl gw1 --list-sas | grep '^gw: #[0-9]*, CONNECTING'
	gw2 nft delete table inet silence
	wait_for 30 child_is_up gw1
	both_answered
	child_is_up gw2
}

# given_up GATEWAY: how many attempts.
given_up() {
	grep -c 'giving up IKE_INIT' "$work/$1.log"
}

child_is_up() {
	[ "$(child_sas "$1")" = 1 ]
}

need_module
ktap_plan 7 2
testcase "keepalives" keepalives
FAMILY=6 testcase "another port, ESP first, IPv6" moved_by_esp
FAMILY=4 testcase "another address, IKE first, IPv4" moved_by_ike "$(FAMILY=4 elsewhere)"
FAMILY=4 again "another port, ESP first, IPv4" moved_by_esp
FAMILY=6 again "another address, IKE first, IPv6" moved_by_ike "$(FAMILY=6 elsewhere)"
FAMILY=4 testcase "another address, ESP first" moved_by_esp "$(FAMILY=4 elsewhere)"
FAMILY=4 testcase "counters and addresses in XFRM" keeps_counting
FAMILY=4 testcase "a peer that is gone" dead
FAMILY=4 testcase "a peer that comes back" dead_and_back
ktap_end
