#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every family of ciphers, and every group, with OpenIKED, in both roles.
#
# Of IKE it has neither ChaCha20-Poly1305 nor AES-GCM-192. For ESP it has only AES-CBC with
# HMAC-SHA1 on Linux, of what ikefpd has: it installs its SAs by PF_KEY, and knows Linux's numbers
# neither of AEADs nor of HMAC-SHA2.

. "${0%/*}/lib.sh"
. "$selftests/lib/interop.sh"

# with IKE ESP: from either end.
with() {
	echo "--- IKE $1, ESP $2"
	IKE_PROPOSALS=$1 ESP_PROPOSALS=$2
	openiked_pair_load
	from_either
}

# algorithms FUNCTION: the function calls `with` for each of a family.
algorithms() {
	topo_direct
	openiked_pair
	"$1"
}

aes_gcm() {
	with aes128gcm16-prfsha384-ecp384 aes128-sha1
	with aes256gcm16-prfsha512-x25519 aes256-sha1
}

aes_cbc() {
	with aes128-sha256-ecp256 aes128-sha1
	with aes192-sha384-ecp384 aes192-sha1
	with aes256-sha512-ecp521 aes256-sha1
}

modp_groups() {
	with aes128-sha256-modp2048 aes128-sha1
	with aes256-sha256-modp3072 aes256-sha1
	with aes128gcm16-prfsha256-modp4096 aes128-sha1
}

need_module
ktap_plan 3
testcase "AES-GCM" algorithms aes_gcm
testcase "AES-CBC with HMAC-SHA2" algorithms aes_cbc
testcase "MODP groups" algorithms modp_groups
ktap_end
