// SPDX-License-Identifier: GPL-2.0
/* Secrets, in lists. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "secret.h"

void secret_free(struct secret *secret)
{
	if (!secret)
		return;
	for (size_t i = 0; i < secret->owner_count; i++)
		ike_id_clear(&secret->owners[i]);
	free(secret->owners);
	if (secret->data)
		OPENSSL_cleanse(secret->data, secret->len);
	free(secret->data);
	if (secret->passphrase)
		OPENSSL_cleanse(secret->passphrase, secret->passphrase_len);
	free(secret->passphrase);
	EVP_PKEY_free(secret->key);
	free(secret->name);
	free(secret);
}

static bool same_secret(const struct secret *a, const struct secret *b)
{
	if (a->kind == SECRET_PRIVATE_KEY || a->kind != b->kind ||
	    a->source != b->source || a->name || b->name || a->len != b->len ||
	    a->owner_count != b->owner_count || CRYPTO_memcmp(a->data, b->data, a->len))
		return false;
	for (size_t i = 0; i < a->owner_count; i++)
		if (!ike_id_equal(&a->owners[i], &b->owners[i]))
			return false;
	return true;
}

bool secret_list_put(struct secret **list, struct secret *secret)
{
	if (secret->name)
		secret_list_remove(list, secret->kind, secret->source, secret->name);
	for (const struct secret *s = *list; s; s = s->next)
		if (same_secret(s, secret)) {
			secret_free(secret);
			return false;
		}
	secret->next = *list;
	*list = secret;
	return true;
}

int secret_list_remove(struct secret **list, enum secret_kind kind,
		       enum conf_source source, const char *name)
{
	for (struct secret **at = list; *at; at = &(*at)->next) {
		struct secret *secret = *at;

		if (secret->kind != kind || secret->source != source || !secret->name ||
		    strcmp(secret->name, name))
			continue;
		*at = secret->next;
		secret_free(secret);
		return 0;
	}
	return -ENOENT;
}

void secret_list_clear(struct secret **list, enum conf_source source)
{
	struct secret **at = list, *secret;

	while ((secret = *at)) {
		if (secret->source != source) {
			at = &secret->next;
			continue;
		}
		*at = secret->next;
		secret_free(secret);
	}
}

void secret_list_free(struct secret **list)
{
	struct secret *secret;

	while ((secret = *list)) {
		*list = secret->next;
		secret_free(secret);
	}
}

/* Owners are patterns; a secret without any is everybody's. */
static int match_owners(const struct secret *secret, const struct ike_id *id)
{
	int best = secret->owner_count ? 0 : 1;

	for (size_t i = 0; i < secret->owner_count; i++) {
		int match = ike_id_match(&secret->owners[i], id);

		if (match > best)
			best = match;
	}
	return best;
}

const struct secret *secret_list_find(const struct secret *list,
				      const struct ike_id *local,
				      const struct ike_id *remote)
{
	const struct secret *found = NULL;
	int best_local = 0, best_remote = 0;

	for (const struct secret *s = list; s; s = s->next) {
		int l = match_owners(s, local);
		int r = match_owners(s, remote);

		if (s->kind != SECRET_SHARED || (!l && !r))
			continue;
		if (!found || r > best_remote || (r == best_remote && l > best_local)) {
			found = s;
			best_local = l;
			best_remote = r;
		}
	}
	return found;
}

static int match_ppk_id(const struct secret *secret, const void *ppk_id, size_t len)
{
	int best = secret->owner_count ? 0 : 1;

	for (size_t i = 0; i < secret->owner_count; i++) {
		int match = ike_id_match_octets(&secret->owners[i], ppk_id, len);

		if (match > best)
			best = match;
	}
	return best;
}

const struct secret *secret_list_find_ppk(const struct secret *list, const void *ppk_id,
					  size_t len)
{
	const struct secret *found = NULL;
	int best = 0;

	for (const struct secret *s = list; s; s = s->next) {
		int match = s->kind == SECRET_PPK ? match_ppk_id(s, ppk_id, len) : 0;

		if (match > best) {
			found = s;
			best = match;
		}
	}
	return found;
}

bool secret_list_has_ppk(const struct secret *list)
{
	while (list && list->kind != SECRET_PPK)
		list = list->next;
	return list;
}

const struct secret *secret_list_find_key(const struct secret *list, const char *name)
{
	for (const struct secret *s = list; s; s = s->next)
		if (s->kind == SECRET_PRIVATE_KEY && s->key && !strcmp(s->name, name))
			return s;
	return NULL;
}
