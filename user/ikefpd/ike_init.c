// SPDX-License-Identifier: GPL-2.0
/* The IKE_SA_INIT exchange, of both roles. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "config.h"
#include "dh_job.h"
#include "dh_pool.h"
#include "ike_auth.h"
#include "ike_init.h"
#include "ike_manager.h"
#include "ike_ppk.h"
#include "ke.h"
#include "nat.h"
#include "secrets.h"
#include "stream.h"

#define NOTIFY_LEN	8	/* of one without data */
#define COOKIE_MAX	64	/* RFC 7296 section 2.6 */
#define FRAGMENT_SIZE_V4 576	/* what any path carries, RFC 7383 section 2.5.1 */
#define FRAGMENT_SIZE_V6 1280
#define RESTARTS_MAX	5	/* by COOKIE and INVALID_KE_PAYLOAD, which anyone can send */

/* RFC 7383 section 2.3. */
static void put_fragmentation(struct payload_writer *w)
{
	payload_add_notify(w, PROTO_NONE, NULL, 0, IKEV2_FRAGMENTATION_SUPPORTED, NULL, 0);
}

static bool has_fragmentation(const struct payload_chain *chain)
{
	struct notify n;

	return !notify_find(&n, chain, IKEV2_FRAGMENTATION_SUPPORTED);
}

/* With the endpoints that the handshake moves to. */
static int push_keys(const struct ike_sa *sa)
{
	uint32_t size = sa->manager->config->fragment_size;

	if (!size)
		size = sa->local.family == AF_INET ? FRAGMENT_SIZE_V4 : FRAGMENT_SIZE_V6;
	/* By TCP none is needed: RFC 9329 section 9.3. */
	if (sa->fragmentation == FRAGMENTATION_ACCEPT || sa->local.stream)
		size = 0;
	return kernel_sa_keys(sa->manager->kernel, ike_sa_spi_local(sa), ike_sa_spi_remote(sa),
			      &sa->local, &sa->remote, sa->proposal, &sa->handshake->keys,
			      sa->fragmentation != FRAGMENTATION_NO && sa->peer_fragmentation ?
			      &size : NULL);
}

/* Fills in the header of a message whose payloads are written. */
static int finish(struct payload_writer *w, uint64_t spi_i, uint64_t spi_r,
		  uint8_t flags)
{
	const struct ike_header h = {
		.spi_i = spi_i,
		.spi_r = spi_r,
		.next_payload = w->first,
		.version = IKE_VERSION,
		.exchange = IKE_SA_INIT,
		.flags = flags,
		.length = w->buf.len,
	};

	if (w->buf.failed)
		return -ENOMEM;
	ike_header_write(w->buf.data, &h);
	return 0;
}

/* A whole message, header included. */
static void note_raw(const struct ike_sa *sa, enum message_kind kind, uint8_t first,
		    const uint8_t *data, size_t len)
{
	ike_sa_note_message(sa, kind, IKE_SA_INIT, first, data + IKE_HEADER_LEN,
			   len - IKE_HEADER_LEN);
}

int ike_init_send(struct ike_sa *sa)
{
	struct ike_handshake *h = sa->handshake;
	struct payload_writer w;
	int err;

	payload_begin(&w, IKE_HEADER_LEN);
	if (h->cookie.len)
		payload_add_notify(&w, PROTO_NONE, NULL, 0, COOKIE, h->cookie.data,
				   h->cookie.len);
	payload_open(&w, PAYLOAD_SA);
	proposal_write(&w.buf, sa->conn->proposals.v, sa->conn->proposals.n, NULL, 0);
	payload_close(&w);
	err = ke_put(&w, h->dh);
	if (err)
		goto out;
	payload_add(&w, PAYLOAD_NONCE, h->nonce_i.data, h->nonce_i.len);
	err = nat_add_notifies(&w, sa->spi_i, 0, &sa->local, &sa->remote, sa->nat_fake);
	if (sa->fragmentation != FRAGMENTATION_NO)
		put_fragmentation(&w);
	ike_put_hashes(&w, HASHES_ALL);
	if (proposal_list_has_addke(&sa->conn->proposals))
		ike_intermediate_put(&w);
	if (ike_ppk_is_wanted(sa->conn))
		ike_ppk_put_use(&w);
	if (!err)
		err = finish(&w, sa->spi_i, 0, IKE_FLAG_INITIATOR);
	if (!err)
		err = buf_set(&h->request, w.buf.data, w.buf.len);
	if (err)
		goto out;
	note_raw(sa, REQUEST_OUT, w.first, w.buf.data, w.buf.len);
	h->given_up = false;
	err = kernel_sa_send_raw(sa->manager->kernel, sa->spi_i, w.buf.data, w.buf.len);
out:
	buf_clear(&w.buf);
	return err;
}

