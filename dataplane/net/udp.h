/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * udp.h - UDP (RFC 768) with memcached's frame: a request is one datagram, an answer is one message
 * over as many datagrams as it needs.
 *
 *      0              2              4              6              8
 *     +--------------+--------------+--------------+--------------+-------------------
 *     | request id   | sequence     | total        | reserved (0) | payload
 *     +--------------+--------------+--------------+--------------+-------------------
 *
 * Datagrams of an answer are at most 1,400 bytes, and all but the last are exactly full.
 */
#ifndef JACKDAW_UDP_H
#define JACKDAW_UDP_H

#include "dataplane/net/packet.h"

enum {
	UDP_FRAME_LENGTH = 8,
	UDP_DATAGRAM_MAX = 1400,	/* frame and payload, as memcached's clients expect */
	UDP_DATAGRAMS_MAX = UINT16_MAX, /* what the total field can say */
};

struct udp_frame {
	rte_be16_t request_id;
	rte_be16_t sequence;
	rte_be16_t total;
	rte_be16_t reserved;
};

/* An answer in the making: a chain of datagrams, the last of which is being written. */
struct udp_message {
	const struct interface *interface;
	struct packet packet; /* the question: where the answer goes */
	rte_be16_t request_id;
	uint16_t payload_max; /* bytes of payload a datagram */
	uint32_t datagrams;
	struct rte_mempool *pool;
	struct rte_mbuf *first, *last; /* linked through mbuf->next, one segment each */
	uint8_t *payload;	       /* of the last datagram */
};

/* Bytes of payload that a datagram may have behind an IP header of that length. */
static inline uint16_t
udp_payload_max(const struct interface *interface, size_t ip_length)
{
	size_t room = interface->mtu - ip_length - sizeof(struct rte_udp_hdr);

	return (uint16_t)(RTE_MIN(room, (size_t)UDP_DATAGRAM_MAX) - UDP_FRAME_LENGTH);
}

/*
 * Strips memcached's frame from the datagram in message->packet (whose payload then is the request)
 * and prepares the answer to it: fresh datagrams come from pool. VERDICT_DATAGRAM, or VERDICT_DROP
 * with message->packet.drop.
 */
enum verdict udp_message_open(struct udp_message *message, const struct interface *interface,
			      struct rte_mempool *pool);

/* Makes mbuf the answer's next datagram, written from payload on; returns that. */
static inline uint8_t *
udp_message_append(struct udp_message *message, struct rte_mbuf *mbuf, uint8_t *payload,
		   uint8_t **limit)
{
	if (message->last == NULL)
		message->first = mbuf;
	else
		message->last->next = mbuf;
	message->last = mbuf;
	message->datagrams++;
	message->payload = payload;
	*limit = payload + message->payload_max;
	return payload;
}

/* The same with a fresh mbuf. NULL if there's none. */
uint8_t *udp_message_append_fresh(struct udp_message *message, uint8_t **limit);

/*
 * Begins the first datagram of the answer: over the question's own payload (its bytes are then
 * gone; the question's mbuf becomes the answer's) or in a fresh mbuf. Returns where to write, with
 * *limit past the last byte; NULL if there's no mbuf.
 */
static inline uint8_t *
udp_message_begin(struct udp_message *message, bool in_place, uint8_t **limit)
{
	struct rte_mbuf *question = message->packet.mbuf;
	uint8_t *payload = message->packet.payload;
	uint8_t *buffer_end = (uint8_t *)question->buf_addr + question->buf_len;

	if (in_place && payload + message->payload_max <= buffer_end)
		return udp_message_append(message, question, payload, limit);
	return udp_message_append_fresh(message, limit);
}

/* Ends the datagram, which is full up to its limit, and begins the next in a fresh mbuf. */
uint8_t *udp_message_extend(struct udp_message *message, uint8_t **limit);

/*
 * Ends the message at `end` (one past its last byte) and writes every header. message->first is
 * the chain to be sent, still linked by mbuf->next; the question's mbuf, if it was not written
 * over, is still the caller's.
 */
void udp_message_close(struct udp_message *message, const uint8_t *end);

/* Gives back every mbuf of an answer that will not be sent, except the question's own. */
void udp_message_abandon(struct udp_message *message);

#endif
