#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Child SAs between two ikefpds: transport mode, with and without a NAT, several traffic
# selectors with protocols and ports, marks and XFRM interfaces.

. "${0%/*}/lib.sh"

up() {
	ikefpd_start gw2 < <(CHILD=${CHILD2-${CHILD:-}} "$1" gw2)
	ikefpd_start gw1 < <("$1" gw1)
	swanctl gw1 --initiate --child net --timeout 20
}

# Whatever the gateways say to each other.
transport() {
	"$1"
	CHILD='mode = transport' up hosts_conf
	in_mode gw1 transport
	in_mode gw2 transport
	protected answered gw1 "$gw2_addr"
	tcp_served gw2 80
	protected tcp_asked gw1 "$gw2_addr" 80
	if [ "$1" = topo_direct ]; then
		protected answered gw2 "$gw1_addr"
	fi
	swanctl gw1 --list-sas | grep -q 'TRANSPORT'
	ikefpd_kill gw2
	ikefpd_start gw2 < <(CHILD='mode = transport' hosts_conf gw2)
	protected tcp_asked gw1 "$gw2_addr" 80
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# The NAT gives gw1 another port, and then another address, which are the selectors' too.
transport_moves() {
	topo_nat
	CHILD='mode = transport' up hosts_conf
	answered gw1 "$gw2_addr"
	nat_forgets
	answered gw1 "$gw2_addr"
	nat_forgets "$(elsewhere)"
	answered gw1 "$gw2_addr"
	tcp_served gw2 80
	protected tcp_asked gw1 "$gw2_addr" 80
	in_mode gw2 transport
	run_in gw2 ip xfrm policy list | grep -q "^src $gw1_seen/"
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

tunnel_instead() {
	topo_direct
	CHILD='mode = transport' CHILD2='' up hosts_conf
	in_mode gw1 tunnel
	in_mode gw2 tunnel
	protected answered gw1 "$gw2_addr"
	grep 'is to be in tunnel mode' "$work/gw1.log"
}

# port_conf gw1|gw2: TCP to port 80 and UDP to port 53 of the hosts behind gw2, and nothing
# else. gw2 would take more.
port_conf() {
	case $1 in
	gw1) psk_conf gw1 | sed "s,remote_ts = .*,remote_ts = ${lan2_net}[tcp/80]\, ${lan2_net}[udp/53]," ;;
	gw2) psk_conf gw2 ;;
	esac
}

