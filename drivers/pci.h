/* SPDX-License-Identifier: BSD-3-Clause */
/* pci.h - what the kernel says of a PCI device, by its address (0000:3b:00.0). Any thread. */
#ifndef JACKDAW_PCI_H
#define JACKDAW_PCI_H

#include <stddef.h>

/* Kernel driver that it is bound to; "" if none. */
void pci_kernel_driver(const char *address, char *driver, size_t size);

/* NUMA node that it hangs on; -1 if unknown or if the machine has but one. */
int pci_numa_node(const char *address);

#endif
