// SPDX-License-Identifier: GPL-2.0
/*
 * A fragment is verified before anything of it is kept, so that what is forged changes
 * nothing. What is kept is its share of the inner payloads, until the last one that was
 * missing makes the message whole (RFC 7383 section 2.6). The last is not kept: when
 * the message cannot be taken then, it is as if that fragment had been lost, and when
 * the message is sent again, all the others are duplicates.
 *
 * A message that its sender has cut into more fragments than before, which are smaller,
 * begins anew; of one that was cut into fewer, nothing is taken.
 *
 * Bounded are the fragments of a message in number, their payloads in length by what
 * fits one upcall, and the memory of all that wait in a namespace. A message has a share
 * of that; what it needs above comes from a pool that has a bound of its own, so that
 * those who take all that they can get leave the others their shares.
 */

#include <linux/errno.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "crypto.h"
#include "reassembly.h"

#define GFP_FRAGMENT (GFP_ATOMIC | __GFP_NOWARN)

struct part {
	u32 len;
	u8 octets[];
};

struct ikefp_reassembly {
	atomic_long_t *used, *pooled; /* of the limit */
	u32 charged;
	u32 charged_pooled; /* of that */
	u32 len; /* of all parts */
	u16 total;
	u16 held;
	u8 exchange_type;
	u8 first_payload;
	u32 digest; /* of fragment 1 */
	struct part *parts[]; /* by number less one; NULL: missing */
};

static bool take(atomic_long_t *used, u32 octets, u32 max)
{
	if (!octets || atomic_long_add_return(octets, used) <= max)
		return true;
	atomic_long_sub(octets, used);
	return false;
}

/* @held and @held_pooled are what the message has already; what is of the pool is added. */
static bool charge(const struct ikefp_reassembly_limit *limit, u32 held, u32 octets,
		   u32 *held_pooled)
{
	u32 total = held + octets;
	u32 pooled = total > limit->share ? total - limit->share : 0;

	/* It may have had less of a share before. */
	pooled = pooled > *held_pooled ? pooled - *held_pooled : 0;
	if (!take(limit->used, octets, limit->max))
		return false;
	if (!take(limit->pooled, pooled, limit->max_pooled)) {
		atomic_long_sub(octets, limit->used);
		return false;
	}
	*held_pooled += pooled;
	return true;
}

static void uncharge(atomic_long_t *used, u32 octets, atomic_long_t *pooled, u32 of_pool)
{
	atomic_long_sub(octets, used);
	atomic_long_sub(of_pool, pooled);
}

static int begin(struct ikefp_reassembly **reassembly, const struct ikefp_reassembly_limit *limit,
		 u8 exchange_type, u16 total)
{
	size_t size = struct_size(*reassembly, parts, total);
	struct ikefp_reassembly *new;
	u32 pooled = 0;

	/* Before memory is spent on it. */
	if (!charge(limit, 0, size, &pooled))
		return IKEFP_A_STATS_DROP_FRAGMENT_LIMIT;
	new = kzalloc(size, GFP_FRAGMENT);
	if (!new) {
		uncharge(limit->used, size, limit->pooled, pooled);
		return IKEFP_A_STATS_DROP_MEMORY;
	}
	new->used = limit->used;
	new->pooled = limit->pooled;
	new->charged = size;
	new->charged_pooled = pooled;
	new->exchange_type = exchange_type;
	new->total = total;
	*reassembly = new;
	return 0;
}

static int keep(struct ikefp_reassembly *held, const struct ikefp_reassembly_limit *limit,
		u16 number, const u8 *inner, u32 len)
{
	u32 pooled = held->charged_pooled;
	struct part *part;
	size_t size = struct_size(part, octets, len);

	if (!charge(limit, held->charged, size, &pooled))
		return IKEFP_A_STATS_DROP_FRAGMENT_LIMIT;
	part = kmalloc(size, GFP_FRAGMENT);
	if (!part) {
		uncharge(limit->used, size, limit->pooled, pooled - held->charged_pooled);
		return IKEFP_A_STATS_DROP_MEMORY;
	}
	part->len = len;
	memcpy(part->octets, inner, len);
	held->parts[number - 1] = part;
	held->charged += size;
	held->charged_pooled = pooled;
	held->len += len;
	held->held++;
	return 0;
}

/* All are there with this one. @held is NULL where it is the only one. */
static int join(const struct ikefp_reassembly *held, const struct ikefp_fragment *fragment,
		const u8 *inner, u32 len, struct ikefp_reassembled *whole)
{
	u8 *p;
	u32 i;

	whole->len = len + (held ? held->len : 0);
	/* One more, so that there is memory to tell that even an empty one is whole. */
	whole->octets = kmalloc(whole->len + 1, GFP_FRAGMENT);
	if (!whole->octets)
		return IKEFP_A_STATS_DROP_MEMORY;
	p = whole->octets;
	for (i = 0; i < fragment->total; i++) {
		const struct part *part = held ? held->parts[i] : NULL;

		memcpy(p, part ? part->octets : inner, part ? part->len : len);
		p += part ? part->len : len;
	}
	return 0;
}

