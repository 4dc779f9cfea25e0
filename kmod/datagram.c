// SPDX-License-Identifier: GPL-2.0

#include <linux/err.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "context.h"
#include "datagram.h"

/**
 * ikefp_datagram_charge() - count memory that is kept for messages
 * @ctx: the namespace
 * @octets: of memory
 * @limit: octets that the namespace may use for that, these included
 *
 * Return: whether they may be used; they are to be given back with
 * ikefp_datagram_uncharge() then.
 */
bool ikefp_datagram_charge(struct ikefp_context *ctx, size_t octets, u32 limit)
{
	if (atomic_long_add_return(octets, &ctx->cache_octets) <= limit)
		return true;
	atomic_long_sub(octets, &ctx->cache_octets);
	return false;
}

/**
 * ikefp_datagram_uncharge() - memory is no longer kept for messages
 * @ctx: the namespace
 * @octets: of memory
 */
void ikefp_datagram_uncharge(struct ikefp_context *ctx, size_t octets)
{
	atomic_long_sub(octets, &ctx->cache_octets);
}

/**
 * ikefp_datagram_new() - room for a message
 * @ctx: the namespace, which stays as long as the datagram does
 * @len: octets, of all its fragments
 * @limit: octets of memory that the namespace may use for datagrams, this one included
 * @gfp: how to allocate
 *
 * Return: a datagram held once, its octets not set; -ENOSPC above the limit, -ENOMEM.
 */
struct ikefp_datagram *ikefp_datagram_new(struct ikefp_context *ctx, u32 len, u32 limit,
					  gfp_t gfp)
{
	struct ikefp_datagram *datagram;
	size_t charged = kmalloc_size_roundup(struct_size(datagram, octets, len));

	if (!ikefp_datagram_charge(ctx, charged, limit))
		return ERR_PTR(-ENOSPC);
	datagram = kmalloc(charged, gfp | __GFP_NOWARN);
	if (!datagram) {
		ikefp_datagram_uncharge(ctx, charged);
		return ERR_PTR(-ENOMEM);
	}
	datagram->ctx = ctx;
	refcount_set(&datagram->refs, 1);
	datagram->len = len;
	datagram->charged = charged;
	datagram->fragment_len = len;
	return datagram;
}

/**
 * ikefp_datagram_put() - give up a hold
 * @datagram: may be NULL
 *
 * Any context.
 */
void ikefp_datagram_put(struct ikefp_datagram *datagram)
{
	if (!datagram || !refcount_dec_and_test(&datagram->refs))
		return;
	ikefp_datagram_uncharge(datagram->ctx, datagram->charged);
	kfree(datagram);
}
