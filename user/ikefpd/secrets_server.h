/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The process of the secrets, "ikefpd: secrets": it keeps them, and answers requests
 * (secrets_proto.h) with MACs, signatures and verdicts, never with a secret.
 */
#ifndef IKEFPD_SECRETS_SERVER_H
#define IKEFPD_SECRETS_SERVER_H

#include <pthread.h>
#include <stdbool.h>

#include "buf.h"
#include "secret.h"

struct secrets_store {
	pthread_mutex_t lock;	/* of all of it */
	struct secret *loaded;
	struct secret *staged;	/* read from the file, to be committed */
};

enum secrets_peer {
	SECRETS_DAEMON,
	SECRETS_READER,
	SECRETS_SIGNER		/* threads of the daemon that wait for signatures */
};

/* Answers one request of @peer, whatever its octets; @reply is empty before. */
void secrets_answer(struct secrets_store *store, enum secrets_peer peer,
		    const uint8_t *data, size_t len, struct buf *reply);

/*
 * A thread for each of @n descriptors, from @first on, on which the daemon asks for
 * signatures: these take long. To be called once, before secrets_serve(). 0 or -errno. Where there
 * is no thread for one, it is closed.
 */
int secrets_serve_signers(int first, unsigned int n);

/*
 * Serves both until the daemon closes its end; it is the process's whole work. The
 * reader's may be -1, or be closed sooner. Returns 0, or -errno if it cannot go on.
 */
int secrets_serve(int daemon_fd, int reader_fd);

#endif /* IKEFPD_SECRETS_SERVER_H */
