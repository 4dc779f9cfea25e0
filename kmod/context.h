/* SPDX-License-Identifier: GPL-2.0 */
/* What the module keeps of a network namespace. netns.c makes it and takes it away. */
#ifndef IKEFP_CONTEXT_H
#define IKEFP_CONTEXT_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rhashtable-types.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "policy.h"

struct ikefp_flood;
struct net;
struct timer_list;

struct ikefp_counters {
	u64 value[IKEFP_A_STATS_MAX + 1];
};

struct ikefp_context {
	struct net *net;
	struct ikefp_policy policy;
	struct ikefp_counters __percpu *counters;

	/* Serialises the commands that change listeners and settings. */
	struct mutex config_lock;
	struct list_head listeners; /* RCU */
	u32 listener_generation; /* changes whenever the list does */
	u32 worker_portid; /* 0: none */

	struct rhashtable sas; /* by own SPI */
	struct rhashtable inits; /* responder's, by IKE_SA_INIT request */
	struct xarray sa_ids; /* all, in order of age, for listings */
	u32 sa_next_id;
	atomic_t sa_count; /* from creation to the last put */
	atomic_t half_open_count;
	void (*sa_expired)(struct timer_list *timer);

	atomic_long_t cache_octets; /* of all datagrams kept */
	struct ikefp_flood *flood; /* from before the first listener on; under config_lock */

	siphash_key_t digest_key;
};

/* Any context. @stat is an IKEFP_A_STATS_*. */
static inline void ikefp_count(struct ikefp_context *ctx, int stat)
{
	this_cpu_inc(ctx->counters->value[stat]);
}

#endif
