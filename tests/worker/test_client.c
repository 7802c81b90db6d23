/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections' bytes to requests and back, with a TCP that is nothing but arrays: the same stream
 * cut in every way must be answered the same, and nothing of it be kept at its end.
 */
#include <rte_eal.h>

#include "dataplane/client.h"
#include "dataplane/observe.h"
#include "dataplane/worker.h"
#include "tests/suite.h"

enum {
	STREAM_MAX = 1 << 21,
	PIECE_MAX = 1460,
	BUFFERS = 64,
	ITEM_MAX = 1 << 20,
};

/* --- a TCP of arrays ----------------------------------------------------------------------- */

struct tcp_connection {
	struct client client;
	const uint8_t *in;
	size_t length, visible; /* of in: all, and what has arrived */
	size_t taken;
	size_t out_length;
	bool ended, closed, aborted, congested;
	uint8_t piece[PIECE_MAX]; /* what has arrived: overwritten at the end of the turn */
	size_t piece_length, piece_taken;
	uint8_t out[STREAM_MAX];
};

static unsigned int buffers_taken, buffers_left = BUFFERS;
static uint8_t *later[BUFFERS];
static unsigned int later_count;

void *
tcp_user(struct tcp_connection *connection)
{
	return &connection->client;
}

size_t
tcp_receive(struct tcp_connection *connection, const uint8_t **bytes)
{
	*bytes = connection->piece + connection->piece_taken;
	return connection->piece_length - connection->piece_taken;
}

void
tcp_take(struct tcp_connection *connection, size_t length)
{
	CU_ASSERT_FATAL(length <= connection->piece_length - connection->piece_taken);
	connection->piece_taken += length;
}

bool
tcp_at_end(const struct tcp_connection *connection)
{
	return connection->ended && connection->piece_taken == connection->piece_length;
}

bool
tcp_is_congested(const struct tcp_connection *connection)
{
	return connection->congested;
}

/* Little room at a time, so that replies cross from one buffer to the next. */
uint8_t *
tcp_write_begin(struct tcp_connection *connection, uint8_t **limit)
{
	size_t room = 1 + connection->out_length * 7 % 61;

	CU_ASSERT_FATAL(connection->out_length + room <= STREAM_MAX);
	*limit = connection->out + connection->out_length + room;
	return connection->out + connection->out_length;
}

void
tcp_write_end(struct tcp_connection *connection, const uint8_t *end)
{
	connection->out_length = (size_t)(end - connection->out);
}

static struct store_worker *store_worker;

int
tcp_send_pinned(struct tcp_connection *connection, const uint8_t *bytes, uint32_t length,
		uint32_t pin)
{
	CU_ASSERT_FATAL(connection->out_length + length <= STREAM_MAX);
	memcpy(connection->out + connection->out_length, bytes, length);
	connection->out_length += length;
	store_unpin(store_worker, pin);
	return 0;
}

void
tcp_close(struct tcp_connection *connection)
{
	connection->closed = true;
}

void
tcp_abort(struct tcp_connection *connection)
{
	connection->aborted = true;
}

uint8_t *
tcp_buffer_take(struct tcp *tcp)
{
	(void)tcp;
	if (buffers_left == 0)
		return NULL;
	buffers_left--;
	buffers_taken++;
	return malloc(TCP_BUFFER_SIZE);
}

void
tcp_buffer_give(struct tcp *tcp, uint8_t *buffer, bool is_later)
{
	(void)tcp;
	if (is_later) {
		CU_ASSERT_FATAL(later_count < BUFFERS);
		later[later_count++] = buffer;
		return;
	}
	free(buffer);
	buffers_left++;
}

/* What the worker's loop needs: this test has none. */
void
tcp_advance(struct tcp *tcp, uint64_t now)
{
	(void)tcp;
	(void)now;
}

void
tcp_input(struct tcp *tcp, struct tcp_port *port, struct packet *packet)
{
	(void)tcp;
	(void)port;
	(void)packet;
}

