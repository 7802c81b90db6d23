/* SPDX-License-Identifier: BSD-3-Clause */
/* How each kind of port is named to DPDK, and what is refused before DPDK is asked. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/kind.h"
#include "drivers/netdev.h"
#include "drivers/privilege.h"
#include "tests/suite.h"

static struct config_port
a_port(enum config_driver driver)
{
	return (struct config_port){.name = "p",
				    .driver = driver,
				    .interface = "lo",
				    .socket = "/tmp/memif.sock",
				    .memif_server = true,
				    .memif_id = 3,
				    .pci = "0000:3b:00.0",
				    .descriptors = 1024,
				    .mtu = 1500};
}

static struct config
with_workers(unsigned int workers)
{
	return (struct config){.workers = workers, .mbufs = 8192};
}

static void
described(const struct config_port *port, unsigned int workers, const char *device,
	  const char *arguments)
{
	char got_device[KIND_DEVICE_SIZE], got_arguments[KIND_ARGUMENTS_SIZE];
	struct config config = with_workers(workers);

	port_kind_of(port->driver)->describe(&config, port, 2, got_device, got_arguments);
	CU_ASSERT_STRING_EQUAL(got_device, device);
	CU_ASSERT_STRING_EQUAL(got_arguments, arguments);
}

static void
devices_are_described_to_dpdk(void)
{
	struct config_port port = a_port(CONFIG_AF_XDP);

	described(&port, 4, "net_af_xdp2", "iface=lo,start_queue=0,queue_count=1");
	port = a_port(CONFIG_AF_PACKET);
	described(&port, 4, "net_af_packet2",
		  "iface=lo,qpairs=4,framesz=2048,blocksz=4096,framecnt=1024");
	port.queues = 2;
	described(&port, 4, "net_af_packet2",
		  "iface=lo,qpairs=2,framesz=2048,blocksz=4096,framecnt=1024");
	port = a_port(CONFIG_TAP);
	described(&port, 1, "net_tap2", "iface=lo");
	port.has_mac = true;
	memcpy(port.mac, "\x02\x00\x00\x00\x00\x01", 6);
	described(&port, 1, "net_tap2", "iface=lo,mac=02:00:00:00:00:01");
	port = a_port(CONFIG_PCI);
	described(&port, 1, "0000:3b:00.0", "");
}

/* DPDK 22.11's zero-copy memif client corrupts packets: it must never be asked for. */
static void
memif_is_never_zero_copy(void)
{
	struct config_port port = a_port(CONFIG_MEMIF);

	described(&port, 1, "net_memif2",
		  "role=server,id=3,socket=/tmp/memif.sock,socket-abstract=no,zero-copy=no,"
		  "bsize=2048,rsize=10");
	port.memif_server = false;
	port.descriptors = 64;
	described(&port, 1, "net_memif2",
		  "role=client,id=3,socket=/tmp/memif.sock,socket-abstract=no,zero-copy=no,"
		  "bsize=2048,rsize=6");
}

/* Chains over memif and AF_XDP, external buffers over AF_XDP and memif: broken in 22.11. */
static void
broken_transmit_features_are_off(void)
{
	CU_ASSERT_FALSE(port_kind_of(CONFIG_MEMIF)->multi_segment);
	CU_ASSERT_FALSE(port_kind_of(CONFIG_AF_XDP)->multi_segment);
	CU_ASSERT_FALSE(port_kind_of(CONFIG_AF_XDP)->external_buffers);
	CU_ASSERT_FALSE(port_kind_of(CONFIG_MEMIF)->external_buffers);
}

static void
refused(const struct config_port *port, int status, const char *word)
{
	struct config config = with_workers(1);
	char why[CONFIG_ERROR_SIZE] = "";

	CU_ASSERT_EQUAL(kind_check(&config, port, why), status);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, word));
}

static void
what_is_missing_is_named(void)
{
	struct config_port port = a_port(CONFIG_AF_XDP);

	strcpy(port.interface, "nope0");
	refused(&port, -ENODEV, "nope0");
	port.driver = CONFIG_AF_PACKET;
	refused(&port, -ENODEV, "nope0");
	port = a_port(CONFIG_PCI);
	strcpy(port.pci, "ffff:ff:1f.7");
	refused(&port, -ENODEV, "ffff:ff:1f.7");
	port = a_port(CONFIG_MEMIF);
	strcpy(port.socket, "/nowhere/at/all/memif.sock");
	refused(&port, -ENOENT, "/nowhere/at/all");
}

/* The driver copies unbounded: lo's MTU of 65,536 would overrun a buffer. */
static void
af_packet_refuses_a_large_mtu(void)
{
	struct config_port port = a_port(CONFIG_AF_PACKET);

	CU_ASSERT_EQUAL(netdev_mtu("lo"), 65536);
	refused(&port, -EINVAL, "MTU");
}

/* Room that the kind needs in a packet buffer comes off what an IP packet may have. */
static void
an_mtu_is_bounded_by_the_kind(void)
{
	static const struct {
		enum config_driver driver;
		unsigned int max;
	} rows[] = {{CONFIG_AF_XDP, 1770},
		    {CONFIG_AF_PACKET, 1500},
		    {CONFIG_TAP, 2026},
		    {CONFIG_MEMIF, 1500},
		    {CONFIG_PCI, 2026}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config_port port = a_port(rows[i].driver);
		char most[16];

		CU_ASSERT_EQUAL(port_kind_of(rows[i].driver)->mtu_max, rows[i].max);
		snprintf(most, sizeof(most), "at most %u", rows[i].max);
		port.mtu = (uint16_t)(rows[i].max + 1);
		refused(&port, -EINVAL, most);
	}
}

