// SPDX-License-Identifier: GPL-2.0
/* The configuration: every key valid, invalid and unknown; reloads; lookups. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config_load.h"
#include "ikefp_nl.h"
#include "ikev2.h"
#include "ktap.h"
#include "settings.h"

static char path[] = "/tmp/ikefp-test-XXXXXX";
/* Those of the file that was loaded last. */
static struct secret *secrets;

/* A connection with @conn and a child with @child added to what it needs. */
static const char *file_text(const char *conn, const char *child)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		 "connections {\n"		/* 1 */
		 " net {\n"			/* 2 */
		 "  local { auth = psk\n }\n"	/* 3, 4 */
		 "  remote { auth = psk\n }\n"	/* 5, 6 */
		 "  %s\n"			/* 7 */
		 "  children {\n"		/* 8 */
		 "   lan {\n"			/* 9 */
		 "    %s\n"			/* 10 */
		 "   }\n  }\n }\n}\n", conn, child);
	return text;
}

static int load(struct config *config, const char *text, struct errmsg *err)
{
	struct config *fresh = config_new();
	FILE *f = fopen(path, "w");
	int ret;

	if (!EXPECT(f && fresh))
		return -1;
	fputs(text, f);
	fclose(f);
	secret_list_free(&secrets);
	ret = config_read_file(fresh, &secrets, path, err);
	if (!ret)
		config_replace_file(config, fresh);
	config_free(fresh);
	return ret;
}

static struct config *loaded(const char *text)
{
	struct config *config = config_new();
	struct errmsg err;

	if (config && !load(config, text, &err))
		return config;
	ktap_fail(__FILE__, __LINE__, "refused: %s", err.text);
	config_free(config);
	return NULL;
}

/* @want without the file's name, which comes first. */
static void expect_refused(const char *text, const char *want)
{
	struct config *config = config_new();
	struct errmsg err;

	if (!load(config, text, &err)) {
		ktap_fail(__FILE__, __LINE__, "accepted: %s", text);
	} else {
		EXPECT(!strncmp(err.text, path, strlen(path)));
		EXPECT_STR(err.text + strlen(path), want);
	}
	EXPECT(!config->conns);
	config_free(config);
}

static void expect_conn_ok(const char *setting)
{
	config_free(loaded(file_text(setting, "")));
}

static void expect_child_ok(const char *setting)
{
	config_free(loaded(file_text("", setting)));
}

static void test_defaults(void)
{
	struct config *config = loaded(file_text("", ""));
	const struct child_conf *child;
	const struct conn *conn;

	REQUIRE(config);
	conn = config_find_conn(config, "net");
	REQUIRE(conn);
	EXPECT_EQ(conn->local_addr_count, 1);
	EXPECT_EQ(conn->local_addrs[0].family, AF_UNSPEC);
	EXPECT_EQ(conn->remote_addrs[0].family, AF_UNSPEC);
	EXPECT_EQ(conn->local_port, 500);
	EXPECT_EQ(conn->remote_port, 500);
	EXPECT_EQ(conn->transport, TRANSPORT_UDP);
	EXPECT_EQ(conn->tcp_remote_port, 4500);
	EXPECT_EQ(conn->tcp_after, 3);
	EXPECT(!conn->encap);
	EXPECT_EQ(conn->dscp, 0);
	EXPECT(conn->proposals.n > 0);
	EXPECT_EQ(conn->local.id.type, ID_ANY);
	EXPECT(!conn->start_pending);
	child = conn_find_child(conn, "lan");
	REQUIRE(child);
	EXPECT_EQ(child->replay_window, 32);
	EXPECT_EQ(child->start_action, START_NONE);
	EXPECT_EQ(child->local_ts.n, 1);
	EXPECT(child->local_ts.v[0].dynamic && child->remote_ts.v[0].dynamic);
	EXPECT(child->proposals.n > 0);
	EXPECT(!conn_find_child(conn, "other"));
	EXPECT_EQ(config->retransmit.timeout_ms, CONF_UNSET);
	EXPECT_EQ(config->retransmit.limit_ms, CONF_UNSET);
	config_free(config);
}

static void test_conn_values(void)
{
	struct config *config = loaded(file_text(
		"version = 2\n local_addrs = 192.0.2.1, 2001:db8::1\n"
		"remote_addrs = 198.51.100.0/24, 203.0.113.5-203.0.113.9, %any\n"
		"local_port = 1500\n remote_port = 4500\n encap = yes\n"
		"transport = auto\n tcp_remote_port = 443\n tcp_after = 7\n"
		"proposals = aes256gcm16-prfsha384-ecp384,aes128-sha256-modp2048\n"
		"unique = never\n dpd_delay = 2m\n dscp = 101110\n"
		"local { id = left.example.org\n }\n remote { id = right@example.org\n }",
		"local_ts = 10.1.0.0/16,10.2.0.1[tcp/80]\n remote_ts = 10.3.0.0/16\n"
		"esp_proposals = aes128gcm16, chacha20poly1305\n start_action = start\n"
		"replay_window = 0x40\n reqid = 7\n mode = tunnel\n dpd_action = restart"));
	const struct child_conf *child;
	const struct conn *conn;
	char id[ID_STRLEN];

	REQUIRE(config);
	conn = config->conns;
	EXPECT_EQ(conn->local_addr_count, 2);
	EXPECT_EQ(conn->local_addrs[0].family, AF_INET);
	EXPECT_HEX(conn->local_addrs[0].first, "\xc0\0\2\1", 4);
	EXPECT_HEX(conn->local_addrs[0].last, "\xc0\0\2\1", 4);
	EXPECT_EQ(conn->local_addrs[1].family, AF_INET6);
	EXPECT_EQ(conn->remote_addr_count, 3);
	EXPECT_HEX(conn->remote_addrs[0].last, "\xc6\x33\x64\xff", 4);
	EXPECT_HEX(conn->remote_addrs[1].last, "\xcb\0\x71\x09", 4);
	EXPECT_EQ(conn->remote_addrs[2].family, AF_UNSPEC);
	EXPECT_EQ(conn->local_port, 1500);
	EXPECT_EQ(conn->remote_port, 4500);
	EXPECT_EQ(conn->transport, TRANSPORT_AUTO);
	EXPECT_EQ(conn->tcp_remote_port, 443);
	EXPECT_EQ(conn->tcp_after, 7);
	EXPECT(conn->encap);
	EXPECT_EQ(conn->dscp, 46);
	EXPECT_EQ(conn->unique, UNIQUE_NEVER);
	EXPECT_EQ(conn->proposals.n, 2);
	EXPECT_STR(ike_id_str(&conn->local.id, id), "left.example.org");
	EXPECT_STR(ike_id_str(&conn->remote.id, id), "right@example.org");
	EXPECT(conn->start_pending);
	child = conn->children;
	EXPECT_EQ(child->local_ts.n, 2);
	EXPECT_EQ(child->local_ts.v[1].protocol, 6);
	EXPECT_EQ(child->remote_ts.n, 1);
	EXPECT_EQ(child->proposals.n, 2);
	EXPECT_EQ(child->start_action, START_START);
	EXPECT_EQ(child->dpd_action, ACTION_START);
	EXPECT_EQ(conn->dpd_delay_ms, 120000);
	EXPECT_EQ(child->replay_window, 64);
	EXPECT_EQ(child->reqid, 7);
	config_free(config);
}

