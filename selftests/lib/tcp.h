/* SPDX-License-Identifier: GPL-2.0 */
/* TCP connections, and the messages of a stream in them (RFC 9329 section 3). */
#ifndef IKEFP_TEST_TCP_H
#define IKEFP_TEST_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "udp.h"

#define STREAM_PREFIX "IKETCP"
#define STREAM_PREFIX_LEN 6
#define STREAM_LENGTH_LEN 2
#define STREAM_SIZE 65536

/* A socket that listens; port 0 takes a free one. */
int tcp_listen(const struct sockaddr_storage *local);

/* A connection from @local, port 0 taking a free one; its other end is for tcp_accept(). */
int tcp_connect(const struct sockaddr_storage *local, const struct sockaddr_storage *to);
int tcp_accept(int listening);
struct sockaddr_storage tcp_remote(int sock);

/* All of the octets, which the connection must take. */
void tcp_send(int sock, const void *octets, size_t len);

/* A message behind its length. */
void tcp_send_framed(int sock, const void *octets, size_t len);

/* So many octets, which must come in time; false: the connection ended, or they did not. */
bool tcp_receive(int sock, void *octets, size_t len, int wait_ms);

/* The next message without its length. Returns its octets, or -1 when none came in time. */
ssize_t tcp_receive_framed(int sock, uint8_t *octets, size_t size, int wait_ms);

/* Whether the other end closes the connection in time; what comes before is thrown away. */
bool tcp_ends(int sock, int wait_ms);

/* Closes with a reset. */
void tcp_reset(int sock);

#endif
