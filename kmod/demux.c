// SPDX-License-Identifier: GPL-2.0

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/ipv6.h>
#include <net/ipv6_stubs.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "demux.h"
#include "listener.h"
#include "message.h"
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

static bool receive_ike(struct ikefp_listener *listener, struct sk_buff *skb)
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
	return ikefp_message_receive(listener->ctx, skb, &path);
}

static void drop(struct ikefp_listener *listener, int reason)
{
	ikefp_count(listener->ctx, reason);
	trace_ikefp_drop(listener->ctx->net, reason, 0, 0, 0, 0);
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
	u8 start[IKEFP_MARKER_LEN];
	int err;

	/* Closed meanwhile. */
	if (!listener)
		goto free;

	if (listener->kind == IKEFP_LISTENER_KIND_NATT) {
		if (skb_copy_bits(skb, header_len, start, min_t(unsigned int, len, sizeof(start))))
			goto free;
		kind = classify(start, len);
		header_len += IKEFP_MARKER_LEN;
	}
	switch (kind) {
	case ESP:
		ikefp_count(listener->ctx, IKEFP_A_STATS_RX_ESP);
		err = receive_esp(sk, skb);
		if (err <= 0)
			return err;
		/* So malformed that XFRM did not look at it. */
		drop(listener, IKEFP_A_STATS_DROP_SHORT);
		break;
	case KEEPALIVE:
		ikefp_count(listener->ctx, IKEFP_A_STATS_RX_KEEPALIVE);
		consume_skb(skb);
		return 0;
	case SHORT:
		drop(listener, IKEFP_A_STATS_DROP_SHORT);
		break;
	case IKE:
		if (!can_be_answered(listener, skb)) {
			drop(listener, IKEFP_A_STATS_DROP_UNANSWERABLE);
		} else if (!pskb_pull(skb, header_len)) {
			drop(listener, IKEFP_A_STATS_DROP_MEMORY);
		} else if (receive_ike(listener, skb)) {
			consume_skb(skb);
			return 0;
		}
		break;
	}
free:
	kfree_skb(skb);
	return 0;
}
