/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's other processes. They are forked before anything is open, so that
 * they hold nothing but their sockets and standard error; they end when the daemon
 * closes its end, however it ends; signals to the whole group are none of theirs.
 */
#ifndef IKEFPD_PROCESS_H
#define IKEFPD_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "errmsg.h"
#include "loop.h"
#include "privileges.h"
#include "sandbox.h"

#define PROCESS_MORE_FD	5	/* where the first of more descriptors is, in that process */

/* What a process is to be, and which of the daemon's descriptors it gets. */
struct process_plan {
	const char *name;	/* at most 15 characters: what ps -o comm shows */
	const struct account *account;
	uint64_t capabilities;	/* those of them that it has */
	enum sandbox sandbox;
	/*
	 * What it runs has the capabilities, too, and no filter, and may gain privileges as
	 * programs do; what it was asked for is done yet when the daemon has gone.
	 */
	bool runs_programs;
	int fd;			/* to another of the processes; -1 none */
	const int *more;	/* and more descriptors, THREADS_MAX at most, which it gets in a row */
	unsigned int n_more;
	/* NULL, or what it does before it has no more system calls than run needs. 0 or -errno. */
	int (*prepare)(int first, unsigned int n);
	/* Its whole work; @daemon_fd ends when the daemon does. */
	void (*run)(int daemon_fd, int fd, void *data);
	void *data;
};

struct process {
	struct loop_fd fd;	/* the daemon's end */
	pid_t pid;
	const char *name;
};

/* Forks; returns once it is confined and at work. 0, or -1 with @err set. */
int process_start(struct process *p, const struct process_plan *plan,
		  struct errmsg *err);

/* Have @lost called in the loop when it is gone. Returns 0 or -errno. */
int process_watch(struct process *p, struct loop *loop,
		  void (*lost)(struct loop_fd *fd, uint32_t events));

/* Ends it and waits for that, a second at most. */
void process_end(struct process *p);

#endif /* IKEFPD_PROCESS_H */
