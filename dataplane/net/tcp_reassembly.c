/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Received data into its order. Segments stay in the packet buffers that they came in: those in
 * order in `unread`, those beyond a gap in `early`, ascending and without overlap; small ones are
 * copied into the free end of the one before, so that a sender of single bytes holds few buffers.
 * Of bytes that come twice the first ones count, unless a segment covers all of an earlier one.
 */
#include "dataplane/net/tcp_parts.h"

static inline uint32_t
early_begin(const struct rte_mbuf *mbuf)
{
	return mbuf->hash.usr;
}

static inline uint32_t
early_end(const struct rte_mbuf *mbuf)
{
	return mbuf->hash.usr + mbuf->data_len;
}

/* Drops bytes at the front of a segment. */
static void
mbuf_trim(struct rte_mbuf *mbuf, uint32_t bytes)
{
	mbuf->data_off = (uint16_t)(mbuf->data_off + bytes);
	mbuf->data_len = (uint16_t)(mbuf->data_len - bytes);
	mbuf->hash.usr += bytes;
}

static void
mbuf_drop(struct tcp *tcp, struct rte_mbuf *mbuf)
{
	mbuf->next = NULL;
	rte_pktmbuf_free(mbuf);
	tcp->held--;
}

/* Copies a segment to the end of the one before it; false: it has no room. */
static bool
mbuf_join(struct tcp *tcp, struct rte_mbuf *front, struct rte_mbuf *next)
{
	if (!RTE_MBUF_DIRECT(front) || rte_mbuf_refcnt_read(front) != 1 ||
	    (uint32_t)front->data_off + front->data_len + next->data_len > front->buf_len)
		return false;
	memcpy(rte_pktmbuf_mtod_offset(front, uint8_t *, front->data_len),
	       rte_pktmbuf_mtod(next, uint8_t *), next->data_len);
	front->data_len = (uint16_t)(front->data_len + next->data_len);
	mbuf_drop(tcp, next);
	return true;
}

void
reassembly_append(struct tcp *tcp, struct tcp_connection *connection, struct rte_mbuf *mbuf)
{
	uint16_t length = mbuf->data_len;

	connection->rcv_nxt += length;
	connection->unacked += length;
	tcp->stats->bytes_in += length;
	if ((connection->flags & TCP_CLOSE) != 0) {
		mbuf_drop(tcp, mbuf);
		return;
	}
	connection->unread_length += length;
	mbuf->next = NULL;
	if (connection->unread == NULL)
		connection->unread = mbuf;
	else if (mbuf_join(tcp, connection->unread_last, mbuf))
		return;
	else
		connection->unread_last->next = mbuf;
	connection->unread_last = mbuf;
}

/* Moves what is in order now out of the early list. */
static void
early_drain(struct tcp *tcp, struct tcp_connection *connection)
{
	struct rte_mbuf *mbuf;

	while ((mbuf = connection->early) != NULL &&
	       seq_le(early_begin(mbuf), connection->rcv_nxt)) {
		connection->early = mbuf->next;
		connection->early_count--;
		tcp->early--;
		if (seq_le(early_end(mbuf), connection->rcv_nxt)) {
			mbuf_drop(tcp, mbuf);
			continue;
		}
		mbuf_trim(mbuf, connection->rcv_nxt - early_begin(mbuf));
		reassembly_append(tcp, connection, mbuf);
	}
}

/* Remembers whose block is to be told first (RFC 2018, 4). */
static void
early_note(struct tcp_connection *connection, uint32_t sequence)
{
	connection->early_recent[2] = connection->early_recent[1];
	connection->early_recent[1] = connection->early_recent[0];
	connection->early_recent[0] = sequence;
}

static void
duplicate_note(struct tcp *tcp, struct tcp_connection *connection, uint32_t begin, uint32_t end)
{
	tcp->stats->duplicate_bytes += end - begin;
	connection->flags |= TCP_ACK_NOW;
	if ((connection->flags & TCP_SACK) == 0)
		return;
	connection->flags |= TCP_DSACK;
	connection->dsack[0] = begin;
	connection->dsack[1] = end;
}

/* Drops what a segment that ends at `end` covers wholly. */
static void
early_replace(struct tcp *tcp, struct tcp_connection *connection, struct rte_mbuf **link,
	      uint32_t end)
{
	struct rte_mbuf *covered;

	while ((covered = *link) != NULL && seq_le(early_end(covered), end)) {
		*link = covered->next;
		duplicate_note(tcp, connection, early_begin(covered), early_end(covered));
		connection->early_count--;
		tcp->early--;
		mbuf_drop(tcp, covered);
	}
}

