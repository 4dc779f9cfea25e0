#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd and Debian's strongSwan: Child SAs are rekeyed and deleted by either end, and
# ikefpd loses no packet to it.

. "${0%/*}/lib.sh"

# up INITIATOR RESPONDER: $theirs is strongSwan's gateway.
up() {
	theirs=gw2
	[ "$1" = ikefpd ] || theirs=gw1
	topo_direct
	"$2_start" gw2 < <(conf_both gw2)
	"$1_start" gw1 < <(conf_both gw1)
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
}

# rekeyed INITIATOR RESPONDER
rekeyed() {
	up "$1" "$2"
	ping_start lan1 "$lan2_addr"
	rekey_child gw1
	ping_more 5
	rekey_child gw2
	ping_more 5
	rekey_child gw1
	ping_more 5
	settled
	ping_more 5
	no_ping_lost "$theirs"
	swanctl gw2 --terminate --child net --timeout 20
	taken_down
	swanctl gw1 --initiate --child net --timeout 20
	settled
	swanctl gw1 --terminate --child net --timeout 20
	taken_down
}

# Both want to at the same moment.
collisions() {
	up "$1" "$2"
	netem_both delay 400ms
	ping_start lan1 "$lan2_addr"
	collide_child
	no_ping_lost "$theirs"
	both_answered
}

# two INITIATOR RESPONDER: a second Child SA of the same IKE SA.
two() {
	CHILD="}
		more {
			local_ts = 10.8.0.0/16
			remote_ts = 10.8.0.0/16
			esp_proposals = aes256gcm16-ecp256" up "$1" "$2"
	swanctl gw1 --initiate --child more --timeout 20
	[ "$(child_sas gw1)" = 2 ]
	[ "$(child_sas gw2)" = 2 ]
	swanctl gw2 --terminate --child more --timeout 20
	settled
}

need_module
ktap_plan 6 2
testcase "ikefpd began" rekeyed ikefpd strongswan
again "strongSwan began" rekeyed strongswan ikefpd
FAMILY=6 ESP_PROPOSALS=aes256gcm16-x25519 \
	testcase "ikefpd began, key exchange, IPv6" rekeyed ikefpd strongswan
FAMILY=6 ESP_PROPOSALS=aes256-sha256-ecp256-modp2048 \
	testcase "strongSwan began, key exchange, IPv6" rekeyed strongswan ikefpd
testcase "at the same moment, ikefpd began" collisions ikefpd strongswan
testcase "at the same moment, strongSwan began" collisions strongswan ikefpd
testcase "a second Child SA, ikefpd begins" two ikefpd strongswan
again "a second Child SA, strongSwan begins" two strongswan ikefpd
ktap_end
