// SPDX-License-Identifier: GPL-2.0
#include "ikefp.h"

static json_t *listener_json(const struct ikefp_listener_info *l)
{
	return json_pack("{s:s, s:o}", "kind", kind_name(l->kind),
			 "local", address_json(&l->addr));
}

static json_t *stream_json(const struct ikefp_stream_info *stream)
{
	return json_pack("{s:I, s:b, s:o, s:o, s:I, s:I}", "stream", (json_int_t)stream->stream,
			 "originator", (int)stream->originator,
			 "local", address_json(&stream->endpoint.local),
			 "remote", address_json(&stream->endpoint.remote),
			 "worker", (json_int_t)stream->worker, "sas", (json_int_t)stream->sas);
}

json_t *worker_json(const struct ikefp_worker_info *w)
{
	return json_pack("{s:I, s:I}", "worker", (json_int_t)w->worker,
			 "sas", (json_int_t)w->sas);
}

static json_t *unanswered_json(const struct ikefp_sa_info *sa)
{
	json_t *ids = json_array();

	for (unsigned int i = 0; i < sa->unanswered_count; i++)
		json_array_append_new(ids, json_integer(sa->unanswered[i]));
	return ids;
}

static json_t *sa_json(const struct ikefp_sa_info *sa)
{
	json_t *object = json_pack("{s:o, s:o, s:s, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
			 "spi", spi_json(sa->spi),
			 "peer-spi", spi_json(sa->peer_spi),
			 "role", role_name(sa->role),
			 "state", state_name(sa->state),
			 "local", address_json(&sa->endpoint.local),
			 "remote", address_json(&sa->endpoint.remote),
			 "srtt-us", (json_int_t)sa->srtt_us,
			 "rttvar-us", (json_int_t)sa->rttvar_us,
			 "rto-ms", (json_int_t)sa->rto_ms,
			 "outstanding", (json_int_t)sa->outstanding,
			 "tries", (json_int_t)sa->tries,
			 "message-id-out", (json_int_t)sa->message_id_out,
			 "message-id-in", (json_int_t)sa->message_id_in,
			 "age-ms", (json_int_t)sa->age_ms,
			 "messages-in", (json_int_t)sa->messages_in,
			 "messages-out", (json_int_t)sa->messages_out,
			 "retransmits", (json_int_t)sa->retransmits,
			 "duplicates", (json_int_t)sa->duplicates,
			 "worker", (json_int_t)sa->worker,
			 "waiting", (json_int_t)sa->waiting,
			 "stash-len", (json_int_t)sa->stash_len,
			 "behind-nat", (int)sa->behind_nat,
			 "follow", (int)sa->follow,
			 "liveness-ms", (json_int_t)sa->liveness_ms,
			 "dscp", (json_int_t)sa->dscp,
			 "heard-ms", (json_int_t)sa->heard_ms,
			 "esp-pairs", (json_int_t)sa->esp_pairs,
			 "window-in", (json_int_t)sa->window_in,
			 "window-out", (json_int_t)sa->window_out,
			 "unanswered", unanswered_json(sa));

	if (sa->endpoint.stream) {
		json_object_set_new(object, "stream", json_integer(sa->endpoint.stream));
		json_object_set_new(object, "stream-ended", json_boolean(sa->stream_ended));
	}
	if (sa->fragments)
		json_object_set_new(object, "fragment-size", json_integer(sa->fragment_size));
	return object;
}

json_t *counters_json(const struct ikefp_stats *stats)
{
	json_t *object = json_object();

	for (int i = 1; i <= IKEFP_A_STATS_MAX; i++) {
		const char *name = ikefp_stats_name(i);

		if (name)
			json_object_set_new(object, name,
					    json_integer((json_int_t)stats->value[i]));
	}
	return object;
}

json_t *policy_json(const struct ikefp_policy *policy)
{
	json_t *object = json_object();

	for (int i = 1; i <= IKEFP_A_POLICY_MAX; i++) {
		const char *name = ikefp_policy_name(i);

		if (name && policy->set[i])
			json_object_set_new(object, name, json_integer(policy->value[i]));
	}
	return object;
}

json_t *show_json(const struct snapshot *s)
{
	json_t *listeners = json_array(), *streams = json_array(), *workers = json_array();
	json_t *sas = json_array();

	for (size_t i = 0; i < s->listener_count; i++)
		json_array_append_new(listeners, listener_json(&s->listeners[i]));
	for (size_t i = 0; i < s->stream_count; i++)
		json_array_append_new(streams, stream_json(&s->streams[i]));
	for (size_t i = 0; i < s->worker_count; i++)
		json_array_append_new(workers, worker_json(&s->workers[i]));
	for (size_t i = 0; i < s->sa_count; i++)
		json_array_append_new(sas, sa_json(&s->sas[i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "listeners", listeners,
			 "streams", streams, "workers", workers, "sas", sas,
			 "policy", policy_json(&s->policy),
			 "counters", counters_json(&s->stats));
}
