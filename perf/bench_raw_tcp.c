/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_raw_tcp.h"

#include <rte_cycles.h>
#include <stdlib.h>

#include "perf/bench_transports.h"

enum {
	HOUSEKEEPING_PER_SECOND = 1000,
	ISSUED_MAX = 256,   /* messages begun in a turn */
	FINISHED_MAX = 256, /* answers taken before their slots are used again */
};

/* Answered messages of one connection, in order. */
struct finished {
	unsigned int count;
	uint16_t slots[FINISHED_MAX];
};

/* --- sending ------------------------------------------------------------------------------ */

/* The place in a connection's send queue where the next byte goes. */
struct writer {
	struct tcp_connection *connection;
	uint8_t *cursor, *limit;
};

static inline bool
writer_begin(struct writer *writer, struct tcp_connection *connection)
{
	writer->connection = connection;
	writer->cursor = tcp_write_begin(connection, &writer->limit);
	return writer->cursor != NULL;
}

/* Copies bytes over as many buffers as they take; false if there is none. */
static bool
writer_put(struct writer *writer, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		size_t piece = RTE_MIN(length, (size_t)(writer->limit - writer->cursor));

		if (piece == 0) {
			tcp_write_end(writer->connection, writer->cursor);
			if (!writer_begin(writer, writer->connection))
				return false;
			continue;
		}
		memcpy(writer->cursor, bytes, piece);
		writer->cursor += piece;
		bytes += piece;
		length -= piece;
	}
	return true;
}

/* The slot's message, by way of the scratch space. */
static bool
raw_tcp_put_large(struct raw_tcp *wire, struct writer *writer, unsigned int slot, size_t size)
{
	uint8_t *end;

	if (size > wire->scratch_size) {
		free(wire->scratch);
		wire->scratch_size = 0;
		wire->scratch = malloc(2 * size);
		if (wire->scratch == NULL)
			return false;
		wire->scratch_size = 2 * size;
	}
	end = flight_write(wire->raw.flight, slot, wire->scratch);
	wire->raw.meter->bytes_sent += (uint64_t)(end - wire->scratch);
	return writer_put(writer, wire->scratch, (size_t)(end - wire->scratch));
}

/* Writes the drawn message of a slot to the connection's send queue. */
static inline bool
raw_tcp_put(struct raw_tcp *wire, struct raw_connection *connection, struct writer *writer,
	    unsigned int slot, uint64_t now)
{
	size_t size = flight_message_size(wire->raw.flight, slot);
	unsigned int place = connection->head + connection->under_way++;
	uint8_t *start;

	connection->order[place < wire->depth ? place : place - wire->depth] = (uint16_t)slot;
	wire->raw.flight->slots[slot].sent = now;
	if (unlikely(size > (size_t)(writer->limit - writer->cursor)))
		return raw_tcp_put_large(wire, writer, slot, size);
	start = writer->cursor;
	writer->cursor = flight_write(wire->raw.flight, slot, start);
	wire->raw.meter->bytes_sent += (uint64_t)(writer->cursor - start);
	return true;
}

static int
raw_tcp_no_memory(const struct raw_tcp *wire)
{
	return client_fail(wire->raw.client, -ENOBUFS, "no memory for what is to be sent");
}

/* A closed loop asks on in the slots whose messages were answered; else they are free. */
static int
raw_tcp_ask_on(struct raw_tcp *wire, struct raw_connection *connection,
	       const struct finished *finished, uint64_t now)
{
	struct client *client = wire->raw.client;
	bool asks = client->options->rate == 0 && !client->draining;
	struct writer writer;
	bool room = true;

	if (asks && !writer_begin(&writer, connection->tcp))
		return raw_tcp_no_memory(wire);
	for (unsigned int i = 0; i < finished->count; i++) {
		if (asks && room && flight_draw(wire->raw.flight, finished->slots[i], now)) {
			room = raw_tcp_put(wire, connection, &writer, finished->slots[i], now);
			continue;
		}
		client->exhausted |= asks;
		client_free_slot(client, finished->slots[i]);
	}
	if (!room)
		return raw_tcp_no_memory(wire);
	if (asks)
		tcp_write_end(connection->tcp, writer.cursor);
	return 0;
}

/*
 * Fills free slots: all at the start of a closed loop, those that are due in an open one. Not too many in a turn, as
 * answers are to be taken meanwhile.
 */
static int
raw_tcp_issue_free(struct raw_tcp *wire, uint64_t now)
{
	struct client *client = wire->raw.client;
	struct flight *flight = wire->raw.flight;
	uint64_t due;

	for (unsigned int issued = 0;
	     issued < ISSUED_MAX && flight->free_count > 0 && client_due(client, now, &due);
	     issued++) {
		unsigned int slot = flight->free[flight->free_count - 1];
		struct raw_connection *connection = &wire->connections[slot / wire->depth];
		struct writer writer;

		if (!flight_draw(flight, slot, due)) {
			client->exhausted = true;
			return 0;
		}
		if (!writer_begin(&writer, connection->tcp) ||
		    !raw_tcp_put(wire, connection, &writer, slot, now))
			return raw_tcp_no_memory(wire);
		tcp_write_end(connection->tcp, writer.cursor);
		flight->free_count--;
		client_sent(client);
	}
	return 0;
}

