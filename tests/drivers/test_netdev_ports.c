/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports on the kernel's interfaces, in a network namespace of the test's own: frames in both
 * directions, sizes, queues, and everything that may stand in the way. Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "drivers/netdev.h"
#include "drivers/xdp.h"
#include "tests/drivers/rig.h"

static const enum config_driver drivers[] = {CONFIG_AF_XDP, CONFIG_AF_PACKET, CONFIG_TAP};

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
shell(const char *format, ...)
{
	char command[512];
	va_list values;

	va_start(values, format);
	vsnprintf(command, sizeof(command), format, values);
	va_end(values);
	if (system(command) != 0)
		rig_die(command);
}

/* A veth pair jd-a (the port's) and jd-b (ours), with nothing of the kernel's own on it. */
static void
make_wire(unsigned int queues)
{
	shell("ip link add jd-a numrxqueues %u numtxqueues %u type veth peer name jd-b "
	      "numrxqueues %u numtxqueues %u",
	      queues, queues, queues, queues);
	shell("sysctl -qw net.ipv6.conf.jd-a.disable_ipv6=1 net.ipv6.conf.jd-b.disable_ipv6=1");
	shell("ip link set jd-a up && ip link set jd-b up");
}

static void
remove_wire(void)
{
	shell("ip link del jd-a");
}

static struct config
config_of(enum config_driver driver)
{
	struct config config = rig_config(driver);

	strcpy(config.ports[0].interface, driver == CONFIG_TAP ? "jd-tap" : "jd-a");
	return config;
}

