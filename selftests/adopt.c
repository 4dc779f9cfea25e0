// SPDX-License-Identifier: GPL-2.0
/*
 * A worker dies. What the kernel does alone goes on for its SAs; what is for the helper
 * waits, within bounds, until another worker adopts them, and with the stash comes to
 * that one, once. Whom nobody adopts in time, is gone.
 */

#include "kselftest_harness.h"

#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <poll.h>
#include <string.h>

#include "client.h"
#include "clock.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "rawnl.h"
#include "sk.h"
#include "trial.h"

#define SPI 0x0102030405060708ull
#define NO_SPI 0x9999000099990000ull

static const char stash[] = "what the next one needs to know";

FIXTURE(adopt)
{
	struct rawnl rawnl;
	struct client *client;
	struct client *watcher;
	struct peer *peer;
};

FIXTURE_SETUP(adopt)
{
	netns_new();
	self->rawnl = rawnl_open();
	self->client = client_open(CLIENT_WORKER);
	self->watcher = client_open(CLIENT_EVENTS);
	client_listen(self->watcher, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_MIN_MS, 60000);
	self->peer = peer_open("127.0.0.2", "127.0.0.1", 500, IKEFP_LISTENER_KIND_IKE);
}

FIXTURE_TEARDOWN(adopt)
{
	peer_close(self->peer);
	client_close(self->watcher);
	if (self->client)
		client_close(self->client);
	rawnl_close(&self->rawnl);
}

typedef FIXTURE_DATA(adopt) adopt;

/* An established SA, with a stash. */
static void establish(adopt *self)
{
	peer_init_kernel_responds(self->peer, self->client, SPI, &sk_algorithms[0]);
	peer_establish(self->peer, self->client);
	client_stash(self->client, self->peer->kernel_spi, stash, sizeof(stash));
	client_count_anew(self->watcher);
}

static void die_and_wait(adopt *self)
{
	client_close(self->client);
	self->client = NULL;
	if (!client_wait_event(self->watcher, IKEFP_EVENT_KIND_SA_ORPHANED, PATIENCE_MS))
		die("no SA became an orphan");
	client_count_anew(self->watcher);
}

static struct upcall *another_adopts(adopt *self)
{
	self->client = client_open(CLIENT_WORKER);
	return client_adopt(self->client, self->peer->kernel_spi);
}

static struct ikefp_sa_info sa_info(adopt *self)
{
	struct ikefp_sa_info info;

	if (ikefp_sa_get(self->watcher->nl, self->peer->kernel_spi, &info))
		die("sa-get: %s", ikefp_nl_error(self->watcher->nl));
	return info;
}

TEST_F(adopt, plain)
{
	const struct ikefp_event *event;
	struct upcall *upcall;
	uint64_t spi;

	establish(self);
	spi = self->peer->kernel_spi;
	EXPECT_EQ(ikefp_worker_portid(self->client->nl), sa_info(self).worker);
	client_close(self->client);
	event = client_wait_event(self->watcher, IKEFP_EVENT_KIND_SA_ORPHANED, PATIENCE_MS);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(spi, event->spi);
	EXPECT_EQ(SPI, event->peer_spi);
	EXPECT_EQ(0, event->worker);
	EXPECT_COUNTED(self->watcher, "workers-1 orphans+1 orphaned+1");
	EXPECT_EQ(0, sa_info(self).worker);

	upcall = another_adopts(self);
	ASSERT_NE(NULL, upcall);
	ASSERT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_EQ(spi, upcall->info.spi);
	EXPECT_EQ(SPI, upcall->info.peer_spi);
	EXPECT_EQ(IKEFP_ROLE_RESPONDER, upcall->info.role);
	EXPECT_EQ(IKEFP_SA_STATE_ESTABLISHED, upcall->info.state);
	EXPECT_TRUE(address_same(&self->peer->kernel, &upcall->info.endpoint.local));
	EXPECT_TRUE(address_same(&self->peer->local, &upcall->info.endpoint.remote));
	EXPECT_EQ(1, upcall->info.message_id_in);
	EXPECT_EQ(sizeof(stash), upcall->len);
	EXPECT_EQ(0, memcmp(stash, upcall->octets, sizeof(stash)));
	event = client_wait_event(self->watcher, IKEFP_EVENT_KIND_SA_ADOPTED, PATIENCE_MS);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(spi, event->spi);
	EXPECT_EQ(ikefp_worker_portid(self->client->nl), event->worker);
	EXPECT_COUNTED(self->watcher, "workers+1 orphans-1 adopted+1");
	EXPECT_EQ(ikefp_worker_portid(self->client->nl), sa_info(self).worker);

	/* From here on it is as any other: also when this worker dies, too. */
	peer_send_request(self->peer, CREATE_CHILD_SA, PAYLOAD_NONCE, "hello", 5);
	EXPECT_EQ(1, client_wait_message(self->client)->message_id);
	die_and_wait(self);
	upcall = another_adopts(self);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_EQ(sizeof(stash), upcall->len);
}

