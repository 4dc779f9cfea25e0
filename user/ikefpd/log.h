/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_LOG_H
#define IKEFPD_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Logging, with strongSwan's groups and levels, since that is what swanctl
 * shows and its users know. No message at any level carries a key or a secret.
 */

enum log_group {
	LOG_DMN,	/* start, stop, signals, reload */
	LOG_MGR,	/* the table of IKE SAs */
	LOG_IKE,	/* IKE SAs */
	LOG_CHD,	/* Child SAs */
	LOG_CFG,	/* configuration, VICI */
	LOG_KNL,	/* the kernel: ikefp and XFRM netlink */
	LOG_NET,	/* messages sent and received */
	LOG_ENC,	/* encoding and decoding of payloads */
	LOG_LIB,	/* crypto and everything shared */
	LOG_GROUPS
};

enum log_level {
	LVL_SILENT = -1,
	LVL_AUDIT = 0,	/* what an operator always wants: SA up, SA down, refusals */
	LVL_CTRL = 1,	/* control flow, the default; errors too */
	LVL_DIAG = 2,	/* more detail, for finding faults */
	LVL_RAW = 3,	/* dumps of (unsecret) octets */
	LVL_PRIVATE = 4	/* as LVL_RAW here: secrets are never logged */
};

/* The IKE SA that a message concerns. */
struct log_sa {
	const char *name;	/* connection name */
	uint32_t unique_id;
};

/* Log a line (no newline). @sa may be NULL. */
void log_sa(enum log_group group, int level, const struct log_sa *sa,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void log_vsa(enum log_group group, int level, const struct log_sa *sa,
	     const char *fmt, va_list ap) __attribute__((format(printf, 4, 0)));
#define log_msg(group, level, ...) log_sa(group, level, NULL, __VA_ARGS__)

/* Would a message of @group and @level go anywhere? To skip costly arguments. */
bool log_enabled(enum log_group group, int level);

/* "IKE", "NET" ... as charon prints them. */
const char *log_group_name(enum log_group group);
/* Parses "IKE" or "ike"; -1 if there is no such group. */
int log_group_parse(const char *name);
/*
 * Parses -1..4 or a name (silent, audit, ctrl, diag, raw, private). Returns
 * false and leaves *@level alone if it is neither.
 */
bool log_level_parse(const char *text, int *level);

/* Where lines go: both may be on. Default: stderr, level 1 for every group. */
void log_set_stderr(bool on);
void log_set_syslog(bool on, const char *ident);
/* @group LOG_GROUPS sets all. */
void log_set_level(enum log_group group, int level);

/*
 * A listener sees each message of its level or below, whatever stderr and
 * syslog show. The struct is the owner's, linked until removed. A message that
 * a listener logs itself is not given to listeners again.
 */
struct log_listener {
	void (*message)(struct log_listener *l, enum log_group group, int level,
			const struct log_sa *sa, const char *text);
	int level;
	struct log_listener *next;	/* kept by log.c */
};

void log_listener_add(struct log_listener *l);
void log_listener_del(struct log_listener *l);

#endif /* IKEFPD_LOG_H */
