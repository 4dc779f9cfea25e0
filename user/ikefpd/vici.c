// SPDX-License-Identifier: GPL-2.0
/*
 * VICI's socket: clients, packets in and out, dispatch. Each client has one
 * command at a time; while one is pending nothing more is read from it, so that
 * its requests wait in its own socket.
 */
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "vici.h"
#include "vici_client.h"
#include "vici_message.h"

#define CLIENTS_MAX	64
#define READ_SIZE	16384
/* Beyond this much unsent, log events and alerts are dropped. */
#define LOG_QUEUE_MAX	(1u << 20)
/* Beyond this much unsent, the client is closed. */
#define QUEUE_MAX	(64u << 20)

static const char *const event_names[VICI_EVENTS] = {
	[VICI_EV_LOG] = "log",
	[VICI_EV_CONTROL_LOG] = "control-log",
	[VICI_EV_LIST_SA] = "list-sa",
	[VICI_EV_LIST_CONN] = "list-conn",
	[VICI_EV_LIST_CERT] = "list-cert",
	[VICI_EV_LIST_AUTHORITY] = "list-authority",
	[VICI_EV_LIST_POLICY] = "list-policy",
	[VICI_EV_IKE_UPDOWN] = "ike-updown",
	[VICI_EV_IKE_REKEY] = "ike-rekey",
	[VICI_EV_IKE_UPDATE] = "ike-update",
	[VICI_EV_CHILD_UPDOWN] = "child-updown",
	[VICI_EV_CHILD_REKEY] = "child-rekey",
	[VICI_EV_ALERT] = "alert",
};

static const struct {
	const char *name;
	vici_command_fn run;
} commands[] = {
	{ "version", vici_version },
	{ "stats", vici_stats },
	{ "get-algorithms", vici_get_algorithms },
	{ "get-counters", vici_get_counters },
	{ "reset-counters", vici_reset_counters },
	{ "reload-settings", vici_reload_settings },
	{ "initiate", vici_initiate },
	{ "terminate", vici_terminate },
	{ "install", vici_install },
	{ "uninstall", vici_uninstall },
	{ "rekey", vici_rekey },
	{ "redirect", vici_redirect },
	{ "list-sas", vici_list_sas },
	{ "list-conns", vici_list_conns },
	{ "list-certs", vici_list_certs },
	{ "list-authorities", vici_list_authorities },
	{ "list-policies", vici_list_policies },
	{ "get-conns", vici_get_conns },
	{ "get-shared", vici_get_shared },
	{ "get-keys", vici_get_keys },
	{ "get-authorities", vici_get_authorities },
	{ "get-pools", vici_list_nothing },
	{ "load-conn", vici_load_conn },
	{ "unload-conn", vici_unload_conn },
	{ "load-shared", vici_load_shared },
	{ "unload-shared", vici_unload_shared },
	{ "load-cert", vici_load_cert },
	{ "load-key", vici_load_key },
	{ "unload-key", vici_unload_key },
	{ "load-token", vici_load_token },
	{ "load-authority", vici_load_authority },
	{ "unload-authority", vici_unload_authority },
	{ "load-pool", vici_load_unserved },
	{ "unload-pool", vici_unload_pool },
	{ "clear-creds", vici_clear_creds },
	{ "flush-certs", vici_flush_certs },
};

static void client_close(struct vici_client *client)
{
	struct vici *vici = client->vici;

	if (client->closed)
		return;
	client->closed = true;
	client->events = 0;
	loop_fd_del(vici->loop, &client->fd);
	loop_defer_cancel(vici->loop, &client->resume);
	close(client->fd.fd);
	if (client->control)
		vici_control_abandon(client->control);
	if (client->token)
		vici_token_abandon(client->token);
	if (client->conn)
		vici_conn_abandon(client->conn);
	if (client->authority)
		vici_authority_abandon(client->authority);
	client->control = NULL;
	client->token = NULL;
	client->conn = NULL;
	client->authority = NULL;
	vici_log_update(vici);
	loop_defer(vici->loop, &vici->reap);
}

/*
 * Close once the callback at hand has returned: for where a command of the
 * client's may be at work up the stack.
 */
static void client_doom(struct vici_client *client)
{
	client->doomed = true;
	loop_defer(client->vici->loop, &client->vici->reap);
}

