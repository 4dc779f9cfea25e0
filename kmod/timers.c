// SPDX-License-Identifier: GPL-2.0
/*
 * What an SA does when nothing arrives. Each has one timer, which serves the nearest
 * of its deadlines:
 *
 * - Each outstanding request is retransmitted when its answer has not come after the
 *   RTO, then after a wait that grows by the backoff each time; and given up after
 *   its last wait, of which the worker is told. By a stream the waits are the same, but
 *   nothing is retransmitted after them (RFC 9329 section 6.2): only when the SA goes by
 *   another stream.
 * - A responder's half-open SA that does not become established in time is deleted,
 *   of which the worker is told. In a flood it has less time, as long as its peer has
 *   sent nothing but IKE_SA_INIT and is suspect (RFC 8019 section 4.1); since one can begin
 *   at any time, that is looked at every so often.
 * - Duplicates of the IKE_SA_INIT request are recognised as long as a half-open SA
 *   would live, also when the SA is established meanwhile.
 * - The fragments of each request that has not all of them are forgotten.
 * - Answers that are minutes old are forgotten.
 * - A deleted SA that lingers goes.
 * - So does an orphan that nobody has adopted in time.
 * - A NAT keepalive is sent when nothing went out for a time, neither IKE nor ESP.
 * - The peer is asked for a sign of life when there was none for a time, neither of IKE
 *   nor of ESP; that is a request like others, but the worker is told only when it is
 *   given up.
 *
 * The last two, and answers, are not moved by every message, but looked at when they come:
 * whatever has gone out or come in since then only moves them on.
 *
 * Where the worker's socket has no room for what it must be told, it is tried again
 * a second later.
 *
 * A pending timer holds its SA.
 */

#include <linux/bitops.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/random.h>
#include <net/dst.h>

#include "answer.h"
#include "compat.h"
#include "datagram.h"
#include "esp.h"
#include "exchange.h"
#include "flood.h"
#include "monitor.h"
#include "orphan.h"
#include "outgoing.h"
#include "reassembly.h"
#include "retransmit.h"
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

/* Up to here the timer wheel is late by 8 jiffies at most. */
#define COARSE_WAIT 503

/*
 * By how many jiffies the timer wheel may be late after a wait of 64 or more: it has 64 places a
 * level, each level's eight times as far apart as those of the one below.
 */
static unsigned long coarseness(unsigned long wait)
{
	return 1UL << 3 * ((fls_long(wait) - 1) / 3 - 1);
}

/*
 * Timers of about the same long wait come at the same moment: of 20 s, those of 2 s together, more
 * packets of 100,000 SAs than a device's queue takes. Such a wait is therefore gone in two steps:
 * the first so much shorter that the wheel cannot be late, and what is left then (of minutes in
 * three).
 *
 * Unless an answer is waited for, nobody minds 8 jiffies: deadlines as near as that are served by
 * one interrupt.
 */
static void arm(struct ikefp_sa *sa)
{
	unsigned long step = sa->deadline_exact ? sa->deadline : sa->deadline | 7;
	long left = step - jiffies;

	if (left > COARSE_WAIT)
		step -= coarseness(left);
	if (!mod_timer(&sa->timer, step))
		ikefp_sa_hold(sa);
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
	bool asking = false;
	bool any = false;
	u32 i;

	if (sa->dead)
		return;
	for (i = 0; i < sa->window_out; i++) {
		if (!sa->exchanges[i].octets)
			continue;
		asking = true;
		if (!sa->exchanges[i].waits)
			earlier(&nearest, &any, sa->exchanges[i].deadline);
	}
	for (i = 0; i < sa->window_in.size; i++) {
		if (sa->answers[i].next_fragments)
			earlier(&nearest, &any, sa->answers[i].next_deadline);
	}
	if (sa->role == IKEFP_ROLE_RESPONDER && sa->state == IKEFP_SA_STATE_HALF_OPEN) {
		earlier(&nearest, &any, sa->half_open_deadline);
		if (!sa->newest_in)
			earlier(&nearest, &any, sa->half_open_look);
	}
	if (sa->init.hashed && sa->state == IKEFP_SA_STATE_ESTABLISHED)
		earlier(&nearest, &any, sa->init.deadline);
	if (sa->answers_age)
		earlier(&nearest, &any, sa->answers_deadline);
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
		if (sa->liveness_ms && !asking && !sa->dead_told)
			earlier(&nearest, &any, sa->liveness_deadline);
		if (sa->move_untold)
			earlier(&nearest, &any, sa->move_deadline);
	}

	sa->deadline = any ? nearest : jiffies;
	sa->deadline_exact = asking;
	if (any)
		arm(sa);
	else if (timer_delete(&sa->timer))
		ikefp_sa_put(sa);
}

