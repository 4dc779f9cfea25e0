#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A voice stream, and then TCP, through a tunnel by TCP whose path loses packets.

. "${0%/*}/../case.sh"
. "${0%/*}/../voip.sh"

measure ikefp voip tcp
bench_end
