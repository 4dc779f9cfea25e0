// SPDX-License-Identifier: GPL-2.0
/*
 * CREATE_CHILD_SA for an IKE SA.
 *
 * Who answers has the new IKE SA in the place of the old one at once; who has asked deletes
 * the old one once it has the answer. When both ends ask at once, two new ones come of it.
 * What the peer has made has the Child SAs until our answer is there. Of the four nonces the
 * lowest says then which of the two goes, and who made it deletes it; the other end deletes
 * the old one (RFC 7296 sections 2.8.1 and 2.8.2). A peer that has not noticed refuses our
 * request, or deletes the old one before it comes: then it is its one that stays.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "config.h"
#include "dh_pool.h"
#include "followup.h"
#include "ike_inherit.h"
#include "ike_life.h"
#include "ike_manager.h"
#include "ike_rekey.h"
#include "ke.h"
#include "ke_hold.h"
#include "resume.h"
#include "start.h"

#define GROUPS_MAX	3	/* tries with another one, as INVALID_KE_PAYLOAD asks for */
#define REPLACED_MAX	4	/* one after the other, none of which is deleted yet */

struct ike_rekey *ike_rekey_new(void)
{
	struct ike_rekey *r = calloc(1, sizeof(*r));

	if (r)
		r->chosen = &proposal_none;
	return r;
}

/* What there is of a response. */
static void forget_answer(struct ike_rekey *r)
{
	agreement_clear(&r->agreement);
	dh_free(r->next);
	r->next = NULL;
	proposal_drop(&r->chosen);
	buf_clear(&r->nonce_r);
	r->following = false;
}

void ike_rekey_end(struct ike_sa *sa)
{
	struct ike_rekey *r = sa->rekey;

	if (!r)
		return;
	forget_answer(r);
	dh_free(r->dh);
	buf_clear(&r->private);
	buf_clear(&r->nonce_i);
	buf_clear(&r->rival);
	buf_clear(&r->response);
	free(r);
	sa->rekey = NULL;
}

/* What we offer and take: what is configured, or, where nothing is, what there is. */
struct ours {
	struct proposal_list list;
	struct proposal same;
};

static void get_ours(struct ours *ours, const struct ike_sa *sa)
{
	ours->list = sa->conn->proposals;
	if (ours->list.n)
		return;
	proposal_copy(&ours->same, sa->proposal);
	ours->same.number = 0;
	ours->list = (struct proposal_list){ &ours->same, 1 };
}

static bool is_ours(const struct ours *ours, uint16_t group)
{
	unsigned int i;

	for (i = 0; group && i < ours->list.n; i++)
		if (proposal_has(&ours->list.v[i], TRANSFORM_DH, group))
			return true;
	return false;
}

static int new_spi(const struct ike_manager *m, uint64_t *spi)
{
	do {
		if (RAND_bytes((uint8_t *)spi, sizeof(*spi)) != 1)
			return -EIO;
	} while (!*spi || ike_manager_by_spi((struct ike_manager *)m, *spi));
	return 0;
}

static void put_spi(uint8_t octets[IKE_SPI_LEN], uint64_t spi)
{
	unsigned int i;

	for (i = 0; i < IKE_SPI_LEN; i++)
		octets[i] = spi >> (56 - 8 * i);
}

static void put_payloads(struct payload_writer *w, const struct proposal_list *list, uint64_t spi,
			 const struct buf *nonce, const struct dh *dh)
{
	uint8_t octets[IKE_SPI_LEN];

	put_spi(octets, spi);
	payload_open(w, PAYLOAD_SA);
	proposal_write(&w->buf, list->v, list->n, octets, sizeof(octets));
	payload_close(w);
	payload_add(w, PAYLOAD_NONCE, nonce->data, nonce->len);
	if (ke_put(w, dh))
		w->buf.failed = true;
}

/* Nonces and shared secrets of the exchange, with SK_d of the old one, make the keys. */
static int derive(struct ike_keys *keys, const struct ike_sa *old, const struct proposal *chosen,
		  const struct buf *nonce_i, const struct buf *nonce_r,
		  const struct agreement *agreement, uint64_t spi_i, uint64_t spi_r)
{
	const struct kdf_rekeyed from = {
		.prf = proposal_id(old->proposal, TRANSFORM_PRF),
		.sk_d = old->sk_d,
	};
	const struct kdf_secrets secrets = {
		.first = agreement->first.data, .first_len = agreement->first.len,
		.more = agreement->more.data, .more_len = agreement->more.len,
	};

	return kdf_rekeyed_keys(keys, &from, chosen, nonce_i->data, nonce_i->len, nonce_r->data,
				nonce_r->len, &secrets, spi_i, spi_r);
}

