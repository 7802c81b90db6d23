/* SPDX-License-Identifier: BSD-3-Clause */
/* Every option's text and bounds, by its row. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"
#include "tests/suite.h"

/* Something for any row to be set in. */
union object {
	struct config config;
	struct config_port port;
};

static const struct option *
row(unsigned int i)
{
	return i < config_options_count ? &config_options[i]
					: &port_options[i - config_options_count];
}

static unsigned int
rows(void)
{
	return config_options_count + port_options_count;
}

static int
set(const struct option *option, union object *object, const char *text, char *why)
{
	why[0] = '\0';
	return option_set(option, object, text, why, OPTION_TEXT_SIZE);
}

/* Sets the option of a fresh object and gives the value back as text, or what was wrong. */
static const char *
round_trip(const char *path, const char *text)
{
	static char result[OPTION_TEXT_SIZE];
	const struct option *option = option_find(config_options, config_options_count, path);
	union object object;

	if (option == NULL)
		option = option_find(port_options, port_options_count, path);
	memset(&object, 0, sizeof(object));
	if (set(option, &object, text, result) == 0)
		option_format(option, &object, 0, result, sizeof(result));
	return result;
}

static bool
is_number(const struct option *option)
{
	return option->type == OPTION_COUNT || option->type == OPTION_SIZE ||
	       option->type == OPTION_DURATION;
}

/* A number in the smallest unit of the option. */
static void
number_text(const struct option *option, uint64_t number, char text[32])
{
	snprintf(text, 32, "%" PRIu64 "%s", number, option->type == OPTION_DURATION ? "us" : "");
}

static void
bounds_are_held_to_the_last_unit(void)
{
	char text[32], why[OPTION_TEXT_SIZE];
	union object object;
	unsigned int seen = 0;

	for (unsigned int i = 0; i < rows(); i++) {
		const struct option *option = row(i);

		if (!is_number(option))
			continue;
		seen++;
		memset(&object, 0, sizeof(object));
		number_text(option, option->least, text);
		CU_ASSERT_EQUAL(set(option, &object, text, why), 0);
		number_text(option, option->most, text);
		CU_ASSERT_EQUAL(set(option, &object, text, why), 0);
		number_text(option, option->most + 1, text);
		CU_ASSERT_EQUAL(set(option, &object, text, why), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "too large; want "));
		if (option->least == 0)
			continue;
		number_text(option, option->least - 1, text);
		CU_ASSERT_EQUAL(set(option, &object, text, why), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "too small; want "));
	}
	CU_ASSERT(seen >= 15);
}

static void
largest_value_fits_its_field(void)
{
	char text[32], back[OPTION_TEXT_SIZE], why[OPTION_TEXT_SIZE];
	union object object, again;

	for (unsigned int i = 0; i < rows(); i++) {
		const struct option *option = row(i);

		if (!is_number(option))
			continue;
		memset(&object, 0, sizeof(object));
		memset(&again, 0, sizeof(again));
		number_text(option, option->most, text);
		set(option, &object, text, why);
		option_format(option, &object, 0, back, sizeof(back));
		CU_ASSERT_EQUAL(set(option, &again, back, why), 0);
		CU_ASSERT_EQUAL(memcmp(&object, &again, sizeof(object)), 0);
		option_format(option, &again, 0, text, sizeof(text));
		CU_ASSERT_STRING_EQUAL(text, back);
		CU_ASSERT(strtoull(back, NULL, 10) != 0);
	}
}

static void
garbage_is_refused_and_changes_nothing(void)
{
	static const char *const garbage[] = {
		"-1",
		"+1",
		" 1",
		"1 ",
		"1.5",
		"0x10",
		"1e3",
		"abc",
		"18446744073709551616",
		"99999999999999999999999999",
		"1Q",
		"1KK",
		"1KBB",
		"\xff",
		"--",
		"?",
	};
	char why[OPTION_TEXT_SIZE];
	union object object, before;

	for (unsigned int i = 0; i < rows(); i++) {
		const struct option *option = row(i);

		if (option->type == OPTION_NAME || option->type == OPTION_ARGUMENT ||
		    option->type == OPTION_FILE || option->type == OPTION_PORTS)
			continue;
		for (unsigned int j = 0; j < sizeof(garbage) / sizeof(garbage[0]); j++) {
			memset(&object, 0x5a, sizeof(object));
			if (option->most_items != 0) {
				memset(&object, 0, sizeof(object));
			}
			before = object;
			CU_ASSERT_EQUAL(set(option, &object, garbage[j], why), -EINVAL);
			CU_ASSERT_EQUAL(memcmp(&object, &before, sizeof(object)), 0);
			CU_ASSERT_PTR_NOT_NULL(strstr(why, "; want "));
		}
	}
}

