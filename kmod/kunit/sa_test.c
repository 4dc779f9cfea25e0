// SPDX-License-Identifier: GPL-2.0
/*
 * The life of an SA: what is counted is given back on every way out, nobody gets an SA
 * whose last hold is gone, none is freed while a reader is under RCU, and delete against
 * receive: a message that has found an SA that is deleted before it gets the lock.
 */

#include <net/sock.h>

#include "../demux.h"
#include "../sa.h"
#include "../timers.h"
#include "fixture.h"
#include "stage.h"

#define SPI 0x0102030405060708
#define PEER_SPI 0x2122232425262728

struct world {
	struct ikefp_context *ctx;
	struct ikefp_path path;
	struct ikefp_sa *sa;
	bool in;
	bool out;
	int found;
};

static struct world *begin(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, world);
	world->ctx = fixture_context(test);
	world->path = fixture_path(fixture_listener(test, world->ctx, IKEFP_LISTENER_KIND_IKE,
						    ikefp_demux_receive));
	return world;
}

static struct ikefp_sa *find(struct ikefp_context *ctx, u64 spi)
{
	struct ikefp_sa *sa;

	rcu_read_lock();
	sa = ikefp_sa_find(ctx, spi);
	rcu_read_unlock();
	return sa;
}

static void life(struct kunit *test)
{
	struct world *world = begin(test);
	struct ikefp_sa *sa = fixture_initiator(test, world->ctx, &world->path, SPI);
	unsigned long id = 0;

	KUNIT_EXPECT_EQ(test, refcount_read(&sa->refs), 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&world->ctx->sa_count), 1);
	KUNIT_EXPECT_PTR_EQ(test, find(world->ctx, SPI), sa);
	KUNIT_EXPECT_NULL(test, find(world->ctx, SPI + 1));
	KUNIT_EXPECT_PTR_EQ(test, ikefp_sa_get(world->ctx, SPI), sa);
	KUNIT_EXPECT_PTR_EQ(test, ikefp_sa_get_next(world->ctx, &id), sa);
	KUNIT_EXPECT_EQ(test, refcount_read(&sa->refs), 4);
	ikefp_sa_put(sa);
	ikefp_sa_put(sa);
	fixture_delete(sa);
	/* Out of all tables, and there as long as it is held; twice is once. */
	fixture_delete(sa);
	id = 0;
	KUNIT_EXPECT_NULL(test, find(world->ctx, SPI));
	KUNIT_EXPECT_NULL(test, ikefp_sa_get_next(world->ctx, &id));
	KUNIT_EXPECT_EQ(test, refcount_read(&sa->refs), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&world->ctx->sa_count), 1);
	ikefp_sa_put(sa);
	fixture_sas(test, world->ctx, 0);
}

static void spi_taken(struct kunit *test)
{
	struct world *world = begin(test);
	struct ikefp_sa *sa = fixture_initiator(test, world->ctx, &world->path, SPI);
	struct ikefp_sa *other;
	int reason;

	other = ikefp_sa_new_initiator(world->ctx, SPI, NULL, &world->path, &reason);
	KUNIT_ASSERT_NOT_NULL(test, other);
	KUNIT_EXPECT_EQ(test, fixture_enter(other), -EEXIST);
	ikefp_sa_put(other);
	KUNIT_EXPECT_PTR_EQ(test, find(world->ctx, SPI), sa);
	fixture_sas(test, world->ctx, 1);
	ikefp_sa_put(sa);
}

static void limit_reached(struct kunit *test)
{
	struct world *world = begin(test);
	struct ikefp_sa *sa;
	int reason = -1;

	world->ctx->policy.value[IKEFP_A_POLICY_MAX_SAS] = 1;
	sa = fixture_initiator(test, world->ctx, &world->path, SPI);
	KUNIT_EXPECT_NULL(test, ikefp_sa_new_initiator(world->ctx, SPI + 1, NULL, &world->path,
						       &reason));
	KUNIT_EXPECT_EQ(test, reason, IKEFP_A_STATS_DROP_SA_LIMIT);
	KUNIT_EXPECT_EQ(test, atomic_read(&world->ctx->sa_count), 1);
	ikefp_sa_put(sa);
}

