// SPDX-License-Identifier: GPL-2.0
/* The keywords by which swanctl.conf writes proposals, and algorithm names. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dh.h"
#include "proposal.h"

struct keyword {
	const char *name;
	struct transform t;
};

static const struct keyword keywords[] = {
	{ "aes128gcm16", { TRANSFORM_ENCR, ENCR_AES_GCM_16, 128 } },
	{ "aes128gcm128", { TRANSFORM_ENCR, ENCR_AES_GCM_16, 128 } },
	{ "aes128gcm", { TRANSFORM_ENCR, ENCR_AES_GCM_16, 128 } },
	{ "aes192gcm16", { TRANSFORM_ENCR, ENCR_AES_GCM_16, 192 } },
	{ "aes192gcm128", { TRANSFORM_ENCR, ENCR_AES_GCM_16, 192 } },
	{ "aes192gcm", { TRANSFORM_ENCR, ENCR_AES_GCM_16, 192 } },
	{ "aes256gcm16", { TRANSFORM_ENCR, ENCR_AES_GCM_16, 256 } },
	{ "aes256gcm128", { TRANSFORM_ENCR, ENCR_AES_GCM_16, 256 } },
	{ "aes256gcm", { TRANSFORM_ENCR, ENCR_AES_GCM_16, 256 } },
	{ "chacha20poly1305", { TRANSFORM_ENCR, ENCR_CHACHA20_POLY1305, 0 } },
	{ "aes", { TRANSFORM_ENCR, ENCR_AES_CBC, 128 } },
	{ "aes128", { TRANSFORM_ENCR, ENCR_AES_CBC, 128 } },
	{ "aes192", { TRANSFORM_ENCR, ENCR_AES_CBC, 192 } },
	{ "aes256", { TRANSFORM_ENCR, ENCR_AES_CBC, 256 } },
	{ "sha", { TRANSFORM_INTEG, AUTH_HMAC_SHA1_96, 0 } },
	{ "sha1", { TRANSFORM_INTEG, AUTH_HMAC_SHA1_96, 0 } },
	{ "sha256", { TRANSFORM_INTEG, AUTH_HMAC_SHA2_256_128, 0 } },
	{ "sha2_256", { TRANSFORM_INTEG, AUTH_HMAC_SHA2_256_128, 0 } },
	{ "sha384", { TRANSFORM_INTEG, AUTH_HMAC_SHA2_384_192, 0 } },
	{ "sha2_384", { TRANSFORM_INTEG, AUTH_HMAC_SHA2_384_192, 0 } },
	{ "sha512", { TRANSFORM_INTEG, AUTH_HMAC_SHA2_512_256, 0 } },
	{ "sha2_512", { TRANSFORM_INTEG, AUTH_HMAC_SHA2_512_256, 0 } },
	{ "prfsha256", { TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0 } },
	{ "prfsha384", { TRANSFORM_PRF, PRF_HMAC_SHA2_384, 0 } },
	{ "prfsha512", { TRANSFORM_PRF, PRF_HMAC_SHA2_512, 0 } },
	{ "x25519", { TRANSFORM_DH, DH_CURVE25519, 0 } },
	{ "curve25519", { TRANSFORM_DH, DH_CURVE25519, 0 } },
	{ "ecp256", { TRANSFORM_DH, DH_ECP_256, 0 } },
	{ "ecp384", { TRANSFORM_DH, DH_ECP_384, 0 } },
	{ "ecp521", { TRANSFORM_DH, DH_ECP_521, 0 } },
	{ "modp2048", { TRANSFORM_DH, DH_MODP_2048, 0 } },
	{ "modp3072", { TRANSFORM_DH, DH_MODP_3072, 0 } },
	{ "modp4096", { TRANSFORM_DH, DH_MODP_4096, 0 } },
	{ "mlkem512", { TRANSFORM_DH, DH_ML_KEM_512, 0 } },
	{ "mlkem768", { TRANSFORM_DH, DH_ML_KEM_768, 0 } },
	{ "mlkem1024", { TRANSFORM_DH, DH_ML_KEM_1024, 0 } },
	{ "none", { TRANSFORM_DH, DH_NONE, 0 } },
	{ "modpnone", { TRANSFORM_DH, DH_NONE, 0 } },
	{ "noesn", { TRANSFORM_ESN, ESN_NO, 0 } },
	{ "esn", { TRANSFORM_ESN, ESN_YES, 0 } },
};

/* strongSwan's names, which are IANA's with a few of its own. */
static const struct {
	uint8_t type;
	uint16_t id;
	const char *name;
} names[] = {
	{ TRANSFORM_ENCR, ENCR_AES_CBC, "AES_CBC" },
	{ TRANSFORM_ENCR, ENCR_AES_GCM_16, "AES_GCM_16" },
	{ TRANSFORM_ENCR, ENCR_CHACHA20_POLY1305, "CHACHA20_POLY1305" },
	{ TRANSFORM_PRF, PRF_HMAC_SHA2_256, "PRF_HMAC_SHA2_256" },
	{ TRANSFORM_PRF, PRF_HMAC_SHA2_384, "PRF_HMAC_SHA2_384" },
	{ TRANSFORM_PRF, PRF_HMAC_SHA2_512, "PRF_HMAC_SHA2_512" },
	{ TRANSFORM_INTEG, AUTH_NONE, "NONE" },
	{ TRANSFORM_INTEG, AUTH_HMAC_SHA1_96, "HMAC_SHA1_96" },
	{ TRANSFORM_INTEG, AUTH_HMAC_SHA2_256_128, "HMAC_SHA2_256_128" },
	{ TRANSFORM_INTEG, AUTH_HMAC_SHA2_384_192, "HMAC_SHA2_384_192" },
	{ TRANSFORM_INTEG, AUTH_HMAC_SHA2_512_256, "HMAC_SHA2_512_256" },
	{ TRANSFORM_DH, DH_NONE, "NONE" },
	{ TRANSFORM_DH, DH_MODP_2048, "MODP_2048" },
	{ TRANSFORM_DH, DH_MODP_3072, "MODP_3072" },
	{ TRANSFORM_DH, DH_MODP_4096, "MODP_4096" },
	{ TRANSFORM_DH, DH_ECP_256, "ECP_256" },
	{ TRANSFORM_DH, DH_ECP_384, "ECP_384" },
	{ TRANSFORM_DH, DH_ECP_521, "ECP_521" },
	{ TRANSFORM_DH, DH_CURVE25519, "CURVE_25519" },
	{ TRANSFORM_DH, DH_ML_KEM_512, "ML_KEM_512" },
	{ TRANSFORM_DH, DH_ML_KEM_768, "ML_KEM_768" },
	{ TRANSFORM_DH, DH_ML_KEM_1024, "ML_KEM_1024" },
	{ TRANSFORM_ESN, ESN_NO, "NO_EXT_SEQ" },
	{ TRANSFORM_ESN, ESN_YES, "EXT_SEQ" },
};

