// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "ikefp.h"

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: ikefp monitor [--json]\n"
		"Shows what happens to listeners and IKE SAs of this network namespace, as\n"
		"it happens, one line an event. It ends with Ctrl-C.\n"
		"\n"
		"  --json  one JSON object a line\n"
		"  --help  show this text\n");
}

static void now(char *buf, size_t size, const char *format)
{
	struct timespec ts;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	len = strftime(buf, size, format, &tm);
	snprintf(buf + len, size - len, ".%03ld", ts.tv_nsec / 1000000);
}

static void print_text(const struct ikefp_event *event, void *arg)
{
	char time[32];

	(void)arg;
	now(time, sizeof(time), "%H:%M:%S");
	printf("%s ", time);
	event_text(stdout, event);
}

static void print_json(const struct ikefp_event *event, void *arg)
{
	json_t *json = event_json(event);
	char time[48];

	(void)arg;
	now(time, sizeof(time), "%s");
	json_object_set_new(json, "time", json_real(strtod(time, NULL)));
	json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(14));
	putchar('\n');
	json_decref(json);
}

static int watch(struct ikefp_nl *nl, bool json)
{
	struct pollfd fd = { .fd = ikefp_monitor_fd(nl), .events = POLLIN };

	for (;;) {
		int err;

		if (poll(&fd, 1, -1) < 0 && errno != EINTR) {
			perror("ikefp: poll");
			return 1;
		}
		err = ikefp_monitor_read(nl, json ? print_json : print_text, NULL);
		if (err == -ENOBUFS) {
			fprintf(stderr, "ikefp: more events than could be read: some are missing here\n");
		} else if (err < 0) {
			fprintf(stderr, "ikefp: %s\n", ikefp_nl_error(nl));
			return 1;
		}
		/* Whoever read this is gone. */
		if (fflush(stdout) || ferror(stdout))
			return 1;
	}
}

int monitor_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct ikefp_nl *nl;
	bool json = false;
	int option, code;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "ikefp monitor: unexpected '%s'\n", argv[optind]);
		usage(stderr);
		return 2;
	}
	nl = open_family();
	if (!nl)
		return 1;
	if (ikefp_monitor_subscribe(nl)) {
		fprintf(stderr, "ikefp: %s\n", ikefp_nl_error(nl));
		code = 1;
	} else {
		code = watch(nl, json);
	}
	ikefp_nl_close(nl);
	return code;
}
