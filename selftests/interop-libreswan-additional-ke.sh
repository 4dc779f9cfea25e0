#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IKE_INTERMEDIATE (RFC 9242) with Libreswan, which exchanges no keys in it.

. "${0%/*}/lib.sh"
. "$selftests/lib/interop.sh"

# pluto does one exchange without payloads where both ends have it.
without_keys() {
	local PLUTO_CONN="    intermediate=yes"

	topo_direct
	libreswan_pair
	initiate gw2
	grep -F 'received request IKE_INTERMEDIATE [ ]' "$work/gw1.log"
	terminate gw2
}

need_module
ktap_plan 1
testcase "an exchange without keys" without_keys
ktap_end
