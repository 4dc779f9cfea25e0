// SPDX-License-Identifier: GPL-2.0
/* The event loop: fds, timers, deferred work, signals, and changes in callbacks. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "ktap.h"
#include "loop.h"

static struct loop *loop;
static char trace[256];

static void note(char c)
{
	size_t n = strlen(trace);

	if (n < sizeof(trace) - 1)
		trace[n] = c;
}

static void start(void)
{
	memset(trace, 0, sizeof(trace));
	loop = loop_new();
}

/* Turns until the trace is as long as wanted, or two seconds are over. */
static void turn_until(size_t len)
{
	uint64_t end = loop_now_ms() + 2000;

	while (strlen(trace) < len && loop_now_ms() < end)
		if (!EXPECT(!loop_turn(loop, 100)))
			return;
}

struct counted_timer {
	struct loop_timer timer;
	unsigned int expired;
};

static uint64_t last_deadline;
static unsigned int expired;

static void timer_count(struct loop_timer *timer)
{
	container_of(timer, struct counted_timer, timer)->expired++;
	expired++;
	EXPECT(timer->deadline_ms >= last_deadline);
	EXPECT(timer->deadline_ms <= loop_now_ms());
	EXPECT(!loop_timer_armed(timer));
	last_deadline = timer->deadline_ms;
}

static void test_timer_order(void)
{
	struct counted_timer t[26] = { 0 };
	uint64_t before, end;

	start();
	before = loop_now_ms();
	last_deadline = expired = 0;
	for (int i = 0; i < 26; i++) {
		/* 7 is coprime to 26: armed out of order, due in order. */
		struct loop_timer *timer = &t[i * 7 % 26].timer;

		timer->expired = timer_count;
		EXPECT(!loop_timer_arm(loop, timer, (uint64_t)(10 + 4 * (i * 7 % 26))));
	}
	for (int i = 0; i < 26; i += 3)
		loop_timer_cancel(loop, &t[i].timer);
	EXPECT(!loop_timer_armed(&t[0].timer));
	EXPECT(loop_timer_armed(&t[1].timer));
	EXPECT(!loop_timer_arm(loop, &t[1].timer, 200));	/* armed again: later */
	EXPECT_EQ(loop_timers(loop), 17);
	end = loop_now_ms() + 5000;
	while (expired < 17 && loop_now_ms() < end)
		EXPECT(!loop_turn(loop, 100));
	for (int i = 0; i < 26; i++)
		EXPECT_EQ(t[i].expired, i % 3 != 0);
	EXPECT(loop_now_ms() - before >= 200);
	EXPECT_EQ(loop_timers(loop), 0);
	loop_free(loop);
}

/* The heap against a plain array, many times over. */
static void test_timer_heap(void)
{
	static struct counted_timer t[200];
	unsigned int random = 7;
	uint64_t last = 0;
	size_t armed = 0;

	start();
	for (int round = 0; round < 20000; round++) {
		struct loop_timer *timer;

		random = random * 1103515245 + 12345;
		timer = &t[(random >> 16) % 200].timer;
		timer->expired = timer_count;
		if (random & 0x400)
			loop_timer_cancel(loop, timer);
		else
			loop_timer_arm(loop, timer, 100000 + (random >> 12) % 5000);
	}
	for (int i = 0; i < 200; i++)
		armed += loop_timer_armed(&t[i].timer);
	EXPECT_EQ(loop_timers(loop), armed);
	/* Slot 1 is always the nearest. */
	while (loop_timers(loop)) {
		for (int i = 0; i < 200; i++) {
			if (t[i].timer.slot != 1)
				continue;
			EXPECT(t[i].timer.deadline_ms >= last);
			last = t[i].timer.deadline_ms;
			loop_timer_cancel(loop, &t[i].timer);
		}
	}
	loop_free(loop);
}

struct pipe_fd {
	struct loop_fd fd;
	struct pipe_fd *other;
	char name;
	bool del_other;
	bool free_self;
};

static void pipe_ready(struct loop_fd *fd, uint32_t events)
{
	struct pipe_fd *p = container_of(fd, struct pipe_fd, fd);
	char c;

	if (events & EPOLLIN && read(fd->fd, &c, 1) == 1)
		note(c);
	if (events & EPOLLHUP)
		note('!');
	if (p->del_other)
		loop_fd_del(loop, &p->other->fd);
	if (p->free_self) {
		loop_fd_del(loop, &p->fd);
		close(p->fd.fd);
		free(p);
	}
}

