/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Secrets: shared ones, whose they are, and which one serves a pair of identities;
 * private keys. Only the process of the secrets keeps any, and that of the tokens what those
 * need; in others one stands no longer than it takes to hand it over.
 */
#ifndef IKEFPD_SECRET_H
#define IKEFPD_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "config.h"
#include "id.h"

enum secret_kind {
	SECRET_SHARED,		/* no owners means everybody's */
	SECRET_PRIVATE_KEY,
	SECRET_PPK,		/* RFC 8784; owners are PPK_IDs, none means any */
	SECRET_TOKEN		/* of a private key that is on a token: where, and the PIN */
};

struct secret {
	struct secret *next;
	enum secret_kind kind;
	enum conf_source source;
	/*
	 * ike<suffix>, ppk<suffix>, or VICI's unique id; may be NULL. Of a private key, where it is
	 * kept: key_id(), in hexadecimal digits; else the name of its file. Of a token,
	 * token<suffix>, or of VICI its URI.
	 */
	char *name;
	struct ike_id *owners;
	size_t owner_count;
	/* Wiped when freed. Of a private key, what its file holds; of a token, "PROVIDER URI". */
	uint8_t *data;
	size_t len;
	uint8_t *passphrase;	/* of a private key's file, or a PIN; NULL: none; wiped when freed */
	size_t passphrase_len;
	EVP_PKEY *key;		/* of a private key that has been read; then data is NULL */
};

void secret_free(struct secret *secret);

/*
 * A list has the last loaded first: it wins among equals. secret_list_put() takes
 * over @secret; one of the same kind, source and name is replaced. One without a name that
 * repeats what is there adds nothing, and false is returned.
 */
bool secret_list_put(struct secret **list, struct secret *secret);
/* Returns 0 or -ENOENT. */
int secret_list_remove(struct secret **list, enum secret_kind kind,
		       enum conf_source source, const char *name);
/* All of a source. */
void secret_list_clear(struct secret **list, enum conf_source source);
void secret_list_free(struct secret **list);

/*
 * The secret that best fits both ends, as charon chooses: the best match of the
 * remote identity, then of the local one. Returns NULL if none fits.
 */
const struct secret *secret_list_find(const struct secret *list,
				      const struct ike_id *local,
				      const struct ike_id *remote);

/* The PPK that best fits a PPK_ID; NULL: none does. */
const struct secret *secret_list_find_ppk(const struct secret *list, const void *ppk_id,
					  size_t len);

/* Is there any PPK? */
bool secret_list_has_ppk(const struct secret *list);

/* The private key of this name, whoever loaded it; NULL if there is none. */
const struct secret *secret_list_find_key(const struct secret *list, const char *name);

#endif /* IKEFPD_SECRET_H */
