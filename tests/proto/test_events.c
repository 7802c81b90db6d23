/* SPDX-License-Identifier: BSD-3-Clause */
/* The lines of `watch` and `stats conns`, as memcached 1.6.18 was seen to write them. */
#include "dataplane/proto/connections.h"
#include "dataplane/proto/event.h"
#include "tests/suite.h"

static const uint64_t when = 1795475940396553;

static const char *
line_of(struct event event, const void *key, size_t key_length)
{
	static char line[EVENT_LINE_MAX + 1];
	size_t length;

	event.key_length = (uint8_t)key_length;
	event.connection = 23;
	length = event_format(line, &event, key, when, 24);
	CU_ASSERT_FATAL(length <= EVENT_LINE_MAX);
	line[length] = '\0';
	return line;
}

#define LINE(key, ...) line_of((struct event){__VA_ARGS__}, key, sizeof(key) - 1)

static void
lookups_are_told(void)
{
	CU_ASSERT_STRING_EQUAL(LINE("none", .type = EVENT_ITEM_GET),
			       "ts=1795475940.396553 gid=24 type=item_get key=none "
			       "status=not_found clsid=0 cfd=23 size=0\n");
	CU_ASSERT_STRING_EQUAL(
		LINE("k", .type = EVENT_ITEM_GET, .status = LOOKUP_FOUND, .class = 1, .size = 5),
		"ts=1795475940.396553 gid=24 type=item_get key=k status=found clsid=1 cfd=23 "
		"size=5\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(LINE("k", .type = EVENT_ITEM_GET, .status = LOOKUP_FLUSHED),
				      " status=flushed clsid=0 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(LINE("k", .type = EVENT_ITEM_GET, .status = LOOKUP_EXPIRED),
				      " status=expired clsid=0 "));
}

static const char *
store_line(enum event_outcome outcome, int64_t exptime)
{
	return LINE("a", .type = EVENT_ITEM_STORE, .status = (uint8_t)outcome, .command = "cas",
		    .class = 1, .size = 3, .exptime = exptime);
}

