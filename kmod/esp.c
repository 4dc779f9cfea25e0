// SPDX-License-Identifier: GPL-2.0

#include <linux/jiffies.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <net/xfrm.h>

#include "compat.h"
#include "esp.h"
#include "path.h"

/**
 * ikefp_esp_new() - the ESP SAs of an IKE SA
 * @spis: pairs of inbound and outbound SPI, in network order
 * @marks: pairs of their marks, in host order, or NULL where they are not known
 * @len: octets of each, at most IKEFP_ESP_PAIRS_MAX pairs
 * @gfp: how to allocate
 *
 * Return: the list, to be freed by kfree(), or NULL without memory.
 */
struct ikefp_esp *ikefp_esp_new(const void *spis, const void *marks, u32 len, gfp_t gfp)
{
	u32 pairs = len / IKEFP_ESP_PAIR_LEN;
	struct ikefp_esp *esp;
	u32 i;

	esp = kzalloc(struct_size(esp, sas, pairs), gfp | __GFP_NOWARN);
	if (!esp)
		return NULL;
	esp->pairs = pairs;
	esp->marks_known = marks;
	esp->looked[IKEFP_ESP_IN] = jiffies;
	esp->looked[IKEFP_ESP_OUT] = jiffies;
	for (i = 0; i < pairs; i++, spis += IKEFP_ESP_PAIR_LEN) {
		memcpy(&esp->sas[i][IKEFP_ESP_IN].spi, spis, sizeof(__be32));
		memcpy(&esp->sas[i][IKEFP_ESP_OUT].spi, spis + sizeof(__be32), sizeof(__be32));
	}
	for (i = 0; marks && i < pairs; i++, marks += IKEFP_ESP_PAIR_LEN) {
		memcpy(&esp->sas[i][IKEFP_ESP_IN].mark, marks, sizeof(u32));
		memcpy(&esp->sas[i][IKEFP_ESP_OUT].mark, marks + sizeof(u32), sizeof(u32));
	}
	return esp;
}

/* Whether an ESP SA has carried something since it was looked at; XFRM's time of it. */
static bool used(struct ikefp_esp_sa *sa, struct net *net, const struct ikefp_address *to,
		 u16 family, time64_t *when)
{
	struct xfrm_state *state;
	u64 packets;

	state = xfrm_state_lookup(net, sa->mark, (const xfrm_address_t *)to, sa->spi,
				  IPPROTO_ESP, family);
	if (!state)
		return false;
	packets = READ_ONCE(state->curlft.packets);
	*when = READ_ONCE(state->lastused);
	xfrm_state_put(state);
	/* Fewer than before: it is another one of this SPI. */
	swap(packets, sa->packets);
	return sa->packets > packets;
}

/**
 * ikefp_esp_look() - have an IKE SA's ESP SAs carried something?
 * @esp: the ESP SAs
 * @net: their namespace
 * @path: the IKE SA's, between whose addresses they are
 * @direction: those that are looked at
 * @when: where the time goes that the latest packet passed, in jiffies
 *
 * XFRM notes the time of a packet in whole seconds of a clock that may be set: what is
 * told is never before the last look, and else may be wrong by a second or two. Before
 * 6.2 it does not, and all that is known is that it was since the last look. Inbound
 * it is the latest that it can have been, since a sign of life is not to be overlooked;
 * outbound the earliest, since a NAT may forget its mapping.
 *
 * Context: any, under the lock of the IKE SA.
 * Return: whether one has, since the last look.
 */
bool ikefp_esp_look(struct ikefp_esp *esp, struct net *net, const struct ikefp_path *path,
		    enum ikefp_esp_direction direction, unsigned long *when)
{
	const struct ikefp_address *to = direction == IKEFP_ESP_IN ? &path->local : &path->remote;
	time64_t doubt = direction == IKEFP_ESP_IN ? -1 : 1;
	time64_t now = ktime_get_real_seconds();
	unsigned long ago, most;
	time64_t latest = 0;
	bool any = false;
	time64_t time;
	u32 i;

	for (i = 0; i < esp->pairs; i++) {
		if (!used(&esp->sas[i][direction], net, to, ikefp_path_family(path), &time))
			continue;
		latest = any ? max(latest, time) : time;
		any = true;
	}
	most = jiffies - esp->looked[direction];
	esp->looked[direction] = jiffies;
	if (!any)
		return false;
	if (!IKEFP_XFRM_NOTES_USE) {
		*when = direction == IKEFP_ESP_IN ? jiffies : jiffies - most;
		return true;
	}
	ago = clamp_t(time64_t, now - latest + doubt, 0, most / HZ + 1) * HZ;
	*when = jiffies - min(ago, most);
	return true;
}
