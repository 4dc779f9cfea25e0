// SPDX-License-Identifier: GPL-2.0
/* Key material of IKE and Child SAs. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "buf.h"
#include "kdf.h"

size_t kdf_encr_key_len(const struct transform *encr)
{
	switch (encr->id) {
	case ENCR_AES_CBC:
	case ENCR_AES_GCM_16:
		if (encr->key_bits != 128 && encr->key_bits != 192 && encr->key_bits != 256)
			return 0;
		return encr->key_bits / 8 + (encr->id == ENCR_AES_GCM_16 ? 4 : 0);
	case ENCR_CHACHA20_POLY1305:
		return 32 + 4;
	default:
		return 0;
	}
}

size_t kdf_integ_key_len(uint16_t integ)
{
	switch (integ) {
	case AUTH_HMAC_SHA1_96:
		return 20;
	case AUTH_HMAC_SHA2_256_128:
		return 32;
	case AUTH_HMAC_SHA2_384_192:
		return 48;
	case AUTH_HMAC_SHA2_512_256:
		return 64;
	default:
		return 0;
	}
}

/* The next n octets of a key stream. */
static void take(const uint8_t **stream, uint8_t *to, size_t n)
{
	memcpy(to, *stream, n);
	*stream += n;
}

/* Both key lengths of a chosen proposal, or -EINVAL. */
static int key_lens(const struct proposal *chosen, size_t *encr, size_t *integ)
{
	const struct transform *t = proposal_get(chosen, TRANSFORM_ENCR);

	*encr = t ? kdf_encr_key_len(t) : 0;
	*integ = kdf_integ_key_len(proposal_id(chosen, TRANSFORM_INTEG));
	if (!*encr || (t->id == ENCR_AES_CBC) != (*integ != 0))
		return -EINVAL;
	return 0;
}

int kdf_skeyseed(uint16_t prf_id, const uint8_t *ni, size_t ni_len,
		 const uint8_t *nr, size_t nr_len,
		 const uint8_t *shared, size_t shared_len,
		 uint8_t skeyseed[PRF_MAX])
{
	const struct prf_input in = { shared, shared_len };
	struct buf key = BUF_INIT;
	int err;

	buf_put(&key, ni, ni_len);
	buf_put(&key, nr, nr_len);
	err = key.failed ? -ENOMEM :
			   prf(prf_id, key.data, key.len, &in, 1, skeyseed);
	buf_clear(&key);
	return err;
}

/* Out of SKEYSEED, the lengths being known. */
static int expand(struct ike_keys *keys, const uint8_t *skeyseed, size_t skeyseed_len,
		  const uint8_t *ni, size_t ni_len, const uint8_t *nr, size_t nr_len,
		  uint64_t spi_i, uint64_t spi_r)
{
	uint8_t stream[3 * PRF_MAX + 4 * KEY_MAX];
	const uint8_t *p = stream;
	struct buf seed = BUF_INIT;
	int err;

	buf_put(&seed, ni, ni_len);
	buf_put(&seed, nr, nr_len);
	buf_put64(&seed, spi_i);
	buf_put64(&seed, spi_r);
	err = seed.failed ? -ENOMEM :
	      prf_plus(keys->prf, skeyseed, skeyseed_len, seed.data, seed.len, stream,
		       3 * keys->prf_len + 2 * keys->integ_len + 2 * keys->encr_len);
	if (!err) {
		take(&p, keys->d, keys->prf_len);
		take(&p, keys->ai, keys->integ_len);
		take(&p, keys->ar, keys->integ_len);
		take(&p, keys->ei, keys->encr_len);
		take(&p, keys->er, keys->encr_len);
		take(&p, keys->pi, keys->prf_len);
		take(&p, keys->pr, keys->prf_len);
	}
	OPENSSL_cleanse(stream, sizeof(stream));
	buf_clear(&seed);
	return err;
}

