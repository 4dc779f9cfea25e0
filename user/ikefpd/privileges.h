/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a process of the daemon gives up after its start: the user it was started as,
 * capabilities, dumps of its memory, and pages in swap. sandbox.h does the rest.
 *
 * Each returns 0, or -1 with @err saying what to do about it.
 */
#ifndef IKEFPD_PRIVILEGES_H
#define IKEFPD_PRIVILEGES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "errmsg.h"

/* Whom to become when nobody is named. */
#define DAEMON_USER	"ikefpd"

struct account {
	bool change;		/* else it stays whom it was started as */
	bool groups;		/* with the groups that the user is in: for its devices */
	uid_t uid;
	gid_t gid;
};

/*
 * @name NULL: DAEMON_USER if there is one and we may become it, which only root may.
 * A name that does not exist, or is not ours to take, is refused.
 */
int account_find(struct account *account, const char *name, struct errmsg *err);

/* For who needs no files: nobody's, whom only root can become, or else @account. */
void account_least(struct account *least, const struct account *account);

/*
 * From here on no core dumps, no ptrace by the same user, and every page, also those
 * to come, stays out of swap. Not inherited by a fork() in all its parts: call it in
 * each process.
 */
int memory_protect(struct errmsg *err);

/*
 * Becomes @account for good, with the capabilities of @keep (a bit each) alone, which
 * it must have; none can be gained again, by exec() neither. What memory_protect()
 * did stays.
 */
int privileges_drop(const struct account *account, uint64_t keep, struct errmsg *err);

/*
 * Becomes @account for good, with the capabilities of @keep alone, which the programs that
 * it runs get, too. Who stays root stays it with all that root has.
 */
int privileges_lend(const struct account *account, uint64_t keep, struct errmsg *err);

/* Those that this process has now (effective). */
uint64_t privileges_held(void);

#endif /* IKEFPD_PRIVILEGES_H */
