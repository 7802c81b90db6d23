/* SPDX-License-Identifier: BSD-3-Clause */
/* The text protocol, command by command: what is right, what is wrong, and what can be cut. */
#include "tests/proto/text_cases.h"

#include "tests/proto/session.h"
#include "tests/suite.h"

enum {
	MEMORY = 64 << 20
};

/* True if got is as wanted, where # in wanted stands for a run of digits. */
static bool
matches(const char *wanted, const uint8_t *got, size_t length)
{
	const uint8_t *end = got + length;

	for (; *wanted != '\0'; wanted++) {
		if (*wanted == '#' && got < end && *got >= '0' && *got <= '9') {
			while (got < end && *got >= '0' && *got <= '9')
				got++;
		} else if (got == end || *got++ != (uint8_t)*wanted) {
			return false;
		}
	}
	return got == end;
}

static bool
answers_bytes(struct session *session, const char *asked, size_t length, const char *wanted)
{
	session_restart(session, false);
	session_feed(session, (const uint8_t *)asked, length, 0);
	if (matches(wanted, session->out.start, session->out.length))
		return true;
	printf("\nasked    %.*s\nwanted   %s\nanswered %.*s\n", (int)length, asked, wanted,
	       (int)session->out.length, session->out.start);
	return false;
}

static bool
answers(struct session *session, const char *asked, const char *wanted)
{
	return answers_bytes(session, asked, strlen(asked), wanted);
}

static struct session *
open_session(void)
{
	struct session *session = malloc(sizeof(*session));

	CU_ASSERT_FATAL(session != NULL && session_open(session, MEMORY, SESSION_START) == 0);
	return session;
}

static void
close_session(struct session *session)
{
	session_close(session);
	free(session);
}

#define BAD_FORMAT "CLIENT_ERROR bad command line format\r\n"

/* --- reading ------------------------------------------------------------------------------ */

static void
get_answers_what_was_set(void)
{
	struct session *session = open_session();

	CU_ASSERT(answers(session, "set a 5 0 3\r\nabc\r\n", "STORED\r\n"));
	CU_ASSERT(answers(session, "get a\r\n", "VALUE a 5 3\r\nabc\r\nEND\r\n"));
	CU_ASSERT(answers(session, "get b\r\n", "END\r\n"));
	CU_ASSERT(answers(session, "get b a c a\r\n",
			  "VALUE a 5 3\r\nabc\r\nVALUE a 5 3\r\nabc\r\nEND\r\n"));
	CU_ASSERT(answers(session, "get a\n", "VALUE a 5 3\r\nabc\r\nEND\r\n"));
	CU_ASSERT(answers(session, "  get  a \r\n", "VALUE a 5 3\r\nabc\r\nEND\r\n"));
	CU_ASSERT(answers(session, "bget a\r\n", "VALUE a 5 3\r\nabc\r\nEND\r\n"));
	close_session(session);
}

static void
get_refuses_no_key_and_long_keys(void)
{
	struct session *session = open_session();

	CU_ASSERT(answers(session, "get\r\n", "ERROR\r\n"));
	CU_ASSERT(answers(session, "get \r\n", "ERROR\r\n"));
	CU_ASSERT(answers(session, "GET a\r\n", "ERROR\r\n"));
	CU_ASSERT(answers(session, "get " K251 "\r\n", BAD_FORMAT));
	CU_ASSERT(answers(session, "set a 0 0 1\r\n1\r\nget a " K251 " a\r\nget a\r\n",
			  "STORED\r\n" BAD_FORMAT "VALUE a 0 1\r\n1\r\nEND\r\n"));
	CU_ASSERT(session->stats.cmd_get == 1);
	CU_ASSERT(answers(session, "get " K50 K50 K50 K50 K50 "\r\n", "END\r\n"));
	close_session(session);
}

static void
gets_shows_uniques(void)
{
	struct session *session = open_session();

	CU_ASSERT(answers(session, "set a 0 0 1\r\n1\r\ngets a b\r\n",
			  "STORED\r\nVALUE a 0 1 #\r\n1\r\nEND\r\n"));
	CU_ASSERT(answers(session, "gets\r\n", "ERROR\r\n"));
	CU_ASSERT(answers(session, "gets " K251 "\r\n", BAD_FORMAT));
	close_session(session);
}