static int set_lens(struct ike_keys *keys, const struct proposal *chosen)
{
	memset(keys, 0, sizeof(*keys));
	keys->prf = proposal_id(chosen, TRANSFORM_PRF);
	keys->prf_len = prf_len(keys->prf);
	if (key_lens(chosen, &keys->encr_len, &keys->integ_len) || !keys->prf_len)
		return -EINVAL;
	return 0;
}

int kdf_ike_keys(struct ike_keys *keys, const struct proposal *chosen,
		 const uint8_t *ni, size_t ni_len, const uint8_t *nr, size_t nr_len,
		 const uint8_t *shared, size_t shared_len,
		 uint64_t spi_i, uint64_t spi_r)
{
	uint8_t skeyseed[PRF_MAX];
	int err;

	if (set_lens(keys, chosen))
		return -EINVAL;
	err = kdf_skeyseed(keys->prf, ni, ni_len, nr, nr_len, shared, shared_len, skeyseed);
	if (!err)
		err = expand(keys, skeyseed, keys->prf_len, ni, ni_len, nr, nr_len, spi_i, spi_r);
	OPENSSL_cleanse(skeyseed, sizeof(skeyseed));
	if (err)
		kdf_wipe_ike(keys);
	return err;
}

int kdf_rekeyed_keys(struct ike_keys *keys, const struct kdf_rekeyed *old,
		     const struct proposal *chosen,
		     const uint8_t *ni, size_t ni_len, const uint8_t *nr, size_t nr_len,
		     const struct kdf_secrets *secrets, uint64_t spi_i, uint64_t spi_r)
{
	const struct prf_input in[] = {
		{ secrets->first, secrets->first_len },
		{ ni, ni_len },
		{ nr, nr_len },
		{ secrets->more, secrets->more_len },
	};
	uint8_t skeyseed[PRF_MAX];
	int err;

	if (set_lens(keys, chosen))
		return -EINVAL;
	err = prf(old->prf, old->sk_d, prf_len(old->prf), in, 4, skeyseed);
	if (!err)
		err = expand(keys, skeyseed, prf_len(old->prf), ni, ni_len, nr, nr_len, spi_i,
			     spi_r);
	OPENSSL_cleanse(skeyseed, sizeof(skeyseed));
	if (err)
		kdf_wipe_ike(keys);
	return err;
}

int kdf_child_keys(struct child_keys *keys, uint16_t prf_id, const uint8_t *sk_d,
		   const struct proposal *chosen, const struct kdf_secrets *secrets,
		   const uint8_t *ni, size_t ni_len,
		   const uint8_t *nr, size_t nr_len)
{
	uint8_t stream[4 * KEY_MAX];
	const uint8_t *p = stream;
	struct buf seed = BUF_INIT;
	int err;

	memset(keys, 0, sizeof(*keys));
	err = key_lens(chosen, &keys->encr_len, &keys->integ_len);
	if (err)
		return err;
	buf_put(&seed, secrets->first, secrets->first_len);
	buf_put(&seed, ni, ni_len);
	buf_put(&seed, nr, nr_len);
	buf_put(&seed, secrets->more, secrets->more_len);
	err = seed.failed ? -ENOMEM :
	      prf_plus(prf_id, sk_d, prf_len(prf_id), seed.data, seed.len, stream,
		       2 * (keys->encr_len + keys->integ_len));
	if (!err) {
		take(&p, keys->ei, keys->encr_len);
		take(&p, keys->ai, keys->integ_len);
		take(&p, keys->er, keys->encr_len);
		take(&p, keys->ar, keys->integ_len);
	}
	OPENSSL_cleanse(stream, sizeof(stream));
	buf_clear(&seed);
	return err;
}

int kdf_ppk(uint16_t prf_id, const uint8_t *ppk, size_t ppk_len, const uint8_t *key,
	    uint8_t out[PRF_MAX])
{
	return prf_plus(prf_id, ppk, ppk_len, key, prf_len(prf_id), out, prf_len(prf_id));
}

void kdf_wipe_ike(struct ike_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}

void kdf_wipe_child(struct child_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}
