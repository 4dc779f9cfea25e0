// SPDX-License-Identifier: GPL-2.0
/* The loaded configuration: lifetimes and lookups. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "ikev2.h"
#include "token_certs.h"

struct config *config_new(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->credentials = credentials_new();
	config->all_authorities = calloc(1, sizeof(*config->all_authorities));
	if (!config->credentials || !config->all_authorities) {
		credentials_free(config->credentials);
		free(config->all_authorities);
		free(config);
		return NULL;
	}
	config->conns_end = &config->conns;
	config->retransmit = retransmit_unset;
	config->keep_alive_ms = CONF_UNSET;
	return config;
}

void config_free(struct config *config)
{
	struct conn *conn;

	if (!config)
		return;
	while ((conn = config->conns)) {
		config_take_conn(config, conn);
		conn_put(conn);
	}
	table_clear(&config->by_name);
	authority_clear(&config->authorities, CONF_FILE);
	authority_clear(&config->authorities, CONF_VICI);
	credentials_free(config->credentials);
	buf_clear(&config->all_authorities->ids);
	free(config->all_authorities);
	free(config);
}

struct conn *conn_new(const char *name)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->refs = 1;
	conn->keyingtries = CONF_UNSET;
	conn->local_port = IKE_PORT;
	conn->remote_port = IKE_PORT;
	conn->retransmit = retransmit_unset;
	conn->tcp_remote_port = IKE_NATT_PORT;
	conn->tcp_after = TCP_AFTER_DEFAULT;
	conn->name = strdup(name);
	if (!conn->name) {
		free(conn);
		return NULL;
	}
	return conn;
}

struct conn *conn_get(struct conn *conn)
{
	conn->refs++;
	return conn;
}

static void auth_clear(struct auth_conf *auth)
{
	ike_id_clear(&auth->id);
	token_cert_refs_free(auth->token_certs);
	sk_X509_pop_free(auth->certs, X509_free);
	sk_X509_pop_free(auth->cacerts, X509_free);
	ike_id_clear(&auth->ca_id);
	sk_ASN1_OBJECT_pop_free(auth->cert_policies, ASN1_OBJECT_free);
	for (size_t i = 0; i < auth->pubkey_count; i++)
		EVP_PKEY_free(auth->pubkeys[i].key);
	free(auth->pubkeys);
}

void conn_put(struct conn *conn)
{
	struct child_conf *child;

	if (!conn || --conn->refs)
		return;
	ike_id_clear(&conn->ppk_id);
	while ((child = conn->children)) {
		conn->children = child->next;
		proposal_list_clear(&child->proposals);
		buf_clear(&child->section);
		free(child->updown);
		free(child->name);
		free(child);
	}
	proposal_list_clear(&conn->proposals);
	auth_clear(&conn->local);
	auth_clear(&conn->remote);
	buf_clear(&conn->section);
	free(conn->local_addrs);
	for (size_t i = 0; i < conn->remote_addr_count; i++)
		free(conn->remote_addrs[i].host);
	free(conn->remote_addrs);
	free(conn->name);
	free(conn);
}

const struct child_conf *child_conf_get(const struct child_conf *child)
{
	if (child && child->conn)
		conn_get(child->conn);
	return child;
}

void child_conf_put(const struct child_conf *child)
{
	if (child)
		conn_put(child->conn);
}

static uint64_t name_hash(const char *name)
{
	return table_hash(TABLE_HASH, name, strlen(name));
}

struct conn *config_find_conn(const struct config *config, const char *name)
{
	struct table_node *node;

	for (node = table_find(&config->by_name, name_hash(name)); node;
	     node = table_next(node)) {
		struct conn *conn = container_of(node, struct conn, by_name);

		if (!strcmp(conn->name, name))
			return conn;
	}
	return NULL;
}

struct child_conf *conn_find_child(const struct conn *conn, const char *name)
{
	for (struct child_conf *c = conn->children; c; c = c->next)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static bool same_octets(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (!a_len || !memcmp(a, b, a_len));
}

static bool same_section(const struct conn *a, const struct conn *b)
{
	return a->source == b->source && same_octets(a->section.data, a->section.len,
						     b->section.data, b->section.len);
}

/* What comes behind its children. */
static const uint8_t *rest_of(const struct conn *conn, size_t *len)
{
	const size_t at = conn->children_at + conn->children_len;

	*len = conn->section.len - at;
	return *len ? conn->section.data + at : NULL;
}

