/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as a trunk writes them, and as E.164 ("+4930123", E.164 6.2.1): one into the other by the
 * trunk's numbering plan. Whatever isn't a plain number (letters, too many digits, short numbers)
 * stays as it is. Pure.
 */
#ifndef TD_IDENTITY_NUMBER_H
#define TD_IDENTITY_NUMBER_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	IDENTITY_NUMBER_BYTES = 64,
};

/* Writes what number, received from a trunk with that plan, is in E.164, zero-terminated and cut
 * to size bytes only if it stays as it is. number may be result. */
void identity_number_in(
	const struct config_numbers *plan, const char *number, char *result, size_t size);

/* Writes how number must be written towards a trunk with that plan; like above. */
void identity_number_out(
	const struct config_numbers *plan, const char *number, char *result, size_t size);

/* True if text is "+" and 1 to 15 digits. */
bool identity_is_e164(const char *text);

#endif
