/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The meta commands, flag by flag. What an operation finds is filled in by hand here, so that what
 * is asked of the store and what is said of its answer are tested each by itself.
 */
#include "dataplane/proto/meta.h"
#include "tests/proto/session.h"
#include "tests/proto/text_cases.h"
#include "tests/suite.h"

/* One line, parsed, and its reply. */
struct exchange {
	uint8_t asked[1024];
	struct request request;
	unsigned int requests;
	enum parse_result result;
	struct session session; /* of it only the reply's side is used */
	struct stream stream;
};

static int
no_report(void *owner, const char *group, size_t length, stat_emit *emit, void *arg)
{
	(void)owner;
	(void)group;
	(void)length;
	(void)emit;
	(void)arg;
	return -ENOENT;
}

/* Parses a line; the exchange's request is the first of it. */
static struct exchange *
ask(const char *line)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));
	const struct parse_limits limits = {.item_size_max = SESSION_ITEM_MAX};
	struct request requests[4];
	size_t consumed;

	CU_ASSERT_FATAL(exchange != NULL && strlen(line) < sizeof(exchange->asked));
	strcpy((char *)exchange->asked, line);
	exchange->result = requests_parse(&exchange->stream, &limits, exchange->asked, strlen(line),
					  requests, 4, &exchange->requests, &consumed);
	exchange->request = requests[0];
	exchange->session.piece = 1400;
	exchange->session.server.report = no_report;
	exchange->session.reply.extend = session_extend;
	session_extend(&exchange->session.reply);
	return exchange;
}

/* Writes the reply, compares, and ends the exchange. */
static bool
is_told(struct exchange *exchange, const char *wanted)
{
	struct session *session = &exchange->session;
	size_t length;
	bool same;

	request_write(&session->server, &exchange->request, &session->reply);
	length = (size_t)(session->reply.cursor - session->out.start);
	same = length == strlen(wanted) && memcmp(session->out.start, wanted, length) == 0;
	if (!same)
		printf("\nwanted   %s\nanswered %.*s\n", wanted, (int)length, session->out.start);
	bytes_free(&session->out);
	free(exchange);
	return same;
}

static bool
is_refused(const char *line, const char *error)
{
	struct exchange *exchange = ask(line);
	bool refused = exchange->requests == 1 && exchange->request.action == REQUEST_ERROR;

	return is_told(exchange, error) && refused;
}

/* A hit of "hi" under the key that was asked for. */
static struct exchange *
hit(const char *line)
{
	struct exchange *exchange = ask(line);
	struct store_op *op = &exchange->request.op;

	CU_ASSERT(exchange->requests == 1 && exchange->request.action == REQUEST_STORE);
	op->status = STORE_OK;
	op->item_key = op->key;
	op->value = (const uint8_t *)"hi";
	op->value_length = 2;
	op->flags = 5;
	op->cas = 77;
	op->delta = 42;
	op->ttl_before = 100;
	op->ttl = 200;
	op->idle = 9;
	return exchange;
}

static struct exchange *
missed(const char *line, enum store_status status)
{
	struct exchange *exchange = ask(line);

	exchange->request.op.status = (uint8_t)status;
	exchange->request.op.cas = 0;
	return exchange;
}

/* True if the operation that the line asks for is this verb with these options. */
static bool
asks_for(const char *line, enum store_verb verb, unsigned int options)
{
	struct exchange *exchange = ask(line);
	const struct store_op *op = &exchange->request.op;
	bool same = exchange->requests == 1 && op->verb == verb && op->options == options;

	if (!same)
		printf("\n%s: verb %u options %x\n", line, op->verb, op->options);
	bytes_free(&exchange->session.out);
	free(exchange);
	return same;
}

/* --- mg ----------------------------------------------------------------------------------- */

static void
mg_shows_what_is_asked_in_its_order(void)
{
	CU_ASSERT(is_told(hit("mg a\r\n"), "HD\r\n"));
	CU_ASSERT(is_told(hit("mg a v\r\n"), "VA 2\r\nhi\r\n"));
	CU_ASSERT(is_told(hit("mg a s v t f c h l k O123 q u\r\n"),
			  "VA 2 s2 t100 f5 c77 h0 l9 ka O123\r\nhi\r\n"));
	CU_ASSERT(is_told(hit("mg a k O1 f\r\n"), "HD ka O1 f5\r\n"));
	CU_ASSERT(is_told(hit("mg a O\r\n"), "HD O\r\n"));
	CU_ASSERT(is_told(hit("mg a Pfoo Lbar I F5 D5 J5 M\r\n"), "HD\r\n"));
	CU_ASSERT(is_told(hit("mg a v\n"), "VA 2\r\nhi\r\n"));
}

