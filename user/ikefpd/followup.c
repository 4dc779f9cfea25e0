// SPDX-License-Identifier: GPL-2.0
/* The IKE_FOLLOWUP_KE exchange, for the responder. */
#include <stdlib.h>

#include "create_child.h"
#include "dh_pool.h"
#include "followup.h"
#include "ike_manager.h"
#include "ike_rekey.h"
#include "ke.h"

#define FOLLOWUPS_MAX	4	/* of an IKE SA: a peer asks for one thing at a time */
#define PATIENCE_MS	60000

static void take_out(struct followup *f)
{
	struct followup **link;

	for (link = &f->sa->followups; *link != f;)
		link = &(*link)->next;
	*link = f->next;
}

/* One that was taken out. What did not come of it goes. */
static void end(struct followup *f)
{
	struct ike_sa *sa = f->sa;
	struct child_sa *child = f->spi ? child_sa_by_spi_in(sa, f->spi) : NULL;

	if (child && child->state == CHILD_CREATED)
		child_sa_destroy(child);
	loop_timer_cancel(sa->manager->loop, &f->timer);
	agreement_clear(&f->agreement);
	buf_clear(&f->nonce_i);
	buf_clear(&f->nonce_r);
	proposal_drop(&f->chosen);
	free(f);
}

void followup_drop(struct followup *f)
{
	take_out(f);
	end(f);
}

static void expired(struct loop_timer *timer)
{
	struct followup *f = container_of(timer, struct followup, timer);
	struct ike_sa *sa = f->sa;

	ike_log(sa, LOG_IKE, LVL_CTRL, "the peer does not go on with IKE_FOLLOWUP_KE");
	followup_drop(f);
	ike_sa_go_on(sa);
}

/* The newest come first. */
static void make_room(struct ike_sa *sa)
{
	struct followup *f, *last = NULL;
	unsigned int n = 0;

	for (f = sa->followups; f; f = f->next) {
		last = f;
		n++;
	}
	if (n >= FOLLOWUPS_MAX)
		followup_drop(last);
}

struct followup *followup_new(struct ike_sa *sa, struct agreement *agreement,
			      struct buf *nonce_i, struct buf *nonce_r)
{
	struct followup *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->timer.expired = expired;
	if (loop_timer_arm(sa->manager->loop, &f->timer, PATIENCE_MS)) {
		free(f);
		return NULL;
	}
	make_room(sa);
	f->sa = sa;
	f->chosen = &proposal_none;
	f->agreement = *agreement;
	f->nonce_i = *nonce_i;
	f->nonce_r = *nonce_r;
	*agreement = (struct agreement){ .n = 0 };
	*nonce_i = (struct buf)BUF_INIT;
	*nonce_r = (struct buf)BUF_INIT;
	f->next = sa->followups;
	sa->followups = f;
	return f;
}

void followup_end(struct ike_sa *sa)
{
	while (sa->followups)
		followup_drop(sa->followups);
}

void followup_child_gone(struct ike_sa *sa, uint32_t spi_in)
{
	struct followup *f, *next;

	for (f = sa->followups; f; f = next) {
		next = f->next;
		if (f->spi && (f->spi == spi_in || f->old == spi_in))
			followup_drop(f);
	}
}

bool followup_forbids(const struct ike_sa *sa, const struct ike_task *task)
{
	const struct followup *f;

	for (f = sa->followups; f; f = f->next) {
		if (f->spi && task->type == TASK_REKEY_CHILD && task->spi == f->old)
			return true;
		if (!f->spi && (task->type == TASK_CREATE_CHILD || task->type == TASK_REKEY_CHILD ||
				task->type == TASK_REKEY_IKE))
			return true;
	}
	return false;
}

void followup_unwanted(struct ike_sa *sa, uint32_t spi_out)
{
	const struct child_sa *child;
	struct followup *f, *next;

	for (f = sa->followups; f; f = next) {
		next = f->next;
		child = f->spi ? child_sa_by_spi_in(sa, f->spi) : NULL;
		if (child && child->spi_out == spi_out)
			followup_drop(f);
	}
}

static struct followup *find(const struct ike_sa *sa, const struct payload_chain *chain)
{
	struct followup *f;

	for (f = sa->followups; f; f = f->next)
		if (agreement_is_linked(&f->agreement, chain))
			return f;
	return NULL;
}

/* @secret: of its KE payload; NULL: it has none, or not that whose turn it is. */
static void take_request(struct ike_sa *sa, const struct kernel_message *msg,
			 const struct payload_chain *chain, const struct ke_secret *secret)
{
	struct followup *f = find(sa, chain);
	struct child_sa *child = NULL;
	struct payload_writer w;
	struct ike_sa *new = NULL;
	uint16_t refusal;

	if (!f) {
		ike_log(sa, LOG_IKE, LVL_CTRL,
			"refusing IKE_FOLLOWUP_KE: nothing waits for it any more");
		/* Or the daemon before died of its answer. */
		ike_rekey_undo(sa, msg);
		create_child_undo(sa, msg);
		ike_sa_respond_notify(sa, msg, STATE_NOT_FOUND, NULL, 0);
		return;
	}
	payload_begin(&w, 0);
	refusal = agreement_answer(&f->agreement, secret, &w);
	if (!refusal && !agreement_is_over(&f->agreement)) {
		loop_timer_arm(sa->manager->loop, &f->timer, PATIENCE_MS);
		ike_sa_respond(sa, msg, &w);
		return;
	}
	take_out(f);
	if (!refusal)
		refusal = f->spi ? create_child_followed(sa, f, msg, &child) :
				   ike_rekey_followed(sa, f, msg, &new);
	if (refusal) {
		ike_log(sa, LOG_IKE, LVL_CTRL, "failed to %s: %s",
			!f->spi ? "rekey the IKE_SA" : f->old ? "rekey a CHILD_SA" :
			"establish a CHILD_SA", ike_notify_name(refusal));
		if (f->spi && !f->old)
			create_child_alert_kept(sa, refusal);
		buf_clear(&w.buf);
		payload_begin(&w, 0);
		payload_add_notify(&w, PROTO_NONE, NULL, 0, refusal, NULL, 0);
	}
	end(f);
	ike_sa_respond(sa, msg, &w);
	if (child)
		ike_manager_child_up(sa->manager, child);
	if (new && !sa->rekey)
		ike_sa_go_on(new);
	/* What has waited for it. */
	ike_sa_go_on(sa);
}

void followup_request(struct ike_sa *sa, const struct kernel_message *msg,
		      const struct payload_chain *chain)
{
	const struct payload *ke = payload_only(chain, PAYLOAD_KE);
	struct followup *f = find(sa, chain);
	const uint16_t group = f ? agreement_group(&f->agreement) : 0;
	const uint8_t *peer;
	struct dh *dh;
	size_t len;

	peer = ke && group ? ke_data(ke, group, &len) : NULL;
	if (!peer) {
		take_request(sa, msg, chain, NULL);
		return;
	}
	/* The peer has gone on with it. */
	loop_timer_arm(sa->manager->loop, &f->timer, PATIENCE_MS);
	dh = dh_pool_take_responder(group);
	if (dh) {
		ke_hold_begin(sa, msg, chain, dh, peer, len, take_request);
		return;
	}
	followup_drop(f);
	ike_sa_respond_notify(sa, msg, TEMPORARY_FAILURE, NULL, 0);
	ike_sa_go_on(sa);
}
