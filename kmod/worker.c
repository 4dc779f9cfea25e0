// SPDX-License-Identifier: GPL-2.0

#include <linux/hash.h>
#include <linux/netlink.h>
#include <linux/rculist.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "worker.h"

/**
 * ikefp_worker_find() - find a worker by its port ID
 * @ctx: the namespace
 * @portid: the port ID, which may be another socket's by now
 *
 * Context: under RCU.
 * Return: the worker, not held, or NULL.
 */
struct ikefp_worker *ikefp_worker_find(struct ikefp_context *ctx, u32 portid)
{
	struct ikefp_worker *worker;

	list_for_each_entry_rcu(worker, &ctx->workers, node,
				lockdep_is_held(&ctx->workers_lock)) {
		if (worker->portid == portid)
			return worker;
	}
	return NULL;
}

/**
 * ikefp_worker_is_closed() - has a worker's socket been closed
 * @worker: the worker
 *
 * So it is when netlink tells of it, and may be a moment earlier.
 *
 * Context: under RCU.
 */
bool ikefp_worker_is_closed(const struct ikefp_worker *worker)
{
	const struct sock *sk = rcu_dereference(worker->sk);

	return !sk || sock_flag(sk, SOCK_DEAD);
}

/* Whether there may be one more, and what to say if not. Under workers_lock and RCU. */
static int check_room(struct ikefp_context *ctx, bool only, struct netlink_ext_ack *extack)
{
	const struct ikefp_worker *worker;

	list_for_each_entry_rcu(worker, &ctx->workers, node,
				lockdep_is_held(&ctx->workers_lock)) {
		if ((only || worker->only) && !ikefp_worker_is_closed(worker)) {
			NL_SET_ERR_MSG(extack, "another worker is attached to this namespace");
			return -EBUSY;
		}
	}
	if (READ_ONCE(ctx->worker_count) >= IKEFP_MAX_WORKERS) {
		NL_SET_ERR_MSG(extack, "there are 256 workers already");
		return -ENOSPC;
	}
	return 0;
}

/**
 * ikefp_worker_attach() - make a socket a worker
 * @ctx: the namespace
 * @sk: the socket, open meanwhile; held from then on until it is detached
 * @portid: its port ID, not 0, that no worker with another socket has any more
 * @only: whether there is to be no other
 * @reply: what the socket is to read before any upcall: that it is one; taken
 * @extack: what to tell the caller
 *
 * Context: process.
 * Return: 0; -EALREADY where it is one, which it was told again; -EBUSY where there is
 * another and one of the two wants to be the only one, -ENOSPC, -ENOMEM; or the error of
 * the reply.
 */
int ikefp_worker_attach(struct ikefp_context *ctx, struct sock *sk, u32 portid, bool only,
			struct sk_buff *reply, struct netlink_ext_ack *extack)
{
	struct ikefp_worker *worker = kzalloc(sizeof(*worker), GFP_KERNEL_ACCOUNT);
	int err;

	if (!worker) {
		nlmsg_free(reply);
		return -ENOMEM;
	}
	worker->portid = portid;
	worker->only = only;
	worker->full_until = jiffies;
	refcount_set(&worker->refs, 1);

	rcu_read_lock();
	spin_lock(&ctx->workers_lock);
	err = ikefp_worker_find(ctx, portid) ? -EALREADY : check_room(ctx, only, extack);
	if (!err || err == -EALREADY) {
		/* Before anybody finds it: an upcall would come first. */
		err = genlmsg_unicast(ctx->net, reply, portid) ?: err;
		reply = NULL;
	}
	if (!err) {
		sock_hold(sk);
		RCU_INIT_POINTER(worker->sk, sk);
		list_add_tail_rcu(&worker->node, &ctx->workers);
		WRITE_ONCE(ctx->worker_count, ctx->worker_count + 1);
		ctx->worker_generation++;
		worker = NULL;
	}
	spin_unlock(&ctx->workers_lock);
	rcu_read_unlock();
	nlmsg_free(reply);
	kfree(worker);
	return err;
}

/**
 * ikefp_worker_detach() - a socket is a worker no more
 * @ctx: the namespace
 * @worker: the worker; the list's hold of it is given up
 *
 * Who has found the socket in the worker under RCU may go on with it until he leaves RCU:
 * netlink gives up its own hold a grace period after the socket is closed.
 *
 * Context: process, under RCU or with nobody else there.
 * Return: whether it was one until now. Its SAs have yet to find out.
 */
