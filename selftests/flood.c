// SPDX-License-Identifier: GPL-2.0
/*
 * Floods from forged sources, past each of the limits in turn: an established SA is
 * served all along, what is counted stays within the limit, and so does the kernel's
 * memory. The flood comes over a wire from another namespace, by a raw socket.
 */

#include "kselftest_harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull
#define LEN 200
#define FLOOD 4000
/* After so many of the flood's requests the established SA is asked for a sign of life. */
#define CHECK_EVERY 200
/*
 * kmod/policy.c says what the memory of a namespace is bounded by: so much for an SA,
 * and for tables of fixed size.
 */
#define SA_MEMORY (16 * 1024)
#define TABLES_MEMORY (256 * 1024)
/*
 * What the kernel has for others meanwhile: slabs that are not full, what waits for a
 * grace period, the worker's socket, the test's own sockets and programs.
 */
#define NOISE (1024 * 1024)

FIXTURE(flood)
{
	int gateway, internet;
	struct client *client;
	struct peer *peer;		/* established */
	int raw;			/* in the internet */
	struct sockaddr_storage to;
	uint64_t next_spi;
};

FIXTURE_VARIANT(flood)
{
	const char *local, *kernel;
};

FIXTURE_VARIANT_ADD(flood, v4) { .local = "10.0.0.2", .kernel = "10.0.0.1" };
FIXTURE_VARIANT_ADD(flood, v6) { .local = "fd00::2", .kernel = "fd00::1" };

typedef FIXTURE_DATA(flood) flood;

static int open_raw(int family)
{
	int sock = socket(family, SOCK_RAW, IPPROTO_RAW);

	if (sock < 0)
		die("no raw socket: %s", strerror(errno));
	return sock;
}

FIXTURE_SETUP(flood)
{
	self->internet = netns_new();
	self->gateway = netns_new();
	netns_wire(self->gateway, self->internet);
	run("ip route add default via 10.0.0.2 && ip -6 route add default via fd00::2");
	self->client = client_open(CLIENT_WORKER);
	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, variant->kernel, 500);
	client_let_all_in(self->client);
	/* None expires within a test. */
	client_set(self->client, IKEFP_A_POLICY_HALF_OPEN_MS, 3600 * 1000);
	client_set(self->client, IKEFP_A_POLICY_HALF_OPEN_FLOOD_MS, 3600 * 1000);
	/* No copy of a request comes in the place of what is waited for, however long that takes. */
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 60000);
	netns_enter(self->internet);
	self->peer = peer_open(variant->local, variant->kernel, 500, IKEFP_LISTENER_KIND_IKE);
	self->to = address(variant->kernel, 0);
	self->raw = open_raw(self->to.ss_family);
	self->next_spi = SPI;
	netns_enter(self->gateway);
	peer_init_kernel_responds(self->peer, self->client, self->next_spi++, &sk_algorithms[0]);
	peer_establish(self->peer, self->client);
	client_count_anew(self->client);
}

FIXTURE_TEARDOWN(flood)
{
	close(self->raw);
	peer_close(self->peer);
	client_close(self->client);
	close(self->gateway);
	close(self->internet);
}

/* The sum of RFC 1071 over octets of even number, not inverted. */
static uint32_t sum(uint32_t so_far, const void *octets, size_t len)
{
	const uint8_t *p = octets;

	for (; len; p += 2, len -= 2)
		so_far += get16(p);
	while (so_far >> 16)
		so_far = (so_far & 0xffff) + (so_far >> 16);
	return so_far;
}

static size_t put_udp(uint8_t *udp, size_t len)
{
	put16(udp, 500);
	put16(udp + 2, 500);
	put16(udp + 4, 8 + len);
	put16(udp + 6, 0);
	return 8 + len;
}

