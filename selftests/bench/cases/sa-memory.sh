#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What an idle IKE SA with one Child SA keeps of a gateway's memory, kernel and daemon together,
# XFRM's own share left out.
#
# Both have their defaults, one connection for all that come, with a pre-shared key; charon a
# table for many (peers.sh). Counted are the octets that the whole machine has in use, of the
# kernel's slabs those of objects that are in use, less what the program has that plays the
# peers, between the thousandth and the last IKE SA, when what handshakes leave behind for a
# while is gone. XFRM's share is what is free again when, the daemon gone, its states and
# policies are flushed. charon gets fewer, since each takes it longer; an IKE SA more costs it
# the same.

. "${0%/*}/../case.sh"
. "${0%/*}/../peers.sh"

FEW=1000

# in_use: octets of the whole machine.
in_use() {
	local shrink

	# Grace periods, and what waits for the next work of a queue.
	sleep 2
	echo 3 >/proc/sys/vm/drop_caches
	for shrink in /sys/kernel/slab/*/shrink; do
		echo 1 >"$shrink"
	done
	awk '
		FILENAME ~ /meminfo/ { value[$1] = 1024 * $2; next }
		$1 != "slabinfo" && $1 != "#" { objects += $2 * $4 }
		END {
			free = value["MemFree:"] + value["Buffers:"] + value["Cached:"]
			printf "%d\n", value["MemTotal:"] - free - value["Slab:"] + objects
		}' /proc/meminfo /proc/slabinfo
}

# anonymous PID: octets of its own that a process has.
anonymous() {
	awk '$1 == "Anonymous:" { print 1024 * $2 }' "/proc/$1/smaps_rollup"
}

memory() {
	local sas=$2 peers before after own xfrm

	topo_direct
	gateway_begin "$1" direct
	peers=$started_pid
	peers_made=0
	peers_make $FEW
	# Whatever keeps something for a while; rekeying begins later.
	sleep 600
	before=$(in_use) own=$(anonymous "$peers")
	peers_make "$sas"
	sleep 600
	after=$(in_use) own=$(($(anonymous "$peers") - own))
	gateway_kill
	xfrm=$(in_use)
	run_in gw2 ip xfrm state flush
	run_in gw2 ip xfrm policy flush
	# A work of a queue destroys them, one after the other.
	sleep 60
	xfrm=$(((xfrm - $(in_use)) / sas))
	note xfrm "$xfrm"
	note peers $((own / (sas - FEW)))
	result $(((after - before - own) / (sas - FEW) - xfrm))
	[ "$1" = strongswan ] || module_unload
}

measure ikefp memory ikefpd 10000
measure charon memory strongswan 3000
bench_end
