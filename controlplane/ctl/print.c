/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as people read it: aligned columns and tables. */
#include "ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CELL_BYTES = 256,
	COLUMNS_MAX = 16,
	INDENT = 2,
	NAME_WIDTH = 26,
};

void ctl_print_json(const json_t *value)
{
	(void)json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	(void)putchar('\n');
}

/* A value as one word or line; null becomes "-". */
static char *format_cell(const json_t *value, char cell[CELL_BYTES])
{
	char *text;

	switch (value == NULL ? JSON_NULL : json_typeof(value)) {
	case JSON_NULL:
		return strcpy(cell, "-");
	case JSON_STRING:
		(void)snprintf(cell, CELL_BYTES, "%s", json_string_value(value));
		return cell;
	case JSON_TRUE:
		return strcpy(cell, "yes");
	case JSON_FALSE:
		return strcpy(cell, "no");
	case JSON_INTEGER:
	case JSON_REAL:
	case JSON_OBJECT:
	case JSON_ARRAY:
		break;
	}
	text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
	(void)snprintf(cell, CELL_BYTES, "%s", text != NULL ? text : "?");
	free(text);
	return cell;
}

static void print_members(const json_t *object, int indent)
{
	/* jansson's iterators want a pointer that isn't const, and change nothing. */
	json_t *members = (json_t *)(uintptr_t)object;
	const char *name;
	json_t *value;
	char cell[CELL_BYTES];

	json_object_foreach(members, name, value)
	{
		if (json_is_object(value)) {
			(void)printf("%*s%s:\n", indent, "", name);
			print_members(value, indent + INDENT);
		} else {
			(void)printf("%*s%-*s %s\n", indent, "", NAME_WIDTH - indent, name,
				format_cell(value, cell));
		}
	}
}

void ctl_print_object(const json_t *object)
{
	print_members(object, 0);
}

void ctl_print_table(const json_t *array, const char *const *columns)
{
	size_t rows = json_array_size(array);
	size_t widths[COLUMNS_MAX];
	size_t count = 0;
	char cell[CELL_BYTES];

	for (; columns[count] != NULL && count < COLUMNS_MAX; count++) {
		widths[count] = strlen(columns[count]);
		for (size_t row = 0; row < rows; row++) {
			size_t width = strlen(format_cell(
				json_object_get(json_array_get(array, row), columns[count]), cell));

			if (width > widths[count])
				widths[count] = width;
		}
	}
	for (size_t column = 0; column < count; column++)
		(void)printf("%-*s%s", (int)widths[column], columns[column],
			column + 1 == count ? "\n" : "  ");
	for (size_t row = 0; row < rows; row++)
		for (size_t column = 0; column < count; column++)
			(void)printf("%-*s%s", (int)widths[column],
				format_cell(json_object_get(
						    json_array_get(array, row), columns[column]),
					cell),
				column + 1 == count ? "\n" : "  ");
}
