// SPDX-License-Identifier: GPL-2.0
/* Identities: RFC 7296 section 3.5. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dn.h"
#include "id.h"
#include "ikev2.h"
#include "table.h"

static int set(struct ike_id *id, uint8_t type, const void *data, size_t len)
{
	memset(id, 0, sizeof(*id));
	if (len) {
		id->data = malloc(len);
		if (!id->data)
			return -ENOMEM;
		memcpy(id->data, data, len);
	}
	id->type = type;
	id->len = len;
	return 0;
}

static int parse_hex(struct ike_id *id, uint8_t type, const char *text,
		     const char **why)
{
	uint8_t octets[ID_STRLEN];
	size_t n = 0;
	int high = -1;

	for (; *text; text++) {
		char c = tolower((unsigned char)*text);
		int v;

		if (c == ':' && high < 0)
			continue;
		if (!isxdigit((unsigned char)c) || n == sizeof(octets)) {
			*why = "not an even number of hexadecimal digits";
			return -EINVAL;
		}
		v = isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10;
		if (high < 0) {
			high = v;
		} else {
			octets[n++] = high << 4 | v;
			high = -1;
		}
	}
	if (high >= 0 || !n) {
		*why = "not an even number of hexadecimal digits";
		return -EINVAL;
	}
	return set(id, type, octets, n);
}

static int parse_addr(struct ike_id *id, int family, const char *text,
		      const char **why)
{
	uint8_t addr[16];

	if (inet_pton(family, text, addr) != 1) {
		*why = family == AF_INET ? "not an IPv4 address" :
					   "not an IPv6 address";
		return -EINVAL;
	}
	return family == AF_INET ? set(id, ID_IPV4_ADDR, addr, 4) :
				   set(id, ID_IPV6_ADDR, addr, 16);
}

/* "10.0.0.0/24", or "10.0.0.1-10.0.0.9". */
static int parse_range(struct ike_id *id, int family, const char *text, const char **why)
{
	const size_t len = family == AF_INET ? 4 : 16, mark = strcspn(text, "/-");
	uint8_t range[2 * 16], *first = range, *last = range + len;
	char from[INET6_ADDRSTRLEN];
	unsigned long bits;
	char *end;

	*why = family == AF_INET ? "not a subnet or a range of IPv4 addresses" :
				   "not a subnet or a range of IPv6 addresses";
	if (!text[mark] || mark >= sizeof(from))
		return -EINVAL;
	memcpy(from, text, mark);
	from[mark] = '\0';
	if (inet_pton(family, from, first) != 1)
		return -EINVAL;
	if (text[mark] == '-') {
		if (inet_pton(family, text + mark + 1, last) != 1 || memcmp(first, last, len) > 0)
			return -EINVAL;
		return set(id, family == AF_INET ? ID_IPV4_ADDR_RANGE : ID_IPV6_ADDR_RANGE, range,
			   2 * len);
	}
	if (!isdigit((unsigned char)text[mark + 1]))
		return -EINVAL;
	bits = strtoul(text + mark + 1, &end, 10);
	if (*end || bits > 8 * len)
		return -EINVAL;
	memcpy(last, first, len);
	for (size_t i = bits; i < 8 * len; i++) {
		first[i / 8] &= ~(0x80 >> i % 8);
		last[i / 8] |= 0x80 >> i % 8;
	}
	return set(id, family == AF_INET ? ID_IPV4_ADDR_RANGE : ID_IPV6_ADDR_RANGE, range, 2 * len);
}

/* "{11}:#0102": a type by its number. */
static int parse_numbered(struct ike_id *id, const char *text, const char **why)
{
	unsigned long type;
	char *end;

	*why = "not a type from 1 to 255 in curly brackets with a colon and something after it";
	if (!isdigit((unsigned char)text[1]))
		return -EINVAL;
	type = strtoul(text + 1, &end, 10);
	if (!type || type > 255 || end[0] != '}' || end[1] != ':' || !end[2])
		return -EINVAL;
	if (end[2] == '#')
		return parse_hex(id, type, end + 3, why);
	return set(id, type, end + 2, strlen(end + 2));
}

/* An address has as many octets as an address has. */
static int check_len(struct ike_id *id, const char **why)
{
	if ((id->type != ID_IPV4_ADDR || id->len == 4) && (id->type != ID_IPV6_ADDR || id->len == 16) &&
	    (id->type != ID_IPV4_ADDR_RANGE || id->len == 8) &&
	    (id->type != ID_IPV6_ADDR_RANGE || id->len == 32))
		return 0;
	ike_id_clear(id);
	*why = "not the octets of an address";
	return -EINVAL;
}

static int parse_dn(struct ike_id *id, const char *text, const char **why)
{
	struct buf der = BUF_INIT;
	int err = dn_parse(&der, text, why);

	if (!err)
		err = set(id, ID_DER_ASN1_DN, der.data, der.len);
	buf_clear(&der);
	return err;
}

