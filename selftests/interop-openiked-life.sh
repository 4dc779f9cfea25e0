#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd and OpenIKED across a NAT: keepalives, liveness, DELETE from either end, daemons that
# end, one that comes back, and a mapping that changes under a tunnel.
#
# OpenIKED does not ask for signs of life on Linux before the peer has been silent for five
# minutes (the kernel does not tell it when an SA was last used), nor does it follow a peer to
# another address: ikefpd is not behind the NAT that changes its mind. It ends without a DELETE.

. "${0%/*}/lib.sh"
. "$selftests/lib/interop.sh"

ESP_PROPOSALS=aes256-sha1

# up INSIDE OUTSIDE: who is gw1, behind the NAT, and who is gw2.
up() {
	topo_nat
	daemon_start gw2 "$2"
	CONF=conf_of_gw1 daemon_start gw1 "$1"
	initiate gw1
}

conf_of_gw1() {
	psk_conf "$1"
	charon_conf 'keep_alive = 1s' 'retransmit_timeout = 0.3' 'retransmit_base = 1' 'retransmit_tries = 3'
}

# Every 20 s.
their_keepalives() {
	up openiked ikefpd
	wait_for 30 counter_at_least gw2 rx-keepalive 1
	counter_is gw2 keepalives-sent 0
	both_answered
}

our_keepalives() {
	up ikefpd openiked
	wait_for 10 counter_at_least gw1 keepalives-sent 3
	counter_is gw1 rx-keepalive 0
	both_answered
}

we_ask() {
	CONN='dpd_delay = 1s' up ikefpd openiked
	wait_for 10 counter_at_least gw1 liveness-asked 3
	counter_is gw1 peers-dead 0
	established
	both_answered
}

# Its tunnel is taken away when it does not answer; it comes back.
openiked_ends() {
	local pid

	CONN='dpd_delay = 1s' up ikefpd openiked
	pid=$(<"$work/gw2/pid")
	kill "$pid"
	wait_for 10 process_gone "$pid"
	wait_for 10 iked_gone gw2
	wait_for 20 gone gw1
	counter_is gw1 peers-dead 1
	gw2 ip xfrm state flush
	gw2 ip xfrm policy flush
	daemon_start gw2 openiked
	initiate gw1
	terminate gw1
}

iked_gone() {
	[ -z "$(run_in "$1" ss -Hlun 'sport = 500')" ]
}

# ikefpd_ends: it says so.
ikefpd_ends() {
	local pid

	up ikefpd openiked
	pid=$(<"$work/gw1/pid")
	kill "$pid"
	wait_for 10 process_gone "$pid"
	wait_for 10 gone gw1
	wait_for 10 gone gw2
}

# What either end has forgotten the other one still has, for OpenIKED neither sends nor heeds
# INITIAL_CONTACT. With enforcesingleikesa it replaces what it has of a peer; ikefpd does so with
# unique = replace, and otherwise takes it away when it asks for signs of life.
starts_again() {
	local IKED_SET='set enforcesingleikesa'

	topo_direct
	CONF=conf_dies openiked_pair
	initiate gw2
	echo "--- OpenIKED, and ikefpd finds out"
	openiked_forgets
	begins_again gw2
	wait_for 20 established
	counter_is gw1 peers-dead 1
	both_answered
	echo "--- and ikefpd replaces it"
	terminate gw1
	conf_load gw1 < <(CONN='unique = replace' conf_both gw1)
	initiate gw2
	openiked_forgets
	begins_again gw2
	grep 'schedule delete of duplicate IKE_SA for peer' "$work/gw1.log"
	wait_for 30 established
	[ "$(ike_sas gw1 | wc -l)" = 1 ]
	both_answered
	echo "--- ikefpd, and OpenIKED replaces it"
	ikefpd_forgets
	swanctl gw1 --initiate --child net --timeout 20
	wait_for 20 established
	grep 'replaced by IKESA .* (identical DSTID)' "$work/gw2.log"
	both_answered
	terminate gw1
}

conf_dies() {
	CONN='dpd_delay = 2s' conf_both "$1"
	charon_conf 'retransmit_timeout = 0.3' 'retransmit_base = 1' 'retransmit_tries = 3'
}

begins_again() {
	run_in "$1" ikectl active
	wait_for 20 has_states "$1" 2
}

has_states() {
	[ "$(xfrm_states "$1")" = "$2" ]
}

openiked_forgets() {
	local pid

	pid=$(<"$work/gw2/pid")
	kill "$pid"
	wait_for 10 process_gone "$pid"
	wait_for 10 iked_gone gw2
	gw2 ip xfrm state flush
	gw2 ip xfrm policy flush
	openiked_set daemon_start gw2 openiked
}

# Nobody hears it say so.
ikefpd_forgets() {
	gw1 nft -f - <<-'NFT'
	table inet mute {
		chain output {
			type filter hook output priority filter;
			udp sport { 500, 4500 } drop
		}
	}
	NFT
	swanctl gw1 --terminate --ike gw --force --timeout 20
	wait_for 20 no_ike_sas gw1
	gw1 nft delete table inet mute
}

# DELETE of the IKE SA, and of the Child SA alone: OpenIKED's policies stay then, and
# traffic has it ask for another one.
deletes() {
	topo_direct
	openiked_pair
	initiate gw1
	run_in gw2 ikectl reset id FQDN/gw1.example
	wait_for 20 gone gw1
	wait_for 20 gone gw2
	initiate gw2
	swanctl gw1 --terminate --child net --timeout 20
	[ "$(xfrm_states gw1)" = 0 ]
	wait_for 10 no_states gw2
	answered lan2 "$lan1_addr"
	wait_for 10 established
	both_answered
	[ "$(ike_sas gw1 | wc -l)" = 1 ]
	terminate gw2
}

no_states() {
	[ "$(xfrm_states "$1")" = 0 ]
}

# rebinding [ADDRESS]
rebinding() {
	up openiked ikefpd
	nat_forgets "$@"
	lan1 ping -n -q -c 1 -W 1 "$lan2_addr" || echo "the first was not answered"
	lan1 ping -n -q -c 10 -i 0.1 -W 1 "$lan2_addr" | grep -q ' 0% packet loss'
	answered lan2 "$lan1_addr"
	established
	terminate gw2
}

need_module
ktap_plan 9
testcase "OpenIKED sends keepalives" their_keepalives
testcase "ikefpd sends keepalives" our_keepalives
testcase "ikefpd asks for signs of life" we_ask
testcase "OpenIKED ends" openiked_ends
testcase "ikefpd ends" ikefpd_ends
testcase "either starts again" starts_again
testcase "DELETE" deletes
testcase "another port" rebinding
testcase "another address" rebinding "$(elsewhere)"
ktap_end
