// SPDX-License-Identifier: GPL-2.0
/* The process that asks the network: CRLs and OCSP by HTTP, host names; bounds. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc.h"
#include "ktap.h"
#include "lookup.h"
#include "loop.h"

/* What libcrypto takes for a whole: a SEQUENCE of one INTEGER. */
static const uint8_t der[] = { 0x30, 3, 2, 1, 7 };

static struct loop *loop;
static struct lookup *lookup;
static int daemon_fd, server;
static char url[64];
static pid_t pid;

static void begin(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fds[2];

	EXPECT(!ipc_pair(fds));
	server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT(!bind(server, (struct sockaddr *)&addr, len) && !listen(server, 100));
	EXPECT(!getsockname(server, (struct sockaddr *)&addr, &len));
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/path", ntohs(addr.sin_port));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		close(server);
		close(fds[0]);
		lookup_runner_serve(fds[1]);
		_exit(0);
	}
	close(fds[1]);
	daemon_fd = fds[0];
	loop = loop_new();
	lookup = lookup_open(loop, daemon_fd);
	EXPECT(lookup);
}

static void end(void)
{
	int status = -1;

	lookup_close(lookup);
	loop_free(loop);
	close(daemon_fd);
	close(server);
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}

static char why_not[256];
static uint8_t got[256];
static size_t got_len;
static unsigned int done;

static void job_done(struct lookup_job *job, const char *why, const uint8_t *data, size_t len)
{
	(void)job;
	done++;
	snprintf(why_not, sizeof(why_not), "%s", why ? why : "");
	got_len = len;
	if (len && len <= sizeof(got))
		memcpy(got, data, len);
}

static void wait_done(unsigned int n)
{
	for (int i = 0; done < n && i < 1000; i++)
		loop_turn(loop, 100);
	EXPECT_EQ(done, n);
}

/* Answers the next request; returns what it was. */
static const char *serve(const char *head, const void *body, size_t len)
{
	static char request[2048];
	int fd = accept(server, NULL, NULL);
	size_t at = 0;
	ssize_t n;

	do {
		n = read(fd, request + at, sizeof(request) - 1 - at);
		at += n > 0 ? (size_t)n : 0;
		request[at] = '\0';
	} while (n > 0 && !strstr(request, "\r\n\r\n"));
	EXPECT(write(fd, head, strlen(head)) >= 0 && (!len || write(fd, body, len) >= 0));
	close(fd);
	return request;
}

static void ask(struct lookup_job *job, enum lookup_kind kind, const char *text)
{
	*job = (struct lookup_job){ .done = job_done };
	EXPECT(!lookup_ask(lookup, job, kind, text, kind == LOOKUP_OCSP ? der : NULL,
			   kind == LOOKUP_OCSP ? sizeof(der) : 0));
}

static void test_http(void)
{
	struct lookup_job job;

	begin();
	done = 0;
	ask(&job, LOOKUP_CRL, url);
	EXPECT(strstr(serve("HTTP/1.0 200 OK\r\nContent-Type: application/pkix-crl\r\n\r\n", der,
			    sizeof(der)), "GET /path "));
	wait_done(1);
	EXPECT_STR(why_not, "");
	EXPECT_EQ(got_len, sizeof(der));
	EXPECT_HEX(got, der, sizeof(der));
	ask(&job, LOOKUP_OCSP, url);
	EXPECT(strstr(serve("HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\n\r\n",
			    der, sizeof(der)), "POST /path "));
	wait_done(2);
	EXPECT_STR(why_not, "");
	EXPECT_EQ(got_len, sizeof(der));
	end();
}

static void test_failures(void)
{
	static const char *const heads[] = {
		"HTTP/1.0 404 Not Found\r\n\r\n", "", "nonsense\r\n\r\n",
		"HTTP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n",
		"HTTP/1.0 301 Moved\r\nLocation: https://127.0.0.1/\r\n\r\n",
	};
	struct lookup_job job;
	unsigned int n = 0;

	begin();
	done = 0;
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		ask(&job, LOOKUP_CRL, url);
		serve(heads[i], NULL, 0);
		wait_done(++n);
		EXPECT(why_not[0]);
		EXPECT_EQ(got_len, 0);
	}
	ask(&job, LOOKUP_CRL, "https://127.0.0.1/");
	wait_done(++n);
	EXPECT_STR(why_not, "it is no http:// address");
	ask(&job, LOOKUP_CRL, "nothing");
	wait_done(++n);
	EXPECT(why_not[0]);
	end();
}

