/* SPDX-License-Identifier: GPL-2.0 */
/* Chance that can be had again, and how much of it: $FUZZ_SEED and $FUZZ_MESSAGES. */
#ifndef IKEFP_TEST_FUZZ_H
#define IKEFP_TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fuzz {
	uint64_t state;
};

/* Messages that a fuzzer is to send: $FUZZ_MESSAGES, 2000 unless set. */
unsigned long fuzz_messages(void);

/* Whether these are so many that what is not reached by them is out of reach. */
bool fuzz_enough(void);
/* Likewise, for what is reached by one message in some thousands. */
bool fuzz_enough_for_rare(void);

/* After so many of all: says so at each tenth. From one thread alone. */
void fuzz_progress(unsigned long sent, unsigned long all);

/* $FUZZ_SEED, or another one in each process. */
uint64_t fuzz_seed(void);

/* Of one seed, each stream is different and always the same. */
struct fuzz fuzz_begin(uint64_t seed, unsigned int stream);

uint64_t fuzz_next(struct fuzz *fuzz);
/* A number below @limit, which is not 0. */
uint64_t fuzz_below(struct fuzz *fuzz, uint64_t limit);
/* True so many times in a hundred. */
bool fuzz_percent(struct fuzz *fuzz, unsigned int percent);
void fuzz_octets(struct fuzz *fuzz, void *octets, size_t len);

/* A number that somebody may not have thought of: edges, powers of two, any. */
uint64_t fuzz_number(struct fuzz *fuzz);

#endif
