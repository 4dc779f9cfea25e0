// SPDX-License-Identifier: GPL-2.0
/* SA, TSi and TSr of a Child SA, of both roles. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "child_negotiate.h"
#include "config.h"
#include "ike_manager.h"
#include "kdf.h"
#include "ke.h"

static void put_ts(struct payload_writer *w, uint8_t type, const struct ts_list *list)
{
	payload_open(w, type);
	ts_write(&w->buf, list);
	payload_close(w);
}

static void spi_octets(uint32_t spi, uint8_t out[ESP_SPI_LEN])
{
	out[0] = spi >> 24;
	out[1] = spi >> 16;
	out[2] = spi >> 8;
	out[3] = spi;
}

/* The connection's ESP proposals; the DH groups are for CREATE_CHILD_SA alone. */
static int offered_proposals(const struct child_conf *conf, bool create,
			     struct proposal_list *list)
{
	unsigned int i;
	int err;

	err = proposal_list_copy(list, &conf->proposals);
	for (i = 0; !err && !create && i < list->n; i++)
		proposal_strip_ke(&list->v[i]);
	return err;
}

/* Transport mode has no addresses but those of the IKE SA. */
static bool is_host_to_host(const struct ike_sa *sa, const struct ts_list *local,
			    const struct ts_list *remote)
{
	return ts_of_host(local, &sa->local) && ts_of_host(remote, &sa->remote);
}

/* Of selectors for many hosts those of this one. */
static void keep_host(struct ts_list *list, const struct endpoint *host)
{
	static const struct ts_list dynamic = {
		1, { { .dynamic = true, .end_port = UINT16_MAX } }
	};
	struct ts_list only, both;

	ts_resolve(&only, &dynamic, host);
	if (ts_narrow(&both, list, &only))
		*list = both;
}

static void put_nonce(struct payload_writer *w, const struct buf *nonce)
{
	payload_add(w, PAYLOAD_NONCE, nonce->data, nonce->len);
}

int child_offer(struct child_sa *child, const struct child_keying *keying,
		struct payload_writer *w)
{
	struct proposal_list proposals;
	struct ts_list local, remote;
	uint8_t spi[ESP_SPI_LEN];
	int err;

	err = offered_proposals(child->conf, keying->create, &proposals);
	if (err)
		return err;
	spi_octets(child->spi_in, spi);
	payload_open(w, PAYLOAD_SA);
	proposal_write(&w->buf, proposals.v, proposals.n, spi, sizeof(spi));
	payload_close(w);
	proposal_list_clear(&proposals);
	if (keying->create)
		put_nonce(w, keying->nonce_i);
	if (keying->dh && ke_put(w, keying->dh))
		return -EIO;

	ts_resolve(&local, &child->conf->local_ts, &child->ike_sa->local);
	ts_resolve(&remote, &child->conf->remote_ts, &child->ike_sa->remote);
	if (child->transport && conn_is_for_many(child->ike_sa->conn)) {
		keep_host(&local, &child->ike_sa->local);
		keep_host(&remote, &child->ike_sa->remote);
	}
	err = ts_keep(&child->local_ts, &local) ?: ts_keep(&child->remote_ts, &remote);
	if (err)
		return err;
	/* What is asked for, until the peer has answered. */
	child->transport = child->transport &&
			   is_host_to_host(child->ike_sa, child->local_ts, child->remote_ts);
	if (child->transport)
		payload_add_notify(w, PROTO_NONE, NULL, 0, USE_TRANSPORT_MODE, NULL, 0);
	put_ts(w, PAYLOAD_TSI, child->local_ts);
	put_ts(w, PAYLOAD_TSR, child->remote_ts);
	return 0;
}

void child_alert_refusal(const struct ike_sa *sa, uint16_t refusal)
{
	if (refusal == TS_UNACCEPTABLE)
		ike_manager_alert(sa->manager, ALERT_TS_MISMATCH, sa);
	if (refusal == NO_PROPOSAL_CHOSEN)
		ike_manager_alert(sa->manager, ALERT_PROPOSAL_MISMATCH_CHILD, sa);
}

