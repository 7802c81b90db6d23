/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP over kernel sockets: each connection pipelines up to `depth` messages, answered in order. */
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "perf/bench_kernel.h"
#include "perf/bench_stream.h"
#include "perf/bench_transports.h"

enum {
	READ_SIZE = 64 << 10,
	WAIT_SECONDS = 5,
};

struct tcp_connection {
	struct stream in, out;
	uint16_t *order; /* [depth]: slots under way, a ring */
	unsigned int head, under_way;
};

static struct tcp_connection *
tcp_connection(const struct kernel *kernel, unsigned int index)
{
	return (struct tcp_connection *)kernel->own + index;
}

/* --- sending ------------------------------------------------------------------------------ */

static void
tcp_send(struct kernel *kernel, unsigned int slot, uint64_t now)
{
	struct tcp_connection *connection = tcp_connection(kernel, slot / kernel->depth);
	struct flight *flight = &kernel->client->flight;
	struct stream *out = &connection->out;
	uint8_t *start, *end;

	(void)now;
	if (!stream_make_room(out, flight_message_size(flight, slot))) {
		flight->slots[slot].count = 0; /* never under way: the connection's order is kept */
		client_free_slot(kernel->client, slot);
		return;
	}
	start = out->bytes + out->to;
	end = flight_write(flight, slot, start);
	out->to += (size_t)(end - start);
	kernel->client->meter.bytes_sent += (size_t)(end - start);
	connection->order[(connection->head + connection->under_way++) % kernel->depth] =
		(uint16_t)slot;
}

static int
tcp_flush(struct kernel *kernel, unsigned int index)
{
	struct stream *out = &tcp_connection(kernel, index)->out;

	while (out->from < out->to) {
		ssize_t sent = send(kernel->sockets[index], out->bytes + out->from,
				    out->to - out->from, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EAGAIN)
			return 0; /* epoll tells when there is room */
		if (sent < 0)
			return client_fail(kernel->client, -errno, "send: %s", strerror(errno));
		out->from += (size_t)sent;
	}
	return 0;
}

/* --- receiving ---------------------------------------------------------------------------- */

/* Takes whole answers off the front of the stream; each belongs to the oldest message. */
static int
tcp_take(struct kernel *kernel, struct tcp_connection *connection, uint64_t now)
{
	struct flight *flight = &kernel->client->flight;
	struct stream *in = &connection->in;

	while (in->from < in->to) {
		struct answer answer;
		const uint8_t *bytes = in->bytes + in->from;
		ssize_t used = answer_read(flight->protocol, bytes, in->to - in->from, &answer);
		unsigned int slot;

		if (used == 0)
			return 0;
		if (used < 0 || connection->under_way == 0)
			return client_fail(kernel->client, -EPROTO,
					   "the server sent what is no answer");
		kernel->client->meter.bytes_received += (size_t)used;
		slot = connection->order[connection->head % kernel->depth];
		if (flight_settle(flight, slot, &answer, now)) {
			connection->head++;
			connection->under_way--;
			in->from += (size_t)used;
			kernel_answered(kernel, slot, now);
		} else {
			in->from += (size_t)used;
		}
	}
	return 0;
}

static int
tcp_receive(struct kernel *kernel, unsigned int index, uint64_t now)
{
	struct tcp_connection *connection = tcp_connection(kernel, index);
	struct stream *in = &connection->in;
	ssize_t got;
	int status;

	do {
		if (!stream_make_room(in, READ_SIZE))
			return client_fail(kernel->client, -ENOMEM, "no memory for answers");
		got = recv(kernel->sockets[index], in->bytes + in->to, READ_SIZE, MSG_DONTWAIT);
		if (got < 0)
			return errno == EAGAIN ? 0
					       : client_fail(kernel->client, -errno, "recv: %s",
							     strerror(errno));
		if (got == 0)
			return client_fail(kernel->client, -ECONNRESET,
					   "the server closed the connection");
		in->to += (size_t)got;
		status = tcp_take(kernel, connection, now);
	} while (status == 0 && got == READ_SIZE);
	return status;
}

static const struct kernel_ops tcp_ops = {
	.receive = tcp_receive,
	.send = tcp_send,
	.flush = tcp_flush,
};

/* --- the transport ------------------------------------------------------------------------ */

/* Messages given up at the end of a phase would shift the order of those after: none may be. */
static int
tcp_run(struct client *client)
{
	const struct kernel *kernel = client->wire;
	int status = kernel_run(client);

	for (unsigned int i = 0; status == 0 && i < kernel->connections; i++) {
		if (tcp_connection(kernel, i)->under_way > 0)
			return client_fail(client, -ETIMEDOUT,
					   "%u messages of a connection had no answer in %u ms",
					   tcp_connection(kernel, i)->under_way,
					   client->options->timeout_ms);
	}
	return status;
}

/* A connection of its own: it may speak text while the others speak binary. */
static int
tcp_ask(struct client *client, const char *question, const char *end, char *answer, size_t size)
{
	const struct bench_options *options = client->options;
	struct sockaddr_in server = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(options->server),
		.sin_port = htons(options->server_port),
	};
	struct timeval wait = {.tv_sec = WAIT_SECONDS};
	size_t length = 0, ending = strlen(end);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status = -ETIMEDOUT;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) == 0 &&
	    send(fd, question, strlen(question), MSG_NOSIGNAL) > 0) {
		ssize_t got;

		while (status != 0 && length < size - 1 &&
		       (got = recv(fd, answer + length, size - 1 - length, 0)) > 0) {
			length += (size_t)got;
			if (length >= ending && memcmp(answer + length - ending, end, ending) == 0)
				status = 0;
			else if (length > 5 && memcmp(answer, "ERROR", 5) == 0)
				break;
		}
	}
	answer[length] = '\0';
	close(fd);
	return status;
}

static void
tcp_close(struct client *client)
{
	const struct kernel *kernel = client->wire;

	for (unsigned int i = 0; i < kernel->connections; i++) {
		struct tcp_connection *connection = tcp_connection(kernel, i);

		free(connection->in.bytes);
		free(connection->out.bytes);
		free(connection->order);
	}
	free(kernel->own);
	kernel_close(client);
}

static int
tcp_open(struct client *client)
{
	int status = kernel_open(client, &tcp_ops, SOCK_STREAM, UINT32_MAX);
	struct kernel *kernel = client->wire;
	bool made = true;

	if (status != 0)
		return status;
	kernel->own = calloc(kernel->connections, sizeof(struct tcp_connection));
	if (kernel->own == NULL) {
		kernel_close(client);
		flight_release(&client->flight);
		return client_fail(client, -ENOMEM, "no memory");
	}
	for (unsigned int i = 0; i < kernel->connections; i++) {
		struct tcp_connection *connection = tcp_connection(kernel, i);

		connection->order = calloc(kernel->depth, sizeof(*connection->order));
		made &= connection->order != NULL;
	}
	if (made)
		return 0;
	tcp_close(client);
	flight_release(&client->flight);
	return client_fail(client, -ENOMEM, "no memory");
}

const struct transport kernel_tcp_transport = {
	.name = "TCP",
	.open = tcp_open,
	.start = kernel_start,
	.join = kernel_join,
	.connect = kernel_connect,
	.run = tcp_run,
	.ask = tcp_ask,
	.close = tcp_close,
};
