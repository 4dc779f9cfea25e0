#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Child SAs that either end rekeys, with Libreswan, whoever has begun.

. "${0%/*}/lib.sh"
. "$selftests/lib/interop.sh"

ESP_PROPOSALS=aes256gcm16-x25519

child_rekeyed() {
	topo_direct
	libreswan_pair
	initiate "$1"
	rekeyed rekey_child "$1"
	rekeyed rekey_child "$2"
	rekeyed rekey_child "$1"
	terminate "$1"
}

need_module
ktap_plan 2
testcase "ikefpd began" child_rekeyed gw1 gw2
testcase "Libreswan began" child_rekeyed gw2 gw1
ktap_end
