/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/batch.h"

#include <errno.h>
#include <rte_cycles.h>

#include "dataplane/client.h"
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
	udp->message = &message->udp;
	udp->reply.extend = udp_reply_extend;
	udp->reply.failed = false;
	udp->reply.cursor = udp_message_begin(&message->udp, message->in_place, &udp->reply.limit);
	message->begun = true;
	return udp->reply.cursor == NULL ? -ENOBUFS : 0;
}

/* Sends the chain of datagrams; the last one stands for the whole answer in the accounts. */
static void
message_send(struct worker *worker, struct message *message)
{
	struct rte_mbuf *mbuf = message->udp.first, *next;

	for (; mbuf != NULL; mbuf = next) {
		next = mbuf->next;
		mbuf->next = NULL;
		worker_send(worker, message->port, mbuf, next == NULL);
	}
}

/* The reply is complete: sends it, or accounts for its absence. */
static void
message_end(struct worker *worker, struct message *message, struct udp_reply *udp)
{
	struct rte_mbuf *question = message->udp.packet.mbuf;
	bool silent = message->udp.datagrams == 1 && udp->reply.cursor == message->udp.payload;

	if (udp->reply.failed || silent) {
		udp_message_abandon(&message->udp);
		worker_drop(worker, question,
			    silent ? NET_DROP_no_reply : NET_DROP_reply_no_buffer);
		return;
	}
	udp_message_close(&message->udp, udp->reply.cursor);
	if (message->udp.first != question)
		rte_pktmbuf_free(question);
	message_send(worker, message);
}

/* Writes the replies of a message's executed requests; ends the message unless more will follow. */
static void
message_write(struct worker *worker, struct message *message, bool more)
{
	struct batch *batch = &worker->batch;
	struct udp_reply *udp = &batch->reply;

	if (message->connection != NULL) {
		client_write(worker, message);
		return;
	}
	if (!message->begun && message_begin_reply(message, udp) != 0)
		udp->reply.failed = true;
	for (unsigned int i = 0; i < message->count && !udp->reply.failed; i++)
		request_write(&worker->server, &batch->request[message->first + i], &udp->reply);
	if (!more)
		message_end(worker, message, udp);
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

	store_prepare(worker->server.store, batch->op, batch->ops);
	store_probe(worker->server.store, batch->op, batch->ops);
	probed = rte_rdtsc();
	for (unsigned int i = 0; i < batch->requests; i++)
		request_execute(&worker->server, &batch->request[i]);
	executed = rte_rdtsc();
	for (unsigned int i = 0; i < batch->messages; i++)
		message_write(worker, &batch->message[i], more && i + 1 == batch->messages);
	written = rte_rdtsc();

	worker->stats.cycles_probe += probed - started;
	worker->stats.cycles_execute += executed - probed;
	worker->stats.cycles_write += written - executed;
	worker->stats.requests += batch->requests;
	worker->stats.batches++;
	batch->messages = 0;
	batch->requests = 0;
	batch->ops = 0;
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

/* Takes note of requests [from, batch->requests) that the parser has just added. */
static void
message_take_requests(struct batch *batch, struct message *message, unsigned int from)
{
	for (unsigned int i = from; i < batch->requests; i++) {
		struct request *request = &batch->request[i];

		if (request->op.verb != STORE_NONE)
			batch->op[batch->ops++] = &request->op;
		if ((request->flags & REQUEST_ECHO) != 0)
			message->in_place = false;
	}
	message->count += batch->requests - from;
}

struct message *
batch_add_stream(struct worker *worker, struct tcp_connection *connection, unsigned int first)
{
	struct batch *batch = &worker->batch;
	struct message *message = batch_next(batch);

	message->connection = connection;
	message->first = first;
	message->count = 0;
	message->ends = false;
	message_take_requests(batch, message, first);
	batch->messages++;
	return message;
}

void
batch_add(struct worker *worker, struct worker_port *port)
{
	struct batch *batch = &worker->batch;
	struct message *message = batch_next(batch);
	struct stream stream = {.datagram = true};
	enum parse_result result;
	const uint8_t *bytes;
	size_t length, consumed;

	if (udp_message_open(&message->udp, &port->interface, port->pool) == VERDICT_DROP) {
		worker_drop(worker, message->udp.packet.mbuf, message->udp.packet.drop);
		return;
	}
	bytes = message->udp.packet.payload;
	length = message->udp.packet.payload_length;
	message->port = port;
	message->connection = NULL;
	message->first = batch->requests;
	message->count = 0;
	message->in_place = true;
	message->begun = false;
	batch->messages++;
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
