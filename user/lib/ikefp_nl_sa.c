// SPDX-License-Identifier: GPL-2.0

#include "ikefp_nl_private.h"

#include <errno.h>
#include <string.h>

#include <netlink/errno.h>

/* Two SPIs. */
#define ESP_PAIR_LEN 8

static void get_unanswered(struct nlattr *attr, struct ikefp_sa_info *info)
{
	size_t len = attr ? nla_len(attr) : 0;

	if (len > sizeof(info->unanswered))
		len = sizeof(info->unanswered);
	if (len)
		memcpy(info->unanswered, nla_data(attr), len);
	info->unanswered_count = len / sizeof(info->unanswered[0]);
}

void ikefp_nl_get_sa_info(struct nlattr **attrs, struct ikefp_sa_info *info)
{
	*info = (struct ikefp_sa_info){
		.spi = get_spi(attrs[IKEFP_A_SA_SPI]),
		.peer_spi = get_spi(attrs[IKEFP_A_SA_PEER_SPI]),
		.role = get_u8(attrs[IKEFP_A_SA_ROLE]),
		.state = get_u8(attrs[IKEFP_A_SA_STATE]),
		.srtt_us = get_u32(attrs[IKEFP_A_SA_SRTT_US]),
		.rttvar_us = get_u32(attrs[IKEFP_A_SA_RTTVAR_US]),
		.rto_ms = get_u32(attrs[IKEFP_A_SA_RTO_MS]),
		.outstanding = get_u32(attrs[IKEFP_A_SA_OUTSTANDING]),
		.tries = get_u32(attrs[IKEFP_A_SA_TRIES]),
		.message_id_out = get_u32(attrs[IKEFP_A_SA_MESSAGE_ID_OUT]),
		.message_id_in = get_u32(attrs[IKEFP_A_SA_MESSAGE_ID_IN]),
		.age_ms = get_u64(attrs[IKEFP_A_SA_AGE_MS]),
		.messages_in = get_u64(attrs[IKEFP_A_SA_MESSAGES_IN]),
		.messages_out = get_u64(attrs[IKEFP_A_SA_MESSAGES_OUT]),
		.retransmits = get_u64(attrs[IKEFP_A_SA_RETRANSMITS]),
		.duplicates = get_u64(attrs[IKEFP_A_SA_DUPLICATES]),
		.fragments = attrs[IKEFP_A_SA_FRAGMENT_SIZE],
		.fragment_size = get_u32(attrs[IKEFP_A_SA_FRAGMENT_SIZE]),
		.worker = get_u32(attrs[IKEFP_A_SA_WORKER]),
		.waiting = get_u32(attrs[IKEFP_A_SA_WAITING]),
		.stash_len = get_u32(attrs[IKEFP_A_SA_STASH_LEN]),
		.behind_nat = get_u8(attrs[IKEFP_A_SA_BEHIND_NAT]),
		.follow = get_u8(attrs[IKEFP_A_SA_FOLLOW]),
		.liveness_ms = get_u32(attrs[IKEFP_A_SA_LIVENESS_MS]),
		.dscp = get_u8(attrs[IKEFP_A_SA_DSCP]),
		.heard_ms = get_u64(attrs[IKEFP_A_SA_HEARD_MS]),
	};
	info->window_in = get_u32(attrs[IKEFP_A_SA_WINDOW_IN]);
	info->window_out = get_u32(attrs[IKEFP_A_SA_WINDOW_OUT]);
	get_unanswered(attrs[IKEFP_A_SA_UNANSWERED], info);
	if (attrs[IKEFP_A_SA_ESP_SPIS])
		info->esp_pairs = nla_len(attrs[IKEFP_A_SA_ESP_SPIS]) / ESP_PAIR_LEN;
	ikefp_nl_get_endpoint(attrs, IKEFP_A_SA_LOCAL_IPV4, &info->endpoint);
	info->endpoint.stream = get_u32(attrs[IKEFP_A_SA_STREAM]);
	info->stream_ended = attrs[IKEFP_A_SA_STREAM_ENDED];
}

static bool put_endpoint(struct nl_msg *msg, const struct ikefp_endpoint *endpoint)
{
	return endpoint->stream ? !nla_put_u32(msg, IKEFP_A_SA_STREAM, endpoint->stream) :
				  ikefp_nl_put_endpoint(msg, IKEFP_A_SA_LOCAL_IPV4, endpoint);
}

int ikefp_sa_new_for(struct ikefp_nl *nl, uint64_t spi, uint32_t worker, uint8_t dscp,
		     const struct ikefp_endpoint *endpoint)
{
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_SA_NEW, 0);

	bool whole = msg && put_spi(msg, IKEFP_A_SA_SPI, spi) &&
		     put_endpoint(msg, endpoint) &&
		     (!worker || !nla_put_u32(msg, IKEFP_A_SA_WORKER, worker)) &&
		     (!dscp || !nla_put_u8(msg, IKEFP_A_SA_DSCP, dscp));

	return ikefp_nl_transact(nl, nl->command, msg, whole, IKEFP_A_SA_MAX, NULL, NULL);
}

