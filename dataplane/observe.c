/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/observe.h"

#include <rte_cycles.h>

#include "dataplane/worker.h"

enum {
	SEND_MAX = 16 << 10, /* bytes of text that a watcher is sent in a turn */
};

/* --- requests ------------------------------------------------------------------------------- */

/* Requests of one message. */
struct observation {
	struct worker *worker;
	uint32_t wanted;
	struct event event; /* of each; what all have in common is filled in */
};

static void
tell(struct observation *observation, enum event_type type, const struct store_op *op)
{
	struct event *event = &observation->event;

	if ((observation->wanted & event_kind(type)) == 0)
		return;
	event->type = (uint8_t)type;
	event->key_length = op->key_length;
	watch_tell(observation->worker->watch, observation->worker->index, event, op->key);
}

static void
tell_lookup(struct observation *observation, const struct store_op *op, bool found)
{
	struct event *event = &observation->event;

	if (found)
		event->status = LOOKUP_FOUND;
	else if ((op->options & STORE_FOUND_EXPIRED) != 0)
		event->status = LOOKUP_EXPIRED;
	else if ((op->options & STORE_FOUND_FLUSHED) != 0)
		event->status = LOOKUP_FLUSHED;
	else
		event->status = LOOKUP_NOT_FOUND;
	event->class = found;
	event->size = found ? op->value_length : 0;
	tell(observation, EVENT_ITEM_GET, op);
}

static void
tell_store(struct observation *observation, const struct store_op *op, const char *command,
	   enum event_outcome outcome)
{
	struct event *event = &observation->event;

	event->status = (uint8_t)outcome;
	event->command = command;
	event->class = outcome != OUTCOME_TOO_LARGE;
	event->size = outcome == OUTCOME_STORED ? op->value_length : op->data_length;
	event->exptime = op->exptime;
	tell(observation, EVENT_ITEM_STORE, op);
}

static enum event_outcome
outcome_of(const struct store_op *op)
{
	bool compares = (op->options & STORE_IF_CAS) != 0;

	switch ((enum store_status)op->status) {
	case STORE_OK:
		return OUTCOME_STORED;
	case STORE_TOO_LARGE:
		return OUTCOME_TOO_LARGE;
	case STORE_NO_MEMORY:
		return OUTCOME_NO_MEMORY;
	case STORE_EXISTS:
		return compares && op->verb != STORE_ADD ? OUTCOME_EXISTS : OUTCOME_NOT_STORED;
	case STORE_NOT_FOUND:
		return compares && op->verb == STORE_SET ? OUTCOME_NOT_FOUND : OUTCOME_NOT_STORED;
	default:
		return OUTCOME_NOT_STORED;
	}
}

/* An absent number that was made is told as memcached does it: not found, then added. */
static void
tell_arithmetic(struct observation *observation, const struct store_op *op)
{
	bool made = (op->options & STORE_CREATED) != 0;

	tell_lookup(observation, op, !made && op->status != STORE_NOT_FOUND);
	if (made)
		tell_store(observation, op, "add", OUTCOME_STORED);
}

static void
tell_delete(struct observation *observation, const struct store_op *op, bool meta)
{
	bool stays = (op->options & (STORE_INVALIDATE | STORE_DROP_VALUE)) != 0;

	tell_lookup(observation, op, op->status != STORE_NOT_FOUND);
	if (op->status != STORE_OK || stays)
		return;
	observation->event.command = meta ? "md" : "delete";
	tell(observation, EVENT_ITEM_DELETED, op);
}

static void
tell_request(struct observation *observation, const struct request *request)
{
	static const char *const names[] = {
		[STORE_SET] = "set",	   [STORE_ADD] = "add",		[STORE_REPLACE] = "replace",
		[STORE_APPEND] = "append", [STORE_PREPEND] = "prepend",
	};
	const struct store_op *op = &request->op;
	bool compares = op->verb == STORE_SET && (op->options & STORE_IF_CAS) != 0;

	/* the old value of one that is refused is removed: told as the refusal */
	if ((request->flags & REQUEST_SIDE_EFFECT) != 0) {
		tell_store(observation, op, "set", OUTCOME_TOO_LARGE);
		return;
	}
	switch ((enum store_verb)op->verb) {
	case STORE_NONE:
		return;
	case STORE_GET:
	case STORE_GAT:
	case STORE_TOUCH:
		tell_lookup(observation, op,
			    op->status == STORE_OK && (op->options & STORE_CREATED) == 0);
		return;
	case STORE_INCR:
	case STORE_DECR:
		tell_arithmetic(observation, op);
		return;
	case STORE_DELETE:
		tell_delete(observation, op, (request->flags & REQUEST_META) != 0);
		return;
	default:
		tell_store(observation, op, compares ? "cas" : names[op->verb], outcome_of(op));
	}
}

/* The number of the socket that a message came by. */
static uint32_t
message_number(const struct worker *worker, const struct message *message)
{
	unsigned int port;
	bool ipv4;

	if (message->connection != NULL)
		return listing_number(worker, message->connection);
	port = (unsigned int)(message->port - worker->ports);
	ipv4 = message->plain || address_is_ipv4(&message->udp.packet.source);
	return listing_datagram_number(worker, port, ipv4);
}

