/* SPDX-License-Identifier: BSD-3-Clause */
/* Events from many threads to lines at many watchers: order, what is lost, and that it is counted. */
#include "dataplane/watch.h"

#include <pthread.h>
#include <stdio.h>

#include "tests/suite.h"

enum {
	WORKERS = 3,
	HZ = 1000000, /* a tick is a microsecond */
	TORTURE_EVENTS = 100000,
};

static const struct watch_clock clock_start = {
	.tsc = 1000, .tsc_hz = HZ, .unix_us = 1700000000000000};

static struct watch *
open_watch(void)
{
	struct watch *watch = NULL;

	CU_ASSERT_EQUAL_FATAL(watch_create(&watch, WORKERS), 0);
	return watch;
}

static bool
relay(struct watch *watch)
{
	uint64_t wake;

	return watch_relay(watch, &clock_start, &wake);
}

static void
tell(struct watch *watch, unsigned int source, uint64_t time, enum event_type type, const char *key)
{
	struct event event = {
		.time = time,
		.type = (uint8_t)type,
		.key_length = (uint8_t)strlen(key),
		.command = "set",
		.connection = 7,
	};

	watch_tell(watch, source, &event, (const uint8_t *)key);
}

/* All text that is there, taken. Lives until the next call. */
static const char *
text_of(struct watch *watch, int number)
{
	static char text[WATCH_TEXT_SIZE + 1];
	struct byte_ring *ring = &watch->watcher[number].text;
	size_t length = byte_ring_used(ring);

	byte_ring_peek(ring, 0, text, length);
	byte_ring_take(ring, length);
	text[length] = '\0';
	return text;
}

static unsigned int
lines_of(const char *text)
{
	unsigned int lines = 0;

	while ((text = strchr(text, '\n')) != NULL) {
		lines++;
		text++;
	}
	return lines;
}

/* --- the ring ------------------------------------------------------------------------------- */

static void
bytes_go_round(void)
{
	struct byte_ring ring;
	uint8_t in[40], out[40];
	const uint8_t *span;

	CU_ASSERT_EQUAL_FATAL(byte_ring_create(&ring, 64), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		size_t head = i % 17, rest = i % 23;

		for (unsigned int j = 0; j < sizeof(in); j++)
			in[j] = (uint8_t)(i + j);
		CU_ASSERT_EQUAL(byte_ring_room(&ring), 64);
		byte_ring_put(&ring, in, head, in + head, rest);
		CU_ASSERT_EQUAL_FATAL(byte_ring_used(&ring), head + rest);
		CU_ASSERT_EQUAL(byte_ring_room(&ring), 64 - head - rest);
		byte_ring_peek(&ring, 0, out, head + rest);
		CU_ASSERT_EQUAL(memcmp(in, out, head + rest), 0);
		if (rest != 0) {
			byte_ring_peek(&ring, head, out, rest);
			CU_ASSERT_EQUAL(memcmp(in + head, out, rest), 0);
		}
		for (size_t taken = 0; taken < head + rest;) {
			size_t length = byte_ring_span(&ring, &span, 5);

			CU_ASSERT_FATAL(length != 0 && length <= 5);
			CU_ASSERT_EQUAL(memcmp(in + taken, span, length), 0);
			byte_ring_take(&ring, length);
			taken += length;
		}
		CU_ASSERT_EQUAL(byte_ring_span(&ring, &span, 5), 0);
	}
	byte_ring_destroy(&ring);
}

/* --- who is told what ----------------------------------------------------------------------- */

