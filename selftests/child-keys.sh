#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Keys of a child that decide what XFRM makes of its traffic, and those that say for whom a
# connection is: what the kernel has, and which packets pass.

. "${0%/*}/lib.sh"
. "$selftests/lib/rekey.sh"

# up [CHILD OF GW1 [CHILD OF GW2]]: the connection of psk_conf.
up() {
	ikefpd_start gw2 < <(CHILD=${2-} psk_conf gw2)
	ikefpd_start gw1 < <(CHILD=${1-} psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
}

# killed_and_back CHILD: gw1's daemon is another one, which carries on.
killed_and_back() {
	ikefpd_kill gw1
	ikefpd_start gw1 < <(CHILD=$1 psk_conf gw1)
}

# rekeyed [NUMBER]: the Child SA has a successor, net{NUMBER}, as good as it was.
rekeyed() {
	rekey_child gw1
	settled
	wait_for 10 grep -q "net{${1:-2}} established" "$work/gw1.log"
	protected answered lan1 "$lan2_addr"
}

# carried_on CHILD [NUMBER]: by its successor, net{NUMBER}, and by another daemon.
carried_on() {
	rekeyed "${2-}"
	killed_and_back "$1"
	protected answered lan1 "$lan2_addr"
}

down() {
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# no_answer FROM ADDRESS: a ping that is not answered.
no_answer() {
	fails run_in "$1" ping -n -q -c 1 -W 1 "$2"
}

# policies GATEWAY in|out|fwd: those of Child SAs, each with its selector and all lines.
policies() {
	run_in "$1" ip xfrm policy list | awk -v dir="$2" '
		/^src/ { selector = $0; on = 0 }
		$1 == "dir" { on = $2 == dir; if (on) print selector }
		on'
}

# policy_marks GATEWAY in|out|fwd: one a line, without the mask.
policy_marks() {
	policies "$1" "$2" | awk '$1 == "mark" { sub("/.*", "", $2); print $2 }'
}

# states GATEWAY in|out: its ESP SAs of a direction, all lines.
states() {
	local addr="${1}_addr"

	run_in "$1" ip -s xfrm state list | awk -v me="${!addr}" -v dir="$2" '
		/^src/ { on = ($4 == me) == (dir == "in") }
		on'
}

# child_packets GATEWAY CHILD in|out: that its Child SA has carried.
child_packets() {
	swanctl "$1" --list-sas --raw |
		sed -nE "s/.* \{name=$2 [^}]* packets-$3=([0-9]+).*/\1/p"
}

# dropped GATEWAY COUNTER: of /proc/net/xfrm_stat.
dropped() {
	run_in "$1" awk -v name="$2" '$1 == name { print $2 }' /proc/net/xfrm_stat
}

# mark_traffic MARK [MATCH...]: what gw1 gets from the network behind it has it from now on.
mark_traffic() {
	echo "[gw1] nft: mark $*"
	gw1 nft -f - <<-NFT
	table inet marks
	delete table inet marks
	table inet marks {
		chain prerouting {
			type filter hook prerouting priority mangle;
			iifname "lan" ${*:2} meta mark set $1
		}
	}
	NFT
}

# One mark for both directions, which what comes out of the tunnel gets, too.
unique() {
	local keys=$'mark_in = %unique\nmark_out = %unique\nset_mark_in = %same' mark

	topo_direct
	up "$keys"
	mark=$(policy_marks gw1 out)
	((mark))
	[ "$(policy_marks gw1 in)" = "$mark" ]
	[ "$(policy_marks gw1 fwd)" = "$mark" ]
	states gw1 out | grep -qP "^\tmark $mark/0xffffffff"
	states gw1 in | grep -q "output-mark $mark"
	fails grep -qP '^\tmark' <(states gw1 in)
	no_answer lan1 "$lan2_addr"
	mark_traffic "$mark"
	protected answered lan1 "$lan2_addr"
	mark_traffic "$((mark + 1))"
	no_answer lan1 "$lan2_addr"
	mark_traffic "$mark"
	both_answered
	# It stays for all that take the Child SA's place, and for the next daemon.
	rekeyed
	[ "$(policy_marks gw1 out)" = "$mark" ]
	killed_and_back "$keys"
	protected answered lan1 "$lan2_addr"
	[ "$(policy_marks gw1 out)" = "$mark" ]
	down
}

# twice_conf GATEWAY [KEYS]: two children with the same selectors.
twice_conf() {
	CHILD=${2-} psk_conf "$1" | sed "s,^\t*children {,&\\n$(more "$1" "${2-}"),"
}

# more GATEWAY KEYS: the other child, on one line for sed.
more() {
	local mine="lan${1#gw}_net" peers="lan$((3 - ${1#gw}))_net"

	printf 'more {\\nlocal_ts = %s\\nremote_ts = %s\\n' "${!mine}" "${MORE_TS:-${!peers}}"
	printf '%s\\n}' "$(sed ':a;N;$!ba;s/\n/\\n/g' <<<"$2")"
}

# Each Child SA has a mark of its own: two for the same networks, and the mark says which one.
unique_twice() {
	local keys=$'mark_in = %unique\nmark_out = %unique\nset_mark_in = %same' net more

	topo_direct
	ikefpd_start gw2 < <(twice_conf gw2)
	ikefpd_start gw1 < <(twice_conf gw1 "$keys")
	swanctl gw1 --initiate --child net --timeout 20
	net=$(policy_marks gw1 out)
	swanctl gw1 --initiate --child more --timeout 20
	more=$(policy_marks gw1 out | grep -vx "$net")
	((more))
	mark_traffic "$net"
	goes_through net more
	mark_traffic "$more"
	goes_through more net
	swanctl gw1 --terminate --child more --timeout 20
	wait_for 10 eval '[ "$(child_sas gw2)" = 1 ]'
	no_answer lan1 "$lan2_addr"
	mark_traffic "$net"
	protected answered lan1 "$lan2_addr"
	down
}

# goes_through CHILD OTHER: what leaves gw1 is the one's, and nothing the other's.
goes_through() {
	local before others

	before=$(child_packets gw1 "$1" out) others=$(child_packets gw1 "$2" out)
	answered lan1 "$lan2_addr"
	[ "$(child_packets gw1 "$1" out)" -gt "$before" ]
	[ "$(child_packets gw1 "$2" out)" = "$others" ]
}

# Two marks: what is sent has one, and what comes gets the other.
unique_dir() {
	local keys=$'mark_in = %unique-dir\nmark_out = %unique-dir\nset_mark_in = %same' in out

	topo_direct
	up "$keys"
	in=$(policy_marks gw1 in) out=$(policy_marks gw1 out)
	((in && out && in != out))
	[ "$(policy_marks gw1 fwd)" = "$in" ]
	mark_traffic "$in"
	no_answer lan1 "$lan2_addr"
	mark_traffic "$out"
	both_answered
	killed_and_back "$keys"
	protected answered lan1 "$lan2_addr"
	down
}

# mark_esp PROTOCOL: from now on what comes to gw1 of it has the mark 5.
mark_esp() {
	gw1 nft -f - <<-NFT
	table inet decap {
		chain prerouting {
			type filter hook prerouting priority raw;
			iifname "wan" $1 meta mark set 5
		}
	}
	NFT
}

# in_sa TOPOLOGY ESP: the ESP SA is the mark's alone, and not only its policies.
in_sa() {
	local keys=$'mark_in = 5\nmark_in_sa = yes' before

	"$1"
	up "$keys"
	states gw1 in | grep -qP '^\tmark 0x5/0xffffffff'
	before=$(dropped gw1 XfrmInNoStates)
	no_answer lan1 "$lan2_addr"
	[ "$(dropped gw1 XfrmInNoStates)" -gt "$before" ]
	mark_esp "$2"
	protected answered lan1 "$lan2_addr"
	carried_on "$keys"
	down
}

# Without it the mark is only the policies': it is decrypted, and goes no further.
not_in_sa() {
	local before

	topo_direct
	up 'mark_in = 5'
	fails grep -qP '^\tmark' <(states gw1 in)
	[ "$(policy_marks gw1 in)" = 0x5 ]
	before=$(dropped gw1 XfrmInNoPols)
	no_answer lan1 "$lan2_addr"
	[ "$(dropped gw1 XfrmInNoPols)" -gt "$before" ]
	mark_esp 'ip protocol esp'
	protected answered lan1 "$lan2_addr"
	down
}

# What ESP itself gets on its way out leads it.
set_mark_out() {
	topo_direct
	up $'mark_out = 0x13/0xff\nset_mark_out = %same/0xf0'
	states gw1 out | grep -q 'output-mark 0x10/0xf0\|output-mark 0x13/0xf0'
	down_and_up 'set_mark_out = 0x120/0x1f0'
	states gw1 out | grep -q 'output-mark 0x120/0x1f0'
	gw1 nft -f - <<-'NFT'
	table inet marks {
		counter sent { }
		chain out {
			type filter hook postrouting priority filter;
			oifname "wan" ip protocol esp meta mark & 0x1f0 == 0x120 counter name sent
		}
	}
	NFT
	protected answered lan1 "$lan2_addr"
	[ "$(nft_packets gw1 marks sent)" -gt 0 ]
	batch gw1 <<-'IP'
	rule add fwmark 0x120/0x1f0 table 99
	route add blackhole default table 99
	IP
	no_answer lan1 "$lan2_addr"
	gw1 ip route replace default via "$gw2_addr" dev wan table 99
	protected answered lan1 "$lan2_addr"
	down
}

# down_and_up CHILD: the same connection, with other keys of its child at gw1.
down_and_up() {
	down
	CHILD=$1 psk_conf gw1 >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-all
	swanctl gw1 --initiate --child net --timeout 20
}

# What comes out of the tunnel has some bits of its mark set, others stay.
set_mark_in() {
	topo_direct
	up 'set_mark_in = 0x30/0xf0'
	states gw1 in | grep -q 'output-mark 0x30/0xf0'
	gw1 nft -f - <<-'NFT'
	table inet marks {
		counter both { }
		counter other { }
		chain prerouting {
			type filter hook prerouting priority raw;
			iifname "wan" ip protocol esp meta mark set 0x105
		}
		chain forward {
			type filter hook forward priority filter;
			iifname "wan" meta mark 0x135 counter name both
			iifname "wan" meta mark != 0x135 counter name other
		}
	}
	NFT
	both_answered
	[ "$(nft_packets gw1 marks both)" -gt 0 ]
	[ "$(nft_packets gw1 marks other)" = 0 ]
	down
}

# priorities_up KEYS OF NET: another child is for one host of the network, and more specific.
priorities_up() {
	local gw

	for gw in gw2 gw1; do
		ikefpd_start "$gw" < <(priority_conf "$gw" "$1")
	done
	swanctl gw1 --initiate --child net --timeout 20
	swanctl gw1 --initiate --child host --timeout 20
}

# priority_conf GATEWAY KEYS: "host" between lan1 and the one host behind gw2.
priority_conf() {
	local ts="local_ts = $lan1_net\\nremote_ts = $lan2_addr"

	[ "$1" = gw1 ] || ts="local_ts = $lan2_addr\\nremote_ts = $lan1_net"
	CHILD=$2 psk_conf "$1" | sed "s,^\t*children {,&\\nhost {\\n$ts\\nesp_proposals = aes256gcm16\\n},"
}

# The more specific comes first; unless a priority says something else.
priority() {
	topo_direct
	priorities_up ''
	goes_through host net
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	ikefpd_kill gw1
	ikefpd_kill gw2
	priorities_up 'priority = 17'
	policies gw1 out | grep -A 1 "dst $lan2_net" | grep -q 'dir out priority 17 '
	policies gw1 in | grep -A 1 "src $lan2_net" | grep -q 'dir in priority 17 '
	[ "$(policies gw1 out | grep -c 'priority 17 ')" = 1 ]
	goes_through net host
	killed_and_back_with priority_conf 'priority = 17'
	goes_through net host
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# killed_and_back_with CONF KEYS
killed_and_back_with() {
	ikefpd_kill gw1
	ikefpd_start gw1 < <("$1" gw1 "$2")
}

# own_policies add|delete REQID: the administrator's.
own_policies() {
	local dir src dst from to tmpl

	for dir in out in fwd; do
		src=$lan2_net dst=$lan1_net from=$gw2_addr to=$gw1_addr
		[ $dir != out ] || src=$lan1_net dst=$lan2_net from=$gw1_addr to=$gw2_addr
		tmpl="tmpl src $from dst $to proto esp reqid $2 mode tunnel"
		[ "$1" = add ] || tmpl=
		# shellcheck disable=SC2086
		gw1 ip xfrm policy "$1" src "$src" dst "$dst" dir $dir $tmpl
	done
}

# The ESP SAs alone: whose policies there are knows them by their reqid.
no_policies() {
	local keys=$'policies = no\nreqid = 77' dir

	topo_direct
	up "$keys"
	for dir in out in fwd; do
		[ -z "$(policies gw1 $dir)" ]
	done
	[ "$(states gw1 out | grep -c 'reqid 77(')" = 1 ]
	[ "$(states gw1 in | grep -c 'reqid 77(')" = 1 ]
	no_answer lan1 "$lan2_addr"
	own_policies add 78
	no_answer lan1 "$lan2_addr"
	own_policies delete
	own_policies add 77
	both_answered
	carried_on "$keys"
	swanctl gw1 --terminate --ike gw --timeout 20
	wait_for 10 eval '[ "$(states gw1 out | grep -c "reqid 77(")" = 0 ]'
	# They are not its own to take away.
	policies gw1 out | grep -q 'reqid 77 '
	own_policies delete
	taken_down
}

# Where it was chosen by the administrator, another daemon than the one that set it up
# knows what is whose, though nothing of it is configured any more.
fixed_reqid() {
	local dir

	topo_direct
	up 'reqid = 77'
	for dir in out in fwd; do
		policies gw1 $dir | grep -q 'reqid 77 '
	done
	states gw1 out | grep -q 'reqid 77('
	both_answered
	rekeyed
	policies gw1 out | grep -q 'reqid 77 '
	fails grep -q 'reqid [^7]' <(states gw1 out; states gw1 in)
	ikefpd_kill gw1
	ikefpd_start gw1 < <(echo)
	protected answered lan1 "$lan2_addr"
	down
}

# What is forwarded to the tunnel has to be let through by a policy, too, where others drop what
# is forwarded; and what comes out of the tunnel has to have been protected as ever.
fwd_out() {
	local keys='policies_fwd_out = yes' before

	topo_direct
	up
	both_answered
	gw1 ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir fwd action block priority 4000000
	[ "$(policies gw1 fwd | grep -c 'proto esp')" = 1 ]
	before=$(dropped gw1 XfrmInPolBlock)
	no_answer lan1 "$lan2_addr"
	[ "$(dropped gw1 XfrmInPolBlock)" -gt "$before" ]
	swanctl gw1 --terminate --ike gw --timeout 20
	CHILD=$keys psk_conf gw1 >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-all
	swanctl gw1 --initiate --child net --timeout 20
	[ "$(policies gw1 fwd | grep -c 'proto esp')" = 2 ]
	protected answered lan1 "$lan2_addr"
	protected answered lan2 "$lan1_addr"
	carried_on "$keys" 3
	# In the clear from where the tunnel's traffic would come: no other rule than the policies'.
	gw1 nft delete table inet only_ipsec
	gw2 nft delete table inet only_ipsec
	batch gw2 <<-IP
	xfrm policy flush
	route add $lan1_net via $gw1_addr dev wan
	IP
	before=$(dropped gw1 XfrmInTmplMismatch)
	no_answer lan2 "$lan1_addr"
	[ "$(dropped gw1 XfrmInTmplMismatch)" -gt "$before" ]
}

# A peer that is dead: what is for it is held back, and sets the Child SA up when it is there.
dpd_trap() {
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(
		CONN='dpd_delay = 1s' CHILD='dpd_action = trap' psk_conf gw1
		charon_conf 'retransmit_timeout = 0.2' 'retransmit_base = 1' 'retransmit_tries = 3'
	)
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	watch_leaks
	gw2 nft -f - <<-'NFT'
	table inet silence {
		chain input {
			type filter hook input priority filter;
			udp dport { 500, 4500 } drop
			ip protocol esp drop
		}
	}
	NFT
	wait_for 20 counter_is gw1 peers-dead 1
	wait_for 10 no_child_sas gw1
	[ "$(policies gw1 out | grep -c 'proto esp')" = 1 ]
	swanctl gw1 --list-pols --trap | grep -q '^gw/net, TUNNEL'
	held_back lan1 "$lan2_addr"
	gw2 nft delete table inet silence
	wait_for 30 answered lan1 "$lan2_addr"
	[ "$(child_sas gw1)" = 1 ]
	protected answered lan1 "$lan2_addr"
	no_leaks
}

# Without it nothing is held back, and the only rule is the firewall's.
dpd_clear() {
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(
		CONN='dpd_delay = 1s' psk_conf gw1
		charon_conf 'retransmit_timeout = 0.2' 'retransmit_base = 1' 'retransmit_tries = 3'
	)
	swanctl gw1 --initiate --child net --timeout 20
	watch_leaks
	gw2 ip link set wan down
	wait_for 20 no_child_sas gw1
	no_xfrm gw1
	no_answer lan1 "$lan2_addr"
	fails no_leaks
}

# from ADDRESS: gw1 comes from there, and is let in.
from() {
	gw1_addr=$1 psk_conf gw1 >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-all
	swanctl gw1 --initiate --child net --timeout 20
	[ "$(run_in gw2 ip xfrm state list | grep -c "^src $1 dst \|^src .* dst $1$")" = 2 ]
	protected answered lan1 "$lan2_addr"
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
}

# not_from ADDRESS: no connection of gw2 is for it.
not_from() {
	gw1_addr=$1 psk_conf gw1 >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-all
	fails swanctl gw1 --initiate --child net --timeout 3
	grep -q "$1.*no connection is for these addresses" "$work/gw2.log"
	swanctl gw1 --terminate --ike gw --timeout 5
	no_xfrm gw2
	no_answer lan1 "$lan2_addr"
}

# Who comes from a subnet or a range is let in, and nobody from beside it.
remote_addrs() {
	local n

	topo_direct
	for n in 3 4 9 140 200; do
		gw1 ip address add "192.0.2.$n/24" dev wan
	done
	ikefpd_start gw2 < <(psk_conf gw2 |
		sed 's,remote_addrs = .*,remote_addrs = 192.0.2.1-192.0.2.3\, 192.0.2.128/26,')
	ikefpd_start gw1 < <(psk_conf gw1)
	from 192.0.2.1
	from 192.0.2.3
	not_from 192.0.2.4
	not_from 192.0.2.9
	from 192.0.2.140
	not_from 192.0.2.200
}

need_module
ktap_plan 15
testcase "marks of their own" unique
testcase "marks of their own, two Child SAs" unique_twice
testcase "marks of their own, each direction" unique_dir
testcase "a mark of the inbound ESP SA" in_sa topo_direct 'ip protocol esp'
testcase "a mark of the inbound ESP SA, in UDP" in_sa topo_nat 'udp dport 4500'
testcase "a mark of inbound policies alone" not_in_sa
testcase "ESP has a mark" set_mark_out
testcase "what comes out has a mark" set_mark_in
testcase "priorities" priority
testcase "no policies" no_policies
testcase "a fixed reqid" fixed_reqid
testcase "policies for what is forwarded" fwd_out
testcase "a dead peer, trapped" dpd_trap
testcase "a dead peer, cleared" dpd_clear
testcase "subnets and ranges of peers" remote_addrs
ktap_end
