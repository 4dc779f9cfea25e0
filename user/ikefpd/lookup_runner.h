/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The process that asks the network, "ikefpd: lookup": it fetches CRLs, also from files, asks OCSP
 * responders, and finds the addresses of host names. Each in a process of its own, so that a slow one
 * costs nobody else, nor one that is led astray by an answer; none has capabilities, files
 * to write, or anything of the daemon's. So many at once at most (LOOKUP_RUN_MAX); others wait.
 *
 * A request is a packet (ipc.h): a u32 that the answer repeats, an octet of enum
 * lookup_kind, and texts that each end in an octet of zero: a URL, a host name, or a path; of
 * LOOKUP_OCSP octets follow, the request. The answer is one packet or more: the u32, an octet
 * of enum lookup_answer, and octets: a part of what was fetched, or of the addresses, each
 * an octet 4 or 6 and 4 or 16 octets; of LOOKUP_FAILED a text that says why.
 */
#ifndef IKEFPD_LOOKUP_RUNNER_H
#define IKEFPD_LOOKUP_RUNNER_H

enum lookup_kind {
	LOOKUP_CRL = 1,
	LOOKUP_OCSP,
	LOOKUP_HOST,
	LOOKUP_FILE		/* that the configuration names, and nobody else */
};

enum lookup_answer {
	LOOKUP_MORE = 1,
	LOOKUP_LAST,
	LOOKUP_FAILED
};

#define LOOKUP_HEADER	5
/* At a time; others wait. */
#define LOOKUP_RUN_MAX	32
/* How long one may take, and how many octets it may bring. */
#define LOOKUP_LIMIT_MS	10000
#define LOOKUP_OCTETS_MAX	(16u << 20)

/* The process's work, until @daemon_fd ends. */
void lookup_runner_serve(int daemon_fd);

#endif