static void
every_default_is_a_good_value(void)
{
	char why[OPTION_TEXT_SIZE];
	union object object;

	for (unsigned int i = 0; i < rows(); i++) {
		memset(&object, 0, sizeof(object));
		if (row(i)->initial != NULL)
			CU_ASSERT_EQUAL(set(row(i), &object, row(i)->initial, why), 0);
	}
}

static void
every_row_is_complete(void)
{
	for (unsigned int i = 0; i < rows(); i++) {
		const struct option *option = row(i);

		CU_ASSERT(option->path[0] != '\0');
		CU_ASSERT(option->size != 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(option->help);
		CU_ASSERT(strlen(option->help) > 10);
		CU_ASSERT_NOT_EQUAL(option->help[strlen(option->help) - 1], '.');
		CU_ASSERT_EQUAL(option->letter != 0, option->long_name != NULL);
		if (is_number(option))
			CU_ASSERT(option->least < option->most);
		for (unsigned int j = 0; j < i; j++) {
			CU_ASSERT(row(j)->path != option->path);
			CU_ASSERT(option->letter == 0 || row(j)->letter != option->letter);
		}
	}
}

static void
sizes_have_units(void)
{
	CU_ASSERT_STRING_EQUAL(round_trip("memory", "1G"), "1G");
	CU_ASSERT_STRING_EQUAL(round_trip("memory", "1024M"), "1G");
	CU_ASSERT_STRING_EQUAL(round_trip("memory", "1536M"), "1536M");
	CU_ASSERT_STRING_EQUAL(round_trip("memory", "67108864"), "64M");
	CU_ASSERT_STRING_EQUAL(round_trip("item_size_max", "1m"), "1M");
	CU_ASSERT_STRING_EQUAL(round_trip("item_size_max", "2MiB"), "2M");
	CU_ASSERT_STRING_EQUAL(round_trip("item_size_max", "512kb"), "512K");
	CU_ASSERT_STRING_EQUAL(round_trip("item_size_max", "1025"), "1025");
	CU_ASSERT_STRING_EQUAL(round_trip("memory", "17179869184G"),
			       "'17179869184G' is too large; want a size from 16M to 16T");
	CU_ASSERT_STRING_EQUAL(round_trip("memory", "1.5G"),
			       "'1.5G' is not a size; want a size from 16M to 16T");
}

static void
durations_need_units(void)
{
	CU_ASSERT_STRING_EQUAL(round_trip("worker.idle_sleep", "50us"), "50us");
	CU_ASSERT_STRING_EQUAL(round_trip("worker.idle_sleep", "1000us"), "1ms");
	CU_ASSERT_STRING_EQUAL(round_trip("worker.idle_sleep", "2ms"), "2ms");
	CU_ASSERT_STRING_EQUAL(round_trip("worker.idle_sleep", "50"),
			       "'50' is not a duration with its unit (us, ms, s); want a duration "
			       "from 1us to 100ms");
	CU_ASSERT_STRING_EQUAL(round_trip("worker.idle_sleep", "1s"),
			       "'1s' is too large; want a duration from 1us to 100ms");
}

static void
booleans_are_yaml_s(void)
{
	CU_ASSERT_STRING_EQUAL(round_trip("status_line", "yes"), "true");
	CU_ASSERT_STRING_EQUAL(round_trip("status_line", "On"), "true");
	CU_ASSERT_STRING_EQUAL(round_trip("status_line", "FALSE"), "false");
	CU_ASSERT_STRING_EQUAL(round_trip("status_line", "no"), "false");
	CU_ASSERT_STRING_EQUAL(round_trip("status_line", "1"),
			       "'1' is neither; want true or false");
}

static void
choices_are_listed(void)
{
	CU_ASSERT_STRING_EQUAL(round_trip("worker.idle", "spin"), "spin");
	CU_ASSERT_STRING_EQUAL(round_trip("driver", "pci"), "pci");
	CU_ASSERT_STRING_EQUAL(round_trip("role", "server"), "server");
	CU_ASSERT_STRING_EQUAL(round_trip("role", "client"), "client");
	CU_ASSERT_STRING_EQUAL(round_trip("worker.idle", "sleep"),
			       "'sleep' is not known; want spin or adaptive");
	CU_ASSERT_STRING_EQUAL(round_trip("driver", "dpdk"),
			       "'dpdk' is not known; want af_xdp, af_packet, tap, memif or pci");
}

static void
choices_follow_the_enums(void)
{
	static const struct {
		const char *word;
		enum config_driver driver;
	} drivers[] = {{"af_xdp", CONFIG_AF_XDP},
		       {"af_packet", CONFIG_AF_PACKET},
		       {"tap", CONFIG_TAP},
		       {"memif", CONFIG_MEMIF},
		       {"pci", CONFIG_PCI}};
	const struct option *driver = option_find(port_options, port_options_count, "driver");
	const struct option *hugepages =
		option_find(config_options, config_options_count, "hugepages");
	const struct option *idle =
		option_find(config_options, config_options_count, "worker.idle");
	const struct option *role = option_find(port_options, port_options_count, "role");
	char why[OPTION_TEXT_SIZE];
	union object object = {0};

	for (unsigned int i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		CU_ASSERT_EQUAL(set(driver, &object, drivers[i].word, why), 0);
		CU_ASSERT_EQUAL(object.port.driver, drivers[i].driver);
		CU_ASSERT_STRING_EQUAL(config_driver_name(drivers[i].driver), drivers[i].word);
	}
	set(role, &object, "client", why);
	CU_ASSERT_FALSE(object.port.memif_server);
	set(role, &object, "server", why);
	CU_ASSERT_TRUE(object.port.memif_server);
	set(hugepages, &object, "off", why);
	CU_ASSERT_EQUAL(object.config.hugepages, CONFIG_HUGEPAGES_OFF);
	set(hugepages, &object, "on", why);
	CU_ASSERT_EQUAL(object.config.hugepages, CONFIG_HUGEPAGES_ON);
	set(idle, &object, "spin", why);
	CU_ASSERT_EQUAL(object.config.idle, CONFIG_IDLE_SPIN);
	set(idle, &object, "adaptive", why);
	CU_ASSERT_EQUAL(object.config.idle, CONFIG_IDLE_ADAPTIVE);
}

/* Tools that rewrite YAML turn an unquoted on into true. */
static void
on_and_off_survive_yaml_tools(void)
{
	CU_ASSERT_STRING_EQUAL(round_trip("hugepages", "true"), "on");
	CU_ASSERT_STRING_EQUAL(round_trip("hugepages", "no"), "off");
	CU_ASSERT_STRING_EQUAL(round_trip("worker.idle", "true"),
			       "'true' is not known; want spin or adaptive");
}

static void
addresses_are_those_of_hosts(void)
{
	static const char want[] = "; want an IPv4 address and its subnet's length, like "
				   "10.77.0.1/24";
	static const struct {
		const char *text, *problem;
	} bad[] = {
		{"10.77.0.1", "lacks the length of its subnet"},
		{"10.77.0.1/33", "is not an IPv4 address"},
		{"10.77.0.1/", "is not an IPv4 address"},
		{"10.77.0/24", "is not an IPv4 address"},
		{"10.77.0.256/24", "is not an IPv4 address"},
		{"1000.1000.1000.1000.1000/24", "is not an IPv4 address"},
		{"fd00::1/64", "is not an IPv4 address"},
		{"0.0.0.0/24", "is no address of a host on a network"},
		{"127.0.0.1/8", "is no address of a host on a network"},
		{"224.0.0.1/24", "is no address of a host on a network"},
		{"255.255.255.255/32", "is no address of a host on a network"},
		{"10.77.0.1/7", "has a subnet of more than a /8"},
		{"10.77.0.0/24", "is the address of the subnet itself"},
		{"10.77.0.255/24", "is the broadcast address of its subnet"},
	};
	char expected[OPTION_TEXT_SIZE];

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(expected, sizeof(expected), "'%s' %s%s", bad[i].text, bad[i].problem,
			 want);
		CU_ASSERT_STRING_EQUAL(round_trip("address", bad[i].text), expected);
	}
	CU_ASSERT_STRING_EQUAL(round_trip("address", "10.77.0.1/24"), "10.77.0.1/24");
	CU_ASSERT_STRING_EQUAL(round_trip("address", "10.0.0.0/31"), "10.0.0.0/31");
	CU_ASSERT_STRING_EQUAL(round_trip("address", "10.0.0.1/32"), "10.0.0.1/32");
}

