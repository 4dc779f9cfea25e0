// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "answers.h"
#include "busy.h"
#include "clock.h"
#include "elsewhere.h"
#include "fail.h"
#include "ikev2.h"
#include "libsk.h"
#include "payload.h"

#define MESSAGE_MAX	4096
#define REQUEST_MAX	128		/* of those that are noted */
#define REQUESTS_MAX	500000
#define PATIENCE_MS	20000
#define LEAD_NS		50000000	/* until the first request is sent again */
#define NAT_KEEPALIVE	0xff		/* the one octet of it (RFC 3948) */

struct message {
	uint8_t octets[MESSAGE_MAX];	/* the marker first, if there is one */
	size_t len;
	struct sockaddr_storage from;
	socklen_t from_len;
};

struct request {
	uint64_t at_ns;			/* since the measurement's begin */
	uint32_t len;
	uint8_t octets[REQUEST_MAX];
};

/* Who asks the same again. */
struct replay {
	int sock;
	struct sockaddr_storage to;
	socklen_t to_len;
	uint64_t begin_ns;
};

static int sock;
static size_t marker;			/* octets */
static struct sockaddr_storage here;
static socklen_t here_len;

static struct peer *peers;
static size_t size;			/* of the table, a power of two */

static struct request *requests;
static uint64_t request_count;

static struct peer *place(uint64_t spi)
{
	size_t i = spi & (size - 1);

	while (peers[i].spi && peers[i].spi != spi)
		i = (i + 1) & (size - 1);
	return &peers[i];
}

void answers_add(const struct peer *peer)
{
	*place(peer->spi) = *peer;
}

int answers_open(const struct endpoint *local, bool natt, unsigned int count)
{
	const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	int room = 64 << 20;

	for (size = 64; size < 2 * (size_t)count;)
		size *= 2;
	peers = calloc(size, sizeof(*peers));
	requests = malloc(REQUESTS_MAX * sizeof(*requests));
	if (!peers || !requests)
		fail("no memory");
	/* Pages that were never written to would be made in the counted part. */
	memset(requests, 1, REQUESTS_MAX * sizeof(*requests));

	marker = natt ? MARKER_LEN : 0;
	here_len = endpoint_to_sockaddr(local, &here);
	sock = socket(here.ss_family, SOCK_DGRAM, 0);
	if (sock < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    bind(sock, (struct sockaddr *)&here, here_len))
		fail("the socket: %s", strerror(errno));
	return sock;
}

static void send_to(const uint8_t *octets, size_t len, const struct sockaddr_storage *to,
		    socklen_t to_len)
{
	if (sendto(sock, octets, len, 0, (const struct sockaddr *)to, to_len) != (ssize_t)len)
		fail("cannot send: %s", strerror(errno));
}

void answers_send(const struct endpoint *gateway, const uint8_t *message, size_t len)
{
	struct sockaddr_storage to;
	socklen_t to_len = endpoint_to_sockaddr(gateway, &to);
	struct buf octets = BUF_INIT;

	buf_zero(&octets, marker);
	buf_put(&octets, message, len);
	send_to(octets.data, octets.len, &to, to_len);
	buf_clear(&octets);
}

static bool is_keepalive(const uint8_t *octets, size_t len)
{
	return len == 1 && octets[0] == NAT_KEEPALIVE;
}

static bool next_message(struct message *message)
{
	ssize_t len;

	message->from_len = sizeof(message->from);
	len = recvfrom(sock, message->octets, MESSAGE_MAX, MSG_DONTWAIT,
		       (struct sockaddr *)&message->from, &message->from_len);
	message->len = len;
	return len >= 0;
}

static void header_of(const uint8_t *octets, size_t len, struct ike_header *header)
{
	if (len < marker || ike_header_read(header, octets + marker, len - marker))
		fail("a message of %zu octets without an IKE header", len);
}

static const struct peer *whose(const struct ike_header *header)
{
	const struct peer *peer;

	peer = place(header->flags & IKE_FLAG_INITIATOR ? header->spi_r : header->spi_i);
	if (!peer->spi)
		fail("a message of an unknown IKE SA");
	return peer;
}

static struct sk_key sk_key(const uint8_t *key)
{
	return (struct sk_key){
		.encr = ENCR_AES_GCM_16, .integ = AUTH_NONE, .e = key, .e_len = PEER_KEY_LEN,
	};
}

/* Answers it, if it is a request; nor does anybody wait for a NAT keepalive. */
static bool answer(const struct message *message)
{
	struct buf response = BUF_INIT, sealed = BUF_INIT;
	struct ike_header header;
	struct sk_key key;

	if (is_keepalive(message->octets, message->len))
		return true;
	header_of(message->octets, message->len, &header);
	if (header.flags & IKE_FLAG_RESPONSE)
		return false;
	if (header.exchange != INFORMATIONAL)
		fail("a request of exchange type %u", header.exchange);
	key = sk_key(whose(&header)->own_key);
	header.flags = IKE_FLAG_RESPONSE | (~header.flags & IKE_FLAG_INITIATOR);
	if (sk_seal(&sealed, &key, &header, NULL, 0, NULL, 0))
		fail("sealing");
	buf_zero(&response, marker);
	buf_put(&response, sealed.data, sealed.len);
	send_to(response.data, response.len, &message->from, message->from_len);
	buf_clear(&response);
	buf_clear(&sealed);
	return true;
}

static bool wait_for_message(int other, int timeout_ms)
{
	struct pollfd pollers[] = {
		{ .fd = sock, .events = POLLIN }, { .fd = other, .events = POLLIN },
	};

	if (poll(pollers, 2, timeout_ms) < 0)
		fail("poll: %s", strerror(errno));
	return !pollers[1].revents && pollers[0].revents;
}

