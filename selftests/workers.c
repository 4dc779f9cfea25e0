// SPDX-License-Identifier: GPL-2.0
/*
 * Several workers: whose a new SA is, and that it stays theirs; how many there may be,
 * and who wants to be alone.
 */

#include "kselftest_harness.h"

#include <errno.h>

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
#define WORKERS 4

FIXTURE(workers)
{
	struct rawnl rawnl;
	struct client *workers[WORKERS];
	struct client *watcher;
	struct peer *peer;
};

FIXTURE_SETUP(workers)
{
	int i;

	netns_new();
	self->rawnl = rawnl_open();
	self->watcher = client_open(CLIENT_EVENTS);
	client_let_all_in(self->watcher);
	client_listen(self->watcher, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500);
	for (i = 0; i < WORKERS; i++)
		self->workers[i] = client_open(CLIENT_WORKER);
	self->peer = peer_open("127.0.0.2", "127.0.0.1", 500, IKEFP_LISTENER_KIND_IKE);
	client_count_anew(self->watcher);
}

FIXTURE_TEARDOWN(workers)
{
	int i;

	for (i = 0; i < WORKERS; i++)
		if (self->workers[i])
			client_close(self->workers[i]);
	peer_close(self->peer);
	client_close(self->watcher);
	rawnl_close(&self->rawnl);
}

typedef FIXTURE_DATA(workers) workers;

static uint32_t portid(const workers *self, int i)
{
	return ikefp_worker_portid(self->workers[i]->nl);
}

struct load {
	uint32_t portid;
	uint32_t sas;
	int listed;
};

static void find_load(const struct ikefp_worker_info *info, void *arg)
{
	struct load *load = arg;

	load->listed++;
	if (info->worker == load->portid)
		load->sas = info->sas;
}

/* How many SAs the listing says that a worker has. */
static uint32_t sas_of(workers *self, int i)
{
	struct load load = { .portid = portid(self, i), .sas = UINT32_MAX };

	if (ikefp_worker_list(self->watcher->nl, find_load, &load))
		die("worker-get: %s", ikefp_nl_error(self->watcher->nl));
	return load.sas;
}

static void first_message(workers *self, uint64_t spi)
{
	uint8_t message[64];

	peer_send(self->peer, message, ike_put_init(message, spi, 0, 1, sizeof(message)));
}

/* The worker that gets the next message, -1 if none does. */
static int who_gets(workers *self, uint64_t spi)
{
	int64_t until = clock_us() + PATIENCE_MS * 1000;
	int i;

	first_message(self, spi);
	do {
		for (i = 0; i < WORKERS; i++) {
			if (self->workers[i] && client_wait(self->workers[i], 1)) {
				self->peer->kernel_spi = self->workers[i]->current->spi;
				return i;
			}
		}
	} while (clock_us() < until);
	return -1;
}

TEST_F(workers, least_loaded)
{
	uint64_t theirs[3];
	int i, n;

	/* One after the other. */
	for (n = 0; n < 3; n++)
		for (i = 0; i < WORKERS; i++)
			ASSERT_EQ(i, who_gets(self, SPI + n * WORKERS + i));
	for (i = 0; i < WORKERS; i++)
		EXPECT_EQ(3, sas_of(self, i));
	/* Two more for one make it the last choice; one fewer makes another the first. */
	for (n = 0; n < 2; n++) {
		const struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(self->peer);

		ASSERT_EQ(0, ikefp_sa_new_for(self->watcher->nl, SPI + n, portid(self, 0), 0,
					      &endpoint));
	}
	for (n = 0; n < 2; n++)
		for (i = 1; i < WORKERS; i++)
			ASSERT_EQ(i, who_gets(self, SPI + 100 + n * WORKERS + i));
	for (n = 0; n < 3; n++) {
		ASSERT_EQ(n, who_gets(self, SPI + 200 + n));
		theirs[n] = self->peer->kernel_spi;
	}
	ASSERT_EQ(3, who_gets(self, SPI + 210));
	ASSERT_EQ(0, ikefp_sa_del(self->watcher->nl, theirs[2]));
	EXPECT_EQ(5, sas_of(self, 2));
	EXPECT_EQ(2, who_gets(self, SPI + 220));
	EXPECT_EQ(6, sas_of(self, 2));
}

