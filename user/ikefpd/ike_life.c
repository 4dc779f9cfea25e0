// SPDX-License-Identifier: GPL-2.0
/* How long an IKE SA lives. */
#include "config.h"
#include "ike_life.h"
#include "ike_manager.h"
#include "ike_reauth.h"
#include "ike_retry.h"
#include "ike_unique.h"
#include "lifetime.h"

/* Who has rekeyed it deletes it before that, or never will. */
#define WAIT_MS		90000
/* Both have replaced it, and the peer deletes the loser before that, or has not got the answer. */
#define RIVAL_MS	10000
/* RFC 7296 section 2.25: not at once, and not at the same moment as the peer. */
#define RETRY_MS	10000
#define RETRY_JITTER_MS	5000
/* As long as a peer like us waits before it tries again, and for its request to come. */
#define YIELD_MS	15000

static void arm_until(struct ike_sa *sa, uint64_t then_ms)
{
	uint64_t now = loop_now_ms();

	if (loop_timer_arm(sa->manager->loop, &sa->timer, then_ms > now ? then_ms - now : 0))
		ike_log(sa, LOG_IKE, LVL_AUDIT, "no memory: IKE_SA %s[%u] does not end in time",
			sa->log.name, sa->unique_id);
}

/* What ends first of what is still to come; 0: nothing does. */
static uint64_t first_of(const struct ike_sa *sa)
{
	return lifetime_earlier(sa->yield_ms, lifetime_earlier(lifetime_earlier(sa->rekey_ms, sa->reauth_ms),
					     lifetime_earlier(sa->life_ms, sa->duplicate_ms)));
}

static void arm_next(struct ike_sa *sa)
{
	uint64_t next = first_of(sa);

	if (next)
		arm_until(sa, next);
	else
		loop_timer_cancel(sa->manager->loop, &sa->timer);
}

static uint64_t retry_ms(void)
{
	return loop_now_ms() + RETRY_MS - lifetime_random(RETRY_JITTER_MS);
}

/* May end it. */
static void over(struct ike_sa *sa)
{
	/* If nothing comes of its rekeying it is over then, and not in the middle of that. */
	if (ike_sa_has_task(sa, TASK_REKEY_IKE, 0, NULL)) {
		arm_until(sa, retry_ms());
		return;
	}
	ike_log(sa, LOG_IKE, LVL_AUDIT, "the lifetime of IKE_SA %s[%u] is over", sa->log.name,
		sa->unique_id);
	ike_manager_alert(sa->manager, ALERT_IKE_SA_EXPIRED, sa);
	ike_manager_terminate_ike(sa->manager, sa->unique_id, false, NULL);
}

static void expired(struct loop_timer *timer)
{
	struct ike_sa *sa = container_of(timer, struct ike_sa, timer);

	if (sa->state == IKE_DELETING)
		return;
	if (sa->waits) {
		ike_retry_expired(sa);
	} else if (sa->state == IKE_REKEYED) {
		if (sa->rekeyed_by_peer)
			ike_log(sa, LOG_IKE, LVL_CTRL, "the peer has not deleted IKE_SA %s[%u]",
				sa->log.name, sa->unique_id);
		ike_manager_terminate_ike(sa->manager, sa->unique_id, false, NULL);
	} else if (sa->life_ms && loop_now_ms() >= sa->life_ms) {
		over(sa);
	} else if (sa->yield_ms && sa->yield_ms == first_of(sa)) {
		sa->yield_ms = 0;
		arm_next(sa);
		ike_sa_go_on(sa);
	} else if (sa->duplicate_ms &&
		   lifetime_earlier(sa->duplicate_ms, lifetime_earlier(sa->reauth_ms, sa->rekey_ms)) ==
		   sa->duplicate_ms) {
		ike_unique_expired(sa);
	} else if (sa->reauth_ms && lifetime_earlier(sa->reauth_ms, sa->rekey_ms) == sa->reauth_ms) {
		/* If nothing comes of it it is tried again, until its life is over, if it ever is. */
		sa->reauth_ms = retry_ms();
		arm_next(sa);
		ike_reauth_start(sa);
	} else {
		/* The end of its life is still to come, whatever becomes of this. */
		sa->rekey_ms = 0;
		arm_next(sa);
		ike_manager_rekey_ike(sa->manager, sa->unique_id);
	}
}

void ike_life_init(struct ike_sa *sa)
{
	sa->timer.expired = expired;
}

void ike_life_begin(struct ike_sa *sa)
{
	const struct lifetime *time = &sa->conn->time_s;

	const struct lifetime reauth = { .rekey = sa->conn->reauth_s, .rand = time->rand };
	uint64_t first;

	sa->rekey_ms = lifetime_end(sa->established_ms, lifetime_soft(time) * 1000);
	if (!sa->reauth_ms)
		sa->reauth_ms = lifetime_end(sa->established_ms, lifetime_soft(&reauth) * 1000);
	first = lifetime_earlier(sa->rekey_ms, sa->reauth_ms);
	sa->life_ms = first ? lifetime_end(first, time->life * 1000) : 0;
	arm_next(sa);
}

void ike_life_resume(struct ike_sa *sa)
{
	if (sa->state == IKE_REKEYED)
		ike_life_wait(sa);
	else
		arm_next(sa);
}

void ike_life_retry(struct ike_sa *sa)
{
	/* Otherwise who has asked for it asks again, or does not. */
	if (sa->conn->time_s.rekey)
		sa->rekey_ms = retry_ms();
	arm_next(sa);
}

void ike_life_reauth(struct ike_sa *sa)
{
	const uint64_t soon = retry_ms();

	sa->rekey_ms = 0;
	sa->reauth_ms = lifetime_earlier(sa->reauth_ms, soon);
	arm_next(sa);
}

void ike_life_yield(struct ike_sa *sa)
{
	/* Not again and again: what waits is to have its turn. */
	if (sa->yield_ms)
		return;
	sa->yield_ms = loop_now_ms() + YIELD_MS;
	arm_next(sa);
}

void ike_life_wait(struct ike_sa *sa)
{
	arm_until(sa, loop_now_ms() + WAIT_MS);
}

void ike_life_wait_for_rival(struct ike_sa *sa)
{
	arm_until(sa, loop_now_ms() + RIVAL_MS);
}

void ike_life_rival_is_gone(struct ike_sa *sa)
{
	arm_until(sa, loop_now_ms());
}

void ike_life_end(struct ike_sa *sa)
{
	loop_timer_cancel(sa->manager->loop, &sa->timer);
}
