// SPDX-License-Identifier: GPL-2.0
/*
 * A worker's port ID is another socket's to have as soon as the worker's own begins to be
 * closed, and before the module hears of it. That other one gets nothing of what is the
 * worker's; it may become a worker itself, and stays one.
 *
 * The moment is staged: who waits for room in the worker's socket is woken in the middle of
 * its being closed. He has the processor to himself, and so the one who closes it goes on
 * only when he lets him.
 */

#define _GNU_SOURCE

#include "kselftest_harness.h"

#include <errno.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>

#include "client.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "rawnl.h"
#include "sk.h"

#define SPI 0x0102030405060708ull

static const char secret[] = "for the worker alone";

FIXTURE(portid)
{
	struct rawnl worker;
	struct rawnl other;
	struct sockaddr_nl addr; /* the worker's, and then the other one's */
	int stuffer;
	pthread_t closer;
	atomic_bool closed;
	struct client *watcher;
	struct peer *peer;
};

typedef FIXTURE_DATA(portid) portid;

static int do_with_spi(struct rawnl *rawnl, int command, int attribute, uint64_t spi)
{
	struct nl_msg *msg = rawnl_request(rawnl, command, 0);
	struct verdict verdict;

	spi = htobe64(spi);
	nla_put(msg, attribute, sizeof(spi), &spi);
	verdict = rawnl_do(rawnl, msg);
	verdict_free(&verdict);
	return verdict.err;
}

static int adopt(portid *self, struct rawnl *rawnl)
{
	return do_with_spi(rawnl, IKEFP_CMD_SA_ADOPT, IKEFP_A_SA_SPI, self->peer->kernel_spi);
}

static int attach(struct rawnl *rawnl)
{
	struct verdict verdict = rawnl_do(rawnl,
					  rawnl_request(rawnl, IKEFP_CMD_WORKER_ATTACH, 0));

	verdict_free(&verdict);
	return verdict.err;
}

/* Whether the port ID is a worker's. */
static int get_worker(portid *self, struct rawnl *rawnl)
{
	struct nl_msg *msg = rawnl_request(rawnl, IKEFP_CMD_WORKER_GET, 0);
	struct verdict verdict;

	nla_put_u32(msg, IKEFP_A_WORKER_WORKER, self->addr.nl_pid);
	verdict = rawnl_do(rawnl, msg);
	verdict_free(&verdict);
	return verdict.err;
}

/* A worker with an established SA, the only one there is. */
FIXTURE_SETUP(portid)
{
	const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	socklen_t len = sizeof(self->addr);
	struct client *client;

	netns_new();
	client = client_open(CLIENT_WORKER);
	self->watcher = client_open(CLIENT_EVENTS);
	client_listen(self->watcher, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500);
	self->peer = peer_open("127.0.0.2", "127.0.0.1", 500, IKEFP_LISTENER_KIND_IKE);
	peer_init_kernel_responds(self->peer, client, SPI, &sk_algorithms[0]);
	peer_establish(self->peer, client);
	client_close(client);

	self->worker = rawnl_open();
	if (getsockname(self->worker.sock, (struct sockaddr *)&self->addr, &len))
		die("cannot read a port ID: %s", strerror(errno));
	ASSERT_EQ(0, attach(&self->worker));
	ASSERT_EQ(0, adopt(self, &self->worker));
	EXPECT_EQ(0, get_worker(self, &self->worker));

	self->other.sock = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	self->other.family = self->worker.family;
	self->stuffer = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	if (self->other.sock < 0 || self->stuffer < 0 ||
	    setsockopt(self->stuffer, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)))
		die("cannot open a netlink socket: %s", strerror(errno));
	/* The events so far. */
	while (client_wait_event(self->watcher, IKEFP_EVENT_KIND_WORKER_ATTACHED, 0))
		;
	client_count_anew(self->watcher);
}

FIXTURE_TEARDOWN(portid)
{
	rawnl_close(&self->other);
	close(self->stuffer);
	peer_close(self->peer);
	client_close(self->watcher);
}

/* From here on nobody else runs on this processor while we do not wait. */
static void take_processor(void)
{
	const struct sched_param first = { .sched_priority = 1 };
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) ||
	    sched_setscheduler(0, SCHED_FIFO, &first))
		die("cannot have a processor: %s", strerror(errno));
}

static void *close_worker(void *arg)
{
	portid *self = arg;

	rawnl_close(&self->worker);
	atomic_store(&self->closed, true);
	return NULL;
}

static ssize_t stuff(portid *self, int flags)
{
	char octets[4096] = {};

	return sendto(self->stuffer, octets, sizeof(octets), flags,
		      (struct sockaddr *)&self->addr, sizeof(self->addr));
}

