/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The octets of one message as they are sent, in one datagram or in fragments (RFC
 * 7383), kept to be sent again. Never changed once shared.
 */
#ifndef IKEFP_DATAGRAM_H
#define IKEFP_DATAGRAM_H

#include <linux/math.h>
#include <linux/refcount.h>
#include <linux/types.h>

struct ikefp_context;

struct ikefp_datagram {
	struct ikefp_context *ctx; /* there as long as this is */
	refcount_t refs;
	u32 len;
	u32 fragment_len; /* of each datagram but the last; @len where there is one */
	u32 charged; /* octets of memory that the namespace counts for it */
	u8 octets[]; /* each from its IKE header on, without the non-ESP marker */
};

bool ikefp_datagram_charge(struct ikefp_context *ctx, size_t octets, u32 limit);
void ikefp_datagram_uncharge(struct ikefp_context *ctx, size_t octets);
struct ikefp_datagram *ikefp_datagram_new(struct ikefp_context *ctx, u32 len, u32 limit,
					  gfp_t gfp);
void ikefp_datagram_put(struct ikefp_datagram *datagram);

/* How many datagrams. */
static inline u32 ikefp_datagram_count(const struct ikefp_datagram *datagram)
{
	return DIV_ROUND_UP(datagram->len, datagram->fragment_len);
}

static inline struct ikefp_datagram *ikefp_datagram_hold(struct ikefp_datagram *datagram)
{
	refcount_inc(&datagram->refs);
	return datagram;
}

#endif
