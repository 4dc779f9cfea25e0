// SPDX-License-Identifier: GPL-2.0
/*
 * Windows above one (RFC 7296 section 2.3): the peer's requests in any order, each handed
 * up once and answered as often as it is asked; ours, as many as the peer can take, each
 * with its own copies and its own end.
 */

#include "kselftest_harness.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "die.h"
#include "fragment.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "rawnl.h"
#include "sk.h"
#include "trial.h"

#define SPI 0x0102030405060708ull
#define MAX_MESSAGES 32

/* Octets that are sent more than once, or expected to come more than once. */
struct octets {
	uint8_t octets[512];
	size_t len;
};

FIXTURE(windows)
{
	struct rawnl rawnl;
	struct client *client;
	struct client *watcher;
	struct peer *peer;
	struct octets requests[MAX_MESSAGES]; /* the peer's, from its first ID on */
	struct octets answers[MAX_MESSAGES];
	uint32_t base;
};

FIXTURE_VARIANT(windows)
{
	const char *kernel, *peer;
	int algorithm;
	bool kernel_initiates;
	enum ikefp_listener_kind kind;
};

FIXTURE_VARIANT_ADD(windows, v4_responder) {
	.kernel = "127.0.0.1", .peer = "127.0.0.2", .algorithm = 0, .kernel_initiates = false,
	.kind = IKEFP_LISTENER_KIND_NATT,
};

FIXTURE_VARIANT_ADD(windows, v4_initiator) {
	.kernel = "127.0.0.1", .peer = "127.0.0.2", .algorithm = 4, .kernel_initiates = true,
	.kind = IKEFP_LISTENER_KIND_IKE,
};

FIXTURE_VARIANT_ADD(windows, v6_responder) {
	.kernel = "fd00::1", .peer = "fd00::2", .algorithm = 8, .kernel_initiates = false,
	.kind = IKEFP_LISTENER_KIND_IKE,
};

FIXTURE_VARIANT_ADD(windows, v6_initiator) {
	.kernel = "fd00::1", .peer = "fd00::2", .algorithm = 2, .kernel_initiates = true,
	.kind = IKEFP_LISTENER_KIND_NATT,
};

typedef FIXTURE_DATA(windows) windows;

static void init_sa(windows *self, const FIXTURE_VARIANT(windows) *variant)
{
	if (variant->kernel_initiates)
		peer_init_kernel_initiates(self->peer, self->client, SPI,
					   &sk_algorithms[variant->algorithm]);
	else
		peer_init_kernel_responds(self->peer, self->client, SPI,
					  &sk_algorithms[variant->algorithm]);
	self->base = self->peer->next_out;
}

/* An established SA; nothing is retransmitted nor forgotten by itself. */
FIXTURE_SETUP(windows)
{
	size_t i;

	for (i = 0; i < sizeof(inner); i++)
		inner[i] = i ^ i >> 8 ^ 0x5a;
	netns_new();
	if (strchr(variant->kernel, ':')) {
		run("for i in 1 2; do ip address add fd00::$i/128 dev lo nodad; done");
		netns_await_local("fd00::1");
		netns_await_local("fd00::2");
	}
	self->rawnl = rawnl_open();
	self->client = client_open(CLIENT_WORKER);
	self->watcher = client_open(CLIENT_EVENTS);
	client_listen(self->watcher, variant->kind, variant->kernel, 500);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_MIN_MS, 60000);
	client_set(self->watcher, IKEFP_A_POLICY_JITTER_PERCENT, 0);
	client_set(self->watcher, IKEFP_A_POLICY_HALF_OPEN_MS, 86400000);
	client_set(self->watcher, IKEFP_A_POLICY_REASSEMBLY_MS, 86400000);
	self->peer = peer_open(variant->peer, variant->kernel, 500, variant->kind);
	init_sa(self, variant);
	peer_establish(self->peer, self->client);
	client_count_anew(self->watcher);
}

FIXTURE_TEARDOWN(windows)
{
	peer_close(self->peer);
	client_close(self->watcher);
	if (self->client)
		client_close(self->client);
	rawnl_close(&self->rawnl);
}

/* 0: as it is. */
static void widen(windows *self, uint32_t in, uint32_t out)
{
	const struct ikefp_sa_change change = {
		.spi = self->peer->kernel_spi, .window_in = in, .window_out = out,
	};

	if (ikefp_sa_set(self->watcher->nl, &change))
		die("sa-set windows: %s", ikefp_nl_error(self->watcher->nl));
}

static struct ikefp_sa_info sa_info(windows *self)
{
	struct ikefp_sa_info info;

	if (ikefp_sa_get(self->watcher->nl, self->peer->kernel_spi, &info))
		die("sa-get: %s", ikefp_nl_error(self->watcher->nl));
	return info;
}

/* The requests of the peer are counted from 0, each with octets of its own. */
static void make_request(windows *self, int n, uint8_t exchange_type, size_t len)
{
	struct ike_header header = peer_header(self->peer, exchange_type, self->base + n, false);

	self->requests[n].len = sk_seal(&self->peer->keys, &header, NULL,
					len ? PAYLOAD_IDI : PAYLOAD_NONE, inner, len,
					self->requests[n].octets);
}

static void send_request(windows *self, int n)
{
	peer_send(self->peer, self->requests[n].octets, self->requests[n].len);
}

/* For the first time. It must come up, and nothing else. */
static bool ask(windows *self, int n)
{
	const struct ikefp_message_in *message;

	make_request(self, n, CREATE_CHILD_SA, 40 + n);
	send_request(self, n);
	message = client_wait_message(self->client);
	return message->message_id == self->base + n && message->payload.len == 40U + n &&
	       !client_wait(self->client, 0);
}

