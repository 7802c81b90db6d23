/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens before and after the loop: link, ARP, and questions one at a time. */
#include <rte_arp.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>

#include "dataplane/net/packet.h"
#include "perf/bench_raw.h"

enum {
	LINK_SECONDS = 10, /* memif: until the other side has come */
	ARP_TRIES = 10,
	ASK_TRIES = 5,
	WAIT_MS = 200,	/* before the next try */
	TAKEN_MS = 100, /* for a server that may be gone */
};

static uint64_t
ticks_of_ms(const struct raw *raw, unsigned int ms)
{
	return (uint64_t)(raw->client->ticks_per_second * ms / 1e3);
}

static bool
raw_stopped(const struct raw *raw)
{
	return atomic_load_explicit(&raw->client->stop, memory_order_relaxed); /* a wish only */
}

static void
raw_send_now(struct raw *raw, struct rte_mbuf *mbuf)
{
	if (rte_eth_tx_burst(raw->port_id, 0, &mbuf, 1) == 0)
		rte_pktmbuf_free(mbuf);
}

void
raw_other(struct raw *raw, struct rte_mbuf *mbuf)
{
	struct packet packet;
	enum verdict verdict = net_input(&raw->interface, mbuf, &packet);

	if (verdict == VERDICT_ANSWERED) {
		raw_send_now(raw, mbuf);
		return;
	}
	if (verdict == VERDICT_DATAGRAM ||
	    (verdict == VERDICT_DROP && !raw_is_of_others(packet.drop)))
		raw->meter->malformed++;
	rte_pktmbuf_free(mbuf);
}

static bool
raw_link_is_up(const struct raw *raw)
{
	struct rte_eth_link link = {0};

	return rte_eth_link_get_nowait(raw->port_id, &link) == 0 &&
	       link.link_status == RTE_ETH_LINK_UP;
}

/* A memif client tries to connect when it is started, and never again: start it again. */
static int
raw_await_link(struct raw *raw)
{
	uint64_t end = rte_rdtsc() + ticks_of_ms(raw, LINK_SECONDS * 1000);

	while (!raw_stopped(raw) && rte_rdtsc() < end) {
		uint64_t next_try = rte_rdtsc() + ticks_of_ms(raw, WAIT_MS);

		while (rte_rdtsc() < next_try) {
			if (raw_link_is_up(raw))
				return 0;
			rte_pause();
		}
		if (raw->port.config.driver == CONFIG_MEMIF && !raw->port.config.memif_server) {
			rte_eth_dev_stop(raw->port_id);
			rte_eth_dev_start(raw->port_id);
		}
	}
	return client_fail(raw->client, -ENETDOWN,
			   "%s has no link: is the server running, on the other end of it?",
			   raw->port.device);
}

/* --- ARP ---------------------------------------------------------------------------------- */

static void
raw_send_arp(struct raw *raw)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(raw->pool);
	struct rte_ether_hdr *ether;
	struct rte_arp_hdr *arp;

	if (mbuf == NULL)
		return;
	ether = (struct rte_ether_hdr *)rte_pktmbuf_append(mbuf, FRAME_LENGTH_MIN);
	if (ether == NULL) {
		rte_pktmbuf_free(mbuf);
		return;
	}
	memset(ether, 0, FRAME_LENGTH_MIN);
	memset(&ether->dst_addr, 0xff, sizeof(ether->dst_addr));
	ether->src_addr = raw->port.mac;
	ether->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP);
	arp = (struct rte_arp_hdr *)(ether + 1);
	arp->arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = RTE_ETHER_ADDR_LEN;
	arp->arp_plen = sizeof(rte_be32_t);
	arp->arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REQUEST);
	arp->arp_data.arp_sha = raw->port.mac;
	arp->arp_data.arp_sip = raw->address;
	arp->arp_data.arp_tip = rte_cpu_to_be_32(raw->client->options->server);
	raw_send_now(raw, mbuf);
}

/* True if the frame is ARP from the server; *mac is what it says. */
static bool
raw_read_arp(const struct raw *raw, const struct rte_mbuf *mbuf, struct rte_ether_addr *mac)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(mbuf, const struct rte_ether_hdr *);
	const struct rte_arp_hdr *arp = (const struct rte_arp_hdr *)(ether + 1);

	if (mbuf->data_len < sizeof(*ether) + sizeof(*arp) ||
	    ether->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP) ||
	    arp->arp_data.arp_sip != rte_cpu_to_be_32(raw->client->options->server))
		return false;
	*mac = arp->arp_data.arp_sha;
	return true;
}

