/* SPDX-License-Identifier: GPL-2.0 */
/* The octets of one message, kept to be sent again. Never changed once shared. */
#ifndef IKEFP_DATAGRAM_H
#define IKEFP_DATAGRAM_H

#include <linux/refcount.h>
#include <linux/types.h>

struct ikefp_context;

struct ikefp_datagram {
	struct ikefp_context *ctx; /* there as long as this is */
	refcount_t refs;
	u32 len;
	u32 charged; /* octets of memory that the namespace counts for it */
	u8 octets[]; /* from the IKE header on, without the non-ESP marker */
};

struct ikefp_datagram *ikefp_datagram_new(struct ikefp_context *ctx, u32 len, u32 limit,
					  gfp_t gfp);
void ikefp_datagram_put(struct ikefp_datagram *datagram);

static inline struct ikefp_datagram *ikefp_datagram_hold(struct ikefp_datagram *datagram)
{
	refcount_inc(&datagram->refs);
	return datagram;
}

#endif