/* For the first time, when it must not be taken. */
#define EXPECT_OUTSIDE(n) \
	do { \
		make_request(self, n, CREATE_CHILD_SA, 40 + (n)); \
		client_count_anew(self->watcher); \
		send_request(self, n); \
		EXPECT_COUNTED(self->watcher, "rx-messages+1 drop-message-id+1"); \
	} while (0)

#define EXPECT_IN_PROGRESS(n) \
	do { \
		client_count_anew(self->watcher); \
		send_request(self, n); \
		EXPECT_COUNTED(self->watcher, "rx-messages+1 drop-in-progress+1"); \
	} while (0)

/* The worker answers, with octets that tell which. */
static void answer(windows *self, int n)
{
	struct peer *peer = self->peer;
	struct octets *octets = &self->answers[n];

	peer_kernel_responds(peer, self->client, CREATE_CHILD_SA, self->base + n, PAYLOAD_NONCE,
			     inner, 100 + n);
	peer_expect(peer);
	if (*peer_open_message(peer) || peer->got_header.message_id != self->base + n ||
	    peer->inner_len != 100 + n || peer->got_len > sizeof(octets->octets))
		die("not the answer to request %d", n);
	octets->len = peer->got_len;
	memcpy(octets->octets, peer->got, peer->got_len);
}

/* A duplicate, which was answered. */
#define EXPECT_ANSWERED(n) \
	do { \
		client_count_anew(self->watcher); \
		send_request(self, n); \
		peer_expect(self->peer); \
		ASSERT_EQ(self->answers[n].len, self->peer->got_len); \
		EXPECT_EQ(0, memcmp(self->answers[n].octets, self->peer->got, \
				    self->peer->got_len)); \
		EXPECT_COUNTED(self->watcher, \
			       "rx-messages+1 tx-messages+1 duplicates-answered+1"); \
	} while (0)

#define EXPECT_QUIET() \
	do { \
		EXPECT_NULL(client_wait(self->client, 0)); \
		EXPECT_FALSE(peer_receive(self->peer, 0)); \
	} while (0)

#define EXPECT_IN(n) EXPECT_EQ(self->base + (n), sa_info(self).message_id_in)

TEST_F(windows, shown)
{
	struct ikefp_sa_info info = sa_info(self);

	EXPECT_EQ(1, info.window_in);
	EXPECT_EQ(1, info.window_out);
	EXPECT_EQ(0, info.unanswered_count);
	widen(self, 4, 0);
	info = sa_info(self);
	EXPECT_EQ(4, info.window_in);
	EXPECT_EQ(1, info.window_out);
	widen(self, 0, 16);
	info = sa_info(self);
	EXPECT_EQ(4, info.window_in);
	EXPECT_EQ(16, info.window_out);
	EXPECT_NE(NULL, client_wait_event(self->watcher, IKEFP_EVENT_KIND_SA_CHANGED,
					  PATIENCE_MS));
	EXPECT_COUNTED(self->watcher, "");
}

#define SET IKEFP_CMD_SA_SET
#define RANGE "a window is from 1 to 16"
#define GROWS "a window can only grow (RFC 7296 section 2.3)"

TEST_F(windows, refused)
{
	uint64_t spi = self->peer->kernel_spi;
	const struct trial trials[] = {
		{ SET, { BE64(SA(SPI), spi), U32(SA(WINDOW_IN), 0) }, -ERANGE, RANGE,
		  SA(WINDOW_IN) },
		{ SET, { BE64(SA(SPI), spi), U32(SA(WINDOW_IN), 17) }, -ERANGE, RANGE,
		  SA(WINDOW_IN) },
		{ SET, { BE64(SA(SPI), spi), U32(SA(WINDOW_OUT), 0) }, -ERANGE, RANGE,
		  SA(WINDOW_OUT) },
		{ SET, { BE64(SA(SPI), spi), U32(SA(WINDOW_OUT), 0xffffffff) }, -ERANGE, RANGE,
		  SA(WINDOW_OUT) },
		{ SET, { BE64(SA(SPI), spi), U8(SA(WINDOW_OUT), 1) }, -EINVAL, WRONG_LENGTH,
		  SA(WINDOW_OUT) },
		{ SET, { BE64(SA(SPI), spi), OCTETS(SA(UNANSWERED), 4) }, -EINVAL, UNSUPPORTED,
		  SA(UNANSWERED) },
		{ SET, { BE64(SA(SPI), spi), U32(SA(WINDOW_IN), 1), U32(SA(WINDOW_OUT), 1) } },
		{ SET, { BE64(SA(SPI), spi), U32(SA(WINDOW_IN), 16), U32(SA(WINDOW_OUT), 5) } },
		{ SET, { BE64(SA(SPI), spi), U32(SA(WINDOW_IN), 16), U32(SA(WINDOW_OUT), 5) } },
		{ SET, { BE64(SA(SPI), spi), U32(SA(WINDOW_IN), 15) }, -EINVAL, GROWS,
		  SA(WINDOW_IN) },
		/* Both or none. */
		{ SET, { BE64(SA(SPI), spi), U32(SA(WINDOW_IN), 1), U32(SA(WINDOW_OUT), 6) },
		  -EINVAL, GROWS, SA(WINDOW_IN) },
		{ SET, { BE64(SA(SPI), spi), U32(SA(WINDOW_IN), 16), U32(SA(WINDOW_OUT), 4) },
		  -EINVAL, GROWS, SA(WINDOW_OUT) },
	};
	const struct trial full[] = {
		{ SET, { BE64(SA(SPI), spi), U32(SA(WINDOW_OUT), 6) }, -ENOSPC,
		  "max-cache-octets of messages are kept already" },
	};
	struct ikefp_sa_info info;

	EXPECT_TRIALS(trials);
	info = sa_info(self);
	EXPECT_EQ(16, info.window_in);
	EXPECT_EQ(5, info.window_out);
	client_count_anew(self->watcher);
	client_set(self->watcher, IKEFP_A_POLICY_MAX_CACHE_OCTETS, 1024);
	EXPECT_TRIALS(full);
	EXPECT_EQ(5, sa_info(self).window_out);
	EXPECT_COUNTED(self->watcher, "drop-cache-limit+1");
}

