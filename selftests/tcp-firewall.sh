#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# transport = auto: UDP where it passes; TCP through a firewall that knows nothing else, and back
# to UDP when that opens.

. "${0%/*}/lib.sh"
. "$selftests/lib/stream.sh"

auto_gateways() {
	ikefpd_start gw2 < <(tcp_conf gw2)
	ikefpd_start gw1 < <(TRANSPORT=auto tcp_conf gw1)
}

# Nothing is in the way: nobody opens a TCP connection.
open_way() {
	topo_nat
	auto_gateways
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	by_udp gw1
	[ "$(counter gw1 streams-opened)" = 0 ]
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# It falls back, and comes back when the firewall opens: another tunnel is beside the one by TCP
# before that goes, so that no packet is lost.
back_and_forth() {
	local learnt

	topo_nat
	udp_blocked nat
	auto_gateways
	swanctl gw1 --initiate --child net --timeout 30
	both_answered
	by_tcp gw1
	by_tcp gw2
	learnt=$SECONDS
	grep 'was sent to .* 3 times by UDP and not answered: trying TCP' "$work/gw1.log"
	# What was learnt holds for the next one, for half a minute: nothing goes by UDP first.
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	[ "$(nft_packets nat firewall blocked)" -ge 3 ]
	swanctl gw1 --initiate --child net --timeout 30
	both_answered
	by_tcp gw1
	[ $((SECONDS - learnt)) -ge 15 ] || [ "$(grep -c 'by UDP and not answered' "$work/gw1.log")" = 1 ]
	ping_start lan1 "$lan2_addr"
	udp_unblocked nat
	wait_for 90 by_udp gw1
	by_udp gw2
	ping_more 10
	no_ping_lost
	grep 'UDP passes to .*: no more TCP' "$work/gw1.log"
	settled
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# UDP does not pass yet when it is tried again: what is there by TCP is as it was.
not_yet() {
	local before

	topo_nat
	udp_blocked nat
	auto_gateways
	swanctl gw1 --initiate --child net --timeout 30
	both_answered
	before=$(ike_spis gw1)
	ping_start lan1 "$lan2_addr"
	# An address more, and what was known of the network does not count any more.
	gw1 ip address add 203.0.113.1/32 dev lo
	wait_for 20 grep -q 'goes by TCP: trying UDP' "$work/gw1.log"
	wait_for 20 one_ike_sa_alone gw1
	ping_more 10
	no_ping_lost
	[ "$(ike_spis gw1)" = "$before" ]
	by_tcp gw1
	udp_unblocked nat
	gw1 ip address add 203.0.113.2/32 dev lo
	wait_for 30 by_udp gw1
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

one_ike_sa_alone() {
	[ "$(ike_sas "$1" | wc -l)" = 1 ]
}

# Neither passes: UDP goes on being tried beside TCP, and it is UDP that comes back.
neither() {
	local pid

	topo_nat
	udp_blocked nat
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(TRANSPORT=auto tcp_conf gw1)
	swanctl gw1 --initiate --child net --timeout 60 &
	pid=$!
	wait_for 20 grep -q 'no TCP connection to .*: Connection refused' "$work/gw1.log"
	udp_unblocked nat
	wait $pid
	both_answered
	by_udp gw1
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

need_module
ktap_plan 4 1
FAMILY=4 testcase "nothing in the way" open_way
FAMILY=4 testcase "UDP is dropped, and passes again" back_and_forth
FAMILY=6 again "UDP is dropped, and passes again, IPv6" back_and_forth
FAMILY=6 testcase "UDP does not pass yet" not_yet
FAMILY=4 testcase "TCP is refused, too" neither
ktap_end
