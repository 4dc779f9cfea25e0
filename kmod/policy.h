/* SPDX-License-Identifier: GPL-2.0 */
/* A namespace's settings, by their attribute number in the netlink family. */
#ifndef IKEFP_POLICY_H
#define IKEFP_POLICY_H

#include "wire.h"

/* The longest time that a setting can be. */
#define IKEFP_DAY_MS (24u * 3600 * 1000)

struct ikefp_policy {
	u32 value[IKEFP_A_POLICY_MAX + 1];
};

void ikefp_policy_init(struct ikefp_policy *policy, bool of_host);

/* Read at any time while a command changes it: each value stands for itself. */
#define ikefp_policy_get(policy, NAME) \
	READ_ONCE((policy)->value[IKEFP_A_POLICY_##NAME])

#endif
