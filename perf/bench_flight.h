/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_flight.h - the messages under way: what each asks, since when, and what its answer tells.
 * A slot holds one message; its index is the transport's handle for it (over UDP the request id).
 * One thread.
 */
#ifndef JACKDAW_PERF_BENCH_FLIGHT_H
#define JACKDAW_PERF_BENCH_FLIGHT_H

#include "perf/bench_load.h"
#include "perf/bench_message.h"
#include "perf/bench_meter.h"

/* Ticks are of a clock that the transport chooses. */
struct slot {
	uint64_t due;	   /* when the message was to be sent: latency counts from here */
	uint64_t sent;	   /* when it was sent last: for losses */
	uint64_t answered; /* a bit a request that had an answer of its own */
	uint32_t opaque;   /* of this message: the low byte is left for a request's index */
	uint16_t count;	   /* requests; 0: free */
	uint16_t own;	   /* the transport's */
};

struct flight {
	struct load *load;
	struct meter *meter;
	enum bench_protocol protocol;
	bool verify;
	bool echo;   /* messages are of bytes that mean nothing */
	bool simple; /* binary, without verification: most hits need only a glance */
	unsigned int width;
	unsigned int width_gets; /* plain GETs of a message, if nothing else is asked */
	uint32_t room;		 /* bytes that a message may have */
	unsigned int slot_count;
	struct slot *slots;
	struct workload_request *requests; /* [slot_count][width] */
	bool holds;			   /* `held` was drawn but didn't fit */
	struct workload_request held;
	/* open loop: slots without a message, a stack */
	unsigned int free_count;
	uint16_t *free;
};

/* 0 or -ENOMEM. The load and the meter stay the caller's and must outlive it. */
int flight_init(struct flight *flight, const struct bench_options *options, struct load *load,
		struct meter *meter, unsigned int slot_count, uint32_t room);
void flight_release(struct flight *flight);

static inline struct workload_request *
flight_requests(const struct flight *flight, unsigned int slot)
{
	return &flight->requests[(size_t)slot * flight->width];
}

/*
 * Draws the requests of a new message into a free slot; false when there is nothing more to ask.
 * `now` is when it ought to be sent.
 */
static inline bool flight_draw(struct flight *flight, unsigned int slot, uint64_t now);

/* Bytes that flight_write may write, at most, what it writes beyond the message's end included. */
static inline size_t flight_message_size(const struct flight *flight, unsigned int slot);

/* Writes the slot's message (again, after a loss); returns its end. */
static inline uint8_t *flight_write(struct flight *flight, unsigned int slot, uint8_t *out);

/*
 * Takes the bytes of an answer, which must be whole. True when with it the message is answered: it
 * is counted, and the slot is free.
 */
static inline bool flight_take(struct flight *flight, unsigned int slot, const uint8_t *bytes,
			       size_t length, uint64_t now);

/* As flight_take, of a peer that sends back what it gets. */
static inline bool flight_echoed(struct flight *flight, unsigned int slot, uint64_t now);

/* One answer of a slot's message; true as above. */
bool flight_settle(struct flight *flight, unsigned int slot, const struct answer *answer,
		   uint64_t now);

/* --- inline: once a message --------------------------------------------------------------- */

/* Whether every message is one of binary_write_gets, whose answers aren't verified. */
static inline bool
flight_only_gets(const struct flight *flight)
{
	return flight->simple && load_only_gets(flight->load);
}

bool flight_draw_wide(struct flight *flight, unsigned int slot);

static inline bool
flight_draw(struct flight *flight, unsigned int index, uint64_t now)
{
	struct slot *slot = &flight->slots[index];

	slot->due = now;
	slot->answered = 0;
	slot->opaque += 1 << 8;
	if (flight->width != 1) {
		if (!flight_only_gets(flight))
			return flight_draw_wide(flight, index);
		slot->count = (uint16_t)flight->width_gets;
		load_next_gets(flight->load, flight_requests(flight, index), slot->count);
		return true;
	}
	if (flight->echo) {
		slot->count = 1;
		return true;
	}
	slot->count = load_next(flight->load, flight_requests(flight, index));
	return slot->count != 0;
}

static inline size_t
flight_message_size(const struct flight *flight, unsigned int index)
{
	const struct workload_request *requests = flight_requests(flight, index);
	size_t size = MESSAGE_SLACK;

	for (unsigned int i = 0; i < flight->slots[index].count; i++)
		size += request_size(&requests[i]) + REDIS_OVERHEAD_MAX;
	return size;
}

static inline uint8_t *
flight_write(struct flight *flight, unsigned int index, uint8_t *out)
{
	const struct workload_request *requests = flight_requests(flight, index);
	struct slot *slot = &flight->slots[index];
	unsigned int last = slot->count - 1u;

	if (flight_only_gets(flight))
		return binary_write_gets(flight->load, requests, slot->count, slot->opaque, out);
	if (flight->protocol == BENCH_REDIS)
		return redis_write(flight->load, requests, out);
	if (flight->protocol == BENCH_TEXT)
		return text_write(flight->load, requests, slot->count, out);
	if (flight->protocol == BENCH_META)
		return meta_write(flight->load, requests, slot->count, slot->opaque, out);
	for (unsigned int i = 0; i < last; i++)
		out = binary_write(flight->load, &requests[i], true, slot->opaque | i, out);
	return binary_write(flight->load, &requests[last], false, slot->opaque | last, out);
}

/* All requests of a message were answered. */
static inline void
flight_finish_all(struct flight *flight, struct slot *slot, uint64_t now)
{
	struct meter *meter = flight->meter;

	meter->messages++;
	meter->requests += slot->count;
	meter_add_latency(meter, now > slot->due ? now - slot->due : 0, slot->count);
	slot->count = 0;
}

bool flight_take_any(struct flight *flight, unsigned int slot, const uint8_t *bytes, size_t length,
		     uint64_t now);

static inline bool
flight_take(struct flight *flight, unsigned int index, const uint8_t *bytes, size_t length,
	    uint64_t now)
{
	struct slot *slot = &flight->slots[index];
	const struct workload_request *requests = flight_requests(flight, index);
	bool hits;

	if (flight->width == 1)
		hits = flight->simple && slot->count == 1 && requests->op == WORKLOAD_GET &&
		       binary_is_hit(bytes, length, slot->opaque, requests->value_length);
	else
		hits = slot->count != 0 && slot->answered == 0 && flight_only_gets(flight) &&
		       binary_are_hits(bytes, length, requests, slot->count, slot->opaque);
	if (!hits)
		return flight_take_any(flight, index, bytes, length, now);
	flight->meter->bytes_received += length;
	flight->meter->hits += slot->count;
	flight_finish_all(flight, slot, now);
	return true;
}

static inline bool
flight_echoed(struct flight *flight, unsigned int index, uint64_t now)
{
	struct slot *slot = &flight->slots[index];

	if (slot->count == 0) {
		flight->meter->late++;
		return false;
	}
	flight_finish_all(flight, slot, now);
	return true;
}

#endif