/* One request from source number @source, its octets another each time. */
static void send_forged(flood *self, uint32_t source, size_t len)
{
	uint8_t packet[40 + 8 + 2048] = {};
	bool v4 = self->to.ss_family == AF_INET;
	size_t header = v4 ? 20 : 40;
	uint8_t *udp = packet + header;
	uint16_t check;

	ike_put_init(udp + 8, self->next_spi++, 0, source, len);
	len = put_udp(udp, len);
	if (v4) {
		packet[0] = 0x45;
		packet[8] = 64;
		packet[9] = IPPROTO_UDP;
		put32(packet + 12, 0x0b000000 + source);
		memcpy(packet + 16, &((struct sockaddr_in *)&self->to)->sin_addr, 4);
	} else {
		packet[0] = 0x60;
		put16(packet + 4, len);
		packet[6] = IPPROTO_UDP;
		packet[7] = 64;
		/* A /64 each. */
		put32(packet + 8, 0x20010db8);
		put32(packet + 12, source);
		put32(packet + 20, 1);
		memcpy(packet + 24, &((struct sockaddr_in6 *)&self->to)->sin6_addr, 16);
		check = ~sum(IPPROTO_UDP + len, packet + 8, 32 + len);
		put16(udp + 6, check ? check : 0xffff);
	}
	if (sendto(self->raw, packet, header + len, 0, (struct sockaddr *)&self->to,
		   address_len(&self->to)) < 0 && errno != ENOBUFS)
		die("cannot forge: %s", strerror(errno));
}

/* The established SA does what it is for: the kernel answers, the worker asks and answers. */
static bool served(flood *self, bool worker)
{
	struct peer *peer = self->peer;
	uint32_t id;

	peer_send_request(peer, INFORMATIONAL, 0, NULL, 0);
	peer_expect(peer);
	if (*peer_open_message(peer) || peer->inner_len)
		return false;
	if (!worker)
		return true;
	id = peer_kernel_requests(peer, self->client, INFORMATIONAL, PAYLOAD_NOTIFY,
				  "12345678", 8);
	peer_expect(peer);
	if (*peer_open_message(peer) || peer->inner_len != 8)
		return false;
	peer_send_response(peer, INFORMATIONAL, id, 0, NULL, 0);
	return true;
}

static long meminfo_kib(const char *field)
{
	char line[128];
	size_t len = strlen(field);
	FILE *in = fopen("/proc/meminfo", "r");
	long kib = -1;

	if (!in)
		die("cannot read /proc/meminfo: %s", strerror(errno));
	while (kib < 0 && fgets(line, sizeof(line), in)) {
		if (!strncmp(line, field, len) && line[len] == ':')
			kib = atol(line + len + 1);
	}
	fclose(in);
	if (kib < 0)
		die("/proc/meminfo has no %s", field);
	return kib;
}

/* What the kernel has allocated for itself and cannot take back. */
static long kernel_memory(void)
{
	return (meminfo_kib("SUnreclaim") + meminfo_kib("VmallocUsed")) * 1024;
}

static uint64_t counter(flood *self, int stat)
{
	return client_counter(self->client, stat);
}

/* A flood of single sources while the established SA goes on. */
static void send_flood(struct __test_metadata *_metadata, flood *self, uint32_t sources)
{
	uint32_t i;

	for (i = 0; i < FLOOD; i++) {
		send_forged(self, 1 + i % sources, LEN);
		/* The worker takes what it gets, and never decides. */
		if (i % 16 == 0) {
			while (client_wait(self->client, 0))
				;
		}
		if (i % CHECK_EVERY == 0)
			ASSERT_TRUE(served(self, true));
	}
	ASSERT_TRUE(served(self, true));
}

/* Kernels that look for bugs keep what is freed, and more of what is not. */
static bool memory_can_be_told(void)
{
	return access("/sys/kernel/debug/kmemleak", F_OK);
}

/* Fewer where all takes long. */
static int rounds(void)
{
	return memory_can_be_told() ? 3 : 1;
}

/* Sets a limit and floods past it; @reason is the counter of what is dropped. */
static void flood_past(struct __test_metadata *_metadata, flood *self, int setting, int gauge,
		       int reason, uint32_t sources)
{
	const uint32_t limit = 200;
	uint64_t dropped = counter(self, reason), most = 0;
	long before = kernel_memory(), grown = 0;
	int round;

	client_set(self->client, setting, limit);
	for (round = 0; round < rounds(); round++) {
		send_flood(_metadata, self, sources);
		if (counter(self, gauge) > most)
			most = counter(self, gauge);
		if (kernel_memory() - before > grown)
			grown = kernel_memory() - before;
	}
	dropped = counter(self, reason) - dropped;
	TH_LOG("%s %u: %u requests, %llu dropped for it, the kernel's memory grew by %ld KiB",
	       ikefp_policy_name(setting), limit, rounds() * FLOOD, (unsigned long long)dropped,
	       grown / 1024);
	/* It was reached, and held. */
	EXPECT_EQ(limit, most);
	EXPECT_LE(rounds() * FLOOD - limit, dropped);
	if (memory_can_be_told())
		EXPECT_LE(grown, (long)limit * SA_MEMORY + TABLES_MEMORY + NOISE);
}

