/* SPDX-License-Identifier: BSD-3-Clause */
/* A field into text, and what an option takes in words. */
#include <inttypes.h>
#include <string.h>

#include "config/options.h"
#include "config/value.h"

const struct unit size_units[] = {
	{"T", UINT64_C(1) << 40},
	{"G", UINT64_C(1) << 30},
	{"M", UINT64_C(1) << 20},
	{"K", UINT64_C(1) << 10},
	{"", 1},
};
const struct unit duration_units[] = {{"s", 1000000}, {"ms", 1000}, {"us", 1}};

unsigned int
present_read(const struct option *option, const void *object)
{
	const char *at = (const char *)object + option->offset_present;

	if (option->most_items != 0)
		return *(const unsigned int *)at;
	return *(const bool *)at;
}

static uint64_t
number_read(const struct option *option, const void *field)
{
	switch (option->size) {
	case 1:
		return *(const uint8_t *)field;
	case 2:
		return *(const uint16_t *)field;
	case 4:
		return *(const uint32_t *)field;
	default:
		return *(const uint64_t *)field;
	}
}

static void
units_format(const struct unit *units, unsigned int count, uint64_t number, char *text, size_t size)
{
	unsigned int i = 0;

	while (i + 1 < count && (number == 0 || number % units[i].factor != 0))
		i++;
	snprintf(text, size, "%" PRIu64 "%s", number / units[i].factor, units[i].suffix);
}

static void
number_format(const struct option *option, uint64_t number, char *text, size_t size)
{
	if (option->type == OPTION_SIZE)
		units_format(size_units, SIZE_UNITS, number, text, size);
	else if (option->type == OPTION_DURATION)
		units_format(duration_units, DURATION_UNITS, number, text, size);
	else
		snprintf(text, size, "%" PRIu64, number);
}

bool
choice_word(const char *choices, uint64_t index, char word[CHOICE_SIZE])
{
	while (index > 0 && *choices != '\0')
		if (*choices++ == '|')
			index--;
	if (*choices == '\0')
		return false;
	snprintf(word, CHOICE_SIZE, "%.*s", (int)strcspn(choices, "|"), choices);
	return true;
}

/* "a, b or c" */
static void
choices_describe(const char *choices, char *text, size_t size)
{
	char word[CHOICE_SIZE], next[CHOICE_SIZE];
	size_t used = 0;

	for (unsigned int i = 0; choice_word(choices, i, word) && used < size; i++) {
		bool last = !choice_word(choices, i + 1, next);
		const char *before = i == 0 ? "" : last ? " or " : ", ";

		used += (size_t)snprintf(text + used, size - used, "%s%s", before, word);
	}
}

static void
bounds_describe(const struct option *option, const char *what, char *text, size_t size)
{
	char least[32], most[32];

	number_format(option, option->least, least, sizeof(least));
	number_format(option, option->most, most, sizeof(most));
	snprintf(text, size, "%s from %s to %s", what, least, most);
}

void
option_describe(const struct option *option, char *text, size_t size)
{
	switch (option->type) {
	case OPTION_COUNT:
		bounds_describe(option, "a whole number", text, size);
		break;
	case OPTION_SIZE:
		bounds_describe(option, "a size", text, size);
		break;
	case OPTION_DURATION:
		bounds_describe(option, "a duration", text, size);
		break;
	case OPTION_BOOLEAN:
		snprintf(text, size, "true or false");
		break;
	case OPTION_CHOICE:
		choices_describe(option->choices, text, size);
		break;
	case OPTION_CPUS:
		bounds_describe(option, "a CPU number", text, size);
		break;
	case OPTION_NAME:
		snprintf(text, size, "a name of at most %zu letters, digits, '.', '_' and '-'",
			 option->size - 1);
		break;
	case OPTION_SOCKET:
		snprintf(text, size, "an absolute path of at most %zu bytes without a comma",
			 option->size - 1);
		break;
	case OPTION_FILE:
		snprintf(text, size, "a path of at most %zu bytes", option->size - 1);
		break;
	case OPTION_PCI:
		snprintf(text, size, "a PCI address like 0000:3b:00.0");
		break;
	case OPTION_MAC:
		snprintf(text, size, "the MAC address of one station, like 02:00:00:00:00:01");
		break;
	case OPTION_ADDRESS:
		snprintf(text, size, "an IPv4 address and its subnet's length, like 10.77.0.1/24");
		break;
	case OPTION_ADDRESS6:
		snprintf(text, size, "an IPv6 address and its subnet's length, like fd77::1/64");
		break;
	case OPTION_PREFIX:
		snprintf(text, size, "an IPv4 or IPv6 prefix like 10.0.0.0/8 or fd00::/8");
		break;
	case OPTION_ARGUMENT:
		snprintf(text, size, "an argument as text");
		break;
	case OPTION_PORTS:
		snprintf(text, size, "a mapping with a driver and an address");
		break;
	}
}

unsigned int
option_items(const struct option *option, const void *object)
{
	const char *field = (const char *)object + option->offset;

	if (option->most_items != 0 || option->type == OPTION_MAC)
		return present_read(option, object);
	switch (option->type) {
	case OPTION_NAME:
	case OPTION_SOCKET:
	case OPTION_FILE:
	case OPTION_PCI:
		return *field != '\0';
	case OPTION_ADDRESS:
		return ((const struct config_prefix *)field)->address != 0;
	case OPTION_ADDRESS6:
		return ((const struct config_network *)field)->bits != 0;
	default:
		return 1;
	}
}

void
option_format(const struct option *option, const void *object, unsigned int item, char *text,
	      size_t size)
{
	const char *field = (const char *)object + option->offset + item * option->size;
	const uint8_t *mac = (const uint8_t *)field;
	char word[CHOICE_SIZE] = "";

	switch (option->type) {
	case OPTION_COUNT:
	case OPTION_SIZE:
	case OPTION_DURATION:
	case OPTION_CPUS:
		number_format(option, number_read(option, field), text, size);
		break;
	case OPTION_BOOLEAN:
		snprintf(text, size, "%s", *(const bool *)field ? "true" : "false");
		break;
	case OPTION_CHOICE:
		choice_word(option->choices, number_read(option, field), word);
		snprintf(text, size, "%s", word);
		break;
	case OPTION_NAME:
	case OPTION_SOCKET:
	case OPTION_FILE:
	case OPTION_PCI:
		snprintf(text, size, "%s", field);
		break;
	case OPTION_MAC:
		snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
			 mac[3], mac[4], mac[5]);
		break;
	case OPTION_ADDRESS:
		prefix_format((const struct config_prefix *)field, text, size);
		break;
	case OPTION_ADDRESS6:
	case OPTION_PREFIX:
		network_format((const struct config_network *)field, text, size);
		break;
	case OPTION_ARGUMENT:
		snprintf(text, size, "%s", *(char *const *)field);
		break;
	case OPTION_PORTS:
		snprintf(text, size, "%s", ((const struct config_port *)field)->name);
		break;
	}
}
