#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Certificates and public keys with strongSwan, in both roles: every kind of key and
# signature, with and without RFC 7427, chains in fragments, raw keys, encrypted ones,
# and certificates that are refused. gw1 is ikefpd.

. "${0%/*}/lib.sh"
. "$selftests/lib/pki.sh"
. "$selftests/lib/fragments.sh"

AUTH=pubkey

# both [SETTING=VALUE...]: conf_load for both, with these.
both() {
	local gw

	for gw in gw1 gw2; do
		conf_load $gw < <(for setting; do declare "$setting"; done; conf_both $gw)
	done
}

# daemons: both, without any configuration yet.
daemons() {
	topo_direct
	strongswan_start gw2 </dev/null
	ikefpd_start gw1 </dev/null
}

# from GATEWAY: a tunnel that it begins.
from() {
	swanctl "$1" --initiate --child net --timeout 30
	one_child_sa_each
	swanctl "$1" --terminate --ike gw --timeout 20
	taken_down
}

from_either() {
	from gw1
	from gw2
}

# They take turns in beginning.
begins=gw1 responds=gw2
take_turns() {
	read -r begins responds <<<"$responds $begins"
}

# with KIND SIGNATURE [SETTING...]: each end signs, whoever begins.
with() {
	echo "--- $1, $2"
	pki_install gw1 ca -- "gw1-$1"
	pki_install gw2 ca -- "gw2-$1"
	both "${@:3}"
	mark
	from_either
	signed_with "$2" "$2" 2
}

digital_signatures() {
	daemons
	with rsa RSA_EMSA_PKCS1_SHA2_256
	with rsa RSA_EMSA_PSS_SHA2_256 AUTH=ike:rsa/pss-sha256
	with rsa RSA_EMSA_PSS_SHA2_384 AUTH=ike:rsa/pss-sha384
	with rsa RSA_EMSA_PSS_SHA2_512 AUTH=ike:rsa/pss-sha512
	with p256 ECDSA_WITH_SHA256_DER
	with p384 ECDSA_WITH_SHA384_DER
	with p521 ECDSA_WITH_SHA512_DER
	with ed25519 ED25519
}

methods_before_rfc7427() {
	CHARON='signature_authentication = no' daemons
	with rsa RSA_EMSA_PKCS1_SHA1
	with p256 ECDSA_WITH_SHA256_DER
	with p384 ECDSA_WITH_SHA384_DER
	with p521 ECDSA_WITH_SHA512_DER
}

