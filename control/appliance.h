/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * appliance.h - the whole: environment, ports, store, workers and janitor, brought up in that order
 * and taken down in the reverse. All functions are for the main thread.
 */
#ifndef JACKDAW_APPLIANCE_H
#define JACKDAW_APPLIANCE_H

#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

#include "config/config.h"
#include "control/janitor.h"
#include "control/relay.h"
#include "control/warning.h"
#include "dataplane/proto/auth.h"
#include "dataplane/proto/stats.h"
#include "dataplane/store/store.h"
#include "dataplane/worker.h"
#include "drivers/eal.h"
#include "drivers/port.h"

/*
 * What the counters were at the last `stats reset`, which any worker may be asked for: one writer
 * at a time fills the half that readers don't look at, and turns them to it.
 */
struct reset_mark {
	atomic_flag writing;
	atomic_uint current; /* half[current] is complete */
	struct stats_inputs half[2];
};

/* What a port lost before any worker saw it, as of the last appliance_watch. */
struct port_lost {
	_Atomic uint64_t missed, errors, no_buffer;
};

struct appliance {
	const struct config *config;
	time_t started; /* Unix time */
	pid_t pid;
	struct eal eal;
	unsigned int port_count;
	struct port ports[CONFIG_PORTS_MAX];
	bool link_up[CONFIG_PORTS_MAX];	    /* as last seen by appliance_watch */
	uint64_t claimer[CONFIG_PORTS_MAX]; /* last rival for our address that was logged */
	struct store *store;
	struct user_list users; /* where config->auth_file is set */
	struct janitor janitor;
	struct relay relay; /* of what workers do to those who watch */
	struct reset_mark reset;
	struct port_lost lost[CONFIG_PORTS_MAX];
	struct warning stored_in_past;
	_Atomic uint64_t user_us, system_us; /* CPU time, as of the last appliance_watch */
	atomic_bool stop;		     /* read by the workers */
	unsigned int worker_count;	     /* running */
	struct worker *workers[CONFIG_WORKERS_MAX];
};

/*
 * Brings everything up and logs each part in a line. config must outlive the appliance. 0, or
 * negative errno with error filled in and nothing left running.
 */
int appliance_start(struct appliance *appliance, const struct config *config,
		    char error[CONFIG_ERROR_SIZE]);

/* Looks after what changes by itself: links, rivals for our address, what
 * only the kernel or a device can tell. Once a second. */
void appliance_watch(struct appliance *appliance);

/*
 * Reads the file of users again, if there is one; what a stream has proved once stays. A file that is
 * bad is logged and changes nothing.
 */
void appliance_reload_users(struct appliance *appliance);

/* Drains the queues, stops the workers, releases devices, memory and files. */
void appliance_stop(struct appliance *appliance);

#endif
