// SPDX-License-Identifier: GPL-2.0
/*
 * Private keys on tokens: the process of the tokens, one for each, and the daemon's end. libcrypto's
 * own provider is the token here, and finds keys in files (file:): they can be encrypted, be away
 * and come back, and a pipe in the place of one is a token that does not answer.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "config_load.h"
#include "ipc.h"
#include "ktap.h"
#include "log.h"
#include "loop.h"
#include "token.h"
#include "token_proto.h"
#include "token_server.h"
#include "tokens.h"

#define WAIT_MS	20000

static char dir[] = "/tmp/ikefp-test-XXXXXX";
static struct loop *loop;
static struct tokens *tokens;
static int daemon_fd, reader_fd;
static pid_t server;

static EVP_PKEY *keys[2];
static uint8_t ids[2][KEY_ID_LEN];
static char logged[65536];

static void listen_to(struct log_listener *l, enum log_group group, int level,
		      const struct log_sa *sa, const char *text)
{
	size_t len = strlen(logged);

	(void)l;
	(void)group;
	(void)level;
	(void)sa;
	snprintf(logged + len, sizeof(logged) - len, "%s\n", text);
}

static struct log_listener listener = { .message = listen_to, .level = LVL_CTRL };

static void begin(void)
{
	int fds[2], reader[2];

	logged[0] = '\0';
	log_listener_add(&listener);
	EXPECT(!ipc_pair(fds) && !ipc_pair(reader));
	server = fork();
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		close(fds[0]);
		close(reader[0]);
		token_server_serve(fds[1], reader[1], NULL);
		_exit(0);
	}
	close(fds[1]);
	close(reader[1]);
	daemon_fd = fds[0];
	reader_fd = reader[0];
	loop = loop_new();
	tokens = tokens_open(loop, daemon_fd);
	EXPECT(tokens);
}

static void end(void)
{
	int status = -1;

	tokens_close(tokens);
	loop_free(loop);
	close(daemon_fd);
	close(reader_fd);
	waitpid(server, &status, 0);
	EXPECT_EQ(status, 0);
	log_listener_del(&listener);
}

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put_key(const char *name, EVP_PKEY *key, const char *passphrase)
{
	FILE *f = fopen(path_of(name), "w");

	if (!EXPECT(f))
		return;
	EXPECT(PEM_write_PKCS8PrivateKey(f, key, passphrase ? EVP_aes_256_cbc() : NULL, passphrase,
					 passphrase ? (int)strlen(passphrase) : 0, NULL, NULL));
	fclose(f);
}

static struct secret *token_of(enum conf_source source, const char *name, const char *file,
			       const char *pin)
{
	struct secret *secret = calloc(1, sizeof(*secret));
	char text[300];

	secret->kind = SECRET_TOKEN;
	secret->source = source;
	snprintf(text, sizeof(text), "default file:%s", path_of(file));
	secret->name = strdup(name ? name : strchr(text, ' ') + 1);
	secret->data = (uint8_t *)strdup(text);
	secret->len = strlen(text);
	secret->passphrase = pin ? (uint8_t *)strdup(pin) : NULL;
	secret->passphrase_len = pin ? strlen(pin) : 0;
	return secret;
}

/* A configuration of these, and no more. */
static void configure(struct secret *one, struct secret *two)
{
	struct secret *list = NULL;

	if (one)
		secret_list_put(&list, one);
	if (two)
		secret_list_put(&list, two);
	EXPECT(!tokens_stage(reader_fd, list));
	EXPECT(!tokens_commit(tokens));
	secret_list_free(&list);
}

/* A signature that is waited for. */
struct waiting {
	struct token_job job;
	bool done;
	char why[1024];
	struct buf signature;
};

static const char octets[] = "octets to be signed";

static void signed_with(struct token_job *job, const uint8_t *signature, size_t len,
			const char *why)
{
	struct waiting *w = container_of(job, struct waiting, job);

	w->done = true;
	snprintf(w->why, sizeof(w->why), "%s", why ? why : "");
	if (!why)
		buf_set(&w->signature, signature, len);
}

static int ask(struct waiting *w, int which, enum signature_id scheme)
{
	*w = (struct waiting){ .job.done = signed_with };
	return tokens_sign(tokens, ids[which], scheme, false, octets, sizeof(octets), &w->job);
}

static void await(const bool *done)
{
	uint64_t end_ms = loop_now_ms() + WAIT_MS;

	while (!*done && loop_now_ms() < end_ms)
		loop_turn(loop, 100);
	EXPECT(*done);
}

