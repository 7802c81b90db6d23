/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_connection.h - what the files of TCP-lite share: a connection, what stands for one before and
 * after (handshakes, TIME_WAIT), and a worker's struct tcp that has them all.
 *
 *     tcp.c            birth and death, the worker's turn
 *     tcp_stream.c     a connection as the worker sees it: bytes in, bytes out
 *     tcp_input.c      a segment: which connection, and is it acceptable
 *     tcp_plain.c      the same, and the answer, in one go where nothing is out of the ordinary
 *     tcp_listen.c     SYN, half-open connections, SYN cookies
 *     tcp_ack.c        what an acknowledgement says
 *     tcp_reassembly.c received data into its order
 *     tcp_output.c     what may be sent now
 *     tcp_segment.c    how a segment is laid out and put on its way
 *     tcp_flight.c     the scoreboard: the fate of each byte in flight
 *     tcp_recovery.c   which bytes are lost: RACK-TLP, NewReno, RTO
 *     tcp_congestion.c how much may be in flight: CUBIC
 *     tcp_expiry.c     what happens when nothing does: the timers
 *     tcp_path.c       path MTU
 *     tcp_end.c        the end of a connection, TIME_WAIT, RST
 *
 * What each of these does for the others is in tcp_parts.h. The names of variables are those of RFC
 * 9293 (3.3.1) and of the RFC that each file cites.
 */
#ifndef JACKDAW_TCP_CONNECTION_H
#define JACKDAW_TCP_CONNECTION_H

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "dataplane/net/tcp.h"
#include "dataplane/net/tcp_hash.h"
#include "dataplane/net/tcp_memory.h"
#include "dataplane/net/tcp_send_queue.h"
#include "dataplane/net/tcp_table.h"
#include "dataplane/net/tcp_timer.h"

enum {
	TCP_WINDOW = 256 << 10,	      /* bytes a connection may have received and not taken */
	TCP_WINDOW_SCARCE = 16 << 10, /* the same, while packet buffers are short */
	TCP_EARLY_MAX = 256,	      /* segments beyond gaps */
	TCP_WINDOW_SCALE = 7,	      /* ours (RFC 7323, 2.2) */
	TCP_SCALE_MAX = 14,	      /* RFC 7323, 2.3 */
	TCP_MSS_MIN = 88,	      /* what a peer's smaller MSS is taken for */
	TCP_MSS_IPV4 = 536,	      /* of a peer that tells none (RFC 9293, 3.7.1) */
	TCP_MSS_IPV6 = 1220,
	TCP_HEADERS_IPV4 = 40, /* IP's and TCP's, without options */
	TCP_HEADERS_IPV6 = 60,
	TCP_SYN_OPTIONS_MAX = 24,
	TCP_STAMPS_LENGTH = 12, /* in a segment: two no-operations, kind 8 */
	TCP_SACKS_MAX = 4,	/* blocks in one segment (RFC 2018, 3) */
	TCP_RANGES_INLINE = 2,
	TCP_RANGES_MAX = TCP_BUFFER_SIZE / 16,
	TCP_RETRIES = 8,	   /* retransmission timeouts in a row before RST */
	TCP_INITIAL_SEGMENTS = 10, /* RFC 6928 */
	TCP_INITIAL_RTO = 1000000, /* RFC 6298 (2.1), microseconds */
	TCP_RTO_MAX = 60000000,	   /* RFC 6298 (2.5) */
};

/* States of RFC 9293 (3.3.2). LISTEN, SYN-RECEIVED and TIME-WAIT have no struct tcp_connection. */
enum tcp_state {
	TCP_CLOSED, /* gone: its memory waits to be free */
	TCP_SYN_SENT,
	TCP_ESTABLISHED,
	TCP_CLOSE_WAIT,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSING,
	TCP_LAST_ACK,
};

