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

# from_either [COMMAND...]: that shows it to work.
from_either() {
	local gw

	for gw in gw1 gw2; do
		initiate $gw "$@"
		terminate $gw
	done
}
