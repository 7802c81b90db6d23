/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration as YAML that loads to the same. */
#include <ctype.h>
#include <string.h>

#include "config/options.h"

/* Writes text in YAML's double quotes, where everything can be said. */
static void
print_quoted(const char *text, FILE *file)
{
	putc('"', file);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(file, "\\%c", *text);
		else if (iscntrl((unsigned char)*text))
			fprintf(file, "\\x%02X", (unsigned char)*text);
		else
			putc(*text, file);
	}
	putc('"', file);
}

static void
print_item(const struct option *option, const void *object, unsigned int item, FILE *file)
{
	char text[OPTION_TEXT_SIZE];

	if (option->type == OPTION_ARGUMENT) { /* of any length */
		print_quoted(((const struct config *)object)->eal[item], file);
		return;
	}
	option_format(option, object, item, text, sizeof(text));
	if (option->type == OPTION_NAME || option->type == OPTION_SOCKET ||
	    option->type == OPTION_FILE || option->type == OPTION_MAC || option->type == OPTION_PCI)
		print_quoted(text, file);
	else
		fputs(text, file);
}

static void
print_value(const struct option *option, const void *object, FILE *file)
{
	unsigned int items = option_items(option, object);

	if (option->most_items == 0) {
		print_item(option, object, 0, file);
	} else {
		putc('[', file);
		for (unsigned int i = 0; i < items; i++) {
			fputs(i == 0 ? "" : ", ", file);
			print_item(option, object, i, file);
		}
		putc(']', file);
	}
	putc('\n', file);
}

/* The options that the port's driver takes and that are set. */
static void
print_port(const struct config_port *port, FILE *file)
{
	const char *indent = "  - ";

	for (unsigned int i = 0; i < port_options_count; i++) {
		const struct option *option = &port_options[i];

		if (!driver_takes(port->driver, option) || option_items(option, port) == 0)
			continue;
		fprintf(file, "%s%s: ", indent, option->path);
		print_value(option, port, file);
		indent = "    ";
	}
}

static void
print_ports(const struct config *config, FILE *file)
{
	if (config->port_count == 0) {
		fputs("ports: [] # none yet; at least one is needed\n", file);
		return;
	}
	fputs("ports:\n", file);
	for (unsigned int i = 0; i < config->port_count; i++)
		print_port(&config->ports[i], file);
}

void
config_print(const struct config *config, FILE *file)
{
	const char *section = "";
	size_t length = 0;

	for (unsigned int i = 0; i < config_options_count; i++) {
		const struct option *option = &config_options[i];
		const char *dot = strchr(option->path, '.');

		if (option->type == OPTION_PORTS) {
			print_ports(config, file);
			continue;
		}
		if (option->most_items == 0 && option_items(option, config) == 0)
			continue;
		if (dot != NULL && (strncmp(section, option->path, length) != 0 || length == 0)) {
			section = option->path;
			length = (size_t)(dot - section) + 1;
			fprintf(file, "%.*s:\n", (int)(dot - section), section);
		}
		fprintf(file, "%s%s: ", dot != NULL ? "  " : "",
			dot != NULL ? dot + 1 : option->path);
		print_value(option, config, file);
	}
}
