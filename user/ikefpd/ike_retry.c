// SPDX-License-Identifier: GPL-2.0
#include "config.h"
#include "ike_manager.h"
#include "ike_retry.h"
#include "lifetime.h"

uint64_t ike_retry_pause_ms(unsigned int tries)
{
	uint64_t ms = RETRY_FIRST_MS;

	while (--tries && ms < RETRY_MOST_MS)
		ms *= 2;
	if (ms > RETRY_MOST_MS)
		ms = RETRY_MOST_MS;
	return ms - lifetime_random(ms / 2);
}

static bool has_tries(const struct ike_sa *sa)
{
	int32_t most = sa->conn->keyingtries;

	if (most == CONF_UNSET)
		return sa->lasting;
	return !most || sa->tries + 1 < (unsigned int)most;
}

/* May end it. */
static void arm(struct ike_sa *sa, uint64_t ms)
{
	sa->waits = true;
	if (loop_timer_arm(sa->manager->loop, &sa->timer, ms))
		ike_sa_destroy(sa, "no memory for a timer");
}

/* With the old one's id: nobody who knows it by that has to know more. */
static struct ike_sa *replace(struct ike_sa *sa)
{
	struct ike_manager *m = sa->manager;
	struct ike_sa *new = ike_sa_new(m, sa->conn, true);
	uint32_t id;

	if (!new)
		return NULL;
	id = new->unique_id;
	new->unique_id = sa->unique_id;
	new->log.unique_id = sa->unique_id;
	sa->unique_id = id;
	ike_manager_index(m, sa);
	ike_manager_index(m, new);
	new->state = IKE_CONNECTING;
	new->local = sa->local;
	new->remote = sa->remote;
	new->lasting = sa->lasting;
	new->tries = sa->tries + 1;
	new->handshake->child_conf = sa->handshake->child_conf;
	new->queue = sa->queue;
	sa->queue = NULL;
	return new;
}

bool ike_retry(struct ike_sa *sa, const char *reason)
{
	struct ike_manager *m = sa->manager;
	struct ike_sa *new;
	uint64_t ms;

	/* What is to replace another one is tried again by that (ike_life.h). */
	if (!sa->initiator || (sa->state != IKE_CREATED && sa->state != IKE_CONNECTING) ||
	    sa->reauth_of || m->stopping || !has_tries(sa))
		return false;
	new = replace(sa);
	if (!new)
		return false;
	/* It goes on trying for the configuration's sake; who has asked for it is told of this one. */
	if (new->conn->keyingtries == CONF_UNSET)
		ike_manager_ike_failed(m, new->unique_id, reason);
	ike_sa_destroy(sa, reason);
	ms = ike_retry_pause_ms(new->tries);
	ike_log(new, LOG_IKE, LVL_CTRL, "IKE_SA %s[%u] is tried again in %u s (%u/%d)",
		new->log.name, new->unique_id, (unsigned int)((ms + 999) / 1000),
		new->tries + 1,
		new->conn->keyingtries == CONF_UNSET ? 0 : new->conn->keyingtries);
	arm(new, ms);
	return true;
}

void ike_retry_wait(struct ike_sa *sa)
{
	sa->unreachable = true;
	arm(sa, RETRY_MOST_MS);
}

/* Its connection has gone, or has made place for another one: that one's turn. */
static void not_configured(struct ike_sa *sa)
{
	const struct child_conf *child = sa->handshake->child_conf;
	struct ike_manager *m = sa->manager;
	struct conn *conn = config_find_conn(m->config, sa->conn->name);
	const bool lasting = sa->lasting;

	child = conn && child ? conn_find_child(conn, child->name) : NULL;
	ike_sa_destroy(sa, "its connection is not configured any more");
	if (child && lasting)
		ike_manager_restart(m, conn, child);
}

void ike_retry_expired(struct ike_sa *sa)
{
	const struct child_conf *child = sa->handshake->child_conf;
	struct ike_manager *m = sa->manager;
	const bool many = conn_is_for_many(sa->conn);

	if (!sa->conn->link) {
		not_configured(sa);
		return;
	}
	/* The peer's own attempt may have been good meanwhile. */
	if (ike_manager_to_use(m, sa->conn, many ? &sa->remote : NULL) != sa) {
		ike_manager_try_again(sa, "there is another one");
		return;
	}
	/* Its name may have to be asked for first; if nothing comes of that, again later. */
	if (loop_timer_arm(m->loop, &sa->timer, RETRY_MOST_MS))
		ike_sa_destroy(sa, "no memory for a timer");
	else if (many)
		ike_manager_initiate_to(m, sa->conn, child, &sa->local, &sa->remote);
	else
		ike_manager_initiate(m, sa->conn, child, NULL);
}

void ike_retry_network_changed(struct ike_manager *m)
{
	struct ike_sa *sa, *next;

	for (sa = m->sas; sa; sa = next) {
		next = sa->next;
		if (sa->waits && sa->unreachable)
			arm(sa, 0);
	}
}
