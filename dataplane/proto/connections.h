/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * connections.h - the lines of `stats conns`, as memcached 1.6.18 writes them: three or four for each
 * socket that listens and each connection, under its number.
 */
#ifndef JACKDAW_CONNECTIONS_H
#define JACKDAW_CONNECTIONS_H

#include "dataplane/proto/reply.h"

/* What a connection is at, in the words of memcached's states. */
enum connection_state {
	CONNECTION_LISTENING, /* TCP's */
	CONNECTION_DATAGRAMS, /* UDP's: conn_read */
	CONNECTION_NEW,	      /* has not said anything: conn_new_cmd */
	CONNECTION_READ,      /* a command is awaited */
	CONNECTION_COMMAND,   /* a command is carried out: conn_parse_cmd */
	CONNECTION_VALUE,     /* a value is received: conn_nread */
	CONNECTION_WRITE,     /* a long reply is written: conn_mwrite */
	CONNECTION_WATCH,
	CONNECTION_CLOSING,
};

/* An address is 16 bytes, IPv4 mapped to IPv6 (RFC 4291, 2.5.5.2). */
struct connection_facts {
	uint32_t number;
	uint32_t silent; /* seconds since it was last heard of */
	uint8_t state;	 /* enum connection_state */
	uint16_t local_port, peer_port;
	uint8_t local[16];
	uint8_t peer[16]; /* unless it is only a socket that listens */
};

void connection_put(struct reply *reply, const struct connection_facts *facts);

#endif
