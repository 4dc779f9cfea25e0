// SPDX-License-Identifier: GPL-2.0
/*
 * Sealed messages, against a peer that seals and opens with OpenSSL (lib/sk.c): every
 * algorithm in both roles, odd lengths, and what must be dropped.
 */

#include "kselftest_harness.h"

#include "client.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull

/* The peer's own arithmetic first. RFC 7634 appendix B. */
TEST(rfc7634_vector)
{
	static const uint8_t inner[] = {
		0x00, 0x00, 0x00, 0x0c, 0x00, 0x00, 0x40, 0x01, 0x00, 0x00, 0x00, 0x0a,
	};
	static const uint8_t iv[] = { 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17 };
	static const uint8_t sealed[] = {
		0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xd0, 0xd1, 0xd2, 0xd3,
		0xd4, 0xd5, 0xd6, 0xd7, 0x2e, 0x20, 0x25, 0x00, 0x00, 0x00, 0x00, 0x09,
		0x00, 0x00, 0x00, 0x45, 0x29, 0x00, 0x00, 0x29, 0x10, 0x11, 0x12, 0x13,
		0x14, 0x15, 0x16, 0x17, 0x61, 0x03, 0x94, 0x70, 0x1f, 0x8d, 0x01, 0x7f,
		0x7c, 0x12, 0x92, 0x48, 0x89, 0x6b, 0x71, 0xbf, 0xe2, 0x52, 0x36, 0xef,
		0xd7, 0xcd, 0xc6, 0x70, 0x66, 0x90, 0x63, 0x15, 0xb2,
	};
	const struct ike_header header = {
		.spi_i = 0xc0c1c2c3c4c5c6c7, .spi_r = 0xd0d1d2d3d4d5d6d7,
		.version = 0x20, .exchange_type = INFORMATIONAL, .message_id = 9,
	};
	const struct sk_options options = { .iv = iv };
	struct sk_keys keys = { .algorithm = &sk_algorithms[2] };
	uint8_t message[sizeof(sealed) + 64];
	size_t i;

	/* Sealed by the responder, by its flags. */
	for (i = 0; i < 32; i++)
		keys.er[i] = 0x80 + i;
	for (i = 0; i < 4; i++)
		keys.er[32 + i] = 0xa0 + i;
	ASSERT_EQ(sizeof(sealed), sk_seal(&keys, &header, &options, PAYLOAD_NOTIFY, inner,
					  sizeof(inner), message));
	EXPECT_EQ(0, memcmp(sealed, message, sizeof(sealed)));
}

struct ends {
	struct client *client;
	struct peer *peer;
	uint8_t inner[MESSAGE_SIZE];
};

