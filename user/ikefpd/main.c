// SPDX-License-Identifier: GPL-2.0
/*
 * ikefpd: one process, one thread, one epoll loop. Three things wake it: a message
 * or an event from the module (kernel.c), a client of VICI (vici.c), and a signal.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "config_load.h"
#include "control.h"
#include "ike_manager.h"
#include "kernel.h"
#include "log.h"
#include "loop.h"
#include "vici.h"
#include "xfrm.h"

#define STOP_WAIT_MS	5000	/* for the peers' answers to our DELETEs */

struct daemon {
	struct loop *loop;
	struct config *config;
	const char *config_file;	/* NULL: VICI alone */
	struct xfrm *xfrm;
	struct kernel *kernel;
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

	loop_stop(d->loop, 0);
}

static void on_stop(int signo, void *data)
{
	struct daemon *d = data;

	if (d->manager.stopping) {
		log_msg(LOG_DMN, LVL_CTRL, "second signal, ending at once");
		loop_stop(d->loop, 0);
		return;
	}
	log_msg(LOG_DMN, LVL_CTRL, "%s, deleting all SAs", strsignal(signo));
	ike_manager_stop(&d->manager, STOP_WAIT_MS, stopped);
}

/* Reads the file again; what it changes is then done. */
static int reload(void *data, struct errmsg *err)
{
	struct daemon *d = data;

	if (!d->config_file)
		return errmsg_set(err, "no -f FILE was given, so there is nothing to read");
	if (config_load_file(d->config, d->config_file, err))
		return -1;
	log_msg(LOG_CFG, LVL_CTRL, "read %s again", d->config_file);
	kernel_set_retransmit(d->kernel, &d->config->retransmit);
	control_start_pending(d->config);
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

static int setup(struct daemon *d, const char *socket_path)
{
	struct errmsg err;

	d->loop = loop_new();
	d->config = config_new();
	if (!d->loop || !d->config) {
		log_msg(LOG_DMN, LVL_AUDIT, "out of memory");
		return -1;
	}
	if (d->config_file && config_load_file(d->config, d->config_file, &err)) {
		log_msg(LOG_CFG, LVL_AUDIT, "%s", err.text);
		return -1;
	}
	if (loop_signal(d->loop, SIGTERM, on_stop, d) ||
	    loop_signal(d->loop, SIGINT, on_stop, d) ||
	    loop_signal(d->loop, SIGHUP, on_reload, d)) {
		log_msg(LOG_DMN, LVL_AUDIT, "cannot handle signals");
		return -1;
	}
	d->kernel = kernel_open(d->loop, &d->manager);
	if (!d->kernel)
		return -1;
	d->xfrm = xfrm_open();
	if (!d->xfrm)
		return -1;
	ike_manager_init(&d->manager, d->loop, d->kernel, d->xfrm, d->config);
	control_attach(&d->manager);
	if (kernel_set_retransmit(d->kernel, &d->config->retransmit))
		return -1;
	d->vici = vici_new(d->loop, d->config, socket_path, d->config_file, &err);
	if (!d->vici) {
		log_msg(LOG_DMN, LVL_AUDIT, "%s", err.text);
		return -1;
	}
	vici_set_reload(d->vici, reload, d);
	return 0;
}

static void teardown(struct daemon *d)
{
	vici_free(d->vici);
	if (d->xfrm)
		ike_manager_clear(&d->manager);
	kernel_close(d->kernel);
	xfrm_close(d->xfrm);
	config_free(d->config);
	loop_free(d->loop);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	const char *socket_path = VICI_SOCKET_DEFAULT;
	struct daemon d = { 0 };
	int code = 1, option;
	int level = LVL_CTRL;

	while ((option = getopt_long(argc, argv, "f:u:l:s", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			d.config_file = optarg;
			break;
		case 'u':
			socket_path = optarg;
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

	if (!setup(&d, socket_path)) {
		log_msg(LOG_DMN, LVL_AUDIT, "ikefpd %s is ready, VICI on %s",
			IKEFP_VERSION, socket_path);
		control_start_pending(d.config);
		code = loop_run(d.loop);
		if (code < 0) {
			log_msg(LOG_DMN, LVL_AUDIT, "the event loop failed");
			code = 1;
		}
	}
	teardown(&d);
	return code;
}
