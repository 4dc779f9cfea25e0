#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One ESP-in-UDP packet of 1,000 octets, from the device to the inner UDP socket, without GRO.
#
# Stock is a UDP_ENCAP socket of a program that does nothing else, with the policies that an
# IKE daemon's socket needs; ikefp is ikefpd without a connection. The ESP SAs, made by hand,
# and the policies of the namespace are the same. What sending the same packets to a device
# costs that throws them away is subtracted.

. "${0%/*}/../case.sh"
. "${0%/*}/../esp.sh"

esp_in() {
	esp_wire
	"$1_start" gw </dev/null
	esp_carry packet
}

measure stock esp_in stock
measure ikefp esp_in ikefpd
bench_end
