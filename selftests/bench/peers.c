// SPDX-License-Identifier: GPL-2.0
/*
 * usage: peers KIND LOCAL GATEWAY SINK-PORT NETNS NOBODY FIFO
 *
 * The peers of a gateway: they answer its every empty INFORMATIONAL request, and take its NAT
 * keepalives. KIND is
 *
 *	direct		they set up their IKE SAs with the gateway, each with one Child SA
 *			for an address of its own of 10.64.0.0/10
 *	nat		likewise, and the gateway is told that it is behind a NAT
 *	static		there are no others than sas.c's
 *
 * FIFO is read for commands, a line each; each is answered with a line that begins with it:
 *
 *	make COUNT			until there are COUNT IKE SAs; those that are static are
 *					known from then on
 *	ask COUNT			INSTRUCTIONS: what it costs the gateway to answer a new
 *					empty INFORMATIONAL request, of COUNT, each of an IKE SA
 *					that is left to chance, of a thousand that are (ask.c,
 *					which says what SINK-PORT is)
 *	measure SECONDS			QUESTIONS KEEPALIVES TOTAL: what the gateway sends within so
 *					long, and the whole machine's instructions meanwhile
 *	replay SECONDS			PEERS: the share in them that was not the gateway's
 *					(answers.h), which is no more
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answers.h"
#include "elsewhere.h"
#include "fail.h"
#include "initiator.h"
#include "libsk.h"
#include "payload.h"
#include "proposal.h"
#include "roundtrip.h"
#include "static_keys.h"

#define PEERS_MAX	20000
#define ASKED		1000		/* IKE SAs whose requests are answered */
#define MESSAGE_SIZE	4096

static struct endpoint own, gateway;	/* of all messages but IKE_SA_INIT, there is a NAT */
static struct initiator initiator;	/* of the IKE SA that is set up */
static bool nat, is_static;
static size_t marker;			/* octets */

/* The peers' IKE SAs. */
struct sa {
	struct peer peer;
	uint64_t gateway_spi;
	uint32_t next_id;		/* of a peer's next request */
};

static struct sa *sas;
static unsigned int made;

static void open_initiator(const char *local, const char *remote)
{
	struct endpoint here, there;

	if (endpoint_parse(&here, local, IKE_PORT) || endpoint_parse(&there, remote, IKE_PORT))
		fail("%s or %s is no address", local, remote);
	/* Without a NAT all messages are the answers' socket's. */
	if (nat)
		initiator_open(&initiator, &here, &there);
	initiator.local = here;
	initiator.remote = there;
	initiator.id_remote = "gw2.example";
	initiator.ts_remote = getenv("TS_REMOTE");
}

static void exchange_init(void)
{
	uint8_t message[MESSAGE_SIZE];
	size_t len;
	ssize_t n;

	/* That another port is the gateway's can only be a NAT's doing. */
	initiator.remote.port = nat ? 1 : IKE_PORT;
	initiator_make_init(&initiator);
	initiator.remote.port = IKE_PORT;
	if (nat) {
		initiator_send(&initiator, initiator.init.data, initiator.init.len);
		n = initiator_receive(&initiator, message, sizeof(message));
		if (n < 0)
			fail("no answer to IKE_SA_INIT");
		len = n;
	} else {
		answers_send(&gateway, initiator.init.data, initiator.init.len);
		len = answers_receive(message, sizeof(message));
	}
	initiator_take_init(&initiator, message, len);
}

