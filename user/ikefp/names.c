// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "ikefp.h"

#define NAME(table, n)	name(table, sizeof(table) / sizeof(*(table)), n)

static const char *name(const char *const *table, size_t count, unsigned int n)
{
	return n < count && table[n] ? table[n] : "unknown";
}

const char *kind_name(enum ikefp_listener_kind kind)
{
	static const char *const names[] = {
		[IKEFP_LISTENER_KIND_IKE] = "ike",
		[IKEFP_LISTENER_KIND_NATT] = "natt",
	};

	return NAME(names, kind);
}

const char *role_name(enum ikefp_role role)
{
	static const char *const names[] = {
		[IKEFP_ROLE_INITIATOR] = "initiator",
		[IKEFP_ROLE_RESPONDER] = "responder",
	};

	return NAME(names, role);
}

const char *state_name(enum ikefp_sa_state state)
{
	static const char *const names[] = {
		[IKEFP_SA_STATE_HALF_OPEN] = "half-open",
		[IKEFP_SA_STATE_ESTABLISHED] = "established",
		[IKEFP_SA_STATE_LINGERING] = "lingering",
	};

	return NAME(names, state);
}

const char *event_name(enum ikefp_event_kind kind)
{
	static const char *const names[] = {
		[IKEFP_EVENT_KIND_LISTENER_ADDED] = "listener-added",
		[IKEFP_EVENT_KIND_LISTENER_REMOVED] = "listener-removed",
		[IKEFP_EVENT_KIND_WORKER_ATTACHED] = "worker-attached",
		[IKEFP_EVENT_KIND_WORKER_DETACHED] = "worker-detached",
		[IKEFP_EVENT_KIND_SA_CREATED] = "sa-created",
		[IKEFP_EVENT_KIND_SA_CHANGED] = "sa-changed",
		[IKEFP_EVENT_KIND_SA_DELETED] = "sa-deleted",
		[IKEFP_EVENT_KIND_RETRANSMIT] = "retransmit",
		[IKEFP_EVENT_KIND_EXCHANGE_TIMEOUT] = "exchange-timeout",
		[IKEFP_EVENT_KIND_SA_EXPIRED] = "sa-expired",
		[IKEFP_EVENT_KIND_SA_ORPHANED] = "sa-orphaned",
		[IKEFP_EVENT_KIND_SA_ADOPTED] = "sa-adopted",
		[IKEFP_EVENT_KIND_SA_MOVED] = "sa-moved",
		[IKEFP_EVENT_KIND_SA_DEAD] = "sa-dead",
	};

	return NAME(names, kind);
}

/* RFC 7296 section 3.1. */
const char *exchange_name(uint8_t exchange_type)
{
	static const char *const names[] = {
		[34] = "IKE_SA_INIT", [35] = "IKE_AUTH", [36] = "CREATE_CHILD_SA",
		[37] = "INFORMATIONAL",
	};

	return NAME(names, exchange_type);
}

static uint16_t port_of(const struct sockaddr_storage *addr)
{
	return ntohs(addr->ss_family == AF_INET ?
		     ((const struct sockaddr_in *)addr)->sin_port :
		     ((const struct sockaddr_in6 *)addr)->sin6_port);
}

/* The address alone, with "%index" where it is link-local. False if there is none. */
static bool host_text(const struct sockaddr_storage *addr, char *buf, size_t size)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;
	size_t len;

	if (addr->ss_family == AF_INET)
		return inet_ntop(AF_INET, &in->sin_addr, buf, (socklen_t)size);
	if (addr->ss_family != AF_INET6 ||
	    !inet_ntop(AF_INET6, &in6->sin6_addr, buf, (socklen_t)size))
		return false;
	len = strnlen(buf, size);
	if (in6->sin6_scope_id)
		snprintf(buf + len, size - len, "%%%u", in6->sin6_scope_id);
	return true;
}

const char *address_text(const struct sockaddr_storage *addr, char buf[ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN + 11];

	if (!host_text(addr, host, sizeof(host)))
		snprintf(buf, ADDRESS_TEXT, "-");
	else if (addr->ss_family == AF_INET)
		snprintf(buf, ADDRESS_TEXT, "%.15s:%u", host, port_of(addr));
	else
		snprintf(buf, ADDRESS_TEXT, "[%.55s]:%u", host, port_of(addr));
	return buf;
}

const char *us_text(uint64_t us, char buf[DURATION_TEXT])
{
	if (us < 1000000)
		snprintf(buf, DURATION_TEXT, "%" PRIu64 ".%03u ms", us / 1000,
			 (unsigned int)(us % 1000));
	else
		snprintf(buf, DURATION_TEXT, "%" PRIu64 ".%03u s", us / 1000000,
			 (unsigned int)(us / 1000 % 1000));
	return buf;
}

const char *ms_text(uint64_t ms, char buf[DURATION_TEXT])
{
	static const struct {
		uint64_t seconds;
		const char *large;
		uint64_t rest;
		const char *small;
	} units[] = {
		{ 86400, "d", 3600, "h" }, { 3600, "h", 60, "min" }, { 60, "min", 1, "s" },
	};
	uint64_t s = ms / 1000;

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (s >= units[i].seconds) {
			snprintf(buf, DURATION_TEXT, "%" PRIu64 " %s %" PRIu64 " %s",
				 s / units[i].seconds, units[i].large,
				 s % units[i].seconds / units[i].rest, units[i].small);
			return buf;
		}
	if (ms < 1000)
		snprintf(buf, DURATION_TEXT, "%" PRIu64 " ms", ms);
	else
		snprintf(buf, DURATION_TEXT, "%" PRIu64 " s", s);
	return buf;
}

json_t *address_json(const struct sockaddr_storage *addr)
{
	char host[INET6_ADDRSTRLEN + 11];

	if (!host_text(addr, host, sizeof(host)))
		return json_null();
	return json_pack("{s:s, s:i}", "address", host, "port", (int)port_of(addr));
}

json_t *spi_json(uint64_t spi)
{
	char text[17];

	if (!spi)
		return json_null();
	snprintf(text, sizeof(text), "%016" PRIx64, spi);
	return json_string(text);
}
