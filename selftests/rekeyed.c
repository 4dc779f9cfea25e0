// SPDX-License-Identifier: GPL-2.0
/*
 * An SA that takes the place of another one (RFC 7296 sections 1.3.2 and 2.18): it is
 * established from the beginning, counts its messages anew, and has all else of the other
 * one, which goes on until it is deleted.
 */

#include "kselftest_harness.h"

#include <string.h>

#include "client.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull
#define NEW_SPI 0x1112131415161718ull
#define PEER_SPI 0x2122232425262728ull
#define FRAGMENT_SIZE 400
#define DSCP 46
#define LIVENESS_MS 3600000
#define RTO_MS 50000 /* the old one's own floor */

FIXTURE(rekeyed)
{
	struct client *client;
	struct peer *old;
	struct peer new;
};

FIXTURE_VARIANT(rekeyed)
{
	bool initiated_old; /* the kernel has */
	bool initiates_new;
};

FIXTURE_VARIANT_ADD(rekeyed, initiator_initiates) {
	.initiated_old = true, .initiates_new = true,
};
FIXTURE_VARIANT_ADD(rekeyed, initiator_responds) {
	.initiated_old = true, .initiates_new = false,
};
FIXTURE_VARIANT_ADD(rekeyed, responder_initiates) {
	.initiated_old = false, .initiates_new = true,
};
FIXTURE_VARIANT_ADD(rekeyed, responder_responds) {
	.initiated_old = false, .initiates_new = false,
};

FIXTURE_SETUP(rekeyed)
{
	const struct ikefp_sa_settings settings = {
		.behind_nat = true, .follow = true, .liveness_ms = LIVENESS_MS,
	};
	const struct ikefp_policy own = {
		.set[IKEFP_A_POLICY_RTO_MIN_MS] = true, .value[IKEFP_A_POLICY_RTO_MIN_MS] = RTO_MS,
	};
	const uint32_t fragment_size = FRAGMENT_SIZE;
	const uint8_t dscp = DSCP;
	struct ikefp_sa_change change = {
		.retransmit = &own, .dscp = &dscp,
		.established = true, .settings = &settings, .fragment_size = &fragment_size,
		.window_in = 4, .window_out = 4,
	};

	netns_new();
	self->client = client_open(CLIENT_WORKER);
	client_listen(self->client, IKEFP_LISTENER_KIND_NATT, "127.0.0.1", 4500);
	/* Nothing is to be retransmitted, and nothing sent, by itself. */
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_KEEPALIVE_MS, 3600000);
	self->old = peer_open("127.0.0.2", "127.0.0.1", 4500, IKEFP_LISTENER_KIND_NATT);
	if (variant->initiated_old)
		peer_init_kernel_initiates(self->old, self->client, SPI, &sk_algorithms[0]);
	else
		peer_init_kernel_responds(self->old, self->client, SPI, &sk_algorithms[0]);
	change.spi = self->old->kernel_spi;
	ASSERT_EQ(0, ikefp_sa_set(self->client->nl, &change));
	client_count_anew(self->client);
}

FIXTURE_TEARDOWN(rekeyed)
{
	peer_close(self->old);
	client_close(self->client);
}

static int rekey(struct client *client, const struct peer *old, bool initiates,
		 struct peer *new)
{
	struct ikefp_sa_rekeyed rekeyed = {
		.spi = old->kernel_spi,
		.new_spi = NEW_SPI,
		.peer_spi = PEER_SPI,
		.role = initiates ? IKEFP_ROLE_INITIATOR : IKEFP_ROLE_RESPONDER,
	};
	struct ikefp_keys keys;

	*new = *old;
	new->initiator = !initiates;
	new->own_spi = PEER_SPI;
	new->kernel_spi = NEW_SPI;
	new->next_out = 0;
	/* Of other algorithms. */
	sk_keys_make(&new->keys, &sk_algorithms[3]);
	keys = sk_keys_for_module(&new->keys);
	rekeyed.keys = &keys;
	return ikefp_sa_rekey(client->nl, &rekeyed);
}

