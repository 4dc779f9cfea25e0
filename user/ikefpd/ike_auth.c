// SPDX-License-Identifier: GPL-2.0
/* The IKE_AUTH exchange, of both roles. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "auth.h"
#include "auth_pubkey.h"
#include "child_negotiate.h"
#include "config.h"
#include "ike_auth.h"
#include "ike_hold.h"
#include "ike_manager.h"
#include "ike_ppk.h"
#include "ike_reauth.h"
#include "ike_unique.h"
#include "resume.h"
#include "secrets.h"
#include "start.h"
#include "tokens.h"
#include "trust.h"

#define GENERIC_HEADER	4
#define ID_HEADER	4
#define AUTH_HEADER	4

static int put_id_body(struct buf *body, const struct ike_id *id)
{
	buf_put8(body, id->type);
	buf_zero(body, ID_HEADER - 1);
	buf_put(body, id->data, id->len);
	return body->failed ? -ENOMEM : 0;
}

/* What the AUTH payload of one end is over. */
static int octets_of(const struct ike_sa *sa, bool of_initiator, bool use_ppk,
		     const uint8_t *id_body, size_t id_len, struct buf *octets)
{
	const struct ike_handshake *h = sa->handshake;
	const uint8_t *pi = use_ppk ? h->ppk_keys.pi : h->keys.pi;
	const uint8_t *pr = use_ppk ? h->ppk_keys.pr : h->keys.pr;
	int err;

	err = auth_octets(octets, h->keys.prf, of_initiator ? &h->request : &h->response,
			  of_initiator ? &h->nonce_r : &h->nonce_i,
			  of_initiator ? pi : pr, id_body, id_len);
	return err ? err : ike_intermediate_octets(sa, octets);
}

static int put_psk(struct ike_sa *sa, struct payload_writer *w, const struct buf *octets)
{
	uint8_t auth[PRF_MAX];
	int err;

	err = secrets_sign(sa->manager->secrets, sa->handshake->keys.prf, &sa->local_id,
			   &sa->remote_id, octets->data, octets->len, auth);
	if (err)
		return err;
	payload_open(w, PAYLOAD_AUTH);
	buf_put8(&w->buf, AUTH_METHOD_PSK);
	buf_zero(&w->buf, AUTH_HEADER - 1);
	buf_put(&w->buf, auth, sa->handshake->keys.prf_len);
	payload_close(w);
	OPENSSL_cleanse(auth, sizeof(auth));
	return 0;
}

/* What is to be up, and lacks nothing but a token, is initiated when that is there. */
static void wait_for_token(const struct ike_sa *sa)
{
	const struct child_conf *child = sa->handshake->child_conf;

	if (sa->initiator && child && child->start_action & START_START)
		start_when_possible(sa->conn, child);
}

/* Why our AUTH payload cannot be made, for the log and for who waits. */
static void no_auth(struct ike_sa *sa, int err)
{
	char local[ID_STRLEN], remote[ID_STRLEN];
	struct ike_handshake *h = sa->handshake;

	ike_manager_alert(sa->manager, ALERT_LOCAL_AUTH_FAILED, sa);
	if (err == -ENOKEY && sa->conn->local.class == AUTH_PSK) {
		ike_log(sa, LOG_IKE, LVL_CTRL, "no shared key found for '%s' - '%s'",
			ike_id_str(&sa->local_id, local), ike_id_str(&sa->remote_id, remote));
		snprintf(h->failure, sizeof(h->failure), "no shared key found");
		return;
	}
	if (err == -EREMOTEIO ||
	    (err == -ENOKEY && tokens_any(secrets_tokens(sa->manager->secrets))))
		wait_for_token(sa);
	/* Of a token: it has been said. */
	if (err == -EREMOTEIO)
		return;
	if (err == -ENOKEY)
		snprintf(h->failure, sizeof(h->failure), "no private key found");
	else if (err == -ENOTSUP)
		snprintf(h->failure, sizeof(h->failure),
			 "the peer takes no signature that the private key can make");
	else
		snprintf(h->failure, sizeof(h->failure), "our AUTH cannot be made: %s",
			 strerror(-err));
	ike_log(sa, LOG_IKE, LVL_CTRL, "%s for '%s'", h->failure,
		ike_id_str(&sa->local_id, local));
}

