/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <numa.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "drivers/hugepages.h"
#include "drivers/kind.h"
#include "drivers/netdev.h"

enum finding {
	FINDING_OK,
	FINDING_NOTE,
	FINDING_LACKS,
};

struct examination {
	const struct config *config;
	FILE *out;
	bool lacking;
};

static void report(struct examination *examination, enum finding finding, const char *what,
		   const char *mend, const char *format, ...) __attribute__((format(printf, 5, 6)));

static void
report(struct examination *examination, enum finding finding, const char *what, const char *mend,
       const char *format, ...)
{
	static const char *const words[] = {"ok   ", "note ", "LACKS"};
	va_list values;

	fprintf(examination->out, "%s  %-12s ", words[finding], what);
	va_start(values, format);
	vfprintf(examination->out, format, values);
	va_end(values);
	fputc('\n', examination->out);
	if (mend != NULL && finding != FINDING_OK)
		fprintf(examination->out, "                    mend: %s\n", mend);
	examination->lacking |= finding == FINDING_LACKS;
}

static void
examine_cpus(struct examination *examination)
{
	const struct config *config = examination->config;
	cpu_set_t allowed;
	int count;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return;
	count = CPU_COUNT(&allowed);
	for (unsigned int i = 0; i < config->core_count; i++) {
		if (config->cores[i] >= CPU_SETSIZE || !CPU_ISSET(config->cores[i], &allowed))
			report(examination, FINDING_LACKS, "cpus",
			       "change worker.cores, or the cpuset this is started in",
			       "worker %u is to run on CPU %u, which this process may not use", i,
			       config->cores[i]);
	}
	if ((int)config->workers > count)
		report(examination, FINDING_LACKS, "cpus", "lower worker.count",
		       "%u workers need a CPU each, this process may use %d", config->workers,
		       count);
	else if ((int)config->workers == count)
		report(examination, FINDING_NOTE, "cpus", "lower worker.count by one",
		       "%d CPUs, all for workers: the control thread shares one", count);
	else
		report(examination, FINDING_OK, "cpus", NULL, "%d CPUs, %u worker%s", count,
		       config->workers, config->workers == 1 ? "" : "s");
}

/* CPUs that the kernel keeps other work off: what an appliance wants, and a laptop doesn't need. */
static void
examine_isolation(struct examination *examination)
{
	char list[128] = "";
	FILE *file = fopen("/sys/devices/system/cpu/isolated", "r");

	if (file == NULL)
		return;
	if (fgets(list, sizeof(list), file) == NULL)
		list[0] = '\0';
	fclose(file);
	list[strcspn(list, "\n")] = '\0';
	if (list[0] != '\0')
		report(examination, FINDING_OK, "isolation", NULL, "isolated CPUs: %s", list);
	else
		report(examination, FINDING_NOTE, "isolation",
		       "boot with isolcpus=LIST nohz_full=LIST rcu_nocbs=LIST for the workers' "
		       "CPUs",
		       "no CPU is isolated: other programs will interrupt workers");
}

static void
examine_hugepages(struct examination *examination)
{
	const struct config *config = examination->config;
	uint64_t buffers = (uint64_t)config->mbufs * config->workers * config->port_count * 2560;
	uint64_t needed = config->memory + buffers + (64 << 20);
	char mend[128];
	int nodes = numa_available() < 0 ? 1 : numa_num_configured_nodes();

	for (int node = 0; node < nodes; node++) {
		uint64_t available = hugepages_free_bytes(nodes == 1 ? -1 : node);
		uint64_t share = needed / (uint64_t)nodes;
		enum finding finding = FINDING_OK;

		if (available < share)
			finding = config->hugepages == CONFIG_HUGEPAGES_ON ? FINDING_LACKS
									   : FINDING_NOTE;
		snprintf(mend, sizeof(mend),
			 "echo %" PRIu64 " > "
			 "/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/nr_hugepages",
			 (share + hugepages_total_bytes(nodes == 1 ? -1 : node) - available) /
					 HUGEPAGE_SIZE +
				 1,
			 node);
		report(examination, finding, "hugepages", mend,
		       "node %d: %" PRIu64 " MiB free, %" PRIu64 " MiB wanted%s", node,
		       available >> 20, share >> 20,
		       finding == FINDING_NOTE ? "; ordinary pages will do, slower" : "");
	}
}

static bool
have_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &header, data) != 0)
		return false;
	return (data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
}

