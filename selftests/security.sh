#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What ikefpd gives up after its start, and what its memory does not hold. The
# claims are those of user/ikefpd/SECURITY.md.

. "${0%/*}/lib.sh"

# other PID secrets|reader|lookup|tokens: that process of a daemon's.
other() {
	pgrep -P "$1" -x "ikefpd: $2"
}

# status PID FIELD: of /proc/PID/status, blanks as one.
status() {
	local value

	value=$(sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status")
	echo "${value//[[:space:]]/ }"
}

# confined_thread TASK UID CAPABILITIES
confined_thread() {
	local task=$1 uid=$2 caps=$3 field

	[ "$(status "$task" Uid)" = "$uid $uid $uid $uid" ]
	[ "$(status "$task" CapEff)" = "$caps" ]
	[ "$(status "$task" CapPrm)" = "$caps" ]
	for field in CapInh CapBnd CapAmb; do
		[ "$(status "$task" $field)" = 0000000000000000 ]
	done
	[ "$(status "$task" NoNewPrivs)" = 1 ]
	[ "$(status "$task" Seccomp)" = 2 ]
}

# confined PID UID CAPABILITIES: all that is said of a process's privileges.
confined() {
	local pid=$1 uid=$2 caps=$3 task

	echo "$(<"/proc/$pid/comm") ($pid) is to be user $uid with capabilities $caps"
	for task in "/proc/$pid/task/"*; do
		confined_thread "${task#/proc/}" "$uid" "$caps"
	done
	# No swap, no core, no ptrace: the kernel gives what is not dumpable to root.
	[ "$(status "$pid" VmLck | tr -dc 0-9)" -gt 0 ]
	[ "$(status "$pid" VmSwap)" = '0 kB' ]
	grep -q 'Max core file size  *0  *0 ' "/proc/$pid/limits"
	[ "$(stat -c %u "/proc/$pid/mem")" = 0 ]
}

# threads PID: how many it has.
threads() {
	find "/proc/$1/task" -mindepth 1 -maxdepth 1 | wc -l
}

net_admin=0000000000001000 dac_read_search=0000000000000004 none=0000000000000000
nobody=65534

privileges() {
	local pid secrets n

	# A thread for each processor, the loop's included, up to 17.
	n=$(nproc)
	[ "$n" -le 17 ] || n=17
	topo_direct
	ikefpd_start gw1 -U nobody < <(psk_conf gw1)
	pid=$started_pid
	confined "$pid" $nobody $net_admin
	[ "$(status "$pid" Groups)" = '' ]
	secrets=$(other "$pid" secrets)
	confined "$secrets" $nobody $none
	[ "$(status "$secrets" Groups)" = '' ]
	confined "$(other "$pid" lookup)" $nobody $none
	confined "$(other "$pid" tokens)" $nobody $none
	confined "$(other "$pid" reader)" 0 $dac_read_search
	[ "$(threads "$pid")" = "$n" ]
	[ "$(threads "$secrets")" = "$n" ]
	# The process of the secrets has its two sockets, one for each other thread of the
	# daemon's, and what it writes to.
	[ "$(find "/proc/$secrets/fd" -type l | wc -l)" = $((4 + n)) ]
	[ "$(find "/proc/$secrets/fd" -lname 'socket:*' | wc -l)" = $((1 + n)) ]
}

# Root without a user to become has no more than that either.
stays_root() {
	local pid

	topo_direct
	fails getent passwd ikefpd
	ikefpd_start gw1 < <(psk_conf gw1)
	pid=$started_pid
	grep -q "there is no user 'ikefpd': staying root, with CAP_NET_ADMIN alone" "$work/gw1.log"
	confined "$pid" 0 $net_admin
	confined "$(other "$pid" secrets)" 0 $none
	confined "$(other "$pid" tokens)" 0 $none
	confined "$(other "$pid" lookup)" $nobody $none
}

PIN='a PIN of the tests, 32 octets ..'

# tokens_conf NAME...: gw1's configuration, with tokens that are files, encrypted with the PIN.
tokens_conf() {
	local name

	psk_conf gw1
	for name; do
		printf 'secrets {\n%s {\nuri = "file:%s/%s.pem"\npin = "%s"\n}\n}\n' \
			"token-$name" "$work" "$name" "$PIN$name"
	done
}

# A token's process has its own PIN and no other's, and the daemon none.
tokens() {
	local pid tokens token name

	topo_direct
	for name in a b; do
		openssl genpkey -quiet -algorithm ED25519 -aes256 -pass "pass:$PIN$name" -out "$work/$name.pem"
		chown nobody "$work/$name.pem"
	done
	chmod 755 "$work"
	ikefpd_start gw1 -U nobody -l 4 < <(tokens_conf a b)
	pid=$started_pid
	tokens=$(other "$pid" tokens)
	[ "$(grep -c 'token-[ab]. .*: its private key is there' "$work/gw1.log")" = 2 ]
	confined "$tokens" $nobody $none
	[ "$(holds "$tokens" "$(hex "$PIN")")" -ge 2 ]
	[ "$(pgrep -P "$tokens" -x 'ikefpd: token' | wc -l)" = 2 ]
	for token in $(pgrep -P "$tokens" -x 'ikefpd: token'); do
		confined "$token" $nobody $none
		[ "$(($(holds "$token" "$(hex "${PIN:17}a")") > 0))$(($(holds "$token" "$(hex "${PIN:17}b")") > 0))" != 11 ]
		# Its socket, and what it writes to.
		[ "$(find "/proc/$token/fd" -type l | wc -l)" = 4 ]
	done
	for token in "$pid" "$(other "$pid" reader)" "$(other "$pid" secrets)" "$(other "$pid" lookup)"; do
		[ "$(holds "$token" "$(hex "$PIN")")" = 0 ]
	done
	fails grep -F "$PIN" "$work/gw1.log"
	# One that is not configured any more is gone, and so is its PIN.
	tokens_conf b >"$work/gw1/swanctl.conf"
	swanctl gw1 --reload-settings
	wait_for 10 one_token_process "$tokens"
	[ "$(holds "$tokens" "$(hex "${PIN:17}a")")" = 0 ]
	[ "$(holds "$tokens" "$(hex "${PIN:17}b")")" -ge 1 ]
	# They end with the daemon, however it ends.
	token=$(pgrep -P "$tokens" -x 'ikefpd: token')
	kill -9 "$pid"
	wait_for 10 process_gone "$tokens"
	wait_for 10 process_gone "$token"
}

one_token_process() {
	[ "$(pgrep -P "$1" -x 'ikefpd: token' | wc -l)" = 1 ]
}

# The systemd unit grants what the start takes, the ports below 1024 included.
unit() {
	local unit caps pid

	unit=$selftests/../user/ikefpd/ikefpd.service.in
	[ -e "$unit" ] || skip_case "the unit's source is not here"
	caps=$(sed -n 's/^CapabilityBoundingSet=//p' "$unit" | tr ' ' '\n' |
		sed 's/^CAP_/+/' | tr 'A-Z\n' 'a-z,')
	grep -q '^NoNewPrivileges=yes' "$unit"
	grep -q '^LimitMEMLOCK=infinity' "$unit"
	topo_direct
	mkdir "$work/gw1"
	psk_conf gw1 >"$work/gw1/swanctl.conf"
	chmod 600 "$work/gw1/swanctl.conf"
	swanctl_settings >"$work/gw1/strongswan.conf"
	start_in gw1 gw1 prlimit --memlock=unlimited \
		setpriv --no-new-privs --bounding-set="-all,${caps%,}" \
		"$(program ikefpd)" -U nobody -f "$work/gw1/swanctl.conf" -u "$work/gw1/vici"
	pid=$started_pid
	gateway_ready gw1
	confined "$pid" $nobody $net_admin
	confined "$(other "$pid" secrets)" $nobody $none
	confined "$(other "$pid" reader)" 0 $dac_read_search
	kill -HUP "$pid"
	wait_for 10 grep -q "read .* again" "$work/gw1.log"
	kill "$pid"
	wait_for 10 process_gone "$pid"
	wait "$pid"
	[ ! -e "$work/gw1/vici" ]
}

refused_starts() {
	local ikefpd

	ikefpd=$(program ikefpd)
	netns lone
	fails run_in lone "$ikefpd" -U no-such-user 2>"$work/err"
	grep -q -- '-U no-such-user: there is no such user' "$work/err"
	fails run_in lone setpriv --reuid=$nobody --clear-groups "$ikefpd" -U root 2>"$work/err"
	grep -q -- '-U root: only root can become another user' "$work/err"
	# Who may lock little learns what to do about it.
	fails run_in lone prlimit --memlock=65536:65536 \
		setpriv --reuid=$nobody --clear-groups "$ikefpd" 2>"$work/err"
	grep -q 'no more than 64 KiB may be locked; raise RLIMIT_MEMLOCK' "$work/err"
}

# holds PID HEX...: how often these octets, or 16 of them (from the first, the 17th
# ...), stand in a process's readable memory.
holds() {
	python3 - "$@" <<-'PYTHON'
	import re, sys
	pid, wanted = sys.argv[1], []
	for digits in sys.argv[2:]:
	    octets = bytes.fromhex(digits)
	    wanted += [octets[i:i + 16] for i in range(0, max(len(octets) - 15, 1), 16)]
	found = areas = 0
	with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
	    for line in maps:
	        start, end, mode = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
	        if "r" not in mode or "[vvar" in line or "[vsyscall]" in line:
	            continue
	        start, end = int(start, 16), int(end, 16)
	        mem.seek(start)
	        data = b""
	        while len(data) < end - start:
	            part = mem.read(end - start - len(data))
	            if not part:
	                sys.exit(f"{line.strip()}: cannot be read whole")
	            data += part
	        areas += 1
	        for octets in wanted:
	            at = data.find(octets)
	            while at >= 0:
	                print(f"{len(octets)} octets at {start + at:x}: {line.strip()}", file=sys.stderr)
	                found += 1
	                at = data.find(octets, at + 1)
	if areas < 5:
	    sys.exit("that is not a process's memory")
	print(found)
	PYTHON
}

hex() {
	printf %s "$1" | od -An -v -tx1 | tr -d ' \n'
}

# esp_keys GATEWAY: the keys of its ESP SAs in hexadecimal digits, without the salts.
esp_keys() {
	run_in "$1" ip xfrm state | awk '
		$1 == "aead" { print substr($3, 3, length($3) - 2 - 8) }
		$1 ~ /^(enc|auth-trunc)$/ { print substr($3, 3) }'
}

# forgotten PID GATEWAY: neither the pre-shared key nor an ESP key stands anywhere in
# a daemon's processes, but for the pre-shared key where it is kept.
forgotten() {
	local pid=$1 keys secrets reader

	secrets=$(other "$pid" secrets)
	reader=$(other "$pid" reader)
	mapfile -t keys < <(esp_keys "$2")
	echo "${#keys[@]} ESP keys"
	[ ${#keys[@]} -ge 2 ]
	# That the search finds what is there:
	[ "$(holds "$secrets" "$(hex "$PSK")")" -ge 1 ]
	[ "$(holds "$pid" "$(hex gw1.example)")" -ge 1 ]
	[ "$(holds "$pid" "$(hex "$PSK")" "${keys[@]}")" = 0 ]
	[ "$(holds "$reader" "$(hex "$PSK")" "${keys[@]}")" = 0 ]
	[ "$(holds "$secrets" "${keys[@]}")" = 0 ]
}

# memory ESP-PROPOSAL
memory() {
	local pid peer

	topo_nat
	ESP_PROPOSALS=$1
	ikefpd_start gw2 -U nobody -l 4 < <(psk_conf gw2)
	peer=$started_pid
	ikefpd_start gw1 -U nobody -l 4 < <(psk_conf gw1)
	pid=$started_pid
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered
	forgotten "$pid" gw1
	forgotten "$peer" gw2
	# Listing the SAs reads them from the kernel, keys and all.
	swanctl gw1 --list-sas
	forgotten "$pid" gw1
	# Nor does any log level show them.
	fails grep -qF "$PSK" "$work/gw1.log" "$work/gw2.log"
}

# The secret comes over VICI, through the socket that was opened before.
over_vici() {
	local pid

	topo_nat
	ikefpd_start gw2 -U nobody < <(psk_conf gw2)
	ikefpd_start gw1 -U nobody < <(echo)
	pid=$started_pid
	[ "$(stat -c '%a %u %g' "$work/gw1/vici")" = '660 0 0' ]
	psk_conf gw1 >"$work/gw1/swanctl.conf"
	swanctl gw1 --load-all
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered
	forgotten "$pid" gw1
}

# The file is root's alone, and is read again all the same.
reload() {
	local pid

	topo_nat
	ikefpd_start gw2 -U nobody < <(psk_conf gw2)
	ikefpd_start gw1 -U nobody < <(psk_conf gw1)
	pid=$started_pid
	chmod 600 "$work/gw1/swanctl.conf"
	[ "$(stat -c %u "$work/gw1/swanctl.conf")" = 0 ]

	# A file with a mistake changes nothing.
	sed 's/proposals/proposal/' -i "$work/gw1/swanctl.conf"
	kill -HUP "$pid"
	wait_for 10 grep -q "unknown key.*keeping the configuration as it was" "$work/gw1.log"
	swanctl gw1 --initiate --child net --timeout 20
	swanctl gw1 --terminate --ike gw --timeout 20
	taken_down

	# Another secret is in force, the former one is not.
	PSK=another psk_conf gw1 | sed 's/\<net\>/renamed/' >"$work/gw1/swanctl.conf"
	kill -HUP "$pid"
	wait_for 10 grep -q "read .* again" "$work/gw1.log"
	swanctl gw1 --list-conns | grep -q renamed
	fails swanctl gw1 --initiate --child renamed --timeout 20
	psk_conf gw1 >"$work/gw1/swanctl.conf"
	swanctl gw1 --reload-settings
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	confined "$pid" $nobody $net_admin
}

# without secrets|reader: a daemon without one of its processes ends, and says so.
without() {
	local pid code=0

	topo_nat
	ikefpd_start gw2 -U nobody < <(psk_conf gw2)
	ikefpd_start gw1 -U nobody < <(psk_conf gw1)
	pid=$started_pid
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
	kill -9 "$(other "$pid" "$1")"
	wait_for 10 process_gone "$pid"
	wait "$pid" || code=$?
	[ "$code" = 1 ]
	grep -q "the process 'ikefpd: $1' ([0-9]*) is gone: deleting all SAs and ending" "$work/gw1.log"
	no_xfrm gw1
	wait_for 10 no_child_sas gw2
	wait_for 10 no_xfrm gw2
}

# However the daemon ends, its other processes end with it.
end_together() {
	local pid secrets reader

	topo_direct
	ikefpd_start gw1 -U nobody < <(psk_conf gw1)
	pid=$started_pid secrets=$(other "$pid" secrets) reader=$(other "$pid" reader)
	# What is for the daemon alone, should a whole group get it.
	kill -TERM "$secrets" "$reader"
	kill -HUP "$secrets" "$reader"
	swanctl gw1 --stats
	kill -9 "$pid"
	wait_for 10 process_gone "$secrets"
	wait_for 10 process_gone "$reader"

	ikefpd_start gw1 -U nobody < <(psk_conf gw1)
	pid=$started_pid secrets=$(other "$pid" secrets) reader=$(other "$pid" reader)
	kill -TERM "$pid"
	wait_for 10 process_gone "$pid"
	wait "$pid"
	process_gone "$secrets"
	process_gone "$reader"
	[ ! -e "$work/gw1/vici" ]
}

need_module
ktap_plan 11 2
testcase "user, capabilities, system calls, memory" privileges
testcase "without a user to become" stays_root
testcase "tokens" tokens
testcase "what the systemd unit grants is enough" unit
testcase "what is refused at the start" refused_starts
testcase "no secret and no ESP key in memory, AES-GCM" memory aes256gcm16
again "no secret and no ESP key in memory, AES-CBC" memory aes256-sha256
testcase "nor when the secret comes over VICI" over_vici
testcase "SIGHUP and reload-settings without privileges" reload
testcase "the process of the secrets is killed" without secrets
testcase "the reader of the file is killed" without reader
testcase "they end together" end_together
again "a tunnel, direct, IPv6" eval 'FAMILY=6; topo_direct
	ikefpd_start gw2 -U nobody < <(psk_conf gw2)
	ikefpd_start gw1 -U nobody < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	one_child_sa_each
	both_answered'
ktap_end
