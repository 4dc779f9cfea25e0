// SPDX-License-Identifier: GPL-2.0
/*
 * What keeps a flood of IKE_SA_INIT requests out (RFC 7296 section 2.6, RFC 8019):
 * cookies, and limits by source and in all. What the limits do in a flood is in
 * flood.c and flood-tunnel.sh.
 */

#include "kselftest_harness.h"

#include <errno.h>

#include "client.h"
#include "clock.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull
#define LEN 120
#define NONCE_AT (HEADER_LEN + 4)
#define ANSWER_LEN (HEADER_LEN + NOTIFY_LEN + COOKIE_LEN)
#define NOTIFY_COOKIE 16390

#define MADE "sas+1 half-open+1 rx-messages+1 upcalls+1"
#define ASKED "rx-messages+1 tx-messages+1 cookies-sent+1 drop-no-cookie+1"
#define ASKED_AGAIN "rx-messages+1 tx-messages+1 cookies-sent+1 drop-bad-cookie+1"

FIXTURE(cookies)
{
	struct client *client;
	struct peer *peer;	/* three sources; the first two close to each other */
	struct peer *near;
	struct peer *far;
	uint8_t message[MESSAGE_SIZE];
};

FIXTURE_VARIANT(cookies)
{
	const char *kernel, *local, *near, *far;
	enum ikefp_listener_kind kind;
	int prefix_setting;
	/* With so many bits all three are one, the first two are, and none are. */
	uint32_t all, two, none;
};

FIXTURE_VARIANT_ADD(cookies, ike_v4) {
	.kernel = "127.0.0.1", .local = "127.0.1.2", .near = "127.0.1.3", .far = "127.0.2.2",
	.kind = IKEFP_LISTENER_KIND_IKE, .prefix_setting = IKEFP_A_POLICY_SOURCE_PREFIX_IPV4,
	.all = 16, .two = 24, .none = 32,
};

FIXTURE_VARIANT_ADD(cookies, natt_v6) {
	.kernel = "::1", .local = "fd00:0:0:1::2", .near = "fd00:0:0:1::3",
	.far = "fd00:0:0:2::2",
	.kind = IKEFP_LISTENER_KIND_NATT, .prefix_setting = IKEFP_A_POLICY_SOURCE_PREFIX_IPV6,
	.all = 48, .two = 64, .none = 128,
};

FIXTURE_SETUP(cookies)
{
	netns_new();
	if (variant->kind == IKEFP_LISTENER_KIND_NATT) {
		run("ip address add %s/128 dev lo nodad", variant->local);
		run("ip address add %s/128 dev lo nodad", variant->near);
		run("ip address add %s/128 dev lo nodad", variant->far);
		netns_await_local(variant->local);
		netns_await_local(variant->near);
		netns_await_local(variant->far);
	}
	self->client = client_open(CLIENT_WORKER);
	client_listen(self->client, variant->kind, variant->kernel, 500);
	self->peer = peer_open(variant->local, variant->kernel, 500, variant->kind);
	self->near = peer_open(variant->near, variant->kernel, 500, variant->kind);
	self->far = peer_open(variant->far, variant->kernel, 500, variant->kind);
	client_count_anew(self->client);
}

FIXTURE_TEARDOWN(cookies)
{
	peer_close(self->far);
	peer_close(self->near);
	peer_close(self->peer);
	client_close(self->client);
}

/* The request of @len octets, with a cookie put before its payloads. */
static size_t put_cookie(uint8_t *message, size_t len, const uint8_t *cookie, size_t cookie_len)
{
	size_t more = NOTIFY_LEN + cookie_len;
	uint8_t *notify = message + HEADER_LEN;

	memmove(notify + more, notify, len - HEADER_LEN);
	memset(notify, 0, NOTIFY_LEN);
	notify[0] = message[16];
	put16(notify + 2, more);
	put16(notify + 6, NOTIFY_COOKIE);
	memcpy(notify + NOTIFY_LEN, cookie, cookie_len);
	message[16] = PAYLOAD_NOTIFY;
	put32(message + 24, len + more);
	return len + more;
}

