# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the cases share in which one message after another is answered (ask.c).

# What is counted is the gateway's share: neither what the peer sends with nor what it
# receives with. "receptions-included" has the latter.
#
# ask DAEMON WHAT [COUNT PAUSE [LOCAL]]
ask() {
	topo_direct
	if [ "$1" = pluto ]; then
		pluto_start gw2 < <(pluto_conf gw2)
	else
		"$1_start" gw2 < <(psk_conf gw2)
	fi
	# Strangers of the case "cookie": all of them are here.
	gw1 ip route add local 10.64.0.0/16 dev lo
	# A host that is not there, though its link layer address is known.
	gw2 ip neighbour replace 192.0.2.9 lladdr 02:00:00:00:00:09 dev wan nud permanent
	start_in gw2 sink "$bench/sink" 9
	wait_for 10 grep -q ready "$work/sink.log"
	asked=$(PSK=$PSK TS_LOCAL=$lan1_net TS_REMOTE=$lan2_net run_in gw1 "$bench/ask" "$2" \
		"${5:-$gw1_addr}" "$gw2_addr" 9 "/run/netns/$netns_gw2" 192.0.2.9 \
		"${3:-2000}" "${4:-1}")
	result "${asked% *}"
	note receptions-included "${asked#* }"
}
