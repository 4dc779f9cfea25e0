// SPDX-License-Identifier: GPL-2.0
/*
 * A host has a place, found by a hash with a random key; who has the same place takes it
 * over. Only established SAs measure for it, so that nobody writes but peers.
 */

#include <linux/jiffies.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "context.h"
#include "path.h"
#include "rto.h"
#include "rtt_memory.h"

#define PLACES 1024
/* Linux keeps what it knows of TCP's peers for so long, too. */
#define KEPT_FOR (60 * 60 * HZ)

struct host {
	struct ikefp_address address;
	int ifindex; /* of a link-local one */
	u32 family;
};

struct place {
	spinlock_t lock; /* all */
	bool used;
	struct host host;
	struct ikefp_rtt rtt;
	u64 when; /* jiffies */
};

struct ikefp_rtt_memory {
	struct place places[PLACES];
};

static_assert(sizeof(struct host) == 24);

/**
 * ikefp_rtt_memory_begin() - before a namespace's first listener opens
 * @ctx: the namespace
 *
 * Context: process, under config_lock.
 * Return: 0, also where it has begun already, or -ENOMEM.
 */
int ikefp_rtt_memory_begin(struct ikefp_context *ctx)
{
	struct ikefp_rtt_memory *memory;
	int i;

	if (ctx->rtt_memory)
		return 0;
	memory = kvzalloc(sizeof(*memory), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!memory)
		return -ENOMEM;
	for (i = 0; i < PLACES; i++)
		spin_lock_init(&memory->places[i].lock);
	ctx->rtt_memory = memory;
	return 0;
}

/**
 * ikefp_rtt_memory_end() - a namespace ends
 * @ctx: the namespace, its SAs gone
 */
void ikefp_rtt_memory_end(struct ikefp_context *ctx)
{
	kvfree(ctx->rtt_memory);
}

static struct place *place_of(struct ikefp_context *ctx, const struct ikefp_path *path,
			      struct host *host)
{
	*host = (struct host){
		.address = path->remote, .ifindex = path->ifindex,
		.family = ikefp_path_family(path),
	};
	return &ctx->rtt_memory->places[hsiphash(host, sizeof(*host), &ctx->digest_key) % PLACES];
}

static bool is_of(const struct place *place, const struct host *host)
{
	return place->used && !memcmp(&place->host, host, sizeof(*host));
}

/**
 * ikefp_rtt_recall() - what is known of a host
 * @ctx: the namespace
 * @path: the way to the host, of a listener
 * @rtt: where the estimate goes; nothing happens to it if there is none
 *
 * Context: any, BH disabled.
 * Return: whether there is one.
 */
bool ikefp_rtt_recall(struct ikefp_context *ctx, const struct ikefp_path *path,
		      struct ikefp_rtt *rtt)
{
	struct host host;
	struct place *place = place_of(ctx, path, &host);
	bool known;

	spin_lock(&place->lock);
	known = is_of(place, &host) && time_before64(get_jiffies_64(), place->when + KEPT_FOR);
	if (known)
		*rtt = place->rtt;
	spin_unlock(&place->lock);
	/* It may be another by now: as uncertain as after a single sample (RFC 6298). */
	if (known && rtt->rttvar_us < rtt->srtt_us / 2)
		rtt->rttvar_us = rtt->srtt_us / 2;
	return known;
}

/**
 * ikefp_rtt_remember() - an IKE SA has measured
 * @ctx: the namespace
 * @path: the way to the host, of a listener
 * @rtt: its estimate, with a sample
 *
 * Context: any, BH disabled.
 */
void ikefp_rtt_remember(struct ikefp_context *ctx, const struct ikefp_path *path,
			const struct ikefp_rtt *rtt)
{
	struct host host;
	struct place *place = place_of(ctx, path, &host);

	spin_lock(&place->lock);
	place->used = true;
	place->host = host;
	place->rtt = *rtt;
	place->when = get_jiffies_64();
	spin_unlock(&place->lock);
}

/**
 * ikefp_rtt_forget() - what is known of a host proves to be of no use
 * @ctx: the namespace
 * @path: the way to the host, of a listener
 *
 * Context: any, BH disabled.
 */
void ikefp_rtt_forget(struct ikefp_context *ctx, const struct ikefp_path *path)
{
	struct host host;
	struct place *place = place_of(ctx, path, &host);

	spin_lock(&place->lock);
	if (is_of(place, &host))
		place->used = false;
	spin_unlock(&place->lock);
}