/* An IKE_SA_INIT request and its duplicate, on two processors at once: one is faster. */
static void duplicate_faster(struct kunit *test)
{
	struct world *world = begin(test);
	struct ikefp_sa *sa = fixture_responder(test, world->ctx, &world->path, PEER_SPI);
	const struct ikefp_init_source source = fixture_source();
	struct ikefp_sa *other;
	int reason;

	other = ikefp_sa_new_responder(world->ctx, PEER_SPI, NULL, &sa->init.key, &source,
				       &world->path, &reason);
	KUNIT_ASSERT_NOT_NULL(test, other);
	KUNIT_EXPECT_EQ(test, fixture_enter(other), -EEXIST);
	ikefp_sa_put(other);
	KUNIT_EXPECT_EQ(test, atomic_read(&world->ctx->half_open_count), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(source.half_open), 1);
	fixture_sas(test, world->ctx, 1);
	fixture_delete(sa);
	ikefp_sa_put(sa);
	fixture_sas(test, world->ctx, 0);
}

/* Half-open is counted once, whichever way it ends. */
static void half_open_counted(struct kunit *test)
{
	struct world *world = begin(test);
	struct ikefp_sa *sa = fixture_responder(test, world->ctx, &world->path, PEER_SPI);
	const struct ikefp_init_source source = fixture_source();
	int reason = -1;

	world->ctx->policy.value[IKEFP_A_POLICY_MAX_HALF_OPEN] = 1;
	KUNIT_EXPECT_NULL(test, ikefp_sa_new_responder(world->ctx, PEER_SPI + 1, NULL,
						       &sa->init.key, &source, &world->path,
						       &reason));
	KUNIT_EXPECT_EQ(test, reason, IKEFP_A_STATS_DROP_HALF_OPEN_LIMIT);
	world->ctx->policy.value[IKEFP_A_POLICY_MAX_HALF_OPEN_SOURCE] = 1;
	KUNIT_EXPECT_NULL(test, ikefp_sa_new_responder(world->ctx, PEER_SPI + 1, NULL,
						       &sa->init.key, &source, &world->path,
						       &reason));
	KUNIT_EXPECT_EQ(test, reason, IKEFP_A_STATS_DROP_SOURCE_LIMIT);
	KUNIT_EXPECT_EQ(test, atomic_read(&world->ctx->half_open_count), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(source.half_open), 1);
	spin_lock_bh(&sa->lock);
	ikefp_sa_set_state(sa, IKEFP_SA_STATE_ESTABLISHED);
	KUNIT_EXPECT_EQ(test, atomic_read(&world->ctx->half_open_count), 0);
	ikefp_sa_set_state(sa, IKEFP_SA_STATE_LINGERING);
	ikefp_sa_bury(sa);
	spin_unlock_bh(&sa->lock);
	KUNIT_EXPECT_EQ(test, atomic_read(&world->ctx->half_open_count), 0);
	ikefp_sa_put(sa);
	fixture_sas(test, world->ctx, 0);
}

/* Between its last put and its grace period an SA may still be found: by nobody. */
static void last_hold_gone(struct kunit *test)
{
	struct world *world = begin(test);
	struct ikefp_sa *sa = fixture_initiator(test, world->ctx, &world->path, SPI);
	unsigned long id = 0;

	refcount_set(&sa->refs, 0);
	KUNIT_EXPECT_NULL(test, ikefp_sa_get(world->ctx, SPI));
	KUNIT_EXPECT_NULL(test, ikefp_sa_get_next(world->ctx, &id));
	KUNIT_EXPECT_EQ(test, refcount_read(&sa->refs), 0);
	refcount_set(&sa->refs, 2);
	ikefp_sa_put(sa);
}

static void read_slowly(void *arg)
{
	struct world *world = arg;
	struct ikefp_sa *sa;

	rcu_read_lock();
	sa = ikefp_sa_find(world->ctx, SPI);
	stage_cue(&world->in);
	stage_spin_until(stage_cued(&world->out));
	world->found = sa && sa->spi == SPI && READ_ONCE(sa->dead);
	rcu_read_unlock();
}

