// SPDX-License-Identifier: GPL-2.0
/* Proposals: RFC 7296 section 3.3, as octets. The keywords are in keywords.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proposal.h"

#define PROPOSAL_HEADER	8
#define TRANSFORM_HEADER	8
#define MORE_PROPOSALS	2
#define MORE_TRANSFORMS	3
#define ATTR_TV		0x8000	/* Attribute Format: two octets of value */

/* A peer's proposal, and what of it this daemon cannot represent. */
struct offered {
	struct proposal p;
	bool present[TRANSFORM_MAX + 1];	/* a transform of the type is there */
	bool unknown_type;			/* of transform: never acceptable */
};

const struct proposal proposal_none;

static size_t size_of(const struct proposal *p)
{
	return offsetof(struct proposal, transforms) + p->n * sizeof(p->transforms[0]);
}

int proposal_keep(const struct proposal **kept, const struct proposal *p)
{
	struct proposal *copy = malloc(size_of(p));

	if (!copy)
		return -ENOMEM;
	memcpy(copy, p, size_of(p));
	proposal_drop(kept);
	*kept = copy;
	return 0;
}

void proposal_drop(const struct proposal **kept)
{
	if (*kept != &proposal_none)
		free((void *)*kept);
	*kept = &proposal_none;
}

void proposal_copy(struct proposal *to, const struct proposal *kept)
{
	memcpy(to, kept, size_of(kept));
}

bool proposal_has(const struct proposal *p, uint8_t type, uint16_t id)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (p->transforms[i].type == type && p->transforms[i].id == id)
			return true;
	return false;
}

const struct transform *proposal_get(const struct proposal *p, uint8_t type)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (p->transforms[i].type == type)
			return &p->transforms[i];
	return NULL;
}

uint16_t proposal_id(const struct proposal *p, uint8_t type)
{
	const struct transform *t = proposal_get(p, type);

	return t ? t->id : 0;
}

void proposal_strip(struct proposal *p, uint8_t type)
{
	unsigned int i, n = 0;

	for (i = 0; i < p->n; i++)
		if (p->transforms[i].type != type)
			p->transforms[n++] = p->transforms[i];
	p->n = n;
}

void proposal_strip_ke(struct proposal *p)
{
	uint8_t type;

	for (type = TRANSFORM_DH; type <= TRANSFORM_MAX; type++)
		if (transform_is_ke(type))
			proposal_strip(p, type);
}

unsigned int proposal_addke(const struct proposal *p, uint16_t groups[ADDKE_MAX])
{
	unsigned int n = 0;
	uint8_t type;

	for (type = TRANSFORM_ADDKE1; type <= TRANSFORM_ADDKE7; type++)
		if (proposal_id(p, type))
			groups[n++] = proposal_id(p, type);
	return n;
}

static bool offers_addke(const struct proposal *p)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (transform_is_addke(p->transforms[i].type) && p->transforms[i].id)
			return true;
	return false;
}

bool proposal_list_has_addke(const struct proposal_list *list)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (offers_addke(&list->v[i]))
			return true;
	return false;
}

/* Those that may be left out are. False: one may not. */
static bool leave_addke_out(struct proposal *p)
{
	uint8_t type;

	for (type = TRANSFORM_ADDKE1; type <= TRANSFORM_ADDKE7; type++) {
		if (proposal_get(p, type) && !proposal_has(p, type, DH_NONE))
			return false;
		proposal_strip(p, type);
	}
	return true;
}

int proposal_list_without_addke(struct proposal_list *to, const struct proposal_list *from)
{
	int err = proposal_list_copy(to, from);
	unsigned int i, n = 0;

	for (i = 0; !err && i < to->n; i++)
		if (leave_addke_out(&to->v[i]))
			to->v[n++] = to->v[i];
	to->n = n;
	return err;
}

void proposal_list_clear(struct proposal_list *list)
{
	free(list->v);
	list->v = NULL;
	list->n = 0;
}

int proposal_list_copy(struct proposal_list *to, const struct proposal_list *from)
{
	to->v = NULL;
	to->n = 0;
	if (!from->n)
		return 0;
	to->v = malloc(from->n * sizeof(*to->v));
	if (!to->v)
		return -ENOMEM;
	memcpy(to->v, from->v, from->n * sizeof(*to->v));
	to->n = from->n;
	return 0;
}

static void write_transform(struct buf *out, const struct transform *t, bool last)
{
	buf_put8(out, last ? 0 : MORE_TRANSFORMS);
	buf_put8(out, 0);
	buf_put16(out, TRANSFORM_HEADER + (t->key_bits ? 4 : 0));
	buf_put8(out, t->type);
	buf_put8(out, 0);
	buf_put16(out, t->id);
	if (t->key_bits) {
		buf_put16(out, ATTR_TV | TRANSFORM_ATTR_KEY_LENGTH);
		buf_put16(out, t->key_bits);
	}
}

