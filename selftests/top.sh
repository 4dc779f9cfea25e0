#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What ikefp shows of a gateway with a tunnel: ikefp stats, as Prometheus' own parser
# reads it, and ikefp top, on the screen of a terminal.

. "${0%/*}/lib.sh"

export TERM=screen

up() {
	topo_direct
	ikefpd_start gw2 < <(psk_conf gw2)
	ikefpd_start gw1 < <(psk_conf gw1)
	swanctl gw1 --initiate --child net --timeout 20
	both_answered
}

# screen GATEWAY HEIGHTxWIDTH STEP... -- COMMAND...: see lib/screen.py.
screen() {
	run_in "$1" python3 "$selftests/lib/screen.py" "${@:2}"
}

# screen_start GATEWAY ...: the same, beside what follows; screen_done waits for its end.
screen_start() {
	start_in "$1" screen python3 "$selftests/lib/screen.py" "${@:2}"
	screen_pid=$started_pid
}

screen_done() {
	wait_for 60 process_gone "$screen_pid"
	wait "$screen_pid"
}

# screen_at STEP: until it has come to that step.
screen_at() {
	wait_for 60 grep -qF "screen: $1" "$work/screen.log"
}

stats() {
	local ikefp

	up
	ikefp=$(program ikefp)
	# Two packets that are too short.
	gw1 bash -c "printf x >/dev/udp/$gw2_addr/500; printf x >/dev/udp/$gw2_addr/500"
	wait_for 10 counter_is gw2 drop-short 2
	run_in gw2 "$ikefp" stats --json >"$work/json"
	run_in gw2 "$ikefp" stats --prometheus >"$work/prometheus"
	python3 - "$work/json" "$work/prometheus" <<-'PYTHON'
	import json, sys
	from prometheus_client.parser import text_string_to_metric_families

	told = json.load(open(sys.argv[1]))
	families = list(text_string_to_metric_families(open(sys.argv[2]).read()))
	names = [family.name for family in families]
	assert len(names) == len(set(names)), names
	assert all(family.documentation and family.type in ("gauge", "counter")
	           for family in families)
	samples = {(s.name, *s.labels.values()): s.value
	           for family in families for s in family.samples}
	assert told["counters"]["drop-short"] == 2
	for name, value in told["counters"].items():
	    metric = "ikefp_" + name.replace("-", "_").replace("octets", "bytes")
	    if name == "sas":
	        got = sum(v for k, v in samples.items() if k[0] == "ikefp_sas")
	    elif name.startswith("drop-"):
	        got = samples[("ikefp_dropped_total", name[len("drop-"):])]
	    else:
	        got = samples.get((metric,), samples.get((metric + "_total",)))
	    assert got == value, (name, value, got)
	assert samples[("ikefp_sas", "established")] == told["sas"]["established"] == 1
	worker = told["workers"][0]
	assert samples[("ikefp_worker_sas", str(worker["worker"]))] == worker["sas"] == 1
	print(len(samples), "samples of", len(families), "metrics")
	PYTHON
	run_in gw2 "$ikefp" stats | grep -qE '^  established +1$'
	run_in gw2 "$ikefp" stats | grep -qE '^  short +2  Shorter than an IKE header'
	run_in gw2 "$ikefp" show | head -2 | tee "$work/summary"
	grep -q '^summary: .* 1 established, .* 0 orphans; 1 worker$' "$work/summary"
	grep -qE "messages: [1-9][0-9]* in, [1-9][0-9]* out, [0-9]+ retransmitted, $(jq '
		[.counters | to_entries[] | select(.key | startswith("drop-")).value] | add
		' "$work/json") dropped$" "$work/summary"
	fails run_in gw2 "$ikefp" stats --json --prometheus
}

live() {
	local ikefp sa="^$1:500 +established .* +[0-9]+s"

	up
	ikefp=$(program ikefp)
	screen gw2 24x80 "see=$sa" 'see=^SAs +1: 0 half-open, 1 established' 'see=^PEER\*' \
		'see=0 orphans, 1 worker' 'see=q:quit' \
		keys=r 'see=RETR\*' keys=R 'see=RETR\^' keys=t 'see=RTT\*' 'never=RETR[*^]' \
		'keys=\x1b[6~\x1b[5~' "see=$sa" \
		size=40x140 'see=ROLE +SPI' 'see= responder ' size=8x40 'see=^SAs' \
		size=24x80 "see=$sa" 'never=ROLE' keys=q ended=0 -- "$ikefp" top -i 0.2
	# A terminal that has neither colours nor a second screen.
	TERM=vt100 screen gw2 24x80 "see=$sa" keys=q ended=0 -- "$ikefp" top
}