/* Who does not answer is given up, and keeps nobody waiting meanwhile. */
/* One that the configuration names: it is read as it is, as long as it is a file, and not too large. */
static void test_files(void)
{
	char dir[] = "/tmp/ikefp-test-XXXXXX", path[64], pipe[64];
	struct lookup_job job;
	unsigned int n = 0;
	int fd;

	begin();
	done = 0;
	REQUIRE(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.crl", dir);
	snprintf(pipe, sizeof(pipe), "%s/pipe", dir);
	ask(&job, LOOKUP_FILE, path);
	wait_done(++n);
	EXPECT_STR(why_not, "No such file or directory");
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	EXPECT(write(fd, der, sizeof(der)) == sizeof(der));
	ask(&job, LOOKUP_FILE, path);
	wait_done(++n);
	EXPECT_STR(why_not, "");
	EXPECT_EQ(got_len, sizeof(der));
	EXPECT_HEX(got, der, sizeof(der));
	EXPECT(!ftruncate(fd, LOOKUP_OCTETS_MAX + 1));
	close(fd);
	ask(&job, LOOKUP_FILE, path);
	wait_done(++n);
	EXPECT_STR(why_not, "it is too large");
	ask(&job, LOOKUP_FILE, dir);
	wait_done(++n);
	EXPECT_STR(why_not, "it is no regular file");
	/* Nobody ever writes to it. */
	EXPECT(!mkfifo(pipe, 0600));
	ask(&job, LOOKUP_FILE, pipe);
	wait_done(++n);
	EXPECT_STR(why_not, "it is no regular file");
	/* Whatever a certificate says, it is fetched by HTTP. */
	snprintf(path, sizeof(path), "file://%s/a.crl", dir);
	ask(&job, LOOKUP_CRL, path);
	wait_done(++n);
	EXPECT(why_not[0] && !got_len);
	unlink(path + strlen("file://"));
	unlink(pipe);
	rmdir(dir);
	end();
}

static void test_slow(void)
{
	struct lookup_job slow[LOOKUP_RUN_MAX - 1], job;
	uint64_t begun = loop_now_ms();

	begin();
	done = 0;
	for (size_t i = 0; i < LOOKUP_RUN_MAX - 1; i++)
		ask(&slow[i], LOOKUP_CRL, url);
	ask(&job, LOOKUP_HOST, "127.0.0.1");
	wait_done(1);
	EXPECT_EQ(got_len, 5);
	EXPECT_HEX(got, "\4\177\0\0\1", 5);
	lookup_cancel(&slow[0]);
	wait_done(LOOKUP_RUN_MAX - 1);
	EXPECT(why_not[0]);
	EXPECT(loop_now_ms() - begun >= LOOKUP_LIMIT_MS - 1500);
	end();
}

static void test_hosts(void)
{
	struct lookup_job job;

	begin();
	done = 0;
	ask(&job, LOOKUP_HOST, "::1");
	wait_done(1);
	EXPECT_EQ(got_len, 17);
	EXPECT_EQ(got[0], 6);
	ask(&job, LOOKUP_HOST, "a name that is none");
	wait_done(2);
	EXPECT(why_not[0]);
	end();
}

/* The process is gone: what was asked is done, and nothing more can be. */
static void test_gone(void)
{
	struct lookup_job job;

	begin();
	done = 0;
	ask(&job, LOOKUP_CRL, url);
	kill(pid, SIGKILL);
	wait_done(1);
	EXPECT(why_not[0]);
	EXPECT(lookup_ask(lookup, &job, LOOKUP_CRL, url, NULL, 0) < 0);
	lookup_close(lookup);
	loop_free(loop);
	close(daemon_fd);
	close(server);
	waitpid(pid, NULL, 0);
}

static const struct ktap_test tests[] = {
	{ "CRLs and OCSP by HTTP", test_http },
	{ "what is no answer", test_failures },
	{ "files", test_files },
	{ "slow ones", test_slow },
	{ "host names", test_hosts },
	{ "the process is gone", test_gone },
};

KTAP_MAIN(tests)
