// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <unistd.h>

#include "log.h"

#define LINE_MAX_LEN	4096

static const char *const group_names[LOG_GROUPS] = {
	[LOG_DMN] = "DMN", [LOG_MGR] = "MGR", [LOG_IKE] = "IKE",
	[LOG_CHD] = "CHD", [LOG_CFG] = "CFG", [LOG_KNL] = "KNL",
	[LOG_NET] = "NET", [LOG_ENC] = "ENC", [LOG_LIB] = "LIB",
};

static const char *const level_names[] = {
	"silent", "audit", "ctrl", "diag", "raw", "private"
};

static int levels[LOG_GROUPS] = {
	[0 ... LOG_GROUPS - 1] = LVL_CTRL
};

static bool to_stderr = true;
static bool to_syslog;
static struct log_listener *listeners;
static bool in_listener;

const char *log_group_name(enum log_group group)
{
	return group_names[group];
}

int log_group_parse(const char *name)
{
	for (int i = 0; i < LOG_GROUPS; i++)
		if (!strcasecmp(name, group_names[i]))
			return i;
	return -1;
}

bool log_level_parse(const char *text, int *level)
{
	char *end;
	long v;

	for (int i = 0; i < (int)(sizeof(level_names) / sizeof(*level_names)); i++)
		if (!strcasecmp(text, level_names[i])) {
			*level = LVL_SILENT + i;
			return true;
		}
	v = strtol(text, &end, 10);
	if (end == text || *end || v < LVL_SILENT || v > LVL_PRIVATE)
		return false;
	*level = (int)v;
	return true;
}

void log_set_stderr(bool on)
{
	to_stderr = on;
}

void log_set_syslog(bool on, const char *ident)
{
	if (on)
		openlog(ident, LOG_PID, LOG_DAEMON);
	else if (to_syslog)
		closelog();
	to_syslog = on;
}

void log_set_level(enum log_group group, int level)
{
	for (int i = 0; i < LOG_GROUPS; i++)
		if (group == LOG_GROUPS || group == (enum log_group)i)
			levels[i] = level;
}

static bool has_sink(enum log_group group, int level)
{
	return level <= levels[group] && (to_stderr || to_syslog);
}

bool log_enabled(enum log_group group, int level)
{
	if (has_sink(group, level))
		return true;
	if (in_listener)
		return false;
	for (const struct log_listener *l = listeners; l; l = l->next)
		if (level <= l->level)
			return true;
	return false;
}

/* One write per line, so that lines stay whole however stderr is shared. */
static void write_stderr(const char *line, size_t len)
{
	while (len) {
		ssize_t n = write(STDERR_FILENO, line, len);

		if (n <= 0)
			return;
		line += n;
		len -= (size_t)n;
	}
}

void log_vsa(enum log_group group, int level, const struct log_sa *sa,
	     const char *fmt, va_list ap)
{
	char line[LINE_MAX_LEN];
	char *text;
	int prefix, len;

	if (!log_enabled(group, level))
		return;
	prefix = snprintf(line, 128, "[%s] ", group_names[group]);
	if (sa && sa->name)
		prefix += snprintf(line + prefix, 128, "<%.96s|%u> ", sa->name,
				   sa->unique_id);
	text = line + prefix;
	/* Room for the newline that stderr gets. */
	len = vsnprintf(text, sizeof(line) - (size_t)prefix - 1, fmt, ap);
	if (len < 0)
		return;

	/* What a peer sent may stand in a message: keep one message one line. */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';

	if (has_sink(group, level)) {
		if (to_syslog)
			syslog(level <= LVL_CTRL ? LOG_INFO : LOG_DEBUG, "%s", line);
		if (to_stderr) {
			size_t n = strlen(line);

			line[n] = '\n';
			write_stderr(line, n + 1);
			line[n] = '\0';
		}
	}

	if (in_listener)
		return;
	in_listener = true;
	for (struct log_listener *l = listeners, *next; l; l = next) {
		next = l->next;
		if (level <= l->level)
			l->message(l, group, level, sa, text);
	}
	in_listener = false;
}

void log_sa(enum log_group group, int level, const struct log_sa *sa,
	    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vsa(group, level, sa, fmt, ap);
	va_end(ap);
}

void log_listener_add(struct log_listener *l)
{
	l->next = listeners;
	listeners = l;
}

void log_listener_del(struct log_listener *l)
{
	for (struct log_listener **at = &listeners; *at; at = &(*at)->next)
		if (*at == l) {
			*at = l->next;
			return;
		}
}
