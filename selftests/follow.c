// SPDX-License-Identifier: GPL-2.0
/*
 * A NAT gives the peer another address or port: an authentic new message from there
 * moves the SA, and nothing else does (RFC 7296 section 2.23).
 */

#include "kselftest_harness.h"

#include <unistd.h>

#include "client.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull

FIXTURE(follow)
{
	struct client *client;
	struct peer *peer;
	struct peer before; /* where it was: to send from there */
};

FIXTURE_VARIANT(follow)
{
	const char *peer, *elsewhere, *kernel;
	int port;
	enum ikefp_listener_kind kind;
	bool kernel_initiates;
};

FIXTURE_VARIANT_ADD(follow, v4) {
	.peer = "127.0.0.2", .elsewhere = "127.0.0.3", .kernel = "127.0.0.1",
	.port = 4500, .kind = IKEFP_LISTENER_KIND_NATT, .kernel_initiates = false,
};

FIXTURE_VARIANT_ADD(follow, v6) {
	.peer = "fd00::2", .elsewhere = "fd00::3", .kernel = "::1",
	.port = 4500, .kind = IKEFP_LISTENER_KIND_NATT, .kernel_initiates = true,
};

FIXTURE_VARIANT_ADD(follow, without_nat) {
	.peer = "127.0.0.2", .elsewhere = "127.0.0.3", .kernel = "127.0.0.1",
	.port = 500, .kind = IKEFP_LISTENER_KIND_IKE, .kernel_initiates = true,
};

FIXTURE_SETUP(follow)
{
	netns_new();
	run("ip address add fd00::2/128 dev lo nodad && ip address add fd00::3/128 dev lo nodad");
	netns_await_local("fd00::2");
	netns_await_local("fd00::3");
	self->client = client_open(CLIENT_WORKER | CLIENT_EVENTS);
	client_listen(self->client, variant->kind, variant->kernel, variant->port);
	client_set(self->client, IKEFP_A_POLICY_JITTER_PERCENT, 0);
	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 60000);
	self->peer = peer_open(variant->peer, variant->kernel, variant->port, variant->kind);
	if (variant->kernel_initiates)
		peer_init_kernel_initiates(self->peer, self->client, SPI, &sk_algorithms[0]);
	else
		peer_init_kernel_responds(self->peer, self->client, SPI, &sk_algorithms[0]);
	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){ .follow = true });
	peer_establish(self->peer, self->client);
	client_count_anew(self->client);
}

FIXTURE_TEARDOWN(follow)
{
	peer_close(self->peer);
	client_close(self->client);
}

/* As if its NAT had: to @local, another port at least. */
#define MOVE(local) \
do { \
	self->before = *self->peer; \
	peer_move(self->peer, local); \
} while (0)

static const char *moved_to(struct client *client, const struct peer *peer)
{
	const struct ikefp_event *event;
	struct ikefp_sa_info info;
	struct upcall *upcall = client_wait(client, PATIENCE_MS);

	if (!upcall || upcall->kind != UPCALL_MOVED)
		return "the worker was not told";
	if (upcall->spi != peer->kernel_spi ||
	    !address_same(&upcall->endpoint.remote, &peer->local) ||
	    !address_same(&upcall->endpoint.local, &peer->kernel))
		return "the worker was told something else";
	event = client_wait_event(client, IKEFP_EVENT_KIND_SA_MOVED, PATIENCE_MS);
	if (!event || !address_same(&event->endpoint.remote, &peer->local))
		return "no event says so";
	if (ikefp_sa_get(client->nl, peer->kernel_spi, &info) ||
	    !address_same(&info.endpoint.remote, &peer->local))
		return "sa-get does not say so";
	return "";
}

static bool is_at(struct client *client, const struct peer *peer)
{
	struct ikefp_sa_info info;

	return !ikefp_sa_get(client->nl, peer->kernel_spi, &info) &&
	       address_same(&info.endpoint.remote, &peer->local) && !client_wait(client, 0) &&
	       !client_wait_event(client, IKEFP_EVENT_KIND_SA_MOVED, 0);
}

/* A request, that only the kernel sees; what it sends from then on goes there. */
TEST_F(follow, request)
{
	const char *const places[] = { variant->peer, variant->elsewhere, variant->peer };
	uint32_t id;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		MOVE(places[i]);
		peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
		peer_expect(self->peer);
		EXPECT_EQ(FLAG_RESPONSE, self->peer->got_header.flags & FLAG_RESPONSE);
		EXPECT_STREQ("", moved_to(self->client, self->peer));
		EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 upcalls+1 "
			       "liveness-answered+1 sas-moved+1");
		id = peer_kernel_requests(self->peer, self->client, INFORMATIONAL,
					  PAYLOAD_NOTIFY, "?", 1);
		peer_expect(self->peer);
		peer_send_response(self->peer, INFORMATIONAL, id, PAYLOAD_NOTIFY, "!", 1);
		client_wait_message(self->client);
		client_count_anew(self->client);
		close(self->before.sock);
	}
}

/* A request for the worker: it learns of the message, then of the place. */
TEST_F(follow, request_for_the_worker)
{
	const struct ikefp_message_in *in;
	uint32_t id = self->peer->next_out;

	MOVE(variant->elsewhere);
	peer_send_request(self->peer, CREATE_CHILD_SA, PAYLOAD_NOTIFY, "?", 1);
	in = client_wait_message(self->client);
	EXPECT_EQ(id, in->message_id);
	EXPECT_TRUE(address_same(&in->endpoint.remote, &self->peer->local));
	EXPECT_STREQ("", moved_to(self->client, self->peer));
	peer_kernel_responds(self->peer, self->client, CREATE_CHILD_SA, id, PAYLOAD_NOTIFY, "!",
			     1);
	peer_expect(self->peer);
}

