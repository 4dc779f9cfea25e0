#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd (gw1) and Debian's Libreswan (gw2): IKE SAs are rekeyed by either end, and no
# packet is lost.
#
# Not with Libreswan 4.10: by both at once. It keeps what RFC 7296 section 2.8.1 has it delete.

. "${0%/*}/lib.sh"
. "$selftests/lib/interop.sh"

# up TOPOLOGY GATEWAY: which begins.
up() {
	"$1"
	libreswan_pair
	initiate "$2"
	ping_start lan1 "$lan2_addr"
}

ike_rekeyed() {
	local before

	before=$(ike_spis gw1)
	rekey_ike "$1"
	wait_for 20 ike_is_other gw1 "$before"
	wait_for 20 one_ike_sa_here
}

one_ike_sa_here() {
	[ "$(ike_sas gw1 | wc -l)" = 1 ]
}

rekeyed() {
	local pair gateway

	up topo_direct "$1"
	pair=$(spis gw1)
	for gateway in gw1 gw2 gw1 gw2; do
		ike_rekeyed "$gateway"
		ping_more 5
	done
	[ "$(spis gw1)" = "$pair" ]
	both_answered
	no_ping_lost
	terminate "$1"
}

need_module
ktap_plan 2
IKE_PROPOSALS=aes128-sha512-modp2048 testcase "ikefpd began" rekeyed gw1
FAMILY=6 IKE_PROPOSALS=aes256-sha256-ecp256 testcase "Libreswan began, IPv6" rekeyed gw2
ktap_end