static void
nothing_is_wanted_until_somebody_joins(void)
{
	struct watch *watch = open_watch();
	int first, second;

	CU_ASSERT_EQUAL(watch_wanted(NULL), 0);
	CU_ASSERT_EQUAL(watch_wanted(watch), 0);
	CU_ASSERT(watch_is_idle(watch));
	first = watch_join(watch, 1, EVENT_FETCHERS | EVENT_NOTHING, 10);
	second = watch_join(watch, 2, EVENT_FETCHERS | EVENT_EVICTIONS, 10);
	CU_ASSERT_FATAL(first == 0 && second == 1);
	CU_ASSERT(!watch_is_idle(watch));
	CU_ASSERT_EQUAL(watch_wanted(watch), EVENT_FETCHERS | EVENT_EVICTIONS);
	relay(watch);
	CU_ASSERT_EQUAL(watch_wanted(watch), EVENT_FETCHERS | EVENT_EVICTIONS);
	watch_leave(watch, 1);
	relay(watch);
	CU_ASSERT_EQUAL(watch_wanted(watch), EVENT_FETCHERS);
	watch_leave(watch, 0);
	relay(watch);
	CU_ASSERT_EQUAL(watch_wanted(watch), 0);
	CU_ASSERT(watch_is_idle(watch));
	watch_destroy(watch);
}

static void
each_gets_its_kinds_in_order_of_time(void)
{
	struct watch *watch = open_watch();
	uint64_t wake;

	watch_join(watch, 0, EVENT_FETCHERS, 100);
	watch_join(watch, 2, EVENT_FETCHERS | EVENT_MUTATIONS, 100);
	tell(watch, 0, 99, EVENT_ITEM_GET, "before");
	tell(watch, 0, 104, EVENT_ITEM_GET, "d");
	tell(watch, 1, 101, EVENT_ITEM_GET, "a");
	tell(watch, 1, 103, EVENT_ITEM_STORE, "c");
	tell(watch, 2, 102, EVENT_ITEM_GET, "b");
	tell(watch, WORKERS, 105, EVENT_EVICTION, "e");
	CU_ASSERT(!watch_relay(watch, &clock_start, &wake));
	CU_ASSERT_EQUAL(wake, 1 << 0 | 1 << 2);
	CU_ASSERT_STRING_EQUAL(text_of(watch, 0),
			       "ts=1699999999.999101 gid=2 type=item_get key=a status=not_found "
			       "clsid=0 cfd=7 size=0\n"
			       "ts=1699999999.999102 gid=3 type=item_get key=b status=not_found "
			       "clsid=0 cfd=7 size=0\n"
			       "ts=1699999999.999104 gid=5 type=item_get key=d status=not_found "
			       "clsid=0 cfd=7 size=0\n");
	CU_ASSERT_STRING_EQUAL(text_of(watch, 1),
			       "ts=1699999999.999101 gid=2 type=item_get key=a status=not_found "
			       "clsid=0 cfd=7 size=0\n"
			       "ts=1699999999.999102 gid=3 type=item_get key=b status=not_found "
			       "clsid=0 cfd=7 size=0\n"
			       "ts=1699999999.999103 gid=4 type=item_store key=c "
			       "status=not_stored cmd=set ttl=0 clsid=0 cfd=7 size=0\n"
			       "ts=1699999999.999104 gid=5 type=item_get key=d status=not_found "
			       "clsid=0 cfd=7 size=0\n");
	CU_ASSERT(!watch_relay(watch, &clock_start, &wake));
	CU_ASSERT_EQUAL(wake, 0);
	watch_destroy(watch);
}

static void
there_may_be_twenty(void)
{
	struct watch *watch = open_watch();
	struct watch_stats stats;

	for (int i = 0; i < WATCHERS_MAX; i++)
		CU_ASSERT_EQUAL(watch_join(watch, 0, EVENT_FETCHERS, 0), i);
	CU_ASSERT_EQUAL(watch_join(watch, 0, EVENT_FETCHERS, 0), -EBUSY);
	watch_read_stats(watch, &stats);
	CU_ASSERT_EQUAL(stats.watchers, WATCHERS_MAX);
	watch_leave(watch, 5);
	CU_ASSERT_EQUAL(watch_join(watch, 0, EVENT_FETCHERS, 0), -EBUSY);
	tell(watch, 0, 1, EVENT_ITEM_GET, "old"); /* for those who were there */
	relay(watch);
	CU_ASSERT_EQUAL(lines_of(text_of(watch, 4)), 1);
	/* who comes next finds nothing of it */
	CU_ASSERT_EQUAL(watch_join(watch, 0, EVENT_FETCHERS, 0), 5);
	relay(watch);
	CU_ASSERT_EQUAL(lines_of(text_of(watch, 5)), 0);
	watch_destroy(watch);
}

