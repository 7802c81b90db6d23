/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_sim_verdict.h - what a run that is over is held against.
 */
#ifndef JACKDAW_TESTS_TCP_SIM_VERDICT_H
#define JACKDAW_TESTS_TCP_SIM_VERDICT_H

#include "tests/net/tcp_sim_world.h"

static inline bool
sim_line_is_heavy(const struct impairment *line)
{
	return line->loss >= 0.05 || line->corrupt >= 0.05 || line->burst_begin > 0;
}

/* Nothing goes wrong on the way, and nobody has reason to think so. */
static inline bool
sim_way_is_good(const struct sim_plan *plan)
{
	for (int i = 0; i < SIM_ENDS; i++) {
		const struct impairment *line = &plan->lines[i];

		if (line->loss > 0 || line->corrupt > 0 || line->burst_begin > 0 ||
		    line->duplicate > 0 || line->reorder > 0 || line->jitter != 0 ||
		    line->delay > 20000 || plan->options[i].rto_min < 200000)
			return false;
	}
	return plan->blind == 0 && plan->path_mtu == 0 && plan->dark_from == SIM_NEVER &&
	       plan->turn_max <= 5;
}

static inline bool
sim_aborts(const struct sim_connection_plan *plan)
{
	return plan->parts[SIM_CLIENT].abort_at != UINT32_MAX ||
	       plan->parts[SIM_SERVER].abort_at != UINT32_MAX;
}

static inline bool
sim_is_complete(const struct sim *sim, uint32_t connection)
{
	const struct sim_connection_plan *plan = &sim->plan.connection[connection];
	const struct sim_app *client = &sim->apps[connection][SIM_CLIENT];
	const struct sim_app *server = &sim->apps[connection][SIM_SERVER];

	return client->gone && server->gone && server->read == plan->parts[SIM_CLIENT].total &&
	       (client->read == plan->parts[SIM_SERVER].total || plan->closing == SIM_EARLY);
}

/* Resets that one end has seen, told or made by itself, other than those the application asked for. */
static inline uint64_t
sim_resets(const struct tcp_stats *stats)
{
	return stats->reset_by_peer + stats->reset_idle + stats->reset_no_progress +
	       stats->reset_timeout;
}

static inline void
sim_judge_connections(struct sim *sim, bool disturbed, struct sim_tally *tally)
{
	bool heavy =
		sim_line_is_heavy(&sim->plan.lines[0]) || sim_line_is_heavy(&sim->plan.lines[1]);
	uint64_t resets =
		sim_resets(&sim->ends[SIM_CLIENT].stats) + sim_resets(&sim->ends[SIM_SERVER].stats);

	for (uint32_t i = 0; i < sim->plan.connections; i++) {
		bool complete = sim_is_complete(sim, i);

		tally->connections++;
		tally->bytes += sim->apps[i][0].read + sim->apps[i][1].read;
		if (complete || disturbed || sim_aborts(&sim->plan.connection[i]))
			continue;
		if (!heavy || resets == 0)
			sim_fail(sim, "connection %u: server read %u of %u, client %u of %u", i,
				 sim->apps[i][SIM_SERVER].read,
				 sim->plan.connection[i].parts[SIM_CLIENT].total,
				 sim->apps[i][SIM_CLIENT].read,
				 sim->plan.connection[i].parts[SIM_SERVER].total);
		tally->gave_up++;
	}
}

/* Where nothing goes wrong on the way, nobody sends a reset and nothing is sent twice in vain. */
static inline void
sim_judge_good_line(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->plan.connections; i++) {
		if (sim->flows[i][SIM_CLIENT].resets + sim->flows[i][SIM_SERVER].resets != 0)
			sim_fail(sim, "a reset on a good line");
	}
	for (int i = 0; i < SIM_ENDS; i++) {
		if (sim->ends[i].stats.timeouts > sim->ends[i].stats.window_probes)
			sim_fail(sim, "a retransmission timeout on a good line");
	}
}

