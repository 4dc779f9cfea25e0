// SPDX-License-Identifier: GPL-2.0
/* The process of the tokens, and those of each. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "ipc.h"
#include "loop.h"
#include "token.h"
#include "token_proto.h"
#include "token_server.h"

#define TOKEN_FD	3	/* of a token's process, to this one */
#define REAP_MS		100	/* while one is to end */
#define REQUEST_SIZE	(IPC_PACKET_MAX + 1)

struct kept {
	struct kept *next;
	struct secret *secret;
	enum token_state state;
	int fd;			/* to its process; -1: it has none */
	pid_t pid;
	uint64_t since_ms;	/* when that was started */
	uint64_t again_ms;	/* TOKEN_AWAY: when it is looked for again, */
	uint64_t wait_ms;	/* after so long */
	uint32_t asked;		/* number of the last TOKENS_TRY */
	uint8_t key[KEY_ID_LEN];
	struct buf cert;	/* in DER, if it is one */
	char why[sizeof(((struct errmsg *)NULL)->text)];
};

struct server {
	int daemon_fd;
	struct kept *tokens;
	struct secret *staged;
	unsigned int dying;	/* processes that were told to end, and have not */
	int (*confine)(struct errmsg *err);
};

static uint8_t request[REQUEST_SIZE];

/* Of a certificate, not of a private key. */
static bool is_cert(const struct secret *secret)
{
	return secret->source == CONF_FETCHED;
}

/* A token's process */

/*
 * To the process of the tokens: an octet of state, key, bytes why, bytes certificate; then, for
 * each request, u32 number, u16 error, bytes.
 */
static int say(int fd, struct buf *packet)
{
	int err = packet->failed ? -ENOMEM : ipc_send(fd, packet->data, packet->len);

	buf_clear(packet);
	return err;
}

static int say_state(int fd, enum token_state state, const uint8_t id[KEY_ID_LEN],
		     const char *why, const struct buf *cert)
{
	struct buf packet = BUF_INIT;

	buf_put8(&packet, (uint8_t)state);
	buf_put(&packet, id, KEY_ID_LEN);
	secrets_put_bytes(&packet, why, strlen(why));
	secrets_put_bytes(&packet, cert->data, cert->len);
	return say(fd, &packet);
}

/* Signs once. Returns whether the token is still fit for it. */
static bool sign_once(int fd, const struct token_key *key, const uint8_t *data, size_t len)
{
	struct secrets_cursor c = { .at = data, .left = len };
	uint32_t number = secrets_get32(&c);
	uint8_t id = secrets_get8(&c), classic = secrets_get8(&c);
	struct buf signature = BUF_INIT, packet = BUF_INIT;
	const uint8_t *octets;
	struct errmsg why = { "" }, other;
	size_t octets_len;
	int err = -EINVAL;

	octets = secrets_get_bytes(&c, &octets_len);
	if (!c.failed && !c.left && id < SIGNATURES && classic <= 1)
		err = token_sign(key, id, classic, octets, octets_len, &signature, &why);
	if (err == -EINVAL)
		errmsg_set(&why, "the key is not of the signature's kind");
	/* It is not that it fails it: that kind of signature is not for it. */
	else if (err && !token_try(key, &other))
		err = -EINVAL;
	buf_put32(&packet, number);
	buf_put16(&packet, (uint16_t)-err);
	if (err)
		secrets_put_bytes(&packet, why.text, strlen(why.text));
	else
		secrets_put_bytes(&packet, signature.data, signature.len);
	buf_clear(&signature);
	return !say(fd, &packet) && (!err || err == -EINVAL);
}

/* "PROVIDER URI"; there is a NUL behind it. */
static struct token_conf conf_of(const struct secret *secret, char provider[TOKEN_PROVIDER_MAX])
{
	const char *text = (const char *)secret->data;
	size_t len = strcspn(text, " ");

	memcpy(provider, text, len);
	provider[len] = '\0';
	return (struct token_conf){
		.provider = provider,
		.uri = text + len + 1,
		.pin = secret->passphrase,
		.pin_len = secret->passphrase_len,
	};
}

