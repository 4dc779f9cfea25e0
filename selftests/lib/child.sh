# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests ask of Child SAs that are not plain tunnels between two networks.

# hosts_conf gw1|gw2: psk_conf, but its child is between the gateways themselves.
hosts_conf() {
	psk_conf "$1" | sed '/_ts = /d'
}

# in_mode GATEWAY MODE: all its ESP SAs and policies are, and there are some.
in_mode() {
	run_in "$1" ip xfrm state list | grep -A 1 'proto esp' >"$work/modes"
	run_in "$1" ip xfrm policy list | grep 'proto esp' >>"$work/modes"
	grep -q "mode $2" "$work/modes" && ! grep 'mode ' "$work/modes" | grep -v "mode $2"
}

# esp_packets GATEWAY: that its ESP SAs have carried, in and out.
esp_packets() {
	swanctl "$1" --list-sas --raw | grep -oE 'packets-(in|out)=[0-9]+' | cut -d= -f2 |
		awk '{ n += $1 } END { print n + 0 }'
}

# protected COMMAND...: the command's packets are gw1's Child SA's.
protected() {
	local before

	before=$(esp_packets gw1)
	"$@"
	[ "$(esp_packets gw1)" -gt "$before" ]
}

# tcp_served GATEWAY PORT, tcp_asked FROM ADDRESS PORT: some text by TCP.
tcp_served() {
	start_in "$1" "served-$2" socat "TCP-LISTEN:$2,fork,reuseaddr,pf=ip${FAMILY:-4}" \
		SYSTEM:'echo the text'
	wait_for 10 tcp_listens "$1" "$2"
}

tcp_listens() {
	run_in "$1" ss -Hltn "sport = $2" | grep -q LISTEN
}

tcp_asked() {
	local to=$2

	[[ $to != *:* ]] || to="[$to]"
	[ "$(run_in "$1" timeout 5 socat -u "TCP:$to:$3,connect-timeout=3" -)" = 'the text' ]
}

# watch_leaks: from now on what gw1 forwards in the clear to the network behind gw2 counts.
# (It is dropped, too: see topo_side.)
watch_leaks() {
	run_in gw1 nft -f - <<-NFT
	table inet leaks {
		counter leaked { }
		chain forward {
			type filter hook forward priority filter - 1;
			oifname "wan" rt ipsec missing counter name leaked
		}
	}
	NFT
}

no_leaks() {
	[ "$(nft_packets gw1 leaks leaked)" = 0 ]
}

# held_back FROM ADDRESS: a ping is not answered, and does not leave in the clear.
held_back() {
	fails run_in "$1" ping -n -q -c 1 -W 1 "$2"
	no_leaks
}
