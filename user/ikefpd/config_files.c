// SPDX-License-Identifier: GPL-2.0
/* The files that a swanctl.conf goes with. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>

#include "config_files.h"
#include "config_keys.h"

#define FILE_MAX	TREE_VALUE_MAX	/* octets: what VICI can carry */
#define COUNT(a)	(sizeof(a) / sizeof(*(a)))

/* The length of "/etc/swanctl/" of "/etc/swanctl/swanctl.conf". */
static int folder_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (int)(slash - path) + 1 : 0;
}

static int read_all(int fd, struct buf *out)
{
	uint8_t octets[4096];
	ssize_t n;

	do {
		n = read(fd, octets, sizeof(octets));
		if (n > 0)
			buf_put(out, octets, (size_t)n);
	} while (n > 0 && out->len <= FILE_MAX);
	OPENSSL_cleanse(octets, sizeof(octets));
	if (n < 0)
		return -errno;
	return out->failed ? -ENOMEM : out->len > FILE_MAX ? -EFBIG : 0;
}

/* "FOLDER/file" beside @path. 0 or -ENAMETOOLONG. */
static int path_of(char out[PATH_MAX], const char *path, const char *folder, const char *file)
{
	int n = snprintf(out, PATH_MAX, "%.*s%s/%s", folder_len(path), path, folder, file);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* A pipe or a device is none: it could be waited for for ever. */
static int read_regular(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int err;

	if (fd < 0)
		return -errno;
	err = fstat(fd, &st) ? -errno : S_ISREG(st.st_mode) ? read_all(fd, out) : -EINVAL;
	close(fd);
	return err;
}

/* A key that names files, and where those are. */
struct file_key {
	const char *key;
	const char *folder;
};

/* Of an authentication round, and of an authority. */
static const struct file_key round_keys[] = {
	{ "certs", "x509" },
	{ "cacerts", "x509ca" },
	{ "pubkeys", "pubkey" },
};

static const struct file_key authority_key = { "cacert", "x509ca" };

/* "cert<suffix> { file = ... }" of a round, and cacert<suffix>; and of an authority. */
static const struct file_key cert_key = { "file", "x509" };
static const struct file_key cacert_key = { "file", "x509ca" };

struct inliner {
	struct tree *list;	/* what becomes of the key */
	const char *path;
	const char *folder;
};

/* "0x" and hexadecimal digits, "0s" and base64, or the name of a file. */
static int decode(const char *item, struct buf *out)
{
	size_t len = strlen(item + 2);
	long n = 0;
	uint8_t *octets;

	if (!strncasecmp(item, "0x", 2)) {
		octets = OPENSSL_hexstr2buf(item + 2, &n);
		if (octets)
			buf_put(out, octets, (size_t)n);
		OPENSSL_free(octets);
		return octets ? 0 : -EBADMSG;
	}
	octets = malloc(len + 1);
	if (!octets)
		return -ENOMEM;
	n = EVP_DecodeBlock(octets, (const uint8_t *)item + 2, (int)len);
	for (; n > 0 && len && item[1 + len] == '='; len--)
		n--;
	if (n > 0)
		buf_put(out, octets, (size_t)n);
	free(octets);
	return n > 0 ? 0 : -EBADMSG;
}

static int inline_item(const struct tree *node, const char *item, void *object,
		       struct errmsg *err)
{
	struct inliner *in = object;
	struct buf octets = BUF_INIT;
	char path[PATH_MAX];
	struct tree *blob;
	int ret;

	if (!strncasecmp(item, "0x", 2) || !strncasecmp(item, "0s", 2)) {
		ret = decode(item, &octets);
	} else {
		ret = *item == '/' ? 0 : path_of(path, in->path, in->folder, item);
		if (!ret && *item != '/')
			item = path;
		if (!ret)
			ret = read_regular(item, &octets);
	}
	blob = ret ? NULL : tree_add(in->list, TREE_VALUE, NULL, 0);
	if (!ret && (!blob || tree_set(blob, octets.data, octets.len)))
		ret = -ENOMEM;
	buf_clear(&octets);
	return ret ? tree_refuse(node, err, "'%s' cannot be read: %s", item, strerror(-ret)) : 0;
}

/* The list takes the key's name once it is done. */
static int inline_key(struct tree *round, const struct file_key *which, const char *path,
		      struct errmsg *err)
{
	struct tree *key = tree_find(round, which->key);
	struct inliner in = { NULL, path, which->folder };
	struct tree *list, *next;
	int ret;

	if (!key || key->kind == TREE_SECTION)
		return 0;
	list = tree_new();
	if (!list)
		return tree_refuse(key, err, "out of memory");
	in.list = list;
	ret = config_each_item(key, inline_item, &in, err);
	if (!ret) {
		struct tree *to;
		const char *file = key->file;
		unsigned int line = key->line;

		tree_remove(key);
		to = tree_add(round, TREE_LIST, which->key, strlen(which->key));
		ret = to ? 0 : errmsg_set(err, "out of memory");
		if (to) {
			to->file = file;
			to->line = line;
		}
		for (struct tree *blob = list->first; !ret && blob; blob = next) {
			struct tree *copy = tree_add(to, TREE_VALUE, NULL, 0);

			next = blob->next;
			if (!copy || tree_set(copy, blob->data, blob->len))
				ret = errmsg_set(err, "out of memory");
		}
	}
	tree_free(list);
	return ret;
}

static int inline_round(struct tree *round, const char *path, struct errmsg *err)
{
	for (size_t i = 0; i < COUNT(round_keys); i++)
		if (inline_key(round, &round_keys[i], path, err))
			return -1;
	for (struct tree *n = round->first; n; n = n->next) {
		bool cert = !strncmp(n->name, "cert", 4);

		if (n->kind != TREE_SECTION || (!cert && strncmp(n->name, "cacert", 6)))
			continue;
		if (inline_key(n, cert ? &cert_key : &cacert_key, path, err))
			return -1;
	}
	return 0;
}

int config_files_inline(struct tree *root, const char *path, struct errmsg *err)
{
	struct tree *conns = tree_find(root, "connections");
	struct tree *authorities = tree_find(root, "authorities");

	for (struct tree *a = authorities ? authorities->first : NULL; a; a = a->next)
		if (a->kind == TREE_SECTION && (inline_key(a, &authority_key, path, err) ||
						inline_key(a, &cacert_key, path, err)))
			return -1;

	for (struct tree *conn = conns ? conns->first : NULL; conn; conn = conn->next)
		for (struct tree *round = conn->first; round; round = round->next) {
			if (round->kind != TREE_SECTION ||
			    (strncmp(round->name, "local", 5) &&
			     strncmp(round->name, "remote", 6)))
				continue;
			if (inline_round(round, path, err))
				return -1;
		}
	return 0;
}

static const struct folder {
	const char *name;
	enum { PUBLIC, PRIVATE, CONTAINER } holds;
	enum credential_kind kind;	/* PUBLIC */
} folders[] = {
	{ "x509", PUBLIC, CREDENTIAL_CERT },
	{ "x509ca", PUBLIC, CREDENTIAL_CA },
	{ "x509crl", PUBLIC, CREDENTIAL_CRL },
	{ "pubkey", PUBLIC, CREDENTIAL_PUBKEY },
	{ "private", PRIVATE, 0 },
	{ "rsa", PRIVATE, 0 },
	{ "ecdsa", PRIVATE, 0 },
	{ "pkcs8", PRIVATE, 0 },
	{ "pkcs12", CONTAINER, 0 },
};

/* Takes the octets over; they are wiped with the secret. */
static int add_key(struct secret **secrets, const struct secret *passphrases,
		   const char *name, struct buf *octets)
{
	struct secret *key = calloc(1, sizeof(*key));

	if (!key)
		return -ENOMEM;
	key->kind = SECRET_PRIVATE_KEY;
	key->source = CONF_FILE;
	key->name = strdup(name);
	key->data = octets->data;
	key->len = octets->len;
	*octets = (struct buf)BUF_INIT;
	for (; passphrases; passphrases = passphrases->next)
		if (!strcmp(passphrases->name, name))
			break;
	if (passphrases) {
		key->passphrase = malloc(passphrases->passphrase_len + 1);
		if (key->passphrase)
			memcpy(key->passphrase, passphrases->passphrase,
			       passphrases->passphrase_len + 1);
		key->passphrase_len = passphrases->passphrase_len;
	}
	if (!key->name || (passphrases && !key->passphrase)) {
		secret_free(key);
		return -ENOMEM;
	}
	key->next = *secrets;
	*secrets = key;
	return 0;
}

struct folder_reader {
	struct credentials *credentials;
	struct secret **secrets;
	const struct secret *passphrases;
	const char *path;
};

static int add_cert(struct credentials *credentials, enum credential_kind kind, X509 *cert,
		    struct errmsg *err)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der), ret;

	ret = len > 0 ? credentials_add(credentials, CONF_FILE, kind, der, (size_t)len, err) :
			errmsg_set(err, "out of memory");
	OPENSSL_free(der);
	return ret;
}

