/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Host names as remote addresses: what is to be done with a connection that has some waits
 * until their addresses have been asked for, and nothing else waits for that. Before
 * each attempt to initiate it they are asked for anew; in between, and where there is no
 * answer, a name has the address that it had last.
 */
#ifndef IKEFPD_HOST_NAMES_H
#define IKEFPD_HOST_NAMES_H

#include <stdbool.h>

struct child_conf;
struct conn;
struct control_job;
struct ike_manager;

bool host_names_any(const struct conn *conn);
/*
 * If the connection has names: ike_manager_initiate_now() is called when they are known, or
 * cannot be. False: it has none, or without memory.
 */
bool host_names_initiate(struct ike_manager *m, struct conn *conn,
			 const struct child_conf *child, struct control_job *job, bool lasting);
/* trap_configure(), then or now. */
void host_names_configure(struct ike_manager *m, struct conn *conn);
/* The job is not done any more. */
void host_names_forget(struct ike_manager *m, struct control_job *job);
/* Nothing is done any more. */
void host_names_clear(struct ike_manager *m);

#endif
