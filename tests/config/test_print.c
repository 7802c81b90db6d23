/* SPDX-License-Identifier: BSD-3-Clause */
/* What is printed: YAML that loads to the same, a help that leaves nothing out, the samples. */
#include <glob.h>

#include "config/options.h"
#include "tests/config/yaml_text.h"
#include "tests/suite.h"

/* What a printer writes, to be freed. */
static char *
printed(const struct config *config)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	if (file == NULL)
		abort();
	config_print(config, file);
	fclose(file);
	return text;
}

/* Equal in every setting; eal arguments by their text. */
static bool
same(const struct config *a, const struct config *b)
{
	struct config x = *a, y = *b;

	if (x.eal_count != y.eal_count)
		return false;
	for (unsigned int i = 0; i < x.eal_count; i++)
		if (strcmp(x.eal[i], y.eal[i]) != 0)
			return false;
	memset(x.eal, 0, sizeof(x.eal));
	memset(y.eal, 0, sizeof(y.eal));
	return memcmp(&x, &y, sizeof(x)) == 0;
}

static void
check_round_trip(const struct config *config)
{
	char *first = printed(config), *second, error[CONFIG_ERROR_SIZE];
	struct config again;

	config_defaults(&again);
	CU_ASSERT_EQUAL(yaml_load(&again, first, error), 0);
	if (error[0] != '\0')
		printf("\n  %s\n%s", error, first);
	second = printed(&again);
	CU_ASSERT_STRING_EQUAL(first, second);
	CU_ASSERT_TRUE(same(config, &again));
	config_release(&again);
	free(first);
	free(second);
}

static void
defaults_come_back(void)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	config_defaults(&config);
	CU_ASSERT_EQUAL_FATAL(yaml_load(&config, PORT_LINES, error), 0);
	check_round_trip(&config);
	config_release(&config);
}

static void
everything_comes_back(void)
{
	static const char text[] =
		"memory: 3000M\nitem_size_max: 1234567\nshards: 3\nhugepages: off\n"
		"worker: {cores: [9, 3-5], idle: spin, idle_sleep: 1500us, burst: 7}\n"
		"tcp: {port: 0, connections: 1}\n"
		"udp: {port: 1, allow: [0.0.0.0/0, 10.0.0.0/8, 1.2.3.4]}\n"
		"ports:\n"
		"  - {name: no, driver: memif, socket: '/run/a \"b\\: #c', role: client,\n"
		"     id: 4294967295, address: 10.0.0.1/8, mac: '02:00:00:00:00:0f', queues: 4,\n"
		"     descriptors: 64, mtu: 576}\n"
		"  - {driver: tap, interface: '12', address: 11.0.0.1/31}\n"
		"  - {driver: pci, pci: '0000:3B:00.7', address: 12.0.0.1/30}\n"
		"mbufs: 1048576\n"
		"eal: [\"tab\\tand \\\"quotes\\\"\", 'back\\slash', '~', \"\\u00e9\", '# x']\n"
		"verbose: 2\nstatus_line: false\n";
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	config_defaults(&config);
	CU_ASSERT_EQUAL_FATAL(yaml_load(&config, text, error), 0);
	CU_ASSERT_STRING_EQUAL(config.eal[0], "tab\tand \"quotes\"");
	CU_ASSERT_STRING_EQUAL(config.ports[0].socket, "/run/a \"b\\: #c");
	check_round_trip(&config);
	config_release(&config);
}

/* Longer than any fixed buffer between the file and the print. */
static void
long_arguments_come_back(void)
{
	char text[4096] = "eal: [", error[CONFIG_ERROR_SIZE];
	struct config config;

	memset(text + strlen(text), 'x', 3000);
	strcat(text, "]\n" PORT_LINES);
	config_defaults(&config);
	CU_ASSERT_EQUAL_FATAL(yaml_load(&config, text, error), 0);
	CU_ASSERT_EQUAL(strlen(config.eal[0]), 3000);
	check_round_trip(&config);
	config_release(&config);
}

static void
print_without_a_port_says_so(void)
{
	struct config config;
	char *text;

	config_defaults(&config);
	text = printed(&config);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "ports: [] # none yet; at least one is needed\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "memory: 64M\n"));
	free(text);
}

static void
help_names_every_option(void)
{
	char *text = NULL, word[64];
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	config_help(file);
	fclose(file);
	for (unsigned int i = 0; i < config_options_count + port_options_count; i++) {
		const struct option *option = i < config_options_count
						      ? &config_options[i]
						      : &port_options[i - config_options_count];

		snprintf(word, sizeof(word), "\n  %s\n", option->path);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, word));
		if (option->letter == 0)
			continue;
		snprintf(word, sizeof(word), "\n  -%c, --%s", option->letter, option->long_name);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, word));
	}
	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
		CU_ASSERT(strcspn(line, "\n") <= 101);
	free(text);
}

/* Run from the root of the project, as make does. */
static void
samples_load_and_come_back(void)
{
	char error[CONFIG_ERROR_SIZE];
	glob_t samples;

	CU_ASSERT_EQUAL_FATAL(glob("config/*.yaml", 0, NULL, &samples), 0);
	CU_ASSERT(samples.gl_pathc >= 5);
	for (size_t i = 0; i < samples.gl_pathc; i++) {
		struct config config;

		config_defaults(&config);
		CU_ASSERT_EQUAL(config_load(&config, samples.gl_pathv[i], error), 0);
		CU_ASSERT_EQUAL(config.port_count, 1);
		check_round_trip(&config);
		config_release(&config);
	}
	globfree(&samples);
}

SUITE("config printed", TEST(defaults_come_back), TEST(everything_comes_back),
      TEST(long_arguments_come_back), TEST(print_without_a_port_says_so),
      TEST(help_names_every_option), TEST(samples_load_and_come_back))
