// SPDX-License-Identifier: GPL-2.0
/*
 * The checks of the IKE header (RFC 7296 sections 2.5 and 3.1), and which SA a message
 * may belong to: each drop has its own counter, and nothing but it happens.
 */

#include "kselftest_harness.h"

#include "client.h"
#include "clock.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull
#define DROPPED(reason) "rx-messages+1 drop-" reason "+1"

FIXTURE(header)
{
	struct client *client;
	struct peer *peer;
	uint8_t message[256];
	size_t len;
};

FIXTURE_VARIANT(header)
{
	const char *local, *kernel;
	enum ikefp_listener_kind kind;
};

FIXTURE_VARIANT_ADD(header, ike_v4) {
	.local = "127.0.0.2", .kernel = "127.0.0.1", .kind = IKEFP_LISTENER_KIND_IKE,
};

FIXTURE_VARIANT_ADD(header, natt_v6) {
	.local = "::1", .kernel = "::1", .kind = IKEFP_LISTENER_KIND_NATT,
};

FIXTURE_SETUP(header)
{
	netns_new();
	self->client = client_open(CLIENT_WORKER);
	client_listen(self->client, variant->kind, variant->kernel, 4500);
	self->peer = peer_open(variant->local, variant->kernel, 4500, variant->kind);
	self->len = ike_put_init(self->message, SPI, 0, 1, 64);
	client_count_anew(self->client);
}

FIXTURE_TEARDOWN(header)
{
	peer_close(self->peer);
	client_close(self->client);
}

#define EXPECT_DROPPED(reason) \
	do { \
		peer_send(self->peer, self->message, self->len); \
		EXPECT_COUNTED(self->client, DROPPED(reason)); \
	} while (0)

/* The message is good as it stands: what the tests below change is what is wrong. */
TEST_F(header, good)
{
	peer_send(self->peer, self->message, self->len);
	EXPECT_COUNTED(self->client, "sas+1 half-open+1 rx-messages+1 upcalls+1");
}

TEST_F(header, length)
{
	size_t i;

	for (i = 0; i < HEADER_LEN; i++) {
		self->len = i;
		EXPECT_DROPPED("short");
	}
	for (i = HEADER_LEN; i < 64; i += 7) {
		self->len = i;
		EXPECT_DROPPED("length");
	}
	self->len = 65;
	EXPECT_DROPPED("length");
	self->len = 64;
	put32(self->message + 24, 0);
	EXPECT_DROPPED("length");
	put32(self->message + 24, 0xffffffff);
	EXPECT_DROPPED("length");
}

TEST_F(header, exchange_type)
{
	int type;

	put64(self->message + 8, 1);
	for (type = 0; type < 256; type++) {
		self->message[18] = type;
		switch (type) {
		case IKE_SA_INIT:
			EXPECT_DROPPED("flags");
			break;
		case IKE_AUTH:
		case CREATE_CHILD_SA:
		case INFORMATIONAL:
		case IKE_INTERMEDIATE:
		case IKE_FOLLOWUP_KE:
			EXPECT_DROPPED("unknown-spi");
			break;
		default:
			EXPECT_DROPPED("exchange-type");
		}
	}
}

TEST_F(header, spis)
{
	/* No initiator's SPI; no responder's where one must be. */
	put64(self->message, 0);
	EXPECT_DROPPED("unknown-spi");
	put64(self->message, SPI);
	self->message[18] = IKE_AUTH;
	EXPECT_DROPPED("unknown-spi");
	/* Both, and nobody's: as request and as response, of both roles. */
	put64(self->message + 8, 1);
	EXPECT_DROPPED("unknown-spi");
	self->message[19] = 0;
	EXPECT_DROPPED("unknown-spi");
	self->message[19] = FLAG_RESPONSE;
	EXPECT_DROPPED("unknown-spi");
	self->message[19] = FLAG_RESPONSE | FLAG_INITIATOR;
	EXPECT_DROPPED("unknown-spi");
	self->message[18] = IKE_SA_INIT;
	self->message[19] = FLAG_RESPONSE;
	EXPECT_DROPPED("unknown-spi");
}

