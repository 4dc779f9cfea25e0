#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Postquantum preshared keys (RFC 8784) with Debian's Libreswan, in both roles. gw1 is ikefpd.

. "${0%/*}/lib.sh"
. "$selftests/lib/interop.sh"

ppk='a postquantum preshared key, 32 octets and more'

# both_ppk SETTINGS ID PPK gw1
both_ppk() {
	CONN=$1 conf_both "$4"
	printf 'secrets {\n ppk-1 {\n id = %s\n secret = "%s"\n }\n}\n' "$2" "$3"
}

required='ppk_id = ppk@example
ppk_required = yes'
named='ppk_id = ppk@example'

# with_ppk PATTERN: whoever begins, so says ikefpd of the IKE SA.
with_ppk() {
	from_either says_of_ppk "$1"
}

says_of_ppk() {
	swanctl gw1 --list-sas | grep -E "$1"
}

ppks() {
	topo_direct
	PLUTO_SECRETS="@gw2.example @gw1.example : PPKS \"ppk@example\" \"$ppk\"" \
		PLUTO_CONN='    ppk=insist' libreswan_pair
	conf_load gw1 < <(both_ppk "$required" ppk@example "$ppk" gw1)
	with_ppk '/PPK$'
	conf_load gw1 < <(both_ppk "$named" ppk@example "$ppk" gw1)
	with_ppk '/PPK$'
	echo "--- another one of the same name"
	conf_load gw1 < <(both_ppk "$required" ppk@example "another, of the same length, almost" gw1)
	fails swanctl gw1 --initiate --child net --timeout 20
	echo "--- none"
	conf_load gw1 < <(conf_both gw1)
	fails swanctl gw1 --initiate --child net --timeout 20
	pluto_load gw2 < <(PLUTO_RIGHT=$gw1_addr PLUTO_CONN='    ppk=propose' pluto_conf gw2)
	with_ppk '/CURVE_25519$'
	conf_load gw1 < <(both_ppk "$named" other@example "$ppk" gw1)
	with_ppk '/CURVE_25519$'
}

need_module
ktap_plan 1
testcase "PPK" ppks
ktap_end