/* Before it is established a window is one; it may be set together with that. */
TEST_F(windows, half_open)
{
	const char *early = "a window is 1 until the SA is established (RFC 7296 section 3.10.1)";
	struct ikefp_sa_info info;
	uint64_t spi;

	if (ikefp_sa_del(self->client->nl, self->peer->kernel_spi))
		die("sa-del: %s", ikefp_nl_error(self->client->nl));
	init_sa(self, variant);
	spi = self->peer->kernel_spi;
	const struct trial trials[] = {
		{ SET, { BE64(SA(SPI), spi), U32(SA(WINDOW_IN), 1), U32(SA(WINDOW_OUT), 1) } },
		{ SET, { BE64(SA(SPI), spi), U32(SA(WINDOW_IN), 2) }, -EINVAL, early,
		  SA(WINDOW_IN) },
		{ SET, { BE64(SA(SPI), spi), U32(SA(WINDOW_OUT), 2) }, -EINVAL, early,
		  SA(WINDOW_OUT) },
		{ SET, { BE64(SA(SPI), spi), U8(SA(STATE), IKEFP_SA_STATE_ESTABLISHED),
			 U32(SA(WINDOW_IN), 2), U32(SA(WINDOW_OUT), 3) } },
	};

	EXPECT_TRIALS(trials);
	info = sa_info(self);
	EXPECT_EQ(2, info.window_in);
	EXPECT_EQ(3, info.window_out);
}

/* All that it takes goes with the SA. */
TEST_F(windows, memory)
{
	uint64_t before, after;
	int i;

	before = client_counter(self->watcher, IKEFP_A_STATS_CACHE_OCTETS);
	widen(self, 3, 2);
	widen(self, 16, 16);
	after = client_counter(self->watcher, IKEFP_A_STATS_CACHE_OCTETS);
	EXPECT_LT(before, after);
	EXPECT_GT(before + 16384, after);
	/* The same again takes nothing. */
	widen(self, 16, 16);
	EXPECT_EQ(after, client_counter(self->watcher, IKEFP_A_STATS_CACHE_OCTETS));
	for (i = 0; i < 16; i++)
		EXPECT_TRUE(ask(self, i));
	for (i = 0; i < 16; i++)
		answer(self, i);
	for (i = 0; i < 16; i++)
		peer_kernel_requests(self->peer, self->client, INFORMATIONAL, PAYLOAD_IDI, "a", 1);
	EXPECT_LT(after, client_counter(self->watcher, IKEFP_A_STATS_CACHE_OCTETS));
	client_set(self->watcher, IKEFP_A_POLICY_LINGER_MS, 0);
	client_count_anew(self->watcher);
	ASSERT_EQ(0, ikefp_sa_del(self->client->nl, self->peer->kernel_spi));
	EXPECT_COUNTED(self->watcher, "sas-1");
	while (client_counter(self->watcher, IKEFP_A_STATS_CACHE_OCTETS))
		poll(NULL, 0, 5);
}

TEST_F(windows, in_any_order)
{
	widen(self, 4, 0);
	EXPECT_TRUE(ask(self, 3));
	EXPECT_IN(0);
	EXPECT_TRUE(ask(self, 1));
	EXPECT_OUTSIDE(4);
	EXPECT_TRUE(ask(self, 0));
	EXPECT_IN(2);
	/* Each once. */
	EXPECT_IN_PROGRESS(0);
	EXPECT_IN_PROGRESS(1);
	EXPECT_IN_PROGRESS(3);
	EXPECT_TRUE(ask(self, 2));
	EXPECT_IN(4);
	EXPECT_IN_PROGRESS(2);
	/* The peer may not send the next before it has the answer to the first. */
	EXPECT_OUTSIDE(4);
	answer(self, 2);
	answer(self, 1);
	EXPECT_OUTSIDE(4);
	EXPECT_ANSWERED(2);
	EXPECT_ANSWERED(1);
	EXPECT_IN_PROGRESS(0);
	answer(self, 0);
	EXPECT_OUTSIDE(8);
	/* The third has no answer yet: that is as far as it goes. */
	EXPECT_OUTSIDE(7);
	EXPECT_TRUE(ask(self, 6));
	EXPECT_IN(4);
	/* By sending that it has shown that it has the answers to those a window before. */
	EXPECT_OUTSIDE(2);
	EXPECT_OUTSIDE(1);
	EXPECT_IN_PROGRESS(3);
	answer(self, 3);
	EXPECT_ANSWERED(3);
	EXPECT_TRUE(ask(self, 4));
	EXPECT_TRUE(ask(self, 7));
	EXPECT_IN(5);
	EXPECT_OUTSIDE(3);
	EXPECT_TRUE(ask(self, 5));
	EXPECT_IN(8);
	answer(self, 7);
	answer(self, 6);
	answer(self, 5);
	answer(self, 4);
	EXPECT_ANSWERED(4);
	EXPECT_ANSWERED(5);
	EXPECT_ANSWERED(6);
	EXPECT_ANSWERED(7);
	EXPECT_QUIET();
}

