// SPDX-License-Identifier: GPL-2.0
/* Is a peer's certificate to be trusted? */
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "certificate.h"
#include "signature.h"
#include "trust.h"

#define DEPTH_MAX	8	/* CAs between a peer and its trust anchor */
#define STRENGTH	2	/* of libcrypto's levels: 112 bits, hence no SHA-1, no RSA 1024 */

/*
 * Does the certificate say where its revocation could be learnt, be it where we cannot ask?
 * What cannot be read may say so.
 */
static bool has_uri(X509 *cert)
{
	AUTHORITY_INFO_ACCESS *access;
	bool ocsp = false;

	if (X509_get_ext_by_NID(cert, NID_crl_distribution_points, -1) >= 0)
		return true;
	if (X509_get_ext_by_NID(cert, NID_info_access, -1) < 0)
		return false;
	access = X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access); i++)
		ocsp |= OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(access, i)->method) == NID_ad_OCSP;
	ocsp |= !access;
	AUTHORITY_INFO_ACCESS_free(access);
	return ocsp;
}

struct trust_case {
	const struct trust_peer *peer;
	struct auth_conf conf;		/* what it asks of chains; its cacerts are our own */
	X509_STORE *store;
	bool pinned;
	uint64_t loaded, fetched;	/* as those of the credentials were */
	/* What came of it: 0 and the chain, or -1 and why. */
	int ret;
	int error;			/* X509_V_ERR_*, 0 if it is none of libcrypto's */
	STACK_OF(X509) *chain;
	struct errmsg err;
	/* Those that no CRL says anything of, and why. */
	struct {
		X509 *cert;
		int error;
	} unknown[DEPTH_MAX + 2];
	size_t n;
};

static int unknown_error(const struct trust_case *tc, const X509 *cert)
{
	for (size_t i = 0; i < tc->n; i++)
		if (tc->unknown[i].cert == cert)
			return tc->unknown[i].error;
	return X509_V_OK;
}

/*
 * A CRL that is too old is good for what it says, not for what it does not say. What is
 * not known then is looked at when the chain is complete.
 */
static int on_error(int ok, X509_STORE_CTX *ctx)
{
	struct trust_case *tc = X509_STORE_CTX_get_app_data(ctx);
	X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
	int error = X509_STORE_CTX_get_error(ctx);

	if (ok)
		return 1;
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_CRL_HAS_EXPIRED:
		if (cert && !unknown_error(tc, cert)) {
			if (tc->n == sizeof(tc->unknown) / sizeof(*tc->unknown))
				return 0;
			tc->unknown[tc->n].cert = cert;
			tc->unknown[tc->n++].error = error;
		}
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	default:
		return 0;
	}
}

static int refuse(struct trust_case *tc, X509_STORE_CTX *ctx)
{
	X509 *at = X509_STORE_CTX_get_current_cert(ctx);
	char name[ID_STRLEN];

	tc->error = X509_STORE_CTX_get_error(ctx);
	return errmsg_set(&tc->err, "certificate \"%s\": %s",
			  certificate_str(at ? at : tc->peer->cert, name),
			  X509_verify_cert_error_string(tc->error));
}

int trust_check_key(const struct auth_conf *conf, const EVP_PKEY *key, struct errmsg *err)
{
	unsigned int bits = key_bits(key);
	unsigned int least = 0;

	if (key_check(key, err))
		return -1;
	switch (key_type(key)) {
	case KEY_RSA:
		least = conf->rsa_bits;
		break;
	case KEY_ECDSA:
		least = conf->ecdsa_bits;
		break;
	default:
		break;
	}
	if (bits < least)
		return errmsg_set(err, "its key has %u bits: the connection asks for %u", bits,
				  least);
	return 0;
}