/* Sends a request and takes the cookie that it is answered with, checked octet for octet. */
static void ask(struct peer *peer, uint64_t spi, uint8_t fill, uint8_t cookie[COOKIE_LEN])
{
	uint8_t request[LEN];
	uint8_t answer[ANSWER_LEN] = {
		[16] = PAYLOAD_NOTIFY, [17] = 0x20, [18] = IKE_SA_INIT, [19] = FLAG_RESPONSE,
		[27] = ANSWER_LEN, [31] = NOTIFY_LEN + COOKIE_LEN,
		[34] = NOTIFY_COOKIE >> 8, [35] = NOTIFY_COOKIE & 0xff,
	};

	put64(answer, spi);
	peer_send(peer, request, ike_put_init(request, spi, 0, fill, LEN));
	peer_expect(peer);
	if (peer->got_len != ANSWER_LEN ||
	    memcmp(peer->got, answer, HEADER_LEN + NOTIFY_LEN))
		die("not the answer that asks for a cookie");
	memcpy(cookie, peer->got + HEADER_LEN + NOTIFY_LEN, COOKIE_LEN);
}

static void send_init(struct peer *peer, uint64_t spi, uint8_t fill)
{
	uint8_t request[LEN];

	peer_send(peer, request, ike_put_init(request, spi, 0, fill, LEN));
}

static void send_cookie(struct peer *peer, uint64_t spi, uint8_t fill, const uint8_t *cookie,
			size_t cookie_len)
{
	uint8_t request[LEN + 256];

	ike_put_init(request, spi, 0, fill, LEN);
	peer_send(peer, request, put_cookie(request, LEN, cookie, cookie_len));
}

/* The upcall of the request sent last; our SPI. */
static uint64_t taken(struct client *client, struct peer *peer)
{
	const struct ikefp_message_in *request = client_wait_message(client);

	if (!request->raw || request->payload.len != peer->sent_len ||
	    memcmp(request->payload.data, peer->sent, peer->sent_len))
		die("not the request");
	return request->spi;
}

TEST_F(cookies, asked_and_returned)
{
	uint8_t cookie[COOKIE_LEN], again[COOKIE_LEN], answer[LEN];
	const struct ikefp_message_out response = {
		.raw = true, .payload = { answer, LEN },
	};
	struct ikefp_message_out out = response;

	client_set(self->client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 0);
	ask(self->peer, SPI, 1, cookie);
	EXPECT_COUNTED(self->client, ASKED);
	/* Nothing was kept, and nobody was told. */
	EXPECT_NULL(client_wait(self->client, 0));
	ask(self->peer, SPI, 1, again);
	EXPECT_COUNTED(self->client, ASKED);
	EXPECT_EQ(0, memcmp(cookie, again, COOKIE_LEN));

	/* The helper gets the request as it was sent, cookie and all, which AUTH covers. */
	send_cookie(self->peer, SPI, 1, cookie, COOKIE_LEN);
	out.spi = taken(self->client, self->peer);
	EXPECT_COUNTED(self->client, MADE " cookies-accepted+1");
	/* Its duplicates are like others. */
	peer_send_again(self->peer);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-in-progress+1");
	ike_put_init(answer, SPI, out.spi, 2, LEN);
	ASSERT_EQ(0, ikefp_message_send(self->client->nl, &out, NULL));
	peer_expect(self->peer);
	client_count_anew(self->client);
	peer_send_again(self->peer);
	peer_expect(self->peer);
	EXPECT_EQ(LEN, self->peer->got_len);
	EXPECT_EQ(0, memcmp(self->peer->got, answer, LEN));
	EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 duplicates-answered+1");
	/* The one without is still asked. */
	ask(self->peer, SPI, 1, again);
	EXPECT_COUNTED(self->client, ASKED);
}