void
observe_batch(struct worker *worker, uint32_t wanted)
{
	const struct batch *batch = &worker->batch;
	struct observation observation = {
		.worker = worker, .wanted = wanted, .event = {.time = rte_rdtsc()}};

	for (unsigned int i = 0; i < batch->messages; i++) {
		const struct message *message = &batch->message[i];
		const struct request *request = &batch->request[message->first];

		observation.event.connection = message_number(worker, message);
		for (unsigned int j = 0; j < message->count; j++) {
			if (request[j].action == REQUEST_STORE)
				tell_request(&observation, &request[j]);
		}
	}
}

/* --- connections ---------------------------------------------------------------------------- */

static void
tell_connection(struct worker *worker, const struct tcp_connection *connection,
		enum event_type type, const struct tcp_peer *peer, enum event_reason reason)
{
	struct event event = {
		.time = rte_rdtsc(),
		.connection = listing_number(worker, connection),
		.port = rte_be_to_cpu_16(peer->port),
		.type = (uint8_t)type,
		.status = (uint8_t)reason,
		.key_length = sizeof(peer->address.bytes),
	};

	watch_tell(worker->watch, worker->index, &event, peer->address.bytes);
}

void
observe_opened(void *arg, struct tcp_connection *connection)
{
	struct worker *worker = arg;
	struct tcp_peer peer;

	if ((watch_wanted(worker->watch) & EVENT_CONNECTIONS) == 0)
		return;
	tcp_describe(connection, &peer);
	tell_connection(worker, connection, EVENT_CONNECTION_NEW, &peer, REASON_NORMAL);
}

void
observe_closed(struct worker *worker, const struct tcp_connection *connection)
{
	enum event_reason reason = REASON_ERROR;
	struct tcp_peer peer;

	if ((watch_wanted(worker->watch) & EVENT_CONNECTIONS) == 0)
		return;
	tcp_describe(connection, &peer);
	if (peer.closed)
		reason = REASON_NORMAL;
	else if (atomic_load_explicit(worker->stop, memory_order_relaxed)) /* a hint */
		reason = REASON_SHUTDOWN;
	else if (peer.idle)
		reason = REASON_IDLE_TIMEOUT;
	tell_connection(worker, connection, EVENT_CONNECTION_CLOSE, &peer, reason);
}

/* --- items that are dropped ----------------------------------------------------------------- */

void
observe_evicted(void *arg, unsigned int thread, const struct store_op *item)
{
	struct watch *watch = arg;
	struct event event;

	if ((watch_wanted(watch) & EVENT_EVICTIONS) == 0)
		return;
	event = (struct event){
		.time = rte_rdtsc(),
		.exptime = item->ttl,
		.size = item->value_length,
		.idle = item->idle,
		.type = EVENT_EVICTION,
		.key_length = item->key_length,
		.class = 1,
		.fetched = (item->options & STORE_FETCHED) != 0,
	};
	watch_tell(watch, thread, &event, item->key);
}

/* --- watchers ------------------------------------------------------------------------------- */

bool
observe_join(struct worker *worker, struct tcp_connection *connection, uint32_t kinds)
{
	struct client *client = tcp_user(connection);
	int number;

	if (worker->watch == NULL)
		return false;
	number = watch_join(worker->watch, worker->index, kinds, rte_rdtsc());
	if (number < 0)
		return false;
	client->watcher = (uint8_t)(number + 1);
	worker->watcher[number] = connection;
	worker->watchers |= 1u << number;
	return true;
}

void
observe_leave(struct worker *worker, struct tcp_connection *connection)
{
	struct client *client = tcp_user(connection);
	unsigned int number = client->watcher - 1u;

	if (client->watcher == 0)
		return;
	client->watcher = 0;
	worker->watchers &= ~(1u << number);
	watch_leave(worker->watch, number);
}

/* What is there, as far as it goes in a turn. True if there was anything. */
static bool
watcher_send(struct worker *worker, struct byte_ring *text, struct tcp_connection *connection)
{
	const struct client *client = tcp_user(connection);
	struct stream_reply *stream;
	const uint8_t *bytes;
	size_t sent = 0, length;

	if (client->failed || tcp_is_congested(connection) || byte_ring_used(text) == 0)
		return false;
	stream = client_reply_open(worker, connection);
	while (!stream->reply.failed && sent < SEND_MAX &&
	       (length = byte_ring_span(text, &bytes, SEND_MAX - sent)) != 0) {
		reply_put(&stream->reply, bytes, length);
		byte_ring_take(text, length);
		sent += length;
	}
	client_reply_close(worker, stream);
	return true;
}

bool
observe_send(struct worker *worker)
{
	bool sent = false;

	for (uint32_t left = worker->watchers; left != 0; left &= left - 1) {
		unsigned int number = (unsigned int)__builtin_ctz(left);

		sent |= watcher_send(worker, &worker->watch->watcher[number].text,
				     worker->watcher[number]);
	}
	return sent;
}

bool
observe_has_mail(const struct worker *worker)
{
	for (uint32_t left = worker->watchers; left != 0; left &= left - 1) {
		unsigned int number = (unsigned int)__builtin_ctz(left);

		if (byte_ring_used(&worker->watch->watcher[number].text) != 0 &&
		    !tcp_is_congested(worker->watcher[number]))
			return true;
	}
	return false;
}
