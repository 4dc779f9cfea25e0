#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd and Debian's OpenIKED, each in both roles, with and without a NAT between.

. "${0%/*}/lib.sh"
. "$selftests/lib/interop.sh"

# On Linux it has neither AEAD nor HMAC-SHA2 for ESP.
ESP_PROPOSALS=aes256-sha1

need_module
ktap_plan 4 4
for FAMILY in 4 6; do
	# Each role and each topology with each family once.
	[ $FAMILY = 4 ] && first=testcase second=again || first=again second=testcase
	$first "ikefpd begins, direct, IPv$FAMILY" ended_by_each topo_direct ikefpd openiked
	$second "OpenIKED begins, direct, IPv$FAMILY" ended_by_each topo_direct openiked ikefpd
	$second "ikefpd begins, NAT, IPv$FAMILY" ended_by_each topo_nat ikefpd openiked
	$first "OpenIKED begins, NAT, IPv$FAMILY" ended_by_each topo_nat openiked ikefpd
done
ktap_end
