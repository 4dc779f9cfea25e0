// SPDX-License-Identifier: GPL-2.0

#include <linux/hash.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include <net/net_namespace.h>

#include "answer.h"
#include "crypto.h"
#include "datagram.h"
#include "esp.h"
#include "exchange.h"
#include "retransmit.h"
#include "rtt_memory.h"
#include "sa.h"
#include "stash.h"
#include "stream_esp.h"
#include "streams.h"
#include "trace.h"
#include "waiting.h"
#include "worker.h"

/* Ends the lives of SAs, where freeing keys may sleep. */
static struct workqueue_struct *free_queue;
static struct kmem_cache *sa_cache;

/* Random, whether drawn here or by the helper. */
static u32 hash_spi(const void *spi, u32 len, u32 seed)
{
	return hash_64(*(const u64 *)spi ^ seed, 32);
}

static const struct rhashtable_params by_spi = {
	.key_len = sizeof_field(struct ikefp_sa, spi),
	.key_offset = offsetof(struct ikefp_sa, spi),
	.head_offset = offsetof(struct ikefp_sa, spi_node),
	.hashfn = hash_spi,
	.automatic_shrinking = true,
};

static const struct rhashtable_params by_init = {
	.key_len = offsetofend(struct ikefp_init_key, family),
	.key_offset = offsetof(struct ikefp_sa, init.key),
	.head_offset = offsetof(struct ikefp_sa, init.node),
	.automatic_shrinking = true,
};

/**
 * ikefp_sa_module_init() - what all namespaces' SAs share
 *
 * Return: 0 or -ENOMEM.
 */
int ikefp_sa_module_init(void)
{
	sa_cache = KMEM_CACHE(ikefp_sa, SLAB_ACCOUNT);
	if (!sa_cache)
		return -ENOMEM;
	free_queue = alloc_workqueue("ikefp_free", WQ_UNBOUND, 0);
	if (!free_queue) {
		kmem_cache_destroy(sa_cache);
		return -ENOMEM;
	}
	return 0;
}

/**
 * ikefp_sa_module_exit() - after the last namespace is gone
 */
void ikefp_sa_module_exit(void)
{
	destroy_workqueue(free_queue);
	kmem_cache_destroy(sa_cache);
}

/**
 * ikefp_sa_tables_init() - a namespace begins
 * @ctx: the namespace
 * @expired: the function of the SAs' timers; it has a hold on the SA to give up
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int ikefp_sa_tables_init(struct ikefp_context *ctx, void (*expired)(struct timer_list *timer))
{
	int err;

	err = rhashtable_init(&ctx->sas, &by_spi);
	if (err)
		return err;
	err = rhashtable_init(&ctx->inits, &by_init);
	if (err) {
		rhashtable_destroy(&ctx->sas);
		return err;
	}
	xa_init_flags(&ctx->sa_ids, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);
	get_random_bytes(&ctx->digest_key, sizeof(ctx->digest_key));
	ctx->sa_expired = expired;
	return 0;
}

/**
 * ikefp_sa_tables_exit() - a namespace ends
 * @ctx: the namespace, whose listeners are closed and commands over
 *
 * On return no SA is left, nor a timer of one.
 *
 * Context: process. Sleeps.
 */
void ikefp_sa_tables_exit(struct ikefp_context *ctx)
{
	struct ikefp_sa *sa;
	unsigned long id;

	for (id = 0; (sa = ikefp_sa_get_next(ctx, &id)); id++) {
		spin_lock_bh(&sa->lock);
		ikefp_sa_bury(sa);
		spin_unlock_bh(&sa->lock);
		ikefp_sa_put(sa);
		cond_resched();
	}
	/* Timers that run at this moment, and grace periods. */
	wait_var_event(&ctx->sa_count, !atomic_read(&ctx->sa_count));
	xa_destroy(&ctx->sa_ids);
	rhashtable_destroy(&ctx->inits);
	rhashtable_destroy(&ctx->sas);
}

/* It is established, and goes by a stream. */
static void trust_stream(struct ikefp_sa *sa)
{
	if (!sa->joined || sa->trusts || sa->state != IKEFP_SA_STATE_ESTABLISHED)
		return;
	ikefp_streams_trust(sa->path.stream);
	sa->trusts = true;
}

