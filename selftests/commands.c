// SPDX-License-Identifier: GPL-2.0
/*
 * The commands: each in its plain form, then with each attribute wrong in turn. A
 * refusal is an errno, a sentence, and the attribute at fault.
 */

#include "kselftest_harness.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netlink/attr.h>

#include "client.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "rawnl.h"
#include "sk.h"
#include "trial.h"

#define SPI 0x1111222233334444ull
#define PEER_SPI 0x5555666677778888ull
#define NO_SPI 0x9999000099990000ull

FIXTURE(commands)
{
	struct rawnl rawnl;
	struct client *client;
};

FIXTURE_SETUP(commands)
{
	netns_new();
	self->rawnl = rawnl_open();
	self->client = client_open(0);
}

FIXTURE_TEARDOWN(commands)
{
	client_close(self->client);
	rawnl_close(&self->rawnl);
}

TEST_F(commands, listener_plain)
{
	const struct trial trials[] = {
		{ IKEFP_CMD_LISTENER_ADD, { U8(LISTENER(KIND), 0), U16(LISTENER(FAMILY), AF_INET),
					    BE16(LISTENER(PORT), 500) } },
		{ IKEFP_CMD_LISTENER_ADD, { U8(LISTENER(KIND), 1), U16(LISTENER(FAMILY), AF_INET),
					    U32(LISTENER(IPV4), LOOPBACK),
					    BE16(LISTENER(PORT), 4500) } },
		{ IKEFP_CMD_LISTENER_ADD, { U8(LISTENER(KIND), 1), U16(LISTENER(FAMILY), AF_INET6),
					    OCTETS(LISTENER(IPV6), 16),
					    BE16(LISTENER(PORT), 4500) } },
		{ IKEFP_CMD_LISTENER_GET, { U16(LISTENER(FAMILY), AF_INET),
					    BE16(LISTENER(PORT), 500) } },
		{ IKEFP_CMD_LISTENER_GET, { U16(LISTENER(FAMILY), AF_INET6),
					    BE16(LISTENER(PORT), 4500) } },
		{ IKEFP_CMD_LISTENER_DEL, { U16(LISTENER(FAMILY), AF_INET),
					    BE16(LISTENER(PORT), 500) } },
		{ IKEFP_CMD_LISTENER_DEL, { U16(LISTENER(FAMILY), AF_INET),
					    U32(LISTENER(IPV4), LOOPBACK),
					    BE16(LISTENER(PORT), 4500) } },
		{ IKEFP_CMD_LISTENER_DEL, { U16(LISTENER(FAMILY), AF_INET6),
					    BE16(LISTENER(PORT), 4500) } },
	};

	EXPECT_TRIALS(trials);
}

/* The three commands that name a listener refuse alike. */
TEST_F(commands, listener_refused)
{
	static const int commands[] = {
		IKEFP_CMD_LISTENER_ADD, IKEFP_CMD_LISTENER_DEL, IKEFP_CMD_LISTENER_GET,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		const int command = commands[i];
		const bool add = command == IKEFP_CMD_LISTENER_ADD;
		/* In place of a kind where none is taken: an attribute that stays the same. */
		const struct attribute given[] = {
			U8(LISTENER(KIND), 0), U16(LISTENER(FAMILY), AF_INET),
		};
		const struct attribute kind = given[add ? 0 : 1];
		const struct trial trials[] = {
			{ command, { kind, BE16(LISTENER(PORT), 500) }, add ? -EINVAL : -ENOENT,
			  add ? "family is missing" :
				"no listener is bound to just this address and port",
			  0, add ? LISTENER(FAMILY) : 0 },
			{ command, { kind, U16(LISTENER(FAMILY), AF_INET) }, -EINVAL,
			  "port is missing", 0, LISTENER(PORT) },
			{ command, { kind, U16(LISTENER(FAMILY), AF_UNIX),
				     BE16(LISTENER(PORT), 500) }, -EAFNOSUPPORT,
			  "family is neither AF_INET nor AF_INET6", LISTENER(FAMILY) },
			{ command, { kind, U16(LISTENER(FAMILY), AF_INET),
				     BE16(LISTENER(PORT), 0) }, -EINVAL,
			  "port is 0", LISTENER(PORT) },
			{ command, { kind, U16(LISTENER(FAMILY), AF_INET6),
				     U32(LISTENER(IPV4), LOOPBACK), BE16(LISTENER(PORT), 500) },
			  -EINVAL, "address is not of this family", LISTENER(IPV4) },
			{ command, { kind, U16(LISTENER(FAMILY), AF_INET),
				     OCTETS(LISTENER(IPV6), 16), BE16(LISTENER(PORT), 500) },
			  -EINVAL, "address is not of this family", LISTENER(IPV6) },
			{ command, { kind, U8(LISTENER(FAMILY), AF_INET),
				     BE16(LISTENER(PORT), 500) }, -EINVAL, WRONG_LENGTH,
			  LISTENER(FAMILY) },
			{ command, { kind, U32(LISTENER(FAMILY), AF_INET),
				     BE16(LISTENER(PORT), 500) }, -EINVAL, WRONG_LENGTH,
			  LISTENER(FAMILY) },
			{ command, { kind, U16(LISTENER(FAMILY), AF_INET),
				     U32(LISTENER(PORT), 500) }, -EINVAL, WRONG_LENGTH,
			  LISTENER(PORT) },
			{ command, { kind, U16(LISTENER(FAMILY), AF_INET),
				     U16(LISTENER(IPV4), 1), BE16(LISTENER(PORT), 500) },
			  -EINVAL, WRONG_LENGTH, LISTENER(IPV4) },
			{ command, { kind, U16(LISTENER(FAMILY), AF_INET6),
				     OCTETS(LISTENER(IPV6), 15), BE16(LISTENER(PORT), 500) },
			  -ERANGE, NOT_EXACT, LISTENER(IPV6) },
			{ command, { kind, U16(LISTENER(FAMILY), AF_INET6),
				     OCTETS(LISTENER(IPV6), 17), BE16(LISTENER(PORT), 500) },
			  -ERANGE, NOT_EXACT, LISTENER(IPV6) },
			{ command, { kind, U16(LISTENER(FAMILY), AF_INET),
				     BE16(LISTENER(PORT), 500), U32(LISTENER(MAX) + 1, 0) },
			  -EINVAL, UNKNOWN, LISTENER(MAX) + 1 },
			{ command, { kind, U16(LISTENER(FAMILY) | NLA_F_NESTED, AF_INET),
				     BE16(LISTENER(PORT), 500) },
			  -EINVAL, "NLA_F_NESTED not expected", LISTENER(FAMILY) },
		};

		EXPECT_TRIALS(trials);
	}
}