bool conn_same_settings(const struct conn *a, const struct conn *b)
{
	size_t a_len, b_len;
	const uint8_t *a_rest = rest_of(a, &a_len), *b_rest = rest_of(b, &b_len);

	return a->source == b->source && same_octets(a->section.data, a->children_at,
						     b->section.data, b->children_at) &&
	       same_octets(a_rest, a_len, b_rest, b_len);
}

bool child_conf_same(const struct child_conf *a, const struct child_conf *b)
{
	return same_octets(a->section.data, a->section.len, b->section.data, b->section.len);
}

/* Before the one that *at is. */
static void insert(struct config *config, struct conn **at, struct conn *conn)
{
	conn->next = *at;
	conn->link = at;
	*at = conn;
	if (conn->next)
		conn->next->link = &conn->next;
	else
		config->conns_end = &conn->next;
	table_add(&config->by_name, &conn->by_name, name_hash(conn->name));
	config->conn_changes++;
}

void config_take_conn(struct config *config, struct conn *conn)
{
	*conn->link = conn->next;
	if (conn->next)
		conn->next->link = conn->link;
	else
		config->conns_end = conn->link;
	conn->next = NULL;
	conn->link = NULL;
	table_remove(&config->by_name, &conn->by_name);
	config->conn_changes++;
}

struct conn *config_put_conn(struct config *config, struct conn *conn)
{
	struct conn *old = config_find_conn(config, conn->name);

	if (old && same_section(old, conn)) {
		conn_put(conn);
		return old;
	}
	insert(config, old ? old->link : config->conns_end, conn);
	if (old) {
		config_take_conn(config, old);
		conn_put(old);
	}
	return conn;
}

int config_remove_conn(struct config *config, const char *name)
{
	struct conn *conn = config_find_conn(config, name);

	if (!conn)
		return -ENOENT;
	config_take_conn(config, conn);
	conn_put(conn);
	return 0;
}

#define ADDR_EXACT	3
#define ADDRS_EXACT	(4 * ADDR_EXACT + ADDR_EXACT)

/* 0 no match, 1 %any, 2 in a subnet or range, ADDR_EXACT the very address. */
static int match_ranges(const struct addr_range *ranges, size_t count,
			const struct endpoint *e)
{
	size_t len = endpoint_addr_len(e);
	int best = 0;

	for (size_t i = 0; i < count; i++) {
		const struct addr_range *r = &ranges[i];
		int match;

		if (r->family == AF_UNSPEC)
			match = !r->host;
		else if (r->family != e->family || memcmp(e->addr, r->first, len) < 0 ||
			 memcmp(e->addr, r->last, len) > 0)
			match = 0;
		else
			match = memcmp(r->first, r->last, len) ? 2 : ADDR_EXACT;
		if (match > best)
			best = match;
	}
	return best;
}

int conn_match_addrs(const struct conn *conn, const struct endpoint *local,
		     const struct endpoint *remote)
{
	int l = match_ranges(conn->local_addrs, conn->local_addr_count, local);
	int r = match_ranges(conn->remote_addrs, conn->remote_addr_count, remote);

	return l && r ? 4 * r + l : 0;
}

struct conn *config_find_by_addrs(const struct config *config,
				  const struct endpoint *local,
				  const struct endpoint *remote)
{
	struct conn *found = NULL;
	int best = 0;

	/* None is better than exact: a gateway may have many with the very same. */
	for (struct conn *c = config->conns; c && best < ADDRS_EXACT; c = c->next) {
		int match = conn_match_addrs(c, local, remote);

		if (match > best) {
			best = match;
			found = c;
		}
	}
	return found;
}

