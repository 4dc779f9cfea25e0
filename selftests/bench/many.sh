# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Many tunnels between two gateways, each with identities and networks of its own.

# many_conf gw1|gw2 NUMBER: the connections gw0 and so on, of a swanctl.conf, with the
# children net0 and so on. (One process: under emulation a thousand take minutes.)
many_conf() {
	local me=$1 addr=${1}_addr peer remote

	case $me in
	gw1) peer=gw2 remote=$gw2_addr ;;
	gw2) peer=gw1 remote=$gw1_addr ;;
	esac
	awk -v number="$2" -v me="$me" -v peer="$peer" -v local="${!addr}" -v remote="$remote" \
		-v ike="$IKE_PROPOSALS" -v esp="$ESP_PROPOSALS" -v psk="$PSK" -v child="${CHILD:-}" '
		function net(gateway, n) {
			return "10." substr(gateway, 3) int(n / 250) "." n % 250 ".0/24"
		}
		BEGIN {
			print "connections {"
			for (n = 0; n < number; n++) {
				print "gw" n " {\nversion = 2"
				print "local_addrs = " local "\nremote_addrs = " remote
				print "proposals = " ike
				print "local {\nauth = psk\nid = " me "-" n ".example\n}"
				print "remote {\nauth = psk\nid = " peer "-" n ".example\n}"
				print "children {\nnet" n " {"
				print "local_ts = " net(me, n) "\nremote_ts = " net(peer, n)
				print "esp_proposals = " esp "\n" child "\n}\n}\n}"
			}
			print "}\nsecrets {\nike {\nsecret = \"" psk "\"\n}\n}"
		}'
}

# many_pluto_conf gw1|gw2 NUMBER: the same, of an ipsec.conf.
many_pluto_conf() {
	local me=$1 addr=${1}_addr peer remote

	case $me in
	gw1) peer=gw2 remote=$gw2_addr ;;
	gw2) peer=gw1 remote=$gw1_addr ;;
	esac
	awk -v number="$2" -v me="$me" -v peer="$peer" -v local="${!addr}" -v remote="$remote" '
		function net(gateway, n) {
			return "10." substr(gateway, 3) int(n / 250) "." n % 250 ".0/24"
		}
		BEGIN {
			print "config setup\n"
			for (n = 0; n < number; n++) {
				print "conn gw" n
				print "\tikev2=insist\n\tauthby=secret\n\tauto=add"
				print "\tike=aes_gcm128-sha2_256-dh31\n\tesp=aes_gcm128"
				print "\tleft=" local "\n\tleftid=@" me "-" n ".example"
				print "\tleftsubnet=" net(me, n) "\n\tleftupdown=%disabled"
				print "\tright=" remote "\n\trightid=@" peer "-" n ".example"
				print "\trightsubnet=" net(peer, n) "\n"
			}
		}'
}

# many_start DAEMON GATEWAY NUMBER: ikefpd, strongswan or pluto with them.
many_start() {
	case $1 in
	pluto) pluto_start "$2" < <(many_pluto_conf "$2" "$3") ;;
	*) "$1_start" "$2" < <(many_conf "$2" "$3") ;;
	esac
}