/* What is not the peer's, within the window as elsewhere. */
TEST_F(windows, forged)
{
	struct octets *request;
	int n;

	widen(self, 3, 0);
	EXPECT_TRUE(ask(self, 1));
	answer(self, 1);
	client_count_anew(self->watcher);
	for (n = 0; n < 3; n++) {
		request = &self->requests[n];
		if (n != 1)
			make_request(self, n, CREATE_CHILD_SA, 40 + n);
		request->octets[request->len - 1] ^= 1;
		send_request(self, n);
		EXPECT_COUNTED(self->watcher, n == 1 ? "rx-messages+1 drop-digest+1" :
						       "rx-messages+1 drop-integrity+1");
		request->octets[request->len - 1] ^= 1;
	}
	EXPECT_IN(0);
	EXPECT_QUIET();
	EXPECT_ANSWERED(1);
	EXPECT_TRUE(ask(self, 2));
	EXPECT_TRUE(ask(self, 0));
}

/* Answers are for requests that were received, each once. */
TEST_F(windows, answer_refused)
{
	struct ikefp_message_out message = {
		.spi = self->peer->kernel_spi, .response = true,
		.exchange_type = CREATE_CHILD_SA,
	};

	widen(self, 3, 0);
	EXPECT_TRUE(ask(self, 1));
	message.message_id = self->base;
	EXPECT_EQ(-EINVAL, ikefp_message_send(self->client->nl, &message, NULL));
	message.message_id = self->base + 2;
	EXPECT_EQ(-EINVAL, ikefp_message_send(self->client->nl, &message, NULL));
	message.message_id = self->base + 4;
	EXPECT_EQ(-EINVAL, ikefp_message_send(self->client->nl, &message, NULL));
	answer(self, 1);
	message.message_id = self->base + 1;
	EXPECT_EQ(-EINVAL, ikefp_message_send(self->client->nl, &message, NULL));
	EXPECT_STREQ("no such request waits for a response", ikefp_nl_error(self->client->nl));
	EXPECT_QUIET();
}

/* What asks for nothing but a sign of life is answered by the kernel, in any order. */
TEST_F(windows, liveness_answered)
{
	widen(self, 2, 0);
	make_request(self, 1, INFORMATIONAL, 0);
	client_count_anew(self->watcher);
	send_request(self, 1);
	peer_expect(self->peer);
	EXPECT_STREQ("", peer_open_message(self->peer));
	EXPECT_EQ(self->base + 1, self->peer->got_header.message_id);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 tx-messages+1 liveness-answered+1");
	send_request(self, 1);
	peer_expect(self->peer);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 tx-messages+1 duplicates-answered+1");
	EXPECT_OUTSIDE(2);
	EXPECT_TRUE(ask(self, 0));
	EXPECT_IN(2);
	/* Two can be on their way, and the first of them is not answered. */
	EXPECT_OUTSIDE(2);
	answer(self, 0);
	EXPECT_TRUE(ask(self, 2));
	EXPECT_QUIET();
}

/* To the last of the longest window, in the worst order; then all once more. */
TEST_F(windows, widest)
{
	int i, round;

	widen(self, 16, 0);
	for (round = 0; round < 2; round++) {
		for (i = 15; i >= 0; i--)
			EXPECT_TRUE(ask(self, 16 * round + i));
		EXPECT_IN(16 * (round + 1));
		for (i = 0; i < 16; i++)
			answer(self, 16 * round + (i * 7) % 16);
		for (i = 0; i < 16; i++)
			EXPECT_ANSWERED(16 * round + i);
	}
	EXPECT_QUIET();
}

/* A window grows in the midst of everything. */
TEST_F(windows, in_grows)
{
	const uint32_t size = 576;
	const struct ikefp_sa_change fragments = {
		.spi = self->peer->kernel_spi, .fragment_size = &size,
	};
	struct cut cut;

	ASSERT_EQ(0, ikefp_sa_set(self->client->nl, &fragments));
	EXPECT_TRUE(ask(self, 0));
	answer(self, 0);
	widen(self, 2, 0);
	EXPECT_ANSWERED(0);
	EXPECT_TRUE(ask(self, 1));
	answer(self, 1);
	/* The second is missing; the first can no longer be asked for. */
	EXPECT_TRUE(ask(self, 3));
	self->peer->next_out = self->base + 2;
	cut = cut_request(self->peer, 100, 2);
	client_count_anew(self->watcher);
	send_fragment(self->peer, &cut, 2);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 rx-fragments+1");
	/* The places of the first and of the last become the same. */
	widen(self, 3, 0);
	EXPECT_OUTSIDE(0);
	EXPECT_OUTSIDE(1);
	EXPECT_IN_PROGRESS(3);
	EXPECT_OUTSIDE(5);
	EXPECT_TRUE(ask(self, 4));
	client_count_anew(self->watcher);
	send_fragment(self->peer, &cut, 1);
	EXPECT_WHOLE(self->client, cut);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 upcalls+1 rx-fragments+1 reassembled+1");
	EXPECT_IN(5);
	answer(self, 3);
	answer(self, 2);
	EXPECT_TRUE(ask(self, 5));
	widen(self, 16, 0);
	EXPECT_IN_PROGRESS(4);
	EXPECT_ANSWERED(3);
	EXPECT_OUTSIDE(20);
	EXPECT_TRUE(ask(self, 19));
	answer(self, 4);
	EXPECT_TRUE(ask(self, 20));
	EXPECT_QUIET();
}

