/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints. SPIs are printed as on the wire, addresses not: the SA has them. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ikefp

#if !defined(IKEFP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define IKEFP_TRACE_H

#include <linux/tracepoint.h>
#include <net/net_namespace.h>

#include "wire.h"

#ifndef IKEFP_TRACE_COOKIE_EVENTS
#define IKEFP_TRACE_COOKIE_EVENTS
enum ikefp_cookie_event { IKEFP_COOKIE_SENT, IKEFP_COOKIE_ACCEPTED, IKEFP_COOKIE_REFUSED };
#endif

TRACE_DEFINE_ENUM(IKEFP_COOKIE_SENT);
TRACE_DEFINE_ENUM(IKEFP_COOKIE_ACCEPTED);
TRACE_DEFINE_ENUM(IKEFP_COOKIE_REFUSED);
TRACE_DEFINE_ENUM(IKEFP_SA_STATE_HALF_OPEN);
TRACE_DEFINE_ENUM(IKEFP_SA_STATE_ESTABLISHED);
TRACE_DEFINE_ENUM(IKEFP_SA_STATE_LINGERING);

#define ikefp_show_state(state) \
	__print_symbolic(state, \
			 { -1, "none" }, \
			 { IKEFP_SA_STATE_HALF_OPEN, "half-open" }, \
			 { IKEFP_SA_STATE_ESTABLISHED, "established" }, \
			 { IKEFP_SA_STATE_LINGERING, "lingering" })

