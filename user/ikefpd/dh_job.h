/* SPDX-License-Identifier: GPL-2.0 */
/* The shared secret of a key exchange, made by a thread where there is one (jobs.h). */
#ifndef IKEFPD_DH_JOB_H
#define IKEFPD_DH_JOB_H

#include <stddef.h>
#include <stdint.h>

struct dh;
struct dh_job;

/* What dh_shared() returned; @shared is wiped afterwards. *@slot is NULL by now. */
typedef void (*dh_ready_fn)(void *arg, int err, const uint8_t *shared, size_t len);

/*
 * dh_shared() of *@dh and the peer's value. Calls @ready once: later in the loop, with
 * *@slot set and *@dh NULL until then; or, if there is no thread, before it returns. As
 * @ready may free both, they are not to be looked at afterwards.
 */
void dh_job_begin(struct dh_job **slot, struct dh **dh, const uint8_t *peer, size_t peer_len,
		  dh_ready_fn ready, void *arg);

/* @ready is not called any more, and the key goes. NULL is fine. */
void dh_job_cancel(struct dh_job **slot);

#endif
