// SPDX-License-Identifier: GPL-2.0
/*
 * AES-GCM (NIST SP 800-38D) for where the vector unit is in use by somebody else, of the
 * kernel's AES and its multiplication in GF(2^128). It is slow, and needs no memory for a
 * key but the key itself.
 */

#include <crypto/aes.h>
#include <crypto/algapi.h>
#include <crypto/gf128mul.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "gcm.h"

struct gcm {
	struct crypto_aes_ctx aes;
	const u8 *nonce;
	be128 hash_key;
	be128 hash;
};

static int init(struct gcm *gcm, const struct ikefp_gcm_key *key, const u8 *nonce)
{
	static const u8 zero[AES_BLOCK_SIZE];
	int err = aes_expandkey(&gcm->aes, key->octets, key->len);

	if (err)
		return err;
	aes_encrypt(&gcm->aes, (u8 *)&gcm->hash_key, zero);
	gcm->nonce = nonce;
	return 0;
}

/* Octets of the key stream's block @counter are added to @octets: at most a block of them. */
static void add_stream(const struct gcm *gcm, u32 counter, u8 *octets, u32 len)
{
	__be32 number = cpu_to_be32(counter);
	u8 block[AES_BLOCK_SIZE];

	memcpy(block, gcm->nonce, IKEFP_GCM_NONCE_LEN);
	memcpy(block + IKEFP_GCM_NONCE_LEN, &number, sizeof(number));
	aes_encrypt(&gcm->aes, block, block);
	crypto_xor(octets, block, len);
	memzero_explicit(block, sizeof(block));
}

/* Block 1 is the ICV's. */
static void crypt(const struct gcm *gcm, u8 *text, u32 len)
{
	u32 counter = 2;

	while (len) {
		u32 part = min_t(u32, len, AES_BLOCK_SIZE);

		add_stream(gcm, counter++, text, part);
		text += part;
		len -= part;
	}
}

/* The last block is filled up with zeros. */
static void hash(struct gcm *gcm, const u8 *octets, u32 len)
{
	while (len) {
		u32 part = min_t(u32, len, AES_BLOCK_SIZE);

		crypto_xor((u8 *)&gcm->hash, octets, part);
		gf128mul_lle(&gcm->hash, &gcm->hash_key);
		octets += part;
		len -= part;
	}
}

static void make_icv(struct gcm *gcm, const u8 *ad, u32 ad_len, const u8 *text, u32 text_len,
		     u8 *icv)
{
	const be128 bits = { .a = cpu_to_be64(8ull * ad_len), .b = cpu_to_be64(8ull * text_len) };

	memset(&gcm->hash, 0, sizeof(gcm->hash));
	hash(gcm, ad, ad_len);
	hash(gcm, text, text_len);
	hash(gcm, (const u8 *)&bits, sizeof(bits));
	memcpy(icv, &gcm->hash, IKEFP_GCM_ICV_LEN);
	add_stream(gcm, 1, icv, IKEFP_GCM_ICV_LEN);
}

/**
 * ikefp_gcm_seal() - encrypt in place, and add the ICV
 * @key: the key
 * @nonce: IKEFP_GCM_NONCE_LEN octets, never used before with this key
 * @ad: what is to be authentic only
 * @ad_len: octets of it
 * @text: the plaintext, and after it room for IKEFP_GCM_ICV_LEN octets
 * @text_len: octets of the plaintext
 *
 * Context: any.
 * Return: 0, or -EINVAL for a key that AES does not have.
 */
int ikefp_gcm_seal(const struct ikefp_gcm_key *key, const u8 *nonce, const u8 *ad, u32 ad_len,
		   u8 *text, u32 text_len)
{
	struct gcm gcm;
	int err;

	err = init(&gcm, key, nonce);
	if (!err) {
		crypt(&gcm, text, text_len);
		make_icv(&gcm, ad, ad_len, text, text_len, text + text_len);
	}
	memzero_explicit(&gcm, sizeof(gcm));
	return err;
}

/**
 * ikefp_gcm_open() - verify, and decrypt in place
 * @key: the key
 * @nonce: IKEFP_GCM_NONCE_LEN octets
 * @ad: what is authentic only
 * @ad_len: octets of it
 * @text: the ciphertext, and after it the ICV; if it is not authentic, it stays as it is
 * @text_len: octets of the ciphertext
 *
 * Context: any.
 * Return: 0, -EBADMSG for what is not authentic, or -EINVAL for a key that AES does not
 * have.
 */
int ikefp_gcm_open(const struct ikefp_gcm_key *key, const u8 *nonce, const u8 *ad, u32 ad_len,
		   u8 *text, u32 text_len)
{
	u8 icv[IKEFP_GCM_ICV_LEN];
	struct gcm gcm;
	int err;

	err = init(&gcm, key, nonce);
	if (!err) {
		make_icv(&gcm, ad, ad_len, text, text_len, icv);
		if (crypto_memneq(icv, text + text_len, sizeof(icv)))
			err = -EBADMSG;
		else
			crypt(&gcm, text, text_len);
	}
	memzero_explicit(icv, sizeof(icv));
	memzero_explicit(&gcm, sizeof(gcm));
	return err;
}