static const char *const conn_ok[] = {
	"version = 0", "version = 2", "local_addrs = %any", "local_addrs = %any4",
	"remote_addrs = %any6", "remote_addrs = ::", "encap = no", "encap = true",
	"mobike = yes", "mobike = no", "fragmentation = yes", "fragmentation = accept",
	"fragmentation = force", "fragmentation = no",
	"childless = allow", "childless = never", "childless = prefer", "childless = force",
	"unique = no", "unique = replace", "unique = keep", "keyingtries = 1", "keyingtries = 0", "dpd_delay = 0s",
	"dpd_delay = 0", "dpd_delay = 1d", "dpd_timeout = 150s", "rekey_time = 0", "rekey_time = 4h",
	"reauth_time = 0s", "reauth_time = 1d", "over_time = 10m", "rand_time = 1h", "dscp = 000000",
	"dscp = 101110", "dscp = \"111111\"", "dscp =",
	"send_certreq = no", "send_cert = never", "aggressive = no", "pull = yes",
	"mediation = no", "ppk_required = no", "ppk_required = yes", "ppk_id = ppk@example", "ppk_id = *",
	"if_id_in = 0", "ocsp = never",
	"remote_addrs = gw.example.org, 10.0.0.1", "remote_addrs = gw-1.example.org.",
	"remote { auth = pubkey\n ca_id = \"C=CH, O=*\"\n cert_policy = 1.2.3, 2.5.29.32.0\n}", "remote { ca_id = %any\n}",
	"local { round = 1\n revocation = relaxed\n}", "vips =", "proposals = default",
};

static const char *const child_ok[] = {
	"mode = tunnel", "start_action = none", "close_action = none",
	"dpd_action = clear", "rekey_time = 0s", "rekey_time = 9000d", "life_time = 0", "rand_time = 5m",
	"rekey_bytes = 0", "rekey_packets = 0", "inactivity = 0s", "inactivity = 5m", "policies = yes",
	"policies_fwd_out = no", "hw_offload = no", "hw_offload = yes",
	"hw_offload = crypto", "hw_offload = packet", "hw_offload = auto", "interface = eth0.100", "interface =",
	"ipcomp = no", "hostaccess = no", "hostaccess = yes",
	"sha256_96 = no", "copy_df = yes", "copy_ecn = yes", "copy_dscp = out",
	"tfc_padding = 0", "priority = 0", "if_id_in = 0", "mark_in_sa = no",
	"replay_window = 0", "updown =", "updown = /bin/true with arguments", "local_ts = dynamic[udp/53]", "icmp = no",
	"life_bytes = 0", "rand_bytes = 12345", "life_packets = 1000", "rand_packets = 7",
	"rekey_bytes = 500M", "rekey_bytes = 4611686018427387904", "rekey_bytes = 1 g",
	"per_cpu_sas = no", "remote_ts = 2001:db8::/32", "esp_proposals = aes256-sha512-esn",
};

static void test_accepted(void)
{
	for (size_t i = 0; i < sizeof(conn_ok) / sizeof(*conn_ok); i++)
		expect_conn_ok(conn_ok[i]);
	for (size_t i = 0; i < sizeof(child_ok) / sizeof(*child_ok); i++)
		expect_child_ok(child_ok[i]);
}