/* The peer asks, and has the answer, with this message ID. */
static const char *peer_asks(struct client *client, struct peer *peer, uint32_t message_id)
{
	const struct ikefp_message_in *request;

	peer_send_request(peer, CREATE_CHILD_SA, PAYLOAD_NOTIFY, "more of it", 10);
	request = client_wait_message(client);
	if (request->spi != peer->kernel_spi || request->response ||
	    request->message_id != message_id || request->payload.len != 10)
		return "not the request";
	peer_kernel_responds(peer, client, CREATE_CHILD_SA, message_id, PAYLOAD_NOTIFY, "no", 2);
	peer_expect(peer);
	return peer->got_header.message_id == message_id ? peer_open_message(peer) :
							    "not its ID";
}

/* The helper does. */
static const char *kernel_asks(struct client *client, struct peer *peer, uint32_t message_id)
{
	const struct ikefp_message_in *answer;
	const char *why;

	if (peer_kernel_requests(peer, client, INFORMATIONAL, PAYLOAD_DELETE, "gone", 4) !=
	    message_id)
		return "not the next ID";
	peer_expect(peer);
	why = peer->got_header.message_id == message_id ? peer_open_message(peer) :
							   "not its ID";
	if (*why)
		return why;
	peer_send_response(peer, INFORMATIONAL, message_id, PAYLOAD_DELETE, "yes", 3);
	answer = client_wait_message(client);
	return answer->spi == peer->kernel_spi && answer->response ? "" : "not the answer";
}

/* Both ends ask, from 0 on, while the old one goes on from where it was. */
TEST_F(rekeyed, messages)
{
	uint32_t next_in = self->old->next_out, next_out = variant->initiated_old ? 1 : 0;
	struct client *client = self->client;

	ASSERT_EQ(0, rekey(client, self->old, variant->initiates_new, &self->new));
	EXPECT_COUNTED(client, "sas+1");
	EXPECT_STREQ("", peer_asks(client, &self->new, 0));
	EXPECT_STREQ("", kernel_asks(client, &self->new, 0));
	EXPECT_STREQ("", peer_asks(client, self->old, next_in));
	EXPECT_STREQ("", kernel_asks(client, self->old, next_out));
	EXPECT_STREQ("", kernel_asks(client, &self->new, 1));
	EXPECT_STREQ("", peer_asks(client, &self->new, 1));
	/* An answer that was lost. */
	client_count_anew(client);
	peer_send_again(&self->new);
	peer_expect(&self->new);
	EXPECT_STREQ("", peer_open_message(&self->new));
	EXPECT_COUNTED(client, "rx-messages+1 tx-messages+1 duplicates-answered+1");

	/* A sign of life is the kernel's own to answer: it is established. */
	peer_send_request(&self->new, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(&self->new);
	EXPECT_STREQ("", peer_open_message(&self->new));
	EXPECT_COUNTED(client, "rx-messages+1 tx-messages+1 liveness-answered+1");

	/* The other one goes, and nothing of this one with it. */
	ASSERT_EQ(0, ikefp_sa_del(client->nl, self->old->kernel_spi));
	EXPECT_STREQ("", peer_asks(client, &self->new, 3));
	EXPECT_STREQ("", kernel_asks(client, &self->new, 2));
}

TEST_F(rekeyed, inherits)
{
	struct ikefp_sa_info old, new;

	EXPECT_STREQ("", kernel_asks(self->client, self->old, variant->initiated_old ? 1 : 0));
	ASSERT_EQ(0, rekey(self->client, self->old, variant->initiates_new, &self->new));
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->old->kernel_spi, &old));
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, NEW_SPI, &new));
	EXPECT_EQ(PEER_SPI, new.peer_spi);
	EXPECT_EQ(variant->initiates_new ? IKEFP_ROLE_INITIATOR : IKEFP_ROLE_RESPONDER, new.role);
	EXPECT_EQ(IKEFP_SA_STATE_ESTABLISHED, new.state);
	EXPECT_EQ(0, memcmp(&old.endpoint, &new.endpoint, sizeof(old.endpoint)));
	EXPECT_EQ(old.worker, new.worker);
	EXPECT_NE(0, new.worker);
	EXPECT_NE(0, new.srtt_us);
	EXPECT_EQ(old.srtt_us, new.srtt_us);
	EXPECT_EQ(old.rttvar_us, new.rttvar_us);
	EXPECT_TRUE(new.fragments);
	EXPECT_EQ(FRAGMENT_SIZE, new.fragment_size);
	EXPECT_TRUE(new.behind_nat);
	EXPECT_TRUE(new.follow);
	EXPECT_EQ(LIVENESS_MS, new.liveness_ms);
	EXPECT_EQ(DSCP, new.dscp);
	EXPECT_EQ(RTO_MS, old.rto_ms);
	EXPECT_EQ(RTO_MS, new.rto_ms);
	/* But not what was promised for the other one's messages (RFC 7296 section 2.3). */
	EXPECT_EQ(4, old.window_in);
	EXPECT_EQ(1, new.window_in);
	EXPECT_EQ(1, new.window_out);
	EXPECT_EQ(0, new.message_id_in);
	EXPECT_EQ(0, new.message_id_out);
	EXPECT_EQ(0, new.esp_pairs);
	EXPECT_EQ(0, new.stash_len);
}

