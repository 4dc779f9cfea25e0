// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a worker: its socket is closed while somebody on another processor has just
 * found it, to give it an SA.
 */

#include <linux/rcupdate.h>

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

static struct kunit_case cases[] = {
	KUNIT_CASE(detach_against_reader),
	{}
};

static struct kunit_suite suite = { .name = "worker", .test_cases = cases };

kunit_test_suite(suite);
