// SPDX-License-Identifier: GPL-2.0

#include <linux/overflow.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "context.h"
#include "stash.h"

/**
 * ikefp_stash_new() - keep octets for a helper
 * @ctx: the namespace, which counts their memory
 * @octets: an attribute with at least one of them
 * @extack: what to tell the caller
 *
 * As long as it has not taken another's place, there are both, and both are counted.
 *
 * Context: process.
 * Return: the stash, or an ERR_PTR: -EMSGSIZE, -ENOSPC at the namespace's limit,
 * -ENOMEM.
 */
struct ikefp_stash *ikefp_stash_new(struct ikefp_context *ctx, const struct nlattr *octets,
				    struct netlink_ext_ack *extack)
{
	u32 len = nla_len(octets);
	struct ikefp_stash *stash;
	u32 charged;

	if (len > IKEFP_MAX_STASH) {
		NL_SET_ERR_MSG_ATTR(extack, octets, "stash is longer than 64000 octets");
		return ERR_PTR(-EMSGSIZE);
	}
	/* As much as comes of whole pages, too, if there are none in a row. */
	charged = kmalloc_size_roundup(struct_size(stash, octets, len));
	if (atomic_long_add_return(charged, &ctx->stash_octets) >
	    ikefp_policy_get(&ctx->policy, MAX_STASH_OCTETS)) {
		atomic_long_sub(charged, &ctx->stash_octets);
		NL_SET_ERR_MSG_ATTR(extack, octets,
				    "there would be more than max-stash-octets in stashes");
		return ERR_PTR(-ENOSPC);
	}
	stash = kvmalloc(charged, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!stash) {
		atomic_long_sub(charged, &ctx->stash_octets);
		NL_SET_ERR_MSG(extack, "out of memory");
		return ERR_PTR(-ENOMEM);
	}
	stash->len = len;
	stash->charged = charged;
	memcpy(stash->octets, nla_data(octets), len);
	return stash;
}

/**
 * ikefp_stash_free() - forget a stash
 * @ctx: the namespace that counts it
 * @stash: may be NULL
 *
 * Context: process.
 */
void ikefp_stash_free(struct ikefp_context *ctx, struct ikefp_stash *stash)
{
	u32 charged;

	if (!stash)
		return;
	charged = stash->charged;
	kvfree_sensitive(stash, charged);
	atomic_long_sub(charged, &ctx->stash_octets);
}
