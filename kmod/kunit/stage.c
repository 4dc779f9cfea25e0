// SPDX-License-Identifier: GPL-2.0

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "stage.h"

struct stage_thread {
	struct task_struct *task;
	struct completion done;
	void (*act)(void *arg);
	void *arg;
};

/**
 * stage_set() - begin a test that needs two processors
 * @test: the test; it stays on the first of them, or is skipped
 */
void stage_set(struct kunit *test)
{
	if (num_online_cpus() < 2)
		kunit_skip(test, "there is one processor only");
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current,
						   cpumask_of(cpumask_first(cpu_online_mask))), 0);
}

static int act(void *data)
{
	struct stage_thread *thread = data;

	thread->act(thread->arg);
	complete(&thread->done);
	return 0;
}

/* One that does not end keeps the module, whose code it runs. */
static void end(void *data)
{
	struct stage_thread *thread = data;

	if (!wait_for_completion_timeout(&thread->done, STAGE_PATIENCE * HZ)) {
		__module_get(THIS_MODULE);
		return;
	}
	kthread_stop_put(thread->task);
	kfree(thread);
}

/**
 * stage_enter() - do something on the second processor
 * @test: the test, on the first one
 * @function: what to do; it must end by itself
 * @arg: what it gets, there until the test ends
 *
 * Return: the thread, which ends with the test at the latest.
 */
struct stage_thread *stage_enter(struct kunit *test, void (*function)(void *arg), void *arg)
{
	struct stage_thread *thread = kzalloc(sizeof(*thread), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, thread);
	init_completion(&thread->done);
	thread->act = function;
	thread->arg = arg;
	thread->task = kthread_create(act, thread, "ikefp_kunit");
	if (IS_ERR(thread->task)) {
		kfree(thread);
		KUNIT_FAIL_AND_ABORT(test, "no thread");
	}
	get_task_struct(thread->task);
	kthread_bind(thread->task,
		     cpumask_next(cpumask_first(cpu_online_mask), cpu_online_mask));
	wake_up_process(thread->task);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, end, thread), 0);
	return thread;
}

/**
 * stage_left() - has a thread done what it had to do
 * @thread: the thread
 */
bool stage_left(struct stage_thread *thread)
{
	return completion_done(&thread->done);
}

/**
 * stage_exit() - wait for a thread; that it does not end fails the test
 * @test: the test
 * @thread: the thread
 */
void stage_exit(struct kunit *test, struct stage_thread *thread)
{
	KUNIT_ASSERT_TRUE_MSG(test, stage_until(stage_left(thread)),
			      "what happens on the other processor does not end");
}
