// SPDX-License-Identifier: GPL-2.0
/*
 * All algorithms come as one AEAD of the kernel's crypto API: AES-GCM (RFC 5282),
 * ChaCha20-Poly1305 (RFC 7634), and AES-CBC with HMAC-SHA2 (RFC 7296 section 3.14) as
 * authenc(), whose encrypt-then-MAC is just what section 3.14 describes. A sealed
 * message is
 *
 *	IKE header, SK header, IV | inner payloads, padding, pad length | ICV
 *	                          | encrypted                           |
 *
 * or the same with the SKF header of a fragment (RFC 7383 section 2.5),
 * and authentic is, with AES-CBC, all before the ICV; with the others the same
 * but the IV, which is part of the nonce: salt | IV.
 *
 * Only synchronous implementations are asked for, so that a message is opened where
 * it arrives. x86's AES-GCM is asynchronous to everybody, since the vector unit that it
 * needs may be in use, and the other one has a table of 4 KB for each key. So the
 * implementation under x86's is taken, which is synchronous, and shared by all (see
 * shared_gcm.h). A softirq may come in the middle of a task's use of the vector unit (WireGuard's
 * and dm-crypt's workers, for example, use it for much of their time); what is opened or
 * sealed there is so by gcm.c, which needs the key itself.
 */

#include <asm/simd.h>
#include <crypto/aead.h>
#include <crypto/authenc.h>
#include <crypto/internal/simd.h>
#include <linux/err.h>
#include <linux/netlink.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "crypto.h"
#include "gcm.h"
#include "shared_gcm.h"

#define SALT_LEN 4
#define NONCE_LEN IKEFP_GCM_NONCE_LEN
#define MAX_IV_LEN 16

struct algorithm {
	u16 encr; /* IANA transform type 1 */
	u16 integ; /* IANA transform type 3, 0 for an AEAD */
	const char *name;
	bool gcm;
	u8 key_lens[3]; /* octets; the salt not counted */
	u8 integ_key_len;
	u8 salt_len;
	u8 iv_len;
	u8 block_len;
	u8 icv_len;
};

static const struct algorithm algorithms[] = {
	{
		.encr = 20, .name = "gcm(aes)",
		.gcm = true,
		.key_lens = { 16, 24, IKEFP_GCM_MAX_KEY },
		.salt_len = SALT_LEN, .iv_len = 8, .block_len = 1, .icv_len = IKEFP_GCM_ICV_LEN,
	}, {
		.encr = 28, .name = "rfc7539(chacha20,poly1305)", .key_lens = { 32 },
		.salt_len = SALT_LEN, .iv_len = 8, .block_len = 1, .icv_len = 16,
	}, {
		.encr = 12, .integ = 12, .name = "authenc(hmac(sha256),cbc(aes))",
		.key_lens = { 16, 24, 32 }, .integ_key_len = 32, .iv_len = 16, .block_len = 16,
		.icv_len = 16,
	}, {
		.encr = 12, .integ = 13, .name = "authenc(hmac(sha384),cbc(aes))",
		.key_lens = { 16, 24, 32 }, .integ_key_len = 48, .iv_len = 16, .block_len = 16,
		.icv_len = 24,
	}, {
		.encr = 12, .integ = 14, .name = "authenc(hmac(sha512),cbc(aes))",
		.key_lens = { 16, 24, 32 }, .integ_key_len = 64, .iv_len = 16, .block_len = 16,
		.icv_len = 32,
	},
};

/* One way: the keys of those who send it. */
struct direction {
	struct ikefp_gcm_key key; /* of the shared AEAD */
	u8 salt[SALT_LEN];
	struct crypto_aead *aead; /* NULL: the shared one */
};

/* Used by one at a time: the caller holds the SA's lock. */
struct ikefp_crypto {
	struct direction out;
	struct direction in;
	const struct algorithm *algorithm;
	struct aead_request *request; /* of both directions, which have the same AEAD */
	u64 next_iv; /* of an AEAD, never used twice */
	bool shared; /* the AEAD is, and needs the vector unit, which may be in use */
};

/* Of an idle SA, of which there may be very many. */
static_assert(sizeof(struct ikefp_crypto) <= 128);

