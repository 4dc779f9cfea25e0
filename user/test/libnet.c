// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/rand.h>

#include "config.h"
#include "credentials.h"
#include "jobs.h"
#include "kernel.h"
#include "libnet.h"
#include "libsk.h"
#include "log.h"
#include "payload.h"
#include "signature.h"
#include "source.h"
#include "stream.h"

struct datagram {
	struct datagram *next;
	struct endpoint src, dst;
	struct buf octets;
};

/* As the module has it: one SA, window 1, response cache, lingering. */
struct ksa {
	struct ksa *next;
	uint64_t spi, peer_spi;
	bool initiator, keyed, established, lingering;
	struct endpoint local, remote;
	struct transform encr;
	uint16_t integ;
	struct ike_keys keys;
	uint32_t next_out, next_in;
	struct buf outstanding;
	struct datagram *waiting;	/* the answer to it: there is no daemon to tell */
	bool raw;
	uint32_t out_id;
	uint32_t tries;
	uint8_t dscp;
	struct buf init_request, init_response;
	struct buf last_request, last_response;
	struct buf stash;
	struct endpoint request_from, request_to;
	bool answered;
};

struct kernel {
	struct host *host;
	struct ksa *sas;
	struct buf seen_response;
	uint8_t seen_first;
};

/* Hosts and the wire */

bool host_op(struct host *host)
{
	if (host->ops && !--host->ops)
		host->dead = true;
	return !host->dead;
}

static const struct endpoint *seen_as(const struct host *host)
{
	return host->public.family ? &host->public : &host->addr;
}

/* A NAT gives each port another. */
static uint16_t translate(const struct host *host, uint16_t port)
{
	return host->public.family ? port + 10000 : port;
}

static void enqueue(struct net *net, const struct endpoint *src,
		    const struct endpoint *dst, const uint8_t *data, size_t len)
{
	struct datagram *d = calloc(1, sizeof(*d)), **end;

	assert(d);
	d->src = *src;
	d->dst = *dst;
	assert(!buf_set(&d->octets, data, len));
	for (end = &net->queue; *end;)
		end = &(*end)->next;
	*end = d;
}

void net_inject(struct net *net, const struct endpoint *src, const struct endpoint *dst,
		const uint8_t *data, size_t len)
{
	enqueue(net, src, dst, data, len);
}

/* Of a stream's ends its originator's is called 2n, the other one 2n + 1. */
static bool is_open(const struct net *net, uint32_t id)
{
	return id / 2 <= net->streams && net->open[id / 2 - 1];
}

static void transmit(struct kernel *k, const struct ksa *sa, const struct endpoint *local,
		     const struct endpoint *remote, const struct buf *octets)
{
	struct net *net = k->host->net;
	struct endpoint src = *seen_as(k->host), dst = *remote;
	bool raw = octets->data[18] == IKE_SA_INIT;
	enum fate fate = net->fate ? net->fate(net, net->sent, raw) : PASS;
	uint8_t *copy;
	int copies = fate == LOSE ? 0 : fate == DUPLICATE ? 2 : 1;

	net->sent++;
	k->host->marked[sa->dscp]++;
	/* Nothing is lost but what there is no stream for. */
	if (local->stream)
		copies = is_open(net, local->stream);
	dst.stream = local->stream ? local->stream ^ 1 : 0;
	src.port = translate(k->host, local->port);
	for (; copies; copies--) {
		copy = malloc(octets->len);
		assert(copy);
		memcpy(copy, octets->data, octets->len);
		if (net->tamper)
			net->tamper(net, copy, octets->len);
		enqueue(net, &src, &dst, copy, octets->len);
		free(copy);
	}
}

struct endpoint net_source, net_ours;

int source_address(const struct endpoint *remote, struct endpoint *local)
{
	uint16_t port = local->port;

	(void)remote;
	if (!net_source.family)
		return -ENETUNREACH;
	*local = net_source;
	local->port = port;
	return 0;
}

bool source_is_ours(const struct endpoint *addr)
{
	return !net_ours.family || endpoint_same_addr(addr, &net_ours);
}

/* The module */

static struct ksa *find(const struct kernel *k, uint64_t spi)
{
	struct ksa *sa;

