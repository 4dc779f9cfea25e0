// SPDX-License-Identifier: GPL-2.0
/*
 * Certificates of connections and authorities that are on tokens. As in test_tokens.c libcrypto's
 * own provider is the token, and what it has are files: away, changed, encrypted, and a pipe that
 * does not answer.
 */
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
#include "libcert.h"
#include "log.h"
#include "loop.h"
#include "settings.h"
#include "token_certs.h"
#include "token_server.h"
#include "tokens.h"

#define WAIT_MS	20000

static char dir[] = "/tmp/ikefp-test-XXXXXX";
static struct loop *loop;
static struct tokens *tokens;
static struct token_certs *certs;
static struct config *config;
static int daemon_fd, reader_fd;
static pid_t server;
static struct cert_pair ca, root, gw, other;
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

static void expect_logged(const char *text)
{
	if (!strstr(logged, text))
		ktap_fail(__FILE__, __LINE__, "not in the log: %s; it says: %s", text, logged);
}

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
	config = config_new();
	certs = token_certs_new(tokens, config);
	EXPECT(tokens && certs);
}

static void end(void)
{
	int status = -1;

	config_free(config);
	EXPECT(!tokens_any(tokens));
	token_certs_free(certs);
	tokens_close(tokens);
	loop_free(loop);
	close(daemon_fd);
	close(reader_fd);
	waitpid(server, &status, 0);
	log_listener_del(&listener);
}

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put_cert(const char *name, X509 *cert)
{
	FILE *f = fopen(path_of(name), "w");

	if (!EXPECT(f))
		return;
	EXPECT(PEM_write_X509(f, cert));
	fclose(f);
}

/* What a token shows to nobody but who has its PIN: both by one URI. */
static void put_locked(const char *name, const struct cert_pair *pair, const char *pin)
{
	FILE *f = fopen(path_of(name), "w");

	if (!EXPECT(f))
		return;
	EXPECT(PEM_ASN1_write((i2d_of_void *)i2d_X509, PEM_STRING_X509, f, pair->cert,
			      EVP_aes_256_cbc(), (const unsigned char *)pin, (int)strlen(pin),
			      NULL, NULL));
	EXPECT(PEM_write_PKCS8PrivateKey(f, pair->key, EVP_aes_256_cbc(), pin, (int)strlen(pin),
					 NULL, NULL));
	fclose(f);
}

/* The connection "gw" with these in its local and remote section. NULL with @err set. */
static struct conn *read_conn(enum conf_source source, const char *local, const char *remote,
			      struct errmsg *err)
{
	FILE *f = fopen(path_of("swanctl.conf"), "w");
	struct settings settings;
	struct conn *conn = NULL;

	fprintf(f, "gw {\nlocal {\n%s\n}\nremote {\n%s\n}\n}\n", local, remote);
	fclose(f);
	if (settings_load(&settings, path_of("swanctl.conf"), err))
		return NULL;
	conn = config_read_conn(settings.root->first, source, err);
	settings_clear(&settings);
	return conn;
}

static struct conn *conn_of(enum conf_source source, const char *file, const char *section)
{
	char local[512];
	struct errmsg err;
	struct conn *conn;

	snprintf(local, sizeof(local), "%s {\nuri = \"file:%s\"\n}", section, path_of(file));
	conn = read_conn(source, local, "", &err);
	if (!conn)
		ktap_fail(__FILE__, __LINE__, "%s", err.text);
	return conn;
}

static bool has(STACK_OF(X509) *list, const X509 *cert)
{
	return sk_X509_num(list) == 1 && !X509_cmp(sk_X509_value(list, 0), cert);
}

static bool await_cert(STACK_OF(X509) *list, const X509 *cert)
{
	uint64_t end_ms = loop_now_ms() + WAIT_MS;

	while (!has(list, cert) && loop_now_ms() < end_ms)
		loop_turn(loop, 100);
	return has(list, cert);
}

/* As the daemon loads a file: it waits, but not for what is away. */
static void load_file(struct conn *conn)
{
	token_certs_read(certs, conn);
	EXPECT(!tokens_commit(tokens));
}

/* With these alone (NULL: none), which it takes over. */
static void load_whole_file(struct conn *conn, struct authority *a)
{
	struct config *fresh = config_new();
	struct errmsg err;

	if (conn)
		config_put_conn(fresh, conn);
	if (a)
		EXPECT(!config_put_authority(fresh, a, &err));
	token_certs_replace_file(certs, fresh);
	config_free(fresh);
	EXPECT(!tokens_commit(tokens));
}

