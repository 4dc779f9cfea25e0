// SPDX-License-Identifier: GPL-2.0
/* Which routes there are for Child SAs, while they come, move and go. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "child_route.h"
#include "config.h"
#include "ktap.h"
#include "libnet.h"
#include "route.h"

#define LEFT	"192.0.2.1"
#define RIGHT	"192.0.2.2"

/* The kernel's table of routes, and what leads there. */
struct route {
	struct route_entry table[16];
	size_t n;
	unsigned int changes;
	const char *own;	/* our address behind us; NULL: none */
	const char *gateway;	/* NULL: none */
};

static struct route kernel;
static struct net net;
static struct host *left, *right;

static size_t find(const struct route *r, const struct route_entry *e)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (!memcmp(&r->table[i].dst, &e->dst, sizeof(e->dst)) &&
		    r->table[i].prefix_len == e->prefix_len)
			break;
	return i;
}

int route_add(struct route *r, const struct route_entry *e)
{
	size_t i = find(r, e);

	r->table[i] = *e;
	r->n += i == r->n;
	r->changes++;
	return 0;
}

int route_del(struct route *r, const struct route_entry *e)
{
	size_t i = find(r, e);

	EXPECT(i < r->n && !memcmp(&r->table[i], e, sizeof(*e)));
	r->table[i] = r->table[--r->n];
	r->changes++;
	return 0;
}

int route_remove_leftovers(struct route *r,
			   bool (*wanted)(void *data, const struct route_entry *e), void *data)
{
	for (size_t i = r->n; i--;)
		if (!wanted(data, &r->table[i]))
			r->table[i] = r->table[--r->n];
	return 0;
}

int route_own_address(struct route *r, const struct ts *ts, struct endpoint *own)
{
	if (!r->own)
		return -ENOENT;
	EXPECT(!endpoint_parse(own, r->own, 0));
	return own->family == ts->family && memcmp(own->addr, ts->start, 16) >= 0 &&
	       memcmp(own->addr, ts->end, 16) <= 0 ? 0 : -ENOENT;
}

int route_to(struct route *r, const struct endpoint *remote, const struct endpoint *local,
	     struct next_hop *hop)
{
	(void)remote;
	(void)local;
	memset(hop, 0, sizeof(*hop));
	hop->index = 7;
	if (r->gateway)
		EXPECT(!endpoint_parse(&hop->gateway, r->gateway, 0));
	return 0;
}

bool route_leads(struct route *r, const struct endpoint *local, const struct endpoint *remote)
{
	(void)r;
	(void)local;
	(void)remote;
	return true;
}

uint32_t route_interface_of(struct route *r, const struct endpoint *own)
{
	(void)r;
	(void)own;
	return 7;
}

int route_addresses_of(struct route *r, uint32_t index,
		       int (*fn)(void *data, const struct endpoint *own), void *data)
{
	(void)r;
	(void)index;
	(void)fn;
	(void)data;
	return 0;
}

int route_interface_index(struct route *r, const char *name, uint32_t *index)
{
	(void)r;
	*index = strcmp(name, "wan") ? 8 : 7;
	return 0;
}

int route_interface_name(struct route *r, uint32_t index, char name[IFNAMSIZ])
{
	(void)r;
	strcpy(name, index == 7 ? "wan" : "lan");
	return 0;
}

static const char *conf(const char *local, const char *remote, const char *children)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		 "connections {\n gw {\n local_addrs = %s\n remote_addrs = %s\n"
		 " proposals = aes128gcm16-prfsha256-x25519\n"
		 " local {\n auth = psk\n id = %s\n }\n"
		 " remote {\n auth = psk\n }\n children {\n%s\n }\n }\n}\n"
		 "secrets {\n ike {\n secret = \"the shared secret\"\n }\n}\n",
		 local, remote, local, children);
	return text;
}

