/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * session.h - the codecs and a store in a box: bytes in, reply bytes out, no network. What reaches
 * the parser, how many requests it may give at a time, and how long the pieces are that replies are
 * written into can be cut at random, as a transport would.
 */
#ifndef JACKDAW_TESTS_SESSION_H
#define JACKDAW_TESTS_SESSION_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/proto/gets.h"

/* SplitMix64 (Steele, Lea, Flood 2014): small, seedable, good enough to choose with. */
static inline uint64_t
random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static inline uint32_t
random_below(uint64_t *state, uint32_t bound)
{
	return (uint32_t)((random_next(state) >> 32) * bound >> 32);
}

/* A run of bytes that grows. */
struct bytes {
	uint8_t *start;
	size_t length, room;
};

static inline void
bytes_make_room(struct bytes *bytes, size_t more)
{
	if (bytes->length + more <= bytes->room)
		return;
	bytes->room = (bytes->length + more) * 2;
	bytes->start = realloc(bytes->start, bytes->room);
	if (bytes->start == NULL)
		abort();
}

static inline void
bytes_add(struct bytes *bytes, const void *from, size_t length)
{
	bytes_make_room(bytes, length);
	if (length != 0)
		memcpy(bytes->start + bytes->length, from, length);
	bytes->length += length;
}

static inline void
bytes_add_text(struct bytes *bytes, const char *text)
{
	bytes_add(bytes, text, strlen(text));
}

static inline void
bytes_free(struct bytes *bytes)
{
	free(bytes->start);
	*bytes = (struct bytes){0};
}

enum {
	SESSION_REQUESTS = 256,
	/* bytes of a datagram with the room for a reply in place, of as many values as it may ask for */
	SESSION_DATAGRAM_MAX = SESSION_REQUESTS * 2500,
	SESSION_TIDY_EVERY = 8, /* streams */
	SESSION_ITEM_MAX = 1 << 20,
	SESSION_START = 1700000000, /* seconds since 1970 */
};

/* A value that is received straight into its place (PARSE_DATA), as a TCP client's. */
struct session_upload {
	bool going_on;
	struct request request;
	struct bytes words; /* what the request points into */
	uint32_t received;
	uint8_t trailer[2];
};

struct session {
	struct reply reply; /* first: extend() finds the session by it */
	struct bytes out;
	size_t piece;	   /* bytes a piece of reply; 0: chosen at random */
	unsigned int room; /* requests a call may give; 0: chosen at random */
	uint64_t random;
	unsigned int streams; /* so far */
	struct stream stream;
	struct parse_limits limits;
	struct proto_stats stats;
	struct server server;
	struct store *store;
	bool closed;
	bool paused;   /* the stream has had an answer that a datagram can't have */
	bool outgrown; /* or an answer to keys whose line has not ended */
	struct session_upload upload;
	uint8_t *packet; /* SESSION_DATAGRAM_MAX bytes, from the first datagram on */
	enum parse_result last;
	struct request request[SESSION_REQUESTS];
};

static inline int
session_report(void *owner, const char *group, size_t length, stat_emit *emit, void *arg)
{
	(void)owner;
	if (length != 0 && !(length == 5 && memcmp(group, "items", 5) == 0))
		return -ENOENT;
	if (length == 0) {
		emit(arg, "pid", "7");
		emit(arg, "version", "1.6.18");
	}
	return 0;
}

static inline int
session_set_memory(void *owner, uint64_t bytes)
{
	return store_set_memory(((struct session *)owner)->store, bytes);
}

static inline void
session_reset(void *owner)
{
	struct session *session = owner;

	memset(&session->stats, 0, sizeof(session->stats));
}

static inline int
session_extend(struct reply *reply)
{
	struct session *session = (struct session *)reply;
	size_t piece =
		session->piece != 0 ? session->piece : 1 + random_below(&session->random, 1500);

	if (session->out.start != NULL)
		session->out.length = (size_t)(reply->cursor - session->out.start);
	bytes_make_room(&session->out, piece);
	reply->cursor = session->out.start + session->out.length;
	reply->limit = reply->cursor + piece;
	return 0;
}

/* What the janitor's thread does for a server, done here in between. */
static inline void
session_tidy(struct session *session)
{
	store_offline(session->server.store);
	while (store_janitor(session->store))
		;
	store_online(session->server.store);
}

