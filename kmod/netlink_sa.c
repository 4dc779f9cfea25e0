// SPDX-License-Identifier: GPL-2.0
/* The commands for SAs. */

#include <net/genetlink.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "answer.h"
#include "attrs.h"
#include "context.h"
#include "crypto.h"
#include "esp.h"
#include "exchange.h"
#include "genl.h"
#include "listener.h"
#include "monitor.h"
#include "netlink.h"
#include "orphan.h"
#include "outgoing.h"
#include "retransmit.h"
#include "sa.h"
#include "seal.h"
#include "stash.h"
#include "stream_esp.h"
#include "streams.h"
#include "timers.h"
#include "waiting.h"
#include "worker.h"

static u64 get_spi(const struct nlattr *attribute)
{
	return be64_to_cpu(nla_get_be64(attribute));
}

/**
 * ikefp_netlink_get_spi() - the SPI of an SA to be, our own or the peer's
 * @info: the command
 * @attribute: the attribute with the SPI
 *
 * Return: the SPI; or 0, the caller told why.
 */
u64 ikefp_netlink_get_spi(struct genl_info *info, int attribute)
{
	u64 spi;

	if (!info->attrs[attribute]) {
		NL_SET_ERR_MSG(info->extack, "an SPI is missing");
		NL_SET_ERR_ATTR_MISS(info->extack, NULL, attribute);
		return 0;
	}
	spi = get_spi(info->attrs[attribute]);
	if (!spi)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attribute], "an SPI cannot be 0");
	return spi;
}

static int no_such_sa(const struct genl_info *info, int attribute)
{
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attribute], "no SA has this SPI");
	return -ENOENT;
}

/**
 * ikefp_netlink_get_sa() - the SA that a command names
 * @info: the command
 * @attribute: the attribute with the SA's SPI
 *
 * Return: the SA, held; or an ERR_PTR, the caller told why.
 */
struct ikefp_sa *ikefp_netlink_get_sa(struct genl_info *info, int attribute)
{
	struct ikefp_sa *sa;

	if (!ikefp_netlink_has(info, attribute, "spi is missing"))
		return ERR_PTR(-EINVAL);
	sa = ikefp_sa_get(ikefp_netlink_context(genl_info_net(info)),
			  get_spi(info->attrs[attribute]));
	return sa ?: ERR_PTR(no_such_sa(info, attribute));
}

static bool has_path(const struct genl_info *info)
{
	int i;

	for (i = IKEFP_A_SA_LOCAL_IPV4; i <= IKEFP_A_SA_IFINDEX; i++) {
		if (info->attrs[i])
			return true;
	}
	return info->attrs[IKEFP_A_SA_STREAM];
}

static int get_v4(const struct genl_info *info, struct ikefp_path *path)
{
	if (!ikefp_netlink_has(info, IKEFP_A_SA_LOCAL_IPV4, "local-ipv4 is missing") ||
	    !ikefp_netlink_has(info, IKEFP_A_SA_REMOTE_IPV4, "remote-ipv4 is missing"))
		return -EINVAL;
	path->local.v4 = nla_get_in_addr(info->attrs[IKEFP_A_SA_LOCAL_IPV4]);
	path->remote.v4 = nla_get_in_addr(info->attrs[IKEFP_A_SA_REMOTE_IPV4]);
	if (!path->local.v4 || !path->remote.v4) {
		NL_SET_ERR_MSG(info->extack, "an SA's addresses cannot be 0.0.0.0");
		return -EINVAL;
	}
	return 0;
}

static int get_v6(const struct genl_info *info, struct ikefp_path *path)
{
	if (!ikefp_netlink_has(info, IKEFP_A_SA_LOCAL_IPV6, "local address is missing") ||
	    !ikefp_netlink_has(info, IKEFP_A_SA_REMOTE_IPV6, "remote address is missing"))
		return -EINVAL;
	path->local.v6 = nla_get_in6_addr(info->attrs[IKEFP_A_SA_LOCAL_IPV6]);
	path->remote.v6 = nla_get_in6_addr(info->attrs[IKEFP_A_SA_REMOTE_IPV6]);
	if (ipv6_addr_any(&path->local.v6) || ipv6_addr_any(&path->remote.v6)) {
		NL_SET_ERR_MSG(info->extack, "an SA's addresses cannot be ::");
		return -EINVAL;
	}
	if (ipv6_addr_type(&path->remote.v6) & IPV6_ADDR_LINKLOCAL) {
		if (!ikefp_netlink_has(info, IKEFP_A_SA_IFINDEX,
				       "ifindex is missing for a link-local address"))
			return -EINVAL;
		path->ifindex = nla_get_u32(info->attrs[IKEFP_A_SA_IFINDEX]);
	}
	return 0;
}

/* By a stream that is open, which is held. */
static int get_stream_path(struct genl_info *info, struct ikefp_path *path)
{
	const struct nlattr *id = info->attrs[IKEFP_A_SA_STREAM];
	struct ikefp_stream *stream;
	int i;

	for (i = IKEFP_A_SA_LOCAL_IPV4; i <= IKEFP_A_SA_IFINDEX; i++) {
		if (info->attrs[i]) {
			NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[i],
					    "a stream has its own endpoint");
			return -EINVAL;
		}
	}
	stream = ikefp_streams_get(ikefp_netlink_context(genl_info_net(info)), nla_get_u32(id));
	if (!stream || !ikefp_stream_is_open(stream)) {
		ikefp_stream_put(stream);
		NL_SET_ERR_MSG_ATTR(info->extack, id, "no stream has this ID, or it has ended");
		return -ENOENT;
	}
	/* Its hold goes to the path. */
	*path = ikefp_path_of_stream(stream);
	return 0;
}

