// SPDX-License-Identifier: GPL-2.0
/*
 * The window of one, the response cache, liveness, and what is left of a deleted SA.
 */

#include "kselftest_harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull
#define REQUEST "request"
#define ANSWER "answer"

FIXTURE(duplicates)
{
	struct client *client;
	struct peer *peer;
	struct peer *other; /* the same SA's, from another port */
	struct peer *stranger; /* on another host */
};

FIXTURE_VARIANT(duplicates)
{
	int algorithm;
	bool kernel_initiates;
	enum ikefp_listener_kind kind;
};

FIXTURE_VARIANT_ADD(duplicates, gcm_responder) {
	.algorithm = 0, .kernel_initiates = false, .kind = IKEFP_LISTENER_KIND_NATT,
};

FIXTURE_VARIANT_ADD(duplicates, cbc_initiator) {
	.algorithm = 4, .kernel_initiates = true, .kind = IKEFP_LISTENER_KIND_IKE,
};

FIXTURE_SETUP(duplicates)
{
	netns_new();
	self->client = client_open(CLIENT_WORKER);
	client_listen(self->client, variant->kind, "127.0.0.1", 500);
	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 60000);
	self->peer = peer_open("127.0.0.2", "127.0.0.1", 500, variant->kind);
	self->other = peer_open("127.0.0.2", "127.0.0.1", 500, variant->kind);
	self->stranger = peer_open("127.0.0.3", "127.0.0.1", 500, variant->kind);
	if (variant->kernel_initiates)
		peer_init_kernel_initiates(self->peer, self->client, SPI,
					   &sk_algorithms[variant->algorithm]);
	else
		peer_init_kernel_responds(self->peer, self->client, SPI,
					  &sk_algorithms[variant->algorithm]);
	client_count_anew(self->client);
}

FIXTURE_TEARDOWN(duplicates)
{
	peer_close(self->stranger);
	peer_close(self->other);
	peer_close(self->peer);
	client_close(self->client);
}

/* The peer asks, and the worker has it. Returns the request's ID. */
static uint32_t ask(struct client *client, struct peer *peer)
{
	uint32_t id = peer->next_out;

	peer_send_request(peer, CREATE_CHILD_SA, PAYLOAD_IDI, REQUEST, sizeof(REQUEST));
	return client_wait_message(client)->message_id == id ? id : UINT32_MAX;
}

static void answer(struct client *client, struct peer *peer, uint32_t id)
{
	peer_kernel_responds(peer, client, CREATE_CHILD_SA, id, PAYLOAD_IDI, ANSWER,
			     sizeof(ANSWER));
	peer_expect(peer);
}

TEST_F(duplicates, answered_from_the_cache)
{
	struct peer *peer = self->peer;
	uint8_t first[256];
	size_t first_len;
	uint32_t id;
	int round, i;

	for (round = 0; round < 3; round++) {
		id = ask(self->client, peer);
		ASSERT_NE(UINT32_MAX, id);
		EXPECT_COUNTED(self->client, "rx-messages+1 upcalls+1");
		for (i = 0; i < 3; i++) {
			peer_send_again(peer);
			EXPECT_COUNTED(self->client, "rx-messages+1 drop-in-progress+1");
		}
		answer(self->client, peer, id);
		first_len = peer->got_len;
		ASSERT_GE(sizeof(first), first_len);
		memcpy(first, peer->got, first_len);
		EXPECT_COUNTED(self->client, "tx-messages+1");
		for (i = 0; i < 3; i++) {
			peer_send_again(peer);
			peer_expect(peer);
			ASSERT_EQ(first_len, peer->got_len);
			EXPECT_EQ(0, memcmp(first, peer->got, first_len));
			EXPECT_COUNTED(self->client,
				       "rx-messages+1 tx-messages+1 duplicates-answered+1");
		}
	}
	EXPECT_NULL(client_wait(self->client, 0));
	EXPECT_FALSE(peer_receive(peer, 0));
}

/*
 * The answer goes out in the packet of the request, unless that is somebody's who captures
 * packets, or too small.
 */
