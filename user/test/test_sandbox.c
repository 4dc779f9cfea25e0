// SPDX-License-Identifier: GPL-2.0
/* The filters of system calls: each process ends, with a line, at what is not its. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktap.h"
#include "sandbox.h"
#include "threads.h"

/* System calls by their numbers: what libc makes of a function is not the matter. */
static long no_call(void) { return 0; }
static long open_read(void) { return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY); }
static long open_write(void) { return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR); }
static long open_creat(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CREAT, 0600);
}

static long udp(void) { return syscall(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); }
static long tcp(void) { return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0); }
static long local_stream(void) { return syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }
static long bypass(void)
{
	return syscall(SYS_setsockopt, -1, IPPROTO_IP, IP_XFRM_POLICY, NULL, 0);
}

static long bypass6(void)
{
	return syscall(SYS_setsockopt, -1, IPPROTO_IPV6, IPV6_XFRM_POLICY, NULL, 0);
}

static long tos(void) { return syscall(SYS_setsockopt, -1, IPPROTO_IP, IP_TOS, NULL, 0); }
static long tos6(void) { return syscall(SYS_setsockopt, -1, IPPROTO_IPV6, IPV6_TCLASS, NULL, 0); }
static long other_end(void) { return syscall(SYS_getpeername, -1, NULL, NULL); }
static long mark(void) { return syscall(SYS_setsockopt, -1, SOL_SOCKET, SO_MARK, NULL, 0); }
static long socket_error(void)
{
	return syscall(SYS_getsockopt, -1, SOL_SOCKET, SO_ERROR, NULL, NULL);
}

static long peer_of(void)
{
	return syscall(SYS_getsockopt, -1, SOL_SOCKET, SO_PEERCRED, NULL, NULL);
}

static long bind_to(void) { return syscall(SYS_bind, -1, NULL, 0); }
static long listen_at(void) { return syscall(SYS_listen, -1, 0); }
static long raw(void) { return syscall(SYS_socket, AF_INET, SOCK_RAW, 1); }
static long netlink(void) { return syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0); }
static long packet(void) { return syscall(SYS_socket, AF_PACKET, SOCK_DGRAM, 0); }
static long execute(void) { return syscall(SYS_execve, "/bin/true", NULL, NULL); }
static long clone_self(void) { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }
static long trace(void) { return syscall(SYS_ptrace, 0, 0, 0, 0); }
static long read_other(void)
{
	return syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

static long become(void) { return syscall(SYS_setuid, 0); }
static long signal_other(void) { return syscall(SYS_kill, getpid(), 0); }
static long handle_signal(void) { return syscall(SYS_rt_sigaction, SIGSYS, NULL, NULL, 8); }
static long control(void) { return syscall(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0); }
static long dumps(void) { return syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0); }
static long receive(void) { return syscall(SYS_recvmsg, -1, NULL, 0); }
static long map(void)
{
	return syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1 ? -1 : 0;
}

static long map_exec(void)
{
	return syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1 ? -1 : 0;
}

static long protect_exec(void)
{
	return syscall(SYS_mprotect, (void *)((uintptr_t)map_exec & ~4095ul), 4096,
		       PROT_READ | PROT_EXEC);
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* libc looks how much memory there is, before it sorts more than a kilobyte. */
static long sort_many(void)
{
	static int numbers[100000];

	qsort(numbers, sizeof(numbers) / sizeof(*numbers), sizeof(*numbers), by_value);
	return 0;
}

static const struct {
	const char *name;
	long (*call)(void);
	const char *allowed;	/* d, s, r: of which processes */
} calls[] = {
	{ "none", no_call, "dsr" },
	{ "openat to read", open_read, "r" },
	{ "openat to write", open_write, "" },
	{ "openat to create", open_creat, "" },
	{ "socket, UDP", udp, "d" },
	{ "socket, TCP", tcp, "d" },
	{ "socket, AF_UNIX of streams", local_stream, "" },
	{ "setsockopt, IP_XFRM_POLICY", bypass, "d" },
	{ "setsockopt, IPV6_XFRM_POLICY", bypass6, "d" },
	{ "setsockopt, IP_TOS", tos, "d" },
	{ "setsockopt, IPV6_TCLASS", tos6, "d" },
	{ "setsockopt, SO_MARK", mark, "" },
	{ "getpeername", other_end, "d" },
	{ "getsockopt, SO_ERROR", socket_error, "d" },
	{ "getsockopt, SO_PEERCRED", peer_of, "" },
	{ "bind", bind_to, "d" },
	{ "listen", listen_at, "" },
	{ "socket, raw", raw, "" },
	{ "socket, netlink", netlink, "" },
	{ "socket, packet", packet, "" },
	{ "execve", execute, "" },
	{ "clone", clone_self, "" },
	{ "ptrace", trace, "" },
	{ "process_vm_readv", read_other, "" },
	{ "setuid", become, "" },
	{ "kill", signal_other, "" },
	{ "rt_sigaction", handle_signal, "" },
	{ "prctl, get", control, "" },
	{ "prctl, dumps on", dumps, "" },
	{ "recvmsg", receive, "d" },
	{ "mmap", map, "dsr" },
	{ "qsort()", sort_many, "dsr" },
	{ "mmap, to execute", map_exec, "" },
	{ "mprotect, to execute", protect_exec, "" },
};

static void child(enum sandbox kind, long (*call)(void), int err_fd)
{
	struct errmsg err;

	if (dup2(err_fd, STDERR_FILENO) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    sandbox_enter(kind, &err))
		_exit(2);
	call();
	syscall(SYS_exit_group, 0);
}

static void expect(enum sandbox kind, size_t i, bool allowed)
{
	char line[256] = "";
	int fds[2], status = 0;
	ssize_t n;
	pid_t pid;

	if (!EXPECT(!pipe(fds)))
		return;
	pid = fork();
	if (!pid)
		child(kind, calls[i].call, fds[1]);
	close(fds[1]);
	n = read(fds[0], line, sizeof(line) - 1);
	close(fds[0]);
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != (allowed ? 0 : SANDBOX_STATUS))
		ktap_fail(__FILE__, __LINE__, "%s: status 0x%x", calls[i].name, status);
	if (allowed)
		EXPECT(n == 0);
	else
		EXPECT(strstr(line, "is not one of this process's (seccomp): ending\n"));
}

