// SPDX-License-Identifier: GPL-2.0
/* Requests to the process of the secrets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "ipc.h"
#include "log.h"
#include "secrets.h"
#include "secrets_proto.h"
#include "threads.h"
#include "tokens.h"

struct secrets {
	int fd;
	bool lost;
	struct tokens *tokens;	/* NULL: there are none */
	/* Private keys that are there, sorted, from the first question to the next change. */
	uint8_t (*keys)[KEY_ID_LEN];
	size_t key_count;
	bool keys_known;
	/* Ways of threads, which are not at use; guarded by the lock. */
	pthread_mutex_t lock;
	int signers[THREADS_MAX];
	unsigned int n_signers;
	uint8_t answer[IPC_PACKET_MAX + 1];
};

struct secrets *secrets_new(int fd)
{
	struct secrets *s = calloc(1, sizeof(*s));

	if (s)
		s->fd = fd;
	return s;
}

void secrets_set_tokens(struct secrets *s, struct tokens *tokens)
{
	s->tokens = tokens;
}

struct tokens *secrets_tokens(const struct secrets *s)
{
	return s->tokens;
}

void secrets_add_signer(struct secrets *s, int fd)
{
	pthread_mutex_lock(&s->lock);
	if (s->n_signers < THREADS_MAX)
		s->signers[s->n_signers++] = fd;
	pthread_mutex_unlock(&s->lock);
}

static int take_signer(struct secrets *s)
{
	int fd;

	pthread_mutex_lock(&s->lock);
	fd = s->n_signers ? s->signers[--s->n_signers] : -1;
	pthread_mutex_unlock(&s->lock);
	return fd;
}

void secrets_free(struct secrets *secrets)
{
	if (!secrets)
		return;
	while (secrets->n_signers)
		close(secrets->signers[--secrets->n_signers]);
	free(secrets->keys);
	free(secrets);
}

/* One request and its answer; wipes @request. *c is at what follows the status. */
static int exchange(int fd, struct buf *request, uint8_t *answer, size_t size, int timeout_ms,
		    struct secrets_cursor *c)
{
	ssize_t n;
	int err;

	err = request->failed ? -ENOMEM : request->len > IPC_PACKET_MAX ? -EMSGSIZE : 0;
	if (err) {
		buf_clear(request);
		return err;
	}
	err = ipc_send(fd, request->data, request->len);
	buf_clear(request);
	n = err ? err : ipc_recv(fd, answer, size, timeout_ms);
	*c = (struct secrets_cursor){ .at = answer, .left = n > 0 ? (size_t)n : 0 };
	err = -(int)secrets_get16(c);
	return c->failed ? -EPIPE : err;
}

void secrets_give_up(struct secrets *s)
{
	if (s->lost)
		return;
	log_msg(LOG_DMN, LVL_AUDIT, "the process of the secrets does not answer");
	s->lost = true;
	shutdown(s->fd, SHUT_RDWR);
}

static int ask(struct secrets *s, struct buf *request, struct secrets_cursor *c)
{
	int err = -EPIPE;

	if (s->lost)
		buf_clear(request);
	else
		err = exchange(s->fd, request, s->answer, sizeof(s->answer), SECRETS_ANSWER_MS, c);
	/* An answer that came late would be taken for the next one's. */
	if (err == -EPIPE)
		secrets_give_up(s);
	return err;
}

/* To change something: what was known of the keys is not known any more. */
static int ask_to_change(struct secrets *s, struct buf *request, struct secrets_cursor *c)
{
	free(s->keys);
	s->keys = NULL;
	s->key_count = 0;
	s->keys_known = false;
	return ask(s, request, c);
}

int secrets_load(struct secrets *s, const struct secret *secret, bool *added)
{
	struct buf request = BUF_INIT;
	struct secrets_cursor c;
	int err;

	buf_put8(&request, SECRETS_LOAD);
	secrets_put_secret(&request, secret);
	err = ask_to_change(s, &request, &c);
	*added = !err && secrets_get8(&c);
	return err;
}

const char *secrets_key_error(int err)
{
	switch (err) {
	case -EINVAL:
		return "it is no private key that is served (RSA, ECDSA, Ed25519)";
	case -ENOKEY:
		return "it is encrypted, and there is no secret for it";
	case -EKEYREJECTED:
		return "its secret is wrong";
	default:
		return strerror(-err);
	}
}

int secrets_load_key(struct secrets *s, const struct secret *secret,
		     uint8_t id[KEY_ID_LEN])
{
	struct buf request = BUF_INIT;
	struct secrets_cursor c;
	const uint8_t *octets;
	int err;

	buf_put8(&request, SECRETS_LOAD);
	secrets_put_secret(&request, secret);
	err = ask_to_change(s, &request, &c);
	if (err)
		return err;
	secrets_get8(&c);
	octets = secrets_get_octets(&c, KEY_ID_LEN);
	if (!octets)
		return -EBADMSG;
	memcpy(id, octets, KEY_ID_LEN);
	return 0;
}

