// SPDX-License-Identifier: GPL-2.0
/*
 * usage: handshake LOCAL REMOTE SINK-PORT COUNT
 *
 * What a handshake, IKE_SA_INIT and IKE_AUTH with a Child SA, costs the gateway REMOTE.
 * COUNT peers, of the names gw1-0.example and so on, one after the other. After each of
 * its two messages the peer sleeps until the gateway has done all that comes of it; its
 * own work, keys and AUTH, is done while nothing is counted. The same messages then go
 * to a port of the gateway's host where all is thrown away (SINK-PORT). Printed is the
 * difference, in instructions for one handshake.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "busy.h"
#include "fail.h"
#include "initiator.h"

#define ANSWER_SIZE	4096
#define WARM_UP		3
#define NAME_SIZE	32

/* Sends it, and waits until the gateway is idle again. Instructions from then to then. */
static uint64_t counted_send(const struct initiator *initiator, const struct buf *message)
{
	const struct timespec while_it_works = { .tv_nsec = 40 * 1000 * 1000 };
	struct busy busy = busy_begin();

	initiator_send(initiator, message->data, message->len);
	if (nanosleep(&while_it_works, NULL))
		fail("the sleep was cut short");
	return busy_end(&busy);
}

/* The first time, the kernel loads and tests its ciphers: many seconds. */
static int patience_ms = 60000;

static size_t receive(const struct initiator *initiator, uint8_t *answer, const char *to_what)
{
	struct pollfd fd = { .fd = initiator->sock, .events = POLLIN };
	ssize_t len = -1;

	if (poll(&fd, 1, patience_ms) > 0)
		len = recv(initiator->sock, answer, ANSWER_SIZE, 0);

	if (len < 0)
		fail("no answer to %s of %s", to_what, initiator->id_local);
	return (size_t)len;
}

/* Instructions of IKE_SA_INIT and of IKE_AUTH. */
static uint64_t phase[2];

static void handshake(struct initiator *initiator)
{
	uint8_t answer[ANSWER_SIZE];
	size_t len;

	initiator_make_init(initiator);
	phase[0] += counted_send(initiator, &initiator->init);
	len = receive(initiator, answer, "IKE_SA_INIT");
	initiator_take_init(initiator, answer, len);
	initiator_make_auth(initiator);
	phase[1] += counted_send(initiator, &initiator->auth);
	len = receive(initiator, answer, "IKE_AUTH");
	initiator_take_auth(initiator, answer, len);
}

static void in_vain(struct initiator *initiator, const struct endpoint *sink)
{
	const struct endpoint gateway = initiator->remote;

	initiator->remote = *sink;
	phase[0] += counted_send(initiator, &initiator->init);
	phase[1] += counted_send(initiator, &initiator->auth);
	initiator->remote = gateway;
}

int main(int argc, char **argv)
{
	char id_local[NAME_SIZE], id_remote[NAME_SIZE], ts_local[NAME_SIZE], ts_remote[NAME_SIZE];
	struct endpoint local, gateway, sink;
	struct initiator initiator;
	unsigned int i, count;
	uint64_t answered[2];

	if (argc != 5)
		fail("usage: handshake LOCAL REMOTE SINK-PORT COUNT");
	local = initiator_address(argv[1], IKE_PORT);
	gateway = initiator_address(argv[2], IKE_PORT);
	sink = initiator_address(argv[2], atoi(argv[3]));
	count = strtoul(argv[4], NULL, 10);

	initiator_open(&initiator, &local, &gateway);
	initiator.id_local = id_local;
	initiator.id_remote = id_remote;
	initiator.ts_local = ts_local;
	initiator.ts_remote = ts_remote;
	for (i = 0; i < WARM_UP + count; i++) {
		if (i == WARM_UP) {
			memset(phase, 0, sizeof(phase));
			patience_ms = 0;
		}
		snprintf(id_local, sizeof(id_local), "gw1-%u.example", i);
		snprintf(id_remote, sizeof(id_remote), "gw2-%u.example", i);
		snprintf(ts_local, sizeof(ts_local), "10.1%u.%u.0/24", i / 250, i % 250);
		snprintf(ts_remote, sizeof(ts_remote), "10.2%u.%u.0/24", i / 250, i % 250);
		handshake(&initiator);
	}
	memcpy(answered, phase, sizeof(phase));
	for (i = 0; i < WARM_UP + count; i++) {
		if (i == WARM_UP)
			memset(phase, 0, sizeof(phase));
		in_vain(&initiator, &sink);
	}
	fprintf(stderr, "IKE_SA_INIT: %" PRIu64 " answered, %" PRIu64 " sent in vain; IKE_AUTH: %"
		PRIu64 ", %" PRIu64 "\n", answered[0] / count, phase[0] / count,
		answered[1] / count, phase[1] / count);
	printf("%" PRIu64 "\n", (answered[0] + answered[1] - phase[0] - phase[1]) / count);
	initiator_close(&initiator);
	return 0;
}
