/* SPDX-License-Identifier: GPL-2.0 */
/* Lifetimes of SAs, in whatever unit. */
#ifndef IKEFPD_LIFETIME_H
#define IKEFPD_LIFETIME_H

#include <stdint.h>

/*
 * After rekey, less up to rand by chance, so that not all peers do it at once, an SA is
 * replaced; after life it ends if it was not. 0: never.
 */
struct lifetime {
	uint64_t rekey, life, rand;
};

/* A number from 0 to most. */
uint64_t lifetime_random(uint64_t most);
/* When to replace an SA: rekey less a part of rand. 0: never. */
uint64_t lifetime_soft(const struct lifetime *l);
/* The earlier of two times, each of which may be never, 0. */
uint64_t lifetime_earlier(uint64_t a, uint64_t b);
/* The end of a time that begins then; 0 if that is never. */
uint64_t lifetime_end(uint64_t begin, uint64_t length);

#endif
