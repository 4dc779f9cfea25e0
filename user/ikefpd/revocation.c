// SPDX-License-Identifier: GPL-2.0
/* Has a certificate been revoked? */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "authority.h"
#include "certificate.h"
#include "container_of.h"
#include "credentials.h"
#include "jobs.h"
#include "log.h"
#include "lookup.h"
#include "loop.h"
#include "revocation.h"
#include "table.h"

#define URIS_MAX	4	/* that are asked of each kind for a certificate */
/* What could not be learnt is not asked for again before. */
#define RETRY_MS	30000
/* What says of itself no end, and the most of any. */
#define KEEP_MS		300000
#define KEEP_MAX_MS	86400000
#define SKEW_S		300	/* between our clock and a responder's */
#define AGE_MAX_S	600	/* of what says no end: it was made when it was asked for */
#define SOURCES_MAX	10000	/* answers that are kept */
#define WAITING_MAX	(64u << 20)	/* octets that wait for threads; more are judged at once */
#define DEAD_MAX	64	/* URIs that are known not to answer */

/* One who is asked: a URI for CRLs, or one for OCSP of one certificate. */
struct source {
	struct table_node node;
	struct source *next, **link;	/* oldest first */
	struct revocation_info *revocation;
	enum lookup_kind kind;
	char *uri;
	X509 *cert;		/* OCSP: it is asked about, by its serial number */
	X509 *issuer;
	bool asking;		/* until the answer is judged */
	struct lookup_job job;
	struct judgement *judgement;	/* it is there, and being judged */
	struct revocation_waiter *waiters;
	uint64_t until_ms;	/* loop_now_ms() until when its answer stands */
	enum revocation_answer answer;	/* GOOD, REVOKED, or UNKNOWN */
};

/*
 * Is an answer a good one? A thread finds out, as a CRL may be large, and signatures take long: it
 * reads and writes all of this but the source.
 */
struct judgement {
	struct job job;
	struct source *source;	/* the loop's alone; NULL: it is gone */
	enum lookup_kind kind;
	X509 *cert, *issuer;	/* references */
	struct buf octets;
	/* What came of it. */
	const char *why;	/* it is not good; or NULL, and these: */
	X509_CRL *crl;
	enum revocation_answer answer;
	uint64_t until_ms;
};

/* For RETRY_MS nobody is waited for there, whatever certificate it is about. */
struct dead {
	char *uri;		/* NULL: none */
	uint64_t until_ms;
};

struct revocation_info {
	struct lookup *lookup;
	const struct config *config;
	struct table sources;
	struct source *first, **end;
	size_t count;
	size_t waiting;		/* octets of answers that are to be judged by threads */
	struct dead dead[DEAD_MAX];
	unsigned int last_dead;
};

static bool is_dead(const struct revocation_info *r, const char *uri)
{
	for (unsigned int i = 0; i < DEAD_MAX; i++)
		if (r->dead[i].uri && !strcmp(r->dead[i].uri, uri) &&
		    loop_now_ms() < r->dead[i].until_ms)
			return true;
	return false;
}

static void note_dead(struct revocation_info *r, const char *uri)
{
	struct dead *d = &r->dead[r->last_dead++ % DEAD_MAX];

	free(d->uri);
	d->uri = strdup(uri);
	d->until_ms = loop_now_ms() + RETRY_MS;
}

static void forget_dead(struct revocation_info *r)
{
	for (unsigned int i = 0; i < DEAD_MAX; i++) {
		free(r->dead[i].uri);
		r->dead[i].uri = NULL;
	}
}

/* Waiting */

void revocation_cancel(struct revocation_waiter *w)
{
	if (!w->link)
		return;
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	w->link = NULL;
}

static void wait_for(struct source *s, struct revocation_waiter *w)
{
	if (!w || w->link)
		return;
	w->next = s->waiters;
	w->link = &s->waiters;
	if (w->next)
		w->next->link = &w->next;
	s->waiters = w;
}

/* Any of them may go by it, and others of these; and they may ask anew. */
static void wake(struct source *s)
{
	struct revocation_waiter *woken = s->waiters, *w;

	s->waiters = NULL;
	if (woken)
		woken->link = &woken;
	while ((w = woken)) {
		revocation_cancel(w);
		w->ready(w);
	}
}

/* Sources */