struct conn *config_find_by_ids(const struct config *config,
				const struct endpoint *local,
				const struct endpoint *remote,
				const struct ike_id *local_id,
				const struct ike_id *remote_id)
{
	struct conn *found = NULL;
	int best_addrs = 0, best_ids = 0;

	for (struct conn *c = config->conns; c; c = c->next) {
		int addrs = conn_match_addrs(c, local, remote);
		int l = local_id && local_id->type != ID_ANY ?
			ike_id_match(&c->local.id, local_id) : 1;
		int r = ike_id_match(&c->remote.id, remote_id);

		if (!addrs || !l || !r)
			continue;
		if (!found || (addrs > best_addrs && l + r >= best_ids) ||
		    (addrs >= best_addrs && l + r > best_ids)) {
			found = c;
			best_addrs = addrs;
			best_ids = l + r;
		}
	}
	return found;
}

static bool is_single(const struct addr_range *r)
{
	static const uint8_t zero[16];
	size_t len = r->family == AF_INET ? 4 : 16;

	return r->family != AF_UNSPEC && !memcmp(r->first, r->last, len) &&
	       memcmp(r->first, zero, len);
}

bool conn_is_for_many(const struct conn *conn)
{
	for (size_t i = 0; i < conn->remote_addr_count; i++)
		if (conn->remote_addrs[i].host || is_single(&conn->remote_addrs[i]))
			return false;
	return true;
}

void conn_remote_ts(const struct conn *conn, struct ts_list *list)
{
	static const struct ts_list any = { 1, { { .dynamic = true, .end_port = UINT16_MAX } } };

	list->n = 0;
	for (size_t i = 0; i < conn->remote_addr_count; i++) {
		const struct addr_range *r = &conn->remote_addrs[i];
		struct ts *ts = &list->v[list->n];

		if (r->family == AF_UNSPEC && !r->host) {
			ts_resolve_any(list, &any);
			return;
		}
		if (r->family == AF_UNSPEC || list->n == TS_MAX)
			continue;
		*ts = (struct ts){ .family = r->family, .end_port = UINT16_MAX };
		memcpy(ts->start, r->first, sizeof(ts->start));
		memcpy(ts->end, r->last, sizeof(ts->end));
		list->n++;
	}
}

bool conn_has_host(const struct conn *conn)
{
	for (size_t i = 0; i < conn->remote_addr_count; i++)
		if (conn->remote_addrs[i].host)
			return true;
	return false;
}

int conn_initiator_addrs(const struct conn *conn, struct endpoint *local,
			 struct endpoint *remote, struct errmsg *err)
{
	size_t i;

	memset(local, 0, sizeof(*local));
	memset(remote, 0, sizeof(*remote));
	for (i = 0; i < conn->remote_addr_count; i++)
		if (is_single(&conn->remote_addrs[i]))
			break;
	if (i == conn->remote_addr_count)
		for (size_t j = 0; j < conn->remote_addr_count; j++)
			if (conn->remote_addrs[j].host)
				return errmsg_set(err, "the address of '%s' is not known",
						  conn->remote_addrs[j].host);
	if (i == conn->remote_addr_count)
		return errmsg_set(err, "connection '%s' has no single remote address to initiate to: set remote_addrs",
				  conn->name);
	remote->family = conn->remote_addrs[i].family;
	remote->port = conn->remote_port;
	memcpy(remote->addr, conn->remote_addrs[i].first, 16);

	local->family = remote->family;
	local->port = conn->local_port;
	for (i = 0; i < conn->local_addr_count; i++) {
		const struct addr_range *r = &conn->local_addrs[i];

		if (r->family == remote->family && is_single(r)) {
			memcpy(local->addr, r->first, 16);
			return 0;
		}
	}
	for (i = 0; i < conn->local_addr_count; i++)
		if (conn->local_addrs[i].family == AF_UNSPEC ||
		    (conn->local_addrs[i].family == remote->family &&
		     !is_single(&conn->local_addrs[i])))
			return 0;
	return errmsg_set(err, "connection '%s': no local address of the remote one's family: set local_addrs",
			  conn->name);
}

int conn_local_id(const struct conn *conn, const struct endpoint *local,
		  struct ike_id *id)
{
	if (conn->local.id.type == ID_ANY)
		return ike_id_from_endpoint(id, local);
	return ike_id_copy(id, &conn->local.id);
}

bool conn_accepts_remote_id(const struct conn *conn, const struct ike_id *id)
{
	return ike_id_match(&conn->remote.id, id) != 0;
}