static void
ipv6_addresses_are_those_of_hosts(void)
{
	static const char want[] = "; want an IPv6 address and its subnet's length, like "
				   "fd77::1/64";
	static const struct {
		const char *text, *problem;
	} bad[] = {
		{"fd77::1", "lacks the length of its subnet"},
		{"fd77::1/129", "is not an IPv6 address"},
		{"fd77::1/", "is not an IPv6 address"},
		{"fd77:::1/64", "is not an IPv6 address"},
		{"10.77.0.1/24", "is not an IPv6 address"},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111/64",
		 "is not an IPv6 address"},
		{"::/64", "is no address of a host on a network"},
		{"::1/64", "is no address of a host on a network"},
		{"ff02::1/64", "is no address of a host on a network"},
		{"::ffff:10.77.0.1/120", "is no address of a host on a network"},
		{"fe80::1/64", "is link-local, and we have such an address already"},
		{"fd77::1/15", "has a subnet of more than a /16"},
		{"fd77::/64", "is the address of the subnet itself"},
		{"fd77::4/126", "is the address of the subnet itself"},
	};
	char expected[OPTION_TEXT_SIZE];

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(expected, sizeof(expected), "'%s' %s%s", bad[i].text, bad[i].problem,
			 want);
		CU_ASSERT_STRING_EQUAL(round_trip("ipv6", bad[i].text), expected);
	}
	CU_ASSERT_STRING_EQUAL(round_trip("ipv6", "FD77:0::1/64"), "fd77::1/64");
	CU_ASSERT_STRING_EQUAL(round_trip("ipv6", "fd77::4/127"), "fd77::4/127");
	CU_ASSERT_STRING_EQUAL(round_trip("ipv6", "2001:db8::/128"), "2001:db8::/128");
}