static uint64_t hash_of(enum lookup_kind kind, const char *uri, const X509 *cert)
{
	const ASN1_INTEGER *serial = cert ? X509_get0_serialNumber(cert) : NULL;
	uint64_t hash = table_hash(TABLE_HASH, &kind, sizeof(kind));

	hash = table_hash(hash, uri, strlen(uri));
	return serial ? table_hash(hash, serial->data, (size_t)serial->length) : hash;
}

static struct source *find(const struct revocation_info *r, enum lookup_kind kind, const char *uri,
			   const X509 *cert, const X509 *issuer)
{
	struct table_node *node;

	for (node = table_find(&r->sources, hash_of(kind, uri, cert)); node;
	     node = table_next(node)) {
		struct source *s = container_of(node, struct source, node);

		if (s->kind == kind && !strcmp(s->uri, uri) && !X509_cmp(s->issuer, issuer) &&
		    (!cert || !X509_cmp(s->cert, cert)))
			return s;
	}
	return NULL;
}

static struct judgement *end_judgement(struct source *s)
{
	struct judgement *j = s->judgement;

	s->revocation->waiting -= j->octets.len;
	s->judgement = NULL;
	j->source = NULL;
	return j;
}

static void source_free(struct source *s)
{
	struct revocation_info *r = s->revocation;

	lookup_cancel(&s->job);
	if (s->judgement)
		jobs_cancel(&end_judgement(s)->job);
	while (s->waiters)
		revocation_cancel(s->waiters);
	table_remove(&r->sources, &s->node);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	else
		r->end = s->link;
	r->count--;
	X509_free(s->cert);
	X509_free(s->issuer);
	free(s->uri);
	free(s);
}

/* The oldest that is not being asked goes. False: all are. */
static bool make_room(struct revocation_info *r)
{
	struct source *s = r->first;

	if (r->count < SOURCES_MAX)
		return true;
	while (s && s->asking)
		s = s->next;
	if (s)
		source_free(s);
	return s;
}

static struct source *source_new(struct revocation_info *r, enum lookup_kind kind, const char *uri,
				 X509 *cert, X509 *issuer)
{
	struct source *s;

	s = make_room(r) ? calloc(1, sizeof(*s)) : NULL;
	if (!s)
		return NULL;
	s->uri = strdup(uri);
	if (!s->uri) {
		free(s);
		return NULL;
	}
	s->revocation = r;
	s->kind = kind;
	s->answer = REVOCATION_UNKNOWN;
	X509_up_ref(issuer);
	s->issuer = issuer;
	if (cert) {
		X509_up_ref(cert);
		s->cert = cert;
	}
	table_add(&r->sources, &s->node, hash_of(kind, uri, cert));
	s->link = r->end;
	*r->end = s;
	r->end = &s->next;
	r->count++;
	return s;
}

/* Answers */

static uint64_t until(const ASN1_TIME *next_update)
{
	uint64_t keep = KEEP_MS;
	int days, seconds;

	if (next_update && ASN1_TIME_diff(&days, &seconds, NULL, next_update)) {
		int64_t ms = ((int64_t)days * 86400 + seconds) * 1000;

		/* One that ends now would be asked for again at once, and again. */
		keep = ms < RETRY_MS ? RETRY_MS : ms > KEEP_MAX_MS ? KEEP_MAX_MS : (uint64_t)ms;
	}
	return loop_now_ms() + keep;
}

/*
 * The issuer's own, or one's whom it has named for that. It was verified itself, when it was
 * to be asked about what it issued.
 */
static const char *verify_ocsp(const struct judgement *j, OCSP_BASICRESP *basic)
{
	STACK_OF(X509) *issuers = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	const char *why = "out of memory";

	if (store && issuers && sk_X509_push(issuers, j->issuer) &&
	    X509_STORE_add_cert(store, j->issuer) &&
	    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN))
		why = OCSP_basic_verify(basic, issuers, store, 0) == 1 ? NULL :
		      "the answer is not signed by who may";
	sk_X509_free(issuers);
	X509_STORE_free(store);
	return why;
}

