/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_CONFIG_RETRANSMIT_H
#define IKEFPD_CONFIG_RETRANSMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "errmsg.h"
#include "tree.h"

struct ikefp_policy;

#define CONF_UNSET	(-1)

/* The retransmit_* of strongswan.conf, or of a connection; CONF_UNSET where not set. */
struct retransmit_conf {
	int32_t timeout_ms;	/* first timeout; strongSwan's default is 4000 */
	int32_t base_milli;	/* factor per try, in thousandths; 1800 */
	int32_t tries;		/* 5 */
	int32_t jitter_percent;	/* random reduction, 0..20; 0 */
	int32_t limit_ms;	/* cap on one timeout, 0 none; 0 */
};

extern const struct retransmit_conf retransmit_unset;

/* The key that is node's name, one of retransmit_*. 0, or -1 with err set. */
int config_retransmit(const struct tree *node, struct retransmit_conf *conf, struct errmsg *err);

/* The module's settings that say the same, those that are needed. False: none are. */
bool retransmit_policy(const struct retransmit_conf *conf, struct ikefp_policy *policy);

#endif
