// SPDX-License-Identifier: GPL-2.0
/* Private keys, from what a file of one holds. */
#include <errno.h>
#include <stdbool.h>

#include <openssl/decoder.h>
#include <openssl/err.h>

#include "private_key.h"
#include "signature.h"

struct passphrase {
	const unsigned char *octets;
	size_t len;
	bool asked;
};

static int give(char *to, size_t size, size_t *len, const OSSL_PARAM params[], void *data)
{
	struct passphrase *p = data;

	(void)params;
	p->asked = true;
	if (!p->octets || p->len > size)
		return 0;
	for (size_t i = 0; i < p->len; i++)
		to[i] = (char)p->octets[i];
	*len = p->len;
	return 1;
}

EVP_PKEY *private_key_read(const void *data, size_t len, const void *passphrase,
			   size_t passphrase_len, int *err)
{
	struct passphrase p = { passphrase, passphrase_len, false };
	const unsigned char *at = data;
	OSSL_DECODER_CTX *decoder;
	EVP_PKEY *key = NULL;
	struct errmsg why;

	decoder = OSSL_DECODER_CTX_new_for_pkey(&key, NULL, NULL, NULL, EVP_PKEY_KEYPAIR,
						NULL, NULL);
	if (decoder && OSSL_DECODER_CTX_set_passphrase_cb(decoder, give, &p))
		OSSL_DECODER_from_data(decoder, &at, &len);
	OSSL_DECODER_CTX_free(decoder);
	ERR_clear_error();
	*err = 0;
	if (!key)
		*err = !p.asked ? -EINVAL : p.octets ? -EKEYREJECTED : -ENOKEY;
	else if (key_check(key, &why))
		*err = -EINVAL;
	if (!*err)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}
