// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "top.h"

static bool counts_up(int attribute)
{
	const struct metric *metric = metric_of(attribute);

	return metric && (metric->kind == METRIC_COUNTER || metric->kind == METRIC_DROP);
}

void top_rates(const struct top_sample *before, const struct top_sample *now,
	       struct top_rates *rates)
{
	double seconds;

	memset(rates, 0, sizeof(*rates));
	if (now->at_us <= before->at_us)
		return;
	seconds = (double)(now->at_us - before->at_us) / 1e6;
	for (int i = 1; i <= IKEFP_A_STATS_MAX; i++) {
		if (!counts_up(i))
			continue;
		if (now->stats.value[i] < before->stats.value[i]) {
			memset(rates, 0, sizeof(*rates));
			return;
		}
		rates->value[i] =
			(double)(now->stats.value[i] - before->stats.value[i]) / seconds;
	}
	rates->known = true;
}
