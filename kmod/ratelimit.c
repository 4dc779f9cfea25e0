// SPDX-License-Identifier: GPL-2.0

#include "ratelimit.h"

/**
 * ikefp_bucket_take() - may it happen once more
 * @bucket: zeroed at first, which is a full one
 * @now_ns: a clock that does not go back
 * @per_second: tokens that come in a second, at least 1
 * @burst: tokens that the bucket holds
 */
bool ikefp_bucket_take(struct ikefp_bucket *bucket, u64 now_ns, u32 per_second, u32 burst)
{
	const u32 token_ns = 1000000000u / per_second;
	const u64 full_ns = (u64)token_ns * burst;
	u64 since_ns = now_ns - bucket->filled_ns;

	if (!bucket->filled_ns || since_ns >= full_ns - bucket->credit_ns)
		bucket->credit_ns = full_ns;
	else
		bucket->credit_ns += since_ns;
	bucket->filled_ns = now_ns;

	if (bucket->credit_ns < token_ns)
		return false;
	bucket->credit_ns -= token_ns;
	return true;
}
