#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd and Debian's strongSwan across a NAT: keepalives, liveness asked by either, a peer
# that comes back, and a mapping that changes under a tunnel.

. "${0%/*}/lib.sh"

# up INSIDE OUTSIDE: who is gw1, behind the NAT, and who is gw2. $CONN is the first one's.
up() {
	topo_nat
	"$2_start" gw2 < <(CONN='' psk_conf gw2)
	"$1_start" gw1 < <(psk_conf gw1; [ "$1" = strongswan ] || charon_conf 'keep_alive = 1s')
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
}

# Both send them only from behind the NAT.
their_keepalives() {
	CHARON='keep_alive = 1s' up strongswan ikefpd
	wait_for 10 counter_at_least gw2 rx-keepalive 2
	counter_is gw2 keepalives-sent 0
}

our_keepalives() {
	up ikefpd strongswan
	wait_for 10 counter_at_least gw1 keepalives-sent 3
	counter_is gw1 rx-keepalive 0
	both_answered
}

# Each asks, and the other one answers.
we_ask() {
	CONN='dpd_delay = 1s' up ikefpd strongswan
	wait_for 10 counter_at_least gw1 liveness-asked 3
	counter_is gw1 peers-dead 0
	one_child_sa_each
	both_answered
}

they_ask() {
	CONN='dpd_delay = 1s' up strongswan ikefpd
	wait_for 20 counter_at_least gw2 liveness-answered 3
	one_child_sa_each
	both_answered
}

# strongSwan is killed: its tunnel is taken away.
they_die() {
	local pid

	topo_nat
	strongswan_start gw2 < <(psk_conf gw2)
	pid=$started_pid
	ikefpd_start gw1 < <(CONN='dpd_delay = 1s' psk_conf gw1
		charon_conf 'retransmit_timeout = 0.3' 'retransmit_tries = 3')
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	kill -9 "$pid"
	wait_for 10 process_gone "$pid"
	wait_for 20 no_child_sas gw1
	counter_is gw1 peers-dead 1
	no_xfrm gw1
}

# strongSwan has forgotten its tunnel, does not say so, and comes from somewhere else.
unique() {
	local pid

	topo_nat
	ikefpd_start gw2 < <(CONN='unique = keep' psk_conf gw2)
	strongswan_start gw1 < <(CONN='unique = never' psk_conf gw1)
	pid=$started_pid
	swanctl gw1 --initiate --child net --timeout 20
	swanctl gw2 --list-conns --raw | grep unique=UNIQUE_KEEP
	kill -9 "$pid"
	wait_for 10 process_gone "$pid"
	gw1 ip xfrm state flush
	gw1 ip xfrm policy flush
	nat_forgets "$(elsewhere)"
	strongswan_start gw1 < <(CONN='unique = never' psk_conf gw1)
	fails swanctl gw1 --initiate --child net --timeout 20
	grep "the IKE_SA that the peer has already is kept" "$work/gw2.log"
	[ "$(child_sas gw2)" = 1 ]

	conf_load gw2 < <(CONN='unique = replace' psk_conf gw2)
	swanctl gw1 --initiate --child net --timeout 20
	grep "deleting duplicate IKE_SA for peer" "$work/gw2.log"
	both_answered
	[ "$(swanctl gw2 --list-sas --raw | grep -o 'state=ESTABLISHED' | wc -l)" = 1 ]
}

# rebinding INSIDE OUTSIDE [ADDRESS]
rebinding() {
	up "$1" "$2"
	nat_forgets "${@:3}"
	lan1 ping -n -q -c 1 -W 1 "$lan2_addr" || echo "the first was not answered"
	lan1 ping -n -q -c 10 -i 0.1 -W 1 "$lan2_addr" | grep -q ' 0% packet loss'
	answered lan2 "$lan1_addr"
	one_child_sa_each
	swanctl gw2 --terminate --ike gw --timeout 20
	taken_down
}

need_module
ktap_plan 9 1
testcase "strongSwan sends keepalives" their_keepalives
testcase "ikefpd sends keepalives" our_keepalives
testcase "ikefpd asks for signs of life" we_ask
testcase "strongSwan asks for signs of life" they_ask
testcase "strongSwan dies" they_die
testcase "strongSwan elsewhere: kept out, in its own place" unique
testcase "another port, strongSwan inside" rebinding strongswan ikefpd
testcase "another address, strongSwan inside" rebinding strongswan ikefpd "$(elsewhere)"
testcase "another port, ikefpd inside" rebinding ikefpd strongswan
FAMILY=6 again "another port, strongSwan inside, IPv6" rebinding strongswan ikefpd
ktap_end