/* What a container holds, each where it would be had it a file of its own. */
static int add_contents(const struct folder_reader *r, const char *name, EVP_PKEY *key, X509 *cert,
			STACK_OF(X509) *others, struct errmsg *err)
{
	struct buf octets = BUF_INIT;
	unsigned char *der = NULL;
	int len, ret = 0;

	if (cert)
		ret = add_cert(r->credentials, CREDENTIAL_CERT, cert, err);
	for (int i = 0; !ret && i < sk_X509_num(others); i++)
		ret = add_cert(r->credentials, CREDENTIAL_CERT, sk_X509_value(others, i), err);
	if (ret || !key)
		return ret;
	len = i2d_PrivateKey(key, &der);
	if (len > 0)
		buf_put(&octets, der, (size_t)len);
	OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
	/* It is not encrypted any more. */
	if (len <= 0 || octets.failed || add_key(r->secrets, NULL, name, &octets))
		ret = errmsg_set(err, "out of memory");
	buf_clear(&octets);
	return ret;
}

static int add_container(const struct folder_reader *r, const char *name,
			 const struct buf *octets, struct errmsg *err)
{
	const struct secret *passphrase = r->passphrases;
	const unsigned char *at = octets->data;
	STACK_OF(X509) *others = NULL;
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	PKCS12 *p12;
	int ret;

	while (passphrase && strcmp(passphrase->name, name))
		passphrase = passphrase->next;
	p12 = d2i_PKCS12(NULL, &at, (long)octets->len);
	if (!p12)
		ret = errmsg_set(err, "it is no PKCS#12 container");
	else if (!PKCS12_parse(p12, passphrase ? (const char *)passphrase->passphrase : "", &key,
			       &cert, &others))
		ret = errmsg_set(err, passphrase ? "its passphrase is another one, or what it is encrypted with is not supported" :
				 "it is encrypted: add a section 'pkcs12 { file = ..., secret = ... }' to secrets");
	else
		ret = add_contents(r, name, key, cert, others, err);
	ERR_clear_error();
	EVP_PKEY_free(key);
	X509_free(cert);
	sk_X509_pop_free(others, X509_free);
	PKCS12_free(p12);
	return ret;
}

