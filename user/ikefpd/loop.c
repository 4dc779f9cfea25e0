// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"

#define BATCH		64
#define SIGNAL_MAX	65	/* signals are numbered from 1 to 64 */

struct signal_handler {
	loop_signal_fn fn;
	void *data;
};

struct loop_queue {
	struct loop_work *first;
	struct loop_work **tail;
};

struct loop {
	int epfd;
	bool stopped;
	int code;

	/* Binary heap by deadline; heap[i]->slot == i + 1. */
	struct loop_timer **heap;
	size_t heap_len;
	size_t heap_size;

	struct loop_queue work, spare;

	/* Events fetched but not yet dispatched; loop_fd_del() blanks its own. */
	struct epoll_event batch[BATCH];
	int batch_len;
	int batch_next;

	struct loop_fd signal_fd;
	sigset_t signals;
	struct signal_handler handlers[SIGNAL_MAX];
};

uint64_t loop_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epfd < 0) {
		free(loop);
		return NULL;
	}
	loop->work.tail = &loop->work.first;
	loop->spare.tail = &loop->spare.first;
	loop->signal_fd.fd = -1;
	sigemptyset(&loop->signals);
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->signal_fd.fd >= 0)
		close(loop->signal_fd.fd);
	close(loop->epfd);
	free(loop->heap);
	free(loop);
}

void loop_stop(struct loop *loop, int code)
{
	loop->stopped = true;
	loop->code = code;
}

int loop_fd_add(struct loop *loop, struct loop_fd *fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = fd };
	int op = fd->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (fd->added && fd->events == events)
		return 0;
	if (epoll_ctl(loop->epfd, op, fd->fd, &ev))
		return -errno;
	fd->added = true;
	fd->events = events;
	return 0;
}

void loop_fd_del(struct loop *loop, struct loop_fd *fd)
{
	if (!fd->added)
		return;
	epoll_ctl(loop->epfd, EPOLL_CTL_DEL, fd->fd, NULL);
	fd->added = false;
	for (int i = loop->batch_next; i < loop->batch_len; i++)
		if (loop->batch[i].data.ptr == fd)
			loop->batch[i].data.ptr = NULL;
}

static void heap_place(struct loop *loop, size_t i, struct loop_timer *timer)
{
	loop->heap[i] = timer;
	timer->slot = i + 1;
}

static void heap_up(struct loop *loop, size_t i, struct loop_timer *timer)
{
	while (i > 0) {
		size_t parent = (i - 1) / 2;

		if (loop->heap[parent]->deadline_ms <= timer->deadline_ms)
			break;
		heap_place(loop, i, loop->heap[parent]);
		i = parent;
	}
	heap_place(loop, i, timer);
}

static void heap_down(struct loop *loop, size_t i, struct loop_timer *timer)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= loop->heap_len)
			break;
		if (child + 1 < loop->heap_len &&
		    loop->heap[child + 1]->deadline_ms < loop->heap[child]->deadline_ms)
			child++;
		if (timer->deadline_ms <= loop->heap[child]->deadline_ms)
			break;
		heap_place(loop, i, loop->heap[child]);
		i = child;
	}
	heap_place(loop, i, timer);
}

static void heap_settle(struct loop *loop, size_t i, struct loop_timer *timer)
{
	if (i > 0 && timer->deadline_ms < loop->heap[(i - 1) / 2]->deadline_ms)
		heap_up(loop, i, timer);
	else
		heap_down(loop, i, timer);
}

int loop_timer_arm(struct loop *loop, struct loop_timer *timer, uint64_t delay_ms)
{
	timer->deadline_ms = loop_now_ms() + delay_ms;
	if (timer->slot) {
		heap_settle(loop, timer->slot - 1, timer);
		return 0;
	}
	if (loop->heap_len == loop->heap_size) {
		size_t size = loop->heap_size ? 2 * loop->heap_size : 16;
		struct loop_timer **heap = reallocarray(loop->heap, size, sizeof(*heap));

		if (!heap)
			return -ENOMEM;
		loop->heap = heap;
		loop->heap_size = size;
	}
	loop->heap_len++;
	heap_up(loop, loop->heap_len - 1, timer);
	return 0;
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
	size_t i = timer->slot;
	struct loop_timer *last;

	if (!i--)
		return;
	timer->slot = 0;
	last = loop->heap[--loop->heap_len];
	if (last != timer)
		heap_settle(loop, i, last);
}

size_t loop_timers(const struct loop *loop)
{
	return loop->heap_len;
}

static void enqueue(struct loop_queue *queue, struct loop_work *work)
{
	if (work->queued)
		return;
	work->queued = true;
	work->next = NULL;
	*queue->tail = work;
	queue->tail = &work->next;
}

