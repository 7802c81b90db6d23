/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * jackdaw-bench: the load generator. See --help.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "perf/bench_client.h"
#include "perf/bench_report.h"

static struct client client;

/* ^C: what was measured so far is still told. */
static void
on_signal(int number)
{
	(void)number;
	atomic_store_explicit(&client.stop, true, memory_order_relaxed); /* only a wish to end */
}

static double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Shows a line a second on a terminal until the client is through. */
static void
watch(const struct bench_options *options)
{
	struct pollfd done = {.fd = client.done_fd, .events = POLLIN};
	bool terminal = isatty(STDERR_FILENO) && !options->quiet;
	struct report_live last = {0};
	double before = seconds_now();

	while (poll(&done, 1, terminal ? 1000 : -1) <= 0) {
		double now = seconds_now();

		if (terminal)
			report_live(&client, &last, now - before, stderr);
		before = now;
	}
	if (terminal)
		fputs("\r\033[K", stderr);
}

static int
write_json(const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
	bool failed;

	if (file == NULL) {
		fprintf(stderr, "jackdaw-bench: %s: %s\n", path, strerror(errno));
		return 1;
	}
	report_json(&client, file);
	failed = ferror(file) != 0;
	if (file != stdout)
		failed |= fclose(file) != 0;
	if (failed)
		fprintf(stderr, "jackdaw-bench: %s: can't be written\n", path);
	return failed;
}

static int
measure(const struct bench_options *options)
{
	struct sigaction action = {.sa_handler = on_signal};
	int status = client_open(&client, options), failed = 0;

	if (status == 0) {
		sigaction(SIGINT, &action, NULL);
		sigaction(SIGTERM, &action, NULL);
		status = client.transport->start(&client);
		if (status == 0) {
			watch(options);
			status = client.transport->join(&client);
		}
		if (status == 0 && client.measured) {
			if (strcmp(options->json, "-") != 0)
				report_text(&client, stdout);
			if (options->json[0] != '\0')
				failed = write_json(options->json);
		}
		client_close(&client);
	}
	if (status != 0)
		fprintf(stderr, "jackdaw-bench: %s\n", client.error);
	return status != 0 || failed;
}

int
main(int argc, char **argv)
{
	struct bench_options options;
	enum bench_action action;
	char error[BENCH_ERROR_SIZE];

	if (bench_options_read(&options, &action, argc, argv, error) != 0) {
		fprintf(stderr, "jackdaw-bench: %s\n", error);
		return 2;
	}
	if (action == BENCH_HELP) {
		bench_help(stdout);
		return 0;
	}
	if (action == BENCH_VERSION) {
		puts("jackdaw-bench " JACKDAW_VERSION);
		return 0;
	}
	return measure(&options);
}
