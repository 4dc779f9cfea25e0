// SPDX-License-Identifier: GPL-2.0
/*
 * Cancel against expiry: the timer's function has begun, on one processor, and waits for
 * the SA's lock, while on the other what it was set for is over. The timer can no longer
 * be cancelled then: its function must see that there is nothing left to do, and give up
 * its hold.
 */

#include <net/sock.h>

#include "../answer.h"
#include "../datagram.h"
#include "../demux.h"
#include "../exchange.h"
#include "../outgoing.h"
#include "../sa.h"
#include "../timers.h"
#include "fixture.h"
#include "stage.h"

#define SPI 0x0102030405060708

struct expiry {
	struct ikefp_context *ctx;
	struct ikefp_path path;
	struct socket *worker;
	struct ikefp_sa *sa;
	struct stage_thread *thread;
	bool locked; /* the test has the SA's lock */
	bool set;
	bool over;
};

static struct expiry *begin(struct kunit *test)
{
	struct expiry *expiry = kunit_kzalloc(test, sizeof(*expiry), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, expiry);
	stage_set(test);
	expiry->ctx = fixture_context(test);
	expiry->path = fixture_path(fixture_listener(test, expiry->ctx, IKEFP_LISTENER_KIND_IKE,
						     ikefp_demux_receive));
	expiry->worker = fixture_worker(test, expiry->ctx);
	return expiry;
}

/*
 * Sets the timer, whose deadline has come, on this processor, and is busy until all is
 * over, so that it is served here.
 */
static void set_timer(void *arg)
{
	struct expiry *expiry = arg;

	if (!stage_spin_until(stage_cued(&expiry->locked)))
		return;
	/* The test holds the lock, and waits. */
	ikefp_timers_update(expiry->sa);
	stage_cue(&expiry->set);
	stage_spin_until(stage_cued(&expiry->over));
}

/*
 * Returns with the SA's lock, for which the timer's function waits: it is no longer
 * pending. Whether all that is so.
 */
static bool expire(struct kunit *test, struct expiry *expiry)
	__acquires(&expiry->sa->lock)
{
	struct ikefp_sa *sa = expiry->sa;

	expiry->thread = stage_enter(test, set_timer, expiry);
	spin_lock_bh(&sa->lock);
	sa->half_open_deadline = jiffies;
	sa->init.deadline = jiffies;
	sa->exchange.deadline = jiffies;
	stage_cue(&expiry->locked);
	return stage_spin_until(stage_cued(&expiry->set)) &&
	       stage_spin_until(!timer_pending(&sa->timer));
}

/* Gives the lock to the timer's function and waits until @holds are left on the SA. */
static void go_on(struct kunit *test, struct expiry *expiry, unsigned int holds)
	__releases(&expiry->sa->lock)
{
	spin_unlock_bh(&expiry->sa->lock);
	KUNIT_EXPECT_TRUE_MSG(test, stage_until(refcount_read(&expiry->sa->refs) == holds),
			      "%u holds, not %u", refcount_read(&expiry->sa->refs), holds);
	stage_cue(&expiry->over);
	stage_exit(test, expiry->thread);
}

/* Nothing came of the expiry. */
static void expect_nothing(struct kunit *test, struct expiry *expiry)
{
	KUNIT_EXPECT_EQ(test, expiry->sa->retransmits, 0);
	KUNIT_EXPECT_EQ(test, fixture_count(expiry->ctx, IKEFP_A_STATS_RETRANSMITS), 0);
	KUNIT_EXPECT_EQ(test, fixture_count(expiry->ctx, IKEFP_A_STATS_EXCHANGE_TIMEOUTS), 0);
	KUNIT_EXPECT_EQ(test, fixture_count(expiry->ctx, IKEFP_A_STATS_HALF_OPEN_EXPIRED), 0);
	KUNIT_EXPECT_EQ(test, fixture_upcall(expiry->worker), 0);
}

static void end(struct kunit *test, struct expiry *expiry)
{
	fixture_delete(expiry->sa);
	ikefp_sa_put(expiry->sa);
	fixture_sas(test, expiry->ctx, 0);
}

/* The stage itself: where nobody interferes, the timer's function does its work. */
static void undisturbed(struct kunit *test)
{
	struct expiry *expiry = begin(test);

	expiry->sa = fixture_initiator(test, expiry->ctx, &expiry->path, SPI);
	fixture_request(test, expiry->sa);
	KUNIT_EXPECT_TRUE(test, expire(test, expiry));
	go_on(test, expiry, 3); /* the tables', ours, and the timer's, which is set anew */
	KUNIT_EXPECT_EQ(test, expiry->sa->retransmits, 1);
	KUNIT_EXPECT_TRUE(test, timer_pending(&expiry->sa->timer));
	end(test, expiry);
}