/* Deleted, and all holds given up, while a reader has it. */
static void delete_against_reader(struct kunit *test)
{
	struct world *world = begin(test);
	struct stage_thread *reader;

	stage_set(test);
	world->sa = fixture_initiator(test, world->ctx, &world->path, SPI);
	reader = stage_enter(test, read_slowly, world);
	KUNIT_EXPECT_TRUE(test, stage_until(stage_cued(&world->in)));
	fixture_delete(world->sa);
	ikefp_sa_put(world->sa);
	KUNIT_EXPECT_TRUE(test, stage_never(!atomic_read(&world->ctx->sa_count)));
	stage_cue(&world->out);
	stage_exit(test, reader);
	KUNIT_EXPECT_TRUE(test, world->found);
	fixture_sas(test, world->ctx, 0);
}

/*
 * What a message meets that found the SA in the tables and got its lock after it was
 * deleted: all that there was, but dead. Of nothing may there be more or less then.
 */
static void delete_against_response(struct kunit *test)
{
	struct world *world = begin(test);
	u8 response[FIXTURE_INIT_LEN];
	struct ikefp_sa *sa;

	/* Before the SA, which is the worker's then. */
	fixture_worker(test, world->ctx);
	sa = fixture_initiator(test, world->ctx, &world->path, SPI);
	fixture_request(test, sa);
	fixture_init_message(response, SPI, PEER_SPI, IKEFP_FLAG_RESPONSE);
	spin_lock_bh(&sa->lock);
	sa->dead = true;
	spin_unlock_bh(&sa->lock);
	KUNIT_EXPECT_FALSE(test, fixture_receive(world->ctx, response, sizeof(response),
						 &world->path));
	KUNIT_EXPECT_EQ(test, fixture_count(world->ctx, IKEFP_A_STATS_DROP_UNKNOWN_SPI), 1);
	KUNIT_EXPECT_EQ(test, fixture_count(world->ctx, IKEFP_A_STATS_UPCALLS), 0);
	KUNIT_EXPECT_EQ(test, sa->messages_in, 0);
	/* Alive, it takes the same message: that was the reason. */
	spin_lock_bh(&sa->lock);
	sa->dead = false;
	spin_unlock_bh(&sa->lock);
	KUNIT_EXPECT_TRUE(test, fixture_receive(world->ctx, response, sizeof(response),
						&world->path));
	KUNIT_EXPECT_EQ(test, fixture_count(world->ctx, IKEFP_A_STATS_UPCALLS), 1);
	fixture_delete(sa);
	ikefp_sa_put(sa);
	fixture_sas(test, world->ctx, 0);
}

/* The same for a first request's duplicate: a dead SA's answer is gone with it. */
static void delete_against_duplicate(struct kunit *test)
{
	struct world *world = begin(test);
	struct socket *worker = fixture_worker(test, world->ctx);
	u8 request[FIXTURE_INIT_LEN];
	unsigned long id = 0;
	struct ikefp_sa *sa;

	fixture_init_message(request, PEER_SPI, 0, IKEFP_FLAG_INITIATOR);
	KUNIT_EXPECT_TRUE(test, fixture_receive(world->ctx, request, sizeof(request),
						&world->path));
	KUNIT_EXPECT_EQ(test, fixture_upcall(worker), IKEFP_CMD_MESSAGE_RECV);
	sa = ikefp_sa_get_next(world->ctx, &id);
	KUNIT_ASSERT_NOT_NULL(test, sa);
	fixture_delete(sa);
	/* Still held, but no longer found: the duplicate begins anew. */
	KUNIT_EXPECT_TRUE(test, fixture_receive(world->ctx, request, sizeof(request),
						&world->path));
	KUNIT_EXPECT_EQ(test, fixture_upcall(worker), IKEFP_CMD_MESSAGE_RECV);
	KUNIT_EXPECT_EQ(test, fixture_count(world->ctx, IKEFP_A_STATS_DUPLICATES_ANSWERED), 0);
	KUNIT_EXPECT_EQ(test, sa->duplicates, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&world->ctx->half_open_count), 1);
	ikefp_sa_put(sa);
	fixture_sas(test, world->ctx, 1);
}