TEST_F(duplicates, captured_and_longer)
{
	static const uint8_t large[1200] = { 1, 2, 3 };
	struct peer *peer = self->peer;
	uint8_t first[sizeof(peer->got)];
	size_t first_len;
	uint32_t id;
	int capture, round, i;

	peer_establish(peer, self->client);
	for (round = 0; round < 2; round++) {
		id = ask(self->client, peer);
		ASSERT_NE(UINT32_MAX, id);
		if (round)
			peer_kernel_responds(peer, self->client, CREATE_CHILD_SA, id,
					     PAYLOAD_IDI, large, sizeof(large));
		else
			peer_kernel_responds(peer, self->client, CREATE_CHILD_SA, id,
					     PAYLOAD_IDI, ANSWER, sizeof(ANSWER));
		peer_expect(peer);
		first_len = peer->got_len;
		memcpy(first, peer->got, first_len);
		capture = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
		ASSERT_LE(0, capture);
		for (i = 0; i < 4; i++) {
			peer_send_again(peer);
			peer_expect(peer);
			ASSERT_EQ(first_len, peer->got_len);
			EXPECT_EQ(0, memcmp(first, peer->got, first_len));
			if (i == 1)
				close(capture);
		}
	}
}

/* Copies in one packet, which UDP takes apart: each is answered. */
TEST_F(duplicates, in_one_packet)
{
	struct peer *peer = self->peer;
	uint32_t id = ask(self->client, peer);
	uint8_t first[256];
	size_t first_len;
	int i;

	answer(self->client, peer, id);
	first_len = peer->got_len;
	ASSERT_GE(sizeof(first), first_len);
	memcpy(first, peer->got, first_len);
	client_count_anew(self->client);
	peer_send_copies(peer, 4);
	for (i = 0; i < 4; i++) {
		peer_expect(peer);
		ASSERT_EQ(first_len, peer->got_len);
		EXPECT_EQ(0, memcmp(first, peer->got, first_len));
	}
	EXPECT_COUNTED(self->client, "rx-messages+4 tx-messages+4 duplicates-answered+4");
	EXPECT_FALSE(peer_receive(peer, 0));
}