/* Is the CA called so? In distinguished names "*" stands for anything. */
static bool is_called(X509 *ca, const struct ike_id *id)
{
	struct ike_id subject;
	bool fits;

	if (id->type != ID_DER_ASN1_DN)
		return certificate_has_id(ca, id);
	if (certificate_subject(ca, &subject))
		return false;
	fits = ike_id_match(id, &subject);
	ike_id_clear(&subject);
	return fits;
}

static bool in_list(STACK_OF(X509) *list, const X509 *cert)
{
	for (int i = 0; i < sk_X509_num(list); i++)
		if (!X509_cmp(sk_X509_value(list, i), cert))
			return true;
	return false;
}

static int hash_nid(enum ike_hash hash)
{
	switch (hash) {
	case HASH_SHA1:
		return NID_sha1;
	case HASH_SHA2_256:
		return NID_sha256;
	case HASH_SHA2_384:
		return NID_sha384;
	case HASH_SHA2_512:
		return NID_sha512;
	default:
		return NID_undef;
	}
}

static bool is_signed_with(X509 *cert, enum signature_id id)
{
	const bool pss = id >= SIGNATURE_PSS_SHA2_256 && id <= SIGNATURE_PSS_SHA2_512;
	int hash, kind;

	if (!X509_get_signature_info(cert, &hash, &kind, NULL, NULL))
		return false;
	switch (signature_key_type(id)) {
	case KEY_RSA:
		return kind == (pss ? NID_rsassaPss : NID_rsaEncryption) &&
		       hash == hash_nid(signature_hash(id));
	case KEY_ECDSA:
		return kind == NID_X9_62_id_ecPublicKey && hash == hash_nid(signature_hash(id));
	default:
		return kind == NID_ED25519;
	}
}

static bool is_signed_well(const struct auth_conf *conf, X509 *cert)
{
	bool ok = !conf->chain_signatures;

	for (enum signature_id id = SIGNATURE_NONE + 1; !ok && id < SIGNATURES; id++)
		ok = conf->chain_signatures & 1u << id && is_signed_with(cert, id);
	return ok;
}

/*
 * What the connection asks of the chain that was found, the peer's certificate first. Who has
 * signed the anchor does not matter.
 */
static int check_chain(const struct auth_conf *conf, STACK_OF(X509) *chain,
		       struct errmsg *err)
{
	bool has_ca = !conf->cacerts, has_id = conf->ca_id.type == ID_ANY;
	char name[ID_STRLEN], id[ID_STRLEN];
	struct errmsg why;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *cert = sk_X509_value(chain, i);

		if (trust_check_key(conf, X509_get0_pubkey(cert), &why))
			return errmsg_set(err, "certificate \"%s\": %s",
					  certificate_str(cert, name), why.text);
		if (i + 1 < sk_X509_num(chain) && !is_signed_well(conf, cert))
			return errmsg_set(err, "certificate \"%s\": it is signed with %s, which the connection's auth does not allow",
					  certificate_str(cert, name),
					  OBJ_nid2sn(X509_get_signature_nid(cert)));
		if (i && in_list(conf->cacerts, cert))
			has_ca = true;
		if (i && !has_id)
			has_id = is_called(cert, &conf->ca_id);
	}
	if (!has_ca)
		return errmsg_set(err, "certificate \"%s\": it is of none of the CAs that the connection names",
				  certificate_str(sk_X509_value(chain, 0), name));
	return has_id ? 0 : errmsg_set(err, "certificate \"%s\": it is of no CA with the identity '%s', which the connection asks for",
				       certificate_str(sk_X509_value(chain, 0), name),
				       ike_id_str(&conf->ca_id, id));
}

static bool is_good_for(const X509_STORE_CTX *ctx, const ASN1_OBJECT *policy)
{
	const X509_POLICY_TREE *tree = X509_STORE_CTX_get0_policy_tree(ctx);
	STACK_OF(X509_POLICY_NODE) *nodes = tree ? X509_policy_tree_get0_user_policies(tree) : NULL;

	for (int i = 0; i < sk_X509_POLICY_NODE_num(nodes); i++)
		if (!OBJ_cmp(X509_policy_node_get0_policy(sk_X509_POLICY_NODE_value(nodes, i)),
			     policy))
			return true;
	return false;
}