static inline void
sim_judge_stats(struct sim *sim)
{
	const struct tcp_stats *client = &sim->ends[SIM_CLIENT].stats;
	const struct tcp_stats *server = &sim->ends[SIM_SERVER].stats;

	if (client->connected != sim->plan.connections)
		sim_fail(sim, "%llu of %u connected", (unsigned long long)client->connected,
			 sim->plan.connections);
	if (server->accepted != sim->plan.connections + sim->ghosts && sim->plan.flood == 0 &&
	    server->cookies_accepted == 0)
		sim_fail(sim, "accepted %llu, not %u", (unsigned long long)server->accepted,
			 sim->plan.connections);
	if (sim_resets(client) + sim_resets(server) != 0 && server->cookies_sent == 0)
		sim_fail(sim,
			 "reset by peer %llu/%llu, idle %llu/%llu, no progress %llu/%llu, "
			 "timeout %llu/%llu",
			 (unsigned long long)client->reset_by_peer,
			 (unsigned long long)server->reset_by_peer,
			 (unsigned long long)client->reset_idle,
			 (unsigned long long)server->reset_idle,
			 (unsigned long long)client->reset_no_progress,
			 (unsigned long long)server->reset_no_progress,
			 (unsigned long long)client->reset_timeout,
			 (unsigned long long)server->reset_timeout);
}

/* Everything is back where it came from. */
static inline void
sim_judge_leaks(struct sim *sim)
{
	for (int i = 0; i < SIM_ENDS; i++) {
		struct sim_end *end = &sim->ends[i];

		if (end->tcp != NULL && end->stats.buffered != 0)
			sim_fail(sim, "%llu bytes of buffers are left",
				 (unsigned long long)end->stats.buffered);
		if (end->tcp != NULL)
			tcp_destroy(end->tcp);
		end->tcp = NULL;
		sim_port_flush(end);
		if (rte_mempool_avail_count(end->pool) != SIM_MBUFS)
			sim_fail(sim, "%u packet buffers are missing",
				 SIM_MBUFS - rte_mempool_avail_count(end->pool));
	}
	for (uint32_t i = 0; i < SIM_PINS; i++) {
		if (sim->pins[i].used)
			sim_fail(sim, "pin %u was never released", i);
	}
	for (uint32_t i = 0; i < sim->plan.connections; i++) {
		if (sim->apps[i][0].connection != NULL || sim->apps[i][1].connection != NULL)
			sim_fail(sim, "connection %u went without closed()", i);
	}
}

static inline void
sim_tally_add(struct sim_tally *tally, const struct sim *sim, uint64_t begin)
{
	tally->runs++;
	tally->ghosts += sim->ghosts;
	tally->frames += sim->frames_sent;
	tally->plain_frames += sim->plain_frames;
	tally->virtual_time += sim->now - begin;
	for (int i = 0; i < SIM_ENDS; i++) {
#define X(name, help) tally->stats.name += sim->ends[i].stats.name;
		TCP_STATS(X)
#undef X
	}
}

/* One run; general: without the plain way. False: it failed, and sim->failure says why. */
static inline bool
sim_play(struct sim *sim, uint64_t seed, struct rte_mempool *pools[SIM_ENDS], bool general,
	 bool trace, struct sim_tally *tally)
{
	bool aborts = false, disturbed;
	uint64_t begin;

	sim_make(sim, seed, pools, trace);
	sim->general = general;
	begin = sim->now;
	/* as it was planned: the run itself crosses out what has happened */
	disturbed = sim->plan.dark_until == SIM_NEVER && sim->plan.dark_from != SIM_NEVER;
	disturbed |= sim->plan.destroy_at != SIM_NEVER || sim->plan.starved;
	for (uint32_t i = 0; i < sim->plan.connections; i++)
		aborts |= sim_aborts(&sim->plan.connection[i]);
	sim_run(sim);
	if (sim->failure[0] == '\0') {
		sim_judge_connections(sim, disturbed, tally);
		if (!disturbed && !aborts && !sim_line_is_heavy(&sim->plan.lines[0]) &&
		    !sim_line_is_heavy(&sim->plan.lines[1])) {
			sim_judge_stats(sim);
			if (sim_way_is_good(&sim->plan))
				sim_judge_good_line(sim);
		}
	}
	sim_judge_leaks(sim);
	sim_tally_add(tally, sim, begin);
	tally->failures += sim->failure[0] != '\0';
	return sim->failure[0] == '\0';
}

#endif
