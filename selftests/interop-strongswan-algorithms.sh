#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every encryption, integrity, PRF and Diffie-Hellman group with strongSwan, in both
# roles.

. "${0%/*}/lib.sh"

# with PROPOSAL ESP_PROPOSAL: sets a tunnel up from either end.
with() {
	local gw

	echo "--- IKE $1, ESP $2"
	for gw in gw1 gw2; do
		IKE_PROPOSALS=$1 ESP_PROPOSALS=$2 conf_both $gw >"$work/$gw/swanctl.conf"
		swanctl $gw --load-all --clear >"$work/load"
	done
	for gw in gw1 gw2; do
		swanctl $gw --initiate --child net --timeout 30
		one_child_sa_each
		both_answered
		swanctl $gw --terminate --ike gw --timeout 20
		taken_down
	done
}

# algorithms FUNCTION: the function calls `with` for each of a family.
algorithms() {
	topo_direct
	ikefpd_start gw1 < <(conf_both gw1)
	strongswan_start gw2 < <(conf_both gw2)
	"$1"
}

aes_gcm() {
	with aes128gcm16-prfsha256-x25519 aes128gcm16
	with aes192gcm16-prfsha384-ecp384 aes192gcm16
with aes256gcm16-prfsha384-ecp384 aes256gcm16-esn
}

chacha20_poly1305() {
	with chacha20poly1305-prfsha256-ecp256 chacha20poly1305
}

aes_cbc() {
	with aes128-sha256-ecp256 aes128-sha256
	with aes192-sha384-ecp384 aes192-sha384
	with aes256-sha512-ecp521 aes256-sha512
}

modp_groups() {
	with aes128-sha256-modp2048 aes128-sha1
	with aes128-sha256-modp3072 aes128gcm16
	with aes128gcm16-prfsha512-modp4096 aes128gcm16
}

need_module
ktap_plan 4
testcase "AES-GCM" algorithms aes_gcm
testcase "ChaCha20-Poly1305" algorithms chacha20_poly1305
testcase "AES-CBC with HMAC-SHA2" algorithms aes_cbc
testcase "MODP groups" algorithms modp_groups
ktap_end