static int put_one_auth(struct ike_sa *sa, struct payload_writer *w, bool use_ppk,
			const struct buf *id_body)
{
	struct buf octets = BUF_INIT;
	int err;

	err = octets_of(sa, sa->initiator, use_ppk, id_body->data, id_body->len, &octets);
	if (!err)
		err = sa->conn->local.class == AUTH_PSK ? put_psk(sa, w, &octets) :
							  auth_pubkey_put(sa, w, &octets);
	buf_clear(&octets);
	return err;
}

/* RFC 8784 section 3: the same without the PPK, for a peer that has none. */
static int put_no_ppk_auth(struct ike_sa *sa, struct payload_writer *w,
			   const struct buf *id_body)
{
	const size_t header = GENERIC_HEADER + AUTH_HEADER;
	struct payload_writer other;
	int err;

	payload_begin(&other, 0);
	err = put_one_auth(sa, &other, false, id_body);
	if (!err && other.buf.failed)
		err = -ENOMEM;
	if (!err)
		payload_add_notify(w, PROTO_NONE, NULL, 0, NO_PPK_AUTH, other.buf.data + header,
				   other.buf.len - header);
	buf_clear(&other.buf);
	return err;
}

/* Our AUTH payload, for the ID payload with this body, and what is said of a PPK with it. */
static int put_auth(struct ike_sa *sa, struct payload_writer *w,
		    const struct buf *id_body)
{
	const bool use_ppk = sa->handshake->use_ppk;
	int err;

	err = put_one_auth(sa, w, use_ppk, id_body);
	if (!err && use_ppk && sa->initiator && !sa->conn->ppk_required)
		err = put_no_ppk_auth(sa, w, id_body);
	if (!err && use_ppk && sa->initiator)
		ike_ppk_put_identity(w, sa->conn);
	else if (!err && use_ppk)
		payload_add_notify(w, PROTO_NONE, NULL, 0, PPK_IDENTITY, NULL, 0);
	if (err && err != -EINPROGRESS)
		no_auth(sa, err);
	return err;
}

/* The PPKs of this name may be two. */
static int wrong_auth(const struct ike_sa *sa, struct errmsg *why)
{
	struct errmsg before = *why;

	if (!sa->handshake->use_ppk)
		return -1;
	return errmsg_set(why, "%s (with a PPK)", before.text);
}

static int check_psk(const struct ike_sa *sa, const struct payload *auth,
		     const struct buf *octets, struct errmsg *why)
{
	char local[ID_STRLEN], remote[ID_STRLEN];
	int err;

	if (auth->body[0] != AUTH_METHOD_PSK)
		return errmsg_set(why, "its authentication method %u is not the connection's",
				  auth->body[0]);
	err = secrets_verify(sa->manager->secrets, sa->handshake->keys.prf, &sa->local_id,
			     &sa->remote_id, octets->data, octets->len,
			     auth->body + AUTH_HEADER, auth->len - AUTH_HEADER);
	switch (err) {
	case 0:
		ike_log(sa, LOG_IKE, LVL_CTRL,
			"authentication of '%s' with pre-shared key successful",
			ike_id_str(&sa->remote_id, remote));
		return 0;
	case -ENOKEY:
		return errmsg_set(why, "no shared key found for '%s' - '%s'",
				  ike_id_str(&sa->local_id, local),
				  ike_id_str(&sa->remote_id, remote));
	case -EKEYREJECTED:
		return errmsg_set(why, "its AUTH is wrong; do both ends have the same secret?");
	default:
		return errmsg_set(why, "its AUTH cannot be checked: %s", strerror(-err));
	}
}