struct waiting {
	struct token_certs_wait wait;
	bool done;
};

static void have_read(struct token_certs_wait *wait)
{
	container_of(wait, struct waiting, wait)->done = true;
}

static int wait_for(struct waiting *w, struct errmsg *err)
{
	uint64_t end_ms = loop_now_ms() + WAIT_MS;

	if (token_certs_await(certs, &w->wait)) {
		while (!w->done && loop_now_ms() < end_ms)
			loop_turn(loop, 100);
		EXPECT(w->done);
	}
	return token_certs_check(&w->wait, err);
}

/* As one of VICI is loaded. 0, or -1 with @err set. */
static int load_vici(struct conn *conn, struct errmsg *err)
{
	struct waiting w = { { .done = have_read, .refs = { conn->local.token_certs } }, false };

	token_certs_read(certs, conn);
	return wait_for(&w, err);
}

static void test_file(void)
{
	struct conn *conn, *same;

	begin();
	put_cert("a", gw.cert);
	conn = conn_of(CONF_FILE, "a", "cert1");
	REQUIRE(conn);
	/* Nothing yet, and that is not the same as to name none. */
	EXPECT(conn->local.certs && !sk_X509_num(conn->local.certs));
	EXPECT(!conn->local.cacerts);
	load_file(conn);
	EXPECT(has(conn->local.certs, gw.cert));
	expect_logged(": the certificate of gw.local.cert1 is there, \"");
	/* Others share what was read. */
	same = conn_of(CONF_FILE, "a", "cert-two");
	unlink(path_of("a"));
	token_certs_read(certs, same);
	EXPECT(has(same->local.certs, gw.cert));
	EXPECT(!tokens_commit(tokens));
	expect_logged("cannot be read: there is no certificate: No such file");
	expect_logged("; it is looked for again until it is there; what was read before serves");
	EXPECT(has(same->local.certs, gw.cert) && has(conn->local.certs, gw.cert));
	/* A new one takes its place in all. */
	put_cert("a", other.cert);
	load_file(conn);
	EXPECT(has(same->local.certs, other.cert) && has(conn->local.certs, other.cert));
	conn_put(conn);
	conn_put(same);
	end();
}

/* What was read serves a connection that is changed while its token is away. */
static void test_changed(void)
{
	char local[512];
	struct errmsg err = { "" };
	struct conn *conn;

	begin();
	put_cert("a", gw.cert);
	load_whole_file(conn_of(CONF_FILE, "a", "cert1"), NULL);
	conn = config_find_conn(config, "gw");
	REQUIRE(conn);
	EXPECT(has(conn->local.certs, gw.cert));
	unlink(path_of("a"));
	snprintf(local, sizeof(local), "id = gw.example\ncert1 {\nuri = \"file:%s\"\n}",
		 path_of("a"));
	load_whole_file(read_conn(CONF_FILE, local, "", &err), NULL);
	EXPECT_STR(err.text, "");
	conn = config_find_conn(config, "gw");
	REQUIRE(conn);
	EXPECT(conn->local.id.type == ID_FQDN && has(conn->local.certs, gw.cert));
	load_whole_file(NULL, NULL);
	EXPECT(!config->conns && !tokens_any(tokens));
	end();
}

static void test_away(void)
{
	struct conn *conn;

	begin();
	unlink(path_of("a"));
	conn = conn_of(CONF_FILE, "a", "cert");
	REQUIRE(conn);
	load_file(conn);
	EXPECT(conn->local.certs && !sk_X509_num(conn->local.certs));
	EXPECT(tokens_any(tokens));
	expect_logged("the certificate of gw.local.cert cannot be read: there is no certificate: No such file");
	put_cert("a", gw.cert);
	EXPECT(await_cert(conn->local.certs, gw.cert));
	expect_logged("is there, \"");
	conn_put(conn);
	/* Whoever else reads it begins anew. */
	unlink(path_of("a"));
	conn = conn_of(CONF_FILE, "a", "cert");
	load_file(conn);
	EXPECT(!sk_X509_num(conn->local.certs));
	conn_put(conn);
	end();
}