#define ADOPT IKEFP_CMD_SA_ADOPT
#define SET IKEFP_CMD_SA_SET

TEST_F(adopt, refused)
{
	uint64_t spi;

	establish(self);
	spi = self->peer->kernel_spi;
	const struct trial before[] = {
		{ ADOPT, {}, -EINVAL, "spi is missing", 0, SA(SPI) },
		{ ADOPT, { U32(SA(SPI), 1) }, -EINVAL, WRONG_LENGTH, SA(SPI) },
		{ ADOPT, { BE64(SA(SPI), NO_SPI) }, -ENOENT, "no SA has this SPI", SA(SPI) },
		{ ADOPT, { BE64(SA(SPI), spi), OCTETS(SA(PAD), 0) }, -EINVAL, UNSUPPORTED,
		  SA(PAD) },
		{ ADOPT, { BE64(SA(SPI), spi), OCTETS(SA(STASH), 8) }, -EINVAL, UNKNOWN,
		  SA(STASH) },
		{ ADOPT, { BE64(SA(SPI), spi) }, -ENOTCONN,
		  "this socket is not a worker: attach it first" },
		{ IKEFP_CMD_WORKER_ATTACH },
		{ ADOPT, { BE64(SA(SPI), spi) }, -EBUSY, "the SA belongs to another worker" },
	};
	const struct trial after[] = {
		{ ADOPT, { BE64(SA(SPI), spi) } },
		{ ADOPT, { BE64(SA(SPI), spi) }, -EALREADY, "the SA is this worker's already" },
		{ IKEFP_CMD_SA_DEL, { BE64(SA(SPI), spi) } },
		{ ADOPT, { BE64(SA(SPI), spi) }, -ENOENT, "the SA is deleted" },
	};

	/* One that will linger when it is deleted. */
	peer_send_request(self->peer, INFORMATIONAL, 0, NULL, 0);
	peer_expect(self->peer);
	EXPECT_TRIALS(before);
	die_and_wait(self);
	EXPECT_TRIALS(after);
}

/* The memory of a stash comes in sizes of the kernel's own: of these the longest. */
#define MAX_STASH_MEMORY 65536

