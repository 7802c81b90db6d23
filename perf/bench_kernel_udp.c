/* SPDX-License-Identifier: BSD-3-Clause */
/* UDP over kernel sockets: sendmmsg and recvmmsg, so that a system call is shared by a burst. */
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "perf/bench_kernel.h"
#include "perf/bench_reassembly.h"
#include "perf/bench_transports.h"

enum {
	BURST = 32,
	DATAGRAM_MAX = 2048,
	FRAME = 8, /* memcached's header of a datagram */
	ROOM = 1472 - FRAME,
	ASK_TRIES = 5,
	WAIT_MS = 200,
};

/* Memcached's frame; big endian. */
struct frame {
	uint16_t request_id, sequence, total, reserved;
};

/* Datagrams of one connection at a time: the kernel loop flushes before it turns to another. */
struct udp {
	unsigned int queued; /* in out */
	unsigned int connection;
	struct reassembly *reassemblies; /* [slots] */
	struct mmsghdr out[BURST], in[BURST];
	struct iovec out_vectors[BURST], in_vectors[BURST];
	uint8_t out_bytes[BURST][DATAGRAM_MAX], in_bytes[BURST][DATAGRAM_MAX];
};

/* What the kernel doesn't take is lost, as on any wire, and is sent again in time. */
static void
udp_flush_out(struct kernel *kernel)
{
	struct udp *udp = kernel->own;
	unsigned int sent = 0;

	while (sent < udp->queued) {
		int count = sendmmsg(kernel->sockets[udp->connection], udp->out + sent,
				     udp->queued - sent, MSG_DONTWAIT);

		if (count <= 0)
			break;
		sent += (unsigned int)count;
	}
	udp->queued = 0;
}

static void
udp_send(struct kernel *kernel, unsigned int slot, uint64_t now)
{
	struct udp *udp = kernel->own;
	unsigned int connection = slot / kernel->depth;
	struct frame frame = {.request_id = htons((uint16_t)slot), .total = htons(1)};
	uint8_t *bytes, *end;

	(void)now;
	if (udp->queued == BURST || (udp->queued > 0 && udp->connection != connection))
		udp_flush_out(kernel);
	udp->connection = connection;
	bytes = udp->out_bytes[udp->queued];
	memcpy(bytes, &frame, FRAME);
	if (kernel->client->options->echo != 0)
		end = bytes + kernel->client->options->echo - (14 + 20 + 8);
	else
		end = flight_write(&kernel->client->flight, slot, bytes + FRAME);
	udp->out_vectors[udp->queued++].iov_len = (size_t)(end - bytes);
	kernel->client->meter.bytes_sent += (size_t)(end - bytes) - FRAME;
}

static int
udp_flush(struct kernel *kernel, unsigned int connection)
{
	struct udp *udp = kernel->own;

	if (udp->queued > 0 && udp->connection == connection)
		udp_flush_out(kernel);
	return 0;
}

/* --- receiving ---------------------------------------------------------------------------- */

static bool
udp_take(struct kernel *kernel, unsigned int slot, const struct frame *frame,
	 const uint8_t *payload, size_t length, uint64_t now)
{
	struct udp *udp = kernel->own;
	struct flight *flight = &kernel->client->flight;
	struct reassembly *reassembly = &udp->reassemblies[slot];
	bool finished;

	if (kernel->client->options->echo != 0)
		return flight_echoed(flight, slot, now);
	if (ntohs(frame->total) == 1)
		return flight_take(flight, slot, payload, length, now);
	if (!reassembly_add(reassembly, ntohs(frame->sequence), ntohs(frame->total), payload,
			    (uint32_t)length))
		return false;
	finished = flight_take(flight, slot, reassembly->buffer, reassembly->length, now);
	reassembly_reset(reassembly);
	return finished;
}

static void
udp_take_datagram(struct kernel *kernel, unsigned int connection, const uint8_t *bytes,
		  size_t length, uint64_t now)
{
	struct frame frame;
	unsigned int slot;

	if (length < FRAME) {
		kernel->client->meter.malformed++;
		return;
	}
	memcpy(&frame, bytes, FRAME);
	slot = ntohs(frame.request_id);
	if (slot >= kernel->client->flight.slot_count || slot / kernel->depth != connection) {
		kernel->client->meter.late++;
		return;
	}
	if (udp_take(kernel, slot, &frame, bytes + FRAME, length - FRAME, now))
		kernel_answered(kernel, slot, now);
}

static int
udp_receive(struct kernel *kernel, unsigned int connection, uint64_t now)
{
	struct udp *udp = kernel->own;
	int count = recvmmsg(kernel->sockets[connection], udp->in, BURST, MSG_DONTWAIT, NULL);

	if (count < 0 && errno == ECONNREFUSED)
		return client_fail(kernel->client, -errno,
				   "nobody listens there any more: has the server ended?");
	for (int i = 0; i < count; i++)
		udp_take_datagram(kernel, connection, udp->in_bytes[i], udp->in[i].msg_len, now);
	return 0;
}

