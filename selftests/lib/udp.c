// SPDX-License-Identifier: GPL-2.0

#include "udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "clock.h"
#include "die.h"

struct sockaddr_storage address(const char *text, int port)
{
	struct sockaddr_storage addr = {};
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&addr;
	struct sockaddr_in *in = (struct sockaddr_in *)&addr;

	in->sin_port = htons(port);
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
	} else {
		in->sin_addr.s_addr = 0;
		in6->sin6_family = AF_INET6;
		if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
			die("'%s' is neither IPv4 nor IPv6", text);
	}
	return addr;
}

socklen_t address_len(const struct sockaddr_storage *addr)
{
	return addr->ss_family == AF_INET ? sizeof(struct sockaddr_in) :
					    sizeof(struct sockaddr_in6);
}

int address_port(const struct sockaddr_storage *addr)
{
	/* At the same place in both. */
	return ntohs(((const struct sockaddr_in *)addr)->sin_port);
}

bool address_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;

	if (a->ss_family != b->ss_family || address_port(a) != address_port(b))
		return false;
	if (a->ss_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return !memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr));
}

int udp_open(const struct sockaddr_storage *local)
{
	bool v4 = local->ss_family == AF_INET;
	int sock = socket(local->ss_family, SOCK_DGRAM, 0);
	int on = 1;

	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    setsockopt(sock, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVTOS : IPV6_RECVTCLASS,
		       &on, sizeof(on)) ||
	    bind(sock, (const struct sockaddr *)local, address_len(local)))
		die("cannot open a UDP socket on port %d: %s", address_port(local),
		    strerror(errno));
	return sock;
}

struct sockaddr_storage udp_local(int sock)
{
	struct sockaddr_storage addr = {};
	socklen_t len = sizeof(addr);

	if (getsockname(sock, (struct sockaddr *)&addr, &len))
		die("getsockname: %s", strerror(errno));
	return addr;
}

void udp_send(int sock, const struct sockaddr_storage *to, const void *octets, size_t len)
{
	if (sendto(sock, octets, len, 0, (const struct sockaddr *)to, address_len(to)) !=
	    (ssize_t)len)
		die("cannot send %zu octets to port %d: %s", len, address_port(to),
		    strerror(errno));
}

static int64_t received_us(struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	struct timespec when;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SO_TIMESTAMPNS) {
			memcpy(&when, CMSG_DATA(cmsg), sizeof(when));
			return (int64_t)when.tv_sec * 1000000 + when.tv_nsec / 1000;
		}
	}
	die("a datagram without its time");
}

static uint8_t received_tos(struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	int tclass;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_TOS)
			return *CMSG_DATA(cmsg);
		if (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_TCLASS) {
			memcpy(&tclass, CMSG_DATA(cmsg), sizeof(tclass));
			return tclass;
		}
	}
	die("a datagram without its TOS");
}

ssize_t udp_receive(int sock, void *octets, size_t size, int wait_ms,
		    struct sockaddr_storage *from, int64_t *when_us)
{
	return udp_receive_tos(sock, octets, size, wait_ms, from, when_us, NULL);
}

ssize_t udp_receive_tos(int sock, void *octets, size_t size, int wait_ms,
			struct sockaddr_storage *from, int64_t *when_us, uint8_t *tos)
{
	int64_t until = clock_us() + (int64_t)wait_ms * 1000;
	struct pollfd poller = { .fd = sock, .events = POLLIN };
	struct sockaddr_storage source = {};
	struct iovec iov = { .iov_base = octets, .iov_len = size };
	char control[256];
	struct msghdr msg = {
		.msg_name = &source,
		.msg_namelen = sizeof(source),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len;

	for (;;) {
		int64_t left = (until - clock_us() + 999) / 1000;

		if (poll(&poller, 1, left > 0 ? left : 0) > 0)
			break;
		if (left <= 0)
			return -1;
	}
	len = recvmsg(sock, &msg, MSG_DONTWAIT);
	if (len < 0)
		die("recvmsg: %s", strerror(errno));
	if (from)
		*from = source;
	if (when_us)
		*when_us = received_us(&msg);
	if (tos)
		*tos = received_tos(&msg);
	return len;
}
