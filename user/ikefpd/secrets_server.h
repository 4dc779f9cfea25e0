/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The process of the secrets, "ikefpd: secrets": it keeps them, and answers requests
 * (secrets_proto.h) with MACs, signatures and verdicts, never with a secret.
 */
#ifndef IKEFPD_SECRETS_SERVER_H
#define IKEFPD_SECRETS_SERVER_H

#include <stdbool.h>

#include "buf.h"
#include "secret.h"

struct secrets_store {
	struct secret *loaded;
	struct secret *staged;	/* read from the file, to be committed */
};

enum secrets_peer {
	SECRETS_DAEMON,
	SECRETS_READER
};

/* Answers one request of @peer, whatever its octets; @reply is empty before. */
void secrets_answer(struct secrets_store *store, enum secrets_peer peer,
		    const uint8_t *data, size_t len, struct buf *reply);

/*
 * Serves both until the daemon closes its end; it is the process's whole work. The
 * reader's may be -1, or be closed sooner. Returns 0, or -errno if it cannot go on.
 */
int secrets_serve(int daemon_fd, int reader_fd);

#endif /* IKEFPD_SECRETS_SERVER_H */
