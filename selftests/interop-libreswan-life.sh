#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd and Debian's Libreswan: keepalives, liveness asked by either, DELETE from either, an end
# that dies, one that comes back, and a mapping of a NAT that changes under a tunnel.
#
# Not with Libreswan 4.10: its keepalives, which it looks after once, at the end of IKE_AUTH, where
# it finds that none is due; and ikefpd behind a NAT whose mapping changes, which it does not see.

. "${0%/*}/lib.sh"
. "$selftests/lib/interop.sh"

# up INSIDE OUTSIDE: who is gw1, behind the NAT, and who is gw2.
up() {
	topo_nat
	daemon_start gw2 "$2"
	daemon_start gw1 "$1"
	initiate gw1
}

# pluto_asks GATEWAY: for signs of life, each second.
pluto_asks() {
	pluto_conf "$1"
	printf '    %s\n' dpddelay=1 dpdtimeout=5 dpdaction=clear retransmit-timeout=3
}

# Keepalives are sent when nothing else was for a second: signs of life come more seldom.
ikefpd_keeps() {
	CONN='dpd_delay = 3s' psk_conf "$1"
	charon_conf 'keep_alive = 1s' 'retransmit_timeout = 0.3' 'retransmit_tries = 3'
}

they_ask() {
	local before

	PLUTO_CONF=pluto_asks up libreswan ikefpd
	wait_for 20 counter_at_least gw2 liveness-answered 3
	established
	both_answered
	echo "--- ikefpd dies"
	ikefpd_kill gw2
	# The module answers for it.
	answered lan1 "$lan2_addr"
	before=$(counter gw2 liveness-answered)
	wait_for 20 counter_at_least gw2 liveness-answered $((before + 3))
	established
	echo "--- and the module goes silent, too"
	ikefpd_start gw2 < <(psk_conf gw2)
	gw2 nft add table inet mute
	gw2 nft add chain inet mute out '{ type filter hook output priority 0; }'
	gw2 nft add rule inet mute out udp sport '{ 500, 4500 }' drop
	wait_for 30 gone gw1
}

we_ask() {
	CONF=ikefpd_keeps up ikefpd libreswan
	wait_for 20 counter_at_least gw1 liveness-asked 3
	wait_for 20 counter_at_least gw1 keepalives-sent 3
	counter_is gw1 peers-dead 0
	counter_is gw1 rx-keepalive 0
	established
	both_answered
	echo "--- Libreswan dies"
	kill -9 "$(<"$work/gw2/pid")"
	wait_for 20 no_child_sas gw1
	counter_is gw1 peers-dead 1
	no_xfrm gw1
	echo "--- and is there again"
	rm -f "$work/gw2/run"/*
	gw2 ip xfrm state flush
	gw2 ip xfrm policy flush
	daemon_start gw2 libreswan
	initiate gw1
}

# Each end deletes Child SA and IKE SA.
deletes() {
	topo_direct
	libreswan_pair
	initiate gw1
	swanctl gw1 --terminate --child net --timeout 20
	wait_for 20 established 0
	swanctl gw1 --initiate --child net --timeout 20
	wait_for 20 established
	both_answered
	whack gw2 --deletestate "$(child_state)"
	wait_for 20 established 0
	whack gw2 --name gw --initiate
	wait_for 20 established
	both_answered
	whack gw2 --name gw --terminate
	wait_for 20 no_kernel_sas gw1
}

# child_state: the number of pluto's last Child SA.
child_state() {
	whack gw2 --showstates |
		sed -n 's/^000 #\([0-9]*\): .*STATE_V2_ESTABLISHED_CHILD_SA.*/\1/p' | tail -n 1
}

# Either is started again, having forgotten its tunnel.
pluto_initial() {
	PLUTO_CONN='    initial-contact=yes' pluto_conf "$1"
}

starts_again() {
	local before

	topo_direct
	PLUTO_CONF=pluto_initial libreswan_pair
	initiate gw2
	kill -9 "$(<"$work/gw2/pid")"
	wait_for 10 process_gone "$(<"$work/gw2/pid")"
	rm -f "$work/gw2/run"/*
	gw2 ip xfrm state flush
	gw2 ip xfrm policy flush
	PLUTO_RIGHT=$gw1_addr PLUTO_CONF=pluto_initial daemon_start gw2 libreswan
	initiate gw2
	[ "$(ike_sas gw1 | wc -l)" = 1 ]
	echo "--- ikefpd, which carries on"
	ikefpd_kill gw1
	ikefpd_start gw1 < <(conf_both gw1)
	established
	both_answered
	terminate gw2
}

# rebinding [ADDRESS]: Libreswan is behind the NAT.
rebinding() {
	up libreswan ikefpd
	nat_forgets "$@"
	lan1 ping -n -q -c 1 -W 1 "$lan2_addr" || echo "the first was not answered"
	lan1 ping -n -q -c 10 -i 0.1 -W 1 "$lan2_addr" | grep -q ' 0% packet loss'
	answered lan2 "$lan1_addr"
	established
	terminate gw1
}

need_module
ktap_plan 6
testcase "Libreswan asks for signs of life" they_ask
testcase "ikefpd asks for signs of life, Libreswan dies" we_ask
testcase "either deletes" deletes
testcase "either starts again" starts_again
testcase "another port, Libreswan inside" rebinding
testcase "another address, Libreswan inside" rebinding "$(elsewhere)"
ktap_end
