// SPDX-License-Identifier: GPL-2.0
/*
 * IKE by TCP streams (RFC 9329), against a peer in the test that has the other end of each
 * connection: in both roles, opened by either end; what happens to requests when a stream is
 * cut; streams that are not what they should be, which are closed, each with its counter; and
 * that nothing of a stream keeps the module or the namespace.
 */

#include "kselftest_harness.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "client.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"
#include "tcp.h"

#define SPI 0x0102030405060708ull
#define PORT 4500
#define LONG_LEN 60000

FIXTURE(tcp)
{
	struct client *client;
	struct peer *peer;
	uint8_t inner[MESSAGE_SIZE];
};

FIXTURE_VARIANT(tcp)
{
	const char *local, *kernel;
	bool originates; /* the kernel has opened the connection, */
	bool initiates; /* the IKE SA */
};

FIXTURE_VARIANT_ADD(tcp, v4_opened) {
	.local = "127.0.0.2", .kernel = "127.0.0.1", .originates = true, .initiates = true,
};

FIXTURE_VARIANT_ADD(tcp, v4_accepted) {
	.local = "127.0.0.2", .kernel = "127.0.0.1",
};

FIXTURE_VARIANT_ADD(tcp, v6_opened) {
	.local = "::1", .kernel = "::1", .originates = true, .initiates = true,
};

FIXTURE_VARIANT_ADD(tcp, v6_accepted) {
	.local = "::1", .kernel = "::1",
};

FIXTURE_SETUP(tcp)
{
	size_t i;

	netns_new();
	self->client = client_open(CLIENT_WORKER);
	client_let_all_in(self->client);
	for (i = 0; i < sizeof(self->inner); i++)
		self->inner[i] = i * 7 + (i >> 8);
	self->peer = peer_open_stream(self->client, variant->local, variant->kernel, PORT,
				      variant->originates);
	EXPECT_COUNTED(self->client, "streams+1 streams-opened+1");
}

FIXTURE_TEARDOWN(tcp)
{
	peer_close(self->peer);
	client_close(self->client);
}

/* An IKE SA, established, whose messages go by the stream. */
static void set_up(FIXTURE_DATA(tcp) *self, const FIXTURE_VARIANT(tcp) *variant)
{
	if (variant->initiates)
		peer_init_kernel_initiates(self->peer, self->client, SPI, &sk_algorithms[0]);
	else
		peer_init_kernel_responds(self->peer, self->client, SPI, &sk_algorithms[0]);
	peer_establish(self->peer, self->client);
	client_count_anew(self->client);
}

/* One more connection, of the kind of the first. Returns the first's socket. */
static int other_stream(FIXTURE_DATA(tcp) *self, const FIXTURE_VARIANT(tcp) *variant)
{
	return peer_take_stream(self->peer, self->client, variant->local, variant->kernel, PORT,
				variant->originates);
}

/* The helper moves the SA to the peer's stream. */
static int move_sa(FIXTURE_DATA(tcp) *self)
{
	const struct ikefp_endpoint endpoint = { .stream = self->peer->stream };
	const struct ikefp_sa_change change = {
		.spi = self->peer->kernel_spi, .endpoint = &endpoint,
	};

	return ikefp_sa_set(self->client->nl, &change);
}

static void answer(FIXTURE_DATA(tcp) *self)
{
	peer_send_response(self->peer, self->peer->got_header.exchange_type,
			   self->peer->got_header.message_id, PAYLOAD_NONE, NULL, 0);
}

/* The worker is told that a stream has ended. */
static bool told(FIXTURE_DATA(tcp) *self, uint32_t stream)
{
	struct upcall *upcall = client_wait(self->client, PATIENCE_MS);

	return upcall && upcall->kind == UPCALL_STREAM_CLOSED && upcall->stream == stream;
}

TEST_F(tcp, both_ways)
{
	static const size_t lens[] = { 0, 1, 100, 4089, 5000, LONG_LEN };
	const struct ikefp_message_in *got;
	struct ikefp_stream_info stream;
	struct ikefp_sa_info sa;
	size_t i;

	set_up(self, variant);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &sa));
	EXPECT_EQ(self->peer->stream, sa.endpoint.stream);
	EXPECT_TRUE(address_same(&self->peer->kernel, &sa.endpoint.local));
	EXPECT_TRUE(address_same(&self->peer->local, &sa.endpoint.remote));
	ASSERT_EQ(0, ikefp_stream_get(self->client->nl, self->peer->stream, &stream));
	EXPECT_EQ(1, stream.sas);
	EXPECT_EQ(variant->originates, stream.originator);
	EXPECT_EQ(ikefp_worker_portid(self->client->nl), stream.worker);
	EXPECT_TRUE(address_same(&self->peer->local, &stream.endpoint.remote));

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		uint8_t first = lens[i] ? PAYLOAD_NOTIFY : PAYLOAD_NONE;

		peer_kernel_requests(self->peer, self->client, CREATE_CHILD_SA, first,
				     self->inner, lens[i]);
		peer_expect(self->peer);
		EXPECT_STREQ("", peer_open_message(self->peer));
		EXPECT_EQ((ssize_t)lens[i], self->peer->inner_len);
		EXPECT_EQ(0, memcmp(self->inner, self->peer->inner, lens[i]));
		peer_send_response(self->peer, CREATE_CHILD_SA, self->peer->got_header.message_id,
				   first, self->inner, lens[i]);
		got = client_wait_message(self->client);
		EXPECT_TRUE(got->response);
		ASSERT_EQ(lens[i], got->payload.len);
		EXPECT_EQ(0, memcmp(self->inner, got->payload.data, lens[i]));
		EXPECT_EQ(self->peer->stream, got->endpoint.stream);

		peer_send_request(self->peer, CREATE_CHILD_SA, first, self->inner, lens[i]);
		got = client_wait_message(self->client);
		EXPECT_FALSE(got->response);
		ASSERT_EQ(lens[i], got->payload.len);
		EXPECT_EQ(0, memcmp(self->inner, got->payload.data, lens[i]));
		peer_kernel_responds(self->peer, self->client, CREATE_CHILD_SA, got->message_id,
				     first, self->inner, lens[i]);
		peer_expect(self->peer);
		EXPECT_STREQ("", peer_open_message(self->peer));
		EXPECT_EQ((ssize_t)lens[i], self->peer->inner_len);
	}
	/* The kernel's own, both ways. */
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	EXPECT_STREQ("", peer_open_message(self->peer));
	client_count_anew(self->client);
	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){ .liveness_ms = 100 });
	peer_expect(self->peer);
	answer(self);
	peer_settings(self->peer, self->client, (struct ikefp_sa_settings){ .liveness_ms = 0 });
	EXPECT_EQ(1, client_counter(self->client, IKEFP_A_STATS_STREAMS));
}

