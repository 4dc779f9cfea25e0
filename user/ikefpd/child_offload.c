// SPDX-License-Identifier: GPL-2.0
/* What of a Child SA's ESP a network device does. */
#include <errno.h>
#include <string.h>

#include "child_life.h"
#include "child_offload.h"
#include "child_sa.h"
#include "config.h"
#include "ike_manager.h"
#include "ike_sa.h"
#include "log.h"
#include "offload_bypass.h"
#include "policy.h"
#include "route.h"
#include "trap.h"
#include "xfrm.h"

static const char *offload_name(enum offload offload)
{
	static const char *const names[] = {
		[OFFLOAD_NO] = "no",
		[OFFLOAD_CRYPTO] = "crypto",
		[OFFLOAD_PACKET] = "packet",
		[OFFLOAD_AUTO] = "auto",
	};

	return names[offload];
}

static void ask_for(struct child_sa *child, enum offload offload)
{
	child->offload_in = offload;
	child->offload_out = offload;
	child->attempt = child->hw_offload == OFFLOAD_AUTO && offload != OFFLOAD_NO;
}

static uint32_t find_device(struct ike_manager *m, const struct child_sa *child)
{
	return m->routes.route ? route_interface_of(m->routes.route, &child->local) : 0;
}

/* For people. */
static const char *device_name(const struct child_sa *child, char name[IFNAMSIZ])
{
	struct route *route = child->ike_sa->manager->routes.route;

	return route && !route_interface_name(route, child->device, name) ? name : "the device";
}

int child_offload_begin(struct ike_manager *m, struct child_sa *child)
{
	char local[ENDPOINT_STRLEN];

	ask_for(child, OFFLOAD_NO);
	child->device = 0;
	if (child->hw_offload == OFFLOAD_NO)
		return 0;
	/* A TCP connection is the kernel's. */
	if (child->ike_sa && child->ike_sa->local.stream) {
		if (child->hw_offload == OFFLOAD_AUTO)
			return 0;
		ike_log(child->ike_sa, LOG_KNL, LVL_AUDIT,
			"CHILD_SA %s{%u}: no device does ESP by TCP, as hw_offload = %s asks for: set it to auto or no",
			child->conf->name, child->unique_id, offload_name(child->hw_offload));
		return -EOPNOTSUPP;
	}
	child->device = find_device(m, child);
	if (!child->device && child->hw_offload != OFFLOAD_AUTO) {
		log_msg(LOG_KNL, LVL_AUDIT,
			"CHILD_SA %s{%u}: there is no device for hw_offload = %s, for no interface has %s: set it to auto or no",
			child->conf->name, child->unique_id, offload_name(child->hw_offload),
			endpoint_addr_str(&child->local, local));
		return -ENODEV;
	}
	if (child->device)
		ask_for(child, child->hw_offload == OFFLOAD_AUTO ? OFFLOAD_PACKET : child->hw_offload);
	offload_bypass_hold(m, child);
	return 0;
}

/* Not every kernel, nor every driver, says so where it does not. */
int child_offload_check(const struct child_sa *child)
{
	return child->offload_in == OFFLOAD_NO ? 0 : child_sa_offloaded(child);
}

bool child_offload_less(struct child_sa *child, int err)
{
	const enum offload asked = child->offload_in;
	char name[IFNAMSIZ];

	if (asked == OFFLOAD_NO)
		return false;
	if (child->hw_offload != OFFLOAD_AUTO) {
		ike_log(child->ike_sa, LOG_KNL, LVL_AUDIT,
			"CHILD_SA %s{%u}: %s does not do what hw_offload = %s asks for (%s): set it to %s",
			child->conf->name, child->unique_id, device_name(child, name),
			offload_name(asked), strerror(-err),
			asked == OFFLOAD_PACKET ? "auto, crypto or no" : "auto or no");
		return false;
	}
	ask_for(child, asked == OFFLOAD_PACKET ? OFFLOAD_CRYPTO : OFFLOAD_NO);
	if (asked == OFFLOAD_CRYPTO)
		child->device = 0;
	offload_bypass_hold(child->ike_sa->manager, child);
	return true;
}

void child_offload_done(struct child_sa *child)
{
	char name[IFNAMSIZ];

	child->attempt = false;
	offload_bypass_check(child->ike_sa->manager, child);
	if (child->device)
		ike_log(child->ike_sa, LOG_KNL, LVL_CTRL, "CHILD_SA %s{%u} is offloaded to %s (%s)",
			child->conf->name, child->unique_id, device_name(child, name),
			offload_name(child->offload_in));
	else if (child->hw_offload != OFFLOAD_NO)
		ike_log(child->ike_sa, LOG_KNL, LVL_DIAG, "CHILD_SA %s{%u} is offloaded to no device",
			child->conf->name, child->unique_id);
}

void child_offload_moved(struct child_sa *child)
{
	if (child->device)
		child->device = find_device(child->ike_sa->manager, child);
	offload_bypass_hold(child->ike_sa->manager, child);
}

static bool has_lost_it(const struct child_sa *child)
{
	return child->device && child->state == CHILD_INSTALLED &&
	       child_sa_offloaded(child) == -ESRCH;
}

static void look_at(struct ike_manager *m, struct child_sa *child)
{
	const bool lost = has_lost_it(child);

	/* Each time, also of one whose ESP SAs came later: nothing goes out in the clear. */
	if (child->has_policies && (lost || offload_bypass_lost(m, child)))
		policy_move(&m->policies, m->xfrm, child);
	if (!lost || child->spent)
		return;
	ike_log(child->ike_sa, LOG_KNL, LVL_AUDIT,
		"CHILD_SA %s{%u} is gone from its device: it is set up anew",
		child->conf->name, child->unique_id);
	child_life_spent(child);
}

void child_offload_network_changed(struct ike_manager *m)
{
	struct child_sa *child;
	struct ike_sa *sa;
	struct trap *trap;

	offload_bypass_network_changed(m);
	for (trap = m->traps; trap; trap = trap->next)
		if (trap->child.device)
			policy_move(&m->policies, m->xfrm, &trap->child);
	for (sa = m->sas; sa; sa = sa->next)
		for (child = sa->children; child; child = child->next)
			look_at(m, child);
	offload_bypass_restored(m);
}
