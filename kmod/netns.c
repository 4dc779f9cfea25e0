// SPDX-License-Identifier: GPL-2.0

#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "context.h"
#include "listener.h"
#include "message.h"
#include "netlink.h"
#include "netns.h"
#include "sa.h"
#include "timers.h"
#include "worker.h"

static unsigned int context_id __read_mostly;

/**
 * ikefp_netns_context() - what the module keeps of a namespace
 * @net: the namespace
 *
 * Return: the context, which is there as long as the namespace is and the module
 * registered.
 */
struct ikefp_context *ikefp_netns_context(const struct net *net)
{
	return net_generic(net, context_id);
}

static int __net_init begin(struct net *net)
{
	struct ikefp_context *ctx = ikefp_netns_context(net);
	int err;

	ctx->net = net;
	mutex_init(&ctx->config_lock);
	INIT_LIST_HEAD(&ctx->listeners);
	INIT_LIST_HEAD(&ctx->workers);
	spin_lock_init(&ctx->workers_lock);
	INIT_WORK(&ctx->orphan_work, ikefp_netlink_find_orphans);
	spin_lock_init(&ctx->bucket_lock);
	ikefp_policy_init(&ctx->policy);
	ctx->counters = alloc_percpu(struct ikefp_counters);
	if (!ctx->counters)
		return -ENOMEM;
	err = ikefp_sa_tables_init(ctx, ikefp_timers_expired);
	if (err)
		free_percpu(ctx->counters);
	return err;
}

/* Of sockets that outlive the family: it is closed, the namespace goes on. */
static void drop_workers(struct ikefp_context *ctx)
{
	struct ikefp_worker *worker, *next;

	list_for_each_entry_safe(worker, next, &ctx->workers, node)
		ikefp_worker_put(worker);
}

/*
 * No command runs: the namespace has no sockets of userspace left, or the family is
 * closed. Once the listeners are closed nothing arrives, and what is left of the SAs
 * is their timers, which the tables wait for.
 */
static void __net_exit end(struct net *net)
{
	struct ikefp_context *ctx = ikefp_netns_context(net);
	struct ikefp_listener *listener, *next;

	list_for_each_entry_safe(listener, next, &ctx->listeners, node)
		ikefp_listener_close(listener);
	cancel_work_sync(&ctx->orphan_work);
	ikefp_sa_tables_exit(ctx);
	drop_workers(ctx);
	free_percpu(ctx->counters);
}

static struct pernet_operations operations = {
	.init = begin,
	.exit = end,
	.id = &context_id,
	.size = sizeof(struct ikefp_context),
};

/**
 * ikefp_netns_register() - begin in every namespace, there now or later
 *
 * Return: 0 or a negative errno.
 */
int ikefp_netns_register(void)
{
	ikefp_timers_init(ikefp_message_ask_liveness);
	return register_pernet_subsys(&operations);
}

/**
 * ikefp_netns_unregister() - end in every namespace
 */
void ikefp_netns_unregister(void)
{
	unregister_pernet_subsys(&operations);
}
