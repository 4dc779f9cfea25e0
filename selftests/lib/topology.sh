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

# address NAME DEV ADDRESS/LENGTH
address() {
	case $3 in
	*:*) in_netns "$1" ip address add "$3" dev "$2" nodad ;;
	*) in_netns "$1" ip address add "$3" dev "$2" ;;
	esac
}

# topo_side NUMBER: a gateway, and a network with one host behind it.
topo_side() {
	local n=$1 net len

	netns "gw$n" "lan$n"
	forwarding "gw$n"
	link "gw$n" lan "lan$n" eth0
	case ${INNER:-${FAMILY:-4}} in
	4) net=10.$n.0. len=24 ;;
	6) net=2001:db8:$n:: len=64 ;;
	esac
	address "gw$n" lan "${net}1/$len"
	address "lan$n" eth0 "${net}2/$len"
	in_netns "lan$n" ip route add default via "${net}1"
	declare -g "lan${n}_addr=${net}2" "lan${n}_net=${net%.}/$len"
	[ $len = 64 ] || declare -g "lan${n}_net=${net}0/$len"
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

topo_direct() {
	topo_side 1
	topo_side 2
	link gw1 wan gw2 wan
	case ${FAMILY:-4} in
	4) gw1_addr=192.0.2.1 gw2_addr=192.0.2.2 wan_len=24 ;;
	6) gw1_addr=2001:db8:ffff::1 gw2_addr=2001:db8:ffff::2 wan_len=64 ;;
	esac
	gw1_seen=$gw1_addr
	address gw1 wan "$gw1_addr/$wan_len"
	address gw2 wan "$gw2_addr/$wan_len"
	neighbours gw1 wan "$gw1_addr" gw2 wan "$gw2_addr"
	gw1 ip route add default via "$gw2_addr"
	gw2 ip route add default via "$gw1_addr"
}

# The router knows nothing of the networks behind the gateways, and gives each
# flow a source port of its own choice.
topo_nat() {
	local left

	topo_side 1
	topo_side 2
	netns nat
	forwarding nat
	link gw1 wan nat left
	link nat right gw2 wan
	case ${FAMILY:-4} in
	4) left=10.0.0. gw1_seen=192.0.2.1 gw2_addr=192.0.2.2 left_len=24 wan_len=24 ;;
	6) left=fd00:: gw1_seen=2001:db8:ffff::1 gw2_addr=2001:db8:ffff::2 left_len=64 wan_len=64 ;;
	esac
	gw1_addr=${left}2
	address gw1 wan "$gw1_addr/$left_len"
	address nat left "${left}1/$left_len"
	address nat right "$gw1_seen/$wan_len"
	address gw2 wan "$gw2_addr/$wan_len"
	neighbours gw1 wan "$gw1_addr" nat left "${left}1"
	neighbours nat right "$gw1_seen" gw2 wan "$gw2_addr"
	gw1 ip route add default via "${left}1"
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
	gw2 ip route add default via "$gw1_seen"
}

# netem_both PARAMETER...: the same on the way out of each gateway.
netem_both() {
	netem gw1 wan "$@"
	netem gw2 wan "$@"
}
