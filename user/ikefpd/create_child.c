// SPDX-License-Identifier: GPL-2.0
/*
 * CREATE_CHILD_SA for Child SAs.
 *
 * When both ends rekey the same Child SA at once, two new ones come of it. Of the four
 * nonces the lowest says which of them goes, and who made it deletes it; the other end
 * deletes the old one (RFC 7296 section 2.8.1). What else crosses is settled as section
 * 2.25.1 says.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child_life.h"
#include "child_negotiate.h"
#include "config.h"
#include "create_child.h"
#include "dh_pool.h"
#include "followup.h"
#include "ike_life.h"
#include "ike_manager.h"
#include "ike_rekey.h"
#include "ke.h"
#include "ke_hold.h"
#include "resume.h"

#define GROUPS_MAX	3	/* tries with another one, as INVALID_KE_PAYLOAD asks for */
/* The kernel takes so many signs of life, and a stash has room for more. */
#define CHILDREN_MAX	KERNEL_ESP_PAIRS_MAX

/* A request of ours that is outstanding. */
struct create_child {
	uint32_t spi;			/* our inbound one, of the new Child SA */
	uint32_t old;			/* and of the one to be replaced; 0: none */
	struct dh *dh;			/* NULL: no key exchange */
	unsigned int groups;		/* tried so far */
	struct buf nonce_i, nonce_r;
	struct agreement agreement;
	bool following;			/* IKE_FOLLOWUP_KE is outstanding */
	struct buf rival;		/* the peer rekeys it, too: the lower nonce of that */
};

bool create_child_asks_for(const struct child_sa *child)
{
	const struct create_child *c = child->ike_sa->create;

	return c && c->spi == child->spi_in;
}

void create_child_end(struct ike_sa *sa)
{
	struct create_child *c = sa->create;

	if (!c)
		return;
	dh_free(c->dh);
	buf_clear(&c->nonce_i);
	buf_clear(&c->nonce_r);
	buf_clear(&c->rival);
	agreement_clear(&c->agreement);
	free(c);
	sa->create = NULL;
}

static struct child_keying keying(const struct ike_sa *sa, const struct buf *nonce_i,
				  const struct buf *nonce_r, struct dh *dh,
				  struct agreement *agreement)
{
	return (struct child_keying){
		.prf = proposal_id(sa->proposal, TRANSFORM_PRF),
		.sk_d = sa->sk_d,
		.nonce_i = nonce_i,
		.nonce_r = nonce_r,
		.create = true,
		.dh = dh,
		.agreement = agreement,
	};
}

/* Requests */

static int send_request(struct ike_sa *sa)
{
	struct create_child *c = sa->create;
	struct child_sa *child = child_sa_by_spi_in(sa, c->spi);
	const struct child_keying k = keying(sa, &c->nonce_i, &c->nonce_r, c->dh, &c->agreement);
	uint32_t old = htonl(c->old);
	struct payload_writer w;
	int err;

	payload_begin(&w, 0);
	if (c->old)
		payload_add_notify(&w, PROTO_ESP, &old, sizeof(old), REKEY_SA, NULL, 0);
	err = child_offer(child, &k, &w);
	if (!err)
		err = ike_sa_request(sa, c->old ? TASK_REKEY_CHILD : TASK_CREATE_CHILD,
				     CREATE_CHILD_SA, &w);
	buf_clear(&w.buf);
	return err;
}

/* The group to begin with: that of the Child SA before, or the one liked best. */
static uint16_t first_group(const struct child_conf *conf, const struct child_sa *old)
{
	uint16_t group = old ? proposal_id(old->proposal, TRANSFORM_DH) : 0;
	unsigned int i;

	for (i = 0; group && i < conf->proposals.n; i++)
		if (proposal_has(&conf->proposals.v[i], TRANSFORM_DH, group))
			return group;
	return proposal_id(&conf->proposals.v[0], TRANSFORM_DH);
}

static int set_group(struct create_child *c, uint16_t group)
{
	dh_free(c->dh);
	c->dh = group ? dh_pool_take(group) : NULL;
	c->groups++;
	return group && !c->dh ? -EIO : 0;
}

