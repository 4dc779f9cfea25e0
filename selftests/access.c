// SPDX-License-Identifier: GPL-2.0
/* Who may ask, and what is told: privileges, listings, and keys that never come back. */

#include "kselftest_harness.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <sched.h>
#include <sys/syscall.h>

#include "client.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "rawnl.h"
#include "sk.h"

#define SPI 0x1111222233334444ull
#define SAS 2000

FIXTURE(access)
{
};

FIXTURE_SETUP(access)
{
	netns_new();
}

FIXTURE_TEARDOWN(access)
{
}

static void drop_net_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		die("capget: %s", strerror(errno));
	data[0].effective &= ~(1u << CAP_NET_ADMIN);
	data[0].permitted &= ~(1u << CAP_NET_ADMIN);
	data[0].inheritable &= ~(1u << CAP_NET_ADMIN);
	if (syscall(SYS_capset, &header, data))
		die("capset: %s", strerror(errno));
}

static void new_user_namespace(int flags)
{
	uid_t uid = getuid();
	char map[64];
	int file;

	if (unshare(CLONE_NEWUSER | flags))
		die("cannot make a user namespace: %s", strerror(errno));
	snprintf(map, sizeof(map), "0 %u 1", uid);
	file = open("/proc/self/uid_map", O_WRONLY);
	if (file < 0 || write(file, map, strlen(map)) < 0)
		die("cannot map users: %s", strerror(errno));
	close(file);
}

/* The errno of joining the group of events. */
static int join_monitor(void)
{
	struct nl_sock *sock = nl_socket_alloc();
	int group, on, err = 0;

	if (!sock || genl_connect(sock))
		die("cannot open a netlink socket");
	group = genl_ctrl_resolve_grp(sock, IKEFP_FAMILY_NAME, IKEFP_MCGRP_MONITOR);
	if (group < 0)
		die("the family has no group %s", IKEFP_MCGRP_MONITOR);
	on = group;
	if (setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &on,
		       sizeof(on)))
		err = -errno;
	nl_socket_free(sock);
	return err;
}

static const int commands[] = {
	IKEFP_CMD_LISTENER_ADD, IKEFP_CMD_LISTENER_DEL, IKEFP_CMD_LISTENER_GET,
	IKEFP_CMD_WORKER_ATTACH, IKEFP_CMD_SA_NEW, IKEFP_CMD_SA_SET, IKEFP_CMD_SA_DEL,
	IKEFP_CMD_SA_GET, IKEFP_CMD_MESSAGE_SEND, IKEFP_CMD_POLICY_SET, IKEFP_CMD_POLICY_GET,
	IKEFP_CMD_STATS_GET, IKEFP_CMD_WORKER_GET, IKEFP_CMD_SA_ADOPT,
};

static void expect_refused(struct __test_metadata *_metadata)
{
	static const int dumps[] = {
		IKEFP_CMD_LISTENER_GET, IKEFP_CMD_SA_GET, IKEFP_CMD_WORKER_GET,
	};
	struct rawnl rawnl = rawnl_open();
	struct verdict verdict;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		verdict = rawnl_do(&rawnl, rawnl_request(&rawnl, commands[i], 0));
		EXPECT_EQ(-EPERM, verdict.err) {
			TH_LOG("command %d", commands[i]);
		}
		verdict_free(&verdict);
	}
	for (i = 0; i < ARRAY_SIZE(dumps); i++) {
		verdict = rawnl_do(&rawnl, rawnl_request(&rawnl, dumps[i], NLM_F_DUMP));
		EXPECT_EQ(-EPERM, verdict.err) {
			TH_LOG("dump %d", dumps[i]);
		}
		EXPECT_EQ(0, verdict.replies);
		verdict_free(&verdict);
	}
	EXPECT_EQ(-EPERM, join_monitor());
	rawnl_close(&rawnl);
}

/* The same commands pass when nothing is missing but their attributes. */
static void expect_allowed(struct __test_metadata *_metadata)
{
	struct rawnl rawnl = rawnl_open();
	struct verdict verdict;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		verdict = rawnl_do(&rawnl, rawnl_request(&rawnl, commands[i], 0));
		EXPECT_NE(-EPERM, verdict.err) {
			TH_LOG("command %d", commands[i]);
		}
		EXPECT_GE(0, verdict.err);
		verdict_free(&verdict);
	}
	EXPECT_EQ(0, join_monitor());
	rawnl_close(&rawnl);
}

