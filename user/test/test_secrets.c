// SPDX-License-Identifier: GPL-2.0
/*
 * The process of the secrets: what it answers, to whom, and that no request, however
 * malformed, ends it or gets a secret out of it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "auth.h"
#include "certificate.h"
#include "ikev2.h"
#include "ipc.h"
#include "ktap.h"
#include "libsecrets.h"
#include "loop.h"
#include "secrets_proto.h"
#include "secrets_server.h"

static const char octets[] = "IKE_SA_INIT, nonce and prf(SK_p, ID)";

static struct ike_id id(const char *text)
{
	struct ike_id parsed;
	const char *why;

	EXPECT(!ike_id_parse(&parsed, text, &why));
	return parsed;
}

/* A secret for one identity, NULL for everybody. */
static struct secret *secret(enum conf_source source, const char *name,
			     const char *owner, const char *data)
{
	struct secret *s = calloc(1, sizeof(*s));

	s->source = source;
	s->name = name ? strdup(name) : NULL;
	s->data = (uint8_t *)strdup(data);
	s->len = strlen(data);
	if (owner) {
		s->owners = calloc(1, sizeof(*s->owners));
		s->owner_count = 1;
		s->owners[0] = id(owner);
	}
	return s;
}

/* A private key in PEM, as its file has it; the caller frees it. */
static struct secret *private_key(EVP_PKEY *key, const char *encrypted_with,
				  const char *passphrase)
{
	struct secret *s = calloc(1, sizeof(*s));
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	long len;

	if (encrypted_with)
		EXPECT(PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), encrypted_with,
						     (int)strlen(encrypted_with), NULL, NULL));
	else
		EXPECT(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	len = BIO_get_mem_data(bio, &pem);
	s->kind = SECRET_PRIVATE_KEY;
	s->source = CONF_VICI;
	s->data = malloc((size_t)len);
	memcpy(s->data, pem, (size_t)len);
	s->len = (size_t)len;
	if (passphrase) {
		s->passphrase = (uint8_t *)strdup(passphrase);
		s->passphrase_len = strlen(passphrase);
	}
	BIO_free(bio);
	return s;
}

/* The status of an answer, a negative error number; *reply is what follows. */
static int answer(struct secrets_store *store, enum secrets_peer peer,
		  const struct buf *request, struct buf *reply)
{
	/* A copy of its very size, so that a read beyond it is seen. */
	uint8_t *copy = malloc(request->len ? request->len : 1);
	int status;

	if (request->len)
		memcpy(copy, request->data, request->len);
	buf_clear(reply);
	secrets_answer(store, peer, copy, request->len, reply);
	free(copy);
	EXPECT(!reply->failed && reply->len >= 2 && reply->len <= IPC_PACKET_MAX);
	status = -(int)get16(reply->data);
	EXPECT(!status || reply->len == 2);
	return status;
}

static void clear_store(struct secrets_store *store)
{
	secret_list_free(&store->loaded);
	secret_list_free(&store->staged);
}

static void put_secret(struct buf *request, enum secrets_op op, struct secret *s)
{
	buf_clear(request);
	buf_put8(request, op);
	secrets_put_secret(request, s);
	secret_free(s);
}

static void put_sign(struct buf *request, enum secrets_op op, uint16_t prf,
		     const char *local, const char *remote)
{
	struct ike_id l = id(local), r = id(remote);

	buf_clear(request);
	buf_put8(request, op);
	buf_put16(request, prf);
	secrets_put_id(request, &l);
	secrets_put_id(request, &r);
	secrets_put_bytes(request, octets, sizeof(octets));
	ike_id_clear(&l);
	ike_id_clear(&r);
}

