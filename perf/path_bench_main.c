/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * path-bench: a request's whole way through a worker, from a frame to the frame that answers it,
 * without a wire. The port is two rings in memory: frames made beforehand go in, answers come out.
 * The store holds the keys, so that every get is a hit.
 *
 *     path-bench --case NAME [--requests N] [--keys N] [--list]
 *
 * Prints nanoseconds a request. Of more keys than 1024 every run asks for others, so that what it finds is not in
 * the cache. Deterministic, and on one thread: perf/profile runs it under callgrind with path_serve as the part
 * that counts (--once: no clock is read).
 */
#include <getopt.h>
#include <inttypes.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/client.h"
#include "dataplane/worker.h"
#include "perf/bench_frame.h"
#include "perf/eal_end.h"
#include "perf/path_streams.h"
#include "perf/timing.h"

enum {
	KEYS = 1024,	  /* unless told otherwise */
	KEY_MEMORY = 128, /* bytes of the store: generous */
	KEY_STEP = 7919,
	JANITOR_KEYS = 1024, /* stored between two of its rounds */
	KEY_LENGTH = 16,
	VALUE_LENGTH = 32,
	FRAMES = 1024, /* of a run: as many as a worker drains in one go */
	RING_SIZE = 2 * FRAMES,
	POOL_SIZE = 4 * FRAMES - 1,
	PAYLOAD_MAX = 1400,
	SERVICE = 11211,
	ROUNDS = 11,
};

static const struct rte_ether_addr our_mac = {{0x02, 0, 0, 0, 0, 0x01}};
static const struct rte_ether_addr client_mac = {{0x02, 0, 0, 0, 0, 0x02}};
static const rte_be32_t our_address = RTE_BE32(0x0a4d0001), client_address = RTE_BE32(0x0a4d0002);

/* Writes the request number `n` of a message of `count`; returns its end. */
typedef uint8_t *request_writer(uint8_t *out, unsigned int n, bool last);

struct path_case {
	const char *name;
	request_writer *write;
	unsigned int width; /* requests a message */
	uint32_t answer;    /* over TCP: bytes of a message's answer; 0: it comes by UDP */
};

/* How many keys there are, and how far into them the run is that is being prepared. */
static unsigned int keys = KEYS, keys_passed;

struct path {
	struct rte_mempool *pool;
	struct rte_ring *in, *out;
	struct route route;
	struct path_streams streams;
	atomic_bool stop;
	struct store *store;
	struct worker *worker;
	struct worker *peers[1];
	uint16_t port;
};

static void
fail(const char *what)
{
	fprintf(stderr, "path-bench: %s\n", what);
	exit(1);
}

/* --- requests ----------------------------------------------------------------------------- */

static uint8_t *
put_text(uint8_t *out, const char *text)
{
	while (*text != '\0')
		*out++ = (uint8_t)*text++;
	return out;
}

static uint8_t *
put_key_number(uint8_t *out, uint64_t number)
{
	snprintf((char *)out, KEY_LENGTH + 1, "key-%012" PRIu64, number);
	return out + KEY_LENGTH;
}

/* Of the n-th request: keys that follow each other were not stored one after the other. */
static uint8_t *
put_key(uint8_t *out, unsigned int n)
{
	return put_key_number(out, ((uint64_t)keys_passed + n) * KEY_STEP % keys);
}

static uint8_t *
put_value(uint8_t *out)
{
	memset(out, 'v', VALUE_LENGTH);
	return out + VALUE_LENGTH;
}

static uint8_t *
put_header(uint8_t *out, uint8_t opcode, unsigned int extras, unsigned int value, unsigned int n)
{
	const uint8_t header[24] = {
		0x80,
		opcode,
		0,
		KEY_LENGTH,
		(uint8_t)extras,
		0,
		0,
		0,
		0,
		0,
		0,
		(uint8_t)(extras + KEY_LENGTH + value),
		(uint8_t)n,
	};

	memcpy(out, header, sizeof(header));
	memset(out + sizeof(header), 0, extras);
	return out + sizeof(header) + extras;
}

static uint8_t *
write_binary_get(uint8_t *out, unsigned int n, bool last)
{
	enum {
		GET = 0x00,
		GETQ = 0x09
	};

	return put_key(put_header(out, last ? GET : GETQ, 0, 0, n), n);
}

