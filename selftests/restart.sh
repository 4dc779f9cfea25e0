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

counter() {
	run_in "$1" "$(program ikefp)" show --json | jq -e ".counters[\"$2\"]"
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
	wait_for 10 no_ike_sas gw2
}

waiting() {
	run_in "$1" "$(program ikefp)" show --json | jq -e '[.sas[].waiting] | add == 1'
}

one_orphan() {
	run_in "$1" "$(program ikefp)" show --json | jq -e '.counters.orphans == 1'
	run_in "$1" "$(program ikefp)" show | grep 'orphan'
}

no_ike_sas() {
	[ -z "$(run_in "$1" "$(program ikefp)" show --json | jq '.sas[]? | select(.state != "lingering")')" ]
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
# own.
many_conf() {
	local n me=$1 addr=${1}_addr peer remote
	case $1 in
	gw1) peer=gw2 remote=$gw2_addr ;;
	gw2) peer=gw1 remote=$gw1_addr ;;
	esac

	echo "connections {"
	for ((n = 0; n < $2; n++)); do
		cat <<-CONF
		gw$n {
			local_addrs = ${!addr}
			remote_addrs = $remote
			proposals = aes256gcm16-prfsha256-x25519
			local {
				auth = psk
				id = $me-$n.example
			}
			remote {
				auth = psk
				id = $peer-$n.example
			}
			children {
				net$n {
					local_ts = 10.${me#gw}$((n / 250)).$((n % 250)).0/24
					remote_ts = 10.${peer#gw}$((n / 250)).$((n % 250)).0/24
					esp_proposals = aes256gcm16
					${CHILD:-}
				}
			}
		}
		CONF
	done
	echo "}"
	printf 'secrets {\n\tike {\n\t\tsecret = "%s"\n\t}\n}\n' "$PSK"
}

# as_many GATEWAY NUMBER: established, as the kernel sees it.
as_many() {
	[ "$(run_in "$1" "$(program ikefp)" show --json |
		jq '[.sas[] | select(.state == "established")] | length')" = "$2" ]
}

# How long it takes to carry on with many.
many() {
	local number=$MANY ms begin

	topo_direct
	ikefpd_start gw2 -l audit < <(many_conf gw2 "$number")
	begin=$SECONDS
	CHILD='start_action = start' ikefpd_start gw1 -l audit \
		< <(CHILD='start_action = start' many_conf gw1 "$number")
	wait_for 200 as_many gw1 "$number"
	wait_for 10 as_many gw2 "$number"
	echo "$number IKE SAs in $((SECONDS - begin)) s"
	[ "$(xfrm_states gw1)" = $((2 * number)) ]
	xfrm_identity gw2 >"$work/before"
	ikefpd_kill gw2
	wait_for 10 all_orphans gw2 "$number"
	ikefpd_start gw2 -l audit < <(many_conf gw2 "$number")
	ms=$(sed -n "s/.*carrying on $number IKE_SAs of the daemon before, in \([0-9]*\) ms.*/\1/p" "$work/gw2.log")
	echo "carried on with $number IKE SAs in $ms ms"
	[ "$ms" -lt $((1000 * ${IKEFP_TIME_SCALE:-1})) ]
	xfrm_identity gw2 >"$work/after"
	cmp "$work/before" "$work/after"
	as_many gw2 "$number"
	[ "$(counter gw2 orphans)" = 0 ]
}

all_orphans() {
	[ "$(counter "$1" orphans)" = "$2" ]
}

MANY=${MANY:-100}

need_module
ktap_plan 8
FAMILY=4 testcase "killed, direct, IPv4" killed topo_direct
FAMILY=6 testcase "killed, through a NAT, IPv6" killed topo_nat
FAMILY=4 testcase "killed, through a NAT, IPv4" killed topo_nat
testcase "the peer deletes meanwhile" deleted_meanwhile
testcase "the connection is not configured any more" not_configured
testcase "the connection is loaded later" loaded_later
testcase "killed while it sets up" killed_in_handshake
testcase "$MANY IKE SAs" many
ktap_end
