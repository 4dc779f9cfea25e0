// SPDX-License-Identifier: GPL-2.0
/* The ikefp module, by way of user/lib. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <ikefp_nl.h>

#include "buf.h"
#include "config.h"
#include "ike_manager.h"
#include "kernel.h"
#include "log.h"
#include "loop.h"
#include "resume.h"
#include "stream.h"

/* What kernel_sa_apply() is to say of an IKE SA. */
struct gathered {
	bool open;
	uint64_t spi_local;
	bool established;
	struct endpoint local, remote;
	struct kernel_life life;
	uint32_t window;		/* 0: as it is */
	bool esp;
	struct kernel_esp pairs[KERNEL_ESP_PAIRS_MAX];
	size_t n_pairs;
	struct buf stash;		/* empty: as it is */
};

struct kernel {
	struct ikefp_nl *worker;	/* receives; never sends a command */
	struct ikefp_nl *nl;		/* commands */
	struct loop *loop;
	struct loop_fd fd;
	struct ike_manager *manager;
	struct sockaddr_storage listeners[4];
	bool inherited[4];		/* of the daemon before, whose SAs send through them */
	unsigned int n_listeners;
	bool stream_refused;		/* that the kernel takes none was logged */
	bool all_ours;			/* what there is of another daemon is ours, too */
	int adopting;			/* SAs whose adoption is not answered yet */
	struct resume_summary resumed;
	struct gathered gathered;
};

static int failed(struct kernel *k, const char *what, int err)
{
	if (err)
		log_msg(LOG_KNL, LVL_CTRL, "%s: %s", what, ikefp_nl_error(k->nl));
	return err;
}

#define TRIES	8

/*
 * Is a command that was refused for want of memory to be tried again? This is for those
 * that nothing else makes good: a request that is not answered now never is, and blocks
 * the peer; an SA that is not said to be established expires. Both may be said twice.
 */
static bool try_again(int err, unsigned int *tries)
{
	return (err == -ENOMEM || err == -ENOBUFS) && ++*tries < TRIES;
}

static void to_path(struct ikefp_endpoint *path, const struct endpoint *local,
		    const struct endpoint *remote)
{
	endpoint_to_sockaddr(local, &path->local);
	endpoint_to_sockaddr(remote, &path->remote);
	path->stream = local->stream;
}

static int from_path(const struct ikefp_endpoint *path, struct endpoint *local,
		     struct endpoint *remote)
{
	int err = endpoint_from_sockaddr(local, (const struct sockaddr *)&path->local);

	local->stream = path->stream;
	return err ? err : endpoint_from_sockaddr(remote, (const struct sockaddr *)&path->remote);
}

/*
 * A stream may have ended, which is no reason to refuse all else: the SA stays by it, and there
 * will be another one.
 */
static int set_by_path(struct kernel *k, const struct ikefp_sa_change *change)
{
	struct ikefp_sa_change rest = *change;
	int err = ikefp_sa_set(k->nl, change);

	if (err != -ENOENT || !change->endpoint || !change->endpoint->stream)
		return err;
	rest.endpoint = NULL;
	return ikefp_sa_set(k->nl, &rest);
}

int kernel_sa_new(struct kernel *k, uint64_t spi_i, const struct endpoint *local,
		  const struct endpoint *remote, uint8_t dscp,
		  const struct retransmit_conf *retransmit)
{
	struct ikefp_policy policy;
	const struct ikefp_sa_change change = { .spi = spi_i, .retransmit = &policy };
	struct ikefp_endpoint path;
	int err;

	to_path(&path, local, remote);
	err = ikefp_sa_new_for(k->nl, spi_i, 0, dscp, &path);
	if (err == -ENOENT && local->stream)
		return err;
	err = failed(k, "cannot create the IKE SA", err);
	if (err || !retransmit_policy(retransmit, &policy))
		return err;
	err = failed(k, "cannot set the IKE SA's retransmission", ikefp_sa_set(k->nl, &change));
	if (err)
		ikefp_sa_del(k->nl, spi_i);
	return err;
}

int kernel_sa_dscp(struct kernel *k, uint64_t spi_local, uint8_t dscp)
{
	const struct ikefp_sa_change change = { .spi = spi_local, .dscp = &dscp };

	return failed(k, "cannot set the IKE SA's DSCP", ikefp_sa_set(k->nl, &change));
}

