/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where streams come from, and what each source may have: of the streams half, and of the memory
 * for messages a quarter, so that who has one peer's credentials, or many peers behind one NAT,
 * leaves room for others. A source is a prefix of the address (source-prefix-ipv4, -ipv6), as it
 * was set when the first of its streams came.
 */
#ifndef IKEFP_STREAM_SOURCE_H
#define IKEFP_STREAM_SOURCE_H

#include <linux/atomic.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

#include "address.h"

struct ikefp_context;
struct ikefp_stream_source;

/* Memory that is counted for a namespace and for each source. */
enum ikefp_stream_memory {
	IKEFP_STREAM_READ, /* of messages that are not whole, above the first 4 KiB of each */
	IKEFP_STREAM_QUEUED, /* of IKE that waits to be sent */
	IKEFP_STREAM_QUEUED_ESP, /* of ESP, likewise: neither keeps the other one out */
	IKEFP_STREAM_MEMORIES,
};

int ikefp_stream_sources_begin(struct ikefp_context *ctx);
void ikefp_stream_sources_end(struct ikefp_context *ctx);

int ikefp_stream_source_add(struct ikefp_context *ctx, u16 family,
			    const struct ikefp_address *address,
			    struct ikefp_stream_source **source);
void ikefp_stream_source_remove(struct ikefp_context *ctx, struct ikefp_stream_source *source);
int ikefp_stream_source_add_stranger(struct ikefp_context *ctx,
				     struct ikefp_stream_source *source);
void ikefp_stream_source_remove_stranger(struct ikefp_context *ctx,
					 struct ikefp_stream_source *source);
bool ikefp_stream_source_charge(struct ikefp_context *ctx, struct ikefp_stream_source *source,
				enum ikefp_stream_memory memory, u32 octets, bool known);
void ikefp_stream_source_uncharge(struct ikefp_context *ctx, struct ikefp_stream_source *source,
				  enum ikefp_stream_memory memory, u32 octets);

#endif
