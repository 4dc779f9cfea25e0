// SPDX-License-Identifier: GPL-2.0
/*
 * Our messages in fragments (RFC 7383): how large they are, what is sent again, and what
 * becomes of those that do not get through.
 */

#include "kselftest_harness.h"

#include <errno.h>

#include "client.h"
#include "clock.h"
#include "fragment.h"
#include "module.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0202030405060708ull /* of another SA than that which is there */

FIXTURE(fragment_sizes)
{
	struct client *client;
	struct peer *peer;
	struct peer *stranger;
	size_t around;
};

FIXTURE_VARIANT(fragment_sizes)
{
	const struct fragment_variant *is;
};

FIXTURE_VARIANT_ADD(fragment_sizes, v4_gcm_responder) {
	.is = &fragment_variants[0],
};

FIXTURE_VARIANT_ADD(fragment_sizes, v4_natt_cbc_initiator) {
	.is = &fragment_variants[1],
};

FIXTURE_VARIANT_ADD(fragment_sizes, v6_chacha_initiator) {
	.is = &fragment_variants[2],
};

FIXTURE_VARIANT_ADD(fragment_sizes, v6_natt_cbc_responder) {
	.is = &fragment_variants[3],
};

FIXTURE_SETUP(fragment_sizes)
{
	struct fragment_ends ends = fragment_begin(variant->is);

	self->client = ends.client;
	self->peer = ends.peer;
	self->stranger = ends.stranger;
	self->around = ends.around;
}

FIXTURE_TEARDOWN(fragment_sizes)
{
	peer_close(self->stranger);
	peer_close(self->peer);
	client_close(self->client);
}

static struct got got;

static void fast(struct client *client, int rto_ms)
{
	client_set(client, IKEFP_A_POLICY_RTO_MIN_MS, rto_ms);
	client_set(client, IKEFP_A_POLICY_RTO_MAX_MS, rto_ms);
	client_set(client, IKEFP_A_POLICY_RTO_INITIAL_MS, rto_ms);
}

TEST_F(fragment_sizes, sizes)
{
	const size_t longest = fragment_longest_whole(self->peer, self->around, variant->is->size);
	const size_t lens[] = { 1, longest, longest + 1, 2 * longest, 5000, 30000, 65503 };
	struct ikefp_sa_info info;
	char counted[128];
	size_t i;

	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &info));
	EXPECT_TRUE(info.fragments);
	EXPECT_EQ(variant->is->size, info.fragment_size);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		uint32_t id = peer_kernel_requests(self->peer, self->client, CREATE_CHILD_SA,
						   PAYLOAD_IDI, inner, lens[i]);

		EXPECT_STREQ("", fragment_take(self->peer, self->around, variant->is->size,
					       lens[i], &got));
		EXPECT_EQ(id, got.header.message_id);
		EXPECT_EQ(lens[i] > longest, got.total > 1);
		EXPECT_EQ(lens[i] <= longest, got.total == 0);
		if (lens[i] == longest)
			EXPECT_LT(variant->is->size - self->peer->keys.algorithm->block_len,
				  got.each);
		snprintf(counted, sizeof(counted), "tx-messages+%d%s", got.total ?: 1,
			 got.total ? " tx-fragmented+1" : "");
		EXPECT_COUNTED(self->client, counted);
		/* It is answered by a whole message. */
		peer_send_response(self->peer, CREATE_CHILD_SA, id, PAYLOAD_NONE, NULL, 0);
		EXPECT_TRUE(client_wait_message(self->client)->response);
		EXPECT_COUNTED(self->client, "rx-messages+1 upcalls+1");
	}
	EXPECT_FALSE(peer_receive(self->peer, 0));
}

/* The helper's own size, and the ends of what it may be. */
TEST_F(fragment_sizes, set)
{
	const uint32_t refused[] = { 1, 255, 65536, UINT32_MAX };
	const uint32_t sizes[] = { 256, 300, 1500 };
	uint32_t id;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(-ERANGE, fragment_set_size(self->client, self->peer, refused[i]));
		EXPECT_STREQ("fragment-size is neither 0 nor from 256 to 65535",
			     ikefp_nl_error(self->client->nl));
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, fragment_set_size(self->client, self->peer, sizes[i]));
		id = peer_kernel_requests(self->peer, self->client, CREATE_CHILD_SA, PAYLOAD_IDI,
					  inner, 4000);
		EXPECT_STREQ("", fragment_take(self->peer, self->around, sizes[i], 4000, &got));
		EXPECT_LT(2, got.total);
		peer_send_response(self->peer, CREATE_CHILD_SA, id, PAYLOAD_NONE, NULL, 0);
		client_wait_message(self->client);
	}
}

