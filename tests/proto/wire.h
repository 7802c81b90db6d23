/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire.h - a server at the other end of a network: a stream is put to it over TCP, cut into segments
 * at random, or as one UDP datagram where it fits into one, and answered as the kernel's sockets
 * bring it.
 */
#ifndef JACKDAW_TESTS_WIRE_H
#define JACKDAW_TESTS_WIRE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/proto/session.h"

enum {
	WIRE_PORT = 11211,
	WIRE_PATIENCE_MS = 20000,
	WIRE_FRAME = 8,	      /* bytes of memcached's UDP header */
	WIRE_DATAGRAM = 1400, /* bytes, that header included, of a full one */
	WIRE_SHORT_CUTS = 40,
	WIRE_LONG_CUTS = 1500,
	WIRE_SHORT_STREAM = 4000, /* bytes: longer ones are cut less often */
};

struct wire {
	struct sockaddr_in server;
	int udp;
	uint16_t request_id;
	uint64_t random;
	uint64_t streams, datagrams; /* asked so far */
};

/* Takes ADDRESS or ADDRESS:PORT. 0, or -1. */
static inline int
wire_open(struct wire *wire, const char *server, uint64_t seed)
{
	char address[64];
	const char *colon = strchr(server, ':');
	size_t length = colon == NULL ? strlen(server) : (size_t)(colon - server);

	memset(wire, 0, sizeof(*wire));
	wire->random = seed;
	wire->udp = -1;
	if (length >= sizeof(address))
		return -1;
	memcpy(address, server, length);
	address[length] = '\0';
	wire->server.sin_family = AF_INET;
	wire->server.sin_port =
		htons(colon == NULL ? WIRE_PORT : (uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, address, &wire->server.sin_addr) != 1)
		return -1;
	wire->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return connect(wire->udp, (struct sockaddr *)&wire->server, sizeof(wire->server));
}

static inline void
wire_close(struct wire *wire)
{
	if (wire->udp >= 0)
		close(wire->udp);
}

/* --- TCP ---------------------------------------------------------------------------------- */

