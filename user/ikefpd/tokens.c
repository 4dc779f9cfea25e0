// SPDX-License-Identifier: GPL-2.0
/* Private keys on tokens, as the daemon knows them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "errmsg.h"
#include "ipc.h"
#include "log.h"
#include "loop.h"
#include "token.h"
#include "token_proto.h"
#include "tokens.h"

#define STAGE_MS	2000
#define TRIES_MAX	2
#define KEY_TEXT_LEN	(2 * KEY_ID_LEN + 1)

struct token {
	struct token *next;
	struct tokens *tokens;
	enum conf_source source;
	char *name;
	char *uri;			/* NULL: not told yet */
	enum token_state state;
	enum token_state logged;	/* what the log says of it; TOKEN_STARTING: nothing */
	bool has_key;
	uint8_t key[KEY_ID_LEN];
	char *why;			/* not; NULL: no reason */
	uint32_t asked;			/* number of the last TOKENS_TRY */
	struct token_job *first, **end;
	bool sent;			/* a signature is under way: */
	uint32_t number;
	struct token_job *current;	/* the first one, or NULL: it was cancelled */
	struct loop_timer timer;	/* of that, or of when it is to be there */
	struct token_load *loads;	/* who waits to hear of it */
};

struct tokens {
	struct loop *loop;
	struct loop_fd fd;
	struct token *first;
	uint32_t last;			/* number of a job */
	bool gone;
	bool committed;			/* has been heard */
	void (*there)(void *data);	/* NULL: nobody wants to know */
	void *there_data;
	struct tokens_certs *certs;	/* NULL: nobody needs any */
	uint8_t packet[IPC_PACKET_MAX + 1];
};