/* The path that the attributes describe; what it leads through is held. */
static int get_path(struct genl_info *info, struct ikefp_path *path)
{
	struct ikefp_context *ctx = ikefp_netlink_context(genl_info_net(info));
	bool v4 = info->attrs[IKEFP_A_SA_LOCAL_IPV4] || info->attrs[IKEFP_A_SA_REMOTE_IPV4];
	bool v6 = info->attrs[IKEFP_A_SA_LOCAL_IPV6] || info->attrs[IKEFP_A_SA_REMOTE_IPV6];
	struct ikefp_listener_key local = { .family = v4 ? AF_INET : AF_INET6 };
	struct ikefp_path found = {};
	int err;

	if (info->attrs[IKEFP_A_SA_STREAM])
		return get_stream_path(info, path);
	if (v4 && v6) {
		NL_SET_ERR_MSG(info->extack, "IPv4 and IPv6 addresses together");
		return -EINVAL;
	}
	err = v4 ? get_v4(info, &found) : get_v6(info, &found);
	if (err)
		return err;
	if (info->attrs[IKEFP_A_SA_IFINDEX] && !found.ifindex) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[IKEFP_A_SA_IFINDEX],
				    "ifindex goes with a link-local IPv6 address alone");
		return -EINVAL;
	}
	if (!ikefp_netlink_has(info, IKEFP_A_SA_LOCAL_PORT, "local-port is missing") ||
	    !ikefp_netlink_has(info, IKEFP_A_SA_REMOTE_PORT, "remote-port is missing"))
		return -EINVAL;
	found.remote_port = nla_get_be16(info->attrs[IKEFP_A_SA_REMOTE_PORT]);
	local.port = nla_get_be16(info->attrs[IKEFP_A_SA_LOCAL_PORT]);
	local.addr = found.local;

	rcu_read_lock();
	found.listener = ikefp_listener_for_local(ctx, &local);
	if (found.listener)
		ikefp_path_set(path, &found);
	rcu_read_unlock();
	if (!found.listener) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[IKEFP_A_SA_LOCAL_PORT],
				    "no listener serves this local address and port");
		return -EADDRNOTAVAIL;
	}
	return 0;
}

/**
 * ikefp_netlink_creation_failed() - say why there is no new SA
 * @info: the command
 * @attribute: the attribute with our own SPI
 * @err: -EEXIST: it is taken; -ENOSPC: there are too many SAs; else: no memory
 *
 * Return: the error.
 */
int ikefp_netlink_creation_failed(const struct genl_info *info, int attribute, int err)
{
	switch (err) {
	case -EEXIST:
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attribute],
				    "another SA has this SPI");
		return -EEXIST;
	case -ENOSPC:
		NL_SET_ERR_MSG(info->extack, "there are max-sas SAs already");
		return -ENOSPC;
	default:
		NL_SET_ERR_MSG(info->extack, "out of memory");
		return -ENOMEM;
	}
}

/* The worker that a new SA is to belong to, held; NULL where there is none at all. */
static int get_worker(struct genl_info *info, u64 spi, struct ikefp_worker **worker)
{
	struct ikefp_context *ctx = ikefp_netlink_context(genl_info_net(info));
	struct nlattr *portid = info->attrs[IKEFP_A_SA_WORKER];

	rcu_read_lock();
	*worker = portid ? ikefp_worker_find(ctx, nla_get_u32(portid)) :
			   ikefp_worker_by_spi(ctx, spi);
	if (*worker && !ikefp_worker_hold(*worker))
		*worker = NULL;
	rcu_read_unlock();
	if (portid && !*worker) {
		NL_SET_ERR_MSG_ATTR(info->extack, portid, "no worker has this port ID");
		return -ENOENT;
	}
	return 0;
}

/**
 * ikefp_netlink_enter_sa() - the helper's new SA gets into the tables
 * @sa: the SA, held, whole; the hold is given up
 *
 * Return: as ikefp_sa_enter().
 */
int ikefp_netlink_enter_sa(struct ikefp_sa *sa)
{
	int err;

	spin_lock_bh(&sa->lock);
	err = ikefp_sa_enter(sa);
	if (!err) {
		ikefp_monitor_sa(sa, IKEFP_EVENT_KIND_SA_CREATED);
		if (sa->state == IKEFP_SA_STATE_ESTABLISHED)
			ikefp_timers_established(sa);
		/*
		 * Either it sees here that its worker is gone, or who looks for orphans
		 * sees it.
		 */
		smp_mb();
		if (ikefp_orphan_check(sa))
			ikefp_timers_update(sa);
	}
	spin_unlock_bh(&sa->lock);
	ikefp_sa_put(sa);
	return err;
}

