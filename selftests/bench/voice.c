// SPDX-License-Identifier: GPL-2.0
/*
 * usage: voice NETNS TO SECONDS
 *
 * One direction of a call: 50 RTP packets a second of 20 ms of G.711 each, from here to TO, an
 * address of the network namespace NETNS (a file). Both ends are this process, so that one clock
 * has both. Writes a line for each, in the order in which they were sent:
 *
 *	SECONDS DELAY		when it was sent, since the first, and the ms until it was taken
 *	SECONDS lost		... or it had not come ten seconds after the last was sent
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "elsewhere.h"
#include "fail.h"

#define EACH_NS		(20 * 1000 * 1000)
#define PATIENCE_NS	(10ll * SECOND_NS)
#define LATE_NS		(EACH_NS / 2)	/* who sends later has not had the processor */
#define PACKETS_MAX	65536		/* sequence numbers; some 20 minutes of them */
#define SAMPLES		160		/* in a packet, an octet each */
#define PORT		5004

/* RFC 3550 section 5.1, in network byte order. */
struct packet {
	uint8_t version, payload_type;
	uint16_t sequence;
	uint32_t timestamp, ssrc;
	uint8_t samples[SAMPLES];
};

static int64_t sent_ns[PACKETS_MAX], taken_ns[PACKETS_MAX];
static unsigned int sent, taken;

static void send_packet(int sock)
{
	struct packet packet = {
		.version = 2 << 6,
		.sequence = htons(sent),
		.timestamp = htonl(sent * SAMPLES),
		.ssrc = htonl(1),
	};

	sent_ns[sent++] = clock_ns();
	if (send(sock, &packet, sizeof(packet), 0) != sizeof(packet))
		fail("packet %u: %s", sent - 1, strerror(errno));
}

static void take_packets(int sock)
{
	struct packet packet;
	unsigned int number;
	ssize_t len;

	while ((len = recv(sock, &packet, sizeof(packet), MSG_DONTWAIT)) >= 0) {
		number = ntohs(packet.sequence);
		if (len != sizeof(packet) || number >= sent)
			fail("a packet that nobody has sent");
		if (taken_ns[number])
			fail("packet %u has come twice", number);
		taken_ns[number] = clock_ns();
		taken++;
	}
	if (errno != EAGAIN)
		fail("cannot receive: %s", strerror(errno));
}

/* Takes what comes until then, or until @packets have come. */
static void take_until(int sock, int64_t then_ns, unsigned int packets)
{
	struct pollfd fd = { .fd = sock, .events = POLLIN };
	struct timespec left = { 0 };
	int64_t ns;

	while (taken < packets && (ns = then_ns - clock_ns()) > 0) {
		left.tv_sec = ns / SECOND_NS;
		left.tv_nsec = ns % SECOND_NS;
		if (ppoll(&fd, 1, &left, NULL) > 0)
			take_packets(sock);
	}
}

static void write_out(void)
{
	unsigned int i;

	for (i = 0; i < sent; i++) {
		printf("%.3f ", (sent_ns[i] - sent_ns[0]) / 1e9);
		if (taken_ns[i])
			printf("%.3f\n", (taken_ns[i] - sent_ns[i]) / 1e6);
		else
			puts("lost");
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	unsigned long packets;
	int sender, receiver;
	int64_t next_ns;

	packets = argc == 4 ? strtoul(argv[3], NULL, 10) * (SECOND_NS / EACH_NS) : 0;
	if (!packets || packets > PACKETS_MAX || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1)
		fail("usage: voice NETNS TO SECONDS");
	receiver = open_elsewhere(argv[1], SOCK_DGRAM);
	sender = socket(AF_INET, SOCK_DGRAM, 0);
	if (sender < 0 || bind(receiver, (struct sockaddr *)&to, sizeof(to)) ||
	    connect(sender, (struct sockaddr *)&to, sizeof(to)))
		fail("the sockets: %s", strerror(errno));
	next_ns = clock_ns();
	while (sent < packets) {
		send_packet(sender);
		if (sent_ns[sent - 1] - next_ns > LATE_NS)
			fail("packet %u was sent %.1f ms late", sent - 1,
			     (sent_ns[sent - 1] - next_ns) / 1e6);
		next_ns += EACH_NS;
		take_until(receiver, next_ns, UINT32_MAX);
	}
	take_until(receiver, next_ns + PATIENCE_NS, packets);
	write_out();
	return 0;
}
