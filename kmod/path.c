// SPDX-License-Identifier: GPL-2.0

#include <linux/string.h>
#include <net/ipv6.h>

#include "path.h"

/**
 * ikefp_path_copy() - one more path like another
 * @path: no path, whatever is in it
 * @from: a path whose listener is held, or is safe under RCU, or whose stream is held
 *
 * Any context.
 */
void ikefp_path_copy(struct ikefp_path *path, const struct ikefp_path *from)
{
	if (from->stream)
		ikefp_stream_hold(from->stream);
	else
		ikefp_listener_hold(from->listener);
	*path = *from;
}

/**
 * ikefp_path_set() - make one path like another
 * @path: a path or zeroes; what it held is put
 * @from: as of ikefp_path_copy()
 *
 * Any context.
 */
void ikefp_path_set(struct ikefp_path *path, const struct ikefp_path *from)
{
	struct ikefp_path old = *path;

	ikefp_path_copy(path, from);
	ikefp_path_put(&old);
}

/**
 * ikefp_path_put() - give up a path
 * @path: a path or zeroes; zeroes afterwards
 */
void ikefp_path_put(struct ikefp_path *path)
{
	ikefp_listener_put(path->listener);
	ikefp_stream_put(path->stream);
	memset(path, 0, sizeof(*path));
}

/**
 * ikefp_path_of_stream() - the way by a stream
 * @stream: the stream
 *
 * Return: the path, which does not hold the stream.
 */
struct ikefp_path ikefp_path_of_stream(struct ikefp_stream *stream)
{
	return (struct ikefp_path){
		.stream = stream,
		.local = stream->local,
		.remote = stream->remote,
		.remote_port = stream->remote_port,
		.ifindex = stream->ifindex,
	};
}

/**
 * ikefp_path_same_host() - do two paths lead to the same peer's address
 * @a: a path
 * @b: another
 *
 * Return: whether family, address and, where it matters, link are the same.
 */
bool ikefp_path_same_host(const struct ikefp_path *a, const struct ikefp_path *b)
{
	return ((a->listener == b->listener && a->stream == b->stream) ||
		ikefp_path_family(a) == ikefp_path_family(b)) &&
	       a->ifindex == b->ifindex && ipv6_addr_equal(&a->remote.v6, &b->remote.v6);
}

/**
 * ikefp_path_same_remote() - do two paths lead to the same peer's socket
 * @a: a path
 * @b: another
 *
 * Return: whether the port is the same, too, or the stream.
 */
bool ikefp_path_same_remote(const struct ikefp_path *a, const struct ikefp_path *b)
{
	return a->stream == b->stream && ikefp_path_same_host(a, b) &&
	       a->remote_port == b->remote_port;
}

/**
 * ikefp_path_same() - are two paths one
 * @a: a path
 * @b: another
 *
 * Return: whether both ends are the same.
 */
bool ikefp_path_same(const struct ikefp_path *a, const struct ikefp_path *b)
{
	return a->listener == b->listener && ikefp_path_same_remote(a, b) &&
	       ipv6_addr_equal(&a->local.v6, &b->local.v6);
}
