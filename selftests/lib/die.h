/* SPDX-License-Identifier: GPL-2.0 */
/* What a test cannot go on without. */
#ifndef IKEFP_TEST_DIE_H
#define IKEFP_TEST_DIE_H

/* Says why, as a KTAP diagnostic, and ends the process: the harness counts a failure. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
