#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What ikefpd and OpenIKED make of each other's refusals: another group asked for, secrets,
# proposals and selectors that do not fit. One pair of daemons goes through all of them, so that
# what one leaves behind the next would find.
#
# OpenIKED does not compare a peer's selectors with its own, but answers its own: it is up to
# ikefpd to refuse those. It asks nobody for a cookie.

. "${0%/*}/lib.sh"
. "$selftests/lib/interop.sh"

ESP_PROPOSALS=aes256-sha1

# fits: what does, from either end.
fits() {
	openiked_pair_load
	from_either
}

# Each has another group than the first that it is offered.
another_group() {
	IKED_IKE=aes128gcm16-prfsha256-ecp256 load aes128gcm16-prfsha256-x25519-ecp256
	from gw1
	IKED_IKE=aes128gcm16-prfsha256-x25519-ecp256 load aes128gcm16-prfsha256-ecp256
	from gw2
	grep 'received response IKE_SA_INIT \[ N(INVALID_KE_PAYLOAD) \]' "$work/gw1.log"
	grep 'refusing IKE_SA_INIT .* with INVALID_KE_PAYLOAD' "$work/gw1.log"
}

# ikefpd asks every new peer for a cookie.
cookie() {
	openiked_pair_load
	gw1 "$(program ikefp)" policy cookie-half-open=0
	from gw2
	counter_at_least gw1 cookies-accepted 1
	gw1 "$(program ikefp)" policy cookie-half-open=100
}

# from GATEWAY
from() {
	initiate "$1"
	terminate "$1"
}

# load OURS: IKE proposals; theirs are $IKED_IKE.
load() {
	openiked_load gw2 < <(IKE_PROPOSALS=$IKED_IKE openiked_set iked_conf gw2)
	conf_load gw1 < <(IKE_PROPOSALS=$1 conf_both gw1)
}

# refused OURS THEIRS: what gw1's log has when it begins, and when OpenIKED does. An IKE SA without
# a Child SA may stay, and is deleted then.
refused() {
	in_vain gw1 gw1 "$1"
	swanctl gw1 --terminate --ike gw --force --timeout 20 || :
	nothing_left
	in_vain gw2 gw1 "$2"
	swanctl gw1 --terminate --ike gw --force --timeout 20 || :
	nothing_left
}

wrong_secret() {
	openiked_pair_load
	conf_load gw1 < <(PSK=another conf_both gw1)
	refused 'received AUTHENTICATION_FAILED' 'authentication of the peer failed: its AUTH is wrong'
}

wrong_proposal() {
	IKED_IKE=aes256gcm16-prfsha256-x25519 load aes128-sha256-modp2048
	refused 'received NO_PROPOSAL_CHOSEN' 'refusing IKE_SA_INIT .* with NO_PROPOSAL_CHOSEN'
}

wrong_child_proposal() {
	openiked_pair_load
	conf_load gw1 < <(ESP_PROPOSALS=aes128-sha256 conf_both gw1)
	refused 'received NO_PROPOSAL_CHOSEN' 'failed to establish CHILD_SA, .*NO_PROPOSAL_CHOSEN'
}

wrong_selectors() {
	openiked_pair_load
	conf_load gw1 < <(conf_both gw1 | sed 's,remote_ts = .*,remote_ts = 172.16.0.0/16,')
	refused 'the peer chose traffic selectors that were not offered' \
		'failed to establish CHILD_SA, .*TS_UNACCEPTABLE'
}

# Each serves less than it is asked for.
narrowed() {
	openiked_pair_load
	conf_load gw1 < <(conf_both gw1 | sed 's,remote_ts = .*,remote_ts = 10.0.0.0/8,')
	initiate gw1
	swanctl gw1 --list-sas | grep "remote *10.2.0.0/24"
	terminate gw1
	conf_load gw1 < <(conf_both gw1)
	openiked_load gw2 < <(lan1_net=10.0.0.0/8 openiked_set iked_conf gw2)
	initiate gw2
	swanctl gw1 --list-sas | grep "local *10.1.0.0/24"
	terminate gw2
}

refusals() {
	local what

	topo_direct
	openiked_pair
	for what in cookie another_group wrong_secret wrong_proposal wrong_child_proposal \
		wrong_selectors narrowed fits; do
		echo "--- ${what//_/ }"
		$what
	done
}

need_module
ktap_plan 1
testcase "one after the other" refusals
ktap_end