/* Requests */

static int send_request(struct ike_sa *sa)
{
	struct ike_rekey *r = sa->rekey;
	struct payload_writer w;
	struct ours ours;
	int err;

	get_ours(&ours, sa);
	payload_begin(&w, 0);
	put_payloads(&w, &ours.list, r->spi, &r->nonce_i, r->dh);
	r->sent = false;
	err = ike_sa_request(sa, TASK_REKEY_IKE, CREATE_CHILD_SA, &w);
	buf_clear(&w.buf);
	if (err)
		return err;
	/* Until the next daemon knows of that the answer has not been heard by this one. */
	r->sent = true;
	resume_save(sa);
	return 0;
}

static int keep_private(struct ike_rekey *r)
{
	uint8_t private[DH_PUBLIC_MAX];
	size_t len;
	int err;

	err = dh_private(r->dh, private, &len) ?: buf_set(&r->private, private, len);
	OPENSSL_cleanse(private, sizeof(private));
	return err;
}

static int set_group(struct ike_rekey *r, uint16_t group)
{
	dh_free(r->dh);
	r->dh = dh_pool_take(group);
	r->groups++;
	return r->dh ? keep_private(r) : -EIO;
}

static int begin(struct ike_sa *sa)
{
	uint16_t group = proposal_id(sa->proposal, TRANSFORM_DH);
	struct ours ours;
	int err;

	sa->rekey = ike_rekey_new();
	if (!sa->rekey)
		return -ENOMEM;
	get_ours(&ours, sa);
	if (!is_ours(&ours, group))
		group = proposal_id(&ours.list.v[0], TRANSFORM_DH);
	err = new_spi(sa->manager, &sa->rekey->spi);
	if (!err)
		err = nonce_new(&sa->rekey->nonce_i, NONCE_LEN);
	if (!err)
		err = set_group(sa->rekey, group);
	return err ? err : send_request(sa);
}

int ike_rekey_start(struct ike_sa *sa)
{
	if (sa->state != IKE_ESTABLISHED)
		return 0;
	ike_log(sa, LOG_IKE, LVL_CTRL, "rekeying IKE_SA %s[%u]", sa->log.name, sa->unique_id);
	if (begin(sa)) {
		ike_rekey_end(sa);
		ike_life_retry(sa);
	}
	return 0;
}

/* Responses */

/* Nothing has come of it; of the peer's, perhaps, something has. */
static void failed(struct ike_sa *sa, const char *reason)
{
	ike_log(sa, LOG_IKE, LVL_CTRL, "failed to rekey IKE_SA %s[%u]: %s", sa->log.name,
		sa->unique_id, reason);
	if (sa->state == IKE_ESTABLISHED)
		ike_life_retry(sa);
}

/* True: the request is on its way once more. */
static bool other_group(struct ike_sa *sa, const struct notify *n)
{
	uint16_t group = n->len == 2 ? get16(n->data) : 0;
	struct ike_rekey *r = sa->rekey;
	struct ours ours;

	get_ours(&ours, sa);
	if (!is_ours(&ours, group) || dh_group(r->dh) == group ||
	    r->groups >= GROUPS_MAX || sa->state != IKE_ESTABLISHED)
		return false;
	ike_log(sa, LOG_IKE, LVL_CTRL, "the peer wants key exchange %s",
		transform_name(TRANSFORM_DH, group));
	buf_clear(&r->nonce_i);
	buf_clear(&r->response);
	return !nonce_new(&r->nonce_i, NONCE_LEN) && !set_group(r, group) && !send_request(sa);
}

/* True: the request is on its way once more. */
static bool refused(struct ike_sa *sa, const struct notify *n)
{
	char reason[128];

	if (n->type == INVALID_KE_PAYLOAD && other_group(sa, n))
		return true;
	/* RFC 7296 section 4: a peer that rekeys nothing. */
	if (n->type == NO_ADDITIONAL_SAS && sa->state == IKE_ESTABLISHED) {
		ike_log(sa, LOG_IKE, LVL_CTRL,
			"failed to rekey IKE_SA %s[%u]: received NO_ADDITIONAL_SAS (%u) notify error, reauthenticating it",
			sa->log.name, sa->unique_id, NO_ADDITIONAL_SAS);
		ike_life_reauth(sa);
		return false;
	}
	snprintf(reason, sizeof(reason), "received %s (%u) notify error",
		 ike_notify_name(n->type), n->type);
	failed(sa, reason);
	return false;
}