/* @pin: of whom the PIN is; NULL: nobody's. */
static void be_token(const struct secret *secret, const struct secret *pin,
		     int (*confine)(struct errmsg *err))
{
	static const uint8_t none[KEY_ID_LEN];
	char provider[TOKEN_PROVIDER_MAX];
	struct token_conf conf = conf_of(secret, provider);
	struct buf cert = BUF_INIT;
	struct errmsg why = { "" };
	enum token_state state;
	struct token_key key;
	ssize_t n;

	prctl(PR_SET_NAME, "ikefpd: token");
	/* The TPM's libraries write what they think to standard error, unless told otherwise. */
	setenv("TSS2_LOG", "all+NONE", 0);
	if (confine && confine(&why)) {
		say_state(TOKEN_FD, TOKEN_REFUSED, none, why.text, &cert);
		return;
	}
	if (is_cert(secret)) {
		conf.pin = pin ? pin->passphrase : NULL;
		conf.pin_len = pin ? pin->passphrase_len : 0;
		state = token_read_cert(&conf, &cert, &why);
		say_state(TOKEN_FD, state, none, why.text, &cert);
		return;
	}
	state = token_open(&key, &conf, &why);
	if (say_state(TOKEN_FD, state, state == TOKEN_READY ? key.id : none, why.text, &cert) ||
	    state != TOKEN_READY)
		return;
	do
		n = ipc_recv(TOKEN_FD, request, sizeof(request), -1);
	while (n > 0 && sign_once(TOKEN_FD, &key, request, (size_t)n));
}

/* What the daemon is told; what it does not take, for there is too much of it, it does without. */

static void put_token(struct buf *out, enum token_word word, const struct kept *k)
{
	buf_put8(out, (uint8_t)word);
	buf_put8(out, (uint8_t)k->secret->source);
	secrets_put_bytes(out, k->secret->name, strlen(k->secret->name));
}

static void tell(struct server *s, const struct kept *k)
{
	char provider[TOKEN_PROVIDER_MAX];
	const struct token_conf conf = conf_of(k->secret, provider);
	struct buf packet = BUF_INIT;

	put_token(&packet, TOKENS_NEWS, k);
	buf_put32(&packet, k->asked);
	buf_put8(&packet, (uint8_t)k->state);
	secrets_put_bytes(&packet, conf.uri, strlen(conf.uri));
	buf_put(&packet, k->key, KEY_ID_LEN);
	secrets_put_bytes(&packet, k->why, strlen(k->why));
	secrets_put_bytes(&packet, k->cert.data, k->cert.len);
	say(s->daemon_fd, &packet);
}

static void tell_gone(struct server *s, const struct kept *k)
{
	struct buf packet = BUF_INIT;

	put_token(&packet, TOKENS_GONE, k);
	say(s->daemon_fd, &packet);
}

static void tell_signed(struct server *s, const struct kept *k, const uint8_t *data, size_t len)
{
	struct buf packet = BUF_INIT;

	put_token(&packet, TOKENS_SIGNED, k);
	buf_put(&packet, data, len);
	say(s->daemon_fd, &packet);
}

/* Life and death of a token's process */

static void away(struct kept *k, const char *why)
{
	k->state = TOKEN_AWAY;
	snprintf(k->why, sizeof(k->why), "%s", why);
	k->wait_ms = !k->wait_ms ? TOKEN_AGAIN_MS :
		     2 * k->wait_ms < TOKEN_AGAIN_MAX_MS ? 2 * k->wait_ms : TOKEN_AGAIN_MAX_MS;
	k->again_ms = loop_now_ms() + k->wait_ms;
}

static void stop(struct server *s, struct kept *k)
{
	if (k->fd < 0)
		return;
	if (k->pid && !kill(k->pid, SIGKILL))
		s->dying++;
	k->pid = 0;
	close(k->fd);
	k->fd = -1;
}

/* Those that have ended, be it long after they were told to. */
static void reap(struct server *s)
{
	struct kept *k;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		for (k = s->tokens; k && k->pid != pid; k = k->next)
			;
		if (k)
			k->pid = 0;
		else
			s->dying--;
	}
}

