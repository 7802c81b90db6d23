/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/eal.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <rte_alarm.h>
#include <rte_common.h>
#include <rte_config.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/eal_arguments.h"
#include "drivers/hugepages.h"

/* of --file-prefix; the process's number follows */
#define PREFIX "jackdaw-"

/*
 * Packet buffers go to hugepages where there are enough for them; the store decides for itself, of
 * what is left. Who insists on hugepages gets them for both, or an error.
 */
static int
decide_hugepages(struct eal *eal, const struct config *config, char error[CONFIG_ERROR_SIZE])
{
	uint64_t needed = eal_memory_needed(config), available = hugepages_free_bytes(-1);
	uint64_t in_use = hugepages_total_bytes(-1) - available;
	uint64_t wanted = needed + config->memory;
	bool insisting = config->hugepages == CONFIG_HUGEPAGES_ON;

	eal->hugepages = config->hugepages != CONFIG_HUGEPAGES_OFF &&
			 available >= (insisting ? wanted : needed);
	if (eal->hugepages)
		return 0;
	if (config->hugepages == CONFIG_HUGEPAGES_OFF)
		snprintf(eal->why_no_hugepages, sizeof(eal->why_no_hugepages),
			 "the configuration says so");
	else
		snprintf(eal->why_no_hugepages, sizeof(eal->why_no_hugepages),
			 "%" PRIu64 " MiB of them free, %" PRIu64
			 " wanted; for them: sysctl vm.nr_hugepages=%" PRIu64,
			 available >> 20, wanted >> 20, (wanted + in_use) / HUGEPAGE_SIZE + 1);
	if (!insisting)
		return 0;
	snprintf(error, CONFIG_ERROR_SIZE, "hugepages: %s", eal->why_no_hugepages);
	return -ENOMEM;
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

/*
 * EAL makes a runtime directory even when nothing is to be put there, and a killed process leaves
 * its own. Those of ours that are empty and whose process is gone are removed.
 */
static void
remove_leftovers(void)
{
	char own[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
	const char *parent;
	struct dirent *entry;
	DIR *directory;
	int pid;

	snprintf(own, sizeof(own), "%s", rte_eal_get_runtime_dir());
	parent = dirname(own);
	directory = opendir(parent);
	if (directory == NULL)
		return;
	while ((entry = readdir(directory)) != NULL) {
		if (sscanf(entry->d_name, PREFIX "%d", &pid) != 1 || kill(pid, 0) == 0 ||
		    errno != ESRCH)
			continue;
		snprintf(path, sizeof(path), "%s/%s", parent, entry->d_name);
		rmdir(path);
	}
	closedir(directory);
}

int
eal_start(struct eal *eal, const struct config *config, char error[CONFIG_ERROR_SIZE])
{
	static struct eal_arguments arguments; /* EAL keeps pointers into it */
	cpu_set_t allowed;
	int status;

	memset(eal, 0, sizeof(*eal));
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return -errno;
	status = eal_place_workers(eal, config, &allowed, error);
	if (status == 0)
		status = decide_hugepages(eal, config, error);
	if (status != 0)
		return status;
	snprintf(eal->prefix, sizeof(eal->prefix), PREFIX "%d", getpid());
	eal_arguments_fill(&arguments, eal, config, &allowed);
	silence_libraries(config->verbose);
	if (rte_eal_init(arguments.count, arguments.list) < 0) {
		snprintf(error, CONFIG_ERROR_SIZE,
			 "DPDK can't start: %s; -vv shows what it says of it",
			 rte_strerror(rte_errno));
		return rte_errno == 0 ? -EINVAL : -rte_errno;
	}
	rmdir(rte_eal_get_runtime_dir()); /* stays if anything is in it */
	remove_leftovers();
	return 0;
}

/* The process has one interrupt thread; only the main thread reads and writes this. */
static bool interrupts_held;

bool
eal_interrupts_held(void)
{
	return interrupts_held;
}

/* Runs on the interrupt thread, as every alarm does, and keeps it. */
static void
interrupts_hold(void *held)
{
	sem_post(held);
	for (;;)
		pause();
}

void
eal_hold_interrupts(void)
{
	static sem_t held; /* outlives us: the thread never leaves */

	if (sem_init(&held, 0, 0) != 0 || rte_eal_alarm_set(1, interrupts_hold, &held) != 0)
		return;
	while (sem_wait(&held) != 0)
		;
	interrupts_held = true;
}

void
eal_stop(struct eal *eal)
{
	if (eal->prefix[0] == '\0')
		return;
	/* no rte_eal_cleanup: it would wait for the interrupt thread, which is held; all that it
	 * releases is memory, and this process is about to end */
	rmdir(rte_eal_get_runtime_dir());
	eal->prefix[0] = '\0';
}