static const struct algorithm *find_algorithm(struct nlattr *const *keys,
					      struct netlink_ext_ack *extack)
{
	u16 encr = nla_get_u16(keys[IKEFP_A_KEYS_ENCR]);
	u16 integ = keys[IKEFP_A_KEYS_INTEG] ? nla_get_u16(keys[IKEFP_A_KEYS_INTEG]) : 0;
	bool known = false;
	int i;

	for (i = 0; i < ARRAY_SIZE(algorithms); i++) {
		known |= algorithms[i].encr == encr;
		if (algorithms[i].encr == encr && algorithms[i].integ == integ)
			return &algorithms[i];
	}
	if (known)
		NL_SET_ERR_MSG_ATTR(extack,
				    keys[IKEFP_A_KEYS_INTEG] ?: keys[IKEFP_A_KEYS_ENCR],
				    "this encryption does not go with this integrity algorithm");
	else
		NL_SET_ERR_MSG_ATTR(extack, keys[IKEFP_A_KEYS_ENCR],
				    "encryption algorithm is none of 12, 20, 28");
	return NULL;
}

/* authenc() wants both keys in a form of its own. Not kept on the stack: 104 octets. */
static int set_authenc_key(struct crypto_aead *tfm, const struct nlattr *encr,
			   const struct nlattr *integ)
{
	struct crypto_authenc_key_param *param;
	struct rtattr *rta;
	u32 len = RTA_SPACE(sizeof(*param)) + nla_len(integ) + nla_len(encr);
	u8 *key, *p;
	int err;

	key = kmalloc(len, GFP_KERNEL);
	if (!key)
		return -ENOMEM;
	rta = (struct rtattr *)key;
	rta->rta_type = CRYPTO_AUTHENC_KEYA_PARAM;
	rta->rta_len = RTA_LENGTH(sizeof(*param));
	param = RTA_DATA(rta);
	param->enckeylen = cpu_to_be32(nla_len(encr));
	p = key + RTA_SPACE(sizeof(*param));
	memcpy(p, nla_data(integ), nla_len(integ));
	memcpy(p + nla_len(integ), nla_data(encr), nla_len(encr));
	err = crypto_aead_setkey(tfm, key, len);
	kfree_sensitive(key);
	return err;
}

static int direction_init(struct direction *direction, const struct algorithm *algorithm,
			  const struct nlattr *encr, const struct nlattr *integ)
{
	struct crypto_aead *aead;
	int key_len = nla_len(encr) - algorithm->salt_len;
	int err;

	aead = crypto_alloc_aead(algorithm->name, 0, CRYPTO_ALG_ASYNC);
	if (IS_ERR(aead))
		return PTR_ERR(aead);
	direction->aead = aead;
	err = crypto_aead_setauthsize(aead, algorithm->icv_len);
	if (err)
		return err;
	memcpy(direction->salt, nla_data(encr) + key_len, algorithm->salt_len);
	return algorithm->integ ? set_authenc_key(aead, encr, integ) :
				  crypto_aead_setkey(aead, nla_data(encr), key_len);
}

/* Of both directions. */
static int alloc_request(struct ikefp_crypto *crypto)
{
	/* Another implementation may have come in between. */
	if (crypto_aead_reqsize(crypto->in.aead) > crypto_aead_reqsize(crypto->out.aead))
		crypto->request = aead_request_alloc(crypto->in.aead, GFP_KERNEL);
	else
		crypto->request = aead_request_alloc(crypto->out.aead, GFP_KERNEL);
	if (!crypto->request)
		return -ENOMEM;
	aead_request_set_callback(crypto->request, 0, NULL, NULL);
	return 0;
}

static void direction_share(struct direction *direction, const struct nlattr *encr)
{
	int key_len = nla_len(encr) - SALT_LEN;

	direction->key.len = key_len;
	memcpy(direction->key.octets, nla_data(encr), key_len);
	memcpy(direction->salt, nla_data(encr) + key_len, SALT_LEN);
}

