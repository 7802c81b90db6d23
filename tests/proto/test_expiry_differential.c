/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When items expire and are flushed, ours and those of memcached 1.6.18, byte for byte: every way of
 * giving an item its time to live, with every kind of time, looked at in the second before it should
 * go, in that second and after it. memcached's clock stands still and is set by us (fake_clock.c),
 * as ours is, so years pass in a moment.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "tests/proto/peer.h"
#include "tests/suite.h"

enum {
	MEMORY = 64 << 20,
	START = 1700000000, /* Unix time at which both begin */
	MONTH = 30 * 86400,
	SYNC_TRIES = 1000,
	COMMAND_MAX = 128,
	SECONDS_MAX = 1024,
};

/* Two caches and their clocks. */
struct bench {
	struct peer peer;
	struct session *session;
	_Atomic uint64_t *clock; /* memcached's: nanoseconds */
	char clock_path[64];
	int64_t now; /* seconds since START */
	struct bytes asked, answered, expected;
	unsigned int differences, lines;
};

/* --- clocks -------------------------------------------------------------------------------- */

static bool
peer_is_at(struct bench *bench, uint64_t unix_time)
{
	static const char ask[] = "stats\r\n";
	char wanted[64];
	bool found;

	snprintf(wanted, sizeof(wanted), "STAT time %" PRIu64 "\r\n", unix_time);
	bench->expected.length = 0;
	if (peer_ask(&bench->peer, (const uint8_t *)ask, sizeof(ask) - 1, &bench->expected) != 0)
		return false;
	bytes_add(&bench->expected, "", 1);
	found = strstr((const char *)bench->expected.start, wanted) != NULL;
	return found;
}

/* Lets it be so many seconds after START, for both. memcached looks at its clock when it is asked. */
static void
bench_advance(struct bench *bench, int64_t seconds)
{
	uint64_t unix_time = (uint64_t)(START + seconds);
	bool there = false;

	bench->now = seconds;
	/* relaxed: the time is all that it says */
	atomic_store_explicit(bench->clock, unix_time * 1000000000, memory_order_relaxed);
	store_set_clock(bench->session->store, (uint64_t)seconds * 1000);
	for (int i = 0; i < SYNC_TRIES && !there; i++)
		there = peer_is_at(bench, unix_time);
	CU_ASSERT_TRUE_FATAL(there);
}

static void
clock_open(struct bench *bench)
{
	int fd;

	strcpy(bench->clock_path, "/tmp/jackdaw-clock-XXXXXX");
	fd = mkstemp(bench->clock_path);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(fchmod(fd, 0644), 0);
	CU_ASSERT_EQUAL_FATAL(ftruncate(fd, sizeof(*bench->clock)), 0);
	bench->clock = mmap(NULL, sizeof(*bench->clock), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CU_ASSERT_FATAL(bench->clock != MAP_FAILED);
	close(fd);
	atomic_store_explicit(bench->clock, UINT64_C(1000000000) * START, memory_order_relaxed);
}

/* The library lies beside this program. */
static void
peer_preload(const struct bench *bench)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof("fake_clock.so"));

	CU_ASSERT_FATAL(length > 0);
	path[length] = '\0';
	strcpy(strrchr(path, '/') + 1, "fake_clock.so");
	setenv("FAKE_CLOCK", bench->clock_path, 1);
	setenv("LD_PRELOAD", path, 1);
}

/*
 * Without memcached's own housekeeping: its maintainer marks items beside the worker that gives the right
 * to refresh one away, and now and then that is lost, so that a second client is given it.
 */
static const char *const peer_arguments[] = {"-o", "no_lru_maintainer,no_lru_crawler", NULL};

static void
bench_open(struct bench *bench)
{
	memset(bench, 0, sizeof(*bench));
	clock_open(bench);
	bench->session = malloc(sizeof(*bench->session));
	CU_ASSERT_FATAL(bench->session != NULL);
	CU_ASSERT_EQUAL_FATAL(session_open(bench->session, MEMORY, START), 0);
	peer_preload(bench);
	CU_ASSERT_EQUAL_FATAL(peer_prepare(&bench->peer), 0);
	CU_ASSERT_EQUAL_FATAL(peer_launch(&bench->peer, peer_arguments), 0);
	unsetenv("LD_PRELOAD");
	bench_advance(bench, 0);
}

