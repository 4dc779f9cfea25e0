// SPDX-License-Identifier: GPL-2.0
/* What of a Child SA is left to a device, and what interface its policies are for. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/xfrm.h>

#include "child_interface.h"
#include "child_offload.h"
#include "config.h"
#include "ktap.h"
#include "libnet.h"
#include "route.h"
#include "selector.h"

#define LEFT		"192.0.2.1"
#define RIGHT		"192.0.2.2"
#define NETWORKS	"local_ts = 10.1.0.0/16\nremote_ts = 10.2.0.0/16\n"
#define OTHERS		"local_ts = 10.2.0.0/16\nremote_ts = 10.1.0.0/16\n"

#define ADDRESSES	2
#define BYPASSES	(4 * ADDRESSES)		/* policies that let IKE pass by a device */

/* The host's interfaces. */
struct route {
	uint32_t wan;		/* index of the one with the address; 0: there is none */
	uint32_t ppp;		/* and of another one */
	bool more;		/* the former has one address more */
};

static struct route kernel;
static struct net net;
static struct host *left, *right;

bool route_leads(struct route *r, const struct endpoint *local, const struct endpoint *remote)
{
	(void)r;
	(void)local;
	(void)remote;
	return true;
}

uint32_t route_interface_of(struct route *r, const struct endpoint *own)
{
	(void)own;
	return r->wan;
}

int route_addresses_of(struct route *r, uint32_t index,
		       int (*fn)(void *data, const struct endpoint *own), void *data)
{
	static const char *const addrs[] = { LEFT, "2001:db8::1", "192.0.2.200" };
	struct endpoint own;
	int err = 0;

	for (size_t i = 0; !err && index == r->wan && i < ADDRESSES + (size_t)r->more; i++) {
		EXPECT(!endpoint_parse(&own, addrs[i], 0));
		err = fn(data, &own);
	}
	return err;
}

int route_interface_index(struct route *r, const char *name, uint32_t *index)
{
	*index = !strcmp(name, "wan") ? r->wan : !strcmp(name, "ppp0") ? r->ppp : 0;
	return *index ? 0 : -ENODEV;
}

int route_interface_name(struct route *r, uint32_t index, char name[IFNAMSIZ])
{
	strcpy(name, "wan");
	return index == r->wan ? 0 : -ENODEV;
}

int route_add(struct route *r, const struct route_entry *e)
{
	(void)r;
	(void)e;
	return 0;
}

int route_del(struct route *r, const struct route_entry *e)
{
	(void)r;
	(void)e;
	return 0;
}

int route_remove_leftovers(struct route *r,
			   bool (*wanted)(void *data, const struct route_entry *e), void *data)
{
	(void)r;
	(void)wanted;
	(void)data;
	return 0;
}

int route_own_address(struct route *r, const struct ts *ts, struct endpoint *own)
{
	(void)r;
	(void)ts;
	(void)own;
	return -ENOENT;
}

int route_to(struct route *r, const struct endpoint *remote, const struct endpoint *local,
	     struct next_hop *hop)
{
	(void)r;
	(void)remote;
	(void)local;
	(void)hop;
	return -ENETUNREACH;
}

static const char *conf(const char *local, const char *remote, const char *ts, const char *child)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		 "connections {\n gw {\n local_addrs = %s\n remote_addrs = %s\n"
		 " proposals = aes128gcm16-prfsha256-x25519\n"
		 " local {\n auth = psk\n id = %s\n }\n"
		 " remote {\n auth = psk\n }\n"
		 " children {\n net {\n esp_proposals = aes128gcm16\n%s%s\n }\n }\n }\n}\n"
		 "secrets {\n ike {\n secret = \"the shared secret\"\n }\n}\n",
		 local, remote, local, ts, child);
	return text;
}

static const char *left_conf(const char *child)
{
	return conf(LEFT, RIGHT, NETWORKS, child);
}

static void begin(const char *l, const char *r, enum offload does)
{
	kernel = (struct route){ .wan = 3, .ppp = 5 };
	left = net_host(&net, LEFT, NULL, left_conf(l));
	right = net_host(&net, RIGHT, NULL, conf(RIGHT, LEFT, OTHERS, r));
	left->manager.routes.route = &kernel;
	right->manager.routes.route = &kernel;
	left->xfrm.does = does;
	right->xfrm.does = does;
}