int ikefp_nl_sa_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ikefp_context *ctx = ikefp_netlink_context(genl_info_net(info));
	struct ikefp_worker *worker = NULL;
	struct ikefp_path path = {};
	struct ikefp_sa *sa;
	int reason;
	u64 spi;
	int err;

	if (!ikefp_netlink_has(info, IKEFP_A_SA_SPI, "spi is missing"))
		return -EINVAL;
	spi = get_spi(info->attrs[IKEFP_A_SA_SPI]);
	if (!spi) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[IKEFP_A_SA_SPI], "spi is 0");
		return -EINVAL;
	}
	err = get_path(info, &path);
	if (err)
		return err;
	err = get_worker(info, spi, &worker);
	if (err) {
		ikefp_path_put(&path);
		return err;
	}
	if (info->attrs[IKEFP_A_SA_DSCP])
		path.dscp = nla_get_u8(info->attrs[IKEFP_A_SA_DSCP]);
	sa = ikefp_sa_new_initiator(ctx, spi, worker, &path, &reason);
	ikefp_path_put(&path);
	if (worker)
		ikefp_worker_put(worker);
	if (!sa)
		err = reason == IKEFP_A_STATS_DROP_SA_LIMIT ? -ENOSPC : -ENOMEM;
	else
		err = ikefp_netlink_enter_sa(sa);
	return err ? ikefp_netlink_creation_failed(info, IKEFP_A_SA_SPI, err) : 0;
}

/* All that sa-set can change, parsed. */
struct change {
	u64 peer_spi; /* 0: not given */
	bool established;
	struct ikefp_path path; /* not set: not given */
	struct ikefp_crypto *crypto; /* NULL: not given; and afterwards the one that has to go */
	struct ikefp_crypto *crypto_before; /* of what is answered; afterwards likewise */
	bool stashed; /* given: */
	struct ikefp_stash *stash; /* NULL: none any more */
	const struct nlattr *fragment_size; /* NULL: not given */
	const struct nlattr *behind_nat; /* these, too, NULL where not given */
	const struct nlattr *follow;
	const struct nlattr *liveness_ms;
	const struct nlattr *dscp;
	bool esp_given;
	struct ikefp_esp *esp; /* NULL: none */
	struct ikefp_stream_esp *stream_esp; /* for it, where it goes by a stream */
	bool retransmit_given;
	struct ikefp_retransmit *retransmit; /* NULL: none of its own */
	const struct nlattr *window_in; /* NULL: not given */
	const struct nlattr *window_out;
	/* Room for what is under way then; and afterwards what there was before. */
	struct ikefp_answer *answers;
	u32 answers_window;
	struct ikefp_exchange *exchanges;
	u32 exchanges_window;
};

static int check_window(const struct ikefp_sa *sa, bool established, const struct nlattr *window,
			u32 before, struct netlink_ext_ack *extack)
{
	if (!window)
		return 0;
	if (nla_get_u32(window) < before) {
		NL_SET_ERR_MSG_ATTR(extack, window,
				    "a window can only grow (RFC 7296 section 2.3)");
		return -EINVAL;
	}
	if (nla_get_u32(window) > 1 && !established && sa->state != IKEFP_SA_STATE_ESTABLISHED) {
		NL_SET_ERR_MSG_ATTR(extack, window,
				    "a window is 1 until the SA is established (RFC 7296 section 3.10.1)");
		return -EINVAL;
	}
	return 0;
}

/* RFC 9370 section 2.2.2: between two requests, and before there are several at a time. */
static int check_new_keys(const struct ikefp_sa *sa, bool established,
			  struct netlink_ext_ack *extack)
{
	if (established || sa->state == IKEFP_SA_STATE_ESTABLISHED) {
		NL_SET_ERR_MSG(extack,
			       "the SA has keys: new ones come before it is established, or by sa-rekey");
		return -EEXIST;
	}
	if (sa->exchange.octets || (sa->answer.known && !sa->answer.octets)) {
		NL_SET_ERR_MSG(extack, "the SA has keys, and a request that is not answered yet");
		return -EBUSY;
	}
	return 0;
}

static int check_change(const struct ikefp_sa *sa, const struct change *change,
			struct netlink_ext_ack *extack)
{
	int err;

	if (sa->dead || sa->state == IKEFP_SA_STATE_LINGERING) {
		NL_SET_ERR_MSG(extack, "the SA is deleted");
		return -ENOENT;
	}
	if (change->peer_spi && change->peer_spi != sa->peer_spi &&
	    (sa->crypto || sa->role == IKEFP_ROLE_RESPONDER)) {
		NL_SET_ERR_MSG(extack, "the peer's SPI is settled");
		return -EEXIST;
	}
	if (change->crypto && sa->crypto) {
		err = check_new_keys(sa, change->established, extack);
		if (err)
			return err;
	}
	if (change->crypto && !change->peer_spi && !sa->peer_spi) {
		NL_SET_ERR_MSG(extack, "keys need the peer's SPI");
		return -EINVAL;
	}
	if (change->established && !change->crypto && !sa->crypto) {
		NL_SET_ERR_MSG(extack, "an SA without keys cannot be established");
		return -EINVAL;
	}
	err = check_window(sa, change->established, change->window_in, sa->window_in.size, extack);
	if (err)
		return err;
	return check_window(sa, change->established, change->window_out, sa->window_out, extack);
}

/*
 * A copy of the last request that comes in other fragments is sealed with the keys before; what
 * there are of the next one's fragments is, too, which is the peer's mistake.
 */
static void replace_keys(struct ikefp_sa *sa, struct change *change)
{
	change->crypto_before = sa->crypto_before;
	sa->crypto_before = sa->crypto;
	sa->crypto = change->crypto;
	change->crypto = NULL;
	sa->keys_from = sa->newest_in;
	ikefp_answer_forget_fragments(sa);
}