/* A connection is handed down by who may administer the host, and nobody else. */
static int hand_down(void)
{
	struct rawnl rawnl = rawnl_open();
	struct verdict verdict = rawnl_do(&rawnl, rawnl_request(&rawnl, IKEFP_CMD_STREAM_ADD, 0));
	int err = verdict.err;

	verdict_free(&verdict);
	rawnl_close(&rawnl);
	return err;
}

TEST_F(access, root)
{
	expect_allowed(_metadata);
	EXPECT_EQ(-EINVAL, hand_down());
}

TEST_F(access, without_net_admin)
{
	drop_net_admin();
	expect_refused(_metadata);
}

/* A capability in a namespace that does not own this network. */
TEST_F(access, foreign_user_namespace)
{
	new_user_namespace(0);
	expect_refused(_metadata);
}

TEST_F(access, own_user_namespace)
{
	static const int limits[] = {
		IKEFP_A_POLICY_MAX_SAS,
		IKEFP_A_POLICY_MAX_HALF_OPEN,
		IKEFP_A_POLICY_MAX_CACHE_OCTETS,
		IKEFP_A_POLICY_MAX_WAITING_OCTETS,
		IKEFP_A_POLICY_MAX_STASH_OCTETS,
		IKEFP_A_POLICY_MAX_REASSEMBLY_OCTETS,
	};
	struct ikefp_policy policy = {};
	struct client *client;
	size_t i;

	new_user_namespace(CLONE_NEWNET);
	expect_allowed(_metadata);
	EXPECT_EQ(-EPERM, hand_down());
	/* But memory, which is everybody's, stays within the defaults. */
	client = client_open(0);
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		ASSERT_EQ(0, ikefp_policy_get(client->nl, &policy));
		memset(policy.set, 0, sizeof(policy.set));
		policy.set[limits[i]] = true;
		EXPECT_EQ(0, ikefp_policy_set(client->nl, &policy));
		policy.value[limits[i]]++;
		EXPECT_EQ(-EPERM, ikefp_policy_set(client->nl, &policy));
		EXPECT_STREQ("above the default takes CAP_NET_ADMIN in the initial user namespace",
			     ikefp_nl_error(client->nl));
		policy.value[limits[i]] = 1;
		EXPECT_EQ(0, ikefp_policy_set(client->nl, &policy));
	}
	client_close(client);
	drop_net_admin();
	expect_refused(_metadata);
}

/* A socket that was opened by one who may is of no use to one who may not. */
TEST_F(access, socket_handed_down)
{
	struct rawnl rawnl = rawnl_open();
	struct verdict verdict;

	verdict = rawnl_do(&rawnl, rawnl_request(&rawnl, IKEFP_CMD_POLICY_GET, 0));
	EXPECT_EQ(0, verdict.err);
	verdict_free(&verdict);
	drop_net_admin();
	verdict = rawnl_do(&rawnl, rawnl_request(&rawnl, IKEFP_CMD_POLICY_GET, 0));
	EXPECT_EQ(-EPERM, verdict.err);
	verdict_free(&verdict);
	rawnl_close(&rawnl);
}

struct listing {
	int number;
	int strange;
	uint8_t seen[SAS];
};

static void see_sa(const struct ikefp_sa_info *info, void *arg)
{
	struct listing *listing = arg;
	uint64_t index = info->spi - SPI;

	listing->number++;
	if (index >= SAS || info->role != IKEFP_ROLE_INITIATOR)
		listing->strange++;
	else
		listing->seen[index]++;
}

static void new_sas(struct client *client)
{
	const struct ikefp_endpoint endpoint = {
		.local = address("127.0.0.1", 500),
		.remote = address("127.0.0.2", 500),
	};
	int i;

	client_listen(client, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500);
	for (i = 0; i < SAS; i++) {
		if (ikefp_sa_new(client->nl, SPI + i, &endpoint))
			die("sa-new: %s", ikefp_nl_error(client->nl));
	}
}

