/* SPDX-License-Identifier: GPL-2.0 */
/* Sockets of TCP whose packets no XFRM policy but their own is for: not a tunnel's traffic. */
#ifndef IKEFPD_TCP_SOCKET_H
#define IKEFPD_TCP_SOCKET_H

#include <sys/socket.h>

/*
 * AF_INET or AF_INET6. It does not block. What it accepts has its policies, too. Needs
 * CAP_NET_ADMIN, and that XFRM's netlink socket was opened once. Returns the descriptor or a
 * negative errno.
 */
int tcp_socket(sa_family_t family);

#endif