static int init(struct ikefp_crypto *crypto, struct nlattr *const *keys, enum ikefp_role role)
{
	bool initiator = role == IKEFP_ROLE_INITIATOR;
	struct direction *of_initiator = initiator ? &crypto->out : &crypto->in;
	struct direction *of_responder = initiator ? &crypto->in : &crypto->out;
	int err;

	if (IS_ENABLED(CONFIG_X86) && crypto->algorithm->gcm) {
		err = ikefp_shared_gcm_get();
		if (!err) {
			crypto->shared = true;
			direction_share(of_initiator, keys[IKEFP_A_KEYS_SK_EI]);
			direction_share(of_responder, keys[IKEFP_A_KEYS_SK_ER]);
			return 0;
		}
		/* Not without memory for it: then there is none for another one either. */
		if (err != -ENOENT)
			return err;
	}
	err = direction_init(of_initiator, crypto->algorithm, keys[IKEFP_A_KEYS_SK_EI],
			     keys[IKEFP_A_KEYS_SK_AI]);
	if (err)
		return err;
	err = direction_init(of_responder, crypto->algorithm, keys[IKEFP_A_KEYS_SK_ER],
			     keys[IKEFP_A_KEYS_SK_AR]);
	return err ?: alloc_request(crypto);
}

static bool has_key_len(const struct algorithm *algorithm, int len)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(algorithm->key_lens); i++)
		if (len > 0 && len == algorithm->key_lens[i])
			return true;
	return false;
}

static int check_lengths(const struct algorithm *algorithm, struct nlattr *const *keys,
			 struct netlink_ext_ack *extack)
{
	static const int encr_keys[] = { IKEFP_A_KEYS_SK_EI, IKEFP_A_KEYS_SK_ER };
	static const int integ_keys[] = { IKEFP_A_KEYS_SK_AI, IKEFP_A_KEYS_SK_AR };
	int i;

	for (i = 0; i < 2; i++) {
		struct nlattr *key = keys[encr_keys[i]];

		if (!key) {
			NL_SET_ERR_MSG(extack, "both sk-ei and sk-er are needed");
			return -EINVAL;
		}
		if (!has_key_len(algorithm, nla_len(key) - algorithm->salt_len) ||
		    nla_len(key) != nla_len(keys[encr_keys[0]])) {
			NL_SET_ERR_MSG_ATTR(extack, key,
					    "encryption key's length does not fit the algorithm");
			return -EINVAL;
		}
		key = keys[integ_keys[i]];
		if (!key != !algorithm->integ) {
			NL_SET_ERR_MSG(extack,
				       "sk-ai and sk-ar go with an integrity algorithm, and only so");
			return -EINVAL;
		}
		if (key && nla_len(key) != algorithm->integ_key_len) {
			NL_SET_ERR_MSG_ATTR(extack, key,
					    "integrity key's length does not fit the algorithm");
			return -EINVAL;
		}
	}
	return 0;
}

/**
 * ikefp_crypto_new() - take the keys of an IKE SA
 * @keys: the attributes of the set `keys`, validated by their policy
 * @role: ours
 * @extack: what to tell the caller
 *
 * Context: process. Sleeps; may load algorithms.
 * Return: what seals and opens, or an ERR_PTR: -EINVAL for keys that do not fit,
 * -ENOENT for an algorithm that this kernel does not have, -ENOMEM.
 */
struct ikefp_crypto *ikefp_crypto_new(struct nlattr *const *keys, enum ikefp_role role,
				      struct netlink_ext_ack *extack)
{
	const struct algorithm *algorithm;
	struct ikefp_crypto *crypto;
	int err;

	if (!keys[IKEFP_A_KEYS_ENCR]) {
		NL_SET_ERR_MSG(extack, "encryption algorithm is missing");
		return ERR_PTR(-EINVAL);
	}
	algorithm = find_algorithm(keys, extack);
	if (!algorithm)
		return ERR_PTR(-EINVAL);
	err = check_lengths(algorithm, keys, extack);
	if (err)
		return ERR_PTR(err);

	crypto = kzalloc(sizeof(*crypto), GFP_KERNEL);
	if (!crypto)
		return ERR_PTR(-ENOMEM);
	crypto->algorithm = algorithm;
	err = init(crypto, keys, role);
	if (err) {
		if (err == -ENOENT)
			NL_SET_ERR_MSG(extack, "this kernel does not have the algorithm");
		else
			NL_SET_ERR_MSG(extack, "the crypto API refused the keys");
		ikefp_crypto_free(crypto);
		return ERR_PTR(err);
	}
	return crypto;
}

/**
 * ikefp_crypto_free() - wipe the keys
 * @crypto: may be NULL
 *
 * Context: process. Sleeps.
 */