static void
prefixes_have_no_host_bits(void)
{
	CU_ASSERT_STRING_EQUAL(round_trip("udp.allow", "10.0.0.0/8"), "10.0.0.0/8");
	CU_ASSERT_STRING_EQUAL(round_trip("udp.allow", "0.0.0.0/0"), "0.0.0.0/0");
	CU_ASSERT_STRING_EQUAL(round_trip("udp.allow", "10.1.2.3"), "10.1.2.3/32");
	CU_ASSERT_STRING_EQUAL(round_trip("udp.allow", "10.1.2.3/8"),
			       "'10.1.2.3/8' has bits outside its prefix (10.0.0.0/8 has not); "
			       "want an IPv4 or IPv6 prefix like 10.0.0.0/8 or fd00::/8");
	CU_ASSERT_STRING_EQUAL(round_trip("tcp.allow", "FD00::/8"), "fd00::/8");
	CU_ASSERT_STRING_EQUAL(round_trip("tcp.allow", "::/0"), "::/0");
	CU_ASSERT_STRING_EQUAL(round_trip("tcp.allow", "fd77::2"), "fd77::2/128");
	CU_ASSERT_STRING_EQUAL(round_trip("tcp.allow", "fd77::2/127"), "fd77::2/127");
	CU_ASSERT_STRING_EQUAL(round_trip("tcp.allow", "fd77::2/126"),
			       "'fd77::2/126' has bits outside its prefix (fd77::/126 has not); "
			       "want an IPv4 or IPv6 prefix like 10.0.0.0/8 or fd00::/8");
	/* IPv4 in disguise is refused, as is what can't be */
	CU_ASSERT_EQUAL(round_trip("tcp.allow", "::ffff:10.0.0.0/104")[0], '\'');
	CU_ASSERT_EQUAL(round_trip("tcp.allow", "fd77::/129")[0], '\'');
	CU_ASSERT_EQUAL(round_trip("tcp.allow", "10.0.0.0/33")[0], '\'');
	CU_ASSERT_EQUAL(round_trip("tcp.allow", "fd77:/16")[0], '\'');
	CU_ASSERT_EQUAL(round_trip("tcp.allow", "fe80::1%jd-cli/64")[0], '\'');
}