/* Is the peer's AUTH the right one? 0, TRUST_WAIT, or -1 with @why set. */
static int check_auth(struct ike_sa *sa, const struct payload_chain *chain,
		      const struct payload *id, const struct payload *auth,
		      struct errmsg *why)
{
	struct buf octets = BUF_INIT;
	int ret;

	ret = octets_of(sa, !sa->initiator, sa->handshake->use_ppk, id->body, id->len, &octets);
	if (ret)
		ret = errmsg_set(why, "its AUTH cannot be checked: %s", strerror(-ret));
	else if (sa->conn->remote.class == AUTH_PSK)
		ret = check_psk(sa, auth, &octets, why);
	else
		ret = auth_pubkey_check(sa, chain, auth, &octets, why);
	buf_clear(&octets);
	return ret < 0 ? wrong_auth(sa, why) : ret;
}

static int read_id(struct ike_id *id, const struct payload *p)
{
	return ike_id_set(id, p->body[0], p->body + ID_HEADER, p->len - ID_HEADER);
}

/* With which key we sign, and who we are, if the certificate is to say that. */
static int choose_key(struct ike_sa *sa)
{
	struct ike_certs *certs = &sa->handshake->certs;
	char name[ID_STRLEN], id[ID_STRLEN];
	int err;

	if (sa->conn->local.class == AUTH_PSK)
		return 0;
	err = ike_certs_choose(certs, sa->manager->config, sa->conn, &sa->local_id,
			       sa->manager->secrets);
	if (err) {
		no_auth(sa, err);
		return err;
	}
	if (!certs->cert)
		return 0;
	if (sa->conn->local.id.type == ID_ANY) {
		ike_id_clear(&sa->local_id);
		return certificate_subject(certs->cert, &sa->local_id);
	}
	if (!certificate_has_id(certs->cert, &sa->local_id))
		ike_log(sa, LOG_IKE, LVL_CTRL, "our certificate \"%s\" is not of '%s': the peer will refuse it",
			certificate_str(certs->cert, name), ike_id_str(&sa->local_id, id));
	return 0;
}

/* What the first Child SA's keys are made of. */
static struct child_keying first_keying(const struct ike_handshake *h)
{
	return (struct child_keying){
		.prf = h->keys.prf,
		.sk_d = h->keys.d,
		.nonce_i = &h->nonce_i,
		.nonce_r = &h->nonce_r,
	};
}

/* Whom we want to talk to. */
static const struct ike_id *wanted_id(const struct ike_sa *sa)
{
	const struct ike_id *peer = ike_reauth_peer(sa);

	return peer ? peer : &sa->conn->remote.id;
}

/*
 * IDi, [CERT+], [CERTREQ], [N(INITIAL_CONTACT)], [IDr], AUTH, [N(NO_PPK_AUTH)],
 * [N(PPK_IDENTITY)], SAi2, TSi, TSr: the order of RFC 7296 section 1.2, without the last three
 * where it is childless. IDr says whom we want to talk to, if we know it exactly.
 * -EINPROGRESS: the signature is yet to be made.
 */