static bool verifies(struct waiting *w, int which)
{
	const struct signature_scheme scheme = { SIGNATURE_ECDSA_SHA2_256, 0 };
	bool ok = !*w->why && !signature_verify(keys[which], &scheme, false, octets, sizeof(octets),
						w->signature.data, w->signature.len);

	if (!ok)
		ktap_fail(__FILE__, __LINE__, "no signature: %s", w->why);
	buf_clear(&w->signature);
	return ok;
}

static void expect_signs(int which)
{
	struct waiting w;

	REQUIRE(!ask(&w, which, SIGNATURE_ECDSA_SHA2_256));
	await(&w.done);
	verifies(&w, which);
}

static void expect_fails(int which, enum signature_id scheme, const char *why)
{
	struct waiting w;

	REQUIRE(!ask(&w, which, scheme));
	/* Whoever asks has returned before it is told. */
	EXPECT(!w.done);
	await(&w.done);
	if (!strstr(w.why, why))
		ktap_fail(__FILE__, __LINE__, "\"%s\" says nothing of \"%s\"", w.why, why);
}

static void expect_logged(const char *text)
{
	if (!strstr(logged, text))
		ktap_fail(__FILE__, __LINE__, "not in the log: %s; it says: %s", text, logged);
}

static void count(const char *key, void *data)
{
	(void)key;
	++*(unsigned int *)data;
}

static unsigned int listed(enum conf_source source)
{
	unsigned int n = 0;

	tokens_list(tokens, source, count, &n);
	return n;
}

static void test_sign(void)
{
	struct waiting w[20];

	begin();
	EXPECT(!tokens_has_key(tokens, ids[0]));
	EXPECT_EQ(ask(&w[0], 0, SIGNATURE_ECDSA_SHA2_256), -ENOKEY);
	configure(token_of(CONF_FILE, "token-a", "a", NULL),
		  token_of(CONF_FILE, "token-b", "b", "open"));
	EXPECT(tokens_has_key(tokens, ids[0]) && tokens_has_key(tokens, ids[1]));
	EXPECT_EQ(listed(CONF_FILE), 2);
	EXPECT_EQ(listed(CONF_VICI), 0);
	expect_logged("token 'token-a' (file:/tmp/ikefp-test-");
	expect_logged(": its private key is there, keyid ");
	expect_signs(0);
	expect_signs(1);
	expect_fails(0, SIGNATURE_RSA_SHA2_256, "the private key of token 'token-a' (file:");
	expect_fails(0, SIGNATURE_RSA_SHA2_256, "the key is not of the signature's kind");
	/* Many at once; some are not wanted any more. */
	for (int i = 0; i < 20; i++)
		EXPECT(!ask(&w[i], i % 2, SIGNATURE_ECDSA_SHA2_256));
	for (int i = 0; i < 10; i++)
		tokens_cancel(&w[i].job);
	for (int i = 10; i < 20; i++) {
		await(&w[i].done);
		verifies(&w[i], i % 2);
	}
	for (int i = 0; i < 10; i++)
		EXPECT(!w[i].done);
	configure(NULL, NULL);
	EXPECT(!tokens_has_key(tokens, ids[0]) && !listed(CONF_FILE));
	end();
}

/* Why nothing more is said of "a secret" in the log than its name. */
static void test_pin(void)
{
	begin();
	configure(token_of(CONF_FILE, "token-b", "b", "wrong PIN"), NULL);
	EXPECT(!tokens_has_key(tokens, ids[1]));
	expect_logged("token 'token-b' (file:");
	expect_logged("is the PIN right?; it is not tried again before it is loaded again");
	EXPECT(!strstr(logged, "wrong PIN"));
	/* Though what would be wrong with it is set right, nobody looks again. */
	put_key("b", keys[1], "wrong PIN");
	for (uint64_t end_ms = loop_now_ms() + 2 * TOKEN_AGAIN_MS; loop_now_ms() < end_ms;)
		loop_turn(loop, 100);
	EXPECT(!tokens_has_key(tokens, ids[1]));
	/* But for who loads it again. */
	configure(token_of(CONF_FILE, "token-b", "b", "wrong PIN"), NULL);
	expect_signs(1);
	put_key("b", keys[1], "open");
	/* As it is configured, it is served: no PIN is asked for once more. */
	configure(token_of(CONF_FILE, "token-b", "b", "wrong PIN"), NULL);
	expect_signs(1);
	configure(token_of(CONF_FILE, "token-b", "b", "open"), NULL);
	expect_signs(1);
	logged[0] = '\0';
	configure(token_of(CONF_FILE, "token-b", "b", NULL), NULL);
	expect_logged("it asks for a PIN: add 'pin = ...'");
	end();
}

