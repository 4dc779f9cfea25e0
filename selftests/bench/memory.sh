# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the cases share that count memory.

# in_use: octets of the whole machine; of the kernel's slabs those of objects that are in use.
# Free pages that a processor has at hand, tens of megabytes after many were freed, are free.
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
		FILENAME ~ /zoneinfo/ { if ($1 == "count:") at_hand += 4096 * $2; next }
		$1 != "slabinfo" && $1 != "#" { objects += $2 * $4 }
		END {
			free = value["MemFree:"] + value["Buffers:"] + value["Cached:"] + at_hand
			printf "%d\n", value["MemTotal:"] - free - value["Slab:"] + objects
		}' /proc/meminfo /proc/zoneinfo /proc/slabinfo
}

# anonymous PID: octets of its own that a process has.
anonymous() {
	awk '$1 == "Anonymous:" { print 1024 * $2 }' "/proc/$1/smaps_rollup"
}
