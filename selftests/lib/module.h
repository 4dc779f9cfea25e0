/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module is loaded before a program's tests, and the program is skipped where it
 * cannot be; what the kernel has to complain of meanwhile is looked at after them. By
 * lib/module.sh, as for the scripts.
 */
#ifndef IKEFP_TEST_MODULE_H
#define IKEFP_TEST_MODULE_H

#include <stdbool.h>

#include "clock.h"

/* Whether the kernel had nothing to complain of since the program began. */
int module_log_is_clean(void);

/* A shell command with the functions of lib/module.sh at hand; its exit status. */
int module_shell(const char *command);

/*
 * Takes the module out and puts it back, without the processes that the shell needs for
 * it: when there is little time for them. Both return 0 or a negative errno: -EWOULDBLOCK,
 * a command holds the module at this moment.
 */
int module_take_out(void);
int module_put_back(void);

/* Takes it out as soon as no command holds it. Whether it went, within reason. */
bool module_take_out_soon(void);

/*
 * A test's size: what the environment says, for runs longer than usual, or else @usual.
 * $TIMEOUT_SCALE is how much longer a test may take then.
 */
int module_test_size(const char *name, int usual);

/* The program's last test, and time for all of them; in place of TEST_HARNESS_MAIN. */
#define MODULE_TEST_MAIN \
	FIXTURE(kernel) \
	{ \
	}; \
	FIXTURE_SETUP(kernel) \
	{ \
	} \
	FIXTURE_TEARDOWN(kernel) \
	{ \
	} \
	TEST_F_TIMEOUT(kernel, log_is_clean, 60) \
	{ \
		EXPECT_TRUE(module_log_is_clean()); \
	} \
	int main(int argc, char **argv) \
	{ \
		for (struct __fixture_metadata *f = __fixture_list; f; f = f->next) \
			for (struct __test_metadata *t = f->tests; t; t = t->next) \
				t->timeout *= clock_scale() * module_test_size("TIMEOUT_SCALE", 1); \
		return test_harness_run(argc, argv); \
	}

#endif
