// SPDX-License-Identifier: GPL-2.0
/*
 * IKE_SA_INIT, of which the module carries the octets as they are: as initiator until
 * keys come, as responder by the octets of the request.
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
#define LEN 64

FIXTURE(init)
{
	struct client *client;
	struct peer *peer;
	uint8_t message[MESSAGE_SIZE];
};

FIXTURE_VARIANT(init)
{
	const char *local, *kernel;
	enum ikefp_listener_kind kind;
};

FIXTURE_VARIANT_ADD(init, ike_v4) {
	.local = "127.0.0.2", .kernel = "127.0.0.1", .kind = IKEFP_LISTENER_KIND_IKE,
};

FIXTURE_VARIANT_ADD(init, natt_v6) {
	.local = "::1", .kernel = "::1", .kind = IKEFP_LISTENER_KIND_NATT,
};

FIXTURE_SETUP(init)
{
	netns_new();
	self->client = client_open(CLIENT_WORKER | CLIENT_EVENTS);
	client_listen(self->client, variant->kind, variant->kernel, 500);
	self->peer = peer_open(variant->local, variant->kernel, 500, variant->kind);
	client_count_anew(self->client);
}

FIXTURE_TEARDOWN(init)
{
	peer_close(self->peer);
	client_close(self->client);
}

static int send_raw(struct client *client, uint64_t spi, const void *octets, size_t len)
{
	const struct ikefp_message_out message = {
		.spi = spi, .raw = true, .payload = { octets, len },
	};

	return ikefp_message_send(client->nl, &message, NULL);
}

static bool got(const struct peer *peer, const void *octets, size_t len)
{
	return peer->got_len == len && !memcmp(peer->got, octets, len);
}

static bool is(const struct ikefp_message_in *message, uint64_t spi, bool response,
	       const void *octets, size_t len)
{
	return message->spi == spi && message->raw && message->response == response &&
	       message->exchange_type == IKE_SA_INIT && message->message_id == 0 &&
	       message->payload.len == len && !memcmp(message->payload.data, octets, len);
}

/* Settings under which little happens by itself within a test. */
static void slow(struct client *client)
{
	client_set(client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(client, IKEFP_A_POLICY_RTO_MIN_MS, 60000);
	client_set(client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
}

static void begin(struct client *client, struct peer *peer, uint8_t *message)
{
	struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(peer);

	if (ikefp_sa_new(client->nl, SPI, &endpoint) ||
	    send_raw(client, SPI, message, ike_put_init(message, SPI, 0, 1, LEN)))
		die("cannot initiate: %s", ikefp_nl_error(client->nl));
	peer->kernel_spi = SPI;
	peer->own_spi = ~SPI;
}

TEST_F(init, request_is_repeated)
{
	int i;

	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 20);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 20);
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 20);
	begin(self->client, self->peer, self->message);
	for (i = 0; i < 5; i++) {
		peer_expect(self->peer);
		EXPECT_TRUE(got(self->peer, self->message, LEN));
	}
	/* Answers that nobody has judged do not stop it; keys do. */
	peer_send(self->peer, self->message,
		  ike_put_init(self->message, SPI, self->peer->own_spi, 2, LEN));
	EXPECT_TRUE(is(client_wait_message(self->client), SPI, true, self->message, LEN));
	ike_put_init(self->message, SPI, 0, 1, LEN);
	for (i = 0; i < 5; i++) {
		peer_expect(self->peer);
		EXPECT_TRUE(got(self->peer, self->message, LEN));
	}
	peer_give_keys(self->peer, self->client, &sk_algorithms[0]);
	while (peer_receive(self->peer, 0))
		;
	/* One copy may have been on its way when the keys came; no second. */
	if (peer_receive(self->peer, 100))
		TH_LOG("a copy was on its way");
	client_count_anew(self->client);
	EXPECT_FALSE(peer_receive(self->peer, 200));
	EXPECT_COUNTED(self->client, "");
}

/* Of a forged and a true answer both must be seen, in whichever order, and each once. */
TEST_F(init, answers_are_told_apart)
{
	int fill, again;

	slow(self->client);
	begin(self->client, self->peer, self->message);
	EXPECT_COUNTED(self->client, "sas+1 tx-messages+1");
	for (fill = 2; fill < 5; fill++) {
		peer_send(self->peer, self->message,
			  ike_put_init(self->message, SPI, fill, fill, LEN));
		EXPECT_TRUE(is(client_wait_message(self->client), SPI, true, self->message, LEN));
		EXPECT_COUNTED(self->client, "rx-messages+1 upcalls+1");
		for (again = 2; again <= fill; again++) {
			peer_send(self->peer, self->message,
				  ike_put_init(self->message, SPI, again, again, LEN));
			EXPECT_COUNTED(self->client, "rx-messages+1 drop-stale-response+1");
		}
	}
	EXPECT_NULL(client_wait(self->client, 0));
}