/* Setting in line 7 of the file, then what is said of it. */
static const char *const conn_refused[][2] = {
	{ "version = 1", ":7: connections.net.version: IKEv1 is not supported: set version = 2" },
	{ "version = 3", ":7: connections.net.version: '3' is not a number from 0 to 2" },
	{ "local_addrs = gw.example.org", ":7: connections.net.local_addrs: 'gw.example.org' is neither an address, a subnet nor a range: host names are supported in remote_addrs alone" },
	{ "remote_addrs = 10.0.0.1[tcp]", ":7: connections.net.remote_addrs: '10.0.0.1[tcp]' is neither an address, a subnet, a range nor a host name" },
	{ "remote_addrs = 10.0.0.300", ":7: connections.net.remote_addrs: '10.0.0.300' is neither an address, a subnet, a range nor a host name" },
	{ "remote_addrs = gw..example.org", ":7: connections.net.remote_addrs: 'gw..example.org' is neither an address, a subnet, a range nor a host name" },
	{ "local_port = 0", ":7: connections.net.local_port: '0' is not a number from 1 to 65535" },
	{ "transport = sctp", ":7: connections.net.transport: 'sctp' is none of udp, tcp and auto" },
	{ "tcp_remote_port = 0", ":7: connections.net.tcp_remote_port: '0' is not a number from 1 to 65535" },
	{ "tcp_after = 0", ":7: connections.net.tcp_after: '0' is not a number from 1 to 100" },
	{ "tcp_after = 101", ":7: connections.net.tcp_after: '101' is not a number from 1 to 100" },
	{ "remote_port = 65536", ":7: connections.net.remote_port: '65536' is not a number from 1 to 65535" },
	{ "remote_port = -1", ":7: connections.net.remote_port: '-1' is not a number from 1 to 65535" },
	{ "encap = maybe", ":7: connections.net.encap: 'maybe' is neither yes nor no" },
	{ "unique = yes", ":7: connections.net.unique: 'yes' is none of no, never, replace and keep" },
	{ "childless = yes", ":7: connections.net.childless: 'yes' is none of allow, never, prefer and force" },
	{ "ppk_id = \"keyid:#1\"", ":7: connections.net.ppk_id: 'keyid:#1': not an even number of hexadecimal digits" },
	{ "ppk_required = maybe", ":7: connections.net.ppk_required: 'maybe' is neither yes nor no" },
	{ "keyingtries = -1", ":7: connections.net.keyingtries: '-1' is not a number from 0 to 2147483647" },
	{ "rekey_time = soon", ":7: connections.net.rekey_time: 'soon' is not a time: give a number of seconds or one with s, m, h or d" },
	{ "reauth_time = soon", ":7: connections.net.reauth_time: 'soon' is not a time: give a number of seconds or one with s, m, h or d" },
	{ "dpd_delay = 25h", ":7: connections.net.dpd_delay: '25h' is longer than a day" },
	{ "dpd_delay = soon", ":7: connections.net.dpd_delay: 'soon' is not a time: give a number of seconds or one with s, m, h or d" },
	{ "over_time = soon", ":7: connections.net.over_time: 'soon' is not a time: give a number of seconds or one with s, m, h or d" },
	{ "over_time = 3w", ":7: connections.net.over_time: '3w' is not a time: give a number of seconds or one with s, m, h or d" },
	{ "fragmentation = always", ":7: connections.net.fragmentation: 'always' is none of yes, accept, force and no" },
#define REFUSED_DSCP(text) \
	{ "dscp = \"" text "\"", ":7: connections.net.dscp: '" text "' is no codepoint: write all of its six binary digits, as in 101110 for EF, which is 46" }
	REFUSED_DSCP("64"), REFUSED_DSCP("1012"), REFUSED_DSCP("0000012"), REFUSED_DSCP("0000000"),
	REFUSED_DSCP("101112"), REFUSED_DSCP("10111"), REFUSED_DSCP("ef"), REFUSED_DSCP("0x2e"),
	REFUSED_DSCP(""), REFUSED_DSCP("-00001"),
	{ "vips = 0.0.0.0", ":7: connections.net.vips: not supported yet: remove it" },
	{ "pools = a", ":7: connections.net.pools: not supported yet: remove it" },
	{ "remote_adrs = 10.0.0.1", ":7: connections.net.remote_adrs: unknown key: did you mean 'remote_addrs'?" },
	{ "Version = 2", ":7: connections.net.Version: unknown key: did you mean 'version'?" },
	{ "quux = 1", ":7: connections.net.quux: unknown key: see swanctl.conf(5)" },
	{ "childs { }", ":7: connections.net.childs: unknown section: did you mean 'children'?" },
	{ "version { }", ":7: connections.net.version: is a key, not a section: write 'version = ...'" },
	{ "local { auth = psk\n id = 10.0.0.0/24\n}", ":7: connections.net.local: id: a subnet or a range is nobody's own identity" },
	{ "local-2 { auth = psk\n}", ":7: connections.net.local-2: a second authentication round is not supported yet" },
	{ "local { auth = eap-mschapv2\n}", ":7: connections.net.local.auth: 'eap-mschapv2' is not supported yet: ikefpd serves auth = psk and pubkey" },
	{ "remote { ca_id = *.example.org\n}", ":7: connections.net.remote.ca_id: a CA's identity may only have a '*' in distinguished names: give the whole name" },
	{ "remote { ca_id = \"@#0\"\n}", ":7: connections.net.remote.ca_id: identity '@#0': not an even number of hexadecimal digits" },
	{ "remote { cert_policy = anyPolicy\n}", ":7: connections.net.remote.cert_policy: 'anyPolicy' is no object identifier: write its numbers, as in 1.3.6.1.4.1.99999.1" },
	{ "remote { cert_policy = 1.2.3, 9.9\n}", ":7: connections.net.remote.cert_policy: '9.9' is no object identifier: write its numbers, as in 1.3.6.1.4.1.99999.1" },
	{ "remote { cert_policy = 1.2.1, 1.2.2, 1.2.3, 1.2.4, 1.2.5, 1.2.6, 1.2.7, 1.2.8, 1.2.9, 1.2.10, 1.2.11, 1.2.12, 1.2.13, 1.2.14, 1.2.15, 1.2.16, 1.2.17\n}", ":7: connections.net.remote.cert_policy: more than 16 certificate policies" },
	{ "remote { auth = psk\n ca_id = a\n}", ":7: connections.net.remote: ca_id and cert_policy do not go with auth = psk" },
	{ "local { auth = pubkey\n cert_policy = 1.2.3\n}", ":7: connections.net.local: ca_id and cert_policy are about the peer's certificates: move them to 'remote'" },
	{ "local { auth = rsa-sha224\n}", ":7: connections.net.local.auth: 'sha224' is not supported: pubkey and psk are, and rsa, rsa/pss, ecdsa and ed25519 with sizes and hashes, as in rsa-3072-sha256" },
	{ "remote { revocation = never\n}", ":7: connections.net.remote.revocation: 'never' is none of relaxed, ifuri and strict" },
	{ "remote { certs = /nowhere/a.pem\n}", ":7: connections.net.remote.certs: '/nowhere/a.pem' cannot be read: No such file or directory" },
	{ "remote { pubkeys = 0x0123\n}", ":7: connections.net.remote.pubkeys: an item is no public key" },
	{ "send_cert = maybe", ":7: connections.net.send_cert: 'maybe' is none of ifasked, always and never" },
	{ "remote { cert-1 { }\n}", ":7: connections.net.remote.cert-1: has no uri: add one, such as 'uri = \"handle:0x01800001\"' (TPM) or 'uri = \"pkcs11:token=...;object=...\"'" },
	{ "children { x = 1\n}", ":7: connections.net.children.x: children holds sections only: write 'x { }'" },
};

