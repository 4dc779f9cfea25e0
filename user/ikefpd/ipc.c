// SPDX-License-Identifier: GPL-2.0
/* Packets between the daemon's own processes. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc.h"

/*
 * Only read() and write(): the strictest of the filters (sandbox.c) lets no other
 * calls on sockets pass, so that no descriptor can come along with a packet.
 */

int ipc_pair(int fds[2])
{
	const int size = 2 * IPC_PACKET_MAX;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	/* Room for the largest packet; where this is refused, the default has it. */
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

int ipc_send(int fd, const void *data, size_t len)
{
	ssize_t n;

	if (len > IPC_PACKET_MAX)
		return -EMSGSIZE;
	do
		n = write(fd, data, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

bool ipc_is_open(int fd)
{
	struct pollfd hup = { .fd = fd };

	return poll(&hup, 1, 0) == 0;
}

ssize_t ipc_recv(int fd, void *data, size_t size, int timeout_ms)
{
	struct pollfd poll_in = { .fd = fd, .events = POLLIN };
	ssize_t n;
	int ret;

	do
		ret = poll(&poll_in, 1, timeout_ms);
	while (ret < 0 && errno == EINTR);
	if (ret <= 0)
		return ret ? -errno : -ETIMEDOUT;
	do
		n = read(fd, data, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	/* What does not fit is cut off without a word. */
	return (size_t)n == size ? -EMSGSIZE : n;
}
