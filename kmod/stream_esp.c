// SPDX-License-Identifier: GPL-2.0

#include <linux/err.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/overflow.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/xfrm.h>

#include "context.h"
#include "esp.h"
#include "path.h"
#include "stream.h"
#include "stream_esp.h"
#include "trace.h"

/* One outbound SPI. Another SA may have it, too: of two, one takes the other's place. */
struct spi {
	struct rhlist_head node;
	__be32 spi;
	u32 mark;
	struct ikefp_stream_esp *of_sa;
};

/* Those of an IKE SA. */
struct ikefp_stream_esp {
	struct rcu_head rcu;
	struct ikefp_stream __rcu *stream; /* that it goes by, which its path holds */
	struct ikefp_address remote; /* where its states lead, or are about to; */
	struct ikefp_address left; /* and have led, all those that have not been moved yet */
	u16 family;
	bool marks_known;
	u32 count;
	struct spi spis[];
};

static const struct rhashtable_params by_spi = {
	.key_len = sizeof_field(struct spi, spi),
	.key_offset = offsetof(struct spi, spi),
	.head_offset = offsetof(struct spi, node),
	.automatic_shrinking = true,
};

/*
 * Not where its stream leads since: a peer chooses its SPI, and where its next stream comes from,
 * and would have those packets that another peer's states send to that SPI there.
 */
static bool leads_to(const struct ikefp_stream_esp *of_sa, u16 family,
		     const struct ikefp_address *to)
{
	return of_sa->family == family && (ipv6_addr_equal(&of_sa->remote.v6, &to->v6) ||
					   ipv6_addr_equal(&of_sa->left.v6, &to->v6));
}

/* Whether a state may have made a packet: what it sets is there. */
static bool may_have_made(const struct xfrm_state *state, const struct sk_buff *skb,
			  const struct udphdr *udp)
{
	const struct xfrm_encap_tmpl *encap = state->encap;

	return encap && udp->source == READ_ONCE(encap->encap_sport) &&
	       udp->dest == READ_ONCE(encap->encap_dport) &&
	       !((skb->mark ^ state->props.smark.v) & state->props.smark.m);
}

/* Whether it has the mark by which XFRM finds the state; but see is_anothers(). */
static bool has_mark(const struct xfrm_state *state, const struct sk_buff *skb)
{
	return !((skb->mark ^ state->mark.v) & state->mark.m & ~state->props.smark.m);
}

/*
 * Whether there is another state of this SPI, whose mark it has. A VTI chooses a state by its key,
 * and its packets have no mark that shows that: they are of the state that there is.
 */
static bool is_anothers(struct ikefp_context *ctx, const struct spi *spi, const struct sk_buff *skb,
			const struct ikefp_address *to, const struct xfrm_state *state)
{
	struct xfrm_state *other;

	other = xfrm_state_lookup(ctx->net, skb->mark, (const xfrm_address_t *)to, spi->spi,
				  IPPROTO_ESP, spi->of_sa->family);
	if (!other)
		return false;
	xfrm_state_put(other);
	return other != state;
}

/* Whether an ESP SA has made a packet, as far as can be told. */
static bool has_made(struct ikefp_context *ctx, const struct spi *spi, const struct sk_buff *skb,
		     const struct udphdr *udp, const struct ikefp_address *to)
{
	struct xfrm_state *state;
	bool made;

	if (!spi->of_sa->marks_known)
		return true;
	state = xfrm_state_lookup(ctx->net, spi->mark, (const xfrm_address_t *)to, spi->spi,
				  IPPROTO_ESP, spi->of_sa->family);
	if (!state)
		return false;
	made = may_have_made(state, skb, udp) &&
	       (has_mark(state, skb) || !is_anothers(ctx, spi, skb, to, state));
	xfrm_state_put(state);
	return made;
}

/*
 * The stream for a packet and where it goes, not held; NULL where it is none's. Of several, an SA
 * and the one in its place, one that is open. Under RCU.
 */
static struct ikefp_stream *find(struct ikefp_context *ctx, const struct sk_buff *skb,
				 const struct udphdr *udp, u16 family,
				 const struct ikefp_address *to)
{
	const struct ip_esp_hdr *esp = (const struct ip_esp_hdr *)(udp + 1);
	struct ikefp_stream *stream, *found = NULL;
	struct rhlist_head *list, *node;
	struct spi *entry;

	list = rhltable_lookup(&ctx->stream_esp, &esp->spi, by_spi);
	rhl_for_each_entry_rcu(entry, node, list, node) {
		if (!leads_to(entry->of_sa, family, to) || !has_made(ctx, entry, skb, udp, to))
			continue;
		stream = rcu_dereference(entry->of_sa->stream);
		found = stream;
		if (ikefp_stream_is_open(stream))
			break;
	}
	return found;
}

