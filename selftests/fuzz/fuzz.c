// SPDX-License-Identifier: GPL-2.0
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RAND_METHOD is the one way to choose every random octet of libcrypto. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/rand.h>

#include "fuzz.h"
#include "log.h"

void fuzz_failed(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
	abort();
}

/* Inputs */

static uint64_t input_number(struct input *in, unsigned int octets)
{
	uint64_t value = 0;

	for (; octets; octets--) {
		value <<= 8;
		if (in->left) {
			value |= *in->at++;
			in->left--;
		}
	}
	return value;
}

uint8_t input_u8(struct input *in)
{
	return (uint8_t)input_number(in, 1);
}

uint16_t input_u16(struct input *in)
{
	return (uint16_t)input_number(in, 2);
}

uint32_t input_u32(struct input *in)
{
	return (uint32_t)input_number(in, 4);
}

uint64_t input_u64(struct input *in)
{
	return input_number(in, 8);
}

const uint8_t *input_octets(struct input *in, size_t *len)
{
	const uint8_t *octets = in->at;

	if (*len > in->left)
		*len = in->left;
	in->at += *len;
	in->left -= *len;
	return octets;
}

/*
 * Memory, under the names by which the Makefile has the daemon call it. This file
 * is compiled without that.
 */

static unsigned int fail_in;

void fuzz_fail_allocation(unsigned int nth)
{
	fail_in = nth;
}

static bool fails(void)
{
	return fail_in && !--fail_in;
}

void *fuzz_malloc(size_t size);
void *fuzz_calloc(size_t n, size_t size);
void *fuzz_reallocarray(void *p, size_t n, size_t size);
char *fuzz_strdup(const char *text);
char *fuzz_strndup(const char *text, size_t len);
int fuzz_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *found);
void fuzz_globfree(glob_t *found);

void *fuzz_malloc(size_t size)
{
	return fails() ? NULL : malloc(size);
}

void *fuzz_calloc(size_t n, size_t size)
{
	return fails() ? NULL : calloc(n, size);
}

void *fuzz_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : reallocarray(p, n, size);
}

char *fuzz_strdup(const char *text)
{
	return fails() ? NULL : strdup(text);
}

char *fuzz_strndup(const char *text, size_t len)
{
	return fails() ? NULL : strndup(text, len);
}

/* Files: an input must not read this machine's. */

const char *(*fuzz_include)(const char *pattern, int *err);

int fuzz_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *found)
{
	int err = GLOB_NOMATCH;
	const char *path = fuzz_include ? fuzz_include(pattern, &err) : NULL;

	(void)flags;
	(void)error;
	memset(found, 0, sizeof(*found));
	if (!path)
		return err;
	found->gl_pathv = calloc(2, sizeof(*found->gl_pathv));
	CHECK(found->gl_pathv);
	found->gl_pathv[0] = strdup(path);
	CHECK(found->gl_pathv[0]);
	found->gl_pathc = 1;
	return 0;
}

void fuzz_globfree(glob_t *found)
{
	free(found->gl_pathv[0]);
	free(found->gl_pathv);
}

/* Random octets */

static uint64_t random_state;

static int random_bytes(unsigned char *octets, int len)
{
	for (int i = 0; i < len; i++) {
		random_state = random_state * 6364136223846793005u + 1442695040888963407u;
		octets[i] = (uint8_t)(random_state >> 56);
	}
	return 1;
}

static int random_status(void)
{
	return 1;
}

void fuzz_reset_random(void)
{
	static const RAND_METHOD method = {
		.bytes = random_bytes,
		.pseudorand = random_bytes,
		.status = random_status,
	};
	static bool set;

	if (!set)
		CHECK(RAND_set_rand_method(&method) == 1);
	set = true;
	random_state = 1;
}

/* The log */

static const char *log_secret;

static void look(struct log_listener *l, enum log_group group, int level,
		 const struct log_sa *sa, const char *text)
{
	(void)l;
	(void)group;
	(void)level;
	(void)sa;
	CHECK(!log_secret || !strstr(text, log_secret));
}

void fuzz_watch_log(const char *secret)
{
	static struct log_listener listener = { .message = look, .level = LVL_PRIVATE };
	static bool added;

	log_secret = secret;
	log_set_stderr(false);
	if (!added)
		log_listener_add(&listener);
	added = true;
}
