#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module as an administrator meets it: loaded by name and by what needs it, taken
# out, and watched through its tracepoints.

. "${0%/*}/lib.sh"

# installed: a tree of modules with ours in it, as `make install` leaves one.
installed() {
	local modules=/lib/modules/$(uname -r) file

	file=$(module_file)
	[ -n "$file" ] || skip_case "the module is the kernel's own"
	mkdir -p "$work/upper" "$work/work"
	mount -t tmpfs none "$work/upper"
	mkdir "$work/upper"/{upper,work}
	mount -t overlay -o "lowerdir=$modules,upperdir=$work/upper/upper,workdir=$work/upper/work" \
		none "$modules"
	mkdir -p "$modules/updates"
	cp "$file" "$modules/updates"
	depmod
}

# Its dependencies come by themselves, and those that it only wants.
by_name() {
	module_unload
	installed
	for module in udp_tunnel ip6_udp_tunnel; do
		[ ! -d /sys/module/$module ] || rmmod $module
	done
	modprobe ikefp
	[ -d /sys/module/udp_tunnel ]
	[ -d /sys/module/xfrm_user ]
	modprobe -r ikefp
	[ ! -d /sys/module/ikefp ]
	umount "/lib/modules/$(uname -r)" "$work/upper"
}

# Whoever asks for its netlink family gets it loaded.
by_family() {
	module_unload
	installed
	netns gw1
	run_in gw1 "$(program ikefp)" show
	[ -d /sys/module/ikefp ]
	umount "/lib/modules/$(uname -r)" "$work/upper"
}

# Without the module both programs say what to do.
without() {
	module_unload
	netns gw1
	fails run_in gw1 "$(program ikefp)" show 2>&1 | grep 'modprobe ikefp'
	fails run_in gw1 "$(program ikefpd)" -u "$work/vici" 2>&1 | grep 'modprobe ikefp'
}

trace() {
	cat "$tracing/trace"
}

# A tunnel's states, a retransmission, and a drop with its reason.
traced() {
	tracing=/sys/kernel/tracing
	mountpoint -q $tracing || mount -t tracefs none $tracing
	module_load
	echo 1 >$tracing/events/ikefp/enable
	echo >$tracing/trace
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	trace | grep -E 'ikefp_sa_state: .* none -> half-open'
	trace | grep -E 'ikefp_sa_state: .* half-open -> established'
	# Nobody answers: the way is cut.
	netem gw2 wan loss 100%
	swanctl gw1 --terminate --child net --timeout 2 || :
	wait_for 10 retransmission_traced
	wait_for 10 drop_traced
	netem gw2 wan loss 0%
	echo 0 >$tracing/events/ikefp/enable
}

retransmission_traced() {
	trace | grep -E 'ikefp_retransmit: .* exchange_type=37 message_id=2 tries=[23]'
}

drop_traced() {
	printf x | run_in gw2 nc -4u -w 1 -q 0 127.0.0.1 500
	trace | grep -E 'ikefp_drop: .* reason='
}

need_module
ktap_plan 4
testcase "modprobe" by_name
testcase "loaded by its netlink family" by_family
testcase "what the programs say without it" without
testcase "tracepoints" traced
ktap_end