static void take_keys(struct ikefp_sa *sa, struct change *change)
{
	if (sa->crypto) {
		replace_keys(sa, change);
		return;
	}
	/* IKE_SA_INIT is over: its answer was good. */
	sa->crypto = change->crypto;
	change->crypto = NULL;
	ikefp_exchange_forget(&sa->exchanges[0]);
	if (sa->role == IKEFP_ROLE_INITIATOR)
		sa->next_out = 1;
	if (sa->init_rtt_us)
		ikefp_sa_measured(sa, sa->init_rtt_us);
}

/* What concerns keepalives, liveness and the peer's address. */
static void take_settings(struct ikefp_sa *sa, struct change *change)
{
	bool changed = false;

	if (change->behind_nat && sa->behind_nat != nla_get_u8(change->behind_nat)) {
		sa->behind_nat = !sa->behind_nat;
		changed = true;
	}
	if (change->follow)
		sa->follow = nla_get_u8(change->follow);
	if (change->liveness_ms) {
		sa->liveness_given = true;
		if (sa->liveness_ms != nla_get_u32(change->liveness_ms)) {
			sa->liveness_ms = nla_get_u32(change->liveness_ms);
			changed = true;
		}
	}
	if (change->esp_given)
		change->esp = ikefp_timers_set_esp(sa, change->esp);
	if (change->retransmit_given)
		swap(sa->retransmit, change->retransmit);
	/* What holds already goes on undisturbed. */
	if (changed && sa->state == IKEFP_SA_STATE_ESTABLISHED)
		ikefp_timers_established(sa);
}

static void become_established(struct ikefp_sa *sa, struct change *change)
{
	if (sa->state == IKEFP_SA_STATE_ESTABLISHED)
		return;
	swap(sa->crypto_before, change->crypto_before);
	ikefp_sa_set_state(sa, IKEFP_SA_STATE_ESTABLISHED);
	if (!sa->liveness_given)
		sa->liveness_ms = ikefp_policy_get(&sa->ctx->policy, LIVENESS_MS);
	sa->last_in = jiffies;
	sa->last_out = jiffies;
	ikefp_timers_established(sa);
}

static void take_windows(struct ikefp_sa *sa, struct change *change, struct ikefp_outgoing *out)
{
	if (change->answers && change->answers_window > sa->window_in.size) {
		u32 before = sa->window_in.size;

		change->answers = ikefp_answer_widen(sa, change->answers, change->answers_window);
		change->answers_window = before;
	}
	if (change->exchanges && change->exchanges_window > sa->window_out) {
		u32 before = sa->window_out;

		change->exchanges = ikefp_exchange_widen(sa, change->exchanges,
							 change->exchanges_window);
		change->exchanges_window = before;
		ikefp_timers_window_opened(sa, out);
	}
}

/*
 * What leaves for the SA's ESP SAs, as they will be, goes by its stream, as it will be. What is
 * there already for a stream moves with the SA.
 */
static int make_stream_esp(struct ikefp_sa *sa, struct change *change,
			   struct netlink_ext_ack *extack)
{
	const struct ikefp_path *path = ikefp_path_is_set(&change->path) ? &change->path :
									   &sa->path;
	const struct ikefp_esp *esp = change->esp_given ? change->esp : sa->esp;
	struct ikefp_stream_esp *made;

	if (!path->stream || !esp || (sa->stream_esp && !change->esp_given))
		return 0;
	made = ikefp_stream_esp_new(sa->ctx, esp, path, sa->stream_esp);
	if (IS_ERR(made)) {
		NL_SET_ERR_MSG(extack, "out of memory");
		return PTR_ERR(made);
	}
	change->stream_esp = made;
	return 0;
}

static void take_stream_esp(struct ikefp_sa *sa, struct change *change)
{
	if (change->stream_esp || change->esp_given)
		swap(sa->stream_esp, change->stream_esp);
}

static int apply_change(struct ikefp_sa *sa, struct change *change, struct ikefp_outgoing *out,
			struct netlink_ext_ack *extack)
{
	/* A stash is nobody's business but the helper's. */
	bool shown = change->peer_spi || change->established ||
		     ikefp_path_is_set(&change->path) || change->crypto || !change->stashed;
	bool other_stream = false;
	int err;

	spin_lock_bh(&sa->lock);
	err = check_change(sa, change, extack) ?: make_stream_esp(sa, change, extack);
	if (err)
		goto unlock;
	if (change->peer_spi)
		sa->peer_spi = change->peer_spi;
	if (ikefp_path_is_set(&change->path)) {
		other_stream = change->path.stream != sa->path.stream;
		ikefp_sa_set_path(sa, &change->path);
	}
	if (change->dscp)
		ikefp_sa_set_dscp(sa, nla_get_u8(change->dscp));
	if (change->crypto)
		take_keys(sa, change);
	if (other_stream)
		ikefp_timers_other_stream(sa, out);
	if (change->fragment_size) {
		sa->fragments = true;
		WRITE_ONCE(sa->fragment_size, nla_get_u32(change->fragment_size));
	}
	take_stream_esp(sa, change);
	take_settings(sa, change);
	if (change->established)
		become_established(sa, change);
	take_windows(sa, change, out);
	if (change->stashed)
		swap(sa->stash, change->stash);
	ikefp_orphan_check(sa);
	ikefp_timers_update(sa);
	if (shown)
		ikefp_monitor_sa(sa, IKEFP_EVENT_KIND_SA_CHANGED);
unlock:
	/* Those before. */
	ikefp_stream_esp_forget(sa->ctx, &change->stream_esp);
	spin_unlock_bh(&sa->lock);
	return err;
}

