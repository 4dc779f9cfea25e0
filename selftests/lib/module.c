// SPDX-License-Identifier: GPL-2.0

#include "module.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
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

int module_take_out(void)
{
	return syscall(SYS_delete_module, "ikefp", O_NONBLOCK) ? -errno : 0;
}

bool module_take_out_soon(void)
{
	int64_t until = clock_us() + 20000000ll * clock_scale();
	int err;

	while ((err = module_take_out())) {
		if (err != -EWOULDBLOCK || clock_us() > until)
			return false;
		usleep(1000);
	}
	return true;
}

/* The file that was loaded first, or -1 where the kernel has its own. */
static int module_fd(void)
{
	static int fd = -1;
	char path[4096];
	FILE *file;

	if (fd >= 0)
		return fd;
	file = popen("selftests=$PWD bash -c '. lib/module.sh && module_file'", "r");
	if (file && fscanf(file, "%4095s", path) == 1)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (file)
		pclose(file);
	return fd;
}

int module_put_back(void)
{
	int fd = module_fd();

	if (fd < 0)
		return module_shell("module_load") ? -ENOENT : 0;
	return syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
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