static void
gat_reads_and_touches(void)
{
	struct session *session = open_session();

	CU_ASSERT(answers(session, "set a 0 0 1\r\n1\r\n", "STORED\r\n"));
	CU_ASSERT(answers(session, "gat 100 a b\r\n", "VALUE a 0 1\r\n1\r\nEND\r\n"));
	CU_ASSERT(answers(session, "gats 100 a\r\n", "VALUE a 0 1 #\r\n1\r\nEND\r\n"));
	CU_ASSERT(session->stats.cmd_touch == 3 && session->stats.touch_hits == 2);
	CU_ASSERT(answers(session, "gat 0\r\n", "END\r\n"));
	CU_ASSERT(answers(session, "gat\r\n", "ERROR\r\n"));
	CU_ASSERT(answers(session, "gat x a\r\n", "CLIENT_ERROR invalid exptime argument\r\n"));
	CU_ASSERT(answers(session, "gat 0 a " K251 "\r\n", BAD_FORMAT));
	CU_ASSERT(answers(session, "gat -1 a\r\nget a\r\n", "VALUE a 0 1\r\n1\r\nEND\r\nEND\r\n"));
	close_session(session);
}

/* --- storing ------------------------------------------------------------------------------ */

static void
storage_commands_store_on_their_condition(void)
{
	struct session *session = open_session();

	CU_ASSERT(answers(session, "add a 1 0 1\r\n1\r\n", "STORED\r\n"));
	CU_ASSERT(answers(session, "add a 1 0 1\r\n2\r\n", "NOT_STORED\r\n"));
	CU_ASSERT(answers(session, "replace a 2 0 1\r\n3\r\n", "STORED\r\n"));
	CU_ASSERT(answers(session, "replace b 2 0 1\r\n3\r\n", "NOT_STORED\r\n"));
	CU_ASSERT(answers(session, "append a 9 0 2\r\n45\r\n", "STORED\r\n"));
	CU_ASSERT(answers(session, "append b 9 0 2\r\n45\r\n", "NOT_STORED\r\n"));
	CU_ASSERT(answers(session, "prepend a 9 0 1\r\n0\r\n", "STORED\r\n"));
	CU_ASSERT(answers(session, "prepend b 9 0 1\r\n0\r\n", "NOT_STORED\r\n"));
	CU_ASSERT(answers(session, "get a\r\n", "VALUE a 2 4\r\n0345\r\nEND\r\n"));
	CU_ASSERT(answers(session, "set a 0 0 0 noreply\r\n\r\nget a\r\n",
			  "VALUE a 0 0\r\n\r\nEND\r\n"));
	CU_ASSERT(answers(session, "set a 0 -1 1\r\nx\r\nget a\r\n", "STORED\r\nEND\r\n"));
	close_session(session);
}

static void
storage_commands_refuse_wrong_words(void)
{
	struct session *session = open_session();

	CU_ASSERT(answers(session, "set a 0 0\r\n", "ERROR\r\n"));
	CU_ASSERT(answers(session, "set a x 0 1\r\n1\r\n", BAD_FORMAT "ERROR\r\n"));
	CU_ASSERT(answers(session, "add a 0 x 1\r\n1\r\n", BAD_FORMAT "ERROR\r\n"));
	CU_ASSERT(answers(session, "replace a 0 0 x\r\n", BAD_FORMAT));
	CU_ASSERT(answers(session, "append a 0 0 -1\r\n", BAD_FORMAT));
	CU_ASSERT(answers(session, "prepend " K251 " 0 0 1\r\n1\r\n", BAD_FORMAT "ERROR\r\n"));
	CU_ASSERT(answers(session, "set a -1 0 1\r\n1\r\n", BAD_FORMAT "ERROR\r\n"));
	CU_ASSERT(answers(session, "set a 0 0 2147483646\r\n", BAD_FORMAT));
	CU_ASSERT(answers(session, "set a 0 0 1 foo bar\r\n1\r\n", "ERROR\r\nERROR\r\n"));
	CU_ASSERT(answers(session, "set a 0 0 1\r\nabc\r\n",
			  "CLIENT_ERROR bad data chunk\r\nERROR\r\n"));
	CU_ASSERT(answers(session, "set a 0 0 3 noreply\r\nabcde", ""));
	CU_ASSERT(session->stats.bad_requests != 0);
	close_session(session);
}

