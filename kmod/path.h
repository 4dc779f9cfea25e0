/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A message's way: through which of our sockets, from and to which address. It leads through
 * a listener, in datagrams, or by a stream.
 */
#ifndef IKEFP_PATH_H
#define IKEFP_PATH_H

#include "address.h"
#include "listener.h"
#include "stream.h"

/* Zeroed, it is no path. Holds what it leads through, whose family and local port it has. */
struct ikefp_path {
	struct ikefp_listener *listener; /* one of the two, the other one is NULL */
	struct ikefp_stream *stream;
	struct ikefp_address local;
	struct ikefp_address remote;
	__be16 remote_port;
	u8 dscp; /* of an SA's datagrams, RFC 2474: 6 bits; of what has come it is not looked at */
	int ifindex; /* of a link-local address, else 0 */
};

void ikefp_path_copy(struct ikefp_path *path, const struct ikefp_path *from);
void ikefp_path_set(struct ikefp_path *path, const struct ikefp_path *from);
void ikefp_path_put(struct ikefp_path *path);
struct ikefp_path ikefp_path_of_stream(struct ikefp_stream *stream);
bool ikefp_path_same_host(const struct ikefp_path *a, const struct ikefp_path *b);
bool ikefp_path_same(const struct ikefp_path *a, const struct ikefp_path *b);
bool ikefp_path_same_remote(const struct ikefp_path *a, const struct ikefp_path *b);

/* Whether it is one. */
static inline bool ikefp_path_is_set(const struct ikefp_path *path)
{
	return path->listener || path->stream;
}

static inline u16 ikefp_path_family(const struct ikefp_path *path)
{
	return path->stream ? path->stream->family : path->listener->family;
}

static inline __be16 ikefp_path_local_port(const struct ikefp_path *path)
{
	return path->stream ? path->stream->local_port : path->listener->port;
}

/* The octet of the IP header, TOS or traffic class. Nothing of ours says anything of ECN. */
static inline u8 ikefp_path_tos(const struct ikefp_path *path)
{
	return path->dscp << 2;
}

/* Whether messages go behind the non-ESP marker, since ESP goes the same way. */
static inline bool ikefp_path_has_marker(const struct ikefp_path *path)
{
	return path->stream || path->listener->kind == IKEFP_LISTENER_KIND_NATT;
}

#endif