TEST_F(header, init_flags)
{
	/* A request of IKE_SA_INIT comes from the initiator, and a response does not. */
	self->message[19] = 0;
	EXPECT_DROPPED("flags");
	self->message[19] = FLAG_INITIATOR | FLAG_RESPONSE;
	EXPECT_DROPPED("flags");
	self->message[19] = FLAG_INITIATOR;
	put64(self->message + 8, 1);
	EXPECT_DROPPED("flags");
	put64(self->message + 8, 0);
	put32(self->message + 20, 1);
	EXPECT_DROPPED("message-id");
}

/* The minor version and the reserved flags are not looked at. */
TEST_F(header, ignored)
{
	self->message[17] = 0x2f;
	peer_send(self->peer, self->message, self->len);
	EXPECT_COUNTED(self->client, "sas+1 half-open+1 rx-messages+1 upcalls+1");
	self->message[17] = 0x20;
	self->message[19] = 0xff & ~FLAG_RESPONSE;
	peer_send(self->peer, self->message, self->len);
	EXPECT_COUNTED(self->client, "sas+1 half-open+1 rx-messages+1 upcalls+1");
}

TEST_F(header, init_payloads)
{
	/* Payloads that run over the end, stop short of it, or are none. */
	put16(self->message + HEADER_LEN + 2, 64 - HEADER_LEN + 1);
	EXPECT_DROPPED("malformed");
	put16(self->message + HEADER_LEN + 2, 64 - HEADER_LEN - 1);
	EXPECT_DROPPED("malformed");
	put16(self->message + HEADER_LEN + 2, 3);
	EXPECT_DROPPED("malformed");
	put16(self->message + HEADER_LEN + 2, 0);
	EXPECT_DROPPED("malformed");
	put16(self->message + HEADER_LEN + 2, 64 - HEADER_LEN);
	self->message[HEADER_LEN] = PAYLOAD_NONCE;
	EXPECT_DROPPED("malformed");
	self->message[HEADER_LEN] = PAYLOAD_NONE;
	self->message[16] = PAYLOAD_SK;
	EXPECT_DROPPED("malformed");
	self->message[16] = PAYLOAD_SKF;
	EXPECT_DROPPED("malformed");
	self->message[16] = PAYLOAD_NONE;
	EXPECT_DROPPED("malformed");
}

/* IKEv1 and what never was: silence. */
TEST_F(header, lower_version)
{
	int version;

	for (version = 0; version < 0x20; version += 0x10) {
		self->message[17] = version;
		EXPECT_DROPPED("version");
		EXPECT_FALSE(peer_receive(self->peer, 0));
	}
}

/* Answered with ours, in just these octets (RFC 7296 sections 1.5, 2.5, 3.10). */
TEST_F(header, higher_version)
{
	uint8_t answer[36] = {
		[16] = PAYLOAD_NOTIFY, [17] = 0x20, [27] = 36,
		/* no next payload, 8 octets, no protocol, no SPI, INVALID_MAJOR_VERSION */
		[31] = 8, [35] = 5,
	};

	self->message[17] = 0x30;
	self->message[18] = 99;
	put64(self->message + 8, 0x1122334455667788);
	put32(self->message + 20, 0xabcdef01);
	/* The length that a header of another version tells means nothing. */
	put32(self->message + 24, 12345);
	memcpy(answer, self->message, 16);
	answer[18] = 99;
	answer[19] = FLAG_RESPONSE;
	memcpy(answer + 20, self->message + 20, 4);
	for (self->len = 36; self->len <= 37; self->len++) {
		peer_send(self->peer, self->message, self->len);
		peer_expect(self->peer);
		ASSERT_EQ(sizeof(answer), self->peer->got_len);
		EXPECT_EQ(0, memcmp(answer, self->peer->got, sizeof(answer)));
		EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 "
			       "invalid-major-version-sent+1 drop-version+1");
	}
	/* From the responder: the answer is the initiator's. */
	self->message[17] = 0xf0;
	self->message[19] = 0;
	answer[19] = FLAG_RESPONSE | FLAG_INITIATOR;
	peer_send(self->peer, self->message, self->len);
	peer_expect(self->peer);
	EXPECT_EQ(0, memcmp(answer, self->peer->got, sizeof(answer)));
	client_count_anew(self->client);

	/* Never longer than what it answers, and never to an answer. */
	self->len = 35;
	EXPECT_DROPPED("version");
	self->len = 64;
	self->message[19] = FLAG_RESPONSE;
	EXPECT_DROPPED("version");
	EXPECT_FALSE(peer_receive(self->peer, 0));
}

