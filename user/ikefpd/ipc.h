/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets between the daemon's own processes, over pairs of SOCK_SEQPACKET sockets:
 * one packet is one request or one answer, whole. An empty packet cannot be told
 * from the end and counts as it.
 */
#ifndef IKEFPD_IPC_H
#define IKEFPD_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Octets of the largest packet. A request to MAC an IKE_SA_INIT message fits. */
#define IPC_PACKET_MAX	(128u * 1024)

/* Both ends, close-on-exec. Returns 0 or -errno. */
int ipc_pair(int fds[2]);

/* Returns 0 or -errno: -EMSGSIZE for a packet of more than IPC_PACKET_MAX octets. */
int ipc_send(int fd, const void *data, size_t len);

/* Has the other end not closed it? */
bool ipc_is_open(int fd);

/*
 * Waits for a packet for at most @timeout_ms (-1: for ever) and reads it. Returns its
 * octets, 0 at the end, or -errno: -ETIMEDOUT, or -EMSGSIZE if it has @size octets or
 * more, and is lost: give one more than you take.
 */
ssize_t ipc_recv(int fd, void *data, size_t size, int timeout_ms);

#endif /* IKEFPD_IPC_H */
