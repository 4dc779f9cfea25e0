// SPDX-License-Identifier: GPL-2.0
/*
 * What an SA does when nothing arrives. Each has one timer, which serves the nearest
 * of its deadlines:
 *
 * - The outstanding request is retransmitted when its answer has not come after the
 *   RTO, then after a wait that grows by the backoff each time; and given up after
 *   its last wait, of which the worker is told.
 * - A responder's half-open SA that does not become established in time is deleted,
 *   of which the worker is told.
 * - Duplicates of the IKE_SA_INIT request are recognised as long as a half-open SA
 *   would live, also when the SA is established meanwhile.
 * - The fragments of a request that has not all of them are forgotten.
 * - A deleted SA that lingers goes.
 * - So does an orphan that nobody has adopted in time.
 * - A NAT keepalive is sent when nothing went out for a time, neither IKE nor ESP.
 * - The peer is asked for a sign of life when there was none for a time, neither of IKE
 *   nor of ESP; that is a request like others, but the worker is told only when it is
 *   given up.
 *
 * The last two are not moved by every message, but looked at when they come: whatever
 * has gone out or come in since then only moves them on.
 *
 * Where the worker's socket has no room for what it must be told, it is tried again
 * a second later.
 *
 * A pending timer holds its SA.
 */

#include <linux/jiffies.h>
#include <linux/random.h>

#include "compat.h"
#include "datagram.h"
#include "esp.h"
#include "listener.h"
#include "monitor.h"
#include "orphan.h"
#include "reassembly.h"
#include "sa.h"
#include "seal.h"
#include "timers.h"
#include "trace.h"
#include "transmit.h"
#include "upcall.h"
#include "waiting.h"

/* As long as keepalives are off, how often it is looked whether they are on. */
#define KEEPALIVE_LOOK_MS 60000

static ikefp_ask_fn ask_liveness;

/**
 * ikefp_timers_init() - before the first SA
 * @ask: starts the exchange by which a peer is asked for a sign of life
 */
void ikefp_timers_init(ikefp_ask_fn ask)
{
	ask_liveness = ask;
}

static void earlier(unsigned long *nearest, bool *any, unsigned long deadline)
{
	if (!*any || time_before(deadline, *nearest))
		*nearest = deadline;
	*any = true;
}

/*
 * The kernel's timer wheel is late by up to an eighth of a wait, and all timers of about
 * the same wait then come at the same moment: of 20 s, those of 2 s together. A long
 * wait is therefore gone in steps, the last of which is short.
 */
static unsigned long first_step(unsigned long deadline)
{
	long left = deadline - jiffies;

	return left > HZ ? deadline - left / 8 : deadline;
}

/**
 * ikefp_timers_update() - set the timer to the nearest deadline
 * @sa: the SA, locked; may be dead
 *
 * Should be called after anything that a deadline depends on has changed.
 */
void ikefp_timers_update(struct ikefp_sa *sa)
{
	unsigned long nearest = 0;
	bool any = false;

	if (sa->dead)
		return;
	if (sa->exchange.octets)
		earlier(&nearest, &any, sa->exchange.deadline);
	if (sa->role == IKEFP_ROLE_RESPONDER && sa->state == IKEFP_SA_STATE_HALF_OPEN)
		earlier(&nearest, &any, sa->half_open_deadline);
	if (sa->init.hashed && sa->state == IKEFP_SA_STATE_ESTABLISHED)
		earlier(&nearest, &any, sa->init.deadline);
	if (sa->request_fragments)
		earlier(&nearest, &any, sa->reassembly_deadline);
	if (sa->state == IKEFP_SA_STATE_LINGERING)
		earlier(&nearest, &any, sa->linger_deadline);
	if (sa->orphan)
		earlier(&nearest, &any, sa->orphan_deadline);
	else if (ikefp_waiting_first(sa))
		earlier(&nearest, &any, sa->waiting_deadline);
	if (sa->state == IKEFP_SA_STATE_ESTABLISHED) {
		if (sa->behind_nat)
			earlier(&nearest, &any, sa->keepalive_deadline);
		/* An outstanding request is a question as good. */
		if (sa->liveness_ms && !sa->exchange.octets && !sa->dead_told)
			earlier(&nearest, &any, sa->liveness_deadline);
		if (sa->move_untold)
			earlier(&nearest, &any, sa->move_deadline);
	}

	if (!any) {
		if (timer_delete(&sa->timer))
			ikefp_sa_put(sa);
	} else if (!mod_timer(&sa->timer, first_step(nearest))) {
		ikefp_sa_hold(sa);
	}
}

