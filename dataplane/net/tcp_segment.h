/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_segment.h - how a segment is laid out: read from a received frame, and built into a fresh mbuf,
 * one linear, direct mbuf of the port's own pool (some drivers take nothing else). Only for a port
 * that cuts long segments (TSO) is it a chain of them.
 *
 *     Ethernet | tags | IPv4 or IPv6 | TCP | options | data
 */
#ifndef JACKDAW_TCP_SEGMENT_H
#define JACKDAW_TCP_SEGMENT_H

#include "dataplane/net/tcp_parts.h"

/* A segment that is being built. */
struct tcp_draft {
	struct rte_mbuf *mbuf;
	struct rte_tcp_hdr *header;
	uint8_t *data;
	uint16_t linear; /* bytes of data in the first mbuf of a chain; 0: all of it */
};

/* Takes a segment apart. False: its flags make no sense. */
bool segment_read(struct tcp_segment *segment, struct tcp_port *port, const struct packet *packet);

/*
 * A segment with room for options, not written yet; `options_length` is a multiple of four. False:
 * there is no packet buffer (counted).
 */
bool segment_begin(struct tcp *tcp, const struct tcp_path *path, uint16_t options_length,
		   struct tcp_draft *draft);

/*
 * Copies [sequence, sequence + length) of the queue into the segment: into a chain of mbufs where it
 * is longer than one of `segment` bytes. False: there are too few packet buffers (counted); the draft
 * is gone.
 */
bool segment_fill(struct tcp *tcp, struct tcp_connection *connection, struct tcp_draft *draft,
		  uint32_t sequence, uint32_t length, uint32_t segment);

/* The fields that every segment has; window not scaled any further. */
static inline void
segment_fields(const struct tcp_draft *draft, uint32_t sequence, uint32_t ack, uint8_t flags,
	       uint16_t window)
{
	draft->header->sent_seq = rte_cpu_to_be_32(sequence);
	draft->header->recv_ack = rte_cpu_to_be_32(ack);
	draft->header->tcp_flags = flags;
	draft->header->rx_win = rte_cpu_to_be_16(window);
}

/* Two no-operations and timestamps (RFC 7323, appendix A); returns what is past them. */
uint8_t *segment_stamps(uint8_t *option, uint32_t stamp, uint32_t echo);

/* Two no-operations and SACK blocks (RFC 2018, 3). */
uint8_t *segment_sacks(uint8_t *option, const uint32_t blocks[][2], unsigned int count);

/* A SYN's options for what is told of ourselves; returns their length, at most TCP_SYN_OPTIONS_MAX. */
unsigned int segment_syn_options(uint8_t *option, uint16_t mss,
				 const struct tcp_agreement *agreement, bool scales,
				 uint32_t stamp);

/*
 * The frame, with `length` bytes of data, goes to its port, which cuts it to pieces of `segment` bytes
 * if it is longer.
 */
void segment_send(struct tcp *tcp, const struct tcp_path *path, const struct tcp_draft *draft,
		  uint16_t length, uint16_t segment);

/* Sends a segment without data whose options are ready. */
bool segment_send_plain(struct tcp *tcp, const struct tcp_path *path, uint32_t sequence,
			uint32_t ack, uint8_t flags, uint16_t window, const uint8_t *options,
			uint16_t options_length);

#endif
