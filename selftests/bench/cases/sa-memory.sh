#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What an idle IKE SA with one Child SA keeps of a gateway's memory, kernel and daemon together,
# XFRM's own share left out.
#
# Both have their defaults, one connection for all that come, with a pre-shared key; charon a
# table for many (peers.sh). Counted is what handshakes leave behind for good: the anonymous
# memory of the daemon's processes that is more with the last IKE SA than with the thousandth,
# for each; and, for each, the kernel's objects that go when the module is unloaded, the daemon
# gone (its hash tables, of some 20 octets an IKE SA, are none). charon has nothing in the kernel
# but XFRM's states and policies; it gets fewer IKE SAs, since each takes it longer, and one more
# costs it the same.

. "${0%/*}/../case.sh"
. "${0%/*}/../peers.sh"

FEW=1000

# objects: octets of all objects that the kernel has in slabs.
objects() {
	local shrink

	# Grace periods, and works of queues.
	sleep 10
	for shrink in /sys/kernel/slab/*/shrink; do
		echo 1 >"$shrink"
	done
	awk 'NR > 2 { octets += $2 * $4 } END { print octets }' OFMT=%.0f /proc/slabinfo
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
		kernel=$(objects)
		module_unload
		kernel=$(((kernel - $(objects)) / sas))
	fi
	note daemon $user
	note kernel $kernel
	result $((user + kernel))
}

measure ikefp memory ikefpd 10000
measure charon memory strongswan 3000
bench_end