/* A word that changed while the relay looked must not be put back. */
static void
joining_is_not_undone(void)
{
	struct watch *watch = open_watch();

	for (unsigned int i = 0; i < 1000; i++) {
		int number = watch_join(watch, 0, EVENT_MUTATIONS, 0);

		CU_ASSERT_FATAL(number >= 0);
		CU_ASSERT_EQUAL(watch_wanted(watch), EVENT_MUTATIONS);
		watch_leave(watch, (unsigned int)number);
		CU_ASSERT_EQUAL(watch_join(watch, 0, EVENT_MUTATIONS, 0), number + 1);
		relay(watch);
		CU_ASSERT_EQUAL(watch_wanted(watch), EVENT_MUTATIONS);
		watch_leave(watch, (unsigned int)number + 1);
		relay(watch);
		CU_ASSERT_EQUAL(watch_wanted(watch), 0);
	}
	watch_destroy(watch);
}

/* --- what finds no room --------------------------------------------------------------------- */

static void
fetches_leave_room_for_the_rest(void)
{
	struct watch *watch = open_watch();
	struct watch_stats stats;
	unsigned int before = WATCH_EVENTS_SIZE / (sizeof(struct event) + 3), told = 0;

	watch_join(watch, 0, EVENT_FETCHERS | EVENT_EVICTIONS, 0);
	for (unsigned int i = 0; i < 100000; i++)
		tell(watch, 0, i, EVENT_ITEM_GET, "key");
	watch_read_stats(watch, &stats);
	CU_ASSERT_EQUAL(stats.written + stats.dropped, 100000);
	/* three quarters of the ring, the last of those sampled */
	CU_ASSERT(stats.written <= before * 3 / 4 + 1 && stats.written > before * 3 / 4 - 10);
	for (unsigned int i = 0; i < before; i++)
		tell(watch, 0, 100000 + i, EVENT_EVICTION, "key");
	watch_read_stats(watch, &stats);
	CU_ASSERT(stats.written >= before - 1 && stats.written <= before);
	CU_ASSERT_EQUAL(stats.written + stats.dropped, 100000 + before);
	while (relay(watch))
		told += lines_of(text_of(watch, 0));
	told += lines_of(text_of(watch, 0));
	watch_read_stats(watch, &stats);
	CU_ASSERT_EQUAL(stats.sent + stats.skipped, stats.written);
	/* a line more for each run of those skipped */
	CU_ASSERT(told >= stats.sent);
	watch_destroy(watch);
}

static void
a_slow_watcher_loses_lines_and_is_told(void)
{
	struct watch *watch = open_watch();
	struct watch_stats stats;
	unsigned int lines;
	const char *text;
	char wanted[32];

	watch_join(watch, 0, EVENT_EVICTIONS, 0);
	watch_join(watch, 1, EVENT_EVICTIONS, 0);
	for (unsigned int i = 0; i < 10000; i++) {
		tell(watch, 1, i, EVENT_EVICTION, "some key that is not short");
		relay(watch);
		if (i % 100 == 99)
			text_of(watch, 1); /* this one reads */
	}
	watch_read_stats(watch, &stats);
	CU_ASSERT_EQUAL(stats.dropped, 0);
	CU_ASSERT_EQUAL(stats.sent + stats.skipped, 20000);
	CU_ASSERT(stats.skipped > 0);
	lines = lines_of(text_of(watch, 0));
	CU_ASSERT_EQUAL(lines, 10000 - stats.skipped);
	tell(watch, 1, 10000, EVENT_EVICTION, "k");
	relay(watch);
	text = text_of(watch, 0);
	snprintf(wanted, sizeof(wanted), "skipped=%u\n", (unsigned int)stats.skipped);
	CU_ASSERT_EQUAL(strncmp(text, wanted, strlen(wanted)), 0);
	CU_ASSERT_EQUAL(lines_of(text), 2);
	tell(watch, 1, 10001, EVENT_EVICTION, "k");
	relay(watch);
	CU_ASSERT_EQUAL(lines_of(text_of(watch, 0)), 1);
	watch_destroy(watch);
}

