/* SPDX-License-Identifier: BSD-3-Clause */
/* Which CPU each worker gets, and what DPDK is told; without starting it. */
#include <errno.h>
#include <string.h>

#include "drivers/eal_arguments.h"
#include "tests/suite.h"

static cpu_set_t
cpus(int first, int last)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int cpu = first; cpu <= last; cpu++)
		CPU_SET(cpu, &set);
	return set;
}

static struct config
a_config(unsigned int workers)
{
	return (struct config){.workers = workers,
			       .mbufs = 8192,
			       .port_count = 1,
			       .ports = {{.driver = CONFIG_AF_XDP}}};
}

static bool
has(const struct eal_arguments *arguments, const char *text)
{
	for (int i = 0; i < arguments->count; i++) {
		if (strcmp(arguments->list[i], text) == 0)
			return true;
	}
	return false;
}

/* Places and fills in one go; the arguments live until the next call. */
static const struct eal_arguments *
told(const struct config *config, bool hugepages, cpu_set_t allowed)
{
	static struct eal_arguments arguments;
	struct eal eal = {.hugepages = hugepages, .prefix = "jackdaw-7"};
	char error[CONFIG_ERROR_SIZE] = "";

	CU_ASSERT_EQUAL_FATAL(eal_place_workers(&eal, config, &allowed, error), 0);
	eal_arguments_fill(&arguments, &eal, config, &allowed);
	CU_ASSERT_PTR_NULL(arguments.list[arguments.count]);
	return &arguments;
}

static void
workers_get_cpus_from_the_highest_down(void)
{
	struct config config = a_config(2);

	CU_ASSERT(has(told(&config, false, cpus(0, 7)), "--lcores=0@(0-5),1@7,2@6"));
	CU_ASSERT(has(told(&config, false, cpus(4, 6)), "--lcores=0@(4),1@6,2@5"));
}

static void
workers_get_the_cpus_they_are_given(void)
{
	struct config config = a_config(3);

	config.core_count = 3;
	config.cores[0] = 2;
	config.cores[1] = 9;
	config.cores[2] = 5;
	CU_ASSERT(has(told(&config, false, cpus(0, 11)),
		      "--lcores=0@(0-1,3-4,6-8,10-11),1@2,2@9,3@5"));
}

/* Where workers have all CPUs, the control thread shares theirs. */
static void
the_control_thread_always_has_a_cpu(void)
{
	struct config config = a_config(2);

	CU_ASSERT(has(told(&config, false, cpus(0, 1)), "--lcores=0@(0-1),1@1,2@0"));
}

/* The longest list there can be fits. */
static void
a_thousand_scattered_cpus_fit(void)
{
	struct config config = a_config(CONFIG_WORKERS_MAX);
	const struct eal_arguments *arguments;
	cpu_set_t allowed = cpus(0, -1);

	for (int cpu = 1; cpu < CPU_SETSIZE; cpu += 2)
		CPU_SET(cpu, &allowed);
	arguments = told(&config, false, allowed);
	CU_ASSERT_PTR_NOT_NULL(strstr(arguments->lcores, "(1,3,5,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(arguments->lcores, ",893,895),1@1023,2@1021,"));
	CU_ASSERT_STRING_EQUAL(arguments->lcores + strlen(arguments->lcores) - 7, ",64@897");
}

static void
refused(const struct config *config, cpu_set_t allowed, const char *word)
{
	struct eal eal = {.hugepages = false};
	char error[CONFIG_ERROR_SIZE] = "";

	CU_ASSERT_EQUAL(eal_place_workers(&eal, config, &allowed, error), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(error, word));
}

static void
more_workers_than_cpus_are_refused(void)
{
	struct config config = a_config(3);

	refused(&config, cpus(0, 1), "3 workers need a CPU each, and this process may use 2");
}

static void
a_cpu_outside_our_set_is_refused(void)
{
	struct config config = a_config(1);

	config.core_count = 1;
	config.cores[0] = 8;
	refused(&config, cpus(0, 7), "CPU 8");
	config.cores[0] = CPU_SETSIZE + 5;
	refused(&config, cpus(0, 7), "CPU 1029");
}

static void
memory_is_sized_for_the_packet_buffers(void)
{
	struct config config = a_config(2);
	const struct eal_arguments *arguments = told(&config, false, cpus(0, 3));

	CU_ASSERT_EQUAL(eal_memory_needed(&config), (48 << 20) + 2 * 8192 * 2560);
	CU_ASSERT(has(arguments, "--no-huge"));
	CU_ASSERT(has(arguments, "88"));
	CU_ASSERT_FALSE(has(arguments, "--in-memory"));
	arguments = told(&config, true, cpus(0, 3));
	CU_ASSERT(has(arguments, "--in-memory"));
	CU_ASSERT_FALSE(has(arguments, "--no-huge"));
}

/* PCI devices that no port names are none of our business: they may be the machine's own. */
static void
only_configured_pci_devices_are_touched(void)
{
	struct config config = a_config(1);
	const struct eal_arguments *arguments = told(&config, false, cpus(0, 3));

	CU_ASSERT(has(arguments, "--no-pci"));
	config.port_count = 2;
	config.ports[1].driver = CONFIG_PCI;
	strcpy(config.ports[1].pci, "0000:3b:00.0");
	arguments = told(&config, false, cpus(0, 3));
	CU_ASSERT_FALSE(has(arguments, "--no-pci"));
	CU_ASSERT(has(arguments, "--allow=0000:3b:00.0"));
}

static void
extra_arguments_come_last_and_whole(void)
{
	struct config config = a_config(1);
	char longest[2000];
	const struct eal_arguments *arguments;

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	config.eal_count = CONFIG_EAL_ARGS_MAX;
	for (unsigned int i = 0; i < CONFIG_EAL_ARGS_MAX; i++)
		config.eal[i] = longest;
	arguments = told(&config, false, cpus(0, 3));
	CU_ASSERT_STRING_EQUAL(arguments->list[arguments->count - 1], longest);
	CU_ASSERT_STRING_EQUAL(arguments->list[arguments->count - CONFIG_EAL_ARGS_MAX], longest);
	CU_ASSERT(has(arguments, "--file-prefix=jackdaw-7"));
}

static void
dpdk_is_silent_unless_asked(void)
{
	struct config config = a_config(1);

	CU_ASSERT(has(told(&config, false, cpus(0, 3)), "--log-level=critical"));
	config.verbose = 2;
	CU_ASSERT(has(told(&config, false, cpus(0, 3)), "--log-level=debug"));
}

SUITE("EAL arguments", TEST(workers_get_cpus_from_the_highest_down),
      TEST(workers_get_the_cpus_they_are_given), TEST(the_control_thread_always_has_a_cpu),
      TEST(a_thousand_scattered_cpus_fit), TEST(more_workers_than_cpus_are_refused),
      TEST(a_cpu_outside_our_set_is_refused), TEST(memory_is_sized_for_the_packet_buffers),
      TEST(only_configured_pci_devices_are_touched), TEST(extra_arguments_come_last_and_whole),
      TEST(dpdk_is_silent_unless_asked))
