# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Two gateways, with a host in the network behind each. $FAMILY (4 or 6) is the
# outer family, $INNER that of the networks behind (the same unless set).
#
#	topo_direct:  lan1 --- gw1 =========== gw2 --- lan2
#	topo_nat:     lan1 --- gw1 === nat === gw2 --- lan2
#
# A gateway forwards between its two sides only what IPsec protects there: a ping
# that is answered went through the tunnel.
#
# The device towards the network behind is "lan", the other "wan"; the router's
# are "left" and "right". What a test needs is in
#
#	lan1_addr lan2_addr  the hosts		lan1_net lan2_net  their networks
#	gw1_addr gw2_addr    the gateways, as each itself sees its address
#	gw1_seen             gw1 as gw2 sees it

# On the ways between gateways and router each end knows the other's link layer
# address for good, so that what netem loses are never ARP and neighbour
# discovery, which a lossy way between two gateways would not lose either.
mac_gw1=02:00:00:00:00:01 mac_gw2=02:00:00:00:00:02
mac_left=02:00:00:00:00:03 mac_right=02:00:00:00:00:04

# topo_side NUMBER: a gateway, and a network with one host behind it.
topo_side() {
	local n=$1 net len nodad=''

	case ${INNER:-${FAMILY:-4}} in
	4) net=10.$n.0. len=24 ;;
	6) net=2001:db8:$n:: len=64 nodad=nodad ;;
	esac
	declare -g "lan${n}_addr=${net}2"
	case $len in
	24) declare -g "lan${n}_net=${net}0/24" ;;
	64) declare -g "lan${n}_net=$net/64" ;;
	esac

	netns "gw$n" "lan$n"
	forwarding "gw$n"
	local lan=netns_lan$n
	batch "gw$n" <<-IP
	link set lo up
	link add lan type veth peer name eth0 netns ${!lan}
	address add ${net}1/$len dev lan $nodad
	link set lan up
	IP
	batch "lan$n" <<-IP
	link set lo up
	address add ${net}2/$len dev eth0 $nodad
	link set eth0 up
	route add default via ${net}1
	IP
	"gw$n" nft -f - <<-'NFT'
	table inet only_ipsec {
		chain forward {
			type filter hook forward priority filter;
			iifname "wan" meta ipsec missing drop
			oifname "wan" rt ipsec missing drop
		}
	}
	NFT
}

# topo_wan GATEWAY ADDRESS/LENGTH NEXT-HOP MAC: its way to the other gateway.
topo_wan() {
	local nodad=''

	[[ $2 != *:* ]] || nodad=nodad
	batch "$1" <<-IP
	address add $2 dev wan $nodad
	link set wan up
	neighbour replace $3 lladdr $4 dev wan nud permanent
	route add default via $3
	IP
}

topo_direct() {
	local len

	topo_side 1
	topo_side 2
	case ${FAMILY:-4} in
	4) gw1_addr=192.0.2.1 gw2_addr=192.0.2.2 len=24 ;;
	6) gw1_addr=2001:db8:ffff::1 gw2_addr=2001:db8:ffff::2 len=64 ;;
	esac
	gw1_seen=$gw1_addr
	gw1 ip link add wan address $mac_gw1 type veth \
		peer name wan address $mac_gw2 netns "$netns_gw2"
	topo_wan gw1 "$gw1_addr/$len" "$gw2_addr" $mac_gw2
	topo_wan gw2 "$gw2_addr/$len" "$gw1_addr" $mac_gw1
}

# nat_left ADDRESS/LENGTH: the router's link to gw1.
nat_left() {
	local nodad=''

	[[ $1 != *:* ]] || nodad=nodad
	batch nat <<-IP
	link add left address $mac_left type veth peer name wan address $mac_gw1 netns $netns_gw1
	address add $1 dev left $nodad
	link set left up
	neighbour replace $gw1_addr lladdr $mac_gw1 dev left nud permanent
	IP
}

# The router knows nothing of the networks behind the gateways, and gives each
# flow a source port of its own choice.
topo_nat() {
	local left len nodad=''

	topo_side 1
	topo_side 2
	netns nat
	forwarding nat
	case ${FAMILY:-4} in
	4) left=10.0.0. gw1_seen=192.0.2.1 gw2_addr=192.0.2.2 len=24 ;;
	6) left=fd00:: gw1_seen=2001:db8:ffff::1 gw2_addr=2001:db8:ffff::2 len=64 nodad=nodad ;;
	esac
	gw1_addr=${left}2
	batch nat <<-IP
	link set lo up
	link add right address $mac_right type veth peer name wan address $mac_gw2 netns $netns_gw2
	address add $gw1_seen/$len dev right $nodad
	link set right up
	neighbour replace $gw2_addr lladdr $mac_gw2 dev right nud permanent
	IP
	nat_left "${left}1/$len"
	topo_wan gw1 "$gw1_addr/$len" "${left}1" $mac_left
	topo_wan gw2 "$gw2_addr/$len" "$gw1_seen" $mac_right
	nat nft -f - <<-'NFT'
	table inet nat {
		chain postrouting {
			type nat hook postrouting priority srcnat;
			oifname "right" masquerade random
		}
		chain forward {
			type filter hook forward priority filter; policy drop;
			iifname "left" accept
			ct state established,related accept
		}
	}
	NFT
}

# A message is on its way for 200 ms, or for 400.
topo_slow() {
	topo_nat
	netem_both delay 200ms
}

topo_far() {
	topo_direct
	netem_both delay 400ms
}

# gather: after topo_nat, the gateways' links to the router gather packets (GRO), as most
# interfaces do. veth does not by itself, nor what its other end has left for it to cut up.
gather() {
	gw1 ethtool -K wan gro on
	gw2 ethtool -K wan gro on
	nat ethtool -K left tso off
	nat ethtool -K right tso off
}

# netem_both PARAMETER...: the same on the way out of each gateway.
netem_both() {
	netem gw1 wan "$@"
	netem gw2 wan "$@"
}