static void test_ca(void)
{
	struct errmsg err;
	struct conn *conn;
	uint64_t before;

	begin();
	put_cert("a", ca.cert);
	conn = conn_of(CONF_FILE, "a", "cacert1");
	REQUIRE(conn);
	EXPECT(conn->local.cacerts && !conn->local.certs);
	before = config->credentials->loaded;
	load_file(conn);
	EXPECT(has(conn->local.cacerts, ca.cert));
	/* Who verifies with it begins anew, and what has been made of it is made anew. */
	EXPECT(config->credentials->loaded > before);
	conn_put(conn);
	put_cert("a", gw.cert);
	conn = conn_of(CONF_VICI, "a", "cacert1");
	EXPECT(load_vici(conn, &err));
	EXPECT(strstr(err.text, "gw.local.cacert1: the certificate of token file:"));
	EXPECT(strstr(err.text, ": the certificate is not one of a CA"));
	EXPECT(!sk_X509_num(conn->local.cacerts));
	conn_put(conn);
	end();
}

static void test_vici(void)
{
	struct waiting w = { { .done = have_read }, false };
	struct errmsg err = { "" };
	struct conn *conn;

	begin();
	put_cert("a", gw.cert);
	conn = conn_of(CONF_VICI, "a", "cert");
	EXPECT(!load_vici(conn, &err) && has(conn->local.certs, gw.cert));
	EXPECT_STR(err.text, "");
	conn_put(conn);
	conn = conn_of(CONF_VICI, "nothing", "cert");
	EXPECT(load_vici(conn, &err));
	EXPECT(strstr(err.text, "gw.local.cert: the certificate of token file:"));
	EXPECT(strstr(err.text, ": there is no certificate: No such file"));
	conn_put(conn);
	/* Who does not wait any more is not told, and what hangs holds up nobody. */
	conn = conn_of(CONF_VICI, "pipe", "cert");
	w.wait.refs[0] = conn->local.token_certs;
	token_certs_read(certs, conn);
	EXPECT(token_certs_await(certs, &w.wait));
	token_certs_forget(certs, &w.wait);
	conn_put(conn);
	conn = conn_of(CONF_VICI, "a", "cert");
	EXPECT(!load_vici(conn, &err) && !w.done);
	conn_put(conn);
	end();
}

/* It is the private key's, and not before that has shown that it is right. */
/* There was no memory to put in what was read. */
static void test_no_memory(void)
{
	struct waiting w = { { .done = have_read }, false };
	struct token_cert_ref *ref;
	struct errmsg err = { "" };
	struct conn *conn;

	begin();
	put_cert("a", gw.cert);
	conn = conn_of(CONF_VICI, "a", "cert");
	REQUIRE(conn);
	EXPECT(!load_vici(conn, &err));
	ref = conn->local.token_certs;
	X509_free(sk_X509_pop(conn->local.certs));
	ref->cert = NULL;
	w.wait.refs[0] = ref;
	EXPECT(token_certs_check(&w.wait, &err));
	EXPECT(strstr(err.text, "a: out of memory"));
	conn_put(conn);
	end();
}

static void test_pin(void)
{
	struct secret *secret = calloc(1, sizeof(*secret));
	struct errmsg err = { "" };
	struct conn *conn;

	begin();
	put_locked("a", &gw, "open");
	conn = conn_of(CONF_FILE, "a", "cert");
	load_file(conn);
	EXPECT(!sk_X509_num(conn->local.certs));
	expect_logged("it asks for a PIN, and there is no private key of the same uri in 'secrets'");
	secret->kind = SECRET_TOKEN;
	secret->name = strdup("token");
	secret->len = (size_t)asprintf((char **)&secret->data, "default file:%s", path_of("a"));
	secret->passphrase = (uint8_t *)strdup("open");
	secret->passphrase_len = 4;
	EXPECT(!tokens_stage(reader_fd, secret));
	EXPECT(!tokens_commit(tokens));
	EXPECT(await_cert(conn->local.certs, gw.cert));
	EXPECT(!strstr(logged, "\"open\""));
	conn_put(conn);
	EXPECT(!tokens_stage(reader_fd, NULL) && !tokens_commit(tokens));
	secret_free(secret);
	(void)err;
	end();
}

static void test_gone(void)
{
	struct errmsg err;
	struct conn *conn;
	int status;

	begin();
	put_cert("a", gw.cert);
	conn = conn_of(CONF_VICI, "a", "cert");
	token_certs_read(certs, conn);
	kill(server, SIGKILL);
	waitpid(server, &status, 0);
	EXPECT(load_vici(conn, &err));
	EXPECT(strstr(err.text, "the process of the tokens is gone") ||
	       strstr(err.text, "the process of the tokens cannot be asked"));
	conn_put(conn);
	config_free(config);
	EXPECT(!tokens_any(tokens));
	token_certs_free(certs);
	tokens_close(tokens);
	loop_free(loop);
	close(daemon_fd);
	close(reader_fd);
	log_listener_del(&listener);
}

