// SPDX-License-Identifier: GPL-2.0
/*
 * Streams that are cut: after each octet of what a peer sends, by every end and in every way;
 * and many at a time, while SAs go from one to another, are rekeyed and deleted, and in the
 * midst of that the module goes, or the namespace. Nothing of them must be left. Meant for a
 * kernel that finds bugs.
 */

#include "kselftest_harness.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "client.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"
#include "tcp.h"

#define SPI 0x0102030405060708ull
#define KERNEL "127.0.0.1"
#define PEER "127.0.0.2"
#define PORT 4500
#define THREADS 4

/* Connections of each thread. */
#define STEPS module_test_size("TCP_CUTS", 300)

enum way { CLOSED, RESET, HALF_CLOSED, DELETED, WAYS };

static void end_stream(struct client *client, int sock, uint32_t stream, enum way way)
{
	switch (way) {
	case CLOSED:
		close(sock);
		break;
	case RESET:
		tcp_reset(sock);
		break;
	case HALF_CLOSED:
		shutdown(sock, SHUT_WR);
		tcp_ends(sock, PATIENCE_MS);
		close(sock);
		break;
	default:
		/* It may have ended already. */
		ikefp_stream_del(client->nl, stream);
		close(sock);
	}
}

static int connected(int listening, int *handed)
{
	struct sockaddr_storage from = address(PEER, 0), to = udp_local(listening);
	int sock = tcp_connect(&from, &to);

	*handed = tcp_accept(listening);
	return sock;
}

/* The prefix and messages, good and bad ones. */
static size_t peer_octets(uint8_t *octets)
{
	size_t len = STREAM_PREFIX_LEN;

	memcpy(octets, STREAM_PREFIX, len);
	/* A keepalive, IKE_SA_INIT, ESP of no state, a message of no SA, a length that is none. */
	put16(octets + len, STREAM_LENGTH_LEN + 1);
	octets[len + STREAM_LENGTH_LEN] = 0xff;
	len += STREAM_LENGTH_LEN + 1;
	put16(octets + len, STREAM_LENGTH_LEN + MARKER_LEN + 64);
	put32(octets + len + STREAM_LENGTH_LEN, 0);
	len += STREAM_LENGTH_LEN + MARKER_LEN;
	len += ike_put_init(octets + len, SPI, 0, 1, 64);
	put16(octets + len, STREAM_LENGTH_LEN + 40);
	memset(octets + len + STREAM_LENGTH_LEN, 0x11, 40);
	len += STREAM_LENGTH_LEN + 40;
	put16(octets + len, STREAM_LENGTH_LEN + MARKER_LEN + 40);
	put32(octets + len + STREAM_LENGTH_LEN, 0);
	memset(octets + len + STREAM_LENGTH_LEN + MARKER_LEN, 0x22, 40);
	len += STREAM_LENGTH_LEN + MARKER_LEN + 40;
	put16(octets + len, 1);
	return len + STREAM_LENGTH_LEN;
}

FIXTURE(tcp_cut)
{
	struct client *client;
	int listening;
	uint8_t octets[512];
	size_t len;
};

FIXTURE_SETUP(tcp_cut)
{
	struct sockaddr_storage addr = address(KERNEL, PORT);

	netns_new();
	self->client = client_open(CLIENT_WORKER);
	client_let_all_in(self->client);
	self->listening = tcp_listen(&addr);
	self->len = peer_octets(self->octets);
}

FIXTURE_TEARDOWN(tcp_cut)
{
	close(self->listening);
	client_close(self->client);
}

static bool all_gone(struct client *client)
{
	int64_t until = clock_us() + PATIENCE_MS * 1000;

	while (client_counter(client, IKEFP_A_STATS_STREAMS)) {
		if (clock_us() > until)
			return false;
		poll(NULL, 0, 2);
	}
	return true;
}

/* After each octet. What it has made lives as long as it would without the stream. */
TEST_F_TIMEOUT(tcp_cut, each_octet, 240)
{
	enum way way;
	size_t at;

	client_set(self->client, IKEFP_A_POLICY_HALF_OPEN_MS, 1000);
	for (at = 0; at <= self->len; at++) {
		for (way = 0; way < WAYS; way++) {
			uint32_t stream;
			int handed, sock = connected(self->listening, &handed);

			/* Half of it before the stream is one. */
			tcp_send(sock, self->octets, at / 2);
			ASSERT_EQ(0, ikefp_stream_add(self->client->nl, handed, false,
						      ikefp_worker_portid(self->client->nl),
						      &stream));
			send(sock, self->octets + at / 2, at - at / 2, MSG_NOSIGNAL);
			end_stream(self->client, sock, stream, way);
			while (client_wait(self->client, 0))
				;
		}
	}
	EXPECT_TRUE(all_gone(self->client));
	for (at = 0; at < 3000 && client_counter(self->client, IKEFP_A_STATS_SAS); at++)
		poll(NULL, 0, 10);
	EXPECT_EQ(0, client_counter(self->client, IKEFP_A_STATS_SAS));
}

