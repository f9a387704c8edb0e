/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value: its text as written becomes a member of struct config, or a sentence about what was
 * expected instead. Pure; knows the types of the schema, no YAML. Internal to config/.
 */
#ifndef TD_CONFIG_VALUE_H
#define TD_CONFIG_VALUE_H

#include "config/schema.h"
#include "util/span.h"

#include <tandem/compiler.h>

enum {
	VALUE_WHY_BYTES = 160
};

/* Checks text against field and writes the value (field->size_bytes of it) to storage, which is
 * zeroed. SCHEMA_TRUNK and SCHEMA_SECTION aren't for here. -EINVAL: why says what was expected,
 * storage is untouched. */
td_must_check int value_parse(const struct schema_field *field, struct span text, void *storage,
	char why[VALUE_WHY_BYTES]);

/* Writes what a value of this field may be: "a number from 1 to 65535". */
void value_expected(const struct schema_field *field, char expected[VALUE_WHY_BYTES]);

#endif