static void wait_for_answer(struct ikefp_exchange *exchange, ktime_t now)
{
	u32 elapsed_ms = ktime_ms_delta(now, exchange->first_sent);
	u32 wait_ms = ikefp_rto_wait_ms(exchange->rto_ms, elapsed_ms, get_random_u32(),
					&exchange->params);

	/*
	 * Decided now, not by the clock at the wait's end: jiffies can be behind it, and
	 * one more copy would go out when the time is as good as over.
	 */
	exchange->last_wait = exchange->params.tries ?
				      exchange->waits_over >= exchange->params.tries :
				      elapsed_ms + wait_ms >= exchange->params.give_up_ms;
	/* A tick more, since this one has begun already: never early. */
	exchange->deadline = jiffies + msecs_to_jiffies(wait_ms) + 1;
}

/**
 * ikefp_timers_request_starts() - the first copy of a request goes out
 * @sa: the SA, locked
 * @exchange: the request, filled in but for what concerns time
 * @out: what the caller is to send then
 *
 * The settings that hold now hold for the request to its end.
 */
void ikefp_timers_request_starts(struct ikefp_sa *sa, struct ikefp_exchange *exchange,
				 struct ikefp_outgoing *out)
{
	exchange->params = ikefp_retransmit_params(sa->retransmit, &sa->ctx->policy);
	exchange->tries = 1;
	exchange->first_sent = ktime_get();
	exchange->last_sent = exchange->first_sent;
	ikefp_sa_recall_rtt(sa);
	exchange->rto_ms = ikefp_rto_first_ms(&sa->rtt, &exchange->params);
	wait_for_answer(exchange, exchange->first_sent);
	sa->messages_out++;
	sa->last_out = jiffies;
	ikefp_outgoing_add(out, sa, exchange->octets, &sa->path);
	ikefp_timers_update(sa);
}

/**
 * ikefp_timers_fragment_kept() - a fragment of a request waits for others
 * @sa: the SA, locked
 * @place: where it is kept
 */
void ikefp_timers_fragment_kept(struct ikefp_sa *sa, struct ikefp_answer *place)
{
	place->next_deadline =
		jiffies + msecs_to_jiffies(ikefp_policy_get(&sa->ctx->policy, REASSEMBLY_MS));
	ikefp_timers_update(sa);
}

/**
 * ikefp_timers_window_opened() - the peer may be able to take more of our requests
 * @sa: the SA, locked
 * @out: what the caller is to send then: those that have waited for it
 */
void ikefp_timers_window_opened(struct ikefp_sa *sa, struct ikefp_outgoing *out)
{
	struct ikefp_exchange *exchange;

	ikefp_exchange_take_next(sa);
	while ((exchange = ikefp_exchange_next_to_start(sa))) {
		exchange->waits = false;
		ikefp_timers_request_starts(sa, exchange, out);
	}
	ikefp_timers_update(sa);
}

/**
 * ikefp_timers_request_over() - an outstanding request is over, whatever its outcome
 * @sa: the SA, locked
 * @exchange: the request
 * @out: what the caller is to send then: those that have waited for that
 */