static const char *const child_refused[][2] = {
	{ "mode = beet", ":10: connections.net.children.lan.mode: 'beet' is not supported: set it to tunnel or transport" },
	{ "mode = pass\n start_action = start", ":9: connections.net.children.lan: there is nothing to start of a child whose mode is pass or drop: use start_action = trap" },
	{ "start_action = traps", ":10: connections.net.children.lan.start_action: 'traps' is none of none, trap, start and trap|start" },
	{ "close_action = stop", ":10: connections.net.children.lan.close_action: 'stop' is neither clear, trap nor start" },
	{ "mode = tunel", ":10: connections.net.children.lan.mode: 'tunel' is none of tunnel, transport, pass and drop" },
	{ "dpd_action = stop", ":10: connections.net.children.lan.dpd_action: 'stop' is neither clear, trap nor start" },
	{ "rekey_time = soon", ":10: connections.net.children.lan.rekey_time: 'soon' is not a time: give a number of seconds or one with s, m, h or d" },
	{ "rekey_bytes = 5t", ":10: connections.net.children.lan.rekey_bytes: '5t' is not a number of octets: give one, with k, m or g for 2^10, 2^20 or 2^30" },
	{ "life_bytes = -1", ":10: connections.net.children.lan.life_bytes: '-1' is not a number of octets: give one, with k, m or g for 2^10, 2^20 or 2^30" },
	{ "rand_bytes = 4294967297g", ":10: connections.net.children.lan.rand_bytes: '4294967297g' is not a number of octets: give one, with k, m or g for 2^10, 2^20 or 2^30" },
	{ "rekey_packets = 5k", ":10: connections.net.children.lan.rekey_packets: '5k' is not a number of packets" },
	{ "replay_window = 4097", ":10: connections.net.children.lan.replay_window: '4097' is not a number from 0 to 4096" },
	{ "replay_window = x", ":10: connections.net.children.lan.replay_window: 'x' is not a number from 0 to 4096" },
	{ "hw_offload = maybe", ":10: connections.net.children.lan.hw_offload: 'maybe' is none of no, yes, crypto, packet and auto" },
	{ "hw_offload = packet\n mode = drop", ":9: connections.net.children.lan: there is no ESP to leave to a device of a child whose mode is pass or drop: remove hw_offload, or set it to no or auto" },
	{ "interface = a-name-too-long0", ":10: connections.net.children.lan.interface: 'a-name-too-long0' is no interface's name: those have at most 15 octets, and no '/', ':' or blank" },
	{ "interface = a/b", ":10: connections.net.children.lan.interface: 'a/b' is no interface's name: those have at most 15 octets, and no '/', ':' or blank" },
	{ "hostaccess = maybe", ":10: connections.net.children.lan.hostaccess: 'maybe' is neither yes nor no" },
	{ "label = system_u:object_r:ipsec_spd_t:s0", ":10: connections.net.children.lan.label: security labels are not supported: remove it, and let a child without label carry the traffic" },
	{ "label_mode = system", ":10: connections.net.children.lan.label_mode: security labels are not supported: remove it, with the child's label" },
	{ "label_mode = selinux", ":10: connections.net.children.lan.label_mode: security labels are not supported: remove it, with the child's label" },
	{ "label_mode = other", ":10: connections.net.children.lan.label_mode: 'other' is none of system, simple and selinux" },
	{ "ah_proposals = sha256", ":10: connections.net.children.lan.ah_proposals: not supported yet: remove it" },
	{ "mark_in = 1/", ":10: connections.net.children.lan.mark_in: '1/' is not a mark with or without a /mask, nor %unique or %unique-dir" },
	{ "mark_out = %same", ":10: connections.net.children.lan.mark_out: '%same' is not a mark with or without a /mask, nor %unique or %unique-dir" },
	{ "set_mark_in = %unique", ":10: connections.net.children.lan.set_mark_in: '%unique' is not a mark with or without a /mask, nor %same" },
	{ "if_id_in = 1/2", ":10: connections.net.children.lan.if_id_in: '1/2' is not an if_id, nor %unique or %unique-dir" },
	{ "if_id_out = 4294967296", ":10: connections.net.children.lan.if_id_out: '4294967296' is not an if_id, nor %unique or %unique-dir" },
	{ "copy_dscp = both", ":10: connections.net.children.lan.copy_dscp: 'both' is none of out, in, yes and no" },
	{ "tfc_padding = -1", ":10: connections.net.children.lan.tfc_padding: '-1' is not a number from 0 to 65535" },
	{ "local_tss = 10.0.0.0/8", ":10: connections.net.children.lan.local_tss: unknown key: did you mean 'local_ts'?" },
	{ "x { }", ":10: connections.net.children.lan.x: unknown section: see swanctl.conf(5)" },
	{ "mode { }", ":10: connections.net.children.lan.mode: is a key, not a section: write 'mode = ...'" },
};

static void test_refused(void)
{
	for (size_t i = 0; i < sizeof(conn_refused) / sizeof(*conn_refused); i++)
		expect_refused(file_text(conn_refused[i][0], ""), conn_refused[i][1]);
	for (size_t i = 0; i < sizeof(child_refused) / sizeof(*child_refused); i++)
		expect_refused(file_text("", child_refused[i][0]), child_refused[i][1]);
}