/* What can be said of a fragment before it is verified. */
static int check(const struct ikefp_reassembly *held, const struct ikefp_header *header,
		 const struct ikefp_fragment *fragment)
{
	if (fragment->total > IKEFP_MAX_FRAGMENTS)
		return IKEFP_A_STATS_DROP_FRAGMENT_LIMIT;
	if (!held || fragment->total > held->total)
		return 0;
	if (fragment->total < held->total)
		return IKEFP_A_STATS_DROP_FRAGMENT_TOTAL;
	if (held->parts[fragment->number - 1])
		return IKEFP_A_STATS_DROP_FRAGMENT_DUPLICATE;
	return header->exchange_type == held->exchange_type ? 0 : IKEFP_A_STATS_DROP_MALFORMED;
}

/**
 * ikefp_reassembly_add() - take a fragment of a message
 * @reassembly: those that are there of the same message, from NULL on
 * @crypto: the keys
 * @limit: of the memory; what it points to is kept until the fragments are forgotten
 * @header: the fragment's IKE header
 * @fragment: its place in the message
 * @digest: of its octets
 * @octets: the fragment from its IKE header on, as for ikefp_crypto_open(), in place
 * @whole: zeroed; where the message goes when it has become whole. To be freed with
 *         ikefp_reassembled_free(); the caller forgets the fragments once he has taken it
 *
 * Context: any; the caller holds the SA's lock.
 * Return: 0 with @whole set; -EINPROGRESS when the fragment is kept and others are
 * missing; or the counter of the reason to drop it (IKEFP_A_STATS_DROP_*), and then it
 * has changed nothing, but that a verified one of more fragments ends what there was of
 * fewer.
 */
int ikefp_reassembly_add(struct ikefp_reassembly **reassembly, struct ikefp_crypto *crypto,
			 const struct ikefp_reassembly_limit *limit,
			 const struct ikefp_header *header, const struct ikefp_fragment *fragment,
			 u32 digest, u8 *octets, struct ikefp_reassembled *whole)
{
	struct ikefp_reassembly *held = *reassembly;
	u8 *inner;
	u32 len;
	int reason;

	reason = check(held, header, fragment);
	if (reason)
		return reason;
	reason = ikefp_crypto_open(crypto, octets, IKEFP_SKF_HEADERS_LEN, header->length, &inner,
				   &len);
	if (reason)
		return reason;

	if (held && fragment->total > held->total) {
		ikefp_reassembly_forget(reassembly);
		held = NULL;
	}
	if (limit->others + len + (held ? held->len : 0) > IKEFP_MAX_MESSAGE)
		return IKEFP_A_STATS_DROP_FRAGMENT_LIMIT;
	if ((held ? held->held : 0) + 1 == fragment->total) {
		bool first = fragment->number == 1;

		whole->first_payload = first ? fragment->inner_first_payload : held->first_payload;
		whole->digest = first ? digest : held->digest;
		return join(held, fragment, inner, len, whole);
	}
	if (!held) {
		reason = begin(reassembly, limit, header->exchange_type, fragment->total);
		if (reason)
			return reason;
		held = *reassembly;
	}
	reason = keep(held, limit, fragment->number, inner, len);
	if (reason) {
		if (!held->held)
			ikefp_reassembly_forget(reassembly);
		return reason;
	}
	if (fragment->number == 1) {
		held->first_payload = fragment->inner_first_payload;
		held->digest = digest;
	}
	return -EINPROGRESS;
}

/**
 * ikefp_reassembly_len() - what there is of a message
 * @reassembly: its fragments, not NULL
 *
 * Return: octets of payloads.
 */
u32 ikefp_reassembly_len(const struct ikefp_reassembly *reassembly)
{
	return reassembly->len;
}

/**
 * ikefp_reassembly_forget() - the fragments that are there are of no more use
 * @reassembly: them, wiped and NULL afterwards; may be NULL already
 *
 * Any context.
 */
void ikefp_reassembly_forget(struct ikefp_reassembly **reassembly)
{
	struct ikefp_reassembly *held = *reassembly;
	u32 i;

	if (!held)
		return;
	*reassembly = NULL;
	for (i = 0; i < held->total; i++)
		kfree_sensitive(held->parts[i]);
	uncharge(held->used, held->charged, held->pooled, held->charged_pooled);
	kfree(held);
}

/**
 * ikefp_reassembled_free() - wipe a message that was whole
 * @whole: what ikefp_reassembly_add() has set, or zeroes
 *
 * Any context.
 */
void ikefp_reassembled_free(struct ikefp_reassembled *whole)
{
	kfree_sensitive(whole->octets);
	whole->octets = NULL;
}