static void open_ends(struct ends *ends, int algorithm, bool kernel_initiates, const char *local,
		      const char *kernel, enum ikefp_listener_kind kind)
{
	int port = kind == IKEFP_LISTENER_KIND_NATT ? 4500 : 500;
	size_t i;

	netns_new();
	ends->client = client_open(CLIENT_WORKER);
	client_listen(ends->client, kind, kernel, port);
	/* Nothing is to be retransmitted here. */
	client_set(ends->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	client_set(ends->client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(ends->client, IKEFP_A_POLICY_RTO_MIN_MS, 60000);
	ends->peer = peer_open(local, kernel, port, kind);
	if (kernel_initiates)
		peer_init_kernel_initiates(ends->peer, ends->client, SPI,
					   &sk_algorithms[algorithm]);
	else
		peer_init_kernel_responds(ends->peer, ends->client, SPI,
					  &sk_algorithms[algorithm]);
	for (i = 0; i < sizeof(ends->inner); i++)
		ends->inner[i] = i * 7 + (i >> 8);
	client_count_anew(ends->client);
}

static void close_ends(struct ends *ends)
{
	peer_close(ends->peer);
	client_close(ends->client);
}

FIXTURE(sealed)
{
	struct ends ends;
	struct client *client;
	struct peer *peer;
	uint8_t *inner;
};

FIXTURE_VARIANT(sealed)
{
	int algorithm;
	bool kernel_initiates;
	const char *local, *kernel;
	enum ikefp_listener_kind kind;
};

#define VARIANT(NAME, ALGORITHM, INITIATES, LOCAL, KERNEL, KIND) \
	FIXTURE_VARIANT_ADD(sealed, NAME) { \
		.algorithm = ALGORITHM, .kernel_initiates = INITIATES, .local = LOCAL, \
		.kernel = KERNEL, .kind = IKEFP_LISTENER_KIND_##KIND, \
	}

/* Families and kinds are spread over the algorithms and roles. */
VARIANT(gcm128_initiator, 0, true, "127.0.0.2", "127.0.0.1", IKE);
VARIANT(gcm128_responder, 0, false, "127.0.0.2", "127.0.0.1", NATT);
VARIANT(gcm256_initiator, 1, true, "::1", "::1", NATT);
VARIANT(gcm256_responder, 1, false, "::1", "::1", IKE);
VARIANT(gcm192_initiator, 9, true, "127.0.0.2", "127.0.0.1", IKE);
VARIANT(chacha20_initiator, 2, true, "127.0.0.2", "127.0.0.1", NATT);
VARIANT(chacha20_responder, 2, false, "::1", "::1", NATT);
VARIANT(cbc128_sha256_initiator, 3, true, "::1", "::1", IKE);
VARIANT(cbc128_sha256_responder, 3, false, "127.0.0.2", "127.0.0.1", IKE);
VARIANT(cbc256_sha256_initiator, 4, true, "127.0.0.2", "127.0.0.1", IKE);
VARIANT(cbc256_sha256_responder, 4, false, "127.0.0.2", "127.0.0.1", NATT);
VARIANT(cbc128_sha384_initiator, 5, true, "127.0.0.2", "127.0.0.1", IKE);
VARIANT(cbc128_sha384_responder, 5, false, "::1", "::1", IKE);
VARIANT(cbc192_sha384_initiator, 6, true, "::1", "::1", NATT);
VARIANT(cbc192_sha384_responder, 6, false, "127.0.0.2", "127.0.0.1", IKE);
VARIANT(cbc128_sha512_initiator, 7, true, "127.0.0.2", "127.0.0.1", NATT);
VARIANT(cbc128_sha512_responder, 7, false, "127.0.0.2", "127.0.0.1", IKE);
VARIANT(cbc256_sha512_initiator, 8, true, "127.0.0.2", "127.0.0.1", IKE);
VARIANT(cbc256_sha512_responder, 8, false, "::1", "::1", NATT);

FIXTURE_SETUP(sealed)
{
	open_ends(&self->ends, variant->algorithm, variant->kernel_initiates, variant->local,
		  variant->kernel, variant->kind);
	self->client = self->ends.client;
	self->peer = self->ends.peer;
	self->inner = self->ends.inner;
}

FIXTURE_TEARDOWN(sealed)
{
	close_ends(&self->ends);
}

/* The lengths around each algorithm's blocks, and the largest messages. */
static size_t next_len(size_t len)
{
	if (len < 33)
		return len + 1;
	if (len < 300)
		return len + 29;
	return len < 60000 ? 60000 : 0;
}

#define first_of(len) ((len) ? PAYLOAD_IDI : PAYLOAD_NONE)

/* Not through ASSERT for the upcall's payload: it may be of no octets. */
static bool is_upcall(const struct ikefp_message_in *message, const struct peer *peer,
		      bool response, uint8_t exchange_type, uint32_t message_id,
		      const void *inner, size_t len)
{
	return message->spi == peer->kernel_spi && !message->raw &&
	       message->response == response && message->exchange_type == exchange_type &&
	       message->message_id == message_id && message->first_payload == first_of(len) &&
	       message->spi_i == (peer->initiator ? peer->own_spi : peer->kernel_spi) &&
	       message->spi_r == (peer->initiator ? peer->kernel_spi : peer->own_spi) &&
	       message->flags == ((peer->initiator ? FLAG_INITIATOR : 0) |
				  (response ? FLAG_RESPONSE : 0)) &&
	       address_same(&message->endpoint.local, &peer->kernel) &&
	       address_same(&message->endpoint.remote, &peer->local) &&
	       message->payload.len == len && !memcmp(message->payload.data, inner, len);
}

/* The kernel asks and the peer answers. */
TEST_F(sealed, kernel_requests)
{
	struct peer *peer = self->peer;
	uint32_t id = variant->kernel_initiates ? 1 : 0;
	size_t len = 0;

	do {
		ASSERT_EQ(id, peer_kernel_requests(peer, self->client, CREATE_CHILD_SA,
						   first_of(len), self->inner, len));
		peer_expect(peer);
		ASSERT_EQ(CREATE_CHILD_SA, peer->got_header.exchange_type);
		ASSERT_EQ(id, peer->got_header.message_id);
		ASSERT_EQ(0, peer->got_header.flags & FLAG_RESPONSE);
		ASSERT_STREQ("", peer_open_message(peer)) {
			TH_LOG("%zu octets", len);
		}
		ASSERT_EQ(first_of(len), peer->first_payload);
		ASSERT_EQ(len, peer->inner_len);
		ASSERT_EQ(0, memcmp(self->inner, peer->inner, len));

		peer_send_response(peer, CREATE_CHILD_SA, id, first_of(len), self->inner, len);
		ASSERT_TRUE(is_upcall(client_wait_message(self->client), peer, true,
				      CREATE_CHILD_SA, id, self->inner, len));
		EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 upcalls+1");
		id++;
		len = next_len(len);
	} while (len);
}

/* The peer asks and the kernel, or the worker through it, answers. */
TEST_F(sealed, peer_requests)
{
	struct peer *peer = self->peer;
	uint32_t id = peer->next_out;
	size_t len = 0;

	do {
		peer_send_request(peer, IKE_AUTH, first_of(len), self->inner, len);
		ASSERT_TRUE(is_upcall(client_wait_message(self->client), peer, false, IKE_AUTH,
				      id, self->inner, len));
		peer_kernel_responds(peer, self->client, IKE_AUTH, id, first_of(len),
				     self->inner, len);
		peer_expect(peer);
		ASSERT_EQ(IKE_AUTH, peer->got_header.exchange_type);
		ASSERT_EQ(id, peer->got_header.message_id);
		ASSERT_EQ(FLAG_RESPONSE, peer->got_header.flags & FLAG_RESPONSE);
		ASSERT_STREQ("", peer_open_message(peer)) {
			TH_LOG("%zu octets", len);
		}
		ASSERT_EQ(first_of(len), peer->first_payload);
		ASSERT_EQ(len, peer->inner_len);
		ASSERT_EQ(0, memcmp(self->inner, peer->inner, len));
		EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 upcalls+1");
		id++;
		len = next_len(len);
	} while (len);
}

/* What concerns every algorithm of its kind in the same way: the kernel responds. */
FIXTURE(dropped)
{
	struct ends ends;
	struct client *client;
	struct peer *peer;
	uint8_t *inner;
};

FIXTURE_VARIANT(dropped)
{
	int algorithm;
	const char *local, *kernel;
	enum ikefp_listener_kind kind;
};

FIXTURE_VARIANT_ADD(dropped, gcm) {
	.algorithm = 0, .local = "127.0.0.2", .kernel = "127.0.0.1",
	.kind = IKEFP_LISTENER_KIND_NATT,
};

FIXTURE_VARIANT_ADD(dropped, chacha20) {
	.algorithm = 2, .local = "127.0.0.2", .kernel = "127.0.0.1",
	.kind = IKEFP_LISTENER_KIND_IKE,
};

FIXTURE_VARIANT_ADD(dropped, cbc) {
	.algorithm = 6, .local = "::1", .kernel = "::1",
	.kind = IKEFP_LISTENER_KIND_NATT,
};

FIXTURE_SETUP(dropped)
{
	open_ends(&self->ends, variant->algorithm, false, variant->local, variant->kernel,
		  variant->kind);
	self->client = self->ends.client;
	self->peer = self->ends.peer;
	self->inner = self->ends.inner;
}

FIXTURE_TEARDOWN(dropped)
{
	close_ends(&self->ends);
}

/* No IV is used twice (RFC 5282 section 3.1, RFC 7296 section 3.14). */
TEST_F(dropped, ivs_differ)
{
	size_t iv_len = self->peer->keys.algorithm->iv_len;
	uint8_t ivs[16][16];
	uint32_t id;
	int i, j;

	for (i = 0; i < 16; i++) {
		id = peer_kernel_requests(self->peer, self->client, CREATE_CHILD_SA, PAYLOAD_IDI,
					  self->inner, 8);
		peer_expect(self->peer);
		memcpy(ivs[i], self->peer->got + HEADER_LEN + SK_HEADER_LEN, iv_len);
		for (j = 0; j < i; j++)
			ASSERT_NE(0, memcmp(ivs[i], ivs[j], iv_len));
		peer_send_response(self->peer, CREATE_CHILD_SA, id, 0, NULL, 0);
		client_wait_message(self->client);
	}
}

/* Whatever was dropped, the next good request is taken. */
static const char *good_request(struct client *client, struct peer *peer, const uint8_t *inner)
{
	uint32_t id = peer->next_out;

	client_count_anew(client);
	peer_send_request(peer, IKE_AUTH, PAYLOAD_IDI, inner, 20);
	if (!is_upcall(client_wait_message(client), peer, false, IKE_AUTH, id, inner, 20))
		return "another upcall";
	peer_kernel_responds(peer, client, IKE_AUTH, id, PAYLOAD_IDI, inner, 20);
	peer_expect(peer);
	return client_counted(client, "rx-messages+1 tx-messages+1 upcalls+1");
}

#define EXPECT_GOOD_REQUEST() \
	EXPECT_STREQ("rx-messages+1 tx-messages+1 upcalls+1", \
		     good_request(self->client, self->peer, self->inner))

/* A request with the next ID, sealed as @options say, not sent. */
static size_t seal(struct peer *peer, const struct sk_options *options, uint8_t first_payload,
		   const void *inner, size_t len, uint8_t *message)
{
	struct ike_header header = peer_header(peer, IKE_AUTH, peer->next_out, false);

	return sk_seal(&peer->keys, &header, options, first_payload, inner, len, message);
}

/* A sender may pad by up to 255 octets (RFC 7296 section 3.14). */
TEST_F(dropped, long_padding)
{
	const struct sk_algorithm *algorithm = self->peer->keys.algorithm;
	struct sk_options options = {};
	uint8_t message[1024];
	uint32_t id;

	for (;;) {
		size_t step = algorithm->block_len == 1 ? 17 : algorithm->block_len;
		size_t least = (algorithm->block_len - 21 % algorithm->block_len) %
			       algorithm->block_len;

		if (least + options.extra_padding > 255)
			break;
		id = self->peer->next_out;
		peer_send(self->peer, message, seal(self->peer, &options, PAYLOAD_IDI,
						    self->inner, 20, message));
		self->peer->next_out++;
		ASSERT_TRUE(is_upcall(client_wait_message(self->client), self->peer, false,
				      IKE_AUTH, id, self->inner, 20));
		peer_kernel_responds(self->peer, self->client, IKE_AUTH, id, PAYLOAD_IDI,
				     self->inner, 20);
		peer_expect(self->peer);
		options.extra_padding += step;
	}
	ASSERT_LT(200, options.extra_padding);
}

/* One bit wrong, in each octet: never authentic, and nothing has changed. */
TEST_F(dropped, corrupted)
{
	uint8_t message[256], wrong[256];
	size_t len = seal(self->peer, NULL, PAYLOAD_IDI, self->inner, 20, message);
	size_t i;

	for (i = HEADER_LEN + SK_HEADER_LEN; i < len; i++) {
		memcpy(wrong, message, len);
		wrong[i] ^= 1 << i % 8;
		peer_send(self->peer, wrong, len);
		ASSERT_STREQ("rx-messages+1 drop-integrity+1",
			     client_counted(self->client, "rx-messages+1 drop-integrity+1"));
	}
	/* Authentic is what stands before, too. */
	memcpy(wrong, message, len);
	wrong[HEADER_LEN] = PAYLOAD_NOTIFY;
	peer_send(self->peer, wrong, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-integrity+1");
	memcpy(wrong, message, len);
	wrong[18] = CREATE_CHILD_SA;
	peer_send(self->peer, wrong, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-integrity+1");
	memcpy(wrong, message, len);
	wrong[19] |= 0x10;
	peer_send(self->peer, wrong, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-integrity+1");
	EXPECT_GOOD_REQUEST();
}

/* Cut anywhere, with lengths that say so. */
TEST_F(dropped, truncated)
{
	const struct sk_algorithm *algorithm = self->peer->keys.algorithm;
	size_t least = HEADER_LEN + SK_HEADER_LEN + algorithm->iv_len + algorithm->block_len +
		       algorithm->icv_len;
	uint8_t message[256], cut[256];
	size_t len = seal(self->peer, NULL, PAYLOAD_IDI, self->inner, 20, message);
	size_t i;

	for (i = HEADER_LEN; i < len; i++) {
		const char *want = "rx-messages+1 drop-malformed+1";

		memcpy(cut, message, len);
		put32(cut + 24, i);
		if (i >= HEADER_LEN + SK_HEADER_LEN)
			put16(cut + HEADER_LEN + 2, i - HEADER_LEN);
		peer_send(self->peer, cut, i);
		if (i >= least && (i - least) % algorithm->block_len == 0)
			want = "rx-messages+1 drop-integrity+1";
		ASSERT_STREQ(want, client_counted(self->client, want)) {
			TH_LOG("%zu of %zu octets", i, len);
		}
	}
	EXPECT_GOOD_REQUEST();
}

/* Authentic, and yet wrong. */
TEST_F(dropped, malformed)
{
	const struct sk_algorithm *algorithm = self->peer->keys.algorithm;
	struct sk_options options = {};
	uint8_t message[512];
	size_t len;

	/* Padding longer than all there is. 20 and 43 octets end a block of 16 or 64. */
	options.pad_length = algorithm->block_len == 1 ? 21 : 32;
	peer_send(self->peer, message,
		  seal(self->peer, &options, PAYLOAD_IDI, self->inner, 20, message));
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-malformed+1");
	options.pad_length = 255;
	peer_send(self->peer, message,
		  seal(self->peer, &options, PAYLOAD_IDI, self->inner, 20, message));
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-malformed+1");

	/* A first payload, and none there; none, and octets there. */
	peer_send(self->peer, message,
		  seal(self->peer, NULL, PAYLOAD_IDI, NULL, 0, message));
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-malformed+1");
	peer_send(self->peer, message,
		  seal(self->peer, NULL, PAYLOAD_NONE, self->inner, 20, message));
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-malformed+1");

	/* The SK payload must fill the message. */
	len = seal(self->peer, NULL, PAYLOAD_IDI, self->inner, 20, message);
	put16(message + HEADER_LEN + 2, len - HEADER_LEN - 1);
	peer_send(self->peer, message, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-malformed+1");
	put16(message + HEADER_LEN + 2, len - HEADER_LEN + 1);
	peer_send(self->peer, message, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-malformed+1");

	/* First payloads that are not SK. */
	len = seal(self->peer, NULL, PAYLOAD_IDI, self->inner, 20, message);
	message[16] = PAYLOAD_SKF;
	peer_send(self->peer, message, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-fragment+1");
	message[16] = PAYLOAD_NOTIFY;
	peer_send(self->peer, message, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-not-sealed+1");
	message[16] = PAYLOAD_NONE;
	peer_send(self->peer, message, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-not-sealed+1");
	EXPECT_GOOD_REQUEST();
}

/* Sealed with the keys of the other direction: a message sent back to its sender. */
TEST_F(dropped, wrong_keys)
{
	struct sk_keys keys = self->peer->keys, other;
	uint8_t message[256];

	memcpy(self->peer->keys.ei, keys.er, sizeof(keys.ei));
	memcpy(self->peer->keys.er, keys.ei, sizeof(keys.er));
	memcpy(self->peer->keys.ai, keys.ar, sizeof(keys.ai));
	memcpy(self->peer->keys.ar, keys.ai, sizeof(keys.ar));
	peer_send(self->peer, message,
		  seal(self->peer, NULL, PAYLOAD_IDI, self->inner, 20, message));
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-integrity+1");
	sk_keys_make(&other, keys.algorithm);
	self->peer->keys = other;
	peer_send(self->peer, message,
		  seal(self->peer, NULL, PAYLOAD_IDI, self->inner, 20, message));
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-integrity+1");
	self->peer->keys = keys;
	EXPECT_GOOD_REQUEST();
}

/* A response that is not authentic does not end the request. */
TEST_F(dropped, wrong_response)
{
	uint8_t message[256];
	struct ike_header header;
	uint32_t id;
	size_t len;

	id = peer_kernel_requests(self->peer, self->client, CREATE_CHILD_SA, PAYLOAD_IDI,
				  self->inner, 20);
	peer_expect(self->peer);
	client_count_anew(self->client);
	header = peer_header(self->peer, CREATE_CHILD_SA, id, true);
	len = sk_seal(&self->peer->keys, &header, NULL, PAYLOAD_IDI, self->inner, 20, message);
	message[len - 1] ^= 1;
	peer_send(self->peer, message, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-integrity+1");

	/* Authentic, but of another exchange or ID. */
	header.exchange_type = INFORMATIONAL;
	len = sk_seal(&self->peer->keys, &header, NULL, PAYLOAD_IDI, self->inner, 20, message);
	peer_send(self->peer, message, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-stale-response+1");
	header.exchange_type = CREATE_CHILD_SA;
	header.message_id++;
	len = sk_seal(&self->peer->keys, &header, NULL, PAYLOAD_IDI, self->inner, 20, message);
	peer_send(self->peer, message, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-stale-response+1");

	peer_send_response(self->peer, CREATE_CHILD_SA, id, PAYLOAD_IDI, self->inner, 20);
	ASSERT_TRUE(is_upcall(client_wait_message(self->client), self->peer, true,
			      CREATE_CHILD_SA, id, self->inner, 20));
	EXPECT_COUNTED(self->client, "rx-messages+1 upcalls+1");
	/* And once only. */
	peer_send_again(self->peer);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-stale-response+1");
}

MODULE_TEST_MAIN
