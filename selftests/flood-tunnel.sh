#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A flood of IKE_SA_INIT requests from forged sources, as much as the link takes, on a
# gateway with a tunnel: the tunnel goes on, and a new peer, which is asked for a cookie,
# gets through, also where the flood leaves no room on the link: what is lost there is sent
# again. The gateways are ikefpd's, and strongSwan in either role.

. "${0%/*}/lib.sh"

flood=${BASH_SOURCE[0]%/*}/lib/flood.py

# flood_gw2 [PER-SECOND]: comes from the router, so that it fills what gw1 sends over.
flood_gw2() {
	start_in nat flood "$flood" right $mac_gw2 "$gw2_addr" "$@"
	flood_pid=$started_pid
}

# strongSwan has half-open SAs.
strongswan_has_half_open() {
	swanctl gw2 --stats | grep -qE "IKE_SAs: [0-9]+ total, ([1-9][0-9]*) half-open"
}

# timed WHAT COMMAND...: says how long it took.
timed() {
	local begin=${EPOCHREALTIME/[^0-9]/}

	"${@:2}"
	echo "$1: $(((${EPOCHREALTIME/[^0-9]/} - begin) / 1000)) ms," \
		"$(counter gw1 retransmits) retransmissions so far"
}

# set_up_by_cookie: gw1 makes its tunnel, and gw2 asks it for a cookie. Who comes in the
# moment when strangers' half-open SAs have expired is not asked, and comes again.
set_up_by_cookie() {
	local try

	fails counter_at_least gw2 cookies-accepted 1
	for try in {1..3}; do
		timed "set up at try $try" swanctl gw1 --initiate --child net --timeout 60
		! counter_at_least gw2 cookies-accepted 1 || return 0
		swanctl gw1 --terminate --ike gw --timeout 60
	done
	return 1
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
	wait_for 30 counter_at_least gw2 cookies-sent 200
	one_child_sa_each
	both_answered
	# New peers get in, by cookie.
	swanctl gw1 --terminate --ike gw --timeout 40
	set_up_by_cookie
	one_child_sa_each
	both_answered
	# Half-open SAs stay at the number from which on cookies are asked for, give or take
	# the processors at work on a request, and the new peer's.
	[ "$(counter gw2 half-open)" -le 104 ]
	sent=$(counter gw2 cookies-sent)
	wait_for 30 counter_at_least gw2 cookies-sent $((sent + 100))
	kill -0 "$flood_pid"
	answered lan1 "$lan2_addr"
}

# bit/s that the link to gw2 takes, and requests a second that are sent into it, of some 180
# octets each: half as many again, so that nearly a third of all is lost.
link_rate=100000 link_flood=100

# link_counted: octets and packets that it has taken, and packets that found no room.
link_counted() {
	run_in nat tc -s -j qdisc show dev right | jq -r '.[0] | "\(.bytes) \(.packets) \(.drops)"'
}

# link_was_full OCTETS PACKETS DROPS: what was counted before. Since then, it had no room
# for a quarter of what was to go there.
link_was_full() {
	local octets packets drops

	read -r octets packets drops < <(link_counted)
	packets=$((packets - $2)) drops=$((drops - $3))
	echo "the link took $((octets - $1)) octets, and lost $drops of $((packets + drops)) packets"
	[ $((drops * 4)) -ge $((packets + drops)) ]
}

# both_reached: each host reaches the other at some time.
both_reached() {
	wait_for 60 run_in lan1 ping -n -q -c 1 -W 1 "$lan2_addr"
	wait_for 60 run_in lan2 ping -n -q -c 1 -W 1 "$lan1_addr"
}

# What gw1 sends, requests and answers, has to share the link with the flood. What is lost
# is sent again: nothing is given up.
ikefpd_through_full_link() {
	local link gw sas

	topo_nat
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(CONN='dpd_delay = 1' psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	sas=$(kernel_sas gw1)
	# So few that the next ones are there at once when they expire.
	run_in gw2 "$(program ikefp)" policy cookie-half-open=10
	netem nat right rate ${link_rate}bit limit 10
	flood_gw2 $link_flood
	wait_for 30 counter_at_least gw2 cookies-sent 100
	link=$(link_counted)

	# The tunnel that is there.
	timed "lost three" wait_for 60 counter_at_least gw1 retransmits \
		$(($(counter gw1 retransmits) + 3))
	timed "answered three" wait_for 60 counter_at_least gw2 liveness-answered \
		$(($(counter gw2 liveness-answered) + 3))
	[ "$(kernel_sas gw1)" = "$sas" ]
	one_child_sa_each
	both_reached
	timed "deleted by gw2" swanctl gw2 --terminate --ike gw --timeout 60
	wait_for 10 no_child_sas gw1

	# A new one.
	set_up_by_cookie
	one_child_sa_each
	both_reached
	timed "deleted by gw1" swanctl gw1 --terminate --ike gw --timeout 60
	[ "$(child_sas gw2)" = 0 ]

	for gw in gw1 gw2; do
		counter_is $gw exchange-timeouts 0
		counter_is $gw peers-dead 0
	done
	kill -0 "$flood_pid"
	# shellcheck disable=SC2086
	link_was_full $link
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
	wait_for 30 counter_at_least gw2 cookies-sent 200
	netem gw1 wan loss 10%
	swanctl gw1 --initiate --child net --timeout 40
	counter_at_least gw2 cookies-accepted 1
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
ktap_plan 4 4
for FAMILY in 4 6; do
	[ $FAMILY = 4 ] && first=testcase second=again || first=again second=testcase
	$first "ikefpd in a flood, IPv$FAMILY" ikefpd_under_flood
	$second "ikefpd where a flood fills the link, IPv$FAMILY" ikefpd_through_full_link
	$first "strongSwan is asked for a cookie, IPv$FAMILY" strongswan_is_asked
	$second "strongSwan asks for a cookie, IPv$FAMILY" strongswan_asks
done
ktap_end
