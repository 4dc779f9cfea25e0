/* SPDX-License-Identifier: GPL-2.0 */
/* UDP sockets and addresses of the test's own. */
#ifndef IKEFP_TEST_UDP_H
#define IKEFP_TEST_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "clock.h"

/* How long to wait for what must happen, in ms: as long as it takes, within reason. */
#define PATIENCE_MS (5000 * clock_scale())

/* From numbers, such as ("10.0.0.1", 500) or ("fd00::1", 500); the port in host order. */
struct sockaddr_storage address(const char *text, int port);
socklen_t address_len(const struct sockaddr_storage *addr);
int address_port(const struct sockaddr_storage *addr);
bool address_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b);

/* Bound to @local; port 0 takes a free one. */
int udp_open(const struct sockaddr_storage *local);
struct sockaddr_storage udp_local(int sock);

void udp_send(int sock, const struct sockaddr_storage *to, const void *octets, size_t len);

/*
 * Takes a datagram, waiting up to @wait_ms for it. @from and @when_us may be NULL; the
 * latter is when the kernel received it, on a clock of its own. Returns its length,
 * -1 when none came.
 */
ssize_t udp_receive(int sock, void *octets, size_t size, int wait_ms,
		    struct sockaddr_storage *from, int64_t *when_us);

/* Likewise, with the octet of its IP header, TOS or traffic class, unless @tos is NULL. */
ssize_t udp_receive_tos(int sock, void *octets, size_t size, int wait_ms,
			struct sockaddr_storage *from, int64_t *when_us, uint8_t *tos);

#endif