static void test_sign(void)
{
	static const uint16_t prfs[] = { PRF_HMAC_SHA2_256, PRF_HMAC_SHA2_384,
					 PRF_HMAC_SHA2_512 };
	struct secrets_store store = { 0 };
	struct buf request = BUF_INIT, reply = BUF_INIT;
	uint8_t want[PRF_MAX];

	put_secret(&request, SECRETS_LOAD, secret(CONF_VICI, "a", "r.example", "secret a"));
	EXPECT_EQ(answer(&store, SECRETS_DAEMON, &request, &reply), 0);
	for (size_t i = 0; i < 3; i++) {
		size_t len = prf_len(prfs[i]);

		EXPECT(!auth_psk(prfs[i], (const uint8_t *)"secret a", 8,
				 (const uint8_t *)octets, sizeof(octets), want));
		put_sign(&request, SECRETS_SIGN, prfs[i], "l.example", "r.example");
		EXPECT_EQ(answer(&store, SECRETS_DAEMON, &request, &reply), 0);
		if (EXPECT(reply.len == 2 + len))
			EXPECT_HEX(reply.data + 2, want, len);

		put_sign(&request, SECRETS_VERIFY, prfs[i], "l.example", "r.example");
		secrets_put_bytes(&request, want, len);
		EXPECT_EQ(answer(&store, SECRETS_DAEMON, &request, &reply), 0);
		/* Every octet counts, and so does the length. */
		for (size_t j = 0; j < len; j++) {
			request.data[request.len - 1 - j] ^= 1;
			EXPECT_EQ(answer(&store, SECRETS_DAEMON, &request, &reply),
				  -EKEYREJECTED);
			request.data[request.len - 1 - j] ^= 1;
		}
		put_sign(&request, SECRETS_VERIFY, prfs[i], "l.example", "r.example");
		secrets_put_bytes(&request, want, len - 1);
		EXPECT_EQ(answer(&store, SECRETS_DAEMON, &request, &reply), -EKEYREJECTED);
		put_sign(&request, SECRETS_VERIFY, prfs[i], "l.example", "r.example");
		secrets_put_bytes(&request, want, 0);
		EXPECT_EQ(answer(&store, SECRETS_DAEMON, &request, &reply), -EKEYREJECTED);
	}
	put_sign(&request, SECRETS_SIGN, PRF_HMAC_SHA2_256, "l.example", "x.example");
	EXPECT_EQ(answer(&store, SECRETS_DAEMON, &request, &reply), -ENOKEY);
	put_sign(&request, SECRETS_SIGN, 4711, "l.example", "r.example");
	EXPECT_EQ(answer(&store, SECRETS_DAEMON, &request, &reply), -EINVAL);
	buf_clear(&request);
	buf_clear(&reply);
	clear_store(&store);
}

/* What each end may not ask is refused, and nothing has changed then. */
static void test_peers(void)
{
	struct secrets_store store = { 0 };
	struct buf request = BUF_INIT, reply = BUF_INIT;

	for (int op = 0; op < 256; op++) {
		bool readers = op == SECRETS_STAGE || op == SECRETS_STAGE_BEGIN;

		buf_clear(&request);
		buf_put8(&request, (uint8_t)op);
		EXPECT_EQ(answer(&store, SECRETS_DAEMON, &request, &reply) == -EPERM, readers);
		EXPECT_EQ(answer(&store, SECRETS_READER, &request, &reply) == -EPERM, !readers);
	}
	/* Each brings its own kind. */
	put_secret(&request, SECRETS_LOAD, secret(CONF_FILE, "a", NULL, "x"));
	EXPECT_EQ(answer(&store, SECRETS_DAEMON, &request, &reply), -EPERM);
	put_secret(&request, SECRETS_STAGE, secret(CONF_VICI, "a", NULL, "x"));
	EXPECT_EQ(answer(&store, SECRETS_READER, &request, &reply), -EPERM);
	EXPECT(!store.loaded && !store.staged);
	buf_clear(&request);
	buf_clear(&reply);
}

