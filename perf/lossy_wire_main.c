/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lossy-wire: joins two interfaces like a cable that loses, doubles, delays, reorders and corrupts
 * frames; for kernels without netem, and for runs that must be repeatable.
 *
 *     lossy-wire [--seed N] INTERFACE INTERFACE [WORDS of tc-netem…]
 *
 * Prints "ready", works in both directions until SIGTERM or SIGINT, then prints what it did. Both
 * interfaces must be there for this alone (the outer ends of two veth pairs), with transmit offloads
 * off at the inner ends, and nobody's address on them. VLAN tags are not carried.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "perf/impair_words.h"
#include "perf/time_queue.h"

enum {
	FRAME_MAX = 9216 + 64,
	BURST = 64,
	LIMIT_DEFAULT = 1000, /* frames under way, as netem's */
	SOCKET_BUFFER = 8 << 20,
};

struct held {
	uint32_t length;
	uint32_t next_free;
	unsigned int to; /* end */
	uint8_t bytes[FRAME_MAX];
};

struct end {
	int socket;
	struct impair_line line; /* towards this end */
	uint32_t under_way;
	struct impair_counts counts;
	uint64_t delivered, over_limit, refused;
};

struct wire {
	struct end ends[2];
	uint32_t limit;
	struct held *held;
	uint32_t free;
	struct time_queue queue;
	uint8_t received[BURST][FRAME_MAX];
};

static volatile sig_atomic_t stopping; /* set by the handler alone */

static void
stop(int number)
{
	(void)number;
	stopping = 1;
}

static void
die(const char *what)
{
	fprintf(stderr, "lossy-wire: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void
set_option(int socket, int level, int name, int value, const char *what)
{
	if (setsockopt(socket, level, name, &value, sizeof(value)) != 0)
		die(what);
}

/* A socket that sees every frame that arrives at the interface, and not those that we send. */
static int
end_open(const char *interface)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct packet_mreq promiscuous = {.mr_type = PACKET_MR_PROMISC};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("a packet socket");
	address.sll_ifindex = (int)if_nametoindex(interface);
	promiscuous.mr_ifindex = address.sll_ifindex;
	if (address.sll_ifindex == 0)
		die(interface);
	set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING");
	set_option(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1, "PACKET_QDISC_BYPASS");
	/* the FORCE forms need a privilege that root in a container may not have */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){SOCKET_BUFFER}, sizeof(int)) != 0)
		set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER, "SO_RCVBUF");
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &(int){SOCKET_BUFFER}, sizeof(int)) != 0)
		set_option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER, "SO_SNDBUF");
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) !=
	    0)
		die("promiscuous mode");
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die(interface);
	return fd;
}

static void
wire_hold(struct wire *wire, unsigned int to, const uint8_t *frame, uint32_t length,
	  const struct impair_fate *fate)
{
	struct end *end = &wire->ends[to];
	uint32_t slot = wire->free;
	struct held *held = &wire->held[slot];

	if (end->under_way == wire->limit) {
		end->over_limit++;
		return;
	}
	end->under_way++;
	wire->free = held->next_free;
	held->to = to;
	held->length = length;
	memcpy(held->bytes, frame, length);
	impair_flip(held->bytes, fate->flipped_bit);
	/* both ends' limits together are the queue's room */
	time_queue_put(&wire->queue, fate->arrival, slot);
}