/* None of ours are cut; the peer's are taken. */
TEST_F(fragment_sizes, accept)
{
	struct cut cut = cut_request(self->peer, 1000, 2);

	ASSERT_EQ(0, fragment_set_size(self->client, self->peer, 0));
	fast(self->client, 50);
	peer_kernel_requests(self->peer, self->client, CREATE_CHILD_SA, PAYLOAD_IDI, inner, 20000);
	EXPECT_STREQ("", fragment_take(self->peer, self->around, 65535, 20000, &got));
	EXPECT_EQ(0, got.total);
	/* However often it is sent. */
	for (int copy = 0; copy < 5; copy++)
		EXPECT_TRUE(fragment_take_again(self->peer, &got));
	send_fragment(self->peer, &cut, 1);
	send_fragment(self->peer, &cut, 2);
	EXPECT_WHOLE(self->client, cut);
	EXPECT_EQ(0, client_counter(self->client, IKEFP_A_STATS_TX_FRAGMENTED));
}

/* More fragments than a message may have. */
TEST_F(fragment_sizes, too_many)
{
	const struct ikefp_message_out message = {
		.spi = self->peer->kernel_spi,
		.exchange_type = CREATE_CHILD_SA,
		.first_payload = PAYLOAD_IDI,
		.payload = { inner, 60000 },
	};

	ASSERT_EQ(0, fragment_set_size(self->client, self->peer, 256));
	EXPECT_EQ(-EMSGSIZE, ikefp_message_send(self->client->nl, &message, NULL));
	EXPECT_STREQ("the message cannot be sealed", ikefp_nl_error(self->client->nl));
	EXPECT_FALSE(peer_receive(self->peer, 0));
}

/* RFC 7383 section 2.5: never IKE_SA_INIT. */
TEST_F(fragment_sizes, never_init)
{
	static uint8_t message[5000];
	struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(self->peer);
	const uint32_t size = variant->is->size;
	const struct ikefp_sa_change change = { .spi = SPI, .fragment_size = &size };
	const struct ikefp_message_out request = {
		.spi = SPI, .raw = true,
		.payload = { message, ike_put_init(message, SPI, 0, 1, sizeof(message)) },
	};

	ASSERT_EQ(0, ikefp_sa_new(self->client->nl, SPI, &endpoint));
	ASSERT_EQ(0, ikefp_sa_set(self->client->nl, &change));
	ASSERT_EQ(0, ikefp_message_send(self->client->nl, &request, NULL));
	peer_expect(self->peer);
	EXPECT_EQ(sizeof(message), self->peer->got_len);
	EXPECT_COUNTED(self->client, "sas+1 tx-messages+1");
}

/* Each copy is all the fragments, octet for octet. */
TEST_F(fragment_sizes, retransmission)
{
	uint32_t id;
	int i;

	fast(self->client, 100);
	id = peer_kernel_requests(self->peer, self->client, CREATE_CHILD_SA, PAYLOAD_IDI, inner,
				  6000);
	EXPECT_STREQ("", fragment_take(self->peer, self->around, variant->is->size, 6000,
				       &got));
	for (i = 0; i < 6; i++)
		EXPECT_TRUE(fragment_take_again(self->peer, &got));
	EXPECT_EQ(0, client_counter(self->client, IKEFP_A_STATS_FRAGMENT_FALLBACKS));
	peer_send_response(self->peer, CREATE_CHILD_SA, id, PAYLOAD_NONE, NULL, 0);
	EXPECT_TRUE(client_wait_message(self->client)->response);
	EXPECT_EQ(1, client_counter(self->client, IKEFP_A_STATS_TX_FRAGMENTED));
}

