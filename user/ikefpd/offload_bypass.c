// SPDX-License-Identifier: GPL-2.0
/* IKE past a device that looks at policies itself. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/xfrm.h>

#include "child_sa.h"
#include "ike_manager.h"
#include "ikev2.h"
#include "log.h"
#include "offload_bypass.h"
#include "route.h"
#include "selector.h"
#include "xfrm.h"

/* strongSwan's: before all others but what is configured with a smaller one. */
#define PRIORITY	32

struct bypassed_device {
	struct bypassed_device *next;
	uint32_t index;
	unsigned int users;
	struct endpoint *addrs;		/* that have their policies */
	size_t n, size;
	int unread;			/* why they are not all known */
	int err;			/* why the device has not taken others' */
	bool told;			/* of either */
	bool lost;			/* it was set down, and not all have their policies again */
};

/* The policies of an address. */
static const struct kind {
	uint8_t dir;
	uint16_t port;
} kinds[] = {
	{ XFRM_POLICY_IN, IKE_PORT },
	{ XFRM_POLICY_OUT, IKE_PORT },
	{ XFRM_POLICY_IN, IKE_NATT_PORT },
	{ XFRM_POLICY_OUT, IKE_NATT_PORT },
};

#define N_KINDS	(sizeof(kinds) / sizeof(*kinds))

static struct xfrm_policy policy_of(uint32_t device, const struct endpoint *own,
				    const struct kind *kind)
{
	struct ts here = {
		.family = own->family,
		.protocol = IPPROTO_UDP,
		.start_port = kind->port, .end_port = kind->port,
	};
	struct ts anywhere = {
		.family = own->family,
		.end_port = 65535,
	};

	memcpy(here.start, own->addr, endpoint_addr_len(own));
	memcpy(here.end, own->addr, endpoint_addr_len(own));
	memset(anywhere.end, 0xff, endpoint_addr_len(own));
	return (struct xfrm_policy){
		.dir = kind->dir,
		.action = XFRM_PASS,
		.src_ts = kind->dir == XFRM_POLICY_OUT ? here : anywhere,
		.dst_ts = kind->dir == XFRM_POLICY_OUT ? anywhere : here,
		.src.family = own->family, .dst.family = own->family,
		.priority = PRIORITY,
		.interface = device,
		.device = device,
		/* That is said by offload_bypass_check(), where it matters. */
		.attempt = true,
	};
}

static void remove_kinds(struct xfrm *xfrm, uint32_t device, const struct endpoint *own, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct xfrm_policy p = policy_of(device, own, &kinds[i]);
		const struct xfrm_policy_key key = selector_key(&p);

		xfrm_policy_del(xfrm, &key);
	}
}

static int is_there(struct ike_manager *m, uint32_t device, const struct endpoint *own)
{
	const struct xfrm_policy p = policy_of(device, own, &kinds[0]);
	const struct xfrm_policy_key key = selector_key(&p);

	return xfrm_policy_offloaded(m->xfrm, &key);
}