/* However the octets are cut on their way. */
TEST_F(tcp, pieces)
{
	uint8_t framed[4096];
	size_t len, at;

	set_up(self, variant);
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	client_count_anew(self->client);
	/* The same message, a duplicate, octet for octet; then two and a half at once. */
	len = MARKER_LEN + self->peer->sent_len;
	put16(framed, STREAM_LENGTH_LEN + len);
	put32(framed + STREAM_LENGTH_LEN, 0);
	memcpy(framed + STREAM_LENGTH_LEN + MARKER_LEN, self->peer->sent, self->peer->sent_len);
	len += STREAM_LENGTH_LEN;
	for (at = 0; at < len; at++)
		tcp_send(self->peer->sock, framed + at, 1);
	peer_expect(self->peer);
	EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 duplicates-answered+1");
	memcpy(framed + len, framed, len);
	memcpy(framed + 2 * len, framed, len);
	tcp_send(self->peer->sock, framed, 2 * len + len / 2);
	peer_expect(self->peer);
	peer_expect(self->peer);
	EXPECT_FALSE(peer_receive(self->peer, 50));
	tcp_send(self->peer->sock, framed + 2 * len + len / 2, len - len / 2);
	peer_expect(self->peer);
	EXPECT_COUNTED(self->client, "rx-messages+3 tx-messages+3 duplicates-answered+3");
}

/* RFC 9329 section 6.2: not by a live stream, but given up like any. */
TEST_F(tcp, no_retransmission)
{
	struct upcall *upcall;
	struct ikefp_sa_info sa;

	set_up(self, variant);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 10);
	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 10);
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 50);
	client_set(self->client, IKEFP_A_POLICY_GIVE_UP_MS, 1000);
	peer_kernel_requests(self->peer, self->client, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	EXPECT_FALSE(peer_receive(self->peer, 500));
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &sa));
	EXPECT_EQ(1, sa.tries);
	EXPECT_EQ(1, sa.outstanding);
	upcall = client_wait(self->client, PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_TIMEOUT, upcall->kind);
	EXPECT_FALSE(peer_receive(self->peer, 0));
	EXPECT_COUNTED(self->client, "tx-messages+1 upcalls+1 exchange-timeouts+1");

	/* By number, as strongSwan's retransmit_tries has it. */
	client_set(self->client, IKEFP_A_POLICY_TRIES, 3);
	peer_kernel_requests(self->peer, self->client, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	upcall = client_wait(self->client, PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_TIMEOUT, upcall->kind);
	EXPECT_FALSE(peer_receive(self->peer, 0));
	EXPECT_COUNTED(self->client, "tx-messages+1 upcalls+1 exchange-timeouts+1");
}

/* A stream is cut while a request is outstanding: it goes out by the next, and is answered. */
TEST_F(tcp, sent_again)
{
	uint8_t request[MESSAGE_SIZE];
	size_t request_len;
	uint32_t first;
	int sock;

	set_up(self, variant);
	first = self->peer->stream;
	peer_kernel_requests(self->peer, self->client, INFORMATIONAL, PAYLOAD_NOTIFY, self->inner,
			     100);
	peer_expect(self->peer);
	request_len = self->peer->got_len;
	memcpy(request, self->peer->got, request_len);
	sock = other_stream(self, variant);
	/* By a stream that is dead nothing can be sent, and by no other of itself. */
	tcp_reset(sock);
	ASSERT_TRUE(told(self, first));
	EXPECT_FALSE(peer_receive(self->peer, 50));
	EXPECT_COUNTED(self->client, "tx-messages+1 streams-opened+1 streams-lost+1");
	if (variant->originates) {
		ASSERT_EQ(0, move_sa(self));
		peer_expect(self->peer);
	} else {
		/* Whoever accepted goes where the peer's latest authentic message came from. */
		peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NOTIFY, self->inner, 50);
		peer_expect(self->peer);
		EXPECT_FALSE(client_wait_message(self->client)->response);
		ASSERT_EQ(UPCALL_MOVED, client_wait(self->client, PATIENCE_MS)->kind);
		EXPECT_EQ(self->peer->stream, self->client->current->endpoint.stream);
	}
	EXPECT_EQ(request_len, self->peer->got_len);
	EXPECT_EQ(0, memcmp(request, self->peer->got, request_len));
	answer(self);
	EXPECT_TRUE(client_wait_message(self->client)->response);
}