static bool has_notify(const struct payload_chain *chain, uint16_t type)
{
	struct notify n;

	return !notify_find(&n, chain, type);
}

/*
 * RFC 7296 section 2.23.1: where there is a NAT, the peer has seen other addresses of ours,
 * or of its own, than there are here.
 */
static void undo_nat(const struct ike_sa *sa, struct ts_list *local, struct ts_list *remote)
{
	if (sa->nat_local && ts_of_one_host(local))
		ts_replace_host(local, &sa->local);
	if (sa->nat_remote && ts_of_one_host(remote))
		ts_replace_host(remote, &sa->remote);
}

/* Is what was agreed on less than what one of the ends would have had? */
static bool is_less(const struct ts_list *local, const struct ts_list *than_local,
		    const struct ts_list *remote, const struct ts_list *than_remote)
{
	return !ts_within(than_local, local) || !ts_within(than_remote, remote);
}

/* @agreement: NULL: there was no key exchange. */
static int install(struct child_sa *child, const struct child_keying *keying,
		   const struct agreement *agreement, bool initiator, struct child_sa *old)
{
	struct kdf_secrets secrets = { 0 };
	struct child_keys keys;
	int err;

	if (agreement) {
		secrets.first = agreement->first.data;
		secrets.first_len = agreement->first.len;
		secrets.more = agreement->more.data;
		secrets.more_len = agreement->more.len;
	}
	err = kdf_child_keys(&keys, keying->prf, keying->sk_d, child->proposal, &secrets,
			     keying->nonce_i->data, keying->nonce_i->len, keying->nonce_r->data,
			     keying->nonce_r->len);
	if (!err)
		err = child_sa_install(child, &keys, initiator, old);
	kdf_wipe_child(&keys);
	if (!err && child->narrowed)
		ike_manager_alert(child->ike_sa->manager, ALERT_TS_NARROWED, child->ike_sa);
	return err;
}

enum child_outcome child_finish(struct child_sa *child, const struct child_keying *keying,
				struct child_sa *old, char *reason, size_t len)
{
	int err = install(child, keying, keying->agreement, true, old);

	if (!err)
		return CHILD_ACCEPTED;
	snprintf(reason, len, "it could not be installed: %s", strerror(-err));
	return CHILD_UNWANTED;
}

int child_finish_answer(struct child_sa *child, const struct child_keying *keying,
			struct child_sa *old)
{
	return install(child, keying, keying->agreement, false, old);
}

enum child_outcome child_accept(struct child_sa *child,
				const struct payload_chain *chain,
				const struct child_keying *keying,
				struct child_sa *old, char *reason, size_t len)
{
	const struct payload *choice = payload_only(chain, PAYLOAD_SA);
	const struct payload *tsi = payload_only(chain, PAYLOAD_TSI);
	const struct payload *tsr = payload_only(chain, PAYLOAD_TSR);
	const struct payload *ke = payload_only(chain, PAYLOAD_KE);
	struct proposal_list offered;
	struct ts_list local, remote;
	struct proposal chosen;
	struct notify n;
	uint16_t group;
	int err;