/* What "default" stands for: AEAD ciphers first; what is only there for old peers is not. */
static const char *const defaults_ike[] = {
	"aes128gcm16-aes256gcm16-chacha20poly1305-prfsha256-prfsha384-prfsha512-"
	"x25519-ecp256-ecp384-ecp521-modp3072-modp4096-modp2048",
	"aes128-aes256-sha256-sha384-sha512-prfsha256-prfsha384-prfsha512-"
	"x25519-ecp256-ecp384-ecp521-modp3072-modp4096-modp2048",
};

static const char *const defaults_esp[] = {
	"aes128gcm16-aes256gcm16-chacha20poly1305-noesn",
	"aes128-aes256-sha256-sha384-sha512-noesn",
};

const char *transform_name(uint8_t type, uint16_t id)
{
	size_t i;

	if (transform_is_addke(type))
		type = TRANSFORM_DH;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].type == type && names[i].id == id)
			return names[i].name;
	return "?";
}

const char *transform_nth(uint8_t type, size_t n, uint16_t *id)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i].type != type || n--)
			continue;
		*id = names[i].id;
		return names[i].name;
	}
	return NULL;
}

static void add(struct proposal *p, const struct transform *t)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (p->transforms[i].type == t->type && p->transforms[i].id == t->id &&
		    p->transforms[i].key_bits == t->key_bits)
			return;
	if (p->n < PROPOSAL_TRANSFORMS_MAX)
		p->transforms[p->n++] = *t;
}

static const struct keyword *find_keyword(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (strlen(keywords[i].name) == len &&
		    !strncasecmp(keywords[i].name, text, len))
			return &keywords[i];
	return NULL;
}

/* "ke1_" to "ke7_" before a key exchange make it an additional one. Its type, or 0. */
static uint8_t addke_prefix(const char *text, size_t len)
{
	if (len <= 4 || strncasecmp(text, "ke", 2) || text[2] < '1' || text[2] > '7' ||
	    text[3] != '_')
		return 0;
	return TRANSFORM_ADDKE1 + text[2] - '1';
}

