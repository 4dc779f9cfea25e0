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

enum reached { NONE, SOFT, HARD };

/*
 * What the kernel says now. What it has said before may be of something else: of an SPI that
 * was only held, or of an ESP SA that was made to be passed over (xfrm_state_retire()).
 */
static enum reached ask(const struct child_sa *child)
{
	struct xfrm_usage in, out;
	int err = child_sa_usage(child, &in, &out);

	if (err == -ESRCH)
		return HARD;
	return !err && (in.soft || out.soft) ? SOFT : NONE;
}

void child_limit_reached(struct child_sa *child)
{
	const struct ike_sa *sa = child->ike_sa;
	enum reached reached = child_sa_is_up(child) ? ask(child) : NONE;

	if (reached == NONE || (reached == SOFT && child->rekeying))
		return;
	ike_log(sa, LOG_IKE, reached == HARD ? LVL_AUDIT : LVL_CTRL,
		"CHILD_SA %s{%u} has carried as much as it may%s", child->conf->name,
		child->unique_id, reached == HARD ? "" : " before it is rekeyed");
	if (reached == HARD)
		child_life_spent(child);
	else
		ike_manager_rekey_child(sa->manager, child->unique_id);
}

void child_limit_look(struct child_sa *child)
{
	enum reached reached = NONE;

	if (child_sa_is_up(child) && child_limit_is_set(child->conf))
		reached = ask(child);
	if (reached == HARD)
		child_limit_reached(child);
	else if (reached == SOFT)
		child_life_rekey_now(child);
}
