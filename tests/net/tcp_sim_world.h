/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_sim_world.h - one run from a seed to its verdict.
 */
#ifndef JACKDAW_TESTS_TCP_SIM_WORLD_H
#define JACKDAW_TESTS_TCP_SIM_WORLD_H

#include "tests/net/tcp_sim_app.h"
#include "tests/net/tcp_sim_attack.h"
#include "tests/net/tcp_sim_plan.h"

/* What many runs came to. */
struct sim_tally {
	uint64_t runs, connections, gave_up, ghosts, frames, bytes, failures;
	uint64_t virtual_time;
	uint64_t plain_frames;
	struct tcp_stats stats;
};

static inline struct address
sim_address(bool ipv6, enum sim_end_name end)
{
	uint8_t bytes[16] = {0xfd, 0x77, [15] = end == SIM_SERVER ? 1 : 2};

	if (ipv6)
		return address_ipv6(bytes);
	return address_ipv4(end == SIM_SERVER ? RTE_BE32(0x0a4d0001) : RTE_BE32(0x0a4d0002));
}

/* A port that can do nothing, or all that there is to do. */
static inline void
sim_interface_make(struct sim_end *end)
{
	const struct sim_plan *plan = &end->sim->plan;

	end->interface = (struct interface){
		.mac = end->mac,
		.address = end->name == SIM_SERVER ? RTE_BE32(0x0a4d0001) : RTE_BE32(0x0a4d0002),
		.subnet = RTE_BE32(0x0a4d0000),
		.subnet_mask = RTE_BE32(0xffffff00),
		.ipv6 = true,
		.address6 = sim_address(true, end->name),
		.link_local6 = {.bytes = {0xfe, 0x80, [15] = end->mac.addr_bytes[5]}},
		.subnet6 = {.network = {.bytes = {0xfd, 0x77}},
			    .mask = {.quads = {UINT32_MAX, UINT32_MAX, 0, 0}}},
		.tcp_port = end->name == SIM_SERVER ? RTE_BE16(SIM_SERVICE_PORT) : 0,
		.any_tcp_port = end->name == SIM_CLIENT,
		.mtu = plan->mtu[end->name],
		.rx_ip_checksum = plan->offload,
		.rx_l4_checksum = plan->offload,
		.tx_ip_checksum = plan->offload,
		.tx_tcp_checksum = plan->offload,
	};
}

static inline void
sim_end_make(struct sim *sim, enum sim_end_name name, struct rte_mempool *pool)
{
	struct sim_end *end = &sim->ends[name];
	struct tcp_owner owner = {
		.arg = end, .transmit = sim_transmit, .closed = sim_closed, .unpin = sim_unpin};

	end->sim = sim;
	end->name = name;
	end->pool = pool;
	end->mac = (struct rte_ether_addr){{0x02, 0, 0, 0, 0, name == SIM_SERVER ? 1 : 2}};
	end->address = sim_address(sim->plan.ipv6, name);
	sim_interface_make(end);
	end->port = (struct tcp_port){.interface = &end->interface, .pool = pool, .owner = end};
	impair_line_start(&end->line, &sim->plan.lines[name], random_next(&sim->random));
	if (tcp_create(&end->tcp, &sim->plan.options[name], &owner, &end->stats, -1, sim->now) != 0)
		sim_fail(sim, "tcp_create failed");
}

/* Everything but the two ends' structs tcp is in *sim, which is as large as it is. */
static inline void
sim_make(struct sim *sim, uint64_t seed, struct rte_mempool *pools[SIM_ENDS], bool trace)
{
	/* not the pins' and frames' bytes: they are written before they are read */
	memset(sim, 0, offsetof(struct sim, frames));
	memset(&sim->free, 0, sizeof(*sim) - offsetof(struct sim, free));
	sim_plan_draw(&sim->plan, seed);
	random_seed(&sim->random, ~seed);
	sim->trace = trace;
	/* the clock of a machine that has run for a while, wrapping a timestamp soon */
	sim->now = random_below(&sim->random, 1ull << 45);
	sim_plan_shift(&sim->plan, sim->now);
	sim->flight = (struct time_queue){.entries = sim->flight_entries, .room = SIM_FLIGHT_MAX};
	sim->free = SIM_FLIGHT_MAX;
	for (uint32_t i = 0; i < SIM_PINS; i++)
		sim->pins[i].used = false;
	sim->floods_left = sim->plan.flood;
	sim->blinds_left = sim->plan.blind;
	sim->next_flood = sim->next_blind = sim->now;
	for (int i = 0; i < SIM_ENDS; i++)
		sim_end_make(sim, (enum sim_end_name)i, pools[i]);
}

/* --- a worker's turn ----------------------------------------------------------------------- */

static inline void
sim_app_start(struct sim_role *role)
{
	struct sim_end *client = &role->sim->ends[SIM_CLIENT],
		       *server = &role->sim->ends[SIM_SERVER];
	struct sim_user *user;

	role->app->connection =
		tcp_connect(client->tcp, &client->port, &server->mac, &server->address,
			    RTE_BE16(SIM_SERVICE_PORT),
			    rte_cpu_to_be_16((uint16_t)(SIM_FIRST_PORT + role->connection)));
	if (role->app->connection == NULL) {
		sim_fail(role->sim, "tcp_connect refused");
		return;
	}
	user = tcp_user(role->app->connection);
	user->app = role->app;
}

