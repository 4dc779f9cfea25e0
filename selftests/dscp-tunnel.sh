#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# dscp of connections, as the other gateway sees it: every IKE packet of a gateway has its own,
# from the first to the last, whoever the peer is, and nothing else has. It outlives rekeyings
# and the daemon.

. "${0%/*}/lib.sh"
. "$selftests/lib/fragments.sh"
. "$selftests/lib/stream.sh"

# By the gateways' names: for swanctl.conf, as nftables has it, and as the module does.
declare -A binary=([gw1]=101110 [gw2]=001010) shown_as=([gw1]=46 [gw2]=10)

# marking_conf GATEWAY: psk_conf, with its dscp.
marking_conf() {
	CONN="dscp = ${binary[$1]}
		${CONN:-}" psk_conf "$1"
}

# watch_marks GATEWAY DSCP: counts what comes in there of IKE, NAT keepalives included: with
# this codepoint and no ECN (marked), or otherwise; and what of ESP is not as the packets in
# it (traffic).
watch_marks() {
	local ip=ip

	[ "${FAMILY:-4}" = 4 ] || ip=ip6
	run_in "$1" nft -f - <<-NFT
	table inet marks {
		counter marked { }
		counter otherwise { }
		counter traffic { }
		chain ike {
			$ip dscp $2 $ip ecn not-ect counter name marked return
			counter name otherwise
		}
		chain in {
			type filter hook prerouting priority -500;
			iifname != "wan" accept
			udp dport 500 jump ike
			udp dport 4500 @th,64,32 0 jump ike
			udp dport 4500 udp length 9 jump ike
			udp dport 4500 udp length != 9 @th,64,32 != 0 $ip dscp != 0 counter name traffic
			meta l4proto esp $ip dscp != 0 counter name traffic
		}
	}
	NFT
}

watch_both() {
	watch_marks gw1 "${shown_as[gw2]}"
	watch_marks gw2 "${shown_as[gw1]}"
}

# marked GATEWAY...: there something came in since this was asked last, and all of it is marked.
marked() {
	local gw n

	for gw; do
		n=$(nft_packets "$gw" marks marked)
		echo "[$gw] IKE packets: $n marked, $(nft_packets "$gw" marks otherwise) otherwise"
		[ "$(nft_packets "$gw" marks otherwise)" = 0 ]
		[ "$(nft_packets "$gw" marks traffic)" = 0 ]
		[ "$n" -gt "$(cat "$work/$gw.marked" 2>/dev/null || echo 0)" ]
		echo "$n" >"$work/$gw.marked"
	done
}

# come_to GATEWAY NUMBER: so many marked packets there have been.
come_to() {
	[ "$(nft_packets "$1" marks marked)" -ge "$2" ]
}

# marks_shown GATEWAY: the module there has its connection's for each IKE SA.
marks_shown() {
	[ "$(shown "$1" | sed -n 's/^ *dscp: *//p' | sort -u)" = "${shown_as[$1]}" ]
}

gateway_start() {
	if [ "$2" = ikefpd ]; then
		ikefpd_start "$1" < <(marking_conf "$1"
			charon_conf 'keep_alive = 1s' "${SETTINGS:-}")
	else
		CHARON='keep_alive = 1s' strongswan_start "$1" < <(marking_conf "$1")
	fi
}

# up TOPOLOGY GW1 GW2: who they are.
up() {
	"$1"
	watch_both
	gateway_start gw2 "$3"
	gateway_start gw1 "$2"
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	marked gw1 gw2
}

