/* SPDX-License-Identifier: BSD-3-Clause */
/* jackdaw: the appliance's main(). What each part does stands in control/appliance.h. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "control/appliance.h"
#include "control/log.h"
#include "control/status.h"
#include "control/user_file.h"
#include "drivers/doctor.h"

enum {
	EXIT_USAGE = 2, /* wrong option or configuration: nothing was started */
};

/* The signals that are for us, blocked in every thread and awaited by this one. */
static void
signals_block(sigset_t *ours)
{
	sigemptyset(ours);
	sigaddset(ours, SIGINT);
	sigaddset(ours, SIGTERM);
	sigaddset(ours, SIGHUP);
	sigprocmask(SIG_BLOCK, ours, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* True of one to read files again at: SIGHUP too ends us, unless there is a file that it may be about. */
static bool
signal_is_of_reload(int signal_number, const struct appliance *appliance)
{
	return signal_number == SIGHUP && appliance->config->auth_file[0] != '\0';
}

static void
run_until_signal(struct appliance *appliance, const sigset_t *ours)
{
	const struct timespec second = {.tv_sec = 1};
	struct status status;
	int signal_number;

	status_begin(&status, appliance);
	do {
		signal_number = sigtimedwait(ours, NULL, &second);
		if (signal_is_of_reload(signal_number, appliance)) {
			appliance_reload_users(appliance);
			signal_number = 0;
		}
		appliance_watch(appliance);
		status_show(&status, appliance);
	} while (signal_number <= 0);
	status_end(&status);
	log_info("stopping: %s", strsignal(signal_number));
}

static int
run(const struct config *config)
{
	static struct appliance appliance;
	char error[CONFIG_ERROR_SIZE];
	sigset_t ours;

	log_set_level(config->verbose != 0 ? LOG_DEBUG : LOG_INFO);
	signals_block(&ours);
	if (appliance_start(&appliance, config, error) != 0) {
		log_error("%s", error);
		return EXIT_FAILURE;
	}
	log_info("ready: TCP port %u, UDP port %u", config->tcp_port, config->udp_port);
	run_until_signal(&appliance, &ours);
	appliance_stop(&appliance);
	log_info("stopped");
	return EXIT_SUCCESS;
}

/* All that can be wrong without a machine to start on. */
static int
check(const struct config *config)
{
	char error[CONFIG_ERROR_SIZE];
	struct users *users = NULL;

	if (config->auth_file[0] != '\0' && user_file_load(config->auth_file, &users, error) != 0) {
		fprintf(stderr, "jackdaw: %s\n", error);
		return EXIT_USAGE;
	}
	user_file_free(users);
	printf("the configuration is good\n");
	return EXIT_SUCCESS;
}

static int
act(enum config_action action, const struct config *config)
{
	switch (action) {
	case CONFIG_HELP:
		config_help(stdout);
		return EXIT_SUCCESS;
	case CONFIG_VERSION:
		printf("jackdaw %s\n", JACKDAW_VERSION);
		return EXIT_SUCCESS;
	case CONFIG_PRINT:
		config_print(config, stdout);
		return EXIT_SUCCESS;
	case CONFIG_CHECK:
		return check(config);
	case CONFIG_DOCTOR:
		return doctor(config, stdout);
	case CONFIG_RUN:
		break;
	}
	return run(config);
}

int
main(int argc, char **argv)
{
	enum config_action action = CONFIG_RUN;
	char error[CONFIG_ERROR_SIZE];
	struct config config;
	int status;

	config_defaults(&config);
	status = config_command_line(&config, &action, argc, argv, error);
	if (status != 0) {
		fprintf(stderr, "jackdaw: %s\n", error);
		status = EXIT_USAGE;
	} else {
		status = act(action, &config);
	}
	config_release(&config);
	return status;
}
