/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_sim_plan.h - what a seed decides: line, limits, applications, and what goes wrong.
 */
#ifndef JACKDAW_TESTS_TCP_SIM_PLAN_H
#define JACKDAW_TESTS_TCP_SIM_PLAN_H

#include "tests/net/tcp_sim.h"

/* A length: mostly small, seldom large, by powers of two. */
static inline uint32_t
sim_draw_length(struct random *random, uint32_t most)
{
	uint32_t bits = 32 - (uint32_t)__builtin_clz(most | 1);
	uint32_t length = (uint32_t)random_below(random, 2ull << random_below(random, bits));

	return length < most ? length : most;
}

static inline void
sim_draw_line(struct random *random, struct impairment *line)
{
	static const double losses[] = {0, 0, 0, 0.001, 0.01, 0.01, 0.05, 0.1};
	static const uint32_t delays[] = {5, 50, 500, 5000, 20000, 100000};

	line->loss = losses[random_below(random, 8)];
	line->delay = delays[random_below(random, 6)];
	if (sim_one_in(random, 3))
		line->duplicate = sim_one_in(random, 4) ? 0.2 : 0.01;
	if (sim_one_in(random, 3))
		line->corrupt = sim_one_in(random, 4) ? 0.05 : 0.001;
	if (sim_one_in(random, 3))
		line->reorder = 0.25;
	if (sim_one_in(random, 3))
		line->jitter = random_below(random, 2 * line->delay);
	if (sim_one_in(random, 8)) {
		line->burst_begin = 0.01;
		line->burst_end = 0.2;
	}
}

static inline void
sim_draw_options(struct random *random, struct tcp_options *options)
{
	static const uint32_t rto_mins[] = {200000, 200000, 50000, 1000000};
	static const uint64_t time_waits[] = {60 * SIM_SECOND, 30 * SIM_SECOND, 120 * SIM_SECOND};

	*options = (struct tcp_options){
		.connections = 2 * SIM_CONNECTIONS_MAX,
		.syn_backlog = sim_one_in(random, 4) ? sim_between(random, 0, 2) : 64,
		.buffered = 2 << 20,
		.unsent = sim_one_in(random, 4) ? 4096 : 65536,
		.user_size = sizeof(struct sim_user),
		.rto_min = rto_mins[random_below(random, 4)],
		.delayed_ack = sim_one_in(random, 4) ? 1000 : 40000,
		.idle = 600 * SIM_SECOND,
		.no_progress = 300 * SIM_SECOND,
		.keepalive = sim_one_in(random, 2) ? 20 * SIM_SECOND : 0,
		.time_wait = time_waits[random_below(random, 3)],
	};
	for (int i = 0; i < TCP_SECRET_SIZE; i++)
		options->secret[i] = (uint8_t)random_next(random);
}

static inline void
sim_draw_part(struct random *random, struct sim_part *part, uint32_t total_max)
{
	*part = (struct sim_part){
		.total = sim_draw_length(random, total_max),
		.write_max = sim_one_in(random, 3) ? 1 + sim_draw_length(random, 8192) : 65536,
		.write_pause = sim_one_in(random, 4) ? sim_draw_length(random, 50000) : 0,
		.read_max = sim_one_in(random, 4) ? 1 + sim_draw_length(random, 4096) : UINT32_MAX,
		.read_pause = sim_one_in(random, 4) ? sim_draw_length(random, 20000) : 0,
		.stall_at = UINT32_MAX,
		.abort_at = UINT32_MAX,
		.pinned = sim_one_in(random, 3),
		.answers = sim_one_in(random, 2),
	};
	if (sim_one_in(random, 6)) {
		part->stall_at = sim_draw_length(random, total_max);
		part->stall_for = sim_draw_length(random, 20 * SIM_SECOND);
	}
	/* one byte at a time, of not too many */
	if (sim_one_in(random, 12)) {
		part->write_max = 1;
		part->total = sim_draw_length(random, 300);
	}
	if (sim_one_in(random, 12))
		part->read_max = sim_between(random, 1, 100);
}