static int read_one(const struct folder_reader *r, const struct folder *folder,
		    const char *file, struct errmsg *err)
{
	struct buf octets = BUF_INIT;
	char path[PATH_MAX];
	struct errmsg why;
	int ret;

	ret = path_of(path, r->path, folder->name, file);
	if (!ret)
		ret = read_regular(path, &octets);
	if (ret == -EINVAL) {
		buf_clear(&octets);
		return 0;
	}
	if (!ret && folder->holds == PRIVATE)
		ret = add_key(r->secrets, r->passphrases, path + folder_len(r->path), &octets);
	if (ret)
		ret = errmsg_set(err, "%s: %s", path, strerror(-ret));
	else if ((folder->holds == PUBLIC &&
		  credentials_add(r->credentials, CONF_FILE, folder->kind, octets.data,
				  octets.len, &why)) ||
		 (folder->holds == CONTAINER &&
		  add_container(r, path + folder_len(r->path), &octets, &why)))
		ret = errmsg_set(err, "%s: %s", path, why.text);
	buf_clear(&octets);
	return ret;
}

static int no_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int read_folder(const struct folder_reader *r, const struct folder *folder,
		       struct errmsg *err)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int n, ret = 0;

	snprintf(path, sizeof(path), "%.*s%s", folder_len(r->path), r->path, folder->name);
	n = scandir(path, &entries, no_dots, alphasort);
	if (n < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 :
		       errmsg_set(err, "%s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (!ret)
			ret = read_one(r, folder, entries[i]->d_name, err);
		free(entries[i]);
	}
	free(entries);
	return ret;
}

int config_files_read(struct credentials *credentials, struct secret **secrets,
		      const struct secret *passphrases, const char *path,
		      struct errmsg *err)
{
	const struct folder_reader r = { credentials, secrets, passphrases, path };

	for (size_t i = 0; i < COUNT(folders); i++)
		if (read_folder(&r, &folders[i], err))
			return -1;
	return 0;
}