	if (!choice && notify_error(&n, chain)) {
		child_alert_refusal(child->ike_sa, n.type);
		snprintf(reason, len, "received %s (%u) notify error",
			 ike_notify_name(n.type), n.type);
		return CHILD_REFUSED;
	}
	if (!choice || !tsi || !tsr) {
		snprintf(reason, len, "the answer lacks SA, TSi or TSr");
		return choice ? CHILD_UNWANTED : CHILD_REFUSED;
	}
	err = offered_proposals(child->conf, keying->create, &offered);
	if (!err)
		err = proposal_verify(&offered, PROTO_ESP, choice->body, choice->len,
				      !keying->create, &chosen);
	proposal_list_clear(&offered);
	if (!err)
		err = proposal_keep(&child->proposal, &chosen);
	if (err == -ENOMEM) {
		snprintf(reason, len, "out of memory");
		return CHILD_UNWANTED;
	}
	if (err) {
		ike_manager_alert(child->ike_sa->manager, ALERT_PROPOSAL_MISMATCH_CHILD,
				  child->ike_sa);
		snprintf(reason, len, "the peer chose an ESP proposal that was not offered");
		return CHILD_UNWANTED;
	}
	child->spi_out = get32(child->proposal->spi);
	child->no_tfc |= has_notify(chain, ESP_TFC_PADDING_NOT_SUPPORTED);
	if (has_notify(chain, USE_TRANSPORT_MODE) && !child->transport) {
		snprintf(reason, len, "the peer chose transport mode, which was not offered");
		return CHILD_UNWANTED;
	}
	child->transport = has_notify(chain, USE_TRANSPORT_MODE);
	if (child->conf->mode == MODE_TRANSPORT && !child->transport)
		ike_log(child->ike_sa, LOG_CFG, LVL_CTRL,
			"CHILD_SA %s{%u} is to be in tunnel mode: transport mode was not agreed on",
			child->conf->name, child->unique_id);
	if (ts_read(&local, tsi->body, tsi->len) || ts_read(&remote, tsr->body, tsr->len)) {
		snprintf(reason, len, "the answer's traffic selectors are malformed");
		return CHILD_UNWANTED;
	}
	if (child->transport)
		undo_nat(child->ike_sa, &local, &remote);
	if (!ts_within(&local, child->local_ts) ||
	    !ts_within(&remote, child->remote_ts)) {
		ike_manager_alert(child->ike_sa->manager, ALERT_TS_MISMATCH, child->ike_sa);
		snprintf(reason, len, "the peer chose traffic selectors that were not offered");
		return CHILD_UNWANTED;
	}
	child->narrowed = !child->transport &&
			  is_less(&local, child->local_ts, &remote, child->remote_ts);
	if (ts_keep(&child->local_ts, &local) || ts_keep(&child->remote_ts, &remote)) {
		snprintf(reason, len, "out of memory");
		return CHILD_UNWANTED;
	}
	group = proposal_id(child->proposal, TRANSFORM_DH);
	if (group && (!ke || !keying->dh || dh_group(keying->dh) != group)) {
		snprintf(reason, len, "the peer chose another key exchange than it made");
		return CHILD_UNWANTED;
	}
	if (keying->create) {
		agreement_begin(keying->agreement, child->proposal);
		err = group ? agreement_add_first(keying->agreement, keying->secret) : 0;
	}
	if (err) {
		snprintf(reason, len, "its key exchange value is not valid");
		return CHILD_UNWANTED;
	}
	if (keying->create && !agreement_is_over(keying->agreement)) {
		if (!agreement_take_link(keying->agreement, chain))
			return CHILD_FOLLOWS;
		snprintf(reason, len, "the answer lacks what its key exchange goes on with");
		return CHILD_REFUSED;
	}
	return child_finish(child, keying, old, reason, len);
}

/* What a peer asks for, and what of it a child of ours gives it. */
struct wish {
	bool transport;
	struct ts_list local, remote;
};

/* How much of what the peer wants a child of ours gives: both sides' selectors. */
static unsigned int narrow(const struct ike_sa *sa, const struct child_conf *conf,
			   const struct wish *wish, struct wish *given)
{
	struct ts_list own;
	unsigned int score = 1;

	ts_resolve(&own, &conf->local_ts, &sa->local);
	if (!ts_narrow(&given->local, &wish->local, &own))
		return 0;
	score += ts_within(&wish->local, &own);
	ts_resolve(&own, &conf->remote_ts, &sa->remote);
	if (!ts_narrow(&given->remote, &wish->remote, &own))
		return 0;
	return score + ts_within(&wish->remote, &own);
}

/* Transport mode where both want it and it fits, else a tunnel. */
static unsigned int give(const struct ike_sa *sa, const struct child_conf *conf, bool transport,
			 const struct wish *wish, struct wish *given)
{
	struct wish here = *wish;
	unsigned int score;

	given->transport = wish->transport && transport;
	if (given->transport) {
		undo_nat(sa, &here.local, &here.remote);
		score = narrow(sa, conf, &here, given);
		/* The one that wants it, too, before one that is as good. */
		if (score && is_host_to_host(sa, &given->local, &given->remote))
			return 2 * score + 1;
		given->transport = false;
	}
	return 2 * narrow(sa, conf, wish, given);
}

