# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the kernel does by itself for the SAs of a gateway with ikefpd, and a NAT that
# changes its mind.

# charon_conf SETTING...: of strongswan.conf's, in the file that ikefpd reads.
charon_conf() {
	printf 'charon {\n'
	printf '%s\n' "$@"
	printf '}\n'
}

# nat_forgets [ADDRESS]: the NAT loses all its mappings; those that it makes from then
# on are of other ports, and of another address if one is given. (That its address goes
# makes masquerading forget.)
nat_forgets() {
	local len=24 nodad=''

	[[ $gw1_seen != *:* ]] || len=64 nodad=nodad
	nat ip address delete "$gw1_seen/$len" dev right
	gw1_seen=${1:-$gw1_seen}
	nat ip address add "$gw1_seen/$len" dev right $nodad
	# As topo_nat has it.
	gw2 ip neighbour replace "$gw1_seen" lladdr "$mac_right" dev wan nud permanent
	nat ip neighbour replace "$gw2_addr" lladdr "$mac_gw2" dev right nud permanent
}

# elsewhere: another address for the NAT.
elsewhere() {
	case ${FAMILY:-4} in
	4) echo 192.0.2.3 ;;
	6) echo 2001:db8:ffff::3 ;;
	esac
}