/* It goes by its path's stream, if that is one. */
static void join_stream(struct ikefp_sa *sa)
{
	if (!sa->path.stream)
		return;
	ikefp_stream_join(sa->path.stream);
	sa->joined = true;
	trust_stream(sa);
}

/* What it was is said in @joined and @trusts. */
static void leave(struct ikefp_stream *stream, bool joined, bool trusts)
{
	if (joined)
		ikefp_stream_leave(stream);
	if (trusts)
		ikefp_streams_distrust(stream);
}

/* It does no more. Its stream has no more SAs than that, for all that it counts. */
static void leave_stream(struct ikefp_sa *sa)
{
	leave(sa->path.stream, sa->joined, sa->trusts);
	sa->joined = false;
	sa->trusts = false;
}

static void free_sa(struct work_struct *work)
{
	struct ikefp_sa *sa = container_of(to_rcu_work(work), struct ikefp_sa, free_work);
	struct ikefp_context *ctx = sa->ctx;

	if (sa->worker)
		ikefp_worker_leave_sa(sa->worker);
	ikefp_stash_free(ctx, sa->stash);
	ikefp_crypto_free(sa->crypto);
	ikefp_crypto_free(sa->crypto_before);
	ikefp_exchange_forget_all(sa);
	ikefp_exchange_free(ctx, sa->exchanges == &sa->exchange ? NULL : sa->exchanges,
			    sa->window_out);
	ikefp_answer_forget_all(sa);
	ikefp_answer_free(ctx, sa->answers == &sa->answer ? NULL : sa->answers,
			  sa->window_in.size);
	ikefp_datagram_put(sa->init.response);
	ikefp_route_forget(&sa->route);
	leave_stream(sa);
	ikefp_stream_esp_forget(ctx, &sa->stream_esp);
	ikefp_path_put(&sa->path);
	kfree(sa->esp);
	kfree(sa->retransmit);
	kmem_cache_free(sa_cache, sa);
	if (atomic_dec_and_test(&ctx->sa_count))
		wake_up_var(&ctx->sa_count);
}

/**
 * ikefp_sa_put() - give up a hold
 * @sa: not NULL
 *
 * Any context.
 */
void ikefp_sa_put(struct ikefp_sa *sa)
{
	if (refcount_dec_and_test(&sa->refs))
		queue_rcu_work(free_queue, &sa->free_work);
}

static struct ikefp_sa *alloc_sa(struct ikefp_context *ctx, enum ikefp_role role,
				 struct ikefp_worker *worker, const struct ikefp_path *path,
				 int *reason)
{
	struct ikefp_sa *sa;

	/*
	 * The context is there as long as the count is not zero, and dropping it to
	 * zero wakes whoever waits for that: count first.
	 */
	if (atomic_inc_return(&ctx->sa_count) > ikefp_policy_get(&ctx->policy, MAX_SAS)) {
		*reason = IKEFP_A_STATS_DROP_SA_LIMIT;
		goto uncount;
	}
	sa = kmem_cache_zalloc(sa_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!sa) {
		*reason = IKEFP_A_STATS_DROP_MEMORY;
		goto uncount;
	}
	refcount_set(&sa->refs, 1);
	spin_lock_init(&sa->lock);
	INIT_RCU_WORK(&sa->free_work, free_sa);
	timer_setup(&sa->timer, ctx->sa_expired, 0);
	sa->ctx = ctx;
	sa->role = role;
	sa->state = IKEFP_SA_STATE_HALF_OPEN;
	sa->created = ktime_get();
	sa->window_out = 1;
	sa->exchanges = &sa->exchange;
	sa->window_in.size = 1;
	sa->answers = &sa->answer;
	__skb_queue_head_init(&sa->waiting);
	sa->worker = worker;
	if (worker)
		ikefp_worker_take_sa(worker);
	ikefp_path_copy(&sa->path, path);
	join_stream(sa);
	return sa;

uncount:
	if (atomic_dec_and_test(&ctx->sa_count))
		wake_up_var(&ctx->sa_count);
	return NULL;
}

/* The SA is out of all tables afterwards, or never was in them. */
static void unhash(struct ikefp_sa *sa)
{
	struct ikefp_context *ctx = sa->ctx;

	rhashtable_remove_fast(&ctx->sas, &sa->spi_node, by_spi);
	xa_erase_bh(&ctx->sa_ids, sa->id);
}

