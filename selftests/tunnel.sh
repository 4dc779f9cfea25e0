#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd to ikefpd: a tunnel comes up, carries packets, and is taken down.

. "${0%/*}/lib.sh"

pings() {
	lan1 ping -q -c 3 -i 0.2 -W 2 "$lan2_addr"
	lan2 ping -q -c 3 -i 0.2 -W 2 "$lan1_addr"
}

one_child_sa_each() {
	[ "$(child_sas gw1)" = 1 ] && [ "$(child_sas gw2)" = 1 ]
}

tunnel() {
	"$1"
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	pings
	swanctl gw1 --terminate --ike gw --timeout 20
}

need_module
ktap_plan 2
testcase "direct, IPv4" tunnel topo_direct
testcase "through a NAT, IPv4" tunnel topo_nat
ktap_end
