// SPDX-License-Identifier: GPL-2.0
/*
 * TCP ports that are listened at, and connections that are opened: what comes, what is refused,
 * what takes too long, and what happens without descriptors.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dscp.h"
#include "endpoint.h"
#include "ktap.h"
#include "loop.h"
#include "tcp_connect.h"
#include "tcp_listen.h"
#include "tcp_socket.h"

#define MANY	40
#define WAIT_MS	10000

static struct loop *loop;

/* Its policies take CAP_NET_ADMIN, which who tests need not have. */
int tcp_socket(sa_family_t family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

static unsigned int accepted;

static void took(void *arg, int fd)
{
	(void)arg;
	accepted++;
	close(fd);
}

static int outcome, result_fd;
static bool over;

static void done(void *arg, int fd, int err)
{
	(void)arg;
	over = true;
	outcome = err;
	result_fd = fd;
}

static struct endpoint loopback(sa_family_t family, uint16_t port)
{
	struct endpoint e;

	assert(!endpoint_parse(&e, family == AF_INET ? "127.0.0.1" : "::1", port));
	return e;
}

/* A port that is free at all addresses, and its socket, which has it. */
static int free_port(uint16_t *port)
{
	const struct endpoint any = { .family = AF_INET };
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(&any, &ss);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct endpoint e;

	assert(fd >= 0 && !bind(fd, (struct sockaddr *)&ss, len));
	len = sizeof(ss);
	assert(!getsockname(fd, (struct sockaddr *)&ss, &len));
	assert(!endpoint_from_sockaddr(&e, (struct sockaddr *)&ss));
	*port = e.port;
	return fd;
}

/* Of the connections that are tried. */
static uint8_t dscp;

static int try_connect(sa_family_t family, uint16_t port, uint64_t limit_ms)
{
	const struct endpoint local = loopback(family, 0), remote = loopback(family, port);
	const uint64_t end = loop_now_ms() + WAIT_MS;
	struct tcp_connect *c;
	int err;

	over = false;
	err = tcp_connect_begin(&c, loop, &local, &remote, dscp, limit_ms, done, NULL);
	if (err)
		return err;
	EXPECT(!over);
	while (!over && loop_now_ms() < end)
		loop_turn(loop, 50);
	EXPECT(over);
	EXPECT(outcome ? result_fd == -1 : result_fd >= 0);
	return outcome;
}

static bool has_ipv6(void)
{
	const struct endpoint local = loopback(AF_INET6, 0);
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(&local, &ss);
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool has = fd >= 0 && !bind(fd, (struct sockaddr *)&ss, len);

	if (fd >= 0)
		close(fd);
	return has;
}

static struct tcp_listen *listen_at(uint16_t *port)
{
	struct tcp_listen *t;
	struct errmsg err;

	close(free_port(port));
	accepted = 0;
	t = tcp_listen_open(loop, port, 1, took, NULL, &err);
	if (!t)
		ktap_fail(__FILE__, __LINE__, "%s", err.text);
	return t;
}

static void turns_until(unsigned int number)
{
	const uint64_t end = loop_now_ms() + WAIT_MS;

	while (accepted < number && loop_now_ms() < end)
		loop_turn(loop, 50);
	EXPECT_EQ(accepted, number);
}

static void accepts(void)
{
	struct tcp_listen *t;
	uint16_t port;

	t = listen_at(&port);
	REQUIRE(t);
	EXPECT_EQ(try_connect(AF_INET, port, WAIT_MS), 0);
	close(result_fd);
	turns_until(1);
	if (has_ipv6()) {
		EXPECT_EQ(try_connect(AF_INET6, port, WAIT_MS), 0);
		close(result_fd);
		turns_until(2);
	}
	tcp_listen_close(t);
	EXPECT_EQ(try_connect(AF_INET, port, WAIT_MS), -ECONNREFUSED);
}

/* From its first packet on. */
static void marks(void)
{
	struct tcp_listen *t;
	socklen_t len = sizeof(int);
	int octet = 0;
	uint16_t port;

	t = listen_at(&port);
	REQUIRE(t);
	dscp = 46;
	EXPECT_EQ(try_connect(AF_INET, port, WAIT_MS), 0);
	EXPECT(!getsockopt(result_fd, IPPROTO_IP, IP_TOS, &octet, &len));
	EXPECT_EQ(octet, 46 << 2);
	close(result_fd);
	if (has_ipv6()) {
		EXPECT_EQ(try_connect(AF_INET6, port, WAIT_MS), 0);
		EXPECT(!getsockopt(result_fd, IPPROTO_IPV6, IPV6_TCLASS, &octet, &len));
		EXPECT_EQ(octet, 46 << 2);
		close(result_fd);
	}
	dscp = 0;
	tcp_listen_close(t);
	EXPECT_EQ(dscp_set(-1, AF_INET, 46), -EBADF);
}

/* Some at a time: others have their turn. */
static void accepts_many(void)
{
	const struct endpoint remote = loopback(AF_INET, 0);
	struct sockaddr_storage ss;
	struct tcp_listen *t;
	int fds[MANY], i;
	uint16_t port;
	struct endpoint to = remote;
	socklen_t len;

	t = listen_at(&port);
	REQUIRE(t);
	to.port = port;
	len = endpoint_to_sockaddr(&to, &ss);
	for (i = 0; i < MANY; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		EXPECT(!connect(fds[i], (struct sockaddr *)&ss, len));
	}
	loop_turn(loop, 1000);
	EXPECT(accepted > 0 && accepted < MANY);
	turns_until(MANY);
	for (i = 0; i < MANY; i++)
		close(fds[i]);
	tcp_listen_close(t);
}

/* Without a descriptor for it: nothing is asked for all the time, and later it is accepted. */
static void no_descriptors(void)
{
	struct rlimit before, none;
	struct endpoint to;
	struct sockaddr_storage ss;
	struct tcp_listen *t;
	unsigned int turns;
	uint64_t end;
	uint16_t port;
	socklen_t len;
	int fd;

	t = listen_at(&port);
	REQUIRE(t);
	to = loopback(AF_INET, port);
	len = endpoint_to_sockaddr(&to, &ss);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	REQUIRE(!connect(fd, (struct sockaddr *)&ss, len));
	REQUIRE(!getrlimit(RLIMIT_NOFILE, &before));
	none = before;
	none.rlim_cur = fd + 1;
	REQUIRE(!setrlimit(RLIMIT_NOFILE, &none));
	end = loop_now_ms() + 500;
	for (turns = 0; loop_now_ms() < end; turns++)
		loop_turn(loop, 100);
	EXPECT(turns < 20);
	EXPECT_EQ(accepted, 0);
	REQUIRE(!setrlimit(RLIMIT_NOFILE, &before));
	turns_until(1);
	close(fd);
	tcp_listen_close(t);
}

static void port_taken(void)
{
	struct tcp_listen *t;
	struct errmsg err;
	char text[128];
	uint16_t port;
	int fd = free_port(&port);

	REQUIRE(!listen(fd, 1));
	t = tcp_listen_open(loop, &port, 1, took, NULL, &err);
	EXPECT(!t);
	snprintf(text, sizeof(text),
		 "cannot listen at TCP port %u (charon.tcp_ports): Address already in use", port);
	EXPECT_STR(err.text, text);
	tcp_listen_close(t);
	close(fd);
	/* And at none. */
	t = tcp_listen_open(loop, NULL, 0, took, NULL, &err);
	EXPECT(t);
	tcp_listen_close(t);
}

/* Where nobody takes connections the SYN is dropped. */
static void takes_too_long(void)
{
	const struct endpoint local = loopback(AF_INET, 0);
	struct endpoint remote;
	struct tcp_connect *c;
	uint64_t begin;
	uint16_t port;
	int full[8], n = 0;
	int fd = free_port(&port);

	REQUIRE(!listen(fd, 0));
	while (n < 8 && !try_connect(AF_INET, port, 300))
		full[n++] = result_fd;
	REQUIRE(n && n < 8);
	begin = loop_now_ms();
	EXPECT_EQ(try_connect(AF_INET, port, 300), -ETIMEDOUT);
	EXPECT(loop_now_ms() - begin >= 300);

	/* Cancelled it is not heard of again. */
	remote = loopback(AF_INET, port);
	over = false;
	REQUIRE(!tcp_connect_begin(&c, loop, &local, &remote, 0, 200, done, NULL));
	tcp_connect_cancel(c);
	loop_turn(loop, 400);
	EXPECT(!over);
	EXPECT_EQ(loop_timers(loop), 0);
	while (n)
		close(full[--n]);
	close(fd);
}

/* An address that is not ours. */
static void no_address(void)
{
	struct endpoint local, remote = loopback(AF_INET, 1);
	struct tcp_connect *c;

	assert(!endpoint_parse(&local, "192.0.2.1", 0));
	EXPECT_EQ(tcp_connect_begin(&c, loop, &local, &remote, 0, WAIT_MS, done, NULL),
		  -EADDRNOTAVAIL);
	EXPECT_EQ(loop_timers(loop), 0);
}

static void with_loop(void (*test)(void))
{
	loop = loop_new();
	REQUIRE(loop);
	test();
	loop_free(loop);
}

static void test_accepts(void)
{
	with_loop(accepts);
}

static void test_marks(void)
{
	with_loop(marks);
}

static void test_accepts_many(void)
{
	with_loop(accepts_many);
}

static void test_no_descriptors(void)
{
	with_loop(no_descriptors);
}

static void test_port_taken(void)
{
	with_loop(port_taken);
}

static void test_takes_too_long(void)
{
	with_loop(takes_too_long);
}

static void test_no_address(void)
{
	with_loop(no_address);
}

static const struct ktap_test tests[] = {
	{ "connections are accepted", test_accepts },
	{ "marked", test_marks },
	{ "many are, some at a time", test_accepts_many },
	{ "without descriptors", test_no_descriptors },
	{ "a port that is taken", test_port_taken },
	{ "what takes too long", test_takes_too_long },
	{ "an address that is not ours", test_no_address },
};

KTAP_MAIN(tests)
