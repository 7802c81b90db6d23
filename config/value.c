/* SPDX-License-Identifier: BSD-3-Clause */
/* Text into a field, by the type and bounds of the option's row. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"
#include "config/value.h"

static void *
field_of(const struct option *option, void *object, unsigned int item)
{
	return (char *)object + option->offset + item * option->size;
}

static void
present_write(const struct option *option, void *object, unsigned int present)
{
	char *at = (char *)object + option->offset_present;

	if (option->most_items != 0)
		*(unsigned int *)at = present;
	else
		*(bool *)at = present != 0;
}

static void
number_write(const struct option *option, void *field, uint64_t number)
{
	switch (option->size) {
	case 1:
		*(uint8_t *)field = (uint8_t)number;
		break;
	case 2:
		*(uint16_t *)field = (uint16_t)number;
		break;
	case 4:
		*(uint32_t *)field = (uint32_t)number;
		break;
	default:
		*(uint64_t *)field = number;
		break;
	}
}

int
complain(const struct option *option, const char *text, const char *problem, char *why, size_t size)
{
	char wanted[OPTION_TEXT_SIZE];

	option_describe(option, wanted, sizeof(wanted));
	snprintf(why, size, "'%.60s'%s %s; want %s", text, strlen(text) > 60 ? "…" : "", problem,
		 wanted);
	return -EINVAL;
}

bool
digits_parse(const char *text, const char **end, uint64_t *number)
{
	*number = 0;
	for (*end = text; **end >= '0' && **end <= '9'; (*end)++) {
		uint64_t digit = (uint64_t)(**end - '0');

		if (*number > (UINT64_MAX - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	return *end != text;
}

static uint64_t
duration_factor(const char *suffix)
{
	for (unsigned int i = 0; i < DURATION_UNITS; i++)
		if (strcmp(suffix, duration_units[i].suffix) == 0)
			return duration_units[i].factor;
	return 0;
}

/* K, KB and KiB are one thing, in any case. */
static uint64_t
size_factor(const char *suffix)
{
	for (unsigned int i = 0; i < SIZE_UNITS; i++) {
		if (toupper((unsigned char)suffix[0]) != size_units[i].suffix[0])
			continue;
		if (suffix[0] == '\0' || suffix[1] == '\0' || strcasecmp(suffix + 1, "B") == 0 ||
		    strcasecmp(suffix + 1, "iB") == 0)
			return size_units[i].factor;
	}
	return 0;
}

/* The factor of a suffix, 0 if it is none. */
static uint64_t
unit_factor(const struct option *option, const char *suffix)
{
	if (option->type == OPTION_DURATION)
		return duration_factor(suffix);
	if (option->type == OPTION_SIZE)
		return size_factor(suffix);
	return *suffix == '\0' ? 1 : 0;
}

static const char *
number_problem(const struct option *option)
{
	if (option->type == OPTION_SIZE)
		return "is not a size";
	if (option->type == OPTION_DURATION)
		return "is not a duration with its unit (us, ms, s)";
	return "is not a whole number";
}

/* A number with the units of its type; `bare` is what one without unit counts. */
static int
number_parse(const struct option *option, const char *text, uint64_t bare, uint64_t *number,
	     char *why, size_t size)
{
	const char *suffix;
	uint64_t factor;

	if (!digits_parse(text, &suffix, number))
		return complain(option, text, number_problem(option), why, size);
	factor = *suffix == '\0' && bare != 0 ? bare : unit_factor(option, suffix);
	if (factor == 0)
		return complain(option, text, number_problem(option), why, size);
	if (*number > UINT64_MAX / factor || *number * factor > option->most)
		return complain(option, text, "is too large", why, size);
	*number *= factor;
	if (*number < option->least)
		return complain(option, text, "is too small", why, size);
	return 0;
}

bool
boolean_parse(const char *text, bool *value)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*value = i % 2 == 1;
			return true;
		}
	}
	return false;
}

