// SPDX-License-Identifier: GPL-2.0
/*
 * A peer that gives no sign of life is asked for one (RFC 7296 section 2.4): when, and
 * what counts as one; and when it does not answer, the worker is told once.
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

FIXTURE(liveness)
{
	struct client *client;
	struct peer *peer;
	struct esp esp;
	int64_t mark;
};

FIXTURE_VARIANT(liveness)
{
	int family;
	bool kernel_initiates;
};

FIXTURE_VARIANT_ADD(liveness, v4) {
	.family = AF_INET, .kernel_initiates = true,
};

FIXTURE_VARIANT_ADD(liveness, v6) {
	.family = AF_INET6, .kernel_initiates = false,
};

FIXTURE_SETUP(liveness)
{
	self->client = client_open_wired(CLIENT_WORKER | CLIENT_EVENTS, &self->esp,
					 variant->family);
	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, self->esp.kernel, 500);
	client_set(self->client, IKEFP_A_POLICY_JITTER_PERCENT, 0);
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	self->peer = esp_peer(&self->esp, 500, IKEFP_LISTENER_KIND_IKE);
	if (variant->kernel_initiates)
		peer_init_kernel_initiates(self->peer, self->client, SPI, &sk_algorithms[0]);
	else
		peer_init_kernel_responds(self->peer, self->client, SPI, &sk_algorithms[0]);
	clock_watch_start();
	self->mark = clock_watch_mark();
	clock_watch_behind_us();
}

FIXTURE_TEARDOWN(liveness)
{
	peer_close(self->peer);
	client_close(self->client);
}

static void begin(struct client *client, struct peer *peer, int liveness_ms)
{
	peer_settings(peer, client, (struct ikefp_sa_settings){ .liveness_ms = liveness_ms });
	peer_establish(peer, client);
	client_count_anew(client);
}

/* The next message must be the question: an empty INFORMATIONAL request. Returns its ID. */
static uint32_t expect_question(struct peer *peer, int wait_ms)
{
	if (!peer_receive(peer, wait_ms + PATIENCE_MS))
		die("no question");
	if (peer->got_header.exchange_type != INFORMATIONAL ||
	    peer->got_header.flags & FLAG_RESPONSE)
		die("no INFORMATIONAL request");
	if (*peer_open_message(peer))
		die("a question that is not sealed: %s", peer_open_message(peer));
	if (peer->inner_len || peer->first_payload)
		die("a question of %zd octets", peer->inner_len);
	return peer->got_header.message_id;
}

static void answer(struct peer *peer, uint32_t id)
{
	peer_send_response(peer, INFORMATIONAL, id, PAYLOAD_NONE, NULL, 0);
}

static int64_t latest_us(int64_t wait_us, int64_t mark)
{
	return clock_latest_us(wait_us < 1000000 ? wait_us : 1000000, clock_watch_late_us(mark)) +
	       (wait_us < 1000000 ? 0 : wait_us - 1000000);
}

/* What lies between two moments that the test saw, the earlier one @slack_us too early. */
#define EXPECT_WAIT(wait_ms, begin_us, end_us) \
do { \
	int64_t __waited = (end_us) - (begin_us); \
	EXPECT_LE(clock_earliest_us((wait_ms) * 1000, clock_watch_behind_us()), __waited); \
	EXPECT_GE(latest_us((wait_ms) * 1000, self->mark), __waited); \
	self->mark = clock_watch_mark(); \
} while (0)

/* Asked an interval after the latest sign of life, which the answer is one of. */
TEST_F(liveness, asked)
{
	uint32_t id = variant->kernel_initiates ? 1 : 0;
	struct ikefp_sa_info info;
	int64_t answered_us;
	int i;

	begin(self->client, self->peer, 700);
	EXPECT_EQ(id, expect_question(self->peer, 700));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &info));
		EXPECT_EQ(700, info.liveness_ms);
		EXPECT_EQ(1, info.outstanding);
		EXPECT_EQ(0, info.unanswered_count);
		answered_us = clock_us();
		answer(self->peer, id++);
		EXPECT_EQ(id, expect_question(self->peer, 700));
		EXPECT_WAIT(700, answered_us, clock_us());
	}
	/* Nobody was troubled with it. */
	EXPECT_NULL(client_wait(self->client, 0));
	EXPECT_COUNTED(self->client, "rx-messages+3 tx-messages+4 liveness-asked+4");
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &info));
	EXPECT_LT(0, info.srtt_us);
}

