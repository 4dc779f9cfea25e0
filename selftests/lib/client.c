// SPDX-License-Identifier: GPL-2.0

#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "die.h"

struct event_node {
	struct event_node *next;
	struct ikefp_event event;
};

struct client *client_open(int wants)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		die("out of memory");
	if (ikefp_nl_open(&client->nl))
		die("cannot open the family: %s", ikefp_nl_error(client->nl));
	if (wants & CLIENT_EVENTS && ikefp_monitor_subscribe(client->nl))
		die("cannot watch events: %s", ikefp_nl_error(client->nl));
	if (wants & CLIENT_WORKER && ikefp_worker_attach(client->nl, false))
		die("cannot be the worker: %s", ikefp_nl_error(client->nl));
	client_count_anew(client);
	return client;
}

void client_close(struct client *client)
{
	while (client->upcalls) {
		struct upcall *next = client->upcalls->next;

		free(client->upcalls);
		client->upcalls = next;
	}
	while (client->events) {
		struct event_node *next = client->events->next;

		free(client->events);
		client->events = next;
	}
	free(client->current);
	ikefp_nl_close(client->nl);
	free(client);
}

void client_listen(struct client *client, enum ikefp_listener_kind kind, const char *local,
		   int port)
{
	struct sockaddr_storage addr = address(local, port);

	if (ikefp_listener_add(client->nl, kind, &addr))
		die("listener on %s port %d: %s", local, port, ikefp_nl_error(client->nl));
}

void client_set(struct client *client, int setting, uint32_t value)
{
	struct ikefp_policy policy = {};

	policy.value[setting] = value;
	policy.set[setting] = true;
	if (ikefp_policy_set(client->nl, &policy))
		die("policy-set %s %u: %s", ikefp_policy_name(setting), value,
		    ikefp_nl_error(client->nl));
}

void client_let_all_in(struct client *client)
{
	client_set(client, IKEFP_A_POLICY_MAX_HALF_OPEN_SOURCE, UINT32_MAX);
	client_set(client, IKEFP_A_POLICY_COOKIE_HALF_OPEN, UINT32_MAX);
	client_set(client, IKEFP_A_POLICY_COOKIE_HALF_OPEN_SOURCE, UINT32_MAX);
	client_set(client, IKEFP_A_POLICY_COOKIE_RATE, 1000000);
	client_set(client, IKEFP_A_POLICY_SOURCE_RATE, 1000000);
	client_set(client, IKEFP_A_POLICY_INIT_RATE, 1000000);
}

static struct upcall *queue(struct client *client, enum upcall_kind kind, uint64_t spi, size_t len)
{
	struct upcall *upcall = calloc(1, sizeof(*upcall) + len);
	struct upcall **end = &client->upcalls;

	if (!upcall)
		die("out of memory");
	upcall->kind = kind;
	upcall->spi = spi;
	while (*end)
		end = &(*end)->next;
	*end = upcall;
	return upcall;
}

static void on_message(const struct ikefp_message_in *message, void *arg)
{
	struct upcall *upcall = queue(arg, UPCALL_MESSAGE, message->spi, message->payload.len);

	upcall->exchange_type = message->exchange_type;
	upcall->message_id = message->message_id;
	upcall->message = *message;
	upcall->message.payload.data = upcall->octets;
	memcpy(upcall->octets, message->payload.data, message->payload.len);
}

static void on_timeout(uint64_t spi, uint8_t exchange_type, uint32_t message_id, void *arg)
{
	struct upcall *upcall = queue(arg, UPCALL_TIMEOUT, spi, 0);

	upcall->exchange_type = exchange_type;
	upcall->message_id = message_id;
}

static void on_expired(uint64_t spi, void *arg)
{
	queue(arg, UPCALL_EXPIRED, spi, 0);
}

static void on_adopted(const struct ikefp_sa_info *info, const struct ikefp_octets *stash,
		       void *arg)
{
	struct upcall *upcall = queue(arg, UPCALL_ADOPTED, info->spi, stash->len);

	upcall->info = *info;
	upcall->len = stash->len;
	if (stash->len)
		memcpy(upcall->octets, stash->data, stash->len);
}

static void on_not_adopted(uint64_t spi, int err, const char *why, void *arg)
{
	struct upcall *upcall = queue(arg, UPCALL_NOT_ADOPTED, spi, strlen(why) + 1);

	upcall->err = err;
	strcpy((char *)upcall->octets, why);
}

static void on_moved(uint64_t spi, const struct ikefp_endpoint *endpoint, void *arg)
{
	queue(arg, UPCALL_MOVED, spi, 0)->endpoint = *endpoint;
}

static void on_dead(uint64_t spi, void *arg)
{
	queue(arg, UPCALL_DEAD, spi, 0);
}

static void on_stream_closed(uint32_t stream, void *arg)
{
	queue(arg, UPCALL_STREAM_CLOSED, 0, 0)->stream = stream;
}

