// SPDX-License-Identifier: GPL-2.0
/* The commands for workers, and what becomes of the SAs of one that is gone. */

#include <linux/sched.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "context.h"
#include "genl.h"
#include "monitor.h"
#include "netlink.h"
#include "orphan.h"
#include "sa.h"
#include "stash.h"
#include "streams.h"
#include "timers.h"
#include "worker.h"

/**
 * ikefp_netlink_find_orphans() - tell all SAs of workers that are gone
 * @work: the namespace's orphan_work
 *
 * Those that something happens to find out earlier by themselves.
 *
 * Context: process. Sleeps.
 */
void ikefp_netlink_find_orphans(struct work_struct *work)
{
	struct ikefp_context *ctx = container_of(work, struct ikefp_context, orphan_work);
	struct ikefp_sa *sa;
	unsigned long id;

	for (id = 0; (sa = ikefp_sa_get_next(ctx, &id)); id++) {
		spin_lock_bh(&sa->lock);
		if (ikefp_orphan_check(sa))
			ikefp_timers_update(sa);
		spin_unlock_bh(&sa->lock);
		ikefp_sa_put(sa);
		cond_resched();
	}
}

/* Under RCU. */
static void detach(struct ikefp_context *ctx, struct ikefp_worker *worker)
{
	if (!ikefp_worker_detach(ctx, worker))
		return;
	ikefp_monitor_worker(ctx, worker->portid, IKEFP_EVENT_KIND_WORKER_DETACHED);
	queue_work(system_unbound_wq, &ctx->orphan_work);
}

/**
 * ikefp_netlink_socket_closed() - a netlink socket of the namespace is closed
 * @ctx: the namespace
 * @portid: the port ID that it had, and another socket may have by now
 *
 * Context: process.
 */
void ikefp_netlink_socket_closed(struct ikefp_context *ctx, u32 portid)
{
	struct ikefp_worker *worker;

	/* Every one asks. */
	if (!READ_ONCE(ctx->worker_count))
		return;
	rcu_read_lock();
	worker = ikefp_worker_find(ctx, portid);
	if (worker && ikefp_worker_is_closed(worker))
		detach(ctx, worker);
	rcu_read_unlock();
}

/*
 * Whose port ID a caller's is, which its socket has to itself: either its own, or that of
 * one that is being closed, of which we have yet to be told.
 */
static void forget_predecessor(struct ikefp_context *ctx, u32 portid, const struct sock *sk)
{
	struct ikefp_worker *worker;

	rcu_read_lock();
	worker = ikefp_worker_find(ctx, portid);
	if (worker && !ikefp_worker_is(worker, sk))
		detach(ctx, worker);
	rcu_read_unlock();
}

static struct ikefp_context *context_of(struct genl_info *info)
{
	return ikefp_netlink_context(genl_info_net(info));
}

int ikefp_nl_worker_attach_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ikefp_context *ctx = context_of(info);
	struct sk_buff *reply;
	void *message;
	int err;

	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	message = genlmsg_put_reply(reply, info, &ikefp_netlink_family, 0,
				    IKEFP_CMD_WORKER_ATTACH);
	if (!message || nla_put_u32(reply, IKEFP_A_WORKER_WORKER, info->snd_portid)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, message);
	forget_predecessor(ctx, info->snd_portid, NETLINK_CB(skb).sk);
	err = ikefp_worker_attach(ctx, NETLINK_CB(skb).sk, info->snd_portid,
				  nla_get_flag(info->attrs[IKEFP_A_WORKER_ONLY]), reply,
				  info->extack);
	/* What it was before, it is. */
	if (err)
		return err == -EALREADY ? 0 : err;
	ikefp_monitor_worker(ctx, info->snd_portid, IKEFP_EVENT_KIND_WORKER_ATTACHED);
	return 0;
}

static int put_worker(struct sk_buff *skb, const struct ikefp_worker *worker)
{
	return nla_put_u32(skb, IKEFP_A_WORKER_WORKER, worker->portid) ||
	       nla_put_u32(skb, IKEFP_A_WORKER_SAS, atomic_read(&worker->sa_count)) ?
		       -EMSGSIZE : 0;
}

int ikefp_nl_worker_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ikefp_context *ctx = context_of(info);
	struct nlattr *portid = info->attrs[IKEFP_A_WORKER_WORKER];
	const struct ikefp_worker *worker;
	struct sk_buff *reply;
	void *message;
	int err;

	if (!ikefp_netlink_has(info, IKEFP_A_WORKER_WORKER, "worker is missing"))
		return -EINVAL;
	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	message = genlmsg_put_reply(reply, info, &ikefp_netlink_family, 0, IKEFP_CMD_WORKER_GET);
	err = -EMSGSIZE;
	if (!message)
		goto free;
	rcu_read_lock();
	worker = ikefp_worker_find(ctx, nla_get_u32(portid));
	err = worker ? put_worker(reply, worker) : -ENOENT;
	rcu_read_unlock();
	if (err == -ENOENT)
		NL_SET_ERR_MSG_ATTR(info->extack, portid, "no worker has this port ID");
	if (err)
		goto free;
	genlmsg_end(reply, message);
	return genlmsg_reply(reply, info);

