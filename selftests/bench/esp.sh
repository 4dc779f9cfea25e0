# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the cases share in which ESP in UDP comes in: a gateway, "gw", with an ESP SA each
# way that no daemon has made, and a sender of packets sealed beforehand (esp.c).

esp_gw=192.0.2.1 esp_peer=192.0.2.2
esp_inside=10.1.0.1 esp_behind=10.2.0.1

# esp_wire: the two, and the same wire that leads nowhere. Nobody answers in the peer's
# place; it throws away what it gets.
esp_wire() {
	local key=0x$(printf 'an AES key, not real' | od -An -v -tx1 | tr -d ' \n')

	# As udev has them loaded on a machine of flesh and blood.
	modprobe aesni_intel
	netns gw peer
	gw ip link add wan address $mac_gw2 type veth \
		peer name wan address $mac_gw1 netns "$netns_peer"
	batch gw <<-IP
	link set lo up
	address add $esp_gw/24 dev wan
	address add $esp_inside/32 dev lo
	link set wan up
	neighbour replace $esp_peer lladdr $mac_gw1 dev wan nud permanent
	route add $esp_behind/32 via $esp_peer src $esp_inside
	xfrm state add src $esp_peer dst $esp_gw proto esp spi 0xc0ffee01 reqid 1 mode tunnel replay-window 32 aead rfc4106(gcm(aes)) $key 128 encap espinudp 4500 4500 0.0.0.0
	xfrm state add src $esp_gw dst $esp_peer proto esp spi 0xc0ffee02 reqid 1 mode tunnel aead rfc4106(gcm(aes)) $key 128 encap espinudp 4500 4500 0.0.0.0
	xfrm policy add src $esp_behind/32 dst $esp_inside/32 dir in tmpl src $esp_peer dst $esp_gw proto esp reqid 1 mode tunnel
	xfrm policy add src $esp_inside/32 dst $esp_behind/32 dir out tmpl src $esp_gw dst $esp_peer proto esp reqid 1 mode tunnel
	IP
	peer sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
	batch peer <<-IP
	link set wan up
	link add nowhere type dummy
	link set nowhere up
	IP
	peer tc qdisc add dev wan clsact
	peer tc filter add dev wan ingress matchall action drop
}

# esp_bursts: packets come as an interface with GRO gathers them, not one by one.
esp_bursts() {
	local dev

	gw ethtool -K wan gro on
	peer ethtool -K wan tso off
	for dev in wan nowhere; do
		peer tc qdisc add dev $dev root netem slot 1ms 1ms
	done
}

# esp_carry packet|stream: the instructions of the gateway are the result.
esp_carry() {
	local all sent way="$mac_gw2 $esp_peer $esp_gw $esp_behind $esp_inside"

	# shellcheck disable=SC2086
	all=$(run_in peer "$bench/esp" "$1" wan $way "/run/netns/$netns_gw")
	# shellcheck disable=SC2086
	sent=$(run_in peer "$bench/esp" "$1" nowhere $way)
	note sent "$sent"
	result $((all - sent))
}

# stock_start: a socket of the kernel's own, without a daemon.
stock_start() {
	start_in "$1" encap "$bench/encap" 0.0.0.0
	wait_for 10 grep -q ready "$work/encap.log"
}
