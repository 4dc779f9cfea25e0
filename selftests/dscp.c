// SPDX-License-Identifier: GPL-2.0
/*
 * The Differentiated Services codepoint of what is sent for an SA (RFC 2474): every datagram of
 * it has it, whatever brings it about; what is sent for none has none. ECN is nobody's here.
 */

#include "kselftest_harness.h"

#include <netinet/in.h>
#include <unistd.h>

#include "client.h"
#include "die.h"
#include "esp.h"
#include "fragment.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0202030405060708ull /* of another SA than that which is there */
#define DSCP 46
#define OTHER 10
#define TOS(dscp) ((dscp) << 2)
#define LARGE 3000 /* octets that leave in fragments */
#define INIT_LEN 64

static void set_dscp(struct client *client, uint64_t spi, uint8_t dscp)
{
	const struct ikefp_sa_change change = { .spi = spi, .dscp = &dscp };

	if (ikefp_sa_set(client->nl, &change))
		die("sa-set dscp: %s", ikefp_nl_error(client->nl));
}

/* Requests are sent again, soon and often. */
static void retransmit_soon(struct client *client)
{
	client_set(client, IKEFP_A_POLICY_RTO_MIN_MS, 20);
	client_set(client, IKEFP_A_POLICY_RTO_INITIAL_MS, 20);
	client_set(client, IKEFP_A_POLICY_RTO_MAX_MS, 20);
}

/* An SA that is established, whose messages are cut into fragments. */
FIXTURE(dscp)
{
	struct client *client;
	struct peer *peer;
	struct peer *stranger;
};

FIXTURE_VARIANT(dscp)
{
	const struct fragment_variant *is;
};

FIXTURE_VARIANT_ADD(dscp, v4_responder) {
	.is = &fragment_variants[0],
};

FIXTURE_VARIANT_ADD(dscp, v4_natt_initiator) {
	.is = &fragment_variants[1],
};

FIXTURE_VARIANT_ADD(dscp, v6_initiator) {
	.is = &fragment_variants[2],
};

FIXTURE_VARIANT_ADD(dscp, v6_natt_responder) {
	.is = &fragment_variants[3],
};

FIXTURE_SETUP(dscp)
{
	struct fragment_ends ends = fragment_begin(variant->is);

	self->client = ends.client;
	self->peer = ends.peer;
	self->stranger = ends.stranger;
}

FIXTURE_TEARDOWN(dscp)
{
	peer_close(self->stranger);
	peer_close(self->peer);
	client_close(self->client);
}

#define EXPECT_MARKED(peer, dscp) \
	do { \
		peer_expect(peer); \
		EXPECT_EQ(TOS(dscp), (peer)->got_tos); \
	} while (0)

/* Nobody has asked for one. */
TEST_F(dscp, none)
{
	struct ikefp_sa_info info;

	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &info));
	EXPECT_EQ(0, info.dscp);
	EXPECT_EQ(0, self->peer->got_tos);
	peer_kernel_requests(self->peer, self->client, CREATE_CHILD_SA, PAYLOAD_IDI, inner, 10);
	EXPECT_MARKED(self->peer, 0);
}

/* Requests, whole and in fragments, the first time and again; another one from then on. */
TEST_F(dscp, requests)
{
	static const size_t lens[] = { 10, LARGE };
	struct client *client = self->client;
	struct peer *peer = self->peer;
	struct ikefp_sa_info info;
	uint32_t id;
	size_t i;
	int n;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		set_dscp(client, peer->kernel_spi, DSCP);
		ASSERT_EQ(0, ikefp_sa_get(client->nl, peer->kernel_spi, &info));
		EXPECT_EQ(DSCP, info.dscp);
		retransmit_soon(client);
		client_count_anew(client);
		id = peer_kernel_requests(peer, client, CREATE_CHILD_SA, PAYLOAD_IDI, inner,
					  lens[i]);
		for (n = 0; n < 20; n++)
			EXPECT_MARKED(peer, DSCP);
		EXPECT_LT(0, client_counter(client, IKEFP_A_STATS_RETRANSMITS));
		set_dscp(client, peer->kernel_spi, OTHER);
		while (peer->got_tos == TOS(DSCP))
			peer_expect(peer);
		for (n = 0; n < 20; n++)
			EXPECT_MARKED(peer, OTHER);
		peer_send_response(peer, CREATE_CHILD_SA, id, PAYLOAD_IDI, "b", 1);
		EXPECT_TRUE(client_wait_message(client)->response);
		while (peer_receive(peer, 0))
			EXPECT_EQ(TOS(OTHER), peer->got_tos);
	}
}

/*
 * Answers, and what duplicates are answered: with what is ours, not the request's, in whose
 * packet they may go. To another port, too.
 */
