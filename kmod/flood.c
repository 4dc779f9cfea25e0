// SPDX-License-Identifier: GPL-2.0
/*
 * An IKE_SA_INIT request costs its sender nothing and us an SA, an upcall and the helper
 * a Diffie-Hellman computation. Those who flood us with them may forge their sources.
 * Defence comes in stages, as RFC 8019 has them:
 *
 * 1. As long as there is no sign of a flood, requests are taken as they come.
 * 2. With cookie-half-open-source half-open SAs of one source, that source is asked for
 *    a cookie; with cookie-half-open in all, or at more than cookie-rate requests a
 *    second, everybody is. A request that returns it proves that its sender receives at
 *    its address. Asking keeps nothing: the answer is a hash of the request.
 *    Who has sent nothing but IKE_SA_INIT then is kept for half-open-flood-ms, not
 *    half-open-ms (section 4.1), unless it has returned a cookie and its source has no
 *    more than cookie-half-open-source.
 * 3. Each source, proved or not, makes at most source-rate SAs a second and has at most
 *    max-half-open-source of them half-open; all together init-rate and max-half-open.
 *
 * So whoever forges sources uses up what is for requests without a cookie (cookie-rate,
 * cookie-half-open), and nothing of what is for those with one. Puzzles (section 4.4)
 * are not asked; a flood from many true addresses can fill max-half-open.
 *
 * Everything that is answered without proof counts against its source, so that nobody
 * has us send more than source-rate messages a second to a third, none of them longer
 * than what was sent to us. Whoever forges a certain address at that rate keeps that one
 * address from being answered as long as it goes on; proof is counted apart, so that one
 * with a cookie, or an SA, is not hindered.
 *
 * A source is proved by a cookie, or by TCP's handshake where it sends by a stream (RFC 9329
 * section 6.3), and then the response to IKE_SA_INIT may be longer than
 * the request; send.c refuses it otherwise. It is also proved by a sealed message that
 * comes from where our response to IKE_SA_INIT went: its keys cannot be had without that.
 * Yet whoever sealed it is not known before the SA is established. Answers of such an SA
 * that are longer than the request go to the first copy, and then count against their
 * source, as do all requests that its peer sends from elsewhere.
 *
 * A source is a prefix of an address. Memory is fixed: a table of SOURCE_SETS sets of
 * buckets, and one of HALF_OPEN_SLOTS counts, in which a SipHash with a random key finds
 * a source's place, so that nobody can choose who shares it. Two that share the place of
 * a bucket still have a bucket each (see ikefp_bucket_set_take()): the limits are exact
 * for the IKEFP_BUCKET_WAYS that used most in each set, and a flood from more sources
 * than that only wins some of them another burst. Two that share a count of half-open
 * SAs share its limit; of 4,096 counts, 1,000 half-open SAs at 100 each can fill ten,
 * which shuts out one source in 400 until they expire.
 */

#include <linux/inetdevice.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/seqlock.h>
#include <linux/siphash.h>
#include <net/ipv6.h>

#include "context.h"
#include "cookie.h"
#include "flood.h"
#include "path.h"
#include "ratelimit.h"
#include "sa.h"
#include "trace.h"
#include "transmit.h"

#define SOURCE_SETS 1024
#define HALF_OPEN_SLOTS 4096
/* How long everybody is asked for a cookie once there were too many without. */
#define COOKIES_STAY_NS NSEC_PER_SEC

/* Answers to other major versions, in a namespace. */
#define VERSION_ANSWERS_PER_SECOND 10

static_assert(sizeof(struct ikefp_address) == IKEFP_COOKIE_ADDRESS_LEN);

struct ikefp_flood {
	siphash_key_t key;
	seqlock_t cookie_lock; /* cookies */
	struct ikefp_cookie_secrets cookies;
	u64 cookies_until_ns; /* asked for at least so long; ktime_get_ns() */
	spinlock_t bucket_lock; /* the three */
	struct ikefp_bucket without_cookie;
	struct ikefp_bucket all;
	struct ikefp_bucket versions;
	struct {
		spinlock_t lock; /* set */
		struct ikefp_bucket_set set;
	} sources[SOURCE_SETS];
	atomic_t half_open[HALF_OPEN_SLOTS];
};

