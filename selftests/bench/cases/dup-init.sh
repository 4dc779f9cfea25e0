#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One duplicate of an IKE_SA_INIT request that was answered, answered once more.
#
# All have their defaults and one connection with a pre-shared key (see dup-request). A
# duplicate comes every 25 ms: who has not shown to be where it says it is gets no more than
# 50 answers a second of ikefp.

. "${0%/*}/../case.sh"
. "${0%/*}/../ask.sh"

measure ikefp ask ikefpd dup-init 700 25
measure charon ask strongswan dup-init 700 25
measure pluto ask pluto dup-init 700 25
bench_end