unsigned int
tcp_input_plain(struct tcp *tcp, struct tcp_port *port, struct rte_mbuf **mbufs, unsigned int count)
{
	(void)tcp;
	(void)port;
	(void)mbufs;
	(void)count;
	return 0;
}

void
tcp_path_mtu(struct tcp *tcp, struct tcp_port *port, const struct packet *packet, uint16_t mtu)
{
	(void)tcp;
	(void)port;
	(void)packet;
	(void)mtu;
}

void
tcp_be_patient(struct tcp_connection *connection)
{
	(void)connection;
}

struct tcp_connection *
tcp_next_ready(struct tcp *tcp)
{
	(void)tcp;
	return NULL;
}

void
tcp_flush(struct tcp *tcp)
{
	(void)tcp;
	for (unsigned int i = 0; i < later_count; i++) {
		free(later[i]);
		buffers_left++;
	}
	later_count = 0;
}

void
tcp_reset_all(struct tcp *tcp)
{
	(void)tcp;
}

uint64_t
tcp_next_timer(const struct tcp *tcp)
{
	(void)tcp;
	return UINT64_MAX;
}

/* --- the rig ------------------------------------------------------------------------------- */

static struct worker *worker;
static struct store *store;
static struct tcp_connection *connection;

/* There is one connection, and its number is 3. */
void
tcp_describe(const struct tcp_connection *described, struct tcp_peer *peer)
{
	*peer = (struct tcp_peer){
		.address = address_ipv4(RTE_BE32(0x0a000007)),
		.local = address_ipv4(RTE_BE32(0x0a000001)),
		.port = RTE_BE16(4711),
		.local_port = RTE_BE16(11211),
		.silent_seconds = 5,
		.closed = described->closed,
	};
}

uint32_t
tcp_number(const struct tcp_connection *numbered)
{
	return numbered == connection ? 3 : 0;
}

struct tcp_connection *
tcp_at(const struct tcp *tcp, uint32_t number)
{
	(void)tcp;
	return number == 3 ? connection : NULL;
}

uint32_t
tcp_numbers(const struct tcp *tcp)
{
	(void)tcp;
	return 4;
}

static int
report(void *owner, const char *group, size_t length, stat_emit *emit, void *arg)
{
	(void)owner;
	(void)group;
	(void)length;
	emit(arg, "answer", "42");
	return 0;
}

static void
open_rig(void)
{
	struct store_options options = {.memory = 64 << 20,
					.item_size_max = ITEM_MAX,
					.workers = 1,
					.shards = 1,
					.numa_nodes = {-1},
					.unix_time = 1000000000};

	CU_ASSERT_EQUAL_FATAL(store_create(&store, &options), 0);
	worker = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*worker));
	memset(worker, 0, sizeof(*worker));
	CU_ASSERT_EQUAL_FATAL(store_worker_open(store, 0, &worker->server.store), 0);
	store_worker = worker->server.store;
	worker->limits.item_size_max = ITEM_MAX;
	worker->limits.assembled_max = CLIENT_HEAD_MAX;
	worker->server.stats = &worker->proto;
	worker->server.version = "1.6.18";
	worker->server.report = report;
	connection = calloc(1, sizeof(*connection));
	buffers_left = BUFFERS;
}

static void
close_rig(void)
{
	free(connection);
	store_worker_close(worker->server.store);
	store_destroy(store);
	free(worker);
}

/* One turn of the worker, in which the next `length` bytes have arrived; then they are gone. */
static void
turn(size_t length)
{
	const uint8_t *rest = connection->piece + connection->piece_taken;
	size_t kept = connection->piece_length - connection->piece_taken;

	memmove(connection->piece, rest, kept);
	length = RTE_MIN(length, PIECE_MAX - kept);
	length = RTE_MIN(length, connection->length - connection->taken);
	memcpy(connection->piece + kept, connection->in + connection->taken, length);
	connection->taken += length;
	connection->piece_length = kept + length;
	connection->piece_taken = 0;
	client_read(worker, connection);
	listing_go_on(worker);
	listing_answer(worker);
	observe_send(worker);
	if (worker->batch.messages != 0)
		batch_run(worker);
	if (worker->failed != NULL)
		client_reset_failed(worker);
	tcp_flush(NULL);
	memset(connection->piece, '#', connection->piece_taken);
	store_quiescent(worker->server.store);
}