static void
cas_compares(void)
{
	struct session *session = open_session();
	char asked[64];
	uint64_t unique;

	CU_ASSERT(answers(session, "cas a 0 0 1 5\r\n1\r\n", "NOT_FOUND\r\n"));
	CU_ASSERT(answers(session, "set a 0 0 1\r\n1\r\ncas a 0 0 1 0\r\n2\r\n",
			  "STORED\r\nEXISTS\r\n"));
	CU_ASSERT(answers(session, "gets a\r\n", "VALUE a 0 1 #\r\n1\r\nEND\r\n"));
	unique = strtoull((char *)session->out.start + strlen("VALUE a 0 1 "), NULL, 10);
	snprintf(asked, sizeof(asked), "cas a 0 0 1 %llu\r\n3\r\n", (unsigned long long)unique);
	CU_ASSERT(answers(session, asked, "STORED\r\n"));
	CU_ASSERT(answers(session, asked, "EXISTS\r\n"));
	CU_ASSERT(answers(session, "cas a 0 0 1\r\n", "ERROR\r\n"));
	CU_ASSERT(answers(session, "cas a 0 0 1 x\r\n1\r\n", BAD_FORMAT "ERROR\r\n"));
	CU_ASSERT(session->stats.cas_hits == 1 && session->stats.cas_badval == 2 &&
		  session->stats.cas_misses == 1);
	close_session(session);
}

/* A stream of the line and `length` bytes of data, then `tail`. */
static struct bytes
with_data(const char *line, size_t length, const char *tail)
{
	struct bytes bytes = {0};

	bytes_add_text(&bytes, line);
	bytes_make_room(&bytes, length);
	memset(bytes.start + bytes.length, 'x', length);
	bytes.length += length;
	bytes_add_text(&bytes, tail);
	return bytes;
}

static bool
answers_data(struct session *session, const char *line, size_t length, const char *tail,
	     const char *wanted)
{
	struct bytes asked = with_data(line, length, tail);
	bool good = answers_bytes(session, (char *)asked.start, asked.length, wanted);

	bytes_free(&asked);
	return good;
}

#define TOO_LARGE "SERVER_ERROR object too large for cache\r\n"

static void
a_value_too_large_is_swallowed(void)
{
	struct session *session = open_session();

	/* the largest, and one byte more; flags cost four bytes */
	CU_ASSERT(answers_data(session, "set a 0 0 1048516\r\n", 1048516, "\r\n", "STORED\r\n"));
	CU_ASSERT(answers_data(session, "set a 0 0 1048517\r\n", 1048517, "\r\nget a\r\n",
			       TOO_LARGE "END\r\n"));
	CU_ASSERT(answers_data(session, "set a 1 0 1048513\r\n", 1048513, "\r\n", TOO_LARGE));
	CU_ASSERT(session->stats.store_too_large == 2);
	CU_ASSERT(answers(session, "set a 0 0 1\r\n1\r\n", "STORED\r\n"));
	/* only set forgets the old value */
	CU_ASSERT(answers_data(session, "add a 0 0 1048517\r\n", 1048517, "\r\nget a\r\n",
			       TOO_LARGE "VALUE a 0 1\r\n1\r\nEND\r\n"));
	CU_ASSERT(answers_data(session, "set a 0 0 1048517 noreply\r\n", 1048517, "\r\nget a\r\n",
			       "END\r\n"));
	CU_ASSERT(session->stats.delete_hits == 0 && session->stats.delete_misses == 0);
	close_session(session);
}

static void
a_refusal_waits_for_the_end_of_the_data(void)
{
	struct session *session = open_session();

	CU_ASSERT(answers(session, "set a 0 0 2147483645\r\n", ""));
	CU_ASSERT(session->last == PARSE_DONE && session->stream.swallow == 2147483647);
	CU_ASSERT(answers_data(session, "set a 0 0 1048517\r\n", 1048517, "\r", ""));
	session_feed(session, (const uint8_t *)"\nversion\r\n", 10, 0);
	CU_ASSERT(matches(TOO_LARGE "VERSION 1.6.18\r\n", session->out.start, session->out.length));
	close_session(session);
}

