// SPDX-License-Identifier: GPL-2.0
/* Work that threads do, and handshakes whose key exchange is such work. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "container_of.h"
#include "dh.h"
#include "dh_job.h"
#include "buf.h"
#include "ikev2.h"
#include "ipc.h"
#include "jobs.h"
#include "ktap.h"
#include "libnet.h"
#include "secrets_server.h"

#define LEFT	"192.0.2.1"
#define RIGHT	"198.51.100.1"
#define THREADS	3
#define JOBS	200

struct number {
	struct job job;
	unsigned int n;
	unsigned long long sum;
};

static unsigned int done_count, drop_count;
static atomic_bool held, at_work;

static void nap(void)
{
	const struct timespec t = { .tv_nsec = 100000 };

	nanosleep(&t, NULL);
}

static void add_up(struct job *job)
{
	struct number *number = container_of(job, struct number, job);

	for (unsigned int i = 0; i <= number->n; i++)
		number->sum += i;
}

/* At work until the test lets it go. */
static void hold(struct job *job)
{
	(void)job;
	at_work = true;
	while (held)
		nap();
}

static void count_done(struct job *job)
{
	const struct number *number = container_of(job, struct number, job);

	EXPECT(number->sum == (unsigned long long)number->n * (number->n + 1) / 2);
	done_count++;
}

static void count_drop(struct job *job)
{
	(void)job;
	drop_count++;
}

static struct number number_of(unsigned int n, void (*work)(struct job *job))
{
	done_count = 0;
	drop_count = 0;
	return (struct number){ { .work = work, .done = count_done, .drop = count_drop }, n, 0 };
}

static void run_all(struct loop *loop)
{
	while (jobs_count())
		EXPECT_EQ(loop_turn(loop, 1000), 0);
}

static void each_is_done(void)
{
	struct loop *loop = loop_new();
	struct number numbers[JOBS];

	REQUIRE(loop);
	EXPECT(!jobs_submit(&numbers[0].job));
	EXPECT_EQ(jobs_open(loop, THREADS), 0);
	for (unsigned int i = 0; i < JOBS; i++)
		numbers[i] = number_of(i * 100, add_up);
	for (unsigned int i = 0; i < JOBS; i++)
		EXPECT(jobs_submit(&numbers[i].job));
	run_all(loop);
	EXPECT_EQ(done_count, JOBS);
	EXPECT_EQ(drop_count, 0);
	jobs_close();
	EXPECT(!jobs_submit(&numbers[0].job));
	loop_free(loop);
}

/* Whether it waits, is at work, or is finished and not yet told of. */
static void cancelled(void)
{
	struct loop *loop = loop_new();
	struct number working, waiting, kept;

	REQUIRE(loop);
	EXPECT_EQ(jobs_open(loop, 1), 0);
	held = true;
	at_work = false;
	working = number_of(0, hold);
	waiting = number_of(1, add_up);
	kept = number_of(2, add_up);
	EXPECT(jobs_submit(&working.job) && jobs_submit(&waiting.job) && jobs_submit(&kept.job));
	while (!at_work)
		nap();
	jobs_cancel(&waiting.job);
	EXPECT_EQ(drop_count, 1);
	jobs_cancel(&working.job);
	EXPECT_EQ(drop_count, 1);
	held = false;
	run_all(loop);
	EXPECT_EQ(drop_count, 2);
	EXPECT_EQ(done_count, 1);

	at_work = false;
	working = number_of(0, hold);
	EXPECT(jobs_submit(&working.job));
	while (!at_work)
		nap();
	jobs_cancel(&working.job);
	run_all(loop);
	EXPECT_EQ(drop_count, 1);
	EXPECT_EQ(done_count, 0);
	jobs_close();
	loop_free(loop);
}

static char order[JOBS + 1];

static void note_order(struct job *job)
{
	order[done_count++] = job->brief ? 'b' : 'L';
}

/* Brief ones first, but not for ever. */
static void in_turn(void)
{
	struct loop *loop = loop_new();
	struct number working, numbers[14];
	struct jobs_stats stats;

	REQUIRE(loop);
	EXPECT_EQ(jobs_open(loop, 1), 0);
	held = true;
	at_work = false;
	working = number_of(0, hold);
	EXPECT(jobs_submit(&working.job));
	while (!at_work)
		nap();
	for (unsigned int i = 0; i < 14; i++) {
		numbers[i] = number_of(i, add_up);
		numbers[i].job.brief = i >= 3;
		numbers[i].job.done = note_order;
		EXPECT(jobs_submit(&numbers[i].job));
	}
	working.job.done = count_drop;
	jobs_stats(&stats);
	EXPECT(stats.threads == 1 && stats.working == 1 && stats.waiting == 14);
	held = false;
	run_all(loop);
	order[done_count] = '\0';
	EXPECT_STR(order, "bbbbbbbbLbbbLL");
	jobs_close();
	loop_free(loop);
}

