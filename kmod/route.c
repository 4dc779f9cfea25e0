// SPDX-License-Identifier: GPL-2.0

#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/ipv6_stubs.h>
#include <net/route.h>
#include <net/sock.h>

#include "path.h"
#include "route.h"

static struct dst_entry *find_v4(struct net *net, struct sock *sk, const struct ikefp_path *path)
{
	struct flowi4 flow = {
		.saddr = path->local.v4,
		.daddr = path->remote.v4,
		.fl4_sport = path->listener->port,
		.fl4_dport = path->remote_port,
		.flowi4_proto = IPPROTO_UDP,
		.flowi4_tos = ikefp_path_tos(path),
		.flowi4_mark = READ_ONCE(sk->sk_mark),
	};
	struct rtable *route;

	security_sk_classify_flow(sk, flowi4_to_flowi_common(&flow));
	route = ip_route_output_flow(net, &flow, sk);
	return IS_ERR(route) ? ERR_CAST(route) : &route->dst;
}

static struct dst_entry *find_v6(struct net *net, struct sock *sk, const struct ikefp_path *path)
{
	struct flowi6 flow = {
		.saddr = path->local.v6,
		.daddr = path->remote.v6,
		.fl6_sport = path->listener->port,
		.fl6_dport = path->remote_port,
		.flowi6_proto = IPPROTO_UDP,
		.flowlabel = ip6_make_flowinfo(ikefp_path_tos(path), 0),
		.flowi6_oif = path->ifindex,
		.flowi6_mark = READ_ONCE(sk->sk_mark),
	};

	if (!IS_ENABLED(CONFIG_IPV6))
		return ERR_PTR(-EAFNOSUPPORT);
	security_sk_classify_flow(sk, flowi6_to_flowi_common(&flow));
	return ipv6_stub->ipv6_dst_lookup_flow(net, sk, &flow, NULL);
}

/**
 * ikefp_route_find() - look a path's route up
 * @net: the network namespace
 * @path: the path, through a listener, which is held, or safe under RCU
 *
 * The listener's socket has a policy of its own, which keeps XFRM off the route.
 *
 * Context: process or softirq.
 * Return: the route, held; an ERR_PTR: -ENOTCONN when the listener is closed, or why there
 * is no route.
 */
struct dst_entry *ikefp_route_find(struct net *net, const struct ikefp_path *path)
{
	struct dst_entry *dst = ERR_PTR(-ENOTCONN);
	struct sock *sk;

	rcu_read_lock_bh();
	sk = rcu_dereference_bh(path->listener->sk);
	if (sk && path->listener->family == AF_INET)
		dst = find_v4(net, sk, path);
	else if (sk)
		dst = find_v6(net, sk, path);
	rcu_read_unlock_bh();
	return dst;
}

/**
 * ikefp_route_get() - a path's route, from the last time if it holds
 * @route: what was kept of this very path, or zeroes; kept for the next time
 * @net: the network namespace
 * @path: the path, as of ikefp_route_find()
 *
 * Context: process or softirq, under the lock of whose route it is.
 * Return: the route, held once more; NULL where there is none now.
 */
struct dst_entry *ikefp_route_get(struct ikefp_route *route, struct net *net,
				  const struct ikefp_path *path)
{
	struct dst_entry *dst = route->dst;

	if (dst && !dst_check(dst, route->cookie))
		ikefp_route_forget(route);
	if (!route->dst) {
		dst = ikefp_route_find(net, path);
		if (IS_ERR(dst))
			return NULL;
		route->dst = dst;
		if (path->listener->family == AF_INET6)
			route->cookie = rt6_get_cookie(container_of(dst, struct rt6_info, dst));
	}
	return dst_clone(dst);
}

/**
 * ikefp_route_forget() - the path is another now, or of no more use
 * @route: what was kept of it, or zeroes; zeroes afterwards
 *
 * Any context.
 */
void ikefp_route_forget(struct ikefp_route *route)
{
	dst_release(route->dst);
	memset(route, 0, sizeof(*route));
}
