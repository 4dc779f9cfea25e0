#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ikefpd and Debian's Libreswan by TCP, each in both roles. Libreswan's end needs a kernel with
# espintcp, which Debian's have not. (That a connection ends and another one takes its place is not
# tested: Libreswan 4.10 takes what comes by that, answers by the one that has ended, and aborts.)

. "${0%/*}/lib.sh"
. "$selftests/lib/interop.sh"
. "$selftests/lib/stream.sh"

# has_espintcp: registered for sockets, whether or not one has it already.
has_espintcp() {
	grep -q espintcp /proc/sys/net/ipv4/tcp_available_ulp
}

# tcp_pluto GATEWAY: Libreswan listens at 4500, and begins by TCP.
tcp_pluto() {
	daemon[$1]=libreswan
	PLUTO_CONN='    enable-tcp=yes
    tcp-remoteport=4500
    encapsulation=yes' pluto_conf "$1" | sed '/^config setup/a\    listen-tcp=yes' >"$work/pluto.$1"
	pluto_start "$1" <"$work/pluto.$1"
}

tcp_ikefpd() {
	daemon[$1]=ikefpd
	ikefpd_start "$1" < <(tcp_conf "$1")
}

# tunnel TOPOLOGY INITIATOR RESPONDER
tunnel() {
	"$1"
	udp_blocked gw2
	"tcp_$3" gw2
	"tcp_$2" gw1
	initiate gw1
	case $2 in
	ikefpd) by_tcp gw1 ;;
	*) by_tcp gw2 ;;
	esac
	rekeyed rekey_child gw1
	rekeyed rekey_child gw2
	terminate gw1
	udp_was_quiet gw2
}

need_module
has_espintcp || ktap_skip_all "this kernel has no espintcp (CONFIG_INET_ESPINTCP), which Libreswan needs"
ktap_plan 2 2
FAMILY=4 testcase "ikefpd begins, IPv4" tunnel topo_direct ikefpd pluto
FAMILY=4 testcase "Libreswan begins, IPv4" tunnel topo_direct pluto ikefpd
FAMILY=6 again "ikefpd begins, IPv6" tunnel topo_direct ikefpd pluto
FAMILY=6 again "Libreswan begins, IPv6" tunnel topo_direct pluto ikefpd
ktap_end
