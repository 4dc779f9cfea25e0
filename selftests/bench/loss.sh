# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the cases share in which tunnels are set up on a path that loses packets.
#
# Two gateways of the same kind, 20 ms apart each way, with their defaults, 500 tunnels,
# each of identities and networks of its own, at most ten of them at once. What is measured
# is how long it takes from the command until the initiator has the tunnel. charon would
# refuse more than five half-open IKE SAs of one address, ikefp more than 50 new ones a
# second, and that address stands for ten gateways here: dos_protection is off, source-rate
# high. pluto's updown script is switched off (many.sh); its command
# is a process for each tunnel, of a few milliseconds.
#
# Which packets are lost is the same for all (lossy.c): the third that leaves gw1, and so on.
# A run repeats about, not to the digit: which tunnel's packet the third is, is chance. The
# times of charon have gaps, as it waits for 4 s, 7.2 s, 13 s and 23 s: at 20 % its p90 stands
# at such a gap, 15.2 s below and 24.2 s above it.

. "${BASH_SOURCE[0]%/*}/many.sh"

TUNNELS=500
AT_ONCE=10

microseconds() {
	echo "${EPOCHREALTIME/[^0-9]/}"
}

# whack_tunnel NUMBER: until it is there; fails if it has been given up.
whack_tunnel() {
	run_in gw1 "$libreswan/whack" --rundir "$work/gw1/run" --initiate --name "gw$1" |
		grep -q 'established Child SA'
}

# pluto_lane NUMBER: one tunnel after the other, every tenth, as initiate.c does it with
# the others.
pluto_lane() {
	local n begin verdict

	for ((n = $1; n <= TUNNELS; n += AT_ONCE)); do
		begin=$(microseconds)
		verdict=established
		whack_tunnel $n || verdict=failed
		echo "$(($(microseconds) - begin)) $verdict" >>"$work/lane-$1"
	done
}

# tunnels DAEMON: writes to $work/times how many microseconds each took, and how it ended,
# the shortest first.
tunnels() {
	local n lanes=()

	if [ "$1" != pluto ]; then
		run_in gw1 "$bench/initiate" "$work/gw1/vici" $TUNNELS $AT_ONCE | sort -n >"$work/times"
		return
	fi
	for ((n = 1; n <= AT_ONCE; n++)); do
		pluto_lane $n &
		lanes+=($!)
	done
	wait "${lanes[@]}"
	sort -n "$work"/lane-* >"$work/times"
}

# percentiles: of the times, in a line each: NUMBER SECONDS VERDICT.
percentiles() {
	awk -v each=$((TUNNELS / 100)) 'NR % each == 0 {
		printf "%d %d.%06d %s\n", NR / each, $1 / 1000000, $1 % 1000000, $2
	}' "$work/times"
}

# seconds_of NUMBER: what so many of a hundred tunnels took at most.
seconds_of() {
	percentiles | awk -v n="$1" '$1 == n { print $2 }'
}

# loses GATEWAY PERCENT: as many of the packets that left it were lost, about.
loses() {
	local lost

	lost=$(run_in "$1" tc -s -j qdisc show dev wan |
		jq '.[0] | 100 * .drops / (.drops + .packets) | round')
	echo "[$1] $lost % lost"
	[ "$lost" -ge $(($2 - 4)) ] && [ "$lost" -le $(($2 + 4)) ]
}

# establish DAEMON PERCENT: the time that ninety of a hundred tunnels take at most is the
# result. A tunnel that its gateway gave up counts as if it had been there then.
establish() {
	local daemon=$1 percent=$2 n failed took verdict
	local CHARON='dos_protection = no'

	topo_direct
	many_start "$daemon" gw2 $((TUNNELS + 1))
	[ "$daemon" != ikefpd ] || gw2 "$(program ikefp)" policy source-rate=1000000
	many_start "$daemon" gw1 $((TUNNELS + 1))
	# The first one has the kernel load and test its ciphers; it does not count.
	if [ "$daemon" = pluto ]; then
		whack_tunnel 0
	else
		swanctl gw1 --initiate --child net0 --timeout 60 >/dev/null
	fi
	run_in gw1 "$bench/lossy" wan 20 "$percent" 1
	run_in gw2 "$bench/lossy" wan 20 "$percent" 2
	tunnels "$daemon"
	[ "$(wc -l <"$work/times")" -eq $TUNNELS ]
	loses gw1 "$percent"
	loses gw2 "$percent"
	failed=$(grep -c failed "$work/times" || :)
	while read -r n took verdict; do
		[ "$verdict" = failed ] || point "$who" "$took" "$n"
	done < <(percentiles)
	note p50 "$(seconds_of 50)"
	note max "$(seconds_of 100)"
	note failures "$failed"
	result "$(seconds_of 90)"
	# Ours may not give up one.
	[ "$daemon" != ikefpd ] || [ "$failed" -eq 0 ]
}