/* Whatever comes for an SA goes to its worker, also when others have less to do. */
TEST_F(workers, for_life)
{
	struct peer *peer = self->peer;
	struct client *late;
	uint32_t id;
	int i;

	peer_init_kernel_responds(peer, self->workers[0], SPI, &sk_algorithms[0]);
	late = client_open(CLIENT_WORKER);
	for (i = 0; i < 3; i++) {
		id = peer->next_out;
		peer_send_request(peer, IKE_AUTH, PAYLOAD_IDI, "hello", 5);
		EXPECT_EQ(id, client_wait_message(self->workers[0])->message_id);
		peer_kernel_responds(peer, self->workers[0], IKE_AUTH, id, PAYLOAD_IDI, "hi", 2);
		peer_expect(peer);
	}
	for (i = 1; i < WORKERS; i++)
		EXPECT_NULL(client_wait(self->workers[i], 0));
	EXPECT_NULL(client_wait(late, 0));
	client_close(late);
}

/* Our own, where no worker is named: spread by SPI, and evenly. */
TEST_F(workers, spread_by_spi)
{
	const struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(self->peer);
	const uint32_t number = 2000;
	uint32_t i, sum = 0;

	for (i = 0; i < number; i++)
		ASSERT_EQ(0, ikefp_sa_new(self->watcher->nl, SPI + i, &endpoint));
	for (i = 0; i < WORKERS; i++) {
		uint32_t sas = sas_of(self, i);

		EXPECT_LT(number / WORKERS * 3 / 4, sas);
		EXPECT_GT(number / WORKERS * 5 / 4, sas);
		sum += sas;
	}
	EXPECT_EQ(number, sum);
	EXPECT_COUNTED(self->watcher, "sas+2000");
}

TEST_F(workers, named)
{
	const struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(self->peer);
	struct ikefp_sa_info info;
	int i;

	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(0, ikefp_sa_new_for(self->watcher->nl, SPI + i, portid(self, i), 0,
					      &endpoint));
		ASSERT_EQ(0, ikefp_sa_get(self->watcher->nl, SPI + i, &info));
		EXPECT_EQ(portid(self, i), info.worker);
	}
	/* What such a request comes to goes there. */
	for (i = 0; i < WORKERS; i++) {
		uint8_t message[64];
		const struct ikefp_message_out request = {
			.spi = SPI + i, .raw = true,
			.payload = { message, ike_put_init(message, SPI + i, 0, 1, 64) },
		};
		struct upcall *upcall;

		ASSERT_EQ(0, ikefp_message_send(self->watcher->nl, &request, NULL));
		peer_expect(self->peer);
		peer_send(self->peer, message, ike_put_init(message, SPI + i, 9, 2, 64));
		upcall = client_wait(self->workers[i], PATIENCE_MS);
		ASSERT_NE(NULL, upcall);
		EXPECT_EQ(SPI + i, upcall->spi);
	}
}

/* One dies: its SAs are orphans, those of the others are as before. */
TEST_F(workers, one_dies)
{
	struct ikefp_sa_info info;
	uint64_t spis[WORKERS];
	int i;

	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(i, who_gets(self, SPI + i));
		spis[i] = self->peer->kernel_spi;
	}
	client_count_anew(self->watcher);
	client_close(self->workers[1]);
	self->workers[1] = NULL;
	EXPECT_COUNTED(self->watcher, "workers-1 orphans+1 orphaned+1");
	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(0, ikefp_sa_get(self->watcher->nl, spis[i], &info));
		EXPECT_EQ(i == 1 ? 0 : portid(self, i), info.worker);
	}
	for (i = 0; i < 6; i++)
		EXPECT_NE(1, who_gets(self, SPI + 100 + i));
	EXPECT_EQ(3, sas_of(self, 0));
	EXPECT_EQ(3, sas_of(self, 2));
	EXPECT_EQ(3, sas_of(self, 3));
}

