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

/* What each port itself lost before any worker saw it. */
static void
report_ports(const struct appliance *appliance, stat_emit *emit, void *arg)
{
	for (unsigned int i = 0; i < appliance->port_count; i++) {
		const struct port *port = &appliance->ports[i];
		struct port_losses losses;
		char prefix[48];

		if (port_read_losses(port, &losses) != 0)
			continue;
		snprintf(prefix, sizeof(prefix), "%s_", port->name);
		emit_number(emit, arg, prefix, "missed", losses.missed);
		emit_number(emit, arg, prefix, "errors", losses.errors);
		emit_number(emit, arg, prefix, "no_buffer", losses.no_buffer);
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
#define X(name, help) emit_number(emit, arg, "worker_", #name, report->worker.name);
	WORKER_STATS(X)
#undef X
#define X(name, help) emit_number(emit, arg, "store_", #name, report->store.name);
	STORE_STATS(X)
#undef X
	report_ports(appliance, emit, arg);
}

int
report_group(void *owner, const char *group, size_t length, stat_emit *emit, void *arg)
{
	const struct appliance *appliance = owner;
	struct report report;

	report_gather(appliance, &report);
	if (length == strlen("jackdaw") && memcmp(group, "jackdaw", length) == 0) {
		report_jackdaw(appliance, &report, emit, arg);
		return 0;
	}
	if (length != 0)
		return -ENOENT;
#define X(name, help) emit_number(emit, arg, "", #name, report.proto.name);
	PROTO_STATS(X)
#undef X
	return 0;
}

void
report_reset(void *owner)
{
	(void)owner;
}
