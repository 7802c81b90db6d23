/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/user_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <urcu/urcu-qsbr.h>

#include "control/log.h"

enum {
	FILE_MAX = 16384 /* bytes: more than the most users with the longest names and passwords */
};

/* Reads the whole file, FILE_MAX bytes at most. Bytes read, or negative errno. */
static ssize_t
file_read(const char *path, char *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t length = 0;
	struct stat facts;
	ssize_t got;

	if (fd < 0)
		return -errno;
	do {
		got = read(fd, text + length, FILE_MAX - length);
		if (got > 0)
			length += (size_t)got;
	} while (got > 0 && length < FILE_MAX);
	if (got < 0)
		got = -errno;
	else if (fstat(fd, &facts) == 0 && (facts.st_mode & S_IROTH) != 0)
		log_warn("%s: the passwords in it can be read by every user of this machine", path);
	close(fd);
	return got < 0 ? got : length == FILE_MAX ? -EFBIG : (ssize_t)length;
}

static int
file_take(const char *path, struct users *users, char *text, char error[CONFIG_ERROR_SIZE])
{
	ssize_t length = file_read(path, text);
	unsigned int line;

	if (length < 0) {
		snprintf(error, CONFIG_ERROR_SIZE, "%s: can't be read: %s", path,
			 strerror((int)-length));
		return (int)length;
	}
	if (users_read(users, text, (size_t)length, &line) != 0) {
		snprintf(error, CONFIG_ERROR_SIZE,
			 "%s:%u: malformed; want name:password, each of at most %d bytes, and at "
			 "most %d such lines",
			 path, line, USER_TEXT_MAX, USERS_MAX);
		return -EINVAL;
	}
	return 0;
}

int
user_file_load(const char *path, struct users **users, char error[CONFIG_ERROR_SIZE])
{
	struct users *read = calloc(1, sizeof(*read));
	char *text = malloc(FILE_MAX);
	int status = -ENOMEM;

	if (read == NULL || text == NULL)
		snprintf(error, CONFIG_ERROR_SIZE, "%s: %s", path, strerror(ENOMEM));
	else
		status = file_take(path, read, text, error);
	if (text != NULL)
		explicit_bzero(text, FILE_MAX);
	free(text);
	if (status != 0)
		user_file_free(read);
	else
		*users = read;
	return status;
}

void
user_file_free(struct users *users)
{
	if (users != NULL)
		explicit_bzero(users, sizeof(*users));
	free(users);
}

int
user_file_reload(const char *path, struct user_list *list, char error[CONFIG_ERROR_SIZE])
{
	struct users *fresh;
	int status = user_file_load(path, &fresh, error);

	if (status != 0)
		return status;
	/* acq_rel: the new ones are complete for whoever acquires them; the old are ours to wipe */
	fresh = (struct users *)atomic_exchange_explicit(&list->now, fresh, memory_order_acq_rel);
	urcu_qsbr_synchronize_rcu();
	user_file_free(fresh);
	return 0;
}
