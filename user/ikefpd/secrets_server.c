// SPDX-License-Identifier: GPL-2.0
/* The process of the secrets. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "auth.h"
#include "certificate.h"
#include "ipc.h"
#include "kdf.h"
#include "private_key.h"
#include "secrets_proto.h"
#include "secrets_server.h"
#include "signature.h"
#include "threads.h"

static int at_end(const struct secrets_cursor *c)
{
	return c->failed || c->left ? -EBADMSG : 0;
}

#define KEY_NAME_LEN	(2 * KEY_ID_LEN + 1)

static void key_name(const uint8_t id[KEY_ID_LEN], char name[KEY_NAME_LEN])
{
	for (size_t i = 0; i < KEY_ID_LEN; i++)
		snprintf(name + 2 * i, 3, "%02x", id[i]);
}

/* The key in place of its file's octets, and named as it is asked for. */
static int read_key(struct secret *secret, uint8_t id[KEY_ID_LEN])
{
	char name[KEY_NAME_LEN];
	int err;

	secret->key = private_key_read(secret->data, secret->len, secret->passphrase,
				       secret->passphrase_len, &err);
	if (!secret->key)
		return err;
	OPENSSL_cleanse(secret->data, secret->len);
	free(secret->data);
	secret->data = NULL;
	if (secret->passphrase)
		OPENSSL_cleanse(secret->passphrase, secret->passphrase_len);
	free(secret->passphrase);
	secret->passphrase = NULL;
	err = key_id(secret->key, id);
	if (err)
		return err;
	key_name(id, name);
	free(secret->name);
	secret->name = strdup(name);
	return secret->name ? 0 : -ENOMEM;
}

/* To decrypt a key may take seconds: the store is locked only when that is done. */
static int load(struct secrets_store *store, struct secret **list, struct secrets_cursor *c,
		enum secrets_peer peer, struct buf *reply)
{
	uint8_t id[KEY_ID_LEN];
	struct secret *secret;
	bool is_key;
	int err;

	secret = secrets_get_secret(c, &err);
	if (!secret)
		return err;
	is_key = secret->kind == SECRET_PRIVATE_KEY;
	err = secret->kind == SECRET_TOKEN ? -EBADMSG : at_end(c);
	/* Each brings its own kind: the other's are not its to replace. */
	if (!err && secret->source != (peer == SECRETS_READER ? CONF_FILE : CONF_VICI))
		err = -EPERM;
	if (!err && is_key)
		err = read_key(secret, id);
	if (err) {
		secret_free(secret);
		return err;
	}
	pthread_mutex_lock(&store->lock);
	buf_put8(reply, secret_list_put(list, secret));
	pthread_mutex_unlock(&store->lock);
	if (is_key)
		buf_put(reply, id, sizeof(id));
	return 0;
}

static int unload(struct secrets_store *store, struct secrets_cursor *c)
{
	enum secret_kind kind = secrets_get8(c);
	enum conf_source source = secrets_get8(c);
	const uint8_t *octets;
	char name[256];
	size_t len;

	octets = secrets_get_bytes(c, &len);
	if (at_end(c) || len >= sizeof(name) || memchr(octets, 0, len))
		return -EBADMSG;
	memcpy(name, octets, len);
	name[len] = '\0';
	return secret_list_remove(&store->loaded, kind, source, name);
}

static int clear(struct secrets_store *store, struct secrets_cursor *c)
{
	enum conf_source source = secrets_get8(c);

	if (at_end(c))
		return -EBADMSG;
	secret_list_clear(&store->loaded, source);
	return 0;
}

/* As many names as the packet takes; the next request skips those. */
static int list(const struct secrets_store *store, struct secrets_cursor *c,
		struct buf *reply)
{
	enum secret_kind kind = secrets_get8(c);
	enum conf_source source = secrets_get8(c);
	uint32_t skip = secrets_get32(c);

	if (at_end(c))
		return -EBADMSG;
	for (const struct secret *s = store->loaded; s; s = s->next) {
		size_t len = s->name ? strlen(s->name) : 0;

		if (s->kind != kind || s->source != source || !s->name)
			continue;
		if (skip) {
			skip--;
			continue;
		}
		if (reply->len + 4 + len > IPC_PACKET_MAX)
			break;
		secrets_put_bytes(reply, s->name, len);
	}
	return 0;
}

static void commit(struct secrets_store *store)
{
	struct secret **at = &store->loaded;

	secret_list_clear(at, CONF_FILE);
	while (*at)
		at = &(*at)->next;
	*at = store->staged;
	store->staged = NULL;
}

