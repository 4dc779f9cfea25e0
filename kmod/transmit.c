// SPDX-License-Identifier: GPL-2.0

#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/udp_tunnel.h>

#include "context.h"
#include "datagram.h"
#include "listener.h"
#include "path.h"
#include "route.h"
#include "transmit.h"
#include "wire.h"

/* Both consume the packet and the route. */
static void transmit_v4(struct sock *sk, const struct ikefp_path *path, struct dst_entry *dst,
			struct sk_buff *skb)
{
	struct rtable *route = container_of(dst, struct rtable, dst);

	/* Without DF: a message larger than the path is for IP to cut. */
	udp_tunnel_xmit_skb(route, sk, skb, path->local.v4, path->remote.v4, 0,
			    ip4_dst_hoplimit(dst), 0, path->listener->port, path->remote_port,
			    false, false);
}

static void transmit_v6(struct sock *sk, const struct ikefp_path *path, struct dst_entry *dst,
			struct sk_buff *skb)
{
	struct in6_addr local = path->local.v6, remote = path->remote.v6;

	/* As in IPv4, larger messages are for IP to cut. */
	skb->ignore_df = 1;
	udp_tunnel6_xmit_skb(dst, sk, skb, skb->dev, &local, &remote, 0, ip6_dst_hoplimit(dst),
			     0, path->listener->port, path->remote_port, false);
}

#define HEADROOM (LL_MAX_HEADER + sizeof(struct ipv6hdr) + sizeof(struct udphdr))

/* Consumes the packet, a datagram without its UDP header. */
static int transmit(struct net *net, const struct ikefp_path *path, struct dst_entry *route,
		    struct sk_buff *skb)
{
	struct dst_entry *dst = route ? dst_clone(route) : ikefp_route_find(net, path);
	struct sock *sk;
	int err = 0;

	if (IS_ERR(dst)) {
		kfree_skb(skb);
		return PTR_ERR(dst);
	}
	rcu_read_lock_bh();
	sk = rcu_dereference_bh(path->listener->sk);
	if (!sk) {
		dst_release(dst);
		kfree_skb(skb);
		err = -ENOTCONN;
		goto unlock;
	}
	/* NAT looks the packet's policy up again, by its owner. */
	skb_set_owner_w(skb, sk);
	if (path->listener->family == AF_INET)
		transmit_v4(sk, path, dst, skb);
	else if (IS_ENABLED(CONFIG_IPV6))
		transmit_v6(sk, path, dst, skb);
unlock:
	rcu_read_unlock_bh();
	return err;
}

/**
 * ikefp_transmit() - send a message
 * @ctx: the namespace, which counts it
 * @path: which way; its listener is held, or safe under RCU
 * @route: the path's route, held; NULL: it is to be looked up
 * @octets: the message from its IKE header on; the non-ESP marker is put before it
 *          where the listener's kind wants it (RFC 3948 section 2.2)
 * @len: octets of it, at most IKEFP_MAX_MESSAGE
 *
 * Context: process or softirq, without locks held that the receive path takes: a
 * packet to ourselves may arrive before this returns.
 * Return: 0 when the network stack has taken it; -ENOTCONN when the listener is
 * closed, -ENOMEM, or why there is no route.
 */
int ikefp_transmit(struct ikefp_context *ctx, const struct ikefp_path *path,
		   struct dst_entry *route, const u8 *octets, u32 len)
{
	u32 marker_len = path->listener->kind == IKEFP_LISTENER_KIND_NATT ? IKEFP_MARKER_LEN : 0;
	struct sk_buff *skb;
	int err;

	skb = alloc_skb(HEADROOM + marker_len + len, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb) {
		ikefp_count(ctx, IKEFP_A_STATS_TX_ERRORS);
		return -ENOMEM;
	}
	skb_reserve(skb, HEADROOM);
	memset(skb_put(skb, marker_len), 0, marker_len);
	skb_put_data(skb, octets, len);

	err = transmit(ctx->net, path, route, skb);
	ikefp_count(ctx, err ? IKEFP_A_STATS_TX_ERRORS : IKEFP_A_STATS_TX_MESSAGES);
	return err;
}

/**
 * ikefp_transmit_message() - send a message in as many datagrams as it has
 * @ctx: the namespace, which counts them
 * @path: which way; its listener is held
 * @route: the path's route, held; NULL: it is to be looked up
 * @message: the message, held
 *
 * What the network does not take now is lost like any datagram.
 *
 * Context: as of ikefp_transmit().
 */
void ikefp_transmit_message(struct ikefp_context *ctx, const struct ikefp_path *path,
			    struct dst_entry *route, const struct ikefp_datagram *message)
{
	u32 at, len;

	for (at = 0; at < message->len; at += len) {
		len = min(message->fragment_len, message->len - at);
		ikefp_transmit(ctx, path, route, message->octets + at, len);
	}
}

/**
 * ikefp_transmit_keepalive() - keep a NAT's mapping alive
 * @ctx: the namespace, which counts it
 * @path: which way; its listener is of the kind natt
 * @route: the path's route, held; NULL: it is to be looked up
 *
 * RFC 3948 section 2.3. What the network does not take now is followed by another.
 *
 * Context: as ikefp_transmit().
 * Return: as ikefp_transmit().
 */
int ikefp_transmit_keepalive(struct ikefp_context *ctx, const struct ikefp_path *path,
			     struct dst_entry *route)
{
	struct sk_buff *skb = alloc_skb(HEADROOM + 1, GFP_ATOMIC | __GFP_NOWARN);
	int err;

	if (!skb) {
		ikefp_count(ctx, IKEFP_A_STATS_TX_ERRORS);
		return -ENOMEM;
	}
	skb_reserve(skb, HEADROOM);
	skb_put_u8(skb, 0xff);
	err = transmit(ctx->net, path, route, skb);
	ikefp_count(ctx, err ? IKEFP_A_STATS_TX_ERRORS : IKEFP_A_STATS_KEEPALIVES_SENT);
	return err;
}