enum tcp_flag {
	TCP_STAMPS = 1 << 0,	/* timestamps are agreed on (RFC 7323) */
	TCP_SACK = 1 << 1,	/* selective acknowledgements are (RFC 2018) */
	TCP_ACK_NOW = 1 << 2,	/* an acknowledgement goes out with this flush */
	TCP_READY = 1 << 3,	/* in tcp->ready */
	TCP_FLUSH = 1 << 4,	/* in tcp->flush */
	TCP_CONGESTED = 1 << 5, /* see tcp_is_congested */
	TCP_CLOSE = 1 << 6,	/* the application has closed: FIN follows what is queued */
	TCP_FIN_SENT = 1 << 7,	/* at least once */
	TCP_FIN_KNOWN = 1 << 8, /* connection->fin is the peer's FIN, not in order yet */
	TCP_AT_END = 1 << 9,	/* the peer's FIN is behind rcv_nxt */
	TCP_ACTIVE = 1 << 10,	/* made by tcp_connect */
	TCP_DSACK = 1 << 11,	/* connection->dsack is to be told (RFC 2883) */
	TCP_LIMITED = 1 << 12,	/* the last output was held back by cwnd */
	TCP_PLAIN = 1 << 13,	/* connection->outline is as its segments begin (tcp_plain.c) */
	TCP_PATIENT = 1 << 14,	/* the peer's silence is no reason to reset it */
};

/* What a retransmission deadline is for: one at a time. */
enum tcp_alarm {
	TCP_ALARM_NONE,
	TCP_ALARM_RTO,	   /* RFC 6298 */
	TCP_ALARM_PROBE,   /* tail loss probe, RFC 8985 (7) */
	TCP_ALARM_REORDER, /* RACK waits for what may be reordered, RFC 8985 (6.2) */
	TCP_ALARM_PERSIST, /* zero window, RFC 9293 (3.8.6.1) */
};

enum tcp_phase {
	TCP_OPEN,
	TCP_RECOVERY, /* fast recovery: a loss was found by acknowledgements */
	TCP_LOSS,     /* after a retransmission timeout */
};

/* Whom segments go to, and how. */
struct tcp_path {
	struct address local, peer;
	rte_be16_t local_port, peer_port;
	struct rte_ether_addr mac;
	uint8_t tags[PACKET_TAGS_MAX];
	uint8_t tags_length;
	uint8_t port; /* index of tcp->ports */
};

/* What the two ends have agreed on by their SYNs. */
struct tcp_agreement {
	uint32_t iss, irs;     /* initial sequence numbers, ours and the peer's */
	uint32_t stamp_offset; /* added to our clock for TSval */
	uint32_t ts_recent;
	uint16_t mss;	   /* the peer's */
	uint16_t window;   /* the peer's first, not scaled */
	uint8_t snd_scale; /* the peer's; ours is rcv_scale */
	uint8_t rcv_scale;
	bool stamps, sack;
};

enum tcp_range_flag {
	TCP_RANGE_SACKED = 1,
	TCP_RANGE_LOST = 2,
	TCP_RANGE_RETRANSMITTED = 4,
};

/* Sequence numbers [begin, end) that are in flight and have one fate so far. */
struct tcp_range {
	uint32_t begin, end;
	uint32_t sent; /* when last, microseconds */
	uint32_t flags;
};

/*
 * The scoreboard: all of [snd_una, snd_nxt), in order and without gaps. A train of segments sent
 * together is one range until an acknowledgement splits it, so that a lively connection needs one
 * or two and only one with losses needs a buffer for them.
 */
struct tcp_flight {
	struct tcp_range *ranges; /* NULL: those inline */
	uint16_t count;
	uint16_t first; /* of ranges; inline ones begin at 0 */
	struct tcp_range inlined[TCP_RANGES_INLINE];
};

/* How a plain segment begins. */
struct tcp_plain_headers {
	struct rte_ether_hdr ether;
	struct rte_ipv4_hdr ip;
	struct rte_tcp_hdr tcp;
	rte_be32_t stamps; /* two no-operations, kind and length of the option */
} __rte_packed __rte_aligned(2);

