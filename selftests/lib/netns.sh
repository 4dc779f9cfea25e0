# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Network namespaces. Each gets a name that is unique on the machine, and a
# function by its short name that runs a command in it and says so.

# netns NAME...: makes namespaces.
netns() {
	local name

	for name; do
		ip netns add "$name-$$-$BASHPID"
		built+=("$name-$$-$BASHPID")
		declare -g "netns_$name=$name-$$-$BASHPID"
		eval "$name() { in_netns $name \"\$@\"; }"
		ip -n "$name-$$-$BASHPID" link set lo up
	done
}

# in_netns NAME COMMAND...
in_netns() {
	local ns=netns_$1
	shift

	echo "[${ns#netns_}] $*"
	run_in "${ns#netns_}" "$@"
}

# run_in NAME COMMAND...: the same, without saying so.
run_in() {
	local ns=netns_$1
	shift

	if [ "$1" = ip ]; then
		ip -n "${!ns}" "${@:2}"
	else
		nsenter --net="/run/netns/${!ns}" -- "$@"
	fi
}

# forwarding NAME: makes a namespace a router for both families.
forwarding() {
	run_in "$1" sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# link NAME1 DEV1 NAME2 DEV2: joins two namespaces with a veth pair.
link() {
	local a=netns_$1 b=netns_$3

	echo "[$1] $2 <-> $4 [$3]"
	ip -n "${!a}" link add "$2" type veth peer name "$4" netns "${!b}"
	ip -n "${!a}" link set "$2" up
	ip -n "${!b}" link set "$4" up
}

# netem NAME DEV PARAMETER...: what leaves by DEV is delayed, lost, doubled ...
# (tc-netem(8)). Called again it replaces what was set.
netem() {
	in_netns "$1" tc qdisc replace dev "$2" root netem "${@:3}"
}

# neighbours NAME1 DEV1 ADDRESS1 NAME2 DEV2 ADDRESS2: each knows the other's link
# layer address for good, so that what netem loses are never ARP and neighbour
# discovery, which a lossy way between two gateways would not lose either.
neighbours() {
	local mac1 mac2

	mac1=$(run_in "$1" ip -j link show "$2" | jq -r '.[].address')
	mac2=$(run_in "$4" ip -j link show "$5" | jq -r '.[].address')
	run_in "$1" ip neighbour replace "$6" lladdr "$mac2" dev "$2" nud permanent
	run_in "$4" ip neighbour replace "$3" lladdr "$mac1" dev "$5" nud permanent
}
