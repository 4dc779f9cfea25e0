// SPDX-License-Identifier: GPL-2.0
/* Certificates of connections and authorities that are on tokens. */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "certificate.h"
#include "config_load.h"
#include "container_of.h"
#include "log.h"
#include "signature.h"
#include "token_certs.h"
#include "tokens.h"

/* Gone with the last one that names it. */
struct token_cert {
	struct token_cert *next;
	struct token_certs *certs;
	char *token;			/* "PROVIDER URI" */
	enum token_state state;
	enum token_state logged;	/* what the log says of it; TOKEN_STARTING: nothing */
	X509 *cert;			/* what was read last; NULL: nothing was */
	struct errmsg why;		/* not */
	struct token_cert_ref *refs;
};

struct token_certs {
	struct tokens_certs seen;	/* by the tokens */
	struct tokens *tokens;
	struct config *config;
	bool lost;
	struct token_cert *first;
	struct token_certs_wait *waits;
};

static const char *uri_of(const char *token)
{
	return token + strcspn(token, " ") + 1;
}

static struct token_cert *find(const struct token_certs *certs, const char *token, size_t len)
{
	struct token_cert *tc = certs->first;

	while (tc && (strlen(tc->token) != len || memcmp(tc->token, token, len)))
		tc = tc->next;
	return tc;
}

static void set_state(struct token_cert *tc, enum token_state state)
{
	struct tokens_certs *seen = &tc->certs->seen;

	seen->starting -= tc->state == TOKEN_STARTING;
	seen->starting += state == TOKEN_STARTING;
	tc->state = state;
}

struct token_cert_ref *token_cert_ref_read(const struct tree *section, bool among,
					   struct errmsg *err)
{
	char *token = config_read_token_cert(section, among, err);
	struct token_cert_ref *ref;
	char path[256];

	if (!token)
		return NULL;
	ref = calloc(1, sizeof(*ref));
	if (ref)
		ref->key = strdup(tree_path(section, path, sizeof(path)));
	if (ref && ref->key) {
		ref->token = token;
		return ref;
	}
	free(ref);
	free(token);
	tree_refuse(section, err, "out of memory");
	return NULL;
}

static const X509 *current(const struct token_cert_ref *ref)
{
	return ref->authority ? ref->authority->cert : ref->cert;
}

static void take_out(struct token_cert_ref *ref)
{
	if (!ref->cert)
		return;
	sk_X509_delete_ptr(ref->list, ref->cert);
	X509_free(ref->cert);
	ref->cert = NULL;
}

static int put_in_list(struct token_cert_ref *ref, X509 *cert, struct errmsg *err)
{
	take_out(ref);
	/* Who verifies with the list as it was begins anew. */
	credentials_changed(ref->of->certs->config->credentials);
	if (!cert)
		return 0;
	X509_up_ref(cert);
	if (sk_X509_push(ref->list, cert) <= 0) {
		X509_free(cert);
		return errmsg_set(err, "out of memory");
	}
	ref->cert = cert;
	return 0;
}

/* In the place of what was there. NULL: none. 0, or -1 with @err set. */
static int put(struct token_cert_ref *ref, X509 *cert, struct errmsg *err)
{
	if (ref->authority)
		return config_set_ca(ref->of->certs->config, ref->authority, cert, err);
	return put_in_list(ref, cert, err);
}

/* Is it what it is named as? 0, or -1 with @err set. */
static int check(const struct token_cert_ref *ref, X509 *cert, struct errmsg *err)
{
	if (!ref->ca)
		return key_check(X509_get0_pubkey(cert), err);
	return certificate_is_ca(cert) ? 0 :
	       errmsg_set(err, "the certificate is not one of a CA");
}

/*
 * What was read takes the place of what was before. One that is not right is in none: -1, with
 * @err set; else 0.
 */
static int put_in(struct token_cert_ref *ref, struct errmsg *err)
{
	X509 *cert = ref->of->cert;
	struct errmsg ignored;

	if (!cert || (current(ref) && !X509_cmp(current(ref), cert)))
		return 0;
	if (!check(ref, cert, err))
		return put(ref, cert, err);
	if (current(ref))
		put(ref, NULL, &ignored);
	return -1;
}

static void put_in_all(struct token_cert *tc)
{
	struct errmsg why;

	for (struct token_cert_ref *ref = tc->refs; ref; ref = ref->next_of)
		if (put_in(ref, &why))
			log_msg(LOG_CFG, LVL_AUDIT, "%s: the certificate of token %s: %s", ref->key,
				uri_of(ref->token), why.text);
}