	for (sa = k->sas; sa; sa = sa->next)
		if (sa->spi == spi)
			return sa;
	return NULL;
}

static struct ksa *add(struct kernel *k, uint64_t spi)
{
	struct ksa *sa = calloc(1, sizeof(*sa)), **end = &k->sas;

	assert(sa);
	sa->spi = spi;
	/* Oldest first, as the module lists them. */
	while (*end)
		end = &(*end)->next;
	*end = sa;
	return sa;
}

static void forget_answer(struct ksa *sa)
{
	if (!sa->waiting)
		return;
	buf_clear(&sa->waiting->octets);
	free(sa->waiting);
	sa->waiting = NULL;
}

static void ksa_free(struct kernel *k, struct ksa *sa)
{
	struct ksa **link;

	for (link = &k->sas; *link != sa;)
		link = &(*link)->next;
	*link = sa->next;
	forget_answer(sa);
	buf_clear(&sa->outstanding);
	buf_clear(&sa->init_request);
	buf_clear(&sa->init_response);
	buf_clear(&sa->last_request);
	buf_clear(&sa->last_response);
	buf_clear(&sa->stash);
	free(sa);
}

int kernel_sa_new(struct kernel *k, uint64_t spi_i, const struct endpoint *local,
		  const struct endpoint *remote, uint8_t dscp,
		  const struct retransmit_conf *retransmit)
{
	struct ksa *sa;

	(void)retransmit;
	if (!host_op(k->host))
		return 0;
	if (find(k, spi_i))
		return -EEXIST;
	if (local->stream && !is_open(k->host->net, local->stream))
		return -ENOENT;
	sa = add(k, spi_i);
	sa->initiator = true;
	sa->local = *local;
	sa->remote = *remote;
	sa->dscp = dscp;
	return 0;
}

int kernel_sa_dscp(struct kernel *k, uint64_t spi_local, uint8_t dscp)
{
	struct ksa *sa = find(k, spi_local);

	if (!host_op(k->host))
		return 0;
	assert(sa && !sa->lingering && dscp < 64);
	sa->dscp = dscp;
	return 0;
}

int kernel_sa_send_raw(struct kernel *k, uint64_t spi_local,
		       const uint8_t *data, size_t len)
{
	struct ksa *sa = find(k, spi_local);
	struct ike_header h;
	struct buf *to;

	if (!host_op(k->host))
		return 0;
	if (!sa || sa->lingering)
		return -ENOENT;
	assert(!ike_header_read(&h, data, len) && h.exchange == IKE_SA_INIT);
	to = sa->initiator ? &sa->outstanding : &sa->init_response;
	assert(sa->initiator ? !sa->keyed : !sa->init_response.len);
	assert(!buf_set(to, data, len));
	sa->raw = sa->initiator;
	sa->tries = 1;
	transmit(k, sa, &sa->local, &sa->remote, to);
	return 0;
}

int kernel_sa_keys(struct kernel *k, uint64_t spi_local, uint64_t spi_remote,
		   const struct endpoint *local, const struct endpoint *remote,
		   const struct proposal *chosen, const struct ike_keys *keys,
		   const uint32_t *fragment_size)
{
	struct ksa *sa = find(k, spi_local);

	if (!host_op(k->host))
		return 0;
	assert(sa && !sa->keyed && spi_remote);
	sa->peer_spi = spi_remote;
	sa->local = *local;
	sa->remote = *remote;
	sa->encr = *proposal_get(chosen, TRANSFORM_ENCR);
	sa->integ = proposal_id(chosen, TRANSFORM_INTEG);
	sa->keys = *keys;
	sa->keyed = true;
	k->host->fragments = fragment_size;
	k->host->fragment_size = fragment_size ? *fragment_size : 0;
	sa->next_out = sa->initiator;
	sa->next_in = sa->initiator ? 0 : 1;
	buf_clear(&sa->outstanding);
	return 0;
}

int kernel_sa_new_keys(struct kernel *k, uint64_t spi_local, const struct proposal *chosen,
		       const struct ike_keys *keys)
{
	struct ksa *sa = find(k, spi_local);

	(void)chosen;
	if (!host_op(k->host))
		return 0;
	assert(sa && sa->keyed && !sa->outstanding.len);
	sa->keys = *keys;
	return 0;
}