/**
 * ikefp_netlink_get_keys() - the keys of an SA
 * @info: the command, which has some
 * @role: the SA's
 *
 * Return: the keys; or an ERR_PTR, the caller told why.
 */
struct ikefp_crypto *ikefp_netlink_get_keys(const struct genl_info *info, enum ikefp_role role)
{
	struct nlattr *keys[IKEFP_A_KEYS_MAX + 1];
	int err;

	err = nla_parse_nested(keys, IKEFP_A_KEYS_MAX, info->attrs[IKEFP_A_SA_KEYS],
			       ikefp_keys_nl_policy, info->extack);
	return err ? ERR_PTR(err) : ikefp_crypto_new(keys, role, info->extack);
}

static int get_keys(const struct genl_info *info, const struct ikefp_sa *sa,
		    struct change *change)
{
	struct ikefp_crypto *crypto = ikefp_netlink_get_keys(info, sa->role);

	if (IS_ERR(crypto))
		return PTR_ERR(crypto);
	change->crypto = crypto;
	return 0;
}

static int get_stash(const struct genl_info *info, struct ikefp_sa *sa, struct change *change)
{
	const struct nlattr *octets = info->attrs[IKEFP_A_SA_STASH];
	struct ikefp_stash *stash;

	change->stashed = true;
	if (!nla_len(octets))
		return 0;
	stash = ikefp_stash_new(sa->ctx, octets, info->extack);
	if (IS_ERR(stash))
		return PTR_ERR(stash);
	change->stash = stash;
	return 0;
}

static int get_fragment_size(const struct genl_info *info, struct change *change)
{
	const struct nlattr *attribute = info->attrs[IKEFP_A_SA_FRAGMENT_SIZE];
	u32 size = attribute ? nla_get_u32(attribute) : 0;

	if (size && (size < IKEFP_MIN_FRAGMENT_SIZE || size > IKEFP_MAX_FRAGMENT_SIZE)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attribute,
				    "fragment-size is neither 0 nor from 256 to 65535");
		return -ERANGE;
	}
	change->fragment_size = attribute;
	return 0;
}

static int get_esp(const struct genl_info *info, struct change *change)
{
	const struct nlattr *spis = info->attrs[IKEFP_A_SA_ESP_SPIS];
	const struct nlattr *marks = info->attrs[IKEFP_A_SA_ESP_MARKS];

	if (marks && (!spis || nla_len(marks) != nla_len(spis))) {
		NL_SET_ERR_MSG_ATTR(info->extack, marks,
				    "esp-marks comes with esp-spis, a mark for each SPI");
		return -EINVAL;
	}
	if (!spis)
		return 0;
	change->esp_given = true;
	if (!nla_len(spis))
		return 0;
	if (nla_len(spis) % IKEFP_ESP_PAIR_LEN ||
	    nla_len(spis) / IKEFP_ESP_PAIR_LEN > IKEFP_ESP_PAIRS_MAX) {
		NL_SET_ERR_MSG_ATTR(info->extack, spis,
				    "esp-spis is up to 64 pairs of SPIs, 8 octets each");
		return -EINVAL;
	}
	change->esp = ikefp_esp_new(nla_data(spis), marks ? nla_data(marks) : NULL, nla_len(spis),
				    GFP_KERNEL_ACCOUNT);
	if (!change->esp) {
		NL_SET_ERR_MSG(info->extack, "out of memory");
		return -ENOMEM;
	}
	return 0;
}

static int get_window(const struct genl_info *info, int attribute, const struct nlattr **window)
{
	const struct nlattr *given = info->attrs[attribute];

	if (given && (!nla_get_u32(given) || nla_get_u32(given) > IKEFP_MAX_WINDOW)) {
		NL_SET_ERR_MSG_ATTR(info->extack, given, "a window is from 1 to 16");
		return -ERANGE;
	}
	*window = given;
	return 0;
}

static int no_room(struct ikefp_sa *sa, int err, struct netlink_ext_ack *extack)
{
	if (err == -ENOSPC) {
		ikefp_count(sa->ctx, IKEFP_A_STATS_DROP_CACHE_LIMIT);
		NL_SET_ERR_MSG(extack, "max-cache-octets of messages are kept already");
	} else {
		NL_SET_ERR_MSG(extack, "out of memory");
	}
	return err;
}

/* Of those that are there already nothing comes. */
static int get_windows(const struct genl_info *info, struct ikefp_sa *sa, struct change *change)
{
	u32 limit = ikefp_policy_get(&sa->ctx->policy, MAX_CACHE_OCTETS);
	int err;

	err = get_window(info, IKEFP_A_SA_WINDOW_IN, &change->window_in) ?:
	      get_window(info, IKEFP_A_SA_WINDOW_OUT, &change->window_out);
	if (err)
		return err;
	if (change->window_in && nla_get_u32(change->window_in) > 1) {
		struct ikefp_answer *answers;

		change->answers_window = nla_get_u32(change->window_in);
		answers = ikefp_answer_new(sa->ctx, change->answers_window, limit);
		if (IS_ERR(answers))
			return no_room(sa, PTR_ERR(answers), info->extack);
		change->answers = answers;
	}
	if (change->window_out && nla_get_u32(change->window_out) > 1) {
		struct ikefp_exchange *exchanges;

		change->exchanges_window = nla_get_u32(change->window_out);
		exchanges = ikefp_exchange_new(sa->ctx, change->exchanges_window, limit);
		if (IS_ERR(exchanges))
			return no_room(sa, PTR_ERR(exchanges), info->extack);
		change->exchanges = exchanges;
	}
	return 0;
}

