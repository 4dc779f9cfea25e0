// SPDX-License-Identifier: GPL-2.0

#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/route.h>
#include <net/udp.h>

#include "context.h"
#include "datagram.h"
#include "packet.h"
#include "path.h"
#include "route.h"
#include "transmit.h"
#include "wire.h"

static void put_udp(struct sk_buff *skb, const struct ikefp_path *path)
{
	struct udphdr *udp = skb_push(skb, sizeof(*udp));

	skb_reset_transport_header(skb);
	udp->source = path->listener->port;
	udp->dest = path->remote_port;
	udp->len = htons(skb->len);
	udp->check = 0;
}

/* What every link carries in one piece (RFC 791): it needs no ID by which to join pieces. */
#define MTU_MIN 68

/*
 * Both consume the packet and the route. Without DF, where that matters: a message larger
 * than the path is for IP to cut.
 */
static void transmit_v4(struct net *net, struct sock *sk, const struct ikefp_path *path,
			struct dst_entry *dst, struct sk_buff *skb)
{
	struct iphdr *ip;

	put_udp(skb, path);
	udp_set_csum(false, skb, path->local.v4, path->remote.v4, skb->len);
	skb_dst_set(skb, dst);
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	ip = skb_push(skb, sizeof(*ip));
	skb_reset_network_header(skb);
	*ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tos = ikefp_path_tos(path),
		.ttl = ip4_dst_hoplimit(dst),
		.protocol = IPPROTO_UDP,
		.saddr = path->local.v4,
		.daddr = path->remote.v4,
	};
	if (skb->len > MTU_MIN)
		__ip_select_ident(net, ip, 1);
	else
		ip->frag_off = htons(IP_DF);
	ip_local_out(net, sk, skb);
}

static void transmit_v6(struct net *net, struct sock *sk, const struct ikefp_path *path,
			struct dst_entry *dst, struct sk_buff *skb)
{
	struct ipv6hdr *ip;

	put_udp(skb, path);
	udp6_set_csum(false, skb, &path->local.v6, &path->remote.v6, skb->len);
	skb_dst_set(skb, dst);
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	ip = skb_push(skb, sizeof(*ip));
	skb_reset_network_header(skb);
	*ip = (struct ipv6hdr){
		.nexthdr = IPPROTO_UDP,
		.hop_limit = ip6_dst_hoplimit(dst),
		.saddr = path->local.v6,
		.daddr = path->remote.v6,
	};
	ip6_flow_hdr(ip, ikefp_path_tos(path), 0);
	skb->ignore_df = 1;
	ip6_local_out(net, sk, skb);
}

/* What comes before a datagram's octets on this route. */
static u32 headroom(const struct dst_entry *dst)
{
	u32 link = LL_RESERVED_SPACE(dst->dev) + dst->header_len;

	return link + sizeof(struct ipv6hdr) + sizeof(struct udphdr);
}

/* Consumes the route, which is NULL if it is to be looked up. */
static int transmit(struct net *net, const struct ikefp_path *path, struct dst_entry *route,
		    u32 marker_len, const u8 *octets, u32 len, struct sk_buff **spare)
{
	struct dst_entry *dst = route ?: ikefp_route_find(net, path);
	struct sk_buff *skb;
	struct sock *sk;
	int err = 0;

	if (IS_ERR(dst))
		return PTR_ERR(dst);
	rcu_read_lock_bh();
	sk = rcu_dereference_bh(path->listener->sk);
	if (!sk) {
		err = -ENOTCONN;
		goto release;
	}
	skb = ikefp_packet_get(spare, headroom(dst), marker_len + len);
	if (!skb) {
		err = -ENOMEM;
		goto release;
	}
	if (marker_len)
		memset(skb_put(skb, IKEFP_MARKER_LEN), 0, IKEFP_MARKER_LEN);
	skb_put_data(skb, octets, len);
	/* Queues go by it, as by an IPv4 socket's IP_TOS; here with IPv6, too. */
	skb->priority = rt_tos2priority(ikefp_path_tos(path));
	/* NAT looks the packet's policy up again, by its owner. */
	skb_set_owner_w(skb, sk);
	if (path->listener->family == AF_INET)
		transmit_v4(net, sk, path, dst, skb);
	else if (IS_ENABLED(CONFIG_IPV6))
		transmit_v6(net, sk, path, dst, skb);
	rcu_read_unlock_bh();
	return 0;
release:
	rcu_read_unlock_bh();
	dst_release(dst);
	return err;
}