TEST_F(commands, listener_add_refused)
{
	const struct trial trials[] = {
		{ IKEFP_CMD_LISTENER_ADD, { U16(LISTENER(FAMILY), AF_INET),
					    BE16(LISTENER(PORT), 500) }, -EINVAL,
		  "kind is missing", 0, LISTENER(KIND) },
		{ IKEFP_CMD_LISTENER_ADD, { U8(LISTENER(KIND), 2), U16(LISTENER(FAMILY), AF_INET),
					    BE16(LISTENER(PORT), 500) }, -ERANGE,
		  OUT_OF_RANGE, LISTENER(KIND) },
		{ IKEFP_CMD_LISTENER_ADD, { U16(LISTENER(KIND), 1), U16(LISTENER(FAMILY), AF_INET),
					    BE16(LISTENER(PORT), 500) }, -EINVAL,
		  WRONG_LENGTH, LISTENER(KIND) },
		{ IKEFP_CMD_LISTENER_DEL, { U8(LISTENER(KIND), 1), U16(LISTENER(FAMILY), AF_INET),
					    BE16(LISTENER(PORT), 500) }, -EINVAL,
		  UNSUPPORTED, LISTENER(KIND) },
		{ IKEFP_CMD_LISTENER_GET, { U8(LISTENER(KIND), 1), U16(LISTENER(FAMILY), AF_INET),
					    BE16(LISTENER(PORT), 500) }, -EINVAL,
		  UNSUPPORTED, LISTENER(KIND) },
		/* An address that is not ours: the socket's own errno. */
		{ IKEFP_CMD_LISTENER_ADD, { U8(LISTENER(KIND), 1), U16(LISTENER(FAMILY), AF_INET),
					    U32(LISTENER(IPV4), htonl(0x08080808)),
					    BE16(LISTENER(PORT), 500) }, -EADDRNOTAVAIL,
		  "cannot bind to this address and port" },
		{ IKEFP_CMD_LISTENER_ADD, { U8(LISTENER(KIND), 1), U16(LISTENER(FAMILY), AF_INET),
					    BE16(LISTENER(PORT), 500) } },
		{ IKEFP_CMD_LISTENER_ADD, { U8(LISTENER(KIND), 0), U16(LISTENER(FAMILY), AF_INET),
					    BE16(LISTENER(PORT), 500) }, -EEXIST,
		  "there is a listener on this address and port" },
		/* A listener of every address is not found by one of them. */
		{ IKEFP_CMD_LISTENER_DEL, { U16(LISTENER(FAMILY), AF_INET),
					    U32(LISTENER(IPV4), LOOPBACK),
					    BE16(LISTENER(PORT), 500) }, -ENOENT,
		  "no listener is bound to just this address and port" },
	};

	EXPECT_TRIALS(trials);
}

TEST_F(commands, without_attributes)
{
	const struct trial trials[] = {
		{ IKEFP_CMD_POLICY_GET },
		{ IKEFP_CMD_STATS_GET },
		/* The one attribute that their sets have in their range is not taken either. */
		{ IKEFP_CMD_POLICY_GET, { U32(POLICY(PAD), 0) }, -EINVAL, UNSUPPORTED,
		  POLICY(PAD) },
		{ IKEFP_CMD_POLICY_GET, { U32(POLICY(TRIES), 0) }, -EINVAL, UNKNOWN,
		  POLICY(TRIES) },
		{ IKEFP_CMD_STATS_GET, { U32(IKEFP_A_STATS_PAD, 0) }, -EINVAL, UNSUPPORTED,
		  IKEFP_A_STATS_PAD },
		{ IKEFP_CMD_STATS_GET, { U64(IKEFP_A_STATS_SAS, 0) }, -EINVAL, UNKNOWN,
		  IKEFP_A_STATS_SAS },
		/* What is no request, or nothing at all. */
		{ IKEFP_CMD_MESSAGE_RECV, {}, -EOPNOTSUPP },
		{ IKEFP_CMD_EXCHANGE_TIMEOUT, {}, -EOPNOTSUPP },
		{ IKEFP_CMD_SA_EXPIRED, {}, -EOPNOTSUPP },
		{ IKEFP_CMD_MONITOR_EVENT, {}, -EOPNOTSUPP },
		{ IKEFP_CMD_MAX + 1, {}, -EOPNOTSUPP },
		{ 255, {}, -EOPNOTSUPP },
	};

	EXPECT_TRIALS(trials);
}

/* What can be wrong with a socket, tcp-streams.c has. */
TEST_F(commands, streams)
{
	const struct trial trials[] = {
		{ IKEFP_CMD_STREAM_ADD, {}, -EINVAL, "fd is missing", 0, STREAM(FD) },
		{ IKEFP_CMD_STREAM_ADD, { U32(STREAM(FD), 0) }, -EINVAL, "originator is missing",
		  0, STREAM(ORIGINATOR) },
		{ IKEFP_CMD_STREAM_ADD, { U32(STREAM(FD), 99999), U8(STREAM(ORIGINATOR), 0) },
		  -EBADF, "fd is no socket of the caller's", STREAM(FD) },
		{ IKEFP_CMD_STREAM_ADD, { U32(STREAM(FD), 0), U8(STREAM(ORIGINATOR), 2) }, -ERANGE,
		  OUT_OF_RANGE, STREAM(ORIGINATOR) },
		{ IKEFP_CMD_STREAM_ADD, { U16(STREAM(FD), 0), U8(STREAM(ORIGINATOR), 1) }, -EINVAL,
		  WRONG_LENGTH, STREAM(FD) },
		{ IKEFP_CMD_STREAM_ADD, { U32(STREAM(FD), 0), U8(STREAM(ORIGINATOR), 1),
					  U32(STREAM(WORKER), 0xffff) }, -ENOENT,
		  "no worker has this port ID", STREAM(WORKER) },
		{ IKEFP_CMD_STREAM_ADD, { U32(STREAM(SAS), 0) }, -EINVAL, UNKNOWN, STREAM(SAS) },
		{ IKEFP_CMD_STREAM_DEL, {}, -EINVAL, "stream is missing", 0, STREAM(STREAM) },
		{ IKEFP_CMD_STREAM_DEL, { U32(STREAM(STREAM), 1) }, -ENOENT,
		  "no stream has this ID, or it has ended", STREAM(STREAM) },
		{ IKEFP_CMD_STREAM_DEL, { U32(STREAM(FD), 1) }, -EINVAL, UNKNOWN, STREAM(FD) },
		{ IKEFP_CMD_STREAM_GET, {}, -EINVAL, "stream is missing", 0, STREAM(STREAM) },
		{ IKEFP_CMD_STREAM_GET, { U32(STREAM(STREAM), 0) }, -ENOENT,
		  "no stream has this ID, or it has ended", STREAM(STREAM) },
		{ IKEFP_CMD_STREAM_CLOSED, {}, -EOPNOTSUPP },
	};

	EXPECT_TRIALS(trials);
}

