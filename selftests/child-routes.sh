#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Routes to the networks behind the peer, as strongSwan installs them: what a gateway itself
# sends there goes through the tunnel, too, from its address in the network behind it.

. "${0%/*}/lib.sh"

# table GATEWAY: the routes of table 220, without who has made them.
table() {
	{ run_in "$1" ip "-${FAMILY:-4}" route show table 220 2>/dev/null || :; } |
		sed -E 's/ proto [^ ]+//; s/ (metric|pref) [^ ]+//g; s/ *$//' | sort
}

no_routes() {
	[ -z "$(table "$1")" ]
}

has_rule() {
	run_in "$1" ip "-${FAMILY:-4}" rule show | grep -q '^220:.*lookup 220'
}

# own_address NUMBER: a gateway's in its own network.
own_address() {
	local net="lan$1_net"

	echo "${!net%/*}" | sed 's/0$/1/; s/::$/::1/'
}

up() {
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
}

as_strongswan() {
	topo_direct
	# It goes by its own rule before the main table, whatever stands there.
	CHARON='install_routes = yes' strongswan_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	no_routes gw1
	swanctl gw1 --initiate --child net --timeout 20
	table gw1
	table gw2
	[ "$(table gw1)" = "$lan2_net via $gw2_addr dev wan src $(own_address 1)" ]
	[ "$(table gw2)" = "$lan1_net via $gw1_addr dev wan src $(own_address 2)" ]
	has_rule gw1
	both_answered
	protected answered gw1 "$lan2_addr"
	protected answered gw1 "$(own_address 2)"
	swanctl gw1 --terminate --ike gw --timeout 20
	no_routes gw1
}

life() {
	local route pid

	topo_nat
	up
	route=$(table gw1)
	[ "$route" = "$lan2_net via 10.0.0.1 dev wan src $(own_address 1)" ]
	protected answered gw1 "$lan2_addr"
	swanctl gw1 --rekey --child net
	wait_for 10 grep -q 'net{2} established' "$work/gw1.log"
	wait_for 10 grep -q 'net{1} closed' "$work/gw1.log"
	[ "$(table gw1)" = "$route" ]
	# It is there while nobody is, and afterwards; what was left over is not.
	ikefpd_kill gw1
	protected_by_nobody
	batch gw1 <<-IP
	route add 10.9.1.0/24 dev lan table 220 protocol 105
	route add throw 10.9.2.0/24 table 220 protocol 105
	route add 10.9.3.0/24 dev lan table 220 protocol static
	IP
	ikefpd_start gw1 < <(psk_conf gw1)
	pid=$started_pid
	[ "$(table gw1)" = "$(printf '%s\n' "$route" '10.9.3.0/24 dev lan scope link' | sort)" ]
	protected answered gw1 "$lan2_addr"
	kill "$pid"
	wait_for 10 process_gone "$pid"
	[ "$(table gw1)" = '10.9.3.0/24 dev lan scope link' ]
	fails has_rule gw1
}

protected_by_nobody() {
	answered gw1 "$lan2_addr"
}

# Two children for the same network: the route stays as long as one of them.
shared_conf() {
	psk_conf "$1" | sed "/^[[:space:]]*children {/a\\
		more {\\
			local_ts = $(net_of "$1")[tcp], $(net_of "$1")\\
			remote_ts = $(net_of "$(peer "$1")")\\
			esp_proposals = aes256gcm16\\
		}"
}

net_of() {
	local net="lan${1#gw}_net"

	echo "${!net}"
}

peer() {
	echo "gw$((3 - ${1#gw}))"
}

shared() {
	topo_direct
	ikefpd_start gw2 < <(shared_conf gw2)
	ikefpd_start gw1 < <(shared_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	swanctl gw1 --initiate --child more --timeout 20
	[ "$(table gw1 | wc -l)" = 1 ]
	swanctl gw1 --terminate --child more --timeout 20
	[ "$(table gw1 | wc -l)" = 1 ]
	protected answered gw1 "$lan2_addr"
	swanctl gw1 --terminate --child net --timeout 20
	no_routes gw1
}

# no_use CHILD [CHARON]: where none is of use, or none is wanted, there is none.
no_use() {
	topo_direct
	ikefpd_start gw2 < <(CHILD=$1 psk_conf gw2)
	ikefpd_start gw1 < <(
		CHILD=$1 psk_conf gw1
		echo "charon { ${2:-} }"
	)
	swanctl gw1 --initiate --child net --timeout 20
	no_routes gw1
	fails has_rule gw1
}

# A shunt gets past the routes of all others.
passes() {
	topo_direct
	ikefpd_start gw1 < <(psk_conf gw1 | sed "s,remote_ts.*,remote_ts = 0.0.0.0/0,
		/^[[:space:]]*children {/a\\
		near {\\
			local_ts = 0.0.0.0/0\\
			remote_ts = $lan1_net\\
			mode = pass\\
			start_action = trap\\
		}")
	swanctl gw1 --install --child net
	table gw1
	[ "$(table gw1)" = "throw $lan1_net
default via $gw2_addr dev wan src $(own_address 1)" ] ||
		[ "$(table gw1)" = "default via $gw2_addr dev wan src $(own_address 1)
throw $lan1_net" ]
	answered gw1 "$lan1_addr"
	swanctl gw1 --uninstall --child net
	[ "$(table gw1)" = "throw $lan1_net" ]
}

need_module
ktap_plan 7
testcase "as strongSwan has them" as_strongswan
FAMILY=6 testcase "as strongSwan has them, IPv6" as_strongswan
testcase "rekeyed, carried on, left over" life
testcase "of several Child SAs" shared
testcase "not with charon.install_routes = no" no_use '' 'install_routes = no'
testcase "not with XFRM interfaces" no_use $'if_id_in = 42\nif_id_out = 42'
testcase "what passes" passes
ktap_end
