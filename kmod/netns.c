// SPDX-License-Identifier: GPL-2.0

#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "context.h"
#include "flood.h"
#include "listener.h"
#include "netlink.h"
#include "netns.h"
#include "rtt_memory.h"
#include "sa.h"
#include "send.h"
#include "stream_esp.h"
#include "streams.h"
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

/**
 * ikefp_netns_begin() - a namespace's context begins
 * @ctx: the context, zeroed
 * @net: the namespace
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int ikefp_netns_begin(struct ikefp_context *ctx, struct net *net)
{
	int err;

	ctx->net = net;
	mutex_init(&ctx->config_lock);
	INIT_LIST_HEAD(&ctx->listeners);
	INIT_LIST_HEAD(&ctx->workers);
	spin_lock_init(&ctx->workers_lock);
	INIT_WORK(&ctx->orphan_work, ikefp_netlink_find_orphans);
	ikefp_policy_init(&ctx->policy, net->user_ns == &init_user_ns);
	ctx->counters = alloc_percpu(struct ikefp_counters);
	if (!ctx->counters)
		return -ENOMEM;
	err = ikefp_streams_begin(ctx);
	if (err)
		goto free_counters;
	err = ikefp_stream_esp_begin(ctx);
	if (err)
		goto exit_streams;
	err = ikefp_sa_tables_init(ctx, ikefp_timers_expired);
	if (err)
		goto end_stream_esp;
	return 0;

end_stream_esp:
	ikefp_stream_esp_end(ctx);
exit_streams:
	ikefp_streams_exit(ctx);
free_counters:
	free_percpu(ctx->counters);
	return err;
}

/* Of sockets that outlive the family: it is closed, the namespace goes on. */
static void drop_workers(struct ikefp_context *ctx)
{
	struct ikefp_worker *worker, *next;

	list_for_each_entry_safe(worker, next, &ctx->workers, node)
		ikefp_worker_detach(ctx, worker);
}

/**
 * ikefp_netns_begin_end() - a namespace's context is about to end
 * @ctx: the context, which no command uses any more
 *
 * A grace period later nothing arrives. That is waited for once, by the caller, however
 * many listeners and namespaces there are.
 *
 * Context: process.
 */
void ikefp_netns_begin_end(struct ikefp_context *ctx)
{
	struct ikefp_listener *listener;

	list_for_each_entry(listener, &ctx->listeners, node)
		ikefp_listener_shut(listener);
	ikefp_stream_esp_begin_end(ctx);
}

/**
 * ikefp_netns_end() - a namespace's context ends
 * @ctx: the context, a grace period after ikefp_netns_begin_end()
 *
 * Nothing arrives, and what is left of the SAs is their timers, which the tables wait for.
 * On return nothing uses the context.
 *
 * Context: process. Sleeps.
 */
void ikefp_netns_end(struct ikefp_context *ctx)
{
	struct ikefp_listener *listener, *next;

	list_for_each_entry_safe(listener, next, &ctx->listeners, node)
		ikefp_listener_free(listener);
	ikefp_streams_end(ctx);
	cancel_work_sync(&ctx->orphan_work);
	ikefp_sa_tables_exit(ctx);
	ikefp_streams_exit(ctx);
	ikefp_stream_esp_end(ctx);
	drop_workers(ctx);
	ikefp_rtt_memory_end(ctx);
	ikefp_flood_end(ctx);
	free_percpu(ctx->counters);
}

static int __net_init begin(struct net *net)
{
	return ikefp_netns_begin(ikefp_netns_context(net), net);
}

/*
 * No command runs: the namespace has no sockets of userspace left, or the family is
 * closed.
 */
static void __net_exit begin_end(struct net *net)
{
	ikefp_netns_begin_end(ikefp_netns_context(net));
}

/* A grace period later. */
static void __net_exit end(struct net *net)
{
	ikefp_netns_end(ikefp_netns_context(net));
}

static struct pernet_operations operations = {
	.init = begin,
	.pre_exit = begin_end,
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
	ikefp_timers_init(ikefp_send_liveness);
	return register_pernet_subsys(&operations);
}

/**
 * ikefp_netns_unregister() - end in every namespace
 */
void ikefp_netns_unregister(void)
{
	unregister_pernet_subsys(&operations);
}
