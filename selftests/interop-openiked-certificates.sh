#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Certificates and public keys with OpenIKED, in both roles. gw1 is ikefpd.
#
# Signatures are RFC 7427's always: both offer that, and neither can be told not to. OpenIKED's
# own are with SHA2-256 and, of RSA keys, PKCS#1's. It has no Ed25519.

. "${0%/*}/lib.sh"
. "$selftests/lib/pki.sh"
. "$selftests/lib/interop.sh"

ESP_PROPOSALS=aes256-sha1
AUTH=pubkey
IKED_AUTH=''

# daemons: both, without any certificate yet.
daemons() {
	topo_direct
	openiked_install
	AUTH=psk openiked_pair
}

# with KIND OURS THEIRS [AUTH]: with keys of the kind; what each signs with.
with() {
	echo "--- $1, ${4:-pubkey}"
	pki_install gw1 ca -- "gw1-$1"
	openiked_install ca -- "gw2-$1"
	AUTH=${4:-pubkey} REMOTE_AUTH=pubkey openiked_pair_load
	mark
	from_either
	signed_with "$2" "$3"
}

digital_signatures() {
	daemons
	with rsa RSA_EMSA_PKCS1_SHA2_256 RSA_EMSA_PKCS1_SHA2_256
	with rsa RSA_EMSA_PSS_SHA2_384 RSA_EMSA_PKCS1_SHA2_256 ike:rsa/pss-sha384
	with p256 ECDSA_WITH_SHA256_DER ECDSA_WITH_SHA256_DER
	with p384 ECDSA_WITH_SHA384_DER ECDSA_WITH_SHA256_DER
	with p521 ECDSA_WITH_SHA512_DER ECDSA_WITH_SHA256_DER
}

# raw_install OURS THEIRS: these keys, and no certificates; each knows the other's.
raw_install() {
	local gw=gw1 name

	pki_install gw1 -- "$1"
	rm "$work/gw1/x509"/*
	openiked_install -- "$2"
	rm /etc/iked/certs/*
	for name; do
		openssl pkey -in "$pki/$name.key" -pubout -out "$work/gw1/pubkey/$gw.pub"
		gw=gw2
	done
	cp "$work/gw1/pubkey/gw1.pub" /etc/iked/pubkeys/fqdn/gw1.example
	LOCAL="pubkeys = gw1.pub" REMOTE="pubkeys = gw2.pub" openiked_pair_load
}

raw_keys() {
	local kind

	daemons
	for kind in rsa p256 p384; do
		echo "--- $kind"
		raw_install gw1-$kind gw2-$kind
		from_either
	done
	echo "--- another than they know"
	raw_install gw1-p384 gw2-p384
	openssl pkey -in "$pki/gw2-p256.key" -pubout -out "$work/gw1/pubkey/gw2.pub"
	LOCAL="pubkeys = gw1.pub" REMOTE="pubkeys = gw2.pub" openiked_pair_load
	refused_by gw1 'authentication of the peer failed: '
	raw_install gw1-p384 gw2-p384
	cp "$work/gw1/pubkey/gw2.pub" /etc/iked/pubkeys/fqdn/gw1.example
	refused_by gw2 'ikev2_send_auth_failed: authentication failed for FQDN/gw1.example'
}

# refused_by GATEWAY REASON: whoever begins.
refused_by() {
	local begins

	for begins in gw1 gw2; do
		in_vain $begins "$1" "$2"
		nothing_left
	done
}

# refused CERTIFICATE: of the gateway that its name begins with, by the other one.
refused() {
	echo "--- $1"
	pki_install gw1 ca -- gw1-p256
	openiked_install ca -- gw2-p256
	case $1 in
	gw1-*) pki_install gw1 ca -- "$1" ;;
	gw2-*) openiked_install ca -- "$1" ;;
	esac
	cp "$pki/ca.crl" "$work/gw1/x509crl/"
	cp "$pki/ca.crl" /etc/iked/crls/
	openiked_pair_load
	case $1 in
	gw1-*) refused_by gw2 'ikev2_send_auth_failed: authentication failed for FQDN/gw1.example' ;;
	gw2-*) refused_by gw1 "authentication of the peer failed: .*CN=$1\": $2" ;;
	esac
}

refusals() {
	daemons
	refused gw2-expired 'certificate has expired'
	refused gw2-revoked 'certificate revoked'
	refused gw2-stranger 'unable to get local issuer certificate'
	refused gw1-expired
	refused gw1-revoked
	refused gw1-stranger
	echo "--- and what is not"
	pki_install gw1 ca -- gw1-p256
	openiked_install ca -- gw2-p256
	openiked_pair_load
	from_either
}

make_certificates() {
	local gw kind

	pki_ca ca rsa
	pki_ca other rsa
	for gw in gw1 gw2; do
		for kind in rsa p256 p384 p521; do
			pki_cert $gw-$kind ca $kind
		done
		pki_cert $gw-expired ca p256 '' -days -1
		pki_cert $gw-revoked ca p256
		pki_cert $gw-stranger other p256
	done
	pki_revoke ca gw1-revoked gw2-revoked
}

need_module
make_certificates >"$pki/log" || { cat "$pki/log"; exit 1; }
ktap_plan 3
testcase "digital signatures" digital_signatures
testcase "raw public keys" raw_keys
testcase "refusals" refusals
ktap_end
