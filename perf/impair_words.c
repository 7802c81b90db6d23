/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf/impair_words.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	char *const *words;
	int left;
	struct impairment *what;
	uint32_t *limit;
	char *error;
	size_t error_size;
};

static int
complain(struct reader *reader, const char *what, const char *word)
{
	snprintf(reader->error, reader->error_size, "%s%s%s%s", what, word != NULL ? ": '" : "",
		 word != NULL ? word : "", word != NULL ? "'" : "");
	return -EINVAL;
}

static bool
next_is_number(const struct reader *reader)
{
	return reader->left > 0 && reader->words[0][0] >= '0' && reader->words[0][0] <= '9';
}

static const char *
take(struct reader *reader)
{
	if (reader->left == 0)
		return NULL;
	reader->left--;
	return *reader->words++;
}

static int
take_percent(struct reader *reader, double *value)
{
	const char *word = take(reader);
	char *end;

	if (word == NULL)
		return complain(reader, "a percentage is missing at the end", NULL);
	*value = strtod(word, &end) / 100;
	if (end == word || (strcmp(end, "%") != 0 && *end != '\0') || !(*value >= 0 && *value <= 1))
		return complain(reader, "not a percentage from 0% to 100%", word);
	return 0;
}

static int
take_time(struct reader *reader, uint64_t *microseconds)
{
	static const struct {
		const char *name;
		double microseconds;
	} units[] = {{"", 1}, {"us", 1}, {"usec", 1}, {"ms", 1e3}, {"msec", 1e3}, {"s", 1e6}};
	const char *word = take(reader);
	double number;
	char *end;

	if (word == NULL)
		return complain(reader, "a time is missing at the end", NULL);
	number = strtod(word, &end);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end == word || strcmp(end, units[i].name) != 0)
			continue;
		number *= units[i].microseconds;
		if (!(number >= 0 && number <= 3600e6))
			break;
		*microseconds = (uint64_t)llround(number);
		return 0;
	}
	return complain(reader, "not a time such as 500us, 20ms or 1s (an hour at most)", word);
}

static int
take_count(struct reader *reader, uint32_t *count)
{
	const char *word = take(reader);
	unsigned long number;
	char *end;

	if (word == NULL)
		return complain(reader, "a number is missing at the end", NULL);
	number = strtoul(word, &end, 10);
	if (*word < '0' || *word > '9' || *end != '\0' || number < 1 || number > 1000000)
		return complain(reader, "not a number from 1 to 1000000", word);
	*count = (uint32_t)number;
	return 0;
}

static int
take_loss(struct reader *reader)
{
	int error;

	if (reader->left > 0 && strcmp(reader->words[0], "gemodel") == 0) {
		take(reader);
		error = take_percent(reader, &reader->what->burst_begin);
		return error != 0 ? error : take_percent(reader, &reader->what->burst_end);
	}
	if (reader->left > 0 && strcmp(reader->words[0], "random") == 0)
		take(reader);
	return take_percent(reader, &reader->what->loss);
}

static int
take_delay(struct reader *reader)
{
	int error = take_time(reader, &reader->what->delay);

	if (error == 0 && next_is_number(reader))
		error = take_time(reader, &reader->what->jitter);
	return error;
}

static int
take_word(struct reader *reader)
{
	const char *word = take(reader);

	if (strcmp(word, "loss") == 0)
		return take_loss(reader);
	if (strcmp(word, "duplicate") == 0)
		return take_percent(reader, &reader->what->duplicate);
	if (strcmp(word, "corrupt") == 0)
		return take_percent(reader, &reader->what->corrupt);
	if (strcmp(word, "reorder") == 0)
		return take_percent(reader, &reader->what->reorder);
	if (strcmp(word, "gap") == 0)
		return take_count(reader, &reader->what->gap);
	if (strcmp(word, "delay") == 0)
		return take_delay(reader);
	if (strcmp(word, "limit") == 0)
		return take_count(reader, reader->limit);
	return complain(reader, "none of loss, duplicate, corrupt, reorder, gap, delay, limit",
			word);
}

int
impair_words_read(char *const words[], int count, struct impairment *what, uint32_t *limit,
		  char *error, size_t error_size)
{
	struct reader reader = {.words = words,
				.left = count,
				.what = what,
				.limit = limit,
				.error = error,
				.error_size = error_size};
	int status = 0;

	*what = (struct impairment){0};
	while (status == 0 && reader.left > 0)
		status = take_word(&reader);
	if (status == 0 && what->reorder > 0 && what->delay == 0)
		return complain(&reader, "reorder needs a delay that the others have", NULL);
	if (status == 0 && what->burst_begin > 0 && what->burst_end <= 0)
		return complain(&reader, "loss gemodel would never end", NULL);
	return status;
}
