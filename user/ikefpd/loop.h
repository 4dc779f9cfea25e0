/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_LOOP_H
#define IKEFPD_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "container_of.h"

/*
 * The event loop: all of ikefpd but its jobs (jobs.h) is in one, and no callback may
 * block. Every source is a struct that its owner embeds and zeroes before the
 * first use; the loop allocates nothing for fds and deferred work. A callback
 * may add, change, remove or free any source, its own included.
 */

struct loop;

/* A file descriptor; @ready gets EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR. */
struct loop_fd {
	void (*ready)(struct loop_fd *fd, uint32_t events);
	int fd;
	uint32_t events;	/* kept by the loop */
	bool added;		/* kept by the loop */
};

/* A one-shot timer, on CLOCK_MONOTONIC. */
struct loop_timer {
	void (*expired)(struct loop_timer *timer);
	uint64_t deadline_ms;	/* kept by the loop */
	size_t slot;		/* kept by the loop: heap index + 1, 0 unarmed */
};

/* Work that runs once the callback at hand has returned. */
struct loop_work {
	void (*run)(struct loop_work *work);
	struct loop_work *next;	/* kept by the loop */
	bool queued;		/* kept by the loop */
};

typedef void (*loop_signal_fn)(int signo, void *data);

/* Returns NULL with errno set when the kernel refuses the epoll instance. */
struct loop *loop_new(void);

/* Frees the loop; sources still added are forgotten, not closed. */
void loop_free(struct loop *loop);

/*
 * Run until loop_stop(). Returns the code given to loop_stop(), or -1 with
 * errno set if epoll_wait fails.
 */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop, int code);

/*
 * One turn: wait for at most @max_wait_ms (-1: no bound), dispatch what is due.
 * Returns 0, or -1 with errno set. For tests that step the loop themselves.
 */
int loop_turn(struct loop *loop, int max_wait_ms);

/*
 * Watch @fd->fd for @events. The descriptor should be non-blocking. Returns 0
 * or -errno. Calling it again changes the events.
 */
int loop_fd_add(struct loop *loop, struct loop_fd *fd, uint32_t events);

/* Stop watching, before close(). No-op if not added; @ready is not called again. */
void loop_fd_del(struct loop *loop, struct loop_fd *fd);

/*
 * (Re)arm @timer to expire once, @delay_ms from now. Returns 0 or -ENOMEM (only
 * when the heap must grow, never for a timer that is already armed).
 */
int loop_timer_arm(struct loop *loop, struct loop_timer *timer, uint64_t delay_ms);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

/* How many timers are armed. */
size_t loop_timers(const struct loop *loop);

static inline bool loop_timer_armed(const struct loop_timer *timer)
{
	return timer->slot != 0;
}

/* Queue @work; queueing what is queued already does nothing. */
void loop_defer(struct loop *loop, struct loop_work *work);
void loop_defer_cancel(struct loop *loop, struct loop_work *work);

/* The same for work that runs, one at a time, when the loop would wait otherwise. */
void loop_spare(struct loop *loop, struct loop_work *work);
void loop_spare_cancel(struct loop *loop, struct loop_work *work);

/*
 * Block @signo and have @fn called in the loop instead. Returns 0 or -errno.
 */
int loop_signal(struct loop *loop, int signo, loop_signal_fn fn, void *data);

/* CLOCK_MONOTONIC in milliseconds. */
uint64_t loop_now_ms(void);

#endif /* IKEFPD_LOOP_H */