static int send_request(struct ike_sa *sa)
{
	const struct ike_id *wanted = wanted_id(sa);
	struct ike_handshake *h = sa->handshake;
	struct buf body = BUF_INIT;
	struct payload_writer w;
	int err;

	payload_begin(&w, 0);
	err = put_id_body(&body, &sa->local_id);
	if (err)
		goto out;
	payload_add(&w, PAYLOAD_IDI, body.data, body.len);
	ike_put_certs(&w, sa);
	if (sa->conn->remote.class == AUTH_PUBKEY && !sa->conn->no_certreq)
		ike_put_certreq(&w, sa->manager->config, sa->conn, false);
	if (ike_unique_is_first(sa))
		payload_add_notify(&w, PROTO_NONE, NULL, 0, INITIAL_CONTACT, NULL, 0);
	if (wanted->type != ID_ANY && !ike_id_is_pattern(wanted)) {
		struct buf idr = BUF_INIT;

		put_id_body(&idr, wanted);
		payload_add(&w, PAYLOAD_IDR, idr.data, idr.len);
		buf_clear(&idr);
	}
	err = put_auth(sa, &w, &body);
	if (!err && !sa->childless) {
		const struct child_keying keying = first_keying(h);

		h->child = child_sa_new(sa, h->child_conf, NULL);
		err = h->child ? child_offer(h->child, &keying, &w) : -EIO;
	}
	if (!err)
		err = ike_sa_request(sa, TASK_IKE_AUTH, IKE_AUTH, &w);
	h->requested = !err;
out:
	buf_clear(&body);
	buf_clear(&w.buf);
	return err;
}

/* What is known of both ends before it is sent. */
static int prepare_request(struct ike_sa *sa)
{
	const struct ike_id *wanted = wanted_id(sa);
	struct ike_handshake *h = sa->handshake;
	char text[ID_STRLEN];
	struct errmsg why;
	int err;

	err = conn_local_id(sa->conn, &sa->local, &sa->local_id);
	if (!err && wanted->type == ID_ANY)
		err = ike_id_from_endpoint(&sa->remote_id, &sa->remote);
	else if (!err)
		err = ike_id_copy(&sa->remote_id, wanted);
	if (!err && ike_ppk_request(sa, &why)) {
		ike_log(sa, LOG_IKE, LVL_CTRL, "%s", why.text);
		snprintf(h->failure, sizeof(h->failure), "%.120s", why.text);
		err = -ENOKEY;
	}
	if (!err)
		err = choose_key(sa);
	if (!err && sa->conn->local.class == AUTH_PSK)
		ike_log(sa, LOG_IKE, LVL_CTRL,
			"authentication of '%s' (myself) with pre-shared key",
			ike_id_str(&sa->local_id, text));
	return err;
}

static void sent(struct ike_sa *sa, int err)
{
	if (err && err != -EINPROGRESS)
		ike_sa_destroy(sa, sa->handshake->failure[0] ? sa->handshake->failure :
				   "the IKE_AUTH request could not be sent");
}

void ike_auth_start(struct ike_sa *sa)
{
	int err = prepare_request(sa);

	/* No response of another exchange is looked at any more. */
	sa->active.type = TASK_IKE_AUTH;
	sent(sa, err ? err : send_request(sa));
}

/*
 * The peer is not who it should be. It believes in this IKE SA, so it is told
 * (RFC 7296 section 2.21.2); whether it answers does not matter to who waits.
 */
static void reject(struct ike_sa *sa, const char *reason)
{
	ike_log(sa, LOG_IKE, LVL_AUDIT, "authentication of the peer failed: %s", reason);
	ike_manager_alert(sa->manager, ALERT_PEER_AUTH_FAILED, sa);
	while (sa->children)
		child_sa_destroy(sa->children);
	sa->handshake->child = NULL;
	ike_manager_ike_failed(sa->manager, sa->unique_id, reason);
	sa->state = IKE_DELETING;
	sa->peer_is_false = true;
	sa->active.type = TASK_NONE;
	if (ike_sa_queue(sa, TASK_DELETE_IKE, 0, NULL))
		ike_sa_destroy(sa, reason);
}

