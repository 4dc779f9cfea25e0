#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Traps hold traffic back and have its Child SA set up, come what may; shunts let it pass
# in the clear, or drop it.

. "${0%/*}/lib.sh"

policies() {
	run_in "$1" ip xfrm policy list | grep -c 'tmpl ' || :
}

# listed GATEWAY ARGUMENT... -- PATTERN...: by swanctl --list-pols.
listed() {
	local gw=$1 args=() pattern
	shift

	while [ "$1" != -- ]; do
		args+=("$1")
		shift
	done
	shift
	swanctl "$gw" --list-pols "${args[@]}" >"$work/pols"
	cat "$work/pols"
	for pattern; do
		grep -qE -- "$pattern" "$work/pols" || { echo "not listed: $pattern"; return 1; }
	done
}

# Traffic sets it up, again and again, and nothing of it is ever in the clear.
trapped() {
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(CHILD='start_action = trap' psk_conf gw1)
	watch_leaks
	[ "$(child_sas gw1)" = 0 ]
	listed gw1 --trap -- '^gw/net, TUNNEL' "$lan1_net" "$lan2_net"
	swanctl gw1 --list-conns | grep -q 'net: TUNNEL'
	answered lan1 "$lan2_addr"
	one_child_sa_each
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	[ "$(child_sas gw1)" = 0 ]
	answered lan1 "$lan2_addr"
	one_child_sa_each
	# The peer does it.
	swanctl gw2 --terminate --child net --timeout 20
	wait_for 10 no_child_sas gw1
	answered lan1 "$lan2_addr"
	no_leaks
	kill "$(<"$work/gw1/pid")"
	wait_for 10 process_gone "$(<"$work/gw1/pid")"
	[ "$(policies gw1)" = 0 ]
}

# Killed before there is a Child SA, and while there is one, under a hundred pings a second.
killed() {
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(CHILD='start_action = trap' psk_conf gw1)
	watch_leaks
	ikefpd_kill gw1
	held_back lan1 "$lan2_addr"
	start_in lan1 ping ping -n -i 0.01 "$lan2_addr"
	ikefpd_start gw1 < <(CHILD='start_action = trap' psk_conf gw1)
	wait_for 60 answered lan1 "$lan2_addr"
	ikefpd_kill gw1
	ikefpd_start gw1 < <(CHILD='start_action = trap' psk_conf gw1)
	answered lan1 "$lan2_addr"
	one_child_sa_each
	swanctl gw1 --terminate --ike gw --timeout 20
	wait_for 60 answered lan1 "$lan2_addr"
	# Nothing is configured: it all stays, and holds back once the peer has gone.
	ikefpd_kill gw1
	ikefpd_start gw1 < <(echo)
	answered lan1 "$lan2_addr"
	swanctl gw1 --terminate --ike gw --timeout 20
	held_back lan1 "$lan2_addr"
	[ "$(policies gw1)" = 3 ]
	CHILD='start_action = trap' psk_conf gw1 >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-all
	wait_for 60 answered lan1 "$lan2_addr"
	no_leaks
}

by_hand() {
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	watch_leaks
	listed gw1 --
	fails grep '^gw/' "$work/pols"
	swanctl gw1 --install --child net | grep 'install completed successfully'
	listed gw1 -- '^gw/net, TUNNEL'
	answered lan1 "$lan2_addr"
	swanctl gw1 --uninstall --child net | grep 'uninstall completed successfully'
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	[ "$(policies gw1)" = 0 ]
	no_leaks
	fails swanctl gw1 --uninstall --child net
	fails swanctl gw1 --install --child none
}

# shunt_conf MODE: gw1's connection, with a shunt for one host of the network behind gw2.
shunt_conf() {
	local shunt="mode = $1\\nlocal_ts = $lan1_net\\nremote_ts = $lan2_addr\\nstart_action = trap"

	psk_conf gw1 | sed "s,^\t*children {,&\\nshunt {\\n$shunt\\n},"
}