void proposal_write(struct buf *out, const struct proposal *v, unsigned int n,
		    const uint8_t *spi, uint8_t spi_len)
{
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		const struct proposal *p = &v[i];
		size_t start = out->len;

		buf_put8(out, i + 1 < n ? MORE_PROPOSALS : 0);
		buf_put8(out, 0);
		buf_put16(out, 0);
		buf_put8(out, n == 1 && p->number ? p->number : i + 1);
		buf_put8(out, p->protocol);
		buf_put8(out, spi_len);
		buf_put8(out, p->n);
		buf_put(out, spi, spi_len);
		for (j = 0; j < p->n; j++)
			write_transform(out, &p->transforms[j], j + 1 == p->n);
		buf_set16(out, start + 2, out->len - start);
	}
}

/*
 * One transform at data. Sets *t, and *usable unless it has an attribute that is
 * not known (RFC 7296 section 3.3.6: that transform alone is to be rejected).
 */
static int read_transform(struct transform *t, bool *usable,
			  const uint8_t *data, size_t len)
{
	const uint8_t *p = data + TRANSFORM_HEADER;
	size_t left = len - TRANSFORM_HEADER;

	t->type = data[4];
	t->id = get16(data + 6);
	t->key_bits = 0;
	*usable = true;
	while (left) {
		uint16_t attr;
		size_t total = 4;

		if (left < 4)
			return -EBADMSG;
		attr = get16(p);
		if (!(attr & ATTR_TV))
			total += get16(p + 2);
		if (total > left)
			return -EBADMSG;
		if (attr == (ATTR_TV | TRANSFORM_ATTR_KEY_LENGTH))
			t->key_bits = get16(p + 2);
		else
			*usable = false;
		p += total;
		left -= total;
	}
	return 0;
}

static int read_transforms(struct offered *o, unsigned int n,
			   const uint8_t *data, size_t len)
{
	struct transform t;
	bool usable;
	size_t total;

	for (; n; n--) {
		if (len < TRANSFORM_HEADER)
			return -EBADMSG;
		total = get16(data + 2);
		if (total < TRANSFORM_HEADER || total > len ||
		    data[0] != (n > 1 ? MORE_TRANSFORMS : 0) ||
		    read_transform(&t, &usable, data, total))
			return -EBADMSG;
		if (t.type == 0 || t.type > TRANSFORM_MAX)
			o->unknown_type = true;
		else
			o->present[t.type] = true;
		if (usable && o->p.n < PROPOSAL_TRANSFORMS_MAX)
			o->p.transforms[o->p.n++] = t;
		data += total;
		len -= total;
	}
	return len ? -EBADMSG : 0;
}

/*
 * The proposal at *data; both are moved past it. Returns 1, 0 at the end, or
 * -EBADMSG.
 */
static int read_next(struct offered *o, const uint8_t **data, size_t *len, bool *last)
{
	const uint8_t *p = *data;
	size_t total;

	if (*last)
		return *len ? -EBADMSG : 0;
	if (*len < PROPOSAL_HEADER)
		return -EBADMSG;
	total = get16(p + 2);
	if ((p[0] != 0 && p[0] != MORE_PROPOSALS) || total > *len ||
	    total < PROPOSAL_HEADER + (size_t)p[6])
		return -EBADMSG;
	memset(o, 0, sizeof(*o));
	o->p.number = p[4];
	o->p.protocol = p[5];
	o->p.spi_len = p[6];
	if (o->p.spi_len <= sizeof(o->p.spi))
		memcpy(o->p.spi, p + PROPOSAL_HEADER, o->p.spi_len);
	if (read_transforms(o, p[7], p + PROPOSAL_HEADER + p[6],
			    total - PROPOSAL_HEADER - p[6]))
		return -EBADMSG;
	*last = p[0] == 0;
	*data += total;
	*len -= total;
	return 1;
}

int proposal_check(const uint8_t *body, size_t len)
{
	struct offered o;
	bool last = false;
	int n = 0, r;

	while ((r = read_next(&o, &body, &len, &last)) > 0)
		n++;
	return r < 0 ? r : n;
}

static bool has_transform(const struct proposal *p, const struct transform *t)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (p->transforms[i].type == t->type && p->transforms[i].id == t->id &&
		    p->transforms[i].key_bits == t->key_bits)
			return true;
	return false;
}

/* May a transform of this type be left out, or be there as NONE? */
static bool may_be_none(uint8_t type)
{
	return type == TRANSFORM_INTEG || transform_is_ke(type);
}

/*
 * Key exchange methods, a bit each: that of the first transform of ours that is of it. No method
 * is done twice (RFC 9370 section 2.2.1), so the choice for one exchange is a choice for those
 * that follow it, too.
 */
