/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line: what to do, which file, and memcached's options as overrides of the file. The
 * letters and their long names are those of the option table.
 */
#include <errno.h>
#include <string.h>

#include "config/options.h"

enum {
	OVERRIDES_MAX = 64,
	WORD_SIZE = 64,
};

/* A setting that was given on the command line. */
struct override {
	const struct option *option;
	const char *text;     /* NULL for -v */
	char word[WORD_SIZE]; /* as it was written: "-m", "--memory-limit" */
};

struct command_line {
	int argc;
	char **argv;
	int next; /* argument to be read */
	enum config_action action;
	const char *file;
	struct override overrides[OVERRIDES_MAX];
	unsigned int count;
	const char *sasl; /* the word that asked for it, as -S does: it needs users; or NULL */
	char *error;
};

/* Options that are about what to do. */
static const struct {
	const char *word;
	enum config_action action;
	bool takes_file;
} actions[] = {
	{"config", CONFIG_RUN, true},	       {"check-config", CONFIG_CHECK, true},
	{"print-config", CONFIG_PRINT, false}, {"doctor", CONFIG_DOCTOR, false},
	{"help", CONFIG_HELP, false},	       {"version", CONFIG_VERSION, false},
};

/* Options that somebody who knows memcached may try, and what there is instead. */
static const struct {
	char letter;
	const char *instead;
} strangers[] = {
	{'d', "the appliance stays in the foreground; let a service manager start it"},
	{'u', "a user of its own is given by the service manager"},
	{'s', "there are no Unix sockets; ports are network ports"},
	{'M', "when memory is full old items are evicted, always"},
	{'L', "large pages are the setting hugepages of the file"},
	{'B', "the first byte of a request tells its protocol"},
	{'f', "there are no slab classes"},
	{'n', "there are no slab classes"},
	{'P', "there is no file of the process's number"},
	{'R', "a batch is the setting worker.burst of the file"},
	{'b', "there is no listen queue"},
};

static int
fault(const struct command_line *line, const char *word, const char *problem)
{
	return fault_at("command line", 0, line->error, "%s: %s", word, problem);
}

static const struct option *
row_of_letter(char letter)
{
	for (unsigned int i = 0; i < config_options_count; i++)
		if (config_options[i].letter == letter)
			return &config_options[i];
	for (unsigned int i = 0; i < port_options_count; i++)
		if (port_options[i].letter == letter)
			return &port_options[i];
	return NULL;
}

static bool
names(const struct option *option, const char *name, size_t length)
{
	return option->long_name != NULL && strlen(option->long_name) == length &&
	       strncmp(option->long_name, name, length) == 0;
}

static const struct option *
row_of_name(const char *name, size_t length)
{
	for (unsigned int i = 0; i < config_options_count; i++)
		if (names(&config_options[i], name, length))
			return &config_options[i];
	for (unsigned int i = 0; i < port_options_count; i++)
		if (names(&port_options[i], name, length))
			return &port_options[i];
	return NULL;
}

/* The value of an option: what is stuck to it, or else the next argument. */
static int
take_value(struct command_line *line, const char *word, const char *stuck, const char **value)
{
	*value = stuck;
	if (stuck == NULL && line->next < line->argc)
		*value = line->argv[line->next++];
	if (*value == NULL || **value == '\0')
		return fault(line, word, "has no value; want one behind it (see --help)");
	return 0;
}

static int
add_override(struct command_line *line, const struct option *option, const char *word,
	     const char *text)
{
	struct override *override = &line->overrides[line->count];

	if (line->count == OVERRIDES_MAX)
		return fault(line, word, "too many options; want each once");
	line->count++;
	override->option = option;
	override->text = text;
	snprintf(override->word, sizeof(override->word), "%s", word);
	return 0;
}

/* A cluster of letters: -v, -vv, -m64, -vm 64 */
static int
read_letters(struct command_line *line, const char *letters)
{
	char word[] = "-?";
	int status = 0;

	while (*letters != '\0' && status == 0) {
		const struct option *option = row_of_letter(*letters);
		const char *value = NULL;

		word[1] = *letters++;
		if (word[1] == 'h' || word[1] == 'V') {
			line->action = word[1] == 'h' ? CONFIG_HELP : CONFIG_VERSION;
			return 0;
		}
		if (word[1] == 'S') {
			line->sasl = "-S";
			continue;
		}
		for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
			if (strangers[i].letter == word[1])
				return fault(line, word, strangers[i].instead);
		if (option == NULL)
			return fault(line, word, "no such option; --help lists those there are");
		if (word[1] != 'v') {
			status = take_value(line, word, *letters != '\0' ? letters : NULL, &value);
			letters = "";
		}
		if (status == 0)
			status = add_override(line, option, word, value);
	}
	return status;
}

static int
take_action(struct command_line *line, unsigned int i, const char *word, const char *stuck)
{
	if (actions[i].action != CONFIG_RUN && line->action != CONFIG_RUN &&
	    line->action != actions[i].action)
		return fault(line, word, "a second thing to do; want one at a time");
	if (actions[i].action != CONFIG_RUN)
		line->action = actions[i].action;
	if (!actions[i].takes_file)
		return stuck == NULL ? 0 : fault(line, word, "takes no value; leave it out");
	if (line->file != NULL)
		return fault(line, word, "a second file; want one");
	return take_value(line, word, stuck, &line->file);
}

