#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Scripts that are run when Child SAs come and go: with the environment that strongSwan's
# have, once, and with nobody waiting for them.

. "${0%/*}/lib.sh"

# script: $work/script FILE notes how it is called.
script() {
	cat >"$work/script" <<-'SH'
	#!/bin/sh
	env | grep '^PLUTO_' | sort >"$1.$PLUTO_VERB"
	[ -z "$2" ] || sleep "$2"
	echo "$PLUTO_VERB" >>"$1.verbs"
	echo "run with $PLUTO_VERB"
	SH
	chmod 755 "$work/script"
	: >"$work/gw1.verbs"
}

up() {
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(CHILD="updown = $1" psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
}

# called VERB...: with these, in this order, and no others.
called() {
	[ "$(tr '\n' ' ' <"$work/gw1.verbs")" = "$*${*:+ }" ]
}

# mirrored FILE: what the other end has in such an environment, numbers of its own aside.
mirrored() {
	sed 's/^PLUTO_MY_/PLUTO_X_/; s/^PLUTO_PEER_/PLUTO_MY_/; s/^PLUTO_X_/PLUTO_PEER_/
		s/^PLUTO_ME=/PLUTO_X=/; s/^PLUTO_PEER=/PLUTO_ME=/; s/^PLUTO_X=/PLUTO_PEER=/' "$1" |
		grep -v 'REQID\|UNIQUEID' | sort
}

marked_conf() {
	CHILD="updown = $work/script $work/$1
		hostaccess = yes
		mark_out = 7/0xff
		mark_in = 7/0xff" psk_conf "$1"
}

same_as_strongswan() {
	local verb

	topo_direct
	script
	strongswan_start gw2 < <(marked_conf gw2)
	ikefpd_start gw1 < <(marked_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	swanctl gw1 --terminate --ike gw --timeout 20
	for verb in up down; do
		wait_for 10 [ -s "$work/gw1.$verb-client$1" ]
		wait_for 10 [ -s "$work/gw2.$verb-client$1" ]
		diff <(mirrored "$work/gw1.$verb-client$1") \
			<(grep -v 'REQID\|UNIQUEID' "$work/gw2.$verb-client$1")
	done
	grep -q '^PLUTO_INTERFACE=wan$' "$work/gw1.down-client$1"
	grep -qx "PLUTO_MY_CLIENT=$lan1_net" "$work/gw1.up-client$1"
	wait_for 10 grep -q "updown net{1}: run with down-client$1" "$work/gw1.log"
}

once() {
	local pid

	topo_nat
	script
	up "$work/script $work/gw1"
	wait_for 10 called up-client
	swanctl gw1 --rekey --child net
	wait_for 10 grep -q 'net{2} established' "$work/gw1.log"
	wait_for 10 grep -q 'net{1} closed' "$work/gw1.log"
	ikefpd_kill gw1
	ikefpd_start gw1 < <(CHILD="updown = $work/script $work/gw1 0.5" psk_conf gw1)
	pid=$started_pid
	both_answered
	called up-client
	grep -q "^PLUTO_UDP_ENC=14500$\|^PLUTO_UDP_ENC=4500$" "$work/gw1.up-client"
	# It ends when the script has ended, too.
	kill "$pid"
	wait_for 20 process_gone "$pid"
	called up-client down-client
	diff <(grep -v REQID "$work/gw1.up-client" | sed s/up/down/) \
		<(grep -v REQID "$work/gw1.down-client")
}

# A script that waits for the test: the gateway does not.
nobody_waits() {
	topo_direct
	mkfifo "$work/fifo"
	up "cat $work/fifo"
	swanctl gw1 --stats
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	fails grep -q 'updown net' "$work/gw1.log"
	echo 'first' >"$work/fifo"
	wait_for 10 grep -q 'updown net{1}: first' "$work/gw1.log"
	echo 'second' >"$work/fifo"
	wait_for 10 grep -q 'updown net{1}: second' "$work/gw1.log"
	echo 'third' >"$work/fifo"
	wait_for 10 grep -q 'updown net{2}: third' "$work/gw1.log"
	echo 'fourth' >"$work/fifo" &
	swanctl gw1 --terminate --ike gw --timeout 20
	wait_for 10 grep -q 'updown net{2}: fourth' "$work/gw1.log"
}

# It can change the network as the daemon can, and no more than that.
privileges() {
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 -U nobody < <(psk_conf gw1 | sed "/local_ts/i\\
		updown = \"id -u; grep Cap /proc/self/status; ip link add made type dummy; touch /etc/x\"")
	swanctl gw1 --initiate --child net --timeout 20
	wait_for 10 grep -q 'updown net{1}: the script failed with status 1' "$work/gw1.log"
	grep -q 'updown net{1}: 65534' "$work/gw1.log"
	grep -q 'updown net{1}: CapEff:.0000000000003000' "$work/gw1.log"
	grep -q 'updown net{1}: touch:.*Permission denied' "$work/gw1.log"
	run_in gw1 ip link show made
}

need_module
ktap_plan 5
testcase "the environment is strongSwan's" same_as_strongswan ''
FAMILY=6 testcase "the environment is strongSwan's, IPv6" same_as_strongswan -v6
testcase "once, whatever becomes of the Child SA" once
testcase "nobody waits" nobody_waits
testcase "a script's privileges" privileges
ktap_end