int kernel_sa_rekey(struct kernel *k, uint64_t old_spi_local, bool initiator, uint64_t spi_i,
		    uint64_t spi_r, const struct proposal *chosen, const struct ike_keys *keys)
{
	const struct ksa *old = find(k, old_spi_local);
	uint64_t spi = initiator ? spi_i : spi_r;
	struct ksa *sa;

	if (!host_op(k->host))
		return 0;
	assert(old && old->established && !old->lingering && spi_i && spi_r);
	if (k->host->full)
		return -ENOSPC;
	if (find(k, spi))
		return -EEXIST;
	sa = add(k, spi);
	sa->peer_spi = initiator ? spi_r : spi_i;
	sa->initiator = initiator;
	sa->local = old->local;
	sa->remote = old->remote;
	sa->dscp = old->dscp;
	sa->encr = *proposal_get(chosen, TRANSFORM_ENCR);
	sa->integ = proposal_id(chosen, TRANSFORM_INTEG);
	sa->keys = *keys;
	sa->keyed = true;
	sa->established = true;
	return 0;
}

int kernel_sa_established(struct kernel *k, uint64_t spi_local,
			  const struct endpoint *local, const struct endpoint *remote,
			  const struct kernel_life *life)
{
	struct ksa *sa = find(k, spi_local);

	if (!host_op(k->host))
		return 0;
	assert(sa && sa->keyed);
	sa->dscp = life->dscp;
	sa->established = true;
	sa->local = *local;
	sa->remote = *remote;
	return 0;
}

int kernel_sa_window(struct kernel *k, uint64_t spi_local, uint32_t window)
{
	struct ksa *sa = find(k, spi_local);

	if (!host_op(k->host))
		return 0;
	assert(sa && sa->established && window > 1);
	k->host->window = window;
	return 0;
}

int kernel_sa_move(struct kernel *k, uint64_t spi_local, const struct endpoint *local,
		   const struct endpoint *remote)
{
	struct ksa *sa = find(k, spi_local);

	assert(sa && (sa->established || local->stream));
	if (local->stream && !is_open(k->host->net, local->stream))
		return -ENOENT;
	sa->local = *local;
	sa->remote = *remote;
	if (local->stream && sa->outstanding.len)
		transmit(k, sa, local, remote, &sa->outstanding);
	return 0;
}

int kernel_sa_tries(struct kernel *k, uint64_t spi_local, uint32_t *tries)
{
	const struct ksa *sa = find(k, spi_local);

	*tries = sa ? sa->tries : 0;
	return sa ? 0 : -ENOENT;
}

int kernel_unknown_spis(struct kernel *k, uint64_t *n)
{
	(void)k;
	*n = 0;
	return 0;
}

int kernel_stream_add(struct kernel *k, int fd, bool originator, uint32_t *id)
{
	struct net *net = k->host->net;

	assert(net->streams < NET_STREAMS_MAX);
	if (!originator) {
		k->host->accepted = fd;
		return 0;
	}
	close(fd);
	net->open[net->streams] = !net->stillborn;
	*id = 2 * ++net->streams;
	return 0;
}

bool kernel_stream_is_open(struct kernel *k, uint32_t id)
{
	return is_open(k->host->net, id);
}

void net_cut(struct host *originator, uint32_t id)
{
	originator->net->open[id / 2 - 1] = false;
	if (!originator->dead)
		stream_closed(&originator->manager, id);
}

int kernel_sa_esp(struct kernel *k, uint64_t spi_local, const struct kernel_esp *pairs, size_t n)
{
	assert((k->host->dead || find(k, spi_local)) && n <= KERNEL_ESP_PAIRS_MAX);
	(void)pairs;
	return 0;
}

static void sk_key(const struct ksa *sa, bool of_initiator, struct sk_key *key)
{
	key->encr = sa->encr.id;
	key->integ = sa->integ;
	key->e = of_initiator ? sa->keys.ei : sa->keys.er;
	key->e_len = sa->keys.encr_len;
	key->a = of_initiator ? sa->keys.ai : sa->keys.ar;
	key->a_len = sa->keys.integ_len;
}

