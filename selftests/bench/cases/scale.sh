#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# machine: --memory 4096 --timeout 7200
# only when asked for: make bench-scale
#
# 1,000, 10,000 and 100,000 established IKE SAs of the module alone (sas.c), and 1,000 and
# 10,000 of ikefpd, set up by handshakes: the memory of all, what they cost a second, and what
# a message of one costs. How many times more the last of these is with 100,000 than with 1,000
# is the result.
#
# Each IKE SA has one Child SA. Memory is what the whole machine has in use, less what it had
# before and what the program has that plays the peers (peers.c); XFRM's is in it. A message is
# an empty INFORMATIONAL request, a new one each, of one of a thousand IKE SAs that are left to
# chance, as many of few as of many: what is counted is net, as in liveness-answer. Meanwhile
# keepalives are off. Then they are sent, every 20 s, to a link layer address that is not there,
# and a minute of the whole machine is counted, less what it runs without an IKE SA.

. "${0%/*}/../case.sh"
. "${0%/*}/../peers.sh"
. "${0%/*}/../memory.sh"

REQUESTS=10000

# sent: packets of gw2.
sent() {
	run_in gw2 ip -s -j link show wan | jq '.[0].stats64.tx.packets'
}

# keepalives MS: how often they are sent; 0 is never.
keepalives() {
	gw2 "$(program ikefp)" policy keepalive-ms="$1"
}

# idle SERIES SAS
idle() {
	local packets busy

	gw2 ip neighbour replace "$gw1_addr" lladdr 02:00:00:00:00:09 dev wan nud permanent
	keepalives 20000
	# Without keepalives each looks once a minute whether there are any.
	sleep 90
	packets=$(sent)
	busy=$("$bench/idle" 60)
	packets=$(($(sent) - packets))
	echo "$packets keepalives, $busy instructions"
	[ $packets -ge $(($2 * 3 * 99 / 100)) ]
	point "idle-$1" "$2" $((busy / 60 - idle_rate))
}

# scale sas|ikefpd SERIES SAS
scale() {
	local series=$2 sas=$3 peers before after own

	topo_direct
	gateway_begin "$1" nat
	peers=$started_pid
	keepalives 0
	# What was set up until now leaves nothing behind any more.
	sleep 300
	own=$(anonymous "$peers")
	before=$(in_use)
	case $1 in
	sas)
		tell sas make "$sas" 1 57
		tell peers make "$sas"
		;;
	*) peers_make "$sas" ;;
	esac
	# Nor do the handshakes.
	sleep 300
	own=$(($(anonymous "$peers") - own))
	after=$(in_use)
	point "memory-$series" "$sas" $((after - before - own))
	start_in gw2 sink "$bench/sink" 9
	wait_for 10 grep -q ready "$work/sink.log"
	tell peers ask $REQUESTS
	point "answer-$series" "$sas" "$answer"
	kill "$started_pid"
	idle "$series" "$sas"
	tail -n 3 "$work/numbers" >>/results/progress
	gateway_end "$1"
}

growth() {
	result "$(awk '
		$2 == "answer-module" && $3 == 1000 { few = $4 }
		$2 == "answer-module" && $3 == 100000 { many = $4 }
		END { if (few && many) printf "%.3f", many / few }' "$numbers")"
}

for sas in 1000 10000 100000; do
	measure ikefp scale sas module $sas
done
for sas in 1000 10000; do
	measure ikefp scale ikefpd ikefpd $sas
done
measure ikefp growth
bench_end
