/* SPDX-License-Identifier: GPL-2.0 */
/* Token buckets, one alone and sets of them. Pure; whoever shares one holds a lock. */
#ifndef IKEFP_RATELIMIT_H
#define IKEFP_RATELIMIT_H

#include "wire.h"

struct ikefp_bucket {
	u64 filled_ns; /* when the tokens were counted last */
	u64 credit_ns; /* tokens, in the time that they take to come */
};

#define IKEFP_BUCKET_WAYS 4

/* The buckets of the few sources that a hash sends here. Zeroed at first. */
struct ikefp_bucket_set {
	u32 tag[IKEFP_BUCKET_WAYS]; /* more of the hash: whose bucket it is */
	struct ikefp_bucket bucket[IKEFP_BUCKET_WAYS];
};

bool ikefp_bucket_take(struct ikefp_bucket *bucket, u64 now_ns, u32 per_second, u32 burst);
bool ikefp_bucket_set_take(struct ikefp_bucket_set *set, u32 tag, u64 now_ns, u32 per_second,
			   u32 burst);

#endif