static void
mg_misses(void)
{
	CU_ASSERT(is_told(missed("mg a v\r\n", STORE_NOT_FOUND), "EN\r\n"));
	CU_ASSERT(is_told(missed("mg a k v O1 s\r\n", STORE_NOT_FOUND), "EN ka O1\r\n"));
	CU_ASSERT(is_told(missed("mg a v q k\r\n", STORE_NOT_FOUND), ""));
	CU_ASSERT(is_told(missed("mg YQ== b k\r\n", STORE_NOT_FOUND), "EN kYQ== b\r\n"));
}

static void
mg_asks_the_store(void)
{
	CU_ASSERT(asks_for("mg a v\r\n", STORE_GET, STORE_MAY_WIN));
	CU_ASSERT(asks_for("mg a u\r\n", STORE_GET, STORE_NO_BUMP | STORE_MAY_WIN));
	CU_ASSERT(asks_for("mg a T30\r\n", STORE_GAT, STORE_MAY_WIN));
	CU_ASSERT(asks_for("mg a N30 R10\r\n", STORE_GET,
			   STORE_CREATE | STORE_RECACHE | STORE_MAY_WIN));
	CU_ASSERT(asks_for("mg a N30 E9\r\n", STORE_GET,
			   STORE_CREATE | STORE_NEW_CAS | STORE_MAY_WIN));
	CU_ASSERT(asks_for("mg YQ== b\r\n", STORE_GET, STORE_BINARY_KEY | STORE_MAY_WIN));
}

static void
mg_times_are_as_of_the_flags_before(void)
{
	CU_ASSERT(is_told(hit("mg a t T200\r\n"), "HD t100\r\n"));
	CU_ASSERT(is_told(hit("mg a T200 t\r\n"), "HD t200\r\n"));
	CU_ASSERT(is_told(hit("mg a N9 t\r\n"), "HD t200\r\n"));
}

static void
mg_tells_of_stale_items_and_winners(void)
{
	struct exchange *exchange = hit("mg a h t\r\n");

	exchange->request.op.options |= STORE_STALE | STORE_WON | STORE_FETCHED;
	exchange->request.op.ttl_before = -1;
	CU_ASSERT(is_told(exchange, "HD h1 t-1 X W\r\n"));
	exchange = hit("mg a v\r\n");
	exchange->request.op.options |= STORE_STALE | STORE_TOKEN_SENT;
	CU_ASSERT(is_told(exchange, "VA 2 Z X\r\nhi\r\n"));
	exchange = hit("mg a R30\r\n");
	exchange->request.op.options |= STORE_WON;
	CU_ASSERT(is_told(exchange, "HD W\r\n"));
}

static void
mg_leaves_the_value_out_if_the_unique_is_known(void)
{
	CU_ASSERT(is_told(hit("mg a v C77 c\r\n"), "HD c77\r\n"));
	CU_ASSERT(is_told(hit("mg a v C76 c\r\n"), "VA 2 c77\r\nhi\r\n"));
}

static void
keys_in_base64_are_stored_as_bytes(void)
{
	struct exchange *exchange = hit("mg YWI= b k v\r\n");

	CU_ASSERT(exchange->request.op.key_length == 2);
	CU_ASSERT(memcmp(exchange->request.op.key, "ab", 2) == 0);
	CU_ASSERT((exchange->request.flags & REQUEST_ECHO) != 0);
	exchange->request.op.options |= STORE_BINARY_KEY;
	CU_ASSERT(is_told(exchange, "VA 2 kYWI= b\r\nhi\r\n"));
	/* what counts is how the item was stored */
	exchange = hit("mg ab k\r\n");
	exchange->request.op.options |= STORE_BINARY_KEY;
	CU_ASSERT(is_told(exchange, "HD kYWI= b\r\n"));
	exchange = hit("mg YWI= b k\r\n");
	exchange->request.op.options &= (uint16_t)~STORE_BINARY_KEY;
	CU_ASSERT(is_told(exchange, "HD kab\r\n"));
	CU_ASSERT(is_refused("mg YWI b\r\n", "CLIENT_ERROR error decoding key\r\n"));
	CU_ASSERT(is_refused("mg a b\r\n", "CLIENT_ERROR error decoding key\r\n"));
	CU_ASSERT(is_refused("mg ==== b\r\n", "CLIENT_ERROR error decoding key\r\n"));
	CU_ASSERT(is_refused("mg Y=== b\r\n", "CLIENT_ERROR error decoding key\r\n"));
	CU_ASSERT(is_refused("mg YW*= b\r\n", "CLIENT_ERROR error decoding key\r\n"));
}

