// SPDX-License-Identifier: GPL-2.0

#include <linux/string.h>
#include <net/ipv6.h>

#include "listener.h"
#include "path.h"

/**
 * ikefp_path_set() - make one path like another
 * @path: a path or zeroes; what it held is put
 * @from: a path whose listener is held, or is safe under RCU
 *
 * Any context.
 */
void ikefp_path_set(struct ikefp_path *path, const struct ikefp_path *from)
{
	struct ikefp_listener *old = path->listener;

	ikefp_listener_hold(from->listener);
	*path = *from;
	ikefp_listener_put(old);
}

/**
 * ikefp_path_put() - give up a path
 * @path: a path or zeroes; zeroes afterwards
 */
void ikefp_path_put(struct ikefp_path *path)
{
	ikefp_listener_put(path->listener);
	memset(path, 0, sizeof(*path));
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
	return (a->listener == b->listener || a->listener->family == b->listener->family) &&
	       a->ifindex == b->ifindex && ipv6_addr_equal(&a->remote.v6, &b->remote.v6);
}

/**
 * ikefp_path_same_remote() - do two paths lead to the same peer's socket
 * @a: a path
 * @b: another
 *
 * Return: whether the port is the same, too.
 */
bool ikefp_path_same_remote(const struct ikefp_path *a, const struct ikefp_path *b)
{
	return ikefp_path_same_host(a, b) && a->remote_port == b->remote_port;
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