/* The response to the outstanding request, which is then sent no more. */
TEST_F(follow, response)
{
	uint32_t id;

	id = peer_kernel_requests(self->peer, self->client, INFORMATIONAL, PAYLOAD_NOTIFY, "?", 1);
	peer_expect(self->peer);
	MOVE(variant->elsewhere);
	peer_send_response(self->peer, INFORMATIONAL, id, PAYLOAD_NOTIFY, "!", 1);
	EXPECT_EQ(id, client_wait_message(self->client)->message_id);
	EXPECT_STREQ("", moved_to(self->client, self->peer));
	/* Again, from where it was before: nothing is outstanding. */
	client_count_anew(self->client);
	memcpy(self->before.sent, self->peer->sent, self->peer->sent_len);
	self->before.sent_len = self->peer->sent_len;
	peer_send_again(&self->before);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-stale-response+1");
	EXPECT_TRUE(is_at(self->client, self->peer));
}

/* What is outstanding is retransmitted to where the peer is now. */
TEST_F(follow, retransmission)
{
	uint32_t id;

	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 1000);
	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 1000);
	id = peer_kernel_requests(self->peer, self->client, INFORMATIONAL, PAYLOAD_NOTIFY, "?", 1);
	peer_expect(self->peer);
	MOVE(variant->elsewhere);
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	EXPECT_STREQ("", moved_to(self->client, self->peer));
	peer_expect(self->peer);
	EXPECT_EQ(id, self->peer->got_header.message_id);
	EXPECT_EQ(0, self->peer->got_header.flags & FLAG_RESPONSE);
}

/* Recorded messages, sent by whoever from elsewhere. */
TEST_F(follow, not_a_replay)
{
	uint8_t old[MESSAGE_SIZE];
	size_t old_len;
	struct peer replayer;

	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	old_len = self->peer->sent_len;
	memcpy(old, self->peer->sent, old_len);
	client_count_anew(self->client);
	replayer = *self->peer;
	peer_move(&replayer, variant->peer);
	/* From another port of the host: it is answered there, as the port may be new. */
	peer_send(&replayer, old, old_len);
	peer_expect(&replayer);
	EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 duplicates-answered+1");
	EXPECT_TRUE(is_at(self->client, self->peer));
	/* From another host. */
	peer_move(&replayer, variant->elsewhere);
	peer_send(&replayer, old, old_len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-source+1");
	EXPECT_TRUE(is_at(self->client, self->peer));
	/* And when it is not even the latest. */
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	client_count_anew(self->client);
	peer_send(&replayer, old, old_len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-message-id+1");
	EXPECT_TRUE(is_at(self->client, self->peer));
}

/* A new message, but not the peer's. */
TEST_F(follow, not_a_forgery)
{
	struct ike_header header;
	uint8_t message[256];
	struct peer forger = *self->peer;
	size_t len;

	header = peer_header(self->peer, INFORMATIONAL, self->peer->next_out, false);
	len = sk_seal(&self->peer->keys, &header, NULL, PAYLOAD_NONE, NULL, 0, message);
	message[len - 1] ^= 1;
	peer_move(&forger, variant->elsewhere);
	peer_send(&forger, message, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-integrity+1");
	EXPECT_TRUE(is_at(self->client, self->peer));
}

/* Where the helper has not allowed it, as when we are behind a NAT ourselves. */
TEST_F(follow, not_allowed)
{
	struct peer before = *self->peer;

	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){});
	client_count_anew(self->client);
	peer_move(self->peer, variant->elsewhere);
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	/* It is answered all the same. */
	peer_expect(self->peer);
	EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 liveness-answered+1");
	EXPECT_TRUE(is_at(self->client, &before));
}

/* An orphan follows as well; whoever adopts it is told where it is. */
TEST_F(follow, orphan)
{
	struct client *second = client_open(CLIENT_WORKER | CLIENT_EVENTS);
	struct upcall *upcall;

	client_close(self->client);
	self->client = second;
	MOVE(variant->elsewhere);
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	ASSERT_NE(NULL, client_wait_event(second, IKEFP_EVENT_KIND_SA_MOVED, PATIENCE_MS));
	EXPECT_TRUE(is_at(second, self->peer));
	ASSERT_EQ(0, ikefp_worker_adopt(second->nl, &self->peer->kernel_spi, 1));
	upcall = client_wait(second, PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_TRUE(address_same(&upcall->info.endpoint.remote, &self->peer->local));
	EXPECT_NULL(client_wait(second, 0));
}

/*
 * A request that a worker died with is taken again from its next copy: anybody may have
 * recorded that, so that it is answered, and moves nothing.
 */
TEST_F(follow, not_a_request_taken_again)
{
	struct client *second = client_open(CLIENT_WORKER | CLIENT_EVENTS);
	struct upcall *upcall;

	peer_send_request(self->peer, CREATE_CHILD_SA, PAYLOAD_NOTIFY, "?", 1);
	client_wait_message(self->client);
	client_close(self->client);
	self->client = second;
	self->before = *self->peer;
	peer_move(self->peer, variant->elsewhere);
	ASSERT_EQ(0, ikefp_worker_adopt(second->nl, &self->peer->kernel_spi, 1));
	upcall = client_wait(second, PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	ASSERT_EQ(UPCALL_ADOPTED, upcall->kind);
	peer_send_again(self->peer);
	client_wait_message(second);
	EXPECT_TRUE(is_at(second, &self->before));
}

MODULE_TEST_MAIN
