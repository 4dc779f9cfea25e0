// SPDX-License-Identifier: GPL-2.0

#include "ratelimit.h"

/* What a bucket holds by now, of at most @full_ns. */
static u64 credit_ns(const struct ikefp_bucket *bucket, u64 now_ns, u64 full_ns)
{
	u64 since_ns = now_ns - bucket->filled_ns;

	if (!bucket->filled_ns || bucket->credit_ns >= full_ns ||
	    since_ns >= full_ns - bucket->credit_ns)
		return full_ns;
	return bucket->credit_ns + since_ns;
}

/**
 * ikefp_bucket_take() - may it happen once more
 * @bucket: zeroed at first, which is a full one
 * @now_ns: a clock that does not go back and is not 0
 * @per_second: tokens that come in a second, 1 to 1000000000
 * @burst: tokens that the bucket holds
 */
bool ikefp_bucket_take(struct ikefp_bucket *bucket, u64 now_ns, u32 per_second, u32 burst)
{
	const u32 token_ns = 1000000000u / per_second;

	bucket->credit_ns = credit_ns(bucket, now_ns, (u64)token_ns * burst);
	bucket->filled_ns = now_ns;
	if (bucket->credit_ns < token_ns)
		return false;
	bucket->credit_ns -= token_ns;
	return true;
}

/**
 * ikefp_bucket_set_take() - may it happen once more for this source
 * @set: where its hash leads
 * @tag: another part of the hash, which tells it from the others there
 * @now_ns: as in ikefp_bucket_take(), and so on
 * @per_second: likewise
 * @burst: likewise
 *
 * A source that has no bucket here takes the place of the one with the fullest. So no
 * number of others can leave a source without tokens, while a source that uses up its
 * own keeps its place as long as there is one in the set that used less; what others can
 * do, by coming in numbers and each using as much, is win it a full bucket again.
 */
bool ikefp_bucket_set_take(struct ikefp_bucket_set *set, u32 tag, u64 now_ns, u32 per_second,
			   u32 burst)
{
	const u64 full_ns = (u64)(1000000000u / per_second) * burst;
	u64 most_ns = 0;
	int fullest = 0;
	int i;

	for (i = 0; i < IKEFP_BUCKET_WAYS; i++) {
		u64 held_ns;

		if (set->tag[i] == tag)
			return ikefp_bucket_take(&set->bucket[i], now_ns, per_second, burst);
		held_ns = credit_ns(&set->bucket[i], now_ns, full_ns);
		if (held_ns > most_ns) {
			most_ns = held_ns;
			fullest = i;
		}
	}
	set->tag[fullest] = tag;
	memset(&set->bucket[fullest], 0, sizeof(set->bucket[fullest]));
	return ikefp_bucket_take(&set->bucket[fullest], now_ns, per_second, burst);
}