/* A cookie is for one address, SPI and nonce; not for one port. */
TEST_F(cookies, bound)
{
	struct peer *other = peer_open(variant->local, variant->kernel, 500, variant->kind);
	uint8_t cookie[COOKIE_LEN], wrong[64];
	int i;

	client_let_all_in(self->client);
	client_set(self->client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 0);
	ask(self->peer, SPI, 1, cookie);
	EXPECT_COUNTED(self->client, ASKED);
	send_cookie(self->near, SPI, 1, cookie, COOKIE_LEN);
	EXPECT_COUNTED(self->client, ASKED_AGAIN);
	send_cookie(self->peer, SPI + 1, 1, cookie, COOKIE_LEN);
	EXPECT_COUNTED(self->client, ASKED_AGAIN);
	send_cookie(self->peer, SPI, 2, cookie, COOKIE_LEN);
	EXPECT_COUNTED(self->client, ASKED_AGAIN);
	for (i = 0; i < COOKIE_LEN; i++) {
		memcpy(wrong, cookie, COOKIE_LEN);
		wrong[i] ^= 0x80;
		send_cookie(self->peer, SPI, 1, wrong, COOKIE_LEN);
		EXPECT_COUNTED(self->client, ASKED_AGAIN);
	}
	memset(wrong, 0, sizeof(wrong));
	memcpy(wrong, cookie, COOKIE_LEN);
	send_cookie(self->peer, SPI, 1, wrong, COOKIE_LEN - 1);
	EXPECT_COUNTED(self->client, ASKED_AGAIN);
	send_cookie(self->peer, SPI, 1, wrong, COOKIE_LEN + 1);
	EXPECT_COUNTED(self->client, ASKED_AGAIN);
	send_cookie(self->peer, SPI, 1, wrong, sizeof(wrong));
	EXPECT_COUNTED(self->client, ASKED_AGAIN);
	/* Of no octets it is none. */
	send_cookie(self->peer, SPI, 1, wrong, 0);
	EXPECT_COUNTED(self->client, ASKED);
	send_cookie(other, SPI, 1, cookie, COOKIE_LEN);
	EXPECT_COUNTED(self->client, MADE " cookies-accepted+1");
	peer_close(other);
}

/* The cookie is the first payload (RFC 7296 section 2.6). */
TEST_F(cookies, elsewhere_in_the_message)
{
	uint8_t cookie[COOKIE_LEN], request[256];
	size_t len = LEN, at;

	client_set(self->client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 0);
	ask(self->peer, SPI, 1, cookie);
	EXPECT_COUNTED(self->client, ASKED);
	ike_put_init(request, SPI, 0, 1, LEN);
	at = len;
	request[HEADER_LEN] = PAYLOAD_NOTIFY;
	memset(request + at, 0, NOTIFY_LEN);
	put16(request + at + 2, NOTIFY_LEN + COOKIE_LEN);
	put16(request + at + 6, NOTIFY_COOKIE);
	memcpy(request + at + NOTIFY_LEN, cookie, COOKIE_LEN);
	len += NOTIFY_LEN + COOKIE_LEN;
	put32(request + 24, len);
	peer_send(self->peer, request, len);
	EXPECT_COUNTED(self->client, ASKED);
}

/* Two secrets are good: that which makes cookies and the one before. */
TEST_F(cookies, secrets_change)
{
	const int64_t life_us = 1000000 * clock_scale();
	uint8_t first[COOKIE_LEN], second[COOKIE_LEN], third[COOKIE_LEN];

	client_let_all_in(self->client);
	client_set(self->client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 0);
	client_set(self->client, IKEFP_A_POLICY_COOKIE_SECRET_MS, life_us / 1000);
	ask(self->peer, SPI, 1, first);
	clock_sleep_until(clock_us() + life_us);
	ask(self->peer, SPI, 1, second);
	EXPECT_EQ((uint8_t)(first[0] + 1), second[0]);
	EXPECT_NE(0, memcmp(first + 1, second + 1, COOKIE_LEN - 1));
	client_count_anew(self->client);
	send_cookie(self->peer, SPI, 1, first, COOKIE_LEN);
	EXPECT_COUNTED(self->client, MADE " cookies-accepted+1");
	clock_sleep_until(clock_us() + life_us);
	send_cookie(self->peer, SPI, 1, first, COOKIE_LEN);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-in-progress+1");
	send_cookie(self->far, SPI, 1, first, COOKIE_LEN);
	EXPECT_COUNTED(self->client, ASKED_AGAIN);
	ask(self->peer, SPI, 1, third);
	EXPECT_EQ((uint8_t)(first[0] + 2), third[0]);
	/* Nobody came for long: both are new. */
	clock_sleep_until(clock_us() + 2 * life_us);
	client_count_anew(self->client);
	send_cookie(self->peer, SPI, 1, third, COOKIE_LEN);
	EXPECT_COUNTED(self->client, ASKED_AGAIN);
	peer_expect(self->peer);
	EXPECT_EQ((uint8_t)(third[0] + 2), self->peer->got[HEADER_LEN + NOTIFY_LEN]);
}

