/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two DPDK processes: the appliance as memif server and this program as its client, which asks
 * over the shared rings and checks every answer.
 */
#include <errno.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/net/frames.h"
#include "tests/suite.h"

enum {
	KEYS = 2000,
	WINDOW = 32, /* requests under way */
	WAIT_SECONDS = 20,
};

static char directory[] = "/tmp/jackdaw-memif-XXXXXX";
static pid_t appliance;
static uint16_t port;
static struct rte_mempool *pool;
static struct rte_ether_addr server_mac;

static void
write_config(char *path, size_t size)
{
	FILE *file;

	snprintf(path, size, "%s/memif.yaml", directory);
	file = fopen(path, "w");
	if (file == NULL)
		exit(2);
	fprintf(file,
		"memory: 64M\nhugepages: off\nports:\n  - {driver: memif, role: server, id: 7, "
		"socket: %s/memif.sock, address: 10.77.0.1/24, mac: 02:00:00:00:00:01}\n",
		directory);
	fclose(file);
}

static void
start_appliance(void)
{
	const char *build = getenv("BUILD");
	char path[128], program[256];

	write_config(path, sizeof(path));
	snprintf(program, sizeof(program), "%s/jackdaw", build != NULL ? build : "build");
	appliance = fork();
	if (appliance == 0) {
		execl(program, program, "--config", path, NULL);
		_exit(127);
	}
}

static void
start_client(void)
{
	char device[192], prefix[64];
	char *arguments[] = {
		"test", "--no-huge", "--no-pci", "-m",	 "128",	 "--no-telemetry",   "--no-shconf",
		"-l",	"0",	     "--vdev",	 device, prefix, "--log-level=error"};
	struct rte_eth_conf conf = {0};

	snprintf(prefix, sizeof(prefix), "--file-prefix=memif-test-%d", getpid());
	snprintf(device, sizeof(device),
		 "net_memif0,role=client,id=7,socket=%s/memif.sock,socket-abstract=no", directory);
	if (rte_eal_init(RTE_DIM(arguments), arguments) < 0 || atexit(eal_end) != 0)
		exit(2);
	pool = rte_pktmbuf_pool_create("client", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (pool == NULL || rte_eth_dev_configure(port, 1, 1, &conf) != 0 ||
	    rte_eth_rx_queue_setup(port, 0, 1024, 0, NULL, pool) != 0 ||
	    rte_eth_tx_queue_setup(port, 0, 1024, 0, NULL) != 0 || rte_eth_dev_start(port) != 0)
		exit(2);
}

static void
send_frame(const struct frame *frame)
{
	struct rte_mbuf *mbuf = frame_mbuf(pool, frame);

	if (rte_eth_tx_burst(port, 0, &mbuf, 1) == 0)
		rte_pktmbuf_free(mbuf);
}

static struct rte_mbuf *
receive_frame(double seconds)
{
	uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)rte_get_tsc_hz());
	struct rte_mbuf *mbuf;

	while (rte_eth_rx_burst(port, 0, &mbuf, 1) == 0) {
		if (rte_rdtsc() > end)
			return NULL;
	}
	return mbuf;
}

static bool
is_arp_reply(const struct rte_mbuf *mbuf)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(mbuf, const struct rte_ether_hdr *);
	const struct rte_arp_hdr *arp = (const struct rte_arp_hdr *)(ether + 1);

	if (ether->ether_type != RTE_BE16(RTE_ETHER_TYPE_ARP) ||
	    arp->arp_opcode != RTE_BE16(RTE_ARP_OP_REPLY))
		return false;
	server_mac = arp->arp_data.arp_sha;
	return true;
}

/* The client's driver tries to connect once only: the server's socket must be there. */
static void
await_socket(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/memif.sock", directory);
	for (unsigned int ms = 0; access(path, F_OK) != 0; ms++) {
		if (ms > 1000 * WAIT_SECONDS || waitpid(appliance, NULL, WNOHANG) != 0)
			exit(2);
		usleep(1000);
	}
}

