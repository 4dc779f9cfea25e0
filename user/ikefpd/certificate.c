// SPDX-License-Identifier: GPL-2.0
/* Certificates and public keys. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/bio.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "certificate.h"
#include "dn.h"
#include "ikev2.h"
#include "table.h"

#define DER_SEQUENCE	0x30

static bool is_der(const void *data, size_t len)
{
	return len && *(const uint8_t *)data == DER_SEQUENCE;
}

/* No passphrase is ever asked for on a terminal. */
static int no_passphrase(char *buf, int size, int writing, void *data)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)data;
	return -1;
}

X509 *certificate_read(const void *data, size_t len)
{
	const unsigned char *at = data;
	X509 *cert = NULL;
	BIO *bio;

	if (len > INT_MAX)
		return NULL;
	if (is_der(data, len)) {
		cert = d2i_X509(NULL, &at, (long)len);
		if (cert && at != (const unsigned char *)data + len) {
			X509_free(cert);
			cert = NULL;
		}
	} else {
		bio = BIO_new_mem_buf(data, (int)len);
		if (bio)
			cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
		BIO_free(bio);
	}
	ERR_clear_error();
	return cert;
}

X509_CRL *crl_read(const void *data, size_t len)
{
	const unsigned char *at = data;
	X509_CRL *crl = NULL;
	BIO *bio;

	if (len > INT_MAX)
		return NULL;
	if (is_der(data, len)) {
		crl = d2i_X509_CRL(NULL, &at, (long)len);
	} else {
		bio = BIO_new_mem_buf(data, (int)len);
		if (bio)
			crl = PEM_read_bio_X509_CRL(bio, NULL, no_passphrase, NULL);
		BIO_free(bio);
	}
	ERR_clear_error();
	return crl;
}

EVP_PKEY *public_key_read(const void *data, size_t len)
{
	const unsigned char *at = data;
	OSSL_DECODER_CTX *decoder;
	EVP_PKEY *key = NULL;

	decoder = OSSL_DECODER_CTX_new_for_pkey(&key, NULL, NULL, NULL, EVP_PKEY_PUBLIC_KEY,
						NULL, NULL);
	if (decoder)
		OSSL_DECODER_from_data(decoder, &at, &len);
	OSSL_DECODER_CTX_free(decoder);
	ERR_clear_error();
	return key;
}

const char *name_str(const X509_NAME *name, char buf[ID_STRLEN])
{
	struct buf der = BUF_INIT;

	if (dn_from_name(&der, name) || !dn_str(der.data, der.len, buf, ID_STRLEN))
		snprintf(buf, ID_STRLEN, "?");
	buf_clear(&der);
	return buf;
}

const char *certificate_str(const X509 *cert, char buf[ID_STRLEN])
{
	return name_str(X509_get_subject_name(cert), buf);
}

int certificate_subject(const X509 *cert, struct ike_id *id)
{
	struct buf der = BUF_INIT;
	int err = dn_from_name(&der, X509_get_subject_name(cert));

	memset(id, 0, sizeof(*id));
	if (!err)
		err = ike_id_set(id, ID_DER_ASN1_DN, der.data, der.len);
	buf_clear(&der);
	return err;
}

int certificate_authority_id(const X509 *cert, uint8_t id[KEY_ID_LEN])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	int err = -EIO;

	if (len > 0 && EVP_Digest(der, (size_t)len, id, NULL, EVP_sha1(), NULL))
		err = 0;
	OPENSSL_free(der);
	return err;
}

/* As DER has a key in one way only, what stands in the certificate is what key_id() hashes. */
int certificate_key_id(const X509 *cert, uint8_t id[KEY_ID_LEN])
{
	const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(cert);

	return bits && EVP_Digest(ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits),
				  id, NULL, EVP_sha1(), NULL) ? 0 : -EIO;
}

bool certificate_is_ca(X509 *cert)
{
	int kind = X509_check_ca(cert);

	return kind == 1 || kind == 3;
}