static int begin(struct ike_sa *sa, const struct child_conf *conf, const struct child_sa *old)
{
	struct create_child *c;
	struct child_sa *child;
	int err;

	/* What is carried on without its configuration has nothing to offer. */
	if (!conf->proposals.n)
		return -ENOENT;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	sa->create = c;
	child = child_sa_new(sa, conf, old);
	if (!child)
		return -EIO;
	c->spi = child->spi_in;
	c->old = old ? old->spi_in : 0;
	err = nonce_new(&c->nonce_i, NONCE_LEN);
	if (!err)
		err = set_group(c, first_group(conf, old));
	if (!err)
		err = send_request(sa);
	if (err)
		child_sa_destroy(child);
	return err;
}

static const struct child_sa *find_up(const struct ike_sa *sa, const struct child_conf *conf)
{
	const struct child_sa *child;

	for (child = sa->children; child; child = child->next)
		if (child->conf == conf && child_sa_is_up(child))
			return child;
	return NULL;
}

int create_child_start(struct ike_sa *sa, const struct child_conf *conf)
{
	const struct child_sa *up = find_up(sa, conf);

	if (sa->state != IKE_ESTABLISHED || !conf)
		return 0;
	/* The peer has made it meanwhile. */
	if (up) {
		ike_manager_child_up(sa->manager, up);
		return 0;
	}
	ike_log(sa, LOG_IKE, LVL_CTRL, "establishing CHILD_SA %s", conf->name);
	if (begin(sa, conf, NULL)) {
		create_child_end(sa);
		ike_manager_child_failed(sa->manager, sa->unique_id, conf->name,
					 "the CREATE_CHILD_SA request could not be sent");
	}
	return 0;
}

int create_child_rekey(struct ike_sa *sa, uint32_t spi_in)
{
	struct child_sa *old = child_sa_by_spi_in(sa, spi_in);

	if (!old)
		return 0;
	if (sa->state != IKE_ESTABLISHED || old->state != CHILD_INSTALLED) {
		old->rekeying = false;
		return 0;
	}
	ike_log(sa, LOG_IKE, LVL_CTRL, "rekeying CHILD_SA %s{%u}", old->conf->name,
		old->unique_id);
	if (begin(sa, old->conf, old)) {
		create_child_end(sa);
		old->rekeying = false;
		child_life_retry(old);
	}
	return 0;
}

/* Responses */

/* The peer has the new one, or is to think so: it has to be deleted there. */
static void delete_new(struct ike_sa *sa, struct child_sa *child)
{
	uint32_t spi = child->spi_in;

	child->state = CHILD_DELETING;
	if (ike_sa_queue(sa, TASK_DELETE_CHILD, spi, NULL))
		child_sa_destroy(child);
}

/* Nothing has come of it. */
static void failed(struct ike_sa *sa, const struct child_sa *child, struct child_sa *old,
		   const char *reason)
{
	const char *name = child->conf->name;

	ike_log(sa, LOG_IKE, LVL_CTRL, "failed to %s CHILD_SA %s: %s",
		sa->create->old ? "rekey" : "establish", name, reason);
	/* What is not wanted any more has not failed. */
	if (!sa->create->old && child->state != CHILD_DELETING)
		ike_manager_alert(sa->manager, ALERT_KEEP_ON_CHILD_SA_FAILURE, sa);
	if (!sa->create->old)
		ike_manager_child_failed(sa->manager, sa->unique_id, name, reason);
	else if (old && old->state == CHILD_INSTALLED)
		child_life_retry(old);
}

/* The new one is there: the old one goes. */
static void replace(struct ike_sa *sa, struct child_sa *old)
{
	old->replaced = true;
	followup_child_gone(sa, old->spi_in);
	if (old->state == CHILD_DELETING)
		return;
	old->state = CHILD_DELETING;
	if (ike_sa_queue(sa, TASK_DELETE_CHILD, old->spi_in, NULL))
		child_sa_destroy(old);
}

/*
 * The peer has no such Child SA (RFC 7296 section 2.25): a new one without it. Or it has not
 * had the answer yet by which it has it: then it is asked once more, later.
 */
