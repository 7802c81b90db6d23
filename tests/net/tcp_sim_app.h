/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_sim_app.h - the applications: each writes its stream, checks the other's, and closes as the
 * plan says.
 */
#ifndef JACKDAW_TESTS_TCP_SIM_APP_H
#define JACKDAW_TESTS_TCP_SIM_APP_H

#include "tests/net/tcp_sim_net.h"

/* Which application of which connection this is. */
struct sim_role {
	struct sim *sim;
	struct sim_app *app;
	const struct sim_part *part, *peer;
	const struct sim_connection_plan *plan;
	uint32_t connection;
	enum sim_end_name end;
};

static inline struct sim_role
sim_role(struct sim *sim, uint32_t connection, enum sim_end_name end)
{
	const struct sim_connection_plan *plan = &sim->plan.connection[connection];

	return (struct sim_role){
		.sim = sim,
		.app = &sim->apps[connection][end],
		.plan = plan,
		.part = &plan->parts[end],
		.peer = &plan->parts[!end],
		.connection = connection,
		.end = end,
	};
}

/* struct tcp_owner's: the connection is about to go. */
static inline void
sim_closed(void *arg, struct tcp_connection *connection)
{
	struct sim_user *user = tcp_user(connection);

	(void)arg;
	if (user->app == NULL)
		return;
	user->app->connection = NULL;
	user->app->gone = true;
	user->app = NULL;
}

/* struct tcp_owner's: nobody reads the bytes from here on; whoever does finds rubbish. */
static inline void
sim_unpin(void *arg, uint32_t pin)
{
	struct sim_end *end = arg;
	struct sim *sim = end->sim;

	if (pin >= SIM_PINS || !sim->pins[pin].used || sim->pins[pin].end != end->name) {
		sim_fail(sim, "released a pin that it was not given, or twice");
		return;
	}
	sim->pins[pin].used = false;
	memset(sim->pins[pin].bytes, 0xdd, SIM_PIN_SIZE);
}

static inline void
sim_app_abort(struct sim_role *role)
{
	role->app->aborted = true;
	tcp_abort(role->app->connection);
	if (!role->app->gone || role->app->connection != NULL)
		sim_fail(role->sim, "aborted, but the connection is not gone");
}

/*
 * The server's client tells its number first. False: it has not yet; true without user->app: it is a
 * ghost.
 */
static inline bool
sim_identify(struct sim *sim, struct tcp_connection *connection, struct sim_user *user)
{
	const uint8_t *bytes;
	uint32_t number;
	size_t length;

	while (user->header_length < SIM_HEADER && (length = tcp_receive(connection, &bytes)) > 0) {
		user->header[user->header_length++] = bytes[0];
		tcp_take(connection, 1);
	}
	if (user->header_length < SIM_HEADER)
		return false;
	memcpy(&number, user->header, sizeof(number));
	if (number >= sim->plan.connections) {
		sim_fail(sim, "a stream begins with the wrong bytes");
		return false;
	}
	/* An old acknowledgement that carries a cookie still makes a connection, after the end of
	 * the one it belonged to: nobody is there, and it soon learns that. */
	if (sim->apps[number][SIM_SERVER].connection != NULL ||
	    sim->apps[number][SIM_SERVER].gone) {
		if (sim->ends[SIM_SERVER].stats.cookies_accepted == 0)
			sim_fail(sim, "accepted connection %u twice", number);
		sim->ghosts++;
		return true;
	}
	user->app = &sim->apps[number][SIM_SERVER];
	user->app->connection = connection;
	user->app->established = true;
	user->app->read = SIM_HEADER;
	return true;
}

/* How much the application may take now. */
static inline size_t
sim_app_appetite(const struct sim_role *role)
{
	const struct sim_app *app = role->app;
	size_t appetite = role->part->read_max;

	if (app->next_read > role->sim->now)
		return 0;
	if (!app->stalled && role->part->stall_at >= app->read)
		appetite = RTE_MIN(appetite, (size_t)(role->part->stall_at - app->read));
	return appetite;
}

static inline void
sim_app_read(struct sim_role *role)
{
	struct sim_app *app = role->app;
	const uint8_t *bytes;
	size_t length, appetite;

	app->left_unread = false;
	while (!tcp_is_congested(app->connection) || !role->part->answers) {
		if (!app->stalled && app->read >= role->part->stall_at) {
			app->stalled = true;
			app->next_read = role->sim->now + role->part->stall_for;
		}
		appetite = sim_app_appetite(role);
		length = tcp_receive(app->connection, &bytes);
		if (length == 0)
			return;
		if (appetite == 0) {
			app->left_unread = true;
			return;
		}
		length = RTE_MIN(length, appetite);
		if (app->read + length > role->peer->total ||
		    !sim_stream_equals(role->sim, role->connection, !role->end, app->read, bytes,
				       (uint32_t)length)) {
			sim_fail(role->sim, "%s of %u read wrong bytes at %u + %zu",
				 role->end == SIM_CLIENT ? "client" : "server", role->connection,
				 app->read, length);
			return;
		}
		tcp_take(app->connection, length);
		app->read += (uint32_t)length;
		if (role->part->read_pause != 0 || length == role->part->read_max)
			app->next_read = role->sim->now + RTE_MAX(role->part->read_pause, 1u);
	}
}