static inline void
sim_draw_connection(struct random *random, struct sim_connection_plan *connection, uint32_t share)
{
	struct sim_part *client = &connection->parts[SIM_CLIENT];
	struct sim_part *server = &connection->parts[SIM_SERVER];

	connection->start = random_below(random, sim_one_in(random, 2) ? 100 : SIM_SECOND);
	connection->closing = (enum sim_closing)random_below(random, SIM_CLOSINGS);
	sim_draw_part(random, client, share);
	sim_draw_part(random, server, share);
	client->total += SIM_HEADER;
	/* two that wait for each other would wait for ever */
	client->answers = false;
	/* no more than some tens of thousands of steps of an application */
	for (int i = 0; i < SIM_ENDS; i++) {
		struct sim_part *part = &connection->parts[i];
		uint32_t least = 1 + connection->parts[!i].total / 500;

		if (part->read_max < least)
			part->read_max = least;
		if (part->write_max < 1 + part->total / 500)
			part->write_max = 1 + part->total / 500;
	}
	if (sim_one_in(random, 12)) {
		struct sim_part *part = &connection->parts[random_below(random, SIM_ENDS)];

		part->abort_at = sim_draw_length(random, client->total + server->total);
	}
}

/* More than any window holds, for one who reads nothing for long: the window closes. */
static inline void
sim_draw_glut(struct random *random, struct sim_connection_plan *connection)
{
	enum sim_end_name writer = (enum sim_end_name)random_below(random, SIM_ENDS);
	struct sim_part *from = &connection->parts[writer], *to = &connection->parts[!writer];

	from->total = sim_between(random, 300000, 600000);
	from->write_max = 65536;
	from->write_pause = 0;
	from->answers = false;
	to->read_max = sim_one_in(random, 2) ? sim_between(random, 1000, 100000) : UINT32_MAX;
	to->stall_at = sim_draw_length(random, from->total);
	to->stall_for = sim_between(random, SIM_SECOND, 20 * SIM_SECOND);
}

/* What a seed decides. */
static inline void
sim_plan_draw(struct sim_plan *plan, uint64_t seed)
{
	static const uint16_t mtus[] = {1500, 1500, 1500, 1400, 1280, 576};
	struct random random;
	uint32_t bytes;

	random_seed(&random, seed);
	*plan = (struct sim_plan){.seed = seed, .ipv6 = sim_one_in(&random, 2)};
	for (int i = 0; i < SIM_ENDS; i++) {
		plan->mtu[i] = mtus[random_below(&random, plan->ipv6 ? 5 : 6)];
		sim_draw_options(&random, &plan->options[i]);
		sim_draw_line(&random, &plan->lines[i]);
	}
	plan->dark_from = plan->dark_until = SIM_NEVER;
	if (sim_one_in(&random, 16)) {
		plan->dark_from = random_below(&random, SIM_SECOND);
		plan->dark_until =
			sim_one_in(&random, 2)
				? SIM_NEVER
				: plan->dark_from + random_below(&random, 3 * SIM_SECOND);
	}
	if (sim_one_in(&random, 12))
		plan->path_mtu = plan->ipv6 ? 1280 : (uint16_t)sim_between(&random, 576, 1499);
	plan->destroy_at = sim_one_in(&random, 32) ? random_below(&random, SIM_SECOND) : SIM_NEVER;
	plan->turn_max = sim_one_in(&random, 4) ? sim_draw_length(&random, 5000) : 5;
	plan->late_dma = sim_one_in(&random, 2);
	plan->offload = sim_one_in(&random, 4);
	plan->flood = sim_one_in(&random, 16) ? sim_draw_length(&random, 300) : 0;
	plan->blind = sim_one_in(&random, 8) ? sim_draw_length(&random, 200) : 0;
	plan->connections = sim_one_in(&random, 4) ? sim_between(&random, 1, 6) : 1;
	if (sim_one_in(&random, 64))
		plan->connections = sim_between(&random, 7, SIM_CONNECTIONS_MAX);
	plan->starved = sim_one_in(&random, 16);
	if (plan->starved)
		plan->options[SIM_SERVER].buffered = sim_between(&random, 1, 40) * 4096ull;
	bytes = sim_one_in(&random, 10) ? 400000 : 20000;
	for (uint32_t i = 0; i < plan->connections; i++)
		sim_draw_connection(&random, &plan->connection[i], bytes / plan->connections + 100);
	if (sim_one_in(&random, 25))
		sim_draw_glut(&random, &plan->connection[0]);
}