/* RFC 7383 section 2.5.2: what three copies of one size did not do, smaller ones may. */
TEST_F(fragment_sizes, fallback)
{
	const size_t safe = variant->is->size; /* the family's */
	struct ikefp_sa_info info;
	const size_t whole = fragment_longest_whole(self->peer, self->around, 3000);
	size_t sizes[4] = { 3000, 1280 };
	uint16_t total = 0;
	uint32_t id;
	int i, copy;

	if (safe < 1280)
		sizes[2] = safe;
	ASSERT_EQ(0, fragment_set_size(self->client, self->peer, 3000));
	fast(self->client, 100);
	/* Whole at first, and then in fragments, more each time. */
	id = peer_kernel_requests(self->peer, self->client, CREATE_CHILD_SA, PAYLOAD_IDI, inner,
				  whole);
	for (i = 0; sizes[i]; i++) {
		EXPECT_STREQ("", fragment_take(self->peer, self->around, sizes[i], whole, &got));
		EXPECT_EQ(id, got.header.message_id);
		EXPECT_EQ(!i, !got.total);
		EXPECT_LE(total, got.total);
		total = got.total + 1;
		for (copy = 1; copy < 3; copy++)
			EXPECT_TRUE(fragment_take_again(self->peer, &got));
		/* The next copy may be on its way. */
		EXPECT_LE(i, client_counter(self->client, IKEFP_A_STATS_FRAGMENT_FALLBACKS));
		EXPECT_GE(i + 1, client_counter(self->client, IKEFP_A_STATS_FRAGMENT_FALLBACKS));
	}
	/* There is nothing smaller. */
	for (copy = 0; copy < 4; copy++)
		EXPECT_TRUE(fragment_take_again(self->peer, &got));
	EXPECT_EQ(i - 1, client_counter(self->client, IKEFP_A_STATS_FRAGMENT_FALLBACKS));
	/* Its answer makes the size the SA's. */
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &info));
	EXPECT_EQ(3000, info.fragment_size);
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	peer_send_response(self->peer, CREATE_CHILD_SA, id, PAYLOAD_NONE, NULL, 0);
	EXPECT_TRUE(client_wait_message(self->client)->response);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &info));
	EXPECT_EQ(safe, info.fragment_size);
	while (peer_receive(self->peer, 0))
		;
	id = peer_kernel_requests(self->peer, self->client, CREATE_CHILD_SA, PAYLOAD_IDI, inner,
				  whole);
	EXPECT_STREQ("", fragment_take(self->peer, self->around, safe, whole, &got));
}

/* The octets by which a request of the peer's is known, to be sent again. */
struct request {
	size_t len;
	uint8_t octets[256];
};

/* A request that the worker answers with one that fits 3000 octets, and not 1280. */
static void answer_large(struct __test_metadata *_metadata, FIXTURE_DATA(fragment_sizes) *self,
			 struct request *request)
{
	struct cut cut = cut_request(self->peer, 100, 2);

	ASSERT_EQ(0, fragment_set_size(self->client, self->peer, 3000));
	send_fragment(self->peer, &cut, 2);
	send_fragment(self->peer, &cut, 1);
	EXPECT_WHOLE(self->client, cut);
	request->len = self->peer->sent_len;
	ASSERT_GE(sizeof(request->octets), request->len);
	memcpy(request->octets, self->peer->sent, request->len);
	fragment_answer(self->client, self->peer, 2500);
	EXPECT_STREQ("", fragment_take(self->peer, self->around, 3000, 2500, &got));
	EXPECT_EQ(0, got.total);
}

/* The next request shows that the answer to the one before has come. */
static void expect_size_kept(struct __test_metadata *_metadata,
			     FIXTURE_DATA(fragment_sizes) *self)
{
	struct cut cut = cut_request(self->peer, 100, 1);
	struct ikefp_sa_info info;

	send_fragment(self->peer, &cut, 1);
	EXPECT_WHOLE(self->client, cut);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &info));
	EXPECT_EQ(3000, info.fragment_size);
}

/*
 * An answer that was too large is as much the peer's loss: when it has asked in vain as
 * often as we would have. Of the SA's own messages that tells nothing.
 */
TEST_F(fragment_sizes, fallback_of_an_answer)
{
	const int rto_ms = 100;
	struct request request;
	int64_t counted;
	int copy;

	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, rto_ms);
	answer_large(_metadata, self, &request);
	client_count_anew(self->client);
	for (copy = 1; copy < 6; copy++) {
		counted = clock_us();
		clock_sleep_until(counted + (rto_ms + 1) * 1000);
		peer_send(self->peer, request.octets, request.len);
		if (copy != 3) {
			EXPECT_TRUE(fragment_take_again(self->peer, &got));
			continue;
		}
		EXPECT_STREQ("", fragment_take(self->peer, self->around, 1280, 2500, &got));
		EXPECT_LT(1, got.total);
	}
	EXPECT_EQ(1, client_counter(self->client, IKEFP_A_STATS_FRAGMENT_FALLBACKS));
	expect_size_kept(_metadata, self);
}

