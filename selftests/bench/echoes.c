// SPDX-License-Identifier: GPL-2.0
/*
 * usage: echoes TUNNELS
 *
 * A thousand pings a second, through one tunnel after the other: from 10.10.0.1 to
 * 10.20.0.1, from 10.10.1.1 to 10.20.1.1, and so on (many.sh). Writes "ready" once each
 * tunnel has brought an answer. At SIGINT it sends no more, takes the answers of another
 * second, and writes
 *
 *	sent NUMBER lost NUMBER silent NUMBER
 *
 * where "silent" are the tunnels whose last ping was not answered.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "fail.h"

#define TUNNELS_MAX	2500
#define EACH_NS		(1000 * 1000)
#define SENT_MAX	(1000 * 1000)	/* some 16 minutes of them */
#define PACKET_MAX	1500

struct echo {
	struct icmphdr icmp;
	uint32_t number;	/* from 0 on, of all that were sent */
};

static uint8_t answered[SENT_MAX];
static uint32_t sent, answers;
static volatile sig_atomic_t ending;

static void at_signal(int signo)
{
	(void)signo;
	ending = 1;
}

static struct in_addr host_of(unsigned int side, unsigned int tunnel)
{
	return (struct in_addr){ htonl(10u << 24 | (side * 10 + tunnel / 250) << 16 |
				       tunnel % 250 << 8 | 1) };
}

static uint16_t checksum(const struct echo *echo)
{
	uint16_t words[sizeof(*echo) / sizeof(uint16_t)];
	uint32_t sum = 0;
	size_t i;

	memcpy(words, echo, sizeof(words));
	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		sum += words[i];
	sum = (sum >> 16) + (sum & 0xffff);
	return ~(sum + (sum >> 16));
}

static void send_echo(int sock, unsigned int tunnels)
{
	const unsigned int tunnel = sent % tunnels;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = host_of(2, tunnel) };
	struct echo echo = { .icmp.type = ICMP_ECHO, .number = sent };
	union {
		char octets[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { &echo, sizeof(echo) };
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.octets,
		.msg_controllen = sizeof(control.octets),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct in_pktinfo from = { .ipi_spec_dst = host_of(1, tunnel) };

	echo.icmp.checksum = checksum(&echo);
	cmsg->cmsg_level = IPPROTO_IP;
	cmsg->cmsg_type = IP_PKTINFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(from));
	memcpy(CMSG_DATA(cmsg), &from, sizeof(from));
	if (sent == SENT_MAX)
		fail("nobody has ended this");
	sent++;
	/* One that the host itself does not let out is lost, too. */
	if (sendmsg(sock, &msg, 0) < 0)
		fprintf(stderr, "ping %" PRIu32 ": %s\n", echo.number, strerror(errno));
}

static void take_answers(int sock)
{
	uint8_t packet[PACKET_MAX];
	struct echo echo;
	size_t at;
	ssize_t len;

	while ((len = recv(sock, packet, sizeof(packet), MSG_DONTWAIT)) > 0) {
		at = ((struct iphdr *)packet)->ihl * 4;
		if ((size_t)len != at + sizeof(echo))
			continue;
		memcpy(&echo, packet + at, sizeof(echo));
		if (echo.icmp.type != ICMP_ECHOREPLY || echo.number >= sent ||
		    answered[echo.number])
			continue;
		answered[echo.number] = 1;
		answers++;
	}
}

/* Takes what comes until then. */
static void take_until(int sock, int64_t then_ns)
{
	struct pollfd fd = { .fd = sock, .events = POLLIN };
	struct timespec left = { 0 };
	int64_t ns;

	for (;;) {
		ns = then_ns - clock_ns();
		if (ns <= 0)
			return;
		left.tv_sec = ns / SECOND_NS;
		left.tv_nsec = ns % SECOND_NS;
		if (ppoll(&fd, 1, &left, NULL) > 0)
			take_answers(sock);
	}
}

static bool brought_answer(unsigned int tunnel, unsigned int tunnels)
{
	uint32_t number;

	for (number = tunnel; number < sent; number += tunnels)
		if (answered[number])
			return true;
	return false;
}

static bool each_brought_answer(unsigned int tunnels)
{
	unsigned int tunnel;

	for (tunnel = 0; tunnel < tunnels; tunnel++)
		if (!brought_answer(tunnel, tunnels))
			return false;
	return true;
}

int main(int argc, char **argv)
{
	const struct sigaction at_end = { .sa_handler = at_signal };
	const int receive_buffer = 4 * 1024 * 1024;
	unsigned int tunnels, silent = 0;
	bool ready = false;
	int64_t next_ns;
	uint32_t i;
	int sock;

	tunnels = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	if (!tunnels || tunnels > TUNNELS_MAX)
		fail("usage: echoes TUNNELS");
	sock = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (sock < 0 || sigaction(SIGINT, &at_end, NULL) ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof(receive_buffer)))
		fail("the socket: %s", strerror(errno));
	for (next_ns = clock_ns(); !ending; next_ns += EACH_NS) {
		send_echo(sock, tunnels);
		take_until(sock, next_ns + EACH_NS);
		if (!ready && sent % tunnels == 0 && each_brought_answer(tunnels)) {
			puts("ready");
			fflush(stdout);
			ready = true;
		}
	}
	take_until(sock, clock_ns() + SECOND_NS);
	for (i = sent > tunnels ? sent - tunnels : 0; i < sent; i++)
		silent += !answered[i];
	printf("sent %" PRIu32 " lost %" PRIu32 " silent %u\n", sent, sent - answers, silent);
	return 0;
}
