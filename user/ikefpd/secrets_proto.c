// SPDX-License-Identifier: GPL-2.0
/* Requests to the process of the secrets, written and read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "secrets_proto.h"

const uint8_t *secrets_get_octets(struct secrets_cursor *c, size_t len)
{
	const uint8_t *at = c->at;

	if (c->failed || len > c->left) {
		c->failed = true;
		return NULL;
	}
	c->at += len;
	c->left -= len;
	return at;
}

uint8_t secrets_get8(struct secrets_cursor *c)
{
	const uint8_t *at = secrets_get_octets(c, 1);

	return at ? *at : 0;
}

uint16_t secrets_get16(struct secrets_cursor *c)
{
	const uint8_t *at = secrets_get_octets(c, 2);

	return at ? get16(at) : 0;
}

uint32_t secrets_get32(struct secrets_cursor *c)
{
	const uint8_t *at = secrets_get_octets(c, 4);

	return at ? get32(at) : 0;
}

const uint8_t *secrets_get_bytes(struct secrets_cursor *c, size_t *len)
{
	const uint8_t *at;

	*len = secrets_get32(c);
	at = secrets_get_octets(c, *len);
	if (!at)
		*len = 0;
	return at;
}

/* Not as ike_id_set(): what a configuration names may be a pattern. */
int secrets_get_id(struct secrets_cursor *c, struct ike_id *id)
{
	struct ike_id in = { .type = secrets_get8(c) };
	const uint8_t *data = secrets_get_bytes(c, &in.len);

	memset(id, 0, sizeof(*id));
	if (c->failed)
		return -EBADMSG;
	in.data = (uint8_t *)data;
	return ike_id_copy(id, &in);
}

static int get_name(struct secrets_cursor *c, struct secret *secret)
{
	const uint8_t *name;
	size_t len;

	switch (secrets_get8(c)) {
	case 0:
		return c->failed ? -EBADMSG : 0;
	case 1:
		break;
	default:
		return -EBADMSG;
	}
	name = secrets_get_bytes(c, &len);
	if (c->failed || memchr(name, 0, len))
		return -EBADMSG;
	secret->name = strndup((const char *)name, len);
	return secret->name ? 0 : -ENOMEM;
}

static int get_owners(struct secrets_cursor *c, struct secret *secret)
{
	size_t count = secrets_get16(c);
	int err;

	/* Five octets each at least: no more is allocated than was sent. */
	if (c->failed || count > c->left / 5)
		return -EBADMSG;
	if (!count)
		return 0;
	secret->owners = calloc(count, sizeof(*secret->owners));
	if (!secret->owners)
		return -ENOMEM;
	while (secret->owner_count < count) {
		err = secrets_get_id(c, &secret->owners[secret->owner_count]);
		if (err)
			return err;
		secret->owner_count++;
	}
	return 0;
}

/* With a NUL behind them, which is not counted. */
static int get_copy(struct secrets_cursor *c, uint8_t **copy, size_t *len)
{
	const uint8_t *data = secrets_get_bytes(c, len);

	if (c->failed)
		return -EBADMSG;
	*copy = calloc(1, *len + 1);
	if (!*copy)
		return -ENOMEM;
	memcpy(*copy, data, *len);
	return 0;
}

static int get_passphrase(struct secrets_cursor *c, struct secret *secret)
{
	switch (secrets_get8(c)) {
	case 0:
		return c->failed ? -EBADMSG : 0;
	case 1:
		return get_copy(c, &secret->passphrase, &secret->passphrase_len);
	default:
		return -EBADMSG;
	}
}

static int get_data(struct secrets_cursor *c, struct secret *secret)
{
	int err = get_copy(c, &secret->data, &secret->len);

	return err || secret->len ? err : -EBADMSG;
}

struct secret *secrets_get_secret(struct secrets_cursor *c, int *err)
{
	struct secret *secret = calloc(1, sizeof(*secret));
	uint8_t kind = secrets_get8(c), source = secrets_get8(c);

	*err = -ENOMEM;
	if (!secret)
		return NULL;
	*err = kind <= SECRET_TOKEN && source <= CONF_VICI ? 0 : -EBADMSG;
	secret->kind = kind;
	secret->source = source;
	if (!*err)
		*err = get_name(c, secret);
	if (!*err)
		*err = get_owners(c, secret);
	if (!*err)
		*err = get_data(c, secret);
	if (!*err)
		*err = get_passphrase(c, secret);
	if (!*err)
		return secret;
	secret_free(secret);
	return NULL;
}

void secrets_put_bytes(struct buf *out, const void *data, size_t len)
{
	buf_put32(out, (uint32_t)len);
	buf_put(out, data, len);
}

void secrets_put_id(struct buf *out, const struct ike_id *id)
{
	buf_put8(out, id->type);
	secrets_put_bytes(out, id->data, id->len);
}

void secrets_put_secret(struct buf *out, const struct secret *secret)
{
	buf_put8(out, (uint8_t)secret->kind);
	buf_put8(out, (uint8_t)secret->source);
	buf_put8(out, secret->name != NULL);
	if (secret->name)
		secrets_put_bytes(out, secret->name, strlen(secret->name));
	buf_put16(out, (uint16_t)secret->owner_count);
	for (size_t i = 0; i < secret->owner_count; i++)
		secrets_put_id(out, &secret->owners[i]);
	secrets_put_bytes(out, secret->data, secret->len);
	buf_put8(out, secret->passphrase != NULL);
	if (secret->passphrase)
		secrets_put_bytes(out, secret->passphrase, secret->passphrase_len);
	if (secret->owner_count > UINT16_MAX)
		out->failed = true;
}
