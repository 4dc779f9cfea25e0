/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fuzz targets share. Each is one .c file with a LLVMFuzzerTestOneInput()
 * whose opening comment says what an input means and what must hold for every one.
 */
#ifndef IKEFP_FUZZ_H
#define IKEFP_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold, in every build: ends the run, and the input is kept. */
#define CHECK(condition) \
	((condition) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_failed(const char *file, int line, const char *condition);

/* An input that is read from its front; beyond its end are zeros. */
struct input {
	const uint8_t *at;
	size_t left;
};

uint8_t input_u8(struct input *in);
uint16_t input_u16(struct input *in);
uint32_t input_u32(struct input *in);
uint64_t input_u64(struct input *in);
/* At most so many octets; *len is set to how many there are. */
const uint8_t *input_octets(struct input *in, size_t *len);

/*
 * From here on the daemon's nth allocation fails, and only that one (0: none).
 * Those of the target and of the stand-ins for the kernel are not counted.
 */
void fuzz_fail_allocation(unsigned int nth);

/* libcrypto's random octets begin anew, the same for each input. */
void fuzz_reset_random(void);

/* What an "include" finds: the daemon's glob(). A path, or NULL for no match. */
extern const char *(*fuzz_include)(const char *pattern, int *err);

/*
 * Every log line of every level is made and looked at: none may hold this secret
 * (NULL: no secret).
 */
void fuzz_watch_log(const char *secret);

#endif