/* Of an old message, or of one that is not authentic, nothing goes anywhere. */
TEST_F(tcp, not_moved)
{
	uint8_t message[MESSAGE_SIZE];
	struct ikefp_sa_info sa;
	uint32_t first;
	size_t len;
	int sock;

	set_up(self, variant);
	first = self->peer->stream;
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	len = self->peer->sent_len;
	memcpy(message, self->peer->sent, len);
	sock = other_stream(self, variant);
	client_count_anew(self->client);
	peer_send(self->peer, message, len);
	peer_expect(self->peer);
	EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 duplicates-answered+1");
	message[23]++;
	peer_send(self->peer, message, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-integrity+1");
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &sa));
	EXPECT_EQ(first, sa.endpoint.stream);
	close(sock);
	EXPECT_TRUE(told(self, first));
}

/*
 * The request's stream is cut before the helper has the answer. The peer sends it once more
 * by another, and not again: the answer must go there.
 */
TEST_F(tcp, answer_elsewhere)
{
	const struct ikefp_message_in *request;
	uint32_t first, message_id;
	int sock;

	set_up(self, variant);
	first = self->peer->stream;
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NOTIFY, self->inner, 100);
	request = client_wait_message(self->client);
	message_id = request->message_id;
	sock = other_stream(self, variant);
	close(sock);
	ASSERT_TRUE(told(self, first));
	client_count_anew(self->client);
	peer_send_again(self->peer);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-in-progress+1");
	peer_kernel_responds(self->peer, self->client, INFORMATIONAL, message_id, PAYLOAD_NONE,
			     NULL, 0);
	peer_expect(self->peer);
	EXPECT_STREQ("", peer_open_message(self->peer));
	/* And asked once more by yet another, since that is cut, too. */
	sock = other_stream(self, variant);
	close(sock);
	peer_send_again(self->peer);
	peer_expect(self->peer);
	EXPECT_STREQ("", peer_open_message(self->peer));
}

/*
 * The same, and the stream before is lost to the peer alone: nobody has told the kernel. Whoever
 * saw the request could ask so, too: what was the peer's stream has the answer as well.
 */
TEST_F(tcp, answer_elsewhere_unnoticed)
{
	uint8_t frame[STREAM_SIZE];
	uint32_t message_id;
	int before;

	set_up(self, variant);
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NOTIFY, self->inner, 100);
	message_id = client_wait_message(self->client)->message_id;
	before = other_stream(self, variant);
	client_count_anew(self->client);
	peer_send_again(self->peer);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-in-progress+1");
	peer_kernel_responds(self->peer, self->client, INFORMATIONAL, message_id, PAYLOAD_NONE,
			     NULL, 0);
	peer_expect(self->peer);
	EXPECT_STREQ("", peer_open_message(self->peer));
	ASSERT_EQ((ssize_t)self->peer->got_len + MARKER_LEN,
		  tcp_receive_framed(before, frame, sizeof(frame), PATIENCE_MS));
	EXPECT_EQ(0, memcmp(frame + MARKER_LEN, self->peer->got, self->peer->got_len));
	EXPECT_FALSE(peer_receive(self->peer, 50));
	close(before);
}

/* The peer's stream is cut before IKE_AUTH, which comes by another: the SA goes there. */
TEST_F(tcp, half_open_moves)
{
	const struct ikefp_message_in *request;
	uint32_t first;
	int sock;

	/* Who has opened it moves the SA himself. */
	if (variant->originates)
		return;
	peer_init_kernel_responds(self->peer, self->client, SPI, &sk_algorithms[0]);
	first = self->peer->stream;
	sock = other_stream(self, variant);
	close(sock);
	ASSERT_TRUE(told(self, first));
	peer_send_request(self->peer, IKE_AUTH, PAYLOAD_NOTIFY, self->inner, 50);
	request = client_wait_message(self->client);
	EXPECT_EQ(self->peer->stream, request->endpoint.stream);
	peer_kernel_responds(self->peer, self->client, IKE_AUTH, request->message_id, PAYLOAD_NONE,
			     NULL, 0);
	peer_expect(self->peer);
	peer_establish(self->peer, self->client);
	peer_kernel_requests(self->peer, self->client, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	EXPECT_STREQ("", peer_open_message(self->peer));
	EXPECT_NULL(client_wait(self->client, 20));
}

/* From one stream to a listener and back, as the helper wants it. */
TEST_F(tcp, to_udp)
{
	struct ikefp_endpoint endpoint = {};
	struct ikefp_sa_change change = { .endpoint = &endpoint };
	struct sockaddr_storage local = address(variant->local, 0);
	uint8_t datagram[MESSAGE_SIZE];
	int udp;

	set_up(self, variant);
	change.spi = self->peer->kernel_spi;
	client_listen(self->client, IKEFP_LISTENER_KIND_NATT, variant->kernel, PORT);
	udp = udp_open(&local);
	endpoint.local = address(variant->kernel, PORT);
	endpoint.remote = udp_local(udp);
	peer_kernel_requests(self->peer, self->client, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	ASSERT_EQ(0, ikefp_sa_set(self->client->nl, &change));
	ASSERT_EQ(MARKER_LEN + self->peer->got_len,
		  udp_receive(udp, datagram, sizeof(datagram), PATIENCE_MS, NULL, NULL));
	EXPECT_EQ(0, memcmp(datagram + MARKER_LEN, self->peer->got, self->peer->got_len));
	/* There it is retransmitted again. */
	EXPECT_LT(0, udp_receive(udp, datagram, sizeof(datagram), PATIENCE_MS, NULL, NULL));
	ASSERT_EQ(0, move_sa(self));
	peer_expect(self->peer);
	answer(self);
	EXPECT_TRUE(client_wait_message(self->client)->response);
	close(udp);
}

/* An SA and the one in its place go by one stream; it stays as long as one of them does. */
TEST_F(tcp, rekeyed)
{
	struct ikefp_stream_info stream;
	struct sk_keys keys;
	struct ikefp_keys for_module;
	const struct ikefp_sa_rekeyed rekeyed = {
		.new_spi = SPI + 1, .peer_spi = SPI + 2, .role = IKEFP_ROLE_INITIATOR,
		.keys = &for_module,
	};
	struct ikefp_sa_rekeyed with_spi = rekeyed;
	struct ikefp_sa_info sa;

	set_up(self, variant);
	client_set(self->client, IKEFP_A_POLICY_HALF_OPEN_MS, 500);
	sk_keys_make(&keys, &sk_algorithms[0]);
	for_module = sk_keys_for_module(&keys);
	with_spi.spi = self->peer->kernel_spi;
	ASSERT_EQ(0, ikefp_sa_rekey(self->client->nl, &with_spi));
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI + 1, &sa));
	EXPECT_EQ(self->peer->stream, sa.endpoint.stream);
	ASSERT_EQ(0, ikefp_stream_get(self->client->nl, self->peer->stream, &stream));
	EXPECT_EQ(2, stream.sas);
	ASSERT_EQ(0, ikefp_sa_del(self->client->nl, self->peer->kernel_spi));
	ASSERT_EQ(0, ikefp_stream_get(self->client->nl, self->peer->stream, &stream));
	EXPECT_EQ(1, stream.sas);
	EXPECT_FALSE(tcp_ends(self->peer->sock, 2500));
	ASSERT_EQ(0, ikefp_sa_del(self->client->nl, SPI + 1));
	EXPECT_TRUE(tcp_ends(self->peer->sock, PATIENCE_MS));
	EXPECT_TRUE(told(self, self->peer->stream));
	EXPECT_EQ(1, client_counter(self->client, IKEFP_A_STATS_STREAMS_UNUSED));
}