bool certificate_is_self_issued(X509 *cert)
{
	return !X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert));
}

static bool same_text(const ASN1_STRING *text, const struct ike_id *id)
{
	return (size_t)ASN1_STRING_length(text) == id->len &&
	       !strncasecmp((const char *)ASN1_STRING_get0_data(text),
			    (const char *)id->data, id->len) &&
	       !memchr(id->data, 0, id->len);
}

static bool same_octets(const ASN1_STRING *octets, const struct ike_id *id)
{
	return octets && (size_t)ASN1_STRING_length(octets) == id->len &&
	       !memcmp(ASN1_STRING_get0_data(octets), id->data, id->len);
}

static bool is_name(const GENERAL_NAME *name, const struct ike_id *id)
{
	switch (id->type) {
	case ID_FQDN:
		return name->type == GEN_DNS && same_text(name->d.dNSName, id);
	case ID_RFC822_ADDR:
		return name->type == GEN_EMAIL && same_text(name->d.rfc822Name, id);
	case ID_IPV4_ADDR:
	case ID_IPV6_ADDR:
		return name->type == GEN_IPADD && same_octets(name->d.iPAddress, id);
	default:
		return false;
	}
}

static bool is_alternative_name(const X509 *cert, const struct ike_id *id)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++)
		found = is_name(sk_GENERAL_NAME_value(names, i), id);
	GENERAL_NAMES_free(names);
	ERR_clear_error();
	return found;
}

static bool is_key_id(X509 *cert, const struct ike_id *id)
{
	uint8_t hash[KEY_ID_LEN];

	if (same_octets(X509_get0_subject_key_id(cert), id))
		return true;
	return id->len == sizeof(hash) &&
	       ((!certificate_key_id(cert, hash) && !memcmp(hash, id->data, sizeof(hash))) ||
		(!certificate_authority_id(cert, hash) &&
		 !memcmp(hash, id->data, sizeof(hash))));
}

bool certificate_has_id(X509 *cert, const struct ike_id *id)
{
	struct ike_id subject;
	bool same;

	switch (id->type) {
	case ID_DER_ASN1_DN:
		if (certificate_subject(cert, &subject))
			return false;
		/* The peer's identity is no pattern, whatever it holds. */
		same = dn_match(subject.data, subject.len, id->data, id->len) == 3;
		ike_id_clear(&subject);
		return same;
	case ID_KEY_ID:
		return is_key_id(cert, id);
	default:
		return is_alternative_name(cert, id);
	}
}

uint64_t certificate_id_hash(const struct ike_id *id)
{
	return id->type == ID_DER_ASN1_DN ? dn_hash_der(id->data, id->len) :
					    ike_id_hash(TABLE_HASH, id);
}

struct id_hashes {
	uint64_t *v;
	size_t n;
};

static void add_id(struct id_hashes *to, uint8_t type, const uint8_t *data, size_t len)
{
	const struct ike_id id = { .type = type, .data = (uint8_t *)data, .len = len };

	to->v[to->n++] = ike_id_hash(TABLE_HASH, &id);
}

static void add_name(struct id_hashes *to, const GENERAL_NAME *name)
{
	uint8_t type;

	switch (name->type) {
	case GEN_DNS:
		type = ID_FQDN;
		break;
	case GEN_EMAIL:
		type = ID_RFC822_ADDR;
		break;
	case GEN_IPADD:
		type = ASN1_STRING_length(name->d.iPAddress) == 4 ? ID_IPV4_ADDR : ID_IPV6_ADDR;
		break;
	default:
		return;
	}
	add_id(to, type, ASN1_STRING_get0_data(name->d.ia5),
	       (size_t)ASN1_STRING_length(name->d.ia5));
}

