// SPDX-License-Identifier: GPL-2.0
#include "child_idle.h"
#include "child_life.h"
#include "config.h"
#include "ike_manager.h"
#include "lifetime.h"

/* When it carried something, either way: the kernel says so to the second. */
static uint64_t last_use(const struct child_sa *child)
{
	uint64_t now = loop_now_ms(), used = child->used_ms;
	const struct xfrm_usage *usages[2];
	struct xfrm_usage in, out;

	child_sa_usage(child, &in, &out);
	usages[0] = &in;
	usages[1] = &out;
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t ago = usages[i]->use_s < 0 ? now : (uint64_t)usages[i]->use_s * 1000;

		if (ago < now && now - ago > used)
			used = now - ago;
	}
	return used;
}

static void set(struct child_sa *child)
{
	child->idle_ms = lifetime_end(child->used_ms, child->conf->inactivity_s * 1000);
}

void child_idle_begin(struct child_sa *child, const struct child_sa *old)
{
	child->used_ms = old && child->conf->inactivity_s ? last_use(old) : loop_now_ms();
	set(child);
}

void child_idle_resume(struct child_sa *child)
{
	if (child->state != CHILD_INSTALLED)
		return;
	child->used_ms = loop_now_ms();
	set(child);
	child_life_resume(child);
}

void child_idle_expired(struct child_sa *child)
{
	struct ike_manager *m = child->ike_sa->manager;

	child->used_ms = last_use(child);
	set(child);
	if (!child->idle_ms || child->idle_ms > loop_now_ms()) {
		child_life_resume(child);
		return;
	}
	child->idle_ms = 0;
	ike_log(child->ike_sa, LOG_IKE, LVL_AUDIT,
		"CHILD_SA %s{%u} has carried nothing for %llu s", child->conf->name,
		child->unique_id, (unsigned long long)child->conf->inactivity_s);
	ike_manager_terminate_child(m, child->unique_id, NULL);
}
