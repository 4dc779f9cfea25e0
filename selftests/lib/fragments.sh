# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests of IKE fragmentation (RFC 7383) share: an IKE_AUTH that is larger
# than datagrams may be, and what of it is seen on the wire.

# many_selectors: so many networks are behind gw1 that IKE_AUTH, both ways, is longer
# than the 576 octets of IPv4 and the 1280 of IPv6.
many_selectors() {
	local i

	for i in {1..30}; do
		case ${INNER:-${FAMILY:-4}} in
		4) lan1_net+=", 10.101.$i.0/24" ;;
		6) lan1_net+=", 2001:db8:101:$i::/64" ;;
		esac
	done
}

# watch_wire GATEWAY SIZE: counts what comes in there of IKE: fragments (skf), and
# datagrams larger than SIZE (large).
watch_wire() {
	run_in "$1" nft -f - <<-NFT
	table inet wire {
		counter skf { }
		counter large { }
		chain in {
			type filter hook prerouting priority -500;
			meta l4proto != udp accept
			udp dport 500 @th,192,8 53 counter name skf
			udp dport 4500 @th,64,32 0 @th,224,8 53 counter name skf
			meta length > $2 udp dport 500 counter name large
			meta length > $2 udp dport 4500 @th,64,32 0 counter name large
		}
	}
	NFT
}

# seen GATEWAY skf|large: prints how many.
seen() {
	nft_packets "$1" wire "$2"
}

# fragmented GATEWAY: the module there has sent a message in fragments and put one
# together, none is left over, and what came in were fragments, none too large.
fragmented() {
	local skf large

	skf=$(seen "$1" skf) large=$(seen "$1" large)
	echo "[$1] $skf fragments came in, $large datagrams were too large;" \
		"sent in fragments: $(counter "$1" tx-fragmented)," \
		"put together: $(counter "$1" reassembled)"
	[ "$skf" -ge 2 ]
	[ "$large" -eq 0 ]
	[ "$(counter "$1" tx-fragmented)" -ge 1 ]
	[ "$(counter "$1" reassembled)" -ge 1 ]
	[ "$(counter "$1" reassembly-octets)" -eq 0 ]
}
