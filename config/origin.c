/* SPDX-License-Identifier: BSD-3-Clause */
/* Where each setting was said, and errors that say it. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "config/options.h"

enum {
	PLACE_SIZE = 256,
};

static struct origin *
origins_find(const struct origins *origins, const struct option *option, int port)
{
	for (unsigned int i = 0; i < origins->count; i++)
		if (origins->said[i].option == option && origins->said[i].port == port)
			return (struct origin *)&origins->said[i];
	return NULL;
}

void
origins_note(struct origins *origins, const struct option *option, int port, unsigned int line)
{
	struct origin *origin = origins_find(origins, option, port);

	if (origin == NULL && origins->count < ORIGINS_MAX) {
		origin = &origins->said[origins->count++];
		origin->option = option;
		origin->port = port;
	}
	if (origin != NULL)
		origin->line = line;
}

bool
origins_said(const struct origins *origins, const struct option *option, int port)
{
	return origins_find(origins, option, port) != NULL;
}

unsigned int
origins_line(const struct origins *origins, const struct option *option, int port)
{
	const struct origin *origin = origins_find(origins, option, port);

	return origin != NULL ? origin->line : 0;
}

/* Ends an error: one line of printable text, whatever the input held. */
static int
seal(char *error)
{
	for (; *error != '\0'; error++)
		if (iscntrl((unsigned char)*error))
			*error = '?';
	return -EINVAL;
}

/* Appends to error as far as there is room. */
static void append(char *error, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static void
append(char *error, const char *format, va_list arguments)
{
	size_t used = strlen(error);

	vsnprintf(error + used, CONFIG_ERROR_SIZE - used, format, arguments);
}

int
fault_at(const char *file, unsigned int line, char error[CONFIG_ERROR_SIZE], const char *format,
	 ...)
{
	va_list arguments;

	if (line != 0)
		snprintf(error, CONFIG_ERROR_SIZE, "%.*s:%u: ", PLACE_SIZE, file, line);
	else
		snprintf(error, CONFIG_ERROR_SIZE, "%.*s: ", PLACE_SIZE, file);
	va_start(arguments, format);
	append(error, format, arguments);
	va_end(arguments);
	return seal(error);
}

/* The setting's own place, else its port's, else the file. */
static void
place_format(const struct origins *origins, const struct option *option, int port,
	     char place[PLACE_SIZE + 16])
{
	const struct origin *origin = origins_find(origins, option, port);

	if (origin == NULL)
		origin = origins_find(origins, NULL, port);
	if (origins->file == NULL || (origin != NULL && origin->line == 0))
		snprintf(place, PLACE_SIZE + 16, "command line");
	else if (origin != NULL)
		snprintf(place, PLACE_SIZE + 16, "%.*s:%u", PLACE_SIZE, origins->file,
			 origin->line);
	else
		snprintf(place, PLACE_SIZE + 16, "%.*s", PLACE_SIZE, origins->file);
}

int
origins_fault(const struct origins *origins, const struct option *option, int port,
	      char error[CONFIG_ERROR_SIZE], const char *format, ...)
{
	char place[PLACE_SIZE + 16];
	va_list arguments;

	place_format(origins, option, port, place);
	if (port == NO_PORT)
		snprintf(error, CONFIG_ERROR_SIZE, "%s: %s: ", place, option->path);
	else if (option == NULL)
		snprintf(error, CONFIG_ERROR_SIZE, "%s: ports[%d]: ", place, port);
	else
		snprintf(error, CONFIG_ERROR_SIZE, "%s: ports[%d].%s: ", place, port, option->path);
	va_start(arguments, format);
	append(error, format, arguments);
	va_end(arguments);
	return seal(error);
}
