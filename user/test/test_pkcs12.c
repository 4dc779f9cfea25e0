// SPDX-License-Identifier: GPL-2.0
/* PKCS#12 containers beside a swanctl.conf: what they hold, and where it goes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pkcs12.h>

#include "config_load.h"
#include "ktap.h"
#include "libcert.h"
#include "private_key.h"

static const char *const of_ca[] = { "basicConstraints", "critical,CA:TRUE",
				     "keyUsage", "critical,keyCertSign,cRLSign", NULL };

static char dir[] = "/tmp/ikefp-test-XXXXXX", conf[64], folder[64], file[64];
static struct cert_pair root, gw;

static void put(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	if (EXPECT(f)) {
		EXPECT_EQ(fwrite(data, 1, len, f), len);
		fclose(f);
	}
}

static void put_container(const char *passphrase)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	unsigned char *der = NULL;
	PKCS12 *p12;
	int len;

	sk_X509_push(others, root.cert);
	p12 = PKCS12_create(passphrase, "gw", gw.key, gw.cert, others, 0, 0, 1000, 1000, 0);
	len = i2d_PKCS12(p12, &der);
	put(file, der, (size_t)len);
	OPENSSL_free(der);
	PKCS12_free(p12);
	sk_X509_free(others);
}

static struct config *config;
static struct secret *secrets;
static struct errmsg err;

static int load(const char *text)
{
	config = config_new();
	put(conf, text, strlen(text));
	return config_read_file(config, &secrets, conf, &err);
}

static void end(void)
{
	secret_list_free(&secrets);
	config_free(config);
}

static const char with[] = "secrets {\n pkcs12-gw {\n file = gw.p12\n secret = open\n}\n}\n";

static void expect_contents(void)
{
	const struct credential *one = config->credentials->first;
	EVP_PKEY *key;
	int why;

	REQUIRE(one && one->next && !one->next->next);
	EXPECT_EQ(one->kind, CREDENTIAL_CERT);
	EXPECT(!X509_cmp(one->cert, gw.cert));
	EXPECT_EQ(one->next->kind, CREDENTIAL_CA);
	EXPECT(!X509_cmp(one->next->cert, root.cert));
	REQUIRE(secrets && !secrets->next);
	EXPECT_EQ(secrets->kind, SECRET_PRIVATE_KEY);
	EXPECT_STR(secrets->name, "pkcs12/gw.p12");
	EXPECT(!secrets->passphrase);
	key = private_key_read(secrets->data, secrets->len, NULL, 0, &why);
	EXPECT(key && EVP_PKEY_eq(key, gw.key) == 1);
	EVP_PKEY_free(key);
}

static void test_contents(void)
{
	put_container("open");
	EXPECT(!load(with));
	expect_contents();
	end();
	put_container("");
	EXPECT(!load(""));
	expect_contents();
	end();
}

static void expect_refused(const char *text, const char *why)
{
	EXPECT(load(text));
	if (!strstr(err.text, why))
		ktap_fail(__FILE__, __LINE__, "«%s», not «%s»", err.text, why);
	EXPECT(!secrets);
	end();
}

static void test_refused(void)
{
	put_container("open");
	expect_refused("", "pkcs12/gw.p12: it is encrypted: add a section 'pkcs12 {");
	put_container("another");
	expect_refused(with, "pkcs12/gw.p12: its passphrase is another one");
	put(file, "nonsense", 8);
	expect_refused(with, "pkcs12/gw.p12: it is no PKCS#12 container");
}

static const struct ktap_test tests[] = {
	{ "contents", test_contents },
	{ "refused", test_refused },
};

int main(int argc, char **argv)
{
	int ret;

	if (!mkdtemp(dir))
		return 1;
	snprintf(conf, sizeof(conf), "%s/swanctl.conf", dir);
	snprintf(folder, sizeof(folder), "%s/pkcs12", dir);
	snprintf(file, sizeof(file), "%s/pkcs12/gw.p12", dir);
	mkdir(folder, 0700);
	root = cert_make(&(struct cert_plan){ .name = "root", .extensions = of_ca });
	gw = cert_make(&(struct cert_plan){ .name = "gw", .issuer = &root });
	ret = ktap_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
	cert_pair_free(&root);
	cert_pair_free(&gw);
	unlink(file);
	rmdir(folder);
	unlink(conf);
	rmdir(dir);
	return ret;
}
