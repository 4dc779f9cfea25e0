// SPDX-License-Identifier: GPL-2.0
/*
 * A worker: every message reaches it once, and what cannot reach it is as if lost on
 * the way, so that the peer's next copy is taken. (Several: workers.c. What becomes of
 * its SAs when it is gone: adopt.c.)
 */

#include "kselftest_harness.h"

#include <errno.h>

#include "client.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "rawnl.h"
#include "sk.h"

#define SPI 0x0102030405060708ull

FIXTURE(worker)
{
	struct client *client;
	struct client *watcher;
	struct peer *peer;
};

FIXTURE_SETUP(worker)
{
	netns_new();
	self->client = client_open(CLIENT_WORKER);
	self->watcher = client_open(CLIENT_EVENTS);
	client_listen(self->watcher, IKEFP_LISTENER_KIND_NATT, "0.0.0.0", 4500);
	client_let_all_in(self->watcher);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_MIN_MS, 60000);
	self->peer = peer_open("127.0.0.2", "127.0.0.1", 4500, IKEFP_LISTENER_KIND_NATT);
	client_count_anew(self->watcher);
}

FIXTURE_TEARDOWN(worker)
{
	peer_close(self->peer);
	client_close(self->watcher);
	if (self->client)
		client_close(self->client);
}

/* Many requests of many peers, each with its duplicates: an upcall each, in order. */
TEST_F(worker, exactly_once)
{
	const int number = 200;
	const struct ikefp_message_in *request;
	uint8_t message[64];
	int i, copy;

	for (i = 0; i < number; i++) {
		ike_put_init(message, SPI + i, 0, 1, sizeof(message));
		for (copy = 0; copy < 3; copy++)
			peer_send(self->peer, message, sizeof(message));
	}
	for (i = 0; i < number; i++) {
		request = client_wait_message(self->client);
		ASSERT_EQ(SPI + i, request->spi_i);
	}
	EXPECT_COUNTED(self->watcher, "sas+200 half-open+200 rx-messages+600 upcalls+200 "
		       "drop-in-progress+400");
	EXPECT_NULL(client_wait(self->client, 0));
}

static void close_worker(struct client **client)
{
	client_close(*client);
	*client = NULL;
}

TEST_F(worker, gone_and_back)
{
	const struct ikefp_event *event;
	uint32_t portid = ikefp_worker_portid(self->client->nl);

	close_worker(&self->client);
	event = client_wait_event(self->watcher, IKEFP_EVENT_KIND_WORKER_DETACHED, PATIENCE_MS);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(portid, event->worker);
	EXPECT_COUNTED(self->watcher, "workers-1");
	self->client = client_open(CLIENT_WORKER);
	event = client_wait_event(self->watcher, IKEFP_EVENT_KIND_WORKER_ATTACHED, PATIENCE_MS);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(ikefp_worker_portid(self->client->nl), event->worker);
	EXPECT_COUNTED(self->watcher, "workers+1");
}

/* No memory is spent on it, since nobody will answer. */
TEST_F(worker, first_message_without_a_worker)
{
	uint8_t message[64];

	close_worker(&self->client);
	peer_send(self->peer, message, ike_put_init(message, SPI, 0, 1, sizeof(message)));
	EXPECT_COUNTED(self->watcher, "rx-messages+1 drop-no-worker+1 workers-1");
	self->client = client_open(CLIENT_WORKER);
	peer_send_again(self->peer);
	EXPECT_COUNTED(self->watcher, "sas+1 half-open+1 rx-messages+1 upcalls+1 workers+1");
}

/*
 * A worker that reads nothing: some messages fit its socket and the others are dropped,
 * nothing waits. Each that was dropped is taken when its sender repeats it; none comes
 * twice.
 */
TEST_F(worker, full)
{
	enum { NUMBER = 300, LEN = 1200 };
	static uint8_t octets[256 * 1024];
	struct rawnl slow = rawnl_open();
	uint64_t dropped, passed;
	struct verdict verdict;
	uint8_t message[LEN];
	int size = 65536;
	int i, came = 0;
	ssize_t len;

	close_worker(&self->client);
	ASSERT_EQ(0, setsockopt(slow.sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	verdict = rawnl_do(&slow, rawnl_request(&slow, IKEFP_CMD_WORKER_ATTACH, 0));
	ASSERT_EQ(0, verdict.err);
	verdict_free(&verdict);

	for (i = 0; i < NUMBER; i++)
		peer_send(self->peer, message, ike_put_init(message, SPI + i, 0, 1, LEN));
	dropped = client_counter(self->watcher, IKEFP_A_STATS_DROP_WORKER_FULL);
	passed = client_counter(self->watcher, IKEFP_A_STATS_UPCALLS);
	EXPECT_LT(0, dropped);
	EXPECT_LT(0, passed);
	EXPECT_EQ(NUMBER, dropped + passed);
	EXPECT_EQ(passed, client_counter(self->watcher, IKEFP_A_STATS_HALF_OPEN));

	/* Read, and send all again, until none is missing. */
	for (i = 0; i < 100 && came < NUMBER; i++) {
		int j;

		while ((len = recv(slow.sock, octets, sizeof(octets), MSG_DONTWAIT)) > 0)
			came++;
		ASSERT_EQ(EAGAIN, errno);
		for (j = 0; j < NUMBER && came < NUMBER; j++)
			peer_send(self->peer, message,
				  ike_put_init(message, SPI + j, 0, 1, LEN));
	}
	/* And none twice. */
	while ((len = recv(slow.sock, octets, sizeof(octets), MSG_DONTWAIT)) > 0)
		came++;
	EXPECT_EQ(NUMBER, came);
	EXPECT_EQ(NUMBER, client_counter(self->watcher, IKEFP_A_STATS_UPCALLS));
	EXPECT_EQ(NUMBER, client_counter(self->watcher, IKEFP_A_STATS_HALF_OPEN));
	rawnl_close(&slow);
}

MODULE_TEST_MAIN