ports() {
	topo_direct
	up port_conf
	tcp_served lan2 80
	tcp_served lan2 81
	protected tcp_asked lan1 "$lan2_addr" 80
	# The gateway forwards nothing that is not protected.
	fails tcp_asked lan1 "$lan2_addr" 81
	fails run_in lan1 ping -n -q -c 1 -W 1 "$lan2_addr"
	swanctl gw2 --list-sas | grep -q "$lan2_net\[tcp/http\]\|$lan2_net\[tcp/80\]"
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# several_conf gw1|gw2: two networks at each end, of both families.
several_conf() {
	psk_conf "$1" | sed "s,local_ts = \(.*\),local_ts = \1\, $(other_net "$1"),
		s,remote_ts = \(.*\),remote_ts = \1\, $(other_net "$(peer_of "$1")"),"
}

other_net() {
	echo "2001:db8:f${1#gw}::/64"
}

peer_of() {
	echo "gw$((3 - ${1#gw}))"
}

# nets NUMBER: so many, behind gateway 1 or 2; the last one is the host's.
nets() {
	local n

	for ((n = 1; n < 16; n++)); do
		printf '10.%s.%s.0/24, ' "$1" $((200 + n))
	done
	printf '10.%s.0.0/24' "$1"
}

tunnel_policies() {
	run_in "$1" ip xfrm policy list | grep -c 'tmpl '
}

# Each pair has policies of its own: more than the kernel takes in one message.
many_selectors() {
	topo_direct
	lan1_net=$(nets 1) lan2_net=$(nets 2) up psk_conf
	[ "$(tunnel_policies gw1)" = $((16 * 16 * 3)) ]
	[ "$(tunnel_policies gw2)" = $((16 * 16 * 3)) ]
	protected answered lan1 "$lan2_addr"
	swanctl gw1 --rekey --child net
	protected answered lan1 "$lan2_addr"
	swanctl gw1 --terminate --ike gw --timeout 60
	taken_down
}

several() {
	local n

	topo_direct
	up several_conf
	both_answered
	for n in 1 2; do
		batch "gw$n" <<-IP
		address add 2001:db8:f$n::1/64 dev lan nodad
		route add 2001:db8:f$((3 - n))::/64 via $(outer "gw$((3 - n))") dev wan
		IP
		batch "lan$n" <<-IP
		address add 2001:db8:f$n::2/64 dev eth0 nodad
		route add default via 2001:db8:f$n::1
		IP
	done
	answered lan1 2001:db8:f2::2
	answered lan2 2001:db8:f1::2
	[ "$(run_in gw1 ip xfrm policy list | grep -c 'proto esp')" = 6 ]
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# outer GATEWAY: something that IPv6 takes for the next hop.
outer() {
	local addr="${1}_addr"

	[[ ${!addr} != *:* ]] || { echo "${!addr}"; return; }
	run_in "$1" ip -6 -o address show dev wan scope link |
		awk '{ sub("/.*", "", $4); print $4 }'
}

# if_ids GATEWAY: what goes through an XFRM interface, and nothing else, is the Child SA's.
if_ids() {
	local n

	topo_direct
	CHILD=$'if_id_in = 42\nif_id_out = 42' CHILD2='' up psk_conf
	fails run_in lan1 ping -n -q -c 1 -W 1 "$lan2_addr"
	batch gw1 <<-IP
	link add ipsec0 type xfrm dev wan if_id 42
	link set ipsec0 up
	route add $lan2_net dev ipsec0
	IP
	run_in gw1 nft add rule inet only_ipsec forward oifname '"wan"' accept
	both_answered
	swanctl gw1 --list-sas | grep -q '0000002a'
	# As the daemon before had it.
	ikefpd_kill gw1
	ikefpd_start gw1 < <(CHILD=$'if_id_in = 42\nif_id_out = 42' psk_conf gw1)
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# Packets with the mark, and only those.
marks() {
	topo_direct
	CHILD=$'mark_out = 7/0xff\nset_mark_in = 9' CHILD2='' up psk_conf
	fails run_in lan1 ping -n -q -c 1 -W 1 "$lan2_addr"
	gw1 nft -f - <<-'NFT'
	table inet marks {
		counter seen { }
		chain prerouting {
			type filter hook prerouting priority mangle;
			iifname "lan" meta mark set 0x107
			iifname "wan" meta mark 9 counter name seen
		}
	}
	NFT
	both_answered
	[ "$(nft_packets gw1 marks seen)" -gt 0 ]
	ikefpd_kill gw1
	ikefpd_start gw1 < <(CHILD=$'mark_out = 7/0xff\nset_mark_in = 9' psk_conf gw1)
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# What the kernel is told of the rest.
flags() {
	topo_direct
	CHILD=$'copy_df = no\ncopy_ecn = no\ncopy_dscp = in\nicmp = yes\ntfc_padding = 500' \
		CHILD2='replay_window = 1024' up psk_conf
	run_in gw1 ip -s xfrm state list >"$work/state"
	cat "$work/state"
	grep -q 'flag noecn decap-dscp nopmtudisc icmp af-unspec' "$work/state"
	grep -q 'extra_flag dont-encap-dscp' "$work/state"
	grep -q 'tfcpad 500' "$work/state"
	run_in gw2 ip xfrm state list | grep -q 'replay_window 1024'
	both_answered
}

need_module
ktap_plan 10 1
again "transport mode" transport topo_direct
FAMILY=6 testcase "transport mode, IPv6" transport topo_direct
testcase "transport mode, through a NAT" transport topo_nat
testcase "transport mode, the NAT forgets" transport_moves
testcase "transport mode, wanted by one" tunnel_instead
testcase "protocols and ports" ports
testcase "several selectors of both families" several
testcase "many selectors" many_selectors
testcase "XFRM interfaces" if_ids
testcase "marks" marks
testcase "flags of ESP SAs" flags
ktap_end
