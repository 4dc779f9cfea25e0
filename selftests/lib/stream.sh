# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Gateways whose IKE SAs go by TCP.

# tcp_conf gw1|gw2 [PORT]: psk_conf, listening at TCP ports, and initiating by TCP unless $TRANSPORT
# says otherwise.
tcp_conf() {
	CONN="transport = ${TRANSPORT:-tcp}
		tcp_remote_port = ${TCP_PORT:-4500}
		${CONN:-}" psk_conf "$1"
	cat <<-CONF
	charon {
		tcp_ports = ${TCP_PORTS:-4500}
	}
	CONF
}

tcp_gateways() {
	ikefpd_start gw2 < <(tcp_conf gw2)
	ikefpd_start gw1 < <(tcp_conf gw1)
}

# udp_blocked NAMESPACE: no UDP gets in or out, nor ESP; what would is counted.
udp_blocked() {
	"$1" nft -f - <<-'NFT'
	table inet firewall {
		counter blocked { }
		chain in {
			type filter hook prerouting priority raw;
			iifname { "wan", "left", "right" } meta l4proto { udp, udplite, esp } counter name blocked drop
		}
		chain out {
			type filter hook postrouting priority 400;
			oifname { "wan", "left", "right" } meta l4proto { udp, udplite, esp } counter name blocked drop
		}
	}
	NFT
}

udp_was_quiet() {
	[ "$(nft_packets "$1" firewall blocked)" = 0 ]
}

udp_unblocked() {
	"$1" nft delete table inet firewall
}

# by_tcp GATEWAY: its one established IKE SA goes by TCP.
by_tcp() {
	[ "$(transports "$1")" = tcp ]
}

by_udp() {
	[ "$(transports "$1")" = udp ]
}

# transports GATEWAY: of its established IKE SAs, one a line.
transports() {
	swanctl "$1" --list-sas --raw |
		grep -o 'state=ESTABLISHED transport=[a-z]*' | sed 's/.*transport=//'
}
