#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A flood of IKE_SA_INIT requests from forged sources, as much as the link takes, on a
# gateway with a tunnel: the tunnel goes on, and a new peer, which is asked for a cookie,
# gets through. The gateways are ikefpd's, and strongSwan in either role.

. "${0%/*}/lib.sh"

flood=${BASH_SOURCE[0]%/*}/lib/flood.py

# flood_gw2 [PER-SECOND]: comes from the router, so that it fills what gw1 sends over.
flood_gw2() {
	start_in nat flood "$flood" right $mac_gw2 "$gw2_addr" "$@"
	flood_pid=$started_pid
}

# counter GATEWAY NAME
counter() {
	run_in "$1" "$(program ikefp)" show --json |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["counters"][sys.argv[1]])' "$2"
}

# counted GATEWAY NAME NUMBER: at least so many.
counted() {
	[ "$(counter "$1" "$2")" -ge "$3" ]
}

# strongSwan has half-open SAs.
strongswan_has_half_open() {
	swanctl gw2 --stats | grep -qE "IKE_SAs: [0-9]+ total, ([1-9][0-9]*) half-open"
}

# A tunnel through the flood, and a new one.
ikefpd_under_flood() {
	local sent

	topo_nat
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	# What leaves for gw2 is 2 Mbit/s, of which the flood wants more.
	netem nat right rate 2mbit limit 50
	flood_gw2
	wait_for 30 counted gw2 cookies-sent 200
	one_child_sa_each
	both_answered
	# New peers get in, by cookie.
	swanctl gw1 --terminate --ike gw --timeout 40
	fails counted gw2 cookies-accepted 1
	swanctl gw1 --initiate --child net --timeout 40
	counted gw2 cookies-accepted 1
	one_child_sa_each
	both_answered
	# Half-open SAs stay at the number from which on cookies are asked for, give or take
	# the processors at work on a request, and the new peer's.
	[ "$(counter gw2 half-open)" -le 104 ]
	sent=$(counter gw2 cookies-sent)
	wait_for 30 counted gw2 cookies-sent $((sent + 100))
	kill -0 "$flood_pid"
	answered lan1 "$lan2_addr"
}

# strongSwan returns the cookie that we ask it for; AUTH is over the request with it.
strongswan_is_asked() {
	local tracing=/sys/kernel/tracing

	mountpoint -q $tracing || mount -t tracefs none $tracing
	echo 1 >$tracing/events/ikefp/ikefp_cookie/enable
	echo >$tracing/trace
	topo_nat
	ikefpd_start gw2 < <(psk_conf gw2)
	strongswan_start gw1 < <(psk_conf gw1)
	flood_gw2
	wait_for 30 counted gw2 cookies-sent 200
	netem gw1 wan loss 10%
	swanctl gw1 --initiate --child net --timeout 40
	counted gw2 cookies-accepted 1
	echo 0 >$tracing/events/ikefp/ikefp_cookie/enable
	grep -m 1 -E 'ikefp_cookie: .* sent' $tracing/trace
	grep -m 1 -E 'ikefp_cookie: .* accepted' $tracing/trace
	grep COOKIE "$work/gw1.log"
	one_child_sa_each
	both_answered
}

# And ikefpd the one of strongSwan, through the NAT, and where packets are lost.
strongswan_asks() {
	topo_nat
	CHARON='cookie_threshold = 1' strongswan_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	flood_gw2 20
	wait_for 30 strongswan_has_half_open
	netem gw1 wan loss 10%
	netem gw2 wan loss 10%
	swanctl gw1 --initiate --child net --timeout 40
	grep "wants a COOKIE back" "$work/gw1.log"
	[ "$(child_sas gw1)" = 1 ]
	both_answered
}

need_module
ktap_plan 6
for FAMILY in 4 6; do
	testcase "ikefpd in a flood, IPv$FAMILY" ikefpd_under_flood
	testcase "strongSwan is asked for a cookie, IPv$FAMILY" strongswan_is_asked
	testcase "strongSwan asks for a cookie, IPv$FAMILY" strongswan_asks
done
ktap_end