/* --- receiving ---------------------------------------------------------------------------- */

/* Most answers are one hit of one plain GET: told at a glance. Bytes used, 0 if it is another. */
static inline size_t
raw_tcp_take_hit(struct flight *flight, unsigned int index, const uint8_t *bytes, size_t length,
		 uint64_t now)
{
	struct slot *slot = &flight->slots[index];
	const struct workload_request *request = flight_requests(flight, index);
	size_t size = BINARY_HEADER + BINARY_HIT_EXTRAS + (size_t)request->value_length;

	if (!flight->simple || slot->count != 1 || request->op != WORKLOAD_GET || length < size ||
	    !binary_is_hit(bytes, size, slot->opaque, request->value_length))
		return 0;
	flight->meter->hits++;
	flight_finish_all(flight, slot, now);
	return size;
}

/*
 * Takes whole answers off the front of the bytes until `finished` is full; each belongs to the oldest
 * message. Bytes used, or negative errno with client->error.
 */
static ssize_t
raw_tcp_take(struct raw_tcp *wire, struct raw_connection *connection, const uint8_t *bytes,
	     size_t length, struct finished *finished, uint64_t now)
{
	struct flight *flight = wire->raw.flight;
	size_t used = 0;

	while (used < length && finished->count < FINISHED_MAX) {
		unsigned int slot = connection->order[connection->head];
		ssize_t one = -EPROTO;
		bool whole = true;

		if (likely(connection->under_way > 0))
			one = (ssize_t)raw_tcp_take_hit(flight, slot, bytes + used, length - used,
							now);
		if (one == 0) {
			struct answer answer;

			one = answer_read(flight->protocol, bytes + used, length - used, &answer);
			if (one == 0)
				break;
			whole = one > 0 && flight_settle(flight, slot, &answer, now);
		}
		if (one < 0)
			return client_fail(wire->raw.client, -EPROTO,
					   "the server sent what is no answer");
		used += (size_t)one;
		if (!whole)
			continue;
		finished->slots[finished->count++] = (uint16_t)slot;
		connection->under_way--;
		if (++connection->head == wire->depth)
			connection->head = 0;
	}
	flight->meter->bytes_received += used;
	return (ssize_t)used;
}

/* The bytes of one run: to the answers, and what is left to connection->in. */
static int
raw_tcp_read_run(struct raw_tcp *wire, struct raw_connection *connection, const uint8_t *bytes,
		 size_t length, uint64_t now)
{
	struct stream *in = &connection->in;
	bool kept = in->from != in->to;
	struct finished finished;

	if (kept) {
		if (!stream_append(in, bytes, length))
			return raw_tcp_no_memory(wire);
		bytes = in->bytes + in->from;
		length = in->to - in->from;
	}
	do {
		ssize_t used;
		int status;

		finished.count = 0;
		used = raw_tcp_take(wire, connection, bytes, length, &finished, now);
		if (used < 0)
			return (int)used;
		bytes += used;
		length -= (size_t)used;
		if (kept)
			in->from += (size_t)used;
		status = finished.count == 0 ? 0 : raw_tcp_ask_on(wire, connection, &finished, now);
		if (status != 0)
			return status;
	} while (finished.count == FINISHED_MAX);
	if (!kept && length > 0 && !stream_append(in, bytes, length))
		return raw_tcp_no_memory(wire);
	return 0;
}

static int
raw_tcp_read(struct raw_tcp *wire, struct raw_connection *connection, uint64_t now)
{
	const uint8_t *bytes;
	size_t length;
	int status = 0;

	while (status == 0 && connection->tcp != NULL &&
	       (length = tcp_receive(connection->tcp, &bytes)) > 0) {
		status = raw_tcp_read_run(wire, connection, bytes, length, now);
		tcp_take(connection->tcp, length);
	}
	if (status == 0 && connection->tcp != NULL && tcp_at_end(connection->tcp))
		wire->lost = true;
	return status;
}

/* --- the loop ----------------------------------------------------------------------------- */

static int
raw_tcp_turn(struct raw_tcp *wire, uint64_t now)
{
	struct tcp_connection *ready;
	int status = 0;

	while (status == 0 && (ready = tcp_next_ready(wire->tcp)) != NULL) {
		struct raw_connection *connection = *(struct raw_connection **)tcp_user(ready);

		if (connection != NULL && connection->tcp == ready && connection->order != NULL)
			status = raw_tcp_read(wire, connection, now);
	}
	if (status == 0 && wire->raw.flight->free_count != 0)
		status = raw_tcp_issue_free(wire, now);
	tcp_flush(wire->tcp);
	if (status == 0 && wire->lost)
		status = client_fail(wire->raw.client, -ECONNRESET,
				     "the server closed a connection");
	return status;
}

