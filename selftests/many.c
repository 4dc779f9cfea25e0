// SPDX-License-Identifier: GPL-2.0
/*
 * As many IKE SAs as a large gateway has: a message's way through the module is as long as
 * it is with a few of them, and what they do by themselves comes evenly.
 */

#include "kselftest_harness.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "die.h"
#include "ike.h"
#include "module.h"
#include "netns.h"
#include "sk.h"

#define PEER_SPI 0x1111111111111111ull

/* SAs that are asked for, of however many there are. */
#define PROBES 100

/* An odd factor: each SPI is another. */
#define SPI_FACTOR 0x9e3779b97f4a7c15ull

/* A gateway in a network namespace of its own, and its peers' only socket. */
struct gateway {
	struct client *client;
	struct sk_keys keys;
	struct ikefp_endpoint endpoint;
	int sock; /* connected to the gateway */
	unsigned int number;
	uint8_t known[PROBES][256]; /* an empty INFORMATIONAL request to each */
	uint8_t unknown[PROBES][256]; /* and to an SPI that no SA has */
	size_t len;
};

static uint64_t spi_of(unsigned int i)
{
	return (i + 1) * SPI_FACTOR;
}

static void gateway_open(struct gateway *gateway, enum ikefp_listener_kind kind, int port)
{
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	int room = 8 << 20;

	netns_new();
	*gateway = (struct gateway){
		.client = client_open(CLIENT_WORKER),
		.endpoint = { address("127.0.0.1", port), address("127.0.0.2", port) },
	};
	client_listen(gateway->client, kind, "127.0.0.1", port);
	gateway->sock = udp_open(&gateway->endpoint.remote);
	if (connect(gateway->sock, (struct sockaddr *)&gateway->endpoint.local,
		    address_len(&gateway->endpoint.local)) ||
	    setsockopt(gateway->sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(gateway->sock, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		die("the peers' socket: %s", strerror(errno));
	sk_keys_make(&gateway->keys, &sk_algorithms[0]);
}

static void gateway_close(struct gateway *gateway)
{
	close(gateway->sock);
	client_close(gateway->client);
}

static uint64_t gateway_add(struct gateway *gateway)
{
	uint64_t spi = spi_of(gateway->number);

	if (ikefp_sa_new(gateway->client->nl, spi, &gateway->endpoint))
		die("SA %u: %s", gateway->number, ikefp_nl_error(gateway->client->nl));
	gateway->number++;
	return spi;
}

static void gateway_establish(struct gateway *gateway, uint64_t spi,
			      const struct ikefp_sa_settings *settings)
{
	const struct ikefp_keys keys = sk_keys_for_module(&gateway->keys);
	const struct ikefp_sa_change change = {
		.spi = spi,
		.peer_spi = PEER_SPI,
		.established = true,
		.keys = &keys,
		.settings = settings,
	};

	if (ikefp_sa_set(gateway->client->nl, &change))
		die("SA %016llx: %s", (unsigned long long)spi,
		    ikefp_nl_error(gateway->client->nl));
}

static size_t put_request(struct gateway *gateway, uint64_t spi, uint8_t *message)
{
	const struct ike_header header = {
		.spi_i = spi,
		.spi_r = PEER_SPI,
		.version = 0x20,
		.exchange_type = INFORMATIONAL,
	};

	return sk_seal(&gateway->keys, &header, NULL, PAYLOAD_NONE, NULL, 0, message);
}

/* @number SAs, of which every so many-th is established and is asked for. */
static void gateway_fill(struct gateway *gateway, unsigned int number)
{
	unsigned int i;

	for (i = 0; i < number; i++) {
		uint64_t spi = gateway_add(gateway);
		unsigned int probe = i / (number / PROBES);

		if (i % (number / PROBES) || probe >= PROBES)
			continue;
		gateway_establish(gateway, spi, NULL);
		gateway->len = put_request(gateway, spi, gateway->known[probe]);
		put_request(gateway, spi_of(number + probe), gateway->unknown[probe]);
	}
}

static void gateway_send(struct gateway *gateway, const uint8_t *message)
{
	if (send(gateway->sock, message, gateway->len, 0) != (ssize_t)gateway->len)
		die("cannot send: %s", strerror(errno));
}

/* The time of a request to each probe, which is answered. */
static int64_t time_answered(struct gateway *gateway)
{
	int64_t begin = clock_us();
	uint8_t answer[256];
	unsigned int i;

	for (i = 0; i < PROBES; i++) {
		gateway_send(gateway, gateway->known[i]);
		if (recv(gateway->sock, answer, sizeof(answer), 0) < HEADER_LEN)
			die("no answer: %s", strerror(errno));
	}
	return clock_us() - begin;
}

/* And of one that is dropped: what is sent to this very machine is received at once. */
static int64_t time_dropped(struct gateway *gateway)
{
	int64_t begin = clock_us();
	unsigned int i;

	for (i = 0; i < PROBES; i++)
		gateway_send(gateway, gateway->unknown[i]);
	return clock_us() - begin;
}

FIXTURE(many)
{
	struct gateway gateways[2];
};

FIXTURE_SETUP(many)
{
}

FIXTURE_TEARDOWN(many)
{
}

/*
 * In turns, so that a machine that is busy is so for both; the least of many times is what
 * it takes.
 */
TEST_F_TIMEOUT(many, lookup, 200)
{
	enum { TURNS = 100 };
	const unsigned int numbers[2] = {
		PROBES, 100000 / (clock_scale() * clock_scale()),
	};
	int64_t answered[2] = { INT64_MAX, INT64_MAX };
	int64_t dropped[2] = { INT64_MAX, INT64_MAX };
	int64_t begin, took;
	cpu_set_t cpu;
	int turn, i;

	/* One processor receives all, in its order. */
	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(cpu), &cpu));
	for (i = 0; i < 2; i++) {
		struct gateway *gateway = &self->gateways[i];

		gateway_open(gateway, IKEFP_LISTENER_KIND_IKE, 500);
		begin = clock_us();
		gateway_fill(gateway, numbers[i]);
		TH_LOG("%u SAs made in %lld ms", numbers[i],
		       (long long)(clock_us() - begin) / 1000);
		ASSERT_EQ(numbers[i], client_counter(gateway->client, IKEFP_A_STATS_SAS));
		/* The requests themselves, of which all others are duplicates. */
		time_answered(gateway);
	}
	for (turn = 0; turn < 2 * TURNS; turn++) {
		i = turn % 2;
		took = time_dropped(&self->gateways[i]);
		dropped[i] = took < dropped[i] ? took : dropped[i];
		/* After this, those have all been received. */
		took = time_answered(&self->gateways[i]);
		answered[i] = took < answered[i] ? took : answered[i];
	}
	for (i = 0; i < 2; i++) {
		struct client *client = self->gateways[i].client;

		TH_LOG("%6u SAs: %lld ns a duplicate answered, %lld ns an unknown SPI",
		       numbers[i], (long long)answered[i] * 1000 / PROBES,
		       (long long)dropped[i] * 1000 / PROBES);
		EXPECT_EQ(PROBES, client_counter(client, IKEFP_A_STATS_LIVENESS_ANSWERED));
		EXPECT_EQ(TURNS * PROBES,
			  client_counter(client, IKEFP_A_STATS_DUPLICATES_ANSWERED));
		EXPECT_EQ(TURNS * PROBES,
			  client_counter(client, IKEFP_A_STATS_DROP_UNKNOWN_SPI));
	}
	EXPECT_GT(answered[0] * 3 / 2, answered[1]);
	EXPECT_GT(dropped[0] * 3 / 2, dropped[1]);
	for (i = 0; i < 2; i++)
		gateway_close(&self->gateways[i]);
}

static int compare(const void *a, const void *b)
{
	int64_t difference = *(const int64_t *)a - *(const int64_t *)b;

	return difference < 0 ? -1 : difference > 0;
}

/* How many of them come within so long, at most. Sorts them. */
static unsigned int most_within(int64_t *when_us, unsigned int number, int64_t span_us)
{
	unsigned int first = 0, most = 0, i;

	qsort(when_us, number, sizeof(*when_us), compare);
	for (i = 0; i < number; i++) {
		while (when_us[i] - when_us[first] > span_us)
			first++;
		if (i - first + 1 > most)
			most = i - first + 1;
	}
	return most;
}

/*
 * SAs of one moment, each with the usual keepalives: after 20 s, shortened by a tenth at
 * most. The kernel's timer wheel has but one moment, or two, for all timers of those 2 s.
 */
TEST_F_TIMEOUT(many, keepalives_spread, 60)
{
	enum { NUMBER = 1000, SPAN_US = 250000 };
	const struct ikefp_sa_settings settings = { .behind_nat = true };
	struct gateway *gateway = &self->gateways[0];
	static int64_t when_us[NUMBER];
	unsigned int most, i;
	uint8_t octets[16];

	gateway_open(gateway, IKEFP_LISTENER_KIND_NATT, 4500);
	for (i = 0; i < NUMBER; i++)
		gateway_establish(gateway, gateway_add(gateway), &settings);
	for (i = 0; i < NUMBER; i++)
		ASSERT_EQ(1, udp_receive(gateway->sock, octets, sizeof(octets),
					 20000 + PATIENCE_MS, NULL, &when_us[i]));
	most = most_within(when_us, NUMBER, SPAN_US);
	TH_LOG("%d keepalives in %lld ms, at most %u of them within %d ms", NUMBER,
	       (long long)(when_us[NUMBER - 1] - when_us[0]) / 1000, most, SPAN_US / 1000);
	EXPECT_GT(NUMBER / 3, most);
	gateway_close(gateway);
}

MODULE_TEST_MAIN