static void reap(struct loop_work *work)
{
	struct vici *vici = container_of(work, struct vici, reap);
	struct vici_client **at = &vici->clients, *client;

	for (client = vici->clients; client; client = client->next)
		if (client->doomed)
			client_close(client);
	loop_defer_cancel(vici->loop, work);
	while ((client = *at)) {
		if (!client->closed) {
			at = &client->next;
			continue;
		}
		*at = client->next;
		vici->client_count--;
		buf_clear(&client->in);
		buf_clear(&client->out);
		free(client);
	}
}

static size_t unsent(const struct vici_client *client)
{
	return client->out.len - client->out_sent;
}

/* A command of the client's is under way. */
static bool is_busy(const struct vici_client *client)
{
	return client->control || client->token || client->conn || client->authority;
}

/* Ask for what the client can be served now. */
static void client_watch(struct vici_client *client)
{
	uint32_t events = 0;

	if (client->closed)
		return;
	if (!is_busy(client))
		events |= EPOLLIN;
	if (unsent(client))
		events |= EPOLLOUT;
	if (loop_fd_add(client->vici->loop, &client->fd, events))
		client_doom(client);
}

static void client_send(struct vici_client *client)
{
	while (!client->closed && unsent(client)) {
		ssize_t n = send(client->fd.fd, client->out.data + client->out_sent,
				 unsent(client), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0) {
			client_close(client);
			return;
		}
		client->out_sent += (size_t)n;
	}
	if (!unsent(client)) {
		if (client->dropped)
			log_msg(LOG_CFG, LVL_CTRL, "vici client was too slow: %lu log events and alerts dropped",
				client->dropped);
		client->dropped = 0;
		buf_clear(&client->out);
		client->out_sent = 0;
	}
}

static bool client_room(struct vici_client *client)
{
	if (client->closed || client->doomed)
		return false;
	if (!client->out.failed && unsent(client) <= QUEUE_MAX)
		return true;
	log_msg(LOG_CFG, LVL_CTRL, "closing a vici client: %s",
		client->out.failed ? "out of memory" : "it does not read its messages");
	client_doom(client);
	return false;
}

static void client_packet(struct vici_client *client, enum vici_packet_type type,
			  const char *name, const struct buf *message)
{
	size_t start;

	if (!client_room(client))
		return;
	start = vici_packet_start(&client->out, type, name);
	if (message) {
		buf_put(&client->out, message->data, message->len);
		if (message->failed)
			client->out.failed = true;
	}
	vici_packet_end(&client->out, start);
	if (client->out.failed) {
		client_room(client);
		return;
	}
	client_watch(client);
}

void vici_raise(struct vici_client *client, enum vici_event event,
		const struct buf *message)
{
	/* Who sends us messages may have many of these made. */
	const bool may_be_dropped = event == VICI_EV_LOG || event == VICI_EV_CONTROL_LOG ||
				    event == VICI_EV_ALERT;

	if (!vici_wants(client, event))
		return;
	if (may_be_dropped && unsent(client) > LOG_QUEUE_MAX) {
		client->dropped++;
		return;
	}
	client_packet(client, VICI_EVENT, event_names[event], message);
}

void vici_put_result(struct buf *reply, const char *fmt, ...)
{
	struct errmsg reason;
	va_list ap;

	if (!fmt) {
		vici_put(reply, "success", "yes");
		return;
	}
	va_start(ap, fmt);
	vsnprintf(reason.text, sizeof(reason.text), fmt, ap);
	va_end(ap);
	vici_put(reply, "success", "no");
	vici_put(reply, "errmsg", "%s", reason.text);
}

void vici_respond(struct vici_client *client, struct buf *reply)
{
	client->control = NULL;
	client->token = NULL;
	client->conn = NULL;
	client->authority = NULL;
	client_packet(client, VICI_CMD_RESPONSE, NULL, reply);
	buf_clear(reply);
	vici_log_update(client->vici);
	/* Requests that came in meanwhile. */
	if (!client->closed && client->in.len)
		loop_defer(client->vici->loop, &client->resume);
}

