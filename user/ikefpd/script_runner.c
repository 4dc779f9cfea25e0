// SPDX-License-Identifier: GPL-2.0
/* The process that runs scripts. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "container_of.h"
#include "ipc.h"
#include "loop.h"
#include "script_runner.h"
#include "table.h"

#define KEY_LEN		8
#define TEXTS_MAX	64	/* of a request: label, command and environment */

struct job {
	struct job *next;
	size_t count;			/* of texts */
	char *texts[TEXTS_MAX + 1];	/* ends with a NULL, as an environment does */
	char octets[];
};

/* What has to run one after the other. */
struct line {
	struct table_node by_key;
	uint64_t key;
	struct job *first, **end;
	struct line *next_ready;
};

struct run {
	struct line *line;	/* NULL: nothing runs here */
	pid_t pid;
	int pidfd, out;		/* out: -1 when it is closed */
	uint64_t deadline_ms;
	bool asked_to_end, killed;
	char text[SCRIPT_LINE_MAX];
	size_t len;
};

struct runner {
	int daemon_fd;		/* -1: it has gone */
	uint64_t limit_ms;
	unsigned int jobs, jobs_max;		/* those that run included */
	struct table lines;
	struct line *ready, **ready_end;	/* have a job, and none that runs */
	struct run runs[SCRIPT_RUN_MAX];
	unsigned int running;
};

/* Who does not read what is said must not keep scripts waiting. */
static void tell(struct runner *r, const struct job *job, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void tell(struct runner *r, const struct job *job, const char *fmt, ...)
{
	char text[SCRIPT_LINE_MAX + 256];
	int at, len;
	va_list ap;

	if (r->daemon_fd < 0)
		return;
	at = snprintf(text, 200, "%s: ", job->texts[0]);
	if (at > 199)
		at = 199;
	va_start(ap, fmt);
	len = vsnprintf(text + at, sizeof(text) - (size_t)at, fmt, ap);
	va_end(ap);
	if (len >= 0)
		ipc_send(r->daemon_fd, text, strlen(text));
}

/* Requests */

/* NULL: malformed, or no memory. */
static struct job *read_job(const uint8_t *data, size_t len)
{
	struct job *job;
	char *at, *end;

	if (!len || data[len - 1])
		return NULL;
	job = calloc(1, sizeof(*job) + len);
	if (!job)
		return NULL;
	memcpy(job->octets, data, len);
	end = job->octets + len;
	for (at = job->octets; at < end && job->count < TEXTS_MAX; at += strlen(at) + 1)
		job->texts[job->count++] = at;
	if (at == end && job->count >= 2)
		return job;
	free(job);
	return NULL;
}

static struct line *line_of(struct runner *r, uint64_t key)
{
	struct table_node *node = table_find(&r->lines, key);
	struct line *line;

	if (node)
		return container_of(node, struct line, by_key);
	line = calloc(1, sizeof(*line));
	if (!line)
		return NULL;
	line->key = key;
	line->end = &line->first;
	table_add(&r->lines, &line->by_key, key);
	return line;
}

static void make_ready(struct runner *r, struct line *line)
{
	line->next_ready = NULL;
	*r->ready_end = line;
	r->ready_end = &line->next_ready;
}

static void take(struct runner *r, const uint8_t *data, size_t len)
{
	struct job *job = len > KEY_LEN ? read_job(data + KEY_LEN, len - KEY_LEN) : NULL;
	struct line *line = NULL;

	if (!job)
		return;
	if (r->jobs < r->jobs_max)
		line = line_of(r, get64(data));
	if (!line) {
		tell(r, job, "the script is not run: %s",
		     r->jobs < r->jobs_max ? "no memory" : "too many are waiting");
		free(job);
		return;
	}
	if (!line->first)
		make_ready(r, line);
	*line->end = job;
	line->end = &job->next;
	r->jobs++;
}

/* Running */

/* As whoever is started by a shell: standard input is empty, no signal is ignored. */
static void execute(const struct job *job, int out)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE };
	char *argv[] = { "/bin/sh", "-c", job->texts[1], NULL };
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || setpgid(0, 0) || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		_exit(127);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	execve(argv[0], argv, (char *const *)job->texts + 2);
	_exit(127);
}