static void not_found(struct ike_sa *sa, struct child_sa *old)
{
	const struct child_conf *conf;

	/* It has deleted it, or replaced it. */
	if (!old || old->state != CHILD_INSTALLED)
		return;
	if (old->unproven) {
		old->unproven = false;
		return;
	}
	conf = child_conf_get(old->conf);
	child_sa_destroy(old);
	ike_sa_queue(sa, TASK_CREATE_CHILD, 0, conf);
	child_conf_put(conf);
}

/* True: the request is on its way once more. */
static bool other_group(struct ike_sa *sa, const struct child_sa *child,
			const struct notify *n)
{
	struct create_child *c = sa->create;
	uint16_t group = n->len == 2 ? get16(n->data) : 0;
	bool offered = false;
	unsigned int i;

	for (i = 0; i < child->conf->proposals.n; i++)
		offered |= proposal_has(&child->conf->proposals.v[i], TRANSFORM_DH, group);
	if (!group || !offered || (c->dh && dh_group(c->dh) == group) ||
	    c->groups >= GROUPS_MAX)
		return false;
	ike_log(sa, LOG_IKE, LVL_CTRL, "the peer wants key exchange %s",
		transform_name(TRANSFORM_DH, group));
	buf_clear(&c->nonce_i);
	return !nonce_new(&c->nonce_i, NONCE_LEN) && !set_group(c, group) && !send_request(sa);
}

/*
 * Is it to be asked for once more, later? Something is in the way that will be over (RFC 7296
 * section 2.25), or the peer has forgotten what was half agreed on (RFC 9370 section 2.2.4).
 */
static bool put_off(struct ike_sa *sa, struct child_sa *child, uint16_t refusal)
{
	if (sa->create->old || child->state != CHILD_CREATED)
		return false;
	if (refusal != TEMPORARY_FAILURE && refusal != STATE_NOT_FOUND)
		return false;
	ike_log(sa, LOG_IKE, LVL_CTRL, "received %s, trying CHILD_SA %s again later",
		ike_notify_name(refusal), child->conf->name);
	child_life_retry(child);
	return true;
}

/*
 * The peer makes no more on this IKE SA: all is set up anew on another one, and no more is
 * asked for on this (RFC 7296 section 4).
 */
static bool no_more(struct ike_sa *sa, const struct child_sa *child, struct child_sa *old,
		    uint16_t refusal)
{
	if (refusal != NO_ADDITIONAL_SAS || !old || old->state != CHILD_INSTALLED)
		return false;
	ike_log(sa, LOG_IKE, LVL_CTRL,
		"failed to rekey CHILD_SA %s: received NO_ADDITIONAL_SAS (%u) notify error, reauthenticating IKE_SA %s[%u] in its place",
		child->conf->name, NO_ADDITIONAL_SAS, sa->log.name, sa->unique_id);
	child_life_not_rekeyed(old);
	ike_life_reauth(sa);
	return true;
}

/* True: the request is on its way once more. */
static bool refused(struct ike_sa *sa, struct child_sa *child, struct child_sa *old,
		    const struct notify *n)
{
	char reason[128];

	if (n->type == INVALID_KE_PAYLOAD && other_group(sa, child, n))
		return true;
	if (put_off(sa, child, n->type))
		return false;
	if (no_more(sa, child, old, n->type)) {
		child_sa_destroy(child);
		return false;
	}
	child_alert_refusal(sa, n->type);
	snprintf(reason, sizeof(reason), "received %s (%u) notify error",
		 ike_notify_name(n->type), n->type);
	failed(sa, child, old, reason);
	child_sa_destroy(child);
	if (sa->create->old && n->type == CHILD_SA_NOT_FOUND)
		not_found(sa, old);
	return false;
}

/* It is not to be: who has it deletes it. */
static void give_up(struct ike_sa *sa, struct child_sa *child, bool peer_has)
{
	if (peer_has)
		delete_new(sa, child);
	else
		child_sa_destroy(child);
}

