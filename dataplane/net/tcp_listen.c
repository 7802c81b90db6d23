/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handshakes of those who connect to us. Up to syn_backlog of them are kept as a struct tcp_half,
 * whose SYN-ACK is sent again after 1, 2 and 4 s; beyond, the answer is a SYN cookie (RFC 4987, 3.6;
 * D. J. Bernstein, 1996), which keeps nothing here:
 *
 *     31       30     28 27                                  0     our sequence number
 *     +--------+--------+-------------------------------------+
 *     | minute |  MSS   |  hash(minute, four-tuple, peer's    |
 *     | odd?   |        |  number, MSS, options)              |
 *     +--------+--------+-------------------------------------+
 *
 * The options that don't fit come back in the low bits of our timestamp, if the peer uses them.
 */
#include "dataplane/net/tcp_segment.h"

enum {
	COOKIE_PERIOD_BITS = 26, /* of microseconds: 67 s; a cookie is good for one or two */
	COOKIE_MSS_SHIFT = 28,
	COOKIE_HASH_MASK = (1 << COOKIE_MSS_SHIFT) - 1,
	COOKIE_SCALE_NONE = 15,
	COOKIE_SACK = 16,
	COOKIE_STAMP_MASK = 31, /* of a timestamp: scale and SACK-permitted */
	PURPOSE_NUMBER = 1,
	PURPOSE_STAMP,
	PURPOSE_COOKIE,
};

static const uint16_t cookie_mss[] = {TCP_MSS_MIN, 216, 536, 1220, 1360, 1440, 1460, 8960};

/* --- numbers that nobody can foresee -------------------------------------------------------- */

static uint64_t
path_number(const struct tcp *tcp, const struct tcp_path *path, uint64_t purpose, uint64_t more)
{
	const uint64_t words[] = {
		path->local.words[0],
		path->local.words[1],
		path->peer.words[0],
		path->peer.words[1],
		(uint64_t)path->local_port << 16 | path->peer_port | purpose << 32,
		more,
	};

	return tcp_hash(&tcp->number_key, words, RTE_DIM(words));
}

/* RFC 6528, 3: a clock of 4 microseconds and a keyed hash of the four-tuple. */
uint32_t
listen_number(const struct tcp *tcp, const struct tcp_path *path)
{
	return (uint32_t)(tcp->now / 4) + (uint32_t)path_number(tcp, path, PURPOSE_NUMBER, 0);
}

/* The same for all connections of a four-tuple, so that TSval goes on (RFC 7323, 5.4 and 7.1). */
uint32_t
listen_stamp_offset(const struct tcp *tcp, const struct tcp_path *path)
{
	return (uint32_t)path_number(tcp, path, PURPOSE_STAMP, 0);
}

uint16_t
listen_mss(const struct tcp_port *port, bool ipv4)
{
	uint32_t headers = ipv4 ? TCP_HEADERS_IPV4 : TCP_HEADERS_IPV6;
	uint32_t room = rte_pktmbuf_data_room_size(port->pool) - RTE_PKTMBUF_HEADROOM -
			RTE_ETHER_HDR_LEN - PACKET_TAGS_MAX;

	return (uint16_t)(RTE_MIN((uint32_t)port->interface->mtu, room) - headers);
}

/* --- SYN ------------------------------------------------------------------------------------ */

/* What a SYN asks for, and what we agree to (RFC 9293, 3.7.1; RFC 7323, 2.2 and 3.2; RFC 2018, 2). */
static struct tcp_agreement
agreement_of(const struct tcp *tcp, const struct tcp_segment *syn, const struct tcp_path *path)
{
	uint16_t mss = syn->mss;

	if (mss == 0)
		mss = address_is_ipv4(&path->peer) ? TCP_MSS_IPV4 : TCP_MSS_IPV6;
	return (struct tcp_agreement){
		.irs = syn->sequence,
		.stamp_offset = listen_stamp_offset(tcp, path),
		.ts_recent = syn->has_stamps ? syn->stamp : 0,
		.mss = RTE_MAX(mss, (uint16_t)TCP_MSS_MIN),
		.window = syn->window,
		.snd_scale = syn->has_scale ? syn->scale : 0,
		.rcv_scale = syn->has_scale ? TCP_WINDOW_SCALE : 0,
		.stamps = syn->has_stamps,
		.sack = syn->sack_permitted,
	};
}

