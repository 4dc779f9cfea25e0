#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Addresses that go and come, and a link that comes up: a tunnel is set up anew from where its
# gateway is now, waits where there is nothing to go from, and starts when there is.

. "${0%/*}/lib.sh"

# anywhere: psk_conf of gw1, from whichever address there is.
anywhere() {
	psk_conf gw1 | sed 's/local_addrs = .*/local_addrs = %any/'
}

# known GATEWAY ADDRESS MAC: to the gateway at the other end of the cable.
known() {
	run_in "$1" ip neighbour replace "$2" lladdr "$3" dev wan nud permanent
}

goes_from() {
	[ "$(kernel_local gw1)" = "$1" ] && [ "$(established_with gw2)" = "$1" ]
}

# established_with GATEWAY: the peer's address, of each established IKE SA.
established_with() {
	swanctl "$1" --list-sas --raw | tr ' ' '\n' |
		awk -F= '$1 == "state" { is = $2 == "ESTABLISHED" }
			$1 == "remote-host" && is { print $2 }'
}

# kernel_local GATEWAY: the address that its established SA sends from.
kernel_local() {
	shown "$1" | awk '
		/^  state: / { is = $2 == "established," }
		/^  endpoints: / && is { sub(/:[0-9]*$/, "", $2); gsub(/[][]/, "", $2); print $2 }'
}

# another_address PEER's daemon
another_address() {
	local there=192.0.2.3 len=24 nodad=()

	topo_direct
	[ "${FAMILY:-4}" = 4 ] || there=2001:db8:ffff::3 len=64 nodad=(nodad)
	"$1_start" gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(anywhere)
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	known gw2 $there $mac_gw1
	run_in gw1 ip address del "$gw1_addr/$len" dev wan
	run_in gw1 ip address add $there/$len dev wan "${nodad[@]}"
	# With the address its routes have gone.
	known gw1 "$gw2_addr" $mac_gw2
	run_in gw1 ip route replace default via "$gw2_addr"
	wait_for 20 goes_from $there
	settled
	both_answered
	grep "is set up anew from $there" "$work/gw1.log"
}

# The only address that the connection allows.
comes_back() {
	local before

	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	before=$(ike_spis gw1)
	run_in gw1 ip address del "$gw1_addr/24" dev wan
	wait_for 20 grep 'there is no other address to go from' "$work/gw1.log"
	run_in gw1 ip address add "$gw1_addr/24" dev wan
	known gw1 "$gw2_addr" $mac_gw2
	run_in gw1 ip route replace default via "$gw2_addr"
	both_answered
	[ "$(ike_spis gw1)" = "$before" ]
	one_child_sa_each
}

# link_comes_up CONF WHY [gone]: what is to be up waits for a way to its peer, however long.
link_comes_up() {
	local deadline

	topo_direct
	run_in gw1 ip link set wan down
	[ -z "${3:-}" ] || run_in gw1 ip address flush dev wan
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(CHILD='start_action = start' "$1" gw1
		charon_conf 'retransmit_timeout = 0.2' 'retransmit_base = 1' 'retransmit_tries = 2')
	wait_for 20 grep "$2" "$work/gw1.log"
	# Longer than an attempt takes, if there was one.
	deadline=$((SECONDS + 5))
	wait_for 10 eval '[ $SECONDS -ge '$deadline' ]'
	shown gw1 | grep "^summary: *0 SAs"
	run_in gw1 ip link set wan up
	[ -z "${3:-}" ] || run_in gw1 ip address add "$gw1_addr/24" dev wan
	known gw1 "$gw2_addr" $mac_gw2
	run_in gw1 ip route replace default via "$gw2_addr"
	settled
	both_answered
}

need_module
ktap_plan 6 2
testcase "another address, IPv4" another_address ikefpd
FAMILY=6 again "another address, IPv6" another_address ikefpd
testcase "another address, with strongSwan" another_address strongswan
FAMILY=6 again "another address, with strongSwan, IPv6" another_address strongswan
testcase "the address comes back" comes_back
testcase "a link comes up" link_comes_up anywhere 'no route to the peer'
testcase "a link comes up, from an address" link_comes_up psk_conf 'no route to the peer from'
testcase "a link comes up and its address" link_comes_up psk_conf 'no route to the peer from' gone
ktap_end
