// SPDX-License-Identifier: GPL-2.0
#include "child_interface.h"
#include "child_offload.h"
#include "config.h"
#include "host_names.h"
#include "ike_manager.h"
#include "ike_reauth.h"
#include "ike_retry.h"
#include "log.h"
#include "path.h"
#include "source.h"
#include "start.h"
#include "transport.h"

/* What is known of local addresses by now: a host has few, and many IKE SAs. */
struct known {
	struct {
		struct endpoint addr;
		bool ours;
	} v[16];
	unsigned int n;
};

static bool is_ours(struct known *known, const struct endpoint *addr)
{
	unsigned int i;
	bool ours;

	for (i = 0; i < known->n; i++)
		if (endpoint_same_addr(&known->v[i].addr, addr))
			return known->v[i].ours;
	ours = source_is_ours(addr);
	if (known->n < sizeof(known->v) / sizeof(*known->v)) {
		known->v[known->n].addr = *addr;
		known->v[known->n++].ours = ours;
	}
	return ours;
}

/*
 * Another address to go from. Where routes lead from what seems to be none of ours (a VRF's,
 * say) there is no other: what went from there anew would not be better off.
 */
static bool find_local(const struct ike_sa *sa, struct endpoint *local)
{
	struct endpoint remote;
	struct errmsg err;

	if (conn_initiator_addrs(sa->conn, local, &remote, &err) ||
	    local->family != sa->remote.family)
		return false;
	if (endpoint_is_any(local) && source_address(&sa->remote, local))
		return false;
	return !endpoint_same_addr(local, &sa->local) && source_is_ours(local);
}

/* It has not come far, and begins again from elsewhere; else it goes on if that comes back. */
static void leave(struct ike_sa *sa)
{
	static const char why[] = "its local address is gone";
	struct endpoint local;

	if (!sa->initiator || (sa->state != IKE_CREATED && sa->state != IKE_CONNECTING) ||
	    !find_local(sa, &local))
		return;
	if (sa->reauth_of)
		ike_sa_destroy(sa, why);
	else
		ike_manager_try_again(sa, why);
}

static void move(struct ike_sa *sa)
{
	struct endpoint local;
	char from[ENDPOINT_STRLEN], to[ENDPOINT_STRLEN];

	if (sa->state != IKE_ESTABLISHED || ike_reauth_is_under_way(sa))
		return;
	endpoint_addr_str(&sa->local, from);
	if (!find_local(sa, &local)) {
		if (!sa->stranded)
			ike_log(sa, LOG_IKE, LVL_CTRL,
				"%s of IKE_SA %s[%u] is gone, and there is no other address to go from",
				from, sa->log.name, sa->unique_id);
		sa->stranded = true;
		return;
	}
	local.port = sa->local.port;
	ike_log(sa, LOG_IKE, LVL_CTRL, "%s of IKE_SA %s[%u] is gone: it is set up anew from %s",
		from, sa->log.name, sa->unique_id, endpoint_addr_str(&local, to));
	ike_reauth_from(sa, &local);
}

static void each(struct ike_manager *m, struct known *known, void (*act)(struct ike_sa *sa))
{
	struct ike_sa *sa, *next;

	for (sa = m->sas; sa; sa = next) {
		next = sa->next;
		/* One that waits for its peer's name goes from nowhere yet. */
		if (!sa->conn || sa->local.family == AF_UNSPEC)
			continue;
		if (is_ours(known, &sa->local))
			sa->stranded = false;
		else
			act(sa);
	}
}

void path_network_changed(struct ike_manager *m)
{
	struct known known = { .n = 0 };
	struct conn *conn;

	if (m->stopping)
		return;
	child_interface_network_changed(m);
	child_offload_network_changed(m);
	each(m, &known, leave);
	each(m, &known, move);
	ike_retry_network_changed(m);
	for (conn = m->config->conns; conn; conn = conn->next) {
		if (!conn->traps_wait)
			continue;
		/* Its host names are asked for once, however long that takes. */
		conn->traps_wait = false;
		host_names_configure(m, conn);
	}
	transport_network_changed(m);
	start_look_again();
}
