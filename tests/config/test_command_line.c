/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line: what to do, memcached's overrides, and every error's text. */
#include <errno.h>

#include "tests/config/yaml_text.h"
#include "tests/suite.h"

enum {
	WORDS_MAX = 24,
};

/* Splits at single spaces and reads the words behind a program name. */
static int
command(struct config *config, enum config_action *action, const char *words, char *error)
{
	char text[512], *argv[WORDS_MAX + 2] = {(char[]){"jackdaw"}}, *rest = NULL;
	int argc = 1;

	*action = CONFIG_RUN;
	error[0] = '\0';
	snprintf(text, sizeof(text), "%s", words);
	for (char *word = strtok_r(text, " ", &rest); word != NULL && argc <= WORDS_MAX;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	return config_command_line(config, action, argc, argv, error);
}

/* The same with @ standing for a file that holds `file`. */
static int
command_with(struct config *config, const char *file, const char *words, char *error)
{
	char path[32], text[512], whole[CONFIG_ERROR_SIZE] = "";
	const char *at = strchr(words, '@');
	enum config_action action;
	int status;

	yaml_file_make(path, file, strlen(file));
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - words), words, path, at + 1);
	status = command(config, &action, text, whole);
	unlink(path);
	strcpy(error, strncmp(whole, path, strlen(path)) == 0 ? whole + strlen(path) : whole);
	return status;
}

static void
actions_are_told_apart(void)
{
	static const struct {
		const char *words;
		enum config_action action;
	} lines[] = {
		{"--help", CONFIG_HELP},
		{"-h", CONFIG_HELP},
		{"--version", CONFIG_VERSION},
		{"-V", CONFIG_VERSION},
		{"--print-config", CONFIG_PRINT},
		{"--doctor", CONFIG_DOCTOR},
		{"-m 64 --help --nonsense", CONFIG_HELP},
		{"-t 2 --print-config -v", CONFIG_PRINT},
		{"--doctor --config config/laptop.yaml", CONFIG_DOCTOR},
		{"--check-config config/laptop.yaml", CONFIG_CHECK},
		{"--check-config=config/laptop.yaml", CONFIG_CHECK},
		{"--config config/laptop.yaml", CONFIG_RUN},
		{"--config=config/laptop.yaml", CONFIG_RUN},
		{"--config config/laptop.yaml --print-config", CONFIG_PRINT},
	};
	char error[CONFIG_ERROR_SIZE];

	for (unsigned int i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		enum config_action action;
		struct config config;

		config_defaults(&config);
		CU_ASSERT_EQUAL(command(&config, &action, lines[i].words, error), 0);
		CU_ASSERT_STRING_EQUAL(error, "");
		CU_ASSERT_EQUAL(action, lines[i].action);
		config_release(&config);
	}
}

static void
overrides_win_in_any_order(void)
{
	static const char file[] = PORT_LINES "memory: 128M\nitem_size_max: 2M\n"
					      "worker: {count: 1}\ntcp: {port: 1, connections: 5}\n"
					      "udp: {port: 2}\nverbose: 0\n";
	static const char *const lines[] = {
		"--config @ -m 256 -I 4m -t 2 -p 11 -c 6 -U 12 -l 10.77.0.9 -v",
		"-m 256 -I 4m -t 2 -p 11 -c 6 -U 12 -l 10.77.0.9 -v --config @",
		"-m256 -I4M -t2 --config=@ -p11 -c6 -U12 -l10.77.0.9/24 -v",
		"--memory-limit=256 --max-item-size 4096K --threads 2 --port 11 --conn-limit=6 "
		"--udp-port=12 --listen 10.77.0.9 --verbose --config @",
	};
	char error[CONFIG_ERROR_SIZE];

	for (unsigned int i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct config config;

		config_defaults(&config);
		CU_ASSERT_EQUAL(command_with(&config, file, lines[i], error), 0);
		CU_ASSERT_STRING_EQUAL(error, "");
		CU_ASSERT_EQUAL(config.memory, 256 << 20);
		CU_ASSERT_EQUAL(config.item_size_max, 4 << 20);
		CU_ASSERT_EQUAL(config.workers, 2);
		CU_ASSERT_EQUAL(config.tcp_port, 11);
		CU_ASSERT_EQUAL(config.connections, 6);
		CU_ASSERT_EQUAL(config.udp_port, 12);
		CU_ASSERT_EQUAL(config.verbose, 1);
		CU_ASSERT_EQUAL(config.ports[0].ipv4.address, 0x0a4d0009);
		CU_ASSERT_EQUAL(config.ports[0].ipv4.bits, 24);
		config_release(&config);
	}
}