/* Something else has come in between, or the peer's rekeying is the one that stays. */
static bool is_overtaken(struct ike_sa *sa, struct child_sa *child, struct child_sa *old,
			 bool peer_has)
{
	struct create_child *c = sa->create;
	const struct buf *lower = nonce_lower(&c->nonce_i, &c->nonce_r);

	/* Its DELETE is queued. */
	if (child->state == CHILD_DELETING) {
		failed(sa, child, old, "it was terminated");
		return true;
	}
	if (old && old->state == CHILD_DELETING) {
		give_up(sa, child, peer_has);
		return true;
	}
	if (c->rival.len && nonce_lower(lower, &c->rival) == lower) {
		ike_log(sa, LOG_IKE, LVL_CTRL,
			"CHILD_SA %s was rekeyed by both ends, the peer's is kept",
			child->conf->name);
		give_up(sa, child, peer_has);
		/* It may be half agreed on yet, and come to nothing. */
		if (old && old->state == CHILD_INSTALLED)
			child_life_retry(old);
		return true;
	}
	return false;
}

/* The next additional key exchange. True: its request is on its way. */
static bool follow(struct ike_sa *sa, struct child_sa *child, struct child_sa *old)
{
	struct create_child *c = sa->create;
	struct payload_writer w;
	int err;

	payload_begin(&w, 0);
	err = agreement_put_request(&c->agreement, &c->dh, &w);
	if (!err)
		err = ike_sa_request(sa, c->old ? TASK_REKEY_CHILD : TASK_CREATE_CHILD,
				     IKE_FOLLOWUP_KE, &w);
	buf_clear(&w.buf);
	c->following = !err;
	if (!err)
		return true;
	failed(sa, child, old, "the IKE_FOLLOWUP_KE request could not be sent");
	child_sa_destroy(child);
	return false;
}

/* True: another request is on its way. */
static bool conclude(struct ike_sa *sa, struct child_sa *child, struct child_sa *old,
		     enum child_outcome outcome, const char *reason)
{
	switch (outcome) {
	case CHILD_ACCEPTED:
		if (old)
			replace(sa, old);
		ike_manager_child_up(sa->manager, child);
		break;
	case CHILD_FOLLOWS:
		return follow(sa, child, old);
	case CHILD_REFUSED:
		failed(sa, child, old, reason);
		child_sa_destroy(child);
		break;
	case CHILD_UNWANTED:
		failed(sa, child, old, reason);
		delete_new(sa, child);
		break;
	}
	return false;
}

static struct child_keying own_keying(const struct ike_sa *sa, const struct ke_secret *secret)
{
	struct create_child *c = sa->create;
	struct child_keying k = keying(sa, &c->nonce_i, &c->nonce_r, c->dh, &c->agreement);

	k.secret = secret;
	return k;
}

/* True: another request is on its way. */
static bool accepted(struct ike_sa *sa, struct child_sa *child, struct child_sa *old,
		     const struct payload_chain *chain, const struct ke_secret *secret)
{
	const struct payload *nonce = payload_only(chain, PAYLOAD_NONCE);
	const struct child_keying k = own_keying(sa, secret);
	char reason[128];
	struct notify n;

	if (!nonce || buf_set(&sa->create->nonce_r, nonce->body, nonce->len)) {
		failed(sa, child, old, "the answer lacks a Nonce");
		delete_new(sa, child);
		return false;
	}
	if (is_overtaken(sa, child, old, notify_find(&n, chain, ADDITIONAL_KEY_EXCHANGE)))
		return false;
	return conclude(sa, child, old,
			child_accept(child, chain, &k, old, reason, sizeof(reason)), reason);
}

