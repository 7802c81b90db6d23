/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "perf/bench_option.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/*
 * An option: a reader takes its text, 0 or -EINVAL, and what would be right is in `wants`. One without
 * an argument turns a flag of the struct on or off.
 */
struct row {
	const char *name;
	const char *argument; /* NULL: takes none */
	int (*read)(struct bench_options *options, const char *text);
	const char *wants;
	const char *help;
	size_t flag;
	bool on;
};

#define VALUE(name_, argument_, read_, wants_, help_)                                              \
	{                                                                                          \
		.name = (name_), .argument = (argument_), .read = (read_), .wants = (wants_),      \
		.help = (help_)                                                                    \
	}
#define FLAG(name_, field, on_, help_)                                                             \
	{                                                                                          \
		.name = (name_), .flag = offsetof(struct bench_options, field), .on = (on_),       \
		.help = (help_)                                                                    \
	}

/* --- the wire ----------------------------------------------------------------------------- */

static int
read_port(struct bench_options *options, const char *text)
{
	options->kernel = false;
	return option_port(text, &options->port);
}

/* ADDRESS[:PORT] */
static int
read_server(struct bench_options *options, const char *text)
{
	char address[32];
	const char *colon = strchr(text, ':');
	size_t length = colon == NULL ? strlen(text) : (size_t)(colon - text);
	unsigned int port = options->server_port;

	if (length >= sizeof(address) ||
	    (colon != NULL && option_unsigned(colon + 1, 1, 65535, &port) != 0))
		return -EINVAL;
	snprintf(address, sizeof(address), "%.*s", (int)length, text);
	options->server_port = (uint16_t)port;
	return option_address(address, &options->server);
}

/* ADDRESS/BITS */
static int
read_own_address(struct bench_options *options, const char *text)
{
	char address[32];
	const char *slash = strchr(text, '/');
	unsigned int bits;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(address) ||
	    option_unsigned(slash + 1, 1, 30, &bits) != 0)
		return -EINVAL;
	snprintf(address, sizeof(address), "%.*s", (int)(slash - text), text);
	options->port.ipv4.bits = (uint8_t)bits;
	return option_address(address, &options->port.ipv4.address);
}

static int
read_server_mac(struct bench_options *options, const char *text)
{
	uint8_t *mac = options->server_mac.bytes;
	char rest;

	options->server_mac.known = true;
	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &mac[0], &mac[1], &mac[2],
		      &mac[3], &mac[4], &mac[5], &rest) == 6
		       ? 0
		       : -EINVAL;
}

static int
read_cpu(struct bench_options *options, const char *text)
{
	return option_unsigned(text, 0, 1023, &options->cpu);
}

static int
read_burst(struct bench_options *options, const char *text)
{
	return option_unsigned(text, 1, 64, &options->burst);
}

static int
read_descriptors(struct bench_options *options, const char *text)
{
	unsigned int count;

	if (option_unsigned(text, 64, 16384, &count) != 0 || (count & (count - 1)) != 0)
		return -EINVAL;
	options->port.descriptors = (uint16_t)count;
	return 0;
}

/* --- how requests are sent ---------------------------------------------------------------- */

static int
read_transport(struct bench_options *options, const char *text)
{
	static const char *const words[] = {[BENCH_UDP] = "udp", [BENCH_TCP] = "tcp"};

	return option_choice(text, words, COUNT_OF(words), &options->transport);
}

static int
read_protocol(struct bench_options *options, const char *text)
{
	static const char *const words[] = {[BENCH_BINARY] = "binary",
					    [BENCH_TEXT] = "text",
					    [BENCH_META] = "meta",
					    [BENCH_REDIS] = "redis"};

	return option_choice(text, words, COUNT_OF(words), &options->protocol);
}

static int
read_connections(struct bench_options *options, const char *text)
{
	return option_unsigned(text, 1, BENCH_CONNECTIONS_MAX, &options->connections);
}

static int
read_depth(struct bench_options *options, const char *text)
{
	return option_unsigned(text, 1, BENCH_UNDER_WAY_MAX, &options->depth);
}

static int
read_width(struct bench_options *options, const char *text)
{
	return option_unsigned(text, 1, BENCH_WIDTH_MAX, &options->width);
}

static int
read_rate(struct bench_options *options, const char *text)
{
	return option_number(text, 1, 1e9, &options->rate);
}

