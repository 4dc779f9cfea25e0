// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include <linux/xfrm.h>

#include "tcp_socket.h"

/* As the module does it for what it is handed: a connection begins earlier. */
static int bypass_xfrm(int fd, sa_family_t family)
{
	struct xfrm_userpolicy_info policy = {
		.sel.family = family,
		.lft = {
			.soft_byte_limit = XFRM_INF,
			.hard_byte_limit = XFRM_INF,
			.soft_packet_limit = XFRM_INF,
			.hard_packet_limit = XFRM_INF,
		},
		.action = XFRM_POLICY_ALLOW,
	};
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int option = family == AF_INET ? IP_XFRM_POLICY : IPV6_XFRM_POLICY;

	for (policy.dir = XFRM_POLICY_IN; policy.dir <= XFRM_POLICY_OUT; policy.dir++)
		if (setsockopt(fd, level, option, &policy, sizeof(policy)))
			return -errno;
	return 0;
}

int tcp_socket(sa_family_t family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = bypass_xfrm(fd, family);
	if (!err)
		return fd;
	close(fd);
	return err;
}