static uint8_t *
write_binary_set(uint8_t *out, unsigned int n, bool last)
{
	enum {
		SET = 0x01,
		EXTRAS = 8
	};

	(void)last;
	return put_value(put_key(put_header(out, SET, EXTRAS, VALUE_LENGTH, n), n));
}

/* One request of twenty stores, as its number says: gets are about other keys, nearly always. */
static uint8_t *
write_binary_mix(uint8_t *out, unsigned int n, bool last)
{
	return n % 20 == 10 ? write_binary_set(out, n, last) : write_binary_get(out, n, last);
}

static uint8_t *
write_text_get(uint8_t *out, unsigned int n, bool last)
{
	(void)last;
	return put_text(put_key(put_text(out, "get "), n), "\r\n");
}

static uint8_t *
write_text_set(uint8_t *out, unsigned int n, bool last)
{
	(void)last;
	out = put_text(put_key(put_text(out, "set "), n), " 0 0 32\r\n");
	return put_text(put_value(out), "\r\n");
}

static uint8_t *
write_meta_get(uint8_t *out, unsigned int n, bool last)
{
	(void)last;
	return put_text(put_key(put_text(out, "mg "), n), " v\r\n");
}

static uint8_t *
write_meta_set(uint8_t *out, unsigned int n, bool last)
{
	(void)last;
	out = put_text(put_key(put_text(out, "ms "), n), " 32 T0\r\n");
	return put_text(put_value(out), "\r\n");
}

enum {
	BINARY_ANSWER = 24 + 4 + VALUE_LENGTH,
	META_ANSWER = sizeof("VA 32\r\n\r\n") - 1 + VALUE_LENGTH,
	TEXT_ANSWER = sizeof("VALUE  0 32\r\n\r\nEND\r\n") - 1 + KEY_LENGTH + VALUE_LENGTH,
};

static const struct path_case cases[] = {
	{"udp-binary-get", write_binary_get, 1, 0},
	{"udp-binary-get-16", write_binary_get, 16, 0},
	{"udp-binary-set", write_binary_set, 1, 0},
	{"udp-binary-mix95", write_binary_mix, 1, 0},
	{"udp-text-get", write_text_get, 1, 0},
	{"udp-text-set", write_text_set, 1, 0},
	{"udp-meta-get", write_meta_get, 1, 0},
	{"udp-meta-set", write_meta_set, 1, 0},
	{"tcp-binary-get", write_binary_get, 1, BINARY_ANSWER},
	{"tcp-text-get", write_text_get, 1, TEXT_ANSWER},
	{"tcp-meta-get", write_meta_get, 1, META_ANSWER},
	{"tcp-text-set", write_text_set, 1, sizeof("STORED\r\n") - 1},
};

/* --- the worker and its port -------------------------------------------------------------- */

static void
path_open_port(struct path *path)
{
	struct rte_eth_conf conf = {0};
	int port;

	path->in = rte_ring_create("in", RING_SIZE, SOCKET_ID_ANY, 0);
	path->out = rte_ring_create("out", RING_SIZE, SOCKET_ID_ANY, 0);
	path->pool = rte_pktmbuf_pool_create("frames", POOL_SIZE, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					     SOCKET_ID_ANY);
	if (path->in == NULL || path->out == NULL || path->pool == NULL)
		fail("no memory for packets");
	port = rte_eth_from_rings("path", &path->in, 1, &path->out, 1, 0);
	path->port = (uint16_t)port;
	if (port < 0 || rte_eth_dev_configure(path->port, 1, 1, &conf) != 0 ||
	    rte_eth_rx_queue_setup(path->port, 0, 64, 0, NULL, path->pool) != 0 ||
	    rte_eth_tx_queue_setup(path->port, 0, 64, 0, NULL) != 0 ||
	    rte_eth_dev_start(path->port) != 0)
		fail("no port of rings");
}

static void
path_open_tcp(struct worker *worker)
{
	struct tcp_owner owner = worker_tcp_owner(worker);
	struct tcp_options options = {.connections = PATH_STREAMS,
				      .syn_backlog = 16,
				      .buffered = 1 << 20,
				      .unsent = 256 << 10,
				      .user_size = sizeof(struct client),
				      .rto_min = 200000,
				      .delayed_ack = 5000,
				      .no_progress = 30000000,
				      .time_wait = 60000000};

	/* its clock stands still: however slowly callgrind runs it, no timer goes off in between */
	worker->clock_scale = 0;
	if (tcp_create(&worker->tcp, &options, &owner, &worker->tcp_stats, -1,
		       worker_now(worker)) != 0)
		fail("no memory for connections");
}