static int get_settings(const struct genl_info *info, struct change *change)
{
	change->behind_nat = info->attrs[IKEFP_A_SA_BEHIND_NAT];
	change->follow = info->attrs[IKEFP_A_SA_FOLLOW];
	change->dscp = info->attrs[IKEFP_A_SA_DSCP];
	change->liveness_ms = info->attrs[IKEFP_A_SA_LIVENESS_MS];
	if (change->liveness_ms && nla_get_u32(change->liveness_ms) > IKEFP_DAY_MS) {
		NL_SET_ERR_MSG_ATTR(info->extack, change->liveness_ms,
				    "time is longer than a day");
		return -ERANGE;
	}
	return get_esp(info, change);
}

/* Its waits have the floor that the namespace's have. */
static int get_retransmit(const struct sk_buff *skb, const struct genl_info *info,
			  struct change *change)
{
	struct nlattr *settings[IKEFP_A_POLICY_GIVE_UP_MS + 1];
	struct ikefp_retransmit *own;
	int err, i;

	if (!info->attrs[IKEFP_A_SA_RETRANSMIT])
		return 0;
	err = nla_parse_nested(settings, IKEFP_A_POLICY_GIVE_UP_MS,
			       info->attrs[IKEFP_A_SA_RETRANSMIT], ikefp_retransmit_nl_policy,
			       info->extack);
	if (err)
		return err;
	for (i = IKEFP_A_POLICY_RTO_INITIAL_MS; i <= IKEFP_A_POLICY_RTO_MAX_MS; i++) {
		err = ikefp_netlink_check_floor(skb, info, settings[i]);
		if (err)
			return err;
	}
	own = ikefp_retransmit_new(settings, info->extack);
	if (IS_ERR(own))
		return PTR_ERR(own);
	change->retransmit_given = true;
	change->retransmit = own;
	return 0;
}

static int get_change(struct genl_info *info, struct ikefp_sa *sa, struct change *change)
{
	struct nlattr *state = info->attrs[IKEFP_A_SA_STATE];
	int err;

	if (state && nla_get_u8(state) != IKEFP_SA_STATE_ESTABLISHED) {
		NL_SET_ERR_MSG_ATTR(info->extack, state, "state can only be set to established");
		return -EINVAL;
	}
	change->established = state;
	if (info->attrs[IKEFP_A_SA_PEER_SPI]) {
		change->peer_spi = get_spi(info->attrs[IKEFP_A_SA_PEER_SPI]);
		if (!change->peer_spi) {
			NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[IKEFP_A_SA_PEER_SPI],
					    "peer-spi is 0");
			return -EINVAL;
		}
	}
	err = get_fragment_size(info, change);
	if (err)
		return err;
	if (has_path(info)) {
		err = get_path(info, &change->path);
		if (err)
			return err;
	}
	err = get_settings(info, change);
	if (err)
		return err;
	err = get_windows(info, sa, change);
	if (err)
		return err;
	if (info->attrs[IKEFP_A_SA_STASH]) {
		err = get_stash(info, sa, change);
		if (err)
			return err;
	}
	return info->attrs[IKEFP_A_SA_KEYS] ? get_keys(info, sa, change) : 0;
}

int ikefp_nl_sa_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *keys = info->attrs[IKEFP_A_SA_KEYS];
	struct nlattr *stash = info->attrs[IKEFP_A_SA_STASH];
	struct ikefp_outgoing out = {};
	struct change change = {};
	struct ikefp_sa *sa;
	int err;

	sa = ikefp_netlink_get_sa(info, IKEFP_A_SA_SPI);
	if (IS_ERR(sa)) {
		err = PTR_ERR(sa);
		goto wipe;
	}
	err = ikefp_netlink_check_floor(skb, info, info->attrs[IKEFP_A_SA_LIVENESS_MS]);
	if (!err)
		err = get_retransmit(skb, info, &change);
	if (!err)
		err = get_change(info, sa, &change);
	if (!err)
		err = apply_change(sa, &change, &out, info->extack);
	ikefp_outgoing_send(sa->ctx, &out);
	ikefp_crypto_free(change.crypto);
	ikefp_crypto_free(change.crypto_before);
	/* The one before, or the new one that was not taken. */
	ikefp_stash_free(sa->ctx, change.stash);
	ikefp_path_put(&change.path);
	kfree(change.esp);
	kfree(change.retransmit);
	ikefp_answer_free(sa->ctx, change.answers, change.answers_window);
	ikefp_exchange_free(sa->ctx, change.exchanges, change.exchanges_window);
	ikefp_sa_put(sa);
wipe:
	/* The message's memory is about to be anybody's. */
	if (keys)
		memzero_explicit(nla_data(keys), nla_len(keys));
	if (stash)
		memzero_explicit(nla_data(stash), nla_len(stash));
	return err;
}