/* -EEXIST: the SPI is taken. */
static int hash(struct ikefp_sa *sa)
{
	struct ikefp_context *ctx = sa->ctx;
	int err;

	/* A listing goes on after the last ID, so that there must be one more. */
	err = xa_alloc_cyclic_bh(&ctx->sa_ids, &sa->id, NULL, XA_LIMIT(1, U32_MAX - 1),
				 &ctx->sa_next_id, GFP_ATOMIC | __GFP_NOWARN);
	if (err < 0)
		return err;
	err = rhashtable_lookup_insert_fast(&ctx->sas, &sa->spi_node, by_spi);
	if (err) {
		xa_erase_bh(&ctx->sa_ids, sa->id);
		return err;
	}
	/* Into the listing only when it is whole. */
	xa_store_bh(&ctx->sa_ids, sa->id, sa, GFP_ATOMIC | __GFP_NOWARN);
	return 0;
}

/**
 * ikefp_sa_new_initiator() - the helper begins an SA
 * @ctx: the namespace
 * @spi: our SPI, not 0
 * @worker: whose it is, held; NULL: nobody's
 * @path: the way of its requests
 * @reason: where the failure's counter goes (IKEFP_A_STATS_DROP_*)
 *
 * Context: process.
 * Return: the SA, held, in no table yet; NULL on failure.
 */
struct ikefp_sa *ikefp_sa_new_initiator(struct ikefp_context *ctx, u64 spi,
					struct ikefp_worker *worker,
					const struct ikefp_path *path, int *reason)
{
	struct ikefp_sa *sa = alloc_sa(ctx, IKEFP_ROLE_INITIATOR, worker, path, reason);

	if (sa)
		sa->spi = spi;
	return sa;
}

/**
 * ikefp_sa_new_rekeyed() - an SA takes the place of another one
 * @old: that one, established, locked
 * @spi: our SPI of the new one, not 0
 * @peer_spi: the peer's
 * @role: who began the rekeying is its initiator
 * @reason: where the failure's counter goes (IKEFP_A_STATS_DROP_*)
 *
 * Who the peer is, where, and what it knows stays; messages are counted anew (RFC 7296
 * section 2.18). It has no IKE_SA_INIT exchange and never was half-open.
 *
 * Context: process.
 * Return: the SA, held, without keys, in no table yet; NULL on failure.
 */
struct ikefp_sa *ikefp_sa_new_rekeyed(struct ikefp_sa *old, u64 spi, u64 peer_spi,
				      enum ikefp_role role, int *reason)
{
	struct ikefp_sa *sa;

	lockdep_assert_held(&old->lock);
	sa = alloc_sa(old->ctx, role, old->worker, &old->path, reason);
	if (!sa)
		return NULL;
	if (old->retransmit) {
		sa->retransmit = kmemdup(old->retransmit, sizeof(*old->retransmit),
					 GFP_ATOMIC | __GFP_NOWARN | __GFP_ACCOUNT);
		if (!sa->retransmit) {
			*reason = IKEFP_A_STATS_DROP_MEMORY;
			ikefp_sa_put(sa);
			return NULL;
		}
	}
	sa->spi = spi;
	sa->peer_spi = peer_spi;
	sa->state = IKEFP_SA_STATE_ESTABLISHED;
	trust_stream(sa);
	sa->fragments = old->fragments;
	sa->fragment_size = old->fragment_size;
	sa->rtt = old->rtt;
	sa->rtt_elsewhere = old->rtt_elsewhere;
	sa->behind_nat = old->behind_nat;
	sa->follow = old->follow;
	sa->liveness_given = old->liveness_given;
	sa->liveness_ms = old->liveness_ms;
	sa->last_in = jiffies;
	sa->last_out = jiffies;
	return sa;
}

/* Counts, and says whether that is too many: 0 or the counter of the reason. */
static int count_half_open(struct ikefp_context *ctx, const struct ikefp_init_source *source)
{
	u32 of_source = atomic_inc_return(source->half_open);
	u32 of_all = atomic_inc_return(&ctx->half_open_count);

	if (of_source > ikefp_policy_get(&ctx->policy, MAX_HALF_OPEN_SOURCE))
		return IKEFP_A_STATS_DROP_SOURCE_LIMIT;
	if (of_all > ikefp_policy_get(&ctx->policy, MAX_HALF_OPEN))
		return IKEFP_A_STATS_DROP_HALF_OPEN_LIMIT;
	return 0;
}

