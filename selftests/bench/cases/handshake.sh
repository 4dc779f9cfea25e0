#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One handshake answered: IKE_SA_INIT with Curve25519, IKE_AUTH with a pre-shared key, and
# a Child SA with its states and policies in XFRM, AES-GCM with 128 bits for both.
#
# Each gateway has one connection for each peer, of its own identity and networks, as many
# as come, and otherwise its defaults; but pluto's updown script, a shell with dozens of
# commands for each tunnel, is switched off, as the others run none. All log to a file what
# they log by default. The peer is a program whose own keys and AUTH are made while nothing
# is counted (handshake.c); it sends IKE_AUTH after the gateway has come to rest, so that
# whatever follows its answer is counted, too.

. "${0%/*}/../case.sh"
. "${0%/*}/../many.sh"

COUNT=50

# With those of the warm-up.
handshakes() {
	topo_direct
	many_start "$1" gw2 $((COUNT + 3))
	start_in gw2 sink "$bench/sink" 9
	wait_for 10 grep -q ready "$work/sink.log"
	instructions=$(PSK=$PSK run_in gw1 "$bench/handshake" "$gw1_addr" "$gw2_addr" 9 $COUNT)
	result "$instructions"
}

measure ikefp handshakes ikefpd
measure charon handshakes strongswan
measure pluto handshakes pluto
bench_end
