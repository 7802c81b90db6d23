/* SPDX-License-Identifier: BSD-3-Clause */
/* Files, good and bad: what they set, and the whole text of every error with its line. */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/stat.h>

#include "tests/config/yaml_text.h"
#include "tests/suite.h"

static void
check_network(const struct config_network *network, const char *address, unsigned int bits)
{
	uint8_t wanted[16];

	CU_ASSERT_EQUAL(inet_pton(AF_INET6, address, wanted), 1);
	CU_ASSERT_EQUAL(memcmp(network->address, wanted, sizeof(wanted)), 0);
	CU_ASSERT_EQUAL(network->bits, bits);
}

static void
everything_can_be_said(void)
{
	static const char text[] =
		"memory: 2G\n"
		"item_size_max: 8M\n"
		"shards: 2\n"
		"hugepages: off\n"
		"worker:\n"
		"  count: 3\n"
		"  cores: [1, 4-5]\n"
		"  idle: spin\n"
		"  idle_sleep: 2ms\n"
		"  burst: 64\n"
		"tcp: {port: 0, connections: 77}\n"
		"udp: {port: 11311, allow: [10.0.0.0/8, 192.168.1.7, \"fd00::/8\"]}\n"
		"ports:\n"
		"  - {name: wire, driver: memif, socket: /run/m.sock, role: client, id: 7,\n"
		"     address: 10.1.0.1/16, mac: '02:00:00:00:00:09', queues: 2,\n"
		"     descriptors: 512, mtu: 2026}\n"
		"  - driver: pci\n"
		"    pci: 0000:3b:00.1\n"
		"    address: 10.2.0.1/16\n"
		"mbufs: 4096\n"
		"eal: [\"--log-level=8\", \"-n\", \"2\"]\n"
		"verbose: 1\n"
		"status_line: no\n";
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	config_defaults(&config);
	CU_ASSERT_EQUAL_FATAL(yaml_load(&config, text, error), 0);
	CU_ASSERT_EQUAL(config.memory, UINT64_C(2) << 30);
	CU_ASSERT_EQUAL(config.item_size_max, 8 << 20);
	CU_ASSERT_EQUAL(config.shards, 2);
	CU_ASSERT_EQUAL(config.hugepages, CONFIG_HUGEPAGES_OFF);
	CU_ASSERT_EQUAL(config.workers, 3);
	CU_ASSERT_EQUAL(config.core_count, 3);
	CU_ASSERT_EQUAL(config.cores[2], 5);
	CU_ASSERT_EQUAL(config.idle, CONFIG_IDLE_SPIN);
	CU_ASSERT_EQUAL(config.idle_sleep_us, 2000);
	CU_ASSERT_EQUAL(config.burst, 64);
	CU_ASSERT_EQUAL(config.tcp_port, 0);
	CU_ASSERT_EQUAL(config.connections, 77);
	CU_ASSERT_EQUAL(config.udp_port, 11311);
	CU_ASSERT_EQUAL(config.udp_allow_count, 3);
	check_network(&config.udp_allow[0], "::ffff:10.0.0.0", 96 + 8);
	check_network(&config.udp_allow[1], "::ffff:192.168.1.7", 128);
	check_network(&config.udp_allow[2], "fd00::", 8);
	CU_ASSERT_EQUAL(config.port_count, 2);
	CU_ASSERT_STRING_EQUAL(config.ports[0].name, "wire");
	CU_ASSERT_EQUAL(config.ports[0].driver, CONFIG_MEMIF);
	CU_ASSERT_STRING_EQUAL(config.ports[0].socket, "/run/m.sock");
	CU_ASSERT_FALSE(config.ports[0].memif_server);
	CU_ASSERT_EQUAL(config.ports[0].memif_id, 7);
	CU_ASSERT_EQUAL(config.ports[0].ipv4.address, 0x0a010001);
	CU_ASSERT_EQUAL(config.ports[0].ipv4.bits, 16);
	CU_ASSERT_TRUE(config.ports[0].has_mac);
	CU_ASSERT_EQUAL(config.ports[0].mac[0], 2);
	CU_ASSERT_EQUAL(config.ports[0].mac[5], 9);
	CU_ASSERT_EQUAL(config.ports[0].queues, 2);
	CU_ASSERT_EQUAL(config.ports[0].descriptors, 512);
	CU_ASSERT_EQUAL(config.ports[0].mtu, 2026);
	CU_ASSERT_STRING_EQUAL(config.ports[1].name, "port1");
	CU_ASSERT_STRING_EQUAL(config.ports[1].pci, "0000:3b:00.1");
	CU_ASSERT_FALSE(config.ports[1].has_mac);
	CU_ASSERT_EQUAL(config.ports[1].descriptors, 1024);
	CU_ASSERT_EQUAL(config.ports[1].mtu, 1500);
	CU_ASSERT_EQUAL(config.mbufs, 4096);
	CU_ASSERT_EQUAL(config.eal_count, 3);
	CU_ASSERT_STRING_EQUAL(config.eal[0], "--log-level=8");
	CU_ASSERT_STRING_EQUAL(config.eal[2], "2");
	CU_ASSERT_EQUAL(config.verbose, 1);
	CU_ASSERT_FALSE(config.status_line);
	config_release(&config);
}

