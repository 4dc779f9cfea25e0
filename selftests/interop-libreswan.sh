#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd and Debian's Libreswan, each in both roles, with and without a NAT between.

. "${0%/*}/lib.sh"
. "$selftests/lib/interop.sh"

need_module
ktap_plan 4 4
for FAMILY in 4 6; do
	# Each role and each topology with each family once.
	[ $FAMILY = 4 ] && first=testcase second=again || first=again second=testcase
	$first "ikefpd begins, direct, IPv$FAMILY" ended_by_each topo_direct ikefpd libreswan
	$second "Libreswan begins, direct, IPv$FAMILY" ended_by_each topo_direct libreswan ikefpd
	$second "ikefpd begins, NAT, IPv$FAMILY" ended_by_each topo_nat ikefpd libreswan
	$first "Libreswan begins, NAT, IPv$FAMILY" ended_by_each topo_nat libreswan ikefpd
done
ktap_end