TEST_F(commands, policy)
{
	static const struct {
		int setting;
		uint32_t least, most;
		const char *above;
	} ranges[] = {
		{ POLICY(RTO_INITIAL_MS), 10, 86400000, "time is longer than a day" },
		{ POLICY(RTO_MIN_MS), 10, 86400000, "time is longer than a day" },
		{ POLICY(RTO_MAX_MS), 10, 86400000, "time is longer than a day" },
		{ POLICY(BACKOFF_PERCENT), 100, 1000, OUT_OF_RANGE },
		{ POLICY(JITTER_PERCENT), 0, 100, OUT_OF_RANGE },
		{ POLICY(TRIES), 0, 1000, OUT_OF_RANGE },
		{ POLICY(GIVE_UP_MS), 10, 86400000, "time is longer than a day" },
		{ POLICY(HALF_OPEN_MS), 10, 86400000, "time is longer than a day" },
		{ POLICY(LINGER_MS), 0, 86400000, "time is longer than a day" },
		{ POLICY(MAX_SAS), 0, UINT32_MAX, NULL },
		{ POLICY(MAX_HALF_OPEN), 0, UINT32_MAX, NULL },
		{ POLICY(MAX_HALF_OPEN_SOURCE), 0, UINT32_MAX, NULL },
		{ POLICY(COOKIE_HALF_OPEN), 0, UINT32_MAX, NULL },
		{ POLICY(COOKIE_HALF_OPEN_SOURCE), 0, UINT32_MAX, NULL },
		{ POLICY(COOKIE_RATE), 1, 1000000, "rate is above a million a second" },
		{ POLICY(COOKIE_SECRET_MS), 10, 86400000, "time is longer than a day" },
		{ POLICY(SOURCE_RATE), 1, 1000000, "rate is above a million a second" },
		{ POLICY(INIT_RATE), 1, 1000000, "rate is above a million a second" },
		{ POLICY(SOURCE_PREFIX_IPV4), 0, 32, OUT_OF_RANGE },
		{ POLICY(SOURCE_PREFIX_IPV6), 0, 128, OUT_OF_RANGE },
		{ POLICY(MAX_CACHE_OCTETS), 0, UINT32_MAX, NULL },
		{ POLICY(ORPHAN_MS), 10, 86400000, "time is longer than a day" },
		{ POLICY(MAX_WAITING_OCTETS), 0, UINT32_MAX, NULL },
		{ POLICY(MAX_STASH_OCTETS), 0, UINT32_MAX, NULL },
		{ POLICY(REASSEMBLY_MS), 10, 86400000, "time is longer than a day" },
		{ POLICY(MAX_REASSEMBLY_OCTETS), 0, UINT32_MAX, NULL },
		{ POLICY(KEEPALIVE_MS), 0, 86400000, "time is longer than a day" },
		{ POLICY(HALF_OPEN_FLOOD_MS), 10, 86400000, "time is longer than a day" },
		{ POLICY(LIVENESS_MS), 0, 86400000, "time is longer than a day" },
		{ POLICY(MAX_STREAMS), 0, UINT32_MAX, NULL },
		{ POLICY(MAX_STREAM_OCTETS), 0, UINT32_MAX, NULL },
	};
	struct ikefp_policy before, after, change;
	size_t i;

	ASSERT_EQ(IKEFP_A_POLICY_MAX - 1, (int)ARRAY_SIZE(ranges));
	client_set(self->client, POLICY(RTO_MAX_MS), 86400000);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		const int setting = ranges[i].setting;
		const struct trial too_short[] = {
			{ IKEFP_CMD_POLICY_SET, { U16(setting, ranges[i].least) }, -EINVAL,
			  WRONG_LENGTH, setting },
			{ IKEFP_CMD_POLICY_SET, { U64(setting, ranges[i].least) }, -EINVAL,
			  WRONG_LENGTH, setting },
		};
		const struct trial below = {
			IKEFP_CMD_POLICY_SET, { U32(setting, ranges[i].least - 1) }, -ERANGE,
			OUT_OF_RANGE, setting,
		};
		const struct trial above = {
			IKEFP_CMD_POLICY_SET, { U32(setting, ranges[i].most + 1) }, -ERANGE,
			ranges[i].above, setting,
		};

		ASSERT_EQ(0, ikefp_policy_get(self->client->nl, &before));
		EXPECT_TRIALS(too_short);
		if (ranges[i].least)
			expect_trials(_metadata, &self->rawnl, &below, 1);
		if (ranges[i].most < UINT32_MAX)
			expect_trials(_metadata, &self->rawnl, &above, 1);
		ASSERT_EQ(0, ikefp_policy_get(self->client->nl, &after));
		EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));

		/* The ends of the range are in it; and just this setting changes. */
		client_set(self->client, setting, ranges[i].most);
		before.value[setting] = ranges[i].most;
		ASSERT_EQ(0, ikefp_policy_get(self->client->nl, &after));
		EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
		if (setting != POLICY(RTO_MAX_MS)) {
			client_set(self->client, setting, ranges[i].least);
			ASSERT_EQ(0, ikefp_policy_get(self->client->nl, &after));
			EXPECT_EQ(ranges[i].least, after.value[setting]);
		}
	}

	/* All or nothing. */
	ASSERT_EQ(0, ikefp_policy_get(self->client->nl, &before));
	change = (struct ikefp_policy){};
	change.set[POLICY(TRIES)] = true;
	change.set[POLICY(RTO_MIN_MS)] = true;
	change.set[POLICY(RTO_MAX_MS)] = true;
	change.value[POLICY(TRIES)] = 7;
	change.value[POLICY(RTO_MIN_MS)] = 1000;
	change.value[POLICY(RTO_MAX_MS)] = 999;
	EXPECT_EQ(-ERANGE, ikefp_policy_set(self->client->nl, &change));
	EXPECT_STREQ("rto-max-ms would be less than rto-min-ms",
		     ikefp_nl_error(self->client->nl));
	ASSERT_EQ(0, ikefp_policy_get(self->client->nl, &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
}

TEST_F(commands, policy_unknown)
{
	const struct trial trials[] = {
		{ IKEFP_CMD_POLICY_SET },
		{ IKEFP_CMD_POLICY_SET, { U32(POLICY(MAX) + 1, 1) }, -EINVAL, UNKNOWN,
		  POLICY(MAX) + 1 },
		{ IKEFP_CMD_POLICY_SET, { U32(POLICY(PAD), 1) }, -EINVAL, UNSUPPORTED,
		  POLICY(PAD) },
		{ IKEFP_CMD_POLICY_SET, { U32(POLICY(TRIES) | NLA_F_NESTED, 1) }, -EINVAL,
		  "NLA_F_NESTED not expected", POLICY(TRIES) },
	};

	EXPECT_TRIALS(trials);
}

/* The settings of a namespace that nobody has changed, as the module's documents say. */
TEST_F(commands, policy_defaults)
{
	static const uint32_t defaults[] = {
		[POLICY(RTO_INITIAL_MS)] = 500,	  [POLICY(RTO_MIN_MS)] = 200,
		[POLICY(RTO_MAX_MS)] = 5000,	  [POLICY(BACKOFF_PERCENT)] = 150,
		[POLICY(JITTER_PERCENT)] = 10,	  [POLICY(TRIES)] = 0,
		[POLICY(GIVE_UP_MS)] = 60000,	  [POLICY(HALF_OPEN_MS)] = 30000,
		[POLICY(LINGER_MS)] = 30000,	  [POLICY(MAX_SAS)] = 200000,
		[POLICY(MAX_HALF_OPEN)] = 1000,	  [POLICY(MAX_HALF_OPEN_SOURCE)] = 100,
		[POLICY(COOKIE_HALF_OPEN)] = 100, [POLICY(COOKIE_HALF_OPEN_SOURCE)] = 10,
		[POLICY(COOKIE_RATE)] = 100,	  [POLICY(COOKIE_SECRET_MS)] = 60000,
		[POLICY(SOURCE_RATE)] = 50,	  [POLICY(INIT_RATE)] = 1000,
		[POLICY(SOURCE_PREFIX_IPV4)] = 32, [POLICY(SOURCE_PREFIX_IPV6)] = 64,
		[POLICY(MAX_CACHE_OCTETS)] = 128 << 20,
		[POLICY(ORPHAN_MS)] = 3600000,
		[POLICY(MAX_WAITING_OCTETS)] = 16777216,
		[POLICY(MAX_STASH_OCTETS)] = 268435456,
		[POLICY(REASSEMBLY_MS)] = 30000,
		[POLICY(MAX_REASSEMBLY_OCTETS)] = 16 << 20,
		[POLICY(KEEPALIVE_MS)] = 20000,	  [POLICY(LIVENESS_MS)] = 0,
		[POLICY(HALF_OPEN_FLOOD_MS)] = 5000,
		[POLICY(MAX_STREAMS)] = 50000,	  [POLICY(MAX_STREAM_OCTETS)] = 64 << 20,
	};
	struct ikefp_policy policy;
	int i;

	ASSERT_EQ(0, ikefp_policy_get(self->client->nl, &policy));
	for (i = POLICY(PAD) + 1; i <= POLICY(MAX); i++) {
		EXPECT_TRUE(policy.set[i]);
		EXPECT_EQ(defaults[i], policy.value[i]);
	}
	/* Another namespace has its own. */
	client_set(self->client, POLICY(TRIES), 3);
	netns_new();
	ASSERT_EQ(0, ikefp_policy_get(client_open(0)->nl, &policy));
	EXPECT_EQ(0, policy.value[POLICY(TRIES)]);
}

TEST_F(commands, stats_begin_at_zero)
{
	struct ikefp_stats stats;
	int i;

	ASSERT_EQ(0, ikefp_stats_get(self->client->nl, &stats));
	for (i = 0; i <= IKEFP_A_STATS_MAX; i++)
		EXPECT_EQ(0, stats.value[i]);
}

#define PATH_V4 U32(SA(LOCAL_IPV4), LOOPBACK), BE16(SA(LOCAL_PORT), 500), \
		U32(SA(REMOTE_IPV4), PEER_ADDR), BE16(SA(REMOTE_PORT), 500)

TEST_F(commands, sa_new)
{
	const struct trial trials[] = {
		{ IKEFP_CMD_SA_NEW, { PATH_V4 }, -EINVAL, "spi is missing", 0, SA(SPI) },
		{ IKEFP_CMD_SA_NEW, { U32(SA(SPI), 1), PATH_V4 }, -EINVAL, WRONG_LENGTH, SA(SPI) },
		{ IKEFP_CMD_SA_NEW, { OCTETS(SA(SPI), 9), PATH_V4 }, -EINVAL, WRONG_LENGTH,
		  SA(SPI) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), 0), PATH_V4 }, -EINVAL, "spi is 0", SA(SPI) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI) }, -EINVAL, "local address is missing",
		  0, SA(LOCAL_IPV6) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), U32(SA(REMOTE_IPV4), PEER_ADDR) },
		  -EINVAL, "local-ipv4 is missing", 0, SA(LOCAL_IPV4) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), U32(SA(LOCAL_IPV4), PEER_ADDR) },
		  -EINVAL, "remote-ipv4 is missing", 0, SA(REMOTE_IPV4) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), OCTETS(SA(LOCAL_IPV6), 16) },
		  -EINVAL, "remote address is missing", 0, SA(REMOTE_IPV6) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), OCTETS(SA(REMOTE_IPV6), 15) },
		  -ERANGE, NOT_EXACT, SA(REMOTE_IPV6) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), OCTETS(SA(LOCAL_IPV6), 17) },
		  -ERANGE, NOT_EXACT, SA(LOCAL_IPV6) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), U16(SA(LOCAL_IPV4), 1) },
		  -EINVAL, WRONG_LENGTH, SA(LOCAL_IPV4) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), OCTETS(SA(LOCAL_IPV6), 16),
				      OCTETS(SA(REMOTE_IPV6), 16) },
		  -EINVAL, "an SA's addresses cannot be ::" },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), U32(SA(LOCAL_IPV4), 0),
				      U32(SA(REMOTE_IPV4), PEER_ADDR) },
		  -EINVAL, "an SA's addresses cannot be 0.0.0.0" },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), PATH_V4, OCTETS(SA(LOCAL_IPV6), 16) },
		  -EINVAL, "IPv4 and IPv6 addresses together" },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), U32(SA(LOCAL_IPV4), LOOPBACK),
				      U32(SA(REMOTE_IPV4), PEER_ADDR),
				      BE16(SA(REMOTE_PORT), 500) },
		  -EINVAL, "local-port is missing", 0, SA(LOCAL_PORT) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), U32(SA(LOCAL_IPV4), LOOPBACK),
				      U32(SA(REMOTE_IPV4), PEER_ADDR),
				      BE16(SA(LOCAL_PORT), 500) },
		  -EINVAL, "remote-port is missing", 0, SA(REMOTE_PORT) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), U16(SA(REMOTE_PORT), 0) }, -ERANGE,
		  OUT_OF_RANGE, SA(REMOTE_PORT) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), U8(SA(IFINDEX), 1) }, -EINVAL,
		  WRONG_LENGTH, SA(IFINDEX) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), PATH_V4, U32(SA(IFINDEX), 1) }, -EINVAL,
		  "ifindex goes with a link-local IPv6 address alone", SA(IFINDEX) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), PATH_V4, U8(SA(ROLE), 0) }, -EINVAL,
		  UNSUPPORTED, SA(ROLE) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), PATH_V4, BE64(SA(PEER_SPI), 1) },
		  -EINVAL, UNSUPPORTED, SA(PEER_SPI) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), PATH_V4, OCTETS(SA(KEYS), 0) },
		  -EINVAL, UNSUPPORTED, SA(KEYS) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), PATH_V4, U32(SA(MAX) + 1, 0) },
		  -EINVAL, UNKNOWN, SA(MAX) + 1 },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), PATH_V4 }, -EADDRNOTAVAIL,
		  "no listener serves this local address and port", SA(LOCAL_PORT) },
		{ IKEFP_CMD_LISTENER_ADD, { U8(LISTENER(KIND), 0), U16(LISTENER(FAMILY), AF_INET),
					    BE16(LISTENER(PORT), 500) } },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), PATH_V4, U16(SA(WORKER), 1) }, -EINVAL,
		  WRONG_LENGTH, SA(WORKER) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), PATH_V4, U32(SA(WORKER), 7) }, -ENOENT,
		  "no worker has this port ID", SA(WORKER) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), PATH_V4, U8(SA(DSCP), 64) }, -ERANGE,
		  OUT_OF_RANGE, SA(DSCP) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), PATH_V4, U16(SA(DSCP), 46) }, -EINVAL,
		  WRONG_LENGTH, SA(DSCP) },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), PATH_V4, U8(SA(DSCP), 63) } },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI), PATH_V4 }, -EEXIST,
		  "another SA has this SPI", SA(SPI) },
		{ IKEFP_CMD_POLICY_SET, { U32(POLICY(MAX_SAS), 1) } },
		{ IKEFP_CMD_SA_NEW, { BE64(SA(SPI), SPI + 1), PATH_V4 }, -ENOSPC,
		  "there are max-sas SAs already" },
	};

	EXPECT_TRIALS(trials);
	/* Without a worker it is nobody's. */
	EXPECT_COUNTED(self->client, "sas+1 orphans+1 orphaned+1");
}