/* What the protocol's parsers say is theirs; that they are asked is ours. */
static void test_refused_by_parsers(void)
{
	static const char *const settings[][2] = {
		{ "proposals = nonsense", ":7: connections.net.proposals: proposal 'nonsense': " },
		{ "remote { id = \"@#abc\"\n}", ":7: connections.net.remote.id: identity '@#abc': " },
	};
	struct config *config = config_new();
	struct errmsg err;

	for (size_t i = 0; i < 2; i++) {
		EXPECT(load(config, file_text(settings[i][0], ""), &err));
		EXPECT(!strncmp(err.text + strlen(path), settings[i][1],
				strlen(settings[i][1])));
	}
	EXPECT(load(config, file_text("", "local_ts = 10.0.0.0/33"), &err));
	EXPECT(strstr(err.text, ":10: connections.net.children.lan.local_ts: traffic selector '10.0.0.0/33': "));
	EXPECT(load(config, file_text("", "esp_proposals = nonsense"), &err));
	EXPECT(strstr(err.text, ":10: connections.net.children.lan.esp_proposals: proposal 'nonsense': "));
	config_free(config);
}

static void test_structure(void)
{
	expect_refused("connections { a = b\n}",
		       ":1: connections.a: connections holds sections only: write 'a { }'");
	expect_refused("connections {\n n { remote { auth = psk\n}\n}\n}",
		       ":2: connections.n: has no local section: add 'local { auth = psk }'");
	expect_refused("connections {\n n { local { auth = psk\n}\n}\n}",
		       ":2: connections.n: has no remote section: add 'remote { auth = psk }'");
	expect_refused("authorities { a { crl_uris = ftp://a/b\n}\n}",
		       ":1: authorities.a.crl_uris: 'ftp://a/b' is neither an http:// address nor a file:///path: others are not supported");
	expect_refused("authorities { a { crl_uris = file://host/b\n}\n}",
		       ":1: authorities.a.crl_uris: 'file://host/b' is neither an http:// address nor a file:///path: others are not supported");
	expect_refused("authorities { a { ocsp_uris = file:///a/b\n}\n}",
		       ":1: authorities.a.ocsp_uris: 'file:///a/b' is no http:// address: others are not supported");
	expect_refused("conections { }", ":1: conections: unknown section: did you mean 'connections'?");
	expect_refused("x = 1", ":1: x: unknown key: see swanctl.conf(5)");
	expect_refused("pools { p { addrs = 10.0.0.0/8\n}\n}",
		       ":1: pools: not supported yet: remove what it holds");
	config_free(loaded("pools { }\nauthorities { }\nconnections { }\n"));
	/* A section that others inherit from may have any name. */
	config_free(loaded("psk { auth = psk\n}\n"
			   "connections { n { local : psk { }\n remote : psk { }\n}\n}\n"));
}

static void test_secrets(void)
{
	struct config *config = loaded(
		"secrets {\n ike-1 { secret = \"a b\"\n id = a\n id-2 = b@c\n }\n"
		" ike-2 { secret = 0x00fFa0\n}\n ike-3 { secret = 0sAAECAw==\n }\n"
		" ike4 { secret = 0sAAEC\n}\n}\n");
	const struct secret *s;

	REQUIRE(config);
	s = secrets;	/* the last comes first */
	EXPECT_STR(s->name, "ike4");
	EXPECT_EQ(s->len, 3);
	EXPECT_HEX(s->data, "\0\1\2", 3);
	s = s->next;
	EXPECT_EQ(s->len, 4);
	EXPECT_HEX(s->data, "\0\1\2\3", 4);
	s = s->next;
	EXPECT_EQ(s->len, 3);
	EXPECT_HEX(s->data, "\0\xff\xa0", 3);
	s = s->next;
	EXPECT_EQ(s->len, 3);
	EXPECT_HEX(s->data, "a b", 3);
	EXPECT_EQ(s->owner_count, 2);
	config_free(config);

	expect_refused("secrets { ike { id = a\n}\n}",
		       ":1: secrets.ike: has no secret: add 'secret = ...'");
	expect_refused("secrets { ike { secret = 0xabc\n}\n}",
		       ":1: secrets.ike.secret: the secret starts with 0x but is not an even number of hexadecimal digits");
	expect_refused("secrets { ike { secret = 0x\n}\n}",
		       ":1: secrets.ike.secret: the secret starts with 0x but is not an even number of hexadecimal digits");
	expect_refused("secrets { ike { secret = 0sAA\n}\n}",
		       ":1: secrets.ike.secret: the secret starts with 0s but is not valid base64");
	expect_refused("secrets { ike { secret = 0sA===\n}\n}",
		       ":1: secrets.ike.secret: the secret starts with 0s but is not valid base64");
	expect_refused("secrets { ike { secret = \"\"\n}\n}",
		       ":1: secrets.ike.secret: the secret is empty");
	expect_refused("secrets { ike { secret = a\n sekret = b\n}\n}",
		       ":2: secrets.ike.sekret: unknown key: ike holds id<suffix> and secret");
	expect_refused("secrets { private-a { secret = a\n}\n}",
		       ":1: secrets.private-a: has no file: add 'file = ...'");
	expect_refused("secrets { rsa { file = a.pem\n handle = 1\n}\n}",
		       ":2: secrets.rsa.handle: unknown key: rsa holds file and secret");
	/* Its file is not encrypted. */
	config_free(loaded("secrets { private-a { file = a.pem\n}\n}"));
	expect_refused("secrets { eap-x { secret = a\n}\n}",
		       ":1: secrets.eap-x: not supported yet: remove this section");
	expect_refused("secrets { ika { secret = a\n}\n}",
		       ":1: secrets.ika: unknown section: did you mean 'ike'?");
}

