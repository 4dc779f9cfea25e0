/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Key pairs made ahead: some of each group that one was asked for of, by a thread (jobs.h), or,
 * where there is none, while the loop has nothing else to do. Each is given out once.
 */
#ifndef IKEFPD_DH_POOL_H
#define IKEFPD_DH_POOL_H

#include "dh.h"

struct loop;

/* Before it, and after dh_pool_close(), nothing is made ahead. */
void dh_pool_open(struct loop *loop);
/* Wipes those that nobody wanted. */
void dh_pool_close(void);

/* As dh_new(), for dh_free(). */
struct dh *dh_pool_take(uint16_t group);
/* As dh_new_responder(); it may have a key pair already. */
struct dh *dh_pool_take_responder(uint16_t group);

#endif