static void dropped_at_the_end(void)
{
	struct loop *loop = loop_new();
	struct number numbers[JOBS];

	REQUIRE(loop);
	EXPECT_EQ(jobs_open(loop, THREADS), 0);
	for (unsigned int i = 0; i < JOBS; i++)
		numbers[i] = number_of(i * 1000, add_up);
	for (unsigned int i = 0; i < JOBS; i++)
		EXPECT(jobs_submit(&numbers[i].job));
	jobs_close();
	EXPECT_EQ(done_count, 0);
	EXPECT_EQ(drop_count, JOBS);
	EXPECT_EQ(jobs_count(), 0);
	loop_free(loop);
}

struct agreement {
	struct dh *own, *other;
	struct dh_job *job;
	uint8_t expected[DH_PUBLIC_MAX];
	size_t len;
};

static void compare(void *arg, int err, const uint8_t *shared, size_t len)
{
	const struct agreement *a = arg;

	EXPECT(!err && !a->job && a->own && len == a->len && !memcmp(shared, a->expected, len));
	done_count++;
}

/* Key exchanges at the same time, here and in all threads, have nothing of each other. */
static void agreements(void)
{
	static const uint16_t groups[] = { DH_CURVE25519, DH_ECP_256, DH_MODP_2048 };
	struct loop *loop = loop_new();
	static struct agreement agreements[JOBS];
	uint8_t public[DH_PUBLIC_MAX];

	REQUIRE(loop);
	EXPECT_EQ(jobs_open(loop, THREADS), 0);
	done_count = 0;
	for (unsigned int i = 0; i < JOBS; i++) {
		struct agreement *a = &agreements[i];
		uint16_t group = i % 20 < 18 ? groups[0] : groups[i % 20 - 17];

		a->own = dh_new(group);
		a->other = dh_new(group);
		REQUIRE(a->own && a->other && !dh_public(a->own, public));
		EXPECT(!dh_shared(a->other, public, dh_public_len(group), a->expected, &a->len));
		EXPECT(!dh_public(a->other, public));
		dh_job_begin(&a->job, &a->own, public, dh_public_len(group), compare, a);
	}
	run_all(loop);
	EXPECT_EQ(done_count, JOBS);
	for (unsigned int i = 0; i < JOBS; i++) {
		dh_free(agreements[i].own);
		dh_free(agreements[i].other);
	}
	jobs_close();
	loop_free(loop);
}

static struct net net;
static struct host *left, *right;

static const char *conf(const char *local, const char *remote, const char *group)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		 "connections {\n gw {\n local_addrs = %s\n remote_addrs = %s\n"
		 " proposals = aes128gcm16-prfsha256-%s\n"
		 " local {\n auth = psk\n id = %s\n }\n"
		 " remote {\n auth = psk\n }\n"
		 " children {\n net {\n esp_proposals = aes128gcm16\n }\n }\n }\n}\n"
		 "secrets {\n ike {\n secret = \"the shared secret\"\n }\n}\n",
		 local, remote, group, local);
	return text;
}

static void begin(const char *group)
{
	struct conn *conn;

	left = net_host(&net, LEFT, NULL, conf(LEFT, RIGHT, group));
	right = net_host(&net, RIGHT, NULL, conf(RIGHT, LEFT, group));
	conn = config_find_conn(left->config, "gw");
	ike_manager_initiate(&left->manager, conn, conn->children, NULL);
}

static void handshake(void)
{
	static const char *const groups[] = { "x25519", "ecp384", "modp2048" };

	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		begin(groups[i]);
		net_run(&net);
		EXPECT(host_established(left) && host_established(right));
		net_clear(&net);
	}
}

static enum fate answer_twice(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)index;
	return raw ? DUPLICATE : PASS;
}

/* Another response comes while a thread is at the first one. */
static void answered_twice(void)
{
	net.fate = answer_twice;
	begin("modp2048");
	net_run(&net);
	EXPECT(host_established(left) && host_established(right));
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(host_ike_sas(right), 1);
	net_clear(&net);
}

/* Up to where the initiator's thread has the response to work on. */
static void begin_response(void)
{
	begin("x25519");
	net_keep_busy(&net);
	net_run(&net);
	REQUIRE(right->manager.sas);
	EXPECT(right->manager.sas->handshake->dh_job);
	net_let_go(&net);
	net_keep_busy(&net);
	net_run(&net);
	REQUIRE(left->manager.sas);
	EXPECT(left->manager.sas->handshake->dh_job);
	EXPECT_EQ(jobs_count(), TEST_SIGNERS + 1);
}

static void ended_meanwhile(void)
{
	begin("x25519");
	net_keep_busy(&net);
	net_run(&net);
	EXPECT_EQ(jobs_count(), TEST_SIGNERS + 1);
	net_expire(&net);
	EXPECT_EQ(host_ike_sas(right), 0);
	EXPECT_EQ(jobs_count(), TEST_SIGNERS);
	net_let_go(&net);
	net_clear(&net);

	begin_response();
	ike_sa_destroy(left->manager.sas, "the test ends it");
	EXPECT_EQ(jobs_count(), TEST_SIGNERS);
	net_let_go(&net);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 0);
	net_clear(&net);
}