static void seal(const struct ksa *sa, struct buf *out, uint8_t exchange, bool response,
		 uint32_t id, uint8_t first, const uint8_t *data, size_t len)
{
	const struct ike_header h = {
		.spi_i = sa->initiator ? sa->spi : sa->peer_spi,
		.spi_r = sa->initiator ? sa->peer_spi : sa->spi,
		.version = IKE_VERSION,
		.exchange = exchange,
		.flags = (sa->initiator ? IKE_FLAG_INITIATOR : 0) |
			 (response ? IKE_FLAG_RESPONSE : 0),
		.message_id = id,
	};
	struct sk_key key;

	sk_key(sa, sa->initiator, &key);
	buf_clear(out);
	assert(!sk_seal(out, &key, &h, NULL, first, data, len));
}

/* As seal(), with the notify that the host's IKE_AUTH messages have. */
static void seal_with_notify(struct kernel *k, struct ksa *sa, struct buf *out, uint8_t exchange,
			     bool response, uint32_t message_id, uint8_t first,
			     const uint8_t *data, size_t len)
{
	const struct buf *notify = exchange == IKE_AUTH ? k->host->window_notify : NULL;
	struct payload_writer w;

	if (!notify) {
		seal(sa, out, exchange, response, message_id, first, data, len);
		return;
	}
	payload_begin(&w, 0);
	payload_add_notify(&w, PROTO_NONE, NULL, 0, SET_WINDOW_SIZE, notify->data, notify->len);
	w.buf.data[0] = first;
	buf_put(&w.buf, data, len);
	seal(sa, out, exchange, response, message_id, w.first, w.buf.data, w.buf.len);
	buf_clear(&w.buf);
}

int kernel_sa_request(struct kernel *k, uint64_t spi_local, uint8_t exchange,
		      uint8_t first_payload, const uint8_t *data, size_t len)
{
	struct ksa *sa = find(k, spi_local);

	if (!host_op(k->host))
		return 0;
	assert(sa && sa->keyed && !sa->outstanding.len);
	sa->out_id = sa->next_out++;
	sa->raw = false;
	seal_with_notify(k, sa, &sa->outstanding, exchange, false, sa->out_id, first_payload, data,
			 len);
	transmit(k, sa, &sa->local, &sa->remote, &sa->outstanding);
	return 0;
}

int kernel_sa_respond(struct kernel *k, uint64_t spi_local, uint8_t exchange,
		      uint32_t message_id, uint8_t first_payload,
		      const uint8_t *data, size_t len)
{
	struct ksa *sa = find(k, spi_local);

	if (!host_op(k->host))
		return 0;
	assert(sa && message_id == sa->next_in - 1 && !sa->answered);
	seal_with_notify(k, sa, &sa->last_response, exchange, true, message_id, first_payload,
			 data, len);
	sa->answered = true;
	transmit(k, sa, &sa->request_to, &sa->request_from, &sa->last_response);
	return 0;
}

int kernel_sa_stash(struct kernel *k, uint64_t spi_local, const uint8_t *data, size_t len)
{
	struct ksa *sa = find(k, spi_local);

	if (!host_op(k->host))
		return 0;
	assert(sa && !sa->lingering && len);
	return buf_set(&sa->stash, data, len);
}

/* Here each is told by itself. */
void kernel_sa_gather(struct kernel *k, uint64_t spi_local)
{
	(void)k;
	(void)spi_local;
}

void kernel_sa_apply(struct kernel *k)
{
	(void)k;
}

int kernel_sa_delete(struct kernel *k, uint64_t spi_local)
{
	struct ksa *sa = find(k, spi_local);

	if (!host_op(k->host))
		return 0;
	if (!sa || sa->lingering)
		return -ENOENT;
	buf_clear(&sa->outstanding);
	if (sa->init_response.len || sa->last_response.len)
		sa->lingering = true;
	else
		ksa_free(k, sa);
	return 0;
}

static bool same(const struct buf *b, const struct datagram *d)
{
	return b->len == d->octets.len && !memcmp(b->data, d->octets.data, b->len);
}

