// SPDX-License-Identifier: GPL-2.0
/* The process that runs scripts: in order, at the same time, ended after a while. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "ipc.h"
#include "ktap.h"
#include "script_runner.h"

#define WAIT_MS		20000
#define JOBS_MAX	(3 * SCRIPT_RUN_MAX)

static int fd;
static pid_t pid;

static void start(uint64_t limit_ms)
{
	int fds[2];

	EXPECT(!ipc_pair(fds));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		close(fds[0]);
		script_runner_serve(fds[1], limit_ms, JOBS_MAX);
		_exit(0);
	}
	close(fds[1]);
	fd = fds[0];
}

/* It ends by itself. */
static void stop(void)
{
	int status = -1;

	close(fd);
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
}

static void ask(uint64_t key, const char *label, const char *command)
{
	static const char env[] = "PATH=/usr/bin:/bin\0WORD=two words";
	struct buf b = BUF_INIT;

	buf_put64(&b, key);
	buf_put(&b, label, strlen(label) + 1);
	buf_put(&b, command, strlen(command) + 1);
	buf_put(&b, env, sizeof(env));
	EXPECT(!ipc_send(fd, b.data, b.len));
	buf_clear(&b);
}

static void expect(const char *want)
{
	char line[1024];
	ssize_t n = ipc_recv(fd, line, sizeof(line), WAIT_MS);

	line[n > 0 ? n : 0] = '\0';
	EXPECT_STR(line, want);
}

static void write_fifo(const char *fifo, const char *text)
{
	int out = open(fifo, O_WRONLY);

	EXPECT_EQ(write(out, text, strlen(text)), (ssize_t)strlen(text));
	close(out);
}

/* All output, the environment, no more than that, and an end that is no success. */
static void test_run(void)
{
	start(SCRIPT_LIMIT_MS);
	ask(1, "a", "echo \"$WORD\"; echo error >&2; printf end; env | grep -c HOME; exit 3");
	expect("a: two words");
	expect("a: error");
	expect("a: end0");
	expect("a: the script failed with status 3");
	ask(1, "b", "kill -KILL $$");
	expect("b: the script was ended by signal 9");
	/* Nothing but its three descriptors; it can be ended. */
	ask(1, "c", "cat; ls /proc/self/fd | tr '\\n' ' '; kill $$; echo no");
	expect("c: 0 1 2 3 ");
	expect("c: the script was ended by signal 15");
	ask(1, "d", "/no/such/program 2>/dev/null");
	expect("d: the script failed with status 127");
	stop();
}

/* Of one key one after the other; another one does not wait for them. */
static void test_order(void)
{
	char dir[] = "/tmp/ikefp-test-XXXXXX", fifo[64], command[256];

	EXPECT(mkdtemp(dir));
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	snprintf(command, sizeof(command), "mkfifo %s; echo waits; cat %s", fifo, fifo);
	start(SCRIPT_LIMIT_MS);
	ask(1, "a", command);
	expect("a: waits");
	ask(1, "b", "echo second");
	ask(1, "c", "echo third");
	snprintf(command, sizeof(command), "echo first >%s; echo other", fifo);
	ask(2, "d", command);
	for (int seen = 0; seen < 4; seen++) {
		static const char *const want[] = { "a: first", "b: second", "c: third" };
		static int next, other;
		char line[128];
		ssize_t n = ipc_recv(fd, line, sizeof(line) - 1, WAIT_MS);

		line[n > 0 ? n : 0] = '\0';
		if (!strcmp(line, "d: other"))
			EXPECT_EQ(other++, 0);
		else if (EXPECT(next < 3))
			EXPECT_STR(line, want[next++]);
	}
	stop();
	unlink(fifo);
	rmdir(dir);
}

