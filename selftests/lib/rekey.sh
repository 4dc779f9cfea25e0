# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Rekeying, and what it is not to do to the traffic meanwhile.

# inbound GATEWAY: the inbound SPIs of its Child SAs that are in use.
inbound() {
	swanctl "$1" --list-sas --raw | tr ' ' '\n' |
		sed -n '/^state=/h; /^spi-in=/{G; s/spi-in=\(.*\)\nstate=INSTALLED/\1/p}'
}

inbound_is_other() {
	local spis

	spis=$(inbound "$1")
	[ -n "$spis" ] && [ "$spis" != "$2" ]
}

# rekey_child GATEWAY: until there is another one in place of its Child SA "net".
rekey_child() {
	local before

	before=$(inbound "$1")
	swanctl "$1" --rekey --child net
	wait_for 20 inbound_is_other "$1" "$before"
}

# counted GATEWAY: its ESP SAs' SPIs, and how many packets each had.
counted() {
	run_in "$1" ip -s xfrm state | awk '$3 == "spi" { spi = substr($4, 3, 8) }
		/\(bytes\), [0-9]+\(packets\)/ { print spi, $2 }' | sort
}

# in_use GATEWAY: the SPIs of what is not replaced.
in_use() {
	swanctl "$1" --list-sas --raw | tr ' {}' '\n\n\n' |
		awk -F= '$1 == "state" { state = $2 }
			/^spi-(in|out)=/ && state == "INSTALLED" { print $2 }' | sort
}

# passed_over GATEWAY: there is one that XFRM takes only if there is no other.
passed_over() {
	run_in "$1" ip -s xfrm state | grep -q 'limit: soft 0(packets)'
}

more_counted() {
	[ "$(counted "$1")" != "$2" ]
}

# newly_counted GATEWAY COUNTED: the SPIs of those that have had more since then.
newly_counted() {
	comm -13 <(echo "$2") <(counted "$1") | cut -d ' ' -f 1
}

# only_new_used GATEWAY: the peer has begun to rekey; both pairs are there, and when the
# old one is deleted it gets no packets more.
only_new_used() {
	local before used

	wait_for 20 passed_over "$1"
	before=$(counted "$1")
	wait_for 20 more_counted "$1" "$before"
	used=$(newly_counted "$1" "$before")
	echo "[$1] packets: ${before//$'\n'/, }; then more: ${used//$'\n'/, }"
	[ "$(wc -l <<<"$before")" = 4 ]
	[ "$used" = "$(in_use "$1")" ]
}

# settled: what was replaced is gone, which takes some seconds.
settled() {
	wait_for 20 one_child_sa_each
}

# cut_off GATEWAY: packets that were on their way into an ESP SA when it was deleted.
cut_off() {
	run_in "$1" awk '$1 == "XfrmOutStateInvalid" { print $2 }' /proc/net/xfrm_stat
}

# too_early GATEWAY: packets that came into an ESP SA before it was there. OpenIKED, at GATEWAY,
# sends into it as soon as it has answered, and has the peer do so before it is ready itself.
too_early() {
	local gateway

	for gateway in gw1 gw2; do
		run_in "$gateway" awk -v ready="$([ "$gateway" = "$1" ] || echo 1)" '
			$1 == "XfrmAcquireError" || $1 == "XfrmInNoStates" && !ready { print $2 }
			' /proc/net/xfrm_stat
	done | awk '{ n += $1 } END { print n + 0 }'
}

# no_ping_lost [GATEWAY [too_early]]: none of those since ping_start, neither because of a rekeying
# nor else. GATEWAY is strongSwan's: it deletes the outbound ESP SA at once when another one
# takes its place, and what it cuts off by that is no loss of ikefpd's. OpenIKED's is what was too
# early, too.
no_ping_lost() {
	local gateway theirs=0

	ping_stop
	for gateway in gw1 gw2; do
		if [ "$gateway" = "${1:-}" ]; then
			theirs=$(cut_off "$gateway")
		else
			[ "$(cut_off "$gateway")" = 0 ]
		fi
	done
	[ -z "${2:-}" ] || theirs=$((theirs + $("$2" "$1")))
	echo "lost: $pings_lost, by the peer: $theirs"
	[ "$pings_lost" -gt "$theirs" ] || return 0
	awk -F '[ =]' '/icmp_seq=/ { while (++seq < $6) print "no answer to " seq }' "$work/ping.log"
	for gateway in gw1 gw2; do
		run_in "$gateway" awk -v gateway="$gateway" '$2 { print "[" gateway "]", $1, $2 }' \
			/proc/net/xfrm_stat
	done
	return 1
}