static void drop(struct token_cert *tc)
{
	struct token_certs *certs = tc->certs;
	struct token_cert **link = &certs->first;

	while (*link != tc)
		link = &(*link)->next;
	*link = tc->next;
	set_state(tc, TOKEN_REFUSED);
	certs->seen.count--;
	tokens_drop_cert(certs->tokens, tc->token);
	X509_free(tc->cert);
	free(tc->token);
	free(tc);
}

static void bind_to(struct token_cert_ref *ref, struct token_cert *tc)
{
	ref->of = tc;
	ref->next_of = tc->refs;
	tc->refs = ref;
}

static void unbind(struct token_cert_ref *ref)
{
	struct token_cert_ref **link;

	if (!ref->of)
		return;
	for (link = &ref->of->refs; *link != ref;)
		link = &(*link)->next_of;
	*link = ref->next_of;
	if (!ref->of->refs)
		drop(ref->of);
	ref->of = NULL;
}

void token_cert_refs_free(struct token_cert_ref *refs)
{
	struct token_cert_ref *ref;

	while ((ref = refs)) {
		refs = ref->next;
		unbind(ref);
		take_out(ref);
		free(ref->key);
		free(ref->token);
		free(ref);
	}
}

static bool names(const struct token_cert_ref *refs, const struct token_cert *tc)
{
	for (; refs; refs = refs->next)
		if (refs->of == tc)
			return true;
	return false;
}

static bool is_awaited(const struct token_cert *tc)
{
	for (const struct token_certs_wait *wait = tc->certs->waits; wait; wait = wait->next)
		if (names(wait->refs[0], tc) || names(wait->refs[1], tc))
			return true;
	return false;
}

/*
 * When it changes, and for each loading: the administrator is to see what became of it. Who
 * waits for it is told what is wrong.
 */
static void log_state(struct token_cert *tc)
{
	const char *key = tc->refs->key, *more = tc->refs->next_of ? ", and of others," : "";
	char name[ID_STRLEN];

	if (tc->state == TOKEN_STARTING || tc->state == tc->logged ||
	    (tc->state != TOKEN_READY && !tc->cert && is_awaited(tc)))
		return;
	tc->logged = tc->state;
	if (tc->state == TOKEN_READY)
		log_msg(LOG_CFG, LVL_CTRL, "token %s: the certificate of %s%s is there, \"%s\"",
			uri_of(tc->token), key, more, certificate_str(tc->cert, name));
	else
		log_msg(LOG_CFG, LVL_AUDIT, "token %s: the certificate of %s%s cannot be read: %s; %s%s",
			uri_of(tc->token), key, more, tc->why.text,
			tc->state == TOKEN_REFUSED ? "it is not tried again before it is loaded again" :
			"it is looked for again until it is there",
			tc->cert ? "; what was read before serves" : "");
}

static const struct token_cert *starting(const struct token_cert_ref *refs)
{
	for (; refs; refs = refs->next)
		if (refs->of && refs->of->state == TOKEN_STARTING)
			return refs->of;
	return NULL;
}

static bool is_starting(const struct token_certs_wait *wait)
{
	return starting(wait->refs[0]) || starting(wait->refs[1]);
}

/* What is called may begin to wait for others, or stop. */
static void wake(struct token_certs *certs)
{
	struct token_certs_wait *wait = certs->waits;

	while (wait) {
		if (is_starting(wait)) {
			wait = wait->next;
			continue;
		}
		token_certs_forget(certs, wait);
		wait->done(wait);
		wait = certs->waits;
	}
}

static void take_news(struct tokens_certs *seen, const char *name, size_t len,
		      enum token_state state, const uint8_t *der, size_t der_len, const char *why)
{
	struct token_certs *certs = container_of(seen, struct token_certs, seen);
	struct token_cert *tc = find(certs, name, len);
	X509 *cert = NULL;

	if (!tc)
		return;
	errmsg_set(&tc->why, "%s", why);
	if (state == TOKEN_READY) {
		cert = certificate_read(der, der_len);
		if (!cert || !X509_get0_pubkey(cert)) {
			X509_free(cert);
			ERR_clear_error();
			state = TOKEN_REFUSED;
			errmsg_set(&tc->why, "it is no X.509 certificate that can be read");
		} else {
			X509_free(tc->cert);
			tc->cert = cert;
		}
	}
	set_state(tc, state);
	log_state(tc);
	if (state == TOKEN_READY)
		put_in_all(tc);
	wake(certs);
}

static void take_loss(struct tokens_certs *seen)
{
	struct token_certs *certs = container_of(seen, struct token_certs, seen);

	certs->lost = true;
	for (struct token_cert *tc = certs->first; tc; tc = tc->next) {
		errmsg_set(&tc->why, "the process of the tokens is gone");
		set_state(tc, TOKEN_REFUSED);
	}
	wake(certs);
}

static struct token_cert *get(struct token_certs *certs, const char *token)
{
	struct token_cert *tc = find(certs, token, strlen(token));

