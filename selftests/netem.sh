#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two ikefpd across a NAT and a bad network: every tunnel comes up, once, with the same
# ESP SAs at both ends and no others, and is taken down as surely.

. "${0%/*}/lib.sh"
. "$selftests/lib/many.sh"

# Handshakes under each kind of bad network, at most so many of them at once: as many
# connections as that are between the two gateways, each between two hosts.
ROUNDS=${ROUNDS:-5}
AT_ONCE=$((ROUNDS < 10 ? ROUNDS : 10))

initiate() {
	swanctl gw1 --initiate --child "net$1" --timeout 60
}

terminate() {
	swanctl gw1 --terminate --ike "gw$1" --timeout 60
}

# esp_sas GATEWAY: the SPIs of all that is in XFRM, those held for later included.
esp_sas() {
	run_in "$1" ip xfrm state list | grep -o 'spi 0x[0-9a-f]*' | sort
}

# ike_pairs GATEWAY: the SPIs of its IKE SAs, half-open ones included, at both ends alike.
ike_pairs() {
	kernel_sas "$1" | awk '{ print ($1 "" < $2 "" ? $1 " " $2 : $2 " " $1) }' | sort
}

# both_have NUMBER: tunnels, the same ones.
both_have() {
	esp_sas gw1 >"$work/esp"
	esp_sas gw2 | cmp - "$work/esp"
	[ "$(uniq "$work/esp" | wc -l)" = $((2 * $1)) ]
	ike_pairs gw1 >"$work/ike"
	ike_pairs gw2 | cmp - "$work/ike"
	[ "$(uniq "$work/ike" | wc -l)" = "$1" ]
	[ "$(child_sas gw1)" = "$1" ]
	[ "$(child_sas gw2)" = "$1" ]
}

# bad_network PARAMETER...: of netem, the same each way.
bad_network() {
	local left n

	FAMILY=4 topo_nat
	many_hosts $AT_ONCE
	ikefpd_start gw2 < <(many_conf $AT_ONCE gw2)
	ikefpd_start gw1 < <(many_conf $AT_ONCE gw1)
	netem_both delay 20ms "$@"
	for ((left = ROUNDS; left > 0; left -= AT_ONCE)); do
		n=$((left < AT_ONCE ? left : AT_ONCE))
		each_of $n initiate
		both_have $n
		run_in lan1 ping -n -q -c 20 -i 0.2 -w 20 -I "10.1.0.$((100 + n))" "10.2.0.$((100 + n))"
		each_of $n terminate
		taken_down
		wait_for 10 no_kernel_sas gw1
		wait_for 10 no_kernel_sas gw2
		echo "$((left - n)) handshakes to go"
	done
}

need_module
ktap_plan 2 3
again "30 % loss" bad_network loss 30%
again "20 % duplication" bad_network duplicate 20%
again "50 % reordering" bad_network reorder 50%
testcase "5 % corruption" bad_network corrupt 5%
testcase "all of them" bad_network 5ms loss 30% duplicate 20% reorder 50% corrupt 5%
ktap_end