static void delete_against_retransmission(struct kunit *test)
{
	struct expiry *expiry = begin(test);

	expiry->sa = fixture_initiator(test, expiry->ctx, &expiry->path, SPI);
	fixture_request(test, expiry->sa);
	KUNIT_EXPECT_TRUE(test, expire(test, expiry));
	ikefp_sa_bury(expiry->sa);
	go_on(test, expiry, 1);
	expect_nothing(test, expiry);
	KUNIT_EXPECT_FALSE(test, timer_pending(&expiry->sa->timer));
	end(test, expiry);
}

/* One that all is left of: what has not been freed yet must not be used either. */
static void dead_against_expiry(struct kunit *test)
{
	struct expiry *expiry = begin(test);

	expiry->sa = fixture_initiator(test, expiry->ctx, &expiry->path, SPI);
	fixture_request(test, expiry->sa);
	KUNIT_EXPECT_TRUE(test, expire(test, expiry));
	expiry->sa->dead = true;
	go_on(test, expiry, 2);
	expect_nothing(test, expiry);
	KUNIT_EXPECT_FALSE(test, timer_pending(&expiry->sa->timer));
	expiry->sa->dead = false;
	end(test, expiry);
}

static void delete_against_half_open_expiry(struct kunit *test)
{
	struct expiry *expiry = begin(test);

	expiry->sa = fixture_responder(test, expiry->ctx, &expiry->path, SPI);
	KUNIT_EXPECT_TRUE(test, expire(test, expiry));
	ikefp_sa_bury(expiry->sa);
	go_on(test, expiry, 1);
	expect_nothing(test, expiry);
	end(test, expiry);
}

/* It is established in the last moment: the worker must not hear that it expired. */
static void established_against_half_open_expiry(struct kunit *test)
{
	struct expiry *expiry = begin(test);

	expiry->sa = fixture_responder(test, expiry->ctx, &expiry->path, SPI);
	KUNIT_EXPECT_TRUE(test, expire(test, expiry));
	ikefp_sa_set_state(expiry->sa, IKEFP_SA_STATE_ESTABLISHED);
	expiry->sa->init.deadline = jiffies + 100 * HZ;
	ikefp_timers_update(expiry->sa);
	go_on(test, expiry, 3);
	expect_nothing(test, expiry);
	KUNIT_EXPECT_FALSE(test, expiry->sa->dead);
	end(test, expiry);
}

static void answer_against_retransmission(struct kunit *test)
{
	struct expiry *expiry = begin(test);

	expiry->sa = fixture_initiator(test, expiry->ctx, &expiry->path, SPI);
	fixture_request(test, expiry->sa);
	KUNIT_EXPECT_TRUE(test, expire(test, expiry));
	ikefp_exchange_forget(&expiry->sa->exchange);
	ikefp_timers_update(expiry->sa);
	go_on(test, expiry, 2);
	expect_nothing(test, expiry);
	KUNIT_EXPECT_FALSE(test, timer_pending(&expiry->sa->timer));
	end(test, expiry);
}

static void answer_against_give_up(struct kunit *test)
{
	struct expiry *expiry = begin(test);

	expiry->sa = fixture_initiator(test, expiry->ctx, &expiry->path, SPI);
	fixture_request(test, expiry->sa);
	KUNIT_EXPECT_TRUE(test, expire(test, expiry));
	expiry->sa->exchange.last_wait = true;
	ikefp_exchange_forget(&expiry->sa->exchange);
	ikefp_timers_update(expiry->sa);
	go_on(test, expiry, 2);
	expect_nothing(test, expiry);
	end(test, expiry);
}

/* Answered, and the next request is out: that one's time has not come. */
static void next_request_against_retransmission(struct kunit *test)
{
	struct expiry *expiry = begin(test);
	struct ikefp_outgoing out = {};
	struct ikefp_datagram *octets;

	expiry->sa = fixture_initiator(test, expiry->ctx, &expiry->path, SPI);
	fixture_request(test, expiry->sa);
	octets = ikefp_datagram_hold(expiry->sa->exchange.octets);
	KUNIT_EXPECT_TRUE(test, expire(test, expiry));
	ikefp_exchange_forget(&expiry->sa->exchange);
	expiry->sa->exchange.octets = octets;
	ikefp_timers_request_starts(expiry->sa, &expiry->sa->exchange, &out);
	go_on(test, expiry, 3);
	ikefp_outgoing_send(expiry->ctx, &out);
	expect_nothing(test, expiry);
	KUNIT_EXPECT_EQ(test, expiry->sa->exchange.tries, 1);
	KUNIT_EXPECT_TRUE(test, timer_pending(&expiry->sa->timer));
	end(test, expiry);
}

