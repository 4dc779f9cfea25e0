// SPDX-License-Identifier: GPL-2.0
/* The hosts' stand-in for XFRM. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libnet.h"
#include "selector.h"
#include "xfrm.h"

static struct fake_state **state_link(struct xfrm *x, const struct endpoint *dst,
				      uint32_t spi)
{
	struct fake_state **link;

	for (link = &x->states; *link; link = &(*link)->next)
		if ((*link)->spi == spi && endpoint_same_addr(&(*link)->dst, dst))
			break;
	return link;
}

static struct fake_state *state_new(struct xfrm *x, const struct endpoint *src,
				    const struct endpoint *dst, uint32_t spi)
{
	struct fake_state *s = calloc(1, sizeof(*s));

	assert(s);
	s->src = *src;
	s->dst = *dst;
	s->spi = spi;
	s->next = x->states;
	x->states = s;
	return s;
}

int xfrm_alloc_spi(struct xfrm *x, const struct endpoint *src,
		   const struct endpoint *dst, uint32_t reqid, uint32_t *spi)
{
	(void)reqid;
	if (!host_op(container_of(x, struct host, xfrm)))
		return -EIO;
	*spi = x->next_spi++;
	state_new(x, src, dst, *spi)->larval = true;
	return 0;
}

void xfrm_collect(struct xfrm *x)
{
	assert(!x->collecting);
	x->collecting = true;
	x->failed = 0;
}

int xfrm_commit(struct xfrm *x)
{
	assert(x->collecting);
	x->collecting = false;
	return x->failed;
}

/* Told at once, or by xfrm_commit(). */
static int done(struct xfrm *x, int err, int *result)
{
	if (result)
		*result = err;
	if (!x->collecting)
		return err;
	x->failed = x->failed ? x->failed : err;
	return 0;
}

int xfrm_state_add(struct xfrm *x, const struct xfrm_state *s, int *result)
{
	struct fake_state *f = *state_link(x, &s->dst, s->spi);

	if (!host_op(container_of(x, struct host, xfrm)))
		return done(x, 0, result);
	if (x->fail_states)
		return done(x, -ENOSYS, result);
	/* The peer gave the same SPI twice. */
	if (!s->inbound && f)
		return done(x, -EEXIST, result);
	/* The reservation is of 30 s. */
	if (s->reserved && !f) {
		*result = -ESRCH;
		return 0;
	}
	assert(!s->device == (s->offload == OFFLOAD_NO));
	if (s->offload == OFFLOAD_PACKET && x->does != OFFLOAD_PACKET)
		return done(x, -EINVAL, result);
	assert(s->spi && (!s->inbound || (f ? f->larval : !s->reserved)));
	if (!f)
		f = state_new(x, &s->src, &s->dst, s->spi);
	f->larval = false;
	f->usage.use_s = -1;
	f->s = *s;
	if (x->does == OFFLOAD_NO)
		f->s.offload = OFFLOAD_NO;
	f->encr = *s->encr;
	assert(s->encr_len <= sizeof(f->encr_key) && s->integ_len <= sizeof(f->integ_key));
	memcpy(f->encr_key, s->encr_key, s->encr_len);
	memcpy(f->integ_key, s->integ_key, s->integ_len);
	return done(x, 0, result);
}

int xfrm_state_move(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		    struct xfrm_mark mark, const struct endpoint *new_src, const struct endpoint *new_dst,
		    bool inbound, struct xfrm_move *move)
{
	struct fake_state *s = *state_link(x, dst, spi), *moved = *state_link(x, new_dst, spi);

	if (!host_op(container_of(x, struct host, xfrm)))
		return 0;
	/* By a daemon that died of it. */
	if (!endpoint_same_addr(dst, new_dst) && moved)
		return 0;
	assert(s && !s->larval && s->s.inbound == inbound && xfrm_mark_equal(s->s.mark, mark));
	if (endpoint_same_addr(dst, new_dst)) {
		moved = s;
	} else {
		moved = state_new(x, new_src, new_dst, spi);
		s = *state_link(x, dst, spi);
		moved->s = s->s;
		moved->encr = s->encr;
		memcpy(moved->encr_key, s->encr_key, sizeof(s->encr_key));
		memcpy(moved->integ_key, s->integ_key, sizeof(s->integ_key));
	}
	/* But for its ports it is another one. */
	if (moved->s.offload != OFFLOAD_NO &&
	    (moved != s || !endpoint_same_addr(&moved->s.src, new_src))) {
		move->fell_back = !move->device || x->does < moved->s.offload;
		if (move->fell_back && !move->fall_back)
			return -EINVAL;
		if (move->fell_back)
			moved->s.offload = OFFLOAD_NO;
		moved->s.device = move->fell_back ? 0 : move->device;
	}
	moved->src = moved->s.src = *new_src;
	moved->dst = moved->s.dst = *new_dst;
	return 0;
}