int ikefp_sa_new(struct ikefp_nl *nl, uint64_t spi, const struct ikefp_endpoint *endpoint)
{
	return ikefp_sa_new_for(nl, spi, 0, 0, endpoint);
}

static bool put_octets(struct nl_msg *msg, int attribute, const struct ikefp_octets *octets)
{
	return !octets->len || !nla_put(msg, attribute, octets->len, octets->data);
}

static bool put_keys(struct nl_msg *msg, const struct ikefp_keys *keys)
{
	struct nlattr *nest = nla_nest_start(msg, IKEFP_A_SA_KEYS | NLA_F_NESTED);

	if (!nest || nla_put_u16(msg, IKEFP_A_KEYS_ENCR, keys->encr) ||
	    (keys->integ && nla_put_u16(msg, IKEFP_A_KEYS_INTEG, keys->integ)) ||
	    !put_octets(msg, IKEFP_A_KEYS_SK_EI, &keys->sk_ei) ||
	    !put_octets(msg, IKEFP_A_KEYS_SK_ER, &keys->sk_er) ||
	    !put_octets(msg, IKEFP_A_KEYS_SK_AI, &keys->sk_ai) ||
	    !put_octets(msg, IKEFP_A_KEYS_SK_AR, &keys->sk_ar))
		return false;
	nla_nest_end(msg, nest);
	return true;
}

static bool put_settings(struct nl_msg *msg, const struct ikefp_sa_settings *settings)
{
	return !nla_put_u8(msg, IKEFP_A_SA_BEHIND_NAT, settings->behind_nat) &&
	       !nla_put_u8(msg, IKEFP_A_SA_FOLLOW, settings->follow) &&
	       !nla_put_u32(msg, IKEFP_A_SA_LIVENESS_MS, settings->liveness_ms);
}

static bool put_retransmit(struct nl_msg *msg, const struct ikefp_policy *own)
{
	struct nlattr *nest = nla_nest_start(msg, IKEFP_A_SA_RETRANSMIT | NLA_F_NESTED);
	bool whole = nest;
	int i;

	for (i = IKEFP_A_POLICY_RTO_INITIAL_MS; whole && i <= IKEFP_A_POLICY_GIVE_UP_MS; i++) {
		if (own->set[i])
			whole = !nla_put_u32(msg, i, own->value[i]);
	}
	if (whole)
		nla_nest_end(msg, nest);
	return whole;
}

static bool put_change(struct nl_msg *msg, const struct ikefp_sa_change *change)
{
	if (!put_spi(msg, IKEFP_A_SA_SPI, change->spi))
		return false;
	if (change->peer_spi && !put_spi(msg, IKEFP_A_SA_PEER_SPI, change->peer_spi))
		return false;
	if (change->established &&
	    nla_put_u8(msg, IKEFP_A_SA_STATE, IKEFP_SA_STATE_ESTABLISHED))
		return false;
	if (change->endpoint && !put_endpoint(msg, change->endpoint))
		return false;
	if (change->settings && !put_settings(msg, change->settings))
		return false;
	/* Of no octets it is one, too: none. */
	if (change->esp_spis && nla_put(msg, IKEFP_A_SA_ESP_SPIS, change->esp_spis->len,
					change->esp_spis->data))
		return false;
	if (change->retransmit && !put_retransmit(msg, change->retransmit))
		return false;
	if (change->esp_marks && nla_put(msg, IKEFP_A_SA_ESP_MARKS, change->esp_marks->len,
					 change->esp_marks->data))
		return false;
	if (change->dscp && nla_put_u8(msg, IKEFP_A_SA_DSCP, *change->dscp))
		return false;
	if (change->stash &&
	    nla_put(msg, IKEFP_A_SA_STASH, change->stash->len, change->stash->data))
		return false;
	if (change->fragment_size &&
	    nla_put_u32(msg, IKEFP_A_SA_FRAGMENT_SIZE, *change->fragment_size))
		return false;
	if (change->window_in && nla_put_u32(msg, IKEFP_A_SA_WINDOW_IN, change->window_in))
		return false;
	if (change->window_out && nla_put_u32(msg, IKEFP_A_SA_WINDOW_OUT, change->window_out))
		return false;
	return !change->keys || put_keys(msg, change->keys);
}