static void wait_for_answer(struct ikefp_exchange *exchange)
{
	u32 elapsed_ms = ktime_ms_delta(exchange->last_sent, exchange->first_sent);
	u32 wait_ms = ikefp_rto_wait_ms(exchange->rto_ms, elapsed_ms, get_random_u32(),
					&exchange->params);

	/*
	 * Decided now, not by the clock at the wait's end: jiffies can be behind it, and
	 * one more copy would go out when the time is as good as over.
	 */
	exchange->last_wait = exchange->params.tries ?
				      exchange->tries > exchange->params.tries :
				      elapsed_ms + wait_ms >= exchange->params.give_up_ms;
	/* A tick more, since this one has begun already: never early. */
	exchange->deadline = jiffies + msecs_to_jiffies(wait_ms) + 1;
}

/**
 * ikefp_timers_request_sent() - the first copy of a request goes out
 * @sa: the SA, locked, its exchange filled in but for what concerns time
 *
 * The settings that hold now hold for the request to its end.
 */
void ikefp_timers_request_sent(struct ikefp_sa *sa)
{
	const struct ikefp_policy *policy = &sa->ctx->policy;
	struct ikefp_exchange *exchange = &sa->exchange;

	exchange->params = (struct ikefp_rto_params){
		.initial_ms = ikefp_policy_get(policy, RTO_INITIAL_MS),
		.min_ms = ikefp_policy_get(policy, RTO_MIN_MS),
		.max_ms = ikefp_policy_get(policy, RTO_MAX_MS),
		.backoff_percent = ikefp_policy_get(policy, BACKOFF_PERCENT),
		.jitter_percent = ikefp_policy_get(policy, JITTER_PERCENT),
		.tries = ikefp_policy_get(policy, TRIES),
		.give_up_ms = ikefp_policy_get(policy, GIVE_UP_MS),
	};
	exchange->tries = 1;
	exchange->first_sent = ktime_get();
	exchange->last_sent = exchange->first_sent;
	exchange->rto_ms = ikefp_rto_first_ms(&sa->rtt, &exchange->params);
	wait_for_answer(exchange);
	ikefp_timers_update(sa);
}

/**
 * ikefp_timers_fragment_kept() - a fragment of a request waits for others
 * @sa: the SA, locked
 */
void ikefp_timers_fragment_kept(struct ikefp_sa *sa)
{
	sa->reassembly_deadline =
		jiffies + msecs_to_jiffies(ikefp_policy_get(&sa->ctx->policy, REASSEMBLY_MS));
	ikefp_timers_update(sa);
}

/**
 * ikefp_timers_next_request() - the outstanding request is over
 * @sa: the SA, locked
 *
 * The one that waits for its end, if any, is the outstanding one then.
 *
 * Return: whether there is one, which the caller is to transmit.
 */
bool ikefp_timers_next_request(struct ikefp_sa *sa)
{
	struct ikefp_next_request *next = &sa->next_request;

	ikefp_sa_forget_exchange(sa);
	if (!next->octets) {
		ikefp_timers_update(sa);
		return false;
	}
	sa->exchange.octets = next->octets;
	sa->exchange.exchange_type = next->exchange_type;
	sa->exchange.message_id = next->message_id;
	sa->exchange.fragment_size = next->fragment_size;
	sa->exchange.copies = 1;
	memset(next, 0, sizeof(*next));
	ikefp_timers_request_sent(sa);
	sa->messages_out++;
	sa->last_out = jiffies;
	return true;
}

/**
 * ikefp_timers_linger() - an SA was deleted whose cached responses are still given
 * @sa: the SA, locked
 */
void ikefp_timers_linger(struct ikefp_sa *sa)
{
	sa->linger_deadline =
		jiffies + msecs_to_jiffies(ikefp_policy_get(&sa->ctx->policy, LINGER_MS));
	ikefp_timers_update(sa);
}

static unsigned long draw_wait(const struct ikefp_sa *sa, u32 ms)
{
	u32 jitter_percent = ikefp_policy_get(&sa->ctx->policy, JITTER_PERCENT);

	return msecs_to_jiffies(ikefp_rto_shorten_ms(ms, jitter_percent, get_random_u32()));
}