# ike_spis GATEWAY: the initiator's SPIs of its IKE SAs that are in use.
ike_spis() {
	swanctl "$1" --list-sas --raw | tr ' ' '\n' |
		sed -n '/^state=/h; /^initiator-spi=/{G; s/initiator-spi=\(.*\)\nstate=ESTABLISHED/\1/p}'
}

ike_is_other() {
	local spis

	spis=$(ike_spis "$1")
	[ -n "$spis" ] && [ "$spis" != "$2" ]
}

# rekey_ike GATEWAY: until there is another one in place of its IKE SA.
rekey_ike() {
	local before

	before=$(ike_spis "$1")
	swanctl "$1" --rekey --ike gw
	wait_for 20 ike_is_other "$1" "$before"
}

# ike_sas GATEWAY: each IKE SA's state, and the initiator's SPI.
ike_sas() {
	swanctl "$1" --list-sas --raw | tr ' ' '\n' |
		sed -n '/^state=/h; /^initiator-spi=/{H; g; s/\n/ /p}'
}

one_ike_sa() {
	local there

	there=$(ike_sas gw1)
	[[ $there =~ ^state=ESTABLISHED\ initiator-spi=[0-9a-f]+$ ]] &&
		[ "$(ike_sas gw2)" = "$there" ]
}

# ike_settled: the IKE SAs that were replaced are gone, and nothing is left of them.
ike_settled() {
	wait_for 20 one_ike_sa
}

# ike_collisions GATEWAY: how many its ikefpd has seen.
ike_collisions() {
	grep -c 'was rekeyed by both ends' "$work/$1.log" || :
}

# collide_ike GATEWAY: both ends rekey the IKE SA before they hear of it from each other, once
# and again; GATEWAY is an ikefpd's. The way between them is so long (topo_far) that it takes
# a very slow machine to have them begin one after the other.
collide_ike() {
	local round before pid

	for round in 1 2 3 4; do
		before=$(ike_spis gw1)
		swanctl gw1 --rekey --ike gw &
		pid=$!
		swanctl gw2 --rekey --ike gw
		wait "$pid"
		wait_for 20 ike_is_other gw1 "$before"
		ike_settled
		ping_more 5
		[ "$(ike_collisions "$1")" -lt 2 ] || break
	done
	[ "$(ike_collisions "$1")" -ge 2 ]
}

# child_collisions: how many either end has seen.
child_collisions() {
	cat "$work"/gw?.log |
		grep -cE 'CHILD_SA net was rekeyed by both ends|CHILD_SA rekey collision' || :
}

# at_both COMMAND1 -- COMMAND2: swanctl's, at gw1 and at gw2 at the same moment: over topo_far
# neither end has heard of the other's then. What they say is in $work/said1 and said2.
at_both() {
	local first=() pid

	while [ "$1" != -- ]; do
		first+=("$1")
		shift
	done
	swanctl gw1 "${first[@]}" >"$work/said1" 2>&1 &
	pid=$!
	swanctl gw2 "${@:2}" >"$work/said2" 2>&1 || :
	wait "$pid" || :
	cat "$work/said1" "$work/said2"
}

# collide_child: as collide_ike, of the Child SA "net".
collide_child() {
	local round before

	for round in 1 2 3 4 5 6; do
		before=$(inbound gw1)
		at_both --rekey --child net -- --rekey --child net
		wait_for 20 inbound_is_other gw1 "$before"
		settled
		ping_more 5
		[ "$(child_collisions)" -lt 2 ] || break
	done
	[ "$(child_collisions)" -ge 2 ]
}