/* From and to -1: before the SA was created, after it was deleted. */
TRACE_EVENT(ikefp_sa_state,
	TP_PROTO(const struct net *net, u64 spi, u64 peer_spi, int from, int to),
	TP_ARGS(net, spi, peer_spi, from, to),
	TP_STRUCT__entry(
		__field(u32, netns)
		__field(u64, spi)
		__field(u64, peer_spi)
		__field(int, from)
		__field(int, to)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		__entry->spi = spi;
		__entry->peer_spi = peer_spi;
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("netns=%u spi=%016llx peer_spi=%016llx %s -> %s", __entry->netns,
		  __entry->spi, __entry->peer_spi, ikefp_show_state(__entry->from),
		  ikefp_show_state(__entry->to))
);

TRACE_EVENT(ikefp_retransmit,
	TP_PROTO(const struct net *net, u64 spi, u8 exchange_type, u32 message_id, u32 tries,
		 u32 waited_ms),
	TP_ARGS(net, spi, exchange_type, message_id, tries, waited_ms),
	TP_STRUCT__entry(
		__field(u32, netns)
		__field(u64, spi)
		__field(u8, exchange_type)
		__field(u32, message_id)
		__field(u32, tries)
		__field(u32, waited_ms)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		__entry->spi = spi;
		__entry->exchange_type = exchange_type;
		__entry->message_id = message_id;
		__entry->tries = tries;
		__entry->waited_ms = waited_ms;
	),
	TP_printk("netns=%u spi=%016llx exchange_type=%u message_id=%u tries=%u waited_ms=%u",
		  __entry->netns, __entry->spi, __entry->exchange_type, __entry->message_id,
		  __entry->tries, __entry->waited_ms)
);

/* Port IDs; 0: none. */
TRACE_EVENT(ikefp_sa_worker,
	TP_PROTO(const struct net *net, u64 spi, u64 peer_spi, u32 from, u32 to),
	TP_ARGS(net, spi, peer_spi, from, to),
	TP_STRUCT__entry(
		__field(u32, netns)
		__field(u64, spi)
		__field(u64, peer_spi)
		__field(u32, from)
		__field(u32, to)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		__entry->spi = spi;
		__entry->peer_spi = peer_spi;
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("netns=%u spi=%016llx peer_spi=%016llx worker %u -> %u", __entry->netns,
		  __entry->spi, __entry->peer_spi, __entry->from, __entry->to)
);

/* A fragment was verified; whether its message is whole now. */
TRACE_EVENT(ikefp_fragment,
	TP_PROTO(const struct net *net, u64 spi, u8 exchange_type, u32 message_id, u16 number,
		 u16 total, bool whole),
	TP_ARGS(net, spi, exchange_type, message_id, number, total, whole),
	TP_STRUCT__entry(
		__field(u32, netns)
		__field(u64, spi)
		__field(u8, exchange_type)
		__field(u32, message_id)
		__field(u16, number)
		__field(u16, total)
		__field(bool, whole)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		__entry->spi = spi;
		__entry->exchange_type = exchange_type;
		__entry->message_id = message_id;
		__entry->number = number;
		__entry->total = total;
		__entry->whole = whole;
	),
	TP_printk("netns=%u spi=%016llx exchange_type=%u message_id=%u number=%u total=%u whole=%d",
		  __entry->netns, __entry->spi, __entry->exchange_type, __entry->message_id,
		  __entry->number, __entry->total, __entry->whole)
);

TRACE_EVENT(ikefp_reassembly_timeout,
	TP_PROTO(const struct net *net, u64 spi, u32 message_id),
	TP_ARGS(net, spi, message_id),
	TP_STRUCT__entry(
		__field(u32, netns)
		__field(u64, spi)
		__field(u32, message_id)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		__entry->spi = spi;
		__entry->message_id = message_id;
	),
	TP_printk("netns=%u spi=%016llx message_id=%u", __entry->netns, __entry->spi,
		  __entry->message_id)
);

/* A message that got no answer leaves in smaller fragments. */
TRACE_EVENT(ikefp_fragment_fallback,
	TP_PROTO(const struct net *net, u64 spi, u8 exchange_type, u32 message_id, bool response,
		 u32 size, u32 total),
	TP_ARGS(net, spi, exchange_type, message_id, response, size, total),
	TP_STRUCT__entry(
		__field(u32, netns)
		__field(u64, spi)
		__field(u8, exchange_type)
		__field(u32, message_id)
		__field(bool, response)
		__field(u32, size)
		__field(u32, total)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		__entry->spi = spi;
		__entry->exchange_type = exchange_type;
		__entry->message_id = message_id;
		__entry->response = response;
		__entry->size = size;
		__entry->total = total;
	),
	TP_printk("netns=%u spi=%016llx exchange_type=%u message_id=%u response=%d size=%u total=%u",
		  __entry->netns, __entry->spi, __entry->exchange_type, __entry->message_id,
		  __entry->response, __entry->size, __entry->total)
);

/* The peer's port is told as the address is not: by `ikefp monitor` and by sa-get. */
DECLARE_EVENT_CLASS(ikefp_sa,
	TP_PROTO(const struct net *net, u64 spi, u64 peer_spi),
	TP_ARGS(net, spi, peer_spi),
	TP_STRUCT__entry(
		__field(u32, netns)
		__field(u64, spi)
		__field(u64, peer_spi)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		__entry->spi = spi;
		__entry->peer_spi = peer_spi;
	),
	TP_printk("netns=%u spi=%016llx peer_spi=%016llx", __entry->netns, __entry->spi,
		  __entry->peer_spi)
);

/* A NAT keepalive goes out. */
DEFINE_EVENT(ikefp_sa, ikefp_keepalive,
	TP_PROTO(const struct net *net, u64 spi, u64 peer_spi),
	TP_ARGS(net, spi, peer_spi)
);

/* The peer is asked for a sign of life. */
DEFINE_EVENT(ikefp_sa, ikefp_liveness,
	TP_PROTO(const struct net *net, u64 spi, u64 peer_spi),
	TP_ARGS(net, spi, peer_spi)
);

/* The peer did not answer that. */
DEFINE_EVENT(ikefp_sa, ikefp_sa_dead,
	TP_PROTO(const struct net *net, u64 spi, u64 peer_spi),
	TP_ARGS(net, spi, peer_spi)
);

/* The peer is at another address or port, and the SA has followed. */
DEFINE_EVENT(ikefp_sa, ikefp_sa_moved,
	TP_PROTO(const struct net *net, u64 spi, u64 peer_spi),
	TP_ARGS(net, spi, peer_spi)
);

/* @reason: the number of the drop counter in the attribute set `stats`. */
TRACE_EVENT(ikefp_drop,
	TP_PROTO(const struct net *net, int reason, u64 spi_i, u64 spi_r, u8 exchange_type,
		 u32 message_id),
	TP_ARGS(net, reason, spi_i, spi_r, exchange_type, message_id),
	TP_STRUCT__entry(
		__field(u32, netns)
		__field(int, reason)
		__field(u64, spi_i)
		__field(u64, spi_r)
		__field(u8, exchange_type)
		__field(u32, message_id)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		__entry->reason = reason;
		__entry->spi_i = spi_i;
		__entry->spi_r = spi_r;
		__entry->exchange_type = exchange_type;
		__entry->message_id = message_id;
	),
	TP_printk("netns=%u reason=%d spi_i=%016llx spi_r=%016llx exchange_type=%u message_id=%u",
		  __entry->netns, __entry->reason, __entry->spi_i, __entry->spi_r,
		  __entry->exchange_type, __entry->message_id)
);

/* Of an IKE_SA_INIT request without an SA: answered with a cookie; come back with it. */
TRACE_EVENT(ikefp_cookie,
	TP_PROTO(const struct net *net, enum ikefp_cookie_event event, u64 spi_i),
	TP_ARGS(net, event, spi_i),
	TP_STRUCT__entry(
		__field(u32, netns)
		__field(int, event)
		__field(u64, spi_i)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		__entry->event = event;
		__entry->spi_i = spi_i;
	),
	TP_printk("netns=%u spi_i=%016llx %s", __entry->netns, __entry->spi_i,
		  __print_symbolic(__entry->event,
				   { IKEFP_COOKIE_SENT, "sent" },
				   { IKEFP_COOKIE_ACCEPTED, "accepted" },
				   { IKEFP_COOKIE_REFUSED, "refused" }))
);

/* A stream begins, or ends; end_reason: 0, it begins; -1, the helper's wish; or the counter. */
TRACE_EVENT(ikefp_stream,
	TP_PROTO(const struct net *net, u32 stream, bool originator, int end_reason),
	TP_ARGS(net, stream, originator, end_reason),
	TP_STRUCT__entry(
		__field(u32, netns)
		__field(u32, stream)
		__field(bool, originator)
		__field(int, end_reason)
	),
	TP_fast_assign(
		__entry->netns = net->ns.inum;
		__entry->stream = stream;
		__entry->originator = originator;
		__entry->end_reason = end_reason;
	),
	TP_printk("netns=%u stream=%u originator=%d end_reason=%d", __entry->netns,
		  __entry->stream, __entry->originator, __entry->end_reason)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