/* The keys and the role are its own, and there is no IKE_SA_INIT any more. */
TEST_F(rekeyed, is_another)
{
	uint8_t message[64];
	struct ikefp_message_out raw = { .spi = NEW_SPI, .raw = true };
	struct client *client = self->client;
	struct peer wrong;

	ASSERT_EQ(0, rekey(client, self->old, variant->initiates_new, &self->new));
	client_count_anew(client);
	wrong = self->new;
	sk_keys_make(&wrong.keys, &sk_algorithms[3]);
	peer_send_request(&wrong, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	EXPECT_COUNTED(client, "rx-messages+1 drop-integrity+1");
	wrong = self->new;
	wrong.initiator = !wrong.initiator;
	peer_send_request(&wrong, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	EXPECT_COUNTED(client, "rx-messages+1 drop-flags+1");
	wrong = self->new;
	wrong.own_spi = self->old->own_spi;
	peer_send_request(&wrong, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	EXPECT_COUNTED(client, "rx-messages+1 drop-unknown-spi+1");
	wrong = self->new;
	wrong.next_out = 1;
	peer_send_request(&wrong, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	EXPECT_COUNTED(client, "rx-messages+1 drop-message-id+1");

	if (variant->initiates_new)
		raw.payload = (struct ikefp_octets){
			message, ike_put_init(message, NEW_SPI, 0, 1, sizeof(message)) };
	else
		raw.payload = (struct ikefp_octets){
			message, ike_put_init(message, PEER_SPI, NEW_SPI, 1, sizeof(message)) };
	EXPECT_EQ(-EINVAL, ikefp_message_send(client->nl, &raw, NULL));
	EXPECT_STREQ(variant->initiates_new ? "the SA has keys: IKE_SA_INIT is over" :
			     "no IKE_SA_INIT request waits for a response",
		     ikefp_nl_error(client->nl));
	EXPECT_STREQ("", peer_asks(client, &self->new, 0));
}

/* The helper dies: both are orphans, and the next one has both. */
TEST_F(rekeyed, is_adopted)
{
	struct client *next = client_open(0);
	struct upcall *upcall;

	ASSERT_EQ(0, rekey(self->client, self->old, variant->initiates_new, &self->new));
	client_stash(self->client, NEW_SPI, "who it is", 9);
	client_close(self->client);
	self->client = next;
	ASSERT_EQ(0, ikefp_worker_attach(next->nl, true));
	peer_send_request(&self->new, CREATE_CHILD_SA, PAYLOAD_NOTIFY, "hello", 5);
	upcall = client_adopt(next, NEW_SPI);
	ASSERT_NE(NULL, upcall);
	ASSERT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_EQ(9, upcall->len);
	EXPECT_EQ(IKEFP_SA_STATE_ESTABLISHED, upcall->info.state);
	EXPECT_EQ(DSCP, upcall->info.dscp);
	EXPECT_EQ(0, client_wait_message(next)->message_id);
	upcall = client_adopt(next, self->old->kernel_spi);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_ADOPTED, upcall->kind);
}

/* Where the peer has gone, the new one's messages go. */
TEST_F(rekeyed, follows)
{
	struct client *client = self->client;
	int before = peer_move(self->old, "127.0.0.3");

	peer_send_request(self->old, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->old);
	EXPECT_EQ(UPCALL_MOVED, client_wait(client, PATIENCE_MS)->kind);
	ASSERT_EQ(0, rekey(client, self->old, variant->initiates_new, &self->new));
	EXPECT_STREQ("", kernel_asks(client, &self->new, 0));
	close(before);
}

MODULE_TEST_MAIN