static void
last_of_an_option_wins(void)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	config_defaults(&config);
	CU_ASSERT_EQUAL(
		command_with(&config, PORT_LINES, "-m 128 -vl 10.0.0.1/8 --config @ -m 256", error),
		0);
	CU_ASSERT_EQUAL(config.memory, 256 << 20);
	CU_ASSERT_EQUAL(config.verbose, 1);
	CU_ASSERT_EQUAL(config.ports[0].ipv4.address, 0x0a000001);
	CU_ASSERT_EQUAL(config.ports[0].ipv4.bits, 8);
	config_release(&config);
}

/* What is wrong in the file alone may be mended by an override: both are checked together. */
static void
file_and_overrides_are_checked_together(void)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	config_defaults(&config);
	CU_ASSERT_EQUAL(command_with(&config, PORT_LINES "item_size_max: 100M\n",
				     "--config @ -m 1024", error),
			0);
	CU_ASSERT_EQUAL(config.item_size_max, 100 << 20);
	CU_ASSERT_EQUAL(
		command_with(&config, PORT_LINES "memory: 1G\n", "--config @ -m 64 -I 64m", error),
		-EINVAL);
	CU_ASSERT_STRING_EQUAL(error, "command line: item_size_max: more than half of memory, "
				      "which is 64M; want less, or more memory");
	CU_ASSERT_EQUAL(
		command_with(&config, PORT_LINES "item_size_max: 64M\n", "--config @ -m 64", error),
		-EINVAL);
	CU_ASSERT_STRING_EQUAL(error, ":5: item_size_max: more than half of memory, which is 64M; "
				      "want less, or more memory");
	config_release(&config);
}

static void
fewer_threads_take_the_first_cores(void)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	config_defaults(&config);
	CU_ASSERT_EQUAL(command_with(&config, PORT_LINES "worker: {cores: [4-7]}\n",
				     "--config @ -t 2", error),
			0);
	CU_ASSERT_EQUAL(config.workers, 2);
	CU_ASSERT_EQUAL(config.core_count, 2);
	CU_ASSERT_EQUAL(config.cores[1], 5);
	CU_ASSERT_EQUAL(command_with(&config, PORT_LINES "worker: {cores: [4-7]}\n",
				     "--config @ -t 5", error),
			-EINVAL);
	CU_ASSERT_STRING_EQUAL(error, ":5: worker.cores: names 4 for 5 workers; want one for each, "
				      "or none at all");
	config_release(&config);
}

/* Users go with TCP alone: UDP is off with them unless it was asked for, and then it's an error. */
static void
users_turn_udp_off(void)
{
	static const char *const good[] = {
		"--config @ -Y /etc/users",
		"--auth-file=/etc/users --config @",
		"--config @ -SY/etc/users",
		"--config @ --enable-sasl -Y /etc/users -U 0",
	};
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	for (unsigned int i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		config_defaults(&config);
		CU_ASSERT_EQUAL(command_with(&config, PORT_LINES, good[i], error), 0);
		CU_ASSERT_STRING_EQUAL(config.auth_file, "/etc/users");
		CU_ASSERT_EQUAL(config.udp_port, 0);
		config_release(&config);
	}
	config_defaults(&config);
	CU_ASSERT_EQUAL(command_with(&config, PORT_LINES "auth: {file: users}\n",
				     "--config @ -U 11211", error),
			-EINVAL);
	CU_ASSERT_STRING_EQUAL(error, "command line: udp.port: not 0, with auth.file: a datagram "
				      "can't prove whose it is; want 0, or no auth.file");
	CU_ASSERT_EQUAL(command_with(&config, PORT_LINES, "--config @ -S", error), -EINVAL);
	CU_ASSERT_STRING_EQUAL(error, "command line: -S: SASL needs users; want -Y FILE with lines "
				      "name:password");
	CU_ASSERT_EQUAL(
		command_with(&config, PORT_LINES "auth: {file: \"a\\nb\"}\n", "--config @", error),
		-EINVAL);
	CU_ASSERT_STRING_EQUAL(error,
			       ":5: auth.file: 'a?b' is not what is wanted; want a path of at "
			       "most 255 bytes");
}

