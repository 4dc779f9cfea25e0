// SPDX-License-Identifier: GPL-2.0
/*
 * RFC 3948's demultiplexing: NAT keepalives, ESP and IKE on one port. What is ESP must
 * fare with XFRM just as it does on the stock UDP_ENCAP socket.
 */

#include "kselftest_harness.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>

#include "client.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#ifndef UDP_ENCAP_ESPINUDP
#define UDP_ENCAP_ESPINUDP 2
#endif

#define SPI 0x0102030405060708ull
#define ESP_SPI 0x12345678
#define KEY "0x000102030405060708090a0b0c0d0e0f10111213"
#define MAX_STATS 64

FIXTURE(demux)
{
	struct client *client;
	int inside, outside;	/* namespaces: the module's, the peer's */
	int sock;		/* outside */
	int stock;		/* inside, on port 4501: UDP_ENCAP */
	struct sockaddr_storage natt, ike, stock_addr;
};

FIXTURE_VARIANT(demux)
{
	const char *inside, *outside, *any;
};

FIXTURE_VARIANT_ADD(demux, v4) {
	.inside = "10.0.0.1", .outside = "10.0.0.2", .any = "0.0.0.0",
};

FIXTURE_VARIANT_ADD(demux, v6) {
	.inside = "fd00::1", .outside = "fd00::2", .any = "::",
};

FIXTURE_SETUP(demux)
{
	struct sockaddr_storage addr = address(variant->outside, 4500);
	int encap = UDP_ENCAP_ESPINUDP;

	self->outside = netns_new();
	self->inside = netns_new();
	netns_wire(self->inside, self->outside);
	self->client = client_open(CLIENT_WORKER);
	client_listen(self->client, IKEFP_LISTENER_KIND_NATT, variant->any, 4500);
	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, variant->any, 500);
	self->natt = address(variant->inside, 4500);
	self->ike = address(variant->inside, 500);
	self->stock_addr = address(variant->inside, 4501);
	self->stock = udp_open(&self->stock_addr);
	ASSERT_EQ(0, setsockopt(self->stock, IPPROTO_UDP, UDP_ENCAP, &encap, sizeof(encap)));
	netns_enter(self->outside);
	self->sock = udp_open(&addr);
	netns_enter(self->inside);
	client_count_anew(self->client);
}

FIXTURE_TEARDOWN(demux)
{
	client_close(self->client);
	close(self->sock);
	close(self->stock);
}

/* XFRM's counters of the process's namespace. */
struct xfrm_stats {
	char names[MAX_STATS][40];
	long values[MAX_STATS];
	int number;
};

static struct xfrm_stats xfrm_stats(void)
{
	FILE *file = fopen("/proc/thread-self/net/xfrm_stat", "r");
	struct xfrm_stats stats = {};

	if (!file)
		die("no xfrm_stat (CONFIG_XFRM_STATISTICS)");
	while (stats.number < MAX_STATS && fscanf(file, "%39s %ld", stats.names[stats.number],
						  &stats.values[stats.number]) == 2)
		stats.number++;
	fclose(file);
	return stats;
}

static void print_changes(const struct xfrm_stats *before, char *changes, size_t size)
{
	struct xfrm_stats now = xfrm_stats();
	size_t len = 0;
	int i;

	changes[0] = '\0';
	for (i = 0; i < now.number; i++) {
		if (now.values[i] != before->values[i])
			len += snprintf(changes + len, size - len, "%s%+ld ", now.names[i],
					now.values[i] - before->values[i]);
	}
}

/* Until they are what is wanted; where nobody knows, for as long as it may take. */
static void wait_for_changes(const struct xfrm_stats *before, const char *want, char *changes,
			     size_t size)
{
	int waits = want ? PATIENCE_MS / 5 : 10;

	do {
		print_changes(before, changes, size);
	} while ((!want || strcmp(want, changes)) && waits-- && !poll(NULL, 0, 5));
}

struct datagram {
	const char *name;
	size_t len;
	uint8_t octets[64];
	const char *xfrm;	/* what it does to XFRM's counters; NULL: not for us to say */
	const char *counted;	/* and to ours, on natt */
	bool passed;		/* the stock socket's reader gets it */
};