TEST_F(dscp, answers)
{
	static const size_t lens[] = { 10, LARGE };
	bool v4 = self->peer->local.ss_family == AF_INET;
	struct client *client = self->client;
	struct peer *peer = self->peer;
	struct peer *other = peer_open(variant->is->peer, variant->is->kernel, 500,
				       variant->is->kind);
	int theirs = TOS(20) | 2;
	size_t i;

	set_dscp(client, peer->kernel_spi, DSCP);
	ASSERT_EQ(0, setsockopt(peer->sock, v4 ? IPPROTO_IP : IPPROTO_IPV6,
				v4 ? IP_TOS : IPV6_TCLASS, &theirs, sizeof(theirs)));
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		peer_send_request(peer, CREATE_CHILD_SA, PAYLOAD_IDI, "a", 1);
		client_wait_message(client);
		peer_kernel_responds(peer, client, CREATE_CHILD_SA, peer->next_out - 1,
				     PAYLOAD_IDI, inner, lens[i]);
		EXPECT_MARKED(peer, DSCP);
		while (peer_receive(peer, 0))
			EXPECT_EQ(TOS(DSCP), peer->got_tos);
		peer_send_again(peer);
		EXPECT_MARKED(peer, DSCP);
		while (peer_receive(peer, 0))
			EXPECT_EQ(TOS(DSCP), peer->got_tos);
		peer_send(other, peer->sent, peer->sent_len);
		EXPECT_MARKED(other, DSCP);
		while (peer_receive(other, 0))
			EXPECT_EQ(TOS(DSCP), other->got_tos);
	}
	/* The kernel answers by itself. */
	peer_send_request(peer, INFORMATIONAL, 0, NULL, 0);
	EXPECT_MARKED(peer, DSCP);
	peer_send_again(peer);
	EXPECT_MARKED(peer, DSCP);
	/* What was cached has what is told now; nor is it less when the SA is deleted. */
	set_dscp(client, peer->kernel_spi, OTHER);
	peer_send_again(peer);
	EXPECT_MARKED(peer, OTHER);
	ASSERT_EQ(0, ikefp_sa_del(client->nl, peer->kernel_spi));
	peer_send_again(peer);
	EXPECT_MARKED(peer, OTHER);
	peer_close(other);
}

/* What timers send by themselves. */
TEST_F(dscp, liveness_and_keepalives)
{
	struct client *client = self->client;
	struct peer *peer = self->peer;
	uint8_t octets[64], tos;
	int n;

	set_dscp(client, peer->kernel_spi, DSCP);
	peer_settings(peer, client, (struct ikefp_sa_settings){ .liveness_ms = 20 });
	EXPECT_MARKED(peer, DSCP);
	EXPECT_EQ(INFORMATIONAL, peer->got_header.exchange_type);
	peer_settings(peer, client, (struct ikefp_sa_settings){ .behind_nat = true });
	peer_send_response(peer, INFORMATIONAL, peer->got_header.message_id, 0, NULL, 0);
	EXPECT_COUNTED(client, "rx-messages+1 tx-messages+1 liveness-asked+1");
	if (!peer->marker)
		return;
	client_set(client, IKEFP_A_POLICY_KEEPALIVE_MS, 20);
	peer_settings(peer, client, (struct ikefp_sa_settings){ .behind_nat = false });
	peer_settings(peer, client, (struct ikefp_sa_settings){ .behind_nat = true });
	for (n = 0; n < 3; n++) {
		ASSERT_EQ(1, udp_receive_tos(peer->sock, octets, sizeof(octets), PATIENCE_MS,
					     NULL, NULL, &tos));
		EXPECT_EQ(0xff, octets[0]);
		EXPECT_EQ(TOS(DSCP), tos);
	}
}

/* The SA follows its peer, or is told another path: it stays what it is. */
TEST_F(dscp, follows)
{
	struct client *client = self->client;
	struct peer *peer = self->peer;
	struct ikefp_endpoint endpoint;
	const struct ikefp_sa_change change = {
		.spi = peer->kernel_spi, .endpoint = &endpoint,
	};
	int before;

	set_dscp(client, peer->kernel_spi, DSCP);
	peer_settings(peer, client, (struct ikefp_sa_settings){ .follow = true });
	before = peer_move(peer, variant->is->stranger);
	peer_send_request(peer, INFORMATIONAL, 0, NULL, 0);
	EXPECT_MARKED(peer, DSCP);
	EXPECT_EQ(UPCALL_MOVED, client_wait(client, PATIENCE_MS)->kind);
	close(before);
	before = peer_move(peer, variant->is->peer);
	endpoint = peer_endpoint_of_kernel(peer);
	ASSERT_EQ(0, ikefp_sa_set(client->nl, &change));
	peer_kernel_requests(peer, client, CREATE_CHILD_SA, PAYLOAD_IDI, inner, 10);
	EXPECT_MARKED(peer, DSCP);
	close(before);
}

