#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Child SAs of all kinds between ikefpd (gw1) and Debian's Libreswan (gw2), in both roles.
#
# Not with Libreswan 4.10: transport mode through a NAT. It has nothing of RFC 7296 section
# 2.23.1: as a responder it refuses the address of who is behind the NAT (TS_UNACCEPTABLE), as an
# initiator the NAT's in the answer. It proposes one selector each way for a Child SA, and takes
# one of ours. What it traps it does not trap again after a DELETE of the peer's.

. "${0%/*}/lib.sh"
. "$selftests/lib/interop.sh"

# both_load: both ends have another configuration, as CONF and PLUTO_CONF say.
both_load() {
	pluto_load gw2 < <(PLUTO_RIGHT=$gw1_addr ${PLUTO_CONF:-pluto_conf} gw2)
	conf_load gw1 < <(${CONF:-conf_both} gw1)
}

# The gateways themselves.
both_hosts() {
	conf_both "$1" | sed '/_ts = /d'
}

pluto_hosts() {
	pluto_conf "$1" | sed '/subnet=/d'
}

# host_to_host MODE: the gateways' packets are in ESP, of this mode.
host_to_host() {
	in_mode gw1 "$1"
	in_mode gw2 "$1"
	protected answered gw1 "$gw2_addr"
	protected answered gw2 "$gw1_addr"
}

transport() {
	local CONF=both_hosts PLUTO_CONF=pluto_hosts

	topo_direct
	CHILD='mode = transport' PLUTO_CONN='    type=transport' libreswan_pair
	from_either host_to_host transport
	echo "--- wanted by ikefpd"
	CHILD='mode = transport' both_load
	from_either host_to_host tunnel
}

# both_ts gw1: conf_both with these selectors.
both_ts() {
	conf_both "$1" |
		sed "s|local_ts = .*|local_ts = $LOCAL_TS|; s|remote_ts = .*|remote_ts = $REMOTE_TS|"
}

# The host behind gw2 serves TCP at port 80.
port_alone() {
	protected tcp_asked lan1 "$lan2_addr" 80
	fails tcp_asked lan1 "$lan2_addr" 81
}

ports() {
	local CONF=both_ts PLUTO_CONN='    leftprotoport=tcp/80
    rightprotoport=tcp'

	topo_direct
	tcp_served lan2 80
	tcp_served lan2 81
	LOCAL_TS="${lan1_net}[tcp]" REMOTE_TS="${lan2_net}[tcp/80]" libreswan_pair
	from_either port_alone
	echo "--- of several"
	LOCAL_TS="${lan1_net}[tcp]" \
		REMOTE_TS="${lan2_net}[tcp/82], ${lan2_net}[tcp/80], 10.9.0.0/24" both_load
	from_either port_alone
	echo "--- narrowed"
	PLUTO_CONN+='
    narrowing=yes' LOCAL_TS=10.0.0.0/8 REMOTE_TS=10.0.0.0/8 both_load
	from_either port_alone
}

# more_networks: behind gw2, where lan2 has an address in each.
more_networks() {
	local n

	for n in 3 4; do
		gw2 ip address add 10.$n.0.1/24 dev lan
		lan2 ip address add 10.$n.0.2/24 dev eth0
	done
}

