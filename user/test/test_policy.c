// SPDX-License-Identifier: GPL-2.0
/* Child SAs that want the same policy of the kernel's, each in its own words. */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "ktap.h"
#include "libnet.h"
#include "policy.h"

static struct net net;
static struct host *host;
static struct policy_table table;

static struct ts range(uint8_t first, uint8_t last)
{
	return (struct ts){
		.family = AF_INET, .end_port = 65535,
		.start = { 10, 1, 0, first }, .end = { 10, 1, 0, last },
	};
}

static const struct child_conf conf;

static struct child_sa child(uint32_t reqid, uint8_t first, uint8_t last)
{
	static struct ts_list all, remote[8];
	static unsigned int n;
	struct ts_list *r = &remote[n++ % 8];

	all.n = 1;
	all.v[0] = (struct ts){ .family = AF_INET, .end_port = 65535 };
	memset(all.v[0].end, 255, 4);
	r->n = 1;
	r->v[0] = range(first, last);
	return (struct child_sa){ .reqid = reqid, .conf = &conf, .local_ts = &all, .remote_ts = r };
}

static void begin(void)
{
	host = net_host(&net, "192.0.2.1", NULL, "connections {\n}\n");
	memset(&table, 0, sizeof(table));
}

static void end(void)
{
	EXPECT_EQ(host_policies(host), 0);
	policy_clear(&table);
	net_clear(&net);
}

/* XFRM has a prefix for a range: 10.1.0.0/24 for both. */
static void ranges(void)
{
	struct child_sa prefix = child(1, 0, 255), part = child(2, 0, 200);
	struct child_sa half = child(3, 0, 127);

	begin();
	EXPECT(!policy_install(&table, host->manager.xfrm, &prefix));
	EXPECT_EQ(host_policies(host), 3);
	EXPECT(!policy_install(&table, host->manager.xfrm, &part));
	EXPECT_EQ(host_policies(host), 3);
	EXPECT(!policy_install(&table, host->manager.xfrm, &half));
	EXPECT_EQ(host_policies(host), 6);
	/* Theirs is the same policy, but they are not the same. */
	EXPECT(!policy_shared(&table, &prefix));
	EXPECT(!policy_shared(&table, &part));
	policy_remove(&table, host->manager.xfrm, &part);
	EXPECT_EQ(host_policies(host), 6);
	policy_remove(&table, host->manager.xfrm, &half);
	EXPECT_EQ(host_policies(host), 3);
	policy_remove(&table, host->manager.xfrm, &prefix);
	end();
}

/* One Child SA may say it twice. */
static void twice(void)
{
	struct child_sa both = child(1, 0, 255);
	struct ts_list list = *both.remote_ts;

	begin();
	list.v[list.n++] = range(0, 200);
	both.remote_ts = &list;
	EXPECT(!policy_install(&table, host->manager.xfrm, &both));
	EXPECT_EQ(host_policies(host), 3);
	EXPECT(!policy_move(&table, host->manager.xfrm, &both));
	EXPECT_EQ(host_policies(host), 3);
	policy_remove(&table, host->manager.xfrm, &both);
	end();
}

/* What says the same is left as it is: each that is installed disturbs the traffic. */
static void same_words(void)
{
	struct child_sa first = child(1, 0, 255), second = child(1, 0, 255), other = child(2, 0, 255);

	begin();
	EXPECT(!policy_install(&table, host->manager.xfrm, &first));
	host->xfrm.installed = 0;
	EXPECT(!policy_install(&table, host->manager.xfrm, &second));
	policy_remove(&table, host->manager.xfrm, &first);
	EXPECT_EQ(host->xfrm.installed, 0);
	EXPECT_EQ(host_policies(host), 3);

	EXPECT(!policy_install(&table, host->manager.xfrm, &other));
	EXPECT_EQ(host->xfrm.installed, 3);
	policy_remove(&table, host->manager.xfrm, &other);
	EXPECT_EQ(host->xfrm.installed, 6);
	policy_remove(&table, host->manager.xfrm, &second);
	end();
}

/* A daemon before may have died when it had taken it out of the kernel. */
static void adopted(void)
{
	struct child_sa old = child(1, 0, 255), new = child(1, 0, 255);

	begin();
	policy_adopt_begin(&table);
	EXPECT(!policy_adopt(&table, &old));
	policy_adopt_end(&table, host->manager.xfrm, true);
	EXPECT_EQ(host_policies(host), 0);
	EXPECT(!policy_install(&table, host->manager.xfrm, &new));
	EXPECT_EQ(host_policies(host), 3);
	policy_remove(&table, host->manager.xfrm, &old);
	EXPECT_EQ(host_policies(host), 3);
	policy_remove(&table, host->manager.xfrm, &new);
	end();
}

/* What is for another interface now is refused: all that it had stays. */
static void refused(void)
{
	struct child_sa bound = child(1, 0, 255);

	begin();
	bound.bound_index = 1;
	EXPECT(!policy_install(&table, host->manager.xfrm, &bound));
	bound.bound_index = 2;
	host->xfrm.fail_policies = true;
	EXPECT(policy_install(&table, host->manager.xfrm, &bound));
	host->xfrm.fail_policies = false;
	EXPECT_EQ(host_policies(host), 3);
	bound.bound_index = 1;
	host->xfrm.installed = 0;
	EXPECT(!policy_move(&table, host->manager.xfrm, &bound));
	EXPECT_EQ(host->xfrm.installed, 3);
	policy_remove(&table, host->manager.xfrm, &bound);
	end();
}

static const struct ktap_test tests[] = {
	{ "ranges of one prefix", ranges },
	{ "one Child SA's", twice },
	{ "of the same words", same_words },
	{ "a daemon's before", adopted },
	{ "refused for another interface", refused },
};

KTAP_MAIN(tests)
