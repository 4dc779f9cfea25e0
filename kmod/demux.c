// SPDX-License-Identifier: GPL-2.0

#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/gro.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/ipv6_stubs.h>
#include <net/protocol.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "demux.h"
#include "message.h"
#include "path.h"
#include "trace.h"

/* RFC 3948 section 2. */
enum datagram_kind { KEEPALIVE, ESP, IKE, SHORT };

static enum datagram_kind classify(const u8 *octets, unsigned int len)
{
	static const u8 marker[IKEFP_MARKER_LEN];

	if (len == 1 && octets[0] == 0xff)
		return KEEPALIVE;
	if (len < IKEFP_MARKER_LEN)
		return SHORT;
	if (!memcmp(octets, marker, IKEFP_MARKER_LEN))
		return IKE;
	return len > sizeof(struct ip_esp_hdr) ? ESP : SHORT;
}

/* To XFRM just as a UDP_ENCAP socket does it. The packet is XFRM's afterwards. */
static int receive_esp(struct sock *sk, struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return ipv6_stub->xfrm6_udp_encap_rcv(sk, skb);
#endif
	return xfrm4_udp_encap_rcv(sk, skb);
}

/* To one host, and from a port that can be answered. */
static bool can_be_answered(const struct ikefp_listener *listener, const struct sk_buff *skb)
{
	if (!udp_hdr(skb)->source)
		return false;
	if (listener->family == AF_INET)
		return !(skb_rtable(skb)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST));
	return !ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr);
}

/* Consumes the datagram. */
static void receive_ike(struct ikefp_listener *listener, struct sk_buff *skb)
{
	struct ikefp_path path = {
		.listener = listener,
		.remote_port = udp_hdr(skb)->source,
	};

	if (listener->family == AF_INET) {
		path.local.v4 = ip_hdr(skb)->daddr;
		path.remote.v4 = ip_hdr(skb)->saddr;
	} else {
		path.local.v6 = ipv6_hdr(skb)->daddr;
		path.remote.v6 = ipv6_hdr(skb)->saddr;
		if (ipv6_addr_type(&path.remote.v6) & IPV6_ADDR_LINKLOCAL)
			path.ifindex = inet6_iif(skb);
	}
	ikefp_message_receive(listener->ctx, skb, &path);
}

static void drop(struct ikefp_context *ctx, int reason)
{
	ikefp_count(ctx, reason);
	trace_ikefp_drop(ctx->net, reason, 0, 0, 0, 0);
}

/**
 * ikefp_demux_receive() - take a datagram from a listener's socket
 * @sk: the socket
 * @skb: the datagram, its data beginning with the UDP header, its checksum verified
 *
 * Context: softirq, under RCU; a UDP socket's encap_rcv.
 * Return: 0 when the datagram was consumed, or what XFRM says; never that the socket
 * should have it, which nobody reads.
 */
int ikefp_demux_receive(struct sock *sk, struct sk_buff *skb)
{
	struct ikefp_listener *listener = rcu_dereference_sk_user_data(sk);
	unsigned int len = skb->len - sizeof(struct udphdr);
	unsigned int header_len = sizeof(struct udphdr);
	enum datagram_kind kind = IKE;
	int err;

	/* Closed meanwhile. */
	if (!listener)
		goto free;

	if (listener->kind == IKEFP_LISTENER_KIND_NATT) {
		if (!pskb_may_pull(skb, header_len + min_t(unsigned int, len, IKEFP_MARKER_LEN))) {
			drop(listener->ctx, IKEFP_A_STATS_DROP_MEMORY);
			goto free;
		}
		kind = classify(skb->data + header_len, len);
		header_len += IKEFP_MARKER_LEN;
	}
	switch (kind) {
	case ESP:
		ikefp_count(listener->ctx, IKEFP_A_STATS_RX_ESP);
		err = receive_esp(sk, skb);
		if (err <= 0)
			return err;
		/* So malformed that XFRM did not look at it. */
		drop(listener->ctx, IKEFP_A_STATS_DROP_SHORT);
		break;
	case KEEPALIVE:
		ikefp_count(listener->ctx, IKEFP_A_STATS_RX_KEEPALIVE);
		consume_skb(skb);
		return 0;
	case SHORT:
		drop(listener->ctx, IKEFP_A_STATS_DROP_SHORT);
		break;
	case IKE:
		if (!can_be_answered(listener, skb)) {
			drop(listener->ctx, IKEFP_A_STATS_DROP_UNANSWERABLE);
		} else if (!pskb_pull(skb, header_len)) {
			drop(listener->ctx, IKEFP_A_STATS_DROP_MEMORY);
		} else {
			receive_ike(listener, skb);
			return 0;
		}
		break;
	}
free:
	kfree_skb(skb);
	return 0;
}

