// SPDX-License-Identifier: GPL-2.0
/* What VICI tells of SAs, connections, algorithms and counters. */
#include "counters.h"
#include "dh.h"
#include "ikev2.h"
#include "libvici.h"

static const char *algorithm(const struct tree *reply, const char *type, const char *name)
{
	const struct tree *section = tree_find(reply, type);

	if (!EXPECT(section))
		return NULL;
	return tree_str(section, name);
}

static void test_algorithms(void)
{
	static const char *const empty[] = { "xof", "drbg", "rng", "nonce-gen" };
	struct tree *reply;
	struct client c;

	start();
	c = client();
	reply = call(&c, "get-algorithms", NULL);
	EXPECT_STR(algorithm(reply, "encryption", "AES_CBC"), "kernel");
	EXPECT(!algorithm(reply, "encryption", "AES_GCM_16"));
	EXPECT_STR(algorithm(reply, "aead", "AES_GCM_16"), "kernel");
	EXPECT_STR(algorithm(reply, "aead", "CHACHA20_POLY1305"), "kernel");
	EXPECT(!algorithm(reply, "aead", "AES_CBC"));
	EXPECT_STR(algorithm(reply, "integrity", "HMAC_SHA1_96"), "kernel");
	EXPECT(!algorithm(reply, "integrity", "NONE"));
	EXPECT_STR(algorithm(reply, "hasher", "HASH_SHA2_384"), "openssl");
	EXPECT_STR(algorithm(reply, "prf", "PRF_HMAC_SHA2_512"), "openssl");
	EXPECT_STR(algorithm(reply, "kdf", "KDF_PRF_PLUS"), "openssl");
	EXPECT_STR(algorithm(reply, "ke", "CURVE_25519"), "openssl");
	EXPECT_STR(algorithm(reply, "ke", "MODP_4096"), "openssl");
	EXPECT(!algorithm(reply, "ke", "NONE"));
	/* That of OpenSSL at hand. */
	EXPECT_EQ(!!algorithm(reply, "ke", "ML_KEM_768"), !!dh_public_len(DH_ML_KEM_768));
	for (size_t i = 0; i < sizeof(empty) / sizeof(*empty); i++)
		EXPECT(tree_find(reply, empty[i]) && !tree_find(reply, empty[i])->first);
	tree_free(reply);
	client_end(&c);
	stop();
}

static void test_list_sas(void)
{
	struct client c;
	struct tree *ike, *child;
	struct buf m;

	start();
	c = client();
	load_net(&c);
	for (int i = 0; i < 2; i++) {
		m = initiate_message("lan", NULL);
		expect_reply(call(&c, "initiate", &m), "yes", NULL);
	}
	listen_to(&c, "list-sa");
	tree_free(call(&c, "list-sas", NULL));
	EXPECT_EQ(c.event_count, 2);
	REQUIRE(c.events && c.events->first);
	ike = tree_find(c.events->first, "net");	/* the last comes first */
	REQUIRE(ike);
	EXPECT_STR(tree_str(ike, "uniqueid"), "2");
	EXPECT_STR(tree_str(ike, "version"), "2");
	EXPECT_STR(tree_str(ike, "state"), "ESTABLISHED");
	EXPECT_STR(tree_str(ike, "local-host"), "192.0.2.1");
	EXPECT_STR(tree_str(ike, "remote-host"), "2001:db8::2");
	EXPECT_STR(tree_str(ike, "remote-port"), "4500");
	EXPECT_STR(tree_str(ike, "remote-id"), "right.example");
	EXPECT_STR(tree_str(ike, "initiator"), "yes");
	EXPECT_STR(tree_str(ike, "initiator-spi"), "1122334455667788");
	EXPECT_STR(tree_str(ike, "responder-spi"), "0000000000000099");
	EXPECT_STR(tree_str(ike, "nat-any"), "yes");
	EXPECT(!tree_find(ike, "nat-remote"));
	EXPECT_STR(tree_str(ike, "integ-alg"), "HMAC_SHA2_256_128");
	EXPECT_STR(tree_str(ike, "established"), "61");
	EXPECT_STR(tree_str(ike, "ake2"), "ML_KEM_768");
	EXPECT(!tree_find(ike, "ake1"));
	EXPECT_STR(tree_str(ike, "if-id-out"), "0000002a");
	EXPECT(!tree_find(ike, "if-id-in"));
	child = tree_find(tree_find(ike, "child-sas"), "lan-102");
	REQUIRE(child);
	EXPECT_STR(tree_str(child, "spi-in"), "c0ffee01");
	EXPECT_STR(tree_str(child, "bytes-in"), "8400");
	EXPECT_STR(tree_str(child, "use-in"), "3");
	EXPECT(!tree_find(child, "use-out"));
	EXPECT_STR(tree_str(child, "encr-keysize"), "128");

	c.event_count = 0;
	vici_put(&m, "ike-id", "1");
	tree_free(call(&c, "list-sas", &m));
	EXPECT_EQ(c.event_count, 1);
	vici_put(&m, "child", "wan");
	tree_free(call(&c, "list-sas", &m));
	EXPECT_EQ(c.event_count, 1);
	vici_put(&m, "child-id", "102");
	tree_free(call(&c, "list-sas", &m));
	EXPECT_EQ(c.event_count, 2);
	vici_put(&m, "ike", "wan");
	tree_free(call(&c, "list-sas", &m));
	EXPECT_EQ(c.event_count, 2);
	client_end(&c);
	stop();
}

