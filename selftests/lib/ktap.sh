# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Results in KTAP (Documentation/dev-tools/ktap.rst). Whatever the script or
# what it starts writes becomes a diagnostic line ("# ..."); only lines marked
# with an octet 1 are results.

ksft_skip=4

ktap_test=0
ktap_failed=0

exec {ktap_stdout}>&1
exec > >(exec sed -u -e 's/^\x01//;t' -e 's/^/# /' >&"$ktap_stdout") 2>&1
ktap_filter=$!

ktap() {
	printf '\001%s\n' "$*"
}

# ktap_plan NUMBER [AGAIN]: says how many results will follow, of testcase and of again.
ktap_plan() {
	ktap_planned=$1
	! every_case || ktap_planned=$(($1 + ${2:-0}))
	ktap "TAP version 13"
	ktap "1..$ktap_planned"
}

# ktap_skip_all REASON: ends the script; nothing of it can run here.
ktap_skip_all() {
	ktap "TAP version 13"
	ktap "1..0 # SKIP $*"
	exit $ksft_skip
}

pass() {
	ktap "ok $((++ktap_test)) $*"
}

fail() {
	ktap_failed=$((ktap_failed + 1))
	ktap "not ok $((++ktap_test)) $*"
}

skip() {
	ktap "ok $((++ktap_test)) $1 # SKIP ${2:-}"
}

# skip_case REASON: ends the test case at hand, which cannot run here.
skip_case() {
	echo "$*" >"$work/skip"
	exit $ksft_skip
}

# testcase NAME FUNCTION [ARGUMENT...]
#
# Runs FUNCTION as one test case. It fails when a command in it fails, or when
# the kernel complained meanwhile.
testcase() {
	local name=$1

	if [ -n "${CASES:-}" ] && [[ ! $name =~ $CASES ]]; then
		skip "$name" "CASES=$CASES"
		return
	fi
	run_case "$@"
	case $? in
	0) pass "$name" ;;
	"$ksft_skip") skip "$name" "$(<"$work/skip")" ;;
	*) fail "$name" ;;
	esac
}

# again NAME FUNCTION [ARGUMENT...]
#
# The same for what has been shown by then, with another family or the ends the other way
# round. It is run where the test is asked for by name ($EVERY_CASE, $CASES).
again() {
	! every_case || testcase "$@"
}

every_case() {
	[ -n "${EVERY_CASE:-}${CASES:-}" ]
}

# run_case NAME FUNCTION [ARGUMENT...]: what testcase does, but the result is
# its status. Not to be called in a condition (bash overlooks set -e there).
run_case() {
	local status

	echo "--- $1"
	kmsg_mark "$1"
	rm -rf "${work:?}"/*
	(
		trap testcase_end EXIT
		trap 'exit 143' TERM INT HUP
		trap 'echo "failed (status $?): ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND"' ERR
		cleanup_begin
		set -eE
		"${@:2}"
	)
	status=$?
	kmsg_check || status=1
	return $status
}

testcase_end() {
	local status=$?

	trap - ERR
	set +eE
	[ $status -eq 0 ] || [ $status -eq $ksft_skip ] || show_logs
	cleanup_end
	exit $status
}

# ktap_end: ends the script with the status that its results make.
ktap_end() {
	if [ "$ktap_test" -ne "$ktap_planned" ]; then
		echo "$ktap_test results where $ktap_planned were planned"
		exit 1
	fi
	[ "$ktap_failed" -eq 0 ]
	exit
}

# fails COMMAND...: succeeds if the command fails. ("! COMMAND" would be of no
# use in a test case: set -e overlooks it.)
fails() {
	if "$@"; then
		echo "should have failed: $*"
		return 1
	fi
}
