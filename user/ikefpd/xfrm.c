// SPDX-License-Identifier: GPL-2.0
/* XFRM over netlink. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/netlink.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <openssl/crypto.h>

#include "log.h"
#include "netlink_ask.h"
#include "selector.h"
#include "xfrm.h"

#define SPI_MIN		0xc0000000
#define SPI_MAX		0xcfffffff

/* Indexes of policies, which end in their direction. */
#define SHUNT_INDEX	0x69000000
#define SHUNTS		0x00200000

struct xfrm {
	struct nl_sock *sock;
	uint32_t shunts;
	struct netlink_batch *batch;
	bool collecting;	/* it gets what is asked for */
};

struct xfrm *xfrm_open(void)
{
	struct xfrm *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->sock = netlink_ask_open(NETLINK_XFRM, "XFRM");
	x->batch = x->sock ? netlink_batch_new(x->sock) : NULL;
	if (x->batch)
		return x;
	nl_socket_free(x->sock);
	free(x);
	return NULL;
}

void xfrm_close(struct xfrm *x)
{
	if (!x)
		return;
	netlink_batch_free(x->batch);
	nl_socket_free(x->sock);
	free(x);
}

void xfrm_collect(struct xfrm *x)
{
	x->collecting = true;
}

int xfrm_commit(struct xfrm *x)
{
	x->collecting = false;
	return netlink_batch_send(x->batch);
}

/* At once, or with what else is collected; then an error is told later. */
static int change(struct xfrm *x, struct nl_msg *msg, const char *what, int quiet, int *result)
{
	int err;

	if (x->collecting)
		return netlink_batch_add(x->batch, msg, what, quiet, result);
	err = netlink_ask(x->sock, msg, what, quiet, NULL);
	if (result)
		*result = err;
	return err == quiet ? 0 : err;
}

static void set_addr(xfrm_address_t *to, const struct endpoint *e)
{
	memcpy(to, e->addr, endpoint_addr_len(e));
}

static void no_limits(struct xfrm_lifetime_cfg *l)
{
	l->soft_byte_limit = XFRM_INF;
	l->hard_byte_limit = XFRM_INF;
	l->soft_packet_limit = XFRM_INF;
	l->hard_packet_limit = XFRM_INF;
}

static void fill_info(struct xfrm_usersa_info *info, const struct endpoint *src,
		      const struct endpoint *dst, uint32_t spi, uint32_t reqid)
{
	memset(info, 0, sizeof(*info));
	set_addr(&info->saddr, src);
	set_addr(&info->id.daddr, dst);
	info->id.spi = htonl(spi);
	info->id.proto = IPPROTO_ESP;
	info->family = src->family;
	info->mode = XFRM_MODE_TUNNEL;
	info->reqid = reqid;
	no_limits(&info->lft);
}

/* The traffic of transport mode: all that is between the two. */
static void fill_hosts(struct xfrm_usersa_info *info, const struct endpoint *src,
		       const struct endpoint *dst)
{
	info->sel.family = src->family;
	set_addr(&info->sel.saddr, src);
	set_addr(&info->sel.daddr, dst);
	info->sel.prefixlen_s = endpoint_addr_len(src) * 8;
	info->sel.prefixlen_d = endpoint_addr_len(dst) * 8;
}

static int put_mark(struct nl_msg *msg, struct xfrm_mark mark)
{
	return mark.m && nla_put(msg, XFRMA_MARK, sizeof(mark), &mark) ? -ENOMEM : 0;
}

static int put_if_id(struct nl_msg *msg, uint32_t if_id)
{
	return if_id && nla_put_u32(msg, XFRMA_IF_ID, if_id) ? -ENOMEM : 0;
}

int xfrm_alloc_spi(struct xfrm *x, const struct endpoint *src,
		   const struct endpoint *dst, uint32_t reqid, uint32_t *spi)
{
	struct xfrm_userspi_info request = { .min = SPI_MIN, .max = SPI_MAX };
	const struct xfrm_usersa_info *info;
	struct netlink_answer a;
	int err;

	fill_info(&request.info, src, dst, 0, reqid);
	err = netlink_ask(x->sock, netlink_ask_new(XFRM_MSG_ALLOCSPI, 0, &request, sizeof(request)),
		       "cannot allocate an SPI", 0, &a);
	if (err)
		return err;
	if (!a.reply || a.reply->nlmsg_len < NLMSG_LENGTH(sizeof(*info)))
		return -EIO;
	info = NLMSG_DATA(a.reply);
	*spi = ntohl(info->id.spi);
	return 0;
}

