/* SPDX-License-Identifier: BSD-3-Clause */
/* How each kind of port is named to DPDK, and what is refused before DPDK is asked. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "drivers/kind.h"
#include "drivers/netdev.h"
#include "tests/suite.h"

static struct config_port
a_port(enum config_driver driver)
{
	return (struct config_port){.name = "p",
				    .driver = driver,
				    .interface = "lo",
				    .socket = "/tmp/memif.sock",
				    .memif_server = true,
				    .memif_id = 3,
				    .pci = "0000:3b:00.0",
				    .descriptors = 1024,
				    .mtu = 1500};
}

static void
described(const struct config_port *port, unsigned int workers, const char *device,
	  const char *arguments)
{
	char got_device[64], got_arguments[512];

	port_kind_of(port->driver)
		->describe(port, workers, 2, got_device, sizeof(got_device), got_arguments,
			   sizeof(got_arguments));
	CU_ASSERT_STRING_EQUAL(got_device, device);
	CU_ASSERT_STRING_EQUAL(got_arguments, arguments);
}

static void
devices_are_described_to_dpdk(void)
{
	struct config_port port = a_port(CONFIG_AF_XDP);

	described(&port, 4, "net_af_xdp2", "iface=lo,start_queue=0,queue_count=1");
	port = a_port(CONFIG_AF_PACKET);
	described(&port, 4, "net_af_packet2",
		  "iface=lo,qpairs=4,framesz=2048,blocksz=4096,framecnt=1024");
	port.queues = 2;
	described(&port, 4, "net_af_packet2",
		  "iface=lo,qpairs=2,framesz=2048,blocksz=4096,framecnt=1024");
	port = a_port(CONFIG_TAP);
	described(&port, 1, "net_tap2", "iface=lo");
	port.has_mac = true;
	memcpy(port.mac, "\x02\x00\x00\x00\x00\x01", 6);
	described(&port, 1, "net_tap2", "iface=lo,mac=02:00:00:00:00:01");
	port = a_port(CONFIG_PCI);
	described(&port, 1, "0000:3b:00.0", "");
}

/* DPDK 22.11's zero-copy memif client corrupts packets: it must never be asked for. */
static void
memif_is_never_zero_copy(void)
{
	struct config_port port = a_port(CONFIG_MEMIF);

	described(&port, 1, "net_memif2",
		  "role=server,id=3,socket=/tmp/memif.sock,socket-abstract=no,zero-copy=no,"
		  "bsize=2048,rsize=10");
	port.memif_server = false;
	port.descriptors = 64;
	described(&port, 1, "net_memif2",
		  "role=client,id=3,socket=/tmp/memif.sock,socket-abstract=no,zero-copy=no,"
		  "bsize=2048,rsize=6");
}

/* Chains over memif and AF_XDP, external buffers over AF_XDP and memif: broken in 22.11. */
static void
broken_transmit_features_are_off(void)
{
	CU_ASSERT_FALSE(port_kind_of(CONFIG_MEMIF)->multi_segment);
	CU_ASSERT_FALSE(port_kind_of(CONFIG_AF_XDP)->multi_segment);
	CU_ASSERT_FALSE(port_kind_of(CONFIG_AF_XDP)->external_buffers);
	CU_ASSERT_FALSE(port_kind_of(CONFIG_MEMIF)->external_buffers);
}

static void
refused(const struct config_port *port, int status, const char *word)
{
	char why[CONFIG_ERROR_SIZE] = "";

	CU_ASSERT_EQUAL(port_kind_of(port->driver)->check(port, 1, why), status);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, word));
}

static void
what_is_missing_is_named(void)
{
	struct config_port port = a_port(CONFIG_AF_XDP);

	strcpy(port.interface, "nope0");
	refused(&port, -ENODEV, "nope0");
	port.driver = CONFIG_AF_PACKET;
	refused(&port, -ENODEV, "nope0");
	port = a_port(CONFIG_PCI);
	strcpy(port.pci, "ffff:ff:1f.7");
	refused(&port, -ENODEV, "ffff:ff:1f.7");
	port = a_port(CONFIG_MEMIF);
	strcpy(port.socket, "/nowhere/at/all/memif.sock");
	refused(&port, -ENOENT, "/nowhere/at/all");
}

/* The driver copies unbounded: lo's MTU of 65,536 would overrun a buffer. */
static void
af_packet_refuses_a_large_mtu(void)
{
	struct config_port port = a_port(CONFIG_AF_PACKET);

	CU_ASSERT_EQUAL(netdev_mtu("lo"), 65536);
	refused(&port, -EINVAL, "MTU");
}

SUITE("kinds of port", TEST(devices_are_described_to_dpdk), TEST(memif_is_never_zero_copy),
      TEST(broken_transmit_features_are_off), TEST(what_is_missing_is_named),
      TEST(af_packet_refuses_a_large_mtu))
