// SPDX-License-Identifier: GPL-2.0
/*
 * A stash: "IKFP", version, 2 octets of zeroes and what put_names() writes, these in every
 * version; and then, in network order, what put_ike() writes; at its end a SHA-256 of all
 * that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "config.h"
#include "ike_rekey.h"
#include "ike_sa.h"
#include "stash.h"

#define MAGIC		0x494b4650	/* "IKFP" */
#define HEADER		8
#define DIGEST		SHA256_DIGEST_LENGTH
#define CHILDREN_MAX	1000		/* more do not fit the kernel's bound */

enum {
	IKE_IS_INITIATOR = 1,
	IKE_NAT_LOCAL = 2,
	IKE_NAT_REMOTE = 4,
	IKE_NAT_FAKE = 8,
	IKE_COMPLETE = 16,
	IKE_REKEYED_BY_PEER = 32,
	IKE_HAS_REKEY = 64,
	IKE_CHILDLESS = 128,
	IKE_PPK = 256,
	IKE_OPENS_STREAM = 512,
};

enum {
	CHILD_ENCAP = 1,
	CHILD_TRANSPORT = 2,
	CHILD_MARK_IN_SA = 4,
	CHILD_UNIQUE_MARKS = 8,
	CHILD_NO_POLICIES = 16,
	CHILD_FWD_OUT = 32,
	CHILD_TRAPPED = 64,
	CHILD_NO_TFC = 128,
	CHILD_REPLACED = 256,
	CHILD_REKEYING = 512,
	CHILD_FOLLOWED = 1024,		/* made_by and made_for are there */
};

/* Writing */

static void put_octets(struct buf *b, const void *data, size_t len)
{
	buf_put16(b, len);
	buf_put(b, data, len);
}

static void put_text(struct buf *b, const char *text)
{
	put_octets(b, text, strlen(text));
}

static void put_endpoint(struct buf *b, const struct endpoint *e)
{
	buf_put8(b, e->family == AF_INET ? 4 : e->family == AF_INET6 ? 6 : 0);
	buf_put16(b, e->port);
	buf_put(b, e->addr, sizeof(e->addr));
}

static void put_id(struct buf *b, const struct ike_id *id)
{
	buf_put8(b, id->type);
	put_octets(b, id->data, id->len);
}

static void put_proposal(struct buf *b, const struct proposal *p)
{
	buf_put8(b, p->protocol);
	buf_put8(b, p->n);
	for (unsigned int i = 0; i < p->n; i++) {
		buf_put8(b, p->transforms[i].type);
		buf_put16(b, p->transforms[i].id);
		buf_put16(b, p->transforms[i].key_bits);
	}
}

static void put_ts(struct buf *b, const struct ts_list *list)
{
	struct buf body = BUF_INIT;

	ts_write(&body, list);
	if (body.failed)
		b->failed = true;
	else
		put_octets(b, body.data, body.len);
	buf_clear(&body);
}

static void put_mark(struct buf *b, struct xfrm_mark mark)
{
	buf_put32(b, mark.v);
	buf_put32(b, mark.m);
}

