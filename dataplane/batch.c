/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/batch.h"

#include <errno.h>
#include <rte_cycles.h>

#include "dataplane/client.h"
#include "dataplane/observe.h"
#include "dataplane/proto/gets.h"
#include "dataplane/worker.h"

static int
udp_reply_extend(struct reply *reply)
{
	struct udp_reply *udp = container_of(reply, struct udp_reply, reply);
	uint8_t *limit, *start = udp_message_extend(udp->message, &limit);

	if (start == NULL)
		return -ENOBUFS;
	reply->cursor = start;
	reply->limit = limit;
	return 0;
}

static int
message_begin_reply(struct message *message, struct udp_reply *udp)
{
	if (message->plain)
		udp_plain_describe(&message->port->plain, &message->port->interface,
				   message->port->pool, &message->udp);
	udp->message = &message->udp;
	udp->reply.failed = false;
	udp->reply.cursor = udp_message_begin(&message->udp, message->in_place, &udp->reply.limit);
	message->begun = true;
	return udp->reply.cursor == NULL ? -ENOBUFS : 0;
}

/* Writes the headers of the answer's datagrams and sends them; the last stands for all in the accounts. */
static void
message_send(struct worker *worker, struct message *message)
{
	struct rte_mbuf *mbuf, *next;

	udp_message_close(&message->udp, message->end);
	if (message->udp.first != message->udp.packet.mbuf)
		rte_pktmbuf_free(message->udp.packet.mbuf);
	for (mbuf = message->udp.first; mbuf != NULL; mbuf = next) {
		next = mbuf->next;
		mbuf->next = NULL;
		worker_send(worker, message->port, mbuf, next == NULL);
	}
}

/* Whether all that is left to do is to turn the question's headers round: there is a short reply. */
static inline bool
message_is_plain(const struct message *message)
{
	size_t length = (size_t)(message->end - message->udp.payload);

	/* none, or no end, is the largest of numbers */
	return message->plain && message->udp.datagrams == 1 &&
	       message->udp.first == message->udp.packet.mbuf &&
	       length - 1 < message->port->plain.answer_max;
}

/* The reply is complete: sends it, or accounts for its absence. */
static void
message_end(struct worker *worker, struct message *message)
{
	bool silent = message->udp.datagrams == 1 && message->end == message->udp.payload;

	if (message->end == NULL || silent) {
		udp_message_abandon(&message->udp);
		worker_drop(worker, message->udp.packet.mbuf,
			    silent ? NET_DROP_no_reply : NET_DROP_reply_no_buffer);
	} else {
		message_send(worker, message);
	}
}

/*
 * Writes the replies of a plain datagram over it if all its requests are gets that found short values,
 * or sets that were stored, and all fit: true if that is so. What was written otherwise is of no account,
 * as they are written anew.
 */
static inline bool
message_write_hits(struct message *message, const struct request *requests)
{
	uint8_t *start = message->udp.packet.payload;
	const struct rte_mbuf *mbuf = message->udp.packet.mbuf;
	const uint8_t *buffer_end = (const uint8_t *)mbuf->buf_addr + mbuf->buf_len;
	const uint8_t *limit = start + message->port->plain.answer_max;

	if (!message->plain || !message->in_place || message->begun)
		return false;
	message->end =
		requests_put_hits(start, RTE_MIN(limit, buffer_end), requests, message->count);
	return message->end != NULL;
}

/* Writes the replies of a datagram's executed requests. */
static void
message_write(struct worker *worker, struct message *message)
{
	struct udp_reply *udp = &worker->batch.reply;

	if (!message->begun && message_begin_reply(message, udp) != 0)
		udp->reply.failed = true;
	if (!udp->reply.failed)
		requests_write(&worker->server, &worker->batch.request[message->first],
			       message->count, &udp->reply);
	message->end = udp->reply.failed ? NULL : udp->reply.cursor;
}

/*
 * Writes the replies of all messages and ends them; plain ones, which hold no buffer but their
 * question's, only when all are written: a checksum over what was written just before would have to
 * wait for it, as its wide loads aren't served from narrower stores. If more, the last message (whose
 * reply is in a buffer of its own) does not end.
 */
static void
batch_write(struct worker *worker, bool more)
{
	struct batch *batch = &worker->batch;

	batch->reply.reply.extend = udp_reply_extend;
	for (unsigned int i = 0; i < batch->messages; i++) {
		struct message *message = &batch->message[i];

		if (message->connection != NULL) {
			client_write(worker, message);
			continue;
		}
		if (message_write_hits(message, &batch->request[message->first]))
			continue;
		message_write(worker, message);
		message->plain = message_is_plain(message);
		if (!message->plain && !(more && i + 1 == batch->messages))
			message_end(worker, message);
	}
	for (unsigned int i = 0; i < batch->messages; i++) {
		struct message *message = &batch->message[i];
		uint16_t length;

		if (!message->plain)
			continue;
		length = (uint16_t)(message->end - message->udp.packet.payload);
		udp_plain_close(
			&message->port->plain, message->udp.packet.mbuf, length,
			checksum_fold(checksum_add(0, message->udp.packet.payload, length)));
		worker_send(worker, message->port, message->udp.packet.mbuf, true);
	}
}

/* Hashes keys and looks for them, so that what a request needs is on its way before its turn. */
void
batch_prepare(struct worker *worker)
{
	struct batch *batch = &worker->batch;
	unsigned int from = batch->prepared;

	if (from == batch->requests)
		return;
	for (unsigned int i = from; i < batch->requests; i++)
		batch->op[i] = &batch->request[i].op;
	store_prepare(worker->server.store, batch->op + from, batch->requests - from);
	batch->prepared = batch->requests;
}

