/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/client.h"

#include <assert.h>
#include <errno.h>

#include "dataplane/listing.h"
#include "dataplane/observe.h"
#include "dataplane/proto/dump.h"
#include "dataplane/proto/gets.h"
#include "dataplane/worker.h"

enum {
	DUMP_STEPS = 8, /* of the store's walk in a turn: some tens of items */
};

static struct client *
client_of(struct tcp_connection *connection)
{
	return tcp_user(connection);
}

/* --- what can't go on ---------------------------------------------------------------------- */

/* No buffer was left: the connection is reset at the end of the turn, when no message is about it. */
static void
client_fail(struct worker *worker, struct tcp_connection *connection)
{
	struct client *client = client_of(connection);

	client->closing = true;
	if (client->failed)
		return;
	client->failed = true;
	client->next_failed = worker->failed;
	worker->failed = connection;
}

void
client_reset_failed(struct worker *worker)
{
	struct tcp_connection *connection = worker->failed, *next;

	worker->failed = NULL;
	for (; connection != NULL; connection = next) {
		next = client_of(connection)->next_failed;
		tcp_abort(connection);
	}
}

static void
client_drop_head(struct worker *worker, struct client *client, bool later)
{
	if (client->head == NULL)
		return;
	tcp_buffer_give(worker->tcp, (uint8_t *)client->head, later);
	client->head = NULL;
	client->uploading = false;
}

void
client_closed(void *arg, struct tcp_connection *connection)
{
	struct worker *worker = arg;
	struct client *client = client_of(connection);

	if (client->uploading && client->head->upload.request.op.reservation != 0)
		store_abandon(worker->server.store, client->head->upload.request.op.reservation);
	client_drop_head(worker, client, false);
	if (worker->dump.connection == connection)
		worker->dump.connection = NULL;
	observe_leave(worker, connection);
	listing_forget(worker, connection);
	if (!client->refused)
		observe_closed(worker, connection);
}

void
client_refuse(void *arg, struct tcp_connection *connection)
{
	static const char line[] = "ERROR Too many open connections\r\n";
	struct worker *worker = arg;
	uint8_t *limit, *at = tcp_write_begin(connection, &limit);

	client_of(connection)->closing = true;
	client_of(connection)->refused = true;
	if (at == NULL || (size_t)(limit - at) < sizeof(line) - 1) {
		client_fail(worker, connection);
		return;
	}
	memcpy(at, line, sizeof(line) - 1);
	tcp_write_end(connection, at + sizeof(line) - 1);
	tcp_close(connection);
}

/* A buffer to keep bytes in, `length` of them so far. NULL: the connection has failed. */
static struct head *
client_new_head(struct worker *worker, struct tcp_connection *connection, const uint8_t *bytes,
		size_t length)
{
	struct client *client = client_of(connection);
	struct head *head = (struct head *)(void *)tcp_buffer_take(worker->tcp);

	if (head == NULL) {
		client_fail(worker, connection);
		return NULL;
	}
	client_drop_head(worker, client, true);
	memcpy(head->bytes, bytes, length);
	head->length = (uint32_t)length;
	client->head = head;
	return head;
}

/* The stream ends with what has been read: its replies, then the end. */
static void
client_end(struct worker *worker, struct tcp_connection *connection)
{
	client_of(connection)->closing = true;
	observe_leave(worker, connection);
	batch_add_stream(worker, connection, worker->batch.requests)->ends = true;
}

/* --- large values -------------------------------------------------------------------------- */

/* The value has arrived whole: its request joins the batch. */
static void
client_end_upload(struct worker *worker, struct tcp_connection *connection)
{
	struct client *client = client_of(connection);
	struct upload *upload = &client->head->upload;
	uint64_t reservation = upload->request.op.reservation;
	struct batch *batch = &worker->batch;
	unsigned int first = batch->requests;

	request_end_data(&upload->request, upload->trailer);
	if (upload->request.action != REQUEST_STORE && reservation != 0)
		store_abandon(worker->server.store, reservation);
	batch->request[batch->requests++] = upload->request;
	batch_add_stream(worker, connection, first);
	client_drop_head(worker, client, true);
	if (batch_full(batch))
		batch_run(worker);
}

