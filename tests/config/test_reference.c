/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The option tables of docs/operations.md are those of the code. UPDATE_DOCS=1 in the environment
 * writes them anew instead of only comparing.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "tests/suite.h"

static const char document[] = "docs/operations.md";
static const char begins[] =
	"<!-- options begin: written by build/tests/config/test_reference -->\n";
static const char ends[] = "<!-- options end -->\n";

/* The whole file, to be freed; NULL if there is none. */
static char *
file_text(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;

	if (file == NULL)
		return NULL;
	if (getdelim(&text, &room, '\0', file) < 0) {
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

static char *
reference(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	if (file == NULL)
		abort();
	config_reference(file);
	fclose(file);
	return text;
}

/* Writes the document with the tables between its marks replaced. */
static void
update(const char *text, const char *from, const char *to, const char *tables)
{
	FILE *file = fopen(document, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fprintf(file, "%.*s%s%s", (int)(from - text), text, tables, to);
	CU_ASSERT_EQUAL(fclose(file), 0);
}

static void
documentation_lists_the_options_of_the_code(void)
{
	char *text = file_text(document), *tables = reference(), *from, *to;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	from = strstr(text, begins);
	to = strstr(text, ends);
	CU_ASSERT_PTR_NOT_NULL_FATAL(from);
	CU_ASSERT_PTR_NOT_NULL_FATAL(to);
	from += strlen(begins);
	if (getenv("UPDATE_DOCS") != NULL) {
		update(text, from, to, tables);
	} else if ((size_t)(to - from) != strlen(tables) ||
		   strncmp(from, tables, strlen(tables)) != 0) {
		CU_FAIL("the tables are not those of the code");
		printf("\n  mend: UPDATE_DOCS=1 build/tests/config/test_reference\n");
	}
	free(text);
	free(tables);
}

SUITE("config reference", TEST(documentation_lists_the_options_of_the_code))