TEST_F(init, answer_from_elsewhere)
{
	struct peer *other = peer_open(variant->local, variant->kernel, 500, variant->kind);

	slow(self->client);
	begin(self->client, self->peer, self->message);
	client_count_anew(self->client);
	peer_send(other, self->message, ike_put_init(self->message, SPI, 2, 2, LEN));
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-source+1");
	peer_send(self->peer, self->message, ike_put_init(self->message, SPI, 2, 2, LEN));
	EXPECT_COUNTED(self->client, "rx-messages+1 upcalls+1");
	peer_close(other);
}

/* An answer that is no chain of payloads is not worth a look. */
TEST_F(init, answer_malformed)
{
	slow(self->client);
	begin(self->client, self->peer, self->message);
	client_count_anew(self->client);
	ike_put_init(self->message, SPI, 2, 2, LEN);
	put16(self->message + HEADER_LEN + 2, 3);
	peer_send(self->peer, self->message, LEN);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-malformed+1");
}

/* After COOKIE or INVALID_KE_PAYLOAD: another request in the first one's place. */
TEST_F(init, request_is_replaced)
{
	int i;

	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 50);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 20);
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 50);
	begin(self->client, self->peer, self->message);
	peer_expect(self->peer);
	EXPECT_TRUE(got(self->peer, self->message, LEN));
	peer_send(self->peer, self->message, ike_put_init(self->message, SPI, 2, 2, LEN));
	EXPECT_TRUE(is(client_wait_message(self->client), SPI, true, self->message, LEN));
	/* What was received until now may hold copies of the first. */
	ASSERT_EQ(0, send_raw(self->client, SPI, self->message,
			      ike_put_init(self->message, SPI, 0, 3, LEN + 8)));
	do {
		peer_expect(self->peer);
	} while (!got(self->peer, self->message, LEN + 8));
	for (i = 0; i < 4; i++) {
		peer_expect(self->peer);
		EXPECT_TRUE(got(self->peer, self->message, LEN + 8));
	}
	/* The same answer is no news even to another request. */
	peer_send(self->peer, self->message, ike_put_init(self->message, SPI, 2, 2, LEN));
	EXPECT_NULL(client_wait(self->client, 100));
}

/* What the worker may not send. */
TEST_F(init, send_refused)
{
	uint8_t *message = self->message;
	struct client *client = self->client;

	slow(client);
	begin(client, self->peer, message);
#define EXPECT_REFUSED(why, len) \
	do { \
		EXPECT_EQ(-EINVAL, send_raw(client, SPI, message, len)); \
		EXPECT_STREQ(why, ikefp_nl_error(client->nl)); \
	} while (0)
	ike_put_init(message, SPI + 1, 0, 1, LEN);
	EXPECT_REFUSED("a raw request goes from an initiator's SA, with its SPI", LEN);
	ike_put_init(message, SPI, 1, 1, LEN);
	EXPECT_REFUSED("a raw response goes from a responder's SA, with its SPIs", LEN);
	ike_put_init(message, SPI, 0, 1, LEN);
	EXPECT_REFUSED("a raw message must be a well-formed IKE_SA_INIT message", LEN - 1);
	message[18] = IKE_AUTH;
	EXPECT_REFUSED("a raw message must be a well-formed IKE_SA_INIT message", LEN);
	message[18] = IKE_SA_INIT;
	message[17] = 0x10;
	EXPECT_REFUSED("a raw message must be a well-formed IKE_SA_INIT message", LEN);
	message[17] = 0x20;
	message[HEADER_LEN] = PAYLOAD_NONCE;
	EXPECT_REFUSED("a raw message must be a well-formed IKE_SA_INIT message", LEN);
	peer_give_keys(self->peer, client, &sk_algorithms[0]);
	ike_put_init(message, SPI, 0, 1, LEN);
	EXPECT_REFUSED("the SA has keys: IKE_SA_INIT is over", LEN);
}

#define MADE "sas+1 half-open+1 rx-messages+1 upcalls+1"

