// SPDX-License-Identifier: GPL-2.0
/* Certificates in the handshake. */
#include <errno.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "ike_cert.h"
#include "ike_manager.h"
#include "ike_sa.h"
#include "secrets.h"
#include "signature.h"

#define CHAIN_MAX	8	/* certificates that are sent, or read */
#define AUTHORITIES_MAX	64	/* CAs that are asked for, or heeded */

static const uint8_t hashes[] = { HASH_SHA2_256, HASH_SHA2_384, HASH_SHA2_512, HASH_IDENTITY };

void ike_certs_clear(struct ike_certs *certs)
{
	buf_clear(&certs->authorities);
	EVP_PKEY_free(certs->key);
	X509_free(certs->cert);
	memset(certs, 0, sizeof(*certs));
}

static void take_certreq(struct ike_certs *certs, const struct payload *p)
{
	size_t len = p->len - 1;

	if (p->body[0] != CERT_X509_SIGNATURE)
		return;
	certs->certreq = true;
	if (len % KEY_ID_LEN || certs->authorities.len + len > AUTHORITIES_MAX * KEY_ID_LEN)
		return;
	buf_put(&certs->authorities, p->body + 1, len);
}

int ike_certs_take(struct ike_certs *certs, const struct payload_chain *chain)
{
	struct notify n;

	for (unsigned int i = 0; i < chain->n; i++)
		if (chain->v[i].type == PAYLOAD_CERTREQ)
			take_certreq(certs, &chain->v[i]);
	if (notify_find(&n, chain, SIGNATURE_HASH_ALGORITHMS) || n.len % 2)
		return certs->authorities.failed ? -ENOMEM : 0;
	for (size_t i = 0; i < n.len; i += 2) {
		uint16_t hash = get16(n.data + i);

		if (hash < 8)
			certs->hashes |= HASHES_ALL & 1u << hash;
	}
	return certs->authorities.failed ? -ENOMEM : 0;
}

void ike_put_hashes(struct payload_writer *w, uint8_t of)
{
	uint8_t data[2 * sizeof(hashes)];
	size_t len = 0;

	for (size_t i = 0; i < sizeof(hashes); i++)
		if (of & 1u << hashes[i]) {
			data[len++] = 0;
			data[len++] = hashes[i];
		}
	payload_add_notify(w, PROTO_NONE, NULL, 0, SIGNATURE_HASH_ALGORITHMS, data, len);
}

static bool has_authority(const struct buf *authorities, const uint8_t id[KEY_ID_LEN])
{
	for (size_t i = 0; i < authorities->len; i += KEY_ID_LEN)
		if (!memcmp(authorities->data + i, id, KEY_ID_LEN))
			return true;
	return false;
}

static bool is_full(const struct buf *authorities)
{
	return authorities->len >= AUTHORITIES_MAX * KEY_ID_LEN;
}

static void put_authority(struct buf *out, const uint8_t id[KEY_ID_LEN])
{
	if (!is_full(out) && !has_authority(out, id))
		buf_put(out, id, KEY_ID_LEN);
}

static void put_named(struct buf *out, const struct conn *conn)
{
	uint8_t id[KEY_ID_LEN];

	for (int i = 0; i < sk_X509_num(conn->remote.cacerts) && !is_full(out); i++)
		if (!certificate_authority_id(sk_X509_value(conn->remote.cacerts, i), id))
			put_authority(out, id);
}

static void put_loaded(struct buf *out, const struct credentials *credentials)
{
	for (const struct credential *c = credentials->first; c && !is_full(out); c = c->next)
		if (c->kind == CREDENTIAL_CA)
			put_authority(out, c->authority_id);
}

