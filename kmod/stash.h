/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a helper leaves with an SA for the next one: octets that mean nothing here and
 * may be keys. They are wiped when they go.
 */
#ifndef IKEFP_STASH_H
#define IKEFP_STASH_H

#include <linux/types.h>

struct ikefp_context;
struct netlink_ext_ack;
struct nlattr;

/* Never changed: another takes its place. */
struct ikefp_stash {
	u32 len;
	u32 charged; /* octets of memory that the namespace counts for it */
	u8 octets[];
};

struct ikefp_stash *ikefp_stash_new(struct ikefp_context *ctx, const struct nlattr *octets,
				    struct netlink_ext_ack *extack);
void ikefp_stash_free(struct ikefp_context *ctx, struct ikefp_stash *stash);

#endif
