/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * listing.h - `stats conns`: what listens, and every worker's connections, told by the worker that
 * was asked.
 *
 *     asked worker                          worker i, one after the other
 *     listing_go_on ── its page, empty ───▶ listing_answer
 *         ▲                                     │ looks at some of its connections
 *         └──────── its page, filled in ◀───────┘
 *
 * A worker tells of its own connections only, a page in a turn, and nobody waits for anybody: memory
 * is one page a worker, however many connections there are. A connection that is there all the
 * while is told once.
 */
#ifndef JACKDAW_LISTING_H
#define JACKDAW_LISTING_H

#include <stdatomic.h>

#include "dataplane/net/tcp.h"
#include "dataplane/proto/connections.h"

enum {
	LISTING_PAGE = 32,     /* connections told in a turn */
	LISTING_LOOKED = 1024, /* and numbers looked at, that may be nobody's */
	/* Numbers of sockets, as `stats conns` and `watch` tell them: those that listen come first. */
	LISTENERS_A_PORT = 4, /* TCP and UDP, over IPv4 and IPv6 */
	FIRST_CONNECTION = 64,
};

struct worker;

/* Some of a worker's connections. Its asker's, but between being asked for and `done`. */
struct listing_page {
	struct worker *asker;
	uint32_t from; /* number to begin at; out: to go on at */
	bool more;
	unsigned int count;
	struct connection_facts facts[LISTING_PAGE];
	atomic_bool done;
};

/* Who has asked this worker for a list, one after the other, and how far the first one's has come. */
struct listing {
	struct tcp_connection *first; /* linked by client.next_listed; NULL: nobody */
	bool begun;
	bool asked;	     /* the page is with a worker */
	bool stale;	     /* it was asked for somebody who has gone */
	bool ready;	     /* it is filled in, for `first` */
	unsigned int worker; /* whose connections are next */
	struct listing_page page;
};

/* The number of a connection of this worker: of no other socket of the server's at the time. */
uint32_t listing_number(const struct worker *worker, const struct tcp_connection *connection);

/* That of the socket that a datagram came by. */
uint32_t listing_datagram_number(const struct worker *worker, unsigned int port, bool ipv4);

/* The connection is to have a list, once those before it have theirs. Its reply pauses till then. */
void listing_begin(struct worker *worker, struct tcp_connection *connection);

/* The connection goes: nothing more is written to it. */
void listing_forget(struct worker *worker, struct tcp_connection *connection);

/* Goes on with the worker's lists, and answers others. False: there was nothing to be done. */
bool listing_go_on(struct worker *worker);
bool listing_answer(struct worker *worker);

/* True if another worker has asked, or answered. */
bool listing_has_mail(const struct worker *worker);

/* The lines of what listens, on the ports as this worker sees them. Any thread. */
void listing_put_listeners(const struct worker *worker, struct reply *reply);

#endif
