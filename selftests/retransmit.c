// SPDX-License-Identifier: GPL-2.0
/*
 * When a request is sent again, and when it is given up: by the settings, and by the
 * round trips measured (RFC 6298). A copy is never early, and late by no more than the
 * kernel's timers are.
 */

#include "kselftest_harness.h"

#include "client.h"
#include "clock.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull
#define MAX_COPIES 64

FIXTURE(retransmit)
{
	struct client *client;
	struct peer *peer;
	int64_t late;
};

FIXTURE_SETUP(retransmit)
{
	netns_new();
	self->client = client_open(CLIENT_WORKER | CLIENT_EVENTS);
	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500);
	client_set(self->client, IKEFP_A_POLICY_JITTER_PERCENT, 0);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 10);
	self->peer = peer_open("127.0.0.2", "127.0.0.1", 500, IKEFP_LISTENER_KIND_IKE);
	clock_watch_start();
}

FIXTURE_TEARDOWN(retransmit)
{
	peer_close(self->peer);
	client_close(self->client);
}

/* IKE_SA_INIT goes out. */
static void begin_raw_of(struct client *client, struct peer *peer, uint64_t spi)
{
	struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(peer);
	uint8_t message[64];
	const struct ikefp_message_out request = {
		.spi = spi, .raw = true,
		.payload = { message, ike_put_init(message, spi, 0, 1, sizeof(message)) },
	};

	if (ikefp_sa_new(client->nl, spi, &endpoint) ||
	    ikefp_message_send(client->nl, &request, NULL))
		die("cannot initiate: %s", ikefp_nl_error(client->nl));
}

/* An SA without a sample yet: its IKE_SA_INIT is not answered. */
static void begin_raw(struct client *client, struct peer *peer)
{
	begin_raw_of(client, peer, SPI);
}

/*
 * Receives the copies of a request until it is given up, and checks each wait against
 * @waits (in ms, ended by 0), and then the time until the worker is told against
 * @end_ms (0: not looked at). The request was not sent before @asked_us. Copies must be
 * the same octets.
 */
static void expect_schedule(struct __test_metadata *_metadata, struct client *client,
			    struct peer *peer, int64_t asked_us, const int *waits,
			    int end_ms)
{
	static uint8_t first[MESSAGE_SIZE];
	int64_t sent_us, begin_us, latest_us, wait_us;
	int64_t mark, next_mark = 0;
	int64_t early_us = 0;
	const struct ikefp_event *event;
	struct upcall *upcall;
	size_t first_len;
	int i;

	peer_expect(peer);
	begin_us = clock_us();
	sent_us = peer->got_us;
	clock_watch_behind_us();
	first_len = peer->got_len;
	memcpy(first, peer->got, first_len);
	for (i = 0; waits[i]; i++) {
		const int64_t nominal_us = waits[i] * 1000;

		/* Taken before the wait begins, which is when the copy before it is sent. */
		mark = next_mark;
		next_mark = clock_watch_mark();
		ASSERT_TRUE(peer_receive(peer, waits[i] + PATIENCE_MS)) {
			TH_LOG("no copy %d", i + 2);
		}
		wait_us = peer->got_us - sent_us;
		/* Jiffies that were behind when the wait began make it short. */
		early_us = clock_watch_behind_us();
		EXPECT_LE(nominal_us - early_us, wait_us) {
			TH_LOG("copy %d", i + 2);
		}
		latest_us = clock_latest_us(nominal_us, clock_watch_late_us(mark));
		EXPECT_GE(latest_us, wait_us) {
			TH_LOG("copy %d", i + 2);
		}
		sent_us = peer->got_us;
		ASSERT_EQ(first_len, peer->got_len);
		ASSERT_EQ(0, memcmp(first, peer->got, first_len));
		event = client_wait_event(client, IKEFP_EVENT_KIND_RETRANSMIT, PATIENCE_MS);
		ASSERT_NE(NULL, event);
		EXPECT_EQ(i + 2, event->tries);
		EXPECT_EQ(SPI, event->spi);
		/* As the module measured it itself. */
		EXPECT_LE((nominal_us - early_us) / 1000, event->waited_ms);
		EXPECT_GE(latest_us / 1000, event->waited_ms);
	}
	upcall = client_wait(client, end_ms + PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_TIMEOUT, upcall->kind);
	EXPECT_EQ(SPI, upcall->spi);
	if (end_ms) {
		/* The first copy went out between the two. */
		wait_us = clock_us();
		EXPECT_LE(end_ms * 1000 - early_us, wait_us - asked_us);
		EXPECT_GE(clock_latest_us(end_ms * 1000, clock_watch_late_us(0)) + 20000,
			  wait_us - begin_us);
	}
	event = client_wait_event(client, IKEFP_EVENT_KIND_EXCHANGE_TIMEOUT, PATIENCE_MS);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(i + 1, event->tries);
	/* Once, and then nothing more. */
	EXPECT_FALSE(peer_receive(peer, 300));
	EXPECT_NULL(client_wait(client, 0));
	EXPECT_NULL(client_wait_event(client, IKEFP_EVENT_KIND_EXCHANGE_TIMEOUT, 0));
}

