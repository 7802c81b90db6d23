/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/lookups.h"

#include <rte_cycles.h>

#include "dataplane/worker.h"

/* As answer_length, of any: out of line, as are misses below. Most gets hit. */
static size_t __attribute__((noinline))
answer_length_any(const struct store_lookup *lookups, unsigned int count)
{
	size_t length = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (lookups[i].value == NULL && !lookups[i].absent)
			return SIZE_MAX;
		length += lookup_answer_length(&lookups[i]);
	}
	return length;
}

/* Bytes of the answer; SIZE_MAX if it isn't known of every lookup. */
static inline size_t
answer_length(const struct store_lookup *lookups, unsigned int count)
{
	const struct store_lookup *lookup = lookups, *end = lookups + count;
	size_t length = count * LOOKUP_HEAD;

	do {
		if (__builtin_expect(lookup->value == NULL, 0))
			return answer_length_any(lookups, count);
		length += lookup->value_length;
	} while (++lookup < end);
	return length;
}

static uint64_t __attribute__((noinline))
answer_miss(uint8_t *out, const struct store_lookup *lookup)
{
	lookup_put_miss(out, lookup);
	return checksum_add(0, out, LOOKUP_MISS);
}

/* Writes the answers one after the other; returns their sum (net/checksum.h). */
static inline uint64_t
answer_write(uint8_t *out, const struct store_lookup *lookups, unsigned int count)
{
	const struct store_lookup *lookup = lookups, *last = lookups + count - 1;
	const uint8_t *start = out;
	uint64_t sum = 0;

	do {
		bool odd = (out - start) % 2 != 0;
		uint64_t part = 0;

		if (__builtin_expect(lookup->value != NULL, 1)) {
			uint8_t *value = lookup_put_head(out, lookup);

			part = checksum_words(out, LOOKUP_HEAD) +
			       checksum_copy(value, lookup->value, lookup->value_length);
			out = value + lookup->value_length;
		} else if (lookup->verb != BINARY_GETQ) {
			part = answer_miss(out, lookup);
			out += LOOKUP_MISS;
		}
		sum += __builtin_expect(odd, 0) ? checksum_at_odd_place(part) : part;
	} while (lookup++ < last);
	return sum;
}

/* True if the answer was written over the question, and queued, or there is none. */
static inline bool
message_answer(struct worker *worker, struct worker_port *port, struct rte_mbuf *mbuf,
	       const struct store_lookup *lookups, unsigned int count)
{
	uint8_t *payload =
		rte_pktmbuf_mtod_offset(mbuf, uint8_t *, sizeof(struct udp_plain_headers));
	const uint8_t *end = (const uint8_t *)mbuf->buf_addr + mbuf->buf_len;
	size_t length = answer_length(lookups, count);

	if (length > port->plain.payload_max || length > (size_t)(end - payload))
		return false;
	if (__builtin_expect(length == 0, 0)) {
		worker_drop(worker, mbuf, NET_DROP_no_reply);
		return true;
	}
	udp_plain_close(&port->plain, mbuf, (uint16_t)length,
			answer_write(payload, lookups, count));
	worker_send(worker, port, mbuf, true);
	return true;
}

static unsigned int
misses_of(const struct store_lookup *lookups, unsigned int count)
{
	unsigned int misses = 0;

	for (unsigned int i = 0; i < count; i++)
		misses += lookups[i].value == NULL;
	return misses;
}

/* Returns how many gets were answered; some_missed: count the misses among them. */
static unsigned int
lookups_write(struct worker *worker, struct worker_port *port, bool some_missed)
{
	struct lookups *lookups = &worker->lookups;
	const struct store_lookup *next = lookups->lookup;
	unsigned int answered = 0, misses = 0;

	for (unsigned int i = 0; i < lookups->messages; i++) {
		const struct lookups_message *message = &lookups->message[i];

		if (__builtin_expect(
			    message_answer(worker, port, message->mbuf, next, message->count), 1)) {
			answered += message->count;
			misses += some_missed ? misses_of(next, message->count) : 0;
		} else {
			batch_add_plain(worker, port, &(struct rte_mbuf *){message->mbuf}, 1);
		}
		next += message->count;
	}
	worker->proto.cmd_get += answered;
	worker->proto.get_hits += answered - misses;
	worker->proto.get_misses += misses;
	return answered;
}

