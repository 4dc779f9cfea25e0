#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What goes to a peer goes the way that the host's routes say now, though the module keeps
# the route that the last message took; and what it keeps is in no device's way.

. "${0%/*}/lib.sh"

# second_link: another one between the gateways, "other" at both ends.
second_link() {
	local nodad=''

	case ${FAMILY:-4} in
	4) other1=198.51.100.1 other2=198.51.100.2 len=24 host=32 ;;
	6) other1=2001:db8:fffe::1 other2=2001:db8:fffe::2 len=64 host=128 nodad=nodad ;;
	esac
	gw1 ip link add other type veth peer name other netns "$netns_gw2"
	gw1 ip address add "$other1/$len" dev other $nodad
	gw2 ip address add "$other2/$len" dev other $nodad
	gw1 ip link set other up
	gw2 ip link set other up
}

sent_by() {
	device_packets "$1" "$2" out
}

# goes_by GATEWAY DEVICE: messages leave by it from now on.
goes_by() {
	local before

	before=$(sent_by "$1" "$2")
	wait_for 20 sent_more "$1" "$2" $((before + 3))
}

sent_more() {
	[ "$(sent_by "$1" "$2")" -ge "$3" ]
}

# Each end asks the other for a sign of life every second.
change() {
	local CONN='dpd_delay = 1s'

	topo_direct
	second_link
	ikefpd_start gw2 < <(conf_both gw2)
	ikefpd_start gw1 < <(conf_both gw1)
	swanctl gw1 --initiate --child net --timeout 20
	goes_by gw1 wan
	# Only gw1's way is another now; then gw2's.
	gw1 ip route add "$gw2_addr/$host" via "$other2" dev other
	goes_by gw1 other
	gw2 ip route add "$gw1_addr/$host" via "$other1" dev other
	goes_by gw2 other
	# The link goes, and with it the routes.
	gw1 ip link delete other
	goes_by gw1 wan
	goes_by gw2 wan
	one_child_sa_each
	both_answered
}

need_module
ktap_plan 2
for FAMILY in 4 6; do
	testcase "another way to the peer, IPv$FAMILY" change
done
ktap_end