int xfrm_state_del(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		   struct xfrm_mark mark)
{
	struct fake_state **link = state_link(x, dst, spi), *s = *link;

	if (!host_op(container_of(x, struct host, xfrm)) || !s)
		return 0;
	assert(s->larval || xfrm_mark_equal(s->s.mark, mark));
	*link = s->next;
	free(s);
	return 0;
}

int xfrm_state_retire(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		      struct xfrm_mark mark)
{
	struct fake_state *s = *state_link(x, dst, spi);

	if (!host_op(container_of(x, struct host, xfrm)) || !s)
		return 0;
	assert(!s->larval && !s->s.inbound && s->s.added_s);
	assert(xfrm_mark_equal(s->s.mark, mark));
	s->retired = true;
	return 0;
}

int xfrm_state_lift(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		    struct xfrm_mark mark)
{
	struct fake_state *s = *state_link(x, dst, spi);

	if (!host_op(container_of(x, struct host, xfrm)) || !s)
		return 0;
	assert(!s->larval && !s->s.inbound && s->s.added_s);
	assert(xfrm_mark_equal(s->s.mark, mark));
	s->lifted = true;
	return 0;
}

int xfrm_state_offloaded(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
			 struct xfrm_mark mark)
{
	const struct fake_state *s = *state_link(x, dst, spi);

	(void)mark;
	if (!s)
		return -ESRCH;
	return s->s.offload == OFFLOAD_NO ? -EOPNOTSUPP : 0;
}

int xfrm_state_usage(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		     struct xfrm_mark mark, struct xfrm_usage *usage)
{
	const struct fake_state *s = *state_link(x, dst, spi);

	(void)mark;
	if (!s)
		return -ESRCH;
	*usage = s->usage;
	return 0;
}

static bool is_among(uint32_t value, const uint32_t *v, size_t n)
{
	for (; n; n--)
		if (v[n - 1] == value)
			return true;
	return false;
}

int xfrm_remove_leftovers(struct xfrm *x, struct xfrm_own *own)
{
	struct fake_policy **plink = &x->policies, *p;
	struct fake_state **link = &x->states, *s;

	if (!host_op(container_of(x, struct host, xfrm)))
		return 0;
	while ((s = *link)) {
		if (is_among(s->spi, own->spis, own->n)) {
			link = &s->next;
			continue;
		}
		*link = s->next;
		free(s);
	}
	while ((p = *plink)) {
		const struct xfrm_policy_key key = selector_key(&p->p);
		bool keep;

		if (p->p.action == XFRM_PROTECT)
			keep = is_among(p->p.reqid, own->reqids, own->n) ||
			       (own->keep_traps && p->p.reqid > XFRM_REQID_TRAP);
		else
			keep = (own->keep_traps && p->p.action == XFRM_DROP) ||
			       (own->has && own->has(own->data, &key));
		if (keep) {
			plink = &p->next;
			continue;
		}
		*plink = p->next;
		free(p);
	}
	return 0;
}

static struct fake_policy **policy_link(struct xfrm *x, const struct xfrm_policy_key *key)
{
	struct fake_policy **link;

	for (link = &x->policies; *link; link = &(*link)->next) {
		const struct xfrm_policy_key there = selector_key(&(*link)->p);

		if (!memcmp(&there, key, sizeof(there)))
			break;
	}
	return link;
}

int xfrm_policy_add(struct xfrm *x, const struct xfrm_policy *p)
{
	const struct xfrm_policy_key key = selector_key(p);
	struct fake_policy **link = policy_link(x, &key);

	if (!host_op(container_of(x, struct host, xfrm)))
		return 0;
	if (p->device && x->no_policies)
		return done(x, -EINVAL, NULL);
	if (x->fail_policies)
		return done(x, -ENOSYS, NULL);
	x->installed++;
	if (!*link) {
		*link = calloc(1, sizeof(**link));
		assert(*link);
	}
	(*link)->p = *p;
	return 0;
}

int xfrm_policy_del(struct xfrm *x, const struct xfrm_policy_key *key)
{
	struct fake_policy **link = policy_link(x, key), *policy = *link;

	struct host *host = container_of(x, struct host, xfrm);

	if (!host_op(host))
		return 0;
	/* One that died may have had it away already, or not yet there; or it was refused. */
	if (!policy && (host->restarted || x->no_policies || x->fail_policies))
		return 0;
	assert(policy);
	*link = policy->next;
	free(policy);
	return 0;
}

int xfrm_policy_offloaded(struct xfrm *x, const struct xfrm_policy_key *key)
{
	const struct fake_policy *policy = *policy_link(x, key);

	if (!policy)
		return -ENOENT;
	return policy->p.device && !x->ignores_devices ? 0 : -EOPNOTSUPP;
}

unsigned int host_states(const struct host *host)
{
	const struct fake_state *s;
	unsigned int n = 0;

	for (s = host->xfrm.states; s; s = s->next)
		n += !s->larval;
	return n;
}

unsigned int host_policies(const struct host *host)
{
	const struct fake_policy *p;
	unsigned int n = 0;

	for (p = host->xfrm.policies; p; p = p->next)
		n++;
	return n;
}
