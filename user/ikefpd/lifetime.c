// SPDX-License-Identifier: GPL-2.0
#include <openssl/rand.h>

#include "lifetime.h"

uint64_t lifetime_random(uint64_t most)
{
	uint64_t v;

	/* Without a random number it is merely not random. */
	if (!most || RAND_bytes((uint8_t *)&v, sizeof(v)) != 1)
		return 0;
	return most == UINT64_MAX ? v : v % (most + 1);
}

uint64_t lifetime_soft(const struct lifetime *l)
{
	if (!l->rekey)
		return 0;
	/* Not all of it: that rekey is set means that it is to happen, and not at once. */
	return l->rekey - lifetime_random(l->rand < l->rekey ? l->rand : l->rekey - 1);
}

uint64_t lifetime_earlier(uint64_t a, uint64_t b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

uint64_t lifetime_end(uint64_t begin, uint64_t length)
{
	return length ? begin + length : 0;
}