int kernel_sa_send_raw(struct kernel *k, uint64_t spi_local,
		       const uint8_t *data, size_t len)
{
	const struct ikefp_message_out out = {
		.spi = spi_local,
		.raw = true,
		.payload = { data, len },
	};

	return failed(k, "cannot send IKE_SA_INIT", ikefp_message_send(k->nl, &out, NULL));
}

static struct ikefp_keys keys_of(const struct proposal *chosen, const struct ike_keys *keys)
{
	return (struct ikefp_keys){
		.encr = proposal_id(chosen, TRANSFORM_ENCR),
		.integ = proposal_id(chosen, TRANSFORM_INTEG),
		.sk_ei = { keys->ei, keys->encr_len },
		.sk_er = { keys->er, keys->encr_len },
		.sk_ai = { keys->ai, keys->integ_len },
		.sk_ar = { keys->ar, keys->integ_len },
	};
}

int kernel_sa_rekey(struct kernel *k, uint64_t old_spi_local, bool initiator, uint64_t spi_i,
		    uint64_t spi_r, const struct proposal *chosen, const struct ike_keys *keys)
{
	const struct ikefp_keys pushed = keys_of(chosen, keys);
	const struct ikefp_sa_rekeyed rekeyed = {
		.spi = old_spi_local,
		.new_spi = initiator ? spi_i : spi_r,
		.peer_spi = initiator ? spi_r : spi_i,
		.role = initiator ? IKEFP_ROLE_INITIATOR : IKEFP_ROLE_RESPONDER,
		.keys = &pushed,
	};

	return failed(k, "cannot rekey the IKE SA", ikefp_sa_rekey(k->nl, &rekeyed));
}

int kernel_sa_keys(struct kernel *k, uint64_t spi_local, uint64_t spi_remote,
		   const struct endpoint *local, const struct endpoint *remote,
		   const struct proposal *chosen, const struct ike_keys *keys,
		   const uint32_t *fragment_size)
{
	const struct ikefp_keys pushed = keys_of(chosen, keys);
	struct ikefp_endpoint path;
	const struct ikefp_sa_change change = {
		.spi = spi_local,
		.peer_spi = spi_remote,
		.endpoint = &path,
		.keys = &pushed,
		.fragment_size = fragment_size,
	};

	to_path(&path, local, remote);
	return failed(k, "cannot push the keys", set_by_path(k, &change));
}

int kernel_sa_new_keys(struct kernel *k, uint64_t spi_local, const struct proposal *chosen,
		       const struct ike_keys *keys)
{
	const struct ikefp_keys pushed = keys_of(chosen, keys);
	const struct ikefp_sa_change change = { .spi = spi_local, .keys = &pushed };

	return failed(k, "cannot replace the keys", ikefp_sa_set(k->nl, &change));
}

/* The gathered changes if it is this SA's that are gathered, else NULL. */
static struct gathered *gathering(struct kernel *k, uint64_t spi_local)
{
	return k->gathered.open && k->gathered.spi_local == spi_local ? &k->gathered : NULL;
}

static void forget(struct gathered *g)
{
	buf_clear(&g->stash);
	*g = (struct gathered){ .open = false };
}

static struct ikefp_sa_settings settings_of(const struct kernel_life *life)
{
	return (struct ikefp_sa_settings){
		.behind_nat = life->behind_nat,
		.follow = life->follow,
		.liveness_ms = life->liveness_ms,
	};
}

struct esp_octets {
	uint32_t spis[KERNEL_ESP_PAIRS_MAX][2];
	uint32_t marks[KERNEL_ESP_PAIRS_MAX][2];
	struct ikefp_octets of_spis, of_marks;
};

static void put_esp(struct esp_octets *octets, const struct kernel_esp *pairs, size_t n)
{
	size_t i;

	/* Those left out count for nothing, which the others make up for. */
	if (n > KERNEL_ESP_PAIRS_MAX)
		n = KERNEL_ESP_PAIRS_MAX;
	for (i = 0; i < n; i++) {
		octets->spis[i][0] = htonl(pairs[i].spi_in);
		octets->spis[i][1] = htonl(pairs[i].spi_out);
		octets->marks[i][0] = pairs[i].mark_in;
		octets->marks[i][1] = pairs[i].mark_out;
	}
	octets->of_spis = (struct ikefp_octets){ octets->spis, n * sizeof(octets->spis[0]) };
	octets->of_marks = (struct ikefp_octets){ octets->marks, n * sizeof(octets->marks[0]) };
}

