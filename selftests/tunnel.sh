#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd to ikefpd: a tunnel comes up, carries packets both ways, and is taken down
# from either end, by either way, with nothing left behind.

. "${0%/*}/lib.sh"

# tunnel TOPOLOGY
tunnel() {
	"$1"
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	fails run_in lan1 ping -q -c 1 -W 1 "$lan2_addr"
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered
	case $1 in
	topo_nat) gw2 ip xfrm state | grep -q 'encap type espinudp' ;;
	topo_direct) gw2 ip xfrm state | fails grep -q encap ;;
	esac
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# The responder takes the Child SA down, then the IKE SA.
responder_terminates() {
	topo_nat
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	swanctl gw2 --terminate --child net --timeout 20
	taken_down
	swanctl gw2 --list-sas | grep -q ESTABLISHED
	swanctl gw2 --terminate --ike gw --timeout 20
	wait_for 10 no_kernel_sas gw1
	wait_for 10 no_kernel_sas gw2
}

# SIGTERM: the daemon deletes its SAs, at the peer too, and leaves nothing.
daemon_ends() {
	local pid

	topo_nat
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	pid=$started_pid
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	kill "$pid"
	wait_for 10 process_gone "$pid"
	wait "$pid"
	no_xfrm gw1
	wait_for 10 no_child_sas gw2
	wait_for 10 no_xfrm gw2
	# Nothing in the kernel either, listeners included.
	shown gw1 | grep '^no listeners$'
	shown gw1 | grep '^no IKE SAs$'
}

need_module
ktap_plan 4 2
FAMILY=4 again "direct, IPv4" tunnel topo_direct
FAMILY=6 testcase "direct, IPv6" tunnel topo_direct
FAMILY=4 testcase "through a NAT, IPv4" tunnel topo_nat
FAMILY=6 again "through a NAT, IPv6" tunnel topo_nat
testcase "the responder takes it down" responder_terminates
testcase "SIGTERM takes it down" daemon_ends
ktap_end