# Each has the root and the CAs of its own chain: it has to be sent those of the other's.
chain() {
	daemons
	watch_wire gw1 1280
	pki_install gw1 ca im1 im2 -- gw1-chain
	pki_install gw2 ca -- gw2-other
	cp "$pki"/im[34].crt "$work/gw2/x509ca/"
	both
	from_either
	fragmented gw1
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	[ "$(grep -c 'received issuer cert "C=CH, O=Example, CN=im[34]"' "$work/gw1.log")" = 6 ]
	[ "$(grep -c 'using untrusted intermediate certificate .*CN=im[12]"' "$work/gw2.log")" = 6 ]
}

# by IPv6: from either end, keys of two kinds.
by_ipv6() {
	daemons
	pki_install gw1 ca -- gw1-rsa
	pki_install gw2 ca -- gw2-p384
	both
	mark
	from_either
	signed_with RSA_EMSA_PKCS1_SHA2_256 ECDSA_WITH_SHA384_DER 2
	pki_install gw1 ca -- gw1-ed25519
	pki_install gw2 ca -- gw2-rsa
	both
	from_either
}

# Through a NAT, where IKE_AUTH goes from port 4500: INITIATOR, RESPONDER.
through_nat() {
	topo_nat
	pki_install gw1 ca im1 im2 -- gw1-chain
	pki_install gw2 ca -- gw2-other
	cp "$pki"/im[34].crt "$work/gw2/x509ca/"
	"$2_start" gw2 < <(psk_conf gw2)
	"$1_start" gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 30
	one_child_sa_each
	both_answered
	# Neither end had the other's intermediate CAs but from there.
	grep 'CN=im[12]"' "$work/gw2.log"
	grep 'CN=im[34]"' "$work/gw1.log"
	swanctl gw2 --terminate --ike gw --timeout 20
	taken_down
}

# Identities that are names, one of them with a wildcard.
names() {
	daemons
	pki_install gw1 ca -- gw1-p256
	pki_install gw2 ca -- gw2-p256
	conf_load gw1 < <(LOCAL_ID='C=CH, O=Example, CN=gw1-p256' \
		REMOTE_ID='C=CH, O=example, CN=*' conf_both gw1)
	conf_load gw2 < <(LOCAL_ID='C=CH, O=Example, CN=gw2-p256' \
		REMOTE_ID='C=CH, O=Example, CN=gw1-p256' conf_both gw2)
	from_either
}

# No certificates at all.
raw_keys() {
	local kind gw peer

	daemons
	for kind in rsa p384 ed25519; do
		echo "--- $kind"
		for gw in gw1 gw2; do
			[ $gw = gw1 ] && peer=gw2 || peer=gw1
			pki_install $gw -- "$gw-$kind"
			rm "$work/$gw/x509"/*
			openssl pkey -in "$pki/$gw-$kind.key" -pubout -out "$work/$gw/pubkey/$gw.pub"
			openssl pkey -in "$pki/$peer-$kind.key" -pubout -out "$work/$gw/pubkey/$peer.pub"
			conf_load $gw < <(LOCAL="pubkeys = $gw.pub" REMOTE="pubkeys = $peer.pub" conf_both $gw)
		done
		from_either
	done
	# A signature of another key: the peer is told, and nobody waits.
	conf_load gw1 < <(LOCAL="pubkeys = gw1.pub" REMOTE="pubkeys = gw1.pub" conf_both gw1)
	for gw in gw1 gw2; do
		mark
		fails swanctl $gw --initiate --child net --timeout 20
		tail -n "+$mark" "$work/gw1.log" | grep 'authentication of the peer failed: '
	done
	grep 'received AUTHENTICATION_FAILED notify error' "$work/gw2.log"
	taken_down
}

# ikefpd reads the folders, and decrypts the key, by itself.
encrypted_key() {
	topo_direct
	pki_install gw1 ca -- gw1-p256
	pki_install gw2 ca -- gw2-rsa
	openssl pkcs8 -topk8 -v2 aes-256-cbc -passout 'pass:the passphrase' \
		-in "$pki/gw1-p256.key" -out "$work/gw1/private/gw1-p256.key"
	strongswan_start gw2 < <(conf_both gw2)
	fails ikefpd_start gw1 < <(conf_both gw1)
	grep 'private key private/gw1-p256.key: it is encrypted, and there is no secret for it' "$work/gw1.log"
	fails ikefpd_start gw1 < <(conf_both gw1 | sed 's/^secrets {/&\nprivate {\nfile = gw1-p256.key\n}/')
	grep 'private key private/gw1-p256.key: it is encrypted, and there is no secret for it' "$work/gw1.log"
	ikefpd_start gw1 < <(conf_both gw1 | sed 's/^secrets {/&\nprivate {\nfile = gw1-p256.key\nsecret = "the passphrase"\n}/')
	from gw1
	# Encrypted as OpenSSL did of old, and by swanctl.
	openssl ec -aes128 -passout pass:old -in "$pki/gw1-p256.key" -out "$work/gw1/private/gw1-p256.key"
	conf_load gw1 < <(conf_both gw1 | sed 's/^secrets {/&\nprivate {\nfile = gw1-p256.key\nsecret = old\n}/')
	swanctl gw1 --list-certs | grep 'has private key'
	from gw2
}

# refused NAME REASON [SETTING...]: gw2 comes with this certificate. gw1 says why not, gw2
# learns no more than that.
refused() {
	local settings=("LOCAL=certs = $1.crt" "${@:3}")

	echo "--- $1"
	pki_install gw2 ca -- "$1"
	conf_load gw2 < <(for setting in "${settings[@]}"; do declare "$setting"; done; conf_both gw2)
	mark
	swanctl $begins --initiate --child net --timeout 20 >"$work/said" && return 1
	# The other end is told, whoever begins.
	tail -n "+$mark2" "$work/gw2.log" | grep AUTH_FAILED
	tail -n "+$mark" "$work/gw1.log" | grep "authentication of the peer failed: .*$2"
	taken_down
	take_turns
}

refusals() {
	daemons
	pki_install gw1 ca -- gw1-p256
	cp "$pki/ca.crl" "$work/gw1/x509crl/"
	conf_load gw1 < <(conf_both gw1)
	refused gw2-expired 'CN=gw2-expired": certificate has expired'
	refused gw2-early 'CN=gw2-early": certificate is not yet valid'
	refused gw2-revoked 'CN=gw2-revoked": certificate revoked'
	refused gw2-stranger 'CN=gw2-stranger": unable to get local issuer certificate'
	refused gw3-name 'CN=gw3-name" is not of '"'gw2.example'"
	refused gw2-usage 'CN=gw2-usage": its key usage does not allow signatures'
	refused gw2-purpose 'CN=gw2-purpose": its extended key usage is not for IKE'
	# What is not refused: another certificate of the same CA.
	pki_install gw2 ca -- gw2-p256
	both
	from_either
	# The connection asks for a CRL, and for another CA.
	rm "$work/gw1/x509crl"/*
	conf_load gw1 < <(REMOTE='revocation = strict' conf_both gw1)
	refused gw2-p256 'CN=gw2-p256": unable to get certificate CRL'
	cp "$pki/other.crt" "$work/gw1/x509ca/"
	conf_load gw1 < <(REMOTE='cacerts = other.crt' conf_both gw1)
	refused gw2-p256 'it is of none of the CAs that the connection names'
	conf_load gw1 < <(REMOTE_AUTH=ecdsa-384 conf_both gw1)
	refused gw2-p256 'its key has 256 bits: the connection asks for 384'
	# No certificate, but the secret.
	conf_load gw1 < <(conf_both gw1)
	pki_install gw2 ca
	conf_load gw2 < <(AUTH=psk REMOTE_AUTH=pubkey conf_both gw2)
	mark
	fails swanctl gw2 --initiate --child net --timeout 20
	tail -n "+$mark" "$work/gw1.log" | grep 'authentication of the peer failed: its authentication method 2'
}

# asks GATEWAY SETTING: of the peer's certificate.
asks() {
	conf_load "$1" < <(REMOTE=$2 conf_both "$1")
}

# not_let_in REASON: gw1 says that of gw2's certificate, whoever begins.
not_let_in() {
	mark
	fails swanctl $begins --initiate --child net --timeout 20
	tail -n "+$mark2" "$work/gw2.log" | grep AUTH_FAILED
	tail -n "+$mark" "$work/gw1.log" | grep "authentication of the peer failed: .*$1"
	taken_down
	take_turns
}

# CAs by their names, of which neither end has more than the root, and certificate policies.
constraints() {
	local peers=1.3.6.1.4.1.99999

	daemons
	pki_install gw1 ca im1 im2 -- gw1-chain
	pki_install gw2 ca -- gw2-other
	cp "$pki"/im[34].crt "$work/gw2/x509ca/"
	asks gw1 'ca_id = "C=CH, O=Example, CN=im3"'
	asks gw2 'ca_id = "C=CH, O=Example, CN=im2"'
	from_either
	asks gw1 'ca_id = "C=CH, O=Example, CN=im1"'
	not_let_in "it is of no CA with the identity 'C=CH, O=Example, CN=im1'"
	not_let_in "it is of no CA with the identity 'C=CH, O=Example, CN=im1'"
	# As strongSwan has it.
	asks gw1 'ca_id = "C=CH, O=Example, CN=im4"'
	asks gw2 'ca_id = "C=CH, O=Example, CN=im3"'
	fails swanctl gw1 --initiate --child net --timeout 20
	taken_down
	pki_install gw1 policies -- gw1-policies
	pki_install gw2 policies -- gw2-policies
	asks gw1 "cert_policy = $peers.1, $peers.2"
	asks gw2 "cert_policy = $peers.1"
	from_either
	asks gw1 "cert_policy = $peers.1, $peers.3"
	not_let_in "it is not for the policy $peers.3, which the connection asks for"
	asks gw1 "cert_policy = $peers.2"
	asks gw2 "cert_policy = $peers.3"
	fails swanctl gw1 --initiate --child net --timeout 20
	taken_down
}

# What ikefpd reads itself, from one file.
container() {
	topo_direct
	strongswan_start gw2 </dev/null
	pki_install gw2 ca -- gw2-p256
	conf_load gw2 < <(conf_both gw2)
	gateway_dir gw1
	openssl pkcs12 -export -inkey "$pki/gw1-p256.key" -in "$pki/gw1-p256.crt" \
		-certfile "$pki/ca.crt" -passout pass:open -out "$work/gw1/pkcs12/gw1.p12"
	ikefpd_start gw1 < <(
		conf_both gw1
		printf '%s\n' 'secrets {' 'pkcs12 {' 'file = gw1.p12' 'secret = open' '}' '}'
	)
	from_either
}

make_certificates() {
	local policies='certificatePolicies = 1.3.6.1.4.1.99999.1, 1.3.6.1.4.1.99999.2' kind gw

	pki_ca ca p256
	pki_ca other p256
	pki_ca im1 p384 ca
	pki_ca im2 p256 im1
	for gw in gw1 gw2; do
		for kind in rsa p256 p384 p521 ed25519; do
			pki_cert $gw-$kind ca $kind
		done
	done
	pki_ca im3 rsa ca
	pki_ca im4 rsa im3
	pki_cert gw1-chain im2 p256
	pki_cert gw2-other im4 p256
	pki_key policies p256
	pki_sign policies policies /C=CH/O=Example/CN=policies "$(printf '%s\n' \
		'basicConstraints = critical, CA:TRUE' 'keyUsage = critical, keyCertSign' \
		'subjectKeyIdentifier = hash' "$policies")"
	pki_cert gw1-policies policies p256 "$policies"
	pki_cert gw2-policies policies p256 "$policies"
	pki_cert gw2-expired ca p256 '' -days -1
	pki_cert gw2-early ca p256
	pki_not_yet gw2-early ca
	pki_cert gw2-revoked ca p256
	pki_revoke ca gw2-revoked
	pki_cert gw2-stranger other p256
	pki_cert gw3-name ca p256
	pki_cert gw2-usage ca p256 'keyUsage = keyEncipherment'
	pki_cert gw2-purpose ca p256 'extendedKeyUsage = codeSigning'
}

need_module
make_certificates >"$pki/log" || { cat "$pki/log"; exit 1; }
ktap_plan 12 2
testcase "digital signatures" digital_signatures
testcase "methods before RFC 7427" methods_before_rfc7427
testcase "a chain, in fragments" chain
FAMILY=6 testcase "IPv6" by_ipv6
FAMILY=4 testcase "a NAT, ikefpd inside" through_nat ikefpd strongswan
FAMILY=6 testcase "a NAT, IPv6, strongSwan inside" through_nat strongswan ikefpd
FAMILY=6 again "a NAT, IPv6, ikefpd inside" through_nat ikefpd strongswan
FAMILY=4 again "a NAT, strongSwan inside" through_nat strongswan ikefpd
testcase "names as identities" names
testcase "raw public keys" raw_keys
testcase "an encrypted private key" encrypted_key
testcase "a PKCS#12 container" container
testcase "refusals" refusals
testcase "CAs by name, policies" constraints
ktap_end
