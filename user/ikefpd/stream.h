/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP connections that IKE SAs go by, IKE and ESP alike (RFC 9329). The kernel carries what goes
 * by them, and calls them streams; here is who opens them, and when.
 *
 * Who has initiated the first of a line of IKE SAs opens the connection, whoever has rekeyed
 * them since; IKE SAs from the same address to the same port share one, if their connections have
 * the same dscp, which is that of all its packets, ESP's, too. When it ends, another one is opened
 * in its place, at once and then less and less often, as long as an IKE SA is there to go by it.
 * What is outstanding goes out once more by that, which is the kernel's; and something is asked of
 * the peer, if nothing is, by which it knows where we are. Nothing is taken down meanwhile: that a
 * peer does not answer is found out as ever.
 *
 * The connections that peers have opened are theirs: the kernel has their IKE SAs follow them.
 */
#ifndef IKEFPD_STREAM_H
#define IKEFPD_STREAM_H

#include <stdbool.h>
#include <stdint.h>

struct endpoint;
struct ike_manager;
struct ike_sa;

/*
 * The IKE SA goes by one from its local to its remote address, at its connection's
 * tcp_remote_port. Where there is one already, it has its endpoints on return; else
 * ike_begin_by_stream() is called once there is, from the loop, or transport_no_tcp() where
 * that is no way. Who has sent nothing yet is ended when it could not be opened for a minute.
 * Returns 0 or -ENOMEM.
 */
int stream_join(struct ike_sa *sa);
/* It is gone, or goes by none any more. Without one that does nothing. */
void stream_leave(struct ike_sa *sa);
/* The one goes as the other does, from the endpoints on. */
void stream_inherit(struct ike_sa *sa, const struct ike_sa *old);
/* One of a daemon before that has opened the one between these endpoints. 0 or -ENOMEM. */
int stream_resume(struct ike_sa *sa, const struct endpoint *local,
		  const struct endpoint *remote, uint8_t dscp);

/*
 * A TCP connection that a peer has opened, which is closed here afterwards. Of whose IKE SAs is
 * not known yet, nor whether there will be more than one: its dscp is that of the connection that
 * fits the addresses best.
 */
void stream_accepted(struct ike_manager *m, int fd);

/* The kernel says so. */
void stream_closed(struct ike_manager *m, uint32_t id);
/* Of a manager whose IKE SAs are gone. */
void stream_clear(struct ike_manager *m);

#endif
