/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_transports.h"

const struct transport *
transport_choose(const struct bench_options *options)
{
	return options->kernel ? NULL : &raw_udp_transport;
}