static int
read_timeout(struct bench_options *options, const char *text)
{
	return option_unsigned(text, 1, 60000, &options->timeout_ms);
}

/* --- what is asked ------------------------------------------------------------------------ */

static int
read_keys(struct bench_options *options, const char *text)
{
	double keys;

	if (option_number(text, 1, UINT32_MAX, &keys) != 0)
		return -EINVAL;
	options->workload.keys = (uint64_t)keys;
	return 0;
}

static int
read_key_size(struct bench_options *options, const char *text)
{
	return option_number(text, 1, WORKLOAD_KEY_MAX, &options->workload.key_size);
}

/* N or LEAST-MOST */
static int
read_value_size(struct bench_options *options, const char *text)
{
	char least[32];
	const char *dash = strchr(text, '-');
	size_t length = dash == NULL ? strlen(text) : (size_t)(dash - text);

	if (length >= sizeof(least))
		return -EINVAL;
	snprintf(least, sizeof(least), "%.*s", (int)length, text);
	if (option_unsigned(least, 0, 1 << 20, &options->value_least) != 0)
		return -EINVAL;
	return option_unsigned(dash == NULL ? least : dash + 1, options->value_least, 1 << 20,
			       &options->value_most);
}

/* uniform, zipf[:EXPONENT], hotspot:KEYS%:REQUESTS% */
static int
read_popularity(struct bench_options *options, const char *text)
{
	double keys, share;
	char rest;

	if (strcmp(text, "uniform") == 0) {
		options->popularity = BENCH_UNIFORM;
		return 0;
	}
	if (strncmp(text, "zipf", 4) == 0) {
		options->popularity = BENCH_ZIPF;
		if (text[4] == '\0')
			return 0;
		return text[4] == ':' ? option_number(text + 5, 0, 10, &options->workload.zipf)
				      : -EINVAL;
	}
	if (sscanf(text, "hotspot:%lf%%:%lf%%%c", &keys, &share, &rest) != 2 || !(keys > 0) ||
	    !(keys < 100) || !(share >= 0) || !(share <= 100))
		return -EINVAL;
	options->popularity = BENCH_HOT_SPOT;
	options->hot_keys = keys / 100;
	options->hot_share = share / 100;
	return 0;
}

/* get=95,set=5 */
static int
read_mix(struct bench_options *options, const char *text)
{
	static const char *const words[] = {
		[WORKLOAD_GET] = "get",	    [WORKLOAD_SET] = "set",	  [WORKLOAD_ADD] = "add",
		[WORKLOAD_CAS] = "replace", [WORKLOAD_DELETE] = "delete", [WORKLOAD_INCR] = "incr",
	};
	char copy[256], *pair, *at = NULL;
	double sum = 0;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	snprintf(copy, sizeof(copy), "%s", text);
	memset(options->workload.ops, 0, sizeof(options->workload.ops));
	for (pair = strtok_r(copy, ",", &at); pair != NULL; pair = strtok_r(NULL, ",", &at)) {
		char *equals = strchr(pair, '=');
		unsigned int op;

		if (equals == NULL)
			return -EINVAL;
		*equals = '\0';
		if (option_choice(pair, words, COUNT_OF(words), &op) != 0 ||
		    option_number(equals + 1, 0, 1e6, &options->workload.ops[op]) != 0)
			return -EINVAL;
		sum += options->workload.ops[op];
	}
	return sum > 0 ? 0 : -EINVAL;
}

static int
read_ttl(struct bench_options *options, const char *text)
{
	return option_unsigned(text, 0, 30 * 86400, &options->ttl);
}

static int
read_shape(struct bench_options *options, const char *text)
{
	options->preload = false; /* a read-through stream fills the cache itself */
	return option_text(text, options->shape, sizeof(options->shape));
}

static int
read_shapes(struct bench_options *options, const char *text)
{
	return option_text(text, options->shapes, sizeof(options->shapes));
}

static int
read_objects(struct bench_options *options, const char *text)
{
	double objects;

	if (option_number(text, 1, UINT32_MAX, &objects) != 0)
		return -EINVAL;
	options->objects = (uint64_t)objects;
	return 0;
}

static int
read_seed(struct bench_options *options, const char *text)
{
	double seed;

	if (option_number(text, 0, 0x1p53, &seed) != 0)
		return -EINVAL;
	options->workload.seed = (uint64_t)seed;
	return 0;
}