/* IKE_SA_INIT, before anything is known of the peer. */
TEST_F(dscp, initiates)
{
	struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(self->stranger);
	struct client *client = self->client;
	uint8_t message[INIT_LEN];
	const struct ikefp_message_out request = {
		.spi = SPI, .raw = true,
		.payload = { message, ike_put_init(message, SPI, 0, 1, sizeof(message)) },
	};

	retransmit_soon(client);
	ASSERT_EQ(0, ikefp_sa_new_for(client->nl, SPI, 0, DSCP, &endpoint));
	ASSERT_EQ(0, ikefp_message_send(client->nl, &request, NULL));
	EXPECT_MARKED(self->stranger, DSCP);
	EXPECT_MARKED(self->stranger, DSCP);
}

TEST_F(dscp, responds)
{
	struct client *client = self->client;
	struct peer *peer = self->stranger;
	uint8_t message[INIT_LEN];
	struct ikefp_message_out answer = { .raw = true, .payload = { message, INIT_LEN } };

	peer_send(peer, message, ike_put_init(message, SPI, 0, 1, INIT_LEN));
	answer.spi = client_wait_message(client)->spi;
	set_dscp(client, answer.spi, DSCP);
	ike_put_init(message, SPI, answer.spi, 2, INIT_LEN);
	ASSERT_EQ(0, ikefp_message_send(client->nl, &answer, NULL));
	EXPECT_MARKED(peer, DSCP);
	peer_send_again(peer);
	EXPECT_MARKED(peer, DSCP);
	/* Also where it is deleted at once: an error was the answer. */
	ASSERT_EQ(0, ikefp_sa_del(client->nl, answer.spi));
}

/* There is no SA, and what others have is not its. */
TEST_F(dscp, of_nobody)
{
	struct client *client = self->client;
	struct peer *peer = self->stranger;
	uint8_t message[INIT_LEN];

	set_dscp(client, self->peer->kernel_spi, DSCP);
	client_set(client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 0);
	peer_send(peer, message, ike_put_init(message, SPI, 0, 1, INIT_LEN));
	EXPECT_MARKED(peer, 0);
	EXPECT_EQ(PAYLOAD_NOTIFY, peer->got[16]);
	ike_put_init(message, SPI, 0, 1, INIT_LEN);
	message[17] = 0x30;
	peer_send(peer, message, INIT_LEN);
	EXPECT_MARKED(peer, 0);
	EXPECT_COUNTED(client, "rx-messages+2 tx-messages+2 "
			       "invalid-major-version-sent+1 drop-version+1 cookies-sent+1 "
			       "drop-no-cookie+1");
}

/* Its routes are those that its packets would be given. */
FIXTURE(dscp_routes)
{
	struct client *client;
	struct peer *peer;
	struct esp esp;
};

FIXTURE_VARIANT(dscp_routes)
{
	int family;
};

FIXTURE_VARIANT_ADD(dscp_routes, v4) {
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(dscp_routes, v6) {
	.family = AF_INET6,
};

FIXTURE_SETUP(dscp_routes)
{
	self->client = client_open_wired(CLIENT_WORKER, &self->esp, variant->family);
	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, self->esp.kernel, 500);
	self->peer = esp_peer(&self->esp, 500, IKEFP_LISTENER_KIND_IKE);
	peer_init_kernel_responds(self->peer, self->client, SPI, &sk_algorithms[0]);
	peer_establish(self->peer, self->client);
	client_count_anew(self->client);
}

FIXTURE_TEARDOWN(dscp_routes)
{
	peer_close(self->peer);
	client_close(self->client);
}

TEST_F(dscp_routes, looked_up_with_it)
{
	const char *family = variant->family == AF_INET ? "-4" : "-6";
	struct client *client = self->client;
	struct peer *peer = self->peer;

	run("ip %s rule add dsfield 0x10 table 100 priority 100", family);
	run("ip %s route add unreachable default table 100", family);
	peer_send_request(peer, INFORMATIONAL, 0, NULL, 0);
	EXPECT_MARKED(peer, 0);
	EXPECT_COUNTED(client, "rx-messages+1 tx-messages+1 liveness-answered+1");
	/* The route that was kept is another one's. */
	set_dscp(client, peer->kernel_spi, 4);
	peer_send_request(peer, INFORMATIONAL, 0, NULL, 0);
	EXPECT_COUNTED(client, "rx-messages+1 tx-errors+1 liveness-answered+1");
	set_dscp(client, peer->kernel_spi, 6);
	peer_send_again(peer);
	EXPECT_MARKED(peer, 6);
	EXPECT_COUNTED(client, "rx-messages+1 tx-messages+1 duplicates-answered+1");
}

MODULE_TEST_MAIN
