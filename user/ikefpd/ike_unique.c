// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "config.h"
#include "ike_life.h"
#include "ike_manager.h"
#include "ike_reauth.h"
#include "ike_unique.h"
#include "resume.h"

/*
 * For so long the old IKE SA stays beside one that seems to reauthenticate it: the Child SAs
 * come one by one. The peer, whose work that is, has usually deleted it before.
 */
#define REAUTHENTICATED_MS	10000
/*
 * And for so long one of two that both ends have begun at once. A peer that does not choose
 * as we do (charon) has deleted one by then, and then the other one stays.
 */
#define CROSSED_MS		20000

static bool is_same_peer(const struct ike_sa *sa, const struct ike_sa *other)
{
	return other != sa && other->state == IKE_ESTABLISHED &&
	       other->local.family == sa->local.family &&
	       ike_id_equal(&other->local_id, &sa->local_id) &&
	       ike_id_equal(&other->remote_id, &sa->remote_id);
}

/* Established ones with the same peer: the first, and the next one after one. */
static struct ike_sa *next_of_peer(const struct ike_sa *sa, const struct ike_sa *after)
{
	struct ike_sa *other = ike_manager_of_peers(sa->manager, &sa->local_id,
						    &sa->remote_id, after);

	while (other && !is_same_peer(sa, other))
		other = ike_manager_of_peers(sa->manager, &sa->local_id, &sa->remote_id, other);
	return other;
}

/* The connection may have been loaded anew meanwhile. */
static bool is_duplicate(const struct ike_sa *sa, const struct ike_sa *other)
{
	return !strcmp(sa->conn->name, other->conn->name);
}

/* A NAT tells hosts apart by their ports; without one a peer moves from 500 to 4500 as it likes. */
static bool is_same_host(const struct ike_sa *sa, const struct ike_sa *other)
{
	/* A port of TCP is another one with each connection. */
	return endpoint_same_addr(&sa->remote, &other->remote) &&
	       (sa->remote.port == other->remote.port || (!sa->nat_remote && !other->nat_remote) ||
		sa->local.stream || other->local.stream);
}

/*
 * Each end has begun one before it had the other one's: each is told that there was none
 * before, in good faith, and if each took away what it has itself none would be left.
 */
static bool has_crossed(const struct ike_sa *sa, const struct ike_sa *other)
{
	return other->established_ms > sa->created_ms;
}

static void delete_later(struct ike_sa *sa, uint64_t ms)
{
	if (sa->duplicate_ms)
		return;
	sa->duplicate_ms = loop_now_ms() + ms;
	ike_life_resume(sa);
	resume_save(sa);
}

/* Both ends come to the same. */
static void choose(struct ike_sa *a, struct ike_sa *b)
{
	struct ike_sa *goes = a->spi_i < b->spi_i ? a : b;

	ike_log(goes, LOG_IKE, LVL_CTRL,
		"IKE_SA %s[%u] was initiated by one end while the other end initiated IKE_SA %s[%u]: it will be deleted",
		goes->log.name, goes->unique_id, goes->log.name,
		(goes == a ? b : a)->unique_id);
	ike_manager_alert(goes->manager, ALERT_UNIQUE_REPLACE, goes);
	delete_later(goes, CROSSED_MS);
}

static void replace(struct ike_sa *sa, struct ike_sa *other)
{
	char id[ID_STRLEN];

	ike_id_str(&sa->remote_id, id);
	ike_manager_alert(sa->manager, ALERT_UNIQUE_REPLACE, other);
	if (is_same_host(sa, other)) {
		ike_log(other, LOG_IKE, LVL_CTRL,
			"schedule delete of duplicate IKE_SA for peer '%s' due to uniqueness policy and suspected reauthentication",
			id);
		delete_later(other, REAUTHENTICATED_MS);
	} else {
		ike_log(other, LOG_IKE, LVL_CTRL,
			"deleting duplicate IKE_SA for peer '%s' due to uniqueness policy", id);
		ike_manager_terminate_ike(sa->manager, other->unique_id, false, NULL);
	}
}

bool ike_unique_is_first(const struct ike_sa *sa)
{
	if (sa->conn->unique == UNIQUE_NEVER)
		return false;
	/* What the old one has to say it cannot: its local address is gone. */
	if (ike_reauth_takes_over(sa))
		return true;
	return !sa->reauth_of && !next_of_peer(sa, NULL);
}

bool ike_unique_is_refused(const struct ike_sa *sa, bool initial_contact)
{
	const struct ike_sa *other;

	/* One from where the old one is may be there to reauthenticate it. */
	if (sa->conn->unique != UNIQUE_KEEP || initial_contact)
		return false;
	for (other = next_of_peer(sa, NULL); other; other = next_of_peer(sa, other))
		if (is_duplicate(sa, other) && !is_same_host(sa, other))
			return true;
	return false;
}

void ike_unique_keep_first(struct ike_sa *sa)
{
	struct ike_sa *first = NULL, *other, *next;

	for (other = next_of_peer(sa, NULL); other; other = next_of_peer(sa, other))
		if (is_duplicate(sa, other) && !is_same_host(sa, other) &&
		    (!first || other->unique_id < first->unique_id))
			first = other;
	for (other = next_of_peer(sa, NULL); other; other = next) {
		next = next_of_peer(sa, other);
		if (other != first && is_duplicate(sa, other))
			replace(sa, other);
	}
}

void ike_unique_initial_contact(struct ike_sa *sa)
{
	struct ike_sa *other, *next;
	char id[ID_STRLEN];

	if (sa->conn->unique == UNIQUE_NEVER)
		return;
	for (other = next_of_peer(sa, NULL); other; other = next) {
		next = next_of_peer(sa, other);
		if (has_crossed(sa, other))
			continue;
		ike_log(other, LOG_IKE, LVL_CTRL,
			"destroying duplicate IKE_SA for peer '%s', received INITIAL_CONTACT",
			ike_id_str(&other->remote_id, id));
		ike_sa_destroy(other, "the peer has forgotten the IKE SA");
	}
}

void ike_unique_established(struct ike_sa *sa)
{
	struct ike_sa *other, *next;

	if (sa->conn->unique != UNIQUE_REPLACE || sa->reauth_of)
		return;
	for (other = next_of_peer(sa, NULL); other; other = next) {
		next = next_of_peer(sa, other);
		if (!is_duplicate(sa, other))
			continue;
		if (has_crossed(sa, other))
			choose(sa, other);
		else if (!sa->initiator)
			replace(sa, other);
	}
}

void ike_unique_expired(struct ike_sa *sa)
{
	struct ike_sa *other = next_of_peer(sa, NULL);

	while (other && (!is_duplicate(sa, other) || other->duplicate_ms))
		other = next_of_peer(sa, other);
	sa->duplicate_ms = 0;
	if (!other) {
		/* Nothing has come of what was to take its place. */
		ike_life_resume(sa);
		return;
	}
	ike_log(sa, LOG_IKE, LVL_CTRL, "deleting duplicate IKE_SA %s[%u]", sa->log.name,
		sa->unique_id);
	ike_manager_terminate_ike(sa->manager, sa->unique_id, false, NULL);
}
