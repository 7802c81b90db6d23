/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * options.h - the option table: one row an option, and everything that is derived from a row.
 *
 *     options.c       the rows
 *     value.c         text -> field of a struct, by the row's type and bounds
 *     format.c        field -> text
 *     address.c       the two of them for addresses and prefixes
 *     load.c          YAML -> rows          command_line.c   argv -> rows
 *     check.c         what rows must hold together
 *     print.c         rows -> YAML
 *     help.c          rows -> --help and the reference in the documentation
 *     origin.c        where a setting was said, for errors
 *     suggest.c       which option was meant
 *
 * Private to config/. To add an option: add its field to config.h and its row to options.c.
 */
#ifndef JACKDAW_OPTIONS_H
#define JACKDAW_OPTIONS_H

#include "config/config.h"

enum option_type {
	OPTION_COUNT,	 /* whole number */
	OPTION_SIZE,	 /* bytes: 512, 64K, 1M, 2G; powers of 1024 */
	OPTION_DURATION, /* microseconds in the struct; 50us, 2ms, 1s in the file */
	OPTION_BOOLEAN,	 /* as YAML has it: true, yes, on; false, no, off */
	OPTION_CHOICE,	 /* one of a list of words */
	OPTION_CPUS,	 /* list: CPU numbers and ranges, 3 or 4-7 */
	OPTION_NAME,	 /* letters, digits, '.', '_' and '-' */
	OPTION_SOCKET,	 /* absolute path */
	OPTION_FILE,	 /* any path */
	OPTION_PCI,	 /* PCI address, 0000:3b:00.0 */
	OPTION_MAC,	 /* MAC address of one station, 02:00:00:00:00:01 */
	OPTION_ADDRESS,	 /* IPv4 address with the length of its subnet, 10.77.0.1/24 */
	OPTION_ADDRESS6, /* the same of IPv6, fd77::1/64 */
	OPTION_PREFIX, /* IPv4 or IPv6 prefix, 10.0.0.0/8; a bare address is one of itself alone */
	OPTION_ARGUMENT, /* any text, allocated */
	OPTION_PORTS,	 /* list of mappings, each described by port_options */
};

struct option {
	const char *path; /* as in the file: "worker.idle" is key idle of mapping worker */
	enum option_type type;
	size_t offset;		 /* of the field (for a list: of its first element) in the struct */
	size_t size;		 /* bytes of the field or element */
	size_t offset_present;	 /* list: unsigned int, how many; OPTION_MAC: bool, whether set */
	unsigned int most_items; /* not 0: this is a list, of at most so many */
	uint64_t least, most;	 /* COUNT, SIZE, DURATION: bounds, both allowed */
	const char *choices;	 /* CHOICE: the words, "|" between them, in the order of the enum */
	const char *initial;	 /* default as the file would say it; NULL: unset, empty */
	bool reloadable;	 /* may change while the appliance runs */
	char letter;		 /* memcached's option on the command line; 0: none */
	const char *long_name;	 /* the same spelt out, without its dashes */
	uint64_t letter_unit;	 /* what a bare number counts there, if not what it does here */
	const char *help;	 /* a sentence, lower case, without its full stop */
};

/* The rows of struct config and of struct config_port. */
extern const struct option config_options[];
extern const unsigned int config_options_count;
extern const struct option port_options[];
extern const unsigned int port_options_count;

/* Which rows of port_options a driver takes, and which of those it can't do without. */
struct driver_rule {
	const char *name;
	const char *needs; /* paths, each between spaces: " interface address " */
	const char *takes;
};
extern const struct driver_rule driver_rules[]; /* by enum config_driver */

/* Whether ports of the driver take, need the option (a row of port_options). */
bool driver_takes(enum config_driver driver, const struct option *option);
bool driver_needs(enum config_driver driver, const struct option *option);

/* The row with that path, or NULL. */
const struct option *option_find(const struct option *rows, unsigned int count, const char *path);

/* Fills a port with the defaults of its rows; index makes its default name. */
void port_defaults(struct config_port *port, unsigned int index);

