/* SPDX-License-Identifier: GPL-2.0 */
/* The codepoint (RFC 2474) of a socket's packets. IKE's datagrams are the kernel's to mark. */
#ifndef IKEFPD_DSCP_H
#define IKEFPD_DSCP_H

#include <stdint.h>
#include <sys/socket.h>

/* Of an IPv4 or IPv6 socket, from here on; @dscp is below 64. Returns 0 or a negative errno. */
int dscp_set(int fd, sa_family_t family, uint8_t dscp);

#endif