/*
 * When a keepalive is due, for all that is known now. Where the time of ESP is not known
 * but by looking, it is looked at twice as often: or what went out in the wait before
 * this one would not keep one from being sent.
 */
static void set_keepalive_deadline(struct ikefp_sa *sa)
{
	unsigned long look = jiffies + sa->keepalive_wait / 2;

	sa->keepalive_deadline = sa->last_out + sa->keepalive_wait;
	if (!IKEFP_XFRM_NOTES_USE && time_before(look, sa->keepalive_deadline))
		sa->keepalive_deadline = look;
}

static void draw_keepalive_wait(struct ikefp_sa *sa)
{
	u32 interval_ms = ikefp_policy_get(&sa->ctx->policy, KEEPALIVE_MS);

	sa->keepalive_wait = draw_wait(sa, interval_ms ?: KEEPALIVE_LOOK_MS);
	set_keepalive_deadline(sa);
}

static void draw_liveness_wait(struct ikefp_sa *sa)
{
	sa->liveness_wait = draw_wait(sa, sa->liveness_ms);
	sa->liveness_deadline = sa->last_in + sa->liveness_wait;
}

/**
 * ikefp_timers_established() - an SA has become established, or what it was told of
 * keepalives and liveness has changed since
 * @sa: the SA, locked
 */
void ikefp_timers_established(struct ikefp_sa *sa)
{
	draw_keepalive_wait(sa);
	draw_liveness_wait(sa);
	ikefp_timers_update(sa);
}

/**
 * ikefp_timers_heard() - a new message of the peer was authentic
 * @sa: the SA, locked
 */
void ikefp_timers_heard(struct ikefp_sa *sa)
{
	sa->last_in = jiffies;
	sa->liveness_deadline = sa->last_in + sa->liveness_wait;
	if (sa->dead_told) {
		sa->dead_told = false;
		ikefp_timers_update(sa);
	}
}

static void look_at_esp(struct ikefp_sa *sa, enum ikefp_esp_direction direction,
			unsigned long *last)
{
	unsigned long when;

	if (sa->esp && ikefp_esp_look(sa->esp, sa->ctx->net, &sa->path, direction, &when) &&
	    time_after(when, *last))
		*last = when;
}

/**
 * ikefp_timers_set_esp() - an SA's ESP SAs have changed
 * @sa: the SA, locked
 * @esp: those that it has now, NULL for none
 *
 * Return: those before, to be freed.
 */
struct ikefp_esp *ikefp_timers_set_esp(struct ikefp_sa *sa, struct ikefp_esp *esp)
{
	struct ikefp_esp *old = sa->esp;
	unsigned long when;

	look_at_esp(sa, IKEFP_ESP_IN, &sa->last_in);
	look_at_esp(sa, IKEFP_ESP_OUT, &sa->last_out);
	sa->esp = esp;
	/* What they carried before is nothing new. */
	if (esp) {
		ikefp_esp_look(esp, sa->ctx->net, &sa->path, IKEFP_ESP_IN, &when);
		ikefp_esp_look(esp, sa->ctx->net, &sa->path, IKEFP_ESP_OUT, &when);
	}
	return old;
}

/**
 * ikefp_timers_moved() - tell the worker that an SA has followed its peer
 * @sa: the SA, locked
 */
void ikefp_timers_moved(struct ikefp_sa *sa)
{
	int reason = 0;

	/* Whoever adopts an orphan is told where it is. */
	if (!sa->orphan)
		reason = ikefp_upcall_sa_moved(sa);
	if (reason)
		ikefp_count(sa->ctx, reason);
	sa->move_untold = reason && reason != IKEFP_A_STATS_DROP_NO_WORKER;
	sa->move_deadline = jiffies + IKEFP_UPCALL_RETRY;
	ikefp_timers_update(sa);
}

/* Whether a keepalive is to be sent. */
static bool expired_keepalive(struct ikefp_sa *sa, unsigned long now)
{
	bool send = false;

	look_at_esp(sa, IKEFP_ESP_OUT, &sa->last_out);
	if (time_before(now, sa->last_out + sa->keepalive_wait)) {
		set_keepalive_deadline(sa);
		return false;
	}
	if (ikefp_policy_get(&sa->ctx->policy, KEEPALIVE_MS) &&
	    sa->path.listener->kind == IKEFP_LISTENER_KIND_NATT) {
		trace_ikefp_keepalive(sa->ctx->net, sa->spi, sa->peer_spi);
		send = true;
	}
	sa->last_out = now;
	draw_keepalive_wait(sa);
	return send;
}

