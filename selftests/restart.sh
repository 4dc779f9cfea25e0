#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd is killed and started again: every tunnel is carried on as it was, and no packet
# is lost meanwhile.

. "${0%/*}/lib.sh"

# What makes a tunnel that very tunnel: SPIs and numbers, of IKE SA and Child SA.
identity() {
	swanctl "$1" --list-sas --raw |
		grep -oE '(uniqueid|initiator-spi|responder-spi|reqid|spi-in|spi-out|state)=[^ }]*' |
		sort
}

# xfrm_identity GATEWAY: states and policies, as XFRM has them.
xfrm_identity() {
	run_in "$1" ip xfrm state list | grep -E '^src|proto esp' | sort
	run_in "$1" ip xfrm policy list | grep -E '^src|dir|tmpl|proto esp' | sort
}

note_identity() {
	identity "$1" >"$work/$1.before"
	xfrm_identity "$1" >>"$work/$1.before"
	grep -q spi-in "$work/$1.before"
}

same_identity() {
	identity "$1" >"$work/$1.after"
	xfrm_identity "$1" >>"$work/$1.after"
	diff "$work/$1.before" "$work/$1.after"
}

# Each end's daemon in turn, in the middle of a hundred pings a second.
killed() {
	local gw messages

	"$1"
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	for gw in gw1 gw2; do
		note_identity gw1
		note_identity gw2
		messages=$(counter gw1 tx-messages)
		ping_start lan1 "$lan2_addr"
		ping_more 30
		ikefpd_kill $gw
		ping_more 30
		ikefpd_start $gw < <(psk_conf $gw)
		ping_more 30
		ping_stop
		[ "$pings_lost" = 0 ]
		same_identity gw1
		same_identity gw2
		grep 'carrying on 1 IKE_SAs' "$work/$gw.log"
		# Not a word between the two.
		[ "$(counter gw1 tx-messages)" = "$messages" ]
	done
	swanctl gw2 --terminate --ike gw --timeout 20
	taken_down
}

# What the peer asks for while there is no daemon is done by the next one.
deleted_meanwhile() {
	local terminating

	topo_nat
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	ikefpd_kill gw2
	swanctl gw1 --terminate --child net --timeout 30 &
	terminating=$!
	wait_for 10 waiting gw2
	one_orphan gw2
	ikefpd_start gw2 < <(psk_conf gw2)
	wait "$terminating"
	taken_down
	swanctl gw2 --list-sas | grep -q ESTABLISHED
	swanctl gw1 --terminate --ike gw --timeout 20
	wait_for 10 no_kernel_sas gw2
}

waiting() {
	shown "$1" | grep ', 1 upcall waiting'
}

one_orphan() {
	shown "$1" | grep '^summary: .*; 1 orphan;'
}