/* What is asked for while too many are there is not run, and that is said; then there is room. */
static void test_too_many(void)
{
	char dir[] = "/tmp/ikefp-test-XXXXXX", fifo[64], command[256];

	EXPECT(mkdtemp(dir));
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	EXPECT(!mkfifo(fifo, 0600));
	start(SCRIPT_LIMIT_MS);
	snprintf(command, sizeof(command), "echo waits; cat %s", fifo);
	ask(1, "a", command);
	expect("a: waits");
	for (unsigned int i = 1; i < JOBS_MAX; i++)
		ask(1, "b", i + 1 < JOBS_MAX ? ":" : "echo last");
	ask(1, "c", "echo not run");
	expect("c: the script is not run: too many are waiting");
	ask(2, "d", "echo not run");
	expect("d: the script is not run: too many are waiting");
	write_fifo(fifo, "done\n");
	expect("a: done");
	expect("b: last");
	ask(1, "e", "echo run");
	expect("e: run");
	stop();
	unlink(fifo);
	rmdir(dir);
}

/* More than run at a time: each has its turn. */
static void test_many(void)
{
	unsigned int seen = 0;
	char line[128];

	start(SCRIPT_LIMIT_MS);
	for (unsigned int i = 0; i < 3 * SCRIPT_RUN_MAX; i++)
		ask(i / 2, "m", "echo here");
	while (seen < 3 * SCRIPT_RUN_MAX && ipc_recv(fd, line, sizeof(line), WAIT_MS) > 0)
		seen++;
	EXPECT_EQ(seen, 3 * SCRIPT_RUN_MAX);
	stop();
}

/* One that takes too long, and one that does not end when it is asked to. */
static void test_limit(void)
{
	start(1000);
	ask(1, "a", "echo begins; sleep 60");
	expect("a: begins");
	ask(1, "b", "trap '' TERM; echo stays; sleep 60; sleep 60");
	expect("a: the script took longer than 1 s and was ended");
	expect("b: stays");
	expect("b: the script took longer than 1 s and was ended");
	ask(1, "c", "echo goes on");
	expect("c: goes on");
	stop();
}

/* What it leaves running is not waited for, though it has the output open. */
static void test_background(void)
{
	start(SCRIPT_LIMIT_MS);
	ask(1, "a", "sleep 60 & echo $!");
	ask(1, "b", "echo next");
	for (int i = 0; i < 2; i++) {
		char line[128];
		ssize_t n = ipc_recv(fd, line, sizeof(line) - 1, WAIT_MS);

		line[n > 0 ? n : 0] = '\0';
		if (i)
			EXPECT_STR(line, "b: next");
		else if (EXPECT(n > 3))
			kill(atoi(line + 3), SIGKILL);
	}
	stop();
}

/* The daemon has gone: what it asked for is done. */
static void test_alone(void)
{
	char name[] = "/tmp/ikefp-test-XXXXXX", command[128];
	int file = mkstemp(name);
	char text[8] = "";

	EXPECT(file >= 0);
	start(SCRIPT_LIMIT_MS);
	snprintf(command, sizeof(command), "sleep 0.2; printf a >>%s; echo said to nobody", name);
	ask(1, "a", command);
	snprintf(command, sizeof(command), "printf b >>%s", name);
	ask(1, "b", command);
	stop();
	EXPECT_EQ(read(file, text, sizeof(text)), 2);
	EXPECT(!memcmp(text, "ab", 2));
	close(file);
	unlink(name);
}

/* Requests that are none. */
static void test_malformed(void)
{
	static const char no_command[] = "\0\0\0\0\0\0\0\1label";
	char many[8 + 200];

	start(SCRIPT_LIMIT_MS);
	EXPECT(!ipc_send(fd, "\1", 1));
	EXPECT(!ipc_send(fd, no_command, 8));
	EXPECT(!ipc_send(fd, no_command, sizeof(no_command) - 1));
	EXPECT(!ipc_send(fd, no_command, sizeof(no_command)));
	memset(many, 0, sizeof(many));
	EXPECT(!ipc_send(fd, many, sizeof(many)));
	ask(1, "a", "echo served");
	expect("a: served");
	stop();
}

static const struct ktap_test tests[] = {
	{ "output, environment, end", test_run },
	{ "order", test_order },
	{ "many", test_many },
	{ "a limit of time", test_limit },
	{ "what is left running", test_background },
	{ "the daemon has gone", test_alone },
	{ "too many", test_too_many },
	{ "malformed requests", test_malformed },
};

KTAP_MAIN(tests)