void kernel_sa_gather(struct kernel *k, uint64_t spi_local)
{
	kernel_sa_apply(k);
	k->gathered.open = true;
	k->gathered.spi_local = spi_local;
}

/* All of it in one command, which is taken whole or not at all. */
static int set_gathered(struct kernel *k, const struct gathered *g)
{
	const struct ikefp_sa_settings settings = settings_of(&g->life);
	const struct ikefp_octets stash = { g->stash.data, g->stash.len };
	struct ikefp_policy policy;
	bool retransmit = g->established && retransmit_policy(&g->life.retransmit, &policy);
	struct ikefp_endpoint path;
	struct esp_octets esp;
	const struct ikefp_sa_change change = {
		.spi = g->spi_local,
		.established = g->established,
		.endpoint = g->established ? &path : NULL,
		.settings = g->established ? &settings : NULL,
		.retransmit = retransmit ? &policy : NULL,
		.dscp = g->established ? &g->life.dscp : NULL,
		.window_out = g->window,
		.esp_spis = g->esp ? &esp.of_spis : NULL,
		.esp_marks = g->esp ? &esp.of_marks : NULL,
		.stash = g->stash.len ? &stash : NULL,
	};
	unsigned int tries = 0;
	int err;

	put_esp(&esp, g->pairs, g->n_pairs);
	if (g->established)
		to_path(&path, &g->local, &g->remote);
	do {
		err = set_by_path(k, &change);
	} while (try_again(err, &tries));
	return err;
}

void kernel_sa_apply(struct kernel *k)
{
	struct gathered *g = &k->gathered;

	if (!g->open)
		return;
	/* The command is not for these any more. */
	g->open = false;
	if ((g->established || g->window || g->esp || g->stash.len) && set_gathered(k, g)) {
		/* One of them is refused: the others shall not be for that. */
		if (g->established)
			kernel_sa_established(k, g->spi_local, &g->local, &g->remote, &g->life);
		if (g->window)
			kernel_sa_window(k, g->spi_local, g->window);
		if (g->esp)
			kernel_sa_esp(k, g->spi_local, g->pairs, g->n_pairs);
		if (g->stash.len)
			kernel_sa_stash(k, g->spi_local, g->stash.data, g->stash.len);
	}
	forget(g);
}

int kernel_sa_established(struct kernel *k, uint64_t spi_local,
			  const struct endpoint *local, const struct endpoint *remote,
			  const struct kernel_life *life)
{
	const struct ikefp_sa_settings settings = settings_of(life);
	struct gathered *g = gathering(k, spi_local);
	struct ikefp_policy policy;
	struct ikefp_endpoint path;
	const struct ikefp_sa_change change = {
		.spi = spi_local,
		.established = true,
		.endpoint = &path,
		.settings = &settings,
		.retransmit = retransmit_policy(&life->retransmit, &policy) ? &policy : NULL,
		.dscp = &life->dscp,
	};
	unsigned int tries = 0;
	int err;

	if (g) {
		g->established = true;
		g->local = *local;
		g->remote = *remote;
		g->life = *life;
		return 0;
	}
	to_path(&path, local, remote);
	do {
		err = set_by_path(k, &change);
	} while (try_again(err, &tries));
	return failed(k, "cannot mark the IKE SA established", err);
}

int kernel_sa_window(struct kernel *k, uint64_t spi_local, uint32_t window)
{
	const struct ikefp_sa_change change = {
		.spi = spi_local,
		.window_out = window < IKEFP_MAX_WINDOW ? window : IKEFP_MAX_WINDOW,
	};
	struct gathered *g = gathering(k, spi_local);

	if (g) {
		g->window = change.window_out;
		return 0;
	}
	return failed(k, "cannot set the peer's window", ikefp_sa_set(k->nl, &change));
}