static void
silence_means_the_default(void)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	config_defaults(&config);
	CU_ASSERT_EQUAL_FATAL(yaml_load(&config, PORT_LINES, error), 0);
	CU_ASSERT_EQUAL(config.memory, 64 << 20);
	CU_ASSERT_EQUAL(config.item_size_max, 1 << 20);
	CU_ASSERT_EQUAL(config.workers, 1);
	CU_ASSERT_EQUAL(config.idle, CONFIG_IDLE_ADAPTIVE);
	CU_ASSERT_EQUAL(config.udp_port, 11211);
	CU_ASSERT_EQUAL(config.tcp_port, 11211);
	CU_ASSERT_EQUAL(config.connections, 1024);
	CU_ASSERT_EQUAL(config.udp_allow_count, 0);
	CU_ASSERT_EQUAL(config.tcp_allow_count, 0);
	CU_ASSERT_TRUE(config.status_line);
	CU_ASSERT_STRING_EQUAL(config.ports[0].name, "port0");
	config_release(&config);
}

/* A second file changes what it says and nothing else; its lists replace. */
static void
second_file_changes_what_it_says(void)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	config_defaults(&config);
	CU_ASSERT_EQUAL_FATAL(yaml_load(&config,
					PORT_LINES
					"memory: 1G\nudp: {allow: [10.0.0.0/8, 11.0.0.0/8]}\n"
					"eal: [a, b]\n",
					error),
			      0);
	CU_ASSERT_EQUAL_FATAL(yaml_load(&config, "udp: {allow: [12.0.0.0/8]}\neal: [c]\n", error),
			      0);
	CU_ASSERT_EQUAL(config.memory, 1 << 30);
	CU_ASSERT_EQUAL(config.port_count, 1);
	CU_ASSERT_STRING_EQUAL(config.ports[0].interface, "jd-srv");
	CU_ASSERT_EQUAL(config.udp_allow_count, 1);
	check_network(&config.udp_allow[0], "::ffff:12.0.0.0", 96 + 8);
	CU_ASSERT_EQUAL(config.eal_count, 1);
	CU_ASSERT_STRING_EQUAL(config.eal[0], "c");
	config_release(&config);
}

static void
cores_alone_tell_how_many_workers(void)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	config_defaults(&config);
	CU_ASSERT_EQUAL_FATAL(yaml_load(&config, PORT_LINES "worker: {cores: [0-2]}\n", error), 0);
	CU_ASSERT_EQUAL(config.workers, 3);
	config_release(&config);
}