/* The Child SA part of the response; the IKE SA stays up without one. */
static void finish_child(struct ike_sa *sa, const struct payload_chain *chain)
{
	const struct child_keying keying = first_keying(sa->handshake);
	const struct child_conf *conf = sa->handshake->child_conf;
	struct child_sa *child = sa->handshake->child;
	char reason[128];
	uint32_t spi;

	if (sa->childless) {
		if (conf && ike_sa_queue(sa, TASK_CREATE_CHILD, 0, conf))
			ike_manager_child_failed(sa->manager, sa->unique_id, conf->name,
						 "out of memory");
		return;
	}
	spi = child->spi_in;
	sa->handshake->child = NULL;
	switch (child_accept(child, chain, &keying, NULL, reason, sizeof(reason))) {
	case CHILD_ACCEPTED:
		ike_manager_child_up(sa->manager, child);
		break;
	case CHILD_FOLLOWS:	/* never here */
	case CHILD_REFUSED:
		child_sa_destroy(child);
		child = NULL;
		break;
	case CHILD_UNWANTED:
		/* The peer has it, we cannot: it has to be deleted there. */
		if (ike_sa_queue(sa, TASK_DELETE_CHILD, spi, NULL))
			child_sa_destroy(child);
		child = NULL;
		break;
	}
	if (!child) {
		ike_log(sa, LOG_IKE, LVL_CTRL,
			"failed to establish CHILD_SA, keeping IKE_SA: %s", reason);
		ike_manager_alert(sa->manager, ALERT_KEEP_ON_CHILD_SA_FAILURE, sa);
		ike_manager_child_failed(sa->manager, sa->unique_id, conf->name, reason);
	}
}

/*
 * RFC 7296 section 2.3: how many requests the peer takes at a time. Without the notify it
 * is one, which nothing makes less.
 */
static void take_window(struct ike_sa *sa, const struct payload_chain *chain)
{
	struct notify n;
	uint32_t window;

	if (notify_find(&n, chain, SET_WINDOW_SIZE))
		return;
	window = n.len == 4 ? get32(n.data) : 0;
	if (!window) {
		ike_log(sa, LOG_ENC, LVL_CTRL, "ignoring a malformed SET_WINDOW_SIZE notify");
		return;
	}
	if (window > 1)
		kernel_sa_window(sa->manager->kernel, ike_sa_spi_local(sa), window);
}

/*
 * A COOKIE and a copy of the request may have passed each other. Where the peer took that
 * one, and not the request with the COOKIE alone, the first answer is to the request
 * without, which our AUTH is not over. Which of them an answer is to it does not say.
 */
static bool may_be_of_another(const struct ike_sa *sa)
{
	return sa->handshake->cookie.len && !sa->second_try;
}

/* RFC 7296 sections 2.21.2 and 3.10.1: what leaves the IKE SA without a Child SA. */
static bool is_of_child(uint16_t error)
{
	switch (error) {
	case NO_PROPOSAL_CHOSEN:
	case SINGLE_PAIR_REQUIRED:
	case NO_ADDITIONAL_SAS:
	case INTERNAL_ADDRESS_FAILURE:
	case FAILED_CP_REQUIRED:
	case TS_UNACCEPTABLE:
	case INVALID_SELECTORS:
		return true;
	}
	return false;
}

