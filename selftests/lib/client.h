/* SPDX-License-Identifier: GPL-2.0 */
/* The helper's side of the module: the worker's upcalls, events and counters, waited for. */
#ifndef IKEFP_TEST_CLIENT_H
#define IKEFP_TEST_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "ikefp_nl.h"
#include "udp.h"

enum upcall_kind {
	UPCALL_MESSAGE, UPCALL_TIMEOUT, UPCALL_EXPIRED, UPCALL_ADOPTED, UPCALL_NOT_ADOPTED,
	UPCALL_MOVED, UPCALL_DEAD, UPCALL_STREAM_CLOSED,
};

struct upcall {
	struct upcall *next;
	enum upcall_kind kind;
	uint64_t spi;
	uint8_t exchange_type;
	uint32_t message_id;
	uint32_t stream; /* of UPCALL_STREAM_CLOSED */
	struct ikefp_endpoint endpoint; /* of UPCALL_MOVED */
	struct ikefp_message_in message; /* of UPCALL_MESSAGE */
	struct ikefp_sa_info info; /* of UPCALL_ADOPTED */
	int err; /* of UPCALL_NOT_ADOPTED */
	size_t len;
	uint8_t octets[]; /* message.payload.data, the stash, or why not */
};

struct client {
	struct ikefp_nl *nl;
	struct upcall *upcalls; /* that wait */
	struct upcall *current;
	struct event_node *events;
	struct ikefp_event event;
	struct ikefp_stats base;
	char changes[1024];
};

enum client_wants {
	CLIENT_WORKER = 1,
	CLIENT_EVENTS = 2,
};

/* In the process's network namespace. @wants are enum client_wants. */
struct client *client_open(int wants);
void client_close(struct client *client);

/* Opens a listener, which must succeed. */
void client_listen(struct client *client, enum ikefp_listener_kind kind, const char *local,
		   int port);

/* Sets one setting, which must succeed. @setting is an IKEFP_A_POLICY_*. */
void client_set(struct client *client, int setting, uint32_t value);

/*
 * No new peer is asked for a cookie or kept out by a rate or by its source, however many
 * come at once.
 */
void client_let_all_in(struct client *client);

/* The next upcall, valid until the next call; NULL when none came in time. */
struct upcall *client_wait(struct client *client, int wait_ms);

/* The next upcall of a message, which must come. */
const struct ikefp_message_in *client_wait_message(struct client *client);

/* Asks for the adoption of an SA. The next upcall, which should be the answer. */
struct upcall *client_adopt(struct client *client, uint64_t spi);

/* Leaves a stash with an SA, which must succeed. */
void client_stash(struct client *client, uint64_t spi, const void *octets, size_t len);

/* The next event of a kind, passing over others; valid as an upcall. */
const struct ikefp_event *client_wait_event(struct client *client, enum ikefp_event_kind kind,
					    int wait_ms);

/*
 * The counters that have changed since the last call (or the opening), in the order of
 * their numbers: "rx-messages+1 drop-length+1". Waits until they are what is wanted,
 * and returns them as they are when they are not within PATIENCE_MS. All counters but
 * cache-octets and reassembly-octets, which are memory, are in it: what is wanted has
 * happened, and nothing else.
 */
const char *client_counted(struct client *client, const char *wanted);

/* The changes so far begin a new account. */
void client_count_anew(struct client *client);
uint64_t client_counter(struct client *client, int stat);

/* Needs kselftest_harness.h. */
#define EXPECT_COUNTED(client, wanted) EXPECT_STREQ(wanted, client_counted(client, wanted))

#endif
