#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two gateways' own handshakes and ESP are recorded, changed by chance, and sent to one
# of them from the other's address, while their tunnel is up. Every datagram is accounted
# for, no answer is longer than what asked for it, and the tunnel stays and can be taken
# down. fuzz-packets does the same to SAs in all their states.

. "${0%/*}/lib.sh"

# recorded FILE: tcpdump has begun, its file's header is there.
recorded() {
	[ -s "$1" ]
}

handshakes() {
	local recorder messages=$((${FUZZ_MESSAGES:-2000} / 20))

	topo_direct
	# ESP in UDP, and the move to port 4500.
	CONN='encap = yes'
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	# At once, or what came in the last second would be lost with it.
	start_in gw2 tcpdump tcpdump -Z root --immediate-mode -U -n -i wan -w "$work/recording" 'udp'
	recorder=$started_pid
	wait_for 10 recorded "$work/recording"
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	kill "$recorder"
	wait_for 10 process_gone "$recorder"

	gw1 "$(program fuzz-gateway)" "$work/recording" "$gw1_addr" "$gw2_addr" \
		"/run/netns/$netns_gw2" "$messages"
	one_child_sa_each
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

need_module
ktap_plan 2
FAMILY=4 testcase "IPv4" handshakes
FAMILY=6 testcase "IPv6" handshakes
ktap_end
