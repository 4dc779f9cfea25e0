// SPDX-License-Identifier: GPL-2.0
/* Which system calls a process of the daemon may make. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seccomp.h>

#include "sandbox.h"

/* Those of libc and libcrypto, in every process: memory, time, locks, the end. */
static const char *const common[] = {
	"brk", "munmap", "mremap", "madvise", "futex",
	"clock_gettime", "gettimeofday", "time", "getrandom", "getpid", "gettid",
	"read", "write", "writev", "poll", "ppoll", "close",
	"rt_sigreturn", "restart_syscall", "exit", "exit_group",
	"sysinfo",		/* qsort() of more than a kilobyte */
	/* abort() */
	"rt_sigprocmask", "tgkill",
};

static const char *const daemon_only[] = {
	"epoll_wait", "epoll_pwait", "epoll_ctl",
	"accept4", "recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "shutdown",
	/* a route lookup (source.c), TCP connections, and syslog when it was restarted */
	"connect", "getsockname", "getpeername", "bind",
	"uname",		/* VICI's version */
	"wait4",		/* its own children, at the end */
};

/* For reading files. */
static const char *const files[] = {
	"fstat", "newfstatat", "stat", "lstat", "statx", "getdents64", "lseek",
	"readlink", "readlinkat", "fcntl",
};

static const char *const lookup_only[] = {
	"connect", "bind", "getsockname", "getpeername", "setsockopt", "getsockopt", "shutdown",
	"sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "ioctl", "select", "pselect6",
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "uname",
	"pipe", "pipe2", "fork", "clone", "wait4", "kill", "set_robust_list", "rseq",
	"set_tid_address", "mmap", "mprotect", "pread64", "access", "faccessat", "faccessat2",
	"getuid", "geteuid", "getgid", "getegid", "getppid", "prlimit64", "rt_sigaction",
	"clock_nanosleep", "nanosleep", "sched_getaffinity", "alarm",
};

/* What a provider's libraries do with files, devices and sockets, and threads. */
static const char *const token_only[] = {
	"connect", "bind", "getsockname", "getpeername", "setsockopt", "getsockopt", "shutdown",
	"sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "ioctl", "select", "pselect6",
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "uname",
	"pipe", "pipe2", "set_robust_list", "rseq", "sigaltstack", "mmap", "mprotect", "pread64",
	"pwrite64", "access", "faccessat", "faccessat2", "flock", "fsync", "fdatasync", "fstatfs",
	"statfs", "getcwd", "dup", "getuid", "geteuid", "getgid", "getegid", "getppid", "prlimit64",
	"rt_sigaction", "clock_getres", "clock_nanosleep", "nanosleep", "sched_getaffinity",
	"sched_yield", "getrusage", "membarrier",
};

/* Beside those. */
static const char *const tokens_only[] = {
	"clone", "fork", "wait4", "kill", "socketpair", "dup2", "dup3", "close_range", "prctl",
	"mlockall", "setrlimit", "seccomp", "setsid",
};

static const char *const remove_socket = "unlink";

static int allow(scmp_filter_ctx filter, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);
		int ret;

		/* Not every architecture has them all. */
		if (number < 0)
			continue;
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
		if (ret)
			return ret;
	}
	return 0;
}

/* Memory, but none that can be executed. */
static int allow_mmap(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* UDP for route lookups, TCP for connections to peers, and syslog's socket. */
static int allow_sockets(scmp_filter_ctx filter)
{
	static const struct {
		int family, type;
	} sockets[] = {
		{ AF_INET, SOCK_DGRAM }, { AF_INET6, SOCK_DGRAM }, { AF_UNIX, SOCK_DGRAM },
		{ AF_INET, SOCK_STREAM }, { AF_INET6, SOCK_STREAM },
	};
	const int type = ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	int ret = 0;

	for (size_t i = 0; !ret && i < sizeof(sockets) / sizeof(*sockets); i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)sockets[i].family, 0),
				       SCMP_A1(SCMP_CMP_MASKED_EQ, (uint32_t)type,
					       (scmp_datum_t)sockets[i].type));
	return ret;
}

/* That no policy catches a TCP connection, its DSCP, and what has become of one. */
static int allow_socket_options(scmp_filter_ctx filter)
{
	static const struct {
		int level, option;
	} set[] = {
		{ IPPROTO_IP, IP_XFRM_POLICY }, { IPPROTO_IPV6, IPV6_XFRM_POLICY },
		{ IPPROTO_IP, IP_TOS }, { IPPROTO_IPV6, IPV6_TCLASS },
	};
	int ret = 0;

	for (size_t i = 0; !ret && i < sizeof(set) / sizeof(*set); i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2,
				       SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)set[i].level, 0),
				       SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)set[i].option, 0));
	return ret ? ret : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(getsockopt), 2,
					    SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET, 0),
					    SCMP_A2(SCMP_CMP_EQ, SO_ERROR, 0));
}

/* UDP, TCP, services on this machine, and routes and addresses by netlink. */
static int allow_lookup_sockets(scmp_filter_ctx filter)
{
	static const struct {
		int family, type;
	} sockets[] = {
		{ AF_INET, SOCK_DGRAM }, { AF_INET, SOCK_STREAM },
		{ AF_INET6, SOCK_DGRAM }, { AF_INET6, SOCK_STREAM },
		{ AF_UNIX, SOCK_DGRAM }, { AF_UNIX, SOCK_STREAM },
		{ AF_NETLINK, SOCK_RAW },
	};
	const int type = ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	int ret = 0;

	for (size_t i = 0; !ret && i < sizeof(sockets) / sizeof(*sockets); i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)sockets[i].family, 0),
				       SCMP_A1(SCMP_CMP_MASKED_EQ, (uint32_t)type,
					       (scmp_datum_t)sockets[i].type));
	return ret;
}