/* What is the same in all plain segments that go to a peer. */
struct tcp_outline {
	struct tcp_plain_headers headers;
	uint16_t ip_sum; /* of the IPv4 header, but for its length */
	uint16_t
		tcp_sum; /* of pseudo-header, TCP header and option, but for what each has of its own */
} __rte_aligned(2);

struct tcp_connection {
	/* each segment received */
	uint32_t rcv_nxt;
	uint32_t rcv_edge; /* past the last sequence number that the peer was given room for */
	uint32_t snd_una, snd_nxt;
	uint32_t snd_wnd, snd_wl1;
	uint32_t ts_recent;
	uint32_t heard; /* tick of the last acceptable segment */
	struct rte_mbuf *unread,
		*unread_last; /* in order, linked by next; hash.usr: sequence number */
	uint32_t unread_length;
	uint32_t unacked; /* bytes received since our last acknowledgement */
	uint16_t flags;
	uint8_t state;
	uint8_t scales;	  /* the peer's window in the low half, ours in the high */
	uint16_t mss;	  /* bytes of a segment's payload and options */
	uint16_t rcv_mss; /* the largest segment received */

	struct tcp_outline outline __rte_cache_aligned;

	/* each segment sent */
	struct tcp_queue queue;
	uint32_t cwnd, ssthresh;
	uint32_t sacked, lost; /* bytes of the flight */
	uint32_t srtt, rttvar; /* RFC 6298, microseconds; srtt 0: no sample yet */
	uint32_t alarm_tick, ack_tick, slow_tick; /* deadlines; 0: none */

	struct tcp_timer timer; /* the earliest of the deadlines, or before */
	uint8_t alarm;
	uint8_t phase;
	uint8_t backoff;    /* timeouts, persist probes or keepalive probes in a row */
	uint8_t duplicates; /* duplicate acknowledgements in a row (without SACK) */
	struct tcp_path path;
	struct rte_ether_addr heard_mac; /* of the last frame that did not come from path.mac */
	uint32_t hash;
	struct tcp *tcp;
	struct tcp_connection *next_ready, *next_flush;
	struct tcp_flight flight;

	/* the peer's segments out of order */
	struct rte_mbuf *early; /* ascending, not overlapping; linked as unread */
	uint16_t early_count;
	uint16_t challenge_pause; /* ticks from challenge_tick on in which none is sent */
	uint32_t challenge_tick;  /* of the last challenge ACK */
	uint32_t early_recent
		[3]; /* sequence numbers that arrived last: their blocks are told first */
	uint32_t dsack[2];
	uint32_t fin; /* sequence number of the peer's FIN */

	uint32_t stamp_offset;
	uint32_t last_ack; /* rcv_nxt when it was last told: Last.ACK.sent of RFC 7323 */
	uint32_t snd_wnd_max;
	uint32_t progress; /* tick at which snd_una last moved, or the queue ceased to be empty */

	/* RFC 8985 and 6582, in flight only */
	uint32_t recover;			/* snd_nxt when the loss was found */
	uint32_t rack_sent, rack_end, rack_rtt; /* of the segment sent last of those delivered */
	uint32_t min_rtt, min_rtt_tick;
	uint32_t fack;		/* past the highest sequence number delivered */
	uint32_t probe_end;	/* of the tail loss probe that is out */
	uint32_t reorder_round; /* snd_nxt when the reordering window last grew */
	uint8_t reorder_steps;	/* reo_wnd_mult */
	uint8_t reorder_persist;
	bool reordering;
	bool probing, probe_repeats; /* a tail loss probe is out; it was sent before */
	bool rack_valid;
	uint8_t probes; /* for keepalive, unanswered */

	/* RFC 9438 */
	uint32_t w_max, epoch; /* epoch: tick, 0: none */
	uint32_t k;	       /* milliseconds */
	uint32_t w_est;
	uint32_t growth;      /* bytes to be acknowledged for one more MSS of cwnd */
	uint32_t growth_tick; /* when it was computed */
	uint32_t credit;      /* bytes acknowledged and not yet turned into cwnd */
	uint32_t counted;     /* bytes acknowledged since growth was computed */