rates() {
	up
	screen_start gw2 24x80 'see=messages in 0.0, out 0.0' 'see=^Dropped +[0-9.]+: short [0-9.]' \
		'see=^Dropped +0.0$' keys=q ended=0 -- "$(program ikefp)" top -i 0.5
	screen_at 'see=^Dropped +[0-9.]+: short'
	start_in gw1 short bash -c "while printf x >/dev/udp/$gw2_addr/500; do sleep 0.1; done"
	screen_at 'see=^Dropped +0.0$'
	end_process "$started_pid"
	screen_done
}

# However it ends, the terminal is as it was.
signals() {
	local ikefp signal

	netns gw
	ikefp=$(program ikefp)
	for signal in TERM HUP QUIT PIPE USR1 SEGV ABRT; do
		screen gw 24x80 'see=q:quit' signal=$signal ended=$signal -- "$ikefp" top
	done
	screen gw 24x80 'see=q:quit' 'keys=\x03' ended=INT -- "$ikefp" top
}

refusals() {
	local ikefp

	netns gw
	ikefp=$(program ikefp)
	fails run_in gw "$ikefp" top </dev/null >"$work/out" 2>"$work/err"
	grep -q 'standard output is no terminal' "$work/err"
	[ ! -s "$work/out" ]
	TERM=no-such-terminal screen gw 24x80 ended=1 -- "$ikefp" top |
		grep -q "terminals of the type 'no-such-terminal' are not known"
	screen gw 24x80 ended=2 -- "$ikefp" top -i 0 | grep -q 'not a number of seconds'
}

# The module goes and comes back: its counters start anew, and so does what is shown.
reloaded() {
	local many

	netns gw
	gw ip link set lo up
	start_in gw many "$(program many-sas)" 1
	many=$started_pid
	wait_for 30 grep -q ready "$work/many.log"
	run_in gw bash -c 'for i in {1..50}; do printf x >/dev/udp/127.0.0.1/500; done'
	wait_for 10 counter_is gw drop-short 50
	screen_start gw 24x80 'see=^SAs +1: 1 half-open' 'see=messages in 0.0' \
		'see=has no family "ikefp"' 'see=messages in -' 'see=every 0.2 s' \
		'see=^SAs +0: 0 half-open' 'see=messages in 0.0' 'see=^Dropped +0.0$' keys=q \
		ended=0 -- "$(program ikefp)" top -i 0.2
	screen_at 'see=has no family'
	end_process "$many"
	# A dump for what is shown holds the module for as long as it lasts.
	wait_for 10 module_unload
	screen_at 'see=every'
	module_load
	screen_done
}

# 100,000 SAs are shown, keys are answered, and a part of one processor does it.
many() {
	local number=$((100000 / (${IKEFP_TIME_SCALE:-1} * ${IKEFP_TIME_SCALE:-1})))

	netns gw
	gw ip link set lo up
	start_in gw many "$(program many-sas)" "$number"
	wait_for 120 grep -q ready "$work/many.log"
	screen gw 24x80 "see=^SAs +$number" within=2 keys=a 'see=AGE\*' keys=p 'see=PEER\*' \
		keys=R 'see=PEER\^' within=60 "see=^SAs +$number: $number half-open" \
		'see=SAs 1 to 14 of the first 1000' "see=^$(last_of "$number"):500 " \
		within=2 'keys=\x1bOB' 'see=SAs 2 to 15' 'keys=\x1b[4~' 'see=SAs 987 to 1000' \
		cpu=50 keys=q ended=0 -- "$(program ikefp)" top
}

# last_of NUMBER: the last address that many-sas takes.
last_of() {
	local n=$(($1 - 1))

	echo "10.$((n >> 16 & 255)).$((n >> 8 & 255)).$((n & 255))"
}

need_module
ktap_plan 7 1
FAMILY=4 testcase "ikefp stats" stats
FAMILY=4 again "ikefp top, IPv4" live 192.0.2.1
FAMILY=6 testcase "ikefp top, IPv6" live '\[2001:db8:ffff::1\]'
FAMILY=4 testcase "rates" rates
testcase "signals" signals
testcase "where there is no terminal" refusals
testcase "the module is loaded again" reloaded
testcase "many SAs" many
ktap_end