static void
macs_are_of_one_station(void)
{
	static const char want[] = "; want the MAC address of one station, like 02:00:00:00:00:01";
	static const char *const bad[] = {"02:00:00:00:00",	  "02:00:00:00:00:0g",
					  "02-00-00-00-00-01",	  "00:00:00:00:00:00",
					  "02:00:00:00:00:01:02", "020000000001"};
	char expected[OPTION_TEXT_SIZE];

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(expected, sizeof(expected), "'%s' is not a MAC address%s", bad[i], want);
		CU_ASSERT_STRING_EQUAL(round_trip("mac", bad[i]), expected);
	}
	CU_ASSERT_STRING_EQUAL(round_trip("mac", "02:0A:ff:00:00:01"), "02:0a:ff:00:00:01");
	snprintf(expected, sizeof(expected), "'%s' is the address of a group%s",
		 "ff:ff:ff:ff:ff:ff", want);
	CU_ASSERT_STRING_EQUAL(round_trip("mac", "ff:ff:ff:ff:ff:ff"), expected);
}

/* An interface, socket or PCI address becomes part of a DPDK argument: no comma may pass. */
static void
names_cannot_smuggle_arguments(void)
{
	CU_ASSERT_STRING_EQUAL(round_trip("interface", "eth0.100"), "eth0.100");
	CU_ASSERT_STRING_EQUAL(round_trip("interface", "enp3s0f0np1_2-3"), "enp3s0f0np1_2-3");
	CU_ASSERT_STRING_EQUAL(round_trip("interface", "abcdefghijklmno"), "abcdefghijklmno");
	CU_ASSERT_STRING_EQUAL(round_trip("interface", "abcdefghijklmnop"),
			       "'abcdefghijklmnop' is too long; want a name of at most 15 letters, "
			       "digits, '.', '_' and '-'");
	CU_ASSERT_PTR_NOT_NULL(strstr(round_trip("interface", "eth0,x=1"), "is not what"));
	CU_ASSERT_PTR_NOT_NULL(strstr(round_trip("interface", ".."), "is not what"));
	CU_ASSERT_PTR_NOT_NULL(strstr(round_trip("interface", "a/b"), "is not what"));
	CU_ASSERT_PTR_NOT_NULL(strstr(round_trip("interface", "-x"), "is not what"));
	CU_ASSERT_PTR_NOT_NULL(strstr(round_trip("name", "a b"), "is not what"));
	CU_ASSERT_PTR_NOT_NULL(strstr(round_trip("socket", "/run/a,role=client"), "is not what"));
	CU_ASSERT_PTR_NOT_NULL(strstr(round_trip("socket", "run/a"), "is not what"));
	CU_ASSERT_STRING_EQUAL(round_trip("socket", "/run/a b.sock"), "/run/a b.sock");
	CU_ASSERT_STRING_EQUAL(round_trip("pci", "0000:3b:00.0"), "0000:3b:00.0");
	CU_ASSERT_PTR_NOT_NULL(strstr(round_trip("pci", "3b:00.0"), "is not what"));
	CU_ASSERT_PTR_NOT_NULL(strstr(round_trip("pci", "0000:3b:00.8"), "is not what"));
	CU_ASSERT_PTR_NOT_NULL(strstr(round_trip("pci", "0000:3b:00.0,x"), "is not what"));
}