	uint64_t user[]; /* options.user_size bytes */
};

/* A handshake that waits for its last ACK (SYN-RECEIVED). */
struct tcp_half {
	struct tcp_path path;
	struct tcp_agreement agreement;
	uint32_t hash;
	uint32_t due;		       /* tick of the next SYN-ACK, or of the end */
	uint32_t sent;		       /* when the first SYN-ACK was, microseconds */
	struct tcp_half *next, **link; /* in tcp->halves[tries] */
	uint8_t tries;		       /* SYN-ACKs sent again */
};

/* What is left of a connection in TIME_WAIT. */
struct tcp_rest {
	struct address local, peer;
	rte_be16_t local_port, peer_port;
	uint32_t hash;
	uint32_t snd_nxt, rcv_nxt;
	uint32_t ts_recent;
	uint32_t due; /* tick of its end */
	uint32_t stamp_offset;
	struct tcp_rest *next, **link;
	bool stamps;
};

/* Connections of one client's address. */
struct tcp_client {
	struct address address;
	uint32_t hash;
	uint32_t connections;
};

enum {
	TCP_PORTS_MAX = 64,
	TCP_SYN_RETRIES = 3, /* SYN-ACKs after 1, 2 and 4 s more */
	TCP_REFUSALS = 64,   /* connections over the limit, at a time, that are told so */
};

struct tcp {
	uint64_t now;  /* microseconds */
	uint32_t us;   /* its low half */
	uint32_t tick; /* now in milliseconds, never 0 */
	struct tcp_options options;
	struct tcp_owner owner;
	struct tcp_stats *stats;
	struct tcp_table table;
	struct tcp_connection *ready, **ready_last;
	struct tcp_connection *flush, **flush_last;
	struct rte_mbuf *taken; /* bytes in them may be in use until the flush; linked by next */
	struct tcp_buffers buffers;
	struct tcp_wheel wheel;

	struct tcp_pool connections;
	struct tcp_pool half_open, rests;
	struct tcp_pool clients;
	struct tcp_table client_table;
	struct tcp_half *halves[TCP_SYN_RETRIES + 1]; /* by tries, in the order of due */
	struct tcp_half **halves_last[TCP_SYN_RETRIES + 1];
	struct tcp_rest *waits, **waits_last; /* in the order of their ends */

	struct tcp_hash_key table_key, number_key;
	struct tcp_words_key path_key; /* of the table, for IPv4's paths */
	uint64_t random;
	uint32_t held, held_max;		  /* mbufs in unread and early lists */
	uint32_t early, early_max;		  /* of those, in early lists */
	uint32_t challenge_tick, challenges_left; /* of the worker, for a second */
	uint64_t cookie_until; /* cookies are accepted until then; 0: none was sent */
	uint32_t port_count;
	struct tcp_port *ports[TCP_PORTS_MAX];
};

/* A received segment, taken apart. */
struct tcp_segment {
	uint32_t sequence, ack;
	uint32_t stamp, echo; /* TSval, TSecr */
	uint8_t *data;
	uint16_t length; /* of the data */
	uint16_t window; /* not scaled */
	uint16_t mss;	 /* 0: no option */
	uint8_t flags;
	uint8_t scale;
	bool has_stamps, has_scale, sack_permitted;
	uint8_t sacks;
	uint32_t sack[TCP_SACKS_MAX][2];
	struct tcp_port *port;
	const struct packet *packet;
	struct rte_mbuf *mbuf; /* NULL: its data was kept */
};

/* --- sequence numbers (RFC 9293, 3.4) ------------------------------------------------------ */