TEST_F(adopt, stash)
{
	static uint8_t octets[IKEFP_MAX_STASH], other[IKEFP_MAX_STASH];
	struct upcall *upcall;
	uint64_t spi;
	size_t i;

	establish(self);
	spi = self->peer->kernel_spi;
	const struct trial trials[] = {
		{ SET, { BE64(SA(SPI), spi), OCTETS(SA(STASH), IKEFP_MAX_STASH + 1) }, -EMSGSIZE,
		  "stash is longer than 64000 octets", SA(STASH) },
		{ SET, { BE64(SA(SPI), spi), U32(SA(STASH_LEN), 1) }, -EINVAL, UNSUPPORTED,
		  SA(STASH_LEN) },
		{ SET, { BE64(SA(SPI), spi), U32(SA(WORKER), 1) }, -EINVAL, UNSUPPORTED,
		  SA(WORKER) },
	};

	EXPECT_TRIALS(trials);
	EXPECT_EQ(sizeof(stash), sa_info(self).stash_len);
	EXPECT_COUNTED(self->watcher, "");

	/* The longest, in the place of the first; in the listing only how long. */
	for (i = 0; i < sizeof(octets); i++)
		octets[i] = i * 7 + i / 256;
	memset(other, 0x55, sizeof(other));
	client_stash(self->client, spi, octets, sizeof(octets));
	EXPECT_EQ(sizeof(octets), sa_info(self).stash_len);
	EXPECT_COUNTED(self->watcher, "stash-octets+65472");
	/* As many as there may be, the one in whose place another comes included. */
	client_set(self->watcher, IKEFP_A_POLICY_MAX_STASH_OCTETS, 2 * MAX_STASH_MEMORY - 1);
	const struct trial full[] = {
		{ SET, { BE64(SA(SPI), spi), OCTETS(SA(STASH), IKEFP_MAX_STASH) }, -ENOSPC,
		  "there would be more than max-stash-octets in stashes", SA(STASH) },
		{ SET, { BE64(SA(SPI), spi), OCTETS(SA(STASH), IKEFP_MAX_STASH / 2) } },
		{ SET, { BE64(SA(SPI), spi), OCTETS(SA(STASH), 0) } },
	};
	expect_trials(_metadata, &self->rawnl, full, 1);
	EXPECT_COUNTED(self->watcher, "");
	client_set(self->watcher, IKEFP_A_POLICY_MAX_STASH_OCTETS, 2 * MAX_STASH_MEMORY);
	client_stash(self->client, spi, other, sizeof(other));
	client_stash(self->client, spi, octets, sizeof(octets));
	EXPECT_COUNTED(self->watcher, "");

	die_and_wait(self);
	upcall = another_adopts(self);
	ASSERT_NE(NULL, upcall);
	ASSERT_EQ(UPCALL_ADOPTED, upcall->kind);
	ASSERT_EQ(sizeof(octets), upcall->len);
	EXPECT_EQ(0, memcmp(octets, upcall->octets, sizeof(octets)));
	EXPECT_COUNTED(self->watcher, "workers+1 orphans-1 adopted+1");
	expect_trials(_metadata, &self->rawnl, full + 1, 2);
	EXPECT_EQ(0, sa_info(self).stash_len);
	EXPECT_COUNTED(self->watcher, "stash-octets-65536");
	die_and_wait(self);
	upcall = another_adopts(self);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_EQ(0, upcall->len);

	/* It goes with its SA. */
	client_stash(self->client, spi, stash, sizeof(stash));
	client_count_anew(self->watcher);
	ASSERT_EQ(0, ikefp_sa_del(self->watcher->nl, spi));
	EXPECT_COUNTED(self->watcher, "sas-1 stash-octets-64");
}

static int monitor_group(void)
{
	struct nl_sock *sock = nl_socket_alloc();
	int group;

	if (!sock || genl_connect(sock))
		die("cannot open a netlink socket");
	group = genl_ctrl_resolve_grp(sock, IKEFP_FAMILY_NAME, IKEFP_MCGRP_MONITOR);
	nl_socket_free(sock);
	return group;
}

/* Only a worker that adopts is told it: no listing, refusal or event. */
TEST_F(adopt, stash_never_comes_back)
{
	struct rawnl monitor = rawnl_open();
	static uint8_t events[65536];
	struct verdict verdicts[8];
	int number = 0, group, i;
	struct nl_msg *msg;
	uint64_t spi;
	ssize_t len;

	establish(self);
	spi = htobe64(self->peer->kernel_spi);
	group = monitor_group();
	ASSERT_LT(0, group);
	ASSERT_EQ(0, setsockopt(monitor.sock, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
				sizeof(group)));
	msg = rawnl_request(&self->rawnl, IKEFP_CMD_SA_GET, 0);
	nla_put(msg, IKEFP_A_SA_SPI, 8, &spi);
	verdicts[number++] = rawnl_do(&self->rawnl, msg);
	verdicts[number++] = rawnl_do(&self->rawnl, rawnl_request(&self->rawnl, IKEFP_CMD_SA_GET,
								  NLM_F_DUMP));
	/* The same again, and one refused, which repeats what it refuses. */
	for (i = 0; i < 2; i++) {
		msg = rawnl_request(&self->rawnl, IKEFP_CMD_SA_SET, 0);
		nla_put(msg, IKEFP_A_SA_SPI, 8, &spi);
		nla_put(msg, IKEFP_A_SA_STASH, sizeof(stash), stash);
		if (i)
			nla_put_u8(msg, IKEFP_A_SA_STATE, 0);
		verdicts[number++] = rawnl_do(&self->rawnl, msg);
		ASSERT_EQ(i ? -EINVAL : 0, verdicts[number - 1].err);
	}
	/* A worker that may not have it. */
	verdicts[number++] = rawnl_do(&self->rawnl, rawnl_request(&self->rawnl,
								  IKEFP_CMD_WORKER_ATTACH, 0));
	msg = rawnl_request(&self->rawnl, ADOPT, 0);
	nla_put(msg, IKEFP_A_SA_SPI, 8, &spi);
	verdicts[number++] = rawnl_do(&self->rawnl, msg);
	ASSERT_EQ(-EBUSY, verdicts[number - 1].err);
	for (i = 0; i < number; i++) {
		EXPECT_FALSE(verdict_has(&verdicts[i], stash, 8)) {
			TH_LOG("in answer %d", i);
		}
		verdict_free(&verdicts[i]);
	}
	die_and_wait(self);
	/* One that may: it is there to be found. */
	msg = rawnl_request(&self->rawnl, ADOPT, 0);
	nla_put(msg, IKEFP_A_SA_SPI, 8, &spi);
	verdicts[0] = rawnl_do(&self->rawnl, msg);
	EXPECT_TRUE(verdict_has(&verdicts[0], stash, sizeof(stash)));
	verdict_free(&verdicts[0]);
	len = 0;
	do {
		ssize_t n = recv(monitor.sock, events + len, sizeof(events) - len, MSG_DONTWAIT);

		if (n <= 0)
			break;
		len += n;
	} while (len < (ssize_t)sizeof(events));
	EXPECT_LT(0, len);
	EXPECT_NE(NULL, memmem(events, len, &spi, sizeof(spi)));
	EXPECT_EQ(NULL, memmem(events, len, stash, 8));
	rawnl_close(&monitor);
}

