/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memif between two processes: this one is the server, and starts itself again as the client, which
 * sends back what it gets, or floods until it is killed.
 */
#include <errno.h>
#include <rte_alarm.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/drivers/rig.h"

enum {
	QUEUES = 2,
	DESCRIPTORS = 2048,
	FRAMES = 3000, /* of each queue: more than its ring holds */
	DEPARTURES = 4,
	CALLERS = 64,
};

static char directory[] = "/tmp/jackdaw-memif-port-XXXXXX";

static struct config
config_of(bool server)
{
	struct config config = rig_config(CONFIG_MEMIF);
	struct config_port *port = &config.ports[0];

	config.workers = QUEUES;
	port->descriptors = DESCRIPTORS;
	port->memif_server = server;
	port->memif_id = 5;
	port->has_mac = true;
	memcpy(port->mac, server ? "\x02\0\0\0\0\x01" : "\x02\0\0\0\0\x02", 6);
	snprintf(port->socket, sizeof(port->socket), "%s/memif.sock", directory);
	return config;
}

static bool
await_link(const struct port *port, bool up)
{
	uint64_t end = rig_now_ms() + RIG_DEADLINE_MS;
	struct rte_eth_link link;

	do {
		memset(&link, 0, sizeof(link));
		if (rte_eth_link_get_nowait(port->id, &link) == 0 && link.link_status == up)
			return true;
	} while (rig_now_ms() < end);
	return false;
}

/* --- the other process -------------------------------------------------------------------- */

static void
send_all_back(const struct port *port)
{
	for (;;) {
		for (uint16_t queue = 0; queue < port->queues; queue++) {
			struct rte_mbuf *mbuf;

			if (rte_eth_rx_burst(port->id, queue, &mbuf, 1) == 1)
				rig_send(port, queue, mbuf);
		}
		sched_yield();
	}
}

static void
flood(const struct port *port)
{
	for (;;) {
		struct rte_mbuf *burst[32];
		uint16_t sent;

		if (rte_pktmbuf_alloc_bulk(port->pools[0], burst, RTE_DIM(burst)) != 0)
			continue;
		for (size_t i = 0; i < RTE_DIM(burst); i++)
			memset(rte_pktmbuf_append(burst[i], 1000), 1, 1000);
		sent = rte_eth_tx_burst(port->id, 0, burst, RTE_DIM(burst));
		rte_pktmbuf_free_bulk(burst + sent, RTE_DIM(burst) - sent);
		if (sent == 0)
			sched_yield();
	}
}

static int
be_client(const char *what, const char *where)
{
	char error[CONFIG_ERROR_SIZE];
	struct config config;
	struct port port;

	snprintf(directory, sizeof(directory), "%s", where);
	config = config_of(false);
	rig_start_eal(1);
	config.workers = QUEUES;
	rig_eal.lcores[1] = rig_eal.lcores[0];
	if (port_open(&port, &config, 0, rig_eal.lcores, error) != 0)
		rig_die(error);
	if (!await_link(&port, true))
		return 1;
	if (strcmp(what, "flood") == 0)
		flood(&port);
	send_all_back(&port);
	return 1;
}

static pid_t
start_client(const char *what)
{
	pid_t child = fork();

	if (child == 0) {
		execl("/proc/self/exe", "client", what, directory, NULL);
		_exit(127);
	}
	return child;
}

static void
end_client(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* --- tests -------------------------------------------------------------------------------- */

static void
open_server(struct port *port)
{
	struct config config = config_of(true);

	rig_open(port, &config);
	CU_ASSERT_EQUAL(port->queues, QUEUES);
	CU_ASSERT_EQUAL(port->mac.addr_bytes[5], 1);
}

static void
exchange(const struct port *port, uint16_t queue, unsigned int round)
{
	size_t length = 60 + round % (1514 - 60 + 1);
	uint8_t sent[RIG_FRAME_MAX];
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(port->pools[queue]);

	CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
	rig_frame(sent, length, (uint8_t)round, &port->mac);
	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)length), sent, length);
	rig_send(port, queue, mbuf);
	mbuf = rig_receive(port, queue);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
	CU_ASSERT_EQUAL(rte_pktmbuf_pkt_len(mbuf), length);
	CU_ASSERT_EQUAL(mbuf->nb_segs, 1);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(mbuf, void *), sent, length), 0);
	rte_pktmbuf_free(mbuf);
}

static void
frames_pass_on_every_queue(void)
{
	struct port port;
	pid_t client;

	open_server(&port);
	CU_ASSERT_FALSE(port.multi_segment);
	CU_ASSERT_FALSE(port.external_buffers);
	client = start_client("echo");
	CU_ASSERT_TRUE(await_link(&port, true));
	for (unsigned int round = 0; round < FRAMES; round++) {
		for (uint16_t queue = 0; queue < QUEUES; queue++)
			exchange(&port, queue, round);
	}
	end_client(client);
	CU_ASSERT_TRUE(await_link(&port, false));
	port_close(&port);
}

/* The connection to the peer: a connected UNIX socket of memif's type. -1 if there is none. */
static int
control_socket(void)
{
	for (int fd = 0; fd < 1024; fd++) {
		int domain = 0, type = 0;
		struct sockaddr_storage peer;
		socklen_t size = sizeof(int), peer_size = sizeof(peer);

		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
		    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && domain == AF_UNIX &&
		    type == SOCK_SEQPACKET &&
		    getpeername(fd, (struct sockaddr *)&peer, &peer_size) == 0)
			return fd;
	}
	return -1;
}

