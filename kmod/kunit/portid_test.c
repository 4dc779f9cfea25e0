// SPDX-License-Identifier: GPL-2.0
/*
 * A worker's socket is closed, and another has its port ID, while we have yet to be told
 * of it: the other gets nothing that is the worker's, and a late notice does it no harm.
 * The notices of a context of a test's own are given by the test.
 */

#include <kunit/test.h>
#include <linux/net.h>

#include "../demux.h"
#include "../netlink.h"
#include "../sa.h"
#include "../upcall.h"
#include "../worker.h"
#include "fixture.h"

#define PEER_SPI 0x2122232425262728

struct world {
	struct ikefp_context *ctx;
	struct ikefp_path path;
	struct ikefp_sa *sa; /* the worker's, held */
	struct socket *other; /* has the port ID that was the worker's */
	u32 portid;
};

static void put_sa(void *sa)
{
	ikefp_sa_put(sa);
}

static bool receive_init(struct world *world, u64 peer_spi)
{
	u8 request[FIXTURE_INIT_LEN];

	fixture_init_message(request, peer_spi, 0, IKEFP_FLAG_INITIATOR);
	return fixture_receive(world->ctx, request, sizeof(request), &world->path);
}

static struct world *begin(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	struct socket *worker;
	unsigned long id = 0;

	KUNIT_ASSERT_NOT_NULL(test, world);
	world->ctx = fixture_context(test);
	world->path = fixture_path(fixture_listener(test, world->ctx, IKEFP_LISTENER_KIND_IKE,
						    ikefp_demux_receive));
	worker = fixture_worker(test, world->ctx);
	KUNIT_ASSERT_TRUE(test, receive_init(world, PEER_SPI));
	KUNIT_ASSERT_EQ(test, fixture_upcall(worker), IKEFP_CMD_MESSAGE_RECV);
	world->sa = ikefp_sa_get_next(world->ctx, &id);
	KUNIT_ASSERT_NOT_NULL(test, world->sa);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_sa, world->sa), 0);

	world->portid = fixture_portid(test, worker);
	fixture_close(test, worker);
	world->other = fixture_socket(test, world->portid);
	KUNIT_ASSERT_EQ(test, fixture_portid(test, world->other), world->portid);
	return world;
}

/* The counter of the reason why its worker is not told. */
static int expire(struct ikefp_sa *sa)
{
	int reason = IKEFP_A_STATS_DROP_NO_WORKER;

	spin_lock_bh(&sa->lock);
	if (sa->worker)
		reason = ikefp_upcall_sa_expired(sa);
	spin_unlock_bh(&sa->lock);
	return reason;
}

static void upcall_to_closed(struct kunit *test)
{
	struct world *world = begin(test);

	KUNIT_EXPECT_EQ(test, expire(world->sa), IKEFP_A_STATS_DROP_NO_WORKER);
	KUNIT_EXPECT_FALSE(test, receive_init(world, PEER_SPI + 1));
	KUNIT_EXPECT_EQ(test, fixture_count(world->ctx, IKEFP_A_STATS_DROP_NO_WORKER), 1);
	KUNIT_EXPECT_EQ(test, fixture_count(world->ctx, IKEFP_A_STATS_UPCALLS), 1);
	KUNIT_EXPECT_EQ(test, fixture_upcall(world->other), 0);

	/* Nor when we have been told, but the SA not yet. */
	ikefp_netlink_socket_closed(world->ctx, world->portid);
	KUNIT_EXPECT_EQ(test, world->ctx->worker_count, 0);
	KUNIT_EXPECT_EQ(test, expire(world->sa), IKEFP_A_STATS_DROP_NO_WORKER);
	KUNIT_EXPECT_EQ(test, fixture_upcall(world->other), 0);
}

static void late_notice(struct kunit *test)
{
	struct world *world = begin(test);

	ikefp_netlink_socket_closed(world->ctx, world->portid);
	KUNIT_ASSERT_EQ(test, fixture_attach(test, world->ctx, world->other, false), 0);
	/* As of the one before, whom its successor has made go already. */
	ikefp_netlink_socket_closed(world->ctx, world->portid);
	KUNIT_EXPECT_EQ(test, world->ctx->worker_count, 1);
	KUNIT_EXPECT_TRUE(test, receive_init(world, PEER_SPI + 1));
	KUNIT_EXPECT_EQ(test, fixture_upcall(world->other), IKEFP_CMD_MESSAGE_RECV);
	KUNIT_EXPECT_EQ(test, fixture_upcall(world->other), 0);
	fixture_close(test, world->other);
	ikefp_netlink_socket_closed(world->ctx, world->portid);
	KUNIT_EXPECT_EQ(test, world->ctx->worker_count, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(upcall_to_closed),
	KUNIT_CASE(late_notice),
	{}
};

static struct kunit_suite suite = { .name = "portid", .test_cases = cases };

kunit_test_suite(suite);
