// SPDX-License-Identifier: GPL-2.0
/*
 * Keys that take the place of others between the requests of IKE_INTERMEDIATE (RFC 9242, RFC
 * 9370 section 2.2.2): what was answered under the keys before is answered still, in whatever
 * fragments it comes once more, and nothing else is.
 */

#include "kselftest_harness.h"

#include <errno.h>
#include <string.h>

#include "client.h"
#include "fragment.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull
#define FRAGMENT_SIZE 600
#define LEN 1200
#define AROUND (20 + 8 + 4) /* IPv4, UDP, non-ESP marker */

static struct got got;

FIXTURE(intermediate)
{
	struct client *client;
	struct peer *peer;
	uint8_t inner[LEN];
};

FIXTURE_VARIANT(intermediate)
{
	bool kernel_initiates;
};

FIXTURE_VARIANT_ADD(intermediate, initiator) {
	.kernel_initiates = true,
};
FIXTURE_VARIANT_ADD(intermediate, responder) {
	.kernel_initiates = false,
};

FIXTURE_SETUP(intermediate)
{
	const uint32_t fragment_size = FRAGMENT_SIZE;
	struct ikefp_sa_change change = { .fragment_size = &fragment_size };

	netns_new();
	self->client = client_open(CLIENT_WORKER);
	client_listen(self->client, IKEFP_LISTENER_KIND_NATT, "127.0.0.1", 4500);
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 60000);
	self->peer = peer_open("127.0.0.2", "127.0.0.1", 4500, IKEFP_LISTENER_KIND_NATT);
	if (variant->kernel_initiates)
		peer_init_kernel_initiates(self->peer, self->client, SPI, &sk_algorithms[0]);
	else
		peer_init_kernel_responds(self->peer, self->client, SPI, &sk_algorithms[0]);
	change.spi = self->peer->kernel_spi;
	ASSERT_EQ(0, ikefp_sa_set(self->client->nl, &change));
	memset(self->inner, 0x5a, sizeof(self->inner));
	client_count_anew(self->client);
}

FIXTURE_TEARDOWN(intermediate)
{
	peer_close(self->peer);
	client_close(self->client);
}

/* New ones at the kernel; if it took them, the peer has them from then on. */
static int new_keys(struct client *client, struct peer *peer, int algorithm, bool established)
{
	struct ikefp_sa_change change = { .spi = peer->kernel_spi, .established = established };
	struct ikefp_keys pushed;
	struct sk_keys keys;
	int err;

	sk_keys_make(&keys, &sk_algorithms[algorithm]);
	pushed = sk_keys_for_module(&keys);
	change.keys = &pushed;
	err = ikefp_sa_set(client->nl, &change);
	if (!err)
		peer->keys = keys;
	return err;
}

static void establish(struct client *client, struct peer *peer)
{
	const struct ikefp_sa_change change = { .spi = peer->kernel_spi, .established = true };

	if (ikefp_sa_set(client->nl, &change))
		abort();
}

/* A request of the peer's and its answer. "" or what is wrong. */
static const char *peer_asks(struct client *client, struct peer *peer, uint8_t exchange,
			     const uint8_t *octets)
{
	const uint32_t id = peer->next_out;
	const struct ikefp_message_in *message;

	peer_send_request(peer, exchange, PAYLOAD_IDI, octets, 100);
	message = client_wait_message(client);
	if (message->message_id != id || message->payload.len != 100)
		return "not the request";
	peer_kernel_responds(peer, client, exchange, id, PAYLOAD_IDI, octets, 100);
	peer_expect(peer);
	return peer_open_message(peer);
}

static const char *kernel_asks(struct client *client, struct peer *peer, uint8_t exchange,
			       const uint8_t *octets)
{
	uint32_t id = peer_kernel_requests(peer, client, exchange, PAYLOAD_IDI, octets, 100);
	const char *wrong;

	peer_expect(peer);
	wrong = peer_open_message(peer);
	if (*wrong)
		return wrong;
	peer_send_response(peer, exchange, id, PAYLOAD_IDI, octets, 100);
	return client_wait_message(client)->message_id == id ? "" : "not the response";
}

static const char *ask(bool kernel_initiates, struct client *client, struct peer *peer,
		       uint8_t exchange, const uint8_t *octets)
{
	return kernel_initiates ? kernel_asks(client, peer, exchange, octets) :
				  peer_asks(client, peer, exchange, octets);
}

/* Each exchange by the keys of the one before; message IDs go on. */
TEST_F(intermediate, keys_replaced)
{
	uint32_t id;

	for (id = 1; id <= 7; id++) {
		ASSERT_STREQ("", ask(variant->kernel_initiates, self->client, self->peer,
				     IKE_INTERMEDIATE, self->inner));
		ASSERT_EQ(id, self->peer->got_header.message_id);
		ASSERT_EQ(0, new_keys(self->client, self->peer, id % SK_ALGORITHMS, false));
	}
	ASSERT_STREQ("", ask(variant->kernel_initiates, self->client, self->peer, IKE_AUTH,
			     self->inner));
	EXPECT_EQ(8, self->peer->got_header.message_id);
	establish(self->client, self->peer);
	EXPECT_STREQ("", peer_asks(self->client, self->peer, CREATE_CHILD_SA, self->inner));
	EXPECT_STREQ("", kernel_asks(self->client, self->peer, CREATE_CHILD_SA, self->inner));
}