/* Up to where it may write: one that answers has read as large a part of the peer's stream. */
static inline uint32_t
sim_app_allowed(const struct sim_role *role)
{
	if (!role->part->answers || role->app->read >= role->peer->total)
		return role->part->total;
	return (uint32_t)((uint64_t)role->part->total * role->app->read / role->peer->total);
}

static inline uint32_t
sim_pin_take(struct sim *sim, enum sim_end_name end)
{
	for (uint32_t i = 0; i < SIM_PINS; i++) {
		if (!sim->pins[i].used) {
			sim->pins[i].used = true;
			sim->pins[i].end = end;
			return i;
		}
	}
	return SIM_PINS;
}

/* Bytes sent from where they lie; 0: there was no room to note it or no pin. */
static inline uint32_t
sim_app_write_pinned(struct sim_role *role, uint32_t length)
{
	struct sim *sim = role->sim;
	uint32_t pin = sim_pin_take(sim, role->end);

	if (pin == SIM_PINS)
		return 0;
	length = RTE_MIN(length, (uint32_t)SIM_PIN_SIZE);
	sim_stream_write(sim, role->connection, role->end, role->app->written, sim->pins[pin].bytes,
			 length);
	if (tcp_send_pinned(role->app->connection, sim->pins[pin].bytes, length, pin) != 0) {
		sim->pins[pin].used = false;
		return 0;
	}
	return length;
}

static inline uint32_t
sim_app_write_copied(struct sim_role *role, uint32_t length)
{
	uint8_t *limit, *at = tcp_write_begin(role->app->connection, &limit);

	if (at == NULL)
		return 0;
	if (limit <= at)
		sim_fail(role->sim, "tcp_write_begin gave no room");
	length = RTE_MIN(length, (uint32_t)(limit - at));
	sim_stream_write(role->sim, role->connection, role->end, role->app->written, at, length);
	tcp_write_end(role->app->connection, at + length);
	return length;
}

/* False: it had to give the connection up. */
static inline bool
sim_app_write(struct sim_role *role)
{
	struct sim_app *app = role->app;
	uint32_t allowed = sim_app_allowed(role), length, done;

	while (app->written < allowed && app->next_write <= role->sim->now &&
	       !tcp_is_congested(app->connection)) {
		length = RTE_MIN(allowed - app->written, role->part->write_max);
		done = role->part->pinned && length >= 512 ? sim_app_write_pinned(role, length) : 0;
		if (done == 0)
			done = sim_app_write_copied(role, length);
		if (done == 0) {
			if (!role->sim->plan.starved)
				sim_fail(role->sim, "no buffer is left");
			app->starved = true;
			sim_app_abort(role);
			return false;
		}
		app->written += done;
		if (role->part->write_pause != 0)
			app->next_write = role->sim->now + role->part->write_pause;
	}
	app->pauses = app->written < allowed && app->next_write > role->sim->now;
	return true;
}

static inline void
sim_app_close(struct sim_role *role)
{
	struct sim_app *app = role->app;
	bool written = app->written == role->part->total, read = app->read == role->peer->total;
	bool first = false, follows = false;

	switch (role->plan->closing) {
	case SIM_CLIENT_FIRST:
		first = role->end == SIM_CLIENT;
		break;
	case SIM_SERVER_FIRST:
		first = role->end == SIM_SERVER;
		break;
	case SIM_BOTH:
		first = true;
		break;
	case SIM_EARLY:
		first = role->end == SIM_CLIENT;
		read |= first;
		break;
	default:
		break;
	}
	/* a server that was closed on says what is left to say, if it could hear the question */
	follows = app->at_end && (written || (role->part->answers && !read));
	if ((first && written && read) || follows) {
		app->closing = true;
		tcp_close(app->connection);
	}
}

/* An application's turn on a connection that is there. */
static inline void
sim_app_run(struct sim_role *role)
{
	struct sim_app *app = role->app;

	if (role->end == SIM_CLIENT && !app->established) {
		app->established = tcp_is_open(app->connection);
		if (!app->established)
			return;
	}
	if (app->closing)
		return;
	sim_app_read(role);
	if (role->sim->failure[0] != '\0' || !sim_app_write(role))
		return;
	if (app->read + app->written >= role->part->abort_at) {
		sim_app_abort(role);
		return;
	}
	if (!app->at_end && tcp_at_end(app->connection)) {
		app->at_end = true;
		if (app->read != role->peer->total)
			sim_fail(role->sim, "connection %u ended after %u of %u bytes",
				 role->connection, app->read, role->peer->total);
	}
	sim_app_close(role);
}

/* When it wants to be called without news; SIM_NEVER. */
static inline uint64_t
sim_app_next(const struct sim_role *role)
{
	const struct sim_app *app = role->app;
	uint64_t next = SIM_NEVER;

	if (app->gone)
		return SIM_NEVER;
	if (app->connection == NULL)
		return role->end == SIM_CLIENT ? role->plan->start : SIM_NEVER;
	if (!app->established || app->closing)
		return SIM_NEVER;
	if (app->left_unread)
		next = app->next_read;
	if (app->pauses)
		next = RTE_MIN(next, app->next_write);
	return next;
}

#endif
