/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * observe.h - what of a worker's doings is an event to those who `watch` (watch.h): requests, once
 * they are executed; connections that come and go; items that are dropped. And the watchers that
 * are the worker's own connections: their lines go out as TCP takes them.
 */
#ifndef JACKDAW_OBSERVE_H
#define JACKDAW_OBSERVE_H

#include "dataplane/net/tcp.h"
#include "dataplane/store/store.h"
#include "dataplane/watch.h"

struct worker;

/* Tells of the batch's executed requests what is wanted; before replies are written over them. */
void observe_batch(struct worker *worker, uint32_t wanted);

/* TCP's owner->opened; and of its closed(), where it is watched. */
void observe_opened(void *worker, struct tcp_connection *connection);
void observe_closed(struct worker *worker, const struct tcp_connection *connection);

/* The store's: a live item is dropped by worker `thread`, or the janitor. arg: the struct watch. */
void observe_evicted(void *watch, unsigned int thread, const struct store_op *item);

/* The connection becomes a watcher of these kinds: its reply never ends. False: there are too many. */
bool observe_join(struct worker *worker, struct tcp_connection *connection, uint32_t kinds);

/* The connection, if it is a watcher, is one no more. */
void observe_leave(struct worker *worker, struct tcp_connection *connection);

/* Sends some of their lines to the worker's watchers. False: there was nothing to be sent. */
bool observe_send(struct worker *worker);

/* True if there are lines that could be sent. */
bool observe_has_mail(const struct worker *worker);

#endif
