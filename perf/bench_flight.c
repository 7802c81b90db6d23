/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_flight.h"

#include <assert.h>
#include <stdlib.h>

int
flight_init(struct flight *flight, const struct bench_options *options, struct load *load,
	    struct meter *meter, unsigned int slot_count, uint32_t room)
{
	uint32_t get_size = BINARY_HEADER + (uint32_t)options->workload.key_size;

	*flight = (struct flight){
		.load = load,
		.meter = meter,
		.protocol = options->protocol,
		.verify = options->verify,
		.echo = options->echo != 0,
		.simple = options->protocol == BENCH_BINARY && !options->verify,
		.width = options->width,
		.room = room,
		.slot_count = slot_count,
	};
	assert(slot_count > 0 && flight->width > 0); /* as the options hold */
	flight->width_gets = room / get_size < 1 ? 1 : room / get_size;
	if (flight->width_gets > flight->width)
		flight->width_gets = flight->width;
	flight->slots = calloc(slot_count, sizeof(*flight->slots));
	flight->requests = calloc((size_t)slot_count * flight->width, sizeof(*flight->requests));
	flight->free = calloc(slot_count, sizeof(*flight->free));
	if (flight->slots != NULL && flight->requests != NULL && flight->free != NULL)
		return 0;
	flight_release(flight);
	return -ENOMEM;
}

void
flight_release(struct flight *flight)
{
	free(flight->slots);
	free(flight->requests);
	free(flight->free);
	flight->slots = NULL;
	flight->requests = NULL;
	flight->free = NULL;
}

/* The next request that may join a message of `count` requests and `size` bytes. */
static bool
flight_next(struct flight *flight, const struct workload_request *first, unsigned int count,
	    uint32_t *size, struct workload_request *request)
{
	if (flight->holds)
		*request = flight->held;
	else if (!load_next(flight->load, request))
		return false;
	flight->holds = false;
	*size += request_size(request);
	if (count == 0)
		return true;
	/* text has messages of several requests only for get */
	if (*size <= flight->room &&
	    (flight->protocol == BENCH_BINARY || flight->protocol == BENCH_META ||
	     (first->op == WORKLOAD_GET && request->op == WORKLOAD_GET)))
		return true;
	flight->held = *request;
	flight->holds = true;
	return false;
}

bool
flight_draw_wide(struct flight *flight, unsigned int index)
{
	struct workload_request *requests = flight_requests(flight, index);
	uint32_t size = 0;
	unsigned int count = 0;

	while (count < flight->width &&
	       flight_next(flight, requests, count, &size, &requests[count]))
		count++;
	flight->slots[index].count = (uint16_t)count;
	return count != 0;
}

/* --- answers ------------------------------------------------------------------------------ */

/* A value came: is it the one that the key must have? */
static void
flight_settle_value(struct flight *flight, const struct workload_request *request,
		    const struct answer *answer)
{
	struct meter *meter = flight->meter;

	meter->hits++;
	if (request->op != WORKLOAD_GET || answer->value_length != request->value_length ||
	    (flight->verify && !value_check(request->key, answer->value_length, answer->value)))
		meter->wrong++;
}

static void
flight_settle_one(struct flight *flight, const struct workload_request *request,
		  const struct answer *answer)
{
	struct meter *meter = flight->meter;

	switch ((enum answer_kind)answer->kind) {
	case ANSWER_VALUE:
		flight_settle_value(flight, request, answer);
		break;
	case ANSWER_MISS:
		meter->misses++;
		load_missed(flight->load, request);
		break;
	case ANSWER_END:
		break;
	case ANSWER_DONE:
		meter->stored++;
		break;
	case ANSWER_NOT_DONE:
		meter->not_stored++;
		break;
	case ANSWER_NO_MEMORY:
		meter->out_of_memory++;
		break;
	case ANSWER_REFUSED:
		meter->refused++;
		break;
	}
}

/* The quiet requests of an answered message that had no answer: missed, or done. */
static void
flight_settle_quiet(struct flight *flight, const struct workload_request *requests, uint64_t silent)
{
	for (; silent != 0; silent &= silent - 1) {
		const struct workload_request *request = &requests[__builtin_ctzll(silent)];

		if (request->op == WORKLOAD_GET) {
			flight->meter->misses++;
			load_missed(flight->load, request);
		} else {
			flight->meter->stored++;
		}
	}
}

static void
flight_finish(struct flight *flight, unsigned int index, uint64_t now)
{
	struct slot *slot = &flight->slots[index];

	if (slot->count > 1) {
		uint64_t all = UINT64_MAX >> (64 - slot->count);

		flight_settle_quiet(flight, flight_requests(flight, index), all & ~slot->answered);
	}
	flight_finish_all(flight, slot, now);
}