/* Reads everything that is there at once, which takes a while; how many frames. */
static unsigned int
read_at_length(const struct port *port)
{
	static struct rte_mbuf *burst[DESCRIPTORS];
	uint16_t got = rte_eth_rx_burst(port->id, 0, burst, DESCRIPTORS);

	rte_pktmbuf_free_bulk(burst, got);
	return got;
}

/*
 * DPDK 22.11 unmaps the rings of a peer that is gone while they may be read: without a remedy this
 * process dies of it. The connection is cut with the ring full, and the ring read meanwhile.
 */
static void
a_peer_that_leaves_in_mid_traffic_is_survived(void)
{
	struct port port;

	open_server(&port);
	for (unsigned int round = 0; round < DEPARTURES; round++) {
		pid_t client = start_client("flood");
		uint64_t end = rig_now_ms() + RIG_DEADLINE_MS;
		struct rte_eth_link link = {.link_status = 1};
		unsigned int most = 0;

		CU_ASSERT_TRUE(await_link(&port, true));
		while (most < DESCRIPTORS / 2 && rig_now_ms() < end) {
			unsigned int got = read_at_length(&port);

			most = got > most ? got : most;
			usleep(1000);
		}
		CU_ASSERT(most >= DESCRIPTORS / 2);
		CU_ASSERT_EQUAL(shutdown(control_socket(), SHUT_RDWR), 0);
		while (link.link_status != 0 && rig_now_ms() < end) {
			read_at_length(&port);
			rte_eth_link_get_nowait(port.id, &link);
		}
		CU_ASSERT_EQUAL(link.link_status, 0);
		end_client(client);
	}
	port_close(&port);
}

static void
a_killed_peer_is_followed_by_the_next(void)
{
	struct port port;

	open_server(&port);
	for (unsigned int round = 0; round < 2; round++) {
		pid_t client = start_client("echo");

		CU_ASSERT_TRUE(await_link(&port, true));
		exchange(&port, 0, round);
		end_client(client);
		CU_ASSERT_TRUE(await_link(&port, false));
	}
	port_close(&port);
}

static void
hold_thread(void *argument)
{
	/* acquire: pairs with the test's release */
	while (!atomic_load_explicit((atomic_bool *)argument, memory_order_acquire))
		usleep(1000);
}

/* Connects to the server's socket and leaves at once. */
static void
call_and_leave(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	/* the server's queue of callers is short: full is as good as connected */
	CU_ASSERT_TRUE(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
		       errno == EAGAIN);
	close(fd);
}

/*
 * DPDK 22.11 panics when a client is gone before the interrupt thread has greeted it: that thread is
 * held while one calls and leaves, so that it can't be in time.
 */
static void
a_peer_that_leaves_before_it_is_greeted_is_survived(void)
{
	static atomic_bool go_on;
	struct port port;
	pid_t client;

	open_server(&port);
	for (unsigned int caller = 0; caller < CALLERS; caller++) {
		atomic_store_explicit(&go_on, false, memory_order_relaxed);
		CU_ASSERT_EQUAL(rte_eal_alarm_set(1, hold_thread, &go_on), 0);
		call_and_leave(port.config.socket);
		/* release: pairs with hold_thread's acquire */
		atomic_store_explicit(&go_on, true, memory_order_release);
	}
	client = start_client("echo");
	CU_ASSERT_TRUE(await_link(&port, true));
	exchange(&port, 0, 0);
	end_client(client);
	CU_ASSERT_TRUE(await_link(&port, false));
	port_close(&port);
}

static void
closing_leaves_no_socket(void)
{
	struct config config = config_of(true);
	struct port port;

	open_server(&port);
	CU_ASSERT_EQUAL(access(config.ports[0].socket, F_OK), 0);
	port_close(&port);
	CU_ASSERT_NOT_EQUAL(access(config.ports[0].socket, F_OK), 0);
	CU_ASSERT_EQUAL(rte_eth_dev_count_avail(), 0);
}

static void
a_missing_folder_is_named(void)
{
	struct config config = config_of(true);

	strcpy(config.ports[0].socket, "/tmp/jackdaw-nowhere/memif.sock");
	rig_refused(&config, -ENOENT, "mkdir -p /tmp/jackdaw-nowhere");
}

SUITE_FUNCTION(run_suite, "memif ports", TEST(frames_pass_on_every_queue),
	       TEST(a_killed_peer_is_followed_by_the_next),
	       TEST(a_peer_that_leaves_in_mid_traffic_is_survived),
	       TEST(a_peer_that_leaves_before_it_is_greeted_is_survived),
	       TEST(closing_leaves_no_socket), TEST(a_missing_folder_is_named))

int
main(int argc, char **argv)
{
	int status;

	if (argc == 3)
		return be_client(argv[1], argv[2]);
	if (mkdtemp(directory) == NULL)
		rig_die("no temporary directory");
	rig_start_eal(1);
	/* both queues are this thread's */
	rig_eal.lcores[1] = rig_eal.lcores[0];
	status = run_suite();
	eal_stop(&rig_eal);
	rmdir(directory);
	return status;
}
