/* SPDX-License-Identifier: BSD-3-Clause */
/* PCI: a NIC by its address, by whatever DPDK driver takes it. */
#include "drivers/pci.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/kind.h"
#include "drivers/privilege.h"

void
pci_kernel_driver(const char *address, char *driver, size_t size)
{
	char path[96], target[256];
	ssize_t length;
	char *name;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", address);
	length = readlink(path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	name = strrchr(target, '/');
	snprintf(driver, size, "%s", name == NULL ? "" : name + 1);
}

int
pci_numa_node(const char *address)
{
	char path[96];
	int node = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/numa_node", address);
	file = fopen(path, "r");
	if (file == NULL)
		return -1;
	if (fscanf(file, "%d", &node) != 1)
		node = -1;
	fclose(file);
	return node;
}

/* DPDK works beside these kernel drivers (bifurcated), and instead of all others. */
static bool
pci_usable_with(const char *driver)
{
	static const char *const usable[] = {"vfio-pci",  "igb_uio", "uio_pci_generic", "mlx5_core",
					     "mlx4_core", "mana",    "uio_hv_generic"};

	for (size_t i = 0; i < sizeof(usable) / sizeof(usable[0]); i++) {
		if (strcmp(driver, usable[i]) == 0)
			return true;
	}
	return false;
}

static int
pci_check(const struct config *config, const struct config_port *port, char why[CONFIG_ERROR_SIZE])
{
	char path[96], driver[32];

	(void)config;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", port->pci);
	if (access(path, F_OK) != 0)
		return kind_refuse(why, -ENODEV,
				   "there is no PCI device %s; `lspci -D | grep -i ether` lists "
				   "what there is",
				   port->pci);
	pci_kernel_driver(port->pci, driver, sizeof(driver));
	if (pci_usable_with(driver))
		return 0;
	return kind_refuse(why, -EBUSY,
			   "%s is bound to %s, not to vfio-pci; run: modprobe vfio-pci && "
			   "dpdk-devbind.py --bind=vfio-pci %s",
			   port->pci, driver[0] == '\0' ? "no driver" : driver, port->pci);
}

static void
pci_describe(const struct config *config, const struct config_port *port, unsigned int index,
	     char device[KIND_DEVICE_SIZE], char arguments[KIND_ARGUMENTS_SIZE])
{
	(void)config;
	(void)index;
	snprintf(device, KIND_DEVICE_SIZE, "%s", port->pci);
	arguments[0] = '\0';
}

const struct port_kind kind_pci = {
	.multi_segment = true,
	.external_buffers = true,
	.mtu_max = KIND_MTU_MAX,
	.hint = "`dpdk-devbind.py --status` shows what it is bound to, -vv what DPDK says of it",
	.check = pci_check,
	.describe = pci_describe,
};
