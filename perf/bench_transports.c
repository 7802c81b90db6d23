/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_transports.h"

const struct transport *
transport_choose(const struct bench_options *options)
{
	if (!options->kernel)
		return options->transport == BENCH_TCP ? &raw_tcp_transport : &raw_udp_transport;
	return options->transport == BENCH_TCP ? &kernel_tcp_transport : &kernel_udp_transport;
}