# The connection has gone from the configuration: its tunnel has not.
not_configured() {
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	note_identity gw1
	ikefpd_kill gw1
	ikefpd_start gw1 < <(psk_conf gw1 | sed 's/^\t*gw {/other {/')
	same_identity gw1
	both_answered
	grep 'goes on until it is terminated' "$work/gw1.log"
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# A daemon that is told its connections by swanctl: the tunnel is theirs then.
loaded_later() {
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	vici_only
	swanctl gw1 --load-all
	swanctl gw1 --initiate --child net --timeout 20
	note_identity gw1
	ikefpd_kill gw1
	vici_only
	same_identity gw1
	swanctl gw1 --load-all
	swanctl gw1 --initiate --child net --timeout 20
	same_identity gw1
	one_child_sa_each
	both_answered
}

# One that is killed, one that cannot start, and one that carries on.
start_fails() {
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	note_identity gw1
	ikefpd_kill gw1
	mkdir "$work/gw1/taken"
	if run_in gw1 "$(program ikefpd)" -f "$work/gw1/swanctl.conf" -u "$work/gw1/taken"; then
		return 1
	fi
	ikefpd_start gw1 < <(psk_conf gw1)
	same_identity gw1
	both_answered
	# Requests of its own go out as before.
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# As after a package upgrade: refused, and set up anew by itself.
another_version() {
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	note_identity gw1
	ikefpd_kill gw1
	run_in gw1 "$(program stash-version)" 65535
	ikefpd_start gw1 < <(psk_conf gw1)
	wait_for 20 one_child_sa_each
	grep 'is in format 65535' "$work/gw1.log"
	if same_identity gw1 >/dev/null; then
		return 1
	fi
	both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# gw1's, without a file.
vici_only() {
	gateway_dir gw1
	psk_conf gw1 >"$work/gw1/swanctl.conf"
	start_in gw1 gw1 "$(program ikefpd)" -u "$work/gw1/vici"
	echo "$started_pid" >"$work/gw1/pid"
	gateway_ready gw1
}

# Killed again and again, at moments that differ, while the tunnel is being set up: in the
# end it is there, once, and nothing else.
killed_in_handshake() {
	local n

	topo_nat
	ikefpd_start gw2 < <(psk_conf gw2)
	CHILD='start_action = start'
	for n in {1..6}; do
		gateway_dir gw1
		psk_conf gw1 >"$work/gw1/swanctl.conf"
		start_in gw1 gw1 "$(program ikefpd)" -f "$work/gw1/swanctl.conf" -u "$work/gw1/vici"
		echo "$started_pid" >"$work/gw1/pid"
		wait_for 20 grep -q -m "$n" 'initiating IKE_SA\|carrying on' "$work/gw1.log"
		sleep "0.0$((n * 15))"
		ikefpd_kill gw1
	done
	ikefpd_start gw1 < <(psk_conf gw1)
	wait_for 20 one_child_sa_each
	both_answered
}

# many_conf gw1|gw2 NUMBER: so many connections, each with identities and networks of its
# own. (One process: under emulation a thousand take minutes.)
many_conf() {
	local me=$1 addr=${1}_addr peer remote
	case $1 in
	gw1) peer=gw2 remote=$gw2_addr ;;
	gw2) peer=gw1 remote=$gw1_addr ;;
	esac

	awk -v number="$2" -v me="$me" -v peer="$peer" -v local="${!addr}" -v remote="$remote" \
		-v child="${CHILD:-}" -v psk="$PSK" '
		function net(gateway, n) {
			return "10." substr(gateway, 3) int(n / 250) "." n % 250 ".0/24"
		}
		BEGIN {
			print "connections {"
			for (n = 0; n < number; n++) {
				print "gw" n " {"
				print "local_addrs = " local
				print "remote_addrs = " remote
				print "proposals = aes256gcm16-prfsha256-x25519"
				print "local {\nauth = psk\nid = " me "-" n ".example\n}"
				print "remote {\nauth = psk\nid = " peer "-" n ".example\n}"
				print "children {\nnet" n " {"
				print "local_ts = " net(me, n)
				print "remote_ts = " net(peer, n)
				print "esp_proposals = aes256gcm16\n" child "\n}\n}\n}"
			}
			print "}\nsecrets {\nike {\nsecret = \"" psk "\"\n}\n}"
		}'
}

# established GATEWAY: how many IKE SAs, as the kernel sees it.
established() {
	run_in "$1" "$(program ikefp)" stats | awk '$1 == "established" { print $2 }'
}

# all_established GATEWAY NUMBER: waits for so many, as long as they become more.
all_established() {
	local now

	until now=$(established "$1"); [ "$now" -ge "$2" ]; do
		wait_for_quiet 30 more_than "$1" "$now" ||
			{ echo "[$1] $now of $2 IKE SAs, and no more in 30 s"; return 1; }
	done
}

# only_established GATEWAY NUMBER: a handshake that was begun anew leaves nothing behind.
only_established() {
	sleep 1
	[ "$(run_in "$1" "$(program ikefp)" stats --json | jq -c '.sas | del(.total)
		| [to_entries[] | select(.value != 0)] | from_entries')" = "{\"established\":$2}" ]
}

# To list a thousand is work: not all the time.
more_than() {
	sleep 1
	[ "$(established "$1")" -gt "$2" ]
}

# What of each IKE SA a new daemon finds as it was: no message went to and fro.
module_identity() {
	run_in "$1" "$(program ikefp)" show --json |
		jq -c '.sas[] | [.spi, ."peer-spi", .role, .state, .local, .remote,
			."message-id-out", ."message-id-in", ."esp-pairs"]' | sort
}

# The first of the many networks gets a host at each end.
first_network() {
	local n

	for n in 1 2; do
		run_in "gw$n" ip address add "10.${n}0.0.1/24" dev lan
		run_in "lan$n" ip address add "10.${n}0.0.2/24" dev eth0
		run_in "lan$n" ip route add "10.$((3 - n))0.0.0/24" via "10.${n}0.0.1"
	done
}

ready_again() {
	[ "$(grep -c 'is ready, VICI' "$work/$1.log")" = 2 ]
}

milliseconds() {
	local now=${EPOCHREALTIME/[^0-9]/}

	echo $((now / 1000))
}

# How long it takes to carry on with many, a ping going on meanwhile: a second for each
# thousand, with all that there is to do. An emulated processor takes at least ten times as
# long for everything.
many() {
	local number=$MANY begin ms restart_ms bound slower=1

	bound=$(((MANY + 999) / 1000 * 1000 * ${IKEFP_TIME_SCALE:-1}))
	! grep -q TCG /proc/cpuinfo || slower=10
	topo_direct
	first_network
	ikefpd_start gw2 -l audit < <(many_conf gw2 "$number")
	begin=$(milliseconds)
	ikefpd_start gw1 -l audit < <(CHILD='start_action = start' many_conf gw1 "$number")
	all_established gw1 "$number"
	all_established gw2 "$number"
	wait_for 60 only_established gw2 "$number"
	ms=$(($(milliseconds) - begin))
	echo "$number IKE SAs in $ms ms, $((number * 1000 / ms)) a second"
	[ "$(xfrm_states gw1)" = $((2 * number)) ]
	[ "$(xfrm_states gw2)" = $((2 * number)) ]
	{ module_identity gw2; xfrm_identity gw2; } >"$work/before"
	ping_start lan1 10.20.0.2
	ping_more 30
	ikefpd_kill gw2
	wait_for 10 all_orphans gw2 "$number"
	ping_more 30
	begin=$(milliseconds)
	start_in gw2 gw2 "$(program ikefpd)" -f "$work/gw2/swanctl.conf" -u "$work/gw2/vici" \
		-l audit
	wait_for 60 ready_again gw2
	restart_ms=$(($(milliseconds) - begin))
	ping_more 30
	ping_stop
	ms=$(sed -n "s/.*carrying on $number IKE_SAs of the daemon before, in \([0-9]*\) ms.*/\1/p" "$work/gw2.log")
	echo "carried on with $number IKE SAs in $ms ms; ready $restart_ms ms after its start"
	[ "$ms" -le "$restart_ms" ]
	[ "$restart_ms" -lt $((bound * slower)) ]
	[ "$pings_lost" = 0 ]
	{ module_identity gw2; xfrm_identity gw2; } >"$work/after"
	cmp "$work/before" "$work/after"
	[ "$(counter gw2 orphans)" = 0 ]
	gateway_ready gw2
}

all_orphans() {
	[ "$(counter "$1" orphans)" = "$2" ]
}

MANY=${MANY:-300}

need_module
ktap_plan 9 1
FAMILY=4 testcase "killed, direct, IPv4" killed topo_direct
FAMILY=6 testcase "killed, through a NAT, IPv6" killed topo_nat
FAMILY=4 again "killed, through a NAT, IPv4" killed topo_nat
testcase "the peer deletes meanwhile" deleted_meanwhile
testcase "the connection is not configured any more" not_configured
testcase "the connection is loaded later" loaded_later
testcase "a start fails" start_fails
testcase "a stash of another version" another_version
testcase "killed while it sets up" killed_in_handshake
testcase "$MANY IKE SAs" many
ktap_end
