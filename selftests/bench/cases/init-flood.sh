#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One IKE_SA_INIT request from a host that was not heard of before, in a flood of them: what
# comes back is a COOKIE.
#
# charon asks for cookies once it has ten half-open IKE SAs, its default; ikefp by its own.
# Both get as many half-open SAs from hosts without a cookie until they ask for one.

. "${0%/*}/../case.sh"
. "${0%/*}/../ask.sh"

measure ikefp ask ikefpd cookie 2000 1 0.0.0.0
measure charon ask strongswan cookie 2000 1 0.0.0.0
bench_end
