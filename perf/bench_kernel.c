/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_kernel.h"

#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	EVENTS = 64,
	CONNECT_SECONDS = 5,
	HOUSEKEEPING_NS = 1000000,
};

uint64_t
kernel_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* --- the loop ----------------------------------------------------------------------------- */

static bool
kernel_issue(struct kernel *kernel, unsigned int slot, uint64_t due, uint64_t now)
{
	if (!flight_draw(&kernel->client->flight, slot, due)) {
		kernel->client->exhausted = true;
		return false;
	}
	kernel->client->flight.slots[slot].sent = now;
	kernel->ops->send(kernel, slot, now);
	kernel_mark_dirty(kernel, slot / kernel->depth);
	return true;
}

void
kernel_answered(struct kernel *kernel, unsigned int slot, uint64_t now)
{
	struct client *client = kernel->client;

	client->last_answer = now;
	if (client->options->rate != 0 || client->draining || !kernel_issue(kernel, slot, now, now))
		client_free_slot(client, slot);
}

static void
kernel_issue_free(struct kernel *kernel, uint64_t now)
{
	struct flight *flight = &kernel->client->flight;
	uint64_t due;

	while (flight->free_count > 0 && client_due(kernel->client, now, &due)) {
		unsigned int slot = flight->free[flight->free_count - 1];

		if (!kernel_issue(kernel, slot, due, now))
			return;
		flight->free_count--;
		client_sent(kernel->client);
	}
}

static int
kernel_flush(struct kernel *kernel)
{
	int status = 0;

	for (unsigned int i = 0; i < kernel->dirty_count && status == 0; i++) {
		kernel->dirty[kernel->dirty_list[i]] = false;
		status = kernel->ops->flush(kernel, kernel->dirty_list[i]);
	}
	kernel->dirty_count = 0;
	return status;
}

static void
kernel_resend_lost(struct kernel *kernel, uint64_t now)
{
	struct flight *flight = &kernel->client->flight;

	for (unsigned int i = 0; i < flight->slot_count; i++) {
		struct slot *slot = &flight->slots[i];

		if (slot->count == 0 || now - slot->sent < kernel->client->timeout)
			continue;
		kernel->client->meter.lost++;
		/* a new opaque: an answer to the first one that comes yet is not counted twice */
		slot->opaque += 1 << 8;
		slot->answered = 0;
		slot->sent = now;
		kernel->ops->send(kernel, i, now);
		kernel_mark_dirty(kernel, i / kernel->depth);
	}
}

/* How long epoll may sleep: until the next request is due, and not over the housekeeping. */
static struct timespec
kernel_patience(const struct kernel *kernel, uint64_t now)
{
	const struct client *client = kernel->client;
	uint64_t wait = HOUSEKEEPING_NS;

	if (client->options->busy_poll)
		return (struct timespec){0};
	if (client->options->rate != 0 && !client->draining && client->flight.free_count > 0) {
		uint64_t due = (uint64_t)client->arrivals.due;

		wait = due <= now ? 0 : due - now < wait ? due - now : wait;
	}
	return (struct timespec){.tv_nsec = (long)wait};
}

static int
kernel_receive(struct kernel *kernel, const struct epoll_event *events, int count, uint64_t now)
{
	int status = 0;

	for (int i = 0; i < count && status == 0; i++) {
		if ((events[i].events & EPOLLOUT) != 0)
			kernel_mark_dirty(kernel, events[i].data.u32);
		if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0)
			status = kernel->ops->receive(kernel, events[i].data.u32, now);
	}
	return status;
}

int
kernel_run(struct client *client)
{
	struct kernel *kernel = client->wire;
	struct epoll_event events[EVENTS];
	uint64_t now = kernel_now(), housekeeping = now, woke = now;
	int status = 0;

	client_begin(client, now);
	while (status == 0 && !client_finished(client, now)) {
		struct timespec patience;
		int count;

		kernel_issue_free(kernel, now);
		status = kernel_flush(kernel);
		now = kernel_now();
		if (!client->draining)
			client->meter.ticks_busy += now - woke;
		patience = kernel_patience(kernel, now);
		count = epoll_pwait2(kernel->epoll, events, EVENTS, &patience, NULL);
		now = kernel_now();
		/* a poll in vain is no work */
		woke = count > 0 || !client->options->busy_poll ? now : kernel_now();
		if (count > 0 && status == 0)
			status = kernel_receive(kernel, events, count, now);
		if (now - housekeeping > HOUSEKEEPING_NS) {
			housekeeping = now;
			if (kernel->resends && !client->draining)
				kernel_resend_lost(kernel, now);
			if (status == 0)
				status = client_housekeep(client, now);
		}
	}
	client_end(client);
	return status;
}

