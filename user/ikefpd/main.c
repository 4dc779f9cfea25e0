// SPDX-License-Identifier: GPL-2.0
/*
 * ikefpd: one process and one epoll loop. Four things wake it: a message or an event from the
 * module (kernel.c), the kernel's word of what changed around it (mapping.c, module_watch.c),
 * a client of VICI (vici.c), and a signal. Threads do the key exchanges of handshakes, wait for
 * their signatures, and verify those of the peers, of certificates, CRLs and OCSP (jobs.c).
 *
 * More processes have what it must not have: the secrets (secrets_server.c), the keys that are
 * on tokens, each with one more (token_server.c), the right to read the file that they are in
 * (file_reader.c), that to run scripts (script_runner.c), and that to ask the network
 * (lookup_runner.c). They are forked first.
 * What needs privileges is done before the loop runs; then the daemon gives up all
 * but CAP_NET_ADMIN and every system call that it does not make (SECURITY.md).
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include "acquire.h"
#include "config.h"
#include "control.h"
#include "dh.h"
#include "dh_pool.h"
#include "expire.h"
#include "file_reader.h"
#include "ikev2.h"
#include "ike_manager.h"
#include "ipc.h"
#include "jobs.h"
#include "kernel.h"
#include "log.h"
#include "lookup.h"
#include "loop.h"
#include "mapping.h"
#include "module_watch.h"
#include "network_watch.h"
#include "path.h"
#include "prf.h"
#include "privileges.h"
#include "process.h"
#include "revocation.h"
#include "route.h"
#include "sandbox.h"
#include "script_runner.h"
#include "secrets.h"
#include "secrets_server.h"
#include "start.h"
#include "stream.h"
#include "tcp_listen.h"
#include "threads.h"
#include "token_certs.h"
#include "token_server.h"
#include "tokens.h"
#include "updown.h"
#include "vici.h"
#include "xfrm.h"

/* For the peers' answers to our DELETEs, which go out three times by then (ikefp policy). */
#define STOP_WAIT_MS	2000
#define SCRIPTS_WAIT_MS	20000	/* for updown scripts at the end; then they go on alone */

struct daemon {
	struct loop *loop;
	struct config *config;
	const char *config_file;	/* NULL: VICI alone */
	const char *socket_path;
	const char *socket_group;	/* NULL: as it was made */
	struct account account;
	struct process secrets_process, reader_process, scripts_process, lookup_process;
	struct process tokens_process;
	unsigned int threads;	/* besides the loop's, and as many of the secrets' process */
	struct secrets *secrets;
	struct tokens *tokens;
	struct file_reader reader;
	int exit_code;
	struct xfrm *xfrm;
	struct route *route;
	struct updown *updown;
	struct lookup *lookup;
	struct revocation_info *revocation;
	struct token_certs *token_certs;
	struct mapping *mapping;
	struct acquire *acquire;
	struct expire *expire;
	struct network_watch *network_watch;
	struct module_watch *module_watch;
	struct kernel *kernel;
	struct tcp_listen *tcp_listen;
	uint16_t tcp_ports[TCP_PORTS_MAX];	/* that it listens at */
	struct ike_manager manager;
	struct vici *vici;
};

static void usage(FILE *to)
{
	fprintf(to,
		"Usage: ikefpd [OPTION]...\n"
		"The IKEv2 daemon for the kernel module ikefp. It stays in the foreground.\n"
		"\n"
		"  -f FILE    read connections and secrets from this swanctl.conf\n"
		"  -u SOCKET  serve VICI here (default " VICI_SOCKET_DEFAULT ")\n"
		"  -g GROUP   let this group use VICI's socket (default: root alone)\n"
		"  -U USER    become this user (default " DAEMON_USER ", if there is one)\n"
		"  -l LEVEL   log level: silent, audit, ctrl, diag, raw, or -1 to 4\n"
		"             (default ctrl)\n"
		"  -s         log to syslog instead of standard error\n"
		"  --help     show this text\n"
		"  --version  show the version\n"
		"\n"
		"SIGTERM deletes all SAs and ends it; SIGHUP reads FILE again.\n");
}