/* All of an address's, or none. */
static int install_address(struct ike_manager *m, uint32_t device, const struct endpoint *own)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		const struct xfrm_policy p = policy_of(device, own, &kinds[i]);
		int err = m->bypasses.ignored ? -EOPNOTSUPP : xfrm_policy_add(m->xfrm, &p);

		if (err) {
			remove_kinds(m->xfrm, device, own, i);
			return err;
		}
		/* Without a device behind it, it is a hole in the kernel's policies. */
		if (i == 0 && is_there(m, device, own) == -EOPNOTSUPP) {
			m->bypasses.ignored = true;
			remove_kinds(m->xfrm, device, own, 1);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

static bool has(const struct bypassed_device *d, const struct endpoint *own)
{
	for (size_t i = 0; i < d->n; i++)
		if (endpoint_same_addr(&d->addrs[i], own))
			return true;
	return false;
}

static int note(void *data, const struct endpoint *own)
{
	struct bypassed_device *d = data;
	struct endpoint *grown;
	size_t size = d->size;

	/* It may be of two prefixes. */
	if (has(d, own))
		return 0;
	if (d->n == size) {
		size = 2 * size + 4;
		grown = reallocarray(d->addrs, size, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		d->addrs = grown;
		d->size = size;
	}
	d->addrs[d->n++] = *own;
	return 0;
}

/* Those of the addresses that it has now, as far as the device takes them. */
static void sync_addresses(struct ike_manager *m, struct bypassed_device *d, bool anew)
{
	struct bypassed_device now = { .n = 0 };
	size_t n = 0;

	d->unread = m->routes.route ?
		    route_addresses_of(m->routes.route, d->index, note, &now) : -ENODEV;
	if (d->unread) {
		free(now.addrs);
		return;
	}
	d->err = 0;
	for (size_t i = 0; i < d->n; i++)
		if (!has(&now, &d->addrs[i]))
			remove_kinds(m->xfrm, d->index, &d->addrs[i], N_KINDS);
	for (size_t i = 0; i < now.n; i++) {
		int err = 0;

		if (anew || !has(d, &now.addrs[i]))
			err = install_address(m, d->index, &now.addrs[i]);
		if (err)
			d->err = err;
		else
			now.addrs[n++] = now.addrs[i];
	}
	free(d->addrs);
	d->addrs = now.addrs;
	d->n = n;
	d->size = now.size;
}

static struct bypassed_device *find(const struct ike_manager *m, uint32_t index)
{
	struct bypassed_device *d;

	for (d = m->bypasses.devices; d && d->index != index;)
		d = d->next;
	return d;
}

/* The kernel takes all from a device that is set down. */
static bool has_lost(struct ike_manager *m, const struct bypassed_device *d)
{
	return d->n && is_there(m, d->index, &d->addrs[0]) == -ENOENT;
}

static bool get(struct ike_manager *m, uint32_t index)
{
	struct bypassed_device *d = find(m, index);
	bool first = !d;

	if (first) {
		d = calloc(1, sizeof(*d));
		if (!d) {
			log_msg(LOG_KNL, LVL_AUDIT,
				"no memory for policies that let IKE pass a device: IKE may end where a policy holds the gateways' own addresses, too");
			return false;
		}
		d->index = index;
		d->next = m->bypasses.devices;
		m->bypasses.devices = d;
	}
	d->users++;
	/* Others that have lost theirs hear of it later. */
	if (!first && has_lost(m, d))
		d->lost = true;
	if (first || d->unread || d->err || d->lost)
		sync_addresses(m, d, first || d->lost);
	return true;
}

static void free_unused(struct ike_manager *m)
{
	struct bypassed_device **link = &m->bypasses.devices, *d;

	while ((d = *link)) {
		if (d->users) {
			link = &d->next;
			continue;
		}
		*link = d->next;
		for (size_t i = 0; i < d->n; i++)
			remove_kinds(m->xfrm, d->index, &d->addrs[i], N_KINDS);
		free(d->addrs);
		free(d);
	}
}

static uint32_t device_of(const struct child_sa *child)
{
	return child->offload_in == OFFLOAD_PACKET || child->offload_out == OFFLOAD_PACKET ?
	       child->device : 0;
}

static void put(struct ike_manager *m, uint32_t index)
{
	struct bypassed_device *d = find(m, index);

	d->users--;
	/* One yet to be adopted may be its. */
	if (!m->policies.adopting)
		free_unused(m);
}

void offload_bypass_hold(struct ike_manager *m, struct child_sa *child)
{
	const uint32_t before = child->bypassed, device = device_of(child);

	if (device == before)
		return;
	child->bypassed = device && get(m, device) ? device : 0;
	if (before)
		put(m, before);
}

void offload_bypass_put(struct ike_manager *m, struct child_sa *child)
{
	const uint32_t device = child->bypassed;

	child->bypassed = 0;
	if (device)
		put(m, device);
}

bool offload_bypass_ignored(const struct ike_manager *m, const struct child_sa *child)
{
	return m->bypasses.ignored && device_of(child);
}

void offload_bypass_check(struct ike_manager *m, const struct child_sa *child)
{
	struct bypassed_device *d = child->bypassed ? find(m, child->bypassed) : NULL;
	char buf[IFNAMSIZ];
	const char *name;

	if (!d || (!d->unread && !d->err) || d->told)
		return;
	d->told = true;
	name = m->routes.route && !route_interface_name(m->routes.route, d->index, buf) ? buf :
	       "the device";
	if (d->unread)
		log_msg(LOG_KNL, LVL_AUDIT,
			"cannot read the addresses of %s (%s): it has no policies that let IKE pass to them, and IKE may end where a policy holds the gateways' own addresses, too; it is tried again with the next Child SA, or when routes change",
			name, strerror(-d->unread));
	else
		log_msg(LOG_KNL, LVL_AUDIT,
			"%s does not take policies that let IKE pass (%s): IKE may end where a policy holds the gateways' own addresses, too: set hw_offload to crypto or no there",
			name, strerror(-d->err));
}

void offload_bypass_network_changed(struct ike_manager *m)
{
	struct bypassed_device *d;

	for (d = m->bypasses.devices; d; d = d->next) {
		if (has_lost(m, d))
			d->lost = true;
		sync_addresses(m, d, d->lost);
	}
}

bool offload_bypass_lost(const struct ike_manager *m, const struct child_sa *child)
{
	const struct bypassed_device *d = child->bypassed ? find(m, child->bypassed) : NULL;

	return d && d->lost;
}

void offload_bypass_restored(struct ike_manager *m)
{
	struct bypassed_device *d;

	for (d = m->bypasses.devices; d; d = d->next)
		d->lost = false;
}

void offload_bypass_adopted(struct ike_manager *m)
{
	free_unused(m);
}

static bool is_of(const struct bypassed_device *d, const struct xfrm_policy_key *key)
{
	for (size_t i = 0; i < d->n; i++) {
		for (size_t j = 0; j < N_KINDS; j++) {
			const struct xfrm_policy p = policy_of(d->index, &d->addrs[i], &kinds[j]);
			const struct xfrm_policy_key one = selector_key(&p);

			if (!memcmp(&one, key, sizeof(one)))
				return true;
		}
	}
	return false;
}

bool offload_bypass_wanted(const struct ike_manager *m, const struct xfrm_policy_key *key)
{
	const struct bypassed_device *d;

	for (d = m->bypasses.devices; d; d = d->next)
		if (d->index == (uint32_t)key->sel.ifindex && is_of(d, key))
			return true;
	return false;
}
