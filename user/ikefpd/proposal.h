/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Proposals: what an SA payload offers, RFC 7296 section 3.3, and the keywords
 * by which swanctl.conf writes them ("aes128gcm16-prfsha256-x25519").
 */
#ifndef IKEFPD_PROPOSAL_H
#define IKEFPD_PROPOSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "ikev2.h"

struct transform {
	uint8_t type;		/* enum ike_transform_type */
	uint16_t id;
	uint16_t key_bits;	/* Key Length attribute, 0: none */
};

#define PROPOSAL_TRANSFORMS_MAX	64

/* An additional key exchange, RFC 9370; and any. */
static inline bool transform_is_addke(uint8_t type)
{
	return type >= TRANSFORM_ADDKE1 && type <= TRANSFORM_ADDKE7;
}

static inline bool transform_is_ke(uint8_t type)
{
	return type == TRANSFORM_DH || transform_is_addke(type);
}

struct proposal {
	uint8_t number;		/* of the substructure, from 1 */
	uint8_t protocol;	/* PROTO_IKE or PROTO_ESP */
	uint8_t spi_len;	/* 0, 4 or 8 */
	uint8_t spi[8];		/* network order */
	unsigned int n;
	struct transform transforms[PROPOSAL_TRANSFORMS_MAX];
};

/* Nothing. */
extern const struct proposal proposal_none;

/*
 * Keeps a copy of a proposal, in memory for as many transforms as it has: such a one is read,
 * and never copied as a whole. *kept is &proposal_none or what was kept before, which goes.
 * Returns 0, or -ENOMEM, and *kept is as before.
 */
int proposal_keep(const struct proposal **kept, const struct proposal *p);
/* Frees it: *kept is &proposal_none. */
void proposal_drop(const struct proposal **kept);
/* The other way round. */
void proposal_copy(struct proposal *to, const struct proposal *kept);

struct proposal_list {
	struct proposal *v;
	unsigned int n;
};

/*
 * Reads one proposal in strongSwan's keywords ("default" among them) for
 * PROTO_IKE or PROTO_ESP and appends it. With no PRF keyword in an IKE
 * proposal the PRF is that of the integrity keyword, which an AEAD cipher then
 * drops, all as strongSwan does.
 * Returns 0, -EINVAL with a text for the person in err, or -ENOMEM.
 */
int proposal_list_add(struct proposal_list *list, enum ike_protocol protocol,
		      const char *text, char *err, size_t errlen);
void proposal_list_clear(struct proposal_list *list);
int proposal_list_copy(struct proposal_list *to, const struct proposal_list *from);

bool proposal_has(const struct proposal *p, uint8_t type, uint16_t id);
/* The first transform of the type, NULL if none. */
const struct transform *proposal_get(const struct proposal *p, uint8_t type);
/* Id of the first transform of the type, or 0. */
uint16_t proposal_id(const struct proposal *p, uint8_t type);
/* Drops all transforms of a type. */
void proposal_strip(struct proposal *p, uint8_t type);
/* Drops all key exchanges: of ESP proposals in IKE_AUTH. */
void proposal_strip_ke(struct proposal *p);
/* The additional key exchanges of a chosen proposal, in their order. Returns how many. */
unsigned int proposal_addke(const struct proposal *p, uint16_t groups[ADDKE_MAX]);
/* Has any of them one? */
bool proposal_list_has_addke(const struct proposal_list *list);
/* Those that can do without any, without them. 0 or -ENOMEM. */
int proposal_list_without_addke(struct proposal_list *to, const struct proposal_list *from);

/*
 * Writes the body of an SA payload. The proposals are numbered from 1 (or, with
 * a single one whose number is set, keep it: the answer of a responder); spi of
 * spi_len octets goes into each.
 */
void proposal_write(struct buf *out, const struct proposal *v, unsigned int n,
		    const uint8_t *spi, uint8_t spi_len);

/*
 * Is the body of an SA payload well formed? Returns the number of proposals, or
 * -EBADMSG.
 */
int proposal_check(const uint8_t *body, size_t len);

/*
 * The responder's choice (RFC 7296 section 2.7): the first of our proposals that
 * one of the peer's fits, with exactly one transform of each type, in our order
 * of preference. chosen takes number, SPI and transforms.
 * skip_dh leaves key exchanges out of account (IKE_AUTH).
 * Returns 0, -ENOENT (NO_PROPOSAL_CHOSEN), or -EBADMSG (INVALID_SYNTAX).
 */
int proposal_select(const struct proposal_list *ours, enum ike_protocol protocol,
		    const uint8_t *body, size_t len, bool skip_dh,
		    struct proposal *chosen);

/*
 * The same, DH groups in account; where several would do, the group of the peer's KE
 * payload, which saves a round trip. -ENOMEM besides.
 */
int proposal_select_group(const struct proposal_list *ours, enum ike_protocol protocol,
			  const uint8_t *body, size_t len, uint16_t group,
			  struct proposal *chosen);

/*
 * The initiator's check of the peer's answer: one proposal, one transform of
 * each type, all of them out of the proposal of that number that we sent.
 * Returns 0, -ENOENT (not what we offered), or -EBADMSG.
 */
int proposal_verify(const struct proposal_list *ours, enum ike_protocol protocol,
		    const uint8_t *body, size_t len, bool skip_dh,
		    struct proposal *chosen);

/* "AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519" into buf. Returns buf. */
const char *proposal_str(const struct proposal *p, char *buf, size_t len);
/* All of a list, and all that the body of an SA payload offers, with commas between. */
const char *proposal_list_str(const struct proposal_list *list, char *buf, size_t len);
const char *proposal_offer_str(const uint8_t *body, size_t body_len, char *buf, size_t len);
/* Room for most; what is longer is cut. */
#define PROPOSALS_STRLEN	512
/* strongSwan's (swanctl --list-sas) name of a transform's algorithm, or "?". */
const char *transform_name(uint8_t type, uint16_t id);
/* The nth of those that are known of a type, from 0: its name and *id. NULL: there are no more. */
const char *transform_nth(uint8_t type, size_t n, uint16_t *id);

#endif
