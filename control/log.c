/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* The process has one standard error: this state belongs to it. Relaxed: read for taste only. */
static atomic_int log_level = LOG_INFO;
static atomic_bool log_status_shown;

void
log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

void
log_set_status_shown(bool shown)
{
	atomic_store_explicit(&log_status_shown, shown, memory_order_relaxed);
}

void
log_line(enum log_level level, const char *format, ...)
{
	static const char *const names[] = {"error", "warn ", "info ", "debug"};
	static const char wipe[] = "\r\033[K";
	char line[1024];
	struct timespec now;
	struct tm tm;
	size_t length;
	va_list arguments;

	if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	length = (size_t)snprintf(
		line, sizeof(line), "%s%02d:%02d:%02d.%03ld %s ",
		atomic_load_explicit(&log_status_shown, memory_order_relaxed) ? wipe : "",
		tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000, names[level]);
	va_start(arguments, format);
	length += (size_t)vsnprintf(line + length, sizeof(line) - length - 1, format, arguments);
	va_end(arguments);
	if (length > sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	if (write(STDERR_FILENO, line, length) < 0)
		return; /* nobody is left to tell */
}