static int set_key(struct ike_handshake *h, struct dh *dh, uint16_t group)
{
	if (!dh)
		return -EIO;
	dh_free(h->dh);
	h->dh = dh;
	h->group = group;
	return 0;
}

int ike_init_new_key(struct ike_handshake *h, uint16_t group)
{
	return set_key(h, dh_pool_take(group), group);
}

static void init_failed(struct ike_sa *sa, const char *what)
{
	struct ike_handshake *h = sa->handshake;

	snprintf(h->failure, sizeof(h->failure), "%s", what);
	ike_log(sa, LOG_IKE, LVL_CTRL, "IKE_SA_INIT response ignored: %s", what);
}

/* RFC 7296 section 1.2: the responder wants another group of our proposals. */
static void invalid_ke(struct ike_sa *sa, const struct notify *n)
{
	struct ike_handshake *h = sa->handshake;
	uint16_t group = n->len == 2 ? get16(n->data) : 0;
	bool offered = false;
	unsigned int i;

	for (i = 0; i < sa->conn->proposals.n; i++)
		offered |= proposal_has(&sa->conn->proposals.v[i], TRANSFORM_DH, group);
	if (!group || !offered) {
		init_failed(sa, "INVALID_KE_PAYLOAD asks for a group that was not offered");
		return;
	}
	if (group == h->group)
		return;
	if (h->restarts++ >= RESTARTS_MAX) {
		init_failed(sa, "too many COOKIE and INVALID_KE_PAYLOAD answers");
		return;
	}
	ike_log(sa, LOG_IKE, LVL_CTRL, "the peer wants key exchange %s instead of %s",
		transform_name(TRANSFORM_DH, group),
		transform_name(TRANSFORM_DH, h->group));
	if (ike_init_new_key(h, group) || ike_init_send(sa))
		ike_sa_destroy(sa, "the IKE_SA_INIT request could not be sent");
}

static void cookie(struct ike_sa *sa, const struct notify *n)
{
	struct ike_handshake *h = sa->handshake;

	if (!n->len || n->len > COOKIE_MAX) {
		init_failed(sa, "a COOKIE that is not 1 to 64 octets long");
		return;
	}
	if (h->cookie.len == n->len && !memcmp(h->cookie.data, n->data, n->len))
		return;
	if (h->restarts++ >= RESTARTS_MAX) {
		init_failed(sa, "too many COOKIE and INVALID_KE_PAYLOAD answers");
		return;
	}
	ike_log(sa, LOG_IKE, LVL_CTRL, "the peer wants a COOKIE back");
	if (buf_set(&h->cookie, n->data, n->len) || ike_init_send(sa))
		ike_sa_destroy(sa, "the IKE_SA_INIT request could not be sent");
}

/* All keys. */
static int derive(struct ike_handshake *h, const struct proposal *chosen,
		  const uint8_t *shared, size_t len, uint64_t spi_i, uint64_t spi_r)
{
	return kdf_ike_keys(&h->keys, chosen, h->nonce_i.data, h->nonce_i.len,
			    h->nonce_r.data, h->nonce_r.len, shared, len, spi_i, spi_r);
}

/* A NAT in the way, or one pretended, moves both ends to 4500. */
static void choose_ports(struct ike_sa *sa)
{
	if (sa->local.stream || (!sa->nat_local && !sa->nat_remote && !sa->nat_fake))
		return;
	ike_log(sa, LOG_IKE, LVL_CTRL, "%s, using UDP port %u",
		sa->nat_local ? "local host is behind NAT" :
		sa->nat_remote ? "remote host is behind NAT" : "faking NAT situation",
		IKE_NATT_PORT);
	sa->local.port = IKE_NATT_PORT;
	if (sa->remote.port == IKE_PORT)
		sa->remote.port = IKE_NATT_PORT;
}

static void log_proposal(const struct ike_sa *sa)
{
	char text[256];

	ike_log(sa, LOG_CFG, LVL_CTRL, "selected proposal: IKE:%s",
		proposal_str(sa->proposal, text, sizeof(text)));
}