/* A new stream to the same store. */
static inline void
session_restart(struct session *session, bool datagram)
{
	if (++session->streams % SESSION_TIDY_EVERY == 0)
		session_tidy(session);
	session->stream = (struct stream){.datagram = datagram};
	if (session->upload.going_on && session->upload.request.op.reservation != 0)
		store_abandon(session->server.store, session->upload.request.op.reservation);
	session->upload.going_on = false;
	session->closed = false;
	session->paused = false;
	session->outgrown = false;
	session->out.length = 0;
	session->reply.failed = false;
	session->reply.extend = session_extend;
	session->reply.cursor = session->reply.limit = session->out.start;
	session_extend(&session->reply);
}

static inline int
session_open(struct session *session, uint64_t memory, int64_t unix_time)
{
	struct store_options options = {
		.memory = memory,
		.item_size_max = SESSION_ITEM_MAX,
		.workers = 1,
		.shards = 1,
		.numa_nodes = {-1},
		.secret = {1, 2, 3},
		.unix_time = unix_time,
	};
	int status;

	memset(session, 0, sizeof(*session));
	session->piece = 1400;
	session->room = SESSION_REQUESTS;
	session->limits.item_size_max = SESSION_ITEM_MAX;
	status = store_create(&session->store, &options);
	if (status != 0)
		return status;
	status = store_worker_open(session->store, 0, &session->server.store);
	if (status != 0)
		return status;
	session->server.stats = &session->stats;
	session->server.version = "1.6.18";
	session->server.report = session_report;
	session->server.reset = session_reset;
	session->server.set_memory = session_set_memory;
	session->server.owner = session;
	session_restart(session, false);
	return 0;
}

static inline void
session_close(struct session *session)
{
	store_worker_close(session->server.store);
	store_destroy(session->store);
	bytes_free(&session->out);
	bytes_free(&session->upload.words);
	free(session->packet);
}

/* Executes what was parsed, as a worker's batch does. */
static inline void
session_execute(struct session *session, unsigned int count)
{
	struct store_op *ops[SESSION_REQUESTS];
	unsigned int n = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (session->request[i].op.verb != STORE_NONE)
			ops[n++] = &session->request[i].op;
	}
	store_prepare(session->server.store, ops, n);
	store_probe(session->server.store, ops, n);
	for (unsigned int i = 0; i < count; i++)
		requests_execute(&session->server, &session->request[i], 1);
}

static inline void
session_write(struct session *session, unsigned int count)
{
	requests_write(&session->server, session->request, count, &session->reply);
	session->out.length = (size_t)(session->reply.cursor - session->out.start);
	store_quiescent(session->server.store);
}

/* Keeps a request and the words that it points into, which lie before `data`. */
static inline void
session_begin_upload(struct session *session, const struct request *request, const uint8_t *start,
		     const uint8_t *data)
{
	struct session_upload *upload = &session->upload;
	struct store_op *op = &upload->request.op;
	const uint8_t *text = (const uint8_t *)request->text;

	upload->going_on = true;
	upload->received = 0;
	upload->request = *request;
	upload->words.length = 0;
	bytes_add(&upload->words, start, (size_t)(data - start));
	op->key = upload->words.start + (request->op.key - start);
	if (text >= start && text < data)
		upload->request.text = (const char *)upload->words.start + (text - start);
	if (store_reserve(session->server.store, op, &op->reservation) != 0) {
		op->reservation = 0;
		upload->request.flags |= REQUEST_NO_MEMORY;
	}
}

/* Takes the next bytes of a value that is on its way; how many. */
static inline size_t
session_go_on_uploading(struct session *session, const uint8_t *bytes, size_t length)
{
	struct session_upload *upload = &session->upload;
	uint64_t place = upload->request.op.reservation;
	uint32_t data = upload->request.op.data_length;
	size_t taken = 0;

	for (; taken < length && upload->received < data; taken++, upload->received++)
		if (place != 0)
			store_reservation_value(session->server.store, place)[upload->received] =
				bytes[taken];
	for (; taken < length && upload->received < data + request_trailer(&upload->request);
	     taken++, upload->received++)
		upload->trailer[upload->received - data] = bytes[taken];
	if (upload->received < data + request_trailer(&upload->request))
		return taken;
	upload->going_on = false;
	request_end_data(&upload->request, upload->trailer);
	if (upload->request.action != REQUEST_STORE && place != 0)
		store_abandon(session->server.store, place);
	session->request[0] = upload->request;
	session_execute(session, 1);
	session_write(session, 1);
	return taken;
}