/**
 * ikefp_sa_new_responder() - a peer begins an SA
 * @ctx: the namespace
 * @peer_spi: the initiator's SPI
 * @worker: whose it is, held
 * @key: its IKE_SA_INIT request
 * @source: where that came from; its count is there as long as the namespace is
 * @path: the way of the answer
 * @reason: where the failure's counter goes (IKEFP_A_STATS_DROP_*)
 *
 * Half-open SAs are bounded in number, of all sources and of each, and expire.
 *
 * Context: softirq.
 * Return: the SA, held, in no table yet; NULL on failure.
 */
struct ikefp_sa *ikefp_sa_new_responder(struct ikefp_context *ctx, u64 peer_spi,
					struct ikefp_worker *worker,
					const struct ikefp_init_key *key,
					const struct ikefp_init_source *source,
					const struct ikefp_path *path, int *reason)
{
	unsigned long flood_life =
		msecs_to_jiffies(ikefp_policy_get(&ctx->policy, HALF_OPEN_FLOOD_MS));
	unsigned long life = msecs_to_jiffies(ikefp_policy_get(&ctx->policy, HALF_OPEN_MS));
	struct ikefp_sa *sa;

	*reason = count_half_open(ctx, source);
	if (*reason)
		goto uncount;
	sa = alloc_sa(ctx, IKEFP_ROLE_RESPONDER, worker, path, reason);
	if (!sa)
		goto uncount;
	sa->counted_half_open = true;
	sa->peer_spi = peer_spi;
	sa->half_open_deadline = jiffies + life;
	sa->half_open_look = jiffies + flood_life;
	sa->init.key = *key;
	sa->init.source = *source;
	sa->init.deadline = sa->half_open_deadline;
	sa->window_in.expected = 1;
	return sa;

uncount:
	atomic_dec(source->half_open);
	atomic_dec(&ctx->half_open_count);
	return NULL;
}

static void uncount_half_open(struct ikefp_sa *sa)
{
	if (!sa->counted_half_open)
		return;
	sa->counted_half_open = false;
	atomic_dec(sa->init.source.half_open);
	atomic_dec(&sa->ctx->half_open_count);
}

/* Of a peer that sent an IKE_SA_INIT request. */
static int hash_responder(struct ikefp_sa *sa)
{
	int err;

	do {
		sa->spi = get_random_u64();
		err = sa->spi ? hash(sa) : -EEXIST;
	} while (err == -EEXIST);
	if (err)
		return err;
	err = rhashtable_lookup_insert_fast(&sa->ctx->inits, &sa->init.node, by_init);
	if (err)
		unhash(sa);
	else
		sa->init.hashed = true;
	return err;
}

/**
 * ikefp_sa_enter() - a new SA gets into the tables
 * @sa: the SA, held by the caller, locked since before anybody can find it
 *
 * One that a peer has begun gets a random SPI of our own.
 *
 * Whoever finds it at once, waits for the lock and finds it whole. That includes the
 * tables: an SA that were deleted while it enters them would be left in one of them.
 *
 * Context: any.
 * Return: 0, the SA is held once more than before, by the tables; or -EEXIST: the SPI that
 * it has is taken, or the IKE_SA_INIT request has its SA, made by a duplicate on another
 * CPU; or another error: out of memory. Then it is dead.
 */
int ikefp_sa_enter(struct ikefp_sa *sa)
{
	int err;

	lockdep_assert_held(&sa->lock);
	err = sa->spi ? hash(sa) : hash_responder(sa);
	if (err) {
		uncount_half_open(sa);
		sa->dead = true;
		return err;
	}
	ikefp_sa_hold(sa);
	trace_ikefp_sa_state(sa->ctx->net, sa->spi, sa->peer_spi, -1, sa->state);
	return 0;
}

/**
 * ikefp_sa_find() - find an SA by its own SPI
 * @ctx: the namespace
 * @spi: our SPI
 *
 * Context: under RCU.
 * Return: the SA, not held, or NULL. It may die before its lock is taken.
 */
struct ikefp_sa *ikefp_sa_find(struct ikefp_context *ctx, u64 spi)
{
	return rhashtable_lookup(&ctx->sas, &spi, by_spi);
}

/**
 * ikefp_sa_find_init() - find the SA that an IKE_SA_INIT request has made
 * @ctx: the namespace
 * @key: the request
 *
 * Context: under RCU.
 * Return: the SA, not held, or NULL.
 */