/* A connection that TCP says has news. */
static inline void
sim_news(struct sim_end *end, struct tcp_connection *connection)
{
	struct sim_user *user = tcp_user(connection);
	struct sim_role role;

	if (user->app == NULL &&
	    (end->name == SIM_CLIENT || !sim_identify(end->sim, connection, user))) {
		if (end->name == SIM_CLIENT)
			sim_fail(end->sim, "news of a connection that nobody made");
		/* a client that gave up before it said who it is */
		else if (tcp_at_end(connection))
			tcp_close(connection);
		return;
	}
	if (user->app == NULL) {
		tcp_abort(connection);
		return;
	}
	role = sim_role(end->sim, (uint32_t)((user->app - &end->sim->apps[0][0]) / SIM_ENDS),
			end->name);
	sim_app_run(&role);
}

/* Whatever is sent goes the general way. */
static inline void
sim_forbid_plain(struct tcp *tcp)
{
	for (uint32_t i = 0; i < tcp_numbers(tcp); i++) {
		struct tcp_connection *connection = tcp_at(tcp, i);

		if (connection != NULL)
			connection->flags &= (uint16_t)~TCP_PLAIN;
	}
}

static inline void
sim_turn(struct sim_end *end)
{
	struct sim *sim = end->sim;
	struct tcp_connection *connection;

	end->clock = sim->now;
	tcp_advance(end->tcp, sim->now);
	for (uint32_t i = 0; i < end->waiting; i++) {
		sim_port_receive(end, end->queue[i]);
		sim_net_release(sim, end->queue[i]);
	}
	end->waiting = 0;
	while ((connection = tcp_next_ready(end->tcp)) != NULL)
		sim_news(end, connection);
	for (uint32_t i = 0; i < sim->plan.connections; i++) {
		struct sim_role role = sim_role(sim, i, end->name);

		if (sim_app_next(&role) > sim->now)
			continue;
		if (role.app->connection == NULL)
			sim_app_start(&role);
		else
			sim_app_run(&role);
	}
	if (sim->general)
		sim_forbid_plain(end->tcp);
	tcp_flush(end->tcp);
	sim_port_flush(end);
	end->next_turn = sim->now + sim_between(&sim->random, 1, RTE_MAX(sim->plan.turn_max, 1u));
	if (++sim->turns > SIM_TURNS_MAX)
		sim_fail(sim, "it goes on and on");
}

/* --- the run ------------------------------------------------------------------------------- */

static inline uint64_t
sim_end_next(const struct sim_end *end)
{
	uint64_t next = SIM_NEVER, timer;

	if (end->tcp == NULL)
		return SIM_NEVER;
	if (end->waiting > 0)
		return end->next_turn;
	timer = tcp_next_timer(end->tcp);
	if (timer != UINT64_MAX)
		next = end->clock + timer;
	for (uint32_t i = 0; i < end->sim->plan.connections; i++) {
		struct sim_role role = sim_role(end->sim, i, end->name);

		next = RTE_MIN(next, sim_app_next(&role));
	}
	return next == SIM_NEVER ? next : RTE_MAX(next, end->next_turn);
}

static inline bool
sim_end_is_idle(const struct sim_end *end)
{
	return end->tcp == NULL || (end->waiting == 0 && end->stats.connections == 0 &&
				    end->stats.half_open == 0 && end->stats.time_waits == 0);
}

static inline bool
sim_is_over(const struct sim *sim)
{
	for (uint32_t i = 0; i < sim->plan.connections; i++) {
		if (!sim->apps[i][SIM_CLIENT].gone)
			return false;
	}
	return sim->flight.count == 0 && sim->floods_left == 0 && sim->blinds_left == 0 &&
	       sim_end_is_idle(&sim->ends[SIM_CLIENT]) && sim_end_is_idle(&sim->ends[SIM_SERVER]);
}

/* A process that ends: its packets come to nobody. */
static inline void
sim_server_destroy(struct sim *sim)
{
	struct sim_end *server = &sim->ends[SIM_SERVER];

	tcp_destroy(server->tcp);
	server->tcp = NULL;
	sim_port_flush(server);
	sim->plan.destroy_at = SIM_NEVER;
}

static inline void
sim_step(struct sim *sim, uint64_t next)
{
	sim->now = RTE_MAX(sim->now, next);
	if (sim->plan.destroy_at <= sim->now)
		sim_server_destroy(sim);
	sim_net_arrive(sim);
	sim_attack_run(sim);
	for (int i = 0; i < SIM_ENDS; i++) {
		struct sim_end *end = &sim->ends[i];

		if (end->tcp == NULL) {
			while (end->waiting > 0)
				sim_net_release(sim, end->queue[--end->waiting]);
		} else if (sim_end_next(end) <= sim->now) {
			sim_turn(end);
		}
	}
}

static inline void
sim_run(struct sim *sim)
{
	uint64_t begin = sim->now;

	while (sim->failure[0] == '\0' && !sim_is_over(sim)) {
		uint64_t next = RTE_MIN(time_queue_next(&sim->flight), sim_attack_next(sim));

		next = RTE_MIN(next, sim_end_next(&sim->ends[SIM_CLIENT]));
		next = RTE_MIN(next, sim_end_next(&sim->ends[SIM_SERVER]));
		next = RTE_MIN(next, sim->plan.destroy_at);
		if (next == SIM_NEVER)
			sim_fail(sim, "everybody waits");
		else if (next - begin > SIM_TIME_MAX && next > begin)
			sim_fail(sim, "not over after %llu virtual seconds",
				 SIM_TIME_MAX / SIM_SECOND);
		else
			sim_step(sim, next);
	}
}

#endif
