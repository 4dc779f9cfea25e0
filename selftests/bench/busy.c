// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "busy.h"
#include "clock.h"
#include "fail.h"

/* What the restless program has run. */
static uint64_t restless_ns(void)
{
	static const volatile uint64_t *loops;
	const char *file = getenv("RESTLESS");
	int fd;

	if (!file)
		return 0;
	if (!loops) {
		fd = open(file, O_RDONLY | O_CLOEXEC);
		loops = mmap(NULL, sizeof(*loops), PROT_READ, MAP_SHARED, fd, 0);
		if (loops == MAP_FAILED)
			fail("%s: %s", file, strerror(errno));
	}
	return *loops * RESTLESS_LOOP;
}

/* The kernel's own sum, to the nanosecond; time in interrupts is not in it. */
static uint64_t idle_ns(void)
{
	FILE *file = fopen("/proc/timer_list", "r");
	uint64_t ns = 0;
	char line[256];
	int found = 0;

	if (!file)
		fail("cannot read /proc/timer_list");
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, " .idle_sleeptime : %" SCNu64 " nsecs", &ns) == 1;
	fclose(file);
	if (!found)
		fail("/proc/timer_list does not say how long the processor was idle");
	return ns + restless_ns();
}

uint64_t busy_ns(void)
{
	uint64_t idle = idle_ns();

	return clock_ns() - idle;
}

struct busy busy_begin(void)
{
	struct busy busy = { .idle_ns = idle_ns() };

	busy.begin_ns = clock_ns();
	return busy;
}

uint64_t busy_end(const struct busy *busy)
{
	uint64_t end = clock_ns();

	return end - busy->begin_ns - (idle_ns() - busy->idle_ns);
}