static void stopped(struct ike_manager *m)
{
	struct daemon *d = container_of(m, struct daemon, manager);

	loop_stop(d->loop, d->exit_code);
}

static void on_stop(int signo, void *data)
{
	struct daemon *d = data;

	if (d->manager.stopping) {
		log_msg(LOG_DMN, LVL_CTRL, "second signal, ending at once");
		loop_stop(d->loop, d->exit_code);
		return;
	}
	log_msg(LOG_DMN, LVL_CTRL, "%s, deleting all SAs", strsignal(signo));
	control_shutdown();
	start_stop();
	ike_manager_stop(&d->manager, STOP_WAIT_MS, stopped);
}

/* Without its other processes the daemon cannot go on: it takes its leave. */
static void lost(struct daemon *d, struct process *p)
{
	loop_fd_del(d->loop, &p->fd);
	log_msg(LOG_DMN, LVL_AUDIT, "the process '%s' (%d) is gone: deleting all SAs and ending",
		p->name, (int)p->pid);
	d->exit_code = 1;
	start_stop();
	if (!d->manager.stopping)
		ike_manager_stop(&d->manager, STOP_WAIT_MS, stopped);
}

static void secrets_lost(struct loop_fd *fd, uint32_t events)
{
	(void)events;
	lost(container_of(fd, struct daemon, secrets_process.fd),
	     container_of(fd, struct process, fd));
}

static void reader_lost(struct loop_fd *fd, uint32_t events)
{
	(void)events;
	lost(container_of(fd, struct daemon, reader_process.fd),
	     container_of(fd, struct process, fd));
}

/* The file takes effect whole or not at all: connections here, secrets there. */
static int load(struct daemon *d, struct errmsg *err)
{
	struct config *fresh = config_new();
	int ret;

	if (!fresh)
		return errmsg_set(err, "out of memory");
	ret = file_reader_read(&d->reader, fresh, err);
	if (!ret && secrets_commit(d->secrets))
		ret = errmsg_set(err, "the process of the secrets does not take them");
	/* A token that is not there is no reason to be without all else. */
	if (!ret) {
		token_certs_replace_file(d->token_certs, fresh);
		tokens_commit(d->tokens);
	}
	config_free(fresh);
	return ret;
}

/* Reads the file again; what it changes is then done. */
static int reload(void *data, struct errmsg *err)
{
	struct daemon *d = data;

	if (!d->config_file)
		return errmsg_set(err, "no -f FILE was given, so there is nothing to read");
	if (load(d, err))
		return -1;
	log_msg(LOG_CFG, LVL_CTRL, "read %s again", d->config_file);
	kernel_set_retransmit(d->kernel, &d->config->retransmit);
	kernel_set_keepalive(d->kernel, d->config->keep_alive_ms);
	d->manager.routes.off = d->config->no_routes;
	/* The right to some of them was given up. */
	if (memcmp(d->config->tcp_ports, d->tcp_ports, sizeof(d->tcp_ports)))
		log_msg(LOG_CFG, LVL_AUDIT,
			"charon.tcp_ports takes effect when ikefpd is started again");
	for (struct conn *conn = d->config->conns; conn; conn = conn->next)
		control_loaded(conn);
	control_configured();
	start_pending();
	return 0;
}

static void on_reload(int signo, void *data)
{
	struct errmsg err;

	(void)signo;
	if (reload(data, &err))
		log_msg(LOG_CFG, LVL_AUDIT, "%s; keeping the configuration as it was",
			err.text);
}

static void run_secrets(int daemon_fd, int reader_fd, void *data)
{
	(void)data;
	secrets_serve(daemon_fd, reader_fd);
}

static void run_reader(int daemon_fd, int secrets_fd, void *data)
{
	const struct daemon *d = data;

	file_reader_serve(daemon_fd, secrets_fd, PROCESS_MORE_FD, d->config_file,
			  d->socket_path);
}

