# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the cases share in which a tunnel goes by UDP, or by a TCP stream (RFC 9329), across a path
# of 40 ms that loses 2 % of the packets each way: the one-way delay of a voice stream in it, and
# what a TCP connection in it brings.
#
# Two ikefpd, with their defaults, and the TCP of the kernel, with its own, within the tunnel and
# beneath it. The path is a router with a NAT, which passes nothing but the transport at hand,
# 20 ms each way. It loses what is on the wire: TCP gives a gateway's own queue many segments as
# one. Which packets are lost is the same for both (lossy.c): the third that the router sends on,
# and so on, anew for each of three measurements: the voice stream alone; the TCP connection
# alone; and a voice stream beside such a connection.
#
# A run repeats about, as those of the other cases with loss: of the TCP by which ESP goes,
# acknowledgements are packets, too.

. "$selftests/lib/stream.sh"

PATH_MS=20 LOSS=2
VOICE_S=300 GOODPUT_S=120 BESIDE_S=120
# Of the stream, what is drawn.
DRAWN_S=30
# What people who talk bear with (ITU-T G.114), in ms: what comes later is of no use.
LATE_MS=150

# tunnel_by udp|tcp: until it is up.
tunnel_by() {
	local gw other conf

	topo_nat
	case $1 in
	udp) other=tcp conf=psk_conf ;;
	tcp) other=udp conf=tcp_conf ;;
	esac
	nat nft insert rule inet nat forward meta l4proto "$other" drop
	for gw in gw1 gw2; do
		"$gw" ethtool -K wan tso off
	done
	ikefpd_start gw2 < <("$conf" gw2)
	ikefpd_start gw1 < <("$conf" gw1)
	swanctl gw1 --initiate --child net --timeout 60
	"by_$1" gw1
	answered lan1 "$lan2_addr"
}

# path_loses: from now on, the first of those packets that are lost being the next.
path_loses() {
	nat "$bench/lossy" right $PATH_MS $LOSS 1
	nat "$bench/lossy" left $PATH_MS $LOSS 2
}

# path_lost: about as many were lost as should be. What comes back is of a few packets only.
path_lost() {
	local lost

	lost=$(run_in nat tc -s -j qdisc show dev right |
		jq '.[0] | 100 * .drops / (.drops + .packets)')
	echo "[nat] $lost % lost"
	awk -v lost="$lost" -v asked=$LOSS \
		'BEGIN { exit !(lost > 0.7 * asked && lost < 1.3 * asked) }'
}

# voice NAME SECONDS: a stream; its delays, as lines SECONDS MS-OR-LOST, are in $work/NAME.
voice() {
	run_in lan1 "$bench/voice" "/run/netns/$netns_lan2" "$lan2_addr" "$2" >"$work/$1"
	[ "$(wc -l <"$work/$1")" -eq $(($2 * 50)) ]
}

# of_hundred NUMBER NAME: the delay that so many of a hundred packets had at most, of those that
# came.
of_hundred() {
	awk '$2 != "lost" { print $2 }' "$work/$2" | sort -n |
		awk -v n="$1" '{ all[NR] = $1 } END { print all[int((NR * n + 99) / 100)] }'
}

# share NAME CONDITION: of its packets, in percent; awk's, $2 being the delay, or "lost".
share() {
	awk "$2 { n++ } END { printf \"%.3f\\n\", 100 * n / NR }" "$work/$1"
}

# note_voice NAME [PREFIX]: of the notes.
note_voice() {
	note "${2:-}p50" "$(of_hundred 50 "$1")"
	note "${2:-}p99" "$(of_hundred 99 "$1")"
	note "${2:-}max" "$(of_hundred 100 "$1")"
	note "${2:-}lost" "$(share "$1" '$2 == "lost"')"
	note "${2:-}late" "$(share "$1" "\$2 == \"lost\" || \$2 > $LATE_MS")"
}

# draw_voice NAME: its beginning; of packets as late as the ones before and after, none.
draw_voice() {
	local series second ms

	while read -r series second ms; do
		point "$series" "$second" "$ms"
	done < <(awk -v drawn=$DRAWN_S '
		function differ(a, b) { return a - b > 0.5 || b - a > 0.5 }
		$1 > drawn { exit }
		$2 == "lost" { print "lost", $1, 0; next }
		{ kept = 0 }
		NR == 1 || differ($2, ms) {
			if (NR > 1 && !was_kept)
				print "delay", second, ms
			print "delay", $1, $2
			kept = 1
		}
		{ second = $1; ms = $2; was_kept = kept }
		END { if (!was_kept) print "delay", second, ms }' "$work/$1")
}

# goodput SECONDS: what a TCP connection brings, as lines SECOND OCTETS, and its MSS.
goodput() {
	run_in lan1 "$bench/goodput" "/run/netns/$netns_lan2" "$lan2_addr" "$1"
}

note_goodput() {
	local second octets

	while read -r second octets; do
		case $second in
		mss) note mss "$octets" ;;
		*) point goodput "$second" "$(awk -v n="$octets" 'BEGIN { print n * 8 / 1e6 }')" ;;
		esac
	done <"$work/goodput"
	note goodput "$(awk '$1 != "mss" { n += $2; s++ } END { print n * 8 / 1e6 / s }' \
		"$work/goodput")"
}

# voip udp|tcp: the delay that 99 of 100 voice packets had at most, of those that came, is the
# result.
voip() {
	local beside

	tunnel_by "$1"
	path_loses
	voice alone $VOICE_S
	path_lost
	path_loses
	goodput $GOODPUT_S >"$work/goodput"
	path_lost
	path_loses
	# It ends after the stream does.
	goodput $((BESIDE_S + 15)) >/dev/null &
	beside=$!
	voice beside $BESIDE_S
	kill -0 $beside
	wait $beside
	path_lost
	note_voice alone
	draw_voice alone
	note_goodput
	note_voice beside beside-
	result "$(of_hundred 99 alone)"
}
