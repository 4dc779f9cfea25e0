/* SPDX-License-Identifier: GPL-2.0 */
/* A process of the secrets for tests: the real one, but for its confinement. */
#ifndef IKEFP_TEST_LIBSECRETS_H
#define IKEFP_TEST_LIBSECRETS_H

#include <stdbool.h>
#include <sys/types.h>

#include "config_load.h"
#include "secrets.h"

#define TEST_SIGNERS	3	/* threads that may ask for signatures */

struct test_secrets {
	struct secrets *secrets;
	int fd;			/* the daemon's end */
	int stage_fd;		/* the end of the file's reader */
	pid_t pid;
};

/* libsecrets_process.c */
void test_secrets_start(struct test_secrets *t);
void test_secrets_stop(struct test_secrets *t);

/* What the daemon and the reader of its file do with one. 0, or -1 with @err set. */
int test_secrets_load_file(struct test_secrets *t, struct config *config,
			   const char *path, struct errmsg *err);

/* Is what serves these identities this secret? @len 0: there is none. */
bool test_secrets_serves(struct secrets *s, const char *local, const char *remote,
			 const void *secret, size_t len);

#endif
