// SPDX-License-Identifier: GPL-2.0
/* CAs of authorities sections: trusted as long as one of them, or something else, names them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "config_load.h"
#include "ktap.h"
#include "libcert.h"

static const char *const of_ca[] = { "basicConstraints", "critical,CA:TRUE", NULL };

static struct cert_pair ca, other, gw;
static struct config *config;

static void begin(void)
{
	config = config_new();
}

static void end(void)
{
	config_free(config);
}

static void load(const char *name, enum conf_source source, const struct cert_pair *of)
{
	struct authority *a = calloc(1, sizeof(*a));
	struct errmsg err;

	a->name = strdup(name);
	a->source = source;
	a->cert = of->cert;
	X509_up_ref(a->cert);
	EXPECT(!config_put_authority(config, a, &err));
}

static void load_cert(enum conf_source source)
{
	unsigned char *der = NULL;
	int len = i2d_X509(ca.cert, &der);
	struct errmsg err;

	EXPECT(!credentials_add(config->credentials, source, CREDENTIAL_CA, der, (size_t)len, &err));
	OPENSSL_free(der);
}

static bool trusted(void)
{
	return credentials_issuer(config->credentials, gw.cert);
}

static void unloaded(void)
{
	begin();
	load("a", CONF_VICI, &ca);
	EXPECT(trusted());
	load("a", CONF_VICI, &ca);
	EXPECT(!config_remove_authority(config, "a"));
	EXPECT(!trusted());
	EXPECT_EQ(config_remove_authority(config, "a"), -ENOENT);
	/* Another one in its place. */
	load("a", CONF_VICI, &ca);
	load("a", CONF_VICI, &other);
	EXPECT(!trusted());
	end();
}

static void named_by_several(void)
{
	begin();
	load("a", CONF_VICI, &ca);
	load("b", CONF_VICI, &ca);
	config_remove_authority(config, "a");
	EXPECT(trusted());
	config_remove_authority(config, "b");
	EXPECT(!trusted());
	/* And by itself, as load-cert loads it, before or behind. */
	load_cert(CONF_VICI);
	load("a", CONF_VICI, &ca);
	config_remove_authority(config, "a");
	EXPECT(trusted());
	credentials_unload(config->credentials, CONF_VICI);
	EXPECT(!trusted());
	load("a", CONF_VICI, &ca);
	load_cert(CONF_VICI);
	config_remove_authority(config, "a");
	EXPECT(trusted());
	end();
}

/* clear-creds is about what is loaded by itself. */
static void cleared(void)
{
	begin();
	load("a", CONF_VICI, &ca);
	load_cert(CONF_VICI);
	credentials_unload(config->credentials, CONF_VICI);
	EXPECT(trusted());
	config_remove_authority(config, "a");
	EXPECT(!trusted());
	end();
}

/* With the next reading of the file what it does not name any more is gone. */
static void of_the_file(void)
{
	struct config *fresh;

	begin();
	load("a", CONF_FILE, &ca);
	fresh = config_new();
	config_replace_file(config, fresh);
	config_free(fresh);
	EXPECT(!trusted());
	/* In the place of one of VICI. */
	load("a", CONF_VICI, &ca);
	fresh = config_new();
	{
		struct config *mine = config;

		config = fresh;
		load("a", CONF_FILE, &other);
		config = mine;
	}
	config_replace_file(config, fresh);
	config_free(fresh);
	EXPECT(!trusted());
	EXPECT(config->authorities && !config->authorities->next);
	end();
}

/* What the reader of the file hands over is not trusted for itself. */
static void handed_over(void)
{
	struct buf octets = BUF_INIT;
	struct errmsg err;

	begin();
	load("a", CONF_FILE, &ca);
	credentials_write(&octets, config->credentials);
	EXPECT_EQ(octets.len, 0);
	load_cert(CONF_FILE);
	credentials_write(&octets, config->credentials);
	EXPECT(octets.len);
	end();
	begin();
	EXPECT(!credentials_read(config->credentials, octets.data, octets.len, &err));
	EXPECT(trusted());
	buf_clear(&octets);
	end();
}

static const struct ktap_test tests[] = {
	{ "unloaded", unloaded },
	{ "named_by_several", named_by_several },
	{ "cleared", cleared },
	{ "of_the_file", of_the_file },
	{ "handed_over", handed_over },
};

int main(int argc, char **argv)
{
	int code;

	ca = cert_make(&(struct cert_plan){ .name = "ca", .extensions = of_ca });
	other = cert_make(&(struct cert_plan){ .name = "other", .extensions = of_ca });
	gw = cert_make(&(struct cert_plan){ .name = "gw", .issuer = &ca });
	code = ktap_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
	cert_pair_free(&ca);
	cert_pair_free(&other);
	cert_pair_free(&gw);
	return code;
}