static void
cpus_come_as_ranges(void)
{
	const struct option *cores =
		option_find(config_options, config_options_count, "worker.cores");
	char why[OPTION_TEXT_SIZE];
	union object object = {0};

	CU_ASSERT_EQUAL(set(cores, &object, "2-4", why), 0);
	CU_ASSERT_EQUAL(set(cores, &object, "9", why), 0);
	CU_ASSERT_EQUAL(object.config.core_count, 4);
	CU_ASSERT_EQUAL(object.config.cores[0], 2);
	CU_ASSERT_EQUAL(object.config.cores[2], 4);
	CU_ASSERT_EQUAL(object.config.cores[3], 9);
	CU_ASSERT_EQUAL(set(cores, &object, "4-2", why), -EINVAL);
	CU_ASSERT_STRING_EQUAL(why, "'4-2' is a range that ends before it begins; want a CPU "
				    "number from 0 to 1023");
	CU_ASSERT_EQUAL(set(cores, &object, "1-", why), -EINVAL);
	CU_ASSERT_EQUAL(set(cores, &object, "1024", why), -EINVAL);
	CU_ASSERT_EQUAL(set(cores, &object, "10-70", why), -EINVAL);
	CU_ASSERT_STRING_EQUAL(why, "more than 64 CPUs; one a worker");
	CU_ASSERT_EQUAL(object.config.core_count, 4);
	CU_ASSERT_EQUAL(set(cores, &object, "10-69", why), 0);
	CU_ASSERT_EQUAL(object.config.core_count, 64);
	CU_ASSERT_EQUAL(set(cores, &object, "70", why), -EINVAL);
}

static void
megabytes_are_memcached_s_habit(void)
{
	const struct option *memory = option_find(config_options, config_options_count, "memory");
	char why[OPTION_TEXT_SIZE];
	union object object = {0};

	CU_ASSERT_EQUAL(option_set_letter(memory, &object, "64", why, sizeof(why)), 0);
	CU_ASSERT_EQUAL(object.config.memory, UINT64_C(64) << 20);
	CU_ASSERT_EQUAL(option_set_letter(memory, &object, "2G", why, sizeof(why)), 0);
	CU_ASSERT_EQUAL(object.config.memory, UINT64_C(2) << 30);
	CU_ASSERT_EQUAL(option_set_letter(memory, &object, "17592186044416", why, sizeof(why)),
			-EINVAL);
	CU_ASSERT_EQUAL(object.config.memory, UINT64_C(2) << 30);
}

static void
nearest_option_is_suggested(void)
{
	static const struct {
		const char *written, *meant;
	} words[] = {
		{"memroy", "memory"},
		{"Memory", "memory"},
		{"item-size-max", "item_size_max"},
		{"idle", "worker.idle"},
		{"worker.idel", "worker.idle"},
		{"worker.cpus", NULL},
		{"udp.alow", "udp.allow"},
		{"udp.prot", "udp.port"},
		{"tcp.prot", "tcp.port"},
		{"quux", NULL},
		{"status-line", "status_line"},
		{"", NULL},
		{"an_option_with_a_name_that_is_longer_than_any_of_ours", NULL},
	};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const struct option *found =
			option_suggest(config_options, config_options_count, words[i].written);

		CU_ASSERT_STRING_EQUAL(found != NULL ? found->path : "(none)",
				       words[i].meant != NULL ? words[i].meant : "(none)");
	}
}

SUITE("config values", TEST(bounds_are_held_to_the_last_unit), TEST(largest_value_fits_its_field),
      TEST(garbage_is_refused_and_changes_nothing), TEST(every_default_is_a_good_value),
      TEST(every_row_is_complete), TEST(sizes_have_units), TEST(durations_need_units),
      TEST(booleans_are_yaml_s), TEST(choices_are_listed), TEST(choices_follow_the_enums),
      TEST(on_and_off_survive_yaml_tools), TEST(addresses_are_those_of_hosts),
      TEST(ipv6_addresses_are_those_of_hosts), TEST(prefixes_have_no_host_bits),
      TEST(macs_are_of_one_station), TEST(names_cannot_smuggle_arguments),
      TEST(cpus_come_as_ranges), TEST(megabytes_are_memcached_s_habit),
      TEST(nearest_option_is_suggested))
