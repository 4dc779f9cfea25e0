#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The KUnit suites of the module: its pure logic, and the races that only the inside can
# stage. A build with the suites in it (make IKEFP_KUNIT=y) runs them when it is loaded,
# on a kernel with CONFIG_KUNIT; what they say in the kernel's log becomes the cases here.
# There is a suite for each kmod/kunit/*_test.c.

. "${0%/*}/lib.sh"

sources=$selftests/../kmod/kunit
file=${IKEFP_KUNIT_MODULE:-$selftests/../.build/$(uname -r)/kunit/kmod/ikefp.ko}
[ -e "$file" ] || ktap_skip_all "no module with the KUnit suites is built for this kernel"

load() {
	module_unload
	IKEFP_MODULE=$file module_load
	module_unload
}

# results: of the kernel's log a line "ok|bad|skip SUITE CASE" for each case, and
# "end SUITE" for each suite that had all the cases that it planned.
results() {
	sed -E 's/^\[[^]]*\] //' | awk '
		/^    # Subtest: / { suite = $3; ran = planned = 0 }
		/^    1\.\./ { planned = substr($1, 4) + 0 }
		/^    (not )?ok [0-9]+ / {
			status = /^    not/ ? "bad" : / # SKIP/ ? "skip" : "ok"
			sub(/^    (not )?ok [0-9]+ /, "")
			print status, suite, $0
			ran++
		}
		/^(not )?ok [0-9]+ / && $NF == suite && ran && ran == planned { print "end", suite }'
}

report() {
	case $1 in
	ok) pass "$2: $3" ;;
	bad) fail "$2: $3" ;;
	skip) skip "$2: ${3% # SKIP*}" "${3#* # SKIP }" ;;
	esac
}

run_case "the suites, without a complaint of the kernel" load
clean=$?
dmesg | awk -v mark="$kmsg_name" 'seen; index($0, mark) { seen = 1 }' >"$work/said"
cat "$work/said"
results <"$work/said" >"$work/results"

suites=("$sources"/*_test.c)
ktap_plan $((1 + ${#suites[@]} + $(grep -cv '^end ' "$work/results")))
if [ $clean -eq 0 ]; then
	pass "loaded, without a complaint of the kernel"
else
	fail "loaded, without a complaint of the kernel"
fi
while read -r status suite case; do
	report "$status" "$suite" "$case"
done < <(grep -v '^end ' "$work/results")
for suite in "${suites[@]}"; do
	suite=${suite##*/}
	suite=${suite%_test.c}
	if grep -qx "end $suite" "$work/results"; then
		pass "$suite: ran to its end"
	else
		fail "$suite: ran to its end"
	fi
done
ktap_end