/* The helper closes one; what was sent before arrives. Nobody is told what he did himself. */
TEST_F(tcp, closed)
{
	uint8_t octet;

	set_up(self, variant);
	peer_kernel_requests(self->peer, self->client, INFORMATIONAL, PAYLOAD_NOTIFY, self->inner,
			     LONG_LEN);
	ASSERT_EQ(0, ikefp_stream_del(self->client->nl, self->peer->stream));
	peer_expect(self->peer);
	EXPECT_STREQ("", peer_open_message(self->peer));
	EXPECT_EQ(0, recv(self->peer->sock, &octet, 1, 0));
	EXPECT_EQ(-ENOENT, ikefp_stream_del(self->client->nl, self->peer->stream));
	EXPECT_EQ(-ENOENT, move_sa(self));
	EXPECT_NULL(client_wait(self->client, 50));
	EXPECT_COUNTED(self->client, "tx-messages+1 streams-1");
}

/*
 * All that was sent before arrives, though TCP could not take it at once, and though the peer goes
 * on sending, which nobody reads.
 */
TEST_F(tcp, closed_politely)
{
	static const int copies = 5;
	uint8_t octets[1000] = {};
	int i;

	set_up(self, variant);
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NOTIFY, self->inner, 50);
	peer_kernel_responds(self->peer, self->client, INFORMATIONAL,
			     client_wait_message(self->client)->message_id, PAYLOAD_NOTIFY,
			     self->inner, LONG_LEN);
	for (i = 0; i < copies; i++)
		peer_send_again(self->peer);
	EXPECT_COUNTED(self->client,
		       "rx-messages+6 tx-messages+6 upcalls+1 duplicates-answered+5");
	ASSERT_EQ(0, ikefp_stream_del(self->client->nl, self->peer->stream));
	EXPECT_COUNTED(self->client, "streams-1");
	for (i = 0; i <= copies; i++) {
		tcp_send(self->peer->sock, octets, sizeof(octets));
		peer_expect(self->peer);
		EXPECT_STREQ("", peer_open_message(self->peer));
	}
	EXPECT_EQ(0, recv(self->peer->sock, octets, 1, 0));
}

/* The peer does not close its end: it has so long, and no longer. */
TEST_F(tcp, closed_by_one)
{
	uint8_t octet = 0;
	int i;

	/* Once is long enough. */
	if (variant->originates || strchr(variant->local, ':'))
		return;
	set_up(self, variant);
	ASSERT_EQ(0, ikefp_stream_del(self->client->nl, self->peer->stream));
	EXPECT_EQ(0, recv(self->peer->sock, &octet, 1, 0));
	for (i = 0; i < 300 && send(self->peer->sock, &octet, 1, MSG_NOSIGNAL) == 1; i++)
		poll(NULL, 0, 100);
	EXPECT_LT(50, i);
	EXPECT_LT(i, 300);
}

