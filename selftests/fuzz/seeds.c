// SPDX-License-Identifier: GPL-2.0
/*
 * usage: make-seeds FOLDER FILE.conf...
 *
 * Writes the inputs that fuzzing begins with: the messages of handshakes of every
 * kind, as the helper itself makes them; these configurations, and the VICI packets
 * that load them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_files.h"
#include "config_load.h"
#include "exchange.h"
#include "fuzz.h"
#include "libnet.h"
#include "payload.h"
#include "settings.h"
#include "vici_message.h"

static const char *folder;

/* Where an input of the exchanges says which allocation fails. */
#define FAIL_AT	4

/* The allocations that are made to fail, one in each of so many seeds. */
#define FAILURES	200

/* Additional key exchanges. */
#define ADDITIONAL	(SETUP_GROUPS | SETUP_OTHER_IKE)

static void seed(const char *target, const struct buf *octets)
{
	static unsigned int count;
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%04u", folder, target, count++);
	f = fopen(path, "w");
	CHECK(f && fwrite(octets->data, 1, octets->len, f) == octets->len && !fclose(f));
}

/*
 * The same with one allocation after the other failing: the octet at this place. What
 * is short does not need many.
 */
static void seed_failures(const char *target, const struct buf *octets, size_t at)
{
	size_t n = octets->len < FAILURES ? octets->len : FAILURES;

	for (octets->data[at] = 1; octets->data[at] < n; octets->data[at]++)
		seed(target, octets);
}

/* Messages */

/* What comes up in one run, as records; and where each of them begins. */
static struct buf records;
static size_t starts[64];
static unsigned int count;

static void put_record(struct buf *out, uint8_t number, uint8_t first, const uint8_t *chain,
		       size_t len)
{
	buf_put8(out, number);
	buf_put8(out, first);
	buf_put16(out, (uint16_t)len);
	buf_put(out, chain, len);
}

static void record(struct kernel_message *msg, unsigned int number)
{
	size_t header = msg->raw ? IKE_HEADER_LEN : 0, len = msg->len - header;
	struct buf octets = BUF_INIT;

	if (msg->raw) {
		buf_put(&octets, msg->data, msg->len);
		seed("wire", &octets);
		buf_clear(&octets);
	}
	if (len)
		buf_put(&octets, msg->data + header, len);
	CHECK(number < sizeof(starts) / sizeof(*starts));
	starts[number] = records.len;
	count = number + 1;
	put_record(&records, (uint8_t)number, msg->first_payload, octets.data, octets.len);
	buf_clear(&octets);

	buf_put8(&octets, msg->first_payload);
	if (len)
		buf_put(&octets, msg->data + header, len);
	seed("payload", &octets);
	buf_clear(&octets);
}

/* The setup, all records but for one, and these payloads for that one. */
static void changed(unsigned int number, uint8_t flags, uint8_t first, const struct buf *chain)
{
	struct buf out = BUF_INIT;

	buf_put(&out, records.data, FAIL_AT + 1);
	put_record(&out, (uint8_t)number | flags, first, chain->data, chain->len);
	seed("exchange", &out);
	buf_clear(&out);
}

/* Each message with each of its payloads left out, made a critical one, cut short. */
static void without_payloads(unsigned int number)
{
	const uint8_t *r = records.data + starts[number];
	struct payload_chain chain;
	unsigned int i, j, how;

	CHECK(!payload_parse(&chain, r[1], r + RECORD_HEADER, get16(r + 2)));
	for (how = 0; how < 3; how++) {
		for (i = 0; i < chain.n; i++) {
			struct payload_writer w;
			size_t at;

			payload_begin(&w, 0);
			for (j = 0; j < chain.n; j++) {
				const struct payload *p = &chain.v[j];

				if (j == i && how == 0)
					continue;
				at = w.buf.len;
				payload_add(&w, j == i && how == 1 ? 200 : p->type, p->body,
					    j == i && how == 2 ? p->len - 1 : p->len);
				if (j == i && how == 1)
					w.buf.data[at + 1] = 0x80;
			}
			changed(number, 0, w.first, &w.buf);
			buf_clear(&w.buf);
		}
	}
}