	if (tc)
		return tc;
	tc = calloc(1, sizeof(*tc));
	if (!tc || !(tc->token = strdup(token))) {
		free(tc);
		return NULL;
	}
	tc->certs = certs;
	tc->state = TOKEN_REFUSED;
	tc->logged = TOKEN_STARTING;
	tc->next = certs->first;
	certs->first = tc;
	certs->seen.count++;
	return tc;
}

/* Once, though several connections name it. */
static void begin(struct token_cert *tc)
{
	int err;

	if (tc->state == TOKEN_STARTING)
		return;
	err = tc->certs->lost ? -1 : tokens_read_cert(tc->certs->tokens, tc->token);
	set_state(tc, err ? TOKEN_REFUSED : TOKEN_STARTING);
	tc->logged = TOKEN_STARTING;
	if (err)
		errmsg_set(&tc->why, "the process of the tokens cannot be asked");
}

static void read_refs(struct token_certs *certs, struct token_cert_ref *ref)
{
	struct token_cert *tc;
	struct errmsg why;

	for (; ref; ref = ref->next) {
		if (!ref->of) {
			tc = get(certs, ref->token);
			if (!tc) {
				log_msg(LOG_CFG, LVL_AUDIT, "%s: out of memory", ref->key);
				continue;
			}
			bind_to(ref, tc);
		}
		/* What is wrong with it is said with the news that follow. */
		put_in(ref, &why);
		begin(ref->of);
	}
}

void token_certs_read(struct token_certs *certs, struct conn *conn)
{
	read_refs(certs, conn->local.token_certs);
	read_refs(certs, conn->remote.token_certs);
}

void token_certs_read_ca(struct token_certs *certs, struct authority *a)
{
	read_refs(certs, a->token);
}

/* Those that were read, or are being read, stay for what names them now. */
static void bind_known(struct token_certs *certs, struct token_cert_ref *ref)
{
	struct token_cert *tc;

	for (; ref; ref = ref->next) {
		tc = find(certs, ref->token, strlen(ref->token));
		if (tc)
			bind_to(ref, tc);
	}
}

static void bind_known_all(struct token_certs *certs, struct config *fresh)
{
	for (struct conn *conn = fresh->conns; conn; conn = conn->next) {
		bind_known(certs, conn->local.token_certs);
		bind_known(certs, conn->remote.token_certs);
	}
	for (struct authority *a = fresh->authorities; a; a = a->next)
		bind_known(certs, a->token);
}

void token_certs_replace_file(struct token_certs *certs, struct config *fresh)
{
	bind_known_all(certs, fresh);
	config_replace_file(certs->config, fresh);
	for (struct conn *conn = certs->config->conns; conn; conn = conn->next)
		if (conn->source == CONF_FILE)
			token_certs_read(certs, conn);
	for (struct authority *a = certs->config->authorities; a; a = a->next)
		if (a->source == CONF_FILE)
			token_certs_read_ca(certs, a);
}

bool token_certs_await(struct token_certs *certs, struct token_certs_wait *wait)
{
	if (!is_starting(wait))
		return false;
	wait->next = certs->waits;
	certs->waits = wait;
	return true;
}

void token_certs_forget(struct token_certs *certs, struct token_certs_wait *wait)
{
	struct token_certs_wait **link;

	for (link = &certs->waits; *link; link = &(*link)->next)
		if (*link == wait) {
			*link = wait->next;
			return;
		}
}

static int check_refs(const struct token_cert_ref *ref, struct errmsg *err)
{
	struct errmsg why;

	for (; ref; ref = ref->next) {
		if (current(ref))
			continue;
		if (ref->of && !ref->of->cert)
			errmsg_set(&why, "%s", ref->of->why.text);
		else if (!ref->of || !check(ref, ref->of->cert, &why))
			errmsg_set(&why, "out of memory");
		return errmsg_set(err, "%s: the certificate of token %s: %.700s", ref->key,
				  uri_of(ref->token), why.text);
	}
	return 0;
}

int token_certs_check(const struct token_certs_wait *wait, struct errmsg *err)
{
	return check_refs(wait->refs[0], err) || check_refs(wait->refs[1], err) ? -1 : 0;
}

struct token_certs *token_certs_new(struct tokens *tokens, struct config *config)
{
	struct token_certs *certs = calloc(1, sizeof(*certs));

	if (!certs)
		return NULL;
	certs->tokens = tokens;
	certs->config = config;
	certs->seen.news = take_news;
	certs->seen.lost = take_loss;
	tokens_set_certs(tokens, &certs->seen);
	return certs;
}

void token_certs_free(struct token_certs *certs)
{
	if (!certs)
		return;
	tokens_set_certs(certs->tokens, NULL);
	free(certs);
}