bool ikefp_worker_detach(struct ikefp_context *ctx, struct ikefp_worker *worker)
{
	struct sock *sk;

	spin_lock(&ctx->workers_lock);
	sk = rcu_dereference_protected(worker->sk, lockdep_is_held(&ctx->workers_lock));
	if (sk) {
		list_del_rcu(&worker->node);
		WRITE_ONCE(ctx->worker_count, ctx->worker_count - 1);
		ctx->worker_generation++;
		RCU_INIT_POINTER(worker->sk, NULL);
	}
	spin_unlock(&ctx->workers_lock);
	if (!sk)
		return false;
	sock_put(sk);
	ikefp_worker_put(worker);
	return true;
}

/* A quarter of the socket's room is for the replies to its own commands. */
static bool has_room(const struct sock *sk)
{
	return atomic_read(&sk->sk_rmem_alloc) < READ_ONCE(sk->sk_rcvbuf) / 4 * 3;
}

/**
 * ikefp_worker_deliver() - put a message into a worker's socket
 * @worker: the worker, held
 * @skb: the message, with netlink's control block; taken
 *
 * That of the worker itself: netlink_unicast() would look for the port ID. What comes too
 * late to be read is freed with the socket.
 *
 * Context: any.
 * Return: 0; -ECONNREFUSED where it is closed; -ENOMEM, -ENOBUFS where it has no room.
 */
int ikefp_worker_deliver(struct ikefp_worker *worker, struct sk_buff *skb)
{
	int err = -ECONNREFUSED;
	struct sock *sk;

	/* A socket's count of what it has dropped goes to the end of the control block. */
	BUILD_BUG_ON(sizeof(struct netlink_skb_parms) > SOCK_SKB_CB_OFFSET);
	rcu_read_lock();
	sk = rcu_dereference(worker->sk);
	if (sk && !sock_flag(sk, SOCK_DEAD))
		err = has_room(sk) ? sock_queue_rcv_skb(sk, skb) : -ENOBUFS;
	rcu_read_unlock();
	if (!err)
		return 0;
	kfree_skb(skb);
	/* By its own filter: it wanted it so. */
	return err == -EPERM ? 0 : err;
}

/**
 * ikefp_worker_least_loaded() - which worker gets a peer's new SA
 * @ctx: the namespace
 *
 * Context: under RCU.
 * Return: the worker with the fewest SAs, the first of several, of those that read what
 * they are sent, if any does; not held; NULL where there is none.
 */
struct ikefp_worker *ikefp_worker_least_loaded(struct ikefp_context *ctx)
{
	struct ikefp_worker *worker, *least = NULL;
	bool least_is_full = true;
	int fewest = INT_MAX;

	list_for_each_entry_rcu(worker, &ctx->workers, node) {
		bool full = time_before(jiffies, READ_ONCE(worker->full_until));
		int count = atomic_read(&worker->sa_count);

		if (ikefp_worker_is_closed(worker))
			continue;
		if (full != least_is_full ? !full : count < fewest) {
			least_is_full = full;
			fewest = count;
			least = worker;
		}
	}
	return least;
}

/**
 * ikefp_worker_by_spi() - which worker gets an SA of our own
 * @ctx: the namespace
 * @spi: its SPI
 *
 * Context: under RCU.
 * Return: one of the workers, not held, the same for the same SPI as long as there are
 * the same; NULL where there is none.
 */
struct ikefp_worker *ikefp_worker_by_spi(struct ikefp_context *ctx, u64 spi)
{
	u32 count = READ_ONCE(ctx->worker_count);
	struct ikefp_worker *worker, *last = NULL;
	u32 index;

	index = count ? reciprocal_scale(hash_64(spi, 32), count) : 0;
	list_for_each_entry_rcu(worker, &ctx->workers, node) {
		if (!ikefp_worker_is_closed(worker))
			last = worker;
		if (index)
			index--;
		else if (last)
			break;
	}
	return last;
}

/**
 * ikefp_worker_take_sa() - a worker gets an SA, which holds it from now on
 * @worker: the worker, held
 *
 * Any context.
 */
void ikefp_worker_take_sa(struct ikefp_worker *worker)
{
	refcount_inc(&worker->refs);
	atomic_inc(&worker->sa_count);
}

/**
 * ikefp_worker_leave_sa() - a worker loses an SA, which held it
 * @worker: the worker
 *
 * Any context.
 */
void ikefp_worker_leave_sa(struct ikefp_worker *worker)
{
	atomic_dec(&worker->sa_count);
	ikefp_worker_put(worker);
}

/**
 * ikefp_worker_put() - give up a hold
 * @worker: not NULL
 *
 * Any context.
 */
void ikefp_worker_put(struct ikefp_worker *worker)
{
	if (refcount_dec_and_test(&worker->refs))
		kfree_rcu(worker, rcu);
}
