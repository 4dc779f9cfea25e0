// SPDX-License-Identifier: GPL-2.0
/* The socket of VICI's server, and who is let in. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "libvici.h"

static void test_socket(void)
{
	struct errmsg err;
	char want[256], longer[256];
	int fd;

	start();
	/* In use, stale, something else. */
	EXPECT(!vici_new(stub_loop, config, secrets.secrets, path, &err));
	snprintf(want, sizeof(want), "VICI socket %s is in use: stop the other IKE daemon, or set another socket",
		 path);
	EXPECT_STR(err.text, want);
	stop();

	start();
	close(vici->listener.fd);	/* as after a crash: the name stays */
	vici->listener.fd = open("/dev/null", O_RDONLY);
	{
		struct vici *second = vici_new(stub_loop, config, secrets.secrets, path, &err);

		EXPECT(second);
		vici_free(second);
	}
	stop();

	start();
	stop();
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	stub_loop = loop_new();
	config = config_new();
	EXPECT(!vici_new(stub_loop, config, secrets.secrets, path, &err));
	unlink(path);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	EXPECT(!vici_new(stub_loop, config, secrets.secrets, longer, &err));
	EXPECT(strstr(err.text, "longer than 107 characters"));
	EXPECT(!vici_new(stub_loop, config, secrets.secrets,
			 "/nonexistent/vici", &err));
	EXPECT_STR(err.text, "VICI socket /nonexistent/vici: No such file or directory");
	config_free(config);
	loop_free(stub_loop);
}

/* Does the socket let one in who has no rights but this group's? */
static bool lets_in(gid_t group)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct sockaddr_un addr = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		strcpy(addr.sun_path, path);
		if (setgroups(0, NULL) || setgid(group) || setuid(65534))
			_exit(2);
		if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
			_exit(0);
		_exit(errno == EACCES ? 1 : 2);
	}
	if (!EXPECT(waitpid(pid, &status, 0) == pid && WIFEXITED(status)))
		return false;
	EXPECT(WEXITSTATUS(status) != 2);
	return !WEXITSTATUS(status);
}

/* -g */
static void test_group(void)
{
	const struct group *group;
	char want[256], name[32];
	struct errmsg err;
	struct stat st;
	gid_t gid;

	if (getuid()) {
		ktap_skip("not root");
		return;
	}
	group = getgrgid(1);
	if (!group) {
		ktap_skip("there is no group 1");
		return;
	}
	gid = group->gr_gid;
	snprintf(name, sizeof(name), "%s", group->gr_name);
	start();
	EXPECT(!chmod(dir, 0711));
	EXPECT(!lets_in(gid));
	EXPECT(vici_give(path, "no-such-group", &err));
	EXPECT_STR(err.text, "-g no-such-group: there is no such group");
	EXPECT(!lets_in(gid));
	EXPECT(!vici_give(path, name, &err));
	EXPECT(!stat(path, &st));
	EXPECT_EQ(st.st_uid, 0);
	EXPECT_EQ(st.st_gid, gid);
	EXPECT_EQ(st.st_mode & 0777, 0660);
	EXPECT(lets_in(gid));
	EXPECT(!lets_in(65534));
	EXPECT(!chmod(dir, 0700));
	stop();
	EXPECT(vici_give(path, name, &err));
	snprintf(want, sizeof(want),
		 "VICI socket %s cannot be given to the group %s: No such file or directory",
		 path, name);
	EXPECT_STR(err.text, want);
}

static const struct ktap_test tests[] = {
	{ "socket", test_socket },
	{ "group", test_group },
};

VICI_MAIN(tests)