TEST_F(access, many_sas)
{
	struct client *client = client_open(0);
	static struct listing listing;
	int i;

	new_sas(client);
	EXPECT_COUNTED(client, "sas+2000 orphans+2000 orphaned+2000");
	ASSERT_EQ(0, ikefp_sa_list(client->nl, see_sa, &listing));
	EXPECT_EQ(SAS, listing.number);
	EXPECT_EQ(0, listing.strange);
	for (i = 0; i < SAS; i++)
		ASSERT_EQ(1, listing.seen[i]);
	for (i = 0; i < SAS; i++)
		ASSERT_EQ(0, ikefp_sa_del(client->nl, SPI + i));
	EXPECT_COUNTED(client, "sas-2000 orphans-2000");
	listing = (struct listing){};
	ASSERT_EQ(0, ikefp_sa_list(client->nl, see_sa, &listing));
	EXPECT_EQ(0, listing.number);
	client_close(client);
}

/* A part of a listing. Returns its length. */
static ssize_t read_part(struct rawnl *rawnl, uint8_t *octets, size_t size)
{
	ssize_t len = recv(rawnl->sock, octets, size, 0);

	if (len <= 0)
		die("no part of a listing");
	return len;
}

/* True when the listing is over. */
static bool count_part(uint8_t *octets, int len, struct listing *listing, bool *interrupted)
{
	struct nlattr *attrs[IKEFP_A_SA_MAX + 1];
	struct nlmsghdr *header;

	for (header = (struct nlmsghdr *)octets; nlmsg_ok(header, len);
	     header = nlmsg_next(header, &len)) {
		struct ikefp_sa_info info = {};

		if (header->nlmsg_flags & NLM_F_DUMP_INTR)
			*interrupted = true;
		if (header->nlmsg_type == NLMSG_DONE)
			return true;
		if (genlmsg_parse(header, 0, attrs, IKEFP_A_SA_MAX, NULL))
			die("a listing that cannot be read");
		info.spi = be64toh(nla_get_u64(attrs[IKEFP_A_SA_SPI]));
		see_sa(&info, listing);
	}
	return false;
}

/*
 * SAs go while the listing stands in its middle: each SA that is there all the time is
 * in it once. Strangers can bring that about, so that it is no inconsistency.
 */
TEST_F(access, listing_under_change)
{
	static uint8_t octets[256 * 1024];
	struct client *client = client_open(0);
	struct rawnl rawnl = rawnl_open();
	static struct listing listing;
	bool interrupted = false, over;
	struct nl_msg *msg;
	int i;

	new_sas(client);
	msg = rawnl_request(&rawnl, IKEFP_CMD_SA_GET, NLM_F_DUMP);
	ASSERT_LT(0, send(rawnl.sock, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0));
	over = count_part(octets, read_part(&rawnl, octets, sizeof(octets)), &listing,
			  &interrupted);
	ASSERT_FALSE(over);
	ASSERT_FALSE(interrupted);
	for (i = 0; i < SAS; i += 2)
		ASSERT_EQ(0, ikefp_sa_del(client->nl, SPI + i));
	while (!over)
		over = count_part(octets, read_part(&rawnl, octets, sizeof(octets)), &listing,
				  &interrupted);
	EXPECT_FALSE(interrupted);
	EXPECT_EQ(0, listing.strange);
	EXPECT_LT(listing.number, SAS);
	for (i = 1; i < SAS; i += 2)
		ASSERT_EQ(1, listing.seen[i]);
	nlmsg_free(msg);
	rawnl_close(&rawnl);
	client_close(client);
}

/* A listing that nobody reads to its end holds nothing back. */
TEST_F(access, listing_abandoned)
{
	struct client *client = client_open(0);
	struct rawnl rawnl = rawnl_open();
	struct nl_msg *msg;
	int i;

	new_sas(client);
	msg = rawnl_request(&rawnl, IKEFP_CMD_SA_GET, NLM_F_DUMP);
	ASSERT_LT(0, send(rawnl.sock, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0));
	rawnl_close(&rawnl);
	client_count_anew(client);
	for (i = 0; i < SAS; i++)
		ASSERT_EQ(0, ikefp_sa_del(client->nl, SPI + i));
	EXPECT_COUNTED(client, "sas-2000 orphans-2000");
	nlmsg_free(msg);
	client_close(client);
}

#define KEY_LEN 20