/* Feeds a stream in pieces of at most `most` bytes (0: drawn with `seed`), then its end. */
static void
feed(const uint8_t *bytes, size_t length, size_t most, unsigned int seed)
{
	memset(connection, 0, offsetof(struct tcp_connection, out));
	connection->in = bytes;
	connection->length = length;
	while (connection->taken < length && !connection->closed && !connection->aborted) {
		seed = seed * 1103515245 + 12345;
		turn(most != 0 ? most : 1 + (seed >> 8) % (seed % 3 == 0 ? 8 : PIECE_MAX));
	}
	connection->ended = true;
	for (unsigned int i = 0; i < 20 && !connection->closed && !connection->aborted; i++)
		turn(0);
	CU_ASSERT(connection->closed || connection->aborted);
	client_closed(worker, connection);
	CU_ASSERT_EQUAL(buffers_left, BUFFERS);
}

struct bytes {
	size_t length;
	uint8_t start[STREAM_MAX];
};

static struct bytes stream, wanted;

static void
add(const void *bytes, size_t length)
{
	memcpy(stream.start + stream.length, bytes, length);
	stream.length += length;
}

static void
add_text(const char *text)
{
	add(text, strlen(text));
}

static void
add_filler(size_t length, char first)
{
	for (size_t i = 0; i < length; i++)
		stream.start[stream.length++] = (uint8_t)(first + i % 23);
}

static void
want_text(const char *text)
{
	memcpy(wanted.start + wanted.length, text, strlen(text));
	wanted.length += strlen(text);
}

static void
want_filler(size_t length, char first)
{
	for (size_t i = 0; i < length; i++)
		wanted.start[wanted.length++] = (uint8_t)(first + i % 23);
}

static void
begin(void)
{
	stream.length = 0;
	wanted.length = 0;
}

/* The stream must be answered as wanted however it is cut. */
static void
check(void)
{
	static const size_t pieces[] = {1, 2, 3, 7, 24, 100, 536, PIECE_MAX, 0, 0, 0, 0, 0, 0};

	for (unsigned int i = 0; i < RTE_DIM(pieces); i++) {
		feed(stream.start, stream.length, pieces[i], i);
		CU_ASSERT_FALSE(connection->aborted);
		CU_ASSERT_EQUAL_FATAL(connection->out_length, wanted.length);
		CU_ASSERT_EQUAL_FATAL(memcmp(connection->out, wanted.start, wanted.length), 0);
	}
}

/* --- tests --------------------------------------------------------------------------------- */

static void
commands_may_be_cut_anywhere(void)
{
	open_rig();
	begin();
	add_text(
		"set a 5 0 3\r\nabc\r\nget a b a\r\nset b 0 0 1 noreply\r\nx\r\nget b\r\n"
		"incr a 1\r\nbogus\r\nset a 0 0 2\r\nabc\r\ndelete b\r\nmn\r\nmg a v\r\nstats\r\n");
	want_text("STORED\r\nVALUE a 5 3\r\nabc\r\nVALUE a 5 3\r\nabc\r\nEND\r\nVALUE b 0 "
		  "1\r\nx\r\nEND\r\n"
		  "CLIENT_ERROR cannot increment or decrement non-numeric value\r\nERROR\r\n"
		  "CLIENT_ERROR bad data chunk\r\nERROR\r\nDELETED\r\nMN\r\nVA 3\r\nabc\r\n"
		  "STAT answer 42\r\nEND\r\n");
	check();
	close_rig();
}

