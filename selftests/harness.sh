#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The topologies and daemons' controls that the other tests stand on, without
# ikefp: two strongSwans must find each other in them. Where this fails, a
# failure of another test says nothing about ikefp.

. "${0%/*}/lib.sh"

tunnel() {
	"$1"
	fails run_in lan1 ping -q -c 1 -W 1 "$lan2_addr"
	strongswan_start gw1 < <(psk_conf gw1)
	strongswan_start gw2 < <(psk_conf gw2)
	[ -z "${2:-}" ] || netem_both loss 10% delay 20ms
	swanctl gw1 --initiate --child net --timeout 60
	answered lan1 "$lan2_addr"
	answered lan2 "$lan1_addr"
	[ "$(child_sas gw1)" = 1 ]
	[ "$(child_sas gw2)" = 1 ]
	case $1 in
	topo_nat) gw2 ip xfrm state | grep -q 'encap type espinudp' ;;
	esac
}

# A test that cannot fail proves nothing: the same without the peer's secret.
refused() {
	topo_direct
	strongswan_start gw1 < <(psk_conf gw1)
	PSK=another strongswan_start gw2 < <(PSK=another psk_conf gw2)
	fails swanctl gw1 --initiate --child net --timeout 20
	[ "$(child_sas gw2)" = 0 ]
}

failing() {
	false
	true
}

complaining() {
	echo "WARNING: none, but it looks like one" >/dev/kmsg
}

# verdict STATUS NAME: passes if the case before failed.
verdict() {
	if [ "$1" -ne 0 ]; then
		pass "$2"
	else
		fail "$2"
	fi
}

ktap_plan 8
FAMILY=4 testcase "strongSwan, direct, IPv4" tunnel topo_direct
FAMILY=6 testcase "strongSwan, direct, IPv6" tunnel topo_direct
FAMILY=4 testcase "strongSwan, NAT, IPv4, 10 % loss" tunnel topo_nat lossy
FAMILY=6 testcase "strongSwan, NAT, IPv6, 10 % loss" tunnel topo_nat lossy
testcase "strongSwan, wrong secret" refused
run_case "a case that fails" failing
verdict $? "a failing command fails its case"
run_case "a case with a complaint" complaining
verdict $? "so does a complaint of the kernel"
testcase "and it does so once" true
ktap_end
