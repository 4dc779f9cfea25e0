#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Child SAs of all kinds between ikefpd and Debian's strongSwan, each in both roles.

. "${0%/*}/lib.sh"

# up INITIATOR RESPONDER CONF: at gw1 and gw2.
up() {
	"$2_start" gw2 < <(CHILD=${CHILD2-${CHILD:-}} "$3" gw2)
	"$1_start" gw1 < <("$3" gw1)
	swanctl gw1 --initiate --child net --timeout 20
}

transport() {
	topo_direct
	CHILD='mode = transport' up "$1" "$2" hosts_conf
	in_mode gw1 transport
	in_mode gw2 transport
	protected answered gw1 "$gw2_addr"
	protected answered gw2 "$gw1_addr"
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

transport_nat() {
	topo_nat
	CHILD='mode = transport' up "$1" "$2" hosts_conf
	in_mode gw1 transport
	in_mode gw2 transport
	protected answered gw1 "$gw2_addr"
	tcp_served gw2 80
	protected tcp_asked gw1 "$gw2_addr" 80
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

tunnel_instead() {
	topo_direct
	CHILD='mode = transport' CHILD2='' up "$1" "$2" hosts_conf
	in_mode gw1 tunnel
	in_mode gw2 tunnel
	protected answered gw1 "$gw2_addr"
}

# port_conf gw1|gw2: the host behind gw2 serves TCP at port 80, and is asked by UDP.
port_conf() {
	case $1 in
	gw1) psk_conf gw1 | sed "s,remote_ts = .*,remote_ts = ${lan2_net}[tcp/80]\, ${lan2_net}[udp]," ;;
	gw2) psk_conf gw2 | sed "s,local_ts = .*,local_ts = ${lan2_net}[tcp]\, ${lan2_net}[udp/53]," ;;
	esac
}

ports() {
	topo_direct
	up "$1" "$2" port_conf
	tcp_served lan2 80
	tcp_served lan2 81
	protected tcp_asked lan1 "$lan2_addr" 80
	fails tcp_asked lan1 "$lan2_addr" 81
	swanctl gw1 --list-sas | grep -q "$lan2_net\[udp/\(53\|domain\)\]"
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

trap_of() {
	topo_direct
	"$2_start" gw2 < <(psk_conf gw2)
	"$1_start" gw1 < <(CHILD='start_action = trap' psk_conf gw1)
	answered lan1 "$lan2_addr"
	swanctl gw2 --terminate --ike gw --timeout 20
	wait_for 10 no_child_sas gw1
	answered lan1 "$lan2_addr"
	[ "$(child_sas gw1)" = 1 ]
}

# Both pad what they send.
padding() {
	topo_direct
	CHILD='tfc_padding = 400' up "$1" "$2" psk_conf
	both_answered
}

need_module
ktap_plan 9 3
other_way=testcase
for roles in 'ikefpd strongswan' 'strongswan ikefpd'; do
	# shellcheck disable=SC2086
	{
		$other_way "${roles/ /, }: transport mode" transport $roles
		testcase "${roles/ /, }: transport mode, through a NAT" transport_nat $roles
		testcase "${roles/ /, }: transport mode, wanted by one" tunnel_instead $roles
		$other_way "${roles/ /, }: protocols and ports" ports $roles
		testcase "${roles/ /, }: a trap" trap_of $roles
		$other_way "${roles/ /, }: TFC padding" padding $roles
	}
	other_way=again
done
ktap_end