static void up(struct kernel *k, struct ksa *sa, const struct datagram *d,
	       const struct ike_header *h, const struct endpoint *local,
	       uint8_t first, const struct buf *payload)
{
	const struct kernel_message msg = {
		.local = *local,
		.remote = d->src,
		.spi_i = h->spi_i,
		.spi_r = h->spi_r,
		.spi_local = sa->spi,
		.exchange = h->exchange,
		.flags = h->flags,
		.message_id = h->message_id,
		.raw = h->exchange == IKE_SA_INIT,
		.first_payload = first,
		.data = payload->data,
		.len = payload->len,
	};

	ike_manager_message(&k->host->manager, &msg);
}

static void receive_init(struct kernel *k, const struct datagram *d,
			 const struct ike_header *h, const struct endpoint *local)
{
	struct ksa *sa;
	uint64_t spi;

	for (sa = k->sas; sa; sa = sa->next) {
		if (!same(&sa->init_request, d))
			continue;
		if (sa->init_response.len)
			transmit(k, sa, local, &d->src, &sa->init_response);
		return;
	}
	assert(RAND_bytes((uint8_t *)&spi, sizeof(spi)) == 1);
	sa = add(k, spi);
	sa->peer_spi = h->spi_i;
	sa->local = *local;
	sa->remote = d->src;
	assert(!buf_set(&sa->init_request, d->octets.data, d->octets.len));
	up(k, sa, d, h, local, h->next_payload, &d->octets);
}

/* By another stream than before. */
static void follow(struct kernel *k, struct ksa *sa, const struct datagram *d,
		   const struct endpoint *local)
{
	const struct kernel_event event = {
		.type = KERNEL_EVENT_MOVED, .spi_local = sa->spi, .local = *local, .remote = d->src,
	};

	if (!sa->established || !local->stream || sa->local.stream == local->stream)
		return;
	sa->local = *local;
	sa->remote = d->src;
	ike_manager_event(&k->host->manager, &event);
}

static void receive_request(struct kernel *k, struct ksa *sa, const struct datagram *d,
			    const struct ike_header *h, const struct endpoint *local)
{
	struct buf inner = BUF_INIT;
	struct sk_key key;
	uint8_t first;

	if (sa->next_in && h->message_id == sa->next_in - 1 && same(&sa->last_request, d)) {
		if (sa->answered)
			transmit(k, sa, local, &d->src, &sa->last_response);
		return;
	}
	sk_key(sa, !sa->initiator, &key);
	if (sa->lingering || h->message_id != sa->next_in ||
	    sk_open(&inner, &first, &key, d->octets.data, d->octets.len))
		return;
	assert(!buf_set(&sa->last_request, d->octets.data, d->octets.len));
	sa->next_in++;
	sa->answered = false;
	sa->request_from = d->src;
	sa->request_to = *local;
	follow(k, sa, d, local);
	up(k, sa, d, h, local, first, &inner);
	buf_clear(&inner);
}

static void receive_response(struct kernel *k, struct ksa *sa, const struct datagram *d,
			     const struct ike_header *h, const struct endpoint *local)
{
	struct buf inner = BUF_INIT;
	struct sk_key key;
	uint8_t first;

	sk_key(sa, !sa->initiator, &key);
	if (!sa->outstanding.len || sa->raw || h->message_id != sa->out_id ||
	    sk_open(&inner, &first, &key, d->octets.data, d->octets.len))
		return;
	buf_clear(&sa->outstanding);
	assert(!buf_set(&k->seen_response, inner.data, inner.len));
	k->seen_first = first;
	up(k, sa, d, h, local, first, &inner);
	buf_clear(&inner);
}

/* Nothing else of what the kernel does alone is in this. */
static void keep_answer(struct kernel *k, const struct datagram *d)
{
	struct ike_header h;
	struct ksa *sa;

	if (ike_header_read(&h, d->octets.data, d->octets.len) || !(h.flags & IKE_FLAG_RESPONSE))
		return;
	sa = find(k, h.flags & IKE_FLAG_INITIATOR ? h.spi_r : h.spi_i);
	if (!sa || !sa->established || sa->waiting || !sa->outstanding.len || sa->raw ||
	    h.message_id != sa->out_id)
		return;
	sa->waiting = calloc(1, sizeof(*sa->waiting));
	assert(sa->waiting);
	sa->waiting->src = d->src;
	sa->waiting->dst = d->dst;
	assert(!buf_set(&sa->waiting->octets, d->octets.data, d->octets.len));
}