/* A socket on the other end of the port's wire: jd-b, or the TAP device's kernel side. */
static int
open_peer(enum config_driver driver)
{
	const char *interface = driver == CONFIG_TAP ? "jd-tap" : "jd-b";
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htons(RIG_ETHER_TYPE),
				      .sll_ifindex = (int)if_nametoindex(interface)};
	const struct timeval patience = {.tv_sec = RIG_DEADLINE_MS / 1000};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(RIG_ETHER_TYPE));

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	CU_ASSERT_EQUAL(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

/* Sends a frame of that size to the port, has it sent back, and compares every byte both times. */
static void
exchange(const struct port *port, int peer, size_t length, uint8_t seed)
{
	uint8_t sent[RIG_FRAME_MAX], returned[RIG_FRAME_MAX];
	struct rte_mbuf *mbuf;

	rig_frame(sent, length, seed, &port->mac);
	CU_ASSERT_EQUAL_FATAL(send(peer, sent, length, 0), (ssize_t)length);
	mbuf = rig_receive(port, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mbuf);
	CU_ASSERT_EQUAL(rte_pktmbuf_pkt_len(mbuf), length);
	CU_ASSERT_EQUAL(memcmp(rte_pktmbuf_mtod(mbuf, void *), sent, length), 0);
	rig_send(port, 0, mbuf);
	CU_ASSERT_EQUAL(recv(peer, returned, sizeof(returned), 0), (ssize_t)length);
	CU_ASSERT_EQUAL(memcmp(returned, sent, length), 0);
}

/* More frames than there are descriptors or buffers: none may be lost on the way back to the pool. */
static void
frames_pass_in_both_directions(void)
{
	for (size_t i = 0; i < RTE_DIM(drivers); i++) {
		struct config config = config_of(drivers[i]);
		struct port port;
		int peer;

		make_wire(1);
		rig_open(&port, &config);
		peer = open_peer(drivers[i]);
		for (unsigned int round = 0; round < 5000; round++)
			exchange(&port, peer, 60 + round % (1514 - 60 + 1), (uint8_t)round);
		exchange(&port, peer, 1514, 1);
		close(peer);
		port_close(&port);
		remove_wire();
	}
}

/*
 * Every buffer of a pool is as good as another: AF_XDP's are in memory that is registered with the
 * kernel, which drops a frame outside of it in silence, and forgets a buffer that it was to fill.
 */
static void
every_buffer_can_be_sent(void)
{
	static struct rte_mbuf *buffers[RIG_BUFFERS_MAX];

	for (size_t i = 0; i < RTE_DIM(drivers); i++) {
		struct config config = config_of(drivers[i]);
		uint8_t frame[RIG_FRAME_MAX], returned[RIG_FRAME_MAX];
		unsigned int count = 0;
		struct port port;
		int peer;

		config.mbufs = RIG_BUFFERS_MAX;
		make_wire(1);
		rig_open(&port, &config);
		peer = open_peer(drivers[i]);
		rig_frame(frame, 60, 1, &port.mac);
		while (count < RIG_BUFFERS_MAX &&
		       (buffers[count] = rte_pktmbuf_alloc(port.pools[0])) != NULL)
			count++;
		CU_ASSERT(count >= RIG_BUFFERS_MAX / 2); /* the others wait to be filled */
		for (unsigned int sent = 0; sent < count; sent++) {
			memcpy(rte_pktmbuf_append(buffers[sent], 60), frame, 60);
			rig_send(&port, 0, buffers[sent]);
			CU_ASSERT_EQUAL_FATAL(recv(peer, returned, sizeof(returned), 0), 60);
		}
		close(peer);
		port_close(&port);
		remove_wire();
	}
}

/* AF_XDP's headroom comes off the buffer: the largest MTU that is accepted is one that passes. */
static void
the_largest_mtu_passes(void)
{
	struct config config = config_of(CONFIG_AF_XDP);
	struct port port;
	int peer;

	make_wire(1);
	shell("ip link set jd-b mtu 2000");
	config.ports[0].mtu = 1770;
	rig_open(&port, &config);
	CU_ASSERT_EQUAL(netdev_mtu("jd-a"), 1770);
	CU_ASSERT_EQUAL(port.mtu, 1770);
	peer = open_peer(CONFIG_AF_XDP);
	exchange(&port, peer, 1770 + RTE_ETHER_HDR_LEN, 7);
	close(peer);
	port_close(&port);
	config.ports[0].mtu = 1771;
	rig_refused(&config, -EINVAL, "at most 1770");
	remove_wire();
}

/* An idle worker sleeps on the descriptor: it must be quiet until a frame comes, and then not. */
static void
a_frame_wakes_who_sleeps(void)
{
	for (size_t i = 0; i < RTE_DIM(drivers); i++) {
		struct config config = config_of(drivers[i]);
		uint8_t frame[RIG_FRAME_MAX];
		struct port port;
		struct rte_mbuf *mbuf;
		struct pollfd waiting;
		int peer;

		make_wire(1);
		rig_open(&port, &config);
		peer = open_peer(drivers[i]);
		waiting = (struct pollfd){.fd = port.wake_fds[0], .events = POLLIN};
		CU_ASSERT_FATAL(port.wake_fds[0] >= 0);
		while (rte_eth_rx_burst(port.id, 0, &mbuf, 1) == 1)
			rte_pktmbuf_free(mbuf);
		CU_ASSERT_EQUAL(poll(&waiting, 1, 0), 0);
		rig_frame(frame, 100, 1, &port.mac);
		CU_ASSERT_EQUAL(send(peer, frame, 100, 0), 100);
		CU_ASSERT_EQUAL(poll(&waiting, 1, RIG_DEADLINE_MS), 1);
		mbuf = rig_receive(&port, 0);
		CU_ASSERT_PTR_NOT_NULL(mbuf);
		rte_pktmbuf_free(mbuf);
		close(peer);
		port_close(&port);
		remove_wire();
	}
}

/* What DPDK 22.11's drivers do wrong is not offered, whatever they say of themselves. */
static void
capabilities_are_those_that_work(void)
{
	for (size_t i = 0; i < RTE_DIM(drivers); i++) {
		struct config config = config_of(drivers[i]);
		struct port_losses losses;
		struct port port;
		char line[256];

		make_wire(1);
		rig_open(&port, &config);
		CU_ASSERT_EQUAL(port.multi_segment, drivers[i] == CONFIG_TAP);
		CU_ASSERT_EQUAL(port.external_buffers, drivers[i] != CONFIG_AF_XDP);
		CU_ASSERT_EQUAL(port.tx_udp_checksum, drivers[i] == CONFIG_TAP);
		CU_ASSERT_FALSE(port.rss);
		CU_ASSERT_TRUE(port.flow_stays);
		CU_ASSERT_EQUAL(port.mtu, 1500);
		CU_ASSERT_EQUAL(port_read_losses(&port, &losses), 0);
		CU_ASSERT_EQUAL(losses.missed + losses.errors + losses.no_buffer, 0);
		port_describe(&port, line, sizeof(line));
		CU_ASSERT_PTR_NOT_NULL(strstr(line, config_driver_name(drivers[i])));
		CU_ASSERT_PTR_NOT_NULL(strstr(line, "1 queue,"));
		port_close(&port);
		remove_wire();
	}
}

/* A UDP datagram of flow n; the kernel's fan-out spreads by addresses and ports. */
static size_t
flow_frame(uint8_t bytes[RIG_FRAME_MAX], unsigned int flow,
	   const struct rte_ether_addr *destination)
{
	static const uint8_t ip[] = {0x45, 0, 0,  46, 0, 0, 0,	0,  64, 17,
				     0,	   0, 10, 77, 0, 2, 10, 77, 0,	1};
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)bytes;

	rig_frame(bytes, 60, 0, destination);
	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	memcpy(bytes + 14, ip, sizeof(ip));
	bytes[34] = (uint8_t)(flow >> 8 | 0x80);
	bytes[35] = (uint8_t)flow;
	return 60;
}