/* RFC 6023: only with a peer that says that it allows it. False: nothing comes of this one. */
static bool choose_childless(struct ike_sa *sa, const struct payload_chain *chain)
{
	const enum childless policy = sa->conn->childless;
	struct notify n;
	bool allowed = !notify_find(&n, chain, CHILDLESS_IKEV2_SUPPORTED);

	sa->childless = !sa->handshake->child_conf || policy == CHILDLESS_FORCE ||
			(policy == CHILDLESS_PREFER && allowed);
	return allowed || !sa->childless;
}

/* What a good response says. */
struct response {
	struct proposal chosen;
	const struct payload *nonce;
	const uint8_t *peer;	/* its public value */
	size_t peer_len;
};

static bool read_response(struct ike_sa *sa, const struct kernel_message *msg,
			  const struct payload_chain *chain, struct response *r)
{
	const struct payload *proposals = payload_only(chain, PAYLOAD_SA);
	const struct payload *ke = payload_only(chain, PAYLOAD_KE);
	const struct payload *nonce = payload_only(chain, PAYLOAD_NONCE);
	struct ike_handshake *h = sa->handshake;
	uint16_t groups[ADDKE_MAX];
	struct notify n;

	if (!msg->spi_r || !proposals || !ke || !nonce) {
		init_failed(sa, "it lacks an SPI, SA, KE or Nonce");
		return false;
	}
	if (proposal_verify(&sa->conn->proposals, PROTO_IKE, proposals->body,
			    proposals->len, false, &r->chosen)) {
		init_failed(sa, "the peer chose a proposal that was not offered");
		return false;
	}
	r->nonce = nonce;
	r->peer = ke_data(ke, h->group, &r->peer_len);
	if (!r->peer || proposal_id(&r->chosen, TRANSFORM_DH) != h->group) {
		init_failed(sa, "its key exchange is of another group");
		return false;
	}
	h->intermediate.supported = ike_intermediate_is_supported(chain);
	if (proposal_addke(&r->chosen, groups) && !h->intermediate.supported) {
		init_failed(sa, "it has additional key exchanges, but no IKE_INTERMEDIATE");
		return false;
	}
	if (!choose_childless(sa, chain)) {
		init_failed(sa, "the peer does not allow IKE SAs without a Child SA (RFC 6023)");
		return false;
	}
	h->peer_ppk = !notify_find(&n, chain, USE_PPK);
	if (!h->peer_ppk && sa->conn->ppk_required && ike_ppk_is_wanted(sa->conn)) {
		init_failed(sa, "PPK required but peer does not support PPK");
		return false;
	}
	return true;
}

/* False: it is ignored, and the SA is as before. */
static bool take_response(struct ike_sa *sa, const struct kernel_message *msg,
			  const struct payload_chain *chain, const uint8_t *shared, size_t len)
{
	struct ike_handshake *h = sa->handshake;
	struct response r;
	struct nat_result nat;
	int err;

	if (!read_response(sa, msg, chain, &r))
		return false;
	if (buf_set(&h->nonce_r, r.nonce->body, r.nonce->len) ||
	    derive(h, &r.chosen, shared, len, sa->spi_i, msg->spi_r)) {
		init_failed(sa, "its keys cannot be derived");
		return false;
	}
	if (nat_detect(&nat, chain, sa->spi_i, msg->spi_r, &msg->local, &msg->remote)) {
		init_failed(sa, "NAT detection failed in libcrypto");
		return false;
	}
	if (proposal_keep(&sa->proposal, &r.chosen)) {
		init_failed(sa, "out of memory");
		return false;
	}
	/* From here on the answer counts as the good one. */
	sa->spi_r = msg->spi_r;
	log_proposal(sa);
	sa->nat_local = nat.nat_local;
	sa->nat_remote = nat.nat_remote;
	if (!nat.supported)
		sa->nat_fake = false;
	sa->peer_fragmentation = has_fragmentation(chain);
	/* It was about to be tried by TCP. */
	if (!sa->local.stream)
		stream_leave(sa);
	ike_certs_clear(&h->certs);
	choose_ports(sa);
	dh_free(h->dh);
	h->dh = NULL;
	h->failure[0] = '\0';
	h->mismatch = false;
	err = buf_set(&h->response, msg->data, msg->len);
	if (!err)
		err = ike_certs_take(&h->certs, chain);
	if (!err)
		err = push_keys(sa);
	if (err)
		ike_sa_destroy(sa, "the IKE_AUTH request could not be sent");
	else
		ike_intermediate_start(sa);
	return true;
}