static bool is_there(int which)
{
	uint64_t end_ms = loop_now_ms() + WAIT_MS;

	while (!tokens_has_key(tokens, ids[which]) && loop_now_ms() < end_ms)
		loop_turn(loop, 100);
	return tokens_has_key(tokens, ids[which]);
}

/* A process of the token that is to end; 0 if there is none. */
static pid_t token_process(void)
{
	char path[64];
	pid_t pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", server, server);
	f = fopen(path, "r");
	if (f && fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f)
		fclose(f);
	return pid;
}

static void kill_token(void)
{
	pid_t pid = token_process();

	if (EXPECT(pid > 0))
		kill(pid, SIGKILL);
	/* Gone, and that is known. */
	for (int i = 0; i < 200 && token_process() == pid; i++)
		loop_turn(loop, 10);
}

static void test_away(void)
{
	begin();
	unlink(path_of("a"));
	configure(token_of(CONF_FILE, "token-a", "a", NULL), NULL);
	EXPECT(!tokens_has_key(tokens, ids[0]));
	expect_logged("its private key cannot be used: there is no private key: No such file");
	expect_logged("it is looked for again until it is there");
	put_key("a", keys[0], NULL);
	EXPECT(is_there(0));
	expect_signs(0);
	/* It goes. That it is known by its key stays; what is signed meanwhile fails. */
	unlink(path_of("a"));
	kill_token();
	expect_fails(0, SIGNATURE_ECDSA_SHA2_256, "token 'token-a' (file:");
	EXPECT(tokens_has_key(tokens, ids[0]));
	/* It is back: with the next look at it, and there is one for who wants a signature. */
	put_key("a", keys[0], NULL);
	usleep(TOKEN_AGAIN_MS * 1000);
	expect_signs(0);
	end();
}

/* A library that takes its process down: the next one goes on, and nobody notices. */
static void test_crash(void)
{
	struct waiting w[4];

	begin();
	configure(token_of(CONF_FILE, "token-a", "a", NULL), NULL);
	usleep(TOKEN_AGAIN_MS * 1000);
	for (int i = 0; i < 4; i++)
		EXPECT(!ask(&w[i], 0, SIGNATURE_ECDSA_SHA2_256));
	kill_token();
	for (int i = 0; i < 4; i++) {
		await(&w[i].done);
		verifies(&w[i], 0);
	}
	end();
}

struct loading {
	struct token_load load;
	bool done;
	bool ok;
	char why[1024];
};

static void loaded(struct token_load *load, const uint8_t id[KEY_ID_LEN], const char *why)
{
	struct loading *l = container_of(load, struct loading, load);

	l->done = true;
	l->ok = !why && id;
	snprintf(l->why, sizeof(l->why), "%s", why ? why : "");
}

static void load(struct loading *l, const char *file, const char *pin)
{
	struct secret *secret = token_of(CONF_VICI, NULL, file, pin);

	*l = (struct loading){ .load.done = loaded };
	EXPECT(!tokens_load(tokens, secret, &l->load));
	secret_free(secret);
}

static void test_vici(void)
{
	char text[2 * KEY_ID_LEN + 1];
	struct loading l;

	begin();
	load(&l, "a", NULL);
	EXPECT(!l.done);
	await(&l.done);
	EXPECT(l.ok && tokens_has_key(tokens, ids[0]));
	EXPECT_EQ(listed(CONF_VICI), 1);
	expect_signs(0);
	/* Again, as swanctl does. */
	load(&l, "a", NULL);
	await(&l.done);
	EXPECT(l.ok && listed(CONF_VICI) == 1);
	for (size_t i = 0; i < KEY_ID_LEN; i++)
		snprintf(text + 2 * i, 3, "%02X", ids[0][i]);
	EXPECT(!tokens_unload(tokens, text));
	EXPECT_EQ(tokens_unload(tokens, text), -ENOENT);
	EXPECT(!tokens_has_key(tokens, ids[0]));
	/* What cannot be used is not there afterwards. */
	load(&l, "b", "wrong PIN");
	await(&l.done);
	EXPECT(!l.ok && strstr(l.why, "is the PIN right?"));
	EXPECT_EQ(listed(CONF_VICI), 0);
	load(&l, "nothing", NULL);
	await(&l.done);
	EXPECT(!l.ok && strstr(l.why, "No such file"));
	load(&l, "b", "open");
	await(&l.done);
	EXPECT(l.ok);
	tokens_clear(tokens, CONF_VICI);
	EXPECT(!listed(CONF_VICI) && !tokens_has_key(tokens, ids[1]));
	end();
}

