/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/eal.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <rte_common.h>
#include <rte_config.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/hugepages.h"
#include "drivers/kind.h"

enum {
	ARGUMENTS_MAX = 16 + CONFIG_PORTS_MAX * 2 + CONFIG_EAL_ARGS_MAX,
	ARGUMENT_SIZE = 1024,
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

/* Takes free CPUs from the highest down: interrupts and other programs favour the low ones. */
static int
choose_cpus(struct eal *eal, const struct config *config, const cpu_set_t *allowed,
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

/*
 * The --lcores argument: lcore 0 is the control thread, on every CPU that no worker has (on all,
 * where the workers have all); worker i is lcore i + 1 on its CPU.
 */
static void
format_lcores(struct eal *eal, const struct config *config, const cpu_set_t *allowed, char *text,
	      size_t size)
{
	cpu_set_t control = *allowed;
	const char *comma = "";
	size_t used;

	for (unsigned int i = 0; i < config->workers; i++)
		CPU_CLR(eal->cpus[i], &control);
	if (CPU_COUNT(&control) == 0)
		control = *allowed;
	used = (size_t)snprintf(text, size, "--lcores=0@(");
	for (int cpu = 0; cpu < CPU_SETSIZE && used < size; cpu++) {
		if (CPU_ISSET(cpu, &control)) {
			used += (size_t)snprintf(text + used, size - used, "%s%d", comma, cpu);
			comma = ",";
		}
	}
	used += (size_t)snprintf(text + used, used < size ? size - used : 0, ")");
	for (unsigned int i = 0; i < config->workers && used < size; i++) {
		eal->lcores[i] = i + 1;
		used += (size_t)snprintf(text + used, size - used, ",%u@%u", i + 1, eal->cpus[i]);
	}
}

/* --- memory ------------------------------------------------------------------------------- */

static uint64_t
memory_needed(const struct config *config)
{
	return BASE_BYTES +
	       (uint64_t)config->mbufs * config->workers * config->port_count * KIND_MBUF_BYTES;
}

static int
decide_hugepages(struct eal *eal, const struct config *config, char error[CONFIG_ERROR_SIZE])
{
	uint64_t needed = memory_needed(config), available = hugepages_free_bytes(-1);
	unsigned long long pages = (needed + config->memory) / HUGEPAGE_SIZE + 1;

	eal->hugepages = config->hugepages != CONFIG_HUGEPAGES_OFF && available >= needed;
	if (config->hugepages == CONFIG_HUGEPAGES_OFF)
		snprintf(eal->why_no_hugepages, sizeof(eal->why_no_hugepages),
			 "the configuration says so");
	else if (!eal->hugepages)
		snprintf(
			eal->why_no_hugepages, sizeof(eal->why_no_hugepages),
			"%llu MiB of them free, %llu needed; for them: sysctl vm.nr_hugepages=%llu",
			(unsigned long long)available >> 20, pages * HUGEPAGE_SIZE >> 20, pages);
	if (config->hugepages == CONFIG_HUGEPAGES_ON && !eal->hugepages) {
		snprintf(error, CONFIG_ERROR_SIZE, "hugepages: %s", eal->why_no_hugepages);
		return -ENOMEM;
	}
	return 0;
}

/* --- the argument list -------------------------------------------------------------------- */

struct arguments {
	int count;
	char *list[ARGUMENTS_MAX];
	char text[ARGUMENTS_MAX][ARGUMENT_SIZE];
};

static char *argument_add(struct arguments *arguments, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static char *
argument_add(struct arguments *arguments, const char *format, ...)
{
	char *text = arguments->text[arguments->count];
	va_list values;

	va_start(values, format);
	vsnprintf(text, ARGUMENT_SIZE, format, values);
	va_end(values);
	arguments->list[arguments->count++] = text;
	return text;
}

/* PCI is scanned only when a port is on it, and then for that device alone. */
static void
arguments_add_pci(struct arguments *arguments, const struct config *config)
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

static void
arguments_fill(struct arguments *arguments, struct eal *eal, const struct config *config,
	       const cpu_set_t *allowed)
{
	arguments->count = 0;
	argument_add(arguments, "jackdaw");
	format_lcores(eal, config, allowed, argument_add(arguments, "--lcores"), ARGUMENT_SIZE);
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
		argument_add(arguments, "%llu", (unsigned long long)memory_needed(config) >> 20);
	}
	arguments_add_pci(arguments, config);
	argument_add(arguments, "--log-level=%s", config->verbose > 1 ? "debug" : "critical");
	for (unsigned int i = 0; i < config->eal_count; i++)
		argument_add(arguments, "%s", config->eal[i]);
	arguments->list[arguments->count] = NULL;
}

/*
 * The AF_XDP driver's libraries tell standard error of every BPF section they pass over. They are
 * loaded with the driver, so they are reached by name only.
 */
static void
silence_libraries(unsigned int verbose)
{
	static const struct {
		const char *library, *function;
	} printers[] = {{"libbpf.so.1", "libbpf_set_print"}, {"libxdp.so.1", "libxdp_set_print"}};

	for (size_t i = 0; i < RTE_DIM(printers) && verbose < 2; i++) {
		void *library = dlopen(printers[i].library, RTLD_LAZY);
		void *(*set_print)(void *) = NULL;

		if (library != NULL)
			*(void **)&set_print = dlsym(library, printers[i].function);
		if (set_print != NULL)
			set_print(NULL);
	}
}

int
eal_start(struct eal *eal, const struct config *config, char error[CONFIG_ERROR_SIZE])
{
	static struct arguments arguments; /* EAL keeps pointers into it */
	cpu_set_t allowed;
	int status;

	memset(eal, 0, sizeof(*eal));
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return -errno;
	status = choose_cpus(eal, config, &allowed, error);
	if (status == 0)
		status = decide_hugepages(eal, config, error);
	if (status != 0)
		return status;
	snprintf(eal->prefix, sizeof(eal->prefix), "jackdaw-%d", getpid());
	arguments_fill(&arguments, eal, config, &allowed);
	silence_libraries(config->verbose);
	if (rte_eal_init(arguments.count, arguments.list) < 0) {
		snprintf(error, CONFIG_ERROR_SIZE,
			 "DPDK can't start: %s; -vv shows what it says of it",
			 rte_strerror(rte_errno));
		return -rte_errno;
	}
	return 0;
}

void
eal_stop(struct eal *eal)
{
	char directory[PATH_MAX];

	if (eal->prefix[0] == '\0')
		return;
	snprintf(directory, sizeof(directory), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	/* made by every start, whether anything is put there or not */
	rmdir(directory);
	eal->prefix[0] = '\0';
}