/* The mbuf, or as much of it as is new, into its place beyond the gap. False: nothing of it is. */
static bool
early_insert(struct tcp *tcp, struct tcp_connection *connection, struct rte_mbuf *mbuf)
{
	struct rte_mbuf **link = &connection->early, *before = NULL, *after;

	while (*link != NULL && seq_le(early_begin(*link), early_begin(mbuf))) {
		before = *link;
		link = &before->next;
	}
	if (before != NULL && seq_lt(early_begin(mbuf), early_end(before))) {
		uint32_t known = seq_min(early_end(before), early_end(mbuf));

		duplicate_note(tcp, connection, early_begin(mbuf), known);
		if (known == early_end(mbuf))
			return false;
		mbuf_trim(mbuf, known - early_begin(mbuf));
	}
	early_replace(tcp, connection, link, early_end(mbuf));
	after = *link;
	if (after != NULL && seq_lt(early_begin(after), early_end(mbuf))) {
		duplicate_note(tcp, connection, early_begin(after),
			       seq_min(early_end(after), early_end(mbuf)));
		mbuf->data_len = (uint16_t)(early_begin(after) - early_begin(mbuf));
		if (mbuf->data_len == 0)
			return false;
	}
	early_note(connection, early_begin(mbuf));
	if (before != NULL && early_end(before) == early_begin(mbuf)) {
		tcp->held++;
		if (mbuf_join(tcp, before, mbuf))
			return true;
		tcp->held--;
	}
	mbuf->next = after;
	*link = mbuf;
	connection->early_count++;
	tcp->early++;
	tcp->held++;
	return true;
}

/* A segment beyond a gap. Takes the mbuf if it keeps it. */
static void
early_input(struct tcp *tcp, struct tcp_connection *connection, struct tcp_segment *segment)
{
	struct rte_mbuf *mbuf = segment->mbuf;

	connection->flags |= TCP_ACK_NOW;
	if (connection->early_count >= TCP_EARLY_MAX || tcp->early >= tcp->early_max) {
		tcp->stats->out_of_order_dropped++;
		return;
	}
	if (!early_insert(tcp, connection, mbuf))
		return;
	tcp->stats->out_of_order++;
	segment->mbuf = NULL;
}

/* What an application that lies idle on its bytes may not hold when buffers are short. */
static bool
unread_is_refused(const struct tcp *tcp, const struct tcp_connection *connection)
{
	return tcp->held >= tcp->held_max &&
	       (connection->unread != NULL || tcp->held >= 2 * tcp->held_max);
}

static void
data_in_order(struct tcp *tcp, struct tcp_connection *connection, struct tcp_segment *segment)
{
	if (unread_is_refused(tcp, connection)) {
		tcp->stats->no_buffer++;
		connection->flags |= TCP_ACK_NOW;
		return;
	}
	tcp->held++;
	reassembly_append(tcp, connection, segment->mbuf);
	segment->mbuf = NULL;
	if (unlikely(connection->early != NULL)) {
		early_drain(tcp, connection);
		connection->flags |= TCP_ACK_NOW; /* RFC 5681, 4.2: a gap was filled */
	}
	connection_announce(tcp, connection);
}

/* The peer's side has ended, and every byte before is here. */
static void
fin_input(struct tcp *tcp, struct tcp_connection *connection)
{
	connection->rcv_nxt++;
	connection->flags |= TCP_AT_END | TCP_ACK_NOW;
	connection->flags &= (uint16_t)~TCP_FIN_KNOWN;
	reassembly_drop_early(tcp, connection); /* nothing can follow a FIN */
	if (connection->state == TCP_ESTABLISHED) {
		connection->state = TCP_CLOSE_WAIT;
		connection_announce(tcp, connection);
	} else if (connection->state == TCP_FIN_WAIT_1) {
		/* had the FIN been acknowledged, it were FIN-WAIT-2 */
		connection->state = TCP_CLOSING;
	} else if (connection->state == TCP_FIN_WAIT_2) {
		output_ack(tcp, connection);
		connection_time_wait(tcp, connection);
	}
}

