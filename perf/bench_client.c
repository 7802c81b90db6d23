/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_client.h"

#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "perf/bench_transports.h"

#define STRETCH_SECONDS 0.01 /* of meter_end_stretch */

enum {
	ANSWER_SIZE = 1 << 16,
	PRIORITY_LOOP = 10, /* --realtime */
	PRIORITY_OTHERS = 11,
	SILENCE_SECONDS = 5, /* closed loop: without an answer for so long the server is gone */
};

int
client_fail(struct client *client, int status, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vsnprintf(client->error, sizeof(client->error), format, values);
	va_end(values);
	return status;
}

/*
 * The loop never sleeps, so the threads beside it (DPDK's, which make the connection of a memif, and
 * main) have to come before it.
 */
static int
client_set_priority(struct client *client, int priority)
{
	struct sched_param param = {.sched_priority = priority};

	if (!client->options->realtime || sched_setscheduler(0, SCHED_FIFO, &param) == 0)
		return 0;
	return client_fail(client, -errno, "--realtime: %s", strerror(errno));
}

int
client_open(struct client *client, const struct bench_options *options)
{
	int status;

	memset(client, 0, sizeof(*client));
	client->options = options;
	client->transport = transport_choose(options);
	status = client_set_priority(client, PRIORITY_OTHERS);
	if (status != 0)
		return status;
	client->done_fd = eventfd(0, EFD_CLOEXEC);
	if (client->done_fd < 0)
		return client_fail(client, -errno, "eventfd: %s", strerror(errno));
	status = load_init(&client->load, options, client->error);
	if (status != 0) {
		close(client->done_fd);
		return status;
	}
	status = client->transport->open(client);
	if (status != 0) {
		load_release(&client->load);
		close(client->done_fd);
	}
	return status;
}

void
client_close(struct client *client)
{
	client->transport->close(client);
	flight_release(&client->flight);
	load_release(&client->load);
	close(client->done_fd);
}

/* The last CPU that we may run on, if none is given. */
unsigned int
client_cpu(const struct bench_options *options)
{
	cpu_set_t allowed;
	unsigned int last = 0;

	if (options->cpu != UINT_MAX)
		return options->cpu;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return 0;
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &allowed))
			last = cpu;
	}
	return last;
}

/* --- the course of a phase ----------------------------------------------------------------- */

void
client_set_clock(struct client *client, double ticks_per_second)
{
	const struct bench_options *options = client->options;

	client->ticks_per_second = ticks_per_second;
	client->timeout = (uint64_t)(options->timeout_ms / 1e3 * ticks_per_second);
	client->stretch_ticks = (uint64_t)(STRETCH_SECONDS * ticks_per_second);
	if (options->rate != 0)
		arrivals_init(&client->arrivals, ticks_per_second * options->width / options->rate,
			      options->workload.seed);
	client_end(client);
}

void
client_begin(struct client *client, uint64_t now)
{
	client->stretch_began = now;
	client->phase_began = now;
	client->phase_ends =
		client->phase_ticks > UINT64_MAX - now ? UINT64_MAX : now + client->phase_ticks;
	client->draining = false;
	client->last_answer = now;
	client->arrivals.due = (double)now;
}

void
client_end(struct client *client)
{
	struct flight *flight = &client->flight;

	flight->free_count = 0;
	for (unsigned int i = flight->slot_count; i-- > 0;) {
		client->meter.unanswered += flight->slots[i].count != 0;
		flight->slots[i].count = 0;
		flight->slots[i].opaque += 1 << 8; /* what comes yet is too late */
		client_free_slot(client, i);
	}
}

/* What is under way may still be answered, but counts no more as throughput. */
static void
client_drain(struct client *client, uint64_t now)
{
	struct meter *meter = &client->meter;

	client->draining = true;
	client->last_answer = now;
	meter->ticks = now - client->phase_began;
	meter->in_time = meter->requests;
	if (client->options->rate != 0 && client->arrivals.due < (double)now)
		meter->behind = (uint64_t)(((double)now - client->arrivals.due) /
					   client->arrivals.mean_gap);
}

