// SPDX-License-Identifier: GPL-2.0
/* The IKE_INTERMEDIATE exchange. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "dh_job.h"
#include "dh_pool.h"
#include "ike_auth.h"
#include "ike_hold.h"
#include "ike_intermediate.h"
#include "ike_manager.h"
#include "ike_sa.h"
#include "ke.h"

#define EXCHANGES_MAX	16	/* a peer's that go on for ever are none */
#define SK_HEADER	4	/* the generic header of the SK payload */

void ike_intermediate_clear(struct ike_intermediate *x)
{
	buf_clear(&x->request);
	OPENSSL_cleanse(x, sizeof(*x));
}

void ike_intermediate_put(struct payload_writer *w)
{
	payload_add_notify(w, PROTO_NONE, NULL, 0, INTERMEDIATE_EXCHANGE_SUPPORTED, NULL, 0);
}

bool ike_intermediate_is_supported(const struct payload_chain *chain)
{
	struct notify n;

	return !notify_find(&n, chain, INTERMEDIATE_EXCHANGE_SUPPORTED);
}

/* The key exchange whose turn it is; 0: there is none any more. */
static uint16_t next_group(const struct ike_sa *sa)
{
	uint16_t groups[ADDKE_MAX];
	unsigned int n = proposal_addke(sa->proposal, groups);

	return sa->handshake->intermediate.agreed < n ?
	       groups[sa->handshake->intermediate.agreed] : 0;
}

bool ike_intermediate_is_over(const struct ike_sa *sa)
{
	return !next_group(sa);
}

int ike_intermediate_octets(const struct ike_sa *sa, struct buf *octets)
{
	const struct ike_handshake *h = sa->handshake;

	if (!h->intermediate.exchanges)
		return 0;
	buf_put(octets, h->intermediate.auth_i, h->keys.prf_len);
	buf_put(octets, h->intermediate.auth_r, h->keys.prf_len);
	/* IKE_AUTH's message ID. */
	buf_put32(octets, h->intermediate.exchanges + 1);
	return octets->failed ? -ENOMEM : 0;
}

/* One message, as it is before it is sealed. */
struct plain {
	uint32_t message_id;
	uint8_t flags;
	uint8_t first;
	const uint8_t *data;
	size_t len;
};

/*
 * IntAuth of one end, RFC 9242 section 3.3.2: over the header up to the SK payload's own, as if
 * neither padding, IV and ICV nor fragments were, and over what is in it. The keys are those
 * that the message is sealed with. The kernel keeps no header: of another minor version, or with
 * a critical SK payload, which nobody sends, AUTH would be wrong.
 */
static int authenticate(const struct ike_sa *sa, bool of_initiator, const struct plain *m)
{
	struct ike_intermediate *x = &sa->handshake->intermediate;
	const struct ike_keys *keys = &sa->handshake->keys;
	const struct ike_header header = {
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.next_payload = PAYLOAD_SK,
		.version = IKE_VERSION,
		.exchange = IKE_INTERMEDIATE,
		.flags = m->flags,
		.message_id = m->message_id,
		.length = IKE_HEADER_LEN + SK_HEADER + m->len,
	};
	uint8_t *auth = of_initiator ? x->auth_i : x->auth_r;
	uint8_t octets[IKE_HEADER_LEN + SK_HEADER], out[PRF_MAX];
	const struct prf_input in[] = {
		{ auth, x->exchanges ? keys->prf_len : 0 },
		{ octets, sizeof(octets) },
		{ m->data, m->len },
	};
	int err;

	ike_header_write(octets, &header);
	octets[IKE_HEADER_LEN] = m->first;
	octets[IKE_HEADER_LEN + 1] = 0;
	octets[IKE_HEADER_LEN + 2] = (m->len + SK_HEADER) >> 8;
	octets[IKE_HEADER_LEN + 3] = m->len + SK_HEADER;
	err = prf(keys->prf, of_initiator ? keys->pi : keys->pr, keys->prf_len, in, 3, out);
	if (!err)
		memcpy(auth, out, keys->prf_len);
	OPENSSL_cleanse(out, sizeof(out));
	return err;
}

static struct plain received(const struct kernel_message *msg)
{
	return (struct plain){ msg->message_id, msg->flags, msg->first_payload, msg->data,
			       msg->len };
}