/* Parses and answers from bytes what can be. Returns the bytes used. */
static inline size_t
session_take(struct session *session, const uint8_t *bytes, size_t length)
{
	size_t used = 0, consumed;

	do {
		unsigned int count = 0, room = session->room;
		struct request upload;

		if (room == 0)
			room = 1 + random_below(&session->random, 9);
		session->last =
			requests_parse(&session->stream, &session->limits, bytes + used,
				       length - used, session->request, room, &count, &consumed);
		used += consumed;
		if (session->last == PARSE_DATA)
			upload = session->request[--count];
		session_execute(session, count);
		session_write(session, count);
		if (session->last == PARSE_DATA)
			session_begin_upload(session, &upload, bytes, bytes + used);
		session->outgrown |= session->last == PARSE_MORE && session->stream.verb != 0 &&
				     session->stream.protocol == PROTOCOL_TEXT;
		session->paused |= session->last == PARSE_PAUSE;
	} while (session->last == PARSE_FULL || session->last == PARSE_PAUSE);
	session->closed = session->last == PARSE_CLOSE;
	return used;
}

/* Gives a piece of a stream to the parser, behind what it has left of those before. */
static inline void
session_feed_piece(struct session *session, const uint8_t *bytes, size_t *used, size_t given)
{
	size_t length, taken = 0;
	uint8_t *piece;

	if (session->closed)
		return;
	/* memory of just its size, so that reading past its end is caught by a sanitizer */
	piece = malloc(given - *used);
	if (piece == NULL)
		abort();
	memcpy(piece, bytes + *used, given - *used);
	length = given - *used;
	do {
		if (session->upload.going_on)
			taken += session_go_on_uploading(session, piece + taken, length - taken);
		if (!session->upload.going_on)
			taken += session_take(session, piece + taken, length - taken);
	} while (session->upload.going_on && taken < length);
	*used += taken;
	free(piece);
}

/*
 * Gives the stream to the parser in pieces of random length up to `cut` (0: all at once), each time
 * with what it left over before.
 */
static inline void
session_feed(struct session *session, const uint8_t *bytes, size_t length, uint32_t cut)
{
	size_t used = 0, given = 0;

	while (given < length && !session->closed) {
		size_t step = cut == 0 ? length : 1 + random_below(&session->random, cut);

		given = step < length - given ? given + step : length;
		session_feed_piece(session, bytes, &used, given);
	}
}

static inline void
session_feed_in_two(struct session *session, const uint8_t *bytes, size_t length, size_t cut)
{
	size_t used = 0;

	session_feed_piece(session, bytes, &used, cut);
	session_feed_piece(session, bytes, &used, length);
}

/* Writes the replies of a datagram's requests over it, as the worker does; returns their end. */
static inline uint8_t *
session_answer_in_place(struct session *session, unsigned int count)
{
	uint8_t *packet = session->packet;
	const uint8_t *limit = packet + SESSION_DATAGRAM_MAX;
	uint8_t *end = requests_put_hits(packet, limit, session->request, count);

	if (end != NULL)
		return end;
	session->reply.cursor = packet;
	session->reply.limit = packet + SESSION_DATAGRAM_MAX;
	requests_write(&session->server, session->request, count, &session->reply);
	return session->reply.cursor;
}

/*
 * One datagram: where no request asks for its bytes to be left alone, the reply is written over
 * them, as the worker does with small replies.
 */
static inline void
session_datagram(struct session *session, const uint8_t *bytes, size_t length)
{
	unsigned int count = 0;
	size_t consumed;
	bool echoes = false;
	uint8_t *packet, *end;

	if (session->packet == NULL)
		session->packet = malloc(SESSION_DATAGRAM_MAX);
	packet = session->packet;
	if (packet == NULL || length > SESSION_DATAGRAM_MAX)
		abort();
	memcpy(packet, bytes, length);
	session->last = requests_parse(&session->stream, &session->limits, packet, length,
				       session->request, SESSION_REQUESTS, &count, &consumed);
	for (unsigned int i = 0; i < count; i++)
		echoes |= (session->request[i].flags & REQUEST_ECHO) != 0;
	session_execute(session, count);
	if (session->last == PARSE_FULL || echoes) {
		session_write(session, count);
		if (session->last == PARSE_FULL)
			session_take(session, packet + consumed, length - consumed);
	} else {
		end = session_answer_in_place(session, count);
		session->out.length = 0;
		bytes_add(&session->out, packet, (size_t)(end - packet));
		store_quiescent(session->server.store);
	}
}

#endif
