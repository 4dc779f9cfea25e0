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
ktap_plan 4 4
for FAMILY in 4 6; do
	# Each role and each topology with each family once.
	[ $FAMILY = 4 ] && first=testcase second=again || first=again second=testcase
	$first "ikefpd begins, direct, IPv$FAMILY" interop topo_direct ikefpd strongswan
	$second "strongSwan begins, direct, IPv$FAMILY" interop topo_direct strongswan ikefpd
	$second "ikefpd begins, NAT, IPv$FAMILY" interop topo_nat ikefpd strongswan
	$first "strongSwan begins, NAT, IPv$FAMILY" interop topo_nat strongswan ikefpd
done
ktap_end