static void check(enum sandbox kind, char letter)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		expect(kind, i, strchr(calls[i].allowed, letter));
}

static int fds_of_thread[2];

/* What it must not do, as soon as it hears that the filter is there. */
static void forbidden(void *arg)
{
	char octet;

	(void)arg;
	if (read(fds_of_thread[0], &octet, 1) == 1)
		execute();
}

/* Threads that are there before the filter have it, too, and say what they die of. */
static void test_thread(void)
{
	char line[256] = "";
	struct errmsg err;
	pthread_t thread;
	unsigned int n;
	int fds[2], status = 0;
	pid_t pid;

	if (!EXPECT(!pipe(fds) && !pipe(fds_of_thread)))
		return;
	pid = fork();
	if (!pid) {
		if (dup2(fds[1], STDERR_FILENO) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    threads_start(&thread, 1, forbidden, NULL, &n) ||
		    sandbox_enter(SANDBOX_DAEMON, &err) || write(fds_of_thread[1], "", 1) != 1)
			_exit(2);
		pthread_join(thread, NULL);
		syscall(SYS_exit_group, 3);
	}
	close(fds[1]);
	EXPECT(read(fds[0], line, sizeof(line) - 1) > 0);
	close(fds[0]);
	close(fds_of_thread[0]);
	close(fds_of_thread[1]);
	waitpid(pid, &status, 0);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == SANDBOX_STATUS);
	EXPECT(strstr(line, "is not one of this process's (seccomp): ending\n"));
}

static void test_daemon(void)
{
	check(SANDBOX_DAEMON, 'd');
}

static void test_secrets(void)
{
	check(SANDBOX_SECRETS, 's');
}

static void test_reader(void)
{
	check(SANDBOX_READER, 'r');
}

/* What is not among these is refused, and the process goes on. */
static void check_refusals(enum sandbox kind, long (*const may[])(void), size_t n)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		bool allowed = false;
		struct errmsg err;
		int status = 0;
		pid_t pid;

		for (size_t j = 0; j < n; j++)
			allowed |= calls[i].call == may[j];
		pid = fork();
		if (!pid) {
			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || sandbox_enter(kind, &err))
				_exit(2);
			errno = 0;
			syscall(SYS_exit_group, calls[i].call() == -1 && errno == EPERM);
		}
		waitpid(pid, &status, 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != !allowed)
			ktap_fail(__FILE__, __LINE__, "%s: status 0x%x", calls[i].name, status);
	}
}

/* What those may who are allowed libraries that use sockets as they like. */
#define LOOSE_SOCKETS \
	local_stream, bypass, bypass6, tos, tos6, other_end, mark, socket_error, peer_of, bind_to

/* What a look-up may, beside the network. */
static void test_lookup(void)
{
	static long (*const may[])(void) = {
		no_call, open_read, udp, tcp, LOOSE_SOCKETS, netlink, signal_other, handle_signal, receive, map,
		sort_many, map_exec, protect_exec, clone_self,
	};

	check_refusals(SANDBOX_LOOKUP, may, sizeof(may) / sizeof(*may));
}

/* A token's: it loads libraries, and opens devices. */
static void test_token(void)
{
	static long (*const may[])(void) = {
		no_call, open_read, open_write, udp, tcp, LOOSE_SOCKETS, handle_signal, receive, map, sort_many,
		map_exec, protect_exec,
	};

	check_refusals(SANDBOX_TOKEN, may, sizeof(may) / sizeof(*may));
}

/* Who starts those: no more but processes, and what these give up. */
static void test_tokens(void)
{
	static long (*const may[])(void) = {
		no_call, open_read, open_write, udp, tcp, LOOSE_SOCKETS, handle_signal, receive, map, sort_many,
		map_exec, protect_exec, clone_self, signal_other, control, dumps,
	};

	check_refusals(SANDBOX_TOKENS, may, sizeof(may) / sizeof(*may));
}

static void *nothing(void *data)
{
	return data;
}

/* libc begins a thread in a way of which the filter does not see what it is, and in another. */
static void test_threads_of_token(void)
{
	struct errmsg err;
	pthread_t thread;
	int status = 0;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    sandbox_enter(SANDBOX_TOKENS, &err) || sandbox_enter(SANDBOX_TOKEN, &err))
			_exit(2);
		if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
			_exit(3);
		syscall(SYS_exit_group, 0);
	}
	waitpid(pid, &status, 0);
	EXPECT(WIFEXITED(status) && !WEXITSTATUS(status));
}

static const struct ktap_test tests[] = {
	{ "the daemon", test_daemon },
	{ "the process of the secrets", test_secrets },
	{ "the reader of the file", test_reader },
	{ "who asks the network", test_lookup },
	{ "a token's", test_token },
	{ "who starts those of tokens", test_tokens },
	{ "threads of a token's", test_threads_of_token },
	{ "a thread", test_thread },
};

KTAP_MAIN(tests)
