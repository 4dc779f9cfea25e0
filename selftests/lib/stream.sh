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
		${TCP_CHARON:-}
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

bracketed() {
	[[ $1 != *:* ]] && echo "$1" || echo "[$1]"
}

# cut_by_killing GATEWAY: of its connections none is left; the other end is told, if it can be.
cut_by_killing() {
	local before

	before=$(connections "$1")
	in_netns "$1" ss -K '( sport = 4500 or dport = 4500 )'
	[ -z "$before" ] || [ "$(connections "$1")" != "$before" ] ||
		skip_case "this kernel does not close sockets of others (CONFIG_INET_DIAG_DESTROY)"
}

# connections GATEWAY: those by which its streams go.
connections() {
	run_in "$1" ss -Htn state established '( sport = 4500 or dport = 4500 )' | awk '{ print $3, $4 }'
}

# cut_by_reset: gw1 gets a reset for its next packet, and gw2 hears nothing of it.
cut_by_reset() {
	reset_packet 0
	run_in lan1 ping -q -c 1 -W 1 "$lan2_addr" || :
	wait_for 10 was_reset
	gw2 nft delete table inet cutting
}

was_reset() {
	[ "$(nft_packets gw2 cutting cut)" = 1 ]
}

# reset_packet NUMBER: a reset for the packet of gw1's that comes after so many others.
reset_packet() {
	gw2 nft -f - <<-NFT
	table inet cutting {
		counter cut { }
		chain in {
			type filter hook input priority filter;
			tcp dport 4500 numgen inc mod 1000000 == $1 counter name cut reject with tcp reset
		}
	}
	NFT
}

# stall: of the connection that there is nothing passes any more, of others all.
stall() {
	local port

	port=$(local_port gw1)
	gw2 nft -f - <<-NFT
	table inet stall {
		chain in {
			type filter hook input priority filter;
			tcp sport $port drop
		}
		chain out {
			type filter hook output priority filter;
			tcp dport $port drop
		}
	}
	NFT
}

# local_port GATEWAY: of its one established IKE SA.
local_port() {
	swanctl "$1" --list-sas --raw | grep -o 'local-port=[0-9]*' | cut -d = -f 2
}

# by_another GATEWAY NUMBER: its SAs go by a connection that it has opened after so many others.
by_another() {
	[ "$(counter "$1" streams-opened)" -gt "$2" ] && [ "$(sas_by_streams "$1")" -ge 1 ]
}

# sas_by_streams GATEWAY: how many IKE SAs go by connections that are open.
sas_by_streams() {
	shown "$1" | awk '/(opened|accepted), [0-9]+ SA/ { n += $(NF - 1) } END { print n + 0 }'
}

sas_by_streams_are() {
	[ "$(sas_by_streams "$1")" = "$2" ]
}

# by_one_stream GATEWAY: there is one connection, by which its IKE SA goes.
by_one_stream() {
	[ "$(counter "$1" streams)" = 1 ] && [ "$(sas_by_streams "$1")" = 1 ]
}

no_streams() {
	[ "$(counter "$1" streams)" = 0 ]
}