/* Of the module esp4_offload or esp6_offload; NULL while it is not loaded. */
static const struct net_offload *esp_offload(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return rcu_dereference(inet6_offloads[IPPROTO_ESP]);
#endif
	return rcu_dereference(inet_offloads[IPPROTO_ESP]);
}

/*
 * Whether it is one datagram to this host, right behind an IP header without anything
 * between, and ends where its packet ends; in IPv6 with a checksum. XFRM, and the GRO layer
 * before it, believe all that of what they get.
 */
static bool is_plain(const struct sock *sk, const struct sk_buff *skb, const struct udphdr *udp)
{
	bool v4 = sk->sk_family == AF_INET;
	u32 ip_len = v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);

	return skb->pkt_type == PACKET_HOST && skb_network_header_len(skb) == ip_len &&
	       ntohs(udp->len) == sizeof(*udp) + skb_gro_len(skb) && (v4 || udp->check);
}

/**
 * ikefp_demux_gro_receive() - take a datagram while its device still gathers packets
 * @sk: the socket
 * @held: what the device has gathered
 * @skb: the datagram, the GRO layer's offset at its payload, its checksum verified
 *
 * ESP of a known SA goes to XFRM at once, past routing and a second look-up of the socket,
 * and what XFRM makes of it is gathered. All else goes the usual way, as it came.
 *
 * XFRM is given it as xfrm4_gro_udp_encap_rcv() does since 6.15. Before, that one shortens
 * the IP packet even if it does not take it.
 *
 * Context: softirq, under RCU; a UDP socket's gro_receive, since 6.7.
 * Return: -EINPROGRESS when it was consumed, else NULL.
 */
struct sk_buff *ikefp_demux_gro_receive(struct sock *sk, struct list_head *held,
					struct sk_buff *skb)
{
	struct ikefp_listener *listener = rcu_dereference_sk_user_data(sk);
	const struct net_offload *offload = esp_offload(sk);
	unsigned int offset = skb_gro_offset(skb);
	const struct udphdr *udp;
	struct sk_buff *result;

	/* Closed meanwhile; nobody to give it to; a fragment, or another length than IP says. */
	if (!listener || !offload || !offload->callbacks.gro_receive || NAPI_GRO_CB(skb)->flush)
		goto pass;
	udp = skb_gro_header(skb, offset + IKEFP_MARKER_LEN, offset - sizeof(*udp));
	if (!udp || !is_plain(sk, skb, udp) ||
	    classify((const u8 *)(udp + 1), skb_gro_len(skb)) != ESP)
		goto pass;

	skb_set_transport_header(skb, offset);
	NAPI_GRO_CB(skb)->proto = IPPROTO_UDP;
	result = call_gro_receive(offload->callbacks.gro_receive, held, skb);
	if (result == ERR_PTR(-EINPROGRESS)) {
		ikefp_count(listener->ctx, IKEFP_A_STATS_RX_ESP);
		return result;
	}
pass:
	NAPI_GRO_CB(skb)->same_flow = 0;
	NAPI_GRO_CB(skb)->flush = 1;
	return NULL;
}

/*
 * What there was no room for, or no leave, would come again in a datagram. By a stream it
 * comes again only when that is another one.
 */
