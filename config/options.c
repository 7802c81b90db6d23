/* SPDX-License-Identifier: BSD-3-Clause */
/* The option table: every setting of the appliance is one row below, and is nowhere else. */
#include "config/options.h"

#include <string.h>

#define COUNT_OF(array)	    ((unsigned int)(sizeof(array) / sizeof((array)[0])))
#define FIELD(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)
/* A list: an array and the member that counts it. */
#define LIST(member, how_many)                                                                     \
	.offset = offsetof(struct config, member),                                                 \
	.size = sizeof(((struct config *)NULL)->member[0]),                                        \
	.most_items = COUNT_OF(((struct config *)NULL)->member),                                   \
	.offset_present = offsetof(struct config, how_many)
#define GLOBAL(member) FIELD(struct config, member)
#define PORT(member)   FIELD(struct config_port, member)

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

#define SECOND UINT64_C(1000000) /* of a duration */

const struct option config_options[] = {
	{"memory", OPTION_SIZE, GLOBAL(memory), .least = 16 * MIB, .most = 16 * TIB,
	 .initial = "64M", .letter = 'm', .long_name = "memory-limit", .letter_unit = MIB,
	 .help = "bytes for items and index together, never exceeded; packet buffers come on top. "
		 "The default is memcached's, so that nobody loses more of a machine than is used "
		 "to; an appliance should be given most of its own"},
	{"item_size_max", OPTION_SIZE, GLOBAL(item_size_max), .least = KIB, .most = GIB,
	 .initial = "1M", .letter = 'I', .long_name = "max-item-size",
	 .help = "largest item, counted as memcached counts: key, value and 59 bytes besides; at "
		 "most half of memory"},
	{"shards", OPTION_COUNT, GLOBAL(shards), .least = 0, .most = CONFIG_SHARDS_MAX,
	 .initial = "0",
	 .help = "parts that the store is split into, each on one NUMA node; 0 makes one a node "
		 "that has workers"},
	{"hugepages", OPTION_CHOICE, GLOBAL(hugepages), .choices = "auto|on|off", .initial = "auto",
	 .help = "auto takes 2 MiB pages where the machine has enough and says so where not, on "
		 "refuses to start without them"},
	{"worker.count", OPTION_COUNT, GLOBAL(workers), .least = 1, .most = CONFIG_WORKERS_MAX,
	 .initial = "1", .letter = 't', .long_name = "threads",
	 .help = "workers; each has one CPU, and one queue of every port that has as many. Where "
		 "only cores is given, as many as it names"},
	{"worker.cores", OPTION_CPUS, LIST(cores, core_count), .least = 0, .most = 1023,
	 .help = "the CPU of each worker, in order: [2, 3] or [4-7]; chosen at the start if empty"},
	{"worker.idle", OPTION_CHOICE, GLOBAL(idle), .choices = "spin|adaptive",
	 .initial = "adaptive", .reloadable = true,
	 .help = "what a worker does when nothing arrives: spin polls without pause (lowest "
		 "latency, a whole CPU always), adaptive sleeps in short naps"},
	{"worker.idle_sleep", OPTION_DURATION, GLOBAL(idle_sleep_us), .least = 1, .most = 100000,
	 .initial = "2ms", .reloadable = true,
	 .help = "nap of an idle worker whose ports can't wake it (memif, pci), and so about what "
		 "the first request after a pause waits there; for idle adaptive"},
	{"worker.burst", OPTION_COUNT, GLOBAL(burst), .least = 1, .most = 64, .initial = "32",
	 .help = "packets taken from a queue at a time: more for throughput, fewer for latency"},
	{"tcp.port", OPTION_COUNT, GLOBAL(tcp_port), .least = 0, .most = 65535, .initial = "11211",
	 .letter = 'p', .long_name = "port", .help = "TCP port to answer on; 0 for none"},
	{"tcp.connections", OPTION_COUNT, GLOBAL(connections), .least = 1, .most = 1 << 20,
	 .initial = "1024", .letter = 'c', .long_name = "conn-limit",
	 .help = "TCP connections at a time; each worker has its equal part. One more is told so "
		 "and closed"},
	{"tcp.connections_per_client", OPTION_COUNT, GLOBAL(tcp_connections_a_client), .least = 0,
	 .most = 1 << 20, .initial = "0",
	 .help = "TCP connections of one client address at a time, as tcp.connections; 0 for no "
		 "limit of its own"},
	{"tcp.syn_backlog", OPTION_COUNT, GLOBAL(tcp_syn_backlog), .least = 1, .most = 1 << 20,
	 .initial = "1024",
	 .help = "connections in handshake at a time, as tcp.connections; further ones are "
		 "answered with SYN cookies, which keep nothing here"},
	{"tcp.buffers", OPTION_SIZE, GLOBAL(tcp_buffers), .least = MIB, .most = TIB,
	 .initial = "256M",
	 .help = "bytes for what connections have received and not yet read, or not yet sent, in "
		 "all; taken from the machine as it is used, besides memory. A connection that "
		 "finds none left is reset"},
	{"tcp.unsent", OPTION_SIZE, GLOBAL(tcp_unsent), .least = 16 * KIB, .most = GIB,
	 .initial = "256K",
	 .help = "bytes of replies that a connection may have waiting before no more of its "
		 "requests are read"},
	{"tcp.idle_timeout", OPTION_DURATION, GLOBAL(tcp_idle_timeout), .least = 0,
	 .most = 86400 * SECOND, .initial = "0s",
	 .help = "silence after which a connection is reset; 0s for never"},
	{"tcp.no_progress", OPTION_DURATION, GLOBAL(tcp_no_progress), .least = SECOND,
	 .most = 86400 * SECOND, .initial = "30s",
	 .help = "time after which a client that takes no byte of its replies is reset"},
	{"tcp.keepalive", OPTION_DURATION, GLOBAL(tcp_keepalive), .least = 0,
	 .most = 86400 * SECOND, .initial = "0s",
	 .help = "silence after which a client is probed, and reset if it is gone; 0s for never"},
	{"tcp.rto_min", OPTION_DURATION, GLOBAL(tcp_rto_min), .least = 1000, .most = 3 * SECOND,
	 .initial = "200ms",
	 .help = "least time before a segment that was not acknowledged is sent again; more than "
		 "clients delay their acknowledgements"},
	{"tcp.delayed_ack", OPTION_DURATION, GLOBAL(tcp_delayed_ack), .least = 0, .most = 500000,
	 .initial = "5ms", .help = "how long an acknowledgement waits for a reply to ride on"},
	{"tcp.time_wait", OPTION_DURATION, GLOBAL(tcp_time_wait), .least = 1000,
	 .most = 600 * SECOND, .initial = "60s",
	 .help = "how long a connection that we closed first is remembered (RFC 9293, 3.6.1)"},
	{"tcp.allow", OPTION_PREFIX, LIST(tcp_allow, tcp_allow_count), .reloadable = true,
	 .help = "who is answered over TCP, as udp.allow; a firewall of the kernel doesn't see the "
		 "port's packets"},
	{"udp.port", OPTION_COUNT, GLOBAL(udp_port), .least = 0, .most = 65535, .initial = "11211",
	 .letter = 'U', .long_name = "udp-port", .help = "UDP port to answer on; 0 for none"},
	{"udp.allow", OPTION_PREFIX, LIST(udp_allow, udp_allow_count), .reloadable = true,
	 .help = "who is answered over UDP: [10.0.0.0/8, fd00::/8]. If empty, the subnets of the "
		 "port that the packet came in by, and IPv6 link-local addresses; an open UDP "
		 "cache "
		 "is a reflection amplifier"},
	{"auth.file", OPTION_FILE, GLOBAL(auth_file), .letter = 'Y', .long_name = "auth-file",
	 .help = "file of the users, a line name:password each and at most 8: TCP connections must "
		 "prove to be one of them first, in the text protocol as with memcached's -Y, in "
		 "the binary one by SASL PLAIN. Read again at SIGHUP. There is no UDP then. "
		 "Unset, nobody need prove anything"},
	{"ports", OPTION_PORTS, LIST(ports, port_count),
	 .help = "the network ports, at least one: a list of mappings with the options below"},
	{"mbufs", OPTION_COUNT, GLOBAL(mbufs), .least = 512, .most = 1 << 20, .initial = "8192",
	 .help = "packet buffers of each worker and port, some 2.3 KiB each; at least twice "
		 "descriptors and a burst"},
	{"eal", OPTION_ARGUMENT, LIST(eal, eal_count),
	 .help = "further arguments for DPDK's environment, for what has no option here: "
		 "[\"--log-level=lib.eal:debug\"]"},
	{"verbose", OPTION_COUNT, GLOBAL(verbose), .least = 0, .most = 2, .initial = "0",
	 .reloadable = true, .letter = 'v', .long_name = "verbose",
	 .help = "how much is logged: 0 what matters, 1 more, 2 everything"},
	{"status_line", OPTION_BOOLEAN, GLOBAL(status_line), .initial = "true", .reloadable = true,
	 .help = "a line of figures every second where standard error is a terminal"},
};
const unsigned int config_options_count = COUNT_OF(config_options);

