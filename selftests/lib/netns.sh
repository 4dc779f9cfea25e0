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

# start_in NAME LOG COMMAND...: start (cleanup.sh) in a namespace.
start_in() {
	local ns=netns_$1

	start "$2" nsenter --net="/run/netns/${!ns}" -- "${@:3}"
}

# forwarding NAME: makes a namespace a router for both families.
forwarding() {
	run_in "$1" sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# batch NAME: runs the lines of stdin as commands of ip(8) in a namespace, in one
# process: under emulation starting one is what takes time.
batch() {
	local ns=netns_$1 lines

	lines=$(</dev/stdin)
	echo "[$1] ip: ${lines//$'\n'/; }"
	ip -n "${!ns}" -batch - <<<"$lines"
}

# netem NAME DEV PARAMETER...: what leaves by DEV is delayed, lost, doubled ...
# (tc-netem(8)). Called again it replaces what was set.
netem() {
	in_netns "$1" tc qdisc replace dev "$2" root netem "${@:3}"
}
