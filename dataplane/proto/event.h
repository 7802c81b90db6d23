/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * event.h - what `watch` tells of, and the lines that it is told in: memcached 1.6.18's, and for
 * deletions 1.6.45's.
 */
#ifndef JACKDAW_EVENT_H
#define JACKDAW_EVENT_H

#include <stddef.h>
#include <stdint.h>

/* What a watcher may ask for, or-ed. */
enum event_kind {
	EVENT_FETCHERS = 1 << 0,
	EVENT_MUTATIONS = 1 << 1,
	EVENT_EVICTIONS = 1 << 2,
	EVENT_CONNECTIONS = 1 << 3,
	EVENT_DELETIONS = 1 << 4,
	EVENT_KINDS = (1 << 5) - 1,
	EVENT_OF_REQUESTS = EVENT_FETCHERS | EVENT_MUTATIONS | EVENT_DELETIONS,
	EVENT_NOTHING = 1 << 5, /* may be asked for, but nothing of the kind exists here */
};

enum event_type {
	EVENT_ITEM_GET,
	EVENT_ITEM_STORE,
	EVENT_ITEM_DELETED,
	EVENT_EVICTION,
	EVENT_CONNECTION_NEW,
	EVENT_CONNECTION_CLOSE,
};

/* Of EVENT_ITEM_GET. */
enum event_lookup {
	LOOKUP_NOT_FOUND,
	LOOKUP_FOUND,
	LOOKUP_FLUSHED,
	LOOKUP_EXPIRED,
};

/* Of EVENT_ITEM_STORE. */
enum event_outcome {
	OUTCOME_NOT_STORED,
	OUTCOME_STORED,
	OUTCOME_EXISTS,
	OUTCOME_NOT_FOUND,
	OUTCOME_TOO_LARGE,
	OUTCOME_NO_MEMORY,
};

/* Of EVENT_CONNECTION_CLOSE. */
enum event_reason {
	REASON_ERROR,
	REASON_NORMAL,
	REASON_IDLE_TIMEOUT,
	REASON_SHUTDOWN,
};

/* One of them, followed by key_length bytes: the key, or of a connection the peer's address. */
struct event {
	uint64_t time;	     /* in the teller's clock */
	int64_t exptime;     /* store: as in the command. eviction: seconds to live, -1 for ever */
	const char *command; /* store, deletion: its name, which lives for ever */
	uint32_t connection; /* its number, as in `stats conns` */
	uint32_t size;	     /* bytes of the value */
	uint32_t idle;	     /* eviction: seconds since it was stored, at most */
	uint16_t port;	     /* connection: the peer's */
	uint8_t type;	     /* enum event_type */
	uint8_t status;	     /* enum event_lookup, event_outcome or event_reason */
	uint8_t key_length;
	uint8_t class;	 /* of the item, 0 if there is none */
	uint8_t fetched; /* eviction: it has been read */
};

enum {
	EVENT_KEY_MAX = 250,
	EVENT_LINE_MAX = 3 * EVENT_KEY_MAX + 256, /* bytes of a line */
};

/* Which kind a type is. */
enum event_kind event_kind(enum event_type type);

/*
 * Writes the event's line: how many bytes, \n included. unix_us: when it was, in microseconds since
 * 1970; number: its gid. Any thread, but not a worker's: it is not quick.
 */
size_t event_format(char line[EVENT_LINE_MAX], const struct event *event, const uint8_t *key,
		    uint64_t unix_us, uint64_t number);

#endif
