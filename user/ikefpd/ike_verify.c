// SPDX-License-Identifier: GPL-2.0
/* The peer's signature, verified or being verified. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509_vfy.h>

#include "certificate.h"
#include "container_of.h"
#include "ike_hold.h"
#include "ike_manager.h"
#include "ike_verify.h"
#include "jobs.h"
#include "trust.h"

/* A chain of so many is verified in less than a millisecond, if its keys are quick. */
#define BRIEF_CERTS	3
/* And of so many octets is read in less. */
#define BRIEF_OCTETS	4096

/* One whose certificate may be the peer's. */
struct signer {
	struct signer *next;
	struct ike_verification *of;
	struct trust_peer peer;	/* with a reference to its cert */
	struct trust_case *trust;	/* NULL: it is not to be trusted, for this reason: */
	struct errmsg err;
};

/*
 * Until it is made a thread reads all of it but the SA. What that points to is the job's own, or
 * never changes: of the connection that are the keys and how long they are to be.
 */
struct ike_verification {
	struct job job;
	bool made;
	struct ike_sa *sa;
	struct conn *conn;	/* a reference */
	uint64_t loaded;	/* of the credentials */
	struct signature_scheme scheme;
	bool classic;
	struct buf signature, octets;
	struct buf certs;	/* as they came, until they are read */
	STACK_OF(X509) *received;
	unsigned int unread;
	struct signer *signers;
	/* What is known so far: */
	bool has_read;
	bool tried_keys, is_by_key;	/* of the connection's keys, by one of them */
	struct signer *signer;		/* or by this one, none before; NULL: by none, for: */
	struct errmsg err;
	int error;			/* of it, trust_error() */
};