static void
syn_ack_send(struct tcp *tcp, const struct tcp_path *path, const struct tcp_agreement *agreement,
	     uint32_t stamp)
{
	uint8_t options[TCP_SYN_OPTIONS_MAX];
	unsigned int length = segment_syn_options(
		options, listen_mss(tcp->ports[path->port], address_is_ipv4(&path->peer)),
		agreement, agreement->rcv_scale != 0, stamp);

	segment_send_plain(tcp, path, agreement->iss, agreement->irs + 1,
			   RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, UINT16_MAX, options,
			   (uint16_t)length);
}

/* --- half-open connections ------------------------------------------------------------------ */

static void
half_unlink(struct tcp *tcp, struct tcp_half *half)
{
	*half->link = half->next;
	if (half->next != NULL)
		half->next->link = half->link;
	else
		tcp->halves_last[half->tries] = half->link;
}

/* Each list is in the order of `due`, as all in it wait equally long. */
static void
half_link(struct tcp *tcp, struct tcp_half *half)
{
	half->due = tcp_deadline(tcp, (uint64_t)TCP_INITIAL_RTO << half->tries);
	half->next = NULL;
	half->link = tcp->halves_last[half->tries];
	*half->link = half;
	tcp->halves_last[half->tries] = &half->next;
}

static uint32_t
half_reference(const struct tcp *tcp, const struct tcp_half *half)
{
	return tcp_reference_of(&tcp->half_open, TCP_KIND_HALF, half);
}

/* It goes, but the table isn't told. */
static void
half_forget(struct tcp *tcp, struct tcp_half *half)
{
	half_unlink(tcp, half);
	tcp_pool_give(&tcp->half_open, half);
	tcp->stats->half_open--;
}

void
half_free(struct tcp *tcp, struct tcp_half *half)
{
	tcp_table_remove(&tcp->table, half->hash, half_reference(tcp, half));
	half_forget(tcp, half);
}

static void
half_answer(struct tcp *tcp, const struct tcp_half *half)
{
	syn_ack_send(tcp, &half->path, &half->agreement,
		     tcp_stamp(tcp, half->agreement.stamp_offset));
}

void
listen_advance(struct tcp *tcp)
{
	for (unsigned int tries = 0; tries <= TCP_SYN_RETRIES; tries++) {
		struct tcp_half *half;

		while ((half = tcp->halves[tries]) != NULL && tcp_is_due(tcp, half->due)) {
			if (tries == TCP_SYN_RETRIES) {
				half_free(tcp, half);
				continue;
			}
			half_unlink(tcp, half);
			half->tries++;
			half_link(tcp, half);
			tcp->stats->retransmits++;
			half_answer(tcp, half);
		}
	}
}

static void
connection_accepted(struct tcp *tcp, struct tcp_connection *connection)
{
	if (connections_are_too_many(tcp)) {
		tcp->stats->refused_connections++;
		tcp->owner.refused(tcp->owner.arg, connection);
		return;
	}
	tcp->stats->accepted++;
	if (tcp->owner.opened != NULL)
		tcp->owner.opened(tcp->owner.arg, connection);
}

/* A connection replaces the half-open one. NULL: it may not. */
static struct tcp_connection *
half_establish(struct tcp *tcp, struct tcp_half *half, const struct tcp_segment *segment)
{
	struct tcp_connection *connection = NULL;

	if (connection_allowed(tcp, &half->path.peer))
		connection = connection_create(tcp, &half->path, half->hash, &half->agreement,
					       half_reference(tcp, half));
	if (connection == NULL) {
		half_free(tcp, half);
		reset_answer(tcp, segment);
		return NULL;
	}
	if (half->tries == 0)
		recovery_sample(tcp, connection, tcp->us - half->sent);
	half_forget(tcp, half);
	connection_accepted(tcp, connection);
	return connection;
}

