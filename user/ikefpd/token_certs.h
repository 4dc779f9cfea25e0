/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Certificates that are on tokens: connections', "local { cert1 { handle = ... } }", and CAs',
 * "authorities { ca { handle = ... } }". The process of the tokens (token_server.h) reads each
 * once, however many name it, and again when they are loaded anew; what was read stays when the
 * token goes.
 *
 * What is of a file is loaded whether its token is there or not. Until it is, the certificate is
 * missing: we have none to show, of the peer's none is the right one, or none is of that CA. What
 * is of VICI is loaded once all its certificates have been read, or refused.
 */
#ifndef IKEFPD_TOKEN_CERTS_H
#define IKEFPD_TOKEN_CERTS_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "config.h"
#include "errmsg.h"

struct tokens;
struct token_cert;
struct token_certs;

/* One that a connection, or an authority, names. */
struct token_cert_ref {
	struct token_cert_ref *next;	/* of the same auth_conf */
	char *key;			/* "connections.gw.local.cert1", for messages */
	char *token;			/* "PROVIDER URI" */
	bool ca;
	struct authority *authority;	/* where it goes to; NULL: */
	STACK_OF(X509) *list;		/* the auth_conf's */
	X509 *cert;			/* in there; NULL: it is not there yet */
	struct token_cert *of;		/* NULL: nobody has asked for it; */
	struct token_cert_ref *next_of;	/* else the next one that has */
};

/* From config_read_token_cert()'s section; where it goes to is the caller's to say. NULL, @err. */
struct token_cert_ref *token_cert_ref_read(const struct tree *section, bool among,
					   struct errmsg *err);
void token_cert_refs_free(struct token_cert_ref *refs);	/* NULL is fine */

/*
 * @tokens has to outlive it, and it all connections and authorities, with which @config may go.
 * NULL without memory.
 */
struct token_certs *token_certs_new(struct tokens *tokens, struct config *config);
void token_certs_free(struct token_certs *certs);	/* NULL is fine */

/* Has the certificates of a connection read, or read anew. */
void token_certs_read(struct token_certs *certs, struct conn *conn);
/* An authority's. */
void token_certs_read_ca(struct token_certs *certs, struct authority *a);
/*
 * As config_replace_file(), and has the certificates of all that is of the file read, or read
 * anew. Whatever the file says of them now, what was read from a token stays while that is away.
 */
void token_certs_replace_file(struct token_certs *certs, struct config *fresh);

/* Who waits for those of a connection, or of an authority. The owner embeds it. */
struct token_certs_wait {
	/* From the loop, once; then token_certs_check() says what has come of it. */
	void (*done)(struct token_certs_wait *wait);
	const struct token_cert_ref *refs[2];	/* local and remote */
	struct token_certs_wait *next;
};

/* Is nothing known yet of one of them? Then @wait is called. */
bool token_certs_await(struct token_certs *certs, struct token_certs_wait *wait);
void token_certs_forget(struct token_certs *certs, struct token_certs_wait *wait);
/* Are all there? 0, or -1 with @err set. */
int token_certs_check(const struct token_certs_wait *wait, struct errmsg *err);

#endif /* IKEFPD_TOKEN_CERTS_H */