/* A link-local peer is nothing without its link. */
TEST_F(commands, sa_new_link_local)
{
	struct ikefp_endpoint endpoint = {
		.local = address("fe80::1", 500),
		.remote = address("fe80::2", 500),
	};

	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, "::", 500);
	EXPECT_EQ(-EINVAL, ikefp_sa_new(self->client->nl, SPI, &endpoint));
	EXPECT_STREQ("ifindex is missing for a link-local address",
		     ikefp_nl_error(self->client->nl));
	((struct sockaddr_in6 *)&endpoint.remote)->sin6_scope_id = 1;
	EXPECT_EQ(0, ikefp_sa_new(self->client->nl, SPI, &endpoint));
}

static void new_sa(struct client *client, uint64_t spi)
{
	const struct ikefp_endpoint endpoint = {
		.local = address("127.0.0.1", 500),
		.remote = address("127.0.0.2", 500),
	};

	if (ikefp_sa_new(client->nl, spi, &endpoint))
		die("sa-new: %s", ikefp_nl_error(client->nl));
}

TEST_F(commands, sa_get_and_del)
{
	const struct trial trials[] = {
		{ IKEFP_CMD_SA_GET, {}, -EINVAL, "spi is missing", 0, SA(SPI) },
		{ IKEFP_CMD_SA_DEL, {}, -EINVAL, "spi is missing", 0, SA(SPI) },
		{ IKEFP_CMD_SA_GET, { BE64(SA(SPI), NO_SPI) }, -ENOENT, "no SA has this SPI",
		  SA(SPI) },
		{ IKEFP_CMD_SA_DEL, { BE64(SA(SPI), NO_SPI) }, -ENOENT, "no SA has this SPI",
		  SA(SPI) },
		{ IKEFP_CMD_SA_GET, { U32(SA(SPI), 1) }, -EINVAL, WRONG_LENGTH, SA(SPI) },
		{ IKEFP_CMD_SA_DEL, { U32(SA(SPI), 1) }, -EINVAL, WRONG_LENGTH, SA(SPI) },
		{ IKEFP_CMD_SA_GET, { BE64(SA(SPI), SPI), U8(SA(ROLE), 0) }, -EINVAL, UNKNOWN,
		  SA(ROLE) },
		{ IKEFP_CMD_SA_DEL, { BE64(SA(SPI), SPI), U8(SA(ROLE), 0) }, -EINVAL, UNKNOWN,
		  SA(ROLE) },
		{ IKEFP_CMD_SA_DEL, { BE64(SA(SPI), SPI), OCTETS(SA(PAD), 0) }, -EINVAL,
		  UNSUPPORTED, SA(PAD) },
		{ IKEFP_CMD_SA_GET, { BE64(SA(SPI), SPI) } },
		{ IKEFP_CMD_SA_DEL, { BE64(SA(SPI), SPI) } },
		{ IKEFP_CMD_SA_DEL, { BE64(SA(SPI), SPI) }, -ENOENT, "no SA has this SPI",
		  SA(SPI) },
	};
	const struct sockaddr_storage local = address("127.0.0.1", 500);
	const struct sockaddr_storage remote = address("127.0.0.2", 500);
	struct ikefp_sa_info info;

	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500);
	client_count_anew(self->client);
	new_sa(self->client, SPI);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI, &info));
	EXPECT_EQ(SPI, info.spi);
	EXPECT_EQ(0, info.peer_spi);
	EXPECT_EQ(IKEFP_ROLE_INITIATOR, info.role);
	EXPECT_EQ(IKEFP_SA_STATE_HALF_OPEN, info.state);
	EXPECT_TRUE(address_same(&local, &info.endpoint.local));
	EXPECT_TRUE(address_same(&remote, &info.endpoint.remote));
	EXPECT_EQ(0, info.srtt_us);
	EXPECT_EQ(500, info.rto_ms);
	EXPECT_EQ(0, info.outstanding);
	EXPECT_EQ(0, info.message_id_out);
	EXPECT_EQ(0, info.message_id_in);
	EXPECT_COUNTED(self->client, "sas+1 orphans+1 orphaned+1");
	EXPECT_TRIALS(trials);
	EXPECT_COUNTED(self->client, "sas-1 orphans-1");
}

