#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IKE SAs are reauthenticated: with another ikefpd by either end, and with Debian's strongSwan
# in both roles, make before break. ikefpd loses no packet to it.

. "${0%/*}/lib.sh"

# up TOPOLOGY CONFIGURATION INITIATOR RESPONDER
up() {
	"$1"
	"$4_start" gw2 < <("$2" gw2)
	"$3_start" gw1 < <("$2" gw1)
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	ping_start lan1 "$lan2_addr"
}

# reauth GATEWAY: until the new IKE SA and its Child SA are all there is.
reauth() {
	local ike pair

	ike=$(ike_spis gw1) pair=$(inbound gw1)
	swanctl "$1" --rekey --reauth --ike gw
	wait_for 20 ike_is_other gw1 "$ike"
	ike_settled
	ping_more 5
	[ "$(inbound gw1)" != "$pair" ]
	settled
}

# not_ready GATEWAY: packets that came before the ESP SA was whole: strongSwan sends through
# it before we can have its answer.
not_ready() {
	run_in "$1" awk '$1 == "XfrmInStateInvalid" || $1 == "XfrmAcquireError" { n += $2 }
		END { print n + 0 }' /proc/net/xfrm_stat
}

# lost_at_most NUMBER: of the pings, all of them strongSwan's to answer for.
lost_at_most() {
	ping_stop
	echo "lost: $pings_lost, by strongSwan: $1"
	[ "$pings_lost" -le "$1" ]
}

by_ikefpd() {
	local gateway

	up "$1" "$2" ikefpd ikefpd
	for gateway in gw1 gw2; do
		reauth "$gateway"
	done
	lost_at_most 0
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

with_strongswan() {
	up topo_direct conf_both ikefpd strongswan
	reauth gw1
	lost_at_most "$(not_ready gw1)"
	both_answered
}

by_strongswan() {
	CHARON='make_before_break = yes' CONN='unique = replace' up topo_direct conf_both ikefpd strongswan
	reauth gw2
	lost_at_most "$(cut_off gw2)"
	both_answered
}

# As strongSwan does it by default, traffic waits meanwhile.
break_before_make() {
	up topo_direct conf_both ikefpd strongswan
	reauth gw2
	ping_stop
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

need_module
ktap_plan 5
testcase "by either end, NAT, IPv4" by_ikefpd topo_nat psk_conf
FAMILY=6 CONN='encap = yes' testcase "by either end, in UDP, IPv6" by_ikefpd topo_direct conf_both
testcase "by ikefpd, of strongSwan" with_strongswan
testcase "by strongSwan, of ikefpd" by_strongswan
testcase "by strongSwan, break before make" break_before_make
ktap_end
