// SPDX-License-Identifier: GPL-2.0
/* The process that asks the network. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/http.h>

#include "buf.h"
#include "endpoint.h"
#include "ipc.h"
#include "lookup_runner.h"
#include "loop.h"

/* What is passed on at a time. */
#define PART	32768
#define ADDRESSES_MAX	64

struct job {
	struct job *next;
	uint32_t number;
	uint8_t kind;
	size_t len;	/* of octets */
	char octets[];	/* its text, and what follows it */
};

struct run {
	struct job *job;	/* NULL: nothing runs here */
	pid_t pid;
	int out;
	uint64_t deadline_ms;
	size_t octets;
};

struct runner {
	int daemon_fd;
	struct job *waiting, **end;
	struct run runs[LOOKUP_RUN_MAX];
};

/* The process of one look-up: writes an octet, 1 or 0, and what was found, or why nothing. */

static void put(int out, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len) {
		ssize_t n = write(out, at, len);

		if (n <= 0)
			_exit(1);
		at += n;
		len -= (size_t)n;
	}
}

static void fail(int out, const char *why)
{
	put(out, "", 1);
	put(out, why, strlen(why));
	_exit(0);
}

static void put_body(int out, BIO *body)
{
	uint8_t part[4096];
	int n;

	if (!body) {
		const char *why = ERR_reason_error_string(ERR_peek_last_error());

		fail(out, why ? why : "it cannot be fetched");
	}
	put(out, "\1", 1);
	while ((n = BIO_read(body, part, sizeof(part))) > 0)
		put(out, part, (size_t)n);
}

/*
 * No proxy of the environment, and whom a server sends us on to is not asked: whom it asks
 * is what the certificate or the configuration says.
 */
static void fetch(int out, const struct job *job)
{
	const char *request_type = NULL, *answer_type = NULL;
	const char *url = job->octets;
	char *host = NULL, *port = NULL, *path = NULL;
	size_t used = strlen(url) + 1;
	BIO *request = NULL, *body;
	int ssl;

	unsetenv("http_proxy");
	unsetenv("HTTP_PROXY");
	if (!OSSL_HTTP_parse_url(url, &ssl, NULL, &host, &port, NULL, &path, NULL, NULL) || ssl)
		fail(out, "it is no http:// address");
	if (job->kind == LOOKUP_OCSP) {
		request = BIO_new_mem_buf(job->octets + used, (int)(job->len - used));
		request_type = "application/ocsp-request";
		answer_type = "application/ocsp-response";
		if (!request)
			fail(out, "no memory");
	}
	body = OSSL_HTTP_transfer(NULL, host, port, path, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0,
				  NULL, request_type, request, answer_type, 1, LOOKUP_OCTETS_MAX,
				  LOOKUP_LIMIT_MS / 1000, 0);
	put_body(out, body);
}

/* No device, nor a pipe that nobody writes to. What is too large is found out by the runner. */
static void read_file(int out, const struct job *job)
{
	int fd = open(job->octets, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	uint8_t part[4096];
	struct stat st;
	ssize_t n;

	if (fd < 0 && errno == EACCES)
		fail(out, "permission denied: anybody has to be able to read it, and its folders");
	if (fd < 0 || fstat(fd, &st))
		fail(out, strerror(errno));
	if (!S_ISREG(st.st_mode))
		fail(out, "it is no regular file");
	put(out, "\1", 1);
	while ((n = read(fd, part, sizeof(part))) > 0)
		put(out, part, (size_t)n);
}

static void resolve(int out, const struct job *job)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	struct addrinfo *list, *a;
	struct endpoint e;
	unsigned int n = 0;
	int err;

	err = getaddrinfo(job->octets, NULL, &hints, &list);
	if (err)
		fail(out, gai_strerror(err));
	put(out, "\1", 1);
	for (a = list; a && n < ADDRESSES_MAX; a = a->ai_next) {
		if (endpoint_from_sockaddr(&e, a->ai_addr))
			continue;
		put(out, e.family == AF_INET ? "\4" : "\6", 1);
		put(out, e.addr, endpoint_addr_len(&e));
		n++;
	}
}

/* The runner */

static void send_part(struct runner *r, const struct job *job, enum lookup_answer type,
		      const void *data, size_t len)
{
	struct buf packet = BUF_INIT;

	buf_put32(&packet, job->number);
	buf_put8(&packet, (uint8_t)type);
	buf_put(&packet, data, len);
	/* The daemon reads all the time, and does not wait for this process. */
	if (!packet.failed)
		ipc_send(r->daemon_fd, packet.data, packet.len);
	buf_clear(&packet);
}

static void refuse(struct runner *r, struct job *job, const char *why)
{
	send_part(r, job, LOOKUP_FAILED, why, strlen(why));
	free(job);
}

static void take(struct runner *r, const uint8_t *data, size_t len)
{
	struct job *job;

	/* A text, and nothing behind it but a request. */
	if (len <= LOOKUP_HEADER || !memchr(data + LOOKUP_HEADER, '\0', len - LOOKUP_HEADER))
		return;
	job = malloc(sizeof(*job) + len - LOOKUP_HEADER);
	if (!job) {
		const struct job none = { .number = get32(data) };

		send_part(r, &none, LOOKUP_FAILED, "no memory", 9);
		return;
	}
	job->next = NULL;
	job->number = get32(data);
	job->kind = data[4];
	job->len = len - LOOKUP_HEADER;
	memcpy(job->octets, data + LOOKUP_HEADER, job->len);
	*r->end = job;
	r->end = &job->next;
}