#define REKEY BE64(SA(SPI), SPI), BE64(SA(NEW_SPI), SPI + 1), BE64(SA(PEER_SPI), PEER_SPI + 1)

TEST_F(commands, sa_rekey)
{
	const struct attribute nothing[] = { {} };
	const struct attribute gcm[] = {
		U16(KEYS(ENCR), 20), OCTETS(KEYS(SK_EI), 20), OCTETS(KEYS(SK_ER), 20), {},
	};
	const struct trial trials[] = {
		{ IKEFP_CMD_SA_REKEY, {}, -EINVAL, "spi is missing", 0, SA(SPI) },
		{ IKEFP_CMD_SA_REKEY, { U32(SA(SPI), 1) }, -EINVAL, WRONG_LENGTH, SA(SPI) },
		{ IKEFP_CMD_SA_REKEY, { BE64(SA(SPI), NO_SPI) }, -ENOENT, "no SA has this SPI",
		  SA(SPI) },
		{ IKEFP_CMD_SA_REKEY, { BE64(SA(SPI), SPI) }, -EINVAL, "an SPI is missing", 0,
		  SA(NEW_SPI) },
		{ IKEFP_CMD_SA_REKEY, { BE64(SA(SPI), SPI), U32(SA(NEW_SPI), 1) }, -EINVAL,
		  WRONG_LENGTH, SA(NEW_SPI) },
		{ IKEFP_CMD_SA_REKEY, { BE64(SA(SPI), SPI), BE64(SA(NEW_SPI), 0) }, -EINVAL,
		  "an SPI cannot be 0", SA(NEW_SPI) },
		{ IKEFP_CMD_SA_REKEY, { BE64(SA(SPI), SPI), BE64(SA(NEW_SPI), SPI + 1) },
		  -EINVAL, "an SPI is missing", 0, SA(PEER_SPI) },
		{ IKEFP_CMD_SA_REKEY, { BE64(SA(SPI), SPI), BE64(SA(NEW_SPI), SPI + 1),
					BE64(SA(PEER_SPI), 0) },
		  -EINVAL, "an SPI cannot be 0", SA(PEER_SPI) },
		{ IKEFP_CMD_SA_REKEY, { REKEY }, -EINVAL, "role is missing", 0, SA(ROLE) },
		{ IKEFP_CMD_SA_REKEY, { REKEY, U8(SA(ROLE), 2) }, -ERANGE, OUT_OF_RANGE,
		  SA(ROLE) },
		{ IKEFP_CMD_SA_REKEY, { REKEY, U16(SA(ROLE), 0) }, -EINVAL, WRONG_LENGTH,
		  SA(ROLE) },
		{ IKEFP_CMD_SA_REKEY, { REKEY, U8(SA(ROLE), 0) }, -EINVAL, "keys are missing",
		  0, SA(KEYS) },
		{ IKEFP_CMD_SA_REKEY, { REKEY, U8(SA(ROLE), 0), NEST(SA(KEYS), nothing) },
		  -EINVAL, "encryption algorithm is missing" },
		{ IKEFP_CMD_SA_REKEY, { REKEY, U8(SA(ROLE), 0), NEST(SA(KEYS), gcm) }, -EINVAL,
		  "only an established SA can be rekeyed", SA(SPI) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), BE64(SA(PEER_SPI), PEER_SPI),
				      NEST(SA(KEYS), gcm) } },
		{ IKEFP_CMD_SA_REKEY, { REKEY, U8(SA(ROLE), 0), NEST(SA(KEYS), gcm) }, -EINVAL,
		  "only an established SA can be rekeyed", SA(SPI) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U8(SA(STATE), 1) } },
		/* What the other one has it has; all else sa-set says. */
		{ IKEFP_CMD_SA_REKEY, { REKEY, U8(SA(ROLE), 0), NEST(SA(KEYS), gcm),
					U8(SA(STATE), 1) }, -EINVAL, UNSUPPORTED, SA(STATE) },
		{ IKEFP_CMD_SA_REKEY, { REKEY, U8(SA(ROLE), 0), NEST(SA(KEYS), gcm),
					U32(SA(LOCAL_IPV4), LOOPBACK) }, -EINVAL, UNSUPPORTED,
		  SA(LOCAL_IPV4) },
		{ IKEFP_CMD_SA_REKEY, { REKEY, U8(SA(ROLE), 0), NEST(SA(KEYS), gcm),
					U32(SA(WORKER), 1) }, -EINVAL, UNSUPPORTED, SA(WORKER) },
		{ IKEFP_CMD_SA_REKEY, { REKEY, U8(SA(ROLE), 0), NEST(SA(KEYS), gcm),
					U8(SA(DSCP), 1) }, -EINVAL, UNKNOWN, SA(DSCP) },
		{ IKEFP_CMD_SA_REKEY, { REKEY, U8(SA(ROLE), 0), NEST(SA(KEYS), gcm),
					U32(SA(WINDOW_IN), 2) }, -EINVAL, UNSUPPORTED,
		  SA(WINDOW_IN) },
		{ IKEFP_CMD_SA_REKEY, { BE64(SA(SPI), SPI), BE64(SA(NEW_SPI), SPI),
					BE64(SA(PEER_SPI), PEER_SPI + 1), U8(SA(ROLE), 0),
					NEST(SA(KEYS), gcm) }, -EEXIST,
		  "another SA has this SPI", SA(NEW_SPI) },
		{ IKEFP_CMD_SA_REKEY, { REKEY, U8(SA(ROLE), 1), NEST(SA(KEYS), gcm) } },
		{ IKEFP_CMD_SA_REKEY, { REKEY, U8(SA(ROLE), 1), NEST(SA(KEYS), gcm) }, -EEXIST,
		  "another SA has this SPI", SA(NEW_SPI) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI + 1), NEST(SA(KEYS), gcm) }, -EEXIST,
		  "the SA has keys: new ones come before it is established, or by sa-rekey" },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI + 1), BE64(SA(PEER_SPI), PEER_SPI) },
		  -EEXIST, "the peer's SPI is settled" },
		{ IKEFP_CMD_SA_DEL, { BE64(SA(SPI), SPI) } },
		{ IKEFP_CMD_SA_REKEY, { REKEY, U8(SA(ROLE), 0), NEST(SA(KEYS), gcm) }, -ENOENT,
		  "no SA has this SPI", SA(SPI) },
		{ IKEFP_CMD_POLICY_SET, { U32(POLICY(MAX_SAS), 1) } },
		{ IKEFP_CMD_SA_REKEY, { BE64(SA(SPI), SPI + 1), BE64(SA(NEW_SPI), SPI + 2),
					BE64(SA(PEER_SPI), PEER_SPI + 2), U8(SA(ROLE), 0),
					NEST(SA(KEYS), gcm) }, -ENOSPC,
		  "there are max-sas SAs already" },
	};

	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, "127.0.0.1", 500);
	new_sa(self->client, SPI);
	EXPECT_TRIALS(trials);
}