/* What the answer says is kept. Returns NULL, or what is wrong with it. */
static const char *take_answer(struct ike_sa *sa, const struct payload_chain *chain,
			       const struct ke_secret *secret)
{
	const struct payload *choice = payload_only(chain, PAYLOAD_SA);
	const struct payload *nonce = payload_only(chain, PAYLOAD_NONCE);
	const struct payload *ke = payload_only(chain, PAYLOAD_KE);
	struct ike_rekey *r = sa->rekey;
	uint16_t group = dh_group(r->dh);
	struct proposal chosen;
	struct ours ours;
	size_t len;

	get_ours(&ours, sa);
	forget_answer(r);
	if (!choice || !ke || !nonce)
		return "the answer lacks SA, KE or Nonce";
	if (proposal_verify(&ours.list, PROTO_IKE, choice->body, choice->len, false, &chosen) ||
	    chosen.spi_len != IKE_SPI_LEN || !get64(chosen.spi))
		return "the peer chose a proposal that was not offered";
	if (!ke_data(ke, group, &len) || proposal_id(&chosen, TRANSFORM_DH) != group)
		return "the peer's key exchange is of another group";
	agreement_begin(&r->agreement, &chosen);
	if (agreement_add_first(&r->agreement, secret))
		return "the peer's key exchange value is not valid";
	r->peer_spi = get64(chosen.spi);
	if (proposal_keep(&r->chosen, &chosen) || buf_set(&r->nonce_r, nonce->body, nonce->len))
		return "out of memory";
	if (!agreement_is_over(&r->agreement) && agreement_take_link(&r->agreement, chain))
		return "the answer lacks what its key exchange goes on with";
	return NULL;
}

/* The new one, or NULL: the peer has done nothing wrong, and has it. */
static struct ike_sa *make(struct ike_sa *sa)
{
	struct ike_rekey *r = sa->rekey;
	struct ike_keys keys;
	const struct ike_rekeyed rekeyed = {
		.initiator = true, .spi_i = r->spi, .spi_r = r->peer_spi,
		.proposal = r->chosen, .keys = &keys,
	};
	struct ike_sa *new = NULL;

	if (!derive(&keys, sa, r->chosen, &r->nonce_i, &r->nonce_r, &r->agreement, r->spi,
		    r->peer_spi))
		new = ike_inherit_new(sa, &rekeyed);
	kdf_wipe_ike(&keys);
	return new;
}

/* What has its place, or NULL. */
static struct ike_sa *successor(const struct ike_sa *sa)
{
	return sa->successor ? ike_manager_by_spi(sa->manager, sa->successor) : NULL;
}

void ike_rekey_pass_on(const struct ike_sa *sa)
{
	struct ike_sa *before = sa->predecessor ?
				ike_manager_by_spi(sa->manager, sa->predecessor) : NULL;
	struct ike_sa *next = successor(sa);

	/* The loser of two is gone: now the old one's turn has come. */
	if (before && before->state == IKE_REKEYED && !before->rekeyed_by_peer && !before->rekey &&
	    before->successor != ike_sa_spi_local(sa))
		ike_life_rival_is_gone(before);
	if (next && next->predecessor == ike_sa_spi_local(sa))
		next->predecessor = sa->predecessor;
	if (before && !before->rekey && sa->successor &&
	    before->successor == ike_sa_spi_local(sa))
		before->successor = sa->successor;
}

struct ike_sa *ike_rekey_rival(const struct ike_sa *sa)
{
	return sa->rekey ? successor(sa) : NULL;
}

/* The one in whose place it is, while that is open; or NULL. */
static struct ike_sa *undecided_of(const struct ike_sa *sa)
{
	struct ike_sa *old = sa->predecessor ?
			     ike_manager_by_spi(sa->manager, sa->predecessor) : NULL;

	return old && ike_rekey_rival(old) == sa ? old : NULL;
}

bool ike_rekey_undecided(const struct ike_sa *sa)
{
	return undecided_of(sa);
}

