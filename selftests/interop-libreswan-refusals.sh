#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What ikefpd (gw1) and Debian's Libreswan (gw2) make of each other's refusals, whoever begins:
# cookies and another group asked for, secrets, names, proposals, selectors and certificates that
# do not fit. One pair of daemons goes through all of them, so that what one leaves behind the
# next would find.

. "${0%/*}/lib.sh"
. "$selftests/lib/pki.sh"
. "$selftests/lib/interop.sh"

# refused GATEWAY OURS THEIRS: what it begins comes to nothing, each end's log says so, ikefpd's in
# one way, and nothing is left. (Libreswan begins again and again.)
refused() {
	local lines=("$(wc -l <"$work/gw1.log")" "$(wc -l <"$work/gw2.log")")

	case $1 in
	gw1) fails swanctl gw1 --initiate --child net --timeout 20 ;;
	gw2) whack gw2 --name gw --initiate --asynchronous ;;
	esac
	wait_for 20 says gw1 "${lines[0]}" "$2"
	wait_for 20 says gw2 "${lines[1]}" "$3"
	tail -n "+$((lines[0] + 1))" "$work/gw1.log" | grep -E "$2" | sort -u >"$work/said"
	cat "$work/said"
	[ "$1" = gw2 ] || [ "$(wc -l <"$work/said")" = 1 ]
	whack gw2 --name gw --terminate
	swanctl gw1 --terminate --ike gw --force --timeout 20 || :
	wait_for 20 gone gw1
	wait_for 20 gone gw2
}

# says GATEWAY LINE PATTERN: its log, from that line on.
says() {
	tail -n "+$(($2 + 1))" "$work/$1.log" | grep -E "$3"
}

# from_each OURS THEIRS OURS THEIRS: refused, what ikefpd begins and what Libreswan does.
from_each() {
	refused gw1 "$1" "$2"
	refused gw2 "$3" "$4"
}

rejected='rejected by peer: AUTHENTICATION_FAILED'

wrong_secret() {
	conf_load gw1 < <(PSK=another conf_both gw1)
	from_each 'received AUTHENTICATION_FAILED' 'computed hash does not match' \
		'authentication of the peer failed: ' "$rejected"
}

wrong_name() {
	conf_load gw1 < <(LOCAL_ID=other.example conf_both gw1)
	from_each 'received AUTHENTICATION_FAILED' "Peer ID '@other.example' mismatched" \
		'no matching peer config found' "$rejected"
}

wrong_proposal() {
	conf_load gw1 < <(IKE_PROPOSALS=aes128-sha256-modp2048 conf_both gw1)
	from_each 'received NO_PROPOSAL_CHOSEN' NO_PROPOSAL_CHOSEN \
		'NO_PROPOSAL_CHOSEN' NO_PROPOSAL_CHOSEN
}

wrong_child_proposal() {
	conf_load gw1 < <(ESP_PROPOSALS=aes128-sha256 conf_both gw1)
	from_each 'CHILD_SA, keeping IKE_SA: received NO_PROPOSAL_CHOSEN' 'no local proposal matches' \
		'NO_PROPOSAL_CHOSEN' 'rejected Child SA with NO_PROPOSAL_CHOSEN'
}

wrong_selectors() {
	conf_load gw1 < <(conf_both gw1 | sed 's,remote_ts = .*,remote_ts = 172.16.0.0/16,')
	from_each 'CHILD_SA, keeping IKE_SA: received TS_UNACCEPTABLE' 'compatible Traffic Selectors' \
		'TS_UNACCEPTABLE' 'rejected Child SA with TS_UNACCEPTABLE'
}

# up_and_down_by GATEWAY
up_and_down_by() {
	initiate "$1"
	terminate "$1"
}

another_group() {
	conf_load gw1 < <(IKE_PROPOSALS=aes256gcm16-prfsha256-ecp256-x25519 conf_both gw1)
	up_and_down_by gw1
	grep INVALID_KE "$work"/gw*.log
}