/* Which capabilities the configured ports need. */
static void
examine_capabilities(struct examination *examination)
{
	static const struct {
		unsigned int number;
		const char *name;
		bool needed[CONFIG_PCI + 1];
	} rows[] = {
		{CAP_NET_ADMIN, "CAP_NET_ADMIN", {[CONFIG_AF_XDP] = true, [CONFIG_TAP] = true}},
		{CAP_NET_RAW, "CAP_NET_RAW", {[CONFIG_AF_XDP] = true, [CONFIG_AF_PACKET] = true}},
		{CAP_BPF, "CAP_BPF", {[CONFIG_AF_XDP] = true}},
		{CAP_IPC_LOCK, "CAP_IPC_LOCK", {[CONFIG_AF_XDP] = true, [CONFIG_PCI] = true}},
		{CAP_SYS_RAWIO, "CAP_SYS_RAWIO", {[CONFIG_PCI] = true}},
	};
	const struct config *config = examination->config;
	char mend[96];

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool needed = false;

		for (unsigned int p = 0; p < config->port_count; p++)
			needed |= rows[i].needed[config->ports[p].driver];
		if (!needed)
			continue;
		snprintf(mend, sizeof(mend), "run as root, or: setcap %s+ep build/jackdaw",
			 rows[i].name);
		report(examination, have_capability(rows[i].number) ? FINDING_OK : FINDING_LACKS,
		       "capability", mend, "%s", rows[i].name);
	}
}

static void
examine_netdev(struct examination *examination, const struct config_port *port)
{
	char driver[32], mend[96];

	if (port->interface[0] == '\0' || netdev_exists(port->interface) != 0)
		return;
	netdev_driver(port->interface, driver, sizeof(driver));
	snprintf(mend, sizeof(mend), "ip link set %s up", port->interface);
	report(examination, netdev_is_up(port->interface) ? FINDING_OK : FINDING_NOTE, port->name,
	       mend, "%s: kernel driver %s, %s, %u receive queue%s, MTU %u", port->interface,
	       driver, netdev_is_up(port->interface) ? "up" : "down",
	       netdev_rx_queues(port->interface), netdev_rx_queues(port->interface) == 1 ? "" : "s",
	       netdev_mtu(port->interface));
	if (strcmp(driver, "veth") == 0)
		report(examination, FINDING_NOTE, port->name,
		       "ethtool -K PEER tx off tso off gso off gro off, in the peer's namespace",
		       "a veth's peer must fill its checksums in and respect the MTU");
}

/* The node that a PCI device hangs on, against the nodes of the configured cores. */
static void
examine_pci(struct examination *examination, const struct config_port *port)
{
	char path[128], target[256], mend[96];
	const char *driver = "none";
	ssize_t length;
	int node = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", port->pci);
	length = readlink(path, target, sizeof(target) - 1);
	if (length > 0) {
		target[length] = '\0';
		driver = strrchr(target, '/') + 1;
	}
	snprintf(mend, sizeof(mend), "modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci %s",
		 port->pci);
	report(examination,
	       strcmp(driver, "vfio-pci") == 0 || strcmp(driver, "mlx5_core") == 0 ? FINDING_OK
										   : FINDING_LACKS,
	       port->name, mend, "%s: kernel driver %s", port->pci, driver);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/numa_node", port->pci);
	file = fopen(path, "r");
	if (file == NULL)
		return;
	if (fscanf(file, "%d", &node) != 1)
		node = -1;
	fclose(file);
	for (unsigned int i = 0; node >= 0 && i < examination->config->core_count; i++) {
		unsigned int cpu = examination->config->cores[i];

		if (numa_available() >= 0 && numa_node_of_cpu((int)cpu) != node)
			report(examination, FINDING_NOTE, port->name,
			       "name CPUs of the port's node in worker.cores (lscpu lists them)",
			       "worker %u's CPU %u is not on the port's NUMA node %d", i, cpu,
			       node);
	}
}

static void
examine_port(struct examination *examination, const struct config_port *port)
{
	char why[CONFIG_ERROR_SIZE];

	if (kind_check(examination->config, port, why) != 0) {
		report(examination, FINDING_LACKS, port->name, NULL, "%s", why);
		return;
	}
	report(examination, FINDING_OK, port->name, NULL, "driver %s can be opened here",
	       config_driver_name(port->driver));
	if (port->driver == CONFIG_AF_XDP || port->driver == CONFIG_AF_PACKET)
		examine_netdev(examination, port);
	if (port->driver == CONFIG_PCI)
		examine_pci(examination, port);
}

/* What `make run` and the tests make their network of. */
static void
examine_namespaces(struct examination *examination)
{
	pid_t ours = getpid();
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)ours);
	report(examination,
	       access(path, F_OK) == 0 && have_capability(CAP_SYS_ADMIN) ? FINDING_OK
									 : FINDING_NOTE,
	       "namespaces", "run as root; in a container: --cap-add SYS_ADMIN --cap-add NET_ADMIN",
	       "network namespaces, for make run and make test");
}

int
doctor(const struct config *config, FILE *out)
{
	struct examination examination = {.config = config, .out = out};

	examine_cpus(&examination);
	examine_isolation(&examination);
	examine_hugepages(&examination);
	examine_capabilities(&examination);
	examine_namespaces(&examination);
	for (unsigned int i = 0; i < config->port_count; i++)
		examine_port(&examination, &config->ports[i]);
	if (config->port_count == 0)
		report(&examination, FINDING_NOTE, "ports", "add --config FILE",
		       "none is configured, so none was looked at");
	fprintf(out, "%s\n",
		examination.lacking ? "It would not start: see LACKS above."
				    : "Nothing keeps it from starting.");
	return examination.lacking;
}