/* Whoever has recorded a request can send it as often, and as fast, as he likes. */
TEST_F(fragment_sizes, replays_of_a_request)
{
	const int rto_ms = 400;
	struct request request;
	int64_t end;
	int copy;

	/* None of these can be the peer's own, which waits. */
	answer_large(_metadata, self, &request);
	client_count_anew(self->client);
	for (copy = 0; copy < 20; copy++) {
		peer_send(self->peer, request.octets, request.len);
		EXPECT_TRUE(fragment_take_again(self->peer, &got));
	}
	EXPECT_COUNTED(self->client,
		       "rx-messages+20 tx-messages+20 duplicates-answered+20");
	/* Nor do they keep the answer from the peer, whose copies come among them. */
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, rto_ms);
	end = clock_us() + PATIENCE_MS * 1000ll;
	while (!client_counter(self->client, IKEFP_A_STATS_FRAGMENT_FALLBACKS)) {
		ASSERT_GT(end, clock_us());
		peer_send(self->peer, request.octets, request.len);
		ASSERT_TRUE(peer_receive(self->peer, PATIENCE_MS));
		clock_sleep_until(clock_us() + rto_ms * 1000 / 8);
	}
	while (peer_receive(self->peer, 0))
		;
	expect_size_kept(_metadata, self);
}

/* Fragment 1 alone, and only with the octets that it had, gets the cached answer. */
TEST_F(fragment_sizes, cached_answer)
{
	struct cut cut = cut_request(self->peer, 2000, 3);
	struct { size_t len; uint8_t octets[2048]; } sent[3];
	int number, round;

	for (number = 1; number <= 3; number++) {
		send_fragment(self->peer, &cut, number);
		ASSERT_GE(sizeof(sent->octets), self->peer->sent_len);
		sent[number - 1].len = self->peer->sent_len;
		memcpy(sent[number - 1].octets, self->peer->sent, self->peer->sent_len);
	}
	EXPECT_WHOLE(self->client, cut);
	client_count_anew(self->client);
	peer_send(self->peer, sent[0].octets, sent[0].len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-in-progress+1");
	fragment_answer(self->client, self->peer, 4000);
	EXPECT_STREQ("", fragment_take(self->peer, self->around, variant->is->size, 4000,
				       &got));
	EXPECT_LT(1, got.total);
	client_count_anew(self->client);
	for (round = 0; round < 5; round++) {
		char counted[128];

		for (number = 2; number <= 3; number++) {
			peer_send(self->peer, sent[number - 1].octets, sent[number - 1].len);
			EXPECT_COUNTED(self->client, "rx-messages+1 drop-fragment-duplicate+1");
		}
		EXPECT_FALSE(peer_receive(self->peer, 0));
		peer_send(self->peer, sent[0].octets, sent[0].len);
		EXPECT_TRUE(fragment_take_again(self->peer, &got));
		snprintf(counted, sizeof(counted),
			 "rx-messages+1 tx-messages+%d duplicates-answered+1", got.total);
		EXPECT_COUNTED(self->client, counted);
	}
	/* Sealed once more, by the peer itself; by another; from elsewhere. */
	send_fragment(self->peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-digest+1");
	send_forged(self->peer, self->peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-digest+1");
	peer_send(self->stranger, sent[0].octets, sent[0].len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-source+1");
	EXPECT_FALSE(peer_receive(self->peer, 0));
	EXPECT_FALSE(peer_receive(self->stranger, 0));
}

/* The peer may cut a request anew that we have answered: our answer was lost. */
TEST_F(fragment_sizes, cut_anew_after_the_answer)
{
	struct cut cut = cut_request(self->peer, 2000, 3);
	int number;

	for (number = 1; number <= 3; number++)
		send_fragment(self->peer, &cut, number);
	EXPECT_WHOLE(self->client, cut);
	fragment_answer(self->client, self->peer, 1000);
	EXPECT_STREQ("", fragment_take(self->peer, self->around, variant->is->size, 1000,
				       &got));
	client_count_anew(self->client);
	cut.total = 4;
	send_forged(self->peer, self->peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-integrity+1");
	send_fragment(self->peer, &cut, 2);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-fragment-duplicate+1");
	send_fragment(self->peer, &cut, 1);
	EXPECT_TRUE(fragment_take_again(self->peer, &got));
	peer_send_again(self->peer);
	EXPECT_TRUE(fragment_take_again(self->peer, &got));
	client_count_anew(self->client);
	/* It is that from now on. */
	send_fragment(self->peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-digest+1");
	cut.total = 3;
	send_fragment(self->peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-digest+1");
	EXPECT_FALSE(peer_receive(self->peer, 0));
	EXPECT_NULL(client_wait(self->client, 0));

	/* Also one that was whole. */
	peer_send_request(self->peer, CREATE_CHILD_SA, PAYLOAD_IDI, inner, 500);
	EXPECT_EQ(500, client_wait_message(self->client)->payload.len);
	cut.header.message_id = --self->peer->next_out;
	fragment_answer(self->client, self->peer, 0);
	peer_expect(self->peer);
	cut.len = 500;
	cut.total = 2;
	client_count_anew(self->client);
	send_fragment(self->peer, &cut, 1);
	peer_expect(self->peer);
	EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 duplicates-answered+1");
}

MODULE_TEST_MAIN
