// SPDX-License-Identifier: GPL-2.0
/* SA, TSi and TSr of a Child SA, of both roles. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "child_negotiate.h"
#include "config.h"
#include "kdf.h"

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

/* The connection's ESP proposals; the DH groups are for later exchanges alone. */
static int offered_proposals(const struct child_conf *conf, struct proposal_list *list)
{
	unsigned int i;
	int err;

	err = proposal_list_copy(list, &conf->proposals);
	for (i = 0; !err && i < list->n; i++)
		proposal_strip(&list->v[i], TRANSFORM_DH);
	return err;
}

int child_offer(struct child_sa *child, struct payload_writer *w)
{
	struct proposal_list proposals;
	uint8_t spi[ESP_SPI_LEN];
	int err;

	err = offered_proposals(child->conf, &proposals);
	if (err)
		return err;
	spi_octets(child->spi_in, spi);
	payload_open(w, PAYLOAD_SA);
	proposal_write(&w->buf, proposals.v, proposals.n, spi, sizeof(spi));
	payload_close(w);
	proposal_list_clear(&proposals);

	ts_resolve(&child->local_ts, &child->conf->local_ts, &child->ike_sa->local);
	ts_resolve(&child->remote_ts, &child->conf->remote_ts, &child->ike_sa->remote);
	put_ts(w, PAYLOAD_TSI, &child->local_ts);
	put_ts(w, PAYLOAD_TSR, &child->remote_ts);
	return 0;
}

static int install(struct child_sa *child, const struct ike_handshake *h,
		   bool initiator)
{
	struct child_keys keys;
	int err;

	err = kdf_child_keys(&keys, &h->keys, &child->proposal, h->nonce_i.data,
			     h->nonce_i.len, h->nonce_r.data, h->nonce_r.len);
	if (!err)
		err = child_sa_install(child, &keys, initiator);
	kdf_wipe_child(&keys);
	return err;
}

enum child_outcome child_accept(struct child_sa *child,
				const struct payload_chain *chain,
				const struct ike_handshake *h,
				char *reason, size_t len)
{
	const struct payload *choice = payload_only(chain, PAYLOAD_SA);
	const struct payload *tsi = payload_only(chain, PAYLOAD_TSI);
	const struct payload *tsr = payload_only(chain, PAYLOAD_TSR);
	struct proposal_list offered;
	struct ts_list local, remote;
	struct notify n;
	int err;

	if (!choice && notify_error(&n, chain)) {
		snprintf(reason, len, "received %s (%u) notify error",
			 ike_notify_name(n.type), n.type);
		return CHILD_REFUSED;
	}
	if (!choice || !tsi || !tsr) {
		snprintf(reason, len, "the answer lacks SA, TSi or TSr");
		return choice ? CHILD_UNWANTED : CHILD_REFUSED;
	}
	err = offered_proposals(child->conf, &offered);
	if (!err)
		err = proposal_verify(&offered, PROTO_ESP, choice->body, choice->len,
				      true, &child->proposal);
	proposal_list_clear(&offered);
	if (err) {
		snprintf(reason, len, "the peer chose an ESP proposal that was not offered");
		return CHILD_UNWANTED;
	}
	child->spi_out = get32(child->proposal.spi);
	if (ts_read(&local, tsi->body, tsi->len) || ts_read(&remote, tsr->body, tsr->len) ||
	    !ts_within(&local, &child->local_ts) ||
	    !ts_within(&remote, &child->remote_ts)) {
		snprintf(reason, len, "the peer chose traffic selectors that were not offered");
		return CHILD_UNWANTED;
	}
	child->local_ts = local;
	child->remote_ts = remote;
	err = install(child, h, true);
	if (err) {
		snprintf(reason, len, "it could not be installed: %s", strerror(-err));
		return CHILD_UNWANTED;
	}
	return CHILD_ACCEPTED;
}

/* How much of what the peer wants a child of ours gives: both sides' selectors. */
static unsigned int narrow(const struct ike_sa *sa, const struct child_conf *conf,
			   const struct ts_list *peer_local,
			   const struct ts_list *peer_remote,
			   struct ts_list *local, struct ts_list *remote)
{
	struct ts_list own;
	unsigned int score = 1;

	ts_resolve(&own, &conf->local_ts, &sa->local);
	if (!ts_narrow(local, peer_local, &own))
		return 0;
	score += ts_within(peer_local, &own);
	ts_resolve(&own, &conf->remote_ts, &sa->remote);
	if (!ts_narrow(remote, peer_remote, &own))
		return 0;
	return score + ts_within(peer_remote, &own);
}

/* The child that gives the most; the first of equals. */
static const struct child_conf *choose(const struct ike_sa *sa,
				       const struct ts_list *tsi,
				       const struct ts_list *tsr,
				       struct ts_list *local, struct ts_list *remote)
{
	const struct child_conf *conf, *best = NULL;
	unsigned int score, best_score = 0;
	struct ts_list l, r;

	for (conf = sa->conn->children; conf; conf = conf->next) {
		score = narrow(sa, conf, tsr, tsi, &l, &r);
		if (score <= best_score)
			continue;
		best = conf;
		best_score = score;
		*local = l;
		*remote = r;
	}
	return best;
}

uint16_t child_answer(struct ike_sa *sa, const struct payload_chain *chain,
		      const struct ike_handshake *h, struct child_sa **made,
		      struct payload_writer *w)
{
	const struct payload *offer = payload_find(chain, PAYLOAD_SA);
	const struct payload *tsi = payload_find(chain, PAYLOAD_TSI);
	const struct payload *tsr = payload_find(chain, PAYLOAD_TSR);
	struct ts_list peer_i, peer_r, local, remote;
	const struct child_conf *conf;
	uint8_t spi[ESP_SPI_LEN];
	struct proposal chosen;
	struct child_sa *child;

	if (ts_read(&peer_i, tsi->body, tsi->len) || ts_read(&peer_r, tsr->body, tsr->len))
		return INVALID_SYNTAX;
	conf = choose(sa, &peer_i, &peer_r, &local, &remote);
	if (!conf)
		return TS_UNACCEPTABLE;
	if (proposal_select(&conf->proposals, PROTO_ESP, offer->body, offer->len, true,
			    &chosen))
		return NO_PROPOSAL_CHOSEN;
	child = child_sa_new(sa, conf);
	if (!child)
		return TEMPORARY_FAILURE;
	child->proposal = chosen;
	child->spi_out = get32(chosen.spi);
	child->local_ts = local;
	child->remote_ts = remote;
	if (install(child, h, false)) {
		child_sa_destroy(child);
		return TEMPORARY_FAILURE;
	}
	spi_octets(child->spi_in, spi);
	payload_open(w, PAYLOAD_SA);
	proposal_write(&w->buf, &chosen, 1, spi, sizeof(spi));
	payload_close(w);
	put_ts(w, PAYLOAD_TSI, &remote);
	put_ts(w, PAYLOAD_TSR, &local);
	*made = child;
	return 0;
}
