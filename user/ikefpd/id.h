/* SPDX-License-Identifier: GPL-2.0 */
/* Identities: the body of IDi and IDr payloads, RFC 7296 section 3.5. */
#ifndef IKEFPD_ID_H
#define IKEFPD_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"

struct ike_id {
	uint8_t type;		/* enum ike_id_type; ID_ANY matches everything */
	uint8_t *data;		/* owned; as on the wire, no terminator */
	size_t len;
};

#define ID_STRLEN	256

/*
 * Reads an identity as swanctl.conf writes it: an address, an FQDN (also with a
 * leading "@"), user@domain, "@#hex" (KEY_ID), "%any", or with an explicit type:
 * "ipv4:", "ipv6:", "fqdn:", "dns:", "email:", "rfc822:", "userfqdn:", "keyid:",
 * "asn1dn:", "asn1gn:" (only "#hex"), or its number: "{11}:". What has a "=" is a distinguished
 * name (dn.h). A leading "*." or "*@" in the text is a wildcard for matching, and so is a subnet
 * or a range of addresses, also with "ipv4net:", "ipv6net:", "ipv4range:" or "ipv6range:".
 * Returns 0, -EINVAL with *why pointing at a constant text, or -ENOMEM.
 * id is overwritten; clear it with ike_id_clear().
 */
int ike_id_parse(struct ike_id *id, const char *text, const char **why);

/* From the body of an ID payload after its 4 octets of type and RESERVED.
 * Returns 0, -EBADMSG for an address of a wrong length, or -ENOMEM.
 */
int ike_id_set(struct ike_id *id, uint8_t type, const void *data, size_t len);
/* The identity of an address. */
int ike_id_from_endpoint(struct ike_id *id, const struct endpoint *e);

int ike_id_copy(struct ike_id *to, const struct ike_id *from);
void ike_id_clear(struct ike_id *id);

/* The very same type and octets (FQDN and RFC822 without regard to case). */
bool ike_id_equal(const struct ike_id *a, const struct ike_id *b);
/* The same for equal ones. Goes on with the hash given (table.h). */
uint64_t ike_id_hash(uint64_t hash, const struct ike_id *id);

/*
 * Does a peer's identity fit a configured one? 0: no. Otherwise the better the
 * greater: exact 3, wildcard 2, %any 1. Names are compared as dn_match() does.
 */
int ike_id_match(const struct ike_id *configured, const struct ike_id *peer);

/* The same for octets that come without a type, such as a PPK_ID's (RFC 8784): any will do. */
int ike_id_match_octets(const struct ike_id *configured, const void *octets, size_t len);

/* Does it stand for all addresses of a subnet or a range? */
bool ike_id_is_range(const struct ike_id *id);

/* Does it stand for several? %any does not count. */
bool ike_id_is_pattern(const struct ike_id *id);

/* For people and for VICI, cut to fit; unprintable octets as '?'. Returns buf. */
const char *ike_id_str(const struct ike_id *id, char buf[ID_STRLEN]);

#endif
