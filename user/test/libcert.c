// SPDX-License-Identifier: GPL-2.0
#include <assert.h>

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "libcert.h"

static void extend(X509 *cert, const char *const *extensions)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	for (; *extensions; extensions += 2) {
		X509_EXTENSION *e = X509V3_EXT_conf(NULL, &ctx, extensions[0], extensions[1]);

		assert(e && X509_add_ext(cert, e, -1));
		X509_EXTENSION_free(e);
	}
}

static long serial;

struct cert_pair cert_make(const struct cert_plan *plan)
{
	struct cert_pair p = { plan->key ? plan->key : EVP_EC_gen("P-256"), X509_new() };
	X509_NAME *name = X509_NAME_new();

	if (plan->key)
		EVP_PKEY_up_ref(plan->key);
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"Example", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)plan->name, -1, -1, 0);
	X509_set_version(p.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(p.cert), ++serial);
	X509_set_subject_name(p.cert, name);
	X509_set_issuer_name(p.cert, plan->issuer ? X509_get_subject_name(plan->issuer->cert) :
						    name);
	X509_gmtime_adj(X509_getm_notBefore(p.cert), plan->until ? plan->from : -DAY);
	X509_gmtime_adj(X509_getm_notAfter(p.cert), plan->until ? plan->until : 10 * DAY);
	X509_set_pubkey(p.cert, p.key);
	if (plan->extensions)
		extend(p.cert, plan->extensions);
	X509_sign(p.cert, plan->issuer ? plan->issuer->key : p.key, EVP_sha256());
	X509_NAME_free(name);
	return p;
}

void cert_pair_free(struct cert_pair *p)
{
	EVP_PKEY_free(p->key);
	X509_free(p->cert);
}

size_t ocsp_make(const struct cert_pair *responder, X509 *issuer, X509 *about, int status,
		 long from, long until, unsigned char **der)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	ASN1_TIME *begins = X509_gmtime_adj(NULL, from);
	ASN1_TIME *ends = until ? X509_gmtime_adj(NULL, until) : NULL;
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, about, issuer);
	OCSP_RESPONSE *response;
	int len;

	OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_NOSTATUS, begins, begins,
			       ends);
	OCSP_basic_sign(basic, responder->cert, responder->key, EVP_sha256(), NULL, 0);
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	*der = NULL;
	len = i2d_OCSP_RESPONSE(response, der);
	assert(len > 0);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(begins);
	ASN1_TIME_free(ends);
	return (size_t)len;
}