static int parse(struct ike_id *id, const char *text, const char **why)
{
	static const struct {
		const char *prefix;
		uint8_t type;
	} prefixes[] = {
		{ "ipv4:", ID_IPV4_ADDR }, { "ipv6:", ID_IPV6_ADDR },
		{ "fqdn:", ID_FQDN }, { "dns:", ID_FQDN },
		{ "email:", ID_RFC822_ADDR }, { "rfc822:", ID_RFC822_ADDR },
		{ "userfqdn:", ID_RFC822_ADDR }, { "keyid:", ID_KEY_ID },
		{ "asn1dn:", ID_DER_ASN1_DN }, { "asn1gn:", ID_DER_ASN1_GN },
		{ "ipv4net:", ID_IPV4_ADDR_RANGE }, { "ipv6net:", ID_IPV6_ADDR_RANGE },
		{ "ipv4range:", ID_IPV4_ADDR_RANGE }, { "ipv6range:", ID_IPV6_ADDR_RANGE },
	};
	uint8_t addr[16];
	size_t i;

	memset(id, 0, sizeof(*id));
	if (!*text || !strcmp(text, "%any") || !strcmp(text, "%any6") ||
	    !strcmp(text, "0.0.0.0") || !strcmp(text, "::") || !strcmp(text, "*"))
		return 0;

	for (i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		size_t len = strlen(prefixes[i].prefix);
		const char *value = text + len;

		if (strncasecmp(text, prefixes[i].prefix, len))
			continue;
		if (!*value) {
			*why = "nothing follows the type";
			return -EINVAL;
		}
		if (prefixes[i].type == ID_IPV4_ADDR && *value != '#')
			return parse_addr(id, AF_INET, value, why);
		if (prefixes[i].type == ID_IPV6_ADDR && *value != '#')
			return parse_addr(id, AF_INET6, value, why);
		if (*value == '#')
			return parse_hex(id, prefixes[i].type, value + 1, why);
		if (prefixes[i].type == ID_IPV4_ADDR_RANGE)
			return parse_range(id, AF_INET, value, why);
		if (prefixes[i].type == ID_IPV6_ADDR_RANGE)
			return parse_range(id, AF_INET6, value, why);
		if (prefixes[i].type == ID_DER_ASN1_GN) {
			*why = "a GeneralName is written as its DER: asn1gn:#HEX";
			return -EINVAL;
		}
		if (prefixes[i].type == ID_DER_ASN1_DN)
			return parse_dn(id, value, why);
		return set(id, prefixes[i].type, value, strlen(value));
	}
	if (text[0] == '{')
		return parse_numbered(id, text, why);
	if (strchr(text, '='))
		return parse_dn(id, text, why);
	if (text[0] == '@' && text[1] == '#')
		return parse_hex(id, ID_KEY_ID, text + 2, why);
	if (text[0] == '@' && text[1] == '@')
		return set(id, ID_RFC822_ADDR, text + 2, strlen(text + 2));
	if (text[0] == '@') {
		if (!text[1]) {
			*why = "nothing follows the @";
			return -EINVAL;
		}
		return set(id, ID_FQDN, text + 1, strlen(text + 1));
	}
	if (strchr(text, '@'))
		return set(id, ID_RFC822_ADDR, text, strlen(text));
	if (inet_pton(AF_INET, text, addr) == 1)
		return set(id, ID_IPV4_ADDR, addr, 4);
	if (inet_pton(AF_INET6, text, addr) == 1)
		return set(id, ID_IPV6_ADDR, addr, 16);
	if (!parse_range(id, AF_INET, text, why) || !parse_range(id, AF_INET6, text, why))
		return 0;
	if (strchr(text, ':'))
		return set(id, ID_KEY_ID, text, strlen(text));
	return set(id, ID_FQDN, text, strlen(text));
}

int ike_id_parse(struct ike_id *id, const char *text, const char **why)
{
	int err = parse(id, text, why);

	return err ? err : check_len(id, why);
}

int ike_id_set(struct ike_id *id, uint8_t type, const void *data, size_t len)
{
	memset(id, 0, sizeof(*id));
	if ((type == ID_IPV4_ADDR && len != 4) ||
	    (type == ID_IPV6_ADDR && len != 16) || type == ID_ANY ||
	    type == ID_IPV4_ADDR_RANGE || type == ID_IPV6_ADDR_RANGE || !len)
		return -EBADMSG;
	return set(id, type, data, len);
}

int ike_id_from_endpoint(struct ike_id *id, const struct endpoint *e)
{
	return set(id, e->family == AF_INET6 ? ID_IPV6_ADDR : ID_IPV4_ADDR,
		   e->addr, endpoint_addr_len(e));
}

int ike_id_copy(struct ike_id *to, const struct ike_id *from)
{
	return set(to, from->type, from->data, from->len);
}

void ike_id_clear(struct ike_id *id)
{
	free(id->data);
	memset(id, 0, sizeof(*id));
}