/* What the kernel does alone. */
TEST_F(adopt, alone)
{
	struct peer *peer = self->peer;

	establish(self);
	die_and_wait(self);
	peer_send_request(peer, INFORMATIONAL, 0, NULL, 0);
	peer_expect(peer);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 tx-messages+1 liveness-answered+1");
	peer_send_again(peer);
	peer_expect(peer);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 tx-messages+1 duplicates-answered+1");
}

/* A request goes on being sent, with its answer waiting for whoever comes. */
TEST_F(adopt, retransmission)
{
	struct peer *peer = self->peer;
	struct upcall *upcall;
	uint32_t id;

	establish(self);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_MIN_MS, 100);
	client_set(self->watcher, IKEFP_A_POLICY_RTO_INITIAL_MS, 100);
	id = peer_kernel_requests(peer, self->client, INFORMATIONAL, PAYLOAD_DELETE, "gone", 4);
	peer_expect(peer);
	client_close(self->client);
	self->client = NULL;
	peer_expect(peer);
	peer_expect(peer);
	EXPECT_EQ(id, peer->got_header.message_id);
	peer_send_response(peer, INFORMATIONAL, id, PAYLOAD_DELETE, "gone", 4);
	while (sa_info(self).outstanding)
		poll(NULL, 0, 5);
	EXPECT_EQ(1, sa_info(self).waiting);
	/* Another copy is for nobody. */
	client_count_anew(self->watcher);
	peer_send_again(peer);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 drop-stale-response+1");

	upcall = another_adopts(self);
	ASSERT_NE(NULL, upcall);
	ASSERT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_EQ(0, upcall->info.outstanding);
	/* To whom it has not been told it is still to come. */
	ASSERT_EQ(1, upcall->info.unanswered_count);
	EXPECT_EQ(id, upcall->info.unanswered[0]);
	upcall = client_wait(self->client, PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	ASSERT_EQ(UPCALL_MESSAGE, upcall->kind);
	EXPECT_TRUE(upcall->message.response);
	EXPECT_EQ(id, upcall->message_id);
	EXPECT_EQ(0, sa_info(self).unanswered_count);
	EXPECT_EQ(0, memcmp("gone", upcall->octets, 4));
	EXPECT_NULL(client_wait(self->client, 0));
}

TEST_F(adopt, timeout_waits)
{
	struct peer *peer = self->peer;
	struct upcall *upcall;
	uint32_t id;

	establish(self);
	client_set(self->watcher, IKEFP_A_POLICY_GIVE_UP_MS, 200);
	id = peer_kernel_requests(peer, self->client, INFORMATIONAL, PAYLOAD_DELETE, "gone", 4);
	client_close(self->client);
	self->client = NULL;
	ASSERT_NE(NULL, client_wait_event(self->watcher, IKEFP_EVENT_KIND_EXCHANGE_TIMEOUT,
					  PATIENCE_MS));
	upcall = another_adopts(self);
	ASSERT_NE(NULL, upcall);
	ASSERT_EQ(UPCALL_ADOPTED, upcall->kind);
	ASSERT_EQ(1, upcall->info.unanswered_count);
	EXPECT_EQ(id, upcall->info.unanswered[0]);
	upcall = client_wait(self->client, PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_TIMEOUT, upcall->kind);
	EXPECT_EQ(id, upcall->message_id);
	EXPECT_EQ(0, sa_info(self).unanswered_count);
	EXPECT_NULL(client_wait(self->client, 0));
}