struct methods {
	uint64_t of[TRANSFORM_MAX + 1];	/* what both offer, of an exchange that needs one; else 0 */
	uint64_t taken;
};

_Static_assert(PROPOSAL_TRANSFORMS_MAX <= 64, "a bit for each transform");

static unsigned int method_of(const struct proposal *ours, uint16_t id)
{
	unsigned int i = 0;

	while (!transform_is_ke(ours->transforms[i].type) || ours->transforms[i].id != id)
		i++;
	return i;
}

static void find_methods(struct methods *m, const struct proposal *ours,
			 const struct offered *peer)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < ours->n; i++) {
		const struct transform *t = &ours->transforms[i];

		if (!transform_is_ke(t->type) || !peer->present[t->type] ||
		    !has_transform(&peer->p, t))
			continue;
		m->of[t->type] |= (uint64_t)1 << method_of(ours, t->id);
	}
	/* Where both may do without, there is no need of one. */
	for (i = 0; i < ours->n; i++)
		if (transform_is_ke(ours->transforms[i].type) && !ours->transforms[i].id &&
		    has_transform(&peer->p, &ours->transforms[i]))
			m->of[ours->transforms[i].type] = 0;
}

/* Finds a method for an exchange: others may change theirs. As deep as there are exchanges. */
static bool place(const struct methods *m, uint8_t type, uint8_t owner[64], uint64_t *tried)
{
	unsigned int i;

	for (i = 0; i < 64; i++) {
		uint64_t bit = (uint64_t)1 << i;

		if (!(m->of[type] & ~m->taken & ~*tried & bit))
			continue;
		*tried |= bit;
		if (!owner[i] || place(m, owner[i], owner, tried)) {
			owner[i] = type;
			return true;
		}
	}
	return false;
}

/* Is there one for each exchange behind this, none of them taken and no two the same? */
static bool rest_has(const struct methods *m, uint8_t type)
{
	uint8_t owner[64] = { 0 };

	while (++type <= TRANSFORM_MAX) {
		uint64_t tried = 0;

		if (m->of[type] && !place(m, type, owner, &tried))
			return false;
	}
	return true;
}

/* May it be what is chosen? Then a key exchange's method is taken. */
static bool fits(struct methods *m, const struct proposal *ours, const struct offered *peer,
		 const struct transform *t)
{
	uint64_t before = m->taken, bit;

	if (!has_transform(&peer->p, t))
		return false;
	if (!transform_is_ke(t->type) || !t->id)
		return true;
	bit = (uint64_t)1 << method_of(ours, t->id);
	m->taken |= bit;
	if (!(before & bit) && rest_has(m, t->type))
		return true;
	m->taken = before;
	return false;
}

/*
 * One transform of each type that ours and the peer's proposal have in common: the first that
 * leaves one for those that follow. False if a type has none.
 */
static bool intersect(const struct proposal *ours, const struct offered *peer,
		      bool skip_dh, struct proposal *chosen)
{
	const struct transform none = { 0 };
	struct methods methods;
	unsigned int i;
	uint8_t type;

	if (peer->unknown_type)
		return false;
	find_methods(&methods, ours, peer);
	chosen->n = 0;
	for (type = TRANSFORM_ENCR; type <= TRANSFORM_MAX; type++) {
		const struct transform *found = NULL;

		if (transform_is_ke(type) && skip_dh)
			continue;
		if (!proposal_get(ours, type)) {
			if (!peer->present[type])
				continue;
			if (!may_be_none(type) || !proposal_has(&peer->p, type, 0))
				return false;
			chosen->transforms[chosen->n] = none;
			chosen->transforms[chosen->n++].type = type;
			continue;
		}
		if (!peer->present[type]) {
			if (may_be_none(type) && proposal_has(ours, type, 0))
				continue;
			return false;
		}
		for (i = 0; !found && i < ours->n; i++)
			if (ours->transforms[i].type == type &&
			    fits(&methods, ours, peer, &ours->transforms[i]))
				found = &ours->transforms[i];
		if (!found)
			return false;
		chosen->transforms[chosen->n++] = *found;
	}
	chosen->number = peer->p.number;
	chosen->protocol = peer->p.protocol;
	chosen->spi_len = peer->p.spi_len;
	memcpy(chosen->spi, peer->p.spi, sizeof(chosen->spi));
	return true;
}

/* In the first exchange an IKE proposal has no SPI; an ESP one always has. */
static bool spi_fits(const struct offered *o, enum ike_protocol protocol)
{
	if (o->p.protocol != protocol)
		return false;
	return protocol == PROTO_ESP ? o->p.spi_len == ESP_SPI_LEN :
	       o->p.spi_len == 0 || o->p.spi_len == IKE_SPI_LEN;
}