static void
stores_are_told(void)
{
	static const char *const outcomes[] = {
		[OUTCOME_NOT_STORED] = "not_stored", [OUTCOME_STORED] = "stored",
		[OUTCOME_EXISTS] = "exists",	     [OUTCOME_NOT_FOUND] = "not_found",
		[OUTCOME_TOO_LARGE] = "too_large",   [OUTCOME_NO_MEMORY] = "no_memory",
	};
	char wanted[32];

	CU_ASSERT_STRING_EQUAL(store_line(OUTCOME_STORED, 0),
			       "ts=1795475940.396553 gid=24 type=item_store key=a status=stored "
			       "cmd=cas ttl=0 clsid=1 cfd=23 size=3\n");
	for (unsigned int i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		snprintf(wanted, sizeof(wanted), " status=%s cmd=", outcomes[i]);
		CU_ASSERT_PTR_NOT_NULL(strstr(store_line(i, 0), wanted));
	}
	/* seconds, and beyond 30 days a date */
	CU_ASSERT_PTR_NOT_NULL(strstr(store_line(OUTCOME_STORED, 2592000), " ttl=2592000 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(store_line(OUTCOME_STORED, 1795476040), " ttl=100 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(store_line(OUTCOME_STORED, -1), " ttl=4294967295 "));
}

static void
what_goes_is_told(void)
{
	CU_ASSERT_STRING_EQUAL(
		LINE("k", .type = EVENT_ITEM_DELETED, .command = "md", .class = 1, .size = 4),
		"ts=1795475940.396553 gid=24 type=deleted key=k cmd=md clsid=1 "
		"size=4\n");
	CU_ASSERT_STRING_EQUAL(LINE("ev0", .type = EVENT_EVICTION, .class = 1, .size = 200000,
				    .exptime = -1, .idle = 3),
			       "ts=1795475940.396553 gid=24 type=eviction key=ev0 fetch=no ttl=-1 "
			       "la=3 clsid=1 size=200000\n");
	CU_ASSERT_PTR_NOT_NULL(
		strstr(LINE("e", .type = EVENT_EVICTION, .fetched = 1, .exptime = 99),
		       "fetch=yes ttl=99 "));
}

static void
keys_are_encoded(void)
{
	uint8_t longest[EVENT_KEY_MAX];
	const char *line;

	CU_ASSERT_PTR_NOT_NULL(strstr(LINE("\x01k%\x7f\xff/&", .type = EVENT_ITEM_GET),
				      " key=%01k%25%7F%FF%2F%26 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(LINE("a\0b", .type = EVENT_ITEM_GET), " key=a%00b "));
	CU_ASSERT_PTR_NOT_NULL(strstr(LINE("aZ09-._~", .type = EVENT_ITEM_GET), " key=aZ09-._~ "));
	memset(longest, 0xee, sizeof(longest));
	line = line_of((struct event){.type = EVENT_ITEM_STORE,
				      .command = "prepend",
				      .status = OUTCOME_NOT_STORED,
				      .exptime = -1,
				      .size = UINT32_MAX},
		       longest, sizeof(longest));
	CU_ASSERT_EQUAL(line[strlen(line) - 1], '\n');
	CU_ASSERT_EQUAL(strspn(strstr(line, "%EE"), "%E"), 3 * EVENT_KEY_MAX);
}

static void
connections_are_told(void)
{
	static const uint8_t ipv4[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 77, 0, 2};
	static const uint8_t ipv6[16] = {0xfd, 0x77, [15] = 2};
	static const char *const reasons[] = {
		[REASON_ERROR] = "error",
		[REASON_NORMAL] = "normal",
		[REASON_IDLE_TIMEOUT] = "idle_timeout",
		[REASON_SHUTDOWN] = "shutdown",
	};
	char wanted[40];

	CU_ASSERT_STRING_EQUAL(
		line_of((struct event){.type = EVENT_CONNECTION_NEW, .port = 55686}, ipv4, 16),
		"ts=1795475940.396553 gid=24 type=conn_new rip=10.77.0.2 rport=55686 "
		"transport=tcp cfd=23\n");
	CU_ASSERT_STRING_EQUAL(
		line_of((struct event){.type = EVENT_CONNECTION_CLOSE, .port = 1, .status = 1},
			ipv6, 16),
		"ts=1795475940.396553 gid=24 type=conn_close rip=fd77::2 rport=1 transport=tcp "
		"reason=normal cfd=23\n");
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		snprintf(wanted, sizeof(wanted), " reason=%s cfd=23\n", reasons[i]);
		CU_ASSERT_PTR_NOT_NULL(strstr(line_of((struct event){.type = EVENT_CONNECTION_CLOSE,
								     .status = (uint8_t)i},
						      ipv4, 16),
					      wanted));
	}
}

static void
kinds_go_with_types(void)
{
	CU_ASSERT_EQUAL(event_kind(EVENT_ITEM_GET), EVENT_FETCHERS);
	CU_ASSERT_EQUAL(event_kind(EVENT_ITEM_STORE), EVENT_MUTATIONS);
	CU_ASSERT_EQUAL(event_kind(EVENT_ITEM_DELETED), EVENT_DELETIONS);
	CU_ASSERT_EQUAL(event_kind(EVENT_EVICTION), EVENT_EVICTIONS);
	CU_ASSERT_EQUAL(event_kind(EVENT_CONNECTION_NEW), EVENT_CONNECTIONS);
	CU_ASSERT_EQUAL(event_kind(EVENT_CONNECTION_CLOSE), EVENT_CONNECTIONS);
	CU_ASSERT_EQUAL(EVENT_KINDS & EVENT_NOTHING, 0);
}

/* --- stats conns ---------------------------------------------------------------------------- */

struct page {
	struct reply reply;
	uint8_t bytes[1024];
};

static int
page_extend(struct reply *reply)
{
	(void)reply;
	return -1;
}

static const char *
lines_of(const struct connection_facts *facts)
{
	static struct page page;

	page.reply = (struct reply){.cursor = page.bytes,
				    .limit = page.bytes + sizeof(page.bytes),
				    .extend = page_extend};
	connection_put(&page.reply, facts);
	CU_ASSERT_FALSE(page.reply.failed);
	*page.reply.cursor = '\0';
	return (const char *)page.bytes;
}

static void
conns_are_listed(void)
{
	struct connection_facts facts = {
		.number = 14,
		.silent = 174,
		.state = CONNECTION_LISTENING,
		.local_port = 21999,
		.peer_port = 55694,
		.local = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1},
		.peer = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1},
	};

	CU_ASSERT_STRING_EQUAL(lines_of(&facts), "STAT 14:addr tcp:127.0.0.1:21999\r\n"
						 "STAT 14:state conn_listening\r\n"
						 "STAT 14:secs_since_last_cmd 174\r\n");
	facts.state = CONNECTION_DATAGRAMS;
	CU_ASSERT_STRING_EQUAL(lines_of(&facts), "STAT 14:UDP UDP\r\n"
						 "STAT 14:addr udp:127.0.0.1:21999\r\n"
						 "STAT 14:state conn_read\r\n"
						 "STAT 14:secs_since_last_cmd 174\r\n");
	facts.state = CONNECTION_WATCH;
	CU_ASSERT_STRING_EQUAL(lines_of(&facts), "STAT 14:addr tcp:127.0.0.1:55694\r\n"
						 "STAT 14:listen_addr tcp:127.0.0.1:21999\r\n"
						 "STAT 14:state conn_watch\r\n"
						 "STAT 14:secs_since_last_cmd 174\r\n");
	memset(facts.local, 0, sizeof(facts.local));
	facts.local[15] = 1;
	facts.state = CONNECTION_LISTENING;
	CU_ASSERT_PTR_NOT_NULL(strstr(lines_of(&facts), "STAT 14:addr tcp6:[::1]:21999\r\n"));
}

/* All that can be said of one fits what is reserved for it. */
static void
the_longest_conn_fits(void)
{
	struct connection_facts facts = {
		.number = UINT32_MAX,
		.silent = UINT32_MAX,
		.state = CONNECTION_COMMAND,
		.local_port = UINT16_MAX,
		.peer_port = UINT16_MAX,
	};

	memset(facts.local, 0xee, sizeof(facts.local));
	memset(facts.peer, 0xee, sizeof(facts.peer));
	CU_ASSERT(strlen(lines_of(&facts)) < 400);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(lines_of(&facts),
		       ":listen_addr tcp6:[eeee:eeee:eeee:eeee:eeee:eeee:eeee:eeee]:65535\r\n"));
}

SUITE("events and connections", TEST(lookups_are_told), TEST(stores_are_told),
      TEST(what_goes_is_told), TEST(keys_are_encoded), TEST(connections_are_told),
      TEST(kinds_go_with_types), TEST(conns_are_listed), TEST(the_longest_conn_fits))
