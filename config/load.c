/* SPDX-License-Identifier: BSD-3-Clause */
/* A YAML file into the options' fields. libyaml keeps the line of every node for the errors. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "config/options.h"

enum {
	FILE_MAX = 1 << 20, /* bytes: anything larger is not a configuration */
	KEY_SIZE = 128,	    /* room for the path of any option, and for any key in an error */
};

/* One mapping being read: which rows its keys name, and what they are set in. */
struct section {
	const struct option *rows;
	unsigned int count;
	void *object;
	int port; /* index, or NO_PORT */
};

struct loader {
	struct config *config;
	struct origins *origins;
	yaml_document_t document;
	char *error;
};

static unsigned int
line_of(const yaml_node_t *node)
{
	return (unsigned int)node->start_mark.line + 1;
}

static bool
is_text(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE;
}

static const char *
text_of(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* What a node is, in a reader's words. */
static const char *
kind_of(const yaml_node_t *node)
{
	if (node->type == YAML_MAPPING_NODE)
		return "a mapping";
	if (node->type == YAML_SEQUENCE_NODE)
		return "a list";
	return "a single value";
}

/* Writes "FILE:LINE: [ports[N].]PATH: message". */
static int fault(const struct loader *loader, const struct section *section,
		 const yaml_node_t *node, const char *path, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static int
fault(const struct loader *loader, const struct section *section, const yaml_node_t *node,
      const char *path, const char *format, ...)
{
	char message[CONFIG_ERROR_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (section->port == NO_PORT)
		return fault_at(loader->origins->file, line_of(node), loader->error, "%s%s%s", path,
				*path != '\0' ? ": " : "", message);
	return fault_at(loader->origins->file, line_of(node), loader->error, "ports[%d]%s%s: %s",
			section->port, *path != '\0' ? "." : "", path, message);
}

/* A scalar with something in it, as text. */
static int
check_text(const struct loader *loader, const struct section *section, const struct option *option,
	   const yaml_node_t *node)
{
	char wanted[OPTION_TEXT_SIZE];

	option_describe(option, wanted, sizeof(wanted));
	if (!is_text(node))
		return fault(loader, section, node, option->path, "is %s; want %s", kind_of(node),
			     wanted);
	if (strlen(text_of(node)) != node->data.scalar.length)
		return fault(loader, section, node, option->path, "holds a NUL byte; want %s",
			     wanted);
	if (node->data.scalar.length == 0)
		return fault(loader, section, node, option->path, "has no value; want %s", wanted);
	return 0;
}

static int
load_value(struct loader *loader, const struct section *section, const struct option *option,
	   const yaml_node_t *node)
{
	char why[CONFIG_ERROR_SIZE];
	int status = check_text(loader, section, option, node);

	if (status != 0)
		return status;
	status = option_set(option, section->object, text_of(node), why, sizeof(why));
	if (status != 0)
		fault(loader, section, node, option->path, "%s", why);
	return status;
}

static int
check_list(const struct loader *loader, const struct section *section, const struct option *option,
	   const yaml_node_t *node)
{
	if (node->type == YAML_SEQUENCE_NODE)
		return 0;
	return fault(loader, section, node, option->path, "is %s; want a list%s%s%s", kind_of(node),
		     is_text(node) ? ", as in [" : "", is_text(node) ? text_of(node) : "",
		     is_text(node) ? "]" : " of mappings, each beginning with a dash");
}

static int
load_list(struct loader *loader, const struct section *section, const struct option *option,
	  const yaml_node_t *node)
{
	int status = check_list(loader, section, option, node);

	if (status != 0)
		return status;
	option_reset(option, section->object);
	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top && status == 0; item++)
		status = load_value(loader, section, option,
				    yaml_document_get_node(&loader->document, *item));
	return status;
}

static int load_mapping(struct loader *loader, const struct section *section, const char *prefix,
			const yaml_node_t *node);

static int
load_ports(struct loader *loader, const struct section *section, const struct option *option,
	   const yaml_node_t *node)
{
	struct config *config = loader->config;
	int status = check_list(loader, section, option, node);

	if (status != 0)
		return status;
	config->port_count = 0;
	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top && status == 0; item++) {
		yaml_node_t *mapping = yaml_document_get_node(&loader->document, *item);
		struct section port = {.rows = port_options,
				       .count = port_options_count,
				       .port = (int)config->port_count};

		if (config->port_count == CONFIG_PORTS_MAX)
			return fault(loader, section, mapping, option->path,
				     "more than %d ports; leave some out", CONFIG_PORTS_MAX);
		port.object = &config->ports[config->port_count];
		port_defaults(port.object, config->port_count++);
		origins_note(loader->origins, NULL, port.port, line_of(mapping));
		status = load_mapping(loader, &port, "", mapping);
	}
	return status;
}

/* Whether some row lies in the mapping of that name. */
static bool
is_section(const struct section *section, const char *path)
{
	size_t length = strlen(path);

	for (unsigned int i = 0; i < section->count; i++)
		if (strncmp(section->rows[i].path, path, length) == 0 &&
		    section->rows[i].path[length] == '.')
			return true;
	return false;
}

/* Appends "a, b and so on": the keys that the mapping `prefix` of the section may have. */
static void
list_keys(const struct section *section, const char *prefix, char *text, size_t size)
{
	size_t length = strlen(prefix), used = 0;
	const char *before = "";

	text[0] = '\0';
	for (unsigned int i = 0; i < section->count && used < size; i++) {
		const char *path = section->rows[i].path, *key = path + length;
		int width;

		if (strncmp(path, prefix, length) != 0)
			continue;
		width = (int)strcspn(key, ".");
		/* worker.count, worker.cores … are one key here; they stand together in the table */
		if (i > 0 && key[width] == '.' &&
		    strncmp(section->rows[i - 1].path, path, length + (size_t)width + 1) == 0)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%.*s", before, width, key);
		before = ", ";
	}
}

static int
fault_unknown(const struct loader *loader, const struct section *section, const char *prefix,
	      const char *path, const yaml_node_t *key)
{
	const struct option *near = option_suggest(section->rows, section->count, path);
	char keys[OPTION_TEXT_SIZE];

	if (near != NULL)
		return fault(loader, section, key, path, "no such option; did you mean %s?",
			     near->path);
	list_keys(section, prefix, keys, sizeof(keys));
	return fault(loader, section, key, path, "no such option; there are %s", keys);
}

static int
load_key(struct loader *loader, const struct section *section, const char *prefix, const char *path,
	 const yaml_node_t *key, const yaml_node_t *value)
{
	const struct option *option = option_find(section->rows, section->count, path);
	char inner[KEY_SIZE + 1];
	unsigned int line;

	if (option == NULL && is_section(section, path)) {
		snprintf(inner, sizeof(inner), "%s.", path);
		return load_mapping(loader, section, inner, value);
	}
	if (option == NULL)
		return fault_unknown(loader, section, prefix, path, key);
	line = origins_line(loader->origins, option, section->port);
	if (line != 0)
		return fault(loader, section, key, path, "given again, after line %u; keep one",
			     line);
	origins_note(loader->origins, option, section->port, line_of(key));
	if (option->type == OPTION_PORTS)
		return load_ports(loader, section, option, value);
	if (option->most_items != 0)
		return load_list(loader, section, option, value);
	return load_value(loader, section, option, value);
}

/* The path of a mapping itself: "worker" of prefix "worker.". */
static const char *
own_path(const char *prefix, char path[KEY_SIZE])
{
	snprintf(path, KEY_SIZE, "%.*s", (int)strcspn(prefix, "."), prefix);
	return path;
}

/* `prefix` is "" or the path of the mapping with a dot behind: "worker." */
static int
load_mapping(struct loader *loader, const struct section *section, const char *prefix,
	     const yaml_node_t *node)
{
	char path[KEY_SIZE], keys[OPTION_TEXT_SIZE];
	int status = 0;

	if (node->type != YAML_MAPPING_NODE) {
		list_keys(section, prefix, keys, sizeof(keys));
		return fault(loader, section, node, own_path(prefix, path),
			     "is %s; want a mapping of %s", kind_of(node), keys);
	}
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top && status == 0; pair++) {
		yaml_node_t *key = yaml_document_get_node(&loader->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(&loader->document, pair->value);

		if (!is_text(key))
			return fault(loader, section, key, own_path(prefix, path),
				     "a key is %s; want the name of an option", kind_of(key));
		snprintf(path, sizeof(path), "%s%s", prefix, text_of(key));
		status = load_key(loader, section, prefix, path, key, value);
	}
	return status;
}

static int
load_root(struct loader *loader, const yaml_node_t *root)
{
	const struct section section = {.rows = config_options,
					.count = config_options_count,
					.object = loader->config,
					.port = NO_PORT};

	if (root->type != YAML_MAPPING_NODE)
		return fault_at(loader->origins->file, line_of(root), loader->error,
				"the file is %s; want a mapping, lines like 'memory: 64M'",
				kind_of(root));
	return load_mapping(loader, &section, "", root);
}

/* libyaml's words for what it could not read, with the line it is on. */
static int
fault_syntax(const yaml_parser_t *parser, const struct loader *loader, const char *text)
{
	size_t line = parser->problem_mark.line + 1;

	if (parser->error == YAML_READER_ERROR) { /* which has an offset only */
		line = 1;
		for (size_t i = 0; i < parser->problem_offset; i++)
			line += text[i] == '\n';
	}
	if (parser->context != NULL)
		return fault_at(
			loader->origins->file, (unsigned int)line, loader->error,
			"not YAML: %s %s that begins on line %zu; mend that line or the one "
			"above",
			parser->problem, parser->context, parser->context_mark.line + 1);
	return fault_at(loader->origins->file, (unsigned int)line, loader->error,
			"not YAML: %s; mend that line or the one above",
			parser->problem != NULL ? parser->problem : "out of memory");
}

/* Reads the one document there may be; none at all leaves everything as it is. */
static int
load_document(yaml_parser_t *parser, struct loader *loader, const char *text)
{
	yaml_node_t *root;
	int status = 0;

	if (!yaml_parser_load(parser, &loader->document))
		return fault_syntax(parser, loader, text);
	root = yaml_document_get_root_node(&loader->document);
	if (root != NULL)
		status = load_root(loader, root);
	yaml_document_delete(&loader->document);
	if (root == NULL || status != 0)
		return status;
	if (!yaml_parser_load(parser, &loader->document))
		return fault_syntax(parser, loader, text);
	root = yaml_document_get_root_node(&loader->document);
	if (root != NULL)
		status = fault_at(loader->origins->file,
				  (unsigned int)loader->document.start_mark.line + 1, loader->error,
				  "a second document begins here; want one in a file");
	yaml_document_delete(&loader->document);
	return status;
}

/* The whole file, to be freed by the caller; NULL with errno if it can't be read or is too large. */
static char *
file_read(const char *path, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), why;
	char *text = fd < 0 ? NULL : malloc(FILE_MAX);
	ssize_t got = 1;

	if (text == NULL) {
		why = errno;
	} else {
		for (*length = 0; got > 0 && *length<FILE_MAX; *length += got> 0 ? (size_t)got : 0)
			got = read(fd, text + *length, FILE_MAX - *length);
		why = got < 0 ? errno : got > 0 ? EFBIG : 0;
	}
	if (fd >= 0)
		close(fd);
	if (why != 0) {
		free(text);
		text = NULL;
	}
	errno = why;
	return text;
}

int
config_read(struct config *config, const char *path, struct origins *origins,
	    char error[CONFIG_ERROR_SIZE])
{
	struct loader loader = {.config = config, .origins = origins, .error = error};
	yaml_parser_t parser;
	size_t length;
	char *text;
	int status;

	memset(origins, 0, sizeof(*origins));
	origins->file = path;
	text = file_read(path, &length);
	if (text == NULL) {
		status = -errno;
		fault_at(path, 0, error, "%s; want a readable YAML file of less than 1 MiB",
			 strerror(-status));
		return status;
	}
	if (!yaml_parser_initialize(&parser)) {
		free(text);
		fault_at(path, 0, error, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	status = load_document(&parser, &loader, text);
	yaml_parser_delete(&parser);
	free(text);
	return status;
}
