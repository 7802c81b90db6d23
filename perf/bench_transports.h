/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_transports.h - the ways to a server that there are. Another one is another struct
 * transport and a line in transport_choose.
 */
#ifndef JACKDAW_PERF_BENCH_TRANSPORTS_H
#define JACKDAW_PERF_BENCH_TRANSPORTS_H

#include "perf/bench_client.h"

extern const struct transport raw_udp_transport; /* --port */
extern const struct transport raw_tcp_transport;
extern const struct transport kernel_udp_transport;
extern const struct transport kernel_tcp_transport;

const struct transport *transport_choose(const struct bench_options *options);

#endif