int ikefp_sa_set(struct ikefp_nl *nl, const struct ikefp_sa_change *change)
{
	struct nl_msg *msg = ikefp_nl_request_for(nl, IKEFP_CMD_SA_SET, 0,
						  change->stash ? change->stash->len : 0);

	return ikefp_nl_transact(nl, nl->command, msg, msg && put_change(msg, change),
				 IKEFP_A_SA_MAX, NULL, NULL);
}

int ikefp_sa_rekey(struct ikefp_nl *nl, const struct ikefp_sa_rekeyed *rekeyed)
{
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_SA_REKEY, 0);
	bool whole = msg && put_spi(msg, IKEFP_A_SA_SPI, rekeyed->spi) &&
		     put_spi(msg, IKEFP_A_SA_NEW_SPI, rekeyed->new_spi) &&
		     put_spi(msg, IKEFP_A_SA_PEER_SPI, rekeyed->peer_spi) &&
		     !nla_put_u8(msg, IKEFP_A_SA_ROLE, rekeyed->role) &&
		     put_keys(msg, rekeyed->keys);

	return ikefp_nl_transact(nl, nl->command, msg, whole, IKEFP_A_SA_MAX, NULL, NULL);
}

int ikefp_sa_del(struct ikefp_nl *nl, uint64_t spi)
{
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_SA_DEL, 0);

	return ikefp_nl_transact(nl, nl->command, msg, msg && put_spi(msg, IKEFP_A_SA_SPI, spi),
				 IKEFP_A_SA_MAX, NULL, NULL);
}

struct sa_listing {
	void (*each)(const struct ikefp_sa_info *info, void *arg);
	void *arg;
};

static void list_sa(struct nlattr **attrs, void *arg)
{
	struct sa_listing *listing = arg;
	struct ikefp_sa_info info;

	ikefp_nl_get_sa_info(attrs, &info);
	listing->each(&info, listing->arg);
}

static void copy_sa(const struct ikefp_sa_info *info, void *arg)
{
	*(struct ikefp_sa_info *)arg = *info;
}

int ikefp_sa_get(struct ikefp_nl *nl, uint64_t spi, struct ikefp_sa_info *info)
{
	struct sa_listing listing = { .each = copy_sa, .arg = info };
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_SA_GET, 0);

	return ikefp_nl_transact(nl, nl->command, msg, msg && put_spi(msg, IKEFP_A_SA_SPI, spi),
				 IKEFP_A_SA_MAX, list_sa, &listing);
}

int ikefp_sa_list(struct ikefp_nl *nl, void (*each)(const struct ikefp_sa_info *, void *),
		  void *arg)
{
	struct sa_listing listing = { .each = each, .arg = arg };
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_SA_GET, NLM_F_DUMP);

	return ikefp_nl_transact(nl, nl->command, msg, msg, IKEFP_A_SA_MAX, list_sa, &listing);
}

int ikefp_sa_list_begin(struct ikefp_nl *nl)
{
	struct nl_msg *msg;
	int err = ikefp_nl_need_buffer(nl);

	if (err)
		return err;
	msg = ikefp_nl_request(nl, IKEFP_CMD_SA_GET, NLM_F_DUMP);
	if (!msg)
		return ikefp_nl_fail(nl, -ENOMEM, "out of memory");
	err = nl_send_auto(nl->command, msg);
	nlmsg_free(msg);
	return err < 0 ? ikefp_nl_fail(nl, -EIO, "netlink: %s", nl_geterror(err)) : 0;
}

/* One datagram: libnl would not return before the last. */
int ikefp_sa_list_next(struct ikefp_nl *nl,
		       void (*each)(const struct ikefp_sa_info *, void *), void *arg)
{
	struct sa_listing listing = { .each = each, .arg = arg };
	struct nlattr *attrs[IKEFP_A_SA_MAX + 1];
	struct nlmsghdr *header;
	bool done = false;
	ssize_t len;
	int err = 0;
	int left;

	do {
		len = recv(nl_socket_get_fd(nl->command), nl->buffer, IKEFP_NL_MESSAGE_MAX, 0);
	} while (len < 0 && errno == EINTR);
	if (len <= 0)
		return ikefp_nl_fail(nl, -EIO, "netlink: %s", len ? strerror(errno) : "closed");
	left = len;
	for (header = (struct nlmsghdr *)nl->buffer; nlmsg_ok(header, left); header = nlmsg_next(header, &left)) {
		if (header->nlmsg_type == NLMSG_ERROR) {
			err = ikefp_nl_take_error(nl, nlmsg_data(header));
			done = true;
		} else if (header->nlmsg_type == NLMSG_DONE) {
			done = true;
		} else if (header->nlmsg_type == nl->family &&
			   !genlmsg_parse(header, 0, attrs, IKEFP_A_SA_MAX, NULL)) {
			list_sa(attrs, &listing);
		}
	}
	return err ? err : !done;
}