static void
two_queues_share_the_flows(void)
{
	enum {
		FLOWS = 256
	};
	struct config config = config_of(CONFIG_AF_PACKET);
	unsigned int got[2] = {0, 0};
	uint64_t end = rig_now_ms() + RIG_DEADLINE_MS;
	struct port port;
	int peer;

	if (rig_workers(2) < 2) {
		CU_PASS("one CPU, one worker");
		return;
	}
	config.workers = 2;
	make_wire(2);
	rig_open(&port, &config);
	CU_ASSERT_EQUAL_FATAL(port.queues, 2);
	CU_ASSERT_FALSE(port.flow_stays);
	CU_ASSERT(port.wake_fds[0] >= 0 && port.wake_fds[1] >= 0);
	CU_ASSERT_NOT_EQUAL(port.wake_fds[0], port.wake_fds[1]);
	peer = open_peer(CONFIG_AF_PACKET);
	for (unsigned int flow = 0; flow < FLOWS; flow++) {
		uint8_t frame[RIG_FRAME_MAX];
		size_t length = flow_frame(frame, flow, &port.mac);

		CU_ASSERT_EQUAL(send(peer, frame, length, 0), (ssize_t)length);
	}
	while (got[0] + got[1] < FLOWS && rig_now_ms() < end) {
		for (uint16_t queue = 0; queue < 2; queue++) {
			struct rte_mbuf *mbuf;

			if (rte_eth_rx_burst(port.id, queue, &mbuf, 1) == 0)
				continue;
			got[queue]++;
			CU_ASSERT_PTR_EQUAL(mbuf->pool, port.pools[queue]);
			rte_pktmbuf_free(mbuf);
		}
	}
	CU_ASSERT_EQUAL(got[0] + got[1], FLOWS);
	CU_ASSERT(got[0] > FLOWS / 8 && got[1] > FLOWS / 8);
	close(peer);
	port_close(&port);
	remove_wire();
}

/* Two descriptors of BPF stay with the AF_XDP driver whatever is done; nothing else may. */
static void
opening_and_closing_leaves_nothing(void)
{
	enum {
		ROUNDS = 4
	};

	make_wire(1);
	for (size_t i = 0; i < RTE_DIM(drivers); i++) {
		unsigned int allowed = drivers[i] == CONFIG_AF_XDP ? 2 * ROUNDS : 0, before = 0;
		struct config config = config_of(drivers[i]);
		char program[XDP_NAME_SIZE];
		struct port port;

		/* the first round may load and keep things */
		for (unsigned int round = 0; round <= ROUNDS; round++) {
			rig_open(&port, &config);
			port_close(&port);
			CU_ASSERT_EQUAL(rte_eth_dev_count_avail(), 0);
			CU_ASSERT_PTR_NULL(port.pools[0]);
			before = round == 0 ? rig_descriptors() : before;
		}
		CU_ASSERT(rig_descriptors() <= before + allowed);
		CU_ASSERT_EQUAL(xdp_program("jd-a", program), 0);
		CU_ASSERT_FALSE(xdp_queue_taken("jd-a", 0));
	}
	CU_ASSERT_EQUAL(netdev_exists("jd-tap"), -ENODEV);
	remove_wire();
}