#define BAD_FORMAT "CLIENT_ERROR bad command line format\r\n"
#define BAD_TOKEN  "CLIENT_ERROR bad token in command line format\r\n"
#define O31	   "O1234567890123456789012345678901"

static void
flags_are_checked(void)
{
	CU_ASSERT(is_refused("mg\r\n", BAD_FORMAT));
	CU_ASSERT(is_refused("mg " K251 " v\r\n", BAD_FORMAT));
	CU_ASSERT(is_refused("mg a v v\r\n", "CLIENT_ERROR duplicate flag\r\n"));
	CU_ASSERT(is_refused("mg a \x80\r\n", "CLIENT_ERROR duplicate flag\r\n"));
	CU_ASSERT(is_refused("mg a y\r\n", "CLIENT_ERROR invalid flag\r\n"));
	CU_ASSERT(is_refused("mg a !\r\n", "CLIENT_ERROR invalid flag\r\n"));
	CU_ASSERT(is_refused("mg a S2\r\n", "CLIENT_ERROR invalid flag\r\n"));
	CU_ASSERT(is_refused("mg a Tx\r\n", BAD_TOKEN));
	CU_ASSERT(is_refused("mg a N\r\n", BAD_TOKEN));
	CU_ASSERT(is_refused("mg a R1.5\r\n", BAD_TOKEN));
	CU_ASSERT(is_refused("mg a C-1\r\n", BAD_TOKEN));
	CU_ASSERT(is_refused("mg a Ex\r\n", BAD_TOKEN));
	CU_ASSERT(is_refused("mg a F4294967296\r\n", BAD_FORMAT));
	CU_ASSERT(is_refused("mg a " O31 "x\r\n", "CLIENT_ERROR opaque token too long\r\n"));
	CU_ASSERT(is_told(hit("mg a " O31 "\r\n"), "HD " O31 "\r\n"));
	CU_ASSERT(is_refused("mg a b c f h k l q s t u v x C1 D1 E1 F1 I J1\r\n",
			     "CLIENT_ERROR options flags are too long\r\n"));
}

/* --- ms ----------------------------------------------------------------------------------- */

static void
ms_stores_by_mode(void)
{
	CU_ASSERT(asks_for("ms a 2\r\nhi\r\n", STORE_SET, 0));
	CU_ASSERT(asks_for("ms a 2 MS\r\nhi\r\n", STORE_SET, 0));
	CU_ASSERT(asks_for("ms a 2 Mset\r\nhi\r\n", STORE_NONE, 0));
	CU_ASSERT(asks_for("ms a 2 ME\r\nhi\r\n", STORE_ADD, 0));
	CU_ASSERT(asks_for("ms a 2 MA\r\nhi\r\n", STORE_APPEND, 0));
	CU_ASSERT(asks_for("ms a 2 MP\r\nhi\r\n", STORE_PREPEND, 0));
	CU_ASSERT(asks_for("ms a 2 MR\r\nhi\r\n", STORE_REPLACE, 0));
	CU_ASSERT(asks_for("ms a 2 MA N30\r\nhi\r\n", STORE_APPEND, STORE_CREATE));
	CU_ASSERT(asks_for("ms a 2 N30\r\nhi\r\n", STORE_SET, 0));
	CU_ASSERT(asks_for("ms a 2 E5\r\nhi\r\n", STORE_SET, STORE_NEW_CAS));
	CU_ASSERT(
		is_refused("ms a 2 MX\r\nhi\r\n", "CLIENT_ERROR invalid mode for ms M token\r\n"));
}

