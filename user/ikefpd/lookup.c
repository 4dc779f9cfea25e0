// SPDX-License-Identifier: GPL-2.0
/* The daemon's way to the process that asks the network. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "ipc.h"
#include "log.h"
#include "lookup.h"
#include "loop.h"

struct lookup {
	struct loop *loop;
	struct loop_fd fd;
	struct lookup_job *jobs;
	uint32_t last;
	bool gone;
};

static void unlink_job(struct lookup_job *job)
{
	*job->link = job->next;
	if (job->next)
		job->next->link = job->link;
	job->link = NULL;
}

static void end_job(struct lookup_job *job, const char *why)
{
	struct buf octets = job->octets;

	unlink_job(job);
	job->octets = (struct buf)BUF_INIT;
	if (!why && octets.failed)
		why = "out of memory";
	job->done(job, why, why ? NULL : octets.data, why ? 0 : octets.len);
	buf_clear(&octets);
}

static void lost(struct lookup *l)
{
	l->gone = true;
	loop_fd_del(l->loop, &l->fd);
	log_msg(LOG_DMN, LVL_AUDIT,
		"the process 'ikefpd: lookup' is gone: no CRLs, OCSP and host names until ikefpd is started anew");
	while (l->jobs)
		end_job(l->jobs, "the process that asks for it is gone");
}

static void take(struct lookup *l, uint8_t *packet, size_t len)
{
	uint32_t number = get32(packet);
	struct lookup_job *job = l->jobs;

	while (job && job->number != number)
		job = job->next;
	/* One that was cancelled is answered all the same. */
	if (!job)
		return;
	switch (packet[4]) {
	case LOOKUP_MORE:
		if (job->octets.len + len <= LOOKUP_OCTETS_MAX)
			buf_put(&job->octets, packet + LOOKUP_HEADER, len - LOOKUP_HEADER);
		else
			job->octets.failed = true;
		break;
	case LOOKUP_LAST:
		end_job(job, NULL);
		break;
	default:
		packet[len] = '\0';
		end_job(job, (char *)packet + LOOKUP_HEADER);
	}
}

static void ready(struct loop_fd *fd, uint32_t events)
{
	struct lookup *l = container_of(fd, struct lookup, fd);
	uint8_t packet[IPC_PACKET_MAX / 2];
	ssize_t n;

	(void)events;
	n = ipc_recv(fd->fd, packet, sizeof(packet), 0);
	if (n >= LOOKUP_HEADER)
		take(l, packet, (size_t)n);
	else if (!n || (n < 0 && n != -ETIMEDOUT && n != -EAGAIN && n != -EMSGSIZE))
		lost(l);
}

int lookup_ask(struct lookup *l, struct lookup_job *job, enum lookup_kind kind,
	       const char *text, const void *body, size_t len)
{
	struct buf packet = BUF_INIT;
	int err;

	if (l->gone)
		return -EPIPE;
	buf_put32(&packet, ++l->last);
	buf_put8(&packet, (uint8_t)kind);
	buf_put(&packet, text, strlen(text) + 1);
	buf_put(&packet, body, len);
	err = packet.failed ? -ENOMEM : ipc_send(l->fd.fd, packet.data, packet.len);
	buf_clear(&packet);
	if (err)
		return err;
	job->number = l->last;
	job->octets = (struct buf)BUF_INIT;
	job->next = l->jobs;
	job->link = &l->jobs;
	if (job->next)
		job->next->link = &job->next;
	l->jobs = job;
	return 0;
}

void lookup_cancel(struct lookup_job *job)
{
	if (!job->link)
		return;
	unlink_job(job);
	buf_clear(&job->octets);
}

struct lookup *lookup_open(struct loop *loop, int fd)
{
	struct lookup *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return NULL;
	l->loop = loop;
	l->fd.fd = fd;
	l->fd.ready = ready;
	err = fcntl(fd, F_SETFL, O_NONBLOCK) ? errno : -loop_fd_add(loop, &l->fd, EPOLLIN);
	if (!err)
		return l;
	free(l);
	errno = err;
	return NULL;
}

void lookup_close(struct lookup *l)
{
	if (!l)
		return;
	while (l->jobs)
		lookup_cancel(l->jobs);
	loop_fd_del(l->loop, &l->fd);
	free(l);
}
