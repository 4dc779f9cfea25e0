// SPDX-License-Identifier: GPL-2.0
/* Signatures, made or being made. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container_of.h"
#include "ike_auth.h"
#include "ike_manager.h"
#include "ike_sign.h"
#include "jobs.h"
#include "secrets.h"
#include "tokens.h"

/* With a PPK there are two (RFC 8784 section 3). */
struct ike_signature {
	struct ike_signature *next;
	struct job job;		/* of a thread's, or */
	struct token_job token;	/* of a token's */
	bool of_token;
	struct ike_sa *sa;
	struct secrets *secrets;
	uint8_t key_id[KEY_ID_LEN];
	enum signature_id id;
	bool classic, made;
	struct buf octets, signature;
	int err;
};

static void free_signature(struct ike_signature *s)
{
	buf_clear(&s->octets);
	buf_clear(&s->signature);
	free(s);
}

static void work(struct job *job)
{
	struct ike_signature *s = container_of(job, struct ike_signature, job);

	s->err = secrets_key_sign_apart(s->secrets, s->key_id, s->id, s->classic, s->octets.data,
					s->octets.len, &s->signature);
	if (!s->err && s->signature.failed)
		s->err = -ENOMEM;
}

static void log_signed(const struct ike_sa *sa, enum signature_id id)
{
	char text[ID_STRLEN];

	ike_log(sa, LOG_IKE, LVL_CTRL, "authentication of '%s' (myself) with %s successful",
		ike_id_str(&sa->local_id, text), signature_name(id));
}

static void done(struct job *job)
{
	struct ike_signature *s = container_of(job, struct ike_signature, job);

	s->made = true;
	if (s->err == -EPIPE)
		secrets_give_up(s->secrets);
	if (!s->err)
		log_signed(s->sa, s->id);
	ike_auth_signed(s->sa);
}

static void token_done(struct token_job *job, const uint8_t *signature, size_t len,
		       const char *why)
{
	struct ike_signature *s = container_of(job, struct ike_signature, token);

	s->made = true;
	if (why) {
		s->err = -EREMOTEIO;
		ike_log(s->sa, LOG_IKE, LVL_AUDIT, "%s", why);
		snprintf(s->sa->handshake->failure, sizeof(s->sa->handshake->failure), "%.120s",
			 why);
	} else {
		s->err = buf_set(&s->signature, signature, len);
	}
	if (!s->err)
		log_signed(s->sa, s->id);
	ike_auth_signed(s->sa);
}

static void drop(struct job *job)
{
	free_signature(container_of(job, struct ike_signature, job));
}

static struct ike_signature *find(const struct ike_handshake *h, enum signature_id id,
				  bool classic, const struct buf *octets)
{
	struct ike_signature *s;

	for (s = h->signatures; s; s = s->next)
		if (s->id == id && s->classic == classic && s->octets.len == octets->len &&
		    !memcmp(s->key_id, h->certs.key_id, KEY_ID_LEN) &&
		    !memcmp(s->octets.data, octets->data, octets->len))
			return s;
	return NULL;
}

/* By a token, or by a thread. Returns false if there is neither. */
static bool submit(struct ike_signature *s)
{
	struct tokens *tokens = secrets_tokens(s->secrets);
	int err;

	s->token.done = token_done;
	err = tokens_sign(tokens, s->key_id, s->id, s->classic, s->octets.data, s->octets.len,
			  &s->token);
	s->of_token = err != -ENOKEY;
	return s->of_token ? !err : jobs_submit(&s->job);
}

/* NULL: there is neither token nor thread for it, or no memory. */
static struct ike_signature *begin(struct ike_sa *sa, enum signature_id id, bool classic,
				   const struct buf *octets)
{
	struct ike_handshake *h = sa->handshake;
	struct ike_signature *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->job = (struct job){
		.work = work, .done = done, .drop = drop,
		.brief = signature_key_type(id) != KEY_RSA,
	};
	s->sa = sa;
	s->secrets = sa->manager->secrets;
	memcpy(s->key_id, h->certs.key_id, KEY_ID_LEN);
	s->id = id;
	s->classic = classic;
	if (buf_set(&s->octets, octets->data, octets->len) || !submit(s)) {
		free_signature(s);
		return NULL;
	}
	s->next = h->signatures;
	h->signatures = s;
	return s;
}

int ike_sign(struct ike_sa *sa, enum signature_id id, bool classic, const struct buf *octets,
	     struct buf *out)
{
	const struct ike_handshake *h = sa->handshake;
	const struct ike_signature *s = find(h, id, classic, octets);
	int err;

	if (!s)
		s = begin(sa, id, classic, octets);
	if (!s) {
		err = secrets_key_sign(sa->manager->secrets, h->certs.key_id, id, classic,
				       octets->data, octets->len, out);
		if (!err)
			log_signed(sa, id);
		return err;
	}
	if (!s->made)
		return -EINPROGRESS;
	if (!s->err)
		buf_put(out, s->signature.data, s->signature.len);
	return s->err;
}

void ike_sign_end(struct ike_handshake *h)
{
	struct ike_signature *s;

	while ((s = h->signatures)) {
		h->signatures = s->next;
		if (!s->made && !s->of_token) {
			jobs_cancel(&s->job);
			continue;
		}
		tokens_cancel(&s->token);
		free_signature(s);
	}
}