static int start(struct run *run, const struct job *job)
{
	int out[2];

	if (pipe2(out, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	/* Its own end blocks: a script does not know about anything else. */
	fcntl(out[1], F_SETFL, 0);
	run->pid = fork();
	if (!run->pid)
		execute(job, out[1]);
	close(out[1]);
	run->out = out[0];
	run->pidfd = run->pid > 0 ? (int)syscall(SYS_pidfd_open, run->pid, 0) : -1;
	if (run->pidfd >= 0)
		return 0;
	if (run->pid > 0) {
		kill(run->pid, SIGKILL);
		waitpid(run->pid, NULL, 0);
	}
	close(run->out);
	return -EAGAIN;
}

static void next_job(struct runner *r, struct line *line)
{
	struct job *job = line->first;

	line->first = job->next;
	free(job);
	r->jobs--;
	if (line->first) {
		make_ready(r, line);
		return;
	}
	table_remove(&r->lines, &line->by_key);
	free(line);
}

/* The next one that is ready, unless that fails. */
static void start_next(struct runner *r, struct run *run)
{
	struct line *line = r->ready;
	int err;

	r->ready = line->next_ready;
	if (!r->ready)
		r->ready_end = &r->ready;
	*run = (struct run){ .deadline_ms = loop_now_ms() + r->limit_ms };
	err = start(run, line->first);
	if (err) {
		tell(r, line->first, "the script cannot be run: %s", strerror(-err));
		next_job(r, line);
		return;
	}
	run->line = line;
	r->running++;
}

static void start_ready(struct runner *r)
{
	for (size_t i = 0; i < SCRIPT_RUN_MAX; i++)
		while (r->ready && !r->runs[i].line)
			start_next(r, &r->runs[i]);
}

static void put_line(struct runner *r, struct run *run)
{
	if (run->len)
		tell(r, run->line->first, "%.*s", (int)run->len, run->text);
	run->len = 0;
}

static void put_octet(struct runner *r, struct run *run, char c)
{
	if (c == '\n') {
		put_line(r, run);
		return;
	}
	run->text[run->len++] = c;
	if (run->len == sizeof(run->text))
		put_line(r, run);
}

/* What there is now. */
static void read_output(struct runner *r, struct run *run)
{
	char part[4096];
	ssize_t n;

	if (run->out < 0)
		return;
	n = read(run->out, part, sizeof(part));
	for (ssize_t i = 0; i < n; i++)
		put_octet(r, run, part[i]);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	close(run->out);
	run->out = -1;
}

static void say_end(struct runner *r, const struct run *run, int status)
{
	const struct job *job = run->line->first;

	if (run->asked_to_end)
		tell(r, job, "the script took longer than %llu s and was ended",
		     (unsigned long long)r->limit_ms / 1000);
	else if (WIFSIGNALED(status))
		tell(r, job, "the script was ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		tell(r, job, "the script failed with status %d", WEXITSTATUS(status));
}

/* Others of its group may go on, and hold its output open: they are not waited for. */
static void finish(struct runner *r, struct run *run)
{
	int status = 0;

	if (waitpid(run->pid, &status, 0) < 0)
		status = 0;
	/* As much as a pipe holds. */
	for (int i = 0; i < 16; i++)
		read_output(r, run);
	put_line(r, run);
	say_end(r, run, status);
	if (run->out >= 0)
		close(run->out);
	close(run->pidfd);
	next_job(r, run->line);
	run->line = NULL;
	r->running--;
}

static void enforce_limit(struct run *run)
{
	if (run->killed || loop_now_ms() < run->deadline_ms)
		return;
	kill(-run->pid, run->asked_to_end ? SIGKILL : SIGTERM);
	run->killed = run->asked_to_end;
	run->asked_to_end = true;
	run->deadline_ms = loop_now_ms() + SCRIPT_KILL_MS;
}

static int wait_ms(const struct runner *r)
{
	uint64_t now = loop_now_ms(), least = UINT64_MAX;

	for (size_t i = 0; i < SCRIPT_RUN_MAX; i++)
		if (r->runs[i].line && !r->runs[i].killed && r->runs[i].deadline_ms < least)
			least = r->runs[i].deadline_ms;
	if (least == UINT64_MAX)
		return -1;
	return least > now ? (int)(least - now) : 0;
}

static void read_request(struct runner *r, uint8_t *packet)
{
	ssize_t n = ipc_recv(r->daemon_fd, packet, IPC_PACKET_MAX + 1, -1);

	if (n > 0) {
		take(r, packet, (size_t)n);
	} else if (n != -EMSGSIZE) {
		/* Nothing is said to it any more, either. */
		close(r->daemon_fd);
		r->daemon_fd = -1;
	}
}

static void turn(struct runner *r, uint8_t *packet)
{
	struct pollfd fds[2 * SCRIPT_RUN_MAX + 1];

	fds[0] = (struct pollfd){ .fd = r->daemon_fd, .events = POLLIN };
	for (size_t i = 0; i < SCRIPT_RUN_MAX; i++) {
		const struct run *run = &r->runs[i];

		fds[2 * i + 1] = (struct pollfd){ run->line ? run->pidfd : -1, POLLIN, 0 };
		fds[2 * i + 2] = (struct pollfd){ run->line ? run->out : -1, POLLIN, 0 };
	}
	if (poll(fds, sizeof(fds) / sizeof(*fds), wait_ms(r)) < 0)
		return;
	for (size_t i = 0; i < SCRIPT_RUN_MAX; i++) {
		struct run *run = &r->runs[i];

		if (!run->line)
			continue;
		if (fds[2 * i + 2].revents)
			read_output(r, run);
		if (fds[2 * i + 1].revents)
			finish(r, run);
		else
			enforce_limit(run);
	}
	if (fds[0].revents)
		read_request(r, packet);
}

void script_runner_serve(int daemon_fd, uint64_t limit_ms, unsigned int jobs_max)
{
	struct runner r = {
		.daemon_fd = daemon_fd,
		.limit_ms = limit_ms,
		.jobs_max = jobs_max,
	};
	uint8_t *packet = malloc(IPC_PACKET_MAX + 1);

	r.ready_end = &r.ready;
	fcntl(daemon_fd, F_SETFL, O_NONBLOCK);
	while (packet && (r.daemon_fd >= 0 || r.running || r.ready)) {
		start_ready(&r);
		turn(&r, packet);
	}
	table_clear(&r.lines);
	free(packet);
}
