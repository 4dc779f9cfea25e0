// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "auth.h"
#include "ikev2.h"
#include "libsecrets.h"

int test_secrets_load_file(struct test_secrets *t, struct config *config,
			   const char *path, struct errmsg *err)
{
	struct config *fresh = config_new();
	const struct secret *refused;
	struct secret *secrets = NULL;
	int ret;

	assert(fresh);
	ret = config_read_file(fresh, &secrets, path, err);
	if (!ret) {
		assert(!secrets_stage(t->stage_fd, secrets, &refused));
		assert(!secrets_commit(t->secrets));
		config_replace_file(config, fresh);
	}
	secret_list_free(&secrets);
	config_free(fresh);
	return ret;
}

bool test_secrets_serves(struct secrets *s, const char *local, const char *remote,
			 const void *secret, size_t len)
{
	static const char octets[] = "octets to be signed";
	uint8_t want[PRF_MAX], got[PRF_MAX];
	struct ike_id l, r;
	const char *why;
	int err;

	assert(!ike_id_parse(&l, local, &why) && !ike_id_parse(&r, remote, &why));
	err = secrets_sign(s, PRF_HMAC_SHA2_256, &l, &r, octets, sizeof(octets), got);
	ike_id_clear(&l);
	ike_id_clear(&r);
	if (err || !len)
		return err == -ENOKEY && !len;
	assert(!auth_psk(PRF_HMAC_SHA2_256, secret, len, (const uint8_t *)octets,
			 sizeof(octets), want));
	return !memcmp(want, got, prf_len(PRF_HMAC_SHA2_256));
}