/* --- one key ------------------------------------------------------------------------------ */

static void
incr_and_decr_count(void)
{
	struct session *session = open_session();
	static const char not_a_number[] =
		"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n";

	CU_ASSERT(answers(session, "set n 0 0 2\r\n10\r\n", "STORED\r\n"));
	CU_ASSERT(answers(session, "incr n 5\r\ndecr n 6\r\ndecr n 100\r\n", "15\r\n9\r\n0\r\n"));
	CU_ASSERT(answers(session, "incr n 18446744073709551615\r\nincr n 3\r\n",
			  "18446744073709551615\r\n2\r\n"));
	CU_ASSERT(answers(session, "incr n 1 noreply\r\nincr n 1\r\n", "4\r\n"));
	CU_ASSERT(answers(session, "incr m 1\r\ndecr m 1\r\n", "NOT_FOUND\r\nNOT_FOUND\r\n"));
	CU_ASSERT(session->stats.incr_hits == 5 && session->stats.incr_misses == 1);
	CU_ASSERT(session->stats.decr_hits == 2 && session->stats.decr_misses == 1);
	CU_ASSERT(answers(session, "set n 0 0 1\r\nx\r\nincr n 1\r\n",
			  "STORED\r\n"
			  "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"));
	CU_ASSERT(answers(session, "decr n 1\r\n", not_a_number));
	CU_ASSERT(answers(session, "incr n x\r\n",
			  "CLIENT_ERROR invalid numeric delta argument\r\n"));
	CU_ASSERT(answers(session, "decr n -1\r\n",
			  "CLIENT_ERROR invalid numeric delta argument\r\n"));
	CU_ASSERT(answers(session, "incr n\r\n", "ERROR\r\n"));
	CU_ASSERT(answers(session, "incr " K251 " 1\r\n", BAD_FORMAT));
	close_session(session);
}

static void
values_like_numbers_come_back_as_they_were(void)
{
	static const char *const values[] = {"007", "+5", " 5", "18446744073709551616",
					     "0x1", "-0"};
	struct session *session = open_session();
	char asked[96], wanted[96];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(asked, sizeof(asked), "set n 0 0 %zu\r\n%s\r\nget n\r\n",
			 strlen(values[i]), values[i]);
		snprintf(wanted, sizeof(wanted), "STORED\r\nVALUE n 0 %zu\r\n%s\r\nEND\r\n",
			 strlen(values[i]), values[i]);
		CU_ASSERT(answers(session, asked, wanted));
	}
	close_session(session);
}

static void
touch_and_delete_answer(void)
{
	struct session *session = open_session();

	CU_ASSERT(answers(session, "set a 0 0 1\r\n1\r\ntouch a 100\r\n", "STORED\r\nTOUCHED\r\n"));
	CU_ASSERT(answers(session, "touch b 100\r\n", "NOT_FOUND\r\n"));
	CU_ASSERT(answers(session, "touch a\r\n", "ERROR\r\n"));
	CU_ASSERT(answers(session, "touch a x\r\n", "CLIENT_ERROR invalid exptime argument\r\n"));
	CU_ASSERT(answers(session, "touch " K251 " 0\r\n", BAD_FORMAT));
	CU_ASSERT(answers(session, "touch a 0 noreply\r\n", ""));
	CU_ASSERT(answers(session, "delete a\r\ndelete a\r\n", "DELETED\r\nNOT_FOUND\r\n"));
	CU_ASSERT(answers(session, "delete a 0\r\n", "NOT_FOUND\r\n"));
	CU_ASSERT(answers(session, "delete a noreply\r\ndelete a 0 noreply\r\n", ""));
	CU_ASSERT(answers(session, "delete noreply\r\n", "NOT_FOUND\r\n"));
	CU_ASSERT(answers(session, "delete\r\n", "ERROR\r\n"));
	CU_ASSERT(answers(session, "delete " K251 "\r\n", BAD_FORMAT));
	CU_ASSERT(answers(session, "delete a 10\r\n",
			  "CLIENT_ERROR bad command line format.  "
			  "Usage: delete <key> [noreply]\r\n"));
	CU_ASSERT(session->stats.delete_hits == 1 && session->stats.delete_misses == 5);
	close_session(session);
}

