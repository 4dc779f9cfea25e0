// SPDX-License-Identifier: GPL-2.0

#include <net/genetlink.h>

#include "attrs.h"
#include "listener.h"
#include "monitor.h"
#include "sa.h"
#include "worker.h"

static const struct genl_family *monitor_family;
static unsigned int monitor_group;

/**
 * ikefp_monitor_init() - before the family is open
 * @family: the family that events belong to
 * @group: its multicast group for them
 */
void ikefp_monitor_init(const struct genl_family *family, unsigned int group)
{
	monitor_family = family;
	monitor_group = group;
}

/**
 * ikefp_monitor_exit() - before the family is closed
 *
 * There are no events any more: the group's number may soon be another family's.
 *
 * Context: process. Sleeps.
 */
void ikefp_monitor_exit(void)
{
	WRITE_ONCE(monitor_family, NULL);
	synchronize_rcu();
}

/* One that is being made, under RCU. */
struct event {
	const struct genl_family *family;
	struct ikefp_context *ctx;
	struct sk_buff *skb;
	void *message;
};

/* False where nobody watches, which costs next to nothing, or without memory. */
static bool begin(struct event *event, struct ikefp_context *ctx, enum ikefp_event_kind kind)
{
	event->family = READ_ONCE(monitor_family);
	event->ctx = ctx;
	if (!event->family || !genl_has_listeners(event->family, ctx->net, monitor_group))
		return false;
	event->skb = genlmsg_new(256, GFP_ATOMIC | __GFP_NOWARN);
	if (!event->skb)
		return false;
	event->message = genlmsg_put(event->skb, 0, 0, event->family, 0,
				     IKEFP_CMD_MONITOR_EVENT);
	if (!event->message || nla_put_u8(event->skb, IKEFP_A_EVENT_EVENT, kind)) {
		nlmsg_free(event->skb);
		return false;
	}
	return true;
}

static void end(const struct event *event, bool whole)
{
	if (WARN_ON_ONCE(!whole)) {
		nlmsg_free(event->skb);
		return;
	}
	genlmsg_end(event->skb, event->message);
	genlmsg_multicast_netns(event->family, event->ctx->net, event->skb, 0, monitor_group,
				GFP_ATOMIC);
}

static bool put_sa(struct sk_buff *skb, const struct ikefp_sa *sa)
{
	return !nla_put_be64(skb, IKEFP_A_EVENT_SPI, cpu_to_be64(sa->spi), IKEFP_A_EVENT_PAD) &&
	       !nla_put_be64(skb, IKEFP_A_EVENT_PEER_SPI, cpu_to_be64(sa->peer_spi),
			     IKEFP_A_EVENT_PAD) &&
	       !nla_put_u8(skb, IKEFP_A_EVENT_ROLE, sa->role) &&
	       !nla_put_u8(skb, IKEFP_A_EVENT_STATE, sa->state) &&
	       !ikefp_put_path(skb, IKEFP_A_EVENT_LOCAL_IPV4, &sa->path);
}

static bool put_worker(struct sk_buff *skb, const struct ikefp_sa *sa)
{
	return !sa->worker || !nla_put_u32(skb, IKEFP_A_EVENT_WORKER, sa->worker->portid);
}

/**
 * ikefp_monitor_sa() - something has become of an SA
 * @sa: the SA, locked
 * @kind: what
 *
 * Context: any, as for all functions here. An event that cannot be sent is lost.
 */
void ikefp_monitor_sa(struct ikefp_sa *sa, enum ikefp_event_kind kind)
{
	struct event event;

	rcu_read_lock();
	if (begin(&event, sa->ctx, kind))
		end(&event, put_sa(event.skb, sa) && put_worker(event.skb, sa));
	rcu_read_unlock();
}

/**
 * ikefp_monitor_exchange() - something has become of an SA's request
 * @sa: the SA, locked
 * @exchange: the request, still there
 * @kind: what
 * @waited_ms: since the last copy was sent
 */
void ikefp_monitor_exchange(struct ikefp_sa *sa, const struct ikefp_exchange *exchange,
			    enum ikefp_event_kind kind, u32 waited_ms)
{
	struct event event;

	rcu_read_lock();
	if (begin(&event, sa->ctx, kind))
		end(&event,
		    put_sa(event.skb, sa) &&
		    !nla_put_u8(event.skb, IKEFP_A_EVENT_EXCHANGE_TYPE,
				exchange->exchange_type) &&
		    !nla_put_u32(event.skb, IKEFP_A_EVENT_MESSAGE_ID, exchange->message_id) &&
		    !nla_put_u32(event.skb, IKEFP_A_EVENT_TRIES, exchange->tries) &&
		    !nla_put_u32(event.skb, IKEFP_A_EVENT_WAITED_MS, waited_ms));
	rcu_read_unlock();
}

static bool put_listener(struct sk_buff *skb, const struct ikefp_listener *listener)
{
	int err;

	if (listener->family == AF_INET)
		err = nla_put_in_addr(skb, IKEFP_A_EVENT_LOCAL_IPV4, listener->addr.v4);
	else
		err = nla_put_in6_addr(skb, IKEFP_A_EVENT_LOCAL_IPV6, &listener->addr.v6);
	return !err && !nla_put_u8(skb, IKEFP_A_EVENT_LISTENER_KIND, listener->kind) &&
	       !nla_put_be16(skb, IKEFP_A_EVENT_LOCAL_PORT, listener->port);
}

/**
 * ikefp_monitor_listener() - a listener comes or goes
 * @ctx: the namespace
 * @listener: the listener
 * @kind: what
 */
void ikefp_monitor_listener(struct ikefp_context *ctx, const struct ikefp_listener *listener,
			    enum ikefp_event_kind kind)
{
	struct event event;

	rcu_read_lock();
	if (begin(&event, ctx, kind))
		end(&event, put_listener(event.skb, listener));
	rcu_read_unlock();
}

/**
 * ikefp_monitor_worker() - a worker comes or goes
 * @ctx: the namespace
 * @portid: its socket's port ID
 * @kind: what
 */
void ikefp_monitor_worker(struct ikefp_context *ctx, u32 portid, enum ikefp_event_kind kind)
{
	struct event event;

	rcu_read_lock();
	if (begin(&event, ctx, kind))
		end(&event, !nla_put_u32(event.skb, IKEFP_A_EVENT_WORKER, portid));
	rcu_read_unlock();
}