static void run_scripts(int daemon_fd, int fd, void *data)
{
	(void)fd;
	(void)data;
	script_runner_serve(daemon_fd, SCRIPT_LIMIT_MS, SCRIPT_JOBS_MAX);
}

static void run_lookup(int daemon_fd, int fd, void *data)
{
	(void)fd;
	(void)data;
	lookup_runner_serve(daemon_fd);
}

/* As the process that has forked it, but without the right to fork. */
static int confine_token(struct errmsg *err)
{
	return memory_protect(err) || sandbox_enter(SANDBOX_TOKEN, err) ? -1 : 0;
}

static void run_tokens(int daemon_fd, int reader_fd, void *data)
{
	(void)data;
	token_server_serve(daemon_fd, reader_fd, confine_token);
}

static void close_all(const int *fds, unsigned int n)
{
	while (n)
		close(fds[--n]);
}

static void say_threads(unsigned int n, unsigned int wanted)
{
	if (n < wanted)
		log_msg(LOG_DMN, LVL_AUDIT,
			"there are %u threads, not %u: the system has no more for us (RLIMIT_NPROC, TasksMax)",
			n, wanted);
}

/* Those that there is a thread for at the other end: no more can wait for signatures here. */
static void take_signers(struct daemon *d, const int *fds, unsigned int n)
{
	d->threads = 0;
	for (unsigned int i = 0; i < n; i++) {
		if (!ipc_is_open(fds[i])) {
			close(fds[i]);
			continue;
		}
		secrets_add_signer(d->secrets, fds[i]);
		d->threads++;
	}
	say_threads(d->threads, n);
}

/* The two that share @between; the secrets have a way for each thread, too. */
static int start_secrets(struct daemon *d, struct process_plan *secrets,
			 const struct process_plan *reader, struct errmsg *err)
{
	int ours[THREADS_MAX], theirs[THREADS_MAX], fds[2], ret = 0;
	unsigned int n;

	for (n = 0; !ret && n < d->threads; n++) {
		ret = ipc_pair(fds);
		if (ret)
			break;
		ours[n] = fds[0];
		theirs[n] = fds[1];
	}
	secrets->more = theirs;
	secrets->n_more = n;
	ret = ret ? errmsg_set(err, "%s", strerror(-ret)) :
		    process_start(&d->secrets_process, secrets, err) ||
		    process_start(&d->reader_process, reader, err);
	d->secrets = ret ? NULL : secrets_new(d->secrets_process.fd.fd);
	close_all(theirs, n);
	if (!d->secrets) {
		close_all(ours, n);
		return ret ? ret : errmsg_set(err, "out of memory");
	}
	take_signers(d, ours, n);
	return 0;
}