/* One that does not answer, be it for seconds, is waited for by nobody but who asks for it. */
static void test_hangs(void)
{
	struct loading l;

	begin();
	configure(token_of(CONF_FILE, "token-b", "b", "open"), NULL);
	load(&l, "pipe", NULL);
	for (int i = 0; i < 10; i++)
		expect_signs(1);
	EXPECT(!l.done);
	tokens_load_cancel(&l.load);
	end();
}

static const char *refusal(const char *text)
{
	static struct errmsg err;
	struct secret *secrets = NULL;
	struct config *config = config_new();
	FILE *f = fopen(path_of("swanctl.conf"), "w");
	int ret;

	if (!EXPECT(f))
		return "";
	fputs(text, f);
	fclose(f);
	err.text[0] = '\0';
	ret = config_read_file(config, &secrets, path_of("swanctl.conf"), &err);
	EXPECT_EQ(!ret, !err.text[0]);
	secret_list_free(&secrets);
	config_free(config);
	return err.text;
}

static void test_config(void)
{
	static const struct {
		const char *text, *want;
	} refused[] = {
		{ "secrets { token-a {\n}\n}", ":1: secrets.token-a: has no uri: add one, such as" },
		{ "secrets { token-a { uri = nonsense\n}\n}",
		  ":1: secrets.token-a.uri: 'nonsense' is no URI of a key: write one such as" },
		{ "secrets { token-a {\n uri = \"foo:bar\"\n}\n}",
		  ":2: secrets.token-a.uri: which OpenSSL provider serves 'foo:bar' is not known: add 'provider = ...'" },
		{ "secrets { token-a {\n uri = \"foo:bar\"\n provider = ../x\n}\n}",
		  ":3: secrets.token-a.provider: '../x' is no name of an OpenSSL provider" },
		{ "secrets { token-a {\n uri = \"pkcs11:object=a?pin-value=1\"\n}\n}",
		  ":2: secrets.token-a.uri: has a PIN in it, and would be logged" },
		{ "secrets { token-a {\n handle = 81010001\n uri = \"handle:0x81010001\"\n}\n}",
		  ":2: secrets.token-a.handle: does not go with 'uri'" },
		{ "secrets { token-a {\n handle = 0102\n}\n}",
		  ":2: secrets.token-a.handle: '0102' is no persistent handle of a TPM (81000000 to 81ffffff): of a PKCS#11 token, write 'uri = \"pkcs11:id=%01%02\"' in its place" },
		{ "secrets { token-a {\n handle = 010\n}\n}", ":2: secrets.token-a.handle: '010' is no handle" },
		{ "secrets { token-a {\n handle = 0102\n slot = 3\n module = hsm\n}\n}",
		  ":4: secrets.token-a.module: ikefpd reaches PKCS#11 tokens by OpenSSL's provider 'pkcs11', to which openssl.cnf names the module: in the place of handle, slot and module write 'uri = \"pkcs11:id=%01%02;slot-id=3\"'" },
		{ "secrets { token-a {\n handle = 81010001\n pin = \"\"\n}\n}", ":3: secrets.token-a.pin: is empty" },
		{ "secrets { token-a {\n urn = a\n}\n}", ":2: secrets.token-a.urn: unknown key: did you mean 'uri'?" },
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		const char *err = refusal(refused[i].text);

		if (!strstr(err, refused[i].want))
			ktap_fail(__FILE__, __LINE__, "not said: %s; but: %s", refused[i].want, err);
	}
	EXPECT_STR(refusal("secrets { token-a {\n handle = 0x81010001\n pin = 1234\n}\n"
			   "token-b {\n uri = \"pkcs11:token=a;object=b\"\n}\n"
			   "token { uri = \"foo:bar\"\n provider = foo\n}\n}"), "");
}

static struct secret *read_token(const char *text)
{
	struct secret *secrets = NULL;
	struct config *config = config_new();
	struct errmsg err;
	FILE *f = fopen(path_of("swanctl.conf"), "w");

	fprintf(f, "secrets { token {\n%s\n}\n}\n", text);
	fclose(f);
	EXPECT(!config_read_file(config, &secrets, path_of("swanctl.conf"), &err));
	config_free(config);
	return secrets;
}

