#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Setting up a tunnel on a path of 40 ms that loses 10 % of the packets each way.

. "${0%/*}/../case.sh"
. "${0%/*}/../loss.sh"

measure ikefp establish ikefpd 10
measure charon establish strongswan 10
measure pluto establish pluto 10
bench_end
