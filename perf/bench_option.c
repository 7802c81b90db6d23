/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/bench_option.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
option_number(const char *text, double least, double most, double *number)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || !isfinite(value))
		return -EINVAL;
	if (*end == 'k')
		value *= 1e3;
	else if (*end == 'M')
		value *= 1e6;
	else if (*end == 'G')
		value *= 1e9;
	if (*end != '\0' && strchr("kMG", *end) != NULL)
		end++;
	if (*end != '\0' || value < least || value > most)
		return -EINVAL;
	*number = value;
	return 0;
}

int
option_unsigned(const char *text, unsigned int least, unsigned int most, unsigned int *out)
{
	double number;

	if (option_number(text, least, most, &number) != 0 || number != floor(number))
		return -EINVAL;
	*out = (unsigned int)number;
	return 0;
}

int
option_choice(const char *text, const char *const *words, unsigned int count, unsigned int *choice)
{
	for (unsigned int i = 0; i < count; i++) {
		if (strcmp(text, words[i]) == 0) {
			*choice = i;
			return 0;
		}
	}
	return -EINVAL;
}

int
option_text(const char *text, char *out, size_t size)
{
	if (text[0] == '\0' || strlen(text) >= size)
		return -EINVAL;
	snprintf(out, size, "%s", text);
	return 0;
}

int
option_address(const char *text, uint32_t *address)
{
	struct in_addr parsed;

	if (inet_pton(AF_INET, text, &parsed) != 1)
		return -EINVAL;
	*address = ntohl(parsed.s_addr);
	return 0;
}

/* SOCKET[,server][,id=N] */
static int
option_memif(const char *text, struct config_port *port)
{
	char rest[sizeof(port->socket) + 32], *at = NULL, *word;

	if (option_text(text, rest, sizeof(rest)) != 0)
		return -EINVAL;
	word = strtok_r(rest, ",", &at);
	if (word == NULL || option_text(word, port->socket, sizeof(port->socket)) != 0)
		return -EINVAL;
	while ((word = strtok_r(NULL, ",", &at)) != NULL) {
		if (strcmp(word, "server") == 0)
			port->memif_server = true;
		else if (strncmp(word, "id=", 3) != 0 ||
			 option_unsigned(word + 3, 0, 65535, &port->memif_id) != 0)
			return -EINVAL;
	}
	return 0;
}

int
option_port(const char *text, struct config_port *port)
{
	const char *where = strchr(text, ':');
	enum config_driver driver = CONFIG_AF_XDP;
	size_t length;

	if (where == NULL)
		return -EINVAL;
	length = (size_t)(where - text);
	while (strlen(config_driver_name(driver)) != length ||
	       memcmp(config_driver_name(driver), text, length) != 0) {
		if (driver++ == CONFIG_PCI)
			return -EINVAL;
	}
	port->driver = driver;
	where++;
	if (driver == CONFIG_MEMIF)
		return option_memif(where, port);
	if (driver == CONFIG_PCI)
		return option_text(where, port->pci, sizeof(port->pci));
	return option_text(where, port->interface, sizeof(port->interface));
}