/* Each message with one of these notifies more. */
static void with_notifies(unsigned int number)
{
	static const struct {
		uint16_t type;
		size_t len;
	} notifies[] = {
		{ SET_WINDOW_SIZE, 4 }, { SET_WINDOW_SIZE, 2 }, { USE_TRANSPORT_MODE, 0 },
		{ CHILDLESS_IKEV2_SUPPORTED, 0 }, { USE_PPK, 0 }, { PPK_IDENTITY, 0 },
		{ PPK_IDENTITY, 4 }, { NO_PPK_AUTH, 4 },
	};
	const uint8_t *r = records.data + starts[number];
	struct payload_chain chain;

	CHECK(!payload_parse(&chain, r[1], r + RECORD_HEADER, get16(r + 2)));
	for (size_t i = 0; i < sizeof(notifies) / sizeof(*notifies); i++) {
		struct payload_writer w;

		payload_begin(&w, 0);
		for (unsigned int j = 0; j < chain.n; j++)
			payload_add(&w, chain.v[j].type, chain.v[j].body, chain.v[j].len);
		payload_add_notify(&w, PROTO_NONE, NULL, 0, notifies[i].type, notifies[i].type == PPK_IDENTITY ?
				   "\002ppk" : "\0\0\0\004",
				   notifies[i].len);
		changed(number, 0, w.first, &w.buf);
		buf_clear(&w.buf);
	}
}

/* Each message as one of these notifies alone, and a request of another exchange. */
static void notifies(unsigned int number)
{
	static const uint16_t types[] = {
		INVALID_SYNTAX, NO_PROPOSAL_CHOSEN, INVALID_KE_PAYLOAD, AUTHENTICATION_FAILED,
		TS_UNACCEPTABLE, COOKIE, INITIAL_CONTACT, TEMPORARY_FAILURE,
		CHILD_SA_NOT_FOUND, NO_ADDITIONAL_SAS, USE_TRANSPORT_MODE, 40000,
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct payload_writer w;

		payload_begin(&w, 0);
		payload_add_notify(&w, PROTO_NONE, NULL, 0, types[i], "\0\016", 2);
		changed(number, 0, w.first, &w.buf);
		changed(number, RECORD_EXCHANGE, w.first, &w.buf);
		buf_clear(&w.buf);
	}
}

/* Requests that no task of the helper sends: of rekeying, deletion, news. */
static void put_requests(void)
{
	static const uint8_t esp_spi[] = { 0xc0, 0x02, 0, 0 };
	static const uint8_t deletes[] = { PROTO_ESP, 4, 0, 2, 0xc0, 0x02, 0, 0, 0xc0, 0x01, 0, 0 };
	static const uint8_t nonce[32];

	for (uint8_t i = 0; i < 16; i++) {
		struct payload_writer w;

		payload_begin(&w, 0);
		if (i < 8)
			payload_add_notify(&w, PROTO_ESP, esp_spi, 4, REKEY_SA, NULL, 0);
		payload_add(&w, PAYLOAD_NONCE, nonce, sizeof(nonce));
		payload_add(&w, PAYLOAD_VENDOR_ID, "vendor", 6);
		if (i >= 8)
			payload_add_notify(&w, PROTO_NONE, NULL, 0,
					   i & 4 ? AUTHENTICATION_FAILED : INVALID_SYNTAX, NULL, 0);
		payload_add(&w, PAYLOAD_DELETE, deletes, sizeof(deletes));
		put_record(&records, RECORD_REQUEST | i, w.first, w.buf.data, w.buf.len);
		buf_clear(&w.buf);
	}
}

static void handshake(uint16_t setup, uint16_t then)
{
	const struct exchange_setup s = { setup, then, 0 };
	bool change = !setup || then & (THEN_REKEY | THEN_REKEY_IKE | THEN_CHILDLESS |
				THEN_PPK);
	unsigned int i;

	buf_clear(&records);
	count = 0;
	buf_put16(&records, s.setup);
	buf_put16(&records, s.then);
	buf_put8(&records, s.fail);
	exchange_run(&s, record, NULL);
	seed("exchange", &records);
	if (change)
		seed_failures("exchange", &records, FAIL_AT);
	records.data[FAIL_AT] = 0;
	for (i = 0; i < count && change; i++) {
		without_payloads(i);
		with_notifies(i);
		notifies(i);
	}
	put_requests();
	seed("exchange", &records);
	buf_clear(&records);
}