static void test_stage(void)
{
	const struct secret *refused;
	struct secret *file = NULL, *vici = secret(CONF_VICI, "v", "v.example", "of vici");
	struct test_secrets t;
	bool added;

	test_secrets_start(&t);
	EXPECT(!secrets_load(t.secrets, vici, &added) && added);
	secret_list_put(&file, secret(CONF_FILE, "ike-a", "f.example", "first"));
	secret_list_put(&file, secret(CONF_FILE, "ike-b", "f.example", "last wins"));
	EXPECT(!secrets_stage(t.stage_fd, file, &refused));
	/* Not yet. */
	EXPECT(test_secrets_serves(t.secrets, "l", "f.example", NULL, 0));
	EXPECT(!secrets_commit(t.secrets));
	EXPECT(test_secrets_serves(t.secrets, "l", "f.example", "last wins", 9));
	EXPECT(test_secrets_serves(t.secrets, "l", "v.example", "of vici", 7));

	/* Staged twice, in force is the second. */
	EXPECT(!secrets_stage(t.stage_fd, file, &refused));
	secret_list_free(&file);
	secret_list_put(&file, secret(CONF_FILE, "ike-c", "g.example", "other"));
	EXPECT(!secrets_stage(t.stage_fd, file, &refused) && !secrets_commit(t.secrets));
	EXPECT(test_secrets_serves(t.secrets, "l", "f.example", NULL, 0));
	EXPECT(test_secrets_serves(t.secrets, "l", "g.example", "other", 5));
	EXPECT(!secrets_clear(t.secrets, CONF_VICI));
	EXPECT(test_secrets_serves(t.secrets, "l", "v.example", NULL, 0));
	EXPECT(test_secrets_serves(t.secrets, "l", "g.example", "other", 5));
	secret_list_free(&file);
	secret_free(vici);
	test_secrets_stop(&t);
}

static void count(const char *name, void *data)
{
	EXPECT(name[0] == 'n' && strlen(name) == 250);
	++*(unsigned int *)data;
}

static void count_key(const char *name, void *data)
{
	EXPECT_EQ(strlen(name), 2 * KEY_ID_LEN);
	++*(unsigned int *)data;
}

/* A key is named by its public half, signs what it is asked to, and goes. */
static void test_keys(void)
{
	static const char *const kinds[] = { "RSA", "EC", "ED25519" };
	static const enum signature_id ids[] = {
		SIGNATURE_PSS_SHA2_384, SIGNATURE_ECDSA_SHA2_256, SIGNATURE_ED25519 };
	struct test_secrets t;

	test_secrets_start(&t);
	for (size_t i = 0; i < 3; i++) {
		EVP_PKEY *key = i == 0 ? EVP_RSA_gen(2048) : i == 1 ? EVP_EC_gen("P-256") :
				EVP_PKEY_Q_keygen(NULL, NULL, kinds[i]);
		const struct signature_scheme scheme = { ids[i], 48 };
		struct secret *s = private_key(key, NULL, NULL);
		uint8_t id[KEY_ID_LEN], want[KEY_ID_LEN];
		struct buf sig = BUF_INIT;
		char name[2 * KEY_ID_LEN + 1];
		unsigned int n = 0;

		EXPECT(!key_id(key, want));
		EXPECT(!secrets_has_key(t.secrets, want));
		EXPECT(!secrets_load_key(t.secrets, s, id));
		EXPECT_HEX(id, want, sizeof(id));
		EXPECT(secrets_has_key(t.secrets, want));
		/* Twice is once. */
		EXPECT(!secrets_load_key(t.secrets, s, id));
		EXPECT(!secrets_list(t.secrets, SECRET_PRIVATE_KEY, CONF_VICI, count_key, &n));
		EXPECT_EQ(n, 1);
		EXPECT(!secrets_key_sign(t.secrets, id, ids[i], false, octets, sizeof(octets),
					 &sig));
		EXPECT(!signature_verify(key, &scheme, false, octets, sizeof(octets), sig.data,
					 sig.len));
		EXPECT_EQ(secrets_key_sign(t.secrets, id, ids[(i + 1) % 3], false, octets,
					   sizeof(octets), &sig), -EINVAL);
		id[0] ^= 1;
		EXPECT_EQ(secrets_key_sign(t.secrets, id, ids[i], false, octets,
					   sizeof(octets), &sig), -ENOKEY);
		for (size_t j = 0; j < sizeof(want); j++)
			snprintf(name + 2 * j, 3, "%02x", want[j]);
		/* Neither of another kind, nor of another source. */
		EXPECT_EQ(secrets_unload(t.secrets, SECRET_SHARED, CONF_VICI, name), -ENOENT);
		EXPECT_EQ(secrets_unload(t.secrets, SECRET_PRIVATE_KEY, CONF_FILE, name), -ENOENT);
		EXPECT(!secrets_unload(t.secrets, SECRET_PRIVATE_KEY, CONF_VICI, name));
		EXPECT(!secrets_has_key(t.secrets, want));
		secret_free(s);
		buf_clear(&sig);
		EVP_PKEY_free(key);
	}
	test_secrets_stop(&t);
}

