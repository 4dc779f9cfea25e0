// SPDX-License-Identifier: GPL-2.0

#include <linux/slab.h>
#include <net/netlink.h>

#include "policy.h"
#include "retransmit.h"
#include "rto.h"

static bool is_time(int setting)
{
	return setting != IKEFP_A_POLICY_BACKOFF_PERCENT &&
	       setting != IKEFP_A_POLICY_JITTER_PERCENT && setting != IKEFP_A_POLICY_TRIES;
}

static int check(struct nlattr *const *settings, struct netlink_ext_ack *extack)
{
	struct nlattr *min = settings[IKEFP_A_POLICY_RTO_MIN_MS];
	struct nlattr *max = settings[IKEFP_A_POLICY_RTO_MAX_MS];
	int i;

	for (i = IKEFP_A_POLICY_RTO_INITIAL_MS; i <= IKEFP_A_POLICY_GIVE_UP_MS; i++) {
		if (settings[i] && is_time(i) && nla_get_u32(settings[i]) > IKEFP_DAY_MS) {
			NL_SET_ERR_MSG_ATTR(extack, settings[i], "time is longer than a day");
			return -ERANGE;
		}
	}
	if (min && max && nla_get_u32(max) < nla_get_u32(min)) {
		NL_SET_ERR_MSG_ATTR(extack, max, "rto-max-ms is less than rto-min-ms");
		return -ERANGE;
	}
	return 0;
}

/**
 * ikefp_retransmit_new() - an SA's own settings
 * @settings: the attributes of a retransmit, checked by its policy; those not given are NULL
 * @extack: what to tell the caller
 *
 * Context: process.
 * Return: the settings, to be freed with kfree(); NULL if none is given; an ERR_PTR: -ERANGE,
 * -ENOMEM.
 */
struct ikefp_retransmit *ikefp_retransmit_new(struct nlattr *const *settings,
					      struct netlink_ext_ack *extack)
{
	struct ikefp_retransmit *own;
	u32 given = 0;
	int err = check(settings, extack);
	int i;

	if (err)
		return ERR_PTR(err);
	for (i = IKEFP_A_POLICY_RTO_INITIAL_MS; i <= IKEFP_A_POLICY_GIVE_UP_MS; i++)
		given |= settings[i] ? BIT(i) : 0;
	if (!given)
		return NULL;
	own = kzalloc(sizeof(*own), GFP_KERNEL_ACCOUNT);
	if (!own) {
		NL_SET_ERR_MSG(extack, "out of memory");
		return ERR_PTR(-ENOMEM);
	}
	own->given = given;
	for (i = IKEFP_A_POLICY_RTO_INITIAL_MS; i <= IKEFP_A_POLICY_GIVE_UP_MS; i++)
		own->value[i] = settings[i] ? nla_get_u32(settings[i]) : 0;
	return own;
}

static u32 setting(const struct ikefp_retransmit *own, const struct ikefp_policy *policy, int i)
{
	return own && own->given & BIT(i) ? own->value[i] : READ_ONCE(policy->value[i]);
}

/**
 * ikefp_retransmit_params() - what holds for a request that is sent now
 * @own: the SA's own settings; NULL: it has none
 * @policy: its namespace's
 *
 * Any context.
 */
struct ikefp_rto_params ikefp_retransmit_params(const struct ikefp_retransmit *own,
						const struct ikefp_policy *policy)
{
	return (struct ikefp_rto_params){
		.initial_ms = setting(own, policy, IKEFP_A_POLICY_RTO_INITIAL_MS),
		.min_ms = setting(own, policy, IKEFP_A_POLICY_RTO_MIN_MS),
		.max_ms = setting(own, policy, IKEFP_A_POLICY_RTO_MAX_MS),
		.backoff_percent = setting(own, policy, IKEFP_A_POLICY_BACKOFF_PERCENT),
		.jitter_percent = setting(own, policy, IKEFP_A_POLICY_JITTER_PERCENT),
		.tries = setting(own, policy, IKEFP_A_POLICY_TRIES),
		.give_up_ms = setting(own, policy, IKEFP_A_POLICY_GIVE_UP_MS),
	};
}

/**
 * ikefp_retransmit_put() - show an SA's own settings
 * @skb: the message, at an SA's attributes
 * @own: the settings; NULL: none, and nothing is put
 *
 * Any context.
 * Return: 0, or -EMSGSIZE.
 */
int ikefp_retransmit_put(struct sk_buff *skb, const struct ikefp_retransmit *own)
{
	struct nlattr *nest;
	int i;

	if (!own)
		return 0;
	nest = nla_nest_start(skb, IKEFP_A_SA_RETRANSMIT);
	if (!nest)
		return -EMSGSIZE;
	for (i = IKEFP_A_POLICY_RTO_INITIAL_MS; i <= IKEFP_A_POLICY_GIVE_UP_MS; i++) {
		if (own->given & BIT(i) && nla_put_u32(skb, i, own->value[i]))
			return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}
