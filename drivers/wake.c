/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/wake.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void
wake_snapshot(struct wake_snapshot *snapshot)
{
	for (int fd = 0; fd < WAKE_FDS; fd++)
		snapshot->open[fd] = fcntl(fd, F_GETFD) >= 0;
}

static bool
is_tun(int fd)
{
	char link[64], target[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, target, sizeof(target));
	return length == (ssize_t)strlen("/dev/net/tun") &&
	       memcmp(target, "/dev/net/tun", (size_t)length) == 0;
}

static bool
brings_packets(int fd)
{
	int domain = 0;
	socklen_t size = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0)
		return domain == AF_XDP || domain == AF_PACKET;
	return is_tun(fd);
}

int
wake_fd_since(const struct wake_snapshot *snapshot, unsigned int nth)
{
	for (int fd = 0; fd < WAKE_FDS; fd++) {
		if (snapshot->open[fd] || fcntl(fd, F_GETFD) < 0 || !brings_packets(fd))
			continue;
		if (nth-- == 0)
			return fd;
	}
	return -1;
}

void
wake_fd_release(int fd)
{
	int domain = 0;
	socklen_t size = sizeof(domain);

	if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	    domain == AF_XDP)
		close(fd);
}