/* Which keys there are is known without that process, until something changes. */
static void test_keys_are_known(void)
{
	uint8_t ids[2][KEY_ID_LEN], none[KEY_ID_LEN] = { 0 };
	const struct secret *refused;
	struct test_secrets t;
	struct secret *s;
	EVP_PKEY *key;
	int status;

	test_secrets_start(&t);
	for (size_t i = 0; i < 2; i++) {
		key = i ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_RSA_gen(2048);
		s = private_key(key, NULL, NULL);
		EXPECT(!secrets_has_key(t.secrets, none));
		EXPECT(!secrets_load_key(t.secrets, s, ids[i]));
		EXPECT(secrets_has_key(t.secrets, ids[i]));
		secret_free(s);
		EVP_PKEY_free(key);
	}
	/* It is not asked: it would not answer. */
	EXPECT(!kill(t.pid, SIGSTOP) && waitpid(t.pid, &status, WUNTRACED) == t.pid);
	EXPECT(secrets_has_key(t.secrets, ids[0]) && secrets_has_key(t.secrets, ids[1]));
	EXPECT(!secrets_has_key(t.secrets, none));
	EXPECT(!kill(t.pid, SIGCONT));
	/* All that may change it. */
	EXPECT(!secrets_stage(t.stage_fd, NULL, &refused) && !secrets_commit(t.secrets));
	EXPECT(secrets_has_key(t.secrets, ids[0]) && secrets_has_key(t.secrets, ids[1]));
	EXPECT(!secrets_clear(t.secrets, CONF_VICI));
	EXPECT(!secrets_has_key(t.secrets, ids[0]) && !secrets_has_key(t.secrets, ids[1]));
	key = EVP_EC_gen("P-256");
	s = private_key(key, NULL, NULL);
	s->source = CONF_FILE;
	EXPECT(!key_id(key, ids[0]));
	EVP_PKEY_free(key);
	EXPECT(!secrets_stage(t.stage_fd, s, &refused));
	EXPECT(!secrets_has_key(t.secrets, ids[0]));
	EXPECT(!secrets_commit(t.secrets));
	EXPECT(secrets_has_key(t.secrets, ids[0]));
	EXPECT(!secrets_stage(t.stage_fd, NULL, &refused) && !secrets_commit(t.secrets));
	EXPECT(!secrets_has_key(t.secrets, ids[0]));
	secret_free(s);
	test_secrets_stop(&t);
}

static void expect_signed_apart(struct test_secrets *t, EVP_PKEY *key, const uint8_t id[KEY_ID_LEN],
				const char *text)
{
	const struct signature_scheme scheme = { SIGNATURE_ED25519, 0 };
	struct buf sig = BUF_INIT;

	EXPECT(!secrets_key_sign_apart(t->secrets, id, SIGNATURE_ED25519, false, text, strlen(text),
				       &sig));
	EXPECT(!signature_verify(key, &scheme, false, text, strlen(text), sig.data, sig.len));
	buf_clear(&sig);
}

