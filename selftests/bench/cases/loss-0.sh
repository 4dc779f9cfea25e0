#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Setting up a tunnel on a path of 40 ms that loses no packets.

. "${0%/*}/../case.sh"
. "${0%/*}/../loss.sh"

measure ikefp establish ikefpd 0
measure charon establish strongswan 0
measure pluto establish pluto 0
bench_end