static void initiate(void)
{
	struct conn *conn = config_find_conn(left->config, "gw");

	ike_manager_initiate(&left->manager, conn, conn->children, NULL);
	net_run(&net);
}

static void up(const char *l, const char *r, enum offload does)
{
	begin(l, r, does);
	initiate();
}

static struct child_sa *child_of(struct host *host)
{
	const struct ike_sa *sa = host_established(host);

	return sa ? sa->children : NULL;
}

static bool is_bypass(const struct fake_policy *p)
{
	return p->p.action == XFRM_PASS;
}

/* Policies that let IKE pass: each is the device's, and comes before all others. */
static unsigned int bypasses(const struct host *host)
{
	const struct fake_policy *p;
	unsigned int n = 0;

	for (p = host->xfrm.policies; p; p = p->next) {
		const struct ts *own = p->p.dir == XFRM_POLICY_OUT ? &p->p.src_ts : &p->p.dst_ts;

		if (!is_bypass(p))
			continue;
		n++;
		EXPECT(p->p.device && p->p.interface == p->p.device && p->p.priority == 32);
		EXPECT(own->protocol == IPPROTO_UDP && own->start_port == own->end_port &&
		       (own->start_port == 500 || own->start_port == 4500));
		EXPECT(!memcmp(own->start, own->end, sizeof(own->start)));
	}
	return n;
}

/* The others. */
static unsigned int policies(const struct host *host)
{
	return host_policies(host) - bypasses(host);
}

static void restart(const char *child)
{
	host_die(left);
	host_start(left, left_conf(child));
	left->manager.routes.route = &kernel;
	/* Only from here on it knows of addresses. */
	child_offload_network_changed(&left->manager);
}

static void rekey(struct host *host)
{
	REQUIRE(child_of(host));
	ike_manager_rekey_child(&host->manager, child_of(host)->unique_id);
	net_run(&net);
	EXPECT_EQ(host_end_lingering(left), 1);
	EXPECT_EQ(host_end_lingering(right), 1);
	EXPECT_EQ(host_states(left), 2);
}

static void down(void)
{
	REQUIRE(host_established(left));
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false, NULL);
	net_run(&net);
	EXPECT_EQ(host_states(left), 0);
	EXPECT_EQ(host_policies(left), 0);
	net_clear(&net);
}

/* Both its ESP SAs are left to the device so far, and its policies but the one of fwd. */
static void expect_offload(const struct host *host, enum offload offload)
{
	const struct fake_policy *p;
	const struct fake_state *s;

	EXPECT_EQ(host_states(host), 2);
	EXPECT_EQ(policies(host), 3);
	EXPECT_EQ(bypasses(host), offload == OFFLOAD_PACKET ? BYPASSES : 0);
	for (s = host->xfrm.states; s; s = s->next) {
		if (s->larval)
			continue;
		EXPECT_EQ(s->s.offload, offload);
		EXPECT_EQ(s->s.device, offload == OFFLOAD_NO ? 0 : kernel.wan);
	}
	for (p = host->xfrm.policies; p; p = p->next)
		if (!is_bypass(p))
			EXPECT_EQ(p->p.device, offload == OFFLOAD_PACKET &&
					       p->p.dir != XFRM_POLICY_FWD ? kernel.wan : 0);
}

/* However it comes to another one it is left to the device. */
static void goes_on(void)
{
	static const struct {
		const char *setting;
		enum offload does, offload;
	} v[] = {
		{ "hw_offload = yes", OFFLOAD_CRYPTO, OFFLOAD_CRYPTO },
		{ "hw_offload = crypto", OFFLOAD_PACKET, OFFLOAD_CRYPTO },
		{ "hw_offload = packet", OFFLOAD_PACKET, OFFLOAD_PACKET },
		{ "hw_offload = auto", OFFLOAD_PACKET, OFFLOAD_PACKET },
		{ "hw_offload = auto", OFFLOAD_CRYPTO, OFFLOAD_CRYPTO },
		{ "hw_offload = auto", OFFLOAD_NO, OFFLOAD_NO },
		{ "hw_offload = no", OFFLOAD_PACKET, OFFLOAD_NO },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		up(v[i].setting, "hw_offload = auto", v[i].does);
		expect_offload(left, v[i].offload);
		expect_offload(right, v[i].does);
		rekey(left);
		expect_offload(left, v[i].offload);
		rekey(right);
		expect_offload(left, v[i].offload);
		/* Nor does the next daemon forget, even where nothing is configured. */
		restart(v[i].setting);
		expect_offload(left, v[i].offload);
		rekey(left);
		expect_offload(left, v[i].offload);
		/* What a former one has is another one's, too, as it was. */
		host_config(left, left_conf("hw_offload = no"));
		rekey(right);
		expect_offload(left, v[i].offload);
		down();
	}
}

