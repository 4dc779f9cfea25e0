// SPDX-License-Identifier: GPL-2.0
/* The daemon's other processes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc.h"
#include "process.h"
#include "threads.h"

#define DAEMON_FD	3
#define OTHER_FD	4
#define OUT_OF_THE_WAY	64
#define START_MS	10000
#define END_MS		1000

/* Leaves standard input, output and error, and these in their places. */
static int keep_descriptors(int daemon_fd, const struct process_plan *plan)
{
	int from[PROCESS_MORE_FD - DAEMON_FD + THREADS_MAX];
	unsigned int n = 0, i;

	from[n++] = daemon_fd;
	from[n++] = plan->fd;
	for (i = 0; i < plan->n_more; i++)
		from[n++] = plan->more[i];
	/* First out of the way of each other. */
	for (i = 0; i < n; i++) {
		if (from[i] < 0)
			continue;
		from[i] = fcntl(from[i], F_DUPFD, OUT_OF_THE_WAY);
		if (from[i] < 0)
			return -1;
	}
	for (i = 0; i < n; i++) {
		close(DAEMON_FD + (int)i);
		if (from[i] >= 0 && dup2(from[i], DAEMON_FD + (int)i) < 0)
			return -1;
	}
	return close_range(DAEMON_FD + n, ~0U, 0);
}

static int confine(const struct process_plan *plan, struct errmsg *err)
{
	static const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE };
	int ret;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, plan->name);
	if (plan->runs_programs)
		return privileges_lend(plan->account, plan->capabilities & privileges_held(), err);
	if (memory_protect(err) ||
	    privileges_drop(plan->account, plan->capabilities & privileges_held(), err))
		return -1;
	/* After the change of user, which would undo it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		return errmsg_set(err, "PR_SET_PDEATHSIG: %s", strerror(errno));
	ret = plan->prepare ? plan->prepare(PROCESS_MORE_FD, plan->n_more) : 0;
	if (ret)
		return errmsg_set(err, "%s", strerror(-ret));
	return sandbox_enter(plan->sandbox, err);
}

/* Tells the daemon that it is at work, or why not: it logs nothing by itself. */
static void child(const struct process_plan *plan, int daemon_fd)
{
	struct errmsg err = { "" };
	int ret;

	if (keep_descriptors(daemon_fd, plan)) {
		errmsg_set(&err, "descriptors: %s", strerror(errno));
		ipc_send(daemon_fd, err.text, strlen(err.text));
		_exit(1);
	}
	ret = confine(plan, &err);
	/* An octet of zero, or a text. If the daemon is gone, so is this. */
	if (ipc_send(DAEMON_FD, err.text, ret ? strlen(err.text) : 1) || ret)
		_exit(1);
	plan->run(DAEMON_FD, plan->fd < 0 ? -1 : OTHER_FD, plan->data);
	_exit(0);
}

int process_start(struct process *p, const struct process_plan *plan,
		  struct errmsg *err)
{
	struct errmsg why;
	int fds[2];
	ssize_t n;
	int ret;

	p->name = plan->name;
	p->fd.fd = -1;
	ret = ipc_pair(fds);
	if (ret)
		return errmsg_set(err, "%s: %s", p->name, strerror(-ret));
	p->pid = fork();
	if (p->pid < 0) {
		ret = errno;
		close(fds[0]);
		close(fds[1]);
		return errmsg_set(err, "%s: %s", p->name, strerror(ret));
	}
	if (!p->pid) {
		close(fds[0]);
		child(plan, fds[1]);
	}
	close(fds[1]);
	p->fd.fd = fds[0];
	n = ipc_recv(p->fd.fd, why.text, sizeof(why.text) - 1, START_MS);
	if (n == 1 && !why.text[0])
		return 0;
	why.text[n > 0 ? n : 0] = '\0';
	process_end(p);
	return errmsg_set(err, "%s does not start%s%s", p->name, n > 0 ? ": " : "",
			  why.text);
}

int process_watch(struct process *p, struct loop *loop,
		  void (*lost)(struct loop_fd *fd, uint32_t events))
{
	p->fd.ready = lost;
	/* EPOLLHUP and EPOLLERR are reported without being asked for. */
	return loop_fd_add(loop, &p->fd, EPOLLRDHUP);
}

void process_end(struct process *p)
{
	char octet[2];

	if (p->fd.fd < 0)
		return;
	shutdown(p->fd.fd, SHUT_WR);
	/* One that hangs dies with this process (PR_SET_PDEATHSIG), unless it has work to do. */
	if (!ipc_recv(p->fd.fd, octet, sizeof(octet), END_MS))
		waitpid(p->pid, NULL, 0);
	close(p->fd.fd);
	p->fd.fd = -1;
}
