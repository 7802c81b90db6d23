/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * udp-probe: a closed loop of memcached requests from one kernel UDP socket: `depth` of them are
 * always under way. Prints one line: operations a second and latencies.
 *
 * The socket is polled without sleeping, so that the figure is the server's and the wire's as far
 * as a kernel client allows. Any datagram of ours that comes back counts, so that an echo server
 * can be measured beside a cache with the same client; --set stores the key first.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	DEPTH_MAX = 64,
	DATAGRAM_MAX = 1400,
	SAMPLES_MAX = 1 << 22,
	LOST_AFTER_NS = 200 * 1000 * 1000,
};

struct probe {
	int socket;
	unsigned int depth;
	double seconds;
	size_t request_length, reply_length;
	uint8_t request[DATAGRAM_MAX];
	uint64_t sent_at[DEPTH_MAX]; /* by request id; 0: free */
	uint64_t answers, lost, wrong;
	uint32_t *samples; /* nanoseconds */
};

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void
die(const char *what)
{
	fprintf(stderr, "udp-probe: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
probe_send(struct probe *probe, unsigned int id, uint64_t now)
{
	probe->request[0] = 0;
	probe->request[1] = (uint8_t)id;
	probe->sent_at[id] = now;
	if (send(probe->socket, probe->request, probe->request_length, 0) < 0)
		die("send");
}

/* Takes one answer, if there is any, and sends the next request in its place. */
static void
probe_receive(struct probe *probe)
{
	uint8_t reply[DATAGRAM_MAX + 1];
	ssize_t length = recv(probe->socket, reply, sizeof(reply), MSG_DONTWAIT);
	uint64_t now;

	if (length < 0) {
		if (errno != EAGAIN)
			die("recv");
		return;
	}
	now = now_ns();
	if (length < 8 || reply[0] != 0 || reply[1] >= probe->depth)
		return;
	if (probe->reply_length != 0 && (size_t)length != probe->reply_length)
		probe->wrong++;
	probe->samples[probe->answers++ % SAMPLES_MAX] = (uint32_t)(now - probe->sent_at[reply[1]]);
	probe_send(probe, reply[1], now);
}

static void
probe_resend_lost(struct probe *probe)
{
	uint64_t now = now_ns();

	for (unsigned int id = 0; id < probe->depth; id++) {
		if (now - probe->sent_at[id] > LOST_AFTER_NS) {
			probe->lost++;
			probe_send(probe, id, now);
		}
	}
}

static int
by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
probe_print(struct probe *probe, double seconds)
{
	size_t count = probe->answers < SAMPLES_MAX ? probe->answers : SAMPLES_MAX;

	if (count == 0) {
		printf("ops_per_sec 0 lost %lu\n", probe->lost);
		exit(1);
	}
	qsort(probe->samples, count, sizeof(*probe->samples), by_value);
	printf("ops_per_sec %.0f p50_us %.1f p99_us %.1f p999_us %.1f lost %lu wrong %lu\n",
	       (double)probe->answers / seconds, probe->samples[count / 2] / 1e3,
	       probe->samples[count * 99 / 100] / 1e3, probe->samples[count * 999 / 1000] / 1e3,
	       probe->lost, probe->wrong);
}

static void
probe_run(struct probe *probe)
{
	uint64_t start = now_ns(), end = start + (uint64_t)(probe->seconds * 1e9);

	for (unsigned int id = 0; id < probe->depth; id++)
		probe_send(probe, id, start);
	while (now_ns() < end) {
		for (unsigned int i = 0; i < 1000; i++)
			probe_receive(probe);
		probe_resend_lost(probe);
	}
	probe_print(probe, (double)(now_ns() - start) / 1e9);
}

/* Stores key with a value of `size` bytes, and waits for the answer. */
static void
probe_set(struct probe *probe, const char *key, unsigned int size)
{
	struct timeval wait = {.tv_sec = 2};
	char datagram[DATAGRAM_MAX] = {0, 0, 0, 0, 0, 1, 0, 0};
	int length =
		8 + snprintf(datagram + 8, sizeof(datagram) - 8, "set %s 0 0 %u\r\n", key, size);
	ssize_t got;

	memset(datagram + length, 'v', size);
	memcpy(datagram + length + size, "\r\n", 2);
	setsockopt(probe->socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (send(probe->socket, datagram, (size_t)length + size + 2, 0) < 0)
		die("send");
	got = recv(probe->socket, datagram, sizeof(datagram), 0);
	if (got != 16 || memcmp(datagram + 8, "STORED\r\n", 8) != 0) {
		fprintf(stderr, "udp-probe: the key could not be set\n");
		exit(1);
	}
	probe->reply_length = 8 + strlen("VALUE  0 \r\n\r\nEND\r\n") + strlen(key) +
			      (size_t)snprintf(NULL, 0, "%u", size) + size;
}

static void
usage(void)
{
	fprintf(stderr,
		"usage: udp-probe [--host A] [--port N] [--depth 1..%d] [--seconds S] "
		"[--key K] [--set BYTES]\n",
		DEPTH_MAX);
	exit(2);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"host", required_argument, NULL, 'h'},
						{"port", required_argument, NULL, 'p'},
						{"depth", required_argument, NULL, 'd'},
						{"seconds", required_argument, NULL, 's'},
						{"key", required_argument, NULL, 'k'},
						{"set", required_argument, NULL, 'v'},
						{NULL, 0, NULL, 0}};
	struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(11211)};
	static struct probe probe = {.depth = 1, .seconds = 2};
	const char *key = "0123456789abcdef";
	unsigned int value = 0;
	int option;

	inet_aton("10.77.0.1", &server.sin_addr);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			if (!inet_aton(optarg, &server.sin_addr))
				usage();
			break;
		case 'p':
			server.sin_port = htons((uint16_t)atoi(optarg));
			break;
		case 'd':
			probe.depth = (unsigned int)atoi(optarg);
			break;
		case 's':
			probe.seconds = atof(optarg);
			break;
		case 'k':
			key = optarg;
			break;
		case 'v':
			value = (unsigned int)atoi(optarg);
			break;
		default:
			usage();
		}
	}
	if (probe.depth == 0 || probe.depth > DEPTH_MAX || probe.seconds <= 0 ||
	    strlen(key) > 250 || value > 1000)
		usage();
	probe.samples = malloc(SAMPLES_MAX * sizeof(*probe.samples));
	probe.socket = socket(AF_INET, SOCK_DGRAM, 0);
	if (probe.samples == NULL || probe.socket < 0 ||
	    connect(probe.socket, (struct sockaddr *)&server, sizeof(server)) != 0)
		die("socket");
	if (value != 0)
		probe_set(&probe, key, value);
	probe.request_length = 8 + (size_t)snprintf((char *)probe.request + 8, DATAGRAM_MAX - 8,
						    "get %s\r\n", key);
	probe.request[5] = 1;
	probe_run(&probe);
	return 0;
}