static bool
raw_poll_arp(struct raw *raw, uint64_t until, struct rte_ether_addr *mac)
{
	while (rte_rdtsc() < until) {
		struct rte_mbuf *mbuf;

		if (rte_eth_rx_burst(raw->port_id, 0, &mbuf, 1) == 0)
			continue;
		if (raw_read_arp(raw, mbuf, mac)) {
			raw_other(raw, mbuf);
			return true;
		}
		raw_other(raw, mbuf);
	}
	return false;
}

void
raw_await_taken(struct raw *raw)
{
	struct rte_ether_addr mac;

	raw_send_arp(raw);
	raw_poll_arp(raw, rte_rdtsc() + ticks_of_ms(raw, TAKEN_MS), &mac);
}

static int
raw_find_server(struct raw *raw, struct rte_ether_addr *mac)
{
	uint32_t server = raw->client->options->server;

	for (int i = 0; i < ARP_TRIES && !raw_stopped(raw); i++) {
		raw_send_arp(raw);
		if (raw_poll_arp(raw, rte_rdtsc() + ticks_of_ms(raw, WAIT_MS), mac))
			return 0;
	}
	return client_fail(raw->client, -EHOSTUNREACH,
			   "nobody answers ARP for %u.%u.%u.%u on %s: is --server right, and the "
			   "server up? --server-mac goes without ARP",
			   server >> 24, server >> 16 & 255, server >> 8 & 255, server & 255,
			   raw->port.device);
}

int
raw_find_route(struct client *client, struct rte_ether_addr *mac)
{
	const struct bench_options *options = client->options;
	struct raw *raw = client->wire;
	int status = raw_await_link(raw);

	if (status != 0)
		return status;
	memcpy(mac, options->server_mac.bytes, sizeof(*mac));
	if (!options->server_mac.known && options->echo == 0)
		status = raw_find_server(raw, mac);
	if (status != 0)
		return status;
	route_init(&raw->route, &raw->port.mac, mac, raw->address,
		   rte_cpu_to_be_32(options->server), rte_cpu_to_be_16(options->server_port));
	return 0;
}

int
raw_connect(struct client *client)
{
	const struct bench_options *options = client->options;
	struct rte_ether_addr mac;
	char version[128];
	int status = raw_find_route(client, &mac);

	if (status != 0 || options->echo != 0)
		return status;
	if (raw_ask(client, "version\r\n", "\r\n", version, sizeof(version)) != 0)
		return client_fail(client, -ETIMEDOUT,
				   "the server has an address, but does not answer memcached's "
				   "`version` on UDP port %u",
				   options->server_port);
	return 0;
}

/* --- questions ---------------------------------------------------------------------------- */

static bool
raw_poll_answer(struct raw *raw, uint64_t until, uint16_t id, struct reassembly *reassembly)
{
	while (rte_rdtsc() < until) {
		struct frame_answer answer;
		struct rte_mbuf *mbuf;
		bool whole;

		if (rte_eth_rx_burst(raw->port_id, 0, &mbuf, 1) == 0)
			continue;
		if (!frame_read(mbuf, raw->address, &answer)) {
			raw_other(raw, mbuf);
			continue;
		}
		whole = answer.port == FRAME_PORT_ASK && answer.request_id == id &&
			reassembly_add(reassembly, answer.sequence, answer.total, answer.payload,
				       answer.length);
		rte_pktmbuf_free(mbuf);
		if (whole)
			return true;
	}
	return false;
}

static bool
raw_send_question(struct raw *raw, const char *question, uint16_t id)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(raw->pool);
	size_t length = strlen(question);
	uint8_t *payload;

	if (mbuf == NULL)
		return false;
	payload = frame_begin(&raw->route, mbuf);
	memcpy(payload, question, length);
	frame_end(&raw->route, mbuf, payload + length, FRAME_PORT_ASK, id);
	raw_send_now(raw, mbuf);
	return true;
}

int
raw_ask(struct client *client, const char *question, const char *end, char *answer, size_t size)
{
	struct raw *raw = client->wire;
	struct reassembly reassembly = {0};
	bool whole = false;
	int status = -ETIMEDOUT;

	for (uint16_t id = 0; id < ASK_TRIES && !whole && !raw_stopped(raw); id++) {
		reassembly_reset(&reassembly);
		if (raw_send_question(raw, question, id))
			whole = raw_poll_answer(raw, rte_rdtsc() + ticks_of_ms(raw, WAIT_MS), id,
						&reassembly);
	}
	if (whole) {
		size_t length = RTE_MIN((size_t)reassembly.length, size - 1);
		size_t ending = strlen(end);

		memcpy(answer, reassembly.buffer, length);
		answer[length] = '\0';
		status = length >= ending && strcmp(answer + length - ending, end) == 0 ? 0
											: -EPROTO;
	}
	reassembly_release(&reassembly);
	return status;
}
