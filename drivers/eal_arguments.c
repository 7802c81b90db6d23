/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/eal_arguments.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "drivers/kind.h"

enum {
	/* what DPDK and the workers need besides packet buffers */
	BASE_BYTES = 48 << 20,
};

/* --- which CPU does what ------------------------------------------------------------------ */

static int
cpu_not_ours(unsigned int cpu, char error[CONFIG_ERROR_SIZE])
{
	snprintf(error, CONFIG_ERROR_SIZE,
		 "worker.cores: this process may not run on CPU %u; name CPUs that "
		 "`taskset -p $$` allows, or leave worker.cores out",
		 cpu);
	return -EINVAL;
}

int
eal_place_workers(struct eal *eal, const struct config *config, const cpu_set_t *allowed,
		  char error[CONFIG_ERROR_SIZE])
{
	int cpu = CPU_SETSIZE;

	if ((int)config->workers > CPU_COUNT(allowed)) {
		snprintf(error, CONFIG_ERROR_SIZE,
			 "worker.count: %u workers need a CPU each, and this process may use %d; "
			 "configure at most that many",
			 config->workers, CPU_COUNT(allowed));
		return -EINVAL;
	}
	for (unsigned int i = 0; i < config->workers; i++) {
		eal->lcores[i] = i + 1;
		if (config->core_count != 0) {
			eal->cpus[i] = config->cores[i];
			if (eal->cpus[i] >= CPU_SETSIZE || !CPU_ISSET(eal->cpus[i], allowed))
				return cpu_not_ours(eal->cpus[i], error);
			continue;
		}
		do {
			cpu--;
		} while (!CPU_ISSET(cpu, allowed));
		eal->cpus[i] = (unsigned int)cpu;
	}
	return 0;
}

/* --- the argument list -------------------------------------------------------------------- */

static void text_append(char *text, size_t size, size_t *used, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void
text_append(char *text, size_t size, size_t *used, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	*used += (size_t)vsnprintf(text + *used, size - *used, format, values);
	va_end(values);
	if (*used >= size)
		*used = size - 1;
}

/* "(0-3,7)": the CPUs of a set, as ranges. */
static void
append_cpus(char *text, size_t size, size_t *used, const cpu_set_t *cpus)
{
	const char *before = "(";

	for (int first = 0; first < CPU_SETSIZE; first++) {
		int last = first;

		if (!CPU_ISSET(first, cpus))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, cpus))
			last++;
		text_append(text, size, used, "%s%d", before, first);
		if (last > first)
			text_append(text, size, used, "-%d", last);
		before = ",";
		first = last;
	}
	text_append(text, size, used, ")");
}

/*
 * Lcore 0 is the control thread, on every CPU that no worker has (on all, where the workers have
 * all); worker i is lcore i + 1 on its CPU.
 */
static void
format_lcores(char text[EAL_LCORES_SIZE], const struct eal *eal, const struct config *config,
	      const cpu_set_t *allowed)
{
	cpu_set_t control = *allowed;
	size_t used = 0;

	for (unsigned int i = 0; i < config->workers; i++)
		CPU_CLR(eal->cpus[i], &control);
	if (CPU_COUNT(&control) == 0)
		control = *allowed;
	text_append(text, EAL_LCORES_SIZE, &used, "--lcores=0@");
	append_cpus(text, EAL_LCORES_SIZE, &used, &control);
	for (unsigned int i = 0; i < config->workers; i++)
		text_append(text, EAL_LCORES_SIZE, &used, ",%u@%u", eal->lcores[i], eal->cpus[i]);
}

uint64_t
eal_memory_needed(const struct config *config)
{
	return BASE_BYTES +
	       (uint64_t)config->mbufs * config->workers * config->port_count * KIND_MBUF_BYTES;
}

static void argument_add(struct eal_arguments *arguments, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void
argument_add(struct eal_arguments *arguments, const char *format, ...)
{
	char *text = arguments->text[arguments->count];
	va_list values;

	va_start(values, format);
	vsnprintf(text, EAL_ARGUMENT_SIZE, format, values);
	va_end(values);
	arguments->list[arguments->count++] = text;
}

/* PCI is scanned only when a port is on it, and then for that device alone. */
static void
add_pci(struct eal_arguments *arguments, const struct config *config)
{
	bool any = false;

	for (unsigned int i = 0; i < config->port_count; i++) {
		if (config->ports[i].driver != CONFIG_PCI)
			continue;
		argument_add(arguments, "--allow=%s", config->ports[i].pci);
		any = true;
	}
	if (!any)
		argument_add(arguments, "--no-pci");
}

void
eal_arguments_fill(struct eal_arguments *arguments, const struct eal *eal,
		   const struct config *config, const cpu_set_t *allowed)
{
	arguments->count = 0;
	argument_add(arguments, "jackdaw");
	format_lcores(arguments->lcores, eal, config, allowed);
	arguments->list[arguments->count++] = arguments->lcores;
	argument_add(arguments, "--main-lcore=0");
	argument_add(arguments, "--file-prefix=%s", eal->prefix);
	argument_add(arguments, "--no-telemetry");
	/* no files under /run/dpdk or in hugetlbfs, so none to be left behind; no mount needed */
	if (eal->hugepages) {
		argument_add(arguments, "--in-memory");
	} else {
		argument_add(arguments, "--no-shconf");
		argument_add(arguments, "--no-huge");
		argument_add(arguments, "-m");
		argument_add(arguments, "%llu",
			     (unsigned long long)eal_memory_needed(config) >> 20);
	}
	add_pci(arguments, config);
	argument_add(arguments, "--log-level=%s", config->verbose > 1 ? "debug" : "critical");
	/* not copied: they may be of any length, and the configuration outlives EAL's start */
	for (unsigned int i = 0; i < config->eal_count; i++)
		arguments->list[arguments->count++] = config->eal[i];
	arguments->list[arguments->count] = NULL;
}
