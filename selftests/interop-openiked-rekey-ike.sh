#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IKE SAs that either end rekeys, with OpenIKED, whoever has begun: the Child SA goes on, and no
# packet is lost. OpenIKED does so by itself when one has lived for most of its lifetime.
#
# Where the peer replaces an IKE SA that OpenIKED has begun, it does not answer the DELETE of the
# old one (it takes one from an SA's initiator alone, then), and keeps that for two minutes. Of
# ikefpd it is gone when it has asked often enough, and nothing else is.

. "${0%/*}/lib.sh"
. "$selftests/lib/interop.sh"

ESP_PROPOSALS=aes256-sha1
IKED_POLICY='ikelifetime 15'

# conf_soon gw1: conf_both, and a DELETE is asked for 2 s.
conf_soon() {
	conf_both "$1"
	charon_conf 'retransmit_timeout = 0.5' 'retransmit_base = 1' 'retransmit_tries = 3'
}

ike_rekeyed() {
	local pair whose

	topo_direct
	CONF=conf_soon openiked_pair
	initiate "$1"
	pair=$(spis gw1)
	ping_start lan1 "$lan2_addr"
	for whose in gw1 gw2 gw1; do
		another_ike_sa $whose
		ping_more 5
	done
	[ "$(spis gw1)" = "$pair" ]
	echo "--- the Child SA is the last IKE SA's"
	rekeyed rekey_child gw1
	no_ping_lost gw2 too_early
	terminate "$2"
}

# another_ike_sa GATEWAY: it rekeys; what is replaced is gone.
another_ike_sa() {
	local before

	before=$(ike_spis gw1)
	case $1 in
	gw1) rekey_ike gw1 ;;
	gw2) wait_said gw2 'ikev2_ike_sa_rekey: create child SA sent' ;;
	esac
	wait_for 20 ike_is_other gw1 "$before"
	wait_for 20 one_ike_sa_of gw1
}

one_ike_sa_of() {
	[[ $(ike_sas "$1") =~ ^state=ESTABLISHED\ initiator-spi=[0-9a-f]+$ ]]
}

need_module
ktap_plan 2
testcase "ikefpd began" ike_rekeyed gw1 gw2
FAMILY=6 testcase "OpenIKED began, IPv6" ike_rekeyed gw2 gw1
ktap_end
