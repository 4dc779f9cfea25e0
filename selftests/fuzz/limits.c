// SPDX-License-Identifier: GPL-2.0
/*
 * kmod/window.c, rto.c and ratelimit.c: arithmetic at its edges. An input is numbers,
 * brought into the ranges that the netlink policy allows.
 */
#include "fuzz.h"
#include "ratelimit.h"
#include "rto.h"
#include "window.h"

#define DAY_MS (24u * 60 * 60 * 1000)
#define SAMPLE_MAX_US (60u * 1000 * 1000)

static uint32_t between(struct input *in, uint32_t min, uint32_t max)
{
	uint32_t value = input_u32(in);

	return value >= min && value <= max ? value : min + value % (max - min + 1);
}

/* Requests by their IDs, from @base on; all before it were received. */
#define IDS 96

struct requests {
	uint64_t base;
	bool received[IDS];
};

static bool was_received(const struct requests *requests, uint64_t id)
{
	return id < requests->base ||
	       (id - requests->base < IDS && requests->received[id - requests->base]);
}

static uint64_t first_missing(const struct requests *requests)
{
	uint64_t id = requests->base;

	while (was_received(requests, id))
		id++;
	return id;
}

static uint64_t after_newest(const struct requests *requests)
{
	uint64_t id = requests->base + IDS;

	while (id > requests->base && !was_received(requests, id - 1))
		id--;
	return id;
}

/* In 64 bits nothing wraps: what RFC 7296 section 2.3 says, said again. */
static enum ikefp_window_verdict verdict(const struct requests *requests, uint32_t size,
					 uint64_t id)
{
	uint64_t expected = first_missing(requests);

	if (id < expected)
		return after_newest(requests) - id <= size ? IKEFP_WINDOW_DUPLICATE :
							     IKEFP_WINDOW_OUTSIDE;
	if (id >= expected + size || id == UINT32_MAX)
		return IKEFP_WINDOW_OUTSIDE;
	return was_received(requests, id) ? IKEFP_WINDOW_DUPLICATE : IKEFP_WINDOW_NEW;
}

/* Requests come in any order, and some are given back. */
static void window(struct input *in)
{
	struct requests requests = { .base = input_u32(in) };
	struct ikefp_window window = {
		.expected = requests.base,
		.size = between(in, 1, IKEFP_MAX_WINDOW),
	};
	unsigned int steps = input_u8(in) % 64;

	while (steps--) {
		uint8_t what = input_u8(in);
		uint64_t id = what & 1 ? input_u32(in) :
					 first_missing(&requests) + (int8_t)input_u8(in) % 32;

		/* There is no such ID, or it is more than is kept here. */
		if (id > UINT32_MAX || (id >= requests.base + IDS - 1 && !(what & 1)))
			continue;
		CHECK(ikefp_window_check(&window, id) == verdict(&requests, window.size, id));
		switch (verdict(&requests, window.size, id)) {
		case IKEFP_WINDOW_NEW:
			if (id - requests.base >= IDS)
				break;
			ikefp_window_take(&window, id);
			requests.received[id - requests.base] = true;
			break;
		case IKEFP_WINDOW_DUPLICATE:
			if (!(what & 2) || id < requests.base)
				break;
			ikefp_window_give_back(&window, id);
			requests.received[id - requests.base] = false;
			break;
		case IKEFP_WINDOW_OUTSIDE:
			break;
		}
		CHECK(window.expected == first_missing(&requests));
	}
}

static void window_out(struct input *in)
{
	uint32_t size = between(in, 1, IKEFP_MAX_WINDOW);
	uint32_t unanswered = input_u32(in);
	uint64_t id = (uint64_t)unanswered + input_u8(in) % 32;

	if (id <= UINT32_MAX)
		CHECK(ikefp_window_may_send(size, unanswered, id) ==
		      (id < (uint64_t)unanswered + size));
}

static struct ikefp_rto_params get_params(struct input *in)
{
	return (struct ikefp_rto_params){
		.initial_ms = between(in, 10, DAY_MS),
		.min_ms = between(in, 10, DAY_MS),
		.max_ms = between(in, 10, DAY_MS),
		.backoff_percent = between(in, 100, 1000),
		.jitter_percent = between(in, 0, 100),
		.tries = between(in, 0, 1000),
		.give_up_ms = between(in, 1, DAY_MS),
	};
}

static struct ikefp_rtt get_rtt(struct input *in)
{
	struct ikefp_rtt rtt = {};
	unsigned int samples = input_u8(in) & 15;