/* A request waits, is a duplicate from then on, and comes up once. */
TEST_F(adopt, request_waits)
{
	struct peer *peer = self->peer;
	struct upcall *upcall;
	uint64_t waiting;

	establish(self);
	die_and_wait(self);
	peer_send_request(peer, CREATE_CHILD_SA, PAYLOAD_NONCE, "hello", 5);
	while (!sa_info(self).waiting)
		poll(NULL, 0, 5);
	waiting = client_counter(self->watcher, IKEFP_A_STATS_WAITING_OCTETS);
	EXPECT_LT(0, waiting);
	peer_send_again(peer);
	peer_send_again(peer);
	while (client_counter(self->watcher, IKEFP_A_STATS_DROP_IN_PROGRESS) < 2)
		poll(NULL, 0, 5);
	EXPECT_EQ(waiting, client_counter(self->watcher, IKEFP_A_STATS_WAITING_OCTETS));
	client_count_anew(self->watcher);

	upcall = another_adopts(self);
	ASSERT_NE(NULL, upcall);
	ASSERT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_EQ(2, upcall->info.message_id_in);
	EXPECT_EQ(1, client_wait_message(self->client)->message_id);
	EXPECT_EQ(0, memcmp("hello", self->client->current->octets, 5));
	EXPECT_EQ(0, sa_info(self).waiting);
	EXPECT_EQ(0, client_counter(self->watcher, IKEFP_A_STATS_WAITING_OCTETS));
	peer_kernel_responds(peer, self->client, CREATE_CHILD_SA, 1, PAYLOAD_NONCE, "hi", 2);
	peer_expect(peer);
	EXPECT_NULL(client_wait(self->client, 0));
}

/*
 * What the worker had in its hands, or in its socket, when it died: the peer's next copy
 * is taken as if it were the first. What it had answered stays answered.
 */
TEST_F(adopt, unanswered)
{
	struct peer *peer = self->peer;
	struct upcall *upcall;

	establish(self);
	peer_send_request(peer, CREATE_CHILD_SA, PAYLOAD_NONCE, "first", 5);
	client_wait_message(self->client);
	peer_kernel_responds(peer, self->client, CREATE_CHILD_SA, 1, PAYLOAD_NONCE, "hi", 2);
	peer_expect(peer);
	die_and_wait(self);
	peer_send_again(peer);
	peer_expect(peer);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 tx-messages+1 duplicates-answered+1");
	upcall = another_adopts(self);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(2, upcall->info.message_id_in);
	EXPECT_NULL(client_wait(self->client, 0));

	peer_send_request(peer, CREATE_CHILD_SA, PAYLOAD_NONCE, "second", 6);
	client_wait_message(self->client);
	die_and_wait(self);
	EXPECT_EQ(2, sa_info(self).message_id_in);
	/* One before the adoption; it is a duplicate afterwards. */
	peer_send_again(peer);
	EXPECT_EQ(1, ({ while (!sa_info(self).waiting) poll(NULL, 0, 5);
			sa_info(self).waiting; }));
	upcall = another_adopts(self);
	ASSERT_NE(NULL, upcall);
	ASSERT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_EQ(2, client_wait_message(self->client)->message_id);
	client_count_anew(self->watcher);
	peer_send_again(peer);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 drop-in-progress+1");
	/* One after the adoption. */
	die_and_wait(self);
	upcall = another_adopts(self);
	ASSERT_NE(NULL, upcall);
	ASSERT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_NULL(client_wait(self->client, 0));
	peer_send_again(peer);
	EXPECT_EQ(2, client_wait_message(self->client)->message_id);
	peer_kernel_responds(peer, self->client, CREATE_CHILD_SA, 2, PAYLOAD_NONCE, "hi", 2);
	peer_expect(peer);
	EXPECT_NULL(client_wait(self->client, 0));
}