int kernel_sa_move(struct kernel *k, uint64_t spi_local, const struct endpoint *local,
		   const struct endpoint *remote)
{
	struct ikefp_endpoint path;
	const struct ikefp_sa_change change = { .spi = spi_local, .endpoint = &path };

	to_path(&path, local, remote);
	return failed(k, "cannot move the IKE SA", ikefp_sa_set(k->nl, &change));
}

int kernel_stream_add(struct kernel *k, int fd, bool originator, uint32_t *id)
{
	/* That a peer's has ended is for the peer to see to. */
	uint32_t stream, told = originator ? ikefp_worker_portid(k->worker) : 0;
	int err = ikefp_stream_add(k->nl, fd, originator, told, &stream);

	if (!err && id)
		*id = stream;
	/* Whoever comes to our ports must not fill the log. */
	if (err && (originator || (err != -ENOSPC && err != -ENOTCONN && !k->stream_refused))) {
		log_msg(LOG_KNL, LVL_AUDIT, "cannot hand a TCP connection down: %s%s",
			ikefp_nl_error(k->nl), err == -EPERM ?
			"; it takes CAP_NET_ADMIN on the host, which a container has not" : "");
		k->stream_refused = true;
	}
	return err;
}

bool kernel_stream_is_open(struct kernel *k, uint32_t id)
{
	struct ikefp_stream_info info;

	return !ikefp_stream_get(k->nl, id, &info);
}

int kernel_sa_tries(struct kernel *k, uint64_t spi_local, uint32_t *tries)
{
	struct ikefp_sa_info info;
	int err = ikefp_sa_get(k->nl, spi_local, &info);

	*tries = err ? 0 : info.tries;
	return failed(k, "cannot see how often IKE_SA_INIT was sent", err);
}

int kernel_unknown_spis(struct kernel *k, uint64_t *n)
{
	struct ikefp_stats stats;
	int err = ikefp_stats_get(k->nl, &stats);

	*n = err ? 0 : stats.value[IKEFP_A_STATS_DROP_UNKNOWN_SPI];
	return failed(k, "cannot read the module's counters", err);
}

int kernel_sa_esp(struct kernel *k, uint64_t spi_local, const struct kernel_esp *pairs,
		  size_t n)
{
	struct esp_octets octets;
	const struct ikefp_sa_change change = {
		.spi = spi_local,
		.esp_spis = &octets.of_spis,
		.esp_marks = &octets.of_marks,
	};
	struct gathered *g = gathering(k, spi_local);

	if (g) {
		g->esp = true;
		g->n_pairs = n < KERNEL_ESP_PAIRS_MAX ? n : KERNEL_ESP_PAIRS_MAX;
		memcpy(g->pairs, pairs, g->n_pairs * sizeof(*pairs));
		return 0;
	}
	put_esp(&octets, pairs, n);
	return failed(k, "cannot tell the IKE SA's ESP SAs", ikefp_sa_set(k->nl, &change));
}

int kernel_sa_request(struct kernel *k, uint64_t spi_local, uint8_t exchange,
		      uint8_t first_payload, const uint8_t *data, size_t len)
{
	const struct ikefp_message_out out = {
		.spi = spi_local,
		.exchange_type = exchange,
		.first_payload = first_payload,
		.payload = { data, len },
	};

	kernel_sa_apply(k);
	return failed(k, "cannot send a request", ikefp_message_send(k->nl, &out, NULL));
}

int kernel_sa_respond(struct kernel *k, uint64_t spi_local, uint8_t exchange,
		      uint32_t message_id, uint8_t first_payload,
		      const uint8_t *data, size_t len)
{
	const struct ikefp_message_out out = {
		.spi = spi_local,
		.response = true,
		.message_id = message_id,
		.exchange_type = exchange,
		.first_payload = first_payload,
		.payload = { data, len },
	};
	unsigned int tries = 0;
	int err;

	kernel_sa_apply(k);
	do {
		err = ikefp_message_send(k->nl, &out, NULL);
	} while (try_again(err, &tries));
	return failed(k, "cannot send a response", err);
}