/* The MAC of the octets in a request, under the secret of the identities in it. */
static int mac(const struct secrets_store *store, struct secrets_cursor *c,
	       uint8_t out[PRF_MAX], size_t *out_len)
{
	uint16_t prf = secrets_get16(c);
	struct ike_id local = { 0 }, remote = { 0 };
	const struct secret *secret;
	const uint8_t *octets;
	size_t len;
	int err;

	err = secrets_get_id(c, &local);
	if (!err)
		err = secrets_get_id(c, &remote);
	octets = secrets_get_bytes(c, &len);
	if (!err && c->failed)
		err = -EBADMSG;
	*out_len = prf_len(prf);
	if (!err && !*out_len)
		err = -EINVAL;
	if (!err) {
		secret = secret_list_find(store->loaded, &local, &remote);
		err = secret ? auth_psk(prf, secret->data, secret->len, octets, len, out) :
			       -ENOKEY;
	}
	ike_id_clear(&local);
	ike_id_clear(&remote);
	return err;
}

static int sign(const struct secrets_store *store, struct secrets_cursor *c,
		struct buf *reply)
{
	uint8_t out[PRF_MAX];
	size_t len;
	int err;

	err = mac(store, c, out, &len);
	if (!err)
		err = at_end(c);
	if (!err)
		buf_put(reply, out, len);
	OPENSSL_cleanse(out, sizeof(out));
	return err;
}

/* Constant time in the MAC's octets. */
static int verify(const struct secrets_store *store, struct secrets_cursor *c)
{
	uint8_t expected[PRF_MAX];
	const uint8_t *given;
	size_t len, given_len;
	int err;

	err = mac(store, c, expected, &len);
	given = secrets_get_bytes(c, &given_len);
	if (!err)
		err = at_end(c);
	if (!err && (given_len != len || CRYPTO_memcmp(given, expected, len)))
		err = -EKEYREJECTED;
	OPENSSL_cleanse(expected, sizeof(expected));
	return err;
}

static const struct secret *get_key(const struct secrets_store *store,
				    struct secrets_cursor *c)
{
	const uint8_t *id = secrets_get_octets(c, KEY_ID_LEN);
	char name[KEY_NAME_LEN];

	if (!id)
		return NULL;
	key_name(id, name);
	return secret_list_find_key(store->loaded, name);
}

/* It may be unloaded while it signs. */
static EVP_PKEY *hold_key(struct secrets_store *store, struct secrets_cursor *c)
{
	const struct secret *secret;
	EVP_PKEY *key = NULL;

	pthread_mutex_lock(&store->lock);
	secret = get_key(store, c);
	if (secret && EVP_PKEY_up_ref(secret->key) == 1)
		key = secret->key;
	pthread_mutex_unlock(&store->lock);
	return key;
}

static int key_sign(struct secrets_store *store, struct secrets_cursor *c,
		    struct buf *reply)
{
	EVP_PKEY *key = hold_key(store, c);
	uint8_t id = secrets_get8(c), classic = secrets_get8(c);
	const uint8_t *octets;
	size_t len;
	int err = -ENOKEY;

	octets = secrets_get_bytes(c, &len);
	if (at_end(c) || id >= SIGNATURES || classic > 1)
		err = -EBADMSG;
	else if (key)
		err = signature_sign(key, id, classic, octets, len, reply);
	ERR_clear_error();
	EVP_PKEY_free(key);
	return err;
}

static int has_ppk(const struct secrets_store *store, const struct secrets_cursor *c)
{
	return at_end(c) ? -EBADMSG : secret_list_has_ppk(store->loaded) ? 0 : -ENOKEY;
}

static int mix_ppk(const struct secrets_store *store, struct secrets_cursor *c,
		   struct buf *reply)
{
	uint16_t prf = secrets_get16(c);
	const struct secret *secret;
	const uint8_t *ppk_id, *key;
	size_t id_len, len = prf_len(prf);
	uint8_t out[PRF_MAX];
	int err = 0;

	ppk_id = secrets_get_bytes(c, &id_len);
	if (c->failed)
		return -EBADMSG;
	if (!len)
		return -EINVAL;
	if (c->left != 3 * len)
		return -EBADMSG;
	secret = secret_list_find_ppk(store->loaded, ppk_id, id_len);
	if (!secret)
		return -ENOKEY;
	for (int i = 0; i < 3 && !err; i++) {
		key = secrets_get_octets(c, len);
		err = kdf_ppk(prf, secret->data, secret->len, key, out);
		if (!err)
			buf_put(reply, out, len);
	}
	OPENSSL_cleanse(out, sizeof(out));
	return err;
}

/* Of a store that is locked. */
static int change_or_look(struct secrets_store *store, uint8_t op, struct secrets_cursor *c,
			  struct buf *reply)
{
	switch (op) {
	case SECRETS_UNLOAD:
		return unload(store, c);
	case SECRETS_CLEAR:
		return clear(store, c);
	case SECRETS_LIST:
		return list(store, c, reply);
	case SECRETS_COMMIT:
		if (at_end(c))
			return -EBADMSG;
		commit(store);
		return 0;
	case SECRETS_SIGN:
		return sign(store, c, reply);
	case SECRETS_VERIFY:
		return verify(store, c);
	case SECRETS_HAS_PPK:
		return has_ppk(store, c);
	case SECRETS_MIX_PPK:
		return mix_ppk(store, c, reply);
	case SECRETS_STAGE_BEGIN:
		if (at_end(c))
			return -EBADMSG;
		secret_list_free(&store->staged);
		return 0;
	default:
		return -EBADMSG;
	}
}

