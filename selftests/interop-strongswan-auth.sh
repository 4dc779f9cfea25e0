#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What IKE_AUTH may be beside the usual, with Debian's strongSwan in both roles: IKE SAs
# without a Child SA (RFC 6023), postquantum preshared keys (RFC 8784).

. "${0%/*}/lib.sh"
. "$selftests/lib/pki.sh"

# exchange_seen GATEWAY EXCHANGE: either daemon's log has a request of it.
exchange_seen() {
	grep -qE "(sending request $2|generating $2 request)" "$work/$1.log"
}

# childless INITIATOR RESPONDER
childless() {
	topo_direct
	"$2_start" gw2 < <(CONN='childless = force' psk_conf gw2)
	"$1_start" gw1 < <(CONN='childless = force' psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	exchange_seen gw1 CREATE_CHILD_SA
	one_child_sa_each
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down

	echo "--- the IKE SA alone"
	swanctl gw1 --initiate --ike gw --timeout 20
	for gw in gw1 gw2; do
		[ "$(child_sas "$gw")" = 0 ]
		swanctl "$gw" --list-sas --raw | grep state=ESTABLISHED
	done
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down

	echo "--- not allowed"
	conf_load gw2 < <(CONN='childless = never' psk_conf gw2)
	fails swanctl gw1 --initiate --child net --timeout 2
	swanctl gw1 --terminate --ike gw --timeout 20 || :
	taken_down
}

# ppk_conf GATEWAY SETTINGS ID PPK
ppk_conf() {
	CONN=$2 psk_conf "$1"
	printf 'secrets {\n ppk-1 {\n id = %s\n secret = %s\n }\n}\n' "$3" "$4"
}

# with_ppk PATTERN: a tunnel, of whose IKE SA both ends say that.
with_ppk() {
	local gw

	swanctl gw1 --initiate --child net --timeout 30
	for gw in gw1 gw2; do
		swanctl "$gw" --list-sas | grep -E "$1"
	done
	one_child_sa_each
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# no_ppk GATEWAY REASON: none comes up, for the reason that its log has then.
no_ppk() {
	local lines

	lines=$(wc -l <"$work/$1.log")
	fails swanctl gw1 --initiate --child net --timeout 2
	swanctl gw1 --terminate --ike gw --timeout 20 || :
	tail -n "+$lines" "$work/$1.log" | grep "$2"
	taken_down
}

required='ppk_id = ppk@example
ppk_required = yes'
named='ppk_id = ppk@example'
used='/CURVE_25519/PPK$' unused='/CURVE_25519$'
ppk=0x9c4f6d1b7a3e5820914f0bd6e7a85c3219fe4d60b37c8a5e2f11d4c09b86e375

# ppks INITIATOR RESPONDER
ppks() {
	local ours=gw1

	[ "$1" = ikefpd ] || ours=gw2
	topo_direct
	"$2_start" gw2 </dev/null
	"$1_start" gw1 </dev/null
	conf_load gw2 < <(ppk_conf gw2 "$required" ppk@example $ppk)
	conf_load gw1 < <(ppk_conf gw1 "$required" ppk@example $ppk)
	swanctl $ours --list-conns | grep 'ppk: ppk@example, required'
	with_ppk "$used"

	echo "--- not required, with certificates"
	pki_install gw1 ca -- gw1-p256
	pki_install gw2 ca -- gw2-rsa
	conf_load gw1 < <(AUTH=pubkey ppk_conf gw1 "$named" ppk@example $ppk)
	conf_load gw2 < <(AUTH=pubkey ppk_conf gw2 '' ppk@example $ppk)
	with_ppk "$used"
	conf_load gw2 < <(AUTH=pubkey ppk_conf gw2 '' other@example $ppk)
	with_ppk "$unused"

	echo "--- not required, and not there"
	conf_load gw1 < <(ppk_conf gw1 "$named" ppk@example $ppk)
	conf_load gw2 < <(ppk_conf gw2 '' other@example $ppk)
	with_ppk "$unused"
	conf_load gw2 < <(psk_conf gw2)
	with_ppk "$unused"

	echo "--- required, and not there"
	conf_load gw2 < <(ppk_conf gw2 "$required" other@example $ppk)
	no_ppk gw2 "PPK required but no PPK found for 'ppk@example'"
	conf_load gw1 < <(ppk_conf gw1 "$required" ppk@example $ppk)
	conf_load gw2 < <(psk_conf gw2)
	no_ppk gw1 'PPK required but peer does not support PPK'

	echo "--- another one of the same name"
	conf_load gw2 < <(ppk_conf gw2 "$required" ppk@example 0x00112233445566778899aabbccddeeff)
	no_ppk gw2 'AUTHENTICATION_FAILED\|AUTH_FAILED'
	fails grep -iF "${ppk#0x}" "$work/$ours.log"
}

need_module
pki_ca ca p256
pki_cert gw1-p256 ca p256
pki_cert gw2-rsa ca rsa
ktap_plan 4
testcase "childless, ikefpd begins" childless ikefpd strongswan
testcase "childless, strongSwan begins" childless strongswan ikefpd
testcase "PPK, ikefpd begins" ppks ikefpd strongswan
testcase "PPK, strongSwan begins" ppks strongswan ikefpd
ktap_end