static void handshakes(void)
{
	unsigned int i;

	handshake(0, THEN_DELETE_CHILD);
	for (i = 0; i < SETUP_BITS; i++)
		handshake((uint16_t)(1 << i), THEN_DELETE_CHILD_R | THEN_DELETE_IKE);
	for (i = 0; i < THEN_BITS; i++)
		handshake(SETUP_ANY, (uint16_t)(1 << i));
	handshake(SETUP_NAT | SETUP_ADDRESS | SETUP_TS, THEN_INITIATE | THEN_DELETE_CHILD_R);
	handshake(SETUP_PUBKEY | SETUP_NO_SECRET, THEN_INITIATE);
	handshake(SETUP_PUBKEY | SETUP_TWO | SETUP_NO_SECRET, THEN_INITIATE);
	handshake(SETUP_PUBKEY | SETUP_TS, THEN_PPK | THEN_INITIATE);
	handshake(SETUP_TRANSPORT | SETUP_NAT, THEN_REKEY | THEN_ANOTHER);
	handshake(SETUP_PFS, THEN_REKEY | THEN_ANOTHER);
	handshake(SETUP_PFS | SETUP_GROUPS, THEN_REKEY);
	handshake(SETUP_PFS, THEN_REKEY | THEN_REKEY_R);
	handshake(0, THEN_REKEY | THEN_TERMINATE);
	handshake(SETUP_ANY, THEN_REKEY_IKE | THEN_REKEY_IKE_R | THEN_ANOTHER);
	handshake(SETUP_GROUPS, THEN_REKEY_IKE);
	handshake(SETUP_TWO, THEN_CHILDLESS | THEN_INITIATE);
	handshake(SETUP_TWO, THEN_PPK | THEN_DELETE_IKE);
	handshake(SETUP_NO_SECRET_R, THEN_PPK);
	handshake(SETUP_NAT, THEN_REKEY_IKE | THEN_REKEY_R);
	handshake(SETUP_OTHER_ESP | SETUP_TS, THEN_INITIATE);
	handshake(ADDITIONAL, THEN_REKEY_IKE);
	handshake(ADDITIONAL, THEN_REKEY_IKE | THEN_REKEY_IKE_R);
	handshake(ADDITIONAL | SETUP_PFS, THEN_REKEY);
	handshake(ADDITIONAL | SETUP_PFS, THEN_REKEY | THEN_REKEY_R);
}

/* Sealed messages, for what the module sees of them. */
static void sealed(void)
{
	const struct ike_header h = {
		.spi_i = 1, .spi_r = 2, .next_payload = PAYLOAD_SK, .version = IKE_VERSION,
		.exchange = INFORMATIONAL, .flags = IKE_FLAG_INITIATOR, .message_id = 7,
		.length = IKE_HEADER_LEN + 4 + 32,
	};
	uint8_t header[IKE_HEADER_LEN];
	struct buf octets = BUF_INIT;

	ike_header_write(header, &h);
	buf_put(&octets, header, sizeof(header));
	buf_put16(&octets, PAYLOAD_DELETE << 8);
	buf_put16(&octets, 4 + 32);
	buf_zero(&octets, 32);
	seed("wire", &octets);
	octets.data[17] = 0x30;
	seed("wire", &octets);
	octets.data[16] = PAYLOAD_SKF;
	seed("wire", &octets);
	/* A fragment, the second of three. */
	octets.data[17] = IKE_VERSION;
	buf_set16(&octets, IKE_HEADER_LEN + 4, 2);
	buf_set16(&octets, IKE_HEADER_LEN + 6, 3);
	seed("wire", &octets);
	buf_clear(&octets);
}

/* With the prefix and without: two messages, and a length that none has. */
static void streams(void)
{
	for (uint8_t due = 0; due < 2; due++) {
		struct buf octets = BUF_INIT;

		buf_put8(&octets, due);
		if (due)
			buf_put(&octets, "IKETCP", 6);
		for (unsigned int len = 3; len < 60; len += 40) {
			buf_put16(&octets, len);
			buf_zero(&octets, len - 2);
		}
		buf_put16(&octets, 1);
		seed("framing", &octets);
		buf_clear(&octets);
	}
}

/* Numbers: nothing of it is more likely than the rest. */
static void numbers(void)
{
	for (uint8_t kind = 0; kind < 3; kind++) {
		struct buf octets = BUF_INIT;

		buf_put8(&octets, kind);
		for (unsigned int i = 0; i < 60; i++)
			buf_put32(&octets, i * i * 37);
		seed("limits", &octets);
		buf_clear(&octets);
	}
}

/* Configurations and VICI */

static void put_packet(struct buf *out, enum vici_packet_type type, const char *name,
		       const struct buf *message)
{
	struct buf packet = BUF_INIT;
	size_t start = vici_packet_start(&packet, type, name);

	if (message)
		buf_put(&packet, message->data, message->len);
	vici_packet_end(&packet, start);
	buf_put16(out, (uint16_t)(packet.len - 4));
	buf_put(out, packet.data + 4, packet.len - 4);
	buf_clear(&packet);
}