static void
large_values_go_straight_to_the_store(void)
{
	open_rig();
	begin();
	add_text("set big 7 0 300000\r\n");
	add_filler(300000, 'a');
	add_text("\r\nget big\r\nappend big 0 0 5000\r\n");
	add_filler(5000, 'A');
	add_text("\r\nms big 6000 T0 F9 q\r\n");
	add_filler(6000, '0');
	add_text("\r\nmg big v f\r\nadd big 0 0 5000 noreply\r\n");
	add_filler(5000, 'z');
	add_text("\r\nset big 0 0 5000\r\n");
	add_filler(5001, 'z');
	add_text("\r\nget none\r\n");
	want_text("STORED\r\nVALUE big 7 300000\r\n");
	want_filler(300000, 'a');
	want_text("\r\nEND\r\nSTORED\r\nVA 6000 f9\r\n");
	want_filler(6000, '0');
	/* the byte too many begins the next line */
	want_text("\r\nCLIENT_ERROR bad data chunk\r\nERROR\r\nEND\r\n");
	check();
	close_rig();
}

static void
values_over_the_limit_are_swallowed(void)
{
	open_rig();
	begin();
	add_text("set big 0 0 1\r\nx\r\nset big 0 0 1100000\r\n");
	add_filler(1100000, 'a');
	add_text("\r\nget big\r\n");
	want_text("STORED\r\nSERVER_ERROR object too large for cache\r\nEND\r\n");
	check();
	close_rig();
}

static void
a_long_multi_get_is_answered_as_its_keys_come(void)
{
	char key[64];

	open_rig();
	begin();
	add_text("set k77 0 0 1\r\nx\r\nget");
	for (unsigned int i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), " k%u", i);
		add_text(key);
	}
	add_text(" k77\r\nget k77\r\n");
	want_text("STORED\r\nVALUE k77 0 1\r\nx\r\nVALUE k77 0 1\r\nx\r\nEND\r\n"
		  "VALUE k77 0 1\r\nx\r\nEND\r\n");
	check();
	close_rig();
}

static void
an_endless_line_ends_the_connection(void)
{
	open_rig();
	begin();
	add_text("version\r\n");
	add_filler(10000, 'a');
	feed(stream.start, stream.length, PIECE_MAX, 0);
	CU_ASSERT_TRUE(connection->closed);
	CU_ASSERT_TRUE(connection->taken < stream.length);
	CU_ASSERT_EQUAL(memcmp(connection->out, "VERSION ", 8), 0);
	close_rig();
}