/* However often it is set, a pending timer holds its SA once. */
static void one_hold(struct kunit *test)
{
	struct expiry *expiry = begin(test);
	int i;

	expiry->sa = fixture_responder(test, expiry->ctx, &expiry->path, SPI);
	for (i = 0; i < 3; i++) {
		spin_lock_bh(&expiry->sa->lock);
		ikefp_timers_update(expiry->sa);
		spin_unlock_bh(&expiry->sa->lock);
		KUNIT_EXPECT_EQ(test, refcount_read(&expiry->sa->refs), 3);
	}
	spin_lock_bh(&expiry->sa->lock);
	ikefp_sa_forget_init(expiry->sa);
	ikefp_sa_set_state(expiry->sa, IKEFP_SA_STATE_ESTABLISHED);
	ikefp_timers_update(expiry->sa);
	ikefp_timers_update(expiry->sa);
	spin_unlock_bh(&expiry->sa->lock);
	KUNIT_EXPECT_EQ(test, refcount_read(&expiry->sa->refs), 2);
	end(test, expiry);
}

/* As if it had been sent @ago_ms ago. */
static struct ikefp_answer *answered(struct kunit *test, struct ikefp_sa *sa, u32 message_id,
				     u32 ago_ms)
{
	struct ikefp_answer *answer = ikefp_answer_place(sa, message_id);

	answer->known = true;
	answer->message_id = message_id;
	ikefp_path_set(&answer->path, &sa->path);
	answer->octets = ikefp_datagram_new(sa->ctx, 100, U32_MAX, GFP_ATOMIC);
	KUNIT_EXPECT_FALSE(test, IS_ERR(answer->octets));
	answer->last_copy = ktime_sub_ms(ktime_get(), ago_ms);
	ikefp_timers_answered(sa);
	return answer;
}

static void look_at_answers(struct ikefp_sa *sa)
{
	spin_lock_bh(&sa->lock);
	sa->answers_deadline = jiffies;
	ikefp_timers_update(sa);
	spin_unlock_bh(&sa->lock);
}

static void answers_are_forgotten(struct kunit *test)
{
	struct expiry *expiry = begin(test);
	struct ikefp_answer *answer;
	struct ikefp_sa *sa;
	unsigned long left;

	expiry->sa = fixture_responder(test, expiry->ctx, &expiry->path, SPI);
	sa = expiry->sa;
	spin_lock_bh(&sa->lock);
	ikefp_sa_forget_init(sa);
	ikefp_sa_set_state(sa, IKEFP_SA_STATE_ESTABLISHED);
	answer = answered(test, sa, 0, IKEFP_ANSWER_KEPT_MS - 60000);
	spin_unlock_bh(&sa->lock);
	KUNIT_EXPECT_TRUE(test, timer_pending(&sa->timer));
	look_at_answers(sa);
	KUNIT_EXPECT_TRUE(test, stage_until(time_after(READ_ONCE(sa->answers_deadline), jiffies)));
	left = READ_ONCE(sa->answers_deadline) - jiffies;
	KUNIT_EXPECT_LE(test, left, 60 * HZ + 2);
	KUNIT_EXPECT_GE(test, left, 50 * HZ);
	KUNIT_EXPECT_PTR_EQ(test, answer, ikefp_answer_find(sa, 0));

	answer->last_copy = ktime_sub_ms(answer->last_copy, 60000);
	look_at_answers(sa);
	KUNIT_EXPECT_TRUE(test, stage_until(!READ_ONCE(sa->answers_age)));
	KUNIT_EXPECT_TRUE(test, stage_until(!timer_pending(&sa->timer)));
	KUNIT_EXPECT_NULL(test, ikefp_answer_find(sa, 0));
	KUNIT_EXPECT_NULL(test, answer->octets);
	KUNIT_EXPECT_NULL(test, answer->path.listener);
	/* A later request is in turn, and its answer is kept as long. */
	KUNIT_EXPECT_TRUE(test, ikefp_answer_in_turn(sa, 1));
	spin_lock_bh(&sa->lock);
	answered(test, sa, 1, 0);
	spin_unlock_bh(&sa->lock);
	KUNIT_EXPECT_TRUE(test, timer_pending(&sa->timer));
	end(test, expiry);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(undisturbed),
	KUNIT_CASE(delete_against_retransmission),
	KUNIT_CASE(dead_against_expiry),
	KUNIT_CASE(delete_against_half_open_expiry),
	KUNIT_CASE(established_against_half_open_expiry),
	KUNIT_CASE(answer_against_retransmission),
	KUNIT_CASE(answer_against_give_up),
	KUNIT_CASE(next_request_against_retransmission),
	KUNIT_CASE(one_hold),
	KUNIT_CASE(answers_are_forgotten),
	{}
};

static struct kunit_suite suite = { .name = "timers", .test_cases = cases };

kunit_test_suite(suite);