/* A provider that asks for a PIN by its own means finds nobody to ask. */
static int leave_terminal(void)
{
	int null = open("/dev/null", O_RDONLY);

	return setsid() < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 ? -1 : 0;
}

/* The private key of a certificate's URI, where its PIN is known to be right. */
static const struct secret *pin_of(const struct server *s, const struct secret *cert)
{
	for (const struct kept *k = s->tokens; k; k = k->next)
		if (!is_cert(k->secret) && k->state == TOKEN_READY && k->secret->passphrase &&
		    k->secret->len == cert->len &&
		    !memcmp(k->secret->data, cert->data, cert->len))
			return k->secret;
	return NULL;
}

/* Of what this process has it keeps its own token's. */
static void child(struct server *s, const struct secret *secret, int fd)
{
	const struct secret *pin = is_cert(secret) ? pin_of(s, secret) : secret;

	for (struct kept *k = s->tokens; k; k = k->next)
		if (k->secret != secret && k->secret != pin)
			secret_free(k->secret);
	secret_list_free(&s->staged);
	OPENSSL_cleanse(request, sizeof(request));
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || (fd != TOKEN_FD && dup2(fd, TOKEN_FD) < 0) ||
	    leave_terminal() || close_range(TOKEN_FD + 1, ~0U, 0))
		_exit(1);
	be_token(secret, pin, s->confine);
	_exit(0);
}

static void start(struct server *s, struct kept *k)
{
	int fds[2], err = ipc_pair(fds);

	stop(s, k);
	k->state = TOKEN_STARTING;
	k->since_ms = loop_now_ms();
	k->why[0] = '\0';
	if (err) {
		away(k, strerror(-err));
		tell(s, k);
		return;
	}
	k->pid = fork();
	if (!k->pid)
		child(s, k->secret, fds[1]);
	close(fds[1]);
	k->fd = fds[0];
	if (k->pid < 0) {
		err = errno;
		k->pid = 0;
		stop(s, k);
		away(k, strerror(err));
	} else {
		/* One that hangs is not waited for by writing to it. */
		fcntl(k->fd, F_SETFL, O_NONBLOCK);
	}
	tell(s, k);
}

/* Its first word: whether the token is there. */
static void take_state(struct server *s, struct kept *k, struct secrets_cursor *c)
{
	enum token_state state = secrets_get8(c);
	const uint8_t *id = secrets_get_octets(c, KEY_ID_LEN);
	size_t len;
	const uint8_t *why = secrets_get_bytes(c, &len);
	size_t cert_len;
	const uint8_t *cert = secrets_get_bytes(c, &cert_len);
	struct errmsg text;

	if (c->failed || cert_len > TOKEN_CERT_MAX ||
	    (state == TOKEN_READY && is_cert(k->secret) != !!cert_len) || state == TOKEN_STARTING || state > TOKEN_REFUSED) {
		errmsg_set(&text, "its process speaks nonsense");
		state = TOKEN_REFUSED;
	} else {
		errmsg_set(&text, "%.*s", (int)len, (const char *)why);
	}
	if (state == TOKEN_READY) {
		k->state = state;
		memcpy(k->key, id, KEY_ID_LEN);
		buf_set(&k->cert, cert, cert_len);
		k->wait_ms = 0;
		if (is_cert(k->secret))
			stop(s, k);
	} else {
		stop(s, k);
		if (state == TOKEN_AWAY) {
			away(k, text.text);
		} else {
			k->state = TOKEN_REFUSED;
			memcpy(k->why, text.text, sizeof(k->why));
		}
	}
	tell(s, k);
}

/* One that has served for a while is followed by the next at once: its token may be back. */
static void lost(struct server *s, struct kept *k, const char *why)
{
	bool served = k->state == TOKEN_READY && loop_now_ms() - k->since_ms >= TOKEN_AGAIN_MS;

	stop(s, k);
	if (served) {
		start(s, k);
		return;
	}
	away(k, why);
	tell(s, k);
}