static void put_child(struct buf *b, const struct child_sa *child)
{
	put_text(b, child->conf->name);
	buf_put32(b, child->conf->reqid);
	buf_put32(b, child->conf->replay_window);
	buf_put8(b, child->state);
	buf_put16(b, (child->encap ? CHILD_ENCAP : 0) |
		     (child->transport ? CHILD_TRANSPORT : 0) |
		     (child->mark_in_sa ? CHILD_MARK_IN_SA : 0) |
		     (child->no_policies ? CHILD_NO_POLICIES : 0) |
		     (child->unique_marks ? CHILD_UNIQUE_MARKS : 0) |
		     (child->fwd_out ? CHILD_FWD_OUT : 0) |
		     (child->trapped ? CHILD_TRAPPED : 0) |
		     (child->no_tfc ? CHILD_NO_TFC : 0) |
		     (child->replaced ? CHILD_REPLACED : 0) |
		     (child->rekeying ? CHILD_REKEYING : 0) |
		     (child->made_by ? CHILD_FOLLOWED : 0));
	buf_put32(b, child->priority);
	buf_put32(b, child->if_id_in);
	buf_put32(b, child->if_id_out);
	put_mark(b, child->mark_in);
	put_mark(b, child->mark_out);
	buf_put8(b, child->hw_offload);
	buf_put8(b, child->offload_in);
	buf_put8(b, child->offload_out);
	buf_put32(b, child->device);
	put_text(b, child->bound_to);
	buf_put32(b, child->bound_index);
	buf_put32(b, child->unique_id);
	buf_put32(b, child->reqid);
	buf_put32(b, child->spi_in);
	buf_put32(b, child->spi_out);
	put_endpoint(b, &child->local);
	put_endpoint(b, &child->remote);
	put_proposal(b, child->proposal);
	put_ts(b, child->local_ts);
	put_ts(b, child->remote_ts);
	buf_put64(b, child->installed_ms);
	buf_put64(b, child->out_rank);
	buf_put64(b, child->prefer_ms);
	buf_put32(b, child->moves);
	buf_put64(b, child->rekey_ms);
	buf_put64(b, child->life_ms);
	if (child->made_by) {
		buf_put32(b, child->made_by);
		buf_put32(b, child->made_for);
	}
}

/* What its connection has no section of any more comes to nothing. */
static bool is_kept(const struct ike_task *task)
{
	return task->type != TASK_CREATE_CHILD || task->conf;
}

static void put_task(struct buf *b, const struct ike_task *task)
{
	buf_put8(b, is_kept(task) ? task->type : TASK_NONE);
	buf_put32(b, task->spi);
	if (task->type == TASK_CREATE_CHILD && task->conf)
		put_text(b, task->conf->name);
}

/* The peer has refused it for the time being: it is to be asked for once more. */
static bool is_put_off(const struct child_sa *child)
{
	return child->state == CHILD_CREATED && loop_timer_armed(&child->timer);
}

static void put_queue(struct buf *b, const struct ike_sa *sa)
{
	const struct child_sa *child;
	const struct ike_task *task;
	uint16_t n = 0;

	for (child = sa->children; child; child = child->next)
		n += is_put_off(child);
	for (task = sa->queue; task; task = task->next)
		n += is_kept(task);
	buf_put16(b, n);
	for (child = sa->children; child; child = child->next)
		if (is_put_off(child))
			put_task(b, &(struct ike_task){ .type = TASK_CREATE_CHILD,
							.conf = child->conf });
	for (task = sa->queue; task; task = task->next)
		if (is_kept(task))
			put_task(b, task);
}

/* How many; the connection's, and its Child SAs'. */
static void put_names(struct buf *b, const struct ike_sa *sa)
{
	const struct child_sa *child;
	uint16_t n = 1;

	for (child = sa->children; child; child = child->next)
		n++;
	buf_put16(b, n);
	put_text(b, sa->conn->name);
	for (child = sa->children; child; child = child->next)
		put_text(b, child->conf->name);
}

static void put_rekey(struct buf *b, const struct ike_rekey *r)
{
	buf_put64(b, r->spi);
	buf_put8(b, r->groups);
	buf_put8(b, r->sent);
	buf_put16(b, dh_group(r->dh));
	put_octets(b, r->private.data, r->private.len);
	put_octets(b, r->nonce_i.data, r->nonce_i.len);
	put_octets(b, r->rival.data, r->rival.len);
	buf_put8(b, r->first_payload);
	put_octets(b, r->response.data, r->response.len);
}