static void set(struct client *client, int initial_ms, int percent, int max_ms)
{
	client_set(client, IKEFP_A_POLICY_RTO_INITIAL_MS, initial_ms);
	client_set(client, IKEFP_A_POLICY_BACKOFF_PERCENT, percent);
	client_set(client, IKEFP_A_POLICY_RTO_MAX_MS, max_ms);
}

/* Given up by time: the last wait is cut short. */
TEST_F(retransmit, give_up_time)
{
	static const int waits[] = { 100, 200, 400, 400, 400, 0 };
	int64_t asked_us;

	set(self->client, 100, 200, 400);
	client_set(self->client, IKEFP_A_POLICY_GIVE_UP_MS, 1800);
	asked_us = clock_us();
	begin_raw(self->client, self->peer);
	expect_schedule(_metadata, self->client, self->peer, asked_us, waits, 1800);
	EXPECT_EQ(5, client_counter(self->client, IKEFP_A_STATS_RETRANSMITS));
	EXPECT_EQ(1, client_counter(self->client, IKEFP_A_STATS_EXCHANGE_TIMEOUTS));
}

/* As strongSwan's: base 1.8, tries 5, no cap reached; the last copy waits its turn. */
TEST_F(retransmit, tries)
{
	static const int waits[] = { 50, 90, 162, 291, 523, 0 };
	int64_t asked_us;

	set(self->client, 50, 180, 60000);
	client_set(self->client, IKEFP_A_POLICY_TRIES, 5);
	/* Not looked at. */
	client_set(self->client, IKEFP_A_POLICY_GIVE_UP_MS, 60);
	asked_us = clock_us();
	begin_raw(self->client, self->peer);
	expect_schedule(_metadata, self->client, self->peer, asked_us, waits,
			50 + 90 + 162 + 291 + 523 + 941);
}

TEST_F(retransmit, no_backoff)
{
	static const int waits[] = { 60, 60, 60, 60, 60, 60, 0 };
	int64_t asked_us;

	set(self->client, 60, 100, 60000);
	client_set(self->client, IKEFP_A_POLICY_TRIES, 6);
	asked_us = clock_us();
	begin_raw(self->client, self->peer);
	expect_schedule(_metadata, self->client, self->peer, asked_us, waits, 0);
}

/* A cap below the first wait is no reason to come sooner, or later. */
TEST_F(retransmit, cap_below_the_first)
{
	static const int waits[] = { 120, 120, 120, 0 };
	int64_t asked_us;

	set(self->client, 120, 200, 60);
	client_set(self->client, IKEFP_A_POLICY_TRIES, 3);
	asked_us = clock_us();
	begin_raw(self->client, self->peer);
	expect_schedule(_metadata, self->client, self->peer, asked_us, waits, 0);
}

/* The settings of the moment that it began hold for a request. */
TEST_F(retransmit, settings_changed_meanwhile)
{
	static const int waits[] = { 100, 100, 100, 0 };
	int64_t asked_us;

	set(self->client, 100, 100, 60000);
	client_set(self->client, IKEFP_A_POLICY_TRIES, 3);
	asked_us = clock_us();
	begin_raw(self->client, self->peer);
	set(self->client, 10, 1000, 86400000);
	client_set(self->client, IKEFP_A_POLICY_TRIES, 1);
	expect_schedule(_metadata, self->client, self->peer, asked_us, waits, 0);
}