/* What a thread has of its own, and shares. */
struct chaos {
	struct client *client;	/* the thread's own */
	unsigned int seed;
	int listening;
	int steps;
	const uint8_t *octets;
	size_t len;
	volatile bool *stop;
};

static void disturb(struct chaos *chaos, uint32_t stream)
{
	const struct ikefp_endpoint endpoint = { .stream = stream };
	const struct ikefp_sa_change move = { .spi = SPI, .endpoint = &endpoint };
	uint64_t spi = SPI + 1 + rand_r(&chaos->seed) % 64;
	static const uint8_t pairs[32] = { 1 };
	const struct ikefp_octets esp_spis = { pairs, sizeof(pairs) };
	const struct ikefp_sa_change esp = { .spi = spi, .esp_spis = &esp_spis };
	struct ikefp_sa_info info;
	uint8_t octets[64];
	const struct ikefp_message_out request = {
		.spi = spi, .raw = true, .payload = { octets, sizeof(octets) },
	};

	/* None of them need succeed. */
	switch (rand_r(&chaos->seed) % 6) {
	case 0:
		ikefp_sa_set(chaos->client->nl, &move);
		break;
	case 1:
		ikefp_sa_new(chaos->client->nl, spi, &endpoint);
		ike_put_init(octets, spi, 0, 3, sizeof(octets));
		ikefp_message_send(chaos->client->nl, &request, NULL);
		break;
	case 2:
		ikefp_sa_set(chaos->client->nl, &esp);
		break;
	case 3:
		ikefp_sa_del(chaos->client->nl, spi);
		break;
	case 4: {
		const struct ikefp_sa_change other = { .spi = spi, .endpoint = &endpoint };

		ikefp_sa_set(chaos->client->nl, &other);
		break;
	}
	default:
		ikefp_sa_get(chaos->client->nl, spi, &info);
	}
}

static void *stir(void *arg)
{
	struct chaos *chaos = arg;
	int i;

	for (i = 0; i < chaos->steps && !*chaos->stop; i++) {
		size_t at = rand_r(&chaos->seed) % (chaos->len + 1);
		bool originator = rand_r(&chaos->seed) % 2;
		struct sockaddr_storage from = address(PEER, 0);
		struct sockaddr_storage to = udp_local(chaos->listening);
		int handed, sock = tcp_connect(&from, &to);
		uint32_t stream = 0;

		handed = accept(chaos->listening, NULL, NULL);
		/* Whichever connection that is the other end of. */
		send(sock, chaos->octets, at, MSG_NOSIGNAL);
		if (ikefp_stream_add(chaos->client->nl, handed, originator, 0, &stream)) {
			close(sock);
			continue;
		}
		disturb(chaos, stream);
		send(sock, chaos->octets + at, chaos->len - at, MSG_NOSIGNAL);
		disturb(chaos, stream);
		end_stream(chaos->client, sock, stream,
			   rand_r(&chaos->seed) % 2 ? RESET : rand_r(&chaos->seed) % 2 ? CLOSED :
			   DELETED);
	}
	return NULL;
}

static void stir_all(FIXTURE_DATA(tcp_cut) *self, struct chaos *chaos, pthread_t *threads,
		     int steps, volatile bool *stop)
{
	int i;

	for (i = 0; i < THREADS; i++) {
		chaos[i] = (struct chaos){
			.client = client_open(0), .seed = 4711 + i, .steps = steps,
			.listening = self->listening, .octets = self->octets,
			.len = self->len, .stop = stop,
		};
		if (pthread_create(&threads[i], NULL, stir, &chaos[i]))
			die("cannot start a thread");
	}
}

TEST_F_TIMEOUT(tcp_cut, at_a_time, 300)
{
	struct chaos chaos[THREADS];
	pthread_t threads[THREADS];
	volatile bool stop = false;
	int i;

	stir_all(self, chaos, threads, STEPS, &stop);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		client_close(chaos[i].client);
	}
	EXPECT_TRUE(all_gone(self->client));
}

/* The module goes in the midst of it, and all its streams have ended. */
TEST_F_TIMEOUT(tcp_cut, unload, 300)
{
	struct chaos chaos[THREADS];
	pthread_t threads[THREADS];
	volatile bool stop = false;
	int round, i;

	for (round = 0; round < 5; round++) {
		stop = false;
		stir_all(self, chaos, threads, 1000000, &stop);
		while (client_counter(self->client, IKEFP_A_STATS_STREAMS_OPENED) <
		       (uint64_t)STEPS / 5)
			poll(NULL, 0, 2);
		EXPECT_TRUE(module_take_out_soon());
		stop = true;
		for (i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		EXPECT_EQ(0, module_put_back());
		for (i = 0; i < THREADS; i++)
			client_close(chaos[i].client);
		client_close(self->client);
		self->client = client_open(CLIENT_WORKER);
		client_let_all_in(self->client);
	}
}

MODULE_TEST_MAIN