/* All keys anew, out of SK_d and the secret: RFC 9370 section 2.2.2. */
static int derive(struct ike_keys *keys, const struct ike_sa *sa, const uint8_t *shared, size_t len)
{
	const struct ike_handshake *h = sa->handshake;
	const struct kdf_rekeyed before = { h->keys.prf, h->keys.d };
	const struct kdf_secrets secrets = { .first = shared, .first_len = len };

	return kdf_rekeyed_keys(keys, &before, sa->proposal, h->nonce_i.data, h->nonce_i.len,
				h->nonce_r.data, h->nonce_r.len, &secrets, sa->spi_i, sa->spi_r);
}

static int use(struct ike_sa *sa, const struct ike_keys *keys)
{
	int err;

	err = kernel_sa_new_keys(sa->manager->kernel, ike_sa_spi_local(sa), sa->proposal, keys);
	if (!err)
		sa->handshake->keys = *keys;
	return err;
}

/* The initiator */

/* KEi of the next key exchange. */
static int send_request(struct ike_sa *sa, uint16_t group)
{
	struct ike_handshake *h = sa->handshake;
	struct payload_writer w;
	int err;

	dh_free(h->dh);
	h->dh = dh_pool_take(group);
	if (!h->dh)
		return -EIO;
	payload_begin(&w, 0);
	err = ke_put(&w, h->dh);
	if (!err)
		err = w.buf.failed ? -ENOMEM :
				     buf_set(&h->intermediate.request, w.buf.data, w.buf.len);
	h->intermediate.request_first = w.first;
	if (!err)
		err = ike_sa_request(sa, TASK_IKE_INTERMEDIATE, IKE_INTERMEDIATE, &w);
	buf_clear(&w.buf);
	return err;
}

void ike_intermediate_start(struct ike_sa *sa)
{
	uint16_t group = next_group(sa);

	if (!group) {
		ike_auth_start(sa);
		return;
	}
	/* No response of IKE_SA_INIT is looked at any more. */
	sa->active.type = TASK_IKE_INTERMEDIATE;
	if (send_request(sa, group))
		ike_sa_destroy(sa, "the IKE_INTERMEDIATE request could not be sent");
}

/* The shared secret of the response that is held. */
static void response_agreed(void *arg, int err, const uint8_t *shared, size_t len)
{
	struct ike_sa *sa = arg;
	struct ike_handshake *h = sa->handshake;
	struct ike_intermediate *x = &h->intermediate;
	const struct kernel_message msg = h->held;
	struct buf octets = h->held_octets;
	const struct plain request = {
		msg.message_id, IKE_FLAG_INITIATOR, x->request_first, x->request.data,
		x->request.len,
	};
	const struct plain response = received(&msg);
	struct ike_keys keys;
	const char *what = err == -EBADMSG ?
			   "the peer's key exchange value is not valid" :
			   "the keys of IKE_INTERMEDIATE could not be made";

	h->held.data = NULL;
	h->held_octets = (struct buf)BUF_INIT;
	if (!err)
		err = authenticate(sa, true, &request) ?: authenticate(sa, false, &response);
	if (!err)
		err = derive(&keys, sa, shared, len);
	if (!err) {
		x->exchanges++;
		x->agreed++;
		err = use(sa, &keys);
		kdf_wipe_ike(&keys);
	}
	buf_clear(&octets);
	dh_free(h->dh);
	h->dh = NULL;
	if (err)
		ike_sa_destroy(sa, what);
	else
		ike_intermediate_start(sa);
}

void ike_intermediate_response(struct ike_sa *sa, const struct kernel_message *msg,
			       const struct payload_chain *chain)
{
	const struct payload *ke = payload_only(chain, PAYLOAD_KE);
	struct ike_handshake *h = sa->handshake;
	const uint8_t *peer;
	struct notify n;
	size_t len;

	if (!ke && notify_error(&n, chain)) {
		snprintf(h->failure, sizeof(h->failure), "received %s (%u) notify error",
			 ike_notify_name(n.type), n.type);
		ike_log(sa, LOG_IKE, LVL_CTRL, "%s", h->failure);
		ike_sa_destroy(sa, h->failure);
		return;
	}
	peer = ke ? ke_data(ke, next_group(sa), &len) : NULL;
	if (!peer) {
		ike_sa_destroy(sa, "the IKE_INTERMEDIATE response lacks the key exchange asked for");
		return;
	}
	if (ike_hold_keep(sa, msg)) {
		ike_sa_destroy(sa, "the peer's message cannot be held");
		return;
	}
	dh_job_begin(&h->dh_job, &h->dh, peer, len, response_agreed, sa);
}

