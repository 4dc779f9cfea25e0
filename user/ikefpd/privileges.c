// SPDX-License-Identifier: GPL-2.0
/* What a process of the daemon gives up after its start. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "log.h"
#include "privileges.h"

#ifndef MCL_ONFAULT
#define MCL_ONFAULT	4
#endif

int account_find(struct account *account, const char *name, struct errmsg *err)
{
	const struct passwd *pw;

	*account = (struct account){ .uid = geteuid(), .gid = getegid() };
	errno = 0;
	pw = getpwnam(name ? name : DAEMON_USER);
	if (!pw && name)
		return errmsg_set(err, "-U %s: %s", name, errno ? strerror(errno) :
				  "there is no such user");
	if (!pw && account->uid == 0)
		log_msg(LOG_DMN, LVL_AUDIT,
			"there is no user '" DAEMON_USER "': staying root, with CAP_NET_ADMIN alone; make that user (systemd-sysusers does), or name another with -U");
	if (!pw || pw->pw_uid == account->uid)
		return 0;
	if (account->uid) {
		if (!name)
			return 0;
		return errmsg_set(err, "-U %s: only root can become another user", name);
	}
	account->change = true;
	account->uid = pw->pw_uid;
	account->gid = pw->pw_gid;
	return 0;
}

void account_least(struct account *least, const struct account *account)
{
	const struct passwd *pw = geteuid() ? NULL : getpwnam("nobody");

	*least = *account;
	if (pw)
		*least = (struct account){ .change = true, .uid = pw->pw_uid, .gid = pw->pw_gid };
}

static int lock_memory(struct errmsg *err)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit limit = { 0 };

	/* What is locked later counts too, when CAP_IPC_LOCK is long gone. */
	if (setrlimit(RLIMIT_MEMLOCK, &none)) {
		getrlimit(RLIMIT_MEMLOCK, &limit);
		if (limit.rlim_cur != RLIM_INFINITY)
			return errmsg_set(err,
					  "keys cannot be kept out of swap: no more than %llu KiB may be locked; raise RLIMIT_MEMLOCK (systemd: LimitMEMLOCK=infinity, shell: ulimit -l unlimited), or start ikefpd as root",
					  (unsigned long long)limit.rlim_cur / 1024);
	}
	/* Pages are locked as they are first touched, not read in for that. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		return errmsg_set(err, "keys cannot be kept out of swap: %s",
				  strerror(errno));
	return 0;
}

static int no_dumps(struct errmsg *err)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0))
		return errmsg_set(err, "core dumps cannot be switched off: %s",
				  strerror(errno));
	return 0;
}

int memory_protect(struct errmsg *err)
{
	return no_dumps(err) || lock_memory(err) ? -1 : 0;
}

static int get_caps(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	memset(data, 0, 2 * sizeof(*data));
	return syscall(SYS_capget, &header, data) ? -1 : 0;
}

uint64_t privileges_held(void)
{
	struct __user_cap_data_struct data[2];

	if (get_caps(data))
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

static int set_caps(uint64_t keep, uint64_t inheritable)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)keep, (uint32_t)keep, (uint32_t)inheritable },
		{ keep >> 32, keep >> 32, inheritable >> 32 },
	};

	return syscall(SYS_capset, &header, data) ? -1 : 0;
}

/*
 * Whoever may not (CAP_SETPCAP) keeps a bounding set that is good for nothing:
 * without new privileges no exec() gives any.
 */
static int drop_bounding_set(void)
{
	if (!(privileges_held() & 1ull << CAP_SETPCAP))
		return 0;
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap))
			return -1;
	return 0;
}

static int set_groups(const struct account *account)
{
	const struct passwd *pw = account->groups ? getpwuid(account->uid) : NULL;

	return pw ? initgroups(pw->pw_name, account->gid) : setgroups(0, NULL);
}

static int change_user(const struct account *account)
{
	if (!account->change)
		return 0;
	return prctl(PR_SET_KEEPCAPS, 1) || set_groups(account) ||
	       setresgid(account->gid, account->gid, account->gid) ||
	       setresuid(account->uid, account->uid, account->uid) ||
	       prctl(PR_SET_KEEPCAPS, 0) ? -1 : 0;
}

int privileges_drop(const struct account *account, uint64_t keep, struct errmsg *err)
{
	if (drop_bounding_set() || change_user(account))
		return errmsg_set(err, "cannot give up privileges: %s", strerror(errno));
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) || set_caps(keep, 0))
		return errmsg_set(err, "cannot give up capabilities: %s", strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return errmsg_set(err, "cannot forbid new privileges: %s", strerror(errno));
	if (account->change && !setresuid(0, 0, 0))
		return errmsg_set(err, "root could be had back");
	/* A change of user may have undone it (proc(5), suid_dumpable). */
	return no_dumps(err);
}

int privileges_lend(const struct account *account, uint64_t keep, struct errmsg *err)
{
	if (!account->change && !account->uid)
		return 0;
	if (change_user(account) || set_caps(keep, keep))
		return errmsg_set(err, "cannot give up privileges: %s", strerror(errno));
	for (int cap = 0; cap < 64; cap++)
		if (keep & 1ull << cap && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0))
			return errmsg_set(err, "cannot pass on capabilities: %s", strerror(errno));
	return 0;
}
