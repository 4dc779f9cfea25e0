// SPDX-License-Identifier: GPL-2.0
/* What each counter of the family is, and what it counts: the one place that says so. */
#include <string.h>

#include "ikefp.h"

#define GAUGE(attribute, text)	 [IKEFP_A_STATS_##attribute] = { METRIC_GAUGE, text }
#define COUNTER(attribute, text) [IKEFP_A_STATS_##attribute] = { METRIC_COUNTER, text }
#define DROP(attribute, text)	 [IKEFP_A_STATS_DROP_##attribute] = { METRIC_DROP, text }

const struct metric *metric_of(int attribute)
{
	static const struct metric metrics[IKEFP_A_STATS_MAX + 1] = {
		GAUGE(SAS, "IKE SAs, those that linger included."),
		GAUGE(HALF_OPEN, "Half-open IKE SAs of responders, which max-half-open limits."),
		GAUGE(ORPHANS, "IKE SAs whose worker is gone."),
		GAUGE(WORKERS, "Workers: the daemon's netlink sockets."),
		GAUGE(CACHE_OCTETS, "Memory of requests that wait for their answer and of answers kept."),
		GAUGE(WAITING_OCTETS, "Memory of upcalls that wait for the adoption of their SAs."),
		GAUGE(STASH_OCTETS, "Octets of all stashes."),
		GAUGE(REASSEMBLY_OCTETS, "Memory of fragments that wait for others."),
		GAUGE(STREAMS, "Streams (TCP connections) that carry IKE."),

		COUNTER(RX_MESSAGES, "IKE messages that were for us to look at."),
		COUNTER(RX_ESP, "ESP packets handed to XFRM."),
		COUNTER(RX_KEEPALIVE, "NAT keepalives received."),
		COUNTER(TX_MESSAGES, "IKE datagrams sent, of all sorts."),
		COUNTER(TX_ERRORS, "IKE datagrams that the network stack did not take."),
		COUNTER(UPCALLS, "Messages handed to the daemon."),
		COUNTER(RETRANSMITS, "Requests sent again for want of an answer."),
		COUNTER(EXCHANGE_TIMEOUTS, "Requests given up after their last retransmission."),
		COUNTER(HALF_OPEN_EXPIRED, "Half-open IKE SAs that did not become established in time."),
		COUNTER(DUPLICATES_ANSWERED, "Duplicate requests answered from the cache."),
		COUNTER(LIVENESS_ANSWERED, "Empty INFORMATIONAL requests answered without the daemon."),
		COUNTER(LIVENESS_ASKED, "Peers asked for a sign of life."),
		COUNTER(PEERS_DEAD, "Peers that did not answer when asked for a sign of life."),
		COUNTER(KEEPALIVES_SENT, "NAT keepalives sent."),
		COUNTER(SAS_MOVED, "IKE SAs that followed their peer to another address or port."),
		COUNTER(INVALID_MAJOR_VERSION_SENT, "Messages answered with INVALID_MAJOR_VERSION."),
		COUNTER(TX_FRAGMENTED, "Messages sent in fragments."),
		COUNTER(FRAGMENT_FALLBACKS, "Messages cut into smaller fragments after larger ones got no answer."),
		COUNTER(RX_FRAGMENTS, "Fragments verified, and kept or the last of a message that was taken."),
		COUNTER(REASSEMBLED, "Messages put together from fragments."),
		COUNTER(REASSEMBLY_TIMEOUTS, "Requests whose missing fragments did not come in time."),
		COUNTER(COOKIES_SENT, "IKE_SA_INIT requests answered with a cookie to return."),
		COUNTER(COOKIES_ACCEPTED, "IKE_SA_INIT requests with a cookie of ours."),
		COUNTER(ORPHANED, "IKE SAs that became orphans."),
		COUNTER(ADOPTED, "Orphans that were adopted."),
		COUNTER(ORPHANS_EXPIRED, "Orphans deleted because nobody adopted them in time."),
		COUNTER(TX_ESP, "ESP packets sent by streams."),
		COUNTER(STREAMS_OPENED, "Streams handed down."),
		COUNTER(STREAMS_LOST, "Streams ended by the peer or the network."),
		COUNTER(STREAMS_BAD_PREFIX, "Streams closed that did not begin with the prefix."),
		COUNTER(STREAMS_BAD_LENGTH, "Streams closed for a length that no message has."),
		COUNTER(STREAMS_CORRUPT, "Streams closed for many messages in a row that were dropped."),
		COUNTER(STREAMS_SLOW, "Streams closed because a message was not whole in time."),
		COUNTER(STREAMS_UNUSED, "Streams closed because no IKE SA went by them."),
		COUNTER(STREAMS_STALLED, "Streams closed because the peer did not take what was sent."),
		COUNTER(STREAMS_OVERLOADED, "Streams closed because there was no room for a message."),

		DROP(SHORT, "Shorter than an IKE header, or than a non-ESP marker."),
		DROP(LENGTH, "The header's length is not the datagram's."),
		DROP(VERSION, "Major version other than 2."),
		DROP(FLAGS, "Flags that contradict the SPIs or the SA's role."),
		DROP(EXCHANGE_TYPE, "Exchange type that does not go there."),
		DROP(UNKNOWN_SPI, "No SA has these SPIs."),
		DROP(SOURCE, "A cleartext response or a duplicate, not from the host it must come from."),
		DROP(UNANSWERABLE, "Sent to a multicast or broadcast address, or from port 0."),
		DROP(MESSAGE_ID, "Outside the window of requests."),
		DROP(STALE_RESPONSE, "Response to no outstanding request, or one that was handed up."),
		DROP(IN_PROGRESS, "Duplicate of a request that the daemon has not answered yet."),
		DROP(DIGEST, "Message ID of an answered request, other octets."),
		DROP(NO_KEYS, "Sealed message for an SA that has no keys yet."),
		DROP(NOT_SEALED, "Cleartext message where only a sealed one will do."),
		DROP(MALFORMED, "Payload header or padding that does not fit."),
		DROP(FRAGMENT, "Encrypted fragment (RFC 7383), which was not negotiated."),
		DROP(FRAGMENT_TOTAL, "Fragment of fewer than the message that is being put together has."),
		DROP(FRAGMENT_DUPLICATE, "Fragment that is there already, or of a request that was received."),
		DROP(FRAGMENT_LIMIT, "Fragment of too many or too large, or above max-reassembly-octets."),
		DROP(INTEGRITY, "Not sealed with the SA's keys."),
		DROP(HALF_OPEN_LIMIT, "A new SA above max-half-open."),
		DROP(SA_LIMIT, "A new SA above max-sas."),
		DROP(NO_WORKER, "A new peer while there is no daemon."),
		DROP(WORKER_FULL, "The daemon's socket had no room."),
		DROP(MEMORY, "The kernel was out of memory."),
		DROP(RATE_LIMIT, "Above init-rate, or too many of another major version."),
		DROP(NO_COOKIE, "Without a cookie where one is needed."),
		DROP(BAD_COOKIE, "With a cookie that is not ours, or no longer."),
		DROP(SOURCE_RATE, "Above source-rate."),
		DROP(SOURCE_LIMIT, "A new SA above max-half-open-source."),
		DROP(CACHE_LIMIT, "A message that would have to be kept, above max-cache-octets."),
		DROP(WAITING_LIMIT, "For an orphan, above what can wait for its adoption."),
		DROP(STREAM_LIMIT, "A stream above max-streams, or a stranger's above max-half-open."),
		DROP(STREAM_SOURCE_LIMIT, "A stream above the share of its source."),
		DROP(STREAM_FULL, "ESP that its stream could not take, since others waited."),
		DROP(STREAM_CLOSED, "ESP whose stream had ended."),
	};

	return ikefp_stats_name(attribute) ? &metrics[attribute] : NULL;
}

const char *drop_reason(int attribute)
{
	const char *name = ikefp_stats_name(attribute);

	return name && !strncmp(name, "drop-", 5) ? name + 5 : NULL;
}

uint64_t dropped(const struct ikefp_stats *stats)
{
	uint64_t sum = 0;

	for (int i = 1; i <= IKEFP_A_STATS_MAX; i++)
		if (drop_reason(i))
			sum += stats->value[i];
	return sum;
}
