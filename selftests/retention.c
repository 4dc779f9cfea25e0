// SPDX-License-Identifier: GPL-2.0
/*
 * How long a responder keeps SAs that are not established: long enough for a peer whose
 * messages get lost, but in a flood no longer than one needs to go on (RFC 8019 section
 * 4.1).
 */

#include "kselftest_harness.h"

#include "client.h"
#include "clock.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull
#define LEN 64
#define LIFE_MS 86400000
#define SHORT_MS 300
#define MADE "sas+1 half-open+1 rx-messages+1 upcalls+1"

FIXTURE(retention)
{
	struct client *client;
	struct peer *peer;
};

FIXTURE_SETUP(retention)
{
	netns_new();
	self->client = client_open(CLIENT_WORKER);
	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, "127.0.0.1", 500);
	client_let_all_in(self->client);
	client_set(self->client, IKEFP_A_POLICY_HALF_OPEN_MS, LIFE_MS);
	client_set(self->client, IKEFP_A_POLICY_HALF_OPEN_FLOOD_MS, SHORT_MS);
	self->peer = peer_open("127.0.0.2", "127.0.0.1", 500, IKEFP_LISTENER_KIND_IKE);
	client_count_anew(self->client);
}

FIXTURE_TEARDOWN(retention)
{
	peer_close(self->peer);
	client_close(self->client);
}

/* A peer begins an SA. Returns ours. */
static uint64_t begin(struct client *client, struct peer *peer, uint64_t spi)
{
	uint8_t message[LEN];

	peer_send(peer, message, ike_put_init(message, spi, 0, 1, LEN));
	return client_wait_message(client)->spi;
}

/* Well past the short life, of all looks at it, and of the timers' lateness. */
static void wait_past_short_life(void)
{
	clock_sleep_until(clock_us() + 3 * SHORT_MS * 1000);
}

/* Waits for the end of this SA, of which the worker is told; others may begin and end. */
static bool has_expired(struct client *client, uint64_t spi)
{
	struct upcall *upcall;

	do {
		upcall = client_wait(client, PATIENCE_MS);
	} while (upcall && (upcall->kind != UPCALL_EXPIRED || upcall->spi != spi));
	return upcall;
}

/* Too many are half-open: some go, until there are few enough. */
TEST_F(retention, too_many)
{
	struct client *client = self->client;
	struct upcall *upcall;
	int i;

	client_set(client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 3);
	for (i = 0; i < 2; i++) {
		begin(client, self->peer, SPI + i);
		EXPECT_COUNTED(client, MADE);
		wait_past_short_life();
	}
	EXPECT_COUNTED(client, "");
	begin(client, self->peer, SPI + 2);
	upcall = client_wait(client, PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_EXPIRED, upcall->kind);
	EXPECT_COUNTED(client, "rx-messages+1 upcalls+2 half-open-expired+1");
	wait_past_short_life();
	EXPECT_COUNTED(client, "");
	EXPECT_NULL(client_wait(client, 0));
}

/* Too many a second. Only those who have not gone on are in question. */
TEST_F(retention, too_fast)
{
	struct client *client = self->client;
	struct peer *going_on, *established;
	uint8_t message[LEN];
	struct ikefp_endpoint endpoint;
	uint64_t spi;
	int i;

	going_on = peer_open("127.0.0.2", "127.0.0.1", 500, IKEFP_LISTENER_KIND_IKE);
	established = peer_open("127.0.0.2", "127.0.0.1", 500, IKEFP_LISTENER_KIND_IKE);
	peer_init_kernel_responds(going_on, client, SPI + 1, &sk_algorithms[0]);
	peer_send_request(going_on, IKE_AUTH, PAYLOAD_IDI, "who I am", 8);
	client_wait_message(client);
	peer_init_kernel_responds(established, client, SPI + 2, &sk_algorithms[0]);
	peer_establish(established, client);
	endpoint = peer_endpoint_of_kernel(self->peer);
	ASSERT_EQ(0, ikefp_sa_new(client->nl, SPI + 3, &endpoint));
	spi = begin(client, self->peer, SPI);
	client_count_anew(client);
	wait_past_short_life();
	EXPECT_COUNTED(client, "");

	/* The first may get in; the next, and all for a second, are asked. */
	client_set(client, IKEFP_A_POLICY_COOKIE_RATE, 1);
	for (i = 4; !client_counter(client, IKEFP_A_STATS_COOKIES_SENT); i++) {
		peer_send(self->peer, message, ike_put_init(message, SPI + i, 0, 1, LEN));
		ASSERT_GT(1000, i);
	}
	EXPECT_TRUE(has_expired(client, spi));
	ASSERT_EQ(0, ikefp_sa_del(client->nl, SPI + 3));
	ASSERT_EQ(0, ikefp_sa_del(client->nl, going_on->kernel_spi));
	ASSERT_EQ(0, ikefp_sa_del(client->nl, established->kernel_spi));
	peer_close(established);
	peer_close(going_on);
}

/*
 * A flood is of others' making, and may have lost what came after the cookie: who returned
 * one is kept, unless there are too many of the same source.
 */
TEST_F(retention, has_returned_cookie)
{
	struct client *client = self->client;
	uint8_t message[LEN];
	uint64_t spi;

	/* It is one as long as this is there. */
	client_set(client, IKEFP_A_POLICY_HALF_OPEN_FLOOD_MS, LIFE_MS);
	client_set(client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 1);
	begin(client, self->peer, SPI);
	client_set(client, IKEFP_A_POLICY_HALF_OPEN_FLOOD_MS, SHORT_MS);
	peer_send(self->peer, message, ike_put_init(message, SPI + 1, 0, 1, LEN));
	peer_send_with_cookie(self->peer);
	spi = client_wait_message(client)->spi;
	client_count_anew(client);
	wait_past_short_life();
	EXPECT_COUNTED(client, "");

	client_set(client, IKEFP_A_POLICY_COOKIE_HALF_OPEN_SOURCE, 1);
	EXPECT_TRUE(has_expired(client, spi));
}

/* Always asking for cookies is a choice, and no flood. */
TEST_F(retention, always_cookies)
{
	struct client *client = self->client;

	begin(client, self->peer, SPI);
	client_set(client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 0);
	EXPECT_COUNTED(client, MADE);
	wait_past_short_life();
	EXPECT_COUNTED(client, "");
}

/* A life that is shorter than that in a flood is what it is. */
TEST_F(retention, never_longer)
{
	struct client *client = self->client;
	uint64_t spi;

	client_set(client, IKEFP_A_POLICY_HALF_OPEN_FLOOD_MS, LIFE_MS);
	client_set(client, IKEFP_A_POLICY_HALF_OPEN_MS, SHORT_MS);
	client_set(client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 1);
	spi = begin(client, self->peer, SPI);
	EXPECT_TRUE(has_expired(client, spi));
}

MODULE_TEST_MAIN