/* Any new message is a sign of life, a duplicate is none. */
TEST_F(liveness, not_after_messages)
{
	int64_t sent_us;

	begin(self->client, self->peer, 1500);
	clock_sleep_until(clock_us() + 800000);
	sent_us = clock_us();
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	clock_sleep_until(clock_us() + 300000);
	peer_send_again(self->peer);
	peer_expect(self->peer);
	EXPECT_EQ(FLAG_RESPONSE, self->peer->got_header.flags & FLAG_RESPONSE);
	self->mark = clock_watch_mark();
	clock_watch_behind_us();
	expect_question(self->peer, 1500);
	EXPECT_WAIT(1500, sent_us, clock_us());
}

/* So is ESP that comes in, but not ESP that goes out. */
TEST_F_TIMEOUT(liveness, not_after_esp, 60)
{
	int64_t esp_us, waited_us;
	int i;

	esp_states(&self->esp);
	peer_esp(self->peer, self->client, ESP_SPI_IN, ESP_SPI_OUT);
	begin(self->client, self->peer, 2000);
	for (i = 0; i < 16; i++) {
		clock_sleep_until(clock_us() + 500000);
		esp_receive(&self->esp);
	}
	esp_us = clock_us();
	EXPECT_FALSE(peer_receive(self->peer, 0));
	self->mark = clock_watch_mark();
	clock_watch_behind_us();
	/* Its time is known to within two seconds. */
	for (i = 0; i < 3; i++)
		esp_send(&self->esp);
	answer(self->peer, expect_question(self->peer, 4000));
	waited_us = clock_us() - esp_us;
	EXPECT_LE(clock_earliest_us(2000000, clock_watch_behind_us()), waited_us);
	EXPECT_GE(latest_us(4000000, self->mark), waited_us);
	for (i = 0; i < 8; i++) {
		clock_sleep_until(clock_us() + 500000);
		esp_send(&self->esp);
	}
	expect_question(self->peer, 0);
}

static void set_retransmission(struct client *client, int rto_ms, int tries)
{
	client_set(client, IKEFP_A_POLICY_RTO_MIN_MS, rto_ms);
	client_set(client, IKEFP_A_POLICY_RTO_INITIAL_MS, rto_ms);
	client_set(client, IKEFP_A_POLICY_BACKOFF_PERCENT, 100);
	client_set(client, IKEFP_A_POLICY_TRIES, tries);
}

/* Without an answer it is sent again as any request, and then the worker is told. */
TEST_F(liveness, dead)
{
	const struct ikefp_event *event;
	struct upcall *upcall;
	uint32_t id;
	int i;

	set_retransmission(self->client, 150, 3);
	begin(self->client, self->peer, 500);
	id = expect_question(self->peer, 500);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(id, expect_question(self->peer, 150));
	upcall = client_wait(self->client, 150 + PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_DEAD, upcall->kind);
	EXPECT_EQ(self->peer->kernel_spi, upcall->spi);
	event = client_wait_event(self->client, IKEFP_EVENT_KIND_SA_DEAD, PATIENCE_MS);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(self->peer->kernel_spi, event->spi);
	EXPECT_COUNTED(self->client, "tx-messages+4 upcalls+1 retransmits+3 "
		       "exchange-timeouts+1 liveness-asked+1 peers-dead+1");
	/* Once; and there is nothing more to ask. */
	EXPECT_FALSE(peer_receive(self->peer, 1500));
	EXPECT_NULL(client_wait(self->client, 0));
	/* But the peer may come back. */
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	EXPECT_EQ(id + 1, expect_question(self->peer, 500));
}

/*
 * With the worker gone, the kernel asks alone, and again where there is no answer: there is
 * nobody to tell, and the peer may be back when there is.
 */
