// SPDX-License-Identifier: GPL-2.0
/*
 * usage: fuzz-gateway RECORDING FROM TO NETNS MESSAGES
 *
 * Sends to a gateway what chance makes of a recording (tcpdump's, from an Ethernet) of
 * its own handshakes: from the address FROM, which the peer of the handshakes has too,
 * to both ports of TO. NETNS is the path of the gateway's network namespace, where the
 * counters must account for every datagram; and no answer may be longer than what asked
 * for it. FUZZ_SEED repeats it.
 */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "corpus.h"
#include "die.h"
#include "fuzz.h"
#include "ikefp_nl.h"
#include "netns.h"
#include "udp.h"

#define BATCH 32
/* Datagrams for which there may still be an answer: the daemon takes its time. */
#define ASKED 65536
#define PCAP_HEADER_LEN 24
#define RECORD_HEADER_LEN 16
#define ETHERNET_LEN 14


static struct corpus corpus;
static struct fuzz fuzz;
static struct sockaddr_storage from, to;
static struct ikefp_nl *gateway; /* the gateway's counters */
static struct ikefp_nl *here; /* its peer's */
static struct ikefp_stats gateway_base, here_base;
static struct asked asked[ASKED];
static uint64_t sent, answers;

static bool is_ike(uint16_t port)
{
	return port == 500 || port == 4500;
}

/* A packet from its IP header on. */
static void take_packet(const uint8_t *packet, size_t len)
{
	size_t header = len && packet[0] >> 4 == 6 ? 40 : len ? (packet[0] & 15) * 4 : 0;
	uint16_t source, dest;

	if (len < header + sizeof(struct udphdr))
		return;
	source = get16(packet + header);
	dest = get16(packet + header + 2);
	header += sizeof(struct udphdr);
	if (is_ike(source) || is_ike(dest))
		corpus_add(&corpus, is_ike(dest) ? dest : source, packet + header, len - header);
}

static void read_recording(const char *name)
{
	uint8_t header[RECORD_HEADER_LEN], packet[65536];
	FILE *file = fopen(name, "r");
	uint32_t len;

	if (!file || fseek(file, PCAP_HEADER_LEN, SEEK_SET))
		die("cannot read %s: %s", name, strerror(errno));
	while (fread(header, sizeof(header), 1, file) == 1) {
		memcpy(&len, header + 8, sizeof(len));
		if (len > sizeof(packet) || fread(packet, len, 1, file) != 1)
			break;
		if (len > ETHERNET_LEN)
			take_packet(packet + ETHERNET_LEN, len - ETHERNET_LEN);
	}
	fclose(file);
	if (!corpus.number)
		die("%s: no handshake in it", name);
}

static struct ikefp_nl *open_counters(struct ikefp_stats *base)
{
	struct ikefp_nl *nl;

	if (ikefp_nl_open(&nl) || ikefp_stats_get(nl, base))
		die("cannot open the family: %s", ikefp_nl_error(nl));
	return nl;
}