static void
path_open_worker(struct path *path)
{
	struct worker *worker = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*worker));
	struct worker_port *port;

	if (worker == NULL)
		fail("no memory for the worker");
	memset(worker, 0, sizeof(*worker));
	worker->workers = 1;
	worker->port_count = 1;
	worker->burst = 32;
	worker->store = path->store;
	worker->peers = path->peers;
	worker->stop = &path->stop;
	worker->doorbell = -1;
	worker->limits.item_size_max = 1 << 20;
	worker->server.stats = &worker->proto;
	worker->server.version = "1.6.18";
	port = &worker->ports[0];
	port->interface = (struct interface){
		.mac = our_mac,
		.address = our_address,
		.subnet = RTE_BE32(0x0a4d0000),
		.subnet_mask = RTE_BE32(0xffffff00),
		.udp_port = RTE_BE16(SERVICE),
		.tcp_port = RTE_BE16(SERVICE),
		.mtu = 1500,
	};
	port->pool = path->pool;
	port->tcp.interface = &port->interface;
	port->tcp.pool = path->pool;
	port->tcp.owner = port;
	port->id = path->port;
	port->wake_fd = -1;
	port->owns_queue = true;
	port->sender = worker;
	path_open_tcp(worker);
	path->worker = path->peers[0] = worker;
}

static void
path_open(struct path *path)
{
	struct store_options options = {.memory = (64 << 20) + (uint64_t)keys * KEY_MEMORY,
					.item_size_max = 1 << 20,
					.workers = 1,
					.shards = 1,
					.numa_nodes = {-1},
					.unix_time = 1000000000};

	memset(path, 0, sizeof(*path));
	memset(options.secret, 0x5a, sizeof(options.secret));
	atomic_init(&path->stop, true); /* worker_run drains its queues and returns */
	if (store_create(&path->store, &options) != 0)
		fail("no memory for the store");
	path_open_port(path);
	path_open_worker(path);
	route_init(&path->route, &client_mac, &our_mac, client_address, our_address,
		   RTE_BE16(SERVICE));
	path->streams = (struct path_streams){.client_mac = client_mac,
					      .our_mac = our_mac,
					      .client_address = client_address,
					      .our_address = our_address,
					      .port = RTE_BE16(SERVICE),
					      .pool = path->pool};
}

/* --- a run -------------------------------------------------------------------------------- */

static uint8_t *
message_begin(struct path *path, const struct path_case *what, unsigned int number,
	      struct rte_mbuf **mbuf)
{
	if (what->answer != 0)
		return path_streams_begin(&path->streams, number, mbuf);
	*mbuf = rte_pktmbuf_alloc(path->pool);
	return *mbuf == NULL ? NULL : frame_begin(&path->route, *mbuf);
}

static void
path_put_message(struct path *path, const struct path_case *what, unsigned int number)
{
	struct rte_mbuf *mbuf;
	uint8_t *out = message_begin(path, what, number, &mbuf);

	if (out == NULL)
		fail("packet buffers are lost");
	for (unsigned int i = 0; i < what->width; i++)
		out = what->write(out, number * what->width + i, i + 1 == what->width);
	if (what->answer != 0)
		path_streams_end(&path->streams, number, mbuf, out, what->answer);
	else
		frame_end(&path->route, mbuf, out, FRAME_PORT_BASE, (uint16_t)number);
	if (rte_ring_enqueue(path->in, mbuf) != 0)
		fail("the ring is too small");
}

/* Takes the answers; returns how many there were. */
static unsigned int
path_take(struct path *path)
{
	unsigned int count = 0;
	void *mbuf;

	for (; rte_ring_dequeue(path->out, &mbuf) == 0; count++)
		rte_pktmbuf_free(mbuf);
	return count;
}

static double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What callgrind counts: a function of its own, however much is inlined elsewhere. */
static __attribute__((noipa)) int
path_serve(struct worker *worker)
{
	return worker_run(worker);
}

/*
 * Serves `frames` messages; returns the seconds that the worker took. Those of TCP come by connections
 * made for the run, which the worker resets as it stops: a few of its instructions are for that.
 */