static void key_text(const uint8_t id[KEY_ID_LEN], char text[KEY_TEXT_LEN])
{
	for (size_t i = 0; i < KEY_ID_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
}

static struct token *find(const struct tokens *t, enum conf_source source, const char *name,
			  size_t len)
{
	for (struct token *token = t->first; token; token = token->next)
		if (token->source == source && strlen(token->name) == len &&
		    !memcmp(token->name, name, len))
			return token;
	return NULL;
}

static struct token *find_key(const struct tokens *t, const uint8_t id[KEY_ID_LEN])
{
	struct token *found = NULL;

	/* One that is there before one that is not. */
	for (struct token *token = t->first; token; token = token->next)
		if (token->has_key && !memcmp(token->key, id, KEY_ID_LEN) &&
		    (!found || token->state == TOKEN_READY))
			found = token;
	return found;
}

/* What it is called in the log. That of a file has a name of its own. */
static const char *label(const struct token *token, char *text, size_t size)
{
	const char *uri = token->uri ? token->uri : "?";

	if (token->source == CONF_VICI)
		snprintf(text, size, "%.300s", token->name);
	else
		snprintf(text, size, "'%.64s' (%.300s)", token->name, uri);
	return text;
}

static int send_packet(struct tokens *t, struct buf *packet)
{
	int err = t->gone ? -EPIPE : packet->failed ? -ENOMEM : 0;

	if (!err)
		err = ipc_send(t->fd.fd, packet->data, packet->len);
	buf_clear(packet);
	return err;
}

static void begin(struct buf *packet, enum token_op op, const struct token *token)
{
	buf_put8(packet, (uint8_t)op);
	buf_put8(packet, (uint8_t)token->source);
	secrets_put_bytes(packet, token->name, strlen(token->name));
}

static int send_op(const struct token *token, enum token_op op)
{
	struct buf packet = BUF_INIT;

	begin(&packet, op, token);
	return send_packet(token->tokens, &packet);
}

/* Signatures */

static struct token_job *take_first(struct token *token)
{
	struct token_job *job = token->first;

	token->first = job->next;
	if (!token->first)
		token->end = &token->first;
	job->token = NULL;
	return job;
}

static void finish(struct token *token, const uint8_t *signature, size_t len, const char *why)
{
	struct token_job *job = take_first(token);
	char name[512], text[1024];

	if (!token->sent)
		loop_timer_cancel(token->tokens->loop, &token->timer);
	if (why)
		snprintf(text, sizeof(text), "the private key of token %s: %.400s",
			 label(token, name, sizeof(name)), why);
	job->done(job, signature, len, why ? text : NULL);
}

static void fail_all(struct token *token, const char *why)
{
	while (token->first)
		finish(token, NULL, 0, why);
}

static int send_job(struct token *token, struct token_job *job)
{
	struct buf packet = BUF_INIT;

	job->number = ++token->tokens->last;
	job->tries++;
	begin(&packet, TOKENS_SIGN, token);
	buf_put32(&packet, job->number);
	buf_put8(&packet, job->scheme);
	buf_put8(&packet, job->classic);
	secrets_put_bytes(&packet, job->octets, job->len);
	return send_packet(token->tokens, &packet);
}

/* The next one, if the token is fit for it. */
static void go_on(struct token *token)
{
	while (token->first && !token->sent) {
		switch (token->state) {
		case TOKEN_READY:
			if (send_job(token, token->first)) {
				finish(token, NULL, 0, "its process cannot be asked");
				break;
			}
			token->sent = true;
			token->number = token->first->number;
			token->current = token->first;
			loop_timer_arm(token->tokens->loop, &token->timer, TOKEN_SIGN_MS);
			break;
		case TOKEN_REFUSED:
			fail_all(token, token->why);
			break;
		default:
			/* Until it is known whether it is there: as long as that is looked at. */
			if (!loop_timer_armed(&token->timer))
				loop_timer_arm(token->tokens->loop, &token->timer, TOKEN_SIGN_MS);
			return;
		}
	}
}

/* Nothing is under way any more. Returns what was, unless it was cancelled. */
static struct token_job *stop_current(struct token *token)
{
	struct token_job *job = token->current;

	token->sent = false;
	token->current = NULL;
	loop_timer_cancel(token->tokens->loop, &token->timer);
	return job;
}

static void expired(struct loop_timer *timer)
{
	struct token *token = container_of(timer, struct token, timer);

	if (!token->sent) {
		fail_all(token, token->why ? token->why : "it does not answer");
		return;
	}
	send_op(token, TOKENS_RESTART);
	token->state = TOKEN_STARTING;
	if (stop_current(token))
		finish(token, NULL, 0, "it does not answer");
	go_on(token);
}

static void take_signed(struct token *token, struct secrets_cursor *c)
{
	uint32_t number = secrets_get32(c);
	uint16_t err = secrets_get16(c);
	size_t len;
	const uint8_t *octets = secrets_get_bytes(c, &len);
	struct token_job *job;
	char why[400];

	if (c->failed || !token->sent || token->number != number)
		return;
	job = stop_current(token);
	/* Its process ends over that, and the next one says how it is. */
	if (err && err != EINVAL)
		token->state = TOKEN_STARTING;
	if (job && !err) {
		finish(token, octets, len, NULL);
	} else if (job && (err == EINVAL || job->tries >= TRIES_MAX)) {
		snprintf(why, sizeof(why), "%.*s", (int)len, (const char *)octets);
		finish(token, NULL, 0, why);
	}
	go_on(token);
}

static void look_again(struct token *token)
{
	struct buf packet = BUF_INIT;

	begin(&packet, TOKENS_TRY, token);
	buf_put32(&packet, ++token->asked);
	send_packet(token->tokens, &packet);
}

int tokens_sign(struct tokens *t, const uint8_t id[KEY_ID_LEN], enum signature_id scheme,
		bool classic, const void *octets, size_t len, struct token_job *job)
{
	struct token *token = t ? find_key(t, id) : NULL;

	if (!token || t->gone)
		return token ? -EPIPE : -ENOKEY;
	job->token = token;
	job->next = NULL;
	job->scheme = (uint8_t)scheme;
	job->classic = classic;
	job->octets = octets;
	job->len = len;
	job->tries = 0;
	*token->end = job;
	token->end = &job->next;
	/* Of one that is starting it may be that its news were not heard. */
	if (token->state == TOKEN_AWAY || token->state == TOKEN_STARTING)
		look_again(token);
	/* The caller has not returned yet: what fails at once fails by the timer. */
	if (token->state == TOKEN_REFUSED)
		loop_timer_arm(t->loop, &token->timer, 0);
	else
		go_on(token);
	return 0;
}

void tokens_cancel(struct token_job *job)
{
	struct token *token = job->token;
	struct token_job **link;

	if (!token)
		return;
	/* The token is at it all the same: the next one is for when it has done that. */
	if (job == token->current)
		token->current = NULL;
	for (link = &token->first; *link != job;)
		link = &(*link)->next;
	*link = job->next;
	if (!*link)
		token->end = link;
	job->token = NULL;
	if (!token->first && !token->sent)
		loop_timer_cancel(token->tokens->loop, &token->timer);
}

/* What becomes of tokens */

static void tell_loads(struct token *token, const char *why)
{
	struct token_load *load;

	while ((load = token->loads)) {
		token->loads = load->next;
		load->token = NULL;
		load->done(load, token->key, why);
	}
}

static void token_free(struct token *token, const char *why)
{
	struct tokens *t = token->tokens;
	struct token **link = &t->first;

	while (*link != token)
		link = &(*link)->next;
	*link = token->next;
	stop_current(token);
	fail_all(token, why);
	tell_loads(token, why);
	loop_timer_cancel(t->loop, &token->timer);
	free(token->name);
	free(token->uri);
	free(token->why);
	free(token);
}

static struct token *add(struct tokens *t, enum conf_source source, const char *name, size_t len)
{
	struct token *token = calloc(1, sizeof(*token));

	if (!token || !(token->name = strndup(name, len))) {
		free(token);
		return NULL;
	}
	token->tokens = t;
	token->source = source;
	token->end = &token->first;
	token->timer.expired = expired;
	token->next = t->first;
	t->first = token;
	return token;
}

/* When it changes: an operator is to see that a token went, and that it came back. */
static void log_state(struct token *token)
{
	char name[512], key[KEY_TEXT_LEN];
	bool refused = token->state == TOKEN_REFUSED;

	if (token->state == TOKEN_STARTING || token->state == token->logged)
		return;
	token->logged = token->state;
	label(token, name, sizeof(name));
	if (token->state == TOKEN_READY) {
		key_text(token->key, key);
		log_msg(LOG_CFG, LVL_CTRL, "token %s: its private key is there, keyid %s", name,
			key);
		return;
	}
	log_msg(LOG_CFG, LVL_AUDIT, "token %s: its private key cannot be used: %s; %s", name,
		token->why ? token->why : "no reason is known",
		!refused ? "it is looked for again until it is there" :
		"it is not tried again before it is loaded again, lest the token lock itself");
}

/* One that VICI loads is there, or it is none. */
static void conclude_load(struct token *token)
{
	struct tokens *t = token->tokens;
	struct token *at;

	if (!token->loads || token->state == TOKEN_STARTING)
		return;
	if (token->state == TOKEN_READY) {
		tell_loads(token, NULL);
		return;
	}
	/* It is told, in full, by who has asked for it. */
	send_op(token, TOKENS_UNLOAD);
	for (at = t->first; at && at != token;)
		at = at->next;
	if (at)
		token_free(token, token->why);
}

static void take_news(struct tokens *t, enum conf_source source, const char *name, size_t len,
		      struct secrets_cursor *c)
{
	uint32_t asked = secrets_get32(c);
	enum token_state state = secrets_get8(c);
	size_t uri_len, why_len;
	const char *uri = (const char *)secrets_get_bytes(c, &uri_len);
	const uint8_t *key = secrets_get_octets(c, KEY_ID_LEN);
	const char *why = (const char *)secrets_get_bytes(c, &why_len);
	struct token *token = find(t, source, name, len);
	bool came;

	if (c->failed || state > TOKEN_REFUSED)
		return;
	/* What was unloaded meanwhile does not come back by that. */
	if (!token && source == CONF_FILE)
		token = add(t, source, name, len);
	if (!token)
		return;
	free(token->uri);
	free(token->why);
	token->uri = strndup(uri, uri_len);
	token->why = why_len ? strndup(why, why_len) : NULL;
	token->state = state;
	came = state == TOKEN_READY && token->logged != TOKEN_READY;
	if (state == TOKEN_READY) {
		token->has_key = true;
		memcpy(token->key, key, KEY_ID_LEN);
	}
	/* Who waits for it is told what is wrong with it. */
	if (!token->loads || state == TOKEN_READY)
		log_state(token);
	if (state != TOKEN_READY && token->sent)
		stop_current(token);
	/* What was said before it was asked for is no answer. */
	if (state == TOKEN_AWAY && asked == token->asked)
		fail_all(token, token->why ? token->why : "it is away");
	go_on(token);
	conclude_load(token);
	if (came && t->there)
		t->there(t->there_data);
}

static void take_cert_news(struct tokens *t, const char *name, size_t len,
			   struct secrets_cursor *c)
{
	enum token_state state;
	size_t uri_len, why_len, der_len;
	const uint8_t *der;
	const char *why;
	char *text;

	secrets_get32(c);
	state = secrets_get8(c);
	secrets_get_bytes(c, &uri_len);
	secrets_get_octets(c, KEY_ID_LEN);
	why = (const char *)secrets_get_bytes(c, &why_len);
	der = secrets_get_bytes(c, &der_len);
	if (c->failed || state > TOKEN_REFUSED || !t->certs)
		return;
	text = strndup(why, why_len);
	t->certs->news(t->certs, name, len, state, der, der_len, text ? text : "");
	free(text);
	if (state == TOKEN_READY && t->there)
		t->there(t->there_data);
}

static void take(struct tokens *t, const uint8_t *data, size_t data_len)
{
	struct secrets_cursor c = { .at = data, .left = data_len };
	uint8_t word = secrets_get8(&c);
	enum conf_source source;
	struct token *token;
	const char *name;
	size_t len;

	if (word == TOKENS_COMMITTED) {
		t->committed = true;
		return;
	}
	source = secrets_get8(&c);
	name = (const char *)secrets_get_bytes(&c, &len);
	if (c.failed)
		return;
	if (word == TOKENS_NEWS && source == CONF_FETCHED) {
		take_cert_news(t, name, len, &c);
		return;
	}
	if (word == TOKENS_NEWS) {
		take_news(t, source, name, len, &c);
		return;
	}
	token = find(t, source, name, len);
	if (token && word == TOKENS_SIGNED)
		take_signed(token, &c);
	else if (token && word == TOKENS_GONE && source == CONF_FILE)
		token_free(token, "it has been unloaded");
}

static void lost(struct tokens *t)
{
	t->gone = true;
	loop_fd_del(t->loop, &t->fd);
	log_msg(LOG_DMN, LVL_AUDIT,
		"the process 'ikefpd: tokens' is gone: no private keys on tokens until ikefpd is started anew");
	while (t->first)
		token_free(t->first, "the process of the tokens is gone");
	if (t->certs)
		t->certs->lost(t->certs);
}

/* One packet. Returns false if there is none. */
static bool receive(struct tokens *t, int timeout_ms)
{
	ssize_t n = t->gone ? -ETIMEDOUT :
		    ipc_recv(t->fd.fd, t->packet, sizeof(t->packet), timeout_ms);

	if (n > 0)
		take(t, t->packet, (size_t)n);
	else if (n != -ETIMEDOUT && n != -EAGAIN && n != -EMSGSIZE)
		lost(t);
	return n > 0;
}

static void ready(struct loop_fd *fd, uint32_t events)
{
	(void)events;
	receive(container_of(fd, struct tokens, fd), 0);
}

static bool any_starting(const struct tokens *t)
{
	for (const struct token *token = t->first; token; token = token->next)
		if (token->source == CONF_FILE && token->state == TOKEN_STARTING)
			return true;
	return t->certs && t->certs->starting;
}

int tokens_commit(struct tokens *t)
{
	uint64_t end_ms = loop_now_ms() + TOKENS_START_MS, now;
	struct buf packet = BUF_INIT;
	char name[512];
	int err;

	/* The administrator is to hear of each once more. */
	for (struct token *token = t->first; token; token = token->next)
		if (token->source == CONF_FILE && token->state != TOKEN_READY)
			token->logged = TOKEN_STARTING;
	buf_put8(&packet, TOKENS_COMMIT);
	t->committed = false;
	err = send_packet(t, &packet);
	if (err)
		return err;
	while (!t->gone && (!t->committed || any_starting(t)) && (now = loop_now_ms()) < end_ms)
		receive(t, (int)(end_ms - now));
	if (t->gone || !t->committed)
		return -EPIPE;
	for (const struct token *token = t->first; token; token = token->next)
		if (token->source == CONF_FILE && token->state == TOKEN_STARTING)
			log_msg(LOG_CFG, LVL_AUDIT, "token %s is not there yet: going on without",
				label(token, name, sizeof(name)));
	return 0;
}

int tokens_load(struct tokens *t, const struct secret *secret, struct token_load *load)
{
	struct token *token = find(t, CONF_VICI, secret->name, strlen(secret->name));
	struct buf packet = BUF_INIT;
	bool fresh = !token;
	int err;

	if (t->gone)
		return -EPIPE;
	if (!token)
		token = add(t, CONF_VICI, secret->name, strlen(secret->name));
	if (!token)
		return -ENOMEM;
	buf_put8(&packet, TOKENS_LOAD);
	secrets_put_secret(&packet, secret);
	err = send_packet(t, &packet);
	if (err) {
		if (fresh)
			token_free(token, strerror(-err));
		return err;
	}
	load->token = token;
	load->next = token->loads;
	token->loads = load;
	return 0;
}

void tokens_load_cancel(struct token_load *load)
{
	struct token_load **link;

	if (!load->token)
		return;
	for (link = &load->token->loads; *link != load;)
		link = &(*link)->next;
	*link = load->next;
	load->token = NULL;
}

void tokens_clear(struct tokens *t, enum conf_source source)
{
	struct buf packet = BUF_INIT;
	struct token *next;

	buf_put8(&packet, TOKENS_CLEAR);
	buf_put8(&packet, (uint8_t)source);
	send_packet(t, &packet);
	for (struct token *token = t->first; token; token = next) {
		next = token->next;
		if (token->source == source)
			token_free(token, "it has been unloaded");
	}
}

int tokens_unload(struct tokens *t, const char *key)
{
	char text[KEY_TEXT_LEN];

	for (struct token *token = t->first; token; token = token->next) {
		if (token->source != CONF_VICI || !token->has_key)
			continue;
		key_text(token->key, text);
		if (strcasecmp(text, key))
			continue;
		send_op(token, TOKENS_UNLOAD);
		token_free(token, "it has been unloaded");
		return 0;
	}
	return -ENOENT;
}

void tokens_list(const struct tokens *t, enum conf_source source,
		 void (*fn)(const char *key, void *data), void *data)
{
	char text[KEY_TEXT_LEN];

	for (const struct token *token = t->first; token; token = token->next) {
		if (token->source != source || !token->has_key)
			continue;
		key_text(token->key, text);
		fn(text, data);
	}
}

void tokens_set_certs(struct tokens *t, struct tokens_certs *certs)
{
	t->certs = certs;
}

static int send_cert_op(struct tokens *t, enum token_op op, const char *name)
{
	struct buf packet = BUF_INIT;

	buf_put8(&packet, (uint8_t)op);
	buf_put8(&packet, CONF_FETCHED);
	secrets_put_bytes(&packet, name, strlen(name));
	return send_packet(t, &packet);
}

int tokens_read_cert(struct tokens *t, const char *name)
{
	return send_cert_op(t, TOKENS_READ, name);
}

void tokens_drop_cert(struct tokens *t, const char *name)
{
	send_cert_op(t, TOKENS_UNLOAD, name);
}

void tokens_watch(struct tokens *t, void (*fn)(void *data), void *data)
{
	t->there = fn;
	t->there_data = data;
}

bool tokens_any(const struct tokens *t)
{
	return t && (t->first || (t->certs && t->certs->count));
}

bool tokens_has_key(const struct tokens *t, const uint8_t id[KEY_ID_LEN])
{
	return t && find_key(t, id);
}

struct tokens *tokens_open(struct loop *loop, int fd)
{
	struct tokens *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return NULL;
	t->loop = loop;
	t->fd.fd = fd;
	t->fd.ready = ready;
	err = fcntl(fd, F_SETFL, O_NONBLOCK) ? errno : -loop_fd_add(loop, &t->fd, EPOLLIN);
	if (!err)
		return t;
	free(t);
	errno = err;
	return NULL;
}

void tokens_close(struct tokens *t)
{
	if (!t)
		return;
	while (t->first) {
		struct token *token = t->first;

		while (token->first)
			take_first(token);
		while (token->loads)
			tokens_load_cancel(token->loads);
		token_free(token, "");
	}
	loop_fd_del(t->loop, &t->fd);
	free(t);
}

/* Wipes @request. */
static int stage_ask(int fd, struct buf *request)
{
	uint8_t answer[8];
	struct secrets_cursor c;
	ssize_t n;
	int err;

	err = request->failed ? -ENOMEM : ipc_send(fd, request->data, request->len);
	buf_clear(request);
	n = err ? err : ipc_recv(fd, answer, sizeof(answer), STAGE_MS);
	c = (struct secrets_cursor){ .at = answer, .left = n > 0 ? (size_t)n : 0 };
	err = -(int)secrets_get16(&c);
	return c.failed ? -EPIPE : err;
}

int tokens_stage(int fd, const struct secret *list)
{
	struct buf request = BUF_INIT;
	int err;

	buf_put8(&request, TOKENS_STAGE_BEGIN);
	err = stage_ask(fd, &request);
	for (; list; list = list->next) {
		if (list->kind != SECRET_TOKEN)
			continue;
		if (!err) {
			buf_put8(&request, TOKENS_STAGE);
			secrets_put_secret(&request, list);
			err = stage_ask(fd, &request);
		}
		if (err)
			return err;
	}
	/* That process may be gone: it is not needed where there are none. */
	return 0;
}