static void
an_interface_that_is_down_is_brought_up(void)
{
	struct config config = config_of(CONFIG_AF_XDP);
	struct port port;
	int peer;

	make_wire(1);
	shell("ip link set jd-a down");
	rig_open(&port, &config);
	CU_ASSERT_TRUE(netdev_is_up("jd-a"));
	peer = open_peer(CONFIG_AF_XDP);
	exchange(&port, peer, 100, 1);
	close(peer);
	port_close(&port);
	remove_wire();
}

/* --- what stands in the way --------------------------------------------------------------- */

static void
a_missing_interface_is_named(void)
{
	struct config config = config_of(CONFIG_AF_XDP);

	rig_refused(&config, -ENODEV, "no interface jd-a");
	config.ports[0].driver = CONFIG_AF_PACKET;
	rig_refused(&config, -ENODEV, "no interface jd-a");
}

/* veth chooses the queue by the sender's CPU: packets on a queue without a socket were lost. */
static void
af_xdp_refuses_more_queues_than_it_serves(void)
{
	struct config config = config_of(CONFIG_AF_XDP);

	make_wire(2);
	rig_refused(&config, -EINVAL, "ethtool -L jd-a rx 1");
	shell("ethtool -L jd-a rx 1 && ethtool -L jd-b tx 1");
	{
		struct port port;

		rig_open(&port, &config);
		port_close(&port);
	}
	remove_wire();
}

static void
the_kernels_address_is_refused(void)
{
	for (size_t i = 0; i < RTE_DIM(drivers); i++) {
		struct config config = config_of(drivers[i]);

		make_wire(1);
		shell("ip addr add 10.77.0.1/24 dev jd-a");
		config.ports[0].ipv4 = (struct config_prefix){.address = 0x0a4d0001, .bits = 24};
		rig_refused(&config, -EADDRINUSE, "ip addr del 10.77.0.1/24 dev jd-a");
		remove_wire();
	}
}

static void
a_tap_needs_a_name_of_its_own(void)
{
	struct config config = config_of(CONFIG_TAP);

	make_wire(1);
	strcpy(config.ports[0].interface, "jd-b");
	rig_refused(&config, -EEXIST, "no TAP device but veth");
	remove_wire();
}

/* Of whatever make: a TAP device with a carrier has a holder. */
static void
a_tap_that_is_held_is_refused(void)
{
	struct config config = config_of(CONFIG_TAP);
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	strcpy(request.ifr_name, "jd-tap");
	CU_ASSERT_EQUAL_FATAL(ioctl(fd, TUNSETIFF, &request), 0);
	shell("ip link set jd-tap up");
	rig_refused(&config, -EBUSY, "holds the TAP device jd-tap");
	close(fd);
}

/* An XDP socket that isn't ours, alone and with the program that DPDK would share. */
static void
a_foreign_xdp_socket_is_refused(void)
{
	const struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY, .sxdp_queue_id = 0};
	struct config config = config_of(CONFIG_AF_XDP);
	struct sockaddr_xdp bound = address;
	const int entries = 4;
	void *memory =
		mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct xdp_umem_reg umem = {
		.addr = (uintptr_t)memory, .len = 16384, .chunk_size = 4096};
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	make_wire(1);
	bound.sxdp_ifindex = if_nametoindex("jd-a");
	CU_ASSERT_EQUAL(setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)), 0);
	CU_ASSERT_EQUAL(setsockopt(fd, SOL_XDP, XDP_UMEM_FILL_RING, &entries, sizeof(entries)), 0);
	CU_ASSERT_EQUAL(
		setsockopt(fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &entries, sizeof(entries)), 0);
	CU_ASSERT_EQUAL(setsockopt(fd, SOL_XDP, XDP_RX_RING, &entries, sizeof(entries)), 0);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&bound, sizeof(bound)), 0);
	rig_refused(&config, -EBUSY, "XDP socket on jd-a, queue 0");
	close(fd);
	munmap(memory, 16384);
	remove_wire();
}

