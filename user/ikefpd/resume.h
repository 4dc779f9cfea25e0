/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Carrying on where a daemon was that is dead. Each IKE SA is stashed with the kernel
 * whenever something of it changes (stash.h), before the peer is told: what the peer
 * knows of, the next daemon knows of, too.
 */
#ifndef IKEFPD_RESUME_H
#define IKEFPD_RESUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"

struct conn;
struct ike_manager;
struct ike_sa;

/* Something of it has changed: stash it. */
void resume_save(const struct ike_sa *sa);

/* An IKE SA of the kernel's whose daemon is dead, and which is ours now. */
struct kernel_orphan {
	uint64_t spi_local, spi_remote;
	bool initiator;
	bool established;
	bool outstanding;		/* a request of ours is not answered yet */
	uint8_t dscp;
	struct endpoint local, remote;
	const uint8_t *stash;
	size_t stash_len;
};

/* What became of them all. Zeroed at first. */
struct resume_summary {
	unsigned int resumed, refused, half_open;
};

/* Carries it on, or deletes it and says why. */
void resume_orphan(struct ike_manager *m, const struct kernel_orphan *orphan,
		   struct resume_summary *summary);
/*
 * Before the first of them, and after the last: what the daemons before left in XFRM and
 * nobody goes on with is taken away, unless there are others that could not be adopted
 * (@all), whose it may be.
 */
void resume_begin(struct ike_manager *m);
void resume_finish(struct ike_manager *m, bool all);

/*
 * The IKE SAs that were carried on and whose connection was not configured then are this
 * one's, if it has the same name and their children.
 */
void resume_rebind(struct ike_manager *m, struct conn *conn);

#endif
