/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/request.h"

enum {
	RUN_MAX = 64, /* executed in one go */
};

/* A gat counts as a touch alone; of an mg with T only the hit does. */
static void
count_lookup(struct proto_stats *stats, const struct store_op *op, bool meta)
{
	bool hit = op->status == STORE_OK, touches = op->verb != STORE_GET && (hit || !meta);

	stats->get_expired += !hit && (op->options & STORE_FOUND_EXPIRED) != 0;
	stats->get_flushed += !hit && (op->options & STORE_FOUND_FLUSHED) != 0;
	if (touches) {
		stats->cmd_touch++;
		stats->touch_hits += hit;
		stats->touch_misses += !hit;
	} else {
		stats->cmd_get++;
		stats->get_hits += hit;
		stats->get_misses += !hit;
	}
}

/* An md with a wrong unique has missed; one that marks an item stale has deleted nothing. */
static void
count_delete(struct proto_stats *stats, const struct store_op *op, bool meta)
{
	if (op->status == STORE_OK)
		stats->delete_hits += (op->options & STORE_INVALIDATE) == 0;
	else
		stats->delete_misses +=
			op->status == STORE_NOT_FOUND || (meta && op->status == STORE_EXISTS);
}

enum {
	RELATIVE_MAX = 60 * 60 * 24 * 30 /* seconds: an exptime above is a Unix time */
};

/* Whoever means 31 days by an exptime of so many seconds has asked for a day in 1970. */
static bool
stored_in_past(const struct server *server, const struct store_op *op)
{
	return op->exptime > RELATIVE_MAX && op->status == STORE_OK &&
	       op->exptime <= store_unix_time(server->store);
}

static void
count_store(const struct server *server, const struct store_op *op)
{
	struct proto_stats *stats = server->stats;
	bool compares = (op->options & STORE_IF_CAS) != 0 && op->verb == STORE_SET;

	switch (op->status) {
	case STORE_TOO_LARGE:
		stats->store_too_large++;
		return;
	case STORE_NO_MEMORY:
		stats->store_no_memory++;
		return;
	}
	stats->cmd_set++;
	stats->stored_in_past += stored_in_past(server, op);
	if (compares) {
		stats->cas_hits += op->status == STORE_OK;
		stats->cas_misses += op->status == STORE_NOT_FOUND;
		stats->cas_badval += op->status == STORE_EXISTS;
	}
}

/* Hits are what changed a number; a counter created counts as neither hit nor miss. */
static void
count_arithmetic(const struct store_op *op, uint64_t *hits, uint64_t *misses)
{
	*hits += op->status == STORE_OK && (op->options & STORE_CREATED) == 0;
	*misses += op->status == STORE_NOT_FOUND;
}

static void
count_op(const struct server *server, const struct request *request)
{
	struct proto_stats *stats = server->stats;
	const struct store_op *op = &request->op;
	bool meta = (request->flags & REQUEST_META) != 0;

	switch (op->verb) {
	case STORE_GET:
	case STORE_GAT:
	case STORE_TOUCH:
		if ((request->flags & REQUEST_EXAMINES) != 0)
			stats->cmd_meta++;
		else
			count_lookup(stats, op, meta);
		break;
	case STORE_DELETE:
		count_delete(stats, op, meta);
		break;
	case STORE_INCR:
		count_arithmetic(op, &stats->incr_hits, &stats->incr_misses);
		break;
	case STORE_DECR:
		count_arithmetic(op, &stats->decr_hits, &stats->decr_misses);
		break;
	default:
		count_store(server, op);
	}
}

static void
count_auth(struct proto_stats *stats, const struct request *request)
{
	stats->auth_cmds++;
	stats->auth_errors += request->action == REQUEST_ERROR;
}

static void
execute_any(struct server *server, struct request *request)
{
	if ((request->flags & REQUEST_AUTH) != 0)
		count_auth(server->stats, request);
	switch (request->action) {
	case REQUEST_STORE:
		if ((request->flags & REQUEST_NO_MEMORY) != 0)
			request->op.status = STORE_NO_MEMORY;
		else
			store_execute(server->store, &request->op);
		if ((request->flags & REQUEST_SIDE_EFFECT) == 0)
			count_op(server, request);
		break;
	case REQUEST_FLUSH:
		server->stats->cmd_flush++;
		store_flush(server->store, request->argument);
		break;
	case REQUEST_RESET:
		server->reset(server->owner);
		break;
	case REQUEST_MEMORY_LIMIT:
		if (server->set_memory(server->owner, (uint64_t)request->argument) != 0)
			request->action = REQUEST_ERROR;
		break;
	case REQUEST_ERROR:
		server->stats->bad_requests++;
		server->stats->cmd_set += (request->flags & REQUEST_BAD_DATA) != 0;
		server->stats->cmd_flush += (request->flags & REQUEST_BAD_FLUSH) != 0;
		server->stats->store_too_large += (request->flags & REQUEST_TOO_LARGE) != 0;
		break;
	}
}

/* A get or set like most: there is nothing to do about it but what the store does. */
static inline bool
is_plain(const struct request *request)
{
	enum {
		SPECIAL = REQUEST_SIDE_EFFECT | REQUEST_EXAMINES | REQUEST_AUTH | REQUEST_NO_MEMORY
	};

	return request->action == REQUEST_STORE &&
	       (request->op.verb == STORE_GET || request->op.verb == STORE_SET) &&
	       (request->flags & SPECIAL) == 0;
}

/* Of plain ones that were executed: most count all at once. */
static inline void
count_run(const struct server *server, struct store_op *const ops[], unsigned int count)
{
	struct proto_stats *stats = server->stats;
	uint64_t hits = 0, stored = 0;

	for (unsigned int i = 0; i < count; i++) {
		const struct store_op *op = ops[i];

		if (op->status == STORE_OK && op->verb == STORE_GET)
			hits++;
		else if (op->verb == STORE_GET)
			count_lookup(stats, op, false);
		else if (op->status == STORE_OK && op->exptime <= RELATIVE_MAX &&
			 (op->options & STORE_IF_CAS) == 0)
			stored++;
		else
			count_store(server, op);
	}
	stats->cmd_get += hits;
	stats->get_hits += hits;
	stats->cmd_set += stored;
}

/* Runs of plain gets and sets go straight to the store. */
void
requests_execute(struct server *server, struct request *requests, unsigned int count)
{
	struct store_op *ops[RUN_MAX];

	for (struct request *request = requests, *end = requests + count; request < end;) {
		unsigned int run = 0;

		for (; request < end && run < RUN_MAX && is_plain(request); request++)
			ops[run++] = &request->op;
		if (run == 0) {
			execute_any(server, request++);
			continue;
		}
		store_execute_all(server->store, ops, run);
		count_run(server, ops, run);
	}
}
