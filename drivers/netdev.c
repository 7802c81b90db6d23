/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/netdev.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* One ioctl on the interface. 0 or negative errno. */
static int
netdev_ask(const char *name, unsigned long request, struct ifreq *answer)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), status;

	if (fd < 0)
		return -errno;
	snprintf(answer->ifr_name, sizeof(answer->ifr_name), "%s", name);
	status = ioctl(fd, request, answer) == 0 ? 0 : -errno;
	close(fd);
	return status;
}

int
netdev_exists(const char *name)
{
	return if_nametoindex(name) != 0 ? 0 : -ENODEV;
}

unsigned int
netdev_mtu(const char *name)
{
	struct ifreq answer = {0};

	return netdev_ask(name, SIOCGIFMTU, &answer) == 0 ? (unsigned int)answer.ifr_mtu : 0;
}

bool
netdev_is_up(const char *name)
{
	struct ifreq answer = {0};

	return netdev_ask(name, SIOCGIFFLAGS, &answer) == 0 && (answer.ifr_flags & IFF_UP) != 0;
}

bool
netdev_has_carrier(const char *name)
{
	/* not IFF_RUNNING, which follows the carrier up to a second late */
	struct ethtool_value link = {.cmd = ETHTOOL_GLINK};
	struct ifreq request = {.ifr_data = (void *)&link};

	return netdev_ask(name, SIOCETHTOOL, &request) == 0 && link.data != 0;
}

int
netdev_set_up(const char *name)
{
	struct ifreq request = {0};
	int status = netdev_ask(name, SIOCGIFFLAGS, &request);

	if (status != 0)
		return status;
	request.ifr_flags |= IFF_UP;
	return netdev_ask(name, SIOCSIFFLAGS, &request);
}

static int
netdev_channels(const char *name, struct ethtool_channels *channels)
{
	struct ifreq answer = {0};

	memset(channels, 0, sizeof(*channels));
	channels->cmd = ETHTOOL_GCHANNELS;
	answer.ifr_data = (void *)channels;
	return netdev_ask(name, SIOCETHTOOL, &answer);
}

unsigned int
netdev_rx_queues(const char *name)
{
	struct ethtool_channels channels;
	unsigned int queues;

	if (netdev_channels(name, &channels) != 0)
		return 1;
	queues = channels.rx_count + channels.combined_count;
	return queues == 0 ? 1 : queues;
}

unsigned int
netdev_af_xdp_queues(const char *name)
{
	struct ethtool_channels channels;

	if (netdev_channels(name, &channels) != 0 || channels.combined_count == 0)
		return 1;
	return channels.combined_count;
}

void
netdev_driver(const char *name, char *driver, size_t size)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq answer = {.ifr_data = (void *)&info};

	snprintf(driver, size, "%s",
		 netdev_ask(name, SIOCETHTOOL, &answer) == 0 ? info.driver : "?");
}

/* --- claims ------------------------------------------------------------------------------- */

int
netdev_claim(const char *name)
{
	/* a name of the abstract kind: it is the network namespace's, and dies with its holder */
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), length, status = 0;

	if (fd < 0)
		return -errno;
	length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "jackdaw/%s", name);
	if (bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0)
		return fd;
	status = errno == EADDRINUSE ? -EBUSY : -errno;
	close(fd);
	return status;
}

int
netdev_hear_groups(const char *name)
{
	struct packet_mreq request = {.mr_ifindex = (int)if_nametoindex(name),
				      .mr_type = PACKET_MR_ALLMULTI};
	/* of protocol 0: it is for the membership alone and receives nothing */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), status;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request)) == 0)
		return fd;
	status = -errno;
	close(fd);
	return status;
}

/* --- addresses ---------------------------------------------------------------------------- */

static bool
sockaddr_is(const struct sockaddr *one, int family, const void *address)
{
	if (one == NULL || one->sa_family != family)
		return false;
	if (family == AF_INET)
		return memcmp(&((const struct sockaddr_in *)one)->sin_addr, address,
			      sizeof(struct in_addr)) == 0;
	return memcmp(&((const struct sockaddr_in6 *)one)->sin6_addr, address,
		      sizeof(struct in6_addr)) == 0;
}

int
netdev_of_address(int family, const void *address, char holder[IF_NAMESIZE])
{
	struct ifaddrs *all;
	int status = -ENOENT;

	if (getifaddrs(&all) != 0)
		return -errno;
	for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
		if (!sockaddr_is(one->ifa_addr, family, address))
			continue;
		snprintf(holder, IF_NAMESIZE, "%s", one->ifa_name);
		status = 0;
		break;
	}
	freeifaddrs(all);
	return status;
}