/* UDP, TCP, and services on this machine: those of smart cards, or of a TPM in software. */
static int allow_token_sockets(scmp_filter_ctx filter)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX };
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };
	const int type = ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
	int ret = 0;

	for (size_t i = 0; !ret && i < 2 * sizeof(families) / sizeof(*families); i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i / 2], 0),
				       SCMP_A1(SCMP_CMP_MASKED_EQ, (uint32_t)type,
					       (scmp_datum_t)types[i % 2]));
	return ret;
}

/* Threads. What clone3() is to do cannot be seen here: libc then does without. */
static int allow_threads(scmp_filter_ctx filter)
{
	int ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	return ret ? ret : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
					    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD,
						    CLONE_THREAD));
}

/* Files and devices that are there. */
static int allow_open_both(scmp_filter_ctx filter)
{
	const scmp_datum_t makes = O_CREAT | O_TRUNC;
	int ret;

	ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
			       SCMP_A2(SCMP_CMP_MASKED_EQ, makes, 0));
	if (!ret && SCMP_SYS(open) >= 0)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, makes, 0));
	return ret;
}

/* Of a token's process, and of who starts it. */
static int allow_token(scmp_filter_ctx filter, bool starts)
{
	int ret = allow(filter, files, sizeof(files) / sizeof(*files));

	if (!ret)
		ret = allow(filter, token_only, sizeof(token_only) / sizeof(*token_only));
	if (!ret)
		ret = allow_token_sockets(filter);
	if (!ret)
		ret = allow_open_both(filter);
	if (!ret)
		ret = allow_threads(filter);
	if (!ret && starts)
		ret = allow(filter, tokens_only, sizeof(tokens_only) / sizeof(*tokens_only));
	return ret;
}

/* Files, for reading alone. */
static int allow_open(scmp_filter_ctx filter)
{
	const scmp_datum_t writes = O_ACCMODE | O_CREAT | O_TRUNC;
	int ret;

	ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
			       SCMP_A2(SCMP_CMP_MASKED_EQ, writes, O_RDONLY));
	if (!ret && SCMP_SYS(open) >= 0)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, writes, O_RDONLY));
	return ret;
}

static char *put_number(char *end, unsigned int number)
{
	do
		*--end = (char)('0' + number % 10);
	while (number /= 10);
	return end;
}

/* Nothing here but what a signal handler may call. */
static void refused(int signo, siginfo_t *info, void *context)
{
	static const char head[] = "ikefpd: system call ";
	static const char tail[] = " is not one of this process's (seccomp): ending\n";
	char line[128], digits[16], *number;
	size_t len = 0;
	ssize_t n;

	(void)signo;
	(void)context;
	number = put_number(digits + sizeof(digits), (unsigned int)info->si_syscall);
	memcpy(line, head, sizeof(head) - 1);
	len += sizeof(head) - 1;
	memcpy(line + len, number, (size_t)(digits + sizeof(digits) - number));
	len += (size_t)(digits + sizeof(digits) - number);
	memcpy(line + len, tail, sizeof(tail) - 1);
	len += sizeof(tail) - 1;
	n = write(STDERR_FILENO, line, len);
	(void)n;
	syscall(SYS_exit_group, SANDBOX_STATUS);
}

static int load(enum sandbox kind)
{
	const bool token = kind == SANDBOX_TOKEN || kind == SANDBOX_TOKENS;
	scmp_filter_ctx filter = seccomp_init(token || kind == SANDBOX_LOOKUP ?
						      SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_TRAP);
	int ret;

	if (!filter)
		return -ENOMEM;
	/* By another architecture's numbers: no line to write then. */
	ret = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!ret)
		ret = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!ret)
		ret = allow(filter, common, sizeof(common) / sizeof(*common));
	if (!ret && kind != SANDBOX_LOOKUP && !token)
		ret = allow_mmap(filter);
	if (!ret && token)
		ret = allow_token(filter, kind == SANDBOX_TOKENS);
	if (!ret && kind == SANDBOX_DAEMON)
		ret = allow(filter, daemon_only, sizeof(daemon_only) / sizeof(*daemon_only));
	if (!ret && kind == SANDBOX_DAEMON)
		ret = allow_sockets(filter);
	if (!ret && kind == SANDBOX_DAEMON)
		ret = allow_socket_options(filter);
	if (!ret && (kind == SANDBOX_READER || kind == SANDBOX_LOOKUP))
		ret = allow(filter, files, sizeof(files) / sizeof(*files));
	if (!ret && (kind == SANDBOX_READER || kind == SANDBOX_LOOKUP))
		ret = allow_open(filter);
	if (!ret && kind == SANDBOX_READER)
		ret = allow(filter, &remove_socket, 1);
	if (!ret && kind == SANDBOX_LOOKUP)
		ret = allow(filter, lookup_only, sizeof(lookup_only) / sizeof(*lookup_only));
	if (!ret && kind == SANDBOX_LOOKUP)
		ret = allow_lookup_sockets(filter);
	if (!ret)
		ret = seccomp_load(filter);
	seccomp_release(filter);
	return ret;
}

int sandbox_enter(enum sandbox kind, struct errmsg *err)
{
	struct sigaction action = { .sa_sigaction = refused, .sa_flags = SA_SIGINFO };
	int ret;

	if (sigaction(SIGSYS, &action, NULL))
		return errmsg_set(err, "cannot handle SIGSYS: %s", strerror(errno));
	ret = load(kind);
	if (ret)
		return errmsg_set(err, "cannot restrict system calls (seccomp): %s",
				  strerror(-ret));
	return 0;
}