/* What a stream can begin with that is none, or go on with: it is closed at once. */
TEST_F(tcp, bad_octets)
{
	static const struct {
		const char *name;
		bool after_prefix;
		size_t len;
		uint8_t octets[16];
		const char *counted;
	} bad[] = {
		{ "another first octet", false, 1, { 'X' }, "streams-bad-prefix+1" },
		{ "another last octet", false, 6, "IKETCQ", "streams-bad-prefix+1" },
		{ "HTTP", false, 5, "GET /", "streams-bad-prefix+1" },
		{ "length 0", true, 2, { 0, 0 }, "streams-bad-length+1" },
		{ "length 1", true, 2, { 0, 1 }, "streams-bad-length+1" },
		{ "length 2", true, 2, { 0, 2 }, "streams-bad-length+1" },
		{ "a datagram and an octet", true, 2, { 0xff, 0xe6 }, "streams-bad-length+1" },
		{ "the longest length", true, 2, { 0xff, 0xff }, "streams-bad-length+1" },
	};
	size_t i;

	set_up(self, variant);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sockaddr_storage local = address(variant->local, 0);
		struct sockaddr_storage kernel = address(variant->kernel, PORT);
		int listening = tcp_listen(&kernel);
		int sock = tcp_connect(&local, &kernel);
		char counted[64];
		uint32_t stream;

		ASSERT_EQ(0, ikefp_stream_add(self->client->nl, tcp_accept(listening), false,
					      ikefp_worker_portid(self->client->nl), &stream));
		close(listening);
		if (bad[i].after_prefix)
			tcp_send(sock, STREAM_PREFIX, STREAM_PREFIX_LEN);
		tcp_send(sock, bad[i].octets, bad[i].len);
		EXPECT_TRUE(tcp_ends(sock, PATIENCE_MS)) {
			TH_LOG("%s", bad[i].name);
		}
		EXPECT_TRUE(told(self, stream));
		snprintf(counted, sizeof(counted), "streams-opened+1 %s", bad[i].counted);
		EXPECT_COUNTED(self->client, counted) {
			TH_LOG("%s", bad[i].name);
		}
		close(sock);
	}
	/* The first goes on. */
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
}

/* Messages that are dropped, one after the other; a good one in between begins anew. */
TEST_F(tcp, corrupt)
{
	uint8_t octets[64] = {};
	uint8_t keepalive = 0xff;
	int i;

	set_up(self, variant);
	tcp_send_framed(self->peer->sock, &keepalive, 1);
	EXPECT_COUNTED(self->client, "rx-keepalive+1");
	for (i = 0; i < 15; i++)
		tcp_send_framed(self->peer->sock, octets, i % 2 ? 3 : 8);
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	EXPECT_COUNTED(self->client,
		       "rx-messages+9 tx-messages+1 liveness-answered+1 drop-short+15");
	for (i = 0; i < 16; i++)
		tcp_send_framed(self->peer->sock, octets, 3);
	EXPECT_TRUE(tcp_ends(self->peer->sock, PATIENCE_MS));
	EXPECT_TRUE(told(self, self->peer->stream));
	EXPECT_COUNTED(self->client, "drop-short+16 streams-1 streams-corrupt+1");
}

/* A message that does not become whole; one by which no SA goes. */
TEST_F(tcp, slow)
{
	uint8_t octets[] = { 0x20, 0x00, 0, 0, 0, 0 };
	int i;

	set_up(self, variant);
	client_set(self->client, IKEFP_A_POLICY_REASSEMBLY_MS, 500);
	for (i = 0; i < 6; i++)
		tcp_send(self->peer->sock, octets + i, 1);
	/* Now and then an octet makes no difference. */
	for (i = 0; i < 100 && !tcp_ends(self->peer->sock, 100); i++)
		send(self->peer->sock, octets + 2, 1, MSG_NOSIGNAL);
	EXPECT_LT(i, 100);
	EXPECT_TRUE(told(self, self->peer->stream));
	EXPECT_COUNTED(self->client, "streams-1 streams-slow+1");
}

TEST_F(tcp, unused)
{
	client_set(self->client, IKEFP_A_POLICY_HALF_OPEN_MS, 500);
	EXPECT_TRUE(tcp_ends(self->peer->sock, PATIENCE_MS));
	EXPECT_TRUE(told(self, self->peer->stream));
	EXPECT_COUNTED(self->client, "streams-1 streams-unused+1");
}

/* The prefix can be slow, too. */
TEST_F(tcp, unused_prefix)
{
	struct sockaddr_storage local = address(variant->local, 0);
	struct sockaddr_storage kernel = address(variant->kernel, PORT + 1);
	int listening = tcp_listen(&kernel);
	int sock = tcp_connect(&local, &kernel);
	uint32_t stream;

	client_set(self->client, IKEFP_A_POLICY_REASSEMBLY_MS, 500);
	ASSERT_EQ(0, ikefp_stream_add(self->client->nl, tcp_accept(listening), false, 0, &stream));
	tcp_send(sock, STREAM_PREFIX, 3);
	EXPECT_TRUE(tcp_ends(sock, PATIENCE_MS));
	EXPECT_COUNTED(self->client, "streams-opened+1 streams-slow+1");
	close(sock);
	close(listening);
}