int kernel_sa_stash(struct kernel *k, uint64_t spi_local, const uint8_t *data, size_t len)
{
	const struct ikefp_octets stash = { data, len };
	const struct ikefp_sa_change change = { .spi = spi_local, .stash = &stash };
	struct gathered *g = gathering(k, spi_local);

	if (g)
		return buf_set(&g->stash, data, len);
	return failed(k, "cannot stash an IKE SA", ikefp_sa_set(k->nl, &change));
}

int kernel_sa_delete(struct kernel *k, uint64_t spi_local)
{
	struct gathered *g = gathering(k, spi_local);
	int err;

	if (g)
		forget(g);
	err = ikefp_sa_del(k->nl, spi_local);
	/* It may have expired by itself. */
	return err == -ENOENT ? 0 : failed(k, "cannot delete an IKE SA", err);
}

static void message(const struct ikefp_message_in *in, void *arg)
{
	struct kernel_message msg = {
		.spi_i = in->spi_i,
		.spi_r = in->spi_r,
		.spi_local = in->spi,
		.exchange = in->exchange_type,
		.flags = in->flags,
		.message_id = in->message_id,
		.raw = in->raw,
		.first_payload = in->first_payload,
		.data = in->payload.data,
		.len = in->payload.len,
	};
	struct kernel *k = arg;

	if (!from_path(&in->endpoint, &msg.local, &msg.remote))
		ike_manager_message(k->manager, &msg);
}

static void exchange_timeout(uint64_t spi, uint8_t exchange_type, uint32_t message_id,
			     void *arg)
{
	const struct kernel_event event = {
		.type = KERNEL_EVENT_TIMEOUT, .spi_local = spi, .exchange = exchange_type,
	};
	struct kernel *k = arg;

	(void)message_id;
	ike_manager_event(k->manager, &event);
}

static void sa_expired(uint64_t spi, void *arg)
{
	const struct kernel_event event = { .type = KERNEL_EVENT_EXPIRED, .spi_local = spi };
	struct kernel *k = arg;

	ike_manager_event(k->manager, &event);
}

static void sa_moved(uint64_t spi, const struct ikefp_endpoint *path, void *arg)
{
	struct kernel_event event = { .type = KERNEL_EVENT_MOVED, .spi_local = spi };
	struct kernel *k = arg;

	if (!from_path(path, &event.local, &event.remote))
		ike_manager_event(k->manager, &event);
}

static void sa_dead(uint64_t spi, void *arg)
{
	const struct kernel_event event = { .type = KERNEL_EVENT_DEAD, .spi_local = spi };
	struct kernel *k = arg;

	ike_manager_event(k->manager, &event);
}

static void closed(uint32_t stream, void *arg)
{
	struct kernel *k = arg;

	stream_closed(k->manager, stream);
}

static void adopted(const struct ikefp_sa_info *info, const struct ikefp_octets *stash,
		    void *arg)
{
	struct kernel_orphan orphan = {
		.spi_local = info->spi,
		.spi_remote = info->peer_spi,
		.initiator = info->role == IKEFP_ROLE_INITIATOR,
		.established = info->state == IKEFP_SA_STATE_ESTABLISHED,
		.outstanding = info->unanswered_count,
		.dscp = info->dscp,
		.stash = stash->data,
		.stash_len = stash->len,
	};
	struct kernel *k = arg;

	k->adopting--;
	if (!from_path(&info->endpoint, &orphan.local, &orphan.remote))
		resume_orphan(k->manager, &orphan, &k->resumed);
}

static void not_adopted(uint64_t spi, int err, const char *why, void *arg)
{
	struct kernel *k = arg;

	k->adopting--;
	/* It may have expired since it was listed. */
	if (err != -ENOENT)
		log_msg(LOG_KNL, LVL_AUDIT, "cannot adopt IKE_SA %016" PRIx64 ": %s", spi, why);
}

/* Some of what waits; 1 where there may be more. */
static int read_worker(struct kernel *k)
{
	const struct ikefp_upcalls upcalls = {
		.message = message,
		.exchange_timeout = exchange_timeout,
		.sa_expired = sa_expired,
		.adopted = adopted,
		.not_adopted = not_adopted,
		.sa_moved = sa_moved,
		.sa_dead = sa_dead,
		.stream_closed = closed,
		.arg = k,
	};
	int err;

	err = ikefp_worker_read(k->worker, &upcalls);
	if (err < 0)
		log_msg(LOG_KNL, LVL_CTRL, "reading from the module: %s",
			ikefp_nl_error(k->worker));
	return err;
}