/* What tells sources apart, and what they can prove. */
struct source_key {
	struct ikefp_address prefix;
	u16 family;
	u16 proved;
};

static_assert(sizeof(struct source_key) == 20);

static void new_secrets(struct ikefp_flood *flood, unsigned int number, u64 now_ns)
{
	u8 secret[IKEFP_COOKIE_SECRET_LEN];

	for (; number; number--) {
		get_random_bytes(secret, sizeof(secret));
		ikefp_cookie_new_secret(&flood->cookies, now_ns, secret);
	}
	memzero_explicit(secret, sizeof(secret));
}

/**
 * ikefp_flood_begin() - before a namespace's first listener opens
 * @ctx: the namespace
 *
 * Context: process, under config_lock.
 * Return: 0, also where it has begun already, or -ENOMEM.
 */
int ikefp_flood_begin(struct ikefp_context *ctx)
{
	struct ikefp_flood *flood;
	int i;

	if (ctx->flood)
		return 0;
	flood = kvzalloc(sizeof(*flood), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!flood)
		return -ENOMEM;
	get_random_bytes(&flood->key, sizeof(flood->key));
	seqlock_init(&flood->cookie_lock);
	new_secrets(flood, 2, ktime_get_ns());
	spin_lock_init(&flood->bucket_lock);
	for (i = 0; i < SOURCE_SETS; i++)
		spin_lock_init(&flood->sources[i].lock);
	ctx->flood = flood;
	return 0;
}

/**
 * ikefp_flood_end() - a namespace ends
 * @ctx: the namespace, its listeners closed and its SAs gone
 */
void ikefp_flood_end(struct ikefp_context *ctx)
{
	kvfree_sensitive(ctx->flood, sizeof(*ctx->flood));
}

static u64 source_hash(struct ikefp_context *ctx, const struct ikefp_path *path, bool proved)
{
	struct source_key key = { .family = ikefp_path_family(path), .proved = proved };

	if (key.family == AF_INET) {
		u32 bits = ikefp_policy_get(&ctx->policy, SOURCE_PREFIX_IPV4);

		key.prefix.v4 = path->remote.v4 & inet_make_mask(bits);
	} else {
		ipv6_addr_prefix(&key.prefix.v6, &path->remote.v6,
				 ikefp_policy_get(&ctx->policy, SOURCE_PREFIX_IPV6));
	}
	return siphash(&key, sizeof(key), &ctx->flood->key);
}

static bool take_of_source(struct ikefp_context *ctx, u64 hash)
{
	u32 per_second = ikefp_policy_get(&ctx->policy, SOURCE_RATE);
	struct ikefp_flood *flood = ctx->flood;
	u32 place = hash % SOURCE_SETS;
	bool taken;

	spin_lock_bh(&flood->sources[place].lock);
	taken = ikefp_bucket_set_take(&flood->sources[place].set, hash >> 32, ktime_get_ns(),
				      per_second, per_second);
	spin_unlock_bh(&flood->sources[place].lock);
	return taken;
}

static bool take_of_all(struct ikefp_flood *flood, struct ikefp_bucket *bucket, u32 per_second)
{
	bool taken;

	spin_lock_bh(&flood->bucket_lock);
	taken = ikefp_bucket_take(bucket, ktime_get_ns(), per_second, per_second);
	spin_unlock_bh(&flood->bucket_lock);
	return taken;
}