/* One of those that came meanwhile may be the good one. May end the SA. */
static void take_others(struct ike_sa *sa)
{
	struct ike_manager *m = sa->manager;
	const uint64_t spi = sa->spi_i;

	while (sa && sa->active.type == TASK_IKE_INIT && !sa->handshake->dh_job) {
		struct ike_handshake *h = sa->handshake;
		struct held_response other;

		if (!h->n_others) {
			if (h->given_up)
				ike_sa_timeout(sa, IKE_SA_INIT);
			return;
		}
		other = h->others[0];
		memmove(h->others, h->others + 1, --h->n_others * sizeof(other));
		ike_init_response(sa, &other.msg);
		buf_clear(&other.octets);
		sa = ike_manager_by_spi(m, spi);
	}
}

static void keep_other(struct ike_handshake *h, const struct kernel_message *msg)
{
	struct held_response *other = &h->others[h->n_others];

	if (h->n_others == OTHERS_MAX)
		return;
	*other = (struct held_response){ .msg = *msg };
	if (buf_set(&other->octets, msg->data, msg->len))
		return;
	other->msg.data = other->octets.data;
	h->n_others++;
}

/* The shared secret of the response that is held. */
static void response_agreed(void *arg, int err, const uint8_t *shared, size_t len)
{
	struct ike_sa *sa = arg;
	struct ike_handshake *h = sa->handshake;
	struct kernel_message msg = h->held;
	struct buf octets = h->held_octets;
	struct payload_chain chain;
	struct ike_header header;
	bool taken = false;

	h->held.data = NULL;
	h->held_octets = (struct buf)BUF_INIT;
	if (!err)
		err = ike_header_read(&header, msg.data, msg.len);
	if (err || payload_parse(&chain, header.next_payload, msg.data + IKE_HEADER_LEN,
				 msg.len - IKE_HEADER_LEN) == -EBADMSG)
		init_failed(sa, "its key exchange value is not valid");
	else
		taken = take_response(sa, &msg, &chain, shared, len);
	buf_clear(&octets);
	if (!taken)
		take_others(sa);
}

static void good_response(struct ike_sa *sa, const struct kernel_message *msg,
			  const struct payload_chain *chain)
{
	struct ike_handshake *h = sa->handshake;
	struct response r;

	if (!read_response(sa, msg, chain, &r))
		return;
	if (buf_set(&h->held_octets, msg->data, msg->len)) {
		init_failed(sa, "out of memory");
		return;
	}
	h->held = *msg;
	h->held.data = h->held_octets.data;
	dh_job_begin(&h->dh_job, &h->dh, r.peer, r.peer_len, response_agreed, sa);
}

/*
 * Nobody has authenticated this, so whatever is wrong with it is logged, kept as
 * the reason in case nothing better comes, and ignored: the request goes on being
 * sent (RFC 7296 section 2.21.1).
 */
void ike_init_response(struct ike_sa *sa, const struct kernel_message *msg)
{
	struct payload_chain chain;
	struct ike_header header;
	struct notify n;
	char text[96];

	if (sa->active.type != TASK_IKE_INIT)
		return;
	if (sa->handshake->dh_job) {
		keep_other(sa->handshake, msg);
		return;
	}
	if (ike_header_read(&header, msg->data, msg->len) ||
	    header.exchange != IKE_SA_INIT || header.message_id != 0 ||
	    header.spi_i != sa->spi_i ||
	    payload_parse(&chain, header.next_payload, msg->data + IKE_HEADER_LEN,
			  msg->len - IKE_HEADER_LEN) == -EBADMSG) {
		init_failed(sa, "it is malformed");
		return;
	}
	note_raw(sa, RESPONSE_IN, header.next_payload, msg->data, msg->len);
	if (!notify_find(&n, &chain, COOKIE)) {
		cookie(sa, &n);
	} else if (!notify_find(&n, &chain, INVALID_KE_PAYLOAD)) {
		invalid_ke(sa, &n);
	} else if (notify_error(&n, &chain)) {
		snprintf(text, sizeof(text), "received %s (%u) notify error",
			 ike_notify_name(n.type), n.type);
		sa->handshake->mismatch |= n.type == NO_PROPOSAL_CHOSEN;
		init_failed(sa, text);
	} else {
		good_response(sa, msg, &chain);
	}
}

