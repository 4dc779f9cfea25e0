#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Child SAs that either end rekeys, with OpenIKED, whoever has begun, and no packet is lost.
# OpenIKED cannot be told to: it does so when an SA has lived for most of its lifetime.

. "${0%/*}/lib.sh"
. "$selftests/lib/interop.sh"

# Of these it rekeys after 10 or 11.
IKED_POLICY='lifetime 12'

child_rekeyed() {
	topo_direct
	openiked_pair
	initiate "$1"
	ping_start lan1 "$lan2_addr"
	rekeyed rekey_child gw1
	ping_more 5
	rekeyed wait_said gw2 'ikev2_send_create_child_sa: rekeying'
	ping_more 5
	rekeyed rekey_child gw1
	ping_more 5
	no_ping_lost gw2 too_early
	terminate "$2"
}

need_module
ktap_plan 2
ESP_PROPOSALS=aes256-sha1 testcase "ikefpd began" child_rekeyed gw1 gw2
ESP_PROPOSALS=aes256-sha1-x25519 testcase "OpenIKED began, key exchange" child_rekeyed gw2 gw1
ktap_end