/* Asks until the link is up and the appliance answers. */
static void
the_appliance_answers_arp(void)
{
	struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, FRAMES_CLIENT, FRAMES_US);
	uint64_t end;
	bool answered = false;

	if (mkdtemp(directory) == NULL)
		exit(2);
	start_appliance();
	await_socket();
	start_client();
	end = rte_rdtsc() + WAIT_SECONDS * rte_get_tsc_hz();
	while (!answered && rte_rdtsc() < end && waitpid(appliance, NULL, WNOHANG) == 0) {
		struct rte_mbuf *mbuf;

		send_frame(&frame);
		while (!answered && (mbuf = receive_frame(0.02)) != NULL) {
			answered = is_arp_reply(mbuf);
			rte_pktmbuf_free(mbuf);
		}
	}
	CU_ASSERT_TRUE_FATAL(answered);
	CU_ASSERT(rte_is_same_ether_addr(&server_mac, &frames_us_mac));
}

/* The answer's text, or NULL when none comes; it lives until the next call. */
static const char *
next_answer(void)
{
	enum {
		HEADERS = 14 + 20 + 8 + UDP_FRAME_LENGTH
	};
	static char text[2048];
	struct rte_mbuf *mbuf = receive_frame(2);
	size_t length;

	if (mbuf == NULL)
		return NULL;
	length = mbuf->pkt_len - HEADERS;
	memcpy(text, rte_pktmbuf_mtod_offset(mbuf, char *, HEADERS), length);
	text[length] = '\0';
	rte_pktmbuf_free(mbuf);
	return text;
}

/* Sends request(i) for every i in windows, and expects answer(i) in order. */
static void
exchange(void (*request)(char *, unsigned int), void (*answer)(char *, unsigned int))
{
	char text[256];

	for (unsigned int from = 0; from < KEYS; from += WINDOW) {
		unsigned int to = RTE_MIN(from + WINDOW, (unsigned int)KEYS);

		for (unsigned int i = from; i < to; i++) {
			struct frame frame;

			request(text, i);
			frame = frame_command(text);
			send_frame(&frame);
		}
		for (unsigned int i = from; i < to; i++) {
			const char *got = next_answer();

			CU_ASSERT_PTR_NOT_NULL_FATAL(got);
			answer(text, i);
			CU_ASSERT_STRING_EQUAL_FATAL(got, text);
		}
	}
}

static void
set_request(char *text, unsigned int i)
{
	sprintf(text, "set key%u %u 0 8\r\n%08u\r\n", i, i, i);
}

static void
set_answer(char *text, unsigned int i)
{
	(void)i;
	strcpy(text, "STORED\r\n");
}

static void
get_request(char *text, unsigned int i)
{
	sprintf(text, "get key%u\r\n", i);
}

static void
get_answer(char *text, unsigned int i)
{
	sprintf(text, "VALUE key%u %u 8\r\n%08u\r\nEND\r\n", i, i, i);
}

static void
thousands_of_keys_go_in_and_come_back(void)
{
	exchange(set_request, set_answer);
	exchange(get_request, get_answer);
}

static void
the_appliance_stops_in_order(void)
{
	char path[128];
	int status = -1;

	CU_ASSERT_EQUAL(kill(appliance, SIGTERM), 0);
	CU_ASSERT_EQUAL(waitpid(appliance, &status, 0), appliance);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	rte_eth_dev_stop(port);
	rte_eth_dev_close(port);
	CU_ASSERT_EQUAL(rte_mempool_in_use_count(pool), 0);
	snprintf(path, sizeof(path), "%s/memif.yaml", directory);
	unlink(path);
	/* fails if the appliance has left its socket there */
	CU_ASSERT_EQUAL(rmdir(directory), 0);
}

SUITE("memif", TEST(the_appliance_answers_arp), TEST(thousands_of_keys_go_in_and_come_back),
      TEST(the_appliance_stops_in_order))