/* Whether there is a request to send. */
static bool expired_liveness(struct ikefp_sa *sa, unsigned long now)
{
	look_at_esp(sa, IKEFP_ESP_IN, &sa->last_in);
	if (time_before(now, sa->last_in + sa->liveness_wait)) {
		sa->liveness_deadline = sa->last_in + sa->liveness_wait;
		return false;
	}
	if (ask_liveness(sa)) {
		sa->liveness_deadline = now + HZ;
		return false;
	}
	ikefp_count(sa->ctx, IKEFP_A_STATS_LIVENESS_ASKED);
	trace_ikefp_liveness(sa->ctx->net, sa->spi, sa->peer_spi);
	sa->liveness_wait = draw_wait(sa, sa->liveness_ms);
	return true;
}

static bool is_over(const struct ikefp_exchange *exchange, ktime_t now)
{
	if (exchange->last_wait || exchange->params.tries)
		return exchange->last_wait;
	/* The wait was longer than it should have been. */
	return ktime_ms_delta(now, exchange->first_sent) >= exchange->params.give_up_ms;
}

/* The wait for an answer is over. Whether there is another copy to send. */
static bool expired_request(struct ikefp_sa *sa)
{
	struct ikefp_exchange *exchange = &sa->exchange;
	ktime_t now = ktime_get();
	u32 waited_ms = ktime_ms_delta(now, exchange->last_sent);
	int reason = IKEFP_A_STATS_DROP_NO_WORKER;

	if (!exchange->over && !is_over(exchange, now)) {
		exchange->tries++;
		exchange->last_sent = now;
		sa->last_out = jiffies;
		exchange->rto_ms = ikefp_rto_next_ms(exchange->rto_ms, &exchange->params);
		wait_for_answer(exchange);
		ikefp_seal_next_copy(sa, &sa->path, &exchange->octets, &exchange->fragment_size,
				     &exchange->copies);
		sa->retransmits++;
		ikefp_count(sa->ctx, IKEFP_A_STATS_RETRANSMITS);
		ikefp_monitor_exchange(sa, IKEFP_EVENT_KIND_RETRANSMIT, waited_ms);
		trace_ikefp_retransmit(sa->ctx->net, sa->spi, exchange->exchange_type,
				       exchange->message_id, exchange->tries, waited_ms);
		return true;
	}

	if (!exchange->over) {
		exchange->over = true;
		ikefp_count(sa->ctx, IKEFP_A_STATS_EXCHANGE_TIMEOUTS);
		ikefp_monitor_exchange(sa, IKEFP_EVENT_KIND_EXCHANGE_TIMEOUT, waited_ms);
		if (exchange->liveness) {
			ikefp_count(sa->ctx, IKEFP_A_STATS_PEERS_DEAD);
			ikefp_monitor_sa(sa, IKEFP_EVENT_KIND_SA_DEAD);
			trace_ikefp_sa_dead(sa->ctx->net, sa->spi, sa->peer_spi);
		}
	}
	/* That a peer is dead does not wait for an adoption: it may be back by then. */
	if (!exchange->liveness)
		reason = ikefp_upcall_exchange_timeout(sa);
	else if (sa->worker)
		reason = ikefp_upcall_sa_dead(sa);
	if (reason)
		ikefp_count(sa->ctx, reason);
	if (reason && (sa->worker || reason != IKEFP_A_STATS_DROP_NO_WORKER)) {
		exchange->deadline = jiffies + IKEFP_UPCALL_RETRY;
		return false;
	}
	if (exchange->liveness && !reason)
		sa->dead_told = true;
	/* With nobody to tell, the peer is asked again, a wait from now on. */
	sa->liveness_deadline = jiffies + sa->liveness_wait;
	return ikefp_timers_next_request(sa);
}

