# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Exchanges held half-way, so that something can happen in their middle: what a gateway
# answers does not leave it until it is let go, while the other end asks again and again.

declare -A exchange_type=([IKE_SA_INIT]=34 [IKE_AUTH]=35 [INFORMATIONAL]=37)

# hold GATEWAY EXCHANGE: of its answers, and its requests, of this exchange.
hold() {
	local type=${exchange_type[$2]}

	# The exchange type is octet 18 of the header, which begins after that of UDP, and
	# after four octets of zero on port 4500.
	run_in "$1" nft -f - <<-NFT
	table inet hold_$2 {
		counter held { }
		chain output {
			type filter hook output priority filter;
			udp sport 500 @th,208,8 $type counter name held drop
			udp sport 4500 @th,64,32 0 @th,240,8 $type counter name held drop
		}
	}
	NFT
}

# let_go GATEWAY EXCHANGE
let_go() {
	run_in "$1" nft delete table inet "hold_$2"
}

# held GATEWAY EXCHANGE: how many messages were held.
held() {
	nft_packets "$1" "hold_$2" held
}

held_more_than() {
	[ "$(held "$1" "$2")" -gt "$3" ]
}

# wait_held GATEWAY EXCHANGE: until one message more than by now is.
wait_held() {
	wait_for 20 held_more_than "$1" "$2" "$(held "$1" "$2")"
}

# in_exchanges FUNCTION [ARGUMENT...]: has gw1 set a tunnel up with gw2 and take it down,
# and runs the function in the middle of each exchange. The tunnel works, and is gone
# after it.
in_exchanges() {
	local exchange job

	for exchange in IKE_SA_INIT IKE_AUTH INFORMATIONAL; do
		hold gw2 $exchange
	done
	swanctl gw1 --initiate --child net --timeout 60 &
	job=$!
	for exchange in IKE_SA_INIT IKE_AUTH; do
		in_exchange "$exchange" "$@"
	done
	wait $job
	one_child_sa_each
	answered lan1 "$lan2_addr"
	swanctl gw1 --terminate --ike gw --timeout 60 &
	job=$!
	in_exchange INFORMATIONAL "$@"
	wait $job
	taken_down
}

# in_exchange EXCHANGE FUNCTION [ARGUMENT...]
in_exchange() {
	wait_for 20 held_more_than gw2 "$1" 0
	echo "--- $1 is held: ${*:2}"
	"${@:2}"
	let_go gw2 "$1"
}
