/* SPDX-License-Identifier: GPL-2.0 */
/* Datagrams of real handshakes, recorded, and what chance makes of them. */
#ifndef IKEFP_TEST_CORPUS_H
#define IKEFP_TEST_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuzz.h"
#include "ike.h"

/* What a made up datagram is long at most: more than one packet. */
#define CORPUS_MAX_LEN 6000

struct recorded {
	uint16_t port;		/* the listener's: 500, or 4500 with the marker */
	size_t len;
	uint8_t *octets;
};

struct corpus {
	struct recorded *items;
	size_t number;
};

/* A datagram as it was on the wire, to or from a listener's port; copied. */
void corpus_add(struct corpus *corpus, uint16_t port, const void *octets, size_t len);
void corpus_free(struct corpus *corpus);

/*
 * Makes up a datagram for @port from what was recorded, mostly changed, into
 * CORPUS_MAX_LEN octets of room. Returns its length, which may be 0.
 */
size_t corpus_make_up(const struct corpus *corpus, struct fuzz *fuzz, uint16_t port,
		      uint8_t *octets);

/* Changes a datagram for @port that is in such a room, in several ways. Likewise. */
size_t corpus_change(const struct corpus *corpus, struct fuzz *fuzz, uint16_t port,
		     uint8_t *octets, size_t len);

/*
 * What asked for an answer, and the answers to be matched with it: none is longer than
 * what it answers, and none answers what was not asked.
 */
struct asked {
	uint64_t spi_i;
	uint32_t message_id;
	uint8_t exchange_type;
	size_t len;		/* 0: answered */
};

/* How a listener on @port understands a datagram; false if it cannot be an IKE message. */
bool asked_of(struct asked *asked, uint16_t port, const uint8_t *octets, size_t len);

/*
 * Finds what a datagram answers, of those not answered yet, and takes it for answered.
 * Returns "" or what is wrong with the answer.
 */
const char *asked_answer(struct asked *asked, size_t number, uint16_t port,
			 const uint8_t *octets, size_t len);

#endif