static void receive(struct kernel *k, const struct datagram *d)
{
	struct endpoint local = k->host->addr;
	struct ike_header h;
	struct ksa *sa;

	if (k->host->dead) {
		keep_answer(k, d);
		return;
	}
	local.port = k->host->public.family ? d->dst.port - 10000 : d->dst.port;
	local.stream = d->dst.stream;
	if (ike_header_read(&h, d->octets.data, d->octets.len) || h.version != IKE_VERSION)
		return;
	if (h.exchange == IKE_SA_INIT && !(h.flags & IKE_FLAG_RESPONSE)) {
		receive_init(k, d, &h, &local);
		return;
	}
	sa = find(k, h.flags & IKE_FLAG_INITIATOR ? h.spi_r : h.spi_i);
	if (!sa)
		return;
	if (h.exchange == IKE_SA_INIT) {
		if (sa->outstanding.len && sa->raw)
			up(k, sa, d, &h, &local, h.next_payload, &d->octets);
	} else if (sa->keyed && h.flags & IKE_FLAG_RESPONSE) {
		receive_response(k, sa, d, &h, &local);
	} else if (sa->keyed) {
		receive_request(k, sa, d, &h, &local);
	}
}

static void loops(struct net *net)
{
	struct host *host;

	do {
		for (host = net->hosts; host; host = host->next)
			loop_turn(host->loop, 0);
	} while (jobs_count() && !net->busy);
}

static void open_threads(struct net *net)
{
	if (net->threads || net->no_threads || !net->hosts)
		return;
	net->threads = true;
	assert(!jobs_open(net->hosts->loop, TEST_SIGNERS));
}

static struct job work[TEST_SIGNERS];
static atomic_uint at_work;
static atomic_bool go_on;

static void keep_on(struct job *job)
{
	const struct timespec nap = { .tv_nsec = 100000 };

	(void)job;
	at_work++;
	while (!go_on)
		nanosleep(&nap, NULL);
	at_work--;
}

static void worked(struct job *job)
{
	(void)job;
}

void net_keep_busy(struct net *net)
{
	const struct timespec nap = { .tv_nsec = 100000 };

	open_threads(net);
	go_on = false;
	for (unsigned int i = 0; i < TEST_SIGNERS; i++) {
		work[i] = (struct job){ .work = keep_on, .done = worked, .drop = worked };
		assert(jobs_submit(&work[i]));
	}
	while (at_work < TEST_SIGNERS)
		nanosleep(&nap, NULL);
	net->busy = true;
}

void net_let_go(struct net *net)
{
	go_on = true;
	net->busy = false;
	loops(net);
}

unsigned int net_jobs(const struct net *net)
{
	return jobs_count() - (net->busy ? TEST_SIGNERS : 0);
}

void net_run(struct net *net)
{
	struct datagram *d;
	struct host *host;

	open_threads(net);
	loops(net);
	while ((d = net->queue)) {
		net->queue = d->next;
		for (host = net->hosts; host; host = host->next)
			if (endpoint_same_addr(seen_as(host), &d->dst))
				receive(host->kernel, d);
		buf_clear(&d->octets);
		free(d);
		loops(net);
	}
}

void net_retransmit(struct net *net)
{
	struct host *host;
	struct ksa *sa;

	for (host = net->hosts; host; host = host->next)
		for (sa = host->kernel->sas; sa; sa = sa->next)
			if (sa->outstanding.len) {
				sa->tries++;
				transmit(host->kernel, sa, &sa->local, &sa->remote,
					 &sa->outstanding);
			}
	net_run(net);
}

/* The SA whose turn it is may end, and others with it: start over each time. */
static bool event(struct host *host, bool expire)
{
	struct kernel *k = host->kernel;
	struct kernel_event e;
	struct ksa *sa;

	for (sa = k->sas; sa; sa = sa->next) {
		if (expire ? sa->initiator || sa->established || sa->lingering :
			     !sa->outstanding.len)
			continue;
		e.type = expire ? KERNEL_EVENT_EXPIRED : KERNEL_EVENT_TIMEOUT;
		e.spi_local = sa->spi;
		e.exchange = expire ? 0 : sa->outstanding.data[18];
		if (expire)
			ksa_free(k, sa);
		else
			buf_clear(&sa->outstanding);
		ike_manager_event(&host->manager, &e);
		return true;
	}
	return false;
}