free:
	nlmsg_free(reply);
	return err;
}

int ikefp_nl_worker_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct ikefp_context *ctx = ikefp_netlink_context(sock_net(skb->sk));
	const struct ikefp_worker *worker;
	long index = 0;

	spin_lock(&ctx->workers_lock);
	cb->seq = ctx->worker_generation + 1;
	list_for_each_entry(worker, &ctx->workers, node) {
		void *message;

		if (index++ < cb->args[0])
			continue;
		message = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				      &ikefp_netlink_family, NLM_F_MULTI, IKEFP_CMD_WORKER_GET);
		if (!message)
			break;
		if (put_worker(skb, worker)) {
			genlmsg_cancel(skb, message);
			break;
		}
		genl_dump_check_consistent(cb, message);
		genlmsg_end(skb, message);
		cb->args[0] = index;
	}
	spin_unlock(&ctx->workers_lock);
	return skb->len;
}

/* Adoption */

static int check_adoption(struct ikefp_sa *sa, const struct ikefp_worker *worker,
			  struct netlink_ext_ack *extack)
{
	if (ikefp_orphan_check(sa))
		ikefp_timers_update(sa);
	if (sa->dead || sa->state == IKEFP_SA_STATE_LINGERING) {
		NL_SET_ERR_MSG(extack, "the SA is deleted");
		return -ENOENT;
	}
	if (sa->worker == worker) {
		NL_SET_ERR_MSG(extack, "the SA is this worker's already");
		return -EALREADY;
	}
	if (sa->worker) {
		NL_SET_ERR_MSG(extack, "the SA belongs to another worker");
		return -EBUSY;
	}
	return 0;
}

/* -E2BIG: there is no room for the stash. Under the SA's lock. */
static int put_orphan(struct sk_buff *reply, struct ikefp_sa *sa, u32 room)
{
	u32 len = sa->stash ? sa->stash->len : 0;

	if (len > room)
		return -E2BIG;
	if (ikefp_netlink_put_sa(reply, sa) ||
	    (len && nla_put(reply, IKEFP_A_SA_STASH, len, sa->stash->octets)))
		return -EMSGSIZE;
	return 0;
}

/*
 * The SA is the worker's only when it has been told: of the SA first, then of what has
 * waited. -E2BIG as above, with @room what there should be.
 */
static int adopt(struct ikefp_sa *sa, struct ikefp_worker *worker, struct genl_info *info,
		 u32 *room)
{
	struct sk_buff *reply;
	void *message;
	int err;

	reply = genlmsg_new(IKEFP_SA_ATTRS_LEN + nla_total_size(*room),
			    GFP_KERNEL | __GFP_NOWARN);
	if (!reply)
		return -ENOMEM;
	message = genlmsg_put_reply(reply, info, &ikefp_netlink_family, 0, IKEFP_CMD_SA_ADOPT);
	if (!message) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	spin_lock_bh(&sa->lock);
	err = check_adoption(sa, worker, info->extack);
	if (!err && sa->path.stream)
		ikefp_streams_adopt(sa->path.stream, worker->portid);
	if (!err)
		err = put_orphan(reply, sa, *room);
	if (err) {
		nlmsg_free(reply);
		*room = sa->stash ? sa->stash->len : 0;
	} else {
		genlmsg_end(reply, message);
		err = genlmsg_reply(reply, info);
		if (err)
			NL_SET_ERR_MSG(info->extack, "the worker's socket has no room for the SA");
	}
	if (!err) {
		ikefp_orphan_adopted(sa, worker);
		ikefp_timers_update(sa);
	}
	spin_unlock_bh(&sa->lock);
	return err;
}

int ikefp_nl_sa_adopt_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ikefp_context *ctx = context_of(info);
	struct ikefp_worker *worker;
	struct ikefp_sa *sa;
	u32 room = 1024;
	int err;

	sa = ikefp_netlink_get_sa(info, IKEFP_A_SA_SPI);
	if (IS_ERR(sa))
		return PTR_ERR(sa);
	rcu_read_lock();
	worker = ikefp_worker_find(ctx, info->snd_portid);
	if (worker && (!ikefp_worker_is(worker, NETLINK_CB(skb).sk) || !ikefp_worker_hold(worker)))
		worker = NULL;
	rcu_read_unlock();
	if (!worker) {
		NL_SET_ERR_MSG(info->extack, "this socket is not a worker: attach it first");
		err = -ENOTCONN;
		goto put_sa;
	}
	do {
		err = adopt(sa, worker, info, &room);
	} while (err == -E2BIG);
	ikefp_worker_put(worker);
put_sa:
	ikefp_sa_put(sa);
	return err;
}