/* The secrets as they are to be used now. The caller wipes them. */
static void get_secrets(struct ikefp_context *ctx, struct ikefp_cookie_secrets *secrets)
{
	u64 life_ns = (u64)ikefp_policy_get(&ctx->policy, COOKIE_SECRET_MS) * NSEC_PER_MSEC;
	struct ikefp_flood *flood = ctx->flood;
	unsigned int seq;

	do {
		seq = read_seqbegin(&flood->cookie_lock);
		*secrets = flood->cookies;
	} while (read_seqretry(&flood->cookie_lock, seq));
	if (!ikefp_cookie_secrets_due(secrets, ktime_get_ns(), life_ns))
		return;

	write_seqlock_bh(&flood->cookie_lock);
	/* Unless another processor was faster. */
	new_secrets(flood, ikefp_cookie_secrets_due(&flood->cookies, ktime_get_ns(), life_ns),
		    ktime_get_ns());
	*secrets = flood->cookies;
	write_sequnlock_bh(&flood->cookie_lock);
}

static struct ikefp_cookie_owner owner_of(const struct ikefp_header *header,
					  const struct ikefp_init_payloads *init,
					  const struct ikefp_path *path)
{
	return (struct ikefp_cookie_owner){
		.spi_i = header->spi_i,
		.address = (const u8 *)&path->remote,
		.nonce = init->nonce,
		.nonce_len = init->nonce_len,
	};
}

static bool has_good_cookie(struct ikefp_context *ctx, const struct ikefp_header *header,
			    const struct ikefp_init_payloads *init, const struct ikefp_path *path)
{
	const struct ikefp_cookie_owner owner = owner_of(header, init, path);
	struct ikefp_cookie_secrets secrets;
	bool good;

	if (!init->cookie || !init->nonce)
		return false;
	get_secrets(ctx, &secrets);
	good = ikefp_cookie_is_good(&secrets, &owner, init->cookie, init->cookie_len);
	memzero_explicit(&secrets, sizeof(secrets));
	if (!good)
		return false;
	ikefp_count(ctx, IKEFP_A_STATS_COOKIES_ACCEPTED);
	trace_ikefp_cookie(ctx->net, IKEFP_COOKIE_ACCEPTED, header->spi_i);
	return true;
}

static bool needs_cookie(struct ikefp_context *ctx, const atomic_t *half_open_of_source)
{
	const struct ikefp_policy *policy = &ctx->policy;
	struct ikefp_flood *flood = ctx->flood;

	if ((u32)atomic_read(&ctx->half_open_count) >= ikefp_policy_get(policy, COOKIE_HALF_OPEN) ||
	    (u32)atomic_read(half_open_of_source) >=
		    ikefp_policy_get(policy, COOKIE_HALF_OPEN_SOURCE))
		return true;
	/* In a flood no lock is shared, and no token taken that nobody gets. */
	if (ktime_get_ns() < READ_ONCE(flood->cookies_until_ns))
		return true;
	if (take_of_all(flood, &flood->without_cookie, ikefp_policy_get(policy, COOKIE_RATE)))
		return false;
	WRITE_ONCE(flood->cookies_until_ns, ktime_get_ns() + COOKIES_STAY_NS);
	return true;
}

/**
 * ikefp_flood_is_on() - are there signs of a flood
 * @ctx: the namespace, with a listener, or that had one
 *
 * Those by which everybody is asked for a cookie; but always to ask is none.
 *
 * Context: any.
 */
bool ikefp_flood_is_on(struct ikefp_context *ctx)
{
	u32 too_many = ikefp_policy_get(&ctx->policy, COOKIE_HALF_OPEN);

	return (too_many && (u32)atomic_read(&ctx->half_open_count) >= too_many) ||
	       ktime_get_ns() < READ_ONCE(ctx->flood->cookies_until_ns);
}

/**
 * ikefp_flood_suspects() - may a source's SAs be part of a flood
 * @ctx: the namespace
 * @source: the source
 *
 * Not if it has returned a cookie and has few that are half-open: what it sent next may
 * have been lost where the flood fills the link, and it needs the time to send it again.
 *
 * Context: any.
 */
bool ikefp_flood_suspects(struct ikefp_context *ctx, const struct ikefp_init_source *source)
{
	u32 few = ikefp_policy_get(&ctx->policy, COOKIE_HALF_OPEN_SOURCE);

	return !source->proved || (u32)atomic_read(source->half_open) > few;
}

