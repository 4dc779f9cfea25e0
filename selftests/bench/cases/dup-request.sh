#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One duplicate of an answered sealed request, answered once more.
#
# charon and pluto have their defaults, one connection with a pre-shared key, and no log
# beyond their usual level, which says a line of each duplicate; so does nobody's idle
# work count. The peer is a program that sends one datagram and waits for the answer.

. "${0%/*}/../case.sh"
. "${0%/*}/../ask.sh"

measure ikefp ask ikefpd dup-request
measure charon ask strongswan dup-request
measure pluto ask pluto dup-request
bench_end
