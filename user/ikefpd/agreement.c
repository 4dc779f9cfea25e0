// SPDX-License-Identifier: GPL-2.0
/* The key exchanges of one CREATE_CHILD_SA. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "agreement.h"
#include "dh_pool.h"
#include "ke.h"

void agreement_begin(struct agreement *a, const struct proposal *chosen)
{
	agreement_clear(a);
	a->n = proposal_addke(chosen, a->groups);
}

void agreement_clear(struct agreement *a)
{
	buf_clear(&a->first);
	buf_clear(&a->more);
	buf_clear(&a->link);
	a->n = 0;
	a->done = 0;
}

static int add(struct buf *to, struct dh *dh, const struct payload *ke)
{
	uint8_t shared[DH_PUBLIC_MAX];
	const uint8_t *peer;
	size_t len = 0;
	int err;

	peer = ke_data(ke, dh_group(dh), &len);
	err = peer ? dh_shared(dh, peer, len, shared, &len) : -EBADMSG;
	if (!err)
		buf_put(to, shared, len);
	OPENSSL_cleanse(shared, sizeof(shared));
	return err ? err : to->failed ? -ENOMEM : 0;
}

int agreement_add_first(struct agreement *a, struct dh *dh, const struct payload *ke)
{
	return add(&a->first, dh, ke);
}

int agreement_add_next(struct agreement *a, struct dh *dh, const struct payload *ke)
{
	int err = add(&a->more, dh, ke);

	if (!err)
		a->done++;
	return err;
}

static void put_link(const struct agreement *a, struct payload_writer *w)
{
	payload_add_notify(w, PROTO_NONE, NULL, 0, ADDITIONAL_KEY_EXCHANGE, a->link.data,
			   a->link.len);
}

int agreement_put_request(struct agreement *a, struct dh **dh, struct payload_writer *w)
{
	int err;

	dh_free(*dh);
	*dh = dh_pool_take(a->groups[a->done]);
	if (!*dh)
		return -EIO;
	err = ke_put(w, *dh);
	if (!err)
		put_link(a, w);
	return err ? err : w->buf.failed ? -ENOMEM : 0;
}

int agreement_take_link(struct agreement *a, const struct payload_chain *chain)
{
	struct notify n;

	if (notify_find(&n, chain, ADDITIONAL_KEY_EXCHANGE) || !n.len || n.len > LINK_MAX)
		return -EBADMSG;
	return buf_set(&a->link, n.data, n.len);
}

int agreement_put_link(struct agreement *a, struct payload_writer *w)
{
	uint8_t link[LINK_LEN];
	int err;

	if (RAND_bytes(link, sizeof(link)) != 1)
		return -EIO;
	err = buf_set(&a->link, link, sizeof(link));
	if (!err)
		put_link(a, w);
	return err;
}

bool agreement_is_linked(const struct agreement *a, const struct payload_chain *chain)
{
	struct notify n;

	return a->link.len && !notify_find(&n, chain, ADDITIONAL_KEY_EXCHANGE) &&
	       n.len == a->link.len && !CRYPTO_memcmp(n.data, a->link.data, n.len);
}

uint16_t agreement_answer(struct agreement *a, const struct payload_chain *chain,
			  struct payload_writer *w)
{
	const struct payload *ke = payload_only(chain, PAYLOAD_KE);
	const uint16_t group = a->groups[a->done];
	struct dh *dh;
	size_t len;
	int err;

	if (!ke || !ke_data(ke, group, &len))
		return INVALID_SYNTAX;
	dh = dh_pool_take_responder(group);
	if (!dh)
		return TEMPORARY_FAILURE;
	err = agreement_add_next(a, dh, ke);
	if (!err)
		err = ke_put(w, dh);
	dh_free(dh);
	if (!err && !agreement_is_over(a))
		err = agreement_put_link(a, w);
	return !err ? 0 : err == -EBADMSG ? INVALID_SYNTAX : TEMPORARY_FAILURE;
}