void net_give_up(struct net *net)
{
	struct host *host;

	for (host = net->hosts; host; host = host->next)
		while (event(host, false))
			;
	net_run(net);
}

void net_expire(struct net *net)
{
	struct host *host;

	for (host = net->hosts; host; host = host->next)
		while (event(host, true))
			;
	net_run(net);
}

void host_config(struct host *host, const char *conf)
{
	char path[] = "/tmp/ikefp-test-XXXXXX";
	int fd = mkstemp(path);
	struct errmsg err;

	assert(fd >= 0 && write(fd, conf, strlen(conf)) == (ssize_t)strlen(conf));
	close(fd);
	if (test_secrets_load_file(&host->secrets, host->config, path, &err)) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	unlink(path);
}

struct host *net_host(struct net *net, const char *addr, const char *public,
		      const char *conf)
{
	struct host *host = calloc(1, sizeof(*host));

	assert(host);
	log_set_level(LOG_GROUPS, getenv("VERBOSE") ? LVL_DIAG : LVL_SILENT);
	host->net = net;
	host->next = net->hosts;
	net->hosts = host;
	assert(!endpoint_parse(&host->addr, addr, 0));
	for (const struct host *other = host->next; other; other = other->next)
		assert(!endpoint_same_addr(&other->addr, &host->addr));
	if (public)
		assert(!endpoint_parse(&host->public, public, 0));
	host->kernel = calloc(1, sizeof(*host->kernel));
	assert(host->kernel);
	host->kernel->host = host;
	host->xfrm.next_spi = 0xc0000000 + (uint32_t)(uintptr_t)host->addr.addr[3] * 0x10000;
	host->config = config_new();
	host->loop = loop_new();
	assert(host->config && host->loop);
	test_secrets_start(&host->secrets);
	ike_manager_init(&host->manager, host->loop, host->kernel, &host->xfrm,
			 host->config, host->secrets.secrets);
	host_config(host, conf);
	return host;
}

static void expire_larval(struct xfrm *x)
{
	struct fake_state **link = &x->states, *s;

	while ((s = *link)) {
		if (!s->larval) {
			link = &s->next;
			continue;
		}
		*link = s->next;
		free(s);
	}
}

/* What of a request the daemon had in its hands is as if lost on the way. */
void host_die(struct host *host)
{
	struct ksa *sa;

	host->dead = true;
	expire_larval(&host->xfrm);
	ike_manager_clear(&host->manager);
	config_free(host->config);
	host->config = config_new();
	assert(host->config);
	for (sa = host->kernel->sas; sa; sa = sa->next) {
		if (!sa->last_request.len || sa->answered)
			continue;
		sa->next_in--;
		buf_clear(&sa->last_request);
	}
}

struct resume_summary host_start(struct host *host, const char *conf)
{
	struct resume_summary summary = { 0 };
	struct ksa *sa, *next;

	host->dead = false;
	host->restarted = true;
	host->ops = 0;
	ike_manager_init(&host->manager, host->loop, host->kernel, &host->xfrm,
			 host->config, host->secrets.secrets);
	host_config(host, conf);
	resume_begin(&host->manager);
	for (sa = host->kernel->sas; sa; sa = next) {
		struct kernel_orphan orphan = {
			.spi_local = sa->spi,
			.spi_remote = sa->peer_spi,
			.initiator = sa->initiator,
			.established = sa->established,
			.outstanding = sa->outstanding.len,
			.dscp = sa->dscp,
			.local = sa->local,
			.remote = sa->remote,
		};
		struct buf stash = BUF_INIT;

		next = sa->next;
		if (sa->lingering)
			continue;
		if (sa->stash.len)
			assert(!buf_set(&stash, sa->stash.data, sa->stash.len));
		orphan.stash = stash.data;
		orphan.stash_len = stash.len;
		resume_orphan(&host->manager, &orphan, &summary);
		buf_clear(&stash);
		sa = find(host->kernel, orphan.spi_local);
		if (sa && sa->waiting) {
			receive(host->kernel, sa->waiting);
			sa = find(host->kernel, orphan.spi_local);
		}
		if (sa)
			forget_answer(sa);
	}
	resume_finish(&host->manager, true);
	return summary;
}