TEST_F_TIMEOUT(flood, half_open, 120)
{
	flood_past(_metadata, self, IKEFP_A_POLICY_MAX_HALF_OPEN, IKEFP_A_STATS_HALF_OPEN,
		   IKEFP_A_STATS_DROP_HALF_OPEN_LIMIT, FLOOD);
}

TEST_F_TIMEOUT(flood, sas, 120)
{
	flood_past(_metadata, self, IKEFP_A_POLICY_MAX_SAS, IKEFP_A_STATS_SAS,
		   IKEFP_A_STATS_DROP_SA_LIMIT, FLOOD);
}

TEST_F_TIMEOUT(flood, source, 120)
{
	flood_past(_metadata, self, IKEFP_A_POLICY_MAX_HALF_OPEN_SOURCE, IKEFP_A_STATS_HALF_OPEN,
		   IKEFP_A_STATS_DROP_SOURCE_LIMIT, 1);
}

static int answer(flood *self, uint64_t spi_i, uint64_t spi, size_t len)
{
	static uint8_t octets[8192];
	const struct ikefp_message_out out = {
		.spi = spi, .raw = true,
		.payload = { octets, ike_put_init(octets, spi_i, spi, 1, len) },
	};

	return ikefp_message_send(self->client->nl, &out, NULL);
}

/* The upcall of the IKE_SA_INIT request of this SPI, passing over others. */
static struct upcall *wait_request(flood *self, uint64_t spi_i)
{
	struct upcall *upcall;

	do {
		upcall = client_wait(self->client, PATIENCE_MS);
	} while (upcall && (upcall->kind != UPCALL_MESSAGE || !upcall->message.raw ||
			    upcall->message.spi_i != spi_i));
	return upcall;
}

/* Who is not authentic has us keep half of the octets that there may be, and no more. */
TEST_F_TIMEOUT(flood, cache_octets, 60)
{
	enum { ANSWER_LEN = 1400 };
	const uint32_t limit = 256 * 1024;
	int i, kept = 0, refused = 0;
	uint64_t spis[300];
	struct upcall *upcall;

	client_set(self->client, IKEFP_A_POLICY_MAX_CACHE_OCTETS, limit);
	for (i = 0; i < 300; i++) {
		send_forged(self, 1 + i, ANSWER_LEN);
		upcall = wait_request(self, self->next_spi - 1);
		ASSERT_NE(NULL, upcall);
		spis[i] = upcall->message.spi;
		if (!answer(self, upcall->message.spi_i, upcall->message.spi, ANSWER_LEN)) {
			kept++;
			continue;
		}
		refused++;
		EXPECT_STREQ("max-cache-octets of messages are kept already (half, where the SA is not established)",
			     ikefp_nl_error(self->client->nl));
		if (i % 20 == 0)
			ASSERT_TRUE(served(self, true));
	}
	TH_LOG("%d answers kept, %d refused", kept, refused);
	/* Memory comes in sizes of its own. */
	EXPECT_LE(limit / 2 / 4096 - 1, kept);
	EXPECT_GE(limit / 2 / ANSWER_LEN, kept);
	EXPECT_EQ(300, kept + refused);
	EXPECT_EQ(refused, counter(self, IKEFP_A_STATS_DROP_CACHE_LIMIT));
	EXPECT_GE(limit / 2 + 4096, counter(self, IKEFP_A_STATS_CACHE_OCTETS));
	for (i = 0; i < 300; i++)
		ASSERT_EQ(0, ikefp_sa_del(self->client->nl, spis[i]));
	/* What is left is the established SA's. */
	EXPECT_GE(2048, counter(self, IKEFP_A_STATS_CACHE_OCTETS));
	EXPECT_LT(0, counter(self, IKEFP_A_STATS_CACHE_OCTETS));
}

/* A request whose answer cannot be kept is as if lost on the way. */
TEST_F(flood, cache_octets_of_an_answer)
{
	struct peer *peer = self->peer;

	client_set(self->client, IKEFP_A_POLICY_MAX_CACHE_OCTETS, 0);
	peer_send_request(peer, INFORMATIONAL, 0, NULL, 0);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-cache-limit+1");
	client_set(self->client, IKEFP_A_POLICY_MAX_CACHE_OCTETS, 1 << 20);
	peer_send_again(peer);
	peer_expect(peer);
	EXPECT_STREQ("", peer_open_message(peer));
	EXPECT_COUNTED(self->client, "rx-messages+1 tx-messages+1 liveness-answered+1");
}