/* Has another thread, of the same processor, close the worker's socket, but not wholly. */
static void begin_to_close(portid *self)
{
	const struct sched_param last = {};
	pthread_attr_t attr;

	while (stuff(self, MSG_DONTWAIT) > 0)
		;
	if (errno != EAGAIN)
		die("cannot fill a netlink socket: %s", strerror(errno));
	take_processor();
	if (pthread_attr_init(&attr) ||
	    pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED) ||
	    pthread_attr_setschedpolicy(&attr, SCHED_OTHER) ||
	    pthread_attr_setschedparam(&attr, &last) ||
	    pthread_create(&self->closer, &attr, close_worker, self))
		die("no thread");
	if (stuff(self, 0) >= 0 || errno != ECONNREFUSED)
		die("the worker's socket is not being closed");
	/* Its port ID is free. */
	if (bind(self->other.sock, (struct sockaddr *)&self->addr, sizeof(self->addr)))
		die("cannot bind to the port ID: %s", strerror(errno));
}

/* Whether what was done since has been done in time: to write of a failure is to wait. */
static bool go_on_to_close(portid *self)
{
	bool in_time = !atomic_load(&self->closed);

	pthread_join(self->closer, NULL);
	return in_time;
}

static bool received_anything(portid *self)
{
	uint8_t octets[4096];

	return recv(self->other.sock, octets, sizeof(octets), MSG_DONTWAIT) >= 0 ||
	       errno != EAGAIN;
}

/* What is decrypted for the worker is nobody else's, nor is what it would be told of. */
TEST_F(portid, stranger)
{
	struct client *client;
	bool received;
	int adopted;

	begin_to_close(self);
	peer_send_request(self->peer, CREATE_CHILD_SA, PAYLOAD_NONCE, secret, sizeof(secret));
	received = received_anything(self);
	adopted = adopt(self, &self->other);
	ASSERT_TRUE(go_on_to_close(self));
	EXPECT_FALSE(received);
	EXPECT_EQ(-ENOTCONN, adopted);
	EXPECT_FALSE(received_anything(self));
	EXPECT_EQ(-ENOENT, get_worker(self, &self->other));
	EXPECT_COUNTED(self->watcher, "rx-messages+1 drop-no-worker+1 workers-1 orphans+1 "
		       "orphaned+1");

	/* It is as if lost on the way: the next copy is taken. */
	client = client_open(CLIENT_WORKER);
	ASSERT_EQ(UPCALL_ADOPTED, client_adopt(client, self->peer->kernel_spi)->kind);
	peer_send_again(self->peer);
	EXPECT_EQ(0, memcmp(client_wait_message(client)->payload.data, secret, sizeof(secret)));
	EXPECT_FALSE(received_anything(self));
	client_close(client);
}

/* A worker with the port ID of one that is being closed. */
TEST_F(portid, successor)
{
	struct pollfd poller = { .fd = self->other.sock, .events = POLLIN };
	const struct ikefp_event *event;
	uint8_t octets[4096];
	int attached, there, adopted;
	ssize_t len;

	begin_to_close(self);
	attached = attach(&self->other);
	there = get_worker(self, &self->other);
	adopted = adopt(self, &self->other);
	ASSERT_TRUE(go_on_to_close(self));
	EXPECT_EQ(0, attached);
	EXPECT_EQ(0, there);
	EXPECT_EQ(0, adopted);
	EXPECT_EQ(0, get_worker(self, &self->other));
	EXPECT_COUNTED(self->watcher, "orphaned+1 adopted+1");

	/* The one before went first. */
	event = client_wait_event(self->watcher, IKEFP_EVENT_KIND_WORKER_DETACHED, PATIENCE_MS);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(self->addr.nl_pid, event->worker);
	event = client_wait_event(self->watcher, IKEFP_EVENT_KIND_WORKER_ATTACHED, PATIENCE_MS);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(self->addr.nl_pid, event->worker);

	/* And it is one as any other. */
	peer_send_request(self->peer, CREATE_CHILD_SA, PAYLOAD_NONCE, secret, sizeof(secret));
	ASSERT_EQ(1, poll(&poller, 1, PATIENCE_MS));
	len = recv(self->other.sock, octets, sizeof(octets), MSG_DONTWAIT);
	ASSERT_LT(0, len);
	EXPECT_NE(NULL, memmem(octets, len, secret, sizeof(secret)));
	EXPECT_FALSE(received_anything(self));
	rawnl_close(&self->other);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 upcalls+1 workers-1 orphans+1 orphaned+1");
	self->other = rawnl_open();
}

MODULE_TEST_MAIN