/* A request of the peer's makes an SA; returns its SPI. */
static uint64_t respond(struct client *client, struct peer *peer, uint8_t *message, int fill)
{
	const struct ikefp_message_in *request;

	peer_send(peer, message, ike_put_init(message, SPI, 0, fill, LEN));
	request = client_wait_message(client);
	if (!is(request, request->spi, false, message, LEN) || request->spi_i != SPI ||
	    request->spi_r || !request->spi ||
	    !address_same(&request->endpoint.remote, &peer->local) ||
	    !address_same(&request->endpoint.local, &peer->kernel))
		die("not the request");
	return request->spi;
}

TEST_F(init, duplicates_of_a_request)
{
	struct peer *peer = self->peer;
	struct client *client = self->client;
	struct ikefp_sa_info info;
	uint8_t answer[LEN];
	uint64_t spi;
	int i;

	slow(client);
	spi = respond(client, peer, self->message, 1);
	EXPECT_COUNTED(client, MADE);
	for (i = 0; i < 3; i++) {
		peer_send_again(peer);
		EXPECT_COUNTED(client, "rx-messages+1 drop-in-progress+1");
	}
	EXPECT_FALSE(peer_receive(peer, 0));

	ASSERT_EQ(0, send_raw(client, spi, answer, ike_put_init(answer, SPI, spi, 9, LEN)));
	peer_expect(peer);
	EXPECT_TRUE(got(peer, answer, LEN));
	EXPECT_COUNTED(client, "tx-messages+1");
	for (i = 0; i < 3; i++) {
		peer_send_again(peer);
		peer_expect(peer);
		EXPECT_TRUE(got(peer, answer, LEN));
		EXPECT_COUNTED(client, "rx-messages+1 tx-messages+1 duplicates-answered+1");
	}
	/* Also when the SA has keys, and when it is established. */
	peer->kernel_spi = spi;
	peer->own_spi = SPI;
	peer->initiator = true;
	peer_give_keys(peer, client, &sk_algorithms[0]);
	peer_send_again(peer);
	peer_expect(peer);
	EXPECT_TRUE(got(peer, answer, LEN));
	peer_establish(peer, client);
	peer_send_again(peer);
	peer_expect(peer);
	EXPECT_TRUE(got(peer, answer, LEN));
	EXPECT_COUNTED(client, "half-open-1 rx-messages+2 tx-messages+2 duplicates-answered+2");
	/* A responder never repeats by itself. */
	EXPECT_FALSE(peer_receive(peer, 100));
	ASSERT_EQ(0, ikefp_sa_get(client->nl, spi, &info));
	EXPECT_EQ(8, info.duplicates);
	EXPECT_NULL(client_wait(client, 0));
}

/* Same SPI, other octets or another socket: another SA (RFC 7296 section 2.1). */
TEST_F(init, other_requests)
{
	struct peer *other = peer_open(variant->local, variant->kernel, 500, variant->kind);
	uint64_t first, second, third;

	first = respond(self->client, self->peer, self->message, 1);
	EXPECT_COUNTED(self->client, MADE);
	second = respond(self->client, self->peer, self->message, 2);
	EXPECT_COUNTED(self->client, MADE);
	EXPECT_NE(first, second);
	third = respond(self->client, other, self->message, 1);
	EXPECT_COUNTED(self->client, MADE);
	EXPECT_NE(first, third);
	EXPECT_NE(second, third);
	peer_close(other);
}

/* The SA that a request made is gone: the request makes another. */
TEST_F(init, deleted_unanswered)
{
	uint64_t spi = respond(self->client, self->peer, self->message, 1);

	EXPECT_COUNTED(self->client, MADE);
	ASSERT_EQ(0, ikefp_sa_del(self->client->nl, spi));
	EXPECT_COUNTED(self->client, "sas-1 half-open-1");
	EXPECT_NE(spi, respond(self->client, self->peer, self->message, 1));
	EXPECT_COUNTED(self->client, MADE);
}

TEST_F(init, respond_refused)
{
	uint8_t *message = self->message;
	struct client *client = self->client;
	uint64_t spi = respond(client, self->peer, message, 1);

#undef EXPECT_REFUSED
#define EXPECT_REFUSED(why) \
	do { \
		EXPECT_EQ(-EINVAL, send_raw(client, spi, message, LEN)); \
		EXPECT_STREQ(why, ikefp_nl_error(client->nl)); \
	} while (0)
	ike_put_init(message, SPI, 0, 1, LEN);
	EXPECT_REFUSED("a raw request goes from an initiator's SA, with its SPI");
	ike_put_init(message, SPI + 1, spi, 1, LEN);
	EXPECT_REFUSED("a raw response goes from a responder's SA, with its SPIs");
	ike_put_init(message, SPI, spi + 1, 1, LEN);
	EXPECT_REFUSED("a raw response goes from a responder's SA, with its SPIs");
	ike_put_init(message, SPI, spi, 1, LEN);
	EXPECT_EQ(0, send_raw(client, spi, message, LEN));
	EXPECT_REFUSED("no IKE_SA_INIT request waits for a response");
}

