/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A clock that stands still until it is set, for a process that knows nothing of it: preloaded, this
 * answers all questions for the time from the 8 bytes at the start of the file that FAKE_CLOCK names,
 * nanoseconds since 1970. How long a thread has run is still the kernel's to say.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
	SECOND = 1000000000,
};

static const _Atomic uint64_t *shared;

__attribute__((constructor)) static void
fake_clock_open(void)
{
	const char *path = getenv("FAKE_CLOCK");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *memory = MAP_FAILED;

	if (fd >= 0)
		memory = mmap(NULL, sizeof(*shared), PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		abort(); /* preloaded for nothing: a test would wait for ever */
	shared = memory;
	close(fd);
}

static struct timespec
fake_now(void)
{
	/* relaxed: the time is all that it says. NULL: asked by another constructor */
	uint64_t now = shared != NULL ? atomic_load_explicit(shared, memory_order_relaxed) : 0;

	return (struct timespec){.tv_sec = (time_t)(now / SECOND), .tv_nsec = (long)(now % SECOND)};
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	if (clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID)
		return (int)syscall(SYS_clock_gettime, clock, ts);
	*ts = fake_now();
	return 0;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec now = fake_now();

	(void)zone;
	*tv = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
	return 0;
}

time_t
time(time_t *seconds)
{
	time_t now = fake_now().tv_sec;

	if (seconds != NULL)
		*seconds = now;
	return now;
}
