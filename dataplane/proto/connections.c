/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/proto/connections.h"

#include <arpa/inet.h>

#include "dataplane/proto/decimal.h"

static const char *const states[] = {
	[CONNECTION_LISTENING] = "conn_listening", [CONNECTION_DATAGRAMS] = "conn_read",
	[CONNECTION_NEW] = "conn_new_cmd",	   [CONNECTION_READ] = "conn_read",
	[CONNECTION_COMMAND] = "conn_parse_cmd",   [CONNECTION_VALUE] = "conn_nread",
	[CONNECTION_WRITE] = "conn_mwrite",	   [CONNECTION_WATCH] = "conn_watch",
	[CONNECTION_CLOSING] = "conn_closing",
};

enum {
	LINES_ROOM = 400, /* bytes of all lines of one */
};

_Static_assert((int)LINES_ROOM <= (int)REPLY_RESERVE_MAX, "they are reserved at once");

static uint8_t *
append(uint8_t *out, const char *text)
{
	size_t length = strlen(text);

	memcpy(out, text, length);
	return out + length;
}

/* "tcp:10.0.0.1:11211", "udp6:[::1]:11211" */
static uint8_t *
append_address(uint8_t *out, const char *transport, const uint8_t address[16], uint16_t port)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char text[INET6_ADDRSTRLEN];

	out = append(out, transport);
	if (memcmp(address, mapped, sizeof(mapped)) == 0) {
		for (unsigned int i = 12; i < 16; i++) {
			*out++ = i == 12 ? ':' : '.';
			out = decimal_write(out, address[i]);
		}
	} else {
		inet_ntop(AF_INET6, address, text, sizeof(text));
		out = append(out, "6:[");
		out = append(append(out, text), "]");
	}
	*out++ = ':';
	return decimal_write(out, port);
}

/* "STAT 17:state " */
static uint8_t *
append_name(uint8_t *out, uint32_t number, const char *name)
{
	out = decimal_write(append(out, "STAT "), number);
	*out++ = ':';
	out = append(out, name);
	*out++ = ' ';
	return out;
}

void
connection_put(struct reply *reply, const struct connection_facts *facts)
{
	uint8_t *start = reply_reserve(reply, LINES_ROOM), *out = start;
	bool listens = facts->state == CONNECTION_LISTENING,
	     udp = facts->state == CONNECTION_DATAGRAMS;
	const char *transport = udp ? "udp" : "tcp";

	if (udp)
		out = append(append_name(out, facts->number, "UDP"), "UDP\r\n");
	out = append_name(out, facts->number, "addr");
	if (listens || udp) {
		out = append_address(out, transport, facts->local, facts->local_port);
	} else {
		out = append_address(out, transport, facts->peer, facts->peer_port);
		out = append_name(append(out, "\r\n"), facts->number, "listen_addr");
		out = append_address(out, transport, facts->local, facts->local_port);
	}
	out = append_name(append(out, "\r\n"), facts->number, "state");
	out = append(append(out, states[facts->state]), "\r\n");
	out = append_name(out, facts->number, "secs_since_last_cmd");
	out = append(decimal_write(out, facts->silent), "\r\n");
	reply_commit(reply, start, out);
}
