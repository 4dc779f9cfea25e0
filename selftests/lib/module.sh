# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The module, and the kernel's log.

# What the kernel says when something is wrong with it.
kmsg_splat='WARNING:|BUG:|Oops|KASAN|UBSAN|KCSAN|refcount_t:|rcu.*stall|possible .* (locking|deadlock)|INFO: task|blocked for more than|unreferenced object|general protection|Call Trace:|unregister_netdevice: waiting|sleeping function called|suspicious RCU'

# The module's file: $IKEFP_MODULE, or the build for this kernel, or the plain
# build; without any, the kernel's own is meant.
module_file() {
	local file

	for file in "${IKEFP_MODULE:-}" "$selftests/../.build/$(uname -r)/kmod/ikefp.ko" \
		"$selftests/../kmod/ikefp.ko"; do
		if [ -n "$file" ] && [ -e "$file" ]; then
			echo "$file"
			return
		fi
	done
}

# module_load [PARAMETER=VALUE...]
module_load() {
	local file

	[ ! -d /sys/module/ikefp ] || return 0
	file=$(module_file)
	if [ -z "$file" ]; then
		modprobe ikefp "$@"
		return
	fi
	# What insmod does not do: load what the module needs, and what it wants first.
	{ modinfo -F depends "$file" | tr ',' '\n'; modinfo -F softdep "$file" | sed 's/^pre: //'; } |
		xargs -r modprobe -a || :
	insmod "$file" "$@"
}

# need_module: for scripts that are about nothing else.
need_module() {
	module_load || ktap_skip_all "the module ikefp cannot be loaded (see above)"
}

module_unload() {
	[ ! -d /sys/module/ikefp ] || rmmod ikefp
}

# kmsg_mark NAME: from here on the kernel's log is NAME's. What was before stays on the
# console alone, so that kmsg_check does not read it all each time.
kmsg_mark() {
	kmsg_name="ikefp selftest $$: $1"
	dmesg --clear
	echo "$kmsg_name" >/dev/kmsg
}

# kmsg_check: fails, and shows it, if the kernel complained since the mark, or said so
# much that the mark is lost.
kmsg_check() {
	local log since

	log=$(dmesg)
	if [[ $log != *"$kmsg_name"* ]]; then
		echo "the kernel's log has overflowed; it begins with:"
		head -n 200 <<<"$log"
		return 1
	fi
	since=$(awk -v mark="$kmsg_name" 'seen; index($0, mark) { seen = 1 }' <<<"$log")
	grep -qE "$kmsg_splat" <<<"$since" || return 0
	echo "the kernel complained:"
	head -n 400 <<<"$since"
	return 1
}

kmemleak=/sys/kernel/debug/kmemleak

# leak_check: fails, and shows it, if the kernel looks for leaks and has found one. It
# is sure of one only when it sees it for the second time, five seconds old or more
# (mm/kmemleak.c): what is found may have been lost before the check before.
leak_check() {
	[ -w $kmemleak ] || return 0
	echo scan >$kmemleak
	[ -n "$(head -c 1 $kmemleak)" ] || return 0
	echo "leaked:"
	cat $kmemleak
	leak_forget
	return 1
}

# leak_forget: what is lost by now shall not be reported.
leak_forget() {
	[ ! -w $kmemleak ] || echo clear >$kmemleak
}
