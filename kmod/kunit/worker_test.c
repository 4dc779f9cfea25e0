// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a worker: its socket is closed while somebody on another processor has just
 * found it, to give it an SA.
 */

#include <linux/net.h>
#include <linux/rcupdate.h>
#include <net/sock.h>

#include "../worker.h"
#include "fixture.h"
#include "stage.h"

struct world {
	struct ikefp_context *ctx;
	struct ikefp_worker *worker; /* until it is detached */
	bool in;
	bool out;
	bool found;
	bool held;
};

static void read_slowly(void *arg)
{
	struct world *world = arg;
	struct ikefp_worker *worker;

	rcu_read_lock();
	worker = ikefp_worker_least_loaded(world->ctx);
	stage_cue(&world->in);
	stage_spin_until(stage_cued(&world->out));
	world->found = worker && worker == world->worker && ikefp_worker_is_gone(worker);
	world->held = worker && ikefp_worker_hold(worker);
	rcu_read_unlock();
}

/* Nobody gets one whose last hold is gone, and none is freed while a reader is under RCU. */
static void detach_against_reader(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	struct stage_thread *reader;

	KUNIT_ASSERT_NOT_NULL(test, world);
	stage_set(test);
	world->ctx = fixture_context(test);
	fixture_worker(test, world->ctx);
	rcu_read_lock();
	world->worker = ikefp_worker_least_loaded(world->ctx);
	rcu_read_unlock();
	reader = stage_enter(test, read_slowly, world);
	KUNIT_EXPECT_TRUE(test, stage_until(stage_cued(&world->in)));
	rcu_read_lock();
	KUNIT_EXPECT_TRUE(test, ikefp_worker_detach(world->ctx, world->worker));
	/* Twice is once: its socket is closed, too. */
	KUNIT_EXPECT_FALSE(test, ikefp_worker_detach(world->ctx, world->worker));
	rcu_read_unlock();
	stage_cue(&world->out);
	stage_exit(test, reader);
	KUNIT_EXPECT_TRUE(test, world->found);
	KUNIT_EXPECT_FALSE(test, world->held);
}

static struct world *attaching;

/* The socket has got something to read. */
static void told(struct sock *sk)
{
	attaching->in = true;
	attaching->found = READ_ONCE(attaching->ctx->worker_count);
}

/* A worker reads that it is one before anybody has found it, who would be read first. */
static void told_before_found(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	struct socket *sock = fixture_socket(test, 0);

	KUNIT_ASSERT_NOT_NULL(test, world);
	world->ctx = fixture_context(test);
	attaching = world;
	sock->sk->sk_data_ready = told;
	KUNIT_EXPECT_EQ(test, fixture_attach(test, world->ctx, sock, false), 0);
	KUNIT_EXPECT_TRUE(test, world->in);
	KUNIT_EXPECT_FALSE(test, world->found);
	KUNIT_EXPECT_EQ(test, world->ctx->worker_count, 1);
}

/* One whose socket is closed, of which we have yet to be told, stands in nobody's way. */
static void closed_is_none(struct kunit *test)
{
	struct ikefp_context *ctx = fixture_context(test);
	struct socket *closed = fixture_worker(test, ctx);
	struct socket *other = fixture_worker(test, ctx);
	struct socket *only = fixture_socket(test, 0);
	u64 spi;

	fixture_close(test, closed);
	KUNIT_EXPECT_EQ(test, ctx->worker_count, 2);
	rcu_read_lock();
	KUNIT_EXPECT_TRUE(test, ikefp_worker_is(ikefp_worker_least_loaded(ctx), other->sk));
	for (spi = 1; spi < 100; spi++)
		KUNIT_EXPECT_TRUE(test, ikefp_worker_is(ikefp_worker_by_spi(ctx, spi), other->sk));
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, fixture_attach(test, ctx, only, true), -EBUSY);
	fixture_close(test, other);
	rcu_read_lock();
	KUNIT_EXPECT_NULL(test, ikefp_worker_least_loaded(ctx));
	KUNIT_EXPECT_NULL(test, ikefp_worker_by_spi(ctx, 1));
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, fixture_attach(test, ctx, only, true), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(closed_is_none),
	KUNIT_CASE(told_before_found),
	KUNIT_CASE(detach_against_reader),
	{}
};

static struct kunit_suite suite = { .name = "worker", .test_cases = cases };

kunit_test_suite(suite);