/* A thread that deletes the SA that it finds. */
static void delete_found(void *arg)
{
	struct world *world = arg;
	struct ikefp_sa *sa;

	if (!stage_until(find(world->ctx, SPI)))
		return;
	sa = ikefp_sa_get(world->ctx, SPI);
	stage_cue(&world->in);
	fixture_delete(sa);
	stage_cue(&world->out);
	ikefp_sa_put(sa);
}

/* Who finds an SA before it is in all tables, and deletes it, leaves it in none. */
static void delete_against_creation(struct kunit *test)
{
	struct world *world = begin(test);
	struct stage_thread *thread;
	struct ikefp_sa *sa;
	unsigned long id = 0;
	int reason;

	stage_set(test);
	sa = ikefp_sa_new_initiator(world->ctx, SPI, NULL, &world->path, &reason);
	KUNIT_ASSERT_NOT_NULL(test, sa);
	thread = stage_enter(test, delete_found, world);
	spin_lock_bh(&sa->lock);
	KUNIT_EXPECT_EQ(test, ikefp_sa_enter(sa), 0);
	/* Found, and not yet deleted. */
	KUNIT_EXPECT_TRUE(test, stage_spin_until(stage_cued(&world->in)));
	KUNIT_EXPECT_TRUE(test, stage_spin_never(stage_cued(&world->out)));
	KUNIT_EXPECT_FALSE(test, sa->dead);
	spin_unlock_bh(&sa->lock);
	stage_exit(test, thread);
	KUNIT_EXPECT_TRUE(test, sa->dead);
	KUNIT_EXPECT_NULL(test, find(world->ctx, SPI));
	KUNIT_EXPECT_NULL(test, ikefp_sa_get_next(world->ctx, &id));
	KUNIT_EXPECT_EQ(test, refcount_read(&sa->refs), 1);
	ikefp_sa_put(sa);
	fixture_sas(test, world->ctx, 0);
}

#define ROUNDS 500

/* Messages, lookups and listings, for as long as SAs come and go. */
static void look_up(void *arg)
{
	struct world *world = arg;
	u8 response[FIXTURE_INIT_LEN];

	fixture_init_message(response, SPI, PEER_SPI, IKEFP_FLAG_RESPONSE);
	while (!stage_cued(&world->out)) {
		struct ikefp_sa *sa = ikefp_sa_get(world->ctx, SPI);
		unsigned long id = 0;

		if (sa) {
			world->found++;
			ikefp_sa_put(sa);
		}
		sa = ikefp_sa_get_next(world->ctx, &id);
		if (sa)
			ikefp_sa_put(sa);
		fixture_receive(world->ctx, response, sizeof(response), &world->path);
		stage_cue(&world->in);
		cond_resched();
	}
}

/* Where no order can be made by hand, many: KASAN and the counts say what went wrong. */
static void delete_against_everything(struct kunit *test)
{
	struct world *world = begin(test);
	struct stage_thread *reader;
	int i;

	stage_set(test);
	fixture_worker(test, world->ctx);
	reader = stage_enter(test, look_up, world);
	KUNIT_EXPECT_TRUE(test, stage_until(stage_cued(&world->in)));
	for (i = 0; i < ROUNDS; i++) {
		struct ikefp_sa *sa = fixture_initiator(test, world->ctx, &world->path, SPI);

		fixture_request(test, sa);
		fixture_delete(sa);
		ikefp_sa_put(sa);
		cond_resched();
	}
	stage_cue(&world->out);
	stage_exit(test, reader);
	/* They did meet. */
	KUNIT_EXPECT_GT(test, world->found, 0);
	fixture_sas(test, world->ctx, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(life),
	KUNIT_CASE(spi_taken),
	KUNIT_CASE(limit_reached),
	KUNIT_CASE(duplicate_faster),
	KUNIT_CASE(half_open_counted),
	KUNIT_CASE(last_hold_gone),
	KUNIT_CASE(delete_against_reader),
	KUNIT_CASE(delete_against_response),
	KUNIT_CASE(delete_against_duplicate),
	KUNIT_CASE(delete_against_creation),
	KUNIT_CASE(delete_against_everything),
	{}
};

static struct kunit_suite suite = { .name = "sa", .test_cases = cases };

kunit_test_suite(suite);