/* Each to the stock socket first, then to a listener. */
TEST_F(demux, natt)
{
	static const struct datagram datagrams[] = {
		{ "nothing", 0, {}, "", "drop-short+1", true },
		{ "a keepalive", 1, { 0xff }, "", "rx-keepalive+1" },
		{ "another octet", 1, { 0xfe }, "", "drop-short+1", true },
		{ "two octets", 2, { 0xff, 0xff }, "", "drop-short+1", true },
		{ "three octets", 3, { 0xff, 0xff, 0xff }, "", "drop-short+1", true },
		{ "a marker", 4, {}, "", "rx-messages+1 drop-short+1", true },
		{ "a marker and an octet", 5, {}, "", "rx-messages+1 drop-short+1", true },
		{ "a marker and a short header", 31, {}, "", "rx-messages+1 drop-short+1", true },
		{ "a marker and a header", 32, {}, "", "rx-messages+1 drop-version+1", true },
		{ "an SPI", 4, { 0x12, 0x34, 0x56, 0x78 }, "", "drop-short+1", true },
		{ "an ESP header", 8, { 0x12, 0x34, 0x56, 0x78 }, "", "drop-short+1", true },
		{ "the least ESP of no state", 9, { 1 }, NULL, "rx-esp+1" },
		{ "ESP of no state", 41, { 1 }, "XfrmInNoStates+1 ", "rx-esp+1" },
		{ "long ESP of no state", 60, { 1 }, "XfrmInNoStates+1 ", "rx-esp+1" },
		{ "the least ESP", 9, { 0x12, 0x34, 0x56, 0x78 }, NULL, "rx-esp+1" },
		{ "short ESP", 41, { 0x12, 0x34, 0x56, 0x78 }, "XfrmInStateProtoError+1 ",
		  "rx-esp+1" },
		{ "false ESP", 60, { 0x12, 0x34, 0x56, 0x78 }, "XfrmInStateProtoError+1 ",
		  "rx-esp+1" },
	};
	char want[256], seen[256];
	struct xfrm_stats before;
	uint8_t passed[64];
	size_t i;

	run("ip xfrm state add src %s dst %s proto esp spi 0x%x mode transport replay-window 0 "
	    "aead 'rfc4106(gcm(aes))' " KEY " 128 encap espinudp 4500 4500 %s",
	    variant->outside, variant->inside, ESP_SPI, variant->any);
	for (i = 0; i < ARRAY_SIZE(datagrams); i++) {
		const struct datagram *datagram = &datagrams[i];

		before = xfrm_stats();
		udp_send(self->sock, &self->stock_addr, datagram->octets, datagram->len);
		/* Until it is where it must be. */
		if (datagram->passed) {
			EXPECT_EQ(datagram->len, udp_receive(self->stock, passed, sizeof(passed),
							     PATIENCE_MS, NULL, NULL)) {
				TH_LOG("%s", datagram->name);
			}
		}
		wait_for_changes(&before, datagram->xfrm, want, sizeof(want));
		EXPECT_STREQ(datagram->xfrm ?: want, want) {
			TH_LOG("%s", datagram->name);
		}
		EXPECT_EQ(-1, udp_receive(self->stock, passed, sizeof(passed), 0, NULL, NULL));

		before = xfrm_stats();
		udp_send(self->sock, &self->natt, datagram->octets, datagram->len);
		EXPECT_COUNTED(self->client, datagram->counted) {
			TH_LOG("%s", datagram->name);
		}
		wait_for_changes(&before, want, seen, sizeof(seen));
		EXPECT_STREQ(want, seen) {
			TH_LOG("%s", datagram->name);
		}
	}
	EXPECT_NULL(client_wait(self->client, 0));
}

/* On the other kind of port everything is IKE. */
TEST_F(demux, ike)
{
	static const uint8_t octets[64] = { 0xff, 0xff, 0xff, 0xff };
	struct xfrm_stats before = xfrm_stats();
	uint8_t message[64];
	char changes[256];
	size_t len;

	for (len = 0; len < HEADER_LEN; len++) {
		udp_send(self->sock, &self->ike, octets, len);
		EXPECT_COUNTED(self->client, "rx-messages+1 drop-short+1") {
			TH_LOG("%zu octets", len);
		}
	}
	/* The marker belongs to the other port: here it makes an SPI begin with zeroes. */
	memset(message, 0, MARKER_LEN);
	ike_put_init(message + MARKER_LEN, SPI, 0, 1, 60);
	udp_send(self->sock, &self->ike, message, 64);
	EXPECT_COUNTED(self->client, "rx-messages+1 drop-version+1");
	udp_send(self->sock, &self->natt, message, 64);
	EXPECT_COUNTED(self->client, "sas+1 half-open+1 rx-messages+1 upcalls+1");
	print_changes(&before, changes, sizeof(changes));
	EXPECT_STREQ("", changes);
}