/* A thread that waits in vain goes on after a while; what comes too late is nobody's answer. */
static void test_signer_hangs(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct secret *s = private_key(key, NULL, NULL);
	struct buf sig = BUF_INIT;
	struct test_secrets t;
	uint8_t id[KEY_ID_LEN];
	int status = 0;
	uint64_t since;

	test_secrets_start(&t);
	EXPECT(!secrets_load_key(t.secrets, s, id));
	for (unsigned int i = 0; i < 2 * TEST_SIGNERS; i++)
		expect_signed_apart(&t, key, id, "before");
	kill(t.pid, SIGSTOP);
	/* All its threads have. */
	EXPECT(waitpid(t.pid, &status, WUNTRACED) == t.pid && WIFSTOPPED(status));
	since = loop_now_ms();
	EXPECT_EQ(secrets_key_sign_apart(t.secrets, id, SIGNATURE_ED25519, false, "late", 4, &sig),
		  -EPIPE);
	EXPECT(!sig.len);
	EXPECT(loop_now_ms() - since >= SECRETS_SIGN_MS);
	kill(t.pid, SIGCONT);
	/* The others' ways are as they were, and that of the daemon. */
	for (unsigned int i = 0; i < 2 * TEST_SIGNERS; i++)
		expect_signed_apart(&t, key, id, "after");
	EXPECT(secrets_has_key(t.secrets, id));
	test_secrets_stop(&t);
	secret_free(s);
	EVP_PKEY_free(key);
}

static int load_status(struct test_secrets *t, struct secret *s)
{
	uint8_t id[KEY_ID_LEN];
	int err = secrets_load_key(t->secrets, s, id);

	secret_free(s);
	return err;
}

static void test_keys_refused(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *weak = EVP_RSA_gen(1024);
	struct secret *s = private_key(key, NULL, NULL);
	unsigned char *der = NULL;
	struct test_secrets t;
	int len;

	test_secrets_start(&t);
	EXPECT_EQ(load_status(&t, private_key(key, "right", "right")), 0);
	EXPECT_EQ(load_status(&t, private_key(key, "right", NULL)), -ENOKEY);
	EXPECT_EQ(load_status(&t, private_key(key, "right", "wrong")), -EKEYREJECTED);
	EXPECT_EQ(load_status(&t, private_key(weak, NULL, NULL)), -EINVAL);
	s->len /= 2;
	EXPECT_EQ(load_status(&t, s), -EINVAL);
	/* The public half alone. */
	s = private_key(key, NULL, NULL);
	len = i2d_PUBKEY(key, &der);
	memcpy(s->data, der, (size_t)len);
	s->len = (size_t)len;
	EXPECT_EQ(load_status(&t, s), -EINVAL);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	EVP_PKEY_free(weak);
	test_secrets_stop(&t);
}

/* More names than one answer takes. */
static void test_list(void)
{
	struct test_secrets t;
	unsigned int n = 0;
	char name[251];
	bool added;

	test_secrets_start(&t);
	for (int i = 0; i < 1200; i++) {
		struct secret *s;

		snprintf(name, sizeof(name), "n%0249d", i);
		s = secret(CONF_VICI, name, NULL, "x");
		EXPECT(!secrets_load(t.secrets, s, &added) && added);
		secret_free(s);
	}
	EXPECT(!secrets_list(t.secrets, SECRET_SHARED, CONF_VICI, count, &n));
	EXPECT_EQ(n, 1200);
	EXPECT(!secrets_unload(t.secrets, SECRET_SHARED, CONF_VICI, name));
	EXPECT_EQ(secrets_unload(t.secrets, SECRET_SHARED, CONF_VICI, name), -ENOENT);
	test_secrets_stop(&t);
}

static struct secret *ppk(const char *name, const char *owner, const char *data)
{
	struct secret *s = secret(CONF_VICI, name, owner, data);

	s->kind = SECRET_PPK;
	return s;
}