static void
bench_close(struct bench *bench)
{
	peer_stop(&bench->peer);
	session_close(bench->session);
	free(bench->session);
	munmap(bench->clock, sizeof(*bench->clock));
	unlink(bench->clock_path);
	bytes_free(&bench->asked);
	bytes_free(&bench->answered);
	bytes_free(&bench->expected);
}

/* --- questions ----------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void
say(struct bench *bench, const char *format, ...)
{
	char text[COMMAND_MAX];
	va_list words;
	int length;

	va_start(words, format);
	length = vsnprintf(text, sizeof(text), format, words);
	va_end(words);
	CU_ASSERT_FATAL(length > 0 && length < COMMAND_MAX);
	bytes_add(&bench->asked, text, (size_t)length);
}

/* The next line of a reply without its end; moves *at behind it. */
static size_t
next_line(const struct bytes *bytes, size_t *at, const char **line)
{
	const uint8_t *start = bytes->start + *at;
	const uint8_t *end = memchr(start, '\n', bytes->length - *at);
	size_t length = end != NULL ? (size_t)(end - start) + 1 : bytes->length - *at;

	*line = (const char *)start;
	*at += length;
	return length;
}

/* Prints the first lines that differ. */
static void
tell_difference(const struct bench *bench)
{
	const char *ours, *theirs;
	size_t a = 0, b = 0;

	while (a < bench->answered.length && b < bench->expected.length) {
		size_t length = next_line(&bench->answered, &a, &ours);
		size_t their_length = next_line(&bench->expected, &b, &theirs);

		if (length != their_length || memcmp(ours, theirs, length) != 0) {
			printf("\n    second %" PRId64 ": memcached %.*s    ours %.*s", bench->now,
			       (int)their_length, theirs, (int)length, ours);
			return;
		}
	}
	printf("\n    second %" PRId64 ": one reply is longer\n", bench->now);
}

/* Puts to both what was said, and compares. */
static void
ask(struct bench *bench)
{
	struct session *session = bench->session;
	const char *line;

	bench->expected.length = bench->answered.length = 0;
	session_restart(session, false);
	session_feed(session, bench->asked.start, bench->asked.length, 0);
	bytes_add(&bench->answered, session->out.start, session->out.length);
	CU_ASSERT_EQUAL_FATAL(
		peer_ask(&bench->peer, bench->asked.start, bench->asked.length, &bench->expected),
		0);
	for (size_t at = 0; at < bench->expected.length; bench->lines++)
		next_line(&bench->expected, &at, &line);
	if (bench->answered.length != bench->expected.length ||
	    memcmp(bench->answered.start, bench->expected.start, bench->expected.length) != 0) {
		bench->differences++;
		tell_difference(bench);
	}
	bench->asked.length = 0;
}

/* --- expiry -------------------------------------------------------------------------------- */

/* Ways to give an item a time to live: # stands for its number, @ for the time. */
static const char *const ways[] = {
	"set k# 5 @ 1\r\n7\r\n",
	"add k# 0 @ 1\r\n7\r\n",
	"set k# 0 0 1\r\n6\r\nreplace k# 0 @ 1\r\n7\r\n",
	"set k# 0 0 1\r\n7\r\ntouch k# @\r\n",
	"set k# 0 0 1\r\n7\r\ngat @ k#\r\n",
	"set k# 0 100 1\r\n7\r\ntouch k# @\r\n",
	"set k# 0 @ 1\r\n7\r\ntouch k# 0\r\n",
	"set k# 0 @ 1\r\n7\r\nappend k# 0 0 1\r\n8\r\n",
	"set k# 0 @ 1\r\n7\r\nprepend k# 0 9 1\r\n8\r\n",
	"set k# 0 @ 1\r\n7\r\nincr k# 1\r\n",
	"set k# 0 @ 2\r\n77\r\ndecr k# 70\r\n",
	"set k# 0 @ 1\r\n7\r\nset k# 0 0 1\r\n8\r\n",
	"ms k# 1 T@\r\n7\r\n",
	"ms k# 1 ME T@\r\n7\r\n",
	"ms k# 1\r\n6\r\nms k# 1 MR T@\r\n7\r\n",
	"ms k# 1 T@\r\n6\r\nms k# 1 MA T50\r\n7\r\n",
	"ms k# 1\r\n7\r\nmg k# v T@\r\n",
	"mg k# v N@\r\n",
	"ma k# N@ J7 v\r\n",
	"ms k# 1\r\n7\r\nma k# T@ v\r\n",
	"ms k# 1\r\n7\r\nmd k# I T@\r\n",
};

