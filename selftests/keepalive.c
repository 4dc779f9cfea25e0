// SPDX-License-Identifier: GPL-2.0
/*
 * NAT keepalives (RFC 3948): when, where to, and when not. ESP is real, between two
 * namespaces; NAT is only said to be there.
 */

#include "kselftest_harness.h"

#include "client.h"
#include "clock.h"
#include "die.h"
#include "esp.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull

FIXTURE(keepalive)
{
	struct client *client;
	struct peer *peer;
	struct esp esp;
	int64_t mark;
};

FIXTURE_VARIANT(keepalive)
{
	int family;
};

FIXTURE_VARIANT_ADD(keepalive, v4) {
	.family = AF_INET,
};

FIXTURE_VARIANT_ADD(keepalive, v6) {
	.family = AF_INET6,
};

/* The module is in the first namespace, the peer's socket in the second. */
FIXTURE_SETUP(keepalive)
{
	self->client = client_open_wired(CLIENT_WORKER | CLIENT_EVENTS, &self->esp,
					 variant->family);
	client_listen(self->client, IKEFP_LISTENER_KIND_NATT, self->esp.kernel, 4500);
	client_set(self->client, IKEFP_A_POLICY_JITTER_PERCENT, 0);
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	self->peer = esp_peer(&self->esp, 4500, IKEFP_LISTENER_KIND_NATT);
	peer_init_kernel_initiates(self->peer, self->client, SPI, &sk_algorithms[0]);
	clock_watch_start();
	self->mark = clock_watch_mark();
}

FIXTURE_TEARDOWN(keepalive)
{
	peer_close(self->peer);
	client_close(self->client);
}

/* The next datagram must be a keepalive, of just this octet; when it came. */
static int64_t expect_keepalive(struct peer *peer, int wait_ms)
{
	struct sockaddr_storage from;
	uint8_t octets[64];
	int64_t when_us;
	ssize_t len = udp_receive(peer->sock, octets, sizeof(octets), wait_ms, &from, &when_us);

	if (len < 0)
		die("no keepalive");
	if (len != 1 || octets[0] != 0xff)
		die("%zd octets that are no keepalive", len);
	if (!address_same(&from, &peer->kernel))
		die("a keepalive from elsewhere");
	return when_us;
}

static bool nothing_comes(struct peer *peer, int wait_ms)
{
	uint8_t octets[64];

	return udp_receive(peer->sock, octets, sizeof(octets), wait_ms, NULL, NULL) < 0;
}

/*
 * A long wait is gone in steps, so that it is late by an eighth of a second, not of the
 * whole.
 */
static int64_t latest_us(int64_t wait_us, int64_t mark)
{
	return clock_latest_us(wait_us < 1000000 ? wait_us : 1000000, clock_watch_late_us(mark)) +
	       (wait_us < 1000000 ? 0 : wait_us - 1000000);
}

#define EXPECT_WAIT(wait_ms, waited_us) \
do { \
	int64_t __waited = (waited_us); \
	EXPECT_LE(clock_earliest_us((wait_ms) * 1000, clock_watch_behind_us()), __waited); \
	EXPECT_GE(latest_us((wait_ms) * 1000, self->mark), __waited); \
	self->mark = clock_watch_mark(); \
} while (0)

/* Established, behind a NAT. Returns a moment that is not after its beginning. */
static int64_t begin(struct client *client, struct peer *peer, int interval_ms)
{
	int64_t before_us = clock_us();

	client_set(client, IKEFP_A_POLICY_KEEPALIVE_MS, interval_ms);
	peer_settings(peer, client, (struct ikefp_sa_settings){ .behind_nat = true });
	peer_establish(peer, client);
	client_count_anew(client);
	return before_us;
}

/* One every interval as long as nothing else goes out. */
TEST_F(keepalive, every_interval)
{
	struct ikefp_sa_info info;
	int64_t before_us, after_us;
	int i;

	before_us = begin(self->client, self->peer, 600);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI, &info));
	EXPECT_TRUE(info.behind_nat);
	expect_keepalive(self->peer, 600 + PATIENCE_MS);
	EXPECT_LE(clock_earliest_us(600000, clock_watch_behind_us()), clock_us() - before_us);
	before_us = expect_keepalive(self->peer, 600 + PATIENCE_MS);
	self->mark = clock_watch_mark();
	for (i = 0; i < 3; i++) {
		after_us = expect_keepalive(self->peer, 600 + PATIENCE_MS);
		EXPECT_WAIT(600, after_us - before_us);
		before_us = after_us;
	}
	/* And no more was sent than that. */
	EXPECT_COUNTED(self->client, "keepalives-sent+5");
}

/* A wait of seconds is as exact as a short one. */
TEST_F(keepalive, long_interval)
{
	int64_t before_us, after_us;

	begin(self->client, self->peer, 5000);
	before_us = expect_keepalive(self->peer, 5000 + PATIENCE_MS);
	self->mark = clock_watch_mark();
	after_us = expect_keepalive(self->peer, 5000 + PATIENCE_MS);
	EXPECT_WAIT(5000, after_us - before_us);
}