static void ready(struct loop_fd *fd, uint32_t events)
{
	(void)events;
	read_worker(container_of(fd, struct kernel, fd));
}

struct spis {
	uint64_t *v;
	size_t n, size;
	bool cut;		/* there are more than there is memory for */
};

static void collect(const struct ikefp_sa_info *info, void *arg)
{
	struct spis *spis = arg;
	uint64_t *v;

	if (info->worker || info->state == IKEFP_SA_STATE_LINGERING)
		return;
	if (spis->n == spis->size) {
		v = reallocarray(spis->v, spis->size * 2 + 64, sizeof(*v));
		if (!v) {
			spis->cut = true;
			return;
		}
		spis->v = v;
		spis->size = spis->size * 2 + 64;
	}
	spis->v[spis->n++] = info->spi;
}

/* All SAs without a worker. False: they cannot be known. */
static bool list_orphans(struct kernel *k, struct spis *spis)
{
	int err;

	do {
		spis->n = 0;
		spis->cut = false;
		err = ikefp_sa_list(k->nl, collect, spis);
	} while (err == -EINTR);
	return !failed(k, "cannot list the IKE SAs", err);
}

void kernel_adopt(struct kernel *k)
{
	const uint64_t begin = loop_now_ms();
	struct spis spis = { 0 };
	size_t before = SIZE_MAX, i;
	bool listed;

	resume_begin(k->manager);
	/* Again, as long as it helps: the socket may not have had room for all. */
	while ((listed = list_orphans(k, &spis)) && spis.n && spis.n < before) {
		before = spis.n;
		for (i = 0; i < spis.n; i += IKEFP_ADOPT_MAX) {
			size_t n = spis.n - i < IKEFP_ADOPT_MAX ? spis.n - i : IKEFP_ADOPT_MAX;

			k->adopting = (int)n;
			if (ikefp_worker_adopt(k->worker, spis.v + i, n))
				log_msg(LOG_KNL, LVL_AUDIT, "%s", ikefp_nl_error(k->worker));
			/* The answers are there, among what strangers may go on sending. */
			while (read_worker(k) > 0 && k->adopting > 0)
				;
		}
	}
	free(spis.v);
	resume_finish(k->manager, listed && !spis.n && !spis.cut);
	memset(k->inherited, 0, sizeof(k->inherited));
	k->all_ours = true;
	if (k->resumed.resumed || k->resumed.refused || k->resumed.half_open)
		log_msg(LOG_KNL, LVL_AUDIT,
			"carrying on %u IKE_SAs of the daemon before, in %" PRIu64 " ms; %u could not be, %u were half-open",
			k->resumed.resumed, loop_now_ms() - begin, k->resumed.refused,
			k->resumed.half_open);
}

struct stream_ids {
	uint32_t v[256];
	size_t n;
};

/* True if the family cannot be used at all on this host: IPv6 may be off. */
static bool no_family(int err)
{
	return err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL;
}

static int add_listener(struct kernel *k, sa_family_t family, uint16_t port,
			enum ikefp_listener_kind kind)
{
	const struct endpoint any = { .family = family, .port = port };
	struct sockaddr_storage ss;
	int err;

	endpoint_to_sockaddr(&any, &ss);
	err = ikefp_listener_add(k->nl, kind, &ss);
	k->inherited[k->n_listeners] = err == -EEXIST;
	if (err == -EEXIST)
		err = 0;
	if (err && family == AF_INET6 && no_family(err)) {
		log_msg(LOG_KNL, LVL_CTRL, "no IPv6 listener on port %u: %s", port,
			ikefp_nl_error(k->nl));
		return 0;
	}
	if (err) {
		log_msg(LOG_KNL, LVL_AUDIT, "cannot listen on UDP port %u: %s%s", port,
			ikefp_nl_error(k->nl), err == -EADDRINUSE ?
			"; stop it first" : "");
		return err;
	}
	k->listeners[k->n_listeners++] = ss;
	return 0;
}