/* The response of IKE_FOLLOWUP_KE. True: another request is on its way. */
static bool followed(struct ike_sa *sa, struct child_sa *child, struct child_sa *old,
		     const struct payload_chain *chain, const struct ke_secret *secret)
{
	const struct payload *ke = payload_only(chain, PAYLOAD_KE);
	struct agreement *agreement = &sa->create->agreement;
	const struct child_keying k = own_keying(sa, secret);
	bool was_last = agreement->done + 1 == agreement->n;
	char reason[128];
	struct notify n;

	if (!ke && notify_error(&n, chain)) {
		if (put_off(sa, child, n.type))
			return false;
		child_alert_refusal(sa, n.type);
		snprintf(reason, sizeof(reason), "received %s (%u) notify error",
			 ike_notify_name(n.type), n.type);
		return conclude(sa, child, old, CHILD_REFUSED, reason);
	}
	if (!ke || agreement_add_next(agreement, secret))
		return conclude(sa, child, old, was_last ? CHILD_UNWANTED : CHILD_REFUSED,
				"its key exchange is not valid");
	if (!was_last && agreement_take_link(agreement, chain))
		return conclude(sa, child, old, CHILD_REFUSED,
				"the answer lacks what its key exchange goes on with");
	if (is_overtaken(sa, child, old, was_last))
		return false;
	if (!was_last)
		return follow(sa, child, old);
	return conclude(sa, child, old, child_finish(child, &k, old, reason, sizeof(reason)),
			reason);
}

/* @secret: of its KE payload; NULL: it has none, or not the one that was asked for. */
static void take_response(struct ike_sa *sa, const struct kernel_message *msg,
			  const struct payload_chain *chain, const struct ke_secret *secret)
{
	struct create_child *c = sa->create;
	struct child_sa *child, *old;
	bool goes_on = false;
	struct notify n;

	(void)msg;
	child = child_sa_by_spi_in(sa, c->spi);
	old = c->old ? child_sa_by_spi_in(sa, c->old) : NULL;
	if (old)
		old->rekeying = false;
	if (!child) {
		/* Nothing takes it away meanwhile; a peer's message is not to rely on that. */
		create_child_end(sa);
		ike_sa_next(sa);
		return;
	}
	if (c->following)
		goes_on = followed(sa, child, old, chain, secret);
	else if (!payload_find(chain, PAYLOAD_SA) && notify_error(&n, chain))
		goes_on = refused(sa, child, old, &n);
	else
		goes_on = accepted(sa, child, old, chain, secret);
	if (goes_on) {
		if (old)
			old->rekeying = true;
		return;
	}
	create_child_end(sa);
	ike_sa_next(sa);
}

void create_child_response(struct ike_sa *sa, const struct kernel_message *msg,
			   const struct payload_chain *chain)
{
	const struct payload *ke = payload_only(chain, PAYLOAD_KE);
	struct create_child *c = sa->create;
	const uint8_t *peer;
	size_t len;

	if (!c) {
		/* The daemon before asked, and its nonce went with it: once more. */
		ike_sa_queue(sa, sa->active.type, sa->active.spi, sa->active.conf);
		ike_sa_next(sa);
		return;
	}
	peer = ke && c->dh ? ke_data(ke, dh_group(c->dh), &len) : NULL;
	if (peer)
		ke_hold_begin(sa, msg, chain, dh_get(c->dh), peer, len, take_response);
	else
		take_response(sa, msg, chain, NULL);
}

/* The peer's requests */

/* What the request is to be refused with at once; 0: nothing. */
static uint16_t check_request(const struct ike_sa *sa, const struct payload_chain *chain)
{
	const struct payload *offer = payload_only(chain, PAYLOAD_SA);
	const struct child_sa *child;
	unsigned int n = 0;

	/* RFC 7296 section 2.25.2: the IKE SA that it were of is about to go. */
	if (sa->state == IKE_DELETING || sa->state == IKE_REKEYED || sa->rekey)
		return TEMPORARY_FAILURE;
	if (sa->state != IKE_ESTABLISHED || !offer || !payload_only(chain, PAYLOAD_NONCE))
		return INVALID_SYNTAX;
	if (!payload_only(chain, PAYLOAD_TSI) || !payload_only(chain, PAYLOAD_TSR))
		return INVALID_SYNTAX;
	for (child = sa->children; child; child = child->next)
		n += child->state != CHILD_DELETED;
	return n < CHILDREN_MAX ? 0 : NO_ADDITIONAL_SAS;
}

/* The Child SA that is to be rekeyed. Returns 0, or what to refuse with. */
static uint16_t find_old(struct ike_sa *sa, const struct notify *rekey, struct child_sa **old)
{
	if (rekey->protocol != PROTO_ESP || rekey->spi_len != ESP_SPI_LEN)
		return CHILD_SA_NOT_FOUND;
	*old = child_sa_by_spi_out(sa, get32(rekey->spi));
	if (!*old)
		return CHILD_SA_NOT_FOUND;
	/* Of ours there is another one already, or none wanted. */
	return (*old)->state == CHILD_DELETING ? TEMPORARY_FAILURE : 0;
}

