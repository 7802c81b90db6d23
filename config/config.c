/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a struct config: copied, loaded as a whole or not at all, released. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"

int
config_copy(struct config *to, const struct config *from)
{
	*to = *from;
	for (to->eal_count = 0; to->eal_count < from->eal_count; to->eal_count++) {
		to->eal[to->eal_count] = strdup(from->eal[to->eal_count]);
		if (to->eal[to->eal_count] == NULL) {
			config_release(to);
			return -ENOMEM;
		}
	}
	return 0;
}

void
config_release(struct config *config)
{
	for (unsigned int i = 0; i < config->eal_count; i++)
		free(config->eal[i]);
	config->eal_count = 0;
}

int
config_load(struct config *config, const char *path, char error[CONFIG_ERROR_SIZE])
{
	struct origins origins;
	struct config loaded;
	int status = config_copy(&loaded, config);

	if (status != 0) {
		fault_at(path, 0, error, "%s", strerror(-status));
		return status;
	}
	status = config_read(&loaded, path, &origins, error);
	if (status == 0) {
		config_settle(&loaded, &origins);
		status = config_check(&loaded, &origins, true, error);
	}
	if (status != 0) {
		config_release(&loaded);
		return status;
	}
	config_release(config);
	*config = loaded;
	return 0;
}