int proposal_select(const struct proposal_list *ours, enum ike_protocol protocol,
		    const uint8_t *body, size_t len, bool skip_dh,
		    struct proposal *chosen)
{
	unsigned int i;
	int r;

	if (proposal_check(body, len) <= 0)
		return -EBADMSG;
	for (i = 0; i < ours->n; i++) {
		const uint8_t *data = body;
		struct offered o;
		size_t left = len;
		bool last = false;

		while ((r = read_next(&o, &data, &left, &last)) > 0)
			if (spi_fits(&o, protocol) &&
			    intersect(&ours->v[i], &o, skip_dh, chosen))
				return 0;
	}
	return -ENOENT;
}

int proposal_select_group(const struct proposal_list *ours, enum ike_protocol protocol,
			  const uint8_t *body, size_t len, uint16_t group,
			  struct proposal *chosen)
{
	struct proposal_list copy;
	unsigned int i, j;
	int err;

	err = proposal_list_copy(&copy, ours);
	if (err)
		return err;
	for (i = 0; i < copy.n; i++) {
		struct transform *first = NULL;

		for (j = 0; j < copy.v[i].n; j++) {
			struct transform *t = &copy.v[i].transforms[j];

			if (t->type != TRANSFORM_DH)
				continue;
			if (!first)
				first = t;
			if (t->id == group) {
				t->id = first->id;
				first->id = group;
				break;
			}
		}
	}
	err = proposal_select(&copy, protocol, body, len, false, chosen);
	proposal_list_clear(&copy);
	return err;
}

int proposal_verify(const struct proposal_list *ours, enum ike_protocol protocol,
		    const uint8_t *body, size_t len, bool skip_dh,
		    struct proposal *chosen)
{
	unsigned int count[TRANSFORM_MAX + 1] = { 0 }, i;
	const struct proposal *offer;
	struct offered o;
	bool last = false;
	uint8_t type;

	if (proposal_check(body, len) <= 0)
		return -EBADMSG;
	if (read_next(&o, &body, &len, &last) <= 0)
		return -EBADMSG;
	if (!last || !spi_fits(&o, protocol) || !o.p.number ||
	    o.p.number > ours->n || o.unknown_type)
		return -ENOENT;
	for (i = 0; i < o.p.n; i++)
		if (o.p.transforms[i].id == 0 && may_be_none(o.p.transforms[i].type))
			o.present[o.p.transforms[i].type] = false;
	for (i = 0; i < o.p.n; i++)
		if (++count[o.p.transforms[i].type] > 1)
			return -ENOENT;
	/* NONE is as good as absent. */
	for (i = 0; i < o.p.n;) {
		if (o.p.transforms[i].id == 0 && may_be_none(o.p.transforms[i].type))
			proposal_strip(&o.p, o.p.transforms[i].type);
		else
			i++;
	}
	offer = &ours->v[o.p.number - 1];
	if (!intersect(offer, &o, skip_dh, chosen))
		return -ENOENT;
	for (type = TRANSFORM_DH; skip_dh && type <= TRANSFORM_MAX; type++)
		if (transform_is_ke(type) && o.present[type])
			return -ENOENT;
	return 0;
}

const char *proposal_str(const struct proposal *p, char *buf, size_t len)
{
	size_t used = 0;
	unsigned int i;

	if (len)
		buf[0] = '\0';
	for (i = 0; i < p->n && used < len; i++) {
		const struct transform *t = &p->transforms[i];

		used += snprintf(buf + used, len - used, "%s", i ? "/" : "");
		if (transform_is_addke(t->type) && used < len)
			used += snprintf(buf + used, len - used, "KE%u_",
					 t->type - TRANSFORM_ADDKE1 + 1u);
		if (used < len)
			used += snprintf(buf + used, len - used, "%s",
					 transform_name(t->type, t->id));
		if (t->key_bits && used < len)
			used += snprintf(buf + used, len - used, "_%u", t->key_bits);
	}
	return buf;
}

/* One more at the end of buf, which begins empty. */
static void append_str(const struct proposal *p, char *buf, size_t len)
{
	size_t used = strlen(buf);

	if (used && used + 2 < len) {
		memcpy(buf + used, ", ", 3);
		used += 2;
	}
	proposal_str(p, buf + used, len - used);
}

const char *proposal_list_str(const struct proposal_list *list, char *buf, size_t len)
{
	buf[0] = '\0';
	for (unsigned int i = 0; i < list->n; i++)
		append_str(&list->v[i], buf, len);
	return buf;
}

const char *proposal_offer_str(const uint8_t *body, size_t body_len, char *buf, size_t len)
{
	struct offered o;
	bool last = false;

	buf[0] = '\0';
	while (read_next(&o, &body, &body_len, &last) > 0)
		append_str(&o.p, buf, len);
	return buf;
}