/* Our rekeying is over: what has waited for that on the peer's new one is asked for. */
static void decided(struct ike_sa *sa)
{
	struct ike_sa *rival = ike_rekey_rival(sa);

	ike_rekey_end(sa);
	if (rival)
		ike_sa_go_on(rival);
	ike_sa_next(sa);
}

/* The peer's new one stays, ours goes. */
static void lose(struct ike_sa *sa, struct ike_sa *new)
{
	ike_log(new, LOG_IKE, LVL_CTRL,
		"IKE_SA %s[%u] was rekeyed by both ends, the peer's is kept", sa->log.name,
		sa->unique_id);
	new->successor = sa->successor;
	ike_manager_terminate_ike(new->manager, new->unique_id, false, NULL);
}

/* Was it terminated meanwhile, it or what the peer has put in its place (rival, if any)? */
static bool is_ending(const struct ike_sa *sa, const struct ike_sa *rival)
{
	return sa->successor ? !rival || rival->state == IKE_DELETING : sa->state == IKE_DELETING;
}

/* Ours is what stays; a new one of the peer's goes, which the peer deletes. */
static void win(struct ike_sa *sa, struct ike_sa *new)
{
	struct ike_sa *rival = successor(sa);
	const bool ending = rival != new && is_ending(sa, rival);

	if (rival == new)
		rival = NULL;
	if (rival)
		ike_log(new, LOG_IKE, LVL_CTRL,
			"IKE_SA %s[%u] was rekeyed by both ends, ours is kept", sa->log.name,
			sa->unique_id);
	ike_inherit(rival ? rival : sa, new);
	sa->successor = ike_sa_spi_local(new);
	sa->rekeyed_by_peer = false;
	/*
	 * By our DELETE of the old one the peer would forget what it has asked for, if our answer
	 * to that is still on its way, and never delete what that has made here. So the peer's
	 * DELETE comes first, which shows that it has the answer.
	 */
	if (rival && !ending && sa->state == IKE_REKEYED)
		ike_life_wait_for_rival(sa);
	/* Without memory it is deleted later. */
	else if (sa->state != IKE_DELETING)
		ike_sa_queue(sa, TASK_DELETE_IKE, 0, NULL);
	if (ending)
		ike_manager_terminate_ike(new->manager, new->unique_id, false, NULL);
	else
		ike_sa_go_on(new);
}

/*
 * What the peer has made of it it can use, and we cannot: all that it may have taken there is
 * set up anew. Ends the SA, and another one.
 */
static void set_up_anew(struct ike_sa *sa, const char *reason)
{
	struct ike_sa *other = successor(sa);
	struct ike_sa *const had = other ? other : sa;
	const struct child_sa *child;

	ike_log(sa, LOG_MGR, LVL_AUDIT, "IKE_SA %s[%u] is set up anew: %s", sa->log.name,
		sa->unique_id, reason);
	for (child = had->children; child && !is_ending(sa, other); child = child->next)
		start_again(had->conn->name, child->conf->name);
	if (other)
		ike_sa_destroy(other, "it is set up anew");
	ike_sa_destroy(sa, "it is set up anew");
}

/* Both ends rekey it, and one of our two nonces is the lowest. */
static bool has_lowest(const struct ike_sa *sa)
{
	const struct ike_rekey *r = sa->rekey;
	const struct buf *lower = nonce_lower(&r->nonce_i, &r->nonce_r);

	return r->rival.len && nonce_lower(lower, &r->rival) == lower;
}

/* All key exchanges are over. False: it has ended. */
static bool conclude(struct ike_sa *sa)
{
	struct ike_sa *new = make(sa);

	if (!new) {
		set_up_anew(sa, "the new IKE SA could not be made");
		return false;
	}
	if (!has_lowest(sa)) {
		win(sa, new);
		return true;
	}
	lose(sa, new);
	/* The peer's may be half agreed on yet, and come to nothing. */
	if (sa->state == IKE_ESTABLISHED)
		ike_life_retry(sa);
	return true;
}

/*
 * The next additional key exchange. False: its request is on its way.
 *
 * With the answer to the last one the peer has the new IKE SA: should this daemon die of that,
 * nobody could make its keys any more. That is what a request without a response says to the
 * next daemon.
 */
