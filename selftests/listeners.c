// SPDX-License-Identifier: GPL-2.0
/* Listeners: their addresses, their lives, and XFRM policies that must not catch IKE. */

#include "kselftest_harness.h"

#include <errno.h>

#include "client.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull

FIXTURE(listeners)
{
	struct client *client;
};

FIXTURE_SETUP(listeners)
{
	netns_new();
	self->client = client_open(CLIENT_WORKER | CLIENT_EVENTS);
}

FIXTURE_TEARDOWN(listeners)
{
	client_close(self->client);
}

static int add(struct client *client, enum ikefp_listener_kind kind, const char *local, int port)
{
	struct sockaddr_storage addr = address(local, port);

	return ikefp_listener_add(client->nl, kind, &addr);
}

static int del(struct client *client, const char *local, int port)
{
	struct sockaddr_storage addr = address(local, port);

	return ikefp_listener_del(client->nl, &addr);
}

struct listing {
	struct ikefp_listener_info infos[64];
	int number;
};

static void list(const struct ikefp_listener_info *info, void *arg)
{
	struct listing *listing = arg;

	if (listing->number < 64)
		listing->infos[listing->number++] = *info;
}

TEST_F(listeners, listed)
{
	static const struct {
		enum ikefp_listener_kind kind;
		const char *local;
		int port;
	} listeners[] = {
		{ IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500 },
		{ IKEFP_LISTENER_KIND_NATT, "0.0.0.0", 4500 },
		{ IKEFP_LISTENER_KIND_IKE, "::", 500 },
		{ IKEFP_LISTENER_KIND_NATT, "::", 4500 },
		{ IKEFP_LISTENER_KIND_NATT, "127.0.0.1", 501 },
		{ IKEFP_LISTENER_KIND_IKE, "127.0.0.2", 501 },
		{ IKEFP_LISTENER_KIND_NATT, "::1", 501 },
		{ IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 65535 },
	};
	const struct ikefp_event *event;
	struct listing listing = {};
	struct sockaddr_storage addr;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(listeners); i++) {
		EXPECT_EQ(0, add(self->client, listeners[i].kind, listeners[i].local,
				 listeners[i].port));
		addr = address(listeners[i].local, listeners[i].port);
		event = client_wait_event(self->client, IKEFP_EVENT_KIND_LISTENER_ADDED,
					  PATIENCE_MS);
		ASSERT_NE(NULL, event);
		EXPECT_TRUE(address_same(&addr, &event->endpoint.local));
		EXPECT_EQ(listeners[i].kind, event->listener_kind);
	}
	ASSERT_EQ(0, ikefp_listener_list(self->client->nl, list, &listing));
	ASSERT_EQ((int)ARRAY_SIZE(listeners), listing.number);
	for (i = 0; i < ARRAY_SIZE(listeners); i++) {
		addr = address(listeners[i].local, listeners[i].port);
		EXPECT_EQ(listeners[i].kind, listing.infos[i].kind);
		EXPECT_TRUE(address_same(&addr, &listing.infos[i].addr));
	}
	for (i = 0; i < ARRAY_SIZE(listeners); i++) {
		EXPECT_EQ(0, del(self->client, listeners[i].local, listeners[i].port));
		event = client_wait_event(self->client, IKEFP_EVENT_KIND_LISTENER_REMOVED,
					  PATIENCE_MS);
		ASSERT_NE(NULL, event);
		EXPECT_EQ(-ENOENT, del(self->client, listeners[i].local, listeners[i].port));
	}
	listing = (struct listing){};
	ASSERT_EQ(0, ikefp_listener_list(self->client->nl, list, &listing));
	EXPECT_EQ(0, listing.number);
}

/* Ports are the namespace's, and are shared with nobody. */
TEST_F(listeners, ports)
{
	struct sockaddr_storage addr = address("0.0.0.0", 500);
	struct client *other;
	int sock = udp_open(&addr);

	EXPECT_EQ(-EADDRINUSE, add(self->client, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500));
	EXPECT_STREQ("another socket has this address and port",
		     ikefp_nl_error(self->client->nl));
	EXPECT_EQ(-EADDRINUSE, add(self->client, IKEFP_LISTENER_KIND_IKE, "127.0.0.1", 500));
	close(sock);
	EXPECT_EQ(0, add(self->client, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500));
	EXPECT_EQ(-EADDRINUSE, add(self->client, IKEFP_LISTENER_KIND_IKE, "127.0.0.1", 500));

	sock = socket(AF_INET, SOCK_DGRAM, 0);
	EXPECT_EQ(-1, bind(sock, (struct sockaddr *)&addr, address_len(&addr)));
	EXPECT_EQ(EADDRINUSE, errno);
	EXPECT_EQ(0, del(self->client, "0.0.0.0", 500));
	EXPECT_EQ(0, bind(sock, (struct sockaddr *)&addr, address_len(&addr)));
	close(sock);

	EXPECT_EQ(0, add(self->client, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500));
	netns_new();
	other = client_open(CLIENT_WORKER);
	EXPECT_EQ(0, add(other, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500));
	client_close(other);
}

