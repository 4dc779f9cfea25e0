// SPDX-License-Identifier: GPL-2.0
/* The AUTH payload with a signature. */
#include <errno.h>
#include <string.h>

#include "auth_pubkey.h"
#include "certificate.h"
#include "ike_manager.h"
#include "ike_sign.h"
#include "signature.h"
#include "trust.h"

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

/* A peer's AUTH payload, taken apart. */
struct signature {
	struct signature_scheme scheme;
	bool classic;
	const uint8_t *octets;
	size_t len;
};

static int read_signature(struct signature *s, const struct payload *auth,
			  const struct auth_conf *conf, struct errmsg *err)
{
	uint8_t method = auth->body[0];
	size_t used;

	s->octets = auth->body + AUTH_HEADER;
	s->len = auth->len - AUTH_HEADER;
	s->classic = method != AUTH_METHOD_DIGITAL_SIGNATURE;
	s->scheme = (struct signature_scheme){ signature_of_method(method), 0 };
	if (!s->classic) {
		switch (signature_read_algorithm(&s->scheme, s->octets, s->len, &used)) {
		case 0:
			break;
		case -EOPNOTSUPP:
			return errmsg_set(err, "its signature's algorithm is not supported");
		default:
			return errmsg_set(err, "its signature's algorithm is malformed");
		}
		s->octets += used;
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

static int check_signature(EVP_PKEY *key, const struct signature *s, const struct buf *octets,
			   struct errmsg *err)
{
	switch (signature_verify(key, &s->scheme, s->classic, octets->data, octets->len,
				 s->octets, s->len)) {
	case 0:
		return 0;
	case -EINVAL:
		return errmsg_set(err, "its signature is of another kind than its key");
	case -EKEYREJECTED:
		return errmsg_set(err, "its signature is wrong");
	default:
		return errmsg_set(err, "its signature cannot be checked");
	}
}

/* A peer's certificate, and what it is to have signed. */
struct signer {
	struct trust_peer peer;
	const struct signature *signature;
	const struct buf *octets;
};

static int has_signed(const struct trust_peer *peer, struct errmsg *err)
{
	const struct signer *s = container_of(peer, struct signer, peer);

	return check_signature(X509_get0_pubkey(peer->cert), s->signature, s->octets, err);
}

/* Whose certificate, then whose signature: a key nobody vouches for is not tried. */
static int check_cert(struct ike_sa *sa, X509 *cert, STACK_OF(X509) *others,
		      const struct signature *s, const struct buf *octets,
		      struct errmsg *err)
{
	const struct signer signer = {
		.peer = {
			.cert = cert,
			.others = others,
			.prove = has_signed,
			.waiter = &sa->handshake->waiter,
		},
		.signature = s,
		.octets = octets,
	};
	char id[ID_STRLEN], name[ID_STRLEN];
	int ret;

	if (!certificate_has_id(cert, &sa->remote_id))
		return errmsg_set(err, "certificate \"%s\" is not of '%s'",
				  certificate_str(cert, name), ike_id_str(&sa->remote_id, id));
	ret = trust_check(sa->manager->config->credentials, sa->manager->revocation,
			  &sa->conn->remote, &signer.peer, err);
	/* One of its CAs may be revoked while others are still asked about. */
	if (ret != TRUST_WAIT)
		revocation_cancel(&sa->handshake->waiter);
	return ret;
}

/* With a certificate that came along, or those that were loaded for this identity. */
static int check_certs(struct ike_sa *sa, STACK_OF(X509) *received,
		       const struct signature *s, const struct buf *octets,
		       struct errmsg *err)
{
	const struct auth_conf *conf = &sa->conn->remote;
	struct errmsg other;
	int ret;

	if (sk_X509_num(received) > 0)
		return check_cert(sa, sk_X509_value(received, 0), received, s, octets, err);
	errmsg_set(err, "it sent no certificate, and none of it was loaded");
	for (int i = 0; i < sk_X509_num(conf->certs); i++) {
		ret = check_cert(sa, sk_X509_value(conf->certs, i), NULL, s, octets, err);
		if (ret >= 0)
			return ret;
	}
	for (const struct credential *c = sa->manager->config->credentials->first; c; c = c->next) {
		if (c->kind != CREDENTIAL_CERT || !certificate_has_id(c->cert, &sa->remote_id))
			continue;
		ret = check_cert(sa, c->cert, NULL, s, octets, &other);
		if (ret >= 0)
			return ret;
		*err = other;
	}
	return -1;
}

int auth_pubkey_check(struct ike_sa *sa, const struct payload_chain *chain,
		      const struct payload *auth, const struct buf *octets,
		      struct errmsg *err)
{
	const struct auth_conf *conf = &sa->conn->remote;
	STACK_OF(X509) *received;
	struct signature s;
	char id[ID_STRLEN];
	int ret = -1;

	if (read_signature(&s, auth, conf, err))
		return -1;
	for (size_t i = 0; ret && i < conf->pubkey_count; i++)
		ret = trust_check_key(conf, conf->pubkeys[i], err) ||
		      check_signature(conf->pubkeys[i], &s, octets, err) ? -1 : 0;
	if (ret && (!conf->pubkey_count || conf->certs || conf->cacerts)) {
		received = ike_certs_read(sa, chain);
		ret = check_certs(sa, received, &s, octets, err);
		sk_X509_pop_free(received, X509_free);
	}
	if (!ret)
		ike_log(sa, LOG_IKE, LVL_CTRL, "authentication of '%s' with %s successful",
			ike_id_str(&sa->remote_id, id), signature_name(s.scheme.id));
	return ret;
}
