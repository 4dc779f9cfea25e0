/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private keys on tokens, as the daemon knows them: which there are, in which state, and the
 * signatures that are to be made with them. The process of the tokens (token_server.h) does it.
 *
 * Tokens are slow, some tens to hundreds of ms a signature, and each does one after the other.
 * Neither the loop nor a thread waits for one: what is wanted of a token stands in a queue here,
 * of which that process has the first one alone. One that is not made within TOKEN_SIGN_MS has
 * the token's process started anew; it is asked for once more, then it fails.
 */
#ifndef IKEFPD_TOKENS_H
#define IKEFPD_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "certificate.h"
#include "conf_source.h"
#include "secret.h"
#include "signature.h"
#include "token.h"

#define TOKEN_SIGN_MS	10000
#define TOKENS_START_MS	5000	/* how long a configuration waits for those that are new */

struct loop;
struct tokens;
struct token;

/* @fd is the daemon's end of that process's socket; it stays the caller's. NULL, errno. */
struct tokens *tokens_open(struct loop *loop, int fd);
/* No job is done any more. */
void tokens_close(struct tokens *t);

/*
 * What the reader has staged takes the place of what was the file's. Waits until it is known of
 * each token, and each certificate, whether it is there, TOKENS_START_MS at most; what does not
 * come of it is logged.
 * Returns 0 or -EPIPE.
 */
int tokens_commit(struct tokens *t);

/* All of a source. */
void tokens_clear(struct tokens *t, enum conf_source source);
/* By its key_id(), in hexadecimal digits; of VICI alone. -ENOENT if there is none. */
int tokens_unload(struct tokens *t, const char *key);
/* Calls @fn with the key_id() of each that has one, in hexadecimal digits. */
void tokens_list(const struct tokens *t, enum conf_source source,
		 void (*fn)(const char *key, void *data), void *data);

/* Calls @fn from the loop whenever one has come, or come back. */
void tokens_watch(struct tokens *t, void (*fn)(void *data), void *data);
/* Is any configured, or a certificate on one, be it away? */
bool tokens_any(const struct tokens *t);

/* Is there a token with this key? It may be away at the moment. */
bool tokens_has_key(const struct tokens *t, const uint8_t id[KEY_ID_LEN]);

/* The owner embeds and zeroes it, and keeps it until @done was called or it was cancelled. */
struct token_load {
	/* From the loop, once. @why NULL: the key is there; else it has been dropped. */
	void (*done)(struct token_load *load, const uint8_t id[KEY_ID_LEN], const char *why);
	struct token *token;		/* kept by tokens.c */
	struct token_load *next;
};

/* Loads one of VICI. Returns 0, or -errno: then @done is not called. The caller frees it. */
int tokens_load(struct tokens *t, const struct secret *secret, struct token_load *load);
/* It goes on, unwatched. */
void tokens_load_cancel(struct token_load *load);

/* The same, of a signature. */
struct token_job {
	/* From the loop, once. @why NULL: it is there; else why not, naming token and key. */
	void (*done)(struct token_job *job, const uint8_t *signature, size_t len,
		     const char *why);
	struct token *token;		/* kept by tokens.c, as are: */
	struct token_job *next;
	const void *octets;
	size_t len;
	uint32_t number;
	uint8_t scheme;
	bool classic;
	unsigned int tries;
};

/* @octets stay the caller's, until it is done. -ENOKEY: no token has that key. */
int tokens_sign(struct tokens *t, const uint8_t id[KEY_ID_LEN], enum signature_id scheme,
		bool classic, const void *octets, size_t len, struct token_job *job);
/* Nothing happens if it is done. */
void tokens_cancel(struct token_job *job);

/*
 * Certificates on tokens (token_certs.h): what becomes of each that is to be read. @name is
 * "PROVIDER URI". @der is there in TOKEN_READY alone.
 */
struct tokens_certs {
	/* From the loop, or from tokens_commit(). */
	void (*news)(struct tokens_certs *certs, const char *name, size_t len,
		     enum token_state state, const uint8_t *der, size_t der_len,
		     const char *why);
	/* That process is gone: there is no more news. */
	void (*lost)(struct tokens_certs *certs);
	unsigned int count;		/* that are to be read, or have been */
	unsigned int starting;		/* of them, those of which nothing is known yet */
};

void tokens_set_certs(struct tokens *t, struct tokens_certs *certs);
/* Has it read, or read anew, and looked for until it is there. Returns 0 or -errno. */
int tokens_read_cert(struct tokens *t, const char *name);
void tokens_drop_cert(struct tokens *t, const char *name);

/*
 * For the reader of the file, on its own socket: stages all of @list that are tokens. Returns 0
 * or -errno.
 */
int tokens_stage(int fd, const struct secret *list);

#endif /* IKEFPD_TOKENS_H */