static bool may_ask(enum secrets_peer peer, uint8_t op)
{
	switch (peer) {
	case SECRETS_READER:
		return op == SECRETS_STAGE_BEGIN || op == SECRETS_STAGE;
	case SECRETS_SIGNER:
		return op == SECRETS_KEY_SIGN;
	default:
		return op != SECRETS_STAGE_BEGIN && op != SECRETS_STAGE;
	}
}

static int run(struct secrets_store *store, enum secrets_peer peer,
	       struct secrets_cursor *c, struct buf *reply)
{
	uint8_t op = secrets_get8(c);
	int err;

	if (c->failed)
		return -EBADMSG;
	if (!may_ask(peer, op))
		return -EPERM;
	switch (op) {
	case SECRETS_LOAD:
		return load(store, &store->loaded, c, peer, reply);
	case SECRETS_STAGE:
		return load(store, &store->staged, c, peer, reply);
	case SECRETS_KEY_SIGN:
		return key_sign(store, c, reply);
	default:
		pthread_mutex_lock(&store->lock);
		err = change_or_look(store, op, c, reply);
		pthread_mutex_unlock(&store->lock);
		return err;
	}
}

void secrets_answer(struct secrets_store *store, enum secrets_peer peer,
		    const uint8_t *data, size_t len, struct buf *reply)
{
	struct secrets_cursor c = { .at = data, .left = len };
	int err;

	buf_put16(reply, 0);
	err = run(store, peer, &c, reply);
	if (!err)
		return;
	buf_clear(reply);
	buf_put16(reply, (uint16_t)-err);
}

#define REQUEST_SIZE	(IPC_PACKET_MAX + 1)

static struct secrets_store store;

/* One request of this peer. Returns its octets, 0 at the end, or -errno. */
static ssize_t serve_one(enum secrets_peer peer, int fd, uint8_t request[REQUEST_SIZE],
			 int timeout_ms)
{
	struct buf reply = BUF_INIT;
	ssize_t n;
	int err;

	n = ipc_recv(fd, request, REQUEST_SIZE, timeout_ms);
	if (n == -EMSGSIZE)
		buf_put16(&reply, EMSGSIZE);
	else if (n > 0)
		secrets_answer(&store, peer, request, (size_t)n, &reply);
	else
		return n == -ETIMEDOUT ? 1 : n;
	OPENSSL_cleanse(request, n > 0 ? (size_t)n : REQUEST_SIZE);
	err = reply.failed ? -ENOMEM : ipc_send(fd, reply.data, reply.len);
	buf_clear(&reply);
	return err ? err : 1;
}

struct signer {
	int fd;
	uint8_t request[REQUEST_SIZE];
};

static void sign_for(void *data)
{
	struct signer *signer = data;

	while (serve_one(SECRETS_SIGNER, signer->fd, signer->request, -1) > 0)
		;
	close(signer->fd);
	free(signer);
}

int secrets_serve_signers(int first, unsigned int n)
{
	pthread_t threads[THREADS_MAX];
	void *signers[THREADS_MAX] = { NULL };
	unsigned int i, started = 0;
	int err = n <= THREADS_MAX ? 0 : -EINVAL;

	for (i = 0; !err && i < n; i++) {
		struct signer *signer = calloc(1, sizeof(*signer));

		if (signer)
			signer->fd = first + (int)i;
		else
			err = -ENOMEM;
		signers[i] = signer;
	}
	if (!err)
		err = threads_start(threads, n, sign_for, signers, &started);
	for (i = started; i < n && i < THREADS_MAX; i++) {
		free(signers[i]);
		close(first + (int)i);
	}
	return err;
}

int secrets_serve(int daemon_fd, int reader_fd)
{
	static uint8_t request[REQUEST_SIZE];
	struct pollfd fds[2] = {
		{ .fd = daemon_fd, .events = POLLIN },
		{ .fd = reader_fd, .events = POLLIN },
	};
	ssize_t n = 1;

	while (n > 0) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR) {
			n = -errno;
			break;
		}
		if (fds[1].revents && serve_one(SECRETS_READER, reader_fd, request, 0) <= 0)
			fds[1].fd = -1;
		if (fds[0].revents)
			n = serve_one(SECRETS_DAEMON, daemon_fd, request, 0);
	}
	pthread_mutex_lock(&store.lock);
	secret_list_free(&store.loaded);
	secret_list_free(&store.staged);
	pthread_mutex_unlock(&store.lock);
	return (int)n;
}