/* Before anything is open, so that they inherit nothing. */
static int start_processes(struct daemon *d, struct errmsg *err)
{
	struct account least, groups;
	const struct account stay = { .change = false };
	struct process_plan secrets = {
		.name = "ikefpd: secrets",
		.account = &d->account,
		.sandbox = SANDBOX_SECRETS,
		.prepare = secrets_serve_signers,
		.run = run_secrets,
	};
	struct process_plan reader = {
		.name = "ikefpd: reader",
		.account = &stay,
		.capabilities = 1ull << CAP_DAC_READ_SEARCH,
		.sandbox = SANDBOX_READER,
		.run = run_reader,
		.data = d,
	};
	struct process_plan scripts = {
		.name = "ikefpd: scripts",
		.account = &d->account,
		.capabilities = 1ull << CAP_NET_ADMIN | 1ull << CAP_NET_RAW,
		.runs_programs = true,
		.fd = -1,
		.run = run_scripts,
	};
	struct process_plan lookup = {
		.name = "ikefpd: lookup",
		.account = &least,
		.sandbox = SANDBOX_LOOKUP,
		.fd = -1,
		.run = run_lookup,
	};
	struct process_plan tokens = {
		.name = "ikefpd: tokens",
		.account = &groups,
		.sandbox = SANDBOX_TOKENS,
		.run = run_tokens,
	};
	int between[2], staging[2];
	int ret;

	account_least(&least, &d->account);
	groups = d->account;
	groups.groups = true;
	ret = process_start(&d->scripts_process, &scripts, err) ||
	      process_start(&d->lookup_process, &lookup, err);
	if (ret)
		return ret;
	ret = ipc_pair(between);
	if (ret)
		return errmsg_set(err, "%s", strerror(-ret));
	ret = ipc_pair(staging);
	if (ret) {
		close_all(between, 2);
		return errmsg_set(err, "%s", strerror(-ret));
	}
	secrets.fd = between[0];
	reader.fd = between[1];
	tokens.fd = staging[0];
	reader.more = &staging[1];
	reader.n_more = 1;
	ret = process_start(&d->tokens_process, &tokens, err) ||
	      start_secrets(d, &secrets, &reader, err);
	close_all(between, 2);
	close_all(staging, 2);
	if (!ret)
		d->reader.fd = d->reader_process.fd.fd;
	return ret;
}

/*
 * What libc and libcrypto open when they are first used (the time zone, libcrypto's
 * configuration, its random generator), for all processes.
 */
static int warm_up(struct errmsg *err)
{
	static const uint16_t groups[] = { DH_MODP_2048, DH_ECP_256, DH_CURVE25519 };
	const struct prf_input in = { "", 0 };
	uint8_t out[PRF_MAX], key[1] = { 0 };

	tzset();
	if (prf(PRF_HMAC_SHA2_256, key, sizeof(key), &in, 1, out))
		return errmsg_set(err, "libcrypto does not work: HMAC-SHA2-256");
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		struct dh *dh = dh_new(groups[i]);

		if (!dh)
			return errmsg_set(err, "libcrypto does not work: key exchange group %u",
					  groups[i]);
		dh_free(dh);
	}
	return 0;
}

static int watch(struct daemon *d, struct errmsg *err)
{
	int ret;

	ret = process_watch(&d->secrets_process, d->loop, secrets_lost);
	if (!ret)
		ret = process_watch(&d->reader_process, d->loop, reader_lost);
	if (!ret)
		ret = loop_signal(d->loop, SIGTERM, on_stop, d);
	if (!ret)
		ret = loop_signal(d->loop, SIGINT, on_stop, d);
	if (!ret)
		ret = loop_signal(d->loop, SIGHUP, on_reload, d);
	return ret ? errmsg_set(err, "cannot watch signals and processes: %s",
				strerror(-ret)) : 0;
}

static void mapping_changed(void *arg, const struct endpoint *local, uint32_t spi_in,
			    const struct endpoint *remote)
{
	struct daemon *d = arg;

	ike_manager_mapping(&d->manager, local, spi_in, remote);
}

static void acquired(void *arg, uint32_t reqid, const struct endpoint *local,
		     const struct endpoint *remote)
{
	struct daemon *d = arg;

	trap_acquired(&d->manager, reqid, local, remote);
}

static void limit_reached(void *arg, const struct endpoint *dst, uint32_t spi)
{
	struct daemon *d = arg;

	ike_manager_limit(&d->manager, dst, spi);
}

static void limits_lost(void *arg)
{
	struct daemon *d = arg;

	ike_manager_look_at_limits(&d->manager);
}

/* By the kernel's own count there may be too many, and it is closed. */
static void tcp_accepted(void *arg, int fd)
{
	struct daemon *d = arg;

	if (d->manager.stopping)
		close(fd);
	else
		stream_accepted(&d->manager, fd);
}

static void network_changed(void *arg)
{
	struct daemon *d = arg;

	path_network_changed(&d->manager);
}

static void token_there(void *arg)
{
	struct daemon *d = arg;

	if (!d->manager.stopping)
		start_look_again();
}