/*
 * The index of a word. YAML tools write an unquoted `on` back as true: where on and off are
 * choices, the other words for yes and no mean them.
 */
static bool
choice_parse(const struct option *option, const char *text, uint64_t *index)
{
	char word[CHOICE_SIZE];
	bool value;

	for (*index = 0; choice_word(option->choices, *index, word); (*index)++)
		if (strcmp(word, text) == 0)
			return true;
	if (!boolean_parse(text, &value))
		return false;
	for (*index = 0; choice_word(option->choices, *index, word); (*index)++)
		if (strcmp(word, value ? "on" : "off") == 0)
			return true;
	return false;
}

static bool
name_is_good(const char *text)
{
	if (*text == '\0' || strcmp(text, ".") == 0 || strcmp(text, "..") == 0 || *text == '-')
		return false;
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && strchr("._-", *text) == NULL)
			return false;
	return true;
}

/* What follows becomes part of a DPDK device argument, where a comma would begin the next one. */
static bool
socket_is_good(const char *text)
{
	if (*text != '/' || text[1] == '\0')
		return false;
	for (; *text != '\0'; text++)
		if (iscntrl((unsigned char)*text) || *text == ',')
			return false;
	return true;
}

/* DDDD:BB:DD.F in hexadecimal, function 0..7 */
static bool
pci_is_good(const char *text)
{
	static const char shape[] = "xxxx:xx:xx.x";
	size_t i;

	for (i = 0; shape[i] != '\0'; i++) {
		bool good = shape[i] == 'x' ? isxdigit((unsigned char)text[i]) != 0
					    : text[i] == shape[i];

		if (!good)
			return false;
	}
	return text[i] == '\0' && text[i - 1] < '8';
}

static bool
file_is_good(const char *text)
{
	size_t i = 0;

	while (text[i] != '\0' && !iscntrl((unsigned char)text[i]))
		i++;
	return i != 0 && text[i] == '\0';
}

static bool
text_is_good(const struct option *option, const char *text)
{
	switch (option->type) {
	case OPTION_NAME:
		return name_is_good(text);
	case OPTION_SOCKET:
		return socket_is_good(text);
	case OPTION_FILE:
		return file_is_good(text);
	case OPTION_PCI:
		return pci_is_good(text);
	default:
		return *text != '\0';
	}
}

/* Six pairs of hexadecimal digits; neither a group's address (multicast) nor all zeros. */
static bool
mac_parse(const char *text, uint8_t mac[6])
{
	unsigned int sum = 0;

	if (strlen(text) != 17)
		return false;
	for (unsigned int i = 0; i < 6; i++, text += 3) {
		char pair[3] = {text[0], text[1], '\0'};

		if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]) ||
		    text[2] != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)strtoul(pair, NULL, 16);
		sum += mac[i];
	}
	return sum != 0;
}

static int
cpus_append(const struct option *option, void *object, const char *text, char *why, size_t size)
{
	unsigned int items = present_read(option, object);
	const char *end;
	uint64_t first, last;

	if (!digits_parse(text, &end, &first))
		return complain(option, text, "is not a CPU or a range of them", why, size);
	last = first;
	if (*end == '-' && !digits_parse(end + 1, &end, &last))
		return complain(option, text, "is not a CPU or a range of them", why, size);
	if (*end != '\0')
		return complain(option, text, "is not a CPU or a range of them", why, size);
	if (last < first)
		return complain(option, text, "is a range that ends before it begins", why, size);
	if (last > option->most)
		return complain(option, text, "is too large", why, size);
	if (last - first >= option->most_items - items) {
		snprintf(why, size, "more than %u CPUs; one a worker", option->most_items);
		return -EINVAL;
	}
	for (uint64_t cpu = first; cpu <= last; cpu++)
		number_write(option, field_of(option, object, items++), cpu);
	present_write(option, object, items);
	return 0;
}

