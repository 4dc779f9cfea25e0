/* SPDX-License-Identifier: GPL-2.0 */
/* A token bucket. Pure; whoever shares one holds a lock. */
#ifndef IKEFP_RATELIMIT_H
#define IKEFP_RATELIMIT_H

#include "wire.h"

struct ikefp_bucket {
	u64 filled_ns; /* when the tokens were counted last */
	u64 credit_ns; /* tokens, in the time that they take to come */
};

bool ikefp_bucket_take(struct ikefp_bucket *bucket, u64 now_ns, u32 per_second, u32 burst);

#endif