/* Times to live, as they are given; those from `absolute` on count from START. */
static const int64_t relative[] = {
	0,     1,	  2,	 3,  10, 59,  60,     61,	  3599,	  3600,
	86400, MONTH - 1, MONTH, -1, -2, -60, -MONTH, -MONTH - 1, -START, INT32_MIN,
};
static const int64_t absolute[] = {
	MONTH + 1 - START,
	-100000,
	-63,
	-62,
	-61,
	-1,
	0,
	1,
	2,
	4,
	5,
	6,
	7,
	60,
	61,
	62,
	63,
	1000,
	2 * MONTH,
	1000000,
	3 * 365 * 86400,
	(int64_t)INT32_MAX - START,
};
static const int64_t stored_at[] = {0, 5, 61};

enum {
	WAYS = sizeof(ways) / sizeof(ways[0]),
	RELATIVE = sizeof(relative) / sizeof(relative[0]),
	ABSOLUTE = sizeof(absolute) / sizeof(absolute[0]),
	TIMES = RELATIVE + ABSOLUTE,
	STORED_AT = sizeof(stored_at) / sizeof(stored_at[0]),
	KEYS_EACH = WAYS * TIMES,
};

static int64_t
exptime(unsigned int time)
{
	return time < RELATIVE ? relative[time] : START + absolute[time - RELATIVE];
}

static void
say_way(struct bench *bench, const char *way, int key, int64_t time)
{
	for (; *way != '\0'; way++) {
		if (*way == '#')
			say(bench, "%d", key);
		else if (*way == '@')
			say(bench, "%" PRId64, time);
		else
			bytes_add(&bench->asked, way, 1);
	}
}

static void
store_all(struct bench *bench, int first)
{
	for (unsigned int way = 0; way < WAYS; way++) {
		for (unsigned int time = 0; time < TIMES; time++) {
			say_way(bench, ways[way], first++, exptime(time));
		}
		ask(bench);
	}
}

static void
look_at_all(struct bench *bench, int keys)
{
	for (int key = 0; key < keys; key++) {
		say(bench, "get k%d\r\nmg k%d t f v s\r\n", key, key);
		if (key % 500 == 499 || key == keys - 1)
			ask(bench);
	}
}

static int
second_compare(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

	return a < b ? -1 : a > b;
}

/* The seconds to look in: around the end of every life, and when items are stored. */
static unsigned int
seconds_to_look(int64_t seconds[SECONDS_MAX])
{
	unsigned int count = 0, kept = 0;

	for (unsigned int i = 0; i < STORED_AT; i++)
		for (unsigned int time = 0; time < TIMES; time++)
			for (int64_t d = -1; d <= 1; d++)
				seconds[count++] =
					d + (time < RELATIVE ? stored_at[i] + relative[time]
							     : absolute[time - RELATIVE]);
	qsort(seconds, count, sizeof(seconds[0]), second_compare);
	for (unsigned int i = 0; i < count; i++)
		if (seconds[i] >= 0 && (kept == 0 || seconds[i] != seconds[kept - 1]))
			seconds[kept++] = seconds[i];
	return kept;
}