/* What was there before stays, unless kernel_adopt() has made it ours. */
static void del_listeners(struct kernel *k)
{
	while (k->n_listeners--)
		if (!k->inherited[k->n_listeners])
			ikefp_listener_del(k->nl, &k->listeners[k->n_listeners]);
}

static int add_listeners(struct kernel *k)
{
	static const sa_family_t families[] = { AF_INET, AF_INET6 };
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < 2; i++) {
		err = add_listener(k, families[i], IKE_PORT, IKEFP_LISTENER_KIND_IKE);
		if (!err)
			err = add_listener(k, families[i], IKE_NATT_PORT,
					   IKEFP_LISTENER_KIND_NATT);
	}
	return err;
}

static int open_one(struct ikefp_nl **nl)
{
	int err = ikefp_nl_open(nl);

	if (err == -ENOENT)
		log_msg(LOG_KNL, LVL_AUDIT, "the kernel module ikefp is not loaded: run \"modprobe ikefp\"");
	else if (err == -EPERM)
		log_msg(LOG_KNL, LVL_AUDIT, "ikefpd needs CAP_NET_ADMIN: start it as root");
	else if (err)
		log_msg(LOG_KNL, LVL_AUDIT, "cannot open the netlink family ikefp: %s",
			*nl ? ikefp_nl_error(*nl) : strerror(-err));
	return err;
}

struct kernel *kernel_open(struct loop *loop, struct ike_manager *m)
{
	struct kernel *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return NULL;
	k->loop = loop;
	k->manager = m;
	err = open_one(&k->nl);
	if (!err)
		err = open_one(&k->worker);
	if (err)
		goto close;
	err = ikefp_worker_attach(k->worker, true);
	if (err) {
		log_msg(LOG_KNL, LVL_AUDIT, "cannot become the module's helper: %s%s",
			ikefp_nl_error(k->worker),
			err == -EBUSY ? "; is another ikefpd running?" :
			err == -EPERM ? "; start ikefpd as root" : "");
		goto close;
	}
	err = add_listeners(k);
	if (err)
		goto detach;
	k->fd.fd = ikefp_worker_fd(k->worker);
	k->fd.ready = ready;
	err = loop_fd_add(loop, &k->fd, EPOLLIN);
	if (!err)
		return k;
	log_msg(LOG_KNL, LVL_AUDIT, "cannot watch the module's socket: %s", strerror(-err));
detach:
	del_listeners(k);
close:
	ikefp_nl_close(k->worker);
	ikefp_nl_close(k->nl);
	free(k);
	return NULL;
}

static void collect_unused(const struct ikefp_stream_info *info, void *arg)
{
	struct stream_ids *ids = arg;

	if (!info->sas && ids->n < sizeof(ids->v) / sizeof(*ids->v))
		ids->v[ids->n++] = info->stream;
}

/* Those that no IKE SA goes by; before long the kernel would do it itself. */
static void close_streams(struct kernel *k)
{
	struct stream_ids ids = { .n = 0 };
	unsigned int i;

	if (ikefp_stream_list(k->nl, collect_unused, &ids))
		return;
	for (i = 0; i < ids.n; i++)
		ikefp_stream_del(k->nl, ids.v[i]);
}

void kernel_close(struct kernel *k)
{
	if (!k)
		return;
	kernel_sa_apply(k);
	loop_fd_del(k->loop, &k->fd);
	if (k->all_ours)
		close_streams(k);
	del_listeners(k);
	ikefp_nl_close(k->worker);
	ikefp_nl_close(k->nl);
	free(k);
}

int kernel_set_retransmit(struct kernel *k, const struct retransmit_conf *conf)
{
	struct ikefp_policy policy;

	if (!retransmit_policy(conf, &policy))
		return 0;
	return failed(k, "cannot set the retransmission policy", ikefp_policy_set(k->nl, &policy));
}

int kernel_set_keepalive(struct kernel *k, int32_t interval_ms)
{
	struct ikefp_policy policy = { 0 };

	if (interval_ms == CONF_UNSET)
		return 0;
	policy.set[IKEFP_A_POLICY_KEEPALIVE_MS] = true;
	policy.value[IKEFP_A_POLICY_KEEPALIVE_MS] = interval_ms;
	return failed(k, "cannot set the interval of NAT keepalives",
		      ikefp_policy_set(k->nl, &policy));
}