int secrets_unload(struct secrets *s, enum secret_kind kind, enum conf_source source,
		   const char *name)
{
	struct buf request = BUF_INIT;
	struct secrets_cursor c;

	if (kind == SECRET_PRIVATE_KEY && source == CONF_VICI && s->tokens &&
	    !tokens_unload(s->tokens, name))
		return 0;
	buf_put8(&request, SECRETS_UNLOAD);
	buf_put8(&request, (uint8_t)kind);
	buf_put8(&request, (uint8_t)source);
	secrets_put_bytes(&request, name, strlen(name));
	return ask_to_change(s, &request, &c);
}

int secrets_clear(struct secrets *s, enum conf_source source)
{
	struct buf request = BUF_INIT;
	struct secrets_cursor c;

	if (s->tokens)
		tokens_clear(s->tokens, source);
	buf_put8(&request, SECRETS_CLEAR);
	buf_put8(&request, (uint8_t)source);
	return ask_to_change(s, &request, &c);
}

/* Without those on tokens. */
static int list(struct secrets *s, enum secret_kind kind, enum conf_source source,
		void (*fn)(const char *name, void *data), void *data)
{
	uint32_t skip = 0, before;
	struct secrets_cursor c;
	int err;

	do {
		struct buf request = BUF_INIT;

		buf_put8(&request, SECRETS_LIST);
		buf_put8(&request, (uint8_t)kind);
		buf_put8(&request, (uint8_t)source);
		buf_put32(&request, skip);
		err = ask(s, &request, &c);
		before = skip;
		while (!err && c.left) {
			const uint8_t *octets;
			char name[256];
			size_t len;

			octets = secrets_get_bytes(&c, &len);
			if (c.failed || len >= sizeof(name))
				return -EBADMSG;
			memcpy(name, octets, len);
			name[len] = '\0';
			fn(name, data);
			skip++;
		}
	} while (!err && skip > before);
	return err;
}

int secrets_list(struct secrets *s, enum secret_kind kind, enum conf_source source,
		 void (*fn)(const char *name, void *data), void *data)
{
	if (kind == SECRET_PRIVATE_KEY && s->tokens)
		tokens_list(s->tokens, source, fn, data);
	return list(s, kind, source, fn, data);
}

int secrets_commit(struct secrets *s)
{
	struct buf request = BUF_INIT;
	struct secrets_cursor c;

	buf_put8(&request, SECRETS_COMMIT);
	return ask_to_change(s, &request, &c);
}

static void put_auth(struct buf *request, enum secrets_op op, uint16_t prf,
		     const struct ike_id *local, const struct ike_id *remote,
		     const void *octets, size_t len)
{
	buf_put8(request, op);
	buf_put16(request, prf);
	secrets_put_id(request, local);
	secrets_put_id(request, remote);
	secrets_put_bytes(request, octets, len);
}

int secrets_sign(struct secrets *s, uint16_t prf, const struct ike_id *local,
		 const struct ike_id *remote, const void *octets, size_t len,
		 uint8_t mac[PRF_MAX])
{
	struct buf request = BUF_INIT;
	struct secrets_cursor c;
	int err;

	put_auth(&request, SECRETS_SIGN, prf, local, remote, octets, len);
	err = ask(s, &request, &c);
	if (err)
		return err;
	if (!c.left || c.left != prf_len(prf))
		return -EBADMSG;
	memcpy(mac, c.at, c.left);
	return 0;
}

int secrets_verify(struct secrets *s, uint16_t prf, const struct ike_id *local,
		   const struct ike_id *remote, const void *octets, size_t len,
		   const void *mac, size_t mac_len)
{
	struct buf request = BUF_INIT;
	struct secrets_cursor c;

	put_auth(&request, SECRETS_VERIFY, prf, local, remote, octets, len);
	secrets_put_bytes(&request, mac, mac_len);
	return ask(s, &request, &c);
}

/* They are named by their identifiers. */
static void put_key(const char *name, void *data)
{
	struct buf *keys = data;
	uint8_t id[KEY_ID_LEN];

	if (strlen(name) != 2 * KEY_ID_LEN)
		return;
	for (size_t i = 0; i < KEY_ID_LEN; i++)
		if (sscanf(name + 2 * i, "%2hhx", &id[i]) != 1)
			return;
	buf_put(keys, id, sizeof(id));
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, KEY_ID_LEN);
}

