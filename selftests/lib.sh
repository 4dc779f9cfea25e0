# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests in shell share. A test reads as the scenario it proves:
#
#	. "${0%/*}/lib.sh"
#
#	tunnel() {
#		topo_nat
#		ikefpd_start gw1 < <(psk_conf gw1)
#		...
#		lan1 ping -c 1 "$lan2_addr"
#	}
#
#	ktap_plan 1
#	testcase "a tunnel through a NAT" tunnel
#	ktap_end
#
# Every test case runs in a subshell under set -e: a command that fails, fails
# it. What it started and built is ended and taken down when it is over.

selftests=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
for part in ktap cleanup netns topology module show gateway tunnel child exchange life rekey; do
	. "$selftests/lib/$part.sh"
done
unset part