/* --- cookies -------------------------------------------------------------------------------- */

static uint32_t
cookie_make(const struct tcp *tcp, const struct tcp_path *path, uint32_t irs, uint64_t period,
	    uint32_t mss_index, uint32_t options)
{
	uint64_t more = (uint64_t)irs << 32 | mss_index << 8 | options;
	uint64_t hash = path_number(tcp, path, PURPOSE_COOKIE | period << 2, more);

	return (uint32_t)(period & 1) << 31 | mss_index << COOKIE_MSS_SHIFT |
	       (uint32_t)(hash & COOKIE_HASH_MASK);
}

static void
cookie_send(struct tcp *tcp, const struct tcp_path *path, struct tcp_agreement *agreement)
{
	uint32_t mss_index = RTE_DIM(cookie_mss) - 1, options = 0, stamp;

	while (mss_index > 0 && cookie_mss[mss_index] > agreement->mss)
		mss_index--;
	if (agreement->stamps) {
		options = agreement->rcv_scale != 0 ? agreement->snd_scale : COOKIE_SCALE_NONE;
		options |= agreement->sack ? COOKIE_SACK : 0;
	} else {
		agreement->sack = false;
		agreement->rcv_scale = 0;
	}
	agreement->iss = cookie_make(tcp, path, agreement->irs, tcp->now >> COOKIE_PERIOD_BITS,
				     mss_index, options);
	/* not later than now: what follows must not be earlier */
	stamp = tcp_stamp(tcp, agreement->stamp_offset) - COOKIE_STAMP_MASK;
	stamp = (stamp & ~(uint32_t)COOKIE_STAMP_MASK) | options;
	syn_ack_send(tcp, path, agreement, stamp);
	tcp->stats->cookies_sent++;
	tcp->cookie_until = tcp->now + (2ull << COOKIE_PERIOD_BITS);
}

/* What the cookie says; false: it is none of ours, or too old. */
static bool
cookie_read(const struct tcp *tcp, const struct tcp_segment *segment, const struct tcp_path *path,
	    struct tcp_agreement *agreement)
{
	uint32_t cookie = segment->ack - 1, irs = segment->sequence - 1;
	uint32_t mss_index = cookie >> COOKIE_MSS_SHIFT & 7;
	uint32_t options = segment->has_stamps ? segment->echo & COOKIE_STAMP_MASK : 0;
	uint64_t period = tcp->now >> COOKIE_PERIOD_BITS;
	uint8_t scale = options & 15;

	if ((period & 1) != cookie >> 31)
		period--;
	if (tcp->now > tcp->cookie_until ||
	    cookie != cookie_make(tcp, path, irs, period, mss_index, options))
		return false;
	*agreement = (struct tcp_agreement){
		.iss = cookie,
		.irs = irs,
		.stamp_offset = listen_stamp_offset(tcp, path),
		.ts_recent = segment->has_stamps ? segment->stamp : 0,
		.mss = cookie_mss[mss_index],
		.window = segment->window,
		.stamps = segment->has_stamps,
		.sack = (options & COOKIE_SACK) != 0,
	};
	if (segment->has_stamps && scale != COOKIE_SCALE_NONE) {
		agreement->snd_scale = scale;
		agreement->rcv_scale = TCP_WINDOW_SCALE;
	}
	return true;
}