/* The child that gives the most; the first of equals. */
static const struct child_conf *choose(const struct ike_sa *sa, const struct wish *wish,
				       struct wish *given)
{
	const struct child_conf *conf, *best = NULL;
	unsigned int score, best_score = 0;
	struct wish g;

	for (conf = sa->conn->children; conf; conf = conf->next) {
		if (conf->mode == MODE_PASS || conf->mode == MODE_DROP)
			continue;
		score = give(sa, conf, conf->mode == MODE_TRANSPORT, wish, &g);
		if (score <= best_score)
			continue;
		best = conf;
		best_score = score;
		*given = g;
	}
	return best;
}

/* What is to be made of a request. */
struct decision {
	struct wish wish;
	const struct child_conf *conf;
	struct wish given;
	struct proposal chosen;
};

static void log_refusal(const struct ike_sa *sa, const struct payload_chain *chain,
			const struct decision *d, uint16_t refusal)
{
	const struct payload *offer = payload_find(chain, PAYLOAD_SA);
	char first[PROPOSALS_STRLEN], second[PROPOSALS_STRLEN];

	child_alert_refusal(sa, refusal);
	if (refusal == TS_UNACCEPTABLE)
		ike_log(sa, LOG_CFG, LVL_CTRL,
			"no child of '%s' is for the traffic selectors %s === %s", sa->conn->name,
			ts_list_str(&d->wish.local, first, sizeof(first)),
			ts_list_str(&d->wish.remote, second, sizeof(second)));
	if (refusal == NO_PROPOSAL_CHOSEN)
		ike_log(sa, LOG_CFG, LVL_CTRL,
			"no proposal in common for CHILD_SA %s: received %s, configured %s",
			d->conf->name,
			proposal_offer_str(offer->body, offer->len, first, sizeof(first)),
			proposal_list_str(&d->conf->proposals, second, sizeof(second)));
}

/* Returns 0 or the Notify to refuse with. */
static uint16_t decide(const struct ike_sa *sa, const struct payload_chain *chain, bool create,
		       const struct child_sa *old, struct decision *d)
{
	const struct payload *offer = payload_find(chain, PAYLOAD_SA);
	const struct payload *tsi = payload_find(chain, PAYLOAD_TSI);
	const struct payload *tsr = payload_find(chain, PAYLOAD_TSR);
	const struct payload *ke = payload_only(chain, PAYLOAD_KE);
	int err;

	d->wish.transport = has_notify(chain, USE_TRANSPORT_MODE);
	if (ts_read(&d->wish.remote, tsi->body, tsi->len) ||
	    ts_read(&d->wish.local, tsr->body, tsr->len))
		return INVALID_SYNTAX;
	if (old)
		d->conf = give(sa, old->conf, old->transport, &d->wish, &d->given) ? old->conf : NULL;
	else
		d->conf = choose(sa, &d->wish, &d->given);
	if (!d->conf)
		return TS_UNACCEPTABLE;
	if (create)
		err = proposal_select_group(&d->conf->proposals, PROTO_ESP, offer->body,
					    offer->len, ke ? get16(ke->body) : 0, &d->chosen);
	else
		err = proposal_select(&d->conf->proposals, PROTO_ESP, offer->body, offer->len,
				      true, &d->chosen);
	return !err ? 0 : err == -ENOMEM ? TEMPORARY_FAILURE : NO_PROPOSAL_CHOSEN;
}

uint16_t child_answer_group(const struct ike_sa *sa, const struct payload_chain *chain,
			    const struct child_sa *old)
{
	const struct payload *ke = payload_only(chain, PAYLOAD_KE);
	struct decision d;
	uint16_t group;
	size_t len;

	if (!ke || decide(sa, chain, true, old, &d))
		return 0;
	group = proposal_id(&d.chosen, TRANSFORM_DH);
	return group && ke_data(ke, group, &len) ? group : 0;
}

