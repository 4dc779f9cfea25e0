#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd and Debian's strongSwan, each in both roles, with and without a NAT between.

. "${0%/*}/lib.sh"

# interop TOPOLOGY INITIATOR RESPONDER
interop() {
	"$1"
	"$3_start" gw2 < <(psk_conf gw2)
	"$2_start" gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered
	# Each ends it once.
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	swanctl gw2 --terminate --ike gw --timeout 20
	taken_down
}

need_module
ktap_plan 8
for FAMILY in 4 6; do
	for topology in topo_direct topo_nat; do
		testcase "ikefpd begins, $topology, IPv$FAMILY" \
			interop $topology ikefpd strongswan
		testcase "strongSwan begins, $topology, IPv$FAMILY" \
			interop $topology strongswan ikefpd
	done
done
ktap_end