static bool follow(struct ike_sa *sa)
{
	struct ike_rekey *r = sa->rekey;
	const bool is_last = r->agreement.done + 1 == r->agreement.n;
	struct payload_writer w;
	int err;

	payload_begin(&w, 0);
	err = agreement_put_request(&r->agreement, &r->next, &w);
	if (is_last) {
		buf_clear(&r->response);
		r->sent = false;
	}
	if (!err)
		err = ike_sa_request(sa, TASK_REKEY_IKE, IKE_FOLLOWUP_KE, &w);
	buf_clear(&w.buf);
	if (!err && is_last) {
		r->sent = true;
		resume_save(sa);
	}
	if (err) {
		failed(sa, "the IKE_FOLLOWUP_KE request could not be sent");
		return true;
	}
	r->following = true;
	return false;
}

/* False: it has ended, or another request is on its way. */
static bool accepted(struct ike_sa *sa, const struct payload_chain *chain,
		     const struct ke_secret *secret)
{
	const char *reason = take_answer(sa, chain, secret);

	if (reason) {
		failed(sa, reason);
		return true;
	}
	if (agreement_is_over(&sa->rekey->agreement))
		return conclude(sa);
	/* The peer has none yet, and will never. */
	if (has_lowest(sa)) {
		ike_log(sa, LOG_IKE, LVL_CTRL,
			"IKE_SA %s[%u] is rekeyed by both ends, the peer's is kept", sa->log.name,
			sa->unique_id);
		/* Which may come to nothing yet. */
		if (sa->state == IKE_ESTABLISHED)
			ike_life_retry(sa);
		return true;
	}
	return follow(sa);
}

/* The response of IKE_FOLLOWUP_KE. False: as accepted(). */
static bool followed(struct ike_sa *sa, const struct payload_chain *chain,
		     const struct ke_secret *secret)
{
	const struct payload *ke = payload_only(chain, PAYLOAD_KE);
	struct ike_rekey *r = sa->rekey;
	char reason[128];
	struct notify n;

	r->following = false;
	if (!ke && notify_error(&n, chain)) {
		snprintf(reason, sizeof(reason), "received %s (%u) notify error",
			 ike_notify_name(n.type), n.type);
		failed(sa, reason);
		return true;
	}
	if (!ke || agreement_add_next(&r->agreement, secret)) {
		failed(sa, "the peer's key exchange is not valid");
		return true;
	}
	if (agreement_is_over(&r->agreement))
		return conclude(sa);
	if (agreement_take_link(&r->agreement, chain)) {
		failed(sa, "the answer lacks what its key exchange goes on with");
		return true;
	}
	return follow(sa);
}

/* @secret: of its KE payload; NULL: it has none, or not the one that was asked for. */
static void take_response(struct ike_sa *sa, const struct kernel_message *msg,
			  const struct payload_chain *chain, const struct ke_secret *secret)
{
	struct notify n;
	bool over;

	(void)msg;
	if (sa->rekey->following)
		over = followed(sa, chain, secret);
	else if (!payload_find(chain, PAYLOAD_SA) && notify_error(&n, chain))
		over = !refused(sa, &n);
	else
		over = accepted(sa, chain, secret);
	if (over)
		decided(sa);
}

static void respond_to(struct ike_sa *sa, const struct kernel_message *msg,
		       const struct payload_chain *chain)
{
	const struct payload *ke = payload_only(chain, PAYLOAD_KE);
	struct dh *dh = sa->rekey->following ? sa->rekey->next : sa->rekey->dh;
	const uint8_t *peer;
	size_t len;

	peer = ke ? ke_data(ke, dh_group(dh), &len) : NULL;
	if (peer)
		ke_hold_begin(sa, msg, chain, dh_get(dh), peer, len, take_response);
	else
		take_response(sa, msg, chain, NULL);
}

/*
 * It comes once. Should this daemon die now, nobody could make the keys of the new IKE SA any
 * more, which the peer has in use already.
 */
void ike_rekey_note_response(struct ike_sa *sa, const struct kernel_message *msg)
{
	struct ike_rekey *r = sa->rekey;

	if (!r)
		return;
	r->sent = true;
	if (msg->exchange == IKE_FOLLOWUP_KE)
		return;
	r->first_payload = msg->first_payload;
	buf_set(&r->response, msg->data, msg->len);
	resume_save(sa);
}

