/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared secrets: whose they are, and which one serves a pair of identities. Only
 * the process of the secrets keeps any; in others one stands no longer than it takes
 * to hand it over.
 */
#ifndef IKEFPD_SECRET_H
#define IKEFPD_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "id.h"

/* A shared secret; no owners means everybody's. */
struct secret {
	struct secret *next;
	enum conf_source source;
	char *name;		/* ike<suffix>, or VICI's unique id; may be NULL */
	struct ike_id *owners;
	size_t owner_count;
	uint8_t *data;		/* wiped when freed */
	size_t len;
};

void secret_free(struct secret *secret);

/*
 * A list has the last loaded first: it wins among equals. secret_list_put() takes
 * over @secret; one of the same source and name is replaced. One without a name that
 * repeats what is there adds nothing, and false is returned.
 */
bool secret_list_put(struct secret **list, struct secret *secret);
/* Returns 0 or -ENOENT. */
int secret_list_remove(struct secret **list, enum conf_source source, const char *name);
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

#endif /* IKEFPD_SECRET_H */