static inline int
wire_connect(const struct wire *wire)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd >= 0 &&
	    (connect(fd, (const struct sockaddr *)&wire->server, sizeof(wire->server)) != 0 ||
	     setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Most bytes of the segments of a stream; 0: as the kernel cuts it. */
static inline uint32_t
wire_choose_cut(struct wire *wire, size_t length)
{
	uint32_t die = random_below(&wire->random, 3);

	if (die == 0)
		return 0;
	return die == 1 && length < WIRE_SHORT_STREAM ? WIRE_SHORT_CUTS : WIRE_LONG_CUTS;
}

/* What the server answers to a stream that ends there. -1: none, or not the end of it, in time. */
static inline int
wire_ask_tcp(struct wire *wire, const uint8_t *bytes, size_t length, struct bytes *answer)
{
	int fd = wire_connect(wire), status = -1;
	uint32_t cut = wire_choose_cut(wire, length);
	bool sending = true, done = false;

	wire->streams++;
	while (fd >= 0 && !done) {
		struct pollfd wait = {.fd = fd, .events = POLLIN | (sending ? POLLOUT : 0)};
		size_t piece = cut == 0 ? length : 1 + random_below(&wire->random, cut);
		ssize_t got;

		if (poll(&wait, 1, WIRE_PATIENCE_MS) <= 0)
			break;
		if ((wait.revents & POLLOUT) != 0 && sending) {
			got = send(fd, bytes, piece < length ? piece : length,
				   MSG_DONTWAIT | MSG_NOSIGNAL);
			if (got >= 0) {
				bytes += got;
				length -= (size_t)got;
			} else if (errno != EAGAIN) {
				length = 0; /* it has closed: only its answer is left */
			}
			sending = length != 0;
			if (!sending)
				shutdown(fd, SHUT_WR);
		}
		if ((wait.revents & (POLLIN | POLLHUP | POLLERR)) == 0)
			continue;
		bytes_make_room(answer, 65536);
		got = recv(fd, answer->start + answer->length, 65536, MSG_DONTWAIT);
		if (got > 0)
			answer->length += (size_t)got;
		done = got == 0 || (got < 0 && errno != EAGAIN);
		/* a server that closes while we send may reset what it won't read */
		status = done && (got == 0 || errno == ECONNRESET) ? 0 : status;
	}
	if (status != 0)
		printf("\n%s", fd < 0 ? "no connection"
			       : done ? strerror(errno)
				      : "no end in time");
	if (fd >= 0)
		close(fd);
	return status;
}

/* --- UDP ---------------------------------------------------------------------------------- */

static inline int
wire_send(struct wire *wire, const uint8_t *bytes, size_t length)
{
	uint8_t datagram[WIRE_DATAGRAM] = {0};
	uint16_t id = htons(++wire->request_id);

	memcpy(datagram, &id, sizeof(id));
	datagram[5] = 1; /* of one */
	memcpy(datagram + WIRE_FRAME, bytes, length);
	return send(wire->udp, datagram, WIRE_FRAME + length, 0) < 0 ? -1 : 0;
}

/* The message that answers the last request: its datagrams, in the order they must have. */
static inline int
wire_receive(struct wire *wire, struct bytes *answer)
{
	unsigned int next = 0, total = 1;

	while (next < total) {
		struct pollfd wait = {.fd = wire->udp, .events = POLLIN};
		uint16_t frame[WIRE_FRAME / sizeof(uint16_t)];
		uint8_t datagram[2048];
		ssize_t got;

		if (poll(&wait, 1, WIRE_PATIENCE_MS) <= 0) {
			printf("\nno datagram came in time");
			return -1;
		}
		got = recv(wire->udp, datagram, sizeof(datagram), 0);
		if (got <= WIRE_FRAME) { /* none is empty */
			printf("\na datagram of %zd bytes: %s", got, strerror(errno));
			return -1;
		}
		memcpy(frame, datagram, sizeof(frame));
		total = ntohs(frame[2]);
		if (ntohs(frame[0]) != wire->request_id || ntohs(frame[1]) != next ||
		    frame[3] != 0 || (next + 1 < total && got != WIRE_DATAGRAM)) {
			printf("\na datagram of %zd bytes: id %u for %u, %u for %u of %u", got,
			       ntohs(frame[0]), wire->request_id, ntohs(frame[1]), next, total);
			return -1;
		}
		bytes_add(answer, datagram + WIRE_FRAME, (size_t)got - WIRE_FRAME);
		next++;
	}
	return 0;
}

/*
 * What a datagram is answered with. Where that should be nothing, another is sent behind it: its
 * answer, and no other, must be the next to come.
 */
static inline int
wire_ask_udp(struct wire *wire, const uint8_t *bytes, size_t length, bool answers,
	     struct bytes *answer)
{
	static const char sentinel[] = "MN\r\n";
	struct bytes end = {0};
	int status = wire_send(wire, bytes, length);

	wire->datagrams++;
	if (status == 0 && answers)
		return wire_receive(wire, answer);
	if (status == 0)
		status = wire_send(wire, (const uint8_t *)"mn\r\n", 4);
	if (status == 0)
		status = wire_receive(wire, &end);
	if (status == 0 &&
	    (end.length != strlen(sentinel) || memcmp(end.start, sentinel, strlen(sentinel)) != 0))
		status = -1;
	bytes_free(&end);
	return status;
}

/* Over one or the other. answers: whether a datagram is to be answered at all. */
static inline int
wire_ask(struct wire *wire, const uint8_t *bytes, size_t length, bool answers, struct bytes *answer)
{
	if (length != 0 && length <= WIRE_DATAGRAM - WIRE_FRAME && random_below(&wire->random, 2))
		return wire_ask_udp(wire, bytes, length, answers, answer);
	return wire_ask_tcp(wire, bytes, length, answer);
}

#endif