int ikefp_nl_sa_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ikefp_crypto *crypto = NULL, *before = NULL;
	struct ikefp_stash *stash = NULL;
	struct ikefp_sa *sa;
	int err = 0;

	sa = ikefp_netlink_get_sa(info, IKEFP_A_SA_SPI);
	if (IS_ERR(sa))
		return PTR_ERR(sa);
	spin_lock_bh(&sa->lock);
	if (sa->dead || sa->state == IKEFP_SA_STATE_LINGERING) {
		NL_SET_ERR_MSG(info->extack, "the SA is deleted");
		err = -ENOENT;
	} else {
		swap(crypto, sa->crypto);
		swap(before, sa->crypto_before);
		swap(stash, sa->stash);
		ikefp_exchange_forget_all(sa);
		ikefp_answer_forget_fragments(sa);
		ikefp_monitor_sa(sa, IKEFP_EVENT_KIND_SA_DELETED);
		/*
		 * An answer that only an authentic peer gets is worth keeping. That to a
		 * first message is not: whoever sends many of those would fill the tables.
		 */
		if (ikefp_answer_any(sa)) {
			ikefp_sa_set_state(sa, IKEFP_SA_STATE_LINGERING);
			ikefp_sa_forget_worker(sa);
			ikefp_timers_linger(sa);
		} else {
			ikefp_sa_bury(sa);
		}
	}
	spin_unlock_bh(&sa->lock);
	ikefp_crypto_free(crypto);
	ikefp_crypto_free(before);
	ikefp_stash_free(sa->ctx, stash);
	ikefp_sa_put(sa);
	return err;
}

static int put_u64(struct sk_buff *skb, int attribute, u64 value)
{
	return nla_put_u64_64bit(skb, attribute, value, IKEFP_A_SA_PAD);
}

static int put_spi(struct sk_buff *skb, int attribute, u64 spi)
{
	return nla_put_be64(skb, attribute, cpu_to_be64(spi), IKEFP_A_SA_PAD);
}

static int put_rto(struct sk_buff *skb, const struct ikefp_sa *sa)
{
	const struct ikefp_rto_params params =
		ikefp_retransmit_params(sa->retransmit, &sa->ctx->policy);

	return nla_put_u32(skb, IKEFP_A_SA_SRTT_US, sa->rtt.srtt_us) ||
	       nla_put_u32(skb, IKEFP_A_SA_RTTVAR_US, sa->rtt.rttvar_us) ||
	       nla_put_u32(skb, IKEFP_A_SA_RTO_MS, ikefp_rto_first_ms(&sa->rtt, &params));
}

static int put_esp(struct sk_buff *skb, const struct ikefp_esp *esp)
{
	struct nlattr *spis;
	__be32 *spi;
	u32 i;

	if (!esp)
		return 0;
	spis = nla_reserve(skb, IKEFP_A_SA_ESP_SPIS, esp->pairs * IKEFP_ESP_PAIR_LEN);
	if (!spis)
		return -EMSGSIZE;
	spi = nla_data(spis);
	for (i = 0; i < esp->pairs; i++) {
		*spi++ = esp->sas[i][IKEFP_ESP_IN].spi;
		*spi++ = esp->sas[i][IKEFP_ESP_OUT].spi;
	}
	return 0;
}

static int put_settings(struct sk_buff *skb, const struct ikefp_sa *sa)
{
	if (nla_put_u8(skb, IKEFP_A_SA_BEHIND_NAT, sa->behind_nat) ||
	    nla_put_u8(skb, IKEFP_A_SA_FOLLOW, sa->follow) ||
	    nla_put_u32(skb, IKEFP_A_SA_LIVENESS_MS, sa->liveness_ms) ||
	    nla_put_u8(skb, IKEFP_A_SA_DSCP, sa->path.dscp) ||
	    put_esp(skb, sa->esp) ||
	    ikefp_retransmit_put(skb, sa->retransmit))
		return -EMSGSIZE;
	if (sa->state != IKEFP_SA_STATE_ESTABLISHED)
		return 0;
	return put_u64(skb, IKEFP_A_SA_HEARD_MS, jiffies_to_msecs(jiffies - sa->last_in));
}

/*
 * The message IDs of the helper's requests that have no outcome, whether sent or not, or
 * one that no worker has been told.
 */
static int put_unanswered(struct sk_buff *skb, const struct ikefp_sa *sa)
{
	u32 count = ikefp_waiting_outcomes(sa, NULL) + ikefp_exchange_of_helper(sa);
	struct nlattr *unanswered;
	u32 *message_id;
	u32 i;

	if (!count)
		return 0;
	unanswered = nla_reserve(skb, IKEFP_A_SA_UNANSWERED, count * sizeof(u32));
	if (!unanswered)
		return -EMSGSIZE;
	message_id = nla_data(unanswered);
	message_id += ikefp_waiting_outcomes(sa, message_id);
	for (i = 0; i < sa->window_out; i++) {
		if (sa->exchanges[i].octets && !sa->exchanges[i].liveness)
			*message_id++ = sa->exchanges[i].message_id;
	}
	if (sa->next_request.octets)
		*message_id = sa->next_request.message_id;
	return 0;
}

