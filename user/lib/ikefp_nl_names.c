// SPDX-License-Identifier: GPL-2.0
/* What uapi/ikefp.yaml calls the settings and counters. */

#include <stddef.h>

#include "ikefp_nl.h"

static const char *name_of(const char *const *names, int max, int attribute)
{
	return attribute > 0 && attribute <= max ? names[attribute] : NULL;
}

const char *ikefp_policy_name(int attribute)
{
	static const char *const names[IKEFP_A_POLICY_MAX + 1] = {
		[IKEFP_A_POLICY_RTO_INITIAL_MS] = "rto-initial-ms",
		[IKEFP_A_POLICY_RTO_MIN_MS] = "rto-min-ms",
		[IKEFP_A_POLICY_RTO_MAX_MS] = "rto-max-ms",
		[IKEFP_A_POLICY_BACKOFF_PERCENT] = "backoff-percent",
		[IKEFP_A_POLICY_JITTER_PERCENT] = "jitter-percent",
		[IKEFP_A_POLICY_TRIES] = "tries",
		[IKEFP_A_POLICY_GIVE_UP_MS] = "give-up-ms",
		[IKEFP_A_POLICY_HALF_OPEN_MS] = "half-open-ms",
		[IKEFP_A_POLICY_LINGER_MS] = "linger-ms",
		[IKEFP_A_POLICY_MAX_SAS] = "max-sas",
		[IKEFP_A_POLICY_MAX_HALF_OPEN] = "max-half-open",
		[IKEFP_A_POLICY_MAX_HALF_OPEN_SOURCE] = "max-half-open-source",
		[IKEFP_A_POLICY_COOKIE_HALF_OPEN] = "cookie-half-open",
		[IKEFP_A_POLICY_COOKIE_HALF_OPEN_SOURCE] = "cookie-half-open-source",
		[IKEFP_A_POLICY_COOKIE_RATE] = "cookie-rate",
		[IKEFP_A_POLICY_COOKIE_SECRET_MS] = "cookie-secret-ms",
		[IKEFP_A_POLICY_SOURCE_RATE] = "source-rate",
		[IKEFP_A_POLICY_INIT_RATE] = "init-rate",
		[IKEFP_A_POLICY_SOURCE_PREFIX_IPV4] = "source-prefix-ipv4",
		[IKEFP_A_POLICY_SOURCE_PREFIX_IPV6] = "source-prefix-ipv6",
		[IKEFP_A_POLICY_MAX_CACHE_OCTETS] = "max-cache-octets",
		[IKEFP_A_POLICY_KEEPALIVE_MS] = "keepalive-ms",
		[IKEFP_A_POLICY_LIVENESS_MS] = "liveness-ms",
		[IKEFP_A_POLICY_ORPHAN_MS] = "orphan-ms",
		[IKEFP_A_POLICY_MAX_WAITING_OCTETS] = "max-waiting-octets",
		[IKEFP_A_POLICY_MAX_STASH_OCTETS] = "max-stash-octets",
		[IKEFP_A_POLICY_REASSEMBLY_MS] = "reassembly-ms",
		[IKEFP_A_POLICY_MAX_REASSEMBLY_OCTETS] = "max-reassembly-octets",
		[IKEFP_A_POLICY_HALF_OPEN_FLOOD_MS] = "half-open-flood-ms",
		[IKEFP_A_POLICY_MAX_STREAMS] = "max-streams",
		[IKEFP_A_POLICY_MAX_STREAM_OCTETS] = "max-stream-octets",
	};

	return name_of(names, IKEFP_A_POLICY_MAX, attribute);
}