const struct option port_options[] = {
	{"name", OPTION_NAME, PORT(name),
	 .help = "our name for the port in logs and statistics; port0, port1 … by default"},
	{"driver", OPTION_CHOICE, PORT(driver), .choices = "af_xdp|af_packet|tap|memif|pci",
	 .help = "what the port is made of; must be given"},
	{"interface", OPTION_NAME, PORT(interface),
	 .help = "af_xdp, af_packet: the kernel's interface to take over; tap: the one to make"},
	{"pci", OPTION_PCI, PORT(pci), .help = "pci: the address that lspci -D shows"},
	{"socket", OPTION_SOCKET, PORT(socket), .help = "memif: path of the control socket"},
	{"role", OPTION_CHOICE, PORT(memif_server), .choices = "client|server", .initial = "server",
	 .help = "memif: the server makes the socket, the client connects to it"},
	{"id", OPTION_COUNT, PORT(memif_id), .least = 0, .most = UINT32_MAX, .initial = "0",
	 .help = "memif: number of the connection on its socket; the same on both sides"},
	{"address", OPTION_ADDRESS, PORT(ipv4), .letter = 'l', .long_name = "listen",
	 .help = "our IPv4 address and the length of its subnet; must be given"},
	{"ipv6", OPTION_ADDRESS6, PORT(ipv6),
	 .help = "our IPv6 address and the length of its subnet, besides address; -l takes one as "
		 "well. Needs an mtu of 1280 or more; without it IPv6 is off"},
	{"mac", OPTION_MAC, PORT(mac), .offset_present = offsetof(struct config_port, has_mac),
	 .help = "tap, memif, pci: MAC address to use; the device's own by default"},
	{"queues", OPTION_COUNT, PORT(queues), .least = 0, .most = CONFIG_WORKERS_MAX,
	 .initial = "0", .help = "receive and transmit queues wanted; 0 for one a worker"},
	{"descriptors", OPTION_COUNT, PORT(descriptors), .least = 64, .most = 4096,
	 .initial = "1024", .help = "packets that a queue holds; a power of two"},
	{"mtu", OPTION_COUNT, PORT(mtu), .least = 576, .most = 2026, .initial = "1500",
	 .help = "bytes of the largest IP packet, which one packet buffer must hold; at most 1500 "
		 "for af_packet"},
	{"tso", OPTION_BOOLEAN, PORT(tso), .initial = "true",
	 .help = "tap, pci: leave long TCP segments to the port to cut, if it can"},
};
const unsigned int port_options_count = COUNT_OF(port_options);