static void put_section(struct buf *out, const char *command, const struct tree *section)
{
	struct buf message = BUF_INIT;

	vici_put_section(&message, section->name);
	vici_message_write(&message, section);
	vici_put_section_end(&message);
	put_packet(out, VICI_CMD_REQUEST, command, &message);
	buf_clear(&message);
}

static void put_shared(struct buf *out, const struct tree *section)
{
	const char *secret = tree_str(section, "secret");
	struct buf message = BUF_INIT;

	vici_put(&message, "id", "%s", section->name);
	vici_put(&message, "type", "IKE");
	vici_put(&message, "data", "%s", secret ? secret : "");
	vici_put_list(&message, "owners");
	for (const struct tree *n = section->first; n; n = n->next)
		if (n->kind == TREE_VALUE && !strncmp(n->name, "id", 2))
			vici_put_item(&message, n->data);
	vici_put_list_end(&message);
	put_packet(out, VICI_CMD_REQUEST, "load-shared", &message);
	put_packet(out, VICI_CMD_REQUEST, "get-shared", NULL);
	buf_clear(&message);
	vici_put(&message, "id", "%s", section->name);
	put_packet(out, VICI_CMD_REQUEST, "unload-shared", &message);
	buf_clear(&message);
}

static void put_conn(struct buf *out, const struct tree *section)
{
	static const char *const lists[] = { "list-conns", "list-sas", "get-conns", "stats" };
	const struct tree *children = tree_find(section, "children");
	struct buf message = BUF_INIT;

	put_section(out, "load-conn", section);
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		put_packet(out, VICI_CMD_REQUEST, lists[i], NULL);
	vici_put(&message, "ike", "%s", section->name);
	put_packet(out, VICI_CMD_REQUEST, "list-conns", &message);
	put_packet(out, VICI_CMD_REQUEST, "list-sas", &message);
	vici_put(&message, "loglevel", "2");
	vici_put(&message, "timeout", "1000");
	put_packet(out, VICI_CMD_REQUEST, "terminate", &message);
	if (children && children->first)
		vici_put(&message, "child", "%s", children->first->name);
	put_packet(out, VICI_CMD_REQUEST, "initiate", &message);
	put_packet(out, VICI_CMD_REQUEST, "terminate", &message);
	buf_clear(&message);
	vici_put(&message, "name", "%s", section->name);
	put_packet(out, VICI_CMD_REQUEST, "unload-conn", &message);
	buf_clear(&message);
}

static void each(const struct tree *root, const char *name,
		 void (*put)(struct buf *out, const struct tree *section))
{
	static const char *const events[] = { "list-sa", "list-conn", "control-log", "log",
					      "list-cert" };
	const struct tree *sections = tree_find(root, name);
	struct errmsg err;
	struct conn *conn;

	for (const struct tree *n = sections ? sections->first : NULL; n; n = n->next) {
		struct buf out = BUF_INIT;

		if (n->kind != TREE_SECTION)
			continue;
		buf_put16(&out, 0);
		for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
			put_packet(&out, VICI_EVENT_REGISTER, events[i], NULL);
		put(&out, n);
		put_packet(&out, VICI_EVENT_UNREGISTER, "log", NULL);
		seed("vici", &out);
		/* Of connections, the failures of those that are taken will do. */
		conn = put == put_conn ? config_read_conn(n, CONF_VICI, &err) : NULL;
		if (conn || put != put_conn)
			seed_failures("vici", &out, 0);
		if (conn)
			conn_put(conn);
		buf_clear(&out);
	}
}

/* load-shared as it should not be, and twice the same without an id. */
static void shared(void)
{
	static const char *const types[] = { "", "eap", "IKE", "ppk" };
	struct buf out = BUF_INIT, message = BUF_INIT;

	buf_put16(&out, 0);
	for (unsigned int i = 0; i < 12; i++) {
		if (*types[i % 4])
			vici_put(&message, "type", "%s", types[i % 4]);
		if (i > 3)
			vici_put(&message, "data", "secret");
		if (i > 7) {
			vici_put_list(&message, "owners");
			vici_put_item(&message, "a@example.org");
			vici_put_list_end(&message);
		} else if (i > 4) {
			vici_put(&message, "owners", "no list");
		}
		put_packet(&out, VICI_CMD_REQUEST, "load-shared", &message);
		put_packet(&out, VICI_CMD_REQUEST, "load-shared", &message);
		buf_clear(&message);
	}
	vici_put(&message, "type", "ike");
	vici_put(&message, "data", "secret");
	vici_put_list(&message, "owners");
	buf_put8(&message, VICI_LIST_ITEM);
	buf_put16(&message, 2);
	buf_put16(&message, 'a' << 8);
	vici_put_list_end(&message);
	put_packet(&out, VICI_CMD_REQUEST, "load-shared", &message);
	put_packet(&out, VICI_CMD_REQUEST, "load-conn", &message);
	put_packet(&out, VICI_CMD_REQUEST, "unload-shared", &message);
	put_packet(&out, VICI_CMD_REQUEST, "unload-conn", &message);
	put_packet(&out, VICI_CMD_REQUEST, "get-shared", NULL);
	put_packet(&out, VICI_CMD_REQUEST, "clear-creds", NULL);
	seed("vici", &out);
	buf_clear(&message);
	buf_clear(&out);
}

