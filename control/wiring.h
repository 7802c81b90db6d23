/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wiring.h - turns configuration, ports and store into worker structs: who polls which queue, who
 * sends for whom, and the rings between them where a port has fewer queues than there are workers.
 */
#ifndef JACKDAW_WIRING_H
#define JACKDAW_WIRING_H

#include "control/appliance.h"

/* Our address on a port, with what the port checks and fills in. */
void wire_interface(struct interface *interface, const struct port *port,
		    const struct config *config);

/* Allocates and fills appliance->workers[]. 0, or -ENOMEM with nothing left allocated. */
int wire_workers(struct appliance *appliance);

/* Frees them, and every packet still in a ring. No worker may be running. */
void unwire_workers(struct appliance *appliance);

#endif
