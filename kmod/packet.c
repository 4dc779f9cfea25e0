// SPDX-License-Identifier: GPL-2.0

#include <linux/if_vlan.h>
#include <linux/minmax.h>
#include <linux/skbuff.h>

#include "packet.h"

/*
 * Whether the packet's memory is nobody else's, in one piece and large enough. Who captures
 * packets has a clone of it, for example.
 */
static bool is_fit(const struct sk_buff *skb, u32 headroom, u32 len)
{
	const struct skb_shared_info *shared = skb_shinfo(skb);

	return !skb_shared(skb) && !skb_cloned(skb) && !skb_is_nonlinear(skb) &&
	       !skb_has_frag_list(skb) && !skb_is_gso(skb) && !shared->flags && !shared->tx_flags &&
	       !skb_pfmemalloc(skb) &&
	       max(skb_headroom(skb), headroom) + len <= skb_end_offset(skb);
}

/*
 * As the network stack has a packet that it forwards between namespaces, but nothing of what
 * was said of its octets. One of several that came as one is still in their list.
 */
static void clear(struct sk_buff *skb, u32 headroom)
{
	skb_mark_not_on_list(skb);
	skb->prev = NULL;
	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	skb_init_secmark(skb);
	skb_metadata_clear(skb);
	memset(skb_hwtstamps(skb), 0, sizeof(*skb_hwtstamps(skb)));
	skb_clear_hash(skb);
	__vlan_hwaccel_clear_tag(skb);
	skb_set_dst_pending_confirm(skb, 0);
	skb->dev = NULL;
	skb->priority = 0;
	skb->encapsulation = 0;
	skb->ip_summed = CHECKSUM_NONE;
	skb->csum_valid = 0;
	skb->csum_complete_sw = 0;
	skb->csum_level = 0;
	skb->remcsum_offload = 0;
	skb_trim(skb, 0);
	if (skb_headroom(skb) < headroom)
		skb_reserve(skb, headroom - skb_headroom(skb));
}

/**
 * ikefp_packet_get() - an empty packet
 * @spare: a packet of the caller's from the wire that nobody reads any more, which is taken
 *         if it will do, and is NULL then; or NULL
 * @headroom: octets that are to be free before its data
 * @len: octets that it is to have room for
 *
 * To take the packet that a message came in for its answer saves most of what memory for
 * an answer costs, and is never refused.
 *
 * Context: any.
 * Return: the packet, the caller's, or NULL: no memory.
 */
struct sk_buff *ikefp_packet_get(struct sk_buff **spare, u32 headroom, u32 len)
{
	struct sk_buff *skb;

	if (spare && *spare && is_fit(*spare, headroom, len)) {
		skb = *spare;
		*spare = NULL;
		clear(skb, headroom);
		return skb;
	}
	skb = alloc_skb(headroom + len, GFP_ATOMIC | __GFP_NOWARN);
	if (skb)
		skb_reserve(skb, headroom);
	return skb;
}
