// SPDX-License-Identifier: GPL-2.0
/*
 * The end of things at the worst moment: namespaces, and the module itself, go while
 * messages, timers and commands are under way. Whether all was freed the kernel says
 * itself: the module cannot be unloaded before, and a cache with objects left in it is
 * complained of.
 */

#include "kselftest_harness.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "client.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull

/* One process each: a namespace full of work, which ends when it is killed. */

struct load {
	struct sockaddr_storage kernel;
	unsigned int seed;
};

/* First messages that make half-open SAs, with duplicates, and noise. */
static void *flood(void *arg)
{
	struct load *load = arg;
	struct sockaddr_storage local = address("127.0.0.2", 0);
	int sock = udp_open(&local);
	uint8_t message[MARKER_LEN + 64] = {};
	uint64_t spi = (uint64_t)load->seed << 32;

	for (;;) {
		ike_put_init(message + MARKER_LEN, ++spi, 0, 1, 64);
		if (spi % 8 == 0)
			message[MARKER_LEN + 17] = 0x30;
		if (spi % 16 == 1)
			message[0] = 1;
		/* Whether anybody takes it is not the point. */
		sendto(sock, message, sizeof(message), 0, (struct sockaddr *)&load->kernel,
		       address_len(&load->kernel));
		sendto(sock, message, sizeof(message), 0, (struct sockaddr *)&load->kernel,
		       address_len(&load->kernel));
		message[0] = 0;
	}
	return NULL;
}

static void ignore_sa(const struct ikefp_sa_info *info, void *arg)
{
	(void)info;
	(void)arg;
}

/* Commands of every kind, whatever they say. The family may be gone at any moment. */
static void *commands(void *arg)
{
	const struct ikefp_endpoint endpoint = {
		.local = address("127.0.0.1", 4500),
		.remote = address("127.0.0.3", 4500),
	};
	struct sockaddr_storage any = address("127.0.0.1", 4500);
	struct load *load = arg;
	uint64_t spi = (uint64_t)load->seed << 32 | 1ull << 63;
	struct ikefp_policy policy = {};
	uint8_t message[64];

	policy.set[IKEFP_A_POLICY_RTO_INITIAL_MS] = true;
	policy.value[IKEFP_A_POLICY_RTO_INITIAL_MS] = 10;
	policy.set[IKEFP_A_POLICY_RTO_MIN_MS] = true;
	policy.value[IKEFP_A_POLICY_RTO_MIN_MS] = 10;
	policy.set[IKEFP_A_POLICY_HALF_OPEN_MS] = true;
	policy.value[IKEFP_A_POLICY_HALF_OPEN_MS] = 50;
	policy.set[IKEFP_A_POLICY_LINGER_MS] = true;
	policy.value[IKEFP_A_POLICY_LINGER_MS] = 30;
	for (;;) {
		struct ikefp_upcalls upcalls = {};
		struct ikefp_stats stats;
		struct ikefp_nl *nl;
		int i;

		if (ikefp_nl_open(&nl)) {
			ikefp_nl_close(nl);
			usleep(1000);
			continue;
		}
		ikefp_monitor_subscribe(nl);
		ikefp_worker_attach(nl, false);
		ikefp_policy_set(nl, &policy);
		ikefp_listener_add(nl, IKEFP_LISTENER_KIND_NATT, &any);
		for (i = 0; i < 20; i++) {
			const struct ikefp_message_out request = {
				.spi = ++spi, .raw = true,
				.payload = { message, ike_put_init(message, spi, 0, 1, 64) },
			};

			ikefp_sa_new(nl, spi, &endpoint);
			ikefp_message_send(nl, &request, NULL);
			if (i % 3 == 0)
				ikefp_sa_del(nl, spi - 5);
		}
		ikefp_worker_read(nl, &upcalls);
		ikefp_sa_list(nl, ignore_sa, NULL);
		ikefp_stats_get(nl, &stats);
		if (spi % 3 == 0)
			ikefp_listener_del(nl, &any);
		ikefp_nl_close(nl);
	}
	return NULL;
}