void ikefp_crypto_free(struct ikefp_crypto *crypto)
{
	if (!crypto)
		return;
	if (crypto->shared) {
		ikefp_shared_gcm_forget(&crypto->out.key);
		ikefp_shared_gcm_forget(&crypto->in.key);
		ikefp_shared_gcm_put();
	}
	aead_request_free(crypto->request);
	crypto_free_aead(crypto->out.aead);
	crypto_free_aead(crypto->in.aead);
	kfree_sensitive(crypto);
}

/* Octets of padding, the pad length's own not counted. */
static u32 padding_len(const struct algorithm *algorithm, u32 inner_len)
{
	u32 over = (inner_len + 1) % algorithm->block_len;

	return over ? algorithm->block_len - over : 0;
}

/**
 * ikefp_crypto_sealed_len() - how long a sealed message will be
 * @crypto: the keys
 * @headers_len: octets before the IV: IKEFP_SK_HEADERS_LEN or IKEFP_SKF_HEADERS_LEN
 * @inner_len: octets of its inner payloads, at most IKEFP_MAX_MESSAGE
 *
 * Return: octets from the IKE header to the ICV.
 */
u32 ikefp_crypto_sealed_len(const struct ikefp_crypto *crypto, u32 headers_len, u32 inner_len)
{
	const struct algorithm *algorithm = crypto->algorithm;

	return headers_len + algorithm->iv_len + inner_len + padding_len(algorithm, inner_len) +
	       1 + algorithm->icv_len;
}

/**
 * ikefp_crypto_inner_len() - how much a sealed message of some length holds
 * @crypto: the keys
 * @headers_len: as of ikefp_crypto_sealed_len(), whose inverse this is
 * @sealed_len: octets from the IKE header to the ICV, at the most
 *
 * Return: octets of inner payloads; 0 where none fit.
 */
u32 ikefp_crypto_inner_len(const struct ikefp_crypto *crypto, u32 headers_len, u32 sealed_len)
{
	const struct algorithm *algorithm = crypto->algorithm;
	u32 around = headers_len + algorithm->iv_len + algorithm->icv_len;

	if (sealed_len < around + algorithm->block_len)
		return 0;
	return rounddown(sealed_len - around, algorithm->block_len) - 1;
}

static int run_aead(struct aead_request *request, struct crypto_aead *aead, u8 *iv,
		    struct scatterlist *sg, u32 ad_len, u32 crypt_len, bool seal)
{
	aead_request_set_tfm(request, aead);
	aead_request_set_ad(request, ad_len);
	aead_request_set_crypt(request, sg, sg, crypt_len, iv);
	return seal ? crypto_aead_encrypt(request) : crypto_aead_decrypt(request);
}

/* What ikefp_shared_gcm_run() does, without the vector unit. */
static int run_gcm(const struct direction *direction, u8 *message, u32 headers_len, u8 *text,
		   u32 text_len, const u8 *nonce, bool seal)
{
	return seal ? ikefp_gcm_seal(&direction->key, nonce, message, headers_len, text, text_len) :
		      ikefp_gcm_open(&direction->key, nonce, message, headers_len, text, text_len);
}

/*
 * Runs the AEAD over a message in place. With AES-CBC the IV is both authentic and
 * the cipher's own; otherwise it stands between the two parts that the AEAD sees.
 */
static int run(const struct ikefp_crypto *crypto, const struct direction *direction, u8 *message,
	       u32 headers_len, u32 len, bool seal)
{
	const struct algorithm *algorithm = crypto->algorithm;
	u32 body = headers_len + algorithm->iv_len;
	u32 crypt_len = len - body - (seal ? algorithm->icv_len : 0);
	u32 ad_len = headers_len;
	struct scatterlist sg[2];
	u8 iv[MAX_IV_LEN];
	int err;

	if (algorithm->integ) {
		memcpy(iv, message + headers_len, algorithm->iv_len);
		sg_init_one(sg, message, len);
		ad_len = body;
	} else {
		memcpy(iv, direction->salt, SALT_LEN);
		memcpy(iv + SALT_LEN, message + headers_len, NONCE_LEN - SALT_LEN);
		sg_init_table(sg, 2);
		sg_set_buf(&sg[0], message, headers_len);
		sg_set_buf(&sg[1], message + body, len - body);
	}
	if (!crypto->shared)
		err = run_aead(crypto->request, direction->aead, iv, sg, ad_len, crypt_len, seal);
	else if (crypto_simd_usable())
		err = ikefp_shared_gcm_run(&direction->key, iv, sg, ad_len, crypt_len, seal);
	else
		err = run_gcm(direction, message, headers_len, message + body,
			      len - body - algorithm->icv_len, iv, seal);
	memzero_explicit(iv, sizeof(iv));
	return err;
}