static void set_fragment_size(windows *self)
{
	const uint32_t size = 576;
	const struct ikefp_sa_change change = {
		.spi = self->peer->kernel_spi, .fragment_size = &size,
	};

	if (ikefp_sa_set(self->client->nl, &change))
		die("sa-set fragment-size: %s", ikefp_nl_error(self->client->nl));
	client_count_anew(self->watcher);
}

static struct cut cut_nth(windows *self, int n, size_t len, uint16_t total)
{
	self->peer->next_out = self->base + n;
	return cut_request(self->peer, len, total);
}

/* Several requests come in fragments at the same time. */
TEST_F(windows, fragments_interleaved)
{
	struct cut cuts[3];
	int i;

	widen(self, 3, 0);
	set_fragment_size(self);
	for (i = 0; i < 3; i++)
		cuts[i] = cut_nth(self, i, 500 + 10 * i, 3);
	for (i = 0; i < 3; i++)
		send_fragment(self->peer, &cuts[i], 3 - i);
	for (i = 0; i < 3; i++)
		send_fragment(self->peer, &cuts[i], 1 + i);
	/* Of the second both were the same one. */
	EXPECT_COUNTED(self->watcher,
		       "rx-messages+6 rx-fragments+5 drop-fragment-duplicate+1");
	EXPECT_QUIET();
	send_fragment(self->peer, &cuts[2], 2);
	EXPECT_WHOLE(self->client, cuts[2]);
	send_fragment(self->peer, &cuts[0], 2);
	EXPECT_WHOLE(self->client, cuts[0]);
	EXPECT_IN(1);
	send_fragment(self->peer, &cuts[1], 1);
	send_fragment(self->peer, &cuts[1], 3);
	EXPECT_WHOLE(self->client, cuts[1]);
	EXPECT_IN(3);
	EXPECT_COUNTED(self->watcher,
		       "rx-messages+4 upcalls+3 rx-fragments+4 reassembled+3");
	EXPECT_EQ(0, client_counter(self->watcher, IKEFP_A_STATS_REASSEMBLY_OCTETS));
}

/* They share the room of one; but what is expected gets through. */
TEST_F(windows, fragments_bounded)
{
	struct cut first, second, third;
	int i;

	widen(self, 3, 0);
	set_fragment_size(self);
	first = cut_nth(self, 0, 60000, 4);
	second = cut_nth(self, 1, 60000, 4);
	third = cut_nth(self, 2, 60000, 4);
	for (i = 1; i <= 3; i++)
		send_fragment(self->peer, &second, i);
	send_fragment(self->peer, &third, 1);
	EXPECT_COUNTED(self->watcher, "rx-messages+4 rx-fragments+4");
	send_fragment(self->peer, &third, 2);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 drop-fragment-limit+1");
	for (i = 1; i <= 3; i++)
		send_fragment(self->peer, &first, i);
	send_fragment(self->peer, &third, 2);
	EXPECT_COUNTED(self->watcher, "rx-messages+4 rx-fragments+3 drop-fragment-limit+1");
	/* Nor does the second fit as long as the third has its share. */
	send_fragment(self->peer, &second, 4);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 drop-fragment-limit+1");
	send_fragment(self->peer, &first, 4);
	EXPECT_WHOLE(self->client, first);
	/* It is the second that is expected now. */
	send_fragment(self->peer, &second, 4);
	EXPECT_WHOLE(self->client, second);
	for (i = 2; i <= 4; i++)
		send_fragment(self->peer, &third, i);
	EXPECT_WHOLE(self->client, third);
	EXPECT_EQ(0, client_counter(self->watcher, IKEFP_A_STATS_REASSEMBLY_OCTETS));
}

/* Each is forgotten in its own time. */
TEST_F(windows, fragments_forgotten)
{
	struct cut patient, hasty;

	widen(self, 2, 0);
	set_fragment_size(self);
	patient = cut_nth(self, 1, 500, 2);
	hasty = cut_nth(self, 0, 500, 2);
	send_fragment(self->peer, &patient, 1);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 rx-fragments+1");
	client_set(self->watcher, IKEFP_A_POLICY_REASSEMBLY_MS, 100);
	send_fragment(self->peer, &hasty, 1);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 rx-fragments+1 reassembly-timeouts+1");
	send_fragment(self->peer, &patient, 2);
	EXPECT_WHOLE(self->client, patient);
	client_set(self->watcher, IKEFP_A_POLICY_REASSEMBLY_MS, 86400000);
	send_fragment(self->peer, &hasty, 2);
	send_fragment(self->peer, &hasty, 1);
	EXPECT_WHOLE(self->client, hasty);
	EXPECT_IN(2);
}

/* What was sent earlier but comes later does not take the SA back. */
TEST_F(windows, follow)
{
	struct ikefp_sa_info info;
	struct upcall *upcall;
	int sock, moved;

	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){ .follow = true });
	widen(self, 2, 0);
	make_request(self, 0, CREATE_CHILD_SA, 40);
	sock = peer_move(self->peer, variant->peer);
	make_request(self, 1, CREATE_CHILD_SA, 40);
	send_request(self, 1);
	EXPECT_EQ(self->base + 1, client_wait_message(self->client)->message_id);
	upcall = client_wait(self->client, PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_MOVED, upcall->kind);
	info = sa_info(self);
	EXPECT_TRUE(address_same(&self->peer->local, &info.endpoint.remote));
	moved = self->peer->sock;
	self->peer->sock = sock;
	send_request(self, 0);
	self->peer->sock = moved;
	EXPECT_EQ(self->base, client_wait_message(self->client)->message_id);
	info = sa_info(self);
	EXPECT_TRUE(address_same(&self->peer->local, &info.endpoint.remote));
	EXPECT_QUIET();
	close(sock);
}

