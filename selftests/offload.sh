#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# hw_offload and interface: ESP that a device does, and policies of one interface alone. The
# devices are veth with a stand-in's operations (test_modules/esp_offload.c).

. "${0%/*}/lib.sh"
. "$selftests/lib/stream.sh"

asked=/sys/module/esp_offload/parameters

# Since then whole packets may be left to a device, and ESP in UDP.
has_packets() {
	[ "$(printf '%s\n' 6.2 "$(uname -r)" | sort -V | head -n 1)" = 6.2 ]
}

# offloads GATEWAY WHAT: its device does what of ESP (see esp_offload.c).
offloads() {
	echo "$2" >$asked/does
	run_in "$1" sh -c "echo wan >$asked/device"
}

# has STATES POLICIES: so many the devices have now.
has() {
	echo "$(<$asked/asked)"
	[[ "$(<$asked/asked) " = "states $1 policies $2 "* ]]
}

# has_all STATES POLICIES: so many, and gw1's has those that let IKE pass, too: four of each
# address.
has_all() {
	has "$1" $(($2 + 4 * $(run_in gw1 ip -o address show dev wan | grep -vc tentative)))
}

packets() {
	sed 's/.* packets //' $asked/asked
}

# dropped: that the devices' policies want protected, and nobody has.
dropped() {
	sed 's/.* dropped \([0-9]*\) .*/\1/' $asked/asked
}

# drops_more COMMAND...: of what the command sends.
drops_more() {
	local before

	before=$(dropped)
	"$@"
	[ "$(dropped)" -gt "$before" ]
}

# device_counts COMMAND...: the command's packets were the device's.
device_counts() {
	local before

	before=$(packets)
	"$@"
	[ "$(packets)" -gt "$before" ]
}

# offloaded GATEWAY NUMBER: XFRM says so of so many ESP SAs, and there are no others.
offloaded() {
	[ "$(run_in "$1" ip xfrm state list | grep -c 'offload parameters: dev wan')" = "$2" ] &&
		[ "$(xfrm_states "$1")" = "$2" ]
}

# up SETTINGS1 [SETTINGS2]: of the children of gw1 and gw2.
up() {
	children "$@"
	swanctl gw1 --initiate --child net --timeout 20
}

children() {
	ikefpd_start gw2 < <(CHILD=${2:-} psk_conf gw2)
	ikefpd_start gw1 < <(CHILD=$1 psk_conf gw1)
}

down() {
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	has 0 0
}

refused() {
	fails swanctl gw1 --initiate --child net --timeout 20
	wait_for 10 no_xfrm gw1
}

killed() {
	ikefpd_kill "$1"
	ikefpd_start "$1" < <(CHILD=$2 psk_conf "$1")
	grep 'carrying on 1 IKE_SAs' "$work/$1.log"
}

# Its cryptography, at one end; the other has no such device, and does without.
crypto() {
	topo_direct
	offloads gw1 packet
	up 'hw_offload = yes' 'hw_offload = auto'
	offloaded gw1 2
	has 2 0
	fails offloaded gw2 2
	device_counts both_answered
	grep 'CHILD_SA net{1} is offloaded to wan (crypto)' "$work/gw1.log"
	rekeyed
	killed gw1 'hw_offload = yes'
	offloaded gw1 2
	has 2 0
	device_counts both_answered
	rekeyed
	down
}

# By either end, the new one is the device's, too, and the old one goes.
rekeyed() {
	local gw

	for gw in gw1 gw2; do
		swanctl "$gw" --rekey --child net
		device_counts both_answered
		wait_for 20 offloaded gw1 2
		has 2 0
	done
}

# set_down GATEWAY: and up again, as where a device claims NETIF_F_HW_ESP: the kernel takes
# away what it was left. (That others go, too, is no matter.)
set_down() {
	batch "$1" <<-IP
	link set wan down
	xfrm state flush
	xfrm policy flush
	link set wan up
	neighbour replace $gw2_addr lladdr $mac_gw2 dev wan nud permanent
	route add default via $gw2_addr
	IP
}