void ike_auth_response(struct ike_sa *sa, const struct kernel_message *msg,
		       const struct payload_chain *chain)
{
	const struct payload *idr = payload_only(chain, PAYLOAD_IDR);
	const struct payload *auth = payload_only(chain, PAYLOAD_AUTH);
	struct ike_handshake *h = sa->handshake;
	struct ike_manager *m = sa->manager;
	char text[ID_STRLEN];
	struct errmsg why;
	struct ike_id id;
	struct notify n;
	int ret;

	/* The kernel takes none before. */
	if (!h->requested)
		return;
	if (!auth && notify_error(&n, chain)) {
		snprintf(h->failure, sizeof(h->failure), "received %s (%u) notify error",
			 ike_notify_name(n.type), n.type);
		ike_log(sa, LOG_IKE, LVL_CTRL, "%s", h->failure);
		if (n.type == AUTHENTICATION_FAILED && may_be_of_another(sa)) {
			ike_log(sa, LOG_IKE, LVL_CTRL,
				"trying once more: the peer may have answered the request without its COOKIE");
			snprintf(text, sizeof(text), "%s", h->failure);
			ike_manager_try_again(sa, text);
		} else {
			if (!is_of_child(n.type))
				ike_manager_alert(m, ALERT_LOCAL_AUTH_FAILED, sa);
			ike_sa_destroy(sa, h->failure);
		}
		return;
	}
	if (!idr || !auth || read_id(&id, idr)) {
		reject(sa, "the IKE_AUTH response lacks IDr or AUTH");
		return;
	}
	ike_id_clear(&sa->remote_id);
	sa->remote_id = id;
	if (!conn_accepts_remote_id(sa->conn, &sa->remote_id)) {
		ike_log(sa, LOG_CFG, LVL_CTRL,
			"'%s' is not the identity that the connection asks for",
			ike_id_str(&sa->remote_id, text));
		reject(sa, "the peer's identity is not the configured one");
		return;
	}
	ret = ike_ppk_response(sa, chain, &why);
	if (!ret)
		ret = check_auth(sa, chain, idr, auth, &why);
	if (ret == TRUST_WAIT) {
		if (ike_hold(sa, msg))
			reject(sa, "the peer's message cannot be held");
		return;
	}
	if (ret) {
		reject(sa, why.text);
		return;
	}
	ike_ppk_apply(sa);
	kernel_sa_gather(m->kernel, ike_sa_spi_local(sa));
	ike_sa_established(sa);
	take_window(sa, chain);
	/* Queued requests wait until all of this exchange is done. */
	finish_child(sa, chain);
	ike_sa_end_handshake(sa);
	ike_unique_established(sa);
	if (sa->reauth_of)
		ike_reauth_established(sa);
	ike_sa_next(sa);
	kernel_sa_apply(m->kernel);
}

/* One answer for all that may be wrong with a peer: it learns nothing from it. */
static void fail(struct ike_sa *sa, const struct kernel_message *msg,
		 const char *reason)
{
	ike_log(sa, LOG_IKE, LVL_AUDIT, "authentication of the peer failed: %s", reason);
	ike_sa_respond_notify(sa, msg, AUTHENTICATION_FAILED, NULL, 0);
	ike_sa_destroy(sa, reason);
}

static void refuse_peer(struct ike_sa *sa, const struct kernel_message *msg, const char *reason)
{
	ike_manager_alert(sa->manager, ALERT_PEER_AUTH_FAILED, sa);
	fail(sa, msg, reason);
}

/* Was the IKE proposal one of this connection's? Another one's led to it. */
static bool proposal_allowed(const struct conn *conn, const struct proposal *chosen)
{
	struct proposal_list list = conn->proposals;
	struct buf body = BUF_INIT;
	struct proposal again;
	bool allowed;

	proposal_write(&body, chosen, 1, NULL, 0);
	allowed = !body.failed && !proposal_select(&list, PROTO_IKE, body.data, body.len,
						   false, &again);
	buf_clear(&body);
	return allowed;
}

static bool identify(struct ike_sa *sa, const struct payload *idi,
		     const struct payload *idr)
{
	char local[ID_STRLEN], remote[ID_STRLEN];
	/* It has been said, unless there is another connection for it now. */
	const struct conn *before = sa->handshake->verification ? sa->conn : NULL;
	struct ike_id asked = { 0 };
	struct conn *conn;

	if (read_id(&sa->remote_id, idi) || (idr && read_id(&asked, idr))) {
		ike_log(sa, LOG_IKE, LVL_CTRL, "an identity of a wrong length");
		return false;
	}
	if (!before)
		ike_log(sa, LOG_CFG, LVL_CTRL, "looking for peer configs matching %s ... %s",
			idr ? ike_id_str(&asked, local) : "%any",
			ike_id_str(&sa->remote_id, remote));
	conn = config_find_by_ids(sa->manager->config, &sa->local, &sa->remote,
				  idr ? &asked : NULL, &sa->remote_id);
	ike_id_clear(&asked);
	if (!conn || !proposal_allowed(conn, sa->proposal)) {
		ike_log(sa, LOG_CFG, LVL_CTRL, "no matching peer config found");
		return false;
	}
	ike_sa_set_conn(sa, conn);
	if (conn != before)
		ike_log(sa, LOG_CFG, LVL_CTRL, "selected peer config '%s'", conn->name);
	return !conn_local_id(conn, &sa->local, &sa->local_id);
}