/* A list where the file has a text, as swanctl sends it. */
static void lists(void)
{
	static const char *const names[] = { "local_addrs", "remote_addrs", "proposals",
					     "version", "encap" };
	struct buf out = BUF_INIT, message = BUF_INIT;

	buf_put16(&out, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		vici_put_section(&message, "net");
		vici_put_list(&message, names[i]);
		vici_put_item(&message, i < 2 ? "192.0.2.1" : "default");
		vici_put_item(&message, i < 2 ? "2001:db8::/32" : "aes256-sha256-ecp256");
		vici_put_list_end(&message);
		vici_put_section(&message, "local");
		vici_put(&message, "auth", "psk");
		vici_put_section_end(&message);
		vici_put_section(&message, "remote");
		vici_put(&message, "auth", "psk");
		vici_put_section_end(&message);
		vici_put_section_end(&message);
		put_packet(&out, VICI_CMD_REQUEST, "load-conn", &message);
		buf_clear(&message);
	}
	seed("vici", &out);
	buf_clear(&out);
}

/* One packet of each command that needs none of a configuration. */
static void commands(void)
{
	static const char *const names[] = {
		"version", "stats", "reload-settings", "get-keys", "get-authorities",
		"get-pools", "load-cert", "load-key", "clear-creds", "flush-certs",
		"list-certs", "list-policies", "install", "terminate", "initiate", "load-pool",
		"unload-pool", "load-token", "load-authority", "unload-authority",
		"reload-settings", "get-counters", "get-algorithms", "redirect",
	};
	struct buf out = BUF_INIT, message = BUF_INIT;

	buf_put16(&out, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		put_packet(&out, VICI_CMD_REQUEST, names[i], NULL);
	vici_put(&message, "name", "of-clients");
	put_packet(&out, VICI_CMD_REQUEST, "unload-pool", &message);
	buf_clear(&message);
	put_packet(&out, VICI_EVENT_REGISTER, "no-event", NULL);
	put_packet(&out, VICI_CMD_RESPONSE, NULL, NULL);
	seed("vici", &out);
	out.data[1] = 1;
	seed("vici", &out);
	buf_clear(&out);
}

static void configuration(const char *name, const char *text, size_t len)
{
	struct buf octets = BUF_INIT;
	struct settings settings;
	struct errmsg err;

	buf_put8(&octets, 0);
	buf_put(&octets, text, len);
	seed("swanctl", &octets);
	if (!settings_parse(&settings, name, text, len, &err))
		seed_failures("swanctl", &octets, 0);
	buf_clear(&octets);
	if (!settings.root)
		return;
	/* VICI takes what files hold; what cannot be had stays as it is. */
	config_files_inline(settings.root, name, &err);
	each(settings.root, "connections", put_conn);
	each(settings.root, "secrets", put_shared);
	settings_clear(&settings);
}

/* Several in a file have lines of "%%" between them. */
static void configurations(const char *path)
{
	static char text[65536];
	FILE *f = fopen(path, "r");
	char *at = text, *end;
	size_t len;

	CHECK(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	CHECK(len < sizeof(text) - 1 && !fclose(f));
	text[len] = '\0';
	while ((end = strstr(at, "\n%%\n"))) {
		configuration(path, at, (size_t)(end + 1 - at));
		at = end + 4;
	}
	configuration(path, at, strlen(at));
}

int main(int argc, char **argv)
{
	CHECK(argc > 1);
	folder = argv[1];
	handshakes();
	sealed();
	streams();
	numbers();
	commands();
	shared();
	lists();
	for (int i = 2; i < argc; i++)
		configurations(argv[i]);
	return 0;
}