cookies() {
	conf_load gw1 < <(conf_both gw1)
	whack gw2 --ddos-busy
	up_and_down_by gw1
	grep -i cookie "$work"/gw*.log
	whack gw2 --ddos-unlimited
	gw1 "$(program ikefp)" policy cookie-half-open=0
	up_and_down_by gw2
	counter_at_least gw1 cookies-accepted 1
	gw1 "$(program ikefp)" policy cookie-half-open=100
}

refusals() {
	local what

	topo_direct
	libreswan_pair
	for what in another_group cookies wrong_secret wrong_name wrong_proposal wrong_child_proposal \
		wrong_selectors; do
		echo "--- ${what//_/ }"
		$what
	done
}

# certificate OURS THEIRS: of each end.
certificate() {
	echo "--- ${2#gw2-}, of ikefpd ${1#gw1-}"
	conf_load gw1 < <(LOCAL="certs = $1.crt" conf_both gw1)
	[ "$2" = "${their_certificate:-}" ] ||
		pluto_load gw2 < <(PLUTO_CERTIFICATE=$2 pluto_certified gw2)
	their_certificate=$2
}

# not_taken REASON: ikefpd does not want what it is shown.
not_taken() {
	from_each "authentication of the peer failed: .*$1" 'deleting state \(STATE_V2_ESTABLISHED_IKE' \
		"authentication of the peer failed: .*$1" "$rejected"
}

# not_wanted THEIRS: Libreswan does not. Having begun, it says so to nobody: its peer is left with
# an SA.
not_wanted() {
	from_each 'received AUTHENTICATION_FAILED' "$1" 'IKE_SA gw\[[0-9]+\] established' "$1"
}

pluto_certified() {
	PLUTO_AUTH=ecdsa PLUTO_CONN+="
    leftcert=${PLUTO_CERTIFICATE:-gw2-good}
    leftsendcert=always
    rightca=\"C=CH, O=Example, CN=ca\"" PLUTO_RIGHT=$gw1_addr pluto_conf "$1"
}

certificates() {
	local AUTH=pubkey kind

	topo_direct
	pki_install gw1 ca -- gw1-good gw1-expired gw1-revoked gw1-stranger gw3-name
	cp "$pki/ca.crl" "$work/gw1/x509crl/"
	for kind in good revoked; do
		pluto_install gw2 ca gw2-$kind
	done
	pluto_install gw2 ca gw3-name2
	pluto_install gw2 ca gw2-stranger
	openssl crl -in "$pki/ca.crl" -outform DER -out "$work/ca.crl"
	pluto_revokes gw2 "$work/ca.crl"
	PLUTO_CONF=pluto_certified libreswan_pair
	certificate gw1-good gw2-revoked
	not_taken 'CN=gw2-revoked": certificate revoked'
	certificate gw1-good gw2-stranger
	not_taken 'CN=gw2-stranger": unable to get local issuer certificate'
	certificate gw1-good gw3-name2
	not_taken 'CN=gw3-name2" is not of '"'gw2.example'"
	certificate gw1-expired gw2-good
	not_wanted SEC_ERROR_EXPIRED_CERTIFICATE
	certificate gw1-revoked gw2-good
	not_wanted SEC_ERROR_REVOKED_CERTIFICATE
	certificate gw1-stranger gw2-good
	not_wanted 'SEC_ERROR_UNKNOWN_ISSUER|X509: '
	certificate gw3-name gw2-good
	not_wanted 'X509: |ID .*mismatch|subjectAltName|authentication failed'
}

make_certificates() {
	local gw

	pki_ca ca p256
	pki_ca other p256
	for gw in gw1 gw2; do
		pki_cert $gw-good ca p256
		pki_cert $gw-expired ca p256 '' -days -1
		pki_cert $gw-revoked ca p256
		pki_cert $gw-stranger other p256
	done
	pki_cert gw3-name ca p256
	pki_cert gw3-name2 ca p256
	pki_revoke ca gw1-revoked gw2-revoked
}

need_module
make_certificates >"$pki/log" || { cat "$pki/log"; exit 1; }
ktap_plan 2
testcase "secrets, names, proposals, selectors, cookies" refusals
testcase "certificates" certificates
ktap_end