# tunnel TOPOLOGY GW1 GW2: from the first message on, by keepalives and questions for a sign of
# life, over rekeyings by either end and its daemons' deaths, to the end.
tunnel() {
	local gw other daemon=([1]=$2 [2]=$3)

	CONN='dpd_delay = 2s' up "$@"
	[ "$2" != ikefpd ] || marks_shown gw1
	[ "$3" != ikefpd ] || marks_shown gw2
	if [ "$1" = topo_nat ]; then
		[ "$2" = ikefpd ] || wait_for 20 counter_at_least gw2 rx-keepalive 2
		[ "$2" != ikefpd ] || wait_for 20 counter_at_least gw1 keepalives-sent 2
		marked gw2
	fi
	for gw in gw1 gw2; do
		[ "${daemon[${gw#gw}]}" = ikefpd ] || continue
		other=gw$((3 - ${gw#gw}))
		ikefpd_kill $gw
		# The module alone asks, or answers.
		wait_for 20 come_to $other $(($(nft_packets $other marks marked) + 2))
		marked gw1 gw2
		gateway_start $gw ikefpd
		grep 'carrying on 1 IKE_SAs' "$work/$gw.log"
		marks_shown $gw
	done
	for gw in gw1 gw2; do
		rekey_ike $gw
		ike_settled
		rekey_child $gw
		marked gw1 gw2
	done
	settled
	both_answered
	swanctl gw2 --terminate --ike gw --timeout 20
	taken_down
	marked gw1 gw2
}

# IKE_AUTH is in fragments. The first answer of IKE_SA_INIT is lost, and two fragments of that of
# IKE_AUTH: requests are sent again, and answered as they were.
copies() {
	local size=576

	[ "${FAMILY:-4}" = 4 ] || size=1280
	topo_direct
	many_selectors
	watch_both
	watch_wire gw1 $size
	watch_wire gw2 $size
	gw1 nft -f - <<-'NFT'
	table inet losing {
		chain in {
			type filter hook prerouting priority 0;
			udp dport 500 numgen inc mod 1000000 vmap { 0 : drop, 2 : drop, 3 : drop }
		}
	}
	NFT
	gateway_start gw2 ikefpd
	gateway_start gw1 ikefpd
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	fragmented gw1
	fragmented gw2
	[ "$(counter gw1 retransmits)" -ge 2 ]
	[ "$(counter gw2 duplicates-answered)" -ge 2 ]
	marked gw1 gw2
}

# Nobody answers: IKE_SA_INIT is sent again.
unanswered() {
	topo_direct
	watch_both
	gateway_start gw1 ikefpd
	swanctl gw1 --initiate --child net --timeout 3 || :
	[ "$(counter gw1 retransmits)" -ge 2 ]
	marked gw2
}

# A peer whose proposals nobody takes, and one that is asked for another key exchange: the answer
# is the address' connection's.
refused() {
	topo_direct
	watch_both
	IKE_PROPOSALS=aes256gcm16-prfsha256-ecp256 gateway_start gw2 ikefpd
	IKE_PROPOSALS=aes128gcm16-prfsha256-x25519 gateway_start gw1 strongswan
	swanctl gw1 --initiate --child net --timeout 3 || :
	marked gw1 gw2
	conf_load gw1 < <(IKE_PROPOSALS=aes256gcm16-prfsha256-x25519-ecp256 marking_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	grep 'INVALID_KE_PAYLOAD' "$work/gw2.log"
	marked gw1 gw2
}

# Queues that know of packets' priorities alone (pfifo_fast) have that of the codepoint, as of a
# socket's packets: of EF TC_PRIO_INTERACTIVE_BULK.
queued() {
	topo_direct
	gw1 nft -f - <<-'NFT'
	table inet queues {
		counter prior { }
		counter others { }
		chain out {
			type filter hook postrouting priority 0;
			udp dport { 500, 4500 } meta priority 0:4 counter name prior return
			udp dport { 500, 4500 } counter name others
		}
	}
	NFT
	gateway_start gw2 ikefpd
	gateway_start gw1 ikefpd
	swanctl gw1 --initiate --child net --timeout 20
	[ "$(nft_packets gw1 queues prior)" -ge 2 ]
	[ "$(nft_packets gw1 queues others)" = 0 ]
}

marking_tcp_conf() {
	CONN="dscp = ${binary[$1]}" tcp_conf "$1"
}

# watch_tcp GATEWAY DSCP: of connections all that comes in, but what is nobody's any more.
watch_tcp() {
	local ip=ip

	[ "${FAMILY:-4}" = 4 ] || ip=ip6
	run_in "$1" nft -f - <<-NFT
	table inet marks {
		counter marked { }
		counter otherwise { }
		counter traffic { }
		chain in {
			type filter hook prerouting priority -500;
			iifname "wan" tcp flags rst accept
			iifname "wan" meta l4proto tcp $ip dscp $2 counter name marked accept
			iifname "wan" meta l4proto tcp counter name otherwise
		}
	}
	NFT
}

# A connection is marked from its SYN on by who opens it, also in place of one that has ended, and
# by the next daemon; by who accepts it from then on.
by_connection() {
	topo_direct
	watch_tcp gw2 "${shown_as[gw1]}"
	ikefpd_start gw2 < <(marking_tcp_conf gw2)
	ikefpd_start gw1 < <(marking_tcp_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	watch_tcp gw1 "${shown_as[gw2]}"
	both_answered
	rekey_ike gw1
	rekey_ike gw2
	marked gw1 gw2
	ikefpd_kill gw1
	ikefpd_start gw1 < <(marking_tcp_conf gw1)
	cut_by_killing gw1
	wait_for 20 by_another gw1 1
	wait_for 20 answered lan1 "$lan2_addr"
	marked gw2
}

need_module
ktap_plan 8 3
testcase "strongSwan, and a NAT before us" tunnel topo_nat ikefpd strongswan
testcase "strongSwan behind a NAT" tunnel topo_nat strongswan ikefpd
FAMILY=6 testcase "ikefpd, IPv6" tunnel topo_direct ikefpd ikefpd
testcase "copies and fragments" copies
testcase "nobody answers" unanswered
testcase "refusals" refused
testcase "queues" queued
testcase "by TCP" by_connection
FAMILY=6 again "copies and fragments, IPv6" copies
FAMILY=6 again "strongSwan, IPv6" tunnel topo_direct strongswan ikefpd
FAMILY=6 again "by TCP, IPv6" by_connection
ktap_end