static int put_aead(struct nl_msg *msg, const char *name, const struct xfrm_state *s)
{
	struct {
		struct xfrm_algo_aead head;
		uint8_t key[64];
	} algo = { 0 };
	int err;

	if (s->encr_len > sizeof(algo.key))
		return -EINVAL;
	snprintf(algo.head.alg_name, sizeof(algo.head.alg_name), "%s", name);
	algo.head.alg_key_len = s->encr_len * 8;
	algo.head.alg_icv_len = 128;
	memcpy(algo.head.alg_key, s->encr_key, s->encr_len);
	err = nla_put(msg, XFRMA_ALG_AEAD, sizeof(algo.head) + s->encr_len, &algo);
	OPENSSL_cleanse(&algo, sizeof(algo));
	return err ? -ENOMEM : 0;
}

static int put_cbc(struct nl_msg *msg, const struct xfrm_state *s)
{
	struct {
		struct xfrm_algo head;
		uint8_t key[64];
	} algo = { 0 };
	int err;

	if (s->encr_len > sizeof(algo.key))
		return -EINVAL;
	snprintf(algo.head.alg_name, sizeof(algo.head.alg_name), "cbc(aes)");
	algo.head.alg_key_len = s->encr_len * 8;
	memcpy(algo.head.alg_key, s->encr_key, s->encr_len);
	err = nla_put(msg, XFRMA_ALG_CRYPT, sizeof(algo.head) + s->encr_len, &algo);
	OPENSSL_cleanse(&algo, sizeof(algo));
	return err ? -ENOMEM : 0;
}

/*
 * RFC 4868 truncates to half of the key's length, RFC 2404 to 96 bits; the kernel's default
 * for SHA2-256 is another.
 */
static int put_integ(struct nl_msg *msg, const struct xfrm_state *s)
{
	struct {
		struct xfrm_algo_auth head;
		uint8_t key[64];
	} algo = { 0 };
	unsigned int trunc_len = s->integ_len * 8 / 2;
	const char *name;
	int err;

	switch (s->integ) {
	case AUTH_HMAC_SHA1_96:
		name = "hmac(sha1)";
		trunc_len = 96;
		break;
	case AUTH_HMAC_SHA2_256_128:
		name = "hmac(sha256)";
		break;
	case AUTH_HMAC_SHA2_384_192:
		name = "hmac(sha384)";
		break;
	case AUTH_HMAC_SHA2_512_256:
		name = "hmac(sha512)";
		break;
	default:
		return -EINVAL;
	}
	if (s->integ_len > sizeof(algo.key))
		return -EINVAL;
	snprintf(algo.head.alg_name, sizeof(algo.head.alg_name), "%s", name);
	algo.head.alg_key_len = s->integ_len * 8;
	algo.head.alg_trunc_len = trunc_len;
	memcpy(algo.head.alg_key, s->integ_key, s->integ_len);
	err = nla_put(msg, XFRMA_ALG_AUTH_TRUNC, sizeof(algo.head) + s->integ_len, &algo);
	OPENSSL_cleanse(&algo, sizeof(algo));
	return err ? -ENOMEM : 0;
}

static int put_algorithms(struct nl_msg *msg, const struct xfrm_state *s)
{
	int err;

	switch (s->encr->id) {
	case ENCR_AES_GCM_16:
		return put_aead(msg, "rfc4106(gcm(aes))", s);
	case ENCR_CHACHA20_POLY1305:
		return put_aead(msg, "rfc7539esp(chacha20,poly1305)", s);
	case ENCR_AES_CBC:
		err = put_cbc(msg, s);
		return err ? err : put_integ(msg, s);
	default:
		return -EINVAL;
	}
}

static int put_encap(struct nl_msg *msg, const struct xfrm_state *s)
{
	const struct xfrm_encap_tmpl encap = {
		.encap_type = UDP_ENCAP_ESPINUDP,
		.encap_sport = htons(s->src.port),
		.encap_dport = htons(s->dst.port),
	};

	return nla_put(msg, XFRMA_ENCAP, sizeof(encap), &encap) ? -ENOMEM : 0;
}

/* A window beyond 32 packets, or ESN, needs the bitmap; ESN needs a window. */
static int put_replay(struct nl_msg *msg, uint32_t window)
{
	struct xfrm_replay_state_esn *esn;
	uint32_t words = (window + 31) / 32;
	struct nlattr *attr;

	attr = nla_reserve(msg, XFRMA_REPLAY_ESN_VAL,
			   sizeof(*esn) + words * sizeof(uint32_t));
	if (!attr)
		return -ENOMEM;
	esn = nla_data(attr);
	memset(esn, 0, sizeof(*esn) + words * sizeof(uint32_t));
	esn->bmp_len = words;
	esn->replay_window = window;
	return 0;
}

static uint64_t limit(uint64_t amount)
{
	return amount ? amount : XFRM_INF;
}

static void set_limits(struct xfrm_lifetime_cfg *l, const struct xfrm_limits *limits)
{
	l->soft_byte_limit = limit(limits->soft_bytes);
	l->hard_byte_limit = limit(limits->hard_bytes);
	l->soft_packet_limit = limit(limits->soft_packets);
	l->hard_packet_limit = limit(limits->hard_packets);
}

