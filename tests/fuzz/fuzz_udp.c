/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer target: a frame from the wire, as far as the datagram in it, memcached's UDP frame and the
 * request behind that; and the answer, over as many datagrams as it takes.
 *
 * An input's first byte says what the rest is: a whole frame, or a datagram's payload, which gets good
 * headers of IPv4 or IPv6 around it. A frame is taken both ways there are (udp_plain.h, net_input),
 * which must agree, and memory behind it is not to be read.
 */
#include <sanitizer/asan_interface.h>

#include "dataplane/net/udp_plain.h"
#include "tests/fuzz/fuzz_codec.h"
#include "tests/net/frames.h"

enum {
	FUZZ_FRAME_MAX = 1514,
	FUZZ_PAYLOAD_MAX = 1400,
};

enum fuzz_input {
	FUZZ_FRAME,
	FUZZ_IPV4,
	FUZZ_IPV6,
	FUZZ_INPUTS,
};

static struct rte_mempool *pool;

static void
fuzz_require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

/* Makes the checksum of the header right where it is one of IPv4 without tags: few would be, else. */
static void
frame_mend(struct frame *frame)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame->bytes + RTE_ETHER_HDR_LEN);

	if (frame->length < RTE_ETHER_HDR_LEN + sizeof(*ip) ||
	    frame->length < RTE_ETHER_HDR_LEN + (size_t)rte_ipv4_hdr_len(ip))
		return;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, rte_ipv4_hdr_len(ip));
}

static struct frame
frame_of_input(const uint8_t *data, size_t size)
{
	struct frame frame = {.length = 0};

	switch ((enum fuzz_input)(data[0] % FUZZ_INPUTS)) {
	case FUZZ_IPV4:
		return frame_udp(
			(struct frame_spec){.payload = data + 1, .length = (uint16_t)(size - 1)});
	case FUZZ_IPV6:
		return frame6_udp((struct frame6_spec){.hops = 0}, data + 1, (uint16_t)(size - 1));
	default:
		frame_append(&frame, data + 1, size - 1);
		if (data[0] / FUZZ_INPUTS % 2 == 0)
			frame_mend(&frame);
		return frame;
	}
}

/* The frame in an mbuf, as a port that has checked its UDP checksum gives it; poisoned behind. */
static struct rte_mbuf *
mbuf_of_frame(const struct frame *frame)
{
	struct rte_mbuf *mbuf = frame_mbuf(pool, frame);

	mbuf->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	ASAN_POISON_MEMORY_REGION(rte_pktmbuf_mtod_offset(mbuf, uint8_t *, mbuf->data_len),
				  rte_pktmbuf_tailroom(mbuf));
	return mbuf;
}

static void
mbuf_release(struct rte_mbuf *mbuf)
{
	ASAN_UNPOISON_MEMORY_REGION(mbuf->buf_addr, mbuf->buf_len);
	rte_pktmbuf_free(mbuf);
}

static void
ways_agree(const struct interface *interface, const struct frame *frame, bool good,
	   const struct udp_message *general)
{
	struct rte_mbuf *mbuf = mbuf_of_frame(frame);
	struct udp_message other = {.request_id = 0};
	struct udp_plain plain;

	udp_plain_learn(&plain, interface);
	if (udp_plain_open(&plain, interface, mbuf, &other.packet)) {
		const uint8_t *one = rte_pktmbuf_mtod(general->packet.mbuf, uint8_t *);
		const uint8_t *two = rte_pktmbuf_mtod(mbuf, uint8_t *);

		fuzz_require(good, "what is plain is good");
		fuzz_require(general->packet.payload - one == other.packet.payload - two,
			     "the request begins there");
		fuzz_require(general->packet.payload_length == other.packet.payload_length,
			     "the request is so long");
	}
	mbuf_release(mbuf);
}

/* Puts bytes into the answer's datagrams and takes these apart again. */
static void
answer_is_framed(struct udp_message *message, const struct bytes *out)
{
	const uint8_t *from = out->start, *end = from + out->length;
	unsigned int sequence = 0;
	uint8_t *limit, *at;

	ASAN_UNPOISON_MEMORY_REGION(message->packet.mbuf->buf_addr, message->packet.mbuf->buf_len);
	at = udp_message_begin(message, false, &limit);
	fuzz_require(at != NULL, "there are buffers");
	while (from < end) {
		size_t part = (size_t)(end - from) < (size_t)(limit - at) ? (size_t)(end - from)
									  : (size_t)(limit - at);

		memcpy(at, from, part);
		from += part;
		at += part;
		if (from < end)
			at = udp_message_extend(message, &limit);
		fuzz_require(at != NULL, "there are buffers");
	}
	udp_message_close(message, at);
	from = out->start;
	for (struct rte_mbuf *mbuf = message->first, *next; mbuf != NULL; mbuf = next) {
		size_t headers = mbuf->data_len -
				 (mbuf->next != NULL ? message->payload_max : (size_t)(end - from));
		struct udp_frame frame;

		next = mbuf->next;
		mbuf->next = NULL;
		memcpy(&frame, rte_pktmbuf_mtod_offset(mbuf, uint8_t *, headers - sizeof(frame)),
		       sizeof(frame));
		fuzz_require(rte_be_to_cpu_16(frame.sequence) == sequence++, "they are numbered");
		fuzz_require(rte_be_to_cpu_16(frame.total) == message->datagrams, "and counted");
		fuzz_require(frame.request_id == message->request_id, "they are the question's");
		fuzz_require(mbuf->data_len - headers <= (size_t)(end - from) &&
				     memcmp(rte_pktmbuf_mtod_offset(mbuf, uint8_t *, headers), from,
					    mbuf->data_len - headers) == 0,
			     "they hold the answer");
		from += mbuf->data_len - headers;
		rte_pktmbuf_free(mbuf);
	}
	fuzz_require(from == end && sequence == message->datagrams, "all of it");
}

static void
request_is_answered(struct udp_message *message)
{
	static struct fuzz fuzz;
	struct session *session = &fuzz.session[FUZZ_DATAGRAM];

	fuzz_open(&fuzz, NULL);
	session_restart(session, true);
	session_datagram(session, message->packet.payload, message->packet.payload_length);
	if (session->out.length != 0)
		answer_is_framed(message, &session->out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct udp_message message = {.request_id = 0};
	struct interface interface = frames_interface();
	struct rte_mbuf *mbuf;
	struct frame frame;
	bool good;

	if (size < 2 ||
	    size - 1 > (data[0] % FUZZ_INPUTS == FUZZ_FRAME ? FUZZ_FRAME_MAX : FUZZ_PAYLOAD_MAX))
		return -1;
	if (pool == NULL)
		pool = frames_start();
	interface.rx_l4_checksum = true;
	frame = frame_of_input(data, size);
	mbuf = mbuf_of_frame(&frame);
	good = net_input(&interface, mbuf, &message.packet) == VERDICT_DATAGRAM &&
	       udp_message_open(&message, &interface, pool) == VERDICT_DATAGRAM;
	ways_agree(&interface, &frame, good, &message);
	if (good) {
		const uint8_t *start = rte_pktmbuf_mtod(mbuf, uint8_t *);

		fuzz_require(message.packet.payload >= start &&
				     message.packet.payload + message.packet.payload_length <=
					     start + mbuf->data_len,
			     "the request is in the frame");
		request_is_answered(&message);
	}
	mbuf_release(mbuf);
	return 0;
}
