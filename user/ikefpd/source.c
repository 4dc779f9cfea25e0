// SPDX-License-Identifier: GPL-2.0
/* Which of our addresses the kernel would send from. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source.h"

/* connect() on a UDP socket looks up the route and sends nothing. */
int source_address(const struct endpoint *remote, struct endpoint *local)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(remote, &ss);
	uint16_t port = local->port;
	int fd, err = 0;

	fd = socket(remote->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&ss, len))
		err = -errno;
	len = sizeof(ss);
	if (!err && getsockname(fd, (struct sockaddr *)&ss, &len))
		err = -errno;
	if (!err)
		err = endpoint_from_sockaddr(local, (struct sockaddr *)&ss);
	local->port = port;
	close(fd);
	return err;
}

/* To one of its own a host goes from that itself. */
bool source_is_ours(const struct endpoint *addr)
{
	struct endpoint to = *addr, from = { .port = 0 };

	/* Any: nothing is sent. */
	to.port = 500;
	return !source_address(&to, &from) && endpoint_same_addr(&from, addr);
}
