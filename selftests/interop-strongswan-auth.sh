#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What IKE_AUTH may be beside the usual, with Debian's strongSwan in both roles: IKE SAs
# without a Child SA (RFC 6023).

. "${0%/*}/lib.sh"

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

need_module
ktap_plan 2
testcase "childless, ikefpd begins" childless ikefpd strongswan
testcase "childless, strongSwan begins" childless strongswan ikefpd
ktap_end
