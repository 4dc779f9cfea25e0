// SPDX-License-Identifier: GPL-2.0
/*
 * Nobody has us send more to a third than was sent to us: what is answered before its
 * sender has proved who he is, is answered with no more octets than it has, or to a
 * source that has shown that it is there, or now and then.
 */

#include "kselftest_harness.h"

#include <errno.h>

#include "client.h"
#include "clock.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull
#define LEN 120

FIXTURE(amplification)
{
	struct client *client;
	struct peer *peer;
	struct peer *other; /* on another host */
};

FIXTURE_VARIANT(amplification)
{
	const char *kernel, *local, *other;
	enum ikefp_listener_kind kind;
};

FIXTURE_VARIANT_ADD(amplification, ike_v4) {
	.kernel = "127.0.0.1", .local = "127.0.1.2", .other = "127.0.2.2",
	.kind = IKEFP_LISTENER_KIND_IKE,
};

FIXTURE_VARIANT_ADD(amplification, natt_v6) {
	.kernel = "fd00::1", .local = "fd00:0:0:1::2", .other = "fd00:0:0:2::2",
	.kind = IKEFP_LISTENER_KIND_NATT,
};

FIXTURE_SETUP(amplification)
{
	netns_new();
	if (strchr(variant->kernel, ':')) {
		run("ip address add %s/128 dev lo nodad", variant->kernel);
		run("ip address add %s/128 dev lo nodad", variant->local);
		run("ip address add %s/128 dev lo nodad", variant->other);
		netns_await_local(variant->kernel);
		netns_await_local(variant->local);
		netns_await_local(variant->other);
	}
	self->client = client_open(CLIENT_WORKER);
	client_listen(self->client, variant->kind, variant->kernel, 500);
	client_set(self->client, IKEFP_A_POLICY_HALF_OPEN_MS, 86400000);
	self->peer = peer_open(variant->local, variant->kernel, 500, variant->kind);
	self->other = peer_open(variant->other, variant->kernel, 500, variant->kind);
	client_count_anew(self->client);
}

FIXTURE_TEARDOWN(amplification)
{
	peer_close(self->other);
	peer_close(self->peer);
	client_close(self->client);
}

static int respond(struct client *client, uint64_t spi, size_t len)
{
	static uint8_t octets[8192];
	const struct ikefp_message_out out = {
		.spi = spi, .raw = true,
		.payload = { octets, ike_put_init(octets, SPI, spi, 2, len) },
	};

	return ikefp_message_send(client->nl, &out, NULL);
}

/* IKE_SA_INIT: anybody may have written its source. */
TEST_F(amplification, init)
{
	uint8_t request[LEN];
	uint64_t spi;

	peer_send(self->peer, request, ike_put_init(request, SPI, 0, 1, LEN));
	spi = client_wait_message(self->client)->spi;
	client_count_anew(self->client);
	EXPECT_EQ(-EMSGSIZE, respond(self->client, spi, LEN + 1));
	EXPECT_STREQ("the response is longer than the request, which had no cookie",
		     ikefp_nl_error(self->client->nl));
	EXPECT_COUNTED(self->client, "");
	/* The helper may make it shorter. */
	EXPECT_EQ(0, respond(self->client, spi, LEN));
	peer_expect(self->peer);
	EXPECT_EQ(LEN, self->peer->got_len);
}

/* Who returns a cookie is where he says. */
TEST_F(amplification, init_with_cookie)
{
	const size_t more = NOTIFY_LEN + COOKIE_LEN;
	uint8_t request[LEN + NOTIFY_LEN + COOKIE_LEN];
	struct peer *peer = self->peer;

	client_set(self->client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 0);
	peer_send(peer, request, ike_put_init(request, SPI, 0, 1, LEN));
	peer_expect(peer);
	ASSERT_EQ(HEADER_LEN + more, peer->got_len);
	memmove(request + HEADER_LEN + more, request + HEADER_LEN, LEN - HEADER_LEN);
	memcpy(request + HEADER_LEN, peer->got + HEADER_LEN, more);
	request[HEADER_LEN] = PAYLOAD_NONCE;
	request[16] = PAYLOAD_NOTIFY;
	put32(request + 24, sizeof(request));
	peer_send(peer, request, sizeof(request));
	EXPECT_EQ(0, respond(self->client, client_wait_message(self->client)->spi, 3000));
	peer_expect(peer);
	EXPECT_EQ(3000, peer->got_len);
}