/* The Child SA part of the response: SAr2, TSi, TSr, or why not. */
static struct child_sa *answer_child(struct ike_sa *sa, struct payload_writer *w,
				     const struct payload_chain *chain)
{
	const struct child_keying keying = first_keying(sa->handshake);
	struct child_sa *child = NULL;
	uint16_t refusal, group;

	refusal = child_answer(sa, chain, &keying, NULL, &child, &group, w);
	if (!refusal)
		return child;
	ike_log(sa, LOG_IKE, LVL_CTRL, "failed to establish CHILD_SA, keeping IKE_SA: %s",
		ike_notify_name(refusal));
	ike_manager_alert(sa->manager, ALERT_KEEP_ON_CHILD_SA_FAILURE, sa);
	payload_add_notify(w, PROTO_NONE, NULL, 0, refusal, NULL, 0);
	return NULL;
}

/*
 * The peer is who it says it is. Its answer waits for our signature, and is begun anew then,
 * with the message that is held meanwhile.
 */
static void answer_request(struct ike_sa *sa, const struct kernel_message *msg,
			   const struct payload_chain *chain)
{
	bool initial_contact;
	struct buf body = BUF_INIT;
	struct payload_writer w;
	struct child_sa *child;
	struct notify n;
	int err = 0;

	if (sa->conn->childless == (sa->childless ? CHILDLESS_NEVER : CHILDLESS_FORCE)) {
		ike_log(sa, LOG_IKE, LVL_CTRL, "the peer %s a CHILD_SA, which childless = %s does not allow",
			sa->childless ? "does without" : "asks for",
			sa->childless ? "never" : "force");
		ike_sa_respond_notify(sa, msg, INVALID_SYNTAX, NULL, 0);
		ike_sa_destroy(sa, "its connection says otherwise of childless");
		return;
	}
	initial_contact = !notify_find(&n, chain, INITIAL_CONTACT);
	if (ike_unique_is_refused(sa, initial_contact)) {
		ike_unique_keep_first(sa);
		ike_manager_alert(sa->manager, ALERT_UNIQUE_KEEP, sa);
		fail(sa, msg, "the IKE_SA that the peer has already is kept (unique = keep)");
		return;
	}
	payload_begin(&w, 0);
	if (!sa->handshake->certs.key)
		err = choose_key(sa);
	if (!err)
		err = put_id_body(&body, &sa->local_id);
	payload_add(&w, PAYLOAD_IDR, body.data, body.len);
	ike_put_certs(&w, sa);
	if (!err)
		err = put_auth(sa, &w, &body);
	buf_clear(&body);
	if (err)
		buf_clear(&w.buf);
	if (err == -EINPROGRESS)
		err = ike_hold_keep(sa, msg) ?: -EINPROGRESS;
	if (err == -EINPROGRESS)
		return;
	if (err) {
		fail(sa, msg, "our own AUTH could not be made");
		return;
	}
	ike_ppk_apply(sa);
	if (initial_contact)
		ike_unique_initial_contact(sa);
	kernel_sa_gather(sa->manager->kernel, ike_sa_spi_local(sa));
	ike_sa_established(sa);
	take_window(sa, chain);
	child = sa->childless ? NULL : answer_child(sa, &w, chain);
	ike_sa_end_handshake(sa);
	resume_save(sa);
	ike_sa_respond(sa, msg, &w);
	ike_unique_established(sa);
	if (child)
		ike_manager_child_up(sa->manager, child);
	/* What was asked for in the meantime. */
	if (sa->queue)
		ike_sa_next(sa);
}