static void
quit_ends_it_after_the_replies(void)
{
	open_rig();
	begin();
	add_text("set q 0 0 1\r\nx\r\nget q\r\nquit\r\nget q\r\n");
	want_text("STORED\r\nVALUE q 0 1\r\nx\r\nEND\r\n");
	check();
	begin();
	add_text("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	check();
	close_rig();
}

static void
want_binary(uint8_t opcode, uint8_t status, const char *extras, size_t extras_length,
	    const char *body, size_t body_length, uint64_t cas)
{
	size_t total = extras_length + body_length;
	uint8_t header[24] = {0x81, opcode, 0, 0, (uint8_t)extras_length, 0, 0, status};

	header[8] = (uint8_t)(total >> 24);
	header[9] = (uint8_t)(total >> 16);
	header[10] = (uint8_t)(total >> 8);
	header[11] = (uint8_t)total;
	(void)cas;
	memcpy(wanted.start + wanted.length, header, sizeof(header));
	wanted.length += sizeof(header);
	if (extras != NULL)
		memcpy(wanted.start + wanted.length, extras, extras_length);
	wanted.length += extras_length;
	if (body != NULL)
		memcpy(wanted.start + wanted.length, body, body_length);
	wanted.length += body != NULL ? body_length : 0;
}

static void
add_binary(uint8_t opcode, const char *key, bool stores, uint32_t value_length, char first)
{
	uint32_t total = (stores ? 8 : 0) + (uint32_t)strlen(key) + value_length;
	uint8_t header[24] = {0x80, opcode, 0, (uint8_t)strlen(key), stores ? 8 : 0};

	header[8] = (uint8_t)(total >> 24);
	header[9] = (uint8_t)(total >> 16);
	header[10] = (uint8_t)(total >> 8);
	header[11] = (uint8_t)total;
	add(header, sizeof(header));
	if (stores)
		add("\0\0\0\7\0\0\0\0", 8);
	add_text(key);
	add_filler(value_length, first);
}

/* CAS uniques differ from run to run: they are blanked. */
static void
check_binary(void)
{
	for (unsigned int seed = 0; seed < 24; seed++) {
		size_t at = 0;

		feed(stream.start, stream.length, seed < 8 ? 1 + 5 * seed : 0, seed);
		CU_ASSERT_EQUAL_FATAL(connection->out_length, wanted.length);
		while (at + 24 <= connection->out_length) {
			const uint8_t *header = connection->out + at;

			memset(connection->out + at + 16, 0, 8);
			at += 24 + ((size_t)header[8] << 24 | (size_t)header[9] << 16 |
				    (size_t)header[10] << 8 | header[11]);
		}
		CU_ASSERT_EQUAL_FATAL(memcmp(connection->out, wanted.start, wanted.length), 0);
	}
}

static void
binary_packets_may_be_cut_anywhere(void)
{
	open_rig();
	begin();
	add_binary(0x01, "small", true, 40, 'a');
	add_binary(0x00, "small", false, 0, 0);
	add_binary(0x01, "large", true, 70000, 'b');
	add_binary(0x0e, "large", false, 9000, 'A');
	add_binary(0x00, "large", false, 0, 0);
	add_binary(0x11, "large", true, 8000, 'q');
	add_binary(0x09, "none", false, 0, 0);
	add_binary(0x00, "large", false, 0, 0);
	add_binary(0x0a, "", false, 0, 0);
	want_binary(0x01, 0, NULL, 0, NULL, 0, 0);
	want_binary(0x00, 0, "\0\0\0\7", 4, NULL, 40, 0);
	want_filler(40, 'a');
	want_binary(0x01, 0, NULL, 0, NULL, 0, 0);
	want_binary(0x0e, 0, NULL, 0, NULL, 0, 0);
	want_binary(0x00, 0, "\0\0\0\7", 4, NULL, 79000, 0);
	want_filler(70000, 'b');
	want_filler(9000, 'A');
	want_binary(0x00, 0, "\0\0\0\7", 4, NULL, 8000, 0);
	want_filler(8000, 'q');
	want_binary(0x0a, 0, NULL, 0, NULL, 0, 0);
	check_binary();
	close_rig();
}

static void
a_client_that_goes_leaves_nothing(void)
{
	open_rig();
	begin();
	add_text("set big 0 0 100000\r\n");
	add_filler(50000, 'a');
	feed(stream.start, stream.length, PIECE_MAX, 0);
	CU_ASSERT_EQUAL(connection->out_length, 0);
	begin();
	add_text("set cut 0 0 10");
	feed(stream.start, stream.length, 5, 0);
	CU_ASSERT_EQUAL(connection->out_length, 0);
	close_rig();
}

static void
without_a_buffer_the_connection_is_reset(void)
{
	open_rig();
	begin();
	add_text("set cut 0 0 10");
	memset(connection, 0, offsetof(struct tcp_connection, out));
	connection->in = stream.start;
	connection->length = stream.length;
	buffers_left = 0;
	turn(PIECE_MAX);
	CU_ASSERT_TRUE(connection->aborted);
	close_rig();
}

static void
a_congested_connection_is_not_read(void)
{
	open_rig();
	begin();
	add_text("version\r\n");
	memset(connection, 0, offsetof(struct tcp_connection, out));
	connection->in = stream.start;
	connection->length = stream.length;
	connection->congested = true;
	turn(PIECE_MAX);
	CU_ASSERT_EQUAL(connection->piece_taken, 0);
	connection->congested = false;
	turn(0);
	CU_ASSERT_EQUAL(connection->out_length, sizeof("VERSION 1.6.18\r\n") - 1);
	close_rig();
}

/* --- stats conns --------------------------------------------------------------------------- */

static const char one_connection[] = "STAT %u:addr tcp:10.0.0.7:4711\r\n"
				     "STAT %u:listen_addr tcp:10.0.0.1:11211\r\n"
				     "STAT %u:state conn_parse_cmd\r\n"
				     "STAT %u:secs_since_last_cmd 5\r\n";

static void
want_connection(unsigned int number)
{
	char lines[256];

	snprintf(lines, sizeof(lines), one_connection, number, number, number, number);
	want_text(lines);
}

static void
what_is_asked_behind_a_list_waits_for_it(void)
{
	open_rig();
	begin();
	add_text("mn\r\nstats conns\r\nget none\r\nstats conns\r\nmn\r\n");
	want_text("MN\r\n");
	want_connection(FIRST_CONNECTION + 3);
	want_text("END\r\nEND\r\n");
	want_connection(FIRST_CONNECTION + 3);
	want_text("END\r\nMN\r\n");
	check();
	close_rig();
}

/* A second worker, which has the same connection, as far as this TCP can tell. */
static struct worker *
open_peer(struct worker *peers[2])
{
	struct worker *peer = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*peer));

	memset(peer, 0, sizeof(*peer));
	peer->index = 1;
	peer->doorbell = worker->doorbell = -1;
	peer->workers = worker->workers = 2;
	peers[0] = worker;
	peers[1] = peer;
	peer->peers = worker->peers = peers;
	return peer;
}