TEST_F(workers, commands)
{
	const uint32_t nobody = 0xfffffff0;
	const struct trial trials[] = {
#define ATTACH IKEFP_CMD_WORKER_ATTACH
#define GET IKEFP_CMD_WORKER_GET
#define WORKER(name) IKEFP_A_WORKER_##name
		{ GET, {}, -EINVAL, "worker is missing", 0, WORKER(WORKER) },
		{ GET, { U16(WORKER(WORKER), 1) }, -EINVAL, WRONG_LENGTH, WORKER(WORKER) },
		{ GET, { U32(WORKER(WORKER), nobody) }, -ENOENT, "no worker has this port ID",
		  WORKER(WORKER) },
		{ GET, { U32(WORKER(WORKER), portid(self, 0)), FLAG(WORKER(ONLY)) }, -EINVAL,
		  UNKNOWN, WORKER(ONLY) },
		{ GET, { U32(WORKER(WORKER), portid(self, 0)) } },
		{ ATTACH, { U32(WORKER(WORKER), 1) }, -EINVAL, UNSUPPORTED, WORKER(WORKER) },
		{ ATTACH, { U8(WORKER(ONLY), 1) }, -ERANGE, FLAG_LENGTH, WORKER(ONLY) },
		{ ATTACH, { U32(WORKER(SAS), 1) }, -EINVAL, UNKNOWN, WORKER(SAS) },
		{ ATTACH, { FLAG(WORKER(ONLY)) }, -EBUSY,
		  "another worker is attached to this namespace" },
		{ ATTACH },
		/* Again, by the same socket: it is one. */
		{ ATTACH },
		{ ATTACH, { FLAG(WORKER(ONLY)) } },
	};

	EXPECT_TRIALS(trials);
	EXPECT_COUNTED(self->watcher, "workers+1");
}

TEST_F(workers, the_only_one)
{
	const struct trial only[] = { { ATTACH, { FLAG(WORKER(ONLY)) } } };
	const struct trial refused[] = {
		{ ATTACH, {}, -EBUSY, "another worker is attached to this namespace" },
		{ ATTACH, { FLAG(WORKER(ONLY)) }, -EBUSY,
		  "another worker is attached to this namespace" },
	};
	struct rawnl other;
	int i;

	for (i = 0; i < WORKERS; i++) {
		client_close(self->workers[i]);
		self->workers[i] = NULL;
	}
	EXPECT_COUNTED(self->watcher, "workers-4");
	EXPECT_TRIALS(only);
	other = rawnl_open();
	expect_trials(_metadata, &other, refused, ARRAY_SIZE(refused));
	rawnl_close(&self->rawnl);
	/* A closed socket is a dead worker at once. */
	expect_trials(_metadata, &other, only, 1);
	self->rawnl = other;
}

TEST_F(workers, many)
{
	const struct trial attach[] = { { ATTACH } };
	const struct trial refused[] = {
		{ ATTACH, {}, -ENOSPC, "there are 256 workers already" },
	};
	struct rawnl others[256 - WORKERS];
	struct load load = {};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		others[i] = rawnl_open();
		expect_trials(_metadata, &others[i], attach, 1);
	}
	EXPECT_TRIALS(refused);
	ASSERT_EQ(0, ikefp_worker_list(self->watcher->nl, find_load, &load));
	EXPECT_EQ(256, load.listed);
	rawnl_close(&others[7]);
	EXPECT_TRIALS(attach);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (i != 7)
			rawnl_close(&others[i]);
}

MODULE_TEST_MAIN
