// SPDX-License-Identifier: GPL-2.0
/* Distinguished names. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#include "dn.h"
#include "table.h"

/* Names of attributes that libcrypto does not have, or has for others. */
static const struct {
	const char *name;
	int nid;
} attributes[] = {
	{ "C", NID_countryName },
	{ "ST", NID_stateOrProvinceName },
	{ "S", NID_stateOrProvinceName },
	{ "L", NID_localityName },
	{ "O", NID_organizationName },
	{ "OU", NID_organizationalUnitName },
	{ "CN", NID_commonName },
	{ "E", NID_pkcs9_emailAddress },
	{ "EMAIL", NID_pkcs9_emailAddress },
	{ "SN", NID_surname },
	{ "G", NID_givenName },
	{ "N", NID_name },
	{ "I", NID_initials },
	{ "T", NID_title },
	{ "D", NID_description },
	{ "DC", NID_domainComponent },
	{ "UID", NID_userId },
	{ "serialNumber", NID_serialNumber },
};

#define COUNT(a)	(sizeof(a) / sizeof(*(a)))

static int attribute_nid(const char *name)
{
	for (size_t i = 0; i < COUNT(attributes); i++)
		if (!strcasecmp(name, attributes[i].name))
			return attributes[i].nid;
	return OBJ_txt2nid(name);
}

static const char *attribute_name(int nid)
{
	for (size_t i = 0; i < COUNT(attributes); i++)
		if (attributes[i].nid == nid)
			return attributes[i].name;
	return nid == NID_undef ? "?" : OBJ_nid2sn(nid);
}

static char *trimmed(const char *from, size_t len)
{
	while (len && isspace((unsigned char)*from)) {
		from++;
		len--;
	}
	while (len && isspace((unsigned char)from[len - 1]))
		len--;
	if (len >= 2 && *from == '"' && from[len - 1] == '"') {
		from++;
		len -= 2;
	}
	return strndup(from, len);
}

static int add(X509_NAME *name, const char *text, size_t len, const char **why)
{
	const char *equals = memchr(text, '=', len);
	char *key, *value;
	int nid, err = 0;

	if (!equals) {
		*why = "a part of the distinguished name lacks '='";
		return -EINVAL;
	}
	key = trimmed(text, (size_t)(equals - text));
	value = trimmed(equals + 1, len - (size_t)(equals - text) - 1);
	if (!key || !value) {
		err = -ENOMEM;
		goto out;
	}
	nid = attribute_nid(key);
	if (nid == NID_undef) {
		*why = "an attribute of the distinguished name is not known";
		err = -EINVAL;
	} else if (!*value) {
		*why = "an attribute of the distinguished name is empty";
		err = -EINVAL;
	} else if (!X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
					       (const unsigned char *)value, -1, -1, 0) &&
		   /* "C=*" is too short for a country, but a pattern. */
		   !(!strcmp(value, "*") && X509_NAME_add_entry_by_NID(name, nid, V_ASN1_PRINTABLESTRING,
					       (const unsigned char *)value, -1, -1, 0))) {
		*why = "an attribute's value is not valid there";
		err = -EINVAL;
	}
out:
	ERR_clear_error();
	free(key);
	free(value);
	return err;
}

/* Up to a separator that is not in quotes. */
static size_t part_len(const char *text, char separator)
{
	bool quoted = false;
	size_t len;

	for (len = 0; text[len] && (quoted || text[len] != separator); len++)
		if (text[len] == '"')
			quoted = !quoted;
	return len;
}

int dn_parse(struct buf *der, const char *text, const char **why)
{
	char separator = *text == '/' ? '/' : ',';
	X509_NAME *name = X509_NAME_new();
	int err = name ? 0 : -ENOMEM;

	if (*text == '/')
		text++;
	while (!err && *text) {
		size_t len = part_len(text, separator);

		err = add(name, text, len, why);
		text += len;
		text += *text == separator;
	}
	if (!err && !X509_NAME_entry_count(name)) {
		*why = "the distinguished name is empty";
		err = -EINVAL;
	}
	if (!err)
		err = dn_from_name(der, name);
	X509_NAME_free(name);
	return err;
}

int dn_from_name(struct buf *der, const X509_NAME *name)
{
	unsigned char *octets = NULL;
	int len, err = -ENOMEM;

	len = i2d_X509_NAME(name, &octets);
	if (len > 0)
		err = buf_set(der, octets, (size_t)len);
	OPENSSL_free(octets);
	return err;
}

static X509_NAME *read_name(const uint8_t *der, size_t len)
{
	const unsigned char *at = der;
	X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)len);

	if (name && at != der + len) {
		X509_NAME_free(name);
		name = NULL;
	}
	ERR_clear_error();
	return name;
}