static void test_of_strongswan(void)
{
	struct secret *secret = read_token("handle = 81010001\npin = \"1 2\"");

	REQUIRE(secret && !secret->next);
	EXPECT_EQ(secret->kind, SECRET_TOKEN);
	EXPECT_STR(secret->name, "token");
	EXPECT_STR((char *)secret->data, "tpm2 handle:0x81010001");
	EXPECT_EQ(secret->passphrase_len, 3);
	EXPECT_HEX(secret->passphrase, "1 2", 3);
	secret_list_free(&secret);
	secret = read_token("uri = \"pkcs11:id=%01\"\nprovider = softhsm");
	REQUIRE(secret);
	EXPECT_STR((char *)secret->data, "softhsm pkcs11:id=%01");
	EXPECT(!secret->passphrase);
	secret_list_free(&secret);
}

/* Whatever it is sent, it goes on. */
static void test_nonsense(void)
{
	struct secret *secret = token_of(CONF_VICI, NULL, "a", "1");
	struct buf packet = BUF_INIT;
	uint8_t answer[16], octet;
	struct waiting w;
	uint64_t end_ms;

	begin();
	srand(4711);
	for (int i = 0; i < 3000; i++) {
		buf_clear(&packet);
		buf_put8(&packet, (uint8_t)(rand() % 14));
		if (i % 2) {
			secrets_put_secret(&packet, secret);
		} else {
			buf_put8(&packet, (uint8_t)(rand() % 4));
			secrets_put_bytes(&packet, secret->name, strlen(secret->name));
			buf_put32(&packet, (uint32_t)rand());
		}
		/* No process is to be begun by it: there is one change at least. */
		octet = (uint8_t)(1 + rand() % 255);
		packet.data[1 + (size_t)rand() % 2] ^= octet;
		for (int n = rand() % 4; n; n--)
			packet.data[(size_t)rand() % packet.len] ^= (uint8_t)rand();
		if (rand() % 3 == 0)
			packet.len = 1 + (size_t)rand() % packet.len;
		if (i % 3) {
			ipc_send(daemon_fd, packet.data, packet.len);
			loop_turn(loop, 0);
		} else {
			EXPECT(!ipc_send(reader_fd, packet.data, packet.len));
			EXPECT_EQ(ipc_recv(reader_fd, answer, sizeof(answer), WAIT_MS), 2);
		}
	}
	buf_clear(&packet);
	secret_free(secret);
	configure(token_of(CONF_FILE, "token-a", "a", NULL), NULL);
	/* Some of the nonsense was TOKENS_COMMIT: one of the answers to that was taken for ours. */
	end_ms = loop_now_ms() + WAIT_MS;
	while (ask(&w, 0, SIGNATURE_ECDSA_SHA2_256) && loop_now_ms() < end_ms)
		loop_turn(loop, 100);
	await(&w.done);
	verifies(&w, 0);
	end();
}

/* The daemon goes on without, and says so. */
static void test_gone(void)
{
	struct waiting w, other;
	int status;

	begin();
	configure(token_of(CONF_FILE, "token-a", "a", NULL), NULL);
	EXPECT(!ask(&w, 0, SIGNATURE_ECDSA_SHA2_256));
	kill(server, SIGKILL);
	await(&w.done);
	EXPECT_EQ(ask(&other, 0, SIGNATURE_ECDSA_SHA2_256), -ENOKEY);
	EXPECT_EQ(tokens_commit(tokens), -EPIPE);
	EXPECT(!tokens_stage(reader_fd, NULL));
	expect_logged("the process 'ikefpd: tokens' is gone");
	waitpid(server, &status, 0);
	tokens_close(tokens);
	loop_free(loop);
	close(daemon_fd);
	close(reader_fd);
	log_listener_del(&listener);
	buf_clear(&w.signature);
}

static const struct ktap_test tests[] = {
	{ "configuration", test_config },
	{ "configuration_of_strongswan", test_of_strongswan },
	{ "sign", test_sign },
	{ "pin", test_pin },
	{ "away", test_away },
	{ "crash", test_crash },
	{ "vici", test_vici },
	{ "hangs", test_hangs },
	{ "nonsense", test_nonsense },
	{ "gone", test_gone },
};

int main(int argc, char **argv)
{
	static const char *const files[] = { "a", "b", "pipe", "swanctl.conf" };
	int code;

	/* A process that is gone is written to. */
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir) || mkfifo(path_of("pipe"), 0600))
		return 1;
	for (int i = 0; i < 2; i++) {
		keys[i] = EVP_EC_gen("P-256");
		if (!keys[i] || key_id(keys[i], ids[i]))
			return 1;
	}
	put_key("a", keys[0], NULL);
	put_key("b", keys[1], "open");
	code = ktap_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlink(path_of(files[i]));
	rmdir(dir);
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
	return code;
}