static void
verbose_counts_its_letters(void)
{
	static const struct {
		const char *words;
		unsigned int verbose;
	} lines[] = {{"--config @", 1},	      {"--config @ -v", 1},   {"-vv --config @", 2},
		     {"-v --config @ -v", 2}, {"-vvv --config @", 2}, {"--verbose --config @", 1}};
	char error[CONFIG_ERROR_SIZE];

	for (unsigned int i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct config config;

		config_defaults(&config);
		CU_ASSERT_EQUAL(
			command_with(&config, PORT_LINES "verbose: 1\n", lines[i].words, error), 0);
		CU_ASSERT_EQUAL(config.verbose, lines[i].verbose);
		config_release(&config);
	}
}

static void
wrong_command_lines_are_explained(void)
{
	static const struct {
		const char *words, *error;
	} lines[] = {
		{"", "ports: none is configured; want at least one, as in config/laptop.yaml"},
		{"-m", "-m: has no value; want one behind it (see --help)"},
		{"-m lots", "-m: 'lots' is not a size; want a size from 16M to 16T"},
		{"-m 4", "-m: '4' is too small; want a size from 16M to 16T"},
		{"-m -4", "-m: '-4' is not a size; want a size from 16M to 16T"},
		{"-t 0", "-t: '0' is too small; want a whole number from 1 to 64"},
		{"-t 65", "-t: '65' is too large; want a whole number from 1 to 64"},
		{"-p 65536", "-p: '65536' is too large; want a whole number from 0 to 65535"},
		{"-U udp", "-U: 'udp' is not a whole number; want a whole number from 0 to 65535"},
		{"-I 1023", "-I: '1023' is too small; want a size from 1K to 1G"},
		{"-I 2g", "-I: '2g' is too large; want a size from 1K to 1G"},
		{"-c 0", "-c: '0' is too small; want a whole number from 1 to 1048576"},
		{"-l 10.0.0.1/8",
		 "-l: no port to give the address to; want --config FILE with one"},
		{"--threads=many",
		 "--threads: 'many' is not a whole number; want a whole number from 1 to 64"},
		{"-x", "-x: no such option; --help lists those there are"},
		{"-d", "-d: the appliance stays in the foreground; let a service manager start it"},
		{"-u nobody", "-u: a user of its own is given by the service manager"},
		{"--thread 4", "--thread: no such option; --help lists those there are"},
		{"--memroy 4", "--memroy: no such option; memory is a setting of the file, and "
			       "here -m"},
		{"--idle spin", "--idle: no such option; worker.idle is a setting of the file"},
		{"--config", "--config: has no value; want one behind it (see --help)"},
		{"--config=", "--config: has no value; want one behind it (see --help)"},
		{"--config a --config b", "--config: a second file; want one"},
		{"--config a --check-config b", "--check-config: a second file; want one"},
		{"--doctor --print-config",
		 "--print-config: a second thing to do; want one at a time"},
		{"--doctor=yes", "--doctor: takes no value; leave it out"},
		{"config/laptop.yaml", "config/laptop.yaml: not an option; want --config FILE and "
				       "options of --help"},
		{"-", "-: not an option; want --config FILE and options of --help"},
		{"--", "--: not an option; want --config FILE and options of --help"},
	};
	char error[CONFIG_ERROR_SIZE], expected[CONFIG_ERROR_SIZE];
	struct config config, before;

	config_defaults(&config);
	before = config;
	for (unsigned int i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		enum config_action action;

		snprintf(expected, sizeof(expected), "command line: %s", lines[i].error);
		CU_ASSERT_EQUAL(command(&config, &action, lines[i].words, error), -EINVAL);
		CU_ASSERT_STRING_EQUAL(error, expected);
		if (strcmp(error, expected) != 0)
			printf("\n  got:    %s\n  wanted: %s\n", error, expected);
		CU_ASSERT_EQUAL(action, CONFIG_RUN);
		CU_ASSERT_EQUAL(memcmp(&config, &before, sizeof(config)), 0);
	}
}