static void test_config(void)
{
	static const struct {
		const char *local, *want;
	} refused[] = {
		{ "cert {\n}", ":3: gw.local.cert: has no uri: add one, such as 'uri = \"handle:0x01800001\"'" },
		{ "cert {\nhandle = 81010001\n}",
		  ":4: gw.local.cert.handle: '81010001' is no NV index of a TPM (01000000 to 01ffffff): of a PKCS#11 token, write 'uri = \"pkcs11:id=%81%01%00%01\"'" },
		{ "cert-1 {\nhandle = 01\nslot = 2\nmodule = hsm\n}",
		  ".module: ikefpd reaches PKCS#11 tokens by OpenSSL's provider 'pkcs11'" },
		{ "cert {\nuri = \"pkcs11:object=a\"\npin = 1\n}",
		  ":5: gw.local.cert.pin: a certificate that asks for a PIN has that of the private key" },
		{ "cert {\nfile = /etc/a\nhandle = 01800001\n}",
		  ":3: gw.local.cert: holds 'file', or 'uri', provider and handle" },
		{ "cacert1 {\nfile = /etc/a\n}", ":4: gw.local.cacert1.file: by VICI files are not opened: name it in 'cacerts'" },
		{ "cert {\nurl = a\n}", ":4: gw.local.cert.url: unknown key: did you mean 'uri'?" },
		{ "auth = psk\ncert {\nhandle = 01800001\n}", "do not go with auth = psk" },
	};
	struct errmsg err;
	struct conn *conn;

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		conn = read_conn(CONF_VICI, refused[i].local, "", &err);
		EXPECT(!conn);
		if (!strstr(err.text, refused[i].want))
			ktap_fail(__FILE__, __LINE__, "not said: %s; but: %s", refused[i].want,
				  err.text);
	}
	conn = read_conn(CONF_VICI, "cert {\nhandle = 0x01800001\n}",
			 "cacert {\nuri = \"pkcs11:object=a\"\n}", &err);
	REQUIRE(conn);
	EXPECT_STR(conn->local.token_certs->token, "tpm2 handle:0x01800001");
	EXPECT_STR(conn->remote.token_certs->token, "pkcs11 pkcs11:object=a");
	conn_put(conn);
}

/* The authority "ca" with these keys. NULL with @err set. */
static struct authority *read_authority(enum conf_source source, const char *keys,
					struct errmsg *err)
{
	FILE *f = fopen(path_of("swanctl.conf"), "w");
	struct authority *a = NULL;
	struct settings settings;

	fprintf(f, "ca {\n%s\n}\n", keys);
	fclose(f);
	if (settings_load(&settings, path_of("swanctl.conf"), err))
		return NULL;
	a = authority_read(settings.root->first, source, err);
	settings_clear(&settings);
	return a;
}

static struct authority *authority_with(enum conf_source source, const char *file, const char *crl)
{
	struct errmsg err = { "" };
	struct authority *a;
	char keys[512];

	snprintf(keys, sizeof(keys), "uri = \"file:%s\"\ncrl_uris = http://crl.example/%s",
		 path_of(file), crl);
	a = read_authority(source, keys, &err);
	EXPECT_STR(err.text, "");
	return a;
}

static struct authority *authority_on(enum conf_source source, const char *file)
{
	return authority_with(source, file, "ca.crl");
}

static void load_authority_file(struct authority *a)
{
	load_whole_file(NULL, a);
}

static bool trusts(const struct cert_pair *pair)
{
	const bool trusted = credentials_has_ca(config->credentials, pair->cert);

	EXPECT_EQ(authority_of(config->authorities, pair->cert) != NULL, trusted);
	return trusted;
}

/* Nothing else is either. */
static bool trusts_alone(const struct cert_pair *pair)
{
	const struct credential *first = config->credentials->first;

	return trusts(pair) && first && !first->next && config->authorities &&
	       !config->authorities->next;
}

