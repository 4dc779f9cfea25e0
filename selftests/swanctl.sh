#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Debian's swanctl, unmodified, drives ikefpd by VICI: ikefpd starts with nothing, and
# all that it does it is told by swanctl.

. "${0%/*}/lib.sh"

# said GATEWAY ARGUMENT... -- PATTERN...: swanctl's output has all the patterns.
said() {
	local gw=$1 args=() pattern
	shift

	while [ "$1" != -- ]; do
		args+=("$1")
		shift
	done
	shift
	swanctl "$gw" "${args[@]}" >"$work/said"
	cat "$work/said"
	for pattern; do
		grep -qE -- "$pattern" "$work/said" || { echo "not said: $pattern"; return 1; }
	done
}

drives() {
	topo_nat
	vici_start gw1
	vici_start gw2
	psk_conf gw1 >"$work/gw1/swanctl.conf"
	psk_conf gw2 >"$work/gw2/swanctl.conf"
	start_in gw1 swanctl-log env STRONGSWAN_CONF="$work/gw1/strongswan.conf" \
		stdbuf -oL swanctl --log --uri "unix://$work/gw1/vici"
	said gw1 --load-all -- "loaded ike secret 'ike'" "loaded connection 'gw'" \
		'successfully loaded 1 connections, 0 unloaded'
	said gw2 --load-all -- 'successfully loaded 1 connections, 0 unloaded'
	said gw1 --list-conns -- '^gw: IKEv2' "remote: +$gw2_addr" 'id: gw1.example' \
		'net: TUNNEL' "local: +$lan1_net" "remote: +$lan2_net"
	said gw1 --initiate --child net --timeout 20 -- 'CHILD_SA net.* established' \
		'initiate completed successfully'
	both_answered
	said gw1 --list-sas -- '^gw: #1, ESTABLISHED, IKEv2' "local +'gw1.example' @ $gw1_addr" \
		'AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519' 'net: #1, reqid [0-9]*, INSTALLED' \
		'TUNNEL-in-UDP' "local +$lan1_net" "remote +$lan2_net" '[1-9][0-9]* packets'
	said gw1 --list-sas --raw -- 'state=ESTABLISHED' 'child-sas \{net' 'encap=yes'
	said gw1 --list-sas --ike other --raw -- 'list-sas reply'
	fails grep -q ESTABLISHED "$work/said"
	said gw1 --stats -- '^uptime: ' '^IKE_SAs: 1 total, 0 half-open'
	said gw1 --terminate --child net --timeout 20 -- 'terminate completed successfully'
	said gw1 --terminate --ike gw --timeout 20 -- 'terminate completed successfully'
	taken_down
	# Without its connection and secret it does no more.
	: >"$work/gw1/swanctl.conf"
	said gw1 --load-all --clear -- '0 connections, 1 unloaded|no connections found, 1 unloaded'
	fails swanctl gw1 --initiate --child net --timeout 5
	grep -q 'established' "$work/swanctl-log.log"
}

# What it does not do, and what is wrong, is refused with the reason, and changes nothing.
refuses() {
	topo_direct
	vici_start gw1
	psk_conf gw1 >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-all
	psk_conf gw1 | sed 's/version = 2/version = 1/' >"$work/gw1/swanctl.conf"
	fails said gw1 --load-conns -- . 2>&1 | grep version
	psk_conf gw1 | sed 's/remote_ts/remote_t/' >"$work/gw1/swanctl.conf"
	fails said gw1 --load-conns -- . 2>&1 | grep remote_t
	psk_conf gw1 | sed 's/auth = psk/auth = eap/' >"$work/gw1/swanctl.conf"
	fails said gw1 --load-conns -- . 2>&1 | grep eap
	said gw1 --list-conns -- '^gw: IKEv2' 'pre-shared key'
	fails swanctl gw1 --initiate --child none --timeout 5
	fails said gw1 --redirect --peer-id gw2.example --gateway 192.0.2.9 -- . 2>&1 |
		grep "redirect failed: not supported yet: peers are not redirected to other gateways"
}

# The file says it all; read again on SIGHUP, kept as it was if it is refused.
reloads() {
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	psk_conf gw1 | sed 's/remote_ts/remote_tz/' >"$work/gw1/swanctl.conf"
	kill -HUP "$started_pid"
	wait_for 10 grep -q "swanctl.conf:[0-9]*: .*remote_tz" "$work/gw1.log"
	said gw1 --list-conns -- "remote: +$lan2_net"
	psk_conf gw1 | sed 's/^gw {/other {/; s/^net {/more {/' >"$work/gw1/swanctl.conf"
	kill -HUP "$started_pid"
	wait_for 10 grep -q "read .*swanctl.conf again" "$work/gw1.log"
	said gw1 --list-conns -- '^other: IKEv2' 'more: TUNNEL'
	fails grep -q '^gw:' "$work/said"
	# What is up stays up.
	both_answered
}

