/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config.h - every setting of the appliance, checked and with its defaults filled in.
 *
 * The struct below is filled from one YAML file and from the command line by the option table in
 * options.c: one row an option (name, type, unit, default, range, reloadable, help). The loader,
 * --help, --print-config and the documentation are all derived from that table.
 *
 * Nothing here starts anything: a config is plain data, owned by its caller, free of DPDK.
 */
#ifndef JACKDAW_CONFIG_H
#define JACKDAW_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	CONFIG_PORTS_MAX = 8,
	CONFIG_WORKERS_MAX = 64,
	CONFIG_SHARDS_MAX = 8,
	CONFIG_PREFIXES_MAX = 32,
	CONFIG_EAL_ARGS_MAX = 32,
	CONFIG_ERROR_SIZE = 512,
	CONFIG_PATH_SIZE = 256,
};

enum config_driver {
	CONFIG_AF_XDP,
	CONFIG_AF_PACKET,
	CONFIG_TAP,
	CONFIG_MEMIF,
	CONFIG_PCI,
};

enum config_idle {
	CONFIG_IDLE_SPIN,     /* poll without pause: lowest latency, a whole core always */
	CONFIG_IDLE_ADAPTIVE, /* spin while busy, then pause, then sleep in short naps */
};

enum config_hugepages {
	CONFIG_HUGEPAGES_AUTO, /* use them where the machine has enough, say so where not */
	CONFIG_HUGEPAGES_ON,   /* refuse to start without them */
	CONFIG_HUGEPAGES_OFF,
};

/* An IPv4 prefix. The address is in host byte order; bits is 0..32. */
struct config_prefix {
	uint32_t address;
	uint8_t bits;
};

/* An IPv6 prefix in network byte order; or an IPv4 one, as ::ffff:0:0/96 and what is below it. */
struct config_network {
	uint8_t address[16];
	uint8_t bits;
};

struct config_port {
	char name[32]; /* ours, for logs and statistics; default port0, port1, … */
	enum config_driver driver;
	char interface[16];   /* af_xdp, af_packet: existing netdev; tap: the one to make */
	char pci[32];	      /* pci: address, 0000:3b:00.0 */
	char socket[108];     /* memif: path of the control socket */
	bool memif_server;    /* memif: this side creates the socket */
	uint32_t memif_id;    /* memif: both ends must name the same */
	uint16_t queues;      /* wanted RX and TX queue pairs; 0: as many as there are workers */
	uint16_t descriptors; /* descriptors a ring */
	uint16_t mtu;	      /* bytes of an IP packet */
	bool tso;	      /* long TCP segments are left to the port, if it can cut them */
	bool has_mac;	      /* false: the device's own */
	uint8_t mac[6];
	struct config_prefix ipv4;  /* our address and the subnet it lies in */
	struct config_network ipv6; /* the same; bits 0: IPv6 is off */
};

struct config {
	/* the cache */
	uint64_t memory;	/* bytes for items and index together */
	uint64_t item_size_max; /* bytes: key, value and memcached's own item overhead */
	unsigned int shards;	/* 0: one a NUMA node that has workers */
	enum config_hugepages hugepages;

	/* workers */
	unsigned int workers;
	unsigned int cores[CONFIG_WORKERS_MAX]; /* cores[i]: the CPU of worker i */
	unsigned int core_count;		/* 0: chosen at start */
	enum config_idle idle;
	unsigned int idle_sleep_us; /* nap of an idle worker that no port can wake */
	unsigned int burst;	    /* packets taken from a queue at a time */

	/* what is answered */
	uint16_t tcp_port; /* 0: none */
	uint16_t udp_port; /* 0: none */
	/* TCP: limits are for all workers together, in equal parts; times in microseconds */
	unsigned int connections;
	unsigned int tcp_connections_a_client; /* 0: no limit of its own */
	unsigned int tcp_syn_backlog;
	uint64_t tcp_buffers;	   /* bytes */
	uint32_t tcp_unsent;	   /* bytes a connection */
	uint64_t tcp_idle_timeout; /* 0: none */
	uint64_t tcp_no_progress;
	uint64_t tcp_keepalive; /* 0: none */
	uint32_t tcp_rto_min;
	uint32_t tcp_delayed_ack;
	uint64_t tcp_time_wait;
	/* who is answered; none: the subnets of the port that the packet came in by */
	struct config_network udp_allow[CONFIG_PREFIXES_MAX];
	unsigned int udp_allow_count;
	struct config_network tcp_allow[CONFIG_PREFIXES_MAX];
	unsigned int tcp_allow_count;
	char auth_file[CONFIG_PATH_SIZE]; /* the users' file; empty: anybody may ask anything */

	struct config_port ports[CONFIG_PORTS_MAX];
	unsigned int port_count;

	unsigned int mbufs;		/* packet buffers a worker and port */
	char *eal[CONFIG_EAL_ARGS_MAX]; /* extra arguments for DPDK's EAL; owned by the config */
	unsigned int eal_count;
	unsigned int verbose; /* 0 quiet, 1 -v, 2 -vv */
	bool status_line;     /* a line a second on a terminal */
};

/* What the command line asked for besides settings. */
enum config_action {
	CONFIG_RUN,
	CONFIG_CHECK, /* --check-config F */
	CONFIG_PRINT, /* --print-config */
	CONFIG_HELP,
	CONFIG_VERSION,
	CONFIG_DOCTOR,
};

/* Fills every setting with the default of its row. No port is configured. */
void config_defaults(struct config *config);

/*
 * Reads the YAML file at path over *config (whose settings stay where the file is silent) and
 * checks the whole. 0, or -EINVAL for bad content, or -errno of the file. On an error *config is
 * as it was, and error holds one line: "FILE:LINE: OPTION: what is wrong; what would be right".
 */
int config_load(struct config *config, const char *path, char error[CONFIG_ERROR_SIZE]);

/*
 * Reads the command line: the actions above, --config F, and memcached's overrides -m -p -U -t -l
 * -I -c -Y -S -v, which win over the file whatever their order. 0, or -EINVAL with error as for
 * config_load (the place named is the option).
 */
int config_command_line(struct config *config, enum config_action *action, int argc, char **argv,
			char error[CONFIG_ERROR_SIZE]);

/* Writes the whole configuration as YAML that config_load reads to the same. */
void config_print(const struct config *config, FILE *file);

/* Writes the text of --help: the command line, and every option from its row. */
void config_help(FILE *file);

/* Writes every option as the Markdown tables of the documentation. */
void config_reference(FILE *file);

/* The word that the file has for a driver: "af_xdp". */
const char *config_driver_name(enum config_driver driver);

bool config_network_is_ipv4(const struct config_network *network);

/* Frees what the config owns (the eal arguments). The struct may be filled again. */
void config_release(struct config *config);

#endif