/* Our own requests */

static uint32_t request(windows *self)
{
	return peer_kernel_requests(self->peer, self->client, CREATE_CHILD_SA, PAYLOAD_IDI, inner,
				    30);
}

/* The next message must be this request, and is kept. */
#define EXPECT_REQUEST(id, kept) \
	do { \
		struct octets *__kept = (kept); \
		peer_expect(self->peer); \
		EXPECT_EQ(id, self->peer->got_header.message_id); \
		EXPECT_EQ(0, self->peer->got_header.flags & FLAG_RESPONSE); \
		EXPECT_STREQ("", peer_open_message(self->peer)); \
		if (__kept) { \
			__kept->len = self->peer->got_len; \
			memcpy(__kept->octets, self->peer->got, self->peer->got_len); \
		} \
	} while (0)

static void respond(windows *self, uint32_t id)
{
	peer_send_response(self->peer, CREATE_CHILD_SA, id, PAYLOAD_NONCE, inner, 20);
}

/* Its response comes up. */
#define EXPECT_RESPONSE(id) \
	do { \
		const struct ikefp_message_in *__in; \
		respond(self, id); \
		__in = client_wait_message(self->client); \
		EXPECT_TRUE(__in->response); \
		EXPECT_EQ(id, __in->message_id); \
		EXPECT_NULL(client_wait(self->client, 0)); \
	} while (0)

#define EXPECT_BUSY() \
	do { \
		const struct ikefp_message_out __another = { \
			.spi = self->peer->kernel_spi, .exchange_type = INFORMATIONAL, \
		}; \
		EXPECT_EQ(-EBUSY, ikefp_message_send(self->client->nl, &__another, NULL)); \
		EXPECT_STREQ("window-out requests are without an outcome", \
			     ikefp_nl_error(self->client->nl)); \
	} while (0)

TEST_F(windows, out_at_once)
{
	struct ikefp_sa_info info;
	uint32_t first;
	int i;

	widen(self, 0, 3);
	client_count_anew(self->watcher);
	first = request(self);
	for (i = 1; i < 3; i++)
		EXPECT_EQ(first + i, request(self));
	for (i = 0; i < 3; i++)
		EXPECT_REQUEST(first + i, NULL);
	EXPECT_BUSY();
	EXPECT_COUNTED(self->watcher, "tx-messages+3");
	info = sa_info(self);
	EXPECT_EQ(3, info.outstanding);
	EXPECT_EQ(1, info.tries);
	EXPECT_EQ(first + 3, info.message_id_out);
	ASSERT_EQ(3, info.unanswered_count);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(first + i, info.unanswered[i]);

	/* A response to what was not asked, or not so, or once more. */
	client_count_anew(self->watcher);
	respond(self, first + 3);
	respond(self, first - 1);
	peer_send_response(self->peer, INFORMATIONAL, first + 1, PAYLOAD_NONCE, inner, 20);
	EXPECT_COUNTED(self->watcher, "rx-messages+3 drop-stale-response+3");
	EXPECT_RESPONSE(first + 1);
	respond(self, first + 1);
	EXPECT_COUNTED(self->watcher, "rx-messages+2 upcalls+1 drop-stale-response+1");
	info = sa_info(self);
	EXPECT_EQ(2, info.outstanding);
	ASSERT_EQ(2, info.unanswered_count);

	/* The next is a window from the first, which has no answer: it waits for that. */
	client_count_anew(self->watcher);
	EXPECT_EQ(first + 3, request(self));
	EXPECT_BUSY();
	EXPECT_COUNTED(self->watcher, "");
	EXPECT_EQ(2, sa_info(self).outstanding);
	EXPECT_EQ(3, sa_info(self).unanswered_count);
	respond(self, first + 3);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 drop-stale-response+1");
	EXPECT_RESPONSE(first + 2);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 upcalls+1");
	EXPECT_RESPONSE(first);
	EXPECT_REQUEST(first + 3, NULL);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 tx-messages+1 upcalls+1");
	EXPECT_RESPONSE(first + 3);
	EXPECT_EQ(0, sa_info(self).unanswered_count);
	EXPECT_QUIET();
}

/* One answer opens the window for all that wait, and they go in their order. */
TEST_F(windows, out_all_that_wait)
{
	uint32_t first;
	int i;

	widen(self, 0, 16);
	first = request(self);
	for (i = 1; i < 16; i++)
		EXPECT_EQ(first + i, request(self));
	for (i = 0; i < 16; i++)
		EXPECT_REQUEST(first + i, NULL);
	for (i = 15; i > 0; i--)
		EXPECT_RESPONSE(first + i);
	client_count_anew(self->watcher);
	for (i = 16; i < 31; i++)
		EXPECT_EQ(first + i, request(self));
	EXPECT_BUSY();
	EXPECT_COUNTED(self->watcher, "");
	EXPECT_EQ(1, sa_info(self).outstanding);
	EXPECT_RESPONSE(first);
	for (i = 16; i < 31; i++)
		EXPECT_REQUEST(first + i, NULL);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 tx-messages+15 upcalls+1");
	EXPECT_EQ(15, sa_info(self).outstanding);
	for (i = 16; i < 31; i++)
		EXPECT_RESPONSE(first + i);
	EXPECT_QUIET();
}