static void
ms_compares_and_leaves_stale(void)
{
	CU_ASSERT(asks_for("ms a 2 C5\r\nhi\r\n", STORE_SET, STORE_IF_CAS));
	CU_ASSERT(asks_for("ms a 2 C5 MR\r\nhi\r\n", STORE_SET, STORE_IF_CAS));
	CU_ASSERT(asks_for("ms a 2 C5 ME\r\nhi\r\n", STORE_ADD, 0));
	CU_ASSERT(asks_for("ms a 2 C5 MA\r\nhi\r\n", STORE_APPEND, STORE_IF_CAS));
	CU_ASSERT(asks_for("ms a 2 C0 MA\r\nhi\r\n", STORE_APPEND, 0));
	CU_ASSERT(asks_for("ms a 2 C0\r\nhi\r\n", STORE_SET, STORE_IF_CAS));
	CU_ASSERT(asks_for("ms a 2 C5 I\r\nhi\r\n", STORE_SET, STORE_IF_CAS | STORE_INVALIDATE));
	CU_ASSERT(asks_for("ms a 2 I\r\nhi\r\n", STORE_SET, 0));
}

static void
ms_answers(void)
{
	CU_ASSERT(is_told(hit("ms a 2\r\nhi\r\n"), "HD\r\n"));
	CU_ASSERT(is_told(hit("ms a 2 q k c\r\nhi\r\n"), ""));
	CU_ASSERT(is_told(hit("ms a 2 c k O1 s t\r\nhi\r\n"), "HD c77 ka O1 s2\r\n"));
	CU_ASSERT(is_told(hit("ms YWI= 2 b k\r\nhi\r\n"), "HD kYWI= b\r\n"));
	CU_ASSERT(is_told(missed("ms a 2 C5 q\r\nhi\r\n", STORE_EXISTS), "EX\r\n"));
	CU_ASSERT(is_told(missed("ms a 2 C5 k\r\nhi\r\n", STORE_NOT_FOUND), "NF ka\r\n"));
	CU_ASSERT(is_told(missed("ms a 2 ME q\r\nhi\r\n", STORE_EXISTS), "NS\r\n"));
	CU_ASSERT(is_told(missed("ms a 2 MR\r\nhi\r\n", STORE_NOT_FOUND), "NS\r\n"));
	CU_ASSERT(is_told(missed("ms a 2 MA C5\r\nhi\r\n", STORE_NOT_FOUND), "NS\r\n"));
	CU_ASSERT(is_told(missed("ms a 2 q\r\nhi\r\n", STORE_NO_MEMORY),
			  "SERVER_ERROR out of memory storing object\r\n"));
}

static void
ms_swallows_what_it_refuses(void)
{
	CU_ASSERT(is_refused("ms a\r\n", BAD_FORMAT));
	CU_ASSERT(is_refused("ms a x\r\n", BAD_FORMAT));
	CU_ASSERT(is_refused("ms a -1\r\n", BAD_FORMAT));
	CU_ASSERT(is_refused("ms a 2 c c\r\nhi\r\n", "CLIENT_ERROR duplicate flag\r\n"));
	CU_ASSERT(is_refused("ms a 2 S2\r\nhi\r\n", "CLIENT_ERROR invalid flag\r\n"));
	CU_ASSERT(is_refused("ms a 2 F4294967296\r\nhi\r\n", BAD_FORMAT));
	CU_ASSERT(is_refused("ms a 2 b\r\nhi\r\n", "CLIENT_ERROR error decoding key\r\n"));
	CU_ASSERT(is_refused("ms " K251 " 2\r\nhi\r\n", BAD_FORMAT));
	CU_ASSERT(is_refused("ms a 2 q\r\nhi\n\n", "CLIENT_ERROR bad data chunk\r\n"));
}

static void
ms_removes_what_is_too_large_to_replace(void)
{
	struct exchange *exchange = ask("ms YWI= 2000000 b q\r\nhi");

	CU_ASSERT(exchange->requests == 1 && exchange->stream.swallow == 2000000);
	CU_ASSERT(exchange->request.op.verb == STORE_DELETE);
	CU_ASSERT(memcmp(exchange->request.op.key, "ab", 2) == 0);
	CU_ASSERT(is_told(exchange, ""));
}