/* RFC 5280 section 6.1: those of the peer's certificate that all its CAs allow. */
static int check_policies(const struct auth_conf *conf, const X509_STORE_CTX *ctx, X509 *cert,
			  struct errmsg *err)
{
	char name[ID_STRLEN], oid[128];

	for (int i = 0; i < sk_ASN1_OBJECT_num(conf->cert_policies); i++) {
		const ASN1_OBJECT *policy = sk_ASN1_OBJECT_value(conf->cert_policies, i);

		if (is_good_for(ctx, policy))
			continue;
		OBJ_obj2txt(oid, sizeof(oid), policy, 1);
		return errmsg_set(err, "certificate \"%s\": it is not for the policy %s, which the connection asks for",
				  certificate_str(cert, name), oid);
	}
	return 0;
}

static enum revocation_answer ask(struct revocation_info *r, X509 *cert, X509 *issuer, bool has_crl,
				  struct revocation_waiter *w)
{
	enum revocation_answer answer = has_crl ? REVOCATION_GOOD : REVOCATION_NO_URI;

	if (r && issuer)
		answer = revocation_ask(r, cert, issuer, has_crl, w);
	return answer == REVOCATION_NO_URI && has_uri(cert) ? REVOCATION_UNKNOWN : answer;
}

/* Is any of the chain revoked? Nobody revokes a trust anchor: it is taken away. */
static int check_revocation(struct trust_case *tc, struct revocation_info *r,
			    struct revocation_waiter *w, struct errmsg *err)
{
	STACK_OF(X509) *chain = tc->chain;
	int n = sk_X509_num(chain), ret = 0;
	char name[ID_STRLEN];

	for (int i = 0; i < n; i++) {
		X509 *cert = sk_X509_value(chain, i);
		int error = unknown_error(tc, cert);

		if (X509_check_issued(cert, cert) == X509_V_OK)
			continue;
		switch (ask(r, cert, i + 1 < n ? sk_X509_value(chain, i + 1) : NULL, !error, w)) {
		case REVOCATION_GOOD:
			continue;
		case REVOCATION_WAIT:
			ret = TRUST_WAIT;
			continue;
		case REVOCATION_REVOKED:
			error = X509_V_ERR_CERT_REVOKED;
			break;
		case REVOCATION_NO_URI:
			if (tc->conf.revocation == REVOCATION_IFURI)
				continue;
			/* fallthrough */
		case REVOCATION_UNKNOWN:
			if (tc->conf.revocation == REVOCATION_RELAXED)
				continue;
			break;
		}
		tc->error = error;
		return errmsg_set(err, "certificate \"%s\": %s", certificate_str(cert, name),
				  X509_verify_cert_error_string(error));
	}
	return ret;
}

static int init(X509_STORE_CTX *ctx, X509_STORE *store, const struct auth_conf *conf, X509 *cert,
		STACK_OF(X509) *others, bool pinned)
{
	X509_VERIFY_PARAM *param;

	/*
	 * What was loaded itself is its own trust anchor where no chain leads further: that is
	 * what allows partial chains (trust_stores.h). It is one only for itself.
	 */
	if (!X509_STORE_CTX_init(ctx, store, cert, others))
		return 0;
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_depth(param, DEPTH_MAX);
	X509_VERIFY_PARAM_set_auth_level(param, STRENGTH);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL |
				    X509_V_FLAG_EXTENDED_CRL_SUPPORT | X509_V_FLAG_USE_DELTAS |
				    (pinned ? X509_V_FLAG_PARTIAL_CHAIN : 0));
	return !conf->cert_policies || X509_VERIFY_PARAM_set1_policies(param, conf->cert_policies);
}