static void
yaml_s_own_ways_are_understood(void)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	config_defaults(&config);
	CU_ASSERT_EQUAL_FATAL(
		yaml_load(&config,
			  "%YAML 1.1\n--- # a comment\n{\"memory\": '1G', ports: [&p {driver: tap,"
			  " interface: \"jd\\x2dtap\", address: 10.0.0.1/8}]}\n...\n",
			  error),
		0);
	CU_ASSERT_EQUAL(config.memory, 1 << 30);
	CU_ASSERT_STRING_EQUAL(config.ports[0].interface, "jd-tap");
	CU_ASSERT_EQUAL(yaml_load(&config, "\xef\xbb\xbfmemory: 2G\r\nverbose: 2\r\n", error), 0);
	CU_ASSERT_EQUAL(config.memory, UINT64_C(2) << 30);
	CU_ASSERT_EQUAL(config.verbose, 2);
	config_release(&config);
}

/* --- errors ------------------------------------------------------------------------------ */

struct wrong {
	const char *text;
	const char *error; /* behind the file's name */
};

/* Each text must be refused with exactly its error and leave the configuration as it was. */
static void
check_wrong(const struct wrong *wrong, unsigned int count)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config, before;

	config_defaults(&config);
	before = config;
	for (unsigned int i = 0; i < count; i++) {
		int status = yaml_load(&config, wrong[i].text, error);

		CU_ASSERT_EQUAL(status, -EINVAL);
		CU_ASSERT_STRING_EQUAL(error, wrong[i].error);
		if (status != -EINVAL || strcmp(error, wrong[i].error) != 0)
			printf("\n  got:    %s\n  wanted: %s\n", error, wrong[i].error);
		CU_ASSERT_EQUAL(memcmp(&config, &before, sizeof(config)), 0);
	}
}

#define CHECK_WRONG(table) check_wrong(table, sizeof(table) / sizeof((table)[0]))

static void
wrong_values_are_placed(void)
{
	static const struct wrong table[] = {
		{"verbose: 1\nmemory: lots\n",
		 ":2: memory: 'lots' is not a size; want a size from 16M to 16T"},
		{"memory: 1M\n", ":1: memory: '1M' is too small; want a size from 16M to 16T"},
		{"worker:\n  count: 1\n  burst: 65\n",
		 ":3: worker.burst: '65' is too large; want a whole number from 1 to 64"},
		{"worker: {count: 1,\n  idle: nap}\n",
		 ":2: worker.idle: 'nap' is not known; want spin or adaptive"},
		{"udp:\n  port: 65536\n",
		 ":2: udp.port: '65536' is too large; want a whole number from 0 to 65535"},
		{"udp:\n  allow:\n    - 10.0.0.0/8\n    - everybody\n",
		 ":4: udp.allow: 'everybody' is not an IPv4 or IPv6 prefix; want an IPv4 or IPv6 "
		 "prefix like 10.0.0.0/8 or fd00::/8"},
		{"ports:\n  - driver: tap\n    interface: a\n    address: 10.0.0.1/24\n"
		 "  - driver: tap\n    mtu: many\n",
		 ":6: ports[1].mtu: 'many' is not a whole number; want a whole number from 576 to "
		 "2026"},
		{"status_line: maybe\n", ":1: status_line: 'maybe' is neither; want true or false"},
		{"memory: 'a\n\n  b\tc'\n",
		 ":1: memory: 'a?b?c' is not a size; want a size from 16M to 16T"},
		{"memory: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg\n",
		 ":1: memory: 'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff'… is "
		 "not a size; want a size from 16M to 16T"},
	};

	CHECK_WRONG(table);
}

