/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks into the table: the row of a key, and what a key that isn't there was meant to be.
 */
#include "config/schema.h"

#include <stdio.h>
#include <string.h>

const struct schema_field *schema_find(const char *section, struct span key)
{
	for (uint32_t i = 0; i < schema_field_count(); i++) {
		if (strcmp(schema_field_at(i)->section, section) == 0 &&
			span_equal(span_from(schema_field_at(i)->key), key))
			return schema_field_at(i);
	}
	return NULL;
}

const char *schema_section_with(struct span key)
{
	for (uint32_t i = 0; i < schema_field_count(); i++) {
		if (span_equal(span_from(schema_field_at(i)->key), key))
			return schema_field_at(i)->section;
	}
	return NULL;
}

void schema_path(const struct schema_field *field, char path[SCHEMA_PATH_BYTES])
{
	(void)snprintf(path, SCHEMA_PATH_BYTES, "%s%s%s", field->section,
		field->section[0] != '\0' ? "." : "", field->key);
}

static uint32_t smallest(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment over three rows; words longer than a row are simply "far". */
uint32_t schema_distance(struct span a, struct span b, uint32_t limit)
{
	enum {
		WORD_MAX = 40
	};
	uint32_t rows[3][WORD_MAX + 1];

	if (a.length > WORD_MAX || b.length > WORD_MAX)
		return limit + 1;
	for (uint32_t j = 0; j <= b.length; j++)
		rows[0][j] = j;
	for (uint32_t i = 1; i <= a.length; i++) {
		uint32_t *now = rows[i % 3];
		const uint32_t *last = rows[(i + 2) % 3];
		const uint32_t *before = rows[(i + 1) % 3];

		now[0] = i;
		for (uint32_t j = 1; j <= b.length; j++) {
			uint32_t change = a.text[i - 1] != b.text[j - 1];

			now[j] = smallest(
				smallest(last[j] + 1, now[j - 1] + 1), last[j - 1] + change);
			if (i > 1 && j > 1 && a.text[i - 1] == b.text[j - 2] &&
				a.text[i - 2] == b.text[j - 1])
				now[j] = smallest(now[j], before[j - 2] + 1);
		}
	}
	return smallest(rows[a.length % 3][b.length], limit + 1);
}

const char *schema_suggest(const char *section, struct span key)
{
	const char *best = NULL;
	uint32_t best_distance = UINT32_MAX;

	for (uint32_t i = 0; i < schema_field_count(); i++) {
		struct span word = span_from(schema_field_at(i)->key);
		uint32_t limit = word.length <= 4 ? 1 : 2;
		uint32_t distance;

		if (strcmp(schema_field_at(i)->section, section) != 0)
			continue;
		distance = schema_distance(key, word, limit);
		if (distance <= limit && distance < best_distance) {
			best = schema_field_at(i)->key;
			best_distance = distance;
		}
	}
	return best;
}
