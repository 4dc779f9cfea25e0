// SPDX-License-Identifier: GPL-2.0

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "die.h"

static bool from_environment(const char *name, uint64_t *value)
{
	const char *text = getenv(name);
	char *end;

	if (!text || !*text)
		return false;
	*value = strtoull(text, &end, 0);
	if (*end)
		die("%s '%s': a number is needed", name, text);
	return true;
}

unsigned long fuzz_messages(void)
{
	uint64_t messages = 2000;

	from_environment("FUZZ_MESSAGES", &messages);
	if (!messages)
		die("FUZZ_MESSAGES: a number above 0 is needed");
	return messages;
}

bool fuzz_enough(void)
{
	return fuzz_messages() >= 20000;
}

bool fuzz_enough_for_rare(void)
{
	return fuzz_messages() >= 100000;
}

void fuzz_progress(unsigned long sent, unsigned long all)
{
	static unsigned long said;
	unsigned long tenths = sent * 10 / all;

	if (tenths == said)
		return;
	said = tenths;
	fprintf(stderr, "# %lu of %lu messages\n", sent, all);
}

uint64_t fuzz_seed(void)
{
	uint64_t seed;

	if (!from_environment("FUZZ_SEED", &seed)) {
		if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
			die("no random octets");
		/* Short enough to be typed. */
		seed %= 1000000000;
	}
	return seed;
}

struct fuzz fuzz_begin(uint64_t seed, unsigned int stream)
{
	struct fuzz fuzz = { .state = seed ^ (uint64_t)stream << 32 };

	return (struct fuzz){ .state = fuzz_next(&fuzz) };
}

/* SplitMix64. */
uint64_t fuzz_next(struct fuzz *fuzz)
{
	uint64_t z = fuzz->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t fuzz_below(struct fuzz *fuzz, uint64_t limit)
{
	return fuzz_next(fuzz) % limit;
}

bool fuzz_percent(struct fuzz *fuzz, unsigned int percent)
{
	return fuzz_below(fuzz, 100) < percent;
}

void fuzz_octets(struct fuzz *fuzz, void *octets, size_t len)
{
	uint8_t *p = octets;

	while (len--)
		*p++ = fuzz_next(fuzz);
}

uint64_t fuzz_number(struct fuzz *fuzz)
{
	uint64_t power = 1ull << fuzz_below(fuzz, 64);

	switch (fuzz_below(fuzz, 6)) {
	case 0:
		return 0;
	case 1:
		return fuzz_below(fuzz, 16);
	case 2:
		return power;
	case 3:
		return power - 1;
	case 4:
		return -fuzz_below(fuzz, 16);
	default:
		return fuzz_next(fuzz);
	}
}