/*
 * Nobody knows yet who sent a request of IKE_SA_INIT: an answer that is longer would
 * make of us a means to flood somebody else.
 */
static bool longer(const struct buf *answer, const struct kernel_message *msg)
{
	if (answer->failed || answer->len <= msg->len)
		return false;
	log_msg(LOG_IKE, LVL_CTRL, "no answer: it would be longer than the request (%zu octets, %zu)",
		answer->len, msg->len);
	return true;
}

/* Before the answer. In IKE_AUTH it may turn out that the peer is another connection's. */
static void set_dscp(const struct ike_manager *m, const struct kernel_message *msg,
		     const struct conn *conn)
{
	if (conn && conn->dscp)
		kernel_sa_dscp(m->kernel, msg->spi_local, conn->dscp);
}

/* An error answer; the SA is not kept, the kernel remembers the answer. */
static void refuse(struct ike_manager *m, const struct kernel_message *msg,
		   uint16_t type, const void *data, size_t len, const char *why)
{
	char remote[ENDPOINT_STRLEN];
	struct payload_writer w;

	log_msg(LOG_IKE, LVL_CTRL, "refusing IKE_SA_INIT from %s with %s: %s",
		endpoint_str(&msg->remote, remote), ike_notify_name(type), why);
	payload_begin(&w, IKE_HEADER_LEN);
	payload_add_notify(&w, PROTO_NONE, NULL, 0, type, data, len);
	/* No IKE SA comes of it, hence no SPI of ours. */
	if (!longer(&w.buf, msg) && !finish(&w, msg->spi_i, 0, IKE_FLAG_RESPONSE)) {
		set_dscp(m, msg, config_find_by_addrs(m->config, &msg->local, &msg->remote));
		kernel_sa_send_raw(m->kernel, msg->spi_local, w.buf.data, w.buf.len);
	}
	buf_clear(&w.buf);
	kernel_sa_delete(m->kernel, msg->spi_local);
}

/* RFC 9370 section 2.2.1: a peer without IKE_INTERMEDIATE has no additional key exchanges. */
static int choose_proposal(const struct conn *conn, const struct payload *offer, uint16_t group,
			   bool intermediate, struct proposal *chosen)
{
	struct proposal_list list = conn->proposals;
	bool copied = !intermediate && proposal_list_has_addke(&list);
	int err;

	if (copied && proposal_list_without_addke(&list, &conn->proposals))
		return -ENOMEM;
	err = proposal_select_group(&list, PROTO_IKE, offer->body, offer->len, group, chosen);
	if (copied)
		proposal_list_clear(&list);
	return err;
}

/* Best match of the addresses first, then all others that fit. */
static struct conn *select_proposal(const struct ike_manager *m,
				    const struct kernel_message *msg,
				    const struct payload *offer, uint16_t group,
				    bool intermediate, struct proposal *chosen)
{
	struct conn *conn;

	conn = config_find_by_addrs(m->config, &msg->local, &msg->remote);
	if (!conn || !choose_proposal(conn, offer, group, intermediate, chosen))
		return conn;
	for (conn = m->config->conns; conn; conn = conn->next)
		if (conn_match_addrs(conn, &msg->local, &msg->remote) &&
		    !choose_proposal(conn, offer, group, intermediate, chosen))
			return conn;
	return NULL;
}

/* No connection takes any of the peer's proposals. The best match's are in the log, too. */
static void refuse_proposals(struct ike_manager *m, const struct kernel_message *msg,
			     const struct payload *offer)
{
	char received[PROPOSALS_STRLEN], configured[PROPOSALS_STRLEN];
	char why[2 * PROPOSALS_STRLEN + 64];
	const struct conn *conn = config_find_by_addrs(m->config, &msg->local, &msg->remote);

	if (m->stopping)
		snprintf(why, sizeof(why), "the daemon is about to end");
	else if (!conn)
		snprintf(why, sizeof(why), "no connection is for these addresses");
	else
		snprintf(why, sizeof(why), "no proposal in common: received %s, configured %s",
			 proposal_offer_str(offer->body, offer->len, received, sizeof(received)),
			 proposal_list_str(&conn->proposals, configured, sizeof(configured)));
	if (conn && !m->stopping)
		ike_manager_alert(m, ALERT_PROPOSAL_MISMATCH_IKE, NULL);
	refuse(m, msg, NO_PROPOSAL_CHOSEN, NULL, 0, why);
}

