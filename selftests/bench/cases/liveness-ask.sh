#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One liveness check asked, and its answer taken, by a gateway with 10,000 IKE SAs that are
# idle for the rest.
#
# The gateways are those of keepalive-send, but without a NAT, and ask a peer when there was no
# sign of life for 30 s (dpd_delay). Counted is the whole machine for a minute, less what it
# runs without an IKE SA, and less the peers' share. That is measured when the gateway is no
# more: the same questions at the same times, from its network namespace, answered by the
# same process. No question may have come twice.

. "${0%/*}/../case.sh"
. "${0%/*}/../peers.sh"

seconds=60

# asking WHO SAS
asking() {
	local sas=$2 asked total

	topo_direct
	CONN='dpd_delay = 30s' gateway_begin "$1" direct
	case $1 in
	sas)
		tell sas make "$sas" 1 28
		tell sas ask 30000 28
		;;
	*) peers_make "$sas" ;;
	esac
	sleep 60
	tell peers measure $seconds
	read -r asked _ total <<<"$answer"
	gateway_end "$1"
	tell peers replay $seconds
	echo "$asked questions, $total instructions, $answer of them the peers'"
	[ "$asked" -ge $((sas * seconds / 30 * 95 / 100)) ]
	[ "$asked" -le $((sas * seconds / 30 * 5 / 4)) ]
	result $(((total - answer - idle_rate * seconds) / asked))
}

measure ikefp asking sas 10000
measure charon asking strongswan 1000
bench_end