#define EVERY_DRIVER " name driver address ipv6 queues descriptors mtu "
const struct driver_rule driver_rules[] = {
	[CONFIG_AF_XDP] = {"af_xdp", " interface address ", EVERY_DRIVER "interface "},
	[CONFIG_AF_PACKET] = {"af_packet", " interface address ", EVERY_DRIVER "interface "},
	[CONFIG_TAP] = {"tap", " interface address ", EVERY_DRIVER "interface mac tso "},
	[CONFIG_MEMIF] = {"memif", " socket address ", EVERY_DRIVER "socket role id mac "},
	[CONFIG_PCI] = {"pci", " pci address ", EVERY_DRIVER "pci mac tso "},
};

const struct option *
option_find(const struct option *rows, unsigned int count, const char *path)
{
	for (unsigned int i = 0; i < count; i++)
		if (strcmp(rows[i].path, path) == 0)
			return &rows[i];
	return NULL;
}

/* Whether the path is one of " a b c ". */
static bool
listed(const char *paths, const char *path)
{
	size_t length = strlen(path);

	for (const char *at = strstr(paths, path); at != NULL; at = strstr(at + 1, path))
		if (at[-1] == ' ' && at[length] == ' ')
			return true;
	return false;
}

bool
driver_takes(enum config_driver driver, const struct option *option)
{
	return listed(driver_rules[driver].takes, option->path);
}

bool
driver_needs(enum config_driver driver, const struct option *option)
{
	return listed(driver_rules[driver].needs, option->path);
}

const char *
config_driver_name(enum config_driver driver)
{
	return driver_rules[driver].name;
}

void
config_defaults(struct config *config)
{
	memset(config, 0, sizeof(*config));
	for (unsigned int i = 0; i < config_options_count; i++)
		option_reset(&config_options[i], config);
}

void
port_defaults(struct config_port *port, unsigned int index)
{
	memset(port, 0, sizeof(*port));
	for (unsigned int i = 0; i < port_options_count; i++)
		option_reset(&port_options[i], port);
	snprintf(port->name, sizeof(port->name), "port%u", index);
}