static void put_ike(struct buf *b, const struct ike_sa *sa)
{
	const struct child_sa *child;
	uint16_t n;

	buf_put16(b, (sa->initiator ? IKE_IS_INITIATOR : 0) |
		    (sa->nat_local ? IKE_NAT_LOCAL : 0) |
		    (sa->nat_remote ? IKE_NAT_REMOTE : 0) |
		    (sa->nat_fake ? IKE_NAT_FAKE : 0) |
		    (sa->handshake ? 0 : IKE_COMPLETE) |
		    (sa->rekeyed_by_peer ? IKE_REKEYED_BY_PEER : 0) |
		    (sa->rekey ? IKE_HAS_REKEY : 0) |
		    (sa->childless ? IKE_CHILDLESS : 0) |
		    (sa->ppk ? IKE_PPK : 0) |
		    (sa->stream ? IKE_OPENS_STREAM : 0));
	buf_put8(b, sa->state);
	buf_put32(b, sa->unique_id);
	buf_put64(b, sa->spi_i);
	buf_put64(b, sa->spi_r);
	put_endpoint(b, &sa->local);
	put_endpoint(b, &sa->remote);
	put_id(b, &sa->local_id);
	put_id(b, &sa->remote_id);
	put_proposal(b, sa->proposal);
	put_octets(b, sa->sk_d, prf_len(proposal_id(sa->proposal, TRANSFORM_PRF)));
	buf_put64(b, sa->created_ms);
	buf_put64(b, sa->established_ms);
	buf_put64(b, sa->rekey_ms);
	buf_put64(b, sa->reauth_ms);
	buf_put64(b, sa->life_ms);
	buf_put64(b, sa->duplicate_ms);
	buf_put64(b, sa->successor);
	buf_put64(b, sa->predecessor);
	buf_put64(b, sa->reauth_by);
	buf_put64(b, sa->reauth_of);
	buf_put32(b, sa->rekeyed_by);
	if (sa->rekey)
		put_rekey(b, sa->rekey);

	for (n = 0, child = sa->children; child; child = child->next)
		n++;
	buf_put16(b, n);
	for (child = sa->children; child; child = child->next)
		put_child(b, child);

	put_task(b, &sa->active);
	put_queue(b, sa);
}

void stash_write(struct buf *out, const struct ike_sa *sa)
{
	uint8_t digest[DIGEST];

	buf_put32(out, MAGIC);
	buf_put16(out, STASH_VERSION);
	buf_zero(out, 2);
	put_names(out, sa);
	put_ike(out, sa);
	if (out->failed)
		return;
	SHA256(out->data, out->len, digest);
	buf_put(out, digest, sizeof(digest));
}

/* Reading: what is not there reads as zeroes, and is damage. */

struct source_octets {
	const uint8_t *p;
	size_t left;
	bool failed;
};

static const uint8_t *take(struct source_octets *s, size_t len)
{
	const uint8_t *p = s->p;

	if (s->failed || len > s->left) {
		s->failed = true;
		return NULL;
	}
	s->p += len;
	s->left -= len;
	return p;
}

static uint8_t take8(struct source_octets *s)
{
	const uint8_t *p = take(s, 1);

	return p ? *p : 0;
}

static uint16_t take16(struct source_octets *s)
{
	const uint8_t *p = take(s, 2);

	return p ? get16(p) : 0;
}

static uint32_t take32(struct source_octets *s)
{
	const uint8_t *p = take(s, 4);

	return p ? get32(p) : 0;
}

static uint64_t take64(struct source_octets *s)
{
	const uint8_t *p = take(s, 8);

	return p ? get64(p) : 0;
}

static const uint8_t *take_octets(struct source_octets *s, size_t *len)
{
	*len = take16(s);
	return take(s, *len);
}

/* At most @max, those that may be. */
static uint8_t take_number(struct source_octets *s, uint8_t max)
{
	uint8_t v = take8(s);

	if (v > max)
		s->failed = true;
	return s->failed ? 0 : v;
}

/* NULL: damaged, or no memory. The caller's to free. */
static char *take_text(struct source_octets *s)
{
	size_t len;
	const uint8_t *p = take_octets(s, &len);
	char *text;

	if (!p || !len || memchr(p, '\0', len)) {
		s->failed = true;
		return NULL;
	}
	text = strndup((const char *)p, len);
	s->failed |= !text;
	return text;
}