/* Of a source no more than max-half-open-source wait for an SA, of all max-half-open. */
TEST_F(tcp, half_open_flood)
{
	struct sockaddr_storage local = address(variant->local, 0);
	struct sockaddr_storage kernel = address(variant->kernel, PORT + 1);
	int listening = tcp_listen(&kernel);
	int socks[5];
	uint32_t stream;
	int i;

	set_up(self, variant);
	client_set(self->client, IKEFP_A_POLICY_MAX_HALF_OPEN_SOURCE, 3);
	for (i = 0; i < 5; i++) {
		socks[i] = tcp_connect(&local, &kernel);
		EXPECT_EQ(i < 3 ? 0 : -ENOSPC,
			  ikefp_stream_add(self->client->nl, tcp_accept(listening), false, 0,
					   &stream));
		/* Refused, it is closed by the helper. */
		EXPECT_EQ(i >= 3, tcp_ends(socks[i], i >= 3 ? PATIENCE_MS : 20));
	}
	EXPECT_COUNTED(self->client, "streams+3 streams-opened+3 drop-stream-source-limit+2");
	client_set(self->client, IKEFP_A_POLICY_MAX_HALF_OPEN_SOURCE, 100);
	client_set(self->client, IKEFP_A_POLICY_MAX_HALF_OPEN, 3);
	close(socks[4]);
	socks[4] = tcp_connect(&local, &kernel);
	EXPECT_EQ(-ENOSPC, ikefp_stream_add(self->client->nl, tcp_accept(listening), false, 0,
					    &stream));
	EXPECT_COUNTED(self->client, "drop-stream-limit+1");
	client_set(self->client, IKEFP_A_POLICY_MAX_HALF_OPEN, 1000);
	client_set(self->client, IKEFP_A_POLICY_MAX_STREAMS, 4);
	close(socks[4]);
	socks[4] = tcp_connect(&local, &kernel);
	EXPECT_EQ(-ENOSPC, ikefp_stream_add(self->client->nl, tcp_accept(listening), false, 0,
					    &stream));
	EXPECT_COUNTED(self->client, "drop-stream-limit+1");
	for (i = 0; i < 5; i++)
		close(socks[i]);
	EXPECT_COUNTED(self->client, "streams-3 streams-lost+3");
	close(listening);
	/* That by which an SA goes is as before. */
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
}

/* It asks for answers and reads none. */
TEST_F(tcp, stalled_reader)
{
	uint8_t framed[4096];
	size_t len;
	int i;

	set_up(self, variant);
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NOTIFY, self->inner, 50);
	peer_kernel_responds(self->peer, self->client, INFORMATIONAL,
			     client_wait_message(self->client)->message_id, PAYLOAD_NOTIFY,
			     self->inner, LONG_LEN);
	peer_expect(self->peer);
	len = MARKER_LEN + self->peer->sent_len;
	put16(framed, STREAM_LENGTH_LEN + len);
	put32(framed + STREAM_LENGTH_LEN, 0);
	memcpy(framed + STREAM_LENGTH_LEN + MARKER_LEN, self->peer->sent, self->peer->sent_len);
	len += STREAM_LENGTH_LEN;
	for (i = 0; i < 100000 && send(self->peer->sock, framed, len, MSG_NOSIGNAL) > 0; i++)
		;
	EXPECT_LT(i, 100000);
	EXPECT_TRUE(told(self, self->peer->stream));
	EXPECT_EQ(1, client_counter(self->client, IKEFP_A_STATS_STREAMS_STALLED));
}

/* The worker is gone, and nothing can wait for the next. */
static void no_room(FIXTURE_DATA(tcp) *self)
{
	client_close(self->client);
	self->client = client_open(0);
	client_set(self->client, IKEFP_A_POLICY_MAX_WAITING_OCTETS, 0);
	while (!client_counter(self->client, IKEFP_A_STATS_ORPHANS))
		poll(NULL, 0, 1);
	client_count_anew(self->client);
}

/* There is no room for what is the worker's: the peer is to come back by another stream. */
TEST_F(tcp, overloaded)
{
	set_up(self, variant);
	no_room(self);
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NOTIFY, self->inner, 50);
	/* It has 5 s. */
	EXPECT_TRUE(tcp_ends(self->peer->sock, 5000 + PATIENCE_MS));
	EXPECT_LT(0, client_counter(self->client, IKEFP_A_STATS_DROP_WAITING_LIMIT));
	EXPECT_EQ(1, client_counter(self->client, IKEFP_A_STATS_STREAMS_OVERLOADED));
}

/* But not at once: there may be some soon. */
TEST_F(tcp, waits_for_worker)
{
	struct upcall *upcall;

	set_up(self, variant);
	no_room(self);
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NOTIFY, self->inner, LONG_LEN);
	while (client_counter(self->client, IKEFP_A_STATS_DROP_WAITING_LIMIT) < 3)
		poll(NULL, 0, 1);
	client_set(self->client, IKEFP_A_POLICY_MAX_WAITING_OCTETS, 1 << 20);
	client_close(self->client);
	self->client = client_open(CLIENT_WORKER);
	upcall = client_adopt(self->client, self->peer->kernel_spi);
	ASSERT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_FALSE(upcall->info.stream_ended);
	EXPECT_EQ(LONG_LEN, client_wait_message(self->client)->payload.len);
}

/* A stream from an address of its own to itself, of whom nobody knows; sends most of a message. */
static int stranger(FIXTURE_DATA(tcp) *self, const char *format, int number, uint32_t *stream)
{
	struct sockaddr_storage from, to;
	uint8_t octets[9000] = {};
	int listening, sock;
	char text[64];

	snprintf(text, sizeof(text), format, number);
	run("ip address replace %s/%d dev lo %s", text, strchr(text, ':') ? 128 : 32,
	    strchr(text, ':') ? "nodad" : "");
	if (strchr(text, ':'))
		netns_await_local(text);
	to = address(text, PORT + 1);
	listening = tcp_listen(&to);
	from = address(text, 0);
	sock = tcp_connect(&from, &to);
	if (ikefp_stream_add(self->client->nl, tcp_accept(listening), false,
			     ikefp_worker_portid(self->client->nl), stream))
		die("stream-add: %s", ikefp_nl_error(self->client->nl));
	close(listening);
	tcp_send(sock, STREAM_PREFIX, STREAM_PREFIX_LEN);
	put16(octets, 12000);
	tcp_send(sock, octets, sizeof(octets));
	return sock;
}

/*
 * Of the memory for what is not whole strangers get half, and a source a quarter: who is known
 * has room yet.
 */