static void
an_unfinished_ms_keeps_its_key(void)
{
	struct exchange *exchange = ask("ms YWI= 2 b\r\nh");

	CU_ASSERT(exchange->result == PARSE_MORE && exchange->requests == 0);
	CU_ASSERT(memcmp(exchange->asked, "ms YWI= 2 b\r\nh", 14) == 0);
	CU_ASSERT(exchange->stream.wanted == strlen("ms YWI= 2 b\r\nhi\r\n"));
	bytes_free(&exchange->session.out);
	free(exchange);
}

/* --- md, ma, me, mn ----------------------------------------------------------------------- */

static void
md_deletes_or_marks(void)
{
	CU_ASSERT(asks_for("md a\r\n", STORE_DELETE, 0));
	CU_ASSERT(asks_for("md a C5\r\n", STORE_DELETE, STORE_IF_CAS));
	CU_ASSERT(asks_for("md a I\r\n", STORE_DELETE, STORE_INVALIDATE));
	CU_ASSERT(asks_for("md a I T30\r\n", STORE_DELETE, STORE_INVALIDATE | STORE_TOUCHES));
	CU_ASSERT(asks_for("md a T30\r\n", STORE_DELETE, 0));
	CU_ASSERT(asks_for("md a x\r\n", STORE_DELETE, STORE_DROP_VALUE));
	CU_ASSERT(asks_for("md a I E5\r\n", STORE_DELETE, STORE_INVALIDATE | STORE_NEW_CAS));
	CU_ASSERT(is_told(hit("md a\r\n"), "HD\r\n"));
	CU_ASSERT(is_told(hit("md a k O1 c\r\n"), "HD ka O1\r\n"));
	CU_ASSERT(is_told(hit("md a q k\r\n"), ""));
	CU_ASSERT(is_told(missed("md a q k O1\r\n", STORE_NOT_FOUND), "NF ka O1\r\n"));
	CU_ASSERT(is_told(missed("md a q C5\r\n", STORE_EXISTS), "EX\r\n"));
	CU_ASSERT(is_refused("md\r\n", BAD_FORMAT));
	CU_ASSERT(is_refused("md " K251 "\r\n", BAD_FORMAT));
	CU_ASSERT(is_refused("md a Cx\r\n", BAD_TOKEN));
	CU_ASSERT(is_refused("md a q q\r\n", "CLIENT_ERROR duplicate flag\r\n"));
}

static void
ma_counts(void)
{
	static const char not_a_number[] =
		"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n";
	struct exchange *exchange = ask("ma a\r\n");

	CU_ASSERT(exchange->request.op.verb == STORE_INCR && exchange->request.op.delta == 1);
	bytes_free(&exchange->session.out);
	free(exchange);
	CU_ASSERT(asks_for("ma a MI D5\r\n", STORE_INCR, 0));
	CU_ASSERT(asks_for("ma a M+\r\n", STORE_INCR, 0));
	CU_ASSERT(asks_for("ma a MD\r\n", STORE_DECR, 0));
	CU_ASSERT(asks_for("ma a M-\r\n", STORE_DECR, 0));
	CU_ASSERT(asks_for("ma a N30 J13 C5\r\n", STORE_INCR, STORE_CREATE | STORE_IF_CAS));
	CU_ASSERT(asks_for("ma a C0\r\n", STORE_INCR, 0));
	CU_ASSERT(asks_for("ma a T30 E5\r\n", STORE_INCR, STORE_TOUCHES | STORE_NEW_CAS));
	CU_ASSERT(is_told(hit("ma a\r\n"), "HD\r\n"));
	CU_ASSERT(is_told(hit("ma a v t c k O7\r\n"), "VA 2 t100 c77 ka O7\r\n42\r\n"));
	CU_ASSERT(is_told(hit("ma a T9 t\r\n"), "HD t200\r\n"));
	CU_ASSERT(is_told(hit("ma a q v\r\n"), ""));
	CU_ASSERT(is_told(missed("ma a q k\r\n", STORE_NOT_FOUND), "NF ka\r\n"));
	CU_ASSERT(is_told(missed("ma a q C5 O1\r\n", STORE_EXISTS), "EX O1\r\n"));
	CU_ASSERT(is_told(missed("ma a q\r\n", STORE_NOT_A_NUMBER), not_a_number));
	exchange = hit("ma a N9 q v\r\n");
	exchange->request.op.options |= STORE_CREATED;
	CU_ASSERT(is_told(exchange, "VA 2\r\n42\r\n"));
}

