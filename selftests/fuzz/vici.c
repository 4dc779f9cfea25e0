// SPDX-License-Identifier: GPL-2.0
/*
 * VICI, from a client's octets to the configuration and back. An input is which
 * allocation fails (0: none), whether the daemon reloads by itself (odd: yes) or VICI
 * reads the file, and packets: two octets of length, and what a packet holds after its
 * own length of four octets. Length 65535 means that the rest goes to the socket as it
 * is.
 *
 * A message that was read is written back as it was; what the server says can be
 * read; what it has loaded it loads again from its own encoding, to the same.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "child_sa.h"
#include "config_load.h"
#include "control.h"
#include "fuzz.h"
#include "libsecrets.h"
#include "start.h"
#include "vici.h"
#include "vici_client.h"
#include "vici_message.h"

#define RAW	65535

static struct loop *loop;
static struct vici *vici;
static struct test_secrets secrets;
static struct sockaddr_un addr = { .sun_family = AF_UNIX };

/* The protocol: jobs end well, or badly, or not before their client goes. */

static unsigned int jobs;

static struct {
	control_event_fn event;
	control_alert_fn alert;
	void *data;
} watcher;

void control_watch(control_event_fn event, control_alert_fn alert, void *data)
{
	watcher.event = event;
	watcher.alert = alert;
	watcher.data = data;
}

static void begin(struct control_job *job, uint32_t ike_id)
{
	if (!job)
		return;
	job->ike_id = ike_id;
	switch (jobs++ % 3) {
	case 0:
		job->done(job, true, NULL);
		break;
	case 1:
		job->done(job, false, "the peer does not answer");
		break;
	}
}

void control_initiate(struct conn *conn, const struct child_conf *child,
		      struct control_job *job)
{
	(void)child;
	CHECK(conn);
	begin(job, 1);
}

void control_terminate_ike(uint32_t ike_id, bool force, struct control_job *job)
{
	(void)force;
	begin(job, ike_id);
}

void control_terminate_child(uint32_t child_id, struct control_job *job)
{
	(void)child_id;
	begin(job, 1);
}

void control_rekey_ike(uint32_t ike_id)
{
	(void)ike_id;
}

void control_reauth_ike(uint32_t ike_id)
{
	(void)ike_id;
}

void control_rekey_child(uint32_t child_id)
{
	(void)child_id;
}

void control_loaded(struct conn *conn)
{
	CHECK(conn);
}

void control_configured(void)
{
}

int control_install(struct conn *conn, const struct child_conf *child, struct errmsg *err)
{
	CHECK(conn && child);
	return jobs++ % 2 ? errmsg_set(err, "no route") : 0;
}

bool control_uninstall(const char *conn, const char *child)
{
	(void)conn;
	CHECK(child);
	return jobs++ % 2;
}

/* Of every connection the first child is a trap. */
void control_each_trap(control_policy_fn fn, void *data)
{
	const struct conn *conn;

	for (conn = vici->config->conns; conn; conn = conn->next) {
		struct child_sa trap = { .conf = conn->children, .state = CHILD_ROUTED };

		if (!trap.conf)
			continue;
		trap.local_ts = &trap.conf->local_ts;
		trap.remote_ts = &trap.conf->remote_ts;
		fn(conn, &trap, data);
	}
}

bool control_has_child(const char *conn, const char *child)
{
	CHECK(conn && child);
	return jobs++ % 2;
}

int control_unknown_spis(uint64_t *n)
{
	*n = jobs;
	return jobs++ % 2 ? -ENOMEM : 0;
}

void control_forget(struct control_job *job)
{
	(void)job;
}

/*
 * As control.h says: an event of a Child SA has that, one of a rekeying the new one, too, one of
 * a move the new endpoints.
 */
static void tell(const struct control_ike *ike)
{
	const unsigned int number = jobs++;
	enum control_event event = number % (CONTROL_CHILD_DOWN + 1);
	struct control_child children[2];
	struct control_ike of_event = *ike, successor = *ike;

	if (!watcher.event)
		return;
	watcher.alert(number % (ALERT_CERT_POLICY_VIOLATION + 1), number & 1 ? ike : NULL,
		      watcher.data);
	if (event >= CONTROL_CHILD_UP && !ike->child_count)
		return;
	if (event == CONTROL_CHILD_REKEY) {
		children[0] = children[1] = ike->children[0];
		of_event.children = children;
		of_event.child_count = 2;
	} else if (event == CONTROL_IKE_REKEY) {
		successor.child_count = of_event.child_count = 0;
		of_event.successor = &successor;
	} else if (event == CONTROL_IKE_UPDATE) {
		of_event.child_count = 0;
		of_event.new_local = of_event.new_remote = &ike->remote;
	}
	watcher.event(event, &of_event, watcher.data);
}

/* Every connection has one IKE SA, with a Child SA each; who watches is told of it. */
void control_each_ike(bool counters, control_ike_fn fn, void *data)
{
	struct conn *conn;
	uint32_t id = 0;

	(void)counters;
	for (conn = vici->config->conns; conn; conn = conn->next) {
		const struct child_conf *conf = conn->children;
		struct control_child child = {
			.name = conf ? conf->name : "", .unique_id = id + 100,
			.state = "INSTALLED", .suite = { .encr_alg = "AES_GCM_16" },
		};
		struct control_ike ike = {
			.name = conn->name, .unique_id = ++id, .state = "ESTABLISHED",
			.local_id = &conn->local.id, .remote_id = &conn->remote.id,
			.established = true, .suite = { .encr_alg = "AES_CBC" },
			.local = { .family = AF_INET }, .remote = { .family = AF_INET6 },
			.children = &child, .child_count = conf ? 1 : 0,
		};

		if (conf) {
			child.local_ts = &conf->local_ts;
			child.remote_ts = &conf->remote_ts;
		}
		tell(&ike);
		if (!fn(&ike, data))
			return;
	}
}

