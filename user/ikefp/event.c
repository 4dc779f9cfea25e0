// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>

#include "ikefp.h"

static bool has_addr(const struct sockaddr_storage *addr)
{
	return addr->ss_family != AF_UNSPEC;
}

static void put_endpoint(FILE *out, const struct ikefp_endpoint *e)
{
	char a[ADDRESS_TEXT], b[ADDRESS_TEXT];

	if (has_addr(&e->local) && has_addr(&e->remote))
		fprintf(out, " %s - %s", address_text(&e->local, a),
			address_text(&e->remote, b));
	else if (has_addr(&e->local))
		fprintf(out, " %s", address_text(&e->local, a));
	else if (has_addr(&e->remote))
		fprintf(out, " %s", address_text(&e->remote, b));
}

static void put_sa(FILE *out, const struct ikefp_event *event)
{
	fprintf(out, " %016" PRIx64, event->spi);
	if (event->peer_spi)
		fprintf(out, " peer %016" PRIx64, event->peer_spi);
}

void event_text(FILE *out, const struct ikefp_event *event)
{
	char text[DURATION_TEXT];

	fprintf(out, "%-16s", event_name(event->event));
	switch (event->event) {
	case IKEFP_EVENT_KIND_LISTENER_ADDED:
	case IKEFP_EVENT_KIND_LISTENER_REMOVED:
		put_endpoint(out, &event->endpoint);
		fprintf(out, " %s", kind_name(event->listener_kind));
		break;
	case IKEFP_EVENT_KIND_WORKER_ATTACHED:
	case IKEFP_EVENT_KIND_WORKER_DETACHED:
		fprintf(out, " %u", event->worker);
		break;
	case IKEFP_EVENT_KIND_SA_CREATED:
	case IKEFP_EVENT_KIND_SA_CHANGED:
	case IKEFP_EVENT_KIND_SA_DELETED:
	case IKEFP_EVENT_KIND_SA_EXPIRED:
	case IKEFP_EVENT_KIND_SA_MOVED:
	case IKEFP_EVENT_KIND_SA_DEAD:
	case IKEFP_EVENT_KIND_SA_ORPHANED:
	case IKEFP_EVENT_KIND_SA_ADOPTED:
		put_sa(out, event);
		fprintf(out, " %s %s", role_name(event->role), state_name(event->state));
		if (event->event == IKEFP_EVENT_KIND_SA_ADOPTED)
			fprintf(out, " by %u", event->worker);
		put_endpoint(out, &event->endpoint);
		break;
	case IKEFP_EVENT_KIND_RETRANSMIT:
	case IKEFP_EVENT_KIND_EXCHANGE_TIMEOUT:
		put_sa(out, event);
		fprintf(out, " %s request %u, sent %u time%s, waited %s",
			exchange_name(event->exchange_type), event->message_id,
			event->tries, event->tries == 1 ? "" : "s",
			ms_text(event->waited_ms, text));
		put_endpoint(out, &event->endpoint);
		break;
	}
	fputc('\n', out);
}

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

json_t *event_json(const struct ikefp_event *event)
{
	json_t *o = json_object();

	set(o, "event", json_string(event_name(event->event)));
	if (has_addr(&event->endpoint.local))
		set(o, "local", address_json(&event->endpoint.local));
	if (has_addr(&event->endpoint.remote))
		set(o, "remote", address_json(&event->endpoint.remote));
	switch (event->event) {
	case IKEFP_EVENT_KIND_LISTENER_ADDED:
	case IKEFP_EVENT_KIND_LISTENER_REMOVED:
		set(o, "kind", json_string(kind_name(event->listener_kind)));
		break;
	case IKEFP_EVENT_KIND_WORKER_ATTACHED:
	case IKEFP_EVENT_KIND_WORKER_DETACHED:
		set(o, "worker", json_integer(event->worker));
		break;
	case IKEFP_EVENT_KIND_RETRANSMIT:
	case IKEFP_EVENT_KIND_EXCHANGE_TIMEOUT:
		set(o, "exchange", json_string(exchange_name(event->exchange_type)));
		set(o, "message-id", json_integer(event->message_id));
		set(o, "tries", json_integer(event->tries));
		set(o, "waited-ms", json_integer(event->waited_ms));
		set(o, "spi", spi_json(event->spi));
		set(o, "peer-spi", spi_json(event->peer_spi));
		break;
	case IKEFP_EVENT_KIND_SA_CREATED:
	case IKEFP_EVENT_KIND_SA_CHANGED:
	case IKEFP_EVENT_KIND_SA_DELETED:
	case IKEFP_EVENT_KIND_SA_EXPIRED:
	case IKEFP_EVENT_KIND_SA_MOVED:
	case IKEFP_EVENT_KIND_SA_DEAD:
	case IKEFP_EVENT_KIND_SA_ORPHANED:
	case IKEFP_EVENT_KIND_SA_ADOPTED:
		if (event->worker)
			set(o, "worker", json_integer(event->worker));
		set(o, "spi", spi_json(event->spi));
		set(o, "peer-spi", spi_json(event->peer_spi));
		set(o, "role", json_string(role_name(event->role)));
		set(o, "state", json_string(state_name(event->state)));
		break;
	}
	return o;
}