static void
an_address_of_the_kernels_is_refused(void)
{
	const struct in_addr loopback = {.s_addr = htonl(INADDR_LOOPBACK)};
	struct config_port port = a_port(CONFIG_TAP);
	char holder[IF_NAMESIZE];

	if (netdev_of_address(AF_INET, &loopback, holder) != 0) {
		CU_PASS("loopback is down in this network namespace");
		return;
	}
	CU_ASSERT_STRING_EQUAL(holder, "lo");
	strcpy(port.interface, "jd-none");
	port.ipv4 = (struct config_prefix){.address = 0x7f000001, .bits = 8};
	refused(&port, -EADDRINUSE, "ip addr del 127.0.0.1/8 dev lo");
	if (netdev_of_address(AF_INET6, &in6addr_loopback, holder) != 0)
		return; /* IPv6 is off in this one */
	port.ipv4.address = 0x0a4d0001;
	port.ipv6 = (struct config_network){.address = {[15] = 1}, .bits = 128};
	refused(&port, -EADDRINUSE, "ip addr del ::1/128 dev lo");
}

/* --- memif's socket ----------------------------------------------------------------------- */

static int
listen_on(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, 4), 0);
	return fd;
}

/* A server that was killed leaves its socket, which DPDK takes for one in use. */
static void
a_killed_servers_socket_is_removed(void)
{
	struct config_port port = a_port(CONFIG_MEMIF);
	struct config config = with_workers(1);
	char why[CONFIG_ERROR_SIZE];

	snprintf(port.socket, sizeof(port.socket), "/tmp/jackdaw-kind-%d.sock", getpid());
	close(listen_on(port.socket));
	CU_ASSERT_EQUAL(access(port.socket, F_OK), 0);
	CU_ASSERT_EQUAL(kind_check(&config, &port, why), 0);
	CU_ASSERT_EQUAL(port_kind_of(CONFIG_MEMIF)->prepare(&port, why), 0);
	CU_ASSERT_NOT_EQUAL(access(port.socket, F_OK), 0);
}

static void
a_living_servers_socket_is_left_alone(void)
{
	struct config_port port = a_port(CONFIG_MEMIF);
	char why[CONFIG_ERROR_SIZE];
	int ready[2];
	pid_t child;

	snprintf(port.socket, sizeof(port.socket), "/tmp/jackdaw-kind-%d.sock", getpid());
	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		listen_on(port.socket);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	CU_ASSERT_EQUAL(read(ready[0], why, 1), 1);
	refused(&port, -EADDRINUSE, "serves");
	CU_ASSERT_EQUAL(port_kind_of(CONFIG_MEMIF)->prepare(&port, why), 0);
	CU_ASSERT_EQUAL(access(port.socket, F_OK), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	unlink(port.socket);
	close(ready[0]);
	close(ready[1]);
}

static void
a_file_in_the_place_of_a_socket_is_kept(void)
{
	struct config_port port = a_port(CONFIG_MEMIF);
	FILE *file;

	snprintf(port.socket, sizeof(port.socket), "/tmp/jackdaw-kind-%d.file", getpid());
	file = fopen(port.socket, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fclose(file);
	refused(&port, -EEXIST, "no socket");
	CU_ASSERT_EQUAL(unlink(port.socket), 0);
}

/* --- privileges --------------------------------------------------------------------------- */

/* A process without any says which it lacks, and how to get them. */
static void
lacking_privileges_are_named(void)
{
	static const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct config_port port = a_port(CONFIG_AF_XDP);
	struct config config = with_workers(1);
	char why[CONFIG_ERROR_SIZE] = "";
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		config.mbufs = 512;
		if (syscall(SYS_capset, &header, none) == 0 &&
		    kind_check(&config, &port, why) == -EPERM &&
		    strstr(why, "cap_net_raw") != NULL &&
		    strstr(why, "setcap cap_net_admin,cap_net_raw,cap_sys_admin+ep /") != NULL)
			_exit(0);
		fprintf(stderr, "%s\n", why);
		_exit(1);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
}

/* Packet buffers of XDP sockets are locked into memory: a limit below them is said in time. */
static void
a_low_limit_of_locked_memory_is_named(void)
{
	struct __user_cap_data_struct kept[_LINUX_CAPABILITY_U32S_3] = {
		{.effective = CAP_TO_MASK(CAP_NET_ADMIN) | CAP_TO_MASK(CAP_NET_RAW) |
			      CAP_TO_MASK(CAP_SYS_ADMIN)}};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct rlimit little = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
	struct config_port port = a_port(CONFIG_AF_XDP);
	struct config config = with_workers(1);
	char why[CONFIG_ERROR_SIZE] = "";
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		kept[0].permitted = kept[0].effective;
		if (setrlimit(RLIMIT_MEMLOCK, &little) == 0 &&
		    syscall(SYS_capset, &header, kept) == 0 &&
		    kind_check(&config, &port, why) == -ENOBUFS &&
		    strstr(why, "may lock 1; lower mbufs, or run: ulimit -l unlimited") != NULL)
			_exit(0);
		fprintf(stderr, "%s\n", why);
		_exit(1);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
}

SUITE("kinds of port", TEST(devices_are_described_to_dpdk), TEST(memif_is_never_zero_copy),
      TEST(broken_transmit_features_are_off), TEST(what_is_missing_is_named),
      TEST(af_packet_refuses_a_large_mtu), TEST(an_mtu_is_bounded_by_the_kind),
      TEST(an_address_of_the_kernels_is_refused), TEST(a_killed_servers_socket_is_removed),
      TEST(a_living_servers_socket_is_left_alone), TEST(a_file_in_the_place_of_a_socket_is_kept),
      TEST(lacking_privileges_are_named), TEST(a_low_limit_of_locked_memory_is_named))