static void
start(const char *asked)
{
	memset(connection, 0, offsetof(struct tcp_connection, out));
	connection->in = (const uint8_t *)asked;
	connection->length = strlen(asked);
	turn(connection->length);
}

static bool
has_answered(void)
{
	return connection->out_length == wanted.length &&
	       memcmp(connection->out, wanted.start, wanted.length) == 0;
}

static void
a_list_has_every_workers_connections(void)
{
	struct worker *peers[2], *peer;

	open_rig();
	peer = open_peer(peers);
	begin();
	want_connection(FIRST_CONNECTION + 2 * 3);
	start("stats conns\r\n");
	for (unsigned int i = 0; i < 10; i++)
		turn(0);
	CU_ASSERT(has_answered());
	CU_ASSERT(listing_has_mail(peer) && !listing_has_mail(worker));
	CU_ASSERT(listing_answer(peer) && !listing_answer(peer));
	CU_ASSERT(!listing_has_mail(peer) && listing_has_mail(worker));
	turn(0);
	want_connection(FIRST_CONNECTION + 2 * 3 + 1);
	want_text("END\r\n");
	CU_ASSERT(has_answered());
	CU_ASSERT_FALSE(listing_go_on(worker));
	client_closed(worker, connection);
	free(peer);
	close_rig();
}

/* Who asked has gone while another worker had its page: the next to ask gets a list of its own. */
static void
a_list_for_nobody_is_thrown_away(void)
{
	struct worker *peers[2], *peer;

	open_rig();
	peer = open_peer(peers);
	for (unsigned int round = 0; round < 3; round++) {
		begin();
		start("stats conns\r\n");
		for (unsigned int i = 0; i < 10; i++)
			turn(0);
		client_closed(worker, connection);
		start("mn\r\nstats conns\r\n");
		want_text("MN\r\n");
		for (unsigned int i = 0; i < 20; i++) {
			turn(0);
			listing_answer(peer);
		}
		want_connection(FIRST_CONNECTION + 2 * 3);
		want_connection(FIRST_CONNECTION + 2 * 3 + 1);
		want_text("END\r\n");
		CU_ASSERT(has_answered());
		client_closed(worker, connection);
	}
	CU_ASSERT_PTR_NULL(worker->listing.first);
	free(peer);
	close_rig();
}

/* --- watch --------------------------------------------------------------------------------- */

