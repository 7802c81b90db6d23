/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "perf/bench_transports.h"

enum {
	ANSWER_SIZE = 1 << 16
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

int
client_open(struct client *client, const struct bench_options *options)
{
	int status;

	memset(client, 0, sizeof(*client));
	client->options = options;
	client->transport = transport_choose(options);
	if (client->transport == NULL)
		return client_fail(client, -ENOTSUP, "--port is needed");
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
	int status;

	load_preload(&client->load);
	client_enter(client, PHASE_PRELOAD);
	client->phase_ticks = UINT64_MAX;
	status = client->transport->run(client);
	load_serve(&client->load);
	if (status == 0 && client->meter.out_of_memory + client->meter.refused != 0)
		return client_fail(
			client, -ENOSPC,
			"preload: the server refused %llu stores; give it more memory, "
			"or fewer or smaller keys",
			(unsigned long long)(client->meter.out_of_memory + client->meter.refused));
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

	client->status = client_phases(client);
	atomic_store_explicit(&client->phase, PHASE_DONE, memory_order_relaxed); /* for show */
	/* wakes the main thread, which then joins this one: the join orders everything else */
	if (write(client->done_fd, &one, sizeof(one)) != sizeof(one))
		return -EIO;
	return client->status;
}
