// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc.h"
#include "libsecrets.h"
#include "secrets_server.h"

#define SIGNERS_AT	200

void test_secrets_start(struct test_secrets *t)
{
	int daemon[2], reader[2], begun[2], signers[TEST_SIGNERS][2];
	unsigned int i;
	char octet = 0;

	assert(!ipc_pair(daemon) && !ipc_pair(reader) && !pipe(begun));
	for (i = 0; i < TEST_SIGNERS; i++)
		assert(!ipc_pair(signers[i]));
	t->pid = fork();
	assert(t->pid >= 0);
	if (!t->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(daemon[0]);
		close(reader[0]);
		for (i = 0; i < TEST_SIGNERS; i++) {
			close(signers[i][0]);
			assert(dup2(signers[i][1], SIGNERS_AT + i) >= 0);
			close(signers[i][1]);
		}
		assert(!secrets_serve_signers(SIGNERS_AT, TEST_SIGNERS));
		assert(write(begun[1], &octet, 1) == 1);
		_exit(secrets_serve(daemon[1], reader[1]) ? 1 : 0);
	}
	close(daemon[1]);
	close(reader[1]);
	/* How long a busy machine takes for that is nothing to who waits for answers. */
	assert(read(begun[0], &octet, 1) == 1);
	close(begun[0]);
	close(begun[1]);
	t->fd = daemon[0];
	t->stage_fd = reader[0];
	t->secrets = secrets_new(t->fd);
	assert(t->secrets);
	for (i = 0; i < TEST_SIGNERS; i++) {
		close(signers[i][1]);
		secrets_add_signer(t->secrets, signers[i][0]);
	}
}

void test_secrets_stop(struct test_secrets *t)
{
	secrets_free(t->secrets);
	close(t->fd);
	close(t->stage_fd);
	/* Processes started after it may hold copies of its sockets. */
	kill(t->pid, SIGKILL);
	waitpid(t->pid, NULL, 0);
}