int
kernel_connect(struct client *client)
{
	const struct bench_options *options = client->options;
	char version[128];

	if (client->transport->ask(client, "version\r\n", "\r\n", version, sizeof(version)) == 0)
		return 0;
	return client_fail(client, -ETIMEDOUT,
			   "%u.%u.%u.%u does not answer memcached's `version` on %s port %u",
			   options->server >> 24, options->server >> 16 & 255,
			   options->server >> 8 & 255, options->server & 255,
			   client->transport->name, options->server_port);
}

/* --- birth and death ---------------------------------------------------------------------- */

static void *
kernel_main(void *client)
{
	client_run(client);
	return NULL;
}

int
kernel_start(struct client *client)
{
	struct kernel *kernel = client->wire;
	pthread_attr_t attributes;
	cpu_set_t cpus;
	int status;

	CPU_ZERO(&cpus);
	CPU_SET(client_cpu(client->options), &cpus);
	pthread_attr_init(&attributes);
	pthread_attr_setaffinity_np(&attributes, sizeof(cpus), &cpus);
	status = pthread_create(&kernel->thread, &attributes, kernel_main, client);
	pthread_attr_destroy(&attributes);
	if (status != 0)
		return client_fail(client, -status, "--cpu %u: no thread can run there: %s",
				   client_cpu(client->options), strerror(status));
	return 0;
}

int
kernel_join(struct client *client)
{
	struct kernel *kernel = client->wire;

	pthread_join(kernel->thread, NULL);
	return client->status;
}

static int
kernel_open_socket(struct kernel *kernel, unsigned int index, int type)
{
	const struct bench_options *options = kernel->client->options;
	struct sockaddr_in server = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(options->server),
		.sin_port = htons(options->server_port),
	};
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
	struct timeval wait = {.tv_sec = CONNECT_SECONDS};
	int one = 1, buffer = 4 << 20;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return client_fail(kernel->client, -errno, "socket: %s", strerror(errno));
	kernel->sockets[index] = fd;
	if (type == SOCK_STREAM) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)); /* connect's */
		event.events |= EPOLLOUT | EPOLLET;
	} else {
		/* a burst of answers must not be lost on our side; more than allowed isn't given */
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	}
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) != 0)
		return client_fail(kernel->client, -errno, "connect: %s: is the server running?",
				   errno == EINPROGRESS ? "no answer" : strerror(errno));
	if (epoll_ctl(kernel->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		return client_fail(kernel->client, -errno, "epoll: %s", strerror(errno));
	return 0;
}

static int
kernel_allocate(struct kernel *kernel, uint32_t room)
{
	const struct bench_options *options = kernel->client->options;
	struct client *client = kernel->client;

	kernel->connections = options->connections;
	kernel->depth = options->depth;
	kernel->epoll = epoll_create1(EPOLL_CLOEXEC);
	kernel->sockets = calloc(kernel->connections, sizeof(*kernel->sockets));
	kernel->dirty = calloc(kernel->connections, sizeof(*kernel->dirty));
	kernel->dirty_list = calloc(kernel->connections, sizeof(*kernel->dirty_list));
	if (kernel->epoll < 0 || kernel->sockets == NULL || kernel->dirty == NULL ||
	    kernel->dirty_list == NULL)
		return -ENOMEM;
	memset(kernel->sockets, -1, kernel->connections * sizeof(*kernel->sockets));
	return flight_init(&client->flight, options, &client->load, &client->meter,
			   kernel->connections * kernel->depth, room);
}

int
kernel_open(struct client *client, const struct kernel_ops *ops, int type, uint32_t room)
{
	struct kernel *kernel = calloc(1, sizeof(*kernel));
	int status = -ENOMEM;

	if (kernel != NULL) {
		client->wire = kernel;
		kernel->client = client;
		kernel->ops = ops;
		kernel->resends = type == SOCK_DGRAM;
		status = kernel_allocate(kernel, room);
	}
	if (status == -ENOMEM)
		client_fail(client, status, "no memory for %u connections",
			    client->options->connections);
	for (unsigned int i = 0; status == 0 && i < kernel->connections; i++)
		status = kernel_open_socket(kernel, i, type);
	if (status == 0) {
		client_set_clock(client, 1e9);
		return 0;
	}
	if (kernel != NULL)
		kernel_close(client);
	flight_release(&client->flight);
	return status;
}

void
kernel_close(struct client *client)
{
	struct kernel *kernel = client->wire;

	for (unsigned int i = 0; kernel->sockets != NULL && i < kernel->connections; i++) {
		if (kernel->sockets[i] >= 0)
			close(kernel->sockets[i]);
	}
	if (kernel->epoll >= 0)
		close(kernel->epoll);
	free(kernel->sockets);
	free(kernel->dirty);
	free(kernel->dirty_list);
	free(kernel);
	client->wire = NULL;
}
