// SPDX-License-Identifier: GPL-2.0

#include "module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "die.h"

#define SKIP_STATUS 4

static char mark[64];

int module_shell(const char *command)
{
	char line[1024];
	int status;

	/* Tests run in their folder, the project's or an installed one. */
	if (snprintf(line, sizeof(line),
		     "selftests=$PWD kmsg_name='%s' bash -c '. lib/module.sh && { %s; }' 1>&2",
		     mark, command) >= (int)sizeof(line))
		die("too long: %s", command);
	status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int module_test_size(const char *name, int usual)
{
	const char *text = getenv(name);
	int size = text && *text ? atoi(text) : usual;

	if (size < 1)
		die("%s '%s': a whole number above 0 is needed", name, text);
	return size;
}

static void __attribute__((constructor)) load(void)
{
	FILE *kmsg;

	if (module_shell("module_load")) {
		printf("TAP version 13\n1..0 # SKIP the module ikefp cannot be loaded\n");
		fflush(stdout);
		_exit(SKIP_STATUS);
	}
	snprintf(mark, sizeof(mark), "ikefp selftest %d", getpid());
	kmsg = fopen("/dev/kmsg", "w");
	if (!kmsg || fprintf(kmsg, "%s\n", mark) < 0 || fclose(kmsg))
		die("cannot write to /dev/kmsg");
}

int module_log_is_clean(void)
{
	return module_shell("kmsg_check") == 0;
}