/* Waits until no answer that was given before counts any more, then lets one a second. */
static void one_a_second(struct client *client)
{
	client_set(client, IKEFP_A_POLICY_SOURCE_RATE, 1);
	clock_sleep_until(clock_us() + 1100000);
	client_count_anew(client);
}

/*
 * Keys are no proof of who one is, nor is a request that one has sent before; and the
 * answer may be a hundred times as long.
 */
TEST_F(amplification, duplicates_of_a_stranger)
{
	static uint8_t inner[3000];
	struct peer *peer = self->peer;
	uint32_t id;
	int i;

	peer_init_kernel_responds(peer, self->client, SPI, &sk_algorithms[0]);
	id = peer->next_out;
	peer_send_request(peer, IKE_AUTH, PAYLOAD_IDI, "request", 7);
	ASSERT_EQ(id, client_wait_message(self->client)->message_id);
	peer_kernel_responds(peer, self->client, IKE_AUTH, id, PAYLOAD_IDI, inner,
			     sizeof(inner));
	peer_expect(peer);
	one_a_second(self->client);
	for (i = 0; i < 4; i++)
		peer_send_again(peer);
	EXPECT_COUNTED(self->client, "rx-messages+4 tx-messages+1 duplicates-answered+1 "
		       "drop-source-rate+3");
	peer_expect(peer);
	EXPECT_LT(sizeof(inner), peer->got_len);

	/* One that is known has as many as it asks for. */
	peer_establish(peer, self->client);
	client_count_anew(self->client);
	for (i = 0; i < 4; i++)
		peer_send_again(peer);
	EXPECT_COUNTED(self->client, "rx-messages+4 tx-messages+4 duplicates-answered+4");
}

/* What is not longer is given to all. */
TEST_F(amplification, short_answers)
{
	struct peer *peer = self->peer;
	uint32_t id;
	int i;

	peer_init_kernel_responds(peer, self->client, SPI, &sk_algorithms[0]);
	id = peer->next_out;
	peer_send_request(peer, IKE_AUTH, PAYLOAD_IDI, "request", 7);
	ASSERT_EQ(id, client_wait_message(self->client)->message_id);
	peer_kernel_responds(peer, self->client, IKE_AUTH, id, PAYLOAD_IDI, "answer!", 7);
	peer_expect(peer);
	one_a_second(self->client);
	for (i = 0; i < 4; i++)
		peer_send_again(peer);
	EXPECT_COUNTED(self->client, "rx-messages+4 tx-messages+4 duplicates-answered+4");
}

/*
 * Who has keys received our IKE_SA_INIT response. He can write another source than his own
 * on what he seals with them.
 */
TEST_F(amplification, request_from_elsewhere)
{
	struct peer *peer = self->peer, *other = self->other;
	struct ike_header header;
	uint8_t message[256], init[LEN];
	size_t len;

	peer_init_kernel_responds(peer, self->client, SPI, &sk_algorithms[0]);
	header = peer_header(peer, IKE_AUTH, peer->next_out, false);
	len = sk_seal(&peer->keys, &header, NULL, PAYLOAD_IDI, "request", 7, message);
	one_a_second(self->client);
	/* All that this source may have. */
	peer_send(other, init, ike_put_init(init, SPI + 1, 0, 1, LEN));
	peer_send(other, message, len);
	EXPECT_COUNTED(self->client,
		       "sas+1 half-open+1 rx-messages+2 upcalls+1 drop-source-rate+1");
	EXPECT_TRUE(client_wait_message(self->client)->raw);
	/* It was as if lost; and may come by another way than before, now and then. */
	clock_sleep_until(clock_us() + 1100000);
	peer_send(other, message, len);
	EXPECT_EQ(header.message_id, client_wait_message(self->client)->message_id);
	peer_kernel_responds(peer, self->client, IKE_AUTH, header.message_id, PAYLOAD_IDI,
			     "answer", 6);
	peer_expect(other);
}

MODULE_TEST_MAIN
