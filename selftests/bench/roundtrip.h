/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What it costs a gateway to answer: questions are sent, each when the answer to the one before
 * has come, and what that costs this program is measured and taken off (ask.c says how).
 */
#ifndef IKEFP_BENCH_ROUNDTRIP_H
#define IKEFP_BENCH_ROUNDTRIP_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define ROUNDTRIP_WARM_UP	100	/* the first questions, which are not counted */
#define ANSWER_SIZE		1024

struct answer {
	ssize_t len;
	uint8_t octets[ANSWER_SIZE];
};

struct question {
	const uint8_t *octets;
	size_t len;
	struct in_addr source;		/* 0: the socket's own */
};

struct roundtrip {
	int sock;			/* which asks */
	int mirror;			/* a socket in the gateway's network namespace */
	struct sockaddr_in here;	/* the first one's address */
	struct sockaddr_in gateway;
	struct sockaddr_in sink;	/* at the gateway, where all is thrown away */
	struct sockaddr_in nobody;	/* a host that is not there */
	struct timespec pause;		/* after each answer */
};

struct sockaddr_in roundtrip_address(const char *text, int port);

/* Room for as many, those of the warm-up included. */
void roundtrip_allocate(struct question **questions, struct answer **answers, unsigned int count);

/* One question. The length of its answer is not above 0 if none came. */
void roundtrip_ask(const struct roundtrip *trip, const struct question *question,
		   struct answer *answer);

/*
 * All of them, those of the warm-up first. Returns the gateway's share of one, in instructions;
 * writes that with this program's receptions. Without an answer to each the program ends.
 */
uint64_t roundtrip_measure(const struct roundtrip *trip, const struct question *questions,
			   struct answer *answers, unsigned int count,
			   uint64_t *with_receptions);

#endif
