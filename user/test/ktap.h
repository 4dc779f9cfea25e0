/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFP_TEST_KTAP_H
#define IKEFP_TEST_KTAP_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Unit tests with KTAP output: a program lists its functions in a table and
 * returns ktap_main() of it. An expectation that fails is reported with its
 * place and the function goes on; REQUIRE also leaves the function.
 */
struct ktap_test {
	const char *name;
	void (*run)(void);
};

/* Runs all, or those named in argv. Returns the exit code: 1 if any failed. */
int ktap_main(int argc, char **argv, const struct ktap_test *tests, size_t count);

#define KTAP_MAIN(tests) \
	int main(int argc, char **argv) \
	{ \
		return ktap_main(argc, argv, tests, sizeof(tests) / sizeof(*(tests))); \
	}

/* The rest of this test does not apply here. */
void ktap_skip(const char *reason);
void ktap_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool ktap_hex_equal(const char *file, int line, const void *got, const void *want,
		    size_t len);

#define EXPECT(cond) \
	((cond) ? true : (ktap_fail(__FILE__, __LINE__, "%s", #cond), false))

#define EXPECT_EQ(got, want) \
	do { \
		int64_t got_ = (int64_t)(got), want_ = (int64_t)(want); \
		if (got_ != want_) \
			ktap_fail(__FILE__, __LINE__, "%s is %" PRId64 ", not %" PRId64, \
				  #got, got_, want_); \
	} while (0)

#define EXPECT_STR(got, want) \
	do { \
		const char *got_ = (got), *want_ = (want); \
		if (!got_ || strcmp(got_, want_)) \
			ktap_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #got, \
				  got_ ? got_ : "(null)", want_); \
	} while (0)

#define EXPECT_HEX(got, want, len) \
	ktap_hex_equal(__FILE__, __LINE__, got, want, len)

#define REQUIRE(cond) \
	do { \
		if (!EXPECT(cond)) \
			return; \
	} while (0)

#endif /* IKEFP_TEST_KTAP_H */
