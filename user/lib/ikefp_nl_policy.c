// SPDX-License-Identifier: GPL-2.0

/* Settings and counters. */

#include "ikefp_nl_private.h"

#include <string.h>

int ikefp_policy_set(struct ikefp_nl *nl, const struct ikefp_policy *policy)
{
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_POLICY_SET, 0);
	bool whole = msg;
	int i;

	for (i = IKEFP_A_POLICY_PAD + 1; whole && i <= IKEFP_A_POLICY_MAX; i++) {
		if (policy->set[i])
			whole = !nla_put_u32(msg, i, policy->value[i]);
	}
	return ikefp_nl_transact(nl, nl->command, msg, whole, IKEFP_A_POLICY_MAX, NULL, NULL);
}

static void take_policy(struct nlattr **attrs, void *arg)
{
	struct ikefp_policy *policy = arg;
	int i;

	for (i = IKEFP_A_POLICY_PAD + 1; i <= IKEFP_A_POLICY_MAX; i++) {
		policy->set[i] = attrs[i];
		policy->value[i] = get_u32(attrs[i]);
	}
}

int ikefp_policy_get(struct ikefp_nl *nl, struct ikefp_policy *policy)
{
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_POLICY_GET, 0);

	memset(policy, 0, sizeof(*policy));
	return ikefp_nl_transact(nl, nl->command, msg, msg, IKEFP_A_POLICY_MAX, take_policy,
				 policy);
}

static void take_stats(struct nlattr **attrs, void *arg)
{
	struct ikefp_stats *stats = arg;
	int i;

	for (i = IKEFP_A_STATS_PAD + 1; i <= IKEFP_A_STATS_MAX; i++)
		stats->value[i] = get_u64(attrs[i]);
}

int ikefp_stats_get(struct ikefp_nl *nl, struct ikefp_stats *stats)
{
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_STATS_GET, 0);

	memset(stats, 0, sizeof(*stats));
	return ikefp_nl_transact(nl, nl->command, msg, msg, IKEFP_A_STATS_MAX, take_stats, stats);
}
