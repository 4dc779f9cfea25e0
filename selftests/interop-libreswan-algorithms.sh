#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every family of ciphers with Libreswan, in both roles.

. "${0%/*}/lib.sh"
. "$selftests/lib/interop.sh"

# proposals IKE ESP
proposals() {
	IKE_PROPOSALS=$1 ESP_PROPOSALS=$2
	topo_direct
	libreswan_pair
	from_either
}

need_module
ktap_plan 4
testcase "AES-GCM" proposals aes128gcm16-prfsha384-ecp384 aes128gcm16
testcase "ChaCha20-Poly1305" proposals chacha20poly1305-prfsha256-ecp256 chacha20poly1305
testcase "AES-CBC with HMAC-SHA2" proposals aes256-sha512-ecp521 aes256-sha512
testcase "MODP groups" proposals aes128-sha256-modp2048 aes128-sha256
ktap_end