static void
wrong_shapes_are_placed(void)
{
	static const struct wrong table[] = {
		{"memory: [1G]\n", ":1: memory: is a list; want a size from 16M to 16T"},
		{"memory: {size: 1G}\n", ":1: memory: is a mapping; want a size from 16M to 16T"},
		{"memory:\n", ":1: memory: has no value; want a size from 16M to 16T"},
		{"memory: \"6\\0\"\n", ":1: memory: holds a NUL byte; want a size from 16M to 16T"},
		{"worker: 4\n",
		 ":1: worker: is a single value; want a mapping of count, cores, idle, "
		 "idle_sleep, burst"},
		{"\nworker: [count, 4]\n",
		 ":2: worker: is a list; want a mapping of count, cores, idle, idle_sleep, burst"},
		{"worker:\n  cores: 3\n",
		 ":2: worker.cores: is a single value; want a list, as in [3]"},
		{"worker:\n  cores: [[3]]\n",
		 ":2: worker.cores: is a list; want a CPU number from 0 to 1023"},
		{"udp: {allow: {a: b}}\n",
		 ":1: udp.allow: is a mapping; want a list of mappings, each beginning with a "
		 "dash"},
		{"ports:\n  driver: tap\n",
		 ":2: ports: is a mapping; want a list of mappings, each beginning with a dash"},
		{"ports:\n  - tap\n",
		 ":2: ports[0]: is a single value; want a mapping of name, driver, interface, "
		 "pci, socket, role, id, address, ipv6, mac, queues, descriptors, mtu, tso"},
		{"- memory: 1G\n",
		 ":1: the file is a list; want a mapping, lines like 'memory: 64M'"},
		{"memory 1G\n",
		 ":1: the file is a single value; want a mapping, lines like 'memory: 64M'"},
		{"[a, b]: 1\n", ":1: a key is a list; want the name of an option"},
	};

	CHECK_WRONG(table);
}

static void
unknown_options_get_a_suggestion(void)
{
	static const struct wrong table[] = {
		{"memroy: 1G\n", ":1: memroy: no such option; did you mean memory?"},
		{"idle: spin\n", ":1: idle: no such option; did you mean worker.idle?"},
		{"worker:\n  threads: 4\n",
		 ":2: worker.threads: no such option; there are count, cores, idle, idle_sleep, "
		 "burst"},
		{"quux: 4\n",
		 ":1: quux: no such option; there are memory, item_size_max, shards, hugepages, "
		 "worker, tcp, udp, auth, ports, mbufs, eal, verbose, status_line"},
		{"ports:\n  - driver: tap\n    adress: 10.0.0.1/24\n",
		 ":3: ports[0].adress: no such option; did you mean address?"},
		{"worker.count: {deeper: 1}\n",
		 ":1: worker.count: is a mapping; want a whole number from 1 to 64"},
		{"<<: {memory: 1G}\n",
		 ":1: <<: no such option; there are memory, item_size_max, shards, hugepages, "
		 "worker, tcp, udp, auth, ports, mbufs, eal, verbose, status_line"},
	};

	CHECK_WRONG(table);
}

static void
repeated_options_are_refused(void)
{
	static const struct wrong table[] = {
		{"memory: 1G\nverbose: 1\nmemory: 2G\n",
		 ":3: memory: given again, after line 1; keep one"},
		{"udp: {port: 1}\nudp: {port: 2}\n",
		 ":2: udp.port: given again, after line 1; keep one"},
		{"ports:\n  - driver: tap\n    driver: tap\n",
		 ":3: ports[0].driver: given again, after line 2; keep one"},
	};

	CHECK_WRONG(table);
}

static void
what_is_not_yaml_is_placed(void)
{
	static const struct wrong table[] = {
		{"memory: 1G\n\tverbose: 1\n",
		 ":2: not YAML: found a tab character that violates indentation while scanning a "
		 "plain scalar that begins on line 1; mend that line or the one above"},
		{"memory: @lots\n",
		 ":1: not YAML: found character that cannot start any token while scanning for "
		 "the next token that begins on line 1; mend that line or the one above"},
		{"memory: 1G\nverbose: \x01\n",
		 ":2: not YAML: control characters are not allowed; mend that line or the one "
		 "above"},
		{"memory: 1G\nudp: port: 3\n",
		 ":2: not YAML: mapping values are not allowed in this context; mend that line or "
		 "the one above"},
		{"worker: {count: 1\n",
		 ":2: not YAML: did not find expected ',' or '}' while parsing a flow mapping "
		 "that begins on line 1; mend that line or the one above"},
		{"memory: *nowhere\n",
		 ":1: not YAML: found undefined alias; mend that line or the one above"},
		{"memory: 1G\n---\nmemory: 2G\n",
		 ":2: a second document begins here; want one in a file"},
		{"memory: 1G\n--- {\n",
		 ":3: not YAML: did not find expected node content while parsing a flow node that "
		 "begins on line 3; mend that line or the one above"},
	};

	CHECK_WRONG(table);
}

