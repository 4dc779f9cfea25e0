/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A worker: a netlink socket that the upcalls of some SAs go to.
 *
 * The namespace's list holds it once, and each of its SAs. When its socket is closed it
 * leaves the list and has no socket; its SAs find that out, each under its own lock
 * (orphan.h).
 *
 * It is known by the socket, not by its port ID: that is another's to have as soon as the
 * socket is being closed, which is before we are told.
 */
#ifndef IKEFP_WORKER_H
#define IKEFP_WORKER_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "context.h"

struct netlink_ext_ack;
struct sk_buff;
struct sock;

/* In a namespace: who chooses among them looks at each. */
#define IKEFP_MAX_WORKERS 256

struct ikefp_worker {
	struct list_head node; /* RCU; changed under workers_lock */
	struct rcu_head rcu;
	struct sock __rcu *sk; /* held; NULL: it is gone. Changed under workers_lock */
	u32 portid; /* that the socket has until it is closed; no two of the list's have it */
	bool only; /* wants no other beside it */

	/* Written for each SA that comes or goes: away from what each message reads. */
	refcount_t refs ____cacheline_aligned_in_smp;
	unsigned long full_until; /* jiffies; its socket had no room a moment ago */
	atomic_t sa_count;
};

int ikefp_worker_attach(struct ikefp_context *ctx, struct sock *sk, u32 portid, bool only,
			struct sk_buff *reply, struct netlink_ext_ack *extack);
bool ikefp_worker_detach(struct ikefp_context *ctx, struct ikefp_worker *worker);
bool ikefp_worker_is_closed(const struct ikefp_worker *worker);
int ikefp_worker_deliver(struct ikefp_worker *worker, struct sk_buff *skb);
struct ikefp_worker *ikefp_worker_find(struct ikefp_context *ctx, u32 portid);
struct ikefp_worker *ikefp_worker_least_loaded(struct ikefp_context *ctx);
struct ikefp_worker *ikefp_worker_by_spi(struct ikefp_context *ctx, u64 spi);
void ikefp_worker_take_sa(struct ikefp_worker *worker);
void ikefp_worker_leave_sa(struct ikefp_worker *worker);
void ikefp_worker_put(struct ikefp_worker *worker);

/* Needs RCU and that it was in the list, or another hold. False: it is freed already. */
static inline bool ikefp_worker_hold(struct ikefp_worker *worker)
{
	return refcount_inc_not_zero(&worker->refs);
}

static inline bool ikefp_worker_is_gone(const struct ikefp_worker *worker)
{
	return !rcu_access_pointer(worker->sk);
}

/* Whether it is this socket. */
static inline bool ikefp_worker_is(const struct ikefp_worker *worker, const struct sock *sk)
{
	return rcu_access_pointer(worker->sk) == sk;
}

#endif
