# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Many connections between two gateways, numbered from 1, each between two hosts.

# many_conf NUMBER gw1|gw2: psk_conf, its connection once for each of the numbers, and under
# it.
many_conf() {
	local n

	for ((n = 1; n <= $1; n++)); do
		lan1_net=10.1.0.$((100 + n))/32 lan2_net=10.2.0.$((100 + n))/32 psk_conf "$2" |
			sed -e "s/^gw {/gw$n {/; s/^net {/net$n {/; s/^ike {/ike$n {/" \
				-e "s/gw[12]\.example/$n.&/"
	done
	# So many tries that if one fails it is not by chance.
	cat <<-'CONF'
	charon {
		retransmit_timeout = 0.5
		retransmit_base = 1
		retransmit_tries = 100
	}
	CONF
}

# many_hosts NUMBER: behind the gateways (psk_conf's addresses are IPv4's).
many_hosts() {
	local lan n

	for lan in 1 2; do
		for ((n = 1; n <= $1; n++)); do
			echo "address add 10.$lan.0.$((100 + n))/24 dev eth0"
		done | batch "lan$lan"
	done
}

# each_of NUMBER COMMAND...: with each of the numbers up to it, all at once; fails if one
# of them does.
each_of() {
	local n job jobs=() failed=0

	for ((n = 1; n <= $1; n++)); do
		"${@:2:$#-1}" "$n" &
		jobs+=($!)
	done
	for job in "${jobs[@]}"; do
		wait "$job" || failed=1
	done
	return $failed
}
