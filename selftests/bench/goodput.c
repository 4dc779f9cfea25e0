// SPDX-License-Identifier: GPL-2.0
/*
 * usage: goodput NETNS TO SECONDS
 *
 * A TCP connection with the kernel's defaults from here to TO, an address of the network
 * namespace NETNS (a file), that has always something to send. Both ends are this process. Writes
 * a line for each second since it was connected, what the receiver has read in it,
 *
 *	SECOND OCTETS
 *
 * and at last "mss OCTETS", which the path leaves for a segment.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "elsewhere.h"
#include "fail.h"

#define SECONDS_MAX	3600
#define CHUNK		65536
#define PORT		5001

static uint64_t octets_of[SECONDS_MAX];

static void send_more(int sock)
{
	static const char octets[CHUNK];

	while (send(sock, octets, sizeof(octets), MSG_DONTWAIT) > 0)
		;
	if (errno != EAGAIN)
		fail("cannot send: %s", strerror(errno));
}

static uint64_t read_all(int sock)
{
	static char octets[CHUNK];
	uint64_t total = 0;
	ssize_t len;

	while ((len = recv(sock, octets, sizeof(octets), MSG_DONTWAIT)) > 0)
		total += len;
	if (!len)
		fail("the connection has ended");
	if (errno != EAGAIN)
		fail("cannot read: %s", strerror(errno));
	return total;
}

static uint32_t mss_of(int sock)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	if (getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &len))
		fail("TCP_INFO: %s", strerror(errno));
	return info.tcpi_snd_mss;
}

/* Of both ends; the first descriptor sends. */
static void carry(struct pollfd *fds, unsigned long seconds)
{
	const int64_t begin_ns = clock_ns(), end_ns = begin_ns + (int64_t)seconds * SECOND_NS;
	int64_t now_ns;

	while ((now_ns = clock_ns()) < end_ns) {
		if (poll(fds, 2, (end_ns - now_ns) / 1000000 + 1) < 0)
			fail("poll: %s", strerror(errno));
		if (fds[0].revents)
			send_more(fds[0].fd);
		now_ns = clock_ns();
		if (fds[1].revents && now_ns < end_ns)
			octets_of[(now_ns - begin_ns) / SECOND_NS] += read_all(fds[1].fd);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct pollfd fds[2] = { { .events = POLLOUT }, { .events = POLLIN } };
	unsigned long seconds, i;
	int listening;

	seconds = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	if (!seconds || seconds > SECONDS_MAX || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1)
		fail("usage: goodput NETNS TO SECONDS");
	listening = open_elsewhere(argv[1], SOCK_STREAM);
	fds[0].fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fds[0].fd < 0 || bind(listening, (struct sockaddr *)&to, sizeof(to)) ||
	    listen(listening, 1) || connect(fds[0].fd, (struct sockaddr *)&to, sizeof(to)))
		fail("cannot connect: %s", strerror(errno));
	fds[1].fd = accept(listening, NULL, NULL);
	if (fds[1].fd < 0)
		fail("cannot accept: %s", strerror(errno));
	carry(fds, seconds);
	for (i = 0; i < seconds; i++)
		printf("%lu %" PRIu64 "\n", i, octets_of[i]);
	printf("mss %" PRIu32 "\n", mss_of(fds[0].fd));
	return 0;
}