struct ikefp_sa *ikefp_sa_find_init(struct ikefp_context *ctx,
				    const struct ikefp_init_key *key)
{
	return rhashtable_lookup(&ctx->inits, key, by_init);
}

/**
 * ikefp_sa_get() - find an SA by its own SPI, to keep it
 * @ctx: the namespace
 * @spi: our SPI
 *
 * Context: any.
 * Return: the SA, held, or NULL.
 */
struct ikefp_sa *ikefp_sa_get(struct ikefp_context *ctx, u64 spi)
{
	struct ikefp_sa *sa;

	rcu_read_lock();
	sa = ikefp_sa_find(ctx, spi);
	if (sa && !refcount_inc_not_zero(&sa->refs))
		sa = NULL;
	rcu_read_unlock();
	return sa;
}

/**
 * ikefp_sa_get_next() - go through all SAs
 * @ctx: the namespace
 * @id: where to begin; then the ID of the SA found
 *
 * Return: the first SA from @id on, held, or NULL. An SA that is there all the time
 * is found just once.
 */
struct ikefp_sa *ikefp_sa_get_next(struct ikefp_context *ctx, unsigned long *id)
{
	struct ikefp_sa *sa;

	rcu_read_lock();
	for (sa = xa_find(&ctx->sa_ids, id, ULONG_MAX, XA_PRESENT); sa;
	     sa = xa_find_after(&ctx->sa_ids, id, ULONG_MAX, XA_PRESENT)) {
		if (refcount_inc_not_zero(&sa->refs))
			break;
	}
	rcu_read_unlock();
	return sa;
}

/**
 * ikefp_sa_set_path() - our own requests go another way
 * @sa: the SA, locked
 * @path: which way; as of ikefp_path_copy()
 */
void ikefp_sa_set_path(struct ikefp_sa *sa, const struct ikefp_path *path)
{
	bool joined = sa->joined, trusts = sa->trusts;
	struct ikefp_path old = sa->path;

	/* Where a peer says that it is may be another host, of which it must not say anything. */
	if (sa->rtt.srtt_us && !ikefp_path_same_host(&sa->path, path))
		sa->rtt_elsewhere = true;
	ikefp_route_forget(&sa->route);
	if (!path->stream)
		ikefp_stream_esp_forget(sa->ctx, &sa->stream_esp);
	else if (sa->stream_esp)
		ikefp_stream_esp_move(sa->stream_esp, path->stream);
	ikefp_path_copy(&sa->path, path);
	sa->path.dscp = old.dscp;
	sa->joined = false;
	sa->trusts = false;
	join_stream(sa);
	/* After that: the stream that it goes by now is no stranger's, and the other one may be. */
	leave(old.stream, joined, trusts);
	ikefp_path_put(&old);
}

/**
 * ikefp_sa_set_dscp() - what its datagrams are marked with
 * @sa: the SA, locked
 * @dscp: the codepoint, below 64; 0: none
 *
 * All that leaves for the SA from now on, the copies of what has left before included. A stream's
 * packets are marked by whoever has handed it down.
 */
void ikefp_sa_set_dscp(struct ikefp_sa *sa, u8 dscp)
{
	if (sa->path.dscp == dscp)
		return;
	sa->path.dscp = dscp;
	/* Routes may depend on it. */
	ikefp_route_forget(&sa->route);
}

/*
 * From now on what it measures is a peer's. All requests that waited as long as another SA's
 * measurements said had to be sent again: the way may have become longer, and then that would
 * go on, without a sample ever.
 */
static void settle_rtt(struct ikefp_sa *sa)
{
	if (sa->rtt_recalled) {
		sa->rtt_recalled = false;
		sa->rtt = (struct ikefp_rtt){ 0 };
		ikefp_rtt_forget(sa->ctx, &sa->path);
	} else if (sa->rtt.srtt_us && !sa->rtt_elsewhere && !sa->path.stream) {
		ikefp_rtt_remember(sa->ctx, &sa->path, &sa->rtt);
	}
}

/**
 * ikefp_sa_set_state() - move to another state
 * @sa: the SA, locked
 * @state: the state
 */