anew() {
	topo_direct
	offloads gw1 crypto
	up 'hw_offload = yes'
	device_counts both_answered
	set_down gw1
	is_anew 1
	device_counts both_answered
	down
	has_packets || return 0
	echo "--- packets"
	offloads gw1 packet
	conf_load gw1 < <(CHILD='hw_offload = packet' psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	wait_for 10 has_all 2 2
	set_down gw1
	is_anew 3
	wait_for 10 has_all 2 2
	down_again
	down
}

# Once more, before there is another Child SA.
down_again() {
	local pid

	pid=$(<"$work/gw2/pid")
	kill -STOP "$pid"
	set_down gw1
	wait_for 20 grep 'CHILD_SA net{4} is gone from its device: it is set up anew' "$work/gw1.log"
	wait_for 10 has_all 0 2
	set_down gw1
	wait_for 10 has_all 0 2
	kill -CONT "$pid"
	wait_for 20 offloaded gw1 2
	wait_for 10 has_all 2 2
}

# is_anew ID: of the Child SA that was there.
is_anew() {
	wait_for 20 grep "CHILD_SA net{$1} is gone from its device: it is set up anew" "$work/gw1.log"
	wait_for 20 offloaded gw1 2
}

# Whatever the device does of it, and does not.
auto() {
	local does policies has

	for does in nothing crypto states packet; do
		policies=0 has=has
		[ $does != packet ] || ! has_packets || policies=2 has=has_all
		topo_direct
		offloads gw1 $does
		up 'hw_offload = auto'
		if [ $does = nothing ]; then
			has 0 0
			fails offloaded gw1 2
			protected both_answered
			killed gw1 'hw_offload = auto'
			protected both_answered
		else
			wait_for 10 $has 2 $policies
			offloaded gw1 2
			# With packets left to it there is nobody who encrypts them.
			[ $policies = 2 ] || device_counts both_answered
			killed gw1 'hw_offload = auto'
			wait_for 10 $has 2 $policies
			offloaded gw1 2
			swanctl gw1 --rekey --child net
			wait_for 20 offloaded gw1 2
			wait_for 10 $has 2 $policies
		fi
		down
		cleanup_end
		cleanup_begin
	done
}

pings() {
	fails run_in "$1" ping -n -q -c 1 -W 1 "$2"
}

# from_port PORT: what a host behind gw1 sends from there to one behind gw2.
from_port() {
	local to=$lan2_addr

	[[ $to != *:* ]] || to="[$to]"
	run_in lan1 socat -u EXEC:'echo text' "UDP:$to:9,sourceport=$1"
}

# Policies, too: also a trap's.
packet() {
	local setting='hw_offload = packet' deleted='^Deleted .*proto udp sport 500 dev wan'

	topo_direct
	offloads gw1 packet
	children "$setting"
	start_in gw1 monitor ip xfrm monitor
	swanctl gw1 --initiate --child net --timeout 20
	offloaded gw1 2
	wait_for 10 has_all 2 2
	grep 'CHILD_SA net{1} is offloaded to wan (packet)' "$work/gw1.log"
	passes_first
	device_counts pings lan1 "$lan2_addr"
	# What is forwarded is no IKE of the gateway's.
	drops_more from_port 500
	drops_more from_port 4500
	killed gw1 "$setting"
	wait_for 10 has_all 2 2
	swanctl gw1 --rekey --child net
	wait_for 20 offloaded gw1 2
	wait_for 10 has_all 2 2
	# All that time they were there.
	fails grep "$deleted" "$work/monitor.log"
	down
	wait_for 10 grep "$deleted" "$work/monitor.log"
	swanctl gw1 --install --child net
	wait_for 10 has_all 0 2
	killed_with_trap
	killed_yet_to_load
	swanctl gw1 --uninstall --child net
	has 0 0
}

# What a trap holds back until it is configured again IKE passes; without one it passes nothing.
killed_yet_to_load() {
	ikefpd_kill gw1
	vici_start gw1
	echo "$started_pid" >"$work/gw1/pid"
	has_all 0 2
	ikefpd_kill gw1
	batch gw1 <<-IP
	xfrm policy delete src $lan1_net dst $lan2_net dir out
	xfrm policy delete src $lan2_net dst $lan1_net dir in
	IP
	vici_start gw1
	has 0 0
	conf_load gw1 < <(CHILD=$'hw_offload = packet\nstart_action = trap' psk_conf gw1)
	wait_for 10 has_all 0 2
}

# IKE may pass before there is an ESP SA that may hold it.
passes_first() {
	local first

	wait_for 10 grep 'proto esp spi' "$work/monitor.log"
	first=$(grep -nm 1 'proto esp spi' "$work/monitor.log" | cut -d: -f1)
	head -n "$first" "$work/monitor.log" | grep 'proto udp sport 500 dev wan'
	head -n "$first" "$work/monitor.log" | grep 'proto udp dport 4500 dev wan'
}

killed_with_trap() {
	ikefpd_kill gw1
	ikefpd_start gw1 < <(CHILD=$'hw_offload = packet\nstart_action = trap' psk_conf gw1)
	wait_for 10 has_all 0 2
}

# hosts_up CHILD: between the gateways themselves, and of two Child SAs.
hosts_up() {
	ikefpd_start gw2 < <(CHILD='mode = transport' hosts_conf gw2)
	ikefpd_start gw1 < <(hosts "$1")
	swanctl gw1 --initiate --child net --timeout 20
}

hosts() {
	CHILD="mode = transport
		$1" hosts_conf gw1
}

# What the device holds of what is between the gateways IKE is none of: at either end's will, up
# to the DELETE.
ike_passes() {
	local gw

	topo_direct
	offloads gw1 packet
	hosts_up 'hw_offload = packet'
	wait_for 10 has_all 2 2
	drops_more pings gw1 "$gw2_addr"
	for gw in gw1 gw2; do
		rekey_ike $gw
		rekey_child $gw
		wait_for 20 has_all 2 2
	done
	ike_settled
	ikefpd_kill gw1
	ikefpd_start gw1 < <(hosts 'hw_offload = packet')
	rekey_ike gw2
	drops_more pings gw1 "$gw2_addr"
	down
}

# They are there once, however many want them, and go with the last.
shared() {
	topo_direct
	offloads gw1 packet
	children "hw_offload = packet
		}
		more {
			hw_offload = packet
			esp_proposals = aes256gcm16
			local_ts = ${lan1_net}[tcp]
			remote_ts = ${lan2_net}[tcp]"
	swanctl gw1 --initiate --child net --timeout 20
	swanctl gw1 --initiate --child more --timeout 20
	wait_for 10 has_all 4 4
	swanctl gw1 --terminate --child net --timeout 20
	wait_for 10 has_all 2 2
	# An address more is one more that IKE may come to.
	run_in gw1 ip address add 192.0.2.77/24 dev wan
	wait_for 10 has_all 2 2
	run_in gw1 ip address delete 192.0.2.77/24 dev wan
	wait_for 10 has_all 2 2
	down
}

# A device that takes none does what else it is asked, and it is said once.
none_pass() {
	topo_direct
	offloads gw1 portless
	up 'hw_offload = packet'
	offloaded gw1 2
	has 2 2
	swanctl gw1 --rekey --child net
	wait_for 20 has 2 2
	[ "$(grep -c 'wan does not take policies that let IKE pass (Operation not supported)' "$work/gw1.log")" = 1 ]
	down
}

# A connection by TCP is none of the device's.
tcp() {
	topo_direct
	offloads gw1 packet
	CHILD='hw_offload = auto' tcp_gateways
	swanctl gw1 --initiate --child net --timeout 20
	has 0 0
	by_tcp gw1
	protected both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	conf_load gw1 < <(CHILD='hw_offload = yes' tcp_conf gw1)
	refused
	grep 'no device does ESP by TCP, as hw_offload = crypto asks for: set it to auto or no' "$work/gw1.log"
}

# A trap whose policies no device takes lets nothing pass, also where the kernel does not say
# that it leaves none to devices (before 6.2).
trap_alone() {
	topo_direct
	offloads gw1 crypto
	children 'hw_offload = auto'
	swanctl gw1 --install --child net
	run_in gw1 ip xfrm policy list | tee "$work/policies"
	fails grep 'priority 32 ' "$work/policies"
	protected both_answered
	offloaded gw1 2
	has 2 0
	run_in gw1 ip xfrm policy list | tee "$work/policies"
	fails grep 'priority 32 ' "$work/policies"
	swanctl gw1 --uninstall --child net
	down
}

# What cannot be had is refused, and it is said why, and what to do.
cannot() {
	topo_direct
	children 'hw_offload = yes'
	refused
	grep 'wan does not do what hw_offload = crypto asks for (Operation not supported): set it to auto or no' "$work/gw1.log"
	conf_load gw1 < <(CHILD='hw_offload = packet' psk_conf gw1)
	refused
	grep 'wan does not do what hw_offload = packet asks for (Invalid argument): set it to auto, crypto or no' "$work/gw1.log"
	if has_packets; then
		fails swanctl gw1 --install --child net
		grep 'cannot leave a policy to the device: Invalid argument: Policy offload is not supported' "$work/gw1.log"
		no_xfrm gw1
	fi
	offloads gw1 nothing
	refused
	if has_packets; then
		grep 'cannot leave an ESP SA to the device: Invalid argument: .*the stand-in does no ESP' "$work/gw1.log"
	fi
	has 0 0
	# By the one that is asked, too.
	swanctl gw1 --terminate --ike gw --timeout 20
	conf_load gw1 < <(psk_conf gw1)
	conf_load gw2 < <(CHILD='hw_offload = yes' psk_conf gw2)
	refused
	grep 'wan does not do what hw_offload = crypto asks for' "$work/gw2.log"
	no_xfrm gw2
	swanctl gw1 --terminate --ike gw --timeout 20
	conf_load gw2 < <(CHILD='hw_offload = auto' psk_conf gw2)
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
}

# gw2_hears: what lan1 sends comes in to gw2. Answers do not go out: what no device encrypts
# after all the kernel sends as ESP, not in UDP (esp4_offload.c). The very packet that gw2 has
# followed may be counted by the ESP SA that it had before.
gw2_hears() {
	wait_for 20 hears_more "$(esp_packets gw2)"
}

hears_more() {
	fails run_in lan1 ping -n -q -c 1 -W 1 "$lan2_addr" || return 1
	[ "$(esp_packets gw2)" -gt "$1" ]
}

# Where gw2's ESP SAs lead.
ends() {
	run_in gw2 ip xfrm state list | grep -E '^src|encap'
}

ends_elsewhere() {
	[ "$(ends)" != "$1" ]
}

# ESP in UDP, and a peer that moves to another port, and to another address.
moves() {
	local before

	topo_nat
	offloads gw2 crypto
	up '' 'hw_offload = yes'
	offloaded gw2 2
	gw2_hears
	before=$(ends)
	nat_forgets
	gw2_hears
	wait_for 10 ends_elsewhere "$before"
	offloaded gw2 2
	before=$(ends)
	nat_forgets "$(elsewhere)"
	gw2_hears
	wait_for 10 ends_elsewhere "$before"
	offloaded gw2 2
	gw2_hears
	has 2 0
	down
}

# of_device GATEWAY DEVICE: its outbound policy is.
of_device() {
	run_in "$1" ip xfrm policy list dir out | grep -q "^src .* dev $2 *$"
}

interface() {
	topo_direct
	children 'interface = wan'
	swanctl gw1 --list-conns | grep 'interface: wan'
	swanctl gw1 --initiate --child net --timeout 20
	of_device gw1 wan
	[ "$(run_in gw1 ip xfrm policy list | grep -c ' dev ')" = 1 ]
	protected both_answered
	swanctl gw1 --rekey --child net
	protected both_answered
	killed gw1 'interface = wan'
	of_device gw1 wan
	protected both_answered
	swanctl gw2 --rekey --child net
	protected both_answered
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down
	no_xfrm gw1
}

spare() {
	batch gw1 <<-IP
	link add spare type dummy
	address add 203.0.113.1/32 dev spare
	link set spare up
	IP
}

# What leaves by another interface than that is not its traffic; and it comes back as another.
interface_elsewhere() {
	topo_direct
	children $'interface = spare\nstart_action = trap'
	fails swanctl gw1 --initiate --child net --timeout 20
	grep "there is no interface 'spare'" "$work/gw1.log"
	wait_for 10 no_xfrm gw1
	spare
	wait_for 10 of_device gw1 spare
	swanctl gw1 --initiate --child net --timeout 20
	of_device gw1 spare
	fails run_in lan1 ping -n -q -c 1 -W 1 "$lan2_addr"
	[ "$(esp_packets gw1)" = 0 ]
	run_in gw1 ip link delete spare
	spare
	wait_for 10 of_device gw1 spare
	run_in gw1 ip route add "$lan2_net" dev spare
	# What would leave by it is tunnelled, and leaves by the other one.
	protected answered lan1 "$lan2_addr"
	killed gw1 $'interface = spare\nstart_action = trap'
	of_device gw1 spare
	swanctl gw1 --terminate --ike gw --timeout 20
	of_device gw1 spare
}

need_module
[ -e $asked ] ||
	insmod "$selftests/../.build/$(uname -r)/selftests/test_modules/esp_offload.ko" ||
	ktap_skip_all "there is no module esp_offload for this kernel: vm/module builds it"
more=0
! has_packets || more=5
ktap_plan $((8 + more)) $((1 + (more > 0)))
FAMILY=4 testcase "crypto" crypto
FAMILY=6 again "crypto, IPv6" crypto
testcase "auto" auto
testcase "the device is set down" anew
if has_packets; then
	testcase "packet" packet
	FAMILY=4 testcase "packet, and IKE passes" ike_passes
	FAMILY=6 again "packet, and IKE passes, IPv6" ike_passes
	testcase "packet, of several Child SAs" shared
	testcase "packet, but IKE does not pass" none_pass
fi
testcase "a trap, but none of the device's" trap_alone
testcase "what the device does not" cannot
! has_packets || testcase "ESP in UDP moves" moves
testcase "TCP" tcp
testcase "interface" interface
testcase "interface, elsewhere" interface_elsewhere
ktap_end