static void begin(const char *children)
{
	kernel = (struct route){ .own = "10.1.0.1" };
	left = net_host(&net, LEFT, NULL, conf(LEFT, RIGHT, children));
	right = net_host(&net, RIGHT, NULL, conf(RIGHT, LEFT,
			"net {\n local_ts = 0.0.0.0/0\n remote_ts = 0.0.0.0/0\n}"));
	left->manager.routes.route = &kernel;
}

static void up(const char *child)
{
	struct conn *conn = config_find_conn(left->config, "gw");

	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, child), NULL);
	net_run(&net);
}

static struct child_sa *child_of(const char *name)
{
	struct ike_sa *sa = host_established(left);
	struct child_sa *child = sa ? sa->children : NULL;

	while (child && (strcmp(child->conf->name, name) || child->state != CHILD_INSTALLED))
		child = child->next;
	return child;
}

static void down(const char *name)
{
	struct child_sa *child = child_of(name);

	REQUIRE(child);
	ike_manager_terminate_child(&left->manager, child->unique_id, NULL);
	net_run(&net);
}

/* "10.2.0.0/16 via 192.0.2.2 src 10.1.0.1", of the first. */
static const char *route(void)
{
	static char text[256];
	char addr[ENDPOINT_STRLEN];
	size_t at;

	if (kernel.n != 1)
		return "not one";
	at = (size_t)snprintf(text, sizeof(text), "%s/%u", endpoint_addr_str(&kernel.table->dst, addr),
			      kernel.table->prefix_len);
	if (!kernel.table->index)
		at += (size_t)snprintf(text + at, sizeof(text) - at, " throw");
	if (kernel.table->gateway.family)
		at += (size_t)snprintf(text + at, sizeof(text) - at, " via %s",
				       endpoint_addr_str(&kernel.table->gateway, addr));
	if (kernel.table->src.family)
		snprintf(text + at, sizeof(text) - at, " src %s",
			 endpoint_addr_str(&kernel.table->src, addr));
	return text;
}

/* Rekeyed, nothing changes; moved, it leads elsewhere. */
static void life(void)
{
	begin("net {\n local_ts = 10.1.0.0/16\n remote_ts = 10.2.0.0/16\n}");
	up("net");
	EXPECT_STR(route(), "10.2.0.0/16 via 192.0.2.2 src 10.1.0.1");
	REQUIRE(child_of("net"));
	ike_manager_rekey_child(&left->manager, child_of("net")->unique_id);
	net_run(&net);
	EXPECT_EQ(kernel.changes, 1);
	kernel.gateway = "192.0.2.254";
	child_route_install(&left->manager.routes, child_of("net"));
	EXPECT_STR(route(), "10.2.0.0/16 via 192.0.2.254 src 10.1.0.1");
	down("net");
	EXPECT_EQ(kernel.n, 0);
	EXPECT_EQ(kernel.changes, 3);
	net_clear(&net);
}

/* Of two that want one the newest has it, and then the other. */
static void shared(void)
{
	begin("net {\n local_ts = 10.1.0.0/16\n remote_ts = 10.2.0.0/16\n}\n"
	      "more {\n local_ts = 10.3.0.0/16\n remote_ts = 10.2.0.0/16\n}");
	up("net");
	kernel.own = "10.3.0.1";
	up("more");
	EXPECT_STR(route(), "10.2.0.0/16 via 192.0.2.2 src 10.3.0.1");
	down("more");
	EXPECT_STR(route(), "10.2.0.0/16 via 192.0.2.2 src 10.1.0.1");
	down("net");
	EXPECT_EQ(kernel.n, 0);
	net_clear(&net);
}