static void take_endpoint(struct source_octets *s, struct endpoint *e)
{
	uint8_t version = take8(s);
	const uint8_t *addr;

	if (version != 4 && version != 6)
		s->failed = true;
	e->family = version == 4 ? AF_INET : AF_INET6;
	e->port = take16(s);
	addr = take(s, sizeof(e->addr));
	if (addr)
		memcpy(e->addr, addr, sizeof(e->addr));
}

static void take_id(struct source_octets *s, struct ike_id *id)
{
	uint8_t type = take8(s);
	size_t len;
	const uint8_t *p = take_octets(s, &len);

	if (!p || ike_id_set(id, type, p, len))
		s->failed = true;
}

static void take_proposal(struct source_octets *s, uint8_t protocol,
			  const struct proposal **kept)
{
	struct proposal taken = { 0 }, *p = &taken;

	p->protocol = take8(s);
	p->n = take_number(s, PROPOSAL_TRANSFORMS_MAX);
	/* A Child SA that is not wanted has none. */
	if (p->protocol != protocol && (p->protocol || p->n || protocol != PROTO_ESP))
		s->failed = true;
	for (unsigned int i = 0; i < p->n; i++) {
		p->transforms[i].type = take8(s);
		p->transforms[i].id = take16(s);
		p->transforms[i].key_bits = take16(s);
	}
	if (proposal_keep(kept, p))
		s->failed = true;
}

static void take_ts(struct source_octets *s, const struct ts_list **kept)
{
	struct ts_list list;
	size_t len;
	const uint8_t *body = take_octets(s, &len);

	if (!body || len < 4 || ts_read(&list, body, len) || ts_keep(kept, &list))
		s->failed = true;
}

/* The child's section of a connection that is no longer, or not yet, configured. */
static struct child_conf *take_child_name(struct source_octets *s, struct conn *conn)
{
	char *name = take_text(s);
	struct child_conf *conf;

	conf = name ? conn_find_child(conn, name) : NULL;
	if (name && !conf) {
		conf = calloc(1, sizeof(*conf));
		if (conf) {
			conf->conn = conn;
			conf->name = name;
			name = NULL;
			conf->next = conn->children;
			conn->children = conf;
		}
	}
	free(name);
	s->failed |= !conf;
	return s->failed ? NULL : conf;
}

/* NULL: damaged, or no memory. */
static struct conn *take_names(struct source_octets *s)
{
	uint16_t n = take16(s);
	char *name = take_text(s);
	struct conn *conn = name ? conn_new(name) : NULL;

	free(name);
	if (!conn || !n || n - 1 > CHILDREN_MAX)
		s->failed = true;
	while (!s->failed && --n)
		take_child_name(s, conn);
	if (s->failed) {
		conn_put(conn);
		return NULL;
	}
	conn->bygone = true;
	return conn;
}

static struct child_conf *take_child_conf(struct source_octets *s, struct conn *conn)
{
	struct child_conf *conf = take_child_name(s, conn);

	if (!conf)
		return NULL;
	conf->reqid = take32(s);
	conf->replay_window = take32(s);
	return conf;
}

static struct xfrm_mark take_mark(struct source_octets *s)
{
	struct xfrm_mark mark;

	mark.v = take32(s);
	mark.m = take32(s);
	return mark;
}

/* Its name, or nothing. */
static void take_interface(struct source_octets *s, char name[IFNAMSIZ])
{
	size_t len;
	const uint8_t *p = take_octets(s, &len);

	if (!p || len >= IFNAMSIZ || memchr(p, '\0', len))
		s->failed = true;
	else
		memcpy(name, p, len);
}