static void
tell_and_relay(const char *key)
{
	static const struct watch_clock now = {.tsc_hz = 1000000, .unix_us = 1};
	struct event event = {
		.time = UINT64_MAX / 2, .type = EVENT_ITEM_GET, .key_length = (uint8_t)strlen(key)};
	uint64_t wake;

	watch_tell(worker->watch, 0, &event, (const uint8_t *)key);
	watch_relay(worker->watch, &now, &wake);
	CU_ASSERT_EQUAL(wake, 1);
}

static bool
ends_with(const char *text)
{
	size_t length = strlen(text);

	return connection->out_length >= length &&
	       memcmp(connection->out + connection->out_length - length, text, length) == 0;
}

static void
a_watcher_is_sent_what_it_takes(void)
{
	size_t before;

	open_rig();
	CU_ASSERT_EQUAL_FATAL(watch_create(&worker->watch, 1), 0);
	start("mn\r\nwatch fetchers\r\nget unheard\r\n");
	CU_ASSERT(ends_with("MN\r\nOK\r\n"));
	CU_ASSERT_EQUAL(watch_wanted(worker->watch), EVENT_FETCHERS);
	CU_ASSERT_FALSE(observe_has_mail(worker));
	tell_and_relay("first");
	CU_ASSERT(observe_has_mail(worker));
	turn(0);
	CU_ASSERT(ends_with("type=item_get key=first status=not_found clsid=0 cfd=0 size=0\n"));
	connection->congested = true;
	tell_and_relay("second");
	before = connection->out_length;
	CU_ASSERT_FALSE(observe_has_mail(worker));
	turn(0);
	CU_ASSERT_EQUAL(connection->out_length, before);
	connection->congested = false;
	turn(0);
	CU_ASSERT(ends_with("type=item_get key=second status=not_found clsid=0 cfd=0 size=0\n"));
	connection->ended = true;
	turn(0);
	CU_ASSERT(connection->closed && worker->watchers == 0);
	client_closed(worker, connection);
	watch_destroy(worker->watch);
	close_rig();
}

/* All that a ring holds goes out whole, however little TCP takes at a time. */
static void
a_full_ring_goes_out_whole(void)
{
	struct watch_stats stats;
	unsigned int lines = 0;

	open_rig();
	CU_ASSERT_EQUAL_FATAL(watch_create(&worker->watch, 1), 0);
	start("watch\r\n");
	do {
		tell_and_relay("a key of some length, so that there need not be too many");
		watch_read_stats(worker->watch, &stats);
	} while (stats.skipped == 0);
	for (unsigned int i = 0; i < 1000; i++)
		turn(0);
	for (size_t i = 0; i < connection->out_length; i++)
		lines += connection->out[i] == '\n';
	CU_ASSERT_EQUAL(lines, 1 + stats.sent);
	CU_ASSERT(ends_with(" size=0\n"));
	client_closed(worker, connection);
	CU_ASSERT_EQUAL(worker->watchers, 0);
	watch_destroy(worker->watch);
	close_rig();
}

static void
who_cannot_watch_goes_on(void)
{
	open_rig();
	begin();
	add_text("watch\r\nmn\r\nwatch x\r\nmn\r\n");
	want_text("WATCHER_TOO_MANY log watcher limit reached\r\nMN\r\nERROR\r\nMN\r\n");
	check();
	close_rig();
}

SUITE("clients", TEST(commands_may_be_cut_anywhere), TEST(large_values_go_straight_to_the_store),
      TEST(values_over_the_limit_are_swallowed),
      TEST(a_long_multi_get_is_answered_as_its_keys_come),
      TEST(an_endless_line_ends_the_connection), TEST(quit_ends_it_after_the_replies),
      TEST(binary_packets_may_be_cut_anywhere), TEST(a_client_that_goes_leaves_nothing),
      TEST(without_a_buffer_the_connection_is_reset), TEST(a_congested_connection_is_not_read),
      TEST(what_is_asked_behind_a_list_waits_for_it), TEST(a_list_has_every_workers_connections),
      TEST(a_list_for_nobody_is_thrown_away), TEST(a_watcher_is_sent_what_it_takes),
      TEST(a_full_ring_goes_out_whole), TEST(who_cannot_watch_goes_on))