/* Above the bound it is as if lost on the way: the next copy finds room, or does not. */
TEST_F(adopt, bound)
{
	struct peer *peer = self->peer;
	struct upcall *upcall;

	establish(self);
	die_and_wait(self);
	client_set(self->watcher, IKEFP_A_POLICY_MAX_WAITING_OCTETS, 100);
	peer_send_request(peer, CREATE_CHILD_SA, PAYLOAD_NONCE, "hello", 5);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 drop-waiting-limit+1");
	EXPECT_EQ(1, sa_info(self).message_id_in);
	peer_send_again(peer);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 drop-waiting-limit+1");
	client_set(self->watcher, IKEFP_A_POLICY_MAX_WAITING_OCTETS, 10000);
	peer_send_again(peer);
	while (!sa_info(self).waiting)
		poll(NULL, 0, 5);
	EXPECT_EQ(2, sa_info(self).message_id_in);
	upcall = another_adopts(self);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(1, client_wait_message(self->client)->message_id);
	EXPECT_NULL(client_wait(self->client, 0));
}

/* A handshake cannot be carried on: nothing of it waits, and it ends by itself. */
TEST_F(adopt, half_open)
{
	struct peer *peer = self->peer;
	struct upcall *upcall;

	client_set(self->watcher, IKEFP_A_POLICY_HALF_OPEN_MS, 1000 * clock_scale());
	peer_init_kernel_responds(peer, self->client, SPI, &sk_algorithms[0]);
	die_and_wait(self);
	peer_send_request(peer, IKE_AUTH, PAYLOAD_IDI, "hello", 5);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 drop-no-worker+1");
	upcall = another_adopts(self);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_ADOPTED, upcall->kind);
	EXPECT_EQ(IKEFP_SA_STATE_HALF_OPEN, upcall->info.state);
	EXPECT_EQ(0, upcall->len);
	die_and_wait(self);
	EXPECT_NE(NULL, client_wait_event(self->watcher, IKEFP_EVENT_KIND_SA_EXPIRED,
					  PATIENCE_MS));
	EXPECT_COUNTED(self->watcher, "sas-1 half-open-1 half-open-expired+1 drop-no-worker+1 "
		       "orphans-1");
}

TEST_F(adopt, lifetime)
{
	const int64_t life_us = 300000;
	struct upcall *upcall;
	int64_t before, late;

	establish(self);
	client_set(self->watcher, IKEFP_A_POLICY_ORPHAN_MS, life_us / 1000);
	before = clock_us();
	die_and_wait(self);
	peer_send_request(self->peer, CREATE_CHILD_SA, PAYLOAD_NONCE, "hello", 5);
	ASSERT_NE(NULL, client_wait_event(self->watcher, IKEFP_EVENT_KIND_SA_EXPIRED,
					  PATIENCE_MS));
	late = clock_us() - before;
	EXPECT_LE(life_us, late);
	/* With all that was kept for it. */
	EXPECT_COUNTED(self->watcher, "sas-1 rx-messages+1 orphans-1 stash-octets-64 "
		       "orphans-expired+1");
	upcall = another_adopts(self);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_NOT_ADOPTED, upcall->kind);
	EXPECT_EQ(-ENOENT, upcall->err);
	EXPECT_STREQ("no SA has this SPI", (char *)upcall->octets);
	/* The peer finds out by itself. */
	peer_send_again(self->peer);
	EXPECT_COUNTED(self->watcher, "rx-messages+1 drop-unknown-spi+1 workers+1");
}

/* Time in a worker's care does not count. */
TEST_F(adopt, lifetime_begins_anew)
{
	struct upcall *upcall;
	int i;

	establish(self);
	client_set(self->watcher, IKEFP_A_POLICY_ORPHAN_MS, 2000 * clock_scale());
	for (i = 0; i < 3; i++) {
		clock_sleep_until(clock_us() + 1000000 * clock_scale());
		die_and_wait(self);
		upcall = another_adopts(self);
		ASSERT_NE(NULL, upcall);
		EXPECT_EQ(UPCALL_ADOPTED, upcall->kind);
	}
}

/*
 * A worker whose socket has no room for the SA has not adopted it; one that has room
 * for the SA alone gets the rest when it has read.
 */