	for (; samples; samples--) {
		uint64_t sample = input_u64(in) >> (input_u8(in) & 63);

		ikefp_rtt_sample(&rtt, sample);
		CHECK(rtt.srtt_us >= 1 && rtt.srtt_us <= SAMPLE_MAX_US);
		CHECK(rtt.rttvar_us <= SAMPLE_MAX_US);
	}
	return rtt;
}

/* A request from its first copy to its end, as kmod/timers.c has it. */
static void retransmission(struct input *in)
{
	const struct ikefp_rtt rtt = get_rtt(in);
	const struct ikefp_rto_params params = get_params(in);
	uint32_t rto_ms = ikefp_rto_first_ms(&rtt, &params);
	const uint32_t first_ms = rto_ms;
	const uint32_t cap_ms = first_ms > params.max_ms ? first_ms : params.max_ms;
	uint64_t elapsed_ms = 0;
	uint32_t tries = 1;

	CHECK(rtt.srtt_us ? rto_ms >= params.min_ms : rto_ms == params.initial_ms);
	for (unsigned int i = 0; i < 2000; i++) {
		uint32_t next_ms, wait_ms;

		wait_ms = ikefp_rto_wait_ms(rto_ms, (uint32_t)elapsed_ms, input_u32(in), &params);
		CHECK(wait_ms >= 1 && wait_ms <= rto_ms);
		/* At most the jitter's share is taken off, but at the end. */
		CHECK(params.tries || elapsed_ms + wait_ms <= params.give_up_ms ||
		      elapsed_ms >= params.give_up_ms);
		CHECK((uint64_t)wait_ms * 100 >= (uint64_t)rto_ms * (100 - params.jitter_percent) ||
		      (!params.tries && elapsed_ms + wait_ms == params.give_up_ms) ||
		      (!params.tries && elapsed_ms >= params.give_up_ms && wait_ms == 1));
		elapsed_ms += wait_ms;
		if (elapsed_ms > DAY_MS || (params.tries ? tries > params.tries :
					    elapsed_ms >= params.give_up_ms))
			break;
		next_ms = ikefp_rto_next_ms(rto_ms, &params);
		/* Never shorter: the cap holds what grows, not what was there. */
		CHECK(next_ms >= rto_ms && next_ms <= cap_ms);
		rto_ms = next_ms;
		tries++;
	}
}

/* No more than the burst and what came in since, whatever the times between. */
static void bucket(struct input *in)
{
	const uint32_t per_second = between(in, 1, 1000000);
	const uint32_t burst = between(in, 0, 1000);
	const uint64_t token_ns = 1000000000u / per_second;
	uint64_t now_ns = 1 + input_u64(in) / 2, begin_ns = now_ns, taken = 0;
	struct ikefp_bucket b = {};

	while (in->left) {
		bool got = ikefp_bucket_take(&b, now_ns, per_second, burst);

		taken += got;
		CHECK(b.credit_ns <= token_ns * burst);
		CHECK(taken <= burst + (now_ns - begin_ns) / token_ns);
		/* Whoever waits for a token gets it. */
		if (!got && burst)
			CHECK(b.credit_ns < token_ns);
		now_ns += input_u32(in);
	}
	if (burst)
		CHECK(ikefp_bucket_take(&b, now_ns + token_ns, per_second, burst));
}

/*
 * Many sources in one set: one that has not come before, or that nobody pushed out,
 * never finds less than a bucket of its own would have.
 */
static void bucket_set(struct input *in)
{
	const uint32_t per_second = between(in, 1, 1000000);
	const uint32_t burst = between(in, 1, 1000);
	struct ikefp_bucket_set set = {};
	struct ikefp_bucket own[8] = {};
	uint64_t now_ns = 1 + input_u64(in) / 2;

	while (in->left) {
		uint8_t source = input_u8(in) & 7;
		bool fair = ikefp_bucket_take(&own[source], now_ns, per_second, burst);
		bool got = ikefp_bucket_set_take(&set, 1u + source, now_ns, per_second, burst);
		int i, places = 0;

		CHECK(got || !fair);
		for (i = 0; i < IKEFP_BUCKET_WAYS; i++) {
			if (set.tag[i] != 1u + source)
				continue;
			places++;
			/* Pushed out, it got more: from there on as alone again. */
			if (got && !fair)
				own[source] = set.bucket[i];
		}
		CHECK(places == 1);
		now_ns += input_u16(in);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	switch (input_u8(&in) % 5) {
	case 0:
		window(&in);
		break;
	case 1:
		retransmission(&in);
		break;
	case 2:
		bucket(&in);
		break;
	case 3:
		bucket_set(&in);
		break;
	case 4:
		window_out(&in);
		break;
	}
	return 0;
}
