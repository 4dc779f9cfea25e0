// SPDX-License-Identifier: GPL-2.0

#include "rto.h"

/* Longer than any give-up time can make sense of, short of overflowing. */
#define SAMPLE_MAX_US (60u * 1000 * 1000)

/* At most 1000 percent of at most a day: fits. */
static u32 percent(u32 ms, u32 share)
{
	return ms / 100 * share + ms % 100 * share / 100;
}

/**
 * ikefp_rtt_sample() - take a round trip into the estimate
 * @rtt: the estimate
 * @sample_us: the time from a request that was sent once to its answer
 *
 * RFC 6298 section 2. The caller keeps Karn's rule: a request that was sent again
 * gives no sample.
 */
void ikefp_rtt_sample(struct ikefp_rtt *rtt, u64 sample_us)
{
	u32 sample = sample_us > SAMPLE_MAX_US ? SAMPLE_MAX_US : (u32)sample_us;
	u32 delta;

	if (!sample)
		sample = 1;
	if (!rtt->srtt_us) {
		rtt->srtt_us = sample;
		rtt->rttvar_us = sample / 2;
		return;
	}
	delta = rtt->srtt_us > sample ? rtt->srtt_us - sample : sample - rtt->srtt_us;
	rtt->rttvar_us = rtt->rttvar_us - rtt->rttvar_us / 4 + delta / 4;
	rtt->srtt_us = rtt->srtt_us - rtt->srtt_us / 8 + sample / 8;
	if (!rtt->srtt_us)
		rtt->srtt_us = 1;
}

/**
 * ikefp_rto_first_ms() - how long a request waits before it is sent a second time
 * @rtt: the estimate, possibly without a sample
 * @params: the settings
 *
 * RFC 6298 section 2, with the settings' floor in place of its second.
 *
 * Return: milliseconds.
 */
u32 ikefp_rto_first_ms(const struct ikefp_rtt *rtt, const struct ikefp_rto_params *params)
{
	u32 rto_ms;

	if (!rtt->srtt_us)
		return params->initial_ms;
	rto_ms = (rtt->srtt_us + 4 * rtt->rttvar_us + 999) / 1000;
	if (rto_ms < params->min_ms)
		rto_ms = params->min_ms;
	/* A cap below the floor, or below the path's own time, is no reason to flood. */
	if (rto_ms > params->max_ms && params->max_ms > params->min_ms)
		rto_ms = params->max_ms;
	return rto_ms;
}

/**
 * ikefp_rto_next_ms() - the wait after the next copy
 * @rto_ms: the wait before it
 * @params: the settings
 *
 * Return: milliseconds, grown by the backoff up to the cap.
 */
u32 ikefp_rto_next_ms(u32 rto_ms, const struct ikefp_rto_params *params)
{
	u32 next_ms = percent(rto_ms, params->backoff_percent);

	if (next_ms > params->max_ms)
		next_ms = params->max_ms > rto_ms ? params->max_ms : rto_ms;
	return next_ms;
}

/**
 * ikefp_rto_shorten_ms() - a wait with jitter
 * @ms: the wait, at most a day
 * @jitter_percent: by what share of it, at most, it is shortened
 * @random: any number
 *
 * Return: milliseconds.
 */
u32 ikefp_rto_shorten_ms(u32 ms, u32 jitter_percent, u32 random)
{
	u32 span = percent(ms, jitter_percent);

	return ms - (span ? random % (span + 1) : 0);
}

/**
 * ikefp_rto_wait_ms() - what to do after a copy of a request was sent
 * @rto_ms: the wait in force, without jitter
 * @elapsed_ms: since the first copy
 * @random: any number, for the jitter
 * @params: the settings
 *
 * With @params->tries the last copy waits its full turn, as strongSwan's does.
 * Without, the last wait is cut so that the request ends at the give-up time.
 *
 * Return: milliseconds to wait for the answer, at least 1.
 */
u32 ikefp_rto_wait_ms(u32 rto_ms, u32 elapsed_ms, u32 random,
		      const struct ikefp_rto_params *params)
{
	u32 wait_ms = ikefp_rto_shorten_ms(rto_ms, params->jitter_percent, random);

	if (!params->tries) {
		u32 left = elapsed_ms < params->give_up_ms ? params->give_up_ms - elapsed_ms : 0;

		if (wait_ms > left)
			wait_ms = left;
	}
	return wait_ms ? wait_ms : 1;
}
