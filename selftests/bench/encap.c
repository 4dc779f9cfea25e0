// SPDX-License-Identifier: GPL-2.0
/*
 * usage: encap ADDRESS
 *
 * The kernel's own UDP_ENCAP socket, on port 4500 of an address, until the process is
 * ended; with policies of its own that let its packets past all others, as an IKE daemon's
 * has.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/in6.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fail.h"

#ifndef IP_XFRM_POLICY
#define IP_XFRM_POLICY 17
#endif

int main(int argc, char **argv)
{
	struct xfrm_userpolicy_info policy = {
		.lft = {
			.soft_byte_limit = XFRM_INF, .hard_byte_limit = XFRM_INF,
			.soft_packet_limit = XFRM_INF, .hard_packet_limit = XFRM_INF,
		},
		.action = XFRM_POLICY_ALLOW,
	};
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(4500) };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(4500) };
	int encap = UDP_ENCAP_ESPINUDP, family, sock;

	if (argc != 2)
		fail("usage: encap ADDRESS");
	family = strchr(argv[1], ':') ? AF_INET6 : AF_INET;
	sock = socket(family, SOCK_DGRAM, 0);
	if (sock < 0 || setsockopt(sock, IPPROTO_UDP, UDP_ENCAP, &encap, sizeof(encap)) ||
	    (family == AF_INET ? inet_pton(AF_INET, argv[1], &in.sin_addr) :
				 inet_pton(AF_INET6, argv[1], &in6.sin6_addr)) != 1 ||
	    bind(sock, family == AF_INET ? (struct sockaddr *)&in : (struct sockaddr *)&in6,
		 family == AF_INET ? sizeof(in) : sizeof(in6)))
		fail("%s: %s", argv[1], strerror(errno));
	policy.sel.family = family;
	for (policy.dir = XFRM_POLICY_IN; policy.dir <= XFRM_POLICY_OUT; policy.dir++) {
		if (family == AF_INET ?
		    setsockopt(sock, IPPROTO_IP, IP_XFRM_POLICY, &policy, sizeof(policy)) :
		    setsockopt(sock, IPPROTO_IPV6, IPV6_XFRM_POLICY, &policy, sizeof(policy)))
			fail("a policy: %s", strerror(errno));
	}
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