static void run_command(struct vici_client *client, const struct vici_packet *packet)
{
	struct buf reply = BUF_INIT;
	struct errmsg err;
	struct tree *request;

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(packet->name, commands[i].name))
			continue;
		request = vici_message_parse(packet->message, packet->message_len, &err);
		if (!request) {
			log_msg(LOG_CFG, LVL_CTRL, "vici %s: %s", packet->name, err.text);
			vici_put_result(&reply, "%s", err.text);
			vici_respond(client, &reply);
			return;
		}
		if (commands[i].run(client, request, &reply) == VICI_DONE)
			vici_respond(client, &reply);
		tree_free(request);
		return;
	}
	log_msg(LOG_CFG, LVL_DIAG, "vici client asks for unknown command '%s'",
		packet->name);
	client_packet(client, VICI_CMD_UNKNOWN, NULL, NULL);
}

static void register_event(struct vici_client *client, const char *name, bool on)
{
	for (int i = 0; i < VICI_EVENTS; i++) {
		if (strcmp(name, event_names[i]))
			continue;
		if (on)
			client->events |= 1u << i;
		else
			client->events &= ~(1u << i);
		client_packet(client, VICI_EVENT_CONFIRM, NULL, NULL);
		vici_log_update(client->vici);
		return;
	}
	client_packet(client, VICI_EVENT_UNKNOWN, NULL, NULL);
}

static void handle_packet(struct vici_client *client, const uint8_t *data, size_t len)
{
	struct vici_packet packet;
	struct errmsg err;

	if (vici_packet_parse(&packet, data, len, &err)) {
		log_msg(LOG_CFG, LVL_CTRL, "closing a vici client: %s", err.text);
		client_close(client);
		return;
	}
	switch (packet.type) {
	case VICI_CMD_REQUEST:
		run_command(client, &packet);
		break;
	case VICI_EVENT_REGISTER:
	case VICI_EVENT_UNREGISTER:
		register_event(client, packet.name, packet.type == VICI_EVENT_REGISTER);
		break;
	default:
		log_msg(LOG_CFG, LVL_CTRL,
			"closing a vici client: packet of type %u is for clients only",
			packet.type);
		client_close(client);
	}
}

/* Drops the first @len octets, wiped: they may hold a secret. */
static void consume(struct buf *in, size_t len)
{
	struct buf rest = BUF_INIT;

	buf_put(&rest, in->data + len, in->len - len);
	buf_clear(in);
	*in = rest;
}

static void handle_input(struct vici_client *client)
{
	while (!client->closed && !is_busy(client) && client->in.len >= 4) {
		uint32_t len = get32(client->in.data);

		if (len > VICI_PACKET_MAX) {
			log_msg(LOG_CFG, LVL_CTRL,
				"closing a vici client: packet of %u octets, at most %u are allowed",
				len, VICI_PACKET_MAX);
			client_close(client);
			return;
		}
		if (client->in.len - 4 < len)
			return;
		handle_packet(client, client->in.data + 4, len);
		consume(&client->in, 4 + (size_t)len);
	}
}

static void client_read(struct vici_client *client)
{
	uint8_t data[READ_SIZE];
	ssize_t n;

	n = recv(client->fd.fd, data, sizeof(data), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		client_close(client);
		return;
	}
	buf_put(&client->in, data, (size_t)n);
	OPENSSL_cleanse(data, (size_t)n);	/* load-shared carries a secret */
	if (client->in.failed) {
		log_msg(LOG_CFG, LVL_CTRL, "closing a vici client: out of memory");
		client_close(client);
	}
}

static void client_resume(struct loop_work *work)
{
	struct vici_client *client = container_of(work, struct vici_client, resume);

	handle_input(client);
	client_watch(client);
}

static void client_ready(struct loop_fd *fd, uint32_t events)
{
	struct vici_client *client = container_of(fd, struct vici_client, fd);

	if (events & EPOLLOUT)
		client_send(client);
	if (events & EPOLLIN && !is_busy(client))
		client_read(client);
	else if (events & (EPOLLHUP | EPOLLERR))
		client_close(client);
	handle_input(client);
	client_watch(client);
}

