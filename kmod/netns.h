/* SPDX-License-Identifier: GPL-2.0 */
/* The life of a namespace. */
#ifndef IKEFP_NETNS_H
#define IKEFP_NETNS_H

struct ikefp_context;
struct net;

int ikefp_netns_register(void);
void ikefp_netns_unregister(void);
struct ikefp_context *ikefp_netns_context(const struct net *net);
int ikefp_netns_begin(struct ikefp_context *ctx, struct net *net);
void ikefp_netns_begin_end(struct ikefp_context *ctx);
void ikefp_netns_end(struct ikefp_context *ctx);

#endif