static void test_authority_file(void)
{
	uint64_t end_ms;

	begin();
	unlink(path_of("a"));
	load_authority_file(authority_on(CONF_FILE, "a"));
	expect_logged("the certificate of authorities.ca cannot be read: there is no certificate: No such file");
	EXPECT(config->authorities && !config->credentials->first);
	/* It comes; then another one takes its place. */
	put_cert("a", ca.cert);
	end_ms = loop_now_ms() + WAIT_MS;
	while (!trusts(&ca) && loop_now_ms() < end_ms)
		loop_turn(loop, 100);
	EXPECT(trusts_alone(&ca));
	expect_logged("the certificate of authorities.ca is there, \"");
	put_cert("a", root.cert);
	load_authority_file(authority_on(CONF_FILE, "a"));
	EXPECT(trusts_alone(&root) && !trusts(&ca));
	/* What was read serves while it is away, be the file read once more. */
	unlink(path_of("a"));
	load_authority_file(authority_on(CONF_FILE, "a"));
	expect_logged("; what was read before serves");
	EXPECT(trusts_alone(&root));
	/* Or changed in what is not the token's. */
	load_authority_file(authority_with(CONF_FILE, "a", "another.crl"));
	EXPECT(trusts_alone(&root));
	EXPECT_STR(config->authorities->crl_uris[0], "http://crl.example/another.crl");
	/* But what is on another token is not what was on this one. */
	load_authority_file(authority_on(CONF_FILE, "b"));
	EXPECT(config->authorities && !config->credentials->first);
	put_cert("a", root.cert);
	load_authority_file(authority_on(CONF_FILE, "a"));
	EXPECT(trusts_alone(&root));
	/* One that is no CA's does not. */
	put_cert("a", gw.cert);
	load_authority_file(authority_on(CONF_FILE, "a"));
	expect_logged(": the certificate is not one of a CA");
	EXPECT(config->authorities && !config->credentials->first);
	put_cert("a", ca.cert);
	load_authority_file(authority_on(CONF_FILE, "a"));
	EXPECT(trusts_alone(&ca));
	/* And what the file does not name is gone. */
	load_authority_file(NULL);
	EXPECT(!config->authorities && !config->credentials->first && !tokens_any(tokens));
	end();
}

/* 0, or -1 with @err set. */
static int load_authority_vici(const char *file, struct errmsg *err)
{
	struct waiting w = { { .done = have_read }, false };
	struct authority *a = authority_on(CONF_VICI, file);

	w.wait.refs[0] = a->token;
	token_certs_read_ca(certs, a);
	if (!wait_for(&w, err))
		return config_put_authority(config, a, err);
	authority_free(a);
	return -1;
}

static void test_authority_vici(void)
{
	struct errmsg err = { "" };

	begin();
	put_cert("a", ca.cert);
	EXPECT(!load_authority_vici("a", &err) && trusts_alone(&ca));
	EXPECT_STR(err.text, "");
	/* One of its name that is not there does not take its place. */
	EXPECT(load_authority_vici("nothing", &err));
	EXPECT(strstr(err.text, "authorities.ca: the certificate of token file:"));
	EXPECT(strstr(err.text, ": there is no certificate: No such file"));
	EXPECT(trusts_alone(&ca));
	put_cert("a", gw.cert);
	EXPECT(load_authority_vici("a", &err));
	EXPECT(strstr(err.text, ": the certificate is not one of a CA"));
	/* What was the same token's is not a CA's any more. */
	EXPECT(config->authorities && !config->credentials->first);
	put_cert("b", root.cert);
	EXPECT(!load_authority_vici("b", &err) && trusts_alone(&root));
	credentials_unload(config->credentials, CONF_VICI);
	EXPECT(trusts_alone(&root));
	EXPECT(!config_remove_authority(config, "ca"));
	EXPECT(!config->authorities && !config->credentials->first && !tokens_any(tokens));
	end();
}