static void hear(struct server *s, struct kept *k)
{
	ssize_t n = ipc_recv(k->fd, request, sizeof(request), 0);
	struct secrets_cursor c = { .at = request, .left = n > 0 ? (size_t)n : 0 };

	if (n == -ETIMEDOUT || n == -EAGAIN)
		return;
	if (n <= 0)
		lost(s, k, "its process has ended");
	else if (k->state == TOKEN_STARTING)
		take_state(s, k, &c);
	else
		tell_signed(s, k, request, (size_t)n);
}

/* Its time, if there is one. */
static uint64_t deadline(const struct kept *k)
{
	switch (k->state) {
	case TOKEN_STARTING:
		return k->since_ms + TOKEN_OPEN_MS;
	case TOKEN_AWAY:
		return k->again_ms;
	default:
		return UINT64_MAX;
	}
}

static void look_at_time(struct server *s, struct kept *k)
{
	if (loop_now_ms() < deadline(k))
		return;
	if (k->state == TOKEN_AWAY)
		start(s, k);
	else
		lost(s, k, "it does not answer");
}

/* Configuration */

static bool same(const struct secret *a, const struct secret *b)
{
	return a->source == b->source && !strcmp(a->name, b->name) && a->len == b->len &&
	       !memcmp(a->data, b->data, a->len) && !a->passphrase == !b->passphrase &&
	       a->passphrase_len == b->passphrase_len &&
	       (!a->passphrase || !CRYPTO_memcmp(a->passphrase, b->passphrase, a->passphrase_len));
}

static struct kept *find(const struct server *s, enum conf_source source, const char *name,
			 size_t len)
{
	for (struct kept *k = s->tokens; k; k = k->next)
		if (k->secret->source == source && strlen(k->secret->name) == len &&
		    !memcmp(k->secret->name, name, len))
			return k;
	return NULL;
}

/* Takes the secret over. One that is served goes on; one that is not is tried again. */
static int keep(struct server *s, struct secret *secret)
{
	struct kept *k = find(s, secret->source, secret->name, strlen(secret->name));
	unsigned int count = 0;

	for (const struct kept *other = s->tokens; other; other = other->next)
		count++;
	if (k && same(k->secret, secret)) {
		secret_free(secret);
		if ((k->state == TOKEN_READY && !is_cert(k->secret)) || k->state == TOKEN_STARTING)
			tell(s, k);
		else
			start(s, k);
		return 0;
	}
	if (!k) {
		k = count < TOKENS_MAX ? calloc(1, sizeof(*k)) : NULL;
		if (!k) {
			secret_free(secret);
			return count < TOKENS_MAX ? -ENOMEM : -ENOSPC;
		}
		k->fd = -1;
		k->next = s->tokens;
		s->tokens = k;
	}
	secret_free(k->secret);
	k->secret = secret;
	k->wait_ms = 0;
	memset(k->key, 0, sizeof(k->key));
	start(s, k);
	return 0;
}

static void drop(struct server *s, struct kept *k)
{
	struct kept **link = &s->tokens;

	while (*link != k)
		link = &(*link)->next;
	*link = k->next;
	stop(s, k);
	tell_gone(s, k);
	buf_clear(&k->cert);
	secret_free(k->secret);
	free(k);
}

static void clear(struct server *s, enum conf_source source)
{
	struct kept *next;

	for (struct kept *k = s->tokens; k; k = next) {
		next = k->next;
		if (k->secret->source == source)
			drop(s, k);
	}
}

static bool is_staged(const struct server *s, const struct kept *k)
{
	for (const struct secret *secret = s->staged; secret; secret = secret->next)
		if (!strcmp(secret->name, k->secret->name))
			return true;
	return false;
}

static void commit(struct server *s)
{
	struct buf packet = BUF_INIT;
	struct secret *secret;
	struct kept *next;

	for (struct kept *k = s->tokens; k; k = next) {
		next = k->next;
		if (k->secret->source == CONF_FILE && !is_staged(s, k))
			drop(s, k);
	}
	while ((secret = s->staged)) {
		s->staged = secret->next;
		secret->next = NULL;
		/* There is room: the reader was told where there is none. */
		keep(s, secret);
	}
	buf_put8(&packet, TOKENS_COMMITTED);
	say(s->daemon_fd, &packet);
}