static char file[64];

/* Its secrets would go another way. */
static int reload(void *data, struct errmsg *err)
{
	struct config *fresh;
	struct secret *list = NULL;
	int ret;

	(void)data;
	if (jobs++ % 2)
		return errmsg_set(err, "the file is gone");
	fresh = config_new();
	if (!fresh)
		return errmsg_set(err, "out of memory");
	ret = config_read_file(fresh, &list, file, err);
	if (!ret)
		config_replace_file(vici->config, fresh);
	secret_list_free(&list);
	config_free(fresh);
	return ret;
}

static void remove_socket(void)
{
	unlink(addr.sun_path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char text[] = "secrets { ike-f { secret = x\n } }\n";
	int fd = memfd_create("swanctl.conf", MFD_CLOEXEC);
	struct errmsg err;

	(void)argc;
	(void)argv;
	fuzz_watch_log(NULL);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/tmp/ikefp-fuzz-%d.vici", getpid());
	loop = loop_new();
	CHECK(loop);
	test_secrets_start(&secrets);
	vici = vici_new(loop, config_new(), secrets.secrets, addr.sun_path, &err);
	CHECK(vici);
	vici_set_reload(vici, reload, NULL);
	atexit(remove_socket);
	return 0;
}

/* Octets to packets and trees, and back. */

static void check_codec(const uint8_t *data, size_t len)
{
	struct vici_packet packet;
	struct buf out = BUF_INIT;
	struct errmsg err;
	struct tree *root;
	size_t at;

	if (vici_packet_parse(&packet, data, len, &err))
		return;
	CHECK(packet.message + packet.message_len == data + len);
	root = vici_message_parse(packet.message, packet.message_len, &err);
	if (!root)
		return;
	at = vici_packet_start(&out, packet.type, *packet.name ? packet.name : NULL);
	vici_message_write(&out, root);
	vici_packet_end(&out, at);
	CHECK(!out.failed && get32(out.data) == out.len - 4);
	CHECK(out.len - 4 == len && !memcmp(out.data + 4, data, len));
	tree_free(root);
	buf_clear(&out);
}

/* What is loaded, from how it is kept to compare. */
static void check_conns(void)
{
	struct errmsg err;

	for (struct conn *conn = vici->config->conns; conn; conn = conn->next) {
		struct tree *root = vici_message_parse(conn->section.data, conn->section.len,
						       &err);
		struct conn *again;

		CHECK(root);
		root->name = strdup(conn->name);
		again = config_read_conn(root, CONF_VICI, &err);
		CHECK(again);
		CHECK(again->section.len == conn->section.len &&
		      !memcmp(again->section.data, conn->section.data, conn->section.len));
		conn_put(again);
		tree_free(root);
	}
}

/* All that the server says until it has nothing more to do. */
static bool listen_to(int sock, struct buf *said)
{
	static uint8_t data[65536];
	unsigned int idle = 0;

	while (idle < 2) {
		ssize_t n;

		CHECK(!loop_turn(loop, 0));
		n = recv(sock, data, sizeof(data), MSG_DONTWAIT);
		if (!n || (n < 0 && errno != EAGAIN))
			return false;
		idle = n < 0 ? idle + 1 : 0;
		if (n > 0)
			buf_put(said, data, (size_t)n);
	}
	return true;
}

/* Without memory the last one may be cut short: the client is closed then. */
static void check_said(const struct buf *said, bool whole)
{
	size_t at = 0;

	while (said->len - at >= 4) {
		size_t len = get32(said->data + at);

		if (len > said->len - at - 4)
			break;
		check_codec(said->data + at + 4, len);
		at += 4 + len;
	}
	CHECK(!whole || at == said->len);
}

static bool say(int sock, const uint8_t *data, size_t len)
{
	return !len || send(sock, data, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
}

static void talk(int sock, struct input *in, uint8_t fail)
{
	struct buf said = BUF_INIT;
	bool open = true;

	fuzz_fail_allocation(fail);
	while (open && in->left) {
		size_t len = input_u16(in);
		const uint8_t *data;

		if (len == RAW) {
			len = in->left;
			data = input_octets(in, &len);
			open = say(sock, data, len) && listen_to(sock, &said);
			break;
		}
		data = input_octets(in, &len);
		if (!fail)
			check_codec(data, len);
		open = say(sock, (uint8_t[]){ 0, 0, (uint8_t)(len >> 8), (uint8_t)len }, 4) &&
		       say(sock, data, len) && listen_to(sock, &said);
	}
	fuzz_fail_allocation(0);
	check_said(&said, open && !fail);
	buf_clear(&said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t fail = input_u8(&in);
	int sock;

	vici_set_reload(vici, input_u8(&in) & 1 ? reload : NULL, NULL);
	jobs = 0;
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(sock >= 0 && !connect(sock, (const struct sockaddr *)&addr, sizeof(addr)));
	CHECK(!loop_turn(loop, 0));
	start_open(loop, vici->config);
	talk(sock, &in, fail);
	close(sock);
	for (int turns = 0; vici->clients && turns < 16; turns++)
		CHECK(!loop_turn(loop, 0));
	start_close();
	CHECK(!vici->clients && !loop_timers(loop));
	check_conns();
	config_free(vici->config);
	vici->config = config_new();
	CHECK(vici->config);
	test_secrets_stop(&secrets);
	test_secrets_start(&secrets);
	vici->secrets = secrets.secrets;
	return 0;
}
