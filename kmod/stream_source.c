// SPDX-License-Identifier: GPL-2.0

#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "context.h"
#include "stream_source.h"

struct source_key {
	struct ikefp_address prefix;
	u16 family; /* the last one: no padding is compared */
};

struct ikefp_stream_source {
	struct rhash_head node;
	struct rcu_head rcu;
	struct source_key key;
	u32 streams; /* under sources_lock; the last takes it with it */
	u32 strangers; /* likewise */
	atomic_long_t octets[IKEFP_STREAM_MEMORIES];
};

static const struct rhashtable_params by_prefix = {
	.key_len = offsetofend(struct source_key, family),
	.key_offset = offsetof(struct ikefp_stream_source, key),
	.head_offset = offsetof(struct ikefp_stream_source, node),
	.automatic_shrinking = true,
};

/* Each has its part of a setting. */
static const struct {
	int setting;
	u32 parts;
} limits[IKEFP_STREAM_MEMORIES] = {
	[IKEFP_STREAM_READ] = { IKEFP_A_POLICY_MAX_REASSEMBLY_OCTETS, 1 },
	[IKEFP_STREAM_QUEUED] = { IKEFP_A_POLICY_MAX_STREAM_OCTETS, 2 },
	[IKEFP_STREAM_QUEUED_ESP] = { IKEFP_A_POLICY_MAX_STREAM_OCTETS, 2 },
};

/**
 * ikefp_stream_sources_begin() - a namespace begins
 * @ctx: the namespace
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int ikefp_stream_sources_begin(struct ikefp_context *ctx)
{
	spin_lock_init(&ctx->sources_lock);
	return rhashtable_init(&ctx->stream_sources, &by_prefix);
}

/**
 * ikefp_stream_sources_end() - a namespace ends
 * @ctx: the namespace, whose streams have ended
 */
void ikefp_stream_sources_end(struct ikefp_context *ctx)
{
	rhashtable_destroy(&ctx->stream_sources);
}

static struct source_key key_of(const struct ikefp_context *ctx, u16 family,
				const struct ikefp_address *address)
{
	u32 bits = family == AF_INET ? ikefp_policy_get(&ctx->policy, SOURCE_PREFIX_IPV4) :
				       ikefp_policy_get(&ctx->policy, SOURCE_PREFIX_IPV6);
	struct source_key key = { .family = family };

	ipv6_addr_prefix(&key.prefix.v6, &address->v6, bits);
	return key;
}

/* Under the lock. NULL: out of memory. */
static struct ikefp_stream_source *get(struct ikefp_context *ctx, const struct source_key *key)
{
	struct ikefp_stream_source *source;

	source = rhashtable_lookup_fast(&ctx->stream_sources, key, by_prefix);
	if (source)
		return source;
	source = kzalloc(sizeof(*source), GFP_ATOMIC | __GFP_NOWARN | __GFP_ACCOUNT);
	if (!source)
		return NULL;
	source->key = *key;
	if (!rhashtable_insert_fast(&ctx->stream_sources, &source->node, by_prefix))
		return source;
	kfree(source);
	return NULL;
}

/**
 * ikefp_stream_source_add() - a stream comes
 * @ctx: the namespace
 * @family: AF_INET or AF_INET6
 * @address: where it leads
 * @source: where its source goes, which is there until ikefp_stream_source_remove()
 *
 * Context: process or softirq.
 * Return: 0; -ENOMEM; or the counter of the reason why there must not be one more
 * (IKEFP_A_STATS_DROP_*).
 */
int ikefp_stream_source_add(struct ikefp_context *ctx, u16 family,
			    const struct ikefp_address *address,
			    struct ikefp_stream_source **source)
{
	const struct source_key key = key_of(ctx, family, address);
	u32 max = DIV_ROUND_UP(ikefp_policy_get(&ctx->policy, MAX_STREAMS), 2);
	struct ikefp_stream_source *found;
	int reason = 0;

