/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The process that reads the configuration file, "ikefpd: reader": it stays whom the
 * daemon was started as, who can read a file that holds secrets, while the daemon
 * itself cannot. It reads and checks the file when it is asked to, at the start and
 * for each reload, stages the secrets where they are kept, gives the rest to the
 * daemon, and forgets it all. It also removes VICI's socket, at the end.
 *
 * A request is a packet (ipc.h): an octet and a u32 that its answers repeat. The
 * answer to FILE_READ is one packet or more, each an octet of enum file_answer, the
 * u32, and octets: of the refusal, or a part of
 *
 *	8 u32 settings of charon, u32 authorities, u32 connections, u32 octets of what
 *	credentials_write() writes, and for each authority and each connection u32 octets of a VICI message
 *	with its section
 */
#ifndef IKEFPD_FILE_READER_H
#define IKEFPD_FILE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "errmsg.h"

enum file_request {
	FILE_READ = 1,
	FILE_REMOVE_SOCKET	/* answered with FILE_LAST */
};

enum file_answer {
	FILE_MORE = 1,
	FILE_LAST,
	FILE_REFUSED
};

/* A file is not waited for longer, be it on a disk that is gone. */
#define FILE_READ_MS	10000

/*
 * The process's work, until @daemon_fd is closed. @secrets_fd and @tokens_fd are where
 * secrets are staged; @path may be NULL.
 */
void file_reader_serve(int daemon_fd, int secrets_fd, int tokens_fd, const char *path,
		       const char *socket_path);

/* The daemon's end. */
struct file_reader {
	int fd;
	uint32_t last;		/* the number of the last request */
};

/*
 * Has the file read into @fresh, which is empty before, and its secrets staged: they
 * are in force after secrets_commit() and tokens_commit(). Waits for at most FILE_READ_MS. Returns 0, or
 * -1 with @err set.
 */
int file_reader_read(struct file_reader *r, struct config *fresh, struct errmsg *err);

/* Has VICI's socket removed. */
void file_reader_remove_socket(struct file_reader *r);

#endif /* IKEFPD_FILE_READER_H */
