/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which system calls a process of the daemon may make from here on: those that it
 * does make, by seccomp. Any other is not carried out; a line on standard error
 * names it, and the process ends with status SANDBOX_STATUS. (To refuse it with an
 * error alone would leave a daemon that works by halves, and one that has been taken
 * over with all the time to look for what is allowed.)
 */
#ifndef IKEFPD_SANDBOX_H
#define IKEFPD_SANDBOX_H

#include "errmsg.h"

#define SANDBOX_STATUS	159	/* as of a process that died of SIGSYS */

enum sandbox {
	SANDBOX_DAEMON,		/* sockets that are open, VICI's clients, route lookups */
	SANDBOX_SECRETS,	/* reads and writes what is open, and memory */
	SANDBOX_READER,		/* that, reads files, removes VICI's socket */
	SANDBOX_LOOKUP,		/* that, reads files, and the network; see below */
	SANDBOX_TOKENS,		/* what follows, for it passes it on, and processes */
	SANDBOX_TOKEN		/* that, devices, sockets and threads; see below */
};

/*
 * What libc does to find a host's address depends on the machine, and is done by libraries
 * that are loaded for it. So a look-up has more, and what it has not is refused with EPERM:
 * no program, no file to write, no process but by signals, no packet or raw socket.
 *
 * So it is with a token: a provider of OpenSSL loads what drives the device. It may open what its
 * user may (no file can be made, cut short, renamed or removed), UDP, TCP and unix sockets, and
 * begin threads; no program, no process, no packet or raw socket. Who starts such processes has
 * those rights, and that to fork, to end them, and to confine them.
 */

/* For good. Returns 0, or -1 with @err set. */
int sandbox_enter(enum sandbox kind, struct errmsg *err);

#endif /* IKEFPD_SANDBOX_H */
