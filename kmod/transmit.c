// SPDX-License-Identifier: GPL-2.0

#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6_stubs.h>
#include <net/udp_tunnel.h>

#include "context.h"
#include "datagram.h"
#include "listener.h"
#include "path.h"
#include "transmit.h"
#include "wire.h"

/* Both consume the packet. The socket's policy keeps XFRM off the route. */
static int transmit_v4(struct net *net, struct sock *sk, const struct ikefp_path *path,
		       struct sk_buff *skb)
{
	struct flowi4 flow = {
		.saddr = path->local.v4,
		.daddr = path->remote.v4,
		.fl4_sport = path->listener->port,
		.fl4_dport = path->remote_port,
		.flowi4_proto = IPPROTO_UDP,
		.flowi4_mark = READ_ONCE(sk->sk_mark),
	};
	struct rtable *route;

	security_sk_classify_flow(sk, flowi4_to_flowi_common(&flow));
	route = ip_route_output_flow(net, &flow, sk);
	if (IS_ERR(route)) {
		kfree_skb(skb);
		return PTR_ERR(route);
	}
	/* Without DF: a message larger than the path is for IP to cut. */
	udp_tunnel_xmit_skb(route, sk, skb, flow.saddr, flow.daddr, 0,
			    ip4_dst_hoplimit(&route->dst), 0, flow.fl4_sport, flow.fl4_dport,
			    false, false);
	return 0;
}

static int transmit_v6(struct net *net, struct sock *sk, const struct ikefp_path *path,
		       struct sk_buff *skb)
{
	struct flowi6 flow = {
		.saddr = path->local.v6,
		.daddr = path->remote.v6,
		.fl6_sport = path->listener->port,
		.fl6_dport = path->remote_port,
		.flowi6_proto = IPPROTO_UDP,
		.flowi6_oif = path->ifindex,
		.flowi6_mark = READ_ONCE(sk->sk_mark),
	};
	struct dst_entry *dst;

	if (!IS_ENABLED(CONFIG_IPV6)) {
		kfree_skb(skb);
		return -EAFNOSUPPORT;
	}
	security_sk_classify_flow(sk, flowi6_to_flowi_common(&flow));
	dst = ipv6_stub->ipv6_dst_lookup_flow(net, sk, &flow, NULL);
	if (IS_ERR(dst)) {
		kfree_skb(skb);
		return PTR_ERR(dst);
	}
	/* As in IPv4, larger messages are for IP to cut. */
	skb->ignore_df = 1;
	udp_tunnel6_xmit_skb(dst, sk, skb, skb->dev, &flow.saddr, &flow.daddr, 0,
			     ip6_dst_hoplimit(dst), 0, flow.fl6_sport, flow.fl6_dport, false);
	return 0;
}

#define HEADROOM (LL_MAX_HEADER + sizeof(struct ipv6hdr) + sizeof(struct udphdr))

/* Consumes the packet, a datagram without its UDP header. */
static int transmit(struct net *net, const struct ikefp_path *path, struct sk_buff *skb)
{
	struct sock *sk;
	int err;

	rcu_read_lock_bh();
	sk = rcu_dereference_bh(path->listener->sk);
	if (!sk) {
		kfree_skb(skb);
		err = -ENOTCONN;
		goto unlock;
	}
	/* NAT looks the packet's policy up again, by its owner. */
	skb_set_owner_w(skb, sk);
	if (path->listener->family == AF_INET)
		err = transmit_v4(net, sk, path, skb);
	else
		err = transmit_v6(net, sk, path, skb);
unlock:
	rcu_read_unlock_bh();
	return err;
}

/**
 * ikefp_transmit() - send a message
 * @ctx: the namespace, which counts it
 * @path: which way; its listener is held, or safe under RCU
 * @octets: the message from its IKE header on; the non-ESP marker is put before it
 *          where the listener's kind wants it (RFC 3948 section 2.2)
 * @len: octets of it, at most IKEFP_MAX_MESSAGE
 *
 * Context: process or softirq, without locks held that the receive path takes: a
 * packet to ourselves may arrive before this returns.
 * Return: 0 when the network stack has taken it; -ENOTCONN when the listener is
 * closed, -ENOMEM, or why there is no route.
 */
int ikefp_transmit(struct ikefp_context *ctx, const struct ikefp_path *path, const u8 *octets,
		   u32 len)
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

	err = transmit(ctx->net, path, skb);
	ikefp_count(ctx, err ? IKEFP_A_STATS_TX_ERRORS : IKEFP_A_STATS_TX_MESSAGES);
	return err;
}

/**
 * ikefp_transmit_message() - send a message in as many datagrams as it has
 * @ctx: the namespace, which counts them
 * @path: which way; its listener is held
 * @message: the message, held
 *
 * What the network does not take now is lost like any datagram.
 *
 * Context: as of ikefp_transmit().
 */
void ikefp_transmit_message(struct ikefp_context *ctx, const struct ikefp_path *path,
			    const struct ikefp_datagram *message)
{
	u32 at, len;

	for (at = 0; at < message->len; at += len) {
		len = min(message->fragment_len, message->len - at);
		ikefp_transmit(ctx, path, message->octets + at, len);
	}
}

/**
 * ikefp_transmit_keepalive() - keep a NAT's mapping alive
 * @ctx: the namespace, which counts it
 * @path: which way; its listener is of the kind natt
 *
 * RFC 3948 section 2.3. What the network does not take now is followed by another.
 *
 * Context: as ikefp_transmit().
 * Return: as ikefp_transmit().
 */
int ikefp_transmit_keepalive(struct ikefp_context *ctx, const struct ikefp_path *path)
{
	struct sk_buff *skb = alloc_skb(HEADROOM + 1, GFP_ATOMIC | __GFP_NOWARN);
	int err;

	if (!skb) {
		ikefp_count(ctx, IKEFP_A_STATS_TX_ERRORS);
		return -ENOMEM;
	}
	skb_reserve(skb, HEADROOM);
	skb_put_u8(skb, 0xff);
	err = transmit(ctx->net, path, skb);
	ikefp_count(ctx, err ? IKEFP_A_STATS_TX_ERRORS : IKEFP_A_STATS_KEEPALIVES_SENT);
	return err;
}