/* What the device does by now is what the next one gets, and its policies. */
static void does_other(void)
{
	up("hw_offload = auto", "hw_offload = auto", OFFLOAD_PACKET);
	left->xfrm.does = OFFLOAD_CRYPTO;
	rekey(left);
	expect_offload(left, OFFLOAD_CRYPTO);
	expect_offload(right, OFFLOAD_PACKET);
	left->xfrm.does = OFFLOAD_PACKET;
	rekey(right);
	expect_offload(left, OFFLOAD_PACKET);
	left->xfrm.does = OFFLOAD_NO;
	rekey(right);
	expect_offload(left, OFFLOAD_NO);
	down();
}

/* Policies are refused: of whole packets there is nothing left, with auto. */
static void no_policies(void)
{
	begin("hw_offload = auto", "", OFFLOAD_PACKET);
	left->xfrm.no_policies = true;
	initiate();
	expect_offload(left, OFFLOAD_CRYPTO);
	rekey(right);
	expect_offload(left, OFFLOAD_CRYPTO);
	down();

	begin("hw_offload = packet", "", OFFLOAD_PACKET);
	left->xfrm.no_policies = true;
	initiate();
	EXPECT(!child_of(left) && !child_of(right));
	EXPECT_EQ(host_states(left), 0);
	EXPECT_EQ(host_policies(left), 0);
	net_clear(&net);
}

static void refused_of(const char *l, const char *r, enum offload does)
{
	up(l, r, does);
	EXPECT(host_established(left) && !child_of(left) && !child_of(right));
	EXPECT_EQ(host_states(left), 0);
	EXPECT_EQ(host_states(right), 0);
	EXPECT_EQ(host_policies(left), 0);
	EXPECT_EQ(host_policies(right), 0);
	net_clear(&net);
}

/* By a device, at either end; or there is none. */
static void refused(void)
{
	refused_of("hw_offload = yes", "", OFFLOAD_NO);
	refused_of("hw_offload = packet", "", OFFLOAD_CRYPTO);
	refused_of("", "hw_offload = crypto", OFFLOAD_NO);
	refused_of("", "hw_offload = packet", OFFLOAD_NO);

	begin("hw_offload = yes", "", OFFLOAD_PACKET);
	kernel.wan = 0;
	initiate();
	EXPECT(!child_of(left));
	net_clear(&net);

	begin("hw_offload = auto", "", OFFLOAD_PACKET);
	kernel.wan = 0;
	initiate();
	EXPECT(child_of(left));
	expect_offload(left, OFFLOAD_NO);
	down();
}

/* The IKE SA goes to another address of ours, and to a device that does less. */
static void move(const char *local)
{
	const struct ike_sa *sa = host_established(left);
	struct endpoint there;

	REQUIRE(sa && !endpoint_parse(&there, local, sa->local.port));
	ike_sa_moved((struct ike_sa *)sa, &there, &sa->remote);
}

static void moved(void)
{
	up("hw_offload = packet", "", OFFLOAD_PACKET);
	restart("hw_offload = packet");
	kernel.wan = 9;
	move("192.0.2.3");
	expect_offload(left, OFFLOAD_PACKET);
	net_clear(&net);

	up("hw_offload = auto", "", OFFLOAD_PACKET);
	left->xfrm.does = OFFLOAD_CRYPTO;
	move("192.0.2.3");
	expect_offload(left, OFFLOAD_NO);
	restart("hw_offload = auto");
	expect_offload(left, OFFLOAD_NO);
	rekey(left);
	expect_offload(left, OFFLOAD_CRYPTO);
	net_clear(&net);

	up("hw_offload = auto", "", OFFLOAD_CRYPTO);
	kernel.wan = 0;
	move("192.0.2.3");
	expect_offload(left, OFFLOAD_NO);
	net_clear(&net);
}