/* The settings as they are unless somebody changes them. */
static void by_default(struct client *client)
{
	client_set(client, IKEFP_A_POLICY_MAX_HALF_OPEN_SOURCE, 100);
	client_set(client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, 100);
	client_set(client, IKEFP_A_POLICY_COOKIE_HALF_OPEN_SOURCE, 10);
	client_set(client, IKEFP_A_POLICY_COOKIE_RATE, 100);
	client_set(client, IKEFP_A_POLICY_SOURCE_RATE, 50);
	client_set(client, IKEFP_A_POLICY_INIT_RATE, 1000);
}

/* A new peer's request, its cookie fetched, in a flood. */
static void get_in(struct __test_metadata *_metadata, flood *self, struct peer *peer)
{
	uint8_t message[LEN];
	struct upcall *upcall;
	uint64_t spi = self->next_spi++;

	peer_send(peer, message, ike_put_init(message, spi, 0, 7, LEN));
	while (client_wait(self->client, 0))
		;
	peer_send_with_cookie(peer);
	upcall = wait_request(self, spi);
	ASSERT_NE(NULL, upcall);
	ASSERT_EQ(0, answer(self, spi, upcall->message.spi, LEN));
	peer_expect(peer);
	EXPECT_EQ(LEN, peer->got_len);
}

/* Asked for cookies, those who forge make no more SAs, and a new peer does. */
TEST_F_TIMEOUT(flood, cookies, 120)
{
	struct peer *peer;
	int round;

	netns_enter(self->internet);
	peer = peer_open(variant->local, variant->kernel, 500, IKEFP_LISTENER_KIND_IKE);
	netns_enter(self->gateway);
	by_default(self->client);
	for (round = 0; round < rounds(); round++) {
		send_flood(_metadata, self, FLOOD);
		get_in(_metadata, self, peer);
	}
	TH_LOG("of %d requests %llu were asked for a cookie, %llu SAs are half-open", rounds() * FLOOD,
	       (unsigned long long)counter(self, IKEFP_A_STATS_COOKIES_SENT),
	       (unsigned long long)counter(self, IKEFP_A_STATS_HALF_OPEN));
	EXPECT_EQ(rounds(), counter(self, IKEFP_A_STATS_COOKIES_ACCEPTED));
	/* One more for each processor that was at it, and those with a cookie. */
	EXPECT_GE(100 + 2 + rounds(), counter(self, IKEFP_A_STATS_HALF_OPEN));
	EXPECT_LE(rounds() * FLOOD - 100 - 2 - rounds(), counter(self, IKEFP_A_STATS_COOKIES_SENT));
	peer_close(peer);
}

/* An SA with its keys takes no more memory than is said, with any algorithm. */
TEST_F_TIMEOUT(flood, memory_of_an_sa, 120)
{
	enum { NUMBER = 100 };
	const struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(self->peer);
	int algorithm, i;

	for (algorithm = 0; algorithm < SK_ALGORITHMS; algorithm++) {
		uint64_t first = self->next_spi;
		struct sk_keys keys;
		struct ikefp_keys module_keys;
		long before, grown;

		sk_keys_make(&keys, &sk_algorithms[algorithm]);
		module_keys = sk_keys_for_module(&keys);
		before = kernel_memory();
		for (i = 0; i < NUMBER; i++) {
			struct ikefp_sa_change change = {
				.spi = self->next_spi, .peer_spi = 1, .keys = &module_keys,
			};

			ASSERT_EQ(0, ikefp_sa_new(self->client->nl, self->next_spi++, &endpoint));
			ASSERT_EQ(0, ikefp_sa_set(self->client->nl, &change));
		}
		grown = kernel_memory() - before;
		TH_LOG("%s: %ld octets an SA", sk_algorithms[algorithm].name, grown / NUMBER);
		if (memory_can_be_told())
			EXPECT_GE(SA_MEMORY, grown / NUMBER);
		for (; first < self->next_spi; first++)
			ASSERT_EQ(0, ikefp_sa_del(self->client->nl, first));
	}
}

MODULE_TEST_MAIN