void
batch_probe(struct worker *worker)
{
	struct batch *batch = &worker->batch;
	unsigned int from = batch->probed;

	if (from == batch->prepared)
		return;
	store_probe(worker->server.store, batch->op + from, batch->prepared - from);
	batch->probed = batch->prepared;
}

/*
 * Runs the batch. If more, its last message has requests still unparsed: it stays, alone, with its
 * reply begun in a buffer of its own (the question's bytes are still needed).
 */
static void
batch_run_part(struct worker *worker, bool more)
{
	struct batch *batch = &worker->batch;
	uint64_t started = rte_rdtsc(), probed, executed, written;
	uint32_t watched = watch_wanted(worker->watch);

	batch_prepare(worker);
	batch_probe(worker);
	probed = rte_rdtsc();
	requests_execute(&worker->server, batch->request, batch->requests);
	if (__builtin_expect((watched & EVENT_OF_REQUESTS) != 0, 0))
		observe_batch(worker, watched);
	executed = rte_rdtsc();
	batch_write(worker, more);
	written = rte_rdtsc();

	worker->stats.cycles_probe += probed - started;
	worker->stats.cycles_execute += executed - probed;
	worker->stats.cycles_write += written - executed;
	worker->stats.requests += batch->requests;
	worker->stats.batches++;
	batch->messages = 0;
	batch->requests = 0;
	batch->noted = 0;
	batch->prepared = 0;
	batch->probed = 0;
	changes_clear(&batch->changes);
}

void
batch_run(struct worker *worker)
{
	batch_run_part(worker, false);
}

/* Runs all that is there and makes room for the rest of the last message, which moves to the front. */
static struct message *
batch_run_and_go_on(struct worker *worker)
{
	struct batch *batch = &worker->batch;
	struct message *last = &batch->message[batch->messages - 1];

	last->in_place = false;
	batch_run_part(worker, true);
	batch->message[0] = *last;
	last = &batch->message[0];
	last->first = 0;
	last->count = 0;
	batch->messages = 1;
	batch->reply.message = &last->udp;
	return last;
}

struct message *
batch_add_stream(struct worker *worker, struct tcp_connection *connection, unsigned int first)
{
	struct batch *batch = &worker->batch;
	struct message *message = batch_next(batch);

	message->connection = connection;
	message->plain = false;
	message->first = first;
	message->ends = false;
	message->count = batch->requests - first;
	batch->messages++;
	return message;
}

/* Takes note of requests [from, batch->requests) that the parser has just added. */
static void
message_take_requests(const struct batch *batch, struct message *message, unsigned int from)
{
	for (unsigned int i = from; i < batch->requests; i++)
		message->in_place &= (batch->request[i].flags & REQUEST_ECHO) == 0;
	message->count += batch->requests - from;
}

/*
 * Parses what plain gets have left of the last message's datagram, running the batch whenever it is
 * full. gets: there were some.
 */
static void
batch_parse(struct worker *worker, const uint8_t *bytes, size_t length, bool gets)
{
	struct batch *batch = &worker->batch;
	struct message *message = &batch->message[batch->messages - 1];
	struct stream stream = {.datagram = true,
				.protocol = gets ? PROTOCOL_BINARY : PROTOCOL_UNKNOWN};
	enum parse_result result;
	size_t consumed;

	for (;;) {
		unsigned int from = batch->requests;

		result = requests_parse(&stream, &worker->limits, bytes, length, batch->request,
					BATCH_REQUESTS, &batch->requests, &consumed);
		message_take_requests(batch, message, from);
		if (result != PARSE_FULL)
			break;
		bytes += consumed;
		length -= consumed;
		message = batch_run_and_go_on(worker);
	}
	if (message->count == 0 && !message->begun) {
		batch->messages--;
		worker_drop(worker, message->udp.packet.mbuf,
			    result == PARSE_MORE ? NET_DROP_request_incomplete : NET_DROP_no_reply);
	}
}

/* Adds the datagram that message, which is the next, has been opened on. */
static inline void
batch_add_message(struct worker *worker, struct worker_port *port, struct message *message,
		  bool plain)
{
	struct batch *batch = &worker->batch;
	const uint8_t *bytes = message->udp.packet.payload;
	size_t length = message->udp.packet.payload_length, taken;

	message->port = port;
	message->connection = NULL;
	message->first = batch->requests;
	message->plain = plain;
	message->in_place = true;
	message->begun = false;
	batch->messages++;
	taken = requests_take_plain(&worker->limits, bytes, length, batch->request, BATCH_REQUESTS,
				    &batch->requests);
	message->count = batch->requests - message->first;
	if (taken != length)
		batch_parse(worker, bytes + taken, length - taken, taken != 0);
	if (batch_full(batch))
		batch_run(worker);
}

unsigned int
batch_add_plain(struct worker *worker, struct worker_port *port, struct rte_mbuf **mbufs,
		unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct message *message = batch_next(&worker->batch);

		if (!udp_plain_open(&port->plain, &port->interface, mbufs[i], &message->udp.packet))
			return i;
		batch_add_message(worker, port, message, true);
	}
	return count;
}

void
batch_add_opened(struct worker *worker, struct worker_port *port, const struct packet *packet)
{
	struct message *message = batch_next(&worker->batch);

	message->udp.packet.mbuf = packet->mbuf;
	message->udp.packet.payload = packet->payload;
	message->udp.packet.payload_length = packet->payload_length;
	batch_add_message(worker, port, message, true);
}

void
batch_add(struct worker *worker, struct worker_port *port)
{
	struct message *message = batch_next(&worker->batch);

	if (udp_message_open(&message->udp, &port->interface, port->pool) == VERDICT_DROP)
		worker_drop(worker, message->udp.packet.mbuf, message->udp.packet.drop);
	else
		batch_add_message(worker, port, message, false);
}
