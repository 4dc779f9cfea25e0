#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Many connections whose IKE SAs and Child SAs both ends rekey every few seconds, on a network
# that loses, with traffic through each: whatever reaches a gateway gets through it, and when
# all is over nothing is left.

. "${0%/*}/lib.sh"
. "$selftests/lib/many.sh"

CONNECTIONS=${CONNECTIONS:-10}
SOAK_S=${SOAK_S:-60}

# As often as a machine without KVM can: with many of them each has its turn more seldom.
IKE_S=$((7 + CONNECTIONS / 10)) CHILD_S=$((4 + CONNECTIONS / 25))

# soak_conf gw1|gw2: gw1 sets them up.
soak_conf() {
	local start=none

	[ "$1" = gw2 ] || start=start
	CONN="rekey_time = ${IKE_S}s
		rand_time = $((IKE_S / 2))s
		over_time = 120s"
	CHILD="rekey_time = ${CHILD_S}s
		rand_time = $((CHILD_S / 2))s
		life_time = 120s
		start_action = $start"
	many_conf "$CONNECTIONS" "$1"
}

# count_traffic GATEWAY: what the hosts send and get, and what goes on the wire for it.
count_traffic() {
	"$1" nft -f - <<-'NFT'
	table inet traffic {
		counter sent { }
		counter esp_out { }
		counter esp_in { }
		counter got { }
		chain in {
			type filter hook prerouting priority raw;
			iifname "lan" ip protocol icmp counter name sent
			iifname "wan" ip protocol esp counter name esp_in
		}
		chain out {
			type filter hook postrouting priority srcnat + 1;
			oifname "wan" ip protocol esp counter name esp_out
			oifname "lan" ip protocol icmp counter name got
		}
	}
	NFT
}

# same GATEWAY COUNTER COUNTER
same() {
	[ "$(nft_packets "$1" traffic "$2")" = "$(nft_packets "$1" traffic "$3")" ]
}

# errors GATEWAY: of XFRM.
errors() {
	run_in "$1" awk '$2 > 0' /proc/net/xfrm_stat
}

# nothing_lost GATEWAY: what it was given to send it has sent, and what has come it has handed
# on.
nothing_lost() {
	wait_for 20 same "$1" sent esp_out && wait_for 20 same "$1" esp_in got && return
	run_in "$1" nft list table inet traffic
	errors "$1"
	return 1
}

# rekeyings GATEWAY WHAT: how many it has logged.
rekeyings() {
	grep -c "$2" "$work/$1.log" || :
}

established_at_least() {
	[ "$(rekeyings gw1 'CHILD_SA .* established')" -ge "$1" ]
}

terminate() {
	swanctl gw1 --terminate --ike "gw$1" --timeout 60
}

# rss GATEWAY: of its daemon, in KiB.
rss() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$(<"$work/$1/pid")/status"
}

soak() {
	local gw n end ike child pings=() before after

	FAMILY=4 topo_direct
	many_hosts "$CONNECTIONS"
	for gw in gw2 gw1; do
		count_traffic $gw
		ikefpd_start $gw < <(soak_conf $gw)
	done
	netem_both loss 5%
	wait_for $((60 + CONNECTIONS)) established_at_least "$CONNECTIONS"
	for ((n = 1; n <= CONNECTIONS; n++)); do
		start_in lan1 "ping$n" ping -n -q -i "$(awk "BEGIN { print $CONNECTIONS / 100 }")" \
			-I "10.1.0.$((100 + n))" "10.2.0.$((100 + n))"
		pings+=("$started_pid")
	done
	end=$((SECONDS + SOAK_S * ${IKEFP_TIME_SCALE:-1}))
	# All that a connection needs it has had by now.
	wait_for 60 established_at_least $((CONNECTIONS * 3))
	before=$(rss gw1)
	while [ $SECONDS -lt $end ]; do
		sleep 5
		echo "$((end - SECONDS)) s to go: $(rekeyings gw1 'IKE_SA .* rekeyed between') IKE SAs, $(rekeyings gw1 'CHILD_SA .* established') Child SAs so far"
	done
	after=$(rss gw1)
	kill -INT "${pings[@]}"
	wait "${pings[@]}" || :
	nothing_lost gw1
	nothing_lost gw2
	for gw in gw1 gw2; do
		ike=$(rekeyings $gw 'IKE_SA .* rekeyed between')
		child=$(rekeyings $gw 'CHILD_SA .* established')
		echo "[$gw] rekeyed: $ike IKE SAs, $child Child SAs; $(rekeyings $gw 'by both ends') at once with the peer; $(nft_packets $gw traffic sent) packets sent, $(nft_packets $gw traffic got) handed on"
		[ "$ike" -ge $((CONNECTIONS * SOAK_S / IKE_S / 2)) ]
		[ "$child" -ge $((CONNECTIONS * SOAK_S / CHILD_S / 2)) ]
	done
	echo "memory of gw1's daemon: $before KiB, $after KiB"
	[ $((after - before)) -lt $((512 + 8 * CONNECTIONS)) ]
	netem_both loss 0%
	each_of "$CONNECTIONS" terminate
	taken_down
	wait_for 20 no_kernel_sas gw1
	wait_for 20 no_kernel_sas gw2
	fails grep -E 'is set up anew|the peer does not answer|lifetime of .* is over' "$work"/gw?.log
}

need_module
ktap_plan 1
testcase "$CONNECTIONS connections" soak
ktap_end