/*
 * From here on it is what is in a stream, and XFRM's no more; nor does it count for the socket
 * that it came from, which would wait for our peer to read. 0, or the counter of the reason
 * why it cannot be.
 */
static int take(struct sk_buff *skb, u32 headers_len)
{
	/* What a device is to encrypt is in the clear yet, and no device will see it. */
	if (xfrm_offload(skb) || skb_is_gso(skb))
		return IKEFP_A_STATS_DROP_NOT_SEALED;
	/* Its length is written where UDP's header was, and it is read in one piece. */
	if (skb_linearize(skb) || skb_ensure_writable(skb, headers_len))
		return IKEFP_A_STATS_DROP_MEMORY;
	__skb_pull(skb, headers_len);
	skb_orphan(skb);
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb_ext_reset(skb);
	skb->dev = NULL;
	return 0;
}

/* UDP's header begins @offset octets into the packet. */
static unsigned int divert(struct ikefp_context *ctx, struct sk_buff *skb, u32 offset, u16 family,
			   const struct ikefp_address *to)
{
	u32 headers_len = offset + sizeof(struct udphdr);
	struct ikefp_stream *stream;
	int reason;

	if (!pskb_may_pull(skb, headers_len + sizeof(struct ip_esp_hdr)))
		return NF_ACCEPT;
	stream = find(ctx, skb, (const struct udphdr *)(skb->data + offset), family, to);
	if (!stream)
		return NF_ACCEPT;
	reason = take(skb, headers_len) ?: ikefp_stream_send_esp(stream, skb);
	if (reason) {
		ikefp_count(ctx, reason);
		trace_ikefp_drop(ctx->net, reason, 0, 0, 0, 0);
		kfree_skb(skb);
	}
	/* As if lost on the way: no error is anybody's who sent what was in it. */
	return NF_STOLEN;
}

static unsigned int divert_v4(void *ctx, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct iphdr *ip = ip_hdr(skb);
	struct ikefp_address to = { .v4 = ip->daddr };

	if (!(IPCB(skb)->flags & IPSKB_XFRM_TRANSFORMED) || ip->protocol != IPPROTO_UDP ||
	    ip_is_fragment(ip))
		return NF_ACCEPT;
	return divert(ctx, skb, ip->ihl * 4, AF_INET, &to);
}

static unsigned int divert_v6(void *ctx, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct ikefp_address to = { .v6 = ipv6_hdr(skb)->daddr };
	u8 protocol = ipv6_hdr(skb)->nexthdr;
	__be16 fragment;
	int offset;

	if (!(IP6CB(skb)->flags & IP6SKB_XFRM_TRANSFORMED))
		return NF_ACCEPT;
	offset = ipv6_skip_exthdr(skb, sizeof(struct ipv6hdr), &protocol, &fragment);
	if (offset < 0 || protocol != IPPROTO_UDP || fragment)
		return NF_ACCEPT;
	return divert(ctx, skb, offset, AF_INET6, &to);
}

/**
 * ikefp_stream_esp_begin() - a namespace begins
 * @ctx: the namespace
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int ikefp_stream_esp_begin(struct ikefp_context *ctx)
{
	return rhltable_init(&ctx->stream_esp, &by_spi);
}

/**
 * ikefp_stream_esp_divert() - before a namespace's first stream
 * @ctx: the namespace
 *
 * Context: process, under config_lock.
 * Return: 0, also where it has begun already, or a negative errno.
 */
int ikefp_stream_esp_divert(struct ikefp_context *ctx)
{
	struct nf_hook_ops *hooks = ctx->esp_hooks;
	int err;

	if (hooks[0].hook)
		return 0;
	hooks[0] = (struct nf_hook_ops){
		.hook = divert_v4,
		.priv = ctx,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_LOCAL_OUT,
		.priority = NF_IP_PRI_FIRST,
	};
	hooks[1] = (struct nf_hook_ops){
		.hook = divert_v6,
		.priv = ctx,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_LOCAL_OUT,
		.priority = NF_IP6_PRI_FIRST,
	};
	err = nf_register_net_hooks(ctx->net, hooks, ARRAY_SIZE(ctx->esp_hooks));
	if (err)
		hooks[0].hook = NULL;
	return err;
}

static void unregister(struct ikefp_context *ctx)
{
	if (ctx->esp_hooks[0].hook)
		nf_unregister_net_hooks(ctx->net, ctx->esp_hooks, ARRAY_SIZE(ctx->esp_hooks));
	ctx->esp_hooks[0].hook = NULL;
}

