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

static int add(struct buf *to, const struct ke_secret *secret)
{
	if (!secret || secret->err)
		return secret ? secret->err : -EBADMSG;
	buf_put(to, secret->data, secret->len);
	return to->failed ? -ENOMEM : 0;
}

int agreement_add_first(struct agreement *a, const struct ke_secret *secret)
{
	return add(&a->first, secret);
}

int agreement_add_next(struct agreement *a, const struct ke_secret *secret)
{
	int err = add(&a->more, secret);

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

uint16_t agreement_answer(struct agreement *a, const struct ke_secret *secret,
			  struct payload_writer *w)
{
	int err;

	err = agreement_add_next(a, secret);
	if (!err)
		err = ke_put(w, secret->dh);
	if (!err && !agreement_is_over(a))
		err = agreement_put_link(a, w);
	return !err ? 0 : err == -EBADMSG ? INVALID_SYNTAX : TEMPORARY_FAILURE;
}
