#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What ikefpd and strongSwan make of each other's refusals: cookies and another group
# asked for, secrets, proposals and selectors that do not fit. One pair of daemons
# goes through all of them, so that what one leaves behind the next would find.

. "${0%/*}/lib.sh"

up_and_down() {
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# The responder has another group than the first that it is offered.
another_group() {
	conf_load gw2 < <(IKE_PROPOSALS=aes128gcm16-prfsha256-ecp256 psk_conf gw2)
	conf_load gw1 < <(IKE_PROPOSALS=aes128gcm16-prfsha256-x25519-ecp256 psk_conf gw1)
	up_and_down
	grep -qiE 'INVAL_KE|INVALID_KE' "$work"/gw*.log
}

# refused SAID WHY: gw1 is told no, and says so; where ikefpd is who says no, there is a line,
# and one, with the reason, for its administrator. Nothing is left at either end.
refused() {
	local lines why_lines

	conf_load gw2 < <(psk_conf gw2)
	lines=$(wc -l <"$work/gw1.log")
	why_lines=$(wc -l <"$work/gw2.log")
	fails swanctl gw1 --initiate --child net --timeout 20
	tail -n "+$((lines + 1))" "$work/gw1.log" | grep -E "$1"
	[ "$responder" != ikefpd ] ||
		[ "$(tail -n "+$((why_lines + 1))" "$work/gw2.log" | grep -cE "$2")" = 1 ]
	swanctl gw1 --terminate --ike gw --timeout 20 || :
	taken_down
}

wrong_secret() {
	conf_load gw1 < <(PSK=another psk_conf gw1)
	refused 'AUTH_FAILED|AUTHENTICATION_FAILED' "authentication of '?gw1.example'? with pre-shared key failed|authentication of the peer failed"
}

wrong_proposal() {
	conf_load gw1 < <(IKE_PROPOSALS=aes128-sha256-modp2048 psk_conf gw1)
	refused 'NO_PROP|NO_PROPOSAL_CHOSEN' \
		'no proposal in common: received AES_CBC_128/.*MODP_2048, configured [A-Z]'
}

wrong_child_proposal() {
	conf_load gw1 < <(ESP_PROPOSALS=aes128-sha256 psk_conf gw1)
	refused 'NO_PROP|NO_PROPOSAL_CHOSEN' \
		'no proposal in common for CHILD_SA net: received AES_CBC_128/.*, configured [A-Z]'
}

wrong_selectors() {
	conf_load gw1 < <(psk_conf gw1 | sed 's,remote_ts = .*,remote_ts = 172.16.0.0/16,')
	refused 'TS_UNACCEPT' 'for the traffic selectors 172.16.0.0/16 === 10.1.0.0/24'
}

# The responder serves less than it is asked for.
narrowed() {
	conf_load gw2 < <(psk_conf gw2)
	conf_load gw1 < <(psk_conf gw1 | sed 's,remote_ts = .*,remote_ts = 10.0.0.0/8,')
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered
	swanctl gw1 --list-sas | grep "remote *10.2.0.0/24"
	swanctl gw2 --list-sas | grep "local *10.2.0.0/24"
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# refusals INITIATOR RESPONDER
refusals() {
	local what responder=$2

	topo_direct
	"$2_start" gw2 < <(psk_conf gw2)
	"$1_start" gw1 < <(psk_conf gw1)
	for what in another_group wrong_secret wrong_proposal wrong_child_proposal \
		wrong_selectors narrowed; do
		echo "--- ${what//_/ }"
		$what
	done
}

# strongSwan asks for a cookie once another SA is half-open: one whose IKE_AUTH
# request (exchange type 35) does not get through.
cookie() {
	topo_direct
	CHARON='cookie_threshold = 1' strongswan_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	gw1 nft -f - <<-'NFT'
	table inet no_auth {
		chain output {
			type filter hook output priority filter;
			udp dport 500 @th,208,8 35 drop
		}
	}
	NFT
	fails swanctl gw1 --initiate --child net --timeout 3
	swanctl gw1 --terminate --ike gw --force --timeout 20
	gw1 nft delete table inet no_auth
	swanctl gw1 --initiate --child net --timeout 20
	[ "$(child_sas gw1)" = 1 ]
	[ "$(child_sas gw2)" = 1 ]
	both_answered
	grep COOKIE "$work/gw2.log"
}

need_module
ktap_plan 3
testcase "ikefpd begins" refusals ikefpd strongswan
testcase "strongSwan begins" refusals strongswan ikefpd
testcase "strongSwan asks for a cookie" cookie
ktap_end
