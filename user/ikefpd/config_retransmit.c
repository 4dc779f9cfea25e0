// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "config_keys.h"
#include "config_retransmit.h"
#include "ikefp_nl.h"

#define DAY_MS		(24 * 3600 * 1000)
#define WAIT_MIN_MS	10	/* the module's */

const struct retransmit_conf retransmit_unset = {
	CONF_UNSET, CONF_UNSET, CONF_UNSET, CONF_UNSET, CONF_UNSET,
};

/* strongswan.conf(5): seconds, a factor, a count, per cent, seconds. */
static int read_timeout(const struct tree *node, struct retransmit_conf *conf, struct errmsg *err)
{
	if (config_milli(node, 3600 * 1000, &conf->timeout_ms, err))
		return -1;
	return conf->timeout_ms < WAIT_MIN_MS ? tree_refuse(node, err, "must be at least 0.01") : 0;
}

static int read_base(const struct tree *node, struct retransmit_conf *conf, struct errmsg *err)
{
	if (config_milli(node, 100 * 1000, &conf->base_milli, err))
		return -1;
	if (conf->base_milli < 1000)
		return tree_refuse(node, err, "must be at least 1");
	return 0;
}

static int read_count(const struct tree *node, uint32_t max, int32_t *to, struct errmsg *err)
{
	uint32_t value = 0;

	if (config_uint(node, 0, max, &value, err))
		return -1;
	*to = (int32_t)value;
	return 0;
}

static int read_tries(const struct tree *node, struct retransmit_conf *conf, struct errmsg *err)
{
	return read_count(node, 100, &conf->tries, err);
}

static int read_jitter(const struct tree *node, struct retransmit_conf *conf, struct errmsg *err)
{
	return read_count(node, 20, &conf->jitter_percent, err);
}

static int read_limit(const struct tree *node, struct retransmit_conf *conf, struct errmsg *err)
{
	if (config_milli(node, 3600 * 1000, &conf->limit_ms, err))
		return -1;
	if (conf->limit_ms && conf->limit_ms < WAIT_MIN_MS)
		return tree_refuse(node, err, "must be 0, for none, or at least 0.01");
	return 0;
}

int config_retransmit(const struct tree *node, struct retransmit_conf *conf, struct errmsg *err)
{
	static const struct {
		const char *name;
		int (*read)(const struct tree *node, struct retransmit_conf *conf,
			    struct errmsg *err);
	} keys[] = {
		{ "retransmit_timeout", read_timeout },
		{ "retransmit_base", read_base },
		{ "retransmit_tries", read_tries },
		{ "retransmit_jitter", read_jitter },
		{ "retransmit_limit", read_limit },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(node->name, keys[i].name))
			return keys[i].read(node, conf, err);
	return tree_refuse(node, err, "unknown key");
}

static void set(struct ikefp_policy *policy, int attribute, int32_t value)
{
	policy->set[attribute] = true;
	policy->value[attribute] = value;
}

bool retransmit_policy(const struct retransmit_conf *conf, struct ikefp_policy *policy)
{
	int32_t limit_ms = conf->limit_ms, timeout_ms = conf->timeout_ms;
	bool any = false;

	memset(policy, 0, sizeof(*policy));
	/* strongSwan's default: what is configured grows without a limit. */
	if (!limit_ms || (limit_ms == CONF_UNSET && timeout_ms != CONF_UNSET))
		limit_ms = DAY_MS;
	if (timeout_ms != CONF_UNSET) {
		if (timeout_ms > limit_ms)
			timeout_ms = limit_ms;
		set(policy, IKEFP_A_POLICY_RTO_INITIAL_MS, timeout_ms);
		/* It holds whatever the round trip time is, as in strongSwan. */
		set(policy, IKEFP_A_POLICY_RTO_MIN_MS, timeout_ms);
	}
	if (limit_ms != CONF_UNSET)
		set(policy, IKEFP_A_POLICY_RTO_MAX_MS, limit_ms);
	if (conf->tries != CONF_UNSET)
		set(policy, IKEFP_A_POLICY_TRIES, conf->tries);
	if (conf->jitter_percent != CONF_UNSET)
		set(policy, IKEFP_A_POLICY_JITTER_PERCENT, conf->jitter_percent);
	if (conf->base_milli != CONF_UNSET)
		set(policy, IKEFP_A_POLICY_BACKOFF_PERCENT,
		    conf->base_milli > 10000 ? 1000 : conf->base_milli / 10);
	for (int i = 0; i <= IKEFP_A_POLICY_MAX; i++)
		any = any || policy->set[i];
	return any;
}
