#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Setting up a tunnel on a path of 40 ms that loses 30 % of the packets each way.

. "${0%/*}/../case.sh"
. "${0%/*}/../loss.sh"

measure ikefp establish ikefpd 30
measure charon establish strongswan 30
measure pluto establish pluto 30
bench_end