bool
client_wind_up(struct client *client, uint64_t now)
{
	bool all_answered = client->flight.free_count == client->flight.slot_count;
	/* relaxed: as in client_finished */
	bool over = now >= client->phase_ends ||
		    atomic_load_explicit(&client->stop, memory_order_relaxed);

	if (!client->draining) {
		if (!over && !(client->exhausted && all_answered))
			return false;
		client_drain(client, now);
	}
	return all_answered || now - client->last_answer > client->timeout;
}

int
client_housekeep(struct client *client, uint64_t now)
{
	uint64_t silence = (uint64_t)(SILENCE_SECONDS * client->ticks_per_second);

	meter_publish(&client->meter, &client->view, client->load.preload_next);
	if (now - client->stretch_began >= client->stretch_ticks) {
		meter_end_stretch(&client->meter);
		client->stretch_began = now;
	}
	if (client->draining || client->options->rate != 0 || now < client->last_answer ||
	    now - client->last_answer < silence)
		return 0;
	return client_fail(client, -ETIMEDOUT, "no answer for %d seconds: has the server ended?",
			   SILENCE_SECONDS);
}

/* --- phases ------------------------------------------------------------------------------- */

static void
client_enter(struct client *client, enum client_phase phase)
{
	memset(&client->meter, 0, sizeof(client->meter));
	meter_publish(&client->meter, &client->view, 0);
	/* relaxed: for show */
	atomic_store_explicit(&client->phase, phase, memory_order_relaxed);
	client->exhausted = false;
}

static int
client_run_for(struct client *client, enum client_phase phase, double seconds)
{
	client_enter(client, phase);
	client->phase_ticks = (uint64_t)(seconds * client->ticks_per_second);
	return client->transport->run(client);
}

static int
client_preload(struct client *client)
{
	unsigned long long refused;
	int status;

	load_preload(&client->load);
	client_enter(client, PHASE_PRELOAD);
	client->phase_ticks = UINT64_MAX;
	status = client->transport->run(client);
	load_serve(&client->load);
	refused = client->meter.out_of_memory + client->meter.refused;
	if (status == 0 && refused != 0)
		return client_fail(client, -ENOSPC,
				   "preload: the server refused %llu stores; give it more memory, "
				   "or fewer or smaller keys",
				   refused);
	return status;
}

static void
client_ask_stats(struct client *client, struct server_stats *stats)
{
	static const char *const questions[] = {"stats\r\n", "stats jackdaw\r\n"};
	char *answer = malloc(ANSWER_SIZE);

	stats->count = 0;
	for (size_t i = 0; answer != NULL && i < sizeof(questions) / sizeof(questions[0]); i++) {
		if (client->transport->ask(client, questions[i], "END\r\n", answer, ANSWER_SIZE) ==
		    0)
			server_stats_parse(stats, answer);
	}
	free(answer);
}

static int
client_measure(struct client *client)
{
	const struct bench_options *options = client->options;
	int status;

	if (options->server_stats)
		client_ask_stats(client, &client->before);
	status = client_run_for(client, PHASE_MEASURE, options->seconds);
	meter_flush_latency(&client->meter);
	client->meter.fills_dropped = client->load.fills_dropped;
	client->measured = status == 0;
	if (options->server_stats && status == 0)
		client_ask_stats(client, &client->after);
	return status;
}

static int
client_phases(struct client *client)
{
	const struct bench_options *options = client->options;
	int status = client->transport->connect(client);

	if (status == 0 && options->preload)
		status = client_preload(client);
	if (status == 0 && options->seconds > 0 && options->warm_up > 0)
		status = client_run_for(client, PHASE_WARM_UP, options->warm_up);
	client->load.fills_dropped = 0;
	if (status == 0 && options->seconds > 0)
		status = client_measure(client);
	return status;
}

int
client_run(struct client *client)
{
	uint64_t one = 1;

	client->status = client_set_priority(client, PRIORITY_LOOP);
	if (client->status == 0)
		client->status = client_phases(client);
	if (client->transport->disconnect != NULL)
		client->transport->disconnect(client);
	atomic_store_explicit(&client->phase, PHASE_DONE, memory_order_relaxed); /* for show */
	/* wakes the main thread, which then joins this one: the join orders everything else */
	if (write(client->done_fd, &one, sizeof(one)) != sizeof(one))
		return -EIO;
	return client->status;
}