/* Takes what has arrived at one end. False: there was nothing. */
static bool
wire_receive(struct wire *wire, unsigned int from)
{
	struct end *to = &wire->ends[!from];
	struct mmsghdr messages[BURST] = {0};
	struct iovec vectors[BURST];
	int count;
	uint64_t now;

	for (int i = 0; i < BURST; i++) {
		vectors[i] = (struct iovec){wire->received[i], FRAME_MAX};
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	count = recvmmsg(wire->ends[from].socket, messages, BURST, MSG_DONTWAIT, NULL);
	if (count < 0 && errno != EAGAIN && errno != EINTR && errno != ENETDOWN)
		die("recvmmsg");
	now = now_us();
	for (int i = 0; i < count; i++) {
		struct impair_fate fates[IMPAIR_COPIES_MAX];
		unsigned int copies =
			impair_frame(&to->line, messages[i].msg_len, now, fates, &to->counts);

		for (unsigned int copy = 0; copy < copies; copy++)
			wire_hold(wire, !from, wire->received[i], messages[i].msg_len,
				  &fates[copy]);
	}
	return count > 0;
}

static void
end_send(struct end *end, struct mmsghdr *messages, unsigned int count)
{
	unsigned int done = 0;

	while (done < count) {
		int sent = sendmmsg(end->socket, messages + done, count - done, MSG_DONTWAIT);

		if (sent > 0) {
			end->delivered += (unsigned int)sent;
			done += (unsigned int)sent;
		} else if (errno != EINTR) {
			/* the interface takes no more, or is down: lost as on a real one */
			end->refused++;
			done++;
		}
	}
}

/* Delivers up to a burst of the frames that are due. False: there were none. */
static bool
wire_deliver(struct wire *wire)
{
	struct mmsghdr messages[2][BURST];
	struct iovec vectors[BURST];
	uint32_t slots[BURST];
	unsigned int counts[2] = {0, 0}, taken = 0;
	uint64_t now = now_us();

	for (; taken < BURST && time_queue_next(&wire->queue) <= now; taken++) {
		uint32_t slot = slots[taken] = time_queue_take(&wire->queue);
		struct held *held = &wire->held[slot];
		struct mmsghdr *message = &messages[held->to][counts[held->to]++];

		vectors[taken] = (struct iovec){held->bytes, held->length};
		*message =
			(struct mmsghdr){.msg_hdr = {.msg_iov = &vectors[taken], .msg_iovlen = 1}};
	}
	end_send(&wire->ends[0], messages[0], counts[0]);
	end_send(&wire->ends[1], messages[1], counts[1]);
	for (unsigned int i = 0; i < taken; i++) {
		wire->ends[wire->held[slots[i]].to].under_way--;
		wire->held[slots[i]].next_free = wire->free;
		wire->free = slots[i];
	}
	return taken > 0;
}

static void
wire_wait(struct wire *wire, const sigset_t *signals)
{
	struct pollfd polled[2] = {{.fd = wire->ends[0].socket, .events = POLLIN},
				   {.fd = wire->ends[1].socket, .events = POLLIN}};
	uint64_t next = time_queue_next(&wire->queue), now = now_us();
	uint64_t left = next > now ? next - now : 0;
	struct timespec timeout = {.tv_sec = (time_t)(left / 1000000),
				   .tv_nsec = (long)(left % 1000000) * 1000};

	ppoll(polled, 2, next == UINT64_MAX ? NULL : &timeout, signals);
}

static void
wire_run(struct wire *wire)
{
	sigset_t blocked, before;

	/* the signals arrive only while ppoll waits, so that none is missed */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = stop}, NULL);
	sigaction(SIGINT, &(struct sigaction){.sa_handler = stop}, NULL);
	puts("ready");
	fflush(stdout);
	while (!stopping) {
		bool busy = wire_receive(wire, 0);

		busy |= wire_receive(wire, 1);
		busy |= wire_deliver(wire);
		if (!busy || time_queue_next(&wire->queue) > now_us())
			wire_wait(wire, &before);
	}
}

static void
wire_report(const struct wire *wire, char *const interfaces[2])
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct end *end = &wire->ends[i];

		printf("to %s: frames %llu lost %llu duplicated %llu corrupted %llu overtaking "
		       "%llu "
		       "over_limit %llu refused %llu delivered %llu\n",
		       interfaces[i], (unsigned long long)end->counts.frames,
		       (unsigned long long)end->counts.lost,
		       (unsigned long long)end->counts.duplicated,
		       (unsigned long long)end->counts.corrupted,
		       (unsigned long long)end->counts.overtaking,
		       (unsigned long long)end->over_limit, (unsigned long long)end->refused,
		       (unsigned long long)end->delivered);
	}
}

static struct wire *
wire_make(char *const interfaces[2], const struct impairment *what, uint32_t limit, uint64_t seed)
{
	struct wire *wire = calloc(1, sizeof(*wire));

	if (wire == NULL)
		die("memory");
	wire->limit = limit;
	wire->queue.room = 2 * limit;
	wire->held = calloc(2 * (size_t)limit, sizeof(*wire->held));
	wire->queue.entries = calloc(2 * (size_t)limit, sizeof(*wire->queue.entries));
	if (wire->held == NULL || wire->queue.entries == NULL)
		die("memory");
	for (uint32_t i = 0; i < 2 * limit; i++)
		wire->held[i].next_free = i + 1;
	for (unsigned int i = 0; i < 2; i++) {
		wire->ends[i].socket = end_open(interfaces[i]);
		impair_line_start(&wire->ends[i].line, what, 2 * seed + i);
	}
	return wire;
}

int
main(int argc, char *argv[])
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'}, {0}};
	struct impairment what;
	uint32_t limit = LIMIT_DEFAULT;
	uint64_t seed = 1;
	char error[200];
	struct wire *wire;
	int option;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option != 's')
			return 2;
		seed = strtoull(optarg, NULL, 0);
	}
	if (argc - optind < 2) {
		fputs("usage: lossy-wire [--seed N] INTERFACE INTERFACE [NETEM WORDS...]\n",
		      stderr);
		return 2;
	}
	if (impair_words_read(argv + optind + 2, argc - optind - 2, &what, &limit, error,
			      sizeof(error)) != 0) {
		fprintf(stderr, "lossy-wire: %s\n", error);
		return 2;
	}
	wire = wire_make(argv + optind, &what, limit, seed);
	wire_run(wire);
	wire_report(wire, argv + optind);
	return 0;
}