static void test_fragmentation(void)
{
	static const struct { const char *text; enum fragmentation is; } values[] = {
		{ "yes", FRAGMENTATION_YES }, { "force", FRAGMENTATION_YES },
		{ "accept", FRAGMENTATION_ACCEPT }, { "no", FRAGMENTATION_NO },
	};
	struct config *config = loaded("");
	char text[64];

	REQUIRE(config);
	EXPECT_EQ(config->fragment_size, 0);
	config_free(config);
	config = loaded("charon {\n fragment_size = 1400\n}\n");
	REQUIRE(config);
	EXPECT_EQ(config->fragment_size, 1400);
	config_free(config);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		snprintf(text, sizeof(text), "fragmentation = %s", values[i].text);
		config = loaded(file_text(text, ""));
		REQUIRE(config);
		EXPECT_EQ(config_find_conn(config, "net")->fragmentation, values[i].is);
		config_free(config);
	}
	expect_refused("charon { fragment_size = 255\n}",
		       ":1: charon.fragment_size: must be 0 or at least 256");
	expect_refused("charon { fragment_size = 65536\n}",
		       ":1: charon.fragment_size: '65536' is not a number from 0 to 65535");
}

static void test_tcp_ports(void)
{
	struct config *config = loaded("charon {\n tcp_ports = 4500, 443\n}\n");

	REQUIRE(config);
	EXPECT_EQ(config->tcp_ports[0], 4500);
	EXPECT_EQ(config->tcp_ports[1], 443);
	EXPECT_EQ(config->tcp_ports[2], 0);
	config_free(config);
	config = loaded("charon {\n tcp_ports = 4500\n tcp_ports = 1, 2, 3, 4, 5, 6, 7, 8\n}\n");
	REQUIRE(config);
	EXPECT_EQ(config->tcp_ports[0], 1);
	EXPECT_EQ(config->tcp_ports[7], 8);
	config_free(config);
	expect_refused("charon {\n tcp_ports = 4500, 0\n}",
		       ":2: charon.tcp_ports: '0' is not a number from 1 to 65535");
	expect_refused("charon { tcp_ports = 65536\n}",
		       ":1: charon.tcp_ports: '65536' is not a number from 1 to 65535");
	expect_refused("charon { tcp_ports = https\n}",
		       ":1: charon.tcp_ports: 'https' is not a number from 1 to 65535");
	expect_refused("charon { tcp_ports = 443, 4500, 443\n}",
		       ":1: charon.tcp_ports: has port 443 twice");
	expect_refused("charon { tcp_ports = 1, 2, 3, 4, 5, 6, 7, 8, 9\n}",
		       ":1: charon.tcp_ports: has more than 8 ports");
}

static void test_retransmit(void)
{
	struct config *config = loaded(
		"charon {\n retransmit_timeout = 2.5\n retransmit_base = 1.4142\n"
		" retransmit_tries = 7\n retransmit_jitter = 20\n retransmit_limit = 60\n"
		" keep_alive = 10s\n}\n");

	REQUIRE(config);
	EXPECT_EQ(config->retransmit.timeout_ms, 2500);
	EXPECT_EQ(config->retransmit.base_milli, 1414);
	EXPECT_EQ(config->retransmit.tries, 7);
	EXPECT_EQ(config->retransmit.jitter_percent, 20);
	EXPECT_EQ(config->retransmit.limit_ms, 60000);
	config_free(config);
	expect_refused("charon { keep_alive = 2w\n}",
		       ":1: charon.keep_alive: '2w' is not a time: give a number of seconds or one with s, m, h or d");
	expect_refused("charon { retransmit_timeout = 0\n}",
		       ":1: charon.retransmit_timeout: must be at least 0.01");
	expect_refused("charon { retransmit_limit = 0.001\n}",
		       ":1: charon.retransmit_limit: must be 0, for none, or at least 0.01");
	expect_refused("charon { retransmit_jitter = 21\n}",
		       ":1: charon.retransmit_jitter: '21' is not a number from 0 to 20");
	expect_refused("charon { retransmit_base = 0.9\n}",
		       ":1: charon.retransmit_base: must be at least 1");
	expect_refused("charon { retransmit_timeout = 1.2.3\n}",
		       ":1: charon.retransmit_timeout: '1.2.3' is not a number from 0 to 3600.000");
	expect_refused("charon { retransmit_timeout = 99999999999\n}",
		       ":1: charon.retransmit_timeout: '99999999999' is not a number from 0 to 3600.000");
	expect_refused("charon { retransmit_trys = 3\n}",
		       ":1: charon.retransmit_trys: unknown key: did you mean 'retransmit_tries'?");
	config = loaded("connections { c {\n retransmit_timeout = 1.5\n retransmit_tries = 3\n"
			"local { auth = psk\n}\n remote { auth = psk\n}\n} }\n");
	REQUIRE(config);
	EXPECT_EQ(config->conns->retransmit.timeout_ms, 1500);
	EXPECT_EQ(config->conns->retransmit.tries, 3);
	EXPECT_EQ(config->conns->retransmit.base_milli, CONF_UNSET);
	EXPECT_EQ(config->retransmit.timeout_ms, CONF_UNSET);
	config_free(config);
	expect_refused("connections { c {\n retransmit_tries = 101\n} }",
		       ":2: connections.c.retransmit_tries: '101' is not a number from 0 to 100");
}

