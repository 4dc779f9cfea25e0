#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Host names as remote addresses: asked for before each attempt, and nobody waits for another's.

. "${0%/*}/lib.sh"

# by_name GATEWAY [NAME]: gw1's peer is a name; gw2 has any address of its own.
by_name() {
	case $1 in
	gw1) psk_conf gw1 | sed "s/remote_addrs = .*/remote_addrs = ${2:-peer.test}/" ;;
	gw2) psk_conf gw2 | sed 's/local_addrs = .*/local_addrs = %any/' ;;
	esac
}

# names LINE...: /etc/hosts, and a resolver that does not answer.
names() {
	printf '%s\n' '127.0.0.1 localhost' "$@" >/etc/hosts
	printf '%s\n' 'nameserver 127.0.0.1' 'options timeout:2 attempts:2' >/etc/resolv.conf
}

follows() {
	topo_direct
	names "$gw2_addr peer.test"
	ikefpd_start gw2 < <(by_name gw2)
	ikefpd_start gw1 -U nobody < <(by_name gw1)
	swanctl gw1 --list-conns | grep -q 'remote: *peer.test'
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	batch gw2 <<-IP
	address add 192.0.2.3/24 dev wan
	IP
	gw1 ip neighbour replace 192.0.2.3 lladdr $mac_gw2 dev wan nud permanent
	names '192.0.2.3 peer.test'
	swanctl gw1 --initiate --child net --timeout 20
	swanctl gw1 --list-sas | grep -q 'remote .* @ 192.0.2.3'
	both_answered
}

# What is to be there from the start is, once the name is known.
from_the_start() {
	topo_direct
	names "$gw2_addr peer.test"
	ikefpd_start gw2 < <(by_name gw2)
	ikefpd_start gw1 < <(CHILD='start_action = trap' by_name gw1)
	wait_for 10 grep -q "installed 'net' of 'gw'" "$work/gw1.log"
	answered lan1 "$lan2_addr"
	one_child_sa_each
}

# A name that nobody knows costs who asks for it.
slow() {
	local slow

	topo_direct
	names "$gw2_addr peer.test"
	start_in gw1 dns socat -u UDP4-RECV:53,bind=127.0.0.1 STDOUT
	ikefpd_start gw2 < <(by_name gw2)
	ikefpd_start gw1 < <(
		by_name gw1
		by_name gw1 nobody.test | sed 's/\<gw {/slow {/; s/\<net {/lost {/'
	)
	swanctl gw1 --initiate --child lost --timeout 30 >"$work/lost" 2>&1 &
	slow=$!
	wait_for 10 [ -s "$work/dns.log" ]
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	kill -0 $slow
	fails wait $slow
	cat "$work/lost"
	grep -q "the address of 'nobody.test' is not known" "$work/lost"
	grep -q "the address of 'nobody.test' of 'slow': " "$work/gw1.log"
}

need_module
saved=$(mktemp -d)
cp /etc/hosts /etc/resolv.conf "$saved/" 2>/dev/null || :
ktap_plan 3
testcase "a name's address, and another one" follows
testcase "from the start" from_the_start
testcase "one that nobody knows" slow
for file in hosts resolv.conf; do
	[ ! -e "$saved/$file" ] || cat "$saved/$file" >"/etc/$file"
done
rm -rf "$saved"
ktap_end
