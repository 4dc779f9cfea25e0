/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The process that runs scripts, "ikefpd: scripts". It has what a script has (privileges.h),
 * hence no filter of system calls, and nothing else: no secrets, and one socket.
 *
 * A request is a packet (ipc.h): a u64, and texts that each end in an octet of zero: whom it
 * is about, for the log; a command for /bin/sh; and its environment, "NAME=value" each.
 * Commands with the same u64 run one after the other, others at the same time, but no more
 * than SCRIPT_RUN_MAX. For each line that a command writes, and for what becomes of it
 * where that is not success, the daemon gets a packet of one text, for the log.
 *
 * When the daemon has gone, however that was, what it asked for is done yet.
 */
#ifndef IKEFPD_SCRIPT_RUNNER_H
#define IKEFPD_SCRIPT_RUNNER_H

#include <stdint.h>

/* At a time. */
#define SCRIPT_RUN_MAX		16
/* Those that wait included, since peers decide how often Child SAs come and go. */
#define SCRIPT_JOBS_MAX		65536
/* Then it gets SIGTERM, and SCRIPT_KILL_MS later, with all of its group, SIGKILL. */
#define SCRIPT_LIMIT_MS		30000
#define SCRIPT_KILL_MS		2000
/* Octets of a line of output; what is longer goes on in the next one. */
#define SCRIPT_LINE_MAX		512

/*
 * The process's work, until @daemon_fd ends and all is done. @limit_ms is SCRIPT_LIMIT_MS and
 * @jobs_max SCRIPT_JOBS_MAX, but for tests.
 */
void script_runner_serve(int daemon_fd, uint64_t limit_ms, unsigned int jobs_max);

#endif