/* Each IKE_SA_INIT asks for them, and there may be a CA for each of thousands of connections. */
static const struct buf *all_authorities(const struct config *config)
{
	struct config_authorities *all = config->all_authorities;

	if (all->known && all->loaded == config->credentials->loaded &&
	    all->conn_changes == config->conn_changes)
		return &all->ids;
	buf_clear(&all->ids);
	for (const struct conn *c = config->conns; c && !is_full(&all->ids); c = c->next)
		put_named(&all->ids, c);
	put_loaded(&all->ids, config->credentials);
	all->known = !all->ids.failed;
	all->loaded = config->credentials->loaded;
	all->conn_changes = config->conn_changes;
	return &all->ids;
}

void ike_put_certreq(struct payload_writer *w, const struct config *config,
		     const struct conn *conn, bool brief)
{
	struct buf own = BUF_INIT;
	const struct buf *authorities = conn ? &own : all_authorities(config);

	if (conn)
		put_named(&own, conn);
	if (conn && !own.len)
		put_loaded(&own, config->credentials);
	if (authorities->len) {
		payload_open(w, PAYLOAD_CERTREQ);
		buf_put8(&w->buf, CERT_X509_SIGNATURE);
		if (!brief)
			buf_put(&w->buf, authorities->data, authorities->len);
		payload_close(w);
	}
	if (authorities->failed)
		w->buf.failed = true;
	buf_clear(&own);
}

/* The CA that issued it, of the connection's or of all. */
static X509 *issuer_of(const struct config *config, const struct conn *conn, X509 *cert)
{
	for (int i = 0; i < sk_X509_num(conn->local.cacerts); i++) {
		X509 *ca = sk_X509_value(conn->local.cacerts, i);

		if (X509_check_issued(ca, cert) == X509_V_OK)
			return ca;
	}
	return credentials_issuer(config->credentials, cert);
}

static bool is_wanted(const struct ike_certs *certs, const X509 *ca)
{
	uint8_t id[KEY_ID_LEN];

	return !certificate_authority_id(ca, id) && has_authority(&certs->authorities, id);
}

/* Is it of a CA that the peer asked for? */
static bool leads_to_wanted(const struct ike_certs *certs, const struct config *config,
			    const struct conn *conn, X509 *cert)
{
	for (int i = 0; i < CHAIN_MAX; i++) {
		X509 *issuer = issuer_of(config, conn, cert);

		if (!issuer)
			return false;
		if (is_wanted(certs, issuer))
			return true;
		if (issuer == cert || certificate_is_self_issued(issuer))
			return false;
		cert = issuer;
	}
	return false;
}

struct choice {
	struct ike_certs *certs;
	const struct config *config;
	const struct conn *conn;
	struct secrets *secrets;
	bool wanted;		/* what is chosen is what the peer asked for */
};

/* Takes it if there is nothing better yet. */
static int offer_cert(struct choice *c, X509 *cert)
{
	struct ike_certs *certs = c->certs;
	bool wanted = !c->wanted && certs->authorities.len &&
		      leads_to_wanted(certs, c->config, c->conn, cert);
	uint8_t id[KEY_ID_LEN];

	if (certs->key && !wanted)
		return 0;
	if (certificate_key_id(cert, id))
		return -EIO;
	if (!secrets_has_key(c->secrets, id))
		return 0;
	EVP_PKEY_free(certs->key);
	X509_free(certs->cert);
	X509_up_ref(cert);
	certs->cert = cert;
	certs->key = X509_get_pubkey(cert);
	memcpy(certs->key_id, id, sizeof(id));
	c->wanted = wanted;
	return 0;
}

static int offer_key(struct choice *c, struct conf_pubkey *key)
{
	struct ike_certs *certs = c->certs;

	if (certs->key)
		return 0;
	if (!key->has_id && key_id(key->key, key->id))
		return -EIO;
	key->has_id = true;
	if (!secrets_has_key(c->secrets, key->id))
		return 0;
	EVP_PKEY_up_ref(key->key);
	certs->key = key->key;
	memcpy(certs->key_id, key->id, KEY_ID_LEN);
	return 0;
}

static int offer_certs(struct choice *c, STACK_OF(X509) *certs)
{
	int err = 0;

	for (int i = 0; !err && i < sk_X509_num(certs); i++)
		err = offer_cert(c, sk_X509_value(certs, i));
	return err;
}