static void listener_ready(struct loop_fd *fd, uint32_t events)
{
	struct vici *vici = container_of(fd, struct vici, listener);
	struct vici_client *client;
	int sock;

	(void)events;
	sock = accept4(fd->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (sock < 0)
		return;
	client = vici->client_count < CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;
	if (!client) {
		log_msg(LOG_CFG, LVL_CTRL, "vici client refused: %u are connected",
			vici->client_count);
		close(sock);
		return;
	}
	client->vici = vici;
	client->fd.fd = sock;
	client->fd.ready = client_ready;
	client->resume.run = client_resume;
	client->next = vici->clients;
	vici->clients = client;
	vici->client_count++;
	client_watch(client);
}

static int bind_socket(int sock, const struct sockaddr_un *addr)
{
	mode_t mask = umask(0117);
	int ret = bind(sock, (const struct sockaddr *)addr, sizeof(*addr));

	ret = ret ? -errno : 0;
	umask(mask);
	return ret;
}

/* A socket that nobody serves is left over from a crash. */
static bool is_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	bool stale;
	int sock;

	if (lstat(addr->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return false;
	stale = connect(sock, (const struct sockaddr *)addr, sizeof(*addr)) &&
		errno == ECONNREFUSED;
	close(sock);
	return stale;
}

static int open_socket(const char *path, struct errmsg *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock, ret;

	if (strlen(path) >= sizeof(addr.sun_path))
		return errmsg_set(err, "VICI socket %s: name is longer than %zu characters",
				  path, sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, path);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return errmsg_set(err, "VICI socket: %s", strerror(errno));
	ret = bind_socket(sock, &addr);
	if (ret == -EADDRINUSE && is_stale(&addr)) {
		unlink(path);
		ret = bind_socket(sock, &addr);
	}
	if (!ret && listen(sock, SOMAXCONN)) {
		ret = -errno;
		unlink(path);
	}
	if (!ret)
		return sock;
	close(sock);
	if (ret == -EADDRINUSE)
		return errmsg_set(err, "VICI socket %s is in use: stop the other IKE daemon, or set another socket",
				  path);
	return errmsg_set(err, "VICI socket %s: %s", path, strerror(-ret));
}

struct vici *vici_new(struct loop *loop, struct config *config,
		      struct secrets *secrets, const char *path, struct errmsg *err)
{
	struct vici *vici = calloc(1, sizeof(*vici));
	int ret;

	if (!vici) {
		errmsg_set(err, "out of memory");
		return NULL;
	}
	vici->loop = loop;
	vici->config = config;
	vici->secrets = secrets;
	vici->reap.run = reap;
	vici->log.message = vici_log_message;
	vici->log.level = LVL_SILENT;
	vici->since = time(NULL);
	vici->since_ms = loop_now_ms();
	vici->listener.ready = listener_ready;
	vici->listener.fd = open_socket(path, err);
	if (vici->listener.fd < 0)
		goto free;
	ret = loop_fd_add(loop, &vici->listener, EPOLLIN);
	if (ret) {
		errmsg_set(err, "VICI socket %s: %s", path, strerror(-ret));
		close(vici->listener.fd);
		unlink(path);
		goto free;
	}
	log_listener_add(&vici->log);
	control_watch(vici_sa_event, vici_alert, vici);
	vici_counters_look();
	return vici;
free:
	free(vici);
	return NULL;
}

int vici_give(const char *path, const char *name, struct errmsg *err)
{
	const struct group *group;

	errno = 0;
	group = getgrnam(name);
	if (!group)
		return errmsg_set(err, "-g %s: %s", name,
				  errno ? strerror(errno) : "there is no such group");
	if (lchown(path, (uid_t)-1, group->gr_gid))
		return errmsg_set(err, "VICI socket %s cannot be given to the group %s: %s",
				  path, name, strerror(errno));
	return 0;
}

void vici_set_token_certs(struct vici *vici, struct token_certs *certs)
{
	vici->token_certs = certs;
}

void vici_set_revocation(struct vici *vici, struct revocation_info *revocation)
{
	vici->revocation = revocation;
}

void vici_set_reload(struct vici *vici,
		     int (*reload)(void *data, struct errmsg *err), void *data)
{
	vici->reload = reload;
	vici->reload_data = data;
}

void vici_free(struct vici *vici)
{
	if (!vici)
		return;
	control_watch(NULL, NULL, NULL);
	for (struct vici_client *c = vici->clients; c; c = c->next) {
		client_send(c);		/* what the socket still takes */
		client_close(c);
	}
	loop_defer_cancel(vici->loop, &vici->reap);
	reap(&vici->reap);
	log_listener_del(&vici->log);
	loop_fd_del(vici->loop, &vici->listener);
	close(vici->listener.fd);
	free(vici);
}
