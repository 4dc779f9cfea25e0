#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One NAT keepalive sent, by a gateway behind a NAT with 10,000 idle IKE SAs, as far as its
# device.
#
# ikefp's IKE SAs, and the ESP SAs of a child of each, are set up without ikefpd, which would
# do nothing meanwhile (sas.c). charon has its defaults, one connection for all that come, with
# a pre-shared key, and a table for many (peers.sh), but 1,000 of them, since 10,000 take it
# very long to set up: that table, and its heap of what is to be done when, are no slower for
# it. A keepalive goes out when nothing else did for 20 s, the default of both. Counted is a
# minute of the whole machine, less what it runs without an IKE SA. The peers are behind a
# link layer address that is not there, so that they cost nothing.

. "${0%/*}/../case.sh"
. "${0%/*}/../peers.sh"

seconds=60

# sent: packets and octets of gw2.
sent() {
	run_in gw2 ip -s -j link show wan | jq -r '.[0].stats64.tx | "\(.packets) \(.bytes)"'
}

# keepalives WHO SAS
keepalives() {
	local sas=$2 before after busy packets octets

	topo_direct
	gateway_begin "$1" nat
	case $1 in
	sas) tell sas make "$sas" 1 19 ;;
	*) peers_make "$sas" ;;
	esac
	gw2 ip neighbour replace "$gw1_addr" lladdr 02:00:00:00:00:09 dev wan nud permanent
	# What the last IKE SA's setup has left to be done is done.
	sleep 60
	before=$(sent)
	busy=$("$bench/idle" $seconds)
	after=$(sent)
	packets=$((${after% *} - ${before% *})) octets=$((${after#* } - ${before#* }))
	echo "$packets packets of $octets octets, $busy instructions"
	# One octet each, behind headers of Ethernet, IPv4 and UDP; each SA's every 20 s or, with
	# its jitter, sooner.
	[ $octets -eq $((packets * (14 + 20 + 8 + 1))) ]
	[ $packets -ge $((sas * seconds / 20 * 99 / 100)) ]
	[ $packets -le $((sas * seconds / 20 * 5 / 4)) ]
	result $(((busy - idle_rate * seconds) / packets))
	gateway_end "$1"
}

measure ikefp keepalives sas 10000
measure charon keepalives strongswan 1000
bench_end