void ike_rekey_response(struct ike_sa *sa, const struct kernel_message *msg,
			const struct payload_chain *chain)
{
	struct ike_rekey *r = sa->rekey;

	if (!r) {
		ike_sa_next(sa);
		return;
	}
	ike_rekey_note_response(sa, msg);
	if (msg->exchange == IKE_FOLLOWUP_KE) {
		if (r->following) {
			respond_to(sa, msg, chain);
		} else if (!r->response.len && payload_find(chain, PAYLOAD_KE)) {
			set_up_anew(sa, "the daemon before died in its rekeying");
		} else {
			failed(sa, "the daemon before died in it");
			decided(sa);
		}
		return;
	}
	respond_to(sa, msg, chain);
}

void ike_rekey_resume(struct ike_sa *sa)
{
	struct ike_rekey *r = sa->rekey;
	struct ike_sa *new = ike_manager_by_spi(sa->manager, r->spi);
	struct ike_manager *m = sa->manager;
	const uint32_t id = sa->unique_id;
	const struct kernel_message msg = {
		.exchange = CREATE_CHILD_SA,
		.flags = IKE_FLAG_RESPONSE,
		.first_payload = r->first_payload,
		.data = r->response.data,
		.len = r->response.len,
	};
	struct payload_chain chain;

	if (!r->sent) {
		decided(sa);
		ike_manager_rekey_ike(m, id);
		return;
	}
	if (!r->response.len) {
		set_up_anew(sa, "the daemon before died of the answer to its rekeying");
		return;
	}
	if (!new) {
		if (payload_parse(&chain, msg.first_payload, msg.data, msg.len) != -EBADMSG) {
			respond_to(sa, &msg, &chain);
			return;
		}
	} else if (new->state != IKE_DELETING) {
		/* It was made, and not much more. */
		win(sa, new);
	}
	decided(sa);
}

/* The peer's requests */

bool ike_rekey_is_asked(const struct payload_chain *chain)
{
	const struct payload *offer = payload_only(chain, PAYLOAD_SA);

	return offer && offer->len > 5 && offer->body[5] == PROTO_IKE;
}

void ike_rekey_undo(struct ike_sa *sa, const struct kernel_message *msg)
{
	struct ike_sa *new;

	if (!sa->resumed || sa->state != IKE_REKEYED || !sa->rekeyed_by_peer ||
	    sa->rekeyed_by != msg->message_id)
		return;
	new = ike_manager_by_spi(sa->manager, sa->successor);
	if (new) {
		ike_inherit_back(new, sa);
		ike_sa_destroy(new, NULL);
		return;
	}
	sa->state = IKE_ESTABLISHED;
	sa->successor = 0;
	ike_manager_index(sa->manager, sa);
	ike_life_resume(sa);
}

static bool makes_or_deletes_child(const struct ike_sa *sa)
{
	switch (sa->active.type) {
	case TASK_CREATE_CHILD:
	case TASK_REKEY_CHILD:
	case TASK_DELETE_CHILD:
	case TASK_DELETE_LOST:
		return true;
	default:
		return false;
	}
}

static bool has_replaced_many(const struct ike_sa *sa)
{
	unsigned int n = 0;

	while (n < REPLACED_MAX && sa->predecessor &&
	       (sa = ike_manager_by_spi(sa->manager, sa->predecessor)))
		n++;
	return n == REPLACED_MAX;
}

/* What the request is to be refused with at once; 0: nothing. */
static uint16_t check_request(const struct ike_sa *sa, const struct payload_chain *chain)
{
	if (sa->state == IKE_DELETING || sa->state == IKE_REKEYED)
		return TEMPORARY_FAILURE;
	if (sa->state != IKE_ESTABLISHED || !payload_only(chain, PAYLOAD_NONCE) ||
	    !payload_only(chain, PAYLOAD_KE))
		return INVALID_SYNTAX;
	/* A peer that deletes none has no more of them than that. */
	return has_replaced_many(sa) ? TEMPORARY_FAILURE : 0;
}

/* Our part of an answer. */
struct answer {
	struct buf nonce_i, nonce_r;
	struct proposal chosen;
	struct agreement agreement;
	uint16_t group;		/* INVALID_KE_PAYLOAD: the one to use */
	uint64_t spi;		/* ours */
};

/* Returns 0, or the Notify to refuse with. */
static uint16_t choose(const struct ike_sa *sa, const struct payload_chain *chain,
		       struct answer *a)
{
	const struct payload *offer = payload_only(chain, PAYLOAD_SA);
	const struct payload *nonce = payload_only(chain, PAYLOAD_NONCE);
	const struct payload *ke = payload_only(chain, PAYLOAD_KE);
	struct ours ours;
	size_t len;