/* In transport mode those of a peer behind a NAT are never what it asked for. */
static bool is_narrowed(const struct ike_sa *sa, const struct decision *d)
{
	const struct ts_list *local = &d->given.local, *remote = &d->given.remote;
	struct ts_list own_local, own_remote;

	ts_resolve(&own_local, &d->conf->local_ts, &sa->local);
	ts_resolve(&own_remote, &d->conf->remote_ts, &sa->remote);
	return !d->given.transport && (is_less(local, &d->wish.local, remote, &d->wish.remote) ||
				       is_less(local, &own_local, remote, &own_remote));
}

static uint16_t negotiate(struct ike_sa *sa, const struct payload_chain *chain,
			  const struct child_keying *keying, const struct child_sa *old,
			  struct child_sa **made)
{
	struct decision d;
	struct child_sa *child;
	uint16_t refusal;

	refusal = decide(sa, chain, keying->create, old, &d);
	if (refusal) {
		log_refusal(sa, chain, &d, refusal);
		return refusal;
	}
	/* The daemon before made it, and died before its answer: the peer asks again. */
	child = sa->resumed ? child_sa_by_spi_out(sa, get32(d.chosen.spi)) : NULL;
	if (child && child != old)
		child_sa_destroy(child);
	child = child_sa_new(sa, d.conf, old);
	if (!child)
		return TEMPORARY_FAILURE;
	if (proposal_keep(&child->proposal, &d.chosen) ||
	    ts_keep(&child->local_ts, &d.given.local) ||
	    ts_keep(&child->remote_ts, &d.given.remote)) {
		child_sa_destroy(child);
		return TEMPORARY_FAILURE;
	}
	child->narrowed = is_narrowed(sa, &d);
	child->spi_out = get32(d.chosen.spi);
	child->transport = d.given.transport;
	child->no_tfc |= has_notify(chain, ESP_TFC_PADDING_NOT_SUPPORTED);
	child->unproven = true;
	*made = child;
	return 0;
}

uint16_t child_answer(struct ike_sa *sa, const struct payload_chain *chain,
		      const struct child_keying *keying, struct child_sa *old,
		      struct child_sa **made, uint16_t *group, struct payload_writer *w)
{
	const struct ke_secret *secret = keying->secret;
	struct child_sa *child = NULL;
	uint8_t spi[ESP_SPI_LEN];
	uint16_t refusal;
	int err = 0;

	refusal = negotiate(sa, chain, keying, old, &child);
	*group = child ? proposal_id(child->proposal, TRANSFORM_DH) : 0;
	if (!refusal && *group && (!secret || dh_group(secret->dh) != *group))
		refusal = INVALID_KE_PAYLOAD;
	if (refusal)
		goto refuse;
	/* A public value that is none is as good as no key exchange at all. */
	if (keying->create) {
		agreement_begin(keying->agreement, child->proposal);
		err = *group ? agreement_add_first(keying->agreement, secret) : 0;
	}
	if (!err && (!keying->create || agreement_is_over(keying->agreement)))
		err = child_finish_answer(child, keying, old);
	if (err) {
		refusal = err == -EBADMSG ? INVALID_SYNTAX : TEMPORARY_FAILURE;
		goto refuse;
	}
	spi_octets(child->spi_in, spi);
	payload_open(w, PAYLOAD_SA);
	proposal_write(&w->buf, child->proposal, 1, spi, sizeof(spi));
	payload_close(w);
	if (keying->create)
		put_nonce(w, keying->nonce_r);
	if (*group && ke_put(w, secret->dh))
		w->buf.failed = true;
	if (child->transport)
		payload_add_notify(w, PROTO_NONE, NULL, 0, USE_TRANSPORT_MODE, NULL, 0);
	put_ts(w, PAYLOAD_TSI, child->remote_ts);
	put_ts(w, PAYLOAD_TSR, child->local_ts);
	*made = child;
	return 0;
refuse:
	child_sa_destroy(child);
	return refusal;
}