static uint8_t state_flags(const struct xfrm_state *s)
{
	return (s->transport ? 0 : XFRM_STATE_AF_UNSPEC) | (s->esn ? XFRM_STATE_ESN : 0) |
	       (s->flags & XFRM_FLAG_NO_PMTU_DISC ? XFRM_STATE_NOPMTUDISC : 0) |
	       (s->flags & XFRM_FLAG_NO_ECN ? XFRM_STATE_NOECN : 0) |
	       (s->flags & XFRM_FLAG_DECAP_DSCP ? XFRM_STATE_DECAP_DSCP : 0) |
	       (s->flags & XFRM_FLAG_ICMP ? XFRM_STATE_ICMP : 0);
}

static int put_extras(struct nl_msg *msg, const struct xfrm_state *s)
{
	if (s->flags & XFRM_FLAG_NO_ENCAP_DSCP &&
	    nla_put_u32(msg, XFRMA_SA_EXTRA_FLAGS, XFRM_SA_XFLAG_DONT_ENCAP_DSCP))
		return -ENOMEM;
	if (s->set_mark.m && (nla_put_u32(msg, XFRMA_SET_MARK, s->set_mark.v) ||
				 nla_put_u32(msg, XFRMA_SET_MARK_MASK, s->set_mark.m)))
		return -ENOMEM;
	if (s->tfc_padding && nla_put_u32(msg, XFRMA_TFCPAD, s->tfc_padding))
		return -ENOMEM;
	return 0;
}

static int put_offload(struct nl_msg *msg, uint32_t device, uint8_t flags)
{
	struct xfrm_user_offload offload;

	memset(&offload, 0, sizeof(offload));
	offload.ifindex = (int)device;
	offload.flags = flags;
	return nla_put(msg, XFRMA_OFFLOAD_DEV, sizeof(offload), &offload) ? -ENOMEM : 0;
}

static int put_state_offload(struct nl_msg *msg, const struct xfrm_state *s)
{
	if (s->offload == OFFLOAD_NO)
		return 0;
	return put_offload(msg, s->device, (s->inbound ? XFRM_OFFLOAD_INBOUND : 0) |
			   (s->offload == OFFLOAD_PACKET ? XFRM_OFFLOAD_PACKET : 0));
}

static int put_added(struct nl_msg *msg, uint64_t added_s)
{
	/* In use from now on: xfrm_state_retire() needs that. */
	const struct xfrm_lifetime_cur cur = { .add_time = added_s, .use_time = added_s };

	return nla_put(msg, XFRMA_LTIME_VAL, sizeof(cur), &cur) ? -ENOMEM : 0;
}

static void wipe_msg(struct nl_msg *msg)
{
	OPENSSL_cleanse(nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len);
	nlmsg_free(msg);
}

static struct nl_msg *state_msg(int type, const struct xfrm_state *s)
{
	uint32_t window = s->inbound ? s->replay_window : 0;
	struct xfrm_usersa_info info;
	struct nl_msg *msg;
	int err;

	if (s->esn && !window)
		window = 32;
	fill_info(&info, &s->src, &s->dst, s->spi, s->reqid);
	info.flags = state_flags(s);
	set_limits(&info.lft, &s->limits);
	if (s->transport) {
		info.mode = XFRM_MODE_TRANSPORT;
		fill_hosts(&info, &s->src, &s->dst);
	}
	if (!s->esn && window <= 32)
		info.replay_window = window;
	msg = netlink_ask_new(type, type == XFRM_MSG_NEWSA ? NLM_F_CREATE | NLM_F_EXCL : 0, &info,
		      sizeof(info));
	if (!msg)
		return NULL;
	err = put_algorithms(msg, s);
	if (!err && s->encap)
		err = put_encap(msg, s);
	if (!err && (s->esn || window > 32))
		err = put_replay(msg, window);
	if (!err && s->added_s)
		err = put_added(msg, s->added_s);
	if (!err)
		err = put_mark(msg, s->mark);
	if (!err)
		err = put_if_id(msg, s->if_id);
	if (!err)
		err = put_extras(msg, s);
	if (!err)
		err = put_state_offload(msg, s);
	if (!err)
		return msg;
	wipe_msg(msg);
	return NULL;
}

int xfrm_state_add(struct xfrm *x, const struct xfrm_state *s, int *result)
{
	return change(x, state_msg(s->reserved ? XFRM_MSG_UPDSA : XFRM_MSG_NEWSA, s),
		      s->offload == OFFLOAD_NO ? "cannot install an ESP SA" :
		      "cannot leave an ESP SA to the device", s->reserved ? -ESRCH :
		      s->attempt ? NETLINK_ASK_ANY : 0, result);
}

static void fill_id(struct xfrm_usersa_id *id, const struct endpoint *dst, uint32_t spi)
{
	memset(id, 0, sizeof(*id));
	set_addr(&id->daddr, dst);
	id->spi = htonl(spi);
	id->family = dst->family;
	id->proto = IPPROTO_ESP;
}