static void on_event(const struct ikefp_event *event, void *arg)
{
	struct client *client = arg;
	struct event_node **end = &client->events;

	while (*end)
		end = &(*end)->next;
	*end = calloc(1, sizeof(**end));
	if (!*end)
		die("out of memory");
	(*end)->event = *event;
}

/* Waits for something to read, and takes it. False when the time is over. */
static bool pump(struct client *client, int64_t until_us)
{
	const struct ikefp_upcalls upcalls = {
		.message = on_message,
		.exchange_timeout = on_timeout,
		.sa_expired = on_expired,
		.adopted = on_adopted,
		.not_adopted = on_not_adopted,
		.sa_moved = on_moved,
		.sa_dead = on_dead,
		.stream_closed = on_stream_closed,
		.arg = client,
	};
	struct pollfd pollers[] = {
		{ .fd = ikefp_worker_fd(client->nl), .events = POLLIN },
		{ .fd = ikefp_monitor_fd(client->nl), .events = POLLIN },
	};
	int64_t left = (until_us - clock_us() + 999) / 1000;

	if (poll(pollers, 2, left > 0 ? left : 0) <= 0)
		return left > 0;
	if (pollers[0].revents && ikefp_worker_read(client->nl, &upcalls) < 0)
		die("worker: %s", ikefp_nl_error(client->nl));
	if (pollers[1].revents && ikefp_monitor_read(client->nl, on_event, client) < 0)
		die("monitor: %s", ikefp_nl_error(client->nl));
	return true;
}

struct upcall *client_wait(struct client *client, int wait_ms)
{
	int64_t until = clock_us() + (int64_t)wait_ms * 1000;

	while (!client->upcalls && pump(client, until))
		;
	free(client->current);
	client->current = client->upcalls;
	if (client->current)
		client->upcalls = client->current->next;
	return client->current;
}

struct upcall *client_adopt(struct client *client, uint64_t spi)
{
	if (ikefp_worker_adopt(client->nl, &spi, 1))
		die("sa-adopt: %s", ikefp_nl_error(client->nl));
	return client_wait(client, PATIENCE_MS);
}

void client_stash(struct client *client, uint64_t spi, const void *octets, size_t len)
{
	const struct ikefp_octets stash = { octets, len };
	const struct ikefp_sa_change change = { .spi = spi, .stash = &stash };

	if (ikefp_sa_set(client->nl, &change))
		die("sa-set stash: %s", ikefp_nl_error(client->nl));
}

const struct ikefp_message_in *client_wait_message(struct client *client)
{
	struct upcall *upcall = client_wait(client, PATIENCE_MS);

	if (!upcall)
		die("no upcall");
	if (upcall->kind != UPCALL_MESSAGE)
		die("an upcall of kind %d where a message was due", upcall->kind);
	return &upcall->message;
}

const struct ikefp_event *client_wait_event(struct client *client, enum ikefp_event_kind kind,
					    int wait_ms)
{
	int64_t until = clock_us() + (int64_t)wait_ms * 1000;

	for (;;) {
		while (!client->events) {
			if (!pump(client, until) && !client->events)
				return NULL;
		}
		while (client->events) {
			struct event_node *node = client->events;

			client->events = node->next;
			client->event = node->event;
			free(node);
			if (client->event.event == kind)
				return &client->event;
		}
	}
}

static void get_stats(struct client *client, struct ikefp_stats *stats)
{
	if (ikefp_stats_get(client->nl, stats))
		die("stats-get: %s", ikefp_nl_error(client->nl));
}

void client_count_anew(struct client *client)
{
	get_stats(client, &client->base);
}

uint64_t client_counter(struct client *client, int stat)
{
	struct ikefp_stats stats;

	get_stats(client, &stats);
	return stats.value[stat];
}

static void print_changes(struct client *client, const struct ikefp_stats *now)
{
	size_t len = 0;
	int i;

	client->changes[0] = '\0';
	for (i = 0; i <= IKEFP_A_STATS_MAX; i++) {
		int64_t change = now->value[i] - client->base.value[i];

		/* How much memory a message takes is the allocator's to say. */
		if (change && ikefp_stats_name(i) && i != IKEFP_A_STATS_CACHE_OCTETS &&
		    i != IKEFP_A_STATS_REASSEMBLY_OCTETS)
			len += snprintf(client->changes + len, sizeof(client->changes) - len,
					"%s%s%+lld", len ? " " : "", ikefp_stats_name(i),
					(long long)change);
	}
}

const char *client_counted(struct client *client, const char *wanted)
{
	int64_t until = clock_us() + PATIENCE_MS * 1000;
	struct ikefp_stats now;

	for (;;) {
		get_stats(client, &now);
		print_changes(client, &now);
		if (!strcmp(client->changes, wanted) || clock_us() > until)
			break;
		poll(NULL, 0, 2);
	}
	client->base = now;
	return client->changes;
}
