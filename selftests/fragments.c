// SPDX-License-Identifier: GPL-2.0
/*
 * The peer's messages in fragments (RFC 7383), put together: whatever order they come
 * in, however they are cut anew, and whoever else sends some; and the bounds to it.
 */

#include "kselftest_harness.h"

#include "client.h"
#include "clock.h"
#include "die.h"
#include "fragment.h"
#include "module.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0202030405060708ull /* of another SA than that which is there */

FIXTURE(fragments)
{
	struct client *client;
	struct peer *peer;
	struct peer *stranger;
	size_t around;
};

FIXTURE_VARIANT(fragments)
{
	const struct fragment_variant *is;
};

FIXTURE_VARIANT_ADD(fragments, v4_gcm_responder) {
	.is = &fragment_variants[0],
};

FIXTURE_VARIANT_ADD(fragments, v4_natt_cbc_initiator) {
	.is = &fragment_variants[1],
};

FIXTURE_VARIANT_ADD(fragments, v6_chacha_initiator) {
	.is = &fragment_variants[2],
};

FIXTURE_VARIANT_ADD(fragments, v6_natt_cbc_responder) {
	.is = &fragment_variants[3],
};

FIXTURE_SETUP(fragments)
{
	struct fragment_ends ends = fragment_begin(variant->is);

	self->client = ends.client;
	self->peer = ends.peer;
	self->stranger = ends.stranger;
	self->around = ends.around;
}

FIXTURE_TEARDOWN(fragments)
{
	peer_close(self->stranger);
	peer_close(self->peer);
	client_close(self->client);
}

static struct got got;

TEST_F(fragments, requests)
{
	static const struct { size_t len; uint16_t total; } messages[] = {
		{ 100, 1 }, { 100, 2 }, { 1000, 3 }, { 5000, 10 }, { 40000, 100 },
		{ 256, MAX_FRAGMENTS }, { 2, 4 /* some are empty */ },
	};
	char counted[128];
	size_t i;
	int order, n;

	for (i = 0; i < ARRAY_SIZE(messages); i++) {
		/* Forwards, backwards, and the odd ones after the even ones. */
		for (order = 0; order < 3; order++) {
			struct cut cut = cut_request(self->peer, messages[i].len,
						     messages[i].total);

			for (n = 1; n <= cut.total; n++) {
				int number = order == 0 ? n :
					     order == 1 ? cut.total + 1 - n :
					     2 * n <= cut.total ? 2 * n :
					     2 * (n - cut.total / 2) - 1;

				EXPECT_NULL(client_wait(self->client, 0));
				send_fragment(self->peer, &cut, number);
			}
			EXPECT_WHOLE(self->client, cut);
			snprintf(counted, sizeof(counted),
				 "rx-messages+%d upcalls+1 rx-fragments+%d reassembled+1",
				 cut.total, cut.total);
			EXPECT_COUNTED(self->client, counted);
			EXPECT_EQ(0, client_counter(self->client, IKEFP_A_STATS_REASSEMBLY_OCTETS));
			fragment_answer(self->client, self->peer, 0);
			peer_expect(self->peer);
			EXPECT_COUNTED(self->client, "tx-messages+1");
		}
	}
}