static bool is_wildcard(X509_NAME_ENTRY *entry)
{
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);

	return ASN1_STRING_length(value) == 1 && *ASN1_STRING_get0_data(value) == '*';
}

/* One attribute as a name of its own: libcrypto compares those as it should. */
static bool same_entry(X509_NAME_ENTRY *a, X509_NAME_ENTRY *b)
{
	X509_NAME *x = X509_NAME_new(), *y = X509_NAME_new();
	bool same = x && y && X509_NAME_add_entry(x, a, -1, 0) &&
		    X509_NAME_add_entry(y, b, -1, 0) && !X509_NAME_cmp(x, y);

	X509_NAME_free(x);
	X509_NAME_free(y);
	return same;
}

static int match(const X509_NAME *configured, const X509_NAME *name)
{
	int count = X509_NAME_entry_count(configured), wildcards = 0;

	if (count != X509_NAME_entry_count(name))
		return 0;
	for (int i = 0; i < count; i++) {
		X509_NAME_ENTRY *c = X509_NAME_get_entry(configured, i);
		X509_NAME_ENTRY *n = X509_NAME_get_entry(name, i);

		if (OBJ_cmp(X509_NAME_ENTRY_get_object(c), X509_NAME_ENTRY_get_object(n)) ||
		    X509_NAME_ENTRY_set(c) != X509_NAME_ENTRY_set(n))
			return 0;
		if (is_wildcard(c))
			wildcards++;
		else if (!same_entry(c, n))
			return 0;
	}
	return wildcards ? 2 : 3;
}

int dn_match(const uint8_t *configured, size_t configured_len, const uint8_t *name,
	     size_t len)
{
	X509_NAME *c = read_name(configured, configured_len), *n = read_name(name, len);
	int result = c && n ? match(c, n) : 0;

	X509_NAME_free(c);
	X509_NAME_free(n);
	return result;
}

static uint64_t hash_value(uint64_t hash, const ASN1_STRING *value)
{
	unsigned char *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, value);

	for (int i = 0; i < n; i++) {
		const unsigned char c = utf8[i] >= 'A' && utf8[i] <= 'Z' ? utf8[i] | 0x20 : utf8[i];

		if (!isspace(c))
			hash = table_hash(hash, &c, 1);
	}
	OPENSSL_free(utf8);
	return hash;
}

static uint64_t hash_entry(const X509_NAME_ENTRY *entry)
{
	const ASN1_OBJECT *attribute = X509_NAME_ENTRY_get_object(entry);
	const uint64_t hash = table_hash(TABLE_HASH, OBJ_get0_data(attribute),
					 OBJ_length(attribute));

	return hash_value(hash, X509_NAME_ENTRY_get_data(entry));
}

uint64_t dn_hash(const X509_NAME *name)
{
	const int n = X509_NAME_entry_count(name);
	uint64_t hash = TABLE_HASH, sum;

	for (int i = 0; i < n;) {
		const int set = X509_NAME_ENTRY_set(X509_NAME_get_entry(name, i));

		/* Those of one RDN are a set, which blanks may have put in another order. */
		for (sum = 0; i < n && X509_NAME_ENTRY_set(X509_NAME_get_entry(name, i)) == set; i++)
			sum += hash_entry(X509_NAME_get_entry(name, i));
		hash = table_hash(hash, &sum, sizeof(sum));
	}
	ERR_clear_error();
	return hash;
}

uint64_t dn_hash_der(const uint8_t *name, size_t len)
{
	X509_NAME *read = read_name(name, len);
	uint64_t hash = read ? dn_hash(read) : TABLE_HASH;

	X509_NAME_free(read);
	return hash;
}

static size_t put(char *out, size_t used, size_t size, const unsigned char *text, int len)
{
	for (int i = 0; i < len && used + 1 < size; i++)
		/* UTF-8 may pass; what drives a terminal may not. */
		out[used++] = text[i] >= 0x80 || isprint(text[i]) ? (char)text[i] : '?';
	return used;
}

const char *dn_str(const uint8_t *der, size_t len, char *out, size_t size)
{
	X509_NAME *name = read_name(der, len);
	size_t used = 0;

	if (!name)
		return NULL;
	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
		const char *key = attribute_name(OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)));
		unsigned char *utf8 = NULL;
		int n = ASN1_STRING_to_UTF8(&utf8, value);

		if (i)
			used = put(out, used, size, (const unsigned char *)", ", 2);
		used = put(out, used, size, (const unsigned char *)key, (int)strlen(key));
		used = put(out, used, size, (const unsigned char *)"=", 1);
		if (n >= 0)
			used = put(out, used, size, utf8, n);
		OPENSSL_free(utf8);
	}
	out[used] = '\0';
	ERR_clear_error();
	X509_NAME_free(name);
	return out;
}