/* Is it this PPK that has been mixed in? */
static bool is_mixed(struct secrets *s, uint16_t prf_id, const char *ppk_id, const char *data)
{
	struct ike_keys keys = { .prf = prf_id, .prf_len = prf_len(prf_id),
				 .d = { 1 }, .pi = { 2 }, .pr = { 3 } };
	struct ike_ppk_keys mixed = { 0 }, expected = { 0 };

	EXPECT(!secrets_mix_ppk(s, ppk_id, strlen(ppk_id), &keys, &mixed));
	EXPECT(!kdf_ppk(prf_id, (const uint8_t *)data, strlen(data), keys.d, expected.d));
	EXPECT(!kdf_ppk(prf_id, (const uint8_t *)data, strlen(data), keys.pi, expected.pi));
	EXPECT(!kdf_ppk(prf_id, (const uint8_t *)data, strlen(data), keys.pr, expected.pr));
	return !memcmp(&mixed, &expected, sizeof(mixed));
}

static void test_ppks(void)
{
	static const struct ike_keys keys = { .prf = PRF_HMAC_SHA2_256, .prf_len = 32 };
	static const struct ike_keys unknown = { .prf = 99, .prf_len = 32 };
	struct ike_ppk_keys mixed;
	struct test_secrets t;
	struct secret *s;
	bool added;

	test_secrets_start(&t);
	/* What is for something else is no PPK, and a PPK is nothing else. */
	s = secret(CONF_VICI, "a", NULL, "no ppk");
	EXPECT(!secrets_load(t.secrets, s, &added) && added);
	secret_free(s);
	EXPECT(!secrets_has_ppk(t.secrets));
	EXPECT_EQ(secrets_mix_ppk(t.secrets, "x", 1, &keys, &mixed), -ENOKEY);
	EXPECT(!secrets_unload(t.secrets, SECRET_SHARED, CONF_VICI, "a"));

	s = ppk("a", "a@example", "of a");
	EXPECT(!secrets_load(t.secrets, s, &added) && added);
	secret_free(s);
	s = ppk(NULL, "*@example", "of others");
	EXPECT(!secrets_load(t.secrets, s, &added) && added);
	EXPECT(!secrets_load(t.secrets, s, &added) && !added);
	secret_free(s);
	EXPECT(secrets_has_ppk(t.secrets));
	EXPECT(test_secrets_serves(t.secrets, "a@example", "a@example", NULL, 0));
	EXPECT(is_mixed(t.secrets, PRF_HMAC_SHA2_256, "a@example", "of a"));
	EXPECT(is_mixed(t.secrets, PRF_HMAC_SHA2_512, "b@example", "of others"));
	EXPECT(!is_mixed(t.secrets, PRF_HMAC_SHA2_384, "b@example", "of a"));
	EXPECT_EQ(secrets_mix_ppk(t.secrets, "x", 1, &keys, &mixed), -ENOKEY);
	EXPECT_EQ(secrets_mix_ppk(t.secrets, "", 0, &keys, &mixed), -ENOKEY);
	EXPECT_EQ(secrets_mix_ppk(t.secrets, "a@example", 9, &unknown, &mixed), -EINVAL);
	EXPECT_EQ(secrets_unload(t.secrets, SECRET_SHARED, CONF_VICI, "a"), -ENOENT);
	EXPECT(!secrets_unload(t.secrets, SECRET_PPK, CONF_VICI, "a"));
	EXPECT(is_mixed(t.secrets, PRF_HMAC_SHA2_256, "a@example", "of others"));
	test_secrets_stop(&t);
}