/* What there was no room for, in octets: the names of our CAs, or even the request without them. */
struct missing {
	size_t names, certreq, childless;
};

static size_t certreq_len(const struct ike_sa *sa, struct payload_writer *w, bool brief)
{
	struct payload_writer probe;
	size_t len;

	payload_begin(&probe, 0);
	ike_put_certreq(&probe, sa->manager->config, NULL, brief);
	len = probe.buf.len;
	if (probe.buf.failed)
		w->buf.failed = true;
	buf_clear(&probe.buf);
	return len;
}

/*
 * Which CAs we trust, after all the rest: which connection the peer is of is not known yet,
 * so they are all connections'. Where naming them would make the response longer
 * than the request, it asks for any certificate; where that would, for none.
 */
static void put_certreq(const struct ike_sa *sa, struct payload_writer *w,
			const struct kernel_message *msg, struct missing *missing)
{
	size_t names = w->buf.len + certreq_len(sa, w, false);
	size_t brief = w->buf.len + certreq_len(sa, w, true);

	missing->names = names > msg->len ? names - msg->len : 0;
	missing->certreq = brief > msg->len ? brief - msg->len : 0;
	if (!missing->certreq)
		ike_put_certreq(w, sa->manager->config, NULL, missing->names > 0);
}

/* RFC 6023 section 3. */
static size_t put_childless(struct payload_writer *w, const struct kernel_message *msg)
{
	size_t len = w->buf.len + NOTIFY_LEN;

	if (len > msg->len)
		return len - msg->len;
	payload_add_notify(w, PROTO_NONE, NULL, 0, CHILDLESS_IKEV2_SUPPORTED, NULL, 0);
	return 0;
}

/*
 * No longer than the request: the proposal is one of the peer's, the key exchange of
 * the same group, the nonce not longer, and NAT detection, fragmentation, hashes,
 * IKE_INTERMEDIATE and USE_PPK where the peer has them. What else we would say is said where there is room.
 * @missing: NULL, or what there was no room for is to be known, before there is a key exchange.
 */
static int write_response(const struct ike_sa *sa, const struct kernel_message *msg,
			  const struct conn *conn, bool nat_detection,
			  struct payload_writer *w, struct missing *missing)
{
	struct ike_handshake *h = sa->handshake;
	struct missing m = { 0 };
	int err = 0;

	payload_begin(w, IKE_HEADER_LEN);
	payload_open(w, PAYLOAD_SA);
	proposal_write(&w->buf, sa->proposal, 1, NULL, 0);
	payload_close(w);
	if (missing)
		ke_put_room(w, h->dh);
	else
		err = ke_put(w, h->dh);
	if (err)
		return err;
	payload_add(w, PAYLOAD_NONCE, h->nonce_r.data, h->nonce_r.len);
	if (nat_detection)
		err = nat_add_notifies(w, sa->spi_i, sa->spi_r, &msg->local, &msg->remote,
				       sa->nat_fake);
	if (sa->peer_fragmentation && sa->fragmentation != FRAGMENTATION_NO)
		put_fragmentation(w);
	if (h->certs.hashes)
		ike_put_hashes(w, h->certs.hashes);
	if (h->intermediate.supported)
		ike_intermediate_put(w);
	if (h->peer_ppk)
		ike_ppk_put_use(w);
	if (!conn->no_certreq)
		put_certreq(sa, w, msg, &m);
	m.childless = conn->childless == CHILDLESS_NEVER ? 0 : put_childless(w, msg);
	if (missing)
		*missing = m;
	return err;
}

/*
 * Takes octets from our nonce for what would not fit, as many as RFC 7296 section 2.10 can
 * spare: many a peer sends no certificate that nobody asked for, and some guess which of theirs
 * it is to be when no CA is named. CHILDLESS_IKEV2_SUPPORTED comes before the names only where
 * the connection asks for it. (OpenIKED takes no nonce of an odd length.)
 */