struct tcp_connection *
listen_cookie(struct tcp *tcp, const struct tcp_segment *segment, uint32_t hash)
{
	static const uint8_t control = RTE_TCP_ACK_FLAG | RTE_TCP_SYN_FLAG | RTE_TCP_RST_FLAG;
	bool is_ack = (segment->flags & control) == RTE_TCP_ACK_FLAG;
	struct tcp_connection *connection = NULL;
	struct tcp_agreement agreement;
	struct tcp_path path;

	tcp_path_of(tcp, segment, &path);
	if (!is_ack || !cookie_read(tcp, segment, &path, &agreement)) {
		tcp->stats->cookies_wrong += is_ack;
		/* it may have overtaken the segment that returns the cookie, which will come again */
		if (!is_ack || tcp->now > tcp->cookie_until)
			reset_answer(tcp, segment);
		return NULL;
	}
	if (connection_allowed(tcp, &path.peer))
		connection = connection_create(tcp, &path, hash, &agreement, 0);
	if (connection == NULL) {
		reset_answer(tcp, segment);
		return NULL;
	}
	tcp->stats->cookies_accepted++;
	connection_accepted(tcp, connection);
	return connection;
}

/* --- what comes ------------------------------------------------------------------------------ */

/*
 * An ACK of another SYN-ACK than ours. It may be of the cookie that an earlier copy of the SYN was
 * answered with, when the backlog was full: that is the one that the client knows of.
 */
static struct tcp_connection *
half_refuse(struct tcp *tcp, struct tcp_half *half, const struct tcp_segment *segment)
{
	struct tcp_agreement agreement;
	uint32_t hash = half->hash;

	tcp->stats->bad_ack++;
	if (tcp->now > tcp->cookie_until) {
		reset_answer(tcp, segment);
		return NULL;
	}
	if (cookie_read(tcp, segment, &half->path, &agreement))
		half_free(tcp, half);
	return listen_cookie(tcp, segment, hash);
}

/* RFC 9293, 3.10.7.4, for SYN-RECEIVED. */
struct tcp_connection *
half_input(struct tcp *tcp, struct tcp_half *half, const struct tcp_segment *segment)
{
	const struct tcp_agreement *agreement = &half->agreement;
	uint32_t offset = segment->sequence - (agreement->irs + 1);

	if ((segment->flags & RTE_TCP_RST_FLAG) != 0) {
		if (offset == 0) /* RFC 5961, 3.2 */
			half_free(tcp, half);
		else
			tcp->stats->out_of_window++;
		return NULL;
	}
	if ((segment->flags & RTE_TCP_SYN_FLAG) != 0) {
		/* the same again, or another, whose sender will refuse this answer and so end it. The
		 * first one's source may have been spoilt */
		half->path.mac = segment->packet->peer;
		half_answer(tcp, half);
		return NULL;
	}
	if (segment->ack != agreement->iss + 1)
		return half_refuse(tcp, half, segment);
	if (offset > UINT16_MAX) {
		tcp->stats->out_of_window++;
		return NULL;
	}
	if (agreement->stamps &&
	    (!segment->has_stamps || seq_lt(segment->stamp, agreement->ts_recent))) {
		tcp->stats->paws_dropped++;
		return NULL;
	}
	return half_establish(tcp, half, segment);
}

void
listen_syn(struct tcp *tcp, const struct tcp_segment *segment, uint32_t hash, struct tcp_rest *rest)
{
	struct tcp_agreement agreement;
	struct tcp_half *half = NULL;
	struct tcp_path path;

	if (!connection_allowed(tcp, &segment->packet->source)) {
		reset_answer(tcp, segment);
		return;
	}
	tcp_path_of(tcp, segment, &path);
	agreement = agreement_of(tcp, segment, &path);
	agreement.iss = listen_number(tcp, &path);
	if (rest != NULL) {
		/* RFC 9293, 3.6.1: beyond what the connection before has used */
		if (seq_le(agreement.iss, rest->snd_nxt))
			agreement.iss = rest->snd_nxt + UINT16_MAX;
		rest_free(tcp, rest);
	}
	if (tcp->stats->half_open < tcp->options.syn_backlog)
		half = tcp_pool_take(&tcp->half_open);
	if (half == NULL) {
		cookie_send(tcp, &path, &agreement);
		return;
	}
	*half = (struct tcp_half){
		.path = path, .agreement = agreement, .hash = hash, .sent = tcp->us};
	half_link(tcp, half);
	tcp_table_insert(&tcp->table, hash, half_reference(tcp, half));
	tcp->stats->half_open++;
	half_answer(tcp, half);
}