static void establish(unsigned int i, struct sa *sa)
{
	uint8_t message[MESSAGE_SIZE];
	char net[32], id[32];
	size_t len;

	snprintf(net, sizeof(net), "10.%u.%u.%u/32", 64 + (i >> 16), i >> 8 & 255, i & 255);
	snprintf(id, sizeof(id), "%u.example", i);
	initiator.ts_local = net;
	initiator.id_local = id;
	exchange_init();
	initiator_make_auth(&initiator);
	answers_send(&gateway, initiator.auth.data, initiator.auth.len);
	len = answers_receive(message, sizeof(message));
	initiator_take_auth(&initiator, message, len);
	if (initiator.keys.encr_len != PEER_KEY_LEN)
		fail("keys of %zu octets", (size_t)initiator.keys.encr_len);
	sa->peer.spi = initiator.spi_i;
	memcpy(sa->peer.own_key, initiator.keys.ei, PEER_KEY_LEN);
	memcpy(sa->peer.key, initiator.keys.er, PEER_KEY_LEN);
	sa->gateway_spi = initiator.spi_r;
	sa->next_id = 2;
	answers_add(&sa->peer);
}

static struct peer static_peer(void)
{
	struct peer peer = { .spi = STATIC_PEER_SPI };

	memcpy(peer.own_key, static_er, PEER_KEY_LEN);
	memcpy(peer.key, static_ei, PEER_KEY_LEN);
	return peer;
}

static void make(unsigned int count)
{
	if (!is_static && count > PEERS_MAX)
		fail("%u peers are too many", count);
	sas = realloc(sas, count * sizeof(*sas));
	if (!sas)
		fail("no memory");
	for (; made < count; made++) {
		sas[made] = (struct sa){ .gateway_spi = made + 1 };
		if (is_static)
			sas[made].peer = static_peer();
		else
			establish(made, &sas[made]);
	}
	printf("make %u\n", made);
}

/* The header of a peer's message; only those that are static are the responder's. */
static struct ike_header header_at(const struct sa *sa, uint32_t message_id)
{
	return (struct ike_header){
		.spi_i = is_static ? sa->gateway_spi : sa->peer.spi,
		.spi_r = is_static ? sa->peer.spi : sa->gateway_spi,
		.version = IKE_VERSION,
		.exchange = INFORMATIONAL,
		.flags = is_static ? 0 : IKE_FLAG_INITIATOR,
		.message_id = message_id,
	};
}

static struct sk_key sk_key(const uint8_t *key)
{
	return (struct sk_key){
		.encr = ENCR_AES_GCM_16, .integ = AUTH_NONE, .e = key, .e_len = PEER_KEY_LEN,
	};
}

static struct question request(struct sa *sa)
{
	const struct sk_key key = sk_key(sa->peer.own_key);
	const struct ike_header header = header_at(sa, sa->next_id++);
	struct buf sealed = BUF_INIT, octets = BUF_INIT;

	if (sk_seal(&sealed, &key, &header, NULL, 0, NULL, 0))
		fail("sealing");
	buf_zero(&octets, marker);
	buf_put(&octets, sealed.data, sealed.len);
	buf_clear(&sealed);
	return (struct question){ .octets = octets.data, .len = octets.len };
}

static void check_response(const struct sa *sa, const struct question *question,
			   const struct answer *answer)
{
	const struct sk_key key = sk_key(sa->peer.key);
	struct ike_header asked, header;
	struct buf inner = BUF_INIT;
	uint8_t first;

	if (answer->len < (ssize_t)marker ||
	    ike_header_read(&asked, question->octets + marker, question->len - marker) ||
	    ike_header_read(&header, answer->octets + marker, answer->len - marker) ||
	    header.spi_i != asked.spi_i || header.spi_r != asked.spi_r ||
	    header.message_id != asked.message_id || !(header.flags & IKE_FLAG_RESPONSE) ||
	    sk_open(&inner, &first, &key, answer->octets + marker, answer->len - marker) ||
	    inner.len)
		fail("an answer that is no empty INFORMATIONAL response to its request");
	buf_clear(&inner);
}

/* As many with few as with many: the gateway keeps the answer to the last request of each. */
static void choose(struct sa *chosen[ASKED])
{
	unsigned int i, stride = made / ASKED;

	if (!stride)
		fail("%u IKE SAs are not enough", made);
	/* The same ones each time. */
	srandom(1);
	for (i = 0; i < ASKED; i++)
		chosen[i] = &sas[i * stride + random() % stride];
}

