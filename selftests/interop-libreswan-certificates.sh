#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Certificates and raw public keys with Libreswan, in both roles. gw1 is ikefpd.

. "${0%/*}/lib.sh"
. "$selftests/lib/pki.sh"
. "$selftests/lib/interop.sh"

# certificates KIND AUTH AUTHBY: the latter is pluto's. Without a CA of the peer's it asks for
# no certificate.
certificates() {
	AUTH=$2 REMOTE_AUTH=pubkey PLUTO_AUTH=$3
	PLUTO_CONN="	    leftcert=gw2-$1
	    leftsendcert=always
	    rightca=%same"
	topo_direct
	pki_install gw1 ca -- "gw1-$1"
	pluto_install gw2 ca "gw2-$1"
	libreswan_pair
	from_either
}

# spki NAME: its public key, in base64.
spki() {
	openssl pkey -in "$pki/$1.key" -pubout -outform DER | base64 -w 0
}

# raw_keys KIND AUTHBY: pluto has its private key from a certificate's container, and no use for
# the certificate.
raw_keys() {
	local name

	AUTH=pubkey PLUTO_AUTH=$2 LOCAL='pubkeys = gw1.pub' REMOTE='pubkeys = gw2.pub'
	PLUTO_CONN="    leftpubkey=$(spki "gw2-$1")
    rightpubkey=$(spki "gw1-$1")"
	topo_direct
	gateway_dir gw1
	cp "$pki/gw1-$1.key" "$work/gw1/private/"
	for name in gw1 gw2; do
		openssl pkey -in "$pki/$name-$1.key" -pubout -out "$work/gw1/pubkey/$name.pub"
	done
	pluto_install gw2 ca "gw2-$1"
	libreswan_pair
	from_either
}

# through_nat INITIATOR RESPONDER: the former is behind it.
through_nat() {
	AUTH=pubkey PLUTO_AUTH=ecdsa
	topo_nat
	if [ "$1" = libreswan ]; then
		PLUTO_CONN=$(pluto_certified gw1)
		pluto_install gw1 ca gw1-p256
		pki_install gw2 ca -- gw2-p256
	else
		PLUTO_CONN=$(pluto_certified gw2)
		pki_install gw1 ca -- gw1-p256
		pluto_install gw2 ca gw2-p256
	fi
	daemon_start gw2 "$2"
	daemon_start gw1 "$1"
	initiate gw1
	terminate gw1
}

pluto_certified() {
	printf '    leftcert=%s-p256\n    leftsendcert=always\n    rightca=%%same\n' "$1"
}

make_certificates() {
	local gw kind

	pki_ca ca rsa
	for gw in gw1 gw2; do
		for kind in rsa p256 p384; do
			pki_cert $gw-$kind ca $kind
		done
	done
}

need_module
make_certificates >"$pki/log" || { cat "$pki/log"; exit 1; }
ktap_plan 9 3
testcase "RSA" certificates rsa pubkey rsasig
testcase "RSA-PSS" certificates rsa ike:rsa/pss-sha256 rsa-sha2
testcase "ECDSA, P-256" certificates p256 pubkey ecdsa
testcase "ECDSA, P-384" certificates p384 pubkey ecdsa
FAMILY=6 testcase "IPv6" certificates p256 pubkey ecdsa
FAMILY=6 again "RSA, IPv6" certificates rsa pubkey rsasig
FAMILY=4 testcase "a NAT, ikefpd inside" through_nat ikefpd libreswan
FAMILY=6 testcase "a NAT, IPv6, Libreswan inside" through_nat libreswan ikefpd
FAMILY=6 again "a NAT, IPv6, ikefpd inside" through_nat ikefpd libreswan
FAMILY=4 again "a NAT, Libreswan inside" through_nat libreswan ikefpd
testcase "raw public keys, RSA" raw_keys rsa rsasig
testcase "raw public keys, ECDSA" raw_keys p256 ecdsa
ktap_end