TEST_F(commands, sa_set)
{
	const struct attribute nothing[] = { {} };
	const struct attribute gcm[] = {
		U16(KEYS(ENCR), 20), OCTETS(KEYS(SK_EI), 20), OCTETS(KEYS(SK_ER), 20), {},
	};
	const struct trial trials[] = {
		{ IKEFP_CMD_SA_SET, {}, -EINVAL, "spi is missing", 0, SA(SPI) },
		{ IKEFP_CMD_SA_SET, { U32(SA(SPI), 1) }, -EINVAL, WRONG_LENGTH, SA(SPI) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), NO_SPI) }, -ENOENT, "no SA has this SPI",
		  SA(SPI) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), BE64(SA(PEER_SPI), 0) }, -EINVAL,
		  "peer-spi is 0", SA(PEER_SPI) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U32(SA(PEER_SPI), 1) }, -EINVAL,
		  WRONG_LENGTH, SA(PEER_SPI) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U8(SA(STATE), 3) }, -ERANGE,
		  OUT_OF_RANGE, SA(STATE) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U16(SA(STATE), 1) }, -EINVAL,
		  WRONG_LENGTH, SA(STATE) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U8(SA(STATE), 0) }, -EINVAL,
		  "state can only be set to established", SA(STATE) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U8(SA(STATE), 2) }, -EINVAL,
		  "state can only be set to established", SA(STATE) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U8(SA(STATE), 1) }, -EINVAL,
		  "an SA without keys cannot be established" },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), NEST(SA(KEYS), gcm) }, -EINVAL,
		  "keys need the peer's SPI" },
		/* An endpoint is given whole. */
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), BE16(SA(REMOTE_PORT), 4500) }, -EINVAL,
		  "local address is missing", 0, SA(LOCAL_IPV6) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U32(SA(REMOTE_IPV4), PEER_ADDR) },
		  -EINVAL, "local-ipv4 is missing", 0, SA(LOCAL_IPV4) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U32(SA(LOCAL_IPV4), LOOPBACK),
				      U32(SA(REMOTE_IPV4), PEER_ADDR), BE16(SA(LOCAL_PORT), 1),
				      BE16(SA(REMOTE_PORT), 4500) }, -EADDRNOTAVAIL,
		  "no listener serves this local address and port", SA(LOCAL_PORT) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U32(SA(SRTT_US), 1) }, -EINVAL,
		  UNSUPPORTED, SA(SRTT_US) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U32(SA(HEARD_MS), 1) }, -EINVAL,
		  UNSUPPORTED, SA(HEARD_MS) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U32(SA(UNANSWERED), 1) }, -EINVAL,
		  UNSUPPORTED, SA(UNANSWERED) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U32(SA(MAX) + 1, 1) }, -EINVAL, UNKNOWN,
		  SA(MAX) + 1 },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U32(SA(STREAM), 7) }, -ENOENT,
		  "no stream has this ID, or it has ended", SA(STREAM) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U16(SA(STREAM), 7) }, -EINVAL, WRONG_LENGTH,
		  SA(STREAM) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U32(SA(STREAM), 7),
				      BE16(SA(LOCAL_PORT), 500) }, -EINVAL,
		  "a stream has its own endpoint", SA(LOCAL_PORT) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U8(SA(ROLE), 1) }, -EINVAL, UNSUPPORTED,
		  SA(ROLE) },
		/* Not marked as a nest; empty; and attributes of it that are wrong. */
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), OCTETS(SA(KEYS), 8) }, -EINVAL,
		  "NLA_F_NESTED is missing", SA(KEYS) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), NEST(SA(KEYS), nothing) }, -EINVAL,
		  "encryption algorithm is missing" },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U8(SA(BEHIND_NAT), 2) }, -ERANGE,
		  OUT_OF_RANGE, SA(BEHIND_NAT) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U8(SA(FOLLOW), 2) }, -ERANGE,
		  OUT_OF_RANGE, SA(FOLLOW) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U8(SA(DSCP), 64) }, -ERANGE,
		  OUT_OF_RANGE, SA(DSCP) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U8(SA(DSCP), 255) }, -ERANGE,
		  OUT_OF_RANGE, SA(DSCP) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U32(SA(DSCP), 46) }, -EINVAL,
		  WRONG_LENGTH, SA(DSCP) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U8(SA(DSCP), 46) } },
		/* All or nothing. */
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U8(SA(DSCP), 1), U8(SA(STATE), 1) },
		  -EINVAL, "an SA without keys cannot be established" },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U32(SA(LIVENESS_MS), 86400001) },
		  -ERANGE, "time is longer than a day", SA(LIVENESS_MS) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), OCTETS(SA(ESP_SPIS), 12) }, -EINVAL,
		  "esp-spis is up to 64 pairs of SPIs, 8 octets each", SA(ESP_SPIS) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), OCTETS(SA(ESP_SPIS), 65 * 8) },
		  -EINVAL, "esp-spis is up to 64 pairs of SPIs, 8 octets each", SA(ESP_SPIS) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), OCTETS(SA(ESP_SPIS), 64 * 8) } },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), OCTETS(SA(ESP_MARKS), 8) }, -EINVAL,
		  "esp-marks comes with esp-spis, a mark for each SPI", SA(ESP_MARKS) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), OCTETS(SA(ESP_SPIS), 16),
				      OCTETS(SA(ESP_MARKS), 8) }, -EINVAL,
		  "esp-marks comes with esp-spis, a mark for each SPI", SA(ESP_MARKS) },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), OCTETS(SA(ESP_SPIS), 64 * 8),
				      OCTETS(SA(ESP_MARKS), 64 * 8) } },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), OCTETS(SA(ESP_SPIS), 0) } },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI) } },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), PATH_V4 } },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), BE64(SA(PEER_SPI), 1) } },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), BE64(SA(PEER_SPI), PEER_SPI) } },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), U8(SA(STATE), 1),
				      NEST(SA(KEYS), gcm) } },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), NEST(SA(KEYS), gcm) }, -EEXIST,
		  "the SA has keys: new ones come before it is established, or by sa-rekey" },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), BE64(SA(PEER_SPI), 1) }, -EEXIST,
		  "the peer's SPI is settled" },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), BE64(SA(PEER_SPI), PEER_SPI) } },
	};
	struct ikefp_sa_info info;

	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500);
	new_sa(self->client, SPI);
	EXPECT_TRIALS(trials);
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI, &info));
	EXPECT_EQ(PEER_SPI, info.peer_spi);
	EXPECT_EQ(IKEFP_SA_STATE_ESTABLISHED, info.state);
	EXPECT_EQ(46, info.dscp);
	EXPECT_EQ(1, info.message_id_out);
}

