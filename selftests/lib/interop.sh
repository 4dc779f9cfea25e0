# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests with other peers share: a daemon in each gateway, driven alike.

. "$selftests/lib/libreswan.sh"
. "$selftests/lib/openiked.sh"

declare -A daemon

# daemon_start GATEWAY ikefpd|strongswan|libreswan|openiked
daemon_start() {
	daemon[$1]=$2
	case $2 in
	ikefpd | strongswan) "$2_start" "$1" < <(${CONF:-psk_conf} "$1") ;;
	libreswan) pluto_start "$1" < <(${PLUTO_CONF:-pluto_conf} "$1") ;;
	openiked) openiked_start "$1" < <(iked_conf "$1") ;;
	esac
}

# initiate GATEWAY [COMMAND...]: until the command shows that the tunnel works, both_answered.
# OpenIKED does so by itself, as long as it has no SA.
initiate() {
	case ${daemon[$1]} in
	libreswan) whack "$1" --name gw --initiate ;;
	openiked) run_in "$1" ikectl active ;;
	*) swanctl "$1" --initiate --child net --timeout 20 ;;
	esac
	wait_for 20 established
	if [ $# -gt 1 ]; then "${@:2}"; else both_answered; fi
}

# terminate GATEWAY: its IKE SA, and all of it.
terminate() {
	case ${daemon[$1]} in
	libreswan) whack "$1" --name gw --terminate ;;
	openiked) run_in "$1" ikectl passive && run_in "$1" ikectl reset sa ;;
	*) swanctl "$1" --terminate --ike gw --timeout 20 ;;
	esac
	wait_for 20 gone gw1
	wait_for 20 gone gw2
}

# gone GATEWAY: nothing of the tunnel is left in XFRM. (What pluto has begun once, it keeps
# a policy for, which stops traffic in the clear.)
gone() {
	case ${daemon[$1]} in
	libreswan) [ "$(xfrm_states "$1")" = 0 ] ;;
	*) no_xfrm "$1" ;;
	esac
}

# rekey_child GATEWAY, rekey_ike GATEWAY
rekey_child() {
	case ${daemon[$1]} in
	libreswan) whack "$1" --name gw --rekey-ipsec ;;
	*) swanctl "$1" --rekey --child net ;;
	esac
}

rekey_ike() {
	case ${daemon[$1]} in
	libreswan) whack "$1" --name gw --rekey-ike ;;
	*) swanctl "$1" --rekey --ike gw ;;
	esac
}

# established [NUMBER]: so many Child SAs, one unless said, at each end.
established() {
	local states=$((2 * ${1:-1}))

	[ "$(xfrm_states gw1)" = $states ] && [ "$(xfrm_states gw2)" = $states ]
}

# spis GATEWAY: of its ESP SAs.
spis() {
	run_in "$1" ip xfrm state list | sed -n 's/.*proto esp spi \(0x[0-9a-f]*\) .*/\1/p' | sort
}

# rekeyed COMMAND...: after it the Child SA is another one, and still carries traffic.
rekeyed() {
	local before

	before=$(spis gw1)
	"$@"
	wait_for 30 other_spis "$before"
	both_answered
}

# other_spis SPIS: there are two again at each end, and none is of these.
other_spis() {
	established && [ -z "$(comm -12 <(spis gw1) <(echo "$1"))" ]
}

# said GATEWAY PATTERN: how often its daemon's log has it.
said() {
	grep -c -- "$2" "$work/$1.log" || :
}

said_more_than() {
	[ "$(said "$1" "$2")" -gt "$3" ]
}

# wait_said GATEWAY PATTERN: until its log has it once more.
wait_said() {
	wait_for 30 said_more_than "$1" "$2" "$(said "$1" "$2")"
}

# ended_by_each TOPOLOGY INITIATOR RESPONDER
ended_by_each() {
	"$1"
	daemon_start gw2 "$3"
	daemon_start gw1 "$2"
	initiate gw1
	terminate gw1
	initiate gw1
	if [ "$2" = libreswan ]; then
		comes_back
	else
		terminate gw2
	fi
}

# What pluto has begun stays up, for it, whatever the peer does.
comes_back() {
	local before

	before=$(spis gw1)
	swanctl gw2 --terminate --ike gw --timeout 20
	wait_for 20 other_spis "$before"
	terminate gw1
}

# libreswan_pair: ikefpd ($CONF) is gw1, pluto gw2, and either can begin.
libreswan_pair() {
	PLUTO_RIGHT=$gw1_addr daemon_start gw2 libreswan
	CONF=${CONF:-conf_both} daemon_start gw1 ikefpd
}

# openiked_pair: ikefpd is gw1, OpenIKED gw2, and either can begin. OpenIKED does so only when it
# is told to (initiate).
openiked_pair() {
	openiked_set daemon_start gw2 openiked
	CONF=${CONF:-conf_both} daemon_start gw1 ikefpd
}

# openiked_pair_load: both have what it would be now.
openiked_pair_load() {
	openiked_load gw2 < <(openiked_set iked_conf gw2)
	conf_load gw1 < <(conf_both gw1)
}

openiked_set() {
	IKED_PEER=$gw1_addr IKED_SET="set passive
		${IKED_SET:-}" "$@"
}

# in_vain BEGINS GATEWAY REASON: BEGINS, of openiked_pair, begins, and GATEWAY's log has why nothing
# comes of it.
in_vain() {
	local before

	before=$(said "$2" "$3")
	echo "[$1] begins"
	case $1 in
	gw1) fails swanctl gw1 --initiate --child net --timeout 5 ;;
	gw2) run_in gw2 ikectl active ;;
	esac
	wait_for 20 said_more_than "$2" "$3" "$before"
	run_in gw2 ikectl passive
	run_in gw2 ikectl reset sa
}

# nothing_left: of that, at either end. (What OpenIKED has had an SPI for, and has given up, the
# kernel would forget later.)
nothing_left() {
	wait_for 20 no_ike_sas gw1
	no_xfrm gw1
	fails grep -E 'enc|tmpl' <(run_in gw2 ip xfrm state list; run_in gw2 ip xfrm policy list)
	run_in gw2 ip xfrm state flush
}

no_ike_sas() {
	[ -z "$(ike_sas "$1")" ]
}

# from_either [COMMAND...]: that shows it to work.
from_either() {
	local gw

	for gw in gw1 gw2; do
		initiate $gw "$@"
		terminate $gw
	done
}