/**
 * ikefp_stream_esp_rest() - there is no stream
 * @ctx: the namespace
 *
 * Context: process.
 * Return: whether no packet is looked at any more. Not as long as an IKE SA goes by a stream,
 * which may have ended: its ESP must not go any other way; or somebody is about to add a stream.
 */
bool ikefp_stream_esp_rest(struct ikefp_context *ctx)
{
	bool rests = false;

	mutex_lock(&ctx->config_lock);
	if (!ctx->streams_coming && xa_empty(&ctx->streams) &&
	    !atomic_read(&ctx->stream_sa_count)) {
		unregister(ctx);
		rests = true;
	}
	mutex_unlock(&ctx->config_lock);
	return rests;
}

/**
 * ikefp_stream_esp_begin_end() - a namespace is about to end
 * @ctx: the namespace, which no command uses any more
 *
 * A grace period later no packet is taken any more.
 *
 * Context: process.
 */
void ikefp_stream_esp_begin_end(struct ikefp_context *ctx)
{
	mutex_lock(&ctx->config_lock);
	unregister(ctx);
	mutex_unlock(&ctx->config_lock);
}

/**
 * ikefp_stream_esp_end() - a namespace ends
 * @ctx: the namespace, a grace period after ikefp_stream_esp_begin_end(), its SAs gone
 */
void ikefp_stream_esp_end(struct ikefp_context *ctx)
{
	rhltable_destroy(&ctx->stream_esp);
}

static void forget(struct ikefp_context *ctx, struct ikefp_stream_esp *of_sa, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		rhltable_remove(&ctx->stream_esp, &of_sa->spis[i].node, by_spi);
	kfree_rcu(of_sa, rcu);
}

/**
 * ikefp_stream_esp_new() - outbound ESP goes by a stream from now on
 * @ctx: the namespace
 * @esp: the ESP SAs of an IKE SA
 * @path: the IKE SA's, by a stream, which it holds as long as the ESP goes by it
 * @before: what it has been until now, or NULL
 *
 * Context: any, under the lock of the IKE SA.
 * Return: to be forgotten with ikefp_stream_esp_forget(); or an ERR_PTR: -ENOMEM.
 */
struct ikefp_stream_esp *ikefp_stream_esp_new(struct ikefp_context *ctx,
					      const struct ikefp_esp *esp,
					      const struct ikefp_path *path,
					      const struct ikefp_stream_esp *before)
{
	struct ikefp_stream_esp *of_sa;
	u32 i;

	of_sa = kzalloc(struct_size(of_sa, spis, esp->pairs), GFP_ATOMIC | __GFP_NOWARN);
	if (!of_sa)
		return ERR_PTR(-ENOMEM);
	RCU_INIT_POINTER(of_sa->stream, path->stream);
	of_sa->remote = path->remote;
	of_sa->family = path->stream->family;
	of_sa->left = before && before->family == of_sa->family ? before->remote : of_sa->remote;
	of_sa->marks_known = esp->marks_known;
	of_sa->count = esp->pairs;
	for (i = 0; i < esp->pairs; i++) {
		struct spi *entry = &of_sa->spis[i];

		entry->spi = esp->sas[i][IKEFP_ESP_OUT].spi;
		entry->mark = esp->sas[i][IKEFP_ESP_OUT].mark;
		entry->of_sa = of_sa;
		if (rhltable_insert(&ctx->stream_esp, &entry->node, by_spi)) {
			forget(ctx, of_sa, i);
			return ERR_PTR(-ENOMEM);
		}
	}
	return of_sa;
}

/**
 * ikefp_stream_esp_move() - it goes by another one
 * @of_sa: an IKE SA's
 * @stream: the stream, which the SA's path holds; the one before it held until now
 *
 * Context: any, under the lock of the IKE SA.
 */
void ikefp_stream_esp_move(struct ikefp_stream_esp *of_sa, struct ikefp_stream *stream)
{
	rcu_assign_pointer(of_sa->stream, stream);
}

/**
 * ikefp_stream_esp_forget() - it goes by none any more
 * @ctx: the namespace
 * @of_sa: an IKE SA's, or NULL; NULL afterwards
 *
 * Context: any, under the lock of the IKE SA, or the SA is nobody else's any more.
 */
void ikefp_stream_esp_forget(struct ikefp_context *ctx, struct ikefp_stream_esp **of_sa)
{
	if (*of_sa)
		forget(ctx, *of_sa, (*of_sa)->count);
	*of_sa = NULL;
}