static void test_list_conns(void)
{
	const struct tree *conn, *child;
	struct buf m = BUF_INIT;
	struct client c;

	start();
	c = client();
	load_net(&c);
	vici_put_section(&m, "far");
	vici_put(&m, "dpd_delay", "2m");
	vici_put(&m, "dpd_timeout", "150");
	vici_put_section(&m, "local");
	vici_put(&m, "auth", "psk");
	vici_put_section_end(&m);
	vici_put_section(&m, "remote");
	vici_put(&m, "auth", "psk");
	vici_put_section_end(&m);
	vici_put_section(&m, "children");
	vici_put_section(&m, "lan");
	vici_put(&m, "priority", "77");
	vici_put_section_end(&m);
	vici_put_section_end(&m);
	vici_put_section_end(&m);
	expect_reply(call(&c, "load-conn", &m), "yes", NULL);
	listen_to(&c, "list-conn");
	tree_free(call(&c, "list-conns", NULL));
	EXPECT_EQ(c.event_count, 2);
	REQUIRE(c.events && c.events->first && c.events->first->next);
	conn = tree_find(c.events->first, "far");	/* the last comes first */
	REQUIRE(conn);
	EXPECT_STR(tree_str(conn, "dpd_delay"), "120");
	EXPECT_STR(tree_str(conn, "dpd_timeout"), "150");
	child = tree_find(tree_find(conn, "children"), "lan");
	REQUIRE(child);
	EXPECT_STR(tree_str(child, "priority"), "77");
	/* Not what is not set. */
	conn = tree_find(c.events->first->next, "net");
	REQUIRE(conn);
	EXPECT(!tree_find(conn, "dpd_delay") && !tree_find(conn, "dpd_timeout"));
	child = tree_find(tree_find(conn, "children"), "lan");
	REQUIRE(child);
	EXPECT(!tree_find(child, "priority"));
	client_end(&c);
	stop();
}

static void test_counters(void)
{
	const struct tree *of;
	struct tree *reply;
	struct client c;
	struct buf m;

	stub_unknown_spis = 70;		/* of the time before */
	start();
	c = client();
	counters_reset_all();
	counters_count_message("net", IKE_AUTH, REQUEST_OUT);
	counters_count_message(NULL, IKE_SA_INIT, REQUEST_IN);
	counters_count_message("net", 99, REQUEST_IN);
	EXPECT_EQ(counters_get(NULL)[COUNTER_IKE_AUTH + REQUEST_OUT], 1);
	EXPECT_EQ(counters_get(NULL)[COUNTER_IKE_INIT + REQUEST_IN], 1);
	EXPECT_EQ(counters_get(NULL)[COUNTER_INFO + REQUEST_IN], 0);
	m = named("name", "other");
	expect_reply(call(&c, "get-counters", &m), "no", "no counters found for this connection");
	m = named("all", "yes");
	reply = call(&c, "get-counters", &m);
	of = tree_find(tree_find(reply, "counters"), "net");
	REQUIRE(of);
	EXPECT_STR(tree_str(of, "ike-auth-out-req"), "1");
	EXPECT_STR(tree_str(of, "ike-init-in-req"), "0");
	tree_free(reply);
	stub_unknown_spis = 73;
	tree_free(call(&c, "get-counters", NULL));
	EXPECT_EQ(counters_get(NULL)[COUNTER_INVALID_SPI], 3);
	/* Those up to now are reset, too. */
	stub_unknown_spis = 75;
	expect_reply(call(&c, "reset-counters", NULL), "yes", NULL);
	EXPECT_EQ(counters_get(NULL)[COUNTER_INVALID_SPI], 0);
	stub_unknown_spis = 76;
	tree_free(call(&c, "get-counters", NULL));
	EXPECT_EQ(counters_get(NULL)[COUNTER_INVALID_SPI], 1);
	m = named("name", "net");
	expect_reply(call(&c, "reset-counters", &m), "yes", NULL);
	EXPECT_EQ(counters_get("net")[COUNTER_IKE_AUTH + REQUEST_OUT], 0);
	EXPECT_EQ(counters_get(NULL)[COUNTER_INVALID_SPI], 1);
	m = named("all", "yes");
	expect_reply(call(&c, "reset-counters", &m), "yes", NULL);
	EXPECT(!counters_get("net"));
	client_end(&c);
	stop();
}

static const struct ktap_test tests[] = {
	{ "algorithms", test_algorithms },
	{ "list_sas", test_list_sas },
	{ "list_conns", test_list_conns },
	{ "counters", test_counters },
};

VICI_MAIN(tests)