static int make_room(struct ike_sa *sa, const struct kernel_message *msg,
		     const struct conn *conn, bool nat_detection)
{
	size_t least = prf_len(proposal_id(sa->proposal, TRANSFORM_PRF)) / 2;
	size_t notify = conn->childless == CHILDLESS_NEVER ? 0 : NOTIFY_LEN;
	struct buf *nonce = &sa->handshake->nonce_r;
	size_t len = nonce->len;
	struct missing missing;
	struct payload_writer w;
	int err;

	err = write_response(sa, msg, conn, nat_detection, &w, &missing);
	buf_clear(&w.buf);
	if (err)
		return err;
	if (len >= least + missing.names + (conn->childless == CHILDLESS_ALLOW ? 0 : notify))
		missing.certreq = missing.names;
	if (missing.certreq && len >= least + missing.certreq) {
		len -= missing.certreq;
		/* Which leaves none. */
		missing.childless = notify;
	}
	if (len >= least + missing.childless)
		len -= missing.childless;
	return len < nonce->len ? nonce_new(nonce, len - len % 2) : 0;
}

static int send_response(struct ike_sa *sa, const struct kernel_message *msg,
			 const struct conn *conn, bool nat_detection)
{
	struct ike_handshake *h = sa->handshake;
	struct payload_writer w;
	int err;

	err = write_response(sa, msg, conn, nat_detection, &w, NULL);
	if (!err && longer(&w.buf, msg))
		err = -EMSGSIZE;
	if (!err)
		err = finish(&w, sa->spi_i, sa->spi_r, IKE_FLAG_RESPONSE);
	if (!err)
		err = buf_set(&h->response, w.buf.data, w.buf.len);
	/* The keys first: the IKE_AUTH request may come at once. */
	if (!err)
		err = push_keys(sa);
	if (!err) {
		note_raw(sa, RESPONSE_OUT, w.first, w.buf.data, w.buf.len);
		set_dscp(sa->manager, msg, conn);
		err = kernel_sa_send_raw(sa->manager->kernel, sa->spi_r, w.buf.data,
					 w.buf.len);
	}
	buf_clear(&w.buf);
	return err;
}

/* Its SPI is that of the SA that it would rekey: none here. */
static int keep_proposal(struct ike_sa *sa, const struct proposal *chosen)
{
	struct proposal own = *chosen;

	own.spi_len = 0;
	return proposal_keep(&sa->proposal, &own);
}

static void not_answered(struct ike_sa *sa, int err)
{
	ike_log(sa, LOG_IKE, LVL_CTRL, "IKE_SA_INIT could not be answered: %s",
		strerror(-err));
	ike_sa_destroy(sa, "IKE_SA_INIT could not be answered");
}

/* The shared secret of the request that is held. */
static void request_agreed(void *arg, int err, const uint8_t *shared, size_t len)
{
	struct ike_sa *sa = arg;
	struct ike_handshake *h = sa->handshake;
	const struct kernel_message msg = h->held;

	h->held.data = NULL;
	if (err == -EBADMSG) {
		/* RFC 7296 has no error of its own for a public value out of range. */
		refuse(sa->manager, &msg, INVALID_SYNTAX, NULL, 0,
		       "its key exchange value is not valid");
		sa->spi_r = 0;
		ike_sa_destroy(sa, "the peer's key exchange value is not valid");
		return;
	}
	if (!err)
		err = derive(h, sa->proposal, shared, len, sa->spi_i, sa->spi_r);
	if (!err) {
		log_proposal(sa);
		err = send_response(sa, &msg, h->answered_as, h->nat_detection);
	}
	if (err) {
		not_answered(sa, err);
		return;
	}
	dh_free(h->dh);
	h->dh = NULL;
	conn_put(h->answered_as);
	h->answered_as = NULL;
}