/* --- the server --------------------------------------------------------------------------- */

static void
flush_all_empties(void)
{
	struct session *session = open_session();

	CU_ASSERT(answers(session, "set a 0 0 1\r\n1\r\nflush_all\r\nget a\r\n",
			  "STORED\r\nOK\r\nEND\r\n"));
	CU_ASSERT(answers(session, "flush_all noreply\r\nflush_all 0 noreply\r\n", ""));
	CU_ASSERT(answers(session, "flush_all x\r\n", "CLIENT_ERROR invalid exptime argument\r\n"));
	CU_ASSERT(answers(session, "flush_all 0 0 0\r\n", "ERROR\r\n"));
	CU_ASSERT(session->stats.cmd_flush == 4);
	close_session(session);
}

static void
version_verbosity_and_mn_answer(void)
{
	struct session *session = open_session();

	CU_ASSERT(answers(session, "version\r\n", "VERSION 1.6.18\r\n"));
	CU_ASSERT(answers(session, "version noreply\r\n", "VERSION 1.6.18\r\n"));
	CU_ASSERT(answers(session, "verbosity 1\r\nverbosity 1 noreply\r\n", "OK\r\n"));
	CU_ASSERT(answers(session, "verbosity\r\n", "ERROR\r\n"));
	CU_ASSERT(answers(session, "verbosity x\r\n", BAD_FORMAT));
	CU_ASSERT(answers(session, "mn\r\n", "MN\r\n"));
	CU_ASSERT(answers(session, "mx\r\n", "ERROR\r\n"));
	CU_ASSERT(answers(session, "\r\n", "ERROR\r\n"));
	close_session(session);
}

static void
stats_come_by_group(void)
{
	struct session *session = open_session();

	CU_ASSERT(answers(session, "stats\r\n", "STAT pid 7\r\nSTAT version 1.6.18\r\nEND\r\n"));
	CU_ASSERT(answers(session, "stats items\r\n", "END\r\n"));
	CU_ASSERT(answers(session, "stats foo\r\n", "ERROR\r\n"));
	CU_ASSERT(answers(session, "get a\r\nstats reset\r\n", "END\r\nRESET\r\n"));
	CU_ASSERT(session->stats.cmd_get == 0);
	CU_ASSERT(answers(session, "stats detail on\r\nstats detail dump\r\n", "OK\r\nEND\r\n"));
	CU_ASSERT(answers(session, "stats detail\r\n",
			  "CLIENT_ERROR usage: stats detail on|off|dump\r\n"));
	close_session(session);
}

static void
tuning_is_understood_and_does_nothing(void)
{
	struct session *session = open_session();

	CU_ASSERT(answers(session, "slabs automove 1\r\n", "OK\r\n"));
	CU_ASSERT(answers(session, "slabs automove x\r\n", BAD_FORMAT));
	CU_ASSERT(answers(session, "slabs reassign 1 2\r\n",
			  "NOSPARE source class has no spare pages\r\n"));
	CU_ASSERT(answers(session, "slabs reassign 1\r\n", "ERROR\r\n"));
	CU_ASSERT(answers(session, "lru mode flat\r\n", "OK\r\n"));
	CU_ASSERT(answers(session, "lru mode x\r\n", "ERROR\r\n"));
	CU_ASSERT(answers(session, "lru_crawler enable\r\nlru_crawler crawl all\r\n",
			  "OK\r\nOK\r\n"));
	CU_ASSERT(answers(session, "lru_crawler crawl 0\r\n", "BADCLASS invalid class id\r\n"));
	CU_ASSERT(answers(session, "extstore max_frag 0.5\r\n", "OK\r\n"));
	CU_ASSERT(answers(session, "extstore max_frag x\r\n", "ERROR\r\n"));
	close_session(session);
}