static bool know_keys(struct secrets *s)
{
	struct buf keys = BUF_INIT;

	if (s->keys_known)
		return true;
	if (list(s, SECRET_PRIVATE_KEY, CONF_FILE, put_key, &keys) ||
	    list(s, SECRET_PRIVATE_KEY, CONF_VICI, put_key, &keys) || keys.failed) {
		buf_clear(&keys);
		return false;
	}
	s->keys = (void *)keys.data;
	s->key_count = keys.len / KEY_ID_LEN;
	s->keys_known = true;
	if (s->key_count)
		qsort(s->keys, s->key_count, KEY_ID_LEN, compare_keys);
	return true;
}

bool secrets_has_key(struct secrets *s, const uint8_t id[KEY_ID_LEN])
{
	if (tokens_has_key(s->tokens, id))
		return true;
	return !s->lost && know_keys(s) && s->key_count &&
	       bsearch(id, s->keys, s->key_count, KEY_ID_LEN, compare_keys);
}

static void put_key_sign(struct buf *request, const uint8_t id[KEY_ID_LEN],
			 enum signature_id scheme, bool classic, const void *octets, size_t len)
{
	buf_put8(request, SECRETS_KEY_SIGN);
	buf_put(request, id, KEY_ID_LEN);
	buf_put8(request, (uint8_t)scheme);
	buf_put8(request, classic);
	secrets_put_bytes(request, octets, len);
}

int secrets_key_sign(struct secrets *s, const uint8_t id[KEY_ID_LEN],
		     enum signature_id scheme, bool classic, const void *octets,
		     size_t len, struct buf *signature)
{
	struct buf request = BUF_INIT;
	struct secrets_cursor c;
	int err;

	put_key_sign(&request, id, scheme, classic, octets, len);
	err = ask(s, &request, &c);
	if (!err)
		buf_put(signature, c.at, c.left);
	return err;
}

int secrets_key_sign_apart(struct secrets *s, const uint8_t id[KEY_ID_LEN],
			   enum signature_id scheme, bool classic, const void *octets,
			   size_t len, struct buf *signature)
{
	uint8_t answer[2 + SIGNATURE_KEY_BITS_MAX / 8 + 1];
	struct buf request = BUF_INIT;
	struct secrets_cursor c;
	int err, fd = take_signer(s);

	if (fd < 0)
		return -EPIPE;
	put_key_sign(&request, id, scheme, classic, octets, len);
	err = exchange(fd, &request, answer, sizeof(answer), SECRETS_SIGN_MS, &c);
	if (!err)
		buf_put(signature, c.at, c.left);
	/* As in ask(). */
	if (err == -EPIPE)
		close(fd);
	else
		secrets_add_signer(s, fd);
	return err;
}

bool secrets_has_ppk(struct secrets *s)
{
	struct buf request = BUF_INIT;
	struct secrets_cursor c;

	buf_put8(&request, SECRETS_HAS_PPK);
	return !ask(s, &request, &c);
}

int secrets_mix_ppk(struct secrets *s, const void *ppk_id, size_t len,
		    const struct ike_keys *keys, struct ike_ppk_keys *mixed)
{
	struct buf request = BUF_INIT;
	struct secrets_cursor c;
	int err;

	buf_put8(&request, SECRETS_MIX_PPK);
	buf_put16(&request, keys->prf);
	secrets_put_bytes(&request, ppk_id, len);
	buf_put(&request, keys->d, keys->prf_len);
	buf_put(&request, keys->pi, keys->prf_len);
	buf_put(&request, keys->pr, keys->prf_len);
	err = ask(s, &request, &c);
	if (err)
		return err;
	if (c.left == 3 * keys->prf_len) {
		memcpy(mixed->d, c.at, keys->prf_len);
		memcpy(mixed->pi, c.at + keys->prf_len, keys->prf_len);
		memcpy(mixed->pr, c.at + 2 * keys->prf_len, keys->prf_len);
	} else {
		err = -EBADMSG;
	}
	OPENSSL_cleanse(s->answer, sizeof(s->answer));
	return err;
}

/* The last one of a list was loaded first: so is it here. */
static int stage(int fd, const struct secret *secret, const struct secret **refused)
{
	struct buf request = BUF_INIT;
	struct secrets_cursor c;
	uint8_t answer[64];
	int err;

	if (!secret)
		return 0;
	err = stage(fd, secret->next, refused);
	if (err || secret->kind == SECRET_TOKEN)
		return err;
	buf_put8(&request, SECRETS_STAGE);
	secrets_put_secret(&request, secret);
	*refused = secret;
	return exchange(fd, &request, answer, sizeof(answer), SECRETS_ANSWER_MS, &c);
}

int secrets_stage(int fd, const struct secret *list, const struct secret **refused)
{
	struct buf request = BUF_INIT;
	struct secrets_cursor c;
	uint8_t answer[8];
	int err;

	*refused = NULL;
	buf_put8(&request, SECRETS_STAGE_BEGIN);
	err = exchange(fd, &request, answer, sizeof(answer), SECRETS_ANSWER_MS, &c);
	return err ? err : stage(fd, list, refused);
}
