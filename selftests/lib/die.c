// SPDX-License-Identifier: GPL-2.0

#include "die.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void die(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_exit(1);
}
