// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>

#include "ikefp.h"

static void show_summary(FILE *out, const struct snapshot *s)
{
	const uint64_t *stats = s->stats.value;
	struct sa_counts sas = { 0 };

	for (size_t i = 0; i < s->sa_count; i++)
		sa_counts_add(&sas, &s->sas[i]);
	fprintf(out, "summary:   %" PRIu64 " SA%s", sas.total, sas.total == 1 ? "" : "s");
	for (int i = 0; i < SA_STATES; i++)
		fprintf(out, "%s%" PRIu64 " %s", i ? ", " : ": ", sas.state[i], state_name(i));
	fprintf(out, "; %" PRIu64 " orphan%s; %zu worker%s\n", stats[IKEFP_A_STATS_ORPHANS],
		stats[IKEFP_A_STATS_ORPHANS] == 1 ? "" : "s", s->worker_count,
		s->worker_count == 1 ? "" : "s");
	fprintf(out, "           messages: %" PRIu64 " in, %" PRIu64 " out, %" PRIu64
		" retransmitted, %" PRIu64 " dropped\n", stats[IKEFP_A_STATS_RX_MESSAGES],
		stats[IKEFP_A_STATS_TX_MESSAGES], stats[IKEFP_A_STATS_RETRANSMITS],
		dropped(&s->stats));
}

static void show_listeners(FILE *out, const struct snapshot *s)
{
	char text[ADDRESS_TEXT];

	if (!s->listener_count)
		fprintf(out, "no listeners\n");
	for (size_t i = 0; i < s->listener_count; i++)
		fprintf(out, "%s%-28s %s\n", i ? "           " : "listeners: ",
			address_text(&s->listeners[i].addr, text),
			kind_name(s->listeners[i].kind));
}

/* Where there are none, nobody need know that there can be. */
static void show_streams(FILE *out, const struct snapshot *s)
{
	char a[ADDRESS_TEXT], b[ADDRESS_TEXT];

	for (size_t i = 0; i < s->stream_count; i++) {
		const struct ikefp_stream_info *stream = &s->streams[i];

		fprintf(out, "%s%u: %s - %s, %s, %u SA%s\n", i ? "           " : "streams:   ",
			stream->stream, address_text(&stream->endpoint.local, a),
			address_text(&stream->endpoint.remote, b),
			stream->originator ? "opened" : "accepted", stream->sas,
			stream->sas == 1 ? "" : "s");
	}
}

static void show_workers(FILE *out, const struct snapshot *s)
{
	if (!s->worker_count)
		fprintf(out, "no workers: is ikefpd running?\n");
	for (size_t i = 0; i < s->worker_count; i++)
		fprintf(out, "%s%-28u %u SA%s\n", i ? "           " : "workers:   ",
			s->workers[i].worker, s->workers[i].sas,
			s->workers[i].sas == 1 ? "" : "s");
}

/* Lingering ones have nothing more to tell. */
static void show_worker(FILE *out, const struct ikefp_sa_info *sa)
{
	if (sa->worker)
		fprintf(out, "  worker:      %u\n", sa->worker);
	else if (sa->state != IKEFP_SA_STATE_LINGERING)
		fprintf(out, "  worker:      none (orphan), %u upcall%s waiting\n", sa->waiting,
			sa->waiting == 1 ? "" : "s");
}

/* What the kernel does by itself for an established SA. */
static void show_life(FILE *out, const struct ikefp_sa_info *sa)
{
	char heard[DURATION_TEXT], liveness[DURATION_TEXT];

	if (sa->state != IKEFP_SA_STATE_ESTABLISHED)
		return;
	fprintf(out, "  peer:        heard %s ago", ms_text(sa->heard_ms, heard));
	if (sa->liveness_ms)
		fprintf(out, ", asked after %s", ms_text(sa->liveness_ms, liveness));
	fprintf(out, "%s%s\n", sa->follow ? ", followed where it moves" : "",
		sa->behind_nat ? "; keepalives to the NAT" : "");
	fprintf(out, "  esp:         %u pair%s of SAs\n", sa->esp_pairs,
		sa->esp_pairs == 1 ? "" : "s");
}