static bool
flight_settle_binary(struct flight *flight, unsigned int index, const struct answer *answer,
		     uint64_t now)
{
	struct slot *slot = &flight->slots[index];
	unsigned int which = answer->opaque & 0xff;

	if (((answer->opaque ^ slot->opaque) & ~0xffU) != 0 || which >= slot->count) {
		flight->meter->late++;
		return false;
	}
	flight_settle_one(flight, &flight_requests(flight, index)[which], answer);
	slot->answered |= UINT64_C(1) << which;
	if (which != slot->count - 1u)
		return false;
	flight_finish(flight, index, now);
	return true;
}

/* Values come in the order of the keys asked for, without those that are missing. */
static bool
flight_match_key(struct flight *flight, unsigned int index, const struct answer *answer,
		 unsigned int *which)
{
	const struct workload_request *requests = flight_requests(flight, index);
	const struct slot *slot = &flight->slots[index];
	uint8_t key[WORKLOAD_KEY_MAX + MESSAGE_SLACK];

	for (unsigned int i = 0; i < slot->count; i++) {
		if ((slot->answered >> i & 1) != 0 || requests[i].key_length != answer->key_length)
			continue;
		load_write_key(flight->load, &requests[i], key);
		if (memcmp(key, answer->key, answer->key_length) == 0) {
			*which = i;
			return true;
		}
	}
	return false;
}

static bool
flight_settle_text(struct flight *flight, unsigned int index, const struct answer *answer,
		   uint64_t now)
{
	struct workload_request *requests = flight_requests(flight, index);
	struct slot *slot = &flight->slots[index];
	unsigned int which = 0;

	if (answer->kind == ANSWER_VALUE) {
		if (!flight_match_key(flight, index, answer, &which)) {
			flight->meter->late++;
			return false;
		}
		flight_settle_one(flight, &requests[which], answer);
		slot->answered |= UINT64_C(1) << which;
		return false;
	}
	if (answer->kind == ANSWER_END && slot->count == 1 && slot->answered == 0)
		flight_settle_quiet(flight, requests, 1);
	else
		flight_settle_one(flight, requests, answer);
	flight_finish(flight, index, now);
	return true;
}

/*
 * The answer to a message of one command ends it, to one of several the `mn` after them. Errors don't
 * tell which command they are of: the first that had no answer will do for counting.
 */
static bool
flight_settle_meta(struct flight *flight, unsigned int index, const struct answer *answer,
		   uint64_t now)
{
	struct workload_request *requests = flight_requests(flight, index);
	struct slot *slot = &flight->slots[index];
	unsigned int which = 0;

	if (answer->has_opaque && ((answer->opaque ^ slot->opaque) & ~0xffU) != 0) {
		flight->meter->late++;
		return false;
	}
	if (answer->kind == ANSWER_END) {
		if (slot->count > 1) {
			flight_finish(flight, index, now);
			return true;
		}
		flight->meter->malformed++;
		return false;
	}
	which = answer->has_opaque ? answer->opaque & 0xff
				   : (unsigned int)__builtin_ctzll(~slot->answered);
	if (which >= slot->count) {
		flight->meter->wrong++;
		return false;
	}
	flight_settle_one(flight, &requests[which], answer);
	slot->answered |= UINT64_C(1) << which;
	if (slot->count > 1)
		return false;
	flight_finish(flight, index, now);
	return true;
}

bool
flight_settle(struct flight *flight, unsigned int slot, const struct answer *answer, uint64_t now)
{
	if (flight->slots[slot].count == 0) {
		flight->meter->late++;
		return false;
	}
	if (flight->protocol == BENCH_BINARY)
		return flight_settle_binary(flight, slot, answer, now);
	if (flight->protocol == BENCH_TEXT)
		return flight_settle_text(flight, slot, answer, now);
	if (flight->protocol == BENCH_META)
		return flight_settle_meta(flight, slot, answer, now);
	/* redis: one answer a message */
	flight_settle_one(flight, flight_requests(flight, slot), answer);
	flight_finish(flight, slot, now);
	return true;
}

bool
flight_take_any(struct flight *flight, unsigned int slot, const uint8_t *bytes, size_t length,
		uint64_t now)
{
	bool finished = false;
	struct answer answer;

	flight->meter->bytes_received += length;
	while (length > 0) {
		ssize_t used = answer_read(flight->protocol, bytes, length, &answer);

		if (used <= 0) {
			flight->meter->malformed++;
			break;
		}
		finished |= flight_settle(flight, slot, &answer, now);
		bytes += used;
		length -= (size_t)used;
	}
	return finished;
}