static struct nl_msg *set_keys(struct rawnl *rawnl, const uint8_t *ei, const uint8_t *er,
			       uint16_t encr)
{
	struct nl_msg *msg = rawnl_request(rawnl, IKEFP_CMD_SA_SET, 0);
	struct nlattr *nest;

	nla_put_u64(msg, IKEFP_A_SA_SPI, htobe64(SPI));
	nla_put_u64(msg, IKEFP_A_SA_PEER_SPI, htobe64(1));
	nest = nla_nest_start(msg, IKEFP_A_SA_KEYS | NLA_F_NESTED);
	nla_put_u16(msg, IKEFP_A_KEYS_ENCR, encr);
	nla_put(msg, IKEFP_A_KEYS_SK_EI, KEY_LEN, ei);
	nla_put(msg, IKEFP_A_KEYS_SK_ER, KEY_LEN, er);
	nla_nest_end(msg, nest);
	return msg;
}

/* Any eight octets of a key in a row would be too many. */
static bool has_key(const struct verdict *verdict, const uint8_t *key)
{
	int i;

	for (i = 0; i + 8 <= KEY_LEN; i++) {
		if (verdict_has(verdict, key + i, 8))
			return true;
	}
	return false;
}

/* In no answer to any command, nor in a refusal, which repeats what it refuses. */
TEST_F(access, keys_never_come_back)
{
	struct client *client = client_open(0);
	const struct ikefp_endpoint endpoint = {
		.local = address("127.0.0.1", 500),
		.remote = address("127.0.0.2", 500),
	};
	const struct ikefp_sa_change established = { .spi = SPI, .established = true };
	struct rawnl rawnl = rawnl_open();
	struct verdict verdicts[8];
	struct sk_keys keys;
	struct nl_msg *msg;
	uint64_t spi = htobe64(SPI);
	int number = 0;
	int i;

	sk_keys_make(&keys, &sk_algorithms[0]);
	client_listen(client, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500);
	/* No such SA; then an algorithm that is none; then good ones, and the same again. */
	verdicts[number++] = rawnl_do(&rawnl, set_keys(&rawnl, keys.ei, keys.er, 20));
	ASSERT_EQ(-ENOENT, verdicts[0].err);
	ASSERT_EQ(0, ikefp_sa_new(client->nl, SPI, &endpoint));
	verdicts[number++] = rawnl_do(&rawnl, set_keys(&rawnl, keys.ei, keys.er, 21));
	ASSERT_EQ(-EINVAL, verdicts[1].err);
	verdicts[number++] = rawnl_do(&rawnl, set_keys(&rawnl, keys.ei, keys.er, 20));
	ASSERT_EQ(0, verdicts[2].err);
	ASSERT_EQ(0, ikefp_sa_set(client->nl, &established));
	verdicts[number++] = rawnl_do(&rawnl, set_keys(&rawnl, keys.ei, keys.er, 20));
	ASSERT_EQ(-EEXIST, verdicts[3].err);
	/* The refusal does repeat the request: its SPI is there. */
	ASSERT_TRUE(verdict_has(&verdicts[3], &spi, sizeof(spi)));

	msg = rawnl_request(&rawnl, IKEFP_CMD_SA_GET, 0);
	nla_put_u64(msg, IKEFP_A_SA_SPI, htobe64(SPI));
	verdicts[number++] = rawnl_do(&rawnl, msg);
	ASSERT_EQ(1, verdicts[4].replies);
	verdicts[number++] = rawnl_do(&rawnl, rawnl_request(&rawnl, IKEFP_CMD_SA_GET,
							    NLM_F_DUMP));
	ASSERT_EQ(1, verdicts[5].replies);
	ASSERT_TRUE(verdict_has(&verdicts[5], &spi, sizeof(spi)));
	verdicts[number++] = rawnl_do(&rawnl, rawnl_request(&rawnl, IKEFP_CMD_STATS_GET, 0));
	for (i = 0; i < number; i++) {
		EXPECT_FALSE(has_key(&verdicts[i], keys.ei)) {
			TH_LOG("in answer %d", i);
		}
		EXPECT_FALSE(has_key(&verdicts[i], keys.er)) {
			TH_LOG("in answer %d", i);
		}
		verdict_free(&verdicts[i]);
	}
	rawnl_close(&rawnl);
	client_close(client);
}

MODULE_TEST_MAIN