shunts() {
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(shunt_conf pass)
	swanctl gw1 --initiate --child net --timeout 20
	watch_leaks
	listed gw1 --pass -- '^gw/shunt, PASS'
	listed gw1 --trap --
	fails grep '^gw/' "$work/pols"
	fails swanctl gw1 --initiate --child shunt --timeout 5
	# The tunnel is for the others.
	fails run_in lan1 ping -n -q -c 1 -W 1 "$lan2_addr"
	fails no_leaks
	shunt_conf drop >"$work/gw1/swanctl.conf"
	kill -HUP "$(<"$work/gw1/pid")"
	wait_for 10 listed gw1 --drop -- '^gw/shunt, DROP'
	# It comes after the tunnel, which is less specific but not of the last resort.
	answered lan1 "$lan2_addr"
	swanctl gw1 --terminate --ike gw --timeout 20
	gw1 nft delete table inet leaks
	watch_leaks
	held_back lan1 "$lan2_addr"
	ikefpd_kill gw1
	held_back lan1 "$lan2_addr"
	ikefpd_start gw1 < <(echo)
	held_back lan1 "$lan2_addr"
}

# The peer takes it away: it is held back, or comes back by itself.
closed() {
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(CHILD='close_action = trap' psk_conf gw1)
	watch_leaks
	swanctl gw1 --initiate --child net --timeout 20
	swanctl gw2 --terminate --ike gw --timeout 20
	wait_for 10 no_child_sas gw1
	[ "$(policies gw1)" = 3 ]
	answered lan1 "$lan2_addr"
	no_leaks
	CHILD='close_action = start' psk_conf gw1 >"$work/gw1/swanctl.conf"
	kill -HUP "$(<"$work/gw1/pid")"
	wait_for 10 grep -q 'swanctl.conf again' "$work/gw1.log"
	swanctl gw1 --terminate --ike gw --timeout 20
	swanctl gw1 --initiate --child net --timeout 20
	swanctl gw2 --terminate --ike gw --timeout 20
	wait_for 10 one_child_sa_each
	both_answered
}

# Between the gateways themselves.
transport() {
	topo_direct
	ikefpd_start gw2 < <(CHILD='mode = transport' hosts_conf gw2)
	ikefpd_start gw1 < <(CHILD=$'mode = transport\nstart_action = trap' hosts_conf gw1)
	listed gw1 --trap -- '^gw/net, TRANSPORT'
	answered gw1 "$gw2_addr"
	in_mode gw1 transport
	[ "$(child_sas gw2)" = 1 ]
}

# Whoever of a network there is traffic to gets an IKE SA; the others' stays held back.
many() {
	topo_direct
	run_in gw2 ip addr add 192.0.2.22/24 dev wan
	ikefpd_start gw2 < <(CHILD='mode = transport' hosts_conf gw2 | sed 's/local_addrs = .*/local_addrs = %any/')
	ikefpd_start gw1 < <(CHILD=$'mode = transport\nstart_action = trap' hosts_conf gw1 |
		sed 's,remote_addrs = .*,remote_addrs = 192.0.2.0/25,')
	listed gw1 --trap -- '^gw/net, TRANSPORT' 'remote: *192.0.2.0/25'
	protected answered gw1 "$gw2_addr"
	[ "$(child_sas gw1)" = 1 ]
	protected answered gw1 192.0.2.22
	[ "$(child_sas gw1)" = 2 ]
	in_mode gw1 transport
	protected answered gw1 "$gw2_addr"
	grep "traffic to 192.0.2.22 for 'net' of 'gw': initiating" "$work/gw1.log"
	# Nothing leaves in the clear, be there nobody with whom to agree.
	run_in gw1 nft -f - <<-NFT
	table inet clear {
		counter sent { }
		chain out {
			type filter hook postrouting priority filter;
			icmp type echo-request ip daddr 192.0.2.0/25 rt ipsec missing counter name sent
		}
	}
	NFT
	swanctl gw2 --terminate --ike gw --timeout 20
	wait_for 10 no_child_sas gw1
	kill "$(<"$work/gw2/pid")"
	wait_for 10 process_gone "$(<"$work/gw2/pid")"
	fails run_in gw1 ping -n -q -c 1 -W 1 "$gw2_addr"
	[ "$(nft_packets gw1 clear sent)" = 0 ]
	# Nor when the daemon is killed.
	ikefpd_kill gw1
	fails run_in gw1 ping -n -q -c 1 -W 1 192.0.2.22
	[ "$(nft_packets gw1 clear sent)" = 0 ]
}

need_module
ktap_plan 7 1
again "traffic sets it up" trapped
FAMILY=6 testcase "traffic sets it up, IPv6" trapped
testcase "the daemon is killed" killed
testcase "by hand" by_hand
testcase "pass and drop" shunts
testcase "the peer closes it" closed
testcase "a trap for transport mode" transport
testcase "a trap for many peers" many
ktap_end