/* No peer can be told of it any more. */
static void module_unloaded(void *arg)
{
	struct daemon *d = arg;

	log_msg(LOG_DMN, LVL_AUDIT,
		"the kernel module ikefp was unloaded, its IKE SAs with it: ending; load it and start ikefpd again");
	d->exit_code = 1;
	loop_stop(d->loop, d->exit_code);
}

static struct tcp_listen *listen_tcp(struct daemon *d, struct errmsg *err)
{
	const uint16_t *ports = d->config->tcp_ports;
	unsigned int n = 0;

	while (n < TCP_PORTS_MAX && ports[n])
		n++;
	memcpy(d->tcp_ports, ports, sizeof(d->tcp_ports));
	return tcp_listen_open(d->loop, ports, n, tcp_accepted, d, err);
}

/* Returns 0, or -1 with @err set, or with its text empty where it is logged. */
static int setup(struct daemon *d, const char *user, struct errmsg *err)
{
	struct jobs_stats stats;
	int ret;

	err->text[0] = '\0';
	d->threads = threads_spare();
	if (account_find(&d->account, user, err) || warm_up(err) ||
	    start_processes(d, err) || memory_protect(err))
		return -1;
	d->loop = loop_new();
	d->config = config_new();
	if (!d->loop || !d->config)
		return errmsg_set(err, "out of memory");
	d->tokens = tokens_open(d->loop, d->tokens_process.fd.fd);
	if (!d->tokens)
		return errmsg_set(err, "tokens: %s", strerror(errno));
	secrets_set_tokens(d->secrets, d->tokens);
	tokens_watch(d->tokens, token_there, d);
	d->token_certs = token_certs_new(d->tokens, d->config);
	if (!d->token_certs)
		return errmsg_set(err, "out of memory");
	if (watch(d, err) || (d->config_file && load(d, err)))
		return -1;
	/* Before there is anything that an unloading can take away. */
	d->module_watch = module_watch_open(d->loop, module_unloaded, d);
	if (!d->module_watch)
		return -1;
	d->kernel = kernel_open(d->loop, &d->manager);
	if (!d->kernel)
		return -1;
	d->xfrm = xfrm_open();
	if (!d->xfrm)
		return -1;
	d->route = route_open();
	if (!d->route)
		return -1;
	d->updown = updown_open(d->loop, d->scripts_process.fd.fd, d->route);
	if (!d->updown)
		return errmsg_set(err, "updown scripts: %s", strerror(errno));
	d->lookup = lookup_open(d->loop, d->lookup_process.fd.fd);
	if (!d->lookup)
		return errmsg_set(err, "lookup: %s", strerror(errno));
	d->revocation = revocation_new(d->lookup, d->config);
	if (!d->revocation)
		return errmsg_set(err, "out of memory");
	ike_manager_init(&d->manager, d->loop, d->kernel, d->xfrm, d->config, d->secrets);
	d->manager.updown = d->updown;
	d->manager.revocation = d->revocation;
	d->manager.lookup = d->lookup;
	d->manager.routes.route = d->route;
	d->manager.routes.off = d->config->no_routes;
	control_attach(&d->manager);
	dh_pool_open(d->loop);
	start_open(d->loop, d->config);
	if (kernel_set_retransmit(d->kernel, &d->config->retransmit) ||
	    kernel_set_keepalive(d->kernel, d->config->keep_alive_ms))
		return -1;
	d->tcp_listen = listen_tcp(d, err);
	if (!d->tcp_listen)
		return -1;
	d->mapping = mapping_open(d->loop, mapping_changed, d);
	if (!d->mapping)
		return -1;
	d->acquire = acquire_open(d->loop, acquired, d);
	if (!d->acquire)
		return -1;
	d->expire = expire_open(d->loop, limit_reached, limits_lost, d);
	if (!d->expire)
		return -1;
	d->network_watch = network_watch_open(d->loop, network_changed, d);
	if (!d->network_watch)
		return -1;
	d->vici = vici_new(d->loop, d->config, d->secrets, d->socket_path, err);
	if (!d->vici || (d->socket_group && vici_give(d->socket_path, d->socket_group, err)))
		return -1;
	if (d->config_file)
		vici_set_reload(d->vici, reload, d);
	vici_set_revocation(d->vici, d->revocation);
	vici_set_token_certs(d->vici, d->token_certs);
	if (privileges_drop(&d->account, 1ull << CAP_NET_ADMIN, err))
		return -1;
	ret = jobs_open(d->loop, d->threads);
	if (ret)
		return errmsg_set(err, "cannot start threads: %s", strerror(-ret));
	jobs_stats(&stats);
	say_threads(stats.threads, d->threads);
	return sandbox_enter(SANDBOX_DAEMON, err);
}

