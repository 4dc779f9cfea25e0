# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the cases share in which one message after another is answered (ask.c).

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
	start_in gw2 sink "$bench/sink" 9
	wait_for 10 grep -q ready "$work/sink.log"
	answered=$(PSK=$PSK TS_LOCAL=$lan1_net TS_REMOTE=$lan2_net \
		run_in gw1 "$bench/ask" "$2" "${5:-$gw1_addr}" "$gw2_addr" 9 "${3:-2000}" "${4:-1}")
	result "$answered"
}