TEST_F(fragments, responses)
{
	struct cut cut = { .len = 3000, .total = 4 };
	struct ikefp_sa_info info;
	uint32_t id;
	int number;

	id = peer_kernel_requests(self->peer, self->client, IKE_AUTH, PAYLOAD_IDI, inner, 10);
	peer_expect(self->peer);
	client_count_anew(self->client);
	/* Of another exchange, of another request: nothing is kept. */
	cut.header = peer_header(self->peer, CREATE_CHILD_SA, id, true);
	send_fragment(self->peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-stale-response+1");
	cut.header = peer_header(self->peer, IKE_AUTH, id + 1, true);
	send_fragment(self->peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-stale-response+1");
	cut.header = peer_header(self->peer, IKE_AUTH, id, true);
	for (number = cut.total; number; number--) {
		/* Until it is whole, nothing has been answered. */
		ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &info));
		EXPECT_EQ(1, info.outstanding);
		send_fragment(self->peer, &cut, number);
	}
	EXPECT_WHOLE(self->client, cut);
	EXPECT_COUNTED(self->client, "rx-messages+4 upcalls+1 rx-fragments+4 reassembled+1");
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &info));
	EXPECT_EQ(0, info.outstanding);
	/* All over again, it answers nothing. */
	send_fragment(self->peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-stale-response+1");

	/* What there is of a response goes with its request. */
	peer_kernel_requests(self->peer, self->client, IKE_AUTH, PAYLOAD_IDI, inner, 10);
	cut.header.message_id++;
	send_fragment(self->peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 rx-fragments+1");
	EXPECT_LT(0, client_counter(self->client, IKEFP_A_STATS_REASSEMBLY_OCTETS));
	ASSERT_EQ(0, ikefp_sa_del(self->client->nl, self->peer->kernel_spi));
	EXPECT_EQ(0, client_counter(self->client, IKEFP_A_STATS_REASSEMBLY_OCTETS));
}

/* A request and a response at a time are no matter of each other. */
TEST_F(fragments, both_ways)
{
	struct cut request = cut_request(self->peer, 2000, 3), response = request;
	uint32_t id;
	int number;

	id = peer_kernel_requests(self->peer, self->client, IKE_AUTH, PAYLOAD_IDI, inner, 10);
	peer_expect(self->peer);
	response.header = peer_header(self->peer, IKE_AUTH, id, true);
	for (number = 1; number <= 3; number++) {
		send_fragment(self->peer, &request, number);
		if (number == 3)
			EXPECT_WHOLE(self->client, request);
		send_fragment(self->peer, &response, number);
	}
	EXPECT_WHOLE(self->client, response);
}

TEST_F(fragments, duplicates)
{
	struct cut cut = cut_request(self->peer, 2000, 3);
	int number;

	for (number = 1; number < 3; number++) {
		send_fragment(self->peer, &cut, number);
		EXPECT_COUNTED(self->client, "rx-messages+1 rx-fragments+1");
		peer_send_again(self->peer);
		EXPECT_COUNTED(self->client, "rx-messages+1 drop-fragment-duplicate+1");
		/* Other octets at the same place. */
		send_fragment(self->peer, &cut, number);
		EXPECT_COUNTED(self->client, "rx-messages+1 drop-fragment-duplicate+1");
	}
	send_fragment(self->peer, &cut, 3);
	EXPECT_WHOLE(self->client, cut);
}

/* Whatever others send changes nothing. */
TEST_F(fragments, forged)
{
	struct cut cut = cut_request(self->peer, 2000, 3), more = cut;
	uint64_t held;
	int number;

	more.total = 4;
	for (number = 1; number <= 3; number++) {
		/* Before the first one, at the same place, and as a larger total. */
		held = client_counter(self->client, IKEFP_A_STATS_REASSEMBLY_OCTETS);
		send_forged(self->stranger, self->peer, &cut, number);
		EXPECT_COUNTED(self->client, "rx-messages+1 drop-integrity+1");
		send_forged(self->peer, self->peer, &more, number);
		EXPECT_COUNTED(self->client, "rx-messages+1 drop-integrity+1");
		EXPECT_EQ(held, client_counter(self->client, IKEFP_A_STATS_REASSEMBLY_OCTETS));
		send_fragment(self->peer, &cut, number);
		/* (The last is seen below.) */
		if (number < 3)
			EXPECT_COUNTED(self->client, "rx-messages+1 rx-fragments+1");
	}
	EXPECT_WHOLE(self->client, cut);
}

/* An octet changed in each of the headers and in the rest. */
TEST_F(fragments, changed)
{
	struct cut cut = cut_request(self->peer, 300, 2);
	uint8_t message[1024];
	size_t len, at;

	send_fragment(self->peer, &cut, 2);
	EXPECT_COUNTED(self->client, "rx-messages+1 rx-fragments+1");
	len = sk_seal(&self->peer->keys, &cut.header,
		      &(struct sk_options){ .fragment = { 1, 2 } }, PAYLOAD_IDI, inner, 150,
		      message);
	/* From the SKF header's payload type on, but for its length. */
	for (at = HEADER_LEN; at < len; at += at < HEADER_LEN + 24 ? 1 : 13) {
		if (at == HEADER_LEN + 2 || at == HEADER_LEN + 3)
			continue;
		/* The number and the total: still a place, but another. */
		if (at >= HEADER_LEN + 4 && at < HEADER_LEN + 8)
			continue;
		message[at] ^= 1;
		peer_send(self->peer, message, len);
		EXPECT_COUNTED(self->client, "rx-messages+1 drop-integrity+1") {
			TH_LOG("octet %zu", at);
		}
		message[at] ^= 1;
	}
	/* A larger total. */
	message[HEADER_LEN + 7] = 3;
	peer_send(self->peer, message, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-integrity+1");
	message[HEADER_LEN + 7] = 2;
	peer_send(self->peer, message, len);
	EXPECT_WHOLE(self->client, cut);
}

TEST_F(fragments, malformed)
{
	static const struct sk_fragment nowhere[] = { { 3, 2 }, { 1, 0 }, { 65535, 1 } };
	struct cut cut = cut_request(self->peer, 300, 2);
	struct sk_options options = {};
	uint8_t message[1024];
	size_t len, i;

	for (i = 0; i < ARRAY_SIZE(nowhere); i++) {
		options.fragment = nowhere[i];
		len = sk_seal(&self->peer->keys, &cut.header, &options, PAYLOAD_IDI, inner, 20,
			      message);
		peer_send(self->peer, message, len);
		EXPECT_COUNTED(self->client, "rx-messages+1 drop-malformed+1");
	}
	options.fragment = (struct sk_fragment){ 1, 2 };
	len = sk_seal(&self->peer->keys, &cut.header, &options, PAYLOAD_IDI, inner, 20, message);
	put16(message + HEADER_LEN + 4, 0);
	peer_send(self->peer, message, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-malformed+1");
	put16(message + HEADER_LEN + 4, 1);
	/* Its length is not the payload's. */
	put16(message + HEADER_LEN + 2, len - HEADER_LEN - 1);
	peer_send(self->peer, message, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-malformed+1");
	/* Too short for anything. */
	for (len = HEADER_LEN; len < HEADER_LEN + SKF_HEADER_LEN + 8; len += 4) {
		put32(message + 24, len);
		put16(message + HEADER_LEN + 2, len - HEADER_LEN);
		peer_send(self->peer, message, len);
		EXPECT_COUNTED(self->client, "rx-messages+1 drop-malformed+1");
	}
	/* One exchange in one fragment, another in the next. */
	send_fragment(self->peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 rx-fragments+1");
	cut.header.exchange_type = INFORMATIONAL;
	send_fragment(self->peer, &cut, 2);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-malformed+1");
	cut.header.exchange_type = CREATE_CHILD_SA;
	send_fragment(self->peer, &cut, 2);
	EXPECT_WHOLE(self->client, cut);
}

/* RFC 7383 section 2.6: cut anew into more, it begins anew; into fewer, it is old. */
TEST_F(fragments, cut_anew)
{
	struct cut two = cut_request(self->peer, 2000, 2), five = two;

	five.total = 5;
	send_fragment(self->peer, &two, 1);
	send_fragment(self->peer, &five, 2);
	EXPECT_COUNTED(self->client, "rx-messages+2 rx-fragments+2");
	send_fragment(self->peer, &two, 2);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-fragment-total+1");
	send_fragment(self->peer, &five, 1);
	send_fragment(self->peer, &five, 5);
	send_fragment(self->peer, &five, 4);
	EXPECT_COUNTED(self->client, "rx-messages+3 rx-fragments+3");
	send_fragment(self->peer, &two, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-fragment-total+1");
	send_fragment(self->peer, &five, 3);
	EXPECT_WHOLE(self->client, five);
	EXPECT_EQ(0, client_counter(self->client, IKEFP_A_STATS_REASSEMBLY_OCTETS));
}

/* A message that comes whole after all makes its fragments useless. */
TEST_F(fragments, whole_after_all)
{
	struct cut cut = cut_request(self->peer, 2000, 3);

	send_fragment(self->peer, &cut, 1);
	send_fragment(self->peer, &cut, 3);
	EXPECT_COUNTED(self->client, "rx-messages+2 rx-fragments+2");
	peer_send_request(self->peer, CREATE_CHILD_SA, PAYLOAD_IDI, inner, 2000);
	EXPECT_WHOLE(self->client, cut);
	EXPECT_COUNTED(self->client, "rx-messages+1 upcalls+1");
	EXPECT_EQ(0, client_counter(self->client, IKEFP_A_STATS_REASSEMBLY_OCTETS));
	send_fragment(self->peer, &cut, 2);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-fragment-duplicate+1");
}

/* An authentic fragment with the ID of a request that was another. */
TEST_F(fragments, of_another_exchange)
{
	struct cut cut = cut_request(self->peer, 2000, 3);

	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_IDI, inner, 10);
	client_wait_message(self->client);
	peer_kernel_responds(self->peer, self->client, INFORMATIONAL, cut.header.message_id,
			     PAYLOAD_IDI, inner, 10);
	peer_expect(self->peer);
	client_count_anew(self->client);
	send_fragment(self->peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-digest+1");
}

TEST_F(fragments, not_negotiated)
{
	struct peer *other = peer_open(variant->is->peer, variant->is->kernel, 500,
				       variant->is->kind);
	struct cut cut;

	fragment_init(other, self->client, SPI, variant->is);
	client_count_anew(self->client);
	cut = cut_request(other, 1000, 2);
	send_fragment(other, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-fragment+1");
	peer_kernel_requests(other, self->client, CREATE_CHILD_SA, PAYLOAD_IDI, inner, 9000);
	EXPECT_STREQ("", fragment_take(other, self->around, 65535, 9000, &got));
	EXPECT_EQ(0, got.total);
	EXPECT_COUNTED(self->client, "tx-messages+1");
	/* A duplicate as a fragment. */
	peer_send_request(other, CREATE_CHILD_SA, PAYLOAD_IDI, inner, 1000);
	EXPECT_EQ(1000, client_wait_message(self->client)->payload.len);
	EXPECT_COUNTED(self->client, "rx-messages+1 upcalls+1");
	send_fragment(other, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-fragment+1");
	peer_close(other);
}

/* An empty INFORMATIONAL is answered by the kernel, also as the fragments it is not. */
TEST_F(fragments, liveness)
{
	struct cut cut = {
		.header = peer_header(self->peer, INFORMATIONAL, self->peer->next_out, false),
		.total = 1,
	};
	const struct sk_options options = { .fragment = { 1, 1 } };
	uint8_t message[256];

	peer_send(self->peer, message,
		  sk_seal(&self->peer->keys, &cut.header, &options, 0, NULL, 0, message));
	EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 liveness-answered+1 "
				     "rx-fragments+1 reassembled+1");
	peer_expect(self->peer);
	EXPECT_STREQ("", peer_open_message(self->peer));
	EXPECT_EQ(0, self->peer->inner_len);
	peer_send_again(self->peer);
	EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 duplicates-answered+1");
}

/* Bounds */

TEST_F(fragments, bound_of_a_message)
{
	struct cut cut = cut_request(self->peer, 300, MAX_FRAGMENTS + 1);

	send_fragment(self->peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-fragment-limit+1");
	cut.total = 65535;
	send_fragment(self->peer, &cut, 65535);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-fragment-limit+1");
	EXPECT_EQ(0, client_counter(self->client, IKEFP_A_STATS_REASSEMBLY_OCTETS));
	/* The most that can go up, and one octet more. */
	cut.total = 2;
	cut.len = 65508;
	send_fragment(self->peer, &cut, 2);
	EXPECT_COUNTED(self->client, "rx-messages+1 rx-fragments+1");
	send_fragment(self->peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-fragment-limit+1");
	EXPECT_NULL(client_wait(self->client, 0));
	cut.len = 65507;
	send_fragment(self->peer, &cut, 1);
	/* Their second part was one octet further on. */
	ASSERT_EQ(65507, client_wait_message(self->client)->payload.len);
}

/* In a namespace; and strangers get half. */
TEST_F(fragments, bound_of_a_namespace)
{
	struct peer *young = peer_open(variant->is->peer, variant->is->kernel, 500,
				       variant->is->kind);
	struct cut cut = cut_request(self->peer, 20000, 20), young_cut;
	int number, kept = 0, young_kept = 0;

	peer_init_kernel_responds(young, self->client, SPI,
				  &sk_algorithms[variant->is->algorithm]);
	ASSERT_EQ(0, fragment_set_size(self->client, young, variant->is->size));
	client_set(self->client, IKEFP_A_POLICY_MAX_REASSEMBLY_OCTETS, 12000);
	client_set(self->client, IKEFP_A_POLICY_MAX_HALF_OPEN, 1);
	young_cut = cut_request(young, 20000, 20);
	client_count_anew(self->client);
	for (number = 1; number <= 20; number++) {
		uint64_t before = client_counter(self->client, IKEFP_A_STATS_RX_FRAGMENTS);
		uint64_t dropped = client_counter(self->client, IKEFP_A_STATS_DROP_FRAGMENT_LIMIT);

		send_fragment(young, &young_cut, number);
		while (client_counter(self->client, IKEFP_A_STATS_RX_FRAGMENTS) == before &&
		       client_counter(self->client, IKEFP_A_STATS_DROP_FRAGMENT_LIMIT) == dropped)
			;
		young_kept += client_counter(self->client, IKEFP_A_STATS_RX_FRAGMENTS) - before;
		EXPECT_GE(6000, client_counter(self->client, IKEFP_A_STATS_REASSEMBLY_OCTETS));
	}
	EXPECT_EQ(5, young_kept);
	for (number = 1; number <= 20; number++) {
		uint64_t before = client_counter(self->client, IKEFP_A_STATS_RX_FRAGMENTS);
		uint64_t dropped = client_counter(self->client, IKEFP_A_STATS_DROP_FRAGMENT_LIMIT);

		send_fragment(self->peer, &cut, number);
		while (client_counter(self->client, IKEFP_A_STATS_RX_FRAGMENTS) == before &&
		       client_counter(self->client, IKEFP_A_STATS_DROP_FRAGMENT_LIMIT) == dropped)
			;
		kept += client_counter(self->client, IKEFP_A_STATS_RX_FRAGMENTS) - before;
		EXPECT_GE(12000, client_counter(self->client, IKEFP_A_STATS_REASSEMBLY_OCTETS));
	}
	EXPECT_LE(5, kept);
	/* Room again, and the message comes through when it is sent again. */
	ASSERT_EQ(0, ikefp_sa_del(self->client->nl, young->kernel_spi));
	client_set(self->client, IKEFP_A_POLICY_MAX_REASSEMBLY_OCTETS, 40000);
	for (number = 1; number <= 20; number++)
		send_fragment(self->peer, &cut, number);
	EXPECT_WHOLE(self->client, cut);
	EXPECT_EQ(0, client_counter(self->client, IKEFP_A_STATS_REASSEMBLY_OCTETS));
	peer_close(young);
}

/* Sends the fragments from @first to @last; returns how many were kept. */
static int send_counted(struct client *client, struct peer *peer, const struct cut *cut, int first,
			int last)
{
	uint64_t before = client_counter(client, IKEFP_A_STATS_RX_FRAGMENTS);
	uint64_t received = client_counter(client, IKEFP_A_STATS_RX_MESSAGES);
	int64_t end = clock_us() + PATIENCE_MS * 1000ll;
	int number;

	for (number = first; number <= last; number++)
		send_fragment(peer, cut, number);
	received += last - first + 1;
	while (client_counter(client, IKEFP_A_STATS_RX_MESSAGES) != received && clock_us() < end)
		;
	return client_counter(client, IKEFP_A_STATS_RX_FRAGMENTS) - before;
}

static struct peer *stranger(struct client *client, const struct fragment_variant *is,
			     uint64_t spi)
{
	struct peer *peer = peer_open(is->peer, is->kernel, 500, is->kind);

	peer_init_kernel_responds(peer, client, spi, &sk_algorithms[is->algorithm]);
	if (fragment_set_size(client, peer, is->size))
		die("sa-set: %s", ikefp_nl_error(client->nl));
	return peer;
}

/* However much some strangers take, each of the others has a share of its own. */
TEST_F(fragments, strangers_leave_room_for_others)
{
	enum { GREEDY = 5, MANY = 20, MAX = 400000, SHARE = MAX / 8 * 3 / MANY };
	struct client *client = self->client;
	struct peer *greedy[GREEDY], *modest;
	struct cut cut;
	int i, kept;

	client_set(client, IKEFP_A_POLICY_MAX_REASSEMBLY_OCTETS, MAX);
	client_set(client, IKEFP_A_POLICY_MAX_HALF_OPEN, MANY);
	for (i = 0; i < GREEDY; i++) {
		greedy[i] = stranger(client, variant->is, SPI + i);
		cut = cut_request(greedy[i], 57000, 20);
		kept = send_counted(client, greedy[i], &cut, 1, 19);
		TH_LOG("stranger %d: %d fragments of 2850 octets kept", i, kept);
		/* The first to come gets what is there, the last no less than its share. */
		EXPECT_LE(SHARE / 3000, kept);
	}
	EXPECT_GT(19, kept);
	EXPECT_LT(0, client_counter(client, IKEFP_A_STATS_DROP_FRAGMENT_LIMIT));
	EXPECT_GE(MAX / 8 + GREEDY * SHARE, client_counter(client, IKEFP_A_STATS_REASSEMBLY_OCTETS));

	modest = stranger(client, variant->is, SPI + GREEDY);
	cut = cut_request(modest, SHARE - 500, 7);
	EXPECT_EQ(6, send_counted(client, modest, &cut, 1, 6));
	send_fragment(modest, &cut, 7);
	EXPECT_WHOLE(client, cut);
	fragment_answer(client, modest, 0);
	peer_expect(modest);

	/* What is more than that comes through when there is room again. */
	cut = cut_request(modest, 20000, 20);
	EXPECT_GT(19, send_counted(client, modest, &cut, 1, 19));
	for (i = 0; i < GREEDY; i++) {
		ASSERT_EQ(0, ikefp_sa_del(client->nl, greedy[i]->kernel_spi));
		peer_close(greedy[i]);
	}
	for (i = 1; i <= 20; i++)
		send_fragment(modest, &cut, i);
	EXPECT_WHOLE(client, cut);
	EXPECT_EQ(0, client_counter(client, IKEFP_A_STATS_REASSEMBLY_OCTETS));
	peer_close(modest);
}

TEST_F(fragments, timeout)
{
	struct cut cut = cut_request(self->peer, 2000, 3);
	const int64_t wait_us = 400000;
	int64_t sent_us, over_us;

	clock_watch_start();
	client_set(self->client, IKEFP_A_POLICY_REASSEMBLY_MS, wait_us / 1000);
	send_fragment(self->peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 rx-fragments+1");
	sent_us = clock_us();
	send_fragment(self->peer, &cut, 2);
	while (client_counter(self->client, IKEFP_A_STATS_REASSEMBLY_OCTETS) &&
	       clock_us() - sent_us < wait_us + PATIENCE_MS * 1000)
		;
	over_us = clock_us();
	EXPECT_LE(clock_earliest_us(wait_us, clock_watch_behind_us()), over_us - sent_us);
	EXPECT_GE(clock_latest_us(wait_us, clock_watch_late_us(0)), over_us - sent_us);
	EXPECT_COUNTED(self->client, "rx-messages+1 rx-fragments+1 reassembly-timeouts+1");
	/* Those that are there are forgotten; the message sent again is whole. */
	client_set(self->client, IKEFP_A_POLICY_REASSEMBLY_MS, 86400000);
	send_fragment(self->peer, &cut, 3);
	EXPECT_COUNTED(self->client, "rx-messages+1 rx-fragments+1");
	send_fragment(self->peer, &cut, 1);
	send_fragment(self->peer, &cut, 2);
	EXPECT_WHOLE(self->client, cut);
}

/* The last fragment of a message that nobody takes is as if lost. */
TEST_F(fragments, no_worker)
{
	struct cut cut = cut_request(self->peer, 2000, 3);
	struct client *other = client_open(0);
	struct upcall *upcall;

	send_fragment(self->peer, &cut, 3);
	send_fragment(self->peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+2 rx-fragments+2");
	client_set(other, IKEFP_A_POLICY_MAX_WAITING_OCTETS, 0);
	client_count_anew(other);
	client_close(self->client);
	EXPECT_COUNTED(other, "workers-1 orphans+1 orphaned+1");
	send_fragment(self->peer, &cut, 2);
	EXPECT_COUNTED(other, "rx-messages+1 drop-waiting-limit+1");
	/* The others are there. */
	send_fragment(self->peer, &cut, 1);
	EXPECT_COUNTED(other, "rx-messages+1 drop-fragment-duplicate+1");
	self->client = client_open(CLIENT_WORKER);
	upcall = client_adopt(self->client, self->peer->kernel_spi);
	ASSERT_NE(NULL, upcall);
	ASSERT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_TRUE(upcall->info.fragments);
	EXPECT_EQ(variant->is->size, upcall->info.fragment_size);
	send_fragment(self->peer, &cut, 2);
	EXPECT_WHOLE(self->client, cut);
	client_close(other);
}

/* The SA, and the namespace, go with fragments that wait. */
TEST_F(fragments, gone)
{
	struct cut cut = cut_request(self->peer, 2000, 3);

	send_fragment(self->peer, &cut, 2);
	EXPECT_COUNTED(self->client, "rx-messages+1 rx-fragments+1");
	ASSERT_EQ(0, ikefp_sa_del(self->client->nl, self->peer->kernel_spi));
	EXPECT_EQ(0, client_counter(self->client, IKEFP_A_STATS_REASSEMBLY_OCTETS));
	/* It is freed a grace period later. */
	EXPECT_COUNTED(self->client, "sas-1");
	peer_init_kernel_responds(self->peer, self->client, SPI,
				  &sk_algorithms[variant->is->algorithm]);
	ASSERT_EQ(0, fragment_set_size(self->client, self->peer, variant->is->size));
	client_count_anew(self->client);
	cut = cut_request(self->peer, 2000, 3);
	send_fragment(self->peer, &cut, 2);
	EXPECT_COUNTED(self->client, "rx-messages+1 rx-fragments+1");
}

MODULE_TEST_MAIN