/* ESP that is good comes out of XFRM. */
TEST_F(demux, esp_arrives)
{
	struct sockaddr_storage inside = address(variant->inside, 7777);
	int sock = udp_open(&inside), i;
	struct sockaddr_storage outside = address(variant->outside, 0);
	uint8_t octets[1200], seen[1200];
	int ends[] = { self->outside, self->inside };
	int sender;

	for (i = 0; i < 2; i++) {
		netns_enter(ends[i]);
		run("ip xfrm state add src %s dst %s proto esp spi 0x%x mode transport "
		    "aead 'rfc4106(gcm(aes))' " KEY " 128 encap espinudp 4500 4500 %s",
		    variant->outside, variant->inside, ESP_SPI, variant->any);
	}
	/* Nothing but ESP gets in. */
	run("ip xfrm policy add src %s dst %s proto udp dport 7777 dir in tmpl src %s dst %s "
	    "proto esp mode transport", variant->outside, variant->inside, variant->outside,
	    variant->inside);
	netns_enter(self->outside);
	sender = udp_open(&outside);
	udp_send(sender, &inside, "clear", 5);
	EXPECT_EQ(-1, udp_receive(sock, seen, sizeof(seen), 100, NULL, NULL));
	run("ip xfrm policy add src %s dst %s proto udp dport 7777 dir out tmpl src %s dst %s "
	    "proto esp mode transport", variant->outside, variant->inside, variant->outside,
	    variant->inside);
	netns_enter(self->inside);
	client_count_anew(self->client);
	for (i = 1; i <= 10; i++) {
		memset(octets, i, sizeof(octets));
		udp_send(sender, &inside, octets, i * 120);
		ASSERT_EQ(i * 120, udp_receive(sock, seen, sizeof(seen), PATIENCE_MS, NULL, NULL));
		EXPECT_EQ(0, memcmp(octets, seen, i * 120));
	}
	EXPECT_COUNTED(self->client, "rx-esp+10");
	close(sender);
	close(sock);
}

/* Messages larger than the wire, and large ESP, in IP fragments; both ways. */
TEST_F(demux, fragments)
{
	static uint8_t message[MESSAGE_SIZE], answer[MESSAGE_SIZE], got[MESSAGE_SIZE];
	static const size_t lens[] = { 1400, 1500, 3000, 9000, 60000, 65507 - MARKER_LEN };
	const struct ikefp_message_in *request;
	struct sockaddr_storage from;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		const size_t len = lens[i];
		struct ikefp_message_out out = { .raw = true, .payload = { answer, len } };

		memset(message, 0, MARKER_LEN);
		ike_put_init(message + MARKER_LEN, SPI, 0, i, len);
		udp_send(self->sock, &self->natt, message, MARKER_LEN + len);
		request = client_wait_message(self->client);
		ASSERT_EQ(len, request->payload.len);
		EXPECT_EQ(0, memcmp(message + MARKER_LEN, request->payload.data, len));
		EXPECT_TRUE(address_same(&self->natt, &request->endpoint.local));
		out.spi = request->spi;
		ike_put_init(answer, SPI, request->spi, i + 1, len);
		ASSERT_EQ(0, ikefp_message_send(self->client->nl, &out, NULL));
		ASSERT_EQ(MARKER_LEN + len, udp_receive(self->sock, got, sizeof(got), PATIENCE_MS,
							&from, NULL));
		EXPECT_EQ(0, get32(got));
		EXPECT_EQ(0, memcmp(answer, got + MARKER_LEN, len));
		EXPECT_TRUE(address_same(&self->natt, &from));
	}
	EXPECT_COUNTED(self->client,
		       "sas+6 half-open+6 rx-messages+6 tx-messages+6 upcalls+6");
	/* Found to be ESP by the first octets of the first fragment. */
	message[0] = 1;
	udp_send(self->sock, &self->natt, message, 9000);
	EXPECT_COUNTED(self->client, "rx-esp+1");
}

/* What came to many cannot be answered by one. */
TEST_F(demux, to_many)
{
	struct sockaddr_storage many;
	uint8_t message[64];
	int on = 1;

	ike_put_init(message, SPI, 0, 1, sizeof(message));
	if (self->ike.ss_family == AF_INET) {
		many = address("10.0.0.255", 500);
		ASSERT_EQ(0, setsockopt(self->sock, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)));
	} else {
		netns_enter(self->outside);
		many = address("ff02::1", 500);
		((struct sockaddr_in6 *)&many)->sin6_scope_id = 0;
		on = if_nametoindex("wire");
		ASSERT_EQ(0, setsockopt(self->sock, IPPROTO_IPV6, IPV6_MULTICAST_IF, &on,
					sizeof(on)));
		netns_enter(self->inside);
	}
	/* The first to one: it waits until the wire is up, as one to many does not. */
	udp_send(self->sock, &self->ike, message, sizeof(message));
	EXPECT_COUNTED(self->client, "sas+1 half-open+1 rx-messages+1 upcalls+1");
	udp_send(self->sock, &many, message, sizeof(message));
	EXPECT_COUNTED(self->client, "drop-unanswerable+1");
}

MODULE_TEST_MAIN
