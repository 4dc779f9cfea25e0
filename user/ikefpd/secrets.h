/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's way to its secrets, which another process keeps (secrets_server.h).
 *
 * Each function that asks is a round trip to that process, which does nothing but
 * answer at once: a fraction of a millisecond. The loop waits for it, for at most
 * SECRETS_ANSWER_MS. Signatures take longer: threads wait for those (ike_sign.h), where there
 * are any. If the answer does not come, or that process is gone, everything from then on
 * fails with -EPIPE, and the descriptor reports EPOLLHUP: the daemon cannot go on without it.
 *
 * Returned are 0 or -errno: -EPIPE, -EMSGSIZE for what is too large to be asked,
 * -ENOMEM, and those named below.
 */
#ifndef IKEFPD_SECRETS_H
#define IKEFPD_SECRETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "certificate.h"
#include "kdf.h"
#include "prf.h"
#include "secret.h"
#include "signature.h"

#define SECRETS_ANSWER_MS	2000
#define SECRETS_SIGN_MS		10000	/* threads can wait */

struct secrets;
struct tokens;

/* @fd is the socket to that process; it stays the caller's. NULL without memory. */
struct secrets *secrets_new(int fd);
void secrets_free(struct secrets *secrets);
/*
 * Private keys that are on tokens are among those that these functions know; @tokens stays the
 * caller's. To sign with one is another matter: tokens_sign().
 */
void secrets_set_tokens(struct secrets *s, struct tokens *tokens);
/* NULL: there are none. */
struct tokens *secrets_tokens(const struct secrets *s);

/* Hands @secret, of VICI, over; *@added: it was not there. The caller frees it. */
int secrets_load(struct secrets *s, const struct secret *secret, bool *added);
/*
 * Hands a private key over, and has it read; @id is key_id() of it. The errors of
 * private_key_read().
 */
int secrets_load_key(struct secrets *s, const struct secret *secret,
		     uint8_t id[KEY_ID_LEN]);
/* What such an error means, for people. */
const char *secrets_key_error(int err);
/* -ENOENT if there is none of that name; of a private key, of VICI, its key_id() in digits. */
int secrets_unload(struct secrets *s, enum secret_kind kind, enum conf_source source,
		   const char *name);
int secrets_clear(struct secrets *s, enum conf_source source);
/* Calls @fn with the name of each that has one. */
int secrets_list(struct secrets *s, enum secret_kind kind, enum conf_source source,
		 void (*fn)(const char *name, void *data), void *data);

/* What the reader of the file has staged takes the place of what was the file's. */
int secrets_commit(struct secrets *s);

/*
 * prf(prf(secret, "Key Pad for IKEv2"), octets), RFC 7296 section 2.15, under the
 * secret that fits both identities best. @mac takes prf_len(prf) octets. -ENOKEY if
 * none fits.
 */
int secrets_sign(struct secrets *s, uint16_t prf, const struct ike_id *local,
		 const struct ike_id *remote, const void *octets, size_t len,
		 uint8_t mac[PRF_MAX]);

/* Is @mac that? Compared there, in constant time. -EKEYREJECTED if not, -ENOKEY. */
int secrets_verify(struct secrets *s, uint16_t prf, const struct ike_id *local,
		   const struct ike_id *remote, const void *octets, size_t len,
		   const void *mac, size_t mac_len);

/*
 * Is there a private key of this key_id()? That process is asked for the first time, and after
 * something has been loaded or unloaded.
 */
bool secrets_has_key(struct secrets *s, const uint8_t id[KEY_ID_LEN]);
/* signature_sign() with it; appends to @signature. -ENOKEY if there is none. */
int secrets_key_sign(struct secrets *s, const uint8_t id[KEY_ID_LEN],
		     enum signature_id scheme, bool classic, const void *octets,
		     size_t len, struct buf *signature);

/* A descriptor to that process for one thread (secrets_serve_signers()); closed with it. */
void secrets_add_signer(struct secrets *s, int fd);
/*
 * secrets_key_sign() in a thread, of which there are no more than descriptors. After -EPIPE
 * the loop is to give that process up.
 */
int secrets_key_sign_apart(struct secrets *s, const uint8_t id[KEY_ID_LEN],
			   enum signature_id scheme, bool classic, const void *octets,
			   size_t len, struct buf *signature);

/* That process does not answer: from here on it is as if it were gone. */
void secrets_give_up(struct secrets *s);

/* Is there any PPK (RFC 8784)? */
bool secrets_has_ppk(struct secrets *s);
/*
 * SK_d, SK_pi and SK_pr of @keys with the PPK in them that fits this PPK_ID best. -ENOKEY if
 * none does.
 */
int secrets_mix_ppk(struct secrets *s, const void *ppk_id, size_t len,
		    const struct ike_keys *keys, struct ike_ppk_keys *mixed);

/*
 * For the reader of the file, on its own socket: stages all of @list but tokens (tokens.h).
 * Returns 0 or -errno; *refused is the one that it is about, NULL if about none.
 */
int secrets_stage(int fd, const struct secret *list, const struct secret **refused);

#endif /* IKEFPD_SECRETS_H */
