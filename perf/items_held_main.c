/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * items-held - how many items memcached and the store hold with the same memory. Both are filled
 * with the same keys until they evict; each is counted by its own statistics, and its resident set
 * is read from the kernel. memcached runs as a child on a port of the loopback.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "perf/store_bench.h"
#include "perf/store_bench_jackdaw.h"
#include "perf/workload.h"

enum {
	OUT_SIZE = 1 << 16,
	STATS_SIZE = 1 << 14,
	CONNECT_TRIES = 200
};

struct settings {
	uint64_t memory; /* MiB */
	uint8_t key_size;
	uint32_t value_size;
	const char *memcached;
	const char *json;
};

struct held {
	uint64_t items, evictions;
	uint64_t rss;		  /* bytes */
	struct store_stats store; /* the store's alone */
};

static void __attribute__((noreturn)) fail(const char *what, const char *why)
{
	fprintf(stderr, "items-held: %s: %s\n", what, why);
	exit(1);
}

/* Bytes resident of a process. */
static uint64_t
resident(pid_t pid)
{
	char path[64], line[256];
	unsigned long kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "r");
	if (file == NULL)
		fail(path, strerror(errno));
	while (fgets(line, sizeof(line), file) != NULL && sscanf(line, "VmRSS: %lu", &kib) != 1)
		;
	fclose(file);
	return kib << 10;
}

/* --- memcached ---------------------------------------------------------------------------- */

/* A port of the loopback that was free a moment ago. */
static uint16_t
free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (s < 0 || bind(s, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    getsockname(s, (struct sockaddr *)&address, &length) != 0)
		fail("loopback", strerror(errno));
	close(s);
	return ntohs(address.sin_port);
}

static pid_t
start_memcached(const struct settings *settings, uint16_t port)
{
	char port_text[16], memory_text[32];
	pid_t pid = fork();

	if (pid < 0)
		fail("fork", strerror(errno));
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* never outlives us */
	snprintf(port_text, sizeof(port_text), "%u", port);
	snprintf(memory_text, sizeof(memory_text), "%lu", settings->memory);
	execlp(settings->memcached, settings->memcached, "-u", "root", "-l", "127.0.0.1", "-p",
	       port_text, "-U", "0", "-m", memory_text, "-t", "1", (char *)NULL);
	_exit(127);
}

static int
connect_memcached(const struct settings *settings, pid_t pid, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timespec pause = {.tv_nsec = 10000000};

	for (int i = 0; i < CONNECT_TRIES; i++) {
		int s = socket(AF_INET, SOCK_STREAM, 0);

		if (s < 0)
			fail("socket", strerror(errno));
		if (connect(s, (struct sockaddr *)&address, sizeof(address)) == 0)
			return s;
		close(s);
		if (waitpid(pid, NULL, WNOHANG) == pid)
			fail(settings->memcached, "did not start");
		nanosleep(&pause, NULL); /* it tells nobody when it listens */
	}
	fail(settings->memcached, "does not listen");
}

static void
send_all(int s, const void *data, size_t length)
{
	for (size_t sent = 0; sent < length;) {
		ssize_t n = write(s, (const char *)data + sent, length - sent);

		if (n < 0 && errno != EINTR)
			fail("memcached", strerror(errno));
		sent += n > 0 ? (size_t)n : 0;
	}
}

/* Stores `count` keys, unanswered. */
static void
feed_memcached(int s, const struct trial_plan *plan, uint64_t count)
{
	size_t each = plan->key_size + plan->value_size + 64u, used = 0;
	char *out = malloc(OUT_SIZE + each);

	if (out == NULL)
		fail("buffer", strerror(ENOMEM));
	for (uint64_t rank = 0; rank < count; rank++) {
		memcpy(out + used, "set ", 4);
		used += 4;
		trial_key(plan, rank, (uint8_t *)out + used);
		used += plan->key_size;
		used += (size_t)sprintf(out + used, " 0 0 %u noreply\r\n", plan->value_size);
		memset(out + used, 'x', plan->value_size);
		used += plan->value_size;
		memcpy(out + used, "\r\n", 2);
		used += 2;
		if (used >= OUT_SIZE || rank + 1 == count) {
			send_all(s, out, used);
			used = 0;
		}
	}
	free(out);
}

/* Asks for the statistics, which also waits until all before has been stored. */
static void
ask_memcached(int s, struct held *held)
{
	char text[STATS_SIZE];
	const char *items, *evictions;
	size_t length = 0;

	send_all(s, "stats\r\n", 7);
	do {
		ssize_t n = read(s, text + length, sizeof(text) - 1 - length);

		if (n <= 0)
			fail("memcached", "no statistics");
		length += (size_t)n;
		text[length] = '\0';
	} while (strstr(text, "END\r\n") == NULL);
	items = strstr(text, "STAT curr_items ");
	evictions = strstr(text, "STAT evictions ");
	if (items == NULL || evictions == NULL)
		fail("memcached", "statistics without curr_items and evictions");
	held->items = strtoull(items + strlen("STAT curr_items "), NULL, 10);
	held->evictions = strtoull(evictions + strlen("STAT evictions "), NULL, 10);
}

