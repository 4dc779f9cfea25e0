#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Additional key exchanges (RFC 9370) in IKE_INTERMEDIATE (RFC 9242) and IKE_FOLLOWUP_KE: with
# strongSwan 6 in both roles, and between two of ikefpd, there with ML-KEM, too, which Debian 13's
# strongSwan does not have.

. "${0%/*}/lib.sh"
. "$selftests/lib/pki.sh"
. "$selftests/lib/trixie.sh"

CLASSIC=aes256gcm16-prfsha384-x25519-ke1_ecp384-ke2_modp3072
CLASSIC_NAME=AES_GCM_16_256/PRF_HMAC_SHA2_384/CURVE_25519/KE1_ECP_384/KE2_MODP_3072
HYBRID=aes256gcm16-prfsha384-x25519-ke1_mlkem768
HYBRID_NAME=AES_GCM_16_256/PRF_HMAC_SHA2_384/CURVE_25519/KE1_ML_KEM_768

# chosen GATEWAY PROPOSAL: what it says that was agreed on.
chosen() {
	grep -F "selected proposal: IKE:$2" "$work/$1.log"
}

# two_of_ikefpd PROPOSAL NAME TOPOLOGY START: the last starts each.
two_of_ikefpd() {
	local IKE_PROPOSALS=$1

	$3
	$4 gw2 ikefpd < <(psk_conf gw2)
	$4 gw1 ikefpd < <(psk_conf gw1)
	up_and_down gw1
	chosen gw1 "$2"
	chosen gw2 "$2"
	grep -F 'sending request IKE_INTERMEDIATE [ KE ]' "$work/gw1.log"
}

start_here() {
	"$2_start" "$1"
}

# with_strongswan PROPOSAL NAME
with_strongswan() {
	local IKE_PROPOSALS=$1 gw

	topo_direct
	start_here gw1 ikefpd < <(conf_both gw1)
	trixie_start gw2 strongswan < <(conf_both gw2)
	for gw in gw1 gw2; do
		up_and_down $gw
	done
	[ "$(chosen gw1 "$2" | wc -l)" = 2 ]
}

# With signatures AUTH is over IntAuth all the same.
with_signatures() {
	local AUTH=pubkey IKE_PROPOSALS=$CLASSIC gw

	pki_ca ca p256
	for gw in gw1 gw2; do
		pki_cert $gw-p256 ca p256
	done
	topo_direct
	ikefpd_start gw1 </dev/null
	trixie_start gw2 strongswan </dev/null
	for gw in gw1 gw2; do
		pki_install $gw ca -- $gw-p256
		conf_load $gw < <(conf_both $gw)
	done
	for gw in gw1 gw2; do
		up_and_down $gw
	done
	[ "$(chosen gw1 "$CLASSIC_NAME" | wc -l)" = 2 ]
}

# IKE SA and Child SA are rekeyed by either end, with IKE_FOLLOWUP_KE, and no packet is lost.
rekeyed() {
	local IKE_PROPOSALS=$CLASSIC ESP_PROPOSALS=aes256gcm16-x25519-ke1_ecp384-ke2_ecp521 pair gw

	topo_direct
	start_here gw1 ikefpd < <(conf_both gw1)
	$1 gw2 "$2" < <(conf_both gw2)
	swanctl gw1 --initiate --child net --timeout 30
	both_answered
	ping_start lan1 "$lan2_addr"
	for gw in gw1 gw2 gw1; do
		pair=$(inbound gw1)
		rekey_ike $gw
		ping_more 5
		ike_settled
		[ "$(inbound gw1)" = "$pair" ]
		rekey_child $gw
		ping_more 5
		settled
	done
	no_ping_lost gw2
	both_answered
	[ "$(grep -c 'sending request IKE_FOLLOWUP_KE \[ KE N(ADDITIONAL_KEY_EXCHANGE) \]' \
		"$work/gw1.log")" = 8 ]
	[ "$(grep -c 'received request IKE_FOLLOWUP_KE \[ KE N(ADDITIONAL_KEY_EXCHANGE) \]' \
		"$work/gw1.log")" = 4 ]
	chosen gw1 "$CLASSIC_NAME" >"$work/chosen"
	swanctl gw2 --terminate --ike gw --timeout 20
	taken_down
}

# What a peer does not know it does not take: the proposal without it is taken.
without() {
	local IKE_PROPOSALS=$CLASSIC,aes256gcm16-prfsha384-x25519

	topo_direct
	ikefpd_start gw1 < <(conf_both gw1)
	IKE_PROPOSALS=aes256gcm16-prfsha384-x25519
	strongswan_start gw2 < <(conf_both gw2)
	up_and_down gw1
	up_and_down gw2
	[ "$(chosen gw1 AES_GCM_16_256/PRF_HMAC_SHA2_384/CURVE_25519 | wc -l)" = 2 ]
}

# A fifth is lost each way: what IKE_INTERMEDIATE has in fragments comes through all the same.
over_loss() {
	local IKE_PROPOSALS=aes256gcm16-prfsha384-x25519-ke1_modp4096-ke2_modp3072

	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	netem gw1 wan loss 20% delay 10ms
	netem gw2 wan loss 20% delay 10ms
	swanctl gw1 --initiate --child net --timeout 60
	one_child_sa_each
}

need_module
ktap_plan 8
testcase "two of ikefpd" two_of_ikefpd $CLASSIC $CLASSIC_NAME topo_direct start_here
testcase "two of ikefpd, NAT, ML-KEM" two_of_ikefpd $HYBRID $HYBRID_NAME topo_nat trixie_start
testcase "strongSwan 6, both roles" with_strongswan $CLASSIC $CLASSIC_NAME
testcase "strongSwan 6, both roles, signatures" with_signatures
testcase "rekeyed, two of ikefpd" rekeyed start_here ikefpd
testcase "rekeyed, strongSwan 6" rekeyed trixie_start strongswan
testcase "a peer that has none" without
testcase "where a fifth is lost" over_loss
ktap_end
