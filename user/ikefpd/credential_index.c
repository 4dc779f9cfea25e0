// SPDX-License-Identifier: GPL-2.0
/* Loaded certificates by whose they are, and CAs by their names. */
#include <errno.h>
#include <stdlib.h>

#include "certificate.h"
#include "credential_index.h"
#include "credentials.h"
#include "dn.h"

int credential_index_prepare(struct credential *one)
{
	uint64_t subject = 0, *hashes = NULL;
	size_t n = 1;

	if (one->kind == CREDENTIAL_CA)
		subject = dn_hash(X509_get_subject_name(one->cert));
	else if (one->kind != CREDENTIAL_CERT)
		return 0;
	else if (certificate_id_hashes(one->cert, &hashes, &n))
		return -ENOMEM;
	one->nodes = calloc(n, sizeof(*one->nodes));
	for (size_t i = 0; one->nodes && i < n; i++) {
		one->nodes[i].of = one;
		one->nodes[i].node.hash = hashes ? hashes[i] : subject;
	}
	one->node_count = one->nodes ? n : 0;
	free(hashes);
	return one->nodes ? 0 : -ENOMEM;
}

static struct table *table_of(struct credential_index *index, const struct credential *one)
{
	return one->kind == CREDENTIAL_CA ? &index->by_subject : &index->by_id;
}

void credential_index_add(struct credential_index *index, struct credential *one)
{
	for (size_t i = 0; i < one->node_count; i++)
		table_add(table_of(index, one), &one->nodes[i].node, one->nodes[i].node.hash);
}

void credential_index_remove(struct credential_index *index, struct credential *one)
{
	for (size_t i = 0; i < one->node_count; i++)
		table_remove(table_of(index, one), &one->nodes[i].node);
}

void credential_index_clear(struct credential_index *index)
{
	table_clear(&index->by_id);
	table_clear(&index->by_subject);
}