static void
what_is_not_allowed_says_so(void)
{
	struct session *session = open_session();

	/* nobody here can be a watcher, or has connections */
	CU_ASSERT(answers(session, "watch\r\nwatch fetchers evictions\r\n",
			  "WATCHER_TOO_MANY log watcher limit reached\r\n"
			  "WATCHER_TOO_MANY log watcher limit reached\r\n"));
	CU_ASSERT(answers(session, "watch fetcher\r\nwatch evictions x\r\nwatch noreply\r\n",
			  "ERROR\r\nERROR\r\n"));
	CU_ASSERT(answers(session, "stats conns\r\nstats conn\r\n", "END\r\nERROR\r\n"));
	CU_ASSERT(answers(session, "shutdown\r\n", "ERROR: shutdown not enabled\r\n"));
	CU_ASSERT(answers(session, "lru_crawler metadump x\r\n", "BADCLASS invalid class id\r\n"));
	CU_ASSERT(answers(session, "stats cachedump 1 1\r\n",
			  "CLIENT_ERROR stats cachedump not allowed\r\n"));
	CU_ASSERT(answers(session, "cache_memlimit 100000\r\n",
			  "MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust\r\n"));
	CU_ASSERT(answers(session, "cache_memlimit 32\r\n", "OK\r\n"));
	CU_ASSERT(answers(session, "cache_memlimit 7\r\n",
			  "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n"));
	CU_ASSERT(answers(session, "cache_memlimit 7 noreply\r\n", ""));
	close_session(session);
}

static void
some_lines_end_the_stream(void)
{
	struct session *session = open_session();

	CU_ASSERT(answers(session, "version\r\nquit\r\nversion\r\n", "VERSION 1.6.18\r\n"));
	CU_ASSERT(session->closed);
	CU_ASSERT(answers(session, "GET / HTTP/1.1\r\nversion\r\n", ""));
	CU_ASSERT(session->closed);
	CU_ASSERT(answers_data(session, "", 2048, "", ""));
	CU_ASSERT(!session->closed);
	CU_ASSERT(answers_data(session, "", 2049, "", ""));
	CU_ASSERT(session->closed);
	CU_ASSERT(answers_data(session, "gat 0 ", 2049, "", "") && session->closed);
	CU_ASSERT(answers_data(session, "get ", 5000, "", "") && !session->closed);
	CU_ASSERT(answers_data(session, "", 3000, "\r\n", "ERROR\r\n") && !session->closed);
	close_session(session);
}

/* --- parts -------------------------------------------------------------------------------- */

static void
a_multi_get_goes_on_where_the_array_was_full(void)
{
	struct session *session = open_session();
	struct bytes asked = {0}, wanted = {0};

	CU_ASSERT(answers(session, "set a 0 0 1\r\n1\r\n", "STORED\r\n"));
	bytes_add_text(&asked, "get");
	for (unsigned int i = 0; i < 5000; i++) {
		bytes_add_text(&asked, " a");
		bytes_add_text(&wanted, "VALUE a 0 1\r\n1\r\n");
	}
	bytes_add_text(&asked, "   \r\nversion\r\n");
	bytes_add(&wanted, "END\r\nVERSION 1.6.18\r\n", sizeof("END\r\nVERSION 1.6.18\r\n"));
	for (unsigned int room = 1; room < SESSION_REQUESTS; room = room * 3 + 1) {
		session->room = room;
		CU_ASSERT(answers_bytes(session, (char *)asked.start, asked.length,
					(char *)wanted.start));
	}
	bytes_free(&asked);
	bytes_free(&wanted);
	close_session(session);
}

static void
a_long_key_at_the_end_spoils_the_whole_multi_get(void)
{
	struct session *session = open_session();
	struct bytes asked = {0};

	session->room = 3;
	bytes_add_text(&asked, "get");
	for (unsigned int i = 0; i < 100; i++)
		bytes_add_text(&asked, " a");
	bytes_add_text(&asked, " " K251 "\r\n");
	CU_ASSERT(answers_bytes(session, (char *)asked.start, asked.length, BAD_FORMAT));
	CU_ASSERT(session->stats.cmd_get == 0);
	bytes_free(&asked);
	close_session(session);
}

