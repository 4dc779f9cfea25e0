#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A million octets of TCP through the tunnel: from the device, which has GRO on, as interfaces
# have, to a program that reads them, and the acknowledgements back to the device.
#
# charon has its defaults and no connection, ikefp is ikefpd without one; stock is a
# UDP_ENCAP socket of a program that does nothing else. The ESP SAs, made by hand, and the
# policies of the namespace are the same. The packets come in bursts of 64; what sending the
# same packets to a device costs that throws them away is subtracted.

. "${0%/*}/../case.sh"
. "${0%/*}/../esp.sh"

esp_stream() {
	esp_wire
	"$1_start" gw </dev/null
	esp_bursts
	esp_carry stream
}

measure ikefp esp_stream ikefpd
measure charon esp_stream strongswan
measure stock esp_stream stock
bench_end
