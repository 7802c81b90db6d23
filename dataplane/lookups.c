/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/lookups.h"

#include <rte_cycles.h>

#include "dataplane/worker.h"

/* Bytes of the answer, or 0 if not everything was found. */
static inline size_t
answer_length(const struct store_lookup *lookups, unsigned int count)
{
	const struct store_lookup *end = lookups + count;
	size_t length = count * LOOKUP_HEAD;

	do {
		if (lookups->value == NULL)
			return 0;
		length += lookups->value_length;
	} while (++lookups < end);
	return length;
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
		uint8_t *value = lookup_put_head(out, lookup);
		uint64_t part = checksum_words(out, LOOKUP_HEAD);

		part += checksum_copy(value, lookup->value, lookup->value_length);
		sum += __builtin_expect(odd, 0) ? checksum_at_odd_place(part) : part;
		out = value + lookup->value_length;
	} while (lookup++ < last);
	return sum;
}

/* True if the answer was written over the question, and queued. */
static inline bool
message_answer(struct worker *worker, struct worker_port *port, struct rte_mbuf *mbuf,
	       const struct store_lookup *lookups, unsigned int count)
{
	uint8_t *payload =
		rte_pktmbuf_mtod_offset(mbuf, uint8_t *, sizeof(struct udp_plain_headers));
	const uint8_t *end = (const uint8_t *)mbuf->buf_addr + mbuf->buf_len;
	size_t length = answer_length(lookups, count);

	/* no length, 0, is the largest of numbers */
	if (length - 1 >= port->plain.payload_max || length > (size_t)(end - payload))
		return false;
	udp_plain_close(&port->plain, mbuf, (uint16_t)length,
			answer_write(payload, lookups, count));
	worker_send(worker, port, mbuf, true);
	return true;
}

/* Returns how many gets were answered. */
static unsigned int
lookups_write(struct worker *worker, struct worker_port *port)
{
	struct lookups *lookups = &worker->lookups;
	const struct store_lookup *next = lookups->lookup;
	unsigned int answered = 0;

	for (unsigned int i = 0; i < lookups->messages; i++) {
		const struct lookups_message *message = &lookups->message[i];

		if (__builtin_expect(
			    message_answer(worker, port, message->mbuf, next, message->count), 1))
			answered += message->count;
		else
			batch_add_plain(worker, port, &(struct rte_mbuf *){message->mbuf}, 1);
		next += message->count;
	}
	return answered;
}

/* Answers all that was added, or adds it to the batch: afterwards there is nothing here. */
static void
lookups_run(struct worker *worker, struct worker_port *port)
{
	struct lookups *lookups = &worker->lookups;
	struct store_worker *store = worker->server.store;
	uint64_t started = rte_rdtsc(), probed, executed, written;
	unsigned int answered;

	store_lookup_prepare(store, lookups->lookup, lookups->count);
	store_lookup_probe(store, lookups->lookup, lookups->count);
	probed = rte_rdtsc();
	store_lookup_finish(store, lookups->lookup, lookups->count);
	executed = rte_rdtsc();
	answered = lookups_write(worker, port);
	written = rte_rdtsc();

	worker->proto.cmd_get += answered;
	worker->proto.get_hits += answered;
	worker->stats.cycles_probe += probed - started;
	worker->stats.cycles_execute += executed - probed;
	worker->stats.cycles_write += written - executed;
	worker->stats.requests += answered;
	worker->stats.batches++;
	lookups->messages = 0;
	lookups->count = 0;
}

/* Adds a plain datagram. False, and nothing done, if there is anything else in it, or too much. */
static inline bool
lookups_add(struct lookups *lookups, const struct packet *packet)
{
	unsigned int count = lookups_read(packet->payload, packet->payload_length,
					  &lookups->lookup[lookups->count], LOOKUPS_DEPTH);

	if (count == 0)
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

	for (i = 0; i < count && worker->batch.messages == 0; i++) {
		if (!udp_plain_open(&port->plain, &port->interface, mbufs[i], &packet) ||
		    !lookups_add(lookups, &packet))
			break;
		if (lookups->count >= LOOKUPS_DEPTH)
			lookups_run(worker, port);
	}
	if (lookups->messages != 0)
		lookups_run(worker, port);
	return i;
}