	get_ours(&ours, sa);
	if (proposal_select_group(&ours.list, PROTO_IKE, offer->body, offer->len,
				  ke->len < 2 ? 0 : get16(ke->body), &a->chosen)) {
		ike_manager_alert(sa->manager, ALERT_PROPOSAL_MISMATCH_IKE, sa);
		return NO_PROPOSAL_CHOSEN;
	}
	/* RFC 7296 section 2.10. */
	if (a->chosen.spi_len != IKE_SPI_LEN || !get64(a->chosen.spi) ||
	    nonce->len < prf_len(proposal_id(&a->chosen, TRANSFORM_PRF)) / 2)
		return INVALID_SYNTAX;
	a->group = proposal_id(&a->chosen, TRANSFORM_DH);
	if (!ke_data(ke, a->group, &len))
		return INVALID_KE_PAYLOAD;
	return 0;
}

static uint16_t agree(const struct ike_sa *sa, const struct payload_chain *chain,
		      const struct ke_secret *secret, struct answer *a)
{
	const struct payload *nonce = payload_only(chain, PAYLOAD_NONCE);

	if (buf_set(&a->nonce_i, nonce->body, nonce->len) ||
	    nonce_new(&a->nonce_r, NONCE_LEN) || new_spi(sa->manager, &a->spi))
		return TEMPORARY_FAILURE;
	agreement_begin(&a->agreement, &a->chosen);
	switch (agreement_add_first(&a->agreement, secret)) {
	case 0:
		return 0;
	case -EBADMSG:
		return INVALID_SYNTAX;
	default:
		return TEMPORARY_FAILURE;
	}
}

static void note_rival(struct ike_sa *sa, const struct buf *nonce_i, const struct buf *nonce_r)
{
	const struct buf *lower = nonce_lower(nonce_i, nonce_r);

	/* Without memory ours is the one that stays: the peer takes that for a refusal. */
	if (sa->rekey)
		buf_set(&sa->rekey->rival, lower->data, lower->len);
}

/* The peer's new one takes its place. Returns 0 and *made, or the Notify to refuse with. */
static uint16_t give_way(struct ike_sa *sa, const struct kernel_message *msg,
			 const struct proposal *chosen, const struct buf *nonce_i,
			 const struct buf *nonce_r, const struct agreement *agreement,
			 uint64_t spi_i, uint64_t spi_r, struct ike_sa **made)
{
	struct ike_keys keys;
	const struct ike_rekeyed rekeyed = {
		.spi_i = spi_i, .spi_r = spi_r, .proposal = chosen, .keys = &keys,
	};

	if (!derive(&keys, sa, chosen, nonce_i, nonce_r, agreement, spi_i, spi_r))
		*made = ike_inherit_new(sa, &rekeyed);
	kdf_wipe_ike(&keys);
	if (!*made)
		return TEMPORARY_FAILURE;
	note_rival(sa, nonce_i, nonce_r);
	sa->rekeyed_by_peer = true;
	sa->rekeyed_by = msg->message_id;
	ike_inherit(sa, *made);
	return 0;
}

uint16_t ike_rekey_followed(struct ike_sa *sa, struct followup *f,
			    const struct kernel_message *msg, struct ike_sa **made)
{
	if (sa->state != IKE_ESTABLISHED || has_replaced_many(sa))
		return TEMPORARY_FAILURE;
	if (makes_or_deletes_child(sa)) {
		ike_life_yield(sa);
		return TEMPORARY_FAILURE;
	}
	return give_way(sa, msg, f->chosen, &f->nonce_i, &f->nonce_r, &f->agreement, f->spi_i,
			f->spi_r, made);
}

/* The rest comes in IKE_FOLLOWUP_KE. Without memory it comes to nothing. */
static uint16_t let_follow(struct ike_sa *sa, struct answer *a, struct payload_writer *w)
{
	struct followup *f;

	if (agreement_put_link(&a->agreement, w))
		return TEMPORARY_FAILURE;
	f = followup_new(sa, &a->agreement, &a->nonce_i, &a->nonce_r);
	if (!f)
		return TEMPORARY_FAILURE;
	if (proposal_keep(&f->chosen, &a->chosen)) {
		followup_drop(f);
		return TEMPORARY_FAILURE;
	}
	f->spi_i = get64(a->chosen.spi);
	f->spi_r = a->spi;
	note_rival(sa, &f->nonce_i, &f->nonce_r);
	return 0;
}

