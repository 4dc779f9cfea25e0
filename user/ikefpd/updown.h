/* SPDX-License-Identifier: GPL-2.0 */
/*
 * children.<child>.updown: a script that is run when a Child SA comes and when it goes, with
 * what strongSwan has in its environment, for each pair of its selectors. Not when it is
 * rekeyed, nor when a daemon carries on what another one has begun. Nothing waits for a
 * script; those of the same child and peer run one after the other.
 */
#ifndef IKEFPD_UPDOWN_H
#define IKEFPD_UPDOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

struct child_sa;
struct loop;
struct route;
struct updown;

/*
 * @fd is the daemon's end of the socket to the process that runs scripts
 * (script_runner.h); it becomes non-blocking, and stays the caller's. NULL after an error,
 * with errno set.
 */
struct updown *updown_open(struct loop *loop, int fd, struct route *route);
/* Waits for the scripts that are still to run, @wait_ms at most, and logs what they say. */
void updown_close(struct updown *u, int wait_ms);

/* It is installed; it is about to be taken away. @u NULL: nothing happens. */
void updown_run(struct updown *u, struct child_sa *child, bool up);

/* The request for one pair of selectors, as script_runner.h has it. */
void updown_write(struct buf *out, const struct child_sa *child, bool up, unsigned int local,
		  unsigned int remote, const char *path);

#endif