static int
read_echo(struct bench_options *options, const char *text)
{
	options->preload = false;
	options->server_stats = false;
	return option_unsigned(text, 60, 1514, &options->echo);
}

/* --- the run ------------------------------------------------------------------------------ */

static int
read_warm_up(struct bench_options *options, const char *text)
{
	return option_number(text, 0, 86400, &options->warm_up);
}

static int
read_seconds(struct bench_options *options, const char *text)
{
	return option_number(text, 0, 86400, &options->seconds);
}

static int
read_json(struct bench_options *options, const char *text)
{
	return option_text(text, options->json, sizeof(options->json));
}

/* --- the table ---------------------------------------------------------------------------- */

static const struct row rows[] = {
	VALUE("port", "KIND:WHERE", read_port,
	      "memif:SOCKET[,server][,id=N], af_xdp:IFACE, af_packet:IFACE, tap:IFACE or "
	      "pci:ADDRESS",
	      "a port of our own to send from: memif:SOCKET[,server][,id=N], af_xdp:IFACE, "
	      "af_packet:IFACE, tap:IFACE, pci:ADDRESS"),
	FLAG("kernel", kernel, true,
	     "send from the kernel's sockets, against any memcached-compatible server (default)"),
	FLAG("busy-poll", busy_poll, true,
	     "kernel: poll the sockets without sleeping: lower latency for a whole CPU"),
	VALUE("server", "ADDR[:PORT]", read_server, "an IPv4 address and a port, 10.77.0.1:11211",
	      "who is asked (default 10.77.0.1:11211; with --kernel 127.0.0.1:11211)"),
	VALUE("address", "ADDR/BITS", read_own_address, "an IPv4 address and prefix, 10.77.0.2/24",
	      "our own address on --port (default 10.77.0.2/24)"),
	VALUE("server-mac", "MAC", read_server_mac, "aa:bb:cc:dd:ee:ff",
	      "send to this MAC address instead of asking for it by ARP"),
	VALUE("cpu", "N", read_cpu, "the number of a CPU",
	      "CPU of the client's loop (default: the last that we may run on)"),
	VALUE("burst", "N", read_burst, "1 to 64", "packets a call of the driver (default 32)"),
	VALUE("descriptors", "N", read_descriptors, "a power of two from 64 to 16384",
	      "descriptors a ring of --port (default 1024)"),

	VALUE("transport", "udp|tcp", read_transport, "udp or tcp", "(default udp)"),
	VALUE("protocol", "NAME", read_protocol, "binary, text, meta or redis",
	      "memcached's binary, text or meta, or redis (default binary)"),
	VALUE("connections", "N", read_connections, "1 to 32768",
	      "sockets; of --port TCP connections, or UDP source ports (default 1)"),
	VALUE("depth", "N", read_depth, "1 to 65536",
	      "messages under way a connection; with --rate the most there may be (default 64)"),
	VALUE("multiget", "N", read_width, "1 to 64", "requests a message (default 1)"),
	VALUE("rate", "R", read_rate, "requests a second: 2M",
	      "open loop: R requests a second, Poisson arrivals, latency counted from when a "
	      "request "
	      "should have been sent. Without it closed loop: the next request goes when an answer "
	      "comes"),
	VALUE("timeout", "MS", read_timeout, "milliseconds, 1 to 60000",
	      "no answer for this long: counted as lost, and over UDP sent again (default 250)"),

	VALUE("keys", "N", read_keys, "1 to 4294967295", "keys there are (default 1M)"),
	VALUE("key-size", "BYTES", read_key_size, "1 to 250", "(default 16)"),
	VALUE("value-size", "N or A-B", read_value_size, "bytes up to 1048576, or a range of them",
	      "bytes of a value; a range is spread evenly over the keys (default 32)"),
	VALUE("popularity", "LAW", read_popularity,
	      "uniform, zipf, zipf:EXPONENT or hotspot:KEYS%:REQUESTS%",
	      "uniform, zipf[:EXPONENT] (0.99) or hotspot:KEYS%:REQUESTS% (default uniform)"),
	VALUE("mix", "OP=N,...", read_mix, "get, set, add, replace, delete, incr with weights",
	      "weights of get, set, add, replace, delete and incr (default get=1)"),
	VALUE("ttl", "S", read_ttl, "seconds up to 2592000",
	      "expiry of what is stored (default 0: none)"),
	FLAG("fill", fill, true, "read through: a get that missed is followed by a set"),
	VALUE("shape", "NAME", read_shape, "a cluster of perf/shapes.tsv: cluster18",
	      "a production workload instead of the options from --keys to --fill"),
	VALUE("shapes", "FILE", read_shapes, "the path of a table", "where shapes are described"),
	VALUE("objects", "N", read_objects, "1 to 4294967295",
	      "live keys that a shape is scaled to (default 1M)"),
	VALUE("seed", "N", read_seed, "a number", "of all random numbers (default 1)"),
	FLAG("verify", verify, true, "compare every byte of every value with what it must be"),
	VALUE("echo", "BYTES", read_echo, "60 to 1514",
	      "the peer is a UDP echo (dpdk-testpmd --forward-mode=5tswap): frames of this size"),

	FLAG("no-preload", preload, false, "don't store all keys first"),
	VALUE("warm-up", "S", read_warm_up, "seconds", "run before it counts (default 0.5)"),
	VALUE("seconds", "S", read_seconds, "seconds",
	      "how long is measured (default 5); 0: only preload"),
	FLAG("no-server-stats", server_stats, false,
	     "don't ask the server for its counters before and after"),
	VALUE("json", "FILE", read_json, "a path, or - for standard output",
	      "write the results there as JSON as well"),
	FLAG("realtime", realtime, true,
	     "on a machine that does other things: run above them all (SCHED_FIFO); needs root"),
	FLAG("quiet", quiet, true, "no progress, no line a second"),
};