static inline bool
seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool
seq_le(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

static inline uint32_t
seq_max(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? b : a;
}

static inline uint32_t
seq_min(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? a : b;
}

static inline uint32_t
clamp(uint32_t value, uint32_t least, uint32_t most)
{
	return value < least ? least : value > most ? most : value;
}

/* --- time ----------------------------------------------------------------------------------- */

/* A duration in ticks, rounded up, such that a deadline so far from now can be compared. */
static inline uint32_t
tcp_ticks(uint64_t us)
{
	uint64_t ticks = us / TCP_TICK_US + 1;

	return ticks > INT32_MAX ? INT32_MAX : (uint32_t)ticks;
}

/* A deadline `us` from now; never 0, which says none. */
static inline uint32_t
tcp_deadline(const struct tcp *tcp, uint64_t us)
{
	uint32_t tick = tcp->tick + tcp_ticks(us);

	return tick != 0 ? tick : 1;
}

static inline bool
tcp_is_due(const struct tcp *tcp, uint32_t tick)
{
	return tick != 0 && (int32_t)(tick - tcp->tick) <= 0;
}

/* The clock that timestamps tell (RFC 7323, 4.1). */
static inline uint32_t
tcp_stamp(const struct tcp *tcp, uint32_t offset)
{
	return tcp->tick + offset;
}

/* xorshift64* (S. Vigna, 2016), seeded with the secret. */
static inline uint32_t
tcp_random(struct tcp *tcp)
{
	tcp->random ^= tcp->random >> 12;
	tcp->random ^= tcp->random << 25;
	tcp->random ^= tcp->random >> 27;
	return (uint32_t)((tcp->random * 0x2545f4914f6cdd1dULL) >> 32);
}

/* --- small questions ------------------------------------------------------------------------ */

static inline uint8_t
connection_snd_scale(const struct tcp_connection *connection)
{
	return connection->scales & 0xf;
}

static inline uint8_t
connection_rcv_scale(const struct tcp_connection *connection)
{
	return connection->scales >> 4;
}

static inline uint16_t
connection_options_length(const struct tcp_connection *connection)
{
	return (connection->flags & TCP_STAMPS) != 0 ? TCP_STAMPS_LENGTH : 0;
}

/* Payload of a full segment, SMSS of RFC 5681. */
static inline uint32_t
connection_smss(const struct tcp_connection *connection)
{
	return connection->mss - connection_options_length(connection);
}

static inline uint32_t
connection_in_flight(const struct tcp_connection *connection)
{
	return connection->snd_nxt - connection->snd_una;
}

/* True if the peer may still send data. */
static inline bool
connection_receives(const struct tcp_connection *connection)
{
	return connection->state == TCP_ESTABLISHED || connection->state == TCP_FIN_WAIT_1 ||
	       connection->state == TCP_FIN_WAIT_2;
}

static inline void
connection_touch(struct tcp *tcp, struct tcp_connection *connection)
{
	if ((connection->flags & TCP_FLUSH) != 0)
		return;
	connection->flags |= TCP_FLUSH;
	connection->next_flush = NULL;
	*tcp->flush_last = connection;
	tcp->flush_last = &connection->next_flush;
}

static inline void
connection_announce(struct tcp *tcp, struct tcp_connection *connection)
{
	if ((connection->flags & TCP_READY) != 0)
		return;
	connection->flags |= TCP_READY;
	connection->next_ready = NULL;
	*tcp->ready_last = connection;
	tcp->ready_last = &connection->next_ready;
}

/* --- references --------------------------------------------------------------------------- */

/* Kinds of references in tcp->table, and what they refer to. */
enum tcp_kind {
	TCP_KIND_CONNECTION = 1,
	TCP_KIND_HALF,
	TCP_KIND_REST,
};

static inline void *
tcp_referent(const struct tcp_pool *pool, uint32_t reference)
{
	return pool->memory + tcp_reference_number(reference) * pool->piece;
}

static inline uint32_t
tcp_reference_of(const struct tcp_pool *pool, enum tcp_kind kind, const void *piece)
{
	return tcp_reference(
		kind, (uint32_t)((size_t)((const uint8_t *)piece - pool->memory) / pool->piece));
}

#endif