static const char *read_status(struct judgement *j, OCSP_BASICRESP *basic)
{
	ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, j->cert, j->issuer);
	int status = V_OCSP_CERTSTATUS_UNKNOWN;
	const char *why = NULL;

	if (!id || !OCSP_resp_find_status(basic, id, &status, NULL, NULL, &this_update,
					  &next_update))
		why = "the answer is about something else";
	else if (!OCSP_check_validity(this_update, next_update, SKEW_S,
				      next_update ? -1 : AGE_MAX_S))
		why = "the answer is of another time";
	else if (status == V_OCSP_CERTSTATUS_UNKNOWN)
		why = "the responder does not know the certificate";
	OCSP_CERTID_free(id);
	if (why)
		return why;
	j->answer = status == V_OCSP_CERTSTATUS_GOOD ? REVOCATION_GOOD : REVOCATION_REVOKED;
	j->until_ms = until(next_update);
	return NULL;
}

/* Returns why it is none, or NULL. */
static const char *judge_ocsp(struct judgement *j)
{
	const uint8_t *data = j->octets.data;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &data, (long)j->octets.len);
	OCSP_BASICRESP *basic = NULL;
	const char *why = "it is no OCSP response";

	if (response && OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		why = OCSP_response_status_str(OCSP_response_status(response));
	else if (response)
		basic = OCSP_response_get1_basic(response);
	if (basic)
		why = verify_ocsp(j, basic);
	if (basic && !why)
		why = read_status(j, basic);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	return why;
}

/* The issuer's own alone: one of somebody else's would hide those that were loaded. */
static const char *judge_crl(struct judgement *j)
{
	X509_CRL *crl = crl_read(j->octets.data, j->octets.len);

	j->crl = crl;
	if (!crl)
		return "it is no X.509 CRL";
	if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(j->issuer)) ||
	    X509_CRL_verify(crl, X509_get0_pubkey(j->issuer)) != 1)
		return "it is not signed by the CA whose certificates it is about";
	if (X509_cmp_current_time(X509_CRL_get0_lastUpdate(crl)) > 0)
		return "it is not valid yet";
	if (!X509_CRL_get0_nextUpdate(crl) ||
	    X509_cmp_current_time(X509_CRL_get0_nextUpdate(crl)) < 0)
		return "it is too old";
	j->answer = REVOCATION_GOOD;
	j->until_ms = until(X509_CRL_get0_nextUpdate(crl));
	return NULL;
}

static void judge(struct job *job)
{
	struct judgement *j = container_of(job, struct judgement, job);

	j->why = j->kind == LOOKUP_OCSP ? judge_ocsp(j) : judge_crl(j);
	ERR_clear_error();
}

static void judgement_free(struct judgement *j)
{
	X509_free(j->cert);
	X509_free(j->issuer);
	X509_CRL_free(j->crl);
	buf_clear(&j->octets);
	free(j);
}

/* The source is gone, or the threads are, before it. */
static void drop(struct job *job)
{
	struct judgement *j = container_of(job, struct judgement, job);

	if (j->source)
		end_judgement(j->source);
	judgement_free(j);
}

static void log_answer(const struct source *s, const char *why)
{
	bool ocsp = s->kind == LOOKUP_OCSP;
	char name[ID_STRLEN];

	if (why)
		log_msg(LOG_CFG, LVL_CTRL, "%s from %s: %s", ocsp ? "OCSP" : "a CRL", s->uri, why);
	else if (ocsp)
		log_msg(LOG_CFG, LVL_CTRL, "OCSP from %s: certificate \"%s\" is %s", s->uri,
			certificate_str(s->cert, name),
			s->answer == REVOCATION_GOOD ? "good" : "revoked");
	else
		log_msg(LOG_CFG, LVL_CTRL, "fetched the CRL of \"%s\" from %s",
			certificate_str(s->issuer, name), s->uri);
}

/* @j NULL: there is nothing good, for this reason. */
static void settle(struct source *s, const struct judgement *j, const char *why)
{
	s->asking = false;
	s->answer = REVOCATION_UNKNOWN;
	s->until_ms = loop_now_ms() + RETRY_MS;
	if (j)
		why = j->why;
	if (!why && j->crl &&
	    credentials_put_fetched(s->revocation->config->credentials, s->uri, j->crl))
		why = "out of memory";
	if (!why) {
		s->answer = j->answer;
		s->until_ms = j->until_ms;
	}
	log_answer(s, why);
	wake(s);
}

static void judged(struct job *job)
{
	struct judgement *j = container_of(job, struct judgement, job);
	struct source *s = j->source;

	end_judgement(s);
	settle(s, j, NULL);
	judgement_free(j);
}

