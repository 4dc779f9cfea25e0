// SPDX-License-Identifier: GPL-2.0
/* An IKE SA in place of another one. */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "counters.h"
#include "followup.h"
#include "ike_inherit.h"
#include "ike_life.h"
#include "ike_manager.h"
#include "ike_reauth.h"
#include "resume.h"
#include "stream.h"

struct ike_sa *ike_inherit_new(struct ike_sa *old, const struct ike_rekeyed *rekeyed)
{
	struct ike_manager *m = old->manager;
	struct ike_sa *sa = ike_sa_new(m, old->conn, rekeyed->initiator);
	struct proposal chosen;

	if (!sa)
		return NULL;
	ike_sa_end_handshake(sa);
	stream_inherit(sa, old);
	proposal_copy(&chosen, rekeyed->proposal);
	chosen.spi_len = 0;
	sa->nat_local = old->nat_local;
	sa->nat_remote = old->nat_remote;
	sa->nat_fake = old->nat_fake;
	sa->resumed = old->resumed;
	sa->childless = old->childless;
	sa->ppk = old->ppk;
	sa->fragmentation = old->fragmentation;
	sa->peer_fragmentation = old->peer_fragmentation;
	/* Of its names no other SPI is known before it is the kernel's. */
	if (proposal_keep(&sa->proposal, &chosen) ||
	    ike_id_copy(&sa->local_id, &old->local_id) ||
	    ike_id_copy(&sa->remote_id, &old->remote_id) ||
	    kernel_sa_rekey(m->kernel, ike_sa_spi_local(old), rekeyed->initiator,
			    rekeyed->spi_i, rekeyed->spi_r, rekeyed->proposal, rekeyed->keys)) {
		ike_sa_destroy(sa, "it could not be made");
		return NULL;
	}
	sa->spi_i = rekeyed->spi_i;
	sa->spi_r = rekeyed->spi_r;
	memcpy(sa->sk_d, rekeyed->keys->d, rekeyed->keys->prf_len);
	sa->state = IKE_ESTABLISHED;
	sa->established_ms = loop_now_ms();
	/* The peer has proved who it is when it did, and not again. */
	sa->reauth_ms = old->reauth_ms;
	sa->duplicate_ms = old->duplicate_ms;
	ike_life_begin(sa);
	ike_manager_index(m, sa);
	return sa;
}

static void move_children(struct ike_sa *from, struct ike_sa *to)
{
	struct child_sa *child, **end;

	for (end = &to->children; *end;)
		end = &(*end)->next;
	*end = from->children;
	from->children = NULL;
	for (child = *end; child; child = child->next) {
		child->ike_sa = to;
		child->moves++;
		child->made_by = 0;
	}
}

/* What concerns an IKE SA itself stays with that. */
static bool concerns_ike(const struct ike_task *task)
{
	return task->type == TASK_REKEY_IKE || task->type == TASK_DELETE_IKE ||
	       task->type == TASK_ASK;
}

static void move_tasks(struct ike_sa *from, struct ike_sa *to)
{
	struct ike_task **link = &from->queue, **end = &to->queue, *task;

	while (*end)
		end = &(*end)->next;
	while ((task = *link)) {
		if (concerns_ike(task)) {
			link = &task->next;
			continue;
		}
		*link = task->next;
		task->next = NULL;
		*end = task;
		end = &task->next;
	}
}

/*
 * Two that a new daemon carries on may have a connection each: what was configured once, and
 * what is. What moves is of the one that it comes from, which may be freed with that.
 */
static void share_conn(struct ike_sa *from, struct ike_sa *to)
{
	struct child_sa *child, *next;
	struct ike_task *task;

	if (from->conn == to->conn)
		return;
	if (!to->children && !to->queue && !to->active.conf) {
		ike_sa_set_conn(to, from->conn);
		return;
	}
	for (child = from->children; child; child = next) {
		const struct child_conf *conf = conn_find_child(to->conn, child->conf->name);

		next = child->next;
		if (conf)
			child_sa_set_conf(child, conf);
		else
			child_sa_destroy(child);
	}
	for (task = from->queue; task; task = task->next)
		if (task->conf)
			ike_task_set_conf(task, conn_find_child(to->conn, task->conf->name));
}

static void move(struct ike_sa *from, struct ike_sa *to)
{
	/* What is half agreed on stays behind, and comes to nothing. */
	followup_end(from);
	share_conn(from, to);
	move_children(from, to);
	move_tasks(from, to);
	ike_reauth_goes_over(from, to);
	ike_manager_waits_for(from->manager, from->unique_id, to->unique_id);
	ike_sa_tell_esp(to);
	ike_sa_tell_esp(from);
}

void ike_inherit(struct ike_sa *from, struct ike_sa *to)
{
	char local[ENDPOINT_STRLEN], remote[ENDPOINT_STRLEN];
	char local_id[ID_STRLEN], remote_id[ID_STRLEN];

	if (from->state == IKE_ESTABLISHED)
		from->state = IKE_REKEYED;
	from->successor = ike_sa_spi_local(to);
	to->predecessor = ike_sa_spi_local(from);
	/* Whatever becomes of this daemon now, the next one knows what there was to be. */
	resume_save(from);
	move(from, to);
	ike_manager_index(from->manager, from);
	ike_life_wait(from);
	counters_count(to->conn->name, to->initiator ? COUNTER_IKE_REKEY_INIT :
						       COUNTER_IKE_REKEY_RESP);
	ike_log(to, LOG_IKE, LVL_AUDIT, "IKE_SA %s[%u] rekeyed between %s[%s]...%s[%s]",
		to->log.name, to->unique_id, endpoint_addr_str(&to->local, local),
		ike_id_str(&to->local_id, local_id), endpoint_addr_str(&to->remote, remote),
		ike_id_str(&to->remote_id, remote_id));
	ike_manager_tell(CONTROL_IKE_REKEY, from, NULL, NULL);
	resume_save(to);
	resume_save(from);
}

void ike_inherit_back(struct ike_sa *from, struct ike_sa *to)
{
	if (to->state == IKE_REKEYED)
		to->state = IKE_ESTABLISHED;
	to->successor = 0;
	move(from, to);
	from->successor = ike_sa_spi_local(to);
	ike_manager_index(to->manager, to);
	ike_life_resume(to);
	ike_manager_tell(CONTROL_IKE_REKEY, from, NULL, NULL);
	resume_save(to);
	resume_save(from);
}