/* Takes the next bytes of the value that is being received, and of its trailer; how many. */
static size_t
client_upload(struct worker *worker, struct tcp_connection *connection, const uint8_t *bytes,
	      size_t length)
{
	struct upload *upload = &client_of(connection)->head->upload;
	const struct store_op *op = &upload->request.op;
	uint32_t total = op->data_length + request_trailer(&upload->request);
	size_t taken = RTE_MIN(length, (size_t)(total - upload->received)), data = 0;

	if (upload->received < op->data_length)
		data = RTE_MIN(taken, (size_t)(op->data_length - upload->received));
	if (op->reservation != 0 && data != 0)
		memcpy(store_reservation_value(worker->server.store, op->reservation) +
			       upload->received,
		       bytes, data);
	if (taken > data)
		memcpy(upload->trailer + (upload->received + data - op->data_length), bytes + data,
		       taken - data);
	upload->received += (uint32_t)taken;
	if (upload->received == total)
		client_end_upload(worker, connection);
	return taken;
}

/*
 * The request's words lie before `data`, where its value begins: they are kept, the value goes to its
 * place in the store as it comes. Without room there it is received all the same, to nowhere.
 */
static void
client_begin_upload(struct worker *worker, struct tcp_connection *connection,
		    const struct request *request, const uint8_t *start, const uint8_t *data)
{
	const uint8_t *from = request->op.key, *text = (const uint8_t *)request->text;
	bool has_text = text >= start && text < data;
	struct upload *upload;
	struct head *head;

	if (has_text && text < from)
		from = text;
	if (data - from > CLIENT_HEAD_MAX) {
		client_fail(worker, connection);
		return;
	}
	head = client_new_head(worker, connection, from, (size_t)(data - from));
	if (head == NULL)
		return;
	upload = &head->upload;
	upload->request = *request;
	upload->received = 0;
	upload->request.op.key = head->bytes + (request->op.key - from);
	if (has_text)
		upload->request.text = (const char *)head->bytes + (text - from);
	if (store_reserve(worker->server.store, &upload->request.op,
			  &upload->request.op.reservation) != 0) {
		upload->request.op.reservation = 0;
		upload->request.flags |= REQUEST_NO_MEMORY;
	}
	client_of(connection)->uploading = true;
}

/* --- commands ------------------------------------------------------------------------------ */

/*
 * Parses whole commands into the batch, which is run whenever it is full; returns how many bytes
 * they took. *result: why the rest was left. The bytes must stay in place until the end of the turn.
 */
static size_t
client_parse(struct worker *worker, struct tcp_connection *connection, const uint8_t *bytes,
	     size_t length, enum parse_result *result)
{
	struct client *client = client_of(connection);
	struct batch *batch = &worker->batch;
	size_t used = 0, consumed;

	do {
		unsigned int first = batch->requests;
		struct request upload;

		*result = requests_parse(&client->stream, &worker->limits, bytes + used,
					 length - used, batch->request, BATCH_REQUESTS,
					 &batch->requests, &consumed);
		used += consumed;
		if (*result == PARSE_DATA)
			upload = batch->request[--batch->requests];
		if (batch->requests != first)
			batch_add_stream(worker, connection, first);
		if (*result == PARSE_DATA)
			client_begin_upload(worker, connection, &upload, bytes, bytes + used);
		client->paused = *result == PARSE_PAUSE;
		if (batch_full(batch) || client->paused)
			batch_run(worker); /* may end the pause */
	} while ((*result == PARSE_FULL || *result == PARSE_PAUSE) && !client->paused &&
		 !client->failed);
	return used;
}

/* How many of the bytes surely belong to the command whose beginning is kept. */
static size_t
client_missing(const struct client *client, const uint8_t *bytes, size_t length)
{
	const struct head *head = client->head;
	const uint8_t *newline;
	size_t wanted = length;

	if (client->stream.wanted > head->length)
		wanted = client->stream.wanted - head->length;
	else if ((newline = memchr(bytes, '\n', length)) != NULL)
		wanted = (size_t)(newline - bytes) + 1;
	wanted = RTE_MIN(wanted, length);
	return RTE_MIN(wanted, (size_t)CLIENT_HEAD_MAX - head->length);
}