/* The answer is never longer than the request, and a cookie needs a nonce. */
TEST_F(cookies, not_asked)
{
	uint8_t *message = self->message;
	size_t len;

	client_let_all_in(self->client);
	client_set(self->client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 0);
	for (len = HEADER_LEN + 4; len < HEADER_LEN + 4 + 260; len++) {
		size_t nonce = len - HEADER_LEN - 4;

		peer_send(self->peer, message, ike_put_init(message, SPI, 0, 1, len));
		if (nonce < 16 || nonce > 256 || len < ANSWER_LEN) {
			EXPECT_COUNTED(self->client, "rx-messages+1 drop-no-cookie+1");
			EXPECT_FALSE(peer_receive(self->peer, 0));
		} else {
			EXPECT_COUNTED(self->client, ASKED);
			peer_expect(self->peer);
			EXPECT_LE(self->peer->got_len, len);
		}
	}
	/* No nonce at all. */
	ike_put_init(message, SPI, 0, 1, LEN);
	message[16] = PAYLOAD_IDI;
	peer_send(self->peer, message, LEN);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-no-cookie+1");
	EXPECT_FALSE(peer_receive(self->peer, 0));
}

TEST_F(cookies, from_a_number_of_half_open)
{
	uint8_t cookie[COOKIE_LEN];
	uint64_t spi;
	int i;

	client_let_all_in(self->client);
	client_set(self->client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 3);
	for (i = 0; i < 3; i++) {
		send_init(self->peer, SPI + i, 1);
		spi = taken(self->client, self->peer);
		EXPECT_COUNTED(self->client, MADE);
	}
	/* Of all sources. */
	ask(self->far, SPI + i, 1, cookie);
	EXPECT_COUNTED(self->client, ASKED);
	send_cookie(self->far, SPI + i, 1, cookie, COOKIE_LEN);
	taken(self->client, self->far);
	EXPECT_COUNTED(self->client, MADE " cookies-accepted+1");
	ASSERT_EQ(0, ikefp_sa_del(self->client->nl, spi));
	EXPECT_COUNTED(self->client, "sas-1 half-open-1");
	send_init(self->far, SPI + 9, 1);
	EXPECT_COUNTED(self->client, ASKED);
	client_set(self->client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 4);
	send_init(self->far, SPI + 9, 1);
	EXPECT_COUNTED(self->client, MADE);
}

TEST_F(cookies, from_a_number_of_half_open_of_one_source)
{
	uint8_t cookie[COOKIE_LEN];
	int i;

	client_let_all_in(self->client);
	client_set(self->client, variant->prefix_setting, variant->two);
	client_set(self->client, IKEFP_A_POLICY_COOKIE_HALF_OPEN_SOURCE, 2);
	for (i = 0; i < 2; i++) {
		send_init(self->peer, SPI + i, 1);
		EXPECT_COUNTED(self->client, MADE);
	}
	ask(self->peer, SPI + i, 1, cookie);
	EXPECT_COUNTED(self->client, ASKED);
	ask(self->near, SPI + i, 1, cookie);
	EXPECT_COUNTED(self->client, ASKED);
	send_cookie(self->near, SPI + i, 1, cookie, COOKIE_LEN);
	EXPECT_COUNTED(self->client, MADE " cookies-accepted+1");
	send_init(self->far, SPI, 1);
	EXPECT_COUNTED(self->client, MADE);
}