/* What the keys before have sealed is nothing any more. */
TEST_F(intermediate, old_keys_are_over)
{
	struct sk_keys old = self->peer->keys, new;

	ASSERT_STREQ("", ask(variant->kernel_initiates, self->client, self->peer,
			     IKE_INTERMEDIATE, self->inner));
	ASSERT_EQ(0, new_keys(self->client, self->peer, 0, false));
	client_count_anew(self->client);
	new = self->peer->keys;
	self->peer->keys = old;
	peer_send_request(self->peer, IKE_INTERMEDIATE, PAYLOAD_IDI, self->inner, 100);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-integrity+1");
	self->peer->keys = new;
	self->peer->next_out--;
	EXPECT_STREQ("", peer_asks(self->client, self->peer, IKE_INTERMEDIATE, self->inner));
}

/* Not while a request waits, nor once it is established. */
TEST_F(intermediate, not_now)
{
	const uint32_t in = self->peer->next_out;
	uint32_t out;

	EXPECT_EQ(-EEXIST, new_keys(self->client, self->peer, 0, true));
	out = peer_kernel_requests(self->peer, self->client, IKE_INTERMEDIATE, PAYLOAD_IDI,
				   self->inner, 100);
	EXPECT_EQ(-EBUSY, new_keys(self->client, self->peer, 0, false));
	EXPECT_STREQ("the SA has keys, and a request that is not answered yet",
		     ikefp_nl_error(self->client->nl));
	peer_expect(self->peer);
	ASSERT_STREQ("", peer_open_message(self->peer));
	peer_send_response(self->peer, IKE_INTERMEDIATE, out, PAYLOAD_IDI, self->inner, 100);
	client_wait_message(self->client);

	peer_send_request(self->peer, IKE_INTERMEDIATE, PAYLOAD_IDI, self->inner, 100);
	client_wait_message(self->client);
	EXPECT_EQ(-EBUSY, new_keys(self->client, self->peer, 0, false));
	peer_kernel_responds(self->peer, self->client, IKE_INTERMEDIATE, in, PAYLOAD_IDI,
			     self->inner, 100);
	peer_expect(self->peer);
	EXPECT_EQ(0, new_keys(self->client, self->peer, 0, false));
	establish(self->client, self->peer);
	EXPECT_EQ(-EEXIST, new_keys(self->client, self->peer, 0, false));
	/* By the keys that it has. */
	EXPECT_STREQ("", kernel_asks(self->client, self->peer, CREATE_CHILD_SA, self->inner));
}

/*
 * The answer to a request is lost: its copies are answered though the keys are others, the
 * same octets or cut anew (RFC 7383 section 2.6.1); a forged one is not.
 */
TEST_F(intermediate, answered_again)
{
	struct peer *peer = self->peer;
	struct cut cut = {
		.header = peer_header(peer, IKE_INTERMEDIATE, peer->next_out, false),
		.len = LEN, .total = 2,
	};
	struct sk_keys old = peer->keys, new;

	peer->next_out++;
	send_fragment(peer, &cut, 1);
	send_fragment(peer, &cut, 2);
	EXPECT_WHOLE(self->client, cut);
	peer_kernel_responds(peer, self->client, IKE_INTERMEDIATE, cut.header.message_id,
			     PAYLOAD_IDI, inner, LEN);
	ASSERT_STREQ("", fragment_take(peer, AROUND, FRAGMENT_SIZE, LEN, &got));
	ASSERT_EQ(0, new_keys(self->client, peer, 0, false));
	new = peer->keys;

	peer->keys = old;
	client_count_anew(self->client);
	cut.total = 3;
	send_fragment(peer, &cut, 1);
	EXPECT_TRUE(fragment_take_again(peer, &got));
	/* By it the request is known from then on, octet for octet. */
	peer_send_again(peer);
	EXPECT_TRUE(fragment_take_again(peer, &got));
	cut.total = 4;
	peer->keys = new;
	client_count_anew(self->client);
	send_fragment(peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-integrity+1");

	/* Of the next one, copies are looked at with the keys that it came under. */
	cut.header.message_id = peer->next_out++;
	cut.total = 2;
	send_fragment(peer, &cut, 1);
	send_fragment(peer, &cut, 2);
	EXPECT_WHOLE(self->client, cut);
	peer_kernel_responds(peer, self->client, IKE_INTERMEDIATE, cut.header.message_id,
			     PAYLOAD_IDI, inner, LEN);
	ASSERT_STREQ("", fragment_take(peer, AROUND, FRAGMENT_SIZE, LEN, &got));
	cut.total = 3;
	send_fragment(peer, &cut, 1);
	EXPECT_TRUE(fragment_take_again(peer, &got));
}

/* Fragments of a request that were there when the keys were replaced are no part of it. */
TEST_F(intermediate, fragments_forgotten)
{
	struct peer *peer = self->peer;
	struct cut cut = {
		.header = peer_header(peer, IKE_INTERMEDIATE, peer->next_out, false),
		.len = LEN, .total = 2,
	};

	peer->next_out++;
	send_fragment(peer, &cut, 1);
	EXPECT_COUNTED(self->client, "rx-messages+1 rx-fragments+1");
	ASSERT_EQ(0, new_keys(self->client, peer, 0, false));
	send_fragment(peer, &cut, 2);
	EXPECT_NULL(client_wait(self->client, 0));
	send_fragment(peer, &cut, 1);
	EXPECT_WHOLE(self->client, cut);
}

MODULE_TEST_MAIN