static void note_rival(struct ike_sa *sa, const struct child_sa *old, const struct buf *nonce_i,
		       const struct buf *nonce_r)
{
	const struct buf *nonce = nonce_lower(nonce_i, nonce_r);
	struct create_child *c = sa->create;

	/* Without memory ours is taken, and the peer's deleted by the peer, or ends. */
	if (c && c->old == old->spi_in)
		buf_set(&c->rival, nonce->data, nonce->len);
}

static void rekeyed(struct child_sa *old)
{
	old->state = CHILD_REKEYED;
	old->replaced = true;
	child_life_wait(old);
}

uint16_t create_child_followed(struct ike_sa *sa, struct followup *f,
			       const struct kernel_message *msg, struct child_sa **made)
{
	const struct child_keying k = keying(sa, &f->nonce_i, &f->nonce_r, NULL, &f->agreement);
	struct child_sa *child = child_sa_by_spi_in(sa, f->spi);
	struct child_sa *old = f->old ? child_sa_by_spi_in(sa, f->old) : NULL;

	if (!child || sa->state != IKE_ESTABLISHED || sa->rekey)
		return TEMPORARY_FAILURE;
	if (f->old && (!old || old->state == CHILD_DELETING || old->state == CHILD_DELETED))
		return TEMPORARY_FAILURE;
	if (child_finish_answer(child, &k, old))
		return TEMPORARY_FAILURE;
	/* The peer does not have our answer yet. */
	child->unproven = true;
	child->made_by = msg->message_id + 1;
	child->made_for = f->old;
	if (old)
		rekeyed(old);
	resume_save(sa);
	*made = child;
	return 0;
}

void create_child_undo(struct ike_sa *sa, const struct kernel_message *msg)
{
	struct child_sa *child, *old;

	for (child = sa->resumed ? sa->children : NULL; child; child = child->next) {
		if (child->made_by != msg->message_id + 1)
			continue;
		old = child->made_for ? child_sa_by_spi_in(sa, child->made_for) : NULL;
		if (old && old->state == CHILD_REKEYED) {
			old->state = CHILD_INSTALLED;
			old->replaced = false;
			child_life_begin(old);
			/* Nothing has come or gone, for who is told of that. */
			child->replaced = true;
		}
		child_sa_destroy(child);
		resume_save(sa);
		return;
	}
}

/* The rest comes in IKE_FOLLOWUP_KE. Without memory it comes to nothing. */
static uint16_t let_follow(struct ike_sa *sa, struct child_sa *child, const struct child_sa *old,
			   struct agreement *agreement, struct buf *nonce_i, struct buf *nonce_r,
			   struct payload_writer *w)
{
	struct followup *f = NULL;

	if (!agreement_put_link(agreement, w))
		f = followup_new(sa, agreement, nonce_i, nonce_r);
	if (!f) {
		child_sa_destroy(child);
		return TEMPORARY_FAILURE;
	}
	f->spi = child->spi_in;
	f->old = old ? old->spi_in : 0;
	if (old)
		note_rival(sa, old, &f->nonce_i, &f->nonce_r);
	return 0;
}

void create_child_alert_kept(const struct ike_sa *sa, uint16_t refusal)
{
	if (refusal != TEMPORARY_FAILURE && refusal != INVALID_KE_PAYLOAD)
		ike_manager_alert(sa->manager, ALERT_KEEP_ON_CHILD_SA_FAILURE, sa);
}

