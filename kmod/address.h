/* SPDX-License-Identifier: GPL-2.0 */
/* An IP address of either family, whichever is said beside it. */
#ifndef IKEFP_ADDRESS_H
#define IKEFP_ADDRESS_H

#include <linux/in6.h>
#include <linux/types.h>

struct ikefp_address {
	union {
		struct in6_addr v6;
		__be32 v4; /* the octets behind it are zero */
	};
};

#endif
