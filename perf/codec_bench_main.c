/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the codecs cost by themselves: a request is parsed, its outcome filled in by hand in place of
 * the store, and its reply written. Time is the median of several rounds; instructions are counted
 * by callgrind, as the difference of two runs of different length (build with ARCH=x86-64-v3:
 * valgrind doesn't know AVX-512).
 *
 *     codec-bench [--case NAME] [--count N] [--instructions]
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/proto/gets.h"
#include "perf/timing.h"

enum {
	MESSAGES = 64, /* in different places, as packets are */
	REQUESTS = 64, /* of one message at most */
	MESSAGE_ROOM = 2048,
	ROUNDS = 11,
	VALUE_LENGTH = 32,
	CASES_MAX = 16,
};

struct bench_case {
	const char *name;
	const char *bytes;
	size_t length;
	uint8_t status; /* enum store_status that the store is made to have answered */
};

#define KEY	      "0123456789abcdef"
#define VALUE	      "0123456789abcdef0123456789ABCDEF"
#define KEYS_5	      " " KEY " " KEY " " KEY " " KEY " " KEY
#define ZERO_8	      "\0\0\0\0\0\0\0\0"
#define BINARY_GET(o) "\x80" o "\0\x10\0\0\0\0\0\0\0\x10" ZERO_8 "\0\0\0\0" KEY
#define BINARY_SET    "\x80\1\0\x10\x8\0\0\0\0\0\0\x38" ZERO_8 "\0\0\0\0" ZERO_8 KEY VALUE
#define CASE(name, bytes, status)                                                                  \
	{                                                                                          \
		name, bytes, sizeof(bytes) - 1, status                                             \
	}

static const struct bench_case cases[] = {
	CASE("text-get", "get " KEY "\r\n", STORE_OK),
	CASE("text-get-miss", "get " KEY "\r\n", STORE_NOT_FOUND),
	CASE("text-gets", "gets " KEY "\r\n", STORE_OK),
	CASE("text-get-10-keys", "get" KEYS_5 KEYS_5 "\r\n", STORE_OK),
	CASE("text-set", "set " KEY " 0 0 32\r\n" VALUE "\r\n", STORE_OK),
	CASE("text-incr", "incr " KEY " 1\r\n", STORE_OK),
	CASE("text-delete", "delete " KEY "\r\n", STORE_OK),
	CASE("binary-get", BINARY_GET("\0"), STORE_OK),
	CASE("binary-getk", BINARY_GET("\x0c"), STORE_OK),
	CASE("binary-getq-miss", BINARY_GET("\x09"), STORE_NOT_FOUND),
	CASE("binary-set", BINARY_SET, STORE_OK),
};

struct bench {
	uint8_t message[MESSAGES][MESSAGE_ROOM];
	uint8_t answer[MESSAGES][MESSAGE_ROOM];
	uint8_t value[VALUE_LENGTH];
	uint8_t key[16];
	struct request request[REQUESTS];
};

static int
no_more_pieces(struct reply *reply)
{
	(void)reply;
	return -1;
}

/* What the store would have found. */
static inline void
fill_in(struct bench *bench, struct store_op *op, uint8_t status)
{
	op->status = status;
	op->value = bench->value;
	op->value_length = sizeof(bench->value);
	op->item_key = bench->key;
	op->cas = 12345;
	op->flags = 0;
}

/* Reads a datagram as the worker's batch does. */
static unsigned int
read_message(struct bench *bench, const uint8_t *message, size_t length)
{
	static const struct parse_limits limits = {.item_size_max = 1 << 20};
	struct stream stream = {.datagram = true};
	unsigned int requests = 0;
	size_t consumed =
		requests_take_plain(&limits, message, length, bench->request, REQUESTS, &requests);

	if (consumed != length)
		requests_parse(&stream, &limits, message + consumed, length - consumed,
			       bench->request, REQUESTS, &requests, &consumed);
	return requests;
}

/* Returns the bytes answered, so that no work can be left out. */
static uint64_t
run(struct bench *bench, const struct bench_case *what, uint64_t count)
{
	struct server server = {.version = "1.6.18"};
	struct reply reply = {.extend = no_more_pieces};
	uint64_t answered = 0;

	for (uint64_t i = 0; i < count; i++) {
		uint8_t *answer = bench->answer[i % MESSAGES];
		unsigned int requests =
			read_message(bench, bench->message[i % MESSAGES], what->length);

		reply.cursor = answer;
		reply.limit = answer + MESSAGE_ROOM;
		for (unsigned int r = 0; r < requests; r++)
			fill_in(bench, &bench->request[r].op, what->status);
		requests_write(&server, bench->request, requests, &reply);
		answered += (uint64_t)(reply.cursor - answer);
	}
	return answered;
}

static double
median_time(struct bench *bench, const struct bench_case *what, uint64_t count)
{
	double round[ROUNDS];

	for (unsigned int i = 0; i < ROUNDS; i++) {
		double started = nanoseconds_now();

		run(bench, what, count);
		round[i] = (nanoseconds_now() - started) / (double)count;
	}
	qsort(round, ROUNDS, sizeof(round[0]), by_value);
	return round[ROUNDS / 2];
}

/* Instructions of a run of this program under callgrind; 0 if that didn't work. */
static uint64_t
collected(const char *program, const char *name, uint64_t count)
{
	char line[512];
	uint64_t instructions = 0;
	FILE *pipe;

	snprintf(line, sizeof(line),
		 "valgrind --tool=callgrind --callgrind-out-file=/dev/null %s --case %s "
		 "--count %" PRIu64 " --once 2>&1",
		 program, name, count);
	pipe = popen(line, "r");
	while (pipe != NULL && fgets(line, sizeof(line), pipe) != NULL) {
		const char *found = strstr(line, "Collected : ");

		if (found != NULL)
			instructions = strtoull(found + strlen("Collected : "), NULL, 10);
	}
	if (pipe != NULL)
		pclose(pipe);
	return instructions;
}

static void
print_case(struct bench *bench, const struct bench_case *what, const char *program, uint64_t count,
	   bool instructions)
{
	uint64_t few, many;

	if (!instructions) {
		printf("%-20s %8.1f ns\n", what->name, median_time(bench, what, count));
		return;
	}
	few = collected(program, what->name, 1000);
	many = collected(program, what->name, 11000);
	if (few == 0 || many == 0)
		printf("%-20s callgrind failed\n", what->name);
	else
		printf("%-20s %8.1f instructions\n", what->name, (double)(many - few) / 10000);
}

/* Runs the cases asked for; once: just one, without a report. */
static int
run_cases(struct bench *bench, const char *program, const char *only, uint64_t count, bool once,
	  bool instructions)
{
	uint64_t answered = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (only != NULL && strcmp(only, cases[i].name) != 0)
			continue;
		for (unsigned int m = 0; m < MESSAGES; m++)
			memcpy(bench->message[m], cases[i].bytes, cases[i].length);
		if (once)
			answered += run(bench, &cases[i], count);
		else
			print_case(bench, &cases[i], program, count, instructions);
	}
	return once && answered == 0;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"case", required_argument, NULL, 'n'},
						{"count", required_argument, NULL, 'c'},
						{"instructions", no_argument, NULL, 'i'},
						{"once", no_argument, NULL, 'o'},
						{NULL, 0, NULL, 0}};
	struct bench *bench;
	const char *only = NULL;
	bool instructions = false, once = false;
	uint64_t count = 1000000;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'n')
			only = optarg;
		else if (option == 'c')
			count = strtoull(optarg, NULL, 0);
		else if (option == 'i')
			instructions = true;
		else if (option == 'o')
			once = true;
		else
			return 2;
	}
	if (count == 0)
		return 2;
	bench = calloc(1, sizeof(*bench));
	if (bench == NULL)
		return 2;
	memcpy(bench->value, VALUE, sizeof(bench->value));
	memcpy(bench->key, KEY, sizeof(bench->key));
	status = run_cases(bench, argv[0], only, count, once, instructions);
	free(bench);
	return status;
}