int ike_certs_choose(struct ike_certs *certs, const struct config *config,
		     const struct conn *conn, const struct ike_id *id,
		     struct secrets *secrets)
{
	struct choice c = { certs, config, conn, secrets, false };
	const struct auth_conf *local = &conn->local;
	int err = offer_certs(&c, local->certs);

	for (size_t i = 0; !err && i < local->pubkey_count; i++)
		err = offer_key(&c, &local->pubkeys[i]);
	if (!local->certs && !local->pubkey_count) {
		STACK_OF(X509) *ours = credentials_of_id(config->credentials, id);

		err = offer_certs(&c, ours);
		sk_X509_free(ours);
	}
	return err ? err : certs->key ? 0 : -ENOKEY;
}

static void put_cert(struct payload_writer *w, X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);

	if (len <= 0) {
		w->buf.failed = true;
		return;
	}
	payload_open(w, PAYLOAD_CERT);
	buf_put8(&w->buf, CERT_X509_SIGNATURE);
	buf_put(&w->buf, der, (size_t)len);
	payload_close(w);
	OPENSSL_free(der);
}

void ike_put_certs(struct payload_writer *w, const struct ike_sa *sa)
{
	const struct ike_certs *certs = &sa->handshake->certs;
	const struct conn *conn = sa->conn;
	X509 *cert = certs->cert;
	char name[ID_STRLEN];

	if (!cert || conn->send_cert == SEND_CERT_NEVER ||
	    (conn->send_cert == SEND_CERT_IF_ASKED && !certs->certreq))
		return;
	for (int i = 0; i < CHAIN_MAX; i++) {
		/* They are put once more when the signature is there. */
		if (!sa->handshake->signatures)
			ike_log(sa, LOG_IKE, LVL_CTRL, "sending %s cert \"%s\"",
				i ? "issuer" : "end entity", certificate_str(cert, name));
		put_cert(w, cert);
		cert = issuer_of(sa->manager->config, conn, cert);
		if (!cert || certificate_is_self_issued(cert))
			return;
	}
}

void ike_certs_collect(struct buf *out, const struct ike_sa *sa, const struct payload_chain *chain)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < chain->n; i++) {
		const struct payload *p = &chain->v[i];

		if (p->type != PAYLOAD_CERT || p->body[0] != CERT_X509_SIGNATURE)
			continue;
		if (count++ == CHAIN_MAX) {
			ike_log(sa, LOG_IKE, LVL_CTRL, "ignoring all certificates but the first %d",
				CHAIN_MAX);
			return;
		}
		buf_put32(out, (uint32_t)(p->len - 1));
		buf_put(out, p->body + 1, p->len - 1);
	}
}

STACK_OF(X509) *ike_certs_read(const struct buf *collected, unsigned int *unread)
{
	STACK_OF(X509) *list = NULL;
	size_t len;

	*unread = 0;
	for (size_t at = 0; at < collected->len; at += len) {
		X509 *cert;

		len = get32(collected->data + at);
		at += 4;
		cert = certificate_read(collected->data + at, len);
		if (!cert || !X509_get0_pubkey(cert)) {
			++*unread;
			X509_free(cert);
			continue;
		}
		if (!list)
			list = sk_X509_new_null();
		if (!list || !sk_X509_push(list, cert)) {
			X509_free(cert);
			break;
		}
	}
	return list;
}

void ike_certs_log(const struct ike_sa *sa, STACK_OF(X509) *certs, unsigned int unread)
{
	char name[ID_STRLEN];

	for (int i = 0; i < sk_X509_num(certs); i++)
		ike_log(sa, LOG_IKE, LVL_CTRL, "received %s cert \"%s\"",
			i ? "issuer" : "end entity",
			certificate_str(sk_X509_value(certs, i), name));
	while (unread--)
		ike_log(sa, LOG_IKE, LVL_CTRL, "ignoring a certificate that cannot be read");
}