static int parse_word(struct proposal *p, const char *text, size_t len, char *err, size_t errlen)
{
	uint8_t addke = addke_prefix(text, len);
	const struct keyword *found = addke ? find_keyword(text + 4, len - 4) :
					      find_keyword(text, len);
	struct transform t;

	if (!found || (addke && found->t.type != TRANSFORM_DH)) {
		snprintf(err, errlen, "algorithm '%.*s' is not known or not supported", (int)len,
			 text);
		return -EINVAL;
	}
	t = found->t;
	if (dh_is_kem(t.id) && t.type == TRANSFORM_DH) {
		if (!addke) {
			snprintf(err, errlen,
				 "'%.*s' is for additional key exchanges (RFC 9370): write x25519-ke1_%.*s",
				 (int)len, text, (int)len, text);
			return -EINVAL;
		}
		if (!dh_public_len(t.id)) {
			snprintf(err, errlen, "'%.*s' needs OpenSSL 3.5 or newer", (int)len, text);
			return -EINVAL;
		}
	}
	if (addke)
		t.type = addke;
	add(p, &t);
	return 0;
}

static int parse_words(struct proposal *p, const char *text, char *err, size_t errlen)
{
	const char *end;
	int r;

	for (;; text = end + 1) {
		end = strchrnul(text, '-');
		r = parse_word(p, text, end - text, err, errlen);
		if (r || !*end)
			return r;
	}
}

static bool has_group(const struct proposal *p)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (p->transforms[i].type == TRANSFORM_DH && p->transforms[i].id)
			return true;
	return false;
}

/* RFC 7296 section 3.3.3, and what strongSwan makes of incomplete proposals. */
static int complete(struct proposal *p, char *err, size_t errlen)
{
	bool aead = false, classic = false, addke = false;
	const char *why = NULL;
	unsigned int i, n = p->n;

	for (i = 0; i < n; i++) {
		const struct transform *t = &p->transforms[i];

		addke |= transform_is_addke(t->type);
		if (t->type == TRANSFORM_ENCR && t->id == ENCR_AES_CBC)
			classic = true;
		else if (t->type == TRANSFORM_ENCR)
			aead = true;
	}
	if (p->protocol == PROTO_IKE) {
		if (proposal_has(p, TRANSFORM_INTEG, AUTH_HMAC_SHA1_96)) {
			snprintf(err, errlen, "sha1 is for ESP alone, an IKE proposal needs sha256 or better");
			return -EINVAL;
		}
		if (!proposal_get(p, TRANSFORM_PRF)) {
			for (i = 0; i < n; i++) {
				struct transform t = { TRANSFORM_PRF, 0, 0 };

				if (p->transforms[i].type != TRANSFORM_INTEG)
					continue;
				t.id = p->transforms[i].id - AUTH_HMAC_SHA2_256_128 +
				       PRF_HMAC_SHA2_256;
				add(p, &t);
			}
		}
		if (proposal_has(p, TRANSFORM_DH, DH_NONE))
			proposal_strip(p, TRANSFORM_DH);
		if (proposal_get(p, TRANSFORM_ESN))
			why = "esn and noesn belong to ESP proposals";
		else if (!proposal_get(p, TRANSFORM_DH))
			why = "an IKE proposal needs a DH group, such as x25519";
		else if (!proposal_get(p, TRANSFORM_PRF))
			why = "an IKE proposal needs a PRF, such as prfsha256";
	} else {
		static const struct transform no_esn = { TRANSFORM_ESN, ESN_NO, 0 };

		if (addke && !has_group(p))
			why = "an additional key exchange needs a first one, such as x25519";
		proposal_strip(p, TRANSFORM_PRF);
		if (!proposal_get(p, TRANSFORM_ESN))
			add(p, &no_esn);
	}
	if (!aead && !classic)
		why = "an encryption algorithm is needed, such as aes128gcm16";
	else if (aead && classic)
		why = "classic and AEAD ciphers cannot be in the same proposal";
	else if (aead)
		proposal_strip(p, TRANSFORM_INTEG);
	else if (!proposal_get(p, TRANSFORM_INTEG))
		why = "aes needs an integrity algorithm, such as sha256";
	if (!why)
		return 0;
	snprintf(err, errlen, "%s", why);
	return -EINVAL;
}

static int add_one(struct proposal_list *list, enum ike_protocol protocol,
		   const char *text, char *err, size_t errlen)
{
	struct proposal p = { .protocol = protocol }, *v;
	int r;

	r = parse_words(&p, text, err, errlen);
	if (!r)
		r = complete(&p, err, errlen);
	if (r)
		return r;
	if (list->n == UINT8_MAX) {
		snprintf(err, errlen, "more than %u proposals", UINT8_MAX);
		return -EINVAL;
	}
	v = realloc(list->v, (list->n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	list->v = v;
	list->v[list->n++] = p;
	return 0;
}

int proposal_list_add(struct proposal_list *list, enum ike_protocol protocol,
		      const char *text, char *err, size_t errlen)
{
	const char *const *v = protocol == PROTO_IKE ? defaults_ike : defaults_esp;
	int r;

	if (strcasecmp(text, "default"))
		return add_one(list, protocol, text, err, errlen);
	r = add_one(list, protocol, v[0], err, errlen);
	return r ? r : add_one(list, protocol, v[1], err, errlen);
}