/**
 * ikefp_transmit() - send a message
 * @ctx: the namespace, which counts it
 * @path: which way; its listener is held, or safe under RCU; its stream is held
 * @route: the path's route, held, which is consumed; NULL: it is to be looked up, or the path
 *         is by a stream
 * @octets: the message from its IKE header on; the non-ESP marker is put before it
 *          where the listener's kind wants it (RFC 3948 section 2.2)
 * @len: octets of it, at most IKEFP_MAX_MESSAGE
 * @spare: a packet that it may go out in, as of ikefp_packet_get(), or NULL
 *
 * Context: process or softirq, without locks held that the receive path takes: a
 * packet to ourselves may arrive before this returns.
 * Return: 0 when the network stack has taken it; -ENOTCONN when the listener is
 * closed, or the stream; -ENOMEM, -ENOBUFS, or why there is no route.
 */
int ikefp_transmit(struct ikefp_context *ctx, const struct ikefp_path *path,
		   struct dst_entry *route, const u8 *octets, u32 len, struct sk_buff **spare)
{
	u32 marker_len = ikefp_path_has_marker(path) ? IKEFP_MARKER_LEN : 0;
	int err;

	if (path->stream)
		err = ikefp_stream_send(path->stream, octets, len);
	else
		err = transmit(ctx->net, path, route, marker_len, octets, len, spare);
	ikefp_count(ctx, err ? IKEFP_A_STATS_TX_ERRORS : IKEFP_A_STATS_TX_MESSAGES);
	return err;
}

/**
 * ikefp_transmit_message() - send a message in as many datagrams as it has
 * @ctx: the namespace, which counts them
 * @path: which way; its listener or stream is held
 * @route: as of ikefp_transmit()
 * @message: the message, held
 * @spare: as of ikefp_transmit()
 *
 * What the network does not take now is lost like any datagram.
 *
 * Context: as of ikefp_transmit().
 */
void ikefp_transmit_message(struct ikefp_context *ctx, const struct ikefp_path *path,
			    struct dst_entry *route, const struct ikefp_datagram *message,
			    struct sk_buff **spare)
{
	u32 at = 0, len;

	do {
		len = min(message->fragment_len, message->len - at);
		if (route && at + len < message->len)
			dst_hold(route);
		ikefp_transmit(ctx, path, route, message->octets + at, len, spare);
		at += len;
	} while (at < message->len);
}

/**
 * ikefp_transmit_keepalive() - keep a NAT's mapping alive
 * @ctx: the namespace, which counts it
 * @path: which way; its listener is of the kind natt
 * @route: as of ikefp_transmit()
 *
 * RFC 3948 section 2.3. What the network does not take now is followed by another.
 *
 * Context: as ikefp_transmit().
 * Return: as ikefp_transmit().
 */
int ikefp_transmit_keepalive(struct ikefp_context *ctx, const struct ikefp_path *path,
			     struct dst_entry *route)
{
	static const u8 keepalive = 0xff;
	int err = transmit(ctx->net, path, route, 0, &keepalive, sizeof(keepalive), NULL);

	ikefp_count(ctx, err ? IKEFP_A_STATS_TX_ERRORS : IKEFP_A_STATS_KEEPALIVES_SENT);
	return err;
}