/* Ten at once and ten a second, however many ask. */
TEST_F(header, version_answers_are_few)
{
	int64_t begin, elapsed_us;
	int i, answers = 0, most;

	self->message[17] = 0x30;
	begin = clock_us();
	for (i = 0; i < 200; i++)
		peer_send(self->peer, self->message, self->len);
	elapsed_us = clock_us() - begin;
	while (peer_receive(self->peer, 100))
		answers++;
	most = 10 + elapsed_us * 10 / 1000000 + 1;
	EXPECT_GE(most, answers);
	EXPECT_LE(10, answers);
	EXPECT_EQ(answers, (int)client_counter(self->client,
					       IKEFP_A_STATS_INVALID_MAJOR_VERSION_SENT));
	EXPECT_EQ(200 - answers,
		  (int)(client_counter(self->client, IKEFP_A_STATS_DROP_RATE_LIMIT) +
			client_counter(self->client, IKEFP_A_STATS_DROP_SOURCE_RATE)));
	/* And they come again. */
	clock_sleep_until(clock_us() + 200000);
	peer_send(self->peer, self->message, self->len);
	EXPECT_TRUE(peer_receive(self->peer, PATIENCE_MS));
}

/* Of an SA that is there. */
static void send_as(struct peer *peer, uint64_t spi_i, uint64_t spi_r, uint8_t flags)
{
	struct ike_header header = peer_header(peer, INFORMATIONAL, peer->next_out, false);
	uint8_t message[256];
	size_t len;

	len = sk_seal(&peer->keys, &header, NULL, 0, NULL, 0, message);
	put64(message, spi_i);
	put64(message + 8, spi_r);
	message[19] = flags;
	peer_send(peer, message, len);
}

TEST_F(header, sa_of_a_responder)
{
	struct peer *peer = self->peer;

	peer_init_kernel_responds(peer, self->client, SPI, &sk_algorithms[0]);
	client_count_anew(self->client);
	/* Another peer's SPI with ours, as request and response. */
	send_as(peer, SPI + 1, peer->kernel_spi, FLAG_INITIATOR);
	EXPECT_COUNTED(self->client, DROPPED("unknown-spi"));
	send_as(peer, SPI + 1, peer->kernel_spi, FLAG_INITIATOR | FLAG_RESPONSE);
	EXPECT_COUNTED(self->client, DROPPED("unknown-spi"));
	/* As if from the responder, to the responder. */
	send_as(peer, peer->kernel_spi, SPI, 0);
	EXPECT_COUNTED(self->client, DROPPED("flags"));
	send_as(peer, peer->kernel_spi, SPI, FLAG_RESPONSE);
	EXPECT_COUNTED(self->client, DROPPED("flags"));
	/* The peer's SPI is no name of ours. */
	send_as(peer, SPI, SPI, FLAG_INITIATOR);
	EXPECT_COUNTED(self->client, DROPPED("unknown-spi"));
	/* And IKE_SA_INIT is over. */
	self->len = ike_put_init(self->message, peer->kernel_spi, SPI, 1, 64);
	EXPECT_DROPPED("flags");
}

TEST_F(header, sa_of_an_initiator)
{
	struct peer *peer = self->peer;

	peer_init_kernel_initiates(peer, self->client, SPI, &sk_algorithms[0]);
	client_count_anew(self->client);
	send_as(peer, SPI, peer->own_spi + 1, 0);
	EXPECT_COUNTED(self->client, DROPPED("unknown-spi"));
	send_as(peer, peer->own_spi, SPI, FLAG_INITIATOR);
	EXPECT_COUNTED(self->client, DROPPED("flags"));
	/* Responses that nobody waits for, of IKE_SA_INIT and sealed. */
	self->len = ike_put_init(self->message, SPI, peer->own_spi, 1, 64);
	EXPECT_DROPPED("stale-response");
	send_as(peer, SPI, peer->own_spi, FLAG_RESPONSE);
	EXPECT_COUNTED(self->client, DROPPED("stale-response"));
}

MODULE_TEST_MAIN
