/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer.h - a memcached of our own to compare with: a child process on a socket in a directory of its
 * own, ended by its process id.
 */
#ifndef JACKDAW_TESTS_PEER_H
#define JACKDAW_TESTS_PEER_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/proto/session.h"

enum {
	PEER_PATIENCE_MS = 10000,
	PEER_ARGUMENTS_MAX = 8,
};

struct peer {
	pid_t pid;
	char directory[64];
	struct sockaddr_un address;
};

static inline int
peer_connect(const struct peer *peer)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
	    connect(fd, (const struct sockaddr *)&peer->address, sizeof(peer->address)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static inline void
peer_stop(struct peer *peer)
{
	if (peer->pid > 0) {
		kill(peer->pid, SIGKILL);
		waitpid(peer->pid, NULL, 0);
	}
	peer->pid = 0;
	unlink(peer->address.sun_path);
	rmdir(peer->directory);
}

/* Makes the directory that peer_start's memcached is in. 0 or -1. */
static inline int
peer_prepare(struct peer *peer)
{
	memset(peer, 0, sizeof(*peer));
	strcpy(peer->directory, "/tmp/jackdaw-peer-XXXXXX");
	if (mkdtemp(peer->directory) == NULL || chmod(peer->directory, 0777) != 0)
		return -1;
	peer->address.sun_family = AF_UNIX;
	snprintf(peer->address.sun_path, sizeof(peer->address.sun_path), "%s/s", peer->directory);
	return 0;
}

/* The child's part of peer_launch. */
static inline void
peer_become_memcached(const struct peer *peer, const char *const *arguments)
{
	const char *argv[16 + PEER_ARGUMENTS_MAX] = {
		"memcached", "-u",  "nobody", "-s", peer->address.sun_path, "-a", "777",
		"-m",	     "128", "-t",     "1"};
	unsigned int count = 11;
	int null = open("/dev/null", O_RDWR);

	for (unsigned int i = 0; arguments != NULL && arguments[i] != NULL; i++)
		argv[count++] = arguments[i];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 1);
	dup2(null, 2);
	execvp("memcached", (char *const *)argv);
	_exit(127);
}

/*
 * Starts memcached in the directory with up to PEER_ARGUMENTS_MAX further arguments, NULL behind
 * them, and waits until it accepts. 0, or -1 with nothing left behind.
 */
static inline int
peer_launch(struct peer *peer, const char *const *arguments)
{
	int fd = -1;

	peer->pid = fork();
	if (peer->pid == 0)
		peer_become_memcached(peer, arguments);
	/* there is no event to await: the socket appears when it appears */
	for (int tries = 0; peer->pid > 0 && tries < 500; tries++) {
		fd = peer_connect(peer);
		if (fd >= 0 || waitpid(peer->pid, NULL, WNOHANG) != 0)
			break;
		poll(NULL, 0, 10);
	}
	if (fd < 0) {
		peer_stop(peer);
		return -1;
	}
	close(fd);
	return 0;
}

/* A peer without special arguments. */
static inline int
peer_start(struct peer *peer)
{
	return peer_prepare(peer) == 0 ? peer_launch(peer, NULL) : -1;
}

/* What the peer answers to a stream that ends there. -1 if it doesn't end in time. */
static inline int
peer_ask(const struct peer *peer, const uint8_t *bytes, size_t length, struct bytes *answer)
{
	int fd = peer_connect(peer), status = -1;
	bool done = false;

	if (fd < 0)
		return -1;
	if (length == 0)
		shutdown(fd, SHUT_WR);
	while (!done) {
		struct pollfd wait = {.fd = fd, .events = POLLIN | (length != 0 ? POLLOUT : 0)};
		ssize_t got;

		if (poll(&wait, 1, PEER_PATIENCE_MS) <= 0)
			break;
		if ((wait.revents & POLLOUT) != 0 && length != 0) {
			got = send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (got > 0) {
				bytes += got;
				length -= (size_t)got;
			} else if (errno != EAGAIN) {
				length = 0; /* it has closed: only its answer is left */
			}
			if (length == 0)
				shutdown(fd, SHUT_WR);
		}
		if ((wait.revents & (POLLIN | POLLHUP | POLLERR)) == 0)
			continue;
		bytes_make_room(answer, 65536);
		got = recv(fd, answer->start + answer->length, 65536, MSG_DONTWAIT);
		if (got > 0)
			answer->length += (size_t)got;
		done = got == 0 || (got < 0 && errno != EAGAIN);
		status = done ? 0 : status;
	}
	close(fd);
	return status;
}

#endif