/* A listener of every address answers from the address that was asked. */
TEST_F(listeners, wildcard)
{
	static const char *const addresses[] = { "127.0.0.1", "127.0.0.77", "127.1.2.3" };
	struct peer *peer;
	size_t i;

	client_listen(self->client, IKEFP_LISTENER_KIND_NATT, "0.0.0.0", 4500);
	for (i = 0; i < ARRAY_SIZE(addresses); i++) {
		/* The peer takes messages from the address that it wrote to alone. */
		peer = peer_open("127.0.0.2", addresses[i], 4500, IKEFP_LISTENER_KIND_NATT);
		peer_init_kernel_responds(peer, self->client, SPI + i, &sk_algorithms[0]);
		peer_kernel_requests(peer, self->client, IKE_AUTH, PAYLOAD_IDI, "x", 1);
		peer_expect(peer);
		EXPECT_STREQ("", peer_open_message(peer));
		peer_close(peer);
	}
	peer = peer_open("127.0.0.2", "127.0.0.9", 4500, IKEFP_LISTENER_KIND_NATT);
	peer_init_kernel_initiates(peer, self->client, ~SPI, &sk_algorithms[0]);
	peer_close(peer);
}

/* An SA is bound to one address's listener where there is one. */
TEST_F(listeners, address)
{
	struct ikefp_endpoint endpoint = {
		.local = address("127.0.0.2", 500),
		.remote = address("127.0.0.3", 500),
	};

	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, "127.0.0.1", 500);
	EXPECT_EQ(-EADDRNOTAVAIL, ikefp_sa_new(self->client->nl, SPI, &endpoint));
	EXPECT_STREQ("no listener serves this local address and port",
		     ikefp_nl_error(self->client->nl));
	endpoint.local = address("127.0.0.1", 500);
	EXPECT_EQ(0, ikefp_sa_new(self->client->nl, SPI, &endpoint));
	endpoint.local = address("::1", 500);
	endpoint.remote = address("::1", 501);
	EXPECT_EQ(-EADDRNOTAVAIL, ikefp_sa_new(self->client->nl, SPI + 1, &endpoint));
}

/* Closed under its SAs: they cannot send until they are given another. */
TEST_F(listeners, closed_under_sas)
{
	struct peer *peer = peer_open("127.0.0.2", "127.0.0.1", 4500, IKEFP_LISTENER_KIND_NATT);
	struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(peer);
	struct ikefp_sa_change change = { .endpoint = &endpoint };
	struct ikefp_sa_info info;
	uint32_t id;

	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 100);
	client_set(self->client, IKEFP_A_POLICY_JITTER_PERCENT, 0);
	client_listen(self->client, IKEFP_LISTENER_KIND_NATT, "0.0.0.0", 4500);
	peer_init_kernel_responds(peer, self->client, SPI, &sk_algorithms[0]);
	peer_establish(peer, self->client);
	change.spi = peer->kernel_spi;
	client_count_anew(self->client);
	EXPECT_EQ(0, del(self->client, "0.0.0.0", 4500));
	id = peer_kernel_requests(peer, self->client, INFORMATIONAL, 0, NULL, 0);
	EXPECT_LE(1, client_counter(self->client, IKEFP_A_STATS_TX_ERRORS));
	EXPECT_FALSE(peer_receive(peer, 0));
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, peer->kernel_spi, &info));
	EXPECT_TRUE(address_same(&endpoint.local, &info.endpoint.local));
	EXPECT_EQ(1, info.outstanding);
	EXPECT_EQ(-EADDRNOTAVAIL, ikefp_sa_set(self->client->nl, &change));

	/* Another one in its place is another; but the SA can be given it. */
	client_listen(self->client, IKEFP_LISTENER_KIND_NATT, "0.0.0.0", 4500);
	EXPECT_FALSE(peer_receive(peer, 300));
	EXPECT_LE(2, client_counter(self->client, IKEFP_A_STATS_TX_ERRORS));
	EXPECT_EQ(0, ikefp_sa_set(self->client->nl, &change));
	/* What was outstanding goes out on its next turn. */
	peer_expect(peer);
	EXPECT_EQ(id, peer->got_header.message_id);
	EXPECT_STREQ("", peer_open_message(peer));
	peer_close(peer);
}

/* In two namespaces, with XFRM policies for all there is. */
FIXTURE(policies)
{
	struct client *client;
	struct peer *initiator, *responder;
	int inside, outside;
	int other, other_outside; /* ordinary UDP sockets, a bystander's */
	struct sockaddr_storage other_addr, other_outside_addr;
};

