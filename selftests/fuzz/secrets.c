// SPDX-License-Identifier: GPL-2.0
/*
 * The process of the secrets, without a process: what is sent to it is answered here
 * and now, by its own code. In place of ipc.c and of the unit tests' process.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "ipc.h"
#include "libsecrets.h"
#include "secrets_server.h"

#define STORES	4
#define FD_BASE	100000	/* no descriptors of anybody; two for each store */

static struct {
	bool used;
	struct secrets_store store;
	struct buf reply;
} stores[STORES];

int ipc_pair(int fds[2])
{
	(void)fds;
	return -EMFILE;
}

int ipc_send(int fd, const void *data, size_t len)
{
	unsigned int i = (unsigned int)(fd - FD_BASE) / 2;

	CHECK(i < STORES && stores[i].used);
	buf_clear(&stores[i].reply);
	secrets_answer(&stores[i].store, fd % 2 ? SECRETS_READER : SECRETS_DAEMON, data,
		       len, &stores[i].reply);
	return 0;
}

/* Without memory for an answer the real one ends. */
ssize_t ipc_recv(int fd, void *data, size_t size, int timeout_ms)
{
	unsigned int i = (unsigned int)(fd - FD_BASE) / 2;
	size_t len;

	(void)timeout_ms;
	CHECK(i < STORES && stores[i].used);
	len = stores[i].reply.failed ? 0 : stores[i].reply.len;
	CHECK(len < size);
	if (len)
		memcpy(data, stores[i].reply.data, len);
	buf_clear(&stores[i].reply);
	return (ssize_t)len;
}

void test_secrets_start(struct test_secrets *t)
{
	unsigned int i = 0;

	while (stores[i].used)
		CHECK(++i < STORES);
	stores[i].used = true;
	t->fd = FD_BASE + 2 * (int)i;
	t->stage_fd = t->fd + 1;
	t->secrets = secrets_new(t->fd);
	CHECK(t->secrets);
	secrets_add_signer(t->secrets, t->fd);
}

void test_secrets_stop(struct test_secrets *t)
{
	unsigned int i = (unsigned int)(t->fd - FD_BASE) / 2;

	secrets_free(t->secrets);
	buf_clear(&stores[i].reply);
	secret_list_free(&stores[i].store.loaded);
	secret_list_free(&stores[i].store.staged);
	stores[i].used = false;
}
