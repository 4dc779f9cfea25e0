/* SPDX-License-Identifier: GPL-2.0 */
/* Messages received in fragments (RFC 7383): octets to octets, with keys. */
#ifndef IKEFP_REASSEMBLY_H
#define IKEFP_REASSEMBLY_H

#include <linux/atomic.h>

#include "wire.h"

struct ikefp_crypto;
struct ikefp_reassembly;

/* The memory that fragments may take which wait for others, in a namespace. */
struct ikefp_reassembly_limit {
	atomic_long_t *used; /* octets */
	u32 max;
	u32 share; /* of them, what the message at hand may take without a look at the pool */
	atomic_long_t *pooled; /* octets that messages have above their shares */
	u32 max_pooled;
	u32 others; /* octets of payloads that are not left of what an SA may have */
};

/* A message whose fragments are all there. */
struct ikefp_reassembled {
	u8 *octets; /* the inner payloads; NULL: it is not whole */
	u32 len;
	u8 first_payload;
	u32 digest; /* of fragment 1 */
};

int ikefp_reassembly_add(struct ikefp_reassembly **reassembly, struct ikefp_crypto *crypto,
			 const struct ikefp_reassembly_limit *limit,
			 const struct ikefp_header *header, const struct ikefp_fragment *fragment,
			 u32 digest, u8 *octets, struct ikefp_reassembled *whole);
u32 ikefp_reassembly_len(const struct ikefp_reassembly *reassembly);
void ikefp_reassembly_forget(struct ikefp_reassembly **reassembly);
void ikefp_reassembled_free(struct ikefp_reassembled *whole);

#endif
