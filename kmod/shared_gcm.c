// SPDX-License-Identifier: GPL-2.0

#include <crypto/aead.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>

#include "gcm.h"
#include "shared_gcm.h"

/* x86's under its asynchronous one: synchronous, but only where the vector unit is free. */
#define NAME "__gcm(aes)"

struct shared {
	spinlock_t lock; /* all; taken on other processors to forget a key */
	struct crypto_aead *aead;
	struct aead_request *request;
	const struct ikefp_gcm_key *key; /* that the AEAD has; NULL: nobody's */
	u8 longest; /* octets of the longest key that the AEAD may have something left of */
};

/* The longest there is: it takes the place of all that any other has left. */
static const u8 no_key[IKEFP_GCM_MAX_KEY];

static DEFINE_PER_CPU(struct shared, shared);
static DEFINE_MUTEX(users_lock);
static unsigned int users;

static void free_all(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct shared *s = per_cpu_ptr(&shared, cpu);

		aead_request_free(s->request);
		crypto_free_aead(s->aead);
		*s = (struct shared){ 0 };
	}
}

static int alloc_one(struct shared *s)
{
	struct crypto_aead *aead;

	/* It is there already, or none is looked for. */
	aead = crypto_alloc_aead(NAME, CRYPTO_ALG_INTERNAL | CRYPTO_ALG_TESTED,
				 CRYPTO_ALG_INTERNAL | CRYPTO_ALG_TESTED | CRYPTO_ALG_ASYNC |
					 CRYPTO_NOLOAD);
	if (IS_ERR(aead))
		return PTR_ERR(aead);
	spin_lock_init(&s->lock);
	s->aead = aead;
	s->request = aead_request_alloc(aead, GFP_KERNEL);
	if (!s->request)
		return -ENOMEM;
	aead_request_set_tfm(s->request, aead);
	aead_request_set_callback(s->request, 0, NULL, NULL);
	return crypto_aead_setauthsize(aead, IKEFP_GCM_ICV_LEN);
}

static int alloc_all(void)
{
	int cpu, err;

	for_each_possible_cpu(cpu) {
		err = alloc_one(per_cpu_ptr(&shared, cpu));
		if (err) {
			free_all();
			return err;
		}
	}
	return 0;
}

/**
 * ikefp_shared_gcm_get() - somebody is going to use it
 *
 * Context: process. Sleeps.
 * Return: 0; -ENOENT: this machine has none; or another error of the crypto API.
 */
int ikefp_shared_gcm_get(void)
{
	int err = 0;

	mutex_lock(&users_lock);
	if (!users)
		err = alloc_all();
	if (!err)
		users++;
	mutex_unlock(&users_lock);
	return err;
}

/**
 * ikefp_shared_gcm_put() - and has no more use for it
 *
 * Context: process. Sleeps.
 */
void ikefp_shared_gcm_put(void)
{
	mutex_lock(&users_lock);
	if (!--users)
		free_all();
	mutex_unlock(&users_lock);
}

static int wipe(struct shared *s)
{
	int err = crypto_aead_setkey(s->aead, no_key, sizeof(no_key));

	if (!err)
		s->longest = 0;
	return err;
}

static int use_key(struct shared *s, const struct ikefp_gcm_key *key)
{
	int err = 0;

	if (s->key == key)
		return 0;
	/* If it fails, nobody knows which key there is. */
	WRITE_ONCE(s->key, NULL);
	/* A shorter one leaves the end of what was made of a longer one, and so that one. */
	if (key->len < s->longest)
		err = wipe(s);
	s->longest = max(s->longest, key->len);
	if (!err)
		err = crypto_aead_setkey(s->aead, key->octets, key->len);
	if (!err)
		WRITE_ONCE(s->key, key);
	return err;
}

/**
 * ikefp_shared_gcm_run() - seal or open a message
 * @key: the key, which stays where it is and as it is until it is forgotten
 * @nonce: IKEFP_GCM_NONCE_LEN octets
 * @sg: what is to be authentic only, and after it what is encrypted, in place, and the ICV
 * @ad_len: octets of the former
 * @crypt_len: octets of the latter; to open it, with the ICV
 * @seal: or open
 *
 * Context: any where crypto_simd_usable(), between get and put.
 * Return: 0, -EBADMSG for what is not authentic, or the crypto API's error.
 */
int ikefp_shared_gcm_run(const struct ikefp_gcm_key *key, u8 *nonce, struct scatterlist *sg,
			 u32 ad_len, u32 crypt_len, bool seal)
{
	struct shared *s = raw_cpu_ptr(&shared);
	int err;

	spin_lock_bh(&s->lock);
	err = use_key(s, key);
	if (!err) {
		aead_request_set_ad(s->request, ad_len);
		aead_request_set_crypt(s->request, sg, sg, crypt_len, nonce);
		err = seal ? crypto_aead_encrypt(s->request) : crypto_aead_decrypt(s->request);
	}
	spin_unlock_bh(&s->lock);
	return err;
}

/**
 * ikefp_shared_gcm_forget() - wipe what was made of a key
 * @key: the key, which nobody uses any more
 *
 * Context: process, between get and put.
 */
void ikefp_shared_gcm_forget(const struct ikefp_gcm_key *key)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct shared *s = per_cpu_ptr(&shared, cpu);

		/* Nobody sets it to this one any more. */
		if (READ_ONCE(s->key) != key)
			continue;
		spin_lock_bh(&s->lock);
		if (s->key == key) {
			WRITE_ONCE(s->key, NULL);
			wipe(s);
		}
		spin_unlock_bh(&s->lock);
	}
}