/* What waits goes out when the window grows, no further than that. */
TEST_F(windows, out_grows)
{
	uint32_t first;

	first = request(self);
	EXPECT_REQUEST(first, NULL);
	widen(self, 0, 2);
	EXPECT_EQ(first + 1, request(self));
	EXPECT_REQUEST(first + 1, NULL);
	EXPECT_RESPONSE(first + 1);
	EXPECT_EQ(first + 2, request(self));
	EXPECT_BUSY();
	EXPECT_FALSE(peer_receive(self->peer, 0));
	widen(self, 0, 3);
	EXPECT_REQUEST(first + 2, NULL);
	EXPECT_EQ(first + 3, request(self));
	EXPECT_BUSY();
	EXPECT_FALSE(peer_receive(self->peer, 0));
	EXPECT_RESPONSE(first);
	EXPECT_REQUEST(first + 3, NULL);
	EXPECT_RESPONSE(first + 3);
	EXPECT_RESPONSE(first + 2);
	EXPECT_QUIET();
}

/* Each has its own copies, at its own times, and gives its own sample (Karn). */
TEST_F(windows, out_retransmitted)
{
	struct ikefp_sa_info before, info;
	struct octets lost, delayed;
	uint32_t first;

	widen(self, 0, 3);
	client_set(self->watcher, IKEFP_A_POLICY_GIVE_UP_MS, 86400000);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_MAX_MS, 86400000);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_MIN_MS, 86400000);
	first = request(self);
	EXPECT_REQUEST(first, &delayed);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_MIN_MS, 100);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_INITIAL_MS, 100);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_MAX_MS, 100);
	EXPECT_EQ(first + 1, request(self));
	EXPECT_REQUEST(first + 1, &lost);
	/* The first of them has a day, the second is sent again, and again. */
	EXPECT_REQUEST(first + 1, NULL);
	ASSERT_EQ(lost.len, self->peer->got_len);
	EXPECT_EQ(0, memcmp(lost.octets, self->peer->got, lost.len));
	EXPECT_REQUEST(first + 1, NULL);
	ASSERT_EQ(lost.len, self->peer->got_len);
	EXPECT_EQ(0, memcmp(lost.octets, self->peer->got, lost.len));
	before = sa_info(self);
	EXPECT_EQ(1, before.tries);
	EXPECT_RESPONSE(first + 1);
	info = sa_info(self);
	EXPECT_EQ(before.srtt_us, info.srtt_us);
	EXPECT_EQ(before.rttvar_us, info.rttvar_us);
	EXPECT_EQ(1, info.outstanding);
	/* Once answered it is quiet, and the other's answer is a sample. */
	while (peer_receive(self->peer, 0))
		;
	client_count_anew(self->watcher);
	EXPECT_RESPONSE(first);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 upcalls+1");
	info = sa_info(self);
	EXPECT_TRUE(before.srtt_us != info.srtt_us || before.rttvar_us != info.rttvar_us);
	EXPECT_EQ(0, info.outstanding);
}

/* All are due at once: all go out again, and are given up, each told once. */
TEST_F(windows, out_given_up)
{
	bool told[3] = { false };
	struct upcall *upcall;
	uint32_t first;
	int i;

	widen(self, 0, 4);
	client_set(self->watcher, IKEFP_A_POLICY_TRIES, 1);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_MIN_MS, 200);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_INITIAL_MS, 200);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_MAX_MS, 200);
	client_count_anew(self->watcher);
	first = request(self);
	for (i = 1; i < 4; i++)
		EXPECT_EQ(first + i, request(self));
	for (i = 0; i < 4; i++)
		EXPECT_REQUEST(first + i, NULL);
	EXPECT_RESPONSE(first + 1);
	for (i = 0; i < 3; i++) {
		uint32_t id;

		upcall = client_wait(self->client, PATIENCE_MS);
		ASSERT_NE(NULL, upcall);
		ASSERT_EQ(UPCALL_TIMEOUT, upcall->kind);
		EXPECT_EQ(CREATE_CHILD_SA, upcall->exchange_type);
		id = upcall->message_id - first;
		ASSERT_TRUE(id == 0 || id == 2 || id == 3);
		id = id ? id - 1 : 0;
		EXPECT_FALSE(told[id]);
		told[id] = true;
	}
	EXPECT_COUNTED(self->watcher, "rx-messages+1 tx-messages+7 upcalls+4 retransmits+3 "
		       "exchange-timeouts+3");
	EXPECT_EQ(0, sa_info(self).unanswered_count);
	EXPECT_NULL(client_wait(self->client, 0));
	respond(self, first);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 drop-stale-response+1");
}

/* The kernel's own question has its place in the window, and its answer opens it. */
TEST_F(windows, out_after_liveness)
{
	struct ikefp_sa_info info;
	uint32_t question;

	widen(self, 0, 2);
	client_set(self->watcher, IKEFP_A_POLICY_KEEPALIVE_MS, 0);
	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){ .liveness_ms = 100 });
	peer_expect(self->peer);
	question = self->peer->got_header.message_id;
	EXPECT_EQ(INFORMATIONAL, self->peer->got_header.exchange_type);
	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){ .liveness_ms = 0 });
	EXPECT_EQ(question + 1, request(self));
	EXPECT_REQUEST(question + 1, NULL);
	EXPECT_EQ(question + 2, request(self));
	EXPECT_BUSY();
	info = sa_info(self);
	EXPECT_EQ(2, info.outstanding);
	ASSERT_EQ(2, info.unanswered_count);
	EXPECT_EQ(question + 1, info.unanswered[0]);
	EXPECT_EQ(question + 2, info.unanswered[1]);
	EXPECT_FALSE(peer_receive(self->peer, 0));
	/* An answer to the second leaves the window where it is. */
	EXPECT_RESPONSE(question + 1);
	EXPECT_EQ(question + 3, request(self));
	EXPECT_BUSY();
	EXPECT_FALSE(peer_receive(self->peer, 0));
	peer_send_response(self->peer, INFORMATIONAL, question, 0, NULL, 0);
	EXPECT_REQUEST(question + 2, NULL);
	EXPECT_REQUEST(question + 3, NULL);
	EXPECT_RESPONSE(question + 3);
	EXPECT_RESPONSE(question + 2);
	EXPECT_QUIET();
}

