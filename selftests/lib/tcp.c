// SPDX-License-Identifier: GPL-2.0

#include "tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "die.h"
#include "ike.h"

static int tcp_open(const struct sockaddr_storage *local)
{
	int sock = socket(local->ss_family, SOCK_STREAM, 0);
	int on = 1;

	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    (local->ss_family == AF_INET6 &&
	     setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on))) ||
	    bind(sock, (const struct sockaddr *)local, address_len(local)))
		die("cannot open a TCP socket on port %d: %s", address_port(local),
		    strerror(errno));
	return sock;
}

int tcp_listen(const struct sockaddr_storage *local)
{
	int sock = tcp_open(local);

	if (listen(sock, 128))
		die("cannot listen on TCP port %d: %s", address_port(local), strerror(errno));
	return sock;
}

int tcp_connect(const struct sockaddr_storage *local, const struct sockaddr_storage *to)
{
	int sock = tcp_open(local);
	int on = 1;

	if (connect(sock, (const struct sockaddr *)to, address_len(to)))
		die("cannot connect to TCP port %d: %s", address_port(to), strerror(errno));
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return sock;
}

int tcp_accept(int listening)
{
	int sock = accept(listening, NULL, NULL);
	int on = 1;

	if (sock < 0)
		die("accept: %s", strerror(errno));
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return sock;
}

struct sockaddr_storage tcp_remote(int sock)
{
	struct sockaddr_storage addr = {};
	socklen_t len = sizeof(addr);

	if (getpeername(sock, (struct sockaddr *)&addr, &len))
		die("getpeername: %s", strerror(errno));
	return addr;
}

void tcp_send(int sock, const void *octets, size_t len)
{
	const uint8_t *next = octets;
	ssize_t sent;

	for (; len; next += sent, len -= sent) {
		sent = send(sock, next, len, MSG_NOSIGNAL);
		if (sent < 0)
			die("cannot send by TCP: %s", strerror(errno));
	}
}

void tcp_send_framed(int sock, const void *octets, size_t len)
{
	uint8_t framed[STREAM_SIZE];

	if (STREAM_LENGTH_LEN + len > sizeof(framed))
		die("%zu octets are too long for a stream", len);
	put16(framed, STREAM_LENGTH_LEN + len);
	memcpy(framed + STREAM_LENGTH_LEN, octets, len);
	tcp_send(sock, framed, STREAM_LENGTH_LEN + len);
}

/* Octets, 0 at the end of the connection, -1 when none came in time. */
static ssize_t receive_some(int sock, void *octets, size_t len, int64_t until_us)
{
	struct pollfd poller = { .fd = sock, .events = POLLIN };
	int64_t left = (until_us - clock_us() + 999) / 1000;
	ssize_t got;

	if (poll(&poller, 1, left > 0 ? left : 0) <= 0)
		return -1;
	got = recv(sock, octets, len, 0);
	return got < 0 ? 0 : got;
}

bool tcp_receive(int sock, void *octets, size_t len, int wait_ms)
{
	int64_t until = clock_us() + (int64_t)wait_ms * 1000;
	uint8_t *next = octets;

	while (len) {
		ssize_t got = receive_some(sock, next, len, until);

		if (got <= 0)
			return false;
		next += got;
		len -= got;
	}
	return true;
}

ssize_t tcp_receive_framed(int sock, uint8_t *octets, size_t size, int wait_ms)
{
	uint8_t length[STREAM_LENGTH_LEN];
	size_t len;

	if (!tcp_receive(sock, length, sizeof(length), wait_ms))
		return -1;
	len = get16(length);
	if (len < STREAM_LENGTH_LEN || len - STREAM_LENGTH_LEN > size)
		die("a length of %zu in a stream", len);
	len -= STREAM_LENGTH_LEN;
	/* What has begun must come. */
	if (!tcp_receive(sock, octets, len, PATIENCE_MS))
		die("the rest of a message of %zu octets does not come", len);
	return len;
}

bool tcp_ends(int sock, int wait_ms)
{
	int64_t until = clock_us() + (int64_t)wait_ms * 1000;
	uint8_t octets[4096];
	ssize_t got;

	do {
		got = receive_some(sock, octets, sizeof(octets), until);
	} while (got > 0);
	return !got;
}

void tcp_reset(int sock)
{
	const struct linger linger = { .l_onoff = 1 };

	setsockopt(sock, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(sock);
}