/* And then for a second at least. */
TEST_F(cookies, from_a_rate)
{
	uint8_t cookie[COOKIE_LEN];
	int64_t asked;
	int i;

	client_let_all_in(self->client);
	client_set(self->client, IKEFP_A_POLICY_COOKIE_RATE, 1);
	send_init(self->peer, SPI, 1);
	send_init(self->far, SPI, 1);
	EXPECT_COUNTED(self->client, "sas+1 half-open+1 rx-messages+2 tx-messages+1 upcalls+1 "
		       "cookies-sent+1 drop-no-cookie+1");
	asked = clock_us();
	/* With a cookie as many as like. */
	client_set(self->client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 0);
	for (i = 0; i < 5; i++) {
		ask(self->peer, SPI + 2 + i, 1, cookie);
		EXPECT_COUNTED(self->client, ASKED);
		send_cookie(self->peer, SPI + 2 + i, 1, cookie, COOKIE_LEN);
		EXPECT_COUNTED(self->client, MADE " cookies-accepted+1");
	}
	client_set(self->client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, UINT32_MAX);
	clock_sleep_until(asked + 1100000);
	send_init(self->far, SPI, 1);
	EXPECT_COUNTED(self->client, MADE);
}

/* A cookie makes no exception from the limits by number. */
TEST_F(cookies, half_open_limit_of_a_source)
{
	uint8_t cookie[COOKIE_LEN];
	uint64_t spi;
	int i;

	client_let_all_in(self->client);
	client_set(self->client, variant->prefix_setting, variant->two);
	client_set(self->client, IKEFP_A_POLICY_MAX_HALF_OPEN_SOURCE, 2);
	for (i = 0; i < 2; i++) {
		send_init(self->peer, SPI + i, 1);
		spi = taken(self->client, self->peer);
		EXPECT_COUNTED(self->client, MADE);
	}
	send_init(self->peer, SPI + i, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-source-limit+1");
	send_init(self->near, SPI, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-source-limit+1");
	client_set(self->client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 0);
	ask(self->peer, SPI + i, 1, cookie);
	EXPECT_COUNTED(self->client, ASKED);
	send_cookie(self->peer, SPI + i, 1, cookie, COOKIE_LEN);
	EXPECT_COUNTED(self->client, "rx-messages+1 cookies-accepted+1 drop-source-limit+1");
	client_set(self->client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, UINT32_MAX);
	send_init(self->far, SPI, 1);
	EXPECT_COUNTED(self->client, MADE);
	ASSERT_EQ(0, ikefp_sa_del(self->client->nl, spi));
	EXPECT_COUNTED(self->client, "sas-1 half-open-1");
	send_init(self->near, SPI, 1);
	EXPECT_COUNTED(self->client, MADE);
}

/* One a second. Two that are sent in a row come within one. */
TEST_F(cookies, rate_of_a_source)
{
	uint8_t cookie[COOKIE_LEN], more[COOKIE_LEN];
	struct client *client = self->client;

	client_let_all_in(client);
	client_set(client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 0);
	ask(self->peer, SPI + 2, 1, cookie);
	ask(self->peer, SPI + 3, 1, more);
	client_set(client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, UINT32_MAX);
	client_count_anew(client);

	client_set(client, IKEFP_A_POLICY_SOURCE_RATE, 1);
	client_set(client, variant->prefix_setting, variant->two);
	send_init(self->peer, SPI, 1);
	send_init(self->peer, SPI + 1, 1);
	send_init(self->near, SPI, 1);
	send_init(self->far, SPI, 1);
	EXPECT_COUNTED(client, "sas+2 half-open+2 rx-messages+4 upcalls+2 drop-source-rate+2");
	/* Proof is counted apart. */
	send_init(self->peer, SPI + 1, 1);
	send_cookie(self->peer, SPI + 2, 1, cookie, COOKIE_LEN);
	send_cookie(self->peer, SPI + 3, 1, more, COOKIE_LEN);
	while (client_counter(client, IKEFP_A_STATS_RX_MESSAGES) !=
	       client->base.value[IKEFP_A_STATS_RX_MESSAGES] + 3)
		;
	EXPECT_EQ(2, client_counter(client, IKEFP_A_STATS_COOKIES_ACCEPTED));
	EXPECT_LE(1, client_counter(client, IKEFP_A_STATS_DROP_SOURCE_RATE) -
		  client->base.value[IKEFP_A_STATS_DROP_SOURCE_RATE]);
	EXPECT_EQ(SPI, client_wait_message(client)->spi_i);
	EXPECT_EQ(SPI, client_wait_message(client)->spi_i);
	client_count_anew(client);

	/* All three are one source, or each is another. */
	clock_sleep_until(clock_us() + 1100000);
	client_set(client, variant->prefix_setting, variant->all);
	send_init(self->near, SPI + 4, 1);
	send_init(self->far, SPI + 4, 1);
	EXPECT_COUNTED(client, "sas+1 half-open+1 rx-messages+2 upcalls+1 drop-source-rate+1");
	client_set(client, variant->prefix_setting, variant->none);
	send_init(self->peer, SPI + 5, 1);
	send_init(self->near, SPI + 5, 1);
	send_init(self->far, SPI + 5, 1);
	EXPECT_COUNTED(client, "sas+3 half-open+3 rx-messages+3 upcalls+3");
}

/* What is answered without proof counts against its source, whatever it is. */
TEST_F(cookies, answers_to_a_source)
{
	struct client *client = self->client;
	uint8_t cookie[COOKIE_LEN], answer[LEN];
	struct ikefp_message_out out = { .raw = true, .payload = { answer, LEN } };
	int i;

	client_let_all_in(client);
	client_set(client, IKEFP_A_POLICY_SOURCE_RATE, 1);
	client_set(client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 0);

	/* Cookies. */
	send_init(self->peer, SPI, 1);
	send_init(self->peer, SPI + 1, 1);
	send_init(self->far, SPI, 1);
	EXPECT_COUNTED(client, "rx-messages+3 tx-messages+2 cookies-sent+2 drop-no-cookie+2 "
		       "drop-source-rate+1");
	peer_expect(self->peer);
	memcpy(cookie, self->peer->got + HEADER_LEN + NOTIFY_LEN, COOKIE_LEN);

	/* Other major versions. */
	clock_sleep_until(clock_us() + 1100000);
	ike_put_init(self->message, SPI, 0, 1, LEN);
	self->message[17] = 0x30;
	peer_send(self->peer, self->message, LEN);
	peer_send(self->peer, self->message, LEN);
	peer_send(self->far, self->message, LEN);
	EXPECT_COUNTED(client, "rx-messages+3 tx-messages+2 invalid-major-version-sent+2 "
		       "drop-version+2 drop-source-rate+1");

	/* Duplicates; those of a request with a cookie apart. */
	send_cookie(self->peer, SPI, 1, cookie, COOKIE_LEN);
	out.spi = taken(client, self->peer);
	ike_put_init(answer, SPI, out.spi, 2, LEN);
	ASSERT_EQ(0, ikefp_message_send(client->nl, &out, NULL));
	client_set(client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, UINT32_MAX);
	clock_sleep_until(clock_us() + 1100000);
	client_count_anew(client);
	send_init(self->far, SPI + 1, 1);
	out.spi = taken(client, self->far);
	ike_put_init(answer, SPI + 1, out.spi, 2, LEN);
	ASSERT_EQ(0, ikefp_message_send(client->nl, &out, NULL));
	EXPECT_COUNTED(client, "sas+1 half-open+1 rx-messages+1 tx-messages+1 upcalls+1");
	clock_sleep_until(clock_us() + 1100000);
	for (i = 0; i < 3; i++)
		peer_send_again(self->far);
	for (i = 0; i < 3; i++)
		peer_send_again(self->peer);
	EXPECT_COUNTED(client, "rx-messages+6 tx-messages+2 duplicates-answered+2 "
		       "drop-source-rate+4");
}

TEST_F(cookies, rate_of_all)
{
	client_let_all_in(self->client);
	client_set(self->client, IKEFP_A_POLICY_INIT_RATE, 1);
	send_init(self->peer, SPI, 1);
	send_init(self->far, SPI, 1);
	EXPECT_COUNTED(self->client, "sas+1 half-open+1 rx-messages+2 upcalls+1 "
		       "drop-rate-limit+1");
}

MODULE_TEST_MAIN
