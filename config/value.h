/* SPDX-License-Identifier: BSD-3-Clause */
/* value.h - what value.c (text to fields) and format.c (fields to text) share. */
#ifndef JACKDAW_VALUE_H
#define JACKDAW_VALUE_H

#include "config/options.h"

/* A suffix and what it multiplies a number by; largest first. */
struct unit {
	const char *suffix;
	uint64_t factor;
};

enum {
	SIZE_UNITS = 5,
	DURATION_UNITS = 3,
	CHOICE_SIZE = 32, /* room for the longest word of a choice */
};
extern const struct unit size_units[SIZE_UNITS];
extern const struct unit duration_units[DURATION_UNITS];

/* A list's length; whether a MAC is set. */
unsigned int present_read(const struct option *option, const void *object);

/* Copies word `index` of "a|b|c"; false if there are fewer. */
bool choice_word(const char *choices, uint64_t index, char word[CHOICE_SIZE]);

/* Writes "'TEXT' problem; want what the row takes" and returns -EINVAL. */
int complain(const struct option *option, const char *text, const char *problem, char *why,
	     size_t size);

/* Reads digits, all of them; *end is after them. False without any, or if they overflow. */
bool digits_parse(const char *text, const char **end, uint64_t *number);

/* --- address.c ---------------------------------------------------------------------------- */

/* Our own address, of IPv4 and IPv6; without needs_bits the field's subnet stays if none is said. */
int address_set(const struct option *option, struct config_prefix *field, const char *text,
		bool needs_bits, char *why, size_t size);
int address6_set(const struct option *option, struct config_network *field, const char *text,
		 bool needs_bits, char *why, size_t size);

/* A prefix of either. */
int network_set(const struct option *option, struct config_network *field, const char *text,
		char *why, size_t size);

/* Writes "10.0.0.0/8", "fd00::/8". */
void prefix_format(const struct config_prefix *prefix, char *text, size_t size);
void network_format(const struct config_network *network, char *text, size_t size);

#endif