static void lose_all(struct host *host)
{
	const struct xfrm_mark none = { 0, 0 };
	const struct fake_state *s;

	while ((s = host->xfrm.states))
		xfrm_state_del(&host->xfrm, &s->dst, s->spi, none);
	while (host->xfrm.policies) {
		const struct xfrm_policy_key key = selector_key(&host->xfrm.policies->p);

		xfrm_policy_del(&host->xfrm, &key);
	}
}

/* A device that has been set down has nothing, and nothing of that is in the kernel. */
static void set_down(void)
{
	uint32_t spi;

	up("hw_offload = packet", "", OFFLOAD_PACKET);
	REQUIRE(child_of(left));
	spi = child_of(left)->spi_in;
	child_offload_network_changed(&left->manager);
	EXPECT(!child_of(left)->spent);
	/* Once more before another one is there. */
	for (unsigned int i = 0; i < 2; i++) {
		lose_all(left);
		child_offload_network_changed(&left->manager);
		EXPECT(child_of(left)->spent);
		EXPECT_EQ(policies(left), 3);
		EXPECT_EQ(bypasses(left), BYPASSES);
	}
	/* The other one is there before that is known: it has lost nothing but its policies. */
	lose_all(left);
	child_of(left)->timer.expired(&child_of(left)->timer);
	net_run(&net);
	REQUIRE(child_of(left));
	EXPECT(child_of(left)->spi_in != spi && !child_of(left)->next);
	EXPECT_EQ(bypasses(left), BYPASSES);
	child_offload_network_changed(&left->manager);
	EXPECT(!child_of(left)->spent);
	expect_offload(left, OFFLOAD_PACKET);
	expect_offload(right, OFFLOAD_NO);
	down();
}

static int install(struct errmsg *err)
{
	struct conn *conn = config_find_conn(left->config, "gw");

	return trap_install(&left->manager, conn, conn->children, true, err);
}

/* A trap's policies, too, and they change with its Child SA's. */
static void traps(void)
{
	const struct fake_policy *p;
	struct errmsg err;
	unsigned int n = 0;

	begin("hw_offload = packet", "", OFFLOAD_PACKET);
	EXPECT(!install(&err));
	for (p = left->xfrm.policies; p; p = p->next)
		n += !is_bypass(p) && p->p.device == kernel.wan;
	EXPECT_EQ(n, 2);
	EXPECT_EQ(bypasses(left), BYPASSES);
	initiate();
	expect_offload(left, OFFLOAD_PACKET);
	EXPECT_EQ(trap_uninstall(&left->manager, "gw", "net"), 1);
	expect_offload(left, OFFLOAD_PACKET);
	down();

	begin("hw_offload = packet", "", OFFLOAD_PACKET);
	left->xfrm.no_policies = true;
	EXPECT(install(&err));
	EXPECT_STR(err.text, "its policies could not be installed: the device does not do what hw_offload asks for: set it to auto, crypto or no");
	kernel.wan = 0;
	EXPECT(install(&err));
	EXPECT_STR(err.text, "there is no device for hw_offload");
	EXPECT_EQ(host_policies(left), 0);
	net_clear(&net);

	/* Kernels before 6.2 do not say so. */
	begin("hw_offload = auto", "", OFFLOAD_CRYPTO);
	left->xfrm.ignores_devices = true;
	EXPECT(!install(&err));
	EXPECT_EQ(host_policies(left), 3);
	EXPECT_EQ(bypasses(left), 0);
	for (p = left->xfrm.policies; p; p = p->next)
		EXPECT_EQ(p->p.device, 0);
	initiate();
	expect_offload(left, OFFLOAD_CRYPTO);
	EXPECT_EQ(trap_uninstall(&left->manager, "gw", "net"), 1);
	down();

	begin("hw_offload = packet", "", OFFLOAD_CRYPTO);
	left->xfrm.ignores_devices = true;
	EXPECT(install(&err));
	EXPECT_EQ(host_policies(left), 0);
	net_clear(&net);

	begin("hw_offload = auto", "", OFFLOAD_CRYPTO);
	left->xfrm.no_policies = true;
	EXPECT(!install(&err));
	initiate();
	expect_offload(left, OFFLOAD_CRYPTO);
	EXPECT_EQ(trap_uninstall(&left->manager, "gw", "net"), 1);
	down();
}