static void
ma_refuses_wrong_flags(void)
{
	static const char invalid[] = "CLIENT_ERROR invalid or duplicate flag\r\n";

	CU_ASSERT(is_refused("ma\r\n", BAD_FORMAT));
	CU_ASSERT(is_refused("ma " K251 "\r\n", BAD_FORMAT));
	CU_ASSERT(is_refused("ma a Dx\r\n", invalid));
	CU_ASSERT(is_refused("ma a J-1\r\n", invalid));
	CU_ASSERT(is_refused("ma a v v\r\n", invalid));
	CU_ASSERT(is_refused("ma a y\r\n", invalid));
	CU_ASSERT(is_refused("ma a b\r\n", invalid));
	CU_ASSERT(is_refused("ma a Mx\r\n", "CLIENT_ERROR invalid mode for ma M token\r\n"));
	CU_ASSERT(is_refused("ma a Mincr\r\n", "CLIENT_ERROR invalid mode for ma M token\r\n"));
}

static void
me_shows_an_item(void)
{
	struct exchange *exchange = hit("me a\r\n");

	CU_ASSERT(exchange->request.op.options == (STORE_NO_BUMP | STORE_DETAILS | STORE_KEEP_CAS));
	CU_ASSERT(is_told(exchange, "ME a exp=200 la=9 cas=77 fetch=no cls=1 size=66\r\n"));
	exchange = hit("me YWI= b\r\n");
	exchange->request.op.options |= STORE_BINARY_KEY | STORE_FETCHED;
	exchange->request.op.ttl = -1;
	exchange->request.op.flags = 0;
	CU_ASSERT(is_told(exchange, "ME YWI= exp=-1 la=9 cas=77 fetch=yes cls=1 size=63\r\n"));
	CU_ASSERT(is_told(missed("me a\r\n", STORE_NOT_FOUND), "EN\r\n"));
	CU_ASSERT(is_refused("me\r\n", BAD_FORMAT));
	CU_ASSERT(is_refused("me " K251 "\r\n", BAD_FORMAT));
	CU_ASSERT(is_refused("me a b\r\n", BAD_FORMAT));
}

static void
the_longest_reply_fits(void)
{
	char line[512], wanted[1024], key[251];
	struct exchange *exchange;

	memset(key, 'k', 250);
	key[250] = '\0';
	snprintf(line, sizeof(line), "mg %s k v t s l h f c " O31 "\r\n", key);
	exchange = hit(line);
	exchange->request.op.cas = UINT64_MAX;
	exchange->request.op.flags = UINT32_MAX;
	exchange->request.op.idle = UINT32_MAX;
	exchange->request.op.ttl_before = UINT32_MAX;
	exchange->request.op.options = STORE_STALE | STORE_TOKEN_SENT | STORE_WON | STORE_FETCHED;
	snprintf(wanted, sizeof(wanted),
		 "VA 2 k%s t4294967295 s2 l4294967295 h1 f4294967295 c18446744073709551615 " O31
		 " Z X W\r\nhi\r\n",
		 key);
	CU_ASSERT(is_told(exchange, wanted));
}

SUITE("meta commands", TEST(mg_shows_what_is_asked_in_its_order), TEST(mg_misses),
      TEST(mg_asks_the_store), TEST(mg_times_are_as_of_the_flags_before),
      TEST(mg_tells_of_stale_items_and_winners),
      TEST(mg_leaves_the_value_out_if_the_unique_is_known),
      TEST(keys_in_base64_are_stored_as_bytes), TEST(flags_are_checked), TEST(ms_stores_by_mode),
      TEST(ms_compares_and_leaves_stale), TEST(ms_answers), TEST(ms_swallows_what_it_refuses),
      TEST(ms_removes_what_is_too_large_to_replace), TEST(an_unfinished_ms_keeps_its_key),
      TEST(md_deletes_or_marks), TEST(ma_counts), TEST(ma_refuses_wrong_flags),
      TEST(me_shows_an_item), TEST(the_longest_reply_fits))