void ikefp_timers_request_over(struct ikefp_sa *sa, struct ikefp_exchange *exchange,
			       struct ikefp_outgoing *out)
{
	ikefp_exchange_forget(exchange);
	ikefp_timers_window_opened(sa, out);
}

/**
 * ikefp_timers_answered() - a request was answered
 * @sa: the SA, locked
 */
void ikefp_timers_answered(struct ikefp_sa *sa)
{
	if (sa->answers_age)
		return;
	sa->answers_age = true;
	sa->answers_deadline = jiffies + msecs_to_jiffies(IKEFP_ANSWER_KEPT_MS);
	ikefp_timers_update(sa);
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

/* Another one each time and for each SA, that is all: nobody gains by guessing it. */
static unsigned long draw_wait(const struct ikefp_sa *sa, u32 ms)
{
	u32 jitter_percent = ikefp_policy_get(&sa->ctx->policy, JITTER_PERCENT);
	u32 drawn = hash_64(sa->spi + jiffies, 32);

	return msecs_to_jiffies(ikefp_rto_shorten_ms(ms, jitter_percent, drawn));
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
	    sa->path.listener && sa->path.listener->kind == IKEFP_LISTENER_KIND_NATT) {
		trace_ikefp_keepalive(sa->ctx->net, sa->spi, sa->peer_spi);
		send = true;
	}
	sa->last_out = now;
	draw_keepalive_wait(sa);
	return send;
}

static void expired_liveness(struct ikefp_sa *sa, unsigned long now, struct ikefp_outgoing *out)
{
	look_at_esp(sa, IKEFP_ESP_IN, &sa->last_in);
	if (time_before(now, sa->last_in + sa->liveness_wait)) {
		sa->liveness_deadline = sa->last_in + sa->liveness_wait;
		return;
	}
	if (ask_liveness(sa, out)) {
		sa->liveness_deadline = now + HZ;
		return;
	}
	ikefp_count(sa->ctx, IKEFP_A_STATS_LIVENESS_ASKED);
	trace_ikefp_liveness(sa->ctx->net, sa->spi, sa->peer_spi);
	sa->liveness_wait = draw_wait(sa, sa->liveness_ms);
}

static bool is_over(const struct ikefp_exchange *exchange, ktime_t now)
{
	if (exchange->last_wait || exchange->params.tries)
		return exchange->last_wait;
	/* The wait was longer than it should have been. */
	return ktime_ms_delta(now, exchange->first_sent) >= exchange->params.give_up_ms;
}

static void send_again(struct ikefp_sa *sa, struct ikefp_exchange *exchange, ktime_t now,
		       struct ikefp_outgoing *out)
{
	u32 waited_ms = ktime_ms_delta(now, exchange->last_sent);

	exchange->tries++;
	exchange->raw_responses = 0;
	exchange->last_sent = now;
	sa->last_out = jiffies;
	ikefp_seal_next_copy(sa, &sa->path, &exchange->octets, &exchange->fragment_size,
			     &exchange->copies);
	sa->retransmits++;
	ikefp_count(sa->ctx, IKEFP_A_STATS_RETRANSMITS);
	ikefp_monitor_exchange(sa, exchange, IKEFP_EVENT_KIND_RETRANSMIT, waited_ms);
	trace_ikefp_retransmit(sa->ctx->net, sa->spi, exchange->exchange_type,
			       exchange->message_id, exchange->tries, waited_ms);
	ikefp_outgoing_add(out, sa, exchange->octets, &sa->path);
}

/**
 * ikefp_timers_other_stream() - an SA goes by another stream than before, or no longer by one
 * @sa: the SA, locked
 * @out: what the caller is to send then: what is outstanding, once more
 *
 * RFC 9329 section 6.2. The waits for answers go on as they are.
 */
