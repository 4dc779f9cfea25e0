#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IKE fragments (RFC 7383) to and from Debian's strongSwan, in both roles, also where
# some of them are lost.

. "${0%/*}/lib.sh"
. "$selftests/lib/fragments.sh"

ROUNDS=${ROUNDS:-5}

# The IKE_AUTH of each is cut by either end's own size.
CHARON='fragment_size = 500'

# interop TOPOLOGY INITIATOR RESPONDER [NETEM-PARAMETER...]
interop() {
	local ours=gw1 theirs=gw2 rounds=1 round size

	[ "$2" = ikefpd ] || ours=gw2 theirs=gw1
	[ "${FAMILY:-4}" = 4 ] && size=576 || size=1280
	"$1"
	many_selectors
	watch_wire $ours 500
	watch_wire $theirs $size
	"$3_start" gw2 < <(psk_conf gw2)
	"$2_start" gw1 < <(psk_conf gw1)
	if [ $# -gt 3 ]; then
		netem_both delay 20ms "${@:4}"
		rounds=$ROUNDS
	fi
	for ((round = 1; round <= rounds; round++)); do
		swanctl gw1 --initiate --child net --timeout 60
		one_child_sa_each
		both_answered
		# strongSwan answers a DELETE once: where that is lost, ikefpd gives up after 60 s.
		swanctl gw1 --terminate --ike gw --timeout 90
		taken_down
	done
	fragmented $ours
	echo "[$theirs] $(seen $theirs skf) fragments, $(seen $theirs large) too large"
	[ "$(seen $theirs skf)" -ge $((2 * rounds)) ]
	[ "$(seen $theirs large)" -eq 0 ]
}

need_module
ktap_plan 3 2
FAMILY=6 testcase "ikefpd begins, IPv6" interop topo_direct ikefpd strongswan
testcase "strongSwan begins, through a NAT, IPv4" interop topo_nat strongswan ikefpd
again "ikefpd begins, IPv4" interop topo_direct ikefpd strongswan
FAMILY=6 again "strongSwan begins, through a NAT, IPv6" interop topo_nat strongswan ikefpd
testcase "ikefpd begins, 20 % loss" interop topo_nat ikefpd strongswan loss 20%
ktap_end