/* IKE that goes out is a keepalive as good: a request, its copy, an answer. */
TEST_F(keepalive, not_with_ike)
{
	int64_t sent_us;
	uint32_t id;

	begin(self->client, self->peer, 1200);
	clock_sleep_until(clock_us() + 600000);
	id = peer_kernel_requests(self->peer, self->client, INFORMATIONAL, PAYLOAD_NOTIFY, "?", 1);
	peer_expect(self->peer);
	sent_us = self->peer->got_us;
	peer_send_response(self->peer, INFORMATIONAL, id, PAYLOAD_NOTIFY, "!", 1);
	client_wait_message(self->client);
	self->mark = clock_watch_mark();
	clock_watch_behind_us();
	EXPECT_WAIT(1200, expect_keepalive(self->peer, 1200 + PATIENCE_MS) - sent_us);
	clock_sleep_until(clock_us() + 600000);
	/* The kernel's own answer. */
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	sent_us = self->peer->got_us;
	self->mark = clock_watch_mark();
	clock_watch_behind_us();
	EXPECT_WAIT(1200, expect_keepalive(self->peer, 1200 + PATIENCE_MS) - sent_us);
}

/* So is ESP; its time is known to within two seconds. */
TEST_F_TIMEOUT(keepalive, not_with_esp, 60)
{
	int64_t esp_us, waited_us;
	int i;

	esp_states(&self->esp);
	begin(self->client, self->peer, 4000);
	peer_esp(self->peer, self->client, ESP_SPI_IN, ESP_SPI_OUT);
	for (i = 0; i < 16; i++) {
		clock_sleep_until(clock_us() + 500000);
		esp_send(&self->esp);
	}
	esp_us = clock_us();
	ASSERT_TRUE(nothing_comes(self->peer, 0));
	EXPECT_EQ(0, client_counter(self->client, IKEFP_A_STATS_KEEPALIVES_SENT));
	self->mark = clock_watch_mark();
	expect_keepalive(self->peer, 4000 + PATIENCE_MS);
	waited_us = clock_us() - esp_us;
	EXPECT_LE(clock_earliest_us(2000000, clock_watch_behind_us()), waited_us);
	EXPECT_GE(latest_us(4000000, self->mark), waited_us);
	/* ESP that is not the SA's is nothing to it. */
	peer_esp(self->peer, self->client, 0, 0);
	for (i = 0; i < 5; i++) {
		clock_sleep_until(clock_us() + 500000);
		esp_send(&self->esp);
	}
	expect_keepalive(self->peer, 4000 + PATIENCE_MS);
}

/* Not without a NAT, not while they are off, not before the SA is established. */
TEST_F(keepalive, none)
{
	client_set(self->client, IKEFP_A_POLICY_KEEPALIVE_MS, 200);
	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){ .behind_nat = true });
	EXPECT_TRUE(nothing_comes(self->peer, 1000));
	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){});
	peer_establish(self->peer, self->client);
	EXPECT_TRUE(nothing_comes(self->peer, 1000));
	client_set(self->client, IKEFP_A_POLICY_KEEPALIVE_MS, 0);
	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){ .behind_nat = true });
	EXPECT_TRUE(nothing_comes(self->peer, 1000));
	/* Nor after its end. */
	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){});
	client_set(self->client, IKEFP_A_POLICY_KEEPALIVE_MS, 200);
	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){ .behind_nat = true });
	expect_keepalive(self->peer, 200 + PATIENCE_MS);
	ASSERT_EQ(0, ikefp_sa_del(self->client->nl, SPI));
	while (!nothing_comes(self->peer, 0))
		;
	EXPECT_TRUE(nothing_comes(self->peer, 1000));
}

/* Whoever tells the SA what holds already, as a new helper does, moves nothing. */
TEST_F(keepalive, told_again)
{
	int64_t before_us;
	int i;

	begin(self->client, self->peer, 900);
	before_us = expect_keepalive(self->peer, 900 + PATIENCE_MS);
	self->mark = clock_watch_mark();
	clock_watch_behind_us();
	for (i = 0; i < 5; i++) {
		clock_sleep_until(clock_us() + 100000);
		peer_settings(self->peer, self->client,
			      (struct ikefp_sa_settings){ .behind_nat = true });
	}
	EXPECT_WAIT(900, expect_keepalive(self->peer, 900 + PATIENCE_MS) - before_us);
}

/* Shortened by the jitter, by never more than it, and not all by the same. */
TEST_F(keepalive, jitter)
{
	int64_t before_us, after_us, wait_us, least = INT64_MAX, most = 0;
	int i;

	client_set(self->client, IKEFP_A_POLICY_JITTER_PERCENT, 50);
	begin(self->client, self->peer, 400);
	before_us = expect_keepalive(self->peer, 400 + PATIENCE_MS);
	for (i = 0; i < 20; i++) {
		self->mark = clock_watch_mark();
		after_us = expect_keepalive(self->peer, 400 + PATIENCE_MS);
		wait_us = after_us - before_us;
		before_us = after_us;
		EXPECT_LE(clock_earliest_us(200000, clock_watch_behind_us()), wait_us);
		EXPECT_GE(latest_us(400000, self->mark), wait_us);
		least = wait_us < least ? wait_us : least;
		most = wait_us > most ? wait_us : most;
	}
	EXPECT_LT(50000, most - least);
}

MODULE_TEST_MAIN