void
bench_help(FILE *file)
{
	fprintf(file,
		"usage: jackdaw-bench [--port KIND:WHERE | --kernel] [OPTION...]\n\n"
		"Asks a memcached-compatible server as fast as one core can, or at a given rate, "
		"and\ntells throughput, hit ratio, losses and latencies.\n\n");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *help = rows[i].help;
		char left[48];

		snprintf(left, sizeof(left), "  --%s%s%s", rows[i].name,
			 rows[i].argument == NULL ? "" : " ",
			 rows[i].argument == NULL ? "" : rows[i].argument);
		while (*help != '\0') {
			int width = (int)strlen(help);

			/* lines of at most 70 columns, broken at a space */
			if (width > 70) {
				for (width = 70; width > 1 && help[width] != ' ';)
					width--;
			}
			fprintf(file, "%-26s  %.*s\n", left, width, help);
			help += width;
			help += strspn(help, " ");
			left[0] = '\0';
		}
	}
	fprintf(file,
		"\nExamples\n"
		"  jackdaw-bench --port memif:/run/jackdaw-memif.sock --depth 512 --seconds 5\n"
		"  jackdaw-bench --kernel --transport tcp --connections 50 --depth 16 --mix "
		"get=9,set=1\n");
}

/* --- defaults and checks ------------------------------------------------------------------ */

static void
options_defaults(struct bench_options *options)
{
	*options = (struct bench_options){
		.kernel = true,
		.server_port = 11211,
		.cpu = UINT_MAX,
		.burst = 32,
		.connections = 1,
		.depth = 64,
		.width = 1,
		.timeout_ms = 250,
		.value_least = 32,
		.value_most = 32,
		.objects = 1000000,
		.preload = true,
		.warm_up = 0.5,
		.seconds = 5,
		.server_stats = true,
		.port = {.name = "bench",
			 .descriptors = 1024,
			 .mtu = 1500,
			 .ipv4 = {.address = 0x0a4d0002, .bits = 24}},
	};
	workload_defaults(&options->workload);
	options->workload.zipf = 0.99;
}

static int
options_fail(char error[BENCH_ERROR_SIZE], const char *message)
{
	snprintf(error, BENCH_ERROR_SIZE, "%s", message);
	return -EINVAL;
}

static bool
options_stores(const struct bench_options *options)
{
	const double *ops = options->workload.ops;

	return options->shape[0] == '\0' &&
	       (options->preload || options->fill || ops[WORKLOAD_SET] > 0 ||
		ops[WORKLOAD_ADD] > 0 || ops[WORKLOAD_CAS] > 0);
}

