#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd to ikefpd by TCP (RFC 9329): IKE and ESP go by one connection, which UDP has no part
# in. It is cut at every step, and opened again; either end's daemon is killed; and several IKE
# SAs share one.

. "${0%/*}/lib.sh"
. "$selftests/lib/stream.sh"

up() {
	topo_direct
	udp_blocked gw2
	tcp_gateways
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered
	by_tcp gw1
	by_tcp gw2
}

down() {
	swanctl "$1" --terminate --ike gw --timeout 20
	taken_down
	udp_was_quiet gw2
}

# Begun by one, ended by each.
tunnel() {
	up
	down gw1
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	down gw2
	# It was one connection all the time.
	[ "$(counter gw2 streams-opened)" = 1 ]
}

# What a host sends in bulk slows down to what the connection carries, both ways at once.
bulk() {
	up
	start_in lan2 back socat -u "TCP-LISTEN:7001,reuseaddr,pf=ip$FAMILY" "CREATE:$work/forth"
	start_in lan1 forth socat -u "TCP-LISTEN:7001,reuseaddr,pf=ip$FAMILY" "CREATE:$work/back"
	wait_for 10 tcp_listens lan1 7001
	wait_for 10 tcp_listens lan2 7001
	head -c 3000000 /dev/urandom >"$work/octets"
	run_in lan1 socat -u "OPEN:$work/octets" "TCP:$(bracketed "$lan2_addr"):7001" &
	run_in lan2 socat -u "OPEN:$work/octets" "TCP:$(bracketed "$lan1_addr"):7001"
	wait $!
	wait_for 20 cmp "$work/octets" "$work/forth"
	wait_for 20 cmp "$work/octets" "$work/back"
	[ "$(counter gw1 streams-opened)" = 1 ]
	down gw1
}

# By either end, of both kinds: all stays by the one connection, and nothing is lost.
rekeyed() {
	local gw

	up
	ping_start lan1 "$lan2_addr"
	for gw in gw1 gw2; do
		rekey_child $gw
		ping_more 5
		rekey_ike $gw
		ping_more 5
		by_tcp gw1
		by_tcp gw2
	done
	ike_settled
	settled
	ping_more 5
	no_ping_lost
	[ "$(counter gw1 streams-opened)" = 1 ]
	# Whoever has rekeyed it last, gw1 opens the next one.
	cut_by_killing gw1
	wait_for 20 by_another gw1 1
	both_answered
	down gw2
}

# Nothing is taken down: the tunnel is the same, and works by the next connection.
ended() {
	local before way n=1

	up
	before=$(ike_spis gw1)
	for way in "cut_by_killing gw1" "cut_by_killing gw2" "cut_by_reset"; do
		echo "--- $way"
		$way
		wait_for 30 by_another gw1 $n
		wait_for 20 answered lan1 "$lan2_addr"
		wait_for 20 answered lan2 "$lan1_addr"
		# Of a reset it hears nothing: what nobody uses any more goes after a while.
		wait_for 60 by_one_stream gw2
		n=$((n + 1))
	done
	[ "$(ike_spis gw1)" = "$before" ] && [ "$(ike_spis gw2)" = "$before" ]
	one_child_sa_each
	down gw1
}

# A firewall forgets about it: nothing more passes, and nobody says so.
stalled() {
	local before

	up
	before=$(ike_spis gw1)
	stall
	ping_start lan1 "$lan2_addr"
	wait_for 60 by_another gw1 1
	wait_for 20 answered lan1 "$lan2_addr"
	[ "$(counter gw1 streams-stalled)" = 1 ]
	[ "$(ike_spis gw1)" = "$before" ]
	wait_for 60 by_one_stream gw2
	down gw1
}

# A reset for each packet of gw1's in turn, from its SYN to the end of the handshake and of
# the first pings: the tunnel comes up each time.
cut_at_every_step() {
	local n=0 cut=1

	topo_direct
	udp_blocked gw2
	tcp_gateways
	while [ "$cut" = 1 ]; do
		echo "--- the packet after $n others"
		reset_packet $n
		swanctl gw1 --initiate --child net --timeout 40
		wait_for 20 answered lan1 "$lan2_addr"
		by_tcp gw1
		cut=$(nft_packets gw2 cutting cut)
		gw2 nft delete table inet cutting
		swanctl gw1 --terminate --ike gw --timeout 20
		taken_down
		cut_by_killing gw1
		cut_by_killing gw2
		wait_for 20 no_streams gw1
		wait_for 20 no_streams gw2
		n=$((n + 1))
	done
	# SYN, ACK, the prefix, IKE_SA_INIT, IKE_AUTH and ESP; and ACKs, as many as TCP likes. The
	# last one was not there.
	[ "$n" -gt 6 ]
}