/* The responder */

/* @shared NULL: of no key exchange. */
static void answer(struct ike_sa *sa, const struct kernel_message *msg, const uint8_t *shared,
		   size_t len)
{
	struct ike_handshake *h = sa->handshake;
	const struct plain request = received(msg);
	struct plain response = { msg->message_id, IKE_FLAG_RESPONSE, 0, NULL, 0 };
	struct payload_writer w;
	struct ike_keys keys;
	int err;

	payload_begin(&w, 0);
	err = shared ? ke_put(&w, h->dh) : 0;
	if (!err && w.buf.failed)
		err = -ENOMEM;
	response.first = w.first;
	response.data = w.buf.data;
	response.len = w.buf.len;
	if (!err)
		err = authenticate(sa, true, &request) ?: authenticate(sa, false, &response);
	if (!err && shared)
		err = derive(&keys, sa, shared, len);
	if (err) {
		buf_clear(&w.buf);
		ike_sa_destroy(sa, "IKE_INTERMEDIATE could not be answered");
		return;
	}
	h->intermediate.exchanges++;
	/* By the keys that the request came under; the next one may come at once. */
	ike_sa_respond(sa, msg, &w);
	if (!shared)
		return;
	err = use(sa, &keys);
	kdf_wipe_ike(&keys);
	h->intermediate.agreed++;
	dh_free(h->dh);
	h->dh = NULL;
	if (err)
		ike_sa_destroy(sa, "the keys of IKE_INTERMEDIATE could not be made");
}

static void refuse(struct ike_sa *sa, const struct kernel_message *msg, const char *reason)
{
	ike_log(sa, LOG_IKE, LVL_CTRL, "refusing IKE_INTERMEDIATE: %s", reason);
	ike_sa_respond_notify(sa, msg, INVALID_SYNTAX, NULL, 0);
	ike_sa_destroy(sa, reason);
}

/* The shared secret of the request that is held. */
static void request_agreed(void *arg, int err, const uint8_t *shared, size_t len)
{
	struct ike_sa *sa = arg;
	struct ike_handshake *h = sa->handshake;
	const struct kernel_message msg = h->held;
	struct buf octets = h->held_octets;

	h->held.data = NULL;
	h->held_octets = (struct buf)BUF_INIT;
	if (err)
		refuse(sa, &msg, "the peer's key exchange value is not valid");
	else
		answer(sa, &msg, shared, len);
	buf_clear(&octets);
}

void ike_intermediate_request(struct ike_sa *sa, const struct kernel_message *msg,
			      const struct payload_chain *chain)
{
	const struct payload *ke = payload_find(chain, PAYLOAD_KE);
	struct ike_handshake *h = sa->handshake;
	const uint8_t *peer;
	uint16_t group;
	size_t len;

	if (sa->state != IKE_CONNECTING || sa->initiator) {
		ike_sa_respond_notify(sa, msg, INVALID_SYNTAX, NULL, 0);
		return;
	}
	/* The kernel gives no other one up before this one is answered. */
	if (h->held.data)
		return;
	/* It may have come from and to 4500: RFC 7296 section 2.23. */
	sa->local = msg->local;
	sa->remote = msg->remote;
	if (h->intermediate.exchanges == EXCHANGES_MAX) {
		refuse(sa, msg, "the peer does not go on with IKE_AUTH");
		return;
	}
	if (!ke) {
		answer(sa, msg, NULL, 0);
		return;
	}
	group = next_group(sa);
	peer = group && payload_only(chain, PAYLOAD_KE) ? ke_data(ke, group, &len) : NULL;
	if (!peer) {
		refuse(sa, msg, "its key exchange is not the one that was agreed on");
		return;
	}
	dh_free(h->dh);
	h->dh = dh_pool_take_responder(group);
	if (!h->dh || ike_hold_keep(sa, msg)) {
		refuse(sa, msg, "there is no memory for its key exchange");
		return;
	}
	dh_job_begin(&h->dh_job, &h->dh, peer, len, request_agreed, sa);
}
