// SPDX-License-Identifier: GPL-2.0
/* The AUTH payload with a signature. */
#include <errno.h>

#include "auth_pubkey.h"
#include "ike_sign.h"
#include "ike_verify.h"
#include "signature.h"

#define AUTH_HEADER	4

static bool allowed(const struct auth_conf *conf, enum signature_id id)
{
	return !conf->signatures || conf->signatures & 1u << id;
}

/* Without RFC 7427 the AUTH method says it all. */
static int put_classic(struct ike_sa *sa, struct payload_writer *w, const struct buf *octets)
{
	const struct ike_certs *certs = &sa->handshake->certs;
	enum signature_id id;
	uint8_t method;
	int err;

	id = signature_classic(key_type(certs->key), key_bits(certs->key), &method);
	if (id == SIGNATURE_NONE || !allowed(&sa->conn->local, id))
		return -ENOTSUP;
	payload_open(w, PAYLOAD_AUTH);
	buf_put8(&w->buf, method);
	buf_zero(&w->buf, AUTH_HEADER - 1);
	err = ike_sign(sa, id, true, octets, &w->buf);
	payload_close(w);
	return err;
}

/* PKCS#1 v1.5 unless the connection names PSS alone, as charon does. */
static enum signature_id choose(const struct ike_sa *sa)
{
	const struct ike_certs *certs = &sa->handshake->certs;
	enum signature_id ids[SIGNATURES];

	for (int pss = 0; pss < 2; pss++) {
		size_t n = signature_of_key(key_type(certs->key), key_bits(certs->key), pss,
					    ids);

		for (size_t i = 0; i < n; i++)
			if (certs->hashes & 1u << signature_hash(ids[i]) &&
			    allowed(&sa->conn->local, ids[i]))
				return ids[i];
	}
	return SIGNATURE_NONE;
}

int auth_pubkey_put(struct ike_sa *sa, struct payload_writer *w, const struct buf *octets)
{
	const struct ike_certs *certs = &sa->handshake->certs;
	enum signature_id id;
	int err;

	if (!certs->hashes)
		return put_classic(sa, w, octets);
	id = choose(sa);
	if (id == SIGNATURE_NONE)
		return -ENOTSUP;
	payload_open(w, PAYLOAD_AUTH);
	buf_put8(&w->buf, AUTH_METHOD_DIGITAL_SIGNATURE);
	buf_zero(&w->buf, AUTH_HEADER - 1);
	signature_put_algorithm(&w->buf, id);
	err = ike_sign(sa, id, false, octets, &w->buf);
	payload_close(w);
	return err;
}

static int read_signature(struct ike_peer_signature *s, const struct payload *auth,
			  const struct auth_conf *conf, struct errmsg *err)
{
	uint8_t method = auth->body[0];
	size_t used;

	s->data = auth->body + AUTH_HEADER;
	s->len = auth->len - AUTH_HEADER;
	s->classic = method != AUTH_METHOD_DIGITAL_SIGNATURE;
	s->scheme = (struct signature_scheme){ signature_of_method(method), 0 };
	if (!s->classic) {
		switch (signature_read_algorithm(&s->scheme, s->data, s->len, &used)) {
		case 0:
			break;
		case -EOPNOTSUPP:
			return errmsg_set(err, "its signature's algorithm is not supported");
		default:
			return errmsg_set(err, "its signature's algorithm is malformed");
		}
		s->data += used;
		s->len -= used;
	}
	if (s->scheme.id == SIGNATURE_NONE)
		return errmsg_set(err, "its authentication method %u is not the connection's",
				  method);
	if (!allowed(conf, s->scheme.id))
		return errmsg_set(err, "the connection does not allow %s",
				  signature_name(s->scheme.id));
	return 0;
}

int auth_pubkey_check(struct ike_sa *sa, const struct payload_chain *chain,
		      const struct payload *auth, const struct buf *octets,
		      struct errmsg *err)
{
	struct ike_peer_signature s;
	char id[ID_STRLEN];
	int ret;

	if (read_signature(&s, auth, &sa->conn->remote, err))
		return -1;
	ret = ike_verify(sa, chain, &s, octets, err);
	if (!ret)
		ike_log(sa, LOG_IKE, LVL_CTRL, "authentication of '%s' with %s successful",
			ike_id_str(&sa->remote_id, id), signature_name(s.scheme.id));
	return ret;
}