static int put_requests(struct sk_buff *skb, const struct ikefp_sa *sa)
{
	const struct ikefp_exchange *first = ikefp_exchange_first(sa);

	return nla_put_u32(skb, IKEFP_A_SA_OUTSTANDING, ikefp_exchange_outstanding(sa)) ||
	       nla_put_u32(skb, IKEFP_A_SA_TRIES, first ? first->tries : 0) ||
	       put_unanswered(skb, sa) ||
	       nla_put_u32(skb, IKEFP_A_SA_WINDOW_IN, sa->window_in.size) ||
	       nla_put_u32(skb, IKEFP_A_SA_WINDOW_OUT, sa->window_out) ||
	       nla_put_u32(skb, IKEFP_A_SA_MESSAGE_ID_OUT, sa->next_out) ||
	       nla_put_u32(skb, IKEFP_A_SA_MESSAGE_ID_IN, sa->window_in.expected);
}

static int put_stream(struct sk_buff *skb, const struct ikefp_stream *stream)
{
	if (!stream)
		return 0;
	return nla_put_u32(skb, IKEFP_A_SA_STREAM, stream->id) ||
	       (!ikefp_stream_is_open(stream) && nla_put_flag(skb, IKEFP_A_SA_STREAM_ENDED)) ?
		       -EMSGSIZE : 0;
}

/**
 * ikefp_netlink_put_sa() - show an SA: everything but keys and stash
 * @skb: the message
 * @sa: the SA, locked
 *
 * Return: 0, or -EMSGSIZE.
 */
int ikefp_netlink_put_sa(struct sk_buff *skb, struct ikefp_sa *sa)
{
	int err;

	err = put_spi(skb, IKEFP_A_SA_SPI, sa->spi) ||
	      put_spi(skb, IKEFP_A_SA_PEER_SPI, sa->peer_spi) ||
	      nla_put_u8(skb, IKEFP_A_SA_ROLE, sa->role) ||
	      nla_put_u8(skb, IKEFP_A_SA_STATE, sa->state) ||
	      ikefp_put_path(skb, IKEFP_A_SA_LOCAL_IPV4, &sa->path) ||
	      put_stream(skb, sa->path.stream) ||
	      put_rto(skb, sa) ||
	      put_requests(skb, sa) ||
	      put_u64(skb, IKEFP_A_SA_AGE_MS, ktime_ms_delta(ktime_get(), sa->created)) ||
	      put_u64(skb, IKEFP_A_SA_MESSAGES_IN, sa->messages_in) ||
	      put_u64(skb, IKEFP_A_SA_MESSAGES_OUT, sa->messages_out) ||
	      put_u64(skb, IKEFP_A_SA_RETRANSMITS, sa->retransmits) ||
	      put_u64(skb, IKEFP_A_SA_DUPLICATES, sa->duplicates) ||
	      nla_put_u32(skb, IKEFP_A_SA_WORKER, sa->worker ? sa->worker->portid : 0) ||
	      nla_put_u32(skb, IKEFP_A_SA_WAITING, skb_queue_len(&sa->waiting)) ||
	      nla_put_u32(skb, IKEFP_A_SA_STASH_LEN, sa->stash ? sa->stash->len : 0) ||
	      (sa->fragments &&
	       nla_put_u32(skb, IKEFP_A_SA_FRAGMENT_SIZE, sa->fragment_size)) ||
	      put_settings(skb, sa);
	return err ? -EMSGSIZE : 0;
}

/* -ENOENT: it has died since it was found. */
static int put_sa(struct sk_buff *skb, struct ikefp_sa *sa)
{
	int err;

	spin_lock_bh(&sa->lock);
	if (ikefp_orphan_check(sa))
		ikefp_timers_update(sa);
	err = sa->dead ? -ENOENT : ikefp_netlink_put_sa(skb, sa);
	spin_unlock_bh(&sa->lock);
	return err;
}

int ikefp_nl_sa_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;
	struct ikefp_sa *sa;
	void *message;
	int err;

	sa = ikefp_netlink_get_sa(info, IKEFP_A_SA_SPI);
	if (IS_ERR(sa))
		return PTR_ERR(sa);
	err = -ENOMEM;
	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply)
		goto put;
	message = genlmsg_put_reply(reply, info, &ikefp_netlink_family, 0, IKEFP_CMD_SA_GET);
	err = message ? put_sa(reply, sa) : -EMSGSIZE;
	if (err) {
		nlmsg_free(reply);
		if (err == -ENOENT)
			no_such_sa(info, IKEFP_A_SA_SPI);
		goto put;
	}
	genlmsg_end(reply, message);
	err = genlmsg_reply(reply, info);
put:
	ikefp_sa_put(sa);
	return err;
}

/*
 * An SA that is there from the beginning to the end is listed, and just once. That
 * others come and go meanwhile, which strangers can bring about, is no reason to call
 * the listing inconsistent.
 */
int ikefp_nl_sa_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct ikefp_context *ctx = ikefp_netlink_context(sock_net(skb->sk));
	unsigned long id = cb->args[0];
	struct ikefp_sa *sa;

	for (; (sa = ikefp_sa_get_next(ctx, &id)); id++) {
		void *message = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
					    &ikefp_netlink_family, NLM_F_MULTI,
					    IKEFP_CMD_SA_GET);
		int err = message ? put_sa(skb, sa) : -EMSGSIZE;

		ikefp_sa_put(sa);
		if (!err) {
			genlmsg_end(skb, message);
			continue;
		}
		if (message)
			genlmsg_cancel(skb, message);
		if (err != -ENOENT)
			break;
	}
	cb->args[0] = id;
	return skb->len;
}