static int
options_check(struct bench_options *options, char error[BENCH_ERROR_SIZE])
{
	double digits = options->workload.key_size * 6; /* bits that a key's text can tell apart */

	if (options->server == 0)
		options->server = options->kernel ? INADDR_LOOPBACK : 0x0a4d0001;
	if (options->echo != 0 && options->transport == BENCH_TCP)
		return options_fail(error, "--echo is for UDP");
	if (options->protocol == BENCH_REDIS &&
	    (options->transport != BENCH_TCP || options->width != 1))
		return options_fail(error, "--protocol redis: over --transport tcp, and without "
					   "--multiget");
	if (options->echo != 0 && options->width != 1)
		return options_fail(error, "--echo has nothing for --multiget to ask");
	if (digits < 66 && exp2(digits) < (double)options->workload.keys)
		return options_fail(error, "--key-size: too short to tell all keys apart");
	if ((uint64_t)options->connections * options->depth > BENCH_UNDER_WAY_MAX)
		return options_fail(error, "--connections times --depth: at most 65536");
	if (options_stores(options) && options->transport == BENCH_UDP &&
	    options->value_most + options->workload.key_size > BENCH_UDP_ITEM_MAX) {
		snprintf(error, BENCH_ERROR_SIZE,
			 "--value-size: a store over UDP has to fit one datagram: key and value of "
			 "at most %d bytes; --transport tcp has no such limit",
			 BENCH_UDP_ITEM_MAX);
		return -EINVAL;
	}
	if (options->popularity == BENCH_HOT_SPOT && options->workload.keys < 2)
		return options_fail(error, "--popularity hotspot: needs two keys");
	return 0;
}

static const struct row *
row_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	return NULL;
}

int
bench_options_read(struct bench_options *options, enum bench_action *action, int argc, char **argv,
		   char error[BENCH_ERROR_SIZE])
{
	options_defaults(options);
	*action = BENCH_RUN;
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i] + 2, *value = NULL;
		const struct row *row;

		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--version") == 0) {
			*action = argv[i][2] == 'h' ? BENCH_HELP : BENCH_VERSION;
			return 0;
		}
		row = strncmp(argv[i], "--", 2) == 0 ? row_find(name) : NULL;
		if (row == NULL) {
			snprintf(error, BENCH_ERROR_SIZE, "%s is no option; --help lists them",
				 argv[i]);
			return -EINVAL;
		}
		if (row->argument != NULL) {
			if (i + 1 == argc) {
				snprintf(error, BENCH_ERROR_SIZE, "--%s needs %s", row->name,
					 row->wants);
				return -EINVAL;
			}
			value = argv[++i];
		}
		if (row->read == NULL) {
			*(bool *)((char *)options + row->flag) = row->on;
		} else if (row->read(options, value) != 0) {
			snprintf(error, BENCH_ERROR_SIZE, "--%s %s: want %s", row->name, value,
				 row->wants);
			return -EINVAL;
		}
	}
	return options_check(options, error);
}

void
bench_options_describe(const struct bench_options *options, char *line, size_t size)
{
	static const char *const ops[] = {"get", "set", "add", "replace", "delete", "incr"};
	char law[64], mix[128] = "";

	if (options->echo != 0) {
		snprintf(line, size, "echo of %u-byte frames", options->echo);
		return;
	}
	if (options->shape[0] != '\0') {
		snprintf(line, size, "shape %s scaled to %llu objects", options->shape,
			 (unsigned long long)options->objects);
		return;
	}
	if (options->popularity == BENCH_ZIPF)
		snprintf(law, sizeof(law), "zipf %g", options->workload.zipf);
	else if (options->popularity == BENCH_HOT_SPOT)
		snprintf(law, sizeof(law), "hot spot %g%% keys %g%% requests",
			 options->hot_keys * 100, options->hot_share * 100);
	else
		snprintf(law, sizeof(law), "uniform");
	for (size_t i = 0; i < COUNT_OF(ops); i++) {
		size_t used = strlen(mix);

		if (options->workload.ops[i] > 0)
			snprintf(mix + used, sizeof(mix) - used, "%s%s %g", used == 0 ? "" : ", ",
				 ops[i], options->workload.ops[i]);
	}
	snprintf(line, size, "%s; %s over %llu keys of %g bytes, values of %u to %u bytes", mix,
		 law, (unsigned long long)options->workload.keys, options->workload.key_size,
		 options->value_least, options->value_most);
}