static void
hold_memcached(const struct settings *settings, const struct trial_plan *plan, struct held *held)
{
	uint16_t port = free_port();
	pid_t pid = start_memcached(settings, port);
	int s = connect_memcached(settings, pid, port);

	feed_memcached(s, plan, plan->items);
	ask_memcached(s, held);
	held->rss = resident(pid);
	close(s);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

/* --- the store ---------------------------------------------------------------------------- */

static void
hold_store(const struct trial_plan *plan, struct held *held)
{
	struct trial_subject *subject = trial_jackdaw.create(plan);

	if (subject == NULL)
		exit(1);
	trial_load(subject);
	trial_jackdaw_stats(subject, &held->store);
	held->items = held->store.items;
	held->evictions = held->store.evictions;
	held->rss = resident(getpid());
	subject->ops->destroy(subject);
}

/* --- options and output ------------------------------------------------------------------- */

static const char usage[] = "usage: items-held [options]\n"
			    "How many items memcached and the store hold with the same memory.\n"
			    "  --memory MIB      of each (default 512)\n"
			    "  --key N           bytes (default 16)\n"
			    "  --value N         bytes (default 32)\n"
			    "  --memcached PATH  (default memcached)\n"
			    "  --json FILE       write the result there\n"
			    "  --help\n";

static uint64_t
parse_number(const char *option, const char *text, uint64_t low, uint64_t high)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (end == text || *end != '\0' || text[0] == '-' || errno != 0 || value < low ||
	    value > high) {
		fprintf(stderr, "items-held: --%s %s: wants a number from %lu to %lu\n", option,
			text, low, high);
		exit(2);
	}
	return value;
}

static void
parse_options(struct settings *settings, int argc, char **argv)
{
	static const struct option options[] = {{"memory", required_argument, NULL, 'm'},
						{"key", required_argument, NULL, 'k'},
						{"value", required_argument, NULL, 'v'},
						{"memcached", required_argument, NULL, 'p'},
						{"json", required_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'm') {
			settings->memory = parse_number("memory", optarg, 64, 1 << 20);
		} else if (c == 'k') {
			settings->key_size =
				(uint8_t)parse_number("key", optarg, WORKLOAD_KEY_MIN, 250);
		} else if (c == 'v') {
			settings->value_size =
				(uint32_t)parse_number("value", optarg, 1, 100 << 10);
		} else if (c == 'p') {
			settings->memcached = optarg;
		} else if (c == 'j') {
			settings->json = optarg;
		} else if (c == 'h') {
			fputs(usage, stdout);
			exit(0);
		} else {
			fprintf(stderr, "items-held: see --help\n");
			exit(2);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "items-held: what is '%s'? See --help\n", argv[optind]);
		exit(2);
	}
}

static void
print_held(const char *who, const struct held *held, uint64_t memory)
{
	printf("%-10s %12lu %12lu %10.1f %9.1f %%\n", who, held->items, held->evictions,
	       (double)held->rss / 0x1p20,
	       100 * ((double)held->rss / ((double)memory * 0x1p20) - 1));
}

/* Where the store's memory went, in bytes an item held. */
static void
print_division(const struct held *held)
{
	const struct store_stats *s = &held->store;
	double each = (double)held->items;
	double limit = (double)s->memory_limit, segment, rest;

	segment = s->segments > 0 ? limit / (double)s->segments : 0;
	printf("an item's share of the memory: key and value %.1f, header %.1f, dead %.1f, slack "
	       "%.1f, free segments %.1f",
	       (double)(s->bytes_keys + s->bytes_values) / each, (double)s->bytes_headers / each,
	       (double)s->bytes_dead / each, (double)s->bytes_slack / each,
	       segment * (double)(s->segments_free + s->segments_retired) / each);
	rest = limit -
	       (double)(s->bytes_keys + s->bytes_values + s->bytes_headers + s->bytes_dead +
			s->bytes_slack) -
	       segment * (double)(s->segments_free + s->segments_retired);
	printf(", index and all else %.1f; in all %.1f bytes\n", rest / each, limit / each);
}

static void
write_json(const struct settings *settings, const struct held *theirs, const struct held *ours)
{
	FILE *file = fopen(settings->json, "w");

	if (file == NULL)
		fail(settings->json, strerror(errno));
	fprintf(file,
		"{\"memory_mib\": %lu, \"key\": %u, \"value\": %u, \"memcached_items\": %lu, "
		"\"memcached_rss\": %lu, \"jackdaw_items\": %lu, \"jackdaw_rss\": %lu, "
		"\"ratio\": %.3f}\n",
		settings->memory, settings->key_size, settings->value_size, theirs->items,
		theirs->rss, ours->items, ours->rss, (double)ours->items / (double)theirs->items);
	if (fclose(file) != 0)
		fail(settings->json, strerror(errno));
}

int
main(int argc, char **argv)
{
	struct settings settings = {
		.memory = 512, .key_size = 16, .value_size = 32, .memcached = "memcached"};
	struct held theirs, ours;
	struct trial_plan plan;

	parse_options(&settings, argc, argv);
	plan = (struct trial_plan){.key_size = settings.key_size,
				   .value_size = settings.value_size,
				   .workers = 1,
				   .batch = 1,
				   .memory = settings.memory << 20};
	/* twice what key, value and a header would allow: both must evict */
	plan.items = 2 * plan.memory / (settings.key_size + settings.value_size + 16u);
	hold_memcached(&settings, &plan, &theirs);
	hold_store(&plan, &ours);
	printf("%lu MiB, %u-byte keys, %u-byte values, %lu keys stored\n", settings.memory,
	       settings.key_size, settings.value_size, plan.items);
	printf("%-10s %12s %12s %10s %11s\n", "", "items", "evictions", "RSS MiB", "over limit");
	print_held("memcached", &theirs, settings.memory);
	print_held("jackdaw", &ours, settings.memory);
	if (theirs.evictions == 0 || ours.evictions == 0)
		fail("filling", "one of the two did not evict: the counts tell nothing");
	printf("items held: %.2f times memcached's\n", (double)ours.items / (double)theirs.items);
	print_division(&ours);
	if (settings.json != NULL)
		write_json(&settings, &theirs, &ours);
	return 0;
}
