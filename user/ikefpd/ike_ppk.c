// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "config.h"
#include "ike_manager.h"
#include "ike_ppk.h"
#include "secrets.h"

#define PPK_ID_FIXED	2	/* RFC 8784 section 5.1; PPK_ID_OPAQUE is nobody's */
#define AUTH_HEADER	4

bool ike_ppk_is_wanted(const struct conn *conn)
{
	return conn->ppk_id.type != ID_ANY && !ike_id_is_pattern(&conn->ppk_id);
}

void ike_ppk_put_use(struct payload_writer *w)
{
	payload_add_notify(w, PROTO_NONE, NULL, 0, USE_PPK, NULL, 0);
}

void ike_ppk_put_identity(struct payload_writer *w, const struct conn *conn)
{
	struct buf data = BUF_INIT;

	buf_put8(&data, PPK_ID_FIXED);
	buf_put(&data, conn->ppk_id.data, conn->ppk_id.len);
	if (data.failed)
		w->buf.failed = true;
	else
		payload_add_notify(w, PROTO_NONE, NULL, 0, PPK_IDENTITY, data.data, data.len);
	buf_clear(&data);
}

/* For people: octets of which nobody says what they are. */
static const char *ppk_id_str(const void *ppk_id, size_t len, char text[ID_STRLEN])
{
	const struct ike_id id = { .type = ID_KEY_ID, .data = (uint8_t *)ppk_id, .len = len };

	return ike_id_str(&id, text);
}

/* Without one of that name it goes on as ever, unless it is required. */
static int mix(struct ike_sa *sa, const void *ppk_id, size_t len, struct errmsg *why)
{
	struct ike_handshake *h = sa->handshake;
	char text[ID_STRLEN];
	int err;

	ppk_id_str(ppk_id, len, text);
	err = secrets_mix_ppk(sa->manager->secrets, ppk_id, len, &h->keys, &h->ppk_keys);
	h->use_ppk = !err;
	if (err == -ENOKEY && sa->conn->ppk_required)
		return errmsg_set(why, "PPK required but no PPK found for '%s'", text);
	if (err == -ENOKEY) {
		ike_log(sa, LOG_CFG, LVL_CTRL,
			"no PPK for '%s' found, ignored because PPK is not required", text);
		return 0;
	}
	if (err)
		return errmsg_set(why, "the PPK for '%s' cannot be used: %s", text, strerror(-err));
	ike_log(sa, LOG_CFG, LVL_CTRL, "using PPK for PPK_ID '%s'", text);
	return 0;
}

int ike_ppk_request(struct ike_sa *sa, struct errmsg *why)
{
	sa->handshake->use_ppk = false;
	if (sa->handshake->peer_ppk && ike_ppk_is_wanted(sa->conn))
		return mix(sa, sa->conn->ppk_id.data, sa->conn->ppk_id.len, why);
	if (sa->conn->ppk_required)
		return errmsg_set(why, "PPK required but no PPK_ID configured");
	return 0;
}

int ike_ppk_response(struct ike_sa *sa, const struct payload_chain *chain, struct errmsg *why)
{
	struct ike_handshake *h = sa->handshake;
	struct notify n;

	if (!notify_find(&n, chain, PPK_IDENTITY)) {
		if (h->use_ppk)
			return 0;
		return errmsg_set(why, "the peer uses a PPK that it was not asked to use");
	}
	if (h->use_ppk && sa->conn->ppk_required)
		return errmsg_set(why, "PPK required but peer did not use it");
	if (h->use_ppk)
		ike_log(sa, LOG_CFG, LVL_CTRL, "the peer does not use the PPK");
	h->use_ppk = false;
	return 0;
}

/* The PPK_ID that the request names; NULL: none. */
static const uint8_t *read_identity(const struct payload_chain *chain, size_t *len)
{
	struct notify n;

	if (notify_find(&n, chain, PPK_IDENTITY) || n.len < 2 || n.data[0] != PPK_ID_FIXED)
		return NULL;
	*len = n.len - 1;
	return n.data + 1;
}

static int find(struct ike_sa *sa, const struct payload_chain *chain, struct errmsg *why)
{
	const struct conn *conn = sa->conn;
	char text[ID_STRLEN], wanted[ID_STRLEN];
	const uint8_t *ppk_id;
	size_t len;

	if (!sa->handshake->peer_ppk) {
		if (conn->ppk_required)
			return errmsg_set(why, "PPK required but peer does not support PPK, or there is none here");
		return 0;
	}
	ppk_id = read_identity(chain, &len);
	if (!ppk_id) {
		if (conn->ppk_required)
			return errmsg_set(why, "PPK required but no PPK_IDENTITY received");
		return 0;
	}
	if (!ike_id_match_octets(&conn->ppk_id, ppk_id, len))
		return errmsg_set(why, "received PPK_ID '%s', but require '%s'",
				  ppk_id_str(ppk_id, len, text),
				  ike_id_str(&conn->ppk_id, wanted));
	return mix(sa, ppk_id, len, why);
}

int ike_ppk_answer(struct ike_sa *sa, const struct payload_chain *chain,
		   const struct payload *found, struct buf *auth, struct errmsg *why)
{
	struct ike_handshake *h = sa->handshake;
	struct notify n;
	size_t len;

	h->use_ppk = false;
	if (find(sa, chain, why))
		return -1;
	if (!h->use_ppk && h->peer_ppk && read_identity(chain, &len) &&
	    notify_find(&n, chain, NO_PPK_AUTH))
		return errmsg_set(why, "no PPK found, and the peer requires one");
	if (h->use_ppk || !h->peer_ppk || notify_find(&n, chain, NO_PPK_AUTH)) {
		buf_put(auth, found->body, found->len);
	} else {
		/* The method is the same. */
		buf_put(auth, found->body, AUTH_HEADER);
		buf_put(auth, n.data, n.len);
	}
	return auth->failed ? errmsg_set(why, "out of memory") : 0;
}

void ike_ppk_apply(struct ike_sa *sa)
{
	struct ike_handshake *h = sa->handshake;

	if (h->use_ppk) {
		memcpy(h->keys.d, h->ppk_keys.d, h->keys.prf_len);
		memcpy(h->keys.pi, h->ppk_keys.pi, h->keys.prf_len);
		memcpy(h->keys.pr, h->ppk_keys.pr, h->keys.prf_len);
		sa->ppk = true;
	}
	OPENSSL_cleanse(&h->ppk_keys, sizeof(h->ppk_keys));
}
