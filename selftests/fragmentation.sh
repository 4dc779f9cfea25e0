#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd to ikefpd with an IKE_AUTH that leaves in fragments (RFC 7383): as small as
# they are to be, where both ends have agreed on it, and on ways that lose some of them.

. "${0%/*}/lib.sh"
. "$selftests/lib/fragments.sh"

ROUNDS=${ROUNDS:-5}

# begin TOPOLOGY SIZE: two gateways, and what comes in at each counted.
begin() {
	"$1"
	many_selectors
	watch_wire gw1 "$2"
	watch_wire gw2 "$2"
}

# start_both [SETTING...]: of charon, in both files.
start_both() {
	ikefpd_start gw2 < <(charon "$@"; psk_conf gw2)
	ikefpd_start gw1 < <(charon "$@"; psk_conf gw1)
}

charon() {
	printf 'charon {\n'
	printf '%s\n' "$@"
	printf '}\n'
}

# in_fragments SIZE [SETTING...]: no datagram is larger than SIZE.
in_fragments() {
	local size=$1
	shift

	begin topo_nat "$size"
	start_both "$@"
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered
	fragmented gw1
	fragmented gw2
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# agreed SETTING1 SETTING2 BY1 BY2: with these settings of `fragmentation`, what gw1
# and what gw2 does: "sent", or nothing.
agreed() {
	begin topo_direct 65535
	ikefpd_start gw2 < <(CONN="fragmentation = $2" psk_conf gw2)
	ikefpd_start gw1 < <(CONN="fragmentation = $1" psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered
	[ "$([ "$(seen gw2 skf)" -eq 0 ] || echo sent)" = "$3" ]
	[ "$([ "$(seen gw1 skf)" -eq 0 ] || echo sent)" = "$4" ]
}

agreements() {
	case $1 in
	accept) agreed accept yes '' sent ;;
	no) agreed yes no '' '' ;;
	esac
}

bad_network() {
	local round

	begin topo_nat 576
	start_both
	netem_both delay 20ms "$@"
	for ((round = 1; round <= ROUNDS; round++)); do
		swanctl gw1 --initiate --child net --timeout 60
		one_child_sa_each
		answered lan1 "$lan2_addr"
		swanctl gw1 --terminate --ike gw --timeout 60
		taken_down
	done
	fragmented gw1
	fragmented gw2
}

need_module
ktap_plan 5 1
testcase "576 octets in IPv4" in_fragments 576
FAMILY=6 testcase "1280 octets in IPv6" in_fragments 1280
testcase "one end only accepts" agreements accept
testcase "one end does not know of it" agreements no
again "20 % loss" bad_network loss 20%
testcase "loss, duplication, reordering" bad_network 5ms loss 10% duplicate 20% reorder 30%
ktap_end