static void show_windows(FILE *out, const struct ikefp_sa_info *sa)
{
	fprintf(out, "  message ids: next out %u, next in %u\n", sa->message_id_out,
		sa->message_id_in);
	fprintf(out, "  windows:     %u out, %u in\n", sa->window_out, sa->window_in);
	for (unsigned int i = 0; i < sa->unanswered_count; i++)
		fprintf(out, "%s%u", i ? ", " : "  unanswered:  ", sa->unanswered[i]);
	if (sa->unanswered_count)
		fprintf(out, "\n");
}

static void show_sa(FILE *out, const struct ikefp_sa_info *sa)
{
	char a[ADDRESS_TEXT], b[ADDRESS_TEXT], age[DURATION_TEXT], rtt[DURATION_TEXT],
		var[DURATION_TEXT];

	fprintf(out, "\nsa: %016" PRIx64 "\n", sa->spi);
	fprintf(out, "  state:       %s, %s, for %s\n", state_name(sa->state),
		role_name(sa->role), ms_text(sa->age_ms, age));
	if (sa->peer_spi)
		fprintf(out, "  peer spi:    %016" PRIx64 "\n", sa->peer_spi);
	fprintf(out, "  endpoints:   %s - %s\n", address_text(&sa->endpoint.local, a),
		address_text(&sa->endpoint.remote, b));
	if (sa->endpoint.stream)
		fprintf(out, "  stream:      %u%s\n", sa->endpoint.stream,
			sa->stream_ended ? ", which has ended" : "");
	if (sa->dscp)
		fprintf(out, "  dscp:        %u\n", sa->dscp);
	if (sa->srtt_us)
		fprintf(out, "  round trip:  %s, variation %s\n", us_text(sa->srtt_us, rtt),
			us_text(sa->rttvar_us, var));
	fprintf(out, "  timeout:     %u ms\n", sa->rto_ms);
	show_worker(out, sa);
	if (sa->outstanding)
		fprintf(out, "  outstanding: %u request%s, sent %u time%s\n",
			sa->outstanding, sa->outstanding == 1 ? "" : "s", sa->tries,
			sa->tries == 1 ? "" : "s");
	else
		fprintf(out, "  outstanding: none\n");
	show_windows(out, sa);
	if (sa->fragments && sa->fragment_size)
		fprintf(out, "  fragments:   of %u octets at most\n", sa->fragment_size);
	else if (sa->fragments)
		fprintf(out, "  fragments:   taken, not sent\n");
	fprintf(out, "  messages:    %" PRIu64 " in, %" PRIu64 " out, %" PRIu64
		" retransmitted, %" PRIu64 " duplicate%s\n", sa->messages_in,
		sa->messages_out, sa->retransmits, sa->duplicates,
		sa->duplicates == 1 ? "" : "s");
	show_life(out, sa);
}

/* Those that are not zero: the rest says nothing to a person. */
static void show_stats(FILE *out, const struct ikefp_stats *stats)
{
	bool first = true;

	for (int i = 1; i <= IKEFP_A_STATS_MAX; i++) {
		const char *name = ikefp_stats_name(i);

		if (!name || !stats->value[i])
			continue;
		fprintf(out, "%s%-28s %" PRIu64 "\n", first ? "\ncounters:  " : "           ",
			name, stats->value[i]);
		first = false;
	}
}

void show_text(FILE *out, const struct snapshot *s)
{
	show_summary(out, s);
	show_listeners(out, s);
	show_streams(out, s);
	show_workers(out, s);
	for (size_t i = 0; i < s->sa_count; i++)
		show_sa(out, &s->sas[i]);
	if (!s->sa_count)
		fprintf(out, "\nno IKE SAs\n");
	show_stats(out, &s->stats);
}
