// SPDX-License-Identifier: GPL-2.0
/* Messages of CREATE_CHILD_SA and IKE_FOLLOWUP_KE that are held. */
#include <stdlib.h>

#include <openssl/crypto.h>

#include "dh.h"
#include "dh_job.h"
#include "ike_manager.h"
#include "ike_sa.h"
#include "ke_hold.h"

struct kept {
	struct kernel_message msg;
	struct buf octets;	/* of msg */
};

struct ke_hold {
	struct ike_sa *sa;
	struct dh *dh;
	struct dh_job *job;
	ke_hold_fn fn;
	struct kept held;
	/* The peer has one request and one response on its way: the one that is not held. */
	struct kept next;
	bool has_next;
};

static int keep(struct kept *kept, const struct kernel_message *msg)
{
	kept->msg = *msg;
	if (buf_set(&kept->octets, msg->data, msg->len))
		return -1;
	kept->msg.data = kept->octets.data;
	return 0;
}

static void free_hold(struct ke_hold *h)
{
	dh_job_cancel(&h->job);
	dh_free(h->dh);
	buf_clear(&h->held.octets);
	buf_clear(&h->next.octets);
	free(h);
}

void ke_hold_end(struct ike_sa *sa)
{
	struct ke_hold *h = sa->ke_hold;

	sa->ke_hold = NULL;
	if (h)
		free_hold(h);
}

static void ready(void *arg, int err, const uint8_t *shared, size_t len)
{
	struct ke_hold *h = arg;
	struct ike_manager *m = h->sa->manager;
	const uint64_t spi = ike_sa_spi_local(h->sa);
	const struct kernel_message *msg = &h->held.msg;
	const struct ke_secret secret = { h->dh, err, shared, len };
	struct payload_chain chain;
	struct ike_sa *sa;

	h->sa->ke_hold = NULL;
	/* As it was when it came. */
	payload_parse(&chain, msg->first_payload, msg->data, msg->len);
	h->fn(h->sa, msg, &chain, &secret);
	sa = ike_manager_by_spi(m, spi);
	if (sa && h->has_next) {
		ike_sa_message(sa, &h->next.msg);
		sa = ike_manager_by_spi(m, spi);
	}
	/* What has waited for it. */
	if (sa)
		ike_sa_go_on(sa);
	free_hold(h);
}

static struct ke_hold *new_hold(struct ike_sa *sa, const struct kernel_message *msg)
{
	struct ke_hold *h = sa->ke_hold ? NULL : calloc(1, sizeof(*h));

	if (h && keep(&h->held, msg)) {
		free(h);
		return NULL;
	}
	return h;
}

static void at_once(struct ike_sa *sa, const struct kernel_message *msg,
		    const struct payload_chain *chain, struct dh *dh, const uint8_t *peer,
		    size_t peer_len, ke_hold_fn fn)
{
	uint8_t shared[DH_PUBLIC_MAX];
	struct ke_secret secret = { .dh = dh, .data = shared };

	secret.err = dh_shared(dh, peer, peer_len, shared, &secret.len);
	fn(sa, msg, chain, &secret);
	OPENSSL_cleanse(shared, sizeof(shared));
	dh_free(dh);
}

void ke_hold_begin(struct ike_sa *sa, const struct kernel_message *msg,
		   const struct payload_chain *chain, struct dh *dh, const uint8_t *peer,
		   size_t peer_len, ke_hold_fn fn)
{
	struct ke_hold *h = new_hold(sa, msg);

	if (!h) {
		at_once(sa, msg, chain, dh, peer, peer_len, fn);
		return;
	}
	h->sa = sa;
	h->dh = dh;
	h->fn = fn;
	sa->ke_hold = h;
	dh_job_begin(&h->job, &h->dh, peer, peer_len, ready, h);
}

bool ke_hold_keep(struct ike_sa *sa, const struct kernel_message *msg)
{
	struct ke_hold *h = sa->ke_hold;

	if (!h || h->has_next || keep(&h->next, msg))
		return false;
	h->has_next = true;
	return true;
}

bool ke_hold_is_of_request(const struct ike_sa *sa)
{
	return sa->ke_hold && !(sa->ke_hold->held.msg.flags & IKE_FLAG_RESPONSE);
}
