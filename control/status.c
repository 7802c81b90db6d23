/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/status.h"

#include <rte_cycles.h>
#include <stdio.h>
#include <unistd.h>

#include "control/log.h"
#include "control/report.h"

char *
status_number(char *buffer, uint64_t number)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
	char *to = buffer;

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return buffer;
}

static unsigned int
percent(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : (unsigned int)(part * 100 / whole);
}

/* Each worker's share of the time since the last line that was not idle. */
static void
status_busy(struct status *status, const struct appliance *appliance, uint64_t cycles, char *text,
	    size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < appliance->worker_count && used < size; i++) {
		uint64_t idle = appliance->workers[i]->stats.cycles_idle;
		uint64_t spent = RTE_MIN(idle - status->idle[i], cycles);

		used += (size_t)snprintf(text + used, size - used, " %u %%",
					 percent(cycles - spent, cycles));
		status->idle[i] = idle;
	}
}

void
status_begin(struct status *status, const struct appliance *appliance)
{
	*status = (struct status){.tsc = rte_rdtsc()};
	status->shown = appliance->config->status_line && isatty(STDERR_FILENO);
	log_set_status_shown(status->shown);
}

void
status_show(struct status *status, const struct appliance *appliance)
{
	char requests[32], items[32], drops[32], busy[256];
	uint64_t now = rte_rdtsc(), cycles = now - status->tsc, hz = rte_get_tsc_hz();
	struct report report;

	if (!status->shown || cycles == 0)
		return;
	report_gather(appliance, &report);
	status_busy(status, appliance, cycles, busy, sizeof(busy));
	/* cycles and counts of a second or so: the products stay far below 2^64 */
	status_number(requests, (report.worker.requests - status->requests) * hz / cycles);
	status_number(drops, (report.drops - status->drops) * hz / cycles);
	status_number(items, report.store.items);
	fprintf(stderr, "\r\033[K%s req/s  hits %u %%  items %s  memory %u %%  drops %s/s  busy%s",
		requests,
		percent(report.proto.get_hits - status->hits, report.proto.cmd_get - status->gets),
		items, percent(report.store.memory_used, report.store.memory_limit), drops, busy);
	fflush(stderr);
	status->tsc = now;
	status->requests = report.worker.requests;
	status->gets = report.proto.cmd_get;
	status->hits = report.proto.get_hits;
	status->drops = report.drops;
}

void
status_end(struct status *status)
{
	if (status->shown)
		fputs("\r\033[K", stderr);
	log_set_status_shown(false);
}
