// SPDX-License-Identifier: GPL-2.0

#include <linux/err.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "context.h"
#include "datagram.h"

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

	if (atomic_long_add_return(charged, &ctx->cache_octets) > limit) {
		atomic_long_sub(charged, &ctx->cache_octets);
		return ERR_PTR(-ENOSPC);
	}
	datagram = kmalloc(charged, gfp | __GFP_NOWARN);
	if (!datagram) {
		atomic_long_sub(charged, &ctx->cache_octets);
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
	atomic_long_sub(datagram->charged, &datagram->ctx->cache_octets);
	kfree(datagram);
}
