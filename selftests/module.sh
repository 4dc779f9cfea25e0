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

uninstalled() {
	umount "/lib/modules/$(uname -r)" "$work/upper"
}

# What is installed is there for all, so that it must be gone whatever has failed: the
# cases below note a failure, take it away, and fail then.

# there NAME: that part of the kernel is loaded, or built in.
there() {
	[ -d "/sys/module/$1" ] || grep -q "/$1.ko" "/lib/modules/$(uname -r)/modules.builtin"
}

# Its dependencies come by themselves, and those that it only wants.
by_name() {
	local failed=0

	module_unload
	installed
	modprobe ikefp || failed=1
	there udp_tunnel && there xfrm_user || failed=1
	rmmod ikefp || failed=1
	uninstalled
	[ $failed = 0 ]
}

# Whoever asks for its netlink family gets it loaded.
by_family() {
	local failed=0

	module_unload
	netns gw1
	installed
	run_in gw1 "$(program ikefp)" show || failed=1
	uninstalled
	[ -d /sys/module/ikefp ]
	[ $failed = 0 ]
}

# Without the module both programs say what to do.
without() {
	module_unload
	netns gw1
	fails run_in gw1 "$(program ikefp)" show 2>&1 | grep 'modprobe ikefp'
	fails run_in gw1 "$(program ikefpd)" -u "$work/vici" 2>&1 | grep 'modprobe ikefp'
}

# Taken out under a daemon with a tunnel, there is nothing to go on with: the daemon says so
# and ends, and leaves nothing. With the module back, all begins anew.
unloaded() {
	local gw pid

	module_load
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	module_unload
	for gw in gw1 gw2; do
		pid=$(<"$work/$gw/pid")
		wait_for 10 process_gone "$pid"
		fails wait "$pid"
		grep 'the kernel module ikefp was unloaded' "$work/$gw.log"
		no_xfrm $gw
	done
	module_load
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	answered lan1 "$lan2_addr"
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
ktap_plan 5
testcase "modprobe" by_name
testcase "loaded by its netlink family" by_family
testcase "what the programs say without it" without
testcase "unloaded under a daemon" unloaded
testcase "tracepoints" traced
ktap_end
