# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the cases share. A case reads as what it compares:
#
#	. "${0%/*}/../case.sh"
#
#	duplicate() {			# one gateway's turn
#		topo_direct
#		"$1_start" gw2 < <(psk_conf gw2)
#		result "$(gw1 "$bench/ask" ...)"
#	}
#
#	measure ikefp duplicate ikefpd
#	measure charon duplicate strongswan
#	bench_end
#
# The machine's one processor counts its instructions, one a nanosecond, and while it is
# idle its clock jumps: busy time is work, on any host. Every turn runs in namespaces of its
# own and ends what it started. A turn that fails has no number.

IKE_PROPOSALS=aes128gcm16-prfsha256-x25519
ESP_PROPOSALS=aes128gcm16

. "${BASH_SOURCE[0]%/*}/../lib.sh"
. "$selftests/lib/libreswan.sh"

bench=$selftests/../.build/bench
numbers=/results/numbers
bench_failed=0
: >"$numbers"

# measure WHO FUNCTION [ARGUMENT...]: WHO's turn (ikefp, charon, pluto or stock).
measure() {
	local status

	progress "$1: ${*:2}"
	who=$1
	# Not in a condition, where set -e would be overlooked.
	run_case "$1: ${*:2}" measured "${@:2}"
	status=$?
	if [ $status -eq 0 ]; then
		cat "$work/numbers" >>"$numbers"
	else
		progress "$1: FAILED"
		bench_failed=1
	fi
}

# Its numbers count once it has ended well.
measured() {
	: >"$work/numbers"
	"$@"
}

# result NUMBER: whoever's turn it is has this.
result() {
	[[ $1 =~ ^[0-9]+(\.[0-9]+)?$ ]] || { echo "'$1' is no result"; return 1; }
	echo "result $who $1" >>"$work/numbers"
	progress "$who: $1"
}

# point SERIES X Y: of a plot. SERIES is a word.
point() {
	[[ "$2 $3" =~ ^[0-9]+(\.[0-9]+)?\ [0-9]+(\.[0-9]+)?$ ]] ||
		{ echo "'$2 $3' is no point"; return 1; }
	echo "point $1 $2 $3" >>"$work/numbers"
}

# note KEY VALUE: something more that is worth keeping of WHO's turn.
note() {
	echo "note $who $1 $2" >>"$work/numbers"
	progress "$who: $1 $2"
}

# progress TEXT: for who waits before the host's terminal.
progress() {
	echo "$*" >>/results/progress
}

# busy_ns: instructions that the processor has run outside of idle.
busy_ns() {
	local now idle

	# Uptime in 10 ms is too coarse; this has both to the nanosecond.
	now=$(awk '/^now at/ { print $3 }' /proc/timer_list)
	idle=$(awk '/idle_sleeptime/ { print $3; exit }' /proc/timer_list)
	echo $((now - idle))
}

bench_end() {
	exit $bench_failed
}

# While the guest waits for one of the host's disks, which are as slow as the host is busy, its
# clock jumps from timer to timer: minutes may be over meanwhile. So all is in memory before.
find -L /usr /etc /lib/modules "$selftests" "$selftests"/../{user/build/sbin,.build/bench,".build/$(uname -r)"} -xdev -type f \
	-exec cat {} + >/dev/null 2>&1

# As udev has them loaded on a machine with such a processor.
modprobe -a aesni_intel ghash_clmulni_intel
module_load || exit 1
