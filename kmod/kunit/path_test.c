// SPDX-License-Identifier: GPL-2.0
/* Paths: which are the same, and that each holds its listener once. */

#include <kunit/test.h>
#include <linux/socket.h>

#include "../listener.h"
#include "../path.h"

static void never_released(struct percpu_ref *refs)
{
	WARN_ON_ONCE(1);
}

static void exit_refs(void *refs)
{
	percpu_ref_exit(refs);
}

/* Held once; its holds are counted in one place. */
static struct ikefp_listener *listener(struct kunit *test, u16 family)
{
	struct ikefp_listener *listener = kunit_kzalloc(test, sizeof(*listener), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, listener);
	KUNIT_ASSERT_EQ(test, percpu_ref_init(&listener->refs, never_released,
					      PERCPU_REF_INIT_ATOMIC, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, exit_refs, &listener->refs), 0);
	listener->family = family;
	return listener;
}

static long held(const struct ikefp_listener *listener)
{
	return atomic_long_read(&listener->refs.data->count);
}

static void same(struct kunit *test)
{
	struct ikefp_path a = {
		.listener = listener(test, AF_INET),
		.remote.v4 = htonl(0xc0000201),
		.remote_port = htons(500),
	};
	struct ikefp_path b = a;

	KUNIT_EXPECT_TRUE(test, ikefp_path_same_remote(&a, &b));
	/* Where we are does not matter, nor which of our sockets it is. */
	b.local.v4 = htonl(0xc6336401);
	b.listener = listener(test, AF_INET);
	KUNIT_EXPECT_TRUE(test, ikefp_path_same_remote(&a, &b));
	b.remote_port = htons(4500);
	KUNIT_EXPECT_TRUE(test, ikefp_path_same_host(&a, &b));
	KUNIT_EXPECT_FALSE(test, ikefp_path_same_remote(&a, &b));
	b = a;
	b.remote.v4 = htonl(0xc0000202);
	KUNIT_EXPECT_FALSE(test, ikefp_path_same_host(&a, &b));
	/* The same octets of another family are another address. */
	b = a;
	b.listener = listener(test, AF_INET6);
	KUNIT_EXPECT_FALSE(test, ikefp_path_same_host(&a, &b));
}

static void same_v6(struct kunit *test)
{
	struct ikefp_path a = {
		.listener = listener(test, AF_INET6),
		.remote.v6 = { .s6_addr = { 0xfe, 0x80, [15] = 1 } },
		.remote_port = htons(500),
		.ifindex = 2,
	};
	struct ikefp_path b = a;

	KUNIT_EXPECT_TRUE(test, ikefp_path_same_remote(&a, &b));
	b.ifindex = 3;
	KUNIT_EXPECT_FALSE(test, ikefp_path_same_host(&a, &b));
	b = a;
	b.remote.v6.s6_addr[15] = 2;
	KUNIT_EXPECT_FALSE(test, ikefp_path_same_host(&a, &b));
}

static void holds(struct kunit *test)
{
	struct ikefp_listener *one = listener(test, AF_INET), *two = listener(test, AF_INET);
	const struct ikefp_path to_one = { .listener = one }, to_two = { .listener = two };
	struct ikefp_path path = {};

	ikefp_path_set(&path, &to_one);
	KUNIT_EXPECT_EQ(test, held(one), 2);
	/* Itself is no exception. */
	ikefp_path_set(&path, &path);
	KUNIT_EXPECT_EQ(test, held(one), 2);
	ikefp_path_set(&path, &to_two);
	KUNIT_EXPECT_EQ(test, held(one), 1);
	KUNIT_EXPECT_EQ(test, held(two), 2);
	ikefp_path_put(&path);
	KUNIT_EXPECT_EQ(test, held(two), 1);
	KUNIT_EXPECT_NULL(test, memchr_inv(&path, 0, sizeof(path)));
	ikefp_path_put(&path);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(same),
	KUNIT_CASE(same_v6),
	KUNIT_CASE(holds),
	{}
};

static struct kunit_suite suite = { .name = "path", .test_cases = cases };

kunit_test_suite(suite);
