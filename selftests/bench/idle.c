// SPDX-License-Identifier: GPL-2.0
/*
 * usage: idle SECONDS
 *
 * Prints the instructions that the whole machine runs in so many seconds while this waits.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "busy.h"
#include "fail.h"

int main(int argc, char **argv)
{
	struct timespec wait = { .tv_sec = argc == 2 ? strtol(argv[1], NULL, 10) : 0 };
	struct busy busy;

	if (wait.tv_sec <= 0)
		fail("usage: idle SECONDS");
	busy = busy_begin();
	nanosleep(&wait, NULL);
	printf("%" PRIu64 "\n", busy_end(&busy));
	return 0;
}
