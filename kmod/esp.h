/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ESP SAs that belong to an IKE SA, and whether they have carried something. They
 * are looked at when a deadline of the IKE SA has come, and cost a packet nothing.
 */
#ifndef IKEFP_ESP_H
#define IKEFP_ESP_H

#include <linux/types.h>

struct ikefp_path;
struct net;

#define IKEFP_ESP_PAIRS_MAX 64
#define IKEFP_ESP_PAIR_LEN (2 * sizeof(__be32))

enum ikefp_esp_direction { IKEFP_ESP_IN, IKEFP_ESP_OUT };

struct ikefp_esp_sa {
	__be32 spi;
	u32 mark; /* by which XFRM finds it */
	u64 packets; /* when it was looked at last */
};

/* Changed under the lock of its IKE SA. */
struct ikefp_esp {
	u32 pairs;
	bool marks_known;
	unsigned long looked[2]; /* jiffies, by direction */
	struct ikefp_esp_sa sas[][2]; /* by direction */
};

struct ikefp_esp *ikefp_esp_new(const void *spis, const void *marks, u32 len, gfp_t gfp);
bool ikefp_esp_look(struct ikefp_esp *esp, struct net *net, const struct ikefp_path *path,
		    enum ikefp_esp_direction direction, unsigned long *when);

#endif