static void answer(struct ike_sa *sa, const struct kernel_message *msg,
		   const struct payload_chain *chain, struct child_sa *old,
		   const struct ke_secret *secret)
{
	const struct payload *nonce = payload_only(chain, PAYLOAD_NONCE);
	struct buf nonce_i = BUF_INIT, nonce_r = BUF_INIT;
	struct agreement agreement = { .n = 0 };
	struct child_keying k = keying(sa, &nonce_i, &nonce_r, NULL, &agreement);
	struct child_sa *child = NULL;
	uint16_t refusal, group = 0;
	struct payload_writer w;
	uint8_t wanted[2];
	bool follows;

	k.secret = secret;
	payload_begin(&w, 0);
	if (buf_set(&nonce_i, nonce->body, nonce->len) || nonce_new(&nonce_r, NONCE_LEN))
		refusal = TEMPORARY_FAILURE;
	else
		refusal = child_answer(sa, chain, &k, old, &child, &group, &w);
	follows = !refusal && !agreement_is_over(&agreement);
	if (follows) {
		refusal = let_follow(sa, child, old, &agreement, &nonce_i, &nonce_r, &w);
		child = NULL;
	}
	if (refusal) {
		ike_log(sa, LOG_IKE, LVL_CTRL, "failed to %s CHILD_SA: %s",
			old ? "rekey" : "establish", ike_notify_name(refusal));
		if (!old)
			create_child_alert_kept(sa, refusal);
		buf_clear(&w.buf);
		payload_begin(&w, 0);
		wanted[0] = group >> 8;
		wanted[1] = group;
		payload_add_notify(&w, PROTO_NONE, NULL, 0, refusal, wanted,
				   refusal == INVALID_KE_PAYLOAD ? sizeof(wanted) : 0);
	} else if (old && !follows) {
		note_rival(sa, old, &nonce_i, &nonce_r);
		rekeyed(old);
	}
	if (child)
		resume_save(sa);
	ike_sa_respond(sa, msg, &w);
	agreement_clear(&agreement);
	buf_clear(&nonce_i);
	buf_clear(&nonce_r);
	if (child)
		ike_manager_child_up(sa->manager, child);
}

static void take_request(struct ike_sa *sa, const struct kernel_message *msg,
			 const struct payload_chain *chain, const struct ke_secret *secret);

/* False: it can be answered without, or not at all. */
static bool hold(struct ike_sa *sa, const struct kernel_message *msg,
		 const struct payload_chain *chain, const struct child_sa *old,
		 uint16_t *refusal)
{
	const uint16_t group = child_answer_group(sa, chain, old);
	const uint8_t *peer;
	struct dh *dh;
	size_t len;

	if (!group)
		return false;
	dh = dh_pool_take_responder(group);
	if (!dh) {
		*refusal = TEMPORARY_FAILURE;
		return false;
	}
	peer = ke_data(payload_only(chain, PAYLOAD_KE), group, &len);
	ke_hold_begin(sa, msg, chain, dh, peer, len, take_request);
	return true;
}

/* @secret: of its KE payload; NULL: none is made yet. */
static void take_request(struct ike_sa *sa, const struct kernel_message *msg,
			 const struct payload_chain *chain, const struct ke_secret *secret)
{
	struct child_sa *old = NULL;
	struct payload_writer w;
	struct notify rekey;
	uint16_t refusal;
	bool is_rekey;

	is_rekey = !notify_find(&rekey, chain, REKEY_SA);
	refusal = check_request(sa, chain);
	if (!refusal && is_rekey)
		refusal = find_old(sa, &rekey, &old);
	if (!refusal && !secret && hold(sa, msg, chain, old, &refusal))
		return;
	if (!refusal) {
		answer(sa, msg, chain, old, secret);
		return;
	}
	ike_log(sa, LOG_IKE, LVL_CTRL, "refusing CREATE_CHILD_SA with %s",
		ike_notify_name(refusal));
	payload_begin(&w, 0);
	if (refusal == CHILD_SA_NOT_FOUND)
		payload_add_notify(&w, rekey.protocol, rekey.spi, rekey.spi_len, refusal,
				   NULL, 0);
	else
		payload_add_notify(&w, PROTO_NONE, NULL, 0, refusal, NULL, 0);
	ike_sa_respond(sa, msg, &w);
}

void create_child_request(struct ike_sa *sa, const struct kernel_message *msg,
			  const struct payload_chain *chain)
{
	if (ike_rekey_is_asked(chain))
		ike_rekey_request(sa, msg, chain);
	else
		take_request(sa, msg, chain, NULL);
}