static void work(unsigned int seed, int ready)
{
	struct load load = { .kernel = address("127.0.0.1", 4500), .seed = seed };
	struct client *client;
	struct peer *peer;
	pthread_t thread;
	uint32_t id;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	netns_new();
	client = client_open(CLIENT_WORKER);
	client_listen(client, IKEFP_LISTENER_KIND_NATT, "127.0.0.1", 4500);
	client_let_all_in(client);
	client_set(client, IKEFP_A_POLICY_RTO_INITIAL_MS, 2000);
	/* An established SA, its cache filled; one that lingers; a request outstanding. */
	peer = peer_open("127.0.0.3", "127.0.0.1", 4500, IKEFP_LISTENER_KIND_NATT);
	peer_init_kernel_responds(peer, client, SPI, &sk_algorithms[seed % SK_ALGORITHMS]);
	peer_establish(peer, client);
	peer_send_request(peer, INFORMATIONAL, 0, NULL, 0);
	peer_expect(peer);
	peer_kernel_requests(peer, client, INFORMATIONAL, 0, NULL, 0);
	peer_expect(peer);
	peer_init_kernel_responds(peer, client, SPI + 1, &sk_algorithms[seed % SK_ALGORITHMS]);
	id = peer->next_out;
	peer_send_request(peer, INFORMATIONAL, PAYLOAD_DELETE, "12345678", 8);
	client_wait_message(client);
	peer_kernel_responds(peer, client, INFORMATIONAL, id, 0, NULL, 0);
	if (ikefp_sa_del(client->nl, peer->kernel_spi))
		die("sa-del: %s", ikefp_nl_error(client->nl));
	client_close(client);
	if (pthread_create(&thread, NULL, flood, &load) ||
	    pthread_create(&thread, NULL, commands, &load))
		die("cannot make threads");
	if (write(ready, "", 1) != 1)
		die("nobody waits");
	for (;;)
		pause();
}

static pid_t begin(unsigned int seed)
{
	int ready[2];
	char octet;
	pid_t pid;

	if (pipe(ready))
		die("no pipe");
	pid = fork();
	if (!pid) {
		close(ready[0]);
		work(seed, ready[1]);
	}
	close(ready[1]);
	if (pid < 0 || read(ready[0], &octet, 1) != 1)
		die("a namespace with work in it did not come up");
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid: %s", strerror(errno));
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		die("the work ended by itself, with status %x", status);
}

static int references(void)
{
	FILE *file = fopen("/sys/module/ikefp/refcnt", "r");
	int number = -1;

	if (!file || fscanf(file, "%d", &number) != 1)
		die("the module is not loaded");
	fclose(file);
	return number;
}

TEST(load_and_unload)
{
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, references());
		ASSERT_TRUE(module_take_out_soon());
		ASSERT_EQ(0, module_put_back());
	}
}

FIXTURE(teardown)
{
};

FIXTURE_SETUP(teardown)
{
}

FIXTURE_TEARDOWN(teardown)
{
	/* Whatever a test has left. */
	module_shell("module_load");
}

/* The namespace goes with the last process in it. */
TEST_F_TIMEOUT(teardown, namespaces, 120)
{
	unsigned int round;
	pid_t first, second;

	for (round = 0; round < 3; round++) {
		first = begin(2 * round);
		second = begin(2 * round + 1);
		/* At moments that differ. */
		usleep(round * 17000);
		end(first);
		end(second);
	}
	/* And nothing is left: else this would wait for ever. */
	ASSERT_TRUE(module_take_out_soon());
	ASSERT_EQ(0, module_put_back());
	EXPECT_EQ(0, references());
}

/* The module goes under traffic and commands, and comes back among them: UNLOADS times. */
TEST_F_TIMEOUT(teardown, module, 120)
{
	pid_t first = begin(100), second = begin(101);
	int round, rounds = module_test_size("UNLOADS", 3);

	for (round = 0; round < rounds; round++) {
		usleep(round % 10 * 23000);
		ASSERT_TRUE(module_take_out_soon());
		ASSERT_EQ(0, module_put_back());
		if (round % 10 == 9)
			TH_LOG("unloaded %d times of %d", round + 1, rounds);
	}
	end(first);
	end(second);
	ASSERT_TRUE(module_take_out_soon());
	ASSERT_EQ(0, module_put_back());
}

/* Its worker's socket outlives it, and is no worker of the next one. */
TEST_F_TIMEOUT(teardown, worker_outlives, 60)
{
	struct client *client, *watcher;
	struct peer *peer;
	uint8_t message[64];

	netns_new();
	client = client_open(CLIENT_WORKER);
	ASSERT_TRUE(module_take_out_soon());
	ASSERT_EQ(0, module_put_back());
	watcher = client_open(0);
	client_listen(watcher, IKEFP_LISTENER_KIND_IKE, "127.0.0.1", 500);
	peer = peer_open("127.0.0.2", "127.0.0.1", 500, IKEFP_LISTENER_KIND_IKE);
	peer_send(peer, message, ike_put_init(message, SPI, 0, 1, sizeof(message)));
	EXPECT_COUNTED(watcher, "rx-messages+1 drop-no-worker+1");
	client_close(client);
	client_close(watcher);
	peer_close(peer);
	ASSERT_TRUE(module_take_out_soon());
}

MODULE_TEST_MAIN