static void die_and_wait(windows *self)
{
	client_close(self->client);
	self->client = NULL;
	if (!client_wait_event(self->watcher, IKEFP_EVENT_KIND_SA_ORPHANED, PATIENCE_MS))
		die("no SA became an orphan");
	client_count_anew(self->watcher);
}

static bool wait_until_waiting(windows *self, uint32_t waiting)
{
	int64_t until = clock_us() + PATIENCE_MS * 1000;

	while (sa_info(self).waiting != waiting && clock_us() < until)
		poll(NULL, 0, 5);
	return sa_info(self).waiting == waiting;
}

/* Requests both ways when the worker dies, and while there is none. */
TEST_F(windows, adopted)
{
	struct upcall *upcall;
	uint32_t first;
	int i;

	widen(self, 4, 3);
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(ask(self, i));
	answer(self, 1);
	first = request(self);
	for (i = 0; i < 3; i++) {
		if (i)
			EXPECT_EQ(first + i, request(self));
		EXPECT_REQUEST(first + i, NULL);
	}
	EXPECT_RESPONSE(first + 1);
	EXPECT_EQ(first + 3, request(self));
	die_and_wait(self);
	/* Those that it had in its hands are as if lost; what it answered is answered. */
	EXPECT_IN(0);
	EXPECT_ANSWERED(1);
	send_request(self, 2);
	EXPECT_TRUE(wait_until_waiting(self, 1));
	EXPECT_IN_PROGRESS(2);
	respond(self, first + 2);
	EXPECT_TRUE(wait_until_waiting(self, 2));

	self->client = client_open(CLIENT_WORKER);
	upcall = client_adopt(self->client, self->peer->kernel_spi);
	ASSERT_NE(NULL, upcall);
	ASSERT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_EQ(4, upcall->info.window_in);
	EXPECT_EQ(3, upcall->info.window_out);
	EXPECT_EQ(1, upcall->info.outstanding);
	EXPECT_EQ(self->base, upcall->info.message_id_in);
	EXPECT_EQ(first + 4, upcall->info.message_id_out);
	/* The answer that waits, and those that are still to come. */
	ASSERT_EQ(3, upcall->info.unanswered_count);
	EXPECT_EQ(first + 2, upcall->info.unanswered[0]);
	EXPECT_EQ(2 * first + 3, upcall->info.unanswered[1] + upcall->info.unanswered[2]);
	EXPECT_EQ(self->base + 2, client_wait_message(self->client)->message_id);
	EXPECT_EQ(first + 2, client_wait_message(self->client)->message_id);
	EXPECT_NULL(client_wait(self->client, 0));

	EXPECT_IN_PROGRESS(2);
	send_request(self, 0);
	EXPECT_EQ(self->base, client_wait_message(self->client)->message_id);
	EXPECT_IN(3);
	send_request(self, 3);
	EXPECT_EQ(self->base + 3, client_wait_message(self->client)->message_id);
	EXPECT_IN(4);
	answer(self, 3);
	answer(self, 2);
	answer(self, 0);
	for (i = 0; i < 4; i++)
		EXPECT_ANSWERED(i);
	EXPECT_RESPONSE(first);
	EXPECT_REQUEST(first + 3, NULL);
	EXPECT_RESPONSE(first + 3);
	EXPECT_QUIET();
}

/* As many wait for adoption as the windows let come; each once. */
TEST_F(windows, waiting)
{
	struct upcall *upcall;
	uint32_t first;
	int i;

	widen(self, 16, 16);
	first = request(self);
	EXPECT_REQUEST(first, NULL);
	for (i = 1; i < 16; i++) {
		EXPECT_EQ(first + i, request(self));
		EXPECT_REQUEST(first + i, NULL);
	}
	die_and_wait(self);
	for (i = 0; i < 16; i++) {
		make_request(self, i, CREATE_CHILD_SA, 40 + i);
		send_request(self, i);
		respond(self, first + i);
	}
	EXPECT_TRUE(wait_until_waiting(self, 32));
	self->client = client_open(CLIENT_WORKER);
	upcall = client_adopt(self->client, self->peer->kernel_spi);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_ADOPTED, upcall->kind);
	for (i = 0; i < 16; i++) {
		EXPECT_EQ(self->base + i, client_wait_message(self->client)->message_id);
		EXPECT_EQ(first + i, client_wait_message(self->client)->message_id);
	}
	EXPECT_QUIET();
	/* Those that came up after the adoption are this worker's to lose. */
	answer(self, 3);
	die_and_wait(self);
	EXPECT_IN(0);
	send_request(self, 0);
	EXPECT_TRUE(wait_until_waiting(self, 1));
	EXPECT_IN(1);
	EXPECT_ANSWERED(3);
}

MODULE_TEST_MAIN
