// SPDX-License-Identifier: GPL-2.0

#include <linux/overflow.h>
#include <linux/slab.h>

#include "datagram.h"

/**
 * ikefp_datagram_new() - room for a message
 * @len: octets, of all its fragments
 * @gfp: how to allocate
 *
 * Return: a datagram held once, its octets not set; NULL without memory.
 */
struct ikefp_datagram *ikefp_datagram_new(u32 len, gfp_t gfp)
{
	struct ikefp_datagram *datagram;

	datagram = kmalloc(struct_size(datagram, octets, len), gfp | __GFP_NOWARN);
	if (!datagram)
		return NULL;
	refcount_set(&datagram->refs, 1);
	datagram->len = len;
	datagram->fragment_len = len;
	return datagram;
}

/**
 * ikefp_datagram_put() - give up a hold
 * @datagram: may be NULL
 *
 * Any context.
 */
void ikefp_datagram_put(struct ikefp_datagram *datagram)
{
	if (datagram && refcount_dec_and_test(&datagram->refs))
		kfree(datagram);
}