void ikefp_sa_set_state(struct ikefp_sa *sa, enum ikefp_sa_state state)
{
	if (sa->state == state)
		return;
	trace_ikefp_sa_state(sa->ctx->net, sa->spi, sa->peer_spi, sa->state, state);
	sa->state = state;
	/* One that lingers is as much a stranger's as before. */
	if (state == IKEFP_SA_STATE_ESTABLISHED) {
		uncount_half_open(sa);
		settle_rtt(sa);
		trust_stream(sa);
	}
	if (state == IKEFP_SA_STATE_LINGERING) {
		leave_stream(sa);
		ikefp_stream_esp_forget(sa->ctx, &sa->stream_esp);
	}
}

/**
 * ikefp_sa_recall_rtt() - an SA that has measured nothing yet is about to wait for an answer
 * @sa: the SA, locked
 */
void ikefp_sa_recall_rtt(struct ikefp_sa *sa)
{
	if (!sa->rtt.srtt_us && sa->state == IKEFP_SA_STATE_HALF_OPEN && !sa->path.stream)
		sa->rtt_recalled = ikefp_rtt_recall(sa->ctx, &sa->path, &sa->rtt);
}

/**
 * ikefp_sa_measured() - a round trip
 * @sa: the SA, locked
 * @sample_us: as of ikefp_rtt_sample(); of a half-open SA who answered is not known yet
 */
void ikefp_sa_measured(struct ikefp_sa *sa, u64 sample_us)
{
	sa->rtt_recalled = false;
	ikefp_rtt_sample(&sa->rtt, sample_us);
	/* Of a stream what TCP had to send again is part of it: no datagram takes so long. */
	if (sa->state == IKEFP_SA_STATE_ESTABLISHED && !sa->rtt_elsewhere && !sa->path.stream)
		ikefp_rtt_remember(sa->ctx, &sa->path, &sa->rtt);
}

static void set_orphan(struct ikefp_sa *sa, bool orphan)
{
	if (sa->orphan == orphan)
		return;
	sa->orphan = orphan;
	atomic_add(orphan ? 1 : -1, &sa->ctx->orphan_count);
}

/**
 * ikefp_sa_set_worker() - an SA belongs to another worker
 * @sa: the SA, locked
 * @worker: the worker, held; NULL: to none, it is an orphan
 */
void ikefp_sa_set_worker(struct ikefp_sa *sa, struct ikefp_worker *worker)
{
	if (worker)
		ikefp_worker_take_sa(worker);
	if (sa->worker)
		ikefp_worker_leave_sa(sa->worker);
	sa->worker = worker;
	set_orphan(sa, !worker);
}

/**
 * ikefp_sa_forget_worker() - an SA is deleted: it has nothing more to tell
 * @sa: the SA, locked
 */
void ikefp_sa_forget_worker(struct ikefp_sa *sa)
{
	if (sa->worker)
		ikefp_worker_leave_sa(sa->worker);
	sa->worker = NULL;
	set_orphan(sa, false);
	while (ikefp_waiting_first(sa))
		ikefp_waiting_drop_first(sa);
}

/**
 * ikefp_sa_forget_init() - no longer recognise duplicates of the first request
 * @sa: the SA, locked
 */
void ikefp_sa_forget_init(struct ikefp_sa *sa)
{
	if (!sa->init.hashed)
		return;
	sa->init.hashed = false;
	rhashtable_remove_fast(&sa->ctx->inits, &sa->init.node, by_init);
	ikefp_datagram_put(sa->init.response);
	sa->init.response = NULL;
}

/**
 * ikefp_sa_bury() - take an SA out of the world
 * @sa: the SA, held by the caller, locked; may be dead already
 *
 * The tables' hold and the pending timer's are given up.
 *
 * Context: any.
 */
void ikefp_sa_bury(struct ikefp_sa *sa)
{
	lockdep_assert_held(&sa->lock);
	if (sa->dead)
		return;
	sa->dead = true;
	leave_stream(sa);
	ikefp_stream_esp_forget(sa->ctx, &sa->stream_esp);
	trace_ikefp_sa_state(sa->ctx->net, sa->spi, sa->peer_spi, sa->state, -1);
	uncount_half_open(sa);
	ikefp_sa_forget_worker(sa);
	ikefp_exchange_forget_all(sa);
	ikefp_sa_forget_init(sa);
	ikefp_answer_forget_fragments(sa);
	unhash(sa);
	if (timer_delete(&sa->timer))
		ikefp_sa_put(sa);
	ikefp_sa_put(sa);
}
