/* SPDX-License-Identifier: BSD-3-Clause */
/* yaml_text.h - loads a configuration from a string, by way of a file that is gone afterwards. */
#ifndef JACKDAW_TESTS_YAML_TEXT_H
#define JACKDAW_TESTS_YAML_TEXT_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"

#define PORT_LINES                                                                                 \
	"ports:\n"                                                                                 \
	"  - driver: af_xdp\n"                                                                     \
	"    interface: jd-srv\n"                                                                  \
	"    address: 10.77.0.1/24\n"

/* A file in /tmp that holds the bytes; its name goes to path. */
static inline void
yaml_file_make(char path[32], const char *text, size_t length)
{
	int fd;

	strcpy(path, "/tmp/jackdaw-test-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || write(fd, text, length) != (ssize_t)length)
		abort();
	close(fd);
}

/* config_load of length bytes; the error comes without the file's name: ":3: memory: …". */
static inline int
yaml_load_bytes(struct config *config, const char *text, size_t length, char *error)
{
	char path[32], whole[CONFIG_ERROR_SIZE] = "";
	int status;

	yaml_file_make(path, text, length);
	status = config_load(config, path, whole);
	unlink(path);
	error[0] = '\0';
	if (status != 0 && strncmp(whole, path, strlen(path)) == 0)
		strcpy(error, whole + strlen(path));
	else if (status != 0)
		snprintf(error, CONFIG_ERROR_SIZE, "without the file's name: %.400s", whole);
	return status;
}

static inline int
yaml_load(struct config *config, const char *text, char *error)
{
	return yaml_load_bytes(config, text, strlen(text), error);
}

#endif
