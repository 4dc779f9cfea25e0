// SPDX-License-Identifier: GPL-2.0
/* The interface that outbound policies are for. */
#include <errno.h>

#include "child_interface.h"
#include "child_sa.h"
#include "config.h"
#include "ike_manager.h"
#include "ike_sa.h"
#include "log.h"
#include "policy.h"
#include "resume.h"
#include "route.h"
#include "trap.h"

static uint32_t index_of(const struct ike_manager *m, const struct child_sa *child)
{
	uint32_t index;

	return m->routes.route && !route_interface_index(m->routes.route, child->bound_to, &index) ?
	       index : 0;
}

int child_interface_find(const struct ike_manager *m, struct child_sa *child)
{
	uint32_t index;

	if (!child->bound_to[0])
		return 0;
	index = index_of(m, child);
	/* While it is away, one that takes the place of another has its policies. */
	if (index)
		child->bound_index = index;
	return child->bound_index ? 0 : -ENODEV;
}

/* First the new ones, then without the old ones: nothing goes out in the clear meanwhile. */
static void look_at(struct ike_manager *m, struct child_sa *child)
{
	const uint32_t old = child->bound_index;
	const bool trapped = child->trapped;
	uint32_t index;
	int err;

	if (!child->bound_to[0] || !child->has_policies)
		return;
	index = index_of(m, child);
	/* While it is away nothing leaves by it. */
	if (!index || index == old)
		return;
	child->bound_index = index;
	err = policy_install(&m->policies, m->xfrm, child);
	if (err) {
		child->bound_index = old;
		log_msg(LOG_KNL, LVL_AUDIT,
			"%s is back, and has not got the policies of CHILD_SA %s{%u}",
			child->bound_to, child->conf->name, child->unique_id);
		return;
	}
	/* No trap is to have an old one (policy.c). */
	child->trapped = false;
	child->bound_index = old;
	policy_remove(&m->policies, m->xfrm, child);
	child->bound_index = index;
	child->trapped = trapped;
	log_msg(LOG_KNL, LVL_CTRL, "%s is back, and has got the policies of CHILD_SA %s{%u}",
		child->bound_to, child->conf->name, child->unique_id);
	if (child->ike_sa)
		resume_save(child->ike_sa);
}

void child_interface_network_changed(struct ike_manager *m)
{
	struct child_sa *child;
	struct ike_sa *sa;
	struct trap *trap;

	for (trap = m->traps; trap; trap = trap->next)
		look_at(m, &trap->child);
	for (sa = m->sas; sa; sa = sa->next)
		for (child = sa->children; child; child = child->next)
			look_at(m, child);
}