# The connection is the kernel's; and which of them opens the next one is known to the next daemon.
killed() {
	local gw before

	up
	before=$(ike_spis gw1)
	for gw in gw1 gw2; do
		ping_start lan1 "$lan2_addr"
		ping_more 10
		ikefpd_kill $gw
		ping_more 10
		ikefpd_start $gw < <(tcp_conf $gw)
		ping_more 10
		ping_stop
		[ "$pings_lost" = 0 ]
		by_tcp gw1
		by_tcp gw2
	done
	[ "$(counter gw1 streams-opened)" = 1 ]
	cut_by_killing gw2
	wait_for 20 by_another gw1 1
	both_answered
	# While there is nobody to open it again, or to accept it.
	ikefpd_kill gw1
	cut_by_killing gw1
	ikefpd_start gw1 < <(tcp_conf gw1)
	wait_for 20 by_another gw1 2
	both_answered
	ikefpd_kill gw2
	cut_by_killing gw2
	wait_for 20 grep -q 'Connection refused' "$work/gw1.log"
	ikefpd_start gw2 < <(tcp_conf gw2)
	wait_for 60 by_another gw1 3
	both_answered
	[ "$(ike_spis gw1)" = "$before" ] && [ "$(ike_spis gw2)" = "$before" ]
	down gw1
}

# Nobody is at that port; then somebody is, and it comes up by itself.
wrong_port() {
	topo_direct
	udp_blocked gw2
	ikefpd_start gw2 < <(TCP_PORTS=443 tcp_conf gw2)
	ikefpd_start gw1 < <(TCP_PORT=444 tcp_conf gw1)
	fails swanctl gw1 --initiate --child net --timeout 3
	grep 'no TCP connection to .*\[444\]: Connection refused' "$work/gw1.log"
	conf_load gw1 < <(TCP_PORT=443 tcp_conf gw1)
	swanctl gw1 --terminate --ike gw --timeout 20
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	[ "$(remote_of gw1 | cut -d ' ' -f 2)" = 443 ]
	down gw1
}

# Two connections of different identities share the TCP connection, and lose it together.
shared() {
	topo_direct
	udp_blocked gw2
	ikefpd_start gw2 < <(tcp_conf gw2; both_names gw2)
	ikefpd_start gw1 < <(tcp_conf gw1; both_names gw1)
	swanctl gw1 --initiate --child net --timeout 20
	swanctl gw1 --initiate --ike second --timeout 20
	[ "$(counter gw1 streams-opened)" = 1 ]
	[ "$(sas_by_streams gw1)" = 2 ] && [ "$(sas_by_streams gw2)" = 2 ]
	cut_by_killing gw2
	wait_for 20 counter_is gw1 streams-opened 2
	wait_for 20 sas_by_streams_are gw1 2
	wait_for 20 sas_by_streams_are gw2 2
	both_answered
	swanctl gw1 --terminate --ike second --timeout 20
	both_answered
	down gw1
}

# both_names GATEWAY: the further connection "second", of no Child SA.
both_names() {
	local me=$1 peer=gw2 remote=$gw2_addr addr=${1}_addr

	[ "$me" = gw1 ] || peer=gw1 remote=%any
	cat <<-CONF
	connections {
		second {
			local_addrs = ${!addr}
			remote_addrs = $remote
			proposals = aes256gcm16-prfsha256-x25519
			transport = tcp
			childless = force
			local {
				auth = psk
				id = second.$me.example
			}
			remote {
				auth = psk
				id = second.$peer.example
			}
		}
	}
	secrets {
		ike-second {
			id-1 = second.gw1.example
			id-2 = second.gw2.example
			secret = "$PSK"
		}
	}
	CONF
}

need_module
ktap_plan 8 5
FAMILY=4 testcase "a tunnel, IPv4" tunnel
FAMILY=6 testcase "a tunnel, IPv6" tunnel
FAMILY=4 testcase "much traffic, both ways" bulk
FAMILY=6 again "much traffic, both ways, IPv6" bulk
FAMILY=4 testcase "rekeyed by either end" rekeyed
FAMILY=6 again "rekeyed by either end, IPv6" rekeyed
FAMILY=6 testcase "the connection ends" ended
FAMILY=4 again "the connection ends, IPv4" ended
FAMILY=4 again "the connection is forgotten on its way" stalled
FAMILY=4 again "the connection is reset at every step" cut_at_every_step
FAMILY=4 testcase "either daemon is killed" killed
FAMILY=4 testcase "at the wrong port" wrong_port
FAMILY=4 testcase "two IKE SAs by one connection" shared
ktap_end
