/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the part of a message for which a parser refuses it: without that part, or with a plain one
 * in its place, the parser takes the message.
 */
#ifndef TD_DIFFERENTIAL_CULPRIT_H
#define TD_DIFFERENTIAL_CULPRIT_H

#include "differential/oracle.h"

#include <stddef.h>

enum {
	CULPRIT_NAME_BYTES = 64
};

struct culprit {
	/* A header's canonical name, "(other)" for an unknown one, "start line", "body", or
	 * "several" if no part alone is to blame. */
	char name[CULPRIT_NAME_BYTES];
	size_t start; /* where it stands in the message */
	size_t length;
};

void culprit_find(
	const struct oracle *oracle, const char *bytes, size_t length, struct culprit *ret_culprit);

#endif