static bool is_for_want_of_room(int reason)
{
	switch (reason) {
	case IKEFP_A_STATS_DROP_MEMORY:
	case IKEFP_A_STATS_DROP_NO_WORKER:
	case IKEFP_A_STATS_DROP_WORKER_FULL:
	case IKEFP_A_STATS_DROP_WAITING_LIMIT:
	case IKEFP_A_STATS_DROP_CACHE_LIMIT:
	case IKEFP_A_STATS_DROP_FRAGMENT_LIMIT:
	case IKEFP_A_STATS_DROP_SA_LIMIT:
	case IKEFP_A_STATS_DROP_HALF_OPEN_LIMIT:
	case IKEFP_A_STATS_DROP_SOURCE_LIMIT:
	case IKEFP_A_STATS_DROP_SOURCE_RATE:
	case IKEFP_A_STATS_DROP_RATE_LIMIT:
		return true;
	default:
		return false;
	}
}

static enum ikefp_stream_verdict receive_framed_ike(struct ikefp_stream *stream,
						    struct sk_buff *skb)
{
	const struct ikefp_path path = ikefp_path_of_stream(stream);
	int reason;

	__skb_pull(skb, IKEFP_MARKER_LEN);
	reason = ikefp_message_receive(stream->ctx, skb, &path);
	if (!reason)
		return IKEFP_STREAM_TAKEN;
	return is_for_want_of_room(reason) ? IKEFP_STREAM_NO_ROOM : IKEFP_STREAM_DROPPED;
}

static void put_udp(struct ikefp_stream *stream, struct sk_buff *skb)
{
	struct udphdr *udp = skb_push(skb, sizeof(*udp));

	*udp = (struct udphdr){
		.source = stream->remote_port,
		.dest = stream->local_port,
		.len = htons(skb->len),
	};
}

/* Both leave the data where it was, the length in IP's header as if UDP's were not there. */
static void put_v4(struct ikefp_stream *stream, struct sk_buff *skb)
{
	struct iphdr *ip = skb_push(skb, sizeof(*ip));

	skb_reset_network_header(skb);
	*ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tot_len = htons(skb->len - sizeof(struct udphdr)),
		.ttl = IPDEFTTL,
		.protocol = IPPROTO_UDP,
		.saddr = stream->remote.v4,
		.daddr = stream->local.v4,
	};
	ip_send_check(ip);
	skb->protocol = htons(ETH_P_IP);
}

static void put_v6(struct ikefp_stream *stream, struct sk_buff *skb)
{
	struct ipv6hdr *ip = skb_push(skb, sizeof(*ip));

	skb_reset_network_header(skb);
	*ip = (struct ipv6hdr){
		.version = 6,
		.payload_len = htons(skb->len - sizeof(*ip) - sizeof(struct udphdr)),
		.nexthdr = IPPROTO_UDP,
		.hop_limit = IPDEFTTL,
		.saddr = stream->remote.v6,
		.daddr = stream->local.v6,
	};
	skb->protocol = htons(ETH_P_IPV6);
	IP6CB(skb)->nhoff = offsetof(struct ipv6hdr, nexthdr);
	IP6CB(skb)->iif = skb->skb_iif;
}

/* It is a packet of the device that the stream comes in by. */
static void put_link(struct ikefp_stream *stream, struct sk_buff *skb)
{
	struct net *net = stream->ctx->net;
	struct sock *sk = stream->sock->sk;

	skb->dev = dev_get_by_index_rcu(net, READ_ONCE(sk->sk_rx_dst_ifindex)) ?:
		   net->loopback_dev;
	skb->skb_iif = skb->dev->ifindex;
	skb->mark = READ_ONCE(sk->sk_mark);
}

/* By this header what comes out of a tunnel is compared to be gathered (GRO). */
static void put_ethernet(struct sk_buff *skb)
{
	bool has_one = skb->dev->type == ARPHRD_ETHER || skb->dev->type == ARPHRD_LOOPBACK;
	struct ethhdr *eth;

	if (has_one) {
		eth = skb_push(skb, ETH_HLEN);
		memset(eth, 0, sizeof(*eth));
		eth->h_proto = skb->protocol;
	}
	skb_reset_mac_header(skb);
	skb->mac_len = has_one ? ETH_HLEN : 0;
}

