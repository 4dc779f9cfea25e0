#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway of 1,000 tunnels, with a thousand pings a second through one after the other,
# whose daemon is killed (SIGKILL) and at once started again. Measured is the time from the
# kill until it answers a new peer; noted, how many IKE SAs the new daemon does not know,
# how many tunnels bring no answer any more, and how many pings were lost from before the
# kill until seconds after it.
#
# Both ends are of the same kind, and set the tunnels up ten at a time, as a thousand at once
# use up charon's 16 threads. charon has its defaults, but does not limit half-open IKE SAs:
# all come from one address here. Started again, it is told its connections by swanctl, as
# its unit has it.

. "${0%/*}/../case.sh"
. "${0%/*}/../many.sh"

MANY=1000
AT_ONCE=10

# a_host_in_each: all hosts of all the networks are lan1, or lan2.
a_host_in_each() {
	local n net

	for n in 1 2; do
		for net in "10.${n}0.0.0/15" "10.${n}2.0.0/15"; do
			run_in "gw$n" ip route add "$net" via "10.$n.0.2"
			run_in "lan$n" ip route add local "$net" dev lo
		done
	done
}

# all_up GATEWAY: listing the states would take longer than to set them up.
all_up() {
	[ "$(run_in "$1" ip xfrm state count | awk '{ print $NF }')" -ge $((2 * MANY)) ]
}

# known: how many IKE SAs gw2's daemon has.
known() {
	swanctl gw2 --list-sas | grep -c ESTABLISHED || :
}

# start_again DAEMON: as strongswan_start and ikefpd_start, of what is there.
start_again() {
	case $1 in
	ikefpd)
		start_in gw2 gw2 "$(program ikefpd)" -f "$work/gw2/swanctl.conf" -u "$work/gw2/vici"
		;;
	strongswan)
		rm -f "$work/gw2/vici"
		start_in gw2 gw2 env STRONGSWAN_CONF="$work/gw2/strongswan.conf" charon-systemd
		;;
	esac
}

# told DAEMON: charon is told its connections, ikefpd has read them.
told() {
	gateway_ready gw2
	[ "$1" = ikefpd ] || swanctl gw2 --load-all >/dev/null
}

crash() {
	local begin took sent lost silent forgotten pid echoes
	local CHARON='dos_protection = no'

	topo_direct
	a_host_in_each
	many_start "$1" gw2 $MANY
	pid=$started_pid
	many_start "$1" gw1 $MANY
	swanctl gw1 --initiate --child net0 --timeout 60 >/dev/null
	run_in gw1 "$bench/initiate" "$work/gw1/vici" $((MANY - 1)) $AT_ONCE >"$work/times"
	wait_for 60 all_up gw1
	wait_for 60 all_up gw2
	progress "$who: $MANY tunnels"
	start_in lan1 echoes "$bench/echoes" $MANY
	echoes=$started_pid
	wait_for 10 grep -q ready "$work/echoes.log"
	begin=${EPOCHREALTIME/[^0-9]/}
	kill -9 "$pid"
	start_again "$1"
	told "$1" &
	run_in gw1 "$bench/serves" "$gw1_addr" "$gw2_addr"
	took=$((${EPOCHREALTIME/[^0-9]/} - begin))
	wait $!
	sleep 3
	kill -INT "$echoes"
	wait_for 10 grep -q sent "$work/echoes.log"
	cat "$work/echoes.log"
	read -r _ sent _ lost _ silent < <(grep sent "$work/echoes.log")
	forgotten=$((MANY - $(known)))
	note packets-sent "$sent"
	note packets-lost "$lost"
	note tunnels-silent "$silent"
	note tunnels-forgotten "$forgotten"
	result "$(printf '%d.%06d' $((took / 1000000)) $((took % 1000000)))"
	[ "$1" != ikefpd ] || [ "$lost $silent $forgotten" = '0 0 0' ]
}

measure ikefp crash ikefpd
measure charon crash strongswan
bench_end
