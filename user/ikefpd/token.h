/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A private key or a certificate that is on a token (a TPM, a smart card, an HSM), reached
 * through a provider of libcrypto: found by its URI (OSSL_STORE), and signed with, or read. Only
 * a process of its own does that (token_server.h), since it loads libraries of others, and waits
 * for the token.
 */
#ifndef IKEFPD_TOKEN_H
#define IKEFPD_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "buf.h"
#include "certificate.h"
#include "errmsg.h"
#include "signature.h"

#define TOKEN_URI_MAX		1024	/* octets, as those below */
#define TOKEN_PROVIDER_MAX	64
#define TOKEN_CERT_MAX		65535

struct token_conf {
	const char *provider, *uri;
	const void *pin;	/* NULL: none */
	size_t pin_len;
};

enum token_state {
	TOKEN_STARTING,		/* it is being looked for */
	TOKEN_READY,
	TOKEN_AWAY,		/* it is not there: to look for it again does no harm */
	TOKEN_REFUSED		/* another wrong PIN may lock it: who configures it tries again */
};

struct token_key {
	EVP_PKEY *key;		/* signs at the token */
	EVP_PKEY *pub;		/* is libcrypto's own */
	uint8_t id[KEY_ID_LEN];
};

/*
 * Finds the key, and has it sign something, to see whether the PIN is right and the key is that
 * of its public part. May take seconds. Returns TOKEN_READY, or another with @why set.
 */
enum token_state token_open(struct token_key *k, const struct token_conf *conf,
			    struct errmsg *why);

/*
 * signature_sign() there, to @out, which is empty before; what it makes is verified. 0, -EINVAL:
 * the key is not of the scheme; -EIO with @why set.
 */
int token_sign(const struct token_key *k, enum signature_id id, bool classic, const void *octets,
	       size_t len, struct buf *out, struct errmsg *why);

/* Has it sign something that it can be asked for. 0, or -EIO with @why set. */
int token_try(const struct token_key *k, struct errmsg *why);

void token_close(struct token_key *k);

/*
 * Reads the certificate there, in DER, to @der, which is empty before. May take seconds. A PIN is
 * given if it is asked for. Returns TOKEN_READY, or another with @why set.
 */
enum token_state token_read_cert(const struct token_conf *conf, struct buf *der,
				 struct errmsg *why);

/* Which provider serves URIs like this one: NULL if that is not known. */
const char *token_provider(const char *uri);

#endif /* IKEFPD_TOKEN_H */