static void test_fds(void)
{
	struct pipe_fd a = { .fd.ready = pipe_ready }, b = { .fd.ready = pipe_ready };
	struct pipe_fd *c = calloc(1, sizeof(*c));
	int pa[2], pb[2], pc[2];

	start();
	REQUIRE(!pipe(pa) && !pipe(pb) && !pipe(pc) && c);
	a.fd.fd = pa[0];
	b.fd.fd = pb[0];
	c->fd.fd = pc[0];
	c->fd.ready = pipe_ready;
	c->free_self = true;
	EXPECT(!loop_fd_add(loop, &a.fd, EPOLLIN));
	EXPECT(!loop_fd_add(loop, &b.fd, EPOLLIN));
	EXPECT(!loop_fd_add(loop, &c->fd, EPOLLIN));

	EXPECT(write(pc[1], "c", 1) == 1);
	turn_until(1);
	EXPECT_STR(trace, "c");

	/* Both are ready in one batch; whoever is first removes the other. */
	a.other = &b;
	b.other = &a;
	a.del_other = b.del_other = true;
	EXPECT(write(pa[1], "a", 1) == 1 && write(pb[1], "b", 1) == 1);
	turn_until(2);
	EXPECT(!loop_turn(loop, 50));
	EXPECT_EQ(strlen(trace), 2);
	EXPECT(a.fd.added != b.fd.added);

	loop_fd_del(loop, &a.fd);
	loop_fd_del(loop, &b.fd);
	close(pb[1]);
	b.del_other = false;
	EXPECT(!loop_fd_add(loop, &b.fd, 0));	/* a hangup is told all the same */
	EXPECT(!loop_turn(loop, 50));
	EXPECT(strchr(trace, '!'));
	close(pa[0]);
	close(pa[1]);
	close(pb[0]);
	close(pc[1]);
	loop_free(loop);
}

struct named_work {
	struct loop_work work;
	char name;
	bool again;
};

static void work_note(struct loop_work *work)
{
	struct named_work *w = container_of(work, struct named_work, work);

	note(w->name);
	if (w->again)
		loop_defer(loop, work);
}

static void test_work(void)
{
	struct named_work a = { { .run = work_note }, 'a', false };
	struct named_work b = { { .run = work_note }, 'b', true };
	struct named_work c = { { .run = work_note }, 'c', false };

	start();
	loop_defer(loop, &a.work);
	loop_defer(loop, &b.work);
	loop_defer(loop, &a.work);
	loop_defer(loop, &c.work);
	loop_defer_cancel(loop, &c.work);
	EXPECT(!loop_turn(loop, -1));
	EXPECT_STR(trace, "ab");	/* b again, but in the next turn */
	loop_defer(loop, &c.work);
	b.again = false;
	EXPECT(!loop_turn(loop, -1));
	EXPECT_STR(trace, "abbc");
	loop_defer(loop, &a.work);
	loop_defer_cancel(loop, &a.work);
	loop_defer_cancel(loop, &a.work);
	EXPECT(!loop_turn(loop, 0));
	EXPECT_STR(trace, "abbc");
	loop_free(loop);
}

/* Only when nothing else is to do, and one at a time. */
static void test_spare(void)
{
	struct named_work a = { { .run = work_note }, 'a', false };
	struct named_work b = { { .run = work_note }, 'b', false };
	struct named_work c = { { .run = work_note }, 'c', false };

	start();
	loop_spare(loop, &a.work);
	loop_spare(loop, &a.work);
	loop_spare(loop, &b.work);
	loop_defer(loop, &c.work);
	EXPECT(!loop_turn(loop, -1));
	EXPECT_STR(trace, "c");
	EXPECT(!loop_turn(loop, -1));
	EXPECT_STR(trace, "ca");
	loop_defer(loop, &c.work);
	EXPECT(!loop_turn(loop, -1));
	EXPECT_STR(trace, "cac");
	EXPECT(!loop_turn(loop, -1));
	EXPECT_STR(trace, "cacb");
	loop_spare(loop, &a.work);
	loop_spare(loop, &b.work);
	loop_spare_cancel(loop, &a.work);
	loop_spare_cancel(loop, &a.work);
	EXPECT(!loop_turn(loop, -1));
	EXPECT(!loop_turn(loop, 0));
	EXPECT_STR(trace, "cacbb");
	loop_free(loop);
}

static void on_signal(int signo, void *data)
{
	note(*(char *)data);
	loop_stop(loop, signo);
}

static void test_signals(void)
{
	char one = '1', two = '2';

	start();
	EXPECT(!loop_signal(loop, SIGUSR1, on_signal, &one));
	EXPECT(!loop_signal(loop, SIGUSR2, on_signal, &two));
	EXPECT(loop_signal(loop, 0, on_signal, &one) < 0);
	EXPECT(loop_signal(loop, 1000, on_signal, &one) < 0);
	EXPECT(!kill(getpid(), SIGUSR2));
	EXPECT_EQ(loop_run(loop), SIGUSR2);
	EXPECT(!kill(getpid(), SIGUSR1));
	EXPECT_EQ(loop_run(loop), SIGUSR1);
	EXPECT_STR(trace, "21");
	loop_free(loop);
}

static const struct ktap_test tests[] = {
	{ "timer_order", test_timer_order },
	{ "timer_heap", test_timer_heap },
	{ "fds", test_fds },
	{ "work", test_work },
	{ "spare", test_spare },
	{ "signals", test_signals },
};

KTAP_MAIN(tests)