static void accept_request(struct ike_manager *m, const struct kernel_message *msg,
			   const struct payload_chain *chain,
			   const struct proposal *chosen, struct conn *conn,
			   const uint8_t *peer, size_t peer_len)
{
	const uint16_t group = proposal_id(chosen, TRANSFORM_DH);
	struct ike_sa *sa = ike_sa_new(m, NULL, false);
	char remote[ENDPOINT_STRLEN];
	struct ike_handshake *h;
	const struct payload *nonce;
	struct nat_result nat;
	struct notify n;
	int err;

	if (!sa) {
		kernel_sa_delete(m->kernel, msg->spi_local);
		return;
	}
	h = sa->handshake;
	nonce = payload_find(chain, PAYLOAD_NONCE);
	sa->spi_i = msg->spi_i;
	sa->spi_r = msg->spi_local;
	ike_manager_index(m, sa);
	sa->local = msg->local;
	sa->remote = msg->remote;
	sa->state = IKE_CONNECTING;
	sa->nat_fake = conn->encap;
	sa->fragmentation = conn->fragmentation;
	sa->peer_fragmentation = has_fragmentation(chain);
	h->intermediate.supported = ike_intermediate_is_supported(chain);
	h->peer_ppk = !notify_find(&n, chain, USE_PPK) && secrets_has_ppk(m->secrets);
	ike_log(sa, LOG_IKE, LVL_AUDIT, "%s is initiating an IKE_SA",
		endpoint_str(&sa->remote, remote));
	note_raw(sa, REQUEST_IN, msg->data[16], msg->data, msg->len);
	err = keep_proposal(sa, chosen);
	if (!err)
		err = set_key(h, dh_pool_take_responder(group), group);
	if (!err)
		err = nonce_new(&h->nonce_r, nonce->len < NONCE_LEN ? nonce->len : NONCE_LEN);
	if (!err)
		err = buf_set(&h->nonce_i, nonce->body, nonce->len);
	if (!err)
		err = buf_set(&h->request, msg->data, msg->len);
	if (!err)
		err = ike_certs_take(&h->certs, chain);
	if (!err)
		err = nat_detect(&nat, chain, sa->spi_i, 0, &msg->local, &msg->remote);
	if (!err) {
		sa->nat_local = nat.nat_local;
		sa->nat_remote = nat.nat_remote;
		if (!nat.supported)
			sa->nat_fake = false;
		err = make_room(sa, msg, conn, nat.supported);
	}
	if (err) {
		not_answered(sa, err);
		return;
	}
	h->nat_detection = nat.supported;
	h->answered_as = conn_get(conn);
	h->held = *msg;
	h->held.data = h->request.data;
	dh_job_begin(&h->dh_job, &h->dh, peer, peer_len, request_agreed, sa);
}

void ike_init_request(struct ike_manager *m, const struct kernel_message *msg)
{
	const struct payload *offer, *ke, *nonce;
	struct payload_chain chain;
	struct proposal chosen;
	struct ike_header header;
	struct conn *conn;
	const uint8_t *peer;
	uint8_t group[2];
	size_t peer_len;
	int err;

	err = ike_header_read(&header, msg->data, msg->len);
	if (!err)
		err = payload_parse(&chain, header.next_payload,
				    msg->data + IKE_HEADER_LEN,
				    msg->len - IKE_HEADER_LEN);
	if (err == -EOPNOTSUPP) {
		refuse(m, msg, UNSUPPORTED_CRITICAL_PAYLOAD, &chain.unsupported, 1,
		       "a critical payload is not known");
		return;
	}
	if (err) {
		ike_manager_alert(m, ALERT_PARSE_ERROR_BODY, NULL);
		refuse(m, msg, INVALID_SYNTAX, NULL, 0, "it is malformed");
		return;
	}
	offer = payload_only(&chain, PAYLOAD_SA);
	ke = payload_only(&chain, PAYLOAD_KE);
	nonce = payload_only(&chain, PAYLOAD_NONCE);
	if (!offer || !ke || !nonce) {
		refuse(m, msg, INVALID_SYNTAX, NULL, 0, "it lacks a payload, or has one twice");
		return;
	}
	conn = m->stopping ? NULL :
	       select_proposal(m, msg, offer, get16(ke->body),
			       ike_intermediate_is_supported(&chain), &chosen);
	if (!conn) {
		refuse_proposals(m, msg, offer);
		return;
	}
	peer = ke_data(ke, proposal_id(&chosen, TRANSFORM_DH), &peer_len);
	if (!peer) {
		group[0] = proposal_id(&chosen, TRANSFORM_DH) >> 8;
		group[1] = proposal_id(&chosen, TRANSFORM_DH);
		refuse(m, msg, INVALID_KE_PAYLOAD, group, sizeof(group),
		       transform_name(TRANSFORM_DH, proposal_id(&chosen, TRANSFORM_DH)));
		return;
	}
	/* RFC 7296 section 2.10; ours is as long as this one. */
	if (nonce->len < prf_len(proposal_id(&chosen, TRANSFORM_PRF)) / 2) {
		refuse(m, msg, INVALID_SYNTAX, NULL, 0, "its nonce is too short");
		return;
	}
	accept_request(m, msg, &chain, &chosen, conn, peer, peer_len);
}