static int
unknown_word(const struct command_line *line, const char *word, const char *name)
{
	const struct option *near = option_suggest(config_options, config_options_count, name);
	char problem[OPTION_TEXT_SIZE];

	if (near == NULL)
		return fault(line, word, "no such option; --help lists those there are");
	snprintf(problem, sizeof(problem), "no such option; %s is a setting of the file%s%.1s",
		 near->path, near->letter != '\0' ? ", and here -" : "", &near->letter);
	return fault(line, word, problem);
}

/* --config F, --config=F, --memory-limit=64 … */
static int
read_word(struct command_line *line, const char *argument)
{
	const char *name = argument + 2, *equals = strchr(name, '=');
	size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const char *stuck = equals != NULL ? equals + 1 : NULL, *value = NULL;
	const struct option *option = row_of_name(name, length);
	char word[WORD_SIZE];
	int status;

	snprintf(word, sizeof(word), "--%.*s", length < 32 ? (int)length : 32, name);
	for (unsigned int i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strlen(actions[i].word) == length &&
		    strncmp(name, actions[i].word, length) == 0)
			return take_action(line, i, word, stuck);
	if (strcmp(argument, "--enable-sasl") == 0) {
		line->sasl = argument;
		return 0;
	}
	if (option == NULL)
		return unknown_word(line, word, word + 2);
	if (option->letter != 'v') {
		status = take_value(line, word, stuck, &value);
		if (status != 0)
			return status;
	}
	return add_override(line, option, word, value);
}

static int
read_arguments(struct command_line *line)
{
	int status = 0;

	for (line->next = 1; line->next < line->argc && status == 0;) {
		const char *argument = line->argv[line->next++];

		if (argument[0] == '-' && argument[1] == '-' && argument[2] != '\0')
			status = read_word(line, argument);
		else if (argument[0] == '-' && argument[1] != '-' && argument[1] != '\0')
			status = read_letters(line, argument + 1);
		else
			status = fault_at("command line", 0, line->error,
					  "%.60s: not an option; want --config FILE and options of "
					  "--help",
					  argument);
		if (line->action == CONFIG_HELP || line->action == CONFIG_VERSION)
			return status;
	}
	return status;
}

/* -v, -vv, -v -v: from the quiet default, whatever the file says. */
static int
apply_verbose(const struct command_line *line, struct config *config)
{
	unsigned int letters = 0;

	for (unsigned int i = 0; i < line->count; i++)
		letters += line->overrides[i].option->letter == 'v';
	config->verbose = letters < 2 ? letters : 2;
	return 0;
}

/* -l gives the address of the family that its text is of. */
static const struct option *
row_of_address(const struct override *override)
{
	if (strchr(override->text, ':') == NULL || strchr(override->text, '.') != NULL)
		return override->option;
	return option_find(port_options, port_options_count, "ipv6");
}

static int
apply_override(const struct command_line *line, const struct override *override,
	       struct config *config, struct origins *origins)
{
	bool of_port = override->option->letter == 'l';
	const struct option *option = of_port ? row_of_address(override) : override->option;
	char why[CONFIG_ERROR_SIZE];
	int status;

	if (of_port && config->port_count == 0)
		return fault(line, override->word,
			     "no port to give the address to; want --config FILE with one");
	origins_note(origins, option, of_port ? 0 : NO_PORT, 0);
	if (override->text == NULL)
		return apply_verbose(line, config);
	status = option_set_letter(option, of_port ? (void *)&config->ports[0] : config,
				   override->text, why, sizeof(why));
	if (status != 0)
		fault(line, override->word, why);
	return status;
}

/* The file, then the overrides, then the checks over both. */
static int
fill(const struct command_line *line, struct config *config)
{
	bool need_ports = line->action == CONFIG_RUN || line->action == CONFIG_CHECK;
	struct origins origins = {.file = NULL};
	int status = 0;

	if (line->file != NULL)
		status = config_read(config, line->file, &origins, line->error);
	for (unsigned int i = 0; i < line->count && status == 0; i++)
		status = apply_override(line, &line->overrides[i], config, &origins);
	if (status != 0)
		return status;
	if (line->sasl != NULL && config->auth_file[0] == '\0')
		return fault(line, line->sasl,
			     "SASL needs users; want -Y FILE with lines name:password");
	config_settle(config, &origins);
	return config_check(config, &origins, need_ports, line->error);
}

int
config_command_line(struct config *config, enum config_action *action, int argc, char **argv,
		    char error[CONFIG_ERROR_SIZE])
{
	struct command_line line = {.argc = argc, .argv = argv, .error = error};
	struct config filled;
	int status = read_arguments(&line);

	if (status != 0)
		return status;
	if (line.action != CONFIG_HELP && line.action != CONFIG_VERSION) {
		status = config_copy(&filled, config);
		if (status != 0) {
			fault(&line, "memory", strerror(-status));
			return status;
		}
		status = fill(&line, &filled);
		if (status != 0) {
			config_release(&filled);
			return status;
		}
		config_release(config);
		*config = filled;
	}
	*action = line.action;
	return 0;
}