FIXTURE_VARIANT(policies)
{
	const char *inside, *outside, *all;
	const char *action; /* what follows the policy's selector and direction */
	bool before; /* the listener */
};

#define TUNNEL_V4 "tmpl src 10.0.0.1 dst 10.9.9.9 proto esp mode tunnel"
#define TUNNEL_V6 "tmpl src fd00::1 dst fd00::99 proto esp mode tunnel"

FIXTURE_VARIANT_ADD(policies, block_v4) {
	.inside = "10.0.0.1", .outside = "10.0.0.2", .all = "0.0.0.0/0", .action = "action block",
};

FIXTURE_VARIANT_ADD(policies, tunnel_v4) {
	.inside = "10.0.0.1", .outside = "10.0.0.2", .all = "0.0.0.0/0", .action = TUNNEL_V4,
	.before = true,
};

FIXTURE_VARIANT_ADD(policies, block_v6) {
	.inside = "fd00::1", .outside = "fd00::2", .all = "::/0", .action = "action block",
	.before = true,
};

FIXTURE_VARIANT_ADD(policies, tunnel_v6) {
	.inside = "fd00::1", .outside = "fd00::2", .all = "::/0", .action = TUNNEL_V6,
};

/* A datagram each way between the bystanders' sockets: how many arrive. */
static int bystanders(int a, const struct sockaddr_storage *a_addr, int b,
		      const struct sockaddr_storage *b_addr, int wait_ms)
{
	char octets[8];
	int came = 0;

	/* A policy may refuse at once. */
	if (sendto(a, "ping", 4, 0, (const struct sockaddr *)b_addr, address_len(b_addr)) == 4)
		came += udp_receive(b, octets, sizeof(octets), wait_ms, NULL, NULL) == 4;
	if (sendto(b, "pong", 4, 0, (const struct sockaddr *)a_addr, address_len(a_addr)) == 4)
		came += udp_receive(a, octets, sizeof(octets), wait_ms, NULL, NULL) == 4;
	return came;
}

FIXTURE_SETUP(policies)
{
	self->outside = netns_new();
	self->inside = netns_new();
	netns_wire(self->inside, self->outside);
	self->client = client_open(CLIENT_WORKER);
	self->other_addr = address(variant->inside, 7000);
	self->other_outside_addr = address(variant->outside, 7000);
	self->other = udp_open(&self->other_addr);
	netns_enter(self->outside);
	self->other_outside = udp_open(&self->other_outside_addr);
	self->initiator = peer_open(variant->outside, variant->inside, 4500,
				    IKEFP_LISTENER_KIND_NATT);
	self->responder = peer_open(variant->outside, variant->inside, 4500,
				    IKEFP_LISTENER_KIND_NATT);
	netns_enter(self->inside);
}

FIXTURE_TEARDOWN(policies)
{
	client_close(self->client);
	peer_close(self->initiator);
	peer_close(self->responder);
	close(self->other);
	close(self->other_outside);
}

TEST_F(policies, let_ike_past)
{
	static const char *const directions[] = { "in", "out", "fwd" };
	size_t i;

	/* Without policies everything passes; and the two hosts know each other's link. */
	ASSERT_EQ(2, bystanders(self->other, &self->other_addr, self->other_outside,
				&self->other_outside_addr, PATIENCE_MS));
	if (variant->before)
		client_listen(self->client, IKEFP_LISTENER_KIND_NATT, variant->inside, 4500);
	for (i = 0; i < ARRAY_SIZE(directions); i++)
		run("ip xfrm policy add src %s dst %s dir %s priority 1 %s", variant->all,
		    variant->all, directions[i], variant->action);
	if (!variant->before)
		client_listen(self->client, IKEFP_LISTENER_KIND_NATT, variant->inside, 4500);

	EXPECT_EQ(0, bystanders(self->other, &self->other_addr, self->other_outside,
				&self->other_outside_addr, 100));
	peer_init_kernel_responds(self->initiator, self->client, SPI, &sk_algorithms[0]);
	peer_init_kernel_initiates(self->responder, self->client, ~SPI, &sk_algorithms[3]);
	peer_establish(self->initiator, self->client);
	peer_send_request(self->initiator, INFORMATIONAL, 0, NULL, 0);
	peer_expect(self->initiator);
	EXPECT_STREQ("", peer_open_message(self->initiator));
	peer_kernel_requests(self->responder, self->client, IKE_AUTH, PAYLOAD_IDI, "x", 1);
	peer_expect(self->responder);
	EXPECT_STREQ("", peer_open_message(self->responder));
	EXPECT_EQ(0, client_counter(self->client, IKEFP_A_STATS_TX_ERRORS));
	EXPECT_EQ(0, bystanders(self->other, &self->other_addr, self->other_outside,
				&self->other_outside_addr, 100));
}

MODULE_TEST_MAIN
