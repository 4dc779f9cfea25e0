// SPDX-License-Identifier: GPL-2.0
/* How long a Child SA lives. */
#include "child_idle.h"
#include "child_life.h"
#include "child_sa.h"
#include "config.h"
#include "ike_manager.h"
#include "ike_sa.h"
#include "lifetime.h"
#include "resume.h"

/* What the peer sent before it knew of the new one comes in meanwhile. */
#define LINGER_MS	5000
/* The peer has rekeyed it, and deletes it before that, or never will. */
#define WAIT_MS		90000
/* RFC 7296 section 2.25: not at once, and not at the same moment as the peer. */
#define RETRY_MS	10000
#define RETRY_JITTER_MS	5000

static void arm(struct child_sa *child, uint64_t delay_ms)
{
	if (loop_timer_arm(child->ike_sa->manager->loop, &child->timer, delay_ms))
		ike_log(child->ike_sa, LOG_IKE, LVL_AUDIT,
			"no memory: CHILD_SA %s{%u} is not rekeyed in time", child->conf->name,
			child->unique_id);
}

static void arm_until(struct child_sa *child, uint64_t then_ms)
{
	uint64_t now = loop_now_ms();

	arm(child, then_ms > now ? then_ms - now : 0);
}

/* To what ends first of what is still to come. */
static void arm_next(struct child_sa *child)
{
	uint64_t next = child->life_ms;

	if ((child->state == CHILD_INSTALLED || child->state == CHILD_CREATED) && !child->rekeying)
		next = lifetime_earlier(next, lifetime_earlier(child->rekey_ms, child->idle_ms));
	if (child->prefer_ms)
		next = child->prefer_ms;
	if (next)
		arm_until(child, next);
	else
		loop_timer_cancel(child->ike_sa->manager->loop, &child->timer);
}

static void over(struct child_sa *child)
{
	const bool again = child->spent && child->state == CHILD_INSTALLED;
	const uint32_t id = child->unique_id;
	struct ike_sa *sa = child->ike_sa;
	struct ike_manager *m = sa->manager;

	/* If nothing comes of its rekeying it is over then, and not in the middle of that. */
	if (child->rekeying)
		arm(child, RETRY_MS);
	if (child->state == CHILD_DELETING || child->rekeying)
		return;
	ike_log(sa, LOG_IKE, LVL_AUDIT, "the lifetime of CHILD_SA %s{%u} is over",
		child->conf->name, child->unique_id);
	/* Another one first, so that its policies stay: nothing goes out in the clear. */
	if (again && ike_sa_queue(sa, TASK_CREATE_CHILD, 0, child->conf))
		ike_manager_child_failed(m, sa->unique_id, child->conf->name, "out of memory");
	ike_manager_terminate_child(m, id, NULL);
}

/* The peer had refused to make it for the time being. */
static void create_again(struct child_sa *child)
{
	const struct child_conf *conf = child_conf_get(child->conf);
	struct ike_sa *sa = child->ike_sa;

	child_sa_destroy(child);
	if (ike_sa_queue(sa, TASK_CREATE_CHILD, 0, conf))
		ike_manager_child_failed(sa->manager, sa->unique_id, conf->name, "out of memory");
	child_conf_put(conf);
}

static void expired(struct loop_timer *timer)
{
	struct child_sa *child = container_of(timer, struct child_sa, timer);

	if (child->state == CHILD_CREATED) {
		create_again(child);
	} else if (child->state == CHILD_DELETED) {
		struct ike_sa *sa = child->ike_sa;

		child_sa_destroy(child);
		resume_save(sa);
	} else if (child->prefer_ms) {
		struct ike_sa *sa = child->ike_sa;

		child_sa_prefer(child);
		arm_next(child);
		resume_save(sa);
	} else if (child->life_ms && loop_now_ms() >= child->life_ms) {
		over(child);
	} else if (child->idle_ms &&
		   lifetime_earlier(child->idle_ms, child->rekey_ms) == child->idle_ms) {
		child_idle_expired(child);
	} else {
		/* The end of its life is still to come, whatever becomes of this. */
		child->rekey_ms = 0;
		arm_next(child);
		ike_manager_rekey_child(child->ike_sa->manager, child->unique_id);
	}
}

void child_life_init(struct child_sa *child)
{
	child->timer.expired = expired;
}

void child_life_begin(struct child_sa *child)
{
	const struct lifetime *time = &child->conf->time_s;

	child->rekey_ms = lifetime_end(child->installed_ms, lifetime_soft(time) * 1000);
	child->life_ms = lifetime_end(child->installed_ms, time->life * 1000);
	arm_next(child);
}

void child_life_resume(struct child_sa *child)
{
	child->timer.expired = expired;
	if (child->state == CHILD_DELETED)
		arm(child, LINGER_MS);
	else
		arm_next(child);
}

void child_life_rekey_now(struct child_sa *child)
{
	child->rekey_ms = loop_now_ms();
	arm_next(child);
}

void child_life_spent(struct child_sa *child)
{
	child->spent = true;
	child->prefer_ms = 0;
	child->rekey_ms = 0;
	child->life_ms = loop_now_ms();
	arm_next(child);
}

void child_life_retry(struct child_sa *child)
{
	child->rekey_ms = loop_now_ms() + RETRY_MS - lifetime_random(RETRY_JITTER_MS);
	arm_next(child);
}

void child_life_not_rekeyed(struct child_sa *child)
{
	child->rekey_ms = 0;
	arm_next(child);
}

void child_life_wait(struct child_sa *child)
{
	child->rekey_ms = 0;
	child->life_ms = loop_now_ms() + WAIT_MS;
	arm_next(child);
}

void child_life_prefer(struct child_sa *child)
{
	child->prefer_ms = loop_now_ms() + LINGER_MS;
}

void child_life_linger(struct child_sa *child)
{
	arm(child, LINGER_MS);
}

void child_life_end(struct child_sa *child)
{
	loop_timer_cancel(child->ike_sa->manager->loop, &child->timer);
}