/* One of each kind, whole. */
static void whole(struct buf *request, int kind)
{
	switch (kind) {
	case 0:
		put_secret(request, SECRETS_LOAD, secret(CONF_VICI, "name", "a.example", "s"));
		break;
	case 1:
		put_sign(request, SECRETS_SIGN, PRF_HMAC_SHA2_256, "a.example", "b.example");
		break;
	case 2:
		put_sign(request, SECRETS_VERIFY, PRF_HMAC_SHA2_256, "a.example", "b.example");
		secrets_put_bytes(request, octets, 32);
		break;
	case 3:
		buf_clear(request);
		buf_put8(request, SECRETS_UNLOAD);
		buf_put8(request, SECRET_SHARED);
		buf_put8(request, CONF_VICI);
		secrets_put_bytes(request, "name", 4);
		break;
	case 4:
		buf_clear(request);
		buf_put8(request, SECRETS_LIST);
		buf_put8(request, SECRET_SHARED);
		buf_put8(request, CONF_VICI);
		buf_put32(request, 0);
		break;
	case 5:
		buf_clear(request);
		buf_put8(request, SECRETS_CLEAR);
		buf_put8(request, CONF_VICI);
		break;
	case 6:
		buf_clear(request);
		buf_put8(request, SECRETS_KEY_SIGN);
		buf_zero(request, KEY_ID_LEN);
		buf_put8(request, SIGNATURE_RSA_SHA2_256);
		buf_put8(request, 0);
		secrets_put_bytes(request, octets, sizeof(octets));
		break;
	case 7:
		buf_clear(request);
		buf_put8(request, SECRETS_HAS_PPK);
		break;
	case 8:
		buf_clear(request);
		buf_put8(request, SECRETS_MIX_PPK);
		buf_put16(request, PRF_HMAC_SHA2_256);
		secrets_put_bytes(request, "ppk", 3);
		buf_zero(request, 3 * 32);
		break;
	default:
		buf_clear(request);
		buf_put8(request, SECRETS_COMMIT);
	}
}

#define KINDS	10

/* Cut at every length, and longer by an octet: refused as malformed. */
static void test_truncated(void)
{
	struct secrets_store store = { 0 };
	struct buf request = BUF_INIT, reply = BUF_INIT;

	for (int kind = 0; kind < KINDS; kind++) {
		size_t len;

		whole(&request, kind);
		len = request.len;
		for (request.len = 0; request.len < len; request.len++) {
			int status = answer(&store, SECRETS_DAEMON, &request, &reply);

			/* The key is looked for before the MAC to compare is read. */
			EXPECT(status == -EBADMSG || (kind == 2 && status == -ENOKEY));
		}
		buf_put8(&request, 0);
		if (kind != 1 && kind != 2)	/* the key is looked for first */
			EXPECT_EQ(answer(&store, SECRETS_DAEMON, &request, &reply), -EBADMSG);
	}
	EXPECT(!store.loaded && !store.staged);
	buf_clear(&request);
	buf_clear(&reply);
}

/* Each octet of each request, changed to each of some values; then at random. */
static void test_mutated(void)
{
	static const uint8_t values[] = { 0, 1, 2, 0x7f, 0x80, 0xff };
	struct secrets_store store = { 0 };
	struct buf request = BUF_INIT, reply = BUF_INIT;
	unsigned int seed = 1;

	for (int kind = 0; kind < KINDS; kind++) {
		whole(&request, kind);
		for (size_t i = 0; i < request.len; i++) {
			uint8_t before = request.data[i];

			for (size_t v = 0; v < sizeof(values); v++) {
				request.data[i] = values[v];
				answer(&store, SECRETS_DAEMON, &request, &reply);
			}
			request.data[i] = before;
		}
		for (int n = 0; n < 3000; n++) {
			whole(&request, kind);
			for (int m = rand_r(&seed) % 4; m >= 0; m--)
				request.data[rand_r(&seed) % request.len] = (uint8_t)rand_r(&seed);
			if (!(n % 3))
				request.len = rand_r(&seed) % (request.len + 1);
			answer(&store, rand_r(&seed) % 8 ? SECRETS_DAEMON : SECRETS_READER,
			       &request, &reply);
		}
	}
	buf_clear(&request);
	buf_clear(&reply);
	clear_store(&store);
}