/* The request is given up while its response is looked at: that decides. */
static void given_up_meanwhile(void)
{
	begin_response();
	net_give_up(&net);
	EXPECT_EQ(host_ike_sas(left), 1);
	net_let_go(&net);
	net_run(&net);
	EXPECT(host_established(left) && host_established(right));
	net_clear(&net);
}

static uint8_t *find_ke(uint8_t *octets, size_t len)
{
	uint8_t type = octets[16];
	size_t at = IKE_HEADER_LEN;

	while (at + 8 < len && type != PAYLOAD_KE) {
		type = octets[at];
		at += get16(octets + at + 2);
	}
	return type == PAYLOAD_KE ? octets + at + 8 : NULL;
}

static unsigned int responses, forged;

/* The first so many have a value that agrees on nothing. */
static void forge(struct net *n, uint8_t *octets, size_t len)
{
	uint8_t *ke = octets[18] == IKE_SA_INIT && octets[19] & IKE_FLAG_RESPONSE ?
		      find_ke(octets, len) : NULL;

	(void)n;
	if (ke && responses++ < forged)
		memset(ke, 0, 32);
}

static enum fate busy_and_twice(struct net *n, unsigned int index, bool raw)
{
	if (!raw || index != 1)
		return PASS;
	net_keep_busy(n);
	return DUPLICATE;
}

/* The good response comes while the bad one is looked at, and no more after it. */
static void forged_first(void)
{
	for (forged = 1; forged < 3; forged++) {
		responses = 0;
		net.fate = busy_and_twice;
		net.tamper = forge;
		begin("x25519");
		net_run(&net);
		REQUIRE(left->manager.sas);
		EXPECT(left->manager.sas->handshake->dh_job);
		EXPECT_EQ(left->manager.sas->handshake->n_others, 1);
		if (forged == 2)
			net_give_up(&net);
		net_let_go(&net);
		net_run(&net);
		EXPECT(!host_established(left) == (forged == 2));
		EXPECT_EQ(host_ike_sas(left), forged == 1);
		net_clear(&net);
	}
}

/* On a machine of one processor. */
static void without_threads(void)
{
	net.no_threads = true;
	begin("x25519");
	net_run(&net);
	EXPECT(host_established(left) && host_established(right));
	net_clear(&net);
}

#define UID	54321	/* nobody else's */

/* The system has no more than so many threads for us: in a process that is to end. */
static bool limit_threads(unsigned int n)
{
	const struct rlimit limit = { n + 1, n + 1 };

	/* It is not for root. */
	return EXPECT(!setrlimit(RLIMIT_NPROC, &limit)) &&
	       EXPECT(getuid() || !setresuid(UID, UID, UID));
}

static bool has_threads(unsigned int n)
{
	struct loop *loop = loop_new();
	struct number number = { .job = { .work = add_up, .done = count_done, .drop = count_drop } };
	struct jobs_stats stats;
	bool ok;

	ok = limit_threads(n) && EXPECT(!jobs_open(loop, THREADS));
	if (!ok)
		return false;
	jobs_stats(&stats);
	ok = EXPECT(stats.threads == n);
	ok &= EXPECT(jobs_submit(&number.job) == (n > 0));
	done_count = 0;
	while (n && !done_count)
		loop_turn(loop, 100);
	jobs_close();
	loop_free(loop);
	return ok;
}

static bool has_signers(unsigned int n)
{
	int fds[THREADS][2];
	unsigned int alive = 0;

	for (unsigned int i = 0; i < THREADS; i++) {
		if (!EXPECT(!ipc_pair(fds[i]) && dup2(fds[i][1], 200 + (int)i) >= 0))
			return false;
		close(fds[i][1]);
	}
	if (!limit_threads(n) || !EXPECT(!secrets_serve_signers(200, THREADS)))
		return false;
	for (unsigned int i = 0; i < THREADS; i++)
		alive += ipc_is_open(fds[i][0]);
	return EXPECT(alive == n);
}

static void in_a_process(bool (*has)(unsigned int n), unsigned int n)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		bool ok = has(n);

		fflush(NULL);
		_exit(!ok);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
}

/* It goes on with as many as there are. */
static void fewer_threads(void)
{
	in_a_process(has_threads, 2);
	in_a_process(has_threads, 0);
	in_a_process(has_signers, 2);
	in_a_process(has_signers, 0);
}

static const struct ktap_test tests[] = {
	{ "each is done", each_is_done },
	{ "what is cancelled", cancelled },
	{ "each in its turn", in_turn },
	{ "what is left at the end", dropped_at_the_end },
	{ "key exchanges at once", agreements },
	{ "handshakes", handshake },
	{ "two answers", answered_twice },
	{ "an end meanwhile", ended_meanwhile },
	{ "given up meanwhile", given_up_meanwhile },
	{ "a forged answer first", forged_first },
	{ "without threads", without_threads },
	{ "fewer threads than asked for", fewer_threads },
};

KTAP_MAIN(tests)