/* Moves everything to after the beginning of a run. */
static inline void
sim_plan_shift(struct sim_plan *plan, uint64_t begin)
{
	for (uint32_t i = 0; i < plan->connections; i++)
		plan->connection[i].start += begin;
	if (plan->dark_from != SIM_NEVER)
		plan->dark_from += begin;
	if (plan->dark_until != SIM_NEVER)
		plan->dark_until += begin;
	if (plan->destroy_at != SIM_NEVER)
		plan->destroy_at += begin;
}

static inline void
sim_print_line(const char *name, const struct impairment *line)
{
	printf("  to %s: loss %g duplicate %g corrupt %g reorder %g burst %g/%g delay %llu jitter "
	       "%llu us\n",
	       name, line->loss, line->duplicate, line->corrupt, line->reorder, line->burst_begin,
	       line->burst_end, (unsigned long long)line->delay, (unsigned long long)line->jitter);
}

static inline void
sim_print_part(const char *name, const struct sim_part *part)
{
	printf("    %s: sends %u, %u at a time every %u us%s%s; reads %u every %u us", name,
	       part->total, part->write_max, part->write_pause, part->pinned ? ", pinned" : "",
	       part->answers ? ", as answers" : "", part->read_max, part->read_pause);
	if (part->stall_at != UINT32_MAX)
		printf("; stalls at %u for %u us", part->stall_at, part->stall_for);
	if (part->abort_at != UINT32_MAX)
		printf("; aborts at %u", part->abort_at);
	printf("\n");
}

static inline void
sim_plan_print(const struct sim_plan *plan)
{
	static const char *const closings[] = {"client first", "server first", "both", "early"};
	static const char *const ends[] = {"client", "server"};

	printf("seed %llu: IPv%d, path MTU %u, turns of %u us%s%s, flood %u, blind %u%s\n",
	       (unsigned long long)plan->seed, plan->ipv6 ? 6 : 4, plan->path_mtu, plan->turn_max,
	       plan->late_dma ? ", late DMA" : "", plan->offload ? ", offload" : "", plan->flood,
	       plan->blind, plan->starved ? ", starved" : "");
	if (plan->dark_from != SIM_NEVER)
		printf("  dark from %llu to %llu us\n", (unsigned long long)plan->dark_from,
		       (unsigned long long)plan->dark_until);
	if (plan->destroy_at != SIM_NEVER)
		printf("  server destroyed at %llu us\n", (unsigned long long)plan->destroy_at);
	for (int i = 0; i < SIM_ENDS; i++) {
		const struct tcp_options *options = &plan->options[i];

		sim_print_line(ends[i], &plan->lines[i]);
		printf("    mtu %u backlog %u buffered %llu unsent %u rto_min %u delayed_ack %u "
		       "keepalive %llu time_wait %llu\n",
		       plan->mtu[i], options->syn_backlog, (unsigned long long)options->buffered,
		       options->unsent, options->rto_min, options->delayed_ack,
		       (unsigned long long)options->keepalive,
		       (unsigned long long)options->time_wait);
	}
	for (uint32_t i = 0; i < plan->connections; i++) {
		printf("  connection %u: at %llu us, closing: %s\n", i,
		       (unsigned long long)plan->connection[i].start,
		       closings[plan->connection[i].closing]);
		sim_print_part("client", &plan->connection[i].parts[SIM_CLIENT]);
		sim_print_part("server", &plan->connection[i].parts[SIM_SERVER]);
	}
}

#endif