size_t answers_receive(uint8_t *octets, size_t room)
{
	struct message message;

	do {
		while (!next_message(&message)) {
			if (!wait_for_message(-1, PATIENCE_MS))
				fail("no answer");
		}
	} while (answer(&message));
	if (message.len - marker > room)
		fail("a message of %zu octets", message.len);
	memcpy(octets, message.octets + marker, message.len - marker);
	return message.len - marker;
}

void answers_until(int fd)
{
	struct message message;

	while (wait_for_message(fd, -1)) {
		while (next_message(&message))
			answer(&message);
	}
}

static void note(const struct message *message, uint64_t at_ns)
{
	struct request *request = &requests[request_count++];

	if (request_count > REQUESTS_MAX || message->len > REQUEST_MAX)
		fail("a request of %zu octets after %ju others", message->len, request_count - 1);
	request->at_ns = at_ns;
	request->len = message->len;
	memcpy(request->octets, message->octets, message->len);
}

/*
 * Answers for so long; what came is noted, if it is wanted. What came together, when timers
 * are due at the same tick, is to come together again: it has one time.
 */
static void serve(uint64_t begin_ns, unsigned int seconds, bool noting)
{
	uint64_t end_ns = begin_ns + seconds * 1000000000ull, now_ns;
	struct message message;

	while ((now_ns = clock_ns()) < end_ns) {
		if (!wait_for_message(-1, (end_ns - now_ns) / 1000000 + 1))
			continue;
		now_ns = clock_ns();
		while (next_message(&message)) {
			if (!answer(&message))
				fail("a message that nobody waits for");
			if (noting)
				note(&message, now_ns - begin_ns);
		}
	}
}

uint64_t answers_measure(unsigned int seconds, uint64_t *questions, uint64_t *keepalives)
{
	struct busy busy;
	uint64_t total, i;

	request_count = 0;
	busy = busy_begin();
	serve(clock_ns(), seconds, true);
	total = busy_end(&busy);
	*keepalives = 0;
	for (i = 0; i < request_count; i++)
		*keepalives += is_keepalive(requests[i].octets, requests[i].len);
	*questions = request_count - *keepalives;
	return total;
}

/* As a gateway's timers do, it sends all that is due before the peers have their turn. */
static void *send_again(void *arg)
{
	const struct sched_param first = { .sched_priority = 1 };
	const struct replay *replay = arg;
	struct timespec when;
	uint64_t i, at_ns;

	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &first))
		fail("no priority");
	for (i = 0; i < request_count; i++) {
		at_ns = replay->begin_ns + LEAD_NS + requests[i].at_ns;
		when = (struct timespec){ at_ns / 1000000000, at_ns % 1000000000 };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
		if (sendto(replay->sock, requests[i].octets, requests[i].len, 0,
			   (const struct sockaddr *)&replay->to, replay->to_len) !=
		    (ssize_t)requests[i].len)
			fail("cannot send again: %s", strerror(errno));
	}
	return NULL;
}

static uint64_t serve_again(struct replay *replay, unsigned int seconds)
{
	struct busy busy = busy_begin();
	pthread_t thread;

	replay->begin_ns = clock_ns();
	if (pthread_create(&thread, NULL, send_again, replay))
		fail("no thread");
	serve(replay->begin_ns, seconds, false);
	pthread_join(thread, NULL);
	return busy_end(&busy);
}

/* Keeps nothing of what comes. */
static int open_gateway(const char *netns, const struct endpoint *local)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = { 1, &nothing };
	struct sockaddr_storage addr;
	socklen_t len = endpoint_to_sockaddr(local, &addr);
	int there = open_elsewhere(netns, SOCK_DGRAM);

	if (setsockopt(there, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ||
	    bind(there, (struct sockaddr *)&addr, len))
		fail("a socket in %s: %s", netns, strerror(errno));
	return there;
}

static int compare(const void *a, const void *b)
{
	const struct request *one = a, *other = b;

	return memcmp(one->octets, other->octets, marker + IKE_HEADER_LEN);
}

static void forget_keepalives(void)
{
	uint64_t i, kept = 0;

	for (i = 0; i < request_count; i++) {
		if (!is_keepalive(requests[i].octets, requests[i].len))
			requests[kept++] = requests[i];
	}
	request_count = kept;
}

/* All questions were authentic and empty, and none came twice: its answer was taken. */
static void check(void)
{
	struct buf inner = BUF_INIT;
	struct ike_header header;
	struct sk_key key;
	uint8_t first;
	uint64_t i;

	forget_keepalives();
	for (i = 0; i < request_count; i++) {
		header_of(requests[i].octets, requests[i].len, &header);
		key = sk_key(whose(&header)->key);
		if (sk_open(&inner, &first, &key, requests[i].octets + marker,
			    requests[i].len - marker) || inner.len)
			fail("request %ju is no empty INFORMATIONAL request", i + 1);
	}
	buf_clear(&inner);
	qsort(requests, request_count, sizeof(*requests), compare);
	for (i = 1; i < request_count; i++) {
		if (!compare(&requests[i - 1], &requests[i]))
			fail("an answer was not taken: its request came again");
	}
}

uint64_t answers_replay(const struct endpoint *gateway, const char *netns,
			const struct endpoint *nobody, unsigned int seconds)
{
	struct replay replay = { .sock = open_gateway(netns, gateway) };
	uint64_t answered, sent;

	replay.to = here;
	replay.to_len = here_len;
	answered = serve_again(&replay, seconds);
	replay.to_len = endpoint_to_sockaddr(nobody, &replay.to);
	sent = serve_again(&replay, seconds);
	close(replay.sock);
	check();
	return answered - sent;
}