/* Those that let IKE pass are there once, however many want them, and of what addresses there are. */
static void passed(void)
{
	struct conn *conn;

	up("hw_offload = packet\n }\n more {\n esp_proposals = aes128gcm16\nhw_offload = packet\n"
	   "local_ts = 10.1.0.0/16[tcp]\nremote_ts = 10.2.0.0/16[tcp]\n", "", OFFLOAD_PACKET);
	conn = config_find_conn(left->config, "gw");
	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "more"), NULL);
	net_run(&net);
	REQUIRE(child_of(left) && child_of(left)->next);
	EXPECT_EQ(policies(left), 6);
	EXPECT_EQ(bypasses(left), BYPASSES);
	ike_manager_terminate_child(&left->manager, child_of(left)->unique_id, NULL);
	net_run(&net);
	EXPECT_EQ(policies(left), 3);
	EXPECT_EQ(bypasses(left), BYPASSES);
	kernel.more = true;
	child_offload_network_changed(&left->manager);
	EXPECT_EQ(bypasses(left), BYPASSES + 4);
	kernel.more = false;
	child_offload_network_changed(&left->manager);
	EXPECT_EQ(bypasses(left), BYPASSES);
	down();
}

/* One policy, that of what goes out, is for this interface; and there are two more. */
static void expect_bound(uint32_t index)
{
	const struct fake_policy *p;

	EXPECT_EQ(host_policies(left), 3);
	for (p = left->xfrm.policies; p; p = p->next)
		EXPECT_EQ(p->p.interface, p->p.dir == XFRM_POLICY_OUT ? index : 0);
}

static void bound(void)
{
	up("interface = ppp0", "", OFFLOAD_NO);
	expect_bound(5);
	rekey(right);
	expect_bound(5);
	restart("interface = ppp0");
	expect_bound(5);
	rekey(left);
	expect_bound(5);
	down();

	/* It goes; then another one comes in its place. */
	up("interface = ppp0", "", OFFLOAD_NO);
	kernel.ppp = 0;
	child_interface_network_changed(&left->manager);
	expect_bound(5);
	rekey(left);
	expect_bound(5);
	kernel.ppp = 6;
	child_interface_network_changed(&left->manager);
	expect_bound(6);
	restart("interface = ppp0");
	expect_bound(6);
	kernel.ppp = 7;
	/* This daemon may see it in time, or not. */
	rekey(left);
	expect_bound(7);
	down();

	begin("interface = ppp0", "", OFFLOAD_NO);
	kernel.ppp = 0;
	initiate();
	EXPECT(host_established(left) && !child_of(left));
	EXPECT_EQ(host_policies(left), 0);
	net_clear(&net);
}

/* What comes in is the same traffic, whichever interface the answers leave by. */
static void bound_two(void)
{
	const struct child_sa *child;

	up("interface = ppp0\n }\n more {\n esp_proposals = aes128gcm16\n" NETWORKS "interface = wan",
	   "", OFFLOAD_NO);
	ike_manager_initiate(&left->manager, left->config->conns,
			     conn_find_child(left->config->conns, "more"), NULL);
	net_run(&net);
	child = child_of(left);
	REQUIRE(child && child->next);
	EXPECT(child->bound_index != child->next->bound_index);
	EXPECT_EQ(child->reqid, child->next->reqid);
	EXPECT_EQ(host_policies(left), 4);
	down();
}

static void bound_traps(void)
{
	struct errmsg err;

	begin("interface = ppp0", "", OFFLOAD_NO);
	kernel.ppp = 0;
	EXPECT(install(&err));
	EXPECT_STR(err.text, "there is no interface 'ppp0'");
	kernel.ppp = 5;
	EXPECT(!install(&err));
	expect_bound(5);
	initiate();
	expect_bound(5);
	kernel.ppp = 6;
	child_interface_network_changed(&left->manager);
	expect_bound(6);
	EXPECT_EQ(trap_uninstall(&left->manager, "gw", "net"), 1);
	expect_bound(6);
	down();
}

static const struct ktap_test tests[] = {
	{ "hw_offload, rekeyed, killed", goes_on },
	{ "hw_offload, a device that changes", does_other },
	{ "hw_offload, no policies", no_policies },
	{ "hw_offload refused", refused },
	{ "hw_offload, another local address", moved },
	{ "hw_offload, the device set down", set_down },
	{ "hw_offload of traps", traps },
	{ "hw_offload and IKE", passed },
	{ "interface", bound },
	{ "interface, of two Child SAs", bound_two },
	{ "interface of traps", bound_traps },
};

KTAP_MAIN(tests)