static int check_signature(const struct ike_verification *v, EVP_PKEY *key, struct errmsg *err)
{
	switch (signature_verify(key, &v->scheme, v->classic, v->octets.data, v->octets.len,
				 v->signature.data, v->signature.len)) {
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

static int has_signed(const struct trust_peer *peer, struct errmsg *err)
{
	const struct signer *s = container_of(peer, struct signer, peer);

	return check_signature(s->of, X509_get0_pubkey(peer->cert), err);
}

/* Whose certificate, then whose signature: a key nobody vouches for is not tried. */
static void try_signers(struct ike_verification *v)
{
	for (; v->signer; v->signer = v->signer->next) {
		struct signer *s = v->signer;

		if (!s->trust)
			v->err = s->err;
		else if (!trust_verify(s->trust))
			return;
		else
			trust_conclude(s->trust, NULL, NULL, &v->err);
		v->error = s->trust ? trust_error(s->trust) : 0;
	}
}

static void try_keys(struct ike_verification *v)
{
	const struct auth_conf *conf = &v->conn->remote;

	for (size_t i = 0; !v->is_by_key && i < conf->pubkey_count; i++)
		v->is_by_key = !trust_check_key(conf, conf->pubkeys[i].key, &v->err) &&
			       !check_signature(v, conf->pubkeys[i].key, &v->err);
	v->tried_keys = true;
}

/* What came along is read first, as that takes long, too; the loop has a look at it then. */
static void read_certs(struct job *job)
{
	struct ike_verification *v = container_of(job, struct ike_verification, job);

	v->received = ike_certs_read(&v->certs, &v->unread);
	buf_clear(&v->certs);
}

static void verify(struct job *job)
{
	struct ike_verification *v = container_of(job, struct ike_verification, job);

	if (!v->tried_keys)
		try_keys(v);
	if (!v->is_by_key)
		try_signers(v);
}

static void free_verification(struct ike_verification *v)
{
	struct signer *s;

	while ((s = v->signers)) {
		v->signers = s->next;
		trust_close(s->trust);
		X509_free(s->peer.cert);
		free(s);
	}
	sk_X509_pop_free(v->received, X509_free);
	buf_clear(&v->signature);
	buf_clear(&v->octets);
	buf_clear(&v->certs);
	conn_put(v->conn);
	free(v);
}

static void done(struct job *job)
{
	struct ike_verification *v = container_of(job, struct ike_verification, job);

	v->made = true;
	ike_hold_look_again(v->sa);
}

static void drop(struct job *job)
{
	free_verification(container_of(job, struct ike_verification, job));
}

void ike_verify_end(struct ike_handshake *h)
{
	struct ike_verification *v = h->verification;

	h->verification = NULL;
	if (v && !v->made)
		jobs_cancel(&v->job);
	else if (v)
		free_verification(v);
}

/* Who may have signed */

/* Without memory: NULL. */
static struct signer *add_signer(struct ike_verification *v, X509 *cert, STACK_OF(X509) *others)
{
	struct signer *s = calloc(1, sizeof(*s)), **end;

	if (!s)
		return NULL;
	s->of = v;
	if (cert)
		X509_up_ref(cert);
	s->peer = (struct trust_peer){ .cert = cert, .others = others, .prove = has_signed };
	for (end = &v->signers; *end; end = &(*end)->next)
		;
	*end = s;
	return s;
}

static int add_cert(struct ike_verification *v, X509 *cert, STACK_OF(X509) *others)
{
	struct signer *s = add_signer(v, cert, others);
	char id[ID_STRLEN], name[ID_STRLEN];

	if (!s)
		return -ENOMEM;
	if (!certificate_has_id(cert, &v->sa->remote_id))
		errmsg_set(&s->err, "certificate \"%s\" is not of '%s'",
			   certificate_str(cert, name), ike_id_str(&v->sa->remote_id, id));
	else
		s->trust = trust_open(v->sa->manager->config->credentials, &v->conn->remote,
				      &s->peer, &s->err);
	return 0;
}

/* By a certificate that came along, or those that were loaded for this identity. */
static int find_signers(struct ike_verification *v)
{
	const struct config *config = v->sa->manager->config;
	const struct auth_conf *conf = &v->conn->remote;
	STACK_OF(X509) *loaded;
	struct signer *none;
	int err = 0;

	if (sk_X509_num(v->received) > 0)
		return add_cert(v, sk_X509_value(v->received, 0), v->received);
	none = add_signer(v, NULL, NULL);
	if (!none)
		return -ENOMEM;
	errmsg_set(&none->err, "it sent no certificate, and none of it was loaded");
	for (int i = 0; !err && i < sk_X509_num(conf->certs); i++)
		err = add_cert(v, sk_X509_value(conf->certs, i), NULL);
	loaded = credentials_of_id(config->credentials, &v->sa->remote_id);
	for (int i = 0; !err && i < sk_X509_num(loaded); i++)
		err = add_cert(v, sk_X509_value(loaded, i), NULL);
	sk_X509_free(loaded);
	return err;
}

/* Is there more to try than the connection's keys? */
static bool takes_certs(const struct auth_conf *conf)
{
	return !conf->pubkey_count || conf->certs || conf->cacerts;
}

/* By the keys that came along. */
static bool is_brief(const struct ike_verification *v)
{
	bool brief = sk_X509_num(v->received) <= BRIEF_CERTS;

	for (int i = 0; brief && i < sk_X509_num(v->received); i++)
		brief = key_is_quick(X509_get0_pubkey(sk_X509_value(v->received, i)));
	return brief;
}

/* By a thread, or at once where there is none. */
static void run(struct ike_verification *v, void (*work)(struct job *job), bool brief)
{
	v->made = false;
	v->job = (struct job){ .work = work, .done = done, .drop = drop, .brief = brief };
	if (jobs_submit(&v->job))
		return;
	work(&v->job);
	v->made = true;
}

static struct ike_verification *begin(struct ike_sa *sa, const struct payload_chain *chain,
				      const struct ike_peer_signature *signature,
				      const struct buf *octets)
{
	struct ike_verification *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->sa = sa;
	v->conn = conn_get(sa->conn);
	v->loaded = sa->manager->config->credentials->loaded;
	v->scheme = signature->scheme;
	v->classic = signature->classic;
	v->made = true;
	if (takes_certs(&sa->conn->remote))
		ike_certs_collect(&v->certs, sa, chain);
	if (v->certs.failed || buf_set(&v->signature, signature->data, signature->len) ||
	    buf_set(&v->octets, octets->data, octets->len)) {
		free_verification(v);
		return NULL;
	}
	if (v->certs.len)
		run(v, read_certs, v->certs.len <= BRIEF_OCTETS);
	return v;
}

/* Would the same be found out now? */
static bool is_current(const struct ike_verification *v, const struct ike_peer_signature *s,
		       const struct buf *octets)
{
	const struct credentials *credentials = v->sa->manager->config->credentials;

	if (v->conn != v->sa->conn || v->loaded != credentials->loaded ||
	    v->scheme.id != s->scheme.id || v->scheme.salt_len != s->scheme.salt_len ||
	    v->classic != s->classic || v->signature.len != s->len ||
	    v->octets.len != octets->len ||
	    memcmp(v->signature.data, s->data, s->len) ||
	    memcmp(v->octets.data, octets->data, octets->len))
		return false;
	return !v->made || v->is_by_key || !v->signer ||
	       trust_is_current(v->signer->trust, credentials);
}

/* What came along has been read. 0 or -ENOMEM. */
static int begin_to_verify(struct ike_verification *v)
{
	v->has_read = true;
	ike_certs_log(v->sa, v->received, v->unread);
	if (takes_certs(&v->conn->remote) && find_signers(v))
		return -ENOMEM;
	v->signer = v->signers;
	run(v, verify, is_brief(v));
	return 0;
}

/* What is said of the last one that was tried. */
static void alert(const struct ike_verification *v)
{
	static const struct {
		int error;
		enum control_alert alert;
	} alerts[] = {
		{ X509_V_ERR_CERT_HAS_EXPIRED, ALERT_CERT_EXPIRED },
		{ X509_V_ERR_CERT_NOT_YET_VALID, ALERT_CERT_EXPIRED },
		{ X509_V_ERR_CERT_REVOKED, ALERT_CERT_REVOKED },
		{ X509_V_ERR_UNABLE_TO_GET_CRL, ALERT_CERT_VALIDATION_FAILED },
		{ X509_V_ERR_DIFFERENT_CRL_SCOPE, ALERT_CERT_VALIDATION_FAILED },
		{ X509_V_ERR_CRL_HAS_EXPIRED, ALERT_CERT_VALIDATION_FAILED },
		{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, ALERT_CERT_NO_ISSUER },
		{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, ALERT_CERT_NO_ISSUER },
		{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, ALERT_CERT_UNTRUSTED_ROOT },
		{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, ALERT_CERT_UNTRUSTED_ROOT },
		{ X509_V_ERR_CERT_CHAIN_TOO_LONG, ALERT_CERT_EXCEEDED_PATH_LEN },
		{ X509_V_ERR_PATH_LENGTH_EXCEEDED, ALERT_CERT_EXCEEDED_PATH_LEN },
		{ X509_V_ERR_NO_EXPLICIT_POLICY, ALERT_CERT_POLICY_VIOLATION },
		{ X509_V_ERR_INVALID_POLICY_EXTENSION, ALERT_CERT_POLICY_VIOLATION },
		{ X509_V_ERR_PERMITTED_VIOLATION, ALERT_CERT_POLICY_VIOLATION },
		{ X509_V_ERR_EXCLUDED_VIOLATION, ALERT_CERT_POLICY_VIOLATION },
	};

	for (size_t i = 0; i < sizeof(alerts) / sizeof(*alerts); i++)
		if (v->error == alerts[i].error)
			ike_manager_alert(v->sa->manager, alerts[i].alert, v->sa);
}

/* Another one may be good, by what is loaded and known by now. */
#define ANOTHER		2

/* Whose is it, and is that certificate revoked? */
static int conclude(struct ike_verification *v, struct errmsg *err)
{
	struct ike_manager *m = v->sa->manager;
	struct revocation_waiter *w = &v->sa->handshake->waiter;
	int ret;

	if (v->made && !v->has_read && begin_to_verify(v))
		return errmsg_set(err, "out of memory");
	if (!v->made)
		return TRUST_WAIT;
	if (v->is_by_key)
		return 0;
	if (!v->signer) {
		alert(v);
		*err = v->err;
		return -1;
	}
	ret = trust_conclude(v->signer->trust, m->revocation, w, &v->err);
	if (ret == TRUST_WAIT)
		return ret;
	/* One of its CAs may be revoked while others are still asked about. */
	revocation_cancel(w);
	if (!ret)
		return 0;
	v->error = trust_error(v->signer->trust);
	v->signer = v->signer->next;
	if (v->signer)
		run(v, verify, is_brief(v));
	return ANOTHER;
}

int ike_verify(struct ike_sa *sa, const struct payload_chain *chain,
	       const struct ike_peer_signature *signature, const struct buf *octets,
	       struct errmsg *err)
{
	struct ike_handshake *h = sa->handshake;
	int ret;

	do {
		if (h->verification && !is_current(h->verification, signature, octets))
			ike_verify_end(h);
		if (!h->verification)
			h->verification = begin(sa, chain, signature, octets);
		if (!h->verification)
			return errmsg_set(err, "out of memory");
		ret = conclude(h->verification, err);
	} while (ret == ANOTHER);
	if (ret != TRUST_WAIT)
		ike_verify_end(h);
	return ret;
}
