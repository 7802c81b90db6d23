/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log.h - one line format for everything the appliance says:
 *
 *     13:50:01.123 info  port0: af_xdp on eth1, 4 queues
 *
 * To standard error, one write a line, from any thread but a worker's.
 */
#ifndef JACKDAW_LOG_H
#define JACKDAW_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
};

/* Lines above this level are not written. Default LOG_INFO. */
void log_set_level(enum log_level level);

/* Whether the status line stands on the terminal and must be wiped before a line is written. */
void log_set_status_shown(bool shown);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