static void cancel(struct loop_queue *queue, struct loop_work *work)
{
	struct loop_work **at = &queue->first;

	if (!work->queued)
		return;
	while (*at != work)
		at = &(*at)->next;
	*at = work->next;
	if (queue->tail == &work->next)
		queue->tail = at;
	work->queued = false;
}

void loop_defer(struct loop *loop, struct loop_work *work)
{
	enqueue(&loop->work, work);
}

void loop_defer_cancel(struct loop *loop, struct loop_work *work)
{
	cancel(&loop->work, work);
}

void loop_spare(struct loop *loop, struct loop_work *work)
{
	enqueue(&loop->spare, work);
}

void loop_spare_cancel(struct loop *loop, struct loop_work *work)
{
	cancel(&loop->spare, work);
}

/* What is queued now, not what it queues in turn: the loop must come round. */
static void run_work(struct loop *loop)
{
	struct loop_queue *queue = &loop->work;
	struct loop_work end = { .queued = true };

	if (!queue->first)
		return;
	*queue->tail = &end;
	queue->tail = &end.next;
	while (queue->first != &end) {
		struct loop_work *work = queue->first;

		queue->first = work->next;
		work->queued = false;
		work->run(work);
	}
	queue->first = end.next;
	if (!queue->first)
		queue->tail = &queue->first;
}

static void run_spare(struct loop *loop)
{
	struct loop_work *work = loop->spare.first;

	if (!work)
		return;
	cancel(&loop->spare, work);
	work->run(work);
}

/* Was one of them due? */
static bool run_timers(struct loop *loop)
{
	uint64_t now = loop_now_ms();
	bool any = false;

	while (loop->heap_len && loop->heap[0]->deadline_ms <= now) {
		struct loop_timer *timer = loop->heap[0];

		loop_timer_cancel(loop, timer);
		timer->expired(timer);
		run_work(loop);
		any = true;
	}
	return any;
}

static int wait_ms(const struct loop *loop, int max_wait_ms)
{
	uint64_t now, left;

	if (loop->work.first || loop->spare.first || loop->stopped)
		return 0;
	if (!loop->heap_len)
		return max_wait_ms;
	now = loop_now_ms();
	if (loop->heap[0]->deadline_ms <= now)
		return 0;
	left = loop->heap[0]->deadline_ms - now;
	if (max_wait_ms >= 0 && left > (uint64_t)max_wait_ms)
		return max_wait_ms;
	return left > INT_MAX ? INT_MAX : (int)left;
}

int loop_turn(struct loop *loop, int max_wait_ms)
{
	int n;

	n = epoll_wait(loop->epfd, loop->batch, BATCH, wait_ms(loop, max_wait_ms));
	if (n < 0 && errno != EINTR)
		return -1;
	loop->batch_len = n < 0 ? 0 : n;
	loop->batch_next = 0;
	while (loop->batch_next < loop->batch_len) {
		const struct epoll_event *ev = &loop->batch[loop->batch_next++];
		struct loop_fd *fd = ev->data.ptr;

		if (!fd)
			continue;
		fd->ready(fd, ev->events);
		run_work(loop);
	}
	if (!run_timers(loop) && !loop->batch_len && !loop->work.first)
		run_spare(loop);
	run_work(loop);
	return 0;
}

int loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped)
		if (loop_turn(loop, -1))
			return -1;
	return loop->code;
}

static void signal_ready(struct loop_fd *fd, uint32_t events)
{
	struct loop *loop = container_of(fd, struct loop, signal_fd);
	struct signalfd_siginfo info;

	(void)events;
	while (read(fd->fd, &info, sizeof(info)) == sizeof(info)) {
		const struct signal_handler *handler;

		if (info.ssi_signo >= SIGNAL_MAX)
			continue;
		handler = &loop->handlers[info.ssi_signo];
		if (handler->fn)
			handler->fn((int)info.ssi_signo, handler->data);
	}
}

int loop_signal(struct loop *loop, int signo, loop_signal_fn fn, void *data)
{
	int fd;

	if (signo < 1 || signo >= SIGNAL_MAX)
		return -EINVAL;
	sigaddset(&loop->signals, signo);
	if (sigprocmask(SIG_BLOCK, &loop->signals, NULL))
		return -errno;
	fd = signalfd(loop->signal_fd.fd, &loop->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	loop->signal_fd.fd = fd;
	loop->signal_fd.ready = signal_ready;
	loop->handlers[signo] = (struct signal_handler){ fn, data };
	return loop_fd_add(loop, &loop->signal_fd, EPOLLIN);
}