void host_peer_moves(struct host *host, const struct endpoint *remote)
{
	assert(host->kernel->sas && !host->kernel->sas->next);
	host->kernel->sas->remote = *remote;
}

struct buf *host_stash(struct host *host)
{
	struct ksa *sa;

	for (sa = host->kernel->sas; sa; sa = sa->next)
		if (sa->stash.len)
			return &sa->stash;
	return NULL;
}

void net_clear(struct net *net)
{
	struct datagram *d;
	struct host *host;

	while ((d = net->queue)) {
		net->queue = d->next;
		buf_clear(&d->octets);
		free(d);
	}
	for (host = net->hosts; host; host = host->next)
		ike_manager_clear(&host->manager);
	go_on = true;
	jobs_close();
	while ((host = net->hosts)) {
		net->hosts = host->next;
		assert(!host->xfrm.states && !host->xfrm.policies);
		while (host->kernel->sas)
			ksa_free(host->kernel, host->kernel->sas);
		buf_clear(&host->kernel->seen_response);
		free(host->kernel);
		config_free(host->config);
		test_secrets_stop(&host->secrets);
		loop_free(host->loop);
		free(host);
	}
	while ((d = net->queue)) {
		net->queue = d->next;
		buf_clear(&d->octets);
		free(d);
	}
	memset(net, 0, sizeof(*net));
}

unsigned int host_kernel_sas(const struct host *host)
{
	unsigned int n = 0;
	struct ksa *sa;

	for (sa = host->kernel->sas; sa; sa = sa->next)
		n += !sa->lingering;
	return n;
}

int host_send_request(struct host *host, const struct ike_sa *sa, uint8_t exchange,
		      uint8_t first, const uint8_t *data, size_t len)
{
	return kernel_sa_request(host->kernel, ike_sa_spi_local(sa), exchange, first, data,
				 len);
}

void host_forget_request(struct host *host, const struct ike_sa *sa)
{
	struct ksa *ksa = find(host->kernel, ike_sa_spi_local(sa));

	/* Its message ID is the next one's. */
	buf_clear(&ksa->outstanding);
	ksa->next_out--;
}

const struct buf *host_last_response(const struct host *host, uint8_t *first)
{
	*first = host->kernel->seen_first;
	return &host->kernel->seen_response;
}

unsigned int host_ike_sas(const struct host *host)
{
	unsigned int n = 0;
	struct ike_sa *sa;

	for (sa = host->manager.sas; sa; sa = sa->next)
		n++;
	return n;
}

struct ike_sa *host_established(const struct host *host)
{
	struct ike_sa *sa;

	for (sa = host->manager.sas; sa; sa = sa->next)
		if (sa->state == IKE_ESTABLISHED)
			return sa;
	return NULL;
}

unsigned int host_end_lingering(struct host *host)
{
	struct child_sa *child, *next;
	unsigned int n = 0;
	struct ike_sa *sa;

	for (sa = host->manager.sas; sa; sa = sa->next) {
		for (child = sa->children; child; child = next) {
			next = child->next;
			if (child->state != CHILD_DELETED)
				continue;
			assert(child->replaced && child->state_in && child->ike_sa == sa);
			assert(child->conf == conn_find_child(child->conf->conn, child->conf->name));
			assert(child->timer.deadline_ms <= loop_now_ms() + 5000);
			child->timer.expired(&child->timer);
			n++;
		}
	}
	return n;
}

void host_load_cert(struct host *host, enum credential_kind kind, X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	struct errmsg err;

	if (credentials_add(host->config->credentials, CONF_VICI, kind, der, (size_t)len, &err))
		assert(!"a certificate");
	OPENSSL_free(der);
}

void host_load_key(struct host *host, EVP_PKEY *key)
{
	struct secret secret = { .kind = SECRET_PRIVATE_KEY, .source = CONF_VICI };
	BIO *bio = BIO_new(BIO_s_mem());
	uint8_t id[KEY_ID_LEN];
	char *pem;

	if (!PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
		assert(!"a key");
	secret.len = (size_t)BIO_get_mem_data(bio, &pem);
	secret.data = (uint8_t *)pem;
	if (secrets_load_key(host->secrets.secrets, &secret, id))
		assert(!"a key is loaded");
	BIO_free(bio);
}
