/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/xdp.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "drivers/netdev.h"

/* --- sockets ------------------------------------------------------------------------------ */

enum {
	PROBE_CHUNK = 4096,
	PROBE_CHUNKS = 4,
	RELEASE_TRIES = 200, /* 2 s */
	RELEASE_PAUSE_US = 10000,
};

/* Gives an XDP socket what it must have before it can be bound. 0 or -1. */
static int
probe_equip(int fd, void *memory)
{
	const struct xdp_umem_reg umem = {.addr = (uintptr_t)memory,
					  .len = PROBE_CHUNK * PROBE_CHUNKS,
					  .chunk_size = PROBE_CHUNK};
	const int entries = PROBE_CHUNKS;
	static const int rings[] = {XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING};
	int status = setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem));

	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]) && status == 0; i++)
		status = setsockopt(fd, SOL_XDP, rings[i], &entries, sizeof(entries));
	return status;
}

/*
 * Asks for a binding that can't be given: whether the queue is free is looked at before whether the
 * driver can do without a copy. A binding that was given would take as long to be released as that
 * which is looked for.
 */
static bool
queue_is_busy(const char *interface, uint32_t queue)
{
	const struct sockaddr_xdp address = {.sxdp_family = AF_XDP,
					     .sxdp_flags = XDP_ZEROCOPY,
					     .sxdp_ifindex = if_nametoindex(interface),
					     .sxdp_queue_id = queue};
	void *memory = mmap(NULL, PROBE_CHUNK * PROBE_CHUNKS, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	bool busy = false;

	if (fd >= 0 && memory != MAP_FAILED && probe_equip(fd, memory) == 0)
		busy = bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
		       errno == EBUSY;
	if (fd >= 0)
		close(fd);
	if (memory != MAP_FAILED)
		munmap(memory, PROBE_CHUNK * PROBE_CHUNKS);
	return busy;
}

bool
xdp_always_copies(const char *interface)
{
	char driver[32];

	netdev_driver(interface, driver, sizeof(driver));
	return strcmp(driver, "veth") == 0 || strcmp(driver, "tun") == 0;
}

bool
xdp_queue_taken(const char *interface, uint32_t queue)
{
	unsigned int tries = 0;

	if (!xdp_always_copies(interface))
		return false;
	while (queue_is_busy(interface, queue)) {
		if (++tries == RELEASE_TRIES)
			return true;
		usleep(RELEASE_PAUSE_US);
	}
	return false;
}

/* --- programs ----------------------------------------------------------------------------- */

enum {
	LINK_ANSWER_SIZE = 32 << 10,
};

/* Reads the kernel's description of one link. Its length in bytes, or negative errno. */
static ssize_t
netlink_read_link(unsigned int index, char answer[LINK_ANSWER_SIZE])
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
	} request = {.header = {.nlmsg_len = sizeof(request),
				.nlmsg_type = RTM_GETLINK,
				.nlmsg_flags = NLM_F_REQUEST},
		     .link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index}};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t length = -1;

	if (fd < 0)
		return -errno;
	if (send(fd, &request, sizeof(request), 0) == sizeof(request))
		length = recv(fd, answer, LINK_ANSWER_SIZE, 0);
	if (length < 0)
		length = -errno;
	close(fd);
	return length;
}

/* The attribute of that type among `length` bytes of them, or NULL. */
static const struct rtattr *
attribute_find(const struct rtattr *attribute, int length, unsigned short type)
{
	for (; RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length)) {
		if ((attribute->rta_type & NLA_TYPE_MASK) == type)
			return attribute;
	}
	return NULL;
}

/* Number of the program among the attributes of a link, 0 if there is none. */
static uint32_t
link_xdp_program(const struct nlmsghdr *header)
{
	const struct rtattr *xdp, *program;

	xdp = attribute_find(IFLA_RTA(NLMSG_DATA(header)), (int)IFLA_PAYLOAD(header), IFLA_XDP);
	if (xdp == NULL)
		return 0;
	program = attribute_find(RTA_DATA(xdp), (int)RTA_PAYLOAD(xdp), IFLA_XDP_PROG_ID);
	return program == NULL ? 0 : *(const uint32_t *)RTA_DATA(program);
}

static void
program_name(uint32_t number, char name[XDP_NAME_SIZE])
{
	struct bpf_prog_info info = {0};
	union bpf_attr attribute = {.prog_id = number};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &attribute, sizeof(attribute));

	name[0] = '\0';
	if (fd < 0)
		return;
	memset(&attribute, 0, sizeof(attribute));
	attribute.info.bpf_fd = (uint32_t)fd;
	attribute.info.info_len = sizeof(info);
	attribute.info.info = (uintptr_t)&info;
	if (syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attribute, sizeof(attribute)) == 0)
		snprintf(name, XDP_NAME_SIZE, "%s", info.name);
	close(fd);
}

uint32_t
xdp_program(const char *interface, char name[XDP_NAME_SIZE])
{
	_Alignas(struct nlmsghdr) char answer[LINK_ANSWER_SIZE] = {0};
	const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
	unsigned int index = if_nametoindex(interface);
	ssize_t length = index == 0 ? -ENODEV : netlink_read_link(index, answer);
	uint32_t number;

	name[0] = '\0';
	if (length < (ssize_t)NLMSG_LENGTH(sizeof(struct ifinfomsg)) ||
	    !NLMSG_OK(header, (unsigned int)length) || header->nlmsg_type != RTM_NEWLINK)
		return 0;
	number = link_xdp_program(header);
	if (number != 0)
		program_name(number, name);
	return number;
}

bool
xdp_program_is_dpdks(const char *name)
{
	return strcmp(name, "xsk_def_prog") == 0 || strcmp(name, "xdp_dispatcher") == 0;
}
