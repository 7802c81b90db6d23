/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * request.h - one request, whatever protocol it came in, and what it is answered with.
 *
 * A codec (text.c, binary.c) is two functions: parse() turns bytes into requests, write() turns an
 * executed request into reply bytes. codec.c holds the table of them and picks one by a stream's
 * first byte; execute.c runs a request against the store. None of them knows a socket or packet.
 *
 *     bytes ─▶ requests_parse ─▶ struct request[] ─▶ store stages, request_execute
 *                                                         │
 *     bytes ◀────────────── request_write ◀───────────────┘
 */
#ifndef JACKDAW_REQUEST_H
#define JACKDAW_REQUEST_H

#include "dataplane/proto/auth.h"
#include "dataplane/proto/reply.h"
#include "dataplane/store/store.h"

/* What a request does besides the store operation it may carry. */
enum request_action {
	REQUEST_STORE, /* op has a verb */
	REQUEST_FLUSH, /* argument: delay in seconds */
	REQUEST_STATS, /* group in text/text_length */
	REQUEST_VERSION,
	REQUEST_NOOP,  /* nothing to do; the codec answers */
	REQUEST_ERROR, /* malformed or unknown; text or code says what to answer */
	REQUEST_QUIT,
	REQUEST_RESET,	      /* zero the statistics that can be */
	REQUEST_MEMORY_LIMIT, /* argument: bytes */
	/* from here on replies of any length, begun by the stream's owner where it can: else written */
	REQUEST_DUMP,  /* code: enum dump_kind; written, it says that this can't be done now */
	REQUEST_WATCH, /* argument: kinds of events, or-ed; written, it says the same */
	REQUEST_CONNECTIONS, /* `stats conns`; written, only what listens is told */
};

enum request_flag {
	REQUEST_QUIET = 1 << 0,	      /* binary quiet forms, text noreply: see each codec */
	REQUEST_WITH_KEY = 1 << 1,    /* the reply repeats the key */
	REQUEST_WITH_CAS = 1 << 2,    /* text gets, gats */
	REQUEST_LAST = 1 << 3,	      /* last of its command: a text multi-get ends with END */
	REQUEST_CLOSE = 1 << 4,	      /* the stream ends after this reply */
	REQUEST_ECHO = 1 << 5,	      /* the reply copies bytes of the request: it must not be
					 * written over them */
	REQUEST_BAD_DATA = 1 << 6,    /* an error that memcached counts as a store command */
	REQUEST_SIDE_EFFECT = 1 << 7, /* part of a refused command: not counted, not answered */
	REQUEST_TOO_LARGE = 1 << 8,   /* an error: the value was over the limit */
	REQUEST_BAD_FLUSH = 1 << 9,   /* an error that memcached counts as a flush */
	REQUEST_META = 1 << 10,	      /* a meta command */
	REQUEST_EXAMINES = 1 << 11,   /* looks at an item without getting it */
	REQUEST_AUTH = 1 << 12,	      /* an attempt to authenticate; it failed if it's an error */
	REQUEST_NO_MEMORY = 1 << 13,  /* its data found no room and was thrown away */
};

/* What a get needs lies at the front, the first half of op included: see request_begin_get. */
struct request {
	uint32_t opaque;  /* binary: echoed */
	uint16_t flags;	  /* enum request_flag, or-ed */
	uint8_t action;	  /* enum request_action */
	uint8_t protocol; /* which codec writes the reply */
	uint8_t verb;	  /* codec's own: opcode or command */
	uint16_t text_length;
	uint16_t code; /* codec's own: status of an error */
	struct store_op op;
	const char *text; /* error line, or the name of a group of statistics */
	int64_t argument;
};

enum protocol {
	PROTOCOL_UNKNOWN, /* before a stream's first byte */
	PROTOCOL_TEXT,
	PROTOCOL_BINARY,
	PROTOCOLS,
};

/* What is remembered of a stream between two calls. Zeroed at its start. */
struct stream {
	uint8_t protocol;      /* enum protocol */
	bool datagram;	       /* a command may not go on in the next bytes */
	bool authenticated;    /* where limits->users is set: as one of them */
	bool challenged;       /* binary: has said how it will prove it */
	bool proved;	       /* binary: and did so once */
	uint8_t verb;	       /* text: the multi-key command whose keys are being read */
	int64_t exptime;       /* text: of a gat in progress */
	uint64_t swallow;      /* bytes still to be thrown away (a refused value) */
	uint16_t pending;      /* codec's own: error answered when they are; 0: none */
	uint32_t opaque;       /* binary: of the command refused */
	const char *complaint; /* text: that error */
	uint64_t wanted; /* after PARSE_MORE: bytes the command needs, at least; 0: up to a \\n */
};