static int set_own(struct client *client, uint64_t spi, const struct ikefp_policy *own)
{
	const struct ikefp_sa_change change = { .spi = spi, .retransmit = own };

	return ikefp_sa_set(client->nl, &change);
}

/* IKE_SA_INIT of an SA with settings of its own. */
static void begin_raw_own(struct client *client, struct peer *peer,
			  const struct ikefp_policy *own)
{
	struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(peer);
	uint8_t message[64];
	const struct ikefp_message_out request = {
		.spi = SPI, .raw = true,
		.payload = { message, ike_put_init(message, SPI, 0, 1, sizeof(message)) },
	};

	if (ikefp_sa_new(client->nl, SPI, &endpoint) || set_own(client, SPI, own) ||
	    ikefp_message_send(client->nl, &request, NULL))
		die("cannot initiate: %s", ikefp_nl_error(client->nl));
}

static void give(struct ikefp_policy *own, int attribute, uint32_t value)
{
	own->set[attribute] = true;
	own->value[attribute] = value;
}

/* What an SA has of its own holds for it, the rest is the namespace's. */
TEST_F(retransmit, own_settings)
{
	static const int waits[] = { 50, 100, 120, 120, 0 };
	struct ikefp_policy own = { 0 };
	int64_t asked_us;

	set(self->client, 60000, 200, 60000);
	client_set(self->client, IKEFP_A_POLICY_TRIES, 1);
	give(&own, IKEFP_A_POLICY_RTO_INITIAL_MS, 50);
	give(&own, IKEFP_A_POLICY_RTO_MAX_MS, 120);
	give(&own, IKEFP_A_POLICY_TRIES, 4);
	asked_us = clock_us();
	begin_raw_own(self->client, self->peer, &own);
	expect_schedule(_metadata, self->client, self->peer, asked_us, waits,
			50 + 100 + 120 + 120 + 120);
}

/* Others take the place of all of them; none, and the namespace's are in force. */
TEST_F(retransmit, own_settings_replaced)
{
	static const int waits[] = { 70, 70, 0 };
	struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(self->peer);
	struct ikefp_policy own = { 0 };
	const struct ikefp_policy none = { 0 };
	struct ikefp_sa_info info;
	int64_t asked_us;

	set(self->client, 70, 100, 60000);
	client_set(self->client, IKEFP_A_POLICY_TRIES, 2);
	ASSERT_EQ(0, ikefp_sa_new(self->client->nl, SPI + 1, &endpoint));
	give(&own, IKEFP_A_POLICY_RTO_INITIAL_MS, 4000);
	ASSERT_EQ(0, set_own(self->client, SPI + 1, &own));
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI + 1, &info));
	EXPECT_EQ(4000, info.rto_ms);
	own.set[IKEFP_A_POLICY_RTO_INITIAL_MS] = false;
	give(&own, IKEFP_A_POLICY_TRIES, 9);
	ASSERT_EQ(0, set_own(self->client, SPI + 1, &own));
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI + 1, &info));
	EXPECT_EQ(70, info.rto_ms);
	ASSERT_EQ(0, set_own(self->client, SPI + 1, &none));
	asked_us = clock_us();
	begin_raw_own(self->client, self->peer, &none);
	expect_schedule(_metadata, self->client, self->peer, asked_us, waits, 70 * 3);
}

