/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * claim.h - asks the wire, before the workers start, whether somebody has one of our addresses already
 * (RFC 5227; RFC 4862, 5.4; with shorter waits: an appliance is restarted while its clients wait).
 */
#ifndef JACKDAW_CLAIM_H
#define JACKDAW_CLAIM_H

#include "config/config.h"
#include "dataplane/net/packet.h"
#include "drivers/port.h"

/*
 * Probes for the interface's addresses on the port's queue 0, which no worker may be using yet, for
 * about a third of a second; packets that arrive meanwhile are thrown away. 0 when nobody answers or
 * the link is down; -EADDRINUSE with the claimer's MAC in error. Control thread.
 */
int claim_address(const struct port *port, const struct interface *interface,
		  char error[CONFIG_ERROR_SIZE]);

#endif
