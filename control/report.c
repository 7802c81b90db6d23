/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Every counter block is nothing but uint64_t: summed as such. */
static void
sum_counters(void *into, const void *from, size_t size)
{
	uint64_t *total = into;
	const uint64_t *counter = from;

	for (size_t i = 0; i < size / sizeof(*total); i++)
		total[i] += counter[i];
}

void
report_gather(const struct appliance *appliance, struct report *report)
{
	memset(report, 0, sizeof(*report));
	for (unsigned int i = 0; i < appliance->config->workers; i++) {
		const struct worker *worker = appliance->workers[i];

		sum_counters(&report->net, &worker->net, sizeof(report->net));
		sum_counters(&report->proto, &worker->proto, sizeof(report->proto));
		sum_counters(&report->tcp, &worker->tcp_stats, sizeof(report->tcp));
		sum_counters(&report->worker, &worker->stats, sizeof(report->worker));
	}
	for (unsigned int i = 0; i < NET_DROP_CAUSES; i++)
		report->drops += report->net.drops[i];
	store_read_stats(appliance->store, &report->store);
}

static void
emit_number(stat_emit *emit, void *arg, const char *prefix, const char *name, uint64_t value)
{
	char full[96], text[24];

	snprintf(full, sizeof(full), "%s%s", prefix, name);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	emit(arg, full, text);
}

static void
emit_loss(stat_emit *emit, void *arg, const char *prefix, const char *name,
	  const _Atomic uint64_t *value)
{
	/* relaxed: a figure, ordered with nothing */
	emit_number(emit, arg, prefix, name, atomic_load_explicit(value, memory_order_relaxed));
}

static void
report_ports(const struct appliance *appliance, stat_emit *emit, void *arg)
{
	for (unsigned int i = 0; i < appliance->port_count; i++) {
		const struct port_lost *lost = &appliance->lost[i];
		char prefix[48];

		snprintf(prefix, sizeof(prefix), "%s_", appliance->ports[i].name);
		emit_loss(emit, arg, prefix, "missed", &lost->missed);
		emit_loss(emit, arg, prefix, "errors", &lost->errors);
		emit_loss(emit, arg, prefix, "no_buffer", &lost->no_buffer);
	}
}

/* `stats jackdaw`: everything, each counter under the name of its table. */
static void
report_jackdaw(const struct appliance *appliance, const struct report *report, stat_emit *emit,
	       void *arg)
{
#define X(name, help) emit_number(emit, arg, "net_", #name, report->net.name);
	NET_STATS(X)
#undef X
	emit_number(emit, arg, "", "drops", report->drops);
#define X(name, help) emit_number(emit, arg, "drop_", #name, report->net.drops[NET_DROP_##name]);
	NET_DROPS(X)
#undef X
#define X(name, help) emit_number(emit, arg, "tcp_", #name, report->tcp.name);
	TCP_STATS(X)
#undef X
#define X(name, help) emit_number(emit, arg, "worker_", #name, report->worker.name);
	WORKER_STATS(X)
#undef X
#define X(name, help) emit_number(emit, arg, "proto_", #name, report->proto.name);
	PROTO_STATS(X)
#undef X
#define X(name, help) emit_number(emit, arg, "store_", #name, report->store.name);
	STORE_STATS(X)
#undef X
	report_ports(appliance, emit, arg);
}

static void
report_inputs(const struct appliance *appliance, const struct report *report,
	      struct stats_inputs *inputs)
{
	const struct config *config = appliance->config;
	time_t now = time(NULL);
	struct watch_stats watch;

	watch_read_stats(appliance->relay.watch, &watch);
	*inputs = (struct stats_inputs){
		.proto = report->proto,
		.store = report->store,
		.process =
			{
				.version = PROTOCOL_VERSION,
				.pid = (uint64_t)appliance->pid,
				.time = (uint64_t)now,
				.uptime = (uint64_t)(now - appliance->started),
				.user_us = atomic_load_explicit(&appliance->user_us,
								memory_order_relaxed),
				.system_us = atomic_load_explicit(&appliance->system_us,
								  memory_order_relaxed),
				.threads = config->workers,
				.tcp_port = config->tcp_port,
				.udp_port = config->udp_port,
				.sasl = config->auth_file[0] != '\0' ? "yes" : NULL,
				.auth_file =
					config->auth_file[0] != '\0' ? config->auth_file : NULL,
				.verbosity = config->verbose,
				.item_size_max = config->item_size_max,
				.segment_size = report->store.segment_size,
				.connections_max = config->connections,
				.connections = report->tcp.connections,
				.connections_total = report->tcp.accepted,
				.connections_rejected = report->tcp.refused_connections +
							report->tcp.refused_client,
				.bytes_read = report->net.rx_bytes,
				.bytes_written = report->net.tx_bytes,
				.watch_dropped = watch.dropped,
				.watch_written = watch.written,
				.watch_skipped = watch.skipped,
				.watch_sent = watch.sent,
				.watchers = watch.watchers,
				.watch_events_size = WATCH_EVENTS_SIZE,
				.watch_text_size = WATCH_TEXT_SIZE,
			},
	};
}

int
report_group(void *owner, const char *group, size_t length, stat_emit *emit, void *arg)
{
	static const char ours[] = "jackdaw";
	const struct appliance *appliance = owner;
	struct stats_inputs inputs;
	struct report report;
	unsigned int current;

	report_gather(appliance, &report);
	if (length == strlen(ours) && memcmp(group, ours, length) == 0) {
		report_jackdaw(appliance, &report, emit, arg);
		return 0;
	}
	report_inputs(appliance, &report, &inputs);
	/* acquire: pairs with the release in report_reset, so that the half is complete */
	current = atomic_load_explicit(&appliance->reset.current, memory_order_acquire);
	stats_subtract(&inputs, &appliance->reset.half[current]);
	return stats_emit_group(&inputs, group, length, emit, arg);
}

void
report_listeners(void *owner, struct reply *reply)
{
	const struct appliance *appliance = owner;

	listing_put_listeners(appliance->workers[0], reply);
}

void
report_reset(void *owner)
{
	struct appliance *appliance = owner;
	struct reset_mark *reset = &appliance->reset;
	struct report report;
	unsigned int next;

	/* acquire and release: whoever comes next sees what we wrote. Another at work: same effect */
	if (atomic_flag_test_and_set_explicit(&reset->writing, memory_order_acquire))
		return;
	next = 1 - atomic_load_explicit(&reset->current, memory_order_relaxed);
	report_gather(appliance, &report);
	report_inputs(appliance, &report, &reset->half[next]);
	/* release: pairs with the acquire in report_group */
	atomic_store_explicit(&reset->current, next, memory_order_release);
	atomic_flag_clear_explicit(&reset->writing, memory_order_release);
}