static void
an_unfinished_command_asks_for_more(void)
{
	static const char *const starts[] = {"g",
					     "get",
					     "get ",
					     "get a",
					     "get a b\r",
					     "set a 0 0 1",
					     "mn",
					     "set a 0 0 1\r\n",
					     "set a 0 0 1\r\n1",
					     "gat 0 a b",
					     "set a 0 0 1\r\n1\r"};
	struct session *session = open_session();

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		CU_ASSERT(answers(session, starts[i], "") && session->last == PARSE_MORE);
		session_restart(session, true);
		session_datagram(session, (const uint8_t *)starts[i], strlen(starts[i]));
		CU_ASSERT(session->out.length == 0 && session->last == PARSE_MORE);
	}
	CU_ASSERT(answers(session, "set a 0 0 100\r\nx", ""));
	CU_ASSERT(session->stream.wanted == strlen("set a 0 0 100\r\n") + 100 + 2);
	close_session(session);
}

static void
a_datagram_stands_alone(void)
{
	struct session *session = open_session();

	session_restart(session, true);
	session_datagram(session, (const uint8_t *)"set a 0 0 2000000\r\nx", 20);
	CU_ASSERT(session->last == PARSE_MORE && session->stream.swallow == 0);
	CU_ASSERT(session->out.length == 0);
	close_session(session);
}

static bool
datagram_answers(struct session *session, const char *asked, const char *wanted)
{
	session_restart(session, true);
	session_datagram(session, (const uint8_t *)asked, strlen(asked));
	return session->out.length == strlen(wanted) &&
	       memcmp(session->out.start, wanted, strlen(wanted)) == 0;
}

static void
long_replies_are_not_for_datagrams(void)
{
	struct session *session = open_session();

	CU_ASSERT(datagram_answers(session, "watch\r\n",
				   "CLIENT_ERROR watch commands not allowed\r\n"));
	CU_ASSERT(datagram_answers(session, "watch noreply\r\n", ""));
	CU_ASSERT(datagram_answers(session, "stats conns\r\nmn\r\n", "END\r\nMN\r\n"));
	CU_ASSERT(datagram_answers(session, "lru_crawler metadump all\r\n",
				   "ERROR metadump not allowed\r\n"));
	close_session(session);
}

static void
every_case_can_be_cut_anywhere(void)
{
	struct session *whole = open_session(), *cut = open_session();

	cut->room = 0;
	cut->piece = 0;
	for (size_t i = 0; i < sizeof(text_cases) / sizeof(text_cases[0]); i++) {
		const uint8_t *asked = (const uint8_t *)text_cases[i];
		size_t length = strlen(text_cases[i]);

		session_restart(whole, false);
		session_feed(whole, asked, length, 0);
		session_restart(cut, false);
		session_feed(cut, asked, length, 3);
		CU_ASSERT(whole->out.length == cut->out.length &&
			  memcmp(whole->out.start, cut->out.start, cut->out.length) == 0);
	}
	close_session(whole);
	close_session(cut);
}

SUITE("text protocol", TEST(get_answers_what_was_set), TEST(get_refuses_no_key_and_long_keys),
      TEST(gets_shows_uniques), TEST(gat_reads_and_touches),
      TEST(storage_commands_store_on_their_condition), TEST(storage_commands_refuse_wrong_words),
      TEST(cas_compares), TEST(a_value_too_large_is_swallowed),
      TEST(a_refusal_waits_for_the_end_of_the_data), TEST(incr_and_decr_count),
      TEST(values_like_numbers_come_back_as_they_were), TEST(touch_and_delete_answer),
      TEST(flush_all_empties), TEST(version_verbosity_and_mn_answer), TEST(stats_come_by_group),
      TEST(tuning_is_understood_and_does_nothing), TEST(what_is_not_allowed_says_so),
      TEST(some_lines_end_the_stream), TEST(a_multi_get_goes_on_where_the_array_was_full),
      TEST(a_long_key_at_the_end_spoils_the_whole_multi_get),
      TEST(an_unfinished_command_asks_for_more), TEST(a_datagram_stands_alone),
      TEST(long_replies_are_not_for_datagrams), TEST(every_case_can_be_cut_anywhere))
