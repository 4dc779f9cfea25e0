/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_VICI_CLIENT_H
#define IKEFPD_VICI_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "buf.h"
#include "config.h"
#include "control.h"
#include "log.h"
#include "loop.h"
#include "tree.h"

/*
 * What vici.c (sockets, packets) and the commands (vici_query, vici_load,
 * vici_control, vici_log) share. Not for others.
 */

enum vici_event {
	VICI_EV_LOG,
	VICI_EV_CONTROL_LOG,
	VICI_EV_LIST_SA,
	VICI_EV_LIST_CONN,
	VICI_EV_LIST_CERT,
	VICI_EV_LIST_AUTHORITY,
	VICI_EV_LIST_POLICY,
	VICI_EV_IKE_UPDOWN,
	VICI_EV_IKE_REKEY,
	VICI_EV_IKE_UPDATE,
	VICI_EV_CHILD_UPDOWN,
	VICI_EV_CHILD_REKEY,
	VICI_EV_ALERT,
	VICI_EVENTS
};

struct secrets;
struct vici_control;
struct vici_token;
struct vici_conn;
struct vici_authority;
struct token_certs;

struct vici {
	struct loop *loop;
	struct config *config;
	struct secrets *secrets;
	struct revocation_info *revocation;	/* NULL: nothing is learnt */
	struct token_certs *token_certs;		/* NULL: there are no tokens */
	int (*reload)(void *data, struct errmsg *err);
	void *reload_data;
	struct loop_fd listener;
	struct vici_client *clients;
	unsigned int client_count;
	struct loop_work reap;		/* frees clients that are closed */
	struct log_listener log;
	time_t since;
	uint64_t since_ms;
};

struct vici_client {
	struct vici_client *next;
	struct vici *vici;
	struct loop_fd fd;
	struct buf in;
	struct buf out;
	size_t out_sent;
	uint32_t events;		/* bit per enum vici_event */
	bool closed;
	bool doomed;			/* to be closed by vici->reap */
	struct loop_work resume;	/* goes on with what is in @in */
	struct vici_control *control;	/* the command under way, NULL none, */
	struct vici_token *token;	/* or if it is load-token, */
	struct vici_conn *conn;		/* or load-conn, */
	struct vici_authority *authority;	/* or load-authority */
	unsigned long dropped;		/* log events and alerts that a slow client missed */
};

struct ts_list;

/* Its selectors, as a list of this name. */
void vici_put_ts_list(struct buf *out, const char *name, const struct ts_list *list);
/* "TUNNEL", as --list-conns has it. */
const char *vici_mode_name(enum child_mode mode);

/* By name, in any connection if @ike is NULL. NULL, or *conn is the child's. */
const struct child_conf *vici_find_child(const struct config *config, const char *ike,
					 const char *child, struct conn **conn);

enum vici_result {
	VICI_DONE,	/* the reply is complete */
	VICI_PENDING	/* vici_respond() follows */
};

/* A command: @reply takes the message of its response. */
typedef enum vici_result (*vici_command_fn)(struct vici_client *client,
					    const struct tree *request,
					    struct buf *reply);

/* "success = no" and the reason, or "success = yes" if @fmt is NULL. */
void vici_put_result(struct buf *reply, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* End a pending command. Writes to and wipes @reply. */
void vici_respond(struct vici_client *client, struct buf *reply);

static inline bool vici_wants(const struct vici_client *client, enum vici_event event)
{
	return client->events & 1u << event;
}

/*
 * Queue an event if the client registered for it. Log events and alerts are dropped once
 * much is queued; a client that lets too much of anything else pile up is closed.
 */
void vici_raise(struct vici_client *client, enum vici_event event,
		const struct buf *message);

/* Start or stop following the log, as the clients' registrations ask for. */
void vici_log_update(struct vici *vici);
void vici_log_message(struct log_listener *l, enum log_group group, int level,
		      const struct log_sa *sa, const char *text);

/* The client is gone: its command goes on, unwatched. */
void vici_control_abandon(struct vici_control *control);
void vici_token_abandon(struct vici_token *token);
void vici_conn_abandon(struct vici_conn *conn);
void vici_authority_abandon(struct vici_authority *authority);

/* What changes the configuration says to its client: no, which is logged; or yes. */
enum vici_result vici_refuse(struct buf *reply, const char *command, const struct errmsg *err);
enum vici_result vici_accept(struct buf *reply);

/* Does a message about @sa belong to the command? */
bool vici_control_concerns(const struct vici_control *control,
			   const struct log_sa *sa);
int vici_control_level(const struct vici_control *control);

enum vici_result vici_version(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_stats(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_list_sas(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_list_conns(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_list_nothing(struct vici_client *, const struct tree *,
				   struct buf *);
enum vici_result vici_get_conns(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_get_shared(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_get_keys(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_get_authorities(struct vici_client *, const struct tree *,
				      struct buf *);
enum vici_result vici_list_authorities(struct vici_client *, const struct tree *,
				       struct buf *);
enum vici_result vici_load_authority(struct vici_client *, const struct tree *,
				     struct buf *);
enum vici_result vici_unload_authority(struct vici_client *, const struct tree *,
				       struct buf *);
enum vici_result vici_reload_settings(struct vici_client *, const struct tree *,
				      struct buf *);
enum vici_result vici_load_conn(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_unload_conn(struct vici_client *, const struct tree *,
				  struct buf *);
enum vici_result vici_load_shared(struct vici_client *, const struct tree *,
				  struct buf *);
enum vici_result vici_unload_shared(struct vici_client *, const struct tree *,
				    struct buf *);
enum vici_result vici_load_unserved(struct vici_client *, const struct tree *,
				    struct buf *);
enum vici_result vici_unload_pool(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_clear_creds(struct vici_client *, const struct tree *,
				  struct buf *);
enum vici_result vici_load_cert(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_load_key(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_unload_key(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_load_token(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_list_certs(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_flush_certs(struct vici_client *, const struct tree *,
				  struct buf *);
/* What control.h tells, to all clients that want to know. */
void vici_sa_event(enum control_event event, const struct control_ike *ike, void *data);
void vici_alert(enum control_alert alert, const struct control_ike *ike, void *data);

enum vici_result vici_get_algorithms(struct vici_client *, const struct tree *,
				     struct buf *);
/* Counts on what the module has counted meanwhile. */
void vici_counters_look(void);
enum vici_result vici_get_counters(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_reset_counters(struct vici_client *, const struct tree *,
				     struct buf *);
enum vici_result vici_install(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_uninstall(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_list_policies(struct vici_client *, const struct tree *,
				    struct buf *);
enum vici_result vici_initiate(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_rekey(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_redirect(struct vici_client *, const struct tree *, struct buf *);
enum vici_result vici_terminate(struct vici_client *, const struct tree *, struct buf *);

#endif /* IKEFPD_VICI_CLIENT_H */