static bool caseless(uint8_t type)
{
	return type == ID_FQDN || type == ID_RFC822_ADDR;
}

static bool same_octets(const uint8_t *a, const uint8_t *b, size_t len, bool fold)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (a[i] != b[i] && !(fold && tolower(a[i]) == tolower(b[i])))
			return false;
	return true;
}

bool ike_id_equal(const struct ike_id *a, const struct ike_id *b)
{
	return a->type == b->type && a->len == b->len &&
	       same_octets(a->data, b->data, a->len, caseless(a->type));
}

uint64_t ike_id_hash(uint64_t hash, const struct ike_id *id)
{
	uint8_t octet;
	size_t i;

	hash = table_hash(hash, &id->type, 1);
	for (i = 0; i < id->len; i++) {
		octet = caseless(id->type) ? tolower(id->data[i]) : id->data[i];
		hash = table_hash(hash, &octet, 1);
	}
	return hash;
}

static bool is_within(const struct ike_id *range, const struct ike_id *peer)
{
	const uint8_t type = range->type == ID_IPV4_ADDR_RANGE ? ID_IPV4_ADDR : ID_IPV6_ADDR;

	return peer->type == type && 2 * peer->len == range->len &&
	       memcmp(range->data, peer->data, peer->len) <= 0 &&
	       memcmp(peer->data, range->data + peer->len, peer->len) <= 0;
}

bool ike_id_is_range(const struct ike_id *id)
{
	return id->type == ID_IPV4_ADDR_RANGE || id->type == ID_IPV6_ADDR_RANGE;
}

int ike_id_match(const struct ike_id *configured, const struct ike_id *peer)
{
	const struct ike_id *c = configured;

	if (c->type == ID_ANY)
		return 1;
	if (ike_id_is_range(c))
		return is_within(c, peer) ? 2 : 0;
	if (ike_id_equal(c, peer))
		return 3;
	if (c->type == ID_DER_ASN1_DN && peer->type == ID_DER_ASN1_DN)
		return dn_match(c->data, c->len, peer->data, peer->len);
	/* "*.example.org" holds a.example.org; "*@example.org" a@example.org. */
	if (c->type == peer->type && caseless(c->type) && c->len > 1 &&
	    c->data[0] == '*' && peer->len >= c->len &&
	    same_octets(c->data + 1, peer->data + peer->len - (c->len - 1),
			c->len - 1, true))
		return 2;
	return 0;
}

int ike_id_match_octets(const struct ike_id *configured, const void *octets, size_t len)
{
	const struct ike_id peer = {
		.type = configured->type,
		.data = (uint8_t *)octets,
		.len = len,
	};

	return ike_id_match(configured, &peer);
}

bool ike_id_is_pattern(const struct ike_id *id)
{
	if (id->type == ID_DER_ASN1_DN)
		return dn_match(id->data, id->len, id->data, id->len) == 2;
	return ike_id_is_range(id) || (caseless(id->type) && id->len && id->data[0] == '*');
}

static const char *range_str(const struct ike_id *id, char buf[ID_STRLEN])
{
	const int family = id->type == ID_IPV4_ADDR_RANGE ? AF_INET : AF_INET6;
	char first[INET6_ADDRSTRLEN] = "?", last[INET6_ADDRSTRLEN] = "?";

	inet_ntop(family, id->data, first, sizeof(first));
	inet_ntop(family, id->data + id->len / 2, last, sizeof(last));
	snprintf(buf, ID_STRLEN, "%s-%s", first, last);
	return buf;
}

const char *ike_id_str(const struct ike_id *id, char buf[ID_STRLEN])
{
	bool text = true;
	size_t i, n = 0;

	switch (id->type) {
	case ID_ANY:
		snprintf(buf, ID_STRLEN, "%%any");
		return buf;
	case ID_IPV4_ADDR:
	case ID_IPV6_ADDR:
		if (!inet_ntop(id->type == ID_IPV4_ADDR ? AF_INET : AF_INET6,
			       id->data, buf, ID_STRLEN))
			snprintf(buf, ID_STRLEN, "?");
		return buf;
	case ID_IPV4_ADDR_RANGE:
	case ID_IPV6_ADDR_RANGE:
		return range_str(id, buf);
	case ID_FQDN:
	case ID_RFC822_ADDR:
		break;
	case ID_DER_ASN1_DN:
		if (dn_str(id->data, id->len, buf, ID_STRLEN))
			return buf;
		/* fall through */
	default:
		for (i = 0; i < id->len; i++)
			if (!isprint(id->data[i]))
				text = false;
		break;
	}
	for (i = 0; i < id->len && n + 3 < ID_STRLEN; i++) {
		if (!text)
			n += snprintf(buf + n, ID_STRLEN - n, "%02x", id->data[i]);
		else
			buf[n++] = isprint(id->data[i]) ? id->data[i] : '?';
	}
	buf[n] = '\0';
	return buf;
}