both_networks() {
	CHILD="}
		three {
			local_ts = $lan1_net
			remote_ts = 10.3.0.0/24
			esp_proposals = aes256gcm16
		}
		four {
			local_ts = $lan1_net
			remote_ts = 10.4.0.0/24
			esp_proposals = aes256gcm16" conf_both "$1"
}

pluto_networks() {
	pluto_conf "$1" | sed "s,leftsubnet=.*,leftsubnets={$lan2_net 10.3.0.0/24 10.4.0.0/24},"
}

networks_answered() {
	local n

	for n in 2 3 4; do
		answered lan1 10.$n.0.2
	done
	[ "$(swanctl gw1 --list-sas --raw | grep -o 'state=ESTABLISHED' | wc -l)" = 1 ]
}

# Three Child SAs of one IKE SA, of which either end deletes one.
networks() {
	local child

	topo_direct
	more_networks
	CONF=both_networks PLUTO_CONF=pluto_networks libreswan_pair
	echo "--- ikefpd begins"
	for child in net three four; do
		swanctl gw1 --initiate --child $child --timeout 20
	done
	wait_for 20 established 3
	networks_answered
	swanctl gw1 --terminate --child three --timeout 20
	wait_for 20 established 2
	fails run_in lan1 ping -n -q -c 1 -W 1 10.3.0.2
	answered lan1 10.2.0.2
	answered lan1 10.4.0.2
	terminate gw1
	echo "--- Libreswan begins"
	whack gw2 --name gw --initiate
	wait_for 20 established 3
	networks_answered
	whack gw2 --name gw/2x0 --terminate
	wait_for 20 established 2
	answered lan1 10.2.0.2
	answered lan1 10.4.0.2
	terminate gw2
}

pluto_on_demand() {
	pluto_conf "$1" | sed 's/auto=add/auto=ondemand/'
}

traps() {
	topo_direct
	CHILD='start_action = trap' libreswan_pair
	answered lan1 "$lan2_addr"
	established
	swanctl gw1 --terminate --ike gw --timeout 20
	PLUTO_CONF=pluto_on_demand both_load
	wait_for 20 gone gw1
	answered lan2 "$lan1_addr"
	established
}

# are GATEWAY PATTERN: both its states have that.
are() {
	[ "$(run_in "$1" ip xfrm state list | grep -c "$2")" = 2 ]
}

with_extended_numbers() {
	are gw1 "anti-replay esn"
	are gw2 "anti-replay esn"
	both_answered
}

extended_numbers() {
	topo_direct
	ESP_PROPOSALS=aes256gcm16-esn CHILD='tfc_padding = 400' PLUTO_CONN='    esn=yes
    replay-window=64' libreswan_pair
	from_either with_extended_numbers
}

in_udp() {
	are gw1 'encap type espinudp'
	are gw2 'encap type espinudp'
	both_answered
}

# There is no NAT: either end's wish is enough, whatever else it would have.
forced_udp() {
	topo_direct
	CHILD='tfc_padding = 400' PLUTO_CONN='    encapsulation=yes
    compress=yes
    mobike=yes
    send-no-esp-tfc=yes' libreswan_pair
	from_either in_udp
	echo "--- wanted by ikefpd, too"
	CONN='encap = yes' PLUTO_CONN='    encapsulation=yes' both_load
	from_either in_udp
	echo "--- wanted by ikefpd alone"
	CONN='encap = yes' both_load
	from_either in_udp
}

# What is routed into an interface at each end. Libreswan makes its own when it has a tunnel, and
# routes the other end's networks there, but not where both have all addresses.
both_interface() {
	CHILD='if_id_in = 1
		if_id_out = 1' conf_both "$1"
}

both_all() {
	CHILD='if_id_in = 1
		if_id_out = 1' LOCAL_TS=0.0.0.0/0 REMOTE_TS=0.0.0.0/0 both_ts "$1"
}

pluto_interface() {
	PLUTO_CONN='    ipsec-interface=1' pluto_conf "$1"
}

pluto_all() {
	pluto_interface "$1" | sed 's,subnet=.*,subnet=0.0.0.0/0,'
}

through_interfaces() {
	are gw1 'if_id 0x1'
	are gw2 'if_id 0x1'
	both_answered
}

routed_there() {
	gw2 ip route replace "$lan1_net" dev ipsec1
	through_interfaces
}

interfaces() {
	topo_direct
	CONF=both_interface PLUTO_CONF=pluto_interface libreswan_pair
	gw1 ip link add ipsec1 type xfrm dev wan if_id 1
	gw1 ip link set ipsec1 up
	gw1 ip route add "$lan2_net" dev ipsec1
	from_either through_interfaces
	echo "--- all traffic"
	CONF=both_all PLUTO_CONF=pluto_all both_load
	from_either routed_there
}

need_module
ktap_plan 7
testcase "transport mode" transport
testcase "protocols and ports" ports
testcase "several networks" networks
testcase "traps" traps
testcase "extended sequence numbers" extended_numbers
testcase "ESP in UDP without a NAT" forced_udp
testcase "interfaces" interfaces
ktap_end