/* Answers all that was added, or adds it to the batch: afterwards there is nothing here. */
static void
lookups_run(struct worker *worker, struct worker_port *port)
{
	struct lookups *lookups = &worker->lookups;
	struct store_worker *store = worker->server.store;
	uint64_t started = rte_rdtsc(), probed, executed, written;
	unsigned int found;

	batch_prepare(worker);
	store_lookup_prepare(store, lookups->lookup, lookups->count);
	batch_probe(worker);
	store_lookup_probe(store, lookups->lookup, lookups->count);
	probed = rte_rdtsc();
	found = store_lookup_finish(store, lookups->lookup, lookups->count);
	executed = rte_rdtsc();
	worker->stats.requests += lookups_write(worker, port, found != lookups->count);
	written = rte_rdtsc();

	worker->stats.cycles_probe += probed - started;
	worker->stats.cycles_execute += executed - probed;
	worker->stats.cycles_write += written - executed;
	worker->stats.batches++;
	lookups->messages = 0;
	lookups->count = 0;
}

/* True if a request that waits may change what one of these is to find. Out of line: most find none waiting. */
static bool __attribute__((noinline))
lookups_must_wait(struct batch *batch, const struct store_lookup *lookups, unsigned int count)
{
	bool wait = false;

	batch_note_changes(batch);
	for (unsigned int i = 0; i < count; i++)
		wait |= changes_may_have(&batch->changes, lookups[i].key, lookups[i].key_length);
	return wait;
}

/* lookups_read of what a datagram holds behind its first get. Out of line: most hold one. */
static unsigned int __attribute__((noinline))
lookups_read_more(const uint8_t *at, const uint8_t *end, struct store_lookup *lookups)
{
	unsigned int more = lookups_read(at, end, lookups + 1, LOOKUPS_DEPTH - 1);

	return more != 0 ? 1 + more : 0;
}

/*
 * Adds a plain datagram. False, and nothing done, if there is anything else in it, or too much, or it must
 * come after what waits in the batch.
 */
static inline bool
lookups_add(struct lookups *lookups, struct batch *batch, const struct packet *packet)
{
	struct store_lookup *next = &lookups->lookup[lookups->count];
	const uint8_t *end = packet->payload + packet->payload_length;
	const uint8_t *at = lookup_read(packet->payload, end, next);
	unsigned int count = at != NULL;

	if (__builtin_expect(at != NULL && at != end, 0))
		count = lookups_read_more(at, end, next);
	if (count == 0 ||
	    (__builtin_expect(batch->requests != 0, 0) && lookups_must_wait(batch, next, count)))
		return false;
	lookups->message[lookups->messages++] =
		(struct lookups_message){.mbuf = packet->mbuf, .count = count};
	lookups->count += count;
	return true;
}

unsigned int
lookups_take(struct worker *worker, struct worker_port *port, struct rte_mbuf **mbufs,
	     unsigned int count)
{
	struct lookups *lookups = &worker->lookups;
	struct packet packet;
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (!udp_plain_open(&port->plain, &port->interface, mbufs[i], &packet))
			break;
		if (lookups_add(lookups, &worker->batch, &packet)) {
			if (lookups->count >= LOOKUPS_DEPTH)
				lookups_run(worker, port);
			continue;
		}
		/* what is in the batch came after these, as far as it may matter to them */
		if (lookups->messages != 0 && batch_nearly_full(&worker->batch))
			lookups_run(worker, port);
		batch_add_opened(worker, port, &packet);
	}
	if (lookups->messages != 0)
		lookups_run(worker, port);
	return i;
}
