#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Setting up a tunnel on a path of 40 ms that loses 20 % of the packets each way.

. "${0%/*}/../case.sh"
. "${0%/*}/../loss.sh"

measure ikefp establish ikefpd 20
measure charon establish strongswan 20
measure pluto establish pluto 20
bench_end