/* Keys that do not fit: nothing of the SA changes, not the peer's SPI either. */
TEST_F(commands, keys_refused)
{
	static const struct {
		struct attribute keys[8];
		const char *message;
		int attribute;
		int err;
	} sets[] = {
#define AEAD(encr, ei, er) \
		U16(KEYS(ENCR), encr), OCTETS(KEYS(SK_EI), ei), OCTETS(KEYS(SK_ER), er)
#define CBC(integ, ei, er, ai, ar) \
		U16(KEYS(ENCR), 12), U16(KEYS(INTEG), integ), OCTETS(KEYS(SK_EI), ei), \
		OCTETS(KEYS(SK_ER), er), OCTETS(KEYS(SK_AI), ai), OCTETS(KEYS(SK_AR), ar)
		{ { OCTETS(KEYS(SK_EI), 20) }, "encryption algorithm is missing" },
		{ { AEAD(0, 20, 20) }, "encryption algorithm is none of 12, 20, 28", KEYS(ENCR) },
		{ { AEAD(19, 20, 20) }, "encryption algorithm is none of 12, 20, 28", KEYS(ENCR) },
		{ { AEAD(65535, 20, 20) }, "encryption algorithm is none of 12, 20, 28",
		  KEYS(ENCR) },
		{ { AEAD(12, 16, 16) },
		  "this encryption does not go with this integrity algorithm", KEYS(ENCR) },
		{ { CBC(2, 16, 16, 20, 20) },
		  "this encryption does not go with this integrity algorithm", KEYS(INTEG) },
		{ { AEAD(20, 20, 20), U16(KEYS(INTEG), 12) },
		  "this encryption does not go with this integrity algorithm", KEYS(INTEG) },
		{ { U16(KEYS(ENCR), 20) }, "both sk-ei and sk-er are needed" },
		{ { U16(KEYS(ENCR), 20), OCTETS(KEYS(SK_EI), 20) },
		  "both sk-ei and sk-er are needed" },
		{ { U16(KEYS(ENCR), 20), OCTETS(KEYS(SK_ER), 20) },
		  "both sk-ei and sk-er are needed" },
#define BAD_KEY "encryption key's length does not fit the algorithm"
		{ { AEAD(20, 0, 20) }, BAD_KEY, KEYS(SK_EI) },
		{ { AEAD(20, 4, 20) }, BAD_KEY, KEYS(SK_EI) },
		{ { AEAD(20, 16, 20) }, BAD_KEY, KEYS(SK_EI) },
		{ { AEAD(20, 19, 20) }, BAD_KEY, KEYS(SK_EI) },
		{ { AEAD(20, 20, 21) }, BAD_KEY, KEYS(SK_ER) },
		{ { AEAD(20, 27, 27) }, BAD_KEY, KEYS(SK_EI) },
		{ { AEAD(20, 28, 20) }, BAD_KEY, KEYS(SK_ER) },
		{ { AEAD(20, 36, 37) }, BAD_KEY, KEYS(SK_ER) },
		{ { AEAD(28, 20, 20) }, BAD_KEY, KEYS(SK_EI) },
		{ { AEAD(28, 36, 32) }, BAD_KEY, KEYS(SK_ER) },
		{ { CBC(12, 20, 16, 32, 32) }, BAD_KEY, KEYS(SK_EI) },
		{ { CBC(12, 16, 24, 32, 32) }, BAD_KEY, KEYS(SK_ER) },
		{ { CBC(12, 0, 16, 32, 32) }, BAD_KEY, KEYS(SK_EI) },
#define BAD_INTEG "integrity key's length does not fit the algorithm"
		{ { CBC(12, 16, 16, 31, 32) }, BAD_INTEG, KEYS(SK_AI) },
		{ { CBC(12, 16, 16, 32, 33) }, BAD_INTEG, KEYS(SK_AR) },
		{ { CBC(13, 16, 16, 32, 32) }, BAD_INTEG, KEYS(SK_AI) },
		{ { CBC(14, 32, 32, 64, 0) }, BAD_INTEG, KEYS(SK_AR) },
#define ALONE "sk-ai and sk-ar go with an integrity algorithm, and only so"
		{ { AEAD(20, 20, 20), OCTETS(KEYS(SK_AI), 32) }, ALONE },
		{ { AEAD(20, 20, 20), OCTETS(KEYS(SK_AR), 32) }, ALONE },
		{ { AEAD(12, 16, 16), U16(KEYS(INTEG), 12), OCTETS(KEYS(SK_AI), 32) }, ALONE },
		{ { AEAD(12, 16, 16), U16(KEYS(INTEG), 12), OCTETS(KEYS(SK_AR), 32) }, ALONE },
		{ { AEAD(12, 16, 16), U16(KEYS(INTEG), 12) }, ALONE },
		/* The policy's. */
		{ { U8(KEYS(ENCR), 20) }, WRONG_LENGTH, KEYS(ENCR) },
		{ { U32(KEYS(ENCR), 20) }, WRONG_LENGTH, KEYS(ENCR) },
		{ { U16(KEYS(ENCR), 12), U32(KEYS(INTEG), 12) }, WRONG_LENGTH, KEYS(INTEG) },
		{ { AEAD(20, 20, 20), U32(KEYS(MAX) + 1, 1) }, UNKNOWN, KEYS(MAX) + 1 },
		{ { AEAD(20 | NLA_F_NESTED, 20, 20) }, "encryption algorithm is none of 12, 20, 28",
		  KEYS(ENCR) },
	};
	struct ikefp_sa_info info;
	size_t i;

	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500);
	new_sa(self->client, SPI);
	for (i = 0; i < ARRAY_SIZE(sets); i++) {
		const struct trial trial = {
			IKEFP_CMD_SA_SET,
			{ BE64(SA(SPI), SPI), BE64(SA(PEER_SPI), PEER_SPI),
			  NEST(SA(KEYS), sets[i].keys) },
			-EINVAL, sets[i].message, sets[i].attribute,
		};

		expect_trials(_metadata, &self->rawnl, &trial, 1);
	}
	ASSERT_EQ(0, ikefp_sa_get(self->client->nl, SPI, &info));
	EXPECT_EQ(0, info.peer_spi);
}

