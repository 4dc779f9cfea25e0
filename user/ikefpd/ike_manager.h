/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All IKE SAs of this daemon: the table by SPI, what starts and ends them, and
 * the tries that follow a failed one.
 */
#ifndef IKEFPD_IKE_MANAGER_H
#define IKEFPD_IKE_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "ike_sa.h"

struct config;
struct kernel;
struct loop;
struct xfrm;

/* Walk all IKE SAs; oldest first. The walker must not end any. */
struct ike_sa *ike_manager_first(const struct ike_manager *m);

#endif
