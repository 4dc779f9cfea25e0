#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway's namespace goes at once, with its daemon, in the middle of each exchange, the
# last of them under a flood through the tunnel: all of it is freed, and the other end goes
# on.

. "${0%/*}/lib.sh"

# vanish GATEWAY: kills all that is in its namespace and deletes it.
vanish() {
	local ns=netns_$1 pids name left=()

	mapfile -t pids < <(ip netns pids "${!ns}")
	kill -9 "${pids[@]}"
	ip netns delete "${!ns}"
	for name in "${built[@]}"; do
		[ "$name" = "${!ns}" ] || left+=("$name")
	done
	built=("${left[@]}")
}

# Its links are deleted only once nothing holds it any more.
link_gone() {
	fails run_in nat ip link show "$1"
}

# vanishes GATEWAY EXCHANGE
vanishes() {
	local job

	FAMILY=4 topo_nat
	gather
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	case $2 in
	INFORMATIONAL)
		swanctl gw1 --initiate --child net --timeout 20
		start_in lan1 flood ping -f -q "$lan2_addr"
		hold gw2 "$2"
		swanctl gw1 --terminate --ike gw --timeout 20 &
		;;
	*)
		hold gw2 "$2"
		swanctl gw1 --initiate --child net --timeout 20 &
		;;
	esac
	job=$!
	wait_for 20 held_more_than gw2 "$2" 1
	vanish "$1"
	case $1 in
	gw1)
		wait $job || :
		wait_for 20 link_gone left
		swanctl gw2 --list-sas
		;;
	gw2)
		wait_for 20 link_gone right
		swanctl gw1 --list-sas
		kill $job
		wait $job || :
		;;
	esac
}

# And all that was in them: the module would not go.
unloads() {
	module_unload
	module_load
}

need_module
# Where 6.12 has them all in the same run, each exchange once (vm/suite).
if [ -z "${WITHOUT_VARIANTS:-}" ]; then
	rest=testcase
	ktap_plan 7
else
	rest=again
	ktap_plan 4 3
fi
testcase "the initiator's in IKE_SA_INIT" vanishes gw1 IKE_SA_INIT
$rest "the responder's in IKE_SA_INIT" vanishes gw2 IKE_SA_INIT
$rest "the initiator's in IKE_AUTH" vanishes gw1 IKE_AUTH
testcase "the responder's in IKE_AUTH" vanishes gw2 IKE_AUTH
testcase "the initiator's in INFORMATIONAL" vanishes gw1 INFORMATIONAL
$rest "the responder's in INFORMATIONAL" vanishes gw2 INFORMATIONAL
testcase "nothing holds the module" unloads
ktap_end