/* Answers with a cookie, if it may. Why the request is dropped. */
static int ask_for_cookie(struct ikefp_context *ctx, const struct ikefp_header *header,
			  const struct ikefp_init_payloads *init, const struct ikefp_path *path,
			  u64 source, struct sk_buff **spare)
{
	int reason = init->cookie ? IKEFP_A_STATS_DROP_BAD_COOKIE : IKEFP_A_STATS_DROP_NO_COOKIE;
	const struct ikefp_cookie_owner owner = owner_of(header, init, path);
	u8 answer[IKEFP_NOTIFY_MESSAGE_LEN + IKEFP_COOKIE_LEN];
	struct ikefp_cookie_secrets secrets;
	u8 cookie[IKEFP_COOKIE_LEN];

	if (init->cookie)
		trace_ikefp_cookie(ctx->net, IKEFP_COOKIE_REFUSED, header->spi_i);
	if (!init->nonce || header->length < sizeof(answer))
		return reason;
	if (!take_of_source(ctx, source))
		return IKEFP_A_STATS_DROP_SOURCE_RATE;
	get_secrets(ctx, &secrets);
	ikefp_cookie_make(&secrets, &owner, cookie);
	memzero_explicit(&secrets, sizeof(secrets));
	ikefp_wire_put_cookie(answer, header, cookie, sizeof(cookie));
	ikefp_transmit(ctx, path, NULL, answer, sizeof(answer), spare);
	ikefp_count(ctx, IKEFP_A_STATS_COOKIES_SENT);
	trace_ikefp_cookie(ctx->net, IKEFP_COOKIE_SENT, header->spi_i);
	return reason;
}

/**
 * ikefp_flood_admit() - shall an IKE_SA_INIT request make an SA
 * @ctx: the namespace
 * @header: the request's; its length is the message's
 * @init: what was found in it
 * @path: where it came to and from
 * @source: what the SA is to know of where it came from
 * @spare: the packet that it came in. If the answer went out in it, it is NULL and @init no
 *         more.
 *
 * A request that needs a cookie is answered with one here. max-half-open and
 * max-half-open-source are looked at when the SA is made.
 *
 * Context: softirq, under RCU, without locks.
 * Return: 0, or the counter of the reason to drop it (IKEFP_A_STATS_DROP_*).
 */
int ikefp_flood_admit(struct ikefp_context *ctx, const struct ikefp_header *header,
		      const struct ikefp_init_payloads *init, const struct ikefp_path *path,
		      struct ikefp_init_source *source, struct sk_buff **spare)
{
	struct ikefp_flood *flood = ctx->flood;
	u64 hash = source_hash(ctx, path, false);

	source->half_open = &flood->half_open[hash % HALF_OPEN_SLOTS];
	source->proved = path->stream || has_good_cookie(ctx, header, init, path);
	source->request_len = header->length;
	if (!source->proved && needs_cookie(ctx, source->half_open))
		return ask_for_cookie(ctx, header, init, path, hash, spare);
	if (source->proved)
		hash = source_hash(ctx, path, true);
	if (!take_of_source(ctx, hash))
		return IKEFP_A_STATS_DROP_SOURCE_RATE;
	if (!take_of_all(flood, &flood->all, ikefp_policy_get(&ctx->policy, INIT_RATE)))
		return IKEFP_A_STATS_DROP_RATE_LIMIT;
	return 0;
}

/**
 * ikefp_flood_may_answer() - may a message that is not authentic be answered
 * @ctx: the namespace
 * @path: where it came to and from
 * @proved: a cookie, or TCP, has shown that it comes from there
 *
 * Context: any.
 */
bool ikefp_flood_may_answer(struct ikefp_context *ctx, const struct ikefp_path *path, bool proved)
{
	return take_of_source(ctx, source_hash(ctx, path, proved));
}

/**
 * ikefp_flood_may_answer_version() - and one of another major version, of any source
 * @ctx: the namespace
 *
 * Context: any.
 */
bool ikefp_flood_may_answer_version(struct ikefp_context *ctx)
{
	return take_of_all(ctx->flood, &ctx->flood->versions, VERSION_ANSWERS_PER_SECOND);
}