/* Is it "PROVIDER URI"? */
static bool says_where(const struct secret *secret)
{
	const char *text = (const char *)secret->data;
	const char *blank = text ? strchr(text, ' ') : NULL;

	return blank && blank > text && blank - text < TOKEN_PROVIDER_MAX && blank[1] &&
	       strlen(blank + 1) < TOKEN_URI_MAX && strlen(text) == secret->len;
}

/* One with a name and that; NULL with *err. */
static struct secret *get_token(struct secrets_cursor *c, enum conf_source source, int *err)
{
	struct secret *secret = secrets_get_secret(c, err);

	if (!secret)
		return NULL;
	if (!c->failed && !c->left && secret->kind == SECRET_TOKEN && secret->source == source &&
	    secret->name && !secret->owner_count && says_where(secret))
		return secret;
	secret_free(secret);
	*err = -EBADMSG;
	return NULL;
}

static int stage(struct server *s, struct secrets_cursor *c)
{
	unsigned int count = 0;
	struct secret *secret;
	int err;

	secret = get_token(c, CONF_FILE, &err);
	if (!secret)
		return err;
	for (const struct kept *k = s->tokens; k; k = k->next)
		count += k->secret->source != CONF_FILE;
	for (const struct secret *other = s->staged; other; other = other->next)
		count++;
	if (count >= TOKENS_MAX) {
		secret_free(secret);
		return -ENOSPC;
	}
	secret_list_put(&s->staged, secret);
	return 0;
}

/* Requests */

static int answer_reader(struct server *s, struct secrets_cursor *c)
{
	switch (secrets_get8(c)) {
	case TOKENS_STAGE_BEGIN:
		if (c->failed || c->left)
			return -EBADMSG;
		secret_list_free(&s->staged);
		return 0;
	case TOKENS_STAGE:
		return stage(s, c);
	default:
		return -EBADMSG;
	}
}

/* Takes the secret over. */
static void load(struct server *s, struct secret *secret)
{
	struct kept k = { .state = TOKEN_REFUSED };
	struct secret name = { .source = secret->source };
	int err;

	name.name = strdup(secret->name);
	err = keep(s, secret);
	if (err == -ENOSPC && name.name) {
		/* Who waits for it is to know. */
		name.data = (uint8_t *)"- ";
		k.secret = &name;
		snprintf(k.why, sizeof(k.why), "there are %d tokens already", TOKENS_MAX);
		tell(s, &k);
	}
	free(name.name);
}

static void load_key(struct server *s, struct secrets_cursor *c)
{
	int err;
	struct secret *secret = get_token(c, CONF_VICI, &err);

	if (secret)
		load(s, secret);
}

/* Its name is what its secret says: there is nothing secret about it. */
static void read_cert(struct server *s, struct secrets_cursor *c)
{
	enum conf_source source = secrets_get8(c);
	size_t len;
	const char *name = (const char *)secrets_get_bytes(c, &len);
	struct secret *secret = c->failed || source != CONF_FETCHED ? NULL :
				calloc(1, sizeof(*secret));

	if (!secret)
		return;
	secret->kind = SECRET_TOKEN;
	secret->source = CONF_FETCHED;
	secret->name = strndup(name, len);
	secret->data = (uint8_t *)strndup(name, len);
	secret->len = len;
	if (secret->name && says_where(secret))
		load(s, secret);
	else
		secret_free(secret);
}

static void sign(struct server *s, struct kept *k, struct secrets_cursor *c)
{
	const uint8_t *octets = c->at;
	size_t len = c->left;
	struct buf packet = BUF_INIT;
	uint32_t number = secrets_get32(c);

	if (c->failed)
		return;
	if (k->state == TOKEN_READY && !ipc_send(k->fd, octets, len))
		return;
	buf_put32(&packet, number);
	buf_put16(&packet, EAGAIN);
	secrets_put_bytes(&packet, "it is away", strlen("it is away"));
	if (!packet.failed)
		tell_signed(s, k, packet.data, packet.len);
	buf_clear(&packet);
}

