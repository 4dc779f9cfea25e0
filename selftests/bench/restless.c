// SPDX-License-Identifier: GPL-2.0
/*
 * usage: restless FILE
 *
 * Runs whenever nothing else does, so that the machine never sleeps, and counts in FILE what it
 * has run, in loops of RESTLESS_LOOP instructions (busy.c). QEMU has no more work with one of
 * them than with its last two instructions.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "busy.h"
#include "fail.h"

int main(int argc, char **argv)
{
	const struct sched_param none = { 0 };
	uint64_t *loops;
	int fd;

	if (argc != 2)
		fail("usage: restless FILE");
	fd = open(argv[1], O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*loops)))
		fail("%s: %s", argv[1], strerror(errno));
	loops = mmap(NULL, sizeof(*loops), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (loops == MAP_FAILED || sched_setscheduler(0, SCHED_IDLE, &none))
		fail("%s: %s", argv[1], strerror(errno));
	*loops = 0;
	puts("ready");
	fflush(stdout);
	/* Within a page, of which QEMU makes one block. */
	asm volatile(".p2align 10\n"
		     "1:\n"
		     ".rept %c1\n"
		     "nop\n"
		     ".endr\n"
		     "incq (%0)\n"
		     "jmp 1b\n"
		     : : "r"(loops), "i"(RESTLESS_LOOP - 2) : "memory");
	return 0;
}