	spin_lock_bh(&ctx->sources_lock);
	found = get(ctx, &key);
	if (!found)
		reason = -ENOMEM;
	/* One that has just been made has none. */
	else if (found->streams && found->streams >= max)
		reason = IKEFP_A_STATS_DROP_STREAM_SOURCE_LIMIT;
	else
		found->streams++;
	spin_unlock_bh(&ctx->sources_lock);
	if (!reason)
		*source = found;
	return reason;
}

/**
 * ikefp_stream_source_remove() - a stream has ended
 * @ctx: the namespace
 * @source: its source, of which it has nothing any more
 *
 * Context: process or softirq.
 */
void ikefp_stream_source_remove(struct ikefp_context *ctx, struct ikefp_stream_source *source)
{
	spin_lock_bh(&ctx->sources_lock);
	if (!--source->streams) {
		rhashtable_remove_fast(&ctx->stream_sources, &source->node, by_prefix);
		kfree_rcu(source, rcu);
	}
	spin_unlock_bh(&ctx->sources_lock);
}

/**
 * ikefp_stream_source_add_stranger() - of a stream nobody knows who is at its other end
 * @ctx: the namespace
 * @source: its source
 *
 * Context: under sources_lock.
 * Return: 0, or the counter of the reason why there must not be one more
 * (IKEFP_A_STATS_DROP_*).
 */
int ikefp_stream_source_add_stranger(struct ikefp_context *ctx,
				     struct ikefp_stream_source *source)
{
	lockdep_assert_held(&ctx->sources_lock);
	if (ctx->stranger_count >= ikefp_policy_get(&ctx->policy, MAX_HALF_OPEN))
		return IKEFP_A_STATS_DROP_STREAM_LIMIT;
	if (source->strangers >= ikefp_policy_get(&ctx->policy, MAX_HALF_OPEN_SOURCE))
		return IKEFP_A_STATS_DROP_STREAM_SOURCE_LIMIT;
	source->strangers++;
	ctx->stranger_count++;
	return 0;
}

/**
 * ikefp_stream_source_remove_stranger() - it has ended, or is known now
 * @ctx: the namespace
 * @source: its source
 *
 * Context: under sources_lock.
 */
void ikefp_stream_source_remove_stranger(struct ikefp_context *ctx,
					 struct ikefp_stream_source *source)
{
	lockdep_assert_held(&ctx->sources_lock);
	source->strangers--;
	ctx->stranger_count--;
}

/**
 * ikefp_stream_source_charge() - more memory for a stream
 * @ctx: the namespace
 * @source: the stream's source
 * @memory: what it is for
 * @octets: how much, with all that the kernel keeps around it
 * @known: what is not may have half, so that it cannot keep out what is
 *
 * Any context.
 * Return: whether there is so much; then it is counted.
 */
bool ikefp_stream_source_charge(struct ikefp_context *ctx, struct ikefp_stream_source *source,
				enum ikefp_stream_memory memory, u32 octets, bool known)
{
	u32 all = READ_ONCE(ctx->policy.value[limits[memory].setting]);
	u32 max = all / limits[memory].parts;
	bool fits = atomic_long_add_return(octets, &ctx->stream_octets[memory]) <=
		    (known ? max : max / 2);

	if (atomic_long_add_return(octets, &source->octets[memory]) > all / 4)
		fits = false;
	if (!fits)
		ikefp_stream_source_uncharge(ctx, source, memory, octets);
	return fits;
}

/**
 * ikefp_stream_source_uncharge() - it is given back
 * @ctx: the namespace
 * @source: the stream's source
 * @memory: what it was for
 * @octets: how much of what was charged
 *
 * Any context.
 */
void ikefp_stream_source_uncharge(struct ikefp_context *ctx, struct ikefp_stream_source *source,
				  enum ikefp_stream_memory memory, u32 octets)
{
	atomic_long_sub(octets, &source->octets[memory]);
	atomic_long_sub(octets, &ctx->stream_octets[memory]);
}
