// SPDX-License-Identifier: GPL-2.0
/*
 * usage: stash-version VERSION
 *
 * Makes of the stashes of the namespace's orphaned IKE SAs those of another version of
 * ikefpd: the number is in octets 4 and 5, a SHA-256 of everything at the end. The SAs
 * are orphans again afterwards.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "client.h"
#include "die.h"

#define SAS_MAX 64
#define VERSION_AT 4
#define HEADER_LEN 8

static uint64_t spis[SAS_MAX];
static unsigned int count;

static void take(const struct ikefp_sa_info *info, void *arg)
{
	(void)arg;
	if (!info->worker && info->stash_len && count < SAS_MAX)
		spis[count++] = info->spi;
}

static void change(struct client *client, uint64_t spi, unsigned int version)
{
	static uint8_t octets[IKEFP_MAX_STASH];
	struct upcall *upcall = client_adopt(client, spi);
	size_t len;

	if (!upcall || upcall->kind != UPCALL_ADOPTED)
		die("the SA was not adopted");
	len = upcall->len;
	if (len < HEADER_LEN + SHA256_DIGEST_LENGTH || len > sizeof(octets))
		die("a stash of %zu octets", len);
	memcpy(octets, upcall->octets, len);
	octets[VERSION_AT] = version >> 8;
	octets[VERSION_AT + 1] = version;
	len -= SHA256_DIGEST_LENGTH;
	SHA256(octets, len, octets + len);
	client_stash(client, spi, octets, len + SHA256_DIGEST_LENGTH);
}

int main(int argc, char **argv)
{
	struct client *client;
	unsigned int i;

	if (argc != 2)
		die("usage: stash-version VERSION");
	client = client_open(CLIENT_WORKER);
	if (ikefp_sa_list(client->nl, take, NULL))
		die("%s", ikefp_nl_error(client->nl));
	for (i = 0; i < count; i++)
		change(client, spis[i], strtoul(argv[1], NULL, 0));
	client_close(client);
	printf("%u stashes are of version %s\n", count, argv[1]);
	return count ? 0 : 1;
}