/* The kernel looks an ESP SA up by its mark, too. */
static struct nl_msg *id_msg(int type, const struct xfrm_usersa_id *id, struct xfrm_mark mark)
{
	struct nl_msg *msg = netlink_ask_new(type, 0, id, sizeof(*id));

	if (msg && put_mark(msg, mark)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int xfrm_state_del(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		   struct xfrm_mark mark)
{
	struct xfrm_usersa_id id;

	fill_id(&id, dst, spi);
	return change(x, id_msg(XFRM_MSG_DELSA, &id, mark), "cannot remove an ESP SA", -ESRCH, NULL);
}

static int get_state(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		     struct xfrm_mark mark, struct netlink_answer *a)
{
	struct xfrm_usersa_id id;
	int err;

	fill_id(&id, dst, spi);
	err = netlink_ask(x->sock, id_msg(XFRM_MSG_GETSA, &id, mark),
		       "cannot read an ESP SA", -ESRCH, a);
	if (!err && (!a->reply ||
		     a->reply->nlmsg_len < NLMSG_LENGTH(sizeof(struct xfrm_usersa_info))))
		err = -EIO;
	return err;
}

/* What the kernel tells of an ESP SA and takes back for another like it. */
static bool is_kept(int attribute)
{
	switch (attribute) {
	case XFRMA_ALG_AEAD:
	case XFRMA_ALG_CRYPT:
	case XFRMA_ALG_AUTH_TRUNC:
	case XFRMA_ENCAP:
	case XFRMA_REPLAY_VAL:
	case XFRMA_REPLAY_ESN_VAL:
	case XFRMA_MARK:
	case XFRMA_SET_MARK:
	case XFRMA_SET_MARK_MASK:
	case XFRMA_IF_ID:
	case XFRMA_TFCPAD:
	case XFRMA_SA_EXTRA_FLAGS:
		return true;
	default:
		return false;
	}
}

static bool is_zero(const char *key, unsigned int bits)
{
	unsigned int i;

	for (i = 0; i < (bits + 7) / 8; i++)
		if (key[i])
			return false;
	return bits;
}

/*
 * A kernel that is locked down against root (confidentiality) tells zeroes in place of
 * keys: another ESP SA of these would be open to anybody.
 */
static bool is_withheld(const struct nlmsghdr *reply)
{
	const struct nlattr *attr;
	int left;

	nlmsg_for_each_attr(attr, (struct nlmsghdr *)reply, sizeof(struct xfrm_usersa_info), left) {
		const struct xfrm_algo_auth *auth = nla_data(attr);
		const struct xfrm_algo_aead *aead = nla_data(attr);
		const struct xfrm_algo *crypt = nla_data(attr);

		if ((nla_type(attr) == XFRMA_ALG_AEAD &&
		     is_zero(aead->alg_key, aead->alg_key_len)) ||
		    (nla_type(attr) == XFRMA_ALG_CRYPT &&
		     is_zero(crypt->alg_key, crypt->alg_key_len)) ||
		    (nla_type(attr) == XFRMA_ALG_AUTH_TRUNC &&
		     is_zero(auth->alg_key, auth->alg_key_len)))
			return true;
	}
	return false;
}

#define SEQUENCE_GAP	16384	/* packets: more than leave while an ESP SA is moved */

static void leave_out(void *data, int attribute, bool esn)
{
	struct xfrm_replay_state_esn *with_esn = data;
	struct xfrm_replay_state *plain = data;

	if (attribute == XFRMA_REPLAY_VAL) {
		plain->oseq += SEQUENCE_GAP;
	} else if (attribute == XFRMA_REPLAY_ESN_VAL) {
		with_esn->oseq += SEQUENCE_GAP;
		if (esn && with_esn->oseq < SEQUENCE_GAP)
			with_esn->oseq_hi++;
	}
}

/*
 * The ESP SA that the kernel told of, with what info says of it. @encap NULL: as it is.
 * @device: what one does for it this one is to do; 0: none. One that is updated keeps its own.
 */
static struct nl_msg *changed_msg(int type, const struct nlmsghdr *old,
				  const struct xfrm_usersa_info *info,
				  const struct xfrm_encap_tmpl *encap, bool gap, uint32_t device)
{
	struct nl_msg *msg;
	struct nlattr *attr;
	int left;

	msg = netlink_ask_new(type, type == XFRM_MSG_NEWSA ? NLM_F_CREATE | NLM_F_EXCL : 0, info,
		      sizeof(*info));
	if (!msg || nla_put(msg, XFRMA_LTIME_VAL, sizeof(info->curlft), &info->curlft))
		goto fail;
	nlmsg_for_each_attr(attr, (struct nlmsghdr *)old, sizeof(*info), left) {
		int attribute = nla_type(attr);
		struct nlattr *copy;

		if (attribute == XFRMA_OFFLOAD_DEV && device) {
			const struct xfrm_user_offload *offload = nla_data(attr);

			if (put_offload(msg, device, offload->flags))
				goto fail;
		}
		if (!is_kept(attribute))
			continue;
		copy = nla_reserve(msg, attribute, nla_len(attr));
		if (!copy)
			goto fail;
		if (attribute == XFRMA_ENCAP && encap) {
			memcpy(nla_data(copy), encap, sizeof(*encap));
			continue;
		}
		memcpy(nla_data(copy), nla_data(attr), nla_len(attr));
		if (gap)
			leave_out(nla_data(copy), attribute, info->flags & XFRM_STATE_ESN);
	}
	return msg;
fail:
	if (msg)
		wipe_msg(msg);
	return NULL;
}

static struct nl_msg *moved_msg(int type, const struct nlmsghdr *old,
				const struct endpoint *src, const struct endpoint *dst,
				bool gap, uint32_t device)
{
	struct xfrm_usersa_info info = *(const struct xfrm_usersa_info *)NLMSG_DATA(old);
	const struct xfrm_encap_tmpl encap = {
		.encap_type = UDP_ENCAP_ESPINUDP,
		.encap_sport = htons(src->port),
		.encap_dport = htons(dst->port),
	};

	set_addr(&info.saddr, src);
	set_addr(&info.id.daddr, dst);
	if (info.mode == XFRM_MODE_TRANSPORT)
		fill_hosts(&info, src, dst);
	return changed_msg(type, old, &info, &encap, gap, device);
}

/*
 * A socket that is connected keeps the ESP SA that it has once found, until the kernel has
 * it look again: for one that is updated it does so if the update has an interface ID or a
 * mark to set. One of no bits sets nothing.
 */
static int put_look_again(struct nl_msg *msg, const struct nlmsghdr *old)
{
	struct nlmsghdr *h = (struct nlmsghdr *)old;
	const int len = sizeof(struct xfrm_usersa_info);

	if (nlmsg_find_attr(h, len, XFRMA_SET_MARK) || nlmsg_find_attr(h, len, XFRMA_IF_ID))
		return 0;
	return nla_put_u32(msg, XFRMA_SET_MARK, 1) || nla_put_u32(msg, XFRMA_SET_MARK_MASK, 0) ?
	       -ENOMEM : 0;
}

/*
 * One whose soft limit is reached comes after all that have not reached theirs. Limits are
 * compared at once where it has been in use, and what was reached before is forgotten.
 */
static int set_soft_limits(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
			   struct xfrm_mark mark, uint64_t bytes, uint64_t packets)
{
	struct xfrm_usersa_info info;
	struct nl_msg *msg;
	struct netlink_answer a;
	int err;

	err = get_state(x, dst, spi, mark, &a);
	if (!err) {
		info = *(const struct xfrm_usersa_info *)NLMSG_DATA(a.reply);
		info.lft.soft_byte_limit = bytes;
		info.lft.soft_packet_limit = packets;
		msg = changed_msg(XFRM_MSG_UPDSA, a.reply, &info, NULL, false, 0);
		if (msg && put_look_again(msg, a.reply)) {
			wipe_msg(msg);
			msg = NULL;
		}
		err = netlink_ask(x->sock, msg, packets ? "cannot lift an ESP SA's limits" :
				  "cannot retire an ESP SA", -ESRCH, NULL);
	}
	/* The answer holds the keys. */
	OPENSSL_cleanse(&a, sizeof(a));
	return err == -ESRCH ? 0 : err;
}

int xfrm_state_retire(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		      struct xfrm_mark mark)
{
	return set_soft_limits(x, dst, spi, mark, XFRM_INF, 0);
}

int xfrm_state_lift(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		    struct xfrm_mark mark)
{
	return set_soft_limits(x, dst, spi, mark, XFRM_INF, XFRM_INF);
}

static bool is_offloaded(const struct nlmsghdr *reply)
{
	return nlmsg_find_attr((struct nlmsghdr *)reply, sizeof(struct xfrm_usersa_info),
			       XFRMA_OFFLOAD_DEV);
}

static const char cannot_move[] = "cannot move an ESP SA";

/* Another one beside it, or in its place. */
static int add_moved(struct xfrm *x, const struct nlmsghdr *old, const struct endpoint *src,
		     const struct endpoint *dst, bool inbound, struct xfrm_move *move)
{
	const bool offloaded = is_offloaded(old);
	int err = -ENODEV;

	if (!offloaded || move->device)
		err = netlink_ask(x->sock, moved_msg(XFRM_MSG_NEWSA, old, src, dst, !inbound,
						     move->device), cannot_move, -EEXIST, NULL);
	if (!offloaded || !err || err == -EEXIST || !move->fall_back)
		return err;
	move->fell_back = true;
	return netlink_ask(x->sock, moved_msg(XFRM_MSG_NEWSA, old, src, dst, !inbound, 0),
			   cannot_move, -EEXIST, NULL);
}

int xfrm_state_move(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		    struct xfrm_mark mark, const struct endpoint *new_src, const struct endpoint *new_dst,
		    bool inbound, struct xfrm_move *move)
{
	const struct xfrm_usersa_info *info;
	bool same_dst = endpoint_same_addr(dst, new_dst), same_src;
	struct netlink_answer a;
	int err;

	err = get_state(x, dst, spi, mark, &a);
	/* A daemon that died meanwhile may have moved it. */
	if (err == -ESRCH && !same_dst)
		err = get_state(x, new_dst, spi, mark, &a);
	if (err)
		goto wipe;
	info = NLMSG_DATA(a.reply);
	if (!memcmp(&info->id.daddr, new_dst->addr, endpoint_addr_len(new_dst)) && !same_dst)
		goto wipe;
	same_src = !memcmp(&info->saddr, new_src->addr, endpoint_addr_len(new_src));
	if (info->family != new_dst->family) {
		err = -EAFNOSUPPORT;
	} else if (same_dst && same_src) {
		err = netlink_ask(x->sock, moved_msg(XFRM_MSG_UPDSA, a.reply, new_src, new_dst, false,
						     0), cannot_move, 0, NULL);
	} else if (is_withheld(a.reply)) {
		err = -EPERM;
		log_msg(LOG_KNL, LVL_AUDIT,
			"cannot move an ESP SA: the kernel is locked down and does not tell its keys");
	} else {
		/* There is one to a dst and SPI. */
		err = same_dst ? xfrm_state_del(x, dst, spi, mark) : 0;
		if (!err)
			err = add_moved(x, a.reply, new_src, new_dst, inbound, move);
		/* As above: it died before the first one was deleted. */
		if (err == -EEXIST && !same_dst)
			err = 0;
	}
wipe:
	/* The answer holds the keys. */
	OPENSSL_cleanse(&a, sizeof(a));
	return err;
}

int xfrm_state_offloaded(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
			 struct xfrm_mark mark)
{
	struct netlink_answer a;
	int err = get_state(x, dst, spi, mark, &a);

	if (!err && !is_offloaded(a.reply))
		err = -EOPNOTSUPP;
	/* The answer holds the keys. */
	OPENSSL_cleanse(&a, sizeof(a));
	return err;
}

int xfrm_state_usage(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		     struct xfrm_mark mark, struct xfrm_usage *usage)
{
	const struct xfrm_usersa_info *info;
	struct nlattr *attr;
	struct netlink_answer a;
	int err;

	err = get_state(x, dst, spi, mark, &a);
	if (err)
		goto wipe;
	info = NLMSG_DATA(a.reply);
	usage->bytes = info->curlft.bytes;
	usage->packets = info->curlft.packets;
	/* One of no packets is xfrm_state_retire()'s. */
	usage->soft = usage->bytes >= info->lft.soft_byte_limit ||
		      (info->lft.soft_packet_limit &&
		       usage->packets >= info->lft.soft_packet_limit);
	usage->use_s = -1;
	attr = nlmsg_find_attr((struct nlmsghdr *)a.reply, sizeof(*info), XFRMA_LASTUSED);
	if (attr && usage->packets) {
		usage->use_s = (int64_t)time(NULL) - (int64_t)nla_get_u64(attr);
		if (usage->use_s < 0)
			usage->use_s = 0;
	}
wipe:
	/* The answer holds the keys. */
	OPENSSL_cleanse(&a, sizeof(a));
	return err;
}

/*
 * A policy without an ESP SA has no reqid. The kernel takes another index where this one is
 * taken, and its own when there is a policy to replace.
 */
static uint32_t next_index(struct xfrm *x, uint8_t dir)
{
	x->shunts = (x->shunts + 1) % SHUNTS;
	return SHUNT_INDEX + x->shunts * 8 + dir;
}

int xfrm_policy_add(struct xfrm *x, const struct xfrm_policy *p)
{
	struct xfrm_user_tmpl tmpl = {
		.family = p->src.family,
		.reqid = p->reqid,
		.mode = p->transport ? XFRM_MODE_TRANSPORT : XFRM_MODE_TUNNEL,
		.optional = p->optional,
		.aalgos = ~0u,
		.ealgos = ~0u,
		.calgos = ~0u,
	};
	struct xfrm_userpolicy_info info = {
		.priority = p->priority,
		.dir = p->dir,
		.action = p->action == XFRM_DROP ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW,
		.index = p->action == XFRM_PROTECT ? 0 : next_index(x, p->dir),
		.share = XFRM_SHARE_ANY,
	};
	struct nl_msg *msg;

	tmpl.id.proto = IPPROTO_ESP;
	/* In transport mode the packet has them. */
	if (!p->transport) {
		set_addr(&tmpl.saddr, &p->src);
		set_addr(&tmpl.id.daddr, &p->dst);
	}
	info.sel = selector_key(p).sel;
	no_limits(&info.lft);
	msg = netlink_ask_new(XFRM_MSG_UPDPOLICY, 0, &info, sizeof(info));
	if (msg && ((p->action == XFRM_PROTECT &&
		     nla_put(msg, XFRMA_TMPL, sizeof(tmpl), &tmpl)) ||
		    put_mark(msg, p->mark) || put_if_id(msg, p->if_id) ||
		    (p->device && put_offload(msg, p->device, XFRM_OFFLOAD_PACKET)))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return change(x, msg, p->device ? "cannot leave a policy to the device" :
		      "cannot install a policy", p->attempt ? NETLINK_ASK_ANY : 0, NULL);
}

static struct nl_msg *policy_id_msg(int type, const struct xfrm_userpolicy_id *id,
				    struct xfrm_mark mark, uint32_t if_id)
{
	struct nl_msg *msg = netlink_ask_new(type, 0, id, sizeof(*id));

	if (msg && (put_mark(msg, mark) || put_if_id(msg, if_id))) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int xfrm_policy_del(struct xfrm *x, const struct xfrm_policy_key *key)
{
	const struct xfrm_userpolicy_id id = { .dir = key->dir, .sel = key->sel };

	return change(x, policy_id_msg(XFRM_MSG_DELPOLICY, &id, key->mark, key->if_id),
		      "cannot remove a policy", -ENOENT, NULL);
}

static bool is_offloaded_policy(const struct nlmsghdr *h)
{
	return nlmsg_find_attr((struct nlmsghdr *)h, sizeof(struct xfrm_userpolicy_info),
			       XFRMA_OFFLOAD_DEV);
}

int xfrm_policy_offloaded(struct xfrm *x, const struct xfrm_policy_key *key)
{
	const struct xfrm_userpolicy_id id = { .dir = key->dir, .sel = key->sel };
	struct netlink_answer a;
	int err;

	err = netlink_ask(x->sock, policy_id_msg(XFRM_MSG_GETPOLICY, &id, key->mark, key->if_id),
			  "cannot read a policy", -ENOENT, &a);
	if (err)
		return err;
	if (!a.reply || a.reply->nlmsg_len < NLMSG_LENGTH(sizeof(struct xfrm_userpolicy_info)))
		return -EIO;
	return is_offloaded_policy(a.reply) ? 0 : -EOPNOTSUPP;
}

struct left_state {
	struct xfrm_usersa_id id;
	struct xfrm_mark mark;
};

struct left_policy {
	struct xfrm_userpolicy_id id;
	struct xfrm_mark mark;
	uint32_t if_id;
	bool passes_device;	/* it lets pass what a device would hold */
};

/* What a killed daemon left and this one does not go on with, as the kernel lists it. */
struct leftovers {
	const struct xfrm_own *own;
	struct left_state *states;
	struct left_policy *policies;
	size_t n_states, n_policies;
	size_t size_states, size_policies;
	bool device_traps;	/* there are some, and they stay */
};

/* Given out by a daemon, this one or one before it. */
static bool daemons_reqid(uint32_t reqid)
{
	return reqid >= XFRM_REQID_FIRST && reqid <= XFRM_REQID_LAST;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool is_among(uint32_t value, const uint32_t *sorted, size_t n)
{
	return n && bsearch(&value, sorted, n, sizeof(value), by_value);
}

/* Room for one more in an array of *n of *size; NULL if there is no memory. */
static void *one_more(void **array, size_t *n, size_t *size, size_t each)
{
	size_t more = *size * 2 + 64;
	void *grown = *array;

	if (*n == *size) {
		grown = reallocarray(*array, more, each);
		if (!grown)
			return NULL;
		*array = grown;
		*size = more;
	}
	return (char *)grown + (*n)++ * each;
}

static struct xfrm_mark mark_of(struct nlmsghdr *h, int len)
{
	struct nlattr *attr = nlmsg_find_attr(h, len, XFRMA_MARK);
	struct xfrm_mark mark = { 0, 0 };

	if (attr && nla_len(attr) >= (int)sizeof(mark))
		memcpy(&mark, nla_data(attr), sizeof(mark));
	return mark;
}

static int note_state(void *data, struct nlmsghdr *h)
{
	struct leftovers *l = data;
	const struct xfrm_usersa_info *info = NLMSG_DATA(h);
	struct left_state *left;

	/* Without an SPI it stands for a packet that waits for a trap's, and goes by itself. */
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) || info->id.proto != IPPROTO_ESP ||
	    !info->id.spi || !daemons_reqid(info->reqid) ||
	    is_among(ntohl(info->id.spi), l->own->spis, l->own->n))
		return 0;
	left = one_more((void **)&l->states, &l->n_states, &l->size_states, sizeof(*left));
	if (!left)
		return -ENOMEM;
	left->id = (struct xfrm_usersa_id){
		.daddr = info->id.daddr,
		.spi = info->id.spi,
		.family = info->family,
		.proto = info->id.proto,
	};
	left->mark = mark_of(h, sizeof(*info));
	return 0;
}

static bool keeps_reqid(const struct xfrm_own *own, uint32_t reqid)
{
	return !daemons_reqid(reqid) || is_among(reqid, own->reqids, own->n) ||
	       (own->keep_traps && reqid > XFRM_REQID_TRAP);
}

static bool keeps_shunt(const struct xfrm_own *own, struct nlmsghdr *h)
{
	const struct xfrm_userpolicy_info *info = NLMSG_DATA(h);
	const struct nlattr *attr = nlmsg_find_attr(h, sizeof(*info), XFRMA_IF_ID);
	struct xfrm_policy_key key;

	/* Those of sockets have no number of ours, nor a selector. */
	if (info->index < SHUNT_INDEX || info->index >= SHUNT_INDEX + SHUNTS * 8 ||
	    info->dir > XFRM_POLICY_FWD ||
	    (own->keep_traps && info->action == XFRM_POLICY_BLOCK))
		return true;
	memset(&key, 0, sizeof(key));
	key.dir = info->dir;
	key.sel = info->sel;
	key.mark = mark_of(h, sizeof(*info));
	key.if_id = attr && nla_len(attr) >= 4 ? nla_get_u32(attr) : 0;
	return own->has && own->has(own->data, &key);
}

static int note_policy(void *data, struct nlmsghdr *h)
{
	struct leftovers *l = data;
	const struct xfrm_userpolicy_info *info = NLMSG_DATA(h);
	const struct xfrm_user_tmpl *tmpl;
	struct left_policy *left;
	struct nlattr *attr;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*info)))
		return 0;
	attr = nlmsg_find_attr(h, sizeof(*info), XFRMA_TMPL);
	if (attr && nla_len(attr) < (int)sizeof(*tmpl))
		return 0;
	tmpl = attr ? nla_data(attr) : NULL;
	if (tmpl ? keeps_reqid(l->own, tmpl->reqid) : keeps_shunt(l->own, h)) {
		if (tmpl && is_offloaded_policy(h) &&
		    !is_among(tmpl->reqid, l->own->reqids, l->own->n))
			l->device_traps = true;
		return 0;
	}
	left = one_more((void **)&l->policies, &l->n_policies, &l->size_policies, sizeof(*left));
	if (!left)
		return -ENOMEM;
	left->id = (struct xfrm_userpolicy_id){ .sel = info->sel, .dir = info->dir };
	left->mark = mark_of(h, sizeof(*info));
	attr = nlmsg_find_attr(h, sizeof(*info), XFRMA_IF_ID);
	left->if_id = attr && nla_len(attr) >= 4 ? nla_get_u32(attr) : 0;
	left->passes_device = !tmpl && info->action == XFRM_POLICY_ALLOW &&
			      is_offloaded_policy(h);
	return 0;
}

