/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The peers of a gateway that asks whether they are there: they answer, all at one socket,
 * and what the asking costs the gateway is told from what the answers cost them.
 */
#ifndef IKEFP_BENCH_ANSWERS_H
#define IKEFP_BENCH_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "endpoint.h"

#define PEER_KEY_LEN	20		/* AES-GCM, 128 bits and the salt */
#define MARKER_LEN	4		/* the non-ESP marker (RFC 3948) */

/* What is left of an IKE SA. */
struct peer {
	uint64_t spi;			/* its own */
	uint8_t own_key[PEER_KEY_LEN], key[PEER_KEY_LEN]; /* SK_e, its own and the gateway's */
};

/* Up to @count peers at @local; messages are behind a marker with @natt. Returns the socket. */
int answers_open(const struct endpoint *local, bool natt, unsigned int count);
void answers_add(const struct peer *peer);

/* Sends the gateway an IKE message. */
void answers_send(const struct endpoint *gateway, const uint8_t *message, size_t len);
/* The next message that asks for nothing; those that ask are answered meanwhile. */
size_t answers_receive(uint8_t *message, size_t size);
/* Answers until there is something to be read from @fd. */
void answers_until(int fd);

/*
 * Answers for so long, and notes what came, and when. Writes how many questions and NAT
 * keepalives that were. Returns the instructions of the whole machine.
 */
uint64_t answers_measure(unsigned int seconds, uint64_t *questions, uint64_t *keepalives);
/*
 * What of that was not the gateway's: when it is no more, the same is sent at the same times
 * by a socket of this process on @gateway, in its network namespace (a file), which keeps no
 * answers; less what it takes to send as much to @nobody, a host that is not there.
 */
uint64_t answers_replay(const struct endpoint *gateway, const char *netns,
			const struct endpoint *nobody, unsigned int seconds);

#endif