/* The deadlines of an established SA that come in its quiet times. Whether to send. */
static bool expired_established(struct ikefp_sa *sa, unsigned long now, bool *keepalive)
{
	bool ask = false;

	if (sa->init.hashed && time_after_eq(now, sa->init.deadline))
		ikefp_sa_forget_init(sa);
	if (sa->move_untold && time_after_eq(now, sa->move_deadline))
		ikefp_timers_moved(sa);
	if (sa->liveness_ms && !sa->exchange.octets && !sa->dead_told &&
	    time_after_eq(now, sa->liveness_deadline))
		ask = expired_liveness(sa, now);
	if (sa->behind_nat && !ask && time_after_eq(now, sa->keepalive_deadline))
		*keepalive = expired_keepalive(sa, now);
	return ask;
}

/* The peer may send all of them again. */
static void expired_fragments(struct ikefp_sa *sa)
{
	ikefp_reassembly_forget(&sa->request_fragments);
	ikefp_count(sa->ctx, IKEFP_A_STATS_REASSEMBLY_TIMEOUTS);
	trace_ikefp_reassembly_timeout(sa->ctx->net, sa->spi, sa->next_in);
}

/* A half-open SA's time is up. Whether it can be deleted now. */
static bool expired_half_open(struct ikefp_sa *sa)
{
	int reason = ikefp_upcall_sa_expired(sa);

	if (reason)
		ikefp_count(sa->ctx, reason);
	if (reason && reason != IKEFP_A_STATS_DROP_NO_WORKER) {
		sa->half_open_deadline = jiffies + IKEFP_UPCALL_RETRY;
		return false;
	}
	ikefp_count(sa->ctx, IKEFP_A_STATS_HALF_OPEN_EXPIRED);
	ikefp_monitor_sa(sa, IKEFP_EVENT_KIND_SA_EXPIRED);
	return true;
}

/* Nobody has adopted it. */
static void expired_orphan(struct ikefp_sa *sa)
{
	ikefp_count(sa->ctx, IKEFP_A_STATS_ORPHANS_EXPIRED);
	ikefp_monitor_sa(sa, IKEFP_EVENT_KIND_SA_EXPIRED);
}

/**
 * ikefp_timers_expired() - a deadline of an SA has come
 * @timer: the SA's timer, whose hold on it is given up here
 *
 * Context: softirq.
 */
void ikefp_timers_expired(struct timer_list *timer)
{
	struct ikefp_sa *sa = container_of(timer, struct ikefp_sa, timer);
	struct ikefp_datagram *copy = NULL;
	unsigned long now = jiffies;
	struct ikefp_path path = {};
	bool keepalive = false;
	bool bury = false;
	bool send = false;

	spin_lock_bh(&sa->lock);
	if (sa->dead) {
		spin_unlock_bh(&sa->lock);
		ikefp_sa_put(sa);
		return;
	}
	ikefp_orphan_check(sa);
	if (sa->worker)
		ikefp_upcall_flush(sa);
	switch (sa->state) {
	case IKEFP_SA_STATE_HALF_OPEN:
		if (sa->role == IKEFP_ROLE_RESPONDER &&
		    time_after_eq(now, sa->half_open_deadline))
			bury = expired_half_open(sa);
		break;
	case IKEFP_SA_STATE_ESTABLISHED:
		send = expired_established(sa, now, &keepalive);
		break;
	case IKEFP_SA_STATE_LINGERING:
		bury = time_after_eq(now, sa->linger_deadline);
		break;
	}
	if (!bury && sa->orphan && time_after_eq(now, sa->orphan_deadline)) {
		expired_orphan(sa);
		bury = true;
	}
	if (sa->request_fragments && time_after_eq(now, sa->reassembly_deadline))
		expired_fragments(sa);
	if (!bury && !send && sa->exchange.octets && time_after_eq(now, sa->exchange.deadline))
		send = expired_request(sa);
	if (send)
		copy = ikefp_datagram_hold(sa->exchange.octets);
	if (send || keepalive)
		ikefp_path_set(&path, &sa->path);
	if (bury)
		ikefp_sa_bury(sa);
	else
		ikefp_timers_update(sa);
	spin_unlock_bh(&sa->lock);

	if (copy) {
		ikefp_transmit_message(sa->ctx, &path, copy);
		ikefp_datagram_put(copy);
	} else if (keepalive) {
		ikefp_transmit_keepalive(sa->ctx, &path);
	}
	ikefp_path_put(&path);
	ikefp_sa_put(sa);
}
