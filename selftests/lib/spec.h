/* SPDX-License-Identifier: GPL-2.0 */
/* A netlink family as its YAML specification has it. The tables are made by spec.py. */
#ifndef IKEFP_TEST_SPEC_H
#define IKEFP_TEST_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPEC_MAX_REQUEST 64

enum spec_kind {
	SPEC_U8, SPEC_U16, SPEC_U32, SPEC_U64, SPEC_FLAG, SPEC_NEST, SPEC_PAD, SPEC_BINARY,
};

struct spec_set;

struct spec_attribute {
	const char *name;
	uint16_t type;
	enum spec_kind kind;
	bool big_endian;
	size_t len;			/* octets, 0 where any number will do */
	uint64_t min, max;		/* of numbers */
	const struct spec_set *nested;	/* of nests */
};

struct spec_set {
	const struct spec_attribute *attributes;
	size_t number;
};

struct spec_operation {
	const char *name;
	uint8_t command;
	const struct spec_set *set;
	bool dump;			/* there is one, too */
	size_t number;
	uint16_t request[SPEC_MAX_REQUEST]; /* what a request may have: places in the set */
};

#endif