const char *ikefp_stats_name(int attribute)
{
	static const char *const names[IKEFP_A_STATS_MAX + 1] = {
		[IKEFP_A_STATS_SAS] = "sas",
		[IKEFP_A_STATS_HALF_OPEN] = "half-open",
		[IKEFP_A_STATS_RX_MESSAGES] = "rx-messages",
		[IKEFP_A_STATS_RX_ESP] = "rx-esp",
		[IKEFP_A_STATS_RX_KEEPALIVE] = "rx-keepalive",
		[IKEFP_A_STATS_TX_MESSAGES] = "tx-messages",
		[IKEFP_A_STATS_TX_ERRORS] = "tx-errors",
		[IKEFP_A_STATS_UPCALLS] = "upcalls",
		[IKEFP_A_STATS_RETRANSMITS] = "retransmits",
		[IKEFP_A_STATS_EXCHANGE_TIMEOUTS] = "exchange-timeouts",
		[IKEFP_A_STATS_HALF_OPEN_EXPIRED] = "half-open-expired",
		[IKEFP_A_STATS_DUPLICATES_ANSWERED] = "duplicates-answered",
		[IKEFP_A_STATS_LIVENESS_ANSWERED] = "liveness-answered",
		[IKEFP_A_STATS_LIVENESS_ASKED] = "liveness-asked",
		[IKEFP_A_STATS_PEERS_DEAD] = "peers-dead",
		[IKEFP_A_STATS_KEEPALIVES_SENT] = "keepalives-sent",
		[IKEFP_A_STATS_SAS_MOVED] = "sas-moved",
		[IKEFP_A_STATS_INVALID_MAJOR_VERSION_SENT] = "invalid-major-version-sent",
		[IKEFP_A_STATS_TX_FRAGMENTED] = "tx-fragmented",
		[IKEFP_A_STATS_FRAGMENT_FALLBACKS] = "fragment-fallbacks",
		[IKEFP_A_STATS_RX_FRAGMENTS] = "rx-fragments",
		[IKEFP_A_STATS_REASSEMBLED] = "reassembled",
		[IKEFP_A_STATS_REASSEMBLY_TIMEOUTS] = "reassembly-timeouts",
		[IKEFP_A_STATS_REASSEMBLY_OCTETS] = "reassembly-octets",
		[IKEFP_A_STATS_DROP_SHORT] = "drop-short",
		[IKEFP_A_STATS_DROP_LENGTH] = "drop-length",
		[IKEFP_A_STATS_DROP_VERSION] = "drop-version",
		[IKEFP_A_STATS_DROP_FLAGS] = "drop-flags",
		[IKEFP_A_STATS_DROP_EXCHANGE_TYPE] = "drop-exchange-type",
		[IKEFP_A_STATS_DROP_UNKNOWN_SPI] = "drop-unknown-spi",
		[IKEFP_A_STATS_DROP_SOURCE] = "drop-source",
		[IKEFP_A_STATS_DROP_UNANSWERABLE] = "drop-unanswerable",
		[IKEFP_A_STATS_DROP_MESSAGE_ID] = "drop-message-id",
		[IKEFP_A_STATS_DROP_STALE_RESPONSE] = "drop-stale-response",
		[IKEFP_A_STATS_DROP_IN_PROGRESS] = "drop-in-progress",
		[IKEFP_A_STATS_DROP_DIGEST] = "drop-digest",
		[IKEFP_A_STATS_DROP_NO_KEYS] = "drop-no-keys",
		[IKEFP_A_STATS_DROP_NOT_SEALED] = "drop-not-sealed",
		[IKEFP_A_STATS_DROP_MALFORMED] = "drop-malformed",
		[IKEFP_A_STATS_DROP_FRAGMENT] = "drop-fragment",
		[IKEFP_A_STATS_DROP_FRAGMENT_TOTAL] = "drop-fragment-total",
		[IKEFP_A_STATS_DROP_FRAGMENT_DUPLICATE] = "drop-fragment-duplicate",
		[IKEFP_A_STATS_DROP_FRAGMENT_LIMIT] = "drop-fragment-limit",
		[IKEFP_A_STATS_DROP_INTEGRITY] = "drop-integrity",
		[IKEFP_A_STATS_DROP_HALF_OPEN_LIMIT] = "drop-half-open-limit",
		[IKEFP_A_STATS_DROP_SA_LIMIT] = "drop-sa-limit",
		[IKEFP_A_STATS_DROP_NO_WORKER] = "drop-no-worker",
		[IKEFP_A_STATS_DROP_WORKER_FULL] = "drop-worker-full",
		[IKEFP_A_STATS_DROP_MEMORY] = "drop-memory",
		[IKEFP_A_STATS_DROP_RATE_LIMIT] = "drop-rate-limit",
		[IKEFP_A_STATS_COOKIES_SENT] = "cookies-sent",
		[IKEFP_A_STATS_COOKIES_ACCEPTED] = "cookies-accepted",
		[IKEFP_A_STATS_DROP_NO_COOKIE] = "drop-no-cookie",
		[IKEFP_A_STATS_DROP_BAD_COOKIE] = "drop-bad-cookie",
		[IKEFP_A_STATS_DROP_SOURCE_RATE] = "drop-source-rate",
		[IKEFP_A_STATS_DROP_SOURCE_LIMIT] = "drop-source-limit",
		[IKEFP_A_STATS_DROP_CACHE_LIMIT] = "drop-cache-limit",
		[IKEFP_A_STATS_CACHE_OCTETS] = "cache-octets",
		[IKEFP_A_STATS_DROP_WAITING_LIMIT] = "drop-waiting-limit",
		[IKEFP_A_STATS_WORKERS] = "workers",
		[IKEFP_A_STATS_ORPHANS] = "orphans",
		[IKEFP_A_STATS_WAITING_OCTETS] = "waiting-octets",
		[IKEFP_A_STATS_STASH_OCTETS] = "stash-octets",
		[IKEFP_A_STATS_ORPHANED] = "orphaned",
		[IKEFP_A_STATS_ADOPTED] = "adopted",
		[IKEFP_A_STATS_ORPHANS_EXPIRED] = "orphans-expired",
		[IKEFP_A_STATS_STREAMS] = "streams",
		[IKEFP_A_STATS_STREAMS_OPENED] = "streams-opened",
		[IKEFP_A_STATS_STREAMS_LOST] = "streams-lost",
		[IKEFP_A_STATS_STREAMS_BAD_PREFIX] = "streams-bad-prefix",
		[IKEFP_A_STATS_STREAMS_BAD_LENGTH] = "streams-bad-length",
		[IKEFP_A_STATS_STREAMS_CORRUPT] = "streams-corrupt",
		[IKEFP_A_STATS_STREAMS_SLOW] = "streams-slow",
		[IKEFP_A_STATS_STREAMS_UNUSED] = "streams-unused",
		[IKEFP_A_STATS_STREAMS_STALLED] = "streams-stalled",
		[IKEFP_A_STATS_STREAMS_OVERLOADED] = "streams-overloaded",
		[IKEFP_A_STATS_DROP_STREAM_LIMIT] = "drop-stream-limit",
		[IKEFP_A_STATS_DROP_STREAM_SOURCE_LIMIT] = "drop-stream-source-limit",
		[IKEFP_A_STATS_TX_ESP] = "tx-esp",
		[IKEFP_A_STATS_DROP_STREAM_FULL] = "drop-stream-full",
		[IKEFP_A_STATS_DROP_STREAM_CLOSED] = "drop-stream-closed",
	};

	return name_of(names, IKEFP_A_STATS_MAX, attribute);
}
