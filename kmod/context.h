/* SPDX-License-Identifier: GPL-2.0 */
/* What the module keeps of a network namespace. netns.c makes it and takes it away. */
#ifndef IKEFP_CONTEXT_H
#define IKEFP_CONTEXT_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/percpu.h>
#include <linux/rhashtable-types.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "policy.h"
#include "stream_source.h"

struct ikefp_flood;
struct ikefp_rtt_memory;
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

	struct list_head workers; /* RCU; changed under workers_lock */
	spinlock_t workers_lock;
	u32 worker_count;
	u32 worker_generation; /* changes whenever the list does */
	struct work_struct orphan_work; /* looks for SAs whose worker is gone */

	struct rhashtable sas; /* by own SPI */
	struct rhashtable inits; /* responder's, by IKE_SA_INIT request */
	void (*sa_expired)(struct timer_list *timer);
	hsiphash_key_t digest_key;

	/* Written as SAs come and go: away from what every message reads. */
	struct xarray sa_ids ____cacheline_aligned_in_smp; /* all, by age, for listings */
	u32 sa_next_id;
	atomic_t sa_count; /* from creation to the last put */
	atomic_t half_open_count;
	atomic_t orphan_count;
	atomic_long_t waiting_octets; /* of upcalls that wait for adoption */
	atomic_long_t stash_octets;
	atomic_long_t cache_octets; /* of all datagrams kept */
	atomic_long_t reassembly_octets; /* of fragments that wait for others */
	atomic_long_t reassembly_pooled; /* of those, what strangers have above their shares */

	struct xarray streams; /* by ID */
	u32 stream_next_id;
	atomic_t stream_count; /* whose sockets are open */
	atomic_t streams_ending; /* of those, that wait for what is on its way */
	atomic_long_t stream_octets[IKEFP_STREAM_MEMORIES];
	struct rhashtable stream_sources; /* changed under sources_lock */
	spinlock_t sources_lock;
	u32 stranger_count; /* streams by which no SA that is established goes; likewise */
	struct delayed_work stream_watch;
	struct rhltable stream_esp; /* outbound ESP that goes by streams, by SPI */
	atomic_t stream_sa_count; /* IKE SAs that go by streams, which may have ended */
	u32 streams_coming; /* hands that are about to add one; under config_lock, as these: */
	struct nf_hook_ops esp_hooks[2]; /* IPv4, IPv6; .hook is NULL: not registered */

	/* From before the first listener or stream on; under config_lock. */
	struct workqueue_struct *stream_queue; /* NULL: there was none yet */
	struct ikefp_flood *flood;
	struct ikefp_rtt_memory *rtt_memory;
};

/* Any context. @stat is an IKEFP_A_STATS_*. */
static inline void ikefp_count(struct ikefp_context *ctx, int stat)
{
	this_cpu_inc(ctx->counters->value[stat]);
}

#endif
