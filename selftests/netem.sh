#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two ikefpd across a NAT and a bad network: the tunnel comes up every time, with
# exactly one Child SA at each end, and is taken down as surely.

. "${0%/*}/lib.sh"

ROUNDS=${ROUNDS:-5}

# bad_network PARAMETER...: of netem, the same each way.
bad_network() {
	local round

	topo_nat
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	netem_both delay 20ms "$@"
	for ((round = 1; round <= ROUNDS; round++)); do
		swanctl gw1 --initiate --child net --timeout 60
		one_child_sa_each
		answered lan1 "$lan2_addr"
		swanctl gw1 --terminate --ike gw --timeout 60
		taken_down
	done
}

need_module
ktap_plan 5
testcase "20 % loss" bad_network loss 20%
testcase "20 % duplication" bad_network duplicate 20%
testcase "50 % reordering" bad_network reorder 50%
testcase "5 % corruption" bad_network corrupt 5%
testcase "all of them" bad_network 5ms loss 10% duplicate 20% reorder 30% corrupt 2%
ktap_end