TEST_F(tcp, strangers_memory)
{
	const char *format = strchr(variant->local, ':') ? "fd00:%d::1" : "127.0.1.%d";
	uint8_t octets[12000] = {};
	uint32_t streams[4];
	int socks[4], i;

	set_up(self, variant);
	/* A message of 12000 octets takes more than 16384. */
	client_set(self->client, IKEFP_A_POLICY_MAX_REASSEMBLY_OCTETS, 90000);
	for (i = 0; i < 3; i++)
		socks[i] = stranger(self, format, 1 + i, &streams[i]);
	EXPECT_TRUE(tcp_ends(socks[2], PATIENCE_MS));
	EXPECT_TRUE(told(self, streams[2]));
	/* Of a source that has one already. */
	socks[3] = stranger(self, format, 1, &streams[3]);
	EXPECT_TRUE(tcp_ends(socks[3], PATIENCE_MS));
	EXPECT_TRUE(told(self, streams[3]));
	EXPECT_COUNTED(self->client, "streams+2 streams-opened+4 streams-overloaded+2");
	/* Who is known goes on, with what is no message, and with the next. */
	put16(octets, sizeof(octets));
	tcp_send(self->peer->sock, octets, sizeof(octets));
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-version+1");
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	for (i = 0; i < 4; i++)
		close(socks[i]);
}

/* Who is known waits for memory, and its peer with it; the time for a message is not running. */
TEST_F(tcp, waits_for_memory)
{
	static const size_t len = 30000;

	set_up(self, variant);
	client_set(self->client, IKEFP_A_POLICY_REASSEMBLY_MS, 100);
	client_set(self->client, IKEFP_A_POLICY_MAX_REASSEMBLY_OCTETS, 1000);
	client_count_anew(self->client);
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NOTIFY, self->inner, len);
	EXPECT_NULL(client_wait(self->client, 2500));
	EXPECT_COUNTED(self->client, "");
	client_set(self->client, IKEFP_A_POLICY_MAX_REASSEMBLY_OCTETS, 1 << 20);
	EXPECT_EQ(len, client_wait_message(self->client)->payload.len);
}

/* What waits to be sent has a bound for all, and for each source. */
TEST_F(tcp, queued_memory)
{
	set_up(self, variant);
	peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NOTIFY, self->inner, 50);
	client_set(self->client, IKEFP_A_POLICY_MAX_STREAM_OCTETS, 4 * 60000);
	peer_kernel_responds(self->peer, self->client, INFORMATIONAL,
			     client_wait_message(self->client)->message_id, PAYLOAD_NOTIFY,
			     self->inner, LONG_LEN);
	EXPECT_TRUE(tcp_ends(self->peer->sock, PATIENCE_MS));
	EXPECT_TRUE(told(self, self->peer->stream));
	EXPECT_EQ(1, client_counter(self->client, IKEFP_A_STATS_STREAMS_OVERLOADED));
}

/* No source has more than half of all streams. */
TEST_F(tcp, source_share)
{
	struct sockaddr_storage local = address(variant->local, 0);
	struct sockaddr_storage kernel = address(variant->kernel, PORT + 1);
	int listening = tcp_listen(&kernel);
	uint32_t stream;
	int socks[2], i;

	client_set(self->client, IKEFP_A_POLICY_MAX_STREAMS, 4);
	for (i = 0; i < 2; i++) {
		socks[i] = tcp_connect(&local, &kernel);
		EXPECT_EQ(i ? -ENOSPC : 0,
			  ikefp_stream_add(self->client->nl, tcp_accept(listening), true, 0,
					   &stream));
	}
	EXPECT_COUNTED(self->client, "streams+1 streams-opened+1 drop-stream-source-limit+1");
	close(socks[0]);
	close(socks[1]);
	close(listening);
}

/*
 * A peer goes by one stream at a time. Those that it has left are as many as strangers may have,
 * however often it changes.
 */
TEST_F(tcp, left)
{
	struct sockaddr_storage local = address(variant->local, 0);
	struct sockaddr_storage kernel = address(variant->kernel, PORT + 1);
	int socks[3], listening, i;
	uint32_t stream;

	/* Where we have opened them, they are our own. */
	if (variant->originates)
		return;
	set_up(self, variant);
	client_set(self->client, IKEFP_A_POLICY_MAX_HALF_OPEN_SOURCE, 2);
	for (i = 0; i < 2; i++) {
		socks[i] = other_stream(self, variant);
		peer_send_request(self->peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
		peer_expect(self->peer);
		ASSERT_EQ(UPCALL_MOVED, client_wait(self->client, PATIENCE_MS)->kind);
	}
	listening = tcp_listen(&kernel);
	socks[2] = tcp_connect(&local, &kernel);
	EXPECT_EQ(-ENOSPC, ikefp_stream_add(self->client->nl, tcp_accept(listening), false, 0,
					    &stream));
	close(listening);
	for (i = 0; i < 3; i++)
		close(socks[i]);
}

/* The helper has died, and the next one finds out what has become of the stream meanwhile. */
TEST_F(tcp, adopted_without_stream)
{
	struct upcall *upcall;
	struct ikefp_sa_info sa;

	set_up(self, variant);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &sa));
	EXPECT_FALSE(sa.stream_ended);
	client_close(self->client);
	self->client = client_open(0);
	while (!client_counter(self->client, IKEFP_A_STATS_ORPHANS))
		poll(NULL, 0, 1);
	client_count_anew(self->client);
	tcp_reset(self->peer->sock);
	EXPECT_COUNTED(self->client, "streams-1 streams-lost+1");
	client_close(self->client);
	self->client = client_open(CLIENT_WORKER);
	upcall = client_adopt(self->client, self->peer->kernel_spi);
	ASSERT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_EQ(self->peer->stream, upcall->info.endpoint.stream);
	EXPECT_TRUE(upcall->info.stream_ended);
	other_stream(self, variant);
	ASSERT_EQ(0, move_sa(self));
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, self->peer->kernel_spi, &sa));
	EXPECT_FALSE(sa.stream_ended);
}