/* Another process with a port of its own, which says when it has it and then waits to be killed. */
static pid_t
start_rival(enum config_driver driver)
{
	int ready[2];
	char word[8] = "", number[8];
	pid_t child;

	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	snprintf(number, sizeof(number), "%d", driver);
	child = fork();
	if (child == 0) {
		dup2(ready[1], STDOUT_FILENO);
		execl("/proc/self/exe", "rival", number, NULL);
		_exit(127);
	}
	close(ready[1]);
	CU_ASSERT_EQUAL_FATAL(read(ready[0], word, sizeof(word)), 5);
	close(ready[0]);
	return child;
}

static int
be_rival(enum config_driver driver)
{
	struct config config = config_of(driver);
	struct port port;
	char error[CONFIG_ERROR_SIZE];

	rig_start_eal(1);
	if (port_open(&port, &config, 0, rig_eal.lcores, error) != 0)
		rig_die(error);
	if (write(STDOUT_FILENO, "ready", 5) == 5)
		pause();
	return 1;
}

/*
 * The second must be refused, and the first must not notice: DPDK alone fails with "Invalid
 * argument" and detaches the first one's program. When the first is killed, the second gets it.
 */
static void
an_interface_in_use_is_refused_until_its_user_dies(void)
{
	struct config config = config_of(CONFIG_AF_XDP);
	char name[XDP_NAME_SIZE];
	struct port port;
	uint32_t program;
	pid_t rival;
	int peer;

	make_wire(1);
	rival = start_rival(CONFIG_AF_XDP);
	program = xdp_program("jd-a", name);
	CU_ASSERT_NOT_EQUAL(program, 0);
	CU_ASSERT_TRUE(xdp_program_is_dpdks(name));
	rig_refused(&config, -EBUSY, "another jackdaw serves jd-a");
	CU_ASSERT_EQUAL(xdp_program("jd-a", name), program);
	kill(rival, SIGKILL);
	waitpid(rival, NULL, 0);
	rig_open(&port, &config);
	peer = open_peer(CONFIG_AF_XDP);
	exchange(&port, peer, 100, 1);
	close(peer);
	port_close(&port);
	remove_wire();
}

static void
a_tap_in_use_is_refused_until_its_user_dies(void)
{
	struct config config = config_of(CONFIG_TAP);
	struct port port;
	pid_t rival;

	shell("ip tuntap add dev jd-tap mode tap multi_queue");
	rival = start_rival(CONFIG_TAP);
	rig_refused(&config, -EBUSY, "another jackdaw serves jd-tap");
	kill(rival, SIGKILL);
	waitpid(rival, NULL, 0);
	rig_open(&port, &config);
	port_close(&port);
	shell("ip link del jd-tap");
}

static void
stopping_leaves_no_runtime_directory(void)
{
	char directory[256];

	snprintf(directory, sizeof(directory), "%s", rte_eal_get_runtime_dir());
	eal_stop(&rig_eal);
	CU_ASSERT_NOT_EQUAL(access(directory, F_OK), 0);
}

SUITE_FUNCTION(run_suite, "ports on the kernel's interfaces", TEST(frames_pass_in_both_directions),
	       TEST(every_buffer_can_be_sent), TEST(the_largest_mtu_passes),
	       TEST(a_frame_wakes_who_sleeps), TEST(capabilities_are_those_that_work),
	       TEST(two_queues_share_the_flows), TEST(opening_and_closing_leaves_nothing),
	       TEST(an_interface_that_is_down_is_brought_up), TEST(a_missing_interface_is_named),
	       TEST(af_xdp_refuses_more_queues_than_it_serves),
	       TEST(the_kernels_address_is_refused), TEST(a_tap_needs_a_name_of_its_own),
	       TEST(a_tap_that_is_held_is_refused), TEST(a_foreign_xdp_socket_is_refused),
	       TEST(an_interface_in_use_is_refused_until_its_user_dies),
	       TEST(a_tap_in_use_is_refused_until_its_user_dies),
	       TEST(stopping_leaves_no_runtime_directory))

int
main(int argc, char **argv)
{
	if (argc == 2)
		return be_rival((enum config_driver)atoi(argv[1]));
	if (unshare(CLONE_NEWNET) != 0)
		rig_die("no network namespace: run as root (in a container with CAP_SYS_ADMIN)");
	rig_start_eal(rig_workers(2));
	return run_suite();
}