#define TAP(n, more)                                                                               \
	"  - driver: tap\n    interface: tap" #n "\n    address: 10.0." #n ".1/24\n" more

static void
ports_have_what_their_driver_needs(void)
{
	static const struct wrong table[] = {
		{"memory: 1G\n",
		 ": ports: none is configured; want at least one, as in config/laptop.yaml"},
		{"verbose: 0\nports: []\n",
		 ":2: ports: none is configured; want at least one, as in config/laptop.yaml"},
		{"ports:\n  - interface: eth0\n    address: 10.0.0.1/24\n",
		 ":2: ports[0].driver: not given; want af_xdp, af_packet, tap, memif or pci"},
		{"ports:\n  - driver: af_xdp\n    address: 10.0.0.1/24\n",
		 ":2: ports[0].interface: not given, and driver af_xdp needs it; want a name of "
		 "at most 15 letters, digits, '.', '_' and '-'"},
		{"ports:\n  - driver: af_xdp\n    interface: eth0\n",
		 ":2: ports[0].address: not given, and driver af_xdp needs it; want an IPv4 "
		 "address and its subnet's length, like 10.77.0.1/24"},
		{"ports:\n" TAP(1, "") "  - driver: memif\n    address: 10.0.0.1/24\n",
		 ":5: ports[1].socket: not given, and driver memif needs it; want an absolute "
		 "path of at most 107 bytes without a comma"},
		{"ports:\n  - driver: pci\n    address: 10.0.0.1/24\n",
		 ":2: ports[0].pci: not given, and driver pci needs it; want a PCI address like "
		 "0000:3b:00.0"},
		{"ports:\n" TAP(1, "    pci: 0000:3b:00.0\n"),
		 ":5: ports[0].pci: driver tap has no use for it; leave it out"},
		{"ports:\n  - driver: af_xdp\n    interface: a\n    address: 10.0.0.1/24\n"
		 "    mac: 02:00:00:00:00:01\n",
		 ":5: ports[0].mac: driver af_xdp has no use for it; leave it out"},
	};

	CHECK_WRONG(table);
}

static void
ports_are_told_apart(void)
{
	static const struct wrong table[] = {
		{"ports:\n" TAP(1, "    name: a\n") TAP(2, "    name: a\n"),
		 ":9: ports[1].name: a is the name of ports[0] already; want another"},
		{"ports:\n" TAP(1, "") "  - driver: tap\n    address: 10.0.2.1/24\n"
				       "    interface: tap1\n",
		 ":7: ports[1].interface: tap1 is the interface of ports[0] already; want another"},
		{"ports:\n" TAP(1, "") "  - driver: tap\n    interface: b\n"
				       "    address: 10.0.1.1/16\n",
		 ":7: ports[1].address: 10.0.1.1/16 is the address of ports[0] already; want "
		 "another"},
		{"ports:\n  - {driver: pci, pci: 0000:3b:00.0, address: 10.0.0.1/24}\n"
		 "  - {driver: pci, pci: 0000:3B:00.0, address: 10.0.1.1/24}\n",
		 ":3: ports[1].pci: 0000:3B:00.0 is the device of ports[0] already; want another"},
		{"ports:\n  - {driver: memif, socket: /a, address: 10.0.0.1/24, id: 1}\n"
		 "  - {driver: memif, socket: /a, address: 10.0.1.1/24, id: 1}\n",
		 ":3: ports[1].id: 1 is on the same socket the number of ports[0] already; want "
		 "another"},
		{"ports:\n  - {driver: memif, socket: /a, address: 10.0.0.1/24, id: 1}\n"
		 "  - {driver: memif, socket: /a, address: 10.0.1.1/24, id: 2, role: client}\n",
		 ":3: ports[1].role: not that of ports[0], whose socket is the same; want the "
		 "same role, or another socket"},
		{"ports:\n" TAP(1, "    ipv6: fd77::1/64\n") TAP(2, "    ipv6: fd77:0::1/48\n"),
		 ":9: ports[1].ipv6: fd77::1/48 is the address of ports[0] already; want another"},
	};

	CHECK_WRONG(table);
}