static void
every_way_and_time_as_memcached(void)
{
	static int64_t seconds[SECONDS_MAX];
	unsigned int count = seconds_to_look(seconds), stored = 0;
	struct bench bench;

	bench_open(&bench);
	for (unsigned int i = 0; i < count; i++) {
		bench_advance(&bench, seconds[i]);
		if (stored < STORED_AT && seconds[i] == stored_at[stored])
			store_all(&bench, (int)(stored++ * KEYS_EACH));
		look_at_all(&bench, (int)(stored * KEYS_EACH));
	}
	printf("\n    %d items, %u moments, %u lines compared", (int)(stored * KEYS_EACH), count,
	       bench.lines);
	CU_ASSERT_EQUAL(stored, STORED_AT);
	CU_ASSERT_EQUAL(bench.differences, 0);
	bench_close(&bench);
}

/* --- flushes ------------------------------------------------------------------------------- */

enum {
	FLUSH_FIRST = 100, /* seconds in which items are stored */
	FLUSH_SAID = 103,
	FLUSH_LAST = 125,
	NOT_DUE = -1,
};

/* When, in seconds after START, and how a flush is asked for; due: when it comes into force later. */
static const struct {
	int64_t delay, due;
} flushes[] = {
	{0, NOT_DUE},
	{1, FLUSH_SAID + 1},
	{2, FLUSH_SAID + 2},
	{3, FLUSH_SAID + 3},
	{10, FLUSH_SAID + 10},
	{MONTH - 1, FLUSH_SAID + MONTH - 1},
	{MONTH, FLUSH_SAID + MONTH},
	{MONTH + 1, NOT_DUE},
	{START - 100, NOT_DUE},
	{START + 99, NOT_DUE},
	{START + FLUSH_SAID - 1, NOT_DUE},
	{START + FLUSH_SAID, NOT_DUE},
	{START + FLUSH_SAID + 1, FLUSH_SAID + 1},
	{START + FLUSH_SAID + 2, FLUSH_SAID + 2},
	{START + 110, 110},
	{START + FLUSH_LAST - 3, FLUSH_LAST - 3},
	{-1, NOT_DUE},
	{-2, NOT_DUE},
	{-MONTH, NOT_DUE},
};

enum {
	FLUSHES = sizeof(flushes) / sizeof(flushes[0]),
};

static void
look_at_stored(struct bench *bench, int64_t last)
{
	for (int64_t key = FLUSH_FIRST; key <= last; key++)
		say(bench, "get a%" PRId64 " b%" PRId64 "\r\n", key, key);
}

/*
 * Two items are stored in every second, one of them after the flush, and looked at in every later one.
 * But not in the second before a flush is due: there memcached's is in force already.
 */
static void
flush_and_look(struct bench *bench, const char *flush, int64_t due)
{
	for (int64_t second = FLUSH_FIRST; second <= FLUSH_LAST; second++) {
		bench_advance(bench, second);
		say(bench, "set a%" PRId64 " 0 0 1\r\n1\r\n", second);
		if (second == FLUSH_SAID)
			bytes_add_text(&bench->asked, flush);
		say(bench, "set b%" PRId64 " 0 0 1\r\n1\r\n", second);
		if (second != due - 1)
			look_at_stored(bench, second);
		ask(bench);
	}
	for (int64_t second = MONTH + FLUSH_SAID - 3; second <= MONTH + FLUSH_SAID + 1; second++) {
		bench_advance(bench, second);
		if (second != due - 1)
			look_at_stored(bench, FLUSH_LAST);
		else
			say(bench, "mn\r\n");
		ask(bench);
	}
}

static void
every_flush_as_memcached(void)
{
	unsigned int lines = 0;

	for (unsigned int i = 0; i <= FLUSHES; i++) {
		char flush[COMMAND_MAX] = "flush_all\r\n";
		struct bench bench;

		if (i < FLUSHES)
			snprintf(flush, sizeof(flush), "flush_all %" PRId64 "\r\n",
				 flushes[i].delay);
		bench_open(&bench);
		flush_and_look(&bench, flush, i < FLUSHES ? flushes[i].due : NOT_DUE);
		CU_ASSERT_EQUAL(bench.differences, 0);
		if (bench.differences != 0)
			printf("\n    with %s", flush);
		lines += bench.lines;
		bench_close(&bench);
	}
	printf("\n    %u flushes, %u lines compared", FLUSHES + 1u, lines);
}

SUITE("expiry and flushes, beside memcached", TEST(every_way_and_time_as_memcached),
      TEST(every_flush_as_memcached))
