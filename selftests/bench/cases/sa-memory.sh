#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What an idle IKE SA with one Child SA keeps of a gateway's memory, kernel and daemon together,
# XFRM's own share left out.
#
# Both have their defaults, one connection for all that come, with a pre-shared key; charon a
# table for many (peers.sh). Counted is what handshakes leave behind for good: the anonymous
# memory of the daemon's processes that is more with the last IKE SA than with the thousandth,
# for each; and, for each, the octets that are free again when the module is unloaded, the
# daemon gone. Of the kernel's slabs those count that objects are in. charon has nothing in the
# kernel but XFRM's states and policies; it gets fewer IKE SAs, since each takes it longer, and
# one more costs it the same.

. "${0%/*}/../case.sh"
. "${0%/*}/../peers.sh"

FEW=1000

# in_use: octets of the whole machine. Some are given back only when memory is asked for more
# than once, such as huge pages of which a part is unmapped.
in_use() {
	local shrink now=0 before

	while before=$now; do
		sleep 2
		echo 3 >/proc/sys/vm/drop_caches
		for shrink in /sys/kernel/slab/*/shrink; do
			echo 1 >"$shrink"
		done
		now=$(used_by_now)
		[ $((now - before)) -gt 65536 ] || [ $((before - now)) -gt 65536 ] || break
	done
	echo "$now"
}

used_by_now() {
	awk '
		FILENAME ~ /meminfo/ { value[$1] = 1024 * $2; next }
		$1 != "slabinfo" && $1 != "#" { objects += $2 * $4 }
		END {
			free = value["MemFree:"] + value["Buffers:"] + value["Cached:"]
			printf "%d\n", value["MemTotal:"] - free - value["Slab:"] + objects
		}' /proc/meminfo /proc/slabinfo
}

# anonymous: octets of their own that the gateway's processes have.
anonymous() {
	local pid

	for pid in $(ip netns pids "$netns_gw2"); do
		cat "/proc/$pid/smaps_rollup"
	done | awk '$1 == "Anonymous:" { octets += 1024 * $2 } END { print octets }'
}

memory() {
	local sas=$2 user kernel=0

	topo_direct
	gateway_begin "$1" direct
	peers_made=0
	peers_make $FEW
	# Whatever keeps something for a while; rekeying begins later.
	sleep 600
	user=$(anonymous)
	peers_make "$sas"
	sleep 600
	user=$((($(anonymous) - user) / (sas - FEW)))
	gateway_kill
	if [ "$1" = ikefpd ]; then
		kernel=$(in_use)
		module_unload
		kernel=$(((kernel - $(in_use)) / sas))
	fi
	note daemon $user
	note kernel $kernel
	result $((user + kernel))
}

measure ikefp memory ikefpd 10000
measure charon memory strongswan 3000
bench_end