void ikefp_timers_other_stream(struct ikefp_sa *sa, struct ikefp_outgoing *out)
{
	ktime_t now = ktime_get();
	u32 i;

	for (i = 0; i < sa->window_out; i++) {
		struct ikefp_exchange *exchange = &sa->exchanges[i];

		if (exchange->octets && !exchange->waits && !exchange->over)
			send_again(sa, exchange, now, out);
	}
}

static void give_up(struct ikefp_sa *sa, struct ikefp_exchange *exchange, ktime_t now)
{
	u32 waited_ms = ktime_ms_delta(now, exchange->last_sent);

	exchange->over = true;
	ikefp_count(sa->ctx, IKEFP_A_STATS_EXCHANGE_TIMEOUTS);
	ikefp_monitor_exchange(sa, exchange, IKEFP_EVENT_KIND_EXCHANGE_TIMEOUT, waited_ms);
	if (!exchange->liveness)
		return;
	ikefp_count(sa->ctx, IKEFP_A_STATS_PEERS_DEAD);
	ikefp_monitor_sa(sa, IKEFP_EVENT_KIND_SA_DEAD);
	trace_ikefp_sa_dead(sa->ctx->net, sa->spi, sa->peer_spi);
}

/* The wait for an answer is over. */
static void expired_request(struct ikefp_sa *sa, struct ikefp_exchange *exchange,
			    struct ikefp_outgoing *out)
{
	ktime_t now = ktime_get();
	int reason = IKEFP_A_STATS_DROP_NO_WORKER;

	if (!exchange->over && !is_over(exchange, now)) {
		exchange->waits_over++;
		exchange->rto_ms = ikefp_rto_next_ms(exchange->rto_ms, &exchange->params);
		if (!sa->path.stream)
			send_again(sa, exchange, now, out);
		wait_for_answer(exchange, now);
		return;
	}
	if (!exchange->over)
		give_up(sa, exchange, now);
	/* That a peer is dead does not wait for an adoption: it may be back by then. */
	if (!exchange->liveness)
		reason = ikefp_upcall_exchange_timeout(sa, exchange);
	else if (sa->worker)
		reason = ikefp_upcall_sa_dead(sa);
	if (reason)
		ikefp_count(sa->ctx, reason);
	if (reason && (sa->worker || reason != IKEFP_A_STATS_DROP_NO_WORKER)) {
		exchange->deadline = jiffies + IKEFP_UPCALL_RETRY;
		return;
	}
	if (exchange->liveness && !reason)
		sa->dead_told = true;
	/* With nobody to tell, the peer is asked again, a wait from now on. */
	sa->liveness_deadline = jiffies + sa->liveness_wait;
	ikefp_timers_request_over(sa, exchange, out);
}

/* Those that are due. What takes the place of one that is over is not. */
static void expired_requests(struct ikefp_sa *sa, unsigned long now, struct ikefp_outgoing *out)
{
	u32 i;

	for (i = 0; i < sa->window_out; i++) {
		struct ikefp_exchange *exchange = &sa->exchanges[i];

		if (exchange->octets && !exchange->waits &&
		    time_after_eq(now, exchange->deadline))
			expired_request(sa, exchange, out);
	}
}

/* The deadlines of an established SA that come in its quiet times. */
static void expired_established(struct ikefp_sa *sa, unsigned long now, bool *keepalive,
				struct ikefp_outgoing *out)
{
	if (sa->init.hashed && time_after_eq(now, sa->init.deadline))
		ikefp_sa_forget_init(sa);
	if (sa->move_untold && time_after_eq(now, sa->move_deadline))
		ikefp_timers_moved(sa);
	if (sa->liveness_ms && !ikefp_exchange_first(sa) && !sa->dead_told &&
	    time_after_eq(now, sa->liveness_deadline))
		expired_liveness(sa, now, out);
	if (sa->behind_nat && !out->count && time_after_eq(now, sa->keepalive_deadline))
		*keepalive = expired_keepalive(sa, now);
}

