// SPDX-License-Identifier: GPL-2.0

#include <linux/jiffies.h>
#include <linux/random.h>

#include "answer.h"
#include "monitor.h"
#include "orphan.h"
#include "sa.h"
#include "trace.h"
#include "upcall.h"
#include "worker.h"

/**
 * ikefp_orphan_check() - see whether an SA's worker is gone
 * @sa: the SA, locked
 *
 * Should be called before anything is done with an SA that concerns its worker.
 *
 * Context: any.
 * Return: whether it has become an orphan by this: its timer is to be updated.
 */
bool ikefp_orphan_check(struct ikefp_sa *sa)
{
	u32 life_ms;

	if (sa->orphan || sa->dead || sa->state == IKEFP_SA_STATE_LINGERING ||
	    (sa->worker && !ikefp_worker_is_gone(sa->worker)))
		return false;
	trace_ikefp_sa_worker(sa->ctx->net, sa->spi, sa->peer_spi,
			      sa->worker ? sa->worker->portid : 0, 0);
	ikefp_sa_set_worker(sa, NULL);
	ikefp_answer_give_back(sa);
	/* The worker may have died before it read that. */
	sa->dead_told = false;
	life_ms = ikefp_policy_get(&sa->ctx->policy, ORPHAN_MS);
	life_ms += reciprocal_scale(get_random_u32(), life_ms / 8 + 1);
	sa->orphan_deadline = jiffies + msecs_to_jiffies(life_ms);
	ikefp_count(sa->ctx, IKEFP_A_STATS_ORPHANED);
	ikefp_monitor_sa(sa, IKEFP_EVENT_KIND_SA_ORPHANED);
	return true;
}

/**
 * ikefp_orphan_adopted() - an orphan belongs to a worker again
 * @sa: the SA, locked, an orphan; its timer is to be updated
 * @worker: the worker, held, which has been told of the SA
 *
 * Context: any.
 */
void ikefp_orphan_adopted(struct ikefp_sa *sa, struct ikefp_worker *worker)
{
	ikefp_sa_set_worker(sa, worker);
	/* Whom its stream's end was to be told is gone. */
	if (sa->path.stream && sa->path.stream->originator)
		WRITE_ONCE(sa->path.stream->worker, worker->portid);
	trace_ikefp_sa_worker(sa->ctx->net, sa->spi, sa->peer_spi, 0, worker->portid);
	ikefp_count(sa->ctx, IKEFP_A_STATS_ADOPTED);
	ikefp_monitor_sa(sa, IKEFP_EVENT_KIND_SA_ADOPTED);
	ikefp_upcall_flush(sa);
}
