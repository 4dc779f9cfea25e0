// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "busy.h"
#include "fail.h"
#include "roundtrip.h"

struct sockaddr_in roundtrip_address(const char *text, int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, text, &addr.sin_addr) != 1)
		fail("'%s' is no IPv4 address", text);
	return addr;
}

static void *allocate(size_t n, size_t size)
{
	void *memory = calloc(n, size);

	if (!memory)
		fail("no memory");
	/* Pages that were never written to would be made in the counted part. */
	memset(memory, 1, n * size);
	return memory;
}

void roundtrip_allocate(struct question **questions, struct answer **answers, unsigned int count)
{
	*questions = allocate(count, sizeof(**questions));
	*answers = allocate(count, sizeof(**answers));
}

static void ask(const struct roundtrip *trip, const struct question *question,
		const struct sockaddr_in *to)
{
	char control[CMSG_SPACE(sizeof(struct in_pktinfo))] = { 0 };
	struct iovec iov = { (void *)question->octets, question->len };
	struct msghdr msg = {
		.msg_name = (void *)to,
		.msg_namelen = sizeof(*to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	if (question->source.s_addr) {
		struct cmsghdr *cmsg;

		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = IPPROTO_IP;
		cmsg->cmsg_type = IP_PKTINFO;
		cmsg->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
		((struct in_pktinfo *)CMSG_DATA(cmsg))->ipi_spec_dst = question->source;
	}
	if (sendmsg(trip->sock, &msg, 0) != (ssize_t)question->len)
		fail("cannot send: %s", strerror(errno));
}

void roundtrip_ask(const struct roundtrip *trip, const struct question *question,
		   struct answer *answer)
{
	ask(trip, question, &trip->gateway);
	answer->len = recv(trip->sock, answer->octets, ANSWER_SIZE, 0);
}

static uint64_t ask_gateway(const struct roundtrip *trip, const struct question *questions,
			    struct answer *answers, unsigned int count)
{
	uint64_t begin = busy_ns();
	unsigned int i;

	for (i = 0; i < count; i++) {
		roundtrip_ask(trip, &questions[i], &answers[i]);
		if (answers[i].len <= 0)
			fail("no answer to message %u of %u", i + 1, count);
		nanosleep(&trip->pause, NULL);
	}
	return busy_ns() - begin;
}

static uint64_t ask_sink(const struct roundtrip *trip, const struct question *questions,
			 unsigned int count)
{
	uint64_t begin = busy_ns();
	unsigned int i;

	for (i = 0; i < count; i++) {
		ask(trip, &questions[i], &trip->sink);
		nanosleep(&trip->pause, NULL);
	}
	return busy_ns() - begin;
}

/* Sends the answers from the gateway's host, to where they went or to nowhere. */
static uint64_t mirror_answers(const struct roundtrip *trip, const struct question *questions,
			       const struct answer *answers, unsigned int count, bool received)
{
	struct sockaddr_in dest = trip->here;
	uint8_t octets[ANSWER_SIZE];
	uint64_t begin = busy_ns();
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (!received)
			dest.sin_addr = trip->nobody.sin_addr;
		else if (questions[i].source.s_addr)
			dest.sin_addr = questions[i].source;
		if (sendto(trip->mirror, answers[i].octets, answers[i].len, 0,
			   (struct sockaddr *)&dest, sizeof(dest)) != answers[i].len)
			fail("cannot send: %s", strerror(errno));
		if (received && recv(trip->sock, octets, ANSWER_SIZE, 0) != answers[i].len)
			fail("message %u from the gateway's host did not come", i + 1);
		nanosleep(&trip->pause, NULL);
	}
	return busy_ns() - begin;
}

uint64_t roundtrip_measure(const struct roundtrip *trip, const struct question *questions,
			   struct answer *answers, unsigned int count, uint64_t *with_receptions)
{
	const unsigned int warm_up = ROUNDTRIP_WARM_UP;
	const struct question *counted = questions + warm_up;
	const struct timespec settle = { .tv_sec = 2 };
	uint64_t answered, sent, received;

	count -= warm_up;
	ask_gateway(trip, questions, answers, warm_up);
	/* A handshake leaves work for later, such as a key pair for the next one. */
	nanosleep(&settle, NULL);
	answered = ask_gateway(trip, counted, answers + warm_up, count);
	ask_sink(trip, questions, warm_up);
	sent = ask_sink(trip, counted, count);
	mirror_answers(trip, questions, answers, warm_up, true);
	received = mirror_answers(trip, counted, answers + warm_up, count, true);
	mirror_answers(trip, questions, answers, warm_up, false);
	received -= mirror_answers(trip, counted, answers + warm_up, count, false);
	*with_receptions = (answered - sent) / count;
	return (answered - sent - received) / count;
}