static void take_child(struct source_octets *s, struct ike_sa *sa)
{
	struct child_conf *conf = take_child_conf(s, sa->conn);
	struct child_sa *child, **end;
	uint16_t flags;

	if (!conf)
		return;
	child = calloc(1, sizeof(*child));
	if (!child) {
		s->failed = true;
		return;
	}
	for (end = &sa->children; *end;)
		end = &(*end)->next;
	*end = child;
	child_sa_agreed_init(child);
	child->ike_sa = sa;
	child_sa_set_conf(child, conf);
	child->state = take_number(s, CHILD_DELETED);
	flags = take16(s);
	child->encap = flags & CHILD_ENCAP;
	child->transport = flags & CHILD_TRANSPORT;
	child->mark_in_sa = flags & CHILD_MARK_IN_SA;
	child->unique_marks = flags & CHILD_UNIQUE_MARKS;
	child->no_policies = flags & CHILD_NO_POLICIES;
	child->fwd_out = flags & CHILD_FWD_OUT;
	child->trapped = flags & CHILD_TRAPPED;
	child->no_tfc = flags & CHILD_NO_TFC;
	child->replaced = flags & CHILD_REPLACED;
	child->rekeying = flags & CHILD_REKEYING;
	child->priority = take32(s);
	child->if_id_in = take32(s);
	child->if_id_out = take32(s);
	child->mark_in = take_mark(s);
	child->mark_out = take_mark(s);
	child->hw_offload = take_number(s, OFFLOAD_AUTO);
	child->offload_in = take_number(s, OFFLOAD_PACKET);
	child->offload_out = take_number(s, OFFLOAD_PACKET);
	child->device = take32(s);
	take_interface(s, child->bound_to);
	child->bound_index = take32(s);
	child->unique_id = take32(s);
	child->reqid = take32(s);
	child->spi_in = take32(s);
	child->spi_out = take32(s);
	take_endpoint(s, &child->local);
	take_endpoint(s, &child->remote);
	take_proposal(s, PROTO_ESP, &child->proposal);
	take_ts(s, &child->local_ts);
	take_ts(s, &child->remote_ts);
	child->installed_ms = take64(s);
	child->out_rank = take64(s);
	child->prefer_ms = take64(s);
	child->moves = take32(s);
	child->rekey_ms = take64(s);
	child->life_ms = take64(s);
	if (flags & CHILD_FOLLOWED) {
		child->made_by = take32(s);
		child->made_for = take32(s);
	}
}

static void take_task(struct source_octets *s, struct conn *conn, struct ike_task *task)
{
	task->type = take_number(s, TASK_ASK);
	task->spi = take32(s);
	if (task->type == TASK_CREATE_CHILD)
		ike_task_set_conf(task, take_child_name(s, conn));
}

static void take_queue(struct source_octets *s, struct ike_sa *sa)
{
	struct ike_task **end = &sa->queue, *task;
	uint16_t n;

	for (n = take16(s); !s->failed && n--; end = &task->next) {
		task = calloc(1, sizeof(*task));
		if (!task) {
			s->failed = true;
			return;
		}
		*end = task;
		take_task(s, sa->conn, task);
		if (task->type < TASK_CREATE_CHILD)
			s->failed = true;
	}
}

static void take_sk_d(struct source_octets *s, struct ike_sa *sa)
{
	size_t len;
	const uint8_t *sk_d = take_octets(s, &len);

	if (!sk_d || !len || len != prf_len(proposal_id(sa->proposal, TRANSFORM_PRF)))
		s->failed = true;
	else
		memcpy(sa->sk_d, sk_d, len);
}

static void take_buf(struct source_octets *s, struct buf *b)
{
	size_t len;
	const uint8_t *p = take_octets(s, &len);

	if (!p || (len && buf_set(b, p, len)))
		s->failed = true;
}

static void take_rekey(struct source_octets *s, struct ike_sa *sa)
{
	struct ike_rekey *r = ike_rekey_new();
	uint16_t group;

	sa->rekey = r;
	if (!r) {
		s->failed = true;
		return;
	}
	r->spi = take64(s);
	r->groups = take8(s);
	r->sent = take8(s);
	group = take16(s);
	take_buf(s, &r->private);
	if (!s->failed)
		r->dh = dh_new_private(group, r->private.data, r->private.len);
	take_buf(s, &r->nonce_i);
	take_buf(s, &r->rival);
	r->first_payload = take8(s);
	take_buf(s, &r->response);
	if (!r->dh || !r->spi)
		s->failed = true;
}