/* --- value.c, format.c: one value of one row ------------------------------------------------------ */

/* Least memory for a worker (whose open segments are its own) or a shard, bytes. */
#define MEMORY_PER_PART (UINT64_C(8) << 20)

enum {
	OPTION_TEXT_SIZE = 256, /* room for any value or description below */
};

/*
 * Sets the row's field in *object from text; of a list, appends to it. 0, or -EINVAL (-ENOMEM)
 * with why = "what is wrong; what would be right", *object unchanged.
 */
int option_set(const struct option *option, void *object, const char *text, char *why, size_t size);

/* The same for text from the command line, where a bare number may count another unit. */
int option_set_letter(const struct option *option, void *object, const char *text, char *why,
		      size_t size);

/* Sets the row to its default: for a list, to that one item or to none. */
void option_reset(const struct option *option, void *object);

/* How many values the row holds: a list its length; MAC and texts 0 if unset; others 1. */
unsigned int option_items(const struct option *option, const void *object);

/* Writes value `item` of the row as option_set reads it, unquoted. */
void option_format(const struct option *option, const void *object, unsigned int item, char *text,
		   size_t size);

/* Describes what the row takes: "a size from 16M to 1T", "spin or adaptive". */
void option_describe(const struct option *option, char *text, size_t size);

/* True if the text means yes or no to YAML, and then which. */
bool boolean_parse(const char *text, bool *value);

/* --- origin.c: where each setting was said, for errors that are found later -------------- */

enum {
	ORIGINS_MAX = 64 + CONFIG_PORTS_MAX * 24,
	NO_PORT = -1,
};

struct origin {
	const struct option *option; /* NULL: the port as a whole */
	int port;		     /* index, or NO_PORT */
	unsigned int line;	     /* of the file; 0: said on the command line */
};

struct origins {
	const char *file; /* name of the file, or NULL if there was none */
	unsigned int count;
	struct origin said[ORIGINS_MAX];
};

/* Notes that a setting was said (again); `line` is 0 for the command line. */
void origins_note(struct origins *origins, const struct option *option, int port,
		  unsigned int line);

/* Whether a setting was said at all. */
bool origins_said(const struct origins *origins, const struct option *option, int port);

/* The line that a setting was said on, 0 if it was not said in the file. */
unsigned int origins_line(const struct origins *origins, const struct option *option, int port);

/*
 * Writes "PLACE: OPTION: message" and returns -EINVAL. PLACE is FILE:LINE of the setting or, if
 * it was never said, of its port, or the file; or "command line".
 */
int origins_fault(const struct origins *origins, const struct option *option, int port,
		  char error[CONFIG_ERROR_SIZE], const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Writes "FILE:LINE: message" (line 0: "FILE: message") and returns -EINVAL. One line, whatever
 * the input held: control characters become '?'. */
int fault_at(const char *file, unsigned int line, char error[CONFIG_ERROR_SIZE], const char *format,
	     ...) __attribute__((format(printf, 4, 5)));

/* --- load.c, check.c, suggest.c ---------------------------------------------------------- */

/* Reads the file over *config and notes where each setting was said. Errors as config_load; on
 * an error *config may be half filled. */
int config_read(struct config *config, const char *path, struct origins *origins,
		char error[CONFIG_ERROR_SIZE]);

/* Fills in what one setting says of another: worker.cores alone gives worker.count. */
void config_settle(struct config *config, const struct origins *origins);

/* Checks what settings must hold together. need_ports: none is an error. */
int config_check(const struct config *config, const struct origins *origins, bool need_ports,
		 char error[CONFIG_ERROR_SIZE]);

/* Copies from into *to, which must own nothing. 0 or -ENOMEM with *to owning nothing. */
int config_copy(struct config *to, const struct config *from);

/*
 * The row that somebody who wrote `path` is likely to have meant, or NULL if none is near. Letter
 * case, '-' for '_', a letter or two and a forgotten mapping ("idle" for "worker.idle") count as
 * near.
 */
const struct option *option_suggest(const struct option *rows, unsigned int count,
				    const char *path);

#endif
