/* SPDX-License-Identifier: GPL-2.0 */
/* Opening a TCP connection, which the loop does not wait for. */
#ifndef IKEFPD_TCP_CONNECT_H
#define IKEFPD_TCP_CONNECT_H

#include <stdint.h>

#include "endpoint.h"

struct loop;
struct tcp_connect;

/* The connection's descriptor, which is the callee's; or -1, and why: a negative errno. */
typedef void (*tcp_connect_fn)(void *arg, int fd, int err);

/*
 * From @local's address, of whatever port, to @remote, within @limit_ms, in packets that have the
 * codepoint @dscp. @done is called once, from the loop, unless it is cancelled. Returns 0 with *c
 * set, or a negative errno.
 */
int tcp_connect_begin(struct tcp_connect **c, struct loop *loop, const struct endpoint *local,
		      const struct endpoint *remote, uint8_t dscp, uint64_t limit_ms,
		      tcp_connect_fn done, void *arg);
/* NULL is fine. */
void tcp_connect_cancel(struct tcp_connect *c);

#endif