/**
 * ikefp_crypto_seal() - seal a message
 * @crypto: the keys
 * @message: IKE header and SK or SKF header are set; the rest is filled in
 * @headers_len: octets of these headers
 * @len: ikefp_crypto_sealed_len()
 * @inner: the inner payloads
 * @inner_len: octets of them
 *
 * Context: any; the caller holds the SA's lock.
 * Return: 0, or the crypto API's error; then the octets must not be sent.
 */
int ikefp_crypto_seal(struct ikefp_crypto *crypto, u8 *message, u32 headers_len, u32 len,
		      const u8 *inner, u32 inner_len)
{
	const struct algorithm *algorithm = crypto->algorithm;
	u32 pad_len = padding_len(algorithm, inner_len);
	u8 *iv = message + headers_len;
	u8 *p = iv + algorithm->iv_len;

	/*
	 * An AEAD's IV must be new, and a counter is; AES-CBC's must be unpredictable
	 * too (RFC 7296 section 3.14).
	 */
	if (algorithm->integ) {
		get_random_bytes(iv, algorithm->iv_len);
	} else {
		__be64 next_iv = cpu_to_be64(crypto->next_iv++);

		memcpy(iv, &next_iv, sizeof(next_iv));
	}
	memcpy(p, inner, inner_len);
	memset(p + inner_len, 0, pad_len);
	p[inner_len + pad_len] = pad_len;
	return run(crypto, &crypto->out, message, headers_len, len, true);
}

static int open_from(struct ikefp_crypto *crypto, struct direction *direction, u8 *message,
		     u32 headers_len, u32 len, u8 **inner, u32 *inner_len)
{
	const struct algorithm *algorithm = crypto->algorithm;
	u32 body = headers_len + algorithm->iv_len;
	u32 text_len;
	u8 pad_len;

	if (len < body + algorithm->block_len + algorithm->icv_len)
		return IKEFP_A_STATS_DROP_MALFORMED;
	text_len = len - body - algorithm->icv_len;
	if (text_len % algorithm->block_len)
		return IKEFP_A_STATS_DROP_MALFORMED;

	switch (run(crypto, direction, message, headers_len, len, false)) {
	case 0:
		break;
	case -ENOMEM:
		return IKEFP_A_STATS_DROP_MEMORY;
	default:
		return IKEFP_A_STATS_DROP_INTEGRITY;
	}

	pad_len = message[body + text_len - 1];
	if (pad_len + 1 > text_len)
		return IKEFP_A_STATS_DROP_MALFORMED;
	*inner = message + body;
	*inner_len = text_len - 1 - pad_len;
	return 0;
}

/**
 * ikefp_crypto_open() - verify and open a message, in place
 * @crypto: the keys
 * @message: the message from its IKE header on, in contiguous memory of our own; if it
 *           is not authentic, its octets are of no use afterwards
 * @headers_len: as of ikefp_crypto_sealed_len()
 * @len: octets of it, as in its header
 * @inner: where the inner payloads begin
 * @inner_len: octets of them
 *
 * Context: any; the caller holds the SA's lock.
 * Return: 0, or the counter of the reason to drop it (IKEFP_A_STATS_DROP_*).
 */
int ikefp_crypto_open(struct ikefp_crypto *crypto, u8 *message, u32 headers_len, u32 len,
		      u8 **inner, u32 *inner_len)
{
	return open_from(crypto, &crypto->in, message, headers_len, len, inner, inner_len);
}

/**
 * ikefp_crypto_reopen() - open what we have sealed ourselves, in place
 * @crypto: the keys
 * @message: as of ikefp_crypto_open()
 * @headers_len: likewise
 * @len: likewise
 * @inner: likewise
 * @inner_len: likewise
 *
 * Context: any; the caller holds the SA's lock.
 * Return: as ikefp_crypto_open().
 */
int ikefp_crypto_reopen(struct ikefp_crypto *crypto, u8 *message, u32 headers_len, u32 len,
			u8 **inner, u32 *inner_len)
{
	return open_from(crypto, &crypto->out, message, headers_len, len, inner, inner_len);
}
