// SPDX-License-Identifier: GPL-2.0
/*
 * usage: peers KIND LOCAL GATEWAY NETNS NOBODY FIFO
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
 *	make COUNT			until there are COUNT IKE SAs
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
#include "fail.h"
#include "initiator.h"
#include "static_keys.h"

#define PEERS_MAX	20000
#define MESSAGE_SIZE	4096

static struct endpoint own, gateway;	/* of all messages but IKE_SA_INIT, there is a NAT */
static struct initiator initiator;	/* of the IKE SA that is set up */
static bool nat;
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

static void establish(unsigned int i)
{
	uint8_t message[MESSAGE_SIZE];
	char net[32], id[32];
	struct peer peer;
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
	peer.spi = initiator.spi_i;
	memcpy(peer.own_key, initiator.keys.ei, PEER_KEY_LEN);
	memcpy(peer.key, initiator.keys.er, PEER_KEY_LEN);
	answers_add(&peer);
}

static void make(unsigned int count)
{
	if (count > PEERS_MAX)
		fail("%u peers are too many", count);
	while (made < count)
		establish(made++);
	printf("make %u\n", made);
}

static void add_static(void)
{
	struct peer peer = { .spi = STATIC_PEER_SPI };

	memcpy(peer.own_key, static_er, PEER_KEY_LEN);
	memcpy(peer.key, static_ei, PEER_KEY_LEN);
	answers_add(&peer);
}

static void obey(const char *line, const char *netns, const char *nobody_addr)
{
	struct endpoint nobody;
	unsigned int number;
	uint64_t questions, keepalives, total;

	if (endpoint_parse(&nobody, nobody_addr, IKE_PORT))
		fail("%s is no address", nobody_addr);
	if (sscanf(line, "make %u", &number) == 1) {
		make(number);
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
	bool is_static = argc == 7 && !strcmp(argv[1], "static");
	uint16_t port;
	char line[128];
	int commands;

	nat = argc == 7 && !strcmp(argv[1], "nat");
	if (argc != 7 || !(nat || is_static || !strcmp(argv[1], "direct")))
		fail("usage: peers direct|nat|static LOCAL GATEWAY NETNS NOBODY FIFO");
	port = nat || is_static ? IKE_NATT_PORT : IKE_PORT;
	if (endpoint_parse(&own, argv[2], port) || endpoint_parse(&gateway, argv[3], port))
		fail("%s or %s is no address", argv[2], argv[3]);
	answers_open(&own, port == IKE_NATT_PORT, PEERS_MAX);
	if (is_static)
		add_static();
	else
		open_initiator(argv[2], argv[3]);
	/* For writing, too: so it has no end. */
	commands = open(argv[6], O_RDWR);
	if (commands < 0)
		fail("%s: %s", argv[6], strerror(errno));
	puts("ready");
	fflush(stdout);
	for (;;) {
		answers_until(commands);
		take_line(commands, line, sizeof(line));
		obey(line, argv[4], argv[5]);
	}
}
