/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon's way to the process that asks the network (lookup_runner.h). */
#ifndef IKEFPD_LOOKUP_H
#define IKEFPD_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "lookup_runner.h"

struct lookup;
struct loop;

/* @fd is the daemon's end of that process's socket; it stays the caller's. NULL, errno. */
struct lookup *lookup_open(struct loop *loop, int fd);
/* No job is done any more. */
void lookup_close(struct lookup *l);

/* The owner embeds and zeroes it, and keeps it until @done was called or it was cancelled. */
struct lookup_job {
	/* From the loop, once. @why NULL: the octets of the answer; else why there are none. */
	void (*done)(struct lookup_job *job, const char *why, const uint8_t *data, size_t len);
	struct lookup_job *next, **link;	/* kept by lookup.c, as are: */
	uint32_t number;
	struct buf octets;
};

/*
 * Asks for what @text names: a URL, a host name, or a path. @body is of LOOKUP_OCSP. Returns 0 or a
 * negative error; then @done is not called.
 */
int lookup_ask(struct lookup *l, struct lookup_job *job, enum lookup_kind kind,
	       const char *text, const void *body, size_t len);
/* Nothing happens if it is done. */
void lookup_cancel(struct lookup_job *job);

#endif