static void
listen_takes_an_address_of_ours(void)
{
	static const struct {
		const char *words, *error;
	} lines[] = {
		{"--config @ -l 0.0.0.0",
		 "command line: -l: '0.0.0.0' is no address of a host on a network; want an IPv4 "
		 "address and its subnet's length, like 10.77.0.1/24"},
		{"--config @ -l localhost",
		 "command line: -l: 'localhost' is not an IPv4 address; want an IPv4 address and "
		 "its subnet's length, like 10.77.0.1/24"},
		{"--config @ -l 10.77.0.1:11211",
		 "command line: -l: '10.77.0.1:11211' is not an IPv4 address; want an IPv4 address "
		 "and its subnet's length, like 10.77.0.1/24"},
		{"--config @ -l 10.77.0.255",
		 "command line: -l: '10.77.0.255' is the broadcast address of its subnet; want an "
		 "IPv4 address and its subnet's length, like 10.77.0.1/24"},
	};
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	config_defaults(&config);
	for (unsigned int i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		CU_ASSERT_EQUAL(command_with(&config, PORT_LINES, lines[i].words, error), -EINVAL);
		CU_ASSERT_STRING_EQUAL(error, lines[i].error);
	}
	/* One of IPv6 is the port's other address. */
	CU_ASSERT_EQUAL(
		command_with(&config, PORT_LINES, "--config @ -l fd77::9/64 -l 10.77.0.9", error),
		0);
	CU_ASSERT_EQUAL(config.ports[0].ipv4.address, 0x0a4d0009);
	CU_ASSERT_EQUAL(config.ports[0].ipv6.address[0], 0xfd);
	CU_ASSERT_EQUAL(config.ports[0].ipv6.address[15], 9);
	CU_ASSERT_EQUAL(config.ports[0].ipv6.bits, 64);
	CU_ASSERT_EQUAL(command_with(&config, PORT_LINES, "--config @ -l fd77::9", error), -EINVAL);
	CU_ASSERT_STRING_EQUAL(error, "command line: -l: 'fd77::9' lacks the length of its subnet; "
				      "want an IPv6 address and its subnet's length, like "
				      "fd77::1/64");
	/* The address that the file lacks may come from here. */
	CU_ASSERT_EQUAL(command_with(&config, "ports: [{driver: tap, interface: a}]\n",
				     "--config @ -l 10.0.0.1", error),
			-EINVAL);
	CU_ASSERT_STRING_EQUAL(error, "command line: -l: '10.0.0.1' lacks the length of its "
				      "subnet; want an IPv4 address and its subnet's length, like "
				      "10.77.0.1/24");
	CU_ASSERT_EQUAL(command_with(&config, "ports: [{driver: tap, interface: a}]\n",
				     "--config @ -l 10.0.0.1/8", error),
			0);
	config_release(&config);
}

static void
errors_of_the_file_keep_their_place(void)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	config_defaults(&config);
	CU_ASSERT_EQUAL(command_with(&config, "verbose: 1\nmemory: x\n", "-t 2 --config @", error),
			-EINVAL);
	CU_ASSERT_STRING_EQUAL(error, ":2: memory: 'x' is not a size; want a size from 16M to 16T");
	config_release(&config);
}

static void
too_many_overrides_are_refused(void)
{
	char letter[] = "-v", *argv[70], error[CONFIG_ERROR_SIZE];
	enum config_action action = CONFIG_RUN;
	struct config config;

	config_defaults(&config);
	for (unsigned int i = 0; i < 70; i++)
		argv[i] = letter;
	CU_ASSERT_EQUAL(config_command_line(&config, &action, 70, argv, error), -EINVAL);
	CU_ASSERT_STRING_EQUAL(error, "command line: -v: too many options; want each once");
}

SUITE("command line", TEST(actions_are_told_apart), TEST(overrides_win_in_any_order),
      TEST(last_of_an_option_wins), TEST(file_and_overrides_are_checked_together),
      TEST(fewer_threads_take_the_first_cores), TEST(users_turn_udp_off),
      TEST(verbose_counts_its_letters), TEST(wrong_command_lines_are_explained),
      TEST(listen_takes_an_address_of_ours), TEST(errors_of_the_file_keep_their_place),
      TEST(too_many_overrides_are_refused))
