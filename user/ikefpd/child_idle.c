// SPDX-License-Identifier: GPL-2.0
#include "child_idle.h"
#include "child_life.h"
#include "config.h"
#include "ike_manager.h"
#include "lifetime.h"

/* How often a kernel is asked that does not say when: how long it takes to see it, at most. */
#define LOOKS		8
#define LOOK_MIN_MS	1000

struct use {
	uint64_t ms;		/* when it was last used */
	uint64_t packets;
	bool unsaid;		/* not to the second */
};

/*
 * When it carried something, either way: the kernel says so to the second. One before 6.2
 * does not; there it did just now if it has carried more than when it was last asked.
 */
static struct use last_use(const struct child_sa *child)
{
	struct use use = { .ms = child->used_ms };
	const struct xfrm_usage *usages[2];
	uint64_t now = loop_now_ms();
	struct xfrm_usage in, out;

	child_sa_usage(child, &in, &out);
	usages[0] = &in;
	usages[1] = &out;
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t ago = usages[i]->use_s < 0 ? now : (uint64_t)usages[i]->use_s * 1000;

		use.packets += usages[i]->packets;
		if (usages[i]->packets && usages[i]->use_s < 0)
			use.unsaid = true;
		if (ago < now && now - ago > use.ms)
			use.ms = now - ago;
	}
	if (use.unsaid && use.packets != child->idle_packets)
		use.ms = now;
	return use;
}

static void set(struct child_sa *child, bool unsaid)
{
	uint64_t inactivity_ms = child->conf->inactivity_s * 1000, look_ms = inactivity_ms / LOOKS;

	child->idle_ms = lifetime_end(child->used_ms, inactivity_ms);
	if (look_ms < LOOK_MIN_MS)
		look_ms = LOOK_MIN_MS;
	if (unsaid && child->idle_ms > loop_now_ms())
		child->idle_ms = lifetime_earlier(child->idle_ms, loop_now_ms() + look_ms);
}

void child_idle_begin(struct child_sa *child, const struct child_sa *old)
{
	struct use use = { .ms = loop_now_ms() };

	if (old && child->conf->inactivity_s)
		use = last_use(old);
	child->used_ms = use.ms;
	set(child, use.unsaid);
}

void child_idle_resume(struct child_sa *child)
{
	if (child->state != CHILD_INSTALLED)
		return;
	child->used_ms = loop_now_ms();
	set(child, false);
	child_life_resume(child);
}

void child_idle_expired(struct child_sa *child)
{
	struct ike_manager *m = child->ike_sa->manager;
	const struct use use = last_use(child);

	child->used_ms = use.ms;
	child->idle_packets = use.packets;
	set(child, use.unsaid);
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