static void work(const struct runner *r, const struct job *job, int out)
{
	close(r->daemon_fd);
	for (size_t i = 0; i < LOOKUP_RUN_MAX; i++)
		if (r->runs[i].job)
			close(r->runs[i].out);
	if (job->kind == LOOKUP_HOST)
		resolve(out, job);
	else if (job->kind == LOOKUP_FILE)
		read_file(out, job);
	else
		fetch(out, job);
	_exit(0);
}

static void start(struct runner *r, struct run *run, struct job *job)
{
	int out[2];

	if (pipe(out)) {
		refuse(r, job, strerror(errno));
		return;
	}
	run->pid = fork();
	if (!run->pid) {
		close(out[0]);
		work(r, job, out[1]);
	}
	close(out[1]);
	if (run->pid < 0) {
		close(out[0]);
		refuse(r, job, strerror(errno));
		return;
	}
	run->job = job;
	run->out = out[0];
	run->octets = 0;
	run->deadline_ms = loop_now_ms() + LOOKUP_LIMIT_MS;
}

static void start_waiting(struct runner *r)
{
	for (size_t i = 0; i < LOOKUP_RUN_MAX; i++) {
		while (r->waiting && !r->runs[i].job) {
			struct job *job = r->waiting;

			r->waiting = job->next;
			if (!r->waiting)
				r->end = &r->waiting;
			start(r, &r->runs[i], job);
		}
	}
}

static void finish(struct run *run)
{
	kill(run->pid, SIGKILL);
	waitpid(run->pid, NULL, 0);
	close(run->out);
	free(run->job);
	run->job = NULL;
}

static void give_up(struct runner *r, struct run *run, const char *why)
{
	send_part(r, run->job, LOOKUP_FAILED, why, strlen(why));
	finish(run);
}

/* An octet that says how it went, then the rest in parts, the last one empty. */
static void read_output(struct runner *r, struct run *run)
{
	char part[PART];
	ssize_t n = read(run->out, part, run->octets ? sizeof(part) : 1);

	if (n < 0) {
		give_up(r, run, strerror(errno));
	} else if (!run->octets) {
		run->octets = 1;
		if (n == 1 && part[0])
			return;
		/* The text is short, and written at once. */
		n = n ? read(run->out, part, sizeof(part) - 1) : 0;
		part[n > 0 ? n : 0] = '\0';
		give_up(r, run, n > 0 ? part : "it was given up");
	} else if (!n) {
		send_part(r, run->job, LOOKUP_LAST, NULL, 0);
		finish(run);
	} else {
		run->octets += (size_t)n;
		if (run->octets > LOOKUP_OCTETS_MAX)
			give_up(r, run, "it is too large");
		else
			send_part(r, run->job, LOOKUP_MORE, part, (size_t)n);
	}
}

static int wait_ms(const struct runner *r)
{
	uint64_t now = loop_now_ms(), least = UINT64_MAX;

	for (size_t i = 0; i < LOOKUP_RUN_MAX; i++)
		if (r->runs[i].job && r->runs[i].deadline_ms < least)
			least = r->runs[i].deadline_ms;
	if (least == UINT64_MAX)
		return -1;
	return least > now ? (int)(least - now) : 0;
}

/* False: the daemon has gone. */
static bool turn(struct runner *r, uint8_t *packet)
{
	struct pollfd fds[LOOKUP_RUN_MAX + 1];
	ssize_t n;

	fds[0] = (struct pollfd){ .fd = r->daemon_fd, .events = POLLIN };
	for (size_t i = 0; i < LOOKUP_RUN_MAX; i++)
		fds[i + 1] = (struct pollfd){ r->runs[i].job ? r->runs[i].out : -1, POLLIN, 0 };
	if (poll(fds, LOOKUP_RUN_MAX + 1, wait_ms(r)) < 0)
		return errno == EINTR;
	for (size_t i = 0; i < LOOKUP_RUN_MAX; i++) {
		struct run *run = &r->runs[i];

		if (run->job && fds[i + 1].revents)
			read_output(r, run);
		if (run->job && loop_now_ms() >= run->deadline_ms)
			give_up(r, run, "it took too long");
	}
	if (!fds[0].revents)
		return true;
	n = ipc_recv(r->daemon_fd, packet, IPC_PACKET_MAX + 1, 0);
	if (n > 0)
		take(r, packet, (size_t)n);
	return n > 0 || n == -EMSGSIZE || n == -ETIMEDOUT;
}

void lookup_runner_serve(int daemon_fd)
{
	struct runner r = { .daemon_fd = daemon_fd };
	uint8_t *packet = malloc(IPC_PACKET_MAX + 1);
	struct job *job;

	r.end = &r.waiting;
	do
		start_waiting(&r);
	while (packet && turn(&r, packet));
	for (size_t i = 0; i < LOOKUP_RUN_MAX; i++)
		if (r.runs[i].job)
			finish(&r.runs[i]);
	while ((job = r.waiting)) {
		r.waiting = job->next;
		free(job);
	}
	free(packet);
}