/* Bad ones are refused, whole, with a reason. */
TEST_F(retransmit, own_settings_refused)
{
	static const struct {
		int attribute;
		uint32_t value;
		int err;
		const char *why;
	} bad[] = {
		{ IKEFP_A_POLICY_RTO_INITIAL_MS, 9, -ERANGE, "" },
		{ IKEFP_A_POLICY_RTO_INITIAL_MS, 86400001, -ERANGE, "longer than a day" },
		{ IKEFP_A_POLICY_GIVE_UP_MS, 86400001, -ERANGE, "longer than a day" },
		{ IKEFP_A_POLICY_RTO_MAX_MS, 199, -ERANGE, "less than rto-min-ms" },
		{ IKEFP_A_POLICY_BACKOFF_PERCENT, 99, -ERANGE, "" },
		{ IKEFP_A_POLICY_JITTER_PERCENT, 101, -ERANGE, "" },
		{ IKEFP_A_POLICY_TRIES, 1001, -ERANGE, "" },
	};
	struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(self->peer);
	struct ikefp_sa_info info;
	size_t i;

	set(self->client, 77, 100, 60000);
	ASSERT_EQ(0, ikefp_sa_new(self->client->nl, SPI, &endpoint));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ikefp_policy own = { 0 };

		give(&own, IKEFP_A_POLICY_RTO_INITIAL_MS, 5000);
		give(&own, IKEFP_A_POLICY_RTO_MIN_MS, 200);
		give(&own, bad[i].attribute, bad[i].value);
		EXPECT_EQ(bad[i].err, set_own(self->client, SPI, &own)) {
			TH_LOG("case %zu: %s", i, ikefp_nl_error(self->client->nl));
		}
		EXPECT_NE(NULL, strstr(ikefp_nl_error(self->client->nl), bad[i].why)) {
			TH_LOG("case %zu: %s", i, ikefp_nl_error(self->client->nl));
		}
		ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI, &info));
		EXPECT_EQ(77, info.rto_ms);
	}
}

/* A sealed request after it was given up: the next one has the next ID. */
TEST_F(retransmit, sealed)
{
	enum { RTO_MS = 200 };
	int waits[3] = { 0 };
	int64_t asked_us;
	struct ikefp_sa_info info;
	uint32_t id;

	set(self->client, 60000, 200, 60000);
	client_set(self->client, IKEFP_A_POLICY_TRIES, 2);
	peer_init_kernel_initiates(self->peer, self->client, SPI, &sk_algorithms[0]);
	/* IKE_SA_INIT was quick, so that the floor is what is waited; or the machine is slow. */
	set(self->client, 60000, 200, RTO_MS * 4);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, RTO_MS);
	asked_us = clock_us();
	id = peer_kernel_requests(self->peer, self->client, IKE_AUTH, PAYLOAD_IDI, "hello", 5);
	EXPECT_EQ(1, id);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI, &info));
	EXPECT_EQ(1, info.outstanding);
	EXPECT_LE(RTO_MS, info.rto_ms);
	EXPECT_GE(RTO_MS * 2, info.rto_ms);
	waits[0] = info.rto_ms;
	waits[1] = info.rto_ms * 2;
	expect_schedule(_metadata, self->client, self->peer, asked_us, waits,
			waits[0] + waits[1] + RTO_MS * 4);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI, &info));
	EXPECT_EQ(0, info.outstanding);
	EXPECT_EQ(2, info.retransmits);
	EXPECT_EQ(2, peer_kernel_requests(self->peer, self->client, IKE_AUTH, PAYLOAD_IDI,
					  "hello", 5));
}

/* Waits are shortened by the jitter, and never by more; and not all by the same. */
TEST_F(retransmit, jitter)
{
	int64_t sent_us, wait_us, least = INT64_MAX, most = 0;
	int64_t mark, next_mark = clock_watch_mark();
	int i;

	set(self->client, 60, 100, 60000);
	client_set(self->client, IKEFP_A_POLICY_JITTER_PERCENT, 50);
	client_set(self->client, IKEFP_A_POLICY_TRIES, 40);
	begin_raw(self->client, self->peer);
	peer_expect(self->peer);
	clock_watch_behind_us();
	sent_us = self->peer->got_us;
	for (i = 0; i < 40; i++) {
		mark = next_mark;
		next_mark = clock_watch_mark();
		peer_expect(self->peer);
		wait_us = self->peer->got_us - sent_us;
		sent_us = self->peer->got_us;
		EXPECT_LE(30000 - clock_watch_behind_us(), wait_us);
		EXPECT_GE(clock_latest_us(60000, clock_watch_late_us(mark)), wait_us);
		least = wait_us < least ? wait_us : least;
		most = wait_us > most ? wait_us : most;
	}
	/* That 40 draws of 31 lie within ten of them happens once in 10^19. */
	EXPECT_LT(10000, most - least);
}