static int
raw_tcp_loop(struct client *client)
{
	struct raw_tcp *wire = client->wire;
	uint64_t now = rte_rdtsc(), before = now, housekeeping = 0;
	uint64_t period = rte_get_tsc_hz() / HOUSEKEEPING_PER_SECOND;
	bool busy = false;
	int status = 0;

	client_begin(client, now);
	while (!client_finished(client, now) && status == 0) {
		unsigned int count;

		now = rte_rdtsc();
		count = raw_tcp_poll(wire, now);
		if (busy && !client->draining)
			wire->raw.meter->ticks_busy += now - before;
		before = now;
		if (count != 0)
			client->last_answer = now;
		status = raw_tcp_turn(wire, now);
		busy = count != 0;
		if (wire->raw.tx_count != 0)
			busy |= raw_tcp_flush(wire);
		if (now - housekeeping > period) {
			housekeeping = now;
			if (status == 0)
				status = client_housekeep(client, now);
		}
	}
	client_end(client);
	return status;
}

/* Messages given up at the end of a phase would shift the order of those after: none may be. */
static int
raw_tcp_run(struct client *client)
{
	struct raw_tcp *wire = client->wire;
	uint64_t retransmits = wire->stats.retransmits;
	int status = raw_tcp_loop(client);

	client->meter.lost += wire->stats.retransmits - retransmits;
	for (unsigned int i = 0; status == 0 && i < wire->connection_count; i++) {
		if (wire->connections[i].under_way > 0)
			return client_fail(client, -ETIMEDOUT,
					   "%u messages of a connection had no answer in %u ms",
					   wire->connections[i].under_way,
					   client->options->timeout_ms);
	}
	return status;
}

/* --- birth and death ---------------------------------------------------------------------- */

static void
raw_tcp_close(struct client *client)
{
	struct raw_tcp *wire = client->wire;
	void *waiting;

	if (wire->tcp != NULL)
		tcp_destroy(wire->tcp);
	for (unsigned int i = 0; i < wire->raw.tx_count; i++)
		rte_pktmbuf_free(wire->raw.tx[i]);
	while (wire->late != NULL && rte_ring_dequeue(wire->late, &waiting) == 0)
		rte_pktmbuf_free(waiting);
	rte_ring_free(wire->late);
	raw_close_port(&wire->raw);
	for (unsigned int i = 0; wire->connections != NULL && i <= wire->connection_count; i++) {
		free(wire->connections[i].in.bytes);
		free(wire->connections[i].order);
	}
	free(wire->connections);
	free(wire->scratch);
	free(wire);
	client->wire = NULL;
}

static int
raw_tcp_allocate(struct raw_tcp *wire, struct client *client)
{
	const struct bench_options *options = client->options;
	unsigned int slots = options->connections * options->depth;
	int status = flight_init(&client->flight, options, &client->load, &client->meter, slots,
				 UINT32_MAX);

	wire->connections = calloc(options->connections + 1, sizeof(*wire->connections));
	if (status != 0 || wire->connections == NULL)
		return client_fail(client, -ENOMEM, "no memory for %u requests", slots);
	wire->connection_count = options->connections;
	wire->depth = options->depth;
	for (unsigned int i = 0; i < options->connections; i++) {
		wire->connections[i].order =
			calloc(options->depth, sizeof(*wire->connections[i].order));
		if (wire->connections[i].order == NULL)
			return client_fail(client, -ENOMEM, "no memory for %u requests", slots);
	}
	return 0;
}

static int
raw_tcp_open(struct client *client)
{
	const struct bench_options *options = client->options;
	struct raw_tcp *wire = calloc(1, sizeof(*wire));
	int status;

	if (wire == NULL)
		return client_fail(client, -ENOMEM, "no memory");
	client->wire = wire;
	wire->raw.client = client;
	wire->raw.flight = &client->flight;
	wire->raw.meter = &client->meter;
	wire->raw.burst = (uint16_t)options->burst;
	status = raw_tcp_allocate(wire, client);
	if (status == 0) /* segments wait in the peer's ring, in ours and in the pool's cache */
		status = raw_open_port(&wire->raw, client,
				       client->flight.slot_count + 4 * options->connections);
	if (status == 0)
		status = raw_tcp_create(wire, client);
	if (status != 0) {
		raw_tcp_close(client);
		flight_release(&client->flight);
	}
	return status;
}

const struct transport raw_tcp_transport = {
	.name = "TCP",
	.open = raw_tcp_open,
	.start = raw_start,
	.join = raw_join,
	.connect = raw_tcp_connect,
	.run = raw_tcp_run,
	.ask = raw_tcp_ask,
	.disconnect = raw_tcp_disconnect,
	.close = raw_tcp_close,
};
