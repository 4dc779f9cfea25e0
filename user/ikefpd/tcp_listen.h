/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The TCP ports that peers may come to (charon.tcp_ports), at all addresses of both families.
 * What is accepted is somebody else's at once: nothing is read of it here.
 */
#ifndef IKEFPD_TCP_LISTEN_H
#define IKEFPD_TCP_LISTEN_H

#include <stdint.h>

#include "errmsg.h"

struct loop;
struct tcp_listen;

/* A connection's descriptor, which is the callee's. */
typedef void (*tcp_accepted_fn)(void *arg, int fd);

/*
 * At @n ports, before privileges are dropped: those below 1024 take CAP_NET_BIND_SERVICE. NULL
 * with @err set. Without ports it listens to nothing.
 */
struct tcp_listen *tcp_listen_open(struct loop *loop, const uint16_t *ports, unsigned int n,
				   tcp_accepted_fn accepted, void *arg, struct errmsg *err);
void tcp_listen_close(struct tcp_listen *t);

#endif