/* Or it is told of it from then on. */
TEST_F(tcp, adopted_with_stream)
{
	struct ikefp_stream_info stream;
	struct upcall *upcall;

	set_up(self, variant);
	client_close(self->client);
	self->client = client_open(CLIENT_WORKER);
	while (!client_counter(self->client, IKEFP_A_STATS_ORPHANS))
		poll(NULL, 0, 1);
	upcall = client_adopt(self->client, self->peer->kernel_spi);
	ASSERT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_FALSE(upcall->info.stream_ended);
	ASSERT_EQ(0, ikefp_stream_get(self->client->nl, self->peer->stream, &stream));
	EXPECT_EQ(ikefp_worker_portid(self->client->nl), stream.worker);
	close(self->peer->sock);
	EXPECT_TRUE(told(self, self->peer->stream));
}

/* It can be any socket but what is no connection, of this namespace, and just once. */
TEST_F(tcp, refused)
{
	struct sockaddr_storage local = address(variant->local, 0);
	struct sockaddr_storage kernel = address(variant->kernel, PORT + 1);
	int listening = tcp_listen(&kernel);
	int pipes[2], here, elsewhere, there, sock, copy;
	uint32_t stream;

	client_count_anew(self->client);
	EXPECT_EQ(-EBADF, ikefp_stream_add(self->client->nl, 999, true, 0, &stream));
	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-ENOTSOCK, ikefp_stream_add(self->client->nl, pipes[0], true, 0, &stream));
	EXPECT_STREQ("fd is no socket of the caller's", ikefp_nl_error(self->client->nl));
	EXPECT_EQ(-EPROTONOSUPPORT,
		  ikefp_stream_add(self->client->nl, udp_open(&local), true, 0, &stream));
	EXPECT_EQ(-EPROTONOSUPPORT,
		  ikefp_stream_add(self->client->nl, socket(AF_UNIX, SOCK_STREAM, 0), true, 0,
				   &stream));
	EXPECT_EQ(-ENOTCONN, ikefp_stream_add(self->client->nl, dup(listening), true, 0, &stream));
	EXPECT_STREQ("the socket is not connected", ikefp_nl_error(self->client->nl));
	EXPECT_EQ(-ENOTCONN,
		  ikefp_stream_add(self->client->nl, socket(local.ss_family, SOCK_STREAM, 0), true,
				   0, &stream));
	sock = tcp_connect(&local, &kernel);
	copy = dup(sock);
	EXPECT_EQ(-ENOENT, ikefp_stream_add(self->client->nl, dup(sock), true, 12345, &stream));
	ASSERT_EQ(0, ikefp_stream_add(self->client->nl, sock, true, 0, &stream));
	EXPECT_EQ(-EBUSY, ikefp_stream_add(self->client->nl, dup(copy), true, 0, &stream));
	/* Of another namespace, in which there is the same port. */
	here = open("/proc/thread-self/ns/net", O_RDONLY);
	elsewhere = netns_new();
	there = tcp_listen(&kernel);
	sock = tcp_connect(&local, &kernel);
	netns_enter(here);
	EXPECT_EQ(-EXDEV, ikefp_stream_add(self->client->nl, sock, true, 0, &stream));
	close(there);
	close(elsewhere);
	close(here);
	EXPECT_COUNTED(self->client, "streams+1 streams-opened+1");
	close(copy);
	close(listening);
}

/* Whatever goes on, the module can go: the peer sees an end. */
TEST_F(tcp, unload)
{
	set_up(self, variant);
	peer_kernel_requests(self->peer, self->client, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(self->peer);
	tcp_send(self->peer->sock, "\x20", 1);
	EXPECT_TRUE(module_take_out_soon());
	EXPECT_TRUE(tcp_ends(self->peer->sock, PATIENCE_MS));
	EXPECT_EQ(0, module_put_back());
	client_close(self->client);
	self->client = client_open(0);
}

/* Nobody is in the namespace any more but the streams: it goes, and they with it. */
TEST(tcp_abandoned)
{
	struct sockaddr_storage kernel = address("10.0.0.1", PORT);
	struct sockaddr_storage local = address("10.0.0.2", 0);
	int outside = netns_new();
	int inside = netns_new();
	struct client *client;
	uint32_t stream;
	int listening, sock, i;

	netns_wire(inside, outside);
	client = client_open(CLIENT_WORKER);
	listening = tcp_listen(&kernel);
	netns_enter(outside);
	sock = tcp_connect(&local, &kernel);
	netns_enter(inside);
	ASSERT_EQ(0, ikefp_stream_add(client->nl, tcp_accept(listening), false, 0, &stream));
	tcp_send(sock, STREAM_PREFIX, STREAM_PREFIX_LEN);
	close(listening);
	EXPECT_FALSE(tcp_ends(sock, 2000));
	client_close(client);
	netns_enter(outside);
	close(inside);
	EXPECT_TRUE(tcp_ends(sock, PATIENCE_MS));
	close(sock);
	/* The wire's other end goes with the namespace. */
	for (i = 0; i < 1000 && !system("ip link show wire >/dev/null 2>&1"); i++)
		poll(NULL, 0, PATIENCE_MS / 1000 + 1);
	EXPECT_LT(i, 1000);
}

MODULE_TEST_MAIN