static int
argument_set(char **field, const char *text, char *why, size_t size)
{
	*field = strdup(text);
	if (*field == NULL) {
		snprintf(why, size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	return 0;
}

static int
string_set(const struct option *option, char *field, const char *text, char *why, size_t size)
{
	if (strlen(text) >= option->size)
		return complain(option, text, "is too long", why, size);
	if (!text_is_good(option, text))
		return complain(option, text, "is not what is wanted", why, size);
	memset(field, 0, option->size);
	snprintf(field, option->size, "%s", text);
	return 0;
}

static int
mac_set(const struct option *option, void *object, const char *text, char *why, size_t size)
{
	uint8_t mac[6];

	if (!mac_parse(text, mac))
		return complain(option, text, "is not a MAC address", why, size);
	if ((mac[0] & 1) != 0)
		return complain(option, text, "is the address of a group", why, size);
	memcpy(field_of(option, object, 0), mac, sizeof(mac));
	present_write(option, object, 1);
	return 0;
}

/* Sets one field; a list's item is the next one's place. */
static int
field_set(const struct option *option, void *object, void *field, const char *text, uint64_t bare,
	  char *why, size_t size)
{
	uint64_t number;
	bool value;
	int status;

	switch (option->type) {
	case OPTION_COUNT:
	case OPTION_SIZE:
	case OPTION_DURATION:
		status = number_parse(option, text, bare, &number, why, size);
		if (status == 0)
			number_write(option, field, number);
		return status;
	case OPTION_BOOLEAN:
		if (!boolean_parse(text, &value))
			return complain(option, text, "is neither", why, size);
		*(bool *)field = value;
		return 0;
	case OPTION_CHOICE:
		if (!choice_parse(option, text, &number))
			return complain(option, text, "is not known", why, size);
		number_write(option, field, number);
		return 0;
	case OPTION_NAME:
	case OPTION_SOCKET:
	case OPTION_FILE:
	case OPTION_PCI:
		return string_set(option, field, text, why, size);
	case OPTION_MAC:
		return mac_set(option, object, text, why, size);
	case OPTION_ADDRESS:
		return address_set(option, field, text, true, why, size);
	case OPTION_ADDRESS6:
		return address6_set(option, field, text, true, why, size);
	case OPTION_PREFIX:
		return network_set(option, field, text, why, size);
	case OPTION_ARGUMENT:
		return argument_set(field, text, why, size);
	case OPTION_CPUS:
	case OPTION_PORTS:
		break;
	}
	return -EINVAL;
}

int
option_set(const struct option *option, void *object, const char *text, char *why, size_t size)
{
	unsigned int items = option->most_items != 0 ? present_read(option, object) : 0;
	int status;

	if (option->type == OPTION_CPUS)
		return cpus_append(option, object, text, why, size);
	if (option->most_items != 0 && items == option->most_items) {
		snprintf(why, size, "more than %u; leave some out", option->most_items);
		return -EINVAL;
	}
	status = field_set(option, object, field_of(option, object, items), text, 0, why, size);
	if (status == 0 && option->most_items != 0)
		present_write(option, object, items + 1);
	return status;
}

int
option_set_letter(const struct option *option, void *object, const char *text, char *why,
		  size_t size)
{
	void *field = field_of(option, object, 0);

	if (option->type == OPTION_ADDRESS) {
		const struct config_prefix *prefix = field;

		return address_set(option, field, text, prefix->bits == 0, why, size);
	}
	if (option->type == OPTION_ADDRESS6) {
		const struct config_network *network = field;

		return address6_set(option, field, text, network->bits == 0, why, size);
	}
	return field_set(option, object, field, text, option->letter_unit, why, size);
}

void
option_reset(const struct option *option, void *object)
{
	char why[OPTION_TEXT_SIZE];

	if (option->type == OPTION_ARGUMENT)
		for (unsigned int i = 0; i < present_read(option, object); i++)
			free(*(char **)field_of(option, object, i));
	if (option->most_items != 0 || option->type == OPTION_MAC)
		present_write(option, object, 0);
	if (option->initial != NULL)
		option_set(option, object, option->initial, why, sizeof(why));
}