void
reassembly_input(struct tcp *tcp, struct tcp_connection *connection, struct tcp_segment *segment)
{
	uint32_t begin = segment->sequence, end = begin + segment->length;
	bool fin = (segment->flags & RTE_TCP_FIN_FLAG) != 0;
	struct rte_mbuf *mbuf = segment->mbuf;
	uint32_t old = 0;

	if (segment->length > connection->rcv_mss)
		connection->rcv_mss = segment->length;
	if (seq_lt(begin, connection->rcv_nxt)) {
		old = seq_min(connection->rcv_nxt, end) - begin;
		if (old > 0)
			duplicate_note(tcp, connection, begin, begin + old);
	}
	if (seq_lt(connection->rcv_edge, end)) { /* only what there is room for */
		end = connection->rcv_edge;
		fin = false;
		connection->flags |= TCP_ACK_NOW;
	}
	if (fin) {
		connection->flags |= TCP_FIN_KNOWN | TCP_ACK_NOW;
		connection->fin = end;
	}
	if (seq_lt(begin + old, end)) {
		mbuf->data_off = (uint16_t)(segment->data + old - (uint8_t *)mbuf->buf_addr);
		mbuf->data_len = (uint16_t)(end - begin - old);
		mbuf->hash.usr = begin + old;
		if (begin + old == connection->rcv_nxt)
			data_in_order(tcp, connection, segment);
		else
			early_input(tcp, connection, segment);
	}
	connection_touch(tcp, connection);
	if ((connection->flags & TCP_FIN_KNOWN) != 0 &&
	    seq_le(connection->fin, connection->rcv_nxt))
		fin_input(tcp, connection);
}

/* The blocks of what lies beyond gaps, ascending; at most TCP_EARLY_MAX of them. */
static unsigned int
early_blocks(const struct tcp_connection *connection, uint32_t blocks[TCP_EARLY_MAX][2])
{
	unsigned int count = 0;

	for (const struct rte_mbuf *mbuf = connection->early; mbuf != NULL; mbuf = mbuf->next) {
		if (count > 0 && blocks[count - 1][1] == early_begin(mbuf)) {
			blocks[count - 1][1] = early_end(mbuf);
			continue;
		}
		blocks[count][0] = early_begin(mbuf);
		blocks[count++][1] = early_end(mbuf);
	}
	return count;
}

static unsigned int
block_add(uint32_t blocks[][2], unsigned int first, unsigned int count, unsigned int max,
	  const uint32_t block[2])
{
	if (count == max)
		return count;
	for (unsigned int i = first; i < count; i++) {
		if (blocks[i][0] == block[0])
			return count;
	}
	blocks[count][0] = block[0];
	blocks[count][1] = block[1];
	return count + 1;
}

unsigned int
reassembly_blocks(struct tcp_connection *connection, uint32_t blocks[][2], unsigned int max)
{
	uint32_t all[TCP_EARLY_MAX][2];
	unsigned int known = early_blocks(connection, all), count = 0, first;

	if ((connection->flags & TCP_DSACK) != 0 && max > 0) {
		blocks[0][0] = connection->dsack[0];
		blocks[0][1] = connection->dsack[1];
		count = 1;
		connection->flags &= (uint16_t)~TCP_DSACK;
	}
	first = count;
	for (unsigned int i = 0; i < RTE_DIM(connection->early_recent); i++) {
		for (unsigned int j = 0; j < known; j++) {
			if (connection->early_recent[i] - all[j][0] < all[j][1] - all[j][0])
				count = block_add(blocks, first, count, max, all[j]);
		}
	}
	for (unsigned int j = 0; j < known; j++)
		count = block_add(blocks, first, count, max, all[j]);
	return count;
}

void
reassembly_drop_early(struct tcp *tcp, struct tcp_connection *connection)
{
	struct rte_mbuf *next;

	for (struct rte_mbuf *mbuf = connection->early; mbuf != NULL; mbuf = next) {
		next = mbuf->next;
		mbuf_drop(tcp, mbuf);
	}
	connection->early = NULL;
	tcp->early -= connection->early_count;
	connection->early_count = 0;
}

void
reassembly_drop_unread(struct tcp *tcp, struct tcp_connection *connection)
{
	struct rte_mbuf *next;

	/* what the application has just looked at, it may still refer to */
	for (struct rte_mbuf *mbuf = connection->unread; mbuf != NULL; mbuf = next) {
		next = mbuf->next;
		mbuf->next = tcp->taken;
		tcp->taken = mbuf;
		tcp->held--;
	}
	connection->unread = NULL;
	connection->unread_length = 0;
}