/* One exchange whose answer is held back. Returns how long it took, at the least. */
static void exchange(struct client *client, struct peer *peer, int delay_us)
{
	uint32_t id = peer_kernel_requests(peer, client, INFORMATIONAL, PAYLOAD_NOTIFY, "?", 1);

	peer_expect(peer);
	clock_sleep_until(clock_us() + delay_us);
	peer_send_response(peer, INFORMATIONAL, id, PAYLOAD_NOTIFY, "!", 1);
	if (client_wait_message(client)->message_id != id)
		die("another answer");
}

/*
 * RFC 6298 section 2: the sample is not told, but follows from how it moved SRTT; then
 * RTTVAR and RTO must fit. The true delays bound the samples from below.
 */
TEST_F(retransmit, round_trip_times)
{
	static const int delays_us[] = { 40000, 5000, 5000, 80000, 20000, 1000, 1000, 1000 };
	struct ikefp_sa_info before, after;
	int64_t sample, delta, begin, took;
	size_t i;

	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	peer_init_kernel_initiates(self->peer, self->client, SPI, &sk_algorithms[0]);
	/* IKE_SA_INIT gave the first sample, and it took some time. */
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI, &before));
	ASSERT_LT(0, before.srtt_us);
	EXPECT_EQ(before.srtt_us / 2, before.rttvar_us);
	/* A path so quick would give RTOs too short to hold answers back for. */
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 5000);
	for (i = 0; i < ARRAY_SIZE(delays_us); i++) {
		begin = clock_us();
		exchange(self->client, self->peer, delays_us[i]);
		took = clock_us() - begin;
		ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI, &after));
		ASSERT_EQ(0, after.retransmits);
		/* SRTT' = 7/8 SRTT + 1/8 R, in whole microseconds. */
		sample = ((int64_t)after.srtt_us - before.srtt_us) * 8 + before.srtt_us;
		EXPECT_LE(delays_us[i] - 8, sample);
		EXPECT_GE(took + 16, sample);
		/* RTTVAR' = 3/4 RTTVAR + 1/4 |SRTT - R| */
		delta = sample > before.srtt_us ? sample - before.srtt_us :
						  before.srtt_us - sample;
		EXPECT_GE(8, llabs(before.rttvar_us * 3ll / 4 + delta / 4 - after.rttvar_us)) {
			TH_LOG("round trip %zu: rttvar %u -> %u, sample %lld", i,
			       before.rttvar_us, after.rttvar_us, (long long)sample);
		}
		before = after;
		/* RTO = SRTT + 4 RTTVAR, rounded up, and not below the floor. */
		EXPECT_EQ(5000, after.rto_ms);
		client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 10);
		ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI, &after));
		EXPECT_EQ((after.srtt_us + 4 * after.rttvar_us + 999) / 1000 > 10 ?
			  (after.srtt_us + 4 * after.rttvar_us + 999) / 1000 : 10, after.rto_ms);
		client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 5000);
	}
}

/* Karn: which copy was answered is not known, so that there is no sample. */
TEST_F(retransmit, no_sample_of_a_repeated_request)
{
	struct ikefp_sa_info before, after;
	uint32_t id;

	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	peer_init_kernel_initiates(self->peer, self->client, SPI, &sk_algorithms[0]);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI, &before));
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 100);
	id = peer_kernel_requests(self->peer, self->client, INFORMATIONAL, PAYLOAD_NOTIFY, "?",
				  1);
	peer_expect(self->peer);
	peer_expect(self->peer);
	peer_send_response(self->peer, INFORMATIONAL, id, PAYLOAD_NOTIFY, "!", 1);
	EXPECT_EQ(id, client_wait_message(self->client)->message_id);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI, &after));
	EXPECT_LE(1, after.retransmits);
	EXPECT_EQ(before.srtt_us, after.srtt_us);
	EXPECT_EQ(before.rttvar_us, after.rttvar_us);
	/* And the next that is not repeated gives one. */
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 5000);
	exchange(self->client, self->peer, 50000);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI, &after));
	EXPECT_NE(before.srtt_us, after.srtt_us);
}

/* How long a request of an SA with the peer waits at first, which is sent now. */
static uint32_t first_wait(struct client *client, struct peer *peer, uint64_t spi)
{
	struct ikefp_sa_info info;

	begin_raw_of(client, peer, spi);
	if (ikefp_sa_get(client->nl, spi, &info))
		die("no SA: %s", ikefp_nl_error(client->nl));
	return info.rto_ms;
}