TEST_F(liveness, orphan)
{
	struct client *second = client_open(CLIENT_WORKER);
	struct upcall *upcall;
	uint32_t id;

	set_retransmission(self->client, 100, 1);
	begin(self->client, self->peer, 400);
	client_close(self->client);
	self->client = second;
	id = expect_question(self->peer, 400);
	answer(self->peer, id);
	EXPECT_EQ(id + 1, expect_question(self->peer, 400));
	EXPECT_EQ(id + 1, expect_question(self->peer, 100));
	id = expect_question(self->peer, 100 + 400);
	answer(self->peer, id);
	ASSERT_EQ(0, ikefp_worker_adopt(second->nl, &self->peer->kernel_spi, 1));
	upcall = client_wait(second, PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_EQ(400, upcall->info.liveness_ms);
	/* It is alive, for all that is known; and then it is not. */
	set_retransmission(second, 1000, 1);
	EXPECT_EQ(id + 1, expect_question(self->peer, 400));
	EXPECT_NULL(client_wait(second, 0));
	upcall = client_wait(second, 1000 + 1500 + PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_DEAD, upcall->kind);
}

/* What a worker was told, and did not read before it died, the next one is told anew. */
TEST_F(liveness, dead_unread)
{
	struct client *second = client_open(CLIENT_WORKER);
	struct upcall *upcall;
	uint32_t id;

	set_retransmission(self->client, 100, 1);
	begin(self->client, self->peer, 400);
	id = expect_question(self->peer, 400);
	ASSERT_NE(NULL, client_wait_event(self->client, IKEFP_EVENT_KIND_SA_DEAD,
					  100 + 150 + PATIENCE_MS));
	client_close(self->client);
	self->client = second;
	ASSERT_EQ(0, ikefp_worker_adopt(second->nl, &self->peer->kernel_spi, 1));
	upcall = client_wait(second, PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_ADOPTED, upcall->kind);
	while (peer_receive(self->peer, PATIENCE_MS) && self->peer->got_header.message_id == id)
		;
	EXPECT_EQ(id + 1, self->peer->got_header.message_id);
	upcall = client_wait(second, 100 + 150 + PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_DEAD, upcall->kind);
}

/* A request of the worker's waits while the peer is asked, and goes out then. */
TEST_F(liveness, worker_requests_meanwhile)
{
	const struct ikefp_message_out another = {
		.spi = self->peer->kernel_spi, .exchange_type = INFORMATIONAL,
	};
	const struct ikefp_message_in *in;
	struct ikefp_sa_info info;
	uint32_t id, own;

	begin(self->client, self->peer, 500);
	id = expect_question(self->peer, 500);
	own = peer_kernel_requests(self->peer, self->client, CREATE_CHILD_SA, PAYLOAD_NOTIFY, "?",
				   1);
	EXPECT_EQ(id + 1, own);
	EXPECT_FALSE(peer_receive(self->peer, 300));
	/* What a helper that adopts it must know: something of the helper's is under way. */
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &info));
	EXPECT_EQ(1, info.outstanding);
	ASSERT_EQ(1, info.unanswered_count);
	EXPECT_EQ(own, info.unanswered[0]);
	/* One can wait. */
	EXPECT_EQ(-EBUSY, ikefp_message_send(self->client->nl, &another, NULL));
	answer(self->peer, id);
	peer_expect(self->peer);
	EXPECT_EQ(own, self->peer->got_header.message_id);
	EXPECT_EQ(CREATE_CHILD_SA, self->peer->got_header.exchange_type);
	EXPECT_STREQ("", peer_open_message(self->peer));
	EXPECT_EQ(1, self->peer->inner_len);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &info));
	EXPECT_EQ(1, info.outstanding);
	EXPECT_EQ(1, info.unanswered_count);
	/* While it is outstanding, nothing is asked. */
	EXPECT_FALSE(peer_receive(self->peer, 1000));
	peer_send_response(self->peer, CREATE_CHILD_SA, own, PAYLOAD_NOTIFY, "!", 1);
	in = client_wait_message(self->client);
	EXPECT_EQ(own, in->message_id);
	EXPECT_EQ(own + 1, expect_question(self->peer, 500));
}

/* Also when the peer does not answer: then it is the request that is not answered. */
TEST_F(liveness, worker_requests_the_dead)
{
	struct upcall *upcall;
	uint32_t id, own;

	set_retransmission(self->client, 200, 1);
	begin(self->client, self->peer, 500);
	id = expect_question(self->peer, 500);
	own = peer_kernel_requests(self->peer, self->client, CREATE_CHILD_SA, PAYLOAD_NOTIFY, "?",
				   1);
	EXPECT_EQ(id, expect_question(self->peer, 200));
	upcall = client_wait(self->client, 200 + PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_DEAD, upcall->kind);
	peer_expect(self->peer);
	EXPECT_EQ(own, self->peer->got_header.message_id);
	upcall = client_wait(self->client, 400 + PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_TIMEOUT, upcall->kind);
	EXPECT_EQ(own, upcall->message_id);
}

/* Not before the SA is established, not where 0 was said; the namespace's where nothing. */
TEST_F(liveness, none)
{
	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){ .liveness_ms = 200 });
	EXPECT_FALSE(peer_receive(self->peer, 800));
	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){});
	client_set(self->client, IKEFP_A_POLICY_LIVENESS_MS, 200);
	peer_establish(self->peer, self->client);
	EXPECT_FALSE(peer_receive(self->peer, 800));
	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){ .liveness_ms = 200 });
	expect_question(self->peer, 200);
}

TEST_F(liveness, default_of_the_namespace)
{
	client_set(self->client, IKEFP_A_POLICY_LIVENESS_MS, 300);
	peer_establish(self->peer, self->client);
	expect_question(self->peer, 300);
}

MODULE_TEST_MAIN
