#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# machine: --memory 3072 --timeout 3600
#
# A second of an idle IKE SA, of 1,000, of 10,000 and of 100,000: how many times the one that
# costs the least is the one that costs the most.
#
# The gateway is behind a NAT: it sends a keepalive when nothing else went out for 20 s, and
# asks its peer when there was no sign of life for 30 s, a tenth of either less at random: that
# is one of each in 28 s or so. Its IKE SAs, and the ESP SAs of a child of each, are the
# module's, without a daemon (sas.c); its settings are their defaults, which are enough for
# 200,000.
#
# Counted is the whole machine for a minute, with 100,000 for half of one, as in liveness-ask,
# less what it runs without an IKE SA, and less the peers' share: of the same questions and
# keepalives at the same times, sent by a socket when the gateway is no more, what the same
# process runs to take and to answer them. What is left is the module's: its timers, what it
# sends as far as the device, and the answers from the socket on.
#
# The machine does not sleep meanwhile: a program runs whenever nothing else does (restless.c),
# and what that runs counts for nothing. Or else much of what is counted of 1,000 IKE SAs would
# be the kernel's falling asleep and waking up for each of them, which those of 100,000, of
# which several are due at every tick, share. What it is for 1,000 with that is a note. What
# else they share at a tick, the softirqs of timers and of reception, is counted: an IKE SA of
# many costs somewhat less.

. "${0%/*}/../case.sh"
. "${0%/*}/../peers.sh"

# enough NUMBER SAS SECONDS: of either, as many in the time as they must be.
enough() {
	[ "$1" -ge $(($2 * $3 * 99 / 100 / 30)) ]
	[ "$1" -le $(($2 * $3 * 101 / 100 / 27)) ]
}

# stay_awake: a program counts how long nothing else runs.
stay_awake() {
	start_in gw1 restless "$bench/restless" "$work/loops"
	wait_for 10 grep -q ready "$work/restless.log"
	export RESTLESS=$work/loops
}

# idling asleep|awake SAS SECONDS: what an IKE SA costs.
idling() {
	local sas=$2 seconds=$3 asked keepalives total cost

	topo_direct
	[ "$1" = asleep ] || stay_awake
	gateway_begin sas nat
	tell sas make "$sas" 1 28
	tell sas ask 30000 28
	# All peers are asked the second time at least, and when they are is left to chance.
	sleep 30
	tell peers measure "$seconds"
	read -r asked keepalives total <<<"$answer"
	gateway_end sas
	tell peers replay "$seconds"
	echo "$asked questions, $keepalives keepalives, $total instructions, $answer the peers'"
	enough "$asked" "$sas" "$seconds"
	enough "$keepalives" "$sas" "$seconds"
	cost=$(awk -v sas="$sas" -v seconds="$seconds" -v all=$((total - answer)) \
		-v idle="$idle_rate" 'BEGIN { printf "%.1f", (all / seconds - idle) / sas }')
	case $1 in
	asleep) note "asleep-$sas" "$cost" ;;
	awake) point ikefp "$sas" "$cost" ;;
	esac
	progress "$sas: $cost instructions/s"
}

flatness() {
	result "$(awk '
		$1 == "point" { n++; if (!low || $4 < low) low = $4; if ($4 > high) high = $4 }
		END { if (n == 3) printf "%.3f", high / low }' "$numbers")"
}

measure ikefp idling asleep 1000 60
measure ikefp idling awake 1000 60
measure ikefp idling awake 10000 60
measure ikefp idling awake 100000 30
measure ikefp flatness
bench_end
