#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IKE fragments (RFC 7383) to and from OpenIKED, in both roles: long chains of certificates, also
# where some of them are lost.
#
# OpenIKED looks at the first certificate alone that it is sent: the CAs between that and the root
# have to be its own, too. Its fragments are some octets longer than it means them to be.

. "${0%/*}/lib.sh"
. "$selftests/lib/pki.sh"
. "$selftests/lib/fragments.sh"
. "$selftests/lib/interop.sh"

ESP_PROPOSALS=aes256-sha1
AUTH=pubkey
IKED_AUTH=''
IKED_SET='set fragmentation'
ROUNDS=${ROUNDS:-3}

# chains TOPOLOGY INITIATOR RESPONDER [NETEM-PARAMETER...]
chains() {
	local ours=gw1 theirs=gw2 rounds=1 round size
	local LOCAL="cacerts = $pki/im1.crt, $pki/im2.crt"

	[ "$2" = ikefpd ] || ours=gw2 theirs=gw1
	[ "${FAMILY:-4}" = 4 ] && size=576 || size=1280
	"$1"
	watch_wire $ours $((size + 12))
	watch_wire $theirs $size
	pki_install $ours ca -- $ours-chain
	openiked_install ca im1 im2 im3 im4 -- $theirs-other
	daemon_start gw2 "$3"
	daemon_start gw1 "$2"
	[ $# -le 3 ] || rounds=$ROUNDS
	for ((round = 1; round <= rounds; round++)); do
		[ $# -le 3 ] || netem_both "${@:4}"
		initiate gw1
		# A DELETE whose answer is lost it does not answer again.
		[ $# -le 3 ] || netem_both delay 20ms
		terminate gw1
	done
	[ "$(grep -c 'received issuer cert "C=CH, O=Example, CN=im[34]"' "$work/$ours.log")" = $((2 * rounds)) ]
	fragmented $ours
	echo "[$theirs] $(seen $theirs skf) fragments, $(seen $theirs large) too large"
	[ "$(seen $theirs skf)" -ge $((2 * rounds)) ]
	[ "$(seen $theirs large)" -eq 0 ]
}

make_certificates() {
	local gw

	pki_ca ca rsa
	pki_ca im1 rsa ca
	pki_ca im2 rsa im1
	pki_ca im3 rsa ca
	pki_ca im4 rsa im3
	for gw in gw1 gw2; do
		pki_cert $gw-chain im2 rsa
		pki_cert $gw-other im4 rsa
	done
}

need_module
make_certificates >"$pki/log" || { cat "$pki/log"; exit 1; }
ktap_plan 3 1
FAMILY=6 testcase "ikefpd begins, IPv6" chains topo_direct ikefpd openiked
testcase "OpenIKED begins, through a NAT" chains topo_nat openiked ikefpd
again "ikefpd begins" chains topo_direct ikefpd openiked
testcase "ikefpd begins, 10 % loss" chains topo_nat ikefpd openiked delay 20ms loss 10%
ktap_end