/*
 * Where XFRM's state has its peer, from there its packets come: each one from elsewhere would
 * have XFRM tell everybody that a NAT has changed its mapping. What changes with each stream
 * does not matter to the state; where its peer is, the helper is told with the IKE SA.
 */
static void put_source_of_state(struct ikefp_stream *stream, struct sk_buff *skb,
				struct udphdr *udp, void *source)
{
	struct xfrm_state *state;

	state = xfrm_state_lookup(stream->ctx->net, skb->mark,
				  (const xfrm_address_t *)&stream->local,
				  ((struct ip_esp_hdr *)(udp + 1))->spi, IPPROTO_ESP,
				  stream->family);
	if (!state)
		return;
	if (state->encap && state->encap->encap_type == UDP_ENCAP_ESPINUDP) {
		udp->source = READ_ONCE(state->encap->encap_sport);
		memcpy(source, &state->props.saddr, stream->family == AF_INET ? 4 : 16);
	}
	xfrm_state_put(state);
}

/*
 * By the way that it has come. A filter of sources (rp_filter) sees where the stream comes from,
 * as it does with the stream's packets.
 */
static bool route_v4(struct ikefp_stream *stream, struct sk_buff *skb)
{
	return !ip_route_input_noref(skb, stream->local.v4, stream->remote.v4, 0, skb->dev);
}

/*
 * To XFRM just as from a UDP_ENCAP socket: as if each packet had come in a datagram of its
 * own, between the stream's addresses and ports. Without anything of IP's headers that TCP's
 * packets had (RFC 9329 section 6.8).
 */
static void receive_framed_esp(struct ikefp_stream *stream, struct sk_buff *skb)
{
	u32 len = skb->len;
	struct udphdr *udp;

	put_link(stream, skb);
	put_udp(stream, skb);
	udp = (struct udphdr *)skb->data;
	if (stream->family == AF_INET)
		put_v4(stream, skb);
	else
		put_v6(stream, skb);
	put_ethernet(skb);
	__skb_pull(skb, skb->len - len);
	skb_reset_transport_header(skb);
#if IS_ENABLED(CONFIG_IPV6)
	if (stream->family == AF_INET6) {
		put_source_of_state(stream, skb, udp, &ipv6_hdr(skb)->saddr);
		ipv6_stub->xfrm6_rcv_encap(skb, IPPROTO_ESP, 0, UDP_ENCAP_ESPINUDP);
		return;
	}
#endif
	if (!route_v4(stream, skb)) {
		kfree_skb(skb);
		return;
	}
	put_source_of_state(stream, skb, udp, &ip_hdr(skb)->saddr);
	ip_send_check(ip_hdr(skb));
	xfrm4_rcv_encap(skb, IPPROTO_ESP, 0, UDP_ENCAP_ESPINUDP);
}

/**
 * ikefp_demux_receive_framed() - take a message from a stream
 * @stream: the stream
 * @skb: what a datagram would carry, in one piece; consumed
 *
 * RFC 9329 section 3. A keepalive should not come, but is no error (section 6.6).
 *
 * Context: BH disabled, under RCU; a stream's receive function.
 * Return: what became of it.
 */
enum ikefp_stream_verdict ikefp_demux_receive_framed(struct ikefp_stream *stream,
						     struct sk_buff *skb)
{
	struct ikefp_context *ctx = stream->ctx;

	switch (classify(skb->data, skb->len)) {
	case IKE:
		return receive_framed_ike(stream, skb);
	case KEEPALIVE:
		ikefp_count(ctx, IKEFP_A_STATS_RX_KEEPALIVE);
		consume_skb(skb);
		return IKEFP_STREAM_PASSED;
	case ESP:
		ikefp_count(ctx, IKEFP_A_STATS_RX_ESP);
		receive_framed_esp(stream, skb);
		return IKEFP_STREAM_PASSED;
	case SHORT:
		break;
	}
	drop(ctx, IKEFP_A_STATS_DROP_SHORT);
	kfree_skb(skb);
	return IKEFP_STREAM_DROPPED;
}