/* Goes on with a command that came in pieces; returns how many bytes that took. */
static size_t
client_assemble(struct worker *worker, struct tcp_connection *connection, const uint8_t *bytes,
		size_t length)
{
	struct client *client = client_of(connection);
	struct head *head = client->head;
	size_t taken = client_missing(client, bytes, length), used;
	enum parse_result result;

	memcpy(head->bytes + head->length, bytes, taken);
	head->length += (uint32_t)taken;
	used = client_parse(worker, connection, head->bytes, head->length, &result);
	if (client->failed)
		return taken;
	if (result == PARSE_CLOSE)
		client_end(worker, connection);
	else if (result == PARSE_MORE && used == 0 && head->length == CLIENT_HEAD_MAX)
		client_end(worker, connection); /* no command is that long */
	else if (result == PARSE_DATA)
		return taken; /* its words are kept, and no byte behind them was here */
	else if (used == head->length)
		client_drop_head(worker, client, true);
	else if (used != 0)
		client_new_head(worker, connection, head->bytes + used, head->length - used);
	return taken;
}

/* Takes commands out of bytes as they arrived; returns how many that took. */
static size_t
client_take(struct worker *worker, struct tcp_connection *connection, const uint8_t *bytes,
	    size_t length)
{
	struct client *client = client_of(connection);
	enum parse_result result;
	size_t used = client_parse(worker, connection, bytes, length, &result);

	if (client->failed)
		return used;
	if (result == PARSE_CLOSE)
		client_end(worker, connection);
	if (result != PARSE_MORE || used == length)
		return used;
	/* the rest is the beginning of a command; a longer one than can be kept is cut */
	length = RTE_MIN(length - used, (size_t)CLIENT_HEAD_MAX);
	client_new_head(worker, connection, bytes + used, length);
	return used + length;
}

/* A watcher's reply has no end to be waited for. */
static bool
client_reads(const struct client *client)
{
	return !client->paused || client->watcher != 0;
}

void
client_read(struct worker *worker, struct tcp_connection *connection)
{
	struct client *client = client_of(connection);
	const uint8_t *bytes;
	size_t length;

	while (!client->closing && client_reads(client) && !tcp_is_congested(connection) &&
	       (length = tcp_receive(connection, &bytes)) != 0) {
		size_t used;

		if (client->watcher != 0)
			used = length; /* it can only go: what it says is not for us */
		else if (client->uploading)
			used = client_upload(worker, connection, bytes, length);
		else if (client->head != NULL)
			used = client_assemble(worker, connection, bytes, length);
		else
			used = client_take(worker, connection, bytes, length);
		tcp_take(connection, used);
	}
	if (!client->closing && client_reads(client) && tcp_at_end(connection))
		client_end(worker, connection);
	/* only now: to end a stream is to let go of its bytes, those that were not taken as well */
	if (batch_full(&worker->batch))
		batch_run(worker);
}

/* --- long replies -------------------------------------------------------------------------- */

static bool
client_begin_dump(struct worker *worker, struct tcp_connection *connection, uint16_t kind)
{
	if (worker->dump.connection != NULL)
		return false;
	worker->dump = (struct dump){.connection = connection, .kind = (uint8_t)kind};
	return true;
}

/*
 * Begins the long reply that the request asked for, whose connection has paused. False: it asked for
 * none, or there can be none, so that the pause is over.
 */
static bool
client_begin_long(struct worker *worker, struct tcp_connection *connection,
		  const struct request *request, struct reply *reply)
{
	bool begun;

	switch (request->action) {
	case REQUEST_DUMP:
		begun = client_begin_dump(worker, connection, request->code);
		break;
	case REQUEST_WATCH:
		begun = observe_join(worker, connection, (uint32_t)request->argument);
		if (begun) {
			tcp_be_patient(connection);
			reply_put(reply, "OK\r\n", 4);
		}
		break;
	case REQUEST_CONNECTIONS:
		listing_begin(worker, connection);
		begun = true;
		break;
	default:
		return false;
	}
	client_of(connection)->paused = begun;
	return begun;
}

