/* SPDX-License-Identifier: GPL-2.0 */
/* Events for whoever watches: what happens, without payloads. */
#ifndef IKEFP_MONITOR_H
#define IKEFP_MONITOR_H

#include <linux/types.h>

#include "wire.h"

struct genl_family;
struct ikefp_context;
struct ikefp_exchange;
struct ikefp_listener;
struct ikefp_sa;

void ikefp_monitor_init(const struct genl_family *family, unsigned int group);
void ikefp_monitor_exit(void);
void ikefp_monitor_sa(struct ikefp_sa *sa, enum ikefp_event_kind kind);
void ikefp_monitor_exchange(struct ikefp_sa *sa, const struct ikefp_exchange *exchange,
			    enum ikefp_event_kind kind, u32 waited_ms);
void ikefp_monitor_listener(struct ikefp_context *ctx, const struct ikefp_listener *listener,
			    enum ikefp_event_kind kind);
void ikefp_monitor_worker(struct ikefp_context *ctx, u32 portid, enum ikefp_event_kind kind);

#endif