static void test_authority_config(void)
{
	static const struct {
		const char *keys, *want;
	} refused[] = {
		{ "crl_uris = http://a/", ":1: ca: names no CA: add a cacert, or a handle" },
		{ "handle = 81010001",
		  ":2: ca.handle: '81010001' is no NV index of a TPM (01000000 to 01ffffff)" },
		{ "handle = 01\nslot = 2\nmodule = hsm",
		  ".module: ikefpd reaches PKCS#11 tokens by OpenSSL's provider 'pkcs11'" },
		{ "slot = 2", ".slot: ikefpd reaches PKCS#11 tokens by OpenSSL's provider 'pkcs11'" },
		{ "provider = tpm2", ":1: ca: has no uri: add one" },
		{ "handle = 01800001\nuri = \"pkcs11:object=a\"",
		  ":2: ca.handle: does not go with 'uri': remove one of them" },
		{ "handle = 01800001\npin = 1", ":3: ca.pin: a certificate that asks for a PIN" },
		{ "file = /etc/a", ":2: ca.file: by VICI files are not opened: name it in 'cacert'" },
		{ "handl = 01800001", ":2: ca.handl: unknown key: did you mean 'handle'?" },
		{ "handle { }", "ca.handle" },
	};
	struct errmsg err;
	struct authority *a;

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		a = read_authority(CONF_VICI, refused[i].keys, &err);
		EXPECT(!a);
		authority_free(a);
		if (!strstr(err.text, refused[i].want))
			ktap_fail(__FILE__, __LINE__, "not said: %s; but: %s", refused[i].want,
				  err.text);
	}
	a = read_authority(CONF_VICI, "handle = 0x01800001", &err);
	REQUIRE(a);
	EXPECT_STR(a->token->token, "tpm2 handle:0x01800001");
	EXPECT_STR(a->token->key, "authorities.ca");
	authority_free(a);
}

/* Of a file: one of cacert, file and handle. */
static void test_authority_in_a_file(void)
{
	static const char both[] = "cacert = %s\n%s = %s\n", only[] = "file = %s\n";
	struct secret *secrets = NULL;
	struct errmsg err = { "" };
	struct config *read;
	char keys[1024], path[256];

	put_cert("a", ca.cert);
	snprintf(path, sizeof(path), "%s", path_of("a"));
	for (int i = 0; i < 3; i++) {
		FILE *f = fopen(path_of("swanctl.conf"), "w");

		if (i)
			snprintf(keys, sizeof(keys), both, path, i == 1 ? "file" : "handle",
				 i == 1 ? path : "01800001");
		else
			snprintf(keys, sizeof(keys), only, path);
		fprintf(f, "authorities { ca {\n%s}\n}\n", keys);
		fclose(f);
		read = config_new();
		EXPECT_EQ(config_read_file(read, &secrets, path_of("swanctl.conf"), &err),
			  i ? -1 : 0);
		if (i)
			EXPECT(strstr(err.text, "a section has one of cacert, file and handle"));
		else
			EXPECT(credentials_has_ca(read->credentials, ca.cert));
		config_free(read);
	}
}

/* By the reader of the file, who opens it. */
static void test_in_a_file(void)
{
	struct config *read = config_new();
	struct secret *secrets = NULL;
	struct errmsg err = { "" };
	FILE *f = fopen(path_of("swanctl.conf"), "w");
	struct conn *conn;

	put_cert("a", gw.cert);
	fprintf(f, "connections { gw {\nlocal {\ncert1 {\nfile = %s\n}\n}\nremote {\n}\n}\n}\n",
		path_of("a"));
	fclose(f);
	EXPECT(!config_read_file(read, &secrets, path_of("swanctl.conf"), &err));
	EXPECT_STR(err.text, "");
	conn = config_find_conn(read, "gw");
	EXPECT(conn && has(conn->local.certs, gw.cert));
	config_free(read);
}

static const struct ktap_test tests[] = {
	{ "configuration", test_config },
	{ "in_a_file", test_in_a_file },
	{ "file", test_file },
	{ "away", test_away },
	{ "changed", test_changed },
	{ "ca", test_ca },
	{ "vici", test_vici },
	{ "no_memory", test_no_memory },
	{ "pin", test_pin },
	{ "gone", test_gone },
	{ "authority_configuration", test_authority_config },
	{ "authority_in_a_file", test_authority_in_a_file },
	{ "authority_file", test_authority_file },
	{ "authority_vici", test_authority_vici },
};

int main(int argc, char **argv)
{
	static const char *const of_ca[] = { "basicConstraints", "critical,CA:TRUE", NULL };
	static const char *const files[] = { "a", "b", "pipe", "swanctl.conf" };
	int code;

	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir) || mkfifo(path_of("pipe"), 0600))
		return 1;
	ca = cert_make(&(struct cert_plan){ .name = "ca", .extensions = of_ca });
	root = cert_make(&(struct cert_plan){ .name = "root", .extensions = of_ca });
	gw = cert_make(&(struct cert_plan){ .name = "gw", .issuer = &ca });
	other = cert_make(&(struct cert_plan){ .name = "other", .issuer = &ca });
	code = ktap_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlink(path_of(files[i]));
	rmdir(dir);
	cert_pair_free(&ca);
	cert_pair_free(&root);
	cert_pair_free(&gw);
	cert_pair_free(&other);
	return code;
}