static void take_conn(struct source_octets *s, struct ike_sa *sa)
{
	struct conn *conn = take_names(s);

	if (!conn)
		return;
	ike_sa_set_conn(sa, conn);
	conn_put(conn);
}

static void take_ike(struct source_octets *s, struct ike_sa *sa, bool *complete)
{
	uint64_t spi_i, spi_r;
	uint16_t flags;
	uint16_t n;

	take_conn(s, sa);
	flags = take16(s);
	sa->initiator = flags & IKE_IS_INITIATOR;
	sa->nat_local = flags & IKE_NAT_LOCAL;
	sa->nat_remote = flags & IKE_NAT_REMOTE;
	sa->nat_fake = flags & IKE_NAT_FAKE;
	*complete = flags & IKE_COMPLETE;
	sa->rekeyed_by_peer = flags & IKE_REKEYED_BY_PEER;
	sa->childless = flags & IKE_CHILDLESS;
	sa->ppk = flags & IKE_PPK;
	sa->opens_stream = flags & IKE_OPENS_STREAM;
	sa->state = take_number(s, IKE_DELETING);
	sa->unique_id = take32(s);
	spi_i = take64(s);
	spi_r = take64(s);
	if (s->failed)
		return;
	take_endpoint(s, &sa->local);
	take_endpoint(s, &sa->remote);
	take_id(s, &sa->local_id);
	take_id(s, &sa->remote_id);
	take_proposal(s, PROTO_IKE, &sa->proposal);
	take_sk_d(s, sa);
	sa->created_ms = take64(s);
	sa->established_ms = take64(s);
	sa->rekey_ms = take64(s);
	sa->reauth_ms = take64(s);
	sa->life_ms = take64(s);
	sa->duplicate_ms = take64(s);
	sa->successor = take64(s);
	sa->predecessor = take64(s);
	sa->reauth_by = take64(s);
	sa->reauth_of = take64(s);
	sa->rekeyed_by = take32(s);
	if (flags & IKE_HAS_REKEY)
		take_rekey(s, sa);

	n = take16(s);
	if (n > CHILDREN_MAX)
		s->failed = true;
	while (!s->failed && n--)
		take_child(s, sa);
	take_task(s, sa->conn, &sa->active);
	take_queue(s, sa);
	if (s->failed || s->left || !spi_i || !spi_r) {
		s->failed = true;
		return;
	}
	sa->spi_i = spi_i;
	sa->spi_r = spi_r;
}

struct conn *stash_read_names(const uint8_t *data, size_t len)
{
	struct source_octets s = { .p = data, .left = len };

	return take32(&s) == MAGIC && take(&s, HEADER - 4) ? take_names(&s) : NULL;
}

int stash_read(struct ike_sa *sa, const uint8_t *data, size_t len, uint16_t *version,
	       bool *complete)
{
	struct source_octets s = { .p = data, .left = len };
	uint8_t digest[DIGEST];

	*version = 0;
	if (take32(&s) != MAGIC)
		return -EBADMSG;
	*version = take16(&s);
	/* Whatever another version's digest is, and over what. */
	if (!s.failed && *version != STASH_VERSION)
		return -EPROTONOSUPPORT;
	if (len < HEADER + DIGEST || take16(&s))
		return -EBADMSG;
	SHA256(data, len - DIGEST, digest);
	if (memcmp(digest, data + len - DIGEST, DIGEST))
		return -EBADMSG;
	s.left -= DIGEST;
	take_ike(&s, sa, complete);
	return s.failed ? -EBADMSG : 0;
}

void stash_forget_children(struct ike_sa *sa)
{
	struct child_sa *child;

	while ((child = sa->children)) {
		sa->children = child->next;
		child_sa_agreed_clear(child);
		child_sa_set_conf(child, NULL);
		free(child);
	}
}