TEST_F(adopt, no_room)
{
	static uint8_t octets[IKEFP_MAX_STASH], got[128 * 1024];
	struct peer *peer = self->peer;
	struct rawnl slow = rawnl_open();
	struct verdict verdict;
	struct nl_msg *msg;
	int size = 16384;
	uint64_t spi;
	int on = 1;

	establish(self);
	spi = htobe64(peer->kernel_spi);
	client_stash(self->client, peer->kernel_spi, octets, sizeof(octets));
	ASSERT_EQ(0, setsockopt(slow.sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	setsockopt(slow.sock, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	verdict = rawnl_do(&slow, rawnl_request(&slow, IKEFP_CMD_WORKER_ATTACH, 0));
	ASSERT_EQ(0, verdict.err);
	verdict_free(&verdict);
	die_and_wait(self);
	peer_send_request(peer, CREATE_CHILD_SA, PAYLOAD_NONCE, octets, 30000);
	while (!sa_info(self).waiting)
		poll(NULL, 0, 5);

	/* The socket takes one message however long, and then no more. */
	msg = rawnl_request(&slow, ADOPT, 0);
	nla_put(msg, IKEFP_A_SA_SPI, 8, &spi);
	ASSERT_LT(0, send(slow.sock, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0));
	nlmsg_free(msg);
	EXPECT_NE(0, sa_info(self).worker);
	EXPECT_EQ(1, sa_info(self).waiting);
	EXPECT_LT(64000, recv(slow.sock, got, sizeof(got), 0));
	EXPECT_NE(NULL, memmem(got, 512, &spi, sizeof(spi)));
	/* Tried again by and by, whatever else happens. */
	while (sa_info(self).waiting)
		poll(NULL, 0, 5);
	EXPECT_LT(30000, recv(slow.sock, got, sizeof(got), 0));
	EXPECT_EQ(-1, recv(slow.sock, got, sizeof(got), MSG_DONTWAIT));
	rawnl_close(&slow);
}

struct many {
	uint64_t spis[1000];
	int number;
};

static void find_orphan(const struct ikefp_sa_info *info, void *arg)
{
	struct many *many = arg;

	if (!info->worker && many->number < (int)ARRAY_SIZE(many->spis))
		many->spis[many->number++] = info->spi;
}

/*
 * 1,000 SAs, a stash of 1,000 octets each: how long their adoption takes. A machine that has
 * more to do than this may take as long as making them took there.
 */
TEST_F(adopt, many)
{
	const struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(self->peer);
	static struct many many;
	uint8_t octets[1000];
	struct upcall *upcall;
	int64_t begin, end, making;
	int i;

	begin = clock_us();
	for (i = 0; i < 1000; i++) {
		memset(octets, i, sizeof(octets));
		ASSERT_EQ(0, ikefp_sa_new(self->client->nl, SPI + i, &endpoint));
		client_stash(self->client, SPI + i, octets, sizeof(octets));
	}
	making = clock_us() - begin;
	client_count_anew(self->watcher);
	client_close(self->client);
	EXPECT_COUNTED(self->watcher, "workers-1 orphans+1000 orphaned+1000");
	self->client = client_open(CLIENT_WORKER);
	begin = clock_us();
	ASSERT_EQ(0, ikefp_sa_list(self->client->nl, find_orphan, &many));
	ASSERT_EQ(1000, many.number);
	for (i = 0; i < many.number; i += IKEFP_ADOPT_MAX) {
		int n = many.number - i < IKEFP_ADOPT_MAX ? many.number - i : IKEFP_ADOPT_MAX;
		int j;

		ASSERT_EQ(0, ikefp_worker_adopt(self->client->nl, many.spis + i, n));
		for (j = 0; j < n; j++) {
			upcall = client_wait(self->client, PATIENCE_MS);
			ASSERT_NE(NULL, upcall);
			ASSERT_EQ(UPCALL_ADOPTED, upcall->kind);
			ASSERT_EQ(many.spis[i + j], upcall->spi);
			ASSERT_EQ(1000, upcall->len);
			ASSERT_EQ((upcall->spi - SPI) & 0xff, upcall->octets[999]);
		}
	}
	end = clock_us();
	TH_LOG("1000 SAs made in %lld ms, adopted in %lld ms", (long long)making / 1000,
	       (long long)(end - begin) / 1000);
	if (end - begin > 1000000 * clock_scale())
		EXPECT_GT(making, end - begin);
	EXPECT_COUNTED(self->watcher, "workers+1 orphans-1000 adopted+1000");
}

MODULE_TEST_MAIN
