// SPDX-License-Identifier: GPL-2.0
/* Logging: what goes where, and that one message is one line. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ktap.h"
#include "log.h"

static char output[8192];
static int saved;

/* Standard error goes to a pipe until told() reads it. */
static int capture(void)
{
	int fds[2];

	fflush(stderr);
	saved = dup(2);
	if (pipe(fds))
		return -1;
	dup2(fds[1], 2);
	close(fds[1]);
	return fds[0];
}

static const char *told(int fd)
{
	ssize_t n;

	dup2(saved, 2);
	close(saved);
	n = read(fd, output, sizeof(output) - 1);
	output[n > 0 ? n : 0] = '\0';
	close(fd);
	return output;
}

static void test_lines(void)
{
	const struct log_sa sa = { "net", 7 };
	int fd = capture();

	REQUIRE(fd >= 0);
	log_msg(LOG_CFG, LVL_CTRL, "one %d", 1);
	log_sa(LOG_IKE, LVL_AUDIT, &sa, "two");
	log_msg(LOG_NET, LVL_CTRL, "a\nb\x1b[31m\x7f");
	log_msg(LOG_NET, LVL_DIAG, "not at this level");
	EXPECT_STR(told(fd), "[CFG] one 1\n[IKE] <net|7> two\n[NET] a?b?[31m?\n");
}

static void test_levels(void)
{
	int fd = capture(), level = 9;

	REQUIRE(fd >= 0);
	log_set_level(LOG_NET, LVL_DIAG);
	EXPECT(log_enabled(LOG_NET, LVL_DIAG));
	EXPECT(!log_enabled(LOG_IKE, LVL_DIAG));
	log_msg(LOG_NET, LVL_DIAG, "yes");
	log_set_level(LOG_GROUPS, LVL_SILENT);
	log_msg(LOG_NET, LVL_AUDIT, "no");
	log_set_level(LOG_GROUPS, LVL_CTRL);
	log_set_stderr(false);
	EXPECT(!log_enabled(LOG_NET, LVL_AUDIT));
	log_msg(LOG_NET, LVL_AUDIT, "no");
	log_set_stderr(true);
	EXPECT_STR(told(fd), "[NET] yes\n");

	EXPECT(log_level_parse("diag", &level) && level == 2);
	EXPECT(log_level_parse("-1", &level) && level == -1);
	EXPECT(log_level_parse("Silent", &level) && level == -1);
	EXPECT(log_level_parse("4", &level) && level == 4);
	EXPECT(!log_level_parse("5", &level) && level == 4);
	EXPECT(!log_level_parse("2x", &level) && level == 4);
	EXPECT(!log_level_parse("", &level) && level == 4);
	EXPECT_EQ(log_group_parse("knl"), LOG_KNL);
	EXPECT_EQ(log_group_parse("nope"), -1);
}

struct keeper {
	struct log_listener listener;
	unsigned int count;
	char last[64];
};

static void keep(struct log_listener *l, enum log_group group, int level,
		 const struct log_sa *sa, const char *text)
{
	struct keeper *k = (struct keeper *)l;

	k->count++;
	snprintf(k->last, sizeof(k->last), "%s %d %s %s", log_group_name(group), level,
		 sa ? sa->name : "-", text);
	log_msg(LOG_CFG, LVL_AUDIT, "a listener logs");	/* does not come back to it */
}

static void test_listeners(void)
{
	struct keeper a = { .listener = { .message = keep, .level = LVL_DIAG } };
	struct keeper b = { .listener = { .message = keep, .level = LVL_AUDIT } };
	const struct log_sa sa = { "net", 7 };

	log_set_stderr(false);
	log_listener_add(&a.listener);
	log_listener_add(&b.listener);
	EXPECT(log_enabled(LOG_IKE, LVL_DIAG));
	log_sa(LOG_IKE, LVL_DIAG, &sa, "x");
	EXPECT_STR(a.last, "IKE 2 net x");
	EXPECT_EQ(b.count, 0);
	log_msg(LOG_DMN, LVL_AUDIT, "y");
	EXPECT_STR(b.last, "DMN 0 - y");
	EXPECT_EQ(a.count, 2);
	log_listener_del(&a.listener);
	log_listener_del(&a.listener);
	log_msg(LOG_DMN, LVL_AUDIT, "z");
	EXPECT_EQ(a.count, 2);
	EXPECT_EQ(b.count, 2);
	log_listener_del(&b.listener);
	log_set_stderr(true);
}

static void test_long(void)
{
	char *text = malloc(6000);
	int fd = capture();

	REQUIRE(text && fd >= 0);
	memset(text, 'x', 5999);
	text[5999] = '\0';
	log_msg(LOG_CFG, LVL_CTRL, "%s", text);
	told(fd);
	EXPECT(strlen(output) < 4096);
	EXPECT_EQ(output[strlen(output) - 1], '\n');
	free(text);
}

static const struct ktap_test tests[] = {
	{ "lines", test_lines },
	{ "levels", test_levels },
	{ "listeners", test_listeners },
	{ "long", test_long },
};

KTAP_MAIN(tests)
