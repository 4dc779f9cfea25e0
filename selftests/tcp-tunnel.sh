#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd to ikefpd by TCP (RFC 9329): IKE and ESP go by one connection, which UDP has no part
# in.

. "${0%/*}/lib.sh"
. "$selftests/lib/stream.sh"

# What a firewall leaves that knows nothing but TCP.
tunnel() {
	topo_direct
	udp_blocked gw2
	tcp_gateways
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered
	by_tcp gw1
	by_tcp gw2
	swanctl gw1 --list-sas
	shown gw1
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	udp_was_quiet gw2
}

need_module
ktap_plan 2
FAMILY=4 testcase "a tunnel, IPv4" tunnel
FAMILY=6 testcase "a tunnel, IPv6" tunnel
ktap_end