static struct judgement *judgement_new(struct source *s, const uint8_t *data, size_t len)
{
	struct judgement *j = calloc(1, sizeof(*j));

	if (!j || buf_set(&j->octets, data, len)) {
		free(j);
		return NULL;
	}
	j->job = (struct job){ .work = judge, .done = judged, .drop = drop };
	j->source = s;
	j->kind = s->kind;
	X509_up_ref(s->issuer);
	j->issuer = s->issuer;
	if (s->cert) {
		X509_up_ref(s->cert);
		j->cert = s->cert;
	}
	return j;
}

static void answered(struct lookup_job *job, const char *why, const uint8_t *data, size_t len)
{
	struct source *s = container_of(job, struct source, job);
	struct judgement *j = why ? NULL : judgement_new(s, data, len);

	if (why && !is_dead(s->revocation, s->uri))
		note_dead(s->revocation, s->uri);
	if (!j) {
		settle(s, NULL, why ? why : "out of memory");
		return;
	}
	s->judgement = j;
	s->revocation->waiting += len;
	if (s->revocation->waiting <= WAITING_MAX && jobs_submit(&j->job))
		return;
	judge(&j->job);
	judged(&j->job);
}

/* Asking */

static int ask_ocsp(struct source *s)
{
	OCSP_REQUEST *request = OCSP_REQUEST_new();
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, s->cert, s->issuer);
	unsigned char *der = NULL;
	int len = 0, err = -1;

	if (request && id && OCSP_request_add0_id(request, id))
		id = NULL;
	if (request && !id)
		len = i2d_OCSP_REQUEST(request, &der);
	if (len > 0)
		err = lookup_ask(s->revocation->lookup, &s->job, LOOKUP_OCSP, s->uri, der,
				 (size_t)len);
	OPENSSL_free(der);
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(request);
	return err;
}

/* Where a file is that the configuration names as a URI, or NULL. */
static const char *path_of(const char *uri)
{
	return strncmp(uri, "file://", 7) ? NULL : uri + 7;
}

static int ask_crl(struct source *s)
{
	const char *path = path_of(s->uri);

	return lookup_ask(s->revocation->lookup, &s->job, path ? LOOKUP_FILE : LOOKUP_CRL,
			  path ? path : s->uri, NULL, 0);
}

/* What it says, or it is asked. */
static enum revocation_answer ask_source(struct revocation_info *r, enum lookup_kind kind,
					 const char *uri, X509 *cert, X509 *issuer,
					 struct revocation_waiter *w)
{
	struct source *s = find(r, kind, uri, cert, issuer);
	int err;

	if (!s)
		s = source_new(r, kind, uri, cert, issuer);
	if (!s || (!s->asking && loop_now_ms() < s->until_ms))
		return s ? s->answer : REVOCATION_UNKNOWN;
	if (!s->asking && is_dead(r, uri))
		return REVOCATION_UNKNOWN;
	if (!s->asking) {
		s->job.done = answered;
		err = kind == LOOKUP_OCSP ? ask_ocsp(s) : ask_crl(s);
		if (err) {
			s->until_ms = loop_now_ms() + RETRY_MS;
			s->answer = REVOCATION_UNKNOWN;
			return REVOCATION_UNKNOWN;
		}
		s->asking = true;
	}
	wait_for(s, w);
	return REVOCATION_WAIT;
}

/* The URIs of a certificate, each a text of its own. */
struct uris {
	size_t n;
	char *v[URIS_MAX];
};

static void put_uri(struct uris *uris, const char *text, size_t len)
{
	if (uris->n == URIS_MAX)
		return;
	uris->v[uris->n] = strndup(text, len);
	uris->n += uris->v[uris->n] != NULL;
}

/* A certificate's: no file is opened for that. */
static void add_uri(struct uris *uris, const char *text, size_t len)
{
	if (len >= 7 && !strncasecmp(text, "http://", 7) && !memchr(text, '\0', len))
		put_uri(uris, text, len);
}

static void add_point(struct uris *uris, const DIST_POINT *point)
{
	const GENERAL_NAMES *names;

	/* For some reasons only, or by another issuer: it would not tell all, or not be taken. */
	if (!point->distpoint || point->distpoint->type || point->reasons || point->CRLissuer)
		return;
	names = point->distpoint->name.fullname;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;

		if (name->type == GEN_URI)
			add_uri(uris, (const char *)ASN1_STRING_get0_data(uri),
				(size_t)ASN1_STRING_length(uri));
	}
}