void ike_auth_request(struct ike_sa *sa, const struct kernel_message *msg,
		      const struct payload_chain *chain)
{
	const struct payload *idi = payload_only(chain, PAYLOAD_IDI);
	const struct payload *auth = payload_only(chain, PAYLOAD_AUTH);
	struct payload checked = { .type = PAYLOAD_AUTH };
	struct buf auth_body = BUF_INIT;
	struct errmsg why;
	int err;

	if (sa->state != IKE_CONNECTING || sa->initiator) {
		ike_sa_respond_notify(sa, msg, INVALID_SYNTAX, NULL, 0);
		/* The peer never got the answer of the daemon before: the two would differ. */
		if (sa->resumed && !sa->initiator)
			ike_sa_destroy(sa, "the daemon before died before its answer");
		return;
	}
	/* The kernel gives no other one up before this one is answered. */
	if (sa->handshake->held.data)
		return;
	if (!ike_intermediate_is_over(sa)) {
		ike_sa_respond_notify(sa, msg, INVALID_SYNTAX, NULL, 0);
		ike_sa_destroy(sa, "IKE_AUTH before the additional key exchanges that were agreed on");
		return;
	}
	/* It may have come from and to 4500: RFC 7296 section 2.23. */
	sa->local = msg->local;
	sa->remote = msg->remote;
	sa->childless = !payload_find(chain, PAYLOAD_SA) && !payload_find(chain, PAYLOAD_TSI) &&
			!payload_find(chain, PAYLOAD_TSR);
	if (!idi || (!sa->childless &&
		     (!payload_find(chain, PAYLOAD_SA) || !payload_find(chain, PAYLOAD_TSI) ||
		      !payload_find(chain, PAYLOAD_TSR)))) {
		ike_sa_respond_notify(sa, msg, INVALID_SYNTAX, NULL, 0);
		ike_sa_destroy(sa, "the IKE_AUTH request lacks a payload");
		return;
	}
	/* It may have been held. */
	buf_clear(&sa->handshake->certs.authorities);
	ike_id_clear(&sa->remote_id);
	ike_id_clear(&sa->local_id);
	if (ike_certs_take(&sa->handshake->certs, chain)) {
		fail(sa, msg, "no memory for what the peer asks for");
		return;
	}
	if (!identify(sa, idi, payload_find(chain, PAYLOAD_IDR))) {
		refuse_peer(sa, msg, "no connection for the peer's identity");
		return;
	}
	if (!auth) {
		refuse_peer(sa, msg, "the peer asks for EAP, which is not supported");
		return;
	}
	err = ike_ppk_answer(sa, chain, auth, &auth_body, &why);
	checked.body = auth_body.data;
	checked.len = auth_body.len;
	if (!err)
		err = check_auth(sa, chain, idi, &checked, &why);
	buf_clear(&auth_body);
	if (err == TRUST_WAIT) {
		if (ike_hold(sa, msg))
			fail(sa, msg, "the peer's message cannot be held");
		return;
	}
	if (err) {
		refuse_peer(sa, msg, why.text);
		return;
	}
	answer_request(sa, msg, chain);
}

void ike_auth_signed(struct ike_sa *sa)
{
	struct payload_chain chain;
	struct kernel_message msg;
	struct buf octets;

	if (sa->initiator) {
		sent(sa, send_request(sa));
		return;
	}
	if (!sa->handshake->held.data)
		return;
	if (ike_hold_take(sa, &msg, &octets, &chain))
		ike_sa_destroy(sa, "a message that was held cannot be parsed");
	else
		answer_request(sa, &msg, &chain);
	buf_clear(&octets);
}