static void take_request(struct ike_sa *sa, const struct kernel_message *msg,
			 const struct payload_chain *chain, const struct ke_secret *secret);

/* 0: it is held, or dealt with already. Else the Notify to refuse with. */
static uint16_t hold(struct ike_sa *sa, const struct kernel_message *msg,
		     const struct payload_chain *chain, uint16_t group)
{
	struct dh *dh = dh_pool_take_responder(group);
	const uint8_t *peer;
	size_t len;

	if (!dh)
		return TEMPORARY_FAILURE;
	peer = ke_data(payload_only(chain, PAYLOAD_KE), group, &len);
	ke_hold_begin(sa, msg, chain, dh, peer, len, take_request);
	return 0;
}

/* @secret: of its KE payload; NULL: none is made yet. */
static void answer(struct ike_sa *sa, const struct kernel_message *msg,
		   const struct payload_chain *chain, const struct ke_secret *secret)
{
	struct answer a = { 0 };
	const struct proposal_list list = { &a.chosen, 1 };
	struct ike_sa *new = NULL;
	struct payload_writer w;
	uint16_t refusal;
	uint8_t wanted[2];

	refusal = choose(sa, chain, &a);
	if (!refusal && !secret) {
		refusal = hold(sa, msg, chain, a.group);
		if (!refusal)
			return;
	}
	payload_begin(&w, 0);
	if (!refusal)
		refusal = agree(sa, chain, secret, &a);
	if (!refusal)
		put_payloads(&w, &list, a.spi, &a.nonce_r, secret->dh);
	if (!refusal && agreement_is_over(&a.agreement))
		refusal = give_way(sa, msg, &a.chosen, &a.nonce_i, &a.nonce_r, &a.agreement,
				   get64(a.chosen.spi), a.spi, &new);
	else if (!refusal)
		refusal = let_follow(sa, &a, &w);
	if (refusal) {
		ike_log(sa, LOG_IKE, LVL_CTRL, "failed to rekey IKE_SA %s[%u]: %s", sa->log.name,
			sa->unique_id, ike_notify_name(refusal));
		buf_clear(&w.buf);
		payload_begin(&w, 0);
		wanted[0] = a.group >> 8;
		wanted[1] = a.group;
		payload_add_notify(&w, PROTO_NONE, NULL, 0, refusal, wanted,
				   refusal == INVALID_KE_PAYLOAD ? sizeof(wanted) : 0);
	}
	ike_sa_respond(sa, msg, &w);
	agreement_clear(&a.agreement);
	buf_clear(&a.nonce_i);
	buf_clear(&a.nonce_r);
	if (new && !sa->rekey)
		ike_sa_go_on(new);
}

static void take_request(struct ike_sa *sa, const struct kernel_message *msg,
			 const struct payload_chain *chain, const struct ke_secret *secret)
{
	uint16_t refusal;

	refusal = check_request(sa, chain);
	/* RFC 7296 section 2.25.2: which IKE SA would it belong to? */
	if (!refusal && makes_or_deletes_child(sa)) {
		refusal = TEMPORARY_FAILURE;
		ike_life_yield(sa);
	}
	if (!refusal) {
		answer(sa, msg, chain, secret);
		return;
	}
	ike_log(sa, LOG_IKE, LVL_CTRL, "refusing to rekey IKE_SA %s[%u] with %s", sa->log.name,
		sa->unique_id, ike_notify_name(refusal));
	ike_sa_respond_notify(sa, msg, refusal, NULL, 0);
}

void ike_rekey_request(struct ike_sa *sa, const struct kernel_message *msg,
		       const struct payload_chain *chain)
{
	ike_rekey_undo(sa, msg);
	take_request(sa, msg, chain, NULL);
}

void ike_rekey_deleted(struct ike_sa *sa)
{
	struct ike_sa *old = undecided_of(sa);

	if (!old)
		return;
	buf_clear(&old->rekey->rival);
	ike_inherit_back(sa, old);
	/* It was terminated, under the name that it had just then. */
	if (sa->state == IKE_DELETING && old->state != IKE_DELETING)
		ike_manager_terminate_ike(old->manager, old->unique_id, false, NULL);
}
