// SPDX-License-Identifier: GPL-2.0

#include <linux/overflow.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "context.h"
#include "stash.h"

/**
 * ikefp_stash_new() - keep octets for a helper
 * @ctx: the namespace, which counts them
 * @octets: an attribute with at least one of them
 * @extack: what to tell the caller
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

	if (len > IKEFP_MAX_STASH) {
		NL_SET_ERR_MSG_ATTR(extack, octets, "stash is longer than 64000 octets");
		return ERR_PTR(-EMSGSIZE);
	}
	if (atomic_long_add_return(len, &ctx->stash_octets) >
	    ikefp_policy_get(&ctx->policy, MAX_STASH_OCTETS)) {
		atomic_long_sub(len, &ctx->stash_octets);
		NL_SET_ERR_MSG_ATTR(extack, octets,
				    "there would be more than max-stash-octets in stashes");
		return ERR_PTR(-ENOSPC);
	}
	stash = kvmalloc(struct_size(stash, octets, len), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!stash) {
		atomic_long_sub(len, &ctx->stash_octets);
		NL_SET_ERR_MSG(extack, "out of memory");
		return ERR_PTR(-ENOMEM);
	}
	stash->len = len;
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
	if (!stash)
		return;
	atomic_long_sub(stash->len, &ctx->stash_octets);
	kvfree_sensitive(stash, struct_size(stash, octets, stash->len));
}