# with_more [SETTING]: a psk_conf with another child, "more", for a part of the traffic.
with_more() {
	local more

	more="more {
		local_ts = ${lan1_net}[udp]
		remote_ts = ${lan2_net}[udp]
		esp_proposals = aes256gcm16
		start_action = start
		${1:-}
	}"
	more=$more awk '{ print } $1 == "children" { print ENVIRON["more"] }'
}

# has_child_sas GATEWAY NUMBER
has_child_sas() {
	[ "$(child_sas "$1")" = "$2" ]
}

# child_id NAME: of gw1's Child SA, swanctl's number.
child_id() {
	swanctl gw1 --list-sas | sed -n "s/^  $1: #\([0-9]*\), .*INSTALLED.*/\1/p"
}

# What is loaded with start_action = start, and what is unloaded, or is another one then.
unloads() {
	local ike net more

	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	vici_start gw1
	CHILD='start_action = start' psk_conf gw1 | with_more >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-all
	wait_for 20 has_child_sas gw1 2
	ike=$(ike_spis gw1) net=$(child_id net) more=$(child_id more)
	# As it was.
	said gw1 --load-conns -- 'successfully loaded 1 connections, 0 unloaded'
	# One child is another one now: it, and nothing else, is set up anew.
	CHILD='start_action = start' psk_conf gw1 | with_more 'replay_window = 64' \
		>"$work/gw1/swanctl.conf"
	swanctl gw1 --load-conns
	wait_for 20 more_is_other "$more"
	has_child_sas gw1 2
	wait_for 20 has_child_sas gw2 2
	[ "$(ike_spis gw1)" = "$ike" ]
	[ "$(child_id net)" = "$net" ]
	both_answered
	# It is there no more.
	CHILD='start_action = start' psk_conf gw1 >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-conns
	wait_for 20 one_child_sa_each
	[ "$(ike_spis gw1)" = "$ike" ]
	[ "$(child_id net)" = "$net" ]
	both_answered
	# The whole connection is another one.
	CONN='dpd_delay = 1h' CHILD='start_action = start' psk_conf gw1 >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-conns
	wait_for 20 ike_is_other gw1 "$ike"
	wait_for 20 one_child_sa_each
	both_answered
	: >"$work/gw1/swanctl.conf"
	said gw1 --load-conns -- '1 unloaded'
	taken_down
	wait_for 10 no_ike_sas gw2
}

# more_is_other ID
more_is_other() {
	local id

	id=$(child_id more)
	[ -n "$id" ] && [ "$id" != "$1" ]
}

no_ike_sas() {
	[ -z "$(ike_spis "$1")" ]
}

# The same by SIGHUP, while the peer gives no answer.
reload_stops_trying() {
	topo_direct
	ikefpd_start gw1 < <(CONN='keyingtries = 0' CHILD='start_action = start' psk_conf gw1
		charon_conf 'retransmit_timeout = 0.2' 'retransmit_base = 1' 'retransmit_tries = 1')
	wait_for 20 grep 'is tried again in' "$work/gw1.log"
	said gw1 --list-sas -- '^gw: #1, CONNECTING'
	charon_conf >"$work/gw1/swanctl.conf"
	kill -HUP "$started_pid"
	wait_for 10 grep -q 'closing IKE_SA gw' "$work/gw1.log"
	wait_for 10 eval 'shown gw1 | grep "^summary: *0 SAs"'
	swanctl gw1 --list-sas >"$work/said"
	fails grep CONNECTING "$work/said"
}

# ikefp shows and tells it all, but no key.
shows_all() {
	local key

	topo_nat
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	start_in gw1 monitor "$(program ikefp)" monitor
	start_in gw1 monitor-json "$(program ikefp)" monitor --json
	wait_for 10 grep -q . "$work/monitor.log" || :
	swanctl gw1 --initiate --child net --timeout 20
	run_in gw1 "$(program ikefp)" show >"$work/show"
	run_in gw1 "$(program ikefp)" show --json >"$work/show.json"
	cat "$work/show"
	grep -q "endpoints: *$gw1_addr:4500 - $gw2_addr:4500" "$work/show"
	jq -e '.sas | length == 1 and .[0].state == "established" and .[0].role == "initiator"' \
		"$work/show.json"
	jq -e '[.listeners[] | .kind] | sort == ["ike", "ike", "natt", "natt"]' "$work/show.json"
	wait_for 10 grep -q 'sa-changed.* established' "$work/monitor.log"
	wait_for 10 grep -q '"event": *"sa-created"' "$work/monitor-json.log"
	jq -es 'length > 2' <"$work/monitor-json.log"
	for key in $(run_in gw1 ip xfrm state | grep -o '0x[0-9a-f]\{40,\}'); do
		fails grep -rqF "${key#0x}" "$work/show" "$work/show.json" "$work"/*.log
	done
	fails grep -qF "$PSK" "$work/show" "$work/show.json" "$work"/*.log
}

need_module
ktap_plan 6
testcase "swanctl drives it all" drives
testcase "what is refused" refuses
testcase "SIGHUP" reloads
testcase "start_action is undone" unloads
testcase "SIGHUP while the peer does not answer" reload_stops_trying
testcase "ikefp shows it all, but no key" shows_all
ktap_end