/* RFC 9040: an SA begins with what another one has measured with the same host. */
TEST_F(retransmit, next_sa_of_the_host)
{
	struct peer *other = peer_open("127.0.0.3", "127.0.0.1", 500, IKEFP_LISTENER_KIND_IKE);
	struct ikefp_sa_info first;
	uint32_t rto_ms, var_us;

	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 5000);
	peer_init_kernel_initiates(self->peer, self->client, SPI, &sk_algorithms[0]);
	exchange(self->client, self->peer, 40000);
	peer_establish(self->peer, self->client);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI, &first));
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 10);
	/* As uncertain as after one sample, or more so. */
	var_us = first.rttvar_us < first.srtt_us / 2 ? first.srtt_us / 2 : first.rttvar_us;
	rto_ms = (first.srtt_us + 4 * var_us + 999) / 1000;
	EXPECT_EQ(rto_ms, first_wait(self->client, self->peer, SPI + 1));
	peer_expect(self->peer);
	/* A copy, long before the initial wait. */
	EXPECT_TRUE(peer_receive(self->peer, PATIENCE_MS));
	EXPECT_EQ(60000, first_wait(self->client, other, SPI + 2));
	peer_close(other);
}

/*
 * A host that moved away: what was measured has every request sent again, so that nothing is
 * measured anew. It is forgotten with the first SA that nothing confirms it to.
 */
TEST_F(retransmit, host_farther_than_before)
{
	struct ikefp_sa_info info;
	uint8_t message[64];

	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	peer_init_kernel_initiates(self->peer, self->client, SPI, &sk_algorithms[0]);
	peer_establish(self->peer, self->client);
	EXPECT_GT(60000, first_wait(self->client, self->peer, SPI + 1));
	peer_expect(self->peer);
	peer_expect(self->peer);
	peer_send(self->peer, message, ike_put_init(message, SPI + 1, 1, 2, sizeof(message)));
	client_wait_message(self->client);
	self->peer->kernel_spi = SPI + 1;
	self->peer->own_spi = 1;
	peer_give_keys(self->peer, self->client, &sk_algorithms[0]);
	peer_establish(self->peer, self->client);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI + 1, &info));
	EXPECT_EQ(IKEFP_SA_STATE_ESTABLISHED, info.state);
	EXPECT_EQ(0, info.srtt_us);
	EXPECT_EQ(60000, info.rto_ms);
	EXPECT_EQ(60000, first_wait(self->client, self->peer, SPI + 2));
}

/* What a peer has others believe of a host where it says that it is now, is nothing. */
TEST_F(retransmit, peer_that_moves)
{
	const struct upcall *moved;
	int before;

	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 5000);
	peer_init_kernel_initiates(self->peer, self->client, SPI, &sk_algorithms[0]);
	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){ .follow = true });
	peer_establish(self->peer, self->client);
	before = peer_move(self->peer, "127.0.0.3");
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	moved = client_wait(self->client, PATIENCE_MS);
	ASSERT_NE(NULL, moved);
	EXPECT_EQ(UPCALL_MOVED, moved->kind);
	exchange(self->client, self->peer, 40000);
	EXPECT_EQ(60000, first_wait(self->client, self->peer, SPI + 1));
	close(before);
}

/* Nor does IKE_SA_INIT when it was repeated. */
TEST_F(retransmit, no_sample_of_a_repeated_init)
{
	struct ikefp_sa_info info;
	uint8_t message[64];

	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 50);
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 10000);
	begin_raw(self->client, self->peer);
	peer_expect(self->peer);
	peer_expect(self->peer);
	peer_send(self->peer, message, ike_put_init(message, SPI, 1, 2, sizeof(message)));
	client_wait_message(self->client);
	self->peer->kernel_spi = SPI;
	self->peer->own_spi = 1;
	peer_give_keys(self->peer, self->client, &sk_algorithms[0]);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI, &info));
	EXPECT_EQ(0, info.srtt_us);
	EXPECT_EQ(50, info.rto_ms);
}

MODULE_TEST_MAIN