TEST_F(commands, message_send)
{
	const struct attribute gcm[] = {
		U16(KEYS(ENCR), 20), OCTETS(KEYS(SK_EI), 20), OCTETS(KEYS(SK_ER), 20), {},
	};
	const struct trial trials[] = {
#define SEND IKEFP_CMD_MESSAGE_SEND
#define ID BE64(MESSAGE(SPI), SPI)
		{ SEND, {}, -EINVAL, "spi is missing", 0, MESSAGE(SPI) },
		{ SEND, { U32(MESSAGE(SPI), 1) }, -EINVAL, WRONG_LENGTH, MESSAGE(SPI) },
		{ SEND, { BE64(MESSAGE(SPI), NO_SPI) }, -ENOENT, "no SA has this SPI",
		  MESSAGE(SPI) },
		/* Raw. */
		{ SEND, { ID, FLAG(MESSAGE(RAW)) }, -EINVAL, "payload is missing", 0,
		  MESSAGE(PAYLOAD) },
		{ SEND, { ID, U8(MESSAGE(RAW), 1), OCTETS(MESSAGE(PAYLOAD), 28) }, -ERANGE,
		  FLAG_LENGTH, MESSAGE(RAW) },
		{ SEND, { ID, FLAG(MESSAGE(RAW)), OCTETS(MESSAGE(PAYLOAD), 0) }, -EINVAL,
		  "a raw message begins with an IKE header" },
		{ SEND, { ID, FLAG(MESSAGE(RAW)), OCTETS(MESSAGE(PAYLOAD), 27) }, -EINVAL,
		  "a raw message begins with an IKE header" },
		{ SEND, { ID, FLAG(MESSAGE(RAW)), OCTETS(MESSAGE(PAYLOAD), 28) }, -EINVAL,
		  "a raw message must be a well-formed IKE_SA_INIT message" },
		/* Sealed requests. */
		{ SEND, { ID, U8(MESSAGE(EXCHANGE_TYPE), INFORMATIONAL) }, -ENOKEY,
		  "the SA has no keys yet" },
		{ IKEFP_CMD_SA_SET, { BE64(SA(SPI), SPI), BE64(SA(PEER_SPI), PEER_SPI),
				      NEST(SA(KEYS), gcm) } },
		{ SEND, { ID }, -EINVAL, "exchange-type is missing", 0, MESSAGE(EXCHANGE_TYPE) },
		{ SEND, { ID, U32(MESSAGE(EXCHANGE_TYPE), INFORMATIONAL) }, -EINVAL,
		  WRONG_LENGTH, MESSAGE(EXCHANGE_TYPE) },
		{ SEND, { ID, U8(MESSAGE(EXCHANGE_TYPE), IKE_SA_INIT) }, -EINVAL,
		  "not an exchange type of sealed messages", MESSAGE(EXCHANGE_TYPE) },
		{ SEND, { ID, U8(MESSAGE(EXCHANGE_TYPE), 38) }, -EINVAL,
		  "not an exchange type of sealed messages", MESSAGE(EXCHANGE_TYPE) },
		{ SEND, { ID, U8(MESSAGE(EXCHANGE_TYPE), INFORMATIONAL),
			  U32(MESSAGE(MESSAGE_ID), 0) }, -EINVAL,
		  "the kernel gives a request its message ID", MESSAGE(MESSAGE_ID) },
		{ SEND, { ID, U8(MESSAGE(EXCHANGE_TYPE), INFORMATIONAL),
			  U8(MESSAGE(FIRST_PAYLOAD), PAYLOAD_DELETE) }, -EINVAL,
		  "first-payload is 0 just where there is no payload" },
		{ SEND, { ID, U8(MESSAGE(EXCHANGE_TYPE), INFORMATIONAL),
			  OCTETS(MESSAGE(PAYLOAD), 1) }, -EINVAL,
		  "first-payload is 0 just where there is no payload" },
		{ SEND, { ID, U8(MESSAGE(EXCHANGE_TYPE), INFORMATIONAL),
			  U16(MESSAGE(FIRST_PAYLOAD), 41) }, -EINVAL, WRONG_LENGTH,
		  MESSAGE(FIRST_PAYLOAD) },
		/* Sealed responses. */
		{ SEND, { ID, FLAG(MESSAGE(RESPONSE)), U8(MESSAGE(EXCHANGE_TYPE), 37) },
		  -EINVAL, "message-id of the request is missing", 0, MESSAGE(MESSAGE_ID) },
		{ SEND, { ID, FLAG(MESSAGE(RESPONSE)), U8(MESSAGE(MESSAGE_ID), 0),
			  U8(MESSAGE(EXCHANGE_TYPE), 37) }, -EINVAL, WRONG_LENGTH,
		  MESSAGE(MESSAGE_ID) },
		{ SEND, { ID, U8(MESSAGE(RESPONSE), 1) }, -ERANGE, FLAG_LENGTH,
		  MESSAGE(RESPONSE) },
		{ SEND, { ID, FLAG(MESSAGE(RESPONSE)), U32(MESSAGE(MESSAGE_ID), 0),
			  U8(MESSAGE(EXCHANGE_TYPE), 37) }, -EINVAL,
		  "no such request waits for a response" },
		/* What is never given. */
		{ SEND, { ID, BE64(MESSAGE(SPI_I), 1) }, -EINVAL, UNSUPPORTED, MESSAGE(SPI_I) },
		{ SEND, { ID, U8(MESSAGE(FLAGS), 0) }, -EINVAL, UNSUPPORTED, MESSAGE(FLAGS) },
		{ SEND, { ID, U32(MESSAGE(LOCAL_IPV4), 0) }, -EINVAL, UNKNOWN,
		  MESSAGE(LOCAL_IPV4) },
		{ SEND, { ID, U32(MESSAGE(MAX) + 1, 0) }, -EINVAL, UNKNOWN, MESSAGE(MAX) + 1 },
		/* The window is one. */
		{ SEND, { ID, U8(MESSAGE(EXCHANGE_TYPE), INFORMATIONAL) } },
		{ SEND, { ID, U8(MESSAGE(EXCHANGE_TYPE), INFORMATIONAL) }, -EBUSY,
		  "another request is outstanding" },
	};

	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500);
	new_sa(self->client, SPI);
	EXPECT_TRIALS(trials);
}

/* The longest messages that fit a datagram, and one octet more. */
TEST_F(commands, message_size)
{
	static uint8_t octets[MESSAGE_SIZE];
	struct peer *peer = peer_open("127.0.0.2", "127.0.0.1", 500, IKEFP_LISTENER_KIND_IKE);
	struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(peer);
	struct ikefp_message_out raw = { .spi = SPI, .raw = true };
	struct ikefp_message_out sealed = {
		.spi = SPI, .exchange_type = CREATE_CHILD_SA, .first_payload = PAYLOAD_IDI,
	};
	const size_t longest = 65507 - MARKER_LEN;
	/* IKE header, SK header, IV, pad length, ICV. */
	const size_t overhead = HEADER_LEN + 4 + 8 + 1 + 16;
	struct ikefp_sa_change change = { .spi = SPI, .peer_spi = PEER_SPI };
	struct ikefp_keys keys;

	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500);
	ASSERT_EQ(0, ikefp_sa_new(self->client->nl, SPI, &endpoint));
	raw.payload = (struct ikefp_octets){ octets, ike_put_init(octets, SPI, 0, 1, longest) };
	EXPECT_EQ(0, ikefp_message_send(self->client->nl, &raw, NULL)) {
		TH_LOG("%s", ikefp_nl_error(self->client->nl));
	}
	peer_expect(peer);
	EXPECT_EQ(longest, peer->got_len);
	raw.payload.len = ike_put_init(octets, SPI, 0, 1, longest + 1);
	EXPECT_EQ(-EMSGSIZE, ikefp_message_send(self->client->nl, &raw, NULL));
	EXPECT_STREQ("payload does not fit a UDP datagram", ikefp_nl_error(self->client->nl));

	sk_keys_make(&peer->keys, &sk_algorithms[0]);
	keys = sk_keys_for_module(&peer->keys);
	change.keys = &keys;
	ASSERT_EQ(0, ikefp_sa_set(self->client->nl, &change));
	sealed.payload = (struct ikefp_octets){ octets, longest - overhead + 1 };
	EXPECT_EQ(-EMSGSIZE, ikefp_message_send(self->client->nl, &sealed, NULL));
	EXPECT_STREQ("the message cannot be sealed", ikefp_nl_error(self->client->nl));
	sealed.payload.len = longest - overhead;
	EXPECT_EQ(0, ikefp_message_send(self->client->nl, &sealed, NULL));
	peer_expect(peer);
	EXPECT_EQ(longest, peer->got_len);
	peer_close(peer);
}

MODULE_TEST_MAIN
