/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * appliance.h - the whole: environment, ports, store, workers and janitor, brought up in that order
 * and taken down in the reverse. All functions are for the main thread.
 */
#ifndef JACKDAW_APPLIANCE_H
#define JACKDAW_APPLIANCE_H

#include <stdatomic.h>
#include <time.h>

#include "config/config.h"
#include "control/janitor.h"
#include "dataplane/store/store.h"
#include "dataplane/worker.h"
#include "drivers/eal.h"
#include "drivers/port.h"

struct appliance {
	const struct config *config;
	time_t started; /* Unix time */
	struct eal eal;
	unsigned int port_count;
	struct port ports[CONFIG_PORTS_MAX];
	bool link_up[CONFIG_PORTS_MAX];	    /* as last seen by appliance_watch */
	uint64_t claimer[CONFIG_PORTS_MAX]; /* last rival for our address that was logged */
	struct store *store;
	struct janitor janitor;
	atomic_bool stop;	   /* read by the workers */
	unsigned int worker_count; /* running */
	struct worker *workers[CONFIG_WORKERS_MAX];
};

/*
 * Brings everything up and logs each part in a line. config must outlive the appliance. 0, or
 * negative errno with error filled in and nothing left running.
 */
int appliance_start(struct appliance *appliance, const struct config *config,
		    char error[CONFIG_ERROR_SIZE]);

/* Looks after what changes by itself: links, rivals for our address. About once a second. */
void appliance_watch(struct appliance *appliance);

/* Drains the queues, stops the workers, releases devices, memory and files. */
void appliance_stop(struct appliance *appliance);

#endif