void
client_resume(struct worker *worker, struct tcp_connection *connection)
{
	client_of(connection)->paused = false;
	client_read(worker, connection);
}

/* --- replies ------------------------------------------------------------------------------- */

static int
stream_reply_begin(struct stream_reply *stream)
{
	stream->reply.cursor = tcp_write_begin(stream->connection, &stream->reply.limit);
	return stream->reply.cursor == NULL ? -ENOBUFS : 0;
}

static int
stream_reply_extend(struct reply *reply)
{
	struct stream_reply *stream = container_of(reply, struct stream_reply, reply);

	tcp_write_end(stream->connection, reply->cursor);
	return stream_reply_begin(stream);
}

static int
stream_reply_refer(struct reply *reply, const struct store_op *op)
{
	struct stream_reply *stream = container_of(reply, struct stream_reply, reply);
	uint32_t pin = store_pin(stream->store, op);

	tcp_write_end(stream->connection, reply->cursor);
	if (tcp_send_pinned(stream->connection, op->value, op->value_length, pin) != 0) {
		store_unpin(stream->store, pin);
		return -ENOBUFS;
	}
	return stream_reply_begin(stream);
}

struct stream_reply *
client_reply_open(struct worker *worker, struct tcp_connection *connection)
{
	struct stream_reply *stream = &worker->batch.stream_reply;

	stream->connection = connection;
	stream->store = worker->server.store;
	stream->reply.extend = stream_reply_extend;
	stream->reply.refer = stream_reply_refer;
	stream->reply.failed = stream_reply_begin(stream) != 0;
	return stream;
}

bool
client_reply_close(struct worker *worker, struct stream_reply *stream)
{
	if (stream->reply.failed) {
		client_fail(worker, stream->connection);
		return false;
	}
	tcp_write_end(stream->connection, stream->reply.cursor);
	return true;
}

void
client_write(struct worker *worker, const struct message *message)
{
	const struct request *request = &worker->batch.request[message->first];
	struct stream_reply *stream;

	if (client_of(message->connection)->failed)
		return;
	stream = client_reply_open(worker, message->connection);
	for (unsigned int i = 0; i < message->count && !stream->reply.failed; i++) {
		if (request[i].action < REQUEST_DUMP ||
		    !client_begin_long(worker, message->connection, &request[i], &stream->reply))
			requests_write(&worker->server, &request[i], 1, &stream->reply);
	}
	if (client_reply_close(worker, stream) && message->ends)
		tcp_close(message->connection);
}

struct dump_visit {
	struct reply *reply;
	enum dump_kind kind;
	int64_t now;
};

static void
dump_visit(void *arg, const struct store_op *item)
{
	struct dump_visit *visit = arg;

	dump_item(visit->reply, visit->kind, item, visit->now);
}

/* The next few items. False: those were the last. */
static bool
dump_some(struct worker *worker)
{
	struct dump *dump = &worker->dump;
	struct reply *reply = &worker->batch.stream_reply.reply;
	struct dump_visit visit = {
		.reply = reply, .kind = dump->kind, .now = store_unix_time(worker->server.store)};

	for (unsigned int i = 0; i < DUMP_STEPS; i++) {
		if (!store_walk(worker->server.store, &dump->cursor, dump_visit, &visit)) {
			dump_end(reply, dump->kind);
			return false;
		}
	}
	return true;
}

bool
client_dump(struct worker *worker)
{
	struct tcp_connection *connection = worker->dump.connection;
	struct stream_reply *stream;
	bool more;

	if (connection == NULL || client_of(connection)->failed || tcp_is_congested(connection))
		return false;
	stream = client_reply_open(worker, connection);
	more = stream->reply.failed || dump_some(worker);
	if (!client_reply_close(worker, stream))
		return false;
	if (!more) {
		worker->dump.connection = NULL;
		client_resume(worker, connection);
	}
	return true;
}
