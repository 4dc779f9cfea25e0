/* SPDX-License-Identifier: GPL-2.0 */
/*
 * strongSwan's counters of IKE messages and rekeyings, of each connection and of all. What
 * the module answers by itself is not in them (`ikefp stats` has it); of what it drops, what is
 * for no IKE SA is.
 */
#ifndef IKEFPD_COUNTERS_H
#define IKEFPD_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

enum message_kind {
	REQUEST_IN,
	RESPONSE_IN,
	REQUEST_OUT,
	RESPONSE_OUT
};

enum counter {
	COUNTER_IKE_REKEY_INIT,
	COUNTER_IKE_REKEY_RESP,
	COUNTER_CHILD_REKEY,
	COUNTER_INVALID,	/* malformed */
	COUNTER_INVALID_SPI,	/* of all alone: whose it would be is not known */
	/* Each, and a message_kind. */
	COUNTER_IKE_INIT,
	COUNTER_IKE_AUTH = COUNTER_IKE_INIT + 4,
	COUNTER_CREATE_CHILD = COUNTER_IKE_AUTH + 4,
	COUNTER_INFO = COUNTER_CREATE_CHILD + 4,
	COUNTERS = COUNTER_INFO + 4
};

/* One more, of the connection of this name (NULL: not known yet) and of all. */
void counters_count(const char *conn, enum counter counter);
/* A message of this exchange; others are not counted. */
void counters_count_message(const char *conn, uint8_t exchange, enum message_kind kind);

/* So many the module has counted by now; the first time it is where our count begins. */
void counters_follow_invalid_spi(uint64_t by_now);

/* "ike-init-in-req" */
const char *counter_name(enum counter counter);
/* Of a connection, of all if @conn is NULL. NULL: nothing was counted of it. */
const uint64_t *counters_get(const char *conn);
/* Calls @fn with the name of each connection that something was counted of. */
void counters_each(void (*fn)(const char *conn, const uint64_t *values, void *data), void *data);
/* False if nothing was counted of it. */
bool counters_reset(const char *conn);
void counters_reset_all(void);

#endif