/* What is about one token. */
static void serve_token(struct server *s, uint8_t op, struct secrets_cursor *c)
{
	enum conf_source source = secrets_get8(c);
	size_t len;
	const char *name = (const char *)secrets_get_bytes(c, &len);
	struct kept *k = c->failed ? NULL : find(s, source, name, len);

	if (!k)
		return;
	switch (op) {
	case TOKENS_UNLOAD:
		drop(s, k);
		break;
	case TOKENS_TRY:
		k->asked = secrets_get32(c);
		/* Once a second at most, whoever wants something signed. */
		if (k->state == TOKEN_AWAY && loop_now_ms() - k->since_ms >= TOKEN_AGAIN_MS)
			start(s, k);
		else
			tell(s, k);
		break;
	case TOKENS_RESTART:
		lost(s, k, "it does not answer");
		break;
	case TOKENS_SIGN:
		sign(s, k, c);
		break;
	default:
		break;
	}
}

static void serve_daemon(struct server *s, struct secrets_cursor *c)
{
	uint8_t op = secrets_get8(c);

	switch (op) {
	case TOKENS_COMMIT:
		commit(s);
		break;
	case TOKENS_LOAD:
		load_key(s, c);
		break;
	case TOKENS_READ:
		read_cert(s, c);
		break;
	case TOKENS_CLEAR:
		clear(s, secrets_get8(c));
		break;
	default:
		serve_token(s, op, c);
	}
}

/* One request of the daemon or the reader. Returns its octets, 0 at the end, or -errno. */
static ssize_t serve_one(struct server *s, int fd, bool reader)
{
	ssize_t n = ipc_recv(fd, request, sizeof(request), 0);
	struct secrets_cursor c = { .at = request, .left = n > 0 ? (size_t)n : 0 };
	struct buf answer = BUF_INIT;
	int err;

	if (n == -ETIMEDOUT || n == -EAGAIN)
		return 1;
	if (n <= 0 && n != -EMSGSIZE)
		return n;
	if (!reader) {
		serve_daemon(s, &c);
	} else {
		err = n < 0 ? -EMSGSIZE : answer_reader(s, &c);
		buf_put16(&answer, (uint16_t)-err);
		say(fd, &answer);
	}
	OPENSSL_cleanse(request, n > 0 ? (size_t)n : sizeof(request));
	return 1;
}

static int wait_ms(const struct server *s)
{
	uint64_t now = loop_now_ms(), least = s->dying ? now + REAP_MS : UINT64_MAX;

	for (const struct kept *k = s->tokens; k; k = k->next)
		if (deadline(k) < least)
			least = deadline(k);
	return least == UINT64_MAX ? -1 : least > now ? (int)(least - now) : 0;
}

/* Returns whether the daemon is there. */
static bool turn(struct server *s, int *reader_fd)
{
	struct pollfd fds[2 + TOKENS_MAX] = {
		{ .fd = s->daemon_fd, .events = POLLIN },
		{ .fd = *reader_fd, .events = POLLIN },
	};
	struct kept *of[2 + TOKENS_MAX], *k, *next;
	nfds_t n = 2;

	for (k = s->tokens; k; k = k->next) {
		of[n] = k;
		fds[n++] = (struct pollfd){ .fd = k->fd, .events = POLLIN };
	}
	if (poll(fds, n, wait_ms(s)) < 0 && errno != EINTR)
		return false;
	reap(s);
	for (nfds_t i = 2; i < n; i++)
		if (fds[i].revents)
			hear(s, of[i]);
	for (k = s->tokens; k; k = next) {
		next = k->next;
		look_at_time(s, k);
	}
	if (fds[1].revents && serve_one(s, *reader_fd, true) <= 0)
		*reader_fd = -1;
	return !fds[0].revents || serve_one(s, s->daemon_fd, false) > 0;
}

void token_server_serve(int daemon_fd, int reader_fd, int (*confine)(struct errmsg *err))
{
	struct server s = { .daemon_fd = daemon_fd, .confine = confine };

	fcntl(daemon_fd, F_SETFL, O_NONBLOCK);
	while (turn(&s, &reader_fd))
		;
	while (s.tokens)
		drop(&s, s.tokens);
	secret_list_free(&s.staged);
}