static void teardown(struct daemon *d)
{
	if (d->vici)
		file_reader_remove_socket(&d->reader);
	vici_free(d->vici);
	start_close();
	dh_pool_close();
	if (d->xfrm)
		ike_manager_clear(&d->manager);
	jobs_close();
	mapping_close(d->mapping);
	acquire_close(d->acquire);
	expire_close(d->expire);
	network_watch_close(d->network_watch);
	tcp_listen_close(d->tcp_listen);
	module_watch_close(d->module_watch);
	kernel_close(d->kernel);
	xfrm_close(d->xfrm);
	revocation_free(d->revocation);
	lookup_close(d->lookup);
	updown_close(d->updown, SCRIPTS_WAIT_MS);
	route_close(d->route);
	config_free(d->config);
	token_certs_free(d->token_certs);
	tokens_close(d->tokens);
	loop_free(d->loop);
	process_end(&d->reader_process);
	process_end(&d->secrets_process);
	process_end(&d->scripts_process);
	process_end(&d->lookup_process);
	process_end(&d->tokens_process);
	secrets_free(d->secrets);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct daemon d = {
		.socket_path = VICI_SOCKET_DEFAULT,
		.secrets_process.fd.fd = -1,
		.reader_process.fd.fd = -1,
		.scripts_process.fd.fd = -1,
		.lookup_process.fd.fd = -1,
		.tokens_process.fd.fd = -1,
	};
	const char *user = NULL;
	int code = 1, option;
	int level = LVL_CTRL;
	struct errmsg err;

	while ((option = getopt_long(argc, argv, "f:u:g:U:l:s", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			d.config_file = optarg;
			break;
		case 'u':
			d.socket_path = optarg;
			break;
		case 'g':
			d.socket_group = optarg;
			break;
		case 'U':
			user = optarg;
			break;
		case 'l':
			if (!log_level_parse(optarg, &level)) {
				fprintf(stderr, "ikefpd: -l %s: not a level; use silent, audit, ctrl, diag or raw\n",
					optarg);
				return 2;
			}
			break;
		case 's':
			log_set_syslog(true, "ikefpd");
			log_set_stderr(false);
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'v':
			printf("ikefpd %s\n", IKEFP_VERSION);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "ikefpd: %s: ikefpd takes options only\n", argv[optind]);
		return 2;
	}
	log_set_level(LOG_GROUPS, level);
	signal(SIGPIPE, SIG_IGN);

	if (setup(&d, user, &err)) {
		if (err.text[0])
			log_msg(LOG_DMN, LVL_AUDIT, "%s", err.text);
	} else {
		kernel_adopt(d.kernel);
		log_msg(LOG_DMN, LVL_AUDIT, "ikefpd %s is ready, VICI on %s, as user %u",
			IKEFP_VERSION, d.socket_path, (unsigned int)d.account.uid);
		start_pending();
		/* What the daemon before did not live to see. */
		path_network_changed(&d.manager);
		code = loop_run(d.loop);
		if (code < 0) {
			log_msg(LOG_DMN, LVL_AUDIT, "the event loop failed");
			code = 1;
		}
	}
	teardown(&d);
	return code;
}