static double
path_run(struct path *path, const struct path_case *what, unsigned int frames)
{
	unsigned int resets = what->answer != 0 ? PATH_STREAMS : 0;
	uint64_t sent = path->worker->tcp_stats.bytes_out;
	double began;

	if (what->answer != 0 && path_streams_connect(&path->streams, path->worker) != 0)
		fail("the worker takes no connections");
	for (unsigned int i = 0; i < frames; i++)
		path_put_message(path, what, i);
	began = seconds_now();
	if (path_serve(path->worker) != 0)
		fail("the worker did not start");
	began = seconds_now() - began;
	if (path_take(path) != frames + resets ||
	    path->worker->tcp_stats.bytes_out - sent != (uint64_t)frames * what->answer)
		fail("not every message was answered");
	return began;
}

static void
path_measure(struct path *path, const struct path_case *what, uint64_t requests)
{
	double rounds[ROUNDS];
	uint64_t runs = requests / ((uint64_t)FRAMES * what->width) + 1;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		rounds[i] = 0;
		for (uint64_t run = 0; run < runs; run++) {
			rounds[i] += path_run(path, what, FRAMES);
			keys_passed = (keys_passed + FRAMES * what->width) % keys;
			store_janitor(path->store);
		}
		rounds[i] /= (double)(runs * FRAMES * what->width);
	}
	qsort(rounds, ROUNDS, sizeof(rounds[0]), by_value);
	printf("%-20s %8.1f ns (%.1f .. %.1f)\n", what->name, rounds[ROUNDS / 2] * 1e9,
	       rounds[0] * 1e9, rounds[ROUNDS - 1] * 1e9);
}

static void
path_close(struct path *path)
{
	rte_eth_dev_stop(path->port);
	rte_eth_dev_close(path->port);
	tcp_destroy(path->worker->tcp);
	free(path->worker);
	store_destroy(path->store);
	eal_end();
}

/* Stores all keys, not by way of the worker: callgrind is to count the case alone. */
static void
path_store_keys(struct path *path)
{
	struct store_worker *worker;

	if (store_worker_open(path->store, 0, &worker) != 0)
		fail("the store takes no worker");
	for (unsigned int i = 0; i < keys; i++) {
		uint8_t key[KEY_LENGTH + 1], value[VALUE_LENGTH];
		struct store_op op = {.verb = STORE_SET,
				      .key = key,
				      .key_length = KEY_LENGTH,
				      .data = value,
				      .data_length = VALUE_LENGTH};

		put_key_number(key, i);
		put_value(value);
		store_do(worker, &op);
		if (op.status != STORE_OK)
			fail("the store is too small");
		store_quiescent(worker);
		if (i % JANITOR_KEYS == 0)
			store_janitor(path->store);
	}
	store_worker_close(worker);
}

static void
path_run_cases(struct path *path, const char *only, uint64_t requests, bool once)
{
	bool found = false;

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		if (only != NULL && strcmp(only, cases[i].name) != 0)
			continue;
		found = true;
		if (once)
			path_run(path, &cases[i], (unsigned int)(requests / cases[i].width));
		else
			path_measure(path, &cases[i], requests);
	}
	if (!found)
		fail("no such case; --list names them");
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"case", required_argument, NULL, 'c'}, {"requests", required_argument, NULL, 'r'},
		{"keys", required_argument, NULL, 'k'}, {"once", no_argument, NULL, 'o'},
		{"list", no_argument, NULL, 'l'},	{NULL, 0, NULL, 0}};
	char *eal[] = {"path-bench",	 "--no-huge",	"--no-pci",	     "-m", "64",
		       "--no-telemetry", "--no-shconf", "--log-level=error", "-l", "0"};
	const char *only = NULL;
	uint64_t requests = 200000;
	bool once = false;
	struct path path;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'c') {
			only = optarg;
		} else if (option == 'r') {
			requests = strtoull(optarg, NULL, 0);
		} else if (option == 'k') {
			keys = (unsigned int)strtoul(optarg, NULL, 0);
		} else if (option == 'o') {
			once = true;
		} else if (option == 'l') {
			for (size_t i = 0; i < RTE_DIM(cases); i++)
				puts(cases[i].name);
			return 0;
		} else {
			return 2;
		}
	}
	if (keys % KEY_STEP == 0)
		fail("--keys must not be a multiple of 7919");
	if (once && requests > FRAMES)
		fail("--once takes at most 1024 requests");
	if (rte_eal_init(RTE_DIM(eal), eal) < 0)
		fail("EAL did not start");
	path_open(&path);
	path_store_keys(&path);
	path_run_cases(&path, only, requests, once);
	path_close(&path);
	return 0;
}
