// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>

#include "dscp.h"

int dscp_set(int fd, sa_family_t family, uint8_t dscp)
{
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int option = family == AF_INET ? IP_TOS : IPV6_TCLASS;
	/* TCP keeps to itself what it says of ECN. */
	const int octet = dscp << 2;

	return setsockopt(fd, level, option, &octet, sizeof(octet)) ? -errno : 0;
}
