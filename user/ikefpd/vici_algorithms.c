// SPDX-License-Identifier: GPL-2.0
/* VICI's get-algorithms: what a configuration may name, and who computes it. */
#include "dh.h"
#include "proposal.h"
#include "vici_client.h"
#include "vici_message.h"

/* The kernel seals messages and packets; the rest is libcrypto's. */
static const char kernel[] = "kernel", libcrypto[] = "openssl";

static bool is_classic(uint16_t id)
{
	return id == ENCR_AES_CBC;
}

static bool is_aead(uint16_t id)
{
	return !is_classic(id);
}

/* Not what stands for none. */
static bool is_some(uint16_t id)
{
	return id;
}

static bool is_there(uint16_t group)
{
	return dh_public_len(group);
}

static void put_transforms(struct buf *reply, const char *section, uint8_t type,
			   bool (*fits)(uint16_t id), const char *by)
{
	const char *name;
	uint16_t id;

	vici_put_section(reply, section);
	for (size_t i = 0; (name = transform_nth(type, i, &id)); i++)
		if (fits(id))
			vici_put(reply, name, "%s", by);
	vici_put_section_end(reply);
}

/* @names end with NULL. */
static void put_names(struct buf *reply, const char *section, const char *const *names)
{
	vici_put_section(reply, section);
	for (; *names; names++)
		vici_put(reply, *names, "%s", libcrypto);
	vici_put_section_end(reply);
}

/* The sections and names are strongSwan's, which has all of the sections, empty ones too. */
enum vici_result vici_get_algorithms(struct vici_client *client, const struct tree *request,
				     struct buf *reply)
{
	static const char *const hashes[] = {
		"HASH_SHA1", "HASH_SHA2_256", "HASH_SHA2_384", "HASH_SHA2_512", "HASH_IDENTITY",
		NULL,
	};
	static const char *const kdfs[] = { "KDF_PRF", "KDF_PRF_PLUS", NULL };
	static const char *const none[] = { NULL };

	(void)client;
	(void)request;
	put_transforms(reply, "encryption", TRANSFORM_ENCR, is_classic, kernel);
	put_transforms(reply, "integrity", TRANSFORM_INTEG, is_some, kernel);
	put_transforms(reply, "aead", TRANSFORM_ENCR, is_aead, kernel);
	put_names(reply, "hasher", hashes);
	put_transforms(reply, "prf", TRANSFORM_PRF, is_some, libcrypto);
	put_names(reply, "xof", none);
	put_names(reply, "kdf", kdfs);
	put_names(reply, "drbg", none);
	put_transforms(reply, "ke", TRANSFORM_DH, is_there, libcrypto);
	put_names(reply, "rng", none);
	put_names(reply, "nonce-gen", none);
	return VICI_DONE;
}