TEST_F(init, half_open_expires)
{
	const int64_t life_us = 300000 * clock_scale();
	const struct ikefp_event *event;
	struct ikefp_sa_info info;
	struct upcall *upcall;
	int64_t begin, elapsed;
	uint64_t spi;

	clock_watch_start();
	client_set(self->client, IKEFP_A_POLICY_HALF_OPEN_MS, life_us / 1000);
	begin = clock_us();
	spi = respond(self->client, self->peer, self->message, 1);
	EXPECT_COUNTED(self->client, MADE);
	upcall = client_wait(self->client, PATIENCE_MS);
	elapsed = clock_us() - begin;
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_EXPIRED, upcall->kind);
	EXPECT_EQ(spi, upcall->spi);
	EXPECT_LE(clock_earliest_us(life_us, clock_watch_behind_us()), elapsed);
	EXPECT_GE(clock_latest_us(life_us, clock_watch_late_us(0)), elapsed);
	event = client_wait_event(self->client, IKEFP_EVENT_KIND_SA_EXPIRED, PATIENCE_MS);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(spi, event->spi);
	EXPECT_EQ(SPI, event->peer_spi);
	EXPECT_EQ(IKEFP_ROLE_RESPONDER, event->role);
	EXPECT_COUNTED(self->client, "sas-1 half-open-1 upcalls+1 half-open-expired+1");
	EXPECT_EQ(-ENOENT, ikefp_sa_get(self->client->nl, spi, &info));
}

/* One that is established does not; and the request's duplicates are forgotten in time. */
TEST_F(init, established_does_not_expire)
{
	/* Longer than it takes to establish it. */
	const int64_t life_us = 1000000 * clock_scale();
	struct peer *peer = self->peer;
	uint8_t request[LEN];

	client_set(self->client, IKEFP_A_POLICY_HALF_OPEN_MS, life_us / 1000);
	peer_init_kernel_responds(peer, self->client, SPI, &sk_algorithms[0]);
	memcpy(request, peer->sent, LEN);
	peer_establish(peer, self->client);
	EXPECT_COUNTED(self->client, "sas+1 rx-messages+1 tx-messages+1 upcalls+1");
	clock_sleep_until(clock_us() + clock_latest_us(life_us, 0));
	EXPECT_COUNTED(self->client, "");
	peer_send(peer, request, LEN);
	EXPECT_COUNTED(self->client, MADE);
}

TEST_F(init, limits)
{
	uint64_t spi;
	int i;

	client_set(self->client, IKEFP_A_POLICY_MAX_HALF_OPEN, 3);
	for (i = 0; i < 3; i++) {
		spi = respond(self->client, self->peer, self->message, i);
		EXPECT_COUNTED(self->client, MADE);
	}
	peer_send(self->peer, self->message, ike_put_init(self->message, SPI, 0, 3, LEN));
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-half-open-limit+1");
	ASSERT_EQ(0, ikefp_sa_del(self->client->nl, spi));
	EXPECT_COUNTED(self->client, "sas-1 half-open-1");
	client_set(self->client, IKEFP_A_POLICY_MAX_SAS, 2);
	peer_send(self->peer, self->message, ike_put_init(self->message, SPI, 0, 3, LEN));
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-sa-limit+1");
	client_set(self->client, IKEFP_A_POLICY_MAX_SAS, 3);
	respond(self->client, self->peer, self->message, 3);
	EXPECT_COUNTED(self->client, MADE);
}

/* Large ones go and come in IP fragments, whole. */
TEST_F(init, large)
{
	const size_t len = 20000;
	uint8_t answer[20000];
	const struct ikefp_message_in *request;
	uint64_t spi;

	peer_send(self->peer, self->message, ike_put_init(self->message, SPI, 0, 1, len));
	request = client_wait_message(self->client);
	spi = request->spi;
	ASSERT_TRUE(is(request, spi, false, self->message, len));
	ASSERT_EQ(0, send_raw(self->client, spi, answer,
			      ike_put_init(answer, SPI, spi, 2, len)));
	peer_expect(self->peer);
	EXPECT_TRUE(got(self->peer, answer, len));
}

MODULE_TEST_MAIN
