# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests ask of a tunnel between two gateways.

# both_answered: the hosts behind the gateways reach each other.
both_answered() {
	answered lan1 "$lan2_addr"
	answered lan2 "$lan1_addr"
}

# up_and_down GATEWAY: begun by it, and taken down by it.
up_and_down() {
	swanctl "$1" --initiate --child net --timeout 30
	one_child_sa_each
	both_answered
	swanctl "$1" --terminate --ike gw --timeout 20
	taken_down
}

# one_child_sa_each: exactly one Child SA at each end, and in XFRM no more than its
# two states there.
one_child_sa_each() {
	[ "$(child_sas gw1)" = 1 ] && [ "$(child_sas gw2)" = 1 ] &&
		[ "$(xfrm_states gw1)" = 2 ] && [ "$(xfrm_states gw2)" = 2 ]
}

# xfrm_states GATEWAY: those without an SPI stand for packets that wait for one, and what is not
# ESP was offered, as IPComp is by Libreswan, and stays for a while when nothing came of it.
xfrm_states() {
	run_in "$1" ip xfrm state list |
		awk '/^src/ { getline; if (/proto esp/ && !/spi 0x00000000/) n++ } END { print n + 0 }'
}

# no_xfrm GATEWAY: neither states nor policies of a tunnel are left. (The daemons'
# sockets have policies of their own.)
no_xfrm() {
	[ "$(xfrm_states "$1")" = 0 ] &&
		[ "$(run_in "$1" ip xfrm policy list | grep -c 'tmpl ' || :)" = 0 ]
}

# taken_down: both ends have forgotten it all.
taken_down() {
	local gw

	for gw in gw1 gw2; do
		wait_for 10 no_xfrm "$gw"
		wait_for 10 no_child_sas "$gw"
	done
}

no_child_sas() {
	[ "$(child_sas "$1")" = 0 ]
}

# conf_both: psk_conf for both gateways, each knowing the other's address, so that
# either can begin. Only without a NAT.
conf_both() {
	case $1 in
	gw1) psk_conf gw1 ;;
	gw2) psk_conf gw2 | sed "s/%any/$gw1_addr/" ;;
	esac
}
