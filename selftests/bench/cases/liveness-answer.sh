#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One new empty INFORMATIONAL request, answered.
#
# All have their defaults and one connection with a pre-shared key (see dup-request). Each
# answer is opened afterwards, outside what is counted.

. "${0%/*}/../case.sh"
. "${0%/*}/../ask.sh"

measure ikefp ask ikefpd liveness
measure charon ask strongswan liveness
measure pluto ask pluto liveness
bench_end
