/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memif: rings in memory that we share with another process of this machine, agreed on over a UNIX
 * socket. For benchmarks: the other process must be trusted.
 *
 * DPDK 22.11's driver and how it is avoided:
 * - it never clears the first descriptor's NEXT flag, which stays behind once a chain was sent (fixed
 *   in 26.03, commit f7a52200d4): chains are not offered;
 * - on receiving it follows NEXT past what the peer produced (40e0e7c0a2): trusted peers only;
 * - its zero-copy client mistakes buffers of a second region: copy mode always, and no external
 *   buffers;
 * - when the peer leaves, the rings are unmapped by EAL's interrupt thread while a worker may still be
 *   reading them, and the process dies: that thread's munmap is made to wait, see below;
 * - when a client is gone before it was greeted, its socket is closed but stays with EAL's interrupt
 *   thread, which panics: that thread is told that the greeting was sent, see below;
 * - a server doesn't remove the socket that a killed server left behind, and says "Operation not
 *   permitted": done here.
 */
#include <dlfcn.h>
#include <errno.h>
#include <rte_alarm.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "drivers/eal.h"
#include "drivers/kind.h"

enum {
	MEMIF_MTU_MAX = 1500
};

static int
memif_check_folder(const struct config_port *port, char why[CONFIG_ERROR_SIZE])
{
	char folder[sizeof(port->socket)];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", port->socket);
	slash = strrchr(folder, '/');
	if (slash != NULL)
		*(slash == folder ? slash + 1 : slash) = '\0';
	if (access(folder, W_OK | X_OK) == 0)
		return 0;
	return kind_refuse(why, -errno, "no socket can be made in %s: %s; run: mkdir -p %s", folder,
			   strerror(errno), folder);
}

/* Process that listens on the socket (possibly ourselves), or 0 if none does. */
static pid_t
memif_listener(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer = {.pid = 0};
	socklen_t size = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return 0;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	close(fd);
	return peer.pid;
}

/* A server may not steal another one's socket; several of our own ports may share one. */
static int
memif_check(const struct config *config, const struct config_port *port,
	    char why[CONFIG_ERROR_SIZE])
{
	int status = memif_check_folder(port, why);
	struct stat found;
	pid_t listener;

	(void)config;
	if (status != 0 || !port->memif_server || lstat(port->socket, &found) != 0)
		return status;
	if (!S_ISSOCK(found.st_mode))
		return kind_refuse(why, -EEXIST, "%s is no socket; choose another path",
				   port->socket);
	listener = memif_listener(port->socket);
	if (listener == 0 || listener == getpid())
		return 0;
	return kind_refuse(why, -EADDRINUSE,
			   "process %d serves %s already; end it, or choose another path",
			   (int)listener, port->socket);
}

/* Removes what a killed server left behind. */
static int
memif_prepare(const struct config_port *port, char why[CONFIG_ERROR_SIZE])
{
	if (!port->memif_server || memif_listener(port->socket) != 0 || unlink(port->socket) == 0 ||
	    errno == ENOENT)
		return 0;
	return kind_refuse(why, -errno, "%s is left over and can't be removed: %s", port->socket,
			   strerror(errno));
}

/* log2 of a power of two. */
static unsigned int
log2_of(unsigned int number)
{
	unsigned int bits = 0;

	while (number > 1U << bits)
		bits++;
	return bits;
}

static void
memif_describe(const struct config *config, const struct config_port *port, unsigned int index,
	       char device[KIND_DEVICE_SIZE], char arguments[KIND_ARGUMENTS_SIZE])
{
	(void)config;
	snprintf(device, KIND_DEVICE_SIZE, "net_memif%u", index);
	snprintf(arguments, KIND_ARGUMENTS_SIZE,
		 "role=%s,id=%u,socket=%s,socket-abstract=no,zero-copy=no,bsize=2048,rsize=%u",
		 port->memif_server ? "server" : "client", port->memif_id, port->socket,
		 log2_of(port->descriptors));
	kind_append_mac(port, arguments);
}

/* --- peers that leave --------------------------------------------------------------------- */

enum {
	LAST_BURST_MS = 50,
	SETTLE_TRIES = 5000, /* of a millisecond */
};

/* Set in EAL's interrupt thread, which handles what memif peers say. */
static _Thread_local bool handles_peers;

static void
mark_thread(void *argument)
{
	(void)argument;
	handles_peers = true;
}

/* Alarms are called in the interrupt thread. */
static void
memif_adopted(void)
{
	rte_eal_alarm_set(1, mark_thread, NULL);
}

static void
pass_by(void *argument)
{
	/* release: what the thread did before is seen by who finds it set */
	atomic_store_explicit((atomic_bool *)argument, true, memory_order_release);
}

/*
 * Waits until the interrupt thread is done with a peer that left: closing the port beside it frees
 * what it works on.
 */
static void
memif_settle(void)
{
	/* static: an alarm that comes too late must still find it */
	static atomic_bool passed;
	const struct timespec pause = {.tv_nsec = 1000000};

	if (eal_interrupts_held())
		return; /* it is done with everything */
	atomic_store_explicit(&passed, false, memory_order_relaxed);
	if (rte_eal_alarm_set(1, pass_by, &passed) != 0)
		return;
	for (unsigned int i = 0; i < SETTLE_TRIES; i++) {
		/* acquire: pairs with pass_by's release */
		if (atomic_load_explicit(&passed, memory_order_acquire))
			return;
		nanosleep(&pause, NULL);
	}
	rte_eal_alarm_cancel(pass_by, &passed);
}

/*
 * libc's own function, which the one of the same name below stands in for. Not by libc's name: a
 * sanitizer may have its own before it.
 */
static void *
next_function(_Atomic(void *) *known, const char *name)
{
	/* relaxed: whoever finds it unset looks up the same */
	void *function = atomic_load_explicit(known, memory_order_relaxed);

	if (function == NULL) {
		function = dlsym(RTLD_NEXT, name);
		atomic_store_explicit(known, function, memory_order_relaxed);
	}
	return function;
}

/*
 * Stands in for libc's: DPDK's memif driver calls it when a peer has left, right after it has told
 * the workers by a flag that they look at once a burst. So all that is missing is the time of a burst,
 * also of a worker that lost its CPU in the middle of one.
 */
int
munmap(void *address, size_t length)
{
	static _Atomic(void *) known;
	const struct timespec pause = {.tv_nsec = LAST_BURST_MS * 1000000L};
	int (*function)(void *, size_t);

	*(void **)&function = next_function(&known, "munmap");
	if (handles_peers)
		nanosleep(&pause, NULL);
	return function(address, length);
}

/*
 * Stands in for libc's: a peer that can't be told something is gone, which the memif driver handles
 * well when it reads next, and badly when it writes.
 */
ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	static _Atomic(void *) known;
	ssize_t (*function)(int, const struct msghdr *, int);
	ssize_t sent;

	*(void **)&function = next_function(&known, "sendmsg");
	if (!handles_peers)
		return function(fd, message, flags);
	sent = function(fd, message, flags | MSG_NOSIGNAL);
	if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
		return (ssize_t)message->msg_iov[0].iov_len; /* the driver's are in one piece */
	return sent;
}

const struct port_kind kind_memif = {
	.virtual_device = true,
	.mtu_max = MEMIF_MTU_MAX,
	.hint = "-vv shows what DPDK says of it",
	.check = memif_check,
	.prepare = memif_prepare,
	.adopted = memif_adopted,
	.settle = memif_settle,
	.describe = memif_describe,
};
