/* SPDX-License-Identifier: BSD-3-Clause */
/* The option table for people: --help, and the reference in the documentation. */
#include <stdlib.h>
#include <string.h>

#include "config/options.h"

#ifndef JACKDAW_VERSION
#define JACKDAW_VERSION "unknown"
#endif

enum {
	WIDTH = 90,  /* columns of --help */
	INDENT = 10, /* of its paragraphs */
};

static const char synopsis[] =
	"jackdaw " JACKDAW_VERSION " - a memcached-compatible cache that owns its network ports\n"
	"\n"
	"usage: jackdaw --config FILE [OVERRIDE...]     serve, in the foreground, until SIGTERM\n"
	"       jackdaw --check-config FILE             read and check the file; start nothing\n"
	"       jackdaw --print-config [--config FILE]  the settings in effect, as such a file\n"
	"       jackdaw --doctor [--config FILE]        what this machine lacks, and the remedy\n"
	"       jackdaw --help | --version\n"
	"\n"
	"Exit status: 0 after an orderly end, 1 if it could not start or the doctor found\n"
	"something, 2 for a wrong option or file (nothing was started then).\n"
	"\n"
	"Overrides, as memcached has them; they win over the file wherever they stand:\n";

/* "-m, --memory-limit VALUE   memory; a bare number is megabytes" */
static void
help_letter(const struct option *option, FILE *file)
{
	char wanted[OPTION_TEXT_SIZE], word[64];

	if (option->letter == 0)
		return;
	option_describe(option, wanted, sizeof(wanted));
	snprintf(word, sizeof(word), "-%c, --%s%s", option->letter, option->long_name,
		 option->letter == 'v' ? "" : " VALUE");
	fprintf(file, "  %-28s ", word);
	if (option->letter == 'v')
		fprintf(file, "%s: -v for 1, -vv for 2\n", option->path);
	else if (option->letter == 'l')
		fprintf(file, "%s or ipv6 of the first port; its subnet stays without /LENGTH\n",
			option->path);
	else if (option->letter_unit != 0)
		fprintf(file, "%s: %s, or a number of megabytes\n", option->path, wanted);
	else
		fprintf(file, "%s: %s\n", option->path, wanted);
}

/* Writes text as a paragraph, indented, broken between words. */
static void
paragraph(const char *text, FILE *file)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		if (column != 0 && column + 1 + length > WIDTH) {
			putc('\n', file);
			column = 0;
		}
		column += (size_t)fprintf(file, "%*s%.*s", column == 0 ? INDENT : 1, "",
					  (int)length, text);
		text += length;
		text += strspn(text, " ");
	}
	putc('\n', file);
}

/* "a list of: " and what one of them is, or just that */
static void
describe(const struct option *option, char *text, size_t size)
{
	char one[OPTION_TEXT_SIZE];

	option_describe(option, one, sizeof(one));
	snprintf(text, size, "%s%s", option->most_items != 0 ? "list, each " : "", one);
}

static const char *
default_of(const struct option *option)
{
	if (option->initial != NULL)
		return option->initial;
	return option->most_items != 0 ? "[]" : "none";
}

static void
help_option(const struct option *option, FILE *file)
{
	char wanted[OPTION_TEXT_SIZE + 16], text[1024];

	describe(option, wanted, sizeof(wanted));
	fprintf(file, "  %s\n", option->path);
	snprintf(text, sizeof(text), "%s (default %s%s)", wanted, default_of(option),
		 option->reloadable ? "; reloadable" : "");
	paragraph(text, file);
	snprintf(text, sizeof(text), "%s.", option->help);
	paragraph(text, file);
}

void
config_help(FILE *file)
{
	fputs(synopsis, file);
	for (unsigned int i = 0; i < config_options_count; i++)
		help_letter(&config_options[i], file);
	for (unsigned int i = 0; i < port_options_count; i++)
		help_letter(&port_options[i], file);
	fputs("\nSettings of the file, which is YAML; worker.count is key count of mapping "
	      "worker:\n",
	      file);
	for (unsigned int i = 0; i < config_options_count; i++)
		help_option(&config_options[i], file);
	fputs("\nSettings of each item of the list ports:\n", file);
	for (unsigned int i = 0; i < port_options_count; i++)
		help_option(&port_options[i], file);
}

static void
reference_row(const struct option *option, FILE *file)
{
	char wanted[OPTION_TEXT_SIZE + 16];

	describe(option, wanted, sizeof(wanted));
	fprintf(file, "| `%s` | %s | `%s` | ", option->path, wanted, default_of(option));
	if (option->letter != 0)
		fprintf(file, "`-%c`", option->letter);
	fprintf(file, " | %s | %s |\n", option->reloadable ? "yes" : "", option->help);
}

void
config_reference(FILE *file)
{
	static const char heads[] =
		"| option | takes | default | command line | live | what it is |\n"
		"| --- | --- | --- | --- | --- | --- |\n";

	fputs(heads, file);
	for (unsigned int i = 0; i < config_options_count; i++)
		reference_row(&config_options[i], file);
	fputs("\nOf each item of `ports`:\n\n", file);
	fputs(heads, file);
	for (unsigned int i = 0; i < port_options_count; i++)
		reference_row(&port_options[i], file);
}