/* What limits the peer's AUTH limits what its certificates are signed with, unless it says ike:. */
static void test_auth_hashes(void)
{
	static const struct {
		const char *auth;
		bool of_auth, of_chain;
	} cases[] = {
		{ "pubkey", false, false }, { "rsa-3072", true, false },
		{ "pubkey-sha384", true, true }, { "rsa-3072-sha256", true, true },
		{ "ike:pubkey-sha384", true, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[256];
		struct config *config;

		snprintf(text, sizeof(text),
			 "connections { c {\n local { auth = psk\n}\n remote { auth = %s\n}\n} }\n",
			 cases[i].auth);
		config = loaded(text);
		REQUIRE(config);
		EXPECT_EQ(config->conns->remote.signatures != 0, cases[i].of_auth);
		EXPECT_EQ(config->conns->remote.chain_signatures,
			  cases[i].of_chain ? config->conns->remote.signatures : 0);
		config_free(config);
	}
}

static bool is_set(const struct ikefp_policy *policy, int attribute, uint32_t value)
{
	return policy->set[attribute] && policy->value[attribute] == value;
}

/* What the module is told, of what strongswan.conf(5) says. */
static void test_retransmit_policy(void)
{
	struct retransmit_conf conf = retransmit_unset;
	struct ikefp_policy policy;

	EXPECT(!retransmit_policy(&conf, &policy));

	/* No limit unless there is one. */
	conf.timeout_ms = 10000;
	EXPECT(retransmit_policy(&conf, &policy));
	EXPECT(is_set(&policy, IKEFP_A_POLICY_RTO_INITIAL_MS, 10000));
	EXPECT(is_set(&policy, IKEFP_A_POLICY_RTO_MIN_MS, 10000));
	EXPECT(is_set(&policy, IKEFP_A_POLICY_RTO_MAX_MS, 24 * 3600 * 1000));
	EXPECT(!policy.set[IKEFP_A_POLICY_TRIES]);
	EXPECT(!policy.set[IKEFP_A_POLICY_BACKOFF_PERCENT]);

	/* And then of the first wait, too. */
	conf.limit_ms = 4000;
	conf.base_milli = 1800;
	conf.tries = 0;
	conf.jitter_percent = 0;
	EXPECT(retransmit_policy(&conf, &policy));
	EXPECT(is_set(&policy, IKEFP_A_POLICY_RTO_INITIAL_MS, 4000));
	EXPECT(is_set(&policy, IKEFP_A_POLICY_RTO_MIN_MS, 4000));
	EXPECT(is_set(&policy, IKEFP_A_POLICY_RTO_MAX_MS, 4000));
	EXPECT(is_set(&policy, IKEFP_A_POLICY_BACKOFF_PERCENT, 180));
	EXPECT(is_set(&policy, IKEFP_A_POLICY_TRIES, 0));
	EXPECT(is_set(&policy, IKEFP_A_POLICY_JITTER_PERCENT, 0));

	/* Within what the module takes. */
	conf = retransmit_unset;
	conf.timeout_ms = 10;
	conf.limit_ms = 0;
	conf.base_milli = 100 * 1000;
	EXPECT(retransmit_policy(&conf, &policy));
	EXPECT(is_set(&policy, IKEFP_A_POLICY_RTO_INITIAL_MS, 10));
	EXPECT(is_set(&policy, IKEFP_A_POLICY_RTO_MAX_MS, 24 * 3600 * 1000));
	EXPECT(is_set(&policy, IKEFP_A_POLICY_BACKOFF_PERCENT, 1000));
}

static void test_reload(void)
{
	struct config *config = loaded(file_text("remote_addrs = 192.0.2.1", ""));
	struct conn *old, *vici;
	struct errmsg err;

	REQUIRE(config);
	old = conn_get(config_find_conn(config, "net"));
	vici = conn_new("vici");
	vici->source = CONF_VICI;
	config_put_conn(config, vici);

	/* A failing reload changes nothing; an equal one keeps the connection. */
	EXPECT(load(config, file_text("remote_addrs = 192.0.2.2\n", "nonsense = 1"), &err));
	EXPECT(config_find_conn(config, "net") == old);
	EXPECT(!load(config, file_text("remote_addrs = 192.0.2.1", ""), &err));
	EXPECT(config_find_conn(config, "net") == old);

	/* A changed one is replaced; who holds the old one goes on with it. */
	EXPECT(!load(config, file_text("remote_addrs = 192.0.2.2", ""), &err));
	EXPECT(config_find_conn(config, "net") != old);
	EXPECT_EQ(old->refs, 1);
	EXPECT_HEX(old->remote_addrs[0].first, "\xc0\0\2\1", 4);
	conn_put(old);

	/* What came over VICI stays, what the file no longer has goes. */
	EXPECT(!load(config, "secrets { ike { secret = a\n}\n}", &err));
	EXPECT(!config_find_conn(config, "net"));
	EXPECT(config_find_conn(config, "vici") == vici);
	EXPECT(secrets && !secrets->next);
	EXPECT(!load(config, "", &err));
	EXPECT(!secrets);
	EXPECT(!config_remove_conn(config, "vici"));
	EXPECT(config_remove_conn(config, "vici"));
	config_free(config);
}

static struct endpoint endpoint(const char *text)
{
	struct endpoint e;

	EXPECT(!endpoint_parse(&e, text, 500));
	return e;
}

static const char *best(const struct config *config, const char *local,
			const char *remote, const char *idr, const char *idi)
{
	struct endpoint l = endpoint(local), r = endpoint(remote);
	struct ike_id local_id = { 0 }, remote_id = { 0 };
	const struct conn *conn;
	const char *why;

	if (idi) {
		EXPECT(!ike_id_parse(&remote_id, idi, &why));
		EXPECT(!idr || !ike_id_parse(&local_id, idr, &why));
		conn = config_find_by_ids(config, &l, &r, idr ? &local_id : NULL,
					  &remote_id);
	} else {
		conn = config_find_by_addrs(config, &l, &r);
	}
	ike_id_clear(&local_id);
	ike_id_clear(&remote_id);
	return conn ? conn->name : "none";
}

static void test_find_conn(void)
{
	struct config *config = loaded(
		"c { local { auth = psk\n}\n remote { auth = psk\n}\n}\n"
		"connections {\n"
		" any : c { }\n"
		" subnet : c { remote_addrs = 192.0.2.0/24\n}\n"
		" host : c { remote_addrs = 192.0.2.7\n}\n"
		" named : c { remote_addrs = 192.0.2.0/24\n remote { id = r.example\n}\n}\n"
		" other : c { remote_addrs = 192.0.2.0/24\n local { id = l.example\n}\n"
		"  remote { id = r.example\n}\n}\n"
		" six : c { local_addrs = 2001:db8::1\n remote_addrs = 2001:db8::2\n}\n}\n");

	REQUIRE(config);
	EXPECT_STR(best(config, "10.0.0.1", "198.51.100.1", NULL, NULL), "any");
	EXPECT_STR(best(config, "10.0.0.1", "192.0.2.1", NULL, NULL), "subnet");
	EXPECT_STR(best(config, "10.0.0.1", "192.0.2.7", NULL, NULL), "host");
	EXPECT_STR(best(config, "2001:db8::1", "2001:db8::2", NULL, NULL), "six");
	EXPECT_STR(best(config, "2001:db8::9", "2001:db8::2", NULL, NULL), "any");

	EXPECT_STR(best(config, "10.0.0.1", "192.0.2.1", NULL, "x.example"), "subnet");
	EXPECT_STR(best(config, "10.0.0.1", "192.0.2.1", NULL, "r.example"), "named");
	EXPECT_STR(best(config, "10.0.0.1", "192.0.2.1", "l.example", "r.example"), "other");
	EXPECT_STR(best(config, "10.0.0.1", "192.0.2.1", "x.example", "r.example"), "named");
	EXPECT_STR(best(config, "10.0.0.1", "198.51.100.1", NULL, "r.example"), "any");
	config_remove_conn(config, "any");
	EXPECT_STR(best(config, "10.0.0.1", "198.51.100.1", NULL, NULL), "none");
	EXPECT_STR(best(config, "10.0.0.1", "198.51.100.1", NULL, "r.example"), "none");
	config_free(config);
}

static void test_initiator_addrs(void)
{
	struct config *config = loaded(
		"c { local { auth = psk\n}\n remote { auth = psk\n}\n}\n"
		"connections {\n a : c { }\n"
		" b : c { local_addrs = 10.0.0.0/8, 10.0.0.9\n remote_addrs = 192.0.2.0/24, 192.0.2.7\n"
		"  local_port = 501\n remote_port = 502\n}\n"
		" d : c { local_addrs = 10.0.0.1\n remote_addrs = 2001:db8::2\n}\n}\n");
	struct endpoint local, remote;
	struct errmsg err;

	REQUIRE(config);
	EXPECT(conn_initiator_addrs(config_find_conn(config, "a"), &local, &remote, &err));
	EXPECT_STR(err.text, "connection 'a' has no single remote address to initiate to: set remote_addrs");
	EXPECT(!conn_initiator_addrs(config_find_conn(config, "b"), &local, &remote, &err));
	EXPECT_HEX(local.addr, "\x0a\0\0\x09", 4);
	EXPECT_EQ(local.port, 501);
	EXPECT_HEX(remote.addr, "\xc0\0\2\7", 4);
	EXPECT_EQ(remote.port, 502);
	EXPECT(conn_initiator_addrs(config_find_conn(config, "d"), &local, &remote, &err));
	EXPECT_STR(err.text, "connection 'd': no local address of the remote one's family: set local_addrs");
	config_free(config);
}

static char secret_for(const char *local, const char *remote)
{
	const struct secret *secret;
	struct ike_id l, r;
	const char *why;

	EXPECT(!ike_id_parse(&l, local, &why) && !ike_id_parse(&r, remote, &why));
	secret = secret_list_find(secrets, &l, &r);
	ike_id_clear(&l);
	ike_id_clear(&r);
	return secret ? (char)secret->data[0] : '-';
}

static void test_find_secret(void)
{
	struct config *config = loaded(
		"secrets {\n ike-a { secret = a\n}\n"
		" ike-b { secret = b\n id = r.example\n}\n"
		" ike-c { secret = c\n id-1 = l.example\n id-2 = r.example\n}\n"
		" ike-d { secret = d\n id = 192.0.2.7\n}\n}\n");

	REQUIRE(config);
	EXPECT_EQ(secret_for("x.example", "y.example"), 'a');
	EXPECT_EQ(secret_for("x.example", "r.example"), 'c');	/* the last loaded */
	EXPECT_EQ(secret_for("l.example", "r.example"), 'c');
	EXPECT_EQ(secret_for("x.example", "192.0.2.7"), 'd');
	EXPECT(!secret_list_remove(&secrets, SECRET_SHARED, CONF_FILE, "ike-c"));
	EXPECT_EQ(secret_for("l.example", "r.example"), 'b');
	/* Ours alone is enough, as for charon, but the peer's identity counts first. */
	EXPECT_EQ(secret_for("r.example", "y.example"), 'a');
	EXPECT(!secret_list_remove(&secrets, SECRET_SHARED, CONF_FILE, "ike-a"));
	EXPECT_EQ(secret_for("x.example", "y.example"), '-');
	EXPECT_EQ(secret_for("r.example", "y.example"), 'b');
	config_free(config);
}

static const struct ktap_test tests[] = {
	{ "defaults", test_defaults },
	{ "conn_values", test_conn_values },
	{ "accepted", test_accepted },
	{ "refused", test_refused },
	{ "refused_by_parsers", test_refused_by_parsers },
	{ "structure", test_structure },
	{ "secrets", test_secrets },
	{ "fragmentation", test_fragmentation },
	{ "TCP ports", test_tcp_ports },
	{ "retransmit", test_retransmit },
	{ "retransmit policy", test_retransmit_policy },
	{ "auth hashes", test_auth_hashes },
	{ "reload", test_reload },
	{ "find_conn", test_find_conn },
	{ "initiator_addrs", test_initiator_addrs },
	{ "find_secret", test_find_secret },
};

int main(int argc, char **argv)
{
	int fd = mkstemp(path), ret;

	if (fd < 0) {
		perror(path);
		return 1;
	}
	close(fd);
	ret = ktap_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
	secret_list_free(&secrets);
	unlink(path);
	return ret;
}