/* The ID of a request that was answered, but not its octets: by anybody. */
TEST_F(duplicates, forged)
{
	struct peer *peer = self->peer;
	struct ike_header header;
	uint8_t message[256];
	size_t len;
	uint32_t id = ask(self->client, peer);

	answer(self->client, peer, id);
	client_count_anew(self->client);
	memcpy(message, peer->sent, peer->sent_len);
	message[peer->sent_len - 1] ^= 1;
	peer_send(peer, message, peer->sent_len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-digest+1");
	/* Even sealed with the right keys. */
	header = peer_header(peer, CREATE_CHILD_SA, id, false);
	len = sk_seal(&peer->keys, &header, NULL, PAYLOAD_IDI, REQUEST, sizeof(REQUEST), message);
	peer_send(peer, message, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-digest+1");
	EXPECT_FALSE(peer_receive(peer, 0));
	EXPECT_NULL(client_wait(self->client, 0));
}

/*
 * A duplicate that somebody recorded is answered to no other host; but a NAT may have
 * given its sender another port.
 */
TEST_F(duplicates, from_elsewhere)
{
	struct peer *peer = self->peer;
	uint32_t id = ask(self->client, peer);

	client_count_anew(self->client);
	peer_send(self->stranger, peer->sent, peer->sent_len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-source+1");
	answer(self->client, peer, id);
	EXPECT_COUNTED(self->client, "tx-messages+1");
	peer_send(self->stranger, peer->sent, peer->sent_len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-source+1");
	EXPECT_FALSE(peer_receive(self->stranger, 0));
	EXPECT_FALSE(peer_receive(peer, 0));

	peer_send(self->other, peer->sent, peer->sent_len);
	peer_expect(self->other);
	EXPECT_EQ(peer->got_len, self->other->got_len);
	EXPECT_EQ(0, memcmp(peer->got, self->other->got, peer->got_len));
	EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 duplicates-answered+1");
	EXPECT_FALSE(peer_receive(peer, 0));
}

/* A request that is new is authentic, so that it may come from anywhere; so does its answer. */
TEST_F(duplicates, new_request_from_elsewhere)
{
	struct peer *peer = self->peer;
	struct ike_header header = peer_header(peer, CREATE_CHILD_SA, peer->next_out, false);
	const struct ikefp_message_in *request;
	uint8_t message[256];

	peer_send(self->other, message,
		  sk_seal(&peer->keys, &header, NULL, PAYLOAD_IDI, REQUEST, sizeof(REQUEST),
			  message));
	request = client_wait_message(self->client);
	EXPECT_TRUE(address_same(&request->endpoint.remote, &self->other->local));
	peer_kernel_responds(peer, self->client, CREATE_CHILD_SA, header.message_id, PAYLOAD_IDI,
			     ANSWER, sizeof(ANSWER));
	EXPECT_TRUE(peer_receive(self->other, PATIENCE_MS));
	EXPECT_FALSE(peer_receive(peer, 0));
}

TEST_F(duplicates, window)
{
	struct peer *peer = self->peer;
	uint32_t next = peer->next_out;
	uint32_t id;

#define EXPECT_OUTSIDE(message_id) \
	do { \
		peer->next_out = (message_id); \
		peer_send_request(peer, CREATE_CHILD_SA, PAYLOAD_IDI, REQUEST, 7); \
		EXPECT_COUNTED(self->client, "rx-messages+1 drop-message-id+1"); \
	} while (0)
	/* Ahead of the first; behind it there is nothing yet. */
	EXPECT_OUTSIDE(next + 1);
	EXPECT_OUTSIDE(next + 1000);
	EXPECT_OUTSIDE(0x80000000);
	EXPECT_OUTSIDE(0xffffffff);
	EXPECT_OUTSIDE(next - 1);

	peer->next_out = next;
	id = ask(self->client, peer);
	ASSERT_EQ(next, id);
	client_count_anew(self->client);
	/* The next before this one is answered, and those after. */
	EXPECT_OUTSIDE(next + 1);
	EXPECT_OUTSIDE(next + 2);
	answer(self->client, peer, id);
	peer->next_out = next + 1;
	id = ask(self->client, peer);
	ASSERT_EQ(next + 1, id);
	answer(self->client, peer, id);
	client_count_anew(self->client);
	/* The one before the last is forgotten. */
	EXPECT_OUTSIDE(next);
	EXPECT_OUTSIDE(next + 3);
	peer->next_out = next + 2;
	EXPECT_EQ(next + 2, ask(self->client, peer));
}

/* Answers that answer nothing. */
TEST_F(duplicates, answer_refused)
{
	struct ikefp_message_out message = {
		.spi = self->peer->kernel_spi, .response = true,
		.exchange_type = CREATE_CHILD_SA,
	};
	uint32_t id = ask(self->client, self->peer);

#define EXPECT_REFUSED() \
	do { \
		EXPECT_EQ(-EINVAL, ikefp_message_send(self->client->nl, &message, NULL)); \
		EXPECT_STREQ("no such request waits for a response", \
			     ikefp_nl_error(self->client->nl)); \
	} while (0)
	message.message_id = id + 1;
	EXPECT_REFUSED();
	message.message_id = id - 1;
	EXPECT_REFUSED();
	message.message_id = id;
	message.exchange_type = INFORMATIONAL;
	EXPECT_REFUSED();
	message.exchange_type = CREATE_CHILD_SA;
	EXPECT_EQ(0, ikefp_message_send(self->client->nl, &message, NULL));
	EXPECT_REFUSED();
}

TEST_F(duplicates, liveness)
{
	struct peer *peer = self->peer;
	uint8_t first[256];
	size_t first_len;
	uint32_t id;
	int i;

	/* Before it is established, the worker is asked. */
	id = peer->next_out;
	peer_send_request(peer, INFORMATIONAL, 0, NULL, 0);
	EXPECT_EQ(id, client_wait_message(self->client)->message_id);
	peer_kernel_responds(peer, self->client, INFORMATIONAL, id, 0, NULL, 0);
	peer_expect(peer);
	peer_establish(peer, self->client);
	/* An answered duplicate of it stays what it was. */
	peer_send_again(peer);
	peer_expect(peer);
	client_count_anew(self->client);

	for (i = 0; i < 4; i++) {
		id = peer->next_out;
		peer_send_request(peer, INFORMATIONAL, 0, NULL, 0);
		peer_expect(peer);
		EXPECT_STREQ("", peer_open_message(peer));
		EXPECT_EQ(0, peer->first_payload);
		EXPECT_EQ(0, peer->inner_len);
		EXPECT_EQ(id, peer->got_header.message_id);
		EXPECT_EQ(INFORMATIONAL, peer->got_header.exchange_type);
		EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 liveness-answered+1");
		first_len = peer->got_len;
		memcpy(first, peer->got, first_len);
		peer_send_again(peer);
		peer_expect(peer);
		EXPECT_EQ(first_len, peer->got_len);
		EXPECT_EQ(0, memcmp(first, peer->got, first_len));
		EXPECT_COUNTED(self->client,
			       "rx-messages+1 tx-messages+1 duplicates-answered+1");
	}
	EXPECT_NULL(client_wait(self->client, 0));
	/* One that says something is the worker's, and so is an empty one of another kind. */
	peer_send_request(peer, INFORMATIONAL, PAYLOAD_NOTIFY, "12345678", 8);
	EXPECT_EQ(8, client_wait_message(self->client)->payload.len);
	peer_kernel_responds(peer, self->client, INFORMATIONAL, peer->next_out - 1, 0, NULL, 0);
	peer_send_request(peer, CREATE_CHILD_SA, 0, NULL, 0);
	EXPECT_EQ(CREATE_CHILD_SA, client_wait_message(self->client)->exchange_type);
}

/* Both ways at once: the IDs of the two are each other's business. */
TEST_F(duplicates, both_ways)
{
	struct peer *peer = self->peer;
	uint32_t ours, theirs;

	ours = peer_kernel_requests(peer, self->client, CREATE_CHILD_SA, PAYLOAD_IDI, "a", 1);
	peer_expect(peer);
	theirs = ask(self->client, peer);
	answer(self->client, peer, theirs);
	EXPECT_STREQ("", peer_open_message(peer));
	peer_send_response(peer, CREATE_CHILD_SA, ours, PAYLOAD_IDI, "b", 1);
	EXPECT_TRUE(client_wait_message(self->client)->response);
	EXPECT_COUNTED(self->client, "rx-messages+2 tx-messages+2 upcalls+2");
}

/* A message that the SA has no keys for yet. */
TEST_F(duplicates, no_keys_yet)
{
	struct peer *young = peer_open("127.0.0.2", "127.0.0.1", 500, variant->kind);
	struct ike_header header;
	uint8_t message[256];

	young->initiator = true;
	young->own_spi = SPI + 1;
	young->keys = self->peer->keys;
	peer_send(young, message, ike_put_init(message, SPI + 1, 0, 1, 64));
	young->kernel_spi = client_wait_message(self->client)->spi;
	client_count_anew(self->client);
	header = peer_header(young, IKE_AUTH, 1, false);
	peer_send(young, message,
		  sk_seal(&young->keys, &header, NULL, PAYLOAD_IDI, REQUEST, 7, message));
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-no-keys+1");
	header.message_id = 0;
	peer_send(young, message,
		  sk_seal(&young->keys, &header, NULL, PAYLOAD_IDI, REQUEST, 7, message));
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-message-id+1");
	peer_close(young);
}

static void expect_deleted(struct __test_metadata *_metadata, struct client *client,
			   const struct peer *peer)
{
	const struct ikefp_message_out message = {
		.spi = peer->kernel_spi, .exchange_type = INFORMATIONAL,
	};
	const struct ikefp_sa_change change = {
		.spi = peer->kernel_spi, .established = true,
	};

	EXPECT_EQ(-ENOENT, ikefp_message_send(client->nl, &message, NULL));
	EXPECT_EQ(-ENOENT, ikefp_sa_set(client->nl, &change));
	EXPECT_EQ(-ENOENT, ikefp_sa_del(client->nl, peer->kernel_spi));
	EXPECT_STREQ("the SA is deleted", ikefp_nl_error(client->nl));
}

/* The answer to DELETE may be lost: its duplicate is answered a while longer. */
TEST_F(duplicates, linger)
{
	const int64_t linger_us = 600000;
	struct peer *peer = self->peer;
	struct ikefp_sa_info info;
	uint8_t first[256], *octets = peer->got;
	uint8_t request[256];
	size_t first_len, request_len;
	int64_t begin, now;
	uint32_t id;
	int answers = 0;

	clock_watch_start();
	client_set(self->client, IKEFP_A_POLICY_LINGER_MS, linger_us / 1000);
	client_set(self->client, IKEFP_A_POLICY_HALF_OPEN_MS, 86400000);
	peer_establish(peer, self->client);
	id = peer->next_out;
	peer_send_request(peer, INFORMATIONAL, PAYLOAD_DELETE, "\0\0\0\10\1\0\0", 8);
	EXPECT_EQ(id, client_wait_message(self->client)->message_id);
	peer_kernel_responds(peer, self->client, INFORMATIONAL, id, 0, NULL, 0);
	peer_expect(peer);
	first_len = peer->got_len;
	memcpy(first, octets, first_len);
	request_len = peer->sent_len;
	memcpy(request, peer->sent, request_len);

	begin = clock_us();
	ASSERT_EQ(0, ikefp_sa_del(self->client->nl, peer->kernel_spi));
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, peer->kernel_spi, &info));
	EXPECT_EQ(IKEFP_SA_STATE_LINGERING, info.state);
	client_count_anew(self->client);
	/* The keys are gone: nothing is opened any more, nor can anything be sent. */
	peer_send_request(peer, CREATE_CHILD_SA, PAYLOAD_IDI, REQUEST, 7);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-unknown-spi+1");
	peer_send_request(peer, INFORMATIONAL, 0, NULL, 0);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-message-id+1");
	expect_deleted(_metadata, self->client, peer);
	/* Answered until the time is over, and then never again. */
	for (;;) {
		peer_send(peer, request, request_len);
		now = clock_us();
		if (!peer_receive(peer, 50))
			break;
		ASSERT_EQ(first_len, peer->got_len);
		ASSERT_EQ(0, memcmp(first, peer->got, first_len));
		ASSERT_GE(clock_latest_us(linger_us, clock_watch_late_us(0)), now - begin);
		answers++;
		clock_sleep_until(clock_us() + 10000);
	}
	EXPECT_LE(clock_earliest_us(linger_us, clock_watch_behind_us()), now - begin);
	EXPECT_LE(1, answers);
	EXPECT_EQ(-ENOENT, ikefp_sa_get(self->client->nl, peer->kernel_spi, &info));
	client_count_anew(self->client);
	peer_send(peer, request, request_len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-unknown-spi+1");
}

/* No time to linger for; and no answer that only an authentic peer has got. */
TEST_F(duplicates, no_linger)
{
	struct ikefp_sa_info info;
	uint32_t id;

	client_set(self->client, IKEFP_A_POLICY_LINGER_MS, 0);
	id = ask(self->client, self->peer);
	answer(self->client, self->peer, id);
	client_count_anew(self->client);
	ASSERT_EQ(0, ikefp_sa_del(self->client->nl, self->peer->kernel_spi));
	EXPECT_COUNTED(self->client,
		       variant->kernel_initiates ? "sas-1" : "sas-1 half-open-1");
	EXPECT_EQ(-ENOENT, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &info));
}

TEST_F(duplicates, no_linger_without_an_answer)
{
	struct ikefp_sa_info info;

	ASSERT_NE(UINT32_MAX, ask(self->client, self->peer));
	client_count_anew(self->client);
	ASSERT_EQ(0, ikefp_sa_del(self->client->nl, self->peer->kernel_spi));
	EXPECT_COUNTED(self->client,
		       variant->kernel_initiates ? "sas-1" : "sas-1 half-open-1");
	EXPECT_EQ(-ENOENT, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &info));
	peer_send_again(self->peer);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-unknown-spi+1");
}

MODULE_TEST_MAIN