static int open_raw(void)
{
	int sock = socket(from.ss_family, SOCK_RAW, IPPROTO_UDP), size = 8 * 1024 * 1024;
	int checksum = offsetof(struct udphdr, check);

	if (sock < 0 || bind(sock, (struct sockaddr *)&from, address_len(&from)) ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		die("cannot open a raw socket: %s", strerror(errno));
	if (from.ss_family == AF_INET6 &&
	    setsockopt(sock, IPPROTO_IPV6, IPV6_CHECKSUM, &checksum, sizeof(checksum)))
		die("no UDP checksums: %s", strerror(errno));
	return sock;
}

static void send_one(int sock)
{
	static const uint16_t ports[] = { 500, 4500 };
	uint8_t packet[sizeof(struct udphdr) + CORPUS_MAX_LEN];
	uint16_t port = ports[fuzz_below(&fuzz, 2)];
	uint16_t source = fuzz_percent(&fuzz, 80) ? port : fuzz_next(&fuzz);
	size_t len = corpus_make_up(&corpus, &fuzz, port, packet + sizeof(struct udphdr));
	struct udphdr udp = {
		.source = htons(source),
		.dest = htons(port),
		.len = htons(sizeof(udp) + len),
	};

	memcpy(packet, &udp, sizeof(udp));
	asked_of(&asked[sent % ASKED], port, packet + sizeof(udp), len);
	if (sendto(sock, packet, sizeof(udp) + len, 0, (struct sockaddr *)&to,
		   address_len(&to)) < 0)
		die("cannot send: %s", strerror(errno));
	sent++;
}

static uint64_t change(const struct ikefp_stats *now, const struct ikefp_stats *base, int stat)
{
	return now->value[stat] - base->value[stat];
}

/*
 * What became of how many datagrams. What the worker is told of timers, or cannot be, is
 * counted in the same counters.
 */
static uint64_t accounted_for(const struct ikefp_stats *now)
{
	static const int taken[] = {
		IKEFP_A_STATS_UPCALLS, IKEFP_A_STATS_DUPLICATES_ANSWERED,
		IKEFP_A_STATS_LIVENESS_ANSWERED, IKEFP_A_STATS_RX_FRAGMENTS, IKEFP_A_STATS_RX_ESP,
		IKEFP_A_STATS_RX_KEEPALIVE,
	};
	static const int not_datagrams[] = {
		IKEFP_A_STATS_REASSEMBLED, IKEFP_A_STATS_EXCHANGE_TIMEOUTS,
		IKEFP_A_STATS_HALF_OPEN_EXPIRED, IKEFP_A_STATS_SAS_MOVED, IKEFP_A_STATS_PEERS_DEAD,
	};
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		sum += change(now, &gateway_base, taken[i]);
	for (i = 0; i <= IKEFP_A_STATS_MAX; i++) {
		if (ikefp_stats_name(i) && !strncmp(ikefp_stats_name(i), "drop-", 5))
			sum += change(now, &gateway_base, i);
	}
	for (i = 0; i < sizeof(not_datagrams) / sizeof(not_datagrams[0]); i++)
		sum -= change(now, &gateway_base, not_datagrams[i]);
	return sum;
}

static void show_counters(const struct ikefp_stats *now)
{
	int i;

	for (i = 0; i <= IKEFP_A_STATS_MAX; i++) {
		if (ikefp_stats_name(i) && change(now, &gateway_base, i))
			printf("%-28s %llu\n", ikefp_stats_name(i),
			       (unsigned long long)change(now, &gateway_base, i));
	}
}

/* Ours, and what the gateway's peer has sent meanwhile. */
static void wait_accounted(void)
{
	int64_t until = clock_us() + PATIENCE_MS * 1000;
	struct ikefp_stats now, peer;
	uint64_t due;

	for (;;) {
		if (ikefp_stats_get(gateway, &now) || ikefp_stats_get(here, &peer))
			die("stats-get: %s", ikefp_nl_error(gateway));
		due = sent + change(&peer, &here_base, IKEFP_A_STATS_TX_MESSAGES);
		if (accounted_for(&now) == due)
			return;
		if (clock_us() > until) {
			show_counters(&now);
			die("%llu datagrams sent, %llu accounted for", (unsigned long long)due,
			    (unsigned long long)accounted_for(&now));
		}
		poll(NULL, 0, 1);
	}
}

/* Raw sockets have all of UDP, behind the IP header where that is IPv4. */
static void take_answers(int sock)
{
	size_t header = from.ss_family == AF_INET ? sizeof(struct iphdr) : 0;
	size_t number = sent < ASKED ? sent : ASKED;
	struct sockaddr_storage source;
	socklen_t source_len = sizeof(source);
	uint8_t packet[65536];
	const char *wrong;
	uint16_t port;
	ssize_t len;

	while ((len = recvfrom(sock, packet, sizeof(packet), MSG_DONTWAIT,
			       (struct sockaddr *)&source, &source_len)) >= 0) {
		size_t skip = header + sizeof(struct udphdr);
		size_t marker;

		source_len = sizeof(source);
		if (len < (ssize_t)skip)
			continue;
		port = get16(packet + header);
		marker = port == 4500 ? MARKER_LEN : 0;
		if (!is_ike(port) || len < (ssize_t)(skip + marker + HEADER_LEN))
			continue;
		/* ESP, or what the gateway asks by itself. */
		if ((marker && get32(packet + skip)) ||
		    !(packet[skip + marker + 19] & FLAG_RESPONSE))
			continue;
		wrong = asked_answer(asked, number, port, packet + skip, len - skip);
		if (*wrong)
			die("an answer of %zd octets: %s", len - skip, wrong);
		answers++;
	}
}

int main(int argc, char **argv)
{
	unsigned long messages;
	struct ikefp_stats now;
	uint64_t seed;
	int sock, own, other;

	if (argc != 6)
		die("usage: fuzz-gateway RECORDING FROM TO NETNS MESSAGES");
	read_recording(argv[1]);
	from = address(argv[2], 0);
	to = address(argv[3], 0);
	messages = strtoul(argv[5], NULL, 10);
	seed = fuzz_seed();
	fuzz = fuzz_begin(seed, 0);
	printf("%lu datagrams from %zu recorded ones; FUZZ_SEED=%llu repeats them\n", messages,
	       corpus.number, (unsigned long long)seed);

	own = open("/proc/self/ns/net", O_RDONLY);
	other = open(argv[4], O_RDONLY);
	if (own < 0 || other < 0)
		die("%s: %s", argv[4], strerror(errno));
	sock = open_raw();
	here = open_counters(&here_base);
	netns_enter(other);
	gateway = open_counters(&gateway_base);
	netns_enter(own);
	while (sent < messages) {
		do
			send_one(sock);
		while (sent < messages && sent % BATCH);
		wait_accounted();
		take_answers(sock);
		fuzz_progress(sent, messages);
	}
	if (ikefp_stats_get(gateway, &now))
		die("stats-get: %s", ikefp_nl_error(gateway));
	show_counters(&now);
	printf("%llu answers\n", (unsigned long long)answers);
	if (!answers)
		die("no answers: nothing was reached");
	return 0;
}