static void own_uris(struct uris *uris, enum lookup_kind kind, X509 *cert)
{
	if (kind == LOOKUP_OCSP) {
		STACK_OF(OPENSSL_STRING) *list = X509_get1_ocsp(cert);

		for (int i = 0; i < sk_OPENSSL_STRING_num(list); i++) {
			const char *uri = sk_OPENSSL_STRING_value(list, i);

			add_uri(uris, uri, strlen(uri));
		}
		X509_email_free(list);
	} else {
		CRL_DIST_POINTS *points = X509_get_ext_d2i(cert, NID_crl_distribution_points,
							   NULL, NULL);

		for (int i = 0; i < sk_DIST_POINT_num(points); i++)
			add_point(uris, sk_DIST_POINT_value(points, i));
		CRL_DIST_POINTS_free(points);
	}
}

/* The configuration's, then the certificate's own. */
static void find_uris(const struct revocation_info *r, struct uris *uris, enum lookup_kind kind,
		      X509 *cert, X509 *issuer)
{
	const struct authority *a = authority_of(r->config->authorities, issuer);
	size_t n = !a ? 0 : kind == LOOKUP_OCSP ? a->ocsp_uri_count : a->crl_uri_count;

	uris->n = 0;
	for (size_t i = 0; i < n; i++) {
		const char *uri = kind == LOOKUP_OCSP ? a->ocsp_uris[i] : a->crl_uris[i];

		put_uri(uris, uri, strlen(uri));
	}
	own_uris(uris, kind, cert);
}

/* The first one that knows, one after the other. */
static enum revocation_answer ask_all(struct revocation_info *r, const struct uris *uris,
				      enum lookup_kind kind, X509 *cert, X509 *issuer,
				      struct revocation_waiter *w)
{
	enum revocation_answer answer = REVOCATION_NO_URI;

	for (size_t i = 0; i < uris->n; i++) {
		answer = ask_source(r, kind, uris->v[i], kind == LOOKUP_OCSP ? cert : NULL,
				    issuer, w);
		if (answer != REVOCATION_UNKNOWN)
			return answer;
	}
	return answer;
}

static enum revocation_answer ask(struct revocation_info *r, enum lookup_kind kind, X509 *cert,
				  X509 *issuer, struct revocation_waiter *w)
{
	enum revocation_answer answer;
	struct uris uris;

	find_uris(r, &uris, kind, cert, issuer);
	answer = r->lookup ? ask_all(r, &uris, kind, cert, issuer, w) :
		 uris.n ? REVOCATION_UNKNOWN : REVOCATION_NO_URI;
	while (uris.n)
		free(uris.v[--uris.n]);
	return answer;
}

enum revocation_answer revocation_ask(struct revocation_info *r, X509 *cert, X509 *issuer,
				      bool has_crl, struct revocation_waiter *w)
{
	enum revocation_answer ocsp = ask(r, LOOKUP_OCSP, cert, issuer, w), crl;

	if (ocsp != REVOCATION_NO_URI && ocsp != REVOCATION_UNKNOWN)
		return ocsp;
	if (has_crl)
		return REVOCATION_GOOD;
	crl = ask(r, LOOKUP_CRL, cert, issuer, w);
	/* What was fetched says nothing of this one, or it would have been found in it. */
	if (crl == REVOCATION_GOOD)
		crl = REVOCATION_UNKNOWN;
	return crl == REVOCATION_NO_URI ? ocsp : crl;
}

void revocation_flush(struct revocation_info *r)
{
	struct source *s, *next;

	for (s = r->first; s; s = next) {
		next = s->next;
		if (!s->asking)
			source_free(s);
	}
	forget_dead(r);
	credentials_clear_fetched(r->config->credentials);
}

struct revocation_info *revocation_new(struct lookup *lookup, const struct config *config)
{
	struct revocation_info *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->lookup = lookup;
	r->config = config;
	r->end = &r->first;
	return r;
}

void revocation_free(struct revocation_info *r)
{
	if (!r)
		return;
	while (r->first)
		source_free(r->first);
	table_clear(&r->sources);
	forget_dead(r);
	free(r);
}