/* Where there is no address of ours, for a protocol, an XFRM interface, or not at all. */
static void no_use(void)
{
	static const char *const children[] = {
		"net {\n local_ts = 10.4.0.0/16\n remote_ts = 10.2.0.0/16\n}",
		"net {\n local_ts = 10.1.0.0/16\n remote_ts = 10.2.0.0/16[tcp]\n}",
		"net {\n local_ts = 10.1.0.0/16\n remote_ts = 10.2.0.0/16[tcp/80]\n}",
		"net {\n local_ts = 10.1.0.0/16\n remote_ts = 10.2.0.0/16\n if_id_out = 5\n}",
		"net {\n local_ts = 10.1.0.0/16\n remote_ts = 10.2.0.0/16\n policies = no\n}",
	};

	for (size_t i = 0; i < sizeof(children) / sizeof(*children); i++) {
		begin(children[i]);
		up("net");
		EXPECT(child_of("net"));
		EXPECT_EQ(kernel.changes, 0);
		net_clear(&net);
	}
	begin("net {\n local_ts = 10.1.0.0/16\n remote_ts = 10.2.0.0/16\n}");
	left->manager.routes.off = true;
	up("net");
	EXPECT(child_of("net"));
	EXPECT_EQ(kernel.changes, 0);
	net_clear(&net);
}

/* Where the peer is another way than the interface, what went there would not be protected. */
static void elsewhere(void)
{
	begin("net {\n local_ts = 10.1.0.0/16\n remote_ts = 10.2.0.0/16\n interface = lan\n}\n"
	      "same {\n local_ts = 10.1.0.0/16\n remote_ts = 10.3.0.0/16\n interface = wan\n}");
	up("net");
	EXPECT(child_of("net"));
	EXPECT_EQ(kernel.n, 0);
	up("same");
	EXPECT_STR(route(), "10.3.0.0/16 via 192.0.2.2 src 10.1.0.1");
	net_clear(&net);
}

static void install(const char *name)
{
	struct conn *conn = config_find_conn(left->config, "gw");
	struct errmsg err;

	EXPECT(!trap_install(&left->manager, conn, conn_find_child(conn, name), true, &err));
}

/* A trap has one, what passes gets past all of them, what drops has none. */
static void traps(void)
{
	begin("net {\n local_ts = 10.1.0.0/16\n remote_ts = 10.2.0.0/16\n}\n"
	      "near {\n local_ts = 0.0.0.0/0\n remote_ts = 10.1.0.0/16\n mode = pass\n}\n"
	      "never {\n local_ts = 0.0.0.0/0\n remote_ts = 10.9.0.0/16\n mode = drop\n}");
	install("near");
	EXPECT_STR(route(), "10.1.0.0/16 throw");
	trap_uninstall(&left->manager, "gw", "near");
	install("never");
	EXPECT_EQ(kernel.n, 0);
	install("net");
	EXPECT_STR(route(), "10.2.0.0/16 via 192.0.2.2 src 10.1.0.1");
	up("net");
	trap_uninstall(&left->manager, "gw", "net");
	EXPECT_STR(route(), "10.2.0.0/16 via 192.0.2.2 src 10.1.0.1");
	down("net");
	EXPECT_EQ(kernel.n, 0);
	net_clear(&net);
}

/* What a daemon before left, and nobody wants, goes. */
static void leftovers(void)
{
	struct route_entry e = { .prefix_len = 24, .index = 3 };

	begin("net {\n local_ts = 10.1.0.0/16\n remote_ts = 10.2.0.0/16\n}");
	up("net");
	EXPECT(!endpoint_parse(&e.dst, "10.9.0.0", 0));
	route_add(&kernel, &e);
	child_route_remove_leftovers(&left->manager.routes);
	EXPECT_STR(route(), "10.2.0.0/16 via 192.0.2.2 src 10.1.0.1");
	net_clear(&net);
}

static const struct ktap_test tests[] = {
	{ "one Child SA", life },
	{ "two Child SAs", shared },
	{ "none where it is of no use", no_use },
	{ "none by another interface", elsewhere },
	{ "traps and shunts", traps },
	{ "leftovers", leftovers },
};

KTAP_MAIN(tests)