static const struct kernel_ops udp_ops = {
	.receive = udp_receive,
	.send = udp_send,
	.flush = udp_flush,
};

/* --- the transport ------------------------------------------------------------------------ */

static int
udp_run(struct client *client)
{
	const struct kernel *kernel = client->wire;
	struct udp *udp = kernel->own;
	int status = kernel_run(client);

	for (unsigned int i = 0; i < client->flight.slot_count; i++)
		reassembly_reset(&udp->reassemblies[i]);
	return status;
}

/* Waits for a whole answer to request `id`. */
static bool
udp_await_answer(int fd, uint16_t id, struct reassembly *reassembly)
{
	uint64_t end = kernel_now() + WAIT_MS * UINT64_C(1000000), now;

	while ((now = kernel_now()) < end) {
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		uint8_t bytes[DATAGRAM_MAX];
		struct frame frame;
		ssize_t length;

		if (poll(&readable, 1, (int)((end - now) / 1000000) + 1) <= 0)
			continue;
		length = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (length < FRAME)
			continue;
		memcpy(&frame, bytes, FRAME);
		if (ntohs(frame.request_id) == id &&
		    reassembly_add(reassembly, ntohs(frame.sequence), ntohs(frame.total),
				   bytes + FRAME, (uint32_t)length - FRAME))
			return true;
	}
	return false;
}

static int
udp_ask(struct client *client, const char *question, const char *end, char *answer, size_t size)
{
	const struct kernel *kernel = client->wire;
	struct reassembly reassembly = {0};
	size_t length = strlen(question), ending = strlen(end);
	uint8_t bytes[DATAGRAM_MAX];
	bool whole = false;
	int status = -ETIMEDOUT;

	for (uint16_t try = 0; try < ASK_TRIES && !whole; try++) {
		uint16_t id = (uint16_t)(UINT16_MAX - try);
		struct frame frame = {.request_id = htons(id), .total = htons(1)};

		memcpy(bytes, &frame, FRAME);
		memcpy(bytes + FRAME, question, length);
		reassembly_reset(&reassembly);
		if (send(kernel->sockets[0], bytes, FRAME + length, 0) > 0)
			whole = udp_await_answer(kernel->sockets[0], id, &reassembly);
	}
	if (whole) {
		length = reassembly.length < size - 1 ? reassembly.length : size - 1;
		memcpy(answer, reassembly.buffer, length);
		answer[length] = '\0';
		status = length >= ending && strcmp(answer + length - ending, end) == 0 ? 0
											: -EPROTO;
	}
	reassembly_release(&reassembly);
	return status;
}

static int
udp_connect(struct client *client)
{
	return client->options->echo != 0 ? 0 : kernel_connect(client);
}

static void
udp_close(struct client *client)
{
	const struct kernel *kernel = client->wire;
	struct udp *udp = kernel->own;

	for (unsigned int i = 0; i < client->flight.slot_count; i++)
		reassembly_release(&udp->reassemblies[i]);
	free(udp->reassemblies);
	free(udp);
	kernel_close(client);
}

static int
udp_open(struct client *client)
{
	int status = kernel_open(client, &udp_ops, SOCK_DGRAM, ROOM);
	struct kernel *kernel = client->wire;
	struct udp *udp;

	if (status != 0)
		return status;
	udp = calloc(1, sizeof(*udp));
	if (udp != NULL)
		udp->reassemblies = calloc(client->flight.slot_count, sizeof(*udp->reassemblies));
	if (udp == NULL || udp->reassemblies == NULL) {
		free(udp);
		kernel_close(client);
		flight_release(&client->flight);
		return client_fail(client, -ENOMEM, "no memory");
	}
	kernel->own = udp;
	for (unsigned int i = 0; i < BURST; i++) {
		udp->out_vectors[i].iov_base = udp->out_bytes[i];
		udp->out[i].msg_hdr.msg_iov = &udp->out_vectors[i];
		udp->out[i].msg_hdr.msg_iovlen = 1;
		udp->in_vectors[i] = (struct iovec){udp->in_bytes[i], DATAGRAM_MAX};
		udp->in[i].msg_hdr.msg_iov = &udp->in_vectors[i];
		udp->in[i].msg_hdr.msg_iovlen = 1;
	}
	return 0;
}

const struct transport kernel_udp_transport = {
	.name = "UDP",
	.open = udp_open,
	.start = kernel_start,
	.join = kernel_join,
	.connect = udp_connect,
	.run = udp_run,
	.ask = udp_ask,
	.close = udp_close,
};
