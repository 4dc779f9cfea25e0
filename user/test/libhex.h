/* SPDX-License-Identifier: GPL-2.0 */
/* Octets as the RFCs print them. */
#ifndef IKEFP_TEST_LIBHEX_H
#define IKEFP_TEST_LIBHEX_H

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct octets {
	size_t len;
	uint8_t v[1024];
};

/* Spaces are skipped; anything else that is no digit ends the program. */
static inline struct octets hex(const char *text)
{
	struct octets o = { 0 };
	unsigned int digits = 0;

	for (; *text; text++) {
		if (isspace((unsigned char)*text))
			continue;
		if (!isxdigit((unsigned char)*text) || o.len == sizeof(o.v)) {
			fprintf(stderr, "bad vector\n");
			abort();
		}
		o.v[o.len] = o.v[o.len] << 4 |
			     (isdigit((unsigned char)*text) ? *text - '0' :
			      tolower((unsigned char)*text) - 'a' + 10);
		if (++digits % 2 == 0)
			o.len++;
	}
	return o;
}

#endif