/* On the socket: too large for a packet, as large as one may be, and nonsense. */
static void test_packets(void)
{
	static uint8_t packet[2 * IPC_PACKET_MAX], reply[64];
	struct test_secrets t;
	struct secret *s = secret(CONF_VICI, "a", NULL, "x");
	bool added;

	test_secrets_start(&t);
	memset(packet, 0xff, sizeof(packet));
	EXPECT_EQ(ipc_send(t.fd, packet, IPC_PACKET_MAX + 1), -EMSGSIZE);
	EXPECT_EQ(write(t.fd, packet, IPC_PACKET_MAX + 1), IPC_PACKET_MAX + 1);
	EXPECT_EQ(ipc_recv(t.fd, reply, sizeof(reply), 5000), 2);
	EXPECT_EQ(get16(reply), EMSGSIZE);
	EXPECT(!ipc_send(t.fd, packet, IPC_PACKET_MAX));
	EXPECT_EQ(ipc_recv(t.fd, reply, sizeof(reply), 5000), 2);
	EXPECT_EQ(get16(reply), EBADMSG);
	EXPECT(!secrets_load(t.secrets, s, &added) && added);

	/* A reader that ends is no end of the service. */
	EXPECT(!ipc_send(t.stage_fd, packet, 9));
	EXPECT_EQ(ipc_recv(t.stage_fd, reply, sizeof(reply), 5000), 2);
	EXPECT_EQ(get16(reply), EPERM);
	close(t.stage_fd);
	t.stage_fd = dup(t.fd);
	EXPECT(test_secrets_serves(t.secrets, "a", "b", "x", 1));
	secret_free(s);
	test_secrets_stop(&t);
}

/* Identities and a message that are too large to ask: an error, and no more. */
static void test_too_large(void)
{
	static uint8_t message[IPC_PACKET_MAX];
	struct ike_id l = id("l.example"), r = id("r.example");
	struct secret *s = secret(CONF_VICI, "a", NULL, "x");
	struct test_secrets t;
	uint8_t mac[PRF_MAX];
	bool added;

	test_secrets_start(&t);
	EXPECT(!secrets_load(t.secrets, s, &added));
	EXPECT_EQ(secrets_sign(t.secrets, PRF_HMAC_SHA2_256, &l, &r, message,
			       sizeof(message), mac), -EMSGSIZE);
	/* The largest IKE_SA_INIT message, with the largest nonce. */
	EXPECT_EQ(secrets_sign(t.secrets, PRF_HMAC_SHA2_256, &l, &r, message,
			       65535 + 256 + PRF_MAX, mac), 0);
	ike_id_clear(&l);
	ike_id_clear(&r);
	secret_free(s);
	test_secrets_stop(&t);
}

/* A process that is gone, or that hangs: an error within bounds, for good. */
static void test_lost(void)
{
	struct secret *s = secret(CONF_VICI, "a", NULL, "x");
	struct test_secrets t;
	uint64_t start;
	bool added;

	test_secrets_start(&t);
	kill(t.pid, SIGKILL);
	EXPECT_EQ(secrets_load(t.secrets, s, &added), -EPIPE);
	EXPECT_EQ(secrets_commit(t.secrets), -EPIPE);
	test_secrets_stop(&t);

	test_secrets_start(&t);
	kill(t.pid, SIGSTOP);
	start = loop_now_ms();
	EXPECT_EQ(secrets_load(t.secrets, s, &added), -EPIPE);
	EXPECT(loop_now_ms() - start < SECRETS_ANSWER_MS + 5000);
	kill(t.pid, SIGCONT);
	EXPECT_EQ(secrets_commit(t.secrets), -EPIPE);
	test_secrets_stop(&t);
	secret_free(s);
}

static const struct ktap_test tests[] = {
	{ "ppks", test_ppks },
	{ "MACs and verdicts", test_sign },
	{ "who may ask what", test_peers },
	{ "staged and committed", test_stage },
	{ "more names than a packet takes", test_list },
	{ "private keys", test_keys },
	{ "private keys that are known", test_keys_are_known },
	{ "a signer that does not answer", test_signer_hangs },
	{ "private keys that are refused", test_keys_refused },
	{ "truncated requests", test_truncated },
	{ "mutated requests", test_mutated },
	{ "packets of any size", test_packets },
	{ "too large to be asked", test_too_large },
	{ "a process that is gone or hangs", test_lost },
};

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	return ktap_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
}