static void
settings_agree_with_one_another(void)
{
	static const struct wrong table[] = {
		{PORT_LINES "memory: 16M\nworker: {count: 3}\n",
		 ":5: memory: too little for 3 workers; want at least 24M"},
		{PORT_LINES "shards: 4\nmemory: 16M\n",
		 ":6: memory: too little for 4 shards; want at least 32M"},
		{PORT_LINES "item_size_max: 33M\n",
		 ":5: item_size_max: more than half of memory, which is 64M; want less, or more "
		 "memory"},
		{PORT_LINES "worker:\n  count: 2\n  cores: [1]\n",
		 ":7: worker.cores: names 1 for 2 workers; want one for each, or none at all"},
		{PORT_LINES "worker: {cores: [1, 2, 1]}\n",
		 ":5: worker.cores: CPU 1 is named twice; want one for each worker"},
		{PORT_LINES "    descriptors: 1000\n",
		 ":5: ports[0].descriptors: 1000 is not a power of two; want one from 64 to 4096"},
		{PORT_LINES "mbufs: 2000\n",
		 ":5: mbufs: too few for ports[0], whose rings and one burst hold 2080; want at "
		 "least so many, or fewer descriptors"},
		{PORT_LINES "    queues: 2\n",
		 ":5: ports[0].queues: more queues than workers, of which there are 1; want no "
		 "more, or 0 for one each"},
		{"ports:\n  - {driver: tap, interface: a, address: 10.0.0.1/24, mtu: 1279,\n"
		 "     ipv6: \"fd77::1/64\"}\n",
		 ":2: ports[0].mtu: 1279 is less than IPv6 needs; want at least 1280, or no ipv6"},
		{"ports:\n  - {driver: af_packet, interface: a, address: 10.0.0.1/24, mtu: 1501}\n",
		 ":2: ports[0].mtu: 1501 is more than driver af_packet can take; want at most "
		 "1500"},
		{PORT_LINES "udp: {port: 0}\ntcp: {port: 0}\n",
		 ":5: udp.port: 0, as is tcp.port: nothing would be answered; want one of them"},
		{PORT_LINES "eal: [-n, 2, --file-prefix=x]\n",
		 ":5: eal: --file-prefix can't be given here; leave it out, it is chosen "
		 "for each process"},
		{PORT_LINES "eal: [\"-l\", \"1-2\"]\n",
		 ":5: eal: -l can't be given here; use worker.cores"},
	};

	CHECK_WRONG(table);
}

static void
too_many_of_a_list_is_refused(void)
{
	char text[4096] = "udp:\n  allow:\n", error[CONFIG_ERROR_SIZE];
	struct config config;

	config_defaults(&config);
	for (unsigned int i = 0; i <= CONFIG_PREFIXES_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "    - 10.0.0.%u\n", i);
	CU_ASSERT_EQUAL(yaml_load(&config, text, error), -EINVAL);
	CU_ASSERT_STRING_EQUAL(error, ":35: udp.allow: more than 32; leave some out");
	strcpy(text, "ports:\n");
	for (unsigned int i = 0; i <= CONFIG_PORTS_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "  - {driver: tap, interface: t%u, address: 10.0.%u.1/24}\n", i, i);
	CU_ASSERT_EQUAL(yaml_load(&config, text, error), -EINVAL);
	CU_ASSERT_STRING_EQUAL(error, ":10: ports: more than 8 ports; leave some out");
	config_release(&config);
}

/* --- files ------------------------------------------------------------------------------- */

