/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The start_actions of the configuration, and what was up and could not be carried on: what
 * is to be up is initiated, some at a time.
 * A thousand handshakes at once would all be late: each peer's, and ours; a peer that is
 * one for all of them takes no more from one source than it takes for an attack; and what
 * is late for long is given up.
 */
#ifndef IKEFPD_START_H
#define IKEFPD_START_H

struct child_conf;
struct config;
struct conn;
struct loop;

/* So many are under way, a peer that does not answer counted for so long. */
#define START_MAX	32
#define START_MS	5000

/* There is one of it, as there is one of control.h's. */
void start_open(struct loop *loop, struct config *config);
/* To be called after each load: what is up already stays as it is. */
void start_pending(void);
/* Initiated from the loop, or once it is configured. */
void start_again(const char *conn, const char *child);
/*
 * The same for what cannot be initiated, for want of a route or of a token: when something of
 * the network has changed, or a token has come, unless it is not configured any more.
 */
void start_when_possible(const struct conn *conn, const struct child_conf *child);
void start_look_again(void);
/* What has not begun does not. */
void start_stop(void);
void start_close(void);

#endif /* IKEFPD_START_H */