/* The peer may send all of them again. */
static void expired_fragments(struct ikefp_sa *sa, unsigned long now)
{
	u32 i;

	for (i = 0; i < sa->window_in.size; i++) {
		struct ikefp_answer *place = &sa->answers[i];

		if (!place->next_fragments || time_before(now, place->next_deadline))
			continue;
		ikefp_reassembly_forget(&place->next_fragments);
		ikefp_count(sa->ctx, IKEFP_A_STATS_REASSEMBLY_TIMEOUTS);
		trace_ikefp_reassembly_timeout(sa->ctx->net, sa->spi, place->next_id);
	}
}

static void expired_answers(struct ikefp_sa *sa, unsigned long now)
{
	u32 next_ms;

	if (!sa->answers_age || time_before(now, sa->answers_deadline))
		return;
	next_ms = ikefp_answer_forget_old(sa);
	sa->answers_age = next_ms;
	/* A tick more, since this one has begun already. */
	sa->answers_deadline = jiffies + msecs_to_jiffies(next_ms) + 1;
}

/* Whether a half-open SA's time is up, or would be in a flood, and there is one. */
static bool is_half_open_over(struct ikefp_sa *sa, unsigned long now)
{
	u32 look_ms = ikefp_policy_get(&sa->ctx->policy, HALF_OPEN_FLOOD_MS);

	if (time_after_eq(now, sa->half_open_deadline))
		return true;
	if (sa->newest_in || time_before(now, sa->half_open_look))
		return false;
	sa->half_open_look = now + msecs_to_jiffies(look_ms);
	return ikefp_flood_is_on(sa->ctx) && ikefp_flood_suspects(sa->ctx, &sa->init.source);
}

/* It is. Whether it can be deleted now. */
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
	struct dst_entry *route = NULL;
	struct ikefp_outgoing out;
	struct ikefp_path path;
	bool keepalive = false;
	bool bury = false;
	unsigned long now;

	spin_lock_bh(&sa->lock);
	/* Not before: who had the lock may have set the deadline meanwhile. */
	now = jiffies;
	/* Dead; or nothing is due yet: this was but a step of the way. */
	if (sa->dead || time_before(now, sa->deadline)) {
		if (!sa->dead)
			arm(sa);
		spin_unlock_bh(&sa->lock);
		ikefp_sa_put(sa);
		return;
	}
	out.count = 0;
	out.spare = NULL;
	ikefp_orphan_check(sa);
	if (sa->worker)
		ikefp_upcall_flush(sa);
	switch (sa->state) {
	case IKEFP_SA_STATE_HALF_OPEN:
		if (sa->role == IKEFP_ROLE_RESPONDER && is_half_open_over(sa, now))
			bury = expired_half_open(sa);
		break;
	case IKEFP_SA_STATE_ESTABLISHED:
		expired_established(sa, now, &keepalive, &out);
		break;
	case IKEFP_SA_STATE_LINGERING:
		bury = time_after_eq(now, sa->linger_deadline);
		break;
	}
	if (!bury && sa->orphan && time_after_eq(now, sa->orphan_deadline)) {
		expired_orphan(sa);
		bury = true;
	}
	expired_fragments(sa, now);
	expired_answers(sa, now);
	if (!bury)
		expired_requests(sa, now, &out);
	keepalive &= !out.count;
	if (keepalive) {
		ikefp_path_copy(&path, &sa->path);
		route = ikefp_route_get(&sa->route, sa->ctx->net, &sa->path);
	}
	if (bury)
		ikefp_sa_bury(sa);
	else
		ikefp_timers_update(sa);
	spin_unlock_bh(&sa->lock);

	if (keepalive) {
		ikefp_transmit_keepalive(sa->ctx, &path, route);
		ikefp_path_put(&path);
	}
	ikefp_outgoing_send(sa->ctx, &out);
	ikefp_sa_put(sa);
}