/* Which of them stay is known only when all are. */
static void keep_passes(struct leftovers *l)
{
	size_t n = 0;

	if (!l->own->keep_traps || !l->device_traps)
		return;
	for (size_t i = 0; i < l->n_policies; i++)
		if (!l->policies[i].passes_device)
			l->policies[n++] = l->policies[i];
	l->n_policies = n;
}

int xfrm_remove_leftovers(struct xfrm *x, struct xfrm_own *own)
{
	struct leftovers l = { .own = own };
	size_t i;
	int err;

	if (own->n) {
		qsort(own->spis, own->n, sizeof(*own->spis), by_value);
		qsort(own->reqids, own->n, sizeof(*own->reqids), by_value);
	}
	err = netlink_ask_dump(x->sock, netlink_ask_new(XFRM_MSG_GETPOLICY, 0, NULL, 0),
			       note_policy, &l);
	if (!err)
		err = netlink_ask_dump(x->sock, netlink_ask_new(XFRM_MSG_GETSA, 0, NULL, 0),
				       note_state, &l);
	keep_passes(&l);
	for (i = 0; !err && i < l.n_policies; i++) {
		err = netlink_ask(x->sock, policy_id_msg(XFRM_MSG_DELPOLICY, &l.policies[i].id,
							 l.policies[i].mark, l.policies[i].if_id),
			       "cannot remove a policy of a former helper", -ENOENT, NULL);
		err = err == -ENOENT ? 0 : err;
	}
	for (i = 0; !err && i < l.n_states; i++) {
		err = netlink_ask(x->sock, id_msg(XFRM_MSG_DELSA, &l.states[i].id,
				       l.states[i].mark),
			       "cannot remove an ESP SA of a former helper", -ESRCH, NULL);
		err = err == -ESRCH ? 0 : err;
	}
	if (err)
		log_msg(LOG_KNL, LVL_AUDIT, "cannot remove what a former helper left in XFRM: %s",
			strerror(-err));
	else if (l.n_states || l.n_policies)
		log_msg(LOG_KNL, LVL_CTRL, "removed %zu ESP SAs and %zu policies of a former helper",
			l.n_states, l.n_policies);
	free(l.states);
	free(l.policies);
	return err;
}
