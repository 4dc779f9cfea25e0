// SPDX-License-Identifier: GPL-2.0

#include <crypto/algapi.h>
#include <linux/string.h>

#include "cookie.h"

static_assert(sizeof(siphash_key_t) == IKEFP_COOKIE_SECRET_LEN);
static_assert(sizeof(u64) == IKEFP_COOKIE_LEN - 1);

/**
 * ikefp_cookie_secrets_due() - how many secrets are too old
 * @secrets: the secrets
 * @now_ns: a clock that does not go back
 * @life_ns: for how long one makes cookies; for as long again they are taken
 *
 * Return: 0 to 2, how often ikefp_cookie_new_secret() must be called before they are
 * used.
 */
unsigned int ikefp_cookie_secrets_due(const struct ikefp_cookie_secrets *secrets, u64 now_ns,
				      u64 life_ns)
{
	u64 age_ns = now_ns - secrets->since_ns;

	if (age_ns < life_ns)
		return 0;
	return age_ns - life_ns < life_ns ? 1 : 2;
}

/**
 * ikefp_cookie_new_secret() - a new secret in the place of the older one
 * @secrets: the secrets
 * @now_ns: the time
 * @secret: random octets
 */
void ikefp_cookie_new_secret(struct ikefp_cookie_secrets *secrets, u64 now_ns,
			     const u8 secret[IKEFP_COOKIE_SECRET_LEN])
{
	secrets->version++;
	secrets->since_ns = now_ns;
	memcpy(&secrets->secret[secrets->version & 1], secret, IKEFP_COOKIE_SECRET_LEN);
}

static void make(const struct ikefp_cookie_secrets *secrets,
		 const struct ikefp_cookie_owner *owner, u8 version,
		 u8 cookie[IKEFP_COOKIE_LEN])
{
	u8 in[IKEFP_NONCE_MAX + IKEFP_COOKIE_ADDRESS_LEN + sizeof(owner->spi_i)] __aligned(8);
	u8 *end = in;
	u64 hash;

	memcpy(end, owner->nonce, owner->nonce_len);
	end += owner->nonce_len;
	memcpy(end, owner->address, IKEFP_COOKIE_ADDRESS_LEN);
	end += IKEFP_COOKIE_ADDRESS_LEN;
	memcpy(end, &owner->spi_i, sizeof(owner->spi_i));
	end += sizeof(owner->spi_i);

	cookie[0] = version;
	hash = siphash(in, end - in, &secrets->secret[version & 1]);
	memcpy(cookie + 1, &hash, sizeof(hash));
}

/**
 * ikefp_cookie_make() - the cookie to ask for
 * @secrets: the secrets
 * @owner: who shall return it
 * @cookie: where it goes
 */
void ikefp_cookie_make(const struct ikefp_cookie_secrets *secrets,
		       const struct ikefp_cookie_owner *owner, u8 cookie[IKEFP_COOKIE_LEN])
{
	make(secrets, owner, secrets->version, cookie);
}

/**
 * ikefp_cookie_is_good() - is it one that this owner was given
 * @secrets: the secrets
 * @owner: who returned it
 * @cookie: what was returned
 * @len: octets of it
 *
 * Takes the same time for every wrong hash.
 */
bool ikefp_cookie_is_good(const struct ikefp_cookie_secrets *secrets,
			  const struct ikefp_cookie_owner *owner, const u8 *cookie, u16 len)
{
	u8 good[IKEFP_COOKIE_LEN];

	if (len != IKEFP_COOKIE_LEN || (u8)(secrets->version - cookie[0]) > 1)
		return false;
	make(secrets, owner, cookie[0], good);
	return !crypto_memneq(good, cookie, IKEFP_COOKIE_LEN);
}
