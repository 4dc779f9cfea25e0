// SPDX-License-Identifier: GPL-2.0
/* Counters of IKE messages, of each connection and of all. */
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "ikev2.h"
#include "table.h"

struct entry {
	struct entry *next;
	struct table_node node;
	uint64_t values[COUNTERS];
	char name[];
};

/* There is one of it, as there is one of control.h's manager. */
static struct {
	uint64_t all[COUNTERS];
	bool follows;
	uint64_t followed;	/* what the module had counted when it was last asked */
	struct entry *entries;
	struct table by_name;
} counters;

static uint64_t name_hash(const char *name)
{
	return table_hash(TABLE_HASH, name, strlen(name));
}

static struct entry *find(const char *name)
{
	struct table_node *node;

	for (node = table_find(&counters.by_name, name_hash(name)); node;
	     node = table_next(node)) {
		struct entry *e = container_of(node, struct entry, node);

		if (!strcmp(e->name, name))
			return e;
	}
	return NULL;
}

/* NULL without memory: then it counts with all others alone. */
static struct entry *get(const char *name)
{
	struct entry *e = find(name);
	size_t len = strlen(name) + 1;

	if (e)
		return e;
	e = calloc(1, sizeof(*e) + len);
	if (!e)
		return NULL;
	memcpy(e->name, name, len);
	e->next = counters.entries;
	counters.entries = e;
	table_add(&counters.by_name, &e->node, name_hash(name));
	return e;
}

void counters_count(const char *conn, enum counter counter)
{
	struct entry *e = conn ? get(conn) : NULL;

	counters.all[counter]++;
	if (e)
		e->values[counter]++;
}

void counters_count_message(const char *conn, uint8_t exchange, enum message_kind kind)
{
	unsigned int first;

	switch (exchange) {
	case IKE_SA_INIT:
		first = COUNTER_IKE_INIT;
		break;
	case IKE_AUTH:
		first = COUNTER_IKE_AUTH;
		break;
	case CREATE_CHILD_SA:
		first = COUNTER_CREATE_CHILD;
		break;
	case INFORMATIONAL:
		first = COUNTER_INFO;
		break;
	default:
		return;
	}
	counters_count(conn, first + kind);
}

void counters_follow_invalid_spi(uint64_t by_now)
{
	if (counters.follows && by_now > counters.followed)
		counters.all[COUNTER_INVALID_SPI] += by_now - counters.followed;
	counters.follows = true;
	counters.followed = by_now;
}

const char *counter_name(enum counter counter)
{
	static const char *const names[COUNTERS] = {
		"ike-rekey-init", "ike-rekey-resp", "child-rekey", "invalid", "invalid-spi",
		"ike-init-in-req", "ike-init-in-resp", "ike-init-out-req", "ike-init-out-resp",
		"ike-auth-in-req", "ike-auth-in-resp", "ike-auth-out-req", "ike-auth-out-resp",
		"create-child-in-req", "create-child-in-resp", "create-child-out-req",
		"create-child-out-resp",
		"info-in-req", "info-in-resp", "info-out-req", "info-out-resp",
	};

	return names[counter];
}

const uint64_t *counters_get(const char *conn)
{
	const struct entry *e = conn ? find(conn) : NULL;

	if (!conn)
		return counters.all;
	return e ? e->values : NULL;
}

void counters_each(void (*fn)(const char *conn, const uint64_t *values, void *data), void *data)
{
	const struct entry *e;

	for (e = counters.entries; e; e = e->next)
		fn(e->name, e->values, data);
}

bool counters_reset(const char *conn)
{
	struct entry *e = conn ? find(conn) : NULL;

	if (conn && !e)
		return false;
	memset(e ? e->values : counters.all, 0, sizeof(counters.all));
	return true;
}

/* A peer cannot fill the memory with names: they are those of the configuration. */
void counters_reset_all(void)
{
	struct entry *e;

	memset(counters.all, 0, sizeof(counters.all));
	while ((e = counters.entries)) {
		counters.entries = e->next;
		table_remove(&counters.by_name, &e->node);
		free(e);
	}
	table_clear(&counters.by_name);
}