static void add_key_ids(struct id_hashes *to, X509 *cert)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(cert);
	uint8_t hash[KEY_ID_LEN];

	if (id)
		add_id(to, ID_KEY_ID, ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id));
	if (!certificate_key_id(cert, hash))
		add_id(to, ID_KEY_ID, hash, sizeof(hash));
	if (!certificate_authority_id(cert, hash))
		add_id(to, ID_KEY_ID, hash, sizeof(hash));
}

static int compare_hashes(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void drop_doubles(struct id_hashes *of)
{
	size_t n = 0;

	qsort(of->v, of->n, sizeof(*of->v), compare_hashes);
	for (size_t i = 0; i < of->n; i++)
		if (!n || of->v[n - 1] != of->v[i])
			of->v[n++] = of->v[i];
	of->n = n;
}

#define OTHER_IDS	4	/* the subject, and add_key_ids() */

/* One that is malformed names nobody. 0 or -ENOMEM. */
static int read_names(const X509 *cert, GENERAL_NAMES **names)
{
	int critical, err = 0;

	ERR_clear_error();
	*names = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
	/* What has failed first was raised first. */
	if (!*names && critical >= 0 && ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE)
		err = -ENOMEM;
	ERR_clear_error();
	return err;
}

int certificate_id_hashes(X509 *cert, uint64_t **hashes, size_t *n)
{
	GENERAL_NAMES *names;
	int err = read_names(cert, &names);
	const int count = names ? sk_GENERAL_NAME_num(names) : 0;
	struct id_hashes to = { .n = 0 };

	if (!err)
		to.v = calloc((size_t)count + OTHER_IDS, sizeof(uint64_t));
	if (to.v) {
		to.v[to.n++] = dn_hash(X509_get_subject_name(cert));
		for (int i = 0; i < count; i++)
			add_name(&to, sk_GENERAL_NAME_value(names, i));
		add_key_ids(&to, cert);
		drop_doubles(&to);
	}
	GENERAL_NAMES_free(names);
	ERR_clear_error();
	*hashes = to.v;
	*n = to.n;
	return to.v ? 0 : -ENOMEM;
}

/* Purposes that IKE's peers have had in the course of time; TLS's are common, too. */
static bool is_ike_purpose(const ASN1_OBJECT *purpose)
{
	static const char *const ours[] = {
		"1.3.6.1.5.5.7.3.17",	/* id-kp-ipsecIKE */
		"1.3.6.1.5.5.8.2.2",	/* iKEIntermediate */
		"2.5.29.37.0",		/* anyExtendedKeyUsage */
		"1.3.6.1.5.5.7.3.1",	/* serverAuth */
		"1.3.6.1.5.5.7.3.2",	/* clientAuth */
		"1.3.6.1.5.5.7.3.5",	/* ipsecEndSystem */
		"1.3.6.1.5.5.7.3.6",	/* ipsecTunnel */
		"1.3.6.1.5.5.7.3.7",	/* ipsecUser */
	};
	char text[64];

	OBJ_obj2txt(text, sizeof(text), purpose, 1);
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (!strcmp(text, ours[i]))
			return true;
	return false;
}

static int check_purpose(const X509 *cert, struct errmsg *err)
{
	EXTENDED_KEY_USAGE *purposes;
	bool good = false;

	purposes = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	for (int i = 0; i < sk_ASN1_OBJECT_num(purposes) && !good; i++)
		good = is_ike_purpose(sk_ASN1_OBJECT_value(purposes, i));
	EXTENDED_KEY_USAGE_free(purposes);
	ERR_clear_error();
	return good ? 0 : errmsg_set(err, "its extended key usage is not for IKE");
}

int certificate_check_usage(X509 *cert, struct errmsg *err)
{
	uint32_t flags = X509_get_extension_flags(cert);

	if (flags & EXFLAG_INVALID)
		return errmsg_set(err, "its extensions are malformed");
	if (flags & EXFLAG_KUSAGE &&
	    !(X509_get_key_usage(cert) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
		return errmsg_set(err, "its key usage does not allow signatures");
	return flags & EXFLAG_XKUSAGE ? check_purpose(cert, err) : 0;
}
