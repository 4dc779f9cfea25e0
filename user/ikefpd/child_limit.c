// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include "child_life.h"
#include "child_limit.h"
#include "ike_manager.h"
#include "lifetime.h"

bool child_limit_is_set(const struct child_conf *conf)
{
	return conf->bytes.rekey || conf->bytes.life || conf->packets.rekey || conf->packets.life;
}

struct xfrm_limits child_limit_choose(const struct child_conf *conf)
{
	return (struct xfrm_limits){
		.soft_bytes = lifetime_soft(&conf->bytes),
		.hard_bytes = conf->bytes.life,
		.soft_packets = lifetime_soft(&conf->packets),
		.hard_packets = conf->packets.life,
	};
}

/* What is replaced already is not replaced once more. */
static bool is_in_use(const struct child_sa *child)
{
	return child->state == CHILD_INSTALLED && !child->replaced && !child->spent;
}

void child_limit_reached(struct child_sa *child, bool hard)
{
	const struct ike_sa *sa = child->ike_sa;

	if (!is_in_use(child) || (child->rekeying && !hard))
		return;
	ike_log(sa, LOG_IKE, hard ? LVL_AUDIT : LVL_CTRL,
		"CHILD_SA %s{%u} has carried as much as it may%s", child->conf->name,
		child->unique_id, hard ? "" : " before it is rekeyed");
	if (hard)
		child_life_spent(child);
	else
		ike_manager_rekey_child(sa->manager, child->unique_id);
}

void child_limit_look(struct child_sa *child)
{
	struct xfrm_usage in, out;
	int err;

	if (!is_in_use(child) || !child_limit_is_set(child->conf))
		return;
	err = child_sa_usage(child, &in, &out);
	if (err == -ESRCH)
		child_limit_reached(child, true);
	else if (!err && (in.soft || out.soft))
		child_life_rekey_now(child);
}
