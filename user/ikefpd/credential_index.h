/* SPDX-License-Identifier: GPL-2.0 */
/* Loaded certificates by what a handshake looks for: whose they are, and whom a CA is. */
#ifndef IKEFPD_CREDENTIAL_INDEX_H
#define IKEFPD_CREDENTIAL_INDEX_H

#include <stddef.h>

#include "table.h"

struct credential;

/* Zeroed: empty. */
struct credential_index {
	struct table by_id;	/* end entities': certificate_id_hash() */
	struct table by_subject;	/* CAs': dn_hash() */
};

struct credential_node {
	struct table_node node;
	struct credential *of;
};

static inline struct credential *credential_at(const struct table_node *node)
{
	return container_of(node, struct credential_node, node)->of;
}

/* What a credential is found by: 0 or -ENOMEM. It is in no index yet. */
int credential_index_prepare(struct credential *one);
/* In the order in which they are loaded. */
void credential_index_add(struct credential_index *index, struct credential *one);
/* Nothing happens if it is not there. */
void credential_index_remove(struct credential_index *index, struct credential *one);
/* All credentials are gone. */
void credential_index_clear(struct credential_index *index);

#endif /* IKEFPD_CREDENTIAL_INDEX_H */