static int keep_conf(struct trust_case *tc, const struct auth_conf *conf)
{
	tc->conf.revocation = conf->revocation;
	tc->conf.chain_signatures = conf->chain_signatures;
	tc->conf.rsa_bits = conf->rsa_bits;
	tc->conf.ecdsa_bits = conf->ecdsa_bits;
	tc->conf.ca_id = conf->ca_id;
	tc->conf.cert_policies = conf->cert_policies;
	if (conf->cacerts)
		tc->conf.cacerts = X509_chain_up_ref(conf->cacerts);
	return conf->cacerts && !tc->conf.cacerts ? -1 : 0;
}

struct trust_case *trust_open(struct credentials *credentials, const struct auth_conf *conf,
			      const struct trust_peer *peer, struct errmsg *err)
{
	X509 *cert = peer->cert;
	char name[ID_STRLEN];
	struct trust_case *tc;
	struct errmsg why;

	if (conf->certs && !in_list(conf->certs, cert)) {
		errmsg_set(err, "certificate \"%s\": it is none of those that the connection names",
			   certificate_str(cert, name));
		return NULL;
	}
	if (certificate_check_usage(cert, &why)) {
		errmsg_set(err, "certificate \"%s\": %s", certificate_str(cert, name), why.text);
		return NULL;
	}
	tc = calloc(1, sizeof(*tc));
	if (!tc) {
		errmsg_set(err, "out of memory");
		return NULL;
	}
	tc->peer = peer;
	tc->ret = errmsg_set(&tc->err, "it has not been verified");
	tc->pinned = in_list(conf->certs, cert) || credentials_has_cert(credentials, cert);
	tc->store = trust_stores_get(credentials, conf->cacerts);
	tc->loaded = credentials->loaded;
	tc->fetched = credentials->fetched;
	if (!tc->store || keep_conf(tc, conf)) {
		trust_close(tc);
		errmsg_set(err, "out of memory");
		return NULL;
	}
	return tc;
}

static int verify(struct trust_case *tc, X509_STORE_CTX *ctx)
{
	const struct trust_peer *peer = tc->peer;
	int ret;

	X509_STORE_CTX_set_app_data(ctx, tc);
	X509_STORE_CTX_set_verify_cb(ctx, on_error);
	if (X509_verify_cert(ctx) != 1)
		return refuse(tc, ctx);
	tc->chain = X509_STORE_CTX_get1_chain(ctx);
	if (!tc->chain)
		return errmsg_set(&tc->err, "out of memory");
	ret = check_chain(&tc->conf, tc->chain, &tc->err);
	if (!ret) {
		ret = check_policies(&tc->conf, ctx, peer->cert, &tc->err);
		if (ret)
			tc->error = X509_V_ERR_NO_EXPLICIT_POLICY;
	}
	return !ret && peer->prove ? peer->prove(peer, &tc->err) : ret;
}

int trust_verify(struct trust_case *tc)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	if (ctx && init(ctx, tc->store, &tc->conf, tc->peer->cert, tc->peer->others, tc->pinned))
		tc->ret = verify(tc, ctx);
	else
		tc->ret = errmsg_set(&tc->err, "out of memory");
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return tc->ret;
}

int trust_conclude(struct trust_case *tc, struct revocation_info *r, struct revocation_waiter *w,
		   struct errmsg *err)
{
	if (!tc->ret)
		return check_revocation(tc, r, w, err);
	*err = tc->err;
	return -1;
}

int trust_error(const struct trust_case *tc)
{
	return tc->error;
}

bool trust_is_current(const struct trust_case *tc, const struct credentials *credentials)
{
	return tc->loaded == credentials->loaded &&
	       (tc->fetched == credentials->fetched || !tc->n);
}

void trust_close(struct trust_case *tc)
{
	if (!tc)
		return;
	X509_STORE_free(tc->store);
	sk_X509_pop_free(tc->conf.cacerts, X509_free);
	sk_X509_pop_free(tc->chain, X509_free);
	free(tc);
}