/* --- all at once ---------------------------------------------------------------------------- */

struct teller {
	struct watch *watch;
	unsigned int source;
};

static void *
teller_run(void *argument)
{
	const struct teller *teller = argument;
	char key[24];

	for (unsigned int i = 0; i < TORTURE_EVENTS; i++) {
		snprintf(key, sizeof(key), "%u-%u", teller->source, i);
		/* who finds no room waits: all must arrive */
		while (byte_ring_room(&teller->watch->source[teller->source].events) < 200)
			;
		tell(teller->watch, teller->source, i, EVENT_EVICTION, key);
	}
	return NULL;
}

struct relaying {
	struct watch *watch;
	atomic_bool stop;
};

static void *
relay_run(void *argument)
{
	struct relaying *relaying = argument;

	while (!atomic_load(&relaying->stop))
		relay(relaying->watch);
	return NULL;
}

/* Every line is whole, and each source's are in order. */
static void
check_lines(char *text, uint64_t next[WORKERS], uint64_t *lines)
{
	char *line, *rest;

	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		unsigned long long seconds, gid;
		unsigned int us, source, number, skipped;

		if (sscanf(line, "skipped=%u", &skipped) == 1)
			continue;
		CU_ASSERT_EQUAL_FATAL(sscanf(line, "ts=%llu.%u gid=%llu type=eviction key=%u-%u ",
					     &seconds, &us, &gid, &source, &number),
				      5);
		CU_ASSERT_FATAL(source < WORKERS && number >= next[source]);
		next[source] = number + 1;
		(*lines)++;
	}
}

static void
threads_tell_at_once(void)
{
	struct watch *watch = open_watch();
	struct relaying relaying = {.watch = watch};
	struct teller tellers[WORKERS];
	pthread_t threads[WORKERS], relayer;
	uint64_t next[WORKERS] = {0}, lines = 0;
	static char text[WATCH_TEXT_SIZE + 1];
	struct watch_stats stats;

	atomic_init(&relaying.stop, false);
	watch_join(watch, 0, EVENT_EVICTIONS, 0);
	pthread_create(&relayer, NULL, relay_run, &relaying);
	for (unsigned int i = 0; i < WORKERS; i++) {
		tellers[i] = (struct teller){watch, i};
		pthread_create(&threads[i], NULL, teller_run, &tellers[i]);
	}
	/* as a worker would: whole lines at a time, since the ring holds nothing else */
	do {
		struct byte_ring *ring = &watch->watcher[0].text;
		size_t length = byte_ring_used(ring);

		byte_ring_peek(ring, 0, text, length);
		byte_ring_take(ring, length);
		text[length] = '\0';
		check_lines(text, next, &lines);
		watch_read_stats(watch, &stats);
	} while (stats.sent + stats.skipped < (uint64_t)WORKERS * TORTURE_EVENTS ||
		 byte_ring_used(&watch->watcher[0].text) != 0);
	for (unsigned int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&relaying.stop, true);
	pthread_join(relayer, NULL);
	CU_ASSERT_EQUAL(stats.dropped, 0);
	CU_ASSERT_EQUAL(stats.written, (uint64_t)WORKERS * TORTURE_EVENTS);
	CU_ASSERT_EQUAL(stats.sent, lines);
	watch_destroy(watch);
}

SUITE("watch", TEST(bytes_go_round), TEST(nothing_is_wanted_until_somebody_joins),
      TEST(each_gets_its_kinds_in_order_of_time), TEST(there_may_be_twenty),
      TEST(joining_is_not_undone), TEST(fetches_leave_room_for_the_rest),
      TEST(a_slow_watcher_loses_lines_and_is_told), TEST(threads_tell_at_once))
