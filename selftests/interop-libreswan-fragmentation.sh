#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IKE fragments (RFC 7383) to and from Debian's Libreswan, in both roles, of chains of
# certificates, also where some of them are lost. gw1 is ikefpd.

. "${0%/*}/lib.sh"
. "$selftests/lib/pki.sh"
. "$selftests/lib/fragments.sh"
. "$selftests/lib/interop.sh"

# Libreswan takes nobody of another CA than the one that it asks for: it asks for none.
AUTH=pubkey PLUTO_AUTH=rsasig CONN='send_cert = always'
PLUTO_CONN='    leftcert=gw2-other
    leftsendcert=always
    sendca=all'

# chains: each has the root and the CAs of its own chain: it has to be sent those of the other's.
chains() {
	pki_install gw1 ca im1 im2 -- gw1-chain
	pluto_install gw2 ca gw2-other
	certutil -A -d "sql:$work/gw2/nss" -n im3 -t CT,, -a -i "$pki/im3.crt"
	certutil -A -d "sql:$work/gw2/nss" -n im4 -t CT,, -a -i "$pki/im4.crt"
}

# each_begins [NETEM-PARAMETER...]: with that. What ends the SA is not lost: Libreswan answers no
# DELETE twice.
each_begins() {
	local gw

	for gw in gw1 gw2; do
		[ $# = 0 ] || netem_both delay 20ms "$@"
		initiate $gw
		[ $# = 0 ] || netem_both delay 20ms
		terminate $gw
	done
}

# fragments [NETEM-PARAMETER...]
fragments() {
	local size=576 rounds=1

	[ "${FAMILY:-4}" = 4 ] || size=1280
	topo_direct
	chains
	watch_wire gw1 1280
	watch_wire gw2 $size
	libreswan_pair
	[ $# = 0 ] || rounds=${ROUNDS:-3}
	for ((; rounds > 0; rounds--)); do
		each_begins "$@"
	done
	fragmented gw1
	echo "[gw2] $(seen gw2 skf) fragments, $(seen gw2 large) too large"
	[ "$(seen gw2 skf)" -ge 4 ]
	[ "$(seen gw2 large)" -eq 0 ]
}

make_certificates() {
	pki_ca ca rsa
	pki_ca im1 rsa ca
	pki_ca im2 rsa im1
	pki_ca im3 rsa ca
	pki_ca im4 rsa im3
	pki_cert gw1-chain im2 rsa
	pki_cert gw2-other im4 rsa
}

need_module
make_certificates >"$pki/log" || { cat "$pki/log"; exit 1; }
ktap_plan 3
testcase "either begins, IPv4" fragments
FAMILY=6 testcase "either begins, IPv6" fragments
testcase "either begins, 20 % loss" fragments loss 20%
ktap_end