static void
files_that_cannot_be_read_are_named(void)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	config_defaults(&config);
	CU_ASSERT_EQUAL(config_load(&config, "/nonexistent/jackdaw.yaml", error), -ENOENT);
	CU_ASSERT_STRING_EQUAL(error, "/nonexistent/jackdaw.yaml: No such file or directory; want "
				      "a readable YAML file of less than 1 MiB");
	CU_ASSERT_EQUAL(config_load(&config, "/tmp", error), -EISDIR);
	CU_ASSERT_EQUAL(config_load(&config, "/dev/zero", error), -EFBIG);
	CU_ASSERT_STRING_EQUAL(error, "/dev/zero: File too large; want a readable YAML file of "
				      "less than 1 MiB");
	config_release(&config);
}

static void
an_error_frees_and_keeps_what_it_should(void)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config, before;

	config_defaults(&config);
	CU_ASSERT_EQUAL_FATAL(yaml_load(&config, PORT_LINES "eal: [one, two]\n", error), 0);
	before = config;
	CU_ASSERT_EQUAL(yaml_load(&config, "eal: [three]\nmemory: 3\n", error), -EINVAL);
	CU_ASSERT_EQUAL(memcmp(&config, &before, sizeof(config)), 0);
	CU_ASSERT_STRING_EQUAL(config.eal[0], "one");
	CU_ASSERT_STRING_EQUAL(config.eal[1], "two");
	config_release(&config);
	CU_ASSERT_EQUAL(config.eal_count, 0);
}

/*
 * A good file with bytes changed, left out and repeated: refused with a place, or accepted; never
 * anything else. The sanitizers watch in the asan build.
 */
static void
damaged_files_are_survived(void)
{
	static const char good[] =
		"memory: 1G\nworker:\n  count: 2\n  cores: [1, 2-2]\nudp:\n  allow: [10.0.0.0/8]\n"
		"ports:\n  - driver: tap\n    interface: a\n    address: 10.0.0.1/24\n"
		"eal: [\"--log-level\", 'x']\n";
	char text[2 * sizeof(good)], error[CONFIG_ERROR_SIZE];
	unsigned int refused = 0, accepted = 0;
	uint32_t random = 2463534242;

	for (unsigned int round = 0; round < 4000; round++) {
		size_t length = sizeof(good) - 1;
		struct config config;

		memcpy(text, good, length);
		for (unsigned int changes = 0; changes < 1 + round % 4; changes++) {
			size_t at;

			random ^= random << 13; /* xorshift32, Marsaglia 2003 */
			random ^= random >> 17;
			random ^= random << 5;
			at = (random >> 8) % length;
			switch (random % 3) {
			case 0:
				text[at] = (char)(random >> 24);
				break;
			case 1:
				memmove(text + at, text + at + 1, length - at - 1);
				length--;
				break;
			default:
				memmove(text + at + 1, text + at, length - at);
				length++;
			}
		}
		config_defaults(&config);
		if (yaml_load_bytes(&config, text, length, error) == 0) {
			accepted++;
		} else {
			refused++;
			CU_ASSERT_EQUAL(error[0], ':');
			CU_ASSERT_PTR_NULL(strchr(error, '\n'));
		}
		config_release(&config);
	}
	CU_ASSERT(refused > 1000);
	CU_ASSERT(accepted > 50);
}

SUITE("config files", TEST(everything_can_be_said), TEST(silence_means_the_default),
      TEST(second_file_changes_what_it_says), TEST(cores_alone_tell_how_many_workers),
      TEST(yaml_s_own_ways_are_understood), TEST(wrong_values_are_placed),
      TEST(wrong_shapes_are_placed), TEST(unknown_options_get_a_suggestion),
      TEST(repeated_options_are_refused), TEST(what_is_not_yaml_is_placed),
      TEST(ports_have_what_their_driver_needs), TEST(ports_are_told_apart),
      TEST(settings_agree_with_one_another), TEST(too_many_of_a_list_is_refused),
      TEST(files_that_cannot_be_read_are_named), TEST(an_error_frees_and_keeps_what_it_should),
      TEST(damaged_files_are_survived))
