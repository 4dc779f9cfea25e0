// SPDX-License-Identifier: GPL-2.0
/* The process that reads the file: what it gives to whom, and what it leaves out. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file_reader.h"
#include "ipc.h"
#include "ktap.h"
#include "libsecrets.h"
#include "loop.h"

static char path[] = "/tmp/ikefp-test-XXXXXX", name_of_socket[64];

static struct test_secrets secrets;
static struct file_reader reader;
static pid_t pid;

static void put(const char *text)
{
	FILE *f = fopen(path, "w");

	if (!EXPECT(f))
		return;
	fputs(text, f);
	fclose(f);
}

static void start(const char *file)
{
	int fds[2];

	test_secrets_start(&secrets);
	EXPECT(!ipc_pair(fds));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		file_reader_serve(fds[1], secrets.stage_fd, -1, file, name_of_socket);
		_exit(0);
	}
	close(fds[1]);
	reader = (struct file_reader){ .fd = fds[0] };
}

static void stop(void)
{
	int status = -1;

	close(reader.fd);
	waitpid(pid, &status, 0);
	EXPECT_EQ(status, 0);
	test_secrets_stop(&secrets);
}

static const char conf[] =
	"defaults { local { auth = psk\n id = l.example\n}\n remote { auth = psk\n}\n}\n"
	"connections {\n"
	" net : defaults {\n remote_addrs = 192.0.2.1, 192.0.2.2\n"
	"  children {\n one { local_ts = 10.1.0.0/16, 10.2.0.0/16\n}\n two { }\n}\n}\n"
	" other : defaults {\n encap = yes\n}\n}\n"
	"secrets {\n ike-1 {\n id = r.example\n secret = \"not for the daemon\"\n}\n}\n"
	"charon {\n retransmit_timeout = 1.5\n retransmit_base = 2.5\n retransmit_tries = 7\n"
	" retransmit_jitter = 3\n retransmit_limit = 9\n keep_alive = 30s\n"
	" fragment_size = 1400\n tcp_ports = 4500, 443\n}\n";

/* As read here, but for the secrets. */
static void test_read(void)
{
	struct config *here = config_new(), *there = config_new();
	const struct conn *a, *b;
	struct secret *own = NULL;
	struct errmsg err;

	put(conf);
	start(path);
	EXPECT(!config_read_file(here, &own, path, &err));
	if (!EXPECT(!file_reader_read(&reader, there, &err)))
		printf("# %s\n", err.text);
	EXPECT_EQ(there->retransmit.timeout_ms, 1500);
	EXPECT_EQ(there->retransmit.base_milli, 2500);
	EXPECT_EQ(there->retransmit.tries, 7);
	EXPECT_EQ(there->retransmit.jitter_percent, 3);
	EXPECT_EQ(there->retransmit.limit_ms, 9000);
	EXPECT_EQ(there->keep_alive_ms, 30000);
	EXPECT_EQ(there->fragment_size, 1400);
	EXPECT_EQ(there->tcp_ports[0], 4500);
	EXPECT_EQ(there->tcp_ports[1], 443);
	EXPECT_EQ(there->tcp_ports[2], 0);
	for (a = here->conns, b = there->conns; a && b; a = a->next, b = b->next) {
		EXPECT_STR(b->name, a->name);
		EXPECT_EQ(b->source, CONF_FILE);
		EXPECT_EQ(b->remote_addr_count, a->remote_addr_count);
		EXPECT_EQ(b->encap, a->encap);
		EXPECT(a->section.len == b->section.len &&
		       !memcmp(a->section.data, b->section.data, a->section.len));
	}
	EXPECT(!a && !b && here->conns->next);

	EXPECT(test_secrets_serves(secrets.secrets, "l", "r.example", NULL, 0));
	EXPECT(!secrets_commit(secrets.secrets));
	EXPECT(test_secrets_serves(secrets.secrets, "l", "r.example", "not for the daemon", 18));
	secret_list_free(&own);
	config_free(here);
	config_free(there);
	stop();
}

static void test_refusals(void)
{
	struct config *config = config_new();
	struct errmsg err;

	start(path);
	put("connections {\n net {\n remote_adrs = x\n}\n}\n");
	EXPECT(file_reader_read(&reader, config, &err));
	EXPECT(strstr(err.text, ":3: connections.net.remote_adrs: unknown key"));
	unlink(path);
	EXPECT(file_reader_read(&reader, config, &err));
	EXPECT(strstr(err.text, "No such file"));
	/* And goes on. */
	put("");
	EXPECT(!file_reader_read(&reader, config, &err));
	EXPECT(!config->conns);
	EXPECT_EQ(config->retransmit.timeout_ms, CONF_UNSET);
	EXPECT_EQ(config->keep_alive_ms, CONF_UNSET);
	stop();

	start(NULL);
	EXPECT(file_reader_read(&reader, config, &err));
	EXPECT_STR(err.text, "there is no file");
	stop();
	config_free(config);
}

/* An answer of many packets. */
static void test_large(void)
{
	struct config *config = config_new();
	struct buf text = BUF_INIT;
	struct errmsg err;
	unsigned int n = 0;
	char part[256];

	buf_put(&text, "connections {\n", 14);
	for (int i = 0; i < 3000; i++) {
		int len = snprintf(part, sizeof(part),
				   " c%d {\n local { auth = psk\n}\n remote { auth = psk\n id = r%d.example\n}\n}\n",
				   i, i);

		buf_put(&text, part, (size_t)len);
	}
	buf_put(&text, "}\n", 3);
	put((const char *)text.data);
	start(path);
	EXPECT(!file_reader_read(&reader, config, &err));
	for (const struct conn *c = config->conns; c; c = c->next)
		n++;
	EXPECT_EQ(n, 3000);
	config_free(config);
	buf_clear(&text);
	stop();
}

/* A file whose reading hangs is given up; the late answer is not the next one's. */
static void test_late(void)
{
	struct config *config = config_new();
	struct errmsg err;
	uint64_t begin;

	put("charon {\n retransmit_tries = 1\n}\n");
	start(path);
	kill(pid, SIGSTOP);
	begin = loop_now_ms();
	EXPECT(file_reader_read(&reader, config, &err));
	EXPECT_STR(err.text, "the file was not read: it takes too long");
	EXPECT(loop_now_ms() - begin < FILE_READ_MS + 5000);
	kill(pid, SIGCONT);
	put("charon {\n retransmit_tries = 2\n}\n");
	EXPECT(!file_reader_read(&reader, config, &err));
	EXPECT_EQ(config->retransmit.tries, 2);
	config_free(config);
	stop();
}

static void test_socket(void)
{
	struct stat st;
	FILE *f = fopen(name_of_socket, "w");

	if (EXPECT(f))
		fclose(f);
	start(NULL);
	file_reader_remove_socket(&reader);
	EXPECT(lstat(name_of_socket, &st) && errno == ENOENT);
	stop();
}

static const struct ktap_test tests[] = {
	{ "connections here, secrets there", test_read },
	{ "refusals", test_refusals },
	{ "a large file", test_large },
	{ "a file that takes too long", test_late },
	{ "the socket is removed", test_socket },
};

int main(int argc, char **argv)
{
	int ret;

	signal(SIGPIPE, SIG_IGN);
	close(mkstemp(path));
	snprintf(name_of_socket, sizeof(name_of_socket), "%s.vici", path);
	ret = ktap_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
	unlink(path);
	return ret;
}