static void ask(unsigned int count, const struct roundtrip *trip)
{
	struct sa *chosen[ASKED];
	struct question *questions;
	struct answer *answers;
	uint64_t with_receptions;
	unsigned int i;
	struct sa **whose;

	count += ROUNDTRIP_WARM_UP;
	roundtrip_allocate(&questions, &answers, count);
	whose = calloc(count, sizeof(*whose));
	if (!whose)
		fail("no memory");
	choose(chosen);
	for (i = 0; i < count; i++) {
		whose[i] = chosen[random() % ASKED];
		questions[i] = request(whose[i]);
	}
	printf("ask %" PRIu64 "\n",
	       roundtrip_measure(trip, questions, answers, count, &with_receptions));
	for (i = 0; i < count; i++) {
		check_response(whose[i], &questions[i], &answers[i]);
		free((void *)questions[i].octets);
	}
	free(whose);
	free(answers);
	free(questions);
}

static void obey(const char *line, const char *netns, const char *nobody_addr,
		 const struct roundtrip *trip)
{
	struct endpoint nobody;
	unsigned int number;
	uint64_t questions, keepalives, total;

	if (endpoint_parse(&nobody, nobody_addr, IKE_PORT))
		fail("%s is no address", nobody_addr);
	if (sscanf(line, "make %u", &number) == 1) {
		make(number);
	} else if (sscanf(line, "ask %u", &number) == 1) {
		ask(number, trip);
	} else if (sscanf(line, "measure %u", &number) == 1) {
		total = answers_measure(number, &questions, &keepalives);
		printf("measure %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", questions, keepalives,
		       total);
	} else if (sscanf(line, "replay %u", &number) == 1) {
		total = answers_replay(&gateway, netns, &nobody, number);
		printf("replay %" PRIu64 "\n", total);
	} else {
		fail("'%s' is no command", line);
	}
	fflush(stdout);
}

/* A line at a time, and no more of it is read than that: answers_until() waits for more. */
static void take_line(int fd, char *line, size_t size)
{
	size_t len = 0;

	while (read(fd, &line[len], 1) == 1 && line[len] != '\n') {
		if (++len == size)
			fail("a command of %zu octets", len);
	}
	line[len] = '\0';
}

int main(int argc, char **argv)
{
	struct roundtrip trip = { 0 };
	struct peer peer;
	uint16_t port;
	char line[128];
	int commands;

	nat = argc == 8 && !strcmp(argv[1], "nat");
	is_static = argc == 8 && !strcmp(argv[1], "static");
	if (argc != 8 || !(nat || is_static || !strcmp(argv[1], "direct")))
		fail("usage: peers direct|nat|static LOCAL GATEWAY SINK-PORT NETNS NOBODY FIFO");
	port = nat || is_static ? IKE_NATT_PORT : IKE_PORT;
	marker = port == IKE_NATT_PORT ? MARKER_LEN : 0;
	if (endpoint_parse(&own, argv[2], port) || endpoint_parse(&gateway, argv[3], port))
		fail("%s or %s is no address", argv[2], argv[3]);
	trip.sock = answers_open(&own, port == IKE_NATT_PORT, PEERS_MAX);
	trip.mirror = open_elsewhere(argv[5], SOCK_DGRAM);
	trip.here = roundtrip_address(argv[2], port);
	trip.gateway = roundtrip_address(argv[3], port);
	trip.sink = roundtrip_address(argv[3], atoi(argv[4]));
	trip.nobody = roundtrip_address(argv[6], IKE_PORT);
	if (is_static) {
		peer = static_peer();
		answers_add(&peer);
	} else {
		open_initiator(argv[2], argv[3]);
	}
	/* For writing, too: so it has no end. */
	commands = open(argv[7], O_RDWR);
	if (commands < 0)
		fail("%s: %s", argv[7], strerror(errno));
	puts("ready");
	fflush(stdout);
	for (;;) {
		answers_until(commands);
		take_line(commands, line, sizeof(line));
		obey(line, argv[5], argv[6], &trip);
	}
}