enum parse_result {
	PARSE_DONE,  /* every byte was used */
	PARSE_MORE,  /* the rest is an incomplete command */
	PARSE_FULL,  /* the request array is full; call again with the rest */
	PARSE_DATA,  /* the last request's data, which comes next in the stream, is the caller's to
		      * receive: op.data_length bytes and request_trailer() more */
	PARSE_PAUSE, /* the stream can't go on before the last request has been carried out */
	PARSE_CLOSE, /* the stream can't go on (after the requests given) */
};

/* Limits and facts a parser needs; constant while the server runs. */
struct parse_limits {
	uint64_t item_size_max;
	/*
	 * What a stream's owner can put together of a command that comes in pieces: the data of a longer
	 * one is PARSE_DATA, and the keys of a longer multi-get are answered as they come. 0: any length.
	 */
	uint32_t assembled_max;
	const struct user_list *users; /* who must say so before anything else; NULL: nobody need */
};

/*
 * Parses requests from bytes into requests[*count..room-1]. Sets *consumed to the bytes used.
 * Requests point into bytes (keys, values), which must stay in place until the replies are
 * written. Worker thread; never fails otherwise than by a result above or a REQUEST_ERROR.
 */
enum parse_result requests_parse(struct stream *stream, const struct parse_limits *limits,
				 const uint8_t *bytes, size_t length, struct request *requests,
				 unsigned int room, unsigned int *count, size_t *consumed);

/* Bytes that end the data of a request that was PARSE_DATA, besides the data itself. */
static inline unsigned int
request_trailer(const struct request *request)
{
	return request->protocol == PROTOCOL_TEXT ? 2 : 0;
}

/* The data has arrived, with this trailer: a wrong one turns the request into an error. */
void request_end_data(struct request *request, const uint8_t *trailer);

/* Counters of one worker that requests move; named as memcached's `stats` where it has them. */
#define PROTO_STATS(X)                                                                             \
	X(cmd_get, "keys asked for by get commands")                                               \
	X(cmd_set, "store commands")                                                               \
	X(cmd_flush, "flush_all commands")                                                         \
	X(cmd_touch, "touch and gat commands")                                                     \
	X(cmd_meta, "meta commands")                                                               \
	X(get_hits, "keys found by get")                                                           \
	X(get_misses, "keys not found by get")                                                     \
	X(get_expired, "keys found expired by get")                                                \
	X(get_flushed, "keys found flushed by get")                                                \
	X(delete_misses, "deletes of absent keys")                                                 \
	X(delete_hits, "deletes of present keys")                                                  \
	X(incr_misses, "incr of absent keys")                                                      \
	X(incr_hits, "incr of present keys")                                                       \
	X(decr_misses, "decr of absent keys")                                                      \
	X(decr_hits, "decr of present keys")                                                       \
	X(cas_misses, "cas of absent keys")                                                        \
	X(cas_hits, "cas with the right unique")                                                   \
	X(cas_badval, "cas with another unique")                                                   \
	X(touch_hits, "touch of present keys")                                                     \
	X(touch_misses, "touch of absent keys")                                                    \
	X(store_too_large, "values over the size limit")                                           \
	X(store_no_memory, "values refused for want of memory")                                    \
	X(stored_in_past, "values stored with a Unix time gone by, as over 30 days' seconds are")  \
	X(auth_cmds, "attempts to authenticate")                                                   \
	X(auth_errors, "attempts that failed")                                                     \
	X(bad_requests, "requests answered with a protocol error")

struct proto_stats {
#define X(name, help) uint64_t name;
	PROTO_STATS(X)
#undef X
};

/* Receives one statistic; both strings live only for the call. */
typedef void stat_emit(void *arg, const char *name, const char *value);

/* What requests act on and may ask: one a worker. */
struct server {
	struct store_worker *store;
	struct proto_stats *stats;
	const char *version; /* "VERSION " is followed by this */
	/* Emits every statistic of a group ("" is the general one); -ENOENT if there's none. */
	int (*report)(void *owner, const char *group, size_t length, stat_emit *emit, void *arg);
	/* `stats reset` */
	void (*reset)(void *owner);
	/* Tells what listens: the first lines of `stats conns`. NULL: nothing does */
	void (*list_listeners)(void *owner, struct reply *reply);
	/* cache_memlimit: 0, or a negative errno where that can't be */
	int (*set_memory)(void *owner, uint64_t bytes);
	void *owner;
};

/*
 * Executes requests in order (store ops must have been prepared, and should have been probed) and
 * counts them. The replies are written later, after any number of others, but before the next
 * quiescent state.
 */
void requests_execute(struct server *server, struct request *requests, unsigned int count);

/* Writes the reply of an executed request; writes nothing where it asked for none. */
void request_write(struct server *server, const struct request *request, struct reply *reply);

#endif
